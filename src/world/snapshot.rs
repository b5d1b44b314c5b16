//! What the world's stores hold at one moment, for holding the folded State against them.

use super::hosts::World;
use super::mailboxes::SnapshotRow;
use super::roles::mua::disk::KeptRow;
use std::collections::BTreeMap;

/// Account → mailbox → (UID, flags, octets) of each message.
pub type MailboxRows = BTreeMap<String, BTreeMap<String, Vec<SnapshotRow>>>;

/// What the stores hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every mailbox of every host.
    pub mailboxes: MailboxRows,
    /// Host → queue id → recipients that wait.
    pub queues: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Device → account → what it keeps.
    pub kept: BTreeMap<String, BTreeMap<String, BTreeMap<String, KeptRow>>>,
}

impl World {
    /// What the stores hold now; `None` while one of them is being changed.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let mut snapshot = Snapshot::default();
        for (name, host) in &self.hosts {
            let (mailboxes, queue, kept) = host.try_snapshot()?;
            snapshot.mailboxes.extend(mailboxes);
            if !queue.is_empty() {
                snapshot.queues.insert(name.clone(), queue);
            }
            if !kept.is_empty() {
                snapshot.kept.insert(name.clone(), kept);
            }
        }
        Some(snapshot)
    }
}
