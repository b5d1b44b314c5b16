//! Multi-line responses: lines, byte-stuffed, up to a line with a lone dot (RFC 1939 §3).
//!
//! "If any line of the multi-line response begins with the termination octet, the line is "byte-stuffed" by
//! pre-pending the termination octet to that line of the response. Hence a multi-line response is terminated with
//! the five octets "CRLF.CRLF"."

use std::sync::Arc;

/// The octets that a message has as RETR sends it, byte-stuffing not counted (RFC 1939 §11): every line ends with
/// CRLF, so a bare LF counts two, and a last line that is not ended gets its CRLF.
pub fn octets_on_wire(message: &[u8]) -> u64 {
    let mut octets = message.len() as u64;
    let mut before = 0;
    for &byte in message {
        octets += u64::from(byte == b'\n' && before != b'\r');
        before = byte;
    }
    if !message.is_empty() && before != b'\n' {
        octets += 2;
    }
    octets
}

/// A message on its way to the wire: line ends made CRLF, byte-stuffed, cut after TOP's lines, ended by the lone
/// dot. It comes in pieces, so that a large message is never held twice.
#[derive(Clone, Debug)]
pub struct MessageStream {
    message: Arc<[u8]>,
    /// How much of the message is taken.
    at: usize,
    /// What stands before `at`: decides whether an LF is bare.
    before: u8,
    /// Octets of the line so far.
    line: usize,
    /// Lines of the body that may still come; `None`: all (RETR).
    body_lines: Option<u32>,
    in_header: bool,
    ended: bool,
}

impl MessageStream {
    /// The whole message (RETR), or its header and so many lines of its body (TOP).
    pub fn new(message: Arc<[u8]>, body_lines: Option<u32>) -> Self {
        MessageStream { message, at: 0, before: b'\n', line: 0, body_lines, in_header: true, ended: false }
    }

    /// The next piece, of `limit` octets at most (16 at least); `None` after the lone dot.
    pub fn next_piece(&mut self, limit: usize) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let limit = limit.max(16);
        let message = Arc::clone(&self.message);
        let mut piece = Vec::with_capacity(limit.min(message.len() - self.at + 16));
        // Each turn adds at most what is free: a stuffed dot, then octets, where an LF may take two.
        while piece.len() + 3 <= limit {
            let rest = message.get(self.at..).unwrap_or_default();
            let Some(&first) = rest.first() else { break };
            if self.line == 0 && first == b'.' {
                piece.push(b'.');
            }
            let free = limit - piece.len() - 1;
            let seen = rest.get(..free).unwrap_or(rest);
            match seen.iter().position(|&b| b == b'\n') {
                Some(lf) => self.take_line(seen, lf, &mut piece),
                None => {
                    piece.extend_from_slice(seen);
                    self.line += seen.len();
                    self.before = seen.last().copied().unwrap_or(self.before);
                    self.at += seen.len();
                }
            }
        }
        if self.at >= message.len() && piece.len() + 5 <= limit {
            if self.line > 0 {
                piece.extend_from_slice(b"\r\n");
            }
            piece.extend_from_slice(b".\r\n");
            self.ended = true;
        }
        Some(piece)
    }

    /// Takes what stands before the LF, and the line end as CRLF.
    fn take_line(&mut self, seen: &[u8], lf: usize, piece: &mut Vec<u8>) {
        let text = seen.get(..lf).unwrap_or_default();
        let before = text.last().copied().unwrap_or(if self.line == 0 { b'\n' } else { self.before });
        piece.extend_from_slice(text);
        if before != b'\r' {
            piece.push(b'\r');
        }
        piece.push(b'\n');
        let octets = self.line + text.len() - usize::from(before == b'\r');
        self.at += lf + 1;
        self.line = 0;
        self.before = b'\n';
        if self.in_header {
            self.in_header = octets != 0;
        } else if let Some(left) = &mut self.body_lines {
            *left = left.saturating_sub(1);
        }
        if !self.in_header && self.body_lines == Some(0) {
            self.at = self.message.len();
        }
    }
}

/// Looks for the end of a multi-line response, never twice at the same byte.
///
/// Strict as RFC 1939 §3: only `CRLF.CRLF` ends it. A peer whose status line ended with a bare LF ends all its lines
/// so, and is read by its own rule (`bare_lf`).
#[derive(Clone, Debug, Default)]
pub struct BlockScanner {
    /// Whether a bare LF ends a line.
    bare_lf: bool,
    /// Where the line begins that is being looked at.
    line: usize,
    /// How far was looked.
    looked: usize,
}

impl BlockScanner {
    /// A scanner for a block that begins at offset 0 of what [`BlockScanner::end`] is given.
    pub fn new(bare_lf: bool) -> Self {
        BlockScanner { bare_lf, line: 0, looked: 0 }
    }

