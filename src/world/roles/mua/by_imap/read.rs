//! Looking and reading by IMAP: a list without messages, messages without their attachments, attachments without their
//! messages; and being told when something comes.

use super::super::by_pop3::{keep_file, list_of};
use super::super::disk::{Attachment, Copy, Part};
use super::super::program::{attachments_of, choose, in_words, whole};
use super::resync::{News, resync};
use super::{
    FetchData, INBOX, ListEntry, Outcome, Program, Say, SessionEvent, Trouble, Untagged, count, done, key,
    select, session, uid_in, uid_of,
};
use crate::proto::imap::response::{BodyStructure, Status};
use crate::proto::imap::types::{
    CommandBody, FetchItem, ListCommand, ListReturn, Partial, SearchKey, Section, SequenceSet,
};
use base64::Engine as _;
use std::time::Duration;

/// About how many octets a line of text has.
const LINE: u64 = 72;

pub(super) async fn check(program: &mut Program) -> Result<Outcome, Trouble> {
    let open = session(program).await?;
    let was_open = open.selected.as_ref().is_some_and(|s| s.mailbox == INBOX);
    if was_open {
        // "the NOOP command can be used as a periodic poll for new messages" (RFC 9051 §6.1.2).
        open.must(vec![CommandBody::Noop]).await?;
    }
    let selected = select(program, INBOX).await?;
    let known = program.shelf(|shelf| shelf.mailboxes.get(INBOX).copied());
    let words = match known {
        // EXISTS tells how many there are, and nothing of the next UID: that was told at SELECT.
        _ if was_open => "as NOOP had the server say".to_owned(),
        Some((uidvalidity, uidnext)) if uidvalidity == selected.uidvalidity => {
            format!("UIDNEXT was {uidnext} and is {}", selected.uidnext)
        }
        _ => "this device has not seen the mailbox before".to_owned(),
    };
    done(format!("{} in the inbox; {words}", count(selected.exists as usize, "message")))
}

pub(super) async fn list(program: &mut Program) -> Result<Outcome, Trouble> {
    let news = resync(program, INBOX).await?;
    let newest = program.pick("newest", super::super::disk::INBOX);
    let newest =
        newest.map_or_else(String::new, |(_, c)| format!("; the newest is “{}” from {}", c.subject, c.from));
    let came = match news.new {
        0 => "nothing new".to_owned(),
        n => format!("sender and subject of {}, and no message with them", count(n, "new message")),
    };
    done(format!("{came}{}{newest}", news.of_the_known()))
}

/// The message that is meant, with the list brought up to date where it is not known.
async fn find(program: &mut Program, which: &str) -> Result<(String, Copy), Trouble> {
    if program.pick(which, super::super::disk::INBOX).is_none() {
        resync(program, INBOX).await?;
    }
    program.find(which)
}

fn fetch(set: SequenceSet, items: Vec<FetchItem>) -> CommandBody {
    CommandBody::Fetch { uid: true, set, items, changed_since: None, vanished: false }
}

fn section(part: &[u32], first: Option<u64>) -> FetchItem {
    FetchItem::Section {
        peek: true,
        section: Section { part: part.to_vec(), text: None },
        partial: first.map(|length| Partial { offset: 0, length }),
    }
}

/// Fetch messages whole, and put each on the disk as it comes.
async fn fetch_whole(program: &mut Program, uids: &[u32]) -> Result<(), Trouble> {
    let selected = select(program, INBOX).await?;
    let (world, device, account) =
        (program.mua.world.clone(), program.mua.device.clone(), program.mua.account.clone());
    let keep = |told: &Untagged| {
        let Untagged::Fetch { items, .. } = told else { return };
        let Some(uid) = uid_of(items) else { return };
        let bytes = items.iter().find_map(|item| match item {
            FetchData::Section { section, origin: None, data } if *section == Section::default() => {
                data.clone()
            }
            _ => None,
        });
        if let Some(bytes) = bytes {
            let copy = Copy { order: u64::from(uid), ..whole(bytes.to_vec()) };
            world
                .with_disk(&device, |disk| disk.keep(&account, &key(INBOX, selected.uidvalidity, uid), copy));
        }
    };
    let command = fetch(SequenceSet::of(uids.iter().copied()), vec![section(&[], None)]);
    session(program).await?.ask_and(vec![command], keep).await?;
    Ok(())
}

