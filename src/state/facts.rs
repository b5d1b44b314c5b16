//! Facts → queues, mailboxes, locks, clients' copies, caches, services, intents: one small function each.
//!
//! Facts are complete and in order, so each is a plain edit. What names something unknown makes the least that fits.

use super::{Cached, Copy, Intent, Mailbox, Message, QueueEntry, State, Verdict, Waiting};
use crate::base::Instant;
use crate::trace::Fact;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most verdicts that are kept of one message; there is one for each of its signatures.
const MOST_VERDICTS: usize = 32;

impl State {
    /// What holds after `host` stated `fact` at `at`.
    pub fn apply_fact(&mut self, at: Instant, host: &str, fact: &Fact) {
        match fact {
            Fact::IntentBegins { .. } | Fact::IntentEnds { .. } => self.intent(at, host, fact),
            Fact::Queued { .. }
            | Fact::RetryAt { .. }
            | Fact::Relayed { .. }
            | Fact::Failed { .. }
            | Fact::Bounced { .. }
            | Fact::Forwarded { .. }
            | Fact::Dequeued { .. } => self.queue(host, fact),
            Fact::Delivered { .. } | Fact::FlagsSet { .. } | Fact::Removed { .. } => self.message(host, fact),
            Fact::MailboxCreated { .. } | Fact::MailboxDeleted { .. } | Fact::MailboxRenamed { .. } => {
                self.mailbox(host, fact);
            }
            Fact::MaildropLocked { account } => {
                self.locks.insert(account.clone(), host.to_owned());
            }
            Fact::MaildropUnlocked { account, .. } => {
                self.locks.remove(account);
            }
            Fact::ClientCopyKept { .. }
            | Fact::ClientCopyRemoved { .. }
            | Fact::ClientFlagsSet { .. }
            | Fact::ClientFiled { .. }
            | Fact::ClientStoreLost { .. } => self.client(host, fact),
            Fact::ClientIdsKnown { .. } | Fact::ClientMailboxKnown { .. } => self.noted(host, fact),
            Fact::ResolverCached { name, rtype, answer, until } => {
                let cached = Cached { answer: answer.clone(), until: Instant::from_micros(*until) };
                let cache = self.caches.entry(host.to_owned()).or_default();
                cache.insert(format!("{name} {rtype}"), Arc::new(cached));
            }
            // It changes nothing: the answer stays as it was kept.
            Fact::ResolverHit { .. } => {}
            // The connection's own records tell that it is encrypted; this is why, or why not.
            Fact::Tls { .. } => {}
            Fact::ServiceDown { .. } | Fact::ServiceUp { .. } => self.service(host, fact),
            // What it does is seen where it bites.
            Fact::FaultBegins { .. } | Fact::FaultEnds { .. } | Fact::FaultsRefused { .. } => {}
            Fact::SenderChecked { .. } | Fact::SenderJudged { .. } => self.checked(host, fact),
            // Each is one reason of a verdict that follows, or leaves its mark in the message itself.
            Fact::RuleApplied { .. } | Fact::Signed { .. } => {}
        }
    }

    fn intent(&mut self, at: Instant, host: &str, fact: &Fact) {
        match fact {
            Fact::IntentBegins { who, intent, detail } => self.intents.push(Intent {
                who: who.clone(),
                intent: intent.clone(),
                detail: detail.clone(),
                host: host.to_owned(),
                since: at,
            }),
            Fact::IntentEnds { who, intent, .. } => {
                let begun = self.intents.iter().position(|open| open.who == *who && open.intent == *intent);
                if let Some(begun) = begun {
                    self.intents.remove(begun);
                }
            }
            _ => {}
        }
    }

