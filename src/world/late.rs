//! Faults that begin in the middle of a story: what a person changes at one Step of it.
//!
//! They begin behind a number of records, not at a time. Two things may happen at one moment, and only the order of
//! the records tells which of them is already told; until that record is written nobody asks, so nothing differs.

use super::change::Change;
use super::scenario::Fault;
use crate::trace::tap::Tap;
use std::sync::Arc;

/// The late faults of a run, and how far it has come. Clones are the same ones.
#[derive(Clone)]
pub struct Late {
    faults: Arc<[(u64, Fault)]>,
    /// `None`: nothing ever begins late.
    tap: Option<Tap>,
}

impl Late {
    /// Those among `changes`, in a run that `tap` records.
    pub fn of(changes: &[Change], tap: &Tap) -> Self {
        let late = changes.iter().filter_map(|change| match change {
            Change::Fault { fault, after } if *after > 0 => Some((*after, fault.clone())),
            _ => None,
        });
        Late { faults: late.collect(), tap: Some(tap.clone()) }
    }

    /// None at all.
    pub fn none() -> Self {
        Late { faults: Arc::default(), tap: None }
    }

    /// All of them, with how many records are written before each begins; in the order of the changes.
    pub fn all(&self) -> &[(u64, Fault)] {
        &self.faults
    }

    /// Whether what waits for so many records has begun.
    pub fn begins(&self, after: u64) -> bool {
        after == 0 || self.tap.as_ref().is_some_and(|tap| tap.len() as u64 >= after)
    }

    /// Those that have begun.
    pub fn begun(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|(after, _)| self.begins(*after)).map(|(_, fault)| fault)
    }
}
