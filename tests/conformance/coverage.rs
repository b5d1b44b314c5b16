//! The table of what is held: read from the tests' documentation, written to `book/src/reference/conformance.md`.
//!
//! A line `/// RFC 5321 §4.1.4 MUST: text` before a test is one row. What is missing stands in `open.txt`. With the RFCs'
//! texts at hand (`POSTROAD_CORPUS`), no section that holds a MUST may be absent from both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// One requirement, and the test that holds it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    rfc: u32,
    section: Section,
    /// `MUST`, `SHOULD NOT`, …; empty where it is only described.
    level: String,
    text: String,
    test: String,
}

/// `4.5.3.1.10` or `F.2`, in order of its numbers, appendices last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Section(Vec<u32>);

/// An appendix's letter counts on from here.
const APPENDIX: u32 = 1000;

impl Section {
    fn read(text: &str) -> Option<Section> {
        let number = |part: &str| match part.as_bytes() {
            [letter @ b'A'..=b'Z'] => Some(APPENDIX + u32::from(*letter)),
            _ => part.parse().ok(),
        };
        text.trim_matches(['§', ',', '.', ' ']).split('.').map(number).collect::<Option<_>>().map(Section)
    }

    /// The section that a line begins, if it is a heading: `4.1.4.  Order of Commands`, `Appendix F.  Deprecated …`.
    fn heading(line: &str) -> Option<Section> {
        let numbered = line.strip_prefix("Appendix ").unwrap_or(line);
        let (number, title) = numbered.split_once(' ')?;
        let is_number =
            number.starts_with(|c: char| c.is_ascii_digit()) || number.len() > 2 || numbered != line;
        let leader = title.contains("....") || title.contains(". . .");
        let titled = title
            .trim_start()
            .starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '[' || c == '"');
        (is_number && titled && !leader).then(|| Section::read(number))?
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |n: &u32| match n.checked_sub(APPENDIX).and_then(char::from_u32) {
            Some(letter) => letter.to_string(),
            None => n.to_string(),
        };
        f.write_str(&self.0.iter().map(part).collect::<Vec<_>>().join("."))
    }
}

/// The rows of a test's documentation: each begins with `RFC n §s`, with a level, and goes on behind a colon.
fn rows_of(doc: &str, test: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut begun = 0;
    for piece in doc.split("RFC ").skip(1) {
        match reference(piece) {
            Some((rfc, sections, level, text)) => {
                begun = rows.len();
                let row = |section| Row {
                    rfc,
                    section,
                    level: level.clone(),
                    text: text.to_owned(),
                    test: test.to_owned(),
                };
                rows.extend(sections.into_iter().map(row));
            }
            // Another RFC is mentioned in the text.
            None => rows.iter_mut().skip(begun).for_each(|row| {
                row.text.push_str("RFC ");
                row.text.push_str(piece);
            }),
        }
    }
    rows.iter_mut().for_each(|row| row.text = row.text.trim().trim_end_matches(['.', ';', ' ']).to_owned());
    rows
}

/// `5321 §4.1.4 MUST: text`: number, sections, level, text.
fn reference(piece: &str) -> Option<(u32, Vec<Section>, String, &str)> {
    let (reference, text) = piece.split_once(": ")?;
    let mut words = reference.split_whitespace();
    let rfc = words.next()?.parse().ok()?;
    let (sections, level): (Vec<&str>, Vec<&str>) = words.partition(|w| w.starts_with('§'));
    let sections: Vec<Section> = sections.into_iter().map(Section::read).collect::<Option<_>>()?;
    let levels = level.iter().all(|w| w.chars().all(char::is_uppercase));
    (levels && !sections.is_empty()).then(|| (rfc, sections, level.join(" "), text))
}

/// All rows of the test files beside this one.
fn rows() -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    for module in ["imap", "misbehaving", "pop3", "queue", "smtp", "tls", "tough"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/{module}.rs"));
        let source = std::fs::read_to_string(path).expect("the test's own source");
        let mut doc = String::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("///") {
                doc.push_str(text);
            } else if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
                rows.extend(rows_of(&doc, &format!("{module}::{name}")));
                doc.clear();
            } else if !line.starts_with("#[") {
                doc.clear();
            }
        }
    }
    rows
}

