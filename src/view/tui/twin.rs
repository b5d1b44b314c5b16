//! Two places side by side: what differs between their lines, and between what holds after them.

use super::model::Model;
use super::state::Sheet;
use super::theme::Theme;
use super::{frame, ladder};
use crate::view::page::{Label, Page};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;

/// Columns that what holds is put into before it is compared: one line for each thing.
const WIDE: u16 = 70;

/// What differs between the two places.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let theme = model.theme();
    frame::heading(buffer, area, "what differs: ‹ only left, › only right", false, theme);
    let lines = |pane: usize| -> Vec<String> {
        let Some(reading) = model.readings.get(pane) else { return Vec::new() };
        let rung = reading.window.iter().find(|rung| rung.shown.row == reading.row);
        match rung.map(|rung| &rung.shown.page) {
            Some(Page::Step(page)) => {
                let text =
                    |l: &crate::view::wire::WireLine| l.chunks.iter().map(|c| c.text.as_str()).collect();
                page.wire.lines.iter().map(text).collect()
            }
            _ => Vec::new(),
        }
    };
    let held = |pane: usize| -> Vec<String> {
        let reading = model.readings.get(pane);
        let book = reading.and_then(|reading| model.books.get(reading.book));
        let (Some(book), Some((state, _))) = (book, model.states.get(pane)) else { return Vec::new() };
        let at = reading.and_then(|reading| reading.window.iter().find(|rung| rung.shown.row == reading.row));
        let at = at.and_then(|rung| rung.shown.at()).unwrap_or(book.cast.start);
        // Compared with itself, nothing is new: only what holds is said.
        let sheet = Sheet::of(&book.cast, state, state, None, at);
        sheet.lines(WIDE, theme).iter().map(|line| line.to_string().trim_end().to_owned()).collect()
    };
    let half = area.width / 2;
    let lines = differences("line", &lines(0), &lines(1), half, theme);
    let state = differences("state", &held(0), &held(1), area.width - half, theme);
    if lines.is_empty() && state.is_empty() {
        let same = "Nothing: the lines and what holds after them are the same.";
        buffer.set_stringn(area.x + 1, area.y, same, usize::from(area.width) - 1, theme.dim());
    }
    for (i, y) in (area.top()..area.bottom()).enumerate() {
        for (x, rows) in [(area.x + 1, &lines), (area.x + half + 1, &state)] {
            if let Some(row) = rows.get(i) {
                buffer.set_line(x, y, row, half.saturating_sub(2));
            }
        }
    }
}

/// The texts that only one side has, in order, under a word.
fn differences(
    word: &str,
    left: &[String],
    right: &[String],
    width: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let (l, r): (BTreeSet<&String>, BTreeSet<&String>) = (left.iter().collect(), right.iter().collect());
    let only = |texts: &[String], other: &BTreeSet<&String>, mark: &'static str, label: Label| {
        let room = usize::from(width).saturating_sub(14);
        let row = |text: &String| {
            Line::from(vec![
                Span::styled(format!("{word:<7}"), theme.style(Label::Key)),
                Span::styled(format!("{mark} "), theme.heading()),
                Span::styled(ladder::cut(text, room), theme.style(label)),
            ])
        };
        texts.iter().filter(|text| !other.contains(text)).map(row).collect::<Vec<_>>()
    };
    [only(left, &r, "‹", Label::ClientLine), only(right, &l, "›", Label::ServerLine)].concat()
}
