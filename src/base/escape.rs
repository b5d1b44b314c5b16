//! The one choke point between untrusted bytes and a reader: nothing from a wire passes unescaped.
//!
//! Control characters become visible pictures (`␍␊`), terminal escapes and bidi controls become `\u{…}`, bytes
//! that are not UTF-8 become `\xNN`. What comes out holds only printable characters and no line break.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes from a wire as one line of printable text.
pub fn line(bytes: &[u8]) -> String {
    shown(bytes).into_owned()
}

/// The same, without a copy where nothing needs to be escaped.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    // Most lines are plain ASCII, and need no look at each character.
    let is_plain = |chunk: &[u8]| chunk.iter().fold(true, |plain, b| plain & matches!(b, b' '..=b'~'));
    if bytes.chunks(32).all(is_plain) {
        return lossy(bytes);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// Bytes as text, with U+FFFD where they are not UTF-8. Nearly always they are, and then one quick look is enough; what
/// comes out is not yet fit to be shown.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Text that came off a wire, as one line of printable text.
pub fn text(text: &str) -> String {
    line(text.as_bytes())
}

/// Whether a character is shown as itself: it neither steers a terminal nor hides anything.
pub fn is_printable(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

fn push(out: &mut String, c: char) {
    match c {
        '\r' => out.push('␍'),
        '\n' => out.push('␊'),
        '\t' => out.push('␉'),
        '\0' => out.push('␀'),
        '\x1b' => out.push('␛'),
        '\x7f' => out.push('␡'),
        c if c.is_control() || is_invisible(c) => {
            let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Characters that change how others are shown, or show nothing: bidi controls (Trojan Source), zero-width
/// characters, line and paragraph separators, tags, the byte-order mark.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn nothing_that_steers_a_terminal_or_hides_text_passes() {
        assert_eq!(line(b"\x1b[31mred\r\n"), "␛[31mred␍␊");
        assert_eq!(line("a\u{202E}b\u{85}c".as_bytes()), "a\\u{202E}b\\u{85}c");
        assert_eq!(line(b"caf\xe9 \xc3\xa9"), "caf\\xE9 é");
    }
}
