//! What an IMAP server asks of the store, answered: the glue between [`crate::proto::imap::server`] and [`Mailboxes`].

use super::{FlagChange, Mailboxes, Meta, Refusal};
use crate::base::Instant;
use crate::proto::imap::server::ask::{self, Answer, Ask};
use crate::proto::imap::types::{Flag, StoreOp};

/// What a connection is to the store: nobody, then somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImapSession {
    /// The account, once a login has succeeded.
    pub account: Option<String>,
}

/// Whether answering a request would change the store.
pub fn changes(store: &Mailboxes, account: &str, ask: &Ask) -> bool {
    match ask {
        Ask::Login { .. } | Ask::Authenticate(_) | Ask::ScramKeys { .. } => false,
        Ask::Folders | Ask::Bodies { .. } | Ask::Status { .. } => false,
        // What is \Recent is claimed, where anything is.
        Ask::Select { mailbox, read_only } => {
            !read_only && store.status(account, mailbox).is_ok_and(|status| status.recent > 0)
        }
        Ask::Changes { uidvalidity, since, claim } => {
            let arrived = |name: String| store.changes_since(account, &name, *since).map(|c| c.arrived);
            let new = store.name_of(account, *uidvalidity).map(arrived);
            *claim && new.is_some_and(|new| new.is_ok_and(|new| !new.is_empty()))
        }
        _ => true,
    }
}

/// Answer one request of a connection's server.
pub fn answer_ask(store: &mut Mailboxes, session: &mut ImapSession, ask: Ask, now: Instant) -> Answer {
    let answer = match (ask, &session.account) {
        (Ask::Login { user, password }, _) => {
            session.account = store.authenticate(&user, &password);
            return match &session.account {
                Some(account) => Answer::LoggedIn(account.clone()),
                None => Answer::Refused(ask::Refusal::Credentials),
            };
        }
        (Ask::Authenticate(login), _) => {
            session.account = store.prove(&login.authcid, &login.proof);
            return match &session.account {
                Some(account) => Answer::LoggedIn(account.clone()),
                None => Answer::Refused(ask::Refusal::Credentials),
            };
        }
        // Keys are derived by whoever has the host's secret salt: `World::scram_keys`.
        (Ask::ScramKeys { .. }, _) => return Answer::Refused(ask::Refusal::Unavailable),
        (ask, Some(account)) => on_messages(store, account, ask, now),
        (_, None) => return Answer::Refused(ask::Refusal::Unavailable),
    };
    answer.unwrap_or_else(|refusal| Answer::Refused(why(refusal)))
}

fn why(refusal: Refusal) -> ask::Refusal {
    match refusal {
        Refusal::NoSuchMailbox => ask::Refusal::NoSuchMailbox,
        Refusal::AlreadyExists => ask::Refusal::AlreadyExists,
        Refusal::BadName | Refusal::Inbox => ask::Refusal::Cannot,
        Refusal::Full => ask::Refusal::OverQuota,
        Refusal::TooMany => ask::Refusal::Limit,
        Refusal::NoSuchAccount | Refusal::InUse => ask::Refusal::Unavailable,
    }
}

fn names(flags: &[Flag]) -> Vec<String> {
    flags.iter().map(|f| f.name().to_owned()).collect()
}

fn meta(meta: Meta) -> ask::Meta {
    let Meta { uid, flags, size, internal_date, modseq } = meta;
    let flags = flags.iter().map(|f| Flag::from_name(f)).collect();
    ask::Meta { uid, flags, size, internal_date, modseq }
}

