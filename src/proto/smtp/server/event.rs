//! What a server tells or asks its owner.

use crate::proto::sasl::server::Login;
use crate::proto::smtp::{Envelope, Path, Recipient};

/// What a server tells or asks. After an *ask* it keeps what arrives and does nothing until it is answered by
/// `answer` (or, for `Consult`, `proceed`; or `abort` for any).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Told: the client has said who it is, and was answered.
    Hello {
        /// The name after EHLO or HELO.
        name: String,
        /// EHLO rather than HELO.
        extended: bool,
    },
    /// Asked, where configured: a command is about to be handled. `proceed` handles it; `answer` sends that reply
    /// instead, and changes nothing else; `abort` drops the connection.
    Consult {
        /// Its verb in upper case; `CONNECT` before the greeting, `.` at the end of data.
        verb: String,
    },
    /// Asked: are these credentials right? 235 says yes.
    Authenticate(Login),
    /// Asked: what is kept of this user's password for SCRAM? `answer_keys` goes on; for a name that nobody has, give
    /// keys that no password fits (`Keys::decoy`). `answer` with a refusal ends the exchange.
    ScramKeys {
        /// Who wants to log in.
        user: String,
    },
    /// Asked: may a transaction begin? The envelope has no recipient yet.
    Mail {
        /// The envelope so far.
        envelope: Envelope,
        /// Who is authenticated.
        authenticated: Option<String>,
    },
    /// Asked: may this recipient join?
    Rcpt {
        /// The sender.
        reverse_path: Path,
        /// The recipient.
        recipient: Recipient,
        /// Who is authenticated.
        authenticated: Option<String>,
    },
    /// Asked: here is the whole message; 250 takes responsibility for it.
    Message(Box<Message>),
    /// Asked: VRFY. The usual answer is `replies::cannot_verify()`.
    Vrfy {
        /// What was asked about.
        what: String,
    },
    /// Asked: EXPN. The usual answer is `replies::expn_refused()`.
    Expn {
        /// Which list.
        what: String,
    },
    /// Told: the session is over; `Close` follows.
    Finished,
}

/// A message that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whom it is from and for.
    pub envelope: Envelope,
    /// The content: dots unstuffed, without the end-of-data line, each line with its CR LF.
    pub data: Vec<u8>,
    /// What the client called itself, for Received.
    pub hello: String,
    /// Who is authenticated.
    pub authenticated: Option<String>,
    /// For Received's `with`: `SMTP`, `ESMTP`, `ESMTPA`, `UTF8SMTP`, `UTF8SMTPA`. RFC 3848, RFC 6531 §4.3.
    pub protocol: &'static str,
}
