//! SEARCH (RFC 9051 §6.4.4; RFC 4731, 5182, 5032, 7162 §3.1.5).
//!
//! A key is compiled to a [`Test`] that says yes, no, or "cannot say without the bytes"; only for the latter are
//! bytes asked of the store, a bounded batch at a time.

use super::ask::Ask;
use super::run::{Job, Then};
use super::view::{Seen, View};
use super::{Reply, Server};
use crate::base::Instant;
use crate::proto::imap::mime::{self, decode};
use crate::proto::imap::types::{Date, Flag, SearchKey, SearchReturn, SequenceSet};
use std::cell::OnceCell;
use std::sync::Arc;

/// A search key, ready to be tried on messages.
#[derive(Debug)]
enum Test {
    And(Vec<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Flag(Flag),
    New,
    /// A header field holds the text (already in lower case).
    Field(String, String),
    Body(String),
    Text(String),
    /// Days since 1970 of the internal date, lowest and highest.
    Arrived(i64, i64),
    /// The same of the Date field.
    Sent(i64, i64),
    /// Octets, lowest and highest.
    Size(u64, u64),
    /// Came within these seconds since 1970.
    Came(i64, i64),
    Uids(Vec<(u32, u32)>),
    Numbers(Vec<(u32, u32)>),
    ModSeq(u64),
    Never,
}

/// Bytes of a message, decoded as far as a test needs.
struct Reading<'a> {
    bytes: &'a [u8],
    entity: OnceCell<mime::Entity>,
    header: OnceCell<String>,
    body: OnceCell<String>,
}

impl<'a> Reading<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Reading { bytes, entity: OnceCell::new(), header: OnceCell::new(), body: OnceCell::new() }
    }
    fn entity(&self) -> &mime::Entity {
        self.entity.get_or_init(|| mime::parse(self.bytes))
    }
    fn header_bytes(&self) -> &'a [u8] {
        self.bytes.get(self.entity().header.clone()).unwrap_or_default()
    }
    fn header(&self) -> &str {
        self.header.get_or_init(|| decode::fold_case(&decode::whole_header(self.header_bytes())))
    }
    fn body(&self) -> &str {
        self.body.get_or_init(|| decode::fold_case(&decode::whole_body(self.bytes, self.entity())))
    }
}

fn within(ranges: &[(u32, u32)], number: u32) -> bool {
    let after = ranges.partition_point(|(low, _)| *low <= number);
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, high)| number <= *high)
}

impl Test {
    /// Depth is bounded by the grammar.
    fn compile(key: SearchKey, view: &View, now: Instant) -> Test {
        use SearchKey as K;
        let field = |name: &str, text: String| Test::Field(name.to_owned(), decode::fold_case(&text));
        let not = |test: Test| Test::Not(Box::new(test));
        let day = |d: Date| d.days();
        match key {
            K::And(keys) => Test::And(keys.into_iter().map(|k| Test::compile(k, view, now)).collect()),
            K::Or(a, b) => {
                Test::Or(Box::new(Test::compile(*a, view, now)), Box::new(Test::compile(*b, view, now)))
            }
            K::Not(key) => not(Test::compile(*key, view, now)),
            K::All => Test::And(Vec::new()),
            K::Flag(flag) => Test::Flag(flag),
            K::NotFlag(flag) => not(Test::Flag(flag)),
            K::New => Test::New,
            K::Bcc(text) => field("Bcc", text),
            K::Cc(text) => field("Cc", text),
            K::From(text) => field("From", text),
            K::To(text) => field("To", text),
            K::Subject(text) => field("Subject", text),
            K::Header(name, text) => field(&name, text),
            K::Body(text) => Test::Body(decode::fold_case(&text)),
            K::Text(text) => Test::Text(decode::fold_case(&text)),
            K::Before(d) => Test::Arrived(i64::MIN, day(d) - 1),
            K::On(d) => Test::Arrived(day(d), day(d)),
            K::Since(d) => Test::Arrived(day(d), i64::MAX),
            K::SentBefore(d) => Test::Sent(i64::MIN, day(d) - 1),
            K::SentOn(d) => Test::Sent(day(d), day(d)),
            K::SentSince(d) => Test::Sent(day(d), i64::MAX),
            K::Larger(n) => n.checked_add(1).map_or(Test::Never, |n| Test::Size(n, u64::MAX)),
            K::Smaller(n) => n.checked_sub(1).map_or(Test::Never, |n| Test::Size(0, n)),
            K::Older(seconds) => Test::Came(i64::MIN, now.as_secs() - i64::from(seconds)),
            K::Younger(seconds) => Test::Came(now.as_secs() - i64::from(seconds), i64::MAX),
            K::Uid(set) if set.saved => Test::Uids(saved(view)),
            K::Sequence(set) if set.saved => Test::Uids(saved(view)),
            K::Uid(set) => Test::Uids(set.normalized(view.messages.last().map_or(0, |m| m.meta.uid))),
            K::Sequence(set) => Test::Numbers(set.normalized(view.exists())),
            K::ModSeq(modseq) => Test::ModSeq(modseq),
            K::EmailId(_) | K::ThreadId(_) => Test::Never,
        }
    }

