//! [`Score`]: what was right at the first try, by protocol, and which misconceptions were met.

use super::{Answer, Question, Verdict};
use crate::dissect::Protocol;
use crate::explain::{Misconception, misconception};
use std::collections::{BTreeMap, BTreeSet};

/// Questions that are told apart; more than a student answers.
const MOST: usize = 100_000;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// By the number of the Step: its protocol, and how the first answer was.
    first: BTreeMap<usize, (Protocol, Verdict)>,
    met: BTreeMap<u8, BTreeSet<usize>>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Right at the first try.
    pub right: usize,
    /// Asked.
    pub of: usize,
}

impl Score {
    /// Take an answer. Only the first to a question counts; a misconception counts whenever it is met.
    pub fn take(&mut self, question: &Question, answer: &Answer) {
        if self.first.len() >= MOST {
            return;
        }
        self.first.entry(question.number).or_insert((question.protocol, answer.verdict));
        if let Some(row) = answer.misconception.filter(|_| answer.verdict != Verdict::Right) {
            self.met.entry(row.number).or_default().insert(question.number);
        }
    }

    /// Whether nothing was answered.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Of all questions.
    pub fn total(&self) -> Count {
        count(self.first.values())
    }

    /// By protocol, as it is called: those that were asked about.
    pub fn by_protocol(&self) -> Vec<(&'static str, Count)> {
        let mut rows = BTreeMap::new();
        for one in self.first.values() {
            rows.entry(one.0).or_insert_with(Vec::new).push(one);
        }
        let row =
            |(protocol, of): (Protocol, Vec<&(Protocol, Verdict)>)| (name(protocol), count(of.into_iter()));
        rows.into_iter().map(row).collect()
    }

    /// The misconceptions that wrong answers rested on, and at how many questions.
    pub fn misconceptions(&self) -> Vec<(&'static Misconception, usize)> {
        self.met.iter().filter_map(|(number, at)| Some((misconception(*number)?, at.len()))).collect()
    }

    /// All of it as sentences.
    pub fn sentences(&self) -> Vec<String> {
        let total = self.total();
        if total.of == 0 {
            return vec!["No question was answered yet.".to_owned()];
        }
        let mut out = vec![format!("{} right at the first try.", of(total))];
        let rows = self.by_protocol();
        if rows.len() > 1 {
            out.extend(rows.into_iter().map(|(name, count)| format!("{name}: {}.", of(count))));
        }
        for (row, times) in self.misconceptions() {
            let times = if times > 1 { format!(", {times} times") } else { String::new() };
            out.push(format!("Met{times}: “{}”. {} ({})", row.people_say, row.truth, row.source.join(", ")));
        }
        out
    }
}

fn count<'a>(answers: impl Iterator<Item = &'a (Protocol, Verdict)>) -> Count {
    answers.fold(Count::default(), |count, (_, verdict)| Count {
        right: count.right + usize::from(*verdict == Verdict::Right),
        of: count.of + 1,
    })
}

fn of(count: Count) -> String {
    format!("{} of {}", count.right, count.of)
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "Connections",
        Protocol::Dns => "DNS",
        Protocol::Smtp => "SMTP",
        Protocol::Pop3 => "POP3",
        Protocol::Imap => "IMAP",
        Protocol::Tls => "TLS",
        Protocol::Unknown => "Other",
    }
}
