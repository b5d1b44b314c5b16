//! [`Shelf`]: a sorted map whose copies share what they have in common.
//!
//! It stands below everything that is checkpointed (state, readers, context): entries lie in short boards, a copy
//! takes the boards along, and only a board that is written to afterwards is made anew. So a copy of ten thousand
//! messages costs some hundred counters, and a change after it some dozen entries.

use serde::{Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

/// Entries of a full board.
const BOARD: usize = 64;

type Board<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map, cheap to copy. Looking up costs as in any sorted map; a copy costs one counter per 32 to 64 entries.
#[derive(Clone)]
pub struct Shelf<K, V> {
    /// None is empty, and keys grow from board to board.
    boards: Vec<Board<K, V>>,
    len: usize,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Shelf { boards: Vec::new(), len: 0 }
    }
}

impl<K, V> Shelf<K, V> {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its entries, in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { boards: self.boards.iter(), front: [].iter(), back: [].iter() }
    }

    /// Its keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Its values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entry of the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry of the largest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }
}

impl<K: Ord, V> Shelf<K, V> {
    /// The board where `key` is or belongs; past the end only where there is none.
    fn board<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let after =
            self.boards.partition_point(|board| board.first().is_some_and(|(k, _)| k.borrow() <= key));
        after.saturating_sub(1)
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(usize, usize)>
    where
        K: Borrow<Q>,
    {
        let board = self.board(key);
        let at = self.boards.get(board)?.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
        Some((board, at))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (board, at) = self.place(key)?;
        self.boards.get(board)?.get(at).map(|(_, value)| value)
    }

    /// The entries of these keys, in order.
    pub fn range<R: RangeBounds<K>>(&self, keys: R) -> impl Iterator<Item = (&K, &V)> {
        let before = |key: &K| match keys.start_bound() {
            Bound::Included(first) => key < first,
            Bound::Excluded(first) => key <= first,
            Bound::Unbounded => false,
        };
        let board = self.boards.partition_point(|board| board.last().is_some_and(|(key, _)| before(key)));
        let boards = self.boards.get(board..).unwrap_or_default();
        let at = boards.first().map_or(0, |board| board.partition_point(|(key, _)| before(key)));
        let entries = Iter { boards: boards.iter(), front: [].iter(), back: [].iter() }.skip(at);
        entries.take_while(move |(key, _)| match keys.end_bound() {
            Bound::Included(last) => *key <= last,
            Bound::Excluded(end) => *key < end,
            Bound::Unbounded => true,
        })
    }

    /// Whether it has that key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_some()
    }
}

impl<K: Ord, V: PartialEq> Shelf<K, V> {
    /// Entries that `other` lacks, or has with another value, in order. Boards that both share are passed over unseen, so
    /// that two copies are compared at the cost of what differs.
    pub fn unlike<'a, 'b>(
        &'a self,
        other: &'b Self,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, 'b, K, V> {
        let mut at = 0;
        let is_own = move |board: &&'a Board<K, V>| {
            let Some((first, _)) = board.first() else { return false };
            while other.boards.get(at).and_then(|b| b.last()).is_some_and(|(last, _)| last < first) {
                at += 1;
            }
            !other.boards.get(at).is_some_and(|theirs| Arc::ptr_eq(theirs, board))
        };
        let entries = self.boards.iter().filter(is_own).flat_map(|board| board.iter());
        entries.filter(|(key, value)| other.get(key) != Some(value)).map(|(key, value)| (key, value))
    }
}

impl<K: Ord + Clone, V: Clone> Shelf<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (board, at) = self.place(key)?;
        Arc::make_mut(self.boards.get_mut(board)?).get_mut(at).map(|(_, value)| value)
    }

    /// Put a value; gives the one that was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let board = self.board(&key);
        let last = board + 1 >= self.boards.len();
        let Some(entries) = self.boards.get_mut(board) else {
            self.boards.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => {
                let slot = Arc::make_mut(entries).get_mut(at)?;
                return Some(std::mem::replace(&mut slot.1, value));
            }
            // What only grows at its end fills each board.
            Err(at) if last && at == entries.len() && at >= BOARD => {
                let mut fresh = Vec::with_capacity(BOARD);
                fresh.push((key, value));
                self.boards.push(Arc::new(fresh));
            }
            Err(at) => {
                let entries = Arc::make_mut(entries);
                entries.insert(at, (key, value));
                if entries.len() > BOARD {
                    let rest = entries.split_off(BOARD / 2);
                    self.boards.insert(board + 1, Arc::new(rest));
                }
            }
        }
        self.len += 1;
        None
    }

    /// Take a key out; gives its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (board, at) = self.place(key)?;
        let entries = Arc::make_mut(self.boards.get_mut(board)?);
        let (_, value) = entries.remove(at);
        if entries.is_empty() {
            self.boards.remove(board);
        }
        self.len -= 1;
        Some(value)
    }

    /// Take the smallest key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.first_key_value()?.0.clone();
        let value = self.remove(&key)?;
        Some((key, value))
    }

    /// The value of a key, put there by `make` where there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let (board, at) = match self.place(&key) {
            Some(place) => place,
            None => {
                self.insert(key.clone(), make());
                self.place(&key).unwrap_or_default()
            }
        };
        // It has just been found there.
        &mut Arc::make_mut(&mut self.boards[board])[at].1
    }
}

