//! What a student did → right or wrong, and why. [`Attempt`] in, [`Verdict`] out.

use super::activity::{Activity, Change, Choice, Mistake, Question, Reason, Repair, Spot, Stretch, Task};
use super::desk;
use super::format::Lesson;
use super::goal::Goal;
use super::outcome::Outcome;
use super::story::{Stories, Told};
use crate::dissect::Step;
use crate::dissect::filter::Filter;
use crate::explain::predict;
use crate::explain::{StoryIndex, misconception};
use crate::trace::Record;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Seed of the questions about the line that comes: everybody is asked the same.
const SEED: u64 = 1;

/// What a student did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Looked at all of it.
    Seen,
    /// Chose these, from 0 in the order in which they are shown.
    Chosen(Vec<usize>),
    /// Wrote this.
    Written(String),
    /// Put what is shown into this order: for each place, the number of what is shown, from 0.
    Ordered(Vec<usize>),
    /// Gave each left one this right one, from 0 in the order in which they are shown.
    Matched(Vec<usize>),
    /// Pointed at the Step of this number.
    Pointed(usize),
    /// Typed these pieces, and hung up or did not.
    Typed(Vec<String>, bool),
    /// Made this text of the part that is shown.
    Edited(String),
}

/// What is to be made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the activity is done.
    pub right: bool,
    /// What is said, in order.
    pub said: Vec<Said>,
}

/// One thing that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// In words.
    pub text: String,
    /// The misconception that it names.
    pub misconception: Option<u8>,
}

impl Verdict {
    fn new(right: bool) -> Self {
        Verdict { right, said: Vec::new() }
    }

    fn say(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.trim().is_empty() {
            self.said.push(Said { text, misconception: None });
        }
        self
    }

    fn because(mut self, reason: &Reason) -> Self {
        self.said.push(Said { text: reason.why.clone(), misconception: reason.misconception });
        self
    }
}

/// Judge what a student did in an activity.
///
/// # Errors
/// It could not be judged: there is no such choice, or the story does not run. In words.
pub fn judge(
    stories: &Stories,
    lesson: &Lesson,
    activity: &Activity,
    attempt: &Attempt,
) -> Result<Verdict, String> {
    match (&activity.task, attempt) {
        (Task::Watch(_), Attempt::Seen) => Ok(Verdict::new(true).say(&activity.why)),
        (Task::Predict(_), Attempt::Chosen(chosen)) => {
            let outcome = stories.of(lesson, activity)?;
            predicted(activity, &outcome, chosen)
        }
        (Task::Answer(question), _) => answered(activity, question, attempt),
        (Task::Find { right, wrong }, Attempt::Pointed(number)) => {
            let outcome = stories.of(lesson, activity)?;
            found(activity, &outcome, right, wrong, *number)
        }
        (Task::Explain { model, .. }, Attempt::Written(text)) => match text.trim() {
            "" => Err("nothing was written".to_owned()),
            _ => Ok(Verdict::new(true).say(format!("A good explanation: {model}")).say(&activity.why)),
        },
        (Task::Type(typing), Attempt::Typed(..)) => {
            let outcome = came_of(stories, lesson, activity, attempt)?;
            Ok(reached(activity, &typing.goal, &typing.wrong, &outcome))
        }
        (Task::Repair(repair), Attempt::Edited(_)) => {
            // A text that is no scenario is a wrong repair, and says where.
            match came_of(stories, lesson, activity, attempt) {
                Ok(outcome) => Ok(reached(activity, &repair.goal, &repair.wrong, &outcome)),
                Err(why) => {
                    let seen = line_seen(lesson, repair, &why);
                    let verdict = Verdict::new(false).say(why);
                    Ok(seen.map_or(verdict.clone(), |line| {
                        verdict.say(format!("In the part that you see it is line {line}."))
                    }))
                }
            }
        }
        (Task::WhatIf { goal, choices }, Attempt::Chosen(chosen)) => {
            let choice = chosen_of(choices, chosen)?;
            let outcome = came_of(stories, lesson, activity, attempt)?;
            let verdict = match goal.holds(&outcome) {
                Ok(()) => Verdict::new(true).because(&choice.reason).say(&activity.why),
                Err(missing) => Verdict::new(false).say(missing).because(&choice.reason),
            };
            Ok(verdict)
        }
        _ => Err(format!("that is no way to do a `{}`", activity.task.name())),
    }
}

/// An error names a line of the whole file; which one it is of the part that a student sees, where that is not the same.
fn line_seen(lesson: &Lesson, repair: &Repair, why: &str) -> Option<usize> {
    let text = &lesson.files.get(&repair.file)?.text;
    let before = text.get(..desk::part(text, &repair.part)?.start)?.lines().count();
    let (_, place) = why.split_once("--> ")?;
    let place = place.lines().next()?.rsplit_once(':')?.0;
    let line: usize = place.rsplit_once(':')?.1.parse().ok()?;
    line.checked_sub(before).filter(|seen| *seen > 0 && before > 0)
}

