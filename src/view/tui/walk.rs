//! What the keys of the walk do: steps, jumps, marks, copies.

use super::follow;
use super::layout::Side;
use super::line;
use super::model::{Model, SPEEDS};
use super::msg::{Action, Effect};
use super::overlay::{List, Overlay, Text};
use super::predict::Predict;
use super::reading::Reading;
use super::seek::{self, Question, Scan, Sieve};
use super::theme::Theme;
use crate::explain::Item;
use crate::explain::catalogue;
use crate::explain::index::RowKinds;
use crate::view::page::{Page, prose};
use std::collections::BTreeSet;
use std::time::Duration;

/// For the order of the choices: the same question is asked in the same way.
const SEED: u64 = 1;
/// Chapters, marks and findings that are listed at most.
const LISTED: usize = 500;
/// Rows behind and before the current one in which its message is looked for.
const NEAR: usize = 256;

/// Go to the next row of these kinds; whether there is one.
pub fn to_next(model: &mut Model, kinds: RowKinds, back: bool) -> bool {
    let Some((reading, book)) = model.here() else { return false };
    let row = reading.next(book, reading.row, kinds, back);
    if let Some(row) = row {
        reading.go(row);
    }
    row.is_some()
}

/// Do what a key of the walk asks for.
pub fn act(model: &mut Model, action: Action) {
    let (kinds, back, none) = match action {
        Action::Step => (RowKinds::STEP, false, "this is the last step"),
        Action::Back => (RowKinds::STEP, true, "this is the first step"),
        Action::NextChapter => (RowKinds::CHAPTER, false, "no chapter comes after this one"),
        Action::LastChapter => (RowKinds::CHAPTER, true, "no chapter comes before this one"),
        Action::NextCommand => (RowKinds::COMMAND, false, "no command comes after this"),
        Action::LastCommand => (RowKinds::COMMAND, true, "no command comes before this"),
        Action::NextError => (RowKinds::REFUSAL, false, "no refusal comes after this"),
        Action::LastError => (RowKinds::REFUSAL, true, "no refusal comes before this"),
        Action::NextFinding => (RowKinds::FINDING, false, "nothing odd comes after this"),
        Action::LastFinding => (RowKinds::FINDING, true, "nothing odd comes before this"),
        other => return elsewhere(model, other),
    };
    if matches!(action, Action::Step | Action::Back) {
        model.playing = None;
    }
    if !to_next(model, kinds, back) {
        model.say(none);
    } else if kinds == RowKinds::CHAPTER {
        into_chapter(model);
    }
}

/// A chapter's heading has nothing to say about a line: its first row is what is meant, the heading above it.
fn into_chapter(model: &mut Model) {
    let Some((reading, _)) = model.here() else { return };
    reading.top = reading.row;
}

fn elsewhere(model: &mut Model, action: Action) {
    let page = usize::from(model.places().ladders[0].height).max(2) - 1;
    match action {
        Action::Down => by_rows(model, 1, false),
        Action::Up => by_rows(model, 1, true),
        Action::PageDown => by_rows(model, page, false),
        Action::PageUp => by_rows(model, page, true),
        Action::Start => {
            if let Some((reading, book)) = model.here() {
                let first = RowKinds::STEP;
                let row = if book.kinds(0).any(first) { Some(0) } else { book.next(0, first, false) };
                let row = reading.sieve.as_ref().map_or(row, |sieve| sieve.nearest(0));
                reading.go(row.unwrap_or(0));
                reading.top = 0;
            }
        }
        Action::End => {
            if let Some((reading, book)) = model.here() {
                let last = reading.next(book, book.len(), RowKinds::STEP, true);
                reading.go(last.unwrap_or(reading.row));
            }
        }
        Action::Play => {
            model.playing = match model.playing {
                Some(_) => None,
                None => Some(Duration::ZERO),
            }
        }
        Action::Faster => speed(model, model.speed + 1),
        Action::Slower => speed(model, model.speed.saturating_sub(1)),
        Action::SearchOn => search(model, false),
        Action::SearchBack => search(model, true),
        Action::Mark => mark(model),
        Action::Places => places(model),
        Action::Follow => follow(model),
        Action::Predict => predict(model),
        Action::Focus => {
            if model.is_twin() {
                model.focus = 1 - model.focus.min(1);
            } else {
                model.say("v opens a second pane");
            }
        }
        Action::NextPart => part(model, false),
        Action::LastPart => part(model, true),
        Action::NoteDown | Action::NoteUp => {
            let place = if model.side == Side::State { STATE } else { NOTE };
            scroll(model, place, action == Action::NoteUp, 1);
        }
        Action::LineDown | Action::LineUp => scroll(model, BYTES, action == Action::LineUp, 1),
        Action::Reference => reference(model),
        _ => {}
    }
}

