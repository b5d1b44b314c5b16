//! What a disk may do at any operation, and what is left then: every operation of a story fails once, fails for ever,
//! or is the last before the machine stops.

use super::files::{Disk, Files};
use super::model::{Left, Model, Trouble};
use super::shape::AccountDisk;
use super::spool::Spool;
use super::{Kind, OpenError, Unkept, open_account};
use crate::base::Instant;
use crate::world::mailboxes::{AccountSetup, FlagChange, Mailboxes, Refusal};
use crate::world::queue::Entry;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BOB: &str = "bob@example.net";
const NOW: Instant = Instant::from_secs(1_795_276_901);
const KINDS: [Kind; 2] = [Kind::Maildir, Kind::Mbox];

fn root() -> PathBuf {
    Path::new("data").join("mail").join(BOB)
}

fn open_at(
    files: Arc<dyn Files>,
    root: PathBuf,
    kind: Kind,
    mailboxes: &mut Mailboxes,
) -> Result<Box<dyn AccountDisk>, OpenError> {
    open_account(&files, root, kind, mailboxes, BOB, NOW)
}

/// A disk with a data folder on it.
fn model() -> Arc<Model> {
    let files = Arc::new(Model::default());
    for dir in ["data/mail", "data/queue"] {
        files.make_dir(Path::new(dir)).expect("the disk is well");
    }
    for dir in ["", "data"] {
        files.sync_dir(Path::new(dir)).expect("the disk is well");
    }
    files
}

/// Bob's mail, and what keeps it: as the keeper of a host does it.
struct Held {
    disk: Box<dyn AccountDisk>,
    mailboxes: Mailboxes,
}

impl Held {
    fn open(files: &Arc<Model>, kind: Kind) -> Result<Self, OpenError> {
        let mut mailboxes = Mailboxes::new();
        mailboxes.add_account(AccountSetup::new(BOB, 100).with_special_use());
        let disk = open_at(files.clone(), root(), kind, &mut mailboxes)?;
        Ok(Held { disk, mailboxes })
    }

    fn act(&mut self, act: &Act) -> Result<(), Unkept> {
        let mut draft = self.mailboxes.clone();
        act(&mut draft).expect("the act is possible");
        let delta = draft.delta(BOB, Some(&self.mailboxes)).expect("bob is here");
        self.disk.commit(&delta, &draft, NOW)?;
        self.mailboxes = draft;
        Ok(())
    }
}

type Act = Box<dyn Fn(&mut Mailboxes) -> Result<(), Refusal>>;

fn put(mailbox: &'static str, text: &'static str, flags: &'static [&str]) -> Act {
    Box::new(move |m| {
        let flags: Vec<String> = flags.iter().map(|f| (*f).to_owned()).collect();
        m.deliver(BOB, mailbox, text.as_bytes().into(), &flags, Instant::from_secs(1_700_000_000), None)
            .map(|_| ())
    })
}

/// Something of everything that can be done to a mailbox.
fn story() -> Vec<Act> {
    let flags = |change, uid: u32, flag: &'static str| -> Act {
        Box::new(move |m| m.set_flags(BOB, "INBOX", &[uid], change, &[flag.to_owned()], None).map(|_| ()))
    };
    vec![
        put("INBOX", "Subject: one\r\n\r\nFrom me\r\n", &[]),
        put("INBOX", "Subject: two\r\n\r\nbare\nends", &["\\Seen"]),
        put("INBOX", "Subject: three\r\n\r\n", &[]),
        flags(FlagChange::Add, 1, "\\Flagged"),
        flags(FlagChange::Add, 1, "\\Seen"),
        flags(FlagChange::Add, 3, "Later"),
        flags(FlagChange::Remove, 1, "\\Flagged"),
        Box::new(|m| m.create(BOB, "Lists/v1.2 Straße", None).map(|_| ())),
        Box::new(|m| m.copy(BOB, "INBOX", &[1, 2], "Lists/v1.2 Straße").map(|_| ())),
        Box::new(|m| m.move_messages(BOB, "INBOX", &[2, 3], "Archive").map(|_| ())),
        Box::new(|m| m.rename(BOB, "Archive", "Old").map(|_| ())),
        Box::new(|m| m.subscribe(BOB, "Lists/v1.2 Straße")),
        Box::new(|m| m.expunge(BOB, "Old", &[1]).map(|_| ())),
        put("INBOX", "Subject: four\r\n\r\n", &[]),
        Box::new(|m| m.delete(BOB, "Lists/v1.2 Straße")),
        Box::new(|m| {
            // Two in one transaction: both or none is told.
            put("Sent", "Subject: five\r\n\r\n", &["\\Seen"])(m)?;
            put("Sent", "Subject: six\r\n\r\n", &[])(m)
        }),
        put("INBOX", "Subject: one\r\n\r\nFrom me\r\n", &[]),
    ]
}

