//! [`draw`]: the whole screen from the [`Model`], which it only reads.

use super::frame::{self, Frame};
use super::keys::{self, BINDINGS};
use super::layout::{self, Places, Side};
use super::line::wrapped;
use super::model::{Model, SPEEDS, line_split};
use super::msg::Action;
use super::overlay::{Help, List, Overlay, Prompt, Text};
use super::theme::Theme;
use super::{ladder, twin};
use crate::view::clock;
use crate::view::page::{Label, Page};
use ratatui::Frame as Screen;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Draw everything.
pub fn draw(model: &Model, screen: &mut Screen) {
    let size = (screen.area().width, screen.area().height);
    if size != model.size || layout::too_small(size) {
        return small(model, screen.buffer_mut(), size);
    }
    let (places, theme) = (model.places(), model.theme());
    let buffer = screen.buffer_mut();
    Frame::of(&places).draw(buffer, theme.border());
    title(model, buffer, places.title);
    road(model, buffer, places.road);
    for (i, area) in places.ladders.iter().enumerate().filter(|(_, area)| !area.is_empty()) {
        conversation(model, buffer, *area, if model.is_twin() { i } else { model.focus });
    }
    line(model, buffer, &places);
    state(model, buffer, &places);
    twin::draw(model, buffer, places.differ);
    keys_line(model, buffer, places.keys);
    waiting(model, buffer, &places);
    overlay(model, screen, &places);
}

/// There is not room enough: say so, and for what.
fn small(model: &Model, buffer: &mut Buffer, size: (u16, u16)) {
    let (columns, rows) = layout::LEAST;
    let text =
        format!("This window has {} × {}. The view needs {columns} × {rows}; q leaves.", size.0, size.1);
    for (y, row) in (0..size.1).zip(wrapped(&text, usize::from(size.0).max(8), model.theme().heading())) {
        buffer.set_line(0, y, &row, size.0);
    }
}

fn title(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let Some(book) = model.book() else {
        frame::title(buffer, area, ("postroad", theme.heading()), ("", theme.dim()));
        return;
    };
    let mut right = String::new();
    let shown = model.reading().and_then(|reading| {
        let rung = reading.window.iter().find(|rung| rung.shown.row == reading.row)?;
        Some(&rung.shown)
    });
    if let Some(shown) = shown {
        if let Page::Step(page) = &shown.page {
            right = format!(
                "step {} of {}",
                clock::grouped(page.number as u64),
                clock::grouped(book.steps() as u64)
            );
        } else {
            right = format!("of {} steps", clock::grouped(book.steps() as u64));
        }
        if let Some(at) = shown.at() {
            right = format!("{right} · {}", clock::elapsed(at.since(book.cast.start)));
        }
    }
    let progress = book.progress();
    if book.is_live {
        right = format!("{right} · {}", if progress.done { "closed" } else { "live" });
    } else if !progress.done {
        let part = progress.of.filter(|of| *of > 0).map(|of| format!(" {} %", progress.read * 100 / of));
        right = format!("{right} · reading{}", part.unwrap_or_default());
    }
    if model.playing.is_some() {
        right = format!("▶ {} · {right}", SPEEDS[model.speed].1);
    }
    let branch = book.branch.filter(|id| *id != 0).map(|_| format!(" · what if: {}", book.name));
    let name = format!("{}{}", book.cast.title, branch.unwrap_or_default());
    frame::title(buffer, area, (&name, theme.style(Label::Title)), (&right, theme.style(Label::Time)));
}

/// The hosts, what joins them, and where the envelope is.
fn road(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let (Some(book), Some(drawn)) = (model.book(), &model.journey) else {
        let first = model.waiting.lines().next().unwrap_or_default();
        buffer.set_stringn(area.x + 1, area.y, first, usize::from(area.width), theme.dim());
        return;
    };
    drawn.layout.draw(&book.road, &drawn.now(), theme, buffer, area);
}

/// What is said while there is nothing to show yet, where it is more than a line.
fn waiting(model: &Model, buffer: &mut Buffer, places: &Places) {
    let [area, _] = places.ladders;
    if !model.books.is_empty() {
        return;
    }
    let wide = usize::from(model.size.0.saturating_sub(2 * area.x));
    let lines = model.waiting.lines().skip(1).filter(|line| !line.trim().is_empty());
    for (y, text) in (area.y..area.bottom()).zip(lines) {
        buffer.set_stringn(area.x, y, format!("{text:wide$}"), wide, Style::default());
    }
}

