//! The POP3 server's machine (RFC 1939): it speaks and keeps the session's state, and asks its owner for everything
//! else: who may log in, what the maildrop holds, what a message's bytes are, and to remove messages.
//!
//! The owner answers each [`ServerEvent`] that asks, at once or later; until then the machine keeps what arrives.

mod auth;
mod commands;
mod machine;
#[cfg(test)]
mod tests;

pub use machine::Server;

use crate::base::Secret;
use crate::proto::Security;
use crate::proto::sasl::server::Login;
use crate::proto::sasl::{Mechanism, Nonces};
use std::time::Duration;

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, for the greeting and the farewell.
    pub hostname: String,
    /// What IMPLEMENTATION says in CAPA's answer; empty: not announced (RFC 2449 §6.9).
    pub implementation: String,
    /// The timestamp of the greeting, as in `<1896.697170952@dbc.mtview.ca.us>`: different for every session.
    /// With one, APOP is offered (RFC 1939 §7).
    pub apop_banner: Option<String>,
    /// Which mechanisms AUTH offers (RFC 5034); empty: no AUTH. Default: all.
    pub mechanisms: Vec<Mechanism>,
    /// Where challenges come from, drawn by the owner for this session alone. Without them CRAM-MD5 and SCRAM-SHA-256
    /// are not offered. Default: none.
    pub nonces: Option<Nonces>,
    /// Whether the owner is asked before each command ([`ServerEvent::Consult`]).
    pub consult: bool,
    /// Where the connection stands with TLS when it begins (RFC 2595 §4, RFC 8314 §3.1).
    pub security: Security,
    /// Whether a password may come in clear. Where not, USER, PASS and AUTH wait for TLS (RFC 2595 §2.3).
    pub plaintext_login: bool,
    /// Limits.
    pub limits: Limits,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            hostname: "localhost".to_owned(),
            implementation: "postroad".to_owned(),
            apop_banner: None,
            mechanisms: Mechanism::ALL.to_vec(),
            nonces: None,
            consult: false,
            security: Security::None,
            plaintext_login: true,
            limits: Limits::default(),
        }
    }
}

/// What a server puts up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command line, CRLF included. RFC 2449 §4 asks for 255; default 512.
    pub command_line: usize,
    /// Octets of a line of a SASL exchange, CRLF included. RFC 5034 §4 has 12 288 for both sides; the default.
    pub auth_line: usize,
    /// Commands that are unknown, malformed or out of phase, and refused logins, before the server hangs up.
    /// Default 20.
    pub hard_errors: u32,
    /// Inactivity after which the session ends without UPDATE. RFC 1939 §3: "at least 10 minutes"; the default.
    pub idle: Duration,
    /// Octets of commands that may wait while one is being carried out. Default 128 KiB.
    pub waiting: usize,
    /// Octets of one `Send`. Default 64 KiB.
    pub piece: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            command_line: 512,
            auth_line: 12_288,
            hard_errors: 20,
            idle: Duration::from_secs(600),
            waiting: 128 * 1024,
            piece: 64 * 1024,
        }
    }
}

/// One message of a maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its unique-id: 1 to 70 characters from `!` to `~`, the same in every session (RFC 1939 §7, UIDL).
    pub uidl: String,
    /// Its size in octets as RETR sends it before byte-stuffing: every line ends with CRLF. See
    /// [`super::grammar::block::octets_on_wire`].
    pub octets: u64,
}

/// A maildrop as it was when it was locked: what message-number `n` means is fixed for the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maildrop {
    /// The messages; the first one has message-number 1.
    pub messages: Vec<Entry>,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// Wrong name or password: `-ERR [AUTH]` (RFC 3206 §5).
    Credentials,
    /// Another session holds the maildrop: `-ERR [IN-USE]` (RFC 2449 §8.1.2).
    InUse,
    /// The store does not answer now: `-ERR [SYS/TEMP]` (RFC 3206 §4).
    Unavailable,
    /// The store needs a person's help: `-ERR [SYS/PERM]` (RFC 3206 §4).
    Broken,
}

/// Why messages could not be removed at QUIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRefusal {
    /// In words, for the owner's own records; the wire says `[SYS/TEMP] some deleted messages not removed`
    /// (RFC 1939 §6, RFC 3206 §4).
    pub reason: String,
}

/// What the server tells or asks its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Asks: carry this command out? `CONNECT` stands for the greeting. Only where `consult` is set. Answer with
    /// [`Server::proceed`], [`Server::answer_line`] or [`Server::abort`].
    Consult {
        /// The keyword in upper case; empty for one that is not known.
        verb: &'static str,
    },
    /// Asks: may this user open the maildrop? Check, lock, list; answer with [`Server::answer_login`].
    Login {
        /// The name from USER.
        user: String,
        /// The string from PASS.
        password: Secret,
    },
    /// Asks the same with a digest: MD5 of `timestamp` followed by the shared secret, in hexadecimal. Answer with
    /// [`Server::answer_login`].
    Apop {
        /// The name.
        user: String,
        /// The digest that the client sent.
        digest: Secret,
        /// The timestamp that the greeting carried.
        timestamp: String,
    },
    /// Asks the same after a SASL exchange. Answer with [`Server::answer_login`].
    Sasl(Login),
    /// Asks: what is kept of this user's password for SCRAM? Answer with [`Server::answer_keys`]; for a name that nobody
    /// has, give keys that no password fits (`Keys::decoy`).
    ScramKeys {
        /// Who wants to log in.
        user: String,
    },
    /// Asks for a message's bytes; answer with [`Server::answer_body`].
    Body {
        /// Index in [`Maildrop::messages`], from 0.
        index: usize,
    },
    /// Asks: QUIT in TRANSACTION. Remove these, give the lock back, answer with [`Server::answer_update`].
    Update {
        /// Indices in [`Maildrop::messages`], from 0, ascending. Empty: nothing was marked.
        delete: Vec<usize>,
    },
    /// Tells: the session ended without UPDATE. Give the lock back and remove nothing (RFC 1939 §6).
    Released,
}
