//! A mail program's own disk: what it keeps of an account's mail between sessions, and after the network is gone.
//!
//! Copies (whole, or as much as was fetched), flags and folders as this device knows them, the POP3 client's list of
//! unique-ids (RFC 1939 §7), and how far the IMAP client knows each mailbox (RFC 4549 §3). Every change states a
//! fact, so that folding the facts gives the disk again.

use crate::base::Instant;
use crate::trace::Fact;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The folder that is shown first.
pub const INBOX: &str = "";

/// How much of a message a copy holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Sender, subject, size: what a list shows.
    Header,
    /// The header and the first lines.
    Lines,
    /// All of it.
    #[default]
    Whole,
    /// An attachment that was saved as a file.
    File,
}

impl Part {
    /// As it stands in a fact.
    pub fn name(self) -> &'static str {
        match self {
            Part::Header => "header",
            Part::Lines => "lines",
            Part::Whole => "",
            Part::File => "file",
        }
    }
}

/// A copy on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    /// How much it is of the message.
    pub part: Part,
    /// What is kept, as it came.
    pub bytes: Arc<[u8]>,
    /// Octets that it takes on the disk.
    pub size: u64,
    /// Octets of the whole message.
    pub whole: u64,
    /// The Subject.
    pub subject: String,
    /// The sender's address.
    pub from: String,
    /// In which folder it is shown; [`INBOX`] or a name.
    pub folder: String,
    /// Its flags, sorted.
    pub flags: Vec<String>,
    /// Grows with each message that comes: the newest has the largest.
    pub order: u64,
    /// POP3: its unique-id on the server.
    pub uidl: String,
    /// Its Message-ID, without angle brackets, where the list has told it.
    pub message_id: String,
    /// What a look at its structure told of its attachments.
    pub attachments: Option<Vec<Attachment>>,
}

/// An attachment that is known of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Its section, as in `2` or `1.2`; empty where the whole message is here.
    pub section: Vec<u32>,
    /// Its file name.
    pub name: String,
    /// As in `application/pdf`.
    pub media_type: String,
    /// Octets as it travels.
    pub octets: u64,
    /// As in `base64`, in lower case.
    pub encoding: String,
}

impl Copy {
    /// Whether it has this flag.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }
}

/// What is kept of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Copies by the keys that the client knows them by.
    pub copies: BTreeMap<String, Copy>,
    /// POP3: unique-ids that were fetched, and when.
    pub ids: BTreeMap<String, Instant>,
    /// IMAP: mailbox → UIDVALIDITY, and the UID from which on messages are new.
    pub mailboxes: BTreeMap<String, (u32, u32)>,
    next: u64,
}

/// A device's disk, as far as mail goes.
#[derive(Debug, Default)]
pub struct Disk {
    shelves: BTreeMap<String, Shelf>,
    facts: Vec<Fact>,
}

/// What one copy is, for comparing: octets, part, folder, flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptRow {
    /// Octets on the disk.
    pub size: u64,
    /// How much of the message; see [`Part::name`].
    pub part: String,
    /// In which folder.
    pub folder: String,
    /// Which flags.
    pub flags: Vec<String>,
}

impl Disk {
    /// What is kept of an account; an empty shelf where nothing is.
    pub fn shelf(&self, account: &str) -> Shelf {
        self.shelves.get(account).cloned().unwrap_or_default()
    }

    /// Look at an account's shelf.
    pub fn with_shelf<T>(&self, account: &str, look: impl FnOnce(&Shelf) -> T) -> T {
        match self.shelves.get(account) {
            Some(shelf) => look(shelf),
            None => look(&Shelf::default()),
        }
    }

