//! SMTP's grammar: command and reply lines → values, parts and findings. RFC 5321 §4.1.2, §4.2.
//!
//! Reading never fails: what cannot be read is a [`Command::Unknown`] or a [`Command::Malformed`] with its
//! reason, and the parts read so far are there. A server turns the reason into 500, 501 or 555; the observer
//! shows the spans.

mod command;
mod param;
mod path;
mod reply;
#[cfg(test)]
mod tests;

pub use command::{Command, Problem, parse_command};
pub use param::{BadParam, MailParams, Parameter, RcptParams, from_xtext, to_xtext};
pub use path::{Domain, Mailbox, Path};
pub use reply::{EhloLine, ReplyLine, look_at_reply_line, parse_ehlo_line, parse_reply_line};

use crate::base::escape::lossy;
use crate::base::{Finding, Part, Span};

/// What was read: a value, what it is made of, and what is off in it. Spans are relative to the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value.
    pub value: T,
    /// What the line is made of, in order.
    pub parts: Vec<Part>,
    /// What is off in it.
    pub findings: Vec<Finding>,
}

/// A place in a line, with what was read so far.
struct Reading<'a> {
    line: &'a [u8],
    at: usize,
    parts: Vec<Part>,
    findings: Vec<Finding>,
}

impl<'a> Reading<'a> {
    fn new(line: &'a [u8]) -> Self {
        Reading { line, at: 0, parts: Vec::new(), findings: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn done(&self) -> bool {
        self.at >= self.line.len()
    }

    /// Take bytes while they please, and say where they stood.
    fn take_while(&mut self, pleases: impl Fn(u8) -> bool) -> Span {
        let start = self.at;
        while self.peek().is_some_and(&pleases) {
            self.at += 1;
        }
        Span::new(start, self.at)
    }

    fn text(&self, span: Span) -> String {
        lossy(span.of(self.line)).into_owned()
    }

    /// The same of what is ASCII; empty where it is not.
    fn word(&self, span: Span) -> &'a str {
        std::str::from_utf8(span.of(self.line)).unwrap_or_default()
    }

    fn finish<T>(self, value: T) -> Parsed<T> {
        Parsed { value, parts: self.parts, findings: self.findings }
    }
}
