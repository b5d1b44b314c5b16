//! [`TlsReader`]: TLS as the wire shows it: each record's outer type and length, and what is not yet encrypted of the
//! handshake: which name is called, what is offered, what is chosen.
//!
//! It stands on the `wire` layer of a connection, while the mail protocol is read on the `plain` layer.
//! RFC 8446 §5.1: a record is `type` (1 byte), `legacy_record_version` (2), `length` (2), `fragment` (`length`).
//! Handshake messages may be split over records, and several may stand in one.

mod handshake;
mod names;
#[cfg(test)]
mod tests;

pub use handshake::{Certificate, ClientHello, ServerHello};

use super::step::{Kind, Meaning, Piece, Protocol, Reader};
use super::unknown::unparsed;
use crate::base::{Finding, Part, Span};
use crate::trace::Direction;
use serde::Serialize;

/// Bytes before a record's fragment.
const HEADER: usize = 5;
/// "The length MUST NOT exceed 2^14 + 256 bytes." RFC 8446 §5.2, for protected records; RFC 5246 §6.2.3 allowed
/// 2^14 + 2048, so that is the bound.
const LONGEST: usize = (1 << 14) + 2048;
/// Octets of a handshake message that are waited for; a larger one is not read. A chain of certificates has some
/// thousands.
const LARGEST_MESSAGE: usize = 64 * 1024;

/// What a TLS record shows of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMeaning {
    /// The client's first words.
    ClientHello(ClientHello),
    /// The server's choice.
    ServerHello(ServerHello),
    /// Certificates, as TLS 1.2 and older show them.
    Certificate(Certificate),
    /// An alert that is not encrypted: its level and what it says, as RFC 8446 §6 names it.
    Alert {
        /// It ends the connection.
        fatal: bool,
        /// `handshake_failure`.
        what: String,
    },
    /// The number on it says handshake or alert, and it is encrypted.
    Encrypted,
    /// It carries what stands on the plain layer of the same connection.
    Carrier,
}

/// One side of the connection.
#[derive(Clone, Debug, Default)]
struct Side {
    /// It sent something that is no record: then the rest of it is one opaque run.
    lost: bool,
    /// Bytes are missing: the next ones may be the rest of a record.
    behind_gap: bool,
    /// Octets of a record that is being cut by a gap which are still to come.
    torn: Option<usize>,
    /// The beginning of a handshake message whose end has not come.
    message: Vec<u8>,
    /// What is in its records cannot be read any more: encrypted, or bytes are missing.
    sealed: bool,
}

/// Reads TLS records, one piece each.
#[derive(Clone, Debug, Default)]
pub struct TlsReader {
    sides: [Side; 2],
    /// TLS 1.3 was chosen: what calls itself a handshake is a hello, and not encrypted (RFC 8446 §5).
    is_13: bool,
}

/// Whether these bytes begin a TLS handshake: `None` while too few have come to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [0x16] => None,
        [0x16, 0x03, ..] => Some(true),
        _ => Some(false),
    }
}

/// The name and the length of the record whose header these bytes begin with.
fn header(bytes: &[u8]) -> Option<(&'static str, usize)> {
    let &[kind, major, minor, high, low, ..] = bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let name = name(kind).filter(|_| major == 3 && minor <= 4 && length <= LONGEST)?;
    Some((name, length))
}

impl Reader for TlsReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Tls
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        let side = &mut self.sides[usize::from(from == Direction::Server)];
        if waiting.is_empty() {
            return None;
        }
        if side.lost {
            // One piece for each full block, so that the places do not depend on chunks.
            let len = if waiting.len() >= LONGEST { LONGEST } else { waiting.len() };
            return (ended || len == LONGEST).then(|| Piece::new(Kind::Unparsed, len));
        }
        if side.behind_gap {
            match side.find_record(waiting, ended) {
                Found::Here => side.behind_gap = false,
                Found::Behind(len) => {
                    let mut piece = Piece::new(Kind::Unparsed, len);
                    let detail = "Bytes are missing before this: it is the rest of what stood there.";
                    piece.findings.push(Finding::hint("after-gap", Span::new(0, len), detail));
                    return Some(piece);
                }
                Found::Unknown => return None,
            }
        }
        side.torn = None;
        let Some((name, length)) = header(waiting) else {
            if waiting.len() < HEADER {
                return ended.then(|| {
                    unparsed(waiting.len(), "tls-cut-short", "The stream ended inside a TLS record's header.")
                });
            }
            side.lost = true;
            return Some(unparsed(
                HEADER,
                "not-tls",
                "A TLS record was expected here; these bytes begin none.",
            ));
        };
        let Some(fragment) = waiting.get(HEADER..HEADER + length) else {
            side.torn = Some(HEADER + length - waiting.len());
            let detail = "The stream ended inside a TLS record.";
            return ended.then(|| unparsed(waiting.len(), "tls-cut-short", detail));
        };
        Some(self.record(from, name, fragment))
    }

    fn gap(&mut self, from: Direction, missing: Option<u64>) {
        let side = &mut self.sides[usize::from(from == Direction::Server)];
        let missing = missing.and_then(|n| usize::try_from(n).ok());
        side.torn = side.torn.zip(missing).and_then(|(left, missing)| left.checked_sub(missing));
        side.behind_gap = true;
        // A handshake with a hole in it is not read: whether it is encrypted by now is not known either.
        side.message.clear();
        side.sealed = true;
    }
}

