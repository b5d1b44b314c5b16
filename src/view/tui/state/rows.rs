//! The State as rows: what each says, whom it is about, and by what it is known again after the next Step.
//!
//! Everything is escaped here. What changes with the clock alone stands aside, so that it does not count as news.

use crate::base::{Instant, Shelf};
use crate::dissect::{Kind, Protocol, Step};
use crate::state::{Connection, Mailbox, QueueEntry, State};
use crate::trace::{Conn, Transport};
use crate::view::page::prose;
use crate::view::{Cast, clock};

/// Of many things of one kind so many are listed: the last ones, and before them so many that changed.
const MOST: usize = 24;

/// What a group of rows is about. In this order where nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// What does not answer.
    Down,
    /// What people have set out to do.
    People,
    /// Messages that wait to be carried on.
    Queues,
    /// Mailboxes on servers.
    Mailboxes,
    /// What phones and laptops keep.
    Copies,
    /// What hosts found about who sent a message.
    Senders,
    /// What resolvers remember.
    Caches,
    /// Connections beside the current one.
    Connections,
}

impl Topic {
    /// All, in their order.
    pub const ALL: [Topic; 8] = [
        Topic::Down,
        Topic::People,
        Topic::Queues,
        Topic::Mailboxes,
        Topic::Copies,
        Topic::Senders,
        Topic::Caches,
        Topic::Connections,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Topic::Down => "does not answer",
            Topic::People => "people",
            Topic::Queues => "queues",
            Topic::Mailboxes => "mailboxes",
            Topic::Copies => "kept on devices",
            Topic::Senders => "who sent it",
            Topic::Caches => "names remembered",
            Topic::Connections => "other connections",
        }
    }
}

/// One thing that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Whom it is about: rows with the same one stand together below it. Empty: they stand alone.
    pub subject: String,
    /// A host that it is about, as it is called; empty for none.
    pub host: String,
    /// By what it is known again.
    pub key: String,
    /// What holds.
    pub text: String,
    /// The same, as far as it changes with the clock.
    pub aside: String,
}

/// What is said, at what moment, and beside what: what differs there is listed however much there is.
#[derive(Clone, Copy)]
pub(super) struct Telling<'t> {
    pub cast: &'t Cast,
    pub state: &'t State,
    pub beside: &'t State,
    pub at: Instant,
    /// The connection that is told of elsewhere.
    pub current: Option<Conn>,
}

/// What `state` says about a topic.
pub(super) fn of(topic: Topic, telling: Telling<'_>) -> Vec<Row> {
    let Telling { cast, state, beside, at, current } = telling;
    match topic {
        Topic::Down => down(cast, state),
        Topic::People => people(cast, state),
        Topic::Queues => queues(cast, state, beside, at),
        Topic::Mailboxes => mailboxes(cast, state, beside),
        Topic::Copies => copies(cast, state, beside),
        Topic::Senders => senders(cast, state),
        Topic::Caches => caches(cast, state, beside, at),
        Topic::Connections => connections(cast, state, current),
    }
}

/// The last of many, and those that differ beside; with how many are left out.
fn some<'m, K: Ord + Clone, V: PartialEq + Clone>(
    all: &'m Shelf<K, V>,
    beside: Option<&Shelf<K, V>>,
) -> (Vec<(&'m K, &'m V)>, usize) {
    let early = all.len().saturating_sub(MOST);
    let mut last: Vec<(&K, &V)> = all.iter().rev().take(MOST).collect();
    last.reverse();
    let is_early = |(key, _): &(&K, &V)| last.first().is_none_or(|(first, _)| key < first);
    let mut kept: Vec<(&K, &V)> = match beside {
        Some(beside) => all.unlike(beside).filter(is_early).take(MOST).collect(),
        None => all.iter().take(early).take(MOST).collect(),
    };
    let left_out = early - kept.len();
    kept.extend(last);
    (kept, left_out)
}

/// A row that counts what is left out.
fn more(like: &Row, left_out: usize) -> Option<Row> {
    let aside = format!("{left_out} more");
    (left_out > 0).then(|| Row {
        key: format!("more {}", like.key),
        text: "…".to_owned(),
        aside,
        ..like.clone()
    })
}

fn down(cast: &Cast, state: &State) -> Vec<Row> {
    let row = |host: &String, service: &String| Row {
        host: cast.known(host),
        key: format!("{host} {service}"),
        text: format!("{}: {}", cast.known(host), prose(service)),
        ..Row::default()
    };
    state.down.iter().flat_map(|(host, all)| all.iter().map(move |s| row(host, s))).collect()
}

/// What each host found about the last message that it checked.
fn senders(cast: &Cast, state: &State) -> Vec<Row> {
    let row = |host: &String, i: usize, verdict: &crate::state::Verdict| Row {
        subject: cast.known(host),
        host: cast.known(host),
        key: format!("{host} {i}"),
        text: prose(&verdict.in_words()),
        ..Row::default()
    };
    let of = |(host, all): (&String, &Vec<crate::state::Verdict>)| {
        all.iter().enumerate().map(|(i, verdict)| row(host, i, verdict)).collect::<Vec<_>>()
    };
    state.verdicts.iter().flat_map(of).collect()
}

