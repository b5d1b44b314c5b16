//! Small tools for lines of bytes: pasted text need not be UTF-8, and often is UTF-16.

use std::borrow::Cow;

/// A text as bytes, and whether some of it was left out.
pub struct Decoded<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub cut: bool,
}

/// The text without its byte-order mark; UTF-16 (what Windows consoles write into files) becomes UTF-8.
pub fn decoded(text: &[u8], limit: usize) -> Decoded<'_> {
    let cut = text.len() > limit;
    let text = text.get(..limit).unwrap_or(text);
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let text: String =
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Cow::Owned(text.into_bytes())
    };
    let bytes = match text {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => Cow::Borrowed(rest),
        _ => Cow::Borrowed(text),
    };
    Decoded { bytes, cut }
}

/// The lines, without their ends (LF, CR LF; a lone CR is part of its line).
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// How many spaces or tabs it begins with.
pub fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|&&b| b == b' ' || b == b'\t').count()
}

/// The first word, and what follows it without the space between.
pub fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    (word, rest.strip_prefix(b" ").unwrap_or(rest))
}

/// Whether `needle` stands in `hay`, within its first 4096 octets.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    find(hay, needle).is_some()
}

/// Where `needle` begins in `hay`, within its first 4096 octets.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let hay = hay.get(..4096).unwrap_or(hay);
    hay.windows(needle.len().max(1)).position(|w| w == needle)
}

/// Whether it begins so, in any case of ASCII letters.
pub fn begins(line: &[u8], with: &[u8]) -> bool {
    line.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// Whether it could be base64, whole: only its alphabet, and at least `least` of it.
pub fn is_base64(text: &[u8], least: usize) -> bool {
    text.len() >= least && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

/// At most 2000 octets of a text for people, as UTF-8.
pub fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..2000).unwrap_or(text)).into_owned()
}

/// A decimal number, whole.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
