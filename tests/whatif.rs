//! What if: at every step of a journey, every choice makes a fork that shares its past with its parent, byte for byte,
//! comes out the same each time, and breaks nothing.

mod support;

use postroad::trace::{Change, Conn, Data, Direction, Head, Record};
use postroad::view::fork::{Kind, Moment, choices, parting};
use postroad::world::{self, scenario::Scenario};
use std::collections::BTreeMap;
use support::{shipped, steps};

fn journey() -> Scenario {
    Scenario::builtin("journey").expect("loads")
}

fn typed(changes: &[Change]) -> Vec<world::Change> {
    let read = |change: &Change| {
        serde_json::from_value(change.to_value()).expect("the world reads what a view makes")
    };
    changes.iter().map(read).collect()
}

fn fork(scenario: &Scenario, changes: &[Change]) -> Vec<Record> {
    world::run(scenario, &typed(changes)).expect("a runtime")
}

/// The first record that may differ, counted with the head.
fn same_until(parent: &[Record], fork: &[Record]) -> usize {
    1 + parent.iter().zip(fork).skip(1).take_while(|(a, b)| a == b).count()
}

/// One side's whole stream.
fn stream(records: &[Record], conn: Conn, side: Direction) -> Vec<u8> {
    let of = |record: &Record| match record {
        Record::Data { data: Data { conn: c, from, bytes, .. }, .. } if (*c, *from) == (conn, side) => {
            bytes.clone()
        }
        _ => Vec::new(),
    };
    records.iter().flat_map(of).collect()
}

/// A fork keeps what was told before its moment.
fn shares_the_past(name: &str, moment: &Moment, parent: &[Record], forked: &[Record], kind: Kind) {
    let same = same_until(parent, forked) as u64;
    let step = &moment.step;
    let bound = if kind == Kind::Line { moment.told } else { moment.decided };
    if same >= bound {
        return;
    }
    // The Step begins in the middle of a record: what stands before it in that record is the same.
    assert!(
        kind == Kind::Line && same + 1 == bound,
        "{name} at step {}: {same} of {bound} records",
        step.number
    );
    let before = usize::try_from(step.range.start).expect("small");
    let (old, new) = (stream(parent, step.conn, step.from), stream(forked, step.conn, step.from));
    assert_eq!(old[..before], new[..before], "{name} at step {}", step.number);
}

#[test]
fn every_choice_at_every_step_of_the_journey_shares_the_past() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for step in steps(&parent) {
        let moment = Moment::at(&parent, step.number).expect("it was run");
        for choice in choices::of(&moment) {
            let name = format!("{} ({})", choice.id, choice.title);
            let forked = fork(&scenario, &choice.changes);
            shares_the_past(&name, &moment, &parent, &forked, choice.kind);
            let parting = parting::of(&parent, &forked);
            let first = moment.command.as_ref().map_or(step.number, |command| command.number);
            assert!(parting.step.is_none_or(|parts| parts >= first), "{name} at {first}: {parting:?}");
            let times = used.entry(choice.id).or_default();
            *times += 1;
            if *times == 1 {
                assert_eq!(forked, fork(&scenario, &choice.changes), "{name} is the same each time");
                assert!(parting.step.is_some(), "{name} at step {} changes nothing", step.number);
            }
        }
    }
    assert!(used.len() > 30, "{used:?}");
}

#[test]
fn a_presets_faults_can_begin_at_any_step() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let mut untouched = BTreeMap::new();
    let broken = shipped().into_iter().filter(|(_, s)| !s.faults.is_empty());
    for (number, (preset, broken)) in broken.enumerate() {
        // Each world takes its time: every preset begins at other Steps, all Steps have their turn.
        for step in steps(&parent).into_iter().skip(number % 5).step_by(5) {
            let moment = Moment::at(&parent, step.number).expect("it was run");
            let faults = broken.faults.iter().map(|fault| Change::Fault {
                fault: serde_json::to_value(fault).expect("a fault has a JSON form"),
                after: moment.decided,
            });
            let forked = fork(&scenario, &faults.collect::<Vec<_>>());
            shares_the_past(preset, &moment, &parent, &forked, Kind::World);
            *untouched.entry(preset).or_insert(0) += usize::from(forked[1..] == parent[1..]);
        }
    }
    // Once the letter is relayed, greylisting is too late; an outage is stated whenever it begins.
    assert!((8..18).contains(&untouched["greylist"]) && untouched["mx1-down"] == 0, "{untouched:?}");
}

/// Forks of each shipped story, about.
const FORKS: usize = 5;

#[test]
fn forks_of_every_shipped_story_share_the_past() {
    for (number, (name, scenario)) in shipped().into_iter().enumerate() {
        let parent = world::run(&scenario, &[]).expect("a runtime");
        let steps = steps(&parent);
        // Long stories are as many worlds as short ones.
        let stride = (steps.len() / FORKS).max(7);
        for step in steps.iter().skip(number % 7).step_by(stride) {
            let moment = Moment::at(&parent, step.number).expect("it was run");
            let offered = choices::of(&moment);
            let Some(choice) = offered.get(step.number % offered.len().max(1)) else { continue };
            let forked = fork(&scenario, &choice.changes);
            shares_the_past(&format!("{name}: {}", choice.id), &moment, &parent, &forked, choice.kind);
        }
    }
}

