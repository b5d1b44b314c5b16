//! Mail programs against real mailboxes: the same wants by POP3 and by IMAP, with connections that drop at every step.
//! Nothing is lost, and nothing is doubled but where the protocol itself doubles it; then the test says where.

#![allow(clippy::print_stderr, reason = "counts that people want to see")]

mod support;

use postroad::state::State;
use postroad::trace::{Conn, Direction, Fact, Record};
use postroad::world::roles::mua::disk::{Part, Shelf};
use postroad::world::scenario::{Access, Fault, Leave, Scenario};
use postroad::world::{Change, World, run, run_observed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use support::steps;

const BOB: &str = "bob@example.net";
const LAPTOP: &str = "bob-laptop.example.net";
const PHONE: &str = "bob-phone.example.net";
const SERVER: &str = "mx1.example.net";

fn story(access: Access) -> Scenario {
    Scenario::builtin("compare").expect("it loads").with_access(access)
}

/// The acts of one scenario by name, in TOML.
fn acting(access: Access, acts: &str) -> Scenario {
    let text = format!("extends = \"compare\"\n{acts}");
    let scenario = Scenario::from_toml(&text, "acts.toml").unwrap_or_else(|error| panic!("{error}"));
    scenario.with_access(access)
}

/// The transcript, and the world as it was left.
fn played(scenario: &Scenario, changes: &[Change]) -> (Vec<Record>, Arc<World>) {
    let world: Arc<OnceLock<Arc<World>>> = Arc::default();
    let records = run_observed(scenario, changes, None, |built| {
        let _ = world.set(built.clone());
    });
    let left = world.get().expect("it was built").clone();
    (records.expect("it runs"), left)
}

/// How each act of Bob's came out: its intent, whether it was done, in words, and what was done in its place.
fn outcomes(records: &[Record]) -> Vec<(String, bool, String, String)> {
    let ends = records.iter().filter_map(|record| match record {
        Record::Fact { fact: Fact::IntentEnds { who, intent, ok, detail, instead }, .. } if who == "Bob" => {
            Some((intent.clone(), *ok, detail.clone(), instead.clone()))
        }
        _ => None,
    });
    ends.collect()
}

/// Message-ID → how often it lies in Bob's mailboxes.
fn on_server(world: &World) -> BTreeMap<String, usize> {
    let host = &world.hosts[SERVER];
    world.with_mailboxes(host, |mailboxes| {
        let rows = mailboxes.snapshot().remove(BOB).unwrap_or_default();
        let mut found = BTreeMap::new();
        for (name, messages) in rows {
            for (uid, ..) in messages {
                let body = mailboxes.body(BOB, &name, uid).unwrap_or_default();
                *found.entry(message_id(&body)).or_default() += 1;
            }
        }
        found
    })
}

/// Message-ID → how often a device has it whole.
fn on_device(world: &World, device: &str) -> BTreeMap<String, usize> {
    let shelf = shelf(world, device);
    let mut found = BTreeMap::new();
    for copy in shelf.copies.values().filter(|copy| copy.part == Part::Whole) {
        *found.entry(message_id(&copy.bytes)).or_default() += 1;
    }
    found
}

fn shelf(world: &World, device: &str) -> Shelf {
    world.with_disk(&world.hosts[device], |disk| disk.shelf(BOB))
}

fn message_id(bytes: &[u8]) -> String {
    let parsed = mail_parser::MessageParser::default().parse_headers(bytes);
    parsed.and_then(|m| m.message_id().map(str::to_owned)).unwrap_or_default()
}

fn doubled(found: &BTreeMap<String, usize>) -> Vec<&String> {
    found.iter().filter(|(_, count)| **count > 1).map(|(id, _)| id).collect()
}

/// What lies in Bob's mailboxes before he does anything.
fn at_the_start(scenario: &Scenario) -> BTreeSet<String> {
    let mut quiet = scenario.clone();
    quiet.acts.clear();
    on_server(&played(&quiet, &[]).1).into_keys().collect()
}

/// The connections of Bob's devices to a mail server, and where each can be cut: behind each line of the client's, which
/// the server then has carried out unheard; and in the middle of each piece that the server says.
fn sessions(records: &[Record]) -> Vec<(Conn, Vec<(Direction, u64)>)> {
    let is_access = |port: u16| port == 110 || port == 143;
    let opened = records.iter().filter_map(|record| match record {
        Record::Open { open, .. } if is_access(open.server.port()) => Some(open.conn),
        _ => None,
    });
    let places = |conn: Conn| {
        let mut places = vec![(Direction::Client, 0)];
        let (mut client, mut server) = (0, 0);
        for record in records {
            let Record::Data { data, .. } = record else { continue };
            match data.from {
                _ if data.conn != conn => {}
                Direction::Client => {
                    let ends = data.bytes.iter().zip(client + 1..).filter(|(byte, _)| **byte == b'\n');
                    places.extend(ends.map(|(_, end)| (Direction::Client, end)));
                    client += data.bytes.len() as u64;
                }
                Direction::Server => {
                    places.push((Direction::Server, server + data.bytes.len() as u64 / 2));
                    server += data.bytes.len() as u64;
                }
            }
        }
        places
    };
    opened.map(|conn| (conn, places(conn))).collect()
}

/// What the transcript says of the stores is what they hold at the end.
fn state_fits(records: &[Record], world: &World, which: &str) {
    let mut state = State::default();
    for record in records {
        if let Record::Fact { at, host, fact } = record {
            state.apply_fact(*at, host, fact);
        }
    }
    let snapshot = world.snapshot().expect("nobody is at work any more");
    for (account, mailboxes) in &snapshot.mailboxes {
        for (name, rows) in mailboxes {
            let told = state.mailboxes.get(account).and_then(|all| all.get(name));
            let told: Vec<_> = told
                .map(|m| m.messages.iter().map(|(uid, m)| (*uid, m.flags.clone(), m.size)).collect())
                .unwrap_or_default();
            assert_eq!(&told, rows, "{which}: {account} {name}");
        }
    }
    for (device, accounts) in &snapshot.kept {
        for (account, copies) in accounts {
            let told = &state.clients[device][account];
            assert!(told.keys().eq(copies.keys()), "{which}: {device}");
            for (key, row) in copies {
                let copy = &told[key];
                let told = (copy.size, &copy.part, &copy.folder, &copy.flags);
                assert_eq!(told, (row.size, &row.part, &row.folder, &row.flags), "{which}: {device} {key}");
            }
        }
    }
}

/// The day of the story until the laptop begins to forget: everything but what loses things on purpose, with small
/// pictures so that the many runs are quick.
fn a_day(access: Access) -> Scenario {
    let mut scenario = story(access);
    let end = scenario.acts.iter().position(|act| act.intent == "leave-a-copy").expect("it is there");
    scenario.acts.truncate(end);
    for message in &mut scenario.messages {
        message.octets = message.octets.min(200);
        message.letter.attachments.iter_mut().for_each(|a| a.octets = a.octets.min(300));
    }
    scenario.clients.iter_mut().for_each(|client| client.whole_up_to = 1_000);
    scenario
}

/// Cut each session behind each line that its client says, and see what is left.
fn cut_everywhere(access: Access, leave: &str) {
    let mut scenario = a_day(access);
    scenario.clients.iter_mut().filter(|c| c.device == LAPTOP).for_each(|c| c.leave = leave.to_owned());
    let began = at_the_start(&scenario);
    let (records, uncut) = played(&scenario, &[]);
    let ink = ink(&scenario);
    let mut cuts = 0;
    for (conn, places) in sessions(&records) {
        for (side, offset) in places {
            let (records, world) = played(&scenario, &[Change::Cut { conn, side, offset, instead: false }]);
            let which = format!("{access:?}, leave {leave}, connection {} {side:?} cut at {offset}", conn.0);
            let (server, laptop, phone) =
                (on_server(&world), on_device(&world, LAPTOP), on_device(&world, PHONE));
            for id in &began {
                let is_of_ink = |intent: &str, detail: &str| {
                    ["delete", "drop-in-mid-delete"].contains(&intent) && detail.contains("Cheap ink")
                };
                let deleted = outcomes(&records).iter().any(|(i, ok, detail, _)| *ok && is_of_ink(i, detail));
                let somewhere = [&server, &laptop, &phone].iter().any(|place| place.contains_key(id));
                assert!(somewhere || (deleted && *id == ink), "{which}: {id} is lost");
            }
            for place in [&server, &laptop, &phone] {
                let doubled = doubled(place);
                assert!(doubled.is_empty(), "{which}: {doubled:?} are doubled\n{:#?}", outcomes(&records));
            }
            // Whoever tried again ends where nothing broke. (What Bob deleted he may have to delete once more.)
            let without = |mut found: BTreeMap<String, usize>| {
                found.remove(&ink);
                found
            };
            match access {
                Access::Imap => assert_eq!(without(server), without(on_server(&uncut)), "{which}"),
                Access::Pop3 => assert_eq!(without(laptop), without(on_device(&uncut, LAPTOP)), "{which}"),
            }
            state_fits(&records, &world, &which);
            cuts += 1;
        }
    }
    eprintln!("{access:?}, leave {leave}: {cuts} places");
    assert!(cuts > 40, "only {cuts} places to cut at");
}

/// The Message-ID of the one message that is deleted for good.
fn ink(scenario: &Scenario) -> String {
    let mut quiet = scenario.clone();
    quiet.acts.clear();
    let world = played(&quiet, &[]).1;
    world.with_mailboxes(&world.hosts[SERVER], |mailboxes| {
        let rows = mailboxes.snapshot().remove(BOB).unwrap_or_default().remove("INBOX").unwrap_or_default();
        let bodies = rows.into_iter().filter_map(|(uid, ..)| mailboxes.body(BOB, "INBOX", uid));
        let found = bodies.into_iter().find(|body| String::from_utf8_lossy(body).contains("Cheap ink"));
        found.map(|body| message_id(&body)).unwrap_or_default()
    })
}

#[test]
fn a_pop3_client_that_leaves_copies_loses_and_doubles_nothing_wherever_the_connection_drops() {
    cut_everywhere(Access::Pop3, "14d");
}

#[test]
fn a_pop3_client_that_leaves_nothing_loses_and_doubles_nothing_wherever_the_connection_drops() {
    cut_everywhere(Access::Pop3, "no");
}

#[test]
fn an_imap_client_loses_and_doubles_nothing_wherever_the_connection_drops() {
    cut_everywhere(Access::Imap, "14d");
}

/// An older server has no MOVE: COPY, then `\Deleted` and EXPUNGE, which a break may come between.
#[test]
fn an_imap_client_without_move_doubles_nothing_either() {
    let mut scenario = acting(
        Access::Imap,
        "[[act]]\nwho = \"Bob\"\ndo = \"list\"\n
         [[act]]\nwho = \"Bob\"\ndo = { move = { which = \"Saturday\", to = \"Boat\" } }\n
         [[act]]\nwho = \"Bob\"\ndo = \"sync\"\n",
    );
    let server = scenario.hosts.iter_mut().find(|h| h.name == SERVER).expect("it is there");
    server.imap_without = vec!["MOVE".to_owned()];
    let (records, world) = played(&scenario, &[]);
    let said: Vec<String> = steps(&records).iter().map(|step| step.verb.to_string()).collect();
    assert!(said.contains(&"UID COPY".to_owned()) && !said.contains(&"UID MOVE".to_owned()), "{said:?}");
    let rows = world.snapshot().expect("it is over").mailboxes[BOB].clone();
    assert_eq!(rows["Boat"].len(), 1);
    for (conn, places) in sessions(&records) {
        for (side, offset) in places {
            let (_, world) = played(&scenario, &[Change::Cut { conn, side, offset, instead: false }]);
            assert_eq!(doubled(&on_server(&world)), Vec::<&String>::new(), "cut at {offset}");
            let rows = world.snapshot().expect("it is over").mailboxes[BOB].clone();
            assert_eq!(rows["Boat"].len(), 1, "cut at {offset}");
        }
    }
}

/// RFC 1939 §7 made UIDL optional. Without it nothing tells a message that was fetched from one that was not: what was
/// fetched and not removed, because the connection dropped before QUIT, comes twice. That is POP3's own doubling.
#[test]
fn without_uidl_a_drop_before_quit_doubles_what_was_fetched() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"log-out\"\n
        [[act]]\nwho = \"Bob\"\nwhen = \"+60s\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"log-out\"\n";
    let mut scenario = acting(Access::Pop3, acts);
    scenario.clients.iter_mut().for_each(|c| (c.leave, c.whole_up_to) = ("no".to_owned(), 0));
    let (service, verb) = ("pop3".to_owned(), "QUIT".to_owned());
    let drop = Fault::Drop { host: SERVER.to_owned(), service, verb, times: 1 };
    scenario.faults.push(drop);
    let (_, world) = played(&scenario, &[]);
    assert!(doubled(&on_device(&world, LAPTOP)).is_empty(), "with UIDL the list of unique-ids prevents it");
    assert!(on_server(&world).is_empty(), "and the second QUIT removes them");

    let reply = "-ERR what is that?".to_owned();
    let (service, verb) = ("pop3".to_owned(), "UIDL".to_owned());
    scenario.faults.push(Fault::Reply { host: SERVER.to_owned(), service, verb, reply, times: 0 });
    let (_, world) = played(&scenario, &[]);
    let laptop = on_device(&world, LAPTOP);
    assert_eq!((laptop.len(), doubled(&laptop).len()), (9, 9), "all nine came twice");
    assert!(on_server(&world).is_empty());
}

