//! Mail on a disk: what the lab keeps with `--data DIR`, as Maildir or as mbox files, and the queues of its MTAs.
//!
//! Memory stays the index of everything; the disk is the truth from one start to the next. A change is made on a copy
//! of the mailboxes, goes to the disk, and only then becomes what everybody sees ([`keep`]): so an answer that says
//! "kept" is given when it is, and a disk that fails leaves memory as it was. Nothing here runs in a simulation.
//!
//! [`open`] and [`Data::attach`] are all that a lab needs: they fill a world from a folder, and from then on the world
//! writes through.

pub mod files;
mod fold;
mod index;
pub mod keep;
mod maildir;
mod mbox;
mod names;
mod shape;
pub mod spool;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use index::BadIndex;
pub use spool::Unread;

use crate::base::Instant;
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::Mailboxes;
use crate::world::scenario::RoleKind;
use files::{Disk, Files};
use keep::Keeper;
use maildir::Maildir;
use mbox::Mbox;
use shape::{AccountDisk, AccountStore};
use spool::Spool;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the layout that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The file that says what a folder is.
const DATA: &str = "postroad-data";

/// The file that one lab at a time holds locked.
const LOCK: &str = "postroad-lock";

/// How mail lies on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// One file for each message, one folder for each mailbox.
    #[default]
    Maildir,
    /// One text file for each mailbox.
    Mbox,
}

impl Kind {
    /// Its name, as in `--store mbox`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Maildir => "maildir",
            Kind::Mbox => "mbox",
        }
    }
}

/// Why a change was not kept. Nothing of it is on the disk or in memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk did not keep it: {why}")]
pub struct Unkept {
    /// What the system says.
    pub why: String,
    /// There is no room left: waiting may help, and so may deleting.
    pub full: bool,
}

impl Unkept {
    /// For another reason than a full disk.
    pub fn other(why: impl Into<String>) -> Self {
        Unkept { why: why.into(), full: false }
    }
}

impl From<io::Error> for Unkept {
    fn from(error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Unkept { why: error.to_string(), full }
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// It is in use.
    #[error(
        "{}: another lab uses this folder. Stop it, or give this one a folder of its own with --data",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It holds something else.
    #[error(
        "{}: the folder is not empty, and no lab made it (it has no file {DATA}). Name an empty folder, or a new one",
        path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// It is of another version.
    #[error(
        "{}: it says \"{said}\", and this program reads \"{DATA} {VERSION} …\" only. Use the program that wrote it, \
         or another folder",
        path.display()
    )]
    Version {
        /// The file that says so.
        path: PathBuf,
        /// Its first line.
        said: String,
    },
    /// It holds mail of the other kind.
    #[error("{}: it holds {held}, and {asked} was asked for. Use --store {held}, or another folder", path.display())]
    Kind {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        held: String,
        /// What was asked for.
        asked: &'static str,
    },
    /// An index is another program's.
    #[error("{}: {why}. Move it away to have it made anew from the messages: they get new UIDs", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why it is not read.
        why: BadIndex,
    },
}

impl OpenError {
    fn io(path: &Path, error: io::Error) -> Self {
        OpenError::Io { path: path.to_owned(), error }
    }
}

/// An open data folder. It is locked for others while this lives.
#[derive(Debug)]
pub struct Data {
    dir: PathBuf,
    kind: Kind,
    _lock: File,
}

/// Open a data folder, or make one. Nobody else can open it while what is given back lives.
///
/// # Errors
/// Why the folder cannot be used, in a sentence for whoever named it.
pub fn open(dir: &Path, kind: Kind) -> Result<Data, OpenError> {
    let failed = |error| OpenError::io(dir, error);
    fs::create_dir_all(dir).map_err(failed)?;
    check(dir, kind)?;
    let lock = lock(dir)?;
    let above = dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_path_buf));
    above.map_or(Ok(()), |above| Disk.sync_dir(&above)).map_err(failed)?;
    Ok(Data { dir: dir.to_owned(), kind, _lock: lock })
}

