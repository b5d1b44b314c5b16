//! Strings as IMAP writes them: NIL, quoted, literal (RFC 9051 §4.3).

/// Above this a string goes as a literal, so that lines stay short.
const MAX_QUOTED: usize = 900;

/// `nstring`: NIL, or a string.
pub fn nstring(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => string(out, value),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `string`: quoted where it can be, else a literal.
pub fn string(out: &mut Vec<u8>, value: &[u8]) {
    // quoted = DQUOTE *QUOTED-CHAR DQUOTE; no CR, no LF, no NUL, and (before UTF-8 is agreed on) 7-bit only.
    let can_quote = |b: &u8| b.is_ascii() && !matches!(b, 0 | b'\r' | b'\n');
    if value.len() > MAX_QUOTED || !value.iter().all(can_quote) {
        return literal(out, value);
    }
    out.push(b'"');
    for &b in value {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// `literal = "{" number "}" CRLF *CHAR8`. CHAR8 is any octet but NUL; a NUL in a message becomes 0x80, so that the
/// count stays right.
pub fn literal(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", value.len()).as_bytes());
    let start = out.len();
    out.extend_from_slice(value);
    out[start..].iter_mut().filter(|b| **b == 0).for_each(|b| *b = 0x80);
}
