//! Stories made to do harm: markup, entities, fences, directives, terminal escapes, bidi controls and random bytes,
//! wherever a transcript can hold text. In every format they stay text.

use super::formats::{check_cast, check_markdown, check_svg};
use super::*;
use postroad::trace::{Fact, Gap, Mark, Missing};
use proptest::prelude::*;

/// What has meaning for somebody.
const BAD: [&str; 34] = [
    "<script>alert(1)</script>",
    "</text></svg><img src=x onerror=alert(1)>",
    "]]>",
    "<!-- -->",
    "&lt;&#60;&amp",
    "\"><a href='javascript:x'>",
    "; end",
    "end",
    "#quot;#59;",
    "%%{init: {\"theme\": \"dark\"}}%%",
    "%% comment",
    "participant x as y",
    "wrap: a",
    "<br/>$$x$$",
    "h1->>h2: forged",
    "@{ \"type\": \"database\" }",
    "```",
    "````text",
    "~~~",
    "[a](javascript:b) ![c](d)",
    "[x]: http://example.com",
    "<http://example.com> www.example.com https://example.com a@example.com",
    "# heading",
    "1. a",
    "---",
    "| a | b |",
    "{{#include /etc/passwd}}",
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m",
    "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}",
    "\u{fffe}\u{ffff}\u{1}",
    "\\",
    "*_~`",
    "\u{2028}\u{2029}\u{85}\u{c}\u{b}",
    "",
];

/// A text of the bad ones.
fn text(random: &mut fastrand::Rng) -> String {
    (0..random.usize(0..4)).map(|_| BAD[random.usize(..BAD.len())]).collect::<Vec<_>>().join(" ")
}

/// Bytes of a line: a verb, bad texts, sometimes random bytes, sometimes no line end.
fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let verbs = [
        "EHLO ",
        "AUTH PLAIN ",
        "MAIL FROM:<",
        "DATA",
        "250-",
        "550 ",
        "354 ",
        "USER ",
        "PASS ",
        "+OK ",
        "-ERR ",
        "a1 LOGIN x ",
        "* OK ",
        "a1 FETCH 1 ",
        "STARTTLS",
        ".",
        "Subject: ",
        "",
    ];
    let mut out = verbs[random.usize(..verbs.len())].as_bytes().to_vec();
    out.extend_from_slice(text(random).as_bytes());
    if random.u8(..) < 60 {
        out.extend((0..random.usize(..40)).map(|_| random.u8(..)));
    }
    out.extend_from_slice([&b"\r\n"[..], b"\r\n", b"\r\n", b"\n", b"\r", b""][random.usize(..6)]);
    out
}

/// A story of bad texts: always the same for the same seed.
pub fn story(seed: u64) -> Vec<Record> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tape = Tape::new(&text(&mut random));
    if let Some(Record::Head(head)) = tape.records.first_mut() {
        head.hosts[0].name = text(&mut random);
        head.hosts[1].name = text(&mut random);
    }
    for conn in 1..=random.u32(1..5) {
        let port = [25, 587, 110, 143, 4000, 53][random.usize(..6)];
        let mixed = random.bool();
        match random.u8(..) {
            // Nobody says that it was opened.
            0..20 => &mut tape,
            20..60 => tape.opened(conn, Transport::Udp, "192.0.2.10:4000", "192.0.2.25:53"),
            60..90 if mixed => {
                tape.opened(conn, Transport::Tcp, "192.0.2.10:4000", &format!("[2001:db8::1]:{port}"))
            }
            _ => tape.open(conn, port),
        };
        for _ in 0..random.usize(..12) {
            let from = if random.bool() { Direction::Client } else { Direction::Server };
            let bytes = bytes(&mut random);
            match random.u8(..) {
                0..10 => {
                    let how = [CloseHow::Fin, CloseHow::Reset, CloseHow::Refused, CloseHow::Timeout];
                    tape.close(conn, from, how[random.usize(..4)]);
                }
                10..25 => drop(tape.layer(conn, from, Layer::Plain, &bytes)),
                25..35 => {
                    let fact = Fact::Queued {
                        id: text(&mut random),
                        sender: text(&mut random),
                        recipients: vec![text(&mut random)],
                        size: 1,
                    };
                    let host = text(&mut random);
                    tape.records.push(Record::Fact { at: tape.at, host, fact });
                }
                35..45 => {
                    let (kind, text) = (text(&mut random), text(&mut random));
                    let mark = Mark { kind, text, ..Mark::default() };
                    tape.records.push(Record::Mark(mark));
                }
                // A clock that goes back.
                45..50 => tape.at = telling::START,
                50..53 => {
                    let len = [None, Some(0), Some(700), Some(1 << 40)][random.usize(..4)];
                    let why = if random.bool() { Missing::Before } else { Missing::Lost };
                    let layer = if random.u8(..4) == 0 { Layer::Plain } else { Layer::Wire };
                    let gap = Gap { conn: Conn(conn), from, layer, len, why };
                    tape.records.push(Record::Gap { at: tape.at, gap });
                }
                53..55 => drop(tape.wait(3_000)),
                _ => drop(tape.says(conn, from, &bytes)),
            }
        }
    }
    tape.end()
}

