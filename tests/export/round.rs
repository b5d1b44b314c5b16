//! Out and in again: a story that went through a capture is the same story.

use super::*;
use postroad::dissect::{Dissector, Kind, Protocol, Step};
use postroad::import::pcap::Importer;

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
        let (ours, theirs) = (said(&steps(&records)), said(&steps(&back)));
        for (one, other) in ours.iter().zip(&theirs) {
            assert_eq!(one, other, "{name}");
        }
        assert_eq!(ours.len(), theirs.len(), "{name}");
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
