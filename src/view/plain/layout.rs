//! Where things stand in a row: number, time, mark, text.
//!
//! ```text
//!   19  00:00.163  ▶ C  RCPT TO:<bob@example.net>
//! number     time  mark text
//! ```
//! Everything about a line stands under its text, and the margin says in a word or a mark what it is. On a
//! narrow screen the time goes first.

use crate::view::page::Label;
use unicode_width::UnicodeWidthStr;

/// Columns of the number, of the time, of the mark.
const NUMBER: usize = 4;
const TIME: usize = 9;
const MARK: usize = 3;
/// Between them.
const GAP: usize = 2;
/// Prose is not set wider than this: a longer line is hard to read.
const MEASURE: usize = 84;
/// Narrower than this there is no column of time.
const NARROW: usize = 56;
/// Nothing is set narrower than this.
pub const MIN_WIDTH: usize = 32;

/// The columns of a page of a given width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Columns in all.
    pub width: usize,
    time: bool,
}

/// A row as labelled stretches.
pub type Row = Vec<(Label, String)>;

impl Layout {
    /// For so many columns.
    pub fn new(width: usize) -> Self {
        Layout { width: width.max(MIN_WIDTH), time: width >= NARROW }
    }

    /// Columns in front of the text.
    pub fn margin(self) -> usize {
        let time = if self.time { TIME + GAP } else { 0 };
        NUMBER + GAP + time + MARK + GAP
    }

    /// Columns of the text.
    pub fn text(self) -> usize {
        self.width - self.margin()
    }

    /// Columns of prose in the text's place.
    pub fn prose(self) -> usize {
        self.text().min(MEASURE)
    }

    /// The margin of a Step's first row.
    pub fn numbered(self, number: usize, time: &str, mark: (Label, &str)) -> Row {
        self.timed(&number.to_string(), time, mark)
    }

    /// The margin of a row that has a time, and perhaps no number.
    pub fn timed(self, number: &str, time: &str, mark: (Label, &str)) -> Row {
        let gap = " ".repeat(GAP);
        let mut row = vec![(Label::Time, format!("{number:>NUMBER$}{gap}"))];
        if self.time {
            row.push((Label::Time, format!("{time:>TIME$}{gap}")));
        }
        row.push((mark.0, format!("{:<MARK$}{gap}", mark.1)));
        row
    }

    /// The margin of any other row: a mark or a word at its right edge. A word that finds no room there is given
    /// back, to be set in front of the text.
    pub fn keyed(self, label: Label, key: &str) -> (Row, Option<&str>) {
        let room = self.margin() - GAP;
        let width = key.width();
        if width > room {
            return (vec![(label, " ".repeat(self.margin()))], Some(key));
        }
        let (before, gap) = (" ".repeat(room - width), " ".repeat(GAP));
        (vec![(label, format!("{before}{key}{gap}"))], None)
    }
}

/// Prose in rows of at most `width` columns; at least one row.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width.max(1)).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// The beginning of a text in one row of `width` columns, cut at a word, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut rows = wrap(text, width.saturating_sub(2));
    let mut first = if rows.is_empty() { String::new() } else { rows.swap_remove(0) };
    first.truncate(first.trim_end_matches([',', ';', ':', '.', ' ']).len());
    first + " …"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_keeps_its_width_and_a_long_word_gives_way() {
        let layout = Layout::new(80);
        let width = |row: &Row| row.iter().map(|(_, t)| t.width()).sum::<usize>();
        assert_eq!(width(&layout.numbered(19, "00:00.163", (Label::ClientLine, "▶ C"))), layout.margin());
        assert_eq!(width(&layout.keyed(Label::Key, "why now").0), layout.margin());
        let narrow = Layout::new(40);
        assert_eq!(narrow.keyed(Label::Key, "common mistake").1, Some("common mistake"));
        assert_eq!(narrow.margin() + narrow.text(), 40);
    }

    #[test]
    fn a_text_is_cut_at_a_word() {
        assert_eq!(cut("hello, and which extensions do you have?", 24), "hello, and which …");
        assert_eq!(cut("short", 24), "short");
    }
}