fn conversation(model: &Model, buffer: &mut Buffer, area: Rect, pane: usize) {
    let theme = model.theme();
    let Some(reading) = model.readings.get(pane) else {
        if pane == 0 {
            frame::heading(buffer, area, "conversation", true, theme);
        }
        return;
    };
    let Some(book) = model.books.get(reading.book) else { return };
    let active = pane == model.focus;
    let mut heading = match &reading.sieve {
        None => "conversation".to_owned(),
        Some(sieve) => {
            let more = if sieve.is_over() { "" } else { " so far …" };
            let word = if sieve.follows() { "" } else { "only " };
            format!("{word}{} · {}{more}", sieve.name, clock::count(sieve.count() as u64, "row"))
        }
    };
    if model.is_twin() {
        let name = if book.name.is_empty() { &book.cast.title } else { &book.name };
        heading = format!("{name} · {heading}");
    }
    frame::heading(buffer, area, &heading, active, theme);
    if reading.window.is_empty() {
        let text =
            if reading.sieve.is_some() { "no row is like that; esc shows all again" } else { "nothing yet" };
        buffer.set_stringn(area.x + 2, area.y + 1, text, usize::from(area.width) - 2, theme.dim());
    }
    let inner = Rect { width: area.width - 1, ..area };
    ladder::draw(buffer, inner, reading, (book.steps(), book.cast.start), (theme, active));
    frame::bar(buffer, area, reading.top, reading.window.len(), book.len(), theme);
}

/// The line and what is said about it.
fn line(model: &Model, buffer: &mut Buffer, places: &Places) {
    let (area, theme) = (places.line, model.theme());
    let Some(reading) = model.reading().filter(|_| !area.is_empty()) else { return };
    let name = if model.hex { "this line, in hexadecimal" } else { "this line" };
    let name = if layout::shows_both(model.size) { name.to_owned() } else { format!("{name} · tab: state") };
    frame::heading(buffer, area, &name, false, theme);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let told = &model.told;
    let (bytes, note) = line_split(area.height, told.bytes.len(), told.note.len());
    let first = reading.scroll[0];
    let upper = Rect { height: u16::try_from(bytes).unwrap_or(area.height).min(area.height), ..inner };
    text(buffer, upper, &told.bytes, first);
    frame::bar(buffer, Rect { width: area.width, x: area.x, ..upper }, first, bytes, told.bytes.len(), theme);
    if note == 0 {
        return;
    }
    let lower =
        Rect { y: upper.bottom() + 1, height: area.bottom().saturating_sub(upper.bottom() + 1), ..inner };
    text(buffer, lower, &told.note, reading.scroll[1]);
    let edge = Rect { width: area.width, x: area.x, ..lower };
    frame::bar(buffer, edge, reading.scroll[1], usize::from(lower.height), told.note.len(), theme);
}

/// Lines of text from this one on.
fn text(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>], first: usize) {
    for (y, line) in (area.top()..area.bottom()).zip(lines.iter().skip(first)) {
        buffer.set_line(area.left(), y, line, area.width);
    }
}

/// What holds after this row.
fn state(model: &Model, buffer: &mut Buffer, places: &Places) {
    let (area, theme) = (places.state, model.theme());
    if area.is_empty() {
        return;
    }
    let name = if model.side == Side::State && !layout::shows_both(model.size) {
        "after this step · tab: line"
    } else {
        "after this step"
    };
    frame::heading(buffer, area, name, false, theme);
    let Some(reading) = model.reading() else { return };
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let rows = model.sheet.lines(inner.width, theme);
    let first = reading.scroll[2].min(rows.len().saturating_sub(usize::from(area.height)));
    text(buffer, inner, &rows, first);
    frame::bar(buffer, area, first, usize::from(area.height), rows.len(), theme);
}

