//! What the notes on the DNS say only here: which name was asked for, which MX is tried first, whether an empty
//! answer is "no such records" or "no mail here" (RFC 5321 §5.1, RFC 2308 §2, RFC 7505 §3).
//!
//! Places come from the Step's parts; names are read from its bytes, because they may be compressed.

use super::context::Extra;
use super::facts;
use super::template::Vars;
use crate::base::{Part, Span, escape};
use crate::dissect::{Kind, Step};
use std::time::Duration;

/// How many labels and pointers of a name are followed; a name has at most 127 labels (RFC 1035 §3.1).
const MAX_LABELS: usize = 128;

/// An MX record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mx {
    preference: u64,
    exchange: String,
}

/// What is special about an answer without an error: `NULL-MX`, `NODATA`, `TRUNCATED`.
pub(super) fn outcome(step: &Step) -> Option<&'static str> {
    let flags = *step.bytes.get(2)?;
    let count = u16::from_be_bytes([*step.bytes.get(6)?, *step.bytes.get(7)?]);
    if flags & 0b10 != 0 {
        return Some("TRUNCATED");
    }
    if count == 0 {
        return Some("NODATA");
    }
    let all = exchanges(step);
    (all.len() == 1 && all[0].exchange == "." && all[0].preference == 0).then_some("NULL-MX")
}

/// The name that a message asks for, in lower case (RFC 1035 §4.1.2).
pub(super) fn question(step: &Step) -> Option<String> {
    let name = name(&step.bytes, 12)?;
    (name != ".").then(|| name.to_ascii_lowercase())
}

/// Say what the message means here.
pub(super) fn context(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    if !matches!(step.kind, Kind::Query | Kind::Answer) {
        return;
    }
    if let Some(name) = question(step) {
        vars.set("domain", name);
    }
    if !step.verb.is_empty() {
        vars.set("type", &step.verb);
    }
    if step.kind == Kind::Query || outcome(step).is_some() {
        return;
    }
    preferences(step, vars, extra);
    texts(step, vars, extra);
    if let Some(ttl) = part(step, "answer").and_then(|answer| answer.find("ttl")) {
        vars.set("wait", facts::duration(Duration::from_secs(number(step, ttl.span))));
        extra.say("ttl", vars);
    }
}

/// "MX records contain a preference indication that MUST be used in sorting … Lower numbers are more preferred than
/// higher ones" (RFC 5321 §5.1).
fn preferences(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let mut all = exchanges(step);
    all.sort_by_key(|mx| mx.preference);
    let Some(first) = all.first() else { return };
    vars.set("name", &first.exchange).count("number", first.preference);
    if all.iter().filter(|mx| mx.preference == first.preference).count() > 1 {
        extra.say("mx-share", vars);
    } else if all.len() > 1 {
        extra.say("mx-winner", vars);
        extra.say("mx-next", vars);
    }
}

/// What a TXT record is for tells by how it begins (RFC 7208 §4.5, RFC 6376 §3.6.1, RFC 7489 §6.3).
fn texts(step: &Step, vars: &Vars, extra: &mut Extra) {
    let has = |text: &[u8]| step.bytes.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text));
    for (begins, key) in [(&b"v=spf1"[..], "txt-spf"), (b"v=DKIM1", "txt-dkim"), (b"v=DMARC1", "txt-dmarc")] {
        if step.verb == "TXT" && has(begins) {
            extra.say(key, vars);
        }
    }
}

fn exchanges(step: &Step) -> Vec<Mx> {
    let answers = step.parts.iter().flat_map(answers);
    let read = |answer: &Part| {
        let preference = number(step, answer.find("preference")?.span);
        let exchange = name(&step.bytes, answer.find("exchange")?.span.start)?;
        Some(Mx { preference, exchange })
    };
    answers.filter_map(read).collect()
}

