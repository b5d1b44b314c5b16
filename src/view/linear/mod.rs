//! The linear view: a story walked by typed commands, told in plain sentences, one under the other.
//!
//! For people who listen to a screen, for terminals that can only print, and for pipes. It stands beside `tui` and does
//! the same things with the same words: [`commands`] is its table, [`say`] and [`holds`] set Pages and the State as
//! sentences. No cursor is moved and no line is drawn. It reads no clock and touches no file: who runs it does
//! (`cli/linear.rs`).

pub mod commands;
mod forks;
mod here;
mod holds;
mod quiz;
pub(super) mod say;

use super::page::Page;
use super::runner::Runner;
use super::tui::Book;
use super::tui::follow;
use super::tui::seek::{Question, Scan, Sieve, listed};
use super::{Cast, clock, headline};
use crate::base::escape;
use crate::dissect::filter::Filter;
use crate::explain::Item;
use crate::explain::index::RowKinds;
use crate::explain::predict::Score;
use crate::trace::Record;
use commands::{Act, COMMANDS, Parsed};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Steps of a page.
const PAGE: usize = 10;
/// Steps that `play` tells at most, in case a chapter has no end.
const MOST_PLAYED: usize = 500;
/// Chapters and marks that are listed.
const MOST_PLACES: usize = 200;
/// A jump of virtual time from which on it is said.
const GAP: Duration = Duration::from_secs(1);

/// Writes the story from a Step on to a file; gives the sentence that the reader is told.
pub type Export = Box<dyn Fn(&Path, usize) -> String>;

/// What is said to a line that was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// One or a few plain sentences.
    pub lines: Vec<String>,
    /// Whether the reader leaves.
    pub leave: bool,
}

/// See the head of this file.
pub struct Linear {
    book: Book,
    seed: u64,
    export: Option<Export>,
    /// The row that was told last; `None` before the first.
    here: Option<usize>,
    /// Between whom the last Step was, and on which port.
    ends: Option<(String, String, u16)>,
    marks: BTreeSet<usize>,
    sieve: Option<Sieve>,
    word: String,
    /// The part of this line that was told last, from 1.
    part: usize,
    quiz: Option<quiz::Quiz>,
    forks: Option<forks::Forks>,
    score: Score,
    /// Whether the score was told since the last answer.
    scored: bool,
}

impl Linear {
    /// The view of a story. The same `seed` asks the same questions in the same order.
    pub fn new(book: Book, seed: u64, export: Option<Export>) -> Self {
        Linear {
            book,
            seed,
            export,
            here: None,
            ends: None,
            marks: BTreeSet::new(),
            sieve: None,
            word: String::new(),
            part: 0,
            quiz: None,
            forks: None,
            score: Score::default(),
            scored: false,
        }
    }

    /// With these records told again where something is to be otherwise; where no scenario is in them it says so.
    #[must_use]
    pub fn with_runner(mut self, runner: Box<dyn Runner>, records: Arc<[Record]>) -> Self {
        self.forks = Some(forks::Forks::new(runner, records));
        self
    }

    /// What is said before the first command.
    pub fn begin(&mut self) -> Vec<String> {
        let cast = &self.book.cast;
        let title = if cast.title.is_empty() { "A recording without a title" } else { &cast.title };
        vec![
            say::sentence(&format!("{title}, {}", clock::date(cast.start))),
            format!(
                "{} steps. Enter tells the next line; help lists the commands; quit leaves.",
                self.book.steps()
            ),
        ]
    }

