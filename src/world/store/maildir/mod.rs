//! Mail as Maildir++: one file for each message, a folder for each mailbox, readable by Dovecot, mutt and many others.
//!
//! `cur`, `new` and `tmp` lie in the account's folder (INBOX) and in `.Sent`, `.Lists.Rust`, … beside them. A file has
//! the octets of its message as they came, CR LF included. Behind `:2,` in its name stand the flags that Maildir has
//! letters for (D, F, P, R, S, T); the index has them all. A message without flags lies in `new`.

mod load;

use super::files::{Files, replace};
use super::index::{Index, Line};
use super::names;
use super::shape::{Loaded, Plan, Shape, Words};
use crate::base::Instant;
use crate::world::mailboxes::INBOX;
use crate::world::mailboxes::delta::{AccountDelta, BoxDelta, Kept};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What parts a file's name from its flags; a colon cannot stand in a name on Windows.
pub const INFO: &str = if cfg!(windows) { ";2," } else { ":2," };

/// What the names of our files end with.
const OURS: &str = ".postroad";

/// The file in which a folder with a hashed name says its full one.
const NAME_FILE: &str = "postroad-name";

/// The flags that have letters, in the order of the letters.
const LETTERS: [(char, &str); 6] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];

/// Counts our files, so that no two have one name.
static FILES: AtomicU64 = AtomicU64::new(0);

/// An account's Maildir.
pub struct Maildir {
    files: Arc<dyn Files>,
    root: PathBuf,
    boxes: BTreeMap<u32, Folder>,
    /// Tidying that could not be done yet.
    unfinished: Vec<Later>,
}

#[derive(Default)]
struct Folder {
    /// `.Sent`; empty: INBOX, which is the account's folder itself.
    file: String,
    messages: BTreeMap<u32, Words>,
}

/// See [`Plan::steps`].
#[derive(Default)]
pub struct Steps {
    /// Folders to make, with the name that must stand in them.
    make: Vec<(String, Option<String>)>,
    /// Messages to write: folder, file in it, octets.
    put: Vec<(String, String, Arc<[u8]>)>,
    /// How many of these are written.
    written: usize,
    later: Vec<Later>,
    removed: Vec<(u32, u32)>,
    deleted: Vec<u32>,
}

/// Tidying.
enum Later {
    /// A file gets other flags: its folder, from, to.
    Move(String, String, String),
    /// A file goes.
    Drop(String, String),
    /// A folder gets another name.
    Rename(String, String),
    /// A folder goes.
    DropFolder(String),
}

/// The part of a path in a folder that stays when flags change: no `cur/`, no flags.
fn base(rel: &str) -> &str {
    let name = rel.rsplit('/').next().unwrap_or(rel);
    name.split(INFO).next().unwrap_or(name)
}

/// What stands behind `:2,`.
fn info(rel: &str) -> &str {
    rel.split_once(INFO).map_or("", |(_, info)| info)
}

/// Where a message with these flags lies. Letters that are not ours (Dovecot's keywords) are kept.
fn place(base: &str, flags: &[String], foreign: &str) -> String {
    let has = |flag: &&str| flags.iter().any(|f| f.eq_ignore_ascii_case(flag));
    let ours = LETTERS.iter().filter(|(_, flag)| has(flag)).map(|(letter, _)| *letter);
    let theirs = foreign.chars().filter(char::is_ascii_lowercase);
    let letters: String = ours.chain(theirs).collect();
    if letters.is_empty() { format!("new/{base}") } else { format!("cur/{base}{INFO}{letters}") }
}

/// A message's flags, after somebody has given its file these letters.
fn with_letters(flags: &[String], rel: &str) -> Vec<String> {
    let lettered = |f: &String| LETTERS.iter().any(|(_, flag)| flag.eq_ignore_ascii_case(f));
    let mut all: Vec<String> = flags.iter().filter(|f| !lettered(f)).cloned().collect();
    let letters = info(rel);
    all.extend(LETTERS.iter().filter(|(l, _)| letters.contains(*l)).map(|(_, flag)| (*flag).to_owned()));
    all.sort();
    all
}

