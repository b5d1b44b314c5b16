//! [`Windows`]: the rows that were asked for lately, so that going back and forth costs nothing.
//!
//! A window reaches from one checkpoint to the next, and remembers places within itself, so that what holds after one
//! of its rows is near.

use super::source::Store;
use super::teller::Teller;
use crate::explain::Item;
use crate::state::State;
use std::sync::Arc;

/// Windows that are kept.
const KEPT: usize = 4;
/// Rows between the places that a window remembers.
const NEAR: usize = 64;

/// Rows from one checkpoint on.
struct Window {
    start: usize,
    rows: Vec<Item>,
    /// Places within it, and where it ends so far.
    near: Vec<Teller>,
    end: Teller,
}

impl Window {
    fn new(checkpoint: &Teller) -> Self {
        let near = vec![checkpoint.clone()];
        Window { start: checkpoint.rows, rows: Vec::new(), near, end: checkpoint.clone() }
    }

    /// Tell on until the row before `until`, where it is not told yet.
    fn reach(&mut self, store: &Store, until: usize) {
        let Window { rows, near, end, .. } = self;
        let remember = &mut |teller: &Teller| {
            if near.last().is_none_or(|last| teller.rows >= last.rows + NEAR) {
                near.push(teller.clone());
            }
            true
        };
        end.tell(store, until, &mut |_, item, _, _| rows.push(item), remember);
    }
}

/// The last few windows, the latest first.
#[derive(Default)]
pub(super) struct Windows(Vec<Window>);

impl Windows {
    /// The window of this checkpoint, told until the row before `until`.
    fn window(&mut self, store: &Store, checkpoint: &Teller, until: usize) -> &mut Window {
        match self.0.iter().position(|window| window.start == checkpoint.rows) {
            Some(at) => {
                let window = self.0.remove(at);
                self.0.insert(0, window);
            }
            None => {
                self.0.truncate(KEPT - 1);
                self.0.insert(0, Window::new(checkpoint));
            }
        }
        // It has just been put there.
        let window = &mut self.0[0];
        window.reach(store, until);
        window
    }

    /// Rows from `first` to the one before `until`, all of one checkpoint.
    pub fn rows(
        &mut self,
        store: &Store,
        checkpoint: &Teller,
        first: usize,
        until: usize,
        into: &mut Vec<Item>,
    ) {
        let window = self.window(store, checkpoint, until);
        let (first, until) = (first.saturating_sub(window.start), until.saturating_sub(window.start));
        let until = until.min(window.rows.len());
        into.extend(window.rows.get(first.min(until)..until).unwrap_or_default().iter().cloned());
    }

    /// What holds after `row`, from the nearest place that is known.
    pub fn state_after(&mut self, store: &Store, checkpoint: &Teller, row: usize) -> State {
        let window = self.window(store, checkpoint, row + 1);
        let near = window.near.iter().rev().find(|near| near.rows <= row).unwrap_or(checkpoint);
        let mut teller = near.clone().without_notes();
        let mut found = State::default();
        let mut keep = |at: usize, _: Item, state: &State, _: &_| {
            if at <= row {
                found = state.clone();
            }
        };
        teller.tell(store, row + 1, &mut keep, &mut |_| true);
        found
    }

    /// Forget all that was told from a checkpoint that is no more.
    pub fn keep_only(&mut self, checkpoints: &[Arc<Teller>]) {
        self.0.retain(|window| checkpoints.binary_search_by_key(&window.start, |c| c.rows).is_ok());
    }
}
