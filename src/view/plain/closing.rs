//! The closing block: where is it now, what did it take, what next.

use super::Plain;
use super::layout::wrap;
use crate::base::Instant;
use crate::view::page::Label;
use crate::view::tally::Place;
use crate::view::{Closing, Tally, clock};
use std::io::{self, Write};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// So many places are named one by one.
const PLACES: usize = 12;

impl<W: Write> Plain<W> {
    pub(super) fn closing(&mut self, tally: &Tally, closing: &Closing<'_>, start: Instant) -> io::Result<()> {
        self.rule("Where is it now?")?;
        let places = tally.places(closing.state);
        for place in places.iter().take(PLACES) {
            let mark = match place {
                Place::Mailbox { .. } | Place::Client { .. } => "✉",
                Place::Queue { .. } => "…",
                Place::Failed { .. } => "✗",
            };
            let label = if matches!(place, Place::Failed { .. }) { Label::Refusal } else { Label::Fact };
            self.bullet((label, mark), &[(Label::Note, place.words(start))], " ")?;
        }
        match places.len() {
            0 => self.bullet(
                (Label::Dim, "·"),
                &[(Label::Note, "nowhere: no host keeps a message".to_owned())],
                " ",
            )?,
            n if n > PLACES => {
                let more = format!("and {} more places", clock::grouped((n - PLACES) as u64));
                self.bullet((Label::Dim, "·"), &[(Label::Dim, more)], " ")?;
            }
            _ => {}
        }
        self.space()?;
        let counts: Vec<(Label, String)> = counts(tally).into_iter().map(|c| (Label::Note, c)).collect();
        self.bullet((Label::Key, ""), &counts, " · ")?;
        let mut times =
            format!("{} of virtual time", clock::short(Duration::from_micros(tally.virtual_micros)));
        if let Some(real) = closing.real {
            times += &format!(", {} of yours", clock::short(real));
        }
        self.bullet((Label::Key, ""), &[(Label::Note, times)], " ")?;
        if !closing.next.is_empty() {
            self.space()?;
            let next: Vec<(Label, String)> =
                closing.next.iter().map(|n| (Label::Command, n.clone())).collect();
            self.bullet((Label::Key, "next"), &next, " · ")?;
        }
        Ok(())
    }

    /// Pieces in rows, none broken unless it has to be, set in behind a mark.
    fn bullet(&mut self, mark: (Label, &str), pieces: &[(Label, String)], between: &str) -> io::Result<()> {
        let lead = if mark.1.is_empty() { 3 } else { 4 + mark.1.width() };
        let room = self.layout.width - lead;
        self.ink.blanks(3)?;
        self.ink.put(mark.0, mark.1)?;
        self.ink.blanks(lead - 3 - mark.1.width())?;
        let mut used = 0;
        for (i, (label, piece)) in pieces.iter().enumerate() {
            let rows = wrap(piece, room);
            let first = rows.first().map_or(0, |r| r.width());
            if i > 0 && used + between.width() + first > room {
                self.end_row()?;
                self.ink.blanks(lead)?;
                used = 0;
            } else if i > 0 {
                self.ink.put(Label::Dim, between)?;
                used += between.width();
            }
            for (j, row) in rows.iter().enumerate() {
                if j > 0 {
                    self.end_row()?;
                    self.ink.blanks(lead)?;
                    used = 0;
                }
                self.ink.put(*label, row)?;
                used += row.width();
            }
        }
        self.end_row()
    }
}

/// `2 hops`, `4 connections`, …: what there was any of.
fn counts(tally: &Tally) -> Vec<String> {
    [
        (tally.hops, "hop"),
        (tally.connections, "connection"),
        (tally.queries, "DNS question"),
        (tally.commands, "command"),
        (tally.round_trips, "round trip"),
        (tally.bytes, "byte"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, noun)| clock::count(n, noun))
    .collect()
}
