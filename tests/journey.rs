//! Whole journeys: every shipped scenario runs to its end, is the same every time, is explained to the last line,
//! and what the transcript says of the stores is what the stores hold.

#![allow(clippy::print_stderr, reason = "a count that people want to see")]

mod support;

use postroad::dissect::{Dissector, Step};
use postroad::explain::Item;
use postroad::explain::story::Story;
use postroad::state::State;
use postroad::trace::file::Transcript;
use postroad::trace::{Fact, Record};
use postroad::world::roles::mua::disk::KeptRow;
use postroad::world::run;
use postroad::world::scenario::Scenario;
use postroad::world::snapshot::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use support::{resplit, shipped};

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> =
        records.iter().enumerate().flat_map(|(index, record)| dissector.push(index, record)).collect();
    steps.extend(dissector.finish());
    steps
}

fn facts(records: &[Record]) -> impl Iterator<Item = (&str, &Fact)> {
    records.iter().filter_map(|record| match record {
        Record::Fact { host, fact, .. } => Some((host.as_str(), fact)),
        _ => None,
    })
}

fn record(scenario: &Scenario) -> Vec<Record> {
    run(scenario, &[]).expect("a shipped scenario runs")
}

#[test]
fn one_seed_gives_one_transcript_byte_for_byte() {
    for (name, scenario) in shipped() {
        let bytes = || Transcript { records: record(&scenario) }.to_bytes();
        let first = bytes();
        for _ in 0..3 {
            assert!(bytes() == first, "{name} differs from run to run");
        }
    }
}

/// `transcripts/` holds what each shipped scenario gives. `POSTROAD_BLESS=1` writes it anew.
#[test]
fn recordings_are_what_the_scenarios_give() {
    for (name, scenario) in shipped() {
        let path = format!("{}/transcripts/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let now = Transcript { records: record(&scenario) }.to_bytes();
        if std::env::var_os("POSTROAD_BLESS").is_some() {
            std::fs::write(&path, &now).expect("transcripts/ can be written");
        }
        let golden = std::fs::read(&path).unwrap_or_default();
        if golden != now {
            let differing = golden.split(|b| *b == b'\n').zip(now.split(|b| *b == b'\n'));
            let (line, (old, new)) =
                differing.enumerate().find(|(_, (a, b))| a != b).unwrap_or((0, (&[], &[])));
            panic!(
                "{path} line {} is\n  {}\nbut the scenario gives\n  {}\n(just bless writes it anew)",
                line + 1,
                String::from_utf8_lossy(old),
                String::from_utf8_lossy(new)
            );
        }
    }
}

#[test]
fn a_saved_transcript_gives_the_same_steps_and_bytes() {
    for (name, scenario) in shipped() {
        let transcript = Transcript { records: record(&scenario) };
        let bytes = transcript.to_bytes();
        let (loaded, issues) = Transcript::read(bytes.as_slice()).expect("it loads");
        assert!(issues.is_empty(), "{name}: {issues:?}");
        assert!(steps(&loaded.records) == steps(&transcript.records), "{name}");
        assert!(loaded.to_bytes() == bytes, "{name}");
    }
}

#[test]
fn steps_do_not_depend_on_how_streams_were_split() {
    for (name, scenario) in shipped() {
        let records = record(&scenario);
        let whole = without_indices(steps(&records));
        for seed in 0..8 {
            let split = without_indices(steps(&resplit(&records, seed)));
            assert!(split == whole, "{name}, split by seed {seed}");
        }
    }
}

/// Records are more after splitting, so their numbers differ; nothing else may.
fn without_indices(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().map(|step| Step { record: 0, ..step }).collect()
}

#[test]
fn every_step_of_every_journey_has_a_note_of_its_own() {
    let mut ids = BTreeSet::new();
    let mut generic = BTreeSet::new();
    for (name, scenario) in shipped() {
        for item in items(&record(&scenario)) {
            if let Item::Step(step, note) = item {
                if note.is_generic() {
                    let text = String::from_utf8_lossy(&step.bytes).into_owned();
                    generic
                        .insert(format!("{name} step {}: {} {} {text:?}", step.number, step.verb, step.code));
                }
                assert!(!note.source.is_empty(), "{} has no source", note.id);
                ids.insert(note.id);
            }
        }
    }
    assert!(generic.is_empty(), "only generic notes for {generic:#?}");
    eprintln!("{} distinct notes in the shipped journeys", ids.len());
    assert!(ids.len() >= 60, "{ids:?}");
}

fn items(records: &[Record]) -> Vec<Item> {
    let Some(Record::Head(head)) = records.first() else { panic!("a transcript begins with its head") };
    let mut story = Story::new(head);
    let mut items: Vec<Item> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        items.extend(story.push(index, record));
    }
    items.extend(story.finish());
    items
}

