//! The walk itself: header, questions, records, to the last byte that can be read.

use super::{Data, Header, Message, Question, Record, Walk, data, name};
use crate::base::{Finding, Part, Span};

/// Octets of the header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// TYPE of the OPT pseudo-record (RFC 6891 §6.1.1).
const OPT: u16 = 41;

/// Walk over a message's bytes. Any bytes will do; what is not as RFC 1035 §4 has it becomes a finding.
pub fn walk(bytes: &[u8]) -> Walk {
    let mut walker = Walker { bytes, at: 0, parts: Vec::new(), findings: Vec::new() };
    let message = walker.message();
    Walk { message, parts: walker.parts, findings: walker.findings }
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    parts: Vec<Part>,
    findings: Vec<Finding>,
}

impl Walker<'_> {
    fn message(&mut self) -> Option<Message> {
        let header = self.header()?;
        let mut message = Message { header, ..Message::default() };
        let [questions, answers, authorities, additionals] = header.counts;
        let whole = self.questions(questions, &mut message.questions)
            && self.records(answers, "answer", &mut message.answers)
            && self.records(authorities, "authority", &mut message.authorities)
            && self.records(additionals, "additional", &mut message.additionals);
        if let Some(opt) = message.additionals.iter().find(|record| record.rtype == OPT) {
            // "Forms the upper 8 bits of extended 12-bit RCODE" (RFC 6891 §6.1.3).
            message.header.rcode |= u16::try_from(opt.ttl >> 24).unwrap_or(0) << 4;
        }
        if whole && self.at < self.bytes.len() {
            let span = Span::new(self.at, self.bytes.len());
            let detail = format!("the message ends here, and {} octets follow", span.len());
            self.findings.push(Finding::warning("dns-trailing-bytes", span, detail));
            self.parts.push(Part::leaf("trailing", span));
        }
        Some(message)
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes([*self.bytes.get(at)?, *self.bytes.get(at + 1)?]))
    }

    fn header(&mut self) -> Option<Header> {
        if self.bytes.len() < HEADER {
            let span = Span::new(0, self.bytes.len());
            let detail =
                format!("a message begins with a header of 12 octets, and this has {}", self.bytes.len());
            self.findings.push(Finding::error("dns-short", span, detail));
            return None;
        }
        let id = self.u16_at(0)?;
        let flags = self.u16_at(2)?;
        let bit = |n: u16| flags & (1 << n) != 0;
        let header = Header {
            id,
            response: bit(15),
            opcode: u8::try_from((flags >> 11) & 0xF).unwrap_or(0),
            authoritative: bit(10),
            truncated: bit(9),
            recursion_desired: bit(8),
            recursion_available: bit(7),
            rcode: flags & 0xF,
            counts: [self.u16_at(4)?, self.u16_at(6)?, self.u16_at(8)?, self.u16_at(10)?],
        };
        if bit(6) {
            let detail = "bit Z is reserved: \"Must be zero in all queries and responses\"";
            self.findings.push(Finding::warning("dns-reserved-bit", Span::new(3, 4), detail));
        }
        if !header.response && header.opcode == 0 && header.counts[0] != 1 {
            let detail = format!("a query asks one question, and this says it asks {}", header.counts[0]);
            self.findings.push(Finding::warning("dns-question-count", Span::new(4, 6), detail));
        }
        let mut parts = vec![Part::leaf("id", Span::new(0, 2)), flag_parts(&header, bit(5), bit(4))];
        for (i, count) in ["qdcount", "ancount", "nscount", "arcount"].into_iter().enumerate() {
            parts.push(Part::leaf(count, Span::new(4 + 2 * i, 6 + 2 * i)));
        }
        self.parts.push(Part::node("header", Span::new(0, HEADER), parts));
        self.at = HEADER;
        Some(header)
    }

    /// The name at the cursor, as a part of an entry; what cannot be read ends the walk.
    fn name(&mut self, field: &'static str, parts: &mut Vec<Part>) -> Option<String> {
        match name::read(self.bytes, self.at, self.bytes.len(), field) {
            Ok(read) => {
                self.at = read.part.span.end;
                parts.push(read.part);
                Some(read.text)
            }
            Err(finding) => {
                self.findings.push(finding);
                None
            }
        }
    }

    /// The next field of `count` octets as a number, as a part of an entry.
    fn field(&mut self, count: usize, name: &'static str, parts: &mut Vec<Part>) -> Option<u32> {
        let span = Span::new(self.at, self.at + count);
        let Some(bytes) = self.bytes.get(span.start..span.end) else {
            let rest = Span::new(self.at, self.bytes.len());
            let detail = format!("{name} takes {count} octets, and {} are left", rest.len());
            self.findings.push(Finding::error("dns-short", rest, detail));
            return None;
        };
        parts.push(Part::leaf(name, span));
        self.at = span.end;
        Some(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }

    fn field16(&mut self, name: &'static str, parts: &mut Vec<Part>) -> Option<u16> {
        self.field(2, name, parts).and_then(|number| u16::try_from(number).ok())
    }

    /// Whether all of them could be read.
    fn questions(&mut self, count: u16, into: &mut Vec<Question>) -> bool {
        for _ in 0..count {
            let (start, mut parts) = (self.at, Vec::new());
            let question = self.question(&mut parts);
            self.close("question", start, parts);
            match question {
                Some(question) => into.push(question),
                None => return false,
            }
        }
        true
    }

    fn question(&mut self, parts: &mut Vec<Part>) -> Option<Question> {
        let name = self.name("qname", parts)?;
        let qtype = self.field16("qtype", parts)?;
        Some(Question { name, qtype, qclass: self.field16("qclass", parts)? })
    }

    /// Whether all of them could be read.
    fn records(&mut self, count: u16, section: &'static str, into: &mut Vec<Record>) -> bool {
        for _ in 0..count {
            let (start, mut parts) = (self.at, Vec::new());
            let record = self.record(&mut parts);
            let is_opt = record.as_ref().is_some_and(|record| record.rtype == OPT);
            self.close(if is_opt { "opt" } else { section }, start, parts);
            match record {
                Some(record) => into.push(record),
                None => return false,
            }
        }
        true
    }

    fn record(&mut self, parts: &mut Vec<Part>) -> Option<Record> {
        let name = self.name("name", parts)?;
        let rtype = self.field16("type", parts)?;
        let (class, ttl) = if rtype == OPT {
            let payload = self.field16("udp-payload", parts)?;
            let extended = self.field(1, "extended-rcode", parts)?;
            let version = self.field(1, "version", parts)?;
            (payload, extended << 24 | version << 16 | self.field(2, "opt-flags", parts)?)
        } else {
            (self.field16("class", parts)?, self.field(4, "ttl", parts)?)
        };
        let length = usize::from(self.field16("rdlength", parts)?);
        let (start, end) = (self.at, self.at + length);
        if end > self.bytes.len() {
            let rest = Span::new(start, self.bytes.len());
            let detail = format!("RDLENGTH says {length} octets, and {} are left", rest.len());
            self.findings.push(Finding::error("dns-short", rest, detail));
            parts.push(Part::leaf("rdata", rest));
            self.at = self.bytes.len();
            return None;
        }
        // In an update, classes ANY and NONE name records by their type alone, without data (RFC 2136 §2.4, §2.5).
        let (data, inner, findings) = match (length, class) {
            (0, 254 | 255) => (Data::Opaque(Vec::new()), Vec::new(), Vec::new()),
            _ => data::read(self.bytes, start, end, rtype),
        };
        self.findings.extend(findings);
        if length > 0 {
            parts.push(Part::node("rdata", Span::new(start, end), inner));
        }
        self.at = end;
        Some(Record { name, rtype, class, ttl, data })
    }

    /// An entry of a section, whole or not.
    fn close(&mut self, name: &'static str, start: usize, parts: Vec<Part>) {
        if self.at > start {
            self.parts.push(Part::node(name, Span::new(start, self.at), parts));
        }
    }
}

/// The flags: those bits that say something here. Several of them share an octet, so their spans do too.
fn flag_parts(header: &Header, ad: bool, cd: bool) -> Part {
    let (first, second) = (Span::new(2, 3), Span::new(3, 4));
    let bits = [
        ("qr", first, header.response),
        ("opcode", first, header.opcode != 0),
        ("aa", first, header.authoritative),
        ("tc", first, header.truncated),
        ("rd", first, header.recursion_desired),
        ("ra", second, header.recursion_available),
        ("ad", second, ad),
        ("cd", second, cd),
        ("rcode", second, header.response),
    ];
    let set = bits.into_iter().filter(|(_, _, set)| *set);
    Part::node("flags", Span::new(2, 4), set.map(|(name, span, _)| Part::leaf(name, span)).collect())
}
