//! The letter inside the envelope: what the fields of its header mean (RFC 5322 §3.6, RFC 2045), whether its From
//! is the envelope's sender, and which dots were doubled (RFC 5321 §4.5.2).

use super::catalogue::catalogue;
use super::context::Extra;
use super::smtp::counted;
use super::template::Vars;
use crate::base::{Part, Span, escape};
use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step};

/// How many octets of a letter are looked through for its header.
const MAX_HEADER: usize = 100 * 1024;
/// How many header fields get a note.
const MAX_FIELDS: usize = 100;

/// A header field: its name, and where it stands with its folded lines, without the last line's end.
struct Field<'a> {
    name: &'a [u8],
    body: &'a [u8],
    span: Span,
}

/// Explain the letter in a block of data, or in a reply that carries one.
pub(super) fn context(step: &Step, sender: Option<&str>, vars: &mut Vars, extra: &mut Extra) {
    vars.count("size", octets(step));
    if step.verb == "BDAT" && !step.bytes.windows(2).take(MAX_HEADER).any(|w| w == b": ") {
        return;
    }
    let fields = fields(step);
    let mut received = 0;
    for field in &fields {
        let name = escape::shown(field.name);
        if field.name.eq_ignore_ascii_case(b"Received") {
            received += 1;
        }
        let body = escape::shown(field.body.trim_ascii());
        let number = received.to_string();
        let values = [("name", &*name), ("this", &*body), ("number", &*number)];
        extra.part("header-field", field.span, vars.fill_with(field_text(&name), &values));
    }
    if step.protocol == Protocol::Imap {
        // IMAP's grammar has a `body` of its own: the one in a BODYSTRUCTURE.
        for body in step.parts.iter().filter_map(|p| p.find("message")?.find("body")) {
            let text = catalogue().part("", "body", "").unwrap_or_default();
            extra.part("body", body.span, text);
        }
    }
    if received > 0 {
        vars.set("count", counted(received, "Received: line", "Received: lines"));
        extra.say("received-lines", vars);
    }
    if step.protocol == Protocol::Smtp {
        compare_with_envelope(&fields, sender, vars, extra);
    }
    let stuffed = doubled_dots(step);
    if stuffed > 0 {
        vars.set("count", counted(stuffed, "line", "lines"));
        extra.say("dots-doubled", vars);
    }
}

/// How many octets header and body have: without the last dot's line and the dots that were doubled, so that the
/// number is the one that SIZE announces (RFC 1870 §5: "including CR-LF pairs, but not the SMTP DATA
/// command's terminating dot or doubled quoting dots").
fn octets(step: &Step) -> u64 {
    if let Meaning::Smtp(SmtpMeaning::Message(seen)) = &step.meaning {
        return seen.octets;
    }
    let all = step.bytes.len() as u64;
    let ends_with_a_dot = step.protocol == Protocol::Smtp
        && step.verb != "BDAT"
        && (step.bytes.ends_with(b"\r\n.\r\n") || step.bytes == b".\r\n");
    all - if ends_with_a_dot { 3 } else { 0 } - doubled_dots(step)
}

/// In how many lines a leading dot was doubled (RFC 5321 §4.5.2; RFC 1939 §3 says the same for POP3).
fn doubled_dots(step: &Step) -> u64 {
    if step.verb == "BDAT" || step.protocol == Protocol::Imap {
        return 0;
    }
    let inside = step.bytes.windows(4).filter(|w| w.starts_with(b"\r\n..")).count();
    inside as u64 + u64::from(step.bytes.starts_with(b".."))
}

/// The header's fields: those that the dissector found, or else those at the beginning of the bytes.
fn fields(step: &Step) -> Vec<Field<'_>> {
    let mut spans = Vec::new();
    let mut waiting: Vec<&Part> = step.parts.iter().rev().collect();
    while let Some(part) = waiting.pop() {
        if part.name == "header-field" {
            spans.push(part.span);
        } else {
            waiting.extend(part.parts.iter().rev());
        }
    }
    if spans.is_empty() && step.kind == Kind::Data {
        return header(&step.bytes);
    }
    spans.into_iter().take(MAX_FIELDS).filter_map(|span| field(&step.bytes, span)).collect()
}

