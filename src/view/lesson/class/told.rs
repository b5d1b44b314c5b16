//! The story of an exercise in a dialogue: its lines, one of them, those that an exercise is about, and the story that came
//! of what a student changed.

use super::{Class, nothing};
use crate::dissect::filter::Filter;
use crate::lesson::activity::Task;
use crate::lesson::judge::{self, Attempt};
use crate::lesson::outcome::Outcome;
use crate::lesson::session::came_again;
use crate::view::lesson::beside::{Beside, Told};
use crate::view::linear::say;
use std::sync::Arc;

/// Steps that are told at once, at most.
const MOST_TOLD: usize = 60;

impl Class {
    /// The story of the exercise that answers go to.
    fn of_exercise(&self) -> Result<Arc<Outcome>, Vec<String>> {
        let Some((_, activity)) = self.current() else { return Err(nothing()) };
        let told = self.session.stories().of(self.session.lesson(), &activity);
        told.map_err(|why| vec![say::sentence(&why)])
    }

    /// The lines that an exercise is about.
    pub(super) fn watch(&mut self) -> Vec<String> {
        let Some((number, activity)) = self.current() else { return nothing() };
        let outcome = match self.of_exercise() {
            Ok(outcome) => outcome,
            Err(why) => return why,
        };
        let beside = Beside::of(&outcome.records);
        let rows: Vec<usize> = match &activity.task {
            Task::Watch(stretch) => {
                let places = judge::stretch(&outcome, stretch);
                places.into_iter().filter_map(|place| beside.row_at(place)).collect()
            }
            Task::Explain { spot, .. } => {
                let step = judge::spot(&outcome, spot);
                step.and_then(|step| beside.row_of(step.number)).into_iter().collect()
            }
            _ => return vec!["This exercise has no lines of its own: say story.".to_owned()],
        };
        let mut out: Vec<String> = rows.iter().take(MOST_TOLD).flat_map(|row| beside.told(*row)).collect();
        if rows.len() > MOST_TOLD {
            out.push(format!("And {} more.", rows.len() - MOST_TOLD));
        }
        if matches!(activity.task, Task::Watch(_)) {
            out.extend(self.attempt(number, &Attempt::Seen));
        }
        out
    }

    /// The lines of the story as it is.
    pub(super) fn story(&mut self, filter: &str) -> Vec<String> {
        let outcome = match self.of_exercise() {
            Ok(outcome) => outcome,
            Err(why) => return why,
        };
        let beside = Beside::of(&outcome.records);
        let mut out = vec![format!("{}, {} steps.", beside.title, beside.steps())];
        out.extend(self.lines(&outcome, &beside, filter));
        self.told = Some(outcome);
        out
    }

    /// The lines of the story that the student made, from where it goes another way.
    pub(super) fn outcome(&mut self, filter: &str) -> Vec<String> {
        let Some(number) = self.made.filter(|number| self.session.came(*number).is_some()).or(self.at) else {
            return nothing();
        };
        let (lesson, stories) = (Arc::clone(self.session.lesson()), Arc::clone(self.session.stories()));
        let kept = || came_again(&stories, &lesson, number, &self.session.done(number).answer);
        let Some(outcome) = self.session.came(number).cloned().or_else(kept) else {
            return vec!["Nothing was changed in a story yet: answer first, or say story.".to_owned()];
        };
        let beside = Beside::of(&outcome.records);
        let before = lesson.activities.get(number).and_then(|activity| stories.of(&lesson, activity).ok());
        let other = before.map(|before| beside.differing(&Beside::of(&before.records)));
        let mut out = vec![format!("What came of it: {}, {} steps.", beside.title, beside.steps())];
        let first = other.and_then(|mut rows| {
            rows.find_map(|row| beside.rows.get(row).map(|row| row.number).filter(|number| *number > 0))
        });
        out.push(match first {
            Some(step) => format!("It goes another way from step {step} on."),
            None => "No line of it is another one.".to_owned(),
        });
        out.extend(self.lines(&outcome, &beside, filter));
        self.told = Some(outcome);
        out
    }

    fn lines(&self, outcome: &Outcome, beside: &Beside, filter: &str) -> Vec<String> {
        let wanted: Option<Vec<usize>> = match filter {
            "" => None,
            filter => match Filter::parse(filter) {
                Ok(filter) => Some(outcome.steps(&filter).iter().map(|step| step.number).collect()),
                Err(error) => return vec![say::sentence(&error.to_string())],
            },
        };
        let hidden = self.session.hidden_from(outcome);
        let open = hidden.and_then(|step| beside.row_of(step)).unwrap_or(beside.rows.len());
        let is_wanted = |row: &&Told| wanted.as_ref().is_none_or(|wanted| wanted.contains(&row.number));
        let mut out: Vec<String> = beside.rows.iter().take(open).filter(is_wanted).map(line).collect();
        if out.is_empty() && wanted.is_some() {
            out.push("None of its lines passes this filter.".to_owned());
        }
        if hidden.is_some() {
            out.push(HIDDEN.to_owned());
        }
        out
    }

    /// Everything about a Step of the story that was told last; or all its lines, where there are many.
    pub(super) fn look(&mut self, number: usize, whole: bool) -> Vec<String> {
        let outcome = match self.told.clone().map_or_else(|| self.of_exercise(), Ok) {
            Ok(outcome) => outcome,
            Err(why) => return why,
        };
        if self.session.hidden_from(&outcome).is_some_and(|hidden| number >= hidden) {
            return vec![HIDDEN.to_owned()];
        }
        let beside = Beside::of(&outcome.records);
        match beside.row_of(number) {
            Some(row) if whole => beside.whole(row),
            Some(row) => beside.told(row),
            None => vec![format!("The story has {} steps.", beside.steps())],
        }
    }
}

/// What stands for the lines that would tell an answer.
const HIDDEN: &str =
    "What comes then is told when you have said what comes next: an exercise of this step asks for it.";

fn line(row: &Told) -> String {
    match (row.number, row.who.as_str()) {
        (0, _) => match row.line.strip_prefix("── ") {
            Some(chapter) => say::sentence(&format!("Chapter {chapter}")),
            None => say::sentence(&format!("Meanwhile: {}", row.line.trim_start_matches("● "))),
        },
        (number, "") => format!("{number}: {}", row.line),
        (number, who) => format!("{number}: {who}: {}", row.line),
    }
}
