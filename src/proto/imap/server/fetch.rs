//! FETCH (RFC 9051 §6.4.5): message after message, a bounded batch at a time.

use super::ask::{Ask, Meta, News};
use super::fetch_write::{self, Item};
use super::run::{Job, Then};
use super::{Reply, Server};
use crate::proto::imap::types::{FetchItem, Flag, SequenceSet, StoreOp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Messages told in one piece where no bytes of them are needed.
const FLAG_BATCH: usize = 200;

/// A FETCH on its way.
#[derive(Debug)]
pub(super) struct FetchJob {
    items: Vec<FetchItem>,
    /// Which messages: indexes into the view, which does not shrink meanwhile.
    indexes: Vec<usize>,
    /// How many are done.
    next: usize,
    /// The ones whose bytes were asked for end here.
    batch_end: usize,
    needs_bytes: bool,
    sets_seen: bool,
    /// A message was removed by somebody else before it could be read.
    missing: bool,
    /// A part has a transfer encoding that BINARY cannot undo.
    unknown_encoding: bool,
}

fn needs_bytes(item: &FetchItem) -> bool {
    use FetchItem as F;
    !matches!(item, F::Flags | F::InternalDate | F::Rfc822Size | F::Uid | F::ModSeq)
}

fn sets_seen(item: &FetchItem) -> bool {
    use FetchItem as F;
    matches!(item, F::Rfc822 | F::Rfc822Text | F::Section { peek: false, .. } | F::Binary { peek: false, .. })
}

impl Server {
    pub(super) fn fetch(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mut items: Vec<FetchItem>,
        changed_since: Option<u64>,
        vanished: bool,
    ) {
        use FetchItem as F;
        if items.iter().any(|i| matches!(i, F::EmailId | F::ThreadId | F::Preview { .. })) {
            return self.finish(Reply::bad("EMAILID, THREADID and PREVIEW are not offered"));
        }
        if vanished && (!uid || changed_since.is_none() || !self.enabled.qresync) {
            return self.finish(Reply::bad("VANISHED needs UID FETCH, CHANGEDSINCE and ENABLE QRESYNC"));
        }
        if uid && !items.contains(&F::Uid) {
            items.insert(0, F::Uid);
        }
        if changed_since.is_some() && !items.contains(&F::ModSeq) {
            items.push(F::ModSeq);
        }
        if items.contains(&F::ModSeq) && !self.enabled.condstore {
            self.enabled.condstore = true;
            self.tell_highest_modseq();
        }
        let Some(view) = &self.view else { return };
        let Some(mut indexes) = view.indexes(set, uid) else {
            return self.finish(Reply::bad("There is no message of that number"));
        };
        if let Some(since) = changed_since {
            indexes.retain(|i| view.messages[*i].meta.modseq > since);
        }
        let job = FetchJob {
            needs_bytes: items.iter().any(needs_bytes),
            sets_seen: items.iter().any(sets_seen) && !view.read_only,
            items,
            indexes,
            next: 0,
            batch_end: 0,
            missing: false,
            unknown_encoding: false,
        };
        match changed_since.filter(|_| vanished) {
            Some(since) => {
                let ask = Ask::Changes { uidvalidity: view.uidvalidity, since, claim: false };
                self.vanished_set = Some(set.clone());
                self.ask(ask, Then::Vanished(job));
            }
            None => self.job = Some(Job::Fetch(job)),
        }
    }

    /// `VANISHED (EARLIER)` before the FETCH responses (RFC 7162 §3.2.6).
    pub(super) fn vanished_since(&mut self, job: FetchJob, news: &News) {
        let set = self.vanished_set.take().unwrap_or_default();
        let gone = match (&news.left, &self.view) {
            (Some(_), Some(view)) => view.missing_uids(&set),
            _ => news.removed.iter().copied().filter(|uid| set.contains(*uid, u32::MAX)).collect(),
        };
        self.tell_vanished_earlier(gone);
        self.job = Some(Job::Fetch(job));
    }

    pub(super) fn fetch_on(&mut self, mut job: FetchJob) {
        if job.next >= job.indexes.len() {
            let verb = &self.verb;
            let reply = if job.unknown_encoding {
                Reply::no("[UNKNOWN-CTE] A part has a transfer encoding unknown here")
            } else if job.missing {
                Reply::no("[EXPUNGEISSUED] Some of the messages were removed meanwhile")
            } else {
                Reply::ok(format!("{verb} completed"))
            };
            return self.finish(reply);
        }
        if !job.needs_bytes {
            job.batch_end = (job.next + FLAG_BATCH).min(job.indexes.len());
            return self.write_batch(job, &[], &BTreeSet::new());
        }
        let Some(view) = &self.view else { return };
        let mut octets = 0;
        let mut uids = Vec::new();
        job.batch_end = job.next;
        for index in &job.indexes[job.next..] {
            let message = &view.messages[*index];
            octets += message.meta.size;
            let full = uids.len() >= self.config.batch_messages || octets > self.config.batch_octets;
            if full && !uids.is_empty() {
                break;
            }
            job.batch_end += 1;
            if !message.gone {
                uids.push(message.meta.uid);
            }
        }
        self.ask(Ask::Bodies { uidvalidity: view.uidvalidity, uids }, Then::Bodies(job));
    }

    pub(super) fn bodies(&mut self, job: FetchJob, bodies: Vec<(u32, Arc<[u8]>)>) {
        let Some(view) = &self.view else { return };
        let unseen = |uid: &u32| {
            let index = view.index_of(*uid);
            index.is_some_and(|i| !view.messages[i].meta.flags.contains(&Flag::Seen))
        };
        let uids: Vec<u32> = bodies.iter().map(|(uid, _)| *uid).filter(unseen).collect();
        if !job.sets_seen || uids.is_empty() {
            return self.write_batch(job, &bodies, &BTreeSet::new());
        }
        let (op, flags) = (StoreOp::Add, vec![Flag::Seen]);
        let ask = Ask::Store { uidvalidity: view.uidvalidity, uids, op, flags, unchanged_since: None };
        self.ask(ask, Then::MarkedSeen(job, bodies));
    }

    /// "The \Seen flag is implicitly set; if this causes the flags to change, they SHOULD be included as part of the
    /// FETCH responses." (RFC 9051 §6.4.5)
    pub(super) fn marked_seen(&mut self, job: FetchJob, bodies: Vec<(u32, Arc<[u8]>)>, now: Vec<Meta>) {
        let changed = self.update_view(now).into_iter().collect();
        self.write_batch(job, &bodies, &changed);
    }

    fn write_batch(&mut self, mut job: FetchJob, bodies: &[(u32, Arc<[u8]>)], changed: &BTreeSet<usize>) {
        let bodies: BTreeMap<u32, &[u8]> = bodies.iter().map(|(uid, bytes)| (*uid, bytes.as_ref())).collect();
        let batch = job.next..job.batch_end;
        job.next = job.batch_end;
        for &index in &job.indexes[batch] {
            let Some(message) = self.view.as_ref().and_then(|v| v.messages.get(index)) else { continue };
            let bytes = bodies.get(&message.meta.uid).copied();
            if job.needs_bytes && bytes.is_none() {
                job.missing = true;
                continue;
            }
            let item = Item {
                number: index + 1,
                meta: &message.meta,
                flags: self.flag_list(&message.meta.flags, message.recent),
                bytes: bytes.unwrap_or_default(),
                // A change of flags carries the new modification sequence where the client asked for those.
                tell_flags: changed.contains(&index),
                tell_modseq: changed.contains(&index) && self.enabled.condstore,
            };
            match fetch_write::fetch_response(&item, &job.items) {
                Some(line) => self.send(line),
                None => job.unknown_encoding = true,
            }
        }
        self.job = Some(Job::Fetch(job));
    }
}
