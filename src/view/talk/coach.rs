//! The coach: the next sensible line, and what a no means, by the phase table. The words are data: `lessons/talk.toml`.

use super::{Mode, Talk};
use crate::base::escape;
use crate::dissect::{Kind, Protocol, Step, Verdict};
use crate::explain::legal;
use crate::trace::Direction;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How a student reaches the coach: words of the dialogue, or keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// A line that fits now.
    pub show: &'static str,
    /// Takes the last line back.
    pub undo: &'static str,
    /// Begins anew.
    pub again: &'static str,
}

impl Ways {
    /// In a dialogue.
    pub const WORDS: Ways = Ways { show: ":show", undo: ":undo", again: ":again" };
    /// On the full screen.
    pub const KEYS: Ways = Ways { show: "ctrl-t", undo: "ctrl-b", again: "ctrl-n" };

    fn fill(self, text: &str) -> String {
        text.replace("{show}", self.show).replace("{undo}", self.undo).replace("{again}", self.again)
    }
}

/// A line that would fit now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its lines, as they would be typed.
    pub lines: Vec<String>,
    /// Why this one.
    pub why: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hint: BTreeMap<String, String>,
    show: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    protocol: String,
    phase: String,
    verb: String,
    line: String,
    why: String,
    /// `login`: only where nobody may send without one.
    #[serde(default)]
    needs: String,
}

static FILE: LazyLock<Result<File, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../lessons/talk.toml")).map_err(|error| error.to_string())
});

/// A sentence of the file.
pub(super) fn sentence(key: &str) -> &'static str {
    FILE.as_ref().ok().and_then(|file| file.hint.get(key)).map_or("", String::as_str)
}

impl Talk {
    /// The next sensible line; none where nothing more can be said.
    pub fn show(&self) -> Option<Shown> {
        if self.mode() == Mode::Over || self.waits_for_tls() {
            return None;
        }
        let place = self.place();
        let phase = match place.phase {
            _ if place.idle => "idle",
            _ if place.name_given => "name-given",
            "connected" if place.protocol == Protocol::Pop3 => "authorization",
            "connected" if place.protocol == Protocol::Imap => "not authenticated",
            phase => phase,
        };
        let file = FILE.as_ref().ok()?;
        let here = |entry: &&Entry| entry.protocol == place.protocol.name() && entry.phase == phase;
        let offers: Vec<(&Entry, String)> = file
            .show
            .iter()
            .filter(here)
            .filter(|entry| entry.needs.is_empty() || self.desk().port == 587)
            .filter_map(|entry| Some((entry, self.fill(&entry.line)?)))
            .collect();
        let open = offers.iter().find(|(entry, _)| !self.was_done(&entry.verb)).or(offers.last())?;
        Some(Shown { lines: open.1.lines().map(str::to_owned).collect(), why: open.0.why.clone() })
    }

    /// Whether a command of that verb was answered with a yes. A letter that was sent ends its transaction: MAIL is
    /// done when its message is.
    fn was_done(&self, verb: &str) -> bool {
        let verb = if verb == "MAIL" { "." } else { verb };
        let yes = |step: &Step| {
            step.from == Direction::Server && step.verb == verb && step.verdict == Some(Verdict::Positive)
        };
        self.own_steps().any(yes)
    }

    fn fill(&self, line: &str) -> Option<String> {
        let desk = self.desk();
        let login = desk.logins.first();
        let mut out = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            out.push_str(before);
            match name {
                "me" => out.push_str(&desk.from),
                "sender" => out.push_str(&desk.sender),
                "tag" => out.push_str(&self.next_tag()),
                "account" => out.push_str(&login?.account),
                "password" => out.push_str(login?.password.expose()),
                // RFC 4616 §2: authorization identity, NUL, user, NUL, password.
                "plain" => {
                    let login = login?;
                    out.push_str(&BASE64.encode(format!("\0{}\0{}", login.account, login.password.expose())));
                }
                _ => return None,
            }
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }

    /// What the last no means, and what the server expected; none after a yes.
    pub fn hint(&self, ways: Ways) -> Option<String> {
        self.coached().map(|text| ways.fill(&text))
    }

    /// Why no line is accepted any more.
    pub fn over(&self, ways: Ways) -> String {
        ways.fill(sentence(if self.waits_for_tls() { "tls" } else { "over" }))
    }