/// The list of unique-ids lost (a restored backup, a new program beside the old folders): POP3 fetches everything again.
#[test]
fn a_lost_list_of_unique_ids_doubles_the_mail_and_a_lost_imap_note_does_not() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"download\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"lose-notes\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"download\"\n";
    let found = |access| on_device(&played(&acting(access, acts), &[]).1, LAPTOP);
    let (pop3, imap) = (found(Access::Pop3), found(Access::Imap));
    assert_eq!((pop3.len(), doubled(&pop3).len()), (9, 9));
    assert_eq!((imap.len(), doubled(&imap).len()), (9, 0));
}

#[test]
fn what_was_left_on_the_server_goes_after_its_days() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"download\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"log-out\"\n
        [[act]]\nwho = \"Bob\"\nwhen = \"+DAYS\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"log-out\"\n";
    let left = |hours: &str| {
        let scenario = acting(Access::Pop3, &acts.replace("DAYS", hours));
        assert_eq!(scenario.manner("Bob", LAPTOP).leave, Leave::Days(14));
        on_server(&played(&scenario, &[]).1).len()
    };
    assert_eq!((left("335h"), left("337h")), (9, 0), "fourteen days are 336 hours");
}

/// RFC 9051 §2.3.1.1: under another UIDVALIDITY the same UIDs name other messages.
#[test]
fn another_uidvalidity_makes_the_client_forget_its_cache() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = { move = { which = \"Saturday\", to = \"Boat\" } }\n
        [[act]]\nwho = \"Bob\"\ndo = \"sync\"\n
        [[act]]\nwho = \"Bob\"\ndo = \"log-out\"\n
        [[act]]\nwho = \"Bob\"\nwhen = \"+60s\"\ndo = \"sync\"\n";
    let scenario = acting(Access::Imap, acts);
    let told = postroad::world::with_world(&scenario, async |world| {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let host = world.hosts[SERVER].clone();
        let before = shelf(&world, LAPTOP);
        world.with_mailboxes(&host, |mailboxes| {
            mailboxes.delete(BOB, "Boat").expect("it was made");
            mailboxes.create(BOB, "Boat", None).expect("it can be made anew");
            let other = b"Subject: Another\r\nMessage-ID: <other@example.net>\r\n\r\nhello\r\n".to_vec();
            mailboxes
                .deliver(BOB, "Boat", other.into(), &[], world.clock.now(), None)
                .expect("there is room");
        });
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        (before, shelf(&world, LAPTOP))
    });
    let ((before, after), _) = told.expect("it runs");
    let subjects = |shelf: &Shelf| {
        let boat = shelf.copies.values().filter(|copy| copy.folder == "Boat");
        boat.map(|copy| copy.subject.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (subjects(&before), subjects(&after)),
        (vec!["Saturday".to_owned()], vec!["Another".to_owned()])
    );
    let (old, new) = (before.mailboxes["Boat"].0, after.mailboxes["Boat"].0);
    assert_ne!(old, new);
}

/// RFC 2177 §3: IDLE is renewed before the server would hang up, and news end it.
#[test]
fn idle_is_renewed_until_something_comes() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = { await-mail = { at-most-s = 600, renew-s = 60 } }\n
        [[act]]\nwho = \"Alice\"\nwhen = \"+150s\"\n[act.do.send]\nto = [\"Bob <bob@example.net>\"]\nsubject = \"Hello\"\n";
    let (records, world) = played(&acting(Access::Imap, acts), &[]);
    let idles = steps(&records).iter().filter(|s| s.verb == "IDLE" && s.from == Direction::Client).count();
    assert_eq!(idles, 3, "two are renewed after a minute each, the third is ended by the news");
    assert!(outcomes(&records).iter().any(|(intent, ok, ..)| intent == "await-mail" && *ok));
    assert!(shelf(&world, LAPTOP).copies.values().any(|copy| copy.subject == "Hello"));

    // Nothing comes: the client gives up in time, and has said DONE.
    let quiet = acting(Access::Imap, acts.split("[[act]]\nwho = \"Alice\"").next().unwrap_or_default());
    let (records, _) = played(&quiet, &[]);
    let outcome = outcomes(&records).pop().expect("it ended");
    assert!(!outcome.1 && outcome.2.contains("nothing came"), "{outcome:?}");
}

/// A client that polls is told late, and pays for each question.
#[test]
fn a_pop3_client_asks_again_and_again() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = { await-mail = { at-most-s = 600, poll-s = 100 } }\n
        [[act]]\nwho = \"Alice\"\nwhen = \"+150s\"\n[act.do.send]\nto = [\"Bob <bob@example.net>\"]\nsubject = \"Hello\"\n";
    let (records, world) = played(&acting(Access::Pop3, acts), &[]);
    assert_eq!(sessions(&records).len(), 1 + 3, "at once, after 100 and after 200 seconds");
    assert!(shelf(&world, LAPTOP).copies.values().any(|copy| copy.subject == "Hello"));
}

