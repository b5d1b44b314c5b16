//! Dialogues, round trips, oracles and hostile input for IMAP's grammar.

use super::print::Literals;
use super::*;
use crate::proto::imap::response::{BodyStructure, Code, FetchData, Status, Untagged};
use crate::proto::imap::types::*;
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;

fn parse(line: &str) -> Parsed<Command> {
    parse_command(line.as_bytes())
}

/// Names and texts of all leaves, as in `tag:a1 command-name:NOOP`.
fn leaves(bytes: &[u8], parts: &[Part]) -> String {
    fn walk(bytes: &[u8], parts: &[Part], out: &mut Vec<String>) {
        for part in parts {
            if part.parts.is_empty() {
                out.push(format!("{}:{}", part.name, crate::base::escape::line(part.span.of(bytes))));
            }
            walk(bytes, &part.parts, out);
        }
    }
    let mut out = Vec::new();
    walk(bytes, parts, &mut out);
    out.join(" ")
}

/// Every part lies inside the one that holds it, and behind the one before it.
fn assert_tree(parts: &[Part], within: Span) {
    let mut at = within.start;
    for part in parts {
        assert!(part.span.start >= at && part.span.end <= within.end, "{part:?} in {within:?}");
        at = part.span.end;
        assert_tree(&part.parts, part.span);
    }
}

#[test]
fn parts_bear_the_names_of_the_grammar() {
    let line = "a1 UID FETCH 1:*,7 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (From \"To\")]<0.99>)\r\n";
    let got = parse(line);
    assert_eq!(got.findings, []);
    assert_eq!(
        leaves(line.as_bytes(), &got.parts),
        "tag:a1 command-name:UID FETCH sequence-set:1:*,7 fetch-att:FLAGS section-part:1.2 \
         header-fld-name:From quoted:To partial:<0.99>"
    );
    assert_tree(&got.parts, Span::new(0, line.len()));
}

#[test]
fn a_password_is_a_secret_however_it_is_written() {
    for line in
        ["a LOGIN bob s3cret\r\n", "a login \"bob\" \"s3cret\"\r\n", "a LoGiN {3+}\r\nbob {6}\r\ns3cret\r\n"]
    {
        let got = parse(line);
        assert_eq!(
            got.value.body,
            CommandBody::Login { user: "bob".to_owned(), password: crate::base::Secret::new("s3cret") }
        );
        assert_eq!(got.secrets.iter().map(|s| s.of(line.as_bytes())).collect::<Vec<_>>(), [b"s3cret"]);
    }
}

#[test]
fn what_does_not_follow_the_grammar_says_where_and_what_was_expected() {
    for (line, at, reason) in [
        ("a FETCH 0 FLAGS\r\n", 8, "expected a message number, not 0, or \"*\" at octet 8"),
        ("a FETCH 1 (FLAGS\r\n", 16, "expected one space or \")\" at octet 16"),
        ("a LOGIN bob\r\n", 11, "expected one space at octet 11"),
        ("a NOOP now\r\n", 6, "expected the end of the line at octet 6"),
        ("a SEARCH FRUMP\r\n", 9, "expected a search key that this grammar knows at octet 9"),
        ("a STORE 1 FLAG (x)\r\n", 10, "expected FLAGS, +FLAGS or -FLAGS at octet 10"),
    ] {
        let got = parse(line);
        let CommandBody::Malformed { reason: said, .. } = &got.value.body else { panic!("{line}: {got:?}") };
        assert_eq!((said.as_str(), got.value.tag.as_str()), (reason, "a"));
        assert_eq!(
            got.findings.iter().map(|f| (f.id, f.span.start)).collect::<Vec<_>>(),
            [("bad-syntax", at)]
        );
    }
    assert_eq!(
        parse("a FROBNICATE 1\r\n").value.body,
        CommandBody::Unknown { name: "FROBNICATE".to_owned() }
    );
    assert_eq!(parse("\r\n").value.tag, "");
    assert_eq!(parse("a NOOP\n").findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["bare-lf"]);
}

