//! [`StoryIndex`]: a story that can be entered anywhere, forward and back, however long it is.
//!
//! It stands beside [`Story`]: a `Story` tells once, from the first record to the last; an index remembers where it can
//! begin again. A *row* is one [`Item`], numbered from 0 in the order of the telling.

use super::{Item, Story};
use crate::state::State;
use crate::trace::{Conn, Opened, Record};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

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
    /// A Step in which a server says no, or a connection fails.
    pub const REFUSAL: RowKinds = RowKinds(8);
    /// A Step with a finding.
    pub const FINDING: RowKinds = RowKinds(16);
    /// A fact.
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
        use crate::dissect::{Kind, Meaning, Verdict};
        use crate::trace::CloseHow;
        let Item::Step(step, _) = item else {
            return match item {
                Item::Chapter(_) => RowKinds::CHAPTER,
                Item::Fact { .. } => RowKinds::FACT,
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

/// How far the reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether everything is read that there is, or will be.
    pub done: bool,
    /// Bytes, or records, that were read.
    pub read: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
}

/// See the head of this file.
pub struct StoryIndex {
    records: Arc<[Record]>,
    items: Vec<(usize, Item)>,
    opens: BTreeMap<Conn, Opened>,
}

impl StoryIndex {
    /// The index of records that are all there. The first one is the head.
    pub fn of_records(records: Arc<[Record]>) -> Self {
        let mut items = Vec::new();
        let mut opens = BTreeMap::new();
        if let Some(Record::Head(head)) = records.first() {
            let mut story = Story::new(head);
            for (index, record) in records.iter().enumerate() {
                if let Record::Open { open, .. } = record {
                    opens.insert(open.conn, open.clone());
                }
                items.extend(story.push(index, record).into_iter().map(|item| (index, item)));
            }
            items.extend(story.finish().into_iter().map(|item| (records.len(), item)));
        }
        StoryIndex { records, items, opens }
    }

    /// Rows that are known so far.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How far the reading has come: never waits.
    pub fn progress(&self) -> Progress {
        let all = self.records.len() as u64;
        Progress { done: true, read: all, of: Some(all) }
    }

    /// The rows of `range`, as far as they are known.
    pub fn rows(&mut self, range: Range<usize>) -> Vec<Item> {
        let end = range.end.min(self.items.len());
        let rows = self.items.get(range.start.min(end)..end).unwrap_or_default();
        rows.iter().map(|(_, item)| item.clone()).collect()
    }

    /// What a row is, where it is known.
    pub fn kinds(&self, row: usize) -> RowKinds {
        self.items.get(row).map_or_else(RowKinds::default, |(_, item)| RowKinds::of(item))
    }

    /// The next row after `row` (before it, where `back`) that is one of `kinds`.
    pub fn next(&self, row: usize, kinds: RowKinds, back: bool) -> Option<usize> {
        let holds = |at: &usize| self.kinds(*at).any(kinds);
        if back { (0..row.min(self.len())).rev().find(holds) } else { (row + 1..self.len()).find(holds) }
    }

    /// The row of the Step of this number (from 1), where it is known.
    pub fn row_of_step(&self, number: usize) -> Option<usize> {
        self.items.iter().position(|(_, item)| matches!(item, Item::Step(step, _) if step.number == number))
    }

    /// What holds after this row.
    pub fn state_after(&mut self, row: usize) -> State {
        let Some(Record::Head(head)) = self.records.first() else { return State::default() };
        let mut story = Story::new(head);
        let mut count = 0;
        for (index, record) in self.records.iter().enumerate() {
            count += story.push(index, record).len();
            if count > row {
                break;
            }
        }
        story.state().clone()
    }

    /// Connections that are known so far, and between whom they are.
    pub fn opens(&self) -> &BTreeMap<Conn, Opened> {
        &self.opens
    }
}
