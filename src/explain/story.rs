//! [`Story`]: a transcript as it is read: chapters, Steps with their Notes, facts, in order.
//!
//! The one way from Records to what views show: dissect, fold the state, explain. Views take [`Item`]s.

use super::chapter::Chapters;
use super::outcome::{Outcome, Outcomes};
use super::{Explainer, Note, facts, names};
use crate::base::Instant;
use crate::dissect::{Dissector, Step};
use crate::state::State;
use crate::trace::{Conn, Fact, Head, HostInfo, Mark, Record};
use std::sync::Arc;

/// At most so many beginnings wait for what they lead to.
const MAX_HELD: usize = 64;

/// A stage of the road begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// From 1.
    pub number: usize,
    /// Its id in the catalogue: `submission`, `routing`, `relay`, `fetch-pop3`, …
    pub id: String,
    /// As in `Alice's client hands the letter in`.
    pub title: String,
    /// A sentence that sets the scene, with the post office's counterpart.
    pub intro: String,
}

/// One thing that a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A stage of the road begins.
    Chapter(Chapter),
    /// A Step, explained.
    Step(Box<Step>, Box<Note>),
    /// A host stated something.
    Fact {
        /// When.
        at: Instant,
        /// Which host.
        host: String,
        /// What.
        fact: Fact,
        /// In words: `queued at mail.example.com as 1A, for bob@example.net`.
        text: String,
    },
    /// What came of an SMTP connection that has ended.
    Outcome(Box<Outcome>),
    /// A person's mark.
    Mark(Mark),
}

/// Records in, Items out: pure, in order, with bounded memory of its own (what the state holds is the mail itself).
/// A copy goes on by itself from where it was made, and shares what neither changes.
#[derive(Clone, Default)]
pub struct Story {
    dissector: Dissector,
    state: State,
    explainer: Explainer,
    chapters: Chapters,
    outcomes: Outcomes,
    hosts: Arc<[HostInfo]>,
    /// People who set out: told with what comes next, inside the chapter that they begin.
    held: Vec<Item>,
    /// The last record's Steps, empty between two: its memory is used again.
    steps: Vec<Step>,
    /// Whether Steps are told without Notes.
    is_bare: bool,
}

/// How much memory for one record's Steps is kept for the next one.
const KEPT: usize = 1024;

impl Story {
    /// The story of a transcript with this head.
    pub fn new(head: &Head) -> Self {
        Story {
            dissector: Dissector::new(),
            state: State::default(),
            explainer: Explainer::new(head),
            chapters: Chapters::new(head),
            outcomes: Outcomes::new(head),
            hosts: head.hosts.clone().into(),
            held: Vec::new(),
            steps: Vec::new(),
            is_bare: false,
        }
    }

