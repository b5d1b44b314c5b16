//! What a run's [`Change`]s do to a stream: [`Edits`], applied by the driver between machine and stream.
//!
//! A fork of a journey is `(scenario, seed, changes)`. The format of a change stands in `trace/change.rs`; here its faults
//! are the scenario's. The machine believes that it sent its own line.

use super::scenario::Fault;
use crate::trace::{Conn, Direction, change};

pub use crate::trace::change::Typing;

/// One deviation from a scenario.
pub type Change = change::Change<Fault>;

/// The edits of one end's stream, applied to its bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// Ordered by offset.
    edits: Vec<Edit>,
    /// How many bytes the machine has sent.
    sent: u64,
}

#[derive(Clone, Debug)]
struct Edit {
    offset: u64,
    length: u64,
    /// `None` cuts the connection.
    text: Option<Vec<u8>>,
    /// Whether it waits for the byte at its offset, even where it takes none away.
    waits: bool,
    /// Whether `text` went out already (the machine sent the bytes it replaces in several pieces).
    done: bool,
}

/// What goes on the wire in place of what the machine sent.
pub struct Edited {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the connection is broken off after them.
    pub cut: bool,
}

impl Edits {
    /// The edits among `changes` that concern this side of this connection.
    pub fn of(conn: Conn, from: Direction, changes: &[Change]) -> Self {
        let mut edits: Vec<Edit> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Replace { conn: c, side, offset, length, .. } if (*c, *side) == (conn, from) => {
                    Some(Edit {
                        offset: *offset,
                        length: *length,
                        text: change.bytes(),
                        waits: false,
                        done: false,
                    })
                }
                Change::Cut { conn: c, side, offset, instead } if (*c, *side) == (conn, from) => {
                    Some(Edit { offset: *offset, length: 0, text: None, waits: *instead, done: false })
                }
                _ => None,
            })
            .collect();
        edits.sort_by_key(|edit| edit.offset);
        Edits { edits, sent: 0 }
    }

    /// What goes on the wire for these bytes of the machine's.
    pub fn apply(&mut self, bytes: Vec<u8>) -> Edited {
        let start = self.sent;
        self.sent += bytes.len() as u64;
        if self.edits.is_empty() {
            return Edited { bytes, cut: false };
        }
        let mut out = Vec::with_capacity(bytes.len());
        for (at, byte) in (start..).zip(bytes) {
            let mut kept = true;
            for edit in &mut self.edits {
                if !edit.done && edit.offset <= at {
                    edit.done = true;
                    match &edit.text {
                        Some(text) => out.extend_from_slice(text),
                        None => return Edited { bytes: out, cut: true },
                    }
                }
                kept &= !(edit.offset <= at && at < edit.offset + edit.length);
            }
            if kept {
                out.push(byte);
            }
        }
        let cut = self.at_the_end(&mut out);
        Edited { bytes: out, cut }
    }

    /// Insertions and cuts at the place that the stream has just come to: they need not wait for the next byte, which
    /// may never come. Says whether the connection is cut.
    fn at_the_end(&mut self, out: &mut Vec<u8>) -> bool {
        let here =
            self.edits.iter_mut().filter(|e| !e.done && !e.waits && e.offset == self.sent && e.length == 0);
        for edit in here {
            edit.done = true;
            match &edit.text {
                Some(text) => out.extend_from_slice(text),
                None => return true,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;

    #[test]
    fn an_edit_is_the_same_however_the_machine_splits_its_bytes() {
        let change = Change::Replace {
            conn: Conn(1),
            side: Direction::Client,
            offset: 5,
            length: 3,
            text: "localhost".to_owned(),
            base64: String::new(),
        };
        for size in 1..12 {
            let mut edits = Edits::of(Conn(1), Direction::Client, std::slice::from_ref(&change));
            let sent: Vec<u8> =
                b"EHLO abc\r\n".chunks(size).flat_map(|c| edits.apply(c.to_vec()).bytes).collect();
            assert_eq!(sent, b"EHLO localhost\r\n");
        }
    }

    #[test]
    fn a_cut_ends_the_stream_at_its_offset() {
        let cut = Change::Cut { conn: Conn(2), side: Direction::Server, offset: 4, instead: false };
        let mut client = Edits::of(Conn(2), Direction::Client, std::slice::from_ref(&cut));
        assert!(!client.apply(b"DATA\r\n".to_vec()).cut, "the other side's stream is left alone");
        let mut edits = Edits::of(Conn(2), Direction::Server, &[cut]);
        let edited = edits.apply(b"DATA\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"DATA".as_slice(), true));
    }

    #[test]
    fn a_cut_in_place_of_the_next_byte_waits_for_it() {
        let cut = Change::Cut { conn: Conn(2), side: Direction::Client, offset: 6, instead: true };
        let mut edits = Edits::of(Conn(2), Direction::Client, &[cut]);
        assert!(!edits.apply(b"DATA\r\n".to_vec()).cut);
        let edited = edits.apply(b"Subject".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"".as_slice(), true));
    }

    #[test]
    fn what_stands_at_the_end_of_the_stream_does_not_wait_for_more() {
        let insert = Change::Replace {
            conn: Conn(3),
            side: Direction::Client,
            offset: 6,
            length: 0,
            text: String::new(),
            base64: BASE64.encode(b"\xff\r\n"),
        };
        let mut edits = Edits::of(
            Conn(3),
            Direction::Client,
            &[insert, Change::Cut { conn: Conn(3), side: Direction::Client, offset: 6, instead: false }],
        );
        let edited = edits.apply(b"QUIT\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"QUIT\r\n\xff\r\n".as_slice(), true));
    }
}
