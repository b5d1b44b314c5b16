//! The filter language on every recording of the library: what it lets pass, and what it keeps back, is everything.

use postroad::dissect::filter::{Context, Filter, Subject};
use postroad::dissect::{Dissector, Step};
use postroad::trace::{Record, Transcript};
use proptest::prelude::*;
use std::sync::OnceLock;

fn library() -> &'static [(String, Vec<Step>)] {
    static LIBRARY: OnceLock<Vec<(String, Vec<Step>)>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts");
        let files = std::fs::read_dir(folder).expect("the library is there").flatten();
        let mut all: Vec<(String, Vec<Step>)> = files
            .map(|file| {
                let bytes = std::fs::read(file.path()).expect("it can be read");
                let (transcript, issues) = Transcript::read(bytes.as_slice()).expect("it is a transcript");
                assert!(issues.is_empty(), "{issues:?}");
                (file.file_name().to_string_lossy().into_owned(), steps(&transcript.records))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(all.len() >= 20);
        all
    })
}

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    steps.extend(dissector.finish());
    steps
}

/// The numbers of the steps that a filter lets pass.
fn passes(filter: &str, steps: &[Step]) -> Vec<usize> {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let passing = |step: &&Step| filter.matches(&Context::of(Subject::Step(step)));
    steps.iter().filter(passing).map(|step| step.number).collect()
}

#[test]
fn every_protocol_term_finds_its_own_steps() {
    for (name, steps) in library() {
        let all: usize = ["smtp", "pop3", "imap", "dns"].iter().map(|term| passes(term, steps).len()).sum();
        let others = passes("not (smtp or pop3 or imap or dns)", steps);
        assert_eq!(all + others.len(), steps.len(), "{name}");
        let refused = passes("code 4xx or code 5xx or code -ERR or code NO or code BAD", steps);
        let negative = steps.iter().filter(|s| {
            use postroad::dissect::Verdict::{Negative, Transient};
            s.protocol != postroad::dissect::Protocol::Dns && matches!(s.verdict, Some(Transient | Negative))
        });
        assert_eq!(refused, negative.map(|s| s.number).collect::<Vec<_>>(), "{name}");
    }
}

fn term() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "smtp",
        "pop3",
        "imap",
        "dns",
        "tls",
        "finding",
        "fact",
        "undelivered",
        "conn 4",
        "step 10..40",
        "verb RCPT",
        "verb FETCH",
        "code 2xx",
        "code 5xx",
        "code 2.1.x",
        "code OK",
        "from client",
        "from server",
        "text example",
        "text \"250 \"",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn and_or_and_not_are_those_of_sets(a in term(), b in term(), which in 0usize..20) {
        let (_, steps) = &library()[which];
        let (in_a, in_b) = (passes(a, steps), passes(b, steps));
        let both: Vec<usize> = in_a.iter().copied().filter(|n| in_b.contains(n)).collect();
        prop_assert_eq!(&passes(&format!("{a} {b}"), steps), &both);
        prop_assert_eq!(&passes(&format!("{a} and {b}"), steps), &both);
        let either = passes(&format!("{a} or {b}"), steps).len();
        prop_assert_eq!(either, in_a.len() + in_b.len() - both.len());
        prop_assert_eq!(passes(&format!("not {a}"), steps).len(), steps.len() - in_a.len());
        let neither = passes(&format!("not ({a} or {b})"), steps);
        prop_assert_eq!(neither, passes(&format!("not {a} not {b}"), steps));
    }
}
