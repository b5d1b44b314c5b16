//! [`Beside`]: the story beside a lesson, told with notes: a line for each Step, and everything about one.

use crate::explain::{Item, Story};
use crate::trace::Record;
use crate::view::linear::say;
use crate::view::page::{self, Choice, Page, Voice};
use crate::view::wire::Amount;
use crate::view::{Cast, headline};
use std::sync::Arc;

/// How much of a Step is put into words, and that no password is.
const CHOICE: Choice = Choice { amount: Amount::Brief, show_secrets: false };

/// One row of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which item of the story it is, from 0.
    pub place: usize,
    /// The Step's number; 0 for a chapter, and for what a host stated.
    pub number: usize,
    /// Who speaks; empty for a chapter.
    pub who: String,
    /// What is said, in a line.
    pub line: String,
}

/// See the head of this file.
pub struct Beside {
    /// What it is called.
    pub title: String,
    /// Its Steps and chapters.
    pub rows: Vec<Told>,
    items: Vec<Item>,
    cast: Cast,
    steps: usize,
}

impl Beside {
    /// The story of these records.
    pub fn of(records: &Arc<[Record]>) -> Self {
        let cast = Cast::of(records);
        let Some(Record::Head(head)) = records.first() else {
            return Beside { title: String::new(), rows: Vec::new(), items: Vec::new(), cast, steps: 0 };
        };
        let mut story = Story::new(head);
        let mut items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
        items.extend(story.finish());
        let is_told = |(_, item): &(usize, &Item)| {
            !matches!(item, Item::Mark(_)) && !headline::is_furniture(&cast, item)
        };
        let rows: Vec<Told> =
            items.iter().enumerate().filter(is_told).map(|(place, item)| row(place, item, &cast)).collect();
        let steps = rows.iter().filter(|row| row.number > 0).count();
        Beside { title: crate::base::escape::text(&head.title), rows, items, cast, steps }
    }

    /// How many Steps it has.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The row of a Step.
    pub fn row_of(&self, number: usize) -> Option<usize> {
        self.rows.iter().position(|row| row.number == number)
    }

    /// The row of an item of the story.
    pub fn row_at(&self, place: usize) -> Option<usize> {
        self.rows.iter().position(|row| row.place == place)
    }

    /// The rows that another story does not have: from the first one that differs to the last.
    pub fn differing(&self, other: &Beside) -> std::ops::Range<usize> {
        let same = |(one, two): &(&Told, &Told)| (&one.who, &one.line) == (&two.who, &two.line);
        let first = self.rows.iter().zip(&other.rows).take_while(same).count();
        let most = self.rows.len().min(other.rows.len()) - first;
        let last = self.rows.iter().rev().zip(other.rows.iter().rev()).take(most).take_while(same).count();
        first..self.rows.len() - last
    }

    fn item(&self, row: usize) -> Option<&Item> {
        self.items.get(self.rows.get(row)?.place)
    }

    /// Everything about a row, in sentences.
    pub fn told(&self, row: usize) -> Vec<String> {
        let Some(item) = self.item(row) else { return Vec::new() };
        let number = self.rows.get(row).map_or(0, |row| row.number);
        let told = say::page(&page::of(item, &self.cast, CHOICE), self.steps, true);
        // Several may be told at once, so that one is named.
        told.into_iter()
            .map(|line| line.replace("Say line to hear", &format!("Say line {number} to hear")))
            .collect()
    }

    /// Every line of a row.
    pub fn whole(&self, row: usize) -> Vec<String> {
        let Some(item) = self.item(row) else { return Vec::new() };
        match page::of(item, &self.cast, Choice { amount: Amount::All, ..CHOICE }) {
            Page::Step(step) => say::said(&step, None),
            other => say::page(&other, self.steps, false),
        }
    }

    /// The same without its number and place: what a line means.
    pub fn note(&self, row: usize) -> Vec<String> {
        let Some(item) = self.item(row) else { return Vec::new() };
        match page::of(item, &self.cast, CHOICE) {
            Page::Step(step) => say::note(&step),
            other => say::page(&other, self.steps, false),
        }
    }
}

fn row(place: usize, item: &Item, cast: &Cast) -> Told {
    match (item, page::of(item, cast, CHOICE)) {
        (Item::Step(step, _), Page::Step(shown)) => {
            let headline = headline::of(step, &shown);
            let speaker = cast.speaker(step.conn, step.from);
            let who = match shown.voice {
                Voice::Client | Voice::Server | Voice::Open => speaker,
                Voice::Close => String::new(),
            };
            Told { place, number: step.number, who, line: headline.text }
        }
        (_, Page::Chapter { number, title, .. }) => {
            Told { place, number: 0, who: String::new(), line: format!("── {number} · {title}") }
        }
        (_, Page::Fact { mark, text, .. }) => {
            Told { place, number: 0, who: String::new(), line: format!("{mark} {text}") }
        }
        _ => Told { place, number: 0, who: String::new(), line: String::new() },
    }
}
