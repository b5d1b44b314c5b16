//! [`Change`]: one deviation from a scenario: an edit of a client's bytes, or a fault.
//!
//! A fork of a journey is `(scenario, seed, changes)`. Edits are applied by the driver between machine and stream,
//! at an offset of the machine's own stream; the machine believes it sent its own line.

use super::scenario::Fault;
use crate::trace::Conn;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// One deviation from a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Put `text` in place of `length` bytes of a client's stream; a length of 0 inserts, as soon as the stream has
    /// come to `offset`.
    Replace {
        /// The connection's number in the transcript.
        conn: Conn,
        /// Where in the client's own stream.
        offset: u64,
        /// How many of its bytes are not sent.
        length: u64,
        /// What is sent in their place.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        /// The same in base64, where it is no text; `text` is empty then.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        base64: String,
    },
    /// Break the connection off as soon as the client's stream has come to `offset`: what was sent still arrives.
    Cut {
        /// The connection's number in the transcript.
        conn: Conn,
        /// Where in the client's own stream.
        offset: u64,
    },
    /// One more thing goes wrong.
    Fault {
        /// What.
        fault: Fault,
    },
}

/// The edits of one client's stream, applied to its bytes as they come.
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
    /// The edits among `changes` that concern this connection.
    pub fn of(conn: Conn, changes: &[Change]) -> Self {
        let mut edits: Vec<Edit> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Replace { conn: c, offset, length, text, base64 } if *c == conn => Some(Edit {
                    offset: *offset,
                    length: *length,
                    text: Some(
                        BASE64.decode(base64).ok().filter(|b| !b.is_empty()).unwrap_or(text.clone().into()),
                    ),
                    done: false,
                }),
                Change::Cut { conn: c, offset } if *c == conn => {
                    Some(Edit { offset: *offset, length: 0, text: None, done: false })
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
        let here = self.edits.iter_mut().filter(|e| !e.done && e.offset == self.sent && e.length == 0);
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

    #[test]
    fn an_edit_is_the_same_however_the_machine_splits_its_bytes() {
        let change = Change::Replace {
            conn: Conn(1),
            offset: 5,
            length: 3,
            text: "localhost".to_owned(),
            base64: String::new(),
        };
        for size in 1..12 {
            let mut edits = Edits::of(Conn(1), std::slice::from_ref(&change));
            let sent: Vec<u8> =
                b"EHLO abc\r\n".chunks(size).flat_map(|c| edits.apply(c.to_vec()).bytes).collect();
            assert_eq!(sent, b"EHLO localhost\r\n");
        }
    }

    #[test]
    fn a_cut_ends_the_stream_at_its_offset() {
        let mut edits = Edits::of(Conn(2), &[Change::Cut { conn: Conn(2), offset: 4 }]);
        let edited = edits.apply(b"DATA\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"DATA".as_slice(), true));
    }

    #[test]
    fn what_stands_at_the_end_of_the_stream_does_not_wait_for_more() {
        let insert = Change::Replace {
            conn: Conn(3),
            offset: 6,
            length: 0,
            text: String::new(),
            base64: BASE64.encode(b"\xff\r\n"),
        };
        let mut edits = Edits::of(Conn(3), &[insert, Change::Cut { conn: Conn(3), offset: 6 }]);
        let edited = edits.apply(b"QUIT\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"QUIT\r\n\xff\r\n".as_slice(), true));
    }
}
