//! The envelope: what MAIL and RCPT say, apart from the message. RFC 5321 §2.3.1.
//!
//! One type serves the server (what it was given), the queue between, and the client (what it will say).

use super::grammar::Path;
use serde::{Deserialize, Serialize};

/// Who a message comes from and whom it is for, with the service asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// Where failures are reported to; [`Path::Null`] for a notification. RFC 5321 §4.1.1.2.
    pub reverse_path: Path,
    /// Whom it is for, in the order of the RCPT commands.
    pub recipients: Vec<Recipient>,
    /// What bytes the message holds: the BODY parameter. RFC 6152, RFC 3030.
    pub body: Body,
    /// Whether addresses or header fields are in UTF-8: the SMTPUTF8 parameter. RFC 6531 §3.4.
    pub smtputf8: bool,
    /// How many octets the sender declared: the SIZE parameter. RFC 1870 §3.
    pub size: Option<u64>,
    /// How much of the message a failure report should return: the RET parameter. RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// The sender's own id of this envelope, decoded from xtext: the ENVID parameter. RFC 3461 §4.4.
    pub envid: Option<String>,
}

/// One recipient of an envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// To whom.
    pub forward_path: Path,
    /// When the sender wants to be told; `None` where it did not say (then: of failure). RFC 3461 §4.1.
    pub notify: Option<Notify>,
    /// The address that the message was first sent to, `type;address`, decoded from xtext. RFC 3461 §4.2.
    pub orcpt: Option<String>,
}

/// What bytes a message holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// US-ASCII lines only: `BODY=7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// Lines of any octets: `BODY=8BITMIME`. RFC 6152 §3.
    EightBit,
    /// Any octets, lines or not, by BDAT only: `BODY=BINARYMIME`. RFC 3030 §3.
    Binary,
}

/// How much of the message a failure report should return. RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ret {
    /// All of it: `RET=FULL`.
    Full,
    /// Only its header: `RET=HDRS`.
    Headers,
}

/// When the sender wants a report about a recipient; none of the three is `NOTIFY=NEVER`. RFC 3461 §4.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// When it was delivered.
    pub success: bool,
    /// When it could not be delivered.
    pub failure: bool,
    /// When it is delayed.
    pub delay: bool,
}

impl Envelope {
    /// An envelope from one address (empty for the null reverse-path) to others, written without brackets.
    /// `None` where one of them is no address.
    pub fn simple(reverse_path: &str, recipients: &[&str]) -> Option<Envelope> {
        Some(Envelope {
            reverse_path: Path::from_address(reverse_path)?,
            recipients: recipients.iter().map(|to| Recipient::new(to)).collect::<Option<_>>()?,
            ..Envelope::default()
        })
    }
}

impl Recipient {
    /// A recipient by address, written without brackets. `None` where it is no address.
    pub fn new(address: &str) -> Option<Recipient> {
        let forward_path = Path::from_address(address).filter(|p| *p != Path::Null)?;
        Some(Recipient { forward_path, ..Recipient::default() })
    }
}
