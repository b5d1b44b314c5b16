//! [`TlsReader`]: TLS records as the wire shows them: their outer type and length, the rest is for the two ends.
//!
//! It stands on the `wire` layer of a connection, while the mail protocol is read on the `plain` layer.
//! RFC 8446 §5.1: a record is `type` (1 byte), `legacy_record_version` (2), `length` (2), `fragment` (`length`).

use super::step::{Kind, Piece, Protocol, Reader};
use super::unknown::unparsed;
use crate::base::{Part, Span};
use crate::trace::Direction;

/// Bytes before a record's fragment.
const HEADER: usize = 5;
/// "The length MUST NOT exceed 2^14 + 256 bytes." RFC 8446 §5.2, for protected records; RFC 5246 §6.2.3 allowed
/// 2^14 + 2048, so that is the bound.
const LONGEST: usize = (1 << 14) + 2048;

/// Reads TLS records, one piece each.
#[derive(Clone, Debug, Default)]
pub struct TlsReader {
    /// Whether a side sent something that is no record: then the rest of that side is one opaque run.
    lost: [bool; 2],
}

/// Whether these bytes begin a TLS handshake: `None` while too few have come to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [0x16] => None,
        [0x16, 0x03, ..] => Some(true),
        _ => Some(false),
    }
}

impl Reader for TlsReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Tls
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        let lost = &mut self.lost[usize::from(from == Direction::Server)];
        if waiting.is_empty() {
            return None;
        }
        let cut = |detail| ended.then(|| unparsed(waiting.len(), "tls-cut-short", detail));
        if *lost {
            // One piece for each full block, so that the places do not depend on chunks.
            let len = if waiting.len() >= LONGEST { LONGEST } else { waiting.len() };
            return (ended || len == LONGEST).then(|| Piece::new(Kind::Unparsed, len));
        }
        let &[kind, major, minor, high, low, ..] = waiting else {
            return cut("The stream ended inside a TLS record's header.");
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(name) = name(kind).filter(|_| major == 3 && minor <= 4 && length <= LONGEST) else {
            *lost = true;
            return Some(unparsed(
                HEADER,
                "not-tls",
                "A TLS record was expected here; these bytes begin none.",
            ));
        };
        if waiting.len() < HEADER + length {
            return cut("The stream ended inside a TLS record.");
        }
        Some(record(name, length))
    }
}

/// A whole record with its parts.
fn record(name: &str, length: usize) -> Piece {
    let mut piece = Piece::new(Kind::Unparsed, HEADER + length);
    piece.verb = name.to_owned();
    piece.parts = vec![
        Part::leaf("content-type", Span::new(0, 1)),
        Part::leaf("legacy-record-version", Span::new(1, 3)),
        Part::leaf("length", Span::new(3, HEADER)),
        Part::leaf("fragment", Span::new(HEADER, HEADER + length)),
    ];
    piece
}

/// The record's outer content type (RFC 8446 §5.1), as a verb. Inside TLS 1.3 all is `APPLICATION-DATA`.
fn name(kind: u8) -> Option<&'static str> {
    match kind {
        20 => Some("CHANGE-CIPHER-SPEC"),
        21 => Some("ALERT"),
        22 => Some("HANDSHAKE"),
        23 => Some("APPLICATION-DATA"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_walked_and_what_is_none_is_told() {
        let mut reader = TlsReader::default();
        let wire = [0x16, 3, 1, 0, 2, 9, 9, 0x17, 3, 3, 0, 9];
        let first = reader.read(Direction::Client, &wire, false).expect("a whole record");
        assert_eq!((first.len, first.verb.as_str()), (7, "HANDSHAKE"));
        assert_eq!(reader.read(Direction::Client, &wire[7..], false), None);
        let cut = reader.read(Direction::Client, &wire[7..], true).expect("what is left");
        assert_eq!((cut.len, cut.findings[0].id), (5, "tls-cut-short"));
        let odd = reader.read(Direction::Server, b"220 mail.example.com", false).expect("no TLS");
        assert_eq!((odd.len, odd.findings[0].id), (5, "not-tls"));
        assert_eq!(reader.read(Direction::Server, b"ail.example.com", false), None);
    }
}
