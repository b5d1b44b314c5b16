//! Two stories side by side on a full screen: both ladders scroll together, what everybody holds changes with them.
//!
//! Where it stands: a pane of its own over `view::compare`'s [`Sheet`]. [`CompareView::key`] and [`CompareView::tick`]
//! change it, [`CompareView::draw`] reads it.

use super::theme::Theme;
use crate::view::compare::{Cell, Cost, Sheet, SheetRow};
use crate::view::page::Label;
use crate::view::plain::layout::{cut, wrap};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph};
use std::cmp::Ordering;
use std::time::Duration;

/// How long what was held before is shown, so that a change is seen as one.
const BEFORE: Duration = Duration::from_millis(350);
/// Narrower or lower than this nothing can be compared.
const LEAST: (u16, u16) = (60, 16);
/// From so many columns on the list of rows stands beside the ladders.
const WITH_LIST: u16 = 150;

/// What becomes of it after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It is left.
    Quit,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Do {
    Next,
    Back,
    Start,
    End,
    Down,
    Up,
    Swap,
    Predict,
    Cost,
    Help,
    Quit,
}

/// The keys: which, what for, in a word, in a sentence. The line of keys and the help are made from it.
const KEYS: [(Do, &[KeyCode], &str, &str, &str); 11] = [
    (
        Do::Next,
        &[KeyCode::Right, KeyCode::Char('l'), KeyCode::Enter, KeyCode::Char(' ')],
        "→",
        "next",
        "the next row",
    ),
    (Do::Back, &[KeyCode::Left, KeyCode::Char('h')], "←", "back", "the row before"),
    (Do::Down, &[KeyCode::Down, KeyCode::Char('j'), KeyCode::PageDown], "↓", "scroll", "scroll both ladders"),
    (Do::Up, &[KeyCode::Up, KeyCode::Char('k'), KeyCode::PageUp], "↑", "scroll back", "scroll both back"),
    (Do::Start, &[KeyCode::Home, KeyCode::Char('g')], "home", "start", "the first row"),
    (Do::End, &[KeyCode::End, KeyCode::Char('G')], "end", "end", "the last row"),
    (Do::Swap, &[KeyCode::Tab], "tab", "swap", "change the sides"),
    (Do::Predict, &[KeyCode::Char('p')], "p", "predict", "say first which side needs fewer round trips"),
    (Do::Cost, &[KeyCode::Char('c')], "c", "cost", "what everything cost, and which one to choose"),
    (Do::Help, &[KeyCode::Char('?')], "?", "keys", "these keys"),
    (Do::Quit, &[KeyCode::Char('q'), KeyCode::Esc], "q", "quit", "leave"),
];

/// What lies over the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Nothing,
    Cost,
    Help,
}

/// A guess: which side needs fewer round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    /// Nobody is asked.
    Off,
    /// The row waits for it.
    Asked,
    /// The reader said this, and it was right or not.
    Told(Ordering, bool),
}

/// A figure of a cost.
type Figure = fn(&Cost) -> u64;

/// Two stories on a full screen.
#[derive(Clone, Debug)]
pub struct CompareView {
    sheet: Sheet,
    row: usize,
    scroll: usize,
    swapped: bool,
    over: Over,
    guess: Guess,
    /// Right guesses, and all.
    score: (usize, usize),
    /// Since the row was entered.
    since: Duration,
}

impl CompareView {
    /// Before the first row.
    pub fn new(sheet: Sheet) -> Self {
        CompareView {
            sheet,
            row: 0,
            scroll: 0,
            swapped: false,
            over: Over::Nothing,
            guess: Guess::Off,
            score: (0, 0),
            since: BEFORE,
        }
    }

    /// Time went by; gives whether something is to be drawn anew.
    pub fn tick(&mut self, by: Duration) -> bool {
        let was = self.since;
        self.since = self.since.saturating_add(by);
        was < BEFORE && self.since >= BEFORE
    }

