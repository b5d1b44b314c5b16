//! [`Sieve`] and [`Scan`]: looking through a story for rows: what a filter lets pass, one message on its road, a word.
//!
//! The story is looked through on a thread of its own (see `explain::index`); what is found is taken in as it comes, so
//! that the screen never waits.

use super::book::Book;
use super::follow::Trail;
use crate::dissect::filter::Filter;
use crate::explain::index::{Hits, Matching, Query, RowKinds};
use std::collections::BTreeSet;
use std::ops::Bound;

/// What rows are asked.
pub enum Question {
    /// A filter's.
    Filter(Box<Filter>),
    /// Whether they belong to the road of the message with this id.
    Follow(Vec<u8>),
}

/// The rows that are shown, as far as they are known.
pub struct Sieve {
    /// What it is called on the screen: `smtp and code 5xx`, `message <…>`.
    pub name: String,
    rows: Rows,
}

enum Rows {
    Matching(Matching),
    Trail(Followed),
}

/// The rows of one message.
struct Followed {
    id: Vec<u8>,
    hits: Hits,
    rows: BTreeSet<usize>,
    /// Rows that were asked, or are being asked.
    asked: usize,
}

impl Followed {
    fn begin(id: Vec<u8>, book: &Book) -> Self {
        let mut trail = Trail::new(&id);
        let hits = book.index().ask(move |row, item, around| trail.see(row, item, around));
        Followed { id, hits, rows: BTreeSet::new(), asked: book.len() }
    }
}

impl Sieve {
    /// Begin to look.
    pub fn new(name: String, question: Question, book: &Book) -> Self {
        let rows = match question {
            Question::Filter(filter) => Rows::Matching(book.index().matching(Query::Filter(*filter))),
            Question::Follow(id) => Rows::Trail(Followed::begin(id, book)),
        };
        Sieve { name, rows }
    }

    /// Take in what was found meanwhile; never waits.
    pub fn take(&mut self, book: &Book) {
        match &mut self.rows {
            Rows::Matching(matching) => {
                matching.poll(book.index());
            }
            Rows::Trail(followed) => {
                while let Some(row) = followed.hits.take() {
                    followed.rows.insert(row);
                }
                // A message may go on in what was read since: its road is told from its beginning.
                if followed.hits.is_done() && book.len() > followed.asked {
                    let rows = std::mem::take(&mut followed.rows);
                    let id = std::mem::take(&mut followed.id);
                    *followed = Followed { rows, ..Followed::begin(id, book) };
                }
            }
        }
    }

    /// Wait until the whole story is looked through: for those who have no screen.
    pub fn wait(&mut self, book: &Book) {
        self.take(book);
        while !self.is_over() {
            std::thread::yield_now();
            self.take(book);
        }
    }

    /// The same question to the same story, read anew.
    pub fn anew(self, book: &Book) -> Option<Self> {
        let question = match self.rows {
            Rows::Trail(followed) => Question::Follow(followed.id),
            Rows::Matching(_) => Question::Filter(Box::new(Filter::parse(&self.name).ok()?)),
        };
        let mut sieve = Sieve::new(self.name, question, book);
        sieve.take(book);
        Some(sieve)
    }

    /// Whether it follows a message.
    pub fn follows(&self) -> bool {
        matches!(self.rows, Rows::Trail(_))
    }

    /// Whether a row is shown.
    pub fn holds(&self, row: usize) -> bool {
        match &self.rows {
            Rows::Matching(matching) => matching.holds(row),
            Rows::Trail(followed) => followed.rows.contains(&row),
        }
    }

    /// How many rows are shown.
    pub fn count(&self) -> usize {
        match &self.rows {
            Rows::Matching(matching) => matching.len(),
            Rows::Trail(followed) => followed.rows.len(),
        }
    }

    /// Whether all rows that were known were asked.
    pub fn is_over(&self) -> bool {
        match &self.rows {
            Rows::Matching(matching) => matching.is_done(),
            Rows::Trail(followed) => followed.hits.is_done(),
        }
    }

    /// The row next to this one that is shown.
    pub fn next(&self, row: usize, back: bool) -> Option<usize> {
        match (&self.rows, back) {
            (Rows::Matching(matching), true) => matching.row(matching.place(row).checked_sub(1)?),
            (Rows::Matching(matching), false) => matching.row(matching.place(row + 1)),
            (Rows::Trail(followed), true) => followed.rows.range(..row).next_back().copied(),
            (Rows::Trail(followed), false) => {
                followed.rows.range((Bound::Excluded(row), Bound::Unbounded)).next().copied()
            }
        }
    }

    /// The row that is shown nearest to this one, one behind it first.
    pub fn nearest(&self, row: usize) -> Option<usize> {
        if self.holds(row) { Some(row) } else { self.next(row, false).or_else(|| self.next(row, true)) }
    }
}

/// Words being looked for, round the story once.
pub struct Scan {
    /// The words.
    pub word: String,
    hits: Hits,
    /// Stretches of the story that are still to be looked through.
    left: Vec<(usize, bool)>,
}

/// What a scan has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This row.
    Row(usize),
    /// Nothing yet.
    NotYet,
    /// Nothing at all.
    Nothing,
}

impl Scan {
    /// From the row behind (before) this one on.
    pub fn new(word: &str, from: usize, back: bool, book: &Book) -> Self {
        let hits = book.index().find(Query::Text(word.to_owned()), from, back);
        // Behind the end comes the beginning: its very first row, then what follows it.
        let left = if back { vec![(book.len(), true)] } else { vec![(0, false), (1, true)] };
        Scan { word: word.to_owned(), hits, left }
    }

    /// What was found meanwhile; never waits.
    pub fn look(&mut self, book: &Book) -> Found {
        loop {
            if let Some(row) = self.hits.take() {
                return Found::Row(row);
            }
            if !self.hits.is_done() {
                return Found::NotYet;
            }
            let Some((from, back)) = self.left.pop() else { return Found::Nothing };
            self.hits = book.index().find(Query::Text(self.word.clone()), from, back);
        }
    }

    /// Wait for it: for those who have no screen. None: it stands nowhere.
    pub fn wait(&mut self, book: &Book) -> Option<usize> {
        loop {
            match self.look(book) {
                Found::Row(row) => return Some(row),
                Found::Nothing => return None,
                Found::NotYet => std::thread::yield_now(),
            }
        }
    }
}

/// Rows of these kinds from the first on, at most so many.
pub fn listed(book: &Book, kinds: RowKinds, most: usize) -> Vec<usize> {
    let first = book.kinds(0).any(kinds).then_some(0).filter(|_| !book.is_empty());
    let mut rows: Vec<usize> = first.into_iter().collect();
    let mut at = 0;
    while let Some(row) = book.next(at, kinds, false).filter(|_| rows.len() < most) {
        rows.push(row);
        at = row;
    }
    rows
}
