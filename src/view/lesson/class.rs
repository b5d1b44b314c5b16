//! [`Class`]: a lesson as a dialogue in plain sentences: a line in, a few sentences out. For people who listen to a screen,
//! for terminals that can only print, and for pipes.

mod told;
mod typing;

pub use typing::talk;

use super::asked::{Asked, letter, points, sentences};
use super::editing::{Editing, HOW};
use super::heard;
use super::rows::{Setter, text};
use crate::base::escape;
use crate::lesson::activity::Task;
use crate::lesson::judge::{Attempt, Verdict};
use crate::lesson::outcome::{DESK, Outcome};
use crate::lesson::prose::Block;
use crate::lesson::{Activity, Session, desk};
use crate::view::linear::Heard;
use crate::view::linear::say;
use crate::view::talk::{Mode, Talk};
use std::sync::Arc;

/// Columns of a paragraph: it is one line, and the terminal breaks it.
const ENDLESS: usize = 100_000;

/// What is being done.
enum Doing {
    /// The lesson is read and answered.
    Reading,
    /// Lines go to a server.
    Typing(Box<Talk>),
    /// A text is edited.
    Editing(Editing),
}

/// See the head of this file.
pub struct Class {
    session: Session,
    /// The activity that answers go to.
    at: Option<usize>,
    doing: Doing,
    unfolded: bool,
    /// The story that was told last on this page.
    told: Option<Arc<Outcome>>,
    /// The exercise that was tried last on it.
    made: Option<usize>,
    /// Whether the line before was typed at a server, and reached the goal.
    has_typed: bool,
}

const HELP: &[(&str, &str)] = &[
    ("next", "the next step; an empty line does the same"),
    ("back", "the step before"),
    ("go 3", "that step"),
    ("again", "this step again"),
    ("unfold", "tell folded answers too, or no more"),
    ("exercise 2", "that exercise of this step; exercise alone tells it again"),
    ("hint", "a hint"),
    ("watch", "the lines that an exercise is about"),
    ("story", "the story's lines; story and a filter tells some of them"),
    (
        "outcome",
        "what came of your change, your mending or your session; outcome and a filter tells some lines",
    ),
    ("look 14", "everything about that step of the story that was told last"),
    ("line 14", "all lines of that step, where there are many"),
    ("say …", "give an answer that is a command's word"),
    ("undo", "take the last answer back"),
    ("reset", "forget what was done in this step; reset lesson: in all of it"),
    ("progress", "what is done"),
    ("quit", "leave; what was done is kept"),
];

impl Class {
    /// Before the first word.
    pub fn new(session: Session) -> Self {
        Class {
            session,
            at: None,
            doing: Doing::Reading,
            unfolded: false,
            told: None,
            made: None,
            has_typed: false,
        }
    }

    /// What is said first.
    pub fn begin(&mut self) -> Vec<String> {
        let lesson = Arc::clone(self.session.lesson());
        let (done, of) = self.session.score();
        let steps = lesson.pages.len();
        let mut out = vec![format!(
            "{}. {} steps, about {} minutes; {done} of {of} exercises are done. Say help for what can be said.",
            escape::text(&lesson.front.title),
            steps,
            lesson.front.minutes
        )];
        out.extend(self.page());
        out
    }