    fn coached(&self) -> Option<String> {
        if self.waits_for_tls() {
            return Some(sentence("tls").to_owned());
        }
        let said = self.last_said()?;
        let answer = self.last_answer().filter(|answer| answer.number > said.number)?;
        if self.own_steps().any(|step| step.kind == Kind::Close) && answer.verdict != Some(Verdict::Positive)
        {
            return Some(sentence("closed").to_owned());
        }
        let is_login = ["535", "AUTH", "AUTHENTICATIONFAILED"]
            .iter()
            .any(|code| answer.code.split(' ').any(|c| c == *code));
        match answer.verdict? {
            Verdict::Negative if is_login => Some(sentence("login").to_owned()),
            Verdict::Transient => Some(sentence("later").to_owned()),
            Verdict::Negative if said.kind != Kind::Command => Some(sentence("refused").to_owned()),
            Verdict::Negative => Some(self.about(said, answer)),
            _ => None,
        }
    }

    fn about(&self, said: &Step, answer: &Step) -> String {
        let protocol = self.desk().protocol;
        let verbs = self.verbs();
        let word = self.verb_of(said);
        let fill = |key: &str, near: &str| {
            let text = sentence(key).replace("{verb}", &word).replace("{near}", near);
            text.replace("{verbs}", &verbs.join(", ")).replace("{tag}", &self.next_tag())
        };
        if protocol == Protocol::Imap && legal::is_verb(protocol, &first_word(said)) {
            return fill("no-tag", "");
        }
        if !legal::is_verb(protocol, &word) {
            let all = legal::all(protocol);
            let near = nearest(&word, &all);
            return near.map_or_else(|| fill("unknown", ""), |near| fill("misspelt", near));
        }
        // The place is the one after the answer; a no leaves it as it was.
        if !verbs.iter().any(|verb| verb.eq_ignore_ascii_case(&word)) {
            return fill("out-of-phase", "");
        }
        let syntax = answer.code.starts_with("501") || answer.code.starts_with("BAD");
        fill(if syntax { "argument" } else { "refused" }, "")
    }

    /// The verb that was typed, in upper case, escaped and short.
    fn verb_of(&self, said: &Step) -> String {
        let text = String::from_utf8_lossy(&said.bytes).to_ascii_uppercase();
        let mut words = text.split_ascii_whitespace();
        if self.desk().protocol == Protocol::Imap && !self.place().idle {
            words.next();
        }
        let first = words.next().unwrap_or_default();
        let verb = match (first, words.next()) {
            ("UID", Some(second)) => format!("UID {second}"),
            _ => first.to_owned(),
        };
        escape::text(&verb.chars().take(24).collect::<String>())
    }
}

fn first_word(said: &Step) -> String {
    let text = String::from_utf8_lossy(&said.bytes);
    text.split_ascii_whitespace().next().unwrap_or_default().to_owned()
}

/// The verb that was probably meant: at most two letters are otherwise, or two stand the wrong way round.
fn nearest<'v>(word: &str, verbs: &[&'v str]) -> Option<&'v str> {
    let near = |verb: &&&str| {
        let mut a: Vec<char> = word.chars().collect();
        let mut b: Vec<char> = verb.chars().collect();
        let differ = a.iter().zip(&b).filter(|(x, y)| x != y).count() + a.len().abs_diff(b.len());
        a.sort_unstable();
        b.sort_unstable();
        let letters = a == b;
        word.chars().count() > 2 && (letters || differ <= 1 || (differ == 2 && word.len() > 4))
    };
    verbs.iter().find(near).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_every_line_has_its_place() {
        assert!(FILE.is_ok(), "{:?}", FILE.as_ref().err());
        let file = FILE.as_ref().expect("it is read");
        for entry in &file.show {
            assert!(entry.why.ends_with('.') || entry.why.ends_with('?'), "{}", entry.why);
            let protocol = [Protocol::Smtp, Protocol::Pop3, Protocol::Imap]
                .into_iter()
                .find(|p| p.name() == entry.protocol)
                .expect("a protocol");
            let (name_given, idle) = (entry.phase == "name-given", entry.phase == "idle");
            let phase = match entry.phase.as_str() {
                "name-given" => "authorization",
                "idle" => "selected",
                phase => phase,
            };
            let legal = legal::verbs(legal::Place { protocol, phase, name_given, idle });
            assert!(legal.contains(&entry.verb.as_str()), "{} in {}", entry.verb, entry.phase);
        }
        for key in [
            "unknown",
            "misspelt",
            "out-of-phase",
            "no-tag",
            "argument",
            "refused",
            "login",
            "later",
            "closed",
            "over",
            "tls",
        ] {
            assert!(!sentence(key).is_empty(), "{key}");
        }
    }

    #[test]
    fn a_slip_finds_its_verb() {
        let verbs = ["MAIL", "RCPT", "EHLO", "DATA", "QUIT"];
        assert_eq!(nearest("RCTP", &verbs), Some("RCPT"));
        assert_eq!(nearest("EHL", &verbs), Some("EHLO"));
        assert_eq!(nearest("DAAT", &verbs), Some("DATA"));
        assert_eq!(nearest("FROB", &verbs), None);
        assert_eq!(nearest("Q", &verbs), None);
    }
}
