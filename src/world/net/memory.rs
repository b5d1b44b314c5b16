//! The simulated internet: hosts by address, links between them, everything recorded where it leaves a host.
//!
//! A connection takes a round trip to open, as TCP's handshake does: SYN recorded when it leaves, the caller may
//! write after two latencies, the listener is told after three.

use super::pipe::{self, LinkManner};
use super::{BoxFuture, Connection, Listener, Network, Responder};
use crate::trace::tap::Tap;
use crate::trace::{CloseHow, Direction, Transport};
use crate::world::clock::Clock;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a caller waits for an answer to its SYN.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The first port that callers are given (RFC 6335 §6: the dynamic ports).
const FIRST_DYNAMIC_PORT: u16 = 49152;

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Up,
    /// The host says at once that nobody listens.
    Refused,
    /// Nothing answers at all.
    Silent,
}

/// What the network asks of the world: how a link behaves, and who is up.
pub trait Terrain: Send + Sync {
    /// The manner of the link between two addresses.
    fn link(&self, from: IpAddr, to: IpAddr) -> LinkManner;
    /// Whether the service at an address answers at this moment of the story (time since its start).
    fn health(&self, at: SocketAddr, elapsed: Duration) -> Health;
}

/// The simulated internet. Clones are the same one.
#[derive(Clone)]
pub struct MemoryNet {
    tap: Tap,
    clock: Clock,
    terrain: Arc<dyn Terrain>,
    tables: Arc<Mutex<Tables>>,
    /// Whether a way that takes no time is gone at once, without a turn of the timer: on the real clock the shortest
    /// sleep lasts a millisecond.
    prompt: bool,
}

#[derive(Default)]
struct Tables {
    listeners: BTreeMap<SocketAddr, mpsc::UnboundedSender<Connection>>,
    responders: BTreeMap<SocketAddr, Responder>,
    /// The next dynamic port of each address.
    ports: BTreeMap<IpAddr, u16>,
}

impl MemoryNet {
    /// An internet without hosts yet.
    pub fn new(tap: Tap, clock: Clock, terrain: Arc<dyn Terrain>) -> Self {
        MemoryNet { tap, clock, terrain, tables: Arc::default(), prompt: false }
    }

    /// The same for the real clock: where a link has no latency, nobody waits.
    #[must_use]
    pub fn prompt(self) -> Self {
        MemoryNet { prompt: true, ..self }
    }

    /// Whether somebody listens there.
    pub fn listens(&self, at: SocketAddr) -> bool {
        self.tables().listeners.contains_key(&at)
    }

    /// Hand a stream from outside to whoever listens at its [`Connection::local`] address.
    ///
    /// # Errors
    /// The connection, where nobody does, or the service is down.
    pub fn hand_over(&self, connection: Connection) -> Result<(), Connection> {
        let at = connection.local;
        let listener = self.tables().listeners.get(&at).cloned();
        match (self.terrain.health(at, self.clock.elapsed()), listener) {
            (Health::Up, Some(listener)) => listener.send(connection).map_err(|sent| sent.0),
            _ => Err(connection),
        }
    }

    /// What the service at an address answers to a datagram from outside; nothing where it is down, or silent.
    pub fn answer(&self, at: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let responder = self.tables().responders.get(&at).cloned();
        let up = self.terrain.health(at, self.clock.elapsed()) == Health::Up;
        responder.filter(|_| up).and_then(|answer| answer(datagram))
    }

    /// So much of the way is gone.
    async fn way(&self, time: Duration) {
        if !(self.prompt && time.is_zero()) {
            tokio::time::sleep(time).await;
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dynamic_port(&self, address: IpAddr) -> SocketAddr {
        let mut tables = self.tables();
        let port = tables.ports.entry(address).or_insert(FIRST_DYNAMIC_PORT);
        let given = *port;
        *port = port.checked_add(1).unwrap_or(FIRST_DYNAMIC_PORT);
        SocketAddr::new(address, given)
    }

    async fn call(self, from: IpAddr, to: SocketAddr) -> io::Result<Connection> {
        let local = self.dynamic_port(from);
        let manner = self.terrain.link(from, to.ip());
        let conn = self.tap.open(self.clock.now(), Transport::Tcp, local, to);
        let listener = self.tables().listeners.get(&to).cloned();
        let listener = match (self.terrain.health(to, self.clock.elapsed()), listener) {
            (Health::Up, Some(listener)) => listener,
            (Health::Silent, _) => {
                tokio::time::sleep(CONNECT_TIMEOUT).await;
                self.tap.close(self.clock.now(), conn, Direction::Client, CloseHow::Timeout);
                return Err(io::ErrorKind::TimedOut.into());
            }
            (Health::Refused, _) | (Health::Up, None) => {
                self.way(manner.latency).await;
                self.tap.close(self.clock.now(), conn, Direction::Server, CloseHow::Refused);
                self.way(manner.latency).await;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        };
        self.way(manner.latency * 2).await;
        let (client, server) = pipe::pair(&self.tap, self.clock, conn, manner);
        let accepted = Connection::new(Box::new(server), conn, to, local);
        tokio::spawn(async move {
            self.way(manner.latency).await;
            // A listener that is gone by now drops the connection, which resets it.
            let _ = listener.send(accepted);
        });
        Ok(Connection::new(Box::new(client), conn, local, to))
    }

    async fn ask(
        self,
        from: IpAddr,
        to: SocketAddr,
        datagram: Vec<u8>,
        timeout: Duration,
    ) -> io::Result<Vec<u8>> {
        let local = self.dynamic_port(from);
        let manner = self.terrain.link(from, to.ip());
        let conn = self.tap.open(self.clock.now(), Transport::Udp, local, to);
        self.tap.data(self.clock.now(), conn, Direction::Client, &datagram);
        self.way(manner.latency).await;
        let responder = self.tables().responders.get(&to).cloned();
        let up = self.terrain.health(to, self.clock.elapsed()) == Health::Up;
        let answer = responder.filter(|_| up).and_then(|answer| answer(&datagram));
        let Some(answer) = answer else {
            tokio::time::sleep(timeout.saturating_sub(manner.latency)).await;
            self.tap.close(self.clock.now(), conn, Direction::Client, CloseHow::Timeout);
            return Err(io::ErrorKind::TimedOut.into());
        };
        self.tap.data(self.clock.now(), conn, Direction::Server, &answer);
        self.way(manner.latency).await;
        Ok(answer)
    }
}

impl Network for MemoryNet {
    fn connect(&self, from: IpAddr, to: SocketAddr) -> BoxFuture<io::Result<Connection>> {
        Box::pin(self.clone().call(from, to))
    }

    fn listen(&self, at: SocketAddr) -> Listener {
        let (sender, listener) = mpsc::unbounded_channel();
        self.tables().listeners.insert(at, sender);
        listener
    }

    fn respond(&self, at: SocketAddr, responder: Responder) {
        self.tables().responders.insert(at, responder);
    }

    fn exchange(
        &self,
        from: IpAddr,
        to: SocketAddr,
        datagram: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<io::Result<Vec<u8>>> {
        Box::pin(self.clone().ask(from, to, datagram, timeout))
    }
}
