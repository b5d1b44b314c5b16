//! The bytes of a Step in hexadecimal, each in the look of its part; a secret's bytes stay hidden.

use super::line::Look;
use super::theme::Theme;
use crate::base::Span as Bytes;
use crate::dissect::Step;
use crate::view::page::{Label, StepPage};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Bytes that are shown at most: a screen's worth of text is no place for a gigabyte.
const MOST: usize = 256 << 10;

/// Lines of offset, bytes and characters; and the line in which the current part begins.
pub fn lines(step: &Step, page: &StepPage, look: Look, theme: &Theme) -> (Vec<Line<'static>>, usize) {
    let across = if look.width >= 6 + 16 * 4 + 2 {
        16
    } else if look.width >= 6 + 8 * 4 + 2 {
        8
    } else {
        4
    };
    let bytes = step.bytes.get(..step.bytes.len().min(MOST)).unwrap_or_default();
    let mut out: Vec<Line<'static>> = Vec::new();
    let chunks = page.wire.lines.iter().flat_map(|line| &line.chunks);
    let marked: Vec<Bytes> = chunks.filter(|chunk| chunk.marked).map(|chunk| chunk.span).collect();
    for (i, row) in bytes.chunks(across).enumerate() {
        let start = i * across;
        let mut spans = vec![Span::styled(format!("{start:04x}  "), theme.style(Label::Time))];
        let mut text = Vec::new();
        for (offset, byte) in (start..).zip(row) {
            let is_secret =
                !look.show_secrets && step.secrets.iter().any(|s| (s.start..s.end).contains(&offset));
            let style = if is_secret {
                theme.style(Label::Secret)
            } else {
                look_of(offset, page, &marked, look, theme)
            };
            let (hex, shown) = match byte {
                _ if is_secret => ("••".to_owned(), '•'),
                b' '..=b'~' => (format!("{byte:02x}"), char::from(*byte)),
                _ => (format!("{byte:02x}"), '·'),
            };
            spans.push(Span::styled(hex, style));
            spans.push(Span::raw(" "));
            text.push(Span::styled(shown.to_string(), style));
        }
        spans.push(Span::raw("   ".repeat(across - row.len()) + " "));
        spans.extend(text);
        out.push(Line::from(spans));
    }
    if step.bytes.len() > MOST {
        let left = step.bytes.len() - MOST;
        out.push(Line::styled(format!("… {left} more bytes"), theme.dim()));
    }
    let at = look.part.and_then(|part| page.parts.get(part)).map_or(0, |part| part.span.start / across);
    (out, at)
}

/// The look of the smallest part that a byte is in.
fn look_of(offset: usize, page: &StepPage, marked: &[Bytes], look: Look, theme: &Theme) -> Style {
    let holds = |span: Bytes| (span.start..span.end).contains(&offset);
    let parts = page.parts.iter().enumerate().filter(|(_, part)| holds(part.span));
    let style = parts
        .min_by_key(|(_, part)| part.span.len())
        .map_or_else(Style::new, |(number, _)| theme.part(number).style);
    let current = look.part.and_then(|part| page.parts.get(part)).is_some_and(|part| holds(part.span));
    match (current, marked.iter().any(|span| holds(*span))) {
        (true, true) => style.patch(theme.selected_text()),
        (true, false) => style.patch(theme.selected()),
        (false, true) => style.patch(theme.marked()),
        (false, false) => style,
    }
}