/// UIDVALIDITY, name → UID → flags and octets.
type Picture = BTreeMap<(u32, String), BTreeMap<u32, (Vec<String>, Vec<u8>)>>;

fn picture(mailboxes: &Mailboxes) -> Picture {
    let whole = mailboxes.delta(BOB, None).expect("bob is here");
    let messages = |b: &crate::world::mailboxes::delta::BoxDelta| {
        b.added.iter().map(|m| (m.uid, (m.flags.clone(), m.body.to_vec()))).collect()
    };
    whole.boxes.iter().map(|b| ((b.head.uidvalidity, b.name.clone()), messages(b))).collect()
}

/// `found` is `kept`, but for messages that nobody was told of: their octets must be among `begun`'s.
fn is_but_for_untold(found: &Picture, kept: &Picture, begun: &Picture) -> Result<(), String> {
    let bodies: Vec<&Vec<u8>> = begun.values().flat_map(|m| m.values().map(|(_, body)| body)).collect();
    for (name, messages) in kept {
        let there = found.get(name).ok_or_else(|| format!("{name:?} is missing"))?;
        for (uid, message) in messages {
            if there.get(uid) != Some(message) {
                return Err(format!("{name:?} {uid}: {:?}, not {message:?}", there.get(uid)));
            }
        }
    }
    for (name, messages) in found {
        let known = kept.get(name);
        for (uid, (_, body)) in messages.iter().filter(|(uid, _)| known.is_none_or(|k| !k.contains_key(uid)))
        {
            if !bodies.contains(&body) {
                return Err(format!("{name:?} {uid}: nobody wrote {:?}", String::from_utf8_lossy(body)));
            }
        }
    }
    Ok(())
}

#[test]
fn what_was_written_is_read_again_and_nothing_grows() {
    for kind in KINDS {
        let files = model();
        let mut held = Held::open(&files, kind).expect("a new folder");
        for act in story() {
            held.act(&act).expect("the disk is well");
        }
        let before = held.mailboxes.delta(BOB, None).expect("bob is here");
        for _ in 0..3 {
            files.restart(Left::Synced);
            let again = Held::open(&files, kind).expect("our folder");
            assert_eq!(again.mailboxes.delta(BOB, None), Some(before.clone()), "{kind:?}");
        }
    }
}

#[test]
fn a_stop_at_any_operation_loses_nothing_that_was_acknowledged() {
    for kind in KINDS {
        for left in [Left::Seen, Left::Synced] {
            let mut stops = 0;
            let mut untold = 0;
            loop {
                let files = model();
                let mut held = Held::open(&files, kind).expect("a new folder");
                files.trouble(Trouble::Stop(stops));
                let mut begun = picture(&held.mailboxes);
                let mut whole = true;
                for act in story() {
                    let mut draft = held.mailboxes.clone();
                    act(&mut draft).expect("the act is possible");
                    begun = picture(&draft);
                    whole &= held.act(&act).is_ok();
                    // A machine that has stopped while it tidied up has told nobody either; both are right.
                    if files.done() > stops {
                        break;
                    }
                }
                let stopped = files.done() > stops;
                files.restart(left);
                let kept = picture(&held.mailboxes);
                let again = Held::open(&files, kind).expect("our folder can be opened");
                let found = picture(&again.mailboxes);
                let fine = is_but_for_untold(&found, &kept, &begun).or_else(|why| {
                    is_but_for_untold(&found, &begun, &begun).map_err(|w| format!("{why}; {w}"))
                });
                assert_eq!(fine, Ok(()), "{kind:?}, {left:?}, stopped at {stops}");
                untold += usize::from(stopped && found != kept && found != begun);
                // What is found is settled: it is the same when it is opened once more.
                let twice = Held::open(&files, kind).expect("our folder can be opened");
                assert_eq!(picture(&twice.mailboxes), found, "{kind:?}, {left:?}, stopped at {stops}");
                if whole && !stopped {
                    break;
                }
                stops += 1;
            }
            assert!(stops > 60, "the story has many operations: {stops}");
            assert!(untold < stops / 2, "{kind:?}: {untold} of {stops} stops left something untold");
        }
    }
}

