//! A Step in rows: the wire line, brackets under its parts, and its note.
//!
//! ```text
//!   19  00:00.163  ▶ C  RCPT TO:<bob@example.net>
//!                       ╰──a──╯ ╰──────b────────╯
//!                  ╰─  the envelope: this address decides where the mail goes
//!                    a  names one recipient
//!                    b  the forward-path
//! ```

use super::choose::{self, Chosen, clause};
use super::fold::Fold;
use super::layout::{Row, cut, wrap};
use super::line::{self, WireRow};
use super::{Detail, Plain};
use crate::base::{Severity, Span};
use crate::dissect::Protocol;
use crate::trace::Conn;
use crate::view::cast::Call;
use crate::view::clock;
use crate::view::page::{Label, PartPage, StepPage, Voice};
use crate::view::wire::WireLine;
use std::collections::BTreeSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Parts of one line that get a letter.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
/// In brief a line has at most so many rows.
const LONG: usize = 4;
/// A note right under its part needs so many columns.
const ROOM: usize = 40;
/// A side note needs so many columns.
const SIDE: usize = 24;

/// How the parts of a line are tied to their notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Brackets with letters under the line, and a note for each letter.
    Brackets,
    /// Each note behind the words that it is about.
    Quoted,
    /// The note stands under its part, which begins in this column.
    Pointed(usize),
}

impl<W: Write> Plain<W> {
    pub(super) fn step(&mut self, conn: Conn, step: &StepPage) -> io::Result<()> {
        let first = self.told.insert(step.note.id.clone());
        let brief = self.options.detail == Detail::Brief;
        // An answer of the DNS is told whole: what it says is the point.
        let folds = if brief && step.protocol != Protocol::Dns {
            // What a person pointed at is never folded away.
            let marked = |fold: &Fold| {
                let lines = step.wire.lines.get(fold.lines.clone()).unwrap_or_default();
                lines.iter().flat_map(|line| &line.chunks).any(|chunk| chunk.marked)
            };
            let mut folds = self.known.folds(&step.wire, step.number);
            folds.retain(|fold| !marked(fold));
            folds
        } else {
            Vec::new()
        };
        let chosen = self.chosen(step, &folds);
        if step.voice == Voice::Open {
            self.current = Some(conn);
            (self.asking, self.airy) = (None, false);
            self.opening(step)?;
        } else {
            self.look_at(conn, step)?;
            if step.voice == Voice::Client && std::mem::take(&mut self.airy) {
                self.space()?;
            }
            self.tunnel(conn, step)?;
            self.wire(step, &chosen.lines, &folds)?;
        }
        match self.options.detail {
            Detail::Wire => Ok(()),
            Detail::Brief if !first => self.again(step, &chosen),
            _ => {
                self.airy = true;
                self.said.known.insert(step.note.summary.clone());
                self.note(step, &chosen)
            }
        }
    }

    /// For each line the parts that are explained: in full all of them, none twice in a Step.
    fn chosen(&mut self, step: &StepPage, folds: &[Fold]) -> Chosen {
        match self.options.detail {
            Detail::Wire => Chosen::default(),
            Detail::Brief => {
                let hidden = |line: usize| folds.iter().any(|f| f.lines.contains(&line));
                choose::brief(step, &mut self.said, hidden)
            }
            Detail::Full => {
                let mut here: BTreeSet<&str> = BTreeSet::new();
                let mut new = |i: &usize| step.parts.get(*i).is_some_and(|p| here.insert(&p.text));
                let lines = step.wire.lines.iter();
                let lines = lines.map(|line| line.parts.iter().copied().filter(&mut new).collect());
                Chosen { lines: lines.collect(), left: 0 }
            }
        }
    }

