//! [`Predict`]: the pane that asks what the next line will be: choices, a line to type in, what is said to an answer, and
//! the score.
//!
//! It holds one [`Question`] and the score of all that were asked. Whoever owns it puts the next question in by
//! [`Predict::ask`] when the pane says [`Outcome::Show`]: the line is to be shown now.

use super::theme::Theme;
use crate::base::escape;
use crate::explain::predict::{Answer, Choice, Question, Score, Verdict};
use crate::view::clock;
use crate::view::page::Label;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use std::collections::BTreeSet;
use std::time::Duration;

/// Characters that can be typed.
const LONGEST: usize = 400;
/// A gap of virtual time from which on it is told.
const GAP: Duration = Duration::from_secs(1);

/// What a key has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that concerns anybody else.
    Stay,
    /// The line is to be shown, and the next one asked about.
    Show,
    /// No more questions.
    Leave,
}

/// What the pane is at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// Choosing; this one is marked.
    Choose(usize),
    /// Typing; what stands there so far.
    Type(String),
    /// It was right, or given up.
    Done,
    /// The score is shown; what was before comes back.
    Score(Box<Mode>),
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Predict {
    question: Question,
    mode: Mode,
    /// Wrong choices that were tried.
    tried: BTreeSet<usize>,
    /// What is said to the last answer.
    answer: Option<Answer>,
    score: Score,
}

impl Predict {
    /// The pane with its first question.
    pub fn new(question: Question) -> Self {
        let score = Score::default();
        Predict { question, mode: Mode::Choose(0), tried: BTreeSet::new(), answer: None, score }
    }

    /// Put the next question in.
    pub fn ask(&mut self, question: Question) {
        *self = Predict { score: std::mem::take(&mut self.score), ..Predict::new(question) };
    }

    /// The question that is asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The score so far.
    pub fn score(&self) -> &Score {
        &self.score
    }

    /// Take a key.
    pub fn update(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        match std::mem::replace(&mut self.mode, Mode::Done) {
            Mode::Choose(at) => self.choosing(at, key),
            Mode::Type(text) => self.typing(text, key),
            Mode::Done => match key.code {
                KeyCode::Enter | KeyCode::Char(' ' | 'l') | KeyCode::Right => Outcome::Show,
                code => self.anywhere(Mode::Done, code),
            },
            Mode::Score(before) => {
                self.mode = *before;
                Outcome::Stay
            }
        }
    }

    /// Text that was pasted while something is typed.
    pub fn paste(&mut self, pasted: &str) {
        if let Mode::Type(text) = &mut self.mode {
            let line = pasted.lines().next().unwrap_or_default();
            text.extend(line.chars().filter(|c| escape::is_printable(*c)));
            truncate(text);
        }
    }

    fn choosing(&mut self, at: usize, key: KeyEvent) -> Outcome {
        let count = self.question.choices.len().max(1);
        match key.code {
            KeyCode::Char(c @ '1'..='9') => {
                let chosen = usize::from(c as u8 - b'1');
                self.mode = Mode::Choose(if chosen < count { chosen } else { at });
                self.choose(chosen);
            }
            KeyCode::Down | KeyCode::Char('j') => self.mode = Mode::Choose((at + 1) % count),
            KeyCode::Up | KeyCode::Char('k') => self.mode = Mode::Choose((at + count - 1) % count),
            KeyCode::Enter => {
                self.mode = Mode::Choose(at);
                self.choose(at);
            }
            KeyCode::Char('t') => {
                self.mode = Mode::Type(String::new());
                self.answer = None;
            }
            KeyCode::Char(' ') => return Outcome::Show,
            code => return self.anywhere(Mode::Choose(at), code),
        }
        Outcome::Stay
    }

