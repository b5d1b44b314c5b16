//! [`Overlay`]: what lies over the story until it is closed: a question to type an answer to, the keys, places to go to,
//! a text to read.
//!
//! A pane of its own joins here: a variant, its keys in [`Overlay::key`], its drawing in `draw.rs`.

use super::annotate::{self, Kind, Notes};
use super::branches::{self, Branches};
use super::faults::{self, Faults};
use super::keys::{BINDINGS, Binding};
use super::msg::Action;
use super::predict::{self, Predict};
use super::talk::{self, TalkPane};
use super::whatif::{self, WhatIf};
use crate::trace::Change;
use crate::view::fork::Tree;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What lies over the story.
pub enum Overlay {
    /// One line is typed.
    Prompt(Prompt),
    /// All keys.
    Help(Help),
    /// Rows to go to.
    Places(List),
    /// A text.
    Text(Text),
    /// The next line is to be said before it is shown; the row of that line.
    Predict(Box<Predict>, usize),
    /// What could be otherwise.
    WhatIf(Box<WhatIf>),
    /// The branches.
    Branches(Branches),
    /// What kind of mark is wanted at a step.
    Notes(Box<Notes>),
    /// Somebody types at a server.
    Talk(Box<TalkPane>),
    /// What can go wrong in a lab that runs.
    Faults(Faults),
}

/// What became of a key.
pub enum Outcome {
    /// It stays open.
    Stay,
    /// It is closed.
    Close,
    /// Closed, and this is asked for.
    Do(Action),
    /// Closed, and this was typed as an answer to that.
    Typed(Asked, String),
    /// Closed, and this row is gone to.
    Go(usize),
    /// Closed, and the story is to be told again.
    Fork(String, Vec<Change>),
    /// What became of a key at a server.
    Talk(talk::Outcome),
    /// What became of a key where a kind of mark is chosen.
    Notes(annotate::Outcome),
    /// What became of a key among the branches.
    Branch(branches::Outcome),
    /// This row is shown now, and the next one asked about.
    Reveal(usize),
    /// The program is left.
    Quit,
}

/// What is asked for by a line to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The number of a step.
    Step,
    /// A word to find.
    Word,
    /// A filter.
    Filter,
    /// A file's name, for an export.
    File,
    /// A file's name, for a branch as a transcript.
    Save(usize),
    /// A file's name, for what was typed at a server.
    SaveTalk,
    /// A second story: a file, or a recording's name.
    Beside,
    /// The text of a mark.
    Mark(Kind),
    /// The right answer to a question.
    Answer,
}

impl Asked {
    /// What stands before the line.
    pub fn label(self) -> &'static str {
        match self {
            Asked::Step => "go to step",
            Asked::Word => "find",
            Asked::Filter => "show only",
            Asked::File => "write from here to",
            Asked::Save(_) => "save the branch as",
            Asked::SaveTalk => "save the session as",
            Asked::Beside => "beside it",
            Asked::Mark(kind) => kind.name(),
            Asked::Answer => "its answer",
        }
    }

    /// How to answer.
    pub fn hint(self) -> &'static str {
        match self {
            Asked::Step => "a number, then enter",
            Asked::Word => "words of a line, a fact, a mark, a chapter; then enter. n finds them again",
            Asked::Filter => {
                "as in: smtp and code 5xx · host mx1.example.net · fact · text \"…\"; empty shows all"
            }
            Asked::File => "its ending says what: .html .md .txt .svg .mmd .cast .json .pcapng",
            Asked::Mark(Kind::Pause) => "what to think about meanwhile, or nothing; then enter",
            Asked::Mark(Kind::Question) => "the question, then enter; its answer comes after it",
            Asked::Mark(_) => "its text, then enter; nothing typed keeps nothing",
            Asked::Answer => "the right answer, then enter; nothing typed keeps nothing",
            Asked::Save(_) | Asked::SaveTalk => "a file: a transcript that can be replayed",
            Asked::Beside => "a file or a recording's name; empty is a second place in this story",
        }
    }
}

