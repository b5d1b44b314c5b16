//! A Step in rows: the wire line, brackets under its parts, and its note.
//!
//! ```text
//!   19  00:00.163  ▶ C  RCPT TO:<bob@example.net>
//!                       ╰──a──╯ ╰──────b────────╯
//!                  ╰─  the envelope: this address decides where the mail goes
//!                    a  names one recipient
//!                    b  the forward-path
//! ```

use super::layout::{Row, cut, wrap};
use super::line::{self, WireRow};
use super::{Detail, Plain};
use crate::base::{Severity, Span};
use crate::trace::Conn;
use crate::view::cast::Call;
use crate::view::clock;
use crate::view::page::{Label, StepPage, Voice};
use crate::view::wire::WireLine;
use std::collections::BTreeSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Parts of one line that get a letter.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
/// A side note needs so many columns.
const SIDE: usize = 24;

impl<W: Write> Plain<W> {
    pub(super) fn step(&mut self, conn: Conn, step: &StepPage) -> io::Result<()> {
        let first = self.told.insert(step.note.id.clone());
        let parts = self.chosen(step, first);
        if step.voice == Voice::Open {
            self.current = Some(conn);
            (self.asking, self.airy) = (None, false);
            self.opening(step)?;
        } else {
            self.look_at(conn, step)?;
            if step.voice == Voice::Client && std::mem::take(&mut self.airy) {
                self.space()?;
            }
            self.wire(step, &parts)?;
        }
        match self.options.detail {
            Detail::Wire => Ok(()),
            Detail::Brief if !first => self.again(step),
            _ => {
                self.airy = true;
                self.note(step, parts.first().map_or(&[], Vec::as_slice))
            }
        }
    }

    /// For each line the parts that are explained: none twice in a Step; in brief only where there are several,
    /// in a line of a kind that appears for the first time or in a block, what was not explained before, and in
    /// a block no part of a part.
    fn chosen(&mut self, step: &StepPage, first: bool) -> Vec<Vec<usize>> {
        let brief = self.options.detail == Detail::Brief;
        let block = step.wire.lines.len() > 1;
        let none = match self.options.detail {
            Detail::Wire => true,
            // A block may hold something new each time: the header field that the last hop added.
            Detail::Brief => step.parts.len() < 2 || !(first || block),
            Detail::Full => false,
        };
        let mut here: BTreeSet<&str> = BTreeSet::new();
        let mut out = Vec::with_capacity(step.wire.lines.len());
        for line in &step.wire.lines {
            let mut chosen: Vec<usize> = Vec::new();
            for (i, part) in line.parts.iter().filter_map(|i| step.parts.get(*i).map(|p| (*i, p))) {
                let inside =
                    |outer: &usize| step.parts.get(*outer).is_some_and(|o| part.span.end <= o.span.end);
                let nested = brief && block && chosen.iter().any(inside);
                let known = brief && self.explained.contains(&part.text);
                if !none && !nested && !known && here.insert(&part.text) {
                    chosen.push(i);
                }
            }
            out.push(chosen);
        }
        if brief {
            self.explained.extend(here.into_iter().map(str::to_owned));
        }
        out
    }

    /// A connection begins: who calls whom, and for what.
    fn opening(&mut self, step: &StepPage) -> io::Result<()> {
        self.space()?;
        let mut margin =
            self.layout.numbered(step.number, &clock::elapsed(step.elapsed), (Label::Rule, "┌──"));
        for road in self.road(step.call.as_ref(), true) {
            self.ink.runs(&margin)?;
            self.ink.runs(&road)?;
            self.end_row()?;
            margin = self.layout.keyed(Label::Rule, "").0;
        }
        if let (Detail::Full, Some(call)) = (self.options.detail, &step.call) {
            let text = format!("{} from {} to {}", call.transport, call.client_address, call.server_address);
            self.margined((Label::Rule, ""), Label::Dim, &text)?;
        }
        Ok(())
    }

    /// The reader's eye moves to another connection than before: say which.
    fn look_at(&mut self, conn: Conn, step: &StepPage) -> io::Result<()> {
        if self.current.replace(conn) == Some(conn) {
            return Ok(());
        }
        let Some(call) = &step.call else { return Ok(()) };
        // Each question in a datagram is a conversation of its own; between the same two it is one to the eye.
        let ends = Some((call.client.clone(), call.server.clone(), call.port));
        if self.asking.take() == ends && call.transport == "UDP" {
            self.asking = ends;
            return Ok(());
        }
        self.asking = ends.filter(|_| call.transport == "UDP");
        self.airy = false;
        self.space()?;
        let (stream, mark) = if call.transport == "UDP" { (false, "·──") } else { (true, "├──") };
        let mut margin = self.layout.keyed(Label::Rule, mark).0;
        for road in self.road(Some(call), stream) {
            self.ink.runs(&margin)?;
            self.ink.runs(&road)?;
            self.end_row()?;
            margin = self.layout.keyed(Label::Rule, "").0;
        }
        Ok(())
    }

