//! A session's view of its selected mailbox: sequence numbers, and news in an order that the RFC allows.
//!
//! "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or
//! SEARCH command. This rule is necessary to prevent a loss of synchronization of message sequence numbers between
//! client and server." (RFC 9051 §7.5.1) So what was removed stays in the view, marked, until it may be told.

use super::ask::{Meta, News, Snapshot};
use crate::proto::imap::types::{Flag, SequenceSet};

/// A message as the session sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub meta: Meta,
    pub recent: bool,
    /// Removed by somebody; the client does not know yet.
    pub gone: bool,
}

/// The selected mailbox.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub name: String,
    pub uidvalidity: u32,
    pub read_only: bool,
    /// Up to which modification sequence the view knows.
    pub modseq: u64,
    /// By UID. The sequence number of a message is its index and one.
    pub messages: Vec<Seen>,
    /// Whether any of them is gone.
    any_gone: bool,
    pub keywords: Vec<String>,
    /// The result that SEARCH saved: `$` (RFC 5182), as UIDs.
    pub saved: Vec<u32>,
}

/// What must be told after news came, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether the keywords grew: FLAGS.
    pub keywords: bool,
    /// Sequence numbers for EXPUNGE, each as it is when its turn comes; and the UIDs.
    pub expunged: Vec<(u32, u32)>,
    /// Whether messages arrived: EXISTS (and RECENT).
    pub arrived: bool,
    /// Indexes of messages whose flags are others now: FETCH.
    pub changed: Vec<usize>,
}

impl View {
    pub(super) fn new(snapshot: Snapshot, read_only: bool) -> Self {
        let recent_from = snapshot.recent_from;
        let seen = |meta: Meta| Seen { recent: meta.uid >= recent_from, meta, gone: false };
        View {
            name: snapshot.name,
            uidvalidity: snapshot.uidvalidity,
            read_only,
            modseq: snapshot.highest_modseq,
            messages: snapshot.messages.into_iter().map(seen).collect(),
            any_gone: false,
            keywords: snapshot.keywords,
            saved: Vec::new(),
        }
    }

    pub(super) fn exists(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn recent(&self) -> usize {
        self.messages.iter().filter(|m| m.recent).count()
    }

    pub(super) fn index_of(&self, uid: u32) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |m| m.meta.uid).ok()
    }

    /// Take what this session changed itself: it tells of it in its own way.
    pub(super) fn update(&mut self, meta: Meta) -> Option<usize> {
        let index = self.index_of(meta.uid)?;
        self.learn_keywords(&meta.flags);
        self.messages[index].meta = meta;
        Some(index)
    }

    fn learn_keywords(&mut self, flags: &[Flag]) -> bool {
        let before = self.keywords.len();
        for flag in flags {
            if let Flag::Keyword(name) = flag
                && !self.keywords.iter().any(|k| k.eq_ignore_ascii_case(name))
            {
                self.keywords.push(name.clone());
            }
        }
        self.keywords.len() > before
    }

    /// Take the news; expunges are told only where `expunge` allows it, and stay marked otherwise.
    pub(super) fn take(&mut self, news: News, expunge: bool) -> Told {
        let mut told = Told::default();
        self.modseq = news.highest_modseq.max(self.modseq);
        for uid in news.removed {
            if let Some(index) = self.index_of(uid) {
                self.messages[index].gone = true;
                self.any_gone = true;
            }
        }
        for message in self.messages.iter_mut().filter(|_| news.left.is_some()) {
            let left = news.left.as_ref().is_some_and(|left| left.binary_search(&message.meta.uid).is_ok());
            message.gone |= !left;
            self.any_gone |= !left;
        }
        for meta in news.changed {
            let Some(index) = self.index_of(meta.uid) else { continue };
            told.keywords |= self.learn_keywords(&meta.flags);
            let message = &mut self.messages[index];
            if message.meta.flags != meta.flags {
                told.changed.push(index);
            }
            message.meta = meta;
        }
        let last = self.messages.last().map_or(0, |m| m.meta.uid);
        for meta in news.arrived.into_iter().filter(|m| m.uid > last) {
            told.keywords |= self.learn_keywords(&meta.flags);
            told.arrived = true;
            self.messages.push(Seen { recent: meta.uid >= news.recent_from, meta, gone: false });
        }
        if expunge && std::mem::take(&mut self.any_gone) {
            self.expunge(&mut told);
        }
        told
    }

    fn expunge(&mut self, told: &mut Told) {
        for (index, message) in self.messages.iter().enumerate().filter(|(_, m)| m.gone) {
            // Numbers count down as their forerunners go.
            let number = index + 1 - told.expunged.len();
            told.expunged.push((u32::try_from(number).unwrap_or(u32::MAX), message.meta.uid));
        }
        // `changed` may be in any order: find its messages again by UID after the removal.
        let uids: Vec<u32> = told
            .changed
            .iter()
            .filter(|i| !self.messages[**i].gone)
            .map(|i| self.messages[*i].meta.uid)
            .collect();
        self.messages.retain(|m| !m.gone);
        told.changed = uids.into_iter().filter_map(|uid| self.index_of(uid)).collect();
        let messages = &self.messages;
        self.saved.retain(|uid| messages.binary_search_by_key(uid, |m| m.meta.uid).is_ok());
    }

    /// The indexes that a set names, in order. `None` where a sequence number is not in use: "The server should
    /// respond with a tagged BAD response to a command that uses a message sequence number greater than the number
    /// of messages in the selected mailbox." (RFC 9051 §9, seq-number)
    pub(super) fn indexes(&self, set: &SequenceSet, uid: bool) -> Option<Vec<usize>> {
        if set.saved {
            return Some(self.saved.iter().filter_map(|uid| self.index_of(*uid)).collect());
        }
        let mut out = Vec::new();
        if uid {
            let largest = self.messages.last().map_or(0, |m| m.meta.uid);
            for (low, high) in set.normalized(largest) {
                let start = self.messages.partition_point(|m| m.meta.uid < low);
                let end = self.messages.partition_point(|m| m.meta.uid <= high);
                out.extend(start..end.max(start));
            }
        } else {
            let exists = self.exists();
            for (low, high) in set.normalized(exists) {
                if low == 0 || high > exists {
                    return None;
                }
                out.extend(low as usize - 1..high as usize);
            }
        }
        Some(out)
    }

    /// UIDs of these indexes, without those that are gone.
    pub(super) fn uids(&self, indexes: &[usize]) -> Vec<u32> {
        indexes.iter().filter_map(|i| self.messages.get(*i)).filter(|m| !m.gone).map(|m| m.meta.uid).collect()
    }
}

impl View {
    /// UIDs of the set that are not in use and once may have been: for a client that knew them. As many as there are
    /// numbers below the largest UID at most, and never more than [`MAX_MISSING`].
    pub(super) fn missing_uids(&self, set: &SequenceSet) -> Vec<u32> {
        let largest = self.messages.last().map_or(0, |m| m.meta.uid);
        let ranges = set.normalized(largest).into_iter();
        ranges
            .flat_map(|(low, high)| low.max(1)..=high.min(largest))
            .filter(|uid| self.index_of(*uid).is_none())
            .take(MAX_MISSING)
            .collect()
    }
}

/// How many vanished UIDs are told at most.
const MAX_MISSING: usize = 100_000;
