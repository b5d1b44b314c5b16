//! [`LessonView`]: a lesson on the full screen: its pages with what is to be done on them, the story beside it, and over it
//! what is typed: an answer, an explanation, a session at a server, a scenario.
//!
//! [`LessonView::key`] changes it, [`LessonView::draw`] reads. What takes longer than a frame is a [`Job`]: it is run on
//! whatever thread, and [`LessonView::done`] takes what came of it.

mod choose;
mod draw;
mod job;
mod page;
mod places;
mod work;

pub use job::{Done, Job};

use super::talk::{self, TalkPane};
use crate::lesson::Session;
use crate::lesson::activity::{Question, Task};
use crate::lesson::judge::{Attempt, Verdict};
use crate::trace::runner::Order;
use crate::view::lesson::{Asked, Beside};
use places::Places;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tui_textarea::TextArea;

/// Characters of an answer in a line.
const LONGEST: usize = 1000;

/// What lies over the page.
enum Over {
    Nothing,
    /// The keys.
    Help,
    /// An answer is typed: the text.
    Line(String),
    /// An explanation is written, or a scenario is mended.
    Editor(Box<TextArea<'static>>),
    /// A session is typed.
    Talk(Box<TalkPane>),
}

/// What was said about an activity last.
enum Said {
    /// What is made of an attempt, and what a good answer names.
    Verdict(Verdict, Vec<String>),
    /// A hint: which, of how many.
    Hint(usize, usize, String),
}

/// What takes longer than a frame.
enum Work {
    /// Judge an attempt.
    Judge(usize, Attempt),
    /// Run what was typed, and see whether the goal is reached.
    Run(Box<Order>),
    /// Call the server of an activity.
    Call(usize),
    /// Tell the story of an activity; where the student made one of it, that one, or the one before.
    Tell(usize, bool),
    /// How the page's activities are put whose questions only a story tells.
    Ask(Vec<usize>),
}

/// The story beside the page.
struct Story {
    /// Of which activity.
    of: usize,
    told: Beside,
    /// The rows that it is about.
    about: BTreeSet<usize>,
    row: usize,
    /// Activities of the page that ask for a line of it, each with its row.
    asked: Vec<(usize, usize)>,
    /// Whether the student made it.
    made: bool,
}

/// See the head of this file.
pub struct LessonView {
    session: Session,
    /// The activity that keys go to.
    at: Option<usize>,
    /// The choice under the cursor.
    cursor: usize,
    /// What is chosen, in order.
    chosen: Vec<usize>,
    /// What is put in order.
    places: Places,
    /// What was given to each on the left.
    given: BTreeMap<usize, usize>,
    /// What was said about each activity: the last verdict, and hints.
    said: BTreeMap<usize, Said>,
    over: Over,
    /// How the page's activities are put: what comes next is not to be asked for at every frame.
    asked: BTreeMap<usize, Asked>,
    /// Texts that were left before they were handed in.
    drafts: BTreeMap<usize, Vec<String>>,
    /// A session that was left before its goal was reached.
    left: Option<(usize, Box<TalkPane>)>,
    work: VecDeque<Work>,
    /// Whether a job is under way.
    running: bool,
    story: Option<Story>,
    /// Whether the story takes the keys.
    in_story: bool,
    /// Whether the note of a line of the story is given more room.
    long_note: bool,
    unfolded: bool,
    /// The first row that is shown; set while it is drawn, so that it follows the cursor.
    first: Cell<usize>,
    follow: bool,
    news: String,
}

/// Shift with an arrow is the sign that every keyboard and terminal has.
fn shifted(key: KeyEvent) -> KeyCode {
    match (key.code, key.modifiers.contains(KeyModifiers::SHIFT)) {
        (KeyCode::Up, true) => KeyCode::Char('<'),
        (KeyCode::Down, true) => KeyCode::Char('>'),
        (code, _) => code,
    }
}

/// The keys of the page, for the line of keys and the help.
const KEYS: [(&str, &str, &str); 15] = [
    ("→ ←", "step", "the next step, the step before"),
    ("↑ ↓", "choose", "move among the choices, or scroll"),
    ("enter", "answer", "answer; begin to type, write or mend"),
    ("space", "mark", "mark one of several right choices; in a story: the whole note"),
    ("< >", "move", "what is put in order: this line one place up, or down"),
    ("1-9", "choose", "choose by number; to a left one, give that right one"),
    ("tab", "next", "the next exercise of this step"),
    ("h", "hint", "a hint; each one helps more"),
    ("s", "story", "to the story and back"),
    ("o", "before", "the story as it was before your change, and what came of it"),
    ("a", "unfold", "show folded answers"),
    ("u", "undo", "take the last answer back"),
    ("r", "reset", "forget what was done in this step; R: in the whole lesson"),
    ("pg↑ pg↓", "scroll", "ten lines up, ten lines down"),
    ("q", "quit", "leave; what was done is kept"),
];

impl LessonView {
    /// Where it was left.
    pub fn new(session: Session) -> Self {
        let mut view = LessonView {
            session,
            at: None,
            cursor: 0,
            chosen: Vec::new(),
            places: Places::default(),
            given: BTreeMap::new(),
            said: BTreeMap::new(),
            over: Over::Nothing,
            asked: BTreeMap::new(),
            drafts: BTreeMap::new(),
            left: None,
            work: VecDeque::new(),
            running: false,
            story: None,
            in_story: false,
            long_note: false,
            unfolded: false,
            first: Cell::new(0),
            follow: false,
            news: String::new(),
        };
        view.open();
        view
    }

