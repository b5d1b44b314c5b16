//! Final delivery: from a host's queue into a mailbox it keeps, with Return-Path on top (RFC 5321 §4.4).

use crate::world::dsn::FailedRecipient;
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::Refusal;
use crate::world::queue::{Entry, Verdict};
use crate::world::sender;
use std::sync::Arc;

/// The folder for what a sender's policy asks to be put aside (RFC 6154 §2).
const JUNK: &str = "Junk";

/// Put the message into the recipient's INBOX, or into the folder for junk, where this host found that it belongs there.
/// Mail for an address that sends on goes back into the queue.
///
/// "When the delivery SMTP server makes the "final delivery" of a message, it inserts a return-path line at the
/// beginning of the mail data" (RFC 5321 §4.4).
pub async fn into_inbox(world: &Arc<World>, host: &Arc<Host>, entry: &Entry, recipient: &str) -> Verdict {
    if let Some(redirect) = world.redirect(host, recipient) {
        let onward = sender::onward(world, host, entry, redirect);
        if let Err(unkept) = world.spool(host, &onward).await {
            return Verdict::Transient(format!("4.3.0 {unkept}"));
        }
        world.with_queue(host, |queue| queue.forwarded(&entry.id, recipient, onward));
        host.bell.notify_one();
        return Verdict::Delivered;
    }
    let Some(account) = world.account(host, recipient) else {
        return failed(recipient, "5.1.1", "no such user here");
    };
    if world.is_full(host, &account) {
        return failed(recipient, "5.2.2", "the mailbox is full");
    }
    let mut bytes = format!("Return-Path: <{}>\r\n", entry.sender).into_bytes();
    if recipient.rsplit_once('@').is_some_and(|(_, domain)| world.catches(domain)) {
        // Whose it was does not show in the mailbox that catches everything (RFC 9228 §2).
        bytes.extend_from_slice(format!("Delivered-To: {recipient}\r\n").as_bytes());
    }
    bytes.extend_from_slice(&entry.message);
    let now = world.clock.now();
    let junk = sender::is_junk(host, &entry.message);
    let (id, owner) = (entry.id.clone(), account.clone());
    let stored = world.change_mailboxes(host, &account, move |mailboxes| {
        let folder = if junk { JUNK } else { "INBOX" };
        if junk {
            // It may be there already; then this changes nothing.
            let _ = mailboxes.create(&owner, JUNK, Some("\\Junk".to_owned()));
        }
        mailboxes.deliver(&owner, folder, bytes.into(), &[], now, Some(&id))
    });
    match stored.await {
        Ok(Ok(_)) => Verdict::Delivered,
        Ok(Err(Refusal::Full)) => Verdict::Transient("4.2.2 the mailbox is full".to_owned()),
        Ok(Err(refusal)) => failed(recipient, "5.2.0", &refusal.to_string()),
        Err(unkept) if unkept.full => Verdict::Transient(format!("4.3.1 {unkept}")),
        Err(unkept) => Verdict::Transient(format!("4.3.0 {unkept}")),
    }
}

/// A failure that we found ourselves.
pub fn failed(recipient: &str, status: &str, diagnostic: &str) -> Verdict {
    Verdict::Permanent(FailedRecipient {
        address: recipient.to_owned(),
        status: status.to_owned(),
        diagnostic: diagnostic.to_owned(),
        remote: String::new(),
    })
}
