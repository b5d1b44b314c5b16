//! [`Moment`]: one Step of a story that was run, as the place where another story begins.
//!
//! It knows where the Step stands in its stream, what held before it, whom it is about, and from which record on a
//! fork may differ: nothing of what was written before that record can.

use super::weave::Stream;
use crate::base::Word;
use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Dissector, Kind, Meaning, Protocol, Step};
use crate::state::State;
use crate::trace::{Change, Conn, Direction, Head, Layer, Opened, Record};
use crate::view::headline;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;

/// Octets of a Step that can be edited as text.
const EDITABLE: usize = 64 * 1024;

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The head of the story.
    pub head: Head,
    /// The changes that it was run with.
    pub changes: Vec<Change>,
    /// The Step.
    pub step: Step,
    /// The Step that it answers; itself, where the client speaks; none for a greeting.
    pub command: Option<Step>,
    /// What held before it.
    pub before: State,
    /// Between whom, where a connection is known.
    pub open: Option<Opened>,
    /// So many records are written before anything of the Step is: a fork that begins here has them all.
    pub told: u64,
    /// So many are written before its speaker decides on it: behind the command that a reply answers.
    pub decided: u64,
    /// How many bytes its speaker had said in clear before TLS began, where the Step was said inside: its machine's own
    /// stream goes on from there.
    clear: u64,
    /// Whether the client sent the same verb before it in one go: a rule would bite there first.
    crowded: bool,
}

/// What is kept while the story is read up to the Step.
#[derive(Default)]
struct Reading {
    state: State,
    opens: BTreeMap<Conn, Opened>,
    /// The client's last Steps that wait for an answer, by connection.
    asked: BTreeMap<Conn, Vec<Step>>,
    /// The numbers and verbs of what the client said in its last record, by connection.
    said: BTreeMap<Conn, (usize, Vec<(usize, Word)>)>,
    /// Where each side's data records begin in its stream.
    pieces: BTreeMap<(Conn, Direction, Layer), Vec<(u64, usize)>>,
    sent: BTreeMap<(Conn, Direction, Layer), u64>,
    /// How many bytes each side has said in clear.
    clear: BTreeMap<(Conn, Direction), u64>,
}

impl Moment {
    /// The Step of this number (from 1) in a story that was run.
    ///
    /// # Errors
    /// In words: there is no such Step, or the story was recorded and not run.
    pub fn at(records: &[Record], number: usize) -> Result<Moment, String> {
        let Some(Record::Head(head)) = records.first() else {
            return Err("this recording has no head".to_owned());
        };
        let changes = crate::view::runner::Order::of(head)?.changes;
        let mut reading = Reading::default();
        let mut dissector = Dissector::new();
        for (index, record) in records.iter().enumerate() {
            reading.observe(index, record);
            for step in dissector.push(index, record) {
                if step.number == number {
                    return Ok(reading.moment(head.clone(), changes, step, records));
                }
                reading.apply(step);
            }
            if let Record::Fact { at, host, fact } = record {
                reading.state.apply_fact(*at, host, fact);
            }
        }
        Err(format!("there is no step {number}"))
    }

    /// The stream in which the Step stands.
    pub fn stream(&self) -> Stream {
        Stream { conn: self.step.conn, side: self.step.from }
    }

    /// Where it stands in its machine's own stream, which goes on from clear text into TLS.
    pub fn range(&self) -> Range<u64> {
        self.step.range.start + self.clear..self.step.range.end + self.clear
    }

    /// Whether its bytes may be other ones: it has some, they are all here, and they can be read.
    pub fn has_bytes(&self) -> bool {
        let tcp = self.open.as_ref().is_some_and(|open| open.transport == crate::trace::Transport::Tcp);
        let kind = !matches!(self.step.kind, Kind::Open | Kind::Close | Kind::Gap | Kind::Unparsed);
        tcp && kind && matches!(self.step.protocol, Protocol::Smtp | Protocol::Pop3 | Protocol::Imap)
    }

    /// Its lines, to be edited; `None` where it is no text, or too long for that.
    pub fn lines(&self) -> Option<Vec<String>> {
        if !self.has_bytes() || self.step.bytes.len() > EDITABLE {
            return None;
        }
        let text = std::str::from_utf8(&self.step.bytes).ok()?;
        let body = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(text);
        Some(body.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect())
    }

