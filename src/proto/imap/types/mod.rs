//! The plain syntax tree of IMAP commands (RFC 3501 §6, RFC 9051 §6): what the grammar reads, what a client prints,
//! what a server carries out. No spans here; those are in the [`crate::base::Part`]s beside it.
//!
//! Mailbox names are decoded to UTF-8 (see [`crate::proto::imap::utf7`]); `INBOX` in any case is written `INBOX`. Names of the
//! enumerations are the RFCs' own. Responses have their tree in [`crate::proto::imap::response`].

mod date;
mod fetch;
mod flag;
mod search;
mod set;

pub use date::{Date, DateTime, MONTHS};
pub use fetch::{FetchItem, Partial, Section, SectionText};
pub use flag::{Flag, StoreOp};
pub use search::{SearchKey, SearchReturn};
pub use set::{SeqRange, SequenceSet};

use crate::base::{Finding, Part, Secret};
use serde::Serialize;
use std::sync::Arc;

/// What a grammar makes of bytes: a value (always), the parts with their places, and what was off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What was understood.
    pub value: T,
    /// What the bytes are made of; spans count from the first byte given.
    pub parts: Vec<Part>,
    /// What was off.
    pub findings: Vec<Finding>,
    /// Spans that hold a secret: a LOGIN password, a SASL initial response.
    pub secrets: Vec<crate::base::Span>,
}

/// One whole command: `tag SP command CRLF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The tag the client gave it. Empty where none could be read.
    pub tag: String,
    /// What it asks.
    pub body: CommandBody,
}

