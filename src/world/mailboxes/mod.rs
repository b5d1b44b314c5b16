//! Accounts and their mailboxes: the store behind delivery, POP3 and IMAP.
//!
//! The end of the road: what an MTA delivers stands here until its owner reads it and throws it away. The words
//! are IMAP's (RFC 9051 §2.3): a message has a UID that never returns, a mailbox a UIDVALIDITY, every change a
//! modification sequence (RFC 7162). POP3 sees INBOX as its maildrop.
//!
//! Every mutation states a [`Fact`]; folding the facts gives [`Mailboxes::snapshot`] again. A copy of the whole store
//! shares with it what neither has changed since: where a disk stands behind it (`world/store`), a change is made on a
//! copy, [`delta`] says what it changed, and the copy takes the store's place once the disk has it.

pub mod delta;
pub mod folders;
pub mod imap;
pub mod mailbox;
pub mod maildrop;
pub mod messages;

pub use folders::Folder;
pub use mailbox::{Changes, MailboxStatus, Meta};
pub use maildrop::MaildropEntry;
pub use messages::{Copied, FlagChange, FlagsChanged};

use crate::base::{Instant, Secret};
use crate::proto::sasl::Proof;
use crate::trace::Fact;
use mailbox::Mailbox;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The mailbox that every account has (RFC 9051 §5.1); its name is case-insensitive.
pub const INBOX: &str = "INBOX";

/// What separates the levels of a mailbox name.
pub const DELIMITER: char = '/';

/// How much an account may hold, so that no client can make the store grow without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Mailboxes per account.
    pub mailboxes: usize,
    /// Names subscribed to per account.
    pub subscriptions: usize,
    /// Octets in a mailbox name.
    pub name: usize,
    /// Levels of a mailbox name: every level above it is listed too.
    pub levels: usize,
    /// Keywords (flags of the clients' own) per mailbox; others are not kept.
    pub keywords: usize,
    /// UIDs of removed messages remembered per mailbox, for VANISHED (RFC 7162 §3.2.10).
    pub removed: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        StoreLimits {
            mailboxes: 10_000,
            subscriptions: 10_000,
            name: 1_000,
            levels: 100,
            keywords: 200,
            removed: 10_000,
        }
    }
}

/// Why the store would not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody of that name keeps mail here.
    #[error("no such account")]
    NoSuchAccount,
    /// The account has no such mailbox.
    #[error("no such mailbox")]
    NoSuchMailbox,
    /// The account has that mailbox already.
    #[error("the mailbox exists already")]
    AlreadyExists,
    /// A mailbox may not have that name.
    #[error("not a possible mailbox name")]
    BadName,
    /// INBOX cannot be deleted (RFC 9051 §6.3.5).
    #[error("INBOX cannot be deleted")]
    Inbox,
    /// The quota is used up.
    #[error("the account is full")]
    Full,
    /// A limit of the store is reached.
    #[error("too many mailboxes or subscriptions")]
    TooMany,
    /// Another session holds the maildrop's lock.
    #[error("another session holds the lock")]
    InUse,
}

/// What an account begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSetup {
    /// The address, which is the login name too: `bob@example.net`.
    pub address: String,
    /// The password.
    pub password: Secret,
    /// Octets it may hold; 0 is unlimited.
    pub quota: u64,
    /// Other addresses delivered here.
    pub aliases: Vec<String>,
    /// UIDVALIDITY of its first mailbox; later ones count on from it. Given in, so that the store needs no clock.
    pub uidvalidity: u32,
    /// Mailboxes besides INBOX, each with its use (RFC 6154): `("Sent", Some("\\Sent"))`.
    pub folders: Vec<(String, Option<String>)>,
}

impl AccountSetup {
    /// An account with INBOX only, no password that anybody could know, and no quota.
    pub fn new(address: impl Into<String>, uidvalidity: u32) -> Self {
        AccountSetup { address: address.into(), uidvalidity, ..AccountSetup::default() }
    }

