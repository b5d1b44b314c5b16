//! A message in a multi-line reply: its header fields (RFC 5322 §2.2), its body, its stuffed dots.

use crate::base::escape::lossy;
use crate::base::{Part, Span};
use crate::proto::pop3::grammar::block::BlockScanner;

/// Header fields that get parts.
const FIELDS: usize = 1000;
/// Stuffed dots that get parts.
const DOTS: usize = 1000;
/// Characters of a Subject that are kept.
const SUBJECT: usize = 1000;

/// What was read of a message. Spans are relative to the block.
pub(super) struct Read {
    /// The `message` part.
    pub part: Part,
    /// Octets, byte-stuffing undone.
    pub octets: u64,
    /// The Subject, unfolded.
    pub subject: Option<String>,
}

/// Reads the lines before the lone dot.
pub(super) fn read(lines: &[u8], bare_lf: bool) -> Read {
    let mut reading =
        Reading { block: lines, fields: Vec::new(), skipped: 0, body: None, dots: Vec::new(), stuffed: 0 };
    let mut scanner = BlockScanner::new(bare_lf);
    while let Some(line) = scanner.next_line(lines) {
        reading.line(line.start, line.start + line.text.len(), line.end);
    }
    // A last line that was cut short.
    let rest = scanner.line_start();
    if rest < lines.len() {
        reading.line(rest, lines.len(), lines.len());
    }
    reading.finish()
}

struct Reading<'a> {
    block: &'a [u8],
    fields: Vec<Part>,
    /// Fields beyond those that get parts.
    skipped: usize,
    /// Where the body begins, once the header is over.
    body: Option<usize>,
    dots: Vec<Part>,
    stuffed: u64,
}

impl Reading<'_> {
    /// A line: its text `start..text_end`, its end with the terminator.
    fn line(&mut self, mut start: usize, text_end: usize, end: usize) {
        if self.block.get(start) == Some(&b'.') && start < text_end {
            self.stuffed += 1;
            if self.dots.len() < DOTS {
                self.dots.push(Part::leaf("stuffed-dot", Span::new(start, start + 1)));
            }
            if self.body.is_none() {
                start += 1;
            }
        }
        if self.body.is_some() {
            return;
        }
        let text = Span::new(start, text_end).of(self.block);
        match text.first() {
            None => self.body = Some(end),
            // "folding": a line that begins with white space goes on with the field before it.
            Some(b' ' | b'\t') if !self.fields.is_empty() => self.fold(text_end),
            Some(_) => match text.iter().position(|&b| b == b':') {
                Some(colon) if is_field_name(text.get(..colon).unwrap_or_default()) => {
                    self.field(start, start + colon, text_end);
                }
                // No field: a header without the blank line after it.
                _ => self.body = Some(start),
            },
        }
    }

    fn field(&mut self, start: usize, colon: usize, end: usize) {
        if self.fields.len() >= FIELDS {
            self.skipped += 1;
        } else {
            let name = Part::leaf("field-name", Span::new(start, colon));
            let body = Part::leaf("field-body", Span::new(colon + 1, end));
            self.fields.push(Part::node("header-field", Span::new(start, end), vec![name, body]));
        }
    }

    fn fold(&mut self, end: usize) {
        if self.skipped > 0 {
            return;
        }
        if let Some(field) = self.fields.last_mut() {
            field.span.end = end;
            if let Some(body) = field.parts.last_mut() {
                body.span.end = end;
            }
        }
    }

    fn finish(self) -> Read {
        let subject = self.fields.iter().find_map(|field| {
            let [name, body] = field.parts.as_slice() else { return None };
            if !name.span.of(self.block).eq_ignore_ascii_case(b"subject") {
                return None;
            }
            let text = lossy(body.span.of(self.block));
            Some(text.trim().chars().filter(|c| !matches!(c, '\r' | '\n')).take(SUBJECT).collect())
        });
        let octets = self.block.len() as u64 - self.stuffed;
        let mut parts = self.fields;
        let whole = Span::new(0, self.block.len());
        let body = Span::new(self.body.unwrap_or(whole.end), whole.end);
        let (in_body, in_header): (Vec<_>, Vec<_>) =
            self.dots.into_iter().partition(|dot| dot.span.start >= body.start);
        if !in_header.is_empty() {
            parts.extend(in_header);
            parts.sort_by_key(|p| p.span.start);
        }
        if !body.is_empty() {
            parts.push(Part::node("body", body, in_body));
        }
        Read { part: Part::node("message", whole, parts), octets, subject }
    }
}

/// `ftext`: printable, no colon, no space (RFC 5322 §3.6.8).
fn is_field_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}