/// The entries of a [`Shelf`], in order.
pub struct Iter<'a, K, V> {
    boards: std::slice::Iter<'a, Board<K, V>>,
    front: std::slice::Iter<'a, (K, V)>,
    back: std::slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.boards.next() {
                Some(board) => self.front = board.iter(),
                None => return self.back.next().map(|(key, value)| (key, value)),
            }
        }
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.boards.next_back() {
                Some(board) => self.back = board.iter(),
                None => return self.front.next_back().map(|(key, value)| (key, value)),
            }
        }
    }
}

impl<'a, K, V> IntoIterator for &'a Shelf<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Shelf<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut shelf = Shelf::new();
        for (key, value) in entries {
            shelf.insert(key, value);
        }
        shelf
    }
}

impl<K: Ord + Clone, V: Clone, const N: usize> From<[(K, V); N]> for Shelf<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> std::ops::Index<&Q> for Shelf<K, V> {
    type Output = V;

    /// The value of a key that is there, as of a `BTreeMap`: for tests.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is there")
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Shelf<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Shelf<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Shelf<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_does_what_a_sorted_map_does_and_a_copy_stays_as_it_was() {
        let mut random = fastrand::Rng::with_seed(5);
        let (mut shelf, mut map) = (Shelf::new(), BTreeMap::new());
        let mut copies = Vec::new();
        for turn in 0..20_000u32 {
            let key = random.u32(..if turn < 10_000 { 3000 } else { 300 });
            match random.u8(..5) {
                0 | 1 => assert_eq!(shelf.insert(key, turn), map.insert(key, turn)),
                2 => assert_eq!(shelf.remove(&key), map.remove(&key)),
                3 if turn % 50 == 0 => assert_eq!(shelf.pop_first(), map.pop_first()),
                _ => {
                    if let (Some(ours), Some(theirs)) = (shelf.get_mut(&key), map.get_mut(&key)) {
                        (*ours, *theirs) = (turn, turn);
                    }
                }
            }
            assert_eq!((shelf.get(&key), shelf.len()), (map.get(&key), map.len()));
            if turn % 2000 == 0 {
                copies.push((shelf.clone(), map.clone()));
            }
        }
        copies.push((shelf, map));
        for (shelf, map) in &copies {
            assert!(shelf.iter().eq(map.iter()) && shelf.iter().rev().eq(map.iter().rev()));
            for first in (0..3000).step_by(97) {
                let bounds = (Bound::Excluded(first), Bound::Included(first + 200));
                assert!(shelf.range(bounds).eq(map.range(bounds)));
            }
            assert!(shelf.boards.iter().all(|board| (1..=BOARD).contains(&board.len())));
            for (other, theirs) in &copies {
                let unlike = map.iter().filter(|(key, value)| theirs.get(key) != Some(value));
                assert!(shelf.unlike(other).eq(unlike));
            }
        }
    }

    #[test]
    fn from_both_ends_each_entry_comes_once() {
        let shelf: Shelf<_, _> = (0..200).map(|n| (n, n)).collect();
        let mut entries = shelf.iter();
        let mut seen = Vec::new();
        while let Some((key, _)) = if seen.len() % 3 == 0 { entries.next_back() } else { entries.next() } {
            seen.push(*key);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn what_grows_at_its_end_fills_its_boards() {
        let shelf: Shelf<_, _> = (0..6400).map(|n| (n, ())).collect();
        assert_eq!(shelf.boards.len(), 100);
        let mut copy = shelf.clone();
        copy.insert(17, ());
        let shared = copy.boards.iter().zip(&shelf.boards).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, 99);
    }
}
