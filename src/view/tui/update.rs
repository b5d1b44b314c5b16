//! [`update`]: the only place where something that happens changes what is shown.

use super::book::Book;
use super::keys;
use super::layout::{self, Places, Side};
use super::model::{Model, SPEEDS, line_split};
use super::msg::{Action, Effect, Msg};
use super::overlay::{Asked, Help, Outcome, Overlay, Prompt};
use super::reading::Reading;
use super::seek::{Found, Question, Sieve};
use super::{annotate, faults, forks, ladder, walk};
use crate::dissect::filter::Filter;
use crate::explain::index::RowKinds;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use std::time::Duration;

/// Take what happened; gives what the program around the view has to do.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => return Vec::new(),
        Msg::Key(key) => pressed(model, key),
        Msg::Mouse(mouse) => clicked(model, mouse),
        Msg::Paste(text) => {
            if let Some(overlay) = &mut model.overlay {
                overlay.paste(&text);
            }
            Vec::new()
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Tick(by) => passed(model, by),
        Msg::Opened(book) => opened(model, *book),
        Msg::Failed(why) | Msg::Told(why) => {
            model.say(why);
            Vec::new()
        }
        Msg::Whole(records) => {
            model.forks.whole(records);
            Vec::new()
        }
        Msg::Written(book, records, said) => {
            annotate::written(model, *book);
            model.forks.rewritten(records);
            model.say(said);
            Vec::new()
        }
        Msg::Talk(pane) => {
            model.waiting.clear();
            forks::begin_talk(model, pane);
            Vec::new()
        }
        Msg::Do(action) => act(model, action),
    };
    model.refresh();
    effects
}

/// A story can be read.
fn opened(model: &mut Model, book: Book) -> Vec<Effect> {
    model.waiting.clear();
    model.forget();
    if book.takes_notes {
        model.forks.takes_notes = true;
        model.say("A writes at a step into the recording");
    }
    let number = model.books.len();
    model.books.push(book);
    let mut reading = Reading::of(number);
    if let Some(book) = model.books.last() {
        // The first line on a wire is where a story begins to be read.
        let first = |kinds: RowKinds| {
            if book.kinds(0).any(kinds) { Some(0) } else { book.next(0, kinds, false) }
        };
        reading.row = first(RowKinds::STEP).unwrap_or_default();
        // Who opens what still goes on looks at what happens now.
        if let Some(last) = book.next(book.len(), RowKinds::STEP, true).filter(|_| book.is_live) {
            reading.row = last;
        }
        // What stood there before the story began is above, for those who look.
        reading.top = first(RowKinds::CHAPTER).filter(|top| *top < reading.row).unwrap_or_default();
    }
    if model.readings.len() > 1 {
        model.readings.truncate(1);
    }
    model.readings.push(reading);
    model.focus = model.readings.len() - 1;
    if let Some(text) = model.first_filter.take()
        && let Some((wrong, _)) = filter(model, &text)
    {
        model.say(wrong);
    }
    Vec::new()
}

/// Time went by.
fn passed(model: &mut Model, by: Duration) -> Vec<Effect> {
    if let Some((_, left)) = &mut model.said {
        *left = left.saturating_sub(by);
        if left.is_zero() {
            model.said = None;
        }
    }
    model.move_on(by);
    grow(model);
    look_on(model);
    forks::take(model);
    if let Some(since) = model.playing {
        let since = since + by;
        model.playing = Some(since);
        if since >= SPEEDS[model.speed].0 {
            model.playing = Some(Duration::ZERO);
            if !walk::to_next(model, RowKinds::STEP, false) {
                model.playing = None;
                model.say("the end: space plays from here again after a step back");
            }
        }
    }
    Vec::new()
}

