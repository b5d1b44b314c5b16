//! [`Builder`]: reads a story from its first record to its last, ahead of whoever looks at it, and tells in [`Batch`]es
//! what it has come to: what each row is, and where a telling can begin again.
//!
//! A checkpoint is due every 512 rows or every mebibyte of records, whichever comes first, unless much waits to be
//! told (a large letter half read): then it is put off, so that checkpoints stay small. Where there are more than
//! 4 096, or they hold more than [`HEAVIEST`], every other one goes, and from then on they are twice as far apart.

use super::Progress;
use super::kinds::RowKinds;
use super::source::{Cursor, Shared};
use super::teller::Teller;
use crate::base::Instant;
use crate::base::aside::write_at;
use crate::trace::file::{Place as FilePlace, line_of};
use crate::trace::{Head, Mark, Opened, Record};
use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, PoisonError};

/// How far checkpoints are apart, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Rows between two checkpoints.
    pub rows: usize,
    /// Bytes of records between two checkpoints.
    pub bytes: u64,
    /// Checkpoints that are kept.
    pub most: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { rows: 512, bytes: 1 << 20, most: 4096 }
    }
}

/// Bytes that are laid down at once.
const SPOOL: usize = 1 << 20;
/// Bytes that may wait in a checkpoint, unless it is long due.
const WAITING: usize = 1 << 18;
/// Bytes that all checkpoints together may hold of what waits.
const HEAVIEST: usize = 128 << 20;
/// Rows, and bytes, after which a batch is sent.
const OFTEN: (usize, u64) = (1024, 1 << 20);
/// The same for the first one: small at first, so that there is soon something to see.
const FIRST: (usize, u64) = (128, 1 << 16);

/// What was come to since the last one.
#[derive(Default)]
pub(super) struct Batch {
    pub head: Option<Box<Head>>,
    pub kinds: Vec<RowKinds>,
    pub checkpoints: Vec<Arc<Teller>>,
    /// Every other checkpoint goes, when so many of these are added.
    pub thin: Vec<usize>,
    pub opens: Vec<Opened>,
    /// Marks that point at bytes.
    pub pointing: Vec<Mark>,
    pub troubles: Vec<String>,
    pub progress: Progress,
}

/// Where records come from.
pub(super) enum Inflow {
    /// They lie in the store already; so many bytes, where it is a file.
    Stored(Box<Cursor>, Option<u64>),
    /// They are sent, and kept in memory.
    Sent(Receiver<Record>, Shared),
    /// They are sent, and laid down in a file.
    Fed(Receiver<Record>, Box<Spool>),
    /// They are asked for, and laid down in a file.
    Spooled(Box<Spool>),
}

/// A file that is written as records come.
pub(super) struct Spool {
    pub from: Box<dyn Iterator<Item = Record> + Send>,
    pub file: Arc<File>,
    /// Where the next record will lie.
    pub place: FilePlace,
    /// From when its times count.
    pub start: Instant,
    /// Bytes that lie in the file, and those that do not yet.
    pub written: u64,
    pub waits: Vec<u8>,
}

impl Spool {
    pub fn new(from: Box<dyn Iterator<Item = Record> + Send>, file: Arc<File>) -> Self {
        let start = Instant::default();
        Spool { from, file, place: FilePlace::default(), start, written: 0, waits: Vec::new() }
    }

    fn lay_down(&mut self, record: &Record) {
        let head = if let Record::Head(head) = record { Some(head) } else { None };
        self.start = head.map_or(self.start, |head| head.start);
        let line = line_of(record, self.start);
        let len = line.len() as u64;
        self.place = match head {
            Some(head) => FilePlace::after_head(head.start, len),
            None => self.place.after_line(len),
        };
        self.waits.extend_from_slice(&line);
    }

    /// Have everything in the file; a sentence where that fails.
    fn flush(&mut self) -> Option<String> {
        let done = write_at(&self.file, &self.waits, self.written);
        self.written += self.waits.len() as u64;
        self.waits.clear();
        done.err().map(|error| format!("what was read cannot be laid down for a second look: {error}"))
    }
}

