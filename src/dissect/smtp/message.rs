//! A message as a Data piece: header fields, body, stuffed dots, end of data. RFC 5322 §2.2, RFC 5321 §4.5.2.

use super::meaning::{Field, MessageSeen, SmtpMeaning};
use crate::base::escape::lossy;
use crate::base::{Finding, Part, Span};
use crate::dissect::step::{Kind, Meaning, Piece};
use crate::proto::smtp::data::DataReader;

/// How many fields become parts and values.
const FIELDS: usize = 100;
/// How many octets of header are looked at.
const HEADER: usize = 100 * 1024;
/// How many stuffed dots become parts.
const DOTS: usize = 100;

/// The piece of a message of which `reader` has read all of `wire`.
pub(super) fn piece(wire: &[u8], reader: &DataReader, complete: bool) -> Piece {
    let mut piece = Piece::new(Kind::Data, wire.len());
    piece.verb = "message".into();
    let end = wire.len().saturating_sub(if complete { 3 } else { 0 });
    let (fields, parts, body_at) = header(wire.get(..end).unwrap_or_default(), &mut piece.findings);
    piece.parts = parts;
    let dots = reader.stuffed_dots().iter().filter(|at| **at >= body_at).take(DOTS);
    let dots: Vec<Part> = dots.map(|at| Part::leaf("stuffed-dot", Span::new(*at, at + 1))).collect();
    if body_at < end {
        piece.parts.push(Part::node("body", Span::new(body_at, end), dots));
    }
    if complete {
        piece.parts.push(Part::leaf("end-of-data", Span::new(end, wire.len())));
    } else {
        let place = Span::new(wire.len(), wire.len());
        let detail = "the stream ended before the lone dot: the message never arrived (RFC 5321 §4.1.1.4)";
        piece.findings.push(Finding::error("message-cut-short", place, detail));
    }
    piece.findings.extend(reader.findings());
    piece.meaning = Meaning::Smtp(SmtpMeaning::Message(MessageSeen {
        octets: reader.size(),
        wire_octets: wire.len() as u64,
        stuffed_dots: reader.stuffed_count(),
        complete,
        header: fields,
    }));
    piece
}

/// The rest of a message whose beginning is missing: nobody can tell its header from its body.
pub(super) fn rest(wire: &[u8], reader: &DataReader, complete: bool) -> Piece {
    let mut piece = Piece::new(Kind::Data, wire.len());
    piece.verb = "message".into();
    let end = wire.len().saturating_sub(if complete { 3 } else { 0 });
    let dots = reader.stuffed_dots().iter().take(DOTS);
    let dots: Vec<Part> = dots.map(|at| Part::leaf("stuffed-dot", Span::new(*at, at + 1))).collect();
    if end > 0 {
        piece.parts.push(Part::node("body", Span::new(0, end), dots));
    }
    if complete {
        piece.parts.push(Part::leaf("end-of-data", Span::new(end, wire.len())));
    }
    // Its first octet may be the end of a line that stands in the gap.
    piece.findings.extend(reader.findings().into_iter().filter(|finding| finding.span.start > 0));
    piece.meaning = Meaning::Smtp(SmtpMeaning::Message(MessageSeen {
        octets: reader.size(),
        wire_octets: wire.len() as u64,
        stuffed_dots: reader.stuffed_count(),
        complete,
        header: Vec::new(),
    }));
    piece
}

/// Walk the header: its fields, their parts, and where the body begins.
fn header(bytes: &[u8], findings: &mut Vec<Finding>) -> (Vec<Field>, Vec<Part>, usize) {
    let (mut fields, mut parts) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < bytes.len() && at < HEADER {
        let line_end = end_of_line(bytes, at);
        if Span::new(at, line_end).of(bytes) == b"\r\n" {
            parts.push(Part::leaf("header-end", Span::new(at, line_end)));
            return (fields, parts, line_end);
        }
        let Some(name_end) = name_end(bytes, at, line_end) else {
            let detail = "a header field `Name: value` or the empty line was expected (RFC 5322 §2.2)";
            findings.push(Finding::warning("not-a-header-field", Span::new(at, line_end), detail));
            return (fields, parts, at);
        };
        let mut end = line_end;
        // "continued" lines begin with white space: folding, RFC 5322 §2.2.3.
        while matches!(bytes.get(end), Some(b' ' | b'\t')) {
            end = end_of_line(bytes, end);
        }
        if parts.len() < FIELDS {
            let (name, body) = (Span::new(at, name_end), Span::new(name_end + 1, end));
            fields.push(Field { name: lossy(name.of(bytes)).into_owned(), body: unfold(body.of(bytes)) });
            let inner = vec![Part::leaf("field-name", name), Part::leaf("field-body", body)];
            parts.push(Part::node("header-field", Span::new(at, end), inner));
        }
        at = end;
    }
    (fields, parts, at)
}

/// The offset after the CR LF that ends the line at `at`, or the end.
fn end_of_line(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.windows(2).position(|w| w == b"\r\n").map_or(bytes.len(), |i| at + i + 2)
}

/// Where the colon after a field's name stands: `field-name = 1*ftext`. RFC 5322 §3.6.8.
fn name_end(bytes: &[u8], at: usize, end: usize) -> Option<usize> {
    let line = Span::new(at, end).of(bytes);
    let len = line.iter().position(|b| *b == b':')?;
    let name = line.get(..len)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(|b| (33..=126).contains(b))).then_some(at + len)
}

fn unfold(body: &[u8]) -> String {
    let text = lossy(body);
    text.chars().filter(|c| !matches!(c, '\r' | '\n')).take(1000).collect::<String>().trim().to_owned()
}
