//! Places in bytes: a half-open [`Span`], and a [`Part`]: a span with the name the grammar gives it.
//!
//! Grammars produce parts, steps carry them, notes explain them, views highlight them.

use serde::{Deserialize, Serialize};

/// A half-open range of bytes, `start..end`, relative to whatever carries it (for a Step: its own bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span `start..end`; an end before the start gives an empty span at `start`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end: end.max(start) }
    }

    /// How many bytes it covers.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether it covers no byte (it still marks a place).
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The same span moved right by `by` bytes: from a line's coordinates to its block's.
    pub fn shifted(self, by: usize) -> Self {
        Span { start: self.start + by, end: self.end + by }
    }

    /// The bytes it covers; clipped to what is there, so that it never panics.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let end = self.end.min(bytes.len());
        &bytes[self.start.min(end)..end]
    }
}

/// A span with the name that the protocol's grammar gives it, and the parts inside it: a small syntax tree.
///
/// The name is the grammar's own nonterminal in kebab case (`verb`, `reverse-path`, `tag`, `sequence-set`),
/// because the catalogue of notes is keyed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The grammar's name for it.
    pub name: &'static str,
    /// Where it stands.
    pub span: Span,
    /// What it is made of, in order, inside `span`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

impl Part {
    /// A part without parts of its own.
    pub fn leaf(name: &'static str, span: Span) -> Self {
        Part { name, span, parts: Vec::new() }
    }

    /// A part made of others.
    pub fn node(name: &'static str, span: Span, parts: Vec<Part>) -> Self {
        Part { name, span, parts }
    }

    /// The same tree moved right by `by` bytes.
    pub fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.shifted(by);
        self.parts = self.parts.into_iter().map(|p| p.shifted(by)).collect();
        self
    }

    /// The first part of that name in this tree, depth first, itself included.
    pub fn find(&self, name: &str) -> Option<&Part> {
        if self.name == name {
            return Some(self);
        }
        self.parts.iter().find_map(|p| p.find(name))
    }
}