    /// When something changes by itself: after so much time; `None` where only a key changes it.
    pub fn pace(&self) -> Option<Duration> {
        (self.since < BEFORE).then(|| BEFORE.saturating_sub(self.since) + Duration::from_millis(5))
    }

    /// The wheel scrolls both ladders.
    pub fn mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.scroll += 1,
            MouseEventKind::ScrollUp => self.scroll = self.scroll.saturating_sub(1),
            _ => {}
        }
    }

    /// A key went down.
    pub fn key(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Outcome::Quit;
        }
        if self.guess == Guess::Asked && self.answered(key.code) {
            return Outcome::Stay;
        }
        let Some((what, ..)) = KEYS.iter().find(|(_, keys, ..)| keys.contains(&key.code)) else {
            return Outcome::Stay;
        };
        if self.over != Over::Nothing {
            self.over = Over::Nothing;
            return if key.code == KeyCode::Char('q') { Outcome::Quit } else { Outcome::Stay };
        }
        match what {
            Do::Next => self.go(self.row + 1),
            Do::Back => self.go(self.row.saturating_sub(1)),
            Do::Start => self.go(0),
            Do::End => self.go(usize::MAX),
            Do::Down => self.scroll += 1,
            Do::Up => self.scroll = self.scroll.saturating_sub(1),
            Do::Swap => self.swapped = !self.swapped,
            Do::Predict => self.guess = if self.guess == Guess::Off { Guess::Asked } else { Guess::Off },
            Do::Cost => self.over = Over::Cost,
            Do::Help => self.over = Over::Help,
            Do::Quit => return Outcome::Quit,
        }
        Outcome::Stay
    }

    fn go(&mut self, row: usize) {
        let row = row.min(self.sheet.rows.len().saturating_sub(1));
        if row != self.row {
            self.since = Duration::ZERO;
            self.scroll = 0;
            if self.guess != Guess::Off {
                self.guess = Guess::Asked;
            }
        }
        self.row = row;
    }

    /// Take a guess: `1` the left side, `2` the right one, `=` the same.
    fn answered(&mut self, key: KeyCode) -> bool {
        let said = match key {
            KeyCode::Char('1') => Ordering::Less,
            KeyCode::Char('2') => Ordering::Greater,
            KeyCode::Char('=' | '0') => Ordering::Equal,
            _ => return false,
        };
        let trips = |side: usize| self.cell(side).map_or(0, |cell| cell.cost.traffic.round_trips);
        let right = trips(0).cmp(&trips(1)) == said;
        self.score = (self.score.0 + usize::from(right), self.score.1 + 1);
        self.guess = Guess::Told(said, right);
        true
    }

    fn current(&self) -> Option<&SheetRow> {
        self.sheet.rows.get(self.row)
    }

    /// The sheet's side that is shown in this place.
    fn side(&self, place: usize) -> usize {
        if self.swapped { 1 - place } else { place }
    }

    fn cell(&self, place: usize) -> Option<&Cell> {
        self.current()?.cells.get(self.side(place))?.as_ref()
    }

    fn name(&self, place: usize) -> &str {
        self.sheet.sides.get(self.side(place)).map_or("", String::as_str)
    }

    /// Draw all of it.
    pub fn draw(&self, frame: &mut Frame, area: Rect, theme: &Theme) {
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let text = format!("this needs {} columns and {} rows", LEAST.0, LEAST.1);
            return frame.render_widget(Paragraph::new(text), area);
        }
        let [title, about, middle, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(2),
            Constraint::Min(8),
            Constraint::Length(1),
        ])
        .areas(area);
        self.draw_title(frame, title, theme);
        self.draw_about(frame, about, theme);
        let body = if area.width >= WITH_LIST {
            let [list, body] =
                Layout::horizontal([Constraint::Length(34), Constraint::Min(80)]).areas(middle);
            self.draw_list(frame, list, theme);
            body
        } else {
            middle
        };
        for (place, column) in
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).split(body).iter().enumerate()
        {
            self.draw_side(frame, *column, place, theme);
        }
        self.draw_keys(frame, keys, theme);
        match self.over {
            Over::Nothing => {}
            Over::Cost => over(
                frame,
                area,
                theme,
                "What it cost, and which one to choose",
                self.cost_lines(area, theme),
            ),
            Over::Help => over(frame, area, theme, "Keys", help_lines(theme)),
        }
    }

    fn draw_title(&self, frame: &mut Frame, area: Rect, theme: &Theme) {
        let place = format!("row {} of {}", self.row + 1, self.sheet.rows.len());
        let score = if self.score.1 > 0 {
            format!("{} of {} guessed · ", self.score.0, self.score.1)
        } else {
            String::new()
        };
        let right = format!("{score}{place} ");
        let room = usize::from(area.width).saturating_sub(right.chars().count() + 2);
        let line =
            Line::from(Span::styled(format!(" {}", cut(&self.sheet.title, room)), theme.style(Label::Title)));
        frame.render_widget(line, area);
        frame.render_widget(Line::from(Span::styled(right, theme.dim())).right_aligned(), area);
    }

    /// The wish; while the reader guesses, the question.
    fn draw_about(&self, frame: &mut Frame, area: Rect, theme: &Theme) {
        let Some(row) = self.current() else { return };
        let title = format!(" {} · {}", row.number, row.title);
        let second = match self.guess {
            Guess::Asked => Span::styled(
                format!(
                    " Which side needs fewer round trips?  1 {}   2 {}   = the same",
                    self.name(0),
                    self.name(1)
                ),
                theme.key(),
            ),
            Guess::Told(_, true) => {
                Span::styled(" ✓ right: look at who has to wait for whom".to_owned(), theme.good())
            }
            Guess::Told(_, false) => Span::styled(" ✗ not so: count the turns below".to_owned(), theme.bad()),
            Guess::Off if !row.differs.is_empty() => {
                Span::styled(format!(" ≠ {}", row.differs.join(", ")), theme.style(Label::Finding))
            }
            Guess::Off => Span::styled(format!(" {}", row.about), theme.style(Label::Intro)),
        };
        let lines = vec![Line::from(Span::styled(title, theme.style(Label::Chapter))), Line::from(second)];
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn draw_list(&self, frame: &mut Frame, area: Rect, theme: &Theme) {
        let height = usize::from(area.height.saturating_sub(2)).max(1);
        let first = self.row.saturating_sub(height / 2).min(self.sheet.rows.len().saturating_sub(height));
        let line = |row: &SheetRow| {
            let here = row.number == self.row + 1;
            let title = if row.title.is_empty() { &row.key } else { &row.title };
            let text = format!("{}{:>3} {}", if here { "▸" } else { " " }, row.number, cut(title, 26));
            Line::from(Span::styled(text, if here { theme.selected_text() } else { Style::new() }))
        };
        let lines: Vec<Line> = self.sheet.rows.iter().skip(first).take(height).map(line).collect();
        let block = Block::new().borders(Borders::ALL).border_style(theme.border()).title(" wishes ");
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    /// One side: its ladder above, what everybody holds below.
    fn draw_side(&self, frame: &mut Frame, area: Rect, place: usize, theme: &Theme) {
        let name = Span::styled(format!(" {} ", self.name(place)), theme.heading());
        let block = Block::new().borders(Borders::ALL).border_style(theme.border()).title(name);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let Some(cell) = self.cell(place) else {
            return frame.render_widget(Paragraph::new(Span::styled("no counterpart", theme.dim())), inner);
        };
        if self.guess == Guess::Asked {
            return frame
                .render_widget(Paragraph::new(Span::styled("(waits for your guess)", theme.dim())), inner);
        }
        let width = usize::from(inner.width);
        let below = self.below(cell, place, width, theme);
        // Both sides are cut at one height, so that like stands beside like.
        let beside = self.cell(1 - place).map_or(0, |cell| self.below(cell, 1 - place, width, theme).len());
        let room = inner.height.saturating_sub(3);
        let tall = u16::try_from(below.len().max(beside)).unwrap_or(room).min(room / 2 + room % 2);
        let [above, rule, low] =
            Layout::vertical([Constraint::Min(1), Constraint::Length(1), Constraint::Length(tall)])
                .areas(inner);
        let ladder = ladder(cell, width, theme);
        let last = ladder.len().saturating_sub(usize::from(above.height));
        let shown: Vec<Line> = ladder.into_iter().skip(self.scroll.min(last)).collect();
        frame.render_widget(Paragraph::new(shown), above);
        frame.render_widget(Line::from(Span::styled("─".repeat(width), theme.border())), rule);
        frame.render_widget(Paragraph::new(below), low);
    }

    /// Cost, outcome, the remark, and what everybody holds: just after a step, what they held before.
    fn below(&self, cell: &Cell, place: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut out = item("", &cell.cost.words(), width, theme.style(Label::Time));
        out.extend(self.bar(cell, width, theme));
        if !cell.outcome.is_empty() {
            let (style, mark) = if cell.ok == Some(false) {
                (theme.bad(), "✗ ")
            } else {
                (theme.style(Label::Intent), "☞ ")
            };
            out.extend(item(mark, &cell.outcome, width, style));
        }
        if !cell.instead.is_empty() {
            out.extend(item("↪ ", &format!("instead: {}", cell.instead), width, theme.style(Label::Intent)));
        }
        let before = self.before(place);
        let held = if self.since < BEFORE { before.unwrap_or(&cell.after) } else { &cell.after };
        for line in held {
            let is_new = self.since >= BEFORE && before.is_some_and(|before| !before.contains(line));
            let (mark, style) =
                if is_new { ("◆ ", theme.changed()) } else { ("● ", theme.style(Label::Fact)) };
            out.extend(item(mark, line, width, style));
        }
        if !cell.remark.is_empty() {
            out.extend(item("╰ ", &cell.remark, width, theme.style(Label::Note)));
        }
        out
    }

    /// What everybody held before this row, on the side in this place.
    fn before(&self, place: usize) -> Option<&Vec<String>> {
        let earlier = self.sheet.rows.get(..self.row)?;
        earlier.iter().rev().find_map(|row| row.cells.get(self.side(place))?.as_ref()).map(|cell| &cell.after)
    }

    /// Round trips as a bar, on one scale for both sides.
    fn bar(&self, cell: &Cell, width: usize, theme: &Theme) -> Option<Line<'static>> {
        let trips = |cell: &Cell| cell.cost.traffic.round_trips;
        let most = [0, 1].into_iter().filter_map(|place| self.cell(place)).map(trips).max()?;
        if most == 0 {
            return None;
        }
        let room = width.saturating_sub(2).min(40) as u64;
        let long = usize::try_from((trips(cell) * room).div_ceil(most)).unwrap_or_default();
        Some(Line::from(Span::styled("▬".repeat(long), theme.style(Label::ClientLine))))
    }

    fn draw_keys(&self, frame: &mut Frame, area: Rect, theme: &Theme) {
        let mut spans = vec![Span::raw(" ")];
        for (what, _, key, word, _) in &KEYS {
            if !matches!(what, Do::Start | Do::End | Do::Up) {
                spans.push(Span::styled((*key).to_owned(), theme.key()));
                spans.push(Span::raw(format!(" {word}  ")));
            }
        }
        frame.render_widget(Line::from(spans), area);
    }

    fn cost_lines(&self, area: Rect, theme: &Theme) -> Vec<Line<'static>> {
        let figures: [(&str, Figure); 5] = [
            ("connections", |c| c.traffic.connections),
            ("commands", |c| c.traffic.commands),
            ("round trips", |c| c.traffic.round_trips),
            ("bytes up", |c| c.traffic.bytes_up),
            ("bytes down", |c| c.traffic.bytes_down),
        ];
        let heads = format!("{:<14}{:>18}{:>18}", "", cut(self.name(0), 17), cut(self.name(1), 17));
        let mut out = vec![Line::from(Span::styled(heads, theme.heading()))];
        for (name, of) in figures {
            let [left, right] = [0, 1].map(|place| {
                self.sheet
                    .total
                    .get(self.side(place))
                    .map_or_else(String::new, |c| crate::view::clock::grouped(of(c)))
            });
            out.push(Line::from(format!("{name:<14}{left:>18}{right:>18}")));
        }
        let width = usize::from(area.width).saturating_sub(8).min(90);
        for remark in &self.sheet.verdict {
            out.push(Line::default());
            out.push(Line::from(Span::styled(remark.title.clone(), theme.heading())));
            out.extend(wrap(&remark.text, width).into_iter().map(Line::from));
        }
        out
    }
}

