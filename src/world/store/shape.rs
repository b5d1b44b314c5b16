//! What Maildir and mbox have in common: an account's index, and a shape that keeps the octets. The order of a change
//! is the same in both, and so is what a stop in the middle of it leaves.
//!
//! 1. New octets are written and synced, where nothing refers to them yet.
//! 2. One transaction goes to the index and is synced: *this* is the moment from which the change is kept.
//! 3. What the change made needless is tidied: files are renamed and removed.
//!
//! A stop before 2 leaves octets that nobody was told of; a stop behind it leaves tidying to do, and the index says which.

use super::files::{Files, replace};
use super::index::{self, BoxLine, Index, Line, MessageLine};
use super::{OpenError, Unkept};
use crate::base::Instant;
use crate::world::mailboxes::delta::{AccountDelta, AccountState, BoxDelta, BoxHead, Kept};
use crate::world::mailboxes::{FlagChange, Mailboxes};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The name of the index.
pub const INDEX: &str = "postroad-index";

/// An index is written anew when it has so many lines more than twice what it needed then.
const SLACK: usize = 1_000;

/// Where a message lies, as the index says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Its file, or digest.
    pub file: String,
    /// What that was before.
    pub was: String,
    /// See [`MessageLine::form`].
    pub form: char,
}

/// A change, thought out before anything is written.
#[derive(Default)]
pub struct Plan<S> {
    /// Where each new or changed message will lie, by UIDVALIDITY and UID.
    pub messages: BTreeMap<(u32, u32), Words>,
    /// Folder or file of each mailbox of the change: as it will be, and as it is.
    pub files: BTreeMap<u32, (String, String)>,
    /// What the index must say before any octet is written.
    pub intents: Vec<Line>,
    /// What the index must say besides.
    pub extra: Vec<Line>,
    /// What the shape does, and did.
    pub steps: S,
}

/// What was found on a disk that the index does not say.
pub enum Repair {
    /// A message is gone.
    Missing {
        /// Its mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
    },
    /// A message's flags are others.
    Flags {
        /// Its mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
        /// As they are.
        flags: Vec<String>,
    },
    /// Somebody has put a message there.
    Adopt {
        /// Its mailbox.
        mailbox: String,
        /// Its octets.
        bytes: Arc<[u8]>,
        /// Its flags.
        flags: Vec<String>,
        /// When it came.
        date: Instant,
        /// Where it lies.
        words: Words,
    },
}

/// What a disk gives back.
#[derive(Default)]
pub struct Loaded {
    /// What the index says; a mailbox that it does not know is in it too, without messages.
    pub state: AccountState,
    /// What is otherwise.
    pub repairs: Vec<Repair>,
}

/// How messages lie on a disk.
pub trait Shape: Send {
    /// What it notes in a [`Plan`].
    type Steps: Default + Send;

    /// Its name in the index.
    const KIND: &'static str;

    /// Read everything, and finish what a stop has left undone. `next` is a UIDVALIDITY that no mailbox had yet.
    ///
    /// # Errors
    /// What the file system says.
    fn load(&mut self, index: Option<&Index>, next: u32, now: Instant) -> io::Result<Loaded>;

    /// Think a change out. With `anew`, the whole index will be written, and intents cannot be.
    ///
    /// # Errors
    /// What the file system says.
    fn plan(&self, delta: &AccountDelta, now: Instant, anew: bool) -> io::Result<Plan<Self::Steps>>;

    /// Write new octets, synced.
    ///
    /// # Errors
    /// What the file system says: [`Shape::undo`] is called then.
    fn write(&mut self, plan: &mut Plan<Self::Steps>) -> io::Result<()>;

    /// Take back what [`Shape::write`] wrote, as well as it goes.
    fn undo(&mut self, plan: Plan<Self::Steps>);

    /// Tidy up: the change is kept. `subscribed` is given where it changed.
    fn finish(&mut self, plan: Plan<Self::Steps>, subscribed: Option<&BTreeSet<String>>);

    /// Where a message lies.
    fn words(&self, uidvalidity: u32, uid: u32) -> Option<Words>;

    /// The folder or file of a mailbox, and what is still to take that name.
    fn file(&self, uidvalidity: u32) -> Option<(String, String)>;

    /// Note where a message lies that was found there.
    fn place(&mut self, uidvalidity: u32, words: Words, kept: Kept);

    /// Whether another program has changed what is about to be changed; only those say so that must know.
    fn is_touched(&self) -> bool {
        false
    }
}

/// What the keeper of a host asks of an account's disk.
pub trait AccountDisk: Send {
    /// Keep a change: `delta`, after which the account is as in `after`.
    ///
    /// # Errors
    /// Why it is not kept: then nothing of it is.
    fn commit(&mut self, delta: &AccountDelta, after: &Mailboxes, now: Instant) -> Result<(), Unkept>;

