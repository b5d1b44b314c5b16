//! Is a lesson sound? Every activity is tried: its model solution must do, its wrong ones must not, and what it points
//! at must be there. What reading alone can find, [`super::format`] has found before.

use super::activity::{Activity, Change, Mistake, Question, Repair, Stretch, Task, Typing};
use super::coverage;
use super::desk;
use super::format::Lesson;
use super::goal::Goal;
use super::judge::{self, Attempt};
use super::library::Library;
use super::outcome::Outcome;
use super::problem::{Problem, choose};
use super::story::{Stories, Told};
use crate::dissect::filter::Filter;
use std::collections::BTreeSet;

/// Whether the program takes a command line: the words behind `postroad`.
pub type Takes<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// Everything that is wrong with a lesson; `library` has the others, which it may need or link to.
pub fn check(lesson: &Lesson, library: &Library, stories: &Stories, takes: Takes<'_>) -> Vec<Problem> {
    let mut check = Check { lesson, stories, problems: Vec::new(), silent: false };
    check.front(library);
    check.links(library);
    for (line, span) in &lesson.commands {
        let line = line.trim().strip_prefix("$ ").unwrap_or(line.trim());
        let Some(words) = line.strip_prefix("postroad") else { continue };
        if let Err(why) = takes(words) {
            let problem = Problem::at(&lesson.source, span.clone(), "the program takes no such command line");
            check.problems.push(problem.help(why));
        }
    }
    for activity in &lesson.activities {
        check.activity(activity);
    }
    check.problems
}

struct Check<'l> {
    lesson: &'l Lesson,
    stories: &'l Stories,
    problems: Vec<Problem>,
    /// The story beside the lesson does not run, which is told once.
    silent: bool,
}

