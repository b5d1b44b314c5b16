//! [`State`]: what holds after a Step: a fold over Steps and Facts, nothing else.
//!
//! Connections come from Steps alone: they are what a watcher of the wires knows. Queues, mailboxes, clients,
//! caches and services come from Facts alone: they are what the hosts state. Neither half reads the other, and
//! a Fact belongs to the Step before it.
//!
//! # Phases of a connection
//! | protocol | phases |
//! |---|---|
//! | SMTP | `connected`, `greeted`, `envelope`, `recipients`, `data`, `chunks`, `closed` |
//! | POP3 | `connected`, `authorization`, `transaction`, `update`, `ended` |
//! | IMAP | `connected`, `not authenticated`, `authenticated`, `selected`, `logout` |
//! | others | `connected`, `open` |
//!
//! # Invariants
//! - A connection is here from its Open Step to its Close Step, and no longer. A refused one is never seen after.
//! - A queue entry with nobody waiting stays until its `dequeued`; hosts without entries have no key.
//! - A mailbox's messages are keyed by UID, so in UID order; a deleted mailbox leaves nothing behind.
//! - Applying the same Steps and Facts in the same order gives an equal State: no clock, no chance.
//! - What does not fit (a Fact about something never stated) changes nothing, or makes the least that fits.

mod connection;
mod facts;
mod handed;

pub use connection::{Connection, Envelope, Maildrop};
pub use handed::{Handed, Pending, Refusal, Refused};

use crate::base::{Instant, Shelf};
use crate::dissect::{Meaning, Step};
use crate::trace::Conn;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What holds after a Step. Cheap to clone: what grows with the mail lies on [`Shelf`]s, which copies share.
///
/// What is left to copy grows with hosts and accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// The connections that are open.
    pub connections: Shelf<Conn, Connection>,
    /// host → queue id → message that host is responsible for.
    pub queues: BTreeMap<String, Shelf<String, Arc<QueueEntry>>>,
    /// account → mailbox name → what is in it.
    pub mailboxes: BTreeMap<String, BTreeMap<String, Arc<Mailbox>>>,
    /// account → the host that keeps its mailboxes, where one has stated something about them.
    pub homes: BTreeMap<String, String>,
    /// account → the host whose POP3 session holds the maildrop's exclusive lock.
    pub locks: BTreeMap<String, String>,
    /// client host → account → key → copy it keeps.
    pub clients: BTreeMap<String, BTreeMap<String, Shelf<String, Arc<Copy>>>>,
    /// client host → account → what it noted of the server, to know what is new.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub noted: BTreeMap<String, BTreeMap<String, Noted>>,
    /// host → `NAME TYPE` (as in `example.net. MX`) → what its resolver keeps.
    pub caches: BTreeMap<String, Shelf<String, Arc<Cached>>>,
    /// host → what it found about who sent the last message that it checked, in order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, Vec<Verdict>>,
    /// host → services that do not answer.
    pub down: BTreeMap<String, BTreeSet<String>>,
    /// What people have begun and not ended, in the order they began.
    pub intents: Vec<Intent>,
}

/// A message in a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueEntry {
    /// The envelope's reverse-path; empty for `<>`.
    pub sender: String,
    /// Octets.
    pub size: u64,
    /// Who still waits, in the envelope's order.
    pub waiting: Vec<Waiting>,
    /// Queue id of the delivery status notification written about it, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<String>,
}

/// A recipient that waits in a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The forward-path.
    pub recipient: String,
    /// How many attempts failed.
    pub attempts: u32,
    /// Why the last one failed; empty before the first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Instant>,
}

/// A mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    /// Its UIDVALIDITY; 0 where it was never stated.
    pub uidvalidity: u32,
    /// UID → message.
    pub messages: Shelf<u32, Message>,
}

/// A message in a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its flags, as stated.
    pub flags: Vec<String>,
    /// Octets.
    pub size: u64,
}

/// A copy that a client keeps on its own disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Octets kept.
    pub size: u64,
    /// The Subject.
    pub subject: String,
    /// How much of the message: empty for all of it, `header`, `lines`, or `file` for a saved attachment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// In which folder the client shows it; empty: its inbox.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// The flags that the client knows of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// What a client noted of an account's mail on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Noted {
    /// POP3: how many unique-ids stand in its list of what it has fetched.
    pub ids: u64,
    /// IMAP: mailbox → UIDVALIDITY, and the UID from which on messages are new to it.
    pub mailboxes: BTreeMap<String, (u32, u32)>,
}

/// What a resolver keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cached {
    /// What was learnt, in words.
    pub answer: String,
    /// Until when it may be used; it stays listed afterwards.
    pub until: Instant,
}

/// What a check of who sent a message gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `spf`, `dkim`, `arc`, `dmarc`; `decision` for what was done about it.
    pub check: String,
    /// The domain that it is about.
    pub domain: String,
    /// As in `pass`, `fail`; of a decision `accept`, `junk`, `reject`.
    pub result: String,
}

impl Verdict {
    /// In a few words: `SPF fail for example.com`.
    pub fn in_words(&self) -> String {
        let domain = if self.domain.is_empty() { String::new() } else { format!(" for {}", self.domain) };
        match self.check.as_str() {
            "decision" => format!("decision: {}", self.result),
            check => format!("{} {}{domain}", check.to_ascii_uppercase(), self.result),
        }
    }
}

/// What somebody is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intent {
    /// Who.
    pub who: String,
    /// What, as in `send`.
    pub intent: String,
    /// In words.
    pub detail: String,
    /// On which host.
    pub host: String,
    /// Since when.
    pub since: Instant,
}

impl State {
    /// What holds after `step`, given what held before it.
    pub fn apply_step(&mut self, step: &Step) {
        match &step.meaning {
            Meaning::Open(open) => {
                self.connections.insert(step.conn, Connection::new(open.clone()));
            }
            Meaning::Close(_) => {
                self.connections.remove(&step.conn);
            }
            _ => {
                if let Some(connection) = self.connections.get_mut(&step.conn) {
                    connection.apply(step);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
