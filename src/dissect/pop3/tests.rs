//! Dialogues as the observer reads them.

use super::*;
use crate::base::Part;
use crate::dissect::step::{Meaning, Verdict};
use proptest::prelude::*;

/// What one side said, in the order of the wire.
type Turn = (Direction, Vec<u8>);

/// Feeds turns in chunks as a conversation does, and gives the pieces with their bytes.
fn pieces(reader: &mut Pop3Reader, turns: &[Turn], chunk: usize) -> Vec<(Direction, Piece, Vec<u8>)> {
    let mut out = Vec::new();
    let mut waiting = [Vec::new(), Vec::new()];
    let sides = [Direction::Client, Direction::Server];
    let mut take = |side: usize, waiting: &mut Vec<u8>, ended: bool| {
        while let Some(piece) = reader.read(sides[side], waiting, ended) {
            assert!(piece.len > 0 && piece.len <= waiting.len(), "{piece:?}");
            let bytes: Vec<u8> = waiting.drain(..piece.len).collect();
            assert!(piece.parts.iter().all(|p| inside(p, 0, piece.len)), "{piece:?}");
            assert!(piece.findings.iter().all(|f| f.span.end <= piece.len), "{piece:?}");
            assert!(piece.secrets.iter().all(|s| s.end <= piece.len), "{piece:?}");
            out.push((sides[side], piece, bytes));
        }
    };
    for (from, bytes) in turns {
        let side = usize::from(*from == Direction::Server);
        for chunk in bytes.chunks(chunk) {
            waiting[side].extend_from_slice(chunk);
            take(side, &mut waiting[side], false);
        }
    }
    for (side, waiting) in waiting.iter_mut().enumerate() {
        take(side, waiting, true);
        assert!(waiting.is_empty(), "to the last byte");
    }
    out
}

fn inside(part: &Part, start: usize, end: usize) -> bool {
    let mut at = part.span.start;
    start <= part.span.start
        && part.span.end <= end
        && part.parts.iter().all(|p| {
            let ok = p.span.start >= at && inside(p, part.span.start, part.span.end);
            at = p.span.end;
            ok
        })
}

/// Turns from `C:` and `S:` lines.
fn turns(dialogue: &str) -> Vec<Turn> {
    let said = |line: &str| -> Option<Turn> {
        let (side, text) = line.trim_start().split_once(':')?;
        let from = if side == "C" { Direction::Client } else { Direction::Server };
        let text = text.strip_prefix(' ').unwrap_or(text);
        Some((from, format!("{text}\r\n").into_bytes()))
    };
    dialogue.lines().filter_map(said).collect()
}

fn read(dialogue: &str) -> Vec<Piece> {
    let mut reader = Pop3Reader::default();
    pieces(&mut reader, &turns(dialogue), 1 << 20).into_iter().map(|(_, piece, _)| piece).collect()
}

fn ids(piece: &Piece) -> Vec<&'static str> {
    piece.findings.iter().map(|f| f.id).collect()
}

fn told(piece: &Piece) -> &Told {
    match &piece.meaning {
        Meaning::Pop3(Pop3Meaning::Reply { told, .. }) => told,
        other => panic!("no reply: {other:?}"),
    }
}

const SESSION: &str = "
    S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    C: USER mrose
    S: +OK go on
    C: PASS tan staaf
    S: -ERR [IN-USE] Do you have another POP session running?
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: +OK mrose's maildrop has 2 messages (320 octets)
    C: STAT
    S: +OK 2 320
    C: UIDL
    S: +OK
    S: 1 whqtswO00WBw418f9t5JxYwZ
    S: 2 QhdPYR:00WBw1Ph7x7
    S: .
    C: LIST 2
    S: +OK 2 200
    C: RETR 1
    S: +OK 120 octets
    S: From: Alice <alice@example.com>
    S: Subject: two
    S:  lines
    S:
    S: Hello
    S: ..dot
    S: .
    C: DELE 1
    S: +OK message 1 deleted
    C: QUIT
    S: +OK bye";

