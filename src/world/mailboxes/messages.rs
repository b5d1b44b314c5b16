//! What is done to messages: flags, expunge, copy, move; and what is asked of them.

use super::mailbox::{Changes, MailboxStatus, Meta};
use super::{Mailboxes, Refusal, folders};
use crate::trace::Fact;
use std::sync::Arc;

/// How flags are changed (RFC 9051 §6.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// What became of a change of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagsChanged {
    /// UIDs that have other flags now.
    pub changed: Vec<u32>,
    /// UIDs left alone because they changed after UNCHANGEDSINCE (RFC 7162 §3.1.3).
    pub modified: Vec<u32>,
}

/// Where copies went (RFC 4315 §3: COPYUID).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the mailbox that took them.
    pub uidvalidity: u32,
    /// Each message's UID here, and there.
    pub uids: Vec<(u32, u32)>,
}

impl Mailboxes {
    /// All messages of a mailbox, by UID.
    pub fn messages(&self, account: &str, mailbox: &str) -> Result<Vec<Meta>, Refusal> {
        Ok(self.mailbox(account, mailbox)?.metas())
    }

    /// One message without its bytes.
    pub fn message(&self, account: &str, mailbox: &str, uid: u32) -> Option<Meta> {
        self.mailbox(account, mailbox).ok()?.meta(uid)
    }

    /// A message's bytes.
    pub fn body(&self, account: &str, mailbox: &str, uid: u32) -> Option<Arc<[u8]>> {
        self.mailbox(account, mailbox).ok()?.body(uid)
    }

    /// A mailbox in numbers.
    pub fn status(&self, account: &str, mailbox: &str) -> Result<MailboxStatus, Refusal> {
        Ok(self.mailbox(account, mailbox)?.status())
    }

    /// The keywords that a mailbox's messages have, or had.
    pub fn keywords(&self, account: &str, mailbox: &str) -> Result<Vec<String>, Refusal> {
        Ok(self.mailbox(account, mailbox)?.keywords())
    }

    /// The name of the account's mailbox with this UIDVALIDITY, which no other mailbox of the account has. A
    /// session knows its mailbox by it, so that RENAME does not take it away.
    pub fn name_of(&self, account: &str, uidvalidity: u32) -> Option<String> {
        let mailboxes = &self.account(account).ok()?.mailboxes;
        mailboxes.iter().find(|(_, m)| m.uidvalidity == uidvalidity).map(|(name, _)| name.clone())
    }

    /// What happened in a mailbox after a modification sequence: several sessions on it see the same order.
    pub fn changes_since(&self, account: &str, mailbox: &str, modseq: u64) -> Result<Changes, Refusal> {
        Ok(self.mailbox(account, mailbox)?.changes_since(modseq))
    }

    /// Messages from this UID on are \Recent. With `claim` (a session that may write) they are recent for the asking
    /// session and for no later one (RFC 3501 §2.3.2).
    pub fn recent_from(&mut self, account: &str, mailbox: &str, claim: bool) -> Result<u32, Refusal> {
        Ok(self.mailbox_mut(account, mailbox)?.recent_from(claim))
    }

    /// Change flags of messages; UIDs that are not there are passed over.
    pub fn set_flags(
        &mut self,
        account: &str,
        mailbox: &str,
        uids: &[u32],
        change: FlagChange,
        flags: &[String],
        unchanged_since: Option<u64>,
    ) -> Result<FlagsChanged, Refusal> {
        let limits = self.limits;
        let (address, name) = (self.account(account)?.setup.address.clone(), folders::canonical(mailbox));
        let target = self.mailbox_mut(account, mailbox)?;
        let mut done = FlagsChanged::default();
        let mut facts = Vec::new();
        for &uid in uids {
            let Some(meta) = target.meta(uid) else { continue };
            if unchanged_since.is_some_and(|limit| meta.modseq > limit) {
                done.modified.push(uid);
                continue;
            }
            let named = |f: &String| flags.iter().any(|x| x.eq_ignore_ascii_case(f));
            let wanted: Vec<String> = match change {
                FlagChange::Add => meta.flags.iter().chain(flags).cloned().collect(),
                FlagChange::Remove => meta.flags.iter().filter(|f| !named(f)).cloned().collect(),
                FlagChange::Replace => flags.to_vec(),
            };
            if target.replace_flags(uid, &wanted, &limits) {
                done.changed.push(uid);
                let flags = target.flags_of(uid);
                facts.push(Fact::FlagsSet { account: address.clone(), mailbox: name.clone(), uid, flags });
            }
        }
        facts.into_iter().for_each(|fact| self.state(fact));
        Ok(done)
    }

