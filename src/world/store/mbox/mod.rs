//! Mail as mbox: one text file for each mailbox, as `/var/mail` has had it since the first Unix, to be looked into.
//!
//! INBOX is `mail/ACCOUNT.mbox`, the others lie in `mail/ACCOUNT/`. New messages are written at a file's end; for
//! anything else the file is written anew beside itself and renamed. The index knows a message by the digest of its
//! lines, so that a file that another program has sorted or thinned out still gives every message its UID.

mod load;
mod text;

use super::files::Files;
use super::index::{Index, Line};
use super::names;
use super::shape::{Loaded, Plan, Shape, Words};
use crate::base::{Instant, Shelf};
use crate::world::mailboxes::INBOX;
use crate::world::mailboxes::delta::{AccountDelta, BoxDelta, Kept};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the names of mailboxes end with.
const ENDING: &str = ".mbox";

/// What stands in the name of a file that is to take another's place.
const ANEW: &str = ".new-";

/// Counts such files, so that no two have one name.
static FILES: AtomicU64 = AtomicU64::new(0);

/// An account's mbox files.
pub struct Mbox {
    files: Arc<dyn Files>,
    root: PathBuf,
    boxes: BTreeMap<u32, TextFile>,
    /// Files that could not be removed yet.
    unfinished: BTreeSet<String>,
}

#[derive(Default)]
struct TextFile {
    /// `Sent.mbox`; empty: INBOX.
    file: String,
    /// A newer text, where it could not take its place yet.
    was: String,
    /// Its length when it was last looked at.
    len: u64,
    messages: Shelf<u32, (Words, Kept)>,
}

/// See [`Plan::steps`].
#[derive(Default)]
pub struct Steps {
    /// Texts to write beside: UIDVALIDITY, the name there, the name it gets, the text.
    anew: Vec<(u32, String, String, Vec<u8>)>,
    /// Texts to write at an end: UIDVALIDITY, file, its length, the text.
    append: Vec<(u32, String, u64, Vec<u8>)>,
    /// Files that go.
    drop: Vec<String>,
    /// All messages of a mailbox after the change.
    messages: BTreeMap<u32, Shelf<u32, (Words, Kept)>>,
    deleted: Vec<u32>,
}

impl Mbox {
    /// The mbox files of the account with this folder.
    pub fn new(files: Arc<dyn Files>, root: PathBuf) -> Self {
        Mbox { files, root, boxes: BTreeMap::new(), unfinished: BTreeSet::new() }
    }

    fn path(&self, file: &str) -> PathBuf {
        if !file.is_empty() {
            return self.root.join(file);
        }
        let name = self.root.file_name().and_then(|name| name.to_str()).unwrap_or(INBOX);
        self.root.with_file_name(format!("{name}{ENDING}"))
    }

    fn sync(&self, file: &str) -> io::Result<()> {
        self.path(file).parent().map_or(Ok(()), |folder| self.files.sync_dir(folder))
    }

    fn len(&self, file: &str) -> io::Result<u64> {
        match self.files.len(&self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            other => other,
        }
    }

    fn file_for(&self, name: &str, taken: &mut BTreeSet<String>) -> String {
        if name == INBOX {
            return String::new();
        }
        let file = names::of_mailbox(name, taken);
        taken.insert(file.to_ascii_lowercase());
        file + ENDING
    }

    fn plan_box(&self, b: &BoxDelta, anew: bool, taken: &mut BTreeSet<String>, plan: &mut Plan<Steps>) {
        let uidvalidity = b.head.uidvalidity;
        let here = self.boxes.get(&uidvalidity);
        let mut messages = here.map(|text| text.messages.clone()).unwrap_or_default();
        let renamed = b.before.as_ref().is_some_and(|before| *before != b.name);
        let mut whole = here.is_none_or(|text| text.was != text.file) || renamed;
        whole |= !b.removed.is_empty() || anew && !b.added.is_empty();
        for (_, uid) in &b.removed {
            messages.remove(uid);
        }
        for kept in &b.changed {
            let Some((_, old)) = messages.get_mut(&kept.uid) else { continue };
            whole |= text::notes(&old.flags) != text::notes(&kept.flags);
            old.clone_from(kept);
        }
        let mut end = Vec::new();
        for kept in &b.added {
            let form = text::form_of(&kept.body);
            end.extend(text::message(kept, form));
            let file = text::key(&text::to_lines(&kept.body, form));
            messages.insert(kept.uid, (Words { was: file.clone(), file, form }, kept.clone()));
        }
        for kept in b.added.iter().chain(&b.changed) {
            let words = messages.get(&kept.uid).map(|(words, _)| words.clone());
            plan.messages.extend(words.map(|words| ((uidvalidity, kept.uid), words)));
        }
        let file = match here.filter(|_| !renamed) {
            Some(text) => text.file.clone(),
            None => self.file_for(&b.name, taken),
        };
        if whole {
            let text = messages.values().flat_map(|(words, kept)| text::message(kept, words.form)).collect();
            let number = FILES.fetch_add(1, Ordering::Relaxed);
            let stem = if file.is_empty() { INBOX } else { file.as_str() };
            let beside = format!("{stem}{ANEW}{}-{number}", std::process::id());
            plan.files.insert(uidvalidity, (file.clone(), beside.clone()));
            plan.steps.anew.push((uidvalidity, beside, file.clone(), text));
            if let Some(old) = here.filter(|text| text.file != file) {
                plan.extra.push(Line::Deleted(0, old.file.clone()));
                plan.steps.drop.push(old.file.clone());
            }
        } else {
            plan.files.insert(uidvalidity, (file.clone(), file.clone()));
            if let Some(text) = here.filter(|_| !end.is_empty()) {
                plan.intents.push(Line::Intent(uidvalidity, text.len, text.len + end.len() as u64));
                plan.steps.append.push((uidvalidity, file, text.len, end));
            }
        }
        plan.steps.messages.insert(uidvalidity, messages);
    }
}