/// One line to type.
pub struct Prompt {
    /// What for.
    pub asked: Asked,
    /// What is typed.
    pub text: String,
    /// Where the cursor is, in characters.
    pub cursor: usize,
    /// Why it was not understood, and where.
    pub wrong: Option<(String, usize)>,
}

/// All keys, those whose words hold what is typed.
#[derive(Default)]
pub struct Help {
    /// What is typed.
    pub word: String,
    /// The chosen row.
    pub at: usize,
}

/// Rows to go to.
pub struct List {
    /// What they are.
    pub title: String,
    /// Each: its row, and what it says.
    pub rows: Vec<(usize, String)>,
    /// The chosen one.
    pub at: usize,
}

/// A text to read.
pub struct Text {
    /// What it is about.
    pub title: String,
    /// Its paragraphs: a word in the margin, and text.
    pub paragraphs: Vec<(String, String)>,
    /// Lines scrolled away.
    pub scroll: usize,
}

impl Overlay {
    /// A key went down.
    pub fn key(&mut self, key: KeyEvent, tree: Option<&Tree>) -> Outcome {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            let is_talk = matches!(self, Overlay::Talk(_));
            return if is_talk { Outcome::Talk(talk::Outcome::Leave) } else { Outcome::Close };
        }
        match self {
            Overlay::Prompt(prompt) => prompt.key(key),
            Overlay::Help(help) => help.key(key),
            Overlay::Places(list) => list.key(key),
            Overlay::Text(text) => text.key(key),
            Overlay::Predict(predict, row) => match predict.update(key) {
                predict::Outcome::Stay => Outcome::Stay,
                predict::Outcome::Show => Outcome::Reveal(*row),
                predict::Outcome::Leave => Outcome::Close,
            },
            Overlay::WhatIf(what_if) => match what_if.update(key) {
                whatif::Outcome::Stay => Outcome::Stay,
                whatif::Outcome::Fork { name, changes } => Outcome::Fork(name, changes),
                whatif::Outcome::Leave => Outcome::Close,
            },
            Overlay::Branches(branches) => match tree {
                Some(tree) => Outcome::Branch(branches.update(key, tree)),
                None => Outcome::Close,
            },
            Overlay::Notes(notes) => Outcome::Notes(notes.update(key)),
            Overlay::Talk(pane) => Outcome::Talk(pane.update(key)),
            Overlay::Faults(pane) => match pane.update(key) {
                faults::Outcome::Stay => Outcome::Stay,
                faults::Outcome::Leave => Outcome::Close,
            },
        }
    }

    /// Text was pasted.
    pub fn paste(&mut self, text: &str) {
        match self {
            Overlay::Prompt(prompt) => text.chars().filter(|c| !c.is_control()).for_each(|c| prompt.put(c)),
            Overlay::Predict(predict, _) => predict.paste(text),
            Overlay::WhatIf(what_if) => what_if.paste(text),
            Overlay::Talk(pane) => pane.paste(text),
            Overlay::Help(_)
            | Overlay::Places(_)
            | Overlay::Text(_)
            | Overlay::Branches(_)
            | Overlay::Faults(_)
            | Overlay::Notes(_) => {}
        }
    }

    /// The wheel was turned, or a page key pressed.
    pub fn scroll(&mut self, back: bool, by: usize) {
        let at = match self {
            Overlay::Prompt(_)
            | Overlay::Predict(..)
            | Overlay::WhatIf(_)
            | Overlay::Branches(_)
            | Overlay::Faults(_)
            | Overlay::Notes(_)
            | Overlay::Talk(_) => return,
            Overlay::Help(help) => &mut help.at,
            Overlay::Places(list) => &mut list.at,
            Overlay::Text(text) => &mut text.scroll,
        };
        *at = if back { at.saturating_sub(by) } else { at.saturating_add(by) };
        self.bound();
    }

    fn bound(&mut self) {
        match self {
            Overlay::Help(help) => help.at = help.at.min(help.shown().count().saturating_sub(1)),
            Overlay::Places(list) => list.at = list.at.min(list.rows.len().saturating_sub(1)),
            _ => {}
        }
    }
}

