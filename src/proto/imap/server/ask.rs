//! What the server asks of whoever keeps the mail, and what it is told: plain data, a few coarse requests.
//!
//! A selected mailbox is known by its UIDVALIDITY, which the store gives to one mailbox of an account only: so a
//! RENAME by somebody else does not take it away from a session.

use crate::base::{Instant, Secret};
use crate::proto::imap::types::{Flag, StoreOp};
use crate::proto::sasl::Keys;
use crate::proto::sasl::server::Login;
use std::sync::Arc;

/// A request to the store. It is for the account that the last successful [`Ask::Login`] or
/// [`Ask::Authenticate`] of this connection named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Do user and password belong together? → [`Answer::LoggedIn`] or refused.
    Login {
        /// Who.
        user: String,
        /// With what.
        password: Secret,
    },
    /// The same after AUTHENTICATE → [`Answer::LoggedIn`] or refused. It is for the user itself and nobody else.
    Authenticate(Login),
    /// What is kept of this user's password for SCRAM → [`Answer::ScramKeys`]; for a name that nobody has, keys that no
    /// password fits (`Keys::decoy`).
    ScramKeys {
        /// Who wants to log in.
        user: String,
    },
    /// All names → [`Answer::Folders`].
    Folders,
    /// Make a mailbox → [`Answer::Done`].
    Create {
        /// Its name.
        mailbox: String,
        /// Its use, as in `\Sent` (RFC 6154 §3).
        special_use: Option<String>,
    },
    /// Remove a mailbox → [`Answer::Done`].
    Delete {
        /// Its name.
        mailbox: String,
    },
    /// Rename one → [`Answer::Done`].
    Rename {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// Add to (or take from) the subscriptions → [`Answer::Done`].
    Subscribe {
        /// Its name.
        mailbox: String,
        /// False to unsubscribe.
        on: bool,
    },
    /// Open a mailbox → [`Answer::Selected`].
    Select {
        /// Its name.
        mailbox: String,
        /// EXAMINE: \Recent stays for others.
        read_only: bool,
    },
    /// What happened since? → [`Answer::Changes`]; refused when the mailbox was deleted.
    Changes {
        /// The selected mailbox.
        uidvalidity: u32,
        /// The modification sequence up to which the session knows.
        since: u64,
        /// Whether what is new becomes \Recent for this session alone.
        claim: bool,
    },
    /// Messages' bytes → [`Answer::Bodies`].
    Bodies {
        /// The selected mailbox.
        uidvalidity: u32,
        /// Which.
        uids: Vec<u32>,
    },
    /// Change flags → [`Answer::Stored`].
    Store {
        /// The selected mailbox.
        uidvalidity: u32,
        /// Which.
        uids: Vec<u32>,
        /// How.
        op: StoreOp,
        /// What.
        flags: Vec<Flag>,
        /// Only where unchanged since (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// Copy or move messages → [`Answer::Copied`].
    Copy {
        /// The selected mailbox.
        uidvalidity: u32,
        /// Which.
        uids: Vec<u32>,
        /// Where to.
        to: String,
        /// MOVE rather than COPY.
        remove: bool,
    },
    /// Store new messages, all or none → [`Answer::Appended`].
    Append {
        /// Where to.
        mailbox: String,
        /// What.
        messages: Vec<NewMessage>,
    },
    /// Remove messages for good → [`Answer::Done`].
    Expunge {
        /// The selected mailbox.
        uidvalidity: u32,
        /// Which.
        uids: Vec<u32>,
    },
    /// A mailbox in numbers → [`Answer::Status`].
    Status {
        /// Its name.
        mailbox: String,
    },
}

/// The store's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// It cannot be.
    Refused(Refusal),
    /// The account's name.
    LoggedIn(String),
    /// What was asked for.
    ScramKeys(Keys),
    /// All names, sorted.
    Folders(Vec<Folder>),
    /// The mailbox as it is now.
    Selected(Snapshot),
    /// What happened.
    Changes(News),
    /// The bytes of those that are still there, in the order asked.
    Bodies(Vec<(u32, Arc<[u8]>)>),
    /// What became of the flags.
    Stored {
        /// All messages asked for that are still there, as they are now, except those in `modified`.
        now: Vec<Meta>,
        /// UIDs that somebody else had changed.
        modified: Vec<u32>,
    },
    /// Where copies went.
    Copied {
        /// UIDVALIDITY there.
        uidvalidity: u32,
        /// UID here, UID there.
        uids: Vec<(u32, u32)>,
    },
    /// Where new messages went.
    Appended {
        /// UIDVALIDITY there.
        uidvalidity: u32,
        /// Their UIDs.
        uids: Vec<u32>,
    },
    /// A mailbox in numbers.
    Status(Figures),
}

/// Why the store will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// User and password do not belong together.
    Credentials,
    /// There is no such mailbox.
    NoSuchMailbox,
    /// There is one already.
    AlreadyExists,
    /// The name, or the act on that name, is not possible.
    Cannot,
    /// The quota is used up.
    OverQuota,
    /// A limit is reached.
    Limit,
    /// The store is not well; try later.
    Unavailable,
}

/// A mailbox name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Full name in UTF-8, levels parted by `/`.
    pub name: String,
    /// Whether a mailbox of that name exists.
    pub exists: bool,
    /// Whether names exist below it.
    pub has_children: bool,
    /// Whether it is subscribed to.
    pub subscribed: bool,
    /// Its use, as in `\Sent`.
    pub special_use: Option<String>,
}

/// What is known of a message without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its UID.
    pub uid: u32,
    /// Its flags, without \Recent.
    pub flags: Vec<Flag>,
    /// Octets.
    pub size: u64,
    /// When it came.
    pub internal_date: Instant,
    /// Modification sequence of its last change.
    pub modseq: u64,
}

/// A mailbox at the moment it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name as the store spells it.
    pub name: String,
    /// Its UIDVALIDITY.
    pub uidvalidity: u32,
    /// The next UID.
    pub uidnext: u32,
    /// The highest modification sequence.
    pub highest_modseq: u64,
    /// Messages from this UID on are \Recent here.
    pub recent_from: u32,
    /// Keywords in use.
    pub keywords: Vec<String>,
    /// Its messages, by UID.
    pub messages: Vec<Meta>,
}

/// What happened to a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The highest modification sequence: ask on from here.
    pub highest_modseq: u64,
    /// Messages from this UID on are \Recent here.
    pub recent_from: u32,
    /// What arrived, by UID.
    pub arrived: Vec<Meta>,
    /// What has other flags.
    pub changed: Vec<Meta>,
    /// UIDs removed.
    pub removed: Vec<u32>,
    /// Where the store forgot what was removed: the UIDs that are left, sorted.
    pub left: Option<Vec<u32>>,
}

/// A message to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its INTERNALDATE; `None` for now.
    pub date: Option<Instant>,
}

/// A mailbox in numbers (RFC 9051 §6.3.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages.
    pub messages: u32,
    /// With \Recent.
    pub recent: u32,
    /// Without \Seen.
    pub unseen: u32,
    /// With \Deleted.
    pub deleted: u32,
    /// The next UID.
    pub uidnext: u32,
    /// The UIDVALIDITY.
    pub uidvalidity: u32,
    /// The highest modification sequence.
    pub highest_modseq: u64,
    /// Octets.
    pub size: u64,
}
