//! What a POP3 server says on one line: `status [SP text] CRLF` (RFC 2449 §3), and the greeting.

use super::Parsed;
use crate::base::escape::lossy;
use crate::base::{Finding, Part, Span};
use serde::Serialize;

/// A reply's status indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// `+OK`.
    Ok,
    /// `-ERR`.
    Err,
    /// `+ `: AUTH goes on (RFC 5034 §5, `continue-req`).
    Continue,
    /// None of these.
    Unclear,
}

impl Status {
    /// As it stands on the wire; empty for [`Status::Unclear`].
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "+OK",
            Status::Err => "-ERR",
            Status::Continue => "+",
            Status::Unclear => "",
        }
    }
}

/// A status line: the first line of every reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// Its status indicator.
    pub status: Status,
    /// The response code in square brackets, without them, in upper case: `IN-USE`, `SYS/TEMP` (RFC 2449 §8).
    pub resp_code: Option<String>,
    /// The words after that.
    pub text: String,
}

impl StatusLine {
    /// A status line without a response code.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        StatusLine { status, resp_code: None, text: text.into() }
    }

    /// `-ERR [code] text`.
    pub fn refusal(code: &str, text: impl Into<String>) -> Self {
        StatusLine { status: Status::Err, resp_code: Some(code.to_owned()), text: text.into() }
    }

    /// The line with its CRLF, cut to the 512 octets of RFC 2449 §4; control characters are left out.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut line = self.status.name().to_owned();
        if let Some(code) = &self.resp_code {
            line.push_str(&format!(" [{code}]"));
        }
        if !self.text.is_empty() || self.status == Status::Continue {
            line.push(' ');
            line.push_str(&self.text);
        }
        line.retain(|c| !c.is_control());
        let cut = (0..=STATUS_OCTETS - 2).rev().find(|&i| line.is_char_boundary(i)).unwrap_or(0);
        line.truncate(cut.min(line.len()));
        line.push_str("\r\n");
        line.into_bytes()
    }

    /// Status and response code, as a Step's code has them: `-ERR IN-USE`.
    pub fn code(&self) -> String {
        match &self.resp_code {
            Some(code) => format!("{} {code}", self.status.name()),
            None => self.status.name().to_owned(),
        }
    }
}

/// The server's first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The line itself.
    pub line: StatusLine,
    /// The timestamp for APOP, angle brackets included (RFC 1939 §7).
    pub timestamp: Option<String>,
}

/// Octets of a reply's first line, CRLF included (RFC 2449 §4).
pub const STATUS_OCTETS: usize = 512;

/// Reads a status line, its terminator taken off. Parts: `status`, `resp-code` (of `resp-level`s), `text`.
pub fn parse_status_line(line: &[u8]) -> Parsed<StatusLine> {
    let mut findings = Vec::new();
    if line.len() + 2 > STATUS_OCTETS {
        let detail = format!(
            "a status line has at most {STATUS_OCTETS} octets with its CRLF; this one has {}",
            line.len() + 2
        );
        findings.push(Finding::warning("reply-too-long", Span::new(0, line.len()), detail));
    }
    let (status, end) = status_of(line, &mut findings);
    let mut parts = Vec::new();
    if end > 0 {
        parts.push(Part::leaf("status", Span::new(0, end)));
    }
    let mut at = end;
    if line.get(at) == Some(&b' ') {
        at += 1;
    }
    let mut resp_code = None;
    if matches!(status, Status::Ok | Status::Err)
        && let Some(part) = resp_code_at(line, at)
    {
        let inner = Span::new(part.span.start + 1, part.span.end - 1);
        resp_code = Some(lossy(inner.of(line)).to_uppercase());
        at = part.span.end;
        if line.get(at) == Some(&b' ') {
            at += 1;
        }
        parts.push(part);
    }
    let text = Span::new(at, line.len());
    if !text.is_empty() {
        parts.push(Part::leaf("text", text));
    }
    let text = lossy(text.of(line)).into_owned();
    Parsed { value: StatusLine { status, resp_code, text }, parts, findings }
}

/// The status indicator and where it ends.
fn status_of(line: &[u8], findings: &mut Vec<Finding>) -> (Status, usize) {
    for status in [Status::Ok, Status::Err] {
        let name = status.name().as_bytes();
        let Some(word) = line.get(..name.len()) else { continue };
        let followed = line.get(name.len()).is_some_and(u8::is_ascii_alphanumeric);
        if word.eq_ignore_ascii_case(name) && !followed {
            if word != name {
                let detail = "a server must send \"+OK\" and \"-ERR\" in upper case";
                findings.push(Finding::error("status-not-upper-case", Span::new(0, name.len()), detail));
            }
            return (status, name.len());
        }
    }
    match line {
        [b'+'] | [b'+', b' ', ..] => (Status::Continue, 1),
        _ => {
            let detail = "a reply begins with \"+OK\" or \"-ERR\"";
            findings.push(Finding::error("unknown-status", Span::new(0, line.len()), detail));
            (Status::Unclear, 0)
        }
    }
}

