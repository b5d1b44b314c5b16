//! Bytes → lines, with the exact terminator kept: the first reader on every text protocol's road.
//!
//! "Lines consist of zero or more data characters terminated by the sequence ASCII character "CR" (hex value 0D)
//! followed immediately by ASCII character "LF" (hex value 0A)." RFC 5321 §2.3.8. What else senders write is
//! kept apart here, and judged by whoever reads the line: a strict observer finds, a server refuses.

/// How a line ended on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// CR LF, the only one the standards allow.
    CrLf,
    /// LF without CR ("bare LF").
    Lf,
    /// The line passed the reader's limit; this is its first piece and more pieces follow.
    TooLong,
    /// The stream ended here.
    End,
}

impl Terminator {
    /// How many bytes the terminator takes.
    pub fn len(self) -> usize {
        match self {
            Terminator::CrLf => 2,
            Terminator::Lf => 1,
            Terminator::TooLong | Terminator::End => 0,
        }
    }

    /// Whether it takes no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One line: its text without the terminator, and how it ended. A lone CR stays inside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes before the terminator.
    pub text: Vec<u8>,
    /// How it ended.
    pub terminator: Terminator,
}

impl Line {
    /// The bytes as they stood on the wire.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.text.clone();
        wire.extend_from_slice(match self.terminator {
            Terminator::CrLf => b"\r\n",
            Terminator::Lf => b"\n",
            Terminator::TooLong | Terminator::End => b"",
        });
        wire
    }
}

/// A bounded buffer that gives lines (and, for literals and BDAT, counted bytes) in the order they came.
///
/// It holds at most what was received and not yet taken. A line longer than the limit given to
/// [`LineBuffer::next_line`] comes in pieces marked [`Terminator::TooLong`], so that memory stays bounded
/// whatever is sent. Taking is amortised constant time per byte, however the bytes were split.
#[derive(Clone, Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Start of what is not yet taken.
    head: usize,
    /// How far (from `head`) a line feed was already looked for in vain.
    searched: usize,
    ended: bool,
}

impl LineBuffer {
    /// Take bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.head > 4096 && self.head * 2 > self.bytes.len() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The stream has ended: what is left without a terminator becomes a last line.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// How many bytes wait to be taken.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of memory it takes.
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// What waits to be taken.
    pub fn waiting(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// Forget everything that waits (as after STARTTLS: RFC 3207 §4.2).
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.searched = 0;
    }

    /// The next line of at most `limit` bytes of text, if a whole one (or a piece of `limit` bytes) is there.
    pub fn next_line(&mut self, limit: usize) -> Option<Line> {
        let waiting = &self.bytes[self.head..];
        // A line feed further off than this does not matter yet, and looking for it for every piece would be
        // quadratic in a long line.
        let near = &waiting[..waiting.len().min(limit.saturating_add(2))];
        let rest = near.get(self.searched..).unwrap_or_default();
        if let Some(at) = rest.iter().position(|&b| b == b'\n').map(|i| i + self.searched) {
            let (text_end, terminator) = match at.checked_sub(1).map(|i| waiting[i]) {
                Some(b'\r') => (at - 1, Terminator::CrLf),
                _ => (at, Terminator::Lf),
            };
            if text_end <= limit {
                return Some(self.take_line(text_end, terminator));
            }
        } else if waiting.len() <= limit + 1 {
            // A CR that may be the first half of CR LF is not counted against the limit.
            self.searched = waiting.len();
            return (self.ended && !waiting.is_empty()).then(|| self.take_line(self.len(), Terminator::End));
        }
        Some(self.take_line(limit, Terminator::TooLong))
    }

    /// Up to `count` of the waiting bytes, as they are; empty where nothing waits.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        let taken = self.bytes[self.head..self.head + count].to_vec();
        self.advance(count);
        taken
    }

    fn take_line(&mut self, text_len: usize, terminator: Terminator) -> Line {
        let text = self.bytes[self.head..self.head + text_len].to_vec();
        self.advance(text_len + terminator.len());
        Line { text, terminator }
    }

    fn advance(&mut self, count: usize) {
        self.head += count;
        self.searched = 0;
        if self.head == self.bytes.len() {
            self.bytes.clear();
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]], limit: usize) -> Vec<(String, Terminator)> {
        let mut buffer = LineBuffer::default();
        let mut out = Vec::new();
        for chunk in chunks {
            buffer.push(chunk);
            while let Some(line) = buffer.next_line(limit) {
                out.push((String::from_utf8_lossy(&line.text).into_owned(), line.terminator));
            }
        }
        buffer.end();
        while let Some(line) = buffer.next_line(limit) {
            out.push((String::from_utf8_lossy(&line.text).into_owned(), line.terminator));
        }
        out
    }

    #[test]
    fn terminators_are_kept_apart() {
        use Terminator::*;
        let got = lines(&[b"a\r\nb\nc\rd\r\ne"], 100);
        let want = [("a", CrLf), ("b", Lf), ("c\rd", CrLf), ("e", End)];
        assert_eq!(got, want.map(|(t, e)| (t.to_owned(), e)));
    }

    #[test]
    fn any_split_gives_the_same_lines() {
        let wire = b"EHLO a\r\nlonger than ten bytes\r\n0123456789\r\nend";
        let whole = lines(&[wire], 10);
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(lines(&bytes, 10), whole);
        assert!(whole.contains(&("0123456789".to_owned(), Terminator::CrLf)), "a full line is not too long");
    }
}
