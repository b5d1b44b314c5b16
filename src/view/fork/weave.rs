//! An edit of what was on the wire, as changes to what the machine sends.
//!
//! A change counts in the machine's own stream, and the wire may hold edits already: a fork of a fork. So a place on the
//! wire is counted back, and an edit that touches earlier ones takes them in.

use crate::trace::{Change, Conn, Direction};
use std::ops::Range;

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The connection.
    pub conn: Conn,
    /// Whose bytes.
    pub side: Direction,
}

/// An earlier edit, where it lies.
struct Earlier {
    /// Its place among the changes.
    index: usize,
    /// What it takes from the machine's stream.
    own: Range<u64>,
    /// What it put on the wire instead.
    wire: Range<u64>,
    bytes: Vec<u8>,
}

impl Stream {
    /// `changes` and one more: the stretch `range` of the wire is `bytes` instead.
    pub fn replace(self, changes: &[Change], range: Range<u64>, bytes: &[u8]) -> Vec<Change> {
        let earlier = self.earlier(changes);
        let (from, to) = (range.start, range.end.max(range.start));
        let touches = |e: &&Earlier| match e.wire.is_empty() {
            // What was taken out leaves no byte on the wire to be touched, unless it lies inside.
            true => from < e.wire.start && e.wire.start < to,
            false => from < e.wire.end && e.wire.start < to,
        };
        let taken: Vec<&Earlier> = earlier.iter().filter(touches).collect();
        let mut whole = bytes.to_vec();
        let (mut start, mut end) = (own_place(&earlier, from), own_place(&earlier, to));
        if let Some(first) = taken.first().filter(|e| e.wire.start <= from) {
            whole.splice(0..0, first.bytes[..part(from - first.wire.start, &first.bytes)].iter().copied());
            start = first.own.start;
        }
        if let Some(last) = taken.last().filter(|e| to <= e.wire.end) {
            whole.extend_from_slice(&last.bytes[part(to - last.wire.start, &last.bytes)..]);
            end = last.own.end;
        }
        let change = Change::replace(self.conn, self.side, start, end.saturating_sub(start), &whole);
        let gone: Vec<usize> = taken.iter().map(|e| e.index).collect();
        self.insert(changes, &earlier, from, &gone, change)
    }

    /// `changes` and one more: the connection is broken off at this place of the wire.
    pub fn cut(self, changes: &[Change], at: u64) -> Vec<Change> {
        let earlier = self.earlier(changes);
        if let Some(inside) = earlier.iter().find(|e| e.wire.start < at && at < e.wire.end) {
            // In the middle of what was put in: less is put in, and the cut stands behind it.
            let less = &inside.bytes[..part(at - inside.wire.start, &inside.bytes)];
            let length = inside.own.end - inside.own.start;
            let mut changes = changes.to_vec();
            changes[inside.index] = Change::replace(self.conn, self.side, inside.own.start, length, less);
            let (conn, side, offset) = (self.conn, self.side, inside.own.end);
            changes.push(Change::Cut { conn, side, offset, instead: false });
            return changes;
        }
        // In place of what comes there: before the machine goes on, nothing is otherwise.
        let (conn, side, offset) = (self.conn, self.side, own_place(&earlier, at));
        let change = Change::Cut { conn, side, offset, instead: true };
        self.insert(changes, &earlier, at, &[], change)
    }

    /// The edits of this stream, in the order of the wire.
    fn earlier(self, changes: &[Change]) -> Vec<Earlier> {
        let mut edits: Vec<(usize, u64, u64, Vec<u8>)> = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            if let Change::Replace { conn, side, offset, length, .. } = change
                && (*conn, *side) == (self.conn, self.side)
            {
                edits.push((index, *offset, *length, change.bytes().unwrap_or_default()));
            }
        }
        edits.sort_by_key(|(_, offset, ..)| *offset);
        let (mut wire, mut own) = (0_u64, 0_u64);
        let mut earlier = Vec::with_capacity(edits.len());
        for (index, offset, length, bytes) in edits {
            wire += offset.saturating_sub(own);
            let end = wire + bytes.len() as u64;
            earlier.push(Earlier { index, own: offset..offset + length, wire: wire..end, bytes });
            (wire, own) = (end, own.max(offset + length));
        }
        earlier
    }

    /// In front of the edits that lie behind it on the wire: at one offset, the first change speaks first.
    fn insert(
        self,
        changes: &[Change],
        earlier: &[Earlier],
        at: u64,
        gone: &[usize],
        change: Change,
    ) -> Vec<Change> {
        let behind = earlier.iter().filter(|e| !gone.contains(&e.index) && at <= e.wire.start);
        let place = behind.filter(|e| !e.wire.is_empty() || at < e.wire.start).map(|e| e.index).min();
        let mut out = Vec::with_capacity(changes.len() + 1);
        let mut change = Some(change);
        for (index, old) in changes.iter().enumerate() {
            if place == Some(index) {
                out.extend(change.take());
            }
            if !gone.contains(&index) {
                out.push(old.clone());
            }
        }
        out.extend(change);
        out
    }
}