impl Data {
    /// Put what the folder holds into the world's mailboxes and queues. From here on all changes are written through.
    /// Call it before the world's doors are open; what the mailboxes hold is stated as facts.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn attach(&self, world: &World) -> Result<(), OpenError> {
        attach(Arc::new(Disk), &self.dir, self.kind, world)
    }

    /// Files of the queues that cannot be read. They are left alone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn unread(&self) -> io::Result<Vec<Unread>> {
        let (files, queues): (Arc<dyn Files>, PathBuf) = (Arc::new(Disk), self.dir.join("queue"));
        let hosts = match Disk.list(&queues) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let read = |host: String| Ok(Spool::open(files.clone(), queues.join(host))?.2);
        hosts.into_iter().map(read).collect::<io::Result<Vec<_>>>().map(|all| all.concat())
    }
}

/// Whether the folder is ours, of this version, and of this kind; a new one is marked so.
fn check(dir: &Path, kind: Kind) -> Result<(), OpenError> {
    let path = dir.join(DATA);
    let failed = |error| OpenError::io(&path, error);
    let said = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let names = Disk.list(dir).map_err(failed)?;
            if names.iter().any(|name| name != LOCK && !name.starts_with(DATA)) {
                return Err(OpenError::NotOurs { path: dir.to_owned() });
            }
            let text = format!("{DATA} {VERSION} {}\n", kind.name());
            return files::replace(&Disk, &path, text.as_bytes()).map_err(failed);
        }
        other => other.map_err(failed)?,
    };
    let line = said.lines().next().unwrap_or_default();
    match line.strip_prefix(&format!("{DATA} {VERSION} ")) {
        Some(held) if held == kind.name() => Ok(()),
        Some(held @ ("maildir" | "mbox")) => {
            Err(OpenError::Kind { path: dir.to_owned(), held: held.to_owned(), asked: kind.name() })
        }
        _ => Err(OpenError::Version { said: line.chars().take(80).collect(), path }),
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let failed = |error| OpenError::io(&path, error);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Put what a folder on any file system holds into a world, without lock and version.
///
/// # Errors
/// Why it cannot be read.
pub fn attach(files: Arc<dyn Files>, dir: &Path, kind: Kind, world: &World) -> Result<(), OpenError> {
    let made = ["mail", "queue"].iter().try_for_each(|below| files.make_dir(&dir.join(below)));
    made.and_then(|()| files.sync_dir(dir)).map_err(|error| OpenError::io(dir, error))?;
    for host in world.hosts.values() {
        let sends = host.has(RoleKind::Submission) || host.has(RoleKind::Mta);
        let accounts = world.look_at_mailboxes(host, Mailboxes::accounts);
        if sends || !accounts.is_empty() {
            attach_host(&files, dir, kind, world, host)?;
        }
    }
    Ok(())
}

fn attach_host(
    files: &Arc<dyn Files>,
    dir: &Path,
    kind: Kind,
    world: &World,
    host: &Host,
) -> Result<(), OpenError> {
    let now = world.clock.now();
    // What is stated is what the disk gives back, once.
    let mut mailboxes = world.look_at_mailboxes(host, Mailboxes::clone);
    let mut disks: BTreeMap<String, Box<dyn AccountDisk>> = BTreeMap::new();
    for account in mailboxes.accounts() {
        let root = dir.join("mail").join(names::of_account(&account));
        let disk = open_account(files, root, kind, &mut mailboxes, &account, now)?;
        disks.insert(account.to_ascii_lowercase(), disk);
    }
    let queue = dir.join("queue").join(names::of_account(&host.spec.name));
    let opened = Spool::open(files.clone(), queue.clone());
    let (spool, entries, _) = opened.map_err(|error| OpenError::io(&queue, error))?;
    mailboxes.restate();
    world.put_back(host, mailboxes, entries);
    host.keep_with(Keeper::new(disks, spool));
    Ok(())
}

/// One account's mail in its folder.
fn open_account(
    files: &Arc<dyn Files>,
    root: PathBuf,
    kind: Kind,
    mailboxes: &mut Mailboxes,
    account: &str,
    now: Instant,
) -> Result<Box<dyn AccountDisk>, OpenError> {
    Ok(match kind {
        Kind::Maildir => {
            let shape = Maildir::new(files.clone(), root.clone());
            Box::new(AccountStore::open(files.clone(), root, shape, mailboxes, account, now)?)
        }
        Kind::Mbox => {
            let shape = Mbox::new(files.clone(), root.clone());
            Box::new(AccountStore::open(files.clone(), root, shape, mailboxes, account, now)?)
        }
    })
}
