//! Stories for the tests, and a model that reads them.

use postroad::explain::StoryIndex;
use postroad::trace::Record;
use postroad::view::tui::theme::Theme;
use postroad::view::tui::{Book, Effect, Model, Msg, Options, draw, update};
use postroad::world::scenario::Scenario;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::sync::Arc;
use std::time::Duration;

/// The records of a scenario that comes with the program.
pub fn records(name: &str) -> Arc<[Record]> {
    let scenario = match Scenario::builtin(name) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{}", error.render(false)),
    };
    postroad::world::run(&scenario, &[]).expect("it runs").into()
}

/// A story that can be read.
pub fn book(name: &str, records: &Arc<[Record]>) -> Book {
    let Some(Record::Head(head)) = records.first() else { panic!("a transcript begins with its head") };
    Book::new(name, head, StoryIndex::of_records(Arc::clone(records)), false)
}

/// A view of a scenario.
pub struct View {
    pub model: Model,
    pub effects: Vec<Effect>,
}

impl View {
    pub fn of(name: &str, size: (u16, u16), theme: Theme) -> Self {
        let mut view = View::waiting(size, theme);
        view.tell(Msg::Opened(Box::new(book("", &records(name)))));
        view
    }

    pub fn waiting(size: (u16, u16), theme: Theme) -> Self {
        let options = Options { theme, colour: theme.has_colour(), exports: true };
        View { model: Model::new(size, options, "carrying the letter"), effects: Vec::new() }
    }

    pub fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg);
        self.effects.extend(effects);
        self.settle();
    }

    /// Until everything is found that is being looked for.
    fn settle(&mut self) {
        let busy = |model: &Model| {
            model.scan.is_some()
                || model.readings.iter().any(|r| r.sieve.as_ref().is_some_and(|s| !s.is_over()))
        };
        while busy(&self.model) {
            std::thread::yield_now();
            update(&mut self.model, Msg::Tick(Duration::ZERO));
        }
    }

    pub fn press(&mut self, code: KeyCode) -> &mut Self {
        self.tell(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        self
    }

    /// Each character is a key; `⏎` is Enter, `⇥` is Tab.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for c in keys.chars() {
            self.press(match c {
                '⏎' => KeyCode::Enter,
                '⇥' => KeyCode::Tab,
                '→' => KeyCode::Right,
                '←' => KeyCode::Left,
                '⎋' => KeyCode::Esc,
                c => KeyCode::Char(c),
            });
        }
        self
    }

    /// The screen as it is drawn.
    pub fn screen(&self) -> Buffer {
        let mut terminal =
            Terminal::new(TestBackend::new(self.model.size.0, self.model.size.1)).expect("a screen");
        terminal.draw(|screen| draw(&self.model, screen)).expect("it is drawn");
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        text(&self.screen())
    }

    /// The step in the title: `step 13 of 108`.
    pub fn step(&self) -> usize {
        let text = self.text();
        let first = text.lines().next().unwrap_or_default();
        let (_, rest) = first.split_once(" step ").unwrap_or_else(|| panic!("no step: {first}"));
        rest.split(" of ").next().unwrap_or_default().replace(' ', "").parse().expect("a number")
    }
}

/// A screen as text, without blanks at the ends of lines.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// The looks on a screen: each with how many cells it has, and the first words in it.
pub fn looks(buffer: &Buffer) -> String {
    let mut order: Vec<(String, usize, String, bool)> = Vec::new();
    let mut last = None;
    for cell in &buffer.content {
        let look = format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier);
        let at = order.iter().position(|(known, ..)| *known == look).unwrap_or_else(|| {
            order.push((look, 0, String::new(), false));
            order.len() - 1
        });
        if let Some(before) = last.replace(at).filter(|before| *before != at) {
            let (.., sample, full): &mut (String, usize, String, bool) = &mut order[before];
            *full = !sample.trim().is_empty();
        }
        let (_, count, sample, full) = &mut order[at];
        *count += 1;
        if !*full && sample.chars().count() < 40 {
            sample.push_str(cell.symbol());
        }
    }
    order.sort();
    order.iter().map(|(look, count, sample, _)| format!("{count:5}  {look}: {}\n", sample.trim())).collect()
}
