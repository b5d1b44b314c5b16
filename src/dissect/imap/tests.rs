//! Dialogues as the observer reads them, any split of them, hostile bytes, and the RFCs' own examples.

use super::*;
use crate::dissect::step::{Kind, Meaning, Piece, Verdict};
use crate::proto::imap::types::Flag;
use crate::trace::Direction::{Client, Server};

type Seen = (Direction, Vec<u8>, Piece);

/// Feeds records as the conversation does: after each, both sides are offered until neither has a piece.
fn read(mut reader: ImapReader, records: &[(Direction, &[u8])]) -> Vec<Seen> {
    let (mut sides, mut out) = ([Vec::new(), Vec::new()], Vec::new());
    let mut drain = |sides: &mut [Vec<u8>; 2], first: Direction, ended: bool| {
        let order = if first == Client { [Client, Server] } else { [Server, Client] };
        loop {
            let found = order.iter().find_map(|&from| {
                let waiting = &sides[usize::from(from == Server)];
                reader.read(from, waiting, ended).map(|piece| (from, piece))
            });
            let Some((from, piece)) = found else { return };
            assert!(piece.len > 0, "a piece of nothing would never end: {piece:?}");
            let bytes: Vec<u8> = sides[usize::from(from == Server)].drain(..piece.len).collect();
            let inside = |span: crate::base::Span| span.end <= bytes.len();
            assert!(piece.findings.iter().all(|f| inside(f.span)), "{piece:?}");
            assert!(piece.secrets.iter().all(|s| inside(*s)) && piece.parts.iter().all(|p| inside(p.span)));
            out.push((from, bytes, piece));
        }
    };
    for (from, bytes) in records {
        sides[usize::from(*from == Server)].extend_from_slice(bytes);
        drain(&mut sides, *from, false);
    }
    drain(&mut sides, Client, true);
    assert!(sides.iter().all(Vec::is_empty));
    out
}

/// A dialogue written as `C: …` and `S: …`; a line that begins with neither goes on with the one before.
fn records(dialogue: &str) -> Vec<(Direction, Vec<u8>)> {
    let mut out: Vec<(Direction, Vec<u8>)> = Vec::new();
    for line in dialogue.lines() {
        let (from, text) = match (line.strip_prefix("C: "), line.strip_prefix("S: ")) {
            (Some(text), _) => (Client, text),
            (_, Some(text)) => (Server, text),
            _ => (out.last().map_or(Client, |(from, _)| *from), line),
        };
        out.push((from, format!("{text}\r\n").into_bytes()));
    }
    out
}

fn dialogue(text: &str) -> Vec<Seen> {
    let owned = records(text);
    let whole: Vec<(Direction, &[u8])> =
        owned.iter().map(|(from, bytes)| (*from, bytes.as_slice())).collect();
    let seen = read(ImapReader::default(), &whole);
    for size in [1, 3, 10] {
        let split: Vec<(Direction, &[u8])> = whole
            .iter()
            .flat_map(|(from, bytes)| bytes.chunks(size).map(move |chunk| (*from, chunk)))
            .collect();
        assert_eq!(read(ImapReader::default(), &split), seen, "chunks of {size}");
    }
    seen
}

fn summary(seen: &[Seen]) -> Vec<String> {
    seen.iter()
        .map(|(from, _, piece)| {
            let side = if *from == Client { "C" } else { "S" };
            format!("{side} {:?} {} {}", piece.kind, piece.verb, piece.code).trim_end().to_owned()
        })
        .collect()
}

fn findings(seen: &[Seen]) -> Vec<&'static str> {
    seen.iter().flat_map(|(_, _, piece)| piece.findings.iter().map(|f| f.id)).collect()
}

fn secrets(seen: &[Seen]) -> Vec<String> {
    let of = |(_, bytes, piece): &Seen| -> Vec<String> {
        piece.secrets.iter().map(|s| String::from_utf8_lossy(s.of(bytes)).into_owned()).collect()
    };
    seen.iter().flat_map(of).collect()
}

