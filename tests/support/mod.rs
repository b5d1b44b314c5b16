//! What several tests need: transcripts split anew, and their Steps.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use postroad::dissect::{Dissector, Step};
use postroad::trace::{Conn, Fact, Record, Transport};
use postroad::world::scenario::Scenario;
use postroad::world::scenario::presets::{builtin_names, story_names};
use postroad::world::snapshot::Snapshot;
use postroad::world::{World, run_observed};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

/// The same transcript with its streams' data records split (and joined where nothing tells them apart) at
/// random. Place and time are kept; datagrams stay whole.
pub fn resplit(records: &[Record], seed: u64) -> Vec<Record> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut datagrams: BTreeSet<Conn> = BTreeSet::new();
    let mut out: Vec<Record> = Vec::new();
    for record in records {
        if let Record::Open { open, .. } = record
            && open.transport == Transport::Udp
        {
            datagrams.insert(open.conn);
        }
        match record {
            Record::Data { at, data } if !datagrams.contains(&data.conn) => {
                let mut rest = data.clone();
                if let Some(Record::Data { at: before, data }) = out.last()
                    && (*before, data.conn, data.from, data.layer) == (*at, rest.conn, rest.from, rest.layer)
                    && random.bool()
                {
                    rest.bytes.splice(0..0, data.bytes.iter().copied());
                    out.pop();
                }
                while rest.bytes.len() > 1 && random.u8(..) < 200 {
                    let longest = if random.bool() { rest.bytes.len() } else { rest.bytes.len().min(4) };
                    let later = rest.bytes.split_off(random.usize(1..=longest.min(rest.bytes.len() - 1)));
                    out.push(Record::Data { at: *at, data: std::mem::replace(&mut rest, data.clone()) });
                    rest.bytes = later;
                }
                out.push(Record::Data { at: *at, data: rest });
            }
            other => out.push(other.clone()),
        }
    }
    out
}

/// Every scenario that comes with the program, by name: the journey first, then what can go wrong with it.
pub fn shipped() -> Vec<(&'static str, Scenario)> {
    let load = |name| match Scenario::builtin(name) {
        Ok(scenario) => (name, scenario),
        Err(error) => panic!("{}", error.render(false)),
    };
    builtin_names().chain(story_names()).map(load).collect()
}

/// Run a scenario, and look at the stores after every record. At the first ones the mailboxes are being announced.
pub fn observed(scenario: &Scenario) -> (Vec<Record>, Vec<Option<Snapshot>>) {
    let world: Arc<OnceLock<Arc<World>>> = Arc::default();
    let snapshots: Arc<Mutex<Vec<Option<Snapshot>>>> = Arc::default();
    let observer = {
        let (world, snapshots) = (world.clone(), snapshots.clone());
        Box::new(move |record: &Record| {
            let early = matches!(record, Record::Fact { fact: Fact::MailboxCreated { .. }, .. });
            let snapshot = world.get().filter(|_| !early).and_then(|world| world.snapshot());
            snapshots.lock().expect("no panic elsewhere").push(snapshot);
        })
    };
    let records = run_observed(scenario, &[], Some(observer), |built| {
        let _ = world.set(built.clone());
    });
    let snapshots = std::mem::take(&mut *snapshots.lock().expect("no panic elsewhere"));
    (records.expect("a shipped scenario runs"), snapshots)
}

/// All Steps of these records.
pub fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> =
        records.iter().enumerate().flat_map(|(index, record)| dissector.push(index, record)).collect();
    steps.extend(dissector.finish());
    steps
}

/// The same Steps without the numbers of their records, which is all that splitting may change.
pub fn unplaced(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().map(|step| Step { record: 0, ..step }).collect()
}