#[test]
fn the_server_can_be_played_at_every_answer() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let mut played = 0;
    for step in steps(&parent) {
        let moment = Moment::at(&parent, step.number).expect("it was run");
        let Some(lines) = moment.lines().filter(|_| step.from == Direction::Server) else { continue };
        assert_eq!(moment.answered(&lines), None, "the same answer is no change");
        let answers = ["451 4.3.0 try later", "-ERR no", "a NO never", "", "\u{7}garbage"];
        // Two at each Step, and each has its turn.
        for answer in answers.into_iter().cycle().skip(step.number).take(2) {
            let changes = moment.answered(&[answer.to_owned()]).expect("it is another answer");
            let forked = fork(&scenario, &changes);
            let kind =
                if matches!(changes.last(), Some(Change::Fault { .. })) { Kind::World } else { Kind::Line };
            shares_the_past(answer, &moment, &parent, &forked, kind);
            played += 1;
        }
    }
    assert!(played > 50, "{played}");
}

/// The Step in which the server answers this verb on this port, for the first time.
fn answer_to(records: &[Record], port: u16, verb: &str) -> Moment {
    let found = steps(records).into_iter().find_map(|step| {
        let moment = Moment::at(records, step.number).ok()?;
        let here = moment.open.as_ref().is_some_and(|open| open.server.port() == port);
        (here && step.from == Direction::Server && step.verb == verb && !step.code.is_empty())
            .then_some(moment)
    });
    found.expect("somebody answers that")
}

#[test]
fn a_4yz_makes_the_client_wait_and_a_5yz_makes_it_give_up() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let moment = answer_to(&parent, 25, "RCPT");
    let play = |line: &str| {
        let changes = moment.answered(&[line.to_owned()]).expect("another answer");
        parting::of(&parent, &fork(&scenario, &changes))
    };
    let told = |parting: &parting::Parting, word: &str| {
        parting.differences.iter().any(|d| d.what.contains(word) || d.after.contains(word))
    };
    let later = play("451 4.3.0 Try again later");
    assert_eq!(later.step, Some(moment.step.number));
    assert!(told(&later, "attempts") && !told(&later, "notice of failure"), "{later:?}");
    let never = play("550 5.7.1 Not here");
    assert_eq!(never.step, Some(moment.step.number));
    assert!(told(&never, "notice of failure from mail.example.com"), "{never:?}");
}

#[test]
fn a_no_to_the_message_is_meant() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let moment = answer_to(&parent, 25, ".");
    let changes = moment.answered(&["554 5.6.0 No".to_owned()]).expect("another answer");
    let forked = fork(&scenario, &changes);
    let delivered = forked.iter().any(|record| {
        matches!(record, Record::Fact { fact: postroad::trace::Fact::Delivered { account, .. }, .. } if account == "bob@example.net")
    });
    assert!(!delivered, "a server that says no has not taken it");
}

#[test]
fn a_fork_of_a_fork_keeps_both_changes() {
    let scenario = journey();
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let ehlo = steps(&parent).into_iter().find(|s| s.verb == "EHLO").expect("there is one");
    let moment = Moment::at(&parent, ehlo.number).expect("it was run");
    let once =
        moment.with_lines(&["EHLO somebody-with-a-long-name.example".to_owned()]).expect("another line");
    let first = fork(&scenario, &once);
    let mail = steps(&first).into_iter().find(|s| s.verb == "MAIL").expect("there is one");
    let moment = Moment::at(&first, mail.number).expect("it was run");
    let twice = moment.with_lines(&["MAIL FROM:<>".to_owned()]).expect("another line");
    let second = fork(&scenario, &twice);
    assert_eq!(parting::of(&first, &second).step, Some(mail.number));
    let Some(Record::Head(Head { changes, .. })) = second.first() else { panic!("no head") };
    assert_eq!(changes.len(), 2);
    let conn = mail.conn;
    let said = String::from_utf8(stream(&second, conn, Direction::Client)).expect("text");
    assert!(
        said.contains("EHLO somebody-with-a-long-name.example\r\n") && said.contains("MAIL FROM:<>\r\n"),
        "{said}"
    );
}

#[test]
fn in_a_pipelined_batch_the_right_recipient_is_refused() {
    let mut scenario = journey();
    if let Some(world::scenario::What::Send(letter)) = scenario.acts.first_mut().map(|act| &mut act.what) {
        letter.to.push("Dave <dave@example.net>".to_owned());
    }
    let parent = world::run(&scenario, &[]).expect("a runtime");
    let to_dave =
        steps(&parent).into_iter().filter(|s| s.verb == "RCPT" && s.from == Direction::Server).find(|step| {
            let moment = Moment::at(&parent, step.number).expect("it was run");
            let relay = moment.open.as_ref().is_some_and(|open| open.server.port() == 25);
            relay && moment.recipient() == Some("dave@example.net")
        });
    let moment = Moment::at(&parent, to_dave.expect("two recipients").number).expect("it was run");
    let forked =
        fork(&scenario, &moment.answered(&["550 5.1.1 not Dave".to_owned()]).expect("another answer"));
    let refused = steps(&forked).into_iter().find(|s| s.code.starts_with("550")).expect("it is refused");
    assert_eq!(refused.number, moment.step.number, "the answer stands where it was given");
}
