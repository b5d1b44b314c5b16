//! [`Parting`]: where two tellings of a story part, and what came of it in the end.

use crate::base::escape;
use crate::dissect::{Dissector, Kind, Step, Verdict};
use crate::state::State;
use crate::trace::{CloseHow, Fact, Record};
use crate::view::clock;
use std::collections::{BTreeMap, BTreeSet};

/// Messages that are named one by one in a difference.
const NAMED: usize = 3;

/// Where two stories part, and how they end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The number of the first Step that is not the same in both; `None` where all are.
    pub step: Option<usize>,
    /// What is otherwise in the end, the most telling first.
    pub differences: Vec<Difference>,
}

/// One thing that ends otherwise, in words that hold no control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `INBOX of bob@example.net`.
    pub what: String,
    /// How it ended there.
    pub before: String,
    /// How it ends here.
    pub after: String,
}

/// The end of one story, told for comparison.
struct Ending {
    /// What, and how; in the order of telling.
    facts: BTreeMap<(u8, String), String>,
}

/// Compare a story with the one that it was forked from.
pub fn of(parent: &[Record], fork: &[Record]) -> Parting {
    let ((old_steps, old), (new_steps, new)) = (told(parent), told(fork));
    let same = |(a, b): (&Step, &Step)| {
        (a.number, &a.bytes, a.at, &a.meaning) == (b.number, &b.bytes, b.at, &b.meaning)
            && (a.conn, a.from, a.kind, &a.code) == (b.conn, b.from, b.kind, &b.code)
    };
    let common = old_steps.iter().zip(&new_steps).take_while(|pair| same(*pair)).count();
    let step = (common < old_steps.len().max(new_steps.len())).then_some(common + 1);
    let keys: BTreeSet<&(u8, String)> = old.facts.keys().chain(new.facts.keys()).collect();
    let differs = |key: &&(u8, String)| old.facts.get(*key) != new.facts.get(*key);
    let word = |ending: &Ending, key| ending.facts.get(key).cloned().unwrap_or_else(|| "nothing".to_owned());
    let differences = keys.into_iter().filter(differs).map(|key| Difference {
        what: escape::text(&key.1),
        before: escape::text(&word(&old, key)),
        after: escape::text(&word(&new, key)),
    });
    Parting { step, differences: differences.collect() }
}

/// Its Steps, and how it ends.
fn told(records: &[Record]) -> (Vec<Step>, Ending) {
    let (mut dissector, mut state) = (Dissector::new(), State::default());
    let mut steps = Vec::new();
    let mut news = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        for step in dissector.push(index, record) {
            state.apply_step(&step);
            steps.push(step);
        }
        if let Record::Fact { at, host, fact } = record {
            state.apply_fact(*at, host, fact);
            note(&mut news, host, fact);
        }
    }
    steps.extend(dissector.finish());
    let mut facts = news;
    stores(&state, &mut facts);
    measures(records, &steps, &mut facts);
    (steps, Ending { facts })
}

type Facts = BTreeMap<(u8, String), String>;

/// What hosts and people stated on the way.
fn note(facts: &mut Facts, host: &str, fact: &Fact) {
    match fact {
        Fact::IntentEnds { who, intent, ok, detail, .. } => {
            let how = if *ok { detail.clone() } else { format!("it failed: {detail}") };
            facts.insert((3, format!("{who}, {intent}, on {host}")), how);
        }
        Fact::Bounced { to, action, .. } => {
            let of = if action.is_empty() { "failure" } else { action };
            facts.insert((2, format!("notice of {of} from {host}")), format!("sent to {to}"));
        }
        Fact::RetryAt { attempt, .. } => {
            facts.insert((4, format!("attempts of {host} that came to nothing")), attempt.to_string());
        }
        _ => {}
    }
}

/// What lies where.
fn stores(state: &State, facts: &mut Facts) {
    for (account, mailboxes) in &state.mailboxes {
        for (name, mailbox) in mailboxes {
            let flags = |m: &crate::state::Message| {
                if m.flags.is_empty() { "no flags".to_owned() } else { m.flags.join(" ") }
            };
            let mut said = messages(mailbox.messages.len());
            let named: Vec<String> = mailbox
                .messages
                .iter()
                .take(NAMED)
                .map(|(uid, m)| format!("UID {uid} {}", flags(m)))
                .collect();
            if !named.is_empty() {
                said = format!("{said} ({})", named.join(", "));
            }
            facts.insert((0, format!("{name} of {account}")), said);
        }
    }
    for (host, queue) in &state.queues {
        facts.insert((1, format!("queue of {host}")), messages(queue.len()));
    }
    for (device, accounts) in &state.clients {
        let copies: usize = accounts.values().map(|copies| copies.len()).sum();
        facts.insert((1, format!("kept on {device}")), messages(copies));
    }
    for (account, host) in &state.locks {
        facts.insert((1, format!("maildrop of {account}")), format!("still locked at {host}"));
    }
}

fn messages(count: usize) -> String {
    match count {
        0 => "no message".to_owned(),
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    }
}

/// How long it took, and what it cost.
fn measures(records: &[Record], steps: &[Step], facts: &mut Facts) {
    let start = records.first().and_then(Record::at).unwrap_or_default();
    let last = records.iter().rev().find_map(Record::at).unwrap_or_default();
    facts.insert((5, "virtual time".to_owned()), clock::short(last.since(start)));
    let of = |kind: Kind| steps.iter().filter(|step| step.kind == kind).count().to_string();
    facts.insert((6, "connections".to_owned()), of(Kind::Open));
    facts.insert((6, "commands".to_owned()), of(Kind::Command));
    let refused = |step: &&Step| {
        matches!(step.verdict, Some(Verdict::Transient | Verdict::Negative))
            || matches!(step.meaning, crate::dissect::Meaning::Close(how) if how != CloseHow::Fin && how != CloseHow::LetGo)
    };
    facts.insert(
        (6, "refusals and broken connections".to_owned()),
        steps.iter().filter(refused).count().to_string(),
    );
}
