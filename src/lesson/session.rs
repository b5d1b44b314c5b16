//! [`Session`]: one student in one lesson: the page that is open, what is done, hints, undo, reset. Every view of a lesson
//! stands on it.

use super::activity::{Activity, Task};
use super::format::{Lesson, Page};
use super::judge::{self, Attempt, Verdict};
use super::outcome::Outcome;
use super::progress::{OfActivity, OfLesson};
use super::story::Stories;
use super::words;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps back that can be undone.
const MOST_PAST: usize = 200;
/// Octets of an answer that are kept.
const MOST_KEPT: usize = 64 << 10;

/// Writes down what was done.
pub type Keep = Box<dyn Fn(&OfLesson) -> Result<(), String> + Send>;

/// See the head of this file.
pub struct Session {
    lesson: Arc<Lesson>,
    stories: Arc<Stories>,
    page: usize,
    kept: OfLesson,
    past: Vec<OfLesson>,
    keep: Option<Keep>,
    trouble: Option<String>,
    /// The stories that the student made last, by activity.
    came: BTreeMap<usize, Arc<Outcome>>,
}

/// An attempt that was judged, and is not kept yet. Making one takes as long as its world runs, on whatever thread.
pub struct Trial {
    number: usize,
    verdict: Verdict,
    answer: String,
    came: Option<Arc<Outcome>>,
}

impl Trial {
    /// Try an activity.
    ///
    /// # Errors
    /// It could not be judged; in words.
    pub fn of(stories: &Stories, lesson: &Lesson, number: usize, attempt: &Attempt) -> Result<Self, String> {
        let activity = lesson.activities.get(number).ok_or("there is no such activity")?;
        let verdict = judge::judge(stories, lesson, activity, attempt)?;
        let mut answer = words::told(stories, lesson, activity, attempt);
        answer.truncate(answer.floor_char_boundary(MOST_KEPT));
        let came = judge::came_of(stories, lesson, activity, attempt).ok();
        Ok(Trial { number, verdict, answer, came })
    }
}

/// The story that a student made with an answer that was kept; `None` where it makes none.
pub fn came_again(stories: &Stories, lesson: &Lesson, number: usize, answer: &str) -> Option<Arc<Outcome>> {
    let activity = lesson.activities.get(number)?;
    let changes = matches!(activity.task, Task::Type(_) | Task::Repair(_) | Task::WhatIf { .. });
    let attempt =
        words::heard(stories, lesson, activity, answer).filter(|_| changes && !answer.is_empty())?;
    judge::came_of(stories, lesson, activity, &attempt).ok()
}

/// Which lines of a story a page asks for: each activity that does, and the number of the Step.
pub fn asked_for(stories: &Stories, lesson: &Lesson, page: usize, story: &Outcome) -> Vec<(usize, usize)> {
    let step = |number: usize| {
        let activity = lesson.activities.get(number)?;
        let Task::Predict(spot) = &activity.task else { return None };
        let outcome = stories.of(lesson, activity).ok()?;
        let same = Arc::ptr_eq(&outcome.records, &story.records) || outcome.records == story.records;
        Some((number, judge::spot(&outcome, spot).filter(|_| same)?.number))
    };
    lesson.on_page(page).filter_map(step).collect()
}

impl Session {
    /// Go on where it was left.
    pub fn new(lesson: Arc<Lesson>, stories: Arc<Stories>, kept: OfLesson, keep: Option<Keep>) -> Self {
        let page = kept.step.saturating_sub(1).min(lesson.pages.len().saturating_sub(1));
        Session { lesson, stories, page, kept, past: Vec::new(), keep, trouble: None, came: BTreeMap::new() }
    }

    /// The lesson.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// Its stories.
    pub fn stories(&self) -> &Arc<Stories> {
        &self.stories
    }

    /// The number of the page that is open, from 0.
    pub fn page(&self) -> usize {
        self.page
    }

    /// The page that is open.
    pub fn open(&self) -> Option<&Page> {
        self.lesson.pages.get(self.page)
    }

    /// Turn to a page; says whether there is one.
    pub fn turn(&mut self, page: usize) -> bool {
        let is_there = page < self.lesson.pages.len();
        if is_there && page != self.page {
            self.page = page;
            self.kept.step = page + 1;
            self.write();
        }
        is_there
    }

    /// An activity by its number.
    pub fn activity(&self, number: usize) -> Option<&Activity> {
        self.lesson.activities.get(number)
    }

    /// The activities of the page that is open, by their numbers.
    pub fn here(&self) -> Vec<usize> {
        self.lesson.on_page(self.page).collect()
    }

    /// What was done in an activity.
    pub fn done(&self, number: usize) -> OfActivity {
        self.activity(number).map(|activity| self.kept.of(&activity.id)).unwrap_or_default()
    }

    /// Whether an activity is done.
    pub fn is_done(&self, number: usize) -> bool {
        self.activity(number).is_some_and(|activity| self.kept.is_done(&activity.id))
    }