    /// The same without explanations: its Notes are empty, and it is told in about half the time.
    #[must_use]
    pub fn without_notes(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Take the record at `index` of the transcript; gives what is to be shown of it, in order.
    pub fn push(&mut self, index: usize, record: &Record) -> Vec<Item> {
        let mut items = Vec::new();
        self.push_each(index, record, &mut |item, _| items.push(item));
        items
    }

    /// The same, each item as it is told, with what holds then.
    pub fn push_each(&mut self, index: usize, record: &Record, tell: &mut dyn FnMut(Item, &State)) {
        let mut steps = std::mem::take(&mut self.steps);
        if matches!(record, Record::End { .. }) {
            // One conversation after the other: all that waits may be more than fits in memory.
            self.take(Some(record), steps.drain(..), tell);
            while self.dissector.finish_one(&mut steps) {
                self.take(None, steps.drain(..), tell);
            }
        } else {
            self.dissector.push_to(index, record, &mut steps);
            self.take(Some(record), steps.drain(..), tell);
        }
        self.steps = steps;
        self.steps.shrink_to(KEPT);
    }

    /// Tell a record that was dissected elsewhere: with its Steps, and without itself where it holds nothing but bytes.
    pub(super) fn take(
        &mut self,
        record: Option<&Record>,
        steps: impl Iterator<Item = Step>,
        tell: &mut dyn FnMut(Item, &State),
    ) {
        match record {
            Some(record) => {
                self.explainer.observe(record);
                self.chapters.observe(record);
            }
            None => self.explainer.pass(),
        }
        let mut telling = Telling { first: true, tell };
        for step in steps {
            self.step(step, &mut telling);
        }
        let Some(record) = record else { return };
        if let Some(outcome) = self.outcomes.record(record) {
            telling.give(Item::Outcome(Box::new(outcome)), &mut self.held, &self.state);
        }
        match record {
            Record::Fact { at, host, fact } => {
                if let Some(chapter) = self.chapters.fact(host, fact, &self.state) {
                    telling.give(Item::Chapter(chapter), &mut self.held, &self.state);
                }
                self.state.apply_fact(*at, host, fact);
                let text = facts::text(*at, names::short(&self.hosts, host), fact);
                let item = Item::Fact { at: *at, host: host.clone(), fact: fact.clone(), text };
                // Who sets out waits for what it leads to.
                if matches!(fact, Fact::IntentBegins { .. }) && telling.first && self.held.len() < MAX_HELD {
                    self.held.push(item);
                } else {
                    telling.give(item, &mut self.held, &self.state);
                }
            }
            Record::Mark(mark) => telling.give(Item::Mark(mark.clone()), &mut self.held, &self.state),
            _ => {}
        }
    }

    /// Nothing more comes: what still waits is shown.
    pub fn finish(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        self.finish_each(&mut |item, _| items.push(item));
        items
    }

    /// The same, each item as it is told, with what holds then.
    pub fn finish_each(&mut self, tell: &mut dyn FnMut(Item, &State)) {
        let mut steps = Vec::new();
        self.finish_with(std::iter::empty(), tell);
        while self.dissector.finish_one(&mut steps) {
            self.finish_with(steps.drain(..), tell);
        }
    }

    /// The same, where it was dissected elsewhere, and these Steps are left.
    pub(super) fn finish_with(
        &mut self,
        steps: impl Iterator<Item = Step>,
        tell: &mut dyn FnMut(Item, &State),
    ) {
        for item in std::mem::take(&mut self.held) {
            tell(item, &self.state);
        }
        let mut telling = Telling { first: false, tell };
        for step in steps {
            self.step(step, &mut telling);
        }
        for outcome in self.outcomes.finish(&self.state) {
            telling.give(Item::Outcome(Box::new(outcome)), &mut self.held, &self.state);
        }
    }

    /// What holds after everything that was pushed.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether a data record of this connection may be pushed in several pieces, which tell the same.
    pub fn may_split(&self, conn: Conn) -> bool {
        self.dissector.is_stream(conn)
    }

    /// Bytes that came and are not told yet: a copy of the story takes them along.
    pub fn waiting(&self) -> usize {
        self.dissector.waiting()
    }

    fn step(&mut self, step: Step, telling: &mut Telling<'_>) {
        if let Some(chapter) = self.chapters.step(&step, &self.state) {
            telling.give(Item::Chapter(chapter), &mut self.held, &self.state);
        }
        let note = if self.is_bare { Note::default() } else { self.explainer.note(&step) };
        let outcome = self.outcomes.step(&step, &self.state);
        self.state.apply_step(&step);
        telling.give(Item::Step(Box::new(step), Box::new(note)), &mut self.held, &self.state);
        if let Some(outcome) = outcome {
            telling.give(Item::Outcome(Box::new(outcome)), &mut self.held, &self.state);
        }
    }
}

/// What one record leads to, as it is told.
struct Telling<'t> {
    /// Nothing of this record was told yet.
    first: bool,
    tell: &'t mut dyn FnMut(Item, &State),
}