/// What a command asks (RFC 9051 §6; RFC 3501 §6 for CHECK and LSUB).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandBody {
    /// What can the server do?
    Capability,
    /// Nothing; a chance for the server to tell news.
    Noop,
    /// Good-bye.
    Logout,
    /// Begin TLS.
    StartTls,
    /// Begin a SASL exchange.
    Authenticate {
        /// Mechanism, in upper case.
        mechanism: String,
        /// SASL-IR (RFC 4959): the base64 text as it stands; `=` for an empty one.
        initial: Option<Secret>,
    },
    /// User and password in the clear.
    Login {
        /// Userid; bytes that are not UTF-8 are replaced (with a finding).
        user: String,
        /// Password.
        password: Secret,
    },
    /// Switch on extensions (RFC 5161), in upper case.
    Enable {
        /// Which.
        capabilities: Vec<String>,
    },
    /// Open a mailbox; `read_only` for EXAMINE.
    Select {
        /// Which mailbox.
        mailbox: String,
        /// EXAMINE rather than SELECT.
        read_only: bool,
        /// CONDSTORE asked for (RFC 7162 §3.1.8).
        condstore: bool,
        /// QRESYNC parameters (RFC 7162 §3.2.5).
        qresync: Option<Qresync>,
    },
    /// Make a mailbox.
    Create {
        /// Its name.
        mailbox: String,
        /// `USE (…)` of RFC 6154: special-use attributes as in `\Sent`.
        special_use: Vec<String>,
    },
    /// Remove a mailbox.
    Delete {
        /// Its name.
        mailbox: String,
    },
    /// Rename a mailbox.
    Rename {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// Add to the subscriptions.
    Subscribe {
        /// Its name.
        mailbox: String,
    },
    /// Take from the subscriptions.
    Unsubscribe {
        /// Its name.
        mailbox: String,
    },
    /// Which mailboxes are there?
    List(ListCommand),
    /// Which are subscribed? (RFC 3501 §6.3.9)
    Lsub {
        /// Reference name.
        reference: String,
        /// Pattern with `*` and `%`.
        pattern: String,
    },
    /// Where do mailbox names begin? (RFC 2342)
    Namespace,
    /// Figures about a mailbox that need not be selected.
    Status {
        /// Which mailbox.
        mailbox: String,
        /// Which figures.
        items: Vec<StatusItem>,
    },
    /// Put messages into a mailbox; more than one with MULTIAPPEND (RFC 3502).
    Append {
        /// Which mailbox.
        mailbox: String,
        /// What, in order; never empty.
        messages: Vec<AppendMessage>,
    },
    /// Wait for news until `DONE` (RFC 2177).
    Idle,
    /// A checkpoint (RFC 3501 §6.4.1).
    Check,
    /// Expunge silently, and leave the mailbox.
    Close,
    /// Leave the mailbox, expunging nothing (RFC 3691).
    Unselect,
    /// Remove what has `\Deleted`.
    Expunge {
        /// UID EXPUNGE (RFC 4315): only these.
        uids: Option<SequenceSet>,
    },
    /// Which messages match?
    Search {
        /// UID SEARCH: answer with UIDs.
        uid: bool,
        /// `RETURN (…)` (RFC 4731, RFC 5182); `None` without RETURN. `RETURN ()` is an empty list: it means ALL.
        returns: Option<Vec<SearchReturn>>,
        /// CHARSET, in upper case.
        charset: Option<String>,
        /// What to match: several keys are one [`SearchKey::And`].
        key: SearchKey,
    },
    /// Get data of messages.
    Fetch {
        /// UID FETCH: the set holds UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What of them, macros expanded.
        items: Vec<FetchItem>,
        /// `(CHANGEDSINCE n)` (RFC 7162 §3.1.4.1).
        changed_since: Option<u64>,
        /// `VANISHED` beside it (RFC 7162 §3.2.6).
        vanished: bool,
    },
    /// Change flags.
    Store {
        /// UID STORE.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Set, add or remove.
        op: StoreOp,
        /// `.SILENT`: no FETCH response wanted.
        silent: bool,
        /// Which flags.
        flags: Vec<Flag>,
        /// `(UNCHANGEDSINCE n)` (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// Copy messages to a mailbox.
    Copy {
        /// UID COPY.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: String,
    },
    /// Move messages to a mailbox (RFC 6851).
    Move {
        /// UID MOVE.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: String,
    },
    /// Who is speaking? (RFC 2971)
    Id {
        /// `None` for NIL; else names and values.
        params: IdParams,
    },
    /// A name that this grammar does not know. Tagged BAD.
    Unknown {
        /// The name, in upper case; empty where there was none.
        name: String,
    },
    /// A known name with arguments that do not follow the grammar. Tagged BAD.
    Malformed {
        /// The name, in upper case, as in `UID FETCH`.
        name: String,
        /// What was expected and where, in one short sentence.
        reason: String,
    },
}

impl CommandBody {
    /// Its name in upper case, with `UID` in front where it was said: `UID FETCH`.
    pub fn name(&self) -> &str {
        match self {
            CommandBody::Capability => "CAPABILITY",
            CommandBody::Noop => "NOOP",
            CommandBody::Logout => "LOGOUT",
            CommandBody::StartTls => "STARTTLS",
            CommandBody::Authenticate { .. } => "AUTHENTICATE",
            CommandBody::Login { .. } => "LOGIN",
            CommandBody::Enable { .. } => "ENABLE",
            CommandBody::Select { read_only: false, .. } => "SELECT",
            CommandBody::Select { read_only: true, .. } => "EXAMINE",
            CommandBody::Create { .. } => "CREATE",
            CommandBody::Delete { .. } => "DELETE",
            CommandBody::Rename { .. } => "RENAME",
            CommandBody::Subscribe { .. } => "SUBSCRIBE",
            CommandBody::Unsubscribe { .. } => "UNSUBSCRIBE",
            CommandBody::List(_) => "LIST",
            CommandBody::Lsub { .. } => "LSUB",
            CommandBody::Namespace => "NAMESPACE",
            CommandBody::Status { .. } => "STATUS",
            CommandBody::Append { .. } => "APPEND",
            CommandBody::Idle => "IDLE",
            CommandBody::Check => "CHECK",
            CommandBody::Close => "CLOSE",
            CommandBody::Unselect => "UNSELECT",
            CommandBody::Expunge { uids: None } => "EXPUNGE",
            CommandBody::Expunge { uids: Some(_) } => "UID EXPUNGE",
            CommandBody::Search { uid, .. } => if_uid(*uid, "UID SEARCH", "SEARCH"),
            CommandBody::Fetch { uid, .. } => if_uid(*uid, "UID FETCH", "FETCH"),
            CommandBody::Store { uid, .. } => if_uid(*uid, "UID STORE", "STORE"),
            CommandBody::Copy { uid, .. } => if_uid(*uid, "UID COPY", "COPY"),
            CommandBody::Move { uid, .. } => if_uid(*uid, "UID MOVE", "MOVE"),
            CommandBody::Id { .. } => "ID",
            CommandBody::Unknown { name } | CommandBody::Malformed { name, .. } => name,
        }
    }
}

fn if_uid(uid: bool, with: &'static str, without: &'static str) -> &'static str {
    if uid { with } else { without }
}