impl Check<'_> {
    /// Tell something about a key of an activity: `choice.2.text` as `["choice", "2", "text"]`.
    fn tell(&mut self, activity: &Activity, path: &[&str], message: impl Into<String>, help: &str) {
        let problem = self.lesson.problem(activity, path, message);
        self.problems.push(problem.help(help));
    }

    /// The place of a value of the front part, by its words.
    fn front_problem(&mut self, words: &str, message: String, help: String) {
        let text = &self.lesson.source.text;
        let end = text.get(3..).and_then(|rest| rest.find("\n+++")).map_or(0, |at| at + 3);
        let quoted = format!("\"{words}\"");
        let at = text.get(..end).and_then(|front| front.find(&quoted));
        let problem = match at {
            Some(at) => Problem::at(&self.lesson.source, at..at + quoted.len(), message),
            None => Problem::of(&self.lesson.source, message),
        };
        self.problems.push(problem.help(help));
    }

    fn front(&mut self, library: &Library) {
        let lesson = self.lesson;
        for need in &lesson.front.needs {
            if *need == lesson.name {
                self.front_problem(need, "a lesson cannot need itself".to_owned(), String::new());
            } else if !library.names().any(|name| name == need) {
                let help = choose(need, library.names());
                self.front_problem(need, format!("there is no lesson `{}`", need.escape_debug()), help);
            }
        }
        let known = coverage::items();
        let ids: Vec<&str> = known.iter().map(|item| item.id.as_str()).collect();
        for id in &lesson.front.teaches {
            if !ids.contains(&id.as_str()) {
                let message = format!("the course has no item `{}`", id.escape_debug());
                self.front_problem(id, message, choose(id, ids.iter().copied()));
            }
        }
        if let Some(name) = lesson.front.story()
            && let Err(why) = self.stories.named(lesson, &name)
        {
            let (super::activity::StoryName::Scenario(word) | super::activity::StoryName::Transcript(word)) =
                &name;
            self.front_problem(word, "the story beside this lesson does not run".to_owned(), why);
            self.silent = true;
        }
        if lesson.activities.iter().all(|activity| activity.optional) {
            let problem = Problem::of(&lesson.source, "there is nothing to be done in this lesson");
            self.problems.push(problem.help("a lesson has at least one activity that is not optional"));
        }
    }

    fn links(&mut self, library: &Library) {
        let lesson = self.lesson;
        for (target, span) in &lesson.links {
            let why = if let Some(rest) = target.strip_prefix("https://") {
                if rest.contains('.') { None } else { Some("this leads nowhere".to_owned()) }
            } else if target.starts_with('#') {
                let known = lesson.anchors.iter().any(|anchor| anchor == target);
                (!known).then(|| format!("there is no heading {target}; {}", lesson.anchors.join(", ")))
            } else if let Some(rest) = target.strip_prefix("../") {
                let (other, file) = rest.split_once('/').unwrap_or((rest, "lesson.md"));
                let file = file.split('#').next().unwrap_or(file);
                library.file(other, file).is_none().then(|| format!("there is no {rest} beside this lesson"))
            } else if target.contains("://") || target.starts_with("mailto:") {
                Some("links lead to https:// or to files of the lessons".to_owned())
            } else {
                let known = library.file(&lesson.name, target).is_some();
                (!known).then(|| format!("there is no file {target} in this folder"))
            };
            if let Some(why) = why {
                let problem = Problem::at(&lesson.source, span.clone(), "this link leads nowhere");
                self.problems.push(problem.help(why));
            }
        }
    }

    fn activity(&mut self, activity: &Activity) {
        let known = coverage::items();
        for (nth, id) in activity.teaches.iter().enumerate() {
            if !known.iter().any(|item| item.id == *id) {
                let help = choose(id, known.iter().map(|item| item.id.as_str()));
                let message = format!("the course has no item `{}`", id.escape_debug());
                self.tell(activity, &["teaches", &nth.to_string()], message, &help);
            }
        }
        if activity.why.trim().is_empty() && !says_why(&activity.task) {
            let problem = self.lesson.problem(activity, &["id"], "nothing is said when this is done");
            let help = "`why` says it; who was right by chance learns it there";
            self.problems.push(problem.help(help).warning());
        }
        if self.silent
            && activity.story.is_none()
            && !matches!(activity.task, Task::Answer(_) | Task::Repair(_))
        {
            return;
        }
        match &activity.task {
            Task::Answer(question) => self.answer(activity, question),
            Task::Type(typing) => self.typing(activity, typing),
            Task::Repair(repair) => self.repair(activity, repair),
            Task::WhatIf { goal, choices } => self.what_if(activity, goal, choices),
            _ => self.about_a_story(activity),
        }
    }

    /// Activities that point at Steps.
    fn about_a_story(&mut self, activity: &Activity) {
        let outcome = match self.stories.of(self.lesson, activity) {
            Ok(outcome) => outcome,
            Err(why) => {
                let key = ["scenario", "transcript"].into_iter().find(|_| activity.story.is_some());
                self.tell(activity, &[key.unwrap_or("do")], "the story of this activity does not run", &why);
                return;
            }
        };
        match &activity.task {
            Task::Watch(stretch) if judge::stretch(&outcome, stretch).is_empty() => {
                let key = if matches!(stretch, Stretch::Steps(_)) { "steps" } else { "filter" };
                self.tell(activity, &[key], "no step of the story is in this stretch", "");
            }
            Task::Predict(spot) => match judge::question(&outcome, spot) {
                Some(question) => {
                    let named = question.choices.iter().filter_map(|choice| choice.misconception);
                    let named: BTreeSet<u8> = named.map(|row| row.number).collect();
                    if let Some(wanted) = activity.misconception.filter(|wanted| !named.contains(wanted)) {
                        let message = format!("no choice of this question names misconception {wanted}");
                        self.tell(activity, &["misconception"], message, &format!("they name {named:?}"));
                    }
                    if question.choices.len() < 2 {
                        let message = "there is nothing to choose before this step";
                        self.tell(activity, &["at"], message, "point at another one");
                    }
                }
                None => {
                    let help = "`postroad replay NAME --filter FILTER` shows which steps there are";
                    self.tell(activity, &["at"], "no such step, or one that nobody could know", help);
                }
            },
            Task::Explain { spot, .. } if judge::spot(&outcome, spot).is_none() => {
                self.tell(activity, &["at"], "the story has no such step", "");
            }
            Task::Find { right, wrong } => {
                let filters: Vec<&Filter> = wrong.iter().map(|(filter, _)| filter).collect();
                self.find(activity, &outcome, right, &filters);
            }
            _ => {}
        }
    }

    fn find(&mut self, activity: &Activity, outcome: &Outcome, right: &Filter, wrong: &[&Filter]) {
        let numbers = |filter: &Filter| -> BTreeSet<usize> {
            outcome.steps(filter).iter().map(|step| step.number).collect()
        };
        let right = numbers(right);
        if right.is_empty() {
            self.tell(activity, &["right"], "no step of the story is right", "");
        }
        for (nth, filter) in wrong.iter().enumerate() {
            let found = numbers(filter);
            let path = ["wrong", &nth.to_string(), "filter"];
            if found.is_empty() {
                self.tell(activity, &path, "no step of the story is this one", "");
            } else if found.is_subset(&right) {
                self.tell(activity, &path, "every step that this finds is right", "");
            }
        }
    }

    /// Questions are right or wrong by what the file says; what is asked is that each answer gets there.
    fn answer(&mut self, activity: &Activity, question: &Question) {
        let right = model(question);
        match judge::judge(self.stories, self.lesson, activity, &right) {
            Ok(verdict) if verdict.right => {}
            _ => self.tell(activity, &["kind"], "the right answer is not taken for right", ""),
        }
        if let Question::Text { wrong, .. } = question {
            for (nth, (text, _)) in wrong.iter().enumerate() {
                let attempt = Attempt::Written(text.clone());
                if judge::judge(self.stories, self.lesson, activity, &attempt).is_ok_and(|v| v.right) {
                    self.tell(
                        activity,
                        &["wrong", &nth.to_string(), "text"],
                        "this answer is taken for right",
                        "",
                    );
                }
            }
        }
        if let Question::Choose { choices, .. } = question {
            let mut seen = BTreeSet::new();
            if !choices.iter().all(|choice| seen.insert(choice.text.trim())) {
                self.tell(activity, &["choice"], "two choices read alike", "");
            }
        }
    }

    fn goal_before(&mut self, activity: &Activity, goal: &Goal, told: Told) -> bool {
        match told {
            Ok(outcome) => {
                if goal.holds(&outcome).is_ok() {
                    let help = "there would be nothing to do";
                    self.tell(activity, &["goal"], "the goal holds in the story as it is", help);
                }
                true
            }
            Err(why) => {
                self.tell(activity, &["do"], "the story of this activity does not run", &why);
                false
            }
        }
    }

    /// After the model solution the goal must hold.
    fn model(&mut self, activity: &Activity, goal: &Goal, told: Told) {
        match told.map(|outcome| goal.holds(&outcome)) {
            Ok(Ok(())) => {}
            Ok(Err(missing)) => {
                self.tell(activity, &["model"], "the goal does not hold after the model solution", &missing);
            }
            Err(why) => self.tell(activity, &["model"], "the model solution does not run", &why),
        }
    }

    /// After a wrong one it must not, and the mistake must be known again.
    fn mistake<T>(
        &mut self,
        activity: &Activity,
        nth: usize,
        (goal, mistake): (&Goal, &Mistake<T>),
        told: Told,
    ) {
        let nth = nth.to_string();
        if mistake.when.is_none() {
            let problem = self.lesson.problem(
                activity,
                &["wrong", &nth],
                "no student hears the `why` of this wrong way",
            );
            let help =
                "`when` says by what the mistake is known again; without it only what is missing is said";
            self.problems.push(problem.help(help).warning());
        }
        match told {
            Ok(outcome) => {
                if goal.holds(&outcome).is_ok() {
                    self.tell(activity, &["wrong", &nth], "the goal holds after this wrong solution", "");
                }
                if let Some(Err(missing)) = mistake.when.as_ref().map(|when| when.holds(&outcome)) {
                    let message = "this does not hold after the wrong solution that it is about";
                    self.tell(activity, &["wrong", &nth, "when"], message, &missing);
                }
            }
            Err(why) => self.tell(activity, &["wrong", &nth], "this wrong solution does not run", &why),
        }
    }

    fn typing(&mut self, activity: &Activity, typing: &Typing) {
        if let Err(why) = self.stories.seat(self.lesson, activity, typing) {
            self.tell(activity, &["host"], "nobody can be called there", &why);
            return;
        }
        let run = |lines: &[String]| {
            let sent = desk::pieces(typing.protocol, lines);
            self.stories.typed(self.lesson, activity, typing, sent)
        };
        let (before, model) = (self.stories.of(self.lesson, activity), run(&typing.model));
        let wrong: Vec<Told> = typing.wrong.iter().map(|mistake| run(&mistake.way)).collect();
        if self.goal_before(activity, &typing.goal, before) {
            self.model(activity, &typing.goal, model);
            for (nth, (mistake, told)) in typing.wrong.iter().zip(wrong).enumerate() {
                self.mistake(activity, nth, (&typing.goal, mistake), told);
            }
        }
    }

    fn repair(&mut self, activity: &Activity, repair: &Repair) {
        let Some(broken) = self.lesson.files.get(&repair.file).map(|source| source.text.clone()) else {
            return;
        };
        let run = |text: &str| self.stories.repaired(self.lesson, repair, text);
        let (before, model) = (run(&broken), run(&desk::replaced(&broken, &repair.model)));
        let wrong: Vec<Told> =
            repair.wrong.iter().map(|mistake| run(&desk::replaced(&broken, &mistake.way))).collect();
        // What is edited is what is shown.
        let shown = desk::part(&broken, &repair.part).unwrap_or(0..broken.len());
        let outside = |edit: &super::entry::Replacement| {
            broken
                .find(&edit.replace)
                .is_some_and(|at| at < shown.start || at + edit.replace.len() > shown.end)
        };
        if repair.model.iter().any(outside) {
            let message = "the repair changes lines that the student does not see";
            self.tell(activity, &["model"], message, "widen `from` and `until`");
        }
        match before {
            // A scenario that does not load is broken too.
            Err(_) => {}
            told => {
                self.goal_before(activity, &repair.goal, told);
            }
        }
        self.model(activity, &repair.goal, model);
        for (nth, (mistake, told)) in repair.wrong.iter().zip(wrong).enumerate() {
            match told {
                // A repair that makes it no scenario does not help either.
                Err(_) if mistake.when.is_none() => {}
                told => self.mistake(activity, nth, (&repair.goal, mistake), told),
            }
        }
    }

    fn what_if(&mut self, activity: &Activity, goal: &Goal, choices: &[Change]) {
        let before = self.stories.of(self.lesson, activity);
        if !self.goal_before(activity, goal, before) {
            return;
        }
        for (nth, choice) in choices.iter().enumerate() {
            let nth = nth.to_string();
            match self.stories.changed(self.lesson, activity, choice).map(|outcome| goal.holds(&outcome)) {
                Ok(Ok(())) if !choice.right => {
                    let message = "the goal holds after this choice, which is not `right`";
                    self.tell(activity, &["choice", &nth], message, "");
                }
                Ok(Err(missing)) if choice.right => {
                    let message = "the goal does not hold after this choice, which is `right`";
                    self.tell(activity, &["choice", &nth], message, &missing);
                }
                Ok(_) => {}
                Err(why) => self.tell(activity, &["choice", &nth], "this choice cannot be run", &why),
            }
        }
    }
}

