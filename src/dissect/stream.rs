//! [`Stream`]: one side's bytes of one layer that are not in a Step yet, with when and in which record they came.
//!
//! It stands between Records and readers. What a reader has taken is dropped, so memory holds only what waits; and of
//! what waits, only the end, where the rest was laid aside.

use crate::base::Instant;
use crate::base::aside::{Aside, BLOCK, Laid};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

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
    /// The first of what waits, where it was laid aside: blocks of [`BLOCK`] bytes. Copies of the stream share them.
    aside: Vec<Arc<Laid>>,
    /// Bytes that were laid aside and could not be had again: zeros stand in their place.
    lost: u64,
    /// Whether no more will come.
    pub ended: bool,
}

/// Bytes that stay in memory behind those that are laid aside, so that an end which is split over two records is seen.
const TAIL: usize = 8;

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

    /// What waits; where something is laid aside, only what stands behind that (see [`Stream::fetch`]).
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// How many bytes wait, in memory or laid aside.
    pub fn waits(&self) -> usize {
        self.aside.len() * BLOCK + self.held()
    }

    /// How many of them are in memory.
    pub fn held(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Whether all that waits is in memory.
    pub fn is_at_hand(&self) -> bool {
        self.aside.is_empty()
    }

    /// Lay aside what waits, but for less than two blocks at its end. What finds no room there stays in memory.
    pub fn lay_aside(&mut self, aside: &Aside) {
        let most = self.held().saturating_sub(TAIL);
        let blocks = self.waiting().get(..most).unwrap_or_default().chunks_exact(BLOCK);
        let laid: Vec<_> = blocks.map_while(|block| aside.lay(block).map(Arc::new)).collect();
        if !laid.is_empty() {
            self.bytes = self.waiting().get(laid.len() * BLOCK..).unwrap_or_default().to_vec();
            self.head = 0;
            self.aside.extend(laid);
        }
    }

    /// Bring what was laid aside back into memory.
    pub fn fetch(&mut self) {
        let blocks = std::mem::take(&mut self.aside);
        if blocks.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(blocks.len() * BLOCK + self.held());
        for block in blocks {
            if block.fetch(&mut bytes).is_err() {
                bytes.resize(bytes.len() + BLOCK, 0);
                self.lost += BLOCK as u64;
            }
        }
        bytes.extend_from_slice(self.waiting());
        (self.bytes, self.head) = (bytes, 0);
    }

    /// How many bytes were lost since this was asked last, because the file in which they lay failed.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Offset in the whole stream of the first byte that waits.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Take the first `len` waiting bytes, or as many as wait. `None` where that is none.
    pub fn take(&mut self, len: usize) -> Option<Taken> {
        self.fetch();
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
        self.offset + self.waits() as u64
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
    fn what_is_laid_aside_is_as_if_it_had_stayed() {
        let (aside, mut at_hand, mut stream) = (Aside::default(), Stream::default(), Stream::default());
        let bytes: Vec<u8> = (0..5 * BLOCK).map(|n| (n % 251) as u8).collect();
        for (record, chunk) in bytes.chunks(1000).enumerate() {
            at_hand.push(Cow::Borrowed(chunk), stamp(record));
            stream.push(Cow::Borrowed(chunk), stamp(record));
            stream.lay_aside(&aside);
            assert!(stream.held() < BLOCK + TAIL + 1000 && stream.waits() == at_hand.waits());
        }
        assert!(!stream.is_at_hand());
        let mut copy = stream.clone();
        for len in [10, 3 * BLOCK, 9 * BLOCK] {
            let want = at_hand.take(len);
            assert!(stream.take(len) == want && copy.take(len) == want && want.is_some());
            copy.lay_aside(&aside);
        }
        assert_eq!((stream.waits(), stream.lost()), (0, 0));
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
