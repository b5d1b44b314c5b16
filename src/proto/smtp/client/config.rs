//! What a client is told before it connects, and what it reports when it is done.

use crate::proto::Wish;
use crate::proto::sasl::Credentials;
use crate::proto::smtp::{Path, Reply};
use serde::Serialize;
use std::time::Duration;

/// What a client is told before it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Its name for EHLO.
    pub hello_name: String,
    /// Who logs in and how, where it must (submission).
    pub auth: Option<Credentials>,
    /// What it thinks of STARTTLS. RFC 3207. Default: it never asks.
    pub tls: Wish,
    /// Pipeline where the server offers it. RFC 2920.
    pub pipelining: bool,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Longest reply in lines, and longest reply line in octets; more is a broken server. RFC 5321 §4.5.3.1.5
    /// wants 512 octets. Defaults 100 and 4 096.
    pub reply_limits: (usize, usize),
}

impl ClientConfig {
    /// A client of that name with the defaults: no AUTH, pipelining.
    pub fn new(hello_name: impl Into<String>) -> Self {
        ClientConfig {
            hello_name: hello_name.into(),
            auth: None,
            tls: Wish::Never,
            pipelining: true,
            timeouts: Timeouts::default(),
            reply_limits: (100, 4096),
        }
    }
}

/// How long a client waits for what. RFC 5321 §4.5.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The greeting: 5 minutes. §4.5.3.2.1. Replies to EHLO, AUTH, RSET and QUIT too.
    pub initial: Duration,
    /// The reply to MAIL: 5 minutes. §4.5.3.2.2.
    pub mail: Duration,
    /// The reply to RCPT: 5 minutes. §4.5.3.2.3.
    pub rcpt: Duration,
    /// The 354 to DATA: 2 minutes. §4.5.3.2.4.
    pub data: Duration,
    /// The reply to the lone dot: 10 minutes. §4.5.3.2.6.
    pub end_of_data: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Timeouts {
            initial: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            end_of_data: minutes(10),
        }
    }
}

/// What a client tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// Every recipient's fate is known. It comes as soon as that is so; QUIT and `Close` may still follow.
    Finished(Outcome),
}

/// How far a session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waiting for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The message and its lone dot.
    EndOfData,
    /// The message was accepted.
    Done,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How far it came: the stage at which it ended; [`Stage::Done`] where somebody's copy was accepted.
    pub stage: Stage,
    /// Whether the server offered DSN, and so reports further by itself. RFC 3461 §5.2.1.
    pub dsn: bool,
    /// Each recipient's fate, in the envelope's order.
    pub recipients: Vec<RecipientOutcome>,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// Whose.
    pub forward_path: Path,
    /// What.
    pub result: Fate,
    /// At which stage it was decided.
    pub stage: Stage,
}

/// One recipient's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took responsibility: its reply to the end of data.
    Accepted(Reply),
    /// The server said no: its reply (4yz try later, 5yz never; see [`Reply::is_transient`]). Where the client
    /// itself sees that this server can never carry the message, it is the reply that the RFC names for that.
    Refused(Reply),
    /// The session broke (connection lost, timeout, replies that are no replies): try again later.
    Failed(String),
}
