//! A session that somebody pasted, in whatever shape → Records.
//!
//! [`shape`] finds out how the text marks who speaks ([`dump`]: where a mark stands for all lines below it), [`speech`] what is spoken, [`walk`] gives every line its
//! side, [`octets`] puts counts right that the paper got wrong, [`assemble`] makes Records. Line ends become CR LF.
//!
//! What is not in the text is never claimed. These marks (`trace::Mark`) say what was done to it:
//! - `guess`: a direction that no mark in the text tells. Without a range: all of that connection; with one:
//!   that stretch of that side's stream.
//! - `aside`: words between the lines (`<TLS negotiation>`, `...time passes...`, swaks' `=== `, curl's `* `).
//! - `repair`: an octet count that did not fit what follows it, as the text had it and as it is read.

mod assemble;
mod bytes;
mod dump;
mod octets;
mod quote;
mod shape;
mod speech;
#[cfg(test)]
mod tests;
mod track;
mod unquote;
mod walk;
mod wrap;

pub use quote::quoted_replies;
pub use shape::Shape;
pub use speech::Speech;

use crate::trace::{Conn, Direction, Layer, Record};
use std::ops::Range;

/// How much of a pasted text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets: 64 MiB. What is beyond is left out, and an aside says so.
    pub octets: usize,
    /// Lines: 1 000 000. What is beyond is left out, and an aside says so.
    pub lines: usize,
    /// Sessions in one text: 1000. Further ones are read into the last.
    pub sessions: usize,
    /// Marks in one text: 10 000. Further lines are read without.
    pub marks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { octets: 64 << 20, lines: 1_000_000, sessions: 1000, marks: 10_000 }
    }
}

/// What a line of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One end said it.
    Said,
    /// It goes on with the line before it, which was too long for the paper.
    Wrapped,
    /// Somebody's words about the session.
    Aside,
    /// Blank, or a program's own chatter.
    Noise,
}

/// Where a line of the text went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the text, from 1.
    pub number: usize,
    /// What it is.
    pub role: Role,
    /// Who said it (or, for an aside, beside whose mark it stands).
    pub from: Option<Direction>,
    /// Nothing in the text says who said it: it was told by its form and its place.
    pub guessed: bool,
    /// Which session it belongs to.
    pub conn: Option<Conn>,
    /// Whether it was said inside TLS.
    pub layer: Layer,
    /// Its place in that side's stream of that layer.
    pub range: Range<u64>,
}

/// A text, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Pasted {
    /// How it marks who speaks.
    pub shape: Shape,
    /// What its first session speaks.
    pub speech: Speech,
    /// The transcript, from head to end.
    pub records: Vec<Record>,
    /// Where each line went.
    pub lines: Vec<Line>,
}

/// Read a pasted text. `None` where nothing in it looks like a mail session.
pub fn read(text: &[u8], limits: Limits) -> Option<Pasted> {
    let text = bytes::decoded(text, limits.octets);
    let mut cut = text.cut;
    let mut lines: Vec<&[u8]> = bytes::lines(&text.bytes).take(limits.lines.saturating_add(1)).collect();
    if lines.len() > limits.lines {
        lines.truncate(limits.lines);
        cut = true;
    }
    let shape = shape::detect(&lines);
    let marked: Vec<shape::Marked<'_>> = shape::mark_all(shape, &lines);
    let sessions = walk::sessions(shape, marked, limits.sessions);
    if sessions.is_empty() {
        return None;
    }
    Some(assemble::pasted(shape, sessions, lines.len(), cut, limits))
}

/// How many of these lines are a server's verbose log of a session, not its log of deliveries.
pub(super) fn verbose_share(lines: &[&[u8]]) -> usize {
    shape::mark_all(Shape::Postfix, lines).iter().filter(|line| line.side.is_some()).count()
}
