//! `postroad grade lessons ANSWERS…`: answers to lessons, each judged again as it was when it was given.

use super::super::CommandError;
use crate::base::escape;
use crate::lesson::activity::Task;
use crate::lesson::judge::judge;
use crate::lesson::library::folders_of;
use crate::lesson::session::is_read_by_people;
use crate::lesson::words::heard;
use crate::lesson::{Activity, Lesson, Library, Stories, check};
use crate::trace::answers::{Answers, Verdict};
use std::collections::BTreeSet;
use std::path::Path;

/// The word that means all lessons.
const ALL: &str = "lessons";

/// Lessons to grade by.
pub struct Course {
    library: Library,
    stories: Stories,
    names: Vec<String>,
}

/// How an activity was done.
pub struct Graded {
    /// `lesson/activity`.
    pub id: String,
    /// What was asked.
    pub asked: String,
    /// What would have been right, in words; empty where there is no one answer.
    pub expected: String,
    /// What was answered.
    pub given: String,
    /// What to make of it.
    pub verdict: Verdict,
}

/// The lessons that a word means: all of them, one by its name, or those of a folder; `None` where it means none.
///
/// # Errors
/// A folder cannot be read.
pub fn find(what: &str) -> Result<Option<Course>, CommandError> {
    let mut library = super::library(None)?;
    let path = Path::new(what);
    let names = if what == ALL {
        library.names().map(str::to_owned).collect()
    } else if path.is_dir() {
        let folders = folders_of(path).map_err(|error| CommandError::file("read", path, &error))?;
        let names = folders.iter().map(|folder| folder.name.clone()).collect();
        folders.into_iter().for_each(|folder| library.add(folder));
        names
    } else if !path.exists() && library.get(what).is_some() {
        vec![what.to_owned()]
    } else {
        return Ok(None);
    };
    let stories = super::stories(&library);
    Ok(Some(Course { library, stories, names }))
}

impl Course {
    /// Whether there is a lesson in it.
    pub fn is_empty(&self) -> bool {
        self.names.iter().all(|name| self.library.get(name).is_none())
    }

    /// The lessons that somebody has answered and that are not among those of this program.
    pub fn unknown<'a>(&self, answers: &'a Answers) -> BTreeSet<&'a str> {
        let names = answers.answers.iter().filter_map(|answer| answer.question.split_once('/'));
        names.map(|(name, _)| name).filter(|name| self.library.get(name).is_none()).collect()
    }

    /// How somebody did every activity of lessons that they began.
    pub fn graded(&self, answers: &Answers) -> Vec<Graded> {
        let lessons = self.names.iter().filter_map(|name| self.library.get(name));
        let begun = |lesson: &&Lesson| {
            let prefix = format!("{}/", lesson.name);
            self.names.len() == 1 || answers.answers.iter().any(|answer| answer.question.starts_with(&prefix))
        };
        lessons.filter(begun).flat_map(|lesson| self.of_lesson(lesson, answers)).collect()
    }

    fn of_lesson(&self, lesson: &Lesson, answers: &Answers) -> Vec<Graded> {
        let graded = |activity: &Activity| {
            let id = format!("{}/{}", lesson.name, activity.id);
            let given = answers.answers.iter().rev().find(|answer| answer.question == id);
            let given = given.map(|answer| answer.text.clone()).unwrap_or_default();
            let verdict = self.verdict(lesson, activity, &given);
            let asked = activity.ask.split_whitespace().collect::<Vec<_>>().join(" ");
            Graded { id, asked, expected: expected(&self.stories, lesson, activity), given, verdict }
        };
        lesson.activities.iter().map(graded).collect()
    }

    fn verdict(&self, lesson: &Lesson, activity: &Activity, given: &str) -> Verdict {
        if given.trim().is_empty() {
            return Verdict::Unanswered;
        }
        if is_read_by_people(activity) {
            return Verdict::Unread;
        }
        let Some(attempt) = heard(&self.stories, lesson, activity, given) else { return Verdict::Wrong };
        match judge(&self.stories, lesson, activity, &attempt) {
            Ok(verdict) if verdict.right => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

/// What would have been right.
fn expected(stories: &Stories, lesson: &Lesson, activity: &Activity) -> String {
    match &activity.task {
        Task::Answer(question) => {
            crate::lesson::words::told(stories, lesson, activity, &check::model(question))
        }
        Task::Explain { model, .. } => escape::text(model),
        _ => String::new(),
    }
}
