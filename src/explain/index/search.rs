//! Looking for rows behind the screen: [`Hits`] of a [`Query`] one after the other, and a filtered view, [`Matching`].

use super::source::Store;
use super::teller::Teller;
use super::{Opens, StoryIndex};
use crate::base::escape;
use crate::dissect::dns::Row;
use crate::dissect::filter::Filter;
use crate::dissect::{Kind, Meaning};
use crate::explain::{Item, Surroundings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// What is looked for.
#[derive(Clone, Debug)]
pub enum Query {
    /// These words, in any case: in bytes (secrets are not searched), in what hosts state, in marks, chapters and
    /// verbs. Not in notes, which say the same of many lines.
    Text(String),
    /// What this filter lets pass.
    Filter(Filter),
}

impl Query {
    fn ready(self) -> Ready {
        match self {
            Query::Text(words) => Ready::Text(words.to_lowercase()),
            Query::Filter(filter) => Ready::Filter(filter),
        }
    }
}

enum Ready {
    /// Every row.
    All,
    /// In small letters.
    Text(String),
    Filter(Filter),
}

impl Ready {
    fn meets(&self, item: &Item, around: &Surroundings) -> bool {
        match self {
            Ready::All => true,
            Ready::Filter(filter) => around.let_pass(filter, item),
            Ready::Text(words) => has(item, words),
        }
    }
}

/// Whether the words, in small letters, stand in what is shown of an item.
fn has(item: &Item, words: &str) -> bool {
    let text = |text: &str| text.to_lowercase().contains(words);
    match item {
        Item::Chapter(chapter) => text(&chapter.title),
        Item::Fact { host, text: said, .. } => text(host) || text(said),
        Item::Outcome(outcome) => text(&outcome.text),
        Item::Mark(mark) => text(&mark.text),
        Item::Step(step, _) => {
            if let Meaning::Dns(dns) = &step.meaning {
                // What is shown of a datagram is words.
                let row = |row: &Row| text(&format!("{} {} {}", row.name, row.rtype, row.data));
                let asked = text(&format!("{} {}?", dns.qname, dns.qtype)) && step.kind == Kind::Query;
                return asked || dns.answers.iter().chain(&dns.additionals).any(row);
            }
            let mut bytes = std::borrow::Cow::Borrowed(&step.bytes);
            for secret in &step.secrets {
                let end = secret.end.min(bytes.len());
                if let Some(hidden) = bytes.to_mut().get_mut(secret.start.min(end)..end) {
                    hidden.fill(0);
                }
            }
            text(&step.verb) || in_bytes(&bytes, words)
        }
    }
}

fn in_bytes(bytes: &[u8], words: &str) -> bool {
    if !words.is_ascii() {
        return escape::line(bytes).to_lowercase().contains(words);
    }
    let words = words.as_bytes();
    let Some((first, rest)) = words.split_first() else { return true };
    let fits = |at: usize| {
        bytes.get(at + 1..at + 1 + rest.len()).is_some_and(|found| found.eq_ignore_ascii_case(rest))
    };
    let starts = bytes.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(first));
    starts.map(|(at, _)| at).any(fits)
}

/// Rows that are found, as they are found. Dropping it ends the search.
pub struct Hits {
    rows: Receiver<usize>,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    of: usize,
    is_done: bool,
}

impl Hits {
    /// The next one that was found, in the direction of the search; none where none is known yet. Never waits.
    pub fn take(&mut self) -> Option<usize> {
        match self.rows.try_recv() {
            Ok(row) => Some(row),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.is_done = true;
                None
            }
        }
    }

    /// Wait for the next one; none where there is no more.
    pub fn wait(&mut self) -> Option<usize> {
        let row = self.rows.recv().ok();
        self.is_done |= row.is_none();
        row
    }

    /// Whether all were taken.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Rows that were asked, of how many.
    pub fn progress(&self) -> (usize, usize) {
        (self.asked.load(Ordering::Relaxed).min(self.of), self.of)
    }
}

impl Drop for Hits {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What is made of a row that is found.
type Found<'f> = dyn FnMut(usize, &Item, &Surroundings) + 'f;

/// A search under way, on its own thread.
struct Job {
    store: Store,
    opens: Opens,
    query: Ready,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    to: Sender<usize>,
}

impl Job {
    /// The rows of `first..end` that meet the query, told from this checkpoint on, each given to `found` in order.
    fn scan(&self, checkpoint: &Teller, first: usize, end: usize, found: &mut Found<'_>) {
        let mut teller = checkpoint.clone().without_notes().knowing(&self.opens);
        let mut each = |row: usize, item: Item, _: &_, around: &Surroundings| {
            if (first..end).contains(&row) {
                self.asked.fetch_add(1, Ordering::Relaxed);
                if self.query.meets(&item, around) {
                    found(row, &item, around);
                }
            }
        };
        teller.tell(&self.store, end, &mut each, &mut |_| !self.stop.load(Ordering::Relaxed));
    }