/// The story that a student made: with what was typed, mended or changed in it.
///
/// # Errors
/// It does not run, or this attempt makes none; in words.
pub fn came_of(stories: &Stories, lesson: &Lesson, activity: &Activity, attempt: &Attempt) -> Told {
    match (&activity.task, attempt) {
        (Task::Type(typing), Attempt::Typed(pieces, hang_up)) => {
            stories.typed(lesson, activity, typing, (pieces.clone(), *hang_up))
        }
        (Task::Repair(repair), Attempt::Edited(part)) => {
            let text = whole(lesson, activity, part).ok_or("there is no such scenario")?;
            stories.repaired(lesson, repair, &text)
        }
        (Task::WhatIf { choices, .. }, Attempt::Chosen(chosen)) => {
            stories.changed(lesson, activity, chosen_of(choices, chosen)?)
        }
        _ => Err("nothing was changed in the story".to_owned()),
    }
}

fn chosen_of<'c>(choices: &'c [Change], chosen: &[usize]) -> Result<&'c Change, String> {
    let [chosen] = chosen else { return Err("choose one".to_owned()) };
    choices.get(*chosen).ok_or_else(|| "there is no such choice".to_owned())
}

/// The whole scenario with a part of it edited.
pub fn whole(lesson: &Lesson, activity: &Activity, part: &str) -> Option<String> {
    let Task::Repair(repair) = &activity.task else { return None };
    let text = &lesson.files.get(&repair.file)?.text;
    let range = desk::part(text, &repair.part)?;
    let mut out = text.clone();
    out.replace_range(range, part);
    Some(out)
}

/// What is in a stretch: places in [`Outcome::items`] of Steps and of what hosts stated.
pub fn stretch(outcome: &Outcome, stretch: &Stretch) -> Vec<usize> {
    match stretch {
        Stretch::Filter(filter) => outcome.matching(filter),
        Stretch::Steps(range) => {
            let is_in =
                |place: &usize| outcome.step_at(*place).is_some_and(|step| range.contains(step.number));
            (0..outcome.items.len()).filter(is_in).collect()
        }
    }
}

/// The Step of a spot.
pub fn spot<'o>(outcome: &'o Outcome, spot: &Spot) -> Option<&'o Step> {
    outcome.steps(&spot.at).get(spot.nth.checked_sub(1)?).copied()
}

/// The question before the Step of a spot; `None` where there is no such Step, or nobody could know it.
pub fn question(outcome: &Outcome, at: &Spot) -> Option<predict::Question> {
    let number = spot(outcome, at)?.number;
    let mut index = StoryIndex::of_records(Arc::clone(&outcome.records));
    index.wait();
    let row = index.row_of_step(number)?;
    let names: BTreeMap<IpAddr, String> = match outcome.records.first() {
        Some(Record::Head(head)) => {
            head.hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, h.name.clone()))).collect()
        }
        _ => BTreeMap::new(),
    };
    let host = |address: IpAddr| names.get(&address).cloned().unwrap_or_else(|| address.to_string());
    predict::at(&mut index, row, &host, SEED)
}

fn predicted(activity: &Activity, outcome: &Outcome, chosen: &[usize]) -> Result<Verdict, String> {
    let Task::Predict(at) = &activity.task else { return Err("nothing is asked".to_owned()) };
    let question = question(outcome, at).ok_or("there is no such step in the story")?;
    let [chosen] = chosen else { return Err("choose one".to_owned()) };
    let choice = question.choices.get(*chosen).ok_or("there is no such choice")?;
    let reason =
        Reason { why: choice.because.clone(), misconception: choice.misconception.map(|row| row.number) };
    let right = *chosen == question.right;
    let verdict = Verdict::new(right).because(&reason);
    Ok(if right { verdict.say(&activity.why) } else { verdict })
}

fn answered(activity: &Activity, question: &Question, attempt: &Attempt) -> Result<Verdict, String> {
    match (question, attempt) {
        (Question::Choose { choices, several }, Attempt::Chosen(chosen)) => {
            chose(activity, choices, *several, chosen)
        }
        (Question::Text { accept, wrong }, Attempt::Written(text)) => {
            let is = |other: &String| normal(other) == normal(text);
            if accept.iter().any(is) {
                return Ok(Verdict::new(true).say(&activity.why));
            }
            let known = wrong.iter().find(|(other, _)| is(other));
            Ok(match known {
                Some((_, reason)) => Verdict::new(false).because(reason),
                None => Verdict::new(false).say("That is not the answer that is meant."),
            })
        }
        (Question::Order { items, shown }, Attempt::Ordered(order)) => {
            let given: Vec<usize> = order.iter().filter_map(|place| shown.get(*place).copied()).collect();
            ordered(activity, items, &given)
        }
        (Question::Match { pairs, rights }, Attempt::Matched(given)) => {
            matched(activity, pairs, rights, given)
        }
        _ => Err("that is no answer to this kind of question".to_owned()),
    }
}

