//! [`SmtpMeaning`]: the values in an SMTP Step that state and notes need.

use crate::base::Word;
use crate::proto::smtp::codes::Enhanced;
use crate::proto::smtp::grammar::{EhloLine, Parameter, Problem};
use crate::proto::smtp::phase::Phase;
use serde::Serialize;

/// What an SMTP Step means. Addresses stand without brackets; the null reverse-path is the empty string. No
/// secret is ever in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpMeaning {
    /// EHLO or HELO.
    Hello {
        /// What the client calls itself.
        name: String,
        /// EHLO rather than HELO.
        extended: bool,
    },
    /// MAIL.
    Mail {
        /// The reverse-path.
        from: String,
        /// Its parameters.
        params: Vec<Parameter>,
    },
    /// RCPT.
    Rcpt {
        /// The forward-path.
        to: String,
        /// Its parameters.
        params: Vec<Parameter>,
    },
    /// DATA.
    Data,
    /// BDAT.
    Bdat {
        /// Octets that follow.
        size: u64,
        /// Whether it is the last chunk.
        last: bool,
    },
    /// RSET.
    Reset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY.
    Verify {
        /// What is asked about.
        what: String,
    },
    /// EXPN.
    Expand {
        /// Which list.
        what: String,
    },
    /// HELP.
    Help {
        /// About what; empty for all.
        topic: String,
    },
    /// AUTH.
    Auth {
        /// The mechanism in upper case.
        mechanism: String,
        /// The user name, where the initial response shows it.
        user: Option<String>,
    },
    /// A SASL response on a line of its own.
    AuthResponse {
        /// The mechanism in upper case.
        mechanism: String,
        /// The user name, where it shows.
        user: Option<String>,
        /// Whether it is `*`: the client gives up.
        cancelled: bool,
    },
    /// STARTTLS.
    StartTls,
    /// A known verb with a wrong argument.
    Malformed {
        /// What is wrong.
        problem: Problem,
    },
    /// No command of SMTP.
    Unknown,
    /// The message after 354.
    Message(MessageSeen),
    /// The octets of a BDAT chunk.
    Chunk {
        /// Octets.
        size: u64,
        /// Whether it is the last.
        last: bool,
    },
    /// A reply, the greeting included.
    Reply(ReplySeen),
}

/// A message as it crossed the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MessageSeen {
    /// Octets of content, dots unstuffed, without the end-of-data line.
    pub octets: u64,
    /// Octets on the wire, the end-of-data line included.
    pub wire_octets: u64,
    /// How many dots were stuffed.
    pub stuffed_dots: u64,
    /// Whether the lone dot came.
    pub complete: bool,
    /// The header's fields in order, unfolded: the first hundred.
    pub header: Vec<Field>,
}

impl MessageSeen {
    /// The body of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.body.as_str())
    }
}

/// A header field. RFC 5322 §2.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name as written.
    pub name: String,
    /// Its body, unfolded and trimmed: at most a thousand characters.
    pub body: String,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplySeen {
    /// The three digits.
    pub code: u16,
    /// The enhanced status code of its first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<Enhanced>,
    /// The verb of the command it answers: `CONNECT` for the greeting, `.` for the end of data; empty where it
    /// answers nothing.
    pub of: Word,
    /// The text of its lines, without codes.
    pub text: Vec<String>,
    /// What a positive reply to EHLO offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<EhloLine>,
    /// Where the session stands after it; `None` where that is not known: the observer came late, or bytes are missing.
    pub phase: Option<Phase>,
}