pub(super) async fn read(program: &mut Program, which: &str) -> Result<Outcome, Trouble> {
    let (key, copy) = find(program, which).await?;
    if copy.part == Part::Whole {
        return done(format!(
            "“{}” is read from the device's cache: not one byte crosses a wire",
            copy.subject
        ));
    }
    fetch_whole(program, &[uid_in(&key)?]).await?;
    let copy = program.shelf(|shelf| shelf.copies.get(&key).cloned()).unwrap_or(copy);
    match copy.part {
        Part::Whole => done(format!("“{}” is fetched, {} octets, and read", copy.subject, copy.size)),
        _ => Err(Trouble::Refused(format!("“{}” is gone from the server", copy.subject))),
    }
}

/// The first octets of the text, and nothing of what is attached.
pub(super) async fn top(program: &mut Program, which: &str, lines: u32) -> Result<Outcome, Trouble> {
    let (key, copy) = find(program, which).await?;
    if copy.part == Part::Whole {
        return done(format!("“{}” is here whole: its first lines are read from the cache", copy.subject));
    }
    let uid = uid_in(&key)?;
    select(program, INBOX).await?;
    let octets = u64::from(lines) * LINE;
    let items = vec![section(&[1], Some(octets))];
    let heard = session(program).await?.must(vec![fetch(SequenceSet::one(uid), items)]).await?;
    let text =
        heard.fetched().filter(|(of, _)| *of == uid).flat_map(|(_, items)| items).find_map(
            |item| match item {
                FetchData::Section { data, .. } => data.clone(),
                _ => None,
            },
        );
    let text = text.ok_or_else(|| Trouble::Refused(format!("“{}” is gone from the server", copy.subject)))?;
    let kept =
        Copy { part: Part::Lines, size: copy.size + text.len() as u64, bytes: text.clone(), ..copy.clone() };
    program.disk(|disk, account| disk.keep(account, &key, kept));
    done(format!(
        "the first {} octets of the text of “{}”, of {} in all",
        text.len(),
        copy.subject,
        copy.whole
    ))
}

/// The attachments of a message: from the cache, or from BODYSTRUCTURE. Says whether it was asked for.
async fn structure(
    program: &mut Program,
    key: &str,
    copy: &Copy,
) -> Result<(Vec<Attachment>, bool), Trouble> {
    if copy.part == Part::Whole {
        return Ok((attachments_of(&copy.bytes).into_iter().map(|(a, _)| a).collect(), false));
    }
    if let Some(known) = &copy.attachments {
        return Ok((known.clone(), false));
    }
    let uid = uid_in(key)?;
    select(program, INBOX).await?;
    let command = fetch(SequenceSet::one(uid), vec![FetchItem::BodyStructure]);
    let heard = session(program).await?.must(vec![command]).await?;
    let mut found = Vec::new();
    for (of, items) in heard.fetched() {
        for item in items {
            if let FetchData::Structure { body, .. } = item
                && of == uid
            {
                attachments(body, &mut Vec::new(), &mut found);
            }
        }
    }
    program.disk(|disk, account| disk.note_attachments(account, key, found.clone()));
    Ok((found, true))
}

/// The parts that are files, with their section numbers (RFC 9051 §6.4.5.1).
fn attachments(body: &BodyStructure, at: &mut Vec<u32>, found: &mut Vec<Attachment>) {
    match body {
        BodyStructure::Multi { parts, .. } => {
            for (number, part) in (1..).zip(parts) {
                at.push(number);
                attachments(part, at, found);
                at.pop();
            }
        }
        BodyStructure::Single(part) => {
            let named = |list: &[(String, String)], name: &str| {
                list.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            };
            let is_attached =
                part.disposition.as_ref().filter(|(kind, _)| kind.eq_ignore_ascii_case("attachment"));
            let Some((_, params)) = is_attached else { return };
            let name = named(params, "filename").or_else(|| named(&part.params, "name"));
            found.push(Attachment {
                section: if at.is_empty() { vec![1] } else { at.clone() },
                name: name.unwrap_or_else(|| "unnamed".to_owned()),
                media_type: format!("{}/{}", part.media, part.subtype).to_lowercase(),
                octets: part.octets,
                encoding: part.encoding.to_lowercase(),
            });
        }
    }
}

