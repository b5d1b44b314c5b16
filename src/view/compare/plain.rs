//! The sheet as text: two columns where there is room, one after the other where there is not.

use super::{Cell, Cost, Options, Sheet, SheetRow};
use crate::view::clock;
use crate::view::page::Label;
use crate::view::plain::ink::Ink;
use crate::view::plain::layout::wrap;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// From so many columns on, the two stand side by side.
pub const SIDE_BY_SIDE: usize = 100;
/// Columns between them.
const GAP: usize = 3;

/// A row of a column: stretches of labelled text.
type Line = Vec<(Label, String)>;

/// Write the sheet.
///
/// # Errors
/// Where `out` fails.
pub fn write(sheet: &Sheet, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut plain = Plain { ink: Ink::new(out, options.colour), width: options.width.max(32), options };
    plain.begin(sheet)?;
    for row in &sheet.rows {
        plain.row(sheet, row)?;
    }
    plain.end(sheet)
}

/// A figure of a cost, in words.
type Figure = fn(&Cost) -> String;

struct Plain<'a> {
    ink: Ink<&'a mut dyn Write>,
    width: usize,
    options: &'a Options,
}

impl Plain<'_> {
    fn is_wide(&self) -> bool {
        self.width >= SIDE_BY_SIDE
    }

    /// Columns of one side.
    fn column(&self) -> usize {
        if self.is_wide() { (self.width - GAP) / 2 } else { self.width - 2 }
    }

    fn begin(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.text(Label::Title, &sheet.title)?;
        self.text(Label::Dim, &sheet.aligned)?;
        self.text(Label::Dim, "▶ the client speaks   ◀ the server answers")?;
        self.ink.end()?;
        if self.is_wide() {
            let heads = sheet.sides.each_ref().map(|name| vec![vec![(Label::Host, name.clone())]]);
            self.pair(heads)?;
            self.ink.put(Label::Rule, &"━".repeat(self.width))?;
            self.ink.end()?;
        }
        Ok(())
    }

    fn row(&mut self, sheet: &Sheet, row: &SheetRow) -> io::Result<()> {
        if !row.title.is_empty() {
            let title = format!("── {} · {} ", row.number, row.title);
            let rule = "─".repeat(self.width.saturating_sub(title.width()));
            self.ink.runs(&[(Label::Chapter, title), (Label::Rule, rule)])?;
            self.ink.end()?;
            if !row.about.is_empty() {
                self.text(Label::Intro, &row.about)?;
            }
        }
        let width = self.column();
        let cells = row.cells.each_ref().map(|cell| match cell {
            Some(cell) => cell_lines(cell, width),
            None => vec![vec![(Label::Dim, "(no counterpart)".to_owned())]],
        });
        if !row.differs.is_empty() {
            self.ink.put(Label::Finding, &format!("≠ {}", row.differs.join(", ")))?;
            self.ink.end()?;
        }
        self.sides(sheet, cells)?;
        if row.title.is_empty() && row.differs.is_empty() { Ok(()) } else { self.ink.end() }
    }

    /// Both sides: in two columns, or one below the other.
    fn sides(&mut self, sheet: &Sheet, both: [Vec<Line>; 2]) -> io::Result<()> {
        if self.is_wide() {
            return self.pair(both);
        }
        for (name, lines) in sheet.sides.iter().zip(both) {
            self.ink.put(Label::Host, name)?;
            self.ink.end()?;
            for line in lines {
                self.ink.blanks(2)?;
                self.ink.runs(&line)?;
                self.ink.end()?;
            }
        }
        Ok(())
    }

    /// Two columns.
    fn pair(&mut self, [left, right]: [Vec<Line>; 2]) -> io::Result<()> {
        let width = self.column();
        for at in 0..left.len().max(right.len()) {
            let used = match left.get(at) {
                Some(line) => {
                    self.ink.runs(line)?;
                    line.iter().map(|(_, text)| text.width()).sum()
                }
                None => 0,
            };
            if let Some(line) = right.get(at) {
                self.ink.blanks(width.saturating_sub(used))?;
                self.ink.put(Label::Rule, " │ ")?;
                self.ink.runs(line)?;
            }
            self.ink.end()?;
        }
        Ok(())
    }

    fn text(&mut self, label: Label, text: &str) -> io::Result<()> {
        for line in wrap(text, self.width.min(100)) {
            self.ink.put(label, &line)?;
            self.ink.end()?;
        }
        Ok(())
    }

    fn end(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.heading("What it cost")?;
        self.table(sheet)?;
        self.ink.end()?;
        self.heading("What is left")?;
        let width = self.column();
        let ends = sheet
            .end
            .each_ref()
            .map(|held| held.iter().flat_map(|h| item(Label::Fact, "● ", h, width)).collect());
        self.sides(sheet, ends)?;
        if !sheet.verdict.is_empty() {
            self.ink.end()?;
            self.heading("Which one, then?")?;
        }
        for remark in &sheet.verdict {
            let source = if remark.source.is_empty() {
                String::new()
            } else {
                format!(" ({})", remark.source.join(", "))
            };
            let width = self.width.min(100);
            for line in
                item(Label::Detail, "   ", &format!("{}: {}{source}", remark.title, remark.text), width)
            {
                self.ink.runs(&line)?;
                self.ink.end()?;
            }
        }
        self.ink.flush()
    }

    fn heading(&mut self, title: &str) -> io::Result<()> {
        let title = format!("── {title} ");
        let rule = "─".repeat(self.width.saturating_sub(title.width()));
        self.ink.runs(&[(Label::Chapter, title), (Label::Rule, rule)])?;
        self.ink.end()
    }

    /// Costs of all rows together, and of the whole story.
    fn table(&mut self, sheet: &Sheet) -> io::Result<()> {
        let figures: [(&str, Figure); 7] = [
            ("connections", |c| clock::grouped(c.traffic.connections)),
            ("commands", |c| clock::grouped(c.traffic.commands)),
            ("round trips", |c| clock::grouped(c.traffic.round_trips)),
            ("bytes up", |c| clock::grouped(c.traffic.bytes_up)),
            ("bytes down", |c| clock::grouped(c.traffic.bytes_down)),
            ("bytes in all", |c| clock::grouped(c.traffic.bytes)),
            ("time", |c| if c.time.is_zero() { String::new() } else { clock::short(c.time) }),
        ];
        let _ = self.options;
        let [left, right] = sheet.sides.each_ref().map(|name| crate::view::plain::layout::cut(name, 20));
        self.ink.put(Label::Key, &format!("   {:<14}{left:>20}{right:>20}", ""))?;
        self.ink.end()?;
        for (name, of) in figures {
            let [left, right] = sheet.total.each_ref().map(of);
            if left.is_empty() && right.is_empty() {
                continue;
            }
            self.ink.put(Label::Detail, &format!("   {name:<14}{left:>20}{right:>20}"))?;
            self.ink.end()?;
        }
        let [left, right] = sheet.elsewhere.each_ref().map(|c| clock::grouped(c.traffic.bytes));
        if sheet.elsewhere.iter().any(|c| c.traffic.bytes > 0) {
            self.ink.put(Label::Dim, &format!("   {:<14}{left:>20}{right:>20}", "servers' bytes"))?;
            self.ink.end()?;
        }
        Ok(())
    }
}