/// How many of these bytes stand before a place that counts from their beginning.
fn part(count: u64, bytes: &[u8]) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len())
}

/// A place of the wire that lies in no edit, in the machine's own stream.
fn own_place(earlier: &[Earlier], wire: u64) -> u64 {
    match earlier.iter().rev().find(|e| e.wire.end <= wire) {
        Some(before) => before.own.end + (wire - before.wire.end),
        None => earlier.first().map_or(wire, |first| wire.min(first.own.start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: Stream = Stream { conn: Conn(4), side: Direction::Client };

    /// What the changes make of a machine's bytes, told by the format alone (the world's own reading of it is held to
    /// the same in `tests/whatif.rs`).
    fn wire(own: &[u8], changes: &[Change]) -> Vec<u8> {
        let mut edits: Vec<(u64, u64, Option<Vec<u8>>)> = Vec::new();
        for change in changes {
            match change {
                Change::Replace { offset, length, .. } => edits.push((*offset, *length, change.bytes())),
                Change::Cut { offset, .. } => edits.push((*offset, 0, None)),
                _ => {}
            }
        }
        edits.sort_by_key(|edit| edit.0);
        let mut out = Vec::new();
        let mut at = 0;
        for (offset, length, bytes) in edits {
            let offset = usize::try_from(offset).expect("small");
            out.extend_from_slice(
                &own[at.min(own.len())..offset.clamp(at, own.len().max(at)).min(own.len())],
            );
            match bytes {
                Some(bytes) => out.extend(bytes),
                None => return out,
            }
            at = at.max(offset + usize::try_from(length).expect("small"));
        }
        out.extend_from_slice(own.get(at..).unwrap_or_default());
        out
    }

    #[test]
    fn a_line_edited_twice_is_one_edit() {
        let own = b"HELO a\r\nMAIL\r\nQUIT\r\n";
        let once = HERE.replace(&[], 8..14, b"NOOP twice\r\n");
        assert_eq!(wire(own, &once), b"HELO a\r\nNOOP twice\r\nQUIT\r\n");
        let twice = HERE.replace(&once, 8..20, b"RSET\r\n");
        assert_eq!(wire(own, &twice), b"HELO a\r\nRSET\r\nQUIT\r\n");
        assert_eq!(twice.len(), 1);
        let after = HERE.replace(&twice, 14..20, b"VRFY x\r\n");
        assert_eq!(wire(own, &after), b"HELO a\r\nRSET\r\nVRFY x\r\n");
        assert_eq!(after.len(), 2);
    }

    #[test]
    fn a_cut_lies_where_it_was_put() {
        let own = b"HELO a\r\nMAIL\r\n";
        let edited = HERE.replace(&[], 8..14, b"NOOP twice\r\n");
        assert_eq!(wire(own, &HERE.cut(&edited, 8)), b"HELO a\r\n");
        assert_eq!(wire(own, &HERE.cut(&edited, 12)), b"HELO a\r\nNOOP");
        assert_eq!(wire(own, &HERE.cut(&edited, 20)), b"HELO a\r\nNOOP twice\r\n");
    }

    #[test]
    fn other_streams_are_left_alone() {
        let other = Stream { conn: Conn(5), ..HERE };
        let theirs = other.replace(&[], 0..4, b"x");
        let both = HERE.replace(&theirs, 0..4, b"y");
        assert_eq!(both.len(), 2);
        assert!(both.contains(&theirs[0]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

        /// Edits of the wire, one after the other, give what somebody who edits the wire itself would have.
        #[test]
        fn edits_of_edits_are_edits_of_the_wire(
            steps in proptest::collection::vec((0_usize..40, 0_usize..12, "[a-f]{0,6}"), 1..6),
        ) {
            let own = b"EHLO me|MAIL FROM|RCPT TO|DATA|QUIT|";
            let (mut want, mut changes) = (own.to_vec(), Vec::new());
            for (from, len, text) in steps {
                let from = from.min(want.len());
                let to = (from + len).min(want.len());
                want.splice(from..to, text.bytes());
                changes = HERE.replace(&changes, from as u64..to as u64, text.as_bytes());
                prop_assert_eq!(
                    String::from_utf8(wire(own, &changes)).expect("text"),
                    String::from_utf8(want.clone()).expect("text"),
                    "{:?}", changes
                );
            }
        }
    }
}
