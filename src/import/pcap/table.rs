//! [`Table`]: the connections that are being followed, found by their ends, the longest silent one first to go.
//!
//! Memory stays bounded however many connections a capture has. Three queues: connections that are open, those that
//! are over (they still meet late repetitions), and exchanges of datagrams.

use crate::base::hash::Quick;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// No place in the table.
const NOWHERE: u32 = u32::MAX;

/// Both ends, in an order that does not depend on who speaks, and what carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: (u128, u16),
    high: (u128, u16),
    kind: u8,
}

impl Key {
    /// The key of what goes between these two, as datagrams or not.
    pub fn new(from: SocketAddr, to: SocketAddr, datagrams: bool) -> Self {
        let end = |end: SocketAddr| match end.ip() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), end.port()),
            IpAddr::V6(address) => (address.to_bits(), end.port()),
        };
        let (from_end, to_end) = (end(from), end(to));
        let (low, high) = if from_end <= to_end { (from_end, to_end) } else { (to_end, from_end) };
        Key { low, high, kind: u8::from(datagrams) | u8::from(from.is_ipv6()) << 1 }
    }
}

/// Which queue an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Connections that are open.
    Open,
    /// Connections that are over.
    Over,
    /// Exchanges of datagrams.
    Datagrams,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    /// The one that is silent longest.
    first: u32,
    last: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    key: Key,
    value: Option<T>,
    queue: Queue,
    before: u32,
    after: u32,
}

/// What is followed.
#[derive(Debug)]
pub(super) struct Table<T> {
    index: HashMap<Key, u32, Quick>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    queues: [Ends; 3],
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let queues = [Ends { first: NOWHERE, last: NOWHERE, len: 0 }; 3];
        Table { index: HashMap::default(), slots: Vec::new(), free: Vec::new(), queues }
    }
}

impl<T> Table<T> {
    /// The entry of that key, which becomes the last one to go.
    pub fn get(&mut self, key: &Key) -> Option<&mut T> {
        let at = *self.index.get(key)?;
        let Slot { queue, after, .. } = self.slots.get(at as usize)?;
        let (queue, after) = (*queue, *after);
        if after != NOWHERE {
            self.unlink(at);
            self.link(at, queue);
        }
        self.slots.get_mut(at as usize)?.value.as_mut()
    }

    /// A new entry; one of the same key is replaced.
    pub fn insert(&mut self, key: Key, value: T, queue: Queue) {
        self.remove(&key);
        let slot = Slot { key, value: Some(value), queue, before: NOWHERE, after: NOWHERE };
        let at = match self.free.pop() {
            Some(at) => at,
            None => u32::try_from(self.slots.len()).unwrap_or(NOWHERE),
        };
        match self.slots.get_mut(at as usize) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.index.insert(key, at);
        self.link(at, queue);
    }

    /// Put an entry into another queue.
    pub fn turn_over(&mut self, key: &Key, queue: Queue) {
        if let Some(&at) = self.index.get(key)
            && self.slots.get(at as usize).is_some_and(|slot| slot.queue != queue)
        {
            self.unlink(at);
            self.link(at, queue);
        }
    }

    /// Take an entry out.
    pub fn remove(&mut self, key: &Key) -> Option<T> {
        let at = self.index.remove(key)?;
        self.unlink(at);
        self.free.push(at);
        self.slots.get_mut(at as usize)?.value.take()
    }

    /// Take out the entry of a queue that is silent longest, if there are more than `most`.
    pub fn let_go(&mut self, queue: Queue, most: usize) -> Option<T> {
        let ends = self.queues.get(queue as usize)?;
        if ends.len <= most {
            return None;
        }
        let key = self.slots.get(ends.first as usize)?.key;
        self.remove(&key)
    }

    /// All entries, in no order that means anything.
    pub fn drain(&mut self) -> Vec<T> {
        let slots = std::mem::take(&mut self.slots);
        *self = Table::default();
        slots.into_iter().filter_map(|slot| slot.value).collect()
    }

    fn unlink(&mut self, at: u32) {
        let Some(slot) = self.slots.get(at as usize) else { return };
        let (before, after, queue) = (slot.before, slot.after, slot.queue);
        if let Some(slot) = self.slots.get_mut(before as usize) {
            slot.after = after;
        }
        if let Some(slot) = self.slots.get_mut(after as usize) {
            slot.before = before;
        }
        let ends = &mut self.queues[queue as usize];
        ends.len = ends.len.saturating_sub(1);
        if ends.first == at {
            ends.first = after;
        }
        if ends.last == at {
            ends.last = before;
        }
    }

    fn link(&mut self, at: u32, queue: Queue) {
        let ends = &mut self.queues[queue as usize];
        let last = std::mem::replace(&mut ends.last, at);
        ends.len += 1;
        if last == NOWHERE {
            ends.first = at;
        }
        if let Some(slot) = self.slots.get_mut(last as usize) {
            slot.after = at;
        }
        if let Some(slot) = self.slots.get_mut(at as usize) {
            (slot.queue, slot.before, slot.after) = (queue, last, NOWHERE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> Key {
        Key::new(SocketAddr::from(([192, 0, 2, 1], port)), SocketAddr::from(([192, 0, 2, 2], 25)), false)
    }

    #[test]
    fn both_directions_have_one_key() {
        let (a, b) = (SocketAddr::from(([192, 0, 2, 1], 4000)), SocketAddr::from(([192, 0, 2, 1], 25)));
        assert_eq!(Key::new(a, b, false), Key::new(b, a, false));
        assert_ne!(Key::new(a, b, false), Key::new(a, b, true));
    }

    #[test]
    fn the_longest_silent_goes_first() {
        let mut table = Table::default();
        for port in 0..5 {
            table.insert(key(port), port, Queue::Open);
        }
        assert_eq!(table.get(&key(0)), Some(&mut 0));
        table.turn_over(&key(3), Queue::Over);
        assert_eq!(table.remove(&key(4)), Some(4));
        assert_eq!(table.let_go(Queue::Open, 3), None);
        let gone: Vec<_> = std::iter::from_fn(|| table.let_go(Queue::Open, 0)).collect();
        assert_eq!(gone, [1, 2, 0]);
        table.insert(key(9), 9, Queue::Datagrams);
        table.insert(key(9), 10, Queue::Datagrams);
        let mut left = table.drain();
        left.sort_unstable();
        assert_eq!(left, [3, 10]);
        assert_eq!(table.get(&key(9)), None);
        assert_eq!(table.let_go(Queue::Over, 0), None);
    }
}
