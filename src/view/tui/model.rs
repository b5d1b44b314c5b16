//! [`Model`]: all that the terminal view shows, and nothing else.

use super::annotate::Draft;
use super::book::{Book, Shown};
use super::forks::Forks;
use super::layout::{self, Places, Side};
use super::line::{self, Look, Told};
use super::overlay::Overlay;
use super::reading::Reading;
use super::road::{Layout, Scene};
use super::seek::Scan;
use super::state::Sheet;
use super::theme::Theme;
use crate::state::State;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Its look.
    pub theme: Theme,
    /// Whether colours may be used at all; where not, no key brings them.
    pub colour: bool,
    /// Whether the story can be written to a file from here.
    pub exports: bool,
}

/// Real time between two steps, from slow to fast.
pub const SPEEDS: [(Duration, &str); 5] = [
    (Duration::from_millis(4000), "slow"),
    (Duration::from_millis(2000), "easy"),
    (Duration::from_millis(1000), "steady"),
    (Duration::from_millis(400), "quick"),
    (Duration::from_millis(100), "fast"),
];
/// How long a message stays in the line of keys.
const STAYS: Duration = Duration::from_secs(6);

/// Between two looks at what a search has found.
const LOOKS: Duration = Duration::from_millis(8);
/// Between two pictures of something that moves.
const FRAME: Duration = Duration::from_millis(33);
/// How long an envelope is on its way to the next station.
const MOVES: Duration = Duration::from_millis(320);
/// Rows that are one step for the eye.
const NEAR: usize = 12;

/// The road as it is drawn for a row.
pub struct Drawn {
    row: usize,
    /// What is on it.
    pub scene: Scene,
    /// Where everything stands.
    pub layout: Layout,
    /// What was on it before, and for how long an envelope has been on its way since.
    pub moving: Option<(Scene, Duration)>,
}

impl Drawn {
    /// What is on the road in this moment.
    pub fn now(&self) -> Scene {
        match &self.moving {
            Some((before, since)) => {
                let part = since.as_millis() * 100 / MOVES.as_millis();
                self.scene.moving(before, u8::try_from(part.min(100)).unwrap_or(100))
            }
            None => self.scene.clone(),
        }
    }
}

/// All that is shown. See the head of this file.
pub struct Model {
    /// Columns and rows.
    pub size: (u16, u16),
    /// How it is shown.
    pub options: Options,
    /// The stories that are open: one, or two side by side.
    pub books: Vec<Book>,
    /// Where the reader is: one place, or two side by side.
    pub readings: Vec<Reading>,
    /// Which of them takes the keys.
    pub focus: usize,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// What the right side shows where it cannot show both.
    pub side: Side,
    /// Bytes in hexadecimal.
    pub hex: bool,
    /// What would happen in a post office.
    pub analogy: bool,
    /// Playing: how long ago the last step was.
    pub playing: Option<Duration>,
    /// How fast: a place in [`SPEEDS`].
    pub speed: usize,
    /// What is being looked for.
    pub scan: Option<Scan>,
    /// What was looked for last.
    pub word: String,
    /// A message to the reader, and how long it still stays.
    pub said: Option<(String, Duration)>,
    /// What the reader waits for before there is a story.
    pub waiting: String,
    /// The filter that the first story is shown through.
    pub first_filter: Option<String>,
    /// The mark whose text is being typed.
    pub draft: Option<Draft>,
    /// The story told again, otherwise.
    pub forks: Forks,
    /// The text of the line's pane, and what it was made for: story, row, look.
    pub told: Told,
    told_of: Option<(usize, usize, Look, Theme)>,
    /// What holds after the current row of each place, and what held before it.
    pub states: Vec<(Arc<State>, Arc<State>)>,
    /// What holds after the row that the reader is in, put into words.
    pub sheet: Sheet,
    /// The road as it is drawn.
    pub journey: Option<Drawn>,
    /// Rows that the road has.
    road_rows: u16,
}

impl Model {
    /// Nothing is open yet; `waiting` says what is being done.
    pub fn new(size: (u16, u16), options: Options, waiting: impl Into<String>) -> Self {
        Model {
            size,
            options,
            books: Vec::new(),
            readings: Vec::new(),
            focus: 0,
            overlay: None,
            side: Side::Line,
            hex: false,
            analogy: false,
            playing: None,
            speed: 2,
            scan: None,
            word: String::new(),
            said: None,
            waiting: waiting.into(),
            first_filter: None,
            draft: None,
            forks: Forks::default(),
            told: Told::default(),
            told_of: None,
            states: Vec::new(),
            sheet: Sheet::default(),
            journey: None,
            road_rows: 1,
        }
    }

    /// Show the first story through this filter (one that can be read).
    pub fn filter_first(&mut self, filter: Option<&str>) {
        self.first_filter = filter.map(str::to_owned);
    }

    /// The look of everything.
    pub fn theme(&self) -> &Theme {
        &self.options.theme
    }

    /// Where things stand now.
    pub fn places(&self) -> Places {
        layout::places(self.size, self.side, self.is_twin(), self.road_rows)
    }

    /// Whether two places stand side by side.
    pub fn is_twin(&self) -> bool {
        self.readings.len() > 1
    }

    /// Where the reader is.
    pub fn reading(&self) -> Option<&Reading> {
        self.readings.get(self.focus)
    }

    /// The same, to change it, with its story.
    pub fn here(&mut self) -> Option<(&mut Reading, &mut Book)> {
        let reading = self.readings.get_mut(self.focus)?;
        let book = self.books.get_mut(reading.book)?;
        Some((reading, book))
    }

    /// The story that the reader is in.
    pub fn book(&self) -> Option<&Book> {
        self.books.get(self.reading()?.book)
    }