/// What is not held: RFC, sections, what, why.
fn open() -> Vec<(u32, Vec<Section>, String, String)> {
    let lines = include_str!("open.txt").lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(" | ").collect();
            let [rfc, sections, what, why] = fields.as_slice() else { panic!("four fields: {line}") };
            let sections = sections.split(", ").map(|s| Section::read(s).expect("a section")).collect();
            (rfc.parse().expect("a number"), sections, (*what).to_owned(), (*why).to_owned())
        })
        .collect()
}

/// Names of the RFCs in the table.
fn title(rfc: u32) -> &'static str {
    match rfc {
        1870 => "SMTP: message size",
        1939 => "POP3",
        2177 => "IMAP: IDLE",
        2195 => "SASL: CRAM-MD5",
        2449 => "POP3: extensions",
        2595 => "POP3 and IMAP: STLS and STARTTLS",
        2920 => "SMTP: pipelining",
        3030 => "SMTP: chunking",
        3206 => "POP3: reasons for failure",
        3207 => "SMTP: STARTTLS",
        3461 => "SMTP: reports on request",
        3464 => "delivery status notifications",
        3501 => "IMAP4rev1",
        4954 => "SMTP: authentication",
        5034 => "POP3: authentication",
        5321 => "SMTP",
        5322 => "the message",
        5802 => "SASL: SCRAM",
        6152 => "SMTP: 8-bit content",
        6409 => "submission",
        6647 => "greylisting",
        7435 => "opportunistic encryption",
        7505 => "null MX",
        8314 => "TLS for people's mail programs",
        8446 => "TLS 1.3",
        9051 => "IMAP4rev2",
        other => panic!("RFC {other} needs a title here"),
    }
}

fn page(rows: &BTreeSet<Row>) -> String {
    let musts =
        rows.iter().filter(|r| ["MUST", "REQ", "SHALL"].iter().any(|m| r.level.starts_with(m))).count();
    let mut out = format!(
        "# Conformance\n\n<!-- Written by tests/conformance/coverage.rs (POSTROAD_BLESS=1); do not edit. -->\n\n\
         The servers and clients of the small internet are held to their standards by dialogues: a test speaks to the real\n\
         server of a running world, octet for octet, and says what must come back. Each row names a requirement and the\n\
         test in `tests/conformance/` that holds it: {} rows, {musts} of them obligations (MUST, SHALL, REQUIRED).\n\
         What no test holds yet stands at the end.\n",
        rows.len()
    );
    let mut by_rfc: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_rfc.entry(row.rfc).or_default().push(row);
    }
    for (rfc, rows) in by_rfc {
        let _ = write!(
            out,
            "\n## RFC {rfc}: {}\n\n[Its text](https://www.rfc-editor.org/rfc/rfc{rfc})\n\n| § | | requirement | test |\n|---|---|---|---|\n",
            title(rfc)
        );
        for row in rows {
            let _ =
                writeln!(out, "| {} | {} | {} | `{}` |", row.section, row.level, escape(&row.text), row.test);
        }
    }
    for (heading, word) in [("Not held yet", "open"), ("Not asked of this program", "aside")] {
        let _ = write!(out, "\n## {heading}\n\n| RFC | § | requirement | |\n|---|---|---|---|\n");
        for (rfc, sections, what, why) in open().iter().filter(|(.., why)| why.starts_with(word)) {
            let sections = sections.iter().map(Section::to_string).collect::<Vec<_>>().join(", ");
            let why = why[word.len()..].trim_start_matches([':', ' ']);
            let _ = writeln!(out, "| {rfc} | {sections} | {} | {} |", escape(what), escape(why));
        }
    }
    out
}

/// Safe in a cell of a table: no bar, and no angle bracket that would be HTML.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn the_table_in_the_book_is_what_the_tests_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/reference/conformance.md");
    let wanted = page(&rows());
    if std::env::var_os("POSTROAD_BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("the book can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "{} is not what the tests say: POSTROAD_BLESS=1 writes it anew", path.display());
}