/// Take in what was read meanwhile. Who is at the end of a live story stays there.
fn grow(model: &mut Model) {
    let last = |reading: &Reading, books: &[Book], known: fn(&Book) -> usize| {
        let book = books.get(reading.book).filter(|book| book.is_live)?;
        reading.next(book, known(book), RowKinds::STEP, true)
    };
    // Rows come in whenever the story is looked at: the end is where it was when it was last followed.
    let is_at_end = |r: &Reading| last(r, &model.books, Book::followed).is_some_and(|last| r.row >= last);
    let followed: Vec<bool> = model.readings.iter().map(is_at_end).collect();
    model.books.iter_mut().for_each(Book::grow);
    for (reading, followed) in model.readings.iter_mut().zip(followed) {
        if let Some(row) = last(reading, &model.books, Book::len).filter(|row| followed && *row > reading.row)
        {
            reading.go(row);
        }
    }
}

/// Take in what was found of what is being looked for.
fn look_on(model: &mut Model) {
    for reading in &mut model.readings {
        let Some(book) = model.books.get(reading.book) else { continue };
        let Some(sieve) = reading.sieve.as_mut().filter(|sieve| !sieve.is_over() || !book.progress().done)
        else {
            continue;
        };
        sieve.take(book);
        let near = sieve.nearest(reading.row).filter(|row| *row >= reading.row || sieve.is_over());
        if let Some(row) = near {
            reading.go(row);
        }
    }
    let Some(mut scan) = model.scan.take() else { return };
    let Some((_, book)) = model.here() else { return };
    match scan.look(book) {
        Found::Row(row) => {
            if let Some((reading, _)) = model.here() {
                reading.go(row);
            }
        }
        Found::NotYet => model.scan = Some(scan),
        Found::Nothing => model.say(format!("“{}” stands nowhere", scan.word)),
    }
}

/// A key went down.
fn pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    model.said = None;
    let Some(overlay) = &mut model.overlay else {
        if let KeyCode::Char(digit @ '1'..='9') = key.code
            && key.modifiers.is_empty()
        {
            model.overlay = Some(Overlay::Prompt(Prompt::new(Asked::Step, &digit.to_string())));
            return Vec::new();
        }
        return keys::action(key).map_or_else(Vec::new, |action| act(model, action));
    };
    let outcome = overlay.key(key, model.forks.tree.as_ref());
    settle(model, outcome)
}

/// What became of what lies over the story.
fn settle(model: &mut Model, outcome: Outcome) -> Vec<Effect> {
    match outcome {
        Outcome::Stay => return Vec::new(),
        Outcome::Typed(asked, text) => return typed(model, asked, &text),
        Outcome::Close => walk::close_overlay(model),
        Outcome::Fork(name, changes) => {
            model.overlay = None;
            forks::fork(model, &name, changes);
        }
        Outcome::Talk(outcome) => {
            if forks::settle_talk(model, outcome) {
                return vec![Effect::Quit];
            }
        }
        Outcome::Notes(outcome) => return annotate::settle(model, outcome),
        Outcome::Branch(outcome) => forks::settle(model, outcome),
        Outcome::Reveal(row) => walk::reveal(model, row),
        Outcome::Quit => return vec![Effect::Quit],
        Outcome::Do(action) => {
            model.overlay = None;
            return act(model, action);
        }
        Outcome::Go(row) => {
            model.overlay = None;
            if let Some((reading, _)) = model.here() {
                reading.go(row);
            }
        }
    }
    Vec::new()
}

