//! [`Outcome`]: a story that is over, as goals and activities ask about it: its items in order, its connections with who
//! was at their ends, its messages, and what holds in the end.

use super::letters::{Letter, Letters};
use crate::base::Instant;
use crate::dissect::filter::{Filter, spoken_at};
use crate::dissect::{Kind, Protocol, Step, Verdict};
use crate::explain::{Item, Story, Surroundings};
use crate::state::State;
use crate::trace::{Conn, Fact, Head, Opened, Record};
use crate::world::scenario::Scenario;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Where the student sits who types.
pub const DESK: &str = "student-laptop.example.org";
/// The student's own address.
pub const SENDER: &str = "student@example.org";

/// A connection, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called: the host's name, or its address.
    pub from: String,
    /// Who was called.
    pub to: String,
    /// At which port.
    pub port: u16,
    /// What was spoken.
    pub protocol: Protocol,
    /// Whether a login succeeded.
    pub auth: bool,
    /// Whether TLS protected it, from the start or later.
    pub tls: bool,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The story's records.
    pub records: Arc<[Record]>,
    /// Its items, without notes.
    pub items: Vec<Item>,
    /// Its connections.
    pub calls: BTreeMap<Conn, Call>,
    /// What holds in the end.
    pub state: State,
    letters: Letters,
    around: Surroundings,
}

impl Outcome {
    /// Read a story to its end.
    pub fn of(records: Arc<[Record]>) -> Self {
        let head = match records.first() {
            Some(Record::Head(head)) => head.clone(),
            _ => empty_head(),
        };
        let mut around = Surroundings::default();
        around.learn_head(&head);
        let mut reading = Reading { head: &head, calls: BTreeMap::new(), letters: letters_before(&head) };
        let mut items = Vec::new();
        let mut story = Story::new(&head).without_notes();
        for (index, record) in records.iter().enumerate() {
            if let Record::Open { open, .. } = record {
                around.learn_open(open);
            }
            story.push_each(index, record, &mut |item, after| {
                reading.see(&item, after);
                items.push(item);
            });
        }
        story.finish_each(&mut |item, after| {
            reading.see(&item, after);
            items.push(item);
        });
        let Reading { calls, letters, .. } = reading;
        let state = story.state().clone();
        Outcome { items, calls, state, letters, around, records }
    }

    /// The places in [`Outcome::items`] of what passes a filter, in order.
    pub fn matching(&self, filter: &Filter) -> Vec<usize> {
        let mut around = self.around.clone();
        let mut found = Vec::new();
        for (place, item) in self.items.iter().enumerate() {
            around.enter(item);
            if around.let_pass(filter, item) {
                found.push(place);
            }
        }
        found
    }

    /// The Steps that pass a filter, in order.
    pub fn steps(&self, filter: &Filter) -> Vec<&Step> {
        self.matching(filter).into_iter().filter_map(|place| self.step_at(place)).collect()
    }

    /// The Step at this place, where it is one.
    pub fn step_at(&self, place: usize) -> Option<&Step> {
        match self.items.get(place) {
            Some(Item::Step(step, _)) => Some(step),
            _ => None,
        }
    }

    /// The Step of this number.
    pub fn step(&self, number: usize) -> Option<&Step> {
        self.items.iter().find_map(|item| match item {
            Item::Step(step, _) if step.number == number => Some(&**step),
            _ => None,
        })
    }

    /// The numbers of all Steps, in order.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.items.iter().filter_map(|item| match item {
            Item::Step(step, _) => Some(step.number),
            _ => None,
        })
    }

    /// Everything that hosts stated: who, and what.
    pub fn facts(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.items.iter().filter_map(|item| match item {
            Item::Fact { host, fact, .. } => Some((host.as_str(), fact)),
            _ => None,
        })
    }

    /// The message of a UID, where its text is known.
    pub fn letter(&self, account: &str, mailbox: &str, uid: u32) -> Option<&Letter> {
        self.letters.kept(account, mailbox, uid)
    }

    /// Whether a connection is the one of the student who types.
    pub fn is_typed(&self, conn: Conn) -> bool {
        self.calls.get(&conn).is_some_and(|call| call.from == DESK)
    }
}

/// What is kept while the story is read.
struct Reading<'h> {
    head: &'h Head,
    calls: BTreeMap<Conn, Call>,
    letters: Letters,
}

impl Reading<'_> {
    fn see(&mut self, item: &Item, after: &State) {
        match item {
            Item::Step(step, _) => {
                self.call(step, after);
                let calls = &self.calls;
                let ends = |conn: Conn| {
                    calls.get(&conn).map(|call| (call.from.clone(), call.to.clone())).unwrap_or_default()
                };
                self.letters.step(step, after, &ends);
            }
            Item::Fact { host, fact, .. } => {
                let calls = &self.calls;
                let ends = |conn: Conn| {
                    calls.get(&conn).map(|call| (call.from.clone(), call.to.clone())).unwrap_or_default()
                };
                self.letters.fact(host, fact, after, &ends);
            }
            Item::Chapter(_) | Item::Outcome(_) | Item::Mark(_) => {}
        }
    }

    fn call(&mut self, step: &Step, after: &State) {
        if let crate::dissect::Meaning::Open(open) = &step.meaning {
            self.calls.insert(step.conn, self.opened(open));
        }
        let Some(call) = self.calls.get_mut(&step.conn) else { return };
        // Who logged in does not show in every mechanism; that somebody did, does.
        let logs_in = matches!(step.verb.as_str(), "AUTH" | "PASS" | "APOP" | "LOGIN" | "AUTHENTICATE");
        call.auth |= logs_in && step.kind == Kind::Reply && step.verdict == Some(Verdict::Positive);
        call.tls |= after.connections.get(&step.conn).is_some_and(|connection| connection.tls);
        call.tls |= step.protocol == Protocol::Tls;
        if !matches!(step.protocol, Protocol::Tcp | Protocol::Tls | Protocol::Unknown) {
            call.protocol = step.protocol;
        }
    }

    fn opened(&self, open: &Opened) -> Call {
        Call {
            from: self.named(open.client.ip()),
            to: self.named(open.server.ip()),
            port: open.server.port(),
            // Nobody speaks where nobody answers: by the port it is known what was wanted.
            protocol: spoken_at(open.server.port()).unwrap_or(Protocol::Unknown),
            auth: false,
            tls: false,
        }
    }

    fn named(&self, address: IpAddr) -> String {
        let host = self.head.hosts.iter().find(|host| host.addresses.contains(&address));
        host.map_or_else(|| address.to_string(), |host| host.name.clone())
    }
}

/// What lies in mailboxes from the start: the scenario tells what no wire shows.
fn letters_before(head: &Head) -> Letters {
    let mut letters = Letters::default();
    let Ok(scenario) = Scenario::from_toml(&head.scenario, "the story's scenario") else { return letters };
    for message in &scenario.messages {
        for number in 1..=message.count.min(10_000) {
            let letter = &message.letter;
            let subject = match message.count {
                1 => letter.subject.clone(),
                _ => format!("{} {number}", letter.subject),
            };
            let from = if letter.from.is_empty() { &message.account } else { &letter.from };
            let to = letter.to.join(", ");
            let text = format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{}", letter.body);
            let letter = Letter { text: text.into_bytes(), sender: from.clone(), hops: Vec::new() };
            letters.lies(&message.account, &message.mailbox, letter);
        }
    }
    letters
}

fn empty_head() -> Head {
    Head {
        version: 1,
        generator: String::new(),
        title: String::new(),
        start: Instant::default(),
        hosts: Vec::new(),
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    }
}
