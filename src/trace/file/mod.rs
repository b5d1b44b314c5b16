//! The transcript file, format version 1: JSON Lines, one record a line, appended to while a world runs.
//!
//! | `k` | members, in this order |
//! |---|---|
//! | `head` | `format` (`postroad`), `version`, `generator`, `title`, `start` (RFC 3339, UTC), `hosts`, `seed`, `changes`?, `scenario`? |
//! | `open` | `t`, `c`, `transport`, `client`, `server` (each `ip:port`) |
//! | `data` | `t`, `c`, `d`, `l`? (`plain`), then `s` (text, where the bytes are UTF-8) or `b` (base64) |
//! | `gap` | `t`, `c`, `d`, `n`? (how many bytes, where known), `why` (`before`, `lost`, `cut`, `let-go`) |
//! | `close` | `t`, `c`, `d`, `how` |
//! | `fact` | `t`, `host`, `fact`, and what that fact has |
//! | `mark` | `kind`, `text`, `id`?, `author`?, `conn`?, `from`?, `layer`?, `range`?, `quote`?, `answer`?, `wrong`?, `to`? |
//! | `end` | `t` |
//!
//! `t` is whole microseconds since the head's `start`, `c` the connection, `d` who spoke (`c` or `s`).
//!
//! # What a reader makes of the unexpected
//! The head stands on the first line, or it is no transcript. A record that is not understood (a kind, fact or
//! member that this version does not know) is kept as it is and written back. A broken line is told of and
//! left out; so is a last line that was cut off while it was being written. A newer version is told of and read
//! as far as it is understood; an older one is brought up to date, line by line, before it is read.

mod issue;
mod line;
mod reader;
mod writer;

pub use issue::{Error, Issue};
pub use reader::{Place, Reader, Upgrade};
pub use writer::Writer;

use super::{Head, Record};
use crate::base::Instant;
use std::io::{self, BufRead, Write};

/// The version that is written.
pub const VERSION: u32 = 1;

/// A record as the file's line for it, line feed included; times count from `start`.
pub fn line_of(record: &Record, start: Instant) -> Vec<u8> {
    // Every record has a JSON form, so this cannot fail.
    line::encode(record, start).unwrap_or_default()
}

/// A whole transcript in memory: its head first, then what happened in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Its records.
    pub records: Vec<Record>,
}

impl Transcript {
    /// Its head. One that was read has it.
    pub fn head(&self) -> Option<&Head> {
        self.records.iter().find_map(|record| match record {
            Record::Head(head) => Some(head),
            _ => None,
        })
    }

    /// Read a whole file, and what was off in it.
    ///
    /// # Errors
    /// Where it is no transcript, or cannot be read.
    pub fn read<R: BufRead>(from: R) -> Result<(Self, Vec<Issue>), Error> {
        let mut reader = Reader::new(from);
        let records = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
        Ok((Transcript { records }, reader.into_issues()))
    }

    /// Write it.
    ///
    /// # Errors
    /// Where `to` fails.
    pub fn write<W: Write>(&self, to: W) -> io::Result<()> {
        let mut writer = Writer::new(to);
        for record in &self.records {
            writer.write(record)?;
        }
        writer.finish().map(drop)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = self.write(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests;
