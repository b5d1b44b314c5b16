//! [`Store`]: where an index's records lie, to be read again from any place: in memory, or in a file.

use crate::base::aside::read_at;
use crate::trace::Record;
use crate::trace::file::{Place as FilePlace, Reader};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::{Arc, PoisonError, RwLock};

/// Where a record begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Its index in the transcript.
    pub record: usize,
    /// How much of its data was told already.
    pub told: usize,
    /// Where it is in the file, where there is one.
    pub file: FilePlace,
}

impl Place {
    /// Where the next record begins, if it begins at `file`.
    pub fn next(self, file: FilePlace) -> Place {
        Place { record: self.record + 1, told: 0, file }
    }
}

/// Records that are still coming, shared between who takes them in and who shows them.
pub(super) type Shared = Arc<RwLock<Vec<Arc<Record>>>>;

/// Where the records lie.
#[derive(Clone)]
pub(super) enum Store {
    /// All there, in memory.
    Memory(Arc<[Record]>),
    /// In memory, and more are coming.
    Growing(Shared),
    /// A transcript file: one that was given, or one that records are laid down in as they come.
    File(Arc<File>),
}

impl Store {
    /// Reads from `place` on.
    pub fn cursor(&self, place: Place) -> Cursor {
        let from = match self {
            Store::Memory(records) => From::Memory(Arc::clone(records)),
            Store::Growing(records) => From::Growing(Arc::clone(records)),
            Store::File(file) => {
                let at = At { file: Arc::clone(file), at: place.file.offset() };
                From::File(Box::new(Reader::resume(BufReader::with_capacity(1 << 16, at), place.file)))
            }
        };
        Cursor { from, place, held: None, failed: None }
    }
}

enum From {
    Memory(Arc<[Record]>),
    Growing(Shared),
    File(Box<Reader<BufReader<At>>>),
}

enum Held {
    Shared(Arc<Record>),
    Own(Box<Record>),
}

/// Goes through a store, record by record.
pub(super) struct Cursor {
    from: From,
    place: Place,
    held: Option<Held>,
    failed: Option<String>,
}

impl Cursor {
    /// The record at this place; none at the end of what is there.
    pub fn peek(&mut self) -> Option<&Record> {
        if self.held.is_none() {
            self.held = match &mut self.from {
                From::Memory(_) => None,
                From::Growing(records) => {
                    let records = records.read().unwrap_or_else(PoisonError::into_inner);
                    records.get(self.place.record).cloned().map(Held::Shared)
                }
                From::File(reader) => match reader.next() {
                    Some(Ok(record)) => Some(Held::Own(Box::new(record))),
                    Some(Err(error)) => {
                        self.failed = Some(error.to_string());
                        None
                    }
                    None => None,
                },
            };
        }
        match (&self.from, &self.held) {
            (From::Memory(records), _) => records.get(self.place.record),
            (_, Some(Held::Shared(record))) => Some(record),
            (_, Some(Held::Own(record))) => Some(record),
            (_, None) => None,
        }
    }

    /// Go on to the next record; gives its place.
    pub fn pass(&mut self) -> Place {
        self.held = None;
        let file = match &self.from {
            From::File(reader) => reader.place(),
            _ => FilePlace::default(),
        };
        self.place = self.place.next(file);
        self.place
    }

    /// What was off in what was read, a sentence each.
    pub fn troubles(&self) -> Vec<String> {
        let issues: Vec<String> = match &self.from {
            From::File(reader) => reader.issues().iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        issues.into_iter().chain(self.failed.clone()).collect()
    }
}

/// Reads a file from a place of its own: several do so at once.
pub(super) struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