/// Longest line that is typed.
const LONGEST: usize = 1000;

impl Prompt {
    /// An empty line, or one that begins so.
    pub fn new(asked: Asked, text: &str) -> Self {
        Prompt { asked, text: text.to_owned(), cursor: text.chars().count(), wrong: None }
    }

    fn place(&self, cursor: usize) -> usize {
        self.text.char_indices().nth(cursor).map_or(self.text.len(), |(at, _)| at)
    }

    fn put(&mut self, c: char) {
        if self.text.len() < LONGEST {
            let at = self.place(self.cursor);
            self.text.insert(at, c);
            self.cursor += 1;
            self.wrong = None;
        }
    }

    fn key(&mut self, key: KeyEvent) -> Outcome {
        let count = self.text.chars().count();
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            KeyCode::Enter => return Outcome::Typed(self.asked, self.text.clone()),
            KeyCode::Backspace if self.cursor == 0 && count == 0 => return Outcome::Close,
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                let at = self.place(self.cursor);
                self.text.remove(at);
                self.wrong = None;
            }
            KeyCode::Delete if self.cursor < count => {
                let at = self.place(self.cursor);
                self.text.remove(at);
                self.wrong = None;
            }
            KeyCode::Char('u') if ctrl => (self.text, self.cursor, self.wrong) = (String::new(), 0, None),
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = count,
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(count),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = count,
            KeyCode::Char(c) if !ctrl && !c.is_control() => self.put(c),
            _ => {}
        }
        Outcome::Stay
    }
}

impl Help {
    /// The rows whose keys or words hold what is typed.
    pub fn shown(&self) -> impl Iterator<Item = &'static Binding> + '_ {
        let word = self.word.to_lowercase();
        BINDINGS.iter().filter(move |binding| {
            let keys = binding.keys.iter().any(|key| key.name() == self.word);
            let said = [binding.word, binding.what, binding.group.title()];
            keys || said.iter().any(|text| text.to_lowercase().contains(&word))
        })
    }

    fn key(&mut self, key: KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc if self.word.is_empty() => return Outcome::Close,
            KeyCode::Char('?') | KeyCode::F(1) if self.word.is_empty() => return Outcome::Close,
            KeyCode::Esc => (self.word, self.at) = (String::new(), 0),
            KeyCode::Enter => {
                return self.shown().nth(self.at).map_or(Outcome::Stay, |b| Outcome::Do(b.action));
            }
            KeyCode::Up => self.at = self.at.saturating_sub(1),
            KeyCode::Down => self.at = (self.at + 1).min(self.shown().count().saturating_sub(1)),
            KeyCode::PageUp => self.at = self.at.saturating_sub(10),
            KeyCode::PageDown => self.at = (self.at + 10).min(self.shown().count().saturating_sub(1)),
            KeyCode::Backspace => {
                self.word.pop();
                self.at = 0;
            }
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) && self.word.len() < 40 => {
                self.word.push(c);
                self.at = 0;
            }
            _ => {}
        }
        Outcome::Stay
    }
}

impl List {
    fn key(&mut self, key: KeyEvent) -> Outcome {
        let last = self.rows.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | '\'') => return Outcome::Close,
            KeyCode::Enter => {
                return self.rows.get(self.at).map_or(Outcome::Close, |(row, _)| Outcome::Go(*row));
            }
            KeyCode::Up | KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1).min(last),
            KeyCode::PageUp => self.at = self.at.saturating_sub(10),
            KeyCode::PageDown => self.at = (self.at + 10).min(last),
            KeyCode::Home | KeyCode::Char('g') => self.at = 0,
            KeyCode::End | KeyCode::Char('G') => self.at = last,
            _ => {}
        }
        Outcome::Stay
    }
}

impl Text {
    fn key(&mut self, key: KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'r') | KeyCode::Enter => return Outcome::Close,
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.saturating_add(1),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll = self.scroll.saturating_add(10),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        Outcome::Stay
    }
}