    /// Say that a row was found; where nobody listens any more, the search is told to stop.
    fn tell(&self, row: usize) {
        if self.to.send(row).is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn forward(&self, checkpoint: &Teller, first: usize, end: usize) {
        self.scan(checkpoint, first, end, &mut |row, _, _| self.tell(row));
    }

    fn back(&self, checkpoints: &[Arc<Teller>], end: usize) {
        let mut end = end;
        for checkpoint in checkpoints.iter().rev() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let mut rows = Vec::new();
            self.scan(checkpoint, checkpoint.rows, end, &mut |row, _, _| rows.push(row));
            rows.into_iter().rev().for_each(|row| self.tell(row));
            end = checkpoint.rows.min(end);
        }
    }
}

impl StoryIndex {
    /// Show each known row, from the first on, to `ask`, which says which rows (this one, or earlier ones) are found: for
    /// what a single row cannot tell, such as which lines belong to one message on its road. Its Notes are empty.
    pub fn ask(
        &self,
        mut ask: impl FnMut(usize, &Item, &Surroundings) -> Vec<usize> + Send + 'static,
    ) -> Hits {
        let (job, hits) = self.job(Ready::All, self.len());
        if let Some(checkpoint) = self.checkpoints.first().cloned() {
            let end = self.len();
            std::thread::spawn(move || {
                job.scan(&checkpoint, 0, end, &mut |row, item, around| {
                    ask(row, item, around).into_iter().for_each(|row| job.tell(row));
                });
            });
        }
        hits
    }

    /// Look for rows after `from` (before it, where `back`), among those that are known now, the nearest first.
    pub fn find(&self, query: Query, from: usize, back: bool) -> Hits {
        let (first, end) =
            if back { (0, from.min(self.len())) } else { (from.saturating_add(1), self.len()) };
        self.search(query, first, end, back)
    }

    fn search(&self, query: Query, first: usize, end: usize, back: bool) -> Hits {
        let (job, hits) = self.job(query.ready(), end.saturating_sub(first));
        if first >= end {
            return hits;
        }
        let nearest = self.checkpoint(if back { end - 1 } else { first }).unwrap_or_default();
        if back {
            let checkpoints = self.checkpoints.get(..=nearest).unwrap_or_default().to_vec();
            std::thread::spawn(move || job.back(&checkpoints, end));
        } else if let Some(checkpoint) = self.checkpoints.get(nearest).cloned() {
            std::thread::spawn(move || job.forward(&checkpoint, first, end));
        }
        hits
    }

    /// A search of so many rows, and what it finds.
    fn job(&self, query: Ready, of: usize) -> (Job, Hits) {
        let (to, rows) = channel();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let hits = Hits { rows, stop: Arc::clone(&stop), asked: Arc::clone(&asked), of, is_done: false };
        let (store, opens) = (self.store.clone(), self.opens.clone());
        (Job { store, opens, query, stop, asked, to }, hits)
    }

    /// The view of the rows that meet a query: it fills as the story is searched.
    pub fn matching(&self, query: Query) -> Matching {
        Matching {
            hits: self.search(query.clone(), 0, self.len(), false),
            query,
            asked: self.len(),
            rows: Rows::default(),
        }
    }
}

/// Rows of one block.
const BLOCK: usize = 1 << 16;

/// An increasing list of rows: two bytes each.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// By block: rows in the blocks before, and those within it.
    blocks: Vec<(usize, Vec<u16>)>,
    len: usize,
}

impl Rows {
    /// Add a row behind all others.
    fn push(&mut self, row: usize) {
        while self.blocks.len() <= row / BLOCK {
            self.blocks.push((self.len, Vec::new()));
        }
        if let (Some((_, rows)), Ok(place)) = (self.blocks.last_mut(), u16::try_from(row % BLOCK)) {
            rows.push(place);
            self.len += 1;
        }
    }

    fn get(&self, at: usize) -> Option<usize> {
        let block = self.blocks.partition_point(|(before, _)| *before <= at).checked_sub(1)?;
        let (before, rows) = self.blocks.get(block)?;
        rows.get(at - before).map(|place| block * BLOCK + usize::from(*place))
    }

    /// How many rows of the list come before `row`.
    fn rank(&self, row: usize) -> usize {
        let Some((before, rows)) = self.blocks.get(row / BLOCK) else { return self.len };
        before + rows.partition_point(|place| usize::from(*place) < row % BLOCK)
    }
}

/// The rows that meet a query, in order, as far as they are known.
pub struct Matching {
    query: Query,
    hits: Hits,
    /// Rows that were asked, or are being asked.
    asked: usize,
    rows: Rows,
}

impl Matching {
    /// Take in what was found, and ask the rows that have come since; never waits. Whether there was anything new.
    pub fn poll(&mut self, index: &StoryIndex) -> bool {
        let before = self.rows.len;
        while let Some(row) = self.hits.take() {
            self.rows.push(row);
        }
        if self.hits.is_done() && index.len() > self.asked {
            self.hits = index.search(self.query.clone(), self.asked, index.len(), false);
            self.asked = index.len();
        }
        self.rows.len != before
    }

    /// How many rows are known to meet it.
    pub fn len(&self) -> usize {
        self.rows.len
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.rows.len == 0
    }

    /// The row at this place of the view, from 0.
    pub fn row(&self, at: usize) -> Option<usize> {
        self.rows.get(at)
    }

    /// The place in the view of the first row at or after this one.
    pub fn place(&self, row: usize) -> usize {
        self.rows.rank(row)
    }

    /// Whether a row is one of them.
    pub fn holds(&self, row: usize) -> bool {
        self.row(self.place(row)) == Some(row)
    }

    /// Whether all rows that were known at the last [`Matching::poll`] were asked.
    pub fn is_done(&self) -> bool {
        self.hits.is_done()
    }
}
