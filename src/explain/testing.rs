//! Steps made by hand, for this folder's tests.

use crate::base::{Instant, Part, Span};
use crate::dissect::{Kind, Meaning, Protocol, Reader, Step, Verdict};
use crate::trace::{Conn, Direction, Head, HostInfo, Layer, Opened, Record, Transport};

/// A Step with these four and nothing else.
pub fn step(protocol: Protocol, kind: Kind, verb: &str, code: &str) -> Step {
    let from = match kind {
        Kind::Greeting | Kind::Reply | Kind::Untagged | Kind::Answer => Direction::Server,
        _ => Direction::Client,
    };
    Step {
        number: 1,
        conn: Conn(1),
        layer: Layer::Wire,
        from,
        range: 0..0,
        at: Instant::from_secs(0),
        record: 0,
        protocol,
        kind,
        verb: verb.into(),
        code: code.into(),
        verdict: verdict(code),
        bytes: Vec::new(),
        parts: Vec::new(),
        secrets: Vec::new(),
        findings: Vec::new(),
        meaning: Meaning::None,
    }
}

fn verdict(code: &str) -> Option<Verdict> {
    match code.as_bytes().first() {
        Some(b'2' | b'+') => Some(Verdict::Positive),
        Some(b'3') => Some(Verdict::Intermediate),
        Some(b'4') => Some(Verdict::Transient),
        Some(b'5' | b'-') => Some(Verdict::Negative),
        _ => None,
    }
}

/// One line of an SMTP dialogue: `C: RCPT TO:<bob@example.net>`, `S: 550 5.1.1 no` in answer to `verb`.
pub fn smtp(line: &str, verb: &str) -> Step {
    let (side, text) = line.split_at(3);
    let mut step = if side == "S: " {
        let mut words = text.split([' ', '-']).filter(|w| !w.is_empty());
        let code = words.next().unwrap_or_default();
        let enhanced = words.next().filter(|w| w.split('.').count() == 3 && w.starts_with(&code[..1]));
        let code = enhanced.map_or(code.to_owned(), |e| format!("{code} {e}"));
        let kind = if verb == "CONNECT" { Kind::Greeting } else { Kind::Reply };
        step(Protocol::Smtp, kind, verb, &code)
    } else {
        let kind = match verb {
            "." => Kind::Data,
            "AUTH" if !text.starts_with("AUTH") => Kind::Continuation,
            _ => Kind::Command,
        };
        step(Protocol::Smtp, kind, if kind == Kind::Data { "DATA" } else { verb }, "")
    };
    step.bytes = text.replace('|', "\r\n").into_bytes();
    step.bytes.extend_from_slice(b"\r\n");
    step
}

/// The same Step with a part of this name around this text.
pub fn with_part(mut step: Step, name: &'static str, text: &str) -> Step {
    let at = step.bytes.windows(text.len()).position(|w| w == text.as_bytes()).unwrap_or(0);
    step.parts.push(Part::leaf(name, Span::new(at, at + text.len())));
    step
}

/// The Steps that a reader makes of lines `C: …` and `S: …`; `|` stands for a line end inside.
pub fn dialogue(reader: &mut dyn Reader, lines: &[&str]) -> Vec<Step> {
    let (mut steps, mut waiting) = (Vec::new(), [Vec::new(), Vec::new()]);
    for line in lines {
        let from = if line.starts_with("S:") { Direction::Server } else { Direction::Client };
        let text = line.get(3..).unwrap_or_default().replace('|', "\r\n");
        waiting[usize::from(from == Direction::Server)].extend(format!("{text}\r\n").into_bytes());
        while let Some((side, piece)) = [Direction::Client, Direction::Server].into_iter().find_map(|side| {
            let bytes = &waiting[usize::from(side == Direction::Server)];
            reader.read(side, bytes, false).map(|piece| (side, piece))
        }) {
            let mut found = step(reader.protocol(), piece.kind, &piece.verb, &piece.code);
            found.bytes = waiting[usize::from(side == Direction::Server)].drain(..piece.len).collect();
            (found.from, found.verdict, found.parts) = (side, piece.verdict, piece.parts);
            (found.secrets, found.findings, found.meaning) = (piece.secrets, piece.findings, piece.meaning);
            steps.push(found);
        }
    }
    steps
}

/// The connection of the Steps above opens, to this port of mail.example.com.
pub fn opened(port: u16) -> Record {
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:40000".parse().unwrap(),
        server: format!("192.0.2.25:{port}").parse().unwrap(),
    };
    Record::Open { at: Instant::from_secs(0), open }
}

/// Alice's laptop, her server, Bob's server, his phone, the DNS.
pub fn head() -> Head {
    let host = |name: &str, address: &str, roles: &[&str]| HostInfo {
        name: name.to_owned(),
        addresses: address.parse().into_iter().collect(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
    };
    Head {
        version: 1,
        generator: "postroad".to_owned(),
        title: "Alice writes to Bob".to_owned(),
        start: Instant::from_secs(0),
        hosts: vec![
            host("alice-laptop.example.com", "192.0.2.10", &["mua"]),
            host("mail.example.com", "192.0.2.25", &["submission", "mta"]),
            host("ns.example", "192.0.2.53", &["dns"]),
            host("mx1.example.net", "198.51.100.25", &["mta", "pop3", "imap"]),
            host("bob-phone.example.net", "198.51.100.10", &["mua"]),
        ],
        scenario: String::new(),
        seed: 1,
        changes: Vec::new(),
    }
}

/// The corpus that others made, where it is; else the test of this name is skipped, unless nothing may be.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn corpus(test: &str) -> Option<std::path::PathBuf> {
    let corpus = std::env::var_os("POSTROAD_CORPUS").map(std::path::PathBuf::from).filter(|p| p.is_dir());
    if corpus.is_none() {
        let required = std::env::var_os("POSTROAD_REQUIRE_ALL").is_some_and(|v| v == "1");
        assert!(!required, "{test}: POSTROAD_CORPUS names no folder");
        eprintln!("skipped: {test}: POSTROAD_CORPUS names no folder");
    }
    corpus
}
