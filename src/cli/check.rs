//! `postroad replay FILE --check`: is a recording whole, and does its scenario still give it?
//!
//! Everything is derived again: the Steps must cover every byte, and be the same after saving and loading, and however
//! the streams were cut; every mark must find its place. A recording that came from a scenario is made anew from its
//! head (scenario, seed, changes), and compared record by record: so recordings double as golden tests.

use super::open::Source;
use super::transcripts::is_mark;
use super::{CommandError, screen};
use crate::base::escape;
use crate::dissect::{Dissector, Kind, Step};
use crate::trace::marks::{Place, Streams};
use crate::trace::{Conn, Direction, Head, Layer, Record, Transcript, Transport};
use crate::world::change::Change;
use crate::world::scenario::Scenario;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// How much of a differing record is shown, in characters.
const SHOWN: usize = 400;

/// What one check found: what holds, or why it does not.
type Finding = Result<String, String>;

/// Check a recording, and say what was found.
///
/// # Errors
/// Where something does not hold.
pub fn run(source: &Source) -> Result<(), CommandError> {
    let (transcript, issues) = source.load()?;
    let steps = steps(&transcript.records);
    let findings = [
        read(&issues),
        covered(&transcript.records, &steps),
        saved(&transcript, &steps),
        cut(&transcript.records, &steps),
        placed(&transcript.records),
        rerun(&transcript),
    ];
    let mut out = screen::out();
    writeln!(out, "{}: {} records, {} steps", source.name(), transcript.records.len(), steps.len())?;
    for finding in &findings {
        match finding {
            Ok(holds) => writeln!(out, "  ✓ {holds}")?,
            Err(not) => writeln!(out, "  ✗ {not}")?,
        }
    }
    out.flush()?;
    match findings.iter().filter(|finding| finding.is_err()).count() {
        0 => Ok(()),
        1 => Err(CommandError::failure(format!("{} is not as it should be", source.name()), "")),
        n => Err(CommandError::failure(format!("{} is not as it should be in {n} ways", source.name()), "")),
    }
}

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    steps.extend(dissector.finish());
    steps
}

fn read(issues: &[String]) -> Finding {
    match issues {
        [] => Ok("every line of the file is read and understood".to_owned()),
        [one] => Err(one.clone()),
        [first, rest @ ..] => Err(format!("{first}; and {} more like it", rest.len())),
    }
}

/// Every byte of every stream is in one Step, and in one only.
fn covered(records: &[Record], steps: &[Step]) -> Finding {
    let mut sent: BTreeMap<(Conn, Direction, Layer), u64> = BTreeMap::new();
    for record in records {
        if let Record::Data { data, .. } = record {
            *sent.entry((data.conn, data.from, data.layer)).or_default() += data.bytes.len() as u64;
        }
    }
    let total: u64 = sent.values().sum();
    let mut told: BTreeMap<(Conn, Direction, Layer), u64> = BTreeMap::new();
    for step in steps.iter().filter(|s| !matches!(s.kind, Kind::Open | Kind::Close)) {
        let end = told.entry((step.conn, step.from, step.layer)).or_default();
        if step.range.start != *end {
            let what = format!("begins at byte {} of its side, behind byte {end}", step.range.start);
            return Err(format!("step {} on connection {} {what}", step.number, step.conn));
        }
        *end = step.range.end;
    }
    for (side, bytes) in sent {
        let told = told.get(&side).copied().unwrap_or_default();
        if told != bytes {
            let (conn, from) = (side.0, if side.1 == Direction::Client { "client" } else { "server" });
            return Err(format!("of {bytes} bytes from the {from} on connection {conn}, steps tell {told}"));
        }
    }
    Ok(format!("each of its {total} bytes is in one step"))
}

fn saved(transcript: &Transcript, before: &[Step]) -> Finding {
    let bytes = transcript.to_bytes();
    match Transcript::read(bytes.as_slice()) {
        Ok((again, _)) if again.records == transcript.records && steps(&again.records) == before => {
            Ok("saved and loaded again, it gives the same steps".to_owned())
        }
        Ok((again, _)) => {
            let at = transcript.records.iter().zip(&again.records).position(|(a, b)| a != b);
            let at = at.unwrap_or_else(|| transcript.records.len().min(again.records.len()));
            Err(format!("saved and loaded again, record {} is not what it was", at + 1))
        }
        Err(error) => Err(format!("saved, it does not load again: {error}")),
    }
}

