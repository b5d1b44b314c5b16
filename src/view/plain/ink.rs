//! Ink: text by label onto a writer, with colour or without. The look of every label stands in one table here.

use crate::view::page::Label;
use colored::{Color, ColoredString, Colorize};
use std::io::{self, Write};

/// A writer that knows what each label looks like.
pub struct Ink<W> {
    out: W,
    colour: bool,
}

impl<W: Write> Ink<W> {
    /// Onto `out`; without `colour` only the text is written.
    pub fn new(out: W, colour: bool) -> Self {
        Ink { out, colour }
    }

    /// Write text of one label.
    pub fn put(&mut self, label: Label, text: &str) -> io::Result<()> {
        if !self.colour || text.is_empty() {
            return self.out.write_all(text.as_bytes());
        }
        write!(self.out, "{}", dressed(label, text))
    }

    /// Write a row of text runs.
    pub fn runs<S: AsRef<str>>(&mut self, runs: &[(Label, S)]) -> io::Result<()> {
        runs.iter().try_for_each(|(label, text)| self.put(*label, text.as_ref()))
    }

    /// So many blanks.
    pub fn blanks(&mut self, n: usize) -> io::Result<()> {
        write!(self.out, "{:n$}", "")
    }

    /// End the row.
    pub fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Hand on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The writer itself.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// Of the 256 colours those in the middle, so that they can be read on a dark and on a light ground alike, whatever
/// a terminal's own sixteen are: each has a contrast of about 4:1 to black and to white.
const BLUE: Color = Color::AnsiColor(32);
const GREEN: Color = Color::AnsiColor(28);
const RED: Color = Color::AnsiColor(160);
const VIOLET: Color = Color::AnsiColor(133);
const BROWN: Color = Color::AnsiColor(130);
/// A marker's yellow, and ink on it.
const MARKER: Color = Color::AnsiColor(221);
const BLACK: Color = Color::AnsiColor(16);
/// For lines and brackets, which are no text.
const GREY: Color = Color::AnsiColor(244);

/// The look of a label: colour says who speaks, and that something went wrong; weight says the rest. Prose keeps the
/// terminal's own colour.
fn dressed(label: Label, text: &str) -> ColoredString {
    let (colour, bold) = match label {
        Label::Title | Label::Chapter | Label::Host | Label::Pause => (None, true),
        Label::ClientLine => (Some(BLUE), true),
        Label::ServerLine => (Some(GREEN), true),
        Label::Refusal | Label::Finding => (Some(RED), true),
        Label::Secret | Label::Mistake | Label::Mark => (Some(BROWN), false),
        // The marker's own ground, on which black can be read in every palette.
        Label::Marked => return text.color(BLACK).on_color(MARKER).bold(),
        Label::Fact | Label::Intent => (Some(VIOLET), false),
        Label::Command => (Some(BLUE), false),
        Label::Rule | Label::Pointer => (Some(GREY), false),
        Label::Intro
        | Label::Port
        | Label::Key
        | Label::Time
        | Label::Source
        | Label::Dim
        | Label::Note
        | Label::PartNote
        | Label::Detail => (None, false),
    };
    let text = colour.map_or_else(|| text.normal(), |colour| text.color(colour));
    if bold { text.bold() } else { text }
}