    /// With the five mailboxes of special use that mail programs look for (RFC 6154 §2).
    pub fn with_special_use(mut self) -> Self {
        for name in ["Drafts", "Sent", "Trash", "Junk", "Archive"] {
            self.folders.push((name.to_owned(), Some(format!("\\{name}"))));
        }
        self
    }
}

/// One account.
#[derive(Clone, Debug)]
struct Account {
    setup: AccountSetup,
    mailboxes: BTreeMap<String, Arc<Mailbox>>,
    subscribed: BTreeSet<String>,
    next_uidvalidity: u32,
    /// Treated as full whatever the quota (a fault of the scenario).
    full: bool,
    /// The POP3 session that holds the maildrop.
    lock: Option<u64>,
}

impl Account {
    fn octets(&self) -> u64 {
        self.mailboxes.values().map(|m| m.octets()).sum()
    }

    fn mailbox_mut(&mut self, name: &str) -> Result<&mut Mailbox, Refusal> {
        self.mailboxes.get_mut(name).map(Arc::make_mut).ok_or(Refusal::NoSuchMailbox)
    }

    fn has_room(&self, octets: u64) -> bool {
        let quota = self.setup.quota;
        !self.full && (quota == 0 || self.octets().saturating_add(octets) <= quota)
    }
}

/// What a mailbox holds, for comparing: UID, flags, octets of each message.
pub type SnapshotRow = (u32, Vec<String>, u64);

/// All accounts of a host.
#[derive(Clone, Debug, Default)]
pub struct Mailboxes {
    accounts: BTreeMap<String, Arc<Account>>,
    facts: Vec<Fact>,
    version: u64,
    limits: StoreLimits,
}

impl Mailboxes {
    /// A store without accounts.
    pub fn new() -> Self {
        Mailboxes::default()
    }

    /// A store with other limits.
    pub fn with_limits(limits: StoreLimits) -> Self {
        Mailboxes { limits, ..Mailboxes::default() }
    }

    /// Open an account, with INBOX and what the setup names. One that exists already is left as it is.
    pub fn add_account(&mut self, setup: AccountSetup) {
        let key = setup.address.to_ascii_lowercase();
        if self.accounts.contains_key(&key) {
            return;
        }
        let address = setup.address.clone();
        let folders = setup.folders.clone();
        let next_uidvalidity = setup.uidvalidity.max(1);
        let account = Account {
            setup,
            mailboxes: BTreeMap::new(),
            subscribed: BTreeSet::from([INBOX.to_owned()]),
            next_uidvalidity,
            full: false,
            lock: None,
        };
        self.accounts.insert(key, Arc::new(account));
        // Names that cannot be are left out: a scenario is checked before it comes here.
        let _ = self.create(&address, INBOX, None);
        for (name, special_use) in folders {
            let _ = self.create(&address, &name, special_use);
            let _ = self.subscribe(&address, &name);
        }
    }

    /// The account that an address or login name belongs to, as in `bob@example.net`; aliases are followed.
    pub fn resolve(&self, address: &str) -> Option<String> {
        let by_name = self.accounts.get(&address.to_ascii_lowercase());
        let by_alias = || {
            let is_here = |a: &&Arc<Account>| a.setup.aliases.iter().any(|x| x.eq_ignore_ascii_case(address));
            self.accounts.values().find(is_here)
        };
        by_name.or_else(by_alias).map(|a| a.setup.address.clone())
    }

    /// The account's name, if user and password belong together.
    pub fn authenticate(&self, user: &str, password: &Secret) -> Option<String> {
        self.prove(user, &Proof::Password(password.clone()))
    }

    /// The same by any proof of the password.
    pub fn prove(&self, user: &str, proof: &Proof) -> Option<String> {
        let account = self.accounts.get(&self.resolve(user)?.to_ascii_lowercase())?;
        proof.fits(&account.setup.password).then(|| account.setup.address.clone())
    }