pub(super) async fn list_attachments(program: &mut Program, which: &str) -> Result<Outcome, Trouble> {
    let (key, copy) = find(program, which).await?;
    let (all, asked) = structure(program, &key, &copy).await?;
    match asked {
        true => done(format!("BODYSTRUCTURE tells: {}", in_words(&all))),
        false => done(format!("known already: {}", in_words(&all))),
    }
}

pub(super) async fn save(program: &mut Program, which: &str, name: &str) -> Result<Outcome, Trouble> {
    let (key, copy) = find(program, which).await?;
    if copy.part == Part::Whole {
        let all = attachments_of(&copy.bytes);
        let chosen = choose(&all, name, |(a, _)| &a.name).cloned();
        let Some((attachment, bytes)) = chosen else { return Err(no_such(&copy)) };
        keep_file(program, &copy, &attachment.name, bytes);
        return done(format!("{} is taken out of the cached copy", attachment.name));
    }
    let (all, _) = structure(program, &key, &copy).await?;
    let Some(attachment) = choose(&all, name, |a| &a.name).cloned() else { return Err(no_such(&copy)) };
    let command = fetch(SequenceSet::one(uid_in(&key)?), vec![section(&attachment.section, None)]);
    select(program, INBOX).await?;
    let heard = session(program).await?.must(vec![command]).await?;
    let data = heard.fetched().flat_map(|(_, items)| items).find_map(|item| match item {
        FetchData::Section { data, .. } => data.clone(),
        _ => None,
    });
    let data = data.ok_or_else(|| no_such(&copy))?;
    let octets = data.len();
    keep_file(program, &copy, &attachment.name, decoded(&data, &attachment.encoding));
    done(format!(
        "{} is fetched by its part number alone, {octets} octets of {}",
        attachment.name, copy.whole
    ))
}

fn no_such(copy: &Copy) -> Trouble {
    Trouble::Refused(format!("“{}” has no such attachment", copy.subject))
}

/// The octets of a part; what is encoded otherwise than in base64 is kept as it came.
fn decoded(data: &[u8], encoding: &str) -> Vec<u8> {
    if encoding != "base64" {
        return data.to_vec();
    }
    let text: Vec<u8> = data.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(&text).unwrap_or_else(|_| data.to_vec())
}

pub(super) async fn search(program: &mut Program, text: &str) -> Result<Outcome, Trouble> {
    resync(program, INBOX).await?;
    let command = CommandBody::Search {
        uid: true,
        returns: None,
        charset: (!text.is_ascii()).then(|| "UTF-8".to_owned()),
        key: SearchKey::Text(text.to_owned()),
    };
    let heard = session(program).await?.must(vec![command]).await?;
    let selected = select(program, INBOX).await?;
    let uids = heard.told.iter().filter_map(|told| match told {
        Untagged::Search { numbers, .. } => Some(numbers.clone()),
        _ => None,
    });
    let uids: Vec<u32> = uids.flatten().collect();
    let subjects = program.shelf(|shelf| {
        let copies = uids.iter().filter_map(|uid| shelf.copies.get(&key(INBOX, selected.uidvalidity, *uid)));
        copies.map(|c| c.subject.clone()).collect::<Vec<_>>()
    });
    done(format!("the server searches, and answers with numbers: {} found{}", uids.len(), list_of(&subjects)))
}

/// The mailboxes there are, with what they are for and how many messages they hold.
pub(super) async fn folders(program: &mut Program) -> Result<Vec<ListEntry>, Trouble> {
    let open = session(program).await?;
    if let Some(known) = &open.folders {
        return Ok(known.clone());
    }
    let returns = if open.can("SPECIAL-USE") && open.can("LIST-EXTENDED") {
        vec![ListReturn::Option("SPECIAL-USE".to_owned())]
    } else {
        Vec::new()
    };
    let list = ListCommand {
        patterns: vec!["*".to_owned()],
        extended: !returns.is_empty(),
        returns,
        ..ListCommand::default()
    };
    let heard = open.must(vec![CommandBody::List(list)]).await?;
    let found: Vec<ListEntry> = heard
        .told
        .into_iter()
        .filter_map(|told| match told {
            Untagged::List(entry) => Some(entry),
            _ => None,
        })
        .collect();
    open.folders = Some(found.clone());
    Ok(found)
}

