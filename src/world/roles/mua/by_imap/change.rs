//! Changing things by IMAP: flags, folders, drafts and copies lie on the server, so that every device sees them.

use super::super::disk::{self, Copy};
use super::super::program::whole;
use super::resync::resync;
use super::{
    Code, Condition, INBOX, Outcome, Program, Status, Trouble, Untagged, done, key, parse_key, read, select,
    session, uid_in,
};
use crate::base::escape;
use crate::proto::imap::types::{AppendMessage, CommandBody, Flag, SearchKey, SequenceSet, StoreOp};
use crate::world::roles::mua::send;
use crate::world::scenario::Letter;

fn store(uids: SequenceSet, op: StoreOp, flag: Flag) -> CommandBody {
    CommandBody::Store { uid: true, set: uids, op, silent: false, flags: vec![flag], unchanged_since: None }
}

/// The message that is meant, and its UID, with its mailbox open. After a break it is the one that was in hand; `None`
/// where it is gone from the inbox since: what was said before the break was done, and only the answer was lost.
async fn open_at(program: &mut Program, which: &str) -> Result<Option<(String, Copy, u32)>, Trouble> {
    if program.pick(which, disk::INBOX).is_none() || program.again {
        resync(program, INBOX).await?;
    }
    let (key, copy) = match program.hand.clone() {
        None => program.find(which)?,
        Some((key, copy)) if program.shelf(|shelf| shelf.copies.contains_key(&key)) => (key, copy),
        Some(_) => return Ok(None),
    };
    program.hand = Some((key.clone(), copy.clone()));
    let uid = uid_in(&key)?;
    select(program, INBOX).await?;
    Ok(Some((key, copy, uid)))
}

/// The words for a message that was in hand when the connection broke off, and is gone from the inbox.
fn was_done(program: &Program, what: &str) -> Result<Outcome, Trouble> {
    let subject = program.hand.as_ref().map_or("it", |(_, copy)| copy.subject.as_str());
    done(format!("“{subject}” had been {what} when the connection broke off: only the answer was lost"))
}

/// Change one flag of messages, and note what the server says of them.
async fn change_flag(program: &mut Program, uids: &[u32], op: StoreOp, flag: Flag) -> Result<(), Trouble> {
    let command = store(SequenceSet::of(uids.iter().copied()), op, flag);
    let heard = session(program).await?.must(vec![command]).await?;
    note_flags(program, &heard.told);
    Ok(())
}

/// FETCH responses with flags, put into the cache.
fn note_flags(program: &mut Program, told: &[Untagged]) {
    let super::OpenLine::Imap(open) = &program.open else { return };
    let Some(uidvalidity) = open.selected.as_ref().map(|s| s.uidvalidity) else { return };
    for told in told {
        let Untagged::Fetch { items, .. } = told else { continue };
        let Some(uid) = super::uid_of(items) else { continue };
        let flags = items.iter().find_map(|item| match item {
            super::FetchData::Flags(flags) => Some(flags),
            _ => None,
        });
        if let Some(flags) = flags {
            let kept = flags.iter().map(|f| f.name().to_owned()).filter(|f| f != "\\Recent").collect();
            program.disk(|disk, account| disk.flag(account, &key(INBOX, uidvalidity, uid), kept));
        }
    }
}

pub(super) async fn mark(program: &mut Program, which: &str) -> Result<Outcome, Trouble> {
    let Some((_, copy, uid)) = open_at(program, which).await? else { return was_done(program, "removed") };
    change_flag(program, &[uid], StoreOp::Add, Flag::Seen).await?;
    done(format!("“{}” is \\Seen on the server, and so on every device", copy.subject))
}

/// `\Answered`, so that every device shows that an answer went out (RFC 9051 §2.3.2).
pub(in super::super) async fn mark_answered(program: &mut Program, which: &str) -> Result<(), Trouble> {
    match open_at(program, which).await? {
        Some((_, _, uid)) => change_flag(program, &[uid], StoreOp::Add, Flag::Answered).await,
        None => Ok(()),
    }
}

