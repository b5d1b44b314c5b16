//! [`Trail`]: one message on its road: which rows belong to it, hop by hop.
//!
//! A message is known by its Message-ID field (RFC 5322 §3.6.4), which no hop changes; and inside a host by the id of the
//! queue entry it became there, which is told by facts only. An SMTP transaction belongs to it from MAIL on.

use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::explain::{Item, Surroundings};
use crate::trace::{Conn, Fact};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a transaction that are kept until its message is known.
const LONGEST: usize = 4096;
/// Bytes of a message in which its Message-ID is looked for.
const HEADER: usize = 64 << 10;

/// A message being followed.
#[derive(Debug, Default)]
pub struct Trail {
    id: Vec<u8>,
    /// By connection, the rows since MAIL.
    waiting: BTreeMap<Conn, Vec<usize>>,
    /// Connections on which its bytes were sent and are not answered yet.
    sent: BTreeSet<Conn>,
    /// Queue entries that it became: host and id.
    entries: BTreeSet<(String, String)>,
    /// Facts that name a queue entry which may become known by the next reply: row, host, id.
    born: Vec<(usize, String, String)>,
    /// POP3 and IMAP: the command that waits for its answer.
    asked: BTreeMap<Conn, usize>,
}

impl Trail {
    /// Of the message with this id, as it stands in its header.
    pub fn new(id: &[u8]) -> Self {
        Trail { id: id.to_vec(), ..Trail::default() }
    }

    /// The next row of the story; gives the rows that are now known to belong to the message.
    pub fn see(&mut self, row: usize, item: &Item, around: &Surroundings) -> Vec<usize> {
        match item {
            Item::Chapter(_) | Item::Outcome(_) | Item::Mark(_) => Vec::new(),
            Item::Fact { .. } => self.fact(row, item, around),
            Item::Step(step, _) if step.protocol == Protocol::Smtp => self.smtp(row, step),
            Item::Step(step, _) => self.fetched(row, step),
        }
    }

    fn smtp(&mut self, row: usize, step: &Step) -> Vec<usize> {
        if step.kind == Kind::Command && matches!(step.verb.as_str(), "EHLO" | "HELO" | "RSET" | "QUIT") {
            self.waiting.remove(&step.conn);
            return Vec::new();
        }
        if step.kind == Kind::Command && step.verb == "MAIL" {
            self.waiting.insert(step.conn, Vec::new());
            self.sent.remove(&step.conn);
        }
        if self.sent.contains(&step.conn) {
            // The answer to the message's bytes: what was queued meanwhile is this message.
            self.sent.remove(&step.conn);
            self.waiting.remove(&step.conn);
            let mut rows = vec![row];
            for (at, host, id) in std::mem::take(&mut self.born) {
                self.entries.insert((host, id));
                rows.push(at);
            }
            return rows;
        }
        let Some(rows) = self.waiting.get_mut(&step.conn) else { return Vec::new() };
        if rows.len() < LONGEST {
            rows.push(row);
        }
        if step.kind != Kind::Data {
            return Vec::new();
        }
        let rows = self.waiting.remove(&step.conn).unwrap_or_default();
        if message_id(&step.bytes) != Some(&self.id[..]) {
            return Vec::new();
        }
        self.sent.insert(step.conn);
        self.born.clear();
        rows
    }

    /// What a client fetches: the command and the answer that holds it.
    fn fetched(&mut self, row: usize, step: &Step) -> Vec<usize> {
        match step.kind {
            Kind::Command => {
                self.asked.insert(step.conn, row);
                Vec::new()
            }
            Kind::Reply | Kind::Untagged | Kind::Data if message_id(&step.bytes) == Some(&self.id[..]) => {
                self.asked.remove(&step.conn).into_iter().chain([row]).collect()
            }
            _ => Vec::new(),
        }
    }

    fn fact(&mut self, row: usize, item: &Item, around: &Surroundings) -> Vec<usize> {
        let Some((host, id)) = entry(item) else { return Vec::new() };
        let is_born = matches!(item, Item::Fact { fact: Fact::Queued { .. }, .. });
        let here = |conn: &Conn| around.server_of(*conn) == Some(host);
        if is_born && self.sent.iter().any(here) {
            // Only the answer says whether that was this message.
            if self.born.len() < LONGEST {
                self.born.push((row, host.to_owned(), id.to_owned()));
            }
            return Vec::new();
        }
        if self.entries.contains(&(host.to_owned(), id.to_owned())) { vec![row] } else { Vec::new() }
    }
}

/// The queue id that a fact is about, if any.
pub fn entry(item: &Item) -> Option<(&str, &str)> {
    let Item::Fact { host, fact, .. } = item else { return None };
    let id = match fact {
        Fact::Queued { id, .. }
        | Fact::Relayed { id, .. }
        | Fact::Failed { id, .. }
        | Fact::Bounced { id, .. }
        | Fact::RetryAt { id, .. }
        | Fact::Dequeued { id } => id,
        Fact::Delivered { id: Some(id), .. } => id,
        _ => return None,
    };
    Some((host, id))
}

/// The value of the Message-ID field in these bytes: a message, or an answer that has one in it.
pub fn message_id(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.get(..bytes.len().min(HEADER)).unwrap_or_default();
    for line in head.split(|b| *b == b'\n') {
        let Some((name, value)) = line.split_at_checked(11) else { continue };
        if name.eq_ignore_ascii_case(b"Message-ID:") {
            return Some(value.trim_ascii()).filter(|value| !value.is_empty());
        }
    }
    None
}

/// Whether this Step carries a message.
pub fn carried(step: &Step) -> Option<&[u8]> {
    let may = matches!(step.kind, Kind::Data | Kind::Reply | Kind::Untagged);
    if may && !matches!(step.meaning, Meaning::Dns(_)) { message_id(&step.bytes) } else { None }
}