/// The octets of a message from those of its file.
pub fn octets(file: Vec<u8>, form: char) -> Arc<[u8]> {
    if form != 'l' {
        return file.into();
    }
    let mut out = Vec::with_capacity(file.len() + file.len() / 32);
    for byte in file {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out.into()
}

/// How somebody else's file is read: with lines that end with LF alone, it lacks the CRs that mail travels with.
pub fn form_of(file: &[u8]) -> char {
    let ends = |crlf: bool| {
        let mut before = 0;
        file.iter().any(|byte| {
            let found = *byte == b'\n' && (before == b'\r') == crlf;
            before = *byte;
            found
        })
    };
    if ends(false) && !ends(true) { 'l' } else { 'c' }
}

impl Maildir {
    /// The Maildir in this folder.
    pub fn new(files: Arc<dyn Files>, root: PathBuf) -> Self {
        Maildir { files, root, boxes: BTreeMap::new(), unfinished: Vec::new() }
    }

    fn dir(&self, file: &str) -> PathBuf {
        if file.is_empty() { self.root.clone() } else { self.root.join(file) }
    }

    fn path(&self, file: &str, rel: &str) -> PathBuf {
        let (sub, name) = rel.split_once('/').unwrap_or(("cur", rel));
        self.dir(file).join(sub).join(name)
    }

    /// Sync the `cur` or `new` that `rel` lies in.
    fn sync(&self, file: &str, rel: &str) -> io::Result<()> {
        let path = self.path(file, rel);
        path.parent().map_or(Ok(()), |folder| self.files.sync_dir(folder))
    }

    fn folder_for(&self, name: &str, taken: &mut BTreeSet<String>) -> (String, Option<String>) {
        if name == INBOX {
            return (String::new(), None);
        }
        let mut file = names::of_mailbox(name, taken);
        // Something that is no mailbox of ours may lie there.
        while self.files.is_dir(&self.root.join(format!(".{file}"))) {
            taken.insert(file.to_ascii_lowercase());
            file = names::of_mailbox(name, taken);
        }
        taken.insert(file.to_ascii_lowercase());
        let full = names::is_hashed(&file).then(|| name.to_owned());
        (format!(".{file}"), full)
    }

    fn plan_box(&self, b: &BoxDelta, now: Instant, taken: &mut BTreeSet<String>, plan: &mut Plan<Steps>) {
        let uidvalidity = b.head.uidvalidity;
        let steps = &mut plan.steps;
        let here = self.boxes.get(&uidvalidity);
        let (file, will) = match here {
            None => {
                let (file, full) = self.folder_for(&b.name, taken);
                steps.make.push((file.clone(), full));
                (file.clone(), file)
            }
            Some(folder) if b.before.as_ref().is_some_and(|before| *before != b.name) => {
                let (will, full) = self.folder_for(&b.name, taken);
                if full.is_some() {
                    // It is the old folder that gets the note, and takes it along.
                    steps.make.push((folder.file.clone(), full));
                }
                (folder.file.clone(), will)
            }
            Some(folder) => (folder.file.clone(), folder.file.clone()),
        };
        for m in &b.added {
            let rel = place(&fresh_base(m, now), &m.flags, "");
            let words = Words { file: rel.clone(), was: rel.clone(), form: 'c' };
            plan.messages.insert((uidvalidity, m.uid), words);
            steps.put.push((file.clone(), rel, m.body.clone()));
        }
        for m in &b.changed {
            let Some(was) = here.and_then(|folder| folder.messages.get(&m.uid)) else { continue };
            let rel = place(base(&was.file), &m.flags, info(&was.file));
            let words = Words { file: rel.clone(), was: was.file.clone(), form: was.form };
            plan.messages.insert((uidvalidity, m.uid), words);
            if rel != was.file {
                steps.later.push(Later::Move(file.clone(), was.file.clone(), rel));
            }
        }
        for (_, uid) in &b.removed {
            let Some(words) = here.and_then(|folder| folder.messages.get(uid)) else { continue };
            steps.later.push(Later::Drop(file.clone(), words.file.clone()));
            steps.removed.push((uidvalidity, *uid));
        }
        if file != will {
            steps.later.push(Later::Rename(file.clone(), will.clone()));
        }
        plan.files.insert(uidvalidity, (will, file));
    }

    fn make(&self, file: &str, full: Option<&str>) -> io::Result<()> {
        let dir = self.dir(file);
        for sub in ["cur", "new", "tmp"] {
            self.files.make_dir(&dir.join(sub))?;
        }
        if let Some(full) = full {
            replace(self.files.as_ref(), &dir.join(NAME_FILE), format!("{full}\n").as_bytes())?;
        }
        if !file.is_empty() {
            // Maildir++: "an empty file that says that this is a folder".
            self.files.write(&dir.join("maildirfolder"), b"")?;
        }
        self.files.sync_dir(&dir)?;
        self.files.sync_dir(&self.root)
    }

    fn put(&self, file: &str, rel: &str, body: &[u8]) -> io::Result<()> {
        let tmp = self.dir(file).join("tmp").join(base(rel));
        let put = self.files.write(&tmp, body).and_then(|()| self.files.rename(&tmp, &self.path(file, rel)));
        if put.is_err() {
            // It stays in tmp where even that fails, and is swept out when the store is opened.
            let _ = self.files.remove(&tmp);
        }
        put
    }

    /// Do one piece of tidying; what is done already is fine.
    fn tidy(&self, later: &Later) -> io::Result<()> {
        let done = match later {
            Later::Move(file, from, to) => {
                let moved = self.files.rename(&self.path(file, from), &self.path(file, to));
                match moved {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => self.move_found(file, to),
                    other => other,
                }
                .and_then(|()| self.sync(file, to))
                .and_then(|()| self.sync(file, from))
            }
            Later::Drop(file, rel) => match self.files.remove(&self.path(file, rel)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.drop_found(file, rel),
                other => other,
            }
            // Also where it is gone already: an earlier attempt may have failed here.
            .and_then(|()| self.sync(file, rel)),
            Later::Rename(from, to) => {
                let renamed = self.files.rename(&self.dir(from), &self.dir(to));
                renamed.and_then(|()| self.files.sync_dir(&self.root))
            }
            Later::DropFolder(file) if file.is_empty() => Ok(()),
            Later::DropFolder(file) => {
                self.files.remove_dir(&self.dir(file)).and_then(|()| self.files.sync_dir(&self.root))
            }
        };
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// What an index must say of tidying that is still to be done, so that it is done when the store is opened. (What
    /// is to be renamed stands in the lines of its mailbox and its message.)
    fn reminder(&self, later: &Later) -> Option<Line> {
        match later {
            Later::DropFolder(file) => Some(Line::Deleted(0, file.clone())),
            Later::Drop(file, rel) => {
                let (uidvalidity, _) = self.boxes.iter().find(|(_, folder)| folder.file == *file)?;
                Some(Line::Removed { uidvalidity: *uidvalidity, uid: 0, modseq: 0, file: rel.clone() })
            }
            Later::Move(..) | Later::Rename(..) => None,
        }
    }

    /// Where a file lies that another program has renamed.
    fn found(&self, file: &str, rel: &str) -> Option<String> {
        self.listing(file).ok()?.remove(base(rel))
    }

    fn move_found(&self, file: &str, to: &str) -> io::Result<()> {
        let Some(from) = self.found(file, to) else { return Ok(()) };
        self.files.rename(&self.path(file, &from), &self.path(file, to))
    }

    fn drop_found(&self, file: &str, rel: &str) -> io::Result<()> {
        let Some(rel) = self.found(file, rel) else { return Ok(()) };
        self.files.remove(&self.path(file, &rel)).and_then(|()| self.sync(file, &rel))
    }

    /// The messages in a folder: what stays of a name → the file.
    fn listing(&self, file: &str) -> io::Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for sub in ["new", "cur"] {
            let names = match self.files.list(&self.dir(file).join(sub)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                other => other?,
            };
            for name in names.into_iter().filter(|name| !name.starts_with('.')) {
                found.insert(base(&name).to_owned(), format!("{sub}/{name}"));
            }
        }
        Ok(found)
    }
}

/// A name for a new file, as the Maildir convention has it: time, what makes it unique, host.
fn fresh_base(m: &Kept, now: Instant) -> String {
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let micros = now.as_micros().rem_euclid(1_000_000);
    let (pid, size) = (std::process::id(), m.body.len());
    format!("{}.M{micros}P{pid}Q{number}{OURS},S={size}", now.as_secs())
}

impl Shape for Maildir {
    type Steps = Steps;
    const KIND: &'static str = "maildir";

    fn load(&mut self, index: Option<&Index>, next: u32, now: Instant) -> io::Result<Loaded> {
        self.load_all(index, next, now)
    }

    fn plan(&self, delta: &AccountDelta, now: Instant, _anew: bool) -> io::Result<Plan<Steps>> {
        let mut plan = Plan::default();
        let bare = |file: &str| file.trim_start_matches('.').to_ascii_lowercase();
        let mut taken: BTreeSet<String> = self.boxes.values().map(|folder| bare(&folder.file)).collect();
        for b in &delta.boxes {
            self.plan_box(b, now, &mut taken, &mut plan);
        }
        for uidvalidity in &delta.deleted {
            let Some(folder) = self.boxes.get(uidvalidity) else { continue };
            plan.steps.later.push(Later::DropFolder(folder.file.clone()));
            plan.steps.deleted.push(*uidvalidity);
        }
        plan.extra.extend(self.unfinished.iter().filter_map(|later| self.reminder(later)));
        Ok(plan)
    }

    fn write(&mut self, plan: &mut Plan<Steps>) -> io::Result<()> {
        for (file, full) in &plan.steps.make {
            self.make(file, full.as_deref())?;
        }
        let mut folders = BTreeSet::new();
        for (file, rel, body) in &plan.steps.put {
            plan.steps.written += 1;
            self.put(file, rel, body)?;
            folders.insert(self.path(file, rel).parent().map(Path::to_path_buf));
        }
        folders.into_iter().flatten().try_for_each(|folder| self.files.sync_dir(&folder))
    }

    fn undo(&mut self, plan: Plan<Steps>) {
        for (file, rel, _) in plan.steps.put.iter().take(plan.steps.written) {
            // A file that cannot be removed now is removed with the next change. Should the machine stop before, it is
            // found when the store is opened: a message too many, not one lost.
            let later = Later::Drop(file.clone(), rel.clone());
            if self.tidy(&later).is_err() {
                self.unfinished.push(later);
            }
        }
        let known: BTreeSet<&String> = self.boxes.values().map(|folder| &folder.file).collect();
        for (file, _) in plan.steps.make.iter().filter(|(file, _)| !file.is_empty() && !known.contains(file))
        {
            let _ = self.files.remove_dir(&self.dir(file));
        }
    }

    fn finish(&mut self, plan: Plan<Steps>, subscribed: Option<&BTreeSet<String>>) {
        let mut later = std::mem::take(&mut self.unfinished);
        later.extend(plan.steps.later);
        later.retain(|later| self.tidy(later).is_err());
        // The index names what is left of it, so it may wait.
        self.unfinished = later;
        for (uidvalidity, (file, _)) in plan.files {
            self.boxes.entry(uidvalidity).or_default().file = file;
        }
        for ((uidvalidity, uid), words) in plan.messages {
            self.boxes.entry(uidvalidity).or_default().messages.insert(uid, words);
        }
        for (uidvalidity, uid) in plan.steps.removed {
            self.boxes.get_mut(&uidvalidity).map(|folder| folder.messages.remove(&uid));
        }
        for uidvalidity in plan.steps.deleted {
            self.boxes.remove(&uidvalidity);
        }
        if let Some(subscribed) = subscribed {
            self.write_subscriptions(subscribed);
        }
    }

    fn words(&self, uidvalidity: u32, uid: u32) -> Option<Words> {
        self.boxes.get(&uidvalidity)?.messages.get(&uid).cloned()
    }

    fn file(&self, uidvalidity: u32) -> Option<(String, String)> {
        let file = self.boxes.get(&uidvalidity)?.file.clone();
        let was = self.unfinished.iter().rev().find_map(|later| match later {
            Later::Rename(from, to) if *to == file => Some(from.clone()),
            _ => None,
        });
        Some((file.clone(), was.unwrap_or(file)))
    }

    fn place(&mut self, uidvalidity: u32, words: Words, kept: Kept) {
        self.boxes.entry(uidvalidity).or_default().messages.insert(kept.uid, words);
    }
}