/// A line was typed.
fn typed(model: &mut Model, asked: Asked, text: &str) -> Vec<Effect> {
    let text = text.trim();
    let wrong = match asked {
        Asked::Step => walk::to_step(model, text),
        Asked::Word => {
            walk::find(model, text);
            None
        }
        Asked::Filter => filter(model, text),
        Asked::File => {
            let from = walk::step_here(model);
            model.overlay = None;
            if text.is_empty() {
                return Vec::new();
            }
            let records = model.forks.shown(model.book().and_then(|book| book.branch));
            return vec![Effect::Export { path: text.into(), from, records }];
        }
        Asked::Save(id) => {
            model.overlay = None;
            let records = model.forks.tree.as_ref().and_then(|tree| tree.records(id));
            let path = text.into();
            return records.map(|records| Effect::Save { path, records }).into_iter().collect();
        }
        Asked::SaveTalk => {
            let (records, path) = (forks::talked(model), text.into());
            return records.map(|records| Effect::Save { path, records }).into_iter().collect();
        }
        Asked::Mark(_) | Asked::Answer => return annotate::typed(model, asked, text),
        Asked::Beside => {
            model.overlay = None;
            if !text.is_empty() {
                return vec![Effect::Open(text.to_owned())];
            }
            walk::twin_here(model);
            None
        }
    };
    match (wrong, &mut model.overlay) {
        (Some(wrong), Some(Overlay::Prompt(prompt))) => prompt.wrong = Some(wrong),
        _ => {
            model.overlay = None;
            look_on(model);
        }
    }
    Vec::new()
}

/// Show only what this filter lets pass; or why it is none, and where.
fn filter(model: &mut Model, text: &str) -> Option<(String, usize)> {
    let (reading, book) = model.here()?;
    if text.is_empty() {
        reading.sieve = None;
        return None;
    }
    match Filter::parse(text) {
        Err(error) => {
            let meant = error.meant.map_or(String::new(), |word| format!(" (did you mean “{word}”?)"));
            let at = text.get(..error.at).unwrap_or(text).chars().count();
            Some((format!("{error}{meant}"), at))
        }
        Ok(filter) => {
            let sieve = Sieve::new(filter.to_string(), Question::Filter(Box::new(filter)), book);
            walk::sift(model, sieve);
            None
        }
    }
}

/// Do what was asked for.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => model.overlay = Some(Overlay::Help(Help::default())),
        Action::Theme => walk::theme(model),
        Action::Close => walk::close(model),
        Action::Tab => {
            let narrow = model.places().ladders[0].is_empty() || model.size.0 < 72;
            model.side = match (model.side, narrow) {
                (Side::Line, true) => Side::Narrow,
                (Side::Narrow, _) | (Side::Line, false) => Side::State,
                (Side::State, _) => Side::Line,
            };
        }
        Action::Hex => model.hex = !model.hex,
        Action::Analogy => model.analogy = !model.analogy,
        Action::CopyLine => return walk::copy(model, true),
        Action::CopyNote => return walk::copy(model, false),
        Action::Export if !model.options.exports => model.say("nothing can be written from here"),
        Action::GoTo => ask(model, Asked::Step),
        Action::Search => ask(model, Asked::Word),
        Action::Filter => ask(model, Asked::Filter),
        Action::Export => ask(model, Asked::File),
        Action::Annotate => annotate::ask(model),
        Action::WhatIf => forks::what_if(model),
        Action::Branches => forks::list(model),
        Action::Faults => faults::open(model),
        Action::Talk => forks::talk(model),
        Action::Twin if model.is_twin() => walk::single(model),
        Action::Twin => ask(model, Asked::Beside),
        other => {
            walk::act(model, other);
            if matches!(other, Action::SearchOn | Action::SearchBack) {
                look_on(model);
            }
        }
    }
    Vec::new()
}

/// Ask for a line to be typed.
fn ask(model: &mut Model, asked: Asked) {
    let text = match asked {
        Asked::Filter => model.reading().and_then(|r| r.sieve.as_ref()).map(|sieve| sieve.name.clone()),
        _ => None,
    };
    if model.book().is_some() {
        model.overlay = Some(Overlay::Prompt(Prompt::new(asked, &text.unwrap_or_default())));
    }
}

/// What the wheel scrolls here.
fn scrolled(model: &Model, places: &Places, x: u16, y: u16) -> usize {
    if layout::is_in(places.state, x, y) {
        return walk::STATE;
    }
    let bytes = line_split(places.line.height, model.told.bytes.len(), model.told.note.len()).0;
    let is_byte = usize::from(y.saturating_sub(places.line.top())) < bytes;
    if is_byte { walk::BYTES } else { walk::NOTE }
}