/// The lines of a cell as a ladder: the client's from the left, the server's from the right side's mark.
fn ladder(cell: &Cell, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    for line in &cell.lines {
        let mark = if line.mark.is_empty() { "  ".to_owned() } else { format!("{} ", line.mark) };
        out.extend(item(&mark, &line.text, width, theme.style(line.label)));
    }
    if out.is_empty() {
        out.push(Line::from(Span::styled("nothing crosses the wire", theme.dim())));
    }
    out
}

/// Text behind a mark; further lines stand under its first word.
fn item(mark: &str, text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let indent = mark.chars().count();
    let rows = wrap(text, width.saturating_sub(indent).max(8)).into_iter().enumerate();
    let line = |(at, row): (usize, String)| {
        let before = if at == 0 { mark.to_owned() } else { " ".repeat(indent) };
        Line::from(Span::styled(format!("{before}{row}"), style))
    };
    rows.map(line).collect()
}

fn help_lines(theme: &Theme) -> Vec<Line<'static>> {
    let line = |(_, _, key, _, what): &(Do, &[KeyCode], &'static str, &str, &'static str)| {
        Line::from(vec![Span::styled(format!("{key:>6}  "), theme.key()), Span::raw(*what)])
    };
    KEYS.iter().map(line).collect()
}

