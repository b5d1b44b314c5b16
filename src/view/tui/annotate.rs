//! [`Notes`]: what a person writes at a step, asked for: first what kind of mark it is, then its text.
//!
//! It stands over the story as an overlay. What is kept is made elsewhere, by the one place that `postroad annotate` has
//! for it (`cli/annotate.rs`); here it is only asked for.

use super::book::Book;
use super::ladder::cut;
use super::model::Model;
use super::msg::Effect;
use super::overlay::{Asked, Overlay, Prompt};
use super::theme::Theme;
use super::walk;
use crate::explain::Item;
use crate::trace::Mark;
use crate::view::page::Page;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use std::ops::Range;

/// What a person can write at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sentence about the step, or about the part under the cursor.
    Comment,
    /// The part under the cursor, or the whole line, made to stand out.
    Highlight,
    /// A question with its right answer.
    Question,
    /// A chapter begins before the step.
    Chapter,
    /// In front of a class, stop here.
    Pause,
}

impl Kind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Kind; 5] = [Kind::Comment, Kind::Highlight, Kind::Question, Kind::Chapter, Kind::Pause];

    /// As it stands in a recording.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Comment => "comment",
            Kind::Highlight => "highlight",
            Kind::Question => "question",
            Kind::Chapter => "chapter",
            Kind::Pause => "pause",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Kind::Comment => "a sentence about it",
            Kind::Highlight => "it stands out, without words",
            Kind::Question => "a question, then its answer",
            Kind::Chapter => "begins before this step",
            Kind::Pause => "stop here in front of a class",
        }
    }
}

/// A mark that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The number of the Step that it is about.
    pub step: usize,
    /// The bytes of the Step that it is about; none: all of them.
    pub stretch: Option<Range<usize>>,
    /// What it is.
    pub kind: Kind,
    /// Its text; empty for a highlight, and for a pause without words.
    pub text: String,
    /// A question's right answer; else empty.
    pub answer: String,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays open.
    Stay,
    /// It is closed, and nothing is kept.
    Leave,
    /// A mark of this kind is wanted.
    Add(Kind),
    /// This mark is to go.
    Remove(Box<Mark>),
}

/// The question what kind of mark is wanted.
pub struct Notes {
    step: usize,
    stretch: Option<Range<usize>>,
    /// What it would be about, as it is shown.
    about: String,
    has_bytes: bool,
    /// The mark that the reader is on.
    mark: Option<Box<Mark>>,
    at: usize,
}

impl Notes {
    fn rows(&self) -> usize {
        Kind::ALL.len() + usize::from(self.mark.is_some())
    }

    /// What a row stands for. The mark that the reader is on comes last: to take it away is no slip of the finger.
    fn chosen(&self, row: usize) -> Outcome {
        match (Kind::ALL.get(row), &self.mark) {
            (Some(Kind::Highlight), _) if !self.has_bytes => Outcome::Stay,
            (Some(kind), _) => Outcome::Add(*kind),
            (None, Some(mark)) if row == Kind::ALL.len() => Outcome::Remove(mark.clone()),
            (None, _) => Outcome::Stay,
        }
    }

