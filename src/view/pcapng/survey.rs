//! [`Survey`]: what must be known of a whole story before its first packet is written: how each connection goes
//! on and ends, which bytes are secret, and what is said about which byte.
//!
//! Where it stands on the road: the first of the `pcapng` view's two passes. A Step appears when its last byte
//! does, so a secret is known only after the bytes in front of it went by: hence two passes.

use crate::base::Instant;
use crate::dissect::{Kind, Meaning, Step};
use crate::explain::{Chapter, Item, Story};
use crate::trace::{CloseHow, Conn, Direction, Head, Layer, Mark, Missing, Record, Transport};
use crate::view::Cast;
use crate::view::page::{self, Choice, Page, StepPage};
use crate::view::wire::Amount;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// A connection as the dissector sees it: a number that is opened again is another one. Counted from 0.
pub type Id = usize;

/// What a comment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The connection's beginning.
    Open,
    /// The byte of one side's stream that ends at this offset.
    Byte(Direction, u64),
    /// The end that this side made.
    End(Direction),
}

/// How one connection goes.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// When something first happens after its beginning.
    pub first: Option<(Instant, Direction)>,
    /// Bytes that each side sends on the wire.
    pub total: [u64; 2],
    /// How and when it ended, where that ended both directions.
    pub ended: Option<(Instant, CloseHow)>,
    /// Whether a side said that it has no more to send.
    pub fin: bool,
    /// Whether it had begun before the recording did: then it has no handshake.
    pub late: bool,
    /// Whether it belongs into the capture.
    pub kept: bool,
    /// What must not be shown, by side, in stream offsets: in order, none touching another.
    secrets: [Vec<Range<u64>>; 2],
    /// Where its last packet's comments go.
    last: Option<Place>,
}

/// What is known of a whole story.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Every connection's course.
    pub courses: BTreeMap<Id, Course>,
    /// How many connections there were.
    count: Id,
    /// Which connection begins with which record.
    begins: BTreeMap<usize, Id>,
    comments: BTreeMap<(Id, Place), Vec<String>>,
    now: BTreeMap<Conn, Id>,
    /// A chapter's title, until the packet that it begins with.
    chapter: Option<String>,
    /// The Steps that were told last: whose connection, whose side, which bytes.
    lately: VecDeque<(Id, Direction, Range<u64>)>,
}

/// Steps among which a mark that comes behind them finds its own.
const LATELY: usize = 256;

/// The index of a side in an array of two.
pub fn side(from: Direction) -> usize {
    usize::from(from == Direction::Server)
}

impl Survey {
    /// Survey these records.
    pub fn of(head: &Head, records: &[Record], options: &super::Options<'_>) -> Self {
        let (mut survey, mut cast, mut story) = (Survey::default(), Cast::default(), Story::new(head));
        for (index, record) in records.iter().enumerate() {
            cast.learn(record);
            for item in story.push(index, record) {
                survey.item(&cast, &item, index, options);
            }
            survey.record(index, record);
        }
        for item in story.finish() {
            survey.item(&cast, &item, records.len(), options);
        }
        for course in survey.courses.values_mut() {
            for secrets in &mut course.secrets {
                merge(secrets);
            }
        }
        survey
    }

    /// The connection that begins with the record at this index.
    pub fn begins(&self, index: usize) -> Option<Id> {
        self.begins.get(&index).copied()
    }

    /// What is said about a connection's beginning.
    pub fn on_open(&self, id: Id) -> &[String] {
        self.comments.get(&(id, Place::Open)).map_or(&[], Vec::as_slice)
    }

    /// What is said about a connection's end.
    pub fn on_end(&self, id: Id, from: Direction) -> &[String] {
        self.comments.get(&(id, Place::End(from))).map_or(&[], Vec::as_slice)
    }

    /// What is said about these bytes of one side's stream: of each Step that ends there.
    pub fn on_bytes(&self, id: Id, from: Direction, range: Range<u64>) -> Vec<String> {
        let places =
            (id, Place::Byte(from, range.start.saturating_add(1)))..=(id, Place::Byte(from, range.end));
        self.comments.range(places).flat_map(|(_, said)| said.iter().cloned()).collect()
    }