/// Both runs state the same wants, on the same devices, in the same order; that is what a comparison goes by.
#[test]
fn both_protocols_state_the_same_wants() {
    let wants = |access| {
        let records = run(&story(access), &[]).expect("it runs");
        let begun = records.iter().filter_map(|record| match record {
            Record::Fact { host, fact: Fact::IntentBegins { who, intent, detail }, .. } if who == "Bob" => {
                Some((host.clone(), intent.clone(), detail.clone()))
            }
            _ => None,
        });
        begun.collect::<Vec<_>>()
    };
    let (pop3, imap) = (wants(Access::Pop3), wants(Access::Imap));
    assert_eq!(pop3, imap);
    assert!(pop3.len() > 40);
    assert!(pop3.iter().all(|(.., detail)| !detail.contains("POP3") && !detail.contains("IMAP")));
}

/// Commands that do not wait for each other go out in one piece.
#[test]
fn good_clients_pipeline() {
    let together = |access| {
        let records = run(&story(access), &[]).expect("it runs");
        let said = records.iter().filter_map(|record| match record {
            Record::Data { data, .. } if data.from == Direction::Client => Some(data.bytes.clone()),
            _ => None,
        });
        said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect::<Vec<_>>()
    };
    let pop3 = together(Access::Pop3);
    assert!(pop3.iter().any(|s| s.starts_with("USER ") && s.contains("\r\nPASS ")));
    assert!(pop3.iter().any(|s| s == "STAT\r\nUIDL\r\n"));
    assert!(pop3.iter().any(|s| s.matches("RETR ").count() > 4));
    let imap = together(Access::Imap);
    assert!(imap.iter().any(|s| s.contains(" UID FETCH ") && s.matches("\r\n").count() == 2));
    assert!(imap.iter().any(|s| s.contains("\\Deleted") && s.contains(" UID EXPUNGE ")));
}