fn by_rows(model: &mut Model, by: usize, back: bool) {
    let Some((reading, book)) = model.here() else { return };
    let mut row = reading.row;
    for _ in 0..by {
        match reading.beside(book, row, back) {
            Some(next) => row = next,
            None => break,
        }
    }
    reading.go(row);
}

fn speed(model: &mut Model, speed: usize) {
    model.speed = speed.min(SPEEDS.len() - 1);
    let (each, name) = SPEEDS[model.speed];
    model.say(format!("{name}: a step every {} s", each.as_secs_f32()));
}

/// The next part of the line; behind the last one comes the whole line again.
fn part(model: &mut Model, back: bool) {
    let Some((reading, book)) = model.here() else { return };
    let Some(shown) = book.shown(reading.row) else { return };
    let count = line::parts(&shown);
    reading.part = match (reading.part, back) {
        (None, false) => Some(0),
        (None, true) => count.checked_sub(1),
        (Some(part), false) => Some(part + 1),
        (Some(part), true) => part.checked_sub(1),
    }
    .filter(|part| *part < count);
    reading.part_moved = true;
    reading.scroll[NOTE] = 0;
    if count == 0 {
        model.say("this line has no parts with a note of their own");
    }
}

/// Places that scroll, as numbers in [`Reading::scroll`].
pub const BYTES: usize = 0;
/// What is said about a line.
pub const NOTE: usize = 1;
/// What holds.
pub const STATE: usize = 2;

/// Scroll one of the places.
pub fn scroll(model: &mut Model, place: usize, back: bool, by: usize) {
    let Some(reading) = model.readings.get_mut(model.focus) else { return };
    if let Some(at) = reading.scroll.get_mut(place) {
        *at = if back { at.saturating_sub(by) } else { at.saturating_add(by) };
    }
}

/// Go to the step of this number; why not, and where in the text.
pub fn to_step(model: &mut Model, text: &str) -> Option<(String, usize)> {
    let number: usize = match text.parse() {
        Ok(number) => number,
        Err(_) => return Some((format!("“{}” is no number of a step", prose(text)), 0)),
    };
    let (reading, book) = model.here()?;
    let Some(row) = book.row_of_step(number) else {
        return Some((format!("the steps go from 1 to {}", book.steps()), 0));
    };
    let hidden = reading.sieve.as_ref().is_some_and(|sieve| !sieve.holds(row));
    let row = reading.sieve.as_ref().map_or(Some(row), |sieve| sieve.nearest(row)).unwrap_or(row);
    reading.go(row);
    if hidden {
        model.say(format!("the filter hides step {number}; this is the nearest that it shows"));
    }
    None
}

/// The number of the Step here, or of the one before.
pub fn step_here(model: &mut Model) -> usize {
    let Some((reading, book)) = model.here() else { return 1 };
    let row = reading.row;
    let step =
        if book.kinds(row).any(RowKinds::STEP) { Some(row) } else { book.next(row, RowKinds::STEP, true) };
    match step.and_then(|row| book.shown(row)).as_deref().map(|shown| &shown.item) {
        Some(Item::Step(step, _)) => step.number,
        _ => 1,
    }
}

