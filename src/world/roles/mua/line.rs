//! An open connection of a mail program that stays logged in: the driver runs beside the person's acts, is given
//! orders, and passes on what the server says. Tearing it down is what a dropped connection looks like.

use super::Client;
use crate::proto::{Machine, imap, pop3};
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::net::Connection;
use crate::world::scenario::RoleKind;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A machine that takes orders.
pub trait Ordered: Machine + Send + 'static {
    /// What it can be told.
    type Order: Send + 'static;

    /// Do this.
    fn order(&mut self, order: Self::Order);
}

impl Ordered for pop3::client::Session {
    type Order = Vec<pop3::grammar::Command>;

    fn order(&mut self, commands: Self::Order) {
        self.ask(commands);
    }
}

/// What an IMAP session can be told.
pub enum Say {
    /// These commands.
    Commands(Vec<imap::types::CommandBody>),
    /// DONE: the end of IDLE.
    Done,
}

impl Ordered for imap::client::Session {
    type Order = Say;

    fn order(&mut self, say: Say) {
        match say {
            Say::Commands(commands) => self.ask(commands),
            Say::Done => self.done(),
        }
    }
}

/// An open connection.
pub struct Line<M: Ordered> {
    /// The server's name.
    pub server: String,
    orders: UnboundedSender<M::Order>,
    events: UnboundedReceiver<M::Event>,
    driving: JoinHandle<()>,
}

impl<M: Ordered> Line<M>
where
    M::Event: Send + 'static,
{
    /// Let `machine` talk over a connection to `server`.
    pub fn open(
        mua: &Client,
        role: RoleKind,
        mut machine: M,
        connection: Connection,
        server: String,
    ) -> Self {
        let (orders, waiting) = unbounded_channel();
        let (heard, events) = unbounded_channel();
        let (clock, mut edits) = (mua.world.clock, mua.world.edits(connection.conn, Direction::Client));
        let mut wire = mua.wire(role, &server, connection);
        let driving = tokio::spawn(async move {
            let mut desk = Desk::<M> { orders: waiting, next: None, heard };
            // How it ends is on the wire, and whoever gives orders hears it from the machine.
            let _ = drive(&mut machine, &mut wire, clock, &mut desk, &mut edits).await;
        });
        Line { server, orders, events, driving }
    }

    /// Give an order. Where the connection is gone, the next [`Line::hear`] says so.
    pub fn order(&self, order: M::Order) {
        let _ = self.orders.send(order);
    }

    /// The next thing that happened; `None` when nothing more will.
    pub async fn hear(&mut self) -> Option<M::Event> {
        self.events.recv().await
    }

    /// Whether the connection is gone.
    pub fn is_gone(&self) -> bool {
        self.driving.is_finished()
    }

    /// The connection drops: nobody says good-bye.
    pub async fn tear(self) {
        self.driving.abort();
        // That it was cut short is what was wanted.
        let _ = self.driving.await;
    }
}

/// Passes orders in, and what happens out.
struct Desk<M: Ordered> {
    orders: UnboundedReceiver<M::Order>,
    next: Option<M::Order>,
    heard: UnboundedSender<M::Event>,
}

impl<M: Ordered> Owner<M> for Desk<M>
where
    M::Event: Send + 'static,
{
    async fn on_event(&mut self, _: &mut M, event: M::Event) -> Flow {
        // Nobody may listen any more: then there is nobody to miss it.
        let _ = self.heard.send(event);
        Flow::Continue
    }

    async fn news(&mut self) {
        match self.orders.recv().await {
            Some(order) => self.next = Some(order),
            None => std::future::pending().await,
        }
    }

    fn tell(&mut self, machine: &mut M) {
        if let Some(order) = self.next.take() {
            machine.order(order);
        }
    }
}