    /// The account's password, for mechanisms that prove it without sending it (APOP, CRAM-MD5, SCRAM).
    pub fn password(&self, user: &str) -> Option<Secret> {
        let account = self.accounts.get(&self.resolve(user)?.to_ascii_lowercase())?;
        Some(account.setup.password.clone())
    }

    /// Names of all accounts, sorted.
    pub fn accounts(&self) -> Vec<String> {
        self.accounts.values().map(|a| a.setup.address.clone()).collect()
    }

    /// Treat the account as full, or no longer (a fault of the scenario).
    pub fn set_full(&mut self, account: &str, full: bool) -> Result<(), Refusal> {
        self.account_mut(account)?.full = full;
        Ok(())
    }

    /// Octets used, and the quota (0: unlimited).
    pub fn quota(&self, account: &str) -> Result<(u64, u64), Refusal> {
        let account = self.account(account)?;
        Ok((account.octets(), account.setup.quota))
    }

    /// Whether so many octets more would fit: for several messages that are stored all or none.
    pub fn has_room(&self, account: &str, octets: u64) -> Result<bool, Refusal> {
        Ok(self.account(account)?.has_room(octets))
    }

    /// Put a message into a mailbox: by delivery (`queue_id` names the queue entry it comes from), by APPEND, or
    /// as a copy. Gives its UID.
    pub fn deliver(
        &mut self,
        account: &str,
        mailbox: &str,
        bytes: Arc<[u8]>,
        flags: &[String],
        now: Instant,
        queue_id: Option<&str>,
    ) -> Result<u32, Refusal> {
        let limits = self.limits;
        let name = folders::canonical(mailbox);
        let size = bytes.len() as u64;
        let owner = self.account_mut(account)?;
        let room = owner.has_room(size);
        let address = owner.setup.address.clone();
        let target = owner.mailbox_mut(&name)?;
        let uid = if room { target.add(bytes, flags, now, &limits) } else { None }.ok_or(Refusal::Full)?;
        let flags = target.flags_of(uid);
        let id = queue_id.map(str::to_owned);
        self.state(Fact::Delivered { account: address, mailbox: name, uid, size, flags, id });
        Ok(uid)
    }

    /// What the store did since it was last asked, in order.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// A number that grows with every change: who saw it grow tells the sessions that wait (IDLE).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Everything, for comparing with the folded state: account → mailbox → (UID, flags, octets).
    pub fn snapshot(&self) -> BTreeMap<String, BTreeMap<String, Vec<SnapshotRow>>> {
        let of = |a: &Arc<Account>| a.mailboxes.iter().map(|(n, m)| (n.clone(), m.rows())).collect();
        self.accounts.values().map(|a| (a.setup.address.clone(), of(a))).collect()
    }

    fn state(&mut self, fact: Fact) {
        self.version += 1;
        self.facts.push(fact);
    }

    fn account(&self, account: &str) -> Result<&Account, Refusal> {
        let found = self.accounts.get(&account.to_ascii_lowercase());
        found.map(Arc::as_ref).ok_or(Refusal::NoSuchAccount)
    }

    fn account_mut(&mut self, account: &str) -> Result<&mut Account, Refusal> {
        let found = self.accounts.get_mut(&account.to_ascii_lowercase());
        found.map(Arc::make_mut).ok_or(Refusal::NoSuchAccount)
    }

    fn mailbox(&self, account: &str, mailbox: &str) -> Result<&Mailbox, Refusal> {
        let mailboxes = &self.account(account)?.mailboxes;
        mailboxes.get(&folders::canonical(mailbox)).map(Arc::as_ref).ok_or(Refusal::NoSuchMailbox)
    }

    fn mailbox_mut(&mut self, account: &str, mailbox: &str) -> Result<&mut Mailbox, Refusal> {
        let name = folders::canonical(mailbox);
        self.account_mut(account)?.mailbox_mut(&name)
    }
}

#[cfg(test)]
mod tests;