#[test]
fn a_disk_that_fails_keeps_nothing_of_the_change_and_everything_else() {
    for kind in KINDS {
        for for_ever in [false, true] {
            let mut at = 0;
            loop {
                let files = model();
                let mut held = Held::open(&files, kind).expect("a new folder");
                files.trouble(if for_ever { Trouble::From(at) } else { Trouble::Once(at) });
                let mut failed = 0;
                for act in story() {
                    let before = picture(&held.mailboxes);
                    if held.act(&act).is_err() {
                        failed += 1;
                        assert_eq!(picture(&held.mailboxes), before);
                        files.trouble(Trouble::None);
                        held.act(&act).expect("the disk is well again");
                    }
                }
                let hit = files.done() > at || failed > 0;
                for left in [Left::Seen, Left::Synced] {
                    files.restart(left);
                    let again = Held::open(&files, kind).expect("our folder can be opened");
                    let fine = is_but_for_untold(
                        &picture(&again.mailboxes),
                        &picture(&held.mailboxes),
                        &picture(&held.mailboxes),
                    );
                    assert_eq!(fine, Ok(()), "{kind:?}, for ever: {for_ever}, {left:?}, failed at {at}");
                }
                if !hit {
                    break;
                }
                at += 1;
            }
            assert!(at > 60, "{at}");
        }
    }
}

fn entry(id: &str, text: &str) -> Entry {
    Entry {
        id: id.to_owned(),
        sender: "alice@example.com".to_owned(),
        waiting: vec!["bob@example.net".to_owned(), "\"b b\"@example.net".to_owned()],
        wishes: crate::world::wishes::Wishes::default(),
        message: text.as_bytes().into(),
        smtputf8: true,
        arrived: NOW,
        attempts: 0,
        next: NOW,
    }
}

fn spool(files: &Arc<Model>) -> (Spool, Vec<Entry>) {
    let (spool, entries, unread) =
        Spool::open(files.clone(), PathBuf::from("data/queue/mail")).expect("a folder");
    assert_eq!(unread, []);
    (spool, entries)
}

#[test]
fn a_queue_outlives_a_stop_at_any_operation() {
    for left in [Left::Seen, Left::Synced] {
        for stop in 0.. {
            let files = model();
            let (there, _) = spool(&files);
            files.trouble(Trouble::Stop(stop));
            let first = there.put(&entry("1A", "Subject: x\r\n\r\n\n\nx")).is_ok();
            let mut waiting = entry("1A", "");
            waiting.waiting.truncate(1);
            (waiting.attempts, waiting.next) = (2, Instant::from_secs(1_795_277_801));
            let noted = first && there.update(&waiting).is_ok();
            let second = noted && there.put(&entry("1B", "y")).is_ok();
            let gone = second && there.remove("1B").is_ok();
            files.restart(left);
            let (_, entries) = spool(&files);
            let find = |id: &str| entries.iter().find(|e| e.id == id);
            if first {
                let found = find("1A").expect("it was acknowledged");
                assert_eq!(&*found.message, b"Subject: x\r\n\r\n\n\nx");
                assert!(found.smtputf8 && found.sender == "alice@example.com");
                if noted {
                    assert_eq!((found.attempts, found.next), (2, Instant::from_secs(1_795_277_801)));
                    assert_eq!(found.waiting, ["bob@example.net"]);
                }
            }
            if second && !gone {
                // Its removal may have begun; nobody waits for it then.
                assert!(files.done() > stop);
            }
            if gone {
                assert!(find("1B").is_none() || left == Left::Synced, "at worst it is delivered again");
                assert!(stop > 5, "the story has several operations");
                break;
            }
        }
    }
}

#[test]
fn a_damaged_spool_file_is_left_alone_and_named() {
    let files = model();
    let (there, _) = spool(&files);
    there.put(&entry("1A", "Subject: x\r\n")).expect("the disk is well");
    let path = PathBuf::from("data/queue/mail/1A");
    let text = files.read(&path).expect("it is there");
    for (from, to, why) in
        [("alice", "alicf", "sum"), ("spool 1", "spool 2", "postroad-spool 2"), ("x\r\n", "", "octets")]
    {
        let bent = String::from_utf8_lossy(&text).replacen(from, to, 1);
        files.write(&path, bent.as_bytes()).expect("the disk is well");
        let (_, entries, unread) =
            Spool::open(files.clone(), PathBuf::from("data/queue/mail")).expect("a folder");
        assert_eq!(entries.len(), 0);
        assert!(unread[0].why.contains(why), "{unread:?}");
    }
}