/// `resp-code = "[" resp-level *("/" resp-level) "]"` at this place.
fn resp_code_at(line: &[u8], at: usize) -> Option<Part> {
    let rest = line.get(at..)?;
    if rest.first() != Some(&b'[') {
        return None;
    }
    let close = rest.iter().position(|&b| b == b']')?;
    let mut levels = Vec::new();
    let mut start = at + 1;
    for level in rest.get(1..close)?.split(|&b| b == b'/') {
        // rchar: printable, no space. "[12 messages]" is words, not a code.
        if level.is_empty() || !level.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        levels.push(Part::leaf("resp-level", Span::new(start, start + level.len())));
        start += level.len() + 1;
    }
    Some(Part::node("resp-code", Span::new(at, at + close + 1), levels))
}

/// Reads the greeting, its terminator taken off. Parts as of a status line, with `timestamp` in the text.
pub fn parse_greeting(line: &[u8]) -> Parsed<Greeting> {
    let Parsed { value, mut parts, findings } = parse_status_line(line);
    let mut timestamp = None;
    if let Some(text) = parts.iter_mut().find(|p| p.name == "text")
        && let Some(span) = timestamp_in(line, text.span)
    {
        timestamp = Some(lossy(span.of(line)).into_owned());
        text.parts.push(Part::leaf("timestamp", span));
    }
    Parsed { value: Greeting { line: value, timestamp }, parts, findings }
}

/// `timestamp = "<" *VCHAR ">"`, which must conform to RFC 822's msg-id: one at-sign at least, no spaces.
fn timestamp_in(line: &[u8], text: Span) -> Option<Span> {
    let bytes = text.of(line);
    let start = bytes.iter().position(|&b| b == b'<')?;
    let end = start + bytes.get(start..)?.iter().position(|&b| b == b'>')? + 1;
    let inner = bytes.get(start..end)?;
    let fits = inner.contains(&b'@') && inner.iter().all(u8::is_ascii_graphic);
    fits.then(|| Span::new(text.start + start, text.start + end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_response_code_is_read_with_its_levels() {
        let parsed = parse_status_line(b"-ERR [sys/temp] Try later");
        assert_eq!(parsed.value.code(), "-ERR SYS/TEMP");
        assert_eq!(parsed.value.text, "Try later");
        let names: Vec<_> = parsed.parts.iter().map(|p| (p.name, p.parts.len())).collect();
        assert_eq!(names, [("status", 0), ("resp-code", 2), ("text", 0)]);
    }

    #[test]
    fn brackets_around_words_are_words() {
        let parsed = parse_status_line(b"+OK [two words] here");
        assert_eq!(parsed.value.resp_code, None);
        assert_eq!(parsed.value.text, "[two words] here");
    }

    #[test]
    fn a_greeting_may_carry_a_timestamp() {
        let parsed = parse_greeting(b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>");
        assert_eq!(parsed.value.timestamp.as_deref(), Some("<1896.697170952@dbc.mtview.ca.us>"));
        assert_eq!(parse_greeting(b"+OK <no timestamp>").value.timestamp, None);
    }

    #[test]
    fn a_status_that_is_none_is_found() {
        let unclear = parse_status_line(b"220 mail.example.com ESMTP");
        assert_eq!((unclear.value.status, unclear.findings[0].id), (Status::Unclear, "unknown-status"));
        let lower = parse_status_line(b"+ok ready");
        assert_eq!((lower.value.status, lower.findings[0].id), (Status::Ok, "status-not-upper-case"));
        assert_eq!(parse_status_line(b"+ dGVzdA==").value.status, Status::Continue);
        assert_eq!(parse_status_line(b"+OKAY").value.status, Status::Unclear);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_is_read_back(
            ok in any::<bool>(),
            code in proptest::option::of("[A-Z-]{1,9}(/[A-Z]{1,9})?"),
            text in "([!-Z^-~][ -~]{0,40})?",
        ) {
            let line = StatusLine { status: if ok { Status::Ok } else { Status::Err }, resp_code: code, text };
            let wire = line.to_wire();
            prop_assert_eq!(parse_status_line(&wire[..wire.len() - 2]).value, line);
        }

        #[test]
        fn no_bytes_make_it_panic(
            start in proptest::sample::select(vec!["", "+OK ", "-ERR [", "+OK <", "+"]),
            rest in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut line = start.as_bytes().to_vec();
            line.extend(rest);
            let parsed = parse_greeting(&line);
            prop_assert!(parsed.parts.iter().all(|p| p.span.end <= line.len()));
        }
    }
}
