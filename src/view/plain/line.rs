//! Wire lines in rows: wrapped with a hanging indent, and with brackets under the parts that notes explain.
//!
//! ```text
//! RCPT TO:<bob@example.net>
//! ╰─a────╯╰──────b────────╯
//! ```

use super::layout::Row;
use crate::base::Span;
use crate::view::page::Label;
use crate::view::wire::{Chunk, WireLine};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How far the rows behind the first one are set in.
const HANG: usize = 2;
/// Brackets that overlap stand below each other, on at most so many rows.
const LEVELS: usize = 4;

/// One row of a wire line, and where its bytes stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireRow {
    /// The text, hanging indent included.
    pub runs: Row,
    /// Bytes, first column, column behind the last.
    places: Vec<(Span, usize, usize)>,
    /// First column, and column behind the last, of what somebody pointed at.
    marked: Vec<(usize, usize)>,
    /// Columns used.
    pub width: usize,
}

impl WireRow {
    /// Text of a chunk: all of it, or what fits.
    fn take(&mut self, chunk: &Chunk, text: &str) {
        let from = self.width;
        self.push(if chunk.marked { Label::Marked } else { chunk.label }, chunk.span, text);
        if chunk.marked {
            self.marked.push((from, self.width));
        }
    }

    fn push(&mut self, label: Label, span: Span, text: &str) {
        let width = text.width();
        self.places.push((span, self.width, self.width + width));
        self.width += width;
        match self.runs.last_mut() {
            Some((last, run)) if *last == label => run.push_str(text),
            _ => self.runs.push((label, text.to_owned())),
        }
    }

    /// The stroke under what somebody pointed at, so that it is seen without colour; empty where nobody did.
    pub fn underline(&self) -> String {
        let mut out = String::new();
        for (from, to) in &self.marked {
            let used = out.chars().count();
            out.extend(std::iter::repeat_n(' ', from - used));
            out.extend(std::iter::repeat_n('▔', to - from));
        }
        out
    }

    /// The columns that show any of these bytes.
    fn columns(&self, span: Span) -> Option<(usize, usize)> {
        let shown = self.places.iter().filter(|(s, ..)| s.start < span.end && span.start < s.end);
        shown.fold(None, |all, (_, from, to)| match all {
            None => Some((*from, *to)),
            Some((a, b)) => Some((a.min(*from), b.max(*to))),
        })
    }
}

/// A wire line in rows of at most `width` columns. Nothing is lost: what is too long goes on in the next row.
pub fn rows(line: &WireLine, width: usize) -> Vec<WireRow> {
    let total: usize = line.chunks.iter().map(|c| c.text.width()).sum();
    let mut out = vec![WireRow::default()];
    if total <= width {
        let row = &mut out[0];
        line.chunks.iter().for_each(|c| row.take(c, &c.text));
        return out;
    }
    let mut row = WireRow::default();
    out.clear();
    for chunk in &line.chunks {
        let mut rest = chunk.text.as_str();
        while !rest.is_empty() {
            let (now, later) = fitting(rest, width.saturating_sub(row.width), row.width <= HANG);
            row.take(chunk, now);
            rest = later;
            if !rest.is_empty() {
                out.push(std::mem::replace(&mut row, hanging()));
            }
        }
    }
    out.push(row);
    out
}

fn hanging() -> WireRow {
    WireRow {
        runs: vec![(Label::Dim, " ".repeat(HANG))],
        places: Vec::new(),
        marked: Vec::new(),
        width: HANG,
    }
}

/// As much of `text` as stands in `room` columns, up to a blank where one is near the end, and the rest. In an
/// empty row at least one character is taken.
fn fitting(text: &str, room: usize, empty: bool) -> (&str, &str) {
    let (mut columns, mut end, mut blank) = (0, 0, None);
    for (at, c) in text.char_indices() {
        columns += c.width().unwrap_or(0);
        if columns > room && !(empty && end == 0) {
            let cut = blank.filter(|b| end - b < room / 2).unwrap_or(end);
            return text.split_at(cut);
        }
        end = at + c.len_utf8();
        if c == ' ' {
            blank = Some(end);
        }
    }
    (text, "")
}