/// Nothing that is looked at becomes `\Seen` by it.
#[test]
fn looking_marks_nothing_as_read() {
    let acts = "[[act]]\nwho = \"Bob\"\ndo = \"list\"\n
        [[act]]\nwho = \"Bob\"\ndo = { read-top = { which = \"Pictures\" } }\n
        [[act]]\nwho = \"Bob\"\ndo = { save-attachment = { which = \"Pictures\" } }\n
        [[act]]\nwho = \"Bob\"\ndo = \"download\"\n
        [[act]]\nwho = \"Bob\"\ndo = { find = { text = \"boat\" } }\n";
    let (records, world) = played(&acting(Access::Imap, acts), &[]);
    assert!(outcomes(&records).iter().all(|(_, ok, ..)| *ok), "{:?}", outcomes(&records));
    let inbox = world.snapshot().expect("it is over").mailboxes[BOB]["INBOX"].clone();
    assert!(inbox.iter().all(|(_, flags, _)| flags.is_empty()), "{inbox:?}");
    let file = shelf(&world, LAPTOP).copies["file landing.jpg"].clone();
    assert_eq!((file.size, file.part), (60_000, Part::File), "decoded: as large as it was made");
}

#[test]
fn the_story_grows_with_the_mailbox_and_the_devices() {
    let scenario = story(Access::Imap).scaled(60, 900, 4);
    let again = Scenario::from_toml(&scenario.to_toml(), "scaled").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, scenario);
    let (records, world) = played(&scenario, &[]);
    let syncs = records.iter().filter(|record| {
        matches!(record, Record::Fact { fact: Fact::IntentEnds { intent, ok: true, .. }, .. } if intent == "sync")
    });
    assert_eq!(syncs.count(), 1 + 2, "the phone, and two more devices");
    let devices: Vec<&String> = world.hosts.keys().filter(|name| name.starts_with("device-")).collect();
    assert_eq!(devices, ["device-3.example.net", "device-4.example.net"]);
    assert_eq!(at_the_start(&scenario).len(), 60);
    assert_eq!(at_the_start(&story(Access::Imap).scaled(0, 900, 2)).len(), 5, "what the story names stays");
}