#[test]
fn a_session_is_read_as_greeting_commands_and_replies() {
    let steps = read(SESSION);
    let line = |p: &Piece| format!("{:?} {} {}", p.kind, p.verb, p.code).trim_end().to_owned();
    assert_eq!(
        steps.iter().map(line).collect::<Vec<_>>(),
        [
            "Greeting CONNECT +OK",
            "Command USER",
            "Reply USER +OK",
            "Command PASS",
            "Reply PASS -ERR IN-USE",
            "Command APOP",
            "Reply APOP +OK",
            "Command STAT",
            "Reply STAT +OK",
            "Command UIDL",
            "Reply UIDL +OK",
            "Command LIST",
            "Reply LIST +OK",
            "Command RETR",
            "Reply RETR +OK",
            "Command DELE",
            "Reply DELE +OK",
            "Command QUIT",
            "Reply QUIT +OK",
        ]
    );
    assert!(steps.iter().all(|p| p.findings.is_empty()), "{steps:?}");
    assert_eq!(steps[4].verdict, Some(Verdict::Negative));
    assert_eq!(steps[8].parts[1].name, "drop-listing");
    assert_eq!(told(&steps[8]), &Told::DropListing(DropListing { count: 2, octets: 320 }));
    let Told::UniqueIds(ids) = told(&steps[10]) else { panic!() };
    assert_eq!(ids[1].unique_id, "QhdPYR:00WBw1Ph7x7");
    assert_eq!(told(&steps[12]), &Told::ScanListings(vec![ScanListing { number: 2, octets: 200 }]));
    let phases: Vec<_> = [2, 4, 6, 18]
        .map(|i| match &steps[i].meaning {
            Meaning::Pop3(Pop3Meaning::Reply { phase, .. }) => phase.unwrap(),
            _ => panic!(),
        })
        .into();
    assert_eq!(phases, [Phase::NameGiven, Phase::Authorization, Phase::Transaction, Phase::Update]);
}

#[test]
fn passwords_and_digests_are_secrets() {
    let all = pieces(&mut Pop3Reader::default(), &turns(SESSION), 1 << 20);
    let secret = |i: usize| -> Vec<String> {
        let (_, piece, bytes) = &all[i];
        piece.secrets.iter().map(|s| String::from_utf8_lossy(s.of(bytes)).into_owned()).collect()
    };
    assert_eq!(secret(3), ["tan staaf"]);
    assert_eq!(secret(5), ["c4c9334bac560ecc979e58001b3e22fb"]);
    assert!(secret(1).is_empty());
    let apop =
        read("S: +OK\n C: APOP bob digest and more\n S: -ERR\n C: AUTH PLAIN AGJvYgBzZWNyZXQ=\n S: +OK");
    assert_eq!(apop[1].secrets, [Span::new(5, 24)], "malformed: all arguments");
    assert_eq!(apop[3].secrets, [Span::new(17, 27)], "the name shows, the password does not");
}

#[test]
fn a_message_has_fields_a_body_and_stuffed_dots() {
    let steps = read(SESSION);
    let names: Vec<_> = steps[14].parts.iter().map(|p| p.name).collect();
    assert_eq!(names, ["status", "text", "message", "end-of-data"]);
    let message = &steps[14].parts[2];
    let names: Vec<_> = message.parts.iter().map(|p| p.name).collect();
    assert_eq!(names, ["header-field", "header-field", "body"]);
    assert_eq!(message.parts[2].parts[0].name, "stuffed-dot");
    let Told::Message { octets, subject } = told(&steps[14]) else { panic!() };
    assert_eq!(subject.as_deref(), Some("two lines"));
    assert_eq!(*octets, message.span.len() as u64 - 1);
}