/// The Steps are the same when every stream comes byte by byte.
fn cut(records: &[Record], before: &[Step]) -> Finding {
    let mut datagrams: BTreeSet<Conn> = BTreeSet::new();
    let mut pieces = Vec::new();
    for record in records {
        match record {
            Record::Open { open, .. } if open.transport == Transport::Udp => {
                datagrams.insert(open.conn);
                pieces.push(record.clone());
            }
            Record::Data { at, data } if !datagrams.contains(&data.conn) => {
                // Large blocks in pieces, small ones byte by byte: the whole takes time in proportion.
                let size = (data.bytes.len() / 256).max(1);
                pieces.extend(data.bytes.chunks(size).map(|bytes| {
                    let data = crate::trace::Data { bytes: bytes.to_vec(), ..data.clone() };
                    Record::Data { at: *at, data }
                }));
            }
            record => pieces.push(record.clone()),
        }
    }
    let again = steps(&pieces);
    let same = |(a, b): (&Step, &Step)| Step { record: 0, ..a.clone() } == Step { record: 0, ..b.clone() };
    match before.iter().zip(&again).position(|pair| !same(pair)) {
        None if before.len() == again.len() => {
            Ok("the steps are the same, however the streams are cut".to_owned())
        }
        at => {
            let at = at.unwrap_or_else(|| before.len().min(again.len())) + 1;
            Err(format!("cut into small pieces, the streams give another step {at}"))
        }
    }
}

fn placed(records: &[Record]) -> Finding {
    let streams = Streams::of(records);
    let mut marks = 0;
    for record in records {
        if let Record::Mark(mark) = record {
            marks += 1;
            if streams.place(mark) == Place::Elsewhere {
                let text: String = escape::text(&mark.text).chars().take(60).collect();
                return Err(format!(
                    "the place of the {} “{text}” is not in this recording",
                    escape::text(&mark.kind)
                ));
            }
        }
    }
    match marks {
        0 => Ok("nobody has added marks".to_owned()),
        n => Ok(format!("each of the {n} marks finds its place")),
    }
}

/// The scenario of the head, run again, gives the same records.
fn rerun(transcript: &Transcript) -> Finding {
    if transcript.head().is_some_and(Head::is_live) {
        let why = "real programs spoke in real time, so it cannot be run again, and nothing is";
        return Ok(format!("it was recorded live, in a lab: {why}"));
    }
    let Some(head) = transcript.head().filter(|head| !head.scenario.is_empty()) else {
        return Ok("it came from no scenario, so nothing is run again".to_owned());
    };
    let scenario = Scenario::from_toml(&head.scenario, "the scenario in the head");
    let mut scenario =
        scenario.map_err(|error| format!("its scenario does not load:\n{}", error.render(false)))?;
    scenario.seed = head.seed;
    let mut changes: Vec<Change> = Vec::new();
    for (i, change) in head.changes.iter().enumerate() {
        let read = serde_json::from_value(change.clone());
        changes.push(read.map_err(|error| {
            format!("change {} of its head is not understood: {}", i + 1, escape::text(&error.to_string()))
        })?);
    }
    let got = crate::world::run(&scenario, &changes).map_err(|error| error.to_string())?;
    let recorded: Vec<(usize, &Record)> =
        transcript.records.iter().enumerate().filter(|(_, record)| !is_mark(record)).collect();
    match difference(&recorded, &got) {
        None => Ok(format!(
            "its scenario, run again with seed {}, gives the same {} records",
            head.seed,
            got.len()
        )),
        Some(why) => {
            Err(format!("its scenario, run again with seed {}, gives something else {why}", head.seed))
        }
    }
}

/// The first record that differs: its number, what was expected (recorded) and what was got.
fn difference(recorded: &[(usize, &Record)], got: &[Record]) -> Option<String> {
    let at = recorded.iter().zip(got).position(|((_, a), b)| !same(a, b));
    let at = at.or_else(|| (recorded.len() != got.len()).then(|| recorded.len().min(got.len())))?;
    let start = got.first().and_then(Record::at).unwrap_or_default();
    let shown = |record: Option<&Record>| match record {
        None => "nothing: it ends here".to_owned(),
        Some(record) => {
            let line = crate::trace::file::line_of(record, start);
            let text = escape::line(line.trim_ascii_end());
            let cut: String = text.chars().take(SHOWN).collect();
            if cut.len() < text.len() { format!("{cut}…") } else { cut }
        }
    };
    let expected = recorded.get(at).map(|(_, record)| *record);
    let number = recorded.get(at).map_or_else(|| recorded.last().map_or(0, |(i, _)| i + 1), |(i, _)| *i) + 1;
    Some(format!(
        "at record {number}:\n      expected: {}\n      got:      {}",
        shown(expected),
        shown(got.get(at))
    ))
}

/// Heads differ in who wrote them: that is the version of the program, and no difference of the story.
fn same(recorded: &Record, got: &Record) -> bool {
    match (recorded, got) {
        (Record::Head(a), Record::Head(b)) => {
            let generator = String::new();
            Head { generator: generator.clone(), ..a.clone() } == Head { generator, ..b.clone() }
        }
        (a, b) => a == b,
    }
}
