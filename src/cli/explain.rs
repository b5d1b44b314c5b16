//! `postroad explain 550 5.1.1`, `explain RCPT`, `explain "imap UID FETCH"`: the catalogue as a reference.
//!
//! [`lookup`] finds entries, [`lines`] sets one as text. Whoever prints takes both.

use crate::explain::{Entry, catalogue, reference};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;

/// Words that choose a protocol when they stand first.
const PROTOCOLS: [&str; 11] =
    ["smtp", "pop3", "imap", "dns", "tcp", "tls", "message", "finding", "fact", "outcome", "topic"];

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

/// What a query found: the entries that were meant, and those that are about the same in a narrower sense.
#[derive(Clone, Debug, Default)]
struct Answer {
    best: Vec<&'static Entry>,
    more: Vec<&'static Entry>,
}

/// The entries that a query asks for, the best first: by id, by verb, code, extension, field or finding, by a topic or
/// a part of a line; in any case of letters. A whole line pasted from a wire works too. Where several protocols know
/// the name, all answer.
pub fn lookup(query: &str) -> Result<Vec<&'static Entry>, NotFound> {
    let Answer { mut best, more } = answer(query)?;
    best.extend(more);
    Ok(best)
}

/// What a query found as lines of text: whole entries for what was meant, one line for each of the narrower ones.
pub fn page(query: &str, width: usize) -> Result<Vec<String>, NotFound> {
    let Answer { best, more } = answer(query)?;
    let mut out = Vec::new();
    for entry in best {
        if !out.is_empty() {
            out.push(String::new());
        }
        out.extend(lines(entry, width));
    }
    if !more.is_empty() {
        out.extend([String::new(), "More about it, by name:".to_owned()]);
        let vars = crate::explain::template::Vars::default();
        let column = more.iter().map(|e| e.id.chars().count()).max().unwrap_or(0).min(34);
        for entry in more {
            let label = format!("  {:column$}  ", entry.id);
            let indent = " ".repeat(column + 4);
            let options =
                textwrap::Options::new(width.max(30)).initial_indent(&label).subsequent_indent(&indent);
            let summary = vars.fill(&entry.summary);
            out.extend(textwrap::wrap(&summary, options).into_iter().map(String::from));
        }
    }
    Ok(out)
}

/// The arguments of the program as clap can read them: `explain -ERR` asks about a reply and sets no option, so that a
/// space goes in front, which a query does not mind.
pub fn shielded(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    if args.get(1).is_some_and(|command| command == "explain") {
        for arg in args.iter_mut().skip(2) {
            let text = arg.to_string_lossy();
            if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("-ERR")) {
                *arg = OsString::from(format!(" {text}"));
            }
        }
    }
    args
}

fn answer(query: &str) -> Result<Answer, NotFound> {
    let words: Vec<&str> = query.split_whitespace().filter(|w| !matches!(*w, "C:" | "S:")).collect();
    let (protocol, rest) = match words[..] {
        [first, ref rest @ ..] if !rest.is_empty() && PROTOCOLS.contains(&&*first.to_ascii_lowercase()) => {
            (first.to_ascii_lowercase(), rest)
        }
        _ => (String::new(), &words[..]),
    };
    let mut found = Found { protocol, answer: Answer::default() };
    let looks = [Found::by_line, Found::by_whole_name, Found::by_words];
    for look in looks {
        look(&mut found, rest);
        if found.is_empty() && !found.answer.more.is_empty() {
            found.answer.best = std::mem::take(&mut found.answer.more);
        }
        if !found.is_empty() {
            return Ok(found.answer);
        }
    }
    Err(NotFound { query: query.to_owned(), suggestions: near(&rest.join(" ")) })
}

