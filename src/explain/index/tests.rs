//! An index tells what a plain Story tells, from wherever it is entered, whatever lies behind it.

use super::build::{Inflow, Pace, Spool};
use super::source::{Place, Store};
use super::*;
use crate::base::aside::write_at;
use crate::dissect::filter::Filter;
use crate::explain::Story;
use crate::explain::Surroundings;
use crate::trace::file::Transcript;
use crate::trace::{Data, Layer};
use std::path::Path;

/// Checkpoints near to each other, and few: so that short stories have many, and lose some.
const SHORT: Pace = Pace { rows: 7, bytes: 3000, most: 9 };

/// What a plain Story tells, and what holds after each row.
fn plain(records: &[Record]) -> (Vec<Item>, Vec<State>) {
    let (mut rows, mut states) = (Vec::new(), Vec::new());
    let Some(Record::Head(head)) = records.first() else { return (rows, states) };
    let mut story = Story::new(head);
    let mut keep = |item: Item, state: &State| {
        rows.push(item);
        states.push(state.clone());
    };
    records.iter().enumerate().for_each(|(at, record)| story.push_each(at, record, &mut keep));
    story.finish_each(&mut keep);
    (rows, states)
}

fn of_memory(records: &[Record], pace: Pace) -> StoryIndex {
    let store = Store::Memory(records.into());
    let inflow = Inflow::Stored(Box::new(store.cursor(Place::default())), None);
    StoryIndex::begin(store, inflow, 0, pace)
}

fn of_bytes(bytes: &[u8], pace: Pace) -> StoryIndex {
    let file = tempfile::tempfile().expect("a temporary file");
    write_at(&file, bytes, 0).expect("it is written");
    let store = Store::File(Arc::new(file));
    let inflow = Inflow::Stored(Box::new(store.cursor(Place::default())), Some(bytes.len() as u64));
    StoryIndex::begin(store, inflow, 0, pace)
}

fn of_spool(records: &[Record], pace: Pace) -> StoryIndex {
    let file = Arc::new(tempfile::tempfile().expect("a temporary file"));
    // The reader is moved to a thread: it owns what it gives.
    let owned: Vec<Record> = records.to_vec();
    let spool = Spool::new(Box::new(owned.into_iter()), Arc::clone(&file));
    StoryIndex::begin(Store::File(file), Inflow::Spooled(Box::new(spool)), 0, pace)
}

fn shipped() -> Vec<(String, Vec<Record>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let entries = std::fs::read_dir(folder).expect("there are recordings").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let (transcript, _) =
            Transcript::read(&std::fs::read(path).expect("it is read")[..]).expect("it is one");
        (path.display().to_string(), transcript.records)
    };
    paths.iter().map(read).collect()
}

/// Hold an index that is all read against the plain story, at every row and in random ranges.
fn hold(name: &str, mut index: StoryIndex, records: &[Record], every: usize) {
    index.wait();
    let (rows, states) = plain(records);
    assert_eq!(index.len(), rows.len(), "{name}");
    assert!(index.progress().done, "{name}");
    let mut random = fastrand::Rng::with_seed(11);
    let mut order: Vec<usize> = (0..rows.len()).step_by(every).collect();
    random.shuffle(&mut order);
    for row in order {
        assert!(index.state_after(row) == states[row], "{name}: what holds after row {row}");
        let end = (row + random.usize(..40)).min(rows.len());
        assert!(index.rows(row..end) == rows[row..end], "{name}: rows {row} to {end}");
        assert_eq!(index.kinds(row), RowKinds::of(&rows[row]), "{name}: row {row}");
        if let Item::Step(step, _) = &rows[row] {
            assert_eq!(index.row_of_step(step.number), Some(row), "{name}");
        }
    }
    assert!(index.rows(0..usize::MAX) == rows, "{name}: from the first row to the last");
    let opens = records.iter().filter(|record| matches!(record, Record::Open { .. })).count();
    assert!(index.opens().len() <= opens, "{name}");
}

#[test]
fn shipped_recordings_are_told_alike_from_memory() {
    for (name, records) in shipped() {
        hold(&name, StoryIndex::of_records(records.clone().into()), &records, 5);
        hold(&name, of_memory(&records, SHORT), &records, 2);
    }
}

#[test]
fn shipped_recordings_are_told_alike_from_a_file_and_from_a_spool() {
    for (name, records) in shipped() {
        let bytes = Transcript { records: records.clone() }.to_bytes();
        hold(&name, of_bytes(&bytes, SHORT), &records, 7);
        hold(&name, of_spool(&records, SHORT), &records, 9);
    }
}

