//! [`RowKinds`]: what a row is, in a byte; and [`Kinds`]: the bytes of all rows, quick to leap over.

use crate::dissect::{Kind, Meaning, Verdict};
use crate::explain::Item;
use crate::trace::CloseHow;

/// What a row is, for those who jump: several may hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowKinds(u8);

impl RowKinds {
    /// A chapter begins.
    pub const CHAPTER: RowKinds = RowKinds(1);
    /// A Step.
    pub const STEP: RowKinds = RowKinds(2);
    /// A Step that is a client's command.
    pub const COMMAND: RowKinds = RowKinds(4);
    /// A Step in which a server says no, or a connection fails; and what came of a connection, where it is no.
    pub const REFUSAL: RowKinds = RowKinds(8);
    /// A Step with a finding.
    pub const FINDING: RowKinds = RowKinds(16);
    /// A fact, or what came of a connection.
    pub const FACT: RowKinds = RowKinds(32);
    /// A person's mark.
    pub const MARK: RowKinds = RowKinds(64);

    /// Whether one of `kinds` holds.
    pub fn any(self, kinds: RowKinds) -> bool {
        self.0 & kinds.0 != 0
    }

    /// Both.
    #[must_use]
    pub fn and(self, kinds: RowKinds) -> RowKinds {
        RowKinds(self.0 | kinds.0)
    }

    /// What this item is.
    pub fn of(item: &Item) -> RowKinds {
        let Item::Step(step, _) = item else {
            return match item {
                Item::Chapter(_) => RowKinds::CHAPTER,
                Item::Fact { .. } => RowKinds::FACT,
                Item::Outcome(outcome) if outcome.is_undelivered() => RowKinds::FACT.and(RowKinds::REFUSAL),
                Item::Outcome(_) => RowKinds::FACT,
                _ => RowKinds::MARK,
            };
        };
        let failed = matches!(step.verdict, Some(Verdict::Transient | Verdict::Negative))
            || matches!(
                step.meaning,
                Meaning::Close(CloseHow::Refused | CloseHow::Reset | CloseHow::Timeout)
            );
        let mut kinds = RowKinds::STEP;
        for (holds, kind) in [
            (step.kind == Kind::Command, RowKinds::COMMAND),
            (failed, RowKinds::REFUSAL),
            (!step.findings.is_empty(), RowKinds::FINDING),
        ] {
            if holds {
                kinds = kinds.and(kind);
            }
        }
        kinds
    }
}

/// Rows of one block.
const BLOCK: usize = 4096;

/// So many rows, with what is known of them together.
struct Block {
    rows: Vec<RowKinds>,
    /// What at least one of them is.
    all: RowKinds,
    /// Steps in the blocks before.
    steps_before: usize,
}

/// The kinds of all rows: a byte each.
#[derive(Default)]
pub(super) struct Kinds {
    blocks: Vec<Block>,
    len: usize,
    steps: usize,
}

impl Kinds {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The next row.
    pub fn push(&mut self, kinds: RowKinds) {
        if self.len.is_multiple_of(BLOCK) {
            let rows = Vec::new();
            self.blocks.push(Block { rows, all: RowKinds::default(), steps_before: self.steps });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.rows.push(kinds);
            block.all = block.all.and(kinds);
        }
        self.len += 1;
        self.steps += usize::from(kinds.any(RowKinds::STEP));
    }

    /// What a row is; nothing where it is not known.
    pub fn get(&self, row: usize) -> RowKinds {
        let block = self.blocks.get(row / BLOCK);
        block.and_then(|block| block.rows.get(row % BLOCK)).copied().unwrap_or_default()
    }

    /// The first row at or after `from` that is one of `kinds`.
    pub fn first_from(&self, from: usize, kinds: RowKinds) -> Option<usize> {
        let mut skip = from % BLOCK;
        for (at, block) in self.blocks.iter().enumerate().skip(from / BLOCK) {
            let rows = block.rows.get(skip..).filter(|_| block.all.any(kinds)).unwrap_or_default();
            if let Some(found) = rows.iter().position(|row| row.any(kinds)) {
                return Some(at * BLOCK + skip + found);
            }
            skip = 0;
        }
        None
    }

    /// The last row before `before` that is one of `kinds`.
    pub fn last_before(&self, before: usize, kinds: RowKinds) -> Option<usize> {
        let before = before.min(self.len);
        let mut end = before % BLOCK;
        for at in (0..=before / BLOCK).rev() {
            let block = self.blocks.get(at);
            let rows = block.filter(|block| block.all.any(kinds)).and_then(|block| block.rows.get(..end));
            if let Some(found) = rows.and_then(|rows| rows.iter().rposition(|row| row.any(kinds))) {
                return Some(at * BLOCK + found);
            }
            end = BLOCK;
        }
        None
    }

    /// The row of the Step of this number, from 1.
    pub fn row_of_step(&self, number: usize) -> Option<usize> {
        let before = number.checked_sub(1)?;
        let at = self.blocks.partition_point(|block| block.steps_before <= before).checked_sub(1)?;
        let block = self.blocks.get(at)?;
        let mut steps = block.rows.iter().enumerate().filter(|(_, row)| row.any(RowKinds::STEP));
        steps.nth(before - block.steps_before).map(|(row, _)| at * BLOCK + row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaps_find_what_a_plain_scan_finds() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut kinds, mut plain) = (Kinds::default(), Vec::new());
        for row in 0..20_000usize {
            let rare = row % 7001 == 7000;
            let kind = match random.u8(..8) {
                _ if rare => RowKinds::MARK,
                0 => RowKinds::FACT,
                1 => RowKinds::STEP.and(RowKinds::FINDING),
                _ => RowKinds::STEP,
            };
            kinds.push(kind);
            plain.push(kind);
        }
        for _ in 0..300 {
            let row = random.usize(..20_100);
            for wanted in [RowKinds::MARK, RowKinds::FINDING, RowKinds::CHAPTER] {
                let after = (row..plain.len()).find(|at| plain[*at].any(wanted));
                assert_eq!(kinds.first_from(row, wanted), after, "from {row}");
                let before = (0..row.min(plain.len())).rev().find(|at| plain[*at].any(wanted));
                assert_eq!(kinds.last_before(row, wanted), before, "before {row}");
            }
        }
        let steps: Vec<usize> = (0..plain.len()).filter(|at| plain[*at].any(RowKinds::STEP)).collect();
        for number in 0..steps.len() + 2 {
            let want = number.checked_sub(1).and_then(|n| steps.get(n)).copied();
            assert_eq!(kinds.row_of_step(number), want);
        }
    }
}
