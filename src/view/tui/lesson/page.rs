//! The page as rows: prose, and each activity where it stands.

use super::{LessonView, Said};
use crate::lesson::activity::{Question, Task};
use crate::lesson::prose::Block;
use crate::view::lesson::asked::{self, Asked};
use crate::view::lesson::rows::{Look, Row, Setter};

/// The rows of a page, and which of them the cursor is in.
pub(super) struct Set {
    pub rows: Vec<Row>,
    /// From the activity that takes the keys to its end.
    pub here: (usize, usize),
}

impl LessonView {
    /// The page, set to a width.
    pub(super) fn set(&self, width: usize) -> Set {
        let mut setter = Setter::new(width, self.unfolded);
        let mut here = (0, 0);
        let Some(page) = self.session.open() else { return Set { rows: setter.rows, here } };
        for block in &page.blocks {
            match block {
                Block::Activity(number) => {
                    setter.gap();
                    let from = setter.rows.len();
                    self.activity(*number, &mut setter);
                    if Some(*number) == self.at {
                        here = (from, setter.rows.len());
                    }
                }
                block => setter.block(block, 0),
            }
        }
        Set { rows: setter.rows, here }
    }

    fn activity(&self, number: usize, setter: &mut Setter) {
        let Some(asked) = self.asked.get(&number) else { return };
        let done = self.session.is_done(number);
        let is_at = self.at == Some(number);
        let (sign, look) = match (done, is_at) {
            (true, _) => ("✓ ", Look::Right),
            (false, true) => ("▶ ", Look::Key),
            (false, false) => ("○ ", Look::Dim),
        };
        let head = if is_at { Look::Strong } else { Look::Plain };
        setter.say(sign, look, asked.kind, Look::Dim);
        setter.say("│ ", look, &asked.ask, head);
        for line in &asked.setting {
            setter.say("│ ", look, line, Look::Code);
        }
        if is_at || !done {
            self.choices_of(number, asked, is_at, setter);
        }
        if is_at && asked.choices.is_empty() {
            setter.say("│ ", look, self.how(number), Look::Dim);
        } else if is_at && let Some(keys) = self.keys_of(number) {
            setter.say("│ ", look, keys, Look::Dim);
        }
        match self.said.get(&number) {
            Some(Said::Verdict(verdict, named)) => {
                let activity = self.session.activity(number);
                asked::verdict(verdict, activity, setter);
                if is_at && !verdict.right && activity.is_some_and(|activity| !activity.hints.is_empty()) {
                    setter.say("  ", Look::Plain, "h: a hint", Look::Dim);
                }
                for point in named {
                    setter.say("  ☐ ", Look::Key, point, Look::Plain);
                }
            }
            Some(Said::Hint(nth, of, hint)) => {
                setter.say(&format!("hint {nth} of {of}  "), Look::Key, hint, Look::Plain);
            }
            None => {}
        }
    }

    fn choices_of(&self, number: usize, asked: &Asked, is_at: bool, setter: &mut Setter) {
        let task = self.session.activity(number).map(|activity| &activity.task);
        if is_at && matches!(task, Some(Task::Answer(Question::Order { .. }))) {
            self.in_order(asked, setter);
            return;
        }
        for (nth, choice) in asked.choices.iter().enumerate() {
            let under = is_at && nth == self.cursor;
            let place = self.chosen.iter().position(|chosen| *chosen == nth).filter(|_| is_at);
            let mark = match (task, place) {
                (Some(Task::Answer(Question::Order { .. })), _) => "[ ] ".to_owned(),
                (Some(Task::Answer(Question::Choose { several: true, .. })), Some(_)) => "[x] ".to_owned(),
                (Some(Task::Answer(Question::Choose { several: true, .. })), None) => "[ ] ".to_owned(),
                (Some(Task::Answer(Question::Match { .. })), _) => {
                    match self.given.get(&nth).filter(|_| is_at) {
                        Some(right) => format!("→ {} ", right + 1),
                        None => "→ … ".to_owned(),
                    }
                }
                _ => String::new(),
            };
            let cursor = if under { "❯" } else { " " };
            let is_match = !asked.rights.is_empty();
            let lead = match is_match {
                true => format!("│ {cursor} {mark}"),
                false => format!("│ {cursor} {} {mark}", nth + 1),
            };
            setter.say(&lead, Look::Key, choice, if under { Look::Chosen } else { Look::Plain });
        }
        for (nth, right) in asked.rights.iter().enumerate() {
            setter.say(&format!("│     {}  ", nth + 1), Look::Key, right, Look::Emphasis);
        }
    }

    /// What is put in order. Where all have a place, it is listed so, and what was said of each stands beside it.
    fn in_order(&self, asked: &Asked, setter: &mut Setter) {
        let all = self.places.all().is_some();
        for (row, item) in self.places.listed().into_iter().enumerate() {
            let under = row == self.cursor;
            let cursor = if under { "❯" } else { " " };
            let lead = match (all, self.places.of(item)) {
                (true, _) => {
                    let said = match self.places.verdict(row) {
                        Some(true) => "✓",
                        Some(false) => "✗",
                        None => " ",
                    };
                    format!("│ {cursor} {said} [{}] ", row + 1)
                }
                (false, Some(place)) => format!("│ {cursor} {} [{}] ", row + 1, place + 1),
                (false, None) => format!("│ {cursor} {} [ ] ", row + 1),
            };
            let text = asked.choices.get(item).map(String::as_str).unwrap_or_default();
            setter.say(&lead, Look::Key, text, if under { Look::Chosen } else { Look::Plain });
        }
    }

    /// The keys that answer where one key is not enough.
    fn keys_of(&self, number: usize) -> Option<&'static str> {
        match self.session.activity(number).map(|activity| &activity.task) {
            Some(Task::Answer(Question::Choose { several: true, .. })) => {
                Some("space or a number: mark it, or take the mark back; enter: answer")
            }
            Some(Task::Answer(Question::Order { .. })) => Some(match self.places.all() {
                Some(_) => {
                    "< >, or shift ↑↓: move the line at ❯ up or down; space: take it out; enter: answer"
                }
                None => "space or a number: this one comes next, or not yet",
            }),
            Some(Task::Answer(Question::Match { .. })) => {
                Some("a number: that one belongs to the line at ❯; ↑↓: another line; enter: answer")
            }
            _ => None,
        }
    }

    /// How an activity without choices is done.
    fn how(&self, number: usize) -> &'static str {
        match self.session.activity(number).map(|activity| &activity.task) {
            Some(Task::Watch(_)) => "enter: look at these lines in the story",
            Some(Task::Find { .. }) => "enter: to the story; go to the line, and press enter there",
            Some(Task::Explain { .. }) => "enter: write; s shows the line in the story",
            Some(Task::Type(_)) => "enter: call the server",
            Some(Task::Repair(_)) => "enter: mend the text",
            Some(Task::Predict(_)) => "the world runs …",
            _ => "enter: type your answer",
        }
    }
}
