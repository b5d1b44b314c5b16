//! [`After`]: what each Step changed in the State, as lines that a reader and the page's script both read.
//!
//! The page holds only changes, so its size grows with the story and not with its square; the script folds them.
//! Which lines a Step or a Fact may change is known from what it names, so nothing is compared as a whole.

use super::super::page::prose;
use super::super::{Cast, clock};
use super::road::Road;
use crate::state::{Connection, State};
use crate::trace::{Conn, Fact};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a line of the State is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Intent(String, String),
    Conn(Conn),
    Queue(String, String),
    Mailbox(String, String),
    /// Account, mailbox, UID.
    Message(String, String, u32),
    Lock(String),
    /// Host, account, the client's own key.
    Copy(String, String, String),
    /// Host, name and type.
    Cache(String, String),
    Down(String),
    /// What a host found about who sent the last message that it checked.
    Sender(String),
}

impl Key {
    /// The group that it is listed in.
    fn group(&self) -> &'static str {
        match self {
            Key::Intent(..) => "intent",
            Key::Conn(_) => "conn",
            Key::Queue(..) => "queue",
            Key::Mailbox(..) | Key::Message(..) | Key::Lock(_) => "mailbox",
            Key::Copy(..) => "copy",
            Key::Cache(..) => "cache",
            Key::Down(_) => "down",
            Key::Sender(_) => "sender",
        }
    }
}

/// One line of the State that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// By which the script knows it again.
    pub key: usize,
    pub group: &'static str,
    /// What it is about, and what holds now: what held last, where it is gone.
    pub subject: String,
    pub text: String,
    pub gone: bool,
    /// The place on the road that has the message, where it is about one.
    pub stop: Option<usize>,
    /// The connection it is about, its protocol and its phase.
    pub conn: Option<u32>,
    pub phase: &'static str,
    pub protocol: &'static str,
}

/// A line of the State.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    subject: String,
    text: String,
    phase: &'static str,
    protocol: &'static str,
    stop: Option<usize>,
}

/// Keeps which lines may have changed, and how they last read.
#[derive(Default)]
pub struct After {
    touched: BTreeSet<Key>,
    lines: BTreeMap<Key, (usize, Line)>,
    keys: usize,
    /// account → the host that keeps its mailboxes.
    homes: BTreeMap<String, String>,
}

impl After {
    /// A Step was applied to the State.
    pub fn step(&mut self, _state: &State, conn: Conn) {
        self.touched.insert(Key::Conn(conn));
    }

    /// A Fact was applied to the State.
    pub fn fact(&mut self, state: &State, host: &str, fact: &Fact) {
        let host = host.to_owned();
        match fact {
            Fact::IntentBegins { who, intent, .. } | Fact::IntentEnds { who, intent, .. } => {
                self.touch(Key::Intent(who.clone(), intent.clone()));
            }
            Fact::Queued { id, .. }
            | Fact::RetryAt { id, .. }
            | Fact::Relayed { id, .. }
            | Fact::Failed { id, .. }
            | Fact::Bounced { id, .. }
            | Fact::Forwarded { id, .. }
            | Fact::Dequeued { id } => self.touch(Key::Queue(host, id.clone())),
            Fact::Delivered { account, mailbox, uid, id, .. } => {
                if let Some(id) = id {
                    self.touch(Key::Queue(host.clone(), id.clone()));
                }
                self.homes.insert(account.clone(), host);
                self.touch(Key::Message(account.clone(), mailbox.clone(), *uid));
            }
            Fact::FlagsSet { account, mailbox, uid, .. } | Fact::Removed { account, mailbox, uid } => {
                self.touch(Key::Message(account.clone(), mailbox.clone(), *uid));
            }
            Fact::MailboxCreated { account, .. }
            | Fact::MailboxDeleted { account, .. }
            | Fact::MailboxRenamed { account, .. } => {
                self.homes.entry(account.clone()).or_insert(host);
                self.mailboxes(state, account);
            }
            Fact::MaildropLocked { account } | Fact::MaildropUnlocked { account, .. } => {
                self.touch(Key::Lock(account.clone()));
            }
            Fact::ClientCopyKept { account, key, .. }
            | Fact::ClientCopyRemoved { account, key }
            | Fact::ClientFlagsSet { account, key, .. }
            | Fact::ClientFiled { account, key, .. } => {
                self.touch(Key::Copy(host, account.clone(), key.clone()));
            }
            // What a client notes for itself has no row of its own; what it lost is no longer there to be marked.
            Fact::ClientIdsKnown { .. } | Fact::ClientMailboxKnown { .. } | Fact::ClientStoreLost { .. } => {}
            Fact::ResolverCached { name, rtype, .. } | Fact::ResolverHit { name, rtype } => {
                self.touch(Key::Cache(host, format!("{name} {rtype}")));
            }
            Fact::Tls { conn, .. } => self.touch(Key::Conn(*conn)),
            Fact::ServiceDown { .. } | Fact::ServiceUp { .. } => self.touch(Key::Down(host)),
            // What it does is seen where it bites.
            Fact::FaultBegins { .. } | Fact::FaultEnds { .. } | Fact::FaultsRefused { .. } => {}
            Fact::SenderChecked { .. } | Fact::SenderJudged { .. } => self.touch(Key::Sender(host)),
            // A rule is told where it was applied, and a signature stands in the letter.
            Fact::RuleApplied { .. } | Fact::Signed { .. } => {}
        }
    }

