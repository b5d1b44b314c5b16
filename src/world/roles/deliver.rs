//! Final delivery: from a host's queue into a mailbox it keeps, with Return-Path on top (RFC 5321 §4.4).

use crate::world::dsn::FailedRecipient;
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::Refusal;
use crate::world::queue::{Entry, Verdict};
use crate::world::sender;

/// The folder for what a sender's policy asks to be put aside (RFC 6154 §2).
const JUNK: &str = "Junk";

/// Put the message into the recipient's INBOX, or into the folder for junk, where this host found that it belongs there.
/// Mail for an address that sends on goes back into the queue.
///
/// "When the delivery SMTP server makes the "final delivery" of a message, it inserts a return-path line at the
/// beginning of the mail data" (RFC 5321 §4.4).
pub fn into_inbox(world: &World, host: &Host, entry: &Entry, recipient: &str) -> Verdict {
    if let Some(redirect) = world.redirect(host, recipient) {
        let onward = sender::onward(world, host, entry, redirect);
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
    bytes.extend_from_slice(&entry.message);
    let now = world.clock.now();
    let stored = world.with_mailboxes(host, |mailboxes| {
        let folder = if sender::is_junk(host, &entry.message) { JUNK } else { "INBOX" };
        if folder == JUNK {
            // It may be there already; then this changes nothing.
            let _ = mailboxes.create(&account, JUNK, Some("\\Junk".to_owned()));
        }
        mailboxes.deliver(&account, folder, bytes.into(), &[], now, Some(&entry.id))
    });
    match stored {
        Ok(_) => Verdict::Delivered,
        Err(Refusal::Full) => Verdict::Transient("4.2.2 the mailbox is full".to_owned()),
        Err(refusal) => failed(recipient, "5.2.0", &refusal.to_string()),
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
