//! Mail between users of one machine, as before there were networks: a letter is put into the other's mailbox on the
//! same disk, and read there. No server, no protocol, no wire.
//!
//! Ray Tomlinson's program of 1971 was made of two: one for mail within a machine, and one that copied files over the
//! network (RFC 2235, "1971").

use super::Client;
use crate::world::compose::{self, bare_address};
use crate::world::mailboxes::{FlagChange, INBOX, Refusal};
use crate::world::scenario::Letter;

/// Put a letter into the mailboxes of those whom it is for. Gives how it went, in words.
///
/// # Errors
/// Who has no mailbox on this machine, or no room.
pub fn leave(mua: &Client, name: &str, letter: &Letter) -> Result<String, String> {
    let (world, host) = (&mua.world, &mua.device);
    let from = format!("{name} <{}>", mua.account);
    let now = world.clock.now();
    let bytes = compose::message(letter, &from, now, &host.unique(), mua.domain());
    let mut taken = Vec::new();
    for to in letter.to.iter().chain(&letter.cc).chain(&letter.bcc).map(|a| bare_address(a)) {
        let account =
            world.account(host, to).ok_or_else(|| format!("{to} has no mailbox on this machine"))?;
        let stored = world.with_mailboxes(host, |mailboxes| {
            mailboxes.deliver(&account, INBOX, bytes.clone().into(), &[], now, None)
        });
        stored.map_err(|refusal| format!("{to}: {refusal}"))?;
        taken.push(account);
    }
    Ok(format!(
        "it lies in the mailbox of {}, on the disk of this machine; nothing was sent",
        taken.join(", ")
    ))
}

/// Read what lies in one's own mailbox on this machine. Gives what was read, in words.
///
/// # Errors
/// Where there is no such mailbox.
pub fn read(mua: &Client) -> Result<String, String> {
    let subjects = mua.world.with_mailboxes(&mua.device, |mailboxes| {
        let all = mailboxes.messages(&mua.account, INBOX)?;
        let mut subjects = Vec::new();
        for meta in &all {
            let body = mailboxes.body(&mua.account, INBOX, meta.uid).unwrap_or_default();
            subjects.push(format!("“{}”", super::subject_of(&body)));
        }
        let uids: Vec<u32> = all.iter().map(|meta| meta.uid).collect();
        mailboxes.set_flags(&mua.account, INBOX, &uids, FlagChange::Add, &["\\Seen".to_owned()], None)?;
        Ok::<_, Refusal>(subjects)
    });
    let subjects = subjects.map_err(|refusal| refusal.to_string())?;
    match subjects.is_empty() {
        true => Ok("the mailbox is empty".to_owned()),
        false => Ok(format!("{} is read where it lies", subjects.join(", "))),
    }
}
