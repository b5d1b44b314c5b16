//! [`Pairing`]: any two transcripts, aligned by conversation, order and kind.
//!
//! Conversations are counterparts where they speak the same protocol to the same server, in order; else the same
//! protocol; else, for what is left, where both give access to a mailbox. Inside, exchanges are counterparts by verb, in
//! order. What differs between counterparts is named.

use super::reading::Conversation;
use super::{Exchange, Line, Reading, align::align};
use crate::base::Word;
use crate::dissect::{Kind, Protocol};
use crate::trace::Direction;
use std::collections::{BTreeMap, VecDeque};

/// Two transcripts, conversation by conversation.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    /// The two, as they were read.
    pub sides: [Reading; 2],
    /// Conversations, in the order of the left transcript; those of the right alone at their place.
    pub conversations: Vec<Paired>,
}

/// Two counterparts, or a conversation without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// Its place among each side's conversations.
    pub at: [Option<usize>; 2],
    /// Exchanges, with what differs.
    pub rows: Vec<PairedExchange>,
}

/// Two exchanges that are counterparts, or one without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedExchange {
    /// Its place in each side's conversation.
    pub at: [Option<usize>; 2],
    /// What differs, where both are there.
    pub differs: Vec<Difference>,
}

/// In what two counterparts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The client's words.
    Asked,
    /// The code or the status of the answer.
    Code,
    /// The server's words, where the code is the same.
    Answered,
    /// How many lines the server needs.
    Lines,
    /// Only one of the two was sent before the answer to the one before had come.
    AtOnce,
}

impl Difference {
    /// In a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Difference::Asked => "asked otherwise",
            Difference::Code => "another answer",
            Difference::Answered => "other words",
            Difference::Lines => "more or fewer lines",
            Difference::AtOnce => "sent at once",
        }
    }
}

impl Pairing {
    /// Align two transcripts.
    pub fn of(left: Reading, right: Reading) -> Self {
        let pairs = pair(&left.conversations, &right.conversations);
        let conversations = pairs
            .into_iter()
            .map(|at| {
                let exchanges = |side: &Reading, at: Option<usize>| {
                    at.and_then(|at| side.conversations.get(at))
                        .map(|c| c.exchanges.as_slice())
                        .unwrap_or_default()
                        .to_vec()
                };
                Paired { at, rows: rows(&exchanges(&left, at[0]), &exchanges(&right, at[1])) }
            })
            .collect();
        Pairing { sides: [left, right], conversations }
    }

    /// How many counterparts there are, and how many of them differ.
    pub fn differing(&self) -> (usize, usize) {
        let both = self
            .conversations
            .iter()
            .flat_map(|c| &c.rows)
            .filter(|r| r.at[0].is_some() && r.at[1].is_some());
        both.fold((0, 0), |(all, differ), row| (all + 1, differ + usize::from(!row.differs.is_empty())))
    }
}

/// What two conversations must have in common to be counterparts: ever less.
const GROUNDS: [fn(&Conversation) -> String; 3] = [
    |c| format!("{} {} {}", c.protocol.name(), c.server, c.client),
    |c| format!("{} {}", c.protocol.name(), c.open.server.port()),
    |c| match c.protocol {
        Protocol::Pop3 | Protocol::Imap => "access".to_owned(),
        other => other.name().to_owned(),
    },
];

fn pair(left: &[Conversation], right: &[Conversation]) -> Vec<[Option<usize>; 2]> {
    let mut of_left: Vec<Option<usize>> = vec![None; left.len()];
    let mut taken = vec![false; right.len()];
    for ground in GROUNDS {
        let mut free = BTreeMap::<String, VecDeque<usize>>::new();
        for (at, conversation) in right.iter().enumerate().filter(|(at, _)| !taken[*at]) {
            free.entry(ground(conversation)).or_default().push_back(at);
        }
        for (conversation, place) in left.iter().zip(&mut of_left).filter(|(_, place)| place.is_none()) {
            *place = free.get_mut(&ground(conversation)).and_then(VecDeque::pop_front);
        }
        of_left.iter().flatten().for_each(|at| taken[*at] = true);
    }
    // What stands on the right alone comes behind the counterpart of the one before it.
    let mut alone = taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(at, _)| at).peekable();
    let mut out = Vec::with_capacity(left.len());
    for (a, b) in of_left.iter().enumerate() {
        while let Some(at) = b.and_then(|b| alone.next_if(|at| *at < b)) {
            out.push([None, Some(at)]);
        }
        out.push([Some(a), *b]);
    }
    out.extend(alone.map(|at| [None, Some(at)]));
    out
}

fn rows(left: &[Exchange], right: &[Exchange]) -> Vec<PairedExchange> {
    let verbs = |side: &[Exchange]| side.iter().map(|e| e.verb.clone()).collect::<Vec<_>>();
    let pairs = align(&verbs(left), &verbs(right)).into_iter().map(|(a, b)| {
        let differs = match (a.and_then(|a| left.get(a)), b.and_then(|b| right.get(b))) {
            (Some(a), Some(b)) => differences(a, b),
            _ => Vec::new(),
        };
        PairedExchange { at: [a, b], differs }
    });
    pairs.collect()
}

fn differences(a: &Exchange, b: &Exchange) -> Vec<Difference> {
    let of = |e: &Exchange, from: Direction| -> Vec<Vec<u8>> {
        let spoken = |l: &&Line| l.from == from && !matches!(l.kind, Kind::Open | Kind::Close);
        e.lines.iter().filter(spoken).map(untagged).collect()
    };
    let codes = |e: &Exchange| -> Vec<Word> {
        e.lines.iter().filter(|l| !l.code.is_empty()).map(|l| l.code.clone()).collect()
    };
    let answers = |e: &Exchange| e.lines.iter().filter(|l| l.from == Direction::Server).count();
    let code = codes(a) != codes(b);
    let found = [
        (of(a, Direction::Client) != of(b, Direction::Client), Difference::Asked),
        (code, Difference::Code),
        (!code && of(a, Direction::Server) != of(b, Direction::Server), Difference::Answered),
        (answers(a) != answers(b), Difference::Lines),
        (a.at_once != b.at_once, Difference::AtOnce),
    ];
    found.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect()
}

/// A line without what two clients choose freely: IMAP's tag.
fn untagged(line: &Line) -> Vec<u8> {
    let tagged = line.protocol == Protocol::Imap && matches!(line.kind, Kind::Command | Kind::Reply);
    let cut = if tagged { line.bytes.iter().position(|b| *b == b' ').map_or(0, |at| at + 1) } else { 0 };
    line.bytes.get(cut..).unwrap_or_default().to_vec()
}