    /// The offset after the lone dot's line, once it is there. `block` only grows from call to call.
    pub fn end(&mut self, block: &[u8]) -> Option<usize> {
        while let Some(line) = self.next_line(block) {
            if line.text == b"." {
                return Some(line.end);
            }
        }
        None
    }

    /// The next whole line of the block.
    pub fn next_line<'a>(&mut self, block: &'a [u8]) -> Option<BlockLine<'a>> {
        loop {
            let rest = block.get(self.looked..).unwrap_or_default();
            let Some(lf) = memchr::memchr(b'\n', rest) else {
                self.looked = block.len().max(self.looked);
                return None;
            };
            let lf = self.looked + lf;
            self.looked = lf + 1;
            let line = block.get(self.line..lf).unwrap_or_default();
            let text = match line.split_last() {
                Some((b'\r', text)) => text,
                _ if self.bare_lf => line,
                _ => continue,
            };
            let start = std::mem::replace(&mut self.line, lf + 1);
            return Some(BlockLine { start, text, end: lf + 1 });
        }
    }

    /// Where the line begins that is not whole yet.
    pub fn line_start(&self) -> usize {
        self.line
    }
}

/// One line of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLine<'a> {
    /// Where it begins.
    pub start: usize,
    /// What it says, still byte-stuffed, terminator taken off.
    pub text: &'a [u8],
    /// The offset after its terminator.
    pub end: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(message: &[u8], lines: Option<u32>, limit: usize) -> Vec<u8> {
        let mut stream = MessageStream::new(message.into(), lines);
        let mut wire = Vec::new();
        while let Some(piece) = stream.next_piece(limit) {
            assert!(piece.len() <= limit, "a piece of {} octets", piece.len());
            wire.extend(piece);
        }
        wire
    }

    #[test]
    fn dots_at_line_starts_are_stuffed_and_line_ends_made_whole() {
        assert_eq!(sent(b".a\r\n..b\nc.\r\nd", None, 100), b"..a\r\n...b\r\nc.\r\nd\r\n.\r\n");
        assert_eq!(sent(b"", None, 100), b".\r\n");
        assert_eq!(sent(b"a\r.\r\n", None, 100), b"a\r.\r\n.\r\n", "a bare CR ends no line");
    }

    #[test]
    fn top_gives_the_header_the_blank_line_and_so_many_lines() {
        let message = b"Subject: x\r\nTo: y\r\n\r\none\r\n.two\r\nthree\r\n";
        assert_eq!(sent(message, Some(0), 100), b"Subject: x\r\nTo: y\r\n\r\n.\r\n");
        assert_eq!(sent(message, Some(2), 100), b"Subject: x\r\nTo: y\r\n\r\none\r\n..two\r\n.\r\n");
        assert_eq!(sent(message, Some(99), 100), sent(message, None, 100));
        assert_eq!(sent(b"Subject: x\n\nbody\n", Some(0), 100), b"Subject: x\r\n\r\n.\r\n");
    }

    #[test]
    fn a_bare_lf_before_a_dot_does_not_end_a_strict_block() {
        let block = b"a\n.\r\nb\r\n.\r\nrest";
        assert_eq!(BlockScanner::new(false).end(block), Some(block.len() - 4));
        assert_eq!(BlockScanner::new(true).end(block), Some(5));
        assert_eq!(BlockScanner::new(false).end(b".\r\n"), Some(3), "an empty block");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn a_stream_of_any_piece_size_is_one_block_of_as_many_octets_as_counted(
            message in proptest::collection::vec(proptest::sample::select(b"a.\r\n".to_vec()), 0..60),
            limit in 16usize..40,
            lines in proptest::option::of(0u32..4),
        ) {
            let whole = sent(&message, lines, 4096);
            prop_assert_eq!(&sent(&message, lines, limit), &whole);
            let mut scanner = BlockScanner::new(false);
            prop_assert_eq!(scanner.end(&whole), Some(whole.len()));
            if lines.is_none() {
                let mut scanner = BlockScanner::new(false);
                let mut stuffed = 0;
                while let Some(line) = scanner.next_line(&whole) {
                    stuffed += u64::from(line.text.starts_with(b"."));
                }
                prop_assert_eq!(octets_on_wire(&message), whole.len() as u64 - 2 - stuffed);
            }
        }

        #[test]
        fn the_end_is_found_however_the_bytes_come(
            block in proptest::collection::vec(proptest::sample::select(b"a.\r\n".to_vec()), 0..40),
            bare_lf in any::<bool>(),
        ) {
            let whole = BlockScanner::new(bare_lf).end(&block);
            let mut scanner = BlockScanner::new(bare_lf);
            let split = (0..=block.len()).find_map(|n| scanner.end(&block[..n]));
            prop_assert_eq!(split, whole);
        }
    }
}
