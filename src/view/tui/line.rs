//! This line: the bytes as they were, every part in its own look, with a bracket of its own shape under it; and what the
//! part under the cursor means.
//!
//! A part is known again by three things: its mark (`●`, `■`, …), the stroke of its bracket, and its colour.

use super::book::Shown;
use super::hex;
use super::ladder::cut;
use super::theme::Theme;
use crate::base::{Severity, Span as Bytes};
use crate::explain::Item;
use crate::view::clock;
use crate::view::page::{Label, Page, PartPage, StepPage};
use crate::view::wire::WireLine;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What is asked of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// The part under the cursor; none: the whole line.
    pub part: Option<usize>,
    /// Bytes in hexadecimal.
    pub hex: bool,
    /// What would happen in a post office.
    pub analogy: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// The pane's text.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The bytes.
    pub bytes: Vec<Line<'static>>,
    /// The line of `bytes` that the part under the cursor begins in.
    pub at: usize,
    /// What is said about them.
    pub note: Vec<Line<'static>>,
}

/// Rows of brackets under one line.
const DEEP: usize = 3;

/// How many parts a row has that the cursor can stand on.
pub fn parts(shown: &Shown) -> usize {
    match &shown.page {
        Page::Step(page) => page.parts.len(),
        _ => 0,
    }
}

/// The text of a row.
pub fn told(shown: &Shown, look: Look, theme: &Theme) -> Told {
    match (&shown.page, &shown.item) {
        (Page::Step(page), Item::Step(step, _)) => {
            let (bytes, at) = if look.hex && !step.bytes.is_empty() {
                hex::lines(step, page, look, theme)
            } else {
                lines(page, look, theme)
            };
            Told { bytes, at, note: note(page, look, theme) }
        }
        (Page::Chapter { number, title, intro }, _) => {
            let head = wrapped(&format!("{number} · {title}"), look.width, theme.style(Label::Chapter));
            Told { bytes: head, at: 0, note: wrapped(intro, look.width, theme.style(Label::Intro)) }
        }
        (Page::Fact { label, mark, text }, item) => {
            let (who, note) = match (item, label) {
                (Item::Outcome(_), _) => {
                    ("what came of this connection", "The lines in which it was decided stand above.")
                }
                (_, Label::Intent) => ("a person acts", ""),
                _ => ("a host's state changes", "No wire shows this: the host itself says so."),
            };
            Told {
                bytes: wrapped(&format!("{mark} {who}"), look.width, theme.dim()),
                at: 0,
                note: [
                    wrapped(text, look.width, theme.style(*label)),
                    vec![Line::default()],
                    wrapped(note, look.width, theme.dim()),
                ]
                .concat(),
            }
        }
        (Page::Mark { kind, text }, _) => Told {
            bytes: vec![Line::styled(format!("✎ {kind}"), theme.style(Label::Mark))],
            at: 0,
            note: wrapped(text, look.width, theme.style(Label::Mark)),
        },
        (Page::Step(_), _) => Told::default(),
    }
}

/// Text in so many columns.
pub fn wrapped(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let options = textwrap::Options::new(width.max(8)).word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::wrap(text, options)
        .into_iter()
        .filter(|row| !row.is_empty())
        .map(|row| Line::styled(row.into_owned(), style))
        .collect()
}

/// A word in the margin, then text beside it.
fn keyed(key: &str, text: &str, width: usize, looks: (Style, Style)) -> Vec<Line<'static>> {
    let mut rows = wrapped(&format!("{key}: {text}"), width, looks.1);
    if let Some(first) = rows.first_mut() {
        let whole: String = first.spans.iter().map(|s| s.content.as_ref()).collect();
        if let Some(rest) = whole.strip_prefix(key) {
            *first = Line::from(vec![
                Span::styled(key.to_owned(), looks.0),
                Span::styled(rest.to_owned(), looks.1),
            ]);
        }
    }
    rows
}