    /// Remove messages for good, whatever their flags; gives those that were there. (A session picks what is
    /// \Deleted itself, or has it picked by [`Mailboxes::deleted`].)
    pub fn expunge(&mut self, account: &str, mailbox: &str, uids: &[u32]) -> Result<Vec<u32>, Refusal> {
        let limits = self.limits;
        let (address, name) = (self.account(account)?.setup.address.clone(), folders::canonical(mailbox));
        let target = self.mailbox_mut(account, mailbox)?;
        let gone: Vec<u32> = uids.iter().copied().filter(|uid| target.remove(*uid, &limits)).collect();
        for &uid in &gone {
            self.state(Fact::Removed { account: address.clone(), mailbox: name.clone(), uid });
        }
        Ok(gone)
    }

    /// UIDs of the messages with \Deleted.
    pub fn deleted(&self, account: &str, mailbox: &str) -> Result<Vec<u32>, Refusal> {
        let metas = self.mailbox(account, mailbox)?.metas();
        Ok(metas.iter().filter(|m| m.flags.iter().any(|f| f == "\\Deleted")).map(|m| m.uid).collect())
    }

    /// Copy messages with their flags and dates; all of them or none (RFC 9051 §6.4.7).
    pub fn copy(&mut self, account: &str, from: &str, uids: &[u32], to: &str) -> Result<Copied, Refusal> {
        self.transfer(account, from, uids, to, false)
    }

    /// Move messages: copied, then removed, as one act (RFC 6851 §3.1).
    pub fn move_messages(
        &mut self,
        account: &str,
        from: &str,
        uids: &[u32],
        to: &str,
    ) -> Result<Copied, Refusal> {
        self.transfer(account, from, uids, to, true)
    }

    fn transfer(
        &mut self,
        account: &str,
        from: &str,
        uids: &[u32],
        to: &str,
        remove: bool,
    ) -> Result<Copied, Refusal> {
        let limits = self.limits;
        let name = folders::canonical(to);
        let source = self.mailbox(account, from)?;
        let picked: Vec<(Meta, Arc<[u8]>)> =
            uids.iter().filter_map(|uid| Some((source.meta(*uid)?, source.body(*uid)?))).collect();
        let octets = picked.iter().map(|(meta, _)| meta.size).sum();
        let owner = self.account_mut(account)?;
        let room = remove || owner.has_room(octets);
        let address = owner.setup.address.clone();
        let target = owner.mailbox_mut(&name)?;
        if !room || u64::from(u32::MAX - target.status().uidnext) <= picked.len() as u64 {
            return Err(Refusal::Full);
        }
        let mut copied = Copied { uidvalidity: target.uidvalidity, uids: Vec::new() };
        let mut facts = Vec::new();
        for (meta, body) in picked {
            let Some(uid) = target.add(body, &meta.flags, meta.internal_date, &limits) else { break };
            copied.uids.push((meta.uid, uid));
            let (account, mailbox, flags) = (address.clone(), name.clone(), target.flags_of(uid));
            facts.push(Fact::Delivered { account, mailbox, uid, size: meta.size, flags, id: None });
        }
        facts.into_iter().for_each(|fact| self.state(fact));
        if remove {
            let moved: Vec<u32> = copied.uids.iter().map(|(uid, _)| *uid).collect();
            self.expunge(account, from, &moved)?;
        }
        Ok(copied)
    }
}