    /// The changes that put these lines in its place, each ended by CR LF; `None` where they are what was said anyway.
    pub fn with_lines(&self, lines: &[String]) -> Option<Vec<Change>> {
        let mut bytes = lines.join("\r\n").into_bytes();
        if !lines.is_empty() {
            bytes.extend_from_slice(b"\r\n");
        }
        self.with_bytes(&bytes)
    }

    /// The changes that put these bytes in its place; `None` where they are what was said anyway, or it has no bytes.
    pub fn with_bytes(&self, bytes: &[u8]) -> Option<Vec<Change>> {
        if !self.has_bytes() || bytes == self.step.bytes {
            return None;
        }
        Some(self.stream().replace(&self.changes, self.range(), bytes))
    }

    /// The changes of an answer that a person gives in the server's place.
    ///
    /// A plain no is meant as one: the server is made to give that answer, once, and takes nothing for done. Anything
    /// else stands on the wire in place of what the server said, while the server believes what it said itself.
    pub fn answered(&self, lines: &[String]) -> Option<Vec<Change>> {
        let changed = self.with_lines(lines)?;
        let refusal = self.refusal(lines);
        Some(refusal.map_or(changed, |fault| self.with_fault(fault, self.decided)))
    }

    /// The rule that makes the server say this single line of refusal.
    fn refusal(&self, lines: &[String]) -> Option<serde_json::Value> {
        let [line] = lines else { return None };
        if self.step.from != Direction::Server || self.crowded {
            return None;
        }
        let verb = match (self.step.kind, &self.command) {
            (Kind::Greeting, _) => "CONNECT",
            (Kind::Reply, Some(command)) if command.kind == Kind::Data => ".",
            (Kind::Reply, Some(command)) if command.kind == Kind::Command && !command.verb.is_empty() => {
                &command.verb
            }
            _ => return None,
        };
        let said = match self.step.protocol {
            Protocol::Smtp => {
                let code: u16 = line.get(..3)?.parse().ok().filter(|code| (400..600).contains(code))?;
                let text = line.get(3..).unwrap_or_default();
                (text.is_empty() || text.starts_with(' ')).then(|| format!("{code}{text}"))?
            }
            Protocol::Pop3 => line.starts_with("-ERR").then(|| line.clone())?,
            Protocol::Imap => {
                let (_, rest) = line.split_once(' ')?;
                let no = rest.get(..3).is_some_and(|word| matches!(word, "NO " | "BAD"));
                (no && line.starts_with(&self.tag()?)).then(|| rest.to_owned())?
            }
            _ => return None,
        };
        let (server, service) = (self.server()?, self.service()?);
        Some(
            json!({ "kind": "reply", "host": server, "service": service, "verb": verb, "reply": said, "times": 1 }),
        )
    }

    /// The changes with one more fault, which begins behind so many records.
    pub fn with_fault(&self, fault: serde_json::Value, after: u64) -> Vec<Change> {
        let mut changes = self.changes.clone();
        changes.push(Change::Fault { fault, after });
        changes
    }

    /// IMAP: the tag of the client's command, with the space behind it.
    pub fn tag(&self) -> Option<String> {
        let command = self.command.as_ref().filter(|_| self.step.protocol == Protocol::Imap)?;
        let text = std::str::from_utf8(&command.bytes).ok()?;
        text.split_once(' ').map(|(tag, _)| format!("{tag} "))
    }

    /// The host that was called.
    pub fn server(&self) -> Option<&str> {
        self.named(self.open.as_ref()?.server.ip())
    }

    /// The host that called.
    pub fn client(&self) -> Option<&str> {
        self.named(self.open.as_ref()?.client.ip())
    }

    fn named(&self, address: std::net::IpAddr) -> Option<&str> {
        self.head.hosts.iter().find(|host| host.addresses.contains(&address)).map(|host| host.name.as_str())
    }