/// Rows in which a station is looked for.
const FAR: usize = 4096;

/// The next row that is about the station in this place of the road.
pub fn to_station(model: &mut Model, (x, y): (u16, u16)) {
    let Some(station) = model.journey.as_ref().and_then(|drawn| drawn.layout.station_at(x, y)) else {
        return;
    };
    let Some((reading, book)) = model.here() else { return };
    let Some(name) = book.road.stations().get(station).map(|station| station.name.clone()) else { return };
    let first = reading.row + 1;
    let found = book.items(first..first + FAR).iter().position(|item| match item {
        Item::Step(step, _) => {
            let ends = book.cast.opened(step.conn).and_then(|open| book.road.ends(open));
            ends.is_some_and(|(client, server)| client == station || server == station)
        }
        Item::Fact { host, .. } => book.road.station(host) == Some(station),
        Item::Outcome(_) | Item::Chapter(_) | Item::Mark(_) => false,
    });
    match found {
        Some(after) => reading.go(first + after),
        None => model.say(format!("nothing more happens at {name}")),
    }
}

/// Begin to look for a word.
pub fn find(model: &mut Model, word: &str) {
    if !word.is_empty() {
        word.clone_into(&mut model.word);
    }
    search(model, false);
}

fn search(model: &mut Model, back: bool) {
    if model.word.is_empty() {
        model.say("/ asks for a word to find");
        return;
    }
    let word = model.word.clone();
    let scan = model.here().map(|(reading, book)| Scan::new(&word, reading.row, back, book));
    model.scan = scan;
}

/// Show only what this sieve lets pass.
pub fn sift(model: &mut Model, sieve: Sieve) {
    if let Some((reading, _)) = model.here() {
        reading.sieve = Some(sieve);
    }
}

fn mark(model: &mut Model) {
    let Some((reading, _)) = model.here() else { return };
    let row = reading.row;
    let gone = reading.marks.remove(&row) || !reading.marks.insert(row);
    model.say(if gone { "the mark is gone" } else { "marked; ' lists marks and chapters" });
}

/// Chapters, people's marks and the reader's own, to go to.
fn places(model: &mut Model) {
    let Some((reading, book)) = model.here() else { return };
    let mut rows = seek::listed(book, RowKinds::CHAPTER.and(RowKinds::MARK), LISTED);
    rows.extend(&reading.marks);
    rows.sort_unstable();
    rows.dedup();
    let marks = reading.marks.clone();
    let here = rows.iter().rposition(|row| *row <= reading.row).unwrap_or_default();
    let text = |row: usize| {
        let shown = book.shown(row)?;
        let own = if marks.contains(&row) { "◆ " } else { "" };
        let words = match (&shown.page, &shown.headline) {
            (Page::Chapter { number, title, .. }, _) => format!("{number} · {title}"),
            (Page::Mark { kind, text }, _) => format!("✎ {kind}: {text}"),
            (Page::Fact { mark, text, .. }, _) => format!("{mark} {text}"),
            (Page::Step(page), Some(headline)) => format!("{}  {}", page.number, headline.text),
            (Page::Step(page), None) => page.number.to_string(),
        };
        Some((row, format!("{own}{words}")))
    };
    let rows: Vec<(usize, String)> = rows.into_iter().filter_map(text).collect();
    let title = "chapters and marks".to_owned();
    model.overlay = Some(Overlay::Places(List { title, rows, at: here }));
}

