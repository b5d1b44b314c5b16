//! [`StoryIndex`]: a story that can be entered anywhere, forward and back, however long it is.
//!
//! It stands beside [`super::Story`]: a `Story` tells once, from the first record to the last; an index remembers where
//! it can begin again. A *row* is one [`Item`], numbered from 0 in the order of the telling.
//!
//! A thread reads ahead and sends what it comes to: a byte for each row, and every 512 rows a checkpoint, which is a
//! copy of the Story with its place in the source (see `build`). Whoever looks has no lock to wait for: rows are told
//! anew from the nearest checkpoint, and the last few windows are kept (see `window`).
//!
//! # What is known when
//! [`StoryIndex::poll`] takes in what has come; `rows` and `state_after` do it too. Everything else answers from what
//! was taken in.

mod build;
mod kinds;
mod search;
mod source;
mod teller;
#[cfg(test)]
mod tests;
mod window;

pub use kinds::RowKinds;
pub use search::{Hits, Matching, Query};

use super::Item;
use crate::base::Shelf;
use crate::state::State;
use crate::trace::{Conn, Head, Mark, Opened, Record};
use build::{Batch, Builder, Inflow, Pace, Spool};
use kinds::Kinds;
use source::{Place, Store};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, RwLock};
use teller::Teller;
use window::Windows;

/// Records that are read before the index is first given, when they lie in memory: the rest is read behind.
const AT_ONCE: u64 = 2048;

/// Connections by their number. A copy shares its entries.
pub type Opens = Shelf<Conn, Opened>;

/// How far the reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether everything is read that there is, or will be.
    pub done: bool,
    /// Bytes that were read: of the file, where there is one; else about as many as a file would have.
    pub read: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
}

/// See the head of this file.
pub struct StoryIndex {
    store: Store,
    batches: Receiver<Batch>,
    head: Option<Box<Head>>,
    kinds: Kinds,
    checkpoints: Vec<Arc<Teller>>,
    opens: Opens,
    pointing: Vec<Mark>,
    windows: Windows,
    troubles: Vec<String>,
    progress: Progress,
}

/// Marks that point at bytes, at most so many: of a story with more, the later ones are told and not shown there.
const MOST_POINTING: usize = 10_000;

/// Records that were sent and are not read yet, at most: who sends more waits.
const SENT: usize = 4096;

/// Where records of a growing story are sent. When it is dropped, the story is over.
#[derive(Clone, Debug)]
pub struct Feeder(SyncSender<Record>);

impl Feeder {
    /// Send the next record; the first one is the head. Whether anybody still listens.
    pub fn push(&self, record: Record) -> bool {
        self.0.send(record).is_ok()
    }
}

impl StoryIndex {
    /// The index of records that are all there. The first one is the head.
    ///
    /// A short story (of some 2 000 records) is known at once; a longer one is read on behind.
    pub fn of_records(records: Arc<[Record]>) -> Self {
        let store = Store::Memory(records);
        let inflow = Inflow::Stored(Box::new(store.cursor(Place::default())), None);
        Self::begin(store, inflow, AT_ONCE, Pace::default())
    }

