//! [`TalkPane`]: the pane in which a student types SMTP, POP3 or IMAP at a server: the dialogue with what each line
//! means, the line being typed, what could complete it, hints.
//!
//! It holds a [`Talk`] and runs nothing: [`Outcome::Run`] asks the owner to run the order, and to hand in what came by
//! [`TalkPane::told`].

use super::predict::Rows;
use super::theme::Theme;
use super::whatif::key_line;
use crate::base::escape;
use crate::explain::Item;
use crate::trace::Record;
use crate::view::page::{self, Choice, Label, Page, Voice};
use crate::view::runner::Order;
use crate::view::talk::{Mode, Shown, Talk, Ways};
use crate::view::wire::Amount;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use tui_textarea::TextArea;

/// Characters of a line that can be typed.
const LONGEST: usize = 4000;
/// Steps of the dialogue that are drawn at most: more than any screen has rows.
const DRAWN: usize = 400;

/// How a session that is judged is left.
const HAND_IN: (&str, &str) = ("esc", "be judged");

/// People who are named at first.
const LOGINS: usize = 3;

/// What a key has led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing that concerns anybody else.
    Stay,
    /// This is to be run, and told.
    Run(Box<Order>),
    /// The session is to be saved as a transcript.
    Save,
    /// The pane is left.
    Leave,
}

/// See the head of this file.
pub struct TalkPane {
    talk: Talk,
    input: String,
    /// Where the cursor is, in characters.
    cursor: usize,
    /// Lines that were typed, to be typed again, and which of them stands in the input.
    history: Vec<String>,
    past: Option<usize>,
    /// The message, while one is written.
    editor: Option<TextArea<'static>>,
    /// What the coach has shown.
    shown: Option<Shown>,
    /// What did not go, in words.
    wrong: Option<String>,
    /// What else was done.
    news: Option<String>,
    /// Rows scrolled back from the end.
    back: usize,
    running: bool,
    show_secrets: bool,
    /// Whether what was typed is judged when the pane is left.
    judged: bool,
}

impl TalkPane {
    /// The pane; the owner runs `talk.order()` first, and tells what came of it.
    pub fn new(talk: Talk, show_secrets: bool) -> Self {
        TalkPane {
            talk,
            input: String::new(),
            cursor: 0,
            history: Vec::new(),
            past: None,
            editor: None,
            shown: None,
            wrong: None,
            news: None,
            back: 0,
            running: true,
            show_secrets,
            judged: false,
        }
    }

    /// The same where leaving it hands in what was typed: the line of keys says so.
    #[must_use]
    pub fn judged(self) -> Self {
        TalkPane { judged: true, ..self }
    }

    /// The talk.
    pub fn talk(&self) -> &Talk {
        &self.talk
    }

    /// The order was run.
    pub fn told(&mut self, records: Vec<Record>) {
        self.talk.told(records);
        self.running = false;
        self.back = 0;
        self.editor = (self.talk.mode() == Mode::Message).then(TextArea::default);
    }

    /// The order could not be run.
    pub fn failed(&mut self, why: &str) {
        self.running = false;
        self.talk.undo();
        self.wrong = Some(escape::text(why));
    }

    /// What became of something that the owner was asked to do.
    pub fn tell(&mut self, what: Result<String, String>) {
        match what {
            Ok(done) => self.news = Some(escape::text(&done)),
            Err(why) => self.wrong = Some(escape::text(&why)),
        }
    }

