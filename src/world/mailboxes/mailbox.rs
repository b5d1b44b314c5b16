//! One mailbox: its messages by UID, and the order in which they changed.
//!
//! "Unique identifiers are assigned in a strictly ascending fashion" and "MUST NOT" return (RFC 9051 §2.3.1.1).
//! Every change takes the next modification sequence (RFC 7162 §3.1.1), so "what changed since" is a range.

use super::{SnapshotRow, StoreLimits};
use crate::base::{Instant, Shelf};
use std::sync::Arc;

/// The flags that the standard defines and that stay with a message; \Recent is a session's view, not kept here.
const SYSTEM: [&str; 5] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];

/// What is known of a message without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its UID.
    pub uid: u32,
    /// Its flags, sorted; never \Recent.
    pub flags: Vec<String>,
    /// Octets.
    pub size: u64,
    /// When it came (RFC 9051 §2.3.3).
    pub internal_date: Instant,
    /// Modification sequence of its last change.
    pub modseq: u64,
}

/// What happened to a mailbox after a modification sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The mailbox's highest modification sequence: ask on from here.
    pub highest: u64,
    /// What arrived, by UID.
    pub arrived: Vec<Meta>,
    /// What was there and has other flags now, in order of change.
    pub changed: Vec<Meta>,
    /// UIDs removed, in order.
    pub removed: Vec<u32>,
    /// So much was removed that the store forgot which: all UIDs that are left, instead of `removed`.
    pub left: Option<Vec<u32>>,
}

/// A mailbox in numbers (RFC 9051 §6.3.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailboxStatus {
    /// Messages.
    pub messages: u32,
    /// Messages that no session has been told of.
    pub recent: u32,
    /// Messages without \Seen.
    pub unseen: u32,
    /// Messages with \Deleted.
    pub deleted: u32,
    /// The next UID.
    pub uidnext: u32,
    /// The UIDVALIDITY.
    pub uidvalidity: u32,
    /// The highest modification sequence.
    pub highest_modseq: u64,
    /// Octets.
    pub size: u64,
}

/// A message as stored.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) body: Arc<[u8]>,
    pub(super) flags: Vec<String>,
    pub(super) internal_date: Instant,
    pub(super) born: u64,
    pub(super) modseq: u64,
}

/// One mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) uidvalidity: u32,
    pub(super) special_use: Option<String>,
    pub(super) uidnext: u32,
    pub(super) highest: u64,
    /// Messages from this UID on have been announced to no session.
    pub(super) recent_from: u32,
    pub(super) octets: u64,
    pub(super) messages: Shelf<u32, Message>,
    pub(super) by_modseq: Shelf<u64, u32>,
    pub(super) removed: Shelf<u64, u32>,
    /// Removals up to this modification sequence are forgotten.
    pub(super) forgotten: u64,
    pub(super) keywords: Vec<String>,
}

impl Mailbox {
    pub(super) fn new(uidvalidity: u32, special_use: Option<String>) -> Self {
        Mailbox {
            uidvalidity,
            special_use,
            uidnext: 1,
            highest: 1,
            recent_from: 1,
            octets: 0,
            messages: Shelf::new(),
            by_modseq: Shelf::new(),
            removed: Shelf::new(),
            forgotten: 0,
            keywords: Vec::new(),
        }
    }

    /// Add a message; `None` when the UIDs are used up.
    pub(super) fn add(
        &mut self,
        body: Arc<[u8]>,
        flags: &[String],
        date: Instant,
        limits: &StoreLimits,
    ) -> Option<u32> {
        let uid = self.uidnext;
        self.uidnext = uid.checked_add(1)?;
        let flags = self.known(flags, limits);
        self.highest += 1;
        self.octets += body.len() as u64;
        let message = Message { body, flags, internal_date: date, born: self.highest, modseq: self.highest };
        self.messages.insert(uid, message);
        self.by_modseq.insert(self.highest, uid);
        Some(uid)
    }

    /// Remove a message; whether it was there.
    pub(super) fn remove(&mut self, uid: u32, limits: &StoreLimits) -> bool {
        let Some(message) = self.messages.remove(&uid) else { return false };
        self.octets -= message.body.len() as u64;
        self.by_modseq.remove(&message.modseq);
        self.highest += 1;
        self.removed.insert(self.highest, uid);
        while self.removed.len() > limits.removed {
            if let Some((modseq, _)) = self.removed.pop_first() {
                self.forgotten = modseq;
            }
        }
        true
    }