/// Names and values of ID (RFC 2971 §3.3); `None` for NIL.
pub type IdParams = Option<Vec<(String, Option<String>)>>;

/// What QRESYNC says the client knows (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qresync {
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// The last modification sequence it knows.
    pub modseq: u64,
    /// The UIDs it knows.
    pub known_uids: Option<SequenceSet>,
    /// Sequence numbers and the UIDs that match them.
    pub seq_match: Option<(SequenceSet, SequenceSet)>,
}

/// LIST, plain or extended (RFC 5258).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCommand {
    /// Selection options in upper case: `SUBSCRIBED`, `REMOTE`, `RECURSIVEMATCH`, `SPECIAL-USE`.
    pub selection: Vec<String>,
    /// Reference name.
    pub reference: String,
    /// Patterns with `*` and `%`; one unless extended.
    pub patterns: Vec<String>,
    /// `RETURN (…)`.
    pub returns: Vec<ListReturn>,
    /// Whether any of the extended syntax was used.
    pub extended: bool,
}

/// What else LIST should return (RFC 5258 §3.2, RFC 5819).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListReturn {
    /// `SUBSCRIBED`, `CHILDREN`, `SPECIAL-USE` or one that is not known, in upper case.
    Option(String),
    /// `STATUS (…)`.
    Status(Vec<StatusItem>),
}

/// One message of APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// Flags at birth.
    pub flags: Vec<Flag>,
    /// INTERNALDATE at birth.
    pub date: Option<DateTime>,
    /// The message.
    pub message: Arc<[u8]>,
    /// Sent as `~{n}`: may hold NUL (RFC 3516).
    pub binary: bool,
}

/// A figure of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum StatusItem {
    /// How many messages.
    Messages,
    /// How many with `\Recent` (RFC 3501).
    Recent,
    /// The next UID.
    UidNext,
    /// The UIDVALIDITY.
    UidValidity,
    /// How many without `\Seen`.
    Unseen,
    /// How many with `\Deleted` (RFC 9051).
    Deleted,
    /// Octets of all messages (RFC 8438, RFC 9051).
    Size,
    /// The highest modification sequence (RFC 7162).
    HighestModSeq,
    /// The largest message APPEND takes (RFC 7889).
    AppendLimit,
    /// The mailbox's OBJECTID (RFC 8474).
    MailboxId,
}

impl StatusItem {
    /// Every item.
    pub const ALL: [StatusItem; 10] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
        StatusItem::Deleted,
        StatusItem::Size,
        StatusItem::HighestModSeq,
        StatusItem::AppendLimit,
        StatusItem::MailboxId,
    ];

    /// As it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            StatusItem::Messages => "MESSAGES",
            StatusItem::Recent => "RECENT",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
            StatusItem::Deleted => "DELETED",
            StatusItem::Size => "SIZE",
            StatusItem::HighestModSeq => "HIGHESTMODSEQ",
            StatusItem::AppendLimit => "APPENDLIMIT",
            StatusItem::MailboxId => "MAILBOXID",
        }
    }
}
