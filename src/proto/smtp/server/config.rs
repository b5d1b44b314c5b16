//! What a server is told before the first connection: its name, kind, limits and what it offers.

use crate::proto::Security;
use crate::proto::sasl::{Mechanism, Nonces};
use serde::Serialize;
use std::time::Duration;

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// Takes mail from other hosts (port 25). RFC 5321.
    Relay,
    /// Takes mail from its own users, who must authenticate (port 587). RFC 6409 §4.3.
    Submission,
}

/// What to do with a message whose content holds a bare CR or a bare LF. RFC 5321 §2.3.8 forbids both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BareNewlines {
    /// Read to the true end, then refuse the message: the only way that no next host can be fooled.
    #[default]
    Refuse,
    /// Read to the true end and take it as it came.
    Keep,
    /// Take LF for CR LF everywhere, even around the dot: what many servers did, and what made smuggling work.
    /// For lessons only.
    TakeForLineEnds,
}

/// What a server is told before the first connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name in greeting, EHLO, 221 and 421.
    pub hostname: String,
    /// What it is for.
    pub kind: ServerKind,
    /// Largest message, octets; announced by SIZE. RFC 1870. Default 10 MiB.
    pub size_limit: u64,
    /// Most recipients of one message; the next gets 452. RFC 5321 §4.5.3.1.8 wants at least 100. Default 1 000.
    pub max_recipients: usize,
    /// Commands in error until 421. Default 20.
    pub hard_errors: u32,
    /// Longest command line with its CR LF, octets. RFC 5321 §4.5.3.1.4 wants 512, extensions more. Default 2 048.
    pub command_limit: usize,
    /// Longest SASL response line, octets. RFC 4954 §4 wants 12 288. Default 12 288.
    pub auth_line_limit: usize,
    /// Longest text line with its CR LF, octets. RFC 5321 §4.5.3.1.6 wants 1 000. Longer ones are refused only
    /// where [`ServerConfig::refuse_long_lines`] says so. Default 1 000.
    pub text_line_limit: usize,
    /// Refuse a message with a text line over the limit (default: take it; real mail has them).
    pub refuse_long_lines: bool,
    /// Bytes that may wait unread while the owner thinks; more ends the session with 421. Default 512 KiB.
    pub input_limit: usize,
    /// Which mechanisms AUTH offers; empty: no AUTH. Default: all for submission, none for relay.
    pub mechanisms: Vec<Mechanism>,
    /// Where challenges come from, drawn by the owner for this session alone. Without them CRAM-MD5 and SCRAM-SHA-256
    /// are not offered. Default: none.
    pub nonces: Option<Nonces>,
    /// Where the connection stands with TLS when it begins. RFC 3207. Default: none is offered.
    pub security: Security,
    /// Whether AUTH is taken outside TLS. Where not, AUTH is not offered there (RFC 4954 §6), and where this is a
    /// submission server, MAIL waits for TLS too (RFC 3207 §4). Default: it is.
    pub plaintext_login: bool,
    /// Offer PIPELINING. RFC 2920.
    pub pipelining: bool,
    /// Offer 8BITMIME. RFC 6152.
    pub eight_bit_mime: bool,
    /// Offer SMTPUTF8. RFC 6531.
    pub smtputf8: bool,
    /// Offer DSN. RFC 3461.
    pub dsn: bool,
    /// Offer CHUNKING (BDAT). RFC 3030.
    pub chunking: bool,
    /// What to do with bare CR and bare LF in content.
    pub bare_newlines: BareNewlines,
    /// Most Received fields in a message; more is a loop, refused with 554 5.4.6. RFC 5321 §6.3. Default 50.
    pub max_hops: usize,
    /// How long to wait for the client. RFC 5321 §4.5.3.2.7 wants at least five minutes. Default 5 min.
    pub idle_timeout: Duration,
    /// Ask the owner (`Consult`) before each command, so that a fault can be put in its way.
    pub consult: bool,
}

impl ServerConfig {
    /// A server of that name and kind with the defaults.
    pub fn new(hostname: impl Into<String>, kind: ServerKind) -> Self {
        let mechanisms = match kind {
            ServerKind::Relay => Vec::new(),
            ServerKind::Submission => Mechanism::ALL.to_vec(),
        };
        ServerConfig {
            hostname: hostname.into(),
            kind,
            size_limit: 10 * 1024 * 1024,
            max_recipients: 1000,
            hard_errors: 20,
            command_limit: 2048,
            auth_line_limit: 12_288,
            text_line_limit: 1000,
            refuse_long_lines: false,
            input_limit: 512 * 1024,
            mechanisms,
            nonces: None,
            security: Security::None,
            plaintext_login: true,
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            dsn: true,
            chunking: true,
            bare_newlines: BareNewlines::Refuse,
            max_hops: 50,
            idle_timeout: Duration::from_secs(300),
            consult: false,
        }
    }
}
