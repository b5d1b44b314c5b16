//! Bringing the cache of a mailbox up to date (RFC 4549 §4): what is new by UIDNEXT, the flags of what is known, and
//! what is gone because nothing is told of it any more.

use super::super::disk::{self, Copy, Part};
use super::{FetchData, Program, Selected, Trouble, Untagged, key, parse_key, select, session, uid_of};
use crate::proto::imap::response::{Address, Envelope};
use crate::proto::imap::types::{CommandBody, FetchItem, SequenceSet};
use std::collections::BTreeSet;

/// What a resync brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub new: usize,
    pub changed: usize,
    pub gone: usize,
}

impl News {
    /// What became of the messages that were known, as the end of a sentence.
    pub(super) fn of_the_known(self) -> String {
        let told = |n: usize, what: &str| if n == 0 { String::new() } else { format!("; {n} {what}") };
        let changed =
            told(self.changed, if self.changed == 1 { "has other flags" } else { "have other flags" });
        let gone = told(self.gone, if self.gone == 1 { "is gone" } else { "are gone" });
        format!("{changed}{gone}")
    }
}

/// Bring the cache of a mailbox up to date. `folder` is where the device shows it.
pub(super) async fn resync(program: &mut Program, mailbox: &str) -> Result<News, Trouble> {
    let selected = select(program, mailbox).await?;
    let known = cached(program, mailbox, &selected);
    let first_new = program.shelf(|shelf| match shelf.mailboxes.get(mailbox) {
        Some((uidvalidity, uidnext)) if *uidvalidity == selected.uidvalidity => *uidnext,
        _ => 1,
    });
    let mut commands = Vec::new();
    if selected.exists > 0 && first_new < selected.uidnext.max(first_new_exists(&selected, &known)) {
        commands.push(new_headers(first_new));
    }
    if let (Some(first), Some(last)) = (known.first(), known.last()) {
        commands.push(flags_of(*first, *last));
    }
    let mut news = News::default();
    let mut seen = Vec::new();
    if !commands.is_empty() {
        let (world, device, account) =
            (program.mua.world.clone(), program.mua.device.clone(), program.mua.account.clone());
        let folder = if mailbox == super::INBOX { disk::INBOX } else { mailbox };
        let keep = |told: &Untagged| {
            let Untagged::Fetch { items, .. } = told else { return };
            let Some(uid) = uid_of(items) else { return };
            seen.push(uid);
            let key = key(mailbox, selected.uidvalidity, uid);
            let (copy, flags) = listed(items, uid, folder);
            world.with_disk(&device, |disk| {
                let before = disk.with_shelf(&account, |s| s.copies.get(&key).map(|c| c.flags.clone()));
                news.new += usize::from(before.is_none());
                news.changed += usize::from(before.is_some_and(|b| flags.as_ref().is_some_and(|f| *f != b)));
                if let Some(copy) = copy {
                    disk.keep(&account, &key, copy);
                }
                if let Some(flags) = flags {
                    disk.flag(&account, &key, flags);
                }
            });
        };
        session(program).await?.ask_and(commands, keep).await?;
    }
    let told: BTreeSet<u32> = seen.iter().copied().collect();
    news.gone =
        forget(program, mailbox, &selected, |uid| known.binary_search(&uid).is_ok() && !told.contains(&uid));
    let next =
        seen.iter().map(|uid| uid.saturating_add(1)).max().unwrap_or(1).max(selected.uidnext).max(first_new);
    if let Some(selected) = session(program).await?.selected.as_mut() {
        selected.uidnext = next;
    }
    program.disk(|disk, account| disk.know(account, mailbox, selected.uidvalidity, next));
    Ok(news)
}

/// EXISTS told of more messages than are known: then there are new ones, whatever UIDNEXT was at SELECT.
fn first_new_exists(selected: &Selected, known: &[u32]) -> u32 {
    if selected.exists as usize > known.len() { u32::MAX } else { 0 }
}