    /// Look for what others have changed in the files, and change the store alike. Only messages: a folder that
    /// somebody made is seen when the store is opened.
    ///
    /// # Errors
    /// What the file system says.
    fn rescan(&mut self, mailboxes: &mut Mailboxes, now: Instant) -> Result<(), Unkept>;

    /// Whether a rescan must come before the next change.
    fn is_touched(&self) -> bool;
}

/// An account on a disk.
pub struct AccountStore<S> {
    files: Arc<dyn Files>,
    account: String,
    index: PathBuf,
    shape: S,
    /// How long the index is.
    len: u64,
    /// How many lines may still come before it is written anew.
    room: usize,
    /// What it says may not be what the store has: it must be written anew.
    stale: bool,
}

impl<S: Shape> AccountStore<S> {
    /// Open an account's files, and put what they hold into `mailboxes`. Where there are none, what `mailboxes` has is
    /// written.
    ///
    /// # Errors
    /// What the file system says, or that the index is another program's.
    pub fn open(
        files: Arc<dyn Files>,
        root: PathBuf,
        shape: S,
        mailboxes: &mut Mailboxes,
        account: &str,
        now: Instant,
    ) -> Result<Self, OpenError> {
        let path = root.join(INDEX);
        let failed = |error: io::Error| OpenError::io(&path, error);
        files.make_dir(&root).map_err(failed)?;
        root.parent().map_or(Ok(()), |above| files.sync_dir(above)).map_err(failed)?;
        let mut store = AccountStore {
            files,
            account: account.to_owned(),
            index: path.clone(),
            shape,
            len: 0,
            room: 0,
            stale: true,
        };
        let index = store.read_index()?;
        let next = mailboxes.delta(account, None).map_or(1, |delta| delta.next_uidvalidity);
        let loaded = store.shape.load(index.as_ref(), next, now).map_err(failed)?;
        let new = index.is_none_or(|index| index.lines.is_empty());
        if !loaded.state.boxes.is_empty() {
            mailboxes.restore(account, loaded.state, new).map_err(|e| failed(io::Error::other(e)))?;
            store.repair(mailboxes, loaded.repairs);
        }
        store.settle(mailboxes, now).map_err(|unkept| failed(io::Error::other(unkept.why)))?;
        Ok(store)
    }

    fn read_index(&self) -> Result<Option<Index>, OpenError> {
        match self.files.read(&self.index) {
            Ok(bytes) => {
                let read = index::read(&bytes, S::KIND);
                read.map(Some).map_err(|why| OpenError::Index { path: self.index.clone(), why })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io(&self.index, error)),
        }
    }

    fn repair(&mut self, mailboxes: &mut Mailboxes, repairs: Vec<Repair>) {
        let account = &self.account;
        for repair in repairs {
            // A mailbox that is not there any more needs no repair.
            match repair {
                Repair::Missing { mailbox, uid } => drop(mailboxes.expunge(account, &mailbox, &[uid])),
                Repair::Flags { mailbox, uid, flags } => {
                    let replace = FlagChange::Replace;
                    drop(mailboxes.set_flags(account, &mailbox, &[uid], replace, &flags, None));
                }
                Repair::Adopt { mailbox, bytes, flags, date, words } => {
                    let uid = mailboxes.adopt(account, &mailbox, bytes, &flags, date);
                    let kept = uid.ok().and_then(|uid| mailboxes.kept(account, &mailbox, uid));
                    if let Some((uidvalidity, kept)) = kept {
                        self.shape.place(uidvalidity, words, kept);
                    }
                }
            }
        }
    }

    /// Write what the disk does not have yet, and the index anew.
    fn settle(&mut self, mailboxes: &Mailboxes, now: Instant) -> Result<(), Unkept> {
        let Some(mut delta) = mailboxes.delta(&self.account, None) else { return Ok(()) };
        for mailbox in &mut delta.boxes {
            let uidvalidity = mailbox.head.uidvalidity;
            mailbox.before = self.shape.file(uidvalidity).map(|_| mailbox.name.clone());
            mailbox.added.retain(|m| self.shape.words(uidvalidity, m.uid).is_none());
            mailbox.removed.clear();
        }
        self.stale = true;
        self.commit(&delta, mailboxes, now)
    }

    fn box_line(&self, b: &BoxDelta, plan: &Plan<S::Steps>) -> Line {
        let BoxHead { uidvalidity, special_use, uidnext, highest, recent_from, forgotten, .. } =
            b.head.clone();
        let here = || self.shape.file(uidvalidity).unwrap_or_default();
        let (file, was) = plan.files.get(&uidvalidity).cloned().unwrap_or_else(here);
        let special_use = special_use.unwrap_or_default();
        let name = b.name.clone();
        Line::Box(BoxLine {
            uidvalidity,
            name,
            file,
            was,
            special_use,
            uidnext,
            highest,
            recent_from,
            forgotten,
        })
    }

