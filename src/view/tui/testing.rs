//! What the tests of the panes share: shipped transcripts with the State after each row, and screens as text.

use crate::explain::{Item, Story};
use crate::state::State;
use crate::trace::file::Transcript;
use crate::trace::{Head, Opened, Record};
use crate::view::Cast;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::LazyLock;

/// A transcript as it is told.
pub struct Told {
    /// Its head.
    pub head: Head,
    /// Who is who.
    pub cast: Cast,
    /// Its connections.
    pub opens: Vec<Opened>,
    /// Each item with the State after it.
    pub rows: Vec<(Item, State)>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts"))
}

/// The names of all shipped transcripts.
fn shipped() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// All of them, read once.
pub fn all() -> &'static [(String, Told)] {
    static ALL: LazyLock<Vec<(String, Told)>> =
        LazyLock::new(|| shipped().into_iter().map(|name| (name.clone(), told(&name))).collect());
    &ALL
}

/// A shipped transcript.
pub fn told(name: &str) -> Told {
    let file = std::fs::File::open(folder().join(format!("{name}.jsonl"))).unwrap();
    of_records(&Transcript::read(BufReader::new(file)).unwrap().0.records)
}

/// Records as they are told.
pub fn of_records(records: &[Record]) -> Told {
    let Some(Record::Head(head)) = records.first() else { panic!("the first record is the head") };
    let mut story = Story::new(head);
    let mut items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
    items.extend(story.finish());
    let mut state = State::default();
    let rows = items.into_iter().map(|item| {
        match &item {
            Item::Step(step, _) => state.apply_step(step),
            Item::Fact { at, host, fact, .. } => state.apply_fact(*at, host, fact),
            _ => {}
        }
        (item, state.clone())
    });
    let opens = records.iter().filter_map(|record| match record {
        Record::Open { open, .. } => Some(open.clone()),
        _ => None,
    });
    Told { head: head.clone(), cast: Cast::of(records), opens: opens.collect(), rows: rows.collect() }
}

impl Told {
    /// The first row for which this holds.
    pub fn row_where(&self, holds: impl Fn(&Item) -> bool) -> usize {
        self.rows.iter().position(|(item, _)| holds(item)).unwrap()
    }

    /// A line that says what a row is.
    pub fn about(&self, row: usize) -> String {
        match &self.rows[row].0 {
            Item::Step(step, _) => {
                format!("{} {:?} {} {}", step.number, step.kind, step.verb, step.code).trim_end().to_owned()
            }
            Item::Fact { text, .. } => text.clone(),
            Item::Chapter(chapter) => chapter.title.clone(),
            Item::Outcome(outcome) => outcome.text.clone(),
            Item::Mark(mark) => mark.text.clone(),
        }
    }
}

/// A screen as lines of text.
pub fn text(buffer: &Buffer) -> String {
    let row = |y| {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned() + "\n"
    };
    (0..buffer.area.height).map(row).collect()
}

/// A screen as runs of one style: place, colour, weight, text.
pub fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    let colour = |c: Color| if c == Color::Reset { "own".to_owned() } else { c.to_string() };
    for y in 0..buffer.area.height {
        let cells: Vec<_> = (0..buffer.area.width).map(|x| (x, &buffer[(x, y)])).collect();
        for run in cells.chunk_by(|(_, a), (_, b)| a.style() == b.style()) {
            let said: String = run.iter().map(|(_, cell)| cell.symbol()).collect();
            let (x, cell) = run[0];
            if said.trim().is_empty() {
                continue;
            }
            let look = format!("{} on {} {:?}", colour(cell.fg), colour(cell.bg), cell.modifier);
            out += &format!("{y:2},{x:3} {look:28} {}\n", said.trim_end());
        }
    }
    out
}