/// What comes next.
enum Next {
    /// A record: held, where no store lends it.
    Record(Option<Arc<Record>>),
    /// Nothing for the moment: what is known may be told.
    Idle,
    End,
}

/// Builds an index.
pub(super) struct Builder {
    inflow: Inflow,
    /// A record that was waited for.
    waited: Option<Arc<Record>>,
    line: Line,
    read: u64,
    records: u64,
    /// Rows and bytes when the last batch was sent.
    sent: (usize, u64),
    is_first: bool,
    is_done: bool,
}

impl Builder {
    pub fn new(inflow: Inflow, pace: Pace) -> Self {
        Builder {
            inflow,
            waited: None,
            line: Line { pace, ..Line::default() },
            read: 0,
            records: 0,
            sent: (0, 0),
            is_first: true,
            is_done: false,
        }
    }

    /// Go on until the end, or until `enough` records were read; gives whether there may be more. Stops where nobody
    /// listens any more.
    pub fn run(&mut self, enough: u64, to: &Sender<Batch>) -> bool {
        loop {
            match self.next() {
                Next::Record(held) => self.take(held),
                Next::Idle => {
                    if !self.send(to) {
                        return false;
                    }
                    self.wait();
                    continue;
                }
                Next::End => {
                    self.finish();
                    self.send(to);
                    return false;
                }
            }
            let (few, small) = if self.is_first { FIRST } else { OFTEN };
            let due = self.line.rows() >= self.sent.0 + few || self.read >= self.sent.1 + small;
            let enough = self.records >= enough;
            if (due || enough) && !self.send(to) {
                return false;
            }
            if enough {
                return true;
            }
        }
    }

    fn next(&mut self) -> Next {
        if let Some(record) = self.waited.take() {
            return Next::Record(Some(record));
        }
        let next = match &mut self.inflow {
            Inflow::Stored(cursor, _) => match cursor.peek() {
                Some(_) => return Next::Record(None),
                None => None,
            },
            Inflow::Sent(from, _) | Inflow::Fed(from, _) => match from.try_recv() {
                Err(TryRecvError::Empty) => return Next::Idle,
                received => received.ok(),
            },
            Inflow::Spooled(spool) => spool.from.next(),
        };
        next.map_or(Next::End, |record| Next::Record(Some(Arc::new(record))))
    }

    /// Wait for the next record that is sent.
    fn wait(&mut self) {
        if let Inflow::Sent(from, _) | Inflow::Fed(from, _) = &self.inflow {
            self.waited = from.recv().ok().map(Arc::new);
        }
    }

    /// Tell the record that came, and go behind it.
    fn take(&mut self, held: Option<Arc<Record>>) {
        self.records += 1;
        let file = match (&mut self.inflow, held) {
            (Inflow::Stored(cursor, of), _) => {
                if let Some(record) = cursor.peek() {
                    self.line.tell(record, self.read);
                    self.read += if of.is_none() { size(record) } else { 0 };
                }
                let file = cursor.pass().file;
                if of.is_some() {
                    self.read = file.offset();
                }
                file
            }
            (Inflow::Sent(_, kept), Some(record)) => {
                kept.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&record));
                self.line.tell(&record, self.read);
                self.read += size(&record);
                FilePlace::default()
            }
            (Inflow::Spooled(spool) | Inflow::Fed(_, spool), Some(record)) => {
                spool.lay_down(&record);
                self.line.tell(&record, self.read);
                self.read = spool.place.offset();
                if spool.waits.len() > SPOOL {
                    self.line.batch.troubles.extend(spool.flush());
                }
                spool.place
            }
            (_, None) => return,
        };
        self.line.pass(file, self.read);
    }

    fn finish(&mut self) {
        self.line.finish();
        self.is_done = true;
        if let Inflow::Stored(cursor, of) = &mut self.inflow {
            self.line.batch.troubles.extend(cursor.troubles());
            self.read = of.unwrap_or(self.read);
        }
    }

    /// Tell what was come to; whether somebody listens.
    fn send(&mut self, to: &Sender<Batch>) -> bool {
        if let Inflow::Spooled(spool) | Inflow::Fed(_, spool) = &mut self.inflow {
            self.line.batch.troubles.extend(spool.flush());
        }
        let of = match &self.inflow {
            Inflow::Stored(_, of) => *of,
            _ => None,
        };
        let of = if self.is_done { Some(self.read) } else { of };
        let mut batch = std::mem::take(&mut self.line.batch);
        batch.progress = Progress { done: self.is_done, read: self.read, of };
        self.sent = (self.line.rows(), self.read);
        self.is_first = false;
        to.send(batch).is_ok()
    }
}