    /// Put asterisks in the place of every secret in these bytes, which begin at `offset` of one side's stream.
    /// Line ends stay, so that lines stay lines.
    pub fn mask(&self, id: Id, from: Direction, offset: u64, bytes: &mut [u8]) {
        let Some(course) = self.courses.get(&id) else { return };
        let secrets = &course.secrets[side(from)];
        let end = offset.saturating_add(bytes.len() as u64);
        let first = secrets.partition_point(|s| s.end <= offset);
        for secret in secrets.iter().skip(first).take_while(|s| s.start < end) {
            let within = |at: u64| usize::try_from(at.clamp(offset, end) - offset).unwrap_or(usize::MAX);
            let hidden = bytes.get_mut(within(secret.start)..within(secret.end)).unwrap_or_default();
            hidden.iter_mut().filter(|b| !matches!(b, b'\r' | b'\n')).for_each(|b| *b = b'*');
        }
    }

    /// Take the next record of a story that still goes on, with what is told of it.
    pub fn see(
        &mut self,
        cast: &Cast,
        items: &[Item],
        index: usize,
        record: &Record,
        options: &super::Options<'_>,
    ) {
        items.iter().for_each(|item| self.item(cast, item, index, options));
        self.record(index, record);
        let (Some(id), Some(at)) = (self.begins(index), record.at()) else { return };
        if let Some(course) = self.courses.get_mut(&id) {
            // What is to come is not known: it is opened at once, and ends when that is recorded.
            (course.kept, course.fin, course.first) = (true, true, Some((at, Direction::Client)));
        }
    }

    /// The connection that has this number now.
    pub fn course(&self, conn: Conn) -> Option<Id> {
        self.now.get(&conn).copied()
    }

    /// Of one side's stream everything is written up to this offset: what is known of it is not needed any more.
    pub fn pass(&mut self, id: Id, from: Direction, offset: u64) {
        if let Some(course) = self.courses.get_mut(&id) {
            course.secrets[side(from)].retain(|secret| secret.end > offset);
        }
        self.comments.retain(|(of, place), _| {
            *of != id || !matches!(place, Place::Byte(by, end) if *by == from && *end <= offset)
        });
    }

    /// Nothing more comes on this connection.
    pub fn forget(&mut self, conn: Conn, index: usize) {
        self.begins.retain(|begun, _| *begun >= index);
        if let Some(id) = self.now.remove(&conn) {
            self.courses.remove(&id);
            self.comments.retain(|(of, _), _| *of != id);
        }
    }

    fn begin(&mut self, conn: Conn, index: usize) -> Id {
        let id = self.count;
        self.count += 1;
        self.courses.insert(id, Course::default());
        self.begins.insert(index, id);
        self.now.insert(conn, id);
        id
    }

    /// The course of a record's connection, after its Steps were seen.
    fn record(&mut self, index: usize, record: &Record) {
        let (at, conn) = match record {
            // A stream's opening is a Step; a datagram's is not.
            Record::Open { open, .. } if open.transport == Transport::Udp => {
                self.begin(open.conn, index);
                return;
            }
            Record::Data { at, data } => (*at, data.conn),
            Record::Gap { at, gap } => (*at, gap.conn),
            Record::Close { at, conn, .. } => (*at, *conn),
            _ => return,
        };
        let Some(id) = self.now.get(&conn).copied() else { return };
        let Some(course) = self.courses.get_mut(&id) else { return };
        match record {
            Record::Data { data, .. } if data.layer == Layer::Wire => {
                course.first.get_or_insert((at, data.from));
                let total = &mut course.total[side(data.from)];
                *total = total.saturating_add(data.bytes.len() as u64);
                course.last = Some(Place::Byte(data.from, *total));
            }
            Record::Gap { gap, .. } if gap.layer == Layer::Wire => {
                course.late |= gap.why == Missing::Before;
            }
            Record::Close { from, how, .. } => {
                course.first.get_or_insert((at, *from));
                match how {
                    CloseHow::Fin => course.fin = true,
                    how => course.ended = Some((at, *how)),
                }
            }
            _ => {}
        }
    }

    fn item(&mut self, cast: &Cast, item: &Item, index: usize, options: &super::Options<'_>) {
        match item {
            Item::Chapter(Chapter { number, title, .. }) => {
                self.chapter = Some(format!("── {number} · {} ──", page::prose(title)));
            }
            Item::Step(step, _) => {
                let id = match self.now.get(&step.conn) {
                    Some(id) if step.kind != Kind::Open => *id,
                    _ => self.begin(step.conn, index),
                };
                let chapter = self.chapter.take();
                self.step(id, step, options);
                if step.layer == Layer::Wire {
                    self.lately.push_back((id, step.from, step.range.clone()));
                    self.lately.drain(..self.lately.len().saturating_sub(LATELY));
                }
                let place = self.place(id, step);
                let said = self.comments.entry((id, place)).or_default();
                said.extend(chapter);
                said.push(comment(cast, item, step, options));
            }
            Item::Mark(mark) => self.mark(mark, cast, item, options),
            Item::Fact { .. } | Item::Outcome(_) => {}
        }
    }