    /// Give a message these flags; whether that changed anything.
    pub(super) fn replace_flags(&mut self, uid: u32, flags: &[String], limits: &StoreLimits) -> bool {
        let flags = self.known(flags, limits);
        let Some(message) = self.messages.get_mut(&uid) else { return false };
        if message.flags == flags {
            return false;
        }
        self.highest += 1;
        self.by_modseq.remove(&message.modseq);
        self.by_modseq.insert(self.highest, uid);
        message.flags = flags;
        message.modseq = self.highest;
        true
    }

    /// The flags that can be kept, each in one spelling ("flags are case-insensitive"), sorted.
    fn known(&mut self, flags: &[String], limits: &StoreLimits) -> Vec<String> {
        let mut known: Vec<String> = flags.iter().filter_map(|f| self.spelling(f, limits)).collect();
        known.sort();
        known.dedup();
        known
    }

    fn spelling(&mut self, flag: &str, limits: &StoreLimits) -> Option<String> {
        if flag.starts_with('\\') {
            return SYSTEM.iter().find(|s| s.eq_ignore_ascii_case(flag)).map(|s| (*s).to_owned());
        }
        if let Some(spelt) = self.keywords.iter().find(|k| k.eq_ignore_ascii_case(flag)) {
            return Some(spelt.clone());
        }
        (self.keywords.len() < limits.keywords && !flag.is_empty()).then(|| {
            self.keywords.push(flag.to_owned());
            flag.to_owned()
        })
    }

    pub(super) fn flags_of(&self, uid: u32) -> Vec<String> {
        self.messages.get(&uid).map(|m| m.flags.clone()).unwrap_or_default()
    }

    pub(super) fn body(&self, uid: u32) -> Option<Arc<[u8]>> {
        self.messages.get(&uid).map(|m| m.body.clone())
    }

    pub(super) fn meta(&self, uid: u32) -> Option<Meta> {
        self.messages.get(&uid).map(|m| Meta {
            uid,
            flags: m.flags.clone(),
            size: m.body.len() as u64,
            internal_date: m.internal_date,
            modseq: m.modseq,
        })
    }

    pub(super) fn metas(&self) -> Vec<Meta> {
        self.messages.keys().filter_map(|uid| self.meta(*uid)).collect()
    }

    pub(super) fn uids(&self) -> Vec<u32> {
        self.messages.keys().copied().collect()
    }

    pub(super) fn keywords(&self) -> Vec<String> {
        self.keywords.clone()
    }

    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn rows(&self) -> Vec<SnapshotRow> {
        self.messages.iter().map(|(uid, m)| (*uid, m.flags.clone(), m.body.len() as u64)).collect()
    }

    /// The first UID that no session was told of; with `claim`, the asking session is now the one.
    pub(super) fn recent_from(&mut self, claim: bool) -> u32 {
        let from = self.recent_from;
        if claim {
            self.recent_from = self.uidnext;
        }
        from
    }

    pub(super) fn changes_since(&self, modseq: u64) -> Changes {
        let mut changes = Changes { highest: self.highest, ..Changes::default() };
        let after = modseq.saturating_add(1)..;
        for uid in self.by_modseq.range(after.clone()).map(|(_, uid)| *uid) {
            let born_after = self.messages.get(&uid).is_some_and(|m| m.born > modseq);
            let list = if born_after { &mut changes.arrived } else { &mut changes.changed };
            list.extend(self.meta(uid));
        }
        changes.arrived.sort_by_key(|m| m.uid);
        changes.removed = self.removed.range(after).map(|(_, uid)| *uid).collect();
        if modseq < self.forgotten {
            changes.left = Some(self.uids());
        }
        changes
    }

    pub(super) fn status(&self) -> MailboxStatus {
        let without =
            |flag: &str| self.messages.values().filter(|m| !m.flags.iter().any(|f| f == flag)).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let all = self.messages.len();
        MailboxStatus {
            messages: count(all),
            recent: count(self.messages.range(self.recent_from..).count()),
            unseen: count(without("\\Seen")),
            deleted: count(all - without("\\Deleted")),
            uidnext: self.uidnext,
            uidvalidity: self.uidvalidity,
            highest_modseq: self.highest,
            size: self.octets,
        }
    }
}
