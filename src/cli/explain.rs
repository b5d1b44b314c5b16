//! `postroad explain 550 5.1.1`, `explain RCPT`, `explain "imap UID FETCH"`: the catalogue as a reference.
//!
//! [`lookup`] finds entries, [`lines`] sets one as text. Whoever prints takes both.

use crate::explain::{Entry, catalogue};
use std::collections::BTreeSet;
use std::fmt;

/// Words that choose a protocol when they stand first.
const PROTOCOLS: [&str; 10] =
    ["smtp", "pop3", "imap", "dns", "tcp", "tls", "message", "finding", "fact", "chapter"];

/// Nothing of that name is in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What was asked for.
    pub query: String,
    /// Names that are near, the nearest first; perhaps none.
    pub suggestions: Vec<String>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is known about {:?}", self.query)?;
        if let [first, rest @ ..] = &self.suggestions[..] {
            write!(f, "; did you mean {first}")?;
            rest.iter().try_for_each(|s| write!(f, ", {s}"))?;
            f.write_str("?")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotFound {}

/// The entries that a query asks for, the best first: by id, by verb, code, extension, field or finding; in any
/// case of letters. A whole line pasted from a wire works too. Where several protocols know the name, all answer.
pub fn lookup(query: &str) -> Result<Vec<&'static Entry>, NotFound> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let (protocol, rest) = match words[..] {
        [first, ref rest @ ..] if !rest.is_empty() && PROTOCOLS.contains(&&*first.to_ascii_lowercase()) => {
            (first.to_ascii_lowercase(), rest)
        }
        _ => (String::new(), &words[..]),
    };
    let mut found = Found { protocol, entries: Vec::new() };
    found.by_name(&rest.join(" "));
    if found.entries.is_empty() || rest.len() > 1 && rest[0].parse::<u16>().is_ok() {
        found.by_pieces(rest);
    }
    if found.entries.is_empty() {
        return Err(NotFound { query: query.to_owned(), suggestions: near(&rest.join(" ")) });
    }
    Ok(found.entries)
}

struct Found {
    protocol: String,
    entries: Vec<&'static Entry>,
}

impl Found {
    fn add(&mut self, fits: impl Fn(&str, &str) -> bool) {
        for entry in catalogue().entries() {
            let (protocol, name) = entry.id.split_once('.').unwrap_or(("", &entry.id));
            let wanted = self.protocol.is_empty() || self.protocol.eq_ignore_ascii_case(protocol);
            let known = self.entries.iter().any(|e| e.id == entry.id);
            if wanted && !known && !entry.id.ends_with("generic") && fits(protocol, name) {
                self.entries.push(entry);
            }
        }
    }

    /// The id, the id without its protocol, then what the id ends in.
    fn by_name(&mut self, name: &str) {
        if name.is_empty() {
            return;
        }
        self.add(|protocol, rest| format!("{protocol}.{rest}").eq_ignore_ascii_case(name));
        self.add(|_, rest| {
            rest.eq_ignore_ascii_case(name) || rest.eq_ignore_ascii_case(&name.replace(' ', "."))
        });
        self.enhanced(name);
        self.add(|_, rest| tail(rest).eq_ignore_ascii_case(name));
        self.by_topic(name);
        if self.entries.is_empty() && !name.contains(' ') {
            // A response code alone: `IN-USE` of `PASS.-ERR IN-USE`.
            self.add(|_, rest| {
                rest.rsplit([' ', '.']).next().is_some_and(|last| last.eq_ignore_ascii_case(name))
            });
        }
    }

    /// Words that entries name themselves: `greylisting`, `bounce`.
    fn by_topic(&mut self, name: &str) {
        for entry in catalogue().entries() {
            let named = entry.also.iter().any(|word| word.eq_ignore_ascii_case(name));
            if named && self.protocol.is_empty() && !self.entries.iter().any(|e| e.id == entry.id) {
                self.entries.push(entry);
            }
        }
    }

    /// `5.1.1` is listed as `X.1.1`, for the class only says whether to try again.
    fn enhanced(&mut self, name: &str) {
        if let Some((class @ ("2" | "4" | "5"), rest)) = name.split_once('.') {
            self.add(|_, id| id == format!("enhanced.{class}.{rest}") || id == format!("enhanced.X.{rest}"));
        }
    }

    /// A pasted line: the code with its enhanced code, then each alone; or the verb with one word less each time.
    fn by_pieces(&mut self, words: &[&str]) {
        let [first, ..] = words else { return };
        let (code, dash) = first.split_once('-').filter(|(c, _)| !c.is_empty()).unwrap_or((first, ""));
        let second = if dash.is_empty() { words.get(1).copied().unwrap_or_default() } else { dash };
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) {
            let before = self.entries.len();
            self.add(|_, rest| tail(rest) == format!("{code} {second}"));
            self.add(|_, rest| rest == code);
            self.enhanced(second);
            if self.entries.len() == before {
                self.add(|_, rest| tail(rest) == code);
            }
            return;
        }
        for count in (1..=words.len().min(3)).rev() {
            self.by_name(words[..count].join(" ").trim_end_matches(':'));
            if !self.entries.is_empty() {
                return;
            }
        }
        // An IMAP line begins with a tag or a star.
        if words.len() > 1 && words.len() < 64 {
            self.by_pieces(&words[1..]);
        }
    }
}

