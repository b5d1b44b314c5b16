//! [`Change`]: one deviation from a scenario: an edit of one end's bytes, a fault, or a session that somebody types.
//!
//! A fork of a journey is `(scenario, seed, changes)`. Edits are applied by the driver between machine and stream,
//! at an offset of the machine's own stream; the machine believes it sent its own line. What begins in the middle
//! begins behind a number of records, not at a time: so whatever came before is the same, byte for byte.

use super::scenario::Fault;
use crate::trace::{Conn, Direction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// One deviation from a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Put `text` in place of `length` bytes of one end's stream; a length of 0 inserts, as soon as the stream has
    /// come to `offset`.
    Replace {
        /// The connection's number in the transcript.
        conn: Conn,
        /// Whose stream; the client's where nothing is said.
        #[serde(default = "client", skip_serializing_if = "is_client")]
        side: Direction,
        /// Where in that machine's own stream.
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
    /// Break the connection off as soon as one end's stream has come to `offset`: what was sent still arrives.
    Cut {
        /// The connection's number in the transcript.
        conn: Conn,
        /// Whose stream; the client's where nothing is said.
        #[serde(default = "client", skip_serializing_if = "is_client")]
        side: Direction,
        /// Where in that machine's own stream.
        offset: u64,
    },
    /// One more thing goes wrong.
    Fault {
        /// What.
        fault: Fault,
        /// It begins when so many records are written, the head among them; 0: from the start.
        #[serde(default, skip_serializing_if = "is_zero")]
        after: u64,
    },
    /// Somebody calls a server and types what a client would send.
    Type(Typing),
}

/// A session that somebody types, in full: each piece is sent once the server has been quiet for a while, so nobody
/// waits for a person while the story's time stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Typing {
    /// The call is made when so many records are written, the head among them; 0: at the start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u64,
    /// The machine that the person sits at. One that the scenario does not have is put into the world.
    pub from: String,
    /// The host that is called.
    pub to: String,
    /// The port.
    pub port: u16,
    /// What was typed, in order, each with the line ends that it has.
    pub pieces: Vec<String>,
    /// Whether the person hangs up after the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hang_up: bool,
}

fn client() -> Direction {
    Direction::Client
}

fn is_client(side: &Direction) -> bool {
    *side == Direction::Client
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

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
                Change::Replace { conn: c, side, offset, length, text, base64 }
                    if (*c, *side) == (conn, from) =>
                {
                    Some(Edit {
                        offset: *offset,
                        length: *length,
                        text: Some(
                            BASE64
                                .decode(base64)
                                .ok()
                                .filter(|b| !b.is_empty())
                                .unwrap_or(text.clone().into()),
                        ),
                        done: false,
                    })
                }
                Change::Cut { conn: c, side, offset } if (*c, *side) == (conn, from) => {
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
        let cut = Change::Cut { conn: Conn(2), side: Direction::Server, offset: 4 };
        let mut client = Edits::of(Conn(2), Direction::Client, std::slice::from_ref(&cut));
        assert!(!client.apply(b"DATA\r\n".to_vec()).cut, "the other side's stream is left alone");
        let mut edits = Edits::of(Conn(2), Direction::Server, &[cut]);
        let edited = edits.apply(b"DATA\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"DATA".as_slice(), true));
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
            &[insert, Change::Cut { conn: Conn(3), side: Direction::Client, offset: 6 }],
        );
        let edited = edits.apply(b"QUIT\r\n".to_vec());
        assert_eq!((edited.bytes.as_slice(), edited.cut), (b"QUIT\r\n\xff\r\n".as_slice(), true));
    }
}