/// Whether what is done says by itself why it is right, without a `why` of the activity.
fn says_why(task: &Task) -> bool {
    match task {
        Task::Predict(_) | Task::Explain { .. } | Task::WhatIf { .. } => true,
        Task::Answer(Question::Choose { choices, .. }) => {
            choices.iter().filter(|choice| choice.right).all(|choice| !choice.reason.why.trim().is_empty())
        }
        Task::Answer(Question::Order { .. } | Question::Match { .. }) => true,
        Task::Answer(Question::Text { .. }) | Task::Watch(_) | Task::Find { .. } => false,
        Task::Type(_) | Task::Repair(_) => false,
    }
}

/// The right answer to a question.
pub fn model(question: &Question) -> Attempt {
    match question {
        Question::Choose { choices, .. } => {
            let right = choices.iter().enumerate().filter(|(_, choice)| choice.right);
            Attempt::Chosen(right.map(|(number, _)| number).collect())
        }
        Question::Text { accept, .. } => Attempt::Written(accept.first().cloned().unwrap_or_default()),
        Question::Order { items, shown } => {
            let place = |item: usize| shown.iter().position(|shown| *shown == item).unwrap_or_default();
            Attempt::Ordered((0..items.len()).map(place).collect())
        }
        Question::Match { pairs, rights } => {
            let place = |right: &String| rights.iter().position(|shown| shown == right).unwrap_or_default();
            Attempt::Matched(pairs.iter().map(|(_, right, _)| place(right)).collect())
        }
    }
}
