//! That the catalogue has no gaps in POP3 and IMAP: every command with every answer, every response code, and every
//! part that the grammars and readers make.

use super::catalogue::catalogue;
use super::ids;
use super::testing::{corpus, step};
use crate::dissect::imap::ImapReader;
use crate::dissect::pop3::Pop3Reader;
use crate::dissect::{Kind, Protocol, Reader, Step};
use crate::trace::Direction;
use std::collections::BTreeSet;
use std::path::Path;

fn id_of(step: &Step) -> String {
    catalogue().first(&ids::of(step, None)).map(|e| e.id.clone()).unwrap_or_default()
}

fn assert_specific(step: &Step) {
    let id = id_of(step);
    assert!(
        !id.is_empty() && !id.ends_with("generic"),
        "{:?} {} {}: {id:?}",
        step.kind,
        step.verb,
        step.code
    );
}

const POP3: &str = "USER PASS APOP STAT LIST RETR DELE NOOP RSET QUIT TOP UIDL CAPA STLS AUTH";

#[test]
fn every_pop3_command_and_reply_has_its_own_note() {
    for verb in POP3.split(' ') {
        let command = catalogue().get(&format!("pop3.{verb}"));
        assert!(command.is_some_and(|e| !e.syntax.is_empty() && !e.next.is_empty()), "{verb}");
        for code in ["+OK", "-ERR"] {
            let own = id_of(&step(Protocol::Pop3, Kind::Reply, verb, code));
            assert_eq!(own, format!("pop3.{verb}.{code}"));
        }
        for code in ["-ERR SYS/TEMP", "-ERR SYS/PERM", "-ERR AUTH", "-ERR IN-USE"] {
            assert_specific(&step(Protocol::Pop3, Kind::Reply, verb, code));
        }
    }
    for (kind, verb, code, id) in [
        (Kind::Greeting, "CONNECT", "+OK", "pop3.CONNECT.+OK"),
        (Kind::Greeting, "CONNECT", "-ERR SYS/TEMP", "pop3.CONNECT.-ERR"),
        (Kind::Reply, "PASS", "-ERR IN-USE", "pop3.PASS.-ERR IN-USE"),
        (Kind::Reply, "AUTH", "+", "pop3.AUTH.+"),
        (Kind::Continuation, "AUTH", "", "pop3.AUTH.response"),
        (Kind::Command, "XYZZY", "", "pop3.unknown-command"),
        (Kind::Reply, "XYZZY", "-ERR", "pop3.-ERR"),
        (Kind::Data, "", "", "pop3.message"),
        (Kind::Unparsed, "", "", "pop3.unparsed"),
    ] {
        assert_eq!(id_of(&step(Protocol::Pop3, kind, verb, code)), id);
    }
}

const IMAP: [&str; 36] = [
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "ID",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "ENABLE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "NAMESPACE",
    "STATUS",
    "APPEND",
    "IDLE",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "UID EXPUNGE",
    "SEARCH",
    "UID SEARCH",
    "FETCH",
    "UID FETCH",
    "STORE",
    "UID STORE",
    "COPY",
    "UID COPY",
    "MOVE",
    "UID MOVE",
];

const CODES: &str = "ALERT ALREADYEXISTS APPENDUID AUTHENTICATIONFAILED AUTHORIZATIONFAILED BADCHARSET CANNOT \
    CAPABILITY CLIENTBUG CLOSED CONTACTADMIN COPYUID CORRUPTION EXPIRED EXPUNGEISSUED HASCHILDREN INUSE LIMIT \
    NONEXISTENT NOPERM OVERQUOTA PARSE PERMANENTFLAGS PRIVACYREQUIRED READ-ONLY READ-WRITE SERVERBUG TRYCREATE \
    UIDNEXT UIDNOTSTICKY UIDVALIDITY UNAVAILABLE UNKNOWN-CTE UNSEEN HIGHESTMODSEQ MODIFIED NOMODSEQ TOOBIG";

