//! Reading a Maildir: the index, then the folders, and what the two disagree about.
//!
//! The index knows UIDs, the folders know which files there are. A file that the index does not know is a message that
//! another program has put there (or one of ours that nobody was told of, because the machine stopped); a file whose
//! name has other letters has other flags; a missing file was removed.

use super::{Folder, Later, Maildir, NAME_FILE, OURS, base, form_of, octets, with_letters};
use crate::base::Instant;
use crate::world::mailboxes::INBOX;
use crate::world::mailboxes::delta::{BoxHead, BoxState, Kept};
use crate::world::store::files::replace;
use crate::world::store::fold::{Folded, FoldedBox};
use crate::world::store::index::{BoxLine, Index, MessageLine};
use crate::world::store::names;
use crate::world::store::shape::{Loaded, Repair, Words};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The file with the names subscribed to, as Dovecot reads and writes it.
const SUBSCRIPTIONS: &str = "subscriptions";

impl Maildir {
    pub(super) fn load_all(&mut self, index: Option<&Index>, next: u32, now: Instant) -> io::Result<Loaded> {
        let mut folded = index.map(Folded::of).unwrap_or_default();
        folded.next = folded.next.max(next);
        self.boxes.clear();
        self.finish_folders(&folded)?;
        let mut loaded = Loaded::default();
        let mut folders = self.folders()?;
        if folders.is_empty() {
            return Ok(loaded);
        }
        for (uidvalidity, b) in std::mem::take(&mut folded.boxes) {
            // A folder that is not there any more was removed by somebody.
            if folders.remove(&b.line.file) {
                self.load_box(uidvalidity, &b, &mut loaded, now)?;
            }
        }
        for file in folders {
            let Some(name) = self.name_of(&file) else { continue };
            if loaded.state.boxes.iter().any(|b| b.name == name) {
                continue;
            }
            let uidvalidity = folded.next;
            folded.next = folded.next.saturating_add(1);
            let head = BoxHead { uidvalidity, uidnext: 1, highest: 1, recent_from: 1, ..BoxHead::default() };
            let BoxHead { uidnext, highest, recent_from, .. } = head;
            let line =
                BoxLine { uidvalidity, name, file, uidnext, highest, recent_from, ..BoxLine::default() };
            self.load_box(uidvalidity, &FoldedBox { line, ..FoldedBox::default() }, &mut loaded, now)?;
        }
        loaded.state.next_uidvalidity = folded.next;
        loaded.state.subscribed = folded.subscribed;
        if index.is_none_or(|index| index.lines.is_empty()) {
            loaded.state.subscribed = self.read_subscriptions();
        }
        Ok(loaded)
    }

    /// Folders that a stop has left half renamed or half removed.
    fn finish_folders(&self, folded: &Folded) -> io::Result<()> {
        let used: BTreeSet<&str> = folded.boxes.values().map(|b| b.line.file.as_str()).collect();
        for b in folded.boxes.values() {
            let BoxLine { file, was, .. } = &b.line;
            let renames = file != was && !used.contains(was.as_str()) && !was.is_empty();
            if renames && !self.files.is_dir(&self.dir(file)) && self.files.is_dir(&self.dir(was)) {
                self.files.rename(&self.dir(was), &self.dir(file))?;
                self.files.sync_dir(&self.root)?;
            }
        }
        for file in folded.deleted.iter().filter(|file| !used.contains(file.as_str())) {
            if self.files.is_dir(&self.dir(file)) {
                self.files.remove_dir(&self.dir(file))?;
                self.files.sync_dir(&self.root)?;
            }
        }
        Ok(())
    }

    /// The folders with messages: `` for INBOX, `.Sent`, …
    fn folders(&self) -> io::Result<BTreeSet<String>> {
        let is_maildir = |file: &str| {
            let dir = self.dir(file);
            self.files.is_dir(&dir.join("cur")) || self.files.is_dir(&dir.join("new"))
        };
        let mut folders: BTreeSet<String> = self.files.list(&self.root)?.into_iter().collect();
        folders.retain(|file| file.starts_with('.') && file.len() > 1 && is_maildir(file));
        if is_maildir("") {
            folders.insert(String::new());
        }
        Ok(folders)
    }

    /// The mailbox that a folder of somebody else's is; `None` where its name spells none.
    fn name_of(&self, file: &str) -> Option<String> {
        let Some(bare) = file.strip_prefix('.') else { return Some(INBOX.to_owned()) };
        if names::is_hashed(bare) {
            let noted = self.files.read(&self.dir(file).join(NAME_FILE)).ok()?;
            return Some(String::from_utf8(noted).ok()?.trim_end_matches('\n').to_owned());
        }
        names::to_mailbox(bare)
    }