    /// The page was turned: its first open activity takes the keys.
    fn open(&mut self) {
        let here = self.session.here();
        let lesson = self.session.lesson();
        self.asked = here.iter().map(|number| (*number, Asked::at_once(lesson, *number))).collect();
        let is_of_story = |number: &usize| matches!(self.session.activity(*number), Some(activity) if matches!(activity.task, Task::Predict(_) | Task::Explain { .. }));
        let of_story: Vec<usize> = here.iter().copied().filter(is_of_story).collect();
        if !of_story.is_empty() {
            self.work.push_back(Work::Ask(of_story));
        }
        let open = here.iter().copied().find(|number| !self.session.is_done(*number));
        self.choose(open.or(here.first().copied()));
        self.first.set(0);
        self.follow = false;
    }

    /// This activity takes the keys.
    fn choose(&mut self, at: Option<usize>) {
        self.at = at;
        self.cursor = 0;
        self.chosen.clear();
        self.given.clear();
        self.places = Places::new(self.choices());
        if at.is_some_and(|number| self.session.is_done(number)) {
            self.as_it_is_right();
        }
        self.follow = true;
        self.in_story = false;
        // The story is told beside it as soon as there is time.
        if let Some(number) = at.filter(|number| self.has_story(*number)) {
            if self.story.as_ref().is_none_or(|story| story.of != number) {
                self.story = None;
                self.work.push_back(Work::Tell(number, true));
            }
        } else {
            self.story = None;
        }
    }

    /// Whether an activity is about a story that can be read beside it. One that is predicted would tell the answer.
    fn has_story(&self, number: usize) -> bool {
        let Some(activity) = self.session.activity(number) else { return false };
        match activity.task {
            Task::Watch(_) | Task::Find { .. } | Task::Explain { .. } | Task::WhatIf { .. } => true,
            Task::Predict(_) => self.session.is_done(number),
            Task::Answer(_) => self.session.lesson().story_of(activity).is_some(),
            Task::Type(_) | Task::Repair(_) => self.session.has_come(number),
        }
    }

    fn task(&self) -> Option<&Task> {
        Some(&self.session.activity(self.at?)?.task)
    }

    /// A key went down; says whether the lesson is left.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release || self.is_busy() {
            return false;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        self.news.clear();
        match std::mem::replace(&mut self.over, Over::Nothing) {
            Over::Talk(pane) => self.talk_key(pane, key),
            Over::Line(text) => self.line_key(text, key, control),
            Over::Editor(editor) => self.editor_key(editor, key, control),
            Over::Help => {}
            Over::Nothing if key.code == KeyCode::Char('c') && control => return true,
            Over::Nothing if self.in_story => return self.story_key(key.code),
            Over::Nothing => return self.page_key(shifted(key)),
        }
        false
    }

    /// Text was pasted.
    pub fn paste(&mut self, pasted: &str) {
        match &mut self.over {
            Over::Talk(pane) => pane.paste(pasted),
            Over::Editor(editor) => {
                editor.insert_str(pasted);
            }
            Over::Line(text) => {
                let line = pasted.lines().next().unwrap_or_default();
                text.extend(line.chars().filter(|c| !c.is_control()).take(LONGEST));
            }
            Over::Nothing | Over::Help => {}
        }
    }

