//! The POP3 client's machine: fetch what is new, and let go of it on the server or keep it there (RFC 1939).
//!
//! Greeting, (CAPA,) USER, PASS, STAT, UIDL, (LIST,) then RETR and DELE for each message, then QUIT.

mod machine;
mod session;
#[cfg(test)]
mod tests;

pub use machine::Client;
pub use session::{Answer, Session, SessionEvent};

use crate::base::Secret;
use crate::proto::Wish;
use crate::proto::sasl::Credentials;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// The mailbox's name.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// How it logs in.
    pub login: Login,
    /// Leave messages on the server: no DELE.
    pub keep: bool,
    /// Unique-ids of messages that this client already has: not fetched again (but let go of, unless `keep`).
    pub known: BTreeSet<String>,
    /// Ask CAPA first. Who wishes for TLS asks anyway, before STLS and after it.
    pub capa: bool,
    /// What it thinks of STLS (RFC 2595 §4). Default: it never asks.
    pub tls: Wish,
    /// Ask LIST for the sizes.
    pub list: bool,
    /// Limits.
    pub limits: Limits,
}

impl ClientConfig {
    /// Fetch everything as this user, LIST included, and delete what was fetched.
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        ClientConfig {
            user: user.into(),
            password,
            login: Login::User,
            keep: false,
            known: BTreeSet::new(),
            capa: false,
            tls: Wish::Never,
            list: true,
            limits: Limits::default(),
        }
    }
}

/// How a client logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// USER and PASS. RFC 1939 §7.
    User,
    /// APOP, where the greeting has a timestamp. RFC 1939 §7.
    Apop,
    /// AUTH, by these credentials. RFC 5034.
    Sasl(Credentials),
}

/// What a client puts up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long an answer, or the next piece of one, may take. RFC 1939 names no figure; default 5 minutes.
    pub reply: Duration,
    /// Octets of a status line. RFC 2449 §4 says 512; default 8 KiB.
    pub status_line: usize,
    /// Octets of a listing (UIDL, LIST, CAPA). Default 16 MiB.
    pub listing: usize,
    /// Octets of a message. Default 64 MiB.
    pub message: usize,
    /// RETRs and DELEs that may be refused before the client gives up. Default 100.
    pub refusals: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            reply: Duration::from_secs(300),
            status_line: 8 * 1024,
            listing: 16 * 1024 * 1024,
            message: 64 * 1024 * 1024,
            refusals: 100,
        }
    }
}

/// What the client tells its owner. Nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The server's first line.
    Greeted {
        /// The line.
        line: String,
        /// The APOP timestamp in it, angle brackets included.
        timestamp: Option<String>,
    },
    /// What CAPA's answer lists, line by line.
    Capabilities(Vec<String>),
    /// What the maildrop holds.
    Stat {
        /// Messages.
        count: u32,
        /// Octets.
        octets: u64,
    },
    /// A message was fetched. DELE is sent only after this event was taken: store the copy first.
    Retrieved {
        /// Its message-number in this session.
        number: u32,
        /// Its unique-id; `None` where the server has no UIDL.
        uidl: Option<String>,
        /// Its bytes, byte-stuffing undone, lines ending as they came.
        bytes: Vec<u8>,
    },
    /// The server has marked a message as deleted; it goes at QUIT.
    Deleted {
        /// Its message-number in this session.
        number: u32,
        /// Its unique-id; `None` where the server has no UIDL.
        uidl: Option<String>,
    },
    /// The session is over.
    Finished(Result<Summary, Failure>),
}

/// What a session did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages in the maildrop when it was opened.
    pub count: u32,
    /// Octets in it.
    pub octets: u64,
    /// Messages fetched.
    pub retrieved: u32,
    /// Messages marked as deleted.
    pub deleted: u32,
    /// Message-numbers that the server refused to send or to mark.
    pub refused: Vec<u32>,
}

/// Why a session failed. Where the server refused something, the client still said QUIT, and what it marked as
/// deleted (and had fetched) goes; where the stream was lost, a time-out came, or an answer was unclear or too
/// large, it did not, and all messages are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The command that was not answered well (`PASS`); `CONNECT` for the greeting.
    pub stage: &'static str,
    /// Why.
    pub reason: Reason,
}

/// Why a session failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server said `-ERR`: its line.
    Refused(String),
    /// The server said neither `+OK` nor `-ERR`: its line.
    Unclear(String),
    /// The server ended the stream.
    Lost,
    /// No answer in time.
    TimedOut,
    /// The answer passed a limit.
    TooLarge,
    /// The client does not log in this way here: why.
    NoLogin(String),
    /// TLS is wanted, and the server does not offer STLS.
    NoTls,
}
