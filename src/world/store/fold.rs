//! An index folded: its lines, one after the other, give each mailbox as it stands.

use super::index::{BoxLine, Index, Line, MessageLine};
use crate::world::mailboxes::delta::{BoxHead, BoxState};
use std::collections::{BTreeMap, BTreeSet};

/// A mailbox as its lines say it.
#[derive(Clone, Debug, Default)]
pub struct FoldedBox {
    /// Its last line.
    pub line: BoxLine,
    /// Its keywords.
    pub keywords: Vec<String>,
    /// Its messages by UID, as the last line of each says.
    pub messages: BTreeMap<u32, MessageLine>,
    /// What was removed: modification sequence and UID.
    pub removed: BTreeMap<u64, u32>,
    /// Files of what was removed: none of them may be there.
    pub gone: BTreeSet<String>,
}

/// An account as its index says it.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// UIDVALIDITY of the next mailbox.
    pub next: u32,
    /// Mailboxes by UIDVALIDITY.
    pub boxes: BTreeMap<u32, FoldedBox>,
    /// Folders of deleted mailboxes.
    pub deleted: BTreeSet<String>,
    /// Names subscribed to.
    pub subscribed: BTreeSet<String>,
}

impl FoldedBox {
    /// The mailbox without its messages.
    pub fn state(&self) -> BoxState {
        let BoxLine { uidvalidity, name, special_use, uidnext, highest, recent_from, forgotten, .. } =
            self.line.clone();
        let special_use = (!special_use.is_empty()).then_some(special_use);
        let keywords = self.keywords.clone();
        let head = BoxHead { uidvalidity, special_use, uidnext, highest, recent_from, forgotten, keywords };
        let removed = self.removed.iter().map(|(modseq, uid)| (*modseq, *uid)).collect();
        BoxState { name, head, messages: Vec::new(), removed }
    }
}

impl Folded {
    /// Fold an index. One that is damaged gives subscriptions and the next UIDVALIDITY only: its UIDs are worth
    /// nothing.
    pub fn of(index: &Index) -> Self {
        let mut folded = Folded::default();
        for line in &index.lines {
            folded.take(line.clone());
        }
        if index.damaged {
            folded.boxes.clear();
            folded.deleted.clear();
            folded.next = folded.next.saturating_add(10_000);
        }
        folded
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Next(next) => self.next = next,
            Line::Box(line) => {
                self.next = self.next.max(line.uidvalidity.saturating_add(1));
                let b = self.boxes.entry(line.uidvalidity).or_default();
                b.removed.retain(|modseq, _| *modseq > line.forgotten);
                b.line = line;
            }
            Line::Keywords(uidvalidity, keywords) => {
                self.boxes.entry(uidvalidity).or_default().keywords = keywords;
            }
            Line::Message(line) => {
                let b = self.boxes.entry(line.uidvalidity).or_default();
                b.messages.insert(line.uid, line);
            }
            Line::Removed { uidvalidity, uid, modseq, file } => {
                let b = self.boxes.entry(uidvalidity).or_default();
                if uid != 0 {
                    b.messages.remove(&uid);
                    b.removed.insert(modseq, uid);
                }
                if !file.is_empty() {
                    b.gone.insert(file);
                }
            }
            Line::Deleted(uidvalidity, file) => {
                self.boxes.remove(&uidvalidity);
                if !file.is_empty() {
                    self.deleted.insert(file);
                }
            }
            Line::Subscribed(name, true) => drop(self.subscribed.insert(name)),
            Line::Subscribed(name, false) => drop(self.subscribed.remove(&name)),
            Line::Intent(..) => {}
        }
    }
}