    /// The index of a transcript file that is not compressed: it is read where it lies, never held in memory.
    ///
    /// What is off in it is told by [`StoryIndex::troubles`]; a file that is no transcript has no rows.
    ///
    /// # Errors
    /// Where the file's size cannot be learnt.
    pub fn of_file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let store = Store::File(Arc::new(file));
        let inflow = Inflow::Stored(Box::new(store.cursor(Place::default())), Some(len));
        Ok(Self::begin(store, inflow, 0, Pace::default()))
    }

    /// The index of records that can be had only once and in order (a capture being imported): they are laid down in
    /// `spool`, an empty file open for reading and writing, from which rows are told later.
    pub fn spooled(records: impl Iterator<Item = Record> + Send + 'static, spool: File) -> Self {
        let file = Arc::new(spool);
        let store = Store::File(Arc::clone(&file));
        let spool = Spool::new(Box::new(records), file);
        Self::begin(store, Inflow::Spooled(Box::new(spool)), 0, Pace::default())
    }

    /// The index of a story that is still going on, and where to send its records. They are kept in memory.
    pub fn growing() -> (Self, Feeder) {
        let kept = Arc::new(RwLock::new(Vec::new()));
        let (feeder, records) = sync_channel(SENT);
        let index =
            Self::begin(Store::Growing(Arc::clone(&kept)), Inflow::Sent(records, kept), 0, Pace::default());
        (index, Feeder(feeder))
    }

    /// The same for a story that may become long: its records are laid down in `spool`, an empty file open for reading
    /// and writing.
    pub fn growing_in(spool: File) -> (Self, Feeder) {
        let file = Arc::new(spool);
        let (feeder, records) = sync_channel(SENT);
        let spool = Spool::new(Box::new(std::iter::empty()), Arc::clone(&file));
        let inflow = Inflow::Fed(records, Box::new(spool));
        (Self::begin(Store::File(file), inflow, 0, Pace::default()), Feeder(feeder))
    }

    fn begin(store: Store, inflow: Inflow, at_once: u64, pace: Pace) -> Self {
        let (to, batches) = channel();
        let mut builder = Builder::new(inflow, pace);
        if at_once == 0 || builder.run(at_once, &to) {
            std::thread::spawn(move || builder.run(u64::MAX, &to));
        }
        let mut index = StoryIndex {
            store,
            batches,
            head: None,
            kinds: Kinds::default(),
            checkpoints: Vec::new(),
            opens: Opens::default(),
            pointing: Vec::new(),
            windows: Windows::default(),
            troubles: Vec::new(),
            progress: Progress::default(),
        };
        index.poll();
        index
    }

    /// Take in what was read meanwhile; never waits. Whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        while let Ok(batch) = self.batches.try_recv() {
            self.take(batch);
            any = true;
        }
        any
    }

    /// Wait until everything is read: for those who have no screen.
    pub fn wait(&mut self) {
        while let Ok(batch) = self.batches.recv() {
            self.take(batch);
        }
    }

    fn take(&mut self, batch: Batch) {
        let Batch { head, kinds, checkpoints, thin, opens, pointing, troubles, progress } = batch;
        self.head = head.or(self.head.take());
        kinds.into_iter().for_each(|kinds| self.kinds.push(kinds));
        for (added, checkpoint) in (1..).zip(checkpoints) {
            self.checkpoints.push(checkpoint);
            for _ in thin.iter().filter(|at| **at == added) {
                let mut kept = Vec::with_capacity(self.checkpoints.len().div_ceil(2));
                kept.extend(self.checkpoints.iter().step_by(2).cloned());
                let before = std::mem::replace(&mut self.checkpoints, kept);
                self.windows.keep_only(&self.checkpoints);
                // Some thousand stories take a while to give back: not on the screen's time.
                std::thread::spawn(move || drop(before));
            }
        }
        for open in opens {
            self.opens.insert(open.conn, open);
        }
        let room = MOST_POINTING - self.pointing.len();
        self.pointing.extend(pointing.into_iter().take(room));
        self.troubles.extend(troubles);
        self.progress = progress;
    }

    /// The head, once it is read.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_deref()
    }

    /// Rows that are known so far.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far the reading has come: never waits.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// What was off in what was read so far, a sentence each.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// The last checkpoint at or before a row.
    fn checkpoint(&self, row: usize) -> Option<usize> {
        self.checkpoints.partition_point(|checkpoint| checkpoint.rows <= row).checked_sub(1)
    }

    /// The rows of `range`, as far as they are known.
    pub fn rows(&mut self, range: Range<usize>) -> Vec<Item> {
        self.poll();
        let end = range.end.min(self.len());
        let (mut first, mut rows) = (range.start, Vec::new());
        while first < end {
            let Some(at) = self.checkpoint(first) else { break };
            let next = self.checkpoints.get(at + 1).map_or(end, |next| next.rows.min(end));
            self.windows.rows(&self.store, &self.checkpoints[at], first, next, &mut rows);
            first = next;
        }
        rows
    }

    /// What a row is, where it is known.
    pub fn kinds(&self, row: usize) -> RowKinds {
        self.kinds.get(row)
    }

    /// The next row after `row` (before it, where `back`) that is one of `kinds`.
    pub fn next(&self, row: usize, kinds: RowKinds, back: bool) -> Option<usize> {
        if back {
            self.kinds.last_before(row, kinds)
        } else {
            self.kinds.first_from(row.saturating_add(1), kinds)
        }
    }

    /// The row of the Step of this number (from 1), where it is known.
    pub fn row_of_step(&self, number: usize) -> Option<usize> {
        self.kinds.row_of_step(number)
    }

    /// What holds after this row: after this Step or fact itself, whatever else came in the same record. After the
    /// last known row, where this one is not known.
    pub fn state_after(&mut self, row: usize) -> State {
        self.poll();
        let row = row.min(self.len().saturating_sub(1));
        match self.checkpoint(row) {
            Some(at) if !self.is_empty() => self.windows.state_after(&self.store, &self.checkpoints[at], row),
            _ => State::default(),
        }
    }

    /// Connections that are known so far, and between whom they are: about 80 bytes each.
    pub fn opens(&self) -> &Opens {
        &self.opens
    }

    /// Marks with a place in the bytes that were come to so far.
    pub fn pointing(&self) -> &[Mark] {
        &self.pointing
    }
}
