//! What can be off in a transcript file: an [`Error`] ends the reading, an [`Issue`] is told and reading goes on.
//!
//! Nothing from the file stands in them unescaped: they are shown on terminals.

use std::fmt;
use std::io;

/// Why a file cannot be read as a transcript.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read.
    #[error("line {line} could not be read: {source}")]
    Io {
        /// The line that was being read, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing is in it.
    #[error(
        "the file is empty; a transcript begins with a head, as `postroad journey --record FILE` writes it"
    )]
    Empty,
    /// Its first line is no head.
    #[error(
        "this is not a transcript: its first line is not {{\"k\":\"head\",\"format\":\"postroad\",…}}; {hint}"
    )]
    NotATranscript {
        /// What it seems to be, and what to do.
        hint: String,
    },
    /// Its head is broken.
    #[error("the transcript's head (line 1) is broken at column {column}: {expected}")]
    Head {
        /// Byte in the line, from 1.
        column: usize,
        /// What was expected.
        expected: String,
    },
    /// No reader for this version.
    #[error("the transcript says version {found}, which never was; the first version is 1")]
    Version {
        /// What it says.
        found: u32,
    },
}

/// Something off in a transcript that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issue {
    /// The last line was cut off while it was being written. All before it was read.
    TornLine {
        /// The line, from 1.
        line: u64,
        /// Where it begins in the file, in bytes: cut the file here to mend it.
        offset: u64,
    },
    /// A line is broken, and was left out.
    Broken {
        /// The line, from 1.
        line: u64,
        /// Byte in the line, from 1; 0 where the whole line is meant.
        column: usize,
        /// What was expected.
        expected: String,
    },
    /// A record has something that this version does not know; it was kept as it is.
    NotUnderstood {
        /// The line, from 1.
        line: u64,
        /// What.
        what: String,
    },
    /// A line is longer than is read, and was left out.
    TooLong {
        /// The line, from 1.
        line: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The file was written by a newer version; what was not understood was kept as it is.
    NewerVersion {
        /// What the head says.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// More issues than are listed.
    More {
        /// How many are not listed.
        count: u64,
    },
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Issue::TornLine { line, offset } => write!(
                f,
                "line {line} was cut off while it was being written (byte {offset}); all before it was read"
            ),
            Issue::Broken { line, column: 0, expected } => {
                write!(f, "line {line} is broken and was left out: {expected}")
            }
            Issue::Broken { line, column, expected } => {
                write!(f, "line {line} is broken at column {column} and was left out: {expected}")
            }
            Issue::NotUnderstood { line, what } => {
                write!(f, "line {line} was kept but not understood: {what}")
            }
            Issue::TooLong { line, limit } => {
                write!(f, "line {line} is longer than {limit} bytes and was left out")
            }
            Issue::NewerVersion { found, known } => write!(
                f,
                "written in version {found} of the format; this program knows version {known} and shows what it can"
            ),
            Issue::More { count } => write!(f, "and {count} more lines with something off"),
        }
    }
}