/// The records with every stream cut anew: some chunks joined, some cut into pieces.
fn split(records: &[Record], random: &mut fastrand::Rng) -> Vec<Record> {
    let mut datagrams = std::collections::BTreeSet::new();
    let mut out = Vec::new();
    for record in records {
        match record {
            Record::Open { open, .. } if open.transport == crate::trace::Transport::Udp => {
                datagrams.insert(open.conn);
                out.push(record.clone());
            }
            Record::Data { at, data } if !datagrams.contains(&data.conn) => {
                let mut rest = &data.bytes[..];
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(random.usize(1..=rest.len()));
                    let Data { conn, from, layer, .. } = *data;
                    out.push(Record::Data { at: *at, data: Data { conn, from, layer, bytes: now.to_vec() } });
                    rest = later;
                }
            }
            _ => out.push(record.clone()),
        }
    }
    out
}

#[test]
fn streams_cut_at_random_are_told_alike() {
    let mut random = fastrand::Rng::with_seed(23);
    for (name, records) in shipped() {
        let records = split(&records, &mut random);
        hold(&name, of_memory(&records, SHORT), &records, 7);
    }
}

#[test]
fn one_large_record_is_entered_in_its_middle() {
    let (_, records) = shipped().remove(0);
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let at = head.start;
    let open = Opened {
        conn: Conn(1),
        transport: crate::trace::Transport::Tcp,
        client: "192.0.2.10:40000".parse().expect("an address"),
        server: "192.0.2.25:25".parse().expect("an address"),
    };
    let bytes = b"NOOP one\r\nRSET\r\nNOOP and another one\r\n".repeat(500);
    let from = crate::trace::Direction::Client;
    let data = Data { conn: Conn(1), from, layer: Layer::Wire, bytes };
    let records = [
        Record::Head(head.clone()),
        Record::Open { at, open },
        Record::Data { at, data },
        Record::End { at },
    ];
    let index = of_memory(&records, SHORT);
    hold("one large record", index, &records, 97);
    let mut index = of_memory(&records, SHORT);
    index.wait();
    assert!(index.checkpoints.iter().any(|checkpoint| checkpoint.place.told > 0));
}

#[test]
fn checkpoints_stay_few() {
    for (name, records) in shipped() {
        let mut index = of_memory(&records, SHORT);
        index.wait();
        assert!(index.checkpoints.len() <= SHORT.most, "{name}: {}", index.checkpoints.len());
        assert!(index.checkpoints.first().is_some_and(|first| first.rows == 0), "{name}");
        assert!(index.checkpoints.is_sorted_by_key(|checkpoint| checkpoint.rows), "{name}");
    }
}

#[test]
fn a_growing_story_is_told_as_far_as_it_has_come() {
    let mut random = fastrand::Rng::with_seed(31);
    for (name, records) in shipped() {
        let (rows, states) = plain(&records);
        let (mut index, feeder) = StoryIndex::growing();
        for record in &records {
            assert!(feeder.push(record.clone()));
            if random.u8(..20) == 0 {
                std::thread::yield_now();
                index.poll();
                let known = index.len();
                assert!(known <= rows.len() && !index.progress().done, "{name}");
                if known > 0 {
                    let row = random.usize(..known);
                    assert!(index.rows(row..known.min(row + 30)) == rows[row..known.min(row + 30)], "{name}");
                    assert!(index.state_after(row) == states[row], "{name}: row {row}");
                }
            }
        }
        drop(feeder);
        hold(&name, index, &records, 13);
    }
}

#[test]
fn a_growing_story_may_lie_in_a_file_while_it_grows() {
    let records = &shipped()[0].1;
    let (rows, states) = plain(records);
    let (mut index, feeder) = StoryIndex::growing_in(tempfile::tempfile().expect("a temporary file"));
    let mut random = fastrand::Rng::with_seed(37);
    for record in records {
        assert!(feeder.push(record.clone()));
        std::thread::yield_now();
        index.poll();
        if let Some(row) = index.len().checked_sub(1).map(|last| random.usize(..=last)) {
            assert!(index.rows(row..row + 1) == rows[row..row + 1], "row {row}");
            assert!(index.state_after(row) == states[row], "row {row}");
        }
    }
    drop(feeder);
    hold("growing in a file", index, records, 13);
}

