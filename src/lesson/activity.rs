//! [`Activity`]: one thing that a student does in a lesson, read and sound in itself.

use super::entry::Replacement;
use super::goal::Goal;
use crate::dissect::Protocol;
use crate::dissect::filter::{Filter, StepRange};
use serde_json::Value;
use std::ops::Range;

/// Which story an activity is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoryName {
    /// A scenario: a file of the folder where it ends in `.toml`, else one by its name.
    Scenario(String),
    /// A recording: a file of the folder where it ends in `.jsonl`, else one by its name.
    Transcript(String),
}

/// See the head of this file.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Its name in the lesson.
    pub id: String,
    /// What is to be done.
    pub ask: String,
    /// Hints, in the order in which they are given.
    pub hints: Vec<String>,
    /// What is said when it is done; may be empty.
    pub why: String,
    /// Ids of the course that it teaches.
    pub teaches: Vec<String>,
    /// The misconception that it is about.
    pub misconception: Option<u8>,
    /// Its own story, where it is not the lesson's.
    pub story: Option<StoryName>,
    /// Whether its step is done without it.
    pub optional: bool,
    /// The page it stands on.
    pub page: usize,
    /// What is done.
    pub task: Task,
    /// Where its TOML stands in the lesson's file.
    pub inside: Range<usize>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Look at a stretch of the story.
    Watch(Stretch),
    /// Say which Step comes.
    Predict(Spot),
    /// Answer a question.
    Answer(Question),
    /// Find a Step.
    Find {
        /// The Steps that are right.
        right: Filter,
        /// Steps that people take for it.
        wrong: Vec<(Filter, Reason)>,
    },
    /// Explain a Step in one's own words.
    Explain {
        /// Which.
        spot: Spot,
        /// What a good explanation says.
        model: String,
        /// What it should name.
        points: Vec<String>,
    },
    /// Type a session by hand.
    Type(Box<Typing>),
    /// Mend a scenario.
    Repair(Box<Repair>),
    /// Change the story.
    WhatIf {
        /// What is to come of it.
        goal: Goal,
        /// What may be changed.
        choices: Vec<Change>,
    },
}

impl Task {
    /// As it stands in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Task::Watch(_) => "watch",
            Task::Predict(_) => "predict",
            Task::Answer(_) => "answer",
            Task::Find { .. } => "find",
            Task::Explain { .. } => "explain",
            Task::Type(_) => "type",
            Task::Repair(_) => "repair",
            Task::WhatIf { .. } => "what-if",
        }
    }
}

/// A stretch of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// What passes a filter.
    Filter(Filter),
    /// Steps of these numbers.
    Steps(StepRange),
}

/// The nth Step of a filter, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which Steps.
    pub at: Filter,
    /// Which of them.
    pub nth: usize,
}

/// Why something is wrong or right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// In words.
    pub why: String,
    /// The misconception that it rests on.
    pub misconception: Option<u8>,
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// One choice of several, or several of them.
    Choose {
        /// What there is to choose, in the order in which it is shown.
        choices: Vec<Choice>,
        /// Whether several may be right.
        several: bool,
    },
    /// A short text.
    Text {
        /// What is right.
        accept: Vec<String>,
        /// What is wrong, and why.
        wrong: Vec<(String, Reason)>,
    },
    /// Things in their order: text and why, in the right order.
    Order {
        /// The items, in the right order.
        items: Vec<(String, String)>,
        /// Which item is shown at which place.
        shown: Vec<usize>,
    },
    /// Things that belong together.
    Match {
        /// Left, right and why.
        pairs: Vec<(String, String, String)>,
        /// What stands on the right side, in the order in which it is shown.
        rights: Vec<String>,
    },
}

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it is shown.
    pub text: String,
    /// Whether it is right.
    pub right: bool,
    /// Why it is, or is not.
    pub reason: Reason,
}

/// Who else acts while somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody.
    Nobody,
    /// Letters are sent; nobody reads.
    Letters,
    /// Everybody does what the scenario says.
    All,
}

/// A session to be typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Typing {
    /// What is spoken.
    pub protocol: Protocol,
    /// Who is called.
    pub host: String,
    /// At which port.
    pub port: u16,
    /// Who else acts.
    pub others: Others,
    /// Lines after which the goal holds.
    pub model: Vec<String>,
    /// What is to hold.
    pub goal: Goal,
    /// Lines after which it does not, and by what this mistake is known again.
    pub wrong: Vec<Mistake<Vec<String>>>,
}

/// A scenario to be mended.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The broken one: a file of the folder.
    pub file: String,
    /// The words of the line from which on it is shown, and of the one before which it ends.
    pub part: (Option<String>, Option<String>),
    /// What is to hold.
    pub goal: Goal,
    /// The repair.
    pub model: Vec<Replacement>,
    /// Repairs that do not help.
    pub wrong: Vec<Mistake<Vec<Replacement>>>,
}

/// A wrong way.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake<T> {
    /// What is done.
    pub way: T,
    /// By what it is known again.
    pub when: Option<Goal>,
    /// Why it is wrong.
    pub reason: Reason,
}

/// A change of the story that may be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it is shown.
    pub text: String,
    /// Whether the goal holds after it.
    pub right: bool,
    /// What is said when it was run.
    pub reason: Reason,
    /// Presets of things that go wrong.
    pub breaks: Vec<String>,
    /// Faults of the scenario format.
    pub faults: Vec<Value>,
    /// A change of a line: its id in `lessons/whatif.toml`, and at which Steps.
    pub edit: Option<(String, Option<Filter>)>,
    /// Another scenario.
    pub scenario: Option<String>,
}