/// MOVE in one act (RFC 6851), or where the server cannot: COPY, then `\Deleted` and EXPUNGE.
pub(super) async fn to_folder(program: &mut Program, which: &str, to: &str) -> Result<Outcome, Trouble> {
    let Some((at, copy, uid)) = open_at(program, which).await? else { return was_done(program, "moved") };
    let set = SequenceSet::one(uid);
    let can_move = session(program).await?.can("MOVE");
    // COPY knows no double: after a break the copy is looked for first.
    let copied = !can_move && program.again && is_there(program, to, &copy.message_id).await?;
    select(program, INBOX).await?;
    let command = match can_move {
        true => CommandBody::Move { uid: true, set, mailbox: to.to_owned() },
        false => CommandBody::Copy { uid: true, set, mailbox: to.to_owned() },
    };
    let moved = if copied { None } else { into(program, to, command).await? };
    if !can_move {
        let set = || SequenceSet::one(uid);
        let away =
            vec![store(set(), StoreOp::Add, Flag::Deleted), CommandBody::Expunge { uids: Some(set()) }];
        session(program).await?.must(away).await?;
    }
    program.disk(|disk, account| {
        let gone = disk.remove(account, &at);
        if let (Some(gone), Some((uidvalidity, uid))) = (gone, moved) {
            let copy = Copy { folder: to.to_owned(), order: 0, ..gone };
            disk.keep(account, &key(to, uidvalidity, uid), copy);
        }
    });
    done(format!("“{}” lies in {to} on the server, and so on every device", copy.subject))
}

/// A command that puts something into a mailbox; where there is none yet it is made, and the command said again. Gives
/// UIDVALIDITY and UID of what was put there, where the server tells (RFC 4315).
async fn into(program: &mut Program, to: &str, command: CommandBody) -> Result<Option<(u32, u32)>, Trouble> {
    let open = session(program).await?;
    for attempt in 0..2 {
        let heard = open.ask(vec![command.clone()]).await?;
        let put = heard.told.iter().filter_map(|told| match told {
            Untagged::Condition(condition) => placed(condition),
            _ => None,
        });
        let put = put.chain(heard.done.iter().filter_map(|(_, condition)| placed(condition))).next();
        let Some((_, condition)) = heard.done.first() else { continue };
        let try_create = condition.code.as_ref().map(Code::name) == Some("TRYCREATE");
        match condition.status {
            Status::Ok => return Ok(put),
            // "This gives a hint to the client that it can attempt a CREATE command" (RFC 9051 §6.4.7).
            _ if try_create && attempt == 0 => {
                let create = CommandBody::Create { mailbox: to.to_owned(), special_use: Vec::new() };
                open.must(vec![create]).await?;
                open.folders = None;
            }
            _ => return Err(Trouble::Refused(escape::text(&condition.text))),
        }
    }
    Err(Trouble::Refused(format!("{to} cannot be made")))
}

/// UIDVALIDITY and UID that COPYUID or APPENDUID tells.
fn placed(condition: &Condition) -> Option<(u32, u32)> {
    let (uidvalidity, uids) = match &condition.code {
        Some(Code::CopyUid { uidvalidity, to, .. }) => (*uidvalidity, to),
        Some(Code::AppendUid { uidvalidity, uids }) => (*uidvalidity, uids),
        _ => return None,
    };
    Some((uidvalidity, uids.ranges.first()?.start?))
}

pub(super) async fn delete(
    program: &mut Program,
    which: &str,
    for_good: bool,
    drop: bool,
) -> Result<Outcome, Trouble> {
    let Some((at, copy, uid)) = open_at(program, which).await? else { return was_done(program, "removed") };
    if for_good {
        let set = || SequenceSet::one(uid);
        let both =
            vec![store(set(), StoreOp::Add, Flag::Deleted), CommandBody::Expunge { uids: Some(set()) }];
        let heard = session(program).await?.must(both).await?;
        note_flags(program, &heard.told);
        program.disk(|disk, account| disk.remove(account, &at));
        return done(format!("“{}” is marked and expunged, and gone from every device", copy.subject));
    }
    change_flag(program, &[uid], StoreOp::Add, Flag::Deleted).await?;
    if drop && !program.again {
        program.hang_up().await;
        return done(format!(
            "the connection drops before EXPUNGE: “{}” is there, marked \\Deleted for every device to see",
            copy.subject
        ));
    }
    session(program).await?.marked.insert(uid);
    done(format!("“{}” is marked \\Deleted; it goes at EXPUNGE, when the client logs out", copy.subject))
}

