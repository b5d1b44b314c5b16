//! Names and hierarchy: CREATE, DELETE, RENAME, SUBSCRIBE (RFC 9051 §6.3.4–6.3.8).
//!
//! Only mailboxes that can hold messages are kept. A name that has children but no mailbox of its own ("\Noselect")
//! is not stored: it follows from the names below it.

use super::mailbox::Mailbox;
use super::{Account, DELIMITER, INBOX, Mailboxes, Refusal, StoreLimits};
use crate::trace::Fact;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A mailbox name as LIST sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its full name.
    pub name: String,
    /// Whether there is a mailbox of that name; else it is only a level above others, or a subscription without one.
    pub exists: bool,
    /// Whether there are names below it.
    pub has_children: bool,
    /// Whether it is subscribed to.
    pub subscribed: bool,
    /// Its use, as in `\Sent` (RFC 6154).
    pub special_use: Option<String>,
}

/// The name as the store knows it: INBOX in capitals, others as they are.
pub(super) fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case(INBOX) { INBOX.to_owned() } else { name.to_owned() }
}

/// A name that a mailbox may have: no empty level, no `.` or `..` (a folder on a disk may stand behind it), no
/// control character.
pub(super) fn possible(name: &str, limits: &StoreLimits) -> bool {
    !name.is_empty()
        && name.len() <= limits.name
        && name.split(DELIMITER).count() <= limits.levels
        && name.split(DELIMITER).all(|level| !matches!(level, "" | "." | ".."))
        // U+FFFD is what octets that are no UTF-8 were read as: such names are not made (RFC 9051 §5.1).
        && !name.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

impl Account {
    fn has_children(&self, name: &str) -> bool {
        let prefix = format!("{name}{DELIMITER}");
        self.mailboxes.range(prefix.clone()..).next().is_some_and(|(n, _)| n.starts_with(&prefix))
    }

    fn next_uidvalidity(&mut self) -> u32 {
        let next = self.next_uidvalidity;
        self.next_uidvalidity = next.checked_add(1).unwrap_or(1);
        next
    }
}

impl Mailboxes {
    /// Make a mailbox. A trailing delimiter says that names below it will follow, and is left away
    /// (RFC 9051 §6.3.4). Gives its UIDVALIDITY.
    pub fn create(
        &mut self,
        account: &str,
        mailbox: &str,
        special_use: Option<String>,
    ) -> Result<u32, Refusal> {
        let limits = self.limits;
        let name = canonical(mailbox.strip_suffix(DELIMITER).unwrap_or(mailbox));
        let owner = self.account_mut(account)?;
        if !possible(&name, &limits) {
            return Err(Refusal::BadName);
        }
        if owner.mailboxes.contains_key(&name) {
            return Err(Refusal::AlreadyExists);
        }
        if owner.mailboxes.len() >= limits.mailboxes {
            return Err(Refusal::TooMany);
        }
        let uidvalidity = owner.next_uidvalidity();
        owner.mailboxes.insert(name.clone(), Arc::new(Mailbox::new(uidvalidity, special_use)));
        let account = owner.setup.address.clone();
        self.state(Fact::MailboxCreated { account, mailbox: name, uidvalidity });
        Ok(uidvalidity)
    }

    /// Delete a mailbox with what is in it. Names below it stay (RFC 9051 §6.3.5).
    pub fn delete(&mut self, account: &str, mailbox: &str) -> Result<(), Refusal> {
        let name = canonical(mailbox);
        let owner = self.account_mut(account)?;
        if name == INBOX {
            return Err(Refusal::Inbox);
        }
        owner.mailboxes.remove(&name).ok_or(Refusal::NoSuchMailbox)?;
        let account = owner.setup.address.clone();
        self.state(Fact::MailboxDeleted { account, mailbox: name });
        Ok(())
    }

    /// Rename a mailbox and the names below it. Renaming INBOX moves its messages and leaves it empty
    /// (RFC 9051 §6.3.6).
    pub fn rename(&mut self, account: &str, from: &str, to: &str) -> Result<(), Refusal> {
        let (from, to) = (canonical(from), canonical(to.strip_suffix(DELIMITER).unwrap_or(to)));
        let limits = self.limits;
        let owner = self.account_mut(account)?;
        let below = |n: &str| n.strip_prefix(&from).is_some_and(|rest| rest.starts_with(DELIMITER));
        if !possible(&to, &limits) || below(&to) && from != INBOX {
            return Err(Refusal::BadName);
        }
        if owner.mailboxes.contains_key(&to) || owner.has_children(&to) && from != INBOX {
            return Err(Refusal::AlreadyExists);
        }
        if from == INBOX {
            return self.empty_inbox_into(account, &to);
        }
        let names: Vec<String> =
            owner.mailboxes.keys().filter(|n| **n == from || below(n)).cloned().collect();
        if names.is_empty() {
            return Err(Refusal::NoSuchMailbox);
        }
        let renamed: Vec<String> = names.iter().map(|n| format!("{to}{}", &n[from.len()..])).collect();
        if !renamed.iter().all(|n| possible(n, &limits)) {
            return Err(Refusal::BadName);
        }
        let address = owner.setup.address.clone();
        for (old, new) in names.iter().zip(&renamed) {
            if let Some(mailbox) = owner.mailboxes.remove(old) {
                owner.mailboxes.insert(new.clone(), mailbox);
            }
        }
        for (from, to) in names.into_iter().zip(renamed) {
            self.state(Fact::MailboxRenamed { account: address.clone(), from, to });
        }
        Ok(())
    }

    fn empty_inbox_into(&mut self, account: &str, to: &str) -> Result<(), Refusal> {
        self.create(account, to, None)?;
        let uids = self.mailbox(account, INBOX)?.uids();
        self.move_messages(account, INBOX, &uids, to).map(|_| ())
    }

    /// Remember a name; it need not exist (RFC 9051 §6.3.7).
    pub fn subscribe(&mut self, account: &str, mailbox: &str) -> Result<(), Refusal> {
        let limits = self.limits;
        let name = canonical(mailbox.strip_suffix(DELIMITER).unwrap_or(mailbox));
        let owner = self.account_mut(account)?;
        if !possible(&name, &limits) {
            return Err(Refusal::BadName);
        }
        if owner.subscribed.len() >= limits.subscriptions && !owner.subscribed.contains(&name) {
            return Err(Refusal::TooMany);
        }
        owner.subscribed.insert(name);
        Ok(())
    }

    /// Forget a name.
    pub fn unsubscribe(&mut self, account: &str, mailbox: &str) -> Result<(), Refusal> {
        self.account_mut(account)?.subscribed.remove(&canonical(mailbox));
        Ok(())
    }

    /// The names subscribed to.
    pub fn subscriptions(&self, account: &str) -> Result<BTreeSet<String>, Refusal> {
        Ok(self.account(account)?.subscribed.clone())
    }

    /// Every name there is: mailboxes, the levels above them, and what is only subscribed to; sorted.
    pub fn folders(&self, account: &str) -> Result<Vec<Folder>, Refusal> {
        let owner = self.account(account)?;
        let mut names = owner.subscribed.clone();
        for name in owner.mailboxes.keys() {
            names.insert(name.clone());
            names.extend(name.match_indices(DELIMITER).map(|(at, _)| name[..at].to_owned()));
        }
        let folder = |name: String| Folder {
            exists: owner.mailboxes.contains_key(&name),
            has_children: owner.has_children(&name),
            subscribed: owner.subscribed.contains(&name),
            special_use: owner.mailboxes.get(&name).and_then(|m| m.special_use.clone()),
            name,
        };
        Ok(names.into_iter().map(folder).collect())
    }
}