struct Found {
    protocol: String,
    answer: Answer,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.answer.best.is_empty()
    }

    /// The entries that fit by protocol and name, which are not in the answer yet, the general ones first.
    fn fitting(&self, fits: impl Fn(&str, &str) -> bool) -> Vec<&'static Entry> {
        let mut found: Vec<&'static Entry> = catalogue().entries().iter().collect();
        found.retain(|entry| {
            let (protocol, name) = entry.id.split_once('.').unwrap_or(("", &entry.id));
            let wanted = self.protocol.is_empty() || self.protocol.eq_ignore_ascii_case(protocol);
            wanted && !self.knows(entry) && !entry.id.ends_with("generic") && fits(protocol, name)
        });
        found.sort_by_key(|entry| entry.id.matches(['.', ' ']).count());
        found
    }

    fn knows(&self, entry: &Entry) -> bool {
        self.answer.best.iter().chain(&self.answer.more).any(|e| e.id == entry.id)
    }

    fn best(&mut self, fits: impl Fn(&str, &str) -> bool) {
        let found = self.fitting(fits);
        self.answer.best.extend(found);
    }

    fn more(&mut self, fits: impl Fn(&str, &str) -> bool) {
        let found = self.fitting(fits);
        self.answer.more.extend(found);
    }

    fn id(&mut self, id: &str) {
        self.best(|protocol, rest| {
            id.split_once('.').is_some_and(|(p, r)| p == protocol && r.eq_ignore_ascii_case(rest))
        });
    }

    fn by_whole_name(&mut self, words: &[&str]) {
        self.by_name(&words.join(" "));
    }

    /// The id, the id without its protocol, a topic, a part; then what ids end in.
    fn by_name(&mut self, name: &str) {
        if !name.bytes().any(|b| b.is_ascii_alphanumeric()) && !matches!(name, "+" | "*") {
            return;
        }
        self.best(|protocol, rest| format!("{protocol}.{rest}").eq_ignore_ascii_case(name));
        self.written_so(name);
        self.best(|protocol, rest| protocol == "topic" && rest.eq_ignore_ascii_case(name));
        self.by_topic(name);
        self.best(|_, rest| {
            rest.eq_ignore_ascii_case(name) || rest.eq_ignore_ascii_case(&name.replace(' ', "."))
        });
        self.enhanced(name);
        self.best(|_, rest| is_kind(rest) && tail(rest).eq_ignore_ascii_case(name));
        self.more(|_, rest| tail(rest).eq_ignore_ascii_case(name));
        self.parts(name);
        if self.is_empty() && name.bytes().any(|b| b.is_ascii_alphabetic()) && !name.contains(' ') {
            // A response code alone: `IN-USE` of `PASS.-ERR IN-USE`.
            let code = name.trim_start_matches('[').trim_end_matches(']');
            let ends =
                |rest: &str| rest.rsplit([' ', '.']).next().is_some_and(|l| l.eq_ignore_ascii_case(code));
            if let [first, rest @ ..] = &self.fitting(|_, rest| ends(rest))[..] {
                self.answer.best.push(first);
                self.answer.more.splice(0..0, rest.iter().copied());
            }
        }
    }

    /// A value of IMAP that is written in upper case, as the query is: `ENVELOPE` is another thing than the envelope.
    fn written_so(&mut self, name: &str) {
        let is_item = |id: &str| {
            let value = reference::part_name(id).filter(|(part, _)| *part == "fetch-att").and_then(|p| p.1);
            value.is_some_and(|value| value == name || value.strip_suffix("[]") == Some(name))
        };
        let found = reference::parts().iter().filter(|e| is_item(&e.id));
        let is_topic = catalogue().get(&format!("topic.{name}")).is_some();
        if matches!(&*self.protocol, "" | "imap") && !is_topic {
            self.answer.best.extend(found);
        }
    }

    /// Words that entries name themselves: `greylisting`, `bounce`.
    fn by_topic(&mut self, name: &str) {
        for entry in catalogue().entries() {
            let named = entry.also.iter().any(|word| word.eq_ignore_ascii_case(name));
            if named && self.protocol.is_empty() && !self.knows(entry) {
                let at = if entry.id.starts_with("topic.") { 0 } else { self.answer.best.len() };
                self.answer.best.insert(at, entry);
            }
        }
    }

    /// Parts of lines, by their name or their value.
    fn parts(&mut self, name: &str) {
        for entry in reference::parts() {
            let Some((part, value)) = reference::part_name(&entry.id) else { continue };
            let protocol = entry.id.trim_start_matches("part.").split('.').next().unwrap_or_default();
            let wanted = self.protocol.is_empty() || self.protocol == protocol;
            let by_value = value.is_some_and(|value| value.eq_ignore_ascii_case(name));
            let by_name = value.is_none() && part.eq_ignore_ascii_case(name);
            if wanted && (by_value || by_name) && !self.knows(entry) {
                self.answer.more.push(entry);
            }
        }
    }

    /// `5.1.1` is listed as `X.1.1`, for the class only says whether to try again.
    fn enhanced(&mut self, name: &str) {
        if let Some((class @ ("2" | "4" | "5"), rest)) = name.split_once('.') {
            self.best(|_, id| id == format!("enhanced.{class}.{rest}") || id == format!("enhanced.X.{rest}"));
        }
    }

    /// A line off a wire, told by how it begins.
    fn by_line(&mut self, words: &[&str]) {
        let (Some(first), second) = (words.first(), words.get(1).copied().unwrap_or_default()) else {
            return;
        };
        let [of_imap, of_pop3] = ["imap", "pop3"].map(|p| self.protocol.is_empty() || self.protocol == p);
        let (code, dash) = first.split_once('-').filter(|(c, _)| !c.is_empty()).unwrap_or((first, ""));
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) && words.len() + dash.len() > 1 {
            self.smtp_reply(code, if dash.is_empty() { second } else { dash }, words);
        } else if *first == "*" && !second.is_empty() && of_imap {
            self.untagged(&words[1..]);
        } else if *first == "+" && of_imap {
            let idling = words[1..].iter().any(|w| w.eq_ignore_ascii_case("idling"));
            self.id(if idling { "imap.IDLE.continuation" } else { "imap.continuation" });
            if !idling && of_pop3 {
                self.id("pop3.+");
            }
        } else if first.eq_ignore_ascii_case("-ERR") || first.eq_ignore_ascii_case("+OK") {
            if let Some(code) = second.strip_prefix('[').and_then(|c| c.split(']').next()) {
                self.id(&format!("pop3.{first} {code}"));
            }
            self.id(&format!("pop3.{first}"));
            if words.len() == 1 {
                self.more(|protocol, rest| protocol == "pop3" && tail(rest).eq_ignore_ascii_case(first));
            }
        } else if words.len() > 1 && of_imap {
            self.tagged(words);
        }
    }

    /// A code with its enhanced code, each alone, and what the text names: `450 4.7.1 Greylisted`.
    fn smtp_reply(&mut self, code: &str, second: &str, words: &[&str]) {
        for word in words.iter().skip(1).take(20) {
            self.by_topic(word.trim_matches(|c: char| !c.is_alphanumeric()));
        }
        self.best(|_, rest| tail(rest) == format!("{code} {second}"));
        self.best(|_, rest| rest == code);
        self.enhanced(second);
        if self.is_empty() {
            self.best(|_, rest| tail(rest) == code);
        } else if words.len() > 1 {
            self.best(|_, rest| rest.eq_ignore_ascii_case(&format!("{second}.{code}")));
        }
    }

    /// `* 3 EXISTS`, `* OK [UIDNEXT 3]`, `* LIST …`.
    fn untagged(&mut self, words: &[&str]) {
        let named = words.iter().find(|w| w.parse::<u64>().is_err()).copied().unwrap_or_default();
        if let Some(code) = words.get(1).and_then(|w| w.strip_prefix('[')) {
            let code = code.trim_end_matches(']');
            self.id(&format!("imap.untagged.{named} {code}"));
            if self.is_empty() {
                self.id(&format!("imap.{named} {code}"));
            }
        }
        if self.is_empty() {
            self.id(&format!("imap.untagged.{named}"));
        }
    }

    /// `a1 OK [READ-WRITE] SELECT completed`, `a1 UID FETCH 1:* FLAGS`: a line of IMAP with its tag.
    fn tagged(&mut self, words: &[&str]) {
        let rest = &words[1..];
        if let [status @ ("OK" | "NO" | "BAD"), text @ ..] = rest {
            let code = text.first().and_then(|w| w.strip_prefix('[')).map(|c| c.trim_end_matches(']'));
            let verb = text.iter().find(|w| is_imap_verb(w)).copied().unwrap_or_default();
            if let Some(code) = code {
                self.id(&format!("imap.{verb}.{status} {code}"));
                self.id(&format!("imap.{status} {code}"));
            }
            if self.is_empty() {
                self.id(&format!("imap.{verb}.{status}"));
            }
            self.id(&format!("imap.{status}"));
            return;
        }
        let is_tag = words[0].bytes().any(|b| b.is_ascii_digit()) && !is_imap_verb(words[0]);
        let two = rest.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        for name in [two.as_str(), rest[0]] {
            if is_tag && is_imap_verb(name) && self.is_empty() {
                self.id(&format!("imap.{name}"));
            }
        }
    }

    /// The verb at the beginning of a line, with one word less each time; then the same without the first word.
    fn by_words(&mut self, words: &[&str]) {
        for from in 0..words.len().min(64) {
            let rest = &words[from..];
            // A tag, and nothing else, may stand in front of a command.
            if from > 0 && rest[0].bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            for count in (1..=rest.len().min(3)).rev() {
                self.by_name(rest[..count].join(" ").trim_end_matches(':'));
                if !self.is_empty() || !self.answer.more.is_empty() {
                    return;
                }
            }
        }
    }
}

