//! [`What`]: what a person can do, as an act of a scenario names it.
//!
//! Two kinds: acts that name their protocol (`fetch-pop3`, `fetch-imap`), one whole session each, and acts that say what
//! is wanted (`read`, `move`, `find`), which the device's mail program does in whichever protocol it uses.

use super::{Letter, is_zero};
use serde::{Deserialize, Serialize};

pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}

fn newest() -> String {
    "newest".to_owned()
}

fn ten() -> u32 {
    10
}

fn ten_minutes() -> u64 {
    600
}

fn five_minutes() -> u64 {
    300
}

/// "clients using IDLE are advised to terminate the IDLE and re-issue it at least every 29 minutes" (RFC 2177 §3).
fn twenty_nine_minutes() -> u64 {
    1740
}

/// What a person can do. `which` is `newest`, `oldest`, `largest`, or words of the subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum What {
    /// Write a message and press Send.
    Send(Letter),
    /// Fetch mail by POP3.
    FetchPop3 {
        /// Leave the messages on the server.
        #[serde(default)]
        keep: bool,
    },
    /// Hand a message straight to a mail server's port 25, as no mail client should: without logging in.
    #[serde(rename_all = "kebab-case")]
    SendDirect {
        /// The host called: one with the `mta` role.
        server: String,
        /// What it is given.
        letter: Letter,
    },
    /// Fetch mail by IMAP.
    #[serde(rename_all = "kebab-case")]
    FetchImap {
        /// Stay connected, waiting in IDLE (RFC 2177) until something comes, at most so many seconds; look at it,
        /// and wait once more. 0: log out as soon as everything is read.
        #[serde(default, skip_serializing_if = "is_zero")]
        idle_s: u64,
        /// A flag that is put on every message of the INBOX, as in `\Flagged`; empty: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        flag: String,
        /// Delete what is in the INBOX after reading it.
        #[serde(default, skip_serializing_if = "is_false")]
        delete: bool,
    },
    /// Log in, and stay.
    LogIn,
    /// Log out: what was marked as deleted is removed.
    LogOut,
    /// Is there anything new?
    Check,
    /// Show the list: sender and subject of each message in the inbox.
    List,
    /// Read a message.
    Read {
        /// Which.
        #[serde(default = "newest")]
        which: String,
    },
    /// Read only the first lines of a message.
    ReadTop {
        /// Which.
        #[serde(default = "newest")]
        which: String,
        /// How many lines of its body.
        #[serde(default = "ten")]
        lines: u32,
    },
    /// See which attachments a message has, without downloading them.
    ListAttachments {
        /// Which.
        #[serde(default = "newest")]
        which: String,
    },
    /// Save one attachment.
    SaveAttachment {
        /// Of which message.
        #[serde(default = "newest")]
        which: String,
        /// The attachment's name; empty: the first one.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
    },
    /// Mark a message as read.
    MarkRead {
        /// Which.
        #[serde(default = "newest")]
        which: String,
    },
    /// Move a message to a folder.
    Move {
        /// Which.
        #[serde(default = "newest")]
        which: String,
        /// To which folder.
        to: String,
    },
    /// Delete a message: it is marked, and goes when the session ends.
    #[serde(rename_all = "kebab-case")]
    Delete {
        /// Which.
        #[serde(default = "newest")]
        which: String,
        /// Remove it at once, whatever that takes.
        #[serde(default, skip_serializing_if = "is_false")]
        for_good: bool,
        /// The connection drops when it has been marked, before it is removed.
        #[serde(default, skip_serializing_if = "is_false")]
        drop: bool,
    },
    /// Think again: nothing that was marked in this session is to be deleted.
    Undelete,
    /// Find messages that hold a text.
    Find {
        /// The text.
        text: String,
    },
    /// Write a draft, and keep it.
    Draft(Letter),
    /// Send a message, and keep a copy of it.
    SendAndKeep(Letter),
    /// Answer a message: it is read first, and the answer goes to whom it asks for (Reply-To, else From).
    Reply {
        /// Which.
        #[serde(default = "newest")]
        which: String,
        /// The text of the answer.
        body: String,
        /// Answer the others in To and Cc too.
        #[serde(default, skip_serializing_if = "is_false")]
        all: bool,
    },
    /// Put a letter into the mailbox of somebody on the same machine: no wire is needed (1971).
    LeaveHere(Letter),
    /// Read the mailbox that lies on this very machine.
    ReadHere,
    /// Something outside of mail, in words: Bob clicks a link in his browser.
    Elsewhere {
        /// What happens, as a sentence without its full stop.
        text: String,
    },
    /// Bring the device up to date, so that it shows what the others show.
    Sync,
    /// Get every message of the inbox onto the device, for reading without a connection.
    Download,
    /// Read a message without a connection.
    ReadOffline {
        /// Which.
        #[serde(default = "newest")]
        which: String,
    },
    /// Wait to be told that mail has come.
    #[serde(rename_all = "kebab-case")]
    AwaitMail {
        /// How many seconds at most.
        #[serde(default = "ten_minutes")]
        at_most_s: u64,
        /// POP3: every how many seconds the client looks.
        #[serde(default = "five_minutes")]
        poll_s: u64,
        /// IMAP: after how many seconds IDLE is renewed.
        #[serde(default = "twenty_nine_minutes")]
        renew_s: u64,
    },
    /// The disk of the device dies: what the client kept is lost.
    LoseDisk,
    /// The client loses its notes of what it knows (POP3: the list of unique-ids), but not the messages.
    LoseNotes,
    /// Change a setting of the mail program.
    Settings {
        /// POP3: how long messages stay on the server after they were fetched: `no`, `always`, or days as in `14d`.
        leave: String,
    },
}

