//! The ladder: the conversation as arrows between its two ends, a row of the screen for each.
//!
//! The client stands left, the server right. What an arrow is, is told by its head, its stroke and a mark, then by its
//! colour: `──▶` the client, `◀──` the server, `◀─✗` a refusal, `╌╌▷` the end of a connection.

use super::reading::{Lead, Reading, Rung};
use super::theme::Theme;
use crate::dissect::{Kind, Step};
use crate::explain::Item;
use crate::trace::Direction;
use crate::view::cast::Call;
use crate::view::clock;
use crate::view::headline::{Arrow, Headline};
use crate::view::page::{Label, Page, StepPage, Voice};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// From so many columns on the time of each step is shown.
const WITH_TIME: usize = 62;
/// Columns of the time.
const TIME: usize = 10;

/// What a row of the ladder is drawn with.
struct Pen<'a> {
    theme: &'a Theme,
    /// Columns in all.
    width: usize,
    /// Columns of the number.
    digits: usize,
    start: crate::base::Instant,
}

/// Draw the window of a reading. `steps` is the highest number there is, `start` when the story begins.
pub fn draw(
    buffer: &mut Buffer,
    area: Rect,
    reading: &Reading,
    (steps, start): (usize, crate::base::Instant),
    (theme, focused): (&Theme, bool),
) {
    let digits = steps.to_string().len().max(3);
    let pen = Pen { theme, width: usize::from(area.width), digits, start };
    let mut y = area.top();
    for rung in &reading.window {
        for lead in &rung.leads {
            if y < area.bottom() {
                buffer.set_line(area.left(), y, &pen.lead(lead), area.width);
            }
            y += 1;
        }
        if y >= area.bottom() {
            return;
        }
        let here = rung.shown.row == reading.row;
        let marked = reading.marks.contains(&rung.shown.row);
        buffer.set_line(area.left(), y, &pen.row(rung, here, marked), area.width);
        if here && focused {
            buffer.set_style(Rect { y, height: 1, ..area }, theme.selected());
        }
        y += 1;
    }
}

/// The row of the story at this line of the ladder.
pub fn row_at(reading: &Reading, line: usize) -> Option<usize> {
    let mut y = 0;
    for rung in &reading.window {
        y += rung.leads.len() + 1;
        if line < y {
            return Some(rung.shown.row);
        }
    }
    None
}

