//! [`Reading`]: where a person is in a story: the row, the window of the ladder around it, the part of the line, and what
//! hides rows from them.
//!
//! The window holds the rows that fit the screen and a few around them, never the story: so it is as quick in a million
//! Steps as in a hundred.

use super::book::{Book, Shown};
use super::seek::Sieve;
use crate::explain::index::RowKinds;
use crate::trace::{Conn, Transport};
use crate::view::cast::Call;
use crate::view::page::Page;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A jump of virtual time of at least this much is said, as in the plain view.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows that stay in sight before and behind the current one, where there is room.
const MARGIN: usize = 2;
/// Rows that are read before the window, so that what is said between two rows does not depend on where it begins.
const BEFORE: usize = 8;

/// What stands in the ladder before a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// An empty line.
    Space,
    /// Time passes.
    Pause(Duration),
    /// The eye moves to another connection.
    Ends(Box<Call>),
}

/// A row of the ladder with what stands before it.
#[derive(Clone, Debug)]
pub struct Rung {
    /// What is shown.
    pub shown: Arc<Shown>,
    /// Lines before it.
    pub leads: Vec<Lead>,
}

impl Rung {
    fn height(&self) -> usize {
        self.leads.len() + 1
    }
}

/// Where a person is. See the head of this file.
#[derive(Default)]
pub struct Reading {
    /// Which story of the model's.
    pub book: usize,
    /// The current row.
    pub row: usize,
    /// The row at the top of the ladder.
    pub top: usize,
    /// What is in the ladder, from `top` on.
    pub window: Vec<Rung>,
    /// The part of the line that the cursor is on; none: the whole line.
    pub part: Option<usize>,
    /// Whether the part under the cursor is to be brought into sight.
    pub part_moved: bool,
    /// Lines scrolled away: of the line, of its note, of the state.
    pub scroll: [usize; 3],
    /// The last row that is shown: what comes is not told yet.
    pub until: Option<usize>,
    /// What hides rows.
    pub sieve: Option<Sieve>,
    /// The reader's own marks: rows.
    pub marks: BTreeSet<usize>,
}

impl Reading {
    /// At the first row of a story.
    pub fn of(book: usize) -> Self {
        Reading { book, ..Reading::default() }
    }

    /// Go to a row.
    pub fn go(&mut self, row: usize) {
        if self.row != row {
            (self.part, self.scroll) = (None, [0; 3]);
        }
        self.row = row;
    }

    /// The next row (before, where `back`) that is shown and is one of `kinds`.
    pub fn next(&self, book: &Book, row: usize, kinds: RowKinds, back: bool) -> Option<usize> {
        let Some(sieve) = &self.sieve else { return book.next(row, kinds, back) };
        let mut at = sieve.next(row, back);
        while let Some(row) = at {
            if book.kinds(row).any(kinds) {
                return Some(row);
            }
            at = sieve.next(row, back);
        }
        None
    }

    /// The row beside this one that is shown.
    pub fn beside(&self, book: &Book, row: usize, back: bool) -> Option<usize> {
        match &self.sieve {
            Some(sieve) => sieve.next(row, back),
            None if back => row.checked_sub(1),
            None => Some(row + 1).filter(|row| *row < book.len()),
        }
    }

    /// Fill the window for a ladder of this many lines.
    pub fn refresh(&mut self, book: &mut Book, height: usize) {
        if book.is_empty() || height == 0 {
            self.window.clear();
            return;
        }
        self.row = self.row.min(book.len() - 1);
        let rows = self.around(book, height);
        let rungs = self.rungs(book, &rows);
        self.window = self.placed(rungs, height);
        self.top = self.window.first().map_or(self.row, |rung| rung.shown.row);
    }

    /// The rows that may be in the window, in order: those around the current one.
    fn around(&self, book: &Book, height: usize) -> Vec<usize> {
        let mut rows = Vec::with_capacity(2 * height + BEFORE);
        let mut at = Some(self.row);
        for _ in 0..height + BEFORE {
            at = at.and_then(|row| self.beside(book, row, true));
            rows.extend(at);
        }
        rows.reverse();
        let shown = self.sieve.as_ref().is_none_or(|sieve| sieve.holds(self.row));
        rows.extend(shown.then_some(self.row));
        let mut at = Some(self.row);
        for _ in 0..height {
            at = at
                .and_then(|row| self.beside(book, row, false))
                .filter(|row| self.until.is_none_or(|u| *row <= u));
            rows.extend(at);
        }
        rows
    }

