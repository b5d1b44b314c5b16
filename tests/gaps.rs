//! Recordings with holes: whatever is cut out of a recording, nobody is accused of what stood there, and what stands
//! away from the hole is read as it was.

#![allow(clippy::print_stderr, reason = "shares are printed as figures")]

mod support;

use postroad::dissect::{Kind, Step};
use postroad::import;
use postroad::trace::{Conn, Data, Direction, Gap, Layer, Missing, Record, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The recordings that come with the program, by name.
fn shipped() -> Vec<(String, Vec<Record>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the library is there")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .map(|path| {
            let records = import::open_path(&path).expect("a recording").collect();
            (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), records)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The records of each TCP connection alone.
fn conversations(records: &[Record]) -> BTreeMap<Conn, Vec<Record>> {
    let mut found: BTreeMap<Conn, Vec<Record>> = BTreeMap::new();
    for record in records {
        let conn = match record {
            Record::Open { open, .. } if open.transport == Transport::Tcp => {
                found.insert(open.conn, Vec::new());
                open.conn
            }
            Record::Data { data, .. } => data.conn,
            Record::Close { conn, .. } => *conn,
            _ => continue,
        };
        if let Some(own) = found.get_mut(&conn) {
            own.push(record.clone());
        }
    }
    found
}

/// Octets that are cut out of one side.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: Direction,
    start: u64,
    len: u64,
}

/// The records with one of them replaced by a gap of its size.
fn without(records: &[Record], at: usize, known: bool) -> Option<(Vec<Record>, Cut)> {
    let Record::Data { at: time, data } = records.get(at)? else { return None };
    if data.layer != Layer::Wire {
        return None;
    }
    let before = records[..at].iter().filter_map(|record| match record {
        Record::Data { data: Data { from, bytes, .. }, .. } if *from == data.from => Some(bytes.len() as u64),
        _ => None,
    });
    let len = data.bytes.len() as u64;
    let cut = Cut { from: data.from, start: before.sum(), len };
    let gap = Gap { conn: data.conn, from: data.from, len: known.then_some(len), why: Missing::Lost };
    let mut out = records.to_vec();
    out[at] = Record::Gap { at: *time, gap };
    Some((out, cut))
}

/// A Step's place in the whole stream, though bytes were cut out before it.
fn place(step: &Step, cut: Cut) -> (Direction, u64, u64) {
    let moved = |at: u64, from: u64| if step.from == cut.from && at >= from { at + cut.len } else { at };
    (step.from, moved(step.range.start, cut.start), moved(step.range.end, cut.start + 1))
}

/// What a hole changes: findings that are new, and Steps that are not as they were, apart from those that it touches.
fn compare(whole: &[Step], holed: &[Step], cut: Cut) -> (Vec<String>, usize, usize) {
    let known: BTreeSet<_> =
        whole.iter().flat_map(|step| step.findings.iter().map(|f| (step.from, step.range.end, f.id))).collect();
    let of_the_gap = ["gap", "after-gap"];
    let mut wrong = Vec::new();
    for step in holed {
        let (from, _, end) = place(step, cut);
        for finding in &step.findings {
            if !of_the_gap.contains(&finding.id) && !known.contains(&(from, end, finding.id)) {
                wrong.push(format!("{} in {:?}", finding.id, String::from_utf8_lossy(&step.bytes)));
            }
        }
    }
    let holed: BTreeMap<_, _> =
        holed.iter().filter(|s| !s.range.is_empty()).map(|step| (place(step, cut), step)).collect();
    let touched = |step: &&Step| {
        let end = cut.start + cut.len;
        step.from == cut.from && step.range.start < end && cut.start < step.range.end
    };
    let (mut same, mut all) = (0, 0);
    for step in whole.iter().filter(|s| !s.range.is_empty()).filter(|s| !touched(s)) {
        all += 1;
        let now = holed.get(&(step.from, step.range.start, step.range.end));
        same += usize::from(now.is_some_and(|now| {
            (now.kind, &now.verb, &now.code, &now.bytes) == (step.kind, &step.verb, &step.code, &step.bytes)
        }));
    }
    (wrong, same, all)
}

#[derive(Default)]
struct Sum {
    holes: usize,
    same: usize,
    all: usize,
    wrong: BTreeSet<String>,
}

/// Cut each record of each connection out, one at a time.
fn cut_all(records: &[Record], name: &str, sums: &mut BTreeMap<&'static str, Sum>) {
    for own in conversations(records).values() {
        let whole = support::steps(own);
        for at in 0..own.len() {
            for known in [true, false] {
                let Some((holed, cut)) = without(own, at, known) else { continue };
                let steps = support::steps(&holed);
                let protocol = whole.iter().find(|s| !s.range.is_empty()).map_or("none", |s| s.protocol.name());
                assert_eq!(steps.iter().filter(|s| s.kind == Kind::Gap).count(), 1);
                let (wrong, same, all) = compare(&whole, &steps, cut);
                let sum = sums.entry(protocol).or_default();
                sum.holes += 1;
                sum.same += same;
                sum.all += all;
                sum.wrong.extend(wrong.into_iter().map(|text| format!("{name}: {cut:?}: {text}")));
            }
        }
    }
}

fn tell(sums: &BTreeMap<&'static str, Sum>, what: &str) {
    for (protocol, sum) in sums {
        let share = 100.0 * sum.same as f64 / sum.all.max(1) as f64;
        eprintln!(
            "gaps: {protocol}: {} {what}: {share:.2} % of {} Steps beside them read as before, {} findings too many",
            sum.holes,
            sum.all,
            sum.wrong.len()
        );
    }
}

fn hold(sums: &BTreeMap<&'static str, Sum>, least: f64) {
    for (protocol, sum) in sums {
        let wrong: Vec<&str> = sum.wrong.iter().take(40).map(String::as_str).collect();
        assert!(wrong.is_empty(), "{protocol}: {} accused:\n{}", sum.wrong.len(), wrong.join("\n"));
        let share = 100.0 * sum.same as f64 / sum.all.max(1) as f64;
        assert!(share >= least, "{protocol}: {share} % of the Steps beside a hole are read as before");
    }
    assert!(["smtp", "pop3", "imap"].iter().all(|protocol| sums.contains_key(protocol)));
}

#[test]
fn a_record_cut_out_accuses_nobody() {
    let mut sums = BTreeMap::new();
    for (name, records) in shipped() {
        cut_all(&records, &name, &mut sums);
    }
    tell(&sums, "records cut out");
    hold(&sums, 97.0);
}

#[test]
fn any_octets_cut_out_accuse_nobody() {
    let mut sums = BTreeMap::new();
    let seed = 7;
    eprintln!("gaps: seed {seed}");
    for (name, records) in shipped() {
        // A large letter is cut into many records: some of these recordings are enough.
        if records.iter().map(size).sum::<usize>() < 40_000 {
            cut_all(&support::resplit(&records, seed), &name, &mut sums);
        }
    }
    tell(&sums, "stretches of octets cut out");
    hold(&sums, 90.0);
}

fn size(record: &Record) -> usize {
    if let Record::Data { data, .. } = record { data.bytes.len() } else { 0 }
}
