//! Modified UTF-7: how rev1 writes mailbox names that are not plain ASCII (RFC 3501 §5.1.3).
//!
//! "&" begins a stretch of UTF-16 in base64 ("," for "/", no padding), "-" ends it, "&-" is "&" itself. Each name has
//! one spelling only: "Modified BASE64 MUST NOT be used to represent any printing US-ASCII character which can
//! represent itself". So decoding is strict, or two spellings would name two mailboxes.

use std::fmt;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Why a name is not modified UTF-7, and at which octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName {
    /// Offset of the octet.
    pub at: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.why, self.at)
    }
}

/// The name in UTF-8.
pub fn decode(name: &[u8]) -> Result<String, BadName> {
    decoded(name, true)
}

/// The same, where what could stand as it is may be written in base64 too: so folders on disks spell a `.`
/// that parts no levels (Courier and others write `&AC4-`).
pub fn decode_folder(name: &[u8]) -> Result<String, BadName> {
    decoded(name, false)
}

fn decoded(name: &[u8], strict: bool) -> Result<String, BadName> {
    let mut out = String::with_capacity(name.len());
    let mut at = 0;
    let mut shift_ended = false;
    while let Some(&byte) = name.get(at) {
        match byte {
            b'&' if name.get(at + 1) == Some(&b'-') => {
                out.push('&');
                at += 2;
                shift_ended = false;
            }
            b'&' if shift_ended => return Err(BadName { at, why: "a shift right behind a shift" }),
            b'&' => {
                at = shifted(name, at, strict, &mut out)?;
                shift_ended = true;
            }
            0x20..=0x7e => {
                out.push(char::from(byte));
                at += 1;
                shift_ended = false;
            }
            _ => return Err(BadName { at, why: "not a printable ASCII character" }),
        }
    }
    Ok(out)
}

/// Reads the stretch whose `&` stands at `start`; gives the offset behind its `-`.
fn shifted(name: &[u8], start: usize, strict: bool, out: &mut String) -> Result<usize, BadName> {
    let rest = name.get(start + 1..).unwrap_or_default();
    let Some(len) = rest.iter().position(|&b| b == b'-') else {
        return Err(BadName { at: start, why: "a shift without its end '-'" });
    };
    let mut units = Vec::with_capacity(len / 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for (i, byte) in rest.iter().take(len).enumerate() {
        let Some(value) = ALPHABET.iter().position(|a| a == byte) else {
            return Err(BadName { at: start + 1 + i, why: "not a character of modified base64" });
        };
        bits = (bits << 6) | u32::try_from(value).unwrap_or(0);
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from((bits >> held) & 0xffff).unwrap_or(0));
            bits &= (1 << held) - 1;
        }
    }
    if held >= 6 || bits != 0 {
        return Err(BadName { at: start, why: "base64 that does not end on a whole character" });
    }
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(' '..='~') if strict => {
                return Err(BadName { at: start, why: "an ASCII character written in base64" });
            }
            Ok(c) => out.push(c),
            Err(_) => return Err(BadName { at: start, why: "half of a surrogate pair" }),
        }
    }
    Ok(start + 1 + len + 1)
}

/// The name as modified UTF-7.
pub fn encode(name: &str) -> String {
    encode_folder(name, |_| true)
}

/// The same, with those printable ASCII characters in base64 too that are not `plain`; see [`decode_folder`].
pub fn encode_folder(name: &str, plain: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(name.len());
    let mut waiting: Vec<u16> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) && plain(c) {
            flush(&mut waiting, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            waiting.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut waiting, &mut out);
    out
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    if units.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0u32, 0u32);
    for unit in units.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            push_sextet(out, bits >> held);
            bits &= (1 << held) - 1;
        }
    }
    if held > 0 {
        push_sextet(out, bits << (6 - held));
    }
    out.push('-');
}

fn push_sextet(out: &mut String, value: u32) {
    let index = usize::try_from(value & 63).unwrap_or(0);
    out.push(ALPHABET.get(index).copied().map_or('A', char::from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_read_and_print() {
        // RFC 3501 §5.1.3.
        for (wire, name) in [
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("&Jjo-!", "☺!"),
            ("Tom &- Jerry", "Tom & Jerry"),
            ("INBOX", "INBOX"),
        ] {
            assert_eq!(decode(wire.as_bytes()), Ok(name.to_owned()));
            assert_eq!(encode(name), wire);
        }
    }

    #[test]
    fn a_second_spelling_of_a_name_is_refused() {
        // RFC 3501 §5.1.3: "&U,BTFw-&ZeVnLIqe-" is not permitted (superfluous shift), nor is "&Jjo!".
        for wire in
            ["&U,BTFw-&ZeVnLIqe-", "&Jjo!", "&AGE-", "&2D0-", "&A", "&Jj*-", "\u{e9}", "&Jjp-", "&JjoA-"]
        {
            assert!(decode(wire.as_bytes()).is_err(), "{wire}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn every_name_comes_back(name in "\\PC{0,20}") {
            proptest::prop_assert_eq!(decode(encode(&name).as_bytes()), Ok(name));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Ok(name) = decode(&bytes) {
                proptest::prop_assert_eq!(encode(&name).into_bytes(), bytes);
            }
        }
    }
}
