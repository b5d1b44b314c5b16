//! What each term lets pass, where errors point, and that nothing can make a filter recurse or panic.

use super::*;
use crate::base::{Finding, Instant, Span};
use crate::dissect::step::{Kind, Meaning, Step};
use crate::trace::{Layer, Mark};
use proptest::prelude::*;

fn step(protocol: Protocol, verb: &str, code: &str, bytes: &[u8]) -> Step {
    Step {
        number: 7,
        conn: Conn(3),
        layer: Layer::Wire,
        from: if code.is_empty() { Direction::Client } else { Direction::Server },
        range: 0..bytes.len() as u64,
        at: Instant::default(),
        record: 0,
        protocol,
        kind: if code.is_empty() { Kind::Command } else { Kind::Reply },
        verb: verb.into(),
        code: code.into(),
        verdict: None,
        bytes: bytes.to_vec(),
        parts: Vec::new(),
        secrets: Vec::new(),
        findings: Vec::new(),
        meaning: Meaning::None,
    }
}

/// Whether a filter shows this Step, between alice-laptop and mx1, in a chapter on the relay.
fn shows(filter: &str, step: &Step) -> bool {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let context = Context {
        hosts: &["mail.example.com", "192.0.2.25", "mx1.example.net", "203.0.113.25"],
        port: 25,
        chapter: &["relay", "The letter travels to mx1.example.net", "4"],
        ..Context::of(Subject::Step(step))
    };
    filter.matches(&context)
}

#[test]
fn every_term_asks_what_it_says() {
    let reply = step(Protocol::Smtp, "RCPT", "450 4.2.0", b"450 4.2.0 Greylisted, come back later\r\n");
    for (filter, expected) in [
        ("smtp", true),
        ("SMTP", true),
        ("pop3", false),
        ("finding", false),
        ("fact", false),
        ("mark", false),
        ("undelivered", false),
        ("host mx1.example.net", true),
        ("host MX1.EXAMPLE.NET.", true),
        ("host mx1", true),
        ("host mx", false),
        ("host 203.0.113.25", true),
        ("host 203", false),
        ("conn 3", true),
        ("conn 33", false),
        ("step 7", true),
        ("step 5..7", true),
        ("step 8..", false),
        ("step ..7", true),
        ("verb rcpt", true),
        ("verb DATA", false),
        ("code 450", true),
        ("code 4xx", true),
        ("code 45X", true),
        ("code 5xx", false),
        ("code 4.2.0", true),
        ("code 4.x.x", true),
        ("code 5.x.x", false),
        ("code \"450 4.2.0\"", true),
        ("from server", true),
        ("from client", false),
        ("chapter relay", true),
        ("chapter \"travels to MX1\"", true),
        ("chapter 4", true),
        ("chapter 1", false),
        ("text \"come BACK\"", true),
        ("text gone", false),
        ("smtp and host mx1.example.net and code 4xx", true),
        ("smtp host mx1.example.net code 4xx", true),
        ("pop3 or code 4xx", true),
        ("not pop3", true),
        ("not not pop3", false),
        ("imap or pop3 and smtp", false),
        ("smtp or pop3 and imap", true),
        ("(smtp or pop3) and imap", false),
        ("not (imap or code 4xx)", false),
    ] {
        assert_eq!(shows(filter, &reply), expected, "{filter}");
    }
}

#[test]
fn verbs_of_two_words_codes_in_words_and_openings_are_found() {
    let fetch = step(Protocol::Imap, "UID FETCH", "NO TRYCREATE", b"a NO [TRYCREATE] no\r\n");
    assert!(shows("verb fetch", &fetch) && shows("verb \"uid fetch\"", &fetch) && !shows("verb FET", &fetch));
    assert!(shows("code no", &fetch) && shows("code trycreate", &fetch) && !shows("code xx", &fetch));
    let open = Step { kind: Kind::Open, ..step(Protocol::Tcp, "", "", b"") };
    assert!(shows("smtp", &open) && !shows("imap", &open));
}

#[test]
fn findings_tls_and_secrets() {
    let mut auth = step(Protocol::Smtp, "AUTH", "", b"AUTH PLAIN c2VzYW1l\r\n");
    auth.secrets = vec![Span::new(11, 19)];
    assert!(
        shows("text \"AUTH PLAIN\"", &auth) && !shows("text c2Vz", &auth),
        "a password cannot be guessed at"
    );
    assert!(!shows("finding", &auth) && !shows("tls", &auth));
    auth.findings.push(Finding::hint("bare-lf", Span::default(), "x"));
    auth.layer = Layer::Plain;
    assert!(shows("finding tls", &auth));
}

