//! What a change of the store changed: what a disk must be told, and what it tells when the world begins again.
//!
//! Two stores are compared, before and after. A mailbox that neither touched is one and the same in both, and in one
//! that was touched the modification sequences say what is new (RFC 7162 §3.1.1): so the comparison costs what the
//! change did, not what the store holds.

use super::mailbox::{Mailbox, Message};
use super::{Account, INBOX, Mailboxes, Refusal, folders};
use crate::base::Instant;
use crate::trace::Fact;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A message with everything that must outlive a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its UID.
    pub uid: u32,
    /// Its flags, sorted.
    pub flags: Vec<String>,
    /// When it came.
    pub internal_date: Instant,
    /// Modification sequence of its arrival.
    pub born: u64,
    /// Modification sequence of its last change.
    pub modseq: u64,
    /// Its octets.
    pub body: Arc<[u8]>,
}

/// A mailbox without its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxHead {
    /// Its UIDVALIDITY, which no other mailbox of the account has or had.
    pub uidvalidity: u32,
    /// Its use (RFC 6154).
    pub special_use: Option<String>,
    /// The next UID.
    pub uidnext: u32,
    /// The highest modification sequence.
    pub highest: u64,
    /// Messages from this UID on were announced to no session.
    pub recent_from: u32,
    /// Removals up to this modification sequence are forgotten.
    pub forgotten: u64,
    /// Keywords in the order of their first use.
    pub keywords: Vec<String>,
}

/// What changed in one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxDelta {
    /// Its name now.
    pub name: String,
    /// Its name before; `None`: it was made.
    pub before: Option<String>,
    /// How it stands now.
    pub head: BoxHead,
    /// New messages, by UID.
    pub added: Vec<Kept>,
    /// Messages with other flags.
    pub changed: Vec<Kept>,
    /// Removed messages: modification sequence and UID.
    pub removed: Vec<(u64, u32)>,
}

/// What changed in one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDelta {
    /// The account.
    pub account: String,
    /// UIDVALIDITY of the next mailbox that is made.
    pub next_uidvalidity: u32,
    /// Mailboxes made, renamed or changed.
    pub boxes: Vec<BoxDelta>,
    /// UIDVALIDITYs of mailboxes deleted.
    pub deleted: Vec<u32>,
    /// Names subscribed to (true) or no longer (false).
    pub subscribed: Vec<(String, bool)>,
}

/// A mailbox as a disk gives it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxState {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub head: BoxHead,
    /// Its messages.
    pub messages: Vec<Kept>,
    /// Removed messages that are remembered: modification sequence and UID.
    pub removed: Vec<(u64, u32)>,
}

/// An account as a disk gives it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// UIDVALIDITY of the next mailbox that is made.
    pub next_uidvalidity: u32,
    /// Its mailboxes.
    pub boxes: Vec<BoxState>,
    /// Names subscribed to.
    pub subscribed: BTreeSet<String>,
}

impl Mailbox {
    fn head(&self) -> BoxHead {
        BoxHead {
            uidvalidity: self.uidvalidity,
            special_use: self.special_use.clone(),
            uidnext: self.uidnext,
            highest: self.highest,
            recent_from: self.recent_from,
            forgotten: self.forgotten,
            keywords: self.keywords.clone(),
        }
    }

    fn kept(&self, uid: u32) -> Option<Kept> {
        self.messages.get(&uid).map(|m| Kept {
            uid,
            flags: m.flags.clone(),
            internal_date: m.internal_date,
            born: m.born,
            modseq: m.modseq,
            body: m.body.clone(),
        })
    }

    /// What happened after `before` was copied; the whole of it where there was nothing.
    fn delta(&self, name: &str, before: Option<(&str, &Mailbox)>) -> BoxDelta {
        let (since, known) = before.map_or((0, 0), |(_, m)| (m.highest, m.uidnext));
        let before_name = before.map(|(name, _)| name.to_owned());
        let mut delta =
            BoxDelta { name: name.to_owned(), before: before_name, head: self.head(), ..BoxDelta::default() };
        for (_, uid) in self.by_modseq.range(since.saturating_add(1)..) {
            let list = if *uid >= known { &mut delta.added } else { &mut delta.changed };
            list.extend(self.kept(*uid));
        }
        delta.added.sort_by_key(|m| m.uid);
        delta.removed =
            self.removed.range(since.saturating_add(1)..).map(|(modseq, uid)| (*modseq, *uid)).collect();
        if let Some((_, before)) = before.filter(|_| since < self.forgotten) {
            // More went than is remembered: what was there and is not any more.
            let told: BTreeSet<u32> = delta.removed.iter().map(|(_, uid)| *uid).collect();
            let gone = |uid: &&u32| !self.messages.contains_key(*uid) && !told.contains(*uid);
            delta.removed.extend(before.messages.keys().filter(gone).map(|uid| (self.forgotten, *uid)));
        }
        delta
    }

