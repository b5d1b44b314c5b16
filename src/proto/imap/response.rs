//! The plain syntax tree of what a server says (RFC 3501 §7, RFC 9051 §7): what the grammar reads, what a client and
//! the dissector act on.
//!
//! Text from messages (envelopes, parameters) is as it stood on the wire; encoded words are not decoded here.

use super::types::{DateTime, Flag, IdParams, Section, SequenceSet};
use serde::Serialize;
use std::sync::Arc;

/// One whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `tag SP ("OK" / "NO" / "BAD") SP resp-text`: the end of a command.
    Tagged {
        /// The command's tag.
        tag: String,
        /// How it ended.
        condition: Condition,
    },
    /// `* …`
    Untagged(Untagged),
    /// `+ …`: go on.
    Continue {
        /// Text or base64, as it stands.
        text: String,
    },
    /// None of these.
    Unknown,
}

/// OK, NO, BAD, BYE, PREAUTH with code and text: "resp-cond-state" and its kin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub status: Status,
    /// What stands in brackets.
    pub code: Option<Code>,
    /// For people.
    pub text: String,
}

/// The first word of a status response (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Success, or information.
    Ok,
    /// Failure, or a warning.
    No,
    /// A protocol error.
    Bad,
    /// The server ends the connection.
    Bye,
    /// The greeting of a connection that is already authenticated.
    PreAuth,
}

impl Status {
    /// As it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
            Status::Bye => "BYE",
            Status::PreAuth => "PREAUTH",
        }
    }
}

/// A response code: "resp-text-code" (RFC 9051 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// CAPABILITY: the list, unasked.
    Capability(Vec<String>),
    /// PERMANENTFLAGS: flags that can be changed for good.
    PermanentFlags(Vec<Flag>),
    /// UIDNEXT
    UidNext(u32),
    /// UIDVALIDITY
    UidValidity(u32),
    /// UNSEEN: sequence number of the first message without `\Seen` (RFC 3501 §7.1).
    Unseen(u32),
    /// APPENDUID (RFC 4315)
    AppendUid {
        /// UIDVALIDITY of the mailbox.
        uidvalidity: u32,
        /// UIDs given.
        uids: SequenceSet,
    },
    /// COPYUID (RFC 4315)
    CopyUid {
        /// UIDVALIDITY of the mailbox copied to.
        uidvalidity: u32,
        /// UIDs of the originals.
        from: SequenceSet,
        /// UIDs of the copies, in the same order.
        to: SequenceSet,
    },
    /// HIGHESTMODSEQ (RFC 7162)
    HighestModSeq(u64),
    /// MODIFIED: what a conditional STORE left alone (RFC 7162 §3.1.3)
    Modified(SequenceSet),
    /// Any other: `READ-WRITE`, `TRYCREATE`, `ALERT` …
    Other {
        /// Its name, in upper case.
        name: String,
        /// What stands behind it, as it is.
        text: String,
    },
}

impl Code {
    /// Its name in upper case.
    pub fn name(&self) -> &str {
        match self {
            Code::Capability(_) => "CAPABILITY",
            Code::PermanentFlags(_) => "PERMANENTFLAGS",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::Unseen(_) => "UNSEEN",
            Code::AppendUid { .. } => "APPENDUID",
            Code::CopyUid { .. } => "COPYUID",
            Code::HighestModSeq(_) => "HIGHESTMODSEQ",
            Code::Modified(_) => "MODIFIED",
            Code::Other { name, .. } => name,
        }
    }
}

/// Data that the server tells (RFC 9051 §7.2 to §7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// OK, NO, BAD, BYE, PREAUTH.
    Condition(Condition),
    /// CAPABILITY
    Capability(Vec<String>),
    /// ENABLED
    Enabled(Vec<String>),
    /// LIST
    List(ListEntry),
    /// LSUB
    Lsub(ListEntry),
    /// NAMESPACE: personal, other users', shared.
    Namespace([Option<Vec<NamespaceEntry>>; 3]),
    /// STATUS
    Status {
        /// Of which mailbox.
        mailbox: String,
        /// Item in upper case, and its value as it stands.
        items: Vec<(String, String)>,
    },
    /// SEARCH
    Search {
        /// Sequence numbers or UIDs.
        numbers: Vec<u32>,
        /// `(MODSEQ n)` (RFC 7162 §3.1.6)
        modseq: Option<u64>,
    },
    /// ESEARCH
    ESearch(ESearch),
    /// FLAGS
    Flags(Vec<Flag>),
    /// EXISTS
    Exists(u32),
    /// RECENT
    Recent(u32),
    /// EXPUNGE
    Expunge(u32),
    /// VANISHED (RFC 7162 §3.2.10)
    Vanished {
        /// `(EARLIER)`
        earlier: bool,
        /// Which UIDs.
        uids: SequenceSet,
    },
    /// FETCH
    Fetch {
        /// Sequence number.
        seq: u32,
        /// What is told of the message.
        items: Vec<FetchData>,
    },
    /// ID
    Id(IdParams),
    /// A name that this grammar does not know, in upper case, or data that does not follow it.
    Unknown {
        /// The name; empty where there was none.
        name: String,
    },
}