const UNTAGGED: &str = "EXISTS RECENT EXPUNGE FETCH FLAGS LIST LSUB SEARCH ESEARCH STATUS CAPABILITY OK NO BAD \
    BYE PREAUTH NAMESPACE ID ENABLED VANISHED";

#[test]
fn every_imap_command_and_reply_has_its_own_note() {
    for verb in IMAP {
        let command = catalogue().get(&format!("imap.{verb}"));
        assert!(command.is_some_and(|e| !e.syntax.is_empty() && !e.next.is_empty()), "{verb}");
        for code in ["OK", "BAD"] {
            let id = id_of(&step(Protocol::Imap, Kind::Reply, verb, code));
            let own = [verb, verb.trim_start_matches("UID ")].map(|v| format!("imap.{v}.{code}"));
            assert!(own.contains(&id), "{verb} {code}: {id}");
        }
        assert_specific(&step(Protocol::Imap, Kind::Reply, verb, "NO"));
        assert_specific(&step(Protocol::Imap, Kind::Reply, verb, "+"));
        assert_specific(&step(Protocol::Imap, Kind::Continuation, verb, ""));
    }
}

#[test]
fn every_imap_code_and_untagged_response_has_its_note() {
    for code in CODES.split_whitespace() {
        for status in ["OK", "NO", "BAD"] {
            assert_specific(&step(Protocol::Imap, Kind::Untagged, status, &format!("{status} {code}")));
            assert_specific(&step(Protocol::Imap, Kind::Reply, "", &format!("{status} {code}")));
        }
        let known = ["OK", "NO", "BAD"].iter().any(|s| {
            catalogue().get(&format!("imap.{s} {code}")).is_some()
                || catalogue().get(&format!("imap.untagged.{s} {code}")).is_some()
        });
        assert!(known, "{code} has no entry");
        let general = catalogue().part("imap", "resp-text-code-name", "");
        assert_ne!(catalogue().part("imap", "resp-text-code-name", code), general, "{code}");
    }
    for name in UNTAGGED.split_whitespace() {
        assert_eq!(id_of(&step(Protocol::Imap, Kind::Untagged, name, "")), format!("imap.untagged.{name}"));
    }
    for (kind, verb, code, id) in [
        (Kind::Greeting, "CONNECT", "OK CAPABILITY", "imap.CONNECT.OK"),
        (Kind::Greeting, "CONNECT", "PREAUTH", "imap.CONNECT.PREAUTH"),
        (Kind::Greeting, "CONNECT", "BYE ALERT", "imap.CONNECT.BYE"),
        (Kind::Reply, "APPEND", "+", "imap.APPEND.continuation"),
        (Kind::Reply, "LOGIN", "+", "imap.continuation"),
        (Kind::Continuation, "DONE", "", "imap.DONE.response"),
        (Kind::Continuation, "LOGIN", "", "imap.response"),
        (Kind::Command, "XYZZY", "", "imap.unknown-command"),
        (Kind::Unparsed, "", "", "imap.unparsed"),
    ] {
        assert_eq!(id_of(&step(Protocol::Imap, kind, verb, code)), id);
    }
}

#[test]
fn the_misconceptions_about_access_are_named() {
    let named: BTreeSet<u8> = catalogue()
        .entries()
        .iter()
        .filter(|e| e.id.starts_with("pop3.") || e.id.starts_with("imap."))
        .filter_map(|e| e.misconception)
        .collect();
    for n in [2, 4, 13, 16, 17, 18, 19, 20, 21, 26, 31, 32] {
        assert!(named.contains(&n), "misconception {n} is named by no note");
    }
}