    /// Yes, no, or `None`: not without the bytes.
    fn holds(&self, index: usize, message: &Seen, reading: Option<&Reading<'_>>) -> Option<bool> {
        let meta = &message.meta;
        let has = |flag: &Flag| match flag {
            Flag::Recent => message.recent,
            _ => meta.flags.iter().any(|f| f.same(flag)),
        };
        Some(match self {
            Test::And(tests) => {
                let mut sure = true;
                for test in tests {
                    match test.holds(index, message, reading) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => sure = false,
                    }
                }
                return sure.then_some(true);
            }
            Test::Or(a, b) => {
                return match (a.holds(index, message, reading), b.holds(index, message, reading)) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                };
            }
            Test::Not(test) => !test.holds(index, message, reading)?,
            Test::Flag(flag) => has(flag),
            Test::New => message.recent && !has(&Flag::Seen),
            Test::Field(name, text) => {
                let values = decode::header_values(reading?.header_bytes(), name);
                values.iter().any(|value| decode::fold_case(value).contains(text.as_str()))
            }
            Test::Body(text) => reading?.body().contains(text.as_str()),
            Test::Text(text) => {
                let reading = reading?;
                reading.header().contains(text.as_str()) || reading.body().contains(text.as_str())
            }
            Test::Arrived(low, high) => {
                (*low..=*high).contains(&meta.internal_date.as_secs().div_euclid(86_400))
            }
            Test::Sent(low, high) => {
                decode::sent_date(reading?.header_bytes()).is_some_and(|d| (*low..=*high).contains(&d.days()))
            }
            Test::Size(low, high) => (*low..=*high).contains(&meta.size),
            Test::Came(low, high) => (*low..=*high).contains(&meta.internal_date.as_secs()),
            Test::Uids(ranges) => within(ranges, meta.uid),
            Test::Numbers(ranges) => within(ranges, u32::try_from(index + 1).unwrap_or(u32::MAX)),
            Test::ModSeq(modseq) => meta.modseq >= *modseq,
            Test::Never => false,
        })
    }
}

fn saved(view: &View) -> Vec<(u32, u32)> {
    view.saved.iter().map(|uid| (*uid, *uid)).collect()
}

/// Whether MODSEQ is among the keys: then the answer carries one too.
fn asks_modseq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) => keys.iter().any(asks_modseq),
        SearchKey::Or(a, b) => asks_modseq(a) || asks_modseq(b),
        SearchKey::Not(key) => asks_modseq(key),
        _ => false,
    }
}

/// A SEARCH on its way.
#[derive(Debug)]
pub(super) struct SearchJob {
    uid: bool,
    returns: Option<Vec<SearchReturn>>,
    test: Test,
    modseq: bool,
    hits: Vec<usize>,
    /// Indexes that need the bytes.
    open: Vec<usize>,
    next: usize,
    batch_end: usize,
}

impl Server {
    pub(super) fn search(
        &mut self,
        uid: bool,
        returns: Option<Vec<SearchReturn>>,
        charset: Option<String>,
        key: SearchKey,
    ) {
        let known = |c: &str| c.eq_ignore_ascii_case("US-ASCII") || c.eq_ignore_ascii_case("UTF-8");
        if charset.is_some_and(|c| !known(&c)) {
            // NO to a SEARCH that saves leaves the empty sequence (RFC 9051 §6.4.4.1).
            let saves = returns.is_some_and(|r| r.contains(&SearchReturn::Save));
            if let Some(view) = self.view.as_mut().filter(|_| saves) {
                view.saved.clear();
            }
            return self
                .finish(Reply::no("[BADCHARSET (US-ASCII UTF-8)] That character set is not known here"));
        }
        let modseq = asks_modseq(&key);
        if modseq && !self.enabled.condstore {
            self.enabled.condstore = true;
            self.tell_highest_modseq();
        }
        let Some(view) = &self.view else { return };
        let test = Test::compile(key, view, self.now);
        let (mut hits, mut open) = (Vec::new(), Vec::new());
        for (index, message) in view.messages.iter().enumerate().filter(|(_, m)| !m.gone) {
            match test.holds(index, message, None) {
                Some(true) => hits.push(index),
                Some(false) => {}
                None => open.push(index),
            }
        }
        self.job =
            Some(Job::Search(SearchJob { uid, returns, test, modseq, hits, open, next: 0, batch_end: 0 }));
    }