/// The records of the answer section, wherever they stand in the tree.
fn answers(part: &Part) -> Vec<&Part> {
    if part.name == "answer" { vec![part] } else { part.parts.iter().flat_map(answers).collect() }
}

fn part<'a>(step: &'a Step, name: &str) -> Option<&'a Part> {
    step.parts.iter().find_map(|p| p.find(name))
}

fn number(step: &Step, span: Span) -> u64 {
    span.of(&step.bytes).iter().take(8).fold(0, |n, &b| n << 8 | u64::from(b))
}

/// The name at an offset, following pointers backwards only (RFC 1035 §4.1.4); `.` for the root.
fn name(message: &[u8], mut at: usize) -> Option<String> {
    let mut labels = Vec::new();
    for _ in 0..MAX_LABELS {
        let length = usize::from(*message.get(at)?);
        match length {
            0 if labels.is_empty() => return Some(".".to_owned()),
            0 => return Some(labels.join(".")),
            1..=63 => {
                labels.push(escape::line(message.get(at + 1..at + 1 + length)?));
                at += 1 + length;
            }
            192.. => {
                let target = (length & 63) << 8 | usize::from(*message.get(at + 1)?);
                at = if target < at { target } else { return None };
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::step;
    use super::super::{Explainer, Note};
    use super::*;
    use crate::dissect::Protocol;

    /// An answer to `example.net MX` with these records, and the parts that the dissector gives them.
    fn answer(records: &[(u16, &str)]) -> Step {
        let mut step = step(Protocol::Dns, Kind::Answer, "MX", "NOERROR");
        let count = u8::try_from(records.len()).unwrap();
        step.bytes = vec![0, 1, 0x85, 0x80, 0, 1, 0, count, 0, 0, 0, 0];
        step.bytes.extend_from_slice(b"\x07example\x03net\0\0\x0f\0\x01");
        for (preference, label) in records {
            let start = step.bytes.len();
            step.bytes.extend_from_slice(b"\xc0\x0c\0\x0f\0\x01\0\0\x0e\x10\0\0");
            let mut parts = vec![Part::leaf("ttl", Span::new(start + 6, start + 10))];
            let at = step.bytes.len();
            step.bytes.extend_from_slice(&preference.to_be_bytes());
            parts.push(Part::leaf("preference", Span::new(at, at + 2)));
            if label.is_empty() {
                step.bytes.push(0);
            } else {
                step.bytes.push(u8::try_from(label.len()).unwrap());
                step.bytes.extend_from_slice(label.as_bytes());
                step.bytes.extend_from_slice(b"\xc0\x0c");
            }
            let end = step.bytes.len();
            parts.push(Part::leaf("exchange", Span::new(at + 2, end)));
            step.parts.push(Part::node("answer", Span::new(start, end), parts));
        }
        step
    }

    fn note(step: &Step) -> Note {
        Explainer::default().note(step)
    }

    #[test]
    fn the_lowest_preference_is_named_first() {
        let note = note(&answer(&[(20, "mx2"), (10, "mx1")]));
        assert_eq!(note.id, "dns.answer.MX");
        assert!(note.summary.contains("example.net"), "{}", note.summary);
        assert!(note.detail.contains("mx1.example.net, with 10"), "{}", note.detail);
        assert!(note.detail.contains("60 minutes"), "{}", note.detail);
    }

    #[test]
    fn an_empty_answer_and_a_null_mx_are_told_apart() {
        assert_eq!(note(&answer(&[])).id, "dns.NODATA");
        assert_eq!(note(&answer(&[(0, "")])).id, "dns.NULL-MX");
        assert_eq!(note(&answer(&[(10, "")])).id, "dns.answer.MX", "10 and a dot is no null MX");
    }

    #[test]
    fn pointers_that_lead_nowhere_end() {
        for bytes in [&b"\xc0\x00"[..], b"\xc0\x05", b"\x80", b"\x03ab", b""] {
            assert_eq!(name(bytes, 0), None);
        }
    }
}