/// Where the next record begins behind a gap.
enum Found {
    Here,
    Behind(usize),
    Unknown,
}

impl Side {
    /// By the torn record's length where the gap's length is known, else by what looks like a record's header.
    fn find_record(&mut self, waiting: &[u8], ended: bool) -> Found {
        if let Some(left) = self.torn {
            return match left {
                0 => Found::Here,
                left if left <= waiting.len() => {
                    self.torn = Some(0);
                    Found::Behind(left)
                }
                _ if ended => Found::Behind(waiting.len()),
                _ => Found::Unknown,
            };
        }
        let headers = waiting.windows(HEADER).take(LONGEST);
        let found = headers.enumerate().find(|(_, bytes)| header(bytes).is_some()).map(|(at, _)| at);
        match found {
            Some(0) => Found::Here,
            Some(at) => Found::Behind(at),
            None if waiting.len() >= LONGEST + HEADER => Found::Behind(LONGEST),
            None if ended => Found::Behind(waiting.len()),
            None => Found::Unknown,
        }
    }

    /// Take a fragment of handshake. The first message that it makes whole, with its place in the fragment where it
    /// stands there as a whole.
    fn handshake(&mut self, fragment: &[u8]) -> Option<(Vec<u8>, Option<usize>)> {
        let before = self.message.len();
        self.message.extend_from_slice(fragment);
        let mut first = None;
        let mut at = 0;
        while let Some(&[_, a, b, c]) = self.message.get(at..at + 4) {
            let len = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
            if len > LARGEST_MESSAGE {
                self.message.clear();
                self.sealed = true;
                return first;
            }
            let Some(message) = self.message.get(at..at + len) else { break };
            first.get_or_insert_with(|| (message.to_vec(), at.checked_sub(before)));
            at += len;
        }
        self.message.drain(..at.min(self.message.len()));
        first
    }
}

impl TlsReader {
    /// A reader where clear text of some sides, the client's and the server's, is missing: the gap may reach into their
    /// first record. Where it does not, the handshake is read.
    pub(super) fn behind_gaps(gaps: [bool; 2]) -> Self {
        let sides = gaps.map(|behind_gap| Side { behind_gap, ..Side::default() });
        TlsReader { sides, is_13: false }
    }

    /// A whole record with its parts, and what it shows.
    fn record(&mut self, from: Direction, name: &str, fragment: &[u8]) -> Piece {
        let length = fragment.len();
        let mut piece = Piece::new(Kind::Unparsed, HEADER + length);
        piece.verb = name.into();
        let mut inner = Vec::new();
        let is_13 = self.is_13;
        let side = &mut self.sides[usize::from(from == Direction::Server)];
        match name {
            "CHANGE-CIPHER-SPEC" => side.sealed |= !is_13,
            "HANDSHAKE" | "ALERT" if side.sealed => piece.meaning = Meaning::Tls(TlsMeaning::Encrypted),
            "HANDSHAKE" => {
                if let Some((message, at)) = side.handshake(fragment) {
                    let told = handshake::read(&message);
                    piece.verb = told.name.into();
                    piece.findings = told.findings;
                    if let Some(at) = at {
                        inner = told.parts.into_iter().map(|part| part.shifted(HEADER + at)).collect();
                        let shifted = piece.findings.drain(..).map(|finding| finding.shifted(HEADER + at));
                        piece.findings = shifted.collect();
                    } else {
                        piece.findings.iter_mut().for_each(|f| f.span = Span::new(HEADER, HEADER + length));
                    }
                    self.is_13 |= told.is_13;
                    piece.meaning = told.meaning;
                }
            }
            "ALERT" => {
                if let [level, what] = *fragment {
                    inner = vec![
                        Part::leaf("alert-level", Span::new(HEADER, HEADER + 1)),
                        Part::leaf("alert-description", Span::new(HEADER + 1, HEADER + 2)),
                    ];
                    let what = names::alert(what);
                    piece.meaning = Meaning::Tls(TlsMeaning::Alert { fatal: level == 2, what });
                }
            }
            _ => {}
        }
        piece.parts = vec![
            Part::leaf("content-type", Span::new(0, 1)),
            Part::leaf("legacy-record-version", Span::new(1, 3)),
            Part::leaf("length", Span::new(3, HEADER)),
            Part::node("fragment", Span::new(HEADER, HEADER + length), inner),
        ];
        piece
    }
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
