//! What the store promises: UIDs that never return, changes in order, facts that say everything.

use super::*;
use std::collections::BTreeMap;

const BOB: &str = "bob@example.net";

fn store() -> Mailboxes {
    let mut store = Mailboxes::new();
    let setup = AccountSetup { password: Secret::new("pw"), ..AccountSetup::new(BOB, 100) };
    store.add_account(AccountSetup { aliases: vec!["postmaster@example.net".into()], ..setup });
    store
}

fn put(store: &mut Mailboxes, mailbox: &str, text: &str) -> Result<u32, Refusal> {
    store.deliver(BOB, mailbox, text.as_bytes().into(), &[], Instant::from_secs(1), None)
}

fn flags(of: &[&str]) -> Vec<String> {
    of.iter().map(|f| (*f).to_owned()).collect()
}

/// The fold that `state` does: facts give the snapshot again.
fn fold(facts: &[Fact]) -> BTreeMap<String, Vec<SnapshotRow>> {
    let mut boxes: BTreeMap<String, Vec<SnapshotRow>> = BTreeMap::new();
    for fact in facts.iter().cloned() {
        match fact {
            Fact::MailboxCreated { mailbox, .. } => drop(boxes.insert(mailbox, Vec::new())),
            Fact::MailboxDeleted { mailbox, .. } => drop(boxes.remove(&mailbox)),
            Fact::MailboxRenamed { from, to, .. } => {
                let rows = boxes.remove(&from).unwrap_or_default();
                boxes.insert(to, rows);
            }
            Fact::Delivered { mailbox, uid, size, flags, .. } => {
                boxes.entry(mailbox).or_default().push((uid, flags, size));
            }
            Fact::FlagsSet { mailbox, uid, flags, .. } => {
                let rows = boxes.entry(mailbox).or_default();
                rows.iter_mut().filter(|r| r.0 == uid).for_each(|r| r.1.clone_from(&flags));
            }
            Fact::Removed { mailbox, uid, .. } => boxes.entry(mailbox).or_default().retain(|r| r.0 != uid),
            _ => {}
        }
    }
    boxes
}

#[test]
fn a_uid_never_returns_and_facts_rebuild_the_store() {
    let mut store = store();
    assert_eq!(put(&mut store, "inbox", "one"), Ok(1));
    assert_eq!(put(&mut store, INBOX, "two"), Ok(2));
    store.set_flags(BOB, INBOX, &[1, 2, 9], FlagChange::Add, &flags(&["\\seen", "Work"]), None).unwrap();
    store.set_flags(BOB, INBOX, &[2], FlagChange::Remove, &flags(&["WORK"]), None).unwrap();
    assert_eq!(store.expunge(BOB, INBOX, &[2, 3]), Ok(vec![2]));
    assert_eq!(put(&mut store, INBOX, "three"), Ok(3));
    store.create(BOB, "a/b", None).unwrap();
    store.copy(BOB, INBOX, &[1, 3], "a/b").unwrap();
    store.rename(BOB, "a", "c").unwrap();
    store.rename(BOB, INBOX, "old").unwrap();
    store.create(BOB, "gone", None).unwrap();
    store.delete(BOB, "gone").unwrap();
    let facts = store.take_facts();
    assert_eq!(Some(&fold(&facts)), store.snapshot().get(BOB));
    assert!(store.snapshot()[BOB][INBOX].is_empty());
    assert_eq!(store.snapshot()[BOB]["c/b"][0].1, flags(&["Work", "\\Seen"]));
}

#[test]
fn changes_come_in_order_and_outlive_the_memory_of_removals() {
    let mut store = Mailboxes::with_limits(StoreLimits { removed: 1, ..StoreLimits::default() });
    store.add_account(AccountSetup::new(BOB, 1));
    for text in ["a", "b", "c"] {
        put(&mut store, INBOX, text).unwrap();
    }
    let start = store.status(BOB, INBOX).unwrap().highest_modseq;
    store.set_flags(BOB, INBOX, &[2], FlagChange::Replace, &flags(&["\\Seen"]), None).unwrap();
    store.expunge(BOB, INBOX, &[1]).unwrap();
    put(&mut store, INBOX, "d").unwrap();
    let changes = store.changes_since(BOB, INBOX, start).unwrap();
    assert_eq!(changes.removed, [1]);
    assert_eq!(changes.changed.iter().map(|m| m.uid).collect::<Vec<_>>(), [2]);
    assert_eq!(changes.arrived.iter().map(|m| m.uid).collect::<Vec<_>>(), [4]);
    assert_eq!(changes.left, None);
    assert_eq!(store.changes_since(BOB, INBOX, changes.highest).unwrap().arrived, []);
    store.expunge(BOB, INBOX, &[2]).unwrap();
    assert_eq!(store.changes_since(BOB, INBOX, start).unwrap().left, Some(vec![3, 4]));
}

