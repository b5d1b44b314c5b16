//! Changes that outlive a stop: made on a copy, written, and only then seen.
//!
//! One thread at a time writes for a host. What waits for it when it begins, for one account, becomes one transaction:
//! ten sessions that store flags at once wait for one sync. Meanwhile everybody reads what was there before.

use super::Unkept;
use super::shape::AccountDisk;
use super::spool::Spool;
use crate::base::Instant;
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::Mailboxes;
use crate::world::queue::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// The accounts of a host, by name in lower case.
type Disks = BTreeMap<String, Box<dyn AccountDisk>>;

/// Tells whoever asked for a change what became of it.
type Answer = Box<dyn FnOnce(Result<(), Unkept>) + Send>;

/// Makes a change on a copy.
type Act = Box<dyn FnOnce(&mut Mailboxes) -> Answer + Send>;

/// What keeps a host's mail.
pub struct Keeper {
    disks: Mutex<Disks>,
    jobs: Mutex<Jobs>,
    spool: Arc<Spool>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<(String, Act)>,
    writing: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    pub(super) fn new(disks: Disks, spool: Spool) -> Self {
        Keeper { disks: Mutex::new(disks), jobs: Mutex::default(), spool: Arc::new(spool) }
    }

    /// Whether a writer must be started.
    fn push(&self, account: String, act: Act) -> bool {
        let mut jobs = lock(&self.jobs);
        jobs.waiting.push_back((account, act));
        !std::mem::replace(&mut jobs.writing, true)
    }

    /// What waits for the account whose turn it is; `None`: the writer may go.
    fn next(&self) -> Option<(String, Vec<Act>)> {
        let mut jobs = lock(&self.jobs);
        let Some((account, first)) = jobs.waiting.pop_front() else {
            jobs.writing = false;
            return None;
        };
        let (same, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut jobs.waiting).into_iter().partition(|(of, _)| *of == account);
        jobs.waiting = others;
        Some((account, [first].into_iter().chain(same.into_iter().map(|(_, act)| act)).collect()))
    }
}

/// Lets the next writer begin, should this one panic.
struct Writing<'a>(&'a Keeper);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.jobs).writing = false;
        }
    }
}

fn keep(
    disks: &mut Disks,
    account: &str,
    before: &Mailboxes,
    after: &Mailboxes,
    now: Instant,
) -> Result<(), Unkept> {
    match (after.delta(account, Some(before)).filter(|delta| !delta.is_empty()), disks.get_mut(account)) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Unkept::other("the account has no place on the disk")),
        (Some(delta), Some(disk)) => disk.commit(&delta, after, now),
    }
}