#[test]
fn a_session_from_greeting_to_logout() {
    let seen = dialogue(
        "S: * OK [CAPABILITY IMAP4rev1 LITERAL+] imap.example.net ready\n\
         C: a1 LOGIN bob \"s3cret\"\n\
         S: a1 OK Logged in\n\
         C: a2 SELECT INBOX\n\
         S: * FLAGS (\\Answered \\Seen)\n\
         S: * 1 EXISTS\n\
         S: * OK [UIDVALIDITY 7] UIDs valid\n\
         S: a2 OK [READ-WRITE] Selected\n\
         C: a3 UID FETCH 1:* (UID FLAGS)\n\
         S: * 1 FETCH (UID 9 FLAGS (\\Seen))\n\
         S: a3 OK Done\n\
         C: a4 COPY 1 Nowhere\n\
         S: a4 NO [TRYCREATE] No such mailbox\n\
         C: a5 LOGOUT\n\
         S: * BYE Good-bye\n\
         S: a5 OK Done",
    );
    assert_eq!(
        summary(&seen),
        [
            "S Greeting CONNECT OK CAPABILITY",
            "C Command LOGIN",
            "S Reply LOGIN OK",
            "C Command SELECT",
            "S Untagged FLAGS",
            "S Untagged EXISTS",
            "S Untagged OK OK UIDVALIDITY",
            "S Reply SELECT OK READ-WRITE",
            "C Command UID FETCH",
            "S Untagged FETCH",
            "S Reply UID FETCH OK",
            "C Command COPY",
            "S Reply COPY NO TRYCREATE",
            "C Command LOGOUT",
            "S Untagged BYE BYE",
            "S Reply LOGOUT OK",
        ]
    );
    assert_eq!((findings(&seen), secrets(&seen)), (vec![], vec!["s3cret".to_owned()]));
    let Meaning::Imap(ImapMeaning::Fetch(fetch)) = &seen[9].2.meaning else { panic!() };
    assert_eq!((fetch.seq, fetch.uid, fetch.flags.clone()), (1, Some(9), Some(vec![Flag::Seen])));
    assert_eq!(seen[12].2.verdict, Some(Verdict::Negative));
}

#[test]
fn a_literal_that_is_waited_for_splits_the_command() {
    let seen = dialogue(
        "S: * PREAUTH ready\n\
         C: a1 APPEND Saved (\\Seen) {25}\n\
         S: + Ready for literal data\n\
         C: Subject: hello\n\
         \n\
         world\n\
         \n\
         S: a1 OK [APPENDUID 7 12] Appended",
    );
    assert_eq!(
        summary(&seen),
        [
            "S Greeting CONNECT PREAUTH",
            "C Command APPEND",
            "S Reply APPEND +",
            "C Continuation APPEND",
            "S Reply APPEND OK APPENDUID"
        ]
    );
    assert_eq!(findings(&seen), [""; 0]);
    let (_, bytes, rest) = &seen[3];
    let field = rest.parts[0].find("field-body").unwrap();
    assert_eq!(field.span.of(bytes), b"hello");
    let Meaning::Imap(ImapMeaning::Rest { of: Some(of), .. }) = &rest.meaning else { panic!() };
    assert!(matches!(&**of, ImapMeaning::Append { messages, .. } if messages[0] == (25, vec![Flag::Seen])));
}

#[test]
fn a_literal_that_is_refused_is_not_read_as_one() {
    let seen = dialogue(
        "S: * PREAUTH ready\n\
         C: a1 APPEND Nowhere {9}\n\
         S: a1 NO [TRYCREATE] no such mailbox\n\
         C: a2 NOOP\n\
         S: a2 OK done",
    );
    assert_eq!(summary(&seen)[2..], ["S Reply APPEND NO TRYCREATE", "C Command NOOP", "S Reply NOOP OK"]);
}

#[test]
fn a_literal_that_is_not_waited_for_belongs_to_its_command() {
    let seen = dialogue("S: * OK hi\nC: a1 LOGIN {3+}\nbob {6+}\ns3cret\nS: a1 OK in");
    assert_eq!(summary(&seen)[1..], ["C Command LOGIN", "S Reply LOGIN OK"]);
    assert_eq!((findings(&seen), secrets(&seen)), (vec![], vec!["s3cret".to_owned()]));
    // With synchronising literals each stretch is a piece, and the password is still a secret.
    let seen = dialogue("S: * OK hi\nC: a1 LOGIN {3}\nS: + go\nC: bob {6}\nS: + go\nC: s3cret\nS: a1 OK in");
    assert_eq!(summary(&seen)[3..5], ["C Continuation LOGIN", "S Reply LOGIN +"]);
    assert_eq!(seen[1].2.meaning, Meaning::Imap(ImapMeaning::Command { tag: "a1".to_owned() }));
    assert_eq!((findings(&seen), secrets(&seen)), (vec![], vec!["s3cret".to_owned()]));
    let Meaning::Imap(ImapMeaning::Rest { of: Some(of), .. }) = &seen[5].2.meaning else { panic!() };
    assert_eq!(**of, ImapMeaning::Login { tag: "a1".to_owned(), user: "bob".to_owned() });
}

