//! Ink: text by label onto a writer, with colour or without. The look of every label stands in one table here.

use crate::view::page::Label;
use colored::{Color, ColoredString, Colorize, Styles};
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

/// The look of a label. Colours that can be read on a dark and on a light ground; weight says the rest.
fn dressed(label: Label, text: &str) -> ColoredString {
    let (colour, style) = match label {
        Label::Title | Label::Chapter | Label::Host => (None, Some(Styles::Bold)),
        Label::Intro => (None, Some(Styles::Italic)),
        Label::Port | Label::Key => (Some(Color::Blue), None),
        Label::Rule | Label::Time | Label::Source | Label::Pause | Label::Dim => (None, Some(Styles::Dimmed)),
        Label::ClientLine => (Some(Color::Cyan), Some(Styles::Bold)),
        Label::ServerLine => (Some(Color::Green), Some(Styles::Bold)),
        Label::Refusal | Label::Finding => (Some(Color::Red), Some(Styles::Bold)),
        Label::Secret => (Some(Color::Yellow), None),
        Label::Pointer => (Some(Color::Blue), Some(Styles::Bold)),
        Label::Note | Label::PartNote | Label::Detail => (None, None),
        Label::Fact | Label::Intent => (Some(Color::Magenta), Some(Styles::Bold)),
        Label::Mistake | Label::Mark => (Some(Color::Yellow), None),
        Label::Command => (Some(Color::Cyan), None),
    };
    let text = match colour {
        Some(colour) => text.color(colour),
        None => text.normal(),
    };
    match style {
        Some(Styles::Bold) => text.bold(),
        Some(Styles::Dimmed) => text.dimmed(),
        Some(Styles::Italic) => text.italic(),
        _ => text,
    }
}
