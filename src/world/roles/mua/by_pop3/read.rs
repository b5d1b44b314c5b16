//! Looking and reading by POP3: UIDL, RETR, TOP; and what is read from the device's own disk, because it is there.

use super::super::disk::{Copy, Part};
use super::super::program::{attachments_of, choose, in_words, whole};
use super::{
    Drop, Outcome, Program, Trouble, count, disk, done, instead, log_out, look, session, start_afresh,
};
use crate::base::Instant;
use crate::proto::pop3::client::Answer;
use crate::proto::pop3::grammar::Command;
use crate::world::roles::mua::heading;
use crate::world::scenario::Leave;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many messages are asked for in one go: the answers of earlier ones are put away before more is asked.
const AT_A_TIME: usize = 16;

/// Is there anything new? A maildrop that was looked at does not change: to look again is to log in again.
pub(super) async fn check(program: &mut Program) -> Result<Outcome, Trouble> {
    start_afresh(program).await?;
    let drop = look(program, false).await?;
    let new = unknown(program, &drop).len();
    if drop.without_ids {
        let messages = count(drop.numbers.len(), "message");
        return done(format!("{messages} in the maildrop; without UIDL nothing tells which of them are new"));
    }
    done(format!(
        "{} in the maildrop, {} octets; {new} with a unique-id that is not in the list",
        count(drop.numbers.len(), "message"),
        drop.octets
    ))
}

/// Unique-ids that are not in the list of what was fetched, in the maildrop's order.
fn unknown(program: &Program, drop: &Drop) -> Vec<(u32, String)> {
    let mut new: Vec<(u32, String)> = program.shelf(|shelf| {
        let is_new = |(id, _): &(&String, &u32)| !shelf.ids.contains_key(*id);
        drop.numbers.iter().filter(is_new).map(|(id, number)| (*number, id.clone())).collect()
    });
    new.sort_unstable();
    new
}

/// The list. This client downloads what is new, and lists what it has; of large messages it fetches the header.
pub(super) async fn list(program: &mut Program) -> Result<Outcome, Trouble> {
    let Fetched { new, wholly, removed } = fetch_new(program).await?;
    let all = program.shelf(|shelf| {
        shelf.copies.values().filter(|c| c.folder == disk::INBOX && c.part != Part::File).count()
    });
    let newest = program.pick("newest", disk::INBOX);
    let newest =
        newest.map_or_else(String::new, |(_, c)| format!("; the newest is “{}” from {}", c.subject, c.from));
    let gone = if removed == 0 { String::new() } else { format!("; {removed} to be removed at QUIT") };
    done(format!(
        "{} listed from the device's own disk, of which {new} were fetched now, {wholly} of them whole{newest}{gone}",
        count(all, "message")
    ))
}

#[derive(Default)]
struct Fetched {
    new: usize,
    wholly: usize,
    removed: usize,
}

/// Fetch what is new; mark what need not stay on the server any longer.
async fn fetch_new(program: &mut Program) -> Result<Fetched, Trouble> {
    let limit = program.manner.whole_up_to;
    let drop = look(program, limit > 0).await?;
    let new = unknown(program, &drop);
    let mut fetched = Fetched { new: new.len(), ..Fetched::default() };
    for some in new.chunks(AT_A_TIME) {
        let large = |number: &u32| limit > 0 && drop.sizes.get(number).is_some_and(|size| *size > limit);
        let command = |(number, _): &(u32, String)| match large(number) {
            true => Command::Top { number: *number, lines: 0 },
            false => Command::Retr { number: *number },
        };
        fetched.wholly += some.iter().filter(|(number, _)| !large(number)).count();
        fetch(program, &drop, some.iter().map(command).collect()).await?;
    }
    fetched.removed = let_go(program, &drop).await?;
    Ok(fetched)
}