/// After every record, the State folded from Steps and Facts is what the world's own stores hold.
#[test]
fn state_is_what_the_stores_hold_after_every_record() {
    for (name, scenario) in shipped() {
        let (records, snapshots) = support::observed(&scenario);
        let mut dissector = Dissector::new();
        let mut state = State::default();
        let mut compared = 0;
        for (index, record) in records.iter().enumerate() {
            dissector.push(index, record).iter().for_each(|step| state.apply_step(step));
            if let Record::Fact { at, host, fact } = record {
                state.apply_fact(*at, host, fact);
            }
            if let Some(Some(snapshot)) = snapshots.get(index) {
                assert_eq!(&of_state(&state), snapshot, "{name}, after record {index}: {record:?}");
                compared += 1;
            }
        }
        assert!(compared > records.len() / 2, "{name}: only {compared} of {} compared", records.len());
    }
}

fn of_state(state: &State) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (account, mailboxes) in &state.mailboxes {
        let rows = mailboxes.iter().map(|(name, mailbox)| {
            let row = |(uid, m): (&u32, &postroad::state::Message)| (*uid, m.flags.clone(), m.size);
            (name.clone(), mailbox.messages.iter().map(row).collect())
        });
        snapshot.mailboxes.insert(account.clone(), rows.collect());
    }
    for (host, queue) in state.queues.iter().filter(|(_, queue)| !queue.is_empty()) {
        let entry = |(id, entry): (&String, &std::sync::Arc<postroad::state::QueueEntry>)| {
            (id.clone(), entry.waiting.iter().map(|w| w.recipient.clone()).collect())
        };
        snapshot.queues.insert(host.clone(), queue.iter().map(entry).collect());
    }
    for (device, accounts) in state.clients.iter().filter(|(_, accounts)| !accounts.is_empty()) {
        let kept = accounts.iter().map(|(account, copies)| {
            let row = |c: &postroad::state::Copy| KeptRow {
                size: c.size,
                part: c.part.clone(),
                folder: c.folder.clone(),
                flags: c.flags.clone(),
            };
            let rows: BTreeMap<String, KeptRow> = copies.iter().map(|(k, c)| (k.clone(), row(c))).collect();
            (account.clone(), rows)
        });
        snapshot.kept.insert(device.clone(), kept.collect());
    }
    snapshot
}

/// Where each preset's message ends: what the story is about.
#[test]
fn each_preset_ends_as_its_story_says() {
    let ends = |name: &str| {
        let scenario = Scenario::builtin(name).expect("a built-in scenario");
        let records = record(&scenario);
        let delivered: Vec<String> = facts(&records)
            .filter_map(|(_, fact)| match fact {
                Fact::Delivered { account, .. } => Some(account.clone()),
                _ => None,
            })
            .collect();
        let failed: Vec<String> = facts(&records)
            .filter_map(|(_, fact)| match fact {
                Fact::Failed { status, .. } => Some(status.clone()),
                _ => None,
            })
            .collect();
        (delivered, failed)
    };
    let bob = || (vec!["bob@example.net".to_owned()], Vec::<String>::new());
    let bounce = |status: &str| (vec!["alice@example.com".to_owned()], vec![status.to_owned()]);
    for name in ["journey", "mx1-down", "no-mx", "greylist", "dns-timeout"] {
        assert_eq!(ends(name), bob(), "{name}");
    }
    for (name, status) in
        [("null-mx", "5.1.10"), ("nxdomain", "5.1.2"), ("unknown-user", "5.1.1"), ("mailbox-full", "5.2.2")]
    {
        assert_eq!(ends(name), bounce(status), "{name}");
    }
}