#[test]
fn what_other_programs_do_to_a_maildir_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Arc<dyn Files> = Arc::new(Disk);
    let root = folder.path().join(BOB);
    let mut mailboxes = Mailboxes::new();
    mailboxes.add_account(AccountSetup::new(BOB, 100).with_special_use());
    let open = |m: &mut Mailboxes| open_at(files.clone(), root.clone(), Kind::Maildir, m).expect("a folder");
    let mut disk = open(&mut mailboxes);
    let before = mailboxes.clone();
    for act in story().iter().take(3) {
        act(&mut mailboxes).expect("it is possible");
    }
    let delta = mailboxes.delta(BOB, Some(&before)).expect("bob is here");
    disk.commit(&delta, &mailboxes, NOW).expect("the disk is well");
    drop(disk);
    // Another program reads the first, throws the second away, and drops two in, one of them with LF alone.
    let first = std::fs::read_dir(root.join("new")).expect("new").next().expect("a file").expect("a file");
    let name = first.file_name().into_string().expect("ASCII");
    std::fs::rename(first.path(), root.join("cur").join(format!("{name}:2,RSa"))).expect("renamed");
    let read = std::fs::read_dir(root.join("cur")).expect("cur").filter_map(Result::ok);
    let second = read.map(|e| e.path()).find(|p| p.to_string_lossy().ends_with(",S")).expect("uid 2");
    std::fs::remove_file(second).expect("removed");
    std::fs::write(root.join("new").join("1700000001.x.example"), b"Subject: lf\n\nline\n").expect("written");
    std::fs::create_dir_all(root.join(".Neu.Br&APw-cke/cur")).expect("made");
    std::fs::write(root.join(".Neu.Br&APw-cke/cur/1.y:2,F"), b"Subject: crlf\r\n\r\n").expect("written");
    let mut again = Mailboxes::new();
    again.add_account(AccountSetup::new(BOB, 900).with_special_use());
    let mut disk = open(&mut again);
    let inbox = again.messages(BOB, "INBOX").expect("INBOX");
    assert_eq!(inbox.iter().map(|m| m.uid).collect::<Vec<_>>(), [1, 3, 4]);
    let read = inbox.iter().find(|m| m.flags == ["\\Answered", "\\Seen"]).expect("what was read");
    assert!(read.uid != 4);
    assert_eq!(again.body(BOB, "INBOX", 4).as_deref(), Some(&b"Subject: lf\r\n\r\nline\r\n"[..]));
    assert_eq!(inbox[2].internal_date, Instant::from_secs(1_700_000_001));
    assert_eq!(again.messages(BOB, "Neu/Brücke").expect("a new one")[0].flags, ["\\Flagged"]);
    // While it runs, a look at the disk shows the same things.
    std::fs::write(root.join("new").join("1700000002.z.example"), b"Subject: later\r\n\r\n")
        .expect("written");
    disk.rescan(&mut again, NOW).expect("the disk is well");
    assert_eq!(again.messages(BOB, "INBOX").expect("INBOX").len(), 4);
    // Without its index every message is still there, under another UIDVALIDITY.
    let before = again.status(BOB, "INBOX").expect("INBOX");
    std::fs::remove_file(root.join(super::shape::INDEX)).expect("removed");
    let mut rebuilt = Mailboxes::new();
    rebuilt.add_account(AccountSetup::new(BOB, 2_000).with_special_use());
    let _disk = open(&mut rebuilt);
    let after = rebuilt.status(BOB, "INBOX").expect("INBOX");
    assert_eq!((after.messages, after.size), (before.messages, before.size));
    assert!(after.uidvalidity > before.uidvalidity);
    assert_eq!(rebuilt.folders(BOB).expect("names").len(), again.folders(BOB).expect("names").len());
}

#[test]
fn what_other_programs_do_to_an_mbox_is_seen_before_it_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Arc<dyn Files> = Arc::new(Disk);
    let root = folder.path().join(BOB);
    let mut mailboxes = Mailboxes::new();
    mailboxes.add_account(AccountSetup::new(BOB, 100));
    let mut disk = open_at(files, root, Kind::Mbox, &mut mailboxes).expect("a folder");
    let before = mailboxes.clone();
    for act in story().iter().take(3) {
        act(&mut mailboxes).expect("it is possible");
    }
    let delta = mailboxes.delta(BOB, Some(&before)).expect("bob is here");
    disk.commit(&delta, &mailboxes, NOW).expect("the disk is well");
    assert!(!disk.is_touched());
    let path = folder.path().join(format!("{BOB}.mbox"));
    let text = std::fs::read_to_string(&path).expect("a text file");
    let text = text.replace("Subject: three\n", "Subject: three\nStatus: RO\n");
    let text = text + "From x@example.org Sat Nov 21 16:01:41 2026\nSubject: dropped in\n\n>From quoting\n\n";
    std::fs::write(&path, text).expect("written");
    assert!(disk.is_touched());
    disk.rescan(&mut mailboxes, NOW).expect("the disk is well");
    let inbox = mailboxes.messages(BOB, "INBOX").expect("INBOX");
    assert_eq!(inbox.iter().map(|m| m.uid).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(inbox[2].flags, ["\\Seen"]);
    assert_eq!(
        mailboxes.body(BOB, "INBOX", 4).as_deref(),
        Some(&b"Subject: dropped in\r\n\r\nFrom quoting\r\n"[..])
    );
}
