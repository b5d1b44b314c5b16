//! The plain syntax tree of IMAP commands (RFC 3501 §6, RFC 9051 §6): what the grammar reads, what a client prints,
//! what a server carries out. No spans here; those are in the [`crate::base::Part`]s beside it.
//!
//! Mailbox names are decoded to UTF-8 (see [`super::utf7`]); `INBOX` in any case is written `INBOX`. Names of the
//! enumerations are the RFCs' own. Responses have their tree in [`super::response`].

use crate::base::{Finding, Part, Secret};
use serde::Serialize;
use std::fmt;
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

/// One number or range of a set. `None` is `*`, the largest number in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// One end, as written: "2:4 and 4:2 are equivalent".
    pub start: Option<u32>,
    /// The other end; equal to `start` for a single number.
    pub end: Option<u32>,
}

impl SeqRange {
    /// Lowest and highest number it means where `*` is `largest`. A wild range in an empty mailbox gives `largest`.
    pub fn resolve(self, largest: u32) -> (u32, u32) {
        let (a, b) = (self.start.unwrap_or(largest), self.end.unwrap_or(largest));
        (a.min(b), a.max(b))
    }
}

/// A set of sequence numbers or UIDs, in the order written; never expanded, so `1:4294967295` costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceSet {
    /// Its ranges; empty for `$`.
    pub ranges: Vec<SeqRange>,
    /// `$`: the saved result of the last SEARCH (RFC 5182).
    pub saved: bool,
}

impl SequenceSet {
    /// The set of one number.
    pub fn one(number: u32) -> Self {
        SequenceSet::range(number, Some(number))
    }

    /// The set `from:to`; `None` for `from:*`.
    pub fn range(from: u32, to: Option<u32>) -> Self {
        SequenceSet { ranges: vec![SeqRange { start: Some(from), end: to }], saved: false }
    }

    /// The set of these numbers, neighbours joined to ranges in the order given.
    pub fn of(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut ranges: Vec<SeqRange> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some(last) if last.end.and_then(|e| e.checked_add(1)) == Some(number) => {
                    last.end = Some(number);
                }
                _ => ranges.push(SeqRange { start: Some(number), end: Some(number) }),
            }
        }
        SequenceSet { ranges, saved: false }
    }

    /// Whether `number` is in the set where `*` is `largest`. (`$` holds nothing here: the session knows it.)
    pub fn contains(&self, number: u32, largest: u32) -> bool {
        self.ranges.iter().any(|range| {
            let (low, high) = range.resolve(largest);
            (low..=high).contains(&number)
        })
    }

    /// Its ranges as lowest and highest, sorted, overlaps joined, where `*` is `largest`.
    pub fn normalized(&self, largest: u32) -> Vec<(u32, u32)> {
        let mut all: Vec<(u32, u32)> = self.ranges.iter().map(|r| r.resolve(largest)).collect();
        all.sort_unstable();
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match out.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        out
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.saved {
            return f.write_str("$");
        }
        for (i, range) in self.ranges.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            number_or_star(f, range.start)?;
            if range.start != range.end {
                f.write_str(":")?;
                number_or_star(f, range.end)?;
            }
        }
        Ok(())
    }
}

fn number_or_star(f: &mut fmt::Formatter<'_>, number: Option<u32>) -> fmt::Result {
    match number {
        Some(number) => write!(f, "{number}"),
        None => f.write_str("*"),
    }
}

/// A message flag (RFC 9051 §2.3.2). System flags are recognised in any case and written in the RFC's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
    /// `\Recent` (RFC 3501): no client can set it.
    Recent,
    /// `\*` in PERMANENTFLAGS: new keywords can be made.
    Wildcard,
    /// Another flag that begins with `\`; with the backslash.
    Extension(String),
    /// A keyword, as written: `$Forwarded`. Keywords are the same in any case; the store decides which one stays.
    Keyword(String),
}

impl Flag {
    /// The flag of that name, system flags in any case.
    pub fn from_name(name: &str) -> Flag {
        const SYSTEM: [Flag; 7] = [
            Flag::Answered,
            Flag::Flagged,
            Flag::Deleted,
            Flag::Seen,
            Flag::Draft,
            Flag::Recent,
            Flag::Wildcard,
        ];
        if !name.starts_with('\\') {
            return Flag::Keyword(name.to_owned());
        }
        SYSTEM
            .into_iter()
            .find(|flag| flag.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Flag::Extension(name.to_owned()))
    }

    /// As it is written on the wire.
    pub fn name(&self) -> &str {
        match self {
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Seen => "\\Seen",
            Flag::Draft => "\\Draft",
            Flag::Recent => "\\Recent",
            Flag::Wildcard => "\\*",
            Flag::Extension(name) | Flag::Keyword(name) => name,
        }
    }