    /// Keep a copy under a key: a smaller part never takes the place of a larger one. Gives its order.
    pub fn keep(&mut self, account: &str, key: &str, mut copy: Copy) -> u64 {
        let shelf = self.shelves.entry(account.to_owned()).or_default();
        let before = shelf.copies.get(key);
        if let Some(before) = before.filter(|b| b.part > copy.part) {
            return before.order;
        }
        copy.order = before.map_or(if copy.order > 0 { copy.order } else { shelf.next + 1 }, |b| b.order);
        shelf.next = shelf.next.max(copy.order);
        let flags = before.map_or_else(|| std::mem::take(&mut copy.flags), |b| b.flags.clone());
        if let Some(before) = before {
            copy.attachments = copy.attachments.or_else(|| before.attachments.clone());
            copy.folder.clone_from(&before.folder);
        }
        copy.flags = Vec::new();
        self.facts.push(Fact::ClientCopyKept {
            account: account.to_owned(),
            key: key.to_owned(),
            size: copy.size,
            subject: copy.subject.clone(),
            part: copy.part.name().to_owned(),
            folder: copy.folder.clone(),
        });
        let order = copy.order;
        shelf.copies.insert(key.to_owned(), copy);
        self.flag(account, key, flags);
        order
    }

    /// A key for a copy that stands beside one of the same name: `7.3`, then `7.3 (2)`.
    pub fn free_key(&self, account: &str, key: &str) -> String {
        self.with_shelf(account, |shelf| {
            let numbered = (2_u64..).map(|n| format!("{key} ({n})"));
            let mut names = std::iter::once(key.to_owned()).chain(numbered);
            names.find(|name| !shelf.copies.contains_key(name)).unwrap_or_default()
        })
    }

    /// Give a copy these flags.
    pub fn flag(&mut self, account: &str, key: &str, mut flags: Vec<String>) {
        flags.sort();
        flags.dedup();
        let Some(copy) = self.copy_mut(account, key).filter(|copy| copy.flags != flags) else { return };
        copy.flags.clone_from(&flags);
        self.facts.push(Fact::ClientFlagsSet { account: account.to_owned(), key: key.to_owned(), flags });
    }

    /// File a copy in a folder.
    pub fn file(&mut self, account: &str, key: &str, folder: &str) {
        let Some(copy) = self.copy_mut(account, key).filter(|copy| copy.folder != folder) else { return };
        folder.clone_into(&mut copy.folder);
        let (account, key, folder) = (account.to_owned(), key.to_owned(), folder.to_owned());
        self.facts.push(Fact::ClientFiled { account, key, folder });
    }

    /// Note what a message's structure told of its attachments.
    pub fn note_attachments(&mut self, account: &str, key: &str, attachments: Vec<Attachment>) {
        if let Some(copy) = self.copy_mut(account, key) {
            copy.attachments = Some(attachments);
        }
    }

    /// Let a copy go.
    pub fn remove(&mut self, account: &str, key: &str) -> Option<Copy> {
        let gone = self.shelves.get_mut(account)?.copies.remove(key)?;
        self.facts.push(Fact::ClientCopyRemoved { account: account.to_owned(), key: key.to_owned() });
        Some(gone)
    }

    /// POP3: the list of unique-ids, changed; where it is another one then, that is stated.
    pub fn ids(&mut self, account: &str, change: impl FnOnce(&mut BTreeMap<String, Instant>)) {
        let shelf = self.shelves.entry(account.to_owned()).or_default();
        let before = shelf.ids.len();
        change(&mut shelf.ids);
        let now = shelf.ids.len();
        if before != now {
            self.facts.push(Fact::ClientIdsKnown { account: account.to_owned(), ids: now as u64 });
        }
    }

    /// IMAP: how far a mailbox is known.
    pub fn know(&mut self, account: &str, mailbox: &str, uidvalidity: u32, uidnext: u32) {
        let shelf = self.shelves.entry(account.to_owned()).or_default();
        if shelf.mailboxes.insert(mailbox.to_owned(), (uidvalidity, uidnext)) == Some((uidvalidity, uidnext))
        {
            return;
        }
        let (account, mailbox) = (account.to_owned(), mailbox.to_owned());
        self.facts.push(Fact::ClientMailboxKnown { account, mailbox, uidvalidity, uidnext });
    }