impl Untagged {
    /// Its name in upper case.
    pub fn name(&self) -> &str {
        match self {
            Untagged::Condition(condition) => condition.status.name(),
            Untagged::Capability(_) => "CAPABILITY",
            Untagged::Enabled(_) => "ENABLED",
            Untagged::List(_) => "LIST",
            Untagged::Lsub(_) => "LSUB",
            Untagged::Namespace(_) => "NAMESPACE",
            Untagged::Status { .. } => "STATUS",
            Untagged::Search { .. } => "SEARCH",
            Untagged::ESearch(_) => "ESEARCH",
            Untagged::Flags(_) => "FLAGS",
            Untagged::Exists(_) => "EXISTS",
            Untagged::Recent(_) => "RECENT",
            Untagged::Expunge(_) => "EXPUNGE",
            Untagged::Vanished { .. } => "VANISHED",
            Untagged::Fetch { .. } => "FETCH",
            Untagged::Id(_) => "ID",
            Untagged::Unknown { name } => name,
        }
    }
}

/// One mailbox, as LIST or LSUB tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// `\HasNoChildren`, `\Noselect`, `\Sent` …
    pub attributes: Vec<String>,
    /// What separates levels of names; `None` for a flat name.
    pub delimiter: Option<char>,
    /// Its name, decoded.
    pub mailbox: String,
}

/// One namespace (RFC 2342).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamespaceEntry {
    /// What its names begin with.
    pub prefix: String,
    /// What separates levels.
    pub delimiter: Option<char>,
}

/// ESEARCH (RFC 4731)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// Of which command.
    pub tag: Option<String>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// MIN
    pub min: Option<u32>,
    /// MAX
    pub max: Option<u32>,
    /// COUNT
    pub count: Option<u32>,
    /// ALL
    pub all: Option<SequenceSet>,
    /// MODSEQ
    pub modseq: Option<u64>,
}

/// One item of a FETCH response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchData {
    /// UID
    Uid(u32),
    /// FLAGS
    Flags(Vec<Flag>),
    /// INTERNALDATE
    InternalDate(DateTime),
    /// RFC822.SIZE
    Size(u64),
    /// MODSEQ
    ModSeq(u64),
    /// ENVELOPE
    Envelope(Box<Envelope>),
    /// BODYSTRUCTURE, or BODY without a section.
    Structure {
        /// BODYSTRUCTURE: with extension data.
        extended: bool,
        /// The tree.
        body: Box<BodyStructure>,
    },
    /// `BODY[section]<origin>`, also RFC822, RFC822.HEADER, RFC822.TEXT as the sections they stand for.
    Section {
        /// Which.
        section: Section,
        /// First octet, where a part of it was asked for.
        origin: Option<u64>,
        /// The octets; `None` for NIL.
        data: Option<Arc<[u8]>>,
    },
    /// `BINARY[part]`
    Binary {
        /// Which part.
        part: Vec<u32>,
        /// The decoded octets.
        data: Option<Arc<[u8]>>,
    },
    /// Any other, with its value as it stands.
    Other {
        /// Its name, in upper case.
        name: String,
        /// What stands behind it.
        text: String,
    },
}

/// "envelope": the fields of a header that lists of messages need (RFC 9051 §7.5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Date, as written.
    pub date: Option<String>,
    /// Subject, as written.
    pub subject: Option<String>,
    /// From
    pub from: Vec<Address>,
    /// Sender; the From where there is none.
    pub sender: Vec<Address>,
    /// Reply-To; the From where there is none.
    pub reply_to: Vec<Address>,
    /// To
    pub to: Vec<Address>,
    /// Cc
    pub cc: Vec<Address>,
    /// Bcc
    pub bcc: Vec<Address>,
    /// In-Reply-To
    pub in_reply_to: Option<String>,
    /// Message-ID
    pub message_id: Option<String>,
}

/// One address of an envelope. Group syntax: host NIL begins (mailbox is the name) or ends (mailbox NIL) a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name, as written.
    pub name: Option<String>,
    /// Source route: obsolete.
    pub adl: Option<String>,
    /// Local part.
    pub mailbox: Option<String>,
    /// Domain.
    pub host: Option<String>,
}

/// "body": the tree of MIME parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyStructure {
    /// A part that holds no other.
    Single(Box<SinglePart>),
    /// multipart/…
    Multi {
        /// Its parts.
        parts: Vec<BodyStructure>,
        /// The subtype, as in `ALTERNATIVE`.
        subtype: String,
        /// Parameters of Content-Type, where told.
        params: Params,
    },
}

/// Names and values of a MIME header field's parameters.
pub type Params = Vec<(String, String)>;

/// "body-type-1part": text, message or basic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinglePart {
    /// As in `TEXT`.
    pub media: String,
    /// As in `PLAIN`.
    pub subtype: String,
    /// Parameters of Content-Type.
    pub params: Params,
    /// Content-ID
    pub id: Option<String>,
    /// Content-Description
    pub description: Option<String>,
    /// Content-Transfer-Encoding
    pub encoding: String,
    /// Octets, as encoded.
    pub octets: u64,
    /// Lines, of text and message/rfc822.
    pub lines: Option<u64>,
    /// Of message/rfc822: its envelope and its own structure.
    pub message: Option<(Envelope, BodyStructure)>,
    /// Content-Disposition with its parameters, where told.
    pub disposition: Option<(String, Params)>,
}
