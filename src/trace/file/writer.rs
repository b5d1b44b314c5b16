//! [`Writer`]: records → lines, one at a time, so that a file may grow while a world runs.

use super::line;
use crate::base::Instant;
use crate::trace::{Head, Record};
use std::io::{self, Write};

/// Writes records as they come. Each line goes out in one piece; a crash tears the last one at most.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    start: Instant,
    flush_each: bool,
}

impl<W: Write> Writer<W> {
    /// A writer at the beginning of a file: the first record must be the head.
    pub fn new(out: W) -> Self {
        Writer { out, start: Instant::default(), flush_each: false }
    }

    /// A writer that goes on with a file whose head is `head`.
    pub fn resume(out: W, head: &Head) -> Self {
        Writer { out, start: head.start, flush_each: false }
    }

    /// Whether to flush after each record, so that others can follow the file.
    #[must_use]
    pub fn flush_each(mut self, flush: bool) -> Self {
        self.flush_each = flush;
        self
    }

    /// Write a record. Times count from the start of the last head that was written.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        if let Record::Head(head) = record {
            self.start = head.start;
        }
        self.out.write_all(&line::encode(record, self.start)?)?;
        if self.flush_each { self.out.flush() } else { Ok(()) }
    }

    /// Have everything in the output, so that others can read it.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Flush, and give the output back.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