/// Draw lines over everything else.
fn over(frame: &mut Frame, area: Rect, theme: &Theme, title: &str, lines: Vec<Line<'static>>) {
    let widest = lines.iter().map(Line::width).max().unwrap_or_default();
    let width = u16::try_from(widest + 4)
        .unwrap_or(area.width)
        .clamp(20.min(area.width), area.width.saturating_sub(2));
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height).min(area.height.saturating_sub(2));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let block =
        Block::new().borders(Borders::ALL).border_style(theme.border_active()).title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).block(block), place);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::compare::CellLine;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn cell(lines: &[(&'static str, &str)], trips: u64, after: &str) -> Cell {
        let line = |(mark, text): &(&'static str, &str)| CellLine {
            label: if *mark == "▶" { Label::ClientLine } else { Label::ServerLine },
            mark,
            text: (*text).to_owned(),
            step: Some(1),
        };
        let mut cost = Cost::default();
        (cost.traffic.steps, cost.traffic.round_trips, cost.traffic.bytes_up) = (2 * trips, trips, 20);
        (cost.traffic.bytes_down, cost.time) = (4_000 * trips, Duration::from_millis(40 * trips));
        Cell {
            lines: lines.iter().map(line).collect(),
            cost,
            ok: Some(true),
            outcome: "done".to_owned(),
            instead: String::new(),
            remark: "What this protocol does about it.".to_owned(),
            after: vec![after.to_owned()],
        }
    }

    fn view() -> CompareView {
        let row = |number: usize, title: &str, cells| SheetRow {
            number,
            key: "key".to_owned(),
            title: title.to_owned(),
            about: "bob-laptop: what is wanted".to_owned(),
            cells,
            differs: Vec::new(),
        };
        let check = [("▶", "UIDL"), ("◀", "+OK … 92 B more")];
        let select =
            [("▶", "a3 SELECT INBOX"), ("◀", "* 3 EXISTS"), ("◀", "a3 OK [READ-WRITE] SELECT completed")];
        let rows = vec![
            row(
                1,
                "Is there anything new?",
                [
                    Some(cell(&check, 1, "server, bob@example.net: INBOX 3, 44 kB")),
                    Some(cell(&select, 2, "server, bob@example.net: INBOX 3, 44 kB")),
                ],
            ),
            row(
                2,
                "Read a message",
                [
                    Some(cell(
                        &[("▶", "RETR 3"), ("◀", "+OK … 41 kB more")],
                        1,
                        "server, bob@example.net: INBOX 3, 44 kB",
                    )),
                    Some(cell(
                        &[("▶", "a4 UID FETCH 3 BODY[1]")],
                        1,
                        "server, bob@example.net: INBOX 3 (1 \\Seen), 44 kB",
                    )),
                ],
            ),
            row(
                3,
                "Get told when mail arrives",
                [None, Some(cell(&[("▶", "a5 IDLE")], 1, "server: the same"))],
            ),
        ];
        CompareView::new(Sheet {
            title: "Bob and his mail".to_owned(),
            sides: ["POP3".to_owned(), "IMAP".to_owned()],
            rows,
            ..Sheet::default()
        })
    }

    fn screen(view: &CompareView, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend");
        terminal.draw(|frame| view.draw(frame, frame.area(), &Theme::mono())).expect("it draws");
        terminal.backend().to_string()
    }

    fn press(view: &mut CompareView, keys: &str) {
        for c in keys.chars() {
            let code = match c {
                '→' => KeyCode::Right,
                '⇥' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            assert_eq!(view.key(code.into()), Outcome::Stay, "{c}");
        }
    }

    #[test]
    fn both_sides_of_a_wish_stand_on_one_screen() {
        let mut view = view();
        insta::assert_snapshot!("first_80x24", screen(&view, 80, 24));
        insta::assert_snapshot!("first_200x40", screen(&view, 200, 40));
        press(&mut view, "→⇥");
        view.tick(BEFORE);
        insta::assert_snapshot!("second_swapped_100x30", screen(&view, 100, 30));
    }

    #[test]
    fn what_is_held_changes_a_moment_after_the_step() {
        let mut view = view();
        press(&mut view, "→");
        assert!(!screen(&view, 100, 30).contains("Seen"), "at first what was held before");
        assert!(view.tick(BEFORE));
        let after = screen(&view, 100, 30);
        assert!(after.contains("◆ server") && after.contains("\\Seen"), "{after}");
    }

    #[test]
    fn a_guess_is_judged_by_the_round_trips_that_were_counted() {
        let mut view = view();
        press(&mut view, "p");
        assert!(screen(&view, 100, 30).contains("waits for your guess"));
        press(&mut view, "1");
        assert!(screen(&view, 100, 30).contains("✓ right") && view.score == (1, 1));
        press(&mut view, "→1");
        assert!(screen(&view, 100, 30).contains("✗ not so") && view.score == (1, 2));
    }

    #[test]
    fn no_size_and_no_key_is_too_much_for_it() {
        let mut view = view();
        for keys in ["", "c", "?", "→→→→", "jjjjjjkk"] {
            press(&mut view, keys);
            for (width, height) in
                [(1, 1), (59, 40), (60, 16), (61, 17), (149, 16), (150, 16), (300, 5), (300, 90)]
            {
                screen(&view, width, height);
            }
        }
        let mut empty = CompareView::new(Sheet::default());
        press(&mut empty, "→p1c");
        screen(&empty, 100, 30);
        assert_eq!(empty.key(KeyCode::Char('q').into()), Outcome::Quit);
    }
}
