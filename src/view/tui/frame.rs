//! The frame: one line around everything, rules with headings between the panes, joined where they meet.

use super::ladder::cut;
use super::layout::Places;
use super::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Which of the four ways a line goes on from a crossing.
const CORNERS: [(u8, &str); 11] = [
    (0b0011, "─"),
    (0b1100, "│"),
    (0b1001, "┐"),
    (0b1010, "┌"),
    (0b0101, "┘"),
    (0b0110, "└"),
    (0b0111, "┴"),
    (0b1011, "┬"),
    (0b1101, "┤"),
    (0b1110, "├"),
    (0b1111, "┼"),
];
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const UP: u8 = 4;
const DOWN: u8 = 8;

/// The lines of the frame, gathered before they are drawn, so that crossings come out right.
pub struct Frame {
    screen: Rect,
    cells: Vec<u8>,
}

impl Frame {
    /// The lines around these places.
    pub fn of(places: &Places) -> Self {
        let screen = places.screen;
        let size = usize::from(screen.width) * usize::from(screen.height);
        let mut frame = Frame { screen, cells: vec![0; size] };
        let (right, bottom) = (screen.width.saturating_sub(1), places.bottom.y);
        frame.across(0, 0, right);
        frame.across(bottom, 0, right);
        frame.along(0, 0, bottom);
        frame.along(right, 0, bottom);
        let panes = [places.ladders[0], places.ladders[1], places.line, places.state, places.differ];
        for pane in panes.into_iter().filter(|pane| !pane.is_empty()) {
            frame.across(pane.top() - 1, pane.left() - 1, pane.right());
            frame.along(pane.left() - 1, pane.top() - 1, pane.bottom());
            frame.along(pane.right(), pane.top() - 1, pane.bottom());
        }
        frame
    }

    fn put(&mut self, x: u16, y: u16, ways: u8) {
        let at = usize::from(y) * usize::from(self.screen.width) + usize::from(x);
        if let Some(cell) = self.cells.get_mut(at) {
            *cell |= ways;
        }
    }

    fn across(&mut self, y: u16, from: u16, to: u16) {
        for x in from..=to {
            let ways = if x > from { LEFT } else { 0 } | if x < to { RIGHT } else { 0 };
            self.put(x, y, ways);
        }
    }

    fn along(&mut self, x: u16, from: u16, to: u16) {
        for y in from..=to {
            let ways = if y > from { UP } else { 0 } | if y < to { DOWN } else { 0 };
            self.put(x, y, ways);
        }
    }

    /// Draw the lines.
    pub fn draw(&self, buffer: &mut Buffer, style: Style) {
        let wide = usize::from(self.screen.width).max(1);
        for (at, ways) in self.cells.iter().enumerate() {
            let symbol = CORNERS.iter().find(|(corner, _)| corner == ways).map(|(_, symbol)| *symbol);
            let (x, y) = (at % wide, at / wide);
            if let (Some(symbol), Ok(x), Ok(y)) = (symbol, u16::try_from(x), u16::try_from(y))
                && let Some(cell) = buffer.cell_mut((x, y))
            {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }
}

/// A heading in the rule above a pane: ` this line `.
pub fn heading(buffer: &mut Buffer, pane: Rect, text: &str, active: bool, theme: &Theme) {
    if pane.is_empty() || pane.width < 8 {
        return;
    }
    let text = format!(" {} ", cut(text, usize::from(pane.width) - 4));
    let style = if active { theme.border_active() } else { theme.heading() };
    buffer.set_stringn(pane.left() + 1, pane.top() - 1, &text, usize::from(pane.width) - 1, style);
}

/// How much of a pane's text is above and below, in its right edge: a bar whose place says where one is.
pub fn bar(buffer: &mut Buffer, pane: Rect, first: usize, shown: usize, all: usize, theme: &Theme) {
    if all <= shown || pane.height < 3 {
        return;
    }
    let height = usize::from(pane.height);
    let long = (height * shown / all).clamp(1, height - 1);
    let top = (height - long) * first / (all - shown).max(1);
    for y in 0..long {
        let Ok(y) = u16::try_from((top + y).min(height - 1)) else { continue };
        if let Some(cell) = buffer.cell_mut((pane.right(), pane.top() + y)) {
            cell.set_symbol("┃").set_style(theme.dim());
        }
    }
}

/// Two texts on one line, the second at the right edge; the first gives way.
pub fn title(buffer: &mut Buffer, area: Rect, left: (&str, Style), right: (&str, Style)) {
    let room = usize::from(area.width).saturating_sub(6);
    let right_text = cut(right.0, room);
    let left_text = cut(left.0, room.saturating_sub(right_text.width() + 2));
    if !left_text.is_empty() {
        buffer.set_string(area.left() + 1, area.top(), format!(" {left_text} "), left.1);
    }
    if !right_text.is_empty() {
        let wide = u16::try_from(right_text.width() + 2).unwrap_or(area.width);
        let x = area.right().saturating_sub(wide + 1);
        buffer.set_string(x, area.top(), format!(" {right_text} "), right.1);
    }
}