/// The sections of an RFC's text, each with its words.
fn sections_of(text: &str) -> BTreeMap<Section, BTreeSet<String>> {
    let mut found: BTreeMap<Section, BTreeSet<String>> = BTreeMap::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(next) = Section::heading(line) {
            section = Some(next);
        }
        if let Some(section) = &section {
            let words = line.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
            found.entry(section.clone()).or_default().extend(words);
        }
    }
    found
}

/// The RFC's text from the corpus; `None` where it is not there.
fn text_of(rfc: u32) -> Option<String> {
    let path = Path::new(&std::env::var_os("POSTROAD_CORPUS")?).join(format!("rfc/full/rfc{rfc}.txt"));
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}

/// Whether this test must be left out for want of the corpus.
fn without_corpus(test: &str) -> bool {
    let missing = text_of(5321).is_none();
    if missing {
        eprintln!("skipped {test}: POSTROAD_CORPUS names no folder with the RFCs");
        assert!(std::env::var_os("POSTROAD_REQUIRE_ALL").is_none(), "POSTROAD_REQUIRE_ALL is set");
    }
    missing
}

#[test]
fn every_section_with_a_must_is_held_or_listed() {
    if without_corpus("every_section_with_a_must_is_held_or_listed") {
        return;
    }
    let (rows, open) = (rows(), open());
    for (rfc, words) in [(5321, &["MUST"][..]), (1939, &["MUST", "must"]), (9051, &["MUST"])] {
        let there = sections_of(&text_of(rfc).expect("the RFC's text"));
        for (_, sections, what, _) in open.iter().filter(|(r, ..)| *r == rfc) {
            assert!(sections.iter().all(|s| there.contains_key(s)), "RFC {rfc} has no such section: {what}");
        }
        let mut wanted = there;
        wanted.retain(|_, said| words.iter().any(|w| said.contains(*w)));
        assert!(wanted.len() > 5, "RFC {rfc}: only {:?}", wanted.keys());
        let listed = |s: &&Section| {
            rows.iter().any(|r| r.rfc == rfc && r.section == **s)
                || open.iter().any(|(r, sections, ..)| *r == rfc && sections.contains(s))
        };
        let missing: Vec<String> = wanted.keys().filter(|s| !listed(s)).map(Section::to_string).collect();
        assert!(missing.is_empty(), "RFC {rfc}: neither held nor in open.txt: {}", missing.join(", "));
    }
}

/// A row that says MUST cites a section that says so too.
#[test]
fn citations_are_right() {
    if without_corpus("citations_are_right") {
        return;
    }
    let rfcs: BTreeSet<u32> = rows().iter().map(|r| r.rfc).collect();
    let texts: BTreeMap<u32, _> =
        rfcs.into_iter().filter_map(|rfc| Some((rfc, sections_of(&text_of(rfc)?)))).collect();
    let wrong: Vec<String> = rows()
        .iter()
        .filter(|row| {
            let Some(sections) = texts.get(&row.rfc) else { return false };
            let Some(said) = sections.get(&row.section) else { return true };
            let word = row.level.split(' ').next().unwrap_or_default();
            !word.is_empty() && !said.contains(word) && !said.contains(&word.to_lowercase())
        })
        .map(|row| format!("RFC {} §{} {}: {}", row.rfc, row.section, row.level, row.text))
        .collect();
    assert!(wrong.is_empty(), "these sections are not there, or do not say so: {wrong:#?}");
}

#[test]
fn documentation_is_read_as_rows() {
    let doc = " RFC 5321 §4.1.4 MUST: one. RFC 9051 §6.4.3, §7.5.1: two, as RFC 3501 has it. More words.";
    let rows: Vec<String> =
        rows_of(doc, "t").iter().map(|r| format!("{} {} {} {}", r.rfc, r.section, r.level, r.text)).collect();
    assert_eq!(
        rows,
        [
            "5321 4.1.4 MUST one",
            "9051 6.4.3  two, as RFC 3501 has it. More words",
            "9051 7.5.1  two, as RFC 3501 has it. More words"
        ]
    );
}
