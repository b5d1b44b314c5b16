//! [`Record`]: one line of a transcript, format version 1 (the file's grammar stands in `ARCHITECTURE.md`).
//!
//! Records are what taps, importers and people add; Steps, states and notes are derived from them each time.

use super::Fact;
use crate::base::Instant;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// Number of a connection in its transcript, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conn(pub u32);

impl fmt::Display for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which end of a connection spoke. The client is the end that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// Client to server.
    #[serde(rename = "c")]
    Client,
    /// Server to client.
    #[serde(rename = "s")]
    Server,
}

/// Where bytes were seen: on the wire, or as plain text inside TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// As they crossed the wire.
    #[default]
    Wire,
    /// Inside TLS.
    Plain,
}

/// What carries a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A stream, both ways.
    Tcp,
    /// Datagrams: each `data` record is one, whole.
    Udp,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseHow {
    /// Orderly: this direction said it has no more to send.
    Fin,
    /// Torn down at once.
    Reset,
    /// Nobody listens there.
    Refused,
    /// No answer came.
    Timeout,
    /// Not the connection ended but the watching of it: more were open than an importer follows, or its ports were
    /// used anew. What it said later is not in this transcript, or stands under another number.
    LetGo,
}

/// Why bytes that one end sent are not in the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// They were sent before the recording began.
    Before,
    /// The recording missed them, though the other end had them.
    Lost,
    /// Only the beginning of their packet was recorded.
    Cut,
    /// They may have come, but more waited for them than an importer keeps.
    LetGo,
}

/// A stretch of one side's stream that is not in the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// On which connection.
    pub conn: Conn,
    /// Whose bytes.
    pub from: Direction,
    /// In which of that side's streams: the wire's, or what is said inside TLS.
    pub layer: Layer,
    /// How many, where that is known.
    pub len: Option<u64>,
    /// Why.
    pub why: Missing,
}

/// A host of the head: a name for addresses, so that views speak of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// Its name, as in `mx1.example.net`.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<std::net::IpAddr>,
    /// What it is: `mua`, `submission`, `mta`, `dns`, `pop3`, `imap`.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// The first record: what is needed to run the scenario again and to name what is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format's version: 1.
    pub version: u32,
    /// What wrote it, as in `postroad 0.1.0`.
    pub generator: String,
    /// A line for people.
    pub title: String,
    /// When it begins; every record's `at` counts from here.
    pub start: Instant,
    /// Who is who.
    pub hosts: Vec<HostInfo>,
    /// The whole scenario as TOML, where one was run; empty for an import.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario: String,
    /// The seed it ran with.
    #[serde(default)]
    pub seed: u64,
    /// The ordered deviations from the scenario (see `world::change`), as data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<serde_json::Value>,
}

/// How a head's `generator` ends where real programs spoke in real time.
pub const LIVE: &str = "lab";

impl Head {
    /// Whether it was recorded live, in a lab: nothing can run it again.
    pub fn is_live(&self) -> bool {
        self.generator.starts_with("postroad ") && self.generator.ends_with(LIVE)
    }
}

/// A connection begins: the client sent its SYN (or its first datagram).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its number.
    pub conn: Conn,
    /// What carries it.
    pub transport: Transport,
    /// The end that opened it.
    pub client: SocketAddr,
    /// The end that was called.
    pub server: SocketAddr,
}

/// Bytes that one end sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// On which connection.
    pub conn: Conn,
    /// Who spoke.
    pub from: Direction,
    /// Where they were seen.
    pub layer: Layer,
    /// Exactly those bytes.
    pub bytes: Payload,
}

/// Exact bytes; as text in the file where they are UTF-8, as base64 where not.
pub type Payload = Vec<u8>;

/// Something a person added; anchored by connection, byte range and the bytes it quotes (see `trace::marks`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `chapter`, `comment`, `highlight`, `question`, `pause`, `answer`.
    pub kind: String,
    /// Its text.
    #[serde(default)]
    pub text: String,
    /// What other marks and answers files call it by, as in `q1`; unique in its transcript. Empty: nothing does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Who added it; empty: nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// The connection it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn: Option<Conn>,
    /// Which side's stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Direction>,
    /// Which layer of it.
    #[serde(default, skip_serializing_if = "is_wire")]
    pub layer: Layer,
    /// Offsets into that side's stream: start and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The bytes it quotes, as escaped text, to find its place again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// A question's right answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Wrong answers that a question offers beside the right one; none: it is answered in free text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
    /// An answer's question: the `id` of that mark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
}

fn is_wire(layer: &Layer) -> bool {
    *layer == Layer::Wire
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The first line.
    Head(Head),
    /// A connection begins.
    Open {
        /// When, as the opener saw it.
        at: Instant,
        /// Between whom.
        open: Opened,
    },
    /// Bytes left one end.
    Data {
        /// When they left the sender.
        at: Instant,
        /// Which, where from, where to.
        data: Data,
    },
    /// Bytes that one end sent here are not in this transcript.
    Gap {
        /// When that was noticed.
        at: Instant,
        /// Whose, how many, why.
        gap: Gap,
    },
    /// A connection, or one direction of it, ends.
    Close {
        /// When.
        at: Instant,
        /// Which.
        conn: Conn,
        /// Who ended it.
        from: Direction,
        /// In what way.
        how: CloseHow,
    },
    /// A host states what no wire shows.
    Fact {
        /// When.
        at: Instant,
        /// Which host states it.
        host: String,
        /// What.
        fact: Fact,
    },
    /// A person's mark.
    Mark(Mark),
    /// Nothing more happens.
    End {
        /// When the story ended.
        at: Instant,
    },
    /// A kind that this version does not know; kept as it was.
    Unknown(serde_json::Value),
}

impl Record {
    /// When it happened, where it has a time.
    pub fn at(&self) -> Option<Instant> {
        match self {
            Record::Head(head) => Some(head.start),
            Record::Open { at, .. }
            | Record::Data { at, .. }
            | Record::Gap { at, .. }
            | Record::Close { at, .. }
            | Record::Fact { at, .. }
            | Record::End { at } => Some(*at),
            Record::Mark(_) | Record::Unknown(_) => None,
        }
    }
}
