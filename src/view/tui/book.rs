//! [`Book`]: one story, open at any place: rows as pages, who is who, and what holds after each row.
//!
//! It stands between [`StoryIndex`], which finds rows, and the panes, which show some of them. What was shown lately is
//! kept, so that a step costs one new row.

use super::road::Road;
use crate::base::Instant;
use crate::explain::index::{Progress, RowKinds};
use crate::explain::predict::{self, Question};
use crate::explain::{Item, StoryIndex};
use crate::state::State;
use crate::trace::{Conn, Head};
use crate::view::Cast;
use crate::view::headline::{self, Headline};
use crate::view::page::{self, Choice, Page};
use crate::view::wire::Amount;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;

/// Rows that are kept ready.
const KEPT: usize = 1024;
/// Rows of which it is kept what holds after them.
const STATES: usize = 8;
/// Bytes of a Step that are shown as lines without being asked; the hexadecimal view shows every one.
const WHOLE: usize = 64 << 10;

/// A row, ready to be shown.
#[derive(Debug)]
pub struct Shown {
    /// Its number, from 0.
    pub row: usize,
    /// What it is.
    pub item: Item,
    /// The same in labelled text.
    pub page: Page,
    /// A Step in one row.
    pub headline: Option<Headline>,
}

impl Shown {
    /// When it happened.
    pub fn at(&self) -> Option<Instant> {
        match &self.item {
            Item::Step(step, _) => Some(step.at),
            Item::Fact { at, .. } => Some(*at),
            Item::Outcome(outcome) => Some(outcome.at),
            Item::Chapter(_) | Item::Mark(_) => None,
        }
    }

    /// The connection it is on.
    pub fn conn(&self) -> Option<Conn> {
        match &self.item {
            Item::Step(step, _) => Some(step.conn),
            Item::Mark(mark) => mark.conn,
            Item::Outcome(outcome) => Some(outcome.conn),
            Item::Chapter(_) | Item::Fact { .. } => None,
        }
    }
}

/// One story. See the head of this file.
pub struct Book {
    /// What people call it: a file, a recording's name; empty for a journey.
    pub name: String,
    /// Which branch of a forked story it is.
    pub branch: Option<usize>,
    /// Whether what a person writes at a step is kept in the file that it came from.
    pub takes_notes: bool,
    /// Whether it goes on while it is read, as long as the lab is open that it is recorded in.
    pub is_live: bool,
    /// Who is who.
    pub cast: Cast,
    index: StoryIndex,
    /// The last connection of which the cast knows.
    known: Option<Conn>,
    /// How many of the marks that point at bytes it knows.
    pointing: usize,
    show_secrets: bool,
    /// The hosts, and what joins them.
    pub road: Road,
    kept: BTreeMap<usize, Arc<Shown>>,
    /// What holds after some rows, the last asked for behind.
    states: Vec<(usize, Arc<State>)>,
    /// The number of the last Step known, and of how many rows that was said.
    steps: (usize, usize),
}

impl Book {
    /// A story with this head, told by this index. `show_secrets` shows passwords.
    pub fn new(name: impl Into<String>, head: &Head, index: StoryIndex, show_secrets: bool) -> Self {
        let mut cast = Cast::default();
        cast.learn_head(head);
        let mut book = Book {
            name: name.into(),
            branch: None,
            takes_notes: false,
            is_live: head.is_live(),
            cast,
            index,
            known: None,
            pointing: 0,
            show_secrets,
            road: Road::new(head),
            kept: BTreeMap::new(),
            states: Vec::new(),
            steps: (0, 0),
        };
        book.grow();
        book
    }

    /// Wait until the whole story is read: for those who have no screen.
    pub fn wait(&mut self) {
        self.index.wait();
        self.grow();
    }

    /// The index that finds its rows.
    pub fn index(&self) -> &StoryIndex {
        &self.index
    }

    /// What was off in what was read so far, a sentence each.
    pub fn troubles(&self) -> &[String] {
        self.index.troubles()
    }

    /// How many rows there were when it last grew; all that there are where it has not yet.
    pub fn followed(&self) -> usize {
        if self.steps.0 == 0 { self.len() } else { self.steps.0 }
    }