    fn typing(&mut self, mut text: String, key: KeyEvent) -> Outcome {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => {
                self.mode = Mode::Choose(0);
                return Outcome::Stay;
            }
            KeyCode::Enter => {
                let answer = self.question.typed(&text);
                self.mode = Mode::Type(text);
                if let Some(answer) = answer {
                    self.hear(answer);
                }
                return Outcome::Stay;
            }
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char('u' | 'w') if control => text.clear(),
            KeyCode::Char(c) if !control && escape::is_printable(c) => {
                text.push(c);
                truncate(&mut text);
            }
            _ => {}
        }
        self.mode = Mode::Type(text);
        Outcome::Stay
    }

    fn anywhere(&mut self, mode: Mode, code: KeyCode) -> Outcome {
        match code {
            KeyCode::Char('s') => self.mode = Mode::Score(Box::new(mode)),
            KeyCode::Esc | KeyCode::Char('p' | 'q') => return Outcome::Leave,
            _ => self.mode = mode,
        }
        Outcome::Stay
    }

    fn choose(&mut self, at: usize) {
        if self.tried.contains(&at) {
            return;
        }
        if let Some(answer) = self.question.choose(at) {
            self.hear(answer);
        }
    }

    fn hear(&mut self, answer: Answer) {
        self.score.take(&self.question, &answer);
        match (answer.verdict, answer.choice) {
            (Verdict::Right, _) => self.mode = Mode::Done,
            (_, Some(at)) => drop(self.tried.insert(at)),
            _ => {}
        }
        self.answer = Some(answer);
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        let title = format!(" Predict: step {} ", self.question.number);
        let keys = self.keys(theme);
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(title, theme.heading()))
            .title_bottom(keys);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let width = usize::from(inner.width).max(8);
        let mut rows = self.rows(theme, width, false);
        if rows.len() > usize::from(inner.height) {
            rows = self.rows(theme, width, true);
        }
        frame.render_widget(Paragraph::new(rows), inner);
    }

    fn keys(&self, theme: &Theme) -> Line<'static> {
        let last = format!("1–{}", self.question.choices.len());
        let keys: Vec<(&str, &str)> = match &self.mode {
            Mode::Choose(_) => {
                vec![
                    (&last, "choose"),
                    ("t", "type it"),
                    ("space", "show it"),
                    ("s", "score"),
                    ("esc", "leave"),
                ]
            }
            Mode::Type(_) => vec![("enter", "answer"), ("esc", "back to the choices")],
            Mode::Done => vec![("enter", "go on"), ("s", "score"), ("esc", "leave")],
            Mode::Score(_) => vec![("any key", "back")],
        };
        let mut spans = vec![Span::raw(" ")];
        for (key, word) in keys {
            spans.push(Span::styled(key.to_owned(), theme.key()));
            spans.push(Span::raw(format!(" {word}  ")));
        }
        Line::from(spans)
    }

    /// What is inside; `tight` leaves out what can be done without, for low screens.
    fn rows(&self, theme: &Theme, width: usize, tight: bool) -> Vec<Line<'static>> {
        let mut rows = Rows { theme, width, lines: Vec::new() };
        if let Mode::Score(_) = self.mode {
            for (i, sentence) in self.score.sentences().iter().enumerate() {
                if i > 0 && !tight && sentence.starts_with("Met") {
                    rows.blank();
                }
                let style = if i == 0 { theme.heading() } else { Style::new() };
                rows.say("", style, sentence, style);
            }
            return rows.lines;
        }
        self.setting(&mut rows);
        if !tight {
            rows.blank();
        }
        rows.say("", theme.heading(), &self.question.asks, theme.heading());
        if !tight {
            rows.blank();
        }
        match &self.mode {
            Mode::Type(text) => {
                let hint = "The line, its verb, or the reply's code:";
                rows.say("", theme.dim(), hint, theme.dim());
                rows.say("> ", theme.key(), &format!("{text}▏"), Style::new());
            }
            _ => self.choices(&mut rows, tight),
        }
        if let Some(answer) = &self.answer {
            if !tight {
                rows.blank();
            }
            self.answered(answer, &mut rows);
        }
        rows.lines
    }

    fn setting(&self, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        let mut setting = self.question.setting.clone();
        if self.question.gap >= GAP {
            let gap = clock::passes(self.question.gap);
            setting = if setting.is_empty() { gap } else { format!("{setting} · {gap}") };
        }
        if !setting.is_empty() {
            rows.say("", theme.dim(), &setting, theme.dim());
        }
        if let Some(last) = &self.question.last {
            rows.say("last  ", theme.dim(), last, Style::new());
        }
    }

    fn choices(&self, rows: &mut Rows<'_>, tight: bool) {
        let theme = rows.theme;
        let over = self.mode == Mode::Done;
        let said = self.answer.as_ref().and_then(|answer| answer.choice);
        for (at, choice) in self.question.choices.iter().enumerate() {
            let (right, tried) = (at == self.question.right, self.tried.contains(&at));
            // On a low screen what is settled makes room for what is said about it.
            if tight && self.answer.is_some() && said != Some(at) && (over || tried) {
                continue;
            }
            let marked = !over && self.mode == Mode::Choose(at);
            let (mark, style) = match (over && right, tried) {
                (true, _) => ("✓", theme.good()),
                (_, true) => ("✗", theme.dim()),
                _ if marked => ("▸", theme.selected_text()),
                _ => (" ", line_style(theme, choice)),
            };
            let mark = if marked && tried { "▸✗".to_owned() } else { format!("{mark} ") };
            rows.say(&format!("{mark}{}  ", at + 1), style, &choice.sentence(), style);
        }
    }

    fn answered(&self, answer: &Answer, rows: &mut Rows<'_>) {
        let theme = rows.theme;
        let (mark, style) = match answer.verdict {
            Verdict::Right => ("✓ ", theme.good()),
            Verdict::Partly => ("± ", theme.key()),
            Verdict::Wrong => ("✗ ", theme.bad()),
        };
        rows.say(mark, style, &answer.heading, style);
        if let Some(row) = answer.misconception.filter(|_| answer.verdict != Verdict::Right) {
            let said = format!("A common belief: {}.", row.people_say);
            rows.say("  ", Style::new(), &said, theme.style(Label::Mistake));
        }
        if !answer.because.is_empty() {
            rows.say("  ", Style::new(), &answer.because, Style::new());
        }
        if !answer.source.is_empty() {
            rows.say("  ", Style::new(), &answer.source.join(" · "), theme.style(Label::Source));
        }
    }
}