    fn load_box(
        &mut self,
        uidvalidity: u32,
        b: &FoldedBox,
        loaded: &mut Loaded,
        now: Instant,
    ) -> io::Result<()> {
        let file = b.line.file.clone();
        self.sweep(&file);
        let mut found = self.listing(&file)?;
        let mut folder = Folder { file: file.clone(), messages: BTreeMap::new() };
        let mut state = b.state();
        for (uid, line) in &b.messages {
            let Some(rel) = found.remove(base(&line.file)) else {
                // It is put back for a moment, so that its removal takes a modification sequence.
                state.messages.push(kept(*uid, line, Vec::new().into()));
                loaded.repairs.push(Repair::Missing { mailbox: state.name.clone(), uid: *uid });
                continue;
            };
            let body = octets(self.files.read(&self.path(&file, &rel))?, line.form);
            state.messages.push(kept(*uid, line, body));
            let rel = self.settle_name(&file, line, rel, &state, loaded);
            folder.messages.insert(*uid, Words { file: rel.clone(), was: rel, form: line.form });
        }
        self.drop_gone(&file, b, &mut found)?;
        // What is seen from here on must not be undone by a power cut, whoever did it.
        for sub in ["new", "cur"].map(|sub| self.dir(&file).join(sub)) {
            if self.files.is_dir(&sub) {
                self.files.sync_dir(&sub)?;
            }
        }
        self.adopt(&file, found, &state, loaded, now)?;
        loaded.state.boxes.push(state);
        self.boxes.insert(uidvalidity, folder);
        Ok(())
    }

    /// The file of a message has another name than the index says: our own renaming was not done, or somebody has
    /// changed flags.
    fn settle_name(
        &mut self,
        file: &str,
        line: &MessageLine,
        rel: String,
        state: &BoxState,
        loaded: &mut Loaded,
    ) -> String {
        if rel == line.file {
            return rel;
        }
        if rel == line.was {
            let later = Later::Move(file.to_owned(), rel.clone(), line.file.clone());
            if self.tidy(&later).is_ok() {
                return line.file.clone();
            }
            self.unfinished.push(later);
            return rel;
        }
        let flags = with_letters(&line.flags, &rel);
        if flags != with_letters(&line.flags, &line.file) {
            let (mailbox, uid) = (state.name.clone(), line.uid);
            loaded.repairs.push(Repair::Flags { mailbox, uid, flags });
        }
        rel
    }

    /// Files of messages that were removed, and are there all the same: the removal is finished.
    fn drop_gone(&self, file: &str, b: &FoldedBox, found: &mut BTreeMap<String, String>) -> io::Result<()> {
        let gone: Vec<String> = b.gone.iter().filter_map(|rel| found.remove(base(rel))).collect();
        for rel in &gone {
            self.files.remove(&self.path(file, rel))?;
            self.sync(file, rel)?;
        }
        Ok(())
    }

    /// Files that the index does not know, in the order of their names, which begin with the time.
    fn adopt(
        &self,
        file: &str,
        found: BTreeMap<String, String>,
        state: &BoxState,
        loaded: &mut Loaded,
        now: Instant,
    ) -> io::Result<()> {
        for (base, rel) in found {
            let bytes = self.files.read(&self.path(file, &rel))?;
            let form = form_of(&bytes);
            let seconds: String = base.chars().take_while(char::is_ascii_digit).collect();
            let date = seconds.parse().ok().filter(|s| *s < now.as_secs()).map_or(now, Instant::from_secs);
            loaded.repairs.push(Repair::Adopt {
                mailbox: state.name.clone(),
                bytes: octets(bytes, form),
                flags: with_letters(&[], &rel),
                date,
                words: Words { file: rel.clone(), was: rel, form },
            });
        }
        Ok(())
    }

    /// What a stop has left in `tmp` was never told to anybody.
    fn sweep(&self, file: &str) {
        let tmp = self.dir(file).join("tmp");
        for name in self.files.list(&tmp).unwrap_or_default().iter().filter(|name| name.contains(OURS)) {
            // It harms nobody where it is.
            let _ = self.files.remove(&tmp.join(name));
        }
    }

    pub(super) fn write_subscriptions(&self, subscribed: &BTreeSet<String>) {
        let spell = |name: &String| names::of_mailbox(name, &BTreeSet::new()) + "\n";
        let text: String = subscribed.iter().map(spell).collect();
        // The index has them too; this file is for other programs.
        let _ = replace(self.files.as_ref(), &self.root.join(SUBSCRIPTIONS), text.as_bytes());
    }

    fn read_subscriptions(&self) -> BTreeSet<String> {
        let bytes = self.files.read(&self.root.join(SUBSCRIPTIONS)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().filter_map(names::to_mailbox).collect()
    }
}

fn kept(uid: u32, line: &MessageLine, body: std::sync::Arc<[u8]>) -> Kept {
    let MessageLine { born, modseq, date, flags, .. } = line.clone();
    Kept { uid, flags, internal_date: date, born, modseq, body }
}
