//! Dialogues as the observer sees them.

use super::*;
use crate::dissect::step::{Kind, Meaning, Verdict};
use Direction::{Client as C, Server as S};
use proptest::prelude::*;

/// Offer both sides' bytes, piece by piece, as the conversation does; gives each piece with its side and bytes.
fn watch(chunks: &[(Direction, &[u8])]) -> Vec<(Direction, Vec<u8>, Piece)> {
    let mut reader = SmtpReader::default();
    let mut waiting = [Vec::new(), Vec::new()];
    let mut pieces = Vec::new();
    let offer = |reader: &mut SmtpReader, waiting: &mut [Vec<u8>; 2], ended: bool, pieces: &mut Vec<_>| {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for (side, bytes) in [C, S].into_iter().zip(waiting.iter_mut()) {
                while let Some(piece) = reader.read(side, bytes, ended && !bytes.is_empty()) {
                    assert!(piece.len > 0 && piece.len <= bytes.len(), "a piece takes bytes that are there");
                    let taken: Vec<u8> = bytes.drain(..piece.len).collect();
                    pieces.push((side, taken, piece));
                    quiet = false;
                }
            }
        }
    };
    for (side, bytes) in chunks {
        waiting[usize::from(*side == S)].extend_from_slice(bytes);
        offer(&mut reader, &mut waiting, false, &mut pieces);
    }
    offer(&mut reader, &mut waiting, true, &mut pieces);
    assert!(waiting.iter().all(Vec::is_empty), "every byte is in a piece");
    pieces
}

/// A script of `C:` and `S:` lines as chunks; consecutive lines of one side are one chunk.
fn script(text: &str) -> Vec<(Direction, Vec<u8>)> {
    let mut chunks: Vec<(Direction, Vec<u8>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (side, rest) = match line.split_at_checked(2) {
            Some(("C:", rest)) => (C, rest),
            Some(("S:", rest)) => (S, rest),
            _ => continue,
        };
        let bytes = format!("{}\r\n", rest.strip_prefix(' ').unwrap_or(rest));
        match chunks.last_mut() {
            Some((last, chunk)) if *last == side => chunk.extend(bytes.into_bytes()),
            _ => chunks.push((side, bytes.into_bytes())),
        }
    }
    chunks
}

fn watch_script(text: &str) -> Vec<(Direction, Vec<u8>, Piece)> {
    let chunks = script(text);
    watch(&chunks.iter().map(|(side, bytes)| (*side, bytes.as_slice())).collect::<Vec<_>>())
}

fn brief(pieces: &[(Direction, Vec<u8>, Piece)]) -> Vec<String> {
    let show =
        |(_, _, p): &(_, _, Piece)| format!("{:?} {} {}", p.kind, p.verb, p.code).trim_end().to_owned();
    pieces.iter().map(show).collect()
}

fn ids(pieces: &[(Direction, Vec<u8>, Piece)]) -> Vec<&'static str> {
    pieces.iter().flat_map(|(_, _, p)| p.findings.iter().map(|f| f.id)).collect()
}

const PIPELINED: &str = "S: 220 mx.example.net ESMTP ready
    C: EHLO mail.example.com
    S: 250-mx.example.net greets mail.example.com
    S: 250-PIPELINING
    S: 250 SIZE 1000
    C: MAIL FROM:<alice@example.com> SIZE=20
    C: RCPT TO:<bob@example.net>
    C: RCPT TO:<nobody@example.net>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 550 5.1.1 no such user
    S: 354 go on
    C: Subject: hello
    C:
    C: ..dot
    C: .
    C: QUIT
    S: 250 2.0.0 queued
    S: 221 2.0.0 bye";