impl Pen<'_> {
    /// The columns before the ladder itself.
    fn margin(&self) -> usize {
        2 + self.digits + 1 + if self.width >= WITH_TIME { TIME } else { 0 }
    }

    fn lead(&self, lead: &Lead) -> Line<'static> {
        match lead {
            Lead::Space => Line::default(),
            Lead::Pause(by) => {
                let text = format!("{:margin$}· · · {}", "", clock::passes(*by), margin = self.margin());
                Line::styled(text, self.theme.style(Label::Pause))
            }
            Lead::Ends(call) => {
                let mut spans = vec![Span::raw(" ".repeat(self.margin()))];
                spans.extend(self.ends(call, ("├", "┤")));
                Line::from(spans)
            }
        }
    }

    fn row(&self, rung: &Rung, here: bool, marked: bool) -> Line<'static> {
        let theme = self.theme;
        let pointer = Span::styled(if here { "▸" } else { " " }, theme.key());
        let star = Span::styled(if marked { "◆" } else { " " }, theme.style(Label::Mark));
        let mut spans = vec![pointer, star];
        match (&rung.shown.page, &rung.shown.item, &rung.shown.headline) {
            (Page::Step(page), Item::Step(step, _), Some(headline)) => {
                spans.extend(self.number(page, step));
                spans.extend(self.step(page, step, headline));
            }
            (Page::Chapter { number, title, .. }, ..) => {
                let title = cut(&format!("{number} · {title}"), self.width.saturating_sub(6));
                let used = title.width() + 6;
                spans.push(Span::styled("── ", theme.style(Label::Rule)));
                spans.push(Span::styled(title, theme.style(Label::Chapter)));
                let rule = format!(" {}", "─".repeat(self.width.saturating_sub(used)));
                spans.push(Span::styled(rule, theme.style(Label::Rule)));
            }
            (Page::Fact { label, mark, text }, ..) => {
                spans.extend(self.aside(rung.shown.at(), (*label, mark), text));
            }
            (Page::Mark { kind, text }, ..) => {
                spans.extend(self.aside(None, (Label::Mark, "✎"), &format!("{kind}: {text}")));
            }
            (Page::Step(_), ..) => {}
        }
        Line::from(spans)
    }

    /// The number, what is odd, and the time.
    fn number(&self, page: &StepPage, step: &Step) -> Vec<Span<'static>> {
        let time = self.theme.style(Label::Time);
        let mut spans = vec![Span::styled(format!("{:>width$}", page.number, width = self.digits), time)];
        let odd = !step.findings.is_empty();
        spans.push(Span::styled(if odd { "!" } else { " " }, self.theme.style(Label::Finding)));
        if self.width >= WITH_TIME {
            spans.push(Span::styled(format!("{:<TIME$}", clock::elapsed(page.elapsed)), time));
        }
        spans
    }

    /// A fact, an act, a mark: beside the ladder's lines, with no arrow.
    fn aside(
        &self,
        at: Option<crate::base::Instant>,
        (label, mark): (Label, &'static str),
        text: &str,
    ) -> Vec<Span<'static>> {
        let mut margin = " ".repeat(self.digits + 1);
        if self.width >= WITH_TIME {
            let time = at.map_or(String::new(), |at| clock::elapsed(at.since(self.start)));
            margin.push_str(&format!("{time:<TIME$}"));
        }
        let room = self.width.saturating_sub(self.margin() + 2);
        let (own, said) = (self.theme.style(label), cut(text, room));
        vec![
            Span::styled(margin, self.theme.style(Label::Time)),
            Span::styled(format!("{mark} "), own),
            Span::styled(said, own),
        ]
    }

    fn step(&self, page: &StepPage, step: &Step, headline: &Headline) -> Vec<Span<'static>> {
        match (page.voice, &page.call) {
            (Voice::Open, Some(call)) => self.ends(call, ("╭", "╮")),
            (Voice::Close, _) => self.arrow(step, headline, ("╰", "╯")),
            _ => self.arrow(step, headline, ("│", "│")),
        }
    }

    /// `├ alice-laptop ━━ 587 submission ━━▶ mail.example.com ┤`
    fn ends(&self, call: &Call, (left, right): (&'static str, &'static str)) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (rule, host) = (theme.style(Label::Rule), theme.style(Label::Host));
        let room = self.width.saturating_sub(self.margin() + 4);
        let stroke = if call.transport == "UDP" { "·" } else { "━" };
        let mut port = format!(" {} {} ", call.port, call.service);
        if call.client.width() + call.server.width() + port.width() + 8 > room {
            port = format!(" {} ", call.port);
        }
        let fixed = port.width() + 7;
        let names = room.saturating_sub(fixed);
        let [client, server] = &call.short;
        let whole = call.client.width() + call.server.width() <= names;
        let (client, server) =
            if whole { (call.client.clone(), call.server.clone()) } else { two(client, server, names) };
        let used = client.width() + server.width() + fixed;
        let free = room.saturating_sub(used) + 4;
        let (before, after) = (free / 2, free - free / 2);
        vec![
            Span::styled(left, rule),
            Span::styled(format!(" {client} "), host),
            Span::styled(stroke.repeat(before), rule),
            Span::styled(port, theme.style(Label::Port)),
            Span::styled(format!("{}▶", stroke.repeat(after)), rule),
            Span::styled(format!(" {server} "), host),
            Span::styled(right, rule),
        ]
    }

    /// A line of the conversation between the two lines of the ladder.
    fn arrow(
        &self,
        step: &Step,
        headline: &Headline,
        ends: (&'static str, &'static str),
    ) -> Vec<Span<'static>> {
        let (label, mark, stroke) = match headline.arrow {
            Arrow::Ask => (Label::ClientLine, "", "─"),
            Arrow::Answer => (Label::ServerLine, "", "─"),
            Arrow::Refusal => (Label::Refusal, "✗ ", "─"),
            Arrow::Close => (Label::Dim, "", "╌"),
            Arrow::Lost => (Label::Refusal, "✗ ", "╌"),
        };
        // A letter or another block in bulk is a thick stroke.
        let stroke = if step.kind == Kind::Data { "═" } else { stroke };
        let (style, rule) = (self.theme.style(label), self.theme.style(Label::Rule));
        let room = self.width.saturating_sub(self.margin() + 2);
        let text = cut(&format!("{mark}{}", headline.text), room.saturating_sub(6));
        let free = room.saturating_sub(text.width() + 3);
        let spans = match step.from {
            Direction::Client => [
                stroke.to_owned(),
                format!(" {text} "),
                format!("{}▶", stroke.repeat(free.saturating_sub(1))),
            ],
            Direction::Server => [
                format!("◀{}", stroke.repeat(free.saturating_sub(1))),
                format!(" {text} "),
                stroke.to_owned(),
            ],
        };
        let [first, words, last] = spans;
        // Lines of nobody's bytes are told in our words.
        let words_style: Style = if headline.is_wire { style } else { self.theme.dim() };
        vec![
            Span::styled(ends.0, rule),
            Span::styled(first, style_of(style)),
            Span::styled(words, words_style),
            Span::styled(last, style_of(style)),
            Span::styled(ends.1, rule),
        ]
    }
}

/// The stroke of an arrow has its colour, and not its weight.
fn style_of(style: Style) -> Style {
    Style { add_modifier: ratatui::style::Modifier::empty(), ..style }
}

/// Two names in so many columns, the longer one cut first.
fn two(left: &str, right: &str, room: usize) -> (String, String) {
    if left.width() + right.width() <= room {
        return (left.to_owned(), right.to_owned());
    }
    let half = room / 2;
    if left.width() <= half {
        return (left.to_owned(), cut_name(right, room - left.width()));
    }
    if right.width() <= half {
        return (cut_name(left, room - right.width()), right.to_owned());
    }
    (cut_name(left, half), cut_name(right, room - half))
}

/// A host's name in so many columns: what tells hosts of one kind apart is often the end, as in `mail.ex….org`.
pub fn cut_name(name: &str, columns: usize) -> String {
    let end = name.rfind('.').map_or("", |at| &name[at..]);
    let room = columns.saturating_sub(end.width());
    if name.width() <= columns || room < 4 || end.is_empty() {
        return cut(name, columns);
    }
    cut(name, room) + end
}

/// The beginning of a text, in so many columns, with `…` where something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    if columns > 0 {
        out.push('…');
    }
    out
}