    /// The lines that say `delta`.
    fn lines(&self, delta: &AccountDelta, plan: &Plan<S::Steps>) -> Vec<Line> {
        let mut lines = vec![Line::Next(delta.next_uidvalidity)];
        let gone = |uidvalidity: &u32| {
            Line::Deleted(*uidvalidity, self.shape.file(*uidvalidity).unwrap_or_default().0)
        };
        lines.extend(delta.deleted.iter().map(gone));
        lines.extend(plan.extra.iter().cloned());
        for b in &delta.boxes {
            let uidvalidity = b.head.uidvalidity;
            lines.push(self.box_line(b, plan));
            if !b.head.keywords.is_empty() {
                lines.push(Line::Keywords(uidvalidity, b.head.keywords.clone()));
            }
            for m in b.added.iter().chain(&b.changed) {
                let planned = plan.messages.get(&(uidvalidity, m.uid)).cloned();
                let Some(words) = planned.or_else(|| self.shape.words(uidvalidity, m.uid)) else { continue };
                lines.push(Line::Message(MessageLine {
                    uidvalidity,
                    uid: m.uid,
                    born: m.born,
                    modseq: m.modseq,
                    date: m.internal_date,
                    form: words.form,
                    file: words.file,
                    was: words.was,
                    flags: m.flags.clone(),
                }));
            }
            for &(modseq, uid) in &b.removed {
                let file = self.shape.words(uidvalidity, uid).unwrap_or_default().file;
                lines.push(Line::Removed { uidvalidity, uid, modseq, file });
            }
        }
        lines.extend(delta.subscribed.iter().map(|(name, on)| Line::Subscribed(name.clone(), *on)));
        lines
    }

    /// The commit itself: by a transaction at the end of the index, or by an index written anew.
    fn write_index(
        &mut self,
        delta: &AccountDelta,
        plan: &Plan<S::Steps>,
        after: &Mailboxes,
    ) -> io::Result<()> {
        let lines = self.lines(delta, plan);
        if !self.stale && lines.len() < self.room {
            let text = index::transaction(&lines);
            self.append(&text)?;
            self.room -= lines.len();
            return Ok(());
        }
        let whole = after.delta(&self.account, None).unwrap_or_default();
        let mut all = self.lines(&whole, plan);
        // Deleted folders may still have to be tidied away.
        all.extend(lines.into_iter().filter(|line| matches!(line, Line::Deleted(..))));
        let text = index::head(S::KIND) + &index::transaction(&all);
        replace(self.files.as_ref(), &self.index, text.as_bytes())?;
        self.len = text.len() as u64;
        self.room = all.len() + SLACK;
        self.stale = false;
        Ok(())
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        let appended = self.files.append(&self.index, text.as_bytes());
        match appended {
            Ok(()) => self.len += text.len() as u64,
            Err(_) => {
                // Nobody knows what a failed sync has kept: the next change writes the index anew.
                self.stale = true;
                let _ = self.files.cut(&self.index, self.len);
            }
        }
        appended
    }

    fn try_commit(
        &mut self,
        delta: &AccountDelta,
        plan: &mut Plan<S::Steps>,
        after: &Mailboxes,
    ) -> io::Result<()> {
        if !plan.intents.is_empty() {
            self.append(&index::transaction(&plan.intents))?;
        }
        self.shape.write(plan)?;
        let written = self.write_index(delta, plan, after);
        self.stale |= written.is_err();
        written
    }
}

impl<S: Shape> AccountDisk for AccountStore<S> {
    fn commit(&mut self, delta: &AccountDelta, after: &Mailboxes, now: Instant) -> Result<(), Unkept> {
        let mut plan = self.shape.plan(delta, now, self.stale)?;
        if let Err(error) = self.try_commit(delta, &mut plan, after) {
            let announced = !plan.intents.is_empty();
            self.shape.undo(plan);
            if announced {
                // What was announced is not being written any more. If even this cannot be said, what somebody else
                // writes there before the next change could be taken for ours.
                let _ = self.append(&index::transaction(&[Line::Next(delta.next_uidvalidity)]));
                self.stale = true;
            }
            return Err(error.into());
        }
        let subscribed =
            (!delta.subscribed.is_empty()).then(|| after.subscriptions(&self.account).unwrap_or_default());
        self.shape.finish(plan, subscribed.as_ref());
        Ok(())
    }

    fn rescan(&mut self, mailboxes: &mut Mailboxes, now: Instant) -> Result<(), Unkept> {
        let index = self.read_index().map_err(|error| Unkept::other(error.to_string()))?;
        let next = mailboxes.delta(&self.account, None).map_or(1, |delta| delta.next_uidvalidity);
        let loaded = self.shape.load(index.as_ref(), next, now)?;
        self.repair(mailboxes, loaded.repairs);
        self.settle(mailboxes, now)
    }

    fn is_touched(&self) -> bool {
        self.shape.is_touched()
    }
}
