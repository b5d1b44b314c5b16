//! Two stories side by side: nothing in a row is hand-written. Lines are Steps, figures are counts of Steps, holdings
//! are what the stores held.

mod support;

use assert_cmd::Command;
use postroad::compare::{Comparison, Holdings, Pairing, Reading};
use postroad::dissect::{Traffic, Turns};
use postroad::explain::{Item, Story};
use postroad::trace::{Fact, Record};
use postroad::view::compare::{Options, Sheet, by_conversation, by_intent};
use postroad::view::page::{self, Page};
use postroad::view::wire::Amount;
use postroad::view::{Cast, Tally};
use postroad::world::run;
use std::collections::BTreeMap;

const OPTIONS: Options = Options { width: 100, colour: false, show_secrets: false, most: 1000 };

fn records(name: &str) -> Vec<Record> {
    let shipped = support::shipped();
    let scenario = shipped.iter().find(|(n, _)| *n == name).map(|(_, scenario)| scenario);
    run(scenario.expect("it is shipped"), &[]).expect("it runs")
}

fn sheet(left: &[Record], right: &[Record]) -> Sheet {
    let [left, right] = [left, right].map(|records| Reading::of(records.to_vec()));
    match Comparison::of(left, right) {
        Ok(comparison) => by_intent(&comparison, &OPTIONS),
        Err(sides) => {
            let [left, right] = *sides;
            by_conversation(&Pairing::of(left, right), &OPTIONS)
        }
    }
}

/// What the page of each Step shows, by number.
fn shown(records: &[Record]) -> BTreeMap<usize, String> {
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let (cast, mut story) = (Cast::of(records), Story::new(head));
    let choice = page::Choice { amount: Amount::All, show_secrets: false };
    let mut items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
    items.extend(story.finish());
    let pages = items.iter().filter_map(|item| match page::of(item, &cast, choice) {
        Page::Step(step) => {
            let lines =
                step.wire.lines.iter().map(|l| l.chunks.iter().map(|c| c.text.as_str()).collect::<String>());
            Some((step.number, lines.collect::<Vec<_>>().join("\n")))
        }
        _ => None,
    });
    pages.collect()
}

#[test]
fn every_line_of_a_row_is_a_step_of_its_transcript() {
    let sides = [records("journey-pop3"), records("journey-imap")];
    let sheet = sheet(&sides[0], &sides[1]);
    let mut count = 0;
    for (side, pages) in sides.iter().map(|records| shown(records)).enumerate() {
        for line in sheet.rows.iter().filter_map(|row| row.cells[side].as_ref()).flat_map(|cell| &cell.lines)
        {
            let Some(step) = line.step.filter(|_| !line.mark.is_empty()) else { continue };
            let said = line.text.split(" … ").next().unwrap_or_default().trim_end_matches('…');
            assert!(pages[&step].contains(said), "step {step} shows {:?}, the row {said:?}", pages[&step]);
            count += 1;
        }
    }
    assert!(count > 50, "{count} lines were looked at");
}

#[test]
fn what_rows_cost_adds_up_to_the_transcript() {
    for (name, scenario) in support::shipped() {
        let records = run(&scenario, &[]).expect("it runs");
        let reading = Reading::of(records.clone());
        let mut sum = reading.elsewhere;
        reading.intentions.iter().for_each(|intention| sum.add(&intention.traffic));
        let (mut counted, mut turns) = (Traffic::default(), Turns::default());
        support::steps(&records).iter().for_each(|step| counted.count(step, &mut turns));
        assert_eq!((sum, reading.total), (counted, counted), "{name}");
        assert_eq!(counted, tally(&records), "{name}");
        let streams: u64 = reading.conversations.iter().map(|c| c.traffic.steps).sum();
        assert!(streams <= counted.steps, "{name}");
    }
}

fn tally(records: &[Record]) -> Traffic {
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let (mut tally, mut story) = (Tally::default(), Story::new(head));
    for (index, record) in records.iter().enumerate() {
        story.push(index, record).iter().for_each(|item| tally.see(item, head.start));
    }
    story.finish().iter().for_each(|item| tally.see(item, head.start));
    tally.traffic
}

#[test]
fn holdings_after_a_row_are_what_the_stores_held_then() {
    for (name, scenario) in support::shipped() {
        let (records, snapshots) = support::observed(&scenario);
        let mut reading = Reading::of(records.clone());
        for (index, record) in records.iter().enumerate() {
            let Record::Fact { at, host, fact: Fact::IntentEnds { who, intent, .. } } = record else {
                continue;
            };
            let Some(Some(snapshot)) = snapshots.get(index) else { panic!("{name}: no snapshot at {index}") };
            let ended = reading
                .intentions
                .iter_mut()
                .find(|i| i.ended == Some(*at) && (&i.who, &i.intent, &i.host) == (who, intent, host));
            let after = std::mem::take(&mut ended.unwrap_or_else(|| panic!("{name}: {intent}")).after);
            assert_eq!(counts(&after), of_stores(snapshot), "{name}: after {intent}");
        }
    }
}

