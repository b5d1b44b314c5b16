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
            Label::Marked => return self.marked(),
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

    /// Bytes that a person pointed at: black on a marker's yellow, on any ground. A stroke under them says so too.
    pub fn marked(&self) -> Style {
        match &self.ink {
            Some(_) => {
                Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(221)).add_modifier(Modifier::BOLD)
            }
            None => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
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

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthChar;

    const LABELS: [Label; 25] = [
        Label::Title,
        Label::Chapter,
        Label::Intro,
        Label::Host,
        Label::Port,
        Label::Rule,
        Label::Time,
        Label::ClientLine,
        Label::ServerLine,
        Label::Refusal,
        Label::Secret,
        Label::Pointer,
        Label::Note,
        Label::PartNote,
        Label::Detail,
        Label::Key,
        Label::Source,
        Label::Fact,
        Label::Intent,
        Label::Finding,
        Label::Mistake,
        Label::Pause,
        Label::Mark,
        Label::Command,
        Label::Dim,
    ];

    /// Black, VS Code, gruvbox, Solarized, Nord, Dracula, Ubuntu; and what is selected.
    const DARK_GROUNDS: [u32; 8] =
        [0x000000, 0x1e1e1e, 0x282828, 0x002b36, 0x2e3440, 0x282a36, 0x300a24, 0x303030];
    /// White, Solarized and its highlight, GitHub, gruvbox; and what is selected.
    const LIGHT_GROUNDS: [u32; 6] = [0xffffff, 0xfdf6e3, 0xeee8d5, 0xfafafa, 0xfbf1c7, 0xe4e4e4];

    /// The fixed colours of the 256: a cube of six levels, then greys.
    fn rgb(colour: Color) -> u32 {
        let Color::Indexed(index @ 16..) = colour else { panic!("{colour:?} is not fixed") };
        if index >= 232 {
            return 0x010101 * (8 + 10 * u32::from(index - 232));
        }
        let level = |n: u8| [0, 95, 135, 175, 215, 255][usize::from(n % 6)];
        let at = index - 16;
        level(at / 36) << 16 | level(at / 6) << 8 | level(at)
    }

    /// WCAG 2.2: relative luminance, and the ratio of two.
    fn contrast(a: u32, b: u32) -> f64 {
        let channel = |value: u32| {
            let value = f64::from(value & 0xff) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let light = |c: u32| 0.2126 * channel(c >> 16) + 0.7152 * channel(c >> 8) + 0.0722 * channel(c);
        let (a, b) = (light(a) + 0.05, light(b) + 0.05);
        a.max(b) / a.min(b)
    }

    fn texts(theme: &Theme) -> Vec<(String, Style, f64)> {
        let lines = [Label::Rule, Label::Pointer];
        let mut all: Vec<(String, Style, f64)> = LABELS
            .iter()
            .map(|l| (format!("{l:?}"), theme.style(*l), if lines.contains(l) { 3.0 } else { 4.5 }))
            .collect();
        let roles = [
            ("selected", theme.selected_text(), 4.5),
            ("border", theme.border(), 3.0),
            ("border active", theme.border_active(), 3.0),
            ("heading", theme.heading(), 4.5),
            ("dim", theme.dim(), 4.5),
            ("key", theme.key(), 4.5),
            ("good", theme.good(), 4.5),
            ("bad", theme.bad(), 4.5),
            ("changed", theme.changed(), 4.5),
            ("lit", theme.lit(), 4.5),
        ];
        all.extend(roles.map(|(name, style, least)| (name.to_owned(), style, least)));
        all.extend((0..PARTS).map(|n| (format!("part {n}"), theme.part(n).style, 4.5)));
        all
    }

    #[test]
    fn everything_can_be_read_on_the_usual_grounds() {
        for (theme, grounds) in [(Theme::dark(), &DARK_GROUNDS[..]), (Theme::light(), &LIGHT_GROUNDS[..])] {
            for (name, style, least) in texts(&theme) {
                let Some(fg) = style.fg else { continue };
                for ground in grounds {
                    let ratio = contrast(rgb(fg), style.bg.map_or(*ground, rgb));
                    assert!(ratio >= least, "{name} on {ground:06x}: {ratio:.2}");
                }
            }
        }
        assert!((contrast(0, 0xff_ffff) - 21.0).abs() < 0.01);
    }

    #[test]
    fn without_colour_there_is_none_and_nothing_is_faint() {
        for (name, style, _) in texts(&Theme::mono()) {
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
            assert!(!style.add_modifier.intersects(Modifier::DIM | Modifier::HIDDEN), "{name}");
        }
    }

    #[test]
    fn neighbouring_parts_differ_without_colour() {
        let theme = Theme::mono();
        for n in 0..PARTS * 2 {
            let (a, b) = (theme.part(n), theme.part(n + 1));
            assert_ne!(a.style, b.style, "{n}");
            assert_ne!((a.rule, a.mark), (b.rule, b.mark), "{n}");
            assert!(a.rule.width() == Some(1) && a.mark.width() == Some(1), "{n}");
        }
    }

    #[test]
    fn a_terminal_is_taken_at_its_word() {
        assert_eq!(Theme::of_terminal(Some("1"), Some("xterm-256color"), None), Theme::mono());
        assert_eq!(Theme::of_terminal(Some(""), Some("xterm-256color"), None), Theme::dark());
        assert_eq!(Theme::of_terminal(None, Some("linux"), None), Theme::mono());
        assert_eq!(Theme::of_terminal(None, Some("tmux-256color"), Some("0;15")), Theme::light());
        assert_eq!(Theme::of_terminal(None, Some("tmux-256color"), Some("15;default;0")), Theme::dark());
    }

    #[test]
    fn the_look_of_everything() {
        let mut list = String::new();
        for (name, theme) in [("dark", Theme::dark()), ("light", Theme::light()), ("mono", Theme::mono())] {
            list += &format!("{name}\n");
            for (what, style, _) in texts(&theme) {
                let colour = |c: Option<Color>| c.map_or("own".to_owned(), |c| c.to_string());
                let (fg, bg) = (colour(style.fg), colour(style.bg));
                list += &format!("  {what:14} {fg:>4} on {bg:<4} {:?}\n", style.add_modifier);
            }
        }
        insta::assert_snapshot!("looks", list);
    }
}