    /// Take a key.
    pub fn update(&mut self, key: KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'A') => return Outcome::Leave,
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1) % self.rows(),
            KeyCode::Up | KeyCode::Char('k') => self.at = (self.at + self.rows() - 1) % self.rows(),
            KeyCode::Enter => return self.chosen(self.at),
            KeyCode::Char(digit @ '1'..='9') => {
                let row = digit.to_digit(10).and_then(|digit| usize::try_from(digit - 1).ok());
                return row.map_or(Outcome::Stay, |row| self.chosen(row));
            }
            _ => {}
        }
        Outcome::Stay
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let high = u16::try_from(self.rows() + 4).unwrap_or(area.height).min(area.height);
        let area = Rect { height: high, ..area };
        frame.render_widget(Clear, area);
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(format!(" Annotate: step {} ", self.step), theme.heading()));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let room = usize::from(inner.width);
        let whole = self.stretch.is_none() && self.has_bytes;
        let hint = if whole { ", and . choose a part of it first" } else { "" };
        let mut lines = vec![
            Line::styled(cut(&self.about, room), theme.dim()),
            Line::styled(cut(hint, room), theme.dim()),
        ];
        let kinds = Kind::ALL.iter().map(|kind| {
            let none = *kind == Kind::Highlight && !self.has_bytes;
            (kind.name(), if none { "this step has no bytes" } else { kind.what() }.to_owned())
        });
        let gone = self.mark.as_ref().map(|mark| ("take away", format!("the {} here", prose(&mark.kind))));
        for (row, (name, what)) in kinds.chain(gone).enumerate() {
            let (sign, style) = if row == self.at {
                ("▸ ", theme.selected_text())
            } else {
                ("  ", ratatui::style::Style::new())
            };
            lines.push(Line::from(vec![
                Span::styled(format!("{sign}{} ", row + 1), theme.key()),
                Span::styled(format!("{name:<10} "), style),
                Span::styled(cut(&what, room.saturating_sub(15)), theme.dim()),
            ]));
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn prose(text: &str) -> String {
    crate::base::escape::text(text)
}

/// Ask what is to be written at the step that the reader is in.
pub fn ask(model: &mut Model) {
    if !model.book().is_some_and(|book| book.takes_notes) {
        let name = model.book().map_or("", |book| book.name.as_str());
        let file = if name.ends_with(".jsonl") { name.to_owned() } else { "FILE".to_owned() };
        return model.say(format!("nothing is written here: `postroad annotate {file}` opens it for that"));
    }
    let step = walk::step_here(model);
    let Some((reading, book)) = model.here() else { return };
    let (row, part) = (reading.row, reading.part);
    let Some(of_step) = book.row_of_step(step).and_then(|row| book.shown(row)) else {
        return model.say("a mark is about a step, and there is none here");
    };
    let mark = match book.shown(row).as_deref().map(|shown| &shown.item) {
        Some(Item::Mark(mark)) => Some(Box::new(mark.clone())),
        _ => None,
    };
    let part = match (&of_step.page, part) {
        (Page::Step(page), Some(part)) if of_step.row == row => page.parts.get(part),
        _ => None,
    };
    let stretch = part.map(|part| part.span.start..part.span.end).filter(|stretch| !stretch.is_empty());
    let about = match (part, &of_step.headline) {
        (Some(part), _) if part.quote.is_empty() => format!("about a part of it: {}", part.name),
        (Some(part), _) => format!("about a part of it: {} ({})", part.quote, part.name),
        (None, Some(headline)) => format!("about all of it: {}", headline.text),
        (None, None) => String::new(),
    };
    let has_bytes = matches!(&of_step.item, Item::Step(step, _) if !step.bytes.is_empty());
    model.playing = None;
    model.overlay = Some(Overlay::Notes(Box::new(Notes { step, stretch, about, has_bytes, mark, at: 0 })));
}

/// What became of a key in the question of the kind.
pub fn settle(model: &mut Model, outcome: Outcome) -> Vec<Effect> {
    let notes = match (outcome, model.overlay.take()) {
        (Outcome::Stay, overlay) => {
            model.overlay = overlay;
            return Vec::new();
        }
        (Outcome::Remove(mark), _) => return vec![Effect::Unmark(mark)],
        (Outcome::Add(kind), Some(Overlay::Notes(notes))) => (kind, notes),
        (Outcome::Leave | Outcome::Add(_), _) => return Vec::new(),
    };
    let (kind, notes) = notes;
    let draft =
        Draft { step: notes.step, stretch: notes.stretch, kind, text: String::new(), answer: String::new() };
    if kind == Kind::Highlight {
        return vec![Effect::Annotate(draft)];
    }
    model.draft = Some(draft);
    model.overlay = Some(Overlay::Prompt(Prompt::new(Asked::Mark(kind), "")));
    Vec::new()
}

/// The text of the mark, or the answer to its question, was typed. Nothing typed is nothing kept, but for a pause, which
/// needs no words.
pub fn typed(model: &mut Model, asked: Asked, text: &str) -> Vec<Effect> {
    model.overlay = None;
    let Some(mut draft) = model.draft.take() else { return Vec::new() };
    if text.is_empty() && draft.kind != Kind::Pause {
        model.say("nothing was typed, so nothing is kept");
        return Vec::new();
    }
    if asked == Asked::Answer {
        text.clone_into(&mut draft.answer);
    } else {
        text.clone_into(&mut draft.text);
        if draft.kind == Kind::Question {
            model.draft = Some(draft);
            model.overlay = Some(Overlay::Prompt(Prompt::new(Asked::Answer, "")));
            return Vec::new();
        }
    }
    vec![Effect::Annotate(draft)]
}

/// The recording was written with a mark more or less, and is read anew: every reader stays where they are.
pub fn written(model: &mut Model, mut book: Book) {
    let Some(place) = model.books.iter().position(|book| book.takes_notes) else { return };
    let Some(old) = model.books.get_mut(place) else { return };
    let (before, after) = (old.len(), book.len());
    // Rows before the first that differs stay; what is behind it moves by what came or went.
    let first = (0..before).find(|row| old.kinds(*row) != book.kinds(*row)).unwrap_or(before);
    let moved = |row: usize| if row < first { row } else { (row + after).saturating_sub(before) };
    book.branch = old.branch;
    for reading in model.readings.iter_mut().filter(|reading| reading.book == place) {
        (reading.row, reading.top) = (moved(reading.row), moved(reading.top));
        reading.marks = reading.marks.iter().map(|row| moved(*row)).collect();
        reading.sieve = reading.sieve.take().and_then(|sieve| sieve.anew(&book));
        reading.window.clear();
    }
    *old = book;
    model.scan = None;
    model.forget();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Mark;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn notes(mark: Option<Mark>, has_bytes: bool) -> Notes {
        let about = "about all of it: RCPT TO:<bob@example.net>".to_owned();
        Notes { step: 14, stretch: None, about, has_bytes, mark: mark.map(Box::new), at: 0 }
    }

    fn press(notes: &mut Notes, code: KeyCode) -> Outcome {
        notes.update(KeyEvent::from(code))
    }

    #[test]
    fn a_kind_is_chosen_by_its_number_or_by_walking_to_it() {
        for (row, kind) in ('1'..='5').zip(Kind::ALL) {
            assert_eq!(press(&mut notes(None, true), KeyCode::Char(row)), Outcome::Add(kind));
        }
        let mut walked = notes(None, true);
        assert_eq!(press(&mut walked, KeyCode::Up), Outcome::Stay);
        assert_eq!(press(&mut walked, KeyCode::Enter), Outcome::Add(Kind::Pause));
        assert_eq!(press(&mut walked, KeyCode::Char('6')), Outcome::Stay);
        assert_eq!(press(&mut walked, KeyCode::Esc), Outcome::Leave);
    }

    #[test]
    fn only_what_is_there_is_taken_away_or_highlighted() {
        let mark = Mark { kind: "comment".to_owned(), text: "here".to_owned(), ..Mark::default() };
        let mut on_a_mark = notes(Some(mark.clone()), true);
        assert_eq!(press(&mut on_a_mark, KeyCode::Char('6')), Outcome::Remove(Box::new(mark)));
        assert_eq!(press(&mut notes(None, false), KeyCode::Char('2')), Outcome::Stay);
    }

    #[test]
    fn it_fits_a_small_screen() {
        let mark = Mark { kind: "com\u{1b}ment".to_owned(), ..Mark::default() };
        let mut terminal = Terminal::new(TestBackend::new(38, 10)).unwrap();
        terminal.draw(|frame| notes(Some(mark), true).draw(frame, frame.area(), &Theme::mono())).unwrap();
        let shown = terminal.backend().to_string();
        for text in ["Annotate: step 14", "▸ 1 comment", "5 pause", "6 take away"] {
            assert!(shown.contains(text), "{text}\n{shown}");
        }
        assert!(!shown.contains('\u{1b}'));
    }
}
