//! [`Faults`]: the list of what can go wrong in a lab, to switch on and off while it runs.
//!
//! What lies ready, and what is on, is known to the program that runs the lab: the pane asks it by a [`Switch`] and shows
//! what it says.

use super::ladder::cut;
use super::model::Model;
use super::overlay::Overlay;
use super::predict::Rows;
use super::theme::Theme;
use super::whatif::key_line;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use std::sync::Arc;

/// Something that can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, as it is typed where the lab tells in lines.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// What a program should make of it.
    pub about: String,
    /// Whether it holds now.
    pub is_on: bool,
}

/// Asks for one to be switched on or off by its name, for all to be switched off (the empty name), or for nothing; gives
/// what there is then.
pub type Switch = Arc<dyn Fn(Option<&str>) -> Vec<Row> + Send + Sync>;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays open.
    Stay,
    /// It is closed.
    Leave,
}

/// See the head of this file.
pub struct Faults {
    switch: Switch,
    rows: Vec<Row>,
    at: usize,
}

/// Open the list, where there is one.
pub fn open(model: &mut Model) {
    match &model.forks.switch {
        Some(switch) => model.overlay = Some(Overlay::Faults(Faults::new(switch.clone()))),
        None => model.say("faults are switched in a lab that runs; here, w asks what if"),
    }
}

impl Faults {
    /// The list as it is now.
    pub fn new(switch: Switch) -> Self {
        let rows = switch(None);
        Faults { switch, rows, at: 0 }
    }

    /// Take a key.
    pub fn update(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release || self.rows.is_empty() {
            return if key.code == KeyCode::Esc { Outcome::Leave } else { Outcome::Stay };
        }
        let count = self.rows.len();
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'F') => return Outcome::Leave,
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1) % count,
            KeyCode::Up | KeyCode::Char('k') => self.at = (self.at + count - 1) % count,
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = count - 1,
            KeyCode::Enter | KeyCode::Char(' ') => {
                let name = self.rows.get(self.at).map(|row| row.name.clone());
                self.rows = (self.switch)(name.as_deref());
            }
            KeyCode::Char('c') => self.rows = (self.switch)(Some("")),
            _ => {}
        }
        Outcome::Stay
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        let keys = [("↑↓", "choose"), ("enter", "on or off"), ("c", "all off"), ("esc", "leave")];
        let on = self.rows.iter().filter(|row| row.is_on).count();
        let title = if on == 0 { " Faults ".to_owned() } else { format!(" Faults: {on} on ") };
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(title, theme.heading()))
            .title_bottom(key_line(theme, &keys));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let [list, _, about] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(3)])
                .areas(inner);
        let high = usize::from(list.height).max(1);
        let first = (self.at + 1).saturating_sub(high);
        let shown = self.rows.iter().enumerate().skip(first).take(high);
        let lines: Vec<Line<'_>> =
            shown.map(|(number, row)| self.line(number, row, list.width, theme)).collect();
        frame.render_widget(Paragraph::new(lines), list);
        let mut rows = Rows { theme, width: usize::from(about.width).max(8), lines: Vec::new() };
        if let Some(row) = self.rows.get(self.at) {
            rows.say("", Style::new(), &row.about, theme.dim());
        }
        frame.render_widget(Paragraph::new(rows.lines), about);
    }

    fn line(&self, number: usize, row: &Row, width: u16, theme: &Theme) -> Line<'static> {
        let widest = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let (sign, style) = match number == self.at {
            true => ("▸", theme.selected_text()),
            false => (" ", Style::new()),
        };
        // The mark says it without colour too.
        let (mark, of_mark) = if row.is_on { ("✗ on ", theme.bad()) } else { ("     ", Style::new()) };
        let name = format!("{:widest$}  ", row.name);
        let room = usize::from(width).saturating_sub(7 + name.len()).max(8);
        Line::from(vec![
            Span::styled(format!("{sign} "), style),
            Span::styled(mark, of_mark),
            Span::styled(name, theme.key()),
            Span::styled(cut(&row.title, room), style),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::sync::Mutex;

    fn pane() -> Faults {
        let row = |name: &str, title: &str| Row {
            name: name.to_owned(),
            title: title.to_owned(),
            about: format!("What a program should make of {name}. RFC 5321 §4.2.1."),
            is_on: false,
        };
        let rows = vec![
            row("421", "421: the server goes away at MAIL"),
            row("slow", "every answer comes three seconds late"),
            row("mx-down", "the mail server of example.net refuses connections from other servers"),
        ];
        let rows = Mutex::new(rows);
        Faults::new(Arc::new(move |asked| {
            let mut rows = rows.lock().unwrap();
            for row in rows.iter_mut() {
                row.is_on = asked != Some("") && (row.is_on != (asked == Some(&row.name)));
            }
            rows.clone()
        }))
    }

    fn press(pane: &mut Faults, code: KeyCode) -> Outcome {
        pane.update(KeyEvent::from(code))
    }

    fn on(pane: &Faults) -> Vec<&str> {
        pane.rows.iter().filter(|row| row.is_on).map(|row| row.name.as_str()).collect()
    }

    fn drawn(pane: &Faults, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| pane.draw(frame, frame.area(), &Theme::mono())).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn keys_switch_one_or_all() {
        let mut pane = pane();
        press(&mut pane, KeyCode::Down);
        press(&mut pane, KeyCode::Enter);
        assert_eq!(on(&pane), ["slow"]);
        press(&mut pane, KeyCode::Up);
        press(&mut pane, KeyCode::Char(' '));
        assert_eq!(on(&pane), ["421", "slow"]);
        press(&mut pane, KeyCode::Enter);
        assert_eq!(on(&pane), ["slow"]);
        press(&mut pane, KeyCode::Char('c'));
        assert!(on(&pane).is_empty());
        assert_eq!(press(&mut pane, KeyCode::Esc), Outcome::Leave);
    }

    #[test]
    fn the_list_at_80_columns_and_wide() {
        let mut pane = pane();
        press(&mut pane, KeyCode::Down);
        press(&mut pane, KeyCode::Enter);
        insta::assert_snapshot!("faults_80", drawn(&pane, 80, 12));
        insta::assert_snapshot!("faults_wide", drawn(&pane, 140, 12));
        drawn(&pane, 10, 4);
    }
}
