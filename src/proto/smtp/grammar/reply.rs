//! Reply lines: `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF`.
//! RFC 5321 §4.2; enhanced codes RFC 2034 §4; EHLO's lines RFC 5321 §4.1.1.1.

use super::{Parsed, Reading};
use crate::base::{Finding, Part, Span};
use crate::proto::smtp::codes::Enhanced;
use serde::Serialize;

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplyLine {
    /// The three digits; `None` where the line does not begin like a reply.
    pub code: Option<u16>,
    /// Whether a line of the same reply follows (`-` after the code).
    pub more: bool,
    /// The enhanced status code.
    pub enhanced: Option<Enhanced>,
    /// The rest. Bytes that are not UTF-8 become U+FFFD.
    pub text: String,
}

/// The code of a reply line, where it is one, and whether a line of the same reply follows: as [`parse_reply_line`] reads
/// them, for whoever only looks for the reply's end.
pub fn look_at_reply_line(line: &[u8]) -> (Option<u16>, bool) {
    let digits = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let separator = line.get(digits);
    if digits != 3 || !matches!(separator, None | Some(b' ' | b'-')) {
        return (None, false);
    }
    let code = line.iter().take(3).fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    (Some(code), separator == Some(&b'-'))
}

/// Read one line of a reply, without its CR LF.
pub fn parse_reply_line(line: &[u8]) -> Parsed<ReplyLine> {
    let mut r = Reading::new(line);
    let digits = r.take_while(|b| b.is_ascii_digit());
    // Reply-code = %x32-35 %x30-35 %x30-39
    let code = (digits.len() == 3).then(|| r.word(digits).parse::<u16>().ok()).flatten();
    let separator = r.peek();
    if code.is_none() || !matches!(separator, None | Some(b' ' | b'-')) {
        let whole = Span::new(0, line.len());
        r.findings.push(Finding::error(
            "not-a-reply",
            whole,
            "a reply line begins with three digits and a space or hyphen (RFC 5321 §4.2); this one does not",
        ));
        r.parts = vec![Part::leaf("textstring", whole)];
        let text = r.text(whole);
        return r.finish(ReplyLine { code: None, more: false, enhanced: None, text });
    }
    r.parts.push(Part::leaf("reply-code", digits));
    check_code(&mut r, digits);
    let more = separator == Some(b'-');
    if separator.is_some() {
        r.parts.push(Part::leaf("separator", Span::new(r.at, r.at + 1)));
        r.at += 1;
    }
    let enhanced = read_enhanced(&mut r, code.unwrap_or(0));
    let text = Span::new(r.at, line.len());
    if !text.is_empty() {
        r.parts.push(Part::leaf("textstring", text));
    }
    let text = r.text(text);
    r.finish(ReplyLine { code, more, enhanced, text })
}

fn check_code(r: &mut Reading, digits: Span) {
    let sound = matches!(digits.of(r.line), [b'2'..=b'5', b'0'..=b'5', _]);
    if !sound {
        r.findings.push(Finding::warning(
            "reply-code",
            digits,
            "the first digit of a code is 2 to 5, the second 0 to 5 (RFC 5321 §4.2)",
        ));
    }
}

/// `status-code = class "." subject "." detail`, followed by a space or the end; its class is the code's first
/// digit. RFC 2034 §4: "the text part of all 2xx, 4xx, and 5xx SMTP responses".
fn read_enhanced(r: &mut Reading, code: u16) -> Option<Enhanced> {
    let start = r.at;
    let word = r.take_while(|b| b.is_ascii_digit() || b == b'.');
    let text = r.word(word);
    let ends = matches!(r.peek(), None | Some(b' '));
    let mut numbers = text.split('.');
    let mut number = |most: usize| {
        numbers.next().filter(|n| (1..=most).contains(&n.len())).and_then(|n| n.parse::<u16>().ok())
    };
    let (class, subject, detail) = (number(1), number(3), number(3));
    let (Some(class), Some(subject), Some(detail), None, true) =
        (class, subject, detail, numbers.next(), ends)
    else {
        r.at = start;
        return None;
    };
    let (Ok(class), true) = (u8::try_from(class), matches!(class, 2 | 4 | 5)) else {
        r.at = start;
        return None;
    };
    r.parts.push(Part::leaf("status-code", word));
    if u16::from(class) != code / 100 {
        r.findings.push(Finding::warning(
            "enhanced-code-class",
            word,
            "the enhanced code's class differs from the reply code's first digit (RFC 2034 §4)",
        ));
    }
    r.take(b' ');
    Some(Enhanced(class, subject, detail))
}

