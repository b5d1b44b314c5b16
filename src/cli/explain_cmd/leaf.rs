//! A page of text: headings, rows with a word in the margin, wrapped to the width. Everything that comes from a
//! text is escaped here (`view::page::prose`).

use crate::view::page::prose;
use std::io::{self, Write};

/// Columns of the margin.
const MARGIN: usize = 16;

/// A page being written.
pub struct Leaf<W> {
    out: W,
    width: usize,
    begun: bool,
}

impl<W: Write> Leaf<W> {
    /// A page of this width.
    pub fn new(out: W, width: usize) -> Self {
        Leaf { out, width, begun: false }
    }

    /// A heading, with an empty line in front.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            writeln!(self.out)?;
        }
        self.wrapped("", text)
    }

    /// A row: a word in the margin, and text beside it.
    pub fn row(&mut self, key: &str, text: &str) -> io::Result<()> {
        let key = prose(key);
        let short = key.chars().count() < MARGIN - 2;
        if !short {
            self.wrapped("  ", &key)?;
        }
        let lead = if short { format!("  {key:<width$}", width = MARGIN - 2) } else { " ".repeat(MARGIN) };
        self.wrapped(&lead, text)
    }

    /// Text below a row.
    pub fn more(&mut self, text: &str) -> io::Result<()> {
        self.wrapped(&" ".repeat(MARGIN), text)
    }

    /// An empty line.
    pub fn space(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// Hand on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn wrapped(&mut self, lead: &str, text: &str) -> io::Result<()> {
        let text = prose(text);
        let indent = " ".repeat(lead.chars().count());
        let options = textwrap::Options::new(self.width.max(MARGIN + 14))
            .initial_indent(lead)
            .subsequent_indent(&indent)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        for line in textwrap::wrap(&text, options) {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// At most so many characters, with an ellipsis where some are left out.
pub fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A number of seconds in words: `3 s`, `4 min 10 s`, `2 h 5 min`, `3 days 4 h`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let two = |a: u64, first: &str, b: u64, second: &str| {
        if b == 0 { format!("{a} {first}") } else { format!("{a} {first} {b} {second}") }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "days", seconds % 86_400 / 3600, "h"),
    }
}

/// A number with commas: `2,539`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