/// The lines of a cell: what crossed the wires, what it cost, what came of it, who holds what.
fn cell_lines(cell: &Cell, width: usize) -> Vec<Line> {
    let mut out = Vec::new();
    for line in &cell.lines {
        let mark = if line.mark.is_empty() { "  ".to_owned() } else { format!("{} ", line.mark) };
        out.extend(item(line.label, &mark, &line.text, width));
    }
    if cell.cost.traffic.steps > 0 || cell.ok.is_some() {
        out.extend(item(Label::Time, "  ", &cell.cost.words(), width));
    }
    if !cell.outcome.is_empty() {
        let (label, mark) =
            if cell.ok == Some(false) { (Label::Refusal, "✗ ") } else { (Label::Intent, "☞ ") };
        out.extend(item(label, mark, &cell.outcome, width));
    }
    if !cell.instead.is_empty() {
        out.extend(item(Label::Intent, "↪ ", &format!("instead: {}", cell.instead), width));
    }
    if !cell.remark.is_empty() {
        out.extend(item(Label::Note, "╰ ", &cell.remark, width));
    }
    for held in &cell.after {
        out.extend(item(Label::Fact, "● ", held, width));
    }
    out
}

/// Text behind a mark; further lines stand under its first word.
fn item(label: Label, mark: &str, text: &str, width: usize) -> Vec<Line> {
    let indent = mark.width();
    let rows = wrap(text, width.saturating_sub(indent).max(8));
    let line = |(at, row): (usize, String)| {
        let before = if at == 0 { mark.to_owned() } else { " ".repeat(indent) };
        vec![(label, before), (label, row)]
    };
    rows.into_iter().enumerate().map(line).collect()
}