    /// `alice-laptop ── submission, port 587 ──▶ mail.example.com`, on two rows where one is too short.
    fn road(&self, call: Option<&Call>, stream: bool) -> Vec<Row> {
        let Some(call) = call else { return vec![vec![(Label::Dim, "a connection begins".to_owned())]] };
        let (dash, port) = (if stream { "─" } else { "·" }, call.service_and_port());
        let room = self.layout.text();
        let ends = call.client.width() + call.server.width() + port.width() + 5;
        let bar = |n: usize| dash.repeat(n.clamp(2, 6));
        if ends + 4 <= room {
            let free = room - ends;
            let (left, right) = (bar(free / 2), bar(free - free / 2));
            return vec![vec![
                (Label::Host, call.client.clone()),
                (Label::Rule, format!(" {left} ")),
                (Label::Port, port),
                (Label::Rule, format!(" {right}▶ ")),
                (Label::Host, call.server.clone()),
            ]];
        }
        let named = |name: &str| wrap(name, room).into_iter().map(|r| vec![(Label::Host, r)]);
        let mut rows: Vec<Row> = named(&call.client).collect();
        if port.width() + call.server.width() + 8 <= room {
            let (before, after) = (bar(2) + " ", format!(" {}▶ ", bar(2)));
            let server = (Label::Host, call.server.clone());
            rows.push(vec![(Label::Rule, before), (Label::Port, port), (Label::Rule, after), server]);
        } else {
            rows.extend(wrap(&format!("── {port} ──"), room).into_iter().map(|r| vec![(Label::Port, r)]));
            rows.extend(named(&format!("▶ {}", call.server)));
        }
        rows
    }

    /// The Step's lines, with number, time and direction in front of the first.
    fn wire(&mut self, step: &StepPage, parts: &[Vec<usize>]) -> io::Result<()> {
        let mark = match step.voice {
            Voice::Client => (Label::ClientLine, "▶ C"),
            Voice::Server => (Label::ServerLine, "◀ S"),
            Voice::Open | Voice::Close => (Label::Rule, "└──"),
        };
        let mut margin = self.layout.numbered(step.number, &clock::elapsed(step.elapsed), mark);
        let wire = &step.wire;
        let block = wire.lines.len() > 1;
        let column = if block { self.side_column(step, parts) } else { 0 };
        for (i, wire_line) in wire.lines.iter().enumerate() {
            if wire.elided > 0 && i == wire.lines.len() - wire.tail {
                self.elided(wire.elided)?;
            }
            match parts.get(i).map_or(&[][..], Vec::as_slice) {
                [part] if block => self.beside(step, *part, wire_line, &margin, column)?,
                several => self.above(step, several, wire_line, &margin, block)?,
            }
            margin = self.layout.keyed(Label::Rule, "").0;
        }
        Ok(())
    }

    fn elided(&mut self, lines: usize) -> io::Result<()> {
        let text = format!("… {} (--detail wire shows all)", clock::count(lines as u64, "more line"));
        self.margined((Label::Rule, ""), Label::Dim, &text)
    }

    /// Where the notes beside the lines of a block begin.
    fn side_column(&self, step: &StepPage, parts: &[Vec<usize>]) -> usize {
        let room = self.layout.text().saturating_sub(SIDE + 4);
        let alone = step.wire.lines.iter().zip(parts).filter(|(_, parts)| parts.len() == 1);
        alone.map(|(line, _)| width(line)).filter(|w| *w <= room).max().unwrap_or(0)
    }

