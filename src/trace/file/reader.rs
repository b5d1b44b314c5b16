//! [`Reader`]: lines → records, one at a time, in bounded memory, telling what is off and going on.

use super::line::{self, Decoded};
use super::{Error, Issue, VERSION};
use crate::base::{Instant, escape};
use crate::trace::Record;
use serde_json::Value;
use std::io::{self, BufRead, Read};

/// Brings one line of an older version to the next one: the first takes version 1 to 2, and so on.
pub type Upgrade = fn(Value) -> Value;

/// One for each version before [`VERSION`]; there is none yet.
const UPGRADES: &[Upgrade] = &[];

/// Longest line that is read, in bytes: 64 MiB, a message of 48 MiB in base64.
const LONGEST_LINE: usize = 64 << 20;

/// How many issues are listed; the rest is counted.
const MOST_ISSUES: usize = 100;

/// Where a reader is in its file, and what it learnt at the beginning: enough to go on from here with another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    line: u64,
    offset: u64,
    start: Option<Instant>,
    pending: &'static [Upgrade],
}

impl Place {
    /// Bytes of the file before it.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The same, so many bytes and one line further on: for whoever has just written that line.
    #[must_use]
    pub fn after_line(self, bytes: u64) -> Place {
        Place { line: self.line + 1, offset: self.offset + bytes, ..self }
    }

    /// The place behind a head of that `start`, written by this program in so many bytes.
    pub fn after_head(start: Instant, bytes: u64) -> Place {
        Place { line: 1, offset: bytes, start: Some(start), pending: &[] }
    }
}

/// Reads records as they are asked for. After an error it gives nothing more.
pub struct Reader<R: BufRead> {
    from: R,
    /// The line being read, from 1.
    line: u64,
    /// Where it begins, in bytes.
    offset: u64,
    longest: usize,
    upgrades: &'static [Upgrade],
    /// Those that the file's version needs.
    pending: &'static [Upgrade],
    start: Option<Instant>,
    issues: Vec<Issue>,
    more: u64,
    done: bool,
}

/// What the next line is.
enum Next {
    /// A line, and whether its line feed was there.
    Line(Vec<u8>, bool),
    TooLong {
        ended: bool,
    },
    End,
}

impl<R: BufRead> Reader<R> {
    /// A reader at the beginning of a file.
    pub fn new(from: R) -> Self {
        Reader {
            from,
            line: 0,
            offset: 0,
            longest: LONGEST_LINE,
            upgrades: UPGRADES,
            pending: &[],
            start: None,
            issues: Vec::new(),
            more: 0,
            done: false,
        }
    }

    /// A reader that goes on at `place`; `from` stands at its offset. Default: at the beginning, as [`Reader::new`].
    pub fn resume(from: R, place: Place) -> Self {
        let Place { line, offset, start, pending } = place;
        Reader { line, offset, start, pending, ..Reader::new(from) }
    }

    /// Behind the last record that it gave.
    pub fn place(&self) -> Place {
        Place { line: self.line, offset: self.offset, start: self.start, pending: self.pending }
    }