fn field(bytes: &[u8], span: Span) -> Option<Field<'_>> {
    let text = span.of(bytes);
    let colon = text.iter().position(|&b| b == b':')?;
    Some(Field { name: text[..colon].trim_ascii(), body: text[colon + 1..].trim_ascii(), span })
}

/// Whether a Step carries a letter, or a part of one.
pub(super) fn is_in(step: &Step) -> bool {
    let mail = matches!(step.protocol, Protocol::Smtp | Protocol::Pop3 | Protocol::Imap);
    mail && (step.kind == Kind::Data || step.parts.iter().any(|p| p.find("header-field").is_some()))
}

/// What a header field of this name and body means, in one line, for whoever shows a message by itself.
pub fn field_meaning(name: &str, body: &str) -> String {
    let mut vars = Vars::default();
    vars.set("name", escape::text(name)).set("this", escape::text(body));
    vars.fill(field_text(name)).into_owned()
}

/// What a tag of a signature field means, as in `d` of `DKIM-Signature`; `None` where nothing is known of it.
pub fn tag_meaning(field: &str, tag: &str) -> Option<&'static str> {
    catalogue().field(field)?.parts.get(tag).map(String::as_str)
}

/// What the catalogue says about a field: `message.Subject`, whatever case it is written in.
fn field_text(name: &str) -> &'static str {
    let entry = catalogue().field(name);
    let resent = name.get(..7).is_some_and(|p| p.eq_ignore_ascii_case("Resent-"));
    let list = name.get(..5).is_some_and(|p| p.eq_ignore_ascii_case("List-"));
    match entry {
        Some(entry) => &entry.summary,
        None if resent => catalogue().sentence("resent-field"),
        None if list => catalogue().sentence("list-field"),
        None => catalogue().sentence("unknown-field"),
    }
}

/// The envelope "and the header have no inherent relationship" (RFC 5321 §2.3.1, §7.2): say so where they differ.
fn compare_with_envelope(fields: &[Field], sender: Option<&str>, vars: &mut Vars, extra: &mut Extra) {
    let Some(sender) = sender else { return };
    let Some(from) = fields.iter().find(|f| f.name.eq_ignore_ascii_case(b"From")) else { return };
    let body = escape::line(from.body);
    vars.set("this", body.trim());
    if sender.is_empty() {
        extra.say("from-of-a-null-sender", vars);
    } else if !body.to_ascii_lowercase().contains(&sender.to_ascii_lowercase()) {
        extra.say("from-differs", vars);
    }
}

/// The fields of the header, up to the first empty line.
fn header(bytes: &[u8]) -> Vec<Field<'_>> {
    let bytes = &bytes[..bytes.len().min(MAX_HEADER)];
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let (start, text) = (at, line.trim_ascii_end());
        at += line.len();
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if text.is_empty() || fields.len() >= MAX_FIELDS {
            break;
        }
        if folded {
            if let Some(last) = fields.last_mut() {
                last.span.end = start + text.len();
            }
            continue;
        }
        let Some(colon) = text.iter().position(|&b| b == b':') else { break };
        let name = text[..colon].trim_ascii();
        // "printable US-ASCII characters except colon and space" (RFC 5322 §2.2)
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            break;
        }
        fields.push(Field { name, body: &text[colon + 1..], span: Span::new(start, start + text.len()) });
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::Explainer;
    use super::super::testing::smtp;
    use crate::base::{Finding, Span};

    #[test]
    fn only_header_and_body_are_counted() {
        let note = Explainer::default().note(&smtp("C: Subject: Hi||text|..dot|.", "."));
        // "Subject: Hi", an empty line, "text", ".dot", each with its CR LF.
        assert!(note.summary.contains(" 27 octets"), "{}", note.summary);
    }

    #[test]
    fn a_letter_that_was_cut_off_has_no_end() {
        let mut step = smtp("C: Subject: Hi||te", ".");
        step.findings.push(Finding::error("message-cut-short", Span::new(0, 0), "no lone dot came"));
        let note = Explainer::default().note(&step);
        assert_eq!(note.id, "smtp.message.cut-short");
        assert!(!note.summary.contains("ended by"), "{}", note.summary);
    }
}
