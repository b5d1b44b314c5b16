//! [`Story`]: a transcript as it is read: chapters, Steps with their Notes, facts, in order.
//!
//! The one way from Records to what views show: dissect, fold the state, explain. Views take [`Item`]s.

use super::Note;
use crate::base::Instant;
use crate::dissect::Step;
use crate::trace::{Fact, Mark};

/// A stage of the road begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// From 1.
    pub number: usize,
    /// Its id in the catalogue: `submission`, `routing`, `relay`, `fetch-pop3`, …
    pub id: String,
    /// As in `Alice's client hands the letter in`.
    pub title: String,
    /// A sentence that sets the scene, with the post office's counterpart.
    pub intro: String,
}

/// One thing that a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A stage of the road begins.
    Chapter(Chapter),
    /// A Step, explained.
    Step(Box<Step>, Box<Note>),
    /// A host stated something.
    Fact {
        /// When.
        at: Instant,
        /// Which host.
        host: String,
        /// What.
        fact: Fact,
        /// In words: `queued at mail.example.com as 1A, for bob@example.net`.
        text: String,
    },
    /// A person's mark.
    Mark(Mark),
}
