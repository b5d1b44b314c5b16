//! What a DNS message's parts say, one line for each with its value: a message has a few dozen parts, and most of them
//! only say how the others are written (RFC 1035 §4.1; EDNS: RFC 6891 §6.1).

use super::catalogue::catalogue;
use super::context::Extra;
use super::template::Vars;
use crate::base::{Part, Span};
use crate::dissect::dns::{DnsMeaning, Row};
use crate::dissect::{Kind, Step};
use std::borrow::Cow;

/// How many records of a section get a line.
const MAX_ROWS: usize = 50;

/// One line for the header's number, its flags, its counts, the question, each record, and EDNS.
pub(super) fn compact(step: &Step, dns: &DnsMeaning, extra: &mut Extra) {
    let mut rows = [dns.answers.iter(), dns.authorities.iter(), dns.additionals.iter()];
    let mut told = 0;
    for part in &step.parts {
        let section = match part.name {
            "answer" => 0,
            "authority" => 1,
            "additional" => 2,
            name => {
                match name {
                    "header" => header(step, part, dns, extra),
                    "question" => question(step, part, dns, extra),
                    "opt" => opt(step, part, extra),
                    _ => {}
                }
                continue;
            }
        };
        told += 1;
        if let Some(row) = rows[section].next().filter(|_| told <= MAX_ROWS) {
            extra.part(part.name, part.span, record(row));
        }
    }
}

fn say(key: &str, values: &[(&str, &str)]) -> Cow<'static, str> {
    Vars::default().fill_with(catalogue().sentence(key), values)
}

/// The number that is written in these octets.
fn number(step: &Step, span: Span) -> u64 {
    span.of(&step.bytes).iter().take(8).fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

fn header(step: &Step, header: &Part, dns: &DnsMeaning, extra: &mut Extra) {
    if let Some(id) = header.find("id") {
        extra.part("id", id.span, say("dns-id", &[("this", &format!("{:#06x}", dns.id))]));
    }
    if let Some(flags) = header.find("flags") {
        let mut words: Vec<Cow<'static, str>> = Vec::new();
        for flag in flags.parts.iter().filter(|flag| flag.name != "rcode") {
            words.push(Vars::default().fill(catalogue().sentence_joined(&["dns-flag-", flag.name])));
        }
        if step.kind == Kind::Answer && !dns.rcode.is_empty() {
            words.push(say("dns-flag-rcode", &[("code", &dns.rcode)]));
        }
        words.retain(|word| !word.is_empty());
        extra.part("flags", flags.span, words.join("; "));
    }
    let counts: Vec<(&Part, u64)> = ["qdcount", "ancount", "nscount", "arcount"]
        .into_iter()
        .filter_map(|name| header.find(name))
        .map(|part| (part, number(step, part.span)))
        .collect();
    if let [(first, questions), (_, answers), (_, authorities), (last, additionals)] = counts[..] {
        let span = Span::new(first.span.start, last.span.end);
        let plural = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let text = [
            plural(questions, "question", "questions"),
            plural(answers, "answer", "answers"),
            plural(authorities, "authority record", "authority records"),
            plural(additionals, "additional record", "additional records"),
        ];
        extra.part("counts", span, text.join(", "));
    }
}

fn question(step: &Step, part: &Part, dns: &DnsMeaning, extra: &mut Extra) {
    let class = part.find("qclass").map_or(1, |class| number(step, class.span));
    let class = if class == 1 { "IN".to_owned() } else { format!("class {class}") };
    let values = [("domain", &*dns.qname), ("type", &*dns.qtype), ("this", &*class)];
    extra.part("question", part.span, say("dns-question", &values));
}

fn record(row: &Row) -> Cow<'static, str> {
    let (name, ttl) = (&*row.name, row.ttl.to_string());
    say("dns-record", &[("name", name), ("type", &row.rtype), ("this", &row.data), ("number", &ttl)])
}

fn opt(step: &Step, part: &Part, extra: &mut Extra) {
    let value = |name| part.find(name).map_or(0, |p: &Part| number(step, p.span)).to_string();
    let values = [("number", &*value("version")), ("size", &*value("udp-payload"))];
    extra.part("opt", part.span, say("dns-edns", &values));
}

#[cfg(test)]
mod tests {
    use super::super::Explainer;
    use super::super::testing::step;
    use crate::dissect::dns::DnsReader;
    use crate::dissect::{Kind, Protocol, Reader};
    use crate::trace::Direction;

    #[test]
    fn each_part_has_one_line_with_its_value() {
        // A question for example.net MX with the number 0x1234, recursion desired, and EDNS with 1232 octets.
        let mut bytes = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
        bytes.extend(b"\x07example\x03net\x00\x00\x0f\x00\x01");
        bytes.extend(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00");
        let piece = DnsReader::new(false).read(Direction::Client, &bytes, true).unwrap();
        let mut query = step(Protocol::Dns, Kind::Query, &piece.verb, "");
        (query.bytes, query.parts, query.meaning) = (bytes, piece.parts, piece.meaning);
        let note = Explainer::default().note(&query);
        let lines: Vec<String> = note.parts.iter().map(|p| format!("{} {}", p.name, p.text)).collect();
        assert!(lines.len() <= 6, "{lines:#?}");
        for want in ["0x1234", "recursion desired", "1 question, 0 answers", "example.net MX IN", "1232"] {
            assert!(lines.iter().any(|line| line.contains(want)), "{want}: {lines:#?}");
        }
    }
}