#[test]
fn commands_out_of_phase_and_bare_lfs_are_found() {
    let steps = read("S: +OK\n C: STAT\n S: -ERR\n C: PASS x\n S: -ERR\n C: XYZZY a\n S: -ERR");
    assert_eq!(ids(&steps[1]), ["command-out-of-phase"]);
    assert_eq!(ids(&steps[3]), ["command-out-of-phase"]);
    assert_eq!((steps[5].verb.as_str(), ids(&steps[5])), ("XYZZY", vec!["unknown-command"]));
    assert_eq!(steps[6].verb, "XYZZY");
    let bare = [(Direction::Server, b"+OK\n".to_vec()), (Direction::Client, b"QUIT\nQU".to_vec())];
    let all = pieces(&mut Pop3Reader::default(), &bare, 100);
    let found: Vec<_> = all.iter().map(|(_, p, _)| ids(p)).collect();
    assert_eq!(found[..2], [vec!["bare-lf"], vec!["bare-lf"]]);
    assert_eq!(found[2], ["unknown-command", "cut-short"]);
}

#[test]
fn a_pipelining_client_is_judged_by_what_it_may_hope() {
    let steps = read(
        "S: +OK
         C: USER bob
         C: PASS secret
         C: STAT
         S: +OK
         S: -ERR [AUTH] no
         C: LIST
         S: -ERR log in first
         S: -ERR log in first
         C: USER bob",
    );
    let found: Vec<_> = steps.iter().map(|p| (p.verb.as_str(), p.findings.len())).collect();
    let expected = [
        ("CONNECT", 0),
        ("USER", 0),
        ("PASS", 0),
        ("STAT", 0),
        ("USER", 0),
        ("PASS", 0),
        ("LIST", 1),
        ("STAT", 0),
        ("LIST", 0),
        ("USER", 0),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_sasl_exchange_is_secret_and_stls_ends_what_can_be_read() {
    let mut reader = Pop3Reader::default();
    let script = "S: +OK
         C: AUTH PLAIN
         S: +\u{20}
         C: AGJvYgBzZWNyZXQ=
         S: -ERR [AUTH] no
         C: AUTH LOGIN
         C: c2VjcmV0
         S: +\u{20}
         S: -ERR
         C: STLS
         C: NOOP
         S: +OK begin
         S: \u{16}\u{3}\u{1}";
    let all: Vec<_> = pieces(&mut reader, &turns(script), 1000).into_iter().map(|(_, p, _)| p).collect();
    let kinds: Vec<_> = all.iter().map(|p| p.kind).collect();
    use Kind::*;
    assert_eq!(
        kinds,
        [
            Greeting,
            Command,
            Reply,
            Continuation,
            Reply,
            Command,
            Continuation,
            Reply,
            Reply,
            Command,
            Command,
            Reply,
            Unparsed
        ]
    );
    assert_eq!(all[2].verdict, Some(Verdict::Intermediate));
    assert_eq!(all[3].secrets.len(), 1);
    assert_eq!(ids(&all[6]), ["response-too-early"]);
    assert_eq!(ids(&all[10]), ["command-after-stls", "command-out-of-phase"]);
    assert!(reader.tls_begins());
}

#[test]
fn a_block_ends_only_at_crlf_dot_crlf() {
    let wire = b"+OK\r\n+OK\r\na\n.\r\nb\r\n.\r\n-ERR late\r\n".to_vec();
    let script = [
        (Direction::Server, wire[..5].to_vec()),
        (Direction::Client, b"RETR 1\r\n".to_vec()),
        (Direction::Server, wire[5..].to_vec()),
    ];
    let all = pieces(&mut Pop3Reader::default(), &script, 100);
    assert_eq!(all[2].2, b"+OK\r\na\n.\r\nb\r\n.\r\n");
    assert_eq!(ids(&all[2].1), ["bare-lf"]);
    assert_eq!(ids(&all[3].1), ["unexpected-reply"]);
    let cut = read("S: +OK\n C: RETR 1\n S: +OK\n S: Subject: x");
    assert_eq!((cut[2].kind, ids(&cut[2])), (Kind::Reply, vec!["cut-short"]));
}

#[test]
fn a_large_message_is_read_without_looking_back() {
    let mut body = b"+OK\r\nSubject: x\r\n\r\n".to_vec();
    body.extend(b"..line of a large message\r\n".repeat(100_000));
    body.extend(b".\r\n");
    let script = [
        (Direction::Server, b"+OK\r\n".to_vec()),
        (Direction::Client, b"RETR 1\r\n".to_vec()),
        (Direction::Server, body),
    ];
    let all = pieces(&mut Pop3Reader::default(), &script, 16_384);
    assert_eq!(all.len(), 3);
    let Told::Message { octets, .. } = told(&all[2].1) else { panic!() };
    assert_eq!(*octets, 14 + 100_000 * 26);
}

#[test]
fn endless_lines_are_cut() {
    let script = [
        (Direction::Server, [b"+OK ".as_slice(), &[b'x'; 200_000], b"\r\n+OK\r\n"].concat()),
        (Direction::Client, [b"PASS ".as_slice(), &[b'x'; 200_000], b"\r\nQUIT\r\n"].concat()),
    ];
    let whole: Vec<_> =
        pieces(&mut Pop3Reader::default(), &script, 1 << 20).into_iter().map(|p| p.1).collect();
    let split: Vec<_> = pieces(&mut Pop3Reader::default(), &script, 999).into_iter().map(|p| p.1).collect();
    assert_eq!(whole, split);
    let cut = |p: &&Piece| p.kind == Kind::Unparsed && p.secrets.len() == 1;
    assert_eq!(whole.iter().filter(cut).count(), 4, "every piece of the password is a secret");
    assert_eq!(whole.last().map(|p| p.verb.as_str()), Some("QUIT"));
}

/// The corpus' folder; or a skip, which is a failure where everything is required.
fn corpus(test: &str) -> Option<std::path::PathBuf> {
    let found = std::env::var_os("POSTROAD_CORPUS").map(std::path::PathBuf::from).filter(|p| p.is_dir());
    if found.is_none() {
        let required = std::env::var("POSTROAD_REQUIRE_ALL").is_ok_and(|v| v == "1");
        assert!(!required, "{test}: POSTROAD_CORPUS names no folder");
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped {test}: POSTROAD_CORPUS names no folder");
    }
    found
}

#[test]
fn the_examples_of_rfc_1939_and_rfc_2449_are_read() {
    let Some(corpus) = corpus("the_examples_of_rfc_1939_and_rfc_2449_are_read") else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(corpus.join("rfc/dialogs")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| {
        let name = p.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("rfc1939-") || name.starts_with("rfc2449-")
    });
    files.sort();
    assert!(files.len() >= 16, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // What stands in angle brackets on a client's line, or speaks of connections, is a stage direction.
        let direction = |l: &str| ["<wait", "<open", "<close"].iter().any(|d| l.contains(d));
        let script: String = text
            .lines()
            .filter(|l| (l.starts_with("C:") || l.starts_with("S:")) && !direction(l))
            .map(|l| format!("{}: {}\n", &l[..1], l[2..].trim_start()))
            .collect();
        let greets = script.starts_with("S:");
        let mut reader = if greets { Pop3Reader::default() } else { Pop3Reader::mid_session() };
        let all = pieces(&mut reader, &turns(&script), 1 << 20);
        let mut commands = VecDeque::new();
        for (at, (from, piece, bytes)) in all.iter().enumerate() {
            let context = format!("{}: {}", file.display(), String::from_utf8_lossy(bytes));
            match (from, piece.kind) {
                (Direction::Client, Kind::Command) => commands.push_back(piece.verb.clone()),
                (Direction::Server, Kind::Greeting) => assert!(greets && at == 0, "{context}"),
                (Direction::Server, Kind::Reply) => {
                    assert_eq!(Some(&piece.verb), commands.pop_front().as_ref(), "{context}")
                }
                _ => panic!("{:?} {context}", piece.kind),
            }
            assert!(piece.findings.is_empty(), "{context}: {:?}", piece.findings);
        }
        assert!(commands.is_empty(), "{}", file.display());
    }
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let known = [
        "USER bob\r\n",
        "PASS x\r\n",
        "RETR 1\r\n",
        "LIST\r\n",
        "CAPA\r\n",
        "AUTH PLAIN\r\n",
        "STLS\r\n",
        "QUIT\n",
        "+OK\r\n",
        "+OK 1 2\r\n",
        "-ERR [A/B] no\r\n",
        "+ \r\n",
        "+OK\n",
        ".\r\n",
        "..\r\n",
        "1 2\r\n",
        "a: b\r\n",
        " c\r\n",
        "\r\n",
        ".\n",
        "\r",
    ];
    let bytes = prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(|l| l.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    (prop_oneof![Just(Direction::Client), Just(Direction::Server)], bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_in_any_split_give_the_same_pieces(
        script in proptest::collection::vec(any_turn(), 0..40),
        chunk in 1usize..10,
        late in any::<bool>(),
    ) {
        let reader = || if late { Pop3Reader::mid_session() } else { Pop3Reader::default() };
        // A turn is only over with its line, as the conversation sees it: pieces appear with their last byte.
        let whole = pieces(&mut reader(), &script, 1 << 20);
        let split = pieces(&mut reader(), &script, chunk);
        let only = |from, all: &[(Direction, Piece, Vec<u8>)]| -> Vec<Vec<u8>> {
            all.iter().filter(|p| p.0 == from).map(|p| p.2.clone()).collect()
        };
        for from in [Direction::Client, Direction::Server] {
            prop_assert_eq!(only(from, &whole), only(from, &split));
        }
        prop_assert_eq!(whole, split);
    }
}

fn finding_ids(pieces: &[Piece]) -> Vec<&'static str> {
    pieces.iter().flat_map(|p| p.findings.iter().map(|f| f.id)).collect()
}

#[test]
fn no_order_is_broken_that_a_refusal_can_make_right() {
    let refused = "S: +OK
        C: USER bob
        C: PASS wrong
        C: USER bob
        C: PASS right
        S: +OK
        S: -ERR
        S: +OK
        S: +OK
        C: STAT
        S: +OK 0 0";
    assert_eq!(finding_ids(&read(refused)), [""; 0]);
    let certain = "S: +OK
        C: CAPA
        C: STAT
        S: -ERR
        S: -ERR";
    assert_eq!(finding_ids(&read(certain)), ["command-out-of-phase"]);
}

#[test]
fn a_response_that_was_never_asked_for_is_answered_as_a_command() {
    let refused = read(
        "S: +OK
        C: AUTH PLAIN
        C: *
        C: QUIT
        S: -ERR no AUTH here
        S: -ERR what
        S: +OK bye",
    );
    let verbs: Vec<(&str, &str)> = refused.iter().map(|p| (p.verb.as_str(), p.code.as_str())).collect();
    assert_eq!(verbs[4..], [("AUTH", "-ERR"), ("", "-ERR"), ("QUIT", "+OK")]);
    let asked = read(
        "S: +OK
        C: AUTH PLAIN
        C: *
        C: QUIT
        S: +
        S: -ERR given up
        S: +OK bye",
    );
    let verbs: Vec<(&str, &str)> = asked.iter().map(|p| (p.verb.as_str(), p.code.as_str())).collect();
    assert_eq!(verbs[4..], [("AUTH", "+"), ("AUTH", "-ERR"), ("QUIT", "+OK")]);
}