/// What an id ends in: `8BITMIME` of `ehlo.8BITMIME`, `550 5.1.1` of `RCPT.550 5.1.1`.
fn tail(rest: &str) -> &str {
    match rest.strip_prefix("enhanced.") {
        Some(code) => code,
        None => rest.split_once('.').map_or(rest, |(_, tail)| tail),
    }
}

/// Names of the catalogue at a small distance, the nearest first.
fn near(name: &str) -> Vec<String> {
    let name = name.to_ascii_uppercase();
    let names: BTreeSet<&str> = catalogue()
        .entries()
        .iter()
        .filter_map(|e| e.id.split_once('.'))
        .flat_map(|(_, rest)| [rest, tail(rest)])
        .filter(|n| *n != "generic")
        .collect();
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|n| (distance(&name, &n.to_ascii_uppercase()), n))
        .filter(|(d, n)| *d <= 1 + n.len().min(name.len()) / 3)
        .collect();
    near.sort();
    near.into_iter().take(5).map(|(_, n)| n.to_owned()).collect()
}

/// Levenshtein's distance, on the first 40 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(40).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// An entry as lines of text, at most `width` characters wide where words allow it.
pub fn lines(entry: &Entry, width: usize) -> Vec<String> {
    let vars = crate::explain::template::Vars::default();
    let mut out = vec![vars.fill(&entry.title), format!("  {}", entry.id)];
    if !entry.syntax.is_empty() {
        out.push(format!("  {}", entry.syntax));
    }
    out.push(String::new());
    let mut block = |label: &str, text: &str| {
        if !text.is_empty() {
            let indent = " ".repeat(label.chars().count());
            let options =
                textwrap::Options::new(width.max(30)).initial_indent(label).subsequent_indent(&indent);
            out.extend(textwrap::wrap(&vars.fill(text), options).into_iter().map(String::from));
        }
    };
    block("  ", &entry.summary);
    block("  ", &entry.detail);
    block("  why now      ", &entry.why);
    block("  next         ", &entry.next);
    block("  post office  ", &entry.post_office);
    block("  mistake      ", &entry.mistake);
    for (name, text) in &entry.parts {
        block(&format!("  {name}  "), text);
    }
    block("  source       ", &entry.source.join(", "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(query: &str) -> Vec<&str> {
        lookup(query).map(|found| found.into_iter().map(|e| e.id.as_str()).collect()).unwrap_or_default()
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(ids("rcpt")[0], "smtp.RCPT");
        assert_eq!(ids("smtp RCPT 550")[0], "smtp.RCPT.550");
        assert_eq!(ids("8bitmime")[0], "smtp.ehlo.8BITMIME");
        assert_eq!(ids("550")[0], "smtp.550");
        assert!(ids("MX").contains(&"dns.query.MX") && ids("MX").contains(&"dns.answer.MX"));
        assert_eq!(ids("5.1.1")[0], "smtp.enhanced.X.1.1");
        assert_eq!(ids("bare-lf")[0], "finding.bare-lf");
    }

    #[test]
    fn a_code_with_its_enhanced_code_finds_both() {
        let found = ids("550 5.1.1");
        assert!(found.contains(&"smtp.RCPT.550 5.1.1"), "{found:?}");
        let found = ids("552 5.2.2");
        assert!(found.contains(&"smtp.552") && found.contains(&"smtp.enhanced.X.2.2"), "{found:?}");
    }

    #[test]
    fn a_pasted_line_is_understood() {
        assert!(ids("550 5.1.1 <bob@example.net>: no such user").contains(&"smtp.RCPT.550 5.1.1"));
        assert_eq!(ids("RCPT TO:<bob@example.net>")[0], "smtp.RCPT");
        assert_eq!(ids("250-PIPELINING")[0], "smtp.250");
    }

    #[test]
    fn an_ambiguous_name_lists_every_protocol() {
        let found = ids("QUIT");
        assert!(found.contains(&"smtp.QUIT") && found.contains(&"pop3.QUIT"), "{found:?}");
        assert_eq!(ids("pop3 quit"), ["pop3.QUIT"]);
    }

    #[test]
    fn a_slip_of_the_pen_is_met_with_near_names() {
        let error = lookup("RCTP").unwrap_err();
        assert!(error.suggestions.contains(&"RCPT".to_owned()), "{error}");
        assert!(error.to_string().contains("did you mean"));
        assert!(lookup("").is_err() && lookup("   ").is_err());
    }

    #[test]
    fn lines_keep_to_the_width_and_have_no_placeholders() {
        for entry in catalogue().entries() {
            for line in lines(entry, 72) {
                assert!(
                    line.chars().count() <= 72
                        || !line.trim().contains(' ')
                        || line.contains(&entry.syntax) && !entry.syntax.is_empty()
                        || line.starts_with(&entry.title),
                    "{line}"
                );
                assert!(crate::explain::template::placeholders(&line).is_empty(), "{line}");
            }
        }
    }
}