#[test]
fn many_messages_in_one_append_are_read_once_each() {
    let (big, small) = ("x".repeat(5000), "y".repeat(10));
    let seen = dialogue(&format!(
        "S: * PREAUTH hi\nC: a1 APPEND Saved {{5000}}\nS: + go\nC: {big} (\\Seen) {{10}}\nS: + go\nC: {small}\nS: a1 OK"
    ));
    assert_eq!(findings(&seen), [""; 0]);
    let Meaning::Imap(ImapMeaning::Rest { of: Some(of), .. }) = &seen[5].2.meaning else { panic!() };
    let ImapMeaning::Append { messages, .. } = &**of else { panic!() };
    assert_eq!(*messages, [(5000, vec![]), (10, vec![Flag::Seen])]);
    // A literal for every word, without end: each stretch is looked at a bounded number of times.
    let mut flood = vec![(Server, &b"* PREAUTH hi\r\n"[..]), (Client, b"a1 LOGIN {1}\r\n")];
    flood.extend(std::iter::repeat_n((Client, &b"x {1}\r\n"[..]), 5000));
    let seen = read(ImapReader::default(), &flood);
    assert_eq!(seen.len(), 5002);
    assert!(!seen[5000].2.secrets.is_empty());
}

#[test]
fn what_is_secret_in_an_exchange_stays_so() {
    let seen = dialogue(
        "S: * OK hi\n\
         C: a1 AUTHENTICATE PLAIN\n\
         S: + Y2hhbGxlbmdl\n\
         C: AGJvYgBzM2NyZXQ=\n\
         S: a1 OK in\n\
         C: a2 LOGOUT",
    );
    assert_eq!(
        summary(&seen)[1..5],
        [
            "C Command AUTHENTICATE",
            "S Reply AUTHENTICATE +",
            "C Continuation AUTHENTICATE",
            "S Reply AUTHENTICATE OK"
        ]
    );
    assert_eq!(secrets(&seen), ["BzM2NyZXQ="], "the name shows, the password does not");
    assert_eq!(seen[2].2.parts[1].name, "base64");
    let Meaning::Imap(ImapMeaning::SaslResponse { user, .. }) = &seen[3].2.meaning else { panic!() };
    assert_eq!(user.as_deref(), Some("bob"));
    let seen = dialogue("S: * OK hi\nC: a1 AUTHENTICATE PLAIN AGJvYgBzM2NyZXQ=\nS: a1 OK in\nC: a2 NOOP");
    assert_eq!((secrets(&seen).len(), summary(&seen)[3].as_str()), (1, "C Command NOOP"));
    for mistyped in ["a1 LOGIN bob my secret", "a1 LOGIN bob \"my secret", "a1 LOGIN \"bob secret"] {
        let seen = dialogue(&format!("S: * OK hi\nC: {mistyped}"));
        assert!(secrets(&seen)[0].contains("secret"), "{mistyped}");
    }
}

#[test]
fn idle_ends_with_done() {
    let seen = dialogue(
        "S: * PREAUTH hi\nC: a1 SELECT INBOX\nS: a1 OK\nC: a2 IDLE\nS: + idling\nS: * 4 EXISTS\nC: DONE\nS: a2 OK done",
    );
    assert_eq!(
        summary(&seen)[3..],
        ["C Command IDLE", "S Reply IDLE +", "S Untagged EXISTS", "C Continuation DONE", "S Reply IDLE OK"]
    );
    assert_eq!(findings(&seen), [""; 0]);
    let seen = dialogue("S: * PREAUTH hi\nC: a2 IDLE\nS: + idling\nC: a3 NOOP");
    assert_eq!(findings(&seen), ["command-out-of-phase"]);
}