impl Shape for Mbox {
    type Steps = Steps;
    const KIND: &'static str = "mbox";

    fn load(&mut self, index: Option<&Index>, next: u32, now: Instant) -> io::Result<Loaded> {
        self.load_all(index, next, now)
    }

    fn plan(&self, delta: &AccountDelta, _: Instant, anew: bool) -> io::Result<Plan<Steps>> {
        let mut plan = Plan::default();
        let bare = |file: &str| file.strip_suffix(ENDING).unwrap_or(file).to_ascii_lowercase();
        let used = self.boxes.values().map(|text| &text.file).chain(&self.unfinished);
        let mut taken: BTreeSet<String> = used.map(|file| bare(file)).collect();
        for b in &delta.boxes {
            self.plan_box(b, anew, &mut taken, &mut plan);
        }
        for uidvalidity in &delta.deleted {
            let Some(text) = self.boxes.get(uidvalidity) else { continue };
            plan.steps.drop.push(text.file.clone());
            plan.steps.deleted.push(*uidvalidity);
        }
        plan.extra.extend(self.unfinished.iter().map(|file| Line::Deleted(0, file.clone())));
        Ok(plan)
    }

    fn write(&mut self, plan: &mut Plan<Steps>) -> io::Result<()> {
        for (_, beside, _, text) in &plan.steps.anew {
            self.files.write(&self.path(beside), text)?;
        }
        for (_, file, _, text) in &plan.steps.append {
            self.files.append(&self.path(file), text)?;
            self.sync(file)?;
        }
        if plan.steps.anew.is_empty() { Ok(()) } else { self.files.sync_dir(&self.root) }
    }

    fn undo(&mut self, plan: Plan<Steps>) {
        for (_, beside, _, _) in &plan.steps.anew {
            // What stays is swept away when the store is opened.
            let _ = self.files.remove(&self.path(beside));
        }
        for (uidvalidity, file, len, _) in &plan.steps.append {
            let cut =
                self.len(file).is_ok_and(|now| now <= *len) || self.files.cut(&self.path(file), *len).is_ok();
            if let Some(text) = self.boxes.get_mut(uidvalidity).filter(|_| !cut) {
                // Nobody knows how it ends: the next change writes it anew.
                text.was = String::from(ANEW);
            }
        }
    }

    fn finish(&mut self, plan: Plan<Steps>, _: Option<&BTreeSet<String>>) {
        let mut lens = BTreeMap::new();
        for (uidvalidity, file, len, text) in &plan.steps.append {
            lens.insert(*uidvalidity, (file.clone(), file.clone(), len + text.len() as u64));
        }
        for (uidvalidity, beside, file, text) in &plan.steps.anew {
            let renamed =
                self.files.rename(&self.path(beside), &self.path(file)).and_then(|()| self.sync(file));
            // The index names both: what is not renamed now is renamed when the store is opened.
            let was = if renamed.is_ok() { file.clone() } else { beside.clone() };
            lens.insert(*uidvalidity, (file.clone(), was, text.len() as u64));
        }
        let mut drop = std::mem::take(&mut self.unfinished);
        drop.extend(plan.steps.drop);
        // The index says that they are gone: what is not removed now is removed with the next change, or when the store
        // is opened.
        drop.retain(|file| match self.files.remove(&self.path(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => true,
            _ => self.sync(file).is_err(),
        });
        self.unfinished = drop;
        for (uidvalidity, messages) in plan.steps.messages {
            self.boxes.entry(uidvalidity).or_default().messages = messages;
        }
        for (uidvalidity, (file, was, len)) in lens {
            let text = self.boxes.entry(uidvalidity).or_default();
            (text.file, text.was, text.len) = (file, was, len);
        }
        for uidvalidity in plan.steps.deleted {
            self.boxes.remove(&uidvalidity);
        }
    }

    fn words(&self, uidvalidity: u32, uid: u32) -> Option<Words> {
        self.boxes.get(&uidvalidity)?.messages.get(&uid).map(|(words, _)| words.clone())
    }

    fn file(&self, uidvalidity: u32) -> Option<(String, String)> {
        self.boxes.get(&uidvalidity).map(|text| (text.file.clone(), text.was.clone()))
    }

    fn place(&mut self, uidvalidity: u32, words: Words, kept: Kept) {
        self.boxes.entry(uidvalidity).or_default().messages.insert(kept.uid, (words, kept));
    }

    fn is_touched(&self) -> bool {
        let grown =
            |text: &TextFile| text.was == text.file && self.len(&text.file).is_ok_and(|len| len != text.len);
        self.boxes.values().any(grown)
    }
}
