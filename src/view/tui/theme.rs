//! [`Theme`]: the look of every label and role on a full screen: for a dark ground, a light one, and without colour.
//!
//! Colours are taken from the fixed part of the 256 (16 to 255). The first sixteen are whatever somebody has made of
//! them (in some palettes the bright ones are greys that cannot be read), so nothing could be promised of them. Those
//! here have a contrast of at least 4.5:1 (WCAG 2.2 §1.4.3) on the usual grounds listed in the tests, and lines that
//! are no text one of at least 3:1 (§1.4.11). The ground itself stays the terminal's own, except under what is selected.
//!
//! Colour only repeats what words, marks and places say: [`Theme::mono`] has none, and says as much.

use crate::view::page::Label;
use ratatui::style::{Color, Modifier, Style};

/// What everything looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    ink: Option<Ink>,
}

/// The colours of one ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ink {
    client: Color,
    server: Color,
    bad: Color,
    news: Color,
    care: Color,
    faint: Color,
    /// Lines and brackets: no text.
    rule: Color,
    /// The ground under what is selected, and text on it.
    chosen: (Color, Color),
    /// Indices of the parts' colours.
    parts: [u8; PARTS],
}

/// Part styles before they begin again.
const PARTS: usize = 6;

const DARK: Ink = Ink {
    client: Color::Indexed(117),
    server: Color::Indexed(114),
    bad: Color::Indexed(210),
    news: Color::Indexed(183),
    care: Color::Indexed(215),
    faint: Color::Indexed(248),
    rule: Color::Indexed(246),
    chosen: (Color::Indexed(236), Color::Indexed(231)),
    parts: [117, 215, 114, 218, 222, 80],
};

const LIGHT: Ink = Ink {
    client: Color::Indexed(25),
    server: Color::Indexed(22),
    bad: Color::Indexed(124),
    news: Color::Indexed(90),
    care: Color::Indexed(94),
    faint: Color::Indexed(240),
    rule: Color::Indexed(243),
    chosen: (Color::Indexed(254), Color::Indexed(16)),
    parts: [25, 94, 22, 89, 54, 23],
};

/// How a part of a line is told from its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartStyle {
    /// For its text, and for what is said about it. Neighbours differ in weight or underline too.
    pub style: Style,
    /// What is drawn under it: each of the cycle has its own.
    pub rule: char,
    /// What stands before the words about it: the same shape twice leads from the words to the part.
    pub mark: char,
}

impl Theme {
    /// For light text on a dark ground.
    pub const fn dark() -> Self {
        Theme { ink: Some(DARK) }
    }

    /// For dark text on a light ground.
    pub const fn light() -> Self {
        Theme { ink: Some(LIGHT) }
    }

    /// Without colour: weight, underline and reverse only.
    pub const fn mono() -> Self {
        Theme { ink: None }
    }

    /// The theme for a terminal that says this about itself, as its environment variables (`None`: not set).
    ///
    /// No colour is used where `NO_COLOR` is not empty (no-color.org), and where `TERM` promises fewer than 256.
    /// `COLORFGBG`, which some terminals set, ends in the ground: 7 and 15 are light. Else the ground is taken as dark.
    pub fn of_terminal(no_color: Option<&str>, term: Option<&str>, colorfgbg: Option<&str>) -> Self {
        let few = |term: &str| {
            let poor = ["dumb", "linux", "vt", "ansi", "cons25", "xterm-mono", "xterm-16color"];
            let many = term.contains("256color") || term.contains("direct");
            !many && (term.is_empty() || poor.iter().any(|name| term.starts_with(name)))
        };
        if no_color.is_some_and(|value| !value.is_empty()) || term.is_some_and(few) {
            return Theme::mono();
        }
        match colorfgbg.and_then(|value| value.rsplit(';').next()) {
            Some("7" | "15") => Theme::light(),
            _ => Theme::dark(),
        }
    }

    /// Whether colours are used.
    pub fn has_colour(&self) -> bool {
        self.ink.is_some()
    }