#[test]
fn replies_know_the_commands_they_answer() {
    let pieces = watch_script(PIPELINED);
    let want = [
        "Greeting CONNECT 220",
        "Command EHLO",
        "Reply EHLO 250",
        "Command MAIL",
        "Command RCPT",
        "Command RCPT",
        "Command DATA",
        "Reply MAIL 250 2.1.0",
        "Reply RCPT 250 2.1.5",
        "Reply RCPT 550 5.1.1",
        "Reply DATA 354",
        "Data message",
        "Command QUIT",
        "Reply . 250 2.0.0",
        "Reply QUIT 221 2.0.0",
    ];
    assert_eq!(brief(&pieces), want);
    assert_eq!(ids(&pieces), Vec::<&str>::new());
    assert_eq!(pieces[9].2.verdict, Some(Verdict::Negative));
    let Meaning::Smtp(SmtpMeaning::Reply(ehlo)) = &pieces[2].2.meaning else { panic!("a reply") };
    let offered: Vec<&str> = ehlo.extensions.iter().map(|e| e.keyword.as_str()).collect();
    assert_eq!((offered, ehlo.phase), (vec!["PIPELINING", "SIZE"], Some(Phase::Greeted)));
}

#[test]
fn a_message_has_fields_body_stuffed_dots_and_an_end() {
    let wire = b"Subject: a\r\n b\r\nX: y\r\n\r\n..dot\r\n.\r\n";
    let mut chunks: Vec<(Direction, &[u8])> =
        vec![(S, b"220 a\r\n"), (C, b"HELO a.b\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n")];
    chunks.extend([(S, &b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n"[..]), (C, &wire[..])]);
    let pieces = watch(&chunks);
    let (_, bytes, piece) = pieces.last().expect("a message");
    let text = |name: &str| {
        let part = piece.parts.iter().find_map(|p| p.find(name));
        part.map(|p| (p.span.start, String::from_utf8_lossy(p.span.of(bytes)).into_owned()))
    };
    assert_eq!(text("field-body"), Some((8, " a\r\n b\r\n".into())));
    assert_eq!(text("body"), Some((24, "..dot\r\n".into())));
    assert_eq!(text("stuffed-dot"), Some((24, ".".into())));
    assert_eq!(text("end-of-data"), Some((31, ".\r\n".into())));
    let Meaning::Smtp(SmtpMeaning::Message(seen)) = &piece.meaning else { panic!("a message") };
    assert_eq!((seen.octets, seen.stuffed_dots, seen.complete), (30, 1, true));
    assert_eq!(seen.field("subject"), Some("a b"));
}

#[test]
fn secrets_are_marked_and_never_meant() {
    let pieces = watch_script(
        "S: 220 a
        C: EHLO b.example
        S: 250 a
        C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
        S: 535 5.7.8 no
        C: AUTH PLAIN
        S: 334
        C: dGVzdAB0ZXN0ADEyMzQ=
        S: 535 5.7.8 no
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: dGVzdA==
        S: 334 UGFzc3dvcmQ6
        C: MTIzNA==
        S: 235 2.7.0 ok
        C: AUTH PLAIN *broken* hunter2
        S: 501 no",
    );
    let secret: Vec<String> = pieces
        .iter()
        .flat_map(|(_, bytes, p)| p.secrets.iter().map(|s| String::from_utf8_lossy(s.of(bytes)).into_owned()))
        .collect();
    assert_eq!(secret, ["DEyMzQ=", "DEyMzQ=", "MTIzNA==", " PLAIN *broken* hunter2"]);
    let meanings = format!("{:?}", pieces.iter().map(|p| &p.2.meaning).collect::<Vec<_>>());
    assert!(meanings.contains("user: Some(\"test\")") && !meanings.contains("MTIz"), "{meanings}");
    assert_eq!(pieces[7].2.kind, Kind::Continuation);
}

#[test]
fn a_response_to_a_refused_auth_stays_secret() {
    let pieces = watch_script(
        "S: 220 a
        C: EHLO b.example
        S: 250 a
        C: AUTH PLAIN
        C: AHRlc3QAMTIzNA==
        S: 504 5.5.4 no
        S: 500 5.5.2 what",
    );
    assert_eq!(pieces.iter().map(|p| p.2.secrets.len()).sum::<usize>(), 1);
    assert!(!format!("{:?}", pieces.iter().map(|p| &p.2).collect::<Vec<_>>()).contains("AHRL"));
}

#[test]
fn out_of_phase_is_found() {
    let pieces = watch_script(
        "S: 220 a
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 EHLO first
        C: EHLO b.example
        S: 250 a
        C: DATA
        S: 503 5.5.1 MAIL first
        C: MAIL FROM:<a@b.example>
        S: 250 ok
        S: 250 what",
    );
    assert_eq!(ids(&pieces), ["command-out-of-phase", "command-out-of-phase", "reply-to-nothing"]);
}

#[test]
fn a_careless_server_betrays_itself() {
    let mut chunks: Vec<(Direction, &[u8])> =
        vec![(S, b"220 a\r\n"), (C, b"HELO a.b\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n")];
    chunks.extend([
        (S, &b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n"[..]),
        (C, &b"A: b\r\n\r\none\n.\nMAIL FROM:<eve@example.com>\r\n"[..]),
        (S, &b"250 queued\r\n250 sender ok\r\n"[..]),
        (C, &b"x\r\n.\r\n"[..]),
        (S, &b"250 queued\r\n"[..]),
    ]);
    let pieces = watch(&chunks);
    let found = ids(&pieces);
    assert_eq!(found.iter().filter(|id| **id == "reply-before-end-of-data").count(), 2);
    assert!(found.contains(&"end-of-data-lookalike") && found.contains(&"bare-lf"), "{found:?}");
    assert_eq!(pieces.last().map(|p| p.2.verb.as_str()), Some("."));
}

#[test]
fn after_starttls_clear_text_is_an_injection() {
    let pieces = watch(&[
        (S, b"220 a\r\n"),
        (C, b"EHLO a.b\r\n"),
        (S, b"250-a\r\n250 STARTTLS\r\n"),
        (C, b"STARTTLS\r\nRSET\r\n"),
        (S, b"220 go\r\n"),
    ]);
    assert_eq!(ids(&pieces), ["starttls-injection"]);
}

/// A recording that somebody decrypted goes on in clear text.
#[test]
fn a_decrypted_recording_goes_on() {
    let pieces = watch_script(
        "S: 220 a
        C: EHLO b.example
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 go
        C: EHLO b.example
        S: 250 a
        C: QUIT
        S: 221 b",
    );
    assert_eq!(ids(&pieces), ["clear-text-after-starttls"]);
    assert_eq!(brief(&pieces).last().map(String::as_str), Some("Reply QUIT 221"));
}

#[test]
fn chunks_are_counted() {
    let pieces = watch(&[
        (S, b"220 a\r\n"),
        (C, b"EHLO a.b\r\n"),
        (S, b"250 CHUNKING\r\n"),
        (C, b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 4\r\n\r\n.\rBDAT 2 LAST\r\nabQUIT\r\n"),
        (S, b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n221 e\r\n"),
    ]);
    let want = ["Command BDAT", "Data BDAT", "Command BDAT", "Data BDAT", "Command QUIT"];
    assert_eq!(brief(&pieces)[5..10], want);
    assert_eq!(ids(&pieces), Vec::<&str>::new());
}

#[test]
fn what_breaks_off_is_still_in_pieces() {
    let pieces = watch(&[(S, b"220-a\r\n220 b"), (C, b"EHLO a.b\r\nMAIL FRO")]);
    assert_eq!(ids(&pieces), ["command-syntax", "cut-short", "cut-short"]);
    assert_eq!(brief(&pieces), ["Command EHLO", "Command MAIL", "Greeting CONNECT 220"]);
    let changed = watch(&[(S, b"220-a\r\n421 b\r\n")]);
    assert_eq!(ids(&changed), ["reply-cut-short", "unasked-421"]);
}

/// The RFCs' own dialogues: every line of them is read, and each reply finds its command.
#[test]
fn the_rfcs_own_dialogues_are_read() {
    let Ok(corpus) = std::env::var("POSTROAD_CORPUS") else {
        assert_ne!(std::env::var("POSTROAD_REQUIRE_ALL").as_deref(), Ok("1"), "POSTROAD_CORPUS is not set");
        let skipped = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped the_rfcs_own_dialogues_are_read: POSTROAD_CORPUS is not set\n",
        );
        return skipped.unwrap_or_default();
    };
    let mut seen = 0;
    for (rfc, most) in
        [("rfc5321", 7), ("rfc4954", 7), ("rfc2920", 6), ("rfc1870", 2), ("rfc2034", 2), ("rfc3461", 6)]
    {
        for number in 1..=most {
            let name = format!("{corpus}/rfc/dialogs/{rfc}-{number:02}.txt");
            let Ok(text) = std::fs::read_to_string(&name) else { continue };
            let text: String =
                text.lines().filter(|l| !l.contains(": <")).map(|l| format!("{l}\n")).collect();
            // RFC 3461 prints its own arrows, and breaks long lines with a backslash.
            let text = text.replace(">>>", "C:").replace("<<<", "S:").replace(" \\\n   ", "");
            // TLS is only hinted at; what follows it is another conversation.
            let text = text.split("C: STARTTLS").next().unwrap_or_default();
            // Dialogues that begin inside a message or an exchange cannot be told from commands.
            if text.starts_with("C: .") || text.starts_with("S: 334") {
                continue;
            }
            for (_, bytes, piece) in watch_script(text) {
                let line = crate::base::escape::line(&bytes);
                assert_ne!(piece.kind, Kind::Unparsed, "{name}: {line}");
                let wrong = piece.findings.iter().find(|f| {
                    matches!(f.id, "unknown-command" | "command-syntax" | "not-a-reply" | "reply-to-nothing")
                });
                assert_eq!(wrong, None, "{name}: {line}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} dialogues found");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_split_gives_the_same_pieces(step in 1_usize..50) {
        let chunks = script(PIPELINED);
        let split: Vec<(Direction, &[u8])> =
            chunks.iter().flat_map(|(side, bytes)| bytes.chunks(step).map(|piece| (*side, piece))).collect();
        prop_assert_eq!(watch(&split), watch_script(PIPELINED));
    }

    #[test]
    fn nothing_panics_and_every_byte_is_in_a_piece(
        chunks in proptest::collection::vec((any::<bool>(), proptest::sample::select(vec![
            "220 a\r\n", "250-a\r\n", "250 a\r\n", "354 a\r\n", "334 x\r\n", "235 a\r\n", "x", "\n", "\r", "\0",
            "EHLO a\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n", ".\r\n", "..x\r\n", "A: b\r\n",
            "BDAT 3\r\n", "AUTH PLAIN\r\n", "AUTH LOGIN dGVzdA==\r\n", "*\r\n", "STARTTLS\r\n", "\u{16}\u{3}",
            "QUIT\r\n", "550 5.1.1 x\r\n",
        ])), 0..30),
        step in 1_usize..8,
    ) {
        let side = |client: bool| if client { C } else { S };
        let whole: Vec<(Direction, &[u8])> = chunks.iter().map(|(c, b)| (side(*c), b.as_bytes())).collect();
        let split: Vec<(Direction, &[u8])> =
            whole.iter().flat_map(|(side, bytes)| bytes.chunks(step).map(|piece| (*side, piece))).collect();
        prop_assert_eq!(watch(&whole), watch(&split));
    }

    #[test]
    fn random_bytes_do_not_trip_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let (a, b) = bytes.split_at(cut.min(bytes.len()));
        watch(&[(C, a), (S, b), (C, b), (S, a)]);
    }
}

#[test]
fn no_order_is_broken_that_a_refusal_can_make_right() {
    let refused = "S: 220 mx
        C: EHLO a.example.com
        S: 250 mx
        C: MAIL FROM:<a@example.com>
        C: MAIL FROM:<b@example.com>
        S: 550 not you
        S: 250 ok";
    assert_eq!(ids(&watch_script(refused)), [""; 0]);
    let certain = "S: 220 mx
        C: EHLO a.example.com
        S: 250 mx
        C: RCPT TO:<b@example.com>
        C: DATA
        S: 503 no
        S: 503 no";
    assert_eq!(ids(&watch_script(certain)), ["command-out-of-phase"; 2]);
}
