//! [`Reading`]: one transcript, divided: into what people set out to do, and into conversations.
//!
//! A Step serves the intention that its client's host began last: its own connection, opened for it or kept open from
//! an earlier one. What servers do among themselves serves nobody on a device, and is counted as `elsewhere`.

use super::Holdings;
use crate::base::{Instant, Span, Word};
use crate::dissect::{Dissector, Kind, Protocol, Step, Traffic, Turns, Verdict};
use crate::state::State;
use crate::trace::{Conn, Direction, Fact, Head, Opened, Record, Transport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Octets of a line that are kept: a row shows how a line begins, never a whole letter.
const KEPT: usize = 512;

/// A transcript, read for comparing.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The story's title.
    pub title: String,
    /// When it begins.
    pub start: Instant,
    /// What people set out to do, in the order in which they began.
    pub intentions: Vec<Intention>,
    /// Every conversation over TCP, in the order of their opening.
    pub conversations: Vec<Conversation>,
    /// Everything that crossed the wires.
    pub total: Traffic,
    /// Of it, what served no intention: servers among themselves.
    pub elsewhere: Traffic,
    /// What everybody holds at the end.
    pub end: Holdings,
    /// When the last thing happened.
    pub last: Instant,
}

/// What somebody set out to do, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Intention {
    /// Who, as in `Bob`.
    pub who: String,
    /// What, as the script names it.
    pub intent: String,
    /// In words.
    pub detail: String,
    /// On which host.
    pub host: String,
    /// Since when.
    pub began: Instant,
    /// Until when; `None` where the transcript ends before it does.
    pub ended: Option<Instant>,
    /// Whether it was achieved, where it ended.
    pub ok: Option<bool>,
    /// What came of it, in words.
    pub outcome: String,
    /// What the client did where its protocol cannot do what was wanted; empty elsewhere.
    pub instead: String,
    /// Commands and what answered them, in order.
    pub exchanges: Vec<Exchange>,
    /// What it cost.
    pub traffic: Traffic,
    /// What everybody holds after it.
    pub after: Holdings,
}

/// A conversation of a client with a server.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Between whom.
    pub open: Opened,
    /// What it speaks.
    pub protocol: Protocol,
    /// The client's host, or its address.
    pub client: String,
    /// The server's host, or its address.
    pub server: String,
    /// Commands and what answered them, in order.
    pub exchanges: Vec<Exchange>,
    /// What it cost.
    pub traffic: Traffic,
}

/// What one end asked, and what answered it.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The verb; `CONNECT` for the greeting, empty for what has none.
    pub verb: Word,
    /// The lines, in the order of the wire.
    pub lines: Vec<Line>,
    /// Whether it was sent before the answer to the one before had come.
    pub at_once: bool,
    /// Whether its last answer has come.
    answered: bool,
}

/// A Step, as much of it as a row shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// The Step's number in its transcript.
    pub step: usize,
    /// On which connection.
    pub conn: Conn,
    /// When.
    pub at: Instant,
    /// Who spoke.
    pub from: Direction,
    /// What sort of thing it is.
    pub kind: Kind,
    /// The protocol.
    pub protocol: Protocol,
    /// Its verb, as in [`Step::verb`].
    pub verb: Word,
    /// Its code, as in [`Step::code`].
    pub code: Word,
    /// What it says, for a reply.
    pub verdict: Option<Verdict>,
    /// Its bytes on the wire.
    pub len: u64,
    /// How its bytes begin, at most 512 of them: raw, to be escaped by whoever shows them.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Spans of `bytes` that hold a secret.
    #[serde(skip)]
    pub secrets: Vec<Span>,
}

