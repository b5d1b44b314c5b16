//! A letter as its writer sees it → the octets that travel (RFC 5322, MIME: RFC 2045–2047, 2231).
//!
//! Bcc is left out of what is written: it stands in the envelope only (RFC 5322 §3.6.3). The boundary and the
//! Message-ID are drawn from the seed, so that one journey is always the same bytes.

use super::scenario::{Attachment, Letter};
use crate::base::Instant;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write as _;

/// "Each line of characters MUST be no more than 998 characters" (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// Write the message of `letter`. `from` is the From field's value, `unique` makes the Message-ID and boundary.
pub fn message(letter: &Letter, from: &str, at: Instant, unique: &str, domain: &str) -> Vec<u8> {
    let mut out = String::new();
    field(&mut out, "Date", &rfc5322_date(at));
    field(&mut out, "From", &address_list(std::slice::from_ref(&from.to_owned())));
    if !letter.to.is_empty() {
        field(&mut out, "To", &address_list(&letter.to));
    }
    if !letter.cc.is_empty() {
        field(&mut out, "Cc", &address_list(&letter.cc));
    }
    if letter.to.is_empty() && letter.cc.is_empty() {
        // RFC 5322 §3.6.3 and appendix A.1.3: a group without members tells that there are recipients.
        field(&mut out, "To", "undisclosed-recipients:;");
    }
    field(&mut out, "Subject", &encode_words(&letter.subject));
    field(&mut out, "Message-ID", &format!("<{unique}@{domain}>"));
    if !letter.in_reply_to.is_empty() {
        field(&mut out, "In-Reply-To", &letter.in_reply_to);
    }
    if !letter.references.is_empty() {
        field(&mut out, "References", &letter.references.join(" "));
    }
    field(&mut out, "MIME-Version", "1.0");
    if letter.attachments.is_empty() {
        text_part(&mut out, &letter.body);
    } else {
        multipart(&mut out, letter, &format!("=_{unique}"));
    }
    out.into_bytes()
}

fn multipart(out: &mut String, letter: &Letter, boundary: &str) {
    field(out, "Content-Type", &format!("multipart/mixed; boundary=\"{boundary}\""));
    out.push_str("\r\nThis is a message in several parts, in MIME format (RFC 2045).\r\n");
    let _ = write!(out, "--{boundary}\r\n");
    text_part(out, &letter.body);
    for attachment in &letter.attachments {
        let _ = write!(out, "--{boundary}\r\n");
        attachment_part(out, attachment);
    }
    let _ = write!(out, "--{boundary}--\r\n");
}

fn text_part(out: &mut String, body: &str) {
    let body = crlf(body);
    // RFC 2045 §2.7: 7bit data holds no NUL, and CR and LF only as line ends; other controls are better encoded too.
    let is_text = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\t');
    let plain = body.split("\r\n").all(|line| line.len() <= LONGEST_LINE && line.chars().all(is_text));
    let (charset, encoding) = if plain { ("us-ascii", "7bit") } else { ("utf-8", "quoted-printable") };
    field(out, "Content-Type", &format!("text/plain; charset={charset}"));
    field(out, "Content-Transfer-Encoding", encoding);
    out.push_str("\r\n");
    out.push_str(&if plain { body } else { quoted_printable(&body) });
}

fn attachment_part(out: &mut String, attachment: &Attachment) {
    field(out, "Content-Type", &attachment.media_type);
    field(out, "Content-Transfer-Encoding", "base64");
    field(out, "Content-Disposition", &format!("attachment; {}", file_name(&attachment.name)));
    out.push_str("\r\n");
    let made_up = (attachment.octets > 0).then(|| BASE64.encode(made_up(attachment.octets)));
    let base64 = made_up.as_deref().unwrap_or(&attachment.base64);
    let encoded: Vec<char> = base64.chars().filter(|c| !c.is_whitespace()).collect();
    // "The encoded output stream must be represented in lines of no more than 76 characters" (RFC 2045 §6.8).
    for line in encoded.chunks(76) {
        out.extend(line);
        out.push_str("\r\n");
    }
}

