//! [`Comparison`]: two stories of the same wishes, a row a wish.
//!
//! Counterparts are the same wish of the same person on the same device, for the same time (the third look for new mail
//! is the counterpart of the third). A story's script may be read at another pace on the other side; the order of the
//! left one leads.

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
    /// On which host.
    pub host: String,
    /// For which time this person wants it there, from 1.
    pub time: usize,
    /// Its place among each side's intentions; `None` where nobody wants it there.
    pub at: [Option<usize>; 2],
}

/// Who wants what, where, for which time.
type Key = (String, String, String, usize);

impl Comparison {
    /// Align two stories.
    ///
    /// # Errors
    /// Gives both back where no wish of the one is a wish of the other.
    pub fn of(left: Reading, right: Reading) -> Result<Self, Box<[Reading; 2]>> {
        let keys = [keys(&left), keys(&right)];
        let in_order = align(&keys[0], &keys[1]);
        let mut rows: Vec<Row> = Vec::with_capacity(in_order.len());
        let place: BTreeMap<&Key, usize> = keys[1].iter().enumerate().map(|(at, key)| (key, at)).collect();
        let left_keys: BTreeSet<&Key> = keys[0].iter().collect();
        for (a, b) in in_order {
            let (key, at) = match (a, b) {
                // Counterparts that stand in another order on the right are counterparts still.
                (Some(a), b) => (&keys[0][a], [Some(a), b.or_else(|| place.get(&keys[0][a]).copied())]),
                (None, Some(b)) if !left_keys.contains(&keys[1][b]) => (&keys[1][b], [None, Some(b)]),
                _ => continue,
            };
            let (who, intent, host, time) = key.clone();
            rows.push(Row { who, intent, host, time, at });
        }
        let met = rows.iter().any(|row| row.at[0].is_some() && row.at[1].is_some());
        if met { Ok(Comparison { sides: [left, right], rows }) } else { Err(Box::new([left, right])) }
    }

    /// A row's intention on the left (0) or the right (1).
    pub fn intention(&self, row: &Row, side: usize) -> Option<&Intention> {
        let reading = self.sides.get(side)?;
        reading.intentions.get(row.at.get(side).copied().flatten()?)
    }
}

fn keys(reading: &Reading) -> Vec<Key> {
    let mut times = BTreeMap::new();
    let key = |i: &Intention| {
        let base = (i.who.clone(), i.intent.clone(), i.host.clone());
        let time: &mut usize = times.entry(base.clone()).or_default();
        *time += 1;
        (base.0, base.1, base.2, *time)
    };
    reading.intentions.iter().map(key).collect()
}