/// About how many bytes a record takes in a transcript.
fn size(record: &Record) -> u64 {
    match record {
        Record::Data { data, .. } => 64 + data.bytes.len() as u64,
        _ => 128,
    }
}

/// The story as it is told for the index, with its checkpoints.
#[derive(Default)]
struct Line {
    pace: Pace,
    teller: Option<Teller>,
    batch: Batch,
    /// Where the last checkpoint stands: rows and bytes.
    last: (usize, u64),
    /// How far checkpoints are apart: twice as far, so often doubled.
    doubled: u32,
    /// What waits in each checkpoint, in bytes.
    weights: Vec<usize>,
}

impl Line {
    fn rows(&self) -> usize {
        self.teller.as_ref().map_or(0, |teller| teller.rows)
    }

    /// Tell a record of a source of which so many bytes were read.
    fn tell(&mut self, record: &Record, read: u64) {
        match record {
            Record::Head(head) if self.teller.is_none() => {
                self.batch.head = Some(Box::new(head.clone()));
                self.teller = Some(Teller::new(head));
                // The head itself is told again from the first checkpoint.
                self.checkpoint(read);
            }
            Record::Open { open, .. } => self.batch.opens.push(open.clone()),
            Record::Mark(mark) if mark.range.is_some() => self.batch.pointing.push(mark.clone()),
            _ => {}
        }
        loop {
            let Line { teller: Some(teller), batch, .. } = self else { return };
            let over = teller.take(record, &mut |_, item, _, _| batch.kinds.push(RowKinds::of(&item)));
            let told = teller.place.told as u64;
            if over {
                return;
            }
            self.check(read + told);
        }
    }

    /// The record is told; the next one lies there.
    fn pass(&mut self, file: FilePlace, read: u64) {
        if let Some(teller) = &mut self.teller {
            teller.place = teller.place.next(file);
        }
        self.check(read);
    }

    fn finish(&mut self) {
        let Line { teller: Some(teller), batch, .. } = self else { return };
        teller.finish(&mut |_, item, _, _| batch.kinds.push(RowKinds::of(&item)));
    }

    /// Make a checkpoint here, where one is due.
    fn check(&mut self, read: u64) {
        let Some(teller) = &self.teller else { return };
        let (rows, bytes) = (self.pace.rows << self.doubled, self.pace.bytes << self.doubled);
        let (since, passed) = (teller.rows - self.last.0, read.saturating_sub(self.last.1));
        if since < rows && passed < bytes || since == 0 {
            return;
        }
        if since < 8 * rows && passed < 8 * bytes && teller.waiting() > WAITING {
            return;
        }
        self.checkpoint(read);
    }

    fn checkpoint(&mut self, read: u64) {
        let Some(teller) = &self.teller else { return };
        self.last = (teller.rows, read);
        self.weights.push(teller.waiting());
        self.batch.checkpoints.push(Arc::new(teller.clone()));
        if self.weights.len() > self.pace.most
            || self.weights.iter().sum::<usize>() > HEAVIEST && self.weights.len() > 2
        {
            self.weights = self.weights.iter().copied().step_by(2).collect();
            self.doubled = (self.doubled + 1).min(16);
            self.batch.thin.push(self.batch.checkpoints.len());
        }
    }
}