/// Content that nobody wrote: the same octets for the same length, at most 64 MiB.
fn made_up(octets: u64) -> Vec<u8> {
    let length = usize::try_from(octets.min(64 << 20)).unwrap_or_default();
    let mut random = fastrand::Rng::with_seed(octets);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// The filename parameter: quoted where ASCII, else extended (RFC 2231 §4).
fn file_name(name: &str) -> String {
    if name.is_ascii() && !name.contains(|c: char| c.is_control()) {
        return format!("filename=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut encoded = String::from("filename*=utf-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// One header field, folded at spaces before column 78 where it can be (RFC 5322 §2.1.1, §2.2.3).
pub fn field(out: &mut String, name: &str, value: &str) {
    let mut column = name.len() + 1;
    let _ = write!(out, "{name}:");
    for word in value.split(' ').filter(|w| !w.is_empty()) {
        if column + 1 + word.len() > 78 && column > name.len() + 1 {
            out.push_str("\r\n");
            column = 0;
        }
        let _ = write!(out, " {word}");
        column += 1 + word.len();
    }
    out.push_str("\r\n");
}

/// Text with every line end made CR LF, and one at its end.
pub fn crlf(text: &str) -> String {
    let mut out: String = text.lines().flat_map(|line| [line.trim_end_matches('\r'), "\r\n"]).collect();
    if out.is_empty() {
        out.push_str("\r\n");
    }
    out
}

/// Unstructured text for a header: as it is where printable ASCII, else encoded-words (RFC 2047 §2, §5).
pub fn encode_words(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_ascii() {
        return text;
    }
    let mut words: Vec<String> = Vec::new();
    let mut chunk = String::new();
    for c in text.chars() {
        // "each line of a header field that contains one or more 'encoded-word's is limited to 76 characters": 39
        // octets are 52 in base64, 12 stand around them, and "Subject: " may stand in front.
        if chunk.len() + c.len_utf8() > 39 {
            words.push(std::mem::take(&mut chunk));
        }
        chunk.push(c);
    }
    words.push(chunk);
    let words: Vec<String> = words.iter().map(|w| format!("=?utf-8?B?{}?=", BASE64.encode(w))).collect();
    words.join(" ")
}

/// Addresses for a header field: the display names encoded where they must be.
fn address_list(addresses: &[String]) -> String {
    let written: Vec<String> = addresses.iter().map(|address| written_address(address)).collect();
    written.join(", ")
}

fn written_address(address: &str) -> String {
    match address.rsplit_once('<') {
        Some((name, rest)) if !name.trim().is_empty() => {
            let name = name.trim().trim_matches('"');
            let atoms = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
            let name = match (name.is_ascii(), name.chars().all(atoms)) {
                (true, true) => name.to_owned(),
                (true, false) => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
                (false, _) => encode_words(name),
            };
            format!("{name} <{rest}")
        }
        _ => address.to_owned(),
    }
}

/// The bare address of `Name <user@domain>` or `user@domain`.
pub fn bare_address(address: &str) -> &str {
    match address.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>'),
        None => address.trim(),
    }
}

/// Quoted-printable (RFC 2045 §6.7) of text whose lines end in CR LF.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        let mut column = 0;
        for (i, byte) in line.bytes().enumerate() {
            let last = i + 1 == line.len();
            let plain = matches!(byte, 33..=60 | 62..=126) || (matches!(byte, b' ' | b'\t') && !last);
            let width = if plain { 1 } else { 3 };
            if column + width > 75 {
                out.push_str("=\r\n");
                column = 0;
            }
            if plain {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "={byte:02X}");
            }
            column += width;
        }
        out.push_str("\r\n");
    }
    out
}

/// `Mon, 5 Jan 2026 09:00:00 +0000` (RFC 5322 §3.3).
pub fn rfc5322_date(at: Instant) -> String {
    jiff::Timestamp::from_microsecond(at.as_micros())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%a, %-d %b %Y %H:%M:%S +0000")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            to: vec!["Bob <bob@example.net>".to_owned()],
            bcc: vec!["carol@example.com".to_owned()],
            subject: "Grüße".to_owned(),
            body: "Hello Bob\n.dot\n".to_owned(),
            ..Letter::default()
        }
    }

    #[test]
    fn others_read_what_we_write_and_find_no_bcc() {
        let mut letter = letter();
        letter.attachments.push(Attachment {
            name: "größe.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            base64: BASE64.encode("enclosed"),
            octets: 0,
        });
        let at = Instant::from_secs(1_767_603_600);
        let bytes = message(&letter, "Alice <alice@example.com>", at, "u1", "example.com");
        let text = String::from_utf8(bytes.clone()).expect("headers are ASCII");
        assert!(text.starts_with("Date: Mon, 5 Jan 2026 09:00:00 +0000\r\n"), "{text}");
        assert!(!text.contains("carol"), "Bcc is for the envelope only");
        assert!(text.replace("\r\n", "").find(['\r', '\n']).is_none(), "every line ends in CR LF");
        let read = mail_parser::MessageParser::default().parse(&bytes).expect("a message");
        assert_eq!(read.subject(), Some("Grüße"));
        assert_eq!(read.body_text(0).as_deref(), Some("Hello Bob\r\n.dot"));
        let attached = read.attachment(0).expect("an attachment");
        assert_eq!(attached.contents(), b"enclosed");
        assert_eq!(mail_parser::MimeHeaders::attachment_name(attached), Some("größe.txt"));
    }

    #[test]
    fn quoted_printable_keeps_lines_short_and_ends_visible() {
        let text = format!("{}é \r\nend\r\n", "x".repeat(100));
        let encoded = quoted_printable(&text);
        assert!(encoded.split("\r\n").all(|line| line.len() <= 76));
        assert!(encoded.contains("=C3=A9=20\r\nend\r\n"), "{encoded}");
    }
}
