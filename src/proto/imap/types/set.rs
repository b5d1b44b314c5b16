//! Sets of sequence numbers or UIDs: "sequence-set" (RFC 9051 §9).

use std::fmt;

/// One number or range of a set. `None` is `*`, the largest number in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// One end, as written: "2:4 and 4:2 are equivalent".
    pub start: Option<u32>,
    /// The other end; equal to `start` for a single number.
    pub end: Option<u32>,
}

impl SeqRange {
    /// Lowest and highest number it means where `*` is `largest`. A wild range in an empty mailbox gives `largest`.
    pub fn resolve(self, largest: u32) -> (u32, u32) {
        let (a, b) = (self.start.unwrap_or(largest), self.end.unwrap_or(largest));
        (a.min(b), a.max(b))
    }
}

/// A set of sequence numbers or UIDs, in the order written; never expanded, so `1:4294967295` costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceSet {
    /// Its ranges; empty for `$`.
    pub ranges: Vec<SeqRange>,
    /// `$`: the saved result of the last SEARCH (RFC 5182).
    pub saved: bool,
}

impl SequenceSet {
    /// The set of one number.
    pub fn one(number: u32) -> Self {
        SequenceSet::range(number, Some(number))
    }

    /// The set `from:to`; `None` for `from:*`.
    pub fn range(from: u32, to: Option<u32>) -> Self {
        SequenceSet { ranges: vec![SeqRange { start: Some(from), end: to }], saved: false }
    }

    /// The set of these numbers, neighbours joined to ranges in the order given.
    pub fn of(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut ranges: Vec<SeqRange> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some(last) if last.end.and_then(|e| e.checked_add(1)) == Some(number) => {
                    last.end = Some(number);
                }
                _ => ranges.push(SeqRange { start: Some(number), end: Some(number) }),
            }
        }
        SequenceSet { ranges, saved: false }
    }

    /// Whether `number` is in the set where `*` is `largest`. (`$` holds nothing here: the session knows it.)
    pub fn contains(&self, number: u32, largest: u32) -> bool {
        self.ranges.iter().any(|range| {
            let (low, high) = range.resolve(largest);
            (low..=high).contains(&number)
        })
    }

    /// Its ranges as lowest and highest, sorted, overlaps joined, where `*` is `largest`.
    pub fn normalized(&self, largest: u32) -> Vec<(u32, u32)> {
        let mut all: Vec<(u32, u32)> = self.ranges.iter().map(|r| r.resolve(largest)).collect();
        all.sort_unstable();
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match out.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        out
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.saved {
            return f.write_str("$");
        }
        for (i, range) in self.ranges.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            number_or_star(f, range.start)?;
            if range.start != range.end {
                f.write_str(":")?;
                number_or_star(f, range.end)?;
            }
        }
        Ok(())
    }
}

fn number_or_star(f: &mut fmt::Formatter<'_>, number: Option<u32>) -> fmt::Result {
    match number {
        Some(number) => write!(f, "{number}"),
        None => f.write_str("*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_as_the_rfc_says() {
        // RFC 9051 §9: "2:4 and 4:2 are equivalent"; "*" is the largest number in use, also in "7:*" of five messages.
        let set = |ranges: &[(Option<u32>, Option<u32>)]| SequenceSet {
            ranges: ranges.iter().map(|&(start, end)| SeqRange { start, end }).collect(),
            saved: false,
        };
        let wild = set(&[(Some(7), None), (Some(2), Some(1)), (Some(3), Some(3))]);
        assert_eq!((wild.normalized(5), wild.to_string()), (vec![(1, 3), (5, 7)], "7:*,2:1,3".to_owned()));
        assert!(wild.contains(5, 5) && !wild.contains(4, 5));
        assert_eq!(SequenceSet::of([1, 2, 3, 7, 9, 10]).to_string(), "1:3,7,9:10");
        assert_eq!(SequenceSet::range(1, Some(u32::MAX)).normalized(3), [(1, u32::MAX)]);
    }
}
