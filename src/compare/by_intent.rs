//! [`Comparison`]: two stories of the same wishes, a row a wish.
//!
//! What one person does in a row for one intent is one wish, on however many devices. Counterparts are the same wish of
//! the same person, for the same time (the third look for new mail is the counterpart of the third). The other story may
//! have them in another order; that of the left one leads.

use super::{Intention, Reading, align::align};
use std::collections::{BTreeMap, BTreeSet};

/// Two stories, aligned by what people wanted.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The two, as they were read.
    pub sides: [Reading; 2],
    /// What each row is about.
    pub rows: Vec<Row>,
}

/// One wish, and its place in each story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who wants it.
    pub who: String,
    /// What, as the script names it.
    pub intent: String,
    /// For which time this person wants it, from 1.
    pub time: usize,
    /// What serves it among each side's intentions, in order; empty where nobody wants it there.
    pub at: [Vec<usize>; 2],
}

/// Who wants what, for which time.
type Key = (String, String, usize);

impl Comparison {
    /// Align two stories.
    ///
    /// # Errors
    /// Gives both back where no wish of the one is a wish of the other.
    pub fn of(left: Reading, right: Reading) -> Result<Self, Box<[Reading; 2]>> {
        let wishes = [wishes(&left), wishes(&right)];
        let keys =
            wishes.each_ref().map(|side| side.iter().map(|(key, _)| key.clone()).collect::<Vec<Key>>());
        let of_right: BTreeMap<&Key, &Vec<usize>> = wishes[1].iter().map(|(key, at)| (key, at)).collect();
        let of_left: BTreeSet<&Key> = keys[0].iter().collect();
        let mut rows: Vec<Row> = Vec::new();
        for (a, b) in align(&keys[0], &keys[1]) {
            let (key, at) = match (a.and_then(|a| wishes[0].get(a)), b.and_then(|b| wishes[1].get(b))) {
                // Counterparts that stand in another order on the right are counterparts still.
                (Some((key, at)), _) => {
                    (key, [at.clone(), of_right.get(key).copied().cloned().unwrap_or_default()])
                }
                (None, Some((key, at))) if !of_left.contains(key) => (key, [Vec::new(), at.clone()]),
                _ => continue,
            };
            let (who, intent, time) = key.clone();
            rows.push(Row { who, intent, time, at });
        }
        let met = rows.iter().any(|row| row.at.iter().all(|at| !at.is_empty()));
        if met { Ok(Comparison { sides: [left, right], rows }) } else { Err(Box::new([left, right])) }
    }

    /// What serves a row on the left (0) or the right (1), in order.
    pub fn intentions(&self, row: &Row, side: usize) -> Vec<&Intention> {
        let (Some(reading), Some(at)) = (self.sides.get(side), row.at.get(side)) else { return Vec::new() };
        at.iter().filter_map(|at| reading.intentions.get(*at)).collect()
    }
}

/// The wishes of a story, in the order in which they began, each with what serves it.
fn wishes(reading: &Reading) -> Vec<(Key, Vec<usize>)> {
    let mut out: Vec<(Key, Vec<usize>)> = Vec::new();
    let mut times = BTreeMap::<(&str, &str), usize>::new();
    // Each person's last wish: where it stands in `out`.
    let mut last = BTreeMap::<&str, usize>::new();
    for (at, intention) in reading.intentions.iter().enumerate() {
        let (who, intent) = (intention.who.as_str(), intention.intent.as_str());
        let same = last.get(who).and_then(|place| out.get_mut(*place)).filter(|(key, _)| key.1 == intent);
        if let Some((_, serves)) = same {
            serves.push(at);
            continue;
        }
        let time = times.entry((who, intent)).or_default();
        *time += 1;
        last.insert(who, out.len());
        out.push(((who.to_owned(), intent.to_owned(), *time), vec![at]));
    }
    out
}