    fn from_state(state: BoxState) -> (String, Self) {
        let BoxHead { uidvalidity, special_use, uidnext, highest, recent_from, forgotten, keywords } =
            state.head;
        let mut mailbox = Mailbox::new(uidvalidity.max(1), special_use);
        let most = state.messages.iter().map(|m| (m.uid, m.modseq)).chain([(0, 1)]);
        let (last, top) = most.fold((0, 1), |(u, s), (uid, modseq)| (u.max(uid), s.max(modseq)));
        mailbox.uidnext = uidnext.max(last.saturating_add(1));
        mailbox.highest = highest.max(top);
        mailbox.recent_from = recent_from;
        mailbox.forgotten = forgotten;
        mailbox.keywords = keywords;
        mailbox.removed = state.removed.into_iter().collect();
        for kept in state.messages {
            let Kept { uid, flags, internal_date, born, modseq, body } = kept;
            mailbox.octets += body.len() as u64;
            mailbox.by_modseq.insert(modseq, uid);
            mailbox.messages.insert(uid, Message { body, flags, internal_date, born, modseq });
        }
        (state.name, mailbox)
    }
}

impl Account {
    fn delta(&self, before: Option<&Account>) -> AccountDelta {
        let old: BTreeMap<u32, (&str, &Arc<Mailbox>)> = before
            .into_iter()
            .flat_map(|a| a.mailboxes.iter().map(|(name, m)| (m.uidvalidity, (name.as_str(), m))))
            .collect();
        let mut delta = AccountDelta {
            account: self.setup.address.clone(),
            next_uidvalidity: self.next_uidvalidity,
            ..AccountDelta::default()
        };
        let mut here = BTreeSet::new();
        for (name, mailbox) in &self.mailboxes {
            here.insert(mailbox.uidvalidity);
            let then = old.get(&mailbox.uidvalidity).copied();
            let same = then.is_some_and(|(n, m)| {
                let alike = || m.highest == mailbox.highest && m.keywords.len() == mailbox.keywords.len();
                n == name && (Arc::ptr_eq(m, mailbox) || alike())
            });
            if !same {
                delta.boxes.push(mailbox.delta(name, then.map(|(n, m)| (n, m.as_ref()))));
            }
        }
        delta.deleted = old.keys().copied().filter(|uidvalidity| !here.contains(uidvalidity)).collect();
        let nothing = BTreeSet::new();
        let then = before.map_or(&nothing, |a| &a.subscribed);
        delta.subscribed.extend(self.subscribed.difference(then).map(|n| (n.clone(), true)));
        delta.subscribed.extend(then.difference(&self.subscribed).map(|n| (n.clone(), false)));
        delta
    }
}

impl AccountDelta {
    /// Whether a disk need not be told anything.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty() && self.deleted.is_empty() && self.subscribed.is_empty()
    }
}

impl Mailboxes {
    /// What changed in an account since `before` was copied from this store; all of it where `before` is `None`.
    /// `None` where there is no such account.
    pub fn delta(&self, account: &str, before: Option<&Mailboxes>) -> Option<AccountDelta> {
        let now = self.account(account).ok()?;
        Some(now.delta(before.and_then(|b| b.account(account).ok())))
    }

    /// Put an account's mailboxes in place of those it has. Its password, quota and aliases stay. Where it is `new` to
    /// the disk, mailboxes that it begins with and that `state` does not have are made; later they are its owner's to
    /// rename and to delete. What facts it states are of no use: see [`Mailboxes::restate`].
    pub fn restore(&mut self, account: &str, state: AccountState, new: bool) -> Result<(), Refusal> {
        let owner = self.account_mut(account)?;
        let folders = if new { owner.setup.folders.clone() } else { Vec::new() };
        let address = owner.setup.address.clone();
        owner.mailboxes =
            state.boxes.into_iter().map(Mailbox::from_state).map(|(n, m)| (n, Arc::new(m))).collect();
        let used = owner.mailboxes.values().map(|m| m.uidvalidity.saturating_add(1)).max().unwrap_or(1);
        owner.next_uidvalidity = owner.next_uidvalidity.max(state.next_uidvalidity).max(used);
        owner.subscribed = state.subscribed;
        if !owner.mailboxes.contains_key(INBOX) {
            self.create(&address, INBOX, None)?;
        }
        for (name, special_use) in folders {
            // One that is there already is left as it is.
            let _ = self.create(&address, &name, special_use);
        }
        Ok(())
    }

    /// Take in a message that somebody else has put on the disk: no quota stops it, it lies there already.
    pub fn adopt(
        &mut self,
        account: &str,
        mailbox: &str,
        bytes: Arc<[u8]>,
        flags: &[String],
        date: Instant,
    ) -> Result<u32, Refusal> {
        let limits = self.limits;
        let (address, name) = (self.account(account)?.setup.address.clone(), folders::canonical(mailbox));
        let size = bytes.len() as u64;
        let target = self.mailbox_mut(account, mailbox)?;
        let uid = target.add(bytes, flags, date, &limits).ok_or(Refusal::Full)?;
        let flags = target.flags_of(uid);
        self.state(Fact::Delivered { account: address, mailbox: name, uid, size, flags, id: None });
        Ok(uid)
    }