/// Fetch by RETR and TOP, and put each answer on the disk as it comes: a connection that drops loses nothing that was
/// put there.
async fn fetch(program: &mut Program, drop: &Drop, commands: Vec<Command>) -> Result<(), Trouble> {
    let (world, device, account) =
        (program.mua.world.clone(), program.mua.device.clone(), program.mua.account.clone());
    let now = world.clock.now();
    let asked: BTreeSet<u32> = commands.iter().filter_map(number_in).collect();
    let ids = drop.numbers.iter().filter(|(_, number)| asked.contains(*number));
    let ids: BTreeMap<u32, String> = ids.map(|(id, number)| (*number, id.clone())).collect();
    let mut refused = None;
    let keep = |answer: Answer| {
        let Some(number) = number_in(&answer.command) else { return };
        let Some(id) = ids.get(&number) else { return };
        if !answer.ok {
            refused = Some(answer.line);
            return;
        }
        let copy = copy_of(&answer, drop.sizes.get(&number).copied(), id);
        world.with_disk(&device, |disk| {
            let known = disk.with_shelf(&account, |s| s.ids.contains_key(id));
            // What is fetched anew though a copy stands there already is a second copy: nothing tells them apart.
            let key = if known { key_of(disk, &account, id) } else { disk.free_key(&account, id) };
            disk.keep(&account, &key, copy);
            if !drop.without_ids {
                disk.ids(&account, |ids| drop_in(ids, id, now));
            }
        });
    };
    session(program).await?.ask(commands, keep).await?;
    match refused {
        None => Ok(()),
        Some(line) => Err(Trouble::Refused(format!("the server says {}", crate::base::escape::text(&line)))),
    }
}

/// The message-number that a command asks for.
fn number_in(command: &Command) -> Option<u32> {
    match command {
        Command::Retr { number } | Command::Top { number, .. } => Some(*number),
        _ => None,
    }
}

fn drop_in(ids: &mut BTreeMap<String, Instant>, id: &str, now: Instant) {
    ids.entry(id.to_owned()).or_insert(now);
}

/// The key of the newest copy with a unique-id.
fn key_of(disk: &disk::Disk, account: &str, id: &str) -> String {
    disk.with_shelf(account, |shelf| {
        let copies = shelf.copies.iter().filter(|(_, c)| c.uidl == id);
        copies.max_by_key(|(_, c)| c.order).map_or_else(|| id.to_owned(), |(key, _)| key.clone())
    })
}

fn copy_of(answer: &Answer, size: Option<u64>, id: &str) -> Copy {
    let uidl = id.to_owned();
    match answer.command {
        Command::Top { lines, .. } => {
            let (subject, from) = heading(&answer.block);
            let part = if lines == 0 { Part::Header } else { Part::Lines };
            let kept = answer.block.len() as u64;
            let (bytes, whole) = (answer.block.as_slice().into(), size.unwrap_or(kept));
            Copy { part, bytes, size: kept, whole, subject, from, uidl, ..Copy::default() }
        }
        _ => Copy { uidl, ..whole(answer.block.clone()) },
    }
}

/// DELE for what need not stay: what was fetched whole and is not to be left, or was left long enough.
async fn let_go(program: &mut Program, drop: &Drop) -> Result<usize, Trouble> {
    let now = program.mua.world.clock.now();
    let age = match program.manner.leave {
        Leave::Always => return Ok(0),
        Leave::No => Duration::ZERO,
        Leave::Days(days) => Duration::from_secs(u64::from(days) * 86_400),
    };
    let due: Vec<(u32, String)> = program.shelf(|shelf| {
        let whole: BTreeSet<&str> =
            shelf.copies.values().filter(|c| c.part == Part::Whole).map(|c| c.uidl.as_str()).collect();
        let is_due = |(id, _): &(&String, &u32)| {
            let fetched = shelf.ids.get(*id).copied().or(drop.without_ids.then_some(now));
            whole.contains(id.as_str()) && fetched.is_some_and(|fetched| now.since(fetched) >= age)
        };
        drop.numbers.iter().filter(is_due).map(|(id, number)| (*number, id.clone())).collect()
    });
    super::change::mark_deleted(program, &due).await
}