/// The actions of the line of keys, the most useful first.
const SHORT: [Action; 16] = [
    Action::Step,
    Action::NextChapter,
    Action::Play,
    Action::Predict,
    Action::WhatIf,
    Action::NextPart,
    Action::Search,
    Action::Filter,
    Action::Follow,
    Action::Hex,
    Action::Analogy,
    Action::Reference,
    Action::Mark,
    Action::Twin,
    Action::CopyLine,
    Action::Export,
];
/// Always there, at the right.
const ALWAYS: [Action; 2] = [Action::Help, Action::Quit];

/// The line of keys as it stands: each with the column where it begins, and its text.
fn short_keys(model: &Model) -> Vec<(u16, Action, String, &'static str)> {
    let shown = |action: &Action| {
        let binding = keys::binding(*action)?;
        let key = match action {
            Action::Step => "←→".to_owned(),
            Action::NextChapter => "⇧←→".to_owned(),
            Action::NextPart => ",.".to_owned(),
            _ => keys::name(*action),
        };
        Some((
            *action,
            key,
            if *action == Action::Play && model.playing.is_some() { "hold" } else { binding.word },
        ))
    };
    let wide = |key: &str, word: &str| u16::try_from(key.width() + word.width() + 1).unwrap_or(u16::MAX);
    let always: Vec<_> = ALWAYS.iter().filter_map(shown).collect();
    let needed: u16 = always.iter().map(|(_, key, word)| wide(key, word) + 2).sum();
    let room = model.size.0.saturating_sub(needed + 1);
    let (mut out, mut x) = (Vec::new(), 1);
    // Who opened a recording to write into it is told how, first of all.
    let notes = model.book().is_some_and(|book| book.takes_notes).then_some(&Action::Annotate);
    for (action, key, word) in notes.into_iter().chain(&SHORT).filter_map(shown) {
        let next = x + wide(&key, word) + 2;
        if next > room {
            break;
        }
        out.push((x, action, key, word));
        x = next;
    }
    for (action, key, word) in always {
        let next = x + wide(&key, word) + 2;
        out.push((x, action, key, word));
        x = next;
    }
    out
}

/// What a click on this column of the line of keys asks for.
pub fn key_at(model: &Model, column: u16) -> Option<Action> {
    let keys = short_keys(model);
    keys.iter().rev().find(|(x, ..)| *x <= column).map(|(_, action, ..)| *action)
}

fn keys_line(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    if let Some(Overlay::Prompt(prompt)) = &model.overlay {
        return prompt_line(prompt, buffer, area, theme);
    }
    let closes = match &model.overlay {
        None | Some(Overlay::Prompt(_)) => "",
        Some(Overlay::Predict(..)) => {
            "↑↓ enter or a number chooses · t types it · space shows it · s score · esc leaves"
        }
        Some(Overlay::WhatIf(_)) => {
            "↑↓ enter or a number chooses · e edits the line · esc leaves all as it was"
        }
        Some(Overlay::Faults(_)) => "↑↓ chooses · enter switches it on or off · c all off · esc leaves",
        Some(Overlay::Notes(_)) => "↑↓ enter or a number chooses · esc leaves all as it was",
        Some(Overlay::Talk(_)) => "esc leaves; the story stays as it was",
        Some(_) => "esc closes",
    };
    if !closes.is_empty() {
        buffer.set_stringn(1, area.y, closes, usize::from(area.width) - 1, theme.dim());
        return;
    }
    if let Some(scan) = &model.scan {
        buffer.set_stringn(
            1,
            area.y,
            format!("looking for “{}” … esc stops", scan.word),
            usize::from(area.width),
            theme.dim(),
        );
        return;
    }
    if let Some((said, _)) = &model.said {
        buffer.set_stringn(
            1,
            area.y,
            ladder::cut(said, usize::from(area.width) - 2),
            usize::from(area.width),
            theme.heading(),
        );
        return;
    }
    for (x, _, key, word) in short_keys(model) {
        let line =
            Line::from(vec![Span::styled(key, theme.key()), Span::raw(" "), Span::styled(word, theme.dim())]);
        buffer.set_line(x, area.y, &line, area.width.saturating_sub(x));
    }
}

