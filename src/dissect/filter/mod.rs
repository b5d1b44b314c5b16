//! The filter language: `smtp and host mx1.example.net and code 4xx`. Replay, export and the terminal view share it.
//!
//! ```text
//! filter = all *("or" all)              all  = each *(["and"] each)
//! each   = *"not" (term / "(" filter ")")
//! term   = "smtp" / "pop3" / "imap" / "dns" / "tls" / "finding" / "fact" / "mark" / "undelivered"
//!        / "host" word / "conn" number / "step" range / "verb" word / "code" word
//!        / "from" ("client" / "server") / "chapter" word / "text" word
//! word   = one or more characters but SP, quote and parentheses / <"> *(any, \" and \\ escaped) <">
//! range  = number / [number] ".." [number]
//! ```
//!
//! Keywords are read in any case. A filter is kept in postfix order, so that neither reading nor asking recurses,
//! and it is bounded: see [`LONGEST`] and [`DEEPEST`].

mod ask;
mod parse;

pub use ask::{Context, Subject, spoken_at};

use super::step::Protocol;
use crate::trace::{Conn, Direction};
use std::fmt;

/// Octets of the longest filter that is read.
pub const LONGEST: usize = 4096;
/// How deep parentheses and `not` may be nested.
pub const DEEPEST: usize = 64;

/// One thing that is asked of a Step, a fact or a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `smtp`, `pop3`, `imap`, `dns`: what it speaks. `tls`: encrypted, or seen inside TLS.
    Protocol(Protocol),
    /// `finding`: something is off in it.
    Finding,
    /// `fact`: a host stated it.
    Fact,
    /// `mark`: a person added it.
    Mark,
    /// `undelivered`: it says that a letter was not delivered: refused, put off, given up, or never answered.
    Undelivered,
    /// `host NAME`: one of the two ends, or who stated it; by its name, its first labels, or its address.
    Host(String),
    /// `conn N`: on this connection.
    Conn(Conn),
    /// `step A..B`: a Step of these numbers, or what came between two of them.
    Step(StepRange),
    /// `verb WORD`: the verb it carries or answers. `FETCH` finds `UID FETCH` too.
    Verb(String),
    /// `code 4xx`: the code of a reply, where x stands for any digit; or its enhanced or response code.
    Code(String),
    /// `from client`, `from server`: who spoke.
    From(Direction),
    /// `chapter "…"`: in a chapter of that id, or whose title has these words.
    Chapter(String),
    /// `text "…"`: these words stand in it, in any case. Secrets are not searched.
    Text(String),
}

/// Numbers of Steps, both ends included: `4..9`, `4..`, `..9`, `4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRange {
    /// The first one.
    pub first: usize,
    /// The last one.
    pub last: usize,
}

impl StepRange {
    /// Whether a number is in it.
    pub fn contains(self, number: usize) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

impl std::str::FromStr for StepRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a range of steps is written 4..9, 4.., ..9 or 4";
        let number = |digits: &str, otherwise: usize| match digits {
            "" => Ok(otherwise),
            _ if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| FORM),
            _ => Err(FORM),
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first, 0)?, number(last, usize::MAX)?),
            None if text.is_empty() => return Err(FORM),
            None => (number(text, 0)?, number(text, 0)?),
        };
        if first > last {
            return Err("this range ends before it begins");
        }
        Ok(StepRange { first, last })
    }
}

impl fmt::Display for StepRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, last) if first == last => write!(f, "{first}"),
            (0, usize::MAX) => f.write_str(".."),
            (0, last) => write!(f, "..{last}"),
            (first, usize::MAX) => write!(f, "{first}.."),
            (first, last) => write!(f, "{first}..{last}"),
        }
    }
}

/// One place of a filter in postfix order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Op {
    Term(Term),
    Not,
    And,
    Or,
}

/// What is to be shown. See the head of this file for the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    ops: Vec<Op>,
}

/// A filter that cannot be read: where, and what could stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Byte of the text, on a character boundary; its length where something is missing at the end.
    pub at: usize,
    /// How many bytes from there on it is about; 0 at the end.
    pub len: usize,
    /// What stands there, escaped; empty at the end.
    pub found: String,
    /// What could stand there.
    pub expected: String,
    /// What was perhaps meant: a word that is near.
    pub meant: Option<&'static str>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found.as_str() {
            "" => write!(f, "the filter ends where {} should stand", self.expected),
            found => write!(f, "“{found}” stands where {} should", self.expected),
        }
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Read a filter.
    ///
    /// # Errors
    /// Where the text is none; the error points at the place.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        parse::parse(text)
    }

    /// Whether what `context` describes is to be shown.
    pub fn matches(&self, context: &Context<'_>) -> bool {
        let mut stack: Vec<bool> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let value = match op {
                Op::Term(term) => context.answers(term),
                Op::Not => !stack.pop().unwrap_or_default(),
                Op::And | Op::Or => {
                    let (right, left) = (stack.pop().unwrap_or_default(), stack.pop().unwrap_or_default());
                    if *op == Op::And { left && right } else { left || right }
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or(true)
    }

    /// Its terms, in the order in which they stand.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.ops.iter().filter_map(|op| match op {
            Op::Term(term) => Some(term),
            _ => None,
        })
    }
}

/// The filter in words that read back as the same one, with no more parentheses than are needed.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text, and how strongly it holds together: `or` 0, `and` 1, `not` 2, a term 3.
        let mut stack: Vec<(String, u8)> = Vec::new();
        let wrap = |(text, holds): (String, u8), needed: u8| {
            if holds < needed { format!("({text})") } else { text }
        };
        for op in &self.ops {
            let joined = match op {
                Op::Term(term) => (term.to_string(), 3),
                Op::Not => (format!("not {}", wrap(stack.pop().unwrap_or_default(), 2)), 2),
                Op::And | Op::Or => {
                    let (word, holds) = if *op == Op::And { ("and", 1) } else { ("or", 0) };
                    let right = wrap(stack.pop().unwrap_or_default(), holds);
                    let left = wrap(stack.pop().unwrap_or_default(), holds);
                    (format!("{left} {word} {right}"), holds)
                }
            };
            stack.push(joined);
        }
        f.write_str(&stack.pop().unwrap_or_default().0)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Protocol(protocol) => f.write_str(protocol.name()),
            Term::Finding => f.write_str("finding"),
            Term::Fact => f.write_str("fact"),
            Term::Mark => f.write_str("mark"),
            Term::Undelivered => f.write_str("undelivered"),
            Term::Host(name) => write!(f, "host {}", quoted(name)),
            Term::Conn(conn) => write!(f, "conn {conn}"),
            Term::Step(range) => write!(f, "step {range}"),
            Term::Verb(verb) => write!(f, "verb {}", quoted(verb)),
            Term::Code(code) => write!(f, "code {}", quoted(code)),
            Term::From(Direction::Client) => f.write_str("from client"),
            Term::From(Direction::Server) => f.write_str("from server"),
            Term::Chapter(words) => write!(f, "chapter {}", quoted(words)),
            Term::Text(words) => write!(f, "text {}", quoted(words)),
        }
    }
}

/// A word as it reads back: bare where that works.
fn quoted(word: &str) -> String {
    if !word.is_empty() && !parse::is_operator(word) && !word.contains(parse::ends_word) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
