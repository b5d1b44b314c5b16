//! [`Change`]: one deviation from a scenario: an edit of one end's bytes, a fault, or a session that somebody types.
//!
//! A fork of a journey is `(scenario, seed, changes)`, and its head keeps them in order. What begins in the middle
//! begins behind a number of records, not at a time: two things may happen at one moment, and so whatever came before is
//! the same, byte for byte. Whoever changes a story says what, in these terms; the world that runs it knows what each
//! fault does, so here a fault is a table.

use super::{Conn, Direction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One deviation from a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change<F = Value> {
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
        /// Only when the machine goes on: in place of its next byte, and not as soon as its stream has come there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        instead: bool,
    },
    /// One more thing goes wrong.
    Fault {
        /// What: a fault of the scenario format, as a table.
        fault: F,
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

impl Change {
    /// The change that a head tells of.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(value: &Value) -> Result<Change, String> {
        Change::deserialize(value).map_err(|error| error.to_string())
    }

    /// Put `bytes` in place of `length` bytes of one side's stream.
    pub fn replace(conn: Conn, side: Direction, offset: u64, length: u64, bytes: &[u8]) -> Change {
        let (text, base64) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), String::new()),
            Err(_) => (String::new(), BASE64.encode(bytes)),
        };
        Change::Replace { conn, side, offset, length, text, base64 }
    }
}

impl<F: Serialize> Change<F> {
    /// As it stands in a head.
    pub fn to_value(&self) -> Value {
        // Every field has a JSON form.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl<F> Change<F> {
    /// What it sends in place of something; `None` where it replaces nothing.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let Change::Replace { text, base64, .. } = self else { return None };
        Some(BASE64.decode(base64).ok().filter(|b| !b.is_empty()).unwrap_or_else(|| text.clone().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let typing = Typing {
            after: 12,
            from: "student-laptop".to_owned(),
            to: "mx1.example.net".to_owned(),
            port: 25,
            pieces: vec!["HELO me\r\n".to_owned()],
            hang_up: true,
        };
        for change in [
            Change::replace(Conn(3), Direction::Client, 5, 2, b"x\r\n"),
            Change::replace(Conn(3), Direction::Server, 0, 0, b"\xff\xfe"),
            Change::Cut { conn: Conn(1), side: Direction::Server, offset: 9, instead: true },
            Change::Fault {
                fault: json!({ "kind": "mailbox-full", "account": "bob@example.net" }),
                after: 7,
            },
            Change::Type(typing),
        ] {
            assert_eq!(Change::read(&change.to_value()), Ok(change));
        }
    }

    #[test]
    fn what_was_written_before_sides_had_names_is_the_clients() {
        let old = json!({ "change": "cut", "conn": 4, "offset": 10 });
        let cut = Change::Cut { conn: Conn(4), side: Direction::Client, offset: 10, instead: false };
        assert_eq!(Change::read(&old), Ok(cut.clone()));
        assert_eq!(cut.to_value(), old);
        assert!(Change::read(&json!({ "change": "cut", "conn": 4, "ofset": 10 })).is_err());
    }

    #[test]
    fn bytes_that_are_no_text_come_back() {
        let change = Change::replace(Conn(1), Direction::Client, 0, 0, b"\xff\r\n");
        assert_eq!(change.bytes().as_deref(), Some(b"\xff\r\n".as_slice()));
    }
}