    /// Everything of an account is gone.
    pub fn lose(&mut self, account: &str) {
        self.shelves.remove(account);
        self.facts.push(Fact::ClientStoreLost { account: account.to_owned() });
    }

    /// The notes of what is known are gone; copies stay. Gives how many unique-ids were forgotten.
    pub fn lose_notes(&mut self, account: &str) -> usize {
        let forgotten = self.with_shelf(account, |shelf| shelf.ids.len());
        self.ids(account, BTreeMap::clear);
        let known: Vec<(String, u32)> = self
            .with_shelf(account, |s| s.mailboxes.iter().map(|(name, (v, _))| (name.clone(), *v)).collect());
        for (mailbox, uidvalidity) in known {
            self.know(account, &mailbox, uidvalidity, 1);
        }
        forgotten
    }

    /// What was done since it was last asked, in order.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Account → key → what the copy is.
    pub fn snapshot(&self) -> BTreeMap<String, BTreeMap<String, KeptRow>> {
        let row = |copy: &Copy| KeptRow {
            size: copy.size,
            part: copy.part.name().to_owned(),
            folder: copy.folder.clone(),
            flags: copy.flags.clone(),
        };
        let rows = |shelf: &Shelf| shelf.copies.iter().map(|(key, copy)| (key.clone(), row(copy))).collect();
        let filled = self.shelves.iter().filter(|(_, shelf)| !shelf.copies.is_empty());
        filled.map(|(account, shelf)| (account.clone(), rows(shelf))).collect()
    }

    fn copy_mut(&mut self, account: &str, key: &str) -> Option<&mut Copy> {
        self.shelves.get_mut(account)?.copies.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(part: Part, text: &str) -> Copy {
        Copy { part, bytes: text.as_bytes().into(), size: text.len() as u64, ..Copy::default() }
    }

    #[test]
    fn a_header_never_takes_the_place_of_a_message_and_flags_stay() {
        let mut disk = Disk::default();
        disk.keep("bob", "7.1", Copy { flags: vec!["\\Seen".to_owned()], ..copy(Part::Header, "h") });
        disk.keep("bob", "7.1", copy(Part::Whole, "all of it"));
        disk.keep("bob", "7.1", copy(Part::Header, "h"));
        let kept = disk.shelf("bob").copies["7.1"].clone();
        assert_eq!((kept.part, kept.size, kept.flags.len()), (Part::Whole, 9, 1));
        assert_eq!(disk.free_key("bob", "7.1"), "7.1 (2)");
        assert_eq!(disk.free_key("bob", "7.2"), "7.2");
        disk.file("bob", "7.1", "Family");
        disk.keep("bob", "7.1", copy(Part::Whole, "again"));
        assert_eq!(disk.shelf("bob").copies["7.1"].folder, "Family");
    }

    #[test]
    fn the_newest_is_the_one_that_came_last() {
        let mut disk = Disk::default();
        let orders = ["b", "a", "c"].map(|key| disk.keep("bob", key, copy(Part::Whole, key)));
        assert_eq!(orders, [1, 2, 3]);
        assert_eq!(disk.keep("bob", "a", copy(Part::Whole, "a")), 2, "what came again is no newer");
    }

    #[test]
    fn what_is_said_twice_is_stated_once() {
        let mut disk = Disk::default();
        disk.keep("bob", "a", copy(Part::Whole, "a"));
        for _ in 0..2 {
            disk.flag("bob", "a", vec!["\\Seen".to_owned(), "\\Seen".to_owned()]);
            disk.file("bob", "a", "Family");
            disk.know("bob", "INBOX", 7, 9);
            disk.ids("bob", |ids| {
                let _ = ids.insert("x".to_owned(), Instant::from_secs(1));
            });
        }
        assert_eq!(disk.take_facts().len(), 5);
        disk.lose("bob");
        assert!(disk.snapshot().is_empty() && disk.shelf("bob") == Shelf::default());
    }
}
