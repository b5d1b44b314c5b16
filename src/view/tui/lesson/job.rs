//! [`Job`]: what of a lesson takes longer than a frame: a world runs, an attempt is judged, a story is told. It has all that
//! it needs with it, so that it can be run on whatever thread.

use super::{Story, Work};
use crate::lesson::activity::Task;
use crate::lesson::judge::{self, Attempt};
use crate::lesson::outcome::Outcome;
use crate::lesson::session::{Trial, asked_for, came_again};
use crate::lesson::story::Told;
use crate::lesson::{Lesson, Session, Stories};
use crate::trace::runner::Order;
use crate::view::lesson::{Asked, Beside, class};
use crate::view::talk::Talk;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// See the head of this file.
pub struct Job {
    stories: Arc<Stories>,
    lesson: Arc<Lesson>,
    page: usize,
    what: What,
}

/// What is to be done, with what only the session knows.
enum What {
    Judge(usize, Attempt),
    /// What was ordered; and the activity with the attempt that it is, where something was typed.
    Run(Box<Order>, Option<(usize, Attempt)>),
    Call(usize),
    /// The story that the student made last, and the answer that was kept; neither where the one before is wanted.
    Tell(usize, Option<Arc<Outcome>>, String),
    Ask(Vec<usize>),
}

/// What came of a [`Job`].
pub struct Done(pub(super) Finished);

/// The same, for the view.
pub(super) enum Finished {
    Judged(usize, Result<Box<Trial>, String>),
    /// The story, and whether the goal is reached.
    Ran(Told, bool),
    Called(Result<Box<Talk>, String>),
    Told(Result<Box<Story>, String>),
    Asked(BTreeMap<usize, Asked>),
}

impl Job {
    pub(super) fn new(session: &Session, work: Work, typed: Option<(usize, Attempt)>) -> Self {
        let what = match work {
            Work::Judge(number, attempt) => What::Judge(number, attempt),
            Work::Run(order) => What::Run(order, typed),
            Work::Call(number) => What::Call(number),
            Work::Tell(number, true) => {
                What::Tell(number, session.came(number).cloned(), session.done(number).answer)
            }
            Work::Tell(number, false) => What::Tell(number, None, String::new()),
            Work::Ask(numbers) => What::Ask(numbers),
        };
        Job {
            stories: Arc::clone(session.stories()),
            lesson: Arc::clone(session.lesson()),
            page: session.page(),
            what,
        }
    }

    /// Do it.
    pub fn run(self) -> Done {
        let Job { stories, lesson, page, what } = self;
        Done(match what {
            What::Judge(number, attempt) => {
                Finished::Judged(number, Trial::of(&stories, &lesson, number, &attempt).map(Box::new))
            }
            What::Run(order, typed) => {
                let told = stories.ordered(*order);
                let right = |(number, attempt): (usize, Attempt)| {
                    let activity = lesson.activities.get(number)?;
                    judge::judge(&stories, &lesson, activity, &attempt).ok()
                };
                let reached = typed.and_then(right).is_some_and(|verdict| verdict.right);
                Finished::Ran(told, reached)
            }
            What::Call(number) => Finished::Called(call(&stories, &lesson, number).map(Box::new)),
            What::Tell(number, came, answer) => {
                let came = came.or_else(|| came_again(&stories, &lesson, number, &answer));
                Finished::Told(tell(&stories, &lesson, (page, number), came).map(Box::new))
            }
            What::Ask(numbers) => {
                let put = |number: usize| (number, Asked::put(&stories, &lesson, number));
                Finished::Asked(numbers.into_iter().map(put).collect())
            }
        })
    }
}

fn call(stories: &Stories, lesson: &Lesson, number: usize) -> Result<Talk, String> {
    let activity = lesson.activities.get(number).ok_or("there is no such activity")?;
    let Task::Type(typing) = &activity.task else { return Err("nobody is called here".to_owned()) };
    class::talk(stories, lesson, activity, typing)
}

/// The story of an activity; or the one that the student made of it.
fn tell(
    stories: &Stories,
    lesson: &Lesson,
    (page, number): (usize, usize),
    came: Option<Arc<Outcome>>,
) -> Result<Story, String> {
    let activity = lesson.activities.get(number).ok_or("there is no such activity")?;
    let made = came.is_some();
    let before = stories.of(lesson, activity);
    let outcome = match &came {
        Some(came) => Arc::clone(came),
        None => before.clone()?,
    };
    let told = Beside::of(&outcome.records);
    let about: BTreeSet<usize> = match (&activity.task, before) {
        (_, Ok(before)) if made => told.differing(&Beside::of(&before.records)).collect(),
        (Task::Watch(stretch), _) => {
            let places = judge::stretch(&outcome, stretch);
            places.into_iter().filter_map(|place| told.row_at(place)).collect()
        }
        (Task::Explain { spot, .. } | Task::Predict(spot), _) => {
            let step = judge::spot(&outcome, spot);
            step.and_then(|step| told.row_of(step.number)).into_iter().collect()
        }
        _ => BTreeSet::new(),
    };
    let row = about.first().copied().unwrap_or_default();
    let asked = asked_for(stories, lesson, page, &outcome).into_iter();
    let asked = asked.filter_map(|(number, step)| Some((number, told.row_of(step)?))).collect();
    Ok(Story { of: number, told, about, row, asked, made })
}
