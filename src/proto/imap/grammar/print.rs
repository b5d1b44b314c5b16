//! Printing what the grammar reads: strings in the shortest form that is right, mailbox names, whole commands.

use super::Dialect;
use super::cursor::{is_astring_char, is_atom_char};
use crate::proto::imap::utf7;

/// How a client may send literals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Literals {
    /// `{n}`: wait for `+` before the octets.
    #[default]
    Sync,
    /// `{n+}` for literals of at most 4096 octets (LITERAL-, RFC 7888 §5), else `{n}`.
    NonSyncSmall,
    /// `{n+}` (LITERAL+).
    NonSync,
}

/// Text as a quoted string where it may be one, else as a literal.
pub fn string(out: &mut Vec<u8>, text: &[u8], literals: Literals) {
    if text.len() <= 1000 && text.iter().all(|&b| b != 0 && b.is_ascii() && b != b'\r' && b != b'\n') {
        quoted(out, text);
    } else {
        literal(out, text, literals);
    }
}

/// [`string`], or `NIL`.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text, Literals::Sync),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Text as an atom where it may be one, else as a [`string`].
pub fn astring(out: &mut Vec<u8>, text: &[u8], literals: Literals) {
    // NIL as an astring is the text NIL, but who reads it as nothing is easily misled.
    if !text.is_empty() && text.iter().all(|&b| is_astring_char(b)) && !text.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(text);
    } else {
        string(out, text, literals);
    }
}

/// A mailbox name as this dialect writes it. rev2 puts UTF-8 in quoted strings.
pub fn mailbox(out: &mut Vec<u8>, name: &str, dialect: Dialect, literals: Literals) {
    match dialect {
        Dialect::Rev1 => astring(out, utf7::encode(name).as_bytes(), literals),
        Dialect::Rev2 if name.is_ascii() || name.contains(['\r', '\n', '\0']) => {
            astring(out, name.as_bytes(), literals);
        }
        Dialect::Rev2 => quoted(out, name.as_bytes()),
    }
}

/// `{n}` or `{n+}`, CR LF, and the octets.
pub fn literal(out: &mut Vec<u8>, octets: &[u8], literals: Literals) {
    let plus = match literals {
        Literals::Sync => false,
        Literals::NonSyncSmall => octets.len() <= 4096,
        Literals::NonSync => true,
    };
    let plus = if plus { "+" } else { "" };
    out.extend_from_slice(format!("{{{}{plus}}}\r\n", octets.len()).as_bytes());
    out.extend_from_slice(octets);
}

/// Whether the text can stand as an atom.
pub fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_atom_char)
}

fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}
