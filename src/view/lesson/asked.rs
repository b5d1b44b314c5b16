//! [`Asked`]: an activity as it is put to a student: what is asked, what there is to choose, how to answer.

use crate::base::escape;
use crate::explain::predict;
use crate::lesson::activity::{Question, Spot, Task};
use crate::lesson::judge::{self, Verdict};
use crate::lesson::outcome::Outcome;
use crate::lesson::session::is_read_by_people;
use crate::lesson::{Activity, Lesson, Session, Stories};
use crate::view::lesson::beside::Beside;
use crate::view::lesson::rows::{Look, Setter};

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What kind of thing it is, in a word: `choose one`, `type a session`.
    pub kind: &'static str,
    /// What stands before the choices: what was said last, where it happens.
    pub setting: Vec<String>,
    /// What is asked.
    pub ask: String,
    /// What there is to choose, each behind its number.
    pub choices: Vec<String>,
    /// What stands on the right side, each behind its letter.
    pub rights: Vec<String>,
    /// How it is answered in a dialogue.
    pub how: String,
}

impl Asked {
    /// How an activity is put.
    pub fn of(session: &Session, number: usize) -> Asked {
        Asked::put(session.stories(), session.lesson(), number)
    }

    /// The same of a lesson. What comes next in a story is known when its world has run.
    pub fn put(stories: &Stories, lesson: &Lesson, number: usize) -> Asked {
        let mut asked = Asked::at_once(lesson, number);
        let Some(activity) = lesson.activities.get(number) else { return asked };
        if let Task::Predict(spot) = &activity.task {
            let outcome = stories.of(lesson, activity);
            if let Some(question) = outcome.ok().and_then(|outcome| judge::question(&outcome, spot)) {
                asked.predicted(&question);
            }
        }
        if let Task::Explain { spot, .. } = &activity.task
            && let Ok(outcome) = stories.of(lesson, activity)
        {
            asked.setting.extend(spoken(&outcome, spot));
        }
        asked
    }

    /// What of it is known before any world has run.
    pub fn at_once(lesson: &Lesson, number: usize) -> Asked {
        let Some(activity) = lesson.activities.get(number) else { return Asked::default() };
        let mut asked = Asked { ask: paragraph(&activity.ask), ..Asked::default() };
        let (kind, how) = words(&activity.task);
        (asked.kind, asked.how) = (kind, how.to_owned());
        match &activity.task {
            Task::Answer(Question::Choose { choices, .. }) => {
                asked.choices = choices.iter().map(|choice| escape::text(&choice.text)).collect();
            }
            Task::Answer(Question::Order { items, shown }) => {
                let texts = shown.iter().filter_map(|item| items.get(*item));
                asked.choices = texts.map(|(text, _)| escape::text(text)).collect();
                // An example of the length that is asked for.
                let numbers: Vec<String> = (1..=items.len()).rev().map(|number| number.to_string()).collect();
                asked.how = format!("{how}, as in: {}.", numbers.join(" "));
            }
            Task::Answer(Question::Match { pairs, rights }) => {
                asked.choices = pairs.iter().map(|(left, ..)| escape::text(left)).collect();
                asked.rights = rights.iter().map(|right| escape::text(right)).collect();
            }
            Task::WhatIf { choices, .. } => {
                asked.choices = choices.iter().map(|choice| escape::text(&choice.text)).collect();
            }
            _ => {}
        }
        asked
    }

    fn predicted(&mut self, question: &predict::Question) {
        if !question.setting.is_empty() {
            self.setting.push(format!("Between {}.", question.setting));
        }
        self.setting.extend(question.last.as_ref().map(|last| format!("Last said: {last}")));
        self.choices = question.choices.iter().map(predict::Choice::sentence).collect();
    }
}

/// The line of a spot, as the story beside tells it.
fn spoken(outcome: &Outcome, spot: &Spot) -> Option<String> {
    let number = judge::spot(outcome, spot)?.number;
    let beside = Beside::of(&outcome.records);
    let row = beside.rows.get(beside.row_of(number)?)?;
    Some(match row.who.as_str() {
        "" => format!("Step {number}: {}", row.line),
        who => format!("Step {number}, {who}: {}", row.line),
    })
}

/// What kind of activity it is, and how it is answered in a dialogue.
fn words(task: &Task) -> (&'static str, &'static str) {
    match task {
        Task::Watch(_) => ("look", "Say watch to hear these steps."),
        Task::Predict(_) => ("what comes next?", "Answer with a number."),
        Task::Answer(Question::Choose { several: false, .. }) => ("choose one", "Answer with a number."),
        Task::Answer(Question::Choose { .. }) => {
            ("choose all that are right", "Answer with the numbers, as in: 1 3.")
        }
        Task::Answer(Question::Text { .. }) => ("answer", "Type your answer."),
        Task::Answer(Question::Order { .. }) => {
            ("put in order", "Answer with all numbers in the right order")
        }
        Task::Answer(Question::Match { .. }) => {
            ("match", "Answer with a letter for each number, in their order, as in: b a c.")
        }
        Task::Find { .. } => (
            "find",
            "Say story to hear the lines, or look and a number to hear one; answer with the number of the step.",
        ),
        Task::Explain { .. } => ("explain", "Say watch to hear the line; then type your explanation."),
        Task::Type(_) => ("type a session", "Say start to call the server."),
        Task::Repair(_) => ("repair", "Say start to see the text."),
        Task::WhatIf { .. } => ("what if", "Answer with a number: that change is run."),
    }
}

/// Text of a file on one line.
fn paragraph(text: &str) -> String {
    escape::text(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The letter of a text on the right side, from 0.
pub fn letter(number: usize) -> char {
    u8::try_from(number).ok().and_then(|n| b'a'.checked_add(n)).map_or('?', char::from)
}

/// What is made of an attempt, in a word. What people read was judged by nobody yet.
fn word(verdict: &Verdict, activity: Option<&Activity>) -> &'static str {
    match verdict.right {
        true if activity.is_some_and(is_read_by_people) => "Kept.",
        true if activity.is_some_and(|activity| matches!(activity.task, Task::Watch(_))) => "Seen.",
        true => "Right.",
        false => "Not yet.",
    }
}

/// What is made of an attempt at an activity, as rows.
pub fn verdict(verdict: &Verdict, activity: Option<&Activity>, setter: &mut Setter) {
    let (sign, look) = match verdict.right {
        true => ("✓ ", Look::Right),
        false => ("✗ ", Look::Wrong),
    };
    let word = word(verdict, activity);
    setter.say(sign, look, word, look);
    for said in &verdict.said {
        for line in said.text.lines() {
            setter.say("  ", Look::Plain, line, Look::Plain);
        }
        if let Some(row) = said.misconception.filter(|_| !verdict.right).and_then(judge::named) {
            setter.say("  ", Look::Plain, &row, Look::Mistake);
        }
    }
}

/// The same in sentences.
pub fn sentences(verdict: &Verdict, activity: Option<&Activity>) -> Vec<String> {
    let mut out = vec![word(verdict, activity).to_owned()];
    for said in &verdict.said {
        out.extend(said.text.lines().map(escape::text));
        out.extend(said.misconception.filter(|_| !verdict.right).and_then(judge::named));
    }
    out
}

/// What is written at the end of an explanation, for the student to tick.
pub fn points(activity: &Activity) -> Vec<String> {
    match &activity.task {
        Task::Explain { points, .. } => points.iter().map(|point| escape::text(point)).collect(),
        _ => Vec::new(),
    }
}
