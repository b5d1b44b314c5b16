//! [`WhatIf`]: the pane that asks what if: the line in an editor, and what could be otherwise in the world.
//!
//! It holds one [`Moment`] and what is offered there. It runs nothing: [`Outcome::Fork`] says which changes the owner
//! has to run, and what to call the branch.

use super::predict::Rows;
use super::theme::Theme;
use crate::base::escape;
use crate::trace::{Change, Direction};
use crate::view::fork::{Choice, Kind, Moment, choices};
use crate::view::page::Label;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use tui_textarea::{CursorMove, TextArea};

/// What stands in the editor for a secret: it is sent as it was, where this is left standing.
const MASK: &str = "••••";

/// What a key has led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing that concerns anybody else.
    Stay,
    /// The story is to be run again with these changes, all of them; this is what is otherwise.
    Fork {
        /// What to call the branch.
        name: String,
        /// All its changes.
        changes: Vec<Change>,
    },
    /// Nothing is to be otherwise.
    Leave,
}

/// See the head of this file.
pub struct WhatIf {
    moment: Moment,
    choices: Vec<Choice>,
    /// The lines that can be edited, secrets masked; none where the Step is no text.
    lines: Option<Vec<String>>,
    /// What is behind the masks, in order.
    secrets: Vec<String>,
    /// The chosen row: the editor's first, where there is one.
    at: usize,
    editor: Option<TextArea<'static>>,
    /// Why nothing was done, in words.
    wrong: Option<String>,
}

impl WhatIf {
    /// The pane at this moment; passwords stand in the editor only where they are to be shown.
    pub fn new(moment: Moment, show_secrets: bool) -> Self {
        let choices = choices::of(&moment);
        let (lines, secrets) = match moment.lines() {
            Some(_) if !show_secrets && !moment.step.secrets.is_empty() => masked(&moment),
            lines => (lines, Vec::new()),
        };
        WhatIf { moment, choices, lines, secrets, at: 0, editor: None, wrong: None }
    }

    /// The moment that it is about.
    pub fn moment(&self) -> &Moment {
        &self.moment
    }

    /// How many rows can be chosen.
    fn len(&self) -> usize {
        self.choices.len() + usize::from(self.lines.is_some())
    }

    /// The choice of this row; `None` is the editor.
    fn choice(&self, row: usize) -> Option<&Choice> {
        row.checked_sub(usize::from(self.lines.is_some())).and_then(|at| self.choices.get(at))
    }

