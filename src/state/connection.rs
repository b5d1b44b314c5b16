//! What a [`Connection`] has come to: its phase, TLS, who logged in, the envelope so far, the mailbox selected.
//!
//! Folded from Steps alone: this is what somebody who only watches the wire knows.

use crate::dissect::Protocol;
use crate::trace::Opened;
use serde::Serialize;

/// A connection between its Open and its Close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Between whom.
    pub open: Opened,
    /// What is spoken on it; `Unknown` until something was said.
    pub protocol: Protocol,
    /// The protocol's phase, in the words of its RFC and lower case; see [`super`].
    pub phase: &'static str,
    /// Whether TLS protects what is said now.
    pub tls: bool,
    /// Who logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// SMTP: the transaction so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// IMAP: the mailbox selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<String>,
    /// IMAP: whether it was opened by EXAMINE, or the server said READ-ONLY.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// POP3: the maildrop as this session sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maildrop: Option<Maildrop>,
}

/// An SMTP transaction, from MAIL to the end of its data (RFC 5321 §3.3): what the server accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// The reverse-path; empty for `<>`.
    pub sender: String,
    /// The forward-paths that were accepted, in order.
    pub recipients: Vec<String>,
    /// The forward-paths that were refused, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

/// A POP3 maildrop as a session in TRANSACTION sees it (RFC 1939 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maildrop {
    /// How many messages STAT told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Numbers of the messages marked as deleted, sorted.
    pub deleted: Vec<u32>,
}
