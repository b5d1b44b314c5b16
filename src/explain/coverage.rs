//! That the catalogue has no gaps: every reply that RFC 5321 lists, every finding and every part that the program
//! can make.

use super::catalogue::catalogue;
use super::ids;
use super::testing::step;
use crate::dissect::{Kind, Protocol};
use std::collections::BTreeSet;
use std::path::Path;

/// RFC 5321 §4.3.2, and for AUTH and STARTTLS RFC 4954 §4, §6 and RFC 3207 §4.
const REPLIES: [(&str, &str); 17] = [
    ("CONNECT", "220 421 554"),
    ("EHLO", "250 500 502 504 550"),
    ("HELO", "250 504 550 502"),
    ("MAIL", "250 451 452 501 503 530 550 552 553 555 455"),
    ("RCPT", "250 251 450 451 452 550 551 552 553 554 503 455 555"),
    ("DATA", "354 451 503 554"),
    (".", "250 450 451 452 550 552 554"),
    ("RSET", "250"),
    ("VRFY", "250 251 252 550 551 553 502 504"),
    ("EXPN", "250 252 550 500 502 504"),
    ("HELP", "211 214 502 504"),
    ("NOOP", "250"),
    ("QUIT", "221"),
    ("AUTH", "235 334 432 454 500 501 503 504 530 534 535 538"),
    ("STARTTLS", "220 454 501"),
    ("BDAT", "250 503 552 554"),
    ("XYZZY", "421 500 501 502 503 504"),
];

#[test]
fn every_reply_of_the_standard_has_a_note() {
    for (verb, codes) in REPLIES {
        for code in codes.split(' ') {
            let kind = if verb == "CONNECT" { Kind::Greeting } else { Kind::Reply };
            let found = catalogue().first(&ids::of(&step(Protocol::Smtp, kind, verb, code), None));
            assert!(found.is_some_and(|e| !e.id.ends_with("generic")), "{verb} {code}");
        }
    }
}

#[test]
fn every_verb_has_its_note_and_syntax() {
    for verb in "EHLO HELO MAIL RCPT DATA BDAT RSET VRFY EXPN HELP NOOP QUIT AUTH STARTTLS".split(' ') {
        let entry = catalogue().get(&format!("smtp.{verb}"));
        assert!(
            entry.is_some_and(|e| !e.syntax.is_empty() && !e.detail.is_empty() && !e.next.is_empty()),
            "{verb}"
        );
    }
}

/// The string literals that stand directly behind one of these openings, anywhere in these folders' sources.
fn literals(folders: &[&str], openings: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<_> = folders.iter().map(|f| Path::new(env!("CARGO_MANIFEST_DIR")).join(f)).collect();
    while let Some(path) = waiting.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            waiting.extend(entries.flatten().map(|e| e.path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for opening in openings {
            for rest in code.split(opening).skip(1) {
                if let Some(literal) = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next()) {
                    found.insert(literal.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_finding_that_the_program_makes_has_its_words() {
    let ids =
        literals(&["src/proto", "src/dissect"], &["Finding::error(", "Finding::warning(", "Finding::hint("]);
    let missing: Vec<_> =
        ids.iter().filter(|id| catalogue().get(&format!("finding.{id}")).is_none()).collect();
    assert!(missing.is_empty(), "no [[note]] for finding.* of {missing:?}");
}

/// Rules are made in many ways, so their ids are found by what they look like: `"spf-ip4"`.
#[test]
fn every_rule_and_result_of_a_check_of_the_sender_has_its_words() {
    let all = literals(&["src/proto/policy"], &["(", " ", "\n"]);
    let checks = ["spf-", "dkim-", "arc-", "dmarc-"];
    let is_id =
        |text: &&String| checks.iter().any(|check| text.len() > check.len() && text.starts_with(check));
    let ids: Vec<&String> = all.iter().filter(is_id).collect();
    assert!(ids.len() > 40, "{ids:?}");
    let missing: Vec<_> =
        ids.iter().filter(|id| catalogue().get(&format!("fact.rule.{id}")).is_none()).collect();
    assert!(missing.is_empty(), "no [[note]] for fact.rule.* of {missing:?}");
    for (check, results) in [
        ("spf", "none neutral pass fail softfail temperror permerror"),
        ("dkim", "none pass fail policy neutral temperror permerror"),
        ("arc", "none pass fail"),
        ("dmarc", "none pass fail temperror"),
    ] {
        for result in results.split(' ') {
            let id = format!("fact.sender-checked.{check}.{result}");
            assert!(catalogue().get(&id).is_some(), "no [[note]] for {id}");
        }
    }
}

#[test]
fn every_part_of_smtp_and_the_dns_is_explained() {
    let names = ["src/proto/smtp", "src/dissect/smtp", "src/dissect/smtp.rs", "src/proto/sasl"];
    let attributes =
        literals(&["src/proto/sasl/observe.rs"], &["..] => ", "scram_fields(base64, at, ", "_ => "]);
    for protocol in ["smtp", "pop3", "imap"] {
        check_parts(protocol, &attributes);
    }
    check_parts("smtp", &["cram-random", "cram-timestamp", "cram-host"].map(str::to_owned).into());
    check_parts("smtp", &literals(&names, &["Part::leaf(", "Part::node(", ".leaf(", ".node("]));
    let names = ["src/proto/dns", "src/dissect/dns", "src/dissect/dns.rs", "src/proto/dns.rs"];
    check_parts("dns", &literals(&names, &["Part::leaf(", "Part::node(", ".leaf(", ".node("]));
    check_parts(
        "tls",
        &literals(&["src/dissect/tls"], &["Part::leaf(", "Part::node(", ".field(", ".vector("]),
    );
}

fn check_parts(protocol: &str, names: &BTreeSet<String>) {
    // Their inner parts, or a note made from the field's own name, say what these mean.
    let quiet = ["header-field", "field-name", "field-body", "parameter", "separator", "reply-line"];
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !quiet.contains(&name.as_str()) && catalogue().part(protocol, name, "").is_none())
        .collect();
    assert!(missing.is_empty(), "no [parts] entry in {protocol} for {missing:?}");
}

/// Every section that is cited of an RFC in the corpus is one that this RFC has.
#[test]
fn every_citation_names_a_section_that_exists() {
    let Some(corpus) = super::testing::corpus("every_citation_names_a_section_that_exists") else { return };
    let folder = corpus.join("rfc/full");
    let mut wrong = BTreeSet::new();
    let of_cases = super::cookbook::cases().iter().flat_map(|case| &case.source).map(String::as_str);
    for source in catalogue().sources().chain(of_cases) {
        let Some((number, section)) = source.strip_prefix("RFC ").and_then(|s| s.split_once(" §")) else {
            continue;
        };
        let Ok(text) = std::fs::read_to_string(folder.join(format!("rfc{number}.txt"))) else { continue };
        let heads = |line: &str| {
            let rest = line.trim_start().strip_prefix(section);
            rest.is_some_and(|r| {
                r.starts_with([' ', '.']) && !r.starts_with(". . ") && !after_dot_is_digit(r)
            })
        };
        if !text.lines().any(heads) {
            wrong.insert(source);
        }
    }
    assert!(wrong.is_empty(), "no such sections: {wrong:?}");
}

fn after_dot_is_digit(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
}