impl Telling<'_> {
    /// What is held goes in front of the record's items, behind the chapter where they begin one.
    fn give(&mut self, item: Item, held: &mut Vec<Item>, state: &State) {
        let first = std::mem::replace(&mut self.first, false);
        if held.is_empty() || !first {
            return (self.tell)(item, state);
        }
        let begins = matches!(item, Item::Chapter(_));
        let mut before = std::mem::take(held);
        if begins {
            before.insert(0, item);
        } else {
            before.push(item);
        }
        for item in before {
            (self.tell)(item, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::head;
    use super::*;
    use crate::dissect::Protocol;
    use crate::trace::{Conn, Data, Direction, Layer, Opened, Transport};
    use std::path::Path;

    /// The story of a dialogue: lines of `C: ` and `S: ` on one connection.
    fn read(port: u16, dialogue: &str) -> Vec<Item> {
        let head = head();
        let at = Instant::from_secs(1);
        let open = Opened {
            conn: Conn(1),
            transport: Transport::Tcp,
            client: "192.0.2.10:40000".parse().unwrap(),
            server: format!("192.0.2.25:{port}").parse().unwrap(),
        };
        let mut records = vec![Record::Head(head.clone()), Record::Open { at, open }];
        for line in dialogue.lines().map(str::trim_start) {
            let Some((from, text)) = line.split_once(": ").or(line.split_once(':')) else { continue };
            let from = if from == "C" { Direction::Client } else { Direction::Server };
            let bytes = format!("{text}\r\n").into_bytes();
            records.push(Record::Data { at, data: Data { conn: Conn(1), from, layer: Layer::Wire, bytes } });
        }
        records.push(Record::End { at });
        let mut story = Story::new(&head);
        records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect()
    }

    fn notes(items: &[Item]) -> Vec<(&Step, &Note)> {
        let notes = items.iter().filter_map(|item| match item {
            Item::Step(step, note) => Some((&**step, &**note)),
            _ => None,
        });
        notes.collect()
    }

    #[test]
    fn a_letter_handed_in_is_told_from_its_opening_to_its_goodbye() {
        let items = read(
            587,
            "S: 220 mail.example.com ESMTP
             C: EHLO alice-laptop.example.com
             S: 250-mail.example.com
             S: 250-PIPELINING
             S: 250 AUTH PLAIN
             C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==
             S: 235 2.7.0 welcome
             C: MAIL FROM:<alice@example.com>
             S: 250 2.1.0 ok
             C: RCPT TO:<bob@example.net>
             S: 250 2.1.5 ok
             C: RCPT TO:<nobody@example.net>
             S: 550 5.1.1 no such user
             C: DATA
             S: 354 go on
             C: From: Alice <alice@example.com>
             C: Subject: Hello
             C:
             C: ..and so on
             C: .
             S: 250 2.0.0 queued as 1A
             C: QUIT
             S: 221 2.0.0 bye",
        );
        let Item::Chapter(chapter) = &items[0] else { panic!("{:?}", items[0]) };
        assert_eq!((chapter.number, chapter.id.as_str()), (1, "submission"));
        let ids: Vec<_> = notes(&items).into_iter().map(|(_, note)| &*note.id).collect();
        let want = [
            "tcp.open.587",
            "smtp.CONNECT.220",
            "smtp.EHLO",
            "smtp.EHLO.250",
            "smtp.AUTH",
            "smtp.AUTH.235",
            "smtp.MAIL",
            "smtp.MAIL.250",
            "smtp.RCPT",
            "smtp.RCPT.250",
            "smtp.RCPT",
            "smtp.RCPT.550 5.1.1",
            "smtp.DATA",
            "smtp.DATA.354",
            "smtp.message",
            "smtp.message.250",
            "smtp.QUIT",
            "smtp.QUIT.221",
        ];
        assert_eq!(ids, want);
        assert!(!format!("{:?}", notes(&items)[4].1).contains("sesame"));
    }

    /// Each SMTP dialogue of the RFCs has a note for each of its lines.
    #[test]
    fn the_dialogues_of_the_rfcs_are_explained() {
        let Some(corpus) = super::super::testing::corpus("the_dialogues_of_the_rfcs_are_explained") else {
            return;
        };
        let (mut gaps, mut count) = (Vec::new(), 0);
        for name in dialogues(
            &corpus,
            &["1652", "1870", "2034", "2195", "2920", "3030", "3207", "3461", "4954", "5321"],
        ) {
            let text = std::fs::read_to_string(corpus.join("rfc/dialogs").join(&name)).unwrap_or_default();
            for (step, note) in notes(&read(25, &text)) {
                count += 1;
                if note.is_generic() && step.protocol == Protocol::Smtp {
                    gaps.push(format!("{name}: {:?} {} {}", step.kind, step.verb, step.code));
                }
                assert!(note.parts.iter().all(|p| p.span.end <= step.bytes.len()), "{name}");
            }
        }
        assert!(gaps.is_empty() && count > 300, "of {count}: {gaps:#?}");
    }

    fn dialogues(corpus: &Path, rfcs: &[&str]) -> Vec<String> {
        let entries = std::fs::read_dir(corpus.join("rfc/dialogs")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.retain(|n| rfcs.iter().any(|rfc| n.starts_with(&format!("rfc{rfc}-"))));
        names.sort();
        names
    }

    #[test]
    fn facts_and_marks_keep_their_place() {
        let head = head();
        let mut story = Story::new(&head);
        let fact = Fact::Dequeued { id: "1A".to_owned() };
        let at = Instant::from_secs(1);
        let records = [
            Record::Head(head),
            Record::Fact { at, host: "mail.example.com".to_owned(), fact: fact.clone() },
            Record::End { at },
        ];
        let items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
        let [Item::Fact { text, .. }] = &items[..] else { panic!("{items:?}") };
        assert!(text.contains("1A") && text.contains("mail.example.com"), "{text}");
        assert!(story.finish().is_empty());
    }
}