fn people(cast: &Cast, state: &State) -> Vec<Row> {
    let row = |(i, intent): (usize, &crate::state::Intent)| {
        let said = if intent.detail.is_empty() { &intent.intent } else { &intent.detail };
        Row {
            host: cast.known(&intent.host),
            key: format!("{} {} {i}", intent.who, intent.intent),
            text: if said.starts_with(&intent.who) {
                prose(said)
            } else {
                format!("{}: {}", prose(&intent.who), prose(said))
            },
            ..Row::default()
        }
    };
    state.intents.iter().enumerate().map(row).collect()
}

fn queues(cast: &Cast, state: &State, beside: &State, at: Instant) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, entries) in &state.queues {
        let host = cast.known(name);
        let of = |key: String| Row { subject: host.clone(), host: host.clone(), key, ..Row::default() };
        let (entries, left_out) = some(entries, beside.queues.get(name));
        rows.extend(more(&of(String::new()), left_out));
        for (id, entry) in entries {
            let mut row = of(format!("queue {id}"));
            row.text = format!("{}  {} → {}", prose(id), path(&entry.sender), waiting(entry));
            rows.push(row.clone());
            for (i, one) in entry.waiting.iter().enumerate().filter(|(_, w)| w.attempts > 0) {
                let times =
                    if one.attempts == 1 { "once".to_owned() } else { format!("{} times", one.attempts) };
                let mut text = format!("╰ {}: tried {times}", prose(&one.recipient));
                if !one.reason.is_empty() {
                    text += &format!(", {}", prose(&one.reason));
                }
                let aside = one.retry.map_or(String::new(), |retry| again(retry, at, cast.start));
                rows.push(Row { key: format!("retry {id} {i}"), text, aside, ..row.clone() });
            }
            if let Some(notification) = &entry.notification {
                let text = format!("╰ the sender is told by {}", prose(notification));
                rows.push(Row { key: format!("bounce {id}"), text, ..row });
            }
        }
    }
    rows
}

/// `again in 15 min, at 15:02.310`.
fn again(retry: Instant, at: Instant, start: Instant) -> String {
    let when = clock::elapsed(retry.since(start));
    if retry <= at {
        format!("again at {when}")
    } else {
        format!("again in {}, at {when}", clock::short(retry.since(at)))
    }
}

fn waiting(entry: &QueueEntry) -> String {
    if entry.waiting.is_empty() {
        return "nobody waits any more".to_owned();
    }
    entry.waiting.iter().map(|w| prose(&w.recipient)).collect::<Vec<_>>().join(", ")
}

/// An address of an envelope; the null reverse-path is `<>`.
fn path(address: &str) -> String {
    if address.is_empty() { "<>".to_owned() } else { prose(address) }
}

fn mailboxes(cast: &Cast, state: &State, beside: &State) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut empty: Vec<String> = Vec::new();
    for (account, all) in &state.mailboxes {
        let locked = state.locks.contains_key(account);
        if !locked && all.len() < 2 && all.values().all(|mailbox| mailbox.messages.is_empty()) {
            empty.push(prose(account));
            continue;
        }
        let host = state.homes.get(account).map_or(String::new(), |host| cast.known(host));
        let of = |key: String, text: String, aside: String| Row {
            subject: prose(account),
            host: host.clone(),
            key,
            text,
            aside,
        };
        if locked {
            let text = "maildrop locked by one POP3 session";
            rows.push(of("lock".to_owned(), text.to_owned(), String::new()));
        }
        let mut at = if host.is_empty() { String::new() } else { format!("on {host}") };
        for (name, mailbox) in all {
            let (text, aside) = named(name, mailbox, &std::mem::take(&mut at));
            rows.push(of(format!("box {name} {}", mailbox.uidvalidity), text, aside));
            let other = beside.mailboxes.get(account).and_then(|all| all.get(name));
            let (messages, left_out) = some(&mailbox.messages, other.map(|mailbox| &mailbox.messages));
            rows.extend(more(&of(name.clone(), String::new(), String::new()), left_out));
            for (uid, message) in messages {
                let flags =
                    if message.flags.is_empty() { "no flags".to_owned() } else { message.flags.join(" ") };
                let text = format!("╰ UID {uid}  {}  {}", prose(&flags), clock::count(message.size, "octet"));
                rows.push(of(format!("uid {name} {uid}"), text, String::new()));
            }
        }
    }
    if !empty.is_empty() {
        let text = "empty:".to_owned();
        rows.push(Row { key: "empty".to_owned(), text, aside: empty.join(", "), ..Row::default() });
    }
    rows
}

/// How many messages it has; and aside where it is and what makes its UIDs valid (RFC 9051 §2.3.1.1).
fn named(name: &str, mailbox: &Mailbox, at: &str) -> (String, String) {
    let count = mailbox.messages.len() as u64;
    let holds = if count == 0 { "empty".to_owned() } else { clock::count(count, "message") };
    let validity =
        if mailbox.uidvalidity == 0 { String::new() } else { format!("UIDVALIDITY {}", mailbox.uidvalidity) };
    let aside = [at, &validity].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    (format!("{}: {holds}", prose(name)), aside)
}

