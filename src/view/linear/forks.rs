//! What if: the story is told again with one thing otherwise, and goes its own way from there.

use super::{Linear, cut, nowhere, say};
use crate::explain::StoryIndex;
use crate::explain::misconception;
use crate::trace::Record;
use crate::view::fork::{self, Choice, Fate, Moment, Tree};
use crate::view::page::Page;
use crate::view::runner::{Order, Runner};
use crate::view::tui::Book;
use std::sync::Arc;

/// Differences that are told of a branch.
const MOST_DIFFERENCES: usize = 8;

/// The branches of a story, and who tells one anew.
pub(super) struct Forks {
    runner: Box<dyn Runner>,
    tree: Tree,
    /// What was offered last, and at which row.
    offered: (usize, Vec<Choice>),
}

impl Forks {
    pub(super) fn new(runner: Box<dyn Runner>, records: Arc<[Record]>) -> Self {
        Forks {
            runner,
            tree: Tree::new("the story as it was", changes(&records), records),
            offered: (0, Vec::new()),
        }
    }
}

/// The changes that a story was told with.
fn changes(records: &[Record]) -> Vec<crate::trace::Change> {
    match records.first() {
        Some(Record::Head(head)) => Order::of(head).map(|order| order.changes).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Linear {
    /// What could be otherwise at this line; with a number, that one.
    pub(super) fn what_if(&mut self, number: &str) -> Vec<String> {
        let Some(here) = self.here else { return nowhere() };
        let step = match self.book.shown(here).as_deref().map(|shown| &shown.page) {
            Some(Page::Step(step)) => step.number,
            _ => return vec!["This is no line on a wire: say next or back to go to one.".to_owned()],
        };
        let Some(forks) = &mut self.forks else {
            return vec![
                "Nothing can be changed in this story: it cannot be run again from here.".to_owned(),
            ];
        };
        if forks.offered.0 != here || forks.offered.1.is_empty() {
            let current = forks.tree.current().id;
            let Some(records) = forks.tree.records(current) else { return Vec::new() };
            match Moment::at(&records, step) {
                Ok(moment) => forks.offered = (here, fork::choices::of(&moment)),
                Err(why) => return vec![say::sentence(&why)],
            }
        }
        let choices = &forks.offered.1;
        if choices.is_empty() {
            return vec!["Nothing is offered that could be otherwise at this line.".to_owned()];
        }
        if number.is_empty() {
            let mut out = vec![format!("What could be otherwise at step {step}? Say what if and a number.")];
            let row =
                |(at, choice): (usize, &Choice)| format!("{}: {}", at + 1, say::sentence(&choice.title));
            out.extend(choices.iter().enumerate().map(row));
            return out;
        }
        let chosen = number.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?)).cloned();
        match chosen {
            Some(choice) => self.fork(&choice),
            None => vec![format!("There is no number {}: say what if to hear what there is.", cut(number))],
        }
    }

    /// Tell the story with this otherwise.
    fn fork(&mut self, choice: &Choice) -> Vec<String> {
        let Some(forks) = &mut self.forks else { return Vec::new() };
        let parent = forks.tree.current().id;
        let head = match forks.tree.records(parent).as_deref().and_then(<[Record]>::first) {
            Some(Record::Head(head)) => head.clone(),
            _ => return vec!["This story has no head, so it cannot be run again.".to_owned()],
        };
        let id = match forks.tree.grow(parent, &choice.title, choice.changes.clone()) {
            Ok(id) => id,
            Err(why) => return vec![say::sentence(&why)],
        };
        // A journey takes some milliseconds, and who listens waits for the answer anyway.
        match forks.runner.start(Order { head, changes: choice.changes.clone() }).wait() {
            Ok(records) => forks.tree.told(id, records.into()),
            Err(why) => {
                forks.tree.give_up(id);
                return vec![say::sentence(&format!("That cannot be run: {why}"))];
            }
        }
        let mut out = vec![say::sentence(&choice.title), say::sentence(&choice.watch)];
        if let Some(row) = misconception(choice.misconception) {
            out.push(format!("It is about a common belief: {}.", row.people_say));
        }
        out.extend(self.settle());
        out
    }

    /// Read the branch that is looked at from where it parts, and say how it ends.
    fn settle(&mut self) -> Vec<String> {
        let Some(forks) = &mut self.forks else { return Vec::new() };
        let branch = forks.tree.current().clone();
        let Some(records) = forks.tree.records(branch.id) else { return Vec::new() };
        let Some(Record::Head(head)) = records.first() else { return Vec::new() };
        let secrets = self.book.shows_secrets();
        self.book =
            Book::new(self.book.name.clone(), head, StoryIndex::of_records(Arc::clone(&records)), secrets);
        forks.offered = (0, Vec::new());
        (self.sieve, self.quiz, self.part) = (None, None, 0);
        let Some(parting) = &branch.parting else {
            self.here = self.here.filter(|here| *here < self.book.len());
            return vec!["This is the story as it was.".to_owned()];
        };
        let Some(step) = parting.step else {
            return vec!["It makes no difference: the story is the same to its end.".to_owned()];
        };
        let row = self.book.row_of_step(step).unwrap_or_default();
        self.here = row.checked_sub(1);
        self.marks.retain(|mark| *mark < row);
        let mut out = vec![format!("The story goes its own way from step {step}. In the end:")];
        for difference in parting.differences.iter().take(MOST_DIFFERENCES) {
            let (what, now, before) = (&difference.what, &difference.after, &difference.before);
            out.push(say::sentence(&format!("{what}: {now}; before it was: {before}")));
        }
        let more = parting.differences.len().saturating_sub(MOST_DIFFERENCES);
        if more > 0 {
            out.push(format!("And {more} more differences."));
        }
        out.push("Say next to hear it; branch 0 goes back to the story as it was.".to_owned());
        out
    }

    /// The branches, by number.
    pub(super) fn branches(&mut self) -> Vec<String> {
        let Some(forks) = &self.forks else { return vec!["There are no branches here.".to_owned()] };
        let current = forks.tree.current().id;
        let say = |row: fork::tree::Row| {
            let branch = forks.tree.get(row.id)?;
            let from = branch.parent.map_or(String::new(), |parent| format!(", from branch {parent}"));
            let parts = branch.parting.as_ref().and_then(|p| p.step);
            let parts = parts.map_or(String::new(), |step| format!(", its own from step {step}"));
            let here = if row.id == current { ". You are here" } else { "" };
            let failed = if matches!(branch.fate, Fate::Told(_)) { "" } else { ", not told" };
            Some(format!("Branch {}: {}{from}{parts}{failed}{here}.", row.id, branch.name))
        };
        forks.tree.rows().into_iter().filter_map(say).collect()
    }

    /// Go to a branch, or give one up.
    pub(super) fn branch(&mut self, number: &str, give_up: bool) -> Vec<String> {
        if number.is_empty() && !give_up {
            return self.branches();
        }
        let Some(forks) = &mut self.forks else { return vec!["There are no branches here.".to_owned()] };
        let current = forks.tree.current().id;
        let id = if number.is_empty() { Ok(current) } else { number.parse() };
        let none = format!("There is no branch {}: say branches to hear which there are.", cut(number));
        let Ok(id) = id else { return vec![none] };
        if give_up {
            if forks.tree.give_up(id).is_empty() {
                return vec![if id == 0 { "The story as it was stays.".to_owned() } else { none }];
            }
            let mut out = vec![format!("Branch {id} is given up, with all that was forked from it.")];
            if forks.tree.current().id != current {
                out.extend(self.settle());
            }
            return out;
        }
        if forks.tree.switch(id) { self.settle() } else { vec![none] }
    }
}
