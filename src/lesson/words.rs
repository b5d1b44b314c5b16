//! An [`Attempt`] as text and back: what is kept in the progress file, handed in, and judged again when it is graded.

use super::activity::{Activity, Question, Task};
use super::desk;
use super::format::Lesson;
use super::judge::{self, Attempt};
use super::story::Stories;

/// Stands between the two of a pair.
const BELONGS: &str = " → ";

/// What was done, in words that [`heard`] reads back.
pub fn told(stories: &Stories, lesson: &Lesson, activity: &Activity, attempt: &Attempt) -> String {
    let listed = |texts: &[String], numbers: &[usize]| {
        let chosen: Vec<&str> = numbers.iter().filter_map(|n| texts.get(*n).map(String::as_str)).collect();
        chosen.join("\n")
    };
    match attempt {
        Attempt::Seen => "seen".to_owned(),
        Attempt::Chosen(numbers) => listed(&choices(stories, lesson, activity), numbers),
        Attempt::Written(text) | Attempt::Edited(text) => text.clone(),
        Attempt::Ordered(numbers) => listed(&shown(activity), numbers),
        Attempt::Matched(given) => match &activity.task {
            Task::Answer(Question::Match { pairs, rights }) => {
                let pair = |(pair, right): (&(String, String, String), &usize)| {
                    Some(format!("{}{BELONGS}{}", pair.0, rights.get(*right)?))
                };
                pairs.iter().zip(given).filter_map(pair).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        },
        Attempt::Pointed(number) => format!("step {number}"),
        Attempt::Typed(pieces, hang_up) => {
            let mut text: String = pieces.concat().replace("\r\n", "\n");
            if *hang_up {
                text.push_str(desk::HANG_UP);
            }
            text.trim_end_matches('\n').to_owned()
        }
    }
}

/// What was done, from its words; `None` where they say nothing that can be done in this activity.
pub fn heard(stories: &Stories, lesson: &Lesson, activity: &Activity, text: &str) -> Option<Attempt> {
    let numbers = |texts: &[String]| -> Option<Vec<usize>> {
        let place = |line: &str| texts.iter().position(|text| text.trim() == line.trim());
        text.lines().filter(|line| !line.trim().is_empty()).map(place).collect()
    };
    match &activity.task {
        Task::Watch(_) => (text.trim() == "seen").then_some(Attempt::Seen),
        Task::Predict(_) | Task::WhatIf { .. } | Task::Answer(Question::Choose { .. }) => {
            numbers(&choices(stories, lesson, activity)).filter(|n| !n.is_empty()).map(Attempt::Chosen)
        }
        Task::Answer(Question::Text { .. }) | Task::Explain { .. } => {
            Some(Attempt::Written(text.to_owned())).filter(|_| !text.trim().is_empty())
        }
        Task::Answer(Question::Order { .. }) => numbers(&shown(activity)).map(Attempt::Ordered),
        Task::Answer(Question::Match { pairs, rights }) => {
            let given = |(left, _, _): &(String, String, String)| {
                let begins = format!("{left}{BELONGS}");
                let right = text.lines().find_map(|line| line.trim().strip_prefix(&begins))?;
                rights.iter().position(|text| text.trim() == right.trim())
            };
            pairs.iter().map(given).collect::<Option<_>>().map(Attempt::Matched)
        }
        Task::Find { .. } => text.trim().strip_prefix("step ")?.parse().ok().map(Attempt::Pointed),
        Task::Type(typing) => {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let (pieces, hang_up) = desk::pieces(typing.protocol, &lines);
            Some(Attempt::Typed(pieces, hang_up))
        }
        Task::Repair(_) => Some(Attempt::Edited(text.to_owned())),
    }
}

/// What there is to choose, as it is shown.
pub fn choices(stories: &Stories, lesson: &Lesson, activity: &Activity) -> Vec<String> {
    match &activity.task {
        Task::Answer(Question::Choose { choices, .. }) => {
            choices.iter().map(|choice| choice.text.clone()).collect()
        }
        Task::WhatIf { choices, .. } => choices.iter().map(|choice| choice.text.clone()).collect(),
        Task::Predict(spot) => {
            let question = stories.of(lesson, activity).ok().and_then(|o| judge::question(&o, spot));
            let choices = question.map(|question| question.choices).unwrap_or_default();
            choices.iter().map(|choice| choice.sentence()).collect()
        }
        _ => Vec::new(),
    }
}

/// What is to be put in order, as it is shown.
fn shown(activity: &Activity) -> Vec<String> {
    match &activity.task {
        Task::Answer(Question::Order { items, shown }) => {
            shown.iter().filter_map(|item| items.get(*item).map(|(text, _)| text.clone())).collect()
        }
        _ => Vec::new(),
    }
}