    /// The same, with another bound on a line's length than 64 MiB.
    #[must_use]
    pub fn longest_line(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// The same, with other upgrades: the version it knows is one more than there are.
    #[must_use]
    pub fn upgrades(mut self, upgrades: &'static [Upgrade]) -> Self {
        self.upgrades = upgrades;
        self
    }

    /// What was off so far; at most a hundred are listed.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// What was off, and how many more there were.
    pub fn into_issues(mut self) -> Vec<Issue> {
        if self.more > 0 {
            self.issues.push(Issue::More { count: self.more });
        }
        self.issues
    }

    fn known_version(&self) -> u32 {
        VERSION.max(1 + u32::try_from(self.upgrades.len()).unwrap_or(u32::MAX - 1))
    }

    fn tell(&mut self, issue: Issue) {
        if self.issues.len() < MOST_ISSUES { self.issues.push(issue) } else { self.more += 1 }
    }

    fn read_line(&mut self) -> io::Result<Next> {
        let mut bytes = Vec::new();
        let bound = u64::try_from(self.longest).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.from.by_ref().take(bound).read_until(b'\n', &mut bytes)? as u64;
        if read == 0 {
            return Ok(Next::End);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            return Ok(Next::Line(bytes, true));
        }
        if read < bound {
            return Ok(Next::Line(bytes, false));
        }
        drop(bytes);
        self.skip_line()
    }

    /// Go to the end of a line that is too long, keeping none of it.
    fn skip_line(&mut self) -> io::Result<Next> {
        loop {
            let buffer = self.from.fill_buf()?;
            let (len, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.from.consume(len);
            self.offset += len as u64;
            if ended {
                return Ok(Next::TooLong { ended: len > 0 });
            }
        }
    }

    fn next_record(&mut self) -> Result<Option<Record>, Error> {
        if self.start.is_none() {
            return self.head().map(Some);
        }
        loop {
            self.line += 1;
            let offset = self.offset;
            let next = self.read_line().map_err(|source| Error::Io { line: self.line, source })?;
            let (bytes, whole) = match next {
                Next::End => return Ok(None),
                Next::TooLong { ended } => {
                    self.offset += self.longest as u64 + 1;
                    self.tell(match ended {
                        true => Issue::TooLong { line: self.line, limit: self.longest },
                        false => Issue::TornLine { line: self.line, offset },
                    });
                    continue;
                }
                Next::Line(bytes, whole) => (bytes, whole),
            };
            self.offset += bytes.len() as u64 + u64::from(whole);
            if let Some(record) = self.record(&bytes, whole, offset) {
                return Ok(Some(record));
            }
        }
    }

    fn record(&mut self, bytes: &[u8], whole: bool, offset: u64) -> Option<Record> {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return None;
        }
        let line = self.line;
        match self.decode(bytes) {
            Decoded::Record(Record::Head(_)) => {
                let expected = "a head stands on the first line only".to_owned();
                self.tell(Issue::Broken { line, column: 0, expected });
                None
            }
            Decoded::Record(record) => Some(record),
            Decoded::Foreign(value) => Some(Record::Unknown(value)),
            Decoded::NotUnderstood(record, what) => {
                self.tell(Issue::NotUnderstood { line, what });
                Some(record)
            }
            Decoded::Broken { .. } if !whole => {
                self.tell(Issue::TornLine { line, offset });
                None
            }
            Decoded::Broken { column, expected } => {
                self.tell(Issue::Broken { line, column, expected });
                None
            }
        }
    }

    fn decode(&self, bytes: &[u8]) -> Decoded {
        let start = self.start.unwrap_or_default();
        if self.pending.is_empty() {
            return line::decode(bytes, start);
        }
        match serde_json::from_slice(bytes) {
            Err(error) => error.into(),
            Ok(value) => {
                let value: Value = self.pending.iter().fold(value, |value, upgrade| upgrade(value));
                line::decode(value.to_string().as_bytes(), start)
            }
        }
    }

    /// The first line: the head, or why this is no transcript.
    fn head(&mut self) -> Result<Record, Error> {
        self.line = 1;
        let failed = |source| Error::Io { line: 1, source };
        let first = self.from.fill_buf().map_err(failed)?;
        if first.is_empty() {
            return Err(Error::Empty);
        }
        let hint = hint(first);
        let bytes = match self.read_line().map_err(failed)? {
            Next::Line(bytes, whole) => {
                self.offset = bytes.len() as u64 + u64::from(whole);
                bytes
            }
            Next::TooLong { .. } | Next::End => return Err(Error::NotATranscript { hint }),
        };
        // A byte-order mark is what some editors leave in front.
        let line = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        if !line.starts_with(b"{") || !is_head(line) {
            return Err(Error::NotATranscript { hint });
        }
        self.choose_upgrades(line)?;
        match self.decode(line) {
            Decoded::Record(Record::Head(head)) => self.begin(head),
            Decoded::NotUnderstood(Record::Head(head), what) => {
                self.tell(Issue::NotUnderstood { line: 1, what });
                self.begin(head)
            }
            Decoded::Broken { column, expected } => Err(Error::Head { column, expected }),
            _ => Err(Error::NotATranscript { hint }),
        }
    }

    fn begin(&mut self, mut head: crate::trace::Head) -> Result<Record, Error> {
        let known = self.known_version();
        if head.version > known {
            self.tell(Issue::NewerVersion { found: head.version, known });
        } else {
            head.version = known;
        }
        self.start = Some(head.start);
        Ok(Record::Head(head))
    }

    fn choose_upgrades(&mut self, line: &[u8]) -> Result<(), Error> {
        let Ok(VersionLine { version: Some(version) }) = serde_json::from_slice(line) else {
            return Ok(()); // Reading the head says what is wrong.
        };
        let Some(before) = version.checked_sub(1) else { return Err(Error::Version { found: version }) };
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        self.pending = self.upgrades.get(before..).unwrap_or_default();
        Ok(())
    }
}

/// Enough of a head to know how to read it, whatever its version.
#[derive(serde::Deserialize)]
struct VersionLine {
    #[serde(default)]
    version: Option<u32>,
}

/// Whether a first line means to be a head, even if it is broken further on.
fn is_head(line: &[u8]) -> bool {
    let squeezed: Vec<u8> =
        line.iter().take(64).copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    squeezed.starts_with(b"{\"k\":\"head\"")
        || serde_json::from_slice::<Value>(line).is_ok_and(|value| value["k"] == "head")
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_record().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// What a file that is no transcript seems to be, by its first bytes.
fn hint(first: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 12] = [
        (b"\xd4\xc3\xb2\xa1", "it is a packet capture (pcap)"),
        (b"\xa1\xb2\xc3\xd4", "it is a packet capture (pcap)"),
        (b"\x4d\x3c\xb2\xa1", "it is a packet capture (pcap)"),
        (b"\x0a\x0d\x0d\x0a", "it is a packet capture (pcapng)"),
        (b"\x1f\x8b", "it is compressed: unpack it with gunzip first"),
        (b"\x28\xb5\x2f\xfd", "it is compressed: unpack it with unzstd first"),
        (b"From ", "it looks like a mailbox (mbox)"),
        (b"Received:", "it looks like a message"),
        (b"Return-Path:", "it looks like a message"),
        (b"220", "it looks like an SMTP session as text"),
        (b"title", "it looks like a scenario: run it with `postroad journey --scenario FILE`"),
        (b"{\"k\":", "it has records but not the head before them: was its beginning cut off?"),
    ];
    match KNOWN.iter().find(|(start, _)| first.starts_with(start)) {
        Some((_, what)) => (*what).to_owned(),
        None => {
            let shown = first.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let shown = shown.get(..40).unwrap_or(shown);
            format!("it begins with “{}”", escape::line(shown.trim_ascii_end()))
        }
    }
}