    fn touch(&mut self, key: Key) {
        self.touched.insert(key);
    }

    /// Mailboxes of an account came, went or were renamed, with what is in them.
    fn mailboxes(&mut self, state: &State, account: &str) {
        let is_of = |key: &&Key| match key {
            Key::Mailbox(of, _) | Key::Message(of, _, _) => of == account,
            _ => false,
        };
        let known: Vec<Key> = self.lines.keys().filter(is_of).cloned().collect();
        self.touched.extend(known);
        for (name, mailbox) in state.mailboxes.get(account).into_iter().flatten() {
            self.touch(Key::Mailbox(account.to_owned(), name.clone()));
            for uid in mailbox.messages.keys() {
                self.touch(Key::Message(account.to_owned(), name.clone(), *uid));
            }
        }
    }

    /// What changed since this was asked last.
    pub fn changes(&mut self, cast: &Cast, road: &Road, state: &State) -> Vec<Change> {
        let mut out = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            let now = self.line(&key, cast, road, state);
            let before = self.lines.get(&key).cloned();
            match (before, now) {
                (Some((_, before)), Some(now)) if before == now => {}
                (None, None) => {}
                (Some((id, before)), None) => {
                    self.lines.remove(&key);
                    out.push(change(id, &key, before, true));
                }
                (before, Some(now)) => {
                    let id = before.map_or_else(|| self.keys, |(id, _)| id);
                    self.keys = self.keys.max(id + 1);
                    out.push(change(id, &key, now.clone(), false));
                    self.lines.insert(key, (id, now));
                }
            }
        }
        out
    }

    /// How a line of the State reads now; nothing where it is not there.
    fn line(&self, key: &Key, cast: &Cast, road: &Road, state: &State) -> Option<Line> {
        let host = |name: &String| road.name(name);
        let (subject, text, stop) = match key {
            Key::Conn(conn) => return connection(*conn, state.connections.get(conn)?, cast),
            Key::Intent(who, intent) => {
                let open = state.intents.iter().find(|i| i.who == *who && i.intent == *intent)?;
                let detail = if open.detail.is_empty() { intent } else { &open.detail };
                (prose(who), prose(detail), None)
            }
            Key::Queue(at, id) => (format!("{}, queue", host(at)), queued(state, cast, at, id)?, Some(at)),
            Key::Mailbox(account, name) => {
                let mailbox = state.mailboxes.get(account)?.get(name)?;
                let text = format!("mailbox {}, UIDVALIDITY {}", prose(name), mailbox.uidvalidity);
                (prose(account), text, None)
            }
            Key::Message(account, name, uid) => {
                let message = state.mailboxes.get(account)?.get(name)?.messages.get(uid)?;
                let flags = if message.flags.is_empty() {
                    "no flags".to_owned()
                } else {
                    prose(&message.flags.join(" "))
                };
                let text =
                    format!("{} UID {uid}: {flags}, {}", prose(name), clock::count(message.size, "octet"));
                (prose(account), text, self.homes.get(account))
            }
            Key::Lock(account) => {
                let _ = state.locks.get(account)?;
                (prose(account), "maildrop locked by one POP3 session".to_owned(), None)
            }
            Key::Copy(at, account, key) => {
                let copy = state.clients.get(at)?.get(account)?.get(key)?;
                let subject = prose(&copy.subject);
                let text = format!("“{subject}” ({}), {}", prose(key), clock::count(copy.size, "octet"));
                (host(at), text, Some(at))
            }
            Key::Cache(at, name) => {
                let cached = state.caches.get(at)?.get(name)?;
                (host(at), format!("{}: {}", prose(name), prose(&cached.answer)), None)
            }
            Key::Sender(at) => {
                let found = state.verdicts.get(at)?.iter().map(crate::state::Verdict::in_words);
                (host(at), prose(&found.collect::<Vec<_>>().join(", ")), None)
            }
            Key::Down(at) => {
                let services: Vec<String> = state.down.get(at)?.iter().map(|s| prose(s)).collect();
                (host(at), format!("does not answer: {}", services.join(", ")), None)
            }
        };
        let stop = stop.and_then(|name| road.stop(name));
        Some(Line { subject, text, phase: "", protocol: "", stop })
    }
}

