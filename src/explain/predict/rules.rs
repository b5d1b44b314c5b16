//! The questions and the wrong answers as data: `catalogue/predict-*.toml`, read once.
//!
//! `[[wrong]]` tables are plausible lines that do not come, each with where it may be offered and why it is wrong
//! there; `[[prompt]]` tables are what is asked, and which words a typed answer may be.

use serde::Deserialize;
use std::sync::LazyLock;

const FILES: [(&str, &str); 4] = [
    ("predict-smtp.toml", include_str!("../catalogue/predict-smtp.toml")),
    ("predict-pop3.toml", include_str!("../catalogue/predict-pop3.toml")),
    ("predict-imap.toml", include_str!("../catalogue/predict-imap.toml")),
    ("predict-dns.toml", include_str!("../catalogue/predict-dns.toml")),
];

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let mut rules = Rules::default();
    for (_, text) in FILES {
        // A file that cannot be read leaves a gap, never a panic; a test holds that every one can.
        let file: Rules = toml::from_str(text).unwrap_or_default();
        rules.wrong.extend(file.wrong);
        rules.prompt.extend(file.prompt);
    }
    rules
});

/// All of them.
pub(super) fn rules() -> &'static Rules {
    &RULES
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default)]
    pub(super) wrong: Vec<Wrong>,
    #[serde(default)]
    pub(super) prompt: Vec<Prompt>,
}

/// Who a wrong answer says speaks next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Who {
    /// The client sends the line.
    Client,
    /// The server sends the line.
    Server,
    /// It is no line: the client does this.
    ClientDoes,
    /// It is no line: the server does this.
    ServerDoes,
    /// It is no line: this happens.
    Event,
}

/// A plausible line that does not come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Wrong {
    /// Before which lines it may be offered: see [`fits`].
    pub(super) at: String,
    /// What was said last on the connection (for what opens one: at all), any of these: `RETR +OK`, `close refused`.
    #[serde(default)]
    pub(super) after: Vec<String>,
    /// The port that was called, any of these.
    #[serde(default)]
    pub(super) port: Vec<u16>,
    /// The chapter's id, any of these.
    #[serde(default)]
    pub(super) chapter: Vec<String>,
    /// Kinds of facts that were stated since the last Step, any of these.
    #[serde(default)]
    pub(super) since: Vec<String>,
    /// What else must hold, all of these: see `Place::holds`. One that begins with `not-` must not.
    #[serde(default)]
    pub(super) with: Vec<String>,
    /// Who speaks in it.
    pub(super) who: Who,
    /// The line, with placeholders; it is offered only where every one of them is known.
    pub(super) line: String,
    /// Whether it may have the verb or the code of the line that comes, because it differs in something else.
    #[serde(default)]
    pub(super) same: bool,
    /// The misconception that it rests on.
    #[serde(default)]
    pub(super) misconception: Option<u8>,
    /// Why it does not come: a sentence or two.
    pub(super) because: String,
    /// Who says so; none: whoever the misconception's row names.
    #[serde(default)]
    pub(super) source: Vec<String>,
}

/// What is asked before a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Prompt {
    /// Before which lines: see [`fits`]. The first that fits counts.
    pub(super) at: String,
    /// The question.
    pub(super) asks: String,
    /// Words beside the line's own that a typed answer may be, in lower case.
    #[serde(default)]
    pub(super) accept: Vec<String>,
}

/// What a Step is to the rules: `smtp`, `reply`, `RCPT`, `550 5.1.1`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) protocol: &'a str,
    pub(super) kind: &'a str,
    pub(super) verb: &'a str,
    pub(super) code: &'a str,
}

/// Whether a pattern fits: protocol, kind, verb, code with spaces between them, from the left as many as matter.
/// `*` is any, `|` parts alternatives, `_` stands for a space inside of one. A code fits where it begins so.
pub(super) fn fits(pattern: &str, key: Key<'_>) -> bool {
    let mut words = pattern.split_whitespace();
    let mut any = |of: &str, begins: bool| {
        let Some(word) = words.next() else { return true };
        word.split('|').any(|one| {
            let one = one.replace('_', " ");
            one == "*" || one == of || (begins && begins_with(of, &one))
        })
    };
    any(key.protocol, false) && any(key.kind, false) && any(key.verb, false) && any(key.code, true)
}

/// Whether a text begins with these whole words.
pub(super) fn begins_with(text: &str, words: &str) -> bool {
    text.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::super::super::misconception;
    use super::super::place::{CONDITIONS, PLACEHOLDERS};
    use super::*;
    use crate::explain::template;

    #[test]
    fn every_file_can_be_read() {
        for (name, text) in FILES {
            if let Err(error) = toml::from_str::<Rules>(text) {
                panic!("{name}: {error}");
            }
        }
    }

    #[test]
    fn a_pattern_fits_from_the_left() {
        let key = Key { protocol: "smtp", kind: "reply", verb: "RCPT", code: "550 5.1.1" };
        for pattern in
            ["smtp", "smtp reply", "* reply MAIL|RCPT", "smtp * RCPT 550", "smtp reply * 550_5.1.1"]
        {
            assert!(fits(pattern, key), "{pattern}");
        }
        for pattern in
            ["imap", "smtp command", "smtp reply MAIL", "smtp reply RCPT 55", "smtp reply RCPT 550_5"]
        {
            assert!(!fits(pattern, key), "{pattern}");
        }
    }

    #[test]
    fn every_wrong_answer_says_why_and_who_says_so() {
        for wrong in &rules().wrong {
            let line = &wrong.line;
            match wrong.misconception {
                Some(number) => assert!(misconception(number).is_some(), "{line}: {number}"),
                None => assert!(!wrong.source.is_empty(), "{line}: no source"),
            }
            for source in &wrong.source {
                assert!(
                    source.starts_with("RFC ") && (source.contains(" §") || source.contains(", “")),
                    "{line}: {source}"
                );
            }
            let because = &wrong.because;
            assert!(because.ends_with(['.', '”']) && because.chars().count() <= 260, "{line}: {because}");
            for text in [line, because] {
                assert!(!text.to_lowercase().contains("simply") && !text.contains('!'), "{text}");
                assert!(!text.contains("  ") && text.trim() == text, "{text}");
            }
        }
        for prompt in &rules().prompt {
            assert!(prompt.asks.ends_with('?'), "{}", prompt.asks);
            assert!(prompt.accept.iter().all(|word| *word == word.to_lowercase()), "{}", prompt.at);
        }
    }

    #[test]
    fn every_placeholder_and_every_condition_is_known() {
        for wrong in &rules().wrong {
            for name in [&wrong.line, &wrong.because].into_iter().flat_map(|t| template::placeholders(t)) {
                assert!(PLACEHOLDERS.contains(&name), "{}: {{{name}}}", wrong.line);
            }
            for name in &wrong.with {
                let name = name.strip_prefix("not-").unwrap_or(name);
                assert!(CONDITIONS.contains(&name), "{}: {name}", wrong.line);
            }
        }
        for prompt in &rules().prompt {
            for name in template::placeholders(&prompt.asks) {
                assert!(
                    ["client", "server", "verb", "speaker"].contains(&name),
                    "{}: {{{name}}}",
                    prompt.asks
                );
            }
        }
    }
}
