//! [`Fragments`]: pieces of IP packets → whole payloads (RFC 791 §3.2, RFC 8200 §4.5), in bounded memory.
//!
//! Stands between IP and TCP or UDP. Overlapping pieces: what came first stays, as in the TCP streams.

use crate::base::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// "Fragment Reassembly Time" of RFC 8200 §4.5; RFC 1122 §3.3.2 recommends 60 to 120 seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Octets that an IP packet can have.
const LARGEST: usize = 65_535;
/// What a piece costs beside its bytes.
const OVERHEAD: usize = 64;

/// What the pieces of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Whole {
    /// Source and destination, IPv4 in their last four bytes.
    pub between: ([u8; 16], [u8; 16]),
    /// Whether it is IPv6.
    pub v6: bool,
    /// The packet's identification.
    pub id: u32,
    /// What the payload is. RFC 791 makes it part of the name; in IPv6 each piece says the same.
    pub protocol: u8,
}

/// A piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Where it belongs in the payload.
    pub offset: usize,
    /// Whether others come behind it.
    pub more: bool,
    /// Its bytes.
    pub bytes: &'a [u8],
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    pieces: BTreeMap<usize, Vec<u8>>,
    len: Option<usize>,
    cost: usize,
}

/// Packets whose pieces have not all come.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: BTreeMap<Whole, Waiting>,
    /// In the order in which they began.
    begun: VecDeque<Whole>,
    cost: usize,
    /// Bytes that may wait.
    most: usize,
    /// Packets that were given up.
    pub given_up: u64,
}

impl Fragments {
    /// Keeps at most so many bytes waiting.
    pub fn new(most: usize) -> Self {
        Fragments { most, ..Fragments::default() }
    }

    /// Take a piece; gives the whole payload if it was the last one missing.
    pub fn add(&mut self, of: Whole, piece: Piece<'_>, at: Instant) -> Option<Vec<u8>> {
        self.let_go(at);
        let end = piece.offset + piece.bytes.len();
        if end > LARGEST {
            return None;
        }
        let begun = &mut self.begun;
        let waiting = self.waiting.entry(of).or_insert_with(|| {
            begun.push_back(of);
            Waiting { since: at, pieces: BTreeMap::new(), len: None, cost: 0 }
        });
        if !piece.more {
            waiting.len.get_or_insert(end);
        }
        if !piece.bytes.is_empty() && !waiting.pieces.contains_key(&piece.offset) {
            waiting.pieces.insert(piece.offset, piece.bytes.to_vec());
            waiting.cost += piece.bytes.len() + OVERHEAD;
            self.cost += piece.bytes.len() + OVERHEAD;
        }
        let whole = waiting.whole()?;
        if let Some(done) = self.waiting.remove(&of) {
            self.cost = self.cost.saturating_sub(done.cost);
        }
        self.begun.retain(|known| *known != of);
        Some(whole)
    }

    /// Packets that still wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The oldest go when they have waited too long, or when too much waits.
    fn let_go(&mut self, now: Instant) {
        while let Some(oldest) = self.begun.front() {
            let since = self.waiting.get(oldest).map_or(now, |waiting| waiting.since);
            if self.cost <= self.most && now.since(since) <= PATIENCE {
                return;
            }
            if let Some(gone) = self.waiting.remove(oldest) {
                self.cost = self.cost.saturating_sub(gone.cost);
                self.given_up += 1;
            }
            self.begun.pop_front();
        }
    }
}

impl Waiting {
    /// The payload, if nothing of it is missing.
    fn whole(&self) -> Option<Vec<u8>> {
        let len = self.len?;
        let mut covered = 0;
        for (&offset, bytes) in &self.pieces {
            if offset > covered {
                return None;
            }
            covered = covered.max(offset + bytes.len());
        }
        if covered < len {
            return None;
        }
        let mut whole = Vec::with_capacity(len);
        for (&offset, bytes) in &self.pieces {
            whole.extend_from_slice(bytes.get(whole.len().saturating_sub(offset)..).unwrap_or_default());
        }
        whole.truncate(len);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: u32) -> Whole {
        Whole { between: ([1; 16], [2; 16]), v6: false, id, protocol: 17 }
    }

    fn at(seconds: i64) -> Instant {
        Instant::from_secs(seconds)
    }

    #[test]
    fn pieces_make_a_whole_in_any_order_and_twice() {
        let whole: Vec<u8> = (0..100).collect();
        let pieces = [(0, 40), (40, 80), (24, 48), (80, 100), (0, 40)];
        let mut random = fastrand::Rng::with_seed(3);
        for id in 0..200 {
            let mut fragments = Fragments::new(1 << 20);
            let mut order = pieces;
            random.shuffle(&mut order);
            let mut got = order.iter().filter_map(|&(start, end)| {
                let piece = Piece { offset: start, more: end < 100, bytes: &whole[start..end] };
                fragments.add(of(id), piece, at(0))
            });
            assert_eq!(got.next(), Some(whole.clone()));
        }
    }

    #[test]
    fn what_never_becomes_whole_is_let_go() {
        let mut fragments = Fragments::new(10_000);
        for id in 0..1000 {
            let piece = Piece { offset: 8, more: true, bytes: &[0; 1000] };
            assert_eq!(fragments.add(of(id), piece, at(0)), None);
        }
        assert!(fragments.waiting() <= 11 && fragments.given_up >= 989);
        let piece = Piece { offset: 65_528, more: false, bytes: &[0; 8] };
        assert_eq!(fragments.add(of(0), piece, at(61)), None, "longer than any packet");
        assert_eq!(fragments.waiting(), 0, "a minute has passed");
    }
}