/// RFC 9051 §9 has exactly one space; mutt and IMAPClient have one more here, and mean what they mean.
#[test]
fn a_space_too_many_is_taken_where_programs_of_today_write_it() {
    for line in ["a1 AUTHENTICATE CRAM-MD5 \r\n", "a1 APPEND Saved {2+}\r\nab  {2+}\r\ncd\r\n"] {
        let parsed = parse(line);
        assert_eq!(parsed.findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["extra-space"], "{line:?}");
        match parsed.value.body {
            CommandBody::Authenticate { initial, .. } => assert!(initial.is_none()),
            CommandBody::Append { messages, .. } => assert_eq!(messages.len(), 2),
            other => panic!("{line:?}: {other:?}"),
        }
    }
    assert_eq!(parse("a1 AUTHENTICATE  PLAIN\r\n").findings[0].id, "bad-syntax");
}

#[test]
fn mailbox_names_are_decoded_once_for_all() {
    let name = |line: &str, dialect| match parse_command_in(line.as_bytes(), dialect).value.body {
        CommandBody::Delete { mailbox } => mailbox,
        other => panic!("{other:?}"),
    };
    assert_eq!(name("a DELETE inbox\r\n", Dialect::Rev1), "INBOX");
    assert_eq!(name("a DELETE \"&U,BTFw-\"\r\n", Dialect::Rev1), "台北");
    assert_eq!(name("a DELETE \"&U,BTFw-\"\r\n", Dialect::Rev2), "&U,BTFw-");
    assert_eq!(name("a DELETE \"台北\"\r\n", Dialect::Rev2), "台北");
    assert_eq!(parse("a DELETE &Jjo!\r\n").findings[0].id, "bad-modified-utf7");
}

#[test]
fn an_append_is_known_before_its_message_has_come() {
    let got = parse("a APPEND Saved (\\Seen) {310}\r\n");
    assert!(matches!(&got.value.body, CommandBody::Append { mailbox, .. } if mailbox == "Saved"));
    assert_eq!(got.findings[0].id, "literal-awaited");
    let got = parse("a APPEND Saved {310}\r\nDate: x");
    assert_eq!(got.findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["literal-cut-short"]);
}

#[test]
fn an_append_shows_the_header_of_its_message() {
    let line = "a APPEND Saved {37+}\r\nSubject: one\r\n two\r\nTo: bob\r\n\r\nbody\r\n\r\n";
    let got = parse(line);
    assert_eq!(got.findings, []);
    assert_eq!(
        leaves(line.as_bytes(), &got.parts),
        "tag:a command-name:APPEND mailbox:Saved literal-size:{37+}␍␊ field-name:Subject field-body:one␍␊ two \
         field-name:To field-body:bob header-end:␍␊ body:body␍␊"
    );
}

#[test]
fn nesting_has_an_end() {
    for open in ["(", "NOT ", "OR ALL "] {
        let got = parse(&format!("a SEARCH {}ALL\r\n", open.repeat(100_000)));
        assert!(matches!(got.value.body, CommandBody::Malformed { .. }), "{open}");
    }
    let got = parse_response(format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(100_000)).as_bytes());
    assert!(!got.findings.is_empty());
    assert!(matches!(
        parse(&format!("a SEARCH {}ALL\r\n", "NOT ".repeat(90))).value.body,
        CommandBody::Search { .. }
    ));
}