/// The whole of a message on the disk, fetched where it is not there.
async fn wholly(program: &mut Program, which: &str) -> Result<(Copy, bool), Trouble> {
    if program.pick(which, disk::INBOX).is_none() {
        fetch_new(program).await?;
    }
    let (key, copy) = program.find(which)?;
    if copy.part == Part::Whole {
        return Ok((copy, false));
    }
    let number = number_of(program, &copy).await?;
    let drop = look(program, false).await?;
    fetch(program, &drop, vec![Command::Retr { number }]).await?;
    let fetched = program.shelf(|shelf| shelf.copies.get(&key).cloned()).unwrap_or(copy);
    let_go(program, &drop).await?;
    Ok((fetched, true))
}

/// The message-number of a copy's message in this session.
pub(super) async fn number_of(program: &mut Program, copy: &Copy) -> Result<u32, Trouble> {
    let drop = look(program, false).await?;
    let gone = || Trouble::Refused(format!("“{}” is not on the server any more", copy.subject));
    drop.numbers.get(&copy.uidl).copied().ok_or_else(gone)
}

pub(super) async fn read(program: &mut Program, which: &str) -> Result<Outcome, Trouble> {
    let (copy, fetched) = wholly(program, which).await?;
    match fetched {
        true => done(format!("“{}” is fetched whole, {} octets, and read", copy.subject, copy.size)),
        false => done(format!(
            "“{}” is read from the device's own disk: not one byte crosses a wire",
            copy.subject
        )),
    }
}

/// TOP: the header and the first lines (RFC 1939 §7).
pub(super) async fn top(program: &mut Program, which: &str, lines: u32) -> Result<Outcome, Trouble> {
    if program.pick(which, disk::INBOX).is_none() {
        fetch_new(program).await?;
    }
    let (_, copy) = program.find(which)?;
    if copy.part == Part::Whole {
        return done(format!(
            "“{}” is here whole: its first lines are read from the device's own disk",
            copy.subject
        ));
    }
    let number = number_of(program, &copy).await?;
    let drop = look(program, false).await?;
    fetch(program, &drop, vec![Command::Top { number, lines }]).await?;
    done(format!("header and first {lines} lines of “{}”, {} octets in all", copy.subject, copy.whole))
}

pub(super) async fn attachments(program: &mut Program, which: &str) -> Result<Outcome, Trouble> {
    let (copy, fetched) = wholly(program, which).await?;
    let all: Vec<disk::Attachment> = attachments_of(&copy.bytes).into_iter().map(|(a, _)| a).collect();
    match fetched {
        false => done(format!("read from the device's own disk: {}", in_words(&all))),
        true => instead(
            "POP3 hands out lines of a message, not its structure",
            format!("the whole message is fetched, {} octets: {}", copy.size, in_words(&all)),
        ),
    }
}

pub(super) async fn save(program: &mut Program, which: &str, name: &str) -> Result<Outcome, Trouble> {
    let (copy, fetched) = wholly(program, which).await?;
    let all = attachments_of(&copy.bytes);
    let Some((attachment, bytes)) = choose(&all, name, |(a, _)| &a.name).cloned() else {
        return Err(Trouble::Refused(format!("“{}” has no such attachment", copy.subject)));
    };
    keep_file(program, &copy, &attachment.name, bytes);
    match fetched {
        false => done(format!("{} is taken out of the copy on the disk", attachment.name)),
        true => instead(
            "POP3 cannot fetch a part of a message",
            format!(
                "the whole message is fetched, {} octets, and {} taken out of it",
                copy.size, attachment.name
            ),
        ),
    }
}

/// Save an attachment's octets as a file on the disk.
pub(in crate::world::roles::mua) fn keep_file(program: &Program, of: &Copy, name: &str, bytes: Vec<u8>) {
    let (subject, size) = (of.subject.clone(), bytes.len() as u64);
    let file = Copy { part: Part::File, bytes: bytes.into(), size, whole: size, subject, ..Copy::default() };
    program.disk(|disk, account| disk.keep(account, &format!("file {name}"), file));
}

