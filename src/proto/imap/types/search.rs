//! What SEARCH asks (RFC 9051 §6.4.4).

use super::{Date, Flag, SequenceSet};

/// What an extended SEARCH should return (RFC 4731 §3.1, RFC 5182).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SearchReturn {
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// All, as a set.
    All,
    /// How many.
    Count,
    /// Keep the result as `$`.
    Save,
}

impl SearchReturn {
    /// As it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            SearchReturn::Min => "MIN",
            SearchReturn::Max => "MAX",
            SearchReturn::All => "ALL",
            SearchReturn::Count => "COUNT",
            SearchReturn::Save => "SAVE",
        }
    }
}

/// A tree of search keys (RFC 9051 §6.4.4). Depth is at most [`crate::proto::imap::grammar::MAX_NESTING`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// All of these.
    And(Vec<SearchKey>),
    /// One of these.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Not this.
    Not(Box<SearchKey>),
    /// Every message.
    All,
    /// Has the flag: ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, RECENT, KEYWORD.
    Flag(Flag),
    /// Has it not: UNANSWERED …, UNKEYWORD; OLD is without `\Recent`.
    NotFlag(Flag),
    /// NEW: `\Recent` and not `\Seen`.
    New,
    /// Envelope BCC holds the text.
    Bcc(String),
    /// Envelope CC.
    Cc(String),
    /// Envelope FROM.
    From(String),
    /// Envelope TO.
    To(String),
    /// Envelope SUBJECT.
    Subject(String),
    /// This header field holds the text; an empty text asks only for the field.
    Header(String, String),
    /// The body holds the text.
    Body(String),
    /// Header or body holds the text.
    Text(String),
    /// Internal date before that day.
    Before(Date),
    /// Internal date on that day.
    On(Date),
    /// Internal date on that day or later.
    Since(Date),
    /// Date field before that day.
    SentBefore(Date),
    /// Date field on that day.
    SentOn(Date),
    /// Date field on that day or later.
    SentSince(Date),
    /// More octets than this.
    Larger(u64),
    /// Fewer octets than this.
    Smaller(u64),
    /// Internal date at least this many seconds ago (RFC 5032).
    Older(u32),
    /// At most this many seconds ago (RFC 5032).
    Younger(u32),
    /// These UIDs.
    Uid(SequenceSet),
    /// These sequence numbers (or `$`).
    Sequence(SequenceSet),
    /// Modification sequence at least this (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// This EMAILID (RFC 8474).
    EmailId(String),
    /// This THREADID (RFC 8474).
    ThreadId(String),
}
