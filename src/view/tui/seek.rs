//! [`Sieve`] and [`Scan`]: looking through a story for rows: what a filter lets pass, one message on its road, a word.
//!
//! A long story is looked through in slices, so that the screen stays alive; what is found is shown as it comes.

use super::book::Book;
use super::follow::Trail;
use crate::base::escape;
use crate::dissect::Protocol;
use crate::dissect::filter::Filter;
use crate::explain::index::RowKinds;
use crate::explain::{Item, Surroundings};
use crate::view::dns;
use crate::view::page::Label;
use crate::view::wire::redacted;
use std::collections::BTreeSet;
use std::ops::Bound;

/// What rows are asked.
pub enum Question {
    /// A filter's.
    Filter(Box<Filter>),
    /// Whether they belong to one message's road.
    Follow(Box<Trail>),
}

/// The rows that are shown, as far as they are known.
pub struct Sieve {
    /// What it is called on the screen: `smtp and code 5xx`, `message <…>`.
    pub name: String,
    question: Question,
    around: Surroundings,
    rows: BTreeSet<usize>,
    /// Rows asked so far.
    asked: usize,
    /// Whether rows that were not asked may still come.
    over: bool,
}

impl Sieve {
    /// Nothing is asked yet.
    pub fn new(name: String, question: Question, book: &Book) -> Self {
        Sieve {
            name,
            question,
            around: book.surroundings().clone(),
            rows: BTreeSet::new(),
            asked: 0,
            over: false,
        }
    }

    /// Whether a row is shown.
    pub fn holds(&self, row: usize) -> bool {
        self.rows.contains(&row)
    }

    /// Whether it follows a message.
    pub fn follows(&self) -> bool {
        matches!(self.question, Question::Follow(_))
    }

    /// How many rows are shown.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// How many rows were asked.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Whether all rows were asked.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The row next to this one that is shown.
    pub fn next(&self, row: usize, back: bool) -> Option<usize> {
        if back {
            self.rows.range(..row).next_back().copied()
        } else {
            self.rows.range((Bound::Excluded(row), Bound::Unbounded)).next().copied()
        }
    }

    /// The row that is shown nearest to this one, one behind it first.
    pub fn nearest(&self, row: usize) -> Option<usize> {
        self.rows.range(row..).next().or_else(|| self.rows.range(..row).next_back()).copied()
    }

    /// Ask at most so many rows more.
    pub fn ask(&mut self, book: &mut Book, most: usize) {
        let end = book.len().min(self.asked + most);
        self.around.learn_more(book.surroundings());
        for (row, item) in (self.asked..end).zip(book.items(self.asked..end)) {
            self.around.enter(&item);
            match &mut self.question {
                Question::Filter(filter) => {
                    if self.around.let_pass(filter, &item) {
                        self.rows.insert(row);
                    }
                }
                Question::Follow(trail) => self.rows.extend(trail.see(row, &item, &self.around)),
            }
        }
        self.asked = end;
        self.over = end == book.len() && book.progress().done;
    }
}

/// A word being looked for, row by row, round the story once.
pub struct Scan {
    /// The word, in small letters.
    pub word: String,
    back: bool,
    next: usize,
    left: usize,
}

/// What a slice of a scan found.
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
        let len = book.len().max(1);
        let next = if back { (from + len - 1) % len } else { (from + 1) % len };
        Scan { word: word.to_lowercase(), back, next, left: len }
    }

    /// Look at most at so many rows more.
    pub fn look(&mut self, book: &mut Book, most: usize) -> Found {
        let len = book.len();
        let mut most = most;
        while most > 0 && self.left > 0 && len > 0 {
            let at = self.next.min(len - 1);
            let take = most.min(self.left).min(64);
            let rows =
                if self.back { (at + 1).saturating_sub(take)..at + 1 } else { at..(at + take).min(len) };
            let secrets = book.shows_secrets();
            let found: Vec<bool> =
                book.items(rows.clone()).iter().map(|item| is_in(item, &self.word, secrets)).collect();
            let hit = if self.back { found.iter().rposition(|f| *f) } else { found.iter().position(|f| *f) };
            if let Some(hit) = hit {
                return Found::Row(rows.start + hit);
            }
            most = most.saturating_sub(rows.len().max(1));
            self.left = self.left.saturating_sub(rows.len().max(1));
            self.next = if self.back {
                rows.start.checked_sub(1).unwrap_or(len - 1)
            } else if rows.end >= len {
                0
            } else {
                rows.end
            };
        }
        if self.left == 0 || len == 0 { Found::Nothing } else { Found::NotYet }
    }
}

/// Whether the word (in small letters) stands in what is shown of an item.
fn is_in(item: &Item, word: &str, show_secrets: bool) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    match item {
        Item::Chapter(chapter) => has(&chapter.title),
        Item::Fact { text, .. } => has(text),
        Item::Mark(mark) => has(&mark.text),
        Item::Step(step, note) => {
            if has(&note.summary) || has(&step.verb) {
                return true;
            }
            if step.protocol == Protocol::Dns {
                // What is shown of it are words.
                let lines = dns::lines(step, Label::Dim).lines;
                return lines.iter().flat_map(|line| &line.chunks).any(|chunk| has(&chunk.text));
            }
            if step.secrets.is_empty() || show_secrets {
                return contains(&step.bytes, word);
            }
            contains(&redacted(&step.bytes, &step.secrets), word)
        }
    }
}

/// Whether the word stands in these bytes, whatever the case; bytes that are no text are escaped as they are shown.
fn contains(bytes: &[u8], word: &str) -> bool {
    if word.is_ascii() {
        let word = word.as_bytes();
        return word.is_empty() || bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    }
    escape::line(bytes).to_lowercase().contains(word)
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