    /// What a reader must know of TLS beside the lines: how lines inside it are told; and, at the end of a connection, what
    /// crossed the wire in their place.
    fn tunnel(&mut self, conn: Conn, step: &StepPage) -> io::Result<()> {
        if step.inside && !std::mem::replace(&mut self.seen_inside, true) {
            let legend =
                "║ inside TLS: whoever watches the wire sees encrypted bytes in place of these lines";
            self.margined((Label::Rule, "·"), Label::Dim, legend)?;
        }
        let Some((records, bytes)) = self.carried.get(&conn).copied().filter(|_| step.voice == Voice::Close)
        else {
            return Ok(());
        };
        self.carried.remove(&conn);
        let (records, bytes) = (clock::count(records, "record"), clock::count(bytes, "octet"));
        let said = format!(
            "on the wire, in place of the lines marked ║: {records}, {bytes} that only the two ends can read"
        );
        self.margined((Label::Rule, "·"), Label::Dim, &said)
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
    fn wire(&mut self, step: &StepPage, parts: &[Vec<usize>], folds: &[Fold]) -> io::Result<()> {
        let mark = match step.voice {
            Voice::Client if step.inside => (Label::ClientLine, "▶║C"),
            Voice::Server if step.inside => (Label::ServerLine, "◀║S"),
            Voice::Client => (Label::ClientLine, "▶ C"),
            Voice::Server => (Label::ServerLine, "◀ S"),
            Voice::Open | Voice::Close => (Label::Rule, "└──"),
        };
        let mut margin = self.layout.numbered(step.number, &clock::elapsed(step.elapsed), mark);
        let wire = &step.wire;
        let block = wire.lines.len() > 1;
        let column = if block { self.side_column(step, parts) } else { 0 };
        for (i, wire_line) in wire.lines.iter().enumerate() {
            if let Some(fold) = folds.iter().find(|f| f.lines.contains(&i)) {
                if fold.lines.start == i {
                    self.margined((Label::Rule, ""), Label::Dim, &fold.words)?;
                }
                continue;
            }
            if self.is_repeated_addition(step, wire_line) {
                continue;
            }
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

    /// What a name server adds to its answer is shown with the first answer of a kind only.
    fn is_repeated_addition(&mut self, step: &StepPage, line: &WireLine) -> bool {
        let added = line.chunks.first().is_some_and(|c| c.text.starts_with("+ "));
        self.options.detail == Detail::Brief
            && step.protocol == Protocol::Dns
            && added
            && self.said.known.contains(&step.note.summary)
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
        // Under what a person pointed at stands a stroke, and no note may come between.
        if used > column || line.chunks.iter().any(|chunk| chunk.marked) {
            self.rows(line, margin, &[])?;
            return self.under(part);
        }
        let room = (self.layout.text() - column - 4).min(self.layout.prose());
        for (i, text) in self.told_of(part, 2 * room - 8, room).iter().enumerate() {
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
    fn under(&mut self, part: &PartPage) -> io::Result<()> {
        let room = self.layout.prose() - 2;
        for (i, row) in self.told_of(part, 2 * room - 8, room).iter().enumerate() {
            self.ink.blanks(self.layout.margin())?;
            self.ink.put(Label::Pointer, if i == 0 { "╰ " } else { "  " })?;
            self.ink.put(Label::PartNote, row)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// What a part of a block means, in rows of `room` columns: in brief `columns` of it in all, and without the
    /// words that stand beside it anyway.
    fn told_of(&self, part: &PartPage, columns: usize, room: usize) -> Vec<String> {
        if self.options.detail != Detail::Brief {
            return wrap(&part.text, room);
        }
        let text = part.text.strip_prefix(part.quote.as_str()).and_then(|t| t.strip_prefix(": "));
        wrap(&clause(text.unwrap_or(&part.text), columns), room)
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
        match self.manner(step, line, parts) {
            Manner::Brackets => {
                self.rows(line, margin, &Self::letters(step, parts))?;
                if block { self.letter_notes(step, parts) } else { Ok(()) }
            }
            Manner::Quoted => {
                self.rows(line, margin, &[])?;
                if block { self.quoted(step, parts) } else { Ok(()) }
            }
            Manner::Pointed(column) => {
                self.rows(line, margin, &[])?;
                self.pointed(step, parts, column)
            }
        }
    }

    /// How the parts of a line are tied to their notes: in full by brackets and letters. In brief one part is
    /// pointed at; where there is no room, or where brackets would be spread over several rows, parts are quoted.
    fn manner(&self, step: &StepPage, line: &WireLine, parts: &[usize]) -> Manner {
        if self.options.detail != Detail::Brief {
            return Manner::Brackets;
        }
        let part = match parts {
            [one] => step.parts.get(*one),
            _ => None,
        };
        let before = |p: &PartPage| {
            line.chunks.iter().filter(|c| c.span.end <= p.span.start).map(|c| c.text.width()).sum::<usize>()
        };
        match part.map(before) {
            _ if width(line) > self.layout.text() => Manner::Quoted,
            Some(column) if column + ROOM <= self.layout.text() => Manner::Pointed(column),
            Some(_) => Manner::Quoted,
            None => Manner::Brackets,
        }
    }

    /// The one part's note right under it.
    fn pointed(&mut self, step: &StepPage, parts: &[usize], column: usize) -> io::Result<()> {
        let room = (self.layout.text() - column - 2).min(self.layout.prose());
        for part in parts.iter().filter_map(|i| step.parts.get(*i)) {
            for (i, row) in wrap(&clause(&part.text, 2 * room - 8), room).iter().enumerate() {
                self.ink.blanks(self.layout.margin() + column)?;
                self.ink.put(Label::Pointer, if i == 0 { "╰ " } else { "  " })?;
                self.ink.put(Label::PartNote, row)?;
                self.end_row()?;
            }
        }
        Ok(())
    }

    /// What the parts mean, each behind the words that it is about.
    fn quoted(&mut self, step: &StepPage, parts: &[usize]) -> io::Result<()> {
        for part in parts.iter().filter_map(|i| step.parts.get(*i)) {
            let quote = cut(&part.quote, 24);
            let named = quote.is_empty() || part.text.starts_with(quote.as_str());
            let text = if named { part.text.clone() } else { format!("{quote}: {}", part.text) };
            let text = clause(&text, 2 * self.layout.prose() - 8);
            self.margined((Label::Pointer, "·"), Label::PartNote, &text)?;
        }
        Ok(())
    }

    /// A line in rows, each with its brackets; in brief at most [`LONG`] rows of it.
    fn rows(&mut self, line: &WireLine, margin: &Row, letters: &[(char, Span)]) -> io::Result<()> {
        let rows = line::rows(line, self.layout.text());
        let brief = self.options.detail == Detail::Brief && rows.len() > LONG + 1;
        for (i, row) in rows.iter().enumerate() {
            if brief && i == LONG {
                let left: usize = rows.iter().skip(LONG).map(|r| r.width).sum();
                let text =
                    format!("… {} (--detail wire shows all)", clock::count(left as u64, "more character"));
                return self.margined((Label::Rule, ""), Label::Dim, &text);
            }
            match i {
                // An empty line of a block needs no margin of blanks.
                0 if row.width == 0 && margin.iter().all(|(_, t)| t.trim().is_empty()) => {}
                0 => self.ink.runs(margin)?,
                _ => self.ink.runs(&self.layout.keyed(Label::Dim, "↳").0)?,
            }
            self.ink.runs(&row.runs)?;
            self.end_row()?;
            self.underline(row)?;
            self.brackets(row, letters)?;
        }
        Ok(())
    }

    /// The stroke under what a person pointed at.
    fn underline(&mut self, row: &WireRow) -> io::Result<()> {
        let under = row.underline();
        if under.is_empty() {
            return Ok(());
        }
        self.ink.blanks(self.layout.margin())?;
        self.ink.put(Label::Mark, &under)?;
        self.end_row()
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

    /// A note that was told before: only what is new in it, in one row.
    fn again(&mut self, step: &StepPage, chosen: &Chosen) -> io::Result<()> {
        let summary = &step.note.summary;
        // Who calls whom stands in the line itself, and so does what a DNS message says.
        let said = matches!(step.voice, Voice::Open | Voice::Close) || step.protocol == Protocol::Dns;
        if !said && !summary.is_empty() && self.said.known.insert(summary.clone()) {
            let short = clause(summary.split("; ").next().unwrap_or(summary), self.layout.prose());
            self.margined((Label::Pointer, "╰─"), Label::Note, &short)?;
        }
        self.parts(step, chosen)?;
        self.findings(step)
    }

    /// What the parts of a single line mean.
    fn parts(&mut self, step: &StepPage, chosen: &Chosen) -> io::Result<()> {
        if let [line] = step.wire.lines.as_slice() {
            let parts = chosen.lines.first().map_or(&[][..], Vec::as_slice);
            match self.manner(step, line, parts) {
                Manner::Brackets => self.letter_notes(step, parts)?,
                Manner::Quoted => self.quoted(step, parts)?,
                Manner::Pointed(_) => {}
            }
        }
        if chosen.left > 0 {
            let text = format!("+ {}: see --detail full", clock::count(chosen.left as u64, "more extension"));
            self.margined((Label::Pointer, "·"), Label::Dim, &text)?;
        }
        Ok(())
    }

    /// The note: its summary, what the parts of a single line mean, and in full everything else.
    fn note(&mut self, step: &StepPage, chosen: &Chosen) -> io::Result<()> {
        let full = self.options.detail == Detail::Full;
        // The answer to "which address?" needs no words.
        let echo = !full && step.protocol == Protocol::Dns && choose::echoes(&step.note.summary, &self.asked);
        if !step.note.summary.is_empty() && !echo {
            self.summary(step, !full)?;
        }
        self.asked.clone_from(&step.note.summary);
        self.parts(step, chosen)?;
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

    /// `╰─ what it means · RFC 5321 §4.2`: the source where there is room for it in the last row.
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
