//! A Step said in one line, as a choice shows it; and what makes two lines the same answer.
//!
//! Bytes off a wire are escaped here and secrets hidden, once: a choice is ready to be shown.

use crate::base::secret::HIDDEN;
use crate::base::{Span, escape};
use crate::dissect::dns::{DnsMeaning, Row};
use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::trace::CloseHow;

/// Characters of a line that a choice shows.
const LONGEST: usize = 110;

/// The Step in one line; `server` and `port` are whom its client called. `None` where nobody could know it: bytes
/// in TLS, bytes that are missing, bytes of no protocol.
pub(super) fn of(step: &Step, server: &str, port: u16) -> Option<String> {
    match (step.kind, &step.meaning) {
        (Kind::Open, _) => Some(format!("calls {server} on port {port}")),
        (Kind::Close, Meaning::Close(how)) => Some(close(*how).to_owned()),
        (Kind::Query, Meaning::Dns(dns)) => Some(escape::text(&format!("{} {}?", dns.qname, dns.qtype))),
        (Kind::Answer, Meaning::Dns(dns)) => Some(cut(&escape::text(&answer(dns)))),
        (Kind::Gap | Kind::Unparsed | Kind::Close | Kind::Query | Kind::Answer, _) => None,
        _ if matches!(step.protocol, Protocol::Tls | Protocol::Unknown) => None,
        (Kind::Data, _) => Some(letter(step)),
        _ => Some(wire(step)),
    }
}

fn close(how: CloseHow) -> &'static str {
    match how {
        CloseHow::Fin => "closes the connection",
        CloseHow::Reset => "breaks the connection off",
        CloseHow::Refused => "refuses the call: nobody listens there",
        CloseHow::Timeout => "no answer comes, and the caller gives up",
        CloseHow::LetGo => "is followed no further",
    }
}

/// The first record of the answer, or why there is none.
fn answer(dns: &DnsMeaning) -> String {
    let row = |row: &Row| format!("{} {} {}", row.name, row.rtype, row.data);
    let mut said = match dns.answers.first() {
        _ if dns.rcode != "NOERROR" => format!("{} {}: {}", dns.qname, dns.qtype, dns.rcode),
        Some(first) => row(first),
        None => format!("{} {}: the name is there, without such a record", dns.qname, dns.qtype),
    };
    for more in dns.answers.iter().skip(1).take(2) {
        said += &format!("; {}", row(more));
    }
    said
}

/// A message: where it begins, and how it ends.
fn letter(step: &Step) -> String {
    let first = first_line(step);
    let end = if step.bytes.ends_with(b".\r\n") { ", and so on, to a line with a dot alone" } else { "" };
    format!("sends the letter: {}{end}", cut(&first))
}

/// The first line, and how many follow.
fn wire(step: &Step) -> String {
    let more = step.bytes.iter().filter(|b| **b == b'\n').count().saturating_sub(1);
    let first = cut(&first_line(step));
    match more {
        0 => first,
        1 => format!("{first} (and 1 more line)"),
        n => format!("{first} (and {n} more lines)"),
    }
}

/// The first line, with its secrets hidden.
pub(super) fn first_line(step: &Step) -> String {
    let end = step.bytes.iter().position(|b| *b == b'\n').map_or(step.bytes.len(), |at| at);
    let line = step.bytes.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut secrets: Vec<Span> = step.secrets.iter().copied().filter(|s| !s.is_empty()).collect();
    secrets.sort();
    let (mut out, mut at) = (String::new(), 0);
    for secret in secrets.iter().filter(|s| s.start < line.len()) {
        out += &escape::line(Span::new(at, secret.start).of(line));
        if secret.end > at {
            out += HIDDEN;
        }
        at = at.max(secret.end);
    }
    out + &escape::line(Span::new(at, line.len().max(at)).of(line))
}

/// At most so many characters, with `…` where something is missing.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