#[test]
fn a_slower_line_takes_longer_and_says_the_same() {
    let took = |link: &str| {
        let scenario = acting(Access::Imap, "[[act]]\nwho = \"Bob\"\ndo = \"download\"\n");
        let records = run(&scenario.with_link("Bob", link.parse().expect("a link")), &[]).expect("it runs");
        let at = records.iter().rev().find_map(|record| match record {
            Record::Fact { at, fact: Fact::IntentEnds { .. }, .. } => Some(*at),
            _ => None,
        });
        let said = steps(&records).iter().filter(|s| s.from == Direction::Client).count();
        (at.expect("it ended"), said)
    };
    let (fast, slow, far) = (took("broadband"), took("3g"), took("300ms/64kbit"));
    assert!(fast.0 < slow.0 && slow.0 < far.0);
    assert_eq!((fast.1, slow.1), (slow.1, far.1));
}

/// A lost password stops it before anything is done, and is not tried twice.
#[test]
fn a_refused_login_is_said_once() {
    for (access, words) in [(Access::Pop3, "-ERR [AUTH]"), (Access::Imap, "LOGIN: NO")] {
        let acts = "[[act]]\nwho = \"Bob\"\npassword = \"wrong\"\ndo = \"list\"\n";
        let (records, _) = played(&acting(access, acts), &[]);
        let outcome = outcomes(&records).pop().expect("it ended");
        assert!(!outcome.1 && outcome.2.contains(words), "{outcome:?}");
        assert_eq!(sessions(&records).len(), 1);
    }
}