impl Line {
    fn of(step: &Step) -> Self {
        let kept = step.bytes.len().min(KEPT);
        let shortened = |s: &Span| Span { start: s.start.min(kept), end: s.end.min(kept) };
        Line {
            step: step.number,
            conn: step.conn,
            at: step.at,
            from: step.from,
            kind: step.kind,
            protocol: step.protocol,
            verb: step.verb.clone(),
            code: step.code.clone(),
            verdict: step.verdict,
            len: step.range.end.saturating_sub(step.range.start),
            bytes: step.bytes.get(..kept).unwrap_or_default().to_vec(),
            secrets: step.secrets.iter().map(shortened).filter(|s| s.start < s.end).collect(),
        }
    }
}

impl Reading {
    /// Read a whole transcript. The first record is its head.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let mut reader = Reader::default();
        for (index, record) in records.into_iter().enumerate() {
            reader.push(index, &record);
        }
        reader.finish()
    }

    /// The part of an intention's cost: from its beginning to its end, or to the end of the story.
    pub fn took(&self, intention: &Intention) -> std::time::Duration {
        intention.ended.unwrap_or(self.last).since(intention.began)
    }
}

/// What is known while reading.
#[derive(Default)]
struct Reader {
    dissector: Dissector,
    state: State,
    turns: Turns,
    /// Per conversation as well as per intention: each counts its own.
    turns_of: BTreeMap<Conn, Turns>,
    hosts: BTreeMap<IpAddr, String>,
    /// The client's host of each connection, and its place among the conversations.
    conns: BTreeMap<Conn, (String, Option<usize>)>,
    /// Host → the intention that was begun there last.
    current: BTreeMap<String, usize>,
    reading: Reading,
}

impl Reader {
    fn push(&mut self, index: usize, record: &Record) {
        match record {
            Record::Head(head) => self.head(head),
            Record::Open { open, .. } => self.open(open),
            _ => {}
        }
        for step in self.dissector.push(index, record) {
            self.step(&step);
        }
        if let Record::Fact { at, host, fact } = record {
            self.reading.last = self.reading.last.max(*at);
            self.state.apply_fact(*at, host, fact);
            self.fact(*at, host, fact);
        }
    }

    fn finish(mut self) -> Reading {
        for step in self.dissector.finish() {
            self.step(&step);
        }
        let end = Holdings::of(&self.state);
        for intention in self.reading.intentions.iter_mut().filter(|i| i.ended.is_none()) {
            intention.after = end.clone();
        }
        self.reading.end = end;
        self.reading
    }

    fn head(&mut self, head: &Head) {
        self.reading.title.clone_from(&head.title);
        self.reading.start = head.start;
        self.reading.last = head.start;
        let named = head.hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, h.name.clone())));
        self.hosts.extend(named);
    }

    fn step(&mut self, step: &Step) {
        self.reading.last = self.reading.last.max(step.at);
        self.state.apply_step(step);
        let mut cost = Traffic::default();
        cost.count(step, &mut self.turns);
        self.reading.total.add(&cost);
        let Some((client, conversation)) = self.conns.get(&step.conn) else {
            return self.reading.elsewhere.add(&cost);
        };
        if let Some(conversation) = conversation.and_then(|at| self.reading.conversations.get_mut(at)) {
            conversation.traffic.count(step, self.turns_of.entry(step.conn).or_default());
            if step.protocol != Protocol::Tcp {
                conversation.protocol = step.protocol;
            }
            join(&mut conversation.exchanges, step);
        }
        match self.current.get(client).and_then(|at| self.reading.intentions.get_mut(*at)) {
            Some(intention) => {
                intention.traffic.add(&cost);
                join(&mut intention.exchanges, step);
            }
            None => self.reading.elsewhere.add(&cost),
        }
        if step.kind == Kind::Close {
            self.turns_of.remove(&step.conn);
        }
    }

    fn open(&mut self, open: &Opened) {
        let name = |address: IpAddr| self.hosts.get(&address).cloned().unwrap_or_else(|| address.to_string());
        let (client, server) = (name(open.client.ip()), name(open.server.ip()));
        let place = (open.transport == Transport::Tcp).then_some(self.reading.conversations.len());
        self.conns.insert(open.conn, (client.clone(), place));
        if place.is_some() {
            self.reading.conversations.push(Conversation {
                open: open.clone(),
                protocol: Protocol::Tcp,
                client,
                server,
                exchanges: Vec::new(),
                traffic: Traffic::default(),
            });
        }
    }

    fn fact(&mut self, at: Instant, host: &str, fact: &Fact) {
        match fact {
            Fact::IntentBegins { who, intent, detail } => {
                self.current.insert(host.to_owned(), self.reading.intentions.len());
                self.reading.intentions.push(Intention {
                    who: who.clone(),
                    intent: intent.clone(),
                    detail: detail.clone(),
                    host: host.to_owned(),
                    began: at,
                    ..Intention::default()
                });
            }
            Fact::IntentEnds { who, intent, ok, detail, instead } => {
                let open = |i: &&mut Intention| {
                    i.ended.is_none() && i.host == host && i.who == *who && i.intent == *intent
                };
                if let Some(intention) = self.reading.intentions.iter_mut().rev().find(open) {
                    intention.ended = Some(at);
                    intention.ok = Some(*ok);
                    intention.outcome.clone_from(detail);
                    intention.instead.clone_from(instead);
                    intention.after = Holdings::of(&self.state);
                }
            }
            _ => {}
        }
    }
}

