//! A message, read for what it tells about its way: header fields, the Received chain, results of authentication,
//! MIME structure, delivery reports, and what is odd. RFC 5322, RFC 2045, RFC 3464, RFC 8601.
//!
//! It reads; what the findings mean to a person is said by whoever shows them. Bodies are mail-parser's work;
//! the header is read here, since each field's very words are wanted.

mod auth;
mod fields;
mod hops;
mod oddities;
mod report;
mod structure;
#[cfg(test)]
mod tests;

pub use auth::{AuthResult, Claim};
pub use fields::Field;
pub use hops::{Hop, Trust};
pub use oddities::Oddity;
pub use report::{Recipient, Report};
pub use structure::MimePart;

use fields::Header;
use mail_parser::MessageParser;
use serde::Serialize;
use std::borrow::Cow;

/// How much of a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets that are looked at: 64 MiB. The rest is counted only.
    pub octets: usize,
    /// Octets of header: 1 MiB, many times what RFC 5322 §2.1.1's lines would ever need.
    pub header: usize,
    /// Header fields that are kept: 1000. The rest is counted only.
    pub fields: usize,
    /// Hops, results, parts and recipients that are kept of each: 500.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { octets: 64 << 20, header: 1 << 20, fields: 1000, items: 500 }
    }
}

/// A message, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Its size in octets.
    pub octets: usize,
    /// The `From ` line of a mailbox file in front, which is no part of the message.
    pub mbox_line: Option<String>,
    /// The header's fields, as they stand, up to the limit.
    pub fields: Vec<Field>,
    /// How many fields there are.
    pub field_count: usize,
    /// The Received chain, the oldest hop first.
    pub hops: Vec<Hop>,
    /// What servers say that they checked, in the order in which it stands.
    pub auth: Vec<AuthResult>,
    /// The MIME tree, flattened: each part after the one that it is in.
    pub parts: Vec<MimePart>,
    /// The sort of report it says it is: `delivery-status`, `feedback-report`, `disposition-notification`; or empty.
    /// "The multipart/report content-type … report-type parameter" (RFC 6522 §3).
    pub report_type: String,
    /// What it reports, where it is a delivery status notification.
    pub report: Option<Report>,
    /// What is odd.
    pub oddities: Vec<Oddity>,
}

impl Reading {
    /// The first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// Whether this begins like a message: fields first, with at least one that only messages have.
pub fn looks_like_one(text: &[u8]) -> bool {
    let text = with_line_feeds(text.get(..64 << 10).unwrap_or(text));
    let header = Header::read(&text, Limits { header: 64 << 10, fields: 200, ..Limits::default() });
    const TELLING: [&str; 12] = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "received",
        "return-path",
        "mime-version",
        "content-type",
        "delivered-to",
        "dkim-signature",
        "x-mailer",
    ];
    let telling = |f: &Field| TELLING.iter().any(|name| f.name.eq_ignore_ascii_case(name));
    let known = header.fields.iter().filter(|f| telling(f)).count();
    // A session with a message in it begins otherwise, and has many lines that are no fields.
    let first =
        header.fields.first().is_some_and(|f| f.line == 1 || f.line == 2 && header.mbox_line.is_some());
    let clean = header.strange == 0 || header.strange * 4 <= header.count && known >= 4;
    first && clean && known >= if header.mbox_line.is_some() { 1 } else { 2 }
}

/// Read a message.
pub fn read(message: &[u8], limits: Limits) -> Reading {
    let bytes = message.get(..limits.octets).unwrap_or(message);
    let old = with_line_feeds(bytes);
    let bytes: &[u8] = &old;
    let header = Header::read(bytes, limits);
    let parsed = MessageParser::default().parse(bytes.get(header.start..).unwrap_or_default());
    let mut reading = Reading { octets: message.len(), ..Reading::default() };
    reading.hops = hops::read(&header.fields, limits.items);
    reading.auth = auth::read(&header.fields, &hops::home(&reading.hops), limits.items);
    if let Some(parsed) = &parsed {
        reading.parts = structure::read(parsed, limits.items);
        reading.report_type = report::kind(parsed);
        reading.report = report::read(parsed, limits.items);
    }
    if reading.parts.is_empty() {
        let octets = bytes.len().saturating_sub(header.body);
        let media_type = "text/plain".to_owned();
        reading.parts.push(MimePart { media_type, octets, decoded: octets, ..MimePart::default() });
    }
    reading.oddities = oddities::read(bytes, &header, &reading);
    reading.mbox_line = header.mbox_line;
    reading.field_count = header.count;
    reading.fields = header.fields;
    reading
}

/// Files of old Macintosh programs end their lines with CR alone.
fn with_line_feeds(message: &[u8]) -> Cow<'_, [u8]> {
    if message.contains(&b'\n') || !message.contains(&b'\r') {
        return Cow::Borrowed(message);
    }
    Cow::Owned(message.iter().map(|&b| if b == b'\r' { b'\n' } else { b }).collect())
}
