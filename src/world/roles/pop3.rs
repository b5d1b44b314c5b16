//! The POP3 server of a host: who may open which maildrop, and what is removed at QUIT (RFC 1939).

use crate::proto::pop3::grammar::block::octets_on_wire;
use crate::proto::pop3::server::{
    Entry, LoginRefusal, Maildrop, Server, ServerConfig, ServerEvent, UpdateRefusal,
};
use crate::proto::sasl::Proof;
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::faults::{Faults, Interference};
use crate::world::hosts::{Host, LastWord, World};
use crate::world::mailboxes::{INBOX, Refusal};
use crate::world::net::Connection;
use crate::world::scenario::RoleKind;
use crate::world::secure::Door;
use std::sync::Arc;

/// Serve one connection.
pub async fn serve(world: Arc<World>, host: Arc<Host>, faults: Arc<Faults>, connection: Connection) {
    let (conn, crowded) = (connection.conn, connection.crowded);
    let Door { mut wire, security, plaintext_login } = world.door(&host, RoleKind::Pop3, connection);
    let config = ServerConfig {
        hostname: host.spec.name.clone(),
        apop_banner: Some(world.apop_banner(&host)),
        nonces: Some(world.nonces(&host, RoleKind::Pop3)),
        consult: faults.any() || crowded,
        security,
        plaintext_login,
        ..ServerConfig::default()
    };
    let mut machine = Server::new(config);
    let clock = world.clock;
    let mut edits = world.edits(conn, Direction::Server);
    let (session, last_word) = (u64::from(conn.0), LastWord::of(&world));
    let mut owner = Pop3Owner { world, host, faults, session, open: None, crowded, last_word };
    // How a session ends is on the wire; nobody here needs telling.
    let _ = drive(&mut machine, &mut wire, clock, &mut owner, &mut edits).await;
    owner.release().await;
}

struct Pop3Owner {
    world: Arc<World>,
    host: Arc<Host>,
    faults: Arc<Faults>,
    session: u64,
    open: Option<Open>,
    /// It is turned away.
    crowded: bool,
    last_word: LastWord,
}

/// The maildrop that this session holds.
struct Open {
    account: String,
    /// The UID of message-number 1, 2, …
    uids: Vec<u32>,
}

impl Owner<Server> for Pop3Owner {
    async fn on_event(&mut self, server: &mut Server, event: ServerEvent) -> Flow {
        match event {
            ServerEvent::Consult { .. } if self.crowded => {
                server.answer_line(
                    "-ERR [SYS/TEMP] too many connections from your address, try again later".to_owned(),
                );
            }
            ServerEvent::Consult { verb } => {
                match self.faults.meet(verb, self.world.clock, &self.world.closing).await {
                    None => server.proceed(),
                    Some(Interference::Reply(line)) => server.answer_line(line),
                    Some(Interference::Drop) => return Flow::Drop,
                }
            }
            ServerEvent::Login { user, password } => {
                let answer = self.log_in(&user, &Proof::Password(password)).await;
                server.answer_login(answer);
            }
            ServerEvent::Apop { user, digest, timestamp } => {
                let answer = self.log_in(&user, &Proof::Apop { timestamp, digest }).await;
                server.answer_login(answer);
            }
            ServerEvent::Sasl(login) if login.is_for_oneself() => {
                let answer = self.log_in(&login.authcid, &login.proof).await;
                server.answer_login(answer);
            }
            ServerEvent::Sasl(_) => server.answer_login(Err(LoginRefusal::Credentials)),
            ServerEvent::ScramKeys { user } => server.answer_keys(self.world.scram_keys(&self.host, &user)),
            ServerEvent::Body { index } => {
                let place = self.open.as_ref().and_then(|o| Some((&o.account, *o.uids.get(index)?)));
                let body = place.and_then(|(account, uid)| {
                    self.world.with_mailboxes(&self.host, |mailboxes| mailboxes.body(account, INBOX, uid))
                });
                server.answer_body(body);
            }
            ServerEvent::Update { delete } => server.answer_update(self.update(&delete).await),
            ServerEvent::Released => self.release().await,
        }
        Flow::Continue
    }

    async fn news(&mut self) {
        self.last_word.comes().await;
    }

    fn tell(&mut self, server: &mut Server) {
        server.stop();
    }
}

impl Pop3Owner {
    async fn log_in(&mut self, user: &str, proof: &Proof) -> Result<Maildrop, LoginRefusal> {
        let account = self.world.prove(&self.host, user, proof).ok_or(LoginRefusal::Credentials)?;
        self.open(account).await
    }

    /// Lock and list the maildrop: message numbers are fixed from here on (RFC 1939 §4).
    async fn open(&mut self, account: String) -> Result<Maildrop, LoginRefusal> {
        let session = self.session;
        let owner = account.clone();
        let lock = self.world.change_mailboxes(&self.host, &account, move |mailboxes| {
            mailboxes.lock_maildrop(&owner, session)
        });
        let listed = lock.await.map_err(|_| LoginRefusal::Unavailable)?.map_err(|refusal| match refusal {
            Refusal::InUse => LoginRefusal::InUse,
            _ => LoginRefusal::Unavailable,
        })?;
        let messages = self.world.with_mailboxes(&self.host, |mailboxes| {
            let octets = |uid| mailboxes.body(&account, INBOX, uid).map_or(0, |body| octets_on_wire(&body));
            listed.iter().map(|e| Entry { uidl: e.uidl.clone(), octets: octets(e.uid) }).collect()
        });
        self.open = Some(Open { account, uids: listed.iter().map(|e| e.uid).collect() });
        Ok(Maildrop { messages })
    }

    /// QUIT in TRANSACTION: the UPDATE state (RFC 1939 §6).
    async fn update(&mut self, delete: &[usize]) -> Result<(), UpdateRefusal> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let uids: Vec<u32> = delete.iter().filter_map(|index| open.uids.get(*index).copied()).collect();
        let session = self.session;
        let owner = open.account.clone();
        let update = self.world.change_mailboxes(&self.host, &open.account, move |mailboxes| {
            mailboxes.update_maildrop(&owner, session, &uids)
        });
        let removed = match update.await {
            Ok(removed) => removed.map_err(|refusal| refusal.to_string()),
            Err(unkept) => Err(unkept.to_string()),
        };
        if removed.is_err() {
            // Nothing was removed; the next client may come all the same.
            self.open = Some(open);
            self.release().await;
        }
        removed.map(|_| ()).map_err(|reason| UpdateRefusal { reason })
    }

    /// The session ended without UPDATE: nothing is removed, the next client may come.
    async fn release(&mut self) {
        if let Some(Open { account, .. }) = self.open.take() {
            let (session, owner) = (self.session, account.clone());
            let unlock = self.world.change_mailboxes(&self.host, &account, move |mailboxes| {
                mailboxes.unlock_maildrop(&owner, session);
            });
            // A lock is no matter of the disk: only its thread could have failed.
            let _ = unlock.await;
        }
    }
}
