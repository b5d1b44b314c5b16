//! What has been looked up in the catalogue before: which entry fits a Step, and what is said about its parts.
//!
//! A transcript has millions of Steps, and few kinds of them. [`ids::of`] says which entries fit, and stays the only
//! judge: here its answer is remembered under all that it looks at, so that the ordinary Step costs one look and no
//! memory. Each thread has its own; both are bounded, and nothing that is told depends on what they hold.

use super::catalogue::{KnownPart, catalogue};
use super::{Entry, ids};
use crate::base::hash::Quick;
use crate::dissect::{Meaning, Protocol, Step, Verdict};
use std::cell::RefCell;
use std::collections::HashMap;

/// Kinds of Steps that are remembered: verbs come off a wire, and may be anything.
const MOST_KINDS: usize = 4096;
/// Octets of a verb and a code that are remembered.
const LONGEST_WORDS: usize = 64;
/// Parts that are remembered: the grammar's names under the catalogue's entries, so this is never reached.
const MOST_PARTS: usize = 1 << 16;

/// What the catalogue says about a part: of the entry itself, and in general.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub own: Option<&'static str>,
    pub general: KnownPart<'static>,
}

#[derive(Default)]
struct Kinds {
    entries: HashMap<Box<[u8]>, Option<&'static Entry>, Quick>,
    key: Vec<u8>,
}

/// By the address of the entry, and address and length of the part's name: both live as long as the program.
type Parts = HashMap<(Protocol, usize, usize, usize), Told, Quick>;

thread_local! {
    static KINDS: RefCell<Kinds> = RefCell::default();
    static PARTS: RefCell<Parts> = RefCell::default();
}

/// The entry that fits a Step best where its context knows no better; see [`ids::of`].
pub(super) fn entry(step: &Step, port: Option<u16>) -> Option<&'static Entry> {
    let look = || catalogue().first(&ids::of(step, port));
    if step.verb.len() + step.code.len() > LONGEST_WORDS {
        return look();
    }
    KINDS.with_borrow_mut(|Kinds { entries, key }| {
        write_key(key, step, port);
        if let Some(known) = entries.get(key.as_slice()) {
            return *known;
        }
        let found = look();
        if entries.len() < MOST_KINDS {
            entries.insert(key.as_slice().into(), found);
        }
        found
    })
}

/// All that [`ids::of`] looks at.
fn write_key(key: &mut Vec<u8>, step: &Step, port: Option<u16>) {
    let meaning = match &step.meaning {
        Meaning::Close(how) => 1 + *how as u8,
        Meaning::Gap(_, why) => 101 + *why as u8,
        _ => 0,
    };
    let [high, low] = port.unwrap_or_default().to_be_bytes();
    let cut_short = step.findings.iter().any(|finding| finding.id == ids::CUT_SHORT);
    let go_ahead = step.verdict == Some(Verdict::Intermediate);
    let flags = u8::from(port.is_some()) | u8::from(cut_short) << 1 | u8::from(go_ahead) << 2;
    key.clear();
    key.extend([step.protocol as u8, step.kind as u8, step.from as u8, meaning, flags, high, low]);
    key.extend(step.verb.as_bytes());
    // A byte that stands in no UTF-8 parts the two.
    key.push(0xff);
    key.extend(step.code.as_bytes());
}

/// What is said about a part of this name, in a Step that this entry is about.
pub(super) fn part(entry: &'static Entry, protocol: Protocol, name: &'static str) -> Told {
    let look = || Told {
        own: entry.parts.get(name).map(String::as_str),
        general: catalogue().known_part(protocol.name(), name),
    };
    let key = (protocol, std::ptr::from_ref(entry).addr(), name.as_ptr().addr(), name.len());
    PARTS.with_borrow_mut(|parts| match parts.get(&key) {
        Some(told) => *told,
        None if parts.len() < MOST_PARTS => *parts.entry(key).or_insert_with(look),
        None => look(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::step;
    use super::*;
    use crate::base::{Finding, Span};
    use crate::dissect::Kind;
    use crate::trace::{CloseHow, Direction, Missing};

    /// Every kind of Step with words of every sort, in an order that makes each meet all the others' keys.
    fn steps() -> Vec<Step> {
        let protocols =
            [Protocol::Tcp, Protocol::Dns, Protocol::Smtp, Protocol::Pop3, Protocol::Imap, Protocol::Tls];
        let kinds = [
            Kind::Open,
            Kind::Close,
            Kind::Greeting,
            Kind::Command,
            Kind::Continuation,
            Kind::Data,
            Kind::Reply,
            Kind::Untagged,
            Kind::Query,
            Kind::Answer,
            Kind::Unparsed,
            Kind::Gap,
        ];
        let words = [("", ""), ("RCPT", "550 5.1.1"), ("AUTH", "+"), ("UID FETCH", "NO"), ("MX", "NXDOMAIN")];
        let mut steps = Vec::new();
        for (protocol, kind) in protocols.iter().flat_map(|p| kinds.iter().map(move |k| (*p, *k))) {
            for (verb, code) in words {
                steps.push(step(protocol, kind, verb, code));
                let mut other = step(protocol, kind, verb, code);
                other.from =
                    if other.from == Direction::Client { Direction::Server } else { Direction::Client };
                other.verdict = Some(Verdict::Intermediate);
                other.findings.push(Finding::error(ids::CUT_SHORT, Span::default(), ""));
                other.meaning = match kind {
                    Kind::Gap => Meaning::Gap(None, Missing::Cut),
                    _ => Meaning::Close(CloseHow::Timeout),
                };
                steps.push(other);
            }
        }
        steps
    }

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        let steps = steps();
        for _ in 0..2 {
            for (step, port) in steps.iter().flat_map(|s| [None, Some(25), Some(53)].map(|port| (s, port))) {
                let found = catalogue().first(&ids::of(step, port)).map(|entry| &entry.id);
                assert_eq!(entry(step, port).map(|entry| &entry.id), found, "{step:?} at {port:?}");
            }
        }
    }

    #[test]
    fn unknown_words_fill_no_memory() {
        for number in 0..2 * MOST_KINDS {
            let step = step(Protocol::Smtp, Kind::Command, &format!("X{number}"), "");
            assert_eq!(entry(&step, None).map(|entry| entry.id.as_str()), Some("smtp.unknown-command"));
        }
        assert!(KINDS.with_borrow(|kinds| kinds.entries.len()) <= MOST_KINDS);
    }
}
