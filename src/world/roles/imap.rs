//! The IMAP server of a host: its questions answered from the host's mailboxes, and news told to those who wait.

use crate::proto::imap::server::{Answer, Ask, Server, ServerConfig, ServerEvent};
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::faults::{Faults, Interference};
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::imap::{ImapSession, answer_ask};
use crate::world::net::Connection;
use crate::world::scenario::RoleKind;
use std::sync::Arc;

/// Serve one connection.
pub async fn serve(world: Arc<World>, host: Arc<Host>, faults: Arc<Faults>, connection: Connection) {
    let mut config = ServerConfig::new(&host.spec.name).with_size_limit(host.spec.size_limit);
    config.nonces = Some(world.nonces(&host, RoleKind::Imap));
    config.consult = faults.any();
    config.without.extend(host.spec.imap_without.iter().map(|name| name.to_ascii_uppercase()));
    let mut machine = Server::new(config);
    let Connection { mut stream, conn, .. } = connection;
    let clock = world.clock;
    let seen = host.changed.count();
    let mut edits = world.edits(conn, Direction::Server);
    let mut owner = ImapOwner { world, host, faults, seen, session: ImapSession::default() };
    // How a session ends is on the wire; nobody here needs telling.
    let _ = drive(&mut machine, &mut *stream, clock, &mut owner, &mut edits).await;
}

struct ImapOwner {
    world: Arc<World>,
    host: Arc<Host>,
    faults: Arc<Faults>,
    /// How many changes of the host's mailboxes were heard of.
    seen: u64,
    session: ImapSession,
}

impl Owner<Server> for ImapOwner {
    async fn on_event(&mut self, server: &mut Server, event: ServerEvent) -> Flow {
        match event {
            ServerEvent::Consult { verb } => match self.faults.bite(&verb) {
                None => server.proceed(),
                Some(Interference::Reply(line)) => server.answer_line(line),
                Some(Interference::Drop) => return Flow::Drop,
            },
            ServerEvent::Ask(Ask::ScramKeys { user }) => {
                server.answer(Answer::ScramKeys(self.world.scram_keys(&self.host, &user)));
            }
            ServerEvent::Ask(ask) => {
                let now = self.world.clock.now();
                let session = &mut self.session;
                let answer =
                    self.world.with_mailboxes(&self.host, |store| answer_ask(store, session, ask, now));
                server.answer(answer);
            }
        }
        Flow::Continue
    }

    async fn news(&mut self) {
        self.seen = self.host.changed.after(self.seen).await;
    }

    fn tell(&mut self, server: &mut Server) {
        server.notify();
    }
}
