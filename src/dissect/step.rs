//! [`Step`]: one thing that a reader steps over; and [`Reader`]: what each protocol's dissector offers.

use super::smtp::SmtpMeaning;
use super::tls::TlsMeaning;
use crate::base::{Finding, Instant, Part, Word};
use crate::proto::smtp::phase::Phase;
use crate::trace::{CloseHow, Conn, Direction, Layer, Missing, Opened};
use serde::Serialize;
use std::ops::Range;

/// The protocol a Step speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Connections themselves: opened, refused, reset, closed.
    Tcp,
    /// Domain names.
    Dns,
    /// Mail on its way.
    Smtp,
    /// A maildrop.
    Pop3,
    /// A message store.
    Imap,
    /// Encrypted: only records are seen.
    Tls,
    /// Not recognised.
    Unknown,
}

impl Protocol {
    /// Its name in note ids and filters.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Dns => "dns",
            Protocol::Smtp => "smtp",
            Protocol::Pop3 => "pop3",
            Protocol::Imap => "imap",
            Protocol::Tls => "tls",
            Protocol::Unknown => "unknown",
        }
    }
}

/// Whether a reply says yes, go on, try later, or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// 2yz, +OK, OK.
    Positive,
    /// 3yz, `+ `: send more.
    Intermediate,
    /// 4yz: try later.
    Transient,
    /// 5yz, -ERR, NO, BAD.
    Negative,
    /// Untagged data, PREAUTH, BYE: neither.
    Neutral,
}

/// What sort of thing a Step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A connection was asked for.
    Open,
    /// A connection ended, or was refused.
    Close,
    /// The server's first words.
    Greeting,
    /// The client asks for something.
    Command,
    /// The client goes on with a command: a SASL response, DONE, the rest of an APPEND.
    Continuation,
    /// A message or another block of data in bulk.
    Data,
    /// The server answers.
    Reply,
    /// The server tells, unasked or in passing (IMAP untagged data).
    Untagged,
    /// A question in a datagram.
    Query,
    /// An answer in a datagram.
    Answer,
    /// Bytes that belong to nothing known.
    Unparsed,
    /// Bytes that were sent here and are not in the transcript: a place without length.
    Gap,
}

/// What a Step means, beyond its bytes: the values that state and notes need, by protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Nothing more than its kind.
    None,
    /// A connection opened: between whom. Where its beginning was not recorded, both addresses are 0.0.0.0:0.
    Open(Opened),
    /// A connection ended.
    Close(CloseHow),
    /// So many bytes are missing (not known: none), and why.
    Gap(Option<u64>, Missing),
    /// SMTP.
    Smtp(SmtpMeaning),
    /// POP3.
    Pop3(super::pop3::Pop3Meaning),
    /// IMAP.
    Imap(super::imap::ImapMeaning),
    /// DNS.
    Dns(super::dns::DnsMeaning),
    /// TLS, as far as the wire shows it.
    Tls(TlsMeaning),
}

/// One thing a reader steps over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its number in the transcript, from 1.
    pub number: usize,
    /// The connection it belongs to.
    pub conn: Conn,
    /// Wire, or plain inside TLS.
    pub layer: Layer,
    /// Who spoke.
    pub from: Direction,
    /// Its place in that side's stream of that layer, in bytes.
    pub range: Range<u64>,
    /// When its last byte left the sender.
    pub at: Instant,
    /// Index of the record that its last byte came in.
    pub record: usize,
    /// What it speaks.
    pub protocol: Protocol,
    /// What sort of thing it is.
    pub kind: Kind,
    /// The verb it carries or answers, in upper case (`RCPT`, `UID FETCH`, `MX`); empty for none. For a reply
    /// this is the verb of the command it answers, so that notes can be keyed by code and verb.
    pub verb: Word,
    /// For a reply: its code or status (`250`, `+OK`, `NO`), with the enhanced or response code after a space
    /// where there is one (`550 5.1.1`, `-ERR IN-USE`, `NO TRYCREATE`). For DNS: `NOERROR`, `NXDOMAIN`. Else empty.
    pub code: Word,
    /// For a reply: what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Its bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// What its bytes are made of; spans are relative to `bytes`.
    pub parts: Vec<Part>,
    /// Spans in `bytes` that hold a secret: views redact them unless told otherwise.
    pub secrets: Vec<crate::base::Span>,
    /// What is off in it.
    pub findings: Vec<Finding>,
    /// What it means.
    pub meaning: Meaning,
}