fn chose(
    activity: &Activity,
    choices: &[Choice],
    several: bool,
    chosen: &[usize],
) -> Result<Verdict, String> {
    if chosen.is_empty() || !several && chosen.len() != 1 {
        return Err(if several { "choose at least one" } else { "choose one" }.to_owned());
    }
    if chosen.iter().any(|number| *number >= choices.len()) {
        return Err("there is no such choice".to_owned());
    }
    let picked = chosen.iter().filter_map(|number| choices.get(*number));
    let wrong: Vec<&Reason> = picked.filter(|choice| !choice.right).map(|choice| &choice.reason).collect();
    let missing = choices.iter().enumerate().filter(|(n, c)| c.right && !chosen.contains(n)).count();
    if !wrong.is_empty() || missing > 0 {
        let verdict = wrong.into_iter().fold(Verdict::new(false), Verdict::because);
        return Ok(match missing {
            _ if !several => verdict,
            0 => verdict,
            1 => verdict.say("One right answer is missing."),
            count => verdict.say(format!("{count} right answers are missing.")),
        });
    }
    let reasons = choices.iter().filter(|choice| choice.right && !choice.reason.why.trim().is_empty());
    let verdict = reasons.fold(Verdict::new(true), |verdict, choice| verdict.because(&choice.reason));
    Ok(verdict.say(&activity.why))
}

/// Whether items stand in their order; where not, the first one that does not is told.
fn ordered(activity: &Activity, items: &[(String, String)], given: &[usize]) -> Result<Verdict, String> {
    let mut sorted = given.to_vec();
    sorted.sort_unstable();
    if sorted.iter().copied().ne(0..items.len()) {
        return Err("each of them has one place".to_owned());
    }
    let right = given.iter().enumerate().take_while(|(place, item)| place == *item).count();
    let Some((text, why)) = items.get(right) else {
        return Ok(Verdict::new(true).say(&activity.why));
    };
    let begins = match right {
        0 => format!("“{text}” comes first."),
        1 => format!("The first one is right. After it comes “{text}”."),
        count => format!("The first {count} are right. After them comes “{text}”."),
    };
    Ok(Verdict::new(false).say(begins).say(why))
}

fn matched(
    activity: &Activity,
    pairs: &[(String, String, String)],
    rights: &[String],
    given: &[usize],
) -> Result<Verdict, String> {
    if given.len() != pairs.len() || given.iter().any(|right| *right >= rights.len()) {
        return Err("each on the left has one on the right".to_owned());
    }
    let is_right = |(pair, given): &(&(String, String, String), &usize)| rights.get(**given) == Some(&pair.1);
    let wrong: Vec<_> = pairs.iter().zip(given).filter(|pair| !is_right(pair)).collect();
    if wrong.is_empty() {
        let verdict = pairs.iter().fold(Verdict::new(true), |verdict, pair| verdict.say(&pair.2));
        return Ok(verdict.say(&activity.why));
    }
    let told: Vec<String> = wrong.iter().map(|((left, _, _), _)| format!("“{left}”")).collect();
    Ok(Verdict::new(false).say(format!("Look again at {}.", told.join(", "))))
}

/// Words that differ in case, white space, quotes or a full stop are the same answer.
fn normal(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(['.', '!']).trim_matches(['"', '“', '”', '`']).to_owned()
}

fn found(
    activity: &Activity,
    outcome: &Outcome,
    right: &Filter,
    wrong: &[(Filter, Reason)],
    number: usize,
) -> Result<Verdict, String> {
    if outcome.step(number).is_none() {
        return Err(format!("there is no step {number} in the story"));
    }
    let has = |filter: &Filter| outcome.steps(filter).iter().any(|step| step.number == number);
    if has(right) {
        return Ok(Verdict::new(true).say(&activity.why));
    }
    let known = wrong.iter().find(|(filter, _)| has(filter));
    Ok(match known {
        Some((_, reason)) => Verdict::new(false).because(reason),
        None => Verdict::new(false).say(format!("Step {number} is not it.")),
    })
}

/// Whether a goal is reached; where it is not, what is missing, and which mistake it looks like.
fn reached<T>(activity: &Activity, goal: &Goal, wrong: &[Mistake<T>], outcome: &Outcome) -> Verdict {
    match goal.holds(outcome) {
        Ok(()) => Verdict::new(true).say(&activity.why),
        Err(missing) => {
            let known = wrong
                .iter()
                .find(|mistake| mistake.when.as_ref().is_some_and(|when| when.holds(outcome).is_ok()));
            let verdict = Verdict::new(false).say(missing);
            known.map_or(verdict.clone(), |mistake| verdict.because(&mistake.reason))
        }
    }
}

/// A misconception in a sentence: what people say, and what is so.
pub fn named(number: u8) -> Option<String> {
    let row = misconception(number)?;
    Some(format!("Many people think: {}. {} ({})", row.people_say, row.truth, row.source.join(", ")))
}
