//! IMAP's grammar (RFC 3501 §9, RFC 9051 §9) with spans: never fails, always yields a value, parts and findings.

use super::types::{Command, CommandBody, Parsed};

/// Deepest nesting of parentheses, OR and NOT that is read (STANDARDS: "nesting 100").
pub const MAX_NESTING: usize = 100;

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
    parse_command_in(bytes, Dialect::Rev1)
}

/// [`parse_command`] for a connection of that dialect.
pub fn parse_command_in(_bytes: &[u8], _dialect: Dialect) -> Parsed<Command> {
    Parsed {
        value: Command { tag: String::new(), body: CommandBody::Noop },
        parts: vec![],
        findings: vec![],
        secrets: vec![],
    }
}

/// The tag that a command's first octets give, where they do.
pub fn tag_of(bytes: &[u8]) -> Option<String> {
    let len = bytes.iter().position(|&b| b == b' ')?;
    let tag = bytes.get(..len)?;
    let good = !tag.is_empty() && tag.iter().all(|&b| is_tag_char(b));
    good.then(|| String::from_utf8_lossy(tag).into_owned())
}

/// `tag = 1*<any ASTRING-CHAR except "+">`
fn is_tag_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(&byte)
}