/// How far back an answer looks for what it answers: more commands are hardly sent at once.
const WINDOW: usize = 256;

/// Put a Step where it belongs: an answer with what it answers, anything else at the end.
fn join(exchanges: &mut Vec<Exchange>, step: &Step) {
    let line = Line::of(step);
    let on = |e: &Exchange| e.lines.last().is_some_and(|l| l.conn == step.conn);
    let from = exchanges.len().saturating_sub(WINDOW);
    let asks = step.from == Direction::Client && matches!(step.kind, Kind::Command | Kind::Query);
    let place = match (step.from, step.kind) {
        (_, Kind::Open | Kind::Close) => None,
        _ if asks => None,
        (Direction::Client, _) => exchanges.iter().rposition(on),
        (Direction::Server, kind) => {
            let waiting = || exchanges[from..].iter().position(|e| on(e) && !e.answered);
            let asked = || exchanges[from..].iter().position(|e| on(e) && !e.answered && e.verb == step.verb);
            let spoken = || latest_answer(&exchanges[from..], step.conn);
            let place = match kind {
                Kind::Reply | Kind::Answer => asked().or_else(waiting),
                Kind::Data => spoken().or_else(waiting),
                _ => waiting(),
            };
            place.map(|at| at + from).or_else(|| exchanges.iter().rposition(on))
        }
    };
    if let Some(exchange) = place.and_then(|at| exchanges.get_mut(at)) {
        let ends = step.kind == Kind::Reply && step.verdict != Some(Verdict::Intermediate);
        exchange.answered |= ends || matches!(step.kind, Kind::Answer | Kind::Greeting);
        exchange.lines.push(line);
        return;
    }
    let at_once = asks && exchanges.last().is_some_and(|e| on(e) && !e.answered);
    let verb = if step.kind == Kind::Open { "CONNECT" } else { &step.verb };
    exchanges.push(Exchange {
        verb: Word::new(verb),
        lines: vec![line],
        at_once,
        answered: step.kind == Kind::Close,
    });
}

/// The exchange in which the server of this connection spoke last.
fn latest_answer(exchanges: &[Exchange], conn: Conn) -> Option<usize> {
    let spoke = |e: &Exchange| {
        let line = e.lines.last()?;
        (line.conn == conn && line.from == Direction::Server).then_some(line.step)
    };
    let all = exchanges.iter().enumerate().filter_map(|(at, e)| Some((spoke(e)?, at)));
    all.max().map(|(_, at)| at)
}