/// Whether an id is of a kind that names a thing, and not a reply to a command.
fn is_kind(rest: &str) -> bool {
    const KINDS: [&str; 7] =
        ["ehlo.", "query.", "answer.", "untagged.", "capability.", "enhanced.", "close."];
    KINDS.iter().any(|kind| rest.starts_with(kind))
}

fn is_imap_verb(name: &str) -> bool {
    catalogue().get(&format!("imap.{}", name.to_ascii_uppercase())).is_some_and(|e| !e.syntax.is_empty())
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
    let mut out = vec![vars.fill(&entry.title).into_owned(), format!("  {}", entry.id)];
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
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
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
    fn lines_of_imap_are_understood() {
        assert_eq!(ids("* 3 EXISTS"), ["imap.untagged.EXISTS"]);
        assert_eq!(ids("* 1 RECENT"), ["imap.untagged.RECENT"]);
        assert_eq!(ids("* 2 FETCH (FLAGS (\\Seen))")[0], "imap.untagged.FETCH");
        assert_eq!(ids("* BYE see you")[0], "imap.untagged.BYE");
        assert_eq!(ids("* OK [UIDNEXT 3] next"), ["imap.untagged.OK UIDNEXT"]);
        assert_eq!(ids("+ idling"), ["imap.IDLE.continuation"]);
        assert_eq!(ids("a1 OK [READ-WRITE] SELECT completed")[0], "imap.SELECT.OK READ-WRITE");
        assert_eq!(ids("a1 UID FETCH 1:* FLAGS"), ["imap.UID FETCH"]);
        assert_eq!(ids("a1 LOGIN bob sesame"), ["imap.LOGIN"]);
        assert!(ids("[ALERT]")[0].ends_with("ALERT") && ids("ALERT")[0].ends_with("ALERT"));
    }

    #[test]
    fn the_text_of_a_reply_counts_too() {
        assert_eq!(ids("451 4.7.1 Greylisted, please try again later")[0], "smtp.RCPT.450 4.7.1");
        assert_eq!(ids("-ERR [IN-USE] locked")[0], "pop3.-ERR IN-USE");
        assert_eq!(ids(" -ERR")[0], "pop3.-ERR");
        let args = ["postroad", "explain", "-ERR", "--width", "60"].map(OsString::from);
        assert_eq!(shielded(args)[2..], [" -ERR", "--width", "60"].map(OsString::from));
    }

    #[test]
    fn topics_and_parts_are_found() {
        for topic in "SPF DKIM DMARC TLS SMTP POP3 IMAP MTA MUA MSA INBOX base64 mailbox smarthost".split(' ')
        {
            assert_eq!(ids(topic)[0], format!("topic.{topic}"));
        }
        assert_eq!(ids("open relay")[0], "topic.relay");
        assert_eq!(ids("maildrop")[0], "topic.maildrop");
        assert_eq!(ids("envelope")[0], "topic.envelope");
        assert_eq!(ids("ENVELOPE")[0], "part.imap.fetch-att=ENVELOPE");
        assert_eq!(ids("BODYSTRUCTURE")[0], "part.imap.fetch-att=BODYSTRUCTURE");
        assert_eq!(ids("BODY.PEEK")[0], "part.imap.fetch-att=BODY.PEEK[]");
        assert!(ids("\\Seen")[0] == "topic.flags" && ids("\\Deleted")[0] == "topic.flags");
        assert!(ids("reverse-path").contains(&"part.smtp.reverse-path"));
        assert!(ids("sequence-set").contains(&"part.imap.sequence-set"));
    }

    #[test]
    fn the_general_comes_first_and_the_narrow_is_a_list() {
        let page = page("250", 80).unwrap();
        assert!(page[1].contains("smtp.250"), "{page:#?}");
        let list: Vec<_> = page.iter().skip_while(|line| !line.starts_with("More")).collect();
        assert!(list.iter().any(|line| line.starts_with("  smtp.MAIL.250 ")), "{page:#?}");
        assert!(page.len() < 60, "{}", page.len());
        assert!(!super::page("AUTH", 80).unwrap().join(" ").contains("mechanism the mechanism"));
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