    /// Take a key.
    pub fn update(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        if self.editor.is_some() {
            return self.editing(key);
        }
        let count = self.len();
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'w') => return Outcome::Leave,
            _ if count == 0 => {}
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1) % count,
            KeyCode::Up | KeyCode::Char('k') => self.at = (self.at + count - 1) % count,
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = count - 1,
            KeyCode::Char('e') if self.lines.is_some() => self.edit(),
            KeyCode::Char(c @ '1'..='9') if usize::from(c as u8 - b'0') <= count => {
                self.at = usize::from(c as u8 - b'1');
                return self.choose();
            }
            KeyCode::Enter => return self.choose(),
            _ => {}
        }
        Outcome::Stay
    }

    /// Text that was pasted into the editor.
    pub fn paste(&mut self, pasted: &str) {
        if let Some(editor) = &mut self.editor {
            let kept: String = pasted.chars().filter(|c| *c == '\n' || escape::is_printable(*c)).collect();
            editor.insert_str(kept);
        }
    }

    fn choose(&mut self) -> Outcome {
        match self.choice(self.at) {
            Some(choice) => Outcome::Fork { name: choice.title.clone(), changes: choice.changes.clone() },
            None => {
                self.edit();
                Outcome::Stay
            }
        }
    }

    fn edit(&mut self) {
        let Some(lines) = self.lines.clone() else { return };
        let mut editor = TextArea::new(lines);
        editor.move_cursor(CursorMove::End);
        self.editor = Some(editor);
    }

    fn editing(&mut self, key: KeyEvent) -> Outcome {
        self.wrong = None;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let single = self.lines.as_ref().is_some_and(|lines| lines.len() == 1);
        let Some(editor) = &mut self.editor else { return Outcome::Stay };
        match key.code {
            KeyCode::Esc => self.editor = None,
            KeyCode::Char('s') if control => return self.submit(),
            KeyCode::Enter if single && !key.modifiers.contains(KeyModifiers::ALT) => return self.submit(),
            _ => {
                editor.input(key);
            }
        }
        Outcome::Stay
    }

    fn submit(&mut self) -> Outcome {
        let Some(editor) = &self.editor else { return Outcome::Stay };
        let mut text = editor.lines().join("\n");
        for secret in &self.secrets {
            text = text.replacen(MASK, secret, 1);
        }
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let server = self.moment.step.from == Direction::Server;
        let changes = if server { self.moment.answered(&lines) } else { self.moment.with_lines(&lines) };
        match changes {
            Some(changes) => {
                let shown = escape::text(editor.lines().first().map_or("", String::as_str));
                let short: String = shown.chars().take(40).collect();
                let verb = if server { "answers" } else { "says" };
                Outcome::Fork { name: format!("{} {verb} “{short}”", self.speaker()), changes }
            }
            None => {
                self.wrong = Some("This is what was said anyway: change something first.".to_owned());
                Outcome::Stay
            }
        }
    }

    /// The host that speaks.
    fn speaker(&self) -> String {
        let host = match self.moment.step.from {
            Direction::Client => self.moment.client(),
            Direction::Server => self.moment.server(),
        };
        escape::text(host.and_then(|name| name.split('.').next()).unwrap_or("this side"))
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        let title = format!(" What if: step {} ", self.moment.step.number);
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(title, theme.heading()))
            .title_bottom(self.keys(theme));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        match &self.editor {
            Some(editor) => self.draw_editor(editor, frame, inner, theme),
            None => self.draw_list(frame, inner, theme),
        }
    }

    fn draw_editor(&self, editor: &TextArea<'static>, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let mut rows = Rows { theme, width: usize::from(area.width).max(8), lines: Vec::new() };
        let asks = match self.moment.step.from {
            Direction::Client => format!("What does {} say instead?", self.speaker()),
            Direction::Server => format!("What does {} answer instead?", self.speaker()),
        };
        rows.say("", theme.heading(), &asks, theme.heading());
        rows.say("", theme.dim(), "Each line is ended by CR LF.", theme.dim());
        if !self.secrets.is_empty() {
            let said = format!("{MASK} is a password: it is sent as it was, where it is left standing.");
            rows.say("", theme.dim(), &said, theme.dim());
        }
        if let Some(wrong) = &self.wrong {
            rows.say("✗ ", theme.bad(), wrong, theme.bad());
        }
        rows.blank();
        let head = u16::try_from(rows.lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
        let [above, below] = Layout::vertical([Constraint::Length(head), Constraint::Fill(1)]).areas(area);
        frame.render_widget(Paragraph::new(rows.lines), above);
        let mut editor = editor.clone();
        editor.set_cursor_line_style(Style::new());
        editor.set_cursor_style(theme.lit());
        editor.set_style(theme.style(Label::ClientLine));
        frame.render_widget(&editor, below);
    }

    fn draw_list(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let width = usize::from(area.width).max(8);
        let mut about = Rows { theme, width, lines: Vec::new() };
        self.watch(&mut about);
        let mut head = Rows { theme, width, lines: Vec::new() };
        self.setting(&mut head);
        let (above, below) = (head.lines.len(), about.lines.len());
        let length = |count: usize| Constraint::Length(u16::try_from(count).unwrap_or(u16::MAX));
        let areas: [Rect; 3] =
            Layout::vertical([length(above), Constraint::Fill(1), length(below)]).areas(area);
        frame.render_widget(Paragraph::new(head.lines), areas[0]);
        frame.render_widget(Paragraph::new(about.lines), areas[2]);
        let (rows, chosen) = self.list(theme, width);
        let room = usize::from(areas[1].height).max(1);
        // The chosen row stays in sight, with its neighbours.
        let first = chosen.saturating_sub(room.saturating_sub(2)).min(rows.len().saturating_sub(room));
        let scroll = u16::try_from(first).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(rows).scroll((scroll, 0)), areas[1]);
    }

    /// The line as it was said.
    fn setting(&self, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        let server = self.moment.step.from == Direction::Server;
        let (mark, label) = if server { ("◀ ", Label::ServerLine) } else { ("▶ ", Label::ClientLine) };
        let said = match &self.lines {
            Some(lines) => {
                let more =
                    if lines.len() > 1 { format!(" … {} lines", lines.len()) } else { String::new() };
                escape::text(lines.first().map_or("", String::as_str)) + &more
            }
            None => format!("{} {}", self.moment.step.protocol.name().to_uppercase(), self.moment.step.verb),
        };
        rows.say(mark, theme.style(label), &said, theme.style(label));
        rows.blank();
    }

    /// The rows to choose from, and where the chosen one stands.
    fn list(&self, theme: &Theme, width: usize) -> (Vec<Line<'static>>, usize) {
        let mut rows = Rows { theme, width, lines: Vec::new() };
        let (mut chosen, mut group) = (0, None);
        for row in 0..self.len() {
            let choice = self.choice(row);
            let kind = choice.map_or(Kind::Line, |choice| choice.kind);
            if group.replace(kind) != Some(kind) {
                let words = match (kind, self.moment.step.from) {
                    (Kind::World, _) => "From here on, in the world",
                    (_, Direction::Client) => "The client's line",
                    (_, Direction::Server) => "The server's answer",
                };
                rows.say("", theme.heading(), words, theme.heading());
            }
            let marked = row == self.at;
            if marked {
                chosen = rows.lines.len();
            }
            let number = if row < 9 { (row + 1).to_string() } else { " ".to_owned() };
            let style = if marked { theme.selected_text() } else { Style::new() };
            let title = choice.map_or("write it yourself", |choice| choice.title.as_str());
            rows.say(&format!("{} {number}  ", if marked { "▸" } else { " " }), style, title, style);
        }
        if self.len() == 0 {
            rows.say(
                "",
                Style::new(),
                "Nothing is offered at this step. Go to a line that somebody says.",
                Style::new(),
            );
        }
        (rows.lines, chosen)
    }

    /// What to watch for in the chosen one.
    fn watch(&self, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        rows.blank();
        match self.choice(self.at) {
            Some(choice) => {
                rows.say("watch for  ", theme.style(Label::Key), &choice.watch, Style::new());
                if choice.misconception > 0 {
                    let said = format!("misconception {}", choice.misconception);
                    rows.say("           ", theme.dim(), &said, theme.style(Label::Mistake));
                }
            }
            None if self.lines.is_some() => {
                let said = "What comes after it is what the programs make of it.";
                rows.say("watch for  ", theme.style(Label::Key), said, Style::new());
            }
            None => {}
        }
    }

    fn keys(&self, theme: &Theme) -> Line<'static> {
        let single = self.lines.as_ref().is_some_and(|lines| lines.len() == 1);
        let keys: &[(&str, &str)] = match &self.editor {
            Some(_) if single => &[("enter", "run it"), ("alt-enter", "one more line"), ("esc", "back")],
            Some(_) => &[("ctrl-s", "run it"), ("esc", "back")],
            None => &[("↑↓", "choose"), ("enter", "run it"), ("e", "edit"), ("esc", "leave")],
        };
        key_line(theme, keys)
    }
}

