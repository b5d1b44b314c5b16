//! STORE, COPY, MOVE, EXPUNGE, and what APPEND gives back (RFC 9051 §6.4.3, §6.4.6–6.4.9; RFC 7162 §3.1.3).

use super::ask::{Ask, Meta};
use super::run::Then;
use super::{Reply, Server};
use crate::proto::imap::types::{Flag, SequenceSet, StoreOp};

/// A STORE on its way.
#[derive(Debug)]
pub(super) struct Storing {
    silent: bool,
    conditional: bool,
    uid: bool,
    /// A message was removed by somebody else meanwhile.
    missing: bool,
}

impl Server {
    pub(super) fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        op: StoreOp,
        silent: bool,
        flags: Vec<Flag>,
        unchanged_since: Option<u64>,
    ) {
        let Some(view) = &self.view else { return };
        if view.read_only {
            return self.finish(Reply::no("[READ-ONLY] The mailbox was opened by EXAMINE"));
        }
        if let Some(flag) =
            flags.iter().find(|f| matches!(f, Flag::Recent | Flag::Wildcard | Flag::Extension(_)))
        {
            let text = format!("[CANNOT] {flag} cannot be set by a client");
            return self.finish(Reply::bad(text));
        }
        let Some(indexes) = view.indexes(set, uid) else {
            return self.finish(Reply::bad("There is no message of that number"));
        };
        let uids = view.uids(&indexes);
        let missing = uids.len() < indexes.len();
        let uidvalidity = view.uidvalidity;
        if unchanged_since.is_some() && !self.enabled.condstore {
            self.enabled.condstore = true;
            self.tell_highest_modseq();
        }
        let storing = Storing { silent, conditional: unchanged_since.is_some(), uid, missing };
        self.ask(Ask::Store { uidvalidity, uids, op, flags, unchanged_since }, Then::Stored(storing));
    }

    pub(super) fn stored(&mut self, storing: Storing, now: Vec<Meta>, modified: &[u32]) {
        for index in self.update_view(now) {
            // Even a silent STORE tells MODSEQ where it is switched on (RFC 7162 §3.1.3).
            if !storing.silent || storing.conditional || self.enabled.condstore {
                self.tell_message_flags(index, storing.silent);
            }
        }
        let verb = self.verb.clone();
        if modified.is_empty() {
            return self.finish(if storing.missing {
                Reply::no("[EXPUNGEISSUED] Some of the messages were removed meanwhile")
            } else {
                Reply::ok(format!("{verb} completed"))
            });
        }
        let Some(view) = &self.view else { return };
        let number = |uid: &u32| {
            if storing.uid { Some(*uid) } else { view.index_of(*uid).and_then(|i| u32::try_from(i + 1).ok()) }
        };
        let set = SequenceSet::of(modified.iter().filter_map(number));
        self.finish(Reply::ok(format!("[MODIFIED {set}] Some were changed by somebody else")));
    }

    pub(super) fn copy(&mut self, uid: bool, set: &SequenceSet, to: String, remove: bool) {
        let Some(view) = &self.view else { return };
        if remove && view.read_only {
            return self.finish(Reply::no("[READ-ONLY] The mailbox was opened by EXAMINE"));
        }
        let Some(indexes) = view.indexes(set, uid) else {
            return self.finish(Reply::bad("There is no message of that number"));
        };
        let uids = view.uids(&indexes);
        // "either all or none" (RFC 9051 §6.4.7): one that is gone cannot be copied.
        if uids.len() < indexes.len() {
            return self.finish(Reply::no("[EXPUNGEISSUED] Some of the messages were removed meanwhile"));
        }
        let uidvalidity = view.uidvalidity;
        self.ask(Ask::Copy { uidvalidity, uids, to, remove }, Then::Copied { moved: remove });
    }

    /// `[COPYUID uidvalidity from to]` (RFC 4315 §3); for MOVE in an untagged OK before the EXPUNGEs (RFC 6851 §4.3).
    pub(super) fn copied(&mut self, moved: bool, uidvalidity: u32, uids: &[(u32, u32)]) {
        let text = format!("{} completed", self.verb);
        if uids.is_empty() {
            return self.finish(Reply::ok(text));
        }
        let from = SequenceSet::of(uids.iter().map(|(from, _)| *from));
        let to = SequenceSet::of(uids.iter().map(|(_, to)| *to));
        let code = format!("[COPYUID {uidvalidity} {from} {to}]");
        if moved {
            self.untagged(&format!("OK {code} Moved"));
            self.finish(Reply::ok(text));
        } else {
            self.finish(Reply::ok(format!("{code} {text}")));
        }
    }

    /// EXPUNGE; with a set, UID EXPUNGE (RFC 4315 §2.1).
    pub(super) fn expunge(&mut self, only: Option<&SequenceSet>) {
        let Some(view) = &self.view else { return };
        if view.read_only {
            return self.finish(Reply::no("[READ-ONLY] The mailbox was opened by EXAMINE"));
        }
        let all = SequenceSet::range(1, None);
        let indexes = view.indexes(only.unwrap_or(&all), true).unwrap_or_default();
        let deleted = |i: &usize| view.messages[*i].meta.flags.contains(&Flag::Deleted);
        let uids = view.uids(&indexes.into_iter().filter(deleted).collect::<Vec<_>>());
        let uidvalidity = view.uidvalidity;
        let text = if only.is_some() { "UID EXPUNGE completed" } else { "EXPUNGE completed" };
        self.ask(Ask::Expunge { uidvalidity, uids }, Then::Done(text));
    }

    pub(super) fn appended(&mut self, uidvalidity: u32, uids: Vec<u32>) {
        let set = SequenceSet::of(uids);
        self.finish(Reply::ok(format!("[APPENDUID {uidvalidity} {set}] APPEND completed")));
    }
}