/// What is said about a Step.
fn note(page: &StepPage, look: Look, theme: &Theme) -> Vec<Line<'static>> {
    let mut out: Vec<Line<'static>> = Vec::new();
    let mut paragraph = |rows: Vec<Line<'static>>| {
        if !rows.is_empty() {
            if !out.is_empty() {
                out.push(Line::default());
            }
            out.extend(rows);
        }
    };
    if let Some((number, part)) = look.part.and_then(|number| Some((number, page.parts.get(number)?))) {
        paragraph(part_note(part, number, look, theme));
    }
    paragraph(wrapped(&sentence(&page.note.summary), look.width, theme.heading()));
    for (severity, text) in &page.note.findings {
        let mark = if *severity == Severity::Error { "✗" } else { "!" };
        paragraph(wrapped(&format!("{mark} {text}"), look.width, theme.style(Label::Finding)));
    }
    for (key, label, text) in &page.note.more {
        let rows = match *key {
            "" => wrapped(&sentence(text), look.width, theme.style(*label)),
            "post office" if !look.analogy => continue,
            key => keyed(&sentence(key), text, look.width, (theme.style(Label::Key), theme.style(*label))),
        };
        paragraph(rows);
    }
    let has_analogy = page.note.more.iter().any(|(key, ..)| *key == "post office");
    paragraph(wrapped(&page.note.source.join(" · "), look.width, theme.style(Label::Source)));
    if has_analogy && !look.analogy {
        paragraph(wrapped("o: in the post office", look.width, theme.dim()));
    }
    out
}

fn part_note(part: &PartPage, number: usize, look: Look, theme: &Theme) -> Vec<Line<'static>> {
    let its = theme.part(number);
    let name = format!("{} {}", its.mark, part.name);
    let mut rows = vec![Line::styled(cut(&name, look.width), its.style)];
    let options = textwrap::Options::new(look.width.saturating_sub(2).max(8));
    let text = sentence(&part.text);
    for row in textwrap::wrap(&text, options) {
        rows.push(Line::styled(format!("  {row}"), theme.style(Label::PartNote)));
    }
    rows
}

/// A line of the catalogue as a sentence: a capital, unless its first word is more than a word of the language.
fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let plain = !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || ",;:".contains(c));
    match text.chars().next() {
        Some(c) if plain => c.to_ascii_uppercase().to_string() + text.get(1..).unwrap_or_default(),
        _ => text.to_owned(),
    }
}

/// The wire lines, and the line in which the current part begins. Of a block only the line that the cursor is on has
/// brackets: the parts of the others are told by their looks.
fn lines(page: &StepPage, look: Look, theme: &Theme) -> (Vec<Line<'static>>, usize) {
    let mut out = Vec::new();
    let mut at = 0;
    let with = look.part.and_then(|part| page.wire.lines.iter().position(|line| line.parts.contains(&part)));
    for (i, line) in page.wire.lines.iter().enumerate() {
        if page.wire.elided > 0 && i == page.wire.lines.len() - page.wire.tail {
            let text =
                format!("… {} (x shows every byte)", clock::count(page.wire.elided as u64, "more line"));
            out.push(Line::styled(text, theme.dim()));
        }
        let current = i == with.unwrap_or(0);
        if current {
            at = out.len();
        }
        out.extend(line_rows(page, line, current, look, theme));
    }
    (out, at)
}

/// A character of a line: what it shows, its look, and the bytes it came from.
struct Cell {
    c: char,
    style: Style,
    bytes: Bytes,
    /// Whether a person pointed at it.
    marked: bool,
}

/// One wire line, wrapped, brackets under each of its rows where they are wanted.
fn line_rows(
    page: &StepPage,
    line: &WireLine,
    with_brackets: bool,
    look: Look,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let here: Vec<(usize, Bytes)> =
        line.parts.iter().filter_map(|i| Some((*i, page.parts.get(*i)?.span))).collect();
    let cells = cells(page, line, look, theme);
    let mut out = Vec::new();
    for row in rows_of(&cells, look.width.max(4)) {
        let mut spans: Vec<Span<'static>> = Vec::new();
        for cell in row {
            match spans.last_mut() {
                Some(last) if last.style == cell.style => last.content.to_mut().push(cell.c),
                _ => spans.push(Span::styled(cell.c.to_string(), cell.style)),
            }
        }
        out.push(Line::from(spans));
        out.extend(stroke(row, theme));
        if with_brackets {
            out.extend(brackets(row, &here, look, theme));
        }
    }
    if out.is_empty() {
        out.push(Line::default());
    }
    out
}

