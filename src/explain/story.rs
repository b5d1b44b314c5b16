//! [`Story`]: a transcript as it is read: chapters, Steps with their Notes, facts, in order.
//!
//! The one way from Records to what views show: dissect, fold the state, explain. Views take [`Item`]s.

use super::chapter::Chapters;
use super::{Explainer, Note, facts};
use crate::base::Instant;
use crate::dissect::{Dissector, Step};
use crate::state::State;
use crate::trace::{Fact, Head, Mark, Record};

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

/// Records in, Items out: pure, in order, with bounded memory of its own (what the state holds is the mail itself).
#[derive(Default)]
pub struct Story {
    dissector: Dissector,
    state: State,
    explainer: Explainer,
    chapters: Chapters,
}

impl Story {
    /// The story of a transcript with this head.
    pub fn new(head: &Head) -> Self {
        Story {
            dissector: Dissector::new(),
            state: State::default(),
            explainer: Explainer::new(head),
            chapters: Chapters::new(head),
        }
    }

    /// Take the record at `index` of the transcript; gives what is to be shown of it, in order.
    pub fn push(&mut self, index: usize, record: &Record) -> Vec<Item> {
        self.explainer.observe(record);
        self.chapters.observe(record);
        let steps = self.dissector.push(index, record);
        let mut items = self.explain(steps);
        match record {
            Record::Fact { at, host, fact } => {
                self.state.apply_fact(*at, host, fact);
                let text = facts::text(*at, host, fact);
                items.push(Item::Fact { at: *at, host: host.clone(), fact: fact.clone(), text });
            }
            Record::Mark(mark) => items.push(Item::Mark(mark.clone())),
            _ => {}
        }
        items
    }

    /// Nothing more comes: what still waits is shown.
    pub fn finish(&mut self) -> Vec<Item> {
        let steps = self.dissector.finish();
        self.explain(steps)
    }

    /// What holds after everything that was pushed.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn explain(&mut self, steps: Vec<Step>) -> Vec<Item> {
        let mut items = Vec::with_capacity(steps.len());
        for step in steps {
            items.extend(self.chapters.step(&step, &self.state).map(Item::Chapter));
            let note = self.explainer.note(&step);
            self.state.apply_step(&step);
            items.push(Item::Step(Box::new(step), Box::new(note)));
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::head;
    use super::*;

    #[test]
    fn facts_and_marks_keep_their_place() {
        let head = head();
        let mut story = Story::new(&head);
        let fact = Fact::Dequeued { id: "1A".to_owned() };
        let at = Instant::from_secs(1);
        let records = [
            Record::Head(head),
            Record::Fact { at, host: "mail.example.com".to_owned(), fact: fact.clone() },
            Record::End { at },
        ];
        let items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
        let [Item::Fact { text, .. }] = &items[..] else { panic!("{items:?}") };
        assert!(text.contains("1A") && text.contains("mail.example.com"), "{text}");
        assert!(story.finish().is_empty());
    }
}