    pub(super) fn search_on(&mut self, mut job: SearchJob) {
        let Some(view) = &self.view else { return };
        if job.next >= job.open.len() {
            return self.found(job);
        }
        let mut octets = 0;
        let mut uids = Vec::new();
        for index in &job.open[job.next..] {
            let meta = &view.messages[*index].meta;
            octets += meta.size;
            let full = uids.len() >= self.config.batch_messages || octets > self.config.batch_octets;
            if full && !uids.is_empty() {
                break;
            }
            uids.push(meta.uid);
        }
        job.batch_end = job.next + uids.len();
        self.ask(Ask::Bodies { uidvalidity: view.uidvalidity, uids }, Then::SearchBodies(job));
    }

    pub(super) fn search_bodies(&mut self, mut job: SearchJob, bodies: Vec<(u32, Arc<[u8]>)>) {
        let Some(view) = &self.view else { return };
        for (uid, bytes) in bodies {
            let Some(index) = view.index_of(uid) else { continue };
            let reading = Reading::new(&bytes);
            if job.test.holds(index, &view.messages[index], Some(&reading)) == Some(true) {
                job.hits.push(index);
            }
        }
        job.next = job.batch_end;
        self.job = Some(Job::Search(job));
    }

    fn found(&mut self, mut job: SearchJob) {
        job.hits.sort_unstable();
        let Some(view) = &mut self.view else { return };
        let number = |index: &usize| {
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            view.messages.get(*index).map_or(0, |m| if job.uid { m.meta.uid } else { number })
        };
        let numbers: Vec<u32> = job.hits.iter().map(number).collect();
        let highest = job.hits.iter().map(|i| view.messages[*i].meta.modseq).max();
        let modseq = highest.filter(|_| job.modseq);
        let text = format!("{} completed", self.verb);
        if job.returns.is_none() && !self.enabled.rev2 {
            let mut line = String::from("SEARCH");
            numbers.iter().for_each(|n| line.push_str(&format!(" {n}")));
            if let Some(modseq) = modseq {
                line.push_str(&format!(" (MODSEQ {modseq})"));
            }
            self.untagged(&line);
            return self.finish(Reply::ok(text));
        }
        let returns = job.returns.unwrap_or_default();
        let wants = |what: SearchReturn| returns.contains(&what);
        if wants(SearchReturn::Save) {
            let uids: Vec<u32> = job.hits.iter().map(|i| view.messages[*i].meta.uid).collect();
            let only_ends = (wants(SearchReturn::Min) || wants(SearchReturn::Max))
                && !wants(SearchReturn::All)
                && !wants(SearchReturn::Count);
            view.saved = if only_ends { ends(&uids, &returns) } else { uids };
        }
        if returns.as_slice() != [SearchReturn::Save] {
            let line = esearch(&self.tag, job.uid, &returns, &numbers, modseq);
            self.untagged(&line);
        }
        self.finish(Reply::ok(text));
    }
}

/// With SAVE and only MIN or MAX, those are what is saved (RFC 5182 §2.4).
fn ends(uids: &[u32], returns: &[SearchReturn]) -> Vec<u32> {
    let first = uids.first().filter(|_| returns.contains(&SearchReturn::Min));
    let last = uids.last().filter(|_| returns.contains(&SearchReturn::Max));
    let mut out: Vec<u32> = first.into_iter().chain(last).copied().collect();
    out.dedup();
    out
}

/// `ESEARCH (TAG "a1") UID MIN 1 MAX 9 COUNT 3 ALL 1,5,9` (RFC 4731 §3.1).
fn esearch(tag: &str, uid: bool, returns: &[SearchReturn], numbers: &[u32], modseq: Option<u64>) -> String {
    // "RETURN ()" and no RETURN mean ALL.
    let all = returns.is_empty() || returns.contains(&SearchReturn::All);
    let wants = |what: SearchReturn| returns.contains(&what);
    let mut line = format!("ESEARCH (TAG \"{tag}\")");
    if uid {
        line.push_str(" UID");
    }
    if let (Some(first), true) = (numbers.first(), wants(SearchReturn::Min)) {
        line.push_str(&format!(" MIN {first}"));
    }
    if let (Some(last), true) = (numbers.last(), wants(SearchReturn::Max)) {
        line.push_str(&format!(" MAX {last}"));
    }
    if wants(SearchReturn::Count) {
        line.push_str(&format!(" COUNT {}", numbers.len()));
    }
    if all && !numbers.is_empty() {
        line.push_str(&format!(" ALL {}", SequenceSet::of(numbers.iter().copied())));
    }
    if let Some(modseq) = modseq {
        line.push_str(&format!(" MODSEQ {modseq}"));
    }
    line
}
