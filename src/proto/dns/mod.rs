//! Our span walker over DNS messages (RFC 1035 §4): every field with its place, and what is off with it.
//!
//! hickory reads messages for the resolver and the server; it keeps no places and stops at the first fault. The
//! walker goes on as far as it can, so that a reader sees each byte named. hickory is its oracle in tests.

mod code;
mod data;
mod name;
mod walk;

pub use code::{class_name, opcode_name, rcode_name, type_code, type_name};
pub use data::Data;
pub use walk::walk;

use crate::base::{Finding, Part};

/// A message, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The first twelve octets.
    pub header: Header,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Records that answer.
    pub answers: Vec<Record>,
    /// Records that point to an authority; a negative answer's SOA.
    pub authorities: Vec<Record>,
    /// Records that may help, and OPT.
    pub additionals: Vec<Record>,
}

/// The header (RFC 1035 §4.1.1; AD and CD: RFC 4035 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the asker, copied into the answer.
    pub id: u16,
    /// QR: whether this is a response.
    pub response: bool,
    /// Opcode: 0 is a standard query.
    pub opcode: u8,
    /// AA: the server is an authority for the name.
    pub authoritative: bool,
    /// TC: the message was cut to fit.
    pub truncated: bool,
    /// RD: please resolve it fully.
    pub recursion_desired: bool,
    /// RA: this server does that.
    pub recursion_available: bool,
    /// RCODE with the upper bits from OPT, where there is one (RFC 6891 §6.1.3).
    pub rcode: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT: how many entries each section says it has.
    pub counts: [u16; 4],
}

/// An entry of the question section (RFC 1035 §4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// QNAME, without the dot at its end; the root is `.`.
    pub name: String,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
}

/// A resource record (RFC 1035 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner, without the dot at its end; the root is `.`.
    pub name: String,
    /// TYPE.
    pub rtype: u16,
    /// CLASS; for OPT the sender's UDP payload size.
    pub class: u16,
    /// Seconds that it may be kept; for OPT the extended RCODE, version and flags.
    pub ttl: u32,
    /// RDATA.
    pub data: Data,
}

/// What a walk over a message's bytes found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// The values; `None` where not even a header was there.
    pub message: Option<Message>,
    /// The bytes' names: `header`, then `question`, `answer`, `authority` and `additional` as they stand.
    pub parts: Vec<Part>,
    /// What is off.
    pub findings: Vec<Finding>,
}

#[cfg(test)]
mod tests;
