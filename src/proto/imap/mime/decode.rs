//! Text as a reader would see it, for SEARCH: transfer encodings, character sets and encoded words undone.
//!
//! "comparison … in … the decoded text" (RFC 9051 §6.4.4 asks for MIME decoding of headers and text bodies). The
//! tables of character sets come from mail-parser. All of it ends in lower case, to be compared without case.

use super::header::{fields, unfold};
use super::{Entity, Inner};
use crate::proto::imap::types::Date;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

/// An encoded word is at most 75 characters (RFC 2047 §2); longer ones are seen, and are read up to this.
const MAX_ENCODED_WORD: usize = 1_000;

/// Bytes in a character set as text; what is not known counts as UTF-8.
fn to_text(bytes: &[u8], charset: &[u8]) -> String {
    let utf8 =
        charset.is_empty() || charset.eq_ignore_ascii_case(b"utf-8") || std::str::from_utf8(bytes).is_ok();
    // ISO-2022-JP is ASCII on the wire, so valid UTF-8 must not stop it from being decoded.
    let escapes = bytes.contains(&0x1b);
    match charset_decoder(charset) {
        Some(decode) if !utf8 || escapes => decode(bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// For comparing without case.
pub fn fold_case(text: &str) -> String {
    text.to_lowercase()
}

/// A header field's value with its encoded words decoded (RFC 2047).
pub fn header_text(value: &[u8]) -> String {
    let value = unfold(value);
    let mut out = String::new();
    let mut rest = value.as_slice();
    let mut after_word = false;
    while let Some(at) = find(rest, b"=?") {
        let plain = &rest[..at];
        match encoded_word(&rest[at..]) {
            Some((text, length)) => {
                // White space between two encoded words is not shown (RFC 2047 §6.2).
                if !(after_word && plain.iter().all(u8::is_ascii_whitespace)) {
                    out.push_str(&String::from_utf8_lossy(plain));
                }
                out.push_str(&text);
                rest = &rest[at + length..];
                after_word = true;
            }
            None => {
                out.push_str(&String::from_utf8_lossy(&rest[..at + 2]));
                rest = &rest[at + 2..];
                after_word = false;
            }
        }
    }
    out.push_str(&String::from_utf8_lossy(rest));
    out
}

/// `"=?" charset "?" encoding "?" encoded-text "?="` at the start of `bytes`; how long it is.
fn encoded_word(bytes: &[u8]) -> Option<(String, usize)> {
    let word = &bytes[..bytes.len().min(MAX_ENCODED_WORD)];
    let mut pieces = word.get(2..)?.splitn(3, |b| *b == b'?');
    let (charset, encoding, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let length = find(rest, b"?=")?;
    let text = &rest[..length];
    // RFC 2231 §5: a language may follow the charset after an asterisk.
    let charset = charset.split(|b| *b == b'*').next()?;
    let decoded = match encoding {
        b"B" | b"b" => base64(text),
        b"Q" | b"q" => {
            quoted_printable(&text.iter().map(|b| if *b == b'_' { b' ' } else { *b }).collect::<Vec<_>>())
        }
        _ => return None,
    };
    let total = 2 + word.len() - 2 - rest.len() + length + 2;
    Some((to_text(&decoded, charset), total))
}

fn find(bytes: &[u8], needle: &[u8; 2]) -> Option<usize> {
    bytes.windows(2).position(|w| w == needle)
}

fn base64(text: &[u8]) -> Vec<u8> {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let clean: Vec<u8> = text.iter().copied().filter(alphabet).collect();
    base64_decode(&clean).unwrap_or_default()
}

/// RFC 2045 §6.7, leniently: what is no escape stays as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        if b != b'=' {
            out.push(b);
            continue;
        }
        let digit = |i: usize| text.get(i).and_then(|b| char::from(*b).to_digit(16));
        match (text.get(at), digit(at), digit(at + 1)) {
            (_, Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                at += 2;
            }
            (Some(b'\r'), ..) if text.get(at + 1) == Some(&b'\n') => at += 2,
            (Some(b'\n'), ..) => at += 1,
            _ => out.push(b),
        }
    }
    out
}

/// The body of a leaf with its transfer encoding undone.
pub fn decode_transfer(body: &[u8], encoding: Option<&[u8]>) -> Vec<u8> {
    match encoding.map(<[u8]>::to_ascii_lowercase).as_deref() {
        Some(b"base64") => base64(body),
        Some(b"quoted-printable") => quoted_printable(body),
        _ => body.to_vec(),
    }
}

/// The whole header as text: every field a line, decoded.
pub fn whole_header(header: &[u8]) -> String {
    let mut out = String::new();
    for field in fields(header) {
        let (name, value) = field.trimmed(header);
        out.push_str(&String::from_utf8_lossy(name));
        out.push_str(": ");
        out.push_str(&header_text(value));
        out.push('\n');
    }
    out
}

/// The text of a message: all its text parts decoded, and the headers of messages inside.
pub fn whole_body(message: &[u8], entity: &Entity) -> String {
    let mut out = String::new();
    collect(message, entity, &mut out);
    out
}

fn collect(message: &[u8], entity: &Entity, out: &mut String) {
    match &entity.inner {
        Inner::Multipart(parts) => parts.iter().for_each(|part| collect(message, part, out)),
        Inner::Message(inner) => {
            out.push_str(&whole_header(message.get(inner.header.clone()).unwrap_or_default()));
            collect(message, inner, out);
        }
        Inner::Leaf if entity.content.is("text", None) => {
            let body = message.get(entity.body.clone()).unwrap_or_default();
            let decoded = decode_transfer(body, entity.content.encoding.as_deref());
            out.push_str(&to_text(&decoded, entity.content.parameter("charset").unwrap_or_default()));
            out.push('\n');
        }
        Inner::Leaf => {}
    }
}

/// The values of the fields of that name, decoded.
pub fn header_values(header: &[u8], name: &str) -> Vec<String> {
    fields(header)
        .map(|field| field.trimmed(header))
        .filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| header_text(value))
        .collect()
}

/// The day in the Date field, "disregarding time and timezone" (RFC 9051 §6.4.4: SENTON).
pub fn sent_date(header: &[u8]) -> Option<Date> {
    let value = header_values(header, "Date").into_iter().next()?;
    let date = mail_parser::DateTime::parse_rfc822(&value)?;
    Some(Date { year: date.year, month: date.month, day: date.day })
}