impl Step {
    /// Whether somebody who only watches the wire can read what it says: in clear, and not inside TLS. Of TLS itself the
    /// first messages of a handshake can be read; an encrypted record cannot.
    pub fn is_readable_on_the_wire(&self) -> bool {
        let hidden = match &self.meaning {
            Meaning::Tls(meaning) => matches!(meaning, TlsMeaning::Encrypted | TlsMeaning::Carrier),
            _ => self.protocol == Protocol::Tls && self.verb == "APPLICATION-DATA",
        };
        self.layer == Layer::Wire && !hidden
    }

    /// Whether an SMTP server takes responsibility for a letter with it: it says yes to the end of the data (RFC 5321
    /// §4.2.5), or to the last chunk (RFC 3030 §2).
    pub fn takes_letter(&self) -> bool {
        let more_follows = matches!(&self.meaning,
            Meaning::Smtp(SmtpMeaning::Reply(reply)) if reply.phase == Some(Phase::Chunks));
        let ends = match self.verb.as_str() {
            "." => true,
            "BDAT" => !more_follows,
            _ => false,
        };
        let is_yes = self.kind == Kind::Reply && self.verdict == Some(Verdict::Positive);
        ends && is_yes && self.protocol == Protocol::Smtp
    }
}

/// What a protocol's reader makes of a stretch of one side's bytes: a Step without its place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes of that side's stream it takes, counted from the end of that side's last piece.
    pub len: usize,
    /// What sort of thing it is.
    pub kind: Kind,
    /// See [`Step::verb`].
    pub verb: Word,
    /// See [`Step::code`].
    pub code: Word,
    /// See [`Step::verdict`].
    pub verdict: Option<Verdict>,
    /// See [`Step::parts`].
    pub parts: Vec<Part>,
    /// See [`Step::secrets`].
    pub secrets: Vec<crate::base::Span>,
    /// See [`Step::findings`].
    pub findings: Vec<Finding>,
    /// See [`Step::meaning`].
    pub meaning: Meaning,
}

impl Piece {
    /// A piece of `len` bytes and this kind, with everything else empty.
    pub fn new(kind: Kind, len: usize) -> Self {
        Piece {
            len,
            kind,
            verb: Word::default(),
            code: Word::default(),
            verdict: None,
            parts: Vec::new(),
            secrets: Vec::new(),
            findings: Vec::new(),
            meaning: Meaning::None,
        }
    }
}

/// One protocol's reader of one conversation: both sides, in the order of the wire.
///
/// The conversation (see `conversation`) keeps each side's bytes that are not yet in a piece. Whenever bytes
/// come, and again after every piece, it offers the waiting bytes of one side; the reader says what the next
/// whole piece is, or `None` while its last byte has not come. Both sides share the reader, so that replies know
/// the commands they answer.
///
/// A reader must not rescan: it may keep per side how far it has looked (`waiting` only grows until a piece is
/// taken). It must hold bounded state, never panic, and give the same pieces however the bytes were split.
pub trait Reader: Send + Sync {
    /// Which protocol it reads.
    fn protocol(&self) -> Protocol;

    /// The next piece of `from`'s stream, of whose bytes `waiting` have come and are not in a piece yet.
    /// `ended` says that no more will come: then what waits must become pieces (with a finding), to the last byte.
    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece>;

    /// Whether `from`'s next piece may be whole now, as far as the end of what waits can tell: `len` bytes wait, and `tail`
    /// are the last of them (some hundred thousand at most, and at least eight, unless fewer wait). A reader in the middle
    /// of something large says no until its end comes; so long it is not offered what waits, which may be laid aside.
    fn may_be_whole(&self, from: Direction, len: usize, tail: &[u8]) -> bool {
        let _ = (from, len, tail);
        true
    }

    /// A copy that goes on from here by itself, as a checkpoint keeps it.
    fn clone_box(&self) -> Box<dyn Reader>;

    /// `missing` bytes of `from` are not in the transcript (how many is not known: none). What waited before them
    /// has been taken, as if the stream had ended there. From here on the reader finds its place again as well as
    /// it can, and accuses nobody of what may stand in the gap.
    fn gap(&mut self, from: Direction, missing: Option<u64>) {
        let _ = (from, missing);
    }
}

impl Clone for Box<dyn Reader> {
    fn clone(&self) -> Self {
        self.as_ref().clone_box()
    }
}