    /// What a person wrote goes to the packet with the last byte that it is about.
    fn mark(&mut self, mark: &Mark, cast: &Cast, item: &Item, options: &super::Options<'_>) {
        let Some(id) = mark.conn.and_then(|conn| self.now.get(&conn).copied()) else { return };
        let (Some(from), Some((start, end))) = (mark.from, mark.range) else { return };
        let before = || self.courses.get(&id).and_then(|course| course.last).unwrap_or(Place::Open);
        let its = |(of, side, range): &(Id, Direction, Range<u64>)| {
            (*of, *side) == (id, from) && range.contains(&start)
        };
        let place = match mark.kind.as_str() {
            _ if start == end || mark.layer == Layer::Plain => before(),
            // A chapter is told before its Step, and everything else behind it.
            "chapter" => Place::Byte(from, start.saturating_add(1)),
            _ => {
                Place::Byte(from, self.lately.iter().rev().find(|one| its(one)).map_or(end, |one| one.2.end))
            }
        };
        let choice = Choice { amount: Amount::Brief, show_secrets: options.show_secrets };
        if let Page::Mark { kind, text } = page::of(item, cast, choice) {
            self.comments.entry((id, place)).or_default().push(format!("✎ {kind}: {text}"));
        }
    }

    fn step(&mut self, id: Id, step: &Step, options: &super::Options<'_>) {
        let Some(course) = self.courses.get_mut(&id) else { return };
        course.kept |= (options.keep)(step);
        if !options.show_secrets && step.layer == Layer::Wire {
            let at = |offset: usize| step.range.start.saturating_add(offset as u64);
            let secrets = step.secrets.iter().map(|s| at(s.start)..at(s.end));
            course.secrets[side(step.from)].extend(secrets);
        }
    }

    /// Where what is said about a Step is put: on the packet with its last byte. What has none (a time-out, what
    /// is inside TLS) goes to the packet before it.
    fn place(&self, id: Id, step: &Step) -> Place {
        let course = self.courses.get(&id);
        let before = || course.and_then(|c| c.last).unwrap_or(Place::Open);
        match step.kind {
            Kind::Open => Place::Open,
            _ if step.layer == Layer::Plain => before(),
            Kind::Close if matches!(step.meaning, Meaning::Close(CloseHow::Timeout)) => before(),
            Kind::Close => Place::End(step.from),
            // No packet has these bytes: the one with the next byte tells of them.
            Kind::Gap => Place::Byte(step.from, step.range.end.saturating_add(1)),
            _ => Place::Byte(step.from, step.range.end),
        }
    }
}

/// Ranges in order, those that touch made one.
fn merge(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_by_key(|r| r.start);
    ranges.retain(|r| !r.is_empty());
    ranges.dedup_by(|next, before| {
        let touch = next.start <= before.end;
        if touch {
            before.end = before.end.max(next.end);
        }
        touch
    });
}

/// What is said about a Step in a comment: its number and its note's summary, in detail more, and what is off.
/// What was seen only inside TLS is quoted, since no packet shows it.
fn comment(cast: &Cast, item: &Item, step: &Step, options: &super::Options<'_>) -> String {
    let choice = Choice { amount: Amount::Brief, show_secrets: options.show_secrets };
    let Page::Step(page) = page::of(item, cast, choice) else { return String::new() };
    let mut out = format!("step {}: ", step.number);
    if step.layer == Layer::Plain {
        let speaker = if step.from == Direction::Client { "C" } else { "S" };
        out += &format!("inside TLS, {speaker}: {} · ", quoted(&page));
    }
    out += &page.note.summary;
    if options.detail {
        for (key, _, text) in &page.note.more {
            let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
            out += &format!("\n{key}{text}");
        }
    }
    for (_, text) in &page.note.findings {
        out += &format!("\n⚠ {text}");
    }
    if let Some(source) = page.note.source.first() {
        out += &format!(" ({source})");
    }
    out
}

/// The first line of a Step, and how many follow it.
fn quoted(page: &StepPage) -> String {
    let line: String =
        page.wire.lines.first().iter().flat_map(|l| &l.chunks).map(|c| c.text.as_str()).collect();
    match page.wire.lines.len() + page.wire.elided {
        0 | 1 => line,
        n => format!("{line} (and {} more lines)", n - 1),
    }
}
