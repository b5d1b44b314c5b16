//! Changing things by POP3: the server knows one change, DELE, and carries it out at QUIT; everything else is noted on
//! the device's own disk, where no other device sees it.

use super::super::program::whole;
use super::{OpenLine, Outcome, Program, Trouble, count, done, instead, keys_of, log_out, look, session};
use crate::proto::pop3::grammar::Command;
use crate::world::roles::mua::disk::Copy;
use crate::world::roles::mua::send;
use crate::world::scenario::Letter;

/// DELE for these, together; what was marked is written down. Gives how many were marked now.
pub(super) async fn mark_deleted(program: &mut Program, these: &[(u32, String)]) -> Result<usize, Trouble> {
    let open = session(program).await?;
    let new: Vec<&(u32, String)> = these.iter().filter(|(_, id)| !open.marked.contains(id)).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let mut marked = Vec::new();
    let commands = new.iter().map(|(number, _)| Command::Dele { number: *number }).collect();
    open.ask(commands, |answer| marked.push(answer.ok)).await?;
    let done = new.iter().zip(&marked).filter(|(_, ok)| **ok).map(|((_, id), _)| id.clone());
    open.marked.extend(done);
    Ok(marked.iter().filter(|ok| **ok).count())
}

pub(super) fn mark(program: &Program, which: &str) -> Result<Outcome, Trouble> {
    let (key, copy) = program.find(which)?;
    let flags = [copy.flags, vec!["\\Seen".to_owned()]].concat();
    program.disk(|disk, account| disk.flag(account, &key, flags));
    instead(
        "POP3 knows no flags",
        format!("“{}” is read on this device; the server and other devices do not know", copy.subject),
    )
}

pub(super) fn file(program: &Program, which: &str, to: &str) -> Result<Outcome, Trouble> {
    let (key, copy) = program.find(which)?;
    program.disk(|disk, account| disk.file(account, &key, to));
    instead(
        "POP3 knows one maildrop and no folders",
        format!("“{}” lies in {to} on this device; on the server it lies where it lay", copy.subject),
    )
}

pub(super) async fn delete(
    program: &mut Program,
    which: &str,
    for_good: bool,
    drop: bool,
) -> Result<Outcome, Trouble> {
    let (key, copy) = program.find(which)?;
    let seen = look(program, false).await?;
    let Some(number) = seen.numbers.get(&copy.uidl).copied() else {
        program.disk(|disk, account| disk.remove(account, &key));
        return done(format!("“{}” was on this device alone, and is removed from it", copy.subject));
    };
    mark_deleted(program, &[(number, copy.uidl.clone())]).await?;
    session(program).await?.by_hand.insert(copy.uidl.clone());
    let flags = [copy.flags.clone(), vec!["\\Deleted".to_owned()]].concat();
    program.disk(|disk, account| disk.flag(account, &key, flags));
    if drop && !program.again {
        program.hang_up().await;
        unmark_copies(program);
        return done(format!(
            "the connection drops before QUIT: the server unmarks “{}”, and it is there as before",
            copy.subject
        ));
    }
    if for_good {
        log_out(program).await?;
        return done(format!("“{}” is removed at QUIT, and the session is over", copy.subject));
    }
    done(format!("“{}” is marked, and goes at QUIT", copy.subject))
}

/// Copies that were marked on the device alone, because their session ended without QUIT.
pub(super) fn unmark_copies(program: &Program) {
    program.disk(|disk, account| {
        let marked: Vec<(String, Copy)> = disk.with_shelf(account, |shelf| {
            let marked = shelf.copies.iter().filter(|(_, c)| c.has("\\Deleted"));
            marked.map(|(key, copy)| (key.clone(), copy.clone())).collect()
        });
        for (key, copy) in marked {
            disk.flag(account, &key, without_deleted(&copy));
        }
    });
}

fn without_deleted(copy: &Copy) -> Vec<String> {
    copy.flags.iter().filter(|f| *f != "\\Deleted").cloned().collect()
}

/// RSET unmarks everything, also what goes because it was fetched; that is marked again.
pub(super) async fn undelete(program: &mut Program) -> Result<Outcome, Trouble> {
    let OpenLine::Pop3(open) = &mut program.open else {
        unmark_copies(program);
        return Err(Trouble::Refused("the session in which it was marked is over".to_owned()));
    };
    open.one(Command::Rset).await?;
    let by_hand = std::mem::take(&mut open.by_hand);
    let marked = std::mem::take(&mut open.marked);
    let again: Vec<String> = marked.into_iter().filter(|id| !by_hand.contains(id)).collect();
    program.disk(|disk, account| {
        for key in keys_of(disk, account, &by_hand) {
            let copy = disk.with_shelf(account, |s| s.copies.get(&key).cloned()).unwrap_or_default();
            disk.flag(account, &key, without_deleted(&copy));
        }
    });
    let seen = look(program, false).await?;
    let again: Vec<(u32, String)> =
        again.into_iter().filter_map(|id| Some((*seen.numbers.get(&id)?, id))).collect();
    let remarked = mark_deleted(program, &again).await?;
    let more = if remarked == 0 { String::new() } else { format!("; {remarked} others are marked again") };
    done(format!("RSET unmarks {}{more}", count(by_hand.len(), "message")))
}

pub(super) fn draft(program: &Program, name: &str, letter: &Letter) -> Result<Outcome, Trouble> {
    let message = program.write(name, letter);
    keep_own(program, "Drafts", message);
    instead("POP3 cannot put a message on the server", "the draft lies on this device alone".to_owned())
}

pub(super) async fn send_and_keep(
    program: &mut Program,
    name: &str,
    letter: &Letter,
) -> Result<Outcome, Trouble> {
    let message = program.write(name, letter);
    let sent = send::send_written(&program.mua, name, letter, message.clone()).await;
    let words = sent.map_err(Trouble::Refused)?;
    keep_own(program, "Sent", message);
    instead(
        "POP3 cannot put a message on the server",
        format!("{words}; the copy of it lies on this device alone"),
    )
}

/// Keep a message of our own in a folder of the device.
fn keep_own(program: &Program, folder: &str, message: Vec<u8>) {
    let copy = Copy { folder: folder.to_owned(), flags: vec!["\\Seen".to_owned()], ..whole(message) };
    program.disk(|disk, account| {
        let key = disk.free_key(account, &format!("{folder} here"));
        disk.keep(account, &key, copy)
    });
}
