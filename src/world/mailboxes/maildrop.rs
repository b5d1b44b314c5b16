//! INBOX as POP3 sees it: a maildrop that one session at a time holds (RFC 1939 §4).
//!
//! "The POP3 server … acquires an exclusive-access lock on the maildrop … to prevent messages from being modified or
//! removed before the session enters the UPDATE state." Delivery goes on; the session keeps the list it was given.

use super::{INBOX, Mailboxes, Refusal};
use crate::trace::Fact;

/// A message as POP3 lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaildropEntry {
    /// Its UID in INBOX.
    pub uid: u32,
    /// Its unique-id for UIDL, `uidvalidity.uid`: the same in every session, never used again (RFC 1939 §7).
    pub uidl: String,
    /// Octets.
    pub octets: u64,
}

impl Mailboxes {
    /// Take the maildrop's lock for a session (any number that no other session has), and list what is in it.
    /// `InUse` where another session holds it (RFC 2449 §8.1.2: `[IN-USE]`).
    pub fn lock_maildrop(&mut self, account: &str, session: u64) -> Result<Vec<MaildropEntry>, Refusal> {
        let owner = self.account_mut(account)?;
        if owner.lock.is_some_and(|holder| holder != session) {
            return Err(Refusal::InUse);
        }
        let taken = owner.lock.replace(session).is_none();
        let address = owner.setup.address.clone();
        if taken {
            self.state(Fact::MaildropLocked { account: address });
        }
        let inbox = self.mailbox(account, INBOX)?;
        let uidvalidity = inbox.uidvalidity;
        let entry = |(uid, _, octets)| MaildropEntry { uid, uidl: format!("{uidvalidity}.{uid}"), octets };
        Ok(inbox.rows().into_iter().map(entry).collect())
    }

    /// QUIT: remove what was marked, and give the lock back. Gives the UIDs removed. Only the holder can.
    pub fn update_maildrop(
        &mut self,
        account: &str,
        session: u64,
        deleted: &[u32],
    ) -> Result<Vec<u32>, Refusal> {
        if self.account(account)?.lock != Some(session) {
            return Err(Refusal::InUse);
        }
        let gone = self.expunge(account, INBOX, deleted)?;
        self.release(account, session, true);
        Ok(gone)
    }

    /// Give the lock back without deleting: the connection broke, or timed out. Does nothing for another session.
    pub fn unlock_maildrop(&mut self, account: &str, session: u64) {
        self.release(account, session, false);
    }

    fn release(&mut self, account: &str, session: u64, updated: bool) {
        if let Ok(owner) = self.account_mut(account)
            && owner.lock == Some(session)
        {
            owner.lock = None;
            let account = owner.setup.address.clone();
            self.state(Fact::MaildropUnlocked { account, updated });
        }
    }
}
