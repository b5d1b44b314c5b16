//! Out and in again: a story that went through a capture is the same story.

use super::*;
use postroad::dissect::{Dissector, Kind, Protocol, Step};
use postroad::import::pcap::Importer;
use postroad::trace::{Gap, Missing};

fn imported(file: Vec<u8>) -> Vec<Record> {
    Importer::new(std::io::Cursor::new(file)).expect("it is a capture").collect()
}

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    steps.extend(dissector.finish());
    steps
}

/// What a Step says, where, when: everything but numbers that only order gives.
fn said(steps: &[Step]) -> Vec<String> {
    let mut out: Vec<String> = steps
        .iter()
        // A resolver that hears nothing gives up, and no packet says so.
        .filter(|s| s.protocol != Protocol::Tcp || s.kind != Kind::Close)
        .map(|s| {
            let text = postroad::base::escape::line(&s.bytes);
            let (at, place) = (s.at.as_micros(), &s.range);
            format!(
                "{at} {:?} {:?} {:?} {:?} {} {} {place:?} {text}",
                s.from, s.layer, s.protocol, s.kind, s.verb, s.code
            )
        })
        .collect();
    out.sort();
    out
}

#[test]
fn a_capture_comes_back_as_the_same_steps() {
    for (name, records) in shipped() {
        let back = imported(to_pcapng(&records, true, false));
        // A capture has what crossed the wire; what was said inside TLS only the ends know.
        let crossed: Vec<Step> = steps(&records).into_iter().filter(|s| s.layer == Layer::Wire).collect();
        let (ours, theirs) = (said(&crossed), said(&steps(&back)));
        for (one, other) in ours.iter().zip(&theirs) {
            assert_eq!(one, other, "{name}");
        }
        assert_eq!(ours.len(), theirs.len(), "{name}");
    }
}

/// Every byte that crossed a wire is in the capture that is written while the story goes on, once.
#[test]
fn a_capture_that_is_written_as_it_goes_holds_every_byte() {
    for (name, records) in shipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("live.pcapng");
        let file = std::fs::File::create(&path).expect("it can be made");
        let mut live = pcapng::Live::new(file, head(&records), false).expect("the file takes it");
        records.iter().for_each(|record| live.push(record).expect("the file takes it"));
        live.finish().expect("the file takes it");
        let crossed = |records: &[Record]| -> usize {
            let bytes = |r: &Record| match r {
                Record::Data { data, .. } if data.layer == Layer::Wire => data.bytes.len(),
                _ => 0,
            };
            records.iter().map(bytes).sum()
        };
        let mut back = postroad::import::open_path(&path).expect("it is a capture");
        let read: Vec<Record> = back.by_ref().collect();
        assert_eq!(crossed(&read), crossed(&records), "{name}");
        assert!(back.troubles().is_empty(), "{name}: {:?}", back.troubles());
    }
}

#[test]
fn names_and_ends_come_back_too() {
    for (name, records) in shipped() {
        let back = imported(to_pcapng(&records, false, false));
        let names = |records: &[Record]| {
            let hosts =
                head(records).hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, h.name.clone())));
            hosts.collect::<std::collections::BTreeMap<_, _>>()
        };
        let (all, named) = (names(&records), names(&back));
        assert!(!named.is_empty() && named.iter().all(|(a, n)| all.get(a) == Some(n)), "{name}: {named:?}");
        let ends = |records: &[Record]| {
            let mut ends: Vec<_> = records
                .iter()
                .filter_map(|r| match r {
                    Record::Close { from, how, .. } if *how != CloseHow::Timeout => {
                        Some(format!("{from:?} {how:?}"))
                    }
                    _ => None,
                })
                .collect();
            ends.sort();
            ends
        };
        assert_eq!(ends(&records), ends(&back), "{name}");
    }
}

/// What was not recorded is not there on the way back either, and what comes behind it keeps its place: a password
/// too, which is hidden where it stands.
#[test]
fn a_gap_stays_a_gap() {
    let mut tape = Tape::new("a gap");
    tape.open(1, 25).wait(60).dialogue(
        1,
        "S: 220 mail.example.com ESMTP
         C: EHLO a
         S: 250 AUTH PLAIN
         C: NOOP",
    );
    let gap = Gap {
        conn: Conn(1),
        from: Direction::Client,
        layer: Layer::Wire,
        len: Some(1000),
        why: Missing::Lost,
    };
    tape.records.push(Record::Gap { at: tape.at, gap });
    tape.dialogue(
        1,
        "C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==
         S: 235 ok
         C: QUIT
         S: 221 bye",
    );
    let records = tape.end();
    let ours = steps(&records);
    assert!(ours.iter().any(|s| s.verb == "AUTH" && !s.secrets.is_empty()), "{ours:#?}");
    let hidden = to_pcapng(&records, false, false);
    assert!(!hidden.windows(8).any(|w| w == b"Nlc2FtZQ"), "hidden behind the gap");
    let back = imported(to_pcapng(&records, true, false));
    let gaps: Vec<_> = back
        .iter()
        .filter_map(|r| if let Record::Gap { gap, .. } = r { Some(gap.len) } else { None })
        .collect();
    assert_eq!(gaps, [Some(1000)]);
    let wire = |steps: &[Step]| {
        // An importer knows of the gap when it is acknowledged: by then the other side has spoken.
        let all = steps.iter().filter(|s| !s.bytes.is_empty());
        let mut all: Vec<_> = all.map(|s| (s.from, s.range.start, s.range.end, s.bytes.clone())).collect();
        all.sort();
        all
    };
    assert_eq!(wire(&ours), wire(&steps(&back)));
}

/// A session whose beginning nobody recorded comes back without one.
#[test]
fn a_late_beginning_stays_late() {
    let mut tape = Tape::new("late");
    tape.open(1, 25);
    for from in [Direction::Client, Direction::Server] {
        let gap = Gap { conn: Conn(1), from, layer: Layer::Wire, len: None, why: Missing::Before };
        tape.records.push(Record::Gap { at: tape.at, gap });
    }
    let records =
        tape.dialogue(1, "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 ok\nC: QUIT\nS: 221 bye").end();
    let file = to_pcapng(&records, false, false);
    assert!(
        capture::packets(&file).iter().all(|p| p.tcp.is_some_and(|(_, _, flags)| flags & 2 == 0)),
        "no SYN"
    );
    let verbs = |records: &[Record]| {
        let all = steps(records);
        all.iter().filter(|s| !s.bytes.is_empty()).map(|s| (s.kind, s.verb.clone())).collect::<Vec<_>>()
    };
    assert_eq!(verbs(&records), verbs(&imported(file)));
}