    /// A line of a block with its one note beside it, or under it where it is long.
    fn beside(
        &mut self,
        step: &StepPage,
        part: usize,
        line: &WireLine,
        margin: &Row,
        column: usize,
    ) -> io::Result<()> {
        let Some(part) = step.parts.get(part) else { return Ok(()) };
        let used = width(line);
        if used > column {
            self.rows(line, margin, &[])?;
            return self.under(&part.text);
        }
        let room = (self.layout.text() - column - 4).min(self.layout.prose());
        for (i, text) in wrap(&part.text, room).iter().enumerate() {
            if i == 0 {
                self.ink.runs(margin)?;
                for row in line::rows(line, column) {
                    self.ink.runs(&row.runs)?;
                }
                self.ink.put(Label::Pointer, &format!(" {} ", "·".repeat(column - used + 2)))?;
            } else {
                self.ink.blanks(self.layout.margin() + column + 4)?;
            }
            self.ink.put(Label::PartNote, text)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// A note under a line of a block.
    fn under(&mut self, text: &str) -> io::Result<()> {
        for (i, row) in wrap(text, self.layout.prose() - 2).iter().enumerate() {
            self.ink.blanks(self.layout.margin())?;
            self.ink.put(Label::Pointer, if i == 0 { "╰ " } else { "  " })?;
            self.ink.put(Label::PartNote, row)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// A line with brackets under its parts; in a block their notes follow at once.
    fn above(
        &mut self,
        step: &StepPage,
        parts: &[usize],
        line: &WireLine,
        margin: &Row,
        block: bool,
    ) -> io::Result<()> {
        let letters = Self::letters(step, parts);
        self.rows(line, margin, &letters)?;
        if block {
            self.letter_notes(step, parts)?;
        }
        Ok(())
    }

    /// A line in rows, each with its brackets.
    fn rows(&mut self, line: &WireLine, margin: &Row, letters: &[(char, Span)]) -> io::Result<()> {
        for (i, row) in line::rows(line, self.layout.text()).iter().enumerate() {
            match i {
                // An empty line of a block needs no margin of blanks.
                0 if row.width == 0 && margin.iter().all(|(_, t)| t.trim().is_empty()) => {}
                0 => self.ink.runs(margin)?,
                _ => self.ink.runs(&self.layout.keyed(Label::Dim, "↳").0)?,
            }
            self.ink.runs(&row.runs)?;
            self.end_row()?;
            self.brackets(row, letters)?;
        }
        Ok(())
    }

    fn brackets(&mut self, row: &WireRow, letters: &[(char, Span)]) -> io::Result<()> {
        for under in line::brackets(row, letters) {
            self.ink.blanks(self.layout.margin())?;
            self.ink.put(Label::Pointer, &under)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// The parts with their letters.
    fn letters(step: &StepPage, parts: &[usize]) -> Vec<(char, Span)> {
        let known = parts.iter().filter_map(|i| step.parts.get(*i));
        LETTERS.chars().zip(known).map(|(c, p)| (c, p.span)).collect()
    }

    fn letter_notes(&mut self, step: &StepPage, parts: &[usize]) -> io::Result<()> {
        let known = parts.iter().filter_map(|i| step.parts.get(*i));
        for (letter, part) in LETTERS.chars().zip(known) {
            self.margined((Label::Pointer, letter.encode_utf8(&mut [0; 4])), Label::PartNote, &part.text)?;
        }
        Ok(())
    }

    /// A note that was told before: one short line.
    fn again(&mut self, step: &StepPage) -> io::Result<()> {
        if step.voice != Voice::Close && !step.note.summary.is_empty() {
            let short = cut(&step.note.summary, self.layout.prose());
            self.margined((Label::Dim, "╰─"), Label::Dim, &short)?;
        }
        self.findings(step)
    }

    /// The note: its summary, what the parts of a single line mean, and in full everything else.
    fn note(&mut self, step: &StepPage, parts: &[usize]) -> io::Result<()> {
        let full = self.options.detail == Detail::Full;
        if !step.note.summary.is_empty() {
            self.summary(step, !full)?;
        }
        if step.wire.lines.len() == 1 {
            self.letter_notes(step, parts)?;
        }
        if full && step.wire.lines.iter().all(|l| l.parts.is_empty()) {
            // Words stand there in place of the bytes: the parts cannot be pointed at, only named.
            for part in &step.parts {
                self.margined((Label::Pointer, &part.name), Label::PartNote, &part.text)?;
            }
        }
        if full {
            for (key, label, text) in &step.note.more {
                self.margined((Label::Key, key), *label, text)?;
            }
        }
        self.findings(step)?;
        if full && !step.note.source.is_empty() {
            self.margined((Label::Key, "source"), Label::Source, &step.note.source.join(", "))?;
            self.space()?;
        }
        Ok(())
    }

    /// `╰─ what it means · RFC 5321 §4.2`: the source in the same row where there is room for it.
    fn summary(&mut self, step: &StepPage, source: bool) -> io::Result<()> {
        let (summary, said) = (&step.note.summary, step.note.source.first().map_or("", String::as_str));
        let rows = wrap(summary, self.layout.prose());
        let last = rows.last().map_or(0, |r| r.width());
        let (margin, _) = self.layout.keyed(Label::Pointer, "╰─");
        let fits = last + 3 + said.width() <= self.layout.prose();
        for (i, row) in rows.iter().enumerate() {
            match i {
                0 => self.ink.runs(&margin)?,
                _ => self.ink.blanks(self.layout.margin())?,
            }
            self.ink.put(Label::Note, row)?;
            if source && fits && !said.is_empty() && i + 1 == rows.len() {
                self.ink.put(Label::Source, &format!(" · {said}"))?;
            }
            self.end_row()?;
        }
        if source && !fits {
            self.margined((Label::Source, ""), Label::Source, said)?;
        }
        Ok(())
    }

    fn findings(&mut self, step: &StepPage) -> io::Result<()> {
        for (severity, text) in &step.note.findings {
            let label = if *severity == Severity::Hint { Label::Dim } else { Label::Finding };
            self.margined((label, "⚠"), label, text)?;
        }
        Ok(())
    }
}

fn width(line: &WireLine) -> usize {
    line.chunks.iter().map(|c| c.text.width()).sum()
}