/// Rows that one turn of the wheel moves.
const WHEEL: usize = 3;

/// The mouse did something.
fn clicked(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let back = mouse.kind == MouseEventKind::ScrollUp;
    let wheel = back || mouse.kind == MouseEventKind::ScrollDown;
    let (x, y) = (mouse.column, mouse.row);
    let places = model.places();
    if let Some(overlay) = &mut model.overlay {
        if wheel {
            overlay.scroll(back, WHEEL);
        } else if mouse.kind == MouseEventKind::Down(MouseButton::Left)
            && matches!(overlay, Overlay::Help(_) | Overlay::Places(_) | Overlay::Text(_))
        {
            model.overlay = None;
        }
        return Vec::new();
    }
    let ladder = places.ladders.iter().position(|area| layout::is_in(*area, x, y));
    if wheel {
        if let Some(pane) = ladder {
            model.focus = pane.min(model.readings.len().saturating_sub(1));
            (0..WHEEL).for_each(|_| walk::act(model, if back { Action::Up } else { Action::Down }));
        } else {
            walk::scroll(model, scrolled(model, &places, x, y), back, WHEEL);
        }
        return Vec::new();
    }
    if mouse.kind != MouseEventKind::Down(MouseButton::Left) {
        return Vec::new();
    }
    if let Some(pane) = ladder {
        model.focus = pane.min(model.readings.len().saturating_sub(1));
        let line = usize::from(y - places.ladders[pane].top());
        if let Some((reading, _)) = model.here()
            && let Some(row) = ladder::row_at(reading, line)
        {
            reading.go(row);
        }
    } else if layout::is_in(places.road, x, y) {
        walk::to_station(model, (x - places.road.x, y - places.road.y));
    } else if layout::is_in(places.keys, x, y)
        && let Some(action) = super::draw::key_at(model, x)
    {
        return act(model, action);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::model::Options;
    use super::super::theme::Theme;
    use super::*;
    use crate::explain::StoryIndex;
    use crate::trace::Record;
    use crate::trace::file::Transcript;

    /// A story that grows in this order of things, read at the end or above it.
    #[test]
    fn who_is_at_the_end_of_a_live_story_stays_there() {
        let bytes = include_bytes!("../../../transcripts/journey.jsonl");
        let mut records = Transcript::read(&bytes[..]).unwrap().0.records;
        let Some(Record::Head(head)) = records.first_mut() else { panic!("no head") };
        head.generator = "postroad 0 lab".to_owned();
        let head = head.clone();
        let (index, feeder) = StoryIndex::growing();
        let (first, rest) = records.split_at(records.len() / 2);
        let mut model =
            Model::new((100, 40), Options { theme: Theme::mono(), colour: false, exports: false }, "");
        first.iter().for_each(|record| assert!(feeder.push(record.clone())));
        let mut book = Book::new("", &head, index, false);
        while book.len() < 20 {
            std::thread::yield_now();
            book.grow();
        }
        update(&mut model, Msg::Opened(Box::new(book)));
        let at = |model: &Model| model.readings[0].row;
        assert!(at(&model) > 10, "it is opened at its end");
        update(&mut model, Msg::Do(Action::Start));
        let start = at(&model);
        update(&mut model, Msg::Tick(Duration::from_millis(50)));
        assert!(at(&model) == start && start < 10, "who reads further up is left there");
        update(&mut model, Msg::Do(Action::End));
        let before = at(&model);
        rest.iter().for_each(|record| assert!(feeder.push(record.clone())));
        drop(feeder);
        while !model.books[0].progress().done {
            update(&mut model, Msg::Tick(Duration::from_millis(50)));
        }
        // What came in with the last look is followed with the next.
        update(&mut model, Msg::Tick(Duration::from_millis(50)));
        let last = model.books[0].next(model.books[0].len(), RowKinds::STEP, true);
        assert_eq!(Some(at(&model)), last);
        assert!(at(&model) > before);
    }
}