/// The characters of a line, each in the look of the smallest part that it is in.
fn cells(page: &StepPage, line: &WireLine, look: Look, theme: &Theme) -> Vec<Cell> {
    let first = line.chunks.iter().map(|chunk| chunk.span.start).min().unwrap_or_default();
    let last = line.chunks.iter().map(|chunk| chunk.span.end).max().unwrap_or_default();
    // Those that reach into this line.
    let parts: Vec<(usize, Bytes)> = page
        .parts
        .iter()
        .map(|part| part.span)
        .enumerate()
        .filter(|(_, span)| span.start < last && first < span.end)
        .collect();
    let mut out = Vec::new();
    for chunk in &line.chunks {
        let holds = |span: &Bytes| span.start <= chunk.span.start && chunk.span.end <= span.end;
        let part = parts.iter().filter(|(_, span)| holds(span)).min_by_key(|(_, span)| span.len());
        let mut style = match part {
            Some((number, _)) if chunk.label != Label::Secret => theme.part(*number).style,
            _ => theme.style(chunk.label),
        };
        if chunk.marked {
            style = style.patch(theme.marked());
        }
        let current = look.part.and_then(|number| page.parts.get(number));
        if current.is_some_and(|part| holds(&part.span) && !chunk.span.is_empty()) {
            style = style.patch(if chunk.marked { theme.selected_text() } else { theme.selected() });
        }
        out.extend(chunk.text.chars().map(|c| Cell { c, style, bytes: chunk.span, marked: chunk.marked }));
    }
    out
}

/// Under a row in which a person pointed at something: a stroke below it.
fn stroke(row: &[Cell], theme: &Theme) -> Option<Line<'static>> {
    let last = row.iter().rposition(|cell| cell.marked)?;
    let under = |cell: &Cell| if cell.marked { "▔" } else { " " }.repeat(cell.c.width().unwrap_or(0));
    let text: String = row.iter().take(last + 1).map(under).collect();
    Some(Line::styled(text, theme.style(Label::Mark)))
}

/// Cells in rows of so many columns, broken behind a space where one is near.
fn rows_of(cells: &[Cell], width: usize) -> Vec<&[Cell]> {
    let mut out = Vec::new();
    let (mut start, mut used, mut space) = (0, 0, None);
    for (i, cell) in cells.iter().enumerate() {
        let wide = cell.c.width().unwrap_or(0);
        if used + wide > width && i > start {
            let end = space.filter(|end| (i - end) * 2 < i - start).unwrap_or(i);
            out.extend(cells.get(start..end));
            used = cells.iter().take(i).skip(end).map(|c| c.c.width().unwrap_or(0)).sum();
            (start, space) = (end, None);
        }
        used += wide;
        if cell.c == ' ' {
            space = Some(i + 1);
        }
    }
    out.extend(cells.get(start..).filter(|rest| !rest.is_empty()));
    out
}

/// Under a row: a bracket for each part in it, those inside others above them.
fn brackets(row: &[Cell], parts: &[(usize, Bytes)], look: Look, theme: &Theme) -> Vec<Line<'static>> {
    let mut placed: Vec<(usize, usize, usize)> = Vec::new();
    for (number, span) in parts {
        let mut column = 0;
        let (mut from, mut to) = (None, 0);
        for cell in row {
            let wide = cell.c.width().unwrap_or(0);
            if cell.bytes.start >= span.start && cell.bytes.end <= span.end && !cell.bytes.is_empty() {
                from.get_or_insert(column);
                to = column + wide;
            }
            column += wide;
        }
        placed.extend(from.map(|from| (*number, from, to)));
    }
    // The smallest first: they stand nearest to the text.
    placed.sort_by_key(|(number, from, to)| (to - from, *from, *number));
    let mut rows: Vec<Vec<(usize, usize, usize)>> = Vec::new();
    for one in placed {
        let free = |row: &Vec<(usize, usize, usize)>| row.iter().all(|o| one.2 <= o.1 || o.2 <= one.1);
        match rows.iter().position(free) {
            Some(row) => rows[row].push(one),
            None if rows.len() < DEEP => rows.push(vec![one]),
            None => {}
        }
    }
    rows.into_iter().map(|row| bracket_row(row, look, theme)).collect()
}

fn bracket_row(mut row: Vec<(usize, usize, usize)>, look: Look, theme: &Theme) -> Line<'static> {
    row.sort_by_key(|(_, from, _)| *from);
    let (mut spans, mut used): (Vec<Span<'static>>, usize) = (Vec::new(), 0);
    for (number, from, to) in row {
        spans.push(Span::raw(" ".repeat(from.saturating_sub(used))));
        let its = theme.part(number);
        let wide = to - from;
        let text = match wide {
            0 | 1 => its.mark.to_string(),
            2 => format!("{}╯", its.mark),
            _ => {
                let stroke = |n: usize| its.rule.to_string().repeat(n);
                let left = (wide - 3) / 2;
                format!("╰{}{}{}╯", stroke(left), its.mark, stroke(wide - 3 - left))
            }
        };
        let plain = Style { add_modifier: ratatui::style::Modifier::empty(), ..its.style };
        let style = if Some(number) == look.part { theme.selected().patch(plain) } else { plain };
        used = from + text.width();
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}