    /// The rows with what stands between them.
    fn rungs(&self, book: &mut Book, rows: &[usize]) -> Vec<Rung> {
        if let (None, Some(first), Some(last)) = (&self.sieve, rows.first(), rows.last()) {
            book.fetch(*first..last + 1);
        }
        let shown: Vec<Arc<Shown>> = rows.iter().filter_map(|row| book.shown(*row)).collect();
        let mut rungs: Vec<Rung> = Vec::with_capacity(shown.len());
        let (mut last, mut eye): (Option<_>, Option<Option<Conn>>) = (None, None);
        for (i, one) in shown.iter().enumerate() {
            let is_chapter = matches!(one.page, Page::Chapter { .. });
            let mut leads = Vec::new();
            // A pause before a chapter's first row is said before the chapter.
            let at = match is_chapter {
                true => shown.get(i + 1).and_then(|next| next.at()),
                false => one.at(),
            };
            if let Some(at) = at {
                let passed = last.map(|last| at.since(last)).filter(|passed| *passed >= PAUSE);
                leads.extend(passed.map(Lead::Pause));
                last = Some(at);
            }
            if is_chapter {
                leads.push(Lead::Space);
                eye = Some(None);
            } else if let (Page::Step(page), Some(conn)) = (&one.page, one.conn()) {
                let moved = eye.is_some_and(|eye| eye != Some(conn) && !same_question(book, eye, conn));
                let opens = page.voice == crate::view::page::Voice::Open;
                if let (true, false, Some(call)) = (moved, opens, &page.call) {
                    leads.push(Lead::Ends(Box::new(call.clone())));
                }
                eye = Some(Some(conn));
            }
            rungs.push(Rung { shown: Arc::clone(one), leads });
        }
        rungs
    }

    /// Of these rungs, those from the top of the window on: the top stays where it is while the current row is in
    /// sight, and moves as little as needed.
    fn placed(&self, rungs: Vec<Rung>, height: usize) -> Vec<Rung> {
        let at =
            rungs.iter().position(|rung| rung.shown.row >= self.row).unwrap_or(rungs.len().saturating_sub(1));
        // The first rows are here for what they say about the next ones; the story's own first row is no such one.
        let tail = height.saturating_sub(1);
        let least = {
            // Furthest up that the top may be: the current row and a margin behind it are still in sight.
            let below: usize = rungs.iter().skip(at + 1).take(MARGIN).map(Rung::height).sum();
            let mut room = tail.saturating_sub(below);
            let mut first = at;
            while first > 0 {
                let need = rungs[first].height();
                if need > room {
                    break;
                }
                room -= need;
                first -= 1;
            }
            first
        };
        let most = at.saturating_sub(MARGIN);
        let known = rungs.iter().position(|rung| rung.shown.row >= self.top);
        let seen = known.filter(|known| rungs.get(*known).is_some_and(|rung| rung.shown.row == self.top));
        let jump = || {
            let mut first = at;
            let mut room = height / 3;
            while first > least && room > 0 {
                room = room.saturating_sub(rungs[first].height());
                first -= 1;
            }
            first
        };
        let mut first = seen.map_or_else(jump, |top| top.clamp(least.min(most), most.max(least.min(most))));
        // No empty lines at the end of the story while something is above.
        let mut used: usize = rungs.iter().skip(first).map(Rung::height).sum();
        while first > 0 && used + rungs[first - 1].height() <= height {
            first -= 1;
            used += rungs[first].height();
        }
        let mut window: Vec<Rung> = rungs.into_iter().skip(first).take(height).collect();
        if let Some(top) = window.first_mut() {
            top.leads.retain(|lead| matches!(lead, Lead::Ends(_)));
        }
        window
    }
}

/// Each question in a datagram is a connection of its own; between the same two it is one to the eye.
fn same_question(book: &Book, eye: Option<Conn>, conn: Conn) -> bool {
    let (Some(before), Some(now)) = (eye.and_then(|eye| book.cast.opened(eye)), book.cast.opened(conn))
    else {
        return false;
    };
    let is_question = |transport| transport == Transport::Udp;
    is_question(before.transport)
        && is_question(now.transport)
        && before.client.ip() == now.client.ip()
        && before.server == now.server
}