    /// Whether a page is done: all of it that is not optional.
    pub fn is_page_done(&self, page: usize) -> bool {
        self.lesson
            .on_page(page)
            .all(|number| self.is_done(number) || self.activity(number).is_some_and(|a| a.optional))
    }

    /// How many activities are done, of how many that are not optional.
    pub fn score(&self) -> (usize, usize) {
        score(&self.lesson, &self.kept)
    }

    /// What is kept of it.
    pub fn kept(&self) -> &OfLesson {
        &self.kept
    }

    /// Why something could not be written down, once.
    pub fn trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// Try an activity.
    ///
    /// # Errors
    /// It could not be judged; in words. Nothing has changed.
    pub fn attempt(&mut self, number: usize, attempt: &Attempt) -> Result<Verdict, String> {
        Ok(self.take(Trial::of(&self.stories, &self.lesson, number, attempt)?))
    }

    /// Keep what was tried.
    pub fn take(&mut self, trial: Trial) -> Verdict {
        let lesson = Arc::clone(&self.lesson);
        let Trial { number, verdict, answer, came } = trial;
        let Some(activity) = lesson.activities.get(number) else { return verdict };
        match came {
            Some(came) => self.came.insert(number, came),
            None => self.came.remove(&number),
        };
        self.change(|kept| {
            let entry = kept.activities.entry(activity.id.clone()).or_default();
            entry.tries += 1;
            // What was right once stays: a later try is for the fun of it.
            if verdict.right || !entry.done {
                entry.answer = answer;
            }
            entry.done |= verdict.right;
            for number in verdict.said.iter().filter_map(|said| said.misconception).filter(|_| !verdict.right)
            {
                if !entry.misconceptions.contains(&number) {
                    entry.misconceptions.push(number);
                }
            }
        });
        verdict
    }

    /// The story that the student made in an activity, where one was made since the lesson was opened.
    pub fn came(&self, number: usize) -> Option<&Arc<Outcome>> {
        self.came.get(&number)
    }

    /// Whether the student made a story in an activity, now or earlier.
    pub fn has_come(&self, number: usize) -> bool {
        let changes = self.activity(number).map(|activity| &activity.task);
        let changes = matches!(changes, Some(Task::Type(_) | Task::Repair(_) | Task::WhatIf { .. }));
        changes && (self.came.contains_key(&number) || !self.done(number).answer.is_empty())
    }

    /// The first Step of a story that the open page asks for and that is not answered: from it on nothing is told.
    pub fn hidden_from(&self, story: &Outcome) -> Option<usize> {
        let asked = asked_for(&self.stories, &self.lesson, self.page, story);
        asked.into_iter().filter(|(number, _)| !self.is_done(*number)).map(|(_, step)| step).min()
    }

    /// The next hint of an activity, with its number and how many there are; the last one again where all were given.
    pub fn hint(&mut self, number: usize) -> Option<(usize, usize, String)> {
        let lesson = Arc::clone(&self.lesson);
        let activity = lesson.activities.get(number)?;
        let of = activity.hints.len();
        let taken = self.kept.of(&activity.id).hints;
        let place = taken.min(of.checked_sub(1)?);
        if taken < of {
            self.change(|kept| kept.activities.entry(activity.id.clone()).or_default().hints = taken + 1);
        }
        Some((place + 1, of, activity.hints.get(place)?.clone()))
    }

    /// Take the last change back; says whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.past.pop() else { return false };
        self.came.clear();
        let step = self.kept.step;
        self.kept = OfLesson { step, ..before };
        self.write();
        true
    }

    /// Forget what was done on the page that is open.
    pub fn reset_page(&mut self) {
        let lesson = Arc::clone(&self.lesson);
        let page = self.page;
        self.came.clear();
        self.change(|kept| {
            for number in lesson.on_page(page) {
                if let Some(activity) = lesson.activities.get(number) {
                    kept.activities.remove(&activity.id);
                }
            }
        });
    }

    /// Forget what was done in the lesson, and begin anew.
    pub fn reset(&mut self) {
        self.came.clear();
        self.change(|kept| kept.activities.clear());
        self.turn(0);
    }

    fn change(&mut self, change: impl FnOnce(&mut OfLesson)) {
        let before = self.kept.clone();
        change(&mut self.kept);
        if self.kept != before {
            if self.past.len() == MOST_PAST {
                self.past.remove(0);
            }
            self.past.push(before);
        }
        self.kept.step = self.page + 1;
        self.write();
    }

    fn write(&mut self) {
        if let Some(Err(why)) = self.keep.as_ref().map(|keep| keep(&self.kept)) {
            self.trouble = Some(why);
        }
    }
}

/// How many activities of a lesson are done, of how many that are not optional.
pub fn score(lesson: &Lesson, kept: &OfLesson) -> (usize, usize) {
    let counted: Vec<&Activity> = lesson.activities.iter().filter(|activity| !activity.optional).collect();
    let done = counted.iter().filter(|activity| kept.is_done(&activity.id)).count();
    (done, counted.len())
}

/// Whether an instructor has to read what was written.
pub fn is_read_by_people(activity: &Activity) -> bool {
    matches!(activity.task, Task::Explain { .. })
}
