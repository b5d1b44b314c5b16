//! [`Stream`]: one side's bytes of one layer that are not in a Step yet, with when and in which record they came.
//!
//! It stands between Records and readers. What a reader has taken is dropped, so memory holds only what waits.

use crate::base::Instant;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

/// When bytes came, and in which record of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When they left the sender.
    pub at: Instant,
    /// Index of their record.
    pub record: usize,
}

/// Bytes taken out of a stream: a Step's bytes, place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their place in the side's stream of that layer.
    pub range: Range<u64>,
    /// When and where the last of them came.
    pub stamp: Stamp,
}

/// One side's waiting bytes.
///
/// Pushing and taking cost amortised constant time per byte, whatever the chunks: the taken front is cut off
/// only when it is the larger half.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    bytes: Vec<u8>,
    /// Start of what waits, in `bytes`.
    head: usize,
    /// Offset in the whole stream of the first waiting byte.
    offset: u64,
    /// For each chunk that still waits: the offset after its last byte, and its stamp.
    stamps: VecDeque<(u64, Stamp)>,
    /// The stamp of the last byte ever pushed.
    last: Option<Stamp>,
    /// Whether no more will come.
    pub ended: bool,
}

impl Stream {
    /// Take bytes that came. They are kept as they are where nothing else waits.
    pub fn push(&mut self, bytes: Cow<'_, [u8]>, stamp: Stamp) {
        if bytes.is_empty() {
            return;
        }
        if self.head > 4096 && self.head * 2 > self.bytes.len() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        match bytes {
            Cow::Owned(bytes) if self.bytes.is_empty() => self.bytes = bytes,
            bytes => self.bytes.extend_from_slice(&bytes),
        }
        self.last = Some(stamp);
        let end = self.end();
        match self.stamps.back_mut() {
            Some((until, known)) if *known == stamp => *until = end,
            _ => self.stamps.push_back((end, stamp)),
        }
    }

    /// What waits.
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// Offset in the whole stream of the first byte that waits.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Take the first `len` waiting bytes, or as many as wait. `None` where that is none.
    pub fn take(&mut self, len: usize) -> Option<Taken> {
        let bytes = self.cut(len);
        if bytes.is_empty() {
            return None;
        }
        let start = self.offset;
        self.offset += bytes.len() as u64;
        // The stamp of the last byte taken; earlier ones are done with, and so is this one at its own end.
        while self.stamps.front().is_some_and(|(until, _)| *until < self.offset) {
            self.stamps.pop_front();
        }
        let stamp = self.stamps.front().map(|(_, stamp)| *stamp).or(self.last)?;
        if self.stamps.front().is_some_and(|(until, _)| *until == self.offset) {
            self.stamps.pop_front();
        }
        Some(Taken { bytes, range: start..self.offset, stamp })
    }

    /// Offset after the last byte that came.
    fn end(&self) -> u64 {
        self.offset + self.waiting().len() as u64
    }

    /// The first `len` waiting bytes, or as many as wait. Mostly that is all of them, and then they are not copied.
    fn cut(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.waiting().len());
        if self.head + len < self.bytes.len() {
            let bytes = self.waiting().get(..len).unwrap_or_default().to_vec();
            self.head += len;
            return bytes;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        if std::mem::take(&mut self.head) > 0 {
            bytes = bytes.split_off(bytes.len() - len);
        }
        // What grew bit by bit may have room for twice as much; whoever keeps the Step would keep that too.
        if bytes.capacity() / 3 > len / 2 {
            bytes.shrink_to_fit();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(record: usize) -> Stamp {
        Stamp { at: Instant::from_secs(record as i64), record }
    }

    #[test]
    fn what_is_taken_knows_its_place_and_the_record_of_its_last_byte() {
        let mut stream = Stream::default();
        stream.push(Cow::Borrowed(b"EH"), stamp(1));
        stream.push(Cow::Borrowed(b"LO\r\nMA"), stamp(2));
        let taken = stream.take(6).expect("six bytes wait");
        assert_eq!((taken.bytes.as_slice(), taken.range, taken.stamp.record), (&b"EHLO\r\n"[..], 0..6, 2));
        stream.push(Cow::Owned(b"IL".to_vec()), stamp(3));
        assert_eq!(stream.take(2).map(|t| (t.range, t.stamp.record)), Some((6..8, 2)));
        assert_eq!(stream.take(99).map(|t| (t.range, t.stamp.record)), Some((8..10, 3)));
        assert_eq!(stream.take(1), None);
        assert_eq!(stream.offset(), 10);
    }

    #[test]
    fn stamps_of_taken_bytes_are_let_go() {
        let mut stream = Stream::default();
        for record in 0..10_000 {
            stream.push(Cow::Borrowed(b"x"), stamp(record));
            assert_eq!(stream.take(1).map(|t| t.stamp.record), Some(record));
        }
        assert!(stream.stamps.is_empty() && stream.bytes.is_empty());
    }
}