/// A search: POP3 has none, so everything must be on the disk first.
pub(super) async fn search(program: &mut Program, text: &str) -> Result<Outcome, Trouble> {
    let fetched = fetch_missing(program).await?;
    let found = program.shelf(|shelf| {
        let messages = shelf.copies.values().filter(|c| c.part == Part::Whole);
        messages.filter(|c| holds(&c.bytes, text)).map(|c| c.subject.clone()).collect::<Vec<_>>()
    });
    instead(
        "POP3 cannot search",
        format!(
            "{} fetched that were not here whole, then the device's own disk is searched: {} found{}",
            count(fetched, "message"),
            found.len(),
            list_of(&found)
        ),
    )
}

/// Whether a message holds a text, in its header or its decoded body.
fn holds(message: &[u8], text: &str) -> bool {
    let text = text.to_lowercase();
    let Some(parsed) = mail_parser::MessageParser::default().parse(message) else { return false };
    let bodies = (0..parsed.text_body.len()).filter_map(|at| parsed.body_text(at));
    parsed.subject().is_some_and(|s| s.to_lowercase().contains(&text))
        || bodies.into_iter().any(|body| body.to_lowercase().contains(&text))
}

/// `: “Invoice 7”, “Your invoice”`; nothing for nothing.
pub(in crate::world::roles::mua) fn list_of(subjects: &[String]) -> String {
    let quoted: Vec<String> = subjects.iter().take(3).map(|s| format!("“{s}”")).collect();
    if quoted.is_empty() { String::new() } else { format!(": {}", quoted.join(", ")) }
}

/// Fetch whole what is on the server and not yet whole on the disk; gives how many.
async fn fetch_missing(program: &mut Program) -> Result<usize, Trouble> {
    let Fetched { wholly, .. } = fetch_new(program).await?;
    let drop = look(program, false).await?;
    let mut parts: Vec<u32> = program.shelf(|shelf| {
        let partly = shelf.copies.values().filter(|c| c.part < Part::Whole);
        partly.filter_map(|c| drop.numbers.get(&c.uidl).copied()).collect()
    });
    parts.sort_unstable();
    for some in parts.chunks(AT_A_TIME) {
        fetch(program, &drop, some.iter().map(|number| Command::Retr { number: *number }).collect()).await?;
    }
    let_go(program, &drop).await?;
    Ok(wholly + parts.len())
}

/// The same on another device: only what lies on the server can be fetched, and it says nothing of flags or folders.
pub(super) async fn sync(program: &mut Program) -> Result<Outcome, Trouble> {
    start_afresh(program).await?;
    let Fetched { new, .. } = fetch_new(program).await?;
    let drop = look(program, false).await?;
    instead(
        "POP3 shows what lies in the maildrop, and nothing of what other devices did",
        format!(
            "of {} there, {new} are fetched as new and unread; flags, folders, drafts and sent mail are where they \
             were made",
            count(drop.numbers.len(), "message")
        ),
    )
}

pub(super) async fn download(program: &mut Program) -> Result<Outcome, Trouble> {
    match fetch_missing(program).await? {
        0 => done("everything is on the device already"),
        fetched => done(format!("{} fetched; everything is on the device", count(fetched, "message"))),
    }
}

/// POP3 tells nothing by itself: the client calls again and again.
pub(super) async fn await_mail(program: &mut Program, at_most: u64, every: u64) -> Result<Outcome, Trouble> {
    let (mut polls, mut waited) = (0_usize, 0_u64);
    loop {
        start_afresh(program).await?;
        let drop = look(program, false).await?;
        polls += 1;
        if !unknown(program, &drop).is_empty() {
            let Fetched { new, .. } = fetch_new(program).await?;
            log_out(program).await?;
            return instead(
                "a POP3 server cannot tell its client that mail has come",
                format!(
                    "the client asks every {every} seconds: look number {polls} finds {}",
                    count(new, "new message")
                ),
            );
        }
        log_out(program).await?;
        if waited >= at_most {
            return Err(Trouble::Refused(format!("nothing came: the client has asked {polls} times")));
        }
        let pause = every.min(at_most - waited);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        waited += pause;
    }
}