impl What {
    /// Look at the mail by IMAP, and log out.
    pub fn fetch_imap() -> Self {
        What::FetchImap { idle_s: 0, flag: String::new(), delete: false }
    }

    /// Its name in a scenario, which is its intent too.
    pub fn name(&self) -> &'static str {
        match self {
            What::Send(_) => "send",
            What::FetchPop3 { .. } => "fetch-pop3",
            What::SendDirect { .. } => "send-direct",
            What::FetchImap { .. } => "fetch-imap",
            What::LogIn => "log-in",
            What::LogOut => "log-out",
            What::Check => "check",
            What::List => "list",
            What::Read { .. } => "read",
            What::ReadTop { .. } => "read-top",
            What::ListAttachments { .. } => "list-attachments",
            What::SaveAttachment { .. } => "save-attachment",
            What::MarkRead { .. } => "mark-read",
            What::Move { .. } => "move",
            What::Delete { .. } => "delete",
            What::Undelete => "undelete",
            What::Find { .. } => "find",
            What::Draft(_) => "draft",
            What::SendAndKeep(_) => "send-and-keep",
            What::Reply { .. } => "reply",
            What::LeaveHere(_) => "leave-here",
            What::ReadHere => "read-here",
            What::Elsewhere { .. } => "elsewhere",
            What::Sync => "sync",
            What::Download => "download",
            What::ReadOffline { .. } => "read-offline",
            What::AwaitMail { .. } => "await-mail",
            What::LoseDisk => "lose-disk",
            What::LoseNotes => "lose-notes",
            What::Settings { .. } => "settings",
        }
    }

    /// Whether it needs a network.
    pub fn needs_a_network(&self) -> bool {
        !matches!(self, What::LeaveHere(_) | What::ReadHere | What::Elsewhere { .. })
    }

    /// The letter in it, where there is one.
    pub fn letter(&self) -> Option<&Letter> {
        match self {
            What::Send(letter)
            | What::Draft(letter)
            | What::SendAndKeep(letter)
            | What::LeaveHere(letter) => Some(letter),
            What::SendDirect { letter, .. } => Some(letter),
            _ => None,
        }
    }
}
