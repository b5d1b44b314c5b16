//! The IMAP server of a host: its questions answered from the host's mailboxes, and news told to those who wait.

use crate::proto::imap::server::ask::{Answer, Ask, Refusal};
use crate::proto::imap::server::{Server, ServerConfig, ServerEvent};
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::faults::{Faults, Interference};
use crate::world::hosts::{Host, LastWord, World};
use crate::world::mailboxes::imap::{ImapSession, answer_ask, changes};
use crate::world::net::Connection;
use crate::world::scenario::RoleKind;
use crate::world::secure::Door;
use std::sync::Arc;

/// Serve one connection.
pub async fn serve(world: Arc<World>, host: Arc<Host>, faults: Arc<Faults>, connection: Connection) {
    let mut config = ServerConfig::new(&host.spec.name).with_size_limit(host.spec.size_limit);
    config.nonces = Some(world.nonces(&host, RoleKind::Imap));
    config.consult = faults.any() || connection.crowded;
    config.without.extend(host.spec.imap_without.iter().map(|name| name.to_ascii_uppercase()));
    let (conn, crowded) = (connection.conn, connection.crowded);
    let Door { mut wire, security, plaintext_login } = world.door(&host, RoleKind::Imap, connection);
    (config.security, config.plaintext_login) = (security, plaintext_login);
    let mut machine = Server::new(config);
    let clock = world.clock;
    let seen = host.changed.count();
    let mut edits = world.edits(conn, Direction::Server);
    let (session, last_word) = (ImapSession::default(), LastWord::of(&world));
    let mut owner = ImapOwner { world, host, faults, seen, session, crowded, last_word };
    // How a session ends is on the wire; nobody here needs telling.
    let _ = drive(&mut machine, &mut wire, clock, &mut owner, &mut edits).await;
}

struct ImapOwner {
    world: Arc<World>,
    host: Arc<Host>,
    faults: Arc<Faults>,
    /// How many changes of the host's mailboxes were heard of.
    seen: u64,
    session: ImapSession,
    /// It is turned away.
    crowded: bool,
    last_word: LastWord,
}

impl ImapOwner {
    /// The store's answer; where it is a change, given when the store has kept it.
    async fn answer(&mut self, ask: Ask) -> Answer {
        let now = self.world.clock.now();
        let session = &mut self.session;
        let account = session.account.clone().unwrap_or_default();
        if !self.world.with_mailboxes(&self.host, |store| changes(store, &account, &ask)) {
            return self.world.with_mailboxes(&self.host, |store| answer_ask(store, session, ask, now));
        }
        // Only a login changes the session, and a login changes no mailbox.
        let mut session = session.clone();
        let change = self
            .world
            .change_mailboxes(&self.host, &account, move |store| answer_ask(store, &mut session, ask, now));
        change.await.unwrap_or(Answer::Refused(Refusal::Unavailable))
    }
}

impl Owner<Server> for ImapOwner {
    async fn on_event(&mut self, server: &mut Server, event: ServerEvent) -> Flow {
        match event {
            ServerEvent::Consult { .. } if self.crowded => {
                server.answer_line(
                    "BYE [LIMIT] Too many connections from your address, try again later".to_owned(),
                );
            }
            ServerEvent::Consult { verb } => {
                match self.faults.meet(&verb, self.world.clock, &self.world.closing).await {
                    None => server.proceed(),
                    Some(Interference::Reply(line)) => server.answer_line(line),
                    Some(Interference::Drop) => return Flow::Drop,
                }
            }
            ServerEvent::Ask(Ask::ScramKeys { user }) => {
                server.answer(Answer::ScramKeys(self.world.scram_keys(&self.host, &user)));
            }
            ServerEvent::Ask(ask) => {
                let answer = self.answer(ask).await;
                server.answer(answer);
            }
        }
        Flow::Continue
    }

    async fn news(&mut self) {
        tokio::select! {
            biased;
            () = self.last_word.comes() => {}
            seen = self.host.changed.after(self.seen) => self.seen = seen,
        }
    }

    fn tell(&mut self, server: &mut Server) {
        if self.last_word.was_heard() {
            server.stop();
        }
        server.notify();
    }
}