#[test]
fn torn_and_foreign_files_are_told_as_far_as_they_go() {
    let mut random = fastrand::Rng::with_seed(47);
    let (_, records) = shipped().remove(0);
    let whole = Transcript { records }.to_bytes();
    for turn in 0..60 {
        let mut bytes = whole[..random.usize(..whole.len())].to_vec();
        if turn % 3 == 0 {
            bytes = (0..random.usize(..3000)).map(|_| random.u8(..)).collect();
        }
        for _ in 0..turn % 5 {
            if let Some(at) = (!bytes.is_empty()).then(|| random.usize(..bytes.len())) {
                bytes[at] = random.u8(..);
            }
        }
        let mut index = of_bytes(&bytes, SHORT);
        index.wait();
        match Transcript::read(&bytes[..]) {
            Ok((transcript, issues)) => {
                assert_eq!(index.troubles().len(), issues.len());
                hold("torn", of_bytes(&bytes, SHORT), &transcript.records, 17);
            }
            Err(_) => assert!(index.is_empty() && index.troubles().len() == 1, "{:?}", index.troubles()),
        }
    }
    let mut empty = StoryIndex::of_records(Arc::new([]));
    assert!(empty.is_empty() && empty.rows(0..9).is_empty() && empty.state_after(3) == State::default());
}

/// The rows that a filter lets pass, asked of the plain story.
fn asked(records: &[Record], filter: &Filter) -> Vec<usize> {
    let mut around = Surroundings::default();
    for record in records {
        match record {
            Record::Head(head) => around.learn_head(head),
            Record::Open { open, .. } => around.learn_open(open),
            _ => {}
        }
    }
    let (rows, _) = plain(records);
    let mut passes = |item: &Item| {
        around.enter(item);
        around.let_pass(filter, item)
    };
    rows.iter().enumerate().filter_map(|(row, item)| passes(item).then_some(row)).collect()
}

#[test]
fn searching_finds_what_asking_each_row_finds() {
    for (name, records) in shipped() {
        let mut index = of_memory(&records, SHORT);
        index.wait();
        for text in [
            "smtp and code 2xx",
            "chapter 2",
            "fact",
            "host mail.example.com",
            "step 10..40",
            "text \"HELLO\"",
        ] {
            let filter = Filter::parse(text).expect("a filter");
            let want = asked(&records, &filter);
            let from = index.len() / 3;
            let mut hits = index.find(Query::Filter(filter.clone()), from, false);
            let ahead: Vec<usize> = std::iter::from_fn(|| hits.wait()).collect();
            assert_eq!(
                ahead,
                want.iter().copied().filter(|row| *row > from).collect::<Vec<_>>(),
                "{name}: {text}"
            );
            let mut hits = index.find(Query::Filter(filter.clone()), from, true);
            let back: Vec<usize> = std::iter::from_fn(|| hits.wait()).collect();
            let before: Vec<usize> = want.iter().copied().filter(|row| *row < from).rev().collect();
            assert_eq!(back, before, "{name}: {text}");
            let told = filter.clone();
            let mut hits = index.ask(
                move |row, item, around| {
                    if around.let_pass(&told, item) { vec![row] } else { Vec::new() }
                },
            );
            let all: Vec<usize> = std::iter::from_fn(|| hits.wait()).collect();
            assert_eq!(all, want, "{name}: {text}");
            let mut view = index.matching(Query::Filter(filter));
            while !view.is_done() {
                view.poll(&index);
                std::thread::yield_now();
            }
            let rows: Vec<usize> = (0..view.len()).filter_map(|at| view.row(at)).collect();
            assert_eq!(rows, want, "{name}: {text}");
            assert!((0..index.len()).all(|row| view.holds(row) == want.contains(&row)), "{name}: {text}");
        }
    }
}

#[test]
fn words_are_found_in_any_case_and_secrets_are_not() {
    let (_, records) = shipped().into_iter().find(|(name, _)| name.contains("journey")).expect("a journey");
    let mut index = of_memory(&records, SHORT);
    index.wait();
    let find = |words: &str| index.find(Query::Text(words.to_owned()), 0, false).wait();
    let row = find("eHLo ").expect("a client says EHLO");
    assert!(find("no such words stand here").is_none());
    assert!(
        matches!(&index.rows(row..row + 1)[..], [Item::Step(step, _)] if step.bytes.starts_with(b"EHLO"))
    );
}
