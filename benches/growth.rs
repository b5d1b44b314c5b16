//! Cost per message as the number of messages grows: it must stay linear. Peak memory stands beside it.
//!
//! `cargo bench --bench growth`. One process per size (the bench runs itself), so that each peak is its own. It also
//! runs the default journey a hundred times and says whether all transcripts were byte-identical.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use postroad::explain::Item;
use postroad::explain::story::Story;
use postroad::trace::Record;
use postroad::trace::file::Transcript;
use postroad::world::run;
use postroad::world::scenario::{Scenario, What};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--messages") {
        let messages = arguments.get(at + 1).and_then(|n| n.parse().ok()).expect("--messages NUMBER");
        return measure(messages);
    }
    identical_runs(100);
    println!(
        "{:>9} {:>9} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "messages", "steps", "run", "run/message", "explain", "expl./step", "peak MiB"
    );
    for messages in [10, 100, 1_000, 10_000] {
        let this = std::env::current_exe().expect("this program has a path");
        let status = std::process::Command::new(this).args(["--messages", &messages.to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "the run with {messages} messages failed");
    }
}

fn identical_runs(count: usize) {
    let bytes = || {
        let records = run(&scenario(1), &[]).expect("it runs");
        Transcript { records }.to_bytes()
    };
    let first = bytes();
    let same = (1..count).filter(|_| bytes() == first).count() + 1;
    println!("{same} of {count} runs gave the same {} bytes of transcript", first.len());
    assert_eq!(same, count);
}

/// Alice writes `messages` letters, one after the other; Bob fetches all by POP3 at the end.
fn scenario(messages: usize) -> Scenario {
    let mut scenario = Scenario::builtin("journey").expect("the default journey loads");
    let send = scenario.acts.iter().find(|a| matches!(a.what, What::Send(_))).cloned();
    let fetch = scenario.acts.iter().find(|a| matches!(a.what, What::FetchPop3 { .. })).cloned();
    let (send, mut fetch) = (send.expect("Alice sends"), fetch.expect("Bob fetches"));
    fetch.when = format!("+{}s", 2 * messages + 60);
    scenario.acts = vec![send; messages];
    scenario.acts.push(fetch);
    scenario
}

fn measure(messages: usize) {
    let scenario = scenario(messages);
    let start = Instant::now();
    let records = run(&scenario, &[]).expect("it runs");
    let ran = start.elapsed();
    let start = Instant::now();
    let steps = explain(&records);
    let explained = start.elapsed();
    let per = |time: Duration, count: usize| time.as_secs_f64() * 1e6 / count.max(1) as f64;
    println!(
        "{messages:>9} {steps:>9} {:>9.1} ms {:>9.1} µs {:>9.1} ms {:>7.2} µs {:>10.1}",
        ran.as_secs_f64() * 1e3,
        per(ran, messages),
        explained.as_secs_f64() * 1e3,
        per(explained, steps),
        peak_mib()
    );
}

/// Explain every Step, keeping none.
fn explain(records: &[Record]) -> usize {
    let Some(Record::Head(head)) = records.first() else { panic!("a transcript begins with its head") };
    let mut story = Story::new(head);
    let count = |items: Vec<Item>| items.iter().filter(|item| matches!(item, Item::Step(..))).count();
    let steps: usize =
        records.iter().enumerate().map(|(index, record)| count(story.push(index, record))).sum();
    steps + count(story.finish())
}

/// The largest resident size so far, where the system tells it (Linux); else 0.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
