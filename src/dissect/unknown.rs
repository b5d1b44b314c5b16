//! [`UnknownReader`]: reads what no protocol claims, so that no byte of a transcript is ever without a Step.
//!
//! It cuts at line feeds, and long runs without one into blocks of the same size, always at the same places.

use super::step::{Kind, Piece, Protocol, Reader};
use crate::base::{Finding, Span};
use crate::trace::Direction;

/// Longest piece of a line that is not known to be one.
const BLOCK: usize = 4096;

/// Reads lines and blocks as [`Kind::Unparsed`].
#[derive(Clone, Debug, Default)]
pub struct UnknownReader {
    /// How far each side's waiting bytes were already searched for a line feed.
    searched: [usize; 2],
}

impl Reader for UnknownReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Unknown
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        let searched = &mut self.searched[usize::from(from == Direction::Server)];
        let block = waiting.get(..BLOCK).unwrap_or(waiting);
        let fresh = block.get(*searched..).unwrap_or_default();
        let len = match fresh.iter().position(|&byte| byte == b'\n') {
            Some(at) => *searched + at + 1,
            None if ended || block.len() == BLOCK => block.len(),
            None => {
                *searched = block.len();
                return None;
            }
        };
        *searched = 0;
        (len > 0).then(|| Piece::new(Kind::Unparsed, len))
    }
}

/// A piece that is not what its protocol wants there.
pub(super) fn unparsed(len: usize, id: &'static str, detail: &str) -> Piece {
    let mut piece = Piece::new(Kind::Unparsed, len);
    piece.findings.push(Finding::error(id, Span::new(0, len), detail));
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_blocks_are_cut_at_the_same_places_however_they_come() {
        let mut wire = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        wire.extend([b'x'; BLOCK + 7]);
        for chunk in [1, 3, 5000] {
            let (mut reader, mut waiting, mut lens) = (UnknownReader::default(), Vec::new(), Vec::new());
            let mut chunks = wire.chunks(chunk).peekable();
            while let Some(bytes) = chunks.next() {
                waiting.extend_from_slice(bytes);
                while let Some(piece) = reader.read(Direction::Client, &waiting, chunks.peek().is_none()) {
                    waiting.drain(..piece.len);
                    lens.push(piece.len);
                }
            }
            assert_eq!(lens, [16, 2, BLOCK, 7]);
        }
    }
}