fn copies(cast: &Cast, state: &State, beside: &State) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, accounts) in &state.clients {
        let host = cast.known(name);
        let of = |key: String| Row { subject: host.clone(), host: host.clone(), key, ..Row::default() };
        for (account, all) in accounts {
            let other = beside.clients.get(name).and_then(|accounts| accounts.get(account));
            let (all, left_out) = some(all, other);
            rows.extend(more(&of(account.clone()), left_out));
            for (key, copy) in all {
                let size = clock::count(copy.size, "octet");
                let text = format!("“{}”  {size}  ({})", prose(&copy.subject), prose(key));
                rows.push(Row { text, ..of(format!("{account} {key}")) });
            }
        }
    }
    rows
}

fn caches(cast: &Cast, state: &State, beside: &State, at: Instant) -> Vec<Row> {
    let mut rows = Vec::new();
    for (host, all) in &state.caches {
        let (all, left_out) = some(all, beside.caches.get(host));
        let host = cast.known(host);
        let of = |key: String| Row { subject: host.clone(), host: host.clone(), key, ..Row::default() };
        rows.extend(more(&of(String::new()), left_out));
        for (name, cached) in all {
            let aside = if cached.until <= at {
                "no longer valid".to_owned()
            } else {
                format!("{} left", clock::short(cached.until.since(at)))
            };
            let text = format!("{}: {}", prose(name), prose(&cached.answer));
            rows.push(Row { text, aside, ..of(name.clone()) });
        }
    }
    rows
}

fn connections(cast: &Cast, state: &State, current: Option<Conn>) -> Vec<Row> {
    let others = state.connections.iter().filter(|(conn, c)| Some(**conn) != current && is_stream(c));
    let row = |(conn, connection): (&Conn, &Connection)| {
        let text = format!("{}: {}", between(cast, *conn), connection.phase);
        let host = cast.call(*conn).map_or(String::new(), |call| call.server);
        Row { host, key: conn.to_string(), text, ..Row::default() }
    };
    others.map(row).collect()
}

fn is_stream(connection: &Connection) -> bool {
    connection.open.transport == Transport::Tcp
}

/// `alice-laptop → mail.example.com:587`.
pub(super) fn between(cast: &Cast, conn: Conn) -> String {
    match cast.call(conn) {
        Some(call) => format!("{} → {}:{}", call.client, call.server, call.port),
        None => format!("connection {conn}"),
    }
}

/// What is spoken on a connection; before the first word, what its port is for.
pub(super) fn spoken(connection: &Connection) -> Protocol {
    match (connection.protocol, connection.open.server.port()) {
        (Protocol::Unknown, 25 | 465 | 587 | 2525) => Protocol::Smtp,
        (Protocol::Unknown, 110 | 995) => Protocol::Pop3,
        (Protocol::Unknown, 143 | 993) => Protocol::Imap,
        (Protocol::Unknown, 53) => Protocol::Dns,
        (protocol, _) => protocol,
    }
}

/// What holds on the connection of a Step: the word in the margin, and what it says.
pub(super) fn session(connection: &Connection, step: Option<&Step>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if !is_stream(connection) {
        return rows;
    }
    rows.push(("TLS", if connection.tls { "on" } else { "off" }.to_owned()));
    match &connection.user {
        Some(user) => rows.push(("logged in", prose(user))),
        // Between servers nobody does.
        None if connection.open.server.port() == 25 => {}
        None => rows.push(("logged in", "nobody".to_owned())),
    }
    if let Some(envelope) = &connection.envelope {
        rows.push(("from", path(&envelope.sender)));
        if envelope.recipients.is_empty() && envelope.refused.is_empty() {
            rows.push(("to", "nobody yet".to_owned()));
        }
        rows.extend(envelope.recipients.iter().map(|to| ("to", format!("✓ {}", path(to)))));
        rows.extend(envelope.refused.iter().map(|to| ("to", format!("✗ {} refused", path(to)))));
    }
    if let Some(step) = step.filter(|step| step.kind == Kind::Data && step.protocol == Protocol::Smtp) {
        rows.push(("message", clock::count(step.bytes.len() as u64, "octet")));
    }
    if let Some(selected) = &connection.selected {
        let only = if connection.read_only { ", read-only" } else { "" };
        rows.push(("selected", format!("{}{only}", prose(selected))));
    }
    if let Some(maildrop) = &connection.maildrop {
        if let Some(messages) = maildrop.messages {
            rows.push(("maildrop", clock::count(u64::from(messages), "message")));
        }
        if !maildrop.deleted.is_empty() {
            let numbers: Vec<String> = maildrop.deleted.iter().take(MOST).map(u32::to_string).collect();
            rows.push(("deleted", format!("{} when QUIT comes", numbers.join(", "))));
        }
    }
    rows
}