    /// The service that was called, as a scenario names it.
    pub fn service(&self) -> Option<&'static str> {
        match self.open.as_ref()?.server.port() {
            25 => Some("mta"),
            53 => Some("dns"),
            110 | 995 => Some("pop3"),
            143 | 993 => Some("imap"),
            465 | 587 => Some("submission"),
            _ => None,
        }
    }

    /// The recipient that it is about: of the RCPT, else the envelope's first.
    pub fn recipient(&self) -> Option<&str> {
        let command = self.command.as_ref()?;
        if let Meaning::Smtp(SmtpMeaning::Rcpt { to, .. }) = &command.meaning {
            return Some(to);
        }
        let envelope = self.before.connections.get(&self.step.conn)?.envelope.as_ref()?;
        envelope.recipients.first().map(String::as_str)
    }
}

impl Reading {
    fn observe(&mut self, index: usize, record: &Record) {
        match record {
            Record::Open { open, .. } => {
                self.opens.insert(open.conn, open.clone());
            }
            Record::Data { data, .. } => {
                let key = (data.conn, data.from, data.layer);
                let sent = self.sent.entry(key).or_default();
                self.pieces.entry(key).or_default().push((*sent, index));
                *sent += data.bytes.len() as u64;
            }
            _ => {}
        }
    }

    fn apply(&mut self, step: Step) {
        self.state.apply_step(&step);
        if step.layer == Layer::Wire && !matches!(step.protocol, Protocol::Tls | Protocol::Tcp) {
            self.clear.insert((step.conn, step.from), step.range.end);
        }
        if headline::is_carrier(&step) {
            return; // It is what another Step says.
        }
        let asked = self.asked.entry(step.conn).or_default();
        match (step.from, step.kind) {
            (_, Kind::Open) => {}
            (_, Kind::Close) => {
                self.asked.remove(&step.conn);
            }
            (Direction::Client, _) => {
                let (record, said) = self.said.entry(step.conn).or_default();
                if *record != step.record {
                    (*record, *said) = (step.record, Vec::new());
                }
                said.push((step.number, step.verb.clone()));
                asked.push(step);
            }
            // One answer each; what is told unasked answers nothing, and "go on" leaves the command open.
            (Direction::Server, Kind::Reply | Kind::Answer) if !asked.is_empty() => {
                asked.remove(0);
            }
            _ => {}
        }
    }

    fn moment(mut self, head: Head, changes: Vec<Change>, step: Step, records: &[Record]) -> Moment {
        let asked = self.asked.remove(&step.conn).unwrap_or_default();
        let (first, whole) = self.first_record(&step);
        let told = count(records, first) + u64::from(!whole);
        let command = match step.from {
            Direction::Client => Some(step.clone()),
            Direction::Server => asked.first().cloned(),
        };
        let answers = command.as_ref().filter(|_| step.from == Direction::Server);
        let decided = answers.map_or(told, |command| count(records, command.record + 1));
        let crowded = answers.is_some_and(|c| self.is_behind_its_like(c));
        Moment {
            open: self.opens.remove(&step.conn),
            before: self.state,
            head,
            changes,
            clear: self
                .clear
                .get(&(step.conn, step.from))
                .copied()
                .filter(|_| step.layer == Layer::Plain)
                .unwrap_or(0),
            command,
            told,
            decided: decided.min(told),
            crowded,
            step,
        }
    }

    /// The record in which the Step's first byte came, and whether the record begins with it.
    fn first_record(&self, step: &Step) -> (usize, bool) {
        let pieces = self
            .pieces
            .get(&(step.conn, step.from, step.layer))
            .filter(|_| !matches!(step.kind, Kind::Open | Kind::Close));
        let piece =
            pieces.and_then(|pieces| pieces.iter().rev().find(|(start, _)| *start <= step.range.start));
        piece.map_or((step.record, true), |(start, index)| (*index, *start == step.range.start))
    }

    /// Whether the same verb came before this command in the same record.
    fn is_behind_its_like(&self, command: &Step) -> bool {
        let Some((record, said)) = self.said.get(&command.conn) else { return false };
        let mut before = said.iter().filter(|(number, _)| *number < command.number);
        *record == command.record && before.any(|(_, verb)| *verb == command.verb)
    }
}

/// How many of the first `index` records a world wrote: people's marks came later.
fn count(records: &[Record], index: usize) -> u64 {
    let written = |record: &&Record| !matches!(record, Record::Mark(_) | Record::Unknown(_));
    records.iter().take(index).filter(written).count() as u64
}