/// Keys and what they do, for the lower frame of a pane.
pub(super) fn key_line(theme: &Theme, keys: &[(&str, &str)]) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    for (key, word) in keys {
        spans.push(Span::styled((*key).to_owned(), theme.key()));
        spans.push(Span::raw(format!(" {word}  ")));
    }
    Line::from(spans)
}

/// The lines with their secrets masked, and the secrets.
fn masked(moment: &Moment) -> (Option<Vec<String>>, Vec<String>) {
    let mut bytes = moment.step.bytes.clone();
    let mut secrets = Vec::new();
    for span in moment.step.secrets.iter().rev() {
        let end = span.end.min(bytes.len());
        let start = span.start.min(end);
        let Ok(secret) = String::from_utf8(bytes[start..end].to_vec()) else { return (None, Vec::new()) };
        bytes.splice(start..end, MASK.bytes());
        secrets.insert(0, secret);
    }
    let mut shown = moment.clone();
    shown.step.bytes = bytes;
    (shown.lines(), secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Record, Transcript};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::path::Path;

    fn records(name: &str) -> Vec<Record> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("transcripts/{name}.jsonl"));
        Transcript::read(std::fs::read(path).unwrap().as_slice()).unwrap().0.records
    }

    /// The pane at the first Step of this verb that this side says on this port.
    fn pane(name: &str, verb: &str, from: Direction, port: u16) -> WhatIf {
        let records = records(name);
        let moment = (1..).map(|n| Moment::at(&records, n).unwrap()).find(|moment| {
            let here = moment.open.as_ref().is_some_and(|open| open.server.port() == port);
            here && moment.step.verb == verb && moment.step.from == from
        });
        WhatIf::new(moment.unwrap(), false)
    }

    fn press(pane: &mut WhatIf, keys: &[KeyCode]) -> Outcome {
        let mut outcome = Outcome::Stay;
        for code in keys {
            outcome = pane.update(KeyEvent::new(*code, KeyModifiers::NONE));
        }
        outcome
    }

    fn drawn(pane: &WhatIf, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| pane.draw(frame, frame.area(), &Theme::mono())).unwrap();
        super::super::testing::text(terminal.backend().buffer())
    }

    #[test]
    fn what_is_offered_at_a_recipient() {
        let mut pane = pane("journey", "RCPT", Direction::Client, 25);
        insta::assert_snapshot!("whatif_rcpt_80", drawn(&pane, 80, 24));
        press(&mut pane, &[KeyCode::End]);
        insta::assert_snapshot!("whatif_rcpt_120", drawn(&pane, 120, 40));
        let Outcome::Fork { name, changes } = press(&mut pane, &[KeyCode::Enter]) else { panic!("it forks") };
        assert_eq!((name.is_empty(), changes.len()), (false, 1));
        assert_eq!(press(&mut pane, &[KeyCode::Esc]), Outcome::Leave);
    }

    #[test]
    fn a_line_is_edited_and_the_same_line_is_no_change() {
        let mut pane = pane("journey", "RCPT", Direction::Client, 25);
        assert_eq!(press(&mut pane, &[KeyCode::Char('e'), KeyCode::Enter]), Outcome::Stay);
        insta::assert_snapshot!("whatif_edit_80", drawn(&pane, 80, 24));
        let Outcome::Fork { name, changes } = press(&mut pane, &[KeyCode::Char('!'), KeyCode::Enter]) else {
            panic!("it forks")
        };
        assert_eq!(name, "mail says “RCPT TO:<bob@example.net>!”");
        let bytes = changes[0].bytes().unwrap();
        assert_eq!(bytes, b"RCPT TO:<bob@example.net>!\r\n");
    }

    #[test]
    fn the_server_is_played_at_its_answer() {
        let mut pane = pane("journey", "RCPT", Direction::Server, 25);
        press(&mut pane, &[KeyCode::Char('e')]);
        for _ in 0..40 {
            press(&mut pane, &[KeyCode::Backspace]);
        }
        pane.paste("451 4.3.0 later\u{1b}\r");
        let Outcome::Fork { name, changes } = press(&mut pane, &[KeyCode::Enter]) else { panic!("it forks") };
        assert_eq!(name, "mx1 answers “451 4.3.0 later”");
        assert!(matches!(&changes[0], Change::Fault { fault, .. } if fault["reply"] == "451 4.3.0 later"));
    }

    #[test]
    fn a_password_is_masked_and_sent_as_it_was() {
        let mut pane = pane("journey", "AUTH", Direction::Client, 587);
        press(&mut pane, &[KeyCode::Char('e')]);
        let screen = drawn(&pane, 80, 24);
        let whole = String::from_utf8(pane.moment().step.bytes.clone()).unwrap();
        assert!(screen.contains(MASK) && !screen.contains(whole.trim_end()), "{screen}");
        let Outcome::Fork { changes, .. } = press(&mut pane, &[KeyCode::Char(' '), KeyCode::Enter]) else {
            panic!("it forks")
        };
        let said = String::from_utf8(changes[0].bytes().unwrap()).unwrap();
        assert_eq!(said, whole.replace("\r\n", " \r\n"), "the mask is not sent");
    }

    #[test]
    fn a_message_is_edited_line_by_line() {
        let records = records("journey");
        let moments = (1..).map(|n| Moment::at(&records, n).unwrap());
        let moment = moments.into_iter().find(|m| m.step.kind == crate::dissect::Kind::Data).unwrap();
        let mut pane = WhatIf::new(moment, false);
        press(&mut pane, &[KeyCode::Char('e'), KeyCode::Char('x'), KeyCode::Enter]);
        insta::assert_snapshot!("whatif_message_120", drawn(&pane, 120, 40));
        let outcome = pane.update(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
        assert!(matches!(outcome, Outcome::Fork { .. }));
    }

    #[test]
    fn every_step_can_be_asked_about_on_any_screen() {
        let records = records("journey");
        for number in 1..=108 {
            let mut pane = WhatIf::new(Moment::at(&records, number).unwrap(), false);
            for (width, height) in [(1, 1), (20, 5), (80, 24)] {
                drawn(&pane, width, height);
            }
            press(&mut pane, &[KeyCode::Up, KeyCode::Char('e'), KeyCode::Down]);
            drawn(&pane, 40, 8);
        }
    }
}
