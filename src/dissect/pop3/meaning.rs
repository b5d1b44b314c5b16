//! What a POP3 Step means: the values that state and notes need.

use crate::proto::pop3::grammar::{Capability, Command, DropListing, ScanListing, UniqueIdListing, Verb};
use crate::proto::pop3::phase::Phase;
use serde::Serialize;

/// What a POP3 Step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pop3Meaning {
    /// The server's first line.
    Greeting {
        /// Whether it was `+OK`.
        ok: bool,
        /// The timestamp for APOP, angle brackets included.
        timestamp: Option<String>,
    },
    /// A command.
    Command {
        /// What it asks.
        asked: Asked,
        /// Where the session stands when it is sent (as far as the client can hope, where it pipelines); `None`
        /// where the observer came late.
        phase: Option<Phase>,
    },
    /// A line of a SASL exchange from the client (RFC 5034 §4).
    SaslResponse,
    /// A reply.
    Reply {
        /// `Some(true)`: `+OK`; `Some(false)`: `-ERR`; `None`: AUTH goes on, or neither.
        ok: Option<bool>,
        /// The command it answers, where there is one.
        answers: Option<Asked>,
        /// What it tells.
        told: Told,
        /// Where the session stands after it; `None` where the observer came late.
        phase: Option<Phase>,
    },
}

/// What a command asks. No secrets are in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// USER name.
    User {
        /// The mailbox's name.
        name: String,
    },
    /// PASS string.
    Pass,
    /// APOP name digest.
    Apop {
        /// The mailbox's name.
        name: String,
    },
    /// STAT.
    Stat,
    /// LIST \[msg\].
    List {
        /// Which message; `None`: all.
        number: Option<u32>,
    },
    /// RETR msg.
    Retr {
        /// Which message.
        number: u32,
    },
    /// DELE msg.
    Dele {
        /// Which message.
        number: u32,
    },
    /// NOOP.
    Noop,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// TOP msg n.
    Top {
        /// Which message.
        number: u32,
        /// How many lines of its body.
        lines: u32,
    },
    /// UIDL \[msg\].
    Uidl {
        /// Which message; `None`: all.
        number: Option<u32>,
    },
    /// CAPA.
    Capa,
    /// STLS.
    Stls,
    /// AUTH mechanism.
    Auth {
        /// The mechanism in upper case.
        mechanism: Option<String>,
    },
    /// A known keyword whose arguments do not fit.
    Invalid {
        /// The keyword.
        verb: Verb,
    },
    /// A keyword that is not known.
    Unknown,
}

/// What a reply tells beyond its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Nothing more.
    Nothing,
    /// STAT's answer.
    DropListing(DropListing),
    /// LIST's answer, of one message or of all.
    ScanListings(Vec<ScanListing>),
    /// UIDL's answer, of one message or of all.
    UniqueIds(Vec<UniqueIdListing>),
    /// CAPA's answer.
    Capabilities(Vec<Capability>),
    /// RETR's or TOP's answer.
    Message {
        /// Its octets, byte-stuffing undone, the lone dot not counted.
        octets: u64,
        /// Its Subject, unfolded, as it stands (not decoded).
        subject: Option<String>,
    },
}

impl Asked {
    /// What this command asks, without what is secret.
    pub fn of(command: &Command) -> Asked {
        match command {
            Command::User { name } => Asked::User { name: name.clone() },
            Command::Pass { .. } => Asked::Pass,
            Command::Apop { name, .. } => Asked::Apop { name: name.clone() },
            Command::Stat => Asked::Stat,
            Command::List { number } => Asked::List { number: *number },
            Command::Retr { number } => Asked::Retr { number: *number },
            Command::Dele { number } => Asked::Dele { number: *number },
            Command::Noop => Asked::Noop,
            Command::Rset => Asked::Rset,
            Command::Quit => Asked::Quit,
            Command::Top { number, lines } => Asked::Top { number: *number, lines: *lines },
            Command::Uidl { number } => Asked::Uidl { number: *number },
            Command::Capa => Asked::Capa,
            Command::Stls => Asked::Stls,
            Command::Auth { mechanism, .. } => Asked::Auth { mechanism: mechanism.clone() },
            Command::Invalid { verb, .. } => Asked::Invalid { verb: *verb },
            Command::Unknown { .. } => Asked::Unknown,
        }
    }

    /// Its keyword.
    pub fn verb(&self) -> Verb {
        match self {
            Asked::User { .. } => Verb::User,
            Asked::Pass => Verb::Pass,
            Asked::Apop { .. } => Verb::Apop,
            Asked::Stat => Verb::Stat,
            Asked::List { .. } => Verb::List,
            Asked::Retr { .. } => Verb::Retr,
            Asked::Dele { .. } => Verb::Dele,
            Asked::Noop => Verb::Noop,
            Asked::Rset => Verb::Rset,
            Asked::Quit => Verb::Quit,
            Asked::Top { .. } => Verb::Top,
            Asked::Uidl { .. } => Verb::Uidl,
            Asked::Capa => Verb::Capa,
            Asked::Stls => Verb::Stls,
            Asked::Auth { .. } => Verb::Auth,
            Asked::Invalid { verb } => *verb,
            Asked::Unknown => Verb::Unknown,
        }
    }

    /// Whether `+OK` to it is followed by lines up to a lone dot.
    pub fn is_multi_line(&self) -> bool {
        matches!(
            self,
            Asked::List { number: None }
                | Asked::Uidl { number: None }
                | Asked::Retr { .. }
                | Asked::Top { .. }
                | Asked::Capa
                | Asked::Auth { mechanism: None }
        )
    }
}
