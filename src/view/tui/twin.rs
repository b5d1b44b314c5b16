//! Two places side by side: what differs between their lines, and between what holds after them.

use super::model::Model;
use super::theme::Theme;
use super::{frame, ladder};
use crate::state::State;
use crate::view::Cast;
use crate::view::page::{Label, Page, prose};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;

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
    let held = |pane: usize| {
        let book = model.readings.get(pane).and_then(|reading| model.books.get(reading.book));
        model.states.get(pane).map(|state| state_lines(state, book.map(|b| &b.cast))).unwrap_or_default()
    };
    let mut rows = differences("line", &lines(0), &lines(1), area.width, theme);
    rows.extend(differences("state", &held(0), &held(1), area.width, theme));
    if rows.is_empty() {
        rows.push(Line::styled("Nothing: the lines and what holds after them are the same.", theme.dim()));
    }
    for (y, row) in (area.top()..area.bottom()).zip(rows) {
        buffer.set_line(area.x + 1, y, &row, area.width.saturating_sub(2));
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

/// What holds, a line for each thing.
pub fn state_lines(state: &State, cast: Option<&Cast>) -> Vec<String> {
    let mut out = Vec::new();
    for (conn, connection) in &state.connections {
        let ends = cast.and_then(|cast| cast.call(*conn));
        let ends = ends.map_or_else(
            || format!("connection {conn}"),
            |call| format!("{} → {}:{}", call.client, call.server, call.port),
        );
        out.push(format!("{ends}: {}", connection.phase));
        if let Some(envelope) = &connection.envelope {
            let to: Vec<String> = envelope.recipients.iter().map(|r| prose(r)).collect();
            out.push(format!("  envelope {} → {}", prose(&envelope.sender), to.join(", ")));
        }
    }
    for (host, entries) in &state.queues {
        for (id, entry) in entries.iter().filter(|(_, entry)| !entry.waiting.is_empty()) {
            let to: Vec<String> = entry.waiting.iter().map(|w| prose(&w.recipient)).collect();
            out.push(format!("queue of {}: {} for {}", prose(host), prose(id), to.join(", ")));
        }
    }
    for (account, mailboxes) in &state.mailboxes {
        for (name, mailbox) in mailboxes {
            out.push(format!("{} of {}: {} messages", prose(name), prose(account), mailbox.messages.len()));
        }
    }
    out
}