#[test]
fn what_is_off_is_found() {
    let seen = dialogue("S: * OK hi\nC: a1 FETCH 1 FLAGS\nS: a1 BAD not yet\nS: a7 OK who?\nC: a2 FROB");
    assert_eq!(findings(&seen), ["command-out-of-phase", "unknown-tag", "unknown-command"]);
    let bare =
        read(ImapReader::default(), &[(Server, b"* OK hi\r\n"), (Client, b"a1 NOOP\n"), (Client, b"a2 NO")]);
    assert_eq!(findings(&bare), ["bare-lf", "unknown-command", "cut-short"]);
    let cut = read(ImapReader::default(), &[(Server, b"* OK hi\r\n* 1 FETCH (BODY[] {100}\r\nshort")]);
    assert_eq!(findings(&cut), ["literal-cut-short"]);
}

#[test]
fn commands_may_be_sent_before_replies_come() {
    let seen = dialogue(
        "S: * OK hi\nC: a1 LOGIN bob x\nC: a2 SELECT INBOX\nC: a3 FETCH 1 FLAGS\nS: a1 OK\nS: a2 OK",
    );
    assert_eq!(findings(&seen), [""; 0]);
}

#[test]
fn behind_starttls_nothing_is_read() {
    let mut reader = ImapReader::default();
    for (from, bytes) in
        [(Server, &b"* OK hi\r\n"[..]), (Client, b"a1 STARTTLS\r\n"), (Server, b"a1 OK go\r\n")]
    {
        assert!(reader.read(from, bytes, false).is_some());
    }
    assert!(reader.is_opaque());
    assert_eq!(reader.read(Client, b"\x16\x03\x01", false), None);
    assert_eq!(reader.read(Client, b"\x16\x03\x01", true).map(|piece| piece.len), Some(3));
}

#[test]
fn a_large_literal_is_looked_at_once() {
    // Counted work instead of a clock: while octets of the literal come, the scanner has nothing to look at.
    let mut scanner = Scanner::responses();
    let mut waiting = b"* 1 FETCH (UID 7 BODY[] {1000000}\r\n".to_vec();
    let found = scanner.scan(&waiting, LONGEST_LINE);
    let crate::proto::imap::framing::Scan::Literal { announced, end } = found else { panic!("{found:?}") };
    scanner.skip(announced.size);
    waiting.resize(end + 999_999, b'\n');
    let before = format!("{scanner:?}");
    assert_eq!(scanner.scan(&waiting, LONGEST_LINE), crate::proto::imap::framing::Scan::More);
    assert_eq!(format!("{scanner:?}"), before);
}

#[test]
fn a_line_without_end_comes_in_pieces() {
    let line = vec![b'x'; LONGEST_LINE * 2 + 10];
    let seen = read(ImapReader::default(), &[(Client, &line), (Server, &line)]);
    assert!(seen.iter().all(|(_, bytes, _)| bytes.len() <= LONGEST_LINE));
    assert!(findings(&seen).contains(&"line-too-long"));
}

/// The directory of the corpus; `None`, with a word to stderr, where it is missing.
fn corpus(test: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("POSTROAD_CORPUS").map(std::path::PathBuf::from).filter(|path| path.is_dir());
    if path.is_none() {
        let required = std::env::var_os("POSTROAD_REQUIRE_ALL").is_some_and(|v| v == "1");
        assert!(!required, "{test}: POSTROAD_CORPUS does not name the corpus");
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("{test} skipped: POSTROAD_CORPUS does not name the corpus");
        }
    }
    path
}

/// What stands in the RFCs' examples and is no IMAP on purpose, is left out, or has a space too many.
const NO_SYNTAX: &[&str] = &[
    "....",
    "...very long command line...",
    "...empty line...",
    "XPIG-LATIN",
    "BLURDYBLOOP",
    "(more expunges)",
    "* LIST () \".\"  \"INBOX\"",
    "* NAMESPACE ((\"INBOX.\" \".\")) NIL  NIL",
];