    /// Whether both are the same flag: names do not depend on case.
    pub fn same(&self, other: &Flag) -> bool {
        self.name().eq_ignore_ascii_case(other.name())
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Flag> for String {
    fn from(flag: Flag) -> String {
        flag.name().to_owned()
    }
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreOp {
    /// `FLAGS`: these and no others.
    Set,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
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

/// A tree of search keys (RFC 9051 §6.4.4). Depth is at most [`super::grammar::MAX_NESTING`].
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

/// A day, without time or zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Date {
    /// Year, four digits.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

/// The twelve names of `date-month`.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    /// Days since 1970-01-01, in the proleptic Gregorian calendar.
    pub fn days(self) -> i64 {
        // Years begin in March here, so that the leap day is the last day of a year.
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day that is so many days after 1970-01-01; years are clipped to 0 … 9999.
    pub fn from_days(days: i64) -> Date {
        let days = days.clamp(-719_528, 2_932_896) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date {
            year: u16::try_from(year).unwrap_or(0),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(of_year - (153 * shifted + 2) / 5 + 1).unwrap_or(1),
        }
    }
}

impl fmt::Display for Date {
    /// `date-text`: `1-Feb-1994`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:04}", self.day, month_name(self.month), self.year)
    }
}

fn month_name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("Jan")
}

/// A `date-time`: a moment as a clock in some zone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DateTime {
    /// The day there.
    pub date: Date,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second, 0 to 60.
    pub second: u8,
    /// East of Greenwich, in minutes.
    pub zone: i16,
}

impl DateTime {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub fn unix_seconds(self) -> i64 {
        let clock = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        self.date.days() * 86_400 + clock - i64::from(self.zone) * 60
    }

    /// That moment as a clock `zone` minutes east of Greenwich shows it.
    pub fn from_unix_seconds(seconds: i64, zone: i16) -> DateTime {
        let local = seconds.saturating_add(i64::from(zone) * 60);
        let clock = local.rem_euclid(86_400);
        let digit = |n: i64| u8::try_from(n).unwrap_or(0);
        DateTime {
            date: Date::from_days(local.div_euclid(86_400)),
            hour: digit(clock / 3600),
            minute: digit(clock / 60 % 60),
            second: digit(clock % 60),
            zone,
        }
    }
}

impl fmt::Display for DateTime {
    /// `date-time` without its quotes: `17-Jul-1996 02:44:25 -0700`, the day in two columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, zone) = (if self.zone < 0 { '-' } else { '+' }, self.zone.unsigned_abs());
        let Date { year, month, day } = self.date;
        write!(f, "{day:2}-{}-{year:04} ", month_name(month))?;
        write!(f, "{:02}:{:02}:{:02} ", self.hour, self.minute, self.second)?;
        write!(f, "{sign}{:02}{:02}", zone / 60, zone % 60)
    }
}

/// A data item of FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822: the message; sets `\Seen` (RFC 3501).
    Rfc822,
    /// RFC822.HEADER: the header; does not set `\Seen`.
    Rfc822Header,
    /// RFC822.SIZE
    Rfc822Size,
    /// RFC822.TEXT: the body; sets `\Seen`.
    Rfc822Text,
    /// BODY without brackets: the structure without extension data.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// UID
    Uid,
    /// MODSEQ (RFC 7162)
    ModSeq,
    /// `BODY[section]<partial>`, `BODY.PEEK[…]`
    Section {
        /// `.PEEK`: does not set `\Seen`.
        peek: bool,
        /// What.
        section: Section,
        /// Which octets of it.
        partial: Option<Partial>,
    },
    /// `BINARY[part]<partial>`, `BINARY.PEEK[…]` (RFC 3516)
    Binary {
        /// `.PEEK`
        peek: bool,
        /// Which part; empty for all.
        part: Vec<u32>,
        /// Which octets.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[part]`
    BinarySize {
        /// Which part.
        part: Vec<u32>,
    },
    /// EMAILID (RFC 8474)
    EmailId,
    /// THREADID (RFC 8474)
    ThreadId,
    /// PREVIEW (RFC 8970)
    Preview {
        /// `(LAZY)`
        lazy: bool,
    },
}

/// What stands between the brackets of `BODY[…]`. Both empty: the whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Section {
    /// Part numbers, as in `1.2`.
    pub part: Vec<u32>,
    /// Which text of it.
    pub text: Option<SectionText>,
}

/// `section-text`: which text of a message or part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SectionText {
    /// HEADER
    Header,
    /// HEADER.FIELDS, HEADER.FIELDS.NOT
    HeaderFields {
        /// All but these.
        not: bool,
        /// Field names, as written.
        fields: Vec<String>,
    },
    /// TEXT
    Text,
    /// MIME: the part's own MIME header; only after a part number.
    Mime,
}

/// `<offset.length>`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partial {
    /// First octet, from 0.
    pub offset: u64,
    /// How many at most; not 0.
    pub length: u64,
}