    /// Say something in the line of keys.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some((text.into(), STAYS));
    }

    /// How soon the view wants to hear that time went by; `None`: nothing moves.
    pub fn pace(&self) -> Option<Duration> {
        let sieving = self.readings.iter().any(|r| r.sieve.as_ref().is_some_and(|sieve| !sieve.is_over()));
        let reading = self.books.iter().any(|book| !book.progress().done);
        let wishes = [
            (self.scan.is_some() || sieving).then_some(LOOKS),
            reading.then_some(Duration::from_millis(50)),
            self.forks.is_running().then_some(LOOKS),
            self.playing.map(|since| SPEEDS[self.speed].0.saturating_sub(since)),
            self.said.as_ref().map(|(_, left)| *left),
            self.journey.as_ref().and_then(|drawn| drawn.moving.as_ref()).map(|_| FRAME),
        ];
        wishes.into_iter().flatten().min()
    }

    /// Make ready what is drawn: the windows of the ladders, the text of the line, the states.
    pub(super) fn refresh(&mut self) {
        if let Some(book) = self.reading().and_then(|reading| self.books.get(reading.book)) {
            let wide = self.size.0.saturating_sub(2);
            self.road_rows = Layout::wants(&book.road, wide, layout::road_rows(self.size));
        }
        let places = self.places();
        for (i, reading) in self.readings.iter_mut().enumerate() {
            let Some(book) = self.books.get_mut(reading.book) else { continue };
            let area = places.ladders[if self.focus < 2 && !places.ladders[1].is_empty() { i } else { 0 }];
            reading.refresh(book, usize::from(area.height));
        }
        self.tell_line(usize::from(places.line.width.saturating_sub(2)));
        self.states.clear();
        for reading in &self.readings {
            let Some(book) = self.books.get_mut(reading.book) else { continue };
            let empty = book.is_empty();
            let after = if empty { Arc::default() } else { book.state_after(reading.row) };
            self.states.push((after, book.state_before(reading.row)));
        }
        self.draw_road(places.road);
        self.bound_scrolls(&places);
    }

    /// The text of the line's pane, where it is not there already.
    fn tell_line(&mut self, width: usize) {
        let (hex, analogy, theme) = (self.hex, self.analogy, self.options.theme);
        let Some((reading, book)) = self.here() else { return };
        let look = Look { width, part: reading.part, hex, analogy, show_secrets: book.shows_secrets() };
        let of = Some((reading.book, reading.row, look, theme));
        let shown = book.shown(reading.row);
        if self.told_of != of {
            self.told = shown.map(|shown| line::told(&shown, look, &theme)).unwrap_or_default();
            self.told_of = of;
        }
    }

    /// What is on the road, and what holds, at the row that the reader is in.
    fn draw_road(&mut self, area: Rect) {
        let Some((after, before)) = self.states.get(self.focus).cloned() else { return };
        let Some((reading, book)) = self.here() else { return };
        let row = reading.row;
        let shown = book.shown(row);
        let item = shown.as_deref().map(|shown| &shown.item);
        let at = shown.as_deref().and_then(Shown::at).unwrap_or(book.cast.start);
        let sheet = Sheet::of(&book.cast, &before, &after, item, at);
        let scene = Scene::of(&book.road, &book.cast, &after, item);
        let layout = Layout::of(&book.road, &scene, area.width, area.height);
        self.sheet = sheet;
        let drawn = self.journey.take();
        let moving = match drawn {
            Some(drawn) if drawn.row == row => drawn.moving,
            // An envelope is seen to move where it goes on by a step; who jumps is there at once.
            Some(drawn) if drawn.row.abs_diff(row) < NEAR && scene.moves(&drawn.scene) => {
                Some((drawn.scene, Duration::ZERO))
            }
            _ => None,
        };
        self.journey = Some(Drawn { row, scene, layout, moving });
    }

    /// Time went by for what moves on the road.
    pub(super) fn move_on(&mut self, by: Duration) {
        if let Some(drawn) = &mut self.journey
            && let Some((_, since)) = &mut drawn.moving
        {
            *since += by;
            if *since >= MOVES {
                drawn.moving = None;
            }
        }
    }

    /// Other stories are open now: nothing that was made of them is good any more.
    pub(super) fn forget(&mut self) {
        self.told_of = None;
        self.journey = None;
    }

    /// Nothing scrolls further than to its last line; a part that the cursor has moved to comes into sight.
    fn bound_scrolls(&mut self, places: &Places) {
        let (bytes, note, at) = (self.told.bytes.len(), self.told.note.len(), self.told.at);
        let split = line_split(places.line.height, bytes, note);
        if let Some(reading) = self.readings.get_mut(self.focus) {
            if std::mem::take(&mut reading.part_moved) {
                // With the brackets under it.
                let least = (at + 4).min(bytes).saturating_sub(split.0);
                reading.scroll[0] = reading.scroll[0].max(least).min(at);
            }
            reading.scroll[0] = reading.scroll[0].min(bytes.saturating_sub(split.0));
            reading.scroll[1] = reading.scroll[1].min(note.saturating_sub(split.1));
        }
    }
}

/// Rows of the line's pane for the bytes, and for the note under them; one row parts them.
pub fn line_split(height: u16, bytes: usize, note: usize) -> (usize, usize) {
    let height = usize::from(height);
    if bytes + 1 + note <= height {
        return (bytes, height.saturating_sub(bytes + 1));
    }
    // A short line leaves its room to the note, a short note to the line.
    let most = (height / 2).max(height.saturating_sub(note + 1));
    let bytes = bytes.min(most);
    (bytes, height.saturating_sub(bytes + 1))
}