/// The rows of brackets under a row of the wire line: for each letter its bytes.
pub fn brackets(row: &WireRow, letters: &[(char, Span)]) -> Vec<String> {
    let mut placed: Vec<(usize, usize, char)> = letters
        .iter()
        .filter_map(|(c, s)| row.columns(*s).map(|(a, b)| (a, b, *c)))
        .filter(|p| p.0 < p.1)
        .collect();
    // The short ones stand next to the text, the long ones that hold them below.
    placed.sort_by_key(|(from, to, _)| (to - from, *from));
    let mut levels: Vec<Vec<(usize, usize, char)>> = Vec::new();
    for bracket in placed {
        let free =
            |level: &Vec<(usize, usize, char)>| level.iter().all(|b| b.1 <= bracket.0 || bracket.1 <= b.0);
        match levels.iter().position(free) {
            Some(i) => levels[i].push(bracket),
            None if levels.len() < LEVELS => levels.push(vec![bracket]),
            None => {}
        }
    }
    levels.into_iter().map(drawn).collect()
}

/// One row of brackets.
fn drawn(mut level: Vec<(usize, usize, char)>) -> String {
    level.sort_unstable();
    let (mut out, mut column) = (String::new(), 0);
    for (from, to, letter) in level {
        out.extend(std::iter::repeat_n(' ', from - column));
        match to - from {
            1 => out.push(letter),
            2 => out.extend([letter, '╯']),
            n => {
                let left = (n - 3) / 2;
                out.push('╰');
                out.extend(std::iter::repeat_n('─', left));
                out.push(letter);
                out.extend(std::iter::repeat_n('─', n - 3 - left));
                out.push('╯');
            }
        }
        column = to;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::wire::{Amount, Source, lines};

    fn line(bytes: &[u8], parts: &[Span]) -> WireLine {
        let source = Source { bytes, label: Label::ClientLine, secrets: &[], parts, marked: &[] };
        lines(&source, Amount::All).lines.swap_remove(0)
    }

    fn text(row: &WireRow) -> String {
        row.runs.iter().map(|(_, t)| t.as_str()).collect()
    }

    #[test]
    fn brackets_stand_under_what_they_mean_and_long_ones_below() {
        let parts = [Span::new(0, 7), Span::new(8, 25), Span::new(9, 12), Span::new(13, 24)];
        let line = line(b"RCPT TO:<bob@example.net>\r\n", &parts);
        let rows = rows(&line, 40);
        let letters: Vec<(char, Span)> = "abcd".chars().zip(parts).collect();
        assert_eq!(text(&rows[0]), "RCPT TO:<bob@example.net>");
        assert_eq!(brackets(&rows[0], &letters), ["╰──a──╯  ╰c╯ ╰────d────╯", "        ╰───────b───────╯"]);
    }

    #[test]
    fn what_was_pointed_at_is_underlined_in_each_row() {
        let source = Source {
            bytes: b"RCPT TO:<bob@example.net>\r\n",
            label: Label::ClientLine,
            secrets: &[],
            parts: &[],
            marked: &[Span::new(9, 24)],
        };
        let line = lines(&source, Amount::All).lines.swap_remove(0);
        let rows = rows(&line, 16);
        let seen: Vec<_> = rows.iter().map(|row| (text(row), row.underline())).collect();
        let expected = [("RCPT TO:<bob@exa", "         ▔▔▔▔▔▔▔"), ("  mple.net>", "  ▔▔▔▔▔▔▔▔")];
        assert_eq!(seen, expected.map(|(text, under)| (text.to_owned(), under.to_owned())));
        assert!(rows[0].runs.iter().any(|(label, text)| *label == Label::Marked && text == "bob@exa"));
    }

    #[test]
    fn a_long_line_goes_on_and_loses_nothing() {
        let bytes = "X-Long: ".to_owned() + &"0123456789".repeat(9) + " the end 漢字漢字漢字漢字漢字漢字\r\n";
        for width in [7, 20, 33, 80] {
            let rows = rows(&line(bytes.as_bytes(), &[]), width);
            let back: String = rows
                .iter()
                .enumerate()
                .map(|(i, r)| text(r)[if i > 0 { HANG } else { 0 }..].to_owned())
                .collect();
            assert_eq!(back, bytes.trim_end());
            assert!(rows.iter().all(|r| r.width <= width), "{width}");
        }
    }

    #[test]
    fn a_part_over_two_rows_has_two_brackets() {
        let span = Span::new(5, 15);
        let line = line(b"AUTH 0123456789\r\n", &[span]);
        let rows = rows(&line, 10);
        assert_eq!(rows.iter().map(text).collect::<Vec<_>>(), ["AUTH 01234", "  56789"]);
        assert_eq!(
            rows.iter().map(|r| brackets(r, &[('a', span)]).join("")).collect::<Vec<_>>(),
            ["     ╰─a─╯", "  ╰─a─╯"]
        );
    }
}