/// What one line of an EHLO reply announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EhloLine {
    /// The extension's keyword in upper case; empty where the line holds none.
    pub keyword: String,
    /// Its parameters.
    pub params: Vec<String>,
}

/// Read the text of one EHLO line after the first: `ehlo-line = ehlo-keyword *( SP ehlo-param )`.
///
/// The old form `AUTH=LOGIN PLAIN`, which some servers still send, is read as `AUTH LOGIN PLAIN`.
pub fn parse_ehlo_line(text: &[u8]) -> Parsed<EhloLine> {
    let mut r = Reading::new(text);
    let keyword = r.take_while(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let name = r.text(keyword).to_ascii_uppercase();
    if !keyword.is_empty() {
        r.parts.push(Part::leaf("ehlo-keyword", keyword));
    }
    if name == "AUTH" && r.take(b'=') {
        let span = Span::new(keyword.end, r.at);
        r.findings.push(Finding::hint("auth-equals", span, "`AUTH=` is an old form that no RFC knows"));
    }
    let mut params = Vec::new();
    loop {
        r.take_while(|b| b == b' ' || b == b'\t');
        let param = r.take_while(|b| b != b' ' && b != b'\t');
        if param.is_empty() {
            return r.finish(EhloLine { keyword: name, params });
        }
        r.parts.push(Part::leaf("ehlo-param", param));
        params.push(r.text(param));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parts: &[Part], line: &str) -> Vec<String> {
        parts
            .iter()
            .map(|p| format!("{}={}", p.name, String::from_utf8_lossy(p.span.of(line.as_bytes()))))
            .collect()
    }

    #[test]
    fn a_reply_line_has_code_separator_status_and_text() {
        let line = "550-5.1.1 No such user";
        let got = parse_reply_line(line.as_bytes());
        let value = ReplyLine {
            code: Some(550),
            more: true,
            enhanced: Some(Enhanced(5, 1, 1)),
            text: "No such user".into(),
        };
        assert_eq!(got.value, value);
        let want = ["reply-code=550", "separator=-", "status-code=5.1.1", "textstring=No such user"];
        assert_eq!(names(&got.parts, line), want);
        assert!(got.findings.is_empty());
    }

    #[test]
    fn a_look_finds_what_reading_finds() {
        for line in [
            "250 ok",
            "250-5.1.1 more",
            "354",
            "250-",
            "000 x",
            "25",
            "2500 x",
            "250x",
            "",
            "+OK",
            "\u{e9}50 ",
        ] {
            let read = parse_reply_line(line.as_bytes()).value;
            assert_eq!(look_at_reply_line(line.as_bytes()), (read.code, read.more), "{line}");
        }
    }

    #[test]
    fn a_code_alone_is_a_whole_reply_and_numbers_in_text_are_text() {
        assert_eq!(parse_reply_line(b"334").value.code, Some(334));
        let addressed = parse_reply_line(b"250 2.5.10.7 is my address");
        assert_eq!(addressed.value.enhanced, None);
        assert_eq!(addressed.value.text, "2.5.10.7 is my address");
    }

    #[test]
    fn garbage_is_a_finding() {
        for line in ["", "hello", "25 x", "2500 x", "250_x"] {
            let got = parse_reply_line(line.as_bytes());
            assert_eq!(look_at_reply_line(line.as_bytes()), (None, false));
            assert_eq!(
                (got.value.code, got.findings.first().map(|f| f.id)),
                (None, Some("not-a-reply")),
                "{line}"
            );
        }
    }

    #[test]
    fn ehlo_lines_announce_keywords_with_params() {
        let got = parse_ehlo_line(b"auth=PLAIN LOGIN");
        assert_eq!(
            got.value,
            EhloLine { keyword: "AUTH".into(), params: vec!["PLAIN".into(), "LOGIN".into()] }
        );
        assert_eq!(parse_ehlo_line(b"SIZE 100").value.params, ["100"]);
    }
}