fn change(key: usize, of: &Key, line: Line, gone: bool) -> Change {
    Change {
        key,
        group: of.group(),
        subject: line.subject,
        text: line.text,
        gone,
        stop: line.stop,
        conn: if let Key::Conn(conn) = of { Some(conn.0) } else { None },
        phase: line.phase,
        protocol: line.protocol,
    }
}

/// A message in a queue: from whom, for whom, and why it still waits.
fn queued(state: &State, cast: &Cast, host: &str, id: &str) -> Option<String> {
    let entry = state.queues.get(host)?.get(id)?;
    let sender = if entry.sender.is_empty() { "<>".to_owned() } else { prose(&entry.sender) };
    let mut text = format!("{}, from {sender}", prose(id));
    for waiting in &entry.waiting {
        text += &format!("; for {}", prose(&waiting.recipient));
        if let Some(retry) = waiting.retry {
            let at = clock::elapsed(retry.since(cast.start));
            text += &format!(" (attempt {} failed, tried again at {at})", waiting.attempts);
        }
    }
    if entry.waiting.is_empty() {
        text += "; nobody waits for it any more";
    }
    if let Some(notification) = &entry.notification {
        text += &format!("; reported by {}", prose(notification));
    }
    Some(text)
}

/// A connection: what is spoken on it and in which phase, who logged in, the envelope, the mailbox.
fn connection(conn: Conn, connection: &Connection, cast: &Cast) -> Option<Line> {
    let call = cast.call(conn);
    let subject = call.map_or_else(
        || format!("connection {conn}"),
        |call| format!("{} to {}, {}", call.client, call.server, call.service_and_port()),
    );
    let mut says = vec![if connection.tls { "TLS on" } else { "TLS off" }.to_owned()];
    if let Some(user) = &connection.user {
        says.push(format!("logged in as {}", prose(user)));
    }
    if let Some(envelope) = &connection.envelope {
        let sender = if envelope.sender.is_empty() { "<>".to_owned() } else { prose(&envelope.sender) };
        let list = |all: &[String]| all.iter().map(|one| prose(one)).collect::<Vec<_>>().join(", ");
        let to =
            if envelope.recipients.is_empty() { "nobody yet".to_owned() } else { list(&envelope.recipients) };
        says.push(format!("envelope: {sender} → {to}"));
        if !envelope.refused.is_empty() {
            says.push(format!("refused: {}", list(&envelope.refused)));
        }
    }
    if let Some(selected) = &connection.selected {
        let only = if connection.read_only { ", read-only" } else { "" };
        says.push(format!("mailbox {}{only}", prose(selected)));
    }
    if let Some(maildrop) = &connection.maildrop {
        if let Some(messages) = maildrop.messages {
            says.push(clock::count(u64::from(messages), "message"));
        }
        let deleted: Vec<String> = maildrop.deleted.iter().map(u32::to_string).collect();
        if !deleted.is_empty() {
            says.push(format!("marked as deleted: {}", deleted.join(", ")));
        }
    }
    let protocol = connection.protocol.name();
    Some(Line { subject, text: says.join("; "), phase: connection.phase, protocol, stop: None })
}