    /// What stands before what is typed.
    pub fn prompt(&self) -> &'static str {
        match &self.doing {
            Doing::Reading => "lesson> ",
            Doing::Typing(talk) if talk.mode() == Mode::Message => "message> ",
            Doing::Typing(_) => "server> ",
            Doing::Editing(_) => "edit> ",
        }
    }

    /// What is said at the end of the input.
    pub fn farewell(&self) -> Vec<String> {
        let (done, of) = self.session.score();
        vec![format!("{done} of {of} exercises are done, and kept.")]
    }

    /// Hear a line.
    pub fn hear(&mut self, line: &str) -> Heard {
        let doing = std::mem::replace(&mut self.doing, Doing::Reading);
        let mut heard = match doing {
            Doing::Typing(talk) => Heard { lines: self.type_line(talk, line), leave: false },
            Doing::Editing(editing) => Heard { lines: self.edit_line(editing, line.trim()), leave: false },
            Doing::Reading => self.read_line(line.trim()),
        };
        if let Some(trouble) = self.session.trouble() {
            heard.lines.push(format!("This could not be kept: {}", escape::text(&trouble)));
        }
        heard
    }

    fn read_line(&mut self, line: &str) -> Heard {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let was_typing = std::mem::take(&mut self.has_typed);
        let lines = match (word.to_lowercase().as_str(), rest) {
            // It was meant for the server, who is not listening any more.
            _ if was_typing && is_goodbye(line) => vec![LISTENS_NO_MORE.to_owned()],
            ("quit" | "q", "") => return Heard { lines: self.farewell(), leave: true },
            ("" | "next" | "n", "") => self.turn(self.session.page() + 1),
            ("back" | "b", "") => match self.session.page().checked_sub(1) {
                Some(page) => self.turn(page),
                None => vec!["This is the first step.".to_owned()],
            },
            ("go", number) if number.parse::<usize>().is_ok() => {
                self.turn(number.parse::<usize>().unwrap_or_default().wrapping_sub(1))
            }
            ("again", "") => self.page(),
            ("unfold", "") => {
                self.unfolded = !self.unfolded;
                self.page()
            }
            ("help" | "?", "") => HELP.iter().map(|(word, what)| format!("{word}: {what}.")).collect(),
            ("progress", "") => self.progress(),
            ("undo", "") => match self.session.undo() {
                true => vec!["The last change is taken back.".to_owned()],
                false => vec!["Nothing was done yet.".to_owned()],
            },
            ("reset", "") => {
                self.session.reset_page();
                let mut out = vec!["What was done in this step is forgotten.".to_owned()];
                out.extend(self.page());
                out
            }
            ("reset", "lesson") => {
                self.session.reset();
                let mut out = vec!["What was done in this lesson is forgotten.".to_owned()];
                out.extend(self.page());
                out
            }
            ("exercise", number) if number.is_empty() || number.parse::<usize>().is_ok() => {
                self.exercise(number)
            }
            ("hint", "") => self.hint(),
            ("watch", "") => self.watch(),
            ("story", filter) => self.story(filter),
            ("outcome", filter) => self.outcome(filter),
            ("look", number) if number.parse::<usize>().is_ok() => {
                self.look(number.parse().unwrap_or_default(), false)
            }
            ("line", number) if number.parse::<usize>().is_ok() => {
                self.look(number.parse().unwrap_or_default(), true)
            }
            ("start", "") => self.start(),
            ("say", answer) if !answer.is_empty() => self.answer(answer),
            _ => self.answer(line),
        };
        Heard { lines, leave: false }
    }

    fn turn(&mut self, page: usize) -> Vec<String> {
        if self.session.turn(page) {
            self.at = None;
            return self.page();
        }
        let (done, of) = self.session.score();
        let is_behind = page == self.session.lesson().pages.len();
        vec![match (is_behind, done == of) {
            (true, true) => {
                "That was the last step, and everything is done. Say quit to leave, or go and a number."
                    .to_owned()
            }
            (true, false) => {
                format!("That was the last step. {done} of {of} exercises are done: say progress.")
            }
            (false, _) => {
                format!("There is no such step: there are {}.", self.session.lesson().pages.len())
            }
        }]
    }

    /// The page that is open.
    fn page(&mut self) -> Vec<String> {
        let lesson = Arc::clone(self.session.lesson());
        let here = self.session.here();
        (self.told, self.made) = (None, None);
        self.at =
            here.iter().copied().find(|number| !self.session.is_done(*number)).or(here.first().copied());
        let Some(page) = lesson.pages.get(self.session.page()) else { return Vec::new() };
        let mut out = vec![format!(
            "Step {} of {}: {}",
            self.session.page() + 1,
            lesson.pages.len(),
            say::sentence(&escape::text(&page.heading))
        )];
        let mut number = 0;
        for block in &page.blocks {
            if let Block::Activity(activity) = block {
                number += 1;
                out.extend(self.asked(*activity, number, here.len()));
                continue;
            }
            let mut setter = Setter::new(ENDLESS, self.unfolded);
            setter.block(block, 0);
            // A row of nothing is a gap between blocks; an empty one inside a block is a line of it.
            let lines = setter.rows.iter().filter(|row| !row.is_empty()).map(text);
            out.extend(lines.map(|line| match line.strip_prefix("▸ ") {
                Some(folded) => format!("(folded: {folded}; say unfold to hear it)"),
                None => line,
            }));
        }
        if here.is_empty() {
            out.push("Say next to go on.".to_owned());
        } else if here.len() > 1 {
            let nth = here.iter().position(|number| Some(*number) == self.at).map_or(1, |nth| nth + 1);
            out.push(format!(
                "Answers go to exercise {nth} of {}; say exercise and a number for another.",
                here.len()
            ));
        }
        out
    }

    fn asked(&self, activity: usize, nth: usize, of: usize) -> Vec<String> {
        let asked = Asked::of(&self.session, activity);
        let done = if self.session.is_done(activity) { ", done" } else { "" };
        let mut out = vec![format!("Exercise {nth} of {of}, {}{done}: {}", asked.kind, asked.ask)];
        out.extend(asked.setting.iter().cloned());
        out.extend(asked.choices.iter().enumerate().map(|(n, choice)| format!("{}: {choice}", n + 1)));
        out.extend(asked.rights.iter().enumerate().map(|(n, right)| format!("{}: {right}", letter(n))));
        out.push(asked.how);
        out
    }

    fn exercise(&mut self, number: &str) -> Vec<String> {
        let here = self.session.here();
        let nth = match number.parse::<usize>() {
            Ok(nth) => nth,
            Err(_) => here.iter().position(|number| Some(*number) == self.at).map_or(1, |nth| nth + 1),
        };
        let Some(activity) = nth.checked_sub(1).and_then(|nth| here.get(nth).copied()) else {
            return vec![format!("This step has {} exercises.", here.len())];
        };
        self.at = Some(activity);
        (self.told, self.made) = (None, None);
        self.asked(activity, nth, here.len())
    }

    fn current(&self) -> Option<(usize, Activity)> {
        let number = self.at?;
        Some((number, self.session.activity(number)?.clone()))
    }

    fn hint(&mut self) -> Vec<String> {
        match self.at.and_then(|number| self.session.hint(number)) {
            Some((nth, of, hint)) => vec![format!("Hint {nth} of {of}: {}", escape::text(&hint))],
            None => vec!["There is no hint here.".to_owned()],
        }
    }

    fn progress(&self) -> Vec<String> {
        let lesson = self.session.lesson();
        let (done, of) = self.session.score();
        let mut out = vec![format!("{done} of {of} exercises are done.")];
        for (number, page) in lesson.pages.iter().enumerate() {
            let here: Vec<usize> = lesson.on_page(number).collect();
            if here.is_empty() {
                continue;
            }
            let right = here.iter().filter(|number| self.session.is_done(**number)).count();
            let heading = escape::text(&page.heading);
            let heading = say::sentence(&heading);
            out.push(format!("Step {}: {heading} {right} of {} done.", number + 1, here.len()));
        }
        out
    }

    fn answer(&mut self, line: &str) -> Vec<String> {
        let Some((number, activity)) = self.current() else { return nothing() };
        match heard::attempt(&activity.task, line) {
            Some(attempt) => self.attempt(number, &attempt),
            None => {
                let how = Asked::of(&self.session, number).how;
                vec![format!("{how} Say help for everything else.")]
            }
        }
    }

    fn attempt(&mut self, number: usize, attempt: &Attempt) -> Vec<String> {
        match self.session.attempt(number, attempt) {
            Ok(verdict) => {
                let mut out = sentences(&verdict, self.session.activity(number));
                if self.session.came(number).is_some() {
                    out.push(SAY_OUTCOME.to_owned());
                }
                self.made = Some(number);
                out.extend(self.after(number, &verdict));
                out
            }
            Err(why) => vec![say::sentence(&why)],
        }
    }

    /// Where to go on after an attempt.
    fn after(&mut self, number: usize, verdict: &Verdict) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(activity) = self.session.activity(number).filter(|_| verdict.right) {
            let points = points(activity);
            if !points.is_empty() {
                out.push(say::sentence(&format!("Did you name these? {}", points.join("; "))));
            }
        }
        let here = self.session.here();
        if !verdict.right {
            let hints = self.session.activity(number).map_or(0, |activity| activity.hints.len());
            out.push(match hints {
                0 => "Try again.".to_owned(),
                _ => "Try again, or say hint.".to_owned(),
            });
        } else if let Some(next) = here.iter().position(|number| !self.session.is_done(*number)) {
            self.at = here.get(next).copied();
            out.extend(
                here.get(next)
                    .map(|activity| self.asked(*activity, next + 1, here.len()))
                    .unwrap_or_default(),
            );
        } else {
            let (done, of) = self.session.score();
            out.push(match done == of {
                true => "Everything in this lesson is done.".to_owned(),
                false => "This step is done: say next.".to_owned(),
            });
        }
        out
    }

    /// Begin to type or to edit.
    fn start(&mut self) -> Vec<String> {
        let Some((_, activity)) = self.current() else { return nothing() };
        match &activity.task {
            Task::Type(typing) => {
                match talk(self.session.stories(), self.session.lesson(), &activity, typing) {
                    Ok(talk) => {
                        let seat = talk.desk().clone();
                        let mut out = vec![format!(
                            "You sit at {DESK} and call {}, port {}. What you type goes to the server. A line that begins \
                         with a colon is for the lesson: :check, :hint, :show, :undo, :again, :hang-up, :stop.",
                            escape::text(&seat.to),
                            seat.port
                        )];
                        out.extend(seat.logins.iter().map(|login| match seat.asks_for_login() {
                            true => format!(
                                "Mail is kept there for {}, password {}.",
                                login.account,
                                login.password.expose()
                            ),
                            false => format!("Mail is kept there for {}.", login.account),
                        }));
                        let (talk, told) = self.run(Box::new(talk));
                        out.extend(told);
                        self.doing = Doing::Typing(talk);
                        out
                    }
                    Err(why) => vec![say::sentence(&why)],
                }
            }
            Task::Repair(repair) => {
                let text = self.session.lesson().files.get(&repair.file).map(|source| source.text.clone());
                let text = text.unwrap_or_default();
                let part = desk::part(&text, &repair.part).and_then(|range| text.get(range)).unwrap_or(&text);
                let editing = Editing::new(part);
                let mut out: Vec<String> = editing.told().iter().map(|line| escape::text(line)).collect();
                out.push(HOW.to_owned());
                self.doing = Doing::Editing(editing);
                out
            }
            _ => vec!["There is nothing to start here.".to_owned()],
        }
    }

    fn edit_line(&mut self, mut editing: Editing, line: &str) -> Vec<String> {
        let out = match line {
            "stop" | "quit" => return vec!["The text is left; say start to begin anew.".to_owned()],
            "show" => editing.told().iter().map(|line| escape::text(line)).collect(),
            "hint" => self.hint(),
            "outcome" => self.outcome(""),
            "run" => {
                let Some((number, _)) = self.current() else { return nothing() };
                let out = self.attempt(number, &Attempt::Edited(editing.text()));
                if self.session.is_done(number) {
                    return out;
                }
                out
            }
            line => match editing.hear(line) {
                Ok(done) | Err(done) => vec![escape::text(&done)],
            },
        };
        self.doing = Doing::Editing(editing);
        out
    }
}

/// What is said to a goodbye behind a session that has reached its goal.
const LISTENS_NO_MORE: &str = "The goal was reached, and with that the session was over: you are back in the lesson. Say quit again to leave it.";

/// What is said when a story has come of an attempt.
const SAY_OUTCOME: &str = "Say outcome to hear what came of it.";

/// Whether a line takes leave of a server.
fn is_goodbye(line: &str) -> bool {
    let last = line.split_whitespace().next_back().unwrap_or_default();
    last.eq_ignore_ascii_case("QUIT") || last.eq_ignore_ascii_case("LOGOUT")
}

fn nothing() -> Vec<String> {
    vec!["There is no exercise in this step: say next.".to_owned()]
}