/// UIDs that are cached of a mailbox, in order. Under another UIDVALIDITY they name other messages: those copies go
/// (RFC 9051 §2.3.1.1).
fn cached(program: &Program, mailbox: &str, selected: &Selected) -> Vec<u32> {
    forget_other_validity(program, mailbox, selected.uidvalidity);
    let mut uids: Vec<u32> = program.shelf(|shelf| {
        let of_mailbox =
            |key: &String| parse_key(key).filter(|(name, ..)| *name == mailbox).map(|(.., uid)| uid);
        shelf.copies.keys().filter_map(of_mailbox).collect()
    });
    uids.sort_unstable();
    uids
}

fn forget_other_validity(program: &Program, mailbox: &str, uidvalidity: u32) {
    let stale = |key: &str| parse_key(key).is_some_and(|(name, v, _)| name == mailbox && v != uidvalidity);
    drop_keys(program, stale);
}

/// Let the cached copies go whose UIDs are `gone`; gives how many.
pub(super) fn forget(
    program: &Program,
    mailbox: &str,
    selected: &Selected,
    gone: impl Fn(u32) -> bool,
) -> usize {
    let is_gone = |key: &str| {
        parse_key(key).is_some_and(|(name, v, uid)| name == mailbox && v == selected.uidvalidity && gone(uid))
    };
    drop_keys(program, is_gone)
}

fn drop_keys(program: &Program, which: impl Fn(&str) -> bool) -> usize {
    program.disk(|disk, account| {
        let keys: Vec<String> =
            disk.with_shelf(account, |s| s.copies.keys().filter(|key| which(key)).cloned().collect());
        keys.iter().filter(|key| disk.remove(account, key).is_some()).count()
    })
}

/// What a list shows of everything from a UID on.
fn new_headers(first: u32) -> CommandBody {
    CommandBody::Fetch {
        uid: true,
        set: SequenceSet::range(first, None),
        items: vec![FetchItem::Uid, FetchItem::Flags, FetchItem::Rfc822Size, FetchItem::Envelope],
        changed_since: None,
        vanished: false,
    }
}

/// The flags of what is known.
fn flags_of(first: u32, last: u32) -> CommandBody {
    CommandBody::Fetch {
        uid: true,
        set: SequenceSet::range(first, Some(last)),
        items: vec![FetchItem::Flags],
        changed_since: None,
        vanished: false,
    }
}

/// What a FETCH response tells a list: an entry where it has an envelope, and the flags where it has them.
fn listed(items: &[FetchData], uid: u32, folder: &str) -> (Option<Copy>, Option<Vec<String>>) {
    let (mut size, mut flags, mut envelope) = (0, None, None);
    for item in items {
        match item {
            FetchData::Size(octets) => size = *octets,
            FetchData::Flags(list) => {
                let kept = list.iter().map(|f| f.name().to_owned()).filter(|f| f != "\\Recent");
                let mut kept: Vec<String> = kept.collect();
                kept.sort();
                flags = Some(kept);
            }
            FetchData::Envelope(found) => envelope = Some(found),
            _ => {}
        }
    }
    let copy = envelope.map(|envelope| {
        let (subject, from) = (subject(envelope), envelope.from.first().map(address).unwrap_or_default());
        let texts = [&envelope.date, &envelope.message_id, &envelope.in_reply_to];
        let octets = subject.len()
            + from.len()
            + texts.iter().filter_map(|t| t.as_ref()).map(String::len).sum::<usize>();
        Copy {
            part: Part::Header,
            size: octets as u64,
            whole: size,
            subject,
            from,
            folder: folder.to_owned(),
            order: u64::from(uid),
            message_id: bare_id(envelope.message_id.as_deref().unwrap_or_default()),
            ..Copy::default()
        }
    });
    (copy, flags)
}

/// A Message-ID without its angle brackets.
fn bare_id(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// The subject, its encoded words decoded.
fn subject(envelope: &Envelope) -> String {
    let raw = envelope.subject.clone().unwrap_or_default();
    super::super::heading(format!("Subject: {raw}\r\n\r\n").as_bytes()).0
}

fn address(address: &Address) -> String {
    match (&address.mailbox, &address.host) {
        (Some(local), Some(domain)) => format!("{local}@{domain}"),
        (Some(local), None) => local.clone(),
        _ => String::new(),
    }
}
