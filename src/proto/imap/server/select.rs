//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 7162 §3.2.5).

use super::ask::{Answer, Ask};
use super::news::all_flags;
use super::run::{Then, refused};
use super::view::View;
use super::{Reply, Server};
use crate::proto::imap::phase::Phase;
use crate::proto::imap::types::{Flag, Qresync, SequenceSet};

impl Server {
    pub(super) fn select(
        &mut self,
        mailbox: String,
        read_only: bool,
        condstore: bool,
        qresync: Option<Qresync>,
    ) {
        if qresync.is_some() && !self.enabled.qresync {
            return self.finish(Reply::bad("QRESYNC must be switched on by ENABLE first"));
        }
        // "The SELECT command automatically deselects any currently selected mailbox before attempting the new
        // selection."
        if self.view.take().is_some() && (self.enabled.rev2 || self.enabled.qresync) {
            self.untagged("OK [CLOSED] The previous mailbox is closed");
        }
        self.phase = Phase::Authenticated;
        self.enabled.condstore |= condstore;
        self.ask(Ask::Select { mailbox, read_only }, Then::Selected { read_only, qresync });
    }

    pub(super) fn opened(&mut self, answer: Answer, read_only: bool, qresync: Option<Qresync>) {
        let snapshot = match answer {
            Answer::Selected(snapshot) => snapshot,
            Answer::Refused(refusal) => return self.tagged(refused(refusal, &self.verb)),
            _ => return self.tagged(Reply::no("[SERVERBUG] The store gave an answer to another question")),
        };
        let uidnext = snapshot.uidnext;
        let view = View::new(snapshot, read_only);
        let unseen = view.messages.iter().position(|m| !m.meta.flags.contains(&Flag::Seen));
        let (exists, recent, uidvalidity) = (view.exists(), view.recent(), view.uidvalidity);
        let (flags, name) = (all_flags(&view.keywords), view.name.clone());
        self.view = Some(view);
        self.phase = Phase::Selected;
        self.tell_flags();
        let permanent = if read_only { String::new() } else { format!("{flags} \\*") };
        self.untagged(&format!("OK [PERMANENTFLAGS ({permanent})] Flags that stay"));
        self.untagged(&format!("{exists} EXISTS"));
        self.tell_recent(recent);
        if let Some(first) = unseen.filter(|_| !self.enabled.rev2) {
            self.untagged(&format!("OK [UNSEEN {}] First unseen message", first + 1));
        }
        self.untagged(&format!("OK [UIDVALIDITY {uidvalidity}] UIDs are valid"));
        self.untagged(&format!("OK [UIDNEXT {uidnext}] Predicted next UID"));
        self.tell_highest_modseq();
        if self.enabled.rev2 {
            self.tell_folder(b"LIST", &[], &name, b"");
        }
        match qresync {
            Some(qresync) if qresync.uidvalidity == uidvalidity => {
                let since = qresync.modseq;
                self.ask(Ask::Changes { uidvalidity, since, claim: false }, Then::Resync(qresync));
            }
            _ => self.opened_reply(),
        }
    }

    fn opened_reply(&mut self) {
        let read_only = self.view.as_ref().is_some_and(|v| v.read_only);
        self.tagged(Reply::ok(if read_only {
            "[READ-ONLY] EXAMINE completed"
        } else {
            "[READ-WRITE] SELECT completed"
        }));
    }

    /// What changed since the client last knew the mailbox: `VANISHED (EARLIER)`, then FETCH responses.
    pub(super) fn resync(&mut self, answer: Answer, known: &Qresync) {
        if let (Answer::Changes(news), Some(view)) = (answer, &self.view) {
            let all = known.known_uids.clone().unwrap_or_else(|| SequenceSet::range(1, Some(u32::MAX)));
            let removed = match &news.left {
                Some(_) => view.missing_uids(&all),
                None => news.removed.iter().copied().filter(|u| all.contains(*u, u32::MAX)).collect(),
            };
            let changed: Vec<usize> = (0..view.messages.len())
                .filter(|i| {
                    let meta = &view.messages[*i].meta;
                    meta.modseq > known.modseq && all.contains(meta.uid, u32::MAX)
                })
                .collect();
            self.tell_vanished_earlier(removed);
            for index in changed {
                self.tell_message_flags(index, false);
            }
        }
        self.opened_reply();
    }

    pub(super) fn tell_vanished_earlier(&mut self, mut uids: Vec<u32>) {
        if !uids.is_empty() {
            uids.sort_unstable();
            uids.dedup();
            self.untagged(&format!("VANISHED (EARLIER) {}", SequenceSet::of(uids)));
        }
    }

    /// CLOSE: what is \Deleted goes without a word, where the mailbox may be changed.
    pub(super) fn close_mailbox(&mut self) {
        let Some(view) = &self.view else { return self.unselect() };
        let deleted: Vec<u32> = view
            .messages
            .iter()
            .filter(|m| !m.gone && m.meta.flags.contains(&Flag::Deleted))
            .map(|m| m.meta.uid)
            .collect();
        if view.read_only || deleted.is_empty() {
            return self.unselect();
        }
        self.ask(Ask::Expunge { uidvalidity: view.uidvalidity, uids: deleted }, Then::Closed);
    }

    pub(super) fn unselect(&mut self) {
        self.view = None;
        self.phase = Phase::Authenticated;
        let text = format!("{} completed", self.verb);
        self.tagged(Reply::ok(text));
    }
}
