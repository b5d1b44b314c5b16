//! How long a journey takes, in process: to run it, and to dissect and explain what it recorded.
//!
//! `cargo bench --bench journey`. Figures and how to read them: `benches/README.md`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use postroad::dissect::Dissector;
use postroad::explain::Item;
use postroad::explain::story::Story;
use postroad::trace::Record;
use postroad::trace::file::Transcript;
use postroad::world::run;
use postroad::world::scenario::Scenario;

fn main() {
    divan::main();
}

fn journey() -> Scenario {
    Scenario::builtin("journey").expect("the default journey loads")
}

fn recorded() -> Vec<Record> {
    run(&journey(), &[]).expect("the default journey runs")
}

fn items(records: &[Record]) -> Vec<Item> {
    let Some(Record::Head(head)) = records.first() else { panic!("a transcript begins with its head") };
    let mut story = Story::new(head);
    let mut items: Vec<Item> =
        records.iter().enumerate().flat_map(|(index, record)| story.push(index, record)).collect();
    items.extend(story.finish());
    items
}

fn steps(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Step(..))).count()
}

fn wire_bytes(records: &[Record]) -> usize {
    let of = |record: &Record| if let Record::Data { data, .. } = record { data.bytes.len() } else { 0 };
    records.iter().map(of).sum()
}

/// Load the scenario, build the world, run it to its end.
#[divan::bench]
fn run_the_journey(bencher: Bencher) {
    bencher.bench(recorded);
}

/// From records to Steps with Notes, State folded beside.
#[divan::bench]
fn dissect_and_explain(bencher: Bencher) {
    let records = recorded();
    let (bytes, steps) = (wire_bytes(&records), steps(&items(&records)));
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(steps)).bench(|| items(&records));
}

/// From records to Steps alone.
#[divan::bench]
fn dissect(bencher: Bencher) {
    let records = recorded();
    let (bytes, steps) = (wire_bytes(&records), steps(&items(&records)));
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(steps)).bench(|| {
        let mut dissector = Dissector::new();
        let steps = records.iter().enumerate().map(|(index, record)| dissector.push(index, record).len());
        steps.sum::<usize>() + dissector.finish().len()
    });
}

/// The same where the bytes are mostly a large attachment.
#[divan::bench]
fn dissect_and_explain_large_message(bencher: Bencher) {
    let records = run(&with_attachment(1_000_000), &[]).expect("it runs");
    let (bytes, steps) = (wire_bytes(&records), steps(&items(&records)));
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(steps)).bench(|| items(&records));
}

/// A transcript to bytes and back.
#[divan::bench]
fn save_and_load(bencher: Bencher) {
    let transcript = Transcript { records: recorded() };
    let bytes = transcript.to_bytes();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench(|| Transcript::read(transcript.to_bytes().as_slice()).expect("it loads"));
}

fn with_attachment(octets: usize) -> Scenario {
    use postroad::world::scenario::{Attachment, What};
    let mut scenario = journey();
    for act in &mut scenario.acts {
        if let What::Send(letter) = &mut act.what {
            letter.attachments.push(Attachment {
                name: "large.bin".to_owned(),
                media_type: "application/octet-stream".to_owned(),
                base64: "QUFB".repeat(octets / 3),
                octets: 0,
            });
        }
    }
    scenario
}
