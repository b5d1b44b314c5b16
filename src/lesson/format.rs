//! A lesson's folder → [`Lesson`]: front part, pages, activities. What is wrong is told all at once, with places.

mod keys;
mod tasks;

use super::activity::{Activity, StoryName};
use super::entry::{At, Entry, Places, toml_problem};
use super::goal::Complaints;
use super::library::Folder;
use super::problem::{Problem, Source};
use super::prose::{self, Block};
use crate::explain::misconception;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What stands at the head of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// A line.
    pub title: String,
    /// One or two sentences.
    pub about: String,
    /// How long it takes.
    pub minutes: u32,
    /// Its place in the course.
    pub order: i64,
    /// Lessons that come before it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The story beside it: a scenario.
    pub scenario: Option<String>,
    /// The story beside it: a recording.
    pub transcript: Option<String>,
    /// What of the course it teaches.
    #[serde(default)]
    pub teaches: Vec<String>,
}

impl Front {
    /// The story beside the lesson.
    pub fn story(&self) -> Option<StoryName> {
        story(self.scenario.as_deref(), self.transcript.as_deref())
    }
}

fn story(scenario: Option<&str>, transcript: Option<&str>) -> Option<StoryName> {
    let scenario = scenario.map(|name| StoryName::Scenario(name.to_owned()));
    scenario.or_else(|| transcript.map(|name| StoryName::Transcript(name.to_owned())))
}

/// One step of a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its heading; the lesson's title on the first one.
    pub heading: String,
    /// What stands on it.
    pub blocks: Vec<Block>,
}

/// A lesson, sound in itself; whether its goals can be reached is for [`super::check`].
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The folder's name.
    pub name: String,
    /// What stands at its head.
    pub front: Front,
    /// Its steps.
    pub pages: Vec<Page>,
    /// What is done in it, in order.
    pub activities: Vec<Activity>,
    /// Its `lesson.md`.
    pub source: Arc<Source>,
    /// The other files of its folder that are text.
    pub files: BTreeMap<String, Arc<Source>>,
    /// Where links lead, and where they stand.
    pub links: Vec<(String, Range<usize>)>,
    /// Its headings as links name them.
    pub anchors: Vec<String>,
    /// Command lines that it shows, and where they stand.
    pub commands: Vec<(String, Range<usize>)>,
}

impl Lesson {
    /// Read a lesson.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(folder: &Folder) -> Result<Lesson, Vec<Problem>> {
        let files = folder.texts();
        let Some(source) = files.get("lesson.md").cloned() else {
            let source = Arc::new(Source { name: folder.shown.clone(), text: String::new() });
            return Err(vec![
                Problem::of(&source, "there is no lesson.md in this folder, or it is no UTF-8")
                    .help("`postroad lesson new NAME` makes one"),
            ]);
        };
        let mut problems = Vec::new();
        let front = front(&source, &mut problems);
        let from = front.as_ref().map_or(0, |(_, end)| *end);
        let prose = prose::read(source.text.get(from..).unwrap_or_default(), from);
        for (message, span) in &prose.troubles {
            problems.push(Problem::at(&source, span.clone(), message.clone()));
        }
        let activities = activities(&source, &prose.activities, &files, &mut problems);
        let Some((front, _)) = front.filter(|_| problems.is_empty()) else { return Err(problems) };
        let pages = prose.pages.into_iter().map(|(heading, blocks)| Page { heading, blocks });
        let mut pages: Vec<Page> = pages.collect();
        if let Some(first) = pages.first_mut() {
            first.heading = front.title.clone();
        }
        Ok(Lesson {
            name: folder.name.clone(),
            front,
            pages,
            activities,
            source,
            files,
            links: prose.links,
            anchors: prose.anchors,
            commands: prose.commands,
        })
    }

    /// The story of an activity.
    pub fn story_of(&self, activity: &Activity) -> Option<StoryName> {
        activity.story.clone().or_else(|| self.front.story())
    }

    /// The place of a key of an activity.
    pub fn problem(&self, activity: &Activity, path: &[&str], message: impl Into<String>) -> Problem {
        let text = self.source.text.get(activity.inside.clone()).unwrap_or_default();
        let path: Vec<At<'_>> = path.iter().map(|part| part.parse().map_or(At::Key(part), At::Nth)).collect();
        match Places::read(&self.source, activity.inside.clone(), text) {
            Ok(places) => places.problem(&path, message),
            Err(problem) => problem,
        }
    }

    /// The activities of a page, by their numbers.
    pub fn on_page(&self, page: usize) -> impl Iterator<Item = usize> {
        self.activities.iter().enumerate().filter(move |(_, a)| a.page == page).map(|(number, _)| number)
    }
}

