//! Domain names as they stand in messages: labels, and pointers to labels that came before (RFC 1035 §4.1.4).

use crate::base::{Finding, Part, Span};
use std::fmt::Write as _;

/// "names 255 octets or less", with every length octet (RFC 1035 §2.3.4).
const LONGEST: usize = 255;

/// A name that was read.
pub(super) struct ReadName {
    /// As people write it, without the dot at its end; the root is `.`.
    pub text: String,
    /// The bytes that it takes where it stands, with its labels and pointer as parts.
    pub part: Part,
}

/// Why a name could not be read to its end, and where.
pub(super) type NameError = Finding;

/// Read the name at `start` of `message`; `end` bounds the bytes it may take where it stands.
///
/// A pointer leads to a name that stood before: each one must lead further back than the labels it stands behind, so the
/// walk ends.
pub(super) fn read(
    message: &[u8],
    start: usize,
    end: usize,
    field: &'static str,
) -> Result<ReadName, NameError> {
    let mut text = String::new();
    let mut parts = Vec::new();
    // Where the walk is, where the run of labels it is in began, and how long the name is by now.
    let (mut at, mut run, mut octets) = (start, start, 0);
    // The end of what stands here, once a pointer has led away from it.
    let mut left_at = None;
    loop {
        let limit = if left_at.is_none() { end } else { message.len() };
        let Some(&length) = message.get(at).filter(|_| at < limit) else {
            return Err(cut(at, limit, "a name"));
        };
        match length {
            0 => {
                at += 1;
                break;
            }
            1..=63 => {
                let (first, last) = (at + 1, at + 1 + usize::from(length));
                let Some(label) = message.get(first..last).filter(|_| last <= limit) else {
                    return Err(cut(at, limit, "a label"));
                };
                octets += label.len() + 1;
                if octets + 1 > LONGEST {
                    let span = Span::new(start, left_at.unwrap_or(last));
                    return Err(Finding::error(
                        "dns-name-too-long",
                        span,
                        "a name has at most 255 octets, and this one is longer",
                    ));
                }
                push_label(&mut text, label);
                if left_at.is_none() {
                    parts.push(Part::leaf("label", Span::new(at, last)));
                }
                at = last;
            }
            0xC0.. => {
                let Some(&low) = message.get(at + 1).filter(|_| at + 1 < limit) else {
                    return Err(cut(at, limit, "a pointer"));
                };
                let target = (usize::from(length & 0x3F) << 8) | usize::from(low);
                if target >= run {
                    let span = Span::new(at.min(left_at.unwrap_or(at)), left_at.unwrap_or(at + 2));
                    let detail = format!(
                        "a pointer leads back to an earlier name, and this one leads to octet {target}"
                    );
                    return Err(Finding::error("dns-pointer", span, detail));
                }
                if left_at.is_none() {
                    parts.push(Part::leaf("pointer", Span::new(at, at + 2)));
                    left_at = Some(at + 2);
                }
                (at, run) = (target, target);
            }
            _ => {
                let span = Span::new(at, at + 1);
                return Err(Finding::error(
                    "dns-label-type",
                    span,
                    "a label begins with 00 or 11 in its first bits; 01 and 10 are reserved",
                ));
            }
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    let span = Span::new(start, left_at.unwrap_or(at));
    Ok(ReadName { text, part: Part::node(field, span, parts) })
}

fn cut(at: usize, limit: usize, what: &str) -> NameError {
    let detail = format!("{what} begins here, and the bytes end before it does");
    Finding::error("dns-short", Span::new(at.min(limit), limit), detail)
}

/// A label in the text form of RFC 1035 §5.1: `\.` and `\\`, and `\DDD` for what cannot be printed.
fn push_label(text: &mut String, label: &[u8]) {
    if !text.is_empty() {
        text.push('.');
    }
    for &byte in label {
        match byte {
            b'.' | b'\\' | b'"' | b';' | b'@' | b'$' | b'(' | b')' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x21..=0x7E => text.push(char::from(byte)),
            other => {
                let _ = write!(text, "\\{other:03}");
            }
        }
    }
}