    /// The look of a label. What only tells is the terminal's own text colour.
    pub fn style(&self, label: Label) -> Style {
        let (colour, bold): (fn(&Ink) -> Color, bool) = match label {
            Label::Title | Label::Chapter | Label::Host | Label::Pause => return bold(),
            Label::Intro | Label::Note | Label::PartNote | Label::Detail => return Style::new(),
            Label::ClientLine => (|ink| ink.client, true),
            Label::ServerLine => (|ink| ink.server, true),
            Label::Refusal | Label::Finding => (|ink| ink.bad, true),
            Label::Secret => return self.ink(|ink| ink.care).add_modifier(Modifier::REVERSED),
            Label::Mistake | Label::Mark => (|ink| ink.care, false),
            Label::Fact => (|ink| ink.news, false),
            Label::Intent => (|ink| ink.news, true),
            Label::Command => return self.ink(|ink| ink.client).add_modifier(Modifier::UNDERLINED),
            Label::Rule | Label::Pointer => (|ink| ink.rule, false),
            Label::Port | Label::Time | Label::Key | Label::Source | Label::Dim => (|ink| ink.faint, false),
        };
        let style = self.ink(colour);
        if bold { style.add_modifier(Modifier::BOLD) } else { style }
    }

    fn ink(&self, colour: impl Fn(&Ink) -> Color) -> Style {
        self.ink.as_ref().map_or_else(Style::new, |ink| Style::new().fg(colour(ink)))
    }

    /// Where the reader is: a row, a choice. It goes over the styles of what is in it; a mark stands beside it.
    pub fn selected(&self) -> Style {
        match &self.ink {
            Some(ink) => Style::new().bg(ink.chosen.0).add_modifier(Modifier::BOLD),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// Plain text on the ground of [`Theme::selected`], where a text has no colour of its own.
    pub fn selected_text(&self) -> Style {
        match &self.ink {
            Some(ink) => self.selected().fg(ink.chosen.1),
            None => self.selected(),
        }
    }

    /// Frames and rules between panes.
    pub fn border(&self) -> Style {
        self.ink(|ink| ink.rule)
    }

    /// The frame of the pane that takes the keys.
    pub fn border_active(&self) -> Style {
        self.ink(|ink| ink.client).add_modifier(Modifier::BOLD)
    }

    /// What a pane or a group is about.
    pub fn heading(&self) -> Style {
        bold()
    }

    /// Of less weight. Without colour it looks like any text: no terminal promises that faint text can be read.
    pub fn dim(&self) -> Style {
        self.ink(|ink| ink.faint)
    }

    /// A key to press.
    pub fn key(&self) -> Style {
        self.ink(|ink| ink.client).add_modifier(Modifier::BOLD)
    }

    /// It went well, or it is right; a word or `✓` says so too.
    pub fn good(&self) -> Style {
        self.ink(|ink| ink.server).add_modifier(Modifier::BOLD)
    }

    /// It went wrong; a word or `✗` says so too.
    pub fn bad(&self) -> Style {
        self.style(Label::Refusal)
    }

    /// What has just changed; a mark says so too.
    pub fn changed(&self) -> Style {
        self.ink(|ink| ink.news).add_modifier(Modifier::BOLD)
    }

    /// The state that holds among those that could: a phase, a tab. Brackets around it say so too.
    pub fn lit(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// How the part of this number (from 0) looks; after six they begin again.
    pub fn part(&self, number: usize) -> PartStyle {
        const RULES: [char; PARTS] = ['─', '═', '┄', '━', '~', '·'];
        const MARKS: [char; PARTS] = ['●', '■', '▲', '○', '□', '△'];
        let at = number % PARTS;
        let looks = [
            Modifier::UNDERLINED,
            Modifier::BOLD,
            Modifier::UNDERLINED | Modifier::BOLD,
            Modifier::empty(),
            Modifier::UNDERLINED,
            Modifier::BOLD,
        ];
        let style = self.ink(|ink| Color::Indexed(ink.parts[at])).add_modifier(looks[at]);
        PartStyle { style, rule: RULES[at], mark: MARKS[at] }
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}