    /// What stands in front of the line that is typed.
    pub fn prompt(&self) -> &'static str {
        if self.quiz.is_some() { "answer> " } else { "> " }
    }

    /// Only what this filter lets pass, from the beginning.
    pub fn begin_with_filter(&mut self, text: &str) -> Vec<String> {
        self.filter(text)
    }

    /// Hear a line, and answer it.
    pub fn hear(&mut self, line: &str) -> Heard {
        if self.quiz.is_some() {
            return Heard { lines: self.answer(line), leave: false };
        }
        let lines = match commands::parse(line) {
            Parsed::Do(Act::Quit, _) => return Heard { lines: self.farewell(), leave: true },
            Parsed::Do(act, rest) => self.act(act, rest),
            Parsed::Several(words) => {
                vec![format!("That could be {}. Say a little more of it.", any_of(&words))]
            }
            Parsed::Unknown => {
                let typed: String = escape::text(line.trim()).chars().take(40).collect();
                vec![format!("“{typed}” is no command here. Say help to hear all of them.")]
            }
        };
        Heard { lines, leave: false }
    }

    /// What is said when the reader leaves.
    pub fn farewell(&self) -> Vec<String> {
        if self.score.is_empty() || self.scored { Vec::new() } else { self.score.sentences() }
    }

    fn act(&mut self, act: Act, rest: &str) -> Vec<String> {
        match act {
            Act::Next => self.on(1),
            Act::Page => self.on(PAGE),
            Act::Play => self.play(),
            Act::Back => self.jump(RowKinds::STEP, true, "line"),
            Act::PageBack => self.page_back(),
            Act::Row => self.row(false),
            Act::RowBack => self.row(true),
            Act::Start => self.edge(false),
            Act::End => self.edge(true),
            Act::Chapter => self.jump(RowKinds::CHAPTER, false, "chapter"),
            Act::ChapterBack => self.jump(RowKinds::CHAPTER, true, "chapter"),
            Act::Command => self.jump(RowKinds::COMMAND, false, "command"),
            Act::CommandBack => self.jump(RowKinds::COMMAND, true, "command"),
            Act::Error => self.jump(RowKinds::REFUSAL, false, "refusal"),
            Act::ErrorBack => self.jump(RowKinds::REFUSAL, true, "refusal"),
            Act::Finding => self.jump(RowKinds::FINDING, false, "finding"),
            Act::FindingBack => self.jump(RowKinds::FINDING, true, "finding"),
            Act::Go => self.go(rest),
            Act::Find => self.find(rest),
            Act::Again => self.again(false),
            Act::AgainBack => self.again(true),
            Act::Filter => self.filter(rest),
            Act::Follow => self.follow(),
            Act::Mark => self.mark(),
            Act::Marks => self.places(),
            Act::State => self.state(),
            Act::Predict => self.predict(),
            Act::Score => self.score.sentences(),
            Act::WhatIf => self.what_if(rest),
            Act::Branches => self.branches(),
            Act::Branch => self.branch(rest, false),
            Act::GiveUp => self.branch(rest, true),
            Act::Talk => self.talk(),
            Act::Export => self.write(rest),
            Act::Help => help(),
            Act::Quit => Vec::new(),
            Act::Line
            | Act::Note
            | Act::Part
            | Act::PartBack
            | Act::Hex
            | Act::PostOffice
            | Act::Reference => self.about(act),
        }
    }

    // --- telling ---------------------------------------------------------------------------------------------------

    /// The row that the reader is at.
    fn row_here(&self) -> usize {
        self.here.unwrap_or_default()
    }

    /// Tell a row, and be there.
    fn tell(&mut self, row: usize) -> Vec<String> {
        let Some(shown) = self.book.shown(row) else { return Vec::new() };
        let mut out = Vec::new();
        if let (Some(before), Some(now)) = (self.time_before(row), shown.at())
            && now.since(before) >= GAP
            && self.here.is_some_and(|here| here < row)
        {
            out.push(say::sentence(&clock::passes(now.since(before))));
        }
        let call = match &shown.page {
            Page::Step(step) => step.call.as_ref(),
            _ => None,
        };
        let ends = call.map(|call| (call.client.clone(), call.server.clone(), call.port));
        let new_call = ends.is_some() && ends != self.ends;
        if !headline::is_furniture(&self.book.cast, &shown.item) {
            out.extend(say::page(&shown.page, self.book.steps(), new_call));
        }
        self.ends = ends.or(self.ends.take());
        if self.marks.contains(&row) {
            out.push("Your mark is here.".to_owned());
        }
        self.here = Some(row);
        self.part = 0;
        out
    }

    /// When the row before it was that has a time, where the reader has just been there.
    fn time_before(&mut self, row: usize) -> Option<crate::base::Instant> {
        let before = (row.saturating_sub(4)..row).rev();
        before.filter_map(|row| self.book.shown(row)).find_map(|shown| shown.at())
    }

    /// Go to a row from afar: the chapter it is in is named first.
    fn arrive(&mut self, row: usize) -> Vec<String> {
        let mut out = Vec::new();
        let chapter = |linear: &mut Linear, at: usize| linear.book.next(at + 1, RowKinds::CHAPTER, true);
        let (from, to) = (self.here.and_then(|here| chapter(self, here)), chapter(self, row));
        if let Some(at) = to.filter(|at| *at != row && Some(*at) != from)
            && let Some(shown) = self.book.shown(at)
            && let Page::Chapter { number, title, .. } = &shown.page
        {
            out.push(say::sentence(&format!("In chapter {number}: {title}")));
        }
        out.extend(self.tell(row));
        out
    }

    /// The next Steps with everything between, or the next rows that the filter lets pass.
    fn on(&mut self, steps: usize) -> Vec<String> {
        let mut out = Vec::new();
        for _ in 0..steps {
            let from = self.here.map_or(0, |here| here + 1);
            if let Some(sieve) = &self.sieve {
                let next = if self.here.is_none() && sieve.holds(0) {
                    Some(0)
                } else {
                    sieve.next(self.row_here(), false)
                };
                let Some(row) = next else {
                    out.push("Nothing further is let pass.".to_owned());
                    return out;
                };
                out.extend(self.arrive(row));
                continue;
            }
            let at_step = |book: &Book, row: usize| book.kinds(row).any(RowKinds::STEP);
            let step = if at_step(&self.book, from) {
                Some(from)
            } else {
                self.book.next(from, RowKinds::STEP, false)
            };
            let last = step.unwrap_or_else(|| self.book.len().saturating_sub(1));
            out.extend((from..=last).flat_map(|row| self.tell(row)));
            if step.is_none() {
                out.push("That is the end of the story. Say start to hear it again.".to_owned());
                return out;
            }
        }
        out
    }

    /// To the end of the chapter.
    fn play(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for _ in 0..MOST_PLAYED {
            let next = self.here.map_or(0, |here| here + 1);
            if next >= self.book.len() || (!out.is_empty() && self.book.kinds(next).any(RowKinds::CHAPTER)) {
                break;
            }
            if self.sieve.as_ref().is_none_or(|sieve| sieve.holds(next)) {
                out.extend(self.tell(next));
            } else {
                self.here = Some(next);
            }
        }
        if out.is_empty() { vec!["That is the end of the story.".to_owned()] } else { out }
    }

    fn row(&mut self, back: bool) -> Vec<String> {
        let len = self.book.len();
        loop {
            let next = match (self.here, &self.sieve) {
                (here, Some(sieve)) => sieve.next(here.unwrap_or_default(), back),
                (None, None) => Some(0).filter(|_| !back && len > 0),
                (Some(here), None) if back => here.checked_sub(1),
                (Some(here), None) => Some(here + 1).filter(|row| *row < len),
            };
            let Some(row) = next else {
                let end = if back { "That is the first row." } else { "That is the end of the story." };
                return vec![end.to_owned()];
            };
            // What stood there before the story began is passed over.
            let said = self.tell(row);
            if !said.is_empty() {
                return said;
            }
        }
    }

    fn page_back(&mut self) -> Vec<String> {
        let mut row = self.row_here();
        for _ in 0..PAGE {
            row = self.next(row, RowKinds::STEP, true).unwrap_or(row);
        }
        self.arrive(row)
    }

    // --- going -----------------------------------------------------------------------------------------------------

    /// The next row of these kinds that the filter lets pass.
    fn next(&self, from: usize, kinds: RowKinds, back: bool) -> Option<usize> {
        let Some(sieve) = &self.sieve else { return self.book.next(from, kinds, back) };
        let mut row = from;
        loop {
            row = sieve.next(row, back)?;
            if self.book.kinds(row).any(kinds) {
                return Some(row);
            }
        }
    }

    fn jump(&mut self, kinds: RowKinds, back: bool, what: &str) -> Vec<String> {
        let first = self.here.is_none() && !back && self.book.kinds(0).any(kinds) && self.sieve.is_none();
        let row = if first { Some(0) } else { self.next(self.row_here(), kinds, back) };
        match row {
            Some(row) => self.arrive(row),
            None if back => vec![format!("There is no {what} before this.")],
            None => vec![format!("There is no further {what}.")],
        }
    }

    fn edge(&mut self, end: bool) -> Vec<String> {
        let len = self.book.len();
        let row = if end {
            self.next(len, RowKinds::STEP, true)
        } else if self.book.kinds(0).any(RowKinds::STEP) && self.sieve.is_none() {
            Some(0)
        } else {
            self.next(0, RowKinds::STEP, false)
        };
        row.map_or_else(|| vec!["There is no line.".to_owned()], |row| self.arrive(row))
    }

    fn go(&mut self, number: &str) -> Vec<String> {
        let steps = self.book.steps();
        let row = number.parse().ok().and_then(|number| self.book.row_of_step(number));
        match row {
            Some(row) => self.arrive(row),
            None if number.is_empty() => {
                vec![format!("To which step? Say go and a number from 1 to {steps}.")]
            }
            None => vec![format!("There is no step {}: they go from 1 to {steps}.", cut(number))],
        }
    }

    fn find(&mut self, text: &str) -> Vec<String> {
        if text.is_empty() {
            return vec!["Find what? Say find and a text, as in: find greylisted.".to_owned()];
        }
        text.clone_into(&mut self.word);
        self.again(false)
    }

    fn again(&mut self, back: bool) -> Vec<String> {
        if self.word.is_empty() {
            return vec!["Nothing was looked for yet. Say find and a text.".to_owned()];
        }
        let from = self.here.unwrap_or(if back { 0 } else { self.book.len().saturating_sub(1) });
        let mut scan = Scan::new(&self.word, from, back, &self.book);
        match scan.wait(&self.book) {
            Some(row) => self.arrive(row),
            None => vec![format!("“{}” stands nowhere.", cut(&self.word))],
        }
    }

    // --- what is told ----------------------------------------------------------------------------------------------

    fn filter(&mut self, text: &str) -> Vec<String> {
        if text.is_empty() {
            let was = self.sieve.take().is_some();
            return vec![if was { "Everything is told again." } else { "No filter is set." }.to_owned()];
        }
        match Filter::parse(text) {
            Ok(filter) => self.sift(filter.to_string(), Question::Filter(Box::new(filter))),
            Err(error) => {
                let meant = error.meant.map_or(String::new(), |word| format!(" Did you mean {word}?"));
                vec![format!(
                    "That is no filter. {}{meant}",
                    say::sentence(&escape::text(&error.to_string()))
                )]
            }
        }
    }

    fn follow(&mut self) -> Vec<String> {
        if self.sieve.as_ref().is_some_and(Sieve::follows) {
            return self.filter("");
        }
        let row = self.row_here();
        // The message that this line carries, or the next one that comes.
        let id = (row..self.book.len().min(row + 1000)).find_map(|row| {
            let item = self.book.items(row..row + 1).pop()?;
            let Item::Step(step, _) = item else { return None };
            follow::carried(&step).map(<[u8]>::to_vec)
        });
        let Some(id) = id else {
            return vec!["No message comes here that could be followed.".to_owned()];
        };
        let name = format!("the message {}", escape::line(&id));
        self.sift(name, Question::Follow(id))
    }

    fn sift(&mut self, name: String, question: Question) -> Vec<String> {
        let mut sieve = Sieve::new(name, question, &self.book);
        sieve.wait(&self.book);
        let rows = match sieve.count() {
            0 => {
                return vec![format!(
                    "Nothing passes {}, so everything is told as before.",
                    cut(&sieve.name)
                )];
            }
            1 => "1 row passes".to_owned(),
            n => format!("{n} rows pass"),
        };
        let said = format!(
            "{rows}: {}. Say next for the first one from here, filter alone to hear all again.",
            cut(&sieve.name)
        );
        self.sieve = Some(sieve);
        vec![said]
    }

    fn mark(&mut self) -> Vec<String> {
        let Some(row) = self.here else { return nowhere() };
        let place = self.place(row);
        if self.marks.remove(&row) {
            return vec![format!("The mark at {place} is taken away.")];
        }
        self.marks.insert(row);
        vec![format!("A mark stands at {place}.")]
    }

    /// A row as a place to go to.
    fn place(&mut self, row: usize) -> String {
        let shown = self.book.shown(row);
        match shown.as_deref().map(|shown| &shown.page) {
            Some(Page::Step(step)) => format!("step {}", step.number),
            Some(Page::Chapter { number, .. }) => format!("the beginning of chapter {number}"),
            _ => {
                let step = self.book.next(row, RowKinds::STEP, true).and_then(|row| self.book.shown(row));
                match step.as_deref().map(|shown| &shown.page) {
                    Some(Page::Step(step)) => format!("what follows step {}", step.number),
                    _ => "the beginning".to_owned(),
                }
            }
        }
    }

    fn places(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for row in listed(&self.book, RowKinds::CHAPTER, MOST_PLACES) {
            let next = self.book.next(row, RowKinds::STEP, false).and_then(|row| self.book.shown(row));
            let step = match next.as_deref().map(|shown| &shown.page) {
                Some(Page::Step(step)) => format!(", from step {}", step.number),
                _ => String::new(),
            };
            if let Some(shown) = self.book.shown(row)
                && let Page::Chapter { number, title, .. } = &shown.page
            {
                out.push(say::sentence(&format!("Chapter {number}{step}: {title}")));
            }
        }
        let marks: Vec<usize> = self.marks.iter().copied().take(MOST_PLACES).collect();
        if marks.is_empty() {
            out.push("You have set no marks.".to_owned());
        }
        for row in marks {
            let place = self.place(row);
            out.push(format!("Your mark: {place}."));
        }
        out
    }

    /// Who is who, for those who run the view.
    pub fn cast(&self) -> &Cast {
        &self.book.cast
    }
}

fn nowhere() -> Vec<String> {
    vec!["The story has not begun: say next for its first line.".to_owned()]
}

/// All commands, one a line.
fn help() -> Vec<String> {
    let mut out =
        vec!["Commands may be cut short as long as they can be only one. These are all of them.".to_owned()];
    for command in COMMANDS {
        let takes = if command.takes.is_empty() { String::new() } else { format!(" {}", command.takes) };
        let letters = if command.letters.is_empty() {
            String::new()
        } else {
            format!(", or {}", any_of(command.letters))
        };
        let word = command.words.first().copied().unwrap_or_default();
        out.push(format!("{word}{takes}{letters}: {}.", command.what));
    }
    out
}

/// `a`, `a or b`, `a, b or c`.
fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What somebody typed, in an answer.
fn cut(text: &str) -> String {
    escape::text(text).chars().take(60).collect()
}