fn untagged(line: &str) -> Untagged {
    let got = parse_response(line.as_bytes());
    assert_eq!(got.findings, [], "{line}");
    assert_tree(&got.parts, Span::new(0, line.len()));
    match got.value {
        Response::Untagged(data) => data,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fetch_response_is_read_to_its_leaves() {
    // RFC 3501 §8, the response to "a003 fetch 12 full".
    let line = "* 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 \
        ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" \
        ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
        ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) \
        ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \
        \"<B27397-0100000@cac.washington.edu>\") \
        BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))\r\n";
    let Untagged::Fetch { seq: 12, items } = untagged(line) else { panic!() };
    let FetchData::InternalDate(date) = &items[1] else { panic!() };
    assert_eq!((date.unix_seconds(), date.to_string().as_str()), (837_596_665, "17-Jul-1996 02:44:25 -0700"));
    let FetchData::Envelope(envelope) = &items[3] else { panic!() };
    assert_eq!(envelope.cc[1].mailbox.as_deref(), Some("KLENSIN"));
    let FetchData::Structure { extended: false, body } = &items[4] else { panic!() };
    let BodyStructure::Single(part) = &**body else { panic!() };
    assert_eq!((part.octets, part.lines), (3028, Some(92)));
}

#[test]
fn structures_of_every_shape_are_read() {
    for body in [
        "((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"HTML\" NIL \"<id>\" \"d\" \"BASE64\" 4554 73) \"MIXED\")",
        "((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1 NIL NIL NIL NIL)(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 9 \
         (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1) 3 NIL (\"ATTACHMENT\" \
         (\"FILENAME\" \"a b\")) (\"de\" \"en\") NIL) \"MIXED\" (\"BOUNDARY\" \"x\") NIL NIL NIL)",
        "(\"APPLICATION\" \"PDF\" (\"NAME\" \"x.pdf\") NIL NIL \"BASE64\" 100 NIL (\"INLINE\" NIL) NIL)",
    ] {
        untagged(&format!("* 1 FETCH (BODYSTRUCTURE {body})\r\n"));
    }
}

#[test]
fn a_message_in_a_literal_has_its_fields_as_parts() {
    let line = b"* 1 FETCH (UID 7 BODY[] {22}\r\nA: b\r\n\r\nnot: a field\r\n)\r\n";
    let got = parse_response(line);
    assert_eq!(
        leaves(line, &got.parts),
        "untagged:* number:1 response-name:FETCH msg-att-name:UID uniqueid:7 msg-att-name:BODY section:[] \
         literal-size:{22}␍␊ field-name:A field-body:b header-end:␍␊ body:not: a field␍␊"
    );
}

#[test]
fn codes_and_status_responses() {
    let code = |line: &str| match untagged(line) {
        Untagged::Condition(condition) => (condition.status, condition.code, condition.text),
        other => panic!("{other:?}"),
    };
    assert_eq!(code("* OK [UIDNEXT 9] next\r\n"), (Status::Ok, Some(Code::UidNext(9)), "next".to_owned()));
    let (_, Some(Code::PermanentFlags(flags)), _) = code("* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n") else {
        panic!()
    };
    assert_eq!(flags, [Flag::Seen, Flag::Wildcard]);
    assert_eq!(code("* BYE\r\n").0, Status::Bye);
    let (_, Some(Code::Other { name, text }), _) = code("* NO [BADURL what (ever)] x\r\n") else { panic!() };
    assert_eq!((name.as_str(), text.as_str()), ("BADURL", "what (ever)"));
    let got = parse_response(b"a1 OK [COPYUID 3 1:2 5:6] done\r\n").value;
    assert!(
        matches!(got, Response::Tagged { condition, .. } if condition.code.as_ref().unwrap().name() == "COPYUID")
    );
}

#[test]
fn untagged_data_of_every_kind() {
    for (line, name) in [
        ("* CAPABILITY IMAP4rev1 AUTH=PLAIN LITERAL+\r\n", "CAPABILITY"),
        ("* ENABLED\r\n", "ENABLED"),
        ("* LIST (\\Noselect \\HasChildren) \"/\" foo\r\n", "LIST"),
        ("* LIST () NIL \"a b\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n", "LIST"),
        ("* LSUB () \".\" #news.comp.mail.mime\r\n", "LSUB"),
        ("* NAMESPACE ((\"\" \"/\")) NIL ((\"#a\" NIL)(\"#b\" \"/\" \"X\" (\"y\")))\r\n", "NAMESPACE"),
        ("* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n", "STATUS"),
        ("* SEARCH\r\n", "SEARCH"),
        ("* SEARCH 2 5 6 (MODSEQ 917162500)\r\n", "SEARCH"),
        ("* ESEARCH (TAG \"a\") UID MIN 2 COUNT 3 ALL 2,10:11\r\n", "ESEARCH"),
        ("* FLAGS (\\Answered $Junk)\r\n", "FLAGS"),
        ("* 23 EXISTS\r\n", "EXISTS"),
        ("* 0 RECENT\r\n", "RECENT"),
        ("* 44 EXPUNGE\r\n", "EXPUNGE"),
        ("* VANISHED (EARLIER) 41,43:116\r\n", "VANISHED"),
        ("* 1 FETCH (MODSEQ (624140003) FLAGS () X-GM-MSGID 12)\r\n", "FETCH"),
        ("* ID (\"name\" \"x\" \"version\" NIL)\r\n", "ID"),
        ("* ID NIL\r\n", "ID"),
    ] {
        let data = untagged(line);
        assert!(!matches!(data, Untagged::Unknown { .. }), "{line}");
        assert_eq!(data.name(), name);
    }
    assert_eq!(parse_response(b"+ \r\n").value, Response::Continue { text: String::new() });
    assert_eq!(parse_response(b"+\r\n").findings[0].id, "plus-without-space");
    assert_eq!(parse_response(b"nonsense\r\n").value, Response::Unknown);
}

const COMMANDS: &[&str] = &[
    "a1 CAPABILITY",
    "a1 LOGIN bob \"p \\\"w\\\\\"",
    "a1 AUTHENTICATE PLAIN AGJvYgBzM2NyZXQ=",
    "a1 ENABLE CONDSTORE IMAP4REV2",
    "a1 SELECT INBOX (CONDSTORE)",
    "a1 EXAMINE \"a b\" (QRESYNC (67890007 20050715194045000 41,43:211 (1,3 5,7)))",
    "a1 CREATE Sent (USE (\\Sent))",
    "a1 RENAME old new",
    "a1 LIST \"\" \"*\"",
    "a1 LIST (SUBSCRIBED) \"\" (\"%\" \"a/*\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))",
    "a1 LSUB \"\" \"%\"",
    "a1 STATUS INBOX (UIDNEXT MESSAGES)",
    "a1 APPEND Saved (\\Seen $Junk) \" 7-Feb-1994 21:52:25 -0800\" {3+}\r\nabc",
    "a1 APPEND Saved {3+}\r\nabc (\\Flagged) {2+}\r\nde",
    "a1 IDLE",
    "a1 UID EXPUNGE 3:5,9",
    "a1 SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR SEEN (FLAGGED NOT DELETED) SINCE 1-Feb-1994 UID 2:* 5,7",
    "a1 UID SEARCH HEADER Message-ID \"\" UNKEYWORD $Junk OLD LARGER 12 MODSEQ 7",
    "a1 FETCH 1:* (FLAGS BODY[] BODY.PEEK[1.MIME] BODY[HEADER.FIELDS.NOT (To From)]<1.2> BINARY.SIZE[2])",
    "a1 UID FETCH 7 RFC822.SIZE (CHANGEDSINCE 12 VANISHED)",
    "a1 STORE 2 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)",
    "a1 UID COPY 4:2 \"&U,BTFw-\"",
    "a1 UID MOVE * Trash",
    "a1 ID (\"name\" \"x\" \"os\" NIL)",
    "a1 ID NIL",
];

#[test]
fn what_is_printed_is_read_again() {
    for line in COMMANDS {
        let line = format!("{line}\r\n");
        let got = parse(&line);
        assert_eq!(got.findings, [], "{line}");
        assert_tree(&got.parts, Span::new(0, line.len()));
        let printed = print_command(&got.value, Dialect::Rev1, Literals::NonSync);
        assert_eq!(parse_command(&printed).value, got.value, "{}", String::from_utf8_lossy(&printed));
    }
}

#[test]
fn another_grammar_agrees_on_what_is_a_command() {
    // imap-codec knows IMAP4rev1 and some extensions; what both know, both must take or refuse.
    let mut lines: Vec<String> = COMMANDS.iter().map(|line| format!("{line}\r\n")).collect();
    let unknown_there =
        ["QRESYNC", "USE (", "RETURN (", "UID EXPUNGE", "LIST (", "UIDNEXT", "BINARY", "MODSEQ", "a1 ID"];
    lines.retain(|line| {
        !unknown_there.iter().any(|word| line.contains(word)) && line.matches('{').count() < 2
    });
    for wrong in
        ["FETCH 1 FOO", "NOOP x", "LOGIN a", "SELECT", "SEARCH", "STORE 1 FLAGS", "COPY 0 x", "UID NOOP"]
    {
        lines.push(format!("a1 {wrong}\r\n"));
    }
    for line in lines {
        let ours =
            !matches!(parse(&line).value.body, CommandBody::Malformed { .. } | CommandBody::Unknown { .. });
        let theirs = CommandCodec::default().decode(line.as_bytes()).is_ok();
        assert_eq!(ours, theirs, "{line}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, pick: usize, cut: usize, at: usize, byte: u8) {
        let (_, _) = (parse_command(&bytes), parse_response(&bytes));
        // A good command with one byte changed and its end cut reaches further into the grammar.
        let mut near = format!("{}\r\n", COMMANDS[pick % COMMANDS.len()]).into_bytes();
        let place = at % near.len();
        near[place] = byte;
        near.truncate(near.len() - cut % 4);
        let got = parse_command(&near);
        assert_tree(&got.parts, Span::new(0, near.len()));
        let whole = got.findings.iter().all(|f| f.span.end <= near.len());
        proptest::prop_assert!(whole);
        let _ = parse_response(&near);
    }
}
