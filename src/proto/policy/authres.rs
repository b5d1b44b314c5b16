//! `Authentication-Results`: what a receiving server found, in words that the next program can read (RFC 8601).
//!
//! Only those of one's own servers are worth anything: whoever sends can write such a field too (RFC 8601 §5).

use crate::base::{Part, Span};

/// The most results of a field that are read.
pub const MOST_RESULTS: usize = 50;

/// What one method gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodResult {
    /// `spf`, `dkim`, `dmarc`, `arc`, …
    pub method: String,
    /// `pass`, `fail`, …
    pub result: String,
    /// Why, in words.
    pub reason: String,
    /// A remark in parentheses behind the result.
    pub comment: String,
    /// What it is about: `("smtp.mailfrom", "example.com")`.
    pub properties: Vec<(String, String)>,
}

/// A whole field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// The server that found out.
    pub server: String,
    /// What it found; empty: nothing was checked.
    pub results: Vec<MethodResult>,
}

impl MethodResult {
    /// A result about something.
    pub fn new(method: &str, result: &str, properties: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let properties = properties.iter().filter(|(_, value)| !value.is_empty()).map(own).collect();
        MethodResult { method: method.to_owned(), result: result.to_owned(), properties, ..Self::default() }
    }

    /// The same with a reason.
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = reason.to_owned();
        self
    }

    /// The same with a remark.
    pub fn remarked(mut self, comment: &str) -> Self {
        self.comment = comment.to_owned();
        self
    }

    /// A property's value.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn written(&self) -> String {
        let mut out = format!("{}={}", self.method, self.result);
        if !self.comment.is_empty() {
            let plain: String = self.comment.chars().filter(|c| !"()\\".contains(*c)).collect();
            out.push_str(&format!(" ({})", printable(&plain)));
        }
        if !self.reason.is_empty() {
            out.push_str(&format!(" reason={}", value(&self.reason, true)));
        }
        for (name, text) in &self.properties {
            out.push_str(&format!("\r\n\t {name}={}", value(text, false)));
        }
        out
    }
}

impl Results {
    /// What stands behind the field's name and its colon: server, results, folded.
    pub fn payload(&self) -> String {
        let mut out = self.server.clone();
        for result in &self.results {
            out.push_str(&format!(";\r\n\t{}", result.written()));
        }
        if self.results.is_empty() {
            out.push_str("; none");
        }
        out
    }

    /// The field, with CRLF at its end.
    pub fn field(&self) -> String {
        format!("Authentication-Results: {}\r\n", self.payload())
    }

    /// Read a field's value: what it says as far as it can be read, and its parts with their places.
    pub fn parse(text: &[u8]) -> (Self, Vec<Part>) {
        let mut results = Results::default();
        let mut parts = Vec::new();
        for (number, statement) in statements(text).into_iter().enumerate().take(MOST_RESULTS + 1) {
            let mut words = statement.into_iter();
            if number == 0 {
                // A version may follow the server.
                if let Some(server) = words.next() {
                    results.server = server.text;
                    parts.push(Part::leaf("authserv-id", server.span));
                }
                continue;
            }
            let mut result = MethodResult::default();
            let mut inner = Vec::new();
            for word in words {
                read_word(&word, &mut result, &mut inner);
            }
            let ends =
                inner.first().zip(inner.last()).map(|(a, b): (&Part, &Part)| (a.span.start, b.span.end));
            if let Some((start, end)) = ends {
                parts.push(Part::node("resinfo", Span::new(start, end), inner));
            }
            if !result.method.is_empty() {
                results.results.push(result);
            }
        }
        (results, parts)
    }

    /// Whether such a result is among them.
    pub fn has(&self, method: &str, result: &str) -> bool {
        self.results
            .iter()
            .any(|r| r.method.eq_ignore_ascii_case(method) && r.result.eq_ignore_ascii_case(result))
    }
}

fn read_word(word: &Word, result: &mut MethodResult, parts: &mut Vec<Part>) {
    if word.comment {
        result.comment.clone_from(&word.text);
        parts.push(Part::leaf("comment", word.span));
        return;
    }
    let Some((name, value)) = word.text.split_once('=') else {
        parts.push(Part::leaf("word", word.span));
        return;
    };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
    if result.method.is_empty() {
        // `dkim/1`: the version is of no use.
        result.method = name.split('/').next().unwrap_or_default().trim().to_owned();
        result.result = value.to_ascii_lowercase();
        parts.push(Part::leaf("methodspec", word.span));
    } else if name == "reason" {
        result.reason = value;
        parts.push(Part::leaf("reasonspec", word.span));
    } else {
        result.properties.push((name, value));
        parts.push(Part::leaf("propspec", word.span));
    }
}

/// A word, a quoted string's quotes taken off, `=` with what stands around it; or a comment.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    span: Span,
    comment: bool,
}