/// Each line is one of those that we write, with labels in which nothing but numbers follows a `#`.
fn check_mermaid(diagram: &str) {
    let mut lines = diagram.lines();
    assert_eq!(lines.next(), Some("sequenceDiagram"));
    let mut depth = 0;
    for line in lines {
        let line = line.trim_start();
        let label = if line == "end" {
            depth -= 1;
            continue;
        } else if line == "rect rgba(128, 128, 128, 0.12)" {
            depth += 1;
            continue;
        } else if let Some(number) = line.strip_prefix("%% chapter ") {
            assert!(number.bytes().all(|b| b.is_ascii_digit()), "{line}");
            continue;
        } else if let Some(title) = line.strip_prefix("title ").or(line.strip_prefix("accTitle: ")) {
            title
        } else if let Some(participant) = line.strip_prefix("participant h") {
            participant.split_once(" as ").expect("a name").1
        } else if let Some(note) = line.strip_prefix("Note over h") {
            note.split_once(": ").expect("a text").1
        } else {
            let (ends, label) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            assert!(ends.starts_with('h') && ends.contains("-"), "{line}");
            label
        };
        assert!(!label.trim().is_empty(), "{line:?}");
        let mut rest = label;
        while let Some(at) = rest.find('#') {
            let (digits, after) = rest[at + 1..].split_once(';').expect("a number ends in ;");
            assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), "{label}");
            assert!(!rest[..at].contains([';', '<', '>', '"', '%', '{', '}', '&', '\\']), "{label}");
            rest = after;
        }
        assert!(!rest.contains([';', '<', '>', '"', '%', '{', '}', '&', '\\']), "{label}");
        assert!(label.chars().all(postroad::base::escape::is_printable), "{label:?}");
    }
    assert_eq!(depth, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bad_bytes_stay_text(seed in any::<u64>()) {
        let records = story(seed);
        for detail in [false, true] {
            check_svg(&to_svg(&records, detail));
            check_mermaid(&to_mermaid(&records, detail));
            let document = to_markdown(&records, detail);
            check_markdown(&document);
            prop_assert!(!document.contains("{{#"), "{document}");
            prop_assert!(document.replace('\n', "").chars().all(postroad::base::escape::is_printable));
        }
        check_cast(&to_cast(&records));
        let text = to_text(&records);
        prop_assert!(text.replace('\n', "").chars().all(postroad::base::escape::is_printable));
        for line in to_json(&records).lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok());
        }
        for show in [false, true] {
            // The reader panics where a length or a checksum is wrong.
            let all = capture::packets(&to_pcapng(&records, show, true));
            let comments = all.iter().flat_map(|p| &p.comments);
            let tame = |c: char| c == '\n' || postroad::base::escape::is_printable(c);
            prop_assert!(comments.flat_map(|c| c.chars()).all(tame));
        }
    }

    /// However the bytes are split and whoever closes first, streams come whole and in order.
    #[test]
    fn streams_are_kept_whole(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..4000), 0_u64..200), 1..12),
        close in any::<bool>(),
    ) {
        let mut tape = Tape::new("streams");
        tape.open(1, 4000).wait(40);
        let mut sent = [Vec::new(), Vec::new()];
        for (client, bytes, wait) in &chunks {
            let from = if *client { Direction::Client } else { Direction::Server };
            sent[usize::from(!client)].extend_from_slice(bytes);
            tape.says(1, from, bytes).wait(*wait);
        }
        let last = if close { Direction::Client } else { Direction::Server };
        tape.close(1, last, CloseHow::Fin);
        let records = tape.end();
        let found = capture::streams(&capture::packets(&to_pcapng(&records, true, false)));
        let mut found: Vec<Vec<u8>> = found.into_values().collect();
        let mut sent: Vec<Vec<u8>> = sent.into_iter().filter(|s| !s.is_empty()).collect();
        found.sort();
        sent.sort();
        prop_assert_eq!(found, sent);
    }
}