/// Take `\Deleted` away from everything that has it: here, or from another device, or from before a break.
pub(super) async fn undelete(program: &mut Program) -> Result<Outcome, Trouble> {
    let selected = select(program, INBOX).await?;
    let mut marked: Vec<u32> = program.shelf(|shelf| {
        let deleted = shelf.copies.iter().filter(|(_, c)| c.has("\\Deleted"));
        let here = deleted.filter_map(|(key, _)| parse_key(key));
        here.filter(|(name, v, _)| *name == INBOX && *v == selected.uidvalidity)
            .map(|(.., uid)| uid)
            .collect()
    });
    marked.sort_unstable();
    if marked.is_empty() {
        return done("nothing is marked");
    }
    change_flag(program, &marked, StoreOp::Remove, Flag::Deleted).await?;
    session(program).await?.marked.clear();
    done(format!("\\Deleted is taken away from {}", super::count(marked.len(), "message")))
}

/// The mailbox for a use (RFC 6154), by its attribute, else by its usual name.
async fn mailbox_for(program: &mut Program, special_use: &str) -> Result<String, Trouble> {
    let all = read::folders(program).await?;
    let meant = |a: &String| a.eq_ignore_ascii_case(special_use);
    let found = all.iter().find(|entry| entry.attributes.iter().any(meant));
    Ok(found.map_or_else(|| special_use.trim_start_matches('\\').to_owned(), |entry| entry.mailbox.clone()))
}

/// APPEND a message of our own, once: after a break the Message-ID is looked for before it is said again, because two
/// APPENDs make two messages (RFC 9051 §6.3.12).
async fn append(
    program: &mut Program,
    special_use: &str,
    message: Vec<u8>,
    flags: Vec<Flag>,
) -> Result<bool, Trouble> {
    let mailbox = mailbox_for(program, special_use).await?;
    if program.again && is_there(program, &mailbox, &id_of(&message)).await? {
        return Ok(false);
    }
    let names = flags.iter().map(|f| f.name().to_owned()).collect();
    let one = AppendMessage { flags, date: None, message: message.clone().into(), binary: false };
    let command = CommandBody::Append { mailbox: mailbox.clone(), messages: vec![one] };
    if let Some((uidvalidity, uid)) = into(program, &mailbox, command).await? {
        let copy = Copy { folder: mailbox.clone(), flags: names, ..whole(message) };
        program.disk(|disk, account| disk.keep(account, &key(&mailbox, uidvalidity, uid), copy));
    }
    Ok(true)
}

/// Whether a mailbox holds the message with this Message-ID.
async fn is_there(program: &mut Program, mailbox: &str, id: &str) -> Result<bool, Trouble> {
    match select(program, mailbox).await {
        Ok(_) if !id.is_empty() => {}
        Ok(_) | Err(Trouble::Refused(_)) => return Ok(false),
        Err(lost) => return Err(lost),
    }
    let key = SearchKey::Header("Message-ID".to_owned(), id.to_owned());
    let search = CommandBody::Search { uid: true, returns: None, charset: None, key };
    let heard = session(program).await?.must(vec![search]).await?;
    Ok(heard.told.iter().any(|told| matches!(told, Untagged::Search { numbers, .. } if !numbers.is_empty())))
}

/// The Message-ID of a message, without angle brackets.
fn id_of(message: &[u8]) -> String {
    let header = crate::world::dsn::header_of(message);
    let parsed = mail_parser::MessageParser::default().parse_headers(header);
    parsed.and_then(|m| m.message_id().map(str::to_owned)).unwrap_or_default()
}

pub(super) async fn draft(program: &mut Program, name: &str, letter: &Letter) -> Result<Outcome, Trouble> {
    let message = own_message(program, name, letter);
    append(program, "\\Drafts", message, vec![Flag::Draft, Flag::Seen]).await?;
    program.outbox = None;
    done("the draft lies on the server: every device can go on with it")
}

pub(super) async fn send_and_keep(
    program: &mut Program,
    name: &str,
    letter: &Letter,
) -> Result<Outcome, Trouble> {
    let message = own_message(program, name, letter);
    if !program.again {
        // What was sent is not sent again, whatever becomes of the copy.
        let sent = send::send_written(&program.mua, name, letter, message.clone()).await;
        sent.map_err(Trouble::Refused)?;
    }
    append(program, "\\Sent", message, vec![Flag::Seen]).await?;
    program.outbox = None;
    done("the letter is sent, and sent a second time up the line, as a copy for the mailbox of sent mail")
}

/// The message that is being written: the same one after a break.
fn own_message(program: &mut Program, name: &str, letter: &Letter) -> Vec<u8> {
    if let Some(written) = program.outbox.clone().filter(|_| program.again) {
        return written;
    }
    let message = program.write(name, letter);
    program.outbox = Some(message.clone());
    message
}