#[test]
fn facts_and_marks_are_asked_too() {
    let fact = Subject::Fact { host: "mx1.example.net", text: "queued as 3F", undelivered: false };
    let mark =
        Mark { kind: "comment".into(), text: "Look here".into(), conn: Some(Conn(2)), ..Mark::default() };
    let ask = |filter: &str, subject| {
        let context = Context { step: 9, hosts: &["mail.example.com"], ..Context::of(subject) };
        Filter::parse(filter).expect("reads").matches(&context)
    };
    assert!(ask("fact and host mx1 and text 3f and step 9", fact));
    let outcome =
        Subject::Outcome { conn: Conn(4), text: "not delivered: <bob@example.net>", undelivered: true };
    assert!(ask("undelivered and smtp and conn 4 and text bob and host mail.example.com", outcome));
    assert!(!ask("fact", outcome) && !ask("conn 5", outcome) && !ask("pop3", outcome));
    assert!(!ask("undelivered", fact));
    assert!(!ask("smtp", fact) && !ask("host mail.example.com", fact) && !ask("mark", fact));
    assert!(ask("mark conn 2 text look host mail.example.com", Subject::Mark(&mark)));
    assert!(!ask("from client", Subject::Mark(&mark)) && !ask("conn 1", Subject::Mark(&mark)));
}

/// Where an error points, what stands there, and what it says could.
#[test]
fn errors_point_at_the_character_and_say_what_could_stand_there() {
    for (filter, at, found, expected) in [
        ("", 0, "", "a term"),
        ("   ", 3, "", "a term"),
        ("smtp and", 8, "", "a term"),
        ("smtp and and", 9, "and", "a term"),
        ("smtp )", 5, ")", "no “(” is open"),
        ("(smtp", 5, "", "“)” for the “(” of column 1"),
        ("é (smtp", 0, "é", "a term"),
        ("smtp ()", 6, ")", "a term"),
        ("code", 4, "", "a code"),
        ("code )", 5, ")", "a code"),
        ("host and smtp", 5, "and", "in quotes"),
        ("conn three", 5, "three", "conn 3"),
        ("conn 99999999999", 5, "99999999999", "conn 3"),
        ("step 9..3", 5, "9..3", "ends after it begins"),
        ("step a..b", 5, "a..b", "4..9"),
        ("from bob", 5, "bob", "“client” or “server”"),
        ("text \"abc", 9, "", "column 6"),
        ("\"abc\"", 0, "\"abc\"", "text"),
        ("smtp a\u{1b}[m", 5, "a␛[m", "a term"),
    ] {
        let error = Filter::parse(filter).expect_err(filter);
        assert_eq!((error.at, error.found.as_str()), (at, found), "{filter}: {error}");
        assert!(error.expected.contains(expected), "{filter}: {error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    assert_eq!(Filter::parse("smpt").expect_err("swapped").meant, Some("smtp"));
    assert_eq!(Filter::parse("smtp hots mx1").expect_err("swapped").meant, Some("host"));
    assert_eq!(Filter::parse("zzz").expect_err("nothing near").meant, None);
}

#[test]
fn a_filter_is_bounded() {
    assert!(Filter::parse(&format!("{}smtp", "not ".repeat(DEEPEST))).is_ok());
    let error = Filter::parse(&format!("{}smtp", "(".repeat(1000))).expect_err("too deep");
    assert_eq!(error.at, DEEPEST);
    assert!(error.expected.contains("64"));
    let error = Filter::parse(&"é ".repeat(3000)).expect_err("too long");
    assert!(error.at <= LONGEST && error.expected.contains("4096"));
    assert!(Filter::parse(&"smtp ".repeat(819)).is_ok_and(|f| f.terms().count() == 819));
}

fn expression() -> impl Strategy<Value = String> {
    let word =
        prop_oneof!["[a-z0-9.]{1,8}", Just("\"a b \\\" \\\\ )\"".to_owned()), Just("\"and\"".to_owned())];
    let term = prop_oneof![
        Just("smtp".to_owned()),
        Just("Finding".to_owned()),
        Just("from client".to_owned()),
        Just("step 3..9".to_owned()),
        Just("conn 3".to_owned()),
        word.prop_map(|word| format!("text {word}")),
    ];
    term.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop_oneof![Just("and"), Just("or"), Just("")])
                .prop_map(|(a, b, word)| format!("{a} {word} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_back(text in expression(), code in "[245]50") {
        let filter = Filter::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let printed = filter.to_string();
        let again = Filter::parse(&printed).unwrap_or_else(|e| panic!("{text} → {printed}: {e}"));
        prop_assert_eq!(again.to_string(), printed.clone());
        let step = step(Protocol::Smtp, "RCPT", &code, b"550 a and\r\n");
        let context = Context::of(Subject::Step(&step));
        prop_assert_eq!(again.matches(&context), filter.matches(&context), "{} → {}", text, printed);
    }

    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_place(text in "\\PC{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.is_char_boundary(error.at) && text.is_char_boundary(error.at + error.len));
            prop_assert!(!error.expected.is_empty());
        }
    }

    #[test]
    fn nonsense_made_of_words_never_panics(words in prop::collection::vec(
        prop_oneof![Just("("), Just(")"), Just("not"), Just("and"), Just("or"), Just("smtp"), Just("text"), Just("\"")], 0..12))
    {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            let step = step(Protocol::Smtp, "", "", b"");
            filter.matches(&Context::of(Subject::Step(&step)));
        }
    }
}