#[test]
fn the_dialogues_of_the_rfcs_are_understood() {
    let Some(corpus) = corpus("the_dialogues_of_the_rfcs_are_understood") else { return };
    let truth = std::fs::read_to_string(corpus.join("truth/rfc_dialogs.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let (mut read_well, mut off) = (0, Vec::new());
    for entry in truth.as_array().unwrap() {
        let rfc = entry["rfc"].as_u64().unwrap();
        let broken = entry["wrapped"] != 0 || entry["page_break_inside"] == true;
        if entry["proto"] != "IMAP" || rfc == 5034 || rfc == 2449 || broken {
            continue;
        }
        let file = entry["file"].as_str().unwrap();
        let text = std::fs::read_to_string(corpus.join("rfc/dialogs").join(file)).unwrap();
        // "C:" alone is the empty line that ends an APPEND; a blank line is the RFC's layout.
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let text = lines.map(|line| if line == "C:" { "C: " } else { line }).collect::<Vec<_>>().join("\n");
        let seen = dialogue(&text);
        let bad: Vec<String> = seen
            .iter()
            .filter(|(_, _, piece)| {
                piece.kind == Kind::Unparsed
                    || piece
                        .findings
                        .iter()
                        .any(|f| matches!(f.id, "bad-syntax" | "unknown-command" | "cut-short"))
            })
            .map(|(_, bytes, piece)| {
                format!("{file}: {} {:?}", crate::base::escape::line(bytes), piece.findings)
            })
            .filter(|line: &String| !NO_SYNTAX.iter().any(|word| line.contains(word)))
            .collect();
        read_well += usize::from(bad.is_empty());
        off.extend(bad);
    }
    assert!(off.is_empty() && read_well > 100, "{read_well} read, off:\n{}", off.join("\n"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_it_panic_and_every_byte_is_in_a_piece(
        records in proptest::collection::vec((proptest::bool::ANY, "[aA1 *+(){}\\[\\]\"\\\\\r\n]{0,20}|a1 LOGIN \\{3\\}\r\n|\\+ go\r\n|a1 NO x\r\n|a1 IDLE\r\n|a AUTHENTICATE PLAIN\r\n|DONE\r\n|\\* 1 FETCH \\(BODY\\[\\] \\{4\\}\r\n"), 0..12),
        cut in 1usize..9,
    ) {
        let whole: Vec<(Direction, &[u8])> = records.iter()
            .map(|(server, text)| (if *server { Server } else { Client }, text.as_bytes())).collect();
        let split: Vec<(Direction, &[u8])> = whole.iter()
            .flat_map(|(from, bytes)| bytes.chunks(cut).map(move |chunk| (*from, chunk))).collect();
        proptest::prop_assert_eq!(read(ImapReader::default(), &whole), read(ImapReader::default(), &split));
    }
}

#[test]
fn what_real_servers_say_is_understood() {
    let Some(corpus) = corpus("what_real_servers_say_is_understood") else { return };
    let root = corpus.join("transcripts/mailkit-server-responses/UnitTests/Net/Imap/Resources");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        files.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    // The size of a literal in this one is not what the file holds.
    files.retain(|file| !file.ends_with("gmail/headers.1+unsolicited-info.txt"));
    let (mut pieces, mut off) = (0, Vec::new());
    for file in files {
        // The files are kept with LF; the literals in them count CR LF.
        let text: Vec<u8> = std::fs::read(&file).unwrap().into_iter().filter(|&b| b != b'\r').collect();
        let mut bytes = Vec::new();
        for line in text.split_inclusive(|&b| b == b'\n') {
            bytes.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            bytes.extend_from_slice(b"\r\n");
        }
        let bad: Vec<_> = read(ImapReader::default(), &[(Server, &bytes)])
            .into_iter()
            .inspect(|_| pieces += 1)
            .filter(|(_, _, piece)| {
                piece.findings.iter().any(|f| !matches!(f.id, "unknown-response" | "unknown-tag"))
            })
            .map(|(_, bytes, piece)| {
                format!("{file:?} {} {:?}", crate::base::escape::line(&bytes), piece.findings)
            })
            .collect();
        off.extend(bad.into_iter().next());
    }
    assert!(off.is_empty() && pieces > 700, "{pieces} pieces, {} off:\n{}", off.len(), off.join("\n"));
}

#[test]
fn no_order_is_broken_that_a_refusal_can_make_right() {
    let ids = |text: &str| -> Vec<&'static str> {
        dialogue(text).iter().flat_map(|(_, _, p)| p.findings.iter().map(|f| f.id)).collect()
    };
    let selected = "S: * PREAUTH hi\nC: a SELECT INBOX\nS: a OK [READ-WRITE] done\n";
    let refused = "C: b SELECT nosuch\nC: c ENABLE CONDSTORE\nS: b NO none\nS: c OK done";
    assert_eq!(ids(&format!("{selected}{refused}")), [""; 0]);
    assert_eq!(ids(&format!("{selected}C: b ENABLE CONDSTORE\nS: b BAD no")), ["command-out-of-phase"]);
}