/// The front part, and where the prose begins.
fn front(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Option<(Front, usize)> {
    let text = source.text.as_str();
    let opening = ["+++\r\n", "+++\n"].into_iter().find(|mark| text.starts_with(mark));
    let start = opening.map_or(0, str::len);
    let end = text.get(start..).and_then(|rest| rest.find("\n+++").map(|at| start + at + 1));
    let (Some(_), Some(end)) = (opening, end) else {
        let message = "a lesson begins with its front part: TOML between two lines of +++";
        problems.push(Problem::at(source, 0..text.lines().next().map_or(0, str::len), message));
        return None;
    };
    let inside = start..end;
    let toml = text.get(inside.clone()).unwrap_or_default();
    let places = match Places::read(source, inside.clone(), toml) {
        Ok(places) => places,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let front: Front = match toml::from_str(toml) {
        Ok(front) => front,
        Err(error) => {
            problems.push(toml_problem(source, &inside, &error));
            return None;
        }
    };
    let mut tell = |key, message: &str| problems.push(places.problem(&[At::Key(key)], message));
    if front.title.trim().is_empty() || front.title.contains('\n') {
        tell("title", "the title is one line");
    }
    if front.about.trim().is_empty() {
        tell("about", "what is it about? This is what the list of lessons says");
    }
    if !(1..=600).contains(&front.minutes) {
        tell("minutes", "a lesson takes from 1 to 600 minutes");
    }
    if front.scenario.is_some() && front.transcript.is_some() {
        tell("transcript", "beside a lesson runs one story: a scenario or a transcript");
    }
    let after = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at + 1);
    Some((front, after))
}

/// Every activity that can be read.
fn activities(
    source: &Arc<Source>,
    fenced: &[prose::Fenced],
    files: &BTreeMap<String, Arc<Source>>,
    problems: &mut Vec<Problem>,
) -> Vec<Activity> {
    let mut names = BTreeSet::new();
    let mut activities = Vec::new();
    for block in fenced {
        let toml = source.text.get(block.inside.clone()).unwrap_or_default();
        let places = match Places::read(source, block.inside.clone(), toml) {
            Ok(places) => places,
            Err(problem) => {
                // Whoever forgets the end of a block has a second one inside it.
                let open = toml.lines().any(|line| line.starts_with("```"));
                problems.push(if open {
                    problem.help("is the block above closed, by a line with ``` alone?")
                } else {
                    problem
                });
                continue;
            }
        };
        match toml::from_str::<Entry>(toml) {
            Ok(entry) => {
                if !names.insert(entry.id.clone()) {
                    let message = format!("there is a second activity `{}`", entry.id.escape_debug());
                    problems.push(places.problem(&[At::Key("id")], message));
                }
                let mut complaints = Complaints { places: &places, problems };
                activities.extend(activity(entry, block, files, &mut complaints));
            }
            Err(error) => problems.push(toml_problem(source, &block.inside, &error)),
        }
    }
    activities
}

/// Whether a name of a lesson or an activity is one.
pub fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 60 && name.chars().all(fine) && !name.starts_with('-')
}

fn activity(
    entry: Entry,
    block: &prose::Fenced,
    files: &BTreeMap<String, Arc<Source>>,
    complaints: &mut Complaints<'_, '_>,
) -> Option<Activity> {
    if !is_name(&entry.id) {
        complaints.tell_at("id", "an id has small letters, digits and hyphens");
    }
    if entry.ask.trim().is_empty() {
        complaints.tell_at("ask", "what is the student asked to do?");
    }
    if entry.scenario.is_some() && entry.transcript.is_some() {
        complaints.tell_at("transcript", "an activity has one story: a scenario or a transcript");
    }
    for (nth, hint) in entry.hints.iter().enumerate() {
        if hint.trim().is_empty() {
            complaints.tell_in(&[At::Key("hints"), At::Nth(nth)], "this hint says nothing");
        }
    }
    complaints.misconception(&[At::Key("misconception")], entry.misconception);
    keys::belong(&entry, complaints);
    let task = tasks::task(&entry, files, complaints)?;
    let story = match &task {
        super::Task::Repair(_) => None,
        _ => story(entry.scenario.as_deref(), entry.transcript.as_deref()),
    };
    Some(Activity {
        id: entry.id,
        ask: entry.ask,
        hints: entry.hints,
        why: entry.why,
        teaches: entry.teaches,
        misconception: entry.misconception,
        story,
        optional: entry.optional,
        page: block.page,
        task,
        inside: block.inside.clone(),
    })
}

impl Complaints<'_, '_> {
    /// Tell something about a key at the top.
    pub(super) fn tell_at(&mut self, key: &str, message: impl Into<String>) {
        self.tell_in(&[At::Key(key)], message);
    }

    /// Tell something about a place.
    pub(super) fn tell_in(&mut self, path: &[At<'_>], message: impl Into<String>) {
        let problem = self.places.problem(path, message);
        self.problems.push(problem);
    }

    /// A misconception is one of the table.
    pub(super) fn misconception(&mut self, path: &[At<'_>], number: Option<u8>) {
        if let Some(number) = number.filter(|number| misconception(*number).is_none()) {
            self.tell_in(path, format!("there is no misconception {number}; they are numbered from 1 to 32"));
        }
    }
}

#[cfg(test)]
mod tests;
