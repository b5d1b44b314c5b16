//! Captures that were damaged on purpose: bytes flipped, cut off, stretches doubled. Each gives a result or a clear
//! error, never a panic, and never more than it holds.

#![allow(clippy::print_stderr, reason = "seeds and counts are printed")]

use postroad::explain::Story;
use postroad::import::{self, pcap};
use postroad::trace::Record;
use postroad::view::pcapng;
use std::io::Cursor;
use std::path::Path;

/// Captures larger than this are left to the other tests: what a mutation can break does not hang on size.
const LARGEST: usize = 100 << 10;

/// One way of damaging bytes.
fn damage(bytes: &[u8], kind: u64, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if out.len() < 32 {
        return out;
    }
    match kind % 4 {
        0 => {
            for _ in 0..random.usize(1..20) {
                let at = random.usize(..out.len());
                out[at] = random.u8(..);
            }
        }
        1 => out.truncate(random.usize(1..out.len())),
        2 => {
            let start = random.usize(..out.len() - 16);
            let end = random.usize(start + 1..=out.len().min(start + 2000));
            let chunk = out[start..end].to_vec();
            let to = random.usize(..out.len());
            out.splice(to..to, chunk);
        }
        _ => {
            let start = random.usize(..out.len() - 16);
            let end = random.usize(start + 1..=out.len().min(start + 2000));
            out.drain(start..end);
        }
    }
    out
}

/// Import it and tell it all. What was wrong with it, if it could not be read at all.
fn tell(bytes: &[u8], limits: pcap::Limits, what: &str) -> Option<String> {
    let importer = match pcap::Importer::with_limits(Cursor::new(bytes.to_vec()), limits) {
        Ok(importer) => importer,
        Err(error) => return Some(error.to_string()),
    };
    let mut story: Option<Story> = None;
    let (mut size, mut steps, mut ended) = (0, 0, false);
    for (index, record) in importer.enumerate() {
        match &record {
            Record::Head(head) => story = Some(Story::new(head)),
            Record::Data { data, .. } => size += data.bytes.len(),
            Record::End { .. } => ended = true,
            _ => {}
        }
        if let Some(story) = &mut story {
            steps += story.push(index, &record).len();
        }
    }
    steps += story.map_or(0, |mut story| story.finish().len());
    assert!(ended, "{what}: the records have an end");
    assert!(size <= bytes.len(), "{what}: {size} octets out of {}", bytes.len());
    assert!(steps <= 50 * bytes.len() + 100, "{what}: {steps} items");
    None
}

fn small() -> pcap::Limits {
    pcap::Limits { connections: 3, exchanges: 2, waiting: 300, waiting_in_all: 500, fragments: 200 }
}

/// Damage one capture in each way.
fn damage_all(name: &str, bytes: &[u8], seeds: std::ops::Range<u64>) -> usize {
    let mut refused = 0;
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes = damage(bytes, seed, &mut random);
        let limits = if random.bool() { small() } else { pcap::Limits::default() };
        let what = format!("{name}, seed {seed}");
        if let Some(error) = tell(&bytes, limits, &what) {
            assert!(error.len() > 20, "{what}: {error}");
            refused += 1;
        }
    }
    refused
}

/// Captures that need no corpus: the recordings that come with the program, as captures.
fn own() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let names = ["journey.jsonl", "imap-idle.jsonl", "pipelining.jsonl", "greylist.jsonl"];
    let write = |name: &str| {
        let records: Vec<Record> = import::open_path(&folder.join(name)).expect("a recording").collect();
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        let mut out = Vec::new();
        let options = pcapng::Options { show_secrets: true, detail: false, keep: &|_| true };
        pcapng::write(&mut out, head, &records, &options).expect("memory");
        (name.to_owned(), out)
    };
    names.into_iter().map(write).collect()
}

#[test]
fn damaged_captures_of_our_own_give_a_result_or_an_error() {
    let seeds = 0..24;
    eprintln!("mutated: seeds {seeds:?} of each");
    for (name, bytes) in own() {
        assert_eq!(tell(&bytes, pcap::Limits::default(), &name), None);
        assert_eq!(tell(&bytes, small(), &name), None);
        let refused = damage_all(&name, &bytes, seeds.clone());
        eprintln!("mutated: {name}: {refused} refused");
    }
}

#[test]
fn damaged_captures_of_others_give_a_result_or_an_error() {
    let name = "damaged_captures_of_others_give_a_result_or_an_error";
    let corpus = std::env::var_os("POSTROAD_CORPUS").map(std::path::PathBuf::from);
    let Some(corpus) = corpus.filter(|folder| folder.join("pcap").is_dir()) else {
        let required = std::env::var("POSTROAD_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "{name}: POSTROAD_CORPUS names no folder with captures");
        eprintln!("{name}: skipped, for POSTROAD_CORPUS names no folder with captures");
        return;
    };
    let owners = std::fs::read_dir(corpus.join("pcap")).expect("the corpus has captures").flatten();
    let mut paths: Vec<_> =
        owners.flat_map(|owner| std::fs::read_dir(owner.path()).into_iter().flatten()).flatten().collect();
    paths.sort_by_key(std::fs::DirEntry::path);
    let (mut captures, mut refused) = (0, 0);
    let seeds = 0..4;
    for entry in paths {
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        if pcap::sniff(&bytes).is_none() || bytes.len() > LARGEST {
            continue;
        }
        captures += 1;
        refused += damage_all(&entry.path().display().to_string(), &bytes, seeds.clone());
    }
    eprintln!("mutated: {captures} captures, seeds {seeds:?} of each: {refused} refused");
    assert!(captures > 100, "the corpus has more captures than {captures}");
}