/// Lines of a wire look as they do on the ladder; what is told looks like text.
fn line_style(theme: &Theme, choice: &Choice) -> Style {
    if choice.is_wire { Style::new() } else { theme.style(Label::Note) }
}

fn truncate(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
    }
}

/// Rows being set, for this pane and its neighbours.
pub(super) struct Rows<'t> {
    pub(super) theme: &'t Theme,
    pub(super) width: usize,
    pub(super) lines: Vec<Line<'static>>,
}

impl Rows<'_> {
    pub(super) fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// A paragraph behind a mark, its further rows set in as far.
    pub(super) fn say(&mut self, mark: &str, mark_style: Style, text: &str, style: Style) {
        let lead = unicode_width::UnicodeWidthStr::width(mark);
        let room = self.width.saturating_sub(lead).max(8);
        for (i, row) in textwrap::wrap(text, room).into_iter().enumerate() {
            let before = if i == 0 { mark.to_owned() } else { " ".repeat(lead) };
            let spans = vec![Span::styled(before, mark_style), Span::styled(row.into_owned(), style)];
            self.lines.push(Line::from(spans));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::StoryIndex;
    use crate::explain::predict;
    use crate::trace::Transcript;
    use crate::view::Cast;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::path::Path;
    use std::sync::Arc;

    /// The question before a Step of a shipped recording.
    fn question(name: &str, number: usize) -> Question {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("transcripts/{name}.jsonl"));
        let (transcript, _) = Transcript::read(std::fs::read(path).unwrap().as_slice()).unwrap();
        let cast = Cast::of(&transcript.records);
        let mut index = StoryIndex::of_records(Arc::from(transcript.records));
        let row = index.row_of_step(number).unwrap();
        predict::at(&mut index, row, &|ip| cast.host(ip), 1).unwrap()
    }

    fn press(pane: &mut Predict, keys: &str) -> Outcome {
        let mut outcome = Outcome::Stay;
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '↓' => KeyCode::Down,
                '↑' => KeyCode::Up,
                '\x08' => KeyCode::Backspace,
                c => KeyCode::Char(c),
            };
            outcome = pane.update(KeyEvent::new(code, KeyModifiers::NONE));
        }
        outcome
    }

    /// The number key of the right answer, and of a wrong one that names a misconception.
    fn keys(question: &Question) -> (String, String) {
        let misled = question.choices.iter().position(|c| c.misconception.is_some()).unwrap();
        ((question.right + 1).to_string(), (misled + 1).to_string())
    }

    fn drawn(pane: &Predict, width: u16, height: u16, theme: &Theme) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| pane.draw(frame, frame.area(), theme)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_wrong_choice_is_answered_at_once_and_another_may_be_tried() {
        let asked = question("pipelining", 47);
        let (right, wrong) = keys(&asked);
        let mut pane = Predict::new(asked.clone());
        assert_eq!(press(&mut pane, &wrong), Outcome::Stay);
        let first = pane.answer.clone().unwrap();
        assert_eq!((first.verdict, first.misconception.map(|row| row.number)), (Verdict::Wrong, Some(24)));
        assert_eq!(pane.mode, Mode::Choose(wrong.parse::<usize>().unwrap() - 1), "it goes on");
        press(&mut pane, &right);
        assert_eq!(pane.answer.as_ref().map(|a| a.verdict), Some(Verdict::Right));
        assert_eq!(pane.score.total().right, 0, "only the first try counts");
        assert_eq!(press(&mut pane, "\n"), Outcome::Show);
        pane.ask(question("journey", 24));
        assert_eq!((pane.question.number, pane.score.total().of), (24, 1));
        assert_eq!(press(&mut pane, "\x1b"), Outcome::Leave);
    }

    #[test]
    fn arrows_and_typing_answer_too() {
        let asked = question("journey", 24);
        let mut pane = Predict::new(asked.clone());
        press(&mut pane, &"↓".repeat(asked.right));
        press(&mut pane, "\n");
        assert_eq!(pane.mode, Mode::Done);
        let mut pane = Predict::new(asked);
        press(&mut pane, "tmxx\x08\n");
        assert_eq!(pane.mode, Mode::Done, "q and s are letters while typing");
        let mut pane = Predict::new(question("journey", 24));
        press(&mut pane, "ta\n");
        assert_eq!(pane.answer.as_ref().map(|a| a.verdict), Some(Verdict::Wrong));
        pane.paste("\x1b[31m\r\nexample.net");
        assert_eq!(pane.mode, Mode::Type("a[31m".to_owned()));
        assert_eq!(press(&mut pane, "\x1b"), Outcome::Stay);
        assert_eq!(press(&mut pane, " "), Outcome::Show, "it may be given up");
    }

    #[test]
    fn nothing_that_is_pressed_breaks_it() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut pane = Predict::new(question("imap-idle", 72));
        for _ in 0..2000 {
            let c = *random
                .choice(&['1', '4', '9', 't', 's', ' ', '\n', '\x1b', '↓', '↑', 'é', '\x08', 'p'])
                .unwrap();
            press(&mut pane, &c.to_string());
            let (width, height) = (random.u16(1..130), random.u16(1..50));
            let _ = drawn(&pane, width, height, &Theme::mono());
        }
    }

    #[test]
    fn asked_at_80_columns() {
        let pane = Predict::new(question("pipelining", 47));
        insta::assert_snapshot!(drawn(&pane, 80, 24, &Theme::mono()));
    }

    #[test]
    fn misled_at_80_columns() {
        let asked = question("greylist", 43);
        let (_, wrong) = keys(&asked);
        let mut pane = Predict::new(asked);
        press(&mut pane, &wrong);
        insta::assert_snapshot!(drawn(&pane, 80, 24, &Theme::dark()));
    }

    #[test]
    fn right_at_120_columns() {
        let asked = question("imap-idle", 72);
        let (right, wrong) = keys(&asked);
        let mut pane = Predict::new(asked);
        press(&mut pane, &wrong);
        press(&mut pane, &right);
        insta::assert_snapshot!(drawn(&pane, 120, 40, &Theme::dark()));
    }

    #[test]
    fn typed_at_120_columns() {
        let mut pane = Predict::new(question("unknown-user", 38));
        press(&mut pane, "t450 no such user\n");
        insta::assert_snapshot!(drawn(&pane, 120, 40, &Theme::mono()));
    }

    #[test]
    fn the_score_at_80_columns() {
        let mut pane = Predict::new(question("pipelining", 47));
        for asked in [question("pipelining", 47), question("greylist", 43), question("journey", 24)] {
            let (right, wrong) = keys(&asked);
            let first = if asked.number == 24 { right } else { wrong };
            pane.ask(asked);
            press(&mut pane, &first);
        }
        press(&mut pane, "s");
        insta::assert_snapshot!(drawn(&pane, 80, 24, &Theme::mono()));
    }

    /// Without a colour the same is said: by marks and words.
    #[test]
    fn colour_only_repeats_what_is_said() {
        let asked = question("pipelining", 47);
        let (right, wrong) = keys(&asked);
        let mut pane = Predict::new(asked);
        press(&mut pane, &wrong);
        let told = drawn(&pane, 100, 30, &Theme::mono());
        assert!(told.contains("✗ No") && told.contains(&format!("▸✗{wrong}")), "{told}");
        press(&mut pane, &right);
        let told = drawn(&pane, 100, 30, &Theme::mono());
        assert!(told.contains("✓ Right.") && told.contains(&format!("✓ {right}")), "{told}");
        assert_eq!(told, drawn(&pane, 100, 30, &Theme::dark()));
    }
}