/// What an answer is known by: two lines with one signature are the same answer, whatever else they say. A verb, or
/// a code with its enhanced or response code.
pub(super) fn signature(protocol: Protocol, from_server: bool, line: &str) -> String {
    let words: Vec<String> = line.split_whitespace().take(4).map(str::to_ascii_uppercase).collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let said = match (protocol, from_server) {
        (Protocol::Smtp, true) => {
            let code: String = word(0).chars().take(3).collect();
            if is_enhanced(word(1)) { format!("{code} {}", word(1)) } else { code }
        }
        (Protocol::Pop3, true) => match word(1).strip_prefix('[') {
            Some(code) => format!("{} {}", word(0), code.trim_end_matches(']')),
            None => word(0).to_owned(),
        },
        (Protocol::Imap, true) => imap_reply(&words),
        (Protocol::Imap, false) if is_tag(word(0)) => imap_verb(word(1), word(2)),
        (Protocol::Imap, false) => imap_verb(word(0), word(1)),
        (Protocol::Dns, true) if line.contains(": ") => {
            line.split(": ").last().unwrap_or_default().to_ascii_uppercase()
        }
        (Protocol::Dns, _) => word(1).trim_end_matches('?').to_owned(),
        _ => word(0).trim_end_matches(':').to_owned(),
    };
    format!("{} {said}", if from_server { "S" } else { "C" })
}

fn imap_reply(words: &[String]) -> String {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let code = |at: usize| match word(at).strip_prefix('[') {
        Some(code) => format!(" {}", code.trim_end_matches(']')),
        None => String::new(),
    };
    match word(0) {
        "+" => "+".to_owned(),
        "*" if word(1).bytes().all(|b| b.is_ascii_digit()) => format!("* {}", word(2)),
        "*" => format!("* {}{}", word(1), code(2)),
        _ => format!("tagged {}{}", word(1), code(2)),
    }
}

fn imap_verb(first: &str, second: &str) -> String {
    if first == "UID" { format!("UID {second}") } else { first.to_owned() }
}

/// `2.1.5`
pub(super) fn is_enhanced(word: &str) -> bool {
    let numbers: Vec<&str> = word.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
}

/// As clients make them: letters and at least one digit behind them.
pub(super) fn is_tag(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A line with case, white space and brackets left out of account.
pub(super) fn plainly(line: &str) -> String {
    let bare: String = line.chars().map(|c| if "<>\"".contains(c) { ' ' } else { c }).collect();
    bare.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::step;
    use super::*;

    #[test]
    fn a_line_is_known_by_its_verb_or_its_code() {
        let of = |protocol, server, line| signature(protocol, server, line);
        assert_eq!(of(Protocol::Smtp, true, "250-mail.example.com hello"), "S 250");
        assert_eq!(of(Protocol::Smtp, true, "550 5.1.1 No such user"), "S 550 5.1.1");
        assert_eq!(of(Protocol::Smtp, false, "rcpt TO:<bob@example.net>"), "C RCPT");
        assert_eq!(of(Protocol::Pop3, true, "-ERR [IN-USE] busy"), "S -ERR IN-USE");
        assert_eq!(of(Protocol::Imap, true, "* 12 EXISTS"), "S * EXISTS");
        assert_eq!(of(Protocol::Imap, true, "a3 OK [READ-WRITE] done"), "S tagged OK READ-WRITE");
        assert_eq!(of(Protocol::Imap, false, "a3 UID FETCH 1 BODY[]"), "C UID FETCH");
        assert_eq!(of(Protocol::Imap, false, "CAPABILITY"), "C CAPABILITY");
        assert_eq!(of(Protocol::Dns, false, "example.net MX?"), "C MX");
        assert_eq!(of(Protocol::Dns, true, "example.net MX: NXDOMAIN"), "S NXDOMAIN");
    }

    #[test]
    fn secrets_and_what_steers_a_terminal_do_not_pass() {
        let mut line = step(Protocol::Pop3, Kind::Command, "PASS", "");
        line.bytes = b"PASS ses\x1bame more\r\n".to_vec();
        line.secrets = vec![Span::new(5, 12)];
        assert_eq!(of(&line, "", 0).as_deref(), Some("PASS •••••• more"));
        line.secrets.clear();
        assert_eq!(of(&line, "", 0).as_deref(), Some("PASS ses␛ame more"));
        line.secrets = vec![Span::new(3, 999), Span::new(4, 6)];
        assert_eq!(of(&line, "", 0).as_deref(), Some("PAS••••••"));
    }

    #[test]
    fn a_long_reply_is_cut_and_counted() {
        let mut reply = step(Protocol::Smtp, Kind::Reply, "EHLO", "250");
        reply.bytes = format!("250-{}\r\n250-SIZE\r\n250 HELP\r\n", "x".repeat(200)).into_bytes();
        let said = of(&reply, "", 0).unwrap_or_default();
        assert!(said.ends_with("x… (and 2 more lines)") && said.chars().count() < 140, "{said}");
    }
}
