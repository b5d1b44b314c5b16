//! The listings that a POP3 server gives: drop, scan and unique-id listings (RFC 1939 §5, §7), capabilities
//! (RFC 2449 §3).
//!
//! Each reads one line, or the text after `+OK ` of the single-line form, and gives `None` where the RFC's fixed
//! format is not kept, since then nothing can be concluded from it.

use super::Parsed;
use super::command::{decimal, decimal64};
use crate::base::escape::lossy;
use crate::base::{Finding, Part, Span};
use serde::Serialize;

/// STAT's answer: "the number of messages in the maildrop, a single space, and the size of the maildrop in octets".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DropListing {
    /// Messages not marked as deleted.
    pub count: u32,
    /// Their octets together.
    pub octets: u64,
}

/// A line of LIST's answer: "the message-number of the message, followed by a single space and the exact size of
/// the message in octets".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScanListing {
    /// Which message.
    pub number: u32,
    /// Its octets.
    pub octets: u64,
}

/// A line of UIDL's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UniqueIdListing {
    /// Which message.
    pub number: u32,
    /// "one to 70 characters in the range 0x21 to 0x7E".
    pub unique_id: String,
}

/// A line of CAPA's answer: `capability = capa-tag *(SP param)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// The tag in upper case.
    pub tag: String,
    /// Its params as written.
    pub params: Vec<String>,
}

impl DropListing {
    /// As it stands after `+OK `.
    pub fn to_text(self) -> String {
        format!("{} {}", self.count, self.octets)
    }
}

impl ScanListing {
    /// As it stands on a line, and after `+OK `.
    pub fn to_text(self) -> String {
        format!("{} {}", self.number, self.octets)
    }
}

impl UniqueIdListing {
    /// As it stands on a line, and after `+OK `.
    pub fn to_text(&self) -> String {
        format!("{} {}", self.number, self.unique_id)
    }
}

impl Capability {
    /// As it stands on a line.
    pub fn to_text(&self) -> String {
        let mut text = self.tag.clone();
        for param in &self.params {
            text.push(' ');
            text.push_str(param);
        }
        text
    }
}

/// Reads the text after `+OK ` of STAT's answer. Parts: `number-of-messages`, `octets`.
pub fn parse_drop_listing(text: &[u8]) -> Parsed<Option<DropListing>> {
    pair(text, ["number-of-messages", "octets"], "drop listing", |count, octets| {
        Some(DropListing { count: decimal(count)?, octets: decimal64(octets)? })
    })
}

/// Reads a line of LIST's answer. Parts: `message-number`, `octets`.
pub fn parse_scan_listing(line: &[u8]) -> Parsed<Option<ScanListing>> {
    pair(line, ["message-number", "octets"], "scan listing", |number, octets| {
        Some(ScanListing { number: decimal(number)?, octets: decimal64(octets)? })
    })
}

/// Reads a line of UIDL's answer. Parts: `message-number`, `unique-id`.
pub fn parse_unique_id_listing(line: &[u8]) -> Parsed<Option<UniqueIdListing>> {
    let mut parsed = pair(line, ["message-number", "unique-id"], "unique-id listing", |number, id| {
        if id.is_empty() {
            return None;
        }
        let unique_id = lossy(id).into_owned();
        Some(UniqueIdListing { number: decimal(number)?, unique_id })
    });
    if let Some(part) = parsed.parts.iter().find(|p| p.name == "unique-id") {
        let id = part.span.of(line);
        if id.len() > 70 || !id.iter().all(u8::is_ascii_graphic) {
            let detail = "a unique-id is 1 to 70 characters from 0x21 to 0x7E";
            parsed.findings.push(Finding::error("bad-unique-id", part.span, detail));
        }
    }
    parsed
}

