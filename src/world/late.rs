//! Faults that begin in the middle of a story: what a person changes at one Step of it, or switches on in a lab.
//!
//! Those of a story begin behind a number of records, not at a time. Two things may happen at one moment, and only the
//! order of the records tells which of them is already told; until that record is written nobody asks, so nothing differs.
//! A lab has a set that is replaced at any time (`chaos`).

use super::change::Change;
use super::chaos::{Chaos, Set};
use super::scenario::Fault;
use crate::trace::tap::Tap;
use std::sync::Arc;

/// The late faults of a run, and how far it has come. Clones are the same ones.
#[derive(Clone)]
pub struct Late {
    faults: Arc<[(u64, Fault)]>,
    /// `None`: nothing ever begins late.
    tap: Option<Tap>,
    /// What can be switched on and off; `None`: nothing can.
    chaos: Option<Chaos>,
}

impl Late {
    /// Those among `changes`, in a run that `tap` records.
    pub fn of(changes: &[Change], tap: &Tap) -> Self {
        let late = changes.iter().filter_map(|change| match change {
            Change::Fault { fault, after } if *after > 0 => Some((*after, fault.clone())),
            _ => None,
        });
        Late { faults: late.collect(), tap: Some(tap.clone()), chaos: None }
    }

    /// None of a story's, and those that somebody switches on.
    pub fn on_demand(chaos: Chaos) -> Self {
        Late { faults: Arc::default(), tap: None, chaos: Some(chaos) }
    }

    /// None at all.
    #[cfg(test)]
    pub fn none() -> Self {
        Late { faults: Arc::default(), tap: None, chaos: None }
    }

    /// All of a story's, with how many records are written before each begins; in the order of the changes.
    pub fn all(&self) -> &[(u64, Fault)] {
        &self.faults
    }

    /// Whether what waits for so many records has begun.
    pub fn begins(&self, after: u64) -> bool {
        after == 0 || self.tap.as_ref().is_some_and(|tap| tap.len() as u64 >= after)
    }

    /// What is switched on now, where faults can be switched at all.
    pub fn switched(&self) -> Option<Arc<Set>> {
        self.chaos.as_ref().map(Chaos::now)
    }

    /// Whether faults may come at any time, so that all must be ready for them.
    pub fn is_on_demand(&self) -> bool {
        self.chaos.is_some()
    }

    /// The first that `find` finds something in: among those of a story that have begun, then among those that are
    /// switched on.
    pub fn find<T>(&self, mut find: impl FnMut(&Fault) -> Option<T>) -> Option<T> {
        let begun = self.faults.iter().filter(|(after, _)| self.begins(*after)).map(|(_, fault)| fault);
        let found = begun.into_iter().find_map(&mut find);
        found.or_else(|| self.switched()?.faults.iter().find_map(|live| find(&live.fault)))
    }
}