    /// Take a key. While the world runs, keys wait for nobody: they are not taken.
    pub fn update(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Outcome::Leave,
            KeyCode::PageUp => self.back += 5,
            KeyCode::PageDown => self.back = self.back.saturating_sub(5),
            _ if self.running => {}
            KeyCode::Char('b') if control => return self.undo(),
            KeyCode::Char('t') if control => self.show(),
            KeyCode::Char('n') if control => return self.again(),
            KeyCode::Char('d') if control => return self.hang_up(),
            KeyCode::Char('s') if control && self.editor.is_some() => return self.send_message(),
            KeyCode::Char('o') if control => return Outcome::Save,
            _ if self.editor.is_some() => {
                if let Some(editor) = &mut self.editor {
                    editor.input(key);
                }
            }
            KeyCode::Enter => return self.enter(),
            KeyCode::Tab => self.complete(),
            KeyCode::Up => self.recall(true),
            KeyCode::Down => self.recall(false),
            code => self.type_key(code, control),
        }
        Outcome::Stay
    }

    /// Text that was pasted.
    pub fn paste(&mut self, pasted: &str) {
        if let Some(editor) = &mut self.editor {
            let kept: String = pasted.chars().filter(|c| *c == '\n' || escape::is_printable(*c)).collect();
            editor.insert_str(kept);
            return;
        }
        let line = pasted.lines().next().unwrap_or_default();
        line.chars().filter(|c| escape::is_printable(*c)).for_each(|c| self.insert(c));
    }

    fn insert(&mut self, c: char) {
        if self.input.chars().count() < LONGEST {
            let at = self.input.char_indices().nth(self.cursor).map_or(self.input.len(), |(at, _)| at);
            self.input.insert(at, c);
            self.cursor += 1;
        }
    }

    fn type_key(&mut self, code: KeyCode, control: bool) {
        let length = self.input.chars().count();
        match code {
            KeyCode::Char('u') if control => self.put(String::new()),
            KeyCode::Char(c) if !control && escape::is_printable(c) => self.insert(c),
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.remove();
            }
            KeyCode::Delete if self.cursor < length => self.remove(),
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(length),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = length,
            _ => {}
        }
    }

    fn remove(&mut self) {
        if let Some((at, _)) = self.input.char_indices().nth(self.cursor) {
            self.input.remove(at);
        }
    }

    fn put(&mut self, text: String) {
        self.cursor = text.chars().count();
        self.input = text;
    }

    /// The longest beginning that all completions share; once there is none, the first of them.
    fn complete(&mut self) {
        let found = self.talk.completions(&self.input);
        let Some(first) = found.first().cloned() else { return };
        let shared = found.iter().fold(first.as_str(), |shared, other| {
            let same = shared.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
            let end = same.map_or(shared.len().min(other.len()), |((at, _), _)| at);
            shared.get(..end).unwrap_or(shared)
        });
        let longer = shared.chars().count() > self.input.chars().count();
        self.put(if longer { shared.to_owned() } else { first });
    }

    fn recall(&mut self, back: bool) {
        let count = self.history.len();
        let at = match (self.past, back) {
            (None, true) => count.checked_sub(1),
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => Some(at + 1).filter(|at| *at < count),
            (None, false) => return,
        };
        self.past = at;
        self.put(at.and_then(|at| self.history.get(at).cloned()).unwrap_or_default());
    }

    fn show(&mut self) {
        let Some(shown) = self.talk.show() else {
            self.wrong = Some(self.talk.over(Ways::KEYS));
            return;
        };
        match &mut self.editor {
            Some(editor) => {
                let text: Vec<String> = shown.lines.iter().filter(|line| *line != ".").cloned().collect();
                *editor = TextArea::new(text);
            }
            None => {
                let line = shown.lines.first().cloned().unwrap_or_default();
                self.put(line);
            }
        }
        self.shown = Some(shown);
    }

    fn enter(&mut self) -> Outcome {
        let line = std::mem::take(&mut self.input);
        self.cursor = 0;
        match self.talk.enter(&line) {
            Ok(run) => {
                self.past = None;
                if self.history.last() != Some(&line) && !line.is_empty() {
                    self.history.push(line);
                }
                if run { self.run() } else { Outcome::Stay }
            }
            Err(why) => {
                self.put(line);
                self.wrong = Some(why);
                Outcome::Stay
            }
        }
    }

    /// The message with the lone dot behind it, exactly as it stands in the editor.
    fn send_message(&mut self) -> Outcome {
        let Some(editor) = &self.editor else { return Outcome::Stay };
        let lines = editor.lines();
        // Who typed the dot, and enter behind it, has ended the message there.
        let last = lines.iter().rposition(|line| !line.is_empty());
        let dot = last.filter(|last| lines.get(*last).is_some_and(|line| line == "."));
        let lines = dot.and_then(|dot| lines.get(..=dot)).unwrap_or(lines);
        let mut text: String = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
        if dot.is_none() {
            text.push_str(".\r\n");
        }
        match self.talk.send(text) {
            Ok(()) => self.run(),
            Err(why) => {
                self.wrong = Some(why);
                Outcome::Stay
            }
        }
    }

    fn undo(&mut self) -> Outcome {
        match self.talk.undo() {
            Some((line, true)) => {
                // What was one line comes back to be bettered.
                self.put(if line.contains('\n') { String::new() } else { line });
                self.run()
            }
            _ => Outcome::Stay,
        }
    }

    fn again(&mut self) -> Outcome {
        self.talk.again();
        self.run()
    }

    /// End the connection without a word, in the middle of a message too: what was written of it is sent before.
    fn hang_up(&mut self) -> Outcome {
        let lines = self.editor.as_ref().map(TextArea::lines).unwrap_or_default();
        let fragment: String = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
        let sent = if fragment.trim().is_empty() { Ok(()) } else { self.talk.send(fragment) };
        match sent.and_then(|()| self.talk.hang_up()) {
            Ok(()) => self.run(),
            Err(why) => {
                self.wrong = Some(why);
                Outcome::Stay
            }
        }
    }

    fn run(&mut self) -> Outcome {
        self.running = true;
        (self.shown, self.wrong, self.news) = (None, None, None);
        Outcome::Run(Box::new(self.talk.order()))
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        let desk = self.talk.desk();
        let title = format!(
            " Talk: {} to {}, port {} · {} ",
            desk.protocol.name().to_uppercase(),
            escape::text(&desk.to),
            desk.port,
            if self.running { "…" } else { self.talk.phase() }
        );
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(title, theme.heading()))
            .title_bottom(key_line(theme, self.keys()));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let width = usize::from(inner.width).max(8);
        let mut said = Rows { theme, width, lines: Vec::new() };
        self.coaching(&mut said);
        let entry = match (&self.editor, self.running) {
            (Some(_), false) => (inner.height / 2).max(3),
            _ => 1,
        };
        let coach = u16::try_from(said.lines.len()).unwrap_or(u16::MAX).min(inner.height / 3);
        let [dialogue, between, hints, below] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(coach),
            Constraint::Length(entry),
        ])
        .areas(inner);
        let rule = Line::styled("─".repeat(width), theme.border());
        frame.render_widget(Paragraph::new(rule), between);
        frame.render_widget(Paragraph::new(said.lines), hints);
        self.draw_dialogue(frame, dialogue, theme);
        self.draw_entry(frame, below, theme);
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match (&self.editor, self.talk.mode()) {
            _ if self.running => &[("esc", "leave")],
            (Some(_), _) if self.judged => {
                &[("ctrl-s", "send it, with the dot"), ("ctrl-t", "show"), ("ctrl-d", "hang up"), HAND_IN]
            }
            (None, Mode::Over) if self.judged => &[("ctrl-b", "undo"), ("ctrl-n", "anew"), HAND_IN],
            _ if self.judged => {
                &[("enter", "send"), ("tab", "complete"), ("ctrl-t", "show"), ("ctrl-b", "undo"), HAND_IN]
            }
            (Some(_), _) => &[
                ("ctrl-s", "send it, with the dot"),
                ("ctrl-t", "show"),
                ("ctrl-b", "undo"),
                ("esc", "leave"),
            ],
            (None, Mode::Over) => {
                &[("ctrl-b", "undo"), ("ctrl-n", "anew"), ("ctrl-o", "save"), ("esc", "leave")]
            }
            _ => &[
                ("enter", "send"),
                ("tab", "complete"),
                ("↑", "earlier"),
                ("ctrl-t", "show"),
                ("ctrl-b", "undo"),
                ("esc", "leave"),
            ],
        }
    }

    /// Between the dialogue and the input: what is wrong, a hint, why the shown line, what may be said.
    fn coaching(&self, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        if let Some(wrong) = &self.wrong {
            rows.say("✗ ", theme.bad(), wrong, Style::new());
        } else if let Some(news) = &self.news {
            rows.say("● ", theme.changed(), news, Style::new());
        } else if let Some(shown) = &self.shown {
            rows.say("why  ", theme.style(Label::Key), &shown.why, Style::new());
        } else if let Some(hint) = self.talk.hint(Ways::KEYS).filter(|_| !self.running) {
            rows.say("hint  ", theme.style(Label::Mistake), &hint, Style::new());
            // It names what may be said.
            if self.input.is_empty() {
                return;
            }
        }
        if self.talk.pieces().is_empty() && self.shown.is_none() {
            // The scenario's own people, made up: whoever plays one of them needs the password.
            for login in self.talk.desk().logins.iter().take(LOGINS) {
                let said = match self.talk.desk().asks_for_login() {
                    true => format!("{}, password {}", login.account, login.password.expose()),
                    false => login.account.clone(),
                };
                rows.say("mail of  ", theme.style(Label::Key), &escape::text(&said), theme.dim());
            }
        }
        let found = self.talk.completions(&self.input);
        let verbs = if self.input.is_empty() || found.is_empty() {
            self.talk.verbs().join(" ")
        } else {
            found.iter().map(|text| text.trim_end_matches('<')).collect::<Vec<_>>().join(" · ")
        };
        if !verbs.is_empty() && self.editor.is_none() && self.talk.mode() != Mode::Over {
            rows.say("now  ", theme.style(Label::Key), &verbs, theme.dim());
        }
    }

    fn draw_entry(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if let Some(editor) = self.editor.as_ref().filter(|_| !self.running) {
            let title = " the message; a line that begins with a dot needs a second one ";
            let mut editor = editor.clone();
            editor.set_block(
                Block::bordered().border_style(theme.border()).title(Span::styled(title, theme.dim())),
            );
            editor.set_cursor_line_style(Style::new());
            editor.set_cursor_style(theme.lit());
            frame.render_widget(&editor, area);
            return;
        }
        let line = match self.talk.mode() {
            _ if self.running => Line::styled("the world runs …", theme.dim()),
            Mode::Over => Line::styled("the connection is over", theme.dim()),
            mode => {
                let prompt = if mode == Mode::Response { "response> " } else { "> " };
                let room = usize::from(area.width).saturating_sub(prompt.len() + 1);
                let skip = (self.cursor + 1).saturating_sub(room);
                let before: String = self.input.chars().take(self.cursor).skip(skip).collect();
                let under: String = self.input.chars().nth(self.cursor).unwrap_or(' ').into();
                let behind: String = self.input.chars().skip(self.cursor + 1).collect();
                Line::from(vec![
                    Span::styled(prompt, theme.key()),
                    Span::styled(before, theme.style(Label::ClientLine)),
                    Span::styled(under, theme.lit()),
                    Span::styled(behind, theme.style(Label::ClientLine)),
                ])
            }
        };
        frame.render_widget(Paragraph::new(line), area);
    }

    /// The dialogue, its end in sight.
    fn draw_dialogue(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let mut rows = Rows { theme, width: usize::from(area.width).max(8), lines: Vec::new() };
        let items = self.talk.items();
        let own: Vec<&Item> =
            items.iter().filter(|item| self.talk.is_own(item) || matches!(item, Item::Fact { .. })).collect();
        for item in own.iter().skip(own.len().saturating_sub(DRAWN)) {
            self.row(item, &mut rows);
        }
        let elsewhere = items.iter().filter(|i| matches!(i, Item::Step(..)) && !self.talk.is_own(i)).count();
        if elsewhere > 0 {
            let said = format!("{elsewhere} more steps between other hosts");
            rows.say("   ", theme.dim(), &said, theme.dim());
        }
        let room = usize::from(area.height);
        let end = rows.lines.len().saturating_sub(room);
        let scroll = u16::try_from(end.saturating_sub(self.back)).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(rows.lines).scroll((scroll, 0)), area);
    }

    fn row(&self, item: &Item, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        let choice = Choice { amount: Amount::Brief, show_secrets: self.show_secrets };
        match page::of(item, self.talk.cast(), choice) {
            Page::Step(step) => {
                let (mark, label) = match (step.voice, step.refused) {
                    (Voice::Client, _) => ("▶ C  ", Label::ClientLine),
                    (Voice::Server, true) => ("◀ S  ", Label::Refusal),
                    (Voice::Server, false) => ("◀ S  ", Label::ServerLine),
                    (Voice::Open, _) => ("┌──  ", Label::Dim),
                    (Voice::Close, _) => ("└──  ", Label::Dim),
                };
                let (lines, tail) = (&step.wire.lines, step.wire.tail);
                for (number, line) in lines.iter().enumerate() {
                    if step.wire.elided > 0 && number == lines.len().saturating_sub(tail) {
                        let said = format!("… {} more lines", step.wire.elided);
                        rows.say("     ", theme.dim(), &said, theme.dim());
                    }
                    let mark = if number == 0 { mark } else { "     " };
                    let text: String = line.chunks.iter().map(|chunk| chunk.text.as_str()).collect();
                    rows.say(mark, theme.style(label), &text, theme.style(label));
                }
                let mark = if lines.is_empty() { mark } else { "  ╰─ " };
                rows.say(mark, theme.style(Label::Pointer), &step.note.summary, theme.style(Label::Note));
                for (_, text) in &step.note.findings {
                    rows.say("   ⚠ ", theme.style(Label::Finding), text, theme.style(Label::Finding));
                }
            }
            Page::Fact { label, mark, text } => {
                rows.say(&format!("{mark}    "), theme.style(label), &text, theme.style(label));
            }
            Page::Chapter { .. } | Page::Mark { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::dissect::Protocol;
    use crate::trace::file::Transcript;
    use crate::view::talk::{Desk, Login};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::path::Path;

    /// What a world gave for the lines that are typed in the tests: `tests/talk.rs` holds it to be so still.
    fn recorded(name: &str) -> Vec<Record> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/talk/{name}.jsonl"));
        Transcript::read(std::fs::read(path).unwrap().as_slice()).unwrap().0.records
    }

    /// The pane, the call made.
    fn pane() -> TalkPane {
        let records = recorded("greeting");
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        let desk = Desk {
            protocol: Protocol::Smtp,
            from: "student-laptop.example.org".to_owned(),
            to: "mx1.example.net".to_owned(),
            port: 25,
            after: records.iter().position(|r| matches!(r, Record::Open { .. })).unwrap() as u64,
            sender: "student@example.org".to_owned(),
            logins: vec![Login { account: "bob@example.net".to_owned(), password: Secret::new("x") }],
        };
        let mut head = head.clone();
        head.changes.clear();
        let mut pane = TalkPane::new(Talk::new(Order { head, changes: Vec::new() }, desk), false);
        pane.told(records);
        pane
    }

    fn press(pane: &mut TalkPane, keys: &str) -> Outcome {
        let mut outcome = Outcome::Stay;
        for c in keys.chars() {
            let (code, modifiers) = match c {
                '\n' => (KeyCode::Enter, KeyModifiers::NONE),
                '\t' => (KeyCode::Tab, KeyModifiers::NONE),
                '↑' => (KeyCode::Up, KeyModifiers::NONE),
                '↓' => (KeyCode::Down, KeyModifiers::NONE),
                '←' => (KeyCode::Left, KeyModifiers::NONE),
                '✓' => (KeyCode::Char('s'), KeyModifiers::CONTROL),
                '?' => (KeyCode::Char('t'), KeyModifiers::CONTROL),
                '↶' => (KeyCode::Char('b'), KeyModifiers::CONTROL),
                c => (KeyCode::Char(c), KeyModifiers::NONE),
            };
            outcome = pane.update(KeyEvent::new(code, modifiers));
        }
        outcome
    }

    fn drawn(pane: &TalkPane, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| pane.draw(frame, frame.area(), &Theme::mono())).unwrap();
        super::super::testing::text(terminal.backend().buffer())
    }

    #[test]
    fn a_line_is_typed_completed_and_sent() {
        let mut pane = pane();
        insta::assert_snapshot!("talk_greeting_80", drawn(&pane, 80, 24));
        press(&mut pane, "eh\t");
        assert_eq!(pane.input, "EHLO");
        let Outcome::Run(order) = press(&mut pane, " me.example.org\n") else { panic!("it runs") };
        assert!(format!("{order:?}").contains("EHLO me.example.org\\r\\n"));
        assert_eq!(press(&mut pane, "x\n"), Outcome::Stay, "no key is taken while the world runs");
        pane.told(recorded("mistake"));
        insta::assert_snapshot!("talk_mistake_80", drawn(&pane, 80, 24));
        insta::assert_snapshot!("talk_mistake_120", drawn(&pane, 120, 40));
    }

    #[test]
    fn lines_are_recalled_shown_and_taken_back() {
        let mut pane = pane();
        press(&mut pane, "HELO a\n");
        pane.told(recorded("greeting"));
        press(&mut pane, "↑");
        assert_eq!(pane.input, "HELO a");
        press(&mut pane, "↓?");
        assert_eq!(pane.input, "EHLO student-laptop.example.org");
        assert!(matches!(press(&mut pane, "↶"), Outcome::Run(_)));
        pane.told(recorded("greeting"));
        assert_eq!(pane.input, "HELO a", "what is taken back can be bettered");
        press(&mut pane, "←←x");
        assert_eq!(pane.input, "HELOx a");
        assert_eq!(press(&mut pane, ""), Outcome::Stay);
        assert_eq!(pane.update(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)), Outcome::Leave);
    }

    #[test]
    fn a_message_is_written_in_an_editor() {
        let mut pane = pane();
        pane.told(recorded("message"));
        assert!(pane.editor.is_some());
        press(&mut pane, "?");
        insta::assert_snapshot!("talk_message_80", drawn(&pane, 80, 24));
        insta::assert_snapshot!("talk_message_120", drawn(&pane, 120, 40));
        assert!(matches!(press(&mut pane, "✓"), Outcome::Run(_)));
        let sent = pane.talk().pieces().last().cloned().unwrap_or_default();
        assert!(sent.starts_with("From: student@example.org\r\n") && sent.ends_with("\r\n.\r\n"), "{sent:?}");
    }

    #[test]
    fn a_dot_that_was_typed_is_the_end_of_the_message() {
        for typed in ["Hello", "Hello\n.", "Hello\n.\n", "Hello\n.\n\n"] {
            let mut pane = pane();
            pane.told(recorded("message"));
            pane.paste(typed);
            assert!(matches!(press(&mut pane, "✓"), Outcome::Run(_)));
            let sent = pane.talk().pieces().last().cloned().unwrap_or_default();
            assert_eq!(sent, "Hello\r\n.\r\n", "{typed:?}");
        }
    }

    #[test]
    fn it_is_drawn_on_any_screen_and_pasting_does_no_harm() {
        let mut pane = pane();
        pane.paste("EHLO \u{1b}[2Jx\nQUIT");
        assert_eq!(pane.input, "EHLO [2Jx");
        for (width, height) in [(1, 1), (10, 4), (33, 7), (200, 60)] {
            drawn(&pane, width, height);
        }
        pane.failed("no \u{7}way");
        drawn(&pane, 80, 24);
    }
}
