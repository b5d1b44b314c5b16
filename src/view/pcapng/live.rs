//! [`Live`]: a capture that is written while the story still goes on.
//!
//! Where it stands on the road: inside the `pcapng` view, for a lab. What is secret is known only when the line is whole, so
//! bytes are held back until their Step is told, at most [`HELD`] of them on each connection. Packets of different
//! connections may therefore stand a little out of order; each has its own time. How a connection will go on is not known
//! here: its handshake is drawn in the moment in which it is opened.

use super::survey::{Survey, side};
use super::{Capture, Options};
use crate::dissect::Step;
use crate::explain::{Item, Story};
use crate::trace::{CloseHow, Conn, Direction, Head, Layer, Record, Transport};
use crate::view::Cast;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

/// Bytes of a connection that are held back, at most: no line with a secret in it is as long.
const HELD: usize = 64 << 10;

/// See the head of this file.
pub struct Live<W: Write> {
    capture: Capture<W>,
    story: Story,
    cast: Cast,
    show_secrets: bool,
    lines: BTreeMap<Conn, Line>,
    index: usize,
}

/// What is held back of a connection.
#[derive(Default)]
struct Line {
    records: VecDeque<Record>,
    bytes: usize,
    /// Bytes of each side that are told, and that are written.
    told: [u64; 2],
    written: [u64; 2],
    closed: [bool; 2],
    is_udp: bool,
}

/// How long after a connection's end its last acknowledgment is sent.
const LAST: Duration = Duration::from_millis(50);

fn all(_: &Step) -> bool {
    true
}

fn options(show_secrets: bool) -> Options<'static> {
    Options { show_secrets, detail: false, keep: &all }
}

impl<W: Write> Live<W> {
    /// A capture of a story with this head. Without `show_secrets` passwords are overwritten.
    ///
    /// # Errors
    /// Where `out` fails.
    pub fn new(out: W, head: &Head, show_secrets: bool) -> io::Result<Self> {
        let capture = Capture::begin(out, head, Survey::default(), &options(show_secrets))?;
        let (story, lines) = (Story::new(head), BTreeMap::new());
        Ok(Live { capture, story, cast: Cast::default(), show_secrets, lines, index: 0 })
    }

    /// Write the next record, the head among them; or hold it back for a while.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let index = self.index;
        self.index += 1;
        self.cast.learn(record);
        let items = self.story.push(index, record);
        self.capture.survey.see(&self.cast, &items, index, record, &options(self.show_secrets));
        for step in
            items.iter().filter_map(|item| if let Item::Step(step, _) = item { Some(step) } else { None })
        {
            if let Some(line) = self.lines.get_mut(&step.conn).filter(|_| step.layer == Layer::Wire) {
                line.told[side(step.from)] = line.told[side(step.from)].max(step.range.end);
            }
        }
        match record {
            Record::Open { open, .. } => {
                let is_udp = open.transport == Transport::Udp;
                self.lines.insert(open.conn, Line { is_udp, ..Line::default() });
                self.capture.record(index, record)
            }
            Record::Data { data, .. } if data.layer == Layer::Wire => {
                let line = self.lines.entry(data.conn).or_default();
                line.bytes += data.bytes.len();
                line.records.push_back(record.clone());
                let is_udp = line.is_udp;
                self.write(data.conn, index, is_udp)?;
                // Datagrams have no end; a question that is answered is over.
                let is_over = is_udp && data.from == Direction::Server;
                if is_over { self.close(data.conn, index) } else { Ok(()) }
            }
            Record::Close { at, conn, from, how } => {
                self.write(*conn, index, true)?;
                self.capture.record(index, record)?;
                let Some(line) = self.lines.get_mut(conn) else { return Ok(()) };
                line.closed[side(*from)] = true;
                if line.closed == [true, true] || *how != CloseHow::Fin {
                    self.capture.until(Some(*at + LAST))?;
                    self.close(*conn, index)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Have everything in the output that is not held back.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.capture.blocks.flush()
    }

    /// Nothing more comes: write what was held back.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn finish(&mut self) -> io::Result<()> {
        let conns: Vec<Conn> = self.lines.keys().copied().collect();
        conns.into_iter().try_for_each(|conn| self.write(conn, self.index, true))?;
        self.capture.until(None)?;
        self.flush()
    }

    /// Write what is told of a connection, in its order; with `all` everything, as where too much is held back.
    fn write(&mut self, conn: Conn, index: usize, all: bool) -> io::Result<()> {
        let Some(line) = self.lines.get_mut(&conn) else { return Ok(()) };
        let all = all || line.bytes > HELD;
        while let Some(Record::Data { data, .. }) = line.records.front() {
            let (from, end) = (data.from, line.written[side(data.from)] + data.bytes.len() as u64);
            if !all && line.told[side(from)] < end {
                break;
            }
            line.bytes -= data.bytes.len();
            line.written[side(from)] = end;
            let Some(record) = line.records.pop_front() else { break };
            self.capture.record(index, &record)?;
            if let Some(id) = self.capture.survey.course(conn) {
                self.capture.survey.pass(id, from, end);
            }
        }
        Ok(())
    }

    /// A connection is over: nothing is kept of it.
    fn close(&mut self, conn: Conn, index: usize) -> io::Result<()> {
        self.lines.remove(&conn);
        self.capture.now.remove(&conn);
        self.capture.survey.forget(conn, index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::file::Transcript;
    use std::io::{Read, Seek};

    fn journey() -> Vec<Record> {
        let bytes = include_bytes!("../../../transcripts/journey.jsonl");
        Transcript::read(&bytes[..]).expect("it is a transcript").0.records
    }

    /// What crossed is there, but for passwords; that it can be read back is held by the tests of exports.
    #[test]
    fn what_is_written_as_it_goes_hides_passwords_and_keeps_nothing() {
        let records = journey();
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        let mut file = tempfile::tempfile().expect("a temporary file");
        let mut live = Live::new(&file, head, false).expect("the file takes it");
        records.iter().for_each(|record| live.push(record).expect("the file takes it"));
        live.finish().expect("the file takes it");
        assert!(
            live.lines.is_empty() && live.capture.now.is_empty() && live.capture.survey.courses.is_empty()
        );
        drop(live);
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("it can be read");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("RCPT TO:<bob@example.net>") && text.contains("the kettle is new"));
        // PLAIN holds the name and the password in one text: the name is shown.
        assert!(text.contains("AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29t") && text.contains("****\r\n"));
        assert!(!text.contains("RlYS1hdC1mb3Vy") && !text.contains("ship-in-a-bottle"), "passwords");
    }
}