    /// The wheel scrolls.
    pub fn mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.scroll(3, false),
            MouseEventKind::ScrollUp => self.scroll(3, true),
            _ => {}
        }
    }

    fn scroll(&mut self, by: usize, back: bool) {
        let open = self.open_rows();
        if let (true, Some(story)) = (self.in_story, &mut self.story) {
            let last = open.saturating_sub(1);
            story.row = if back { story.row.saturating_sub(by) } else { (story.row + by).min(last) };
            return;
        }
        self.follow = false;
        let first = self.first.get();
        self.first.set(if back { first.saturating_sub(by) } else { first + by });
    }

    fn page_key(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Char('q') => return true,
            KeyCode::Right | KeyCode::Char('n') => self.turn(self.session.page() + 1),
            KeyCode::Left | KeyCode::Char('b') => {
                if let Some(page) = self.session.page().checked_sub(1) {
                    self.turn(page);
                }
            }
            KeyCode::PageDown => self.scroll(10, false),
            KeyCode::PageUp => self.scroll(10, true),
            KeyCode::Tab => self.other(1),
            KeyCode::BackTab => self.other(usize::MAX),
            KeyCode::Char('?') | KeyCode::F(1) => self.over = Over::Help,
            KeyCode::Char('a') => self.unfolded = !self.unfolded,
            KeyCode::Char('h') => self.hint(),
            KeyCode::Char('s') => {
                self.in_story = self.story.is_some();
                if !self.in_story {
                    "this exercise has no story to look at yet".clone_into(&mut self.news);
                }
            }
            KeyCode::Char('o') => self.turn_story(),
            KeyCode::Char('u') => {
                let undone = self.session.undo();
                self.news = if undone { "taken back" } else { "nothing was done yet" }.to_owned();
                self.said.clear();
                self.choose(self.at);
            }
            KeyCode::Char('r') => {
                self.session.reset_page();
                self.said.clear();
                self.drafts.clear();
                self.open();
                "what was done in this step is forgotten; u takes that back".clone_into(&mut self.news);
            }
            KeyCode::Char('R') => {
                self.session.reset();
                self.said.clear();
                self.drafts.clear();
                self.open();
                "what was done in this lesson is forgotten; u takes that back".clone_into(&mut self.news);
            }
            code => self.choice_key(code),
        }
        false
    }

    fn turn(&mut self, page: usize) {
        if self.session.turn(page) {
            self.open();
            return;
        }
        let (done, of) = self.session.score();
        self.news = match done == of {
            true => "that was the last step, and everything is done".to_owned(),
            false => format!("that was the last step; {done} of {of} exercises are done"),
        };
    }

    /// Another activity of the page.
    fn other(&mut self, by: usize) {
        let here = self.session.here();
        let now = here.iter().position(|number| Some(*number) == self.at).unwrap_or_default();
        let next = if by == 1 {
            (now + 1) % here.len().max(1)
        } else {
            now.checked_sub(1).unwrap_or(here.len().saturating_sub(1))
        };
        self.choose(here.get(next).copied());
    }

    /// Answer, or begin to.
    fn enter(&mut self) {
        let (Some(number), Some(task)) = (self.at, self.task()) else { return };
        let attempt = match task {
            Task::Predict(_)
            | Task::WhatIf { .. }
            | Task::Answer(Question::Choose { several: false, .. }) => Attempt::Chosen(vec![self.cursor]),
            Task::Answer(Question::Choose { .. }) => {
                let mut chosen = self.chosen.clone();
                chosen.sort_unstable();
                Attempt::Chosen(chosen)
            }
            Task::Answer(Question::Order { .. }) => match self.places.all() {
                Some(order) => Attempt::Ordered(order),
                None => {
                    self.place();
                    return;
                }
            },
            Task::Answer(Question::Match { pairs, .. }) => {
                if self.given.len() < pairs.len() {
                    "give each on the left a number of the right side".clone_into(&mut self.news);
                    return;
                }
                Attempt::Matched(self.given.values().copied().collect())
            }
            Task::Answer(Question::Text { .. }) => {
                self.over = Over::Line(String::new());
                return;
            }
            Task::Explain { .. } => {
                let text = self.session.done(number).answer;
                self.edit(number, &text);
                return;
            }
            Task::Watch(_) => {
                self.in_story = self.story.is_some();
                Attempt::Seen
            }
            Task::Find { .. } => {
                self.in_story = self.story.is_some();
                return;
            }
            Task::Type(_) => {
                self.work.push_back(Work::Call(number));
                return;
            }
            Task::Repair(_) => {
                let text = self.shown_part(number);
                self.edit(number, &text);
                return;
            }
        };
        self.work.push_back(Work::Judge(number, attempt));
    }

    fn story_key(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Char('q') => return true,
            KeyCode::Esc | KeyCode::Char('s') | KeyCode::Tab | KeyCode::Left => self.in_story = false,
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1, false),
            KeyCode::Up | KeyCode::Char('k') => self.scroll(1, true),
            KeyCode::PageDown => self.scroll(10, false),
            KeyCode::PageUp => self.scroll(10, true),
            KeyCode::Char('n') => self.next_about(),
            KeyCode::Char('o') => self.turn_story(),
            KeyCode::Char(' ') => self.long_note = !self.long_note,
            KeyCode::Enter => {
                let number = self.story.as_ref().and_then(|s| s.told.rows.get(s.row)).map(|row| row.number);
                match (self.task(), self.at, number.filter(|number| *number > 0)) {
                    (Some(Task::Find { .. }), Some(at), Some(number)) => {
                        self.in_story = false;
                        self.work.push_back(Work::Judge(at, Attempt::Pointed(number)));
                    }
                    (Some(Task::Find { .. }), ..) => {
                        "a line is wanted: one that has a number".clone_into(&mut self.news);
                    }
                    _ => self.in_story = false,
                }
            }
            _ => {}
        }
        false
    }

    /// To the next Step that the activity is about.
    fn next_about(&mut self) {
        let count = self.open_rows();
        let Some(story) = &mut self.story else { return };
        let is_about = |row: &usize| story.about.contains(row);
        let next = (story.row + 1..count).chain(0..count).find(is_about);
        story.row = next.unwrap_or(story.row);
    }

    fn line_key(&mut self, mut text: String, key: KeyEvent, control: bool) {
        match key.code {
            KeyCode::Esc => return,
            KeyCode::Enter => {
                if let Some(number) = self.at.filter(|_| !text.trim().is_empty()) {
                    self.work.push_back(Work::Judge(number, Attempt::Written(text)));
                }
                return;
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char('u') if control => text.clear(),
            KeyCode::Char(c) if !control && text.len() < LONGEST => text.push(c),
            _ => {}
        }
        self.over = Over::Line(text);
    }

    /// A text is written or mended: as it was left, or this one.
    fn edit(&mut self, number: usize, text: &str) {
        let editor = match self.drafts.remove(&number) {
            Some(lines) => TextArea::from(lines),
            None => TextArea::from(text.lines()),
        };
        self.over = Over::Editor(Box::new(editor));
    }

    fn editor_key(&mut self, mut editor: Box<TextArea<'static>>, key: KeyEvent, control: bool) {
        match key.code {
            KeyCode::Esc => {
                if let Some(number) = self.at {
                    self.drafts.insert(number, editor.lines().to_vec());
                }
                return;
            }
            KeyCode::Char('s') if control => {
                let mut text = editor.lines().join("\n");
                let repairs = matches!(self.task(), Some(Task::Repair(_)));
                if repairs {
                    text.push('\n');
                }
                if let Some(number) = self.at.filter(|_| !text.trim().is_empty()) {
                    let attempt = if repairs { Attempt::Edited(text) } else { Attempt::Written(text) };
                    self.work.push_back(Work::Judge(number, attempt));
                }
                // A text that does not do yet is gone on with.
                if repairs {
                    self.over = Over::Editor(editor);
                }
                return;
            }
            KeyCode::Char('t') if control => {
                self.hint();
                if let Some(Said::Hint(nth, of, hint)) = self.at.and_then(|number| self.said.get(&number)) {
                    self.news = format!("hint {nth} of {of}: {hint}");
                }
            }
            _ => {
                editor.input(key);
            }
        }
        self.over = Over::Editor(editor);
    }

    fn talk_key(&mut self, mut pane: Box<TalkPane>, key: KeyEvent) {
        match pane.update(key) {
            talk::Outcome::Leave => {
                // What was typed counts as an attempt: it is judged, and said what is missing.
                if let Some(number) = self.at.filter(|_| !pane.talk().pieces().is_empty()) {
                    let typed = pane.talk();
                    let attempt = Attempt::Typed(typed.pieces().to_vec(), typed.has_hung_up());
                    self.work.push_back(Work::Judge(number, attempt));
                    self.left = Some((number, pane));
                }
                return;
            }
            talk::Outcome::Run(order) => self.work.push_back(Work::Run(order)),
            talk::Outcome::Save => {
                pane.tell(Err("a session of a lesson is kept as your answer".to_owned()));
            }
            talk::Outcome::Stay => {}
        }
        self.over = Over::Talk(pane);
    }
}
