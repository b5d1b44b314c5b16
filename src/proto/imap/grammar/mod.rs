//! IMAP's grammar (RFC 3501 §9, RFC 9051 §9) with spans: never fails, always yields a value, parts and findings.

mod command;
mod cursor;
mod fetch;
mod items;
mod msg_att;
pub mod print;
mod print_command;
mod response;
mod search;
#[cfg(test)]
mod tests;

pub use print_command::print_command;

use super::response::Response;
use super::types::{Command, Parsed};
use crate::base::escape::lossy;
use crate::base::{Part, Span};

/// Deepest nesting of parentheses, OR and NOT that is read (STANDARDS: "nesting 100").
pub const MAX_NESTING: usize = 100;

/// Octets of the longest atom or quoted string that is read (STANDARDS: "quoted string and atom 128 KiB").
pub const MAX_STRING: usize = 128 << 10;

/// How mailbox names are written on this connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Modified UTF-7 (RFC 3501 §5.1.3): until ENABLE IMAP4rev2 or UTF8=ACCEPT.
    #[default]
    Rev1,
    /// UTF-8 (RFC 9051 §5.1).
    Rev2,
}

/// Reads one whole framed command, with its literals and the final CRLF, as rev1 writes mailbox names.
pub fn parse_command(bytes: &[u8]) -> Parsed<Command> {
    command::command(bytes, Dialect::Rev1)
}

/// [`parse_command`] for a connection of that dialect.
pub fn parse_command_in(bytes: &[u8], dialect: Dialect) -> Parsed<Command> {
    command::command(bytes, dialect)
}

/// Reads one whole framed response, with its literals and the final CRLF, as rev1 writes mailbox names.
pub fn parse_response(bytes: &[u8]) -> Parsed<Response> {
    response::response(bytes, Dialect::Rev1)
}

/// [`parse_response`] for a connection of that dialect.
pub fn parse_response_in(bytes: &[u8], dialect: Dialect) -> Parsed<Response> {
    response::response(bytes, dialect)
}

/// The parts of a message that stands at `span` in `bytes`: `header-field` (`field-name`, `field-body`), `header-end`,
/// `body`. For messages in literals: FETCH, APPEND.
pub fn message_parts(bytes: &[u8], span: Span) -> Vec<Part> {
    msg_att::message_parts(bytes, span, true)
}

/// The tag that a command's first octets give, where they do.
pub fn tag_of(bytes: &[u8]) -> Option<String> {
    let len = bytes.iter().position(|&b| b == b' ')?;
    let tag = bytes.get(..len)?;
    let good = !tag.is_empty() && tag.iter().all(|&b| cursor::is_astring_char(b) && b != b'+');
    good.then(|| lossy(tag).into_owned())
}
