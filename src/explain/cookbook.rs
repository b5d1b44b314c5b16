//! The debugging cookbook: what people see when a mail does not arrive, what it means, and what to do.
//!
//! The cases are data (`catalogue/cookbook.toml`). `postroad explain` shows those that fit a pasted line, and the book's
//! page is made from them.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// One case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// A short name: `relay-denied`. The book's anchor.
    pub id: String,
    /// A heading: `550 5.7.1: relaying denied`.
    pub title: String,
    /// The part of the page that it stands in.
    pub group: String,
    /// Codes that a line of this kind may have: `550`, or with the enhanced code that tells it apart, `550 5.7.1`.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Words that a line of this kind may have, in lower case.
    #[serde(default)]
    pub words: Vec<String>,
    /// What somebody sees.
    pub symptom: String,
    /// What it means.
    pub means: String,
    /// Who said it, to whom, and when.
    pub said_by: String,
    /// A command of this program that shows it, without the program's name.
    pub see: String,
    /// Words of the step of the story that shows it; empty where the command tells no story.
    #[serde(default)]
    pub step: String,
    /// Words of the line that shows it, where the command tells no story.
    #[serde(default)]
    pub line: String,
    /// What to do, in the order in which to try it.
    pub do_this: Vec<String>,
    /// Who says so: `RFC 5321 §4.2.1`. At least one.
    pub source: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

const TEXT: &str = include_str!("catalogue/cookbook.toml");

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    // A file that cannot be read leaves the table empty, never a panic; a test holds that it can.
    toml::from_str::<File>(TEXT).unwrap_or_default().case
});

/// All cases, in the order of the page.
pub fn cases() -> &'static [Case] {
    &CASES
}

/// More of a query is not read.
const LONGEST_QUERY: usize = 2000;

/// The cases that fit a code, a pasted line or a complaint best, in the order of the page: none, one, or several that fit
/// equally well. What a line says counts more than its code, and a code with its enhanced code more than the code alone.
pub fn fitting(query: &str) -> Vec<&'static Case> {
    let lower: String = query.chars().take(LONGEST_QUERY).flat_map(char::to_lowercase).collect();
    let query = Query { codes: codes(&lower), words: words(&lower) };
    let fits: Vec<(u32, &Case)> =
        cases().iter().map(|case| (query.fits(case), case)).filter(|(fits, _)| *fits > 0).collect();
    let best = fits.iter().map(|(fits, _)| *fits).max().unwrap_or(0);
    fits.into_iter().filter(|(fits, _)| *fits == best).map(|(_, case)| case).collect()
}

/// What is asked: the codes of a line, and its words with a blank between and around them.
struct Query {
    codes: (String, String),
    words: String,
}

impl Query {
    /// How well a case fits; 0 where it does not.
    fn fits(&self, case: &Case) -> u32 {
        let said = case.words.iter().filter(|word| self.words.contains(&format!(" {word} "))).count();
        let said = 4 * u32::try_from(said).unwrap_or(u32::MAX / 8);
        let (code, enhanced) = &self.codes;
        let by_code = case.codes.iter().map(|listed| match listed.split_once(' ') {
            Some((c, e)) if c == code && e == enhanced => 3,
            Some((_, e)) if code.is_empty() && e == enhanced => 3,
            Some((c, _)) if c == code && enhanced.is_empty() => 1,
            None if listed == code => 1,
            _ => 0,
        });
        said + by_code.max().unwrap_or(0)
    }
}

/// The first code of three digits and the first enhanced code of a line; empty where it has none.
fn codes(line: &str) -> (String, String) {
    let mut found = (String::new(), String::new());
    for word in line.split([' ', '\t', '-', '(', ')', '[', ']', ',', ';', ':', '=', '"', '\'']) {
        let word = word.trim_end_matches('.');
        let numbers: Vec<&str> = word.split('.').collect();
        let digits = |n: &&str| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
        match numbers[..] {
            [one] if found.0.is_empty() && is_code(one) => one.clone_into(&mut found.0),
            ["2" | "4" | "5", b, c] if digits(&b) && digits(&c) && found.1.is_empty() => {
                word.clone_into(&mut found.1);
            }
            _ => {}
        }
    }
    found
}

