//! Reading mbox files: the index, then the texts, and what the two disagree about.

use super::text::{self, FoundText};
use super::{ANEW, ENDING, Mbox, TextFile};
use crate::base::Instant;
use crate::world::mailboxes::INBOX;
use crate::world::mailboxes::delta::Kept;
use crate::world::store::fold::{Folded, FoldedBox};
use crate::world::store::index::{BoxLine, Index, MessageLine};
use crate::world::store::names;
use crate::world::store::shape::{Loaded, Repair, Words};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

impl Mbox {
    pub(super) fn load_all(&mut self, index: Option<&Index>, next: u32, now: Instant) -> io::Result<Loaded> {
        let mut folded = index.map(Folded::of).unwrap_or_default();
        folded.next = folded.next.max(next);
        self.boxes.clear();
        self.finish_files(&folded)?;
        self.cut_torn(index, &folded)?;
        let mut loaded = Loaded::default();
        let mut there = self.texts(&folded)?;
        for (uidvalidity, b) in std::mem::take(&mut folded.boxes) {
            // A file that is not there any more was removed by somebody.
            if there.remove(&b.line.file) {
                self.load_box(uidvalidity, &b, &mut loaded, now)?;
            }
        }
        for file in there {
            let name = match file.strip_suffix(ENDING) {
                Some(stem) => names::to_mailbox(stem),
                None => Some(INBOX.to_owned()),
            };
            let Some(name) = name else { continue };
            if loaded.state.boxes.iter().any(|b| b.name == name) {
                continue;
            }
            let uidvalidity = folded.next;
            folded.next = folded.next.saturating_add(1);
            let line = BoxLine {
                uidvalidity,
                name,
                file,
                uidnext: 1,
                highest: 1,
                recent_from: 1,
                ..BoxLine::default()
            };
            self.load_box(uidvalidity, &FoldedBox { line, ..FoldedBox::default() }, &mut loaded, now)?;
        }
        loaded.state.next_uidvalidity = folded.next;
        loaded.state.subscribed = folded.subscribed;
        Ok(loaded)
    }

    /// A newer text takes its place; what was deleted goes; what nobody refers to is swept away.
    fn finish_files(&self, folded: &Folded) -> io::Result<()> {
        let used: BTreeSet<&str> = folded.boxes.values().map(|b| b.line.file.as_str()).collect();
        let names = self.files.list(&self.root)?;
        for b in folded.boxes.values() {
            let BoxLine { file, was, .. } = &b.line;
            if was != file && names.contains(was) {
                self.files.rename(&self.path(was), &self.path(file))?;
                self.sync(file)?;
            }
        }
        let gone = |name: &&String| {
            name.contains(ANEW) || folded.deleted.contains(*name) && !used.contains(name.as_str())
        };
        for name in self.files.list(&self.root)?.iter().filter(gone) {
            self.files.remove(&self.path(name))?;
        }
        // What is seen from here on must not be undone by a power cut.
        self.sync("")?;
        self.files.sync_dir(&self.root)
    }

    /// What was being written at the end of a file when the machine stopped was never acknowledged.
    fn cut_torn(&self, index: Option<&Index>, folded: &Folded) -> io::Result<()> {
        for (uidvalidity, from, to) in index.map(Index::pending).unwrap_or_default() {
            let Some(b) = folded.boxes.get(&uidvalidity) else { continue };
            let len = self.len(&b.line.file)?;
            if from < len && len <= to {
                self.files.cut(&self.path(&b.line.file), from)?;
            }
        }
        Ok(())
    }

    fn texts(&self, folded: &Folded) -> io::Result<BTreeSet<String>> {
        let mut texts: BTreeSet<String> = self.files.list(&self.root)?.into_iter().collect();
        texts.retain(|name| name.ends_with(ENDING));
        let known = folded.boxes.values().any(|b| b.line.file.is_empty());
        if known || self.files.len(&self.path("")).is_ok() {
            texts.insert(String::new());
        }
        Ok(texts)
    }

    fn load_box(
        &mut self,
        uidvalidity: u32,
        b: &FoldedBox,
        loaded: &mut Loaded,
        now: Instant,
    ) -> io::Result<()> {
        let file = b.line.file.clone();
        let bytes = match self.files.read(&self.path(&file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let mut state = b.state();
        let mut known: BTreeMap<&str, VecDeque<&MessageLine>> = BTreeMap::new();
        for line in b.messages.values() {
            known.entry(&line.file).or_default().push_back(line);
        }
        let mut take = |key: &str| known.get_mut(key).and_then(VecDeque::pop_front);
        let mut held = TextFile { was: file.clone(), file, len: bytes.len() as u64, ..TextFile::default() };
        for found in text::read(&bytes) {
            // Notes stand on top where we put them; other programs put them elsewhere.
            let top = take(&text::key(&found.lines)).map(|line| (line, &found.lines));
            match top.or_else(|| take(&text::key(&found.bare)).map(|line| (line, &found.bare))) {
                Some((line, lines)) => {
                    let body: Arc<[u8]> = text::from_lines(lines, line.form).into();
                    let mut kept = kept(line, body);
                    state.messages.push(kept.clone());
                    if text::notes(&kept.flags) != text::notes(&found.flags) {
                        kept.flags = with_notes(&kept.flags, &found.flags);
                        let (mailbox, flags) = (state.name.clone(), kept.flags.clone());
                        loaded.repairs.push(Repair::Flags { mailbox, uid: line.uid, flags });
                    }
                    let words = Words { file: line.file.clone(), was: line.file.clone(), form: line.form };
                    held.messages.insert(line.uid, (words, kept));
                }
                None => loaded.repairs.push(adopt(found, &state.name, now)),
            }
        }
        state.messages.sort_by_key(|kept| kept.uid);
        for line in known.into_values().flatten() {
            state.messages.push(kept(line, Vec::new().into()));
            loaded.repairs.push(Repair::Missing { mailbox: state.name.clone(), uid: line.uid });
        }
        loaded.state.boxes.push(state);
        self.boxes.insert(uidvalidity, held);
        Ok(())
    }
}

fn kept(line: &MessageLine, body: Arc<[u8]>) -> Kept {
    let MessageLine { uid, born, modseq, date, flags, .. } = line.clone();
    Kept { uid, flags, internal_date: date, born, modseq, body }
}

/// A message that somebody else has written.
fn adopt(found: FoundText, mailbox: &str, now: Instant) -> Repair {
    let crlf = found.bare.windows(2).any(|two| two == b"\r\n");
    let form = if crlf { 'c' } else { 'l' };
    let key = text::key(&found.bare);
    Repair::Adopt {
        mailbox: mailbox.to_owned(),
        bytes: text::from_lines(&found.bare, form).into(),
        flags: found.flags,
        date: now,
        words: Words { was: key.clone(), file: key, form },
    }
}

/// The flags of a message whose notes say these.
fn with_notes(flags: &[String], noted: &[String]) -> Vec<String> {
    let says = |f: &&String| text::notes(std::slice::from_ref(*f)).is_empty();
    let mut all: Vec<String> = flags.iter().filter(says).chain(noted).cloned().collect();
    all.sort();
    all
}
