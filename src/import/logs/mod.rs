//! Lines of mail servers' logs → which message, which hop, and what the other side said: Postfix, Exim, sendmail.
//!
//! There is no standard for these lines; each family has its own reader. What a reply means is told by its codes
//! (RFC 5321 §4.2, RFC 3463), which are found here and explained by whoever shows them.

mod exim;
mod reply;
mod syslog;
#[cfg(test)]
mod tests;

pub use reply::Said;

use super::text;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets: 64 MiB.
    pub octets: usize,
    /// Lines that are kept: 100 000.
    pub lines: usize,
    /// Octets of one line: 16 KiB.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { octets: 64 << 20, lines: 100_000, line: 16 << 10 }
    }
}

/// Which server writes such lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// sendmail.
    Sendmail,
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Family::Postfix => "Postfix",
            Family::Exim => "Exim",
            Family::Sendmail => "sendmail",
        }
    }
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A client connected.
    Connected,
    /// A client went, or was lost.
    Disconnected,
    /// A message came in.
    Received,
    /// Its Message-ID, or another thing about it.
    Noted,
    /// It is in the queue, about to be delivered.
    Queued,
    /// It was handed on or delivered.
    Sent,
    /// It was not handed on, and will be tried again.
    Deferred,
    /// It comes back: no further attempt.
    Bounced,
    /// This server itself said no, before it took the message.
    Rejected,
    /// A report about it went to its sender.
    Reported,
    /// It is done with.
    Removed,
    /// Something else.
    Other,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, from 1.
    pub line: usize,
    /// The line as it stands.
    pub text: String,
    /// Who wrote it.
    pub family: Family,
    /// The program, as in `postfix/smtp`.
    pub program: String,
    /// When, as it is written.
    pub time: String,
    /// The server's own number for the message; empty where none is named.
    pub queue_id: String,
    /// What it tells.
    pub event: Event,
    /// What it says by name: `from`, `to`, `relay`, `delay`, `dsn`, `status`, `client`, `size`, …
    pub fields: BTreeMap<String, String>,
    /// What one server said to another, where that is in it.
    pub said: Option<Said>,
}

/// A log, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// Its lines, in order; those of other programs are left out.
    pub entries: Vec<Entry>,
    /// How many lines belong to no mail server.
    pub other: usize,
}

/// Whether most lines of a text are of mail servers' logs.
pub fn looks_like_one(text: &[u8]) -> bool {
    let lines: Vec<&[u8]> =
        text.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()).take(200).collect();
    let known = lines.iter().filter(|line| entry(1, line, Limits::default()).is_some()).count();
    known > 0 && known * 2 >= lines.len() && text::verbose_share(&lines) * 2 < known
}

/// Read a log.
pub fn read(text: &[u8], limits: Limits) -> Log {
    let mut log = Log::default();
    let text = text.get(..limits.octets).unwrap_or(text);
    for (index, line) in text.split(|&b| b == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match entry(index + 1, line, limits).filter(|_| log.entries.len() < limits.lines) {
            Some(entry) => log.entries.push(entry),
            None => log.other += 1,
        }
    }
    log
}

fn entry(number: usize, line: &[u8], limits: Limits) -> Option<Entry> {
    let line = line.get(..limits.line).unwrap_or(line);
    let text = String::from_utf8_lossy(line.trim_ascii());
    syslog::entry(number, &text).or_else(|| exim::entry(number, &text))
}