/// Three digits that a reply may begin with.
fn is_code(word: &str) -> bool {
    matches!(word.as_bytes(), [b'2'..=b'5', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// The words of a line with one blank between and around them.
fn words(line: &str) -> String {
    let mut words = " ".to_owned();
    for word in line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '\'' | '/' | '-')) {
        let word = word.trim_matches(['.', '\'', '/', '-']);
        if !word.is_empty() {
            words.push_str(word);
            words.push(' ');
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn ids(query: &str) -> Vec<&str> {
        fitting(query).into_iter().map(|case| case.id.as_str()).collect()
    }

    #[test]
    fn every_case_is_whole_and_plain() {
        if let Err(error) = toml::from_str::<File>(TEXT) {
            panic!("cookbook.toml: {error}");
        }
        let mut seen = BTreeSet::new();
        for case in cases() {
            let id = &case.id;
            assert!(seen.insert(id), "{id} stands there twice");
            assert!(
                !case.source.is_empty() && case.source.iter().all(|s| is_citation(s)),
                "{id}: {:?}",
                case.source
            );
            assert!(!case.do_this.is_empty() && !case.codes.is_empty() | !case.words.is_empty(), "{id}");
            assert!(case.step.is_empty() != case.line.is_empty(), "{id}: a step or a line");
            let texts = [&case.symptom, &case.means, &case.said_by].into_iter().chain(&case.do_this);
            for text in texts {
                assert!(text.ends_with(['.', '?', '”', '`']), "{id}: {text}");
                assert!(!text.contains('!') && !text.to_lowercase().contains("simply"), "{id}: {text}");
            }
            for words in &case.words {
                assert_eq!(super::words(words).trim(), words, "{id}: as the words of a line are read");
            }
        }
        assert!(cases().len() >= 50, "only {} cases", cases().len());
    }

    fn is_citation(source: &str) -> bool {
        let section = |rest: &str| {
            rest.split_once(" §").is_some_and(|(n, s)| n.bytes().all(|b| b.is_ascii_digit()) && !s.is_empty())
        };
        source.strip_prefix("RFC ").map_or(source.starts_with("CVE-"), section)
    }

    #[test]
    fn every_case_is_found_by_what_it_lists() {
        for case in cases() {
            for code in &case.codes {
                assert!(ids(code).contains(&case.id.as_str()), "{code} does not find {}", case.id);
            }
            for words in &case.words {
                assert!(ids(words).contains(&case.id.as_str()), "{words} does not find {}", case.id);
            }
        }
    }

    #[test]
    fn a_pasted_line_finds_its_case() {
        for (line, id) in [
            ("550 5.7.1 relay denied", "relay-denied"),
            ("554 5.7.1 <bob@example.edu>: Relay access denied", "relay-denied"),
            ("451 4.7.1 Greylisted, please try again later", "greylisted"),
            ("550-5.1.1 The email account that you tried to reach does not exist", "no-such-user"),
            ("550 5.7.26 This mail is unauthenticated", "dmarc-refused"),
            ("connect to mx1.example.net[203.0.113.25]:25: Connection timed out", "port-25-timeout"),
            ("my mail lands in spam", "lands-in-spam"),
            ("535 5.7.8 Error: authentication failed", "wrong-password"),
            ("554 5.4.6 Too many hops", "mail-loop"),
            ("552 5.3.4 Message size exceeds fixed limit", "too-large"),
        ] {
            assert_eq!(ids(line), [id], "{line}");
        }
        assert!(ids("550").len() > 3 && ids("").is_empty() && ids("Alice").is_empty());
        assert!(ids(&"550 ".repeat(5000)).len() > 3);
    }

    #[test]
    fn codes_are_read_from_a_line() {
        let read = |line| {
            let (code, enhanced) = codes(line);
            format!("{code} {enhanced}")
        };
        assert_eq!(read("550-5.7.1 no"), "550 5.7.1");
        assert_eq!(read("said: 452 4.2.2 (in reply to RCPT TO)"), "452 4.2.2");
        assert_eq!(read("dsn=5.1.1, status=bounced"), " 5.1.1");
        assert_eq!(read("203.0.113.25 said 550."), "550 ");
    }
}