/// Follow the message that is here; no longer, where one is followed.
fn follow(model: &mut Model) {
    let Some((reading, _)) = model.here() else { return };
    if reading.sieve.as_ref().is_some_and(Sieve::follows) {
        reading.sieve = None;
        return;
    }
    let row = reading.row;
    let Some(id) = message_near(model, row) else {
        model.say("no letter near here: stand on a line of its way, then m follows it");
        return;
    };
    let name = format!("message {}", crate::base::escape::line(&id));
    let Some((_, book)) = model.here() else { return };
    let sieve = Sieve::new(name, Question::Follow(id), book);
    sift(model, sieve);
}

/// The id of the message that this row is about: in its own bytes, in those sent next on its connection, in those sent
/// before; for a fact, the message that was sent before it.
fn message_near(model: &mut Model, row: usize) -> Option<Vec<u8>> {
    let (_, book) = model.here()?;
    let conn = book.shown(row)?.conn();
    let of = |item: &Item| match item {
        Item::Step(step, _) if conn.is_none_or(|conn| conn == step.conn) => {
            follow::carried(step).map(<[u8]>::to_vec)
        }
        _ => None,
    };
    let behind = book.items(row..row + NEAR);
    let before = book.items(row.saturating_sub(NEAR)..row);
    let (ahead, back) = (behind.iter().find_map(of), before.iter().rev().find_map(of));
    if conn.is_some() { ahead.or(back) } else { back.or(ahead) }
}

/// What the catalogue and its sources say about this line, as text.
fn reference(model: &mut Model) {
    let Some((reading, book)) = model.here() else { return };
    let Some(shown) = book.shown(reading.row) else { return };
    let Page::Step(page) = &shown.page else {
        model.say("only a line of a protocol has a reference");
        return;
    };
    let mut paragraphs = Vec::new();
    let entry = catalogue().get(&page.note.id);
    if let Some(entry) = entry {
        let syntax = prose(&entry.syntax);
        paragraphs.extend((!syntax.is_empty()).then(|| ("syntax".to_owned(), syntax)));
    }
    paragraphs.push(("means".to_owned(), page.note.summary.clone()));
    paragraphs.extend(page.note.more.iter().map(|(key, _, text)| ((*key).to_owned(), text.clone())));
    let mut told = BTreeSet::new();
    for part in page.parts.iter().filter(|part| told.insert((&part.name, &part.text))) {
        paragraphs.push((part.name.clone(), part.text.clone()));
    }
    for source in &page.note.source {
        paragraphs.push(("source".to_owned(), address(source)));
    }
    let title = entry.map_or_else(|| page.note.id.clone(), |entry| prose(&entry.title));
    model.overlay = Some(Overlay::Text(Text { title, paragraphs, scroll: 0 }));
}

