//! Final delivery: from a host's queue into a mailbox it keeps, with Return-Path on top (RFC 5321 §4.4).

use crate::world::dsn::FailedRecipient;
use crate::world::hosts::{Host, World};
use crate::world::mailboxes::Refusal;
use crate::world::queue::{Entry, Verdict};
use std::sync::Arc;

/// Put the message into the recipient's INBOX.
///
/// "When the delivery SMTP server makes the "final delivery" of a message, it inserts a return-path line at the
/// beginning of the mail data" (RFC 5321 §4.4).
pub async fn into_inbox(world: &Arc<World>, host: &Arc<Host>, entry: &Entry, recipient: &str) -> Verdict {
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
    let (id, owner) = (entry.id.clone(), account.clone());
    let stored = world.change_mailboxes(host, &account, move |mailboxes| {
        mailboxes.deliver(&owner, "INBOX", bytes.into(), &[], now, Some(&id))
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
