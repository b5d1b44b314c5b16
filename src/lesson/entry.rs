//! An activity as it stands in its block: every key that any kind of activity has, and the places of all of them.
//!
//! serde reads the keys; which of them belong to which kind is decided in [`super::format`], where each complaint gets
//! its place from [`Places`].

use super::goal::Condition;
use super::problem::{Problem, Source, choose};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// One thing to choose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChoiceEntry {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub right: bool,
    #[serde(default)]
    pub why: String,
    pub misconception: Option<u8>,
    #[serde(rename = "break", default)]
    pub breaks: Vec<String>,
    #[serde(default)]
    pub fault: Vec<toml::Value>,
    pub edit: Option<String>,
    pub at: Option<String>,
    pub scenario: Option<String>,
}

/// One thing that is wrong, and why.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WrongEntry {
    pub text: Option<String>,
    pub filter: Option<String>,
    pub lines: Option<Vec<String>>,
    pub model: Option<Vec<Replacement>>,
    pub when: Option<Condition>,
    #[serde(default)]
    pub why: String,
    pub misconception: Option<u8>,
}

/// A text in place of another one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// What stands there, once.
    pub replace: String,
    /// What is to stand there.
    pub with: String,
}

/// A thing to be put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemEntry {
    pub text: String,
    #[serde(default)]
    pub why: String,
}

/// Two things that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairEntry {
    pub left: String,
    pub right: String,
    #[serde(default)]
    pub why: String,
}

/// See the head of this file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    pub id: String,
    #[serde(rename = "do")]
    pub act: String,
    pub ask: String,
    #[serde(default)]
    pub hints: Vec<String>,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub teaches: Vec<String>,
    pub misconception: Option<u8>,
    pub scenario: Option<String>,
    pub transcript: Option<String>,
    #[serde(default)]
    pub optional: bool,
    pub filter: Option<String>,
    pub steps: Option<String>,
    pub chapter: Option<String>,
    pub at: Option<String>,
    pub nth: Option<usize>,
    pub kind: Option<String>,
    #[serde(default)]
    pub choice: Vec<ChoiceEntry>,
    pub keep_order: Option<bool>,
    pub accept: Option<Vec<String>>,
    #[serde(default)]
    pub wrong: Vec<WrongEntry>,
    #[serde(default)]
    pub item: Vec<ItemEntry>,
    #[serde(default)]
    pub pair: Vec<PairEntry>,
    pub extra: Option<Vec<String>>,
    pub right: Option<String>,
    pub model: Option<toml::Value>,
    pub points: Option<Vec<String>>,
    pub protocol: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub others: Option<String>,
    pub goal: Option<Condition>,
    pub from: Option<String>,
    pub until: Option<String>,
}

/// Keys of every activity.
pub const COMMON: [&str; 10] =
    ["id", "do", "ask", "hints", "why", "teaches", "misconception", "scenario", "transcript", "optional"];

/// Where the keys of a TOML text stand in the file that it is a part of.
#[derive(Clone, Debug)]
pub struct Places<'t> {
    source: Arc<Source>,
    /// Where the TOML stands in the file.
    inside: Range<usize>,
    table: DeTable<'t>,
}

/// A part of a path into a TOML text.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// A key.
    Key(&'a str),
    /// The nth of a list, from 0.
    Nth(usize),
}

impl<'t> Places<'t> {
    /// Read the TOML that stands in `source` at `inside`; `text` is that part of it.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn read(source: &Arc<Source>, inside: Range<usize>, text: &'t str) -> Result<Self, Problem> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Places { source: Arc::clone(source), inside, table: table.into_inner() }),
            Err(error) => Err(toml_problem(source, &inside, &error)),
        }
    }

    /// The place of a path in the file; where its end is not there, of what should hold it.
    pub fn of(&self, path: &[At<'_>]) -> Range<usize> {
        let mut span = None;
        let mut table = Some(&self.table);
        let mut list: Option<&[toml::Spanned<DeValue<'t>>]> = None;
        for part in path {
            let value = match (part, table, list) {
                (At::Key(name), Some(table), _) => table.iter().find(|(key, _)| key.get_ref() == name),
                (At::Nth(nth), _, Some(list)) => {
                    let Some(value) = list.get(*nth) else { break };
                    span = Some(value.span());
                    table = value.get_ref().as_table();
                    continue;
                }
                _ => None,
            };
            let Some((key, value)) = value else { break };
            span = Some(if value.get_ref().is_str() { value.span() } else { key.span() });
            table = value.get_ref().as_table();
            list = match value.get_ref() {
                DeValue::Array(array) => Some(array),
                _ => None,
            };
        }
        match span {
            Some(span) => self.inside.start + span.start..self.inside.start + span.end,
            None => self.first_line(),
        }
    }

    /// The first line of the TOML, for what is missing in it.
    fn first_line(&self) -> Range<usize> {
        let text = self.source.text.get(self.inside.clone()).unwrap_or_default();
        let len = text.lines().next().map_or(0, str::len);
        self.inside.start..self.inside.start + len
    }

    /// A problem at a path.
    pub fn problem(&self, path: &[At<'_>], message: impl Into<String>) -> Problem {
        Problem::at(&self.source, self.of(path), message)
    }

    /// A problem at a part of the text at a path, where it is written on one line and as it is.
    pub fn within(&self, path: &[At<'_>], part: Range<usize>, message: impl Into<String>) -> Problem {
        let span = self.of(path);
        let raw = self.source.text.get(span.clone()).unwrap_or_default();
        let plain = raw.starts_with(['"', '\'']) && !raw.starts_with("\"\"\"") && !raw.contains('\\');
        let (start, end) = (span.start + 1 + part.start, span.start + 1 + part.end.max(part.start + 1));
        let span = if plain && end <= span.end { start..end } else { span };
        Problem::at(&self.source, span, message)
    }

    /// The keys that stand at the top.
    pub fn keys(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().to_string()).collect()
    }
}

/// An error of the TOML reader, in our words, with its place in the file.
pub fn toml_problem(source: &Arc<Source>, inside: &Range<usize>, error: &toml::de::Error) -> Problem {
    let (message, help) = reword(error.message());
    let limit = source.text.len();
    let span = error.span().map(|span| {
        let (start, end) = (inside.start + span.start, inside.start + span.end);
        start.min(limit)..end.min(limit)
    });
    Problem {
        source: Arc::clone(source),
        span: span.or_else(|| Some(inside.clone())),
        message,
        help,
        warning: false,
    }
}

fn reword(message: &str) -> (String, String) {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    if let Some((word, rest)) = unknown {
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        return (format!("unknown key `{}`", word.escape_debug()), choose(word, known));
    }
    if let Some((found, wanted)) =
        message.strip_prefix("invalid type: ").and_then(|m| m.split_once(", expected "))
    {
        return (format!("{} should stand here, and here is {found}", in_words(wanted)), String::new());
    }
    match message.strip_prefix("missing field ") {
        Some(field) => (format!("the key {field} is missing"), String::new()),
        None => (message.to_owned(), String::new()),
    }
}

/// What the TOML reader wanted, as an author says it.
fn in_words(wanted: &str) -> &str {
    match wanted {
        "i64" | "u64" | "u32" | "u16" | "u8" | "usize" => "a whole number, without quotes,",
        "a sequence" => "a list, in [ ],",
        "a string" => "a text, in quotes,",
        "a boolean" => "true or false",
        wanted if wanted.starts_with("struct ") || wanted == "a map" => "a table, in { },",
        wanted => wanted,
    }
}