/// The requests about names, and those to a mailbox that need not be selected.
fn on_names(store: &mut Mailboxes, account: &str, ask: Ask, now: Instant) -> Result<Answer, Refusal> {
    match ask {
        Ask::Create { mailbox, special_use } => drop(store.create(account, &mailbox, special_use)?),
        Ask::Delete { mailbox } => store.delete(account, &mailbox)?,
        Ask::Rename { from, to } => store.rename(account, &from, &to)?,
        Ask::Subscribe { mailbox, on: true } => store.subscribe(account, &mailbox)?,
        Ask::Subscribe { mailbox, on: false } => store.unsubscribe(account, &mailbox)?,
        Ask::Folders => {
            let folder = |f: super::Folder| ask::Folder {
                name: f.name,
                exists: f.exists,
                has_children: f.has_children,
                subscribed: f.subscribed,
                special_use: f.special_use,
            };
            return Ok(Answer::Folders(store.folders(account)?.into_iter().map(folder).collect()));
        }
        Ask::Status { mailbox } => {
            let s = store.status(account, &mailbox)?;
            return Ok(Answer::Status(ask::Figures {
                messages: s.messages,
                recent: s.recent,
                unseen: s.unseen,
                deleted: s.deleted,
                uidnext: s.uidnext,
                uidvalidity: s.uidvalidity,
                highest_modseq: s.highest_modseq,
                size: s.size,
            }));
        }
        Ask::Append { mailbox, messages } => {
            let uidvalidity = store.status(account, &mailbox)?.uidvalidity;
            let octets = messages.iter().map(|m| m.bytes.len() as u64).sum();
            if !store.has_room(account, octets)? {
                return Err(Refusal::Full);
            }
            let mut uids = Vec::new();
            for message in messages {
                let date = message.date.unwrap_or(now);
                let flags = names(&message.flags);
                uids.push(store.deliver(account, &mailbox, message.bytes, &flags, date, None)?);
            }
            return Ok(Answer::Appended { uidvalidity, uids });
        }
        // Everything else went to `on_messages`.
        _ => return Err(Refusal::NoSuchMailbox),
    }
    Ok(Answer::Done)
}

fn on_messages(store: &mut Mailboxes, account: &str, ask: Ask, now: Instant) -> Result<Answer, Refusal> {
    let named = |store: &Mailboxes, uidvalidity: u32| {
        store.name_of(account, uidvalidity).ok_or(Refusal::NoSuchMailbox)
    };
    match ask {
        Ask::Select { mailbox, read_only } => select(store, account, &mailbox, read_only),
        Ask::Changes { uidvalidity, since, claim } => {
            let name = named(store, uidvalidity)?;
            let changes = store.changes_since(account, &name, since)?;
            // Asking claims what is recent, but only where there is something new to be told.
            let claim = claim && !changes.arrived.is_empty();
            let recent_from = store.recent_from(account, &name, claim)?;
            Ok(Answer::Changes(ask::News {
                highest_modseq: changes.highest,
                recent_from,
                arrived: changes.arrived.into_iter().map(meta).collect(),
                changed: changes.changed.into_iter().map(meta).collect(),
                removed: changes.removed,
                left: changes.left,
            }))
        }
        Ask::Bodies { uidvalidity, uids } => {
            let name = named(store, uidvalidity)?;
            let body = |uid: u32| Some((uid, store.body(account, &name, uid)?));
            Ok(Answer::Bodies(uids.into_iter().filter_map(body).collect()))
        }
        Ask::Store { uidvalidity, uids, op, flags, unchanged_since } => {
            let name = named(store, uidvalidity)?;
            let change = match op {
                StoreOp::Set => FlagChange::Replace,
                StoreOp::Add => FlagChange::Add,
                StoreOp::Remove => FlagChange::Remove,
            };
            let done = store.set_flags(account, &name, &uids, change, &names(&flags), unchanged_since)?;
            let still = |uid: &&u32| done.modified.binary_search(uid).is_err();
            let now = uids.iter().filter(still).filter_map(|uid| store.message(account, &name, *uid));
            Ok(Answer::Stored { now: now.map(meta).collect(), modified: done.modified.clone() })
        }
        Ask::Copy { uidvalidity, uids, to, remove } => {
            let name = named(store, uidvalidity)?;
            let copied = if remove {
                store.move_messages(account, &name, &uids, &to)?
            } else {
                store.copy(account, &name, &uids, &to)?
            };
            Ok(Answer::Copied { uidvalidity: copied.uidvalidity, uids: copied.uids })
        }
        Ask::Expunge { uidvalidity, uids } => {
            let name = named(store, uidvalidity)?;
            store.expunge(account, &name, &uids)?;
            Ok(Answer::Done)
        }
        other => on_names(store, account, other, now),
    }
}

fn select(store: &mut Mailboxes, account: &str, mailbox: &str, read_only: bool) -> Result<Answer, Refusal> {
    let status = store.status(account, mailbox)?;
    let name = store.name_of(account, status.uidvalidity).ok_or(Refusal::NoSuchMailbox)?;
    Ok(Answer::Selected(ask::Snapshot {
        uidvalidity: status.uidvalidity,
        uidnext: status.uidnext,
        highest_modseq: status.highest_modseq,
        recent_from: store.recent_from(account, &name, !read_only)?,
        keywords: store.keywords(account, &name)?,
        messages: store.messages(account, &name)?.into_iter().map(meta).collect(),
        name,
    }))
}

#[cfg(test)]
mod tests;
