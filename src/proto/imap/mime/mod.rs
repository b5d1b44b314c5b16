//! A message's bytes → its MIME structure, as IMAP tells it: ENVELOPE, BODYSTRUCTURE, `BODY[section]`.
//!
//! Everything here is ranges into the raw bytes: IMAP counts octets "in its transfer encoding" (RFC 9051 §7.5.2), so
//! nothing is decoded, except for SEARCH ([`decode`]). Whatever the bytes are, there is a structure; what is too
//! deep or too much stays an undivided part. Time is linear in the message times at most [`MAX_DEPTH`].

pub mod address;
pub mod bodystructure;
pub mod decode;
pub mod envelope;
pub mod header;
pub mod section;
pub mod write;

use header::{Content, fields, parse_content};
use std::ops::Range;

/// How deep parts may nest.
pub const MAX_DEPTH: usize = 100;

/// How many parts a message may have.
pub const MAX_PARTS: usize = 100;

/// A MIME entity (RFC 2045 §2.4): a message, or one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The header with its blank line.
    pub header: Range<usize>,
    /// What follows the header.
    pub body: Range<usize>,
    /// Line ends in the body.
    pub lines: usize,
    /// What the header says of the body.
    pub content: Content,
    /// What the body is made of.
    pub inner: Inner,
}

/// What an entity's body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inner {
    /// Nothing that IMAP can name apart.
    Leaf,
    /// Parts between boundaries (RFC 2046 §5.1).
    Multipart(Vec<Entity>),
    /// A message inside (RFC 2046 §5.2.1).
    Message(Box<Entity>),
}

/// The structure of a message.
pub fn parse(message: &[u8]) -> Entity {
    Walker { bytes: message, at: 0, boundaries: Vec::new(), parts: 0 }.entity(false).0
}

/// What stopped an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The bytes are at their end.
    End,
    /// A delimiter line of the boundary at this level (0 is the outermost); `last` for the closing one.
    Delimiter { level: usize, last: bool, line: usize },
}

struct Walker<'a> {
    bytes: &'a [u8],
    /// The start of a line.
    at: usize,
    /// Boundaries that are open, outermost first.
    boundaries: Vec<Vec<u8>>,
    parts: usize,
}

impl Walker<'_> {
    /// The entity that begins here, and what stopped it. Recursion is bounded by [`MAX_DEPTH`].
    fn entity(&mut self, in_digest: bool) -> (Entity, Stop) {
        self.parts += 1;
        let start = self.at;
        let early = self.skip_header();
        let header = start..self.at.min(early.map_or(self.at, |stop| self.line_of(stop)));
        let header_bytes = &self.bytes[header.clone()];
        let mut content = parse_content(fields(header_bytes).map(|f| f.trimmed(header_bytes)), in_digest);
        let body_start = header.end;
        let (inner, stop) = match early {
            Some(stop) => (Inner::Leaf, stop),
            None => self.body(&mut content),
        };
        let body = body_start..self.body_end(body_start, stop);
        let lines = self.bytes[body.clone()].iter().filter(|b| **b == b'\n').count();
        (Entity { header, body, lines, content, inner }, stop)
    }

    fn line_of(&self, stop: Stop) -> usize {
        match stop {
            Stop::End => self.bytes.len(),
            Stop::Delimiter { line, .. } => line,
        }
    }

    /// "The CRLF preceding the boundary delimiter line is conceptually attached to the boundary" (RFC 2046 §5.1.1).
    fn body_end(&self, start: usize, stop: Stop) -> usize {
        let Stop::Delimiter { line, .. } = stop else { return self.bytes.len() };
        let before = &self.bytes[start..line.max(start)];
        let ending = match before {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        start + before.len() - ending
    }

    /// Past the header and its blank line; a delimiter line stops it early.
    fn skip_header(&mut self) -> Option<Stop> {
        loop {
            let (line, text) = self.line()?;
            if text.is_empty() {
                return None;
            }
            if let Some(stop) = self.delimiter(line, text) {
                return Some(stop);
            }
        }
    }

    fn body(&mut self, content: &mut Content) -> (Inner, Stop) {
        let full = self.boundaries.len() >= MAX_DEPTH || self.parts >= MAX_PARTS;
        if content.is("multipart", None) || content.is("message", Some("rfc822")) {
            if full {
                *content = Content::opaque();
            } else if content.is("message", None) {
                // A message counts as a level: it pushes a boundary that no line can match.
                self.boundaries.push(b"\n".to_vec());
                let (inner, stop) = self.entity(false);
                self.boundaries.pop();
                return (Inner::Message(Box::new(inner)), stop);
            } else if let Some(boundary) = content.parameter("boundary").filter(|b| !b.is_empty()) {
                let boundary = boundary.to_vec();
                return self.multipart(boundary, content.is("multipart", Some("digest")));
            } else {
                // "treated as … text/plain" where the type cannot be made use of (RFC 2045 §5.2).
                *content = Content::plain_text();
            }
        }
        (Inner::Leaf, self.skip())
    }

    fn multipart(&mut self, boundary: Vec<u8>, digest: bool) -> (Inner, Stop) {
        let own = self.boundaries.len();
        self.boundaries.push(boundary);
        let mut parts = Vec::new();
        let mut stop = self.skip();
        while let Stop::Delimiter { level, last: false, .. } = stop
            && level == own
        {
            if self.parts >= MAX_PARTS {
                stop = self.skip();
                continue;
            }
            let (part, next) = self.entity(digest);
            parts.push(part);
            stop = next;
        }
        self.boundaries.truncate(own);
        if matches!(stop, Stop::Delimiter { level, .. } if level == own) {
            stop = self.skip(); // the epilogue
        }
        (Inner::Multipart(parts), stop)
    }

    /// Past lines, up to and past the next delimiter line of any open boundary.
    fn skip(&mut self) -> Stop {
        while let Some((line, text)) = self.line() {
            if let Some(stop) = self.delimiter(line, text) {
                return stop;
            }
        }
        Stop::End
    }

    /// The next line: where it starts, and its text without the ending.
    fn line(&mut self) -> Option<(usize, Range<usize>)> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |i| i + 1);
        self.at = start + end;
        let text = match &rest[..end] {
            [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] | text => text.len(),
        };
        Some((start, start..start + text))
    }

    /// "two hyphens followed by the boundary parameter value … and optional linear whitespace" (RFC 2046 §5.1.1).
    fn delimiter(&self, line: usize, text: Range<usize>) -> Option<Stop> {
        let rest = self.bytes[text].strip_prefix(b"--")?.trim_ascii_end();
        (0..self.boundaries.len()).rev().find_map(|level| {
            let after = rest.strip_prefix(self.boundaries[level].as_slice())?;
            let last = after == b"--";
            (last || after.is_empty()).then_some(Stop::Delimiter { level, last, line })
        })
    }
}

#[cfg(test)]
mod tests;