/// The statements between semicolons, as words.
fn statements(bytes: &[u8]) -> Vec<Vec<Word>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b';' => {
                all.push(Vec::new());
                at += 1;
            }
            b if b.is_ascii_whitespace() => at += 1,
            b'(' => {
                let end = end_of_comment(bytes, at);
                let text = Span::new(at + 1, end.saturating_sub(1)).of(bytes);
                let text = String::from_utf8_lossy(text).into_owned();
                push(&mut all, Word { text, span: Span::new(at, end), comment: true });
                at = end;
            }
            _ => {
                let (word, end) = word(bytes, at);
                push(&mut all, word);
                at = end;
            }
        }
    }
    all
}

fn push(all: &mut [Vec<Word>], word: Word) {
    if let Some(last) = all.last_mut().filter(|last| last.len() < 100) {
        last.push(word);
    }
}

fn end_of_comment(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0_u32, start);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// A word from `start`: up to white space, a semicolon or a comment; around `=` white space belongs to it.
fn word(bytes: &[u8], start: usize) -> (Word, usize) {
    let (mut at, mut text) = (start, Vec::new());
    let blank = |at: usize| bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    if bytes[at] == b'\\' && at + 1 < bytes.len() {
                        at += 1;
                    }
                    text.push(bytes[at]);
                    at += 1;
                }
                at = (at + 1).min(bytes.len());
            }
            b'=' => {
                text.push(b'=');
                at += 1;
                at += blank(at);
            }
            b';' | b'(' => break,
            b if b.is_ascii_whitespace() => {
                let next = at + blank(at);
                if bytes.get(next) != Some(&b'=') || text.contains(&b'=') {
                    break;
                }
                at = next;
            }
            b => {
                text.push(b);
                at += 1;
            }
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    (Word { text, span: Span::new(start, at), comment: false }, at)
}

/// A value as a token where it can be one (RFC 2045 §5.1, and `@` and `/` in what properties hold), else quoted.
fn value(text: &str, quoted: bool) -> String {
    let text = printable(text);
    let token = |c: char| c.is_ascii_graphic() && !"()<>,;:\\\"[]?=".contains(c);
    if !quoted && !text.is_empty() && text.chars().all(token) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Without control characters, so that no line ends inside a value, and in ASCII, as a header is (RFC 5322 §2.2).
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_control() => ' ',
        c if c.is_ascii() => c,
        _ => '?',
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Results {
        Results {
            server: "mx1.example.net".to_owned(),
            results: vec![
                MethodResult::new("spf", "fail", &[("smtp.mailfrom", "example.com")])
                    .because("-all; says no"),
                MethodResult::new("dkim", "pass", &[("header.d", "example.com"), ("header.b", "ab+/=")]),
                MethodResult::new("dmarc", "fail", &[("header.from", "example.com")]).remarked("p=reject"),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let field = example().field();
        assert_eq!(
            field,
            "Authentication-Results: mx1.example.net;\r\n\tspf=fail reason=\"-all; says no\"\r\n\t smtp.mailfrom=example.com;\r\n\t\
             dkim=pass\r\n\t header.d=example.com\r\n\t header.b=\"ab+/=\";\r\n\tdmarc=fail (p=reject)\r\n\t header.from=example.com\r\n"
        );
        let value = &field.as_bytes()["Authentication-Results:".len()..];
        let (read, parts) = Results::parse(value);
        assert_eq!(read, example());
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[0].span.of(value), b"mx1.example.net");
        assert_eq!(parts[1].parts[0].span.of(value), b"spf=fail");
        assert!(read.has("DKIM", "pass") && !read.has("spf", "pass"));
    }

    #[test]
    fn examples_of_rfc_8601_appendix_b() {
        let (read, _) = Results::parse(b" example.org 1; none");
        assert_eq!((read.server.as_str(), read.results.len()), ("example.org", 0));
        let text = b" example.com;\r\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n  spf = pass smtp.mailfrom=example.net";
        let (read, _) = Results::parse(text);
        assert_eq!(read.results[0].comment, "cram-md5");
        assert_eq!(read.results[0].property("smtp.auth"), Some("sender@example.net"));
        assert!(read.has("spf", "pass"));
        assert_eq!(
            Results { server: "a".to_owned(), results: vec![] }.field(),
            "Authentication-Results: a; none\r\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "[a-z=;()\"\\\\ \r\n.]{0,60}") {
            let (_, parts) = Results::parse(text.as_bytes());
            proptest::prop_assert!(parts.iter().all(|p| p.span.end <= text.len()));
        }

        #[test]
        fn any_reason_is_read_back_and_stays_in_its_field(reason in "[ -~\r\n]{1,30}") {
            let results = Results {
                server: "a".to_owned(),
                results: vec![MethodResult::new("spf", "fail", &[("smtp.helo", &reason)]).because(&reason)],
            };
            let payload = results.payload();
            proptest::prop_assert!(payload.lines().skip(1).all(|line| line.starts_with('\t')));
            let (read, _) = Results::parse(payload.as_bytes());
            let shown: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            proptest::prop_assert_eq!(&read.results[0].reason, shown.trim());
        }
    }
}