/// The line being typed, in the place of the keys; what is wrong stands above it.
fn prompt_line(prompt: &Prompt, buffer: &mut Buffer, area: Rect, theme: &Theme) {
    let label = format!("{} ", prompt.asked.label());
    let room = usize::from(area.width).saturating_sub(label.width() + 4);
    // The end of a long line stays in sight.
    let hidden = prompt.cursor.saturating_sub(room);
    let typed: String = prompt.text.chars().skip(hidden).take(room + 1).collect();
    let before: String = typed.chars().take(prompt.cursor - hidden).collect();
    let under: String = typed.chars().nth(prompt.cursor - hidden).map_or(" ".to_owned(), String::from);
    let after: String = typed.chars().skip(prompt.cursor - hidden + 1).collect();
    let line = Line::from(vec![
        Span::styled(label, theme.key()),
        Span::raw(before),
        Span::styled(under, theme.lit()),
        Span::raw(after),
    ]);
    let used = u16::try_from(line.width()).unwrap_or(area.width) + 3;
    buffer.set_line(1, area.y, &line, area.width.saturating_sub(2));
    if prompt.text.is_empty() && used < area.width {
        let hint = ladder::cut(prompt.asked.hint(), usize::from(area.width - used));
        buffer.set_stringn(used, area.y, hint, usize::from(area.width - used), theme.dim());
    }
    if let Some((wrong, _)) = &prompt.wrong {
        let text = format!(" ✗ {} ", ladder::cut(wrong, usize::from(area.width) - 8));
        buffer.set_string(2, area.y - 1, text, theme.bad());
    }
}

fn overlay(model: &Model, screen: &mut Screen, places: &Places) {
    let theme = model.theme();
    match &model.overlay {
        None | Some(Overlay::Prompt(_)) => {}
        Some(Overlay::Help(help)) => self::help(help, screen.buffer_mut(), places.screen, theme),
        Some(Overlay::Places(list)) => self::list(list, screen.buffer_mut(), places.screen, theme),
        Some(Overlay::WhatIf(what_if)) => what_if.draw(screen, predicted(places), theme),
        Some(Overlay::Notes(notes)) => notes.draw(screen, predicted(places), theme),
        Some(Overlay::Faults(faults)) => {
            // A lab to which nobody has spoken yet has no story, and can be made to fail all the same.
            let area = if model.books.is_empty() { places.screen } else { under(places) };
            faults.draw(screen, area, theme);
        }
        Some(Overlay::Talk(pane)) => {
            let area = if model.books.is_empty() { places.screen } else { under(places) };
            pane.draw(screen, area, theme);
        }
        Some(Overlay::Branches(branches)) => {
            if let Some(tree) = &model.forks.tree {
                branches.draw(tree, screen, under(places), theme);
            }
        }
        Some(Overlay::Predict(predict, _)) => predict.draw(screen, predicted(places), theme),
        Some(Overlay::Text(text)) => reference(text, screen.buffer_mut(), places.screen, theme),
    }
}

/// Where it is asked what comes next: beside the conversation, where there is a place beside it; else under it.
fn predicted(places: &Places) -> Rect {
    let right = if places.line.is_empty() { places.state } else { places.line };
    let bottom = places.bottom.y;
    if !right.is_empty() && right.x > 1 {
        let (x, y) = (right.x - 1, right.y - 1);
        return Rect { x, y, width: places.screen.width - x, height: bottom + 1 - y };
    }
    let height = (bottom - places.road.bottom()) * 2 / 3;
    Rect { x: 0, y: bottom + 1 - height, width: places.screen.width, height }
}

/// The body of the screen, under the road.
fn under(places: &Places) -> Rect {
    let top = places.road.bottom();
    Rect { x: 0, y: top, width: places.screen.width, height: places.bottom.y + 1 - top }
}

/// A box in the middle, emptied, with a heading; gives its inside.
fn boxed(
    buffer: &mut Buffer,
    screen: Rect,
    size: (u16, u16),
    heading: &str,
    foot: &str,
    theme: &Theme,
) -> Rect {
    let (wide, high) = (size.0.min(screen.width - 2), size.1.min(screen.height - 2));
    let area = Rect::new((screen.width - wide) / 2, (screen.height - high) / 2, wide, high);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    let style = theme.border_active();
    let rule = "─".repeat(usize::from(wide) - 2);
    buffer.set_string(area.x, area.y, format!("┌{rule}┐"), style);
    for y in area.top() + 1..area.bottom() - 1 {
        buffer.set_string(area.x, y, "│", style);
        buffer.set_string(area.right() - 1, y, "│", style);
    }
    buffer.set_string(area.x, area.bottom() - 1, format!("└{rule}┘"), style);
    frame::title(buffer, Rect { height: 1, ..area }, (heading, theme.heading()), ("", style));
    let below = Rect { y: area.bottom() - 1, height: 1, ..area };
    frame::title(buffer, below, ("", style), (foot, theme.dim()));
    Rect { x: area.x + 2, y: area.y + 1, width: wide - 4, height: high - 2 }
}