/// Where → (messages, octets).
type Counts = BTreeMap<String, (u64, u64)>;

fn counts(holdings: &Holdings) -> Counts {
    let server = holdings.server.iter().flat_map(|(account, mailboxes)| {
        mailboxes.iter().map(move |(name, shelf)| (format!("{account} {name}"), shelf))
    });
    let devices = holdings.devices.iter().flat_map(|(host, accounts)| {
        accounts.iter().map(move |(account, shelf)| (format!("{host} keeps for {account}"), shelf))
    });
    let all = server.chain(devices).map(|(place, shelf)| (place, (shelf.messages, shelf.octets)));
    all.filter(|(_, (messages, _))| *messages > 0).collect()
}

fn of_stores(snapshot: &postroad::world::snapshot::Snapshot) -> Counts {
    let mut out = Counts::new();
    for (account, mailboxes) in &snapshot.mailboxes {
        for (name, rows) in mailboxes {
            let octets = rows.iter().map(|(_, _, size)| *size).sum();
            out.insert(format!("{account} {name}"), (rows.len() as u64, octets));
        }
    }
    for (host, accounts) in &snapshot.kept {
        for (account, copies) in accounts {
            let octets = copies.values().map(|row| row.size).sum();
            out.insert(format!("{host} keeps for {account}"), (copies.len() as u64, octets));
        }
    }
    out.retain(|_, (messages, _)| *messages > 0);
    out
}

#[test]
fn a_story_beside_itself_has_no_difference() {
    for (name, scenario) in support::shipped() {
        let records = run(&scenario, &[]).expect("it runs");
        let twice = || Reading::of(records.clone());
        let pairing = Pairing::of(twice(), twice());
        let (all, differ) = pairing.differing();
        // On one machine nothing crosses a wire, and there is nothing to pair.
        assert_eq!(all > 0, !support::steps(&records).is_empty(), "{name}");
        assert_eq!(differ, 0, "{name}: {differ} of {all} differ");
        if let Ok(comparison) = Comparison::of(twice(), twice()) {
            assert!(
                comparison.rows.iter().all(|row| row.at[0] == row.at[1] && !row.at[0].is_empty()),
                "{name}"
            );
        }
    }
}

#[test]
fn what_differs_between_two_servers_answers_is_named() {
    let [well, refused] = ["journey", "unknown-user"].map(|name| Reading::of(records(name)));
    let sheet = by_conversation(&Pairing::of(well, refused), &OPTIONS);
    let row = sheet
        .rows
        .iter()
        .find(|row| row.key == "RCPT" && !row.differs.is_empty())
        .expect("they differ there");
    assert!(row.differs.contains(&"another answer"), "{:?}", row.differs);
    let answers = row.cells.each_ref().map(|cell| {
        cell.as_ref().and_then(|c| c.lines.last()).map(|line| line.text.clone()).unwrap_or_default()
    });
    assert!(answers[0].starts_with("250") && answers[1].starts_with("550"), "{answers:?}");
}

fn postroad(arguments: &[&str]) -> (String, String, bool) {
    let output =
        Command::cargo_bin("postroad").expect("it is built").args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.success())
}

#[test]
fn two_columns_where_there_is_room_and_one_where_there_is_not() {
    let at = |width| postroad(&["compare", "journey-pop3", "journey-imap", "--width", width]).0;
    let (wide, narrow) = (at("110"), at("80"));
    assert!(wide.contains(" │ ") && !narrow.contains(" │ "));
    for (text, width) in [(&wide, 110), (&narrow, 80)] {
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{longest:?} columns of {width}");
    }
    let words = ["What it cost", "What is left", "round trips", "bob-laptop"];
    assert!(words.iter().all(|word| wide.contains(word) && narrow.contains(word)));
    assert!(!wide.contains("ship-in-a-bottle"), "a password is shown");
}

#[test]
fn for_other_programs_and_for_a_course_page() {
    let (text, _, ok) = postroad(&["compare", "journey-pop3", "journey-imap", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert!(ok && value["rows"].as_array().is_some_and(|rows| rows.len() > 2));
    assert!(value["total"][1]["round-trips"].as_u64() > value["total"][0]["round-trips"].as_u64());
    let (page, _, ok) = postroad(&["compare", "journey-pop3", "journey-imap", "--html"]);
    assert!(ok && page.starts_with("<!doctype html>") && !page.contains("<script"));
    assert!(!page.contains("ship-in-a-bottle"), "a password is shown");
}

#[test]
fn what_cannot_be_compared_is_told() {
    let (_, told, ok) = postroad(&["compare", "journey", "no-such-thing"]);
    assert!(!ok && told.contains("no-such-thing"), "{told}");
}