/// The same on another device: all mailboxes, with their flags.
pub(super) async fn sync(program: &mut Program) -> Result<Outcome, Trouble> {
    let all = folders(program).await?;
    let can_hold =
        |entry: &&ListEntry| !entry.attributes.iter().any(|a| a.eq_ignore_ascii_case("\\Noselect"));
    let mut names: Vec<String> = all.iter().filter(can_hold).map(|entry| entry.mailbox.clone()).collect();
    // The inbox last: it stays open.
    names.sort_by_key(|name| name == INBOX);
    let mut sum = News::default();
    for name in &names {
        let news = resync(program, name).await?;
        (sum.new, sum.changed, sum.gone) =
            (sum.new + news.new, sum.changed + news.changed, sum.gone + news.gone);
    }
    let mailboxes = if names.len() == 1 { "mailbox" } else { "mailboxes" };
    done(format!(
        "{} {mailboxes} as every other device sees them, flags, drafts and sent mail too: {} new here{}",
        names.len(),
        sum.new,
        sum.of_the_known()
    ))
}

pub(super) async fn download(program: &mut Program) -> Result<Outcome, Trouble> {
    resync(program, INBOX).await?;
    let mut missing: Vec<u32> = program.shelf(|shelf| {
        let partly = shelf.copies.iter().filter(|(_, c)| c.part < Part::Whole && c.folder.is_empty());
        partly.filter_map(|(key, _)| uid_in(key).ok()).collect()
    });
    missing.sort_unstable();
    if missing.is_empty() {
        return done("everything is on the device already");
    }
    fetch_whole(program, &missing).await?;
    done(format!("{} fetched; everything is on the device", count(missing.len(), "message")))
}

/// IDLE: the server speaks when something comes (RFC 2177); renewed before the server would hang up.
pub(super) async fn await_mail(program: &mut Program, at_most: u64, renew: u64) -> Result<Outcome, Trouble> {
    // What came before the client begins to listen is no news to IDLE: it looks first.
    let known_before = program.shelf(|shelf| shelf.mailboxes.contains_key(INBOX));
    let News { new, .. } = resync(program, INBOX).await?;
    if known_before && new > 0 {
        return done(format!("{} had come already", count(new, "new message")));
    }
    if !session(program).await?.can("IDLE") {
        return Err(Trouble::Refused("the server has no IDLE".to_owned()));
    }
    let clock = program.mua.world.clock;
    let begun = clock.now();
    loop {
        let left = Duration::from_secs(at_most).saturating_sub(clock.now().since(begun));
        if left.is_zero() {
            return Err(Trouble::Refused(format!("nothing came in {at_most} seconds")));
        }
        if idle(program, left.min(Duration::from_secs(renew))).await? {
            let News { new, .. } = resync(program, INBOX).await?;
            let after = clock.now().since(begun).as_secs();
            return done(format!(
                "the server speaks up after {after} seconds: {}",
                count(new, "new message")
            ));
        }
    }
}

/// One IDLE, at most so long; whether the number of messages grew.
async fn idle(program: &mut Program, most: Duration) -> Result<bool, Trouble> {
    let open = session(program).await?;
    let before = open.selected.as_ref().map_or(0, |s| s.exists);
    open.line.order(Say::Commands(vec![CommandBody::Idle]));
    let (mut ending, mut grew) = (false, false);
    let timer = tokio::time::sleep(most);
    tokio::pin!(timer);
    loop {
        let event = tokio::select! {
            biased;
            event = open.line.hear() => event,
            () = &mut timer, if !ending => {
                ending = true;
                open.line.order(Say::Done);
                continue;
            }
        };
        match event {
            Some(SessionEvent::Told(told)) => {
                open.notice(&told);
                grew |= matches!(*told, Untagged::Exists(now) if now > before);
                if grew && !std::mem::replace(&mut ending, true) {
                    open.line.order(Say::Done);
                }
            }
            Some(SessionEvent::Done { condition, .. }) if condition.status == Status::Ok => return Ok(grew),
            Some(SessionEvent::Done { condition, .. }) => {
                return Err(Trouble::Refused(format!(
                    "IDLE: {}",
                    crate::base::escape::text(&condition.text)
                )));
            }
            Some(SessionEvent::Ended(why)) => return Err(open.lost(why)),
            None => return Err(open.lost(None)),
            Some(SessionEvent::Idling | SessionEvent::Greeted(_)) => {}
        }
    }
}