/// Two words with one space between them. What follows is allowed in drop and scan listings, and "STRONGLY"
/// discouraged (RFC 1939 §5).
fn pair<T>(
    line: &[u8],
    names: [&'static str; 2],
    what: &str,
    value: impl FnOnce(&[u8], &[u8]) -> Option<T>,
) -> Parsed<Option<T>> {
    let end = |from: usize| {
        let rest = line.get(from..).unwrap_or_default();
        from + rest.iter().position(|&b| b == b' ').unwrap_or(rest.len())
    };
    let first = Span::new(0, end(0));
    let start = (first.end + 1).min(line.len());
    let second = Span::new(start, end(start));
    let mut parts = Vec::new();
    for (name, span) in names.into_iter().zip([first, second]) {
        if !span.is_empty() {
            parts.push(Part::leaf(name, span));
        }
    }
    let mut findings = Vec::new();
    let value = value(first.of(line), second.of(line));
    if value.is_none() {
        let detail = format!("a {what} is {}, one space and {}", names[0], names[1]);
        findings.push(Finding::error("bad-listing", Span::new(0, line.len()), detail));
    } else if second.end < line.len() {
        let more = Span::new(second.end, line.len());
        parts.push(Part::leaf("additional-information", Span::new(more.start + 1, more.end)));
        findings.push(Finding::hint(
            "additional-information",
            more,
            format!("nothing should follow in a {what}"),
        ));
    }
    Parsed { value, parts, findings }
}

/// Reads a line of CAPA's answer. Parts: `capa-tag`, `param`s.
pub fn parse_capability(line: &[u8]) -> Parsed<Option<Capability>> {
    let mut parts = Vec::new();
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(|&b| b == b' ') {
        if !word.is_empty() {
            let name = if words.is_empty() { "capa-tag" } else { "param" };
            parts.push(Part::leaf(name, Span::new(at, at + word.len())));
            words.push(lossy(word).into_owned());
        }
        at += word.len() + 1;
    }
    let mut words = words.into_iter();
    let value = words.next().map(|tag| Capability { tag: tag.to_uppercase(), params: words.collect() });
    let findings = match value {
        Some(_) => Vec::new(),
        None => {
            vec![Finding::error("bad-listing", Span::new(0, line.len()), "a capability begins with its tag")]
        }
    };
    Parsed { value, parts, findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn listings_are_two_words() {
        let stat = parse_drop_listing(b"2 320");
        assert_eq!(stat.value, Some(DropListing { count: 2, octets: 320 }));
        let scan = parse_scan_listing(b"1 120 from alice");
        assert_eq!(scan.value, Some(ScanListing { number: 1, octets: 120 }));
        assert_eq!(scan.findings[0].id, "additional-information");
        let id = parse_unique_id_listing(b"2 QhdPYR:00WBw1Ph7x7").value;
        assert_eq!(id, Some(UniqueIdListing { number: 2, unique_id: "QhdPYR:00WBw1Ph7x7".to_owned() }));
        for bad in ["", "1", "one 2", "1  2", "-1 2", "1 99999999999999999999"] {
            let parsed = parse_scan_listing(bad.as_bytes());
            assert_eq!((parsed.value, parsed.findings[0].id), (None, "bad-listing"), "{bad:?}");
        }
    }

    #[test]
    fn a_capability_has_a_tag_and_params() {
        let parsed = parse_capability(b"sasl CRAM-MD5 KERBEROS_V4");
        let value = parsed.value.unwrap();
        assert_eq!((value.tag.as_str(), value.params.len()), ("SASL", 2));
        assert_eq!(value.to_text(), "SASL CRAM-MD5 KERBEROS_V4");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_is_read_back(number in any::<u32>(), octets in any::<u64>(), id in "[!-~]{1,70}") {
            let drop = DropListing { count: number, octets };
            prop_assert_eq!(parse_drop_listing(drop.to_text().as_bytes()).value, Some(drop));
            let scan = ScanListing { number, octets };
            prop_assert_eq!(parse_scan_listing(scan.to_text().as_bytes()).value, Some(scan));
            let uidl = UniqueIdListing { number, unique_id: id };
            let parsed = parse_unique_id_listing(uidl.to_text().as_bytes());
            prop_assert!(parsed.findings.is_empty());
            prop_assert_eq!(parsed.value, Some(uidl));
        }

        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (parse_drop_listing(&line), parse_unique_id_listing(&line), parse_capability(&line));
        }
    }
}