    /// Take what was read since: who talks to whom, how many Steps there are.
    pub fn grow(&mut self) {
        self.index.poll();
        self.index.poll();
        let after = self.known.map_or(Bound::Unbounded, Bound::Excluded);
        for (conn, open) in self.index.opens().range((after, Bound::Unbounded)) {
            self.cast.learn_open(open);
            self.road.learn(open);
            self.known = Some(*conn);
        }
        let pointing = self.index.pointing();
        for mark in pointing.get(self.pointing..).unwrap_or_default() {
            if self.cast.learn_mark(mark) {
                // A Step may have been made ready before somebody's mark on it was read.
                self.kept.clear();
            }
        }
        self.pointing = pointing.len();
        let rows = self.index.len();
        if self.steps.0 != rows {
            let last = self.index.next(rows, RowKinds::STEP, true);
            let last = last.and_then(|row| self.index.rows(row..row + 1).pop());
            if let Some(Item::Step(step, _)) = last {
                self.steps = (rows, step.number);
            }
        }
    }

    /// Rows that are known so far.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Steps that are known so far.
    pub fn steps(&self) -> usize {
        self.steps.1
    }

    /// How far the reading has come.
    pub fn progress(&self) -> Progress {
        self.index.progress()
    }

    /// What a row is.
    pub fn kinds(&self, row: usize) -> RowKinds {
        self.index.kinds(row)
    }

    /// The next row (before, where `back`) that is one of `kinds`.
    pub fn next(&self, row: usize, kinds: RowKinds, back: bool) -> Option<usize> {
        self.index.next(row, kinds, back)
    }

    /// The row of the Step of this number.
    pub fn row_of_step(&self, number: usize) -> Option<usize> {
        self.index.row_of_step(number)
    }

    /// Rows as they are told, not kept: for those who read many.
    pub fn items(&mut self, rows: Range<usize>) -> Vec<Item> {
        self.index.rows(rows)
    }

    /// Whether passwords are shown.
    pub fn shows_secrets(&self) -> bool {
        self.show_secrets
    }

    /// The question about the Step in a row, before it is shown: see [`predict`].
    pub fn ask(&mut self, row: usize, seed: u64) -> Option<Question> {
        let cast = &self.cast;
        predict::at(&mut self.index, row, &|address| cast.host(address), seed)
    }

    /// Have the rows of this range ready.
    pub fn fetch(&mut self, rows: Range<usize>) {
        let rows = rows.start..rows.end.min(self.len());
        let missing = |row: &usize| !self.kept.contains_key(row);
        let (Some(first), Some(last)) = (rows.clone().find(missing), rows.clone().rev().find(missing)) else {
            return;
        };
        if self.kept.len() + (last + 1 - first) > KEPT {
            // What is far away goes first.
            let near = rows.start.saturating_sub(KEPT / 4)..rows.end + KEPT / 4;
            self.kept.retain(|row, _| near.contains(row));
        }
        for (row, item) in (first..).zip(self.index.rows(first..last + 1)) {
            if !self.kept.contains_key(&row) {
                let shown = self.page(row, item);
                self.kept.insert(row, Arc::new(shown));
            }
        }
    }

    /// A row, ready to be shown.
    pub fn shown(&mut self, row: usize) -> Option<Arc<Shown>> {
        if !self.kept.contains_key(&row) {
            self.fetch(row..row + 1);
        }
        self.kept.get(&row).cloned()
    }

    fn page(&self, row: usize, item: Item) -> Shown {
        let small = matches!(&item, Item::Step(step, _) if step.bytes.len() <= WHOLE);
        let amount = if small { Amount::All } else { Amount::Brief };
        let page = page::of(&item, &self.cast, Choice { amount, show_secrets: self.show_secrets });
        let headline = match (&item, &page) {
            (Item::Step(step, _), Page::Step(page)) => Some(headline::of(step, page)),
            _ => None,
        };
        Shown { row, item, page, headline }
    }

    /// What holds after a row. After a Step, what its hosts state about it counts too.
    pub fn state_after(&mut self, row: usize) -> Arc<State> {
        let row = if self.kinds(row).any(RowKinds::STEP) { self.last_of_step(row) } else { row };
        self.state(row)
    }

    /// What held before a row.
    pub fn state_before(&mut self, row: usize) -> Arc<State> {
        row.checked_sub(1).map_or_else(Arc::default, |row| self.state(row))
    }

    /// What holds after exactly this row.
    fn state(&mut self, row: usize) -> Arc<State> {
        let known = self.states.iter().position(|(known, _)| *known == row);
        let entry = match known {
            Some(at) => self.states.remove(at),
            None => (row, Arc::new(self.index.state_after(row))),
        };
        if self.states.len() >= STATES {
            self.states.remove(0);
        }
        let state = Arc::clone(&entry.1);
        self.states.push(entry);
        state
    }

    /// The last of the facts that belong to a Step; the Step itself where there is none.
    fn last_of_step(&self, row: usize) -> usize {
        let mut last = row;
        while self.kinds(last + 1).any(RowKinds::FACT.and(RowKinds::MARK)) {
            last += 1;
        }
        last
    }
}
