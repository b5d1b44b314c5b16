//! POP3's grammar: what lines say, with the place of every part (RFC 1939 §3, RFC 2449 §3).
//!
//! Nothing here fails: what does not fit the ABNF gives a value that says so, and findings. Servers, clients and
//! the dissector all read with it. Spans are relative to the line without its terminator.

pub mod block;
pub mod command;
pub mod listing;
pub mod reply;

pub use command::{Command, Verb, parse_command};
pub use listing::{Capability, DropListing, ScanListing, UniqueIdListing};
pub use reply::{Greeting, Status, StatusLine};

use crate::base::{Finding, Part};

/// What was read, what it is made of, and what is off in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value.
    pub value: T,
    /// The line's parts, in order.
    pub parts: Vec<Part>,
    /// What is off.
    pub findings: Vec<Finding>,
}