#[test]
fn every_part_of_pop3_and_imap_is_explained() {
    for (protocol, folders) in [
        ("pop3", ["src/proto/pop3/grammar", "src/dissect/pop3"]),
        ("imap", ["src/proto/imap/grammar", "src/dissect/imap"]),
    ] {
        let names: BTreeSet<String> = folders.iter().flat_map(|f| part_names(f)).collect();
        assert!(names.len() > 15, "{protocol}: {names:?}");
        // Notes on a letter's header are made from the field's own name; of the others, what is around or inside
        // says what they are.
        let quiet = ["field-name", "field-body", "quoted", "msg-att"];
        let missing: Vec<_> = names
            .iter()
            .filter(|n| !quiet.contains(&n.as_str()) && catalogue().part(protocol, n, "").is_none())
            .collect();
        assert!(missing.is_empty(), "no [parts] entry in {protocol} for {missing:?}");
    }
}

/// The names that a folder's sources give to parts: literals in calls that make one.
fn part_names(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for opening in
            ["leaf(", "node(", ".part(", "_part(", "_part(c, ", "addresses(c, ", "words_to_end(c, "]
        {
            for rest in code.split(opening).skip(1) {
                names.extend(rest.strip_prefix('"').and_then(|r| r.split('"').next()).map(str::to_owned));
            }
        }
    }
    names
}

/// Whatever the readers make of the RFCs' examples, whose lines the corpus has only roughly, no note is generic.
#[test]
fn no_line_of_the_rfcs_examples_has_the_generic_note() {
    let Some(corpus) = corpus("no_line_of_the_rfcs_examples_has_the_generic_note") else { return };
    let mut steps = 0;
    for entry in std::fs::read_dir(corpus.join("rfc/dialogs")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_of = |rfcs: &[&str]| rfcs.iter().any(|rfc| name.starts_with(&format!("rfc{rfc}-")));
        let mut reader: Box<dyn Reader> = if is_of(&["1939", "2449"]) {
            Box::new(Pop3Reader::default())
        } else if is_of(&["3501", "9051", "2177", "2971", "4315", "5161", "6154", "6851", "7162", "7888"]) {
            Box::new(ImapReader::default())
        } else {
            continue;
        };
        for found in read(reader.as_mut(), &std::fs::read_to_string(entry.path()).unwrap()) {
            steps += 1;
            // "* XPIG-LATIN", which RFC 9051 §6.5 makes up, is no data that anything could be said about.
            let made_up = found.kind == Kind::Untagged && found.verb.starts_with('X');
            assert!(made_up || !id_of(&found).ends_with("generic"), "{name}: {found:?}");
        }
    }
    assert!(steps > 500, "{steps}");
}

/// The Steps of a dialogue of `C: …` and `S: …` lines.
fn read(reader: &mut dyn Reader, dialogue: &str) -> Vec<Step> {
    let (mut steps, mut from, mut waiting) = (Vec::new(), Direction::Client, [Vec::new(), Vec::new()]);
    let lines: Vec<&str> = dialogue.lines().collect();
    for at in 0..=lines.len() {
        if let Some(line) = lines.get(at) {
            from = match line.as_bytes() {
                [b'C', b':', ..] => Direction::Client,
                [b'S', b':', ..] => Direction::Server,
                _ => from,
            };
            let text = line.strip_prefix("C: ").or_else(|| line.strip_prefix("S: ")).unwrap_or(line);
            waiting[usize::from(from == Direction::Server)].extend(format!("{text}\r\n").into_bytes());
        }
        let ended = at == lines.len();
        while let Some((side, piece)) = [Direction::Client, Direction::Server].into_iter().find_map(|side| {
            let bytes = &waiting[usize::from(side == Direction::Server)];
            reader.read(side, bytes, ended).map(|piece| (side, piece))
        }) {
            let mut found = step(reader.protocol(), piece.kind, &piece.verb, &piece.code);
            found.bytes = waiting[usize::from(side == Direction::Server)].drain(..piece.len).collect();
            (found.from, found.verdict, found.parts) = (side, piece.verdict, piece.parts);
            steps.push(found);
        }
    }
    steps
}
