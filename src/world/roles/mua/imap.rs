//! Fetching by IMAP: the mail stays on the server; the device looks at what is there and keeps a copy of what is new.
//!
//! The cache is keyed by UIDVALIDITY and UID (RFC 4549 §2), so that nothing is fetched twice, and nothing is taken for
//! something else when the server starts counting anew.

use super::{Client, subject_of};
use crate::proto::imap::client::{self, ClientConfig, ClientEvent, Failure, Op, Summary};
use crate::proto::imap::types::{CommandBody, Flag, SequenceSet, StoreOp};
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::scenario::RoleKind;
use std::time::Duration;

/// What is done beside fetching what is new.
pub struct Visit<'a> {
    /// How long to wait in IDLE for something to come, each of two times; zero: not at all.
    pub idle: Duration,
    /// A flag for every message; empty: none.
    pub flag: &'a str,
    /// Whether every message is deleted in the end.
    pub delete: bool,
}

impl Visit<'_> {
    /// The commands, in order.
    fn script(&self) -> Vec<Op> {
        let mut script = vec![Op::Capability, Op::Login, Op::List, Op::Select, Op::Overview];
        let flag_all = |flag: Flag| {
            Op::Command(Box::new(CommandBody::Store {
                uid: true,
                set: SequenceSet::range(1, None),
                op: StoreOp::Add,
                silent: false,
                flags: vec![flag],
                unchanged_since: None,
            }))
        };
        if !self.idle.is_zero() {
            let most = self.idle;
            script.extend([Op::Idle { most }, Op::Overview, Op::Idle { most }]);
        }
        if !self.flag.is_empty() {
            script.push(flag_all(Flag::from_name(self.flag)));
        }
        if self.delete {
            script.extend([
                flag_all(Flag::Deleted),
                Op::Command(Box::new(CommandBody::Expunge { uids: None })),
            ]);
        }
        script.push(Op::Logout);
        script
    }
}

/// Fetch. Gives how it went, in words.
///
/// # Errors
/// Why nothing, or not everything, was fetched, in words.
pub async fn fetch(mua: &Client, visit: &Visit<'_>) -> Result<String, String> {
    let (connection, server) = mua.call("_imap._tcp").await?;
    let mut machine = client::Client::new(ClientConfig { script: visit.script(), ..config(mua) });
    let mut desk = Desk { mua, uidvalidity: 0, outcome: None };
    let mut edits = mua.world.edits(connection.conn, Direction::Client);
    let mut wire = mua.wire(RoleKind::Imap, &server, connection);
    let driven = drive(&mut machine, &mut wire, mua.world.clock, &mut desk, &mut edits).await;
    match desk.outcome {
        Some(Ok(summary)) => Ok(in_words(&summary)),
        Some(Err(failure)) => Err(format!("{server}, at {}: {}", failure.stage, failure.reason)),
        None => Err(format!("the connection to {server} ended: {}", super::how(driven))),
    }
}

/// What the device knows already: the copies of the latest UIDVALIDITY that it kept any for.
fn config(mua: &Client) -> ClientConfig {
    let mut config = ClientConfig::new(&mua.account, mua.password.clone());
    config.auth = mua.credentials();
    config.tls = mua.wish();
    let kept = mua.device.kept(&mua.account);
    let mut known: Vec<(u32, u32)> = kept.keys().filter_map(|key| parse_key(key)).collect();
    known.sort_unstable();
    config.known_uidvalidity = known.last().map(|(uidvalidity, _)| *uidvalidity);
    config.known =
        known.iter().filter(|(v, _)| Some(*v) == config.known_uidvalidity).map(|(_, uid)| *uid).collect();
    config
}

/// What a copy is known by: mailbox, UIDVALIDITY and UID.
fn key(uidvalidity: u32, uid: u32) -> String {
    format!("INBOX {uidvalidity}.{uid}")
}

fn parse_key(key: &str) -> Option<(u32, u32)> {
    let (uidvalidity, uid) = key.strip_prefix("INBOX ")?.split_once('.')?;
    Some((uidvalidity.parse().ok()?, uid.parse().ok()?))
}

/// Where what is fetched is put.
struct Desk<'a> {
    mua: &'a Client,
    uidvalidity: u32,
    outcome: Option<Result<Summary, Failure>>,
}

impl Owner<client::Client> for Desk<'_> {
    async fn on_event(&mut self, _: &mut client::Client, event: ClientEvent) -> Flow {
        match event {
            ClientEvent::Selected(selected) => self.uidvalidity = selected.uidvalidity,
            ClientEvent::Fetched { uid, bytes } => {
                let (key, subject) = (key(self.uidvalidity, uid), subject_of(&bytes));
                let Client { world, device, account, .. } = self.mua;
                world.keep_copy(device, account, key, bytes.len() as u64, subject);
            }
            ClientEvent::Finished(outcome) => self.outcome = Some(outcome),
            _ => {}
        }
        Flow::Continue
    }
}

fn in_words(summary: &Summary) -> String {
    match (summary.fetched.len(), summary.listed) {
        (0, 0) => "the mailbox is empty".to_owned(),
        (0, 1) => "nothing new: one message, known already".to_owned(),
        (0, listed) => format!("nothing new among {listed} messages"),
        (1, _) => "1 message read; it stays on the server".to_owned(),
        (n, _) => format!("{n} messages read; they stay on the server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_found_again_by_its_key() {
        assert_eq!(parse_key(&key(7, 12)), Some((7, 12)));
        assert_eq!(parse_key("1767603600.1"), None, "POP3's unique-ids are other keys");
    }
}