/// All keys by group, those that hold what is typed.
fn help(help: &Help, buffer: &mut Buffer, screen: Rect, theme: &Theme) {
    let all = BINDINGS.len() + 2 * 6 + 2;
    let size = (78, u16::try_from(all + 2).unwrap_or(u16::MAX));
    let foot = "type to search · ↑↓ enter does it · esc closes";
    let inner = boxed(buffer, screen, size, "keys", foot, theme);
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut chosen = 0;
    let mut group = None;
    for (i, binding) in help.shown().enumerate() {
        if group != Some(binding.group) {
            if group.is_some() {
                rows.push(Line::default());
            }
            rows.push(Line::styled(binding.group.title(), theme.heading()));
            group = Some(binding.group);
        }
        let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
        let at = i == help.at;
        let style = if at { theme.selected_text() } else { theme.style(Label::Note) };
        if at {
            chosen = rows.len();
        }
        rows.push(Line::from(vec![
            Span::styled(if at { "▸ " } else { "  " }, theme.key()),
            Span::styled(format!("{:<12} ", keys.join(" ")), if at { style } else { theme.key() }),
            Span::styled(binding.what, style),
        ]));
    }
    if rows.is_empty() {
        rows.push(Line::styled("no key is about that", theme.dim()));
    }
    let search = Line::from(vec![
        Span::styled("find: ", theme.key()),
        Span::raw(help.word.clone()),
        Span::styled(" ", theme.lit()),
    ]);
    buffer.set_line(inner.x, inner.y, &search, inner.width);
    let below = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    let first = (chosen + 2).saturating_sub(usize::from(below.height));
    text(buffer, below, &rows, first);
}

fn list(list: &List, buffer: &mut Buffer, screen: Rect, theme: &Theme) {
    let size = (76, u16::try_from(list.rows.len() + 2).unwrap_or(u16::MAX).max(5));
    let inner = boxed(buffer, screen, size, &list.title, "↑↓ enter goes there · esc closes", theme);
    let rows: Vec<Line<'static>> = list
        .rows
        .iter()
        .enumerate()
        .map(|(i, (_, text))| {
            let (mark, style) =
                if i == list.at { ("▸ ", theme.selected_text()) } else { ("  ", Style::new()) };
            Line::from(vec![Span::styled(mark, theme.key()), Span::styled(text.clone(), style)])
        })
        .collect();
    if rows.is_empty() {
        buffer.set_string(inner.x, inner.y, "none: b puts a mark", theme.dim());
    }
    text(buffer, inner, &rows, (list.at + 2).saturating_sub(usize::from(inner.height)));
}

/// A text with words in the margin.
fn reference(reading: &Text, buffer: &mut Buffer, screen: Rect, theme: &Theme) {
    const MARGIN: usize = 16;
    let wide = screen.width.min(86);
    let room = usize::from(wide).saturating_sub(MARGIN + 5);
    let mut rows: Vec<Line<'static>> = Vec::new();
    for (key, paragraph) in &reading.paragraphs {
        for (i, row) in wrapped(paragraph, room, Style::new()).into_iter().enumerate() {
            let key = if i == 0 { ladder::cut(key, MARGIN - 2) } else { String::new() };
            let mut spans = vec![Span::styled(format!("{key:<MARGIN$}"), theme.style(Label::Key))];
            spans.extend(row.spans);
            rows.push(Line::from(spans));
        }
    }
    let size = (wide, u16::try_from(rows.len() + 2).unwrap_or(u16::MAX));
    let inner = boxed(buffer, screen, size, &reading.title, "↑↓ scroll · esc closes", theme);
    let most = rows.len().saturating_sub(usize::from(inner.height));
    text(buffer, inner, &rows, reading.scroll.min(most));
}