/// A source with the address where it can be read: `RFC 5321 §3.3: https://www.rfc-editor.org/rfc/rfc5321#section-3.3`.
fn address(source: &str) -> String {
    let Some(rest) = source.strip_prefix("RFC ") else { return source.to_owned() };
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let section = rest.split_once('§').map(|(_, section)| section);
    let section: Option<String> =
        section.map(|s| s.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect());
    match (number.is_empty(), section) {
        (true, _) => source.to_owned(),
        (false, None) => format!("{source}: https://www.rfc-editor.org/rfc/rfc{number}"),
        (false, Some(section)) => {
            let section = section.trim_end_matches('.');
            format!("{source}: https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
        }
    }
}

/// The line, or what is said about it, as text to copy.
pub fn copy(model: &mut Model, line: bool) -> Vec<Effect> {
    let Some((reading, book)) = model.here() else { return Vec::new() };
    let Some(shown) = book.shown(reading.row) else { return Vec::new() };
    let text = match &shown.page {
        Page::Step(page) if line => {
            let lines = page.wire.lines.iter();
            let text = |l: &crate::view::wire::WireLine| {
                l.chunks.iter().map(|c| c.text.as_str()).collect::<String>()
            };
            lines.map(text).collect::<Vec<_>>().join("\n")
        }
        Page::Step(page) => {
            let more = page.note.more.iter().map(|(key, _, text)| match *key {
                "" => text.clone(),
                key => format!("{key}: {text}"),
            });
            let note = std::iter::once(page.note.summary.clone()).chain(more);
            let source = std::iter::once(page.note.source.join(" · "));
            note.chain(source).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n")
        }
        Page::Chapter { title, intro, .. } => format!("{title}\n{intro}"),
        Page::Fact { text, .. } | Page::Mark { text, .. } => text.clone(),
    };
    model.say(if line { "the line is copied" } else { "the note is copied" });
    vec![Effect::Copy(text)]
}

/// The next look: dark, light, none.
pub fn theme(model: &mut Model) {
    if !model.options.colour {
        model.say("this terminal, or NO_COLOR, asks for no colours");
        return;
    }
    let (next, name) = match model.options.theme {
        theme if theme == Theme::dark() => (Theme::light(), "for a light ground"),
        theme if theme == Theme::light() => (Theme::mono(), "without colours"),
        _ => (Theme::dark(), "for a dark ground"),
    };
    model.options.theme = next;
    model.say(name);
}

/// Ask what the next line will be; what comes is hidden until it is said.
fn predict(model: &mut Model) {
    let score = match model.overlay.take() {
        Some(Overlay::Predict(predict, _)) => Some(predict),
        _ => None,
    };
    model.playing = None;
    let Some((reading, book)) = model.here() else { return };
    let row = reading.next(book, reading.row, RowKinds::STEP, false);
    reading.until = row.map(|row| row - 1);
    let question = row.and_then(|row| Some((row, book.ask(row, SEED)?)));
    let pane = question.map(|(row, question)| match score {
        Some(mut pane) => {
            pane.ask(question);
            (pane, row)
        }
        None => (Box::new(Predict::new(question)), row),
    });
    match pane {
        Some((pane, row)) => model.overlay = Some(Overlay::Predict(pane, row)),
        None => {
            reading.until = None;
            model.say("nobody could know what comes next");
        }
    }
}

/// The line that was asked about is shown; the next one is asked about.
pub fn reveal(model: &mut Model, row: usize) {
    if let Some((reading, _)) = model.here() {
        reading.go(row);
    }
    predict(model);
}

/// Close what lies over the story: what was hidden is shown.
pub fn close_overlay(model: &mut Model) {
    if super::forks::talked(model).is_some() {
        return;
    }
    let closed = model.overlay.take();
    if let Some((reading, _)) = model.here() {
        reading.until = None;
    }
    if let Some(Overlay::Predict(predict, _)) = closed
        && let Some(said) = predict.score().sentences().first()
    {
        model.say(said.clone());
    }
}

/// Close what is open: a search, a filter, the second pane.
pub fn close(model: &mut Model) {
    if model.scan.take().is_some() || model.playing.take().is_some() {
        return;
    }
    let Some((reading, _)) = model.here() else { return };
    if reading.sieve.take().is_none() {
        single(model);
    }
}

/// One pane again: the one that has the keys stays.
pub fn single(model: &mut Model) {
    if !model.is_twin() {
        return;
    }
    let mut reading = model.readings.swap_remove(model.focus.min(1));
    let book = reading.book;
    model.books.swap(0, book);
    reading.book = 0;
    model.books.truncate(1);
    if let (Some(tree), Some(id)) = (&mut model.forks.tree, model.books.first().and_then(|book| book.branch))
    {
        tree.switch(id);
    }
    model.readings = vec![reading];
    model.focus = 0;
    model.forget();
}

/// A second place in the same story.
pub fn twin_here(model: &mut Model) {
    let Some(reading) = model.reading() else { return };
    let mut second = Reading::of(reading.book);
    (second.row, second.top) = (reading.row, reading.top);
    model.readings.truncate(1);
    model.readings.push(second);
    model.focus = 1;
    model.say("z goes to the other pane, v closes this one");
}