    fn queue(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::Queued { id, sender, recipients, size } => {
                let wait =
                    |recipient: &String| Waiting { recipient: recipient.clone(), ..Waiting::default() };
                let entry = QueueEntry {
                    sender: sender.clone(),
                    size: *size,
                    waiting: recipients.iter().map(wait).collect(),
                    notification: None,
                };
                self.queues.entry(host.to_owned()).or_default().insert(id.clone(), Arc::new(entry));
            }
            Fact::RetryAt { id, recipients, at, attempt, reason } => self.queued(host, id, |entry| {
                for waiting in entry.waiting.iter_mut().filter(|w| recipients.contains(&w.recipient)) {
                    waiting.attempts = *attempt;
                    waiting.reason.clone_from(reason);
                    waiting.retry = Some(Instant::from_micros(*at));
                }
            }),
            Fact::Relayed { id, recipients, .. } | Fact::Failed { id, recipients, .. } => {
                self.queued(host, id, |entry| entry.waiting.retain(|w| !recipients.contains(&w.recipient)));
            }
            Fact::Forwarded { id, recipient, .. } => {
                self.queued(host, id, |entry| entry.waiting.retain(|w| w.recipient != *recipient));
            }
            Fact::Bounced { id, notification, .. } => {
                self.queued(host, id, |entry| entry.notification = Some(notification.clone()));
            }
            Fact::Dequeued { id } => {
                if let Some(queue) = self.queues.get_mut(host) {
                    queue.remove(id);
                }
                self.queues.retain(|_, queue| !queue.is_empty());
            }
            _ => {}
        }
    }

    /// What a host found about the message that it takes now: SPF comes first, and begins anew.
    fn checked(&mut self, host: &str, fact: &Fact) {
        let verdicts = self.verdicts.entry(host.to_owned()).or_default();
        let (check, domain, result) = match fact {
            Fact::SenderChecked { check, domain, result } => (check.as_str(), domain.as_str(), result),
            Fact::SenderJudged { decision, .. } => ("decision", "", decision),
            _ => return,
        };
        if check == "spf" {
            verdicts.clear();
        }
        if verdicts.len() < MOST_VERDICTS {
            let (check, domain) = (check.to_owned(), domain.to_owned());
            verdicts.push(Verdict { check, domain, result: result.clone() });
        }
    }

    fn queued(&mut self, host: &str, id: &str, edit: impl FnOnce(&mut QueueEntry)) {
        if let Some(entry) = self.queues.get_mut(host).and_then(|queue| queue.get_mut(id)) {
            edit(Arc::make_mut(entry));
        }
    }

    fn message(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::Delivered { account, mailbox, uid, size, flags, id } => {
                self.homes.insert(account.clone(), host.to_owned());
                let mailboxes = self.mailboxes.entry(account.clone()).or_default();
                let mailbox = Arc::make_mut(mailboxes.entry(mailbox.clone()).or_default());
                mailbox.messages.insert(*uid, Message { flags: flags.clone(), size: *size });
                if let Some(id) = id {
                    self.queued(host, id, |entry| entry.waiting.retain(|w| w.recipient != *account));
                }
            }
            Fact::FlagsSet { account, mailbox, uid, flags } => self.kept(account, mailbox, |mailbox| {
                if let Some(message) = mailbox.messages.get_mut(uid) {
                    message.flags.clone_from(flags);
                }
            }),
            Fact::Removed { account, mailbox, uid } => self.kept(account, mailbox, |mailbox| {
                mailbox.messages.remove(uid);
            }),
            _ => {}
        }
    }

    fn kept(&mut self, account: &str, mailbox: &str, edit: impl FnOnce(&mut Mailbox)) {
        if let Some(mailbox) = self.mailboxes.get_mut(account).and_then(|all| all.get_mut(mailbox)) {
            edit(Arc::make_mut(mailbox));
        }
    }

    fn mailbox(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::MailboxCreated { account, mailbox, uidvalidity } => {
                self.homes.insert(account.clone(), host.to_owned());
                let made = Mailbox { uidvalidity: *uidvalidity, ..Mailbox::default() };
                self.mailboxes.entry(account.clone()).or_default().insert(mailbox.clone(), Arc::new(made));
            }
            Fact::MailboxDeleted { account, mailbox } => {
                if let Some(all) = self.mailboxes.get_mut(account) {
                    all.remove(mailbox);
                }
            }
            Fact::MailboxRenamed { account, from, to } => {
                if let Some(all) = self.mailboxes.get_mut(account)
                    && let Some(moved) = all.remove(from)
                {
                    all.insert(to.clone(), moved);
                }
            }
            _ => {}
        }
    }

    fn client(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::ClientCopyKept { account, key, size, subject, part, folder } => {
                let copy = Copy {
                    size: *size,
                    subject: subject.clone(),
                    part: part.clone(),
                    folder: folder.clone(),
                    flags: Vec::new(),
                };
                let accounts = self.clients.entry(host.to_owned()).or_default();
                accounts.entry(account.clone()).or_default().insert(key.clone(), Arc::new(copy));
            }
            Fact::ClientFlagsSet { account, key, flags } => {
                self.copy(host, account, key, |copy| copy.flags.clone_from(flags));
            }
            Fact::ClientFiled { account, key, folder } => {
                self.copy(host, account, key, |copy| copy.folder.clone_from(folder));
            }
            Fact::ClientCopyRemoved { account, key } => {
                if let Some(copies) = self.clients.get_mut(host).and_then(|all| all.get_mut(account)) {
                    copies.remove(key);
                }
                self.forget_empty();
            }
            Fact::ClientStoreLost { account } => {
                for all in [self.clients.get_mut(host)].into_iter().flatten() {
                    all.remove(account);
                }
                for all in [self.noted.get_mut(host)].into_iter().flatten() {
                    all.remove(account);
                }
                self.forget_empty();
            }
            _ => {}
        }
    }

    fn copy(&mut self, host: &str, account: &str, key: &str, edit: impl FnOnce(&mut Copy)) {
        let copies = self.clients.get_mut(host).and_then(|all| all.get_mut(account));
        if let Some(copy) = copies.and_then(|copies| copies.get_mut(key)) {
            edit(Arc::make_mut(copy));
        }
    }

    fn forget_empty(&mut self) {
        self.clients.values_mut().for_each(|all| all.retain(|_, copies| !copies.is_empty()));
        self.clients.retain(|_, all: &mut BTreeMap<_, _>| !all.is_empty());
        self.noted.retain(|_, all: &mut BTreeMap<_, _>| !all.is_empty());
    }

    fn noted(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::ClientIdsKnown { account, ids } => {
                let accounts = self.noted.entry(host.to_owned()).or_default();
                accounts.entry(account.clone()).or_default().ids = *ids;
            }
            Fact::ClientMailboxKnown { account, mailbox, uidvalidity, uidnext } => {
                let accounts = self.noted.entry(host.to_owned()).or_default();
                let noted = accounts.entry(account.clone()).or_default();
                noted.mailboxes.insert(mailbox.clone(), (*uidvalidity, *uidnext));
            }
            _ => {}
        }
    }

    fn service(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::ServiceDown { service } => {
                self.down.entry(host.to_owned()).or_default().insert(service.clone());
            }
            Fact::ServiceUp { service } => {
                if let Some(down) = self.down.get_mut(host) {
                    down.retain(|one| one != service && service != "all");
                }
                self.down.retain(|_, services| !services.is_empty());
            }
            _ => {}
        }
    }
}