    /// A message with everything, and its mailbox's UIDVALIDITY.
    pub fn kept(&self, account: &str, mailbox: &str, uid: u32) -> Option<(u32, Kept)> {
        let mailbox = self.mailbox(account, mailbox).ok()?;
        Some((mailbox.uidvalidity, mailbox.kept(uid)?))
    }

    /// Forget what facts wait, and state the store as it is, from nothing: a recording begins where the disk does.
    pub fn restate(&mut self) {
        self.facts.clear();
        let mut facts = Vec::new();
        for account in self.accounts.values() {
            let address = &account.setup.address;
            for (name, mailbox) in &account.mailboxes {
                let (account, mailbox_name) = (address.clone(), name.clone());
                let uidvalidity = mailbox.uidvalidity;
                facts.push(Fact::MailboxCreated { account, mailbox: mailbox_name, uidvalidity });
                for (uid, flags, size) in mailbox.rows() {
                    let (account, mailbox) = (address.clone(), name.clone());
                    facts.push(Fact::Delivered { account, mailbox, uid, size, flags, id: None });
                }
            }
        }
        facts.into_iter().for_each(|fact| self.state(fact));
    }

    /// Whether a mailbox may have this name.
    pub fn is_possible(&self, name: &str) -> bool {
        folders::possible(name, &self.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccountSetup, FlagChange};
    use super::*;

    const BOB: &str = "bob@example.net";

    fn put(store: &mut Mailboxes, mailbox: &str, text: &str) -> u32 {
        let now = Instant::from_secs(1);
        store.deliver(BOB, mailbox, text.as_bytes().into(), &[], now, None).expect("there is room")
    }

    fn delta(before: &Mailboxes, after: &Mailboxes) -> AccountDelta {
        after.delta(BOB, Some(before)).expect("bob is here")
    }

    #[test]
    fn a_delta_says_what_changed_and_nothing_else() {
        let mut store = Mailboxes::new();
        store.add_account(AccountSetup::new(BOB, 7).with_special_use());
        for text in ["one", "two", "three"] {
            put(&mut store, "INBOX", text);
        }
        let before = store.clone();
        assert!(delta(&before, &store).is_empty());
        store.recent_from(BOB, "INBOX", true).expect("INBOX");
        assert!(delta(&before, &store).is_empty(), "who was told what is worth no disk");
        put(&mut store, "INBOX", "four");
        store.set_flags(BOB, "INBOX", &[2], FlagChange::Add, &["Later".to_owned()], None).expect("done");
        store.move_messages(BOB, "INBOX", &[1], "Archive").expect("moved");
        store.rename(BOB, "Junk", "Spam").expect("renamed");
        store.delete(BOB, "Drafts").expect("deleted");
        store.subscribe(BOB, "Elsewhere").expect("subscribed");
        let told = delta(&before, &store);
        let names: Vec<(&str, Option<&str>)> =
            told.boxes.iter().map(|b| (b.name.as_str(), b.before.as_deref())).collect();
        let archive = ("Archive", Some("Archive"));
        assert_eq!(names, [archive, ("INBOX", Some("INBOX")), ("Spam", Some("Junk"))]);
        assert_eq!((told.deleted.len(), told.subscribed.len()), (1, 1));
        let inbox = &told.boxes[1];
        assert_eq!(inbox.added.iter().map(|m| m.uid).collect::<Vec<_>>(), [4]);
        assert_eq!(inbox.changed.iter().map(|m| m.uid).collect::<Vec<_>>(), [2]);
        assert_eq!(inbox.removed.iter().map(|r| r.1).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_is_restored_is_what_was_there() {
        let mut store = Mailboxes::new();
        store.add_account(AccountSetup::new(BOB, 7).with_special_use());
        for text in ["one", "two", "three"] {
            put(&mut store, "INBOX", text);
        }
        store.expunge(BOB, "INBOX", &[3]).expect("gone");
        store.set_flags(BOB, "INBOX", &[1], FlagChange::Add, &["\\Seen".to_owned()], None).expect("done");
        let whole = store.delta(BOB, None).expect("bob is here");
        let state = AccountState {
            next_uidvalidity: whole.next_uidvalidity,
            subscribed: whole.subscribed.iter().map(|(name, _)| name.clone()).collect(),
            boxes: whole
                .boxes
                .iter()
                .cloned()
                .map(|b| BoxState { name: b.name, head: b.head, messages: b.added, removed: b.removed })
                .collect(),
        };
        let mut again = Mailboxes::new();
        again.add_account(AccountSetup::new(BOB, 9));
        again.restore(BOB, state, false).expect("bob is here");
        assert_eq!(again.delta(BOB, None), Some(whole));
        assert_eq!(put(&mut again, "INBOX", "four"), 4, "the UID of what was removed does not return");
        again.restate();
        assert_eq!(again.take_facts().len(), 6 + 3);
    }
}