#[test]
fn unchangedsince_leaves_alone_what_somebody_else_changed() {
    let mut store = store();
    put(&mut store, INBOX, "a").unwrap();
    put(&mut store, INBOX, "b").unwrap();
    let seen = store.status(BOB, INBOX).unwrap().highest_modseq;
    store.set_flags(BOB, INBOX, &[1], FlagChange::Add, &flags(&["\\Seen"]), None).unwrap();
    let done =
        store.set_flags(BOB, INBOX, &[1, 2], FlagChange::Add, &flags(&["\\Deleted"]), Some(seen)).unwrap();
    assert_eq!(done, FlagsChanged { changed: vec![2], modified: vec![1] });
}

#[test]
fn a_full_account_takes_nothing_and_loses_nothing() {
    let mut store = Mailboxes::new();
    store.add_account(AccountSetup { quota: 10, ..AccountSetup::new(BOB, 1) });
    store.create(BOB, "box", None).unwrap();
    put(&mut store, INBOX, "123456").unwrap();
    assert_eq!(put(&mut store, INBOX, "12345"), Err(Refusal::Full));
    assert_eq!(store.copy(BOB, INBOX, &[1], "box"), Err(Refusal::Full));
    assert_eq!(store.move_messages(BOB, INBOX, &[1], "box").unwrap().uids, [(1, 1)]);
    assert_eq!(store.quota(BOB), Ok((6, 10)));
    store.set_full(BOB, true).unwrap();
    assert_eq!(put(&mut store, INBOX, ""), Err(Refusal::Full));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let mut store = store();
    for bad in ["", "/", "/a", "a//b", "../x", "a/..", "a\nb", "a/./b"] {
        assert_eq!(store.create(BOB, bad, None), Err(Refusal::BadName), "{bad:?}");
    }
    assert_eq!(store.create(BOB, "Inbox", None), Err(Refusal::AlreadyExists));
    assert_eq!(store.delete(BOB, "inbox"), Err(Refusal::Inbox));
    assert_eq!(store.rename(BOB, "x", "y"), Err(Refusal::NoSuchMailbox));
    let first = store.create(BOB, "a/b/", None).unwrap();
    assert_eq!(store.rename(BOB, "a", "a/b/c"), Err(Refusal::BadName));
    let listed: Vec<(String, bool)> =
        store.folders(BOB).unwrap().into_iter().map(|f| (f.name, f.exists)).collect();
    assert_eq!(listed, [(INBOX.to_owned(), true), ("a".to_owned(), false), ("a/b".to_owned(), true)]);
    store.delete(BOB, "a/b").unwrap();
    assert_ne!(store.create(BOB, "a/b", None), Ok(first), "a new mailbox of an old name is another one");
}

#[test]
fn one_pop3_session_holds_the_maildrop() {
    let mut store = store();
    put(&mut store, INBOX, "hello").unwrap();
    let listed = store.lock_maildrop(BOB, 1).unwrap();
    assert_eq!(listed, [MaildropEntry { uid: 1, uidl: "100.1".into(), octets: 5 }]);
    assert_eq!(store.lock_maildrop(BOB, 2), Err(Refusal::InUse));
    store.unlock_maildrop(BOB, 2);
    assert_eq!(store.lock_maildrop(BOB, 2), Err(Refusal::InUse));
    assert_eq!(store.update_maildrop(BOB, 1, &[1]), Ok(vec![1]));
    assert_eq!(store.lock_maildrop(BOB, 2), Ok(vec![]));
    store.unlock_maildrop(BOB, 2);
    let end: Vec<Fact> = store.take_facts().split_off(3);
    let (account, mailbox) = (BOB.to_owned(), INBOX.to_owned());
    assert_eq!(
        end,
        [
            Fact::Removed { account: account.clone(), mailbox, uid: 1 },
            Fact::MaildropUnlocked { account: account.clone(), updated: true },
            Fact::MaildropLocked { account: account.clone() },
            Fact::MaildropUnlocked { account, updated: false },
        ]
    );
}

#[test]
fn who_logs_in_and_who_is_recent() {
    let mut store = store();
    assert_eq!(store.authenticate("BOB@example.net", &Secret::new("pw")).as_deref(), Some(BOB));
    assert_eq!(store.authenticate(BOB, &Secret::new("pW")), None);
    assert_eq!(store.authenticate("nobody", &Secret::new("")), None);
    assert_eq!(store.resolve("Postmaster@Example.net").as_deref(), Some(BOB));
    put(&mut store, INBOX, "a").unwrap();
    assert_eq!(store.recent_from(BOB, INBOX, false), Ok(1), "EXAMINE leaves them recent");
    assert_eq!(store.recent_from(BOB, INBOX, true), Ok(1));
    assert_eq!(store.recent_from(BOB, INBOX, true), Ok(2));
    assert_eq!(store.name_of(BOB, 100).as_deref(), Some(INBOX));
}