impl World {
    /// Change the mailboxes of one account. On a host with a disk this returns when the disk has it, and nobody sees
    /// the change before; without one it is [`World::with_mailboxes`].
    ///
    /// # Errors
    /// Why the disk did not keep it: the change is not made then.
    pub async fn change_mailboxes<T: Send + 'static>(
        self: &Arc<Self>,
        host: &Arc<Host>,
        account: &str,
        act: impl FnOnce(&mut Mailboxes) -> T + Send + 'static,
    ) -> Result<T, Unkept> {
        let Some(keeper) = host.keeper() else { return Ok(self.with_mailboxes(host, act)) };
        let (tell, told) = oneshot::channel();
        let act = move |draft: &mut Mailboxes| -> Answer {
            let result = act(draft);
            // Who asked may have gone; the change is made all the same.
            Box::new(move |kept| drop(tell.send(kept.map(|()| result))))
        };
        if keeper.push(account.to_ascii_lowercase(), Box::new(act)) {
            let (world, host) = (self.clone(), host.clone());
            spawn_blocking(move || world.write_all(&host));
        }
        told.await.unwrap_or_else(|_| Err(Unkept::other("the writer stopped")))
    }

    /// Write what waits, until nothing does.
    fn write_all(&self, host: &Host) {
        let Some(keeper) = host.keeper() else { return };
        let _writing = Writing(keeper);
        while let Some((account, acts)) = keeper.next() {
            let mut disks = lock(&keeper.disks);
            self.look_again(host, &mut disks, &account);
            let before = self.copy_mailboxes(host);
            let mut draft = before.clone();
            let answers: Vec<Answer> = acts.into_iter().map(|act| act(&mut draft)).collect();
            let kept = keep(&mut disks, &account, &before, &draft, self.clock.now());
            if kept.is_ok() {
                // The copy brings its facts along: they are recorded before anybody else can look.
                self.with_mailboxes(host, |mailboxes| *mailboxes = draft);
            }
            drop(disks);
            answers.into_iter().for_each(|answer| answer(kept.clone()));
        }
    }

    /// Take in what another program has done to an account's files, where they would be written over.
    fn look_again(&self, host: &Host, disks: &mut Disks, account: &str) {
        let Some(disk) = disks.get_mut(account).filter(|disk| disk.is_touched()) else { return };
        let mut draft = self.copy_mailboxes(host);
        // Where it cannot be read, the change that comes next fails too, and says why.
        if disk.rescan(&mut draft, self.clock.now()).is_ok() {
            self.with_mailboxes(host, |mailboxes| *mailboxes = draft);
        }
    }

    /// A copy of a host's mailboxes, which shares with them what neither changes.
    pub(super) fn copy_mailboxes(&self, host: &Host) -> Mailboxes {
        self.with_mailboxes(host, |mailboxes| mailboxes.clone())
    }

    /// What a disk gave back takes its place, with its facts; the queue's entries wait for when they waited before.
    pub(super) fn put_back(&self, host: &Host, mailboxes: Mailboxes, entries: Vec<Entry>) {
        host.ids_from(entries.iter().map(|entry| entry.id.as_str()));
        self.with_mailboxes(host, |there| *there = mailboxes);
        self.with_queue(host, |queue| entries.into_iter().for_each(|entry| queue.accept(entry)));
    }

    /// Look for what other programs have changed in a host's files, and show it to everybody.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn rescan(self: &Arc<Self>, host: &Arc<Host>) -> Result<(), Unkept> {
        let (world, host) = (self.clone(), host.clone());
        let scanned = spawn_blocking(move || {
            let Some(keeper) = host.keeper() else { return Ok(()) };
            let mut disks = lock(&keeper.disks);
            let mut draft = world.copy_mailboxes(&host);
            let now = world.clock.now();
            disks.values_mut().try_for_each(|disk| disk.rescan(&mut draft, now))?;
            world.with_mailboxes(&host, |mailboxes| *mailboxes = draft);
            Ok(())
        });
        scanned.await.unwrap_or_else(|_| Err(Unkept::other("the reader stopped")))
    }

    /// Put a message on the disk of a host's queue, if it has one; whoever answers 250 has called this before.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn spool(&self, host: &Host, entry: &Entry) -> Result<(), Unkept> {
        let entry = entry.clone();
        self.on_spool(host, move |spool| spool.put(&entry)).await
    }

    /// Note on the disk what an attempt has left of an entry; `None`: nobody waits for it any more.
    ///
    /// # Errors
    /// Why it is not kept: at worst somebody gets the message twice.
    pub async fn note(&self, host: &Host, id: &str, left: Option<Entry>) -> Result<(), Unkept> {
        let id = id.to_owned();
        self.on_spool(host, move |spool| match left {
            Some(entry) => spool.update(&entry),
            None => spool.remove(&id),
        })
        .await
    }

    async fn on_spool(
        &self,
        host: &Host,
        act: impl FnOnce(&Spool) -> Result<(), Unkept> + Send + 'static,
    ) -> Result<(), Unkept> {
        let Some(keeper) = host.keeper() else { return Ok(()) };
        let spool = keeper.spool.clone();
        let done = spawn_blocking(move || act(&spool));
        done.await.unwrap_or_else(|_| Err(Unkept::other("the writer stopped")))
    }
}
