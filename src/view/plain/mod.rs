//! The plain view: a story as text that is made to be read, on a terminal, a projector or a printer.
//!
//! Meaning is carried by words, marks and place first, by colour second. [`layout`] says where things stand in a
//! row, [`ink`] what they look like, [`line`] sets wire lines, [`step`] a Step with its note, [`news`] what hosts
//! state, [`closing`] the summary; [`choose`] and [`fold`] keep the brief telling brief. Everything streams onto one writer, and nothing is flushed before the end.

mod choose;
mod closing;
mod fold;
pub(in crate::view) mod ink;
pub(in crate::view) mod layout;
mod line;
mod news;
mod step;

use super::page::{self, Label, Page};
use super::{Cast, Closing, Renderer, Tally, clock};
use crate::explain::Item;
use crate::trace::Conn;
use crate::view::wire::Amount;
use ink::Ink;
use layout::{Layout, Row, wrap};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

pub use layout::MIN_WIDTH;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What crossed the wires, and what changed in the world.
    Wire,
    /// With what each line means where that is new; what was said before is not said again.
    #[default]
    Brief,
    /// With everything that is known about each line.
    Full,
}

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How much.
    pub detail: Detail,
    /// Columns; at least [`MIN_WIDTH`] are used.
    pub width: usize,
    /// Whether colours are used (the `colored` crate has the last word).
    pub colour: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { detail: Detail::Brief, width: 80, colour: false, show_secrets: false }
    }
}

/// So many chapters are listed at the end.
const MAX_CHAPTERS: usize = 40;
/// So many hops of the road are kept.
const MAX_HOPS: usize = 64;

/// A jump of virtual time of at least this much is said.
const PAUSE: Duration = Duration::from_secs(1);

/// How to read it.
const LEGEND: [&str; 2] = [
    "▶ C the client speaks   ◀ S the server speaks   ╰─ what that means",
    "●   a host's state changes   ☞   a person acts",
];

/// Renders a story as text.
pub struct Plain<W> {
    ink: Ink<W>,
    layout: Layout,
    options: Options,
    /// Ids of the notes that were told already.
    told: BTreeSet<String>,
    /// What was said already, about lines and about parts (in brief, where it is said once).
    said: choose::Said,
    /// The last note's summary.
    asked: String,
    /// Lines of blocks that were shown already.
    known: fold::Known,
    /// What a resolver states, kept together until something else comes.
    kept: Vec<news::Kept>,
    /// Chapters so far: number, title, and when they began.
    chapters: Vec<(usize, String, Option<Duration>)>,
    /// Who handed a letter to whom, on which port.
    road: Vec<(String, u16, String)>,
    /// When the last item was.
    last: Option<Duration>,
    /// The connection that the reader is looking at.
    current: Option<Conn>,
    /// Whether the last row is empty.
    gap: bool,
    /// The two ends, and the port, of the datagrams that the reader is looking at.
    asking: Option<(String, String, u16)>,
    /// A chapter that waits for its first item, so that a pause is said in front of it.
    waiting: Option<Page>,
    /// Records that carried what was told in plain words, and their octets, by connection.
    carried: BTreeMap<Conn, (u64, u64)>,
    /// Whether it was said how a line inside TLS is told.
    seen_inside: bool,
    /// Whether a whole note stands above, so that the next command begins after an empty row.
    airy: bool,
}

impl<W: Write> Plain<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W, options: Options) -> Self {
        Plain {
            ink: Ink::new(out, options.colour),
            layout: Layout::new(options.width),
            options,
            told: BTreeSet::new(),
            said: choose::Said::default(),
            asked: String::new(),
            known: fold::Known::default(),
            kept: Vec::new(),
            chapters: Vec::new(),
            road: Vec::new(),
            last: None,
            current: None,
            gap: true,
            asking: None,
            waiting: None,
            carried: BTreeMap::new(),
            seen_inside: false,
            airy: false,
        }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.ink.into_inner()
    }

    fn choice(&self) -> page::Choice {
        let amount = if self.options.detail == Detail::Brief { Amount::Brief } else { Amount::All };
        page::Choice { amount, show_secrets: self.options.show_secrets }
    }

    /// End the row.
    fn end_row(&mut self) -> io::Result<()> {
        self.gap = false;
        self.ink.end()
    }

    /// An empty row, unless there is one.
    fn space(&mut self) -> io::Result<()> {
        if !self.gap {
            self.ink.end()?;
            self.gap = true;
        }
        Ok(())
    }

    /// `── 1 · Title ─────…`
    fn rule(&mut self, title: &str) -> io::Result<()> {
        self.space()?;
        let width = self.layout.width;
        let rows = wrap(title, width.saturating_sub(6));
        for (i, row) in rows.iter().enumerate() {
            let last = i + 1 == rows.len();
            self.ink.put(Label::Rule, if i == 0 { "── " } else { "   " })?;
            self.ink.put(Label::Chapter, row)?;
            let used = 4 + unicode_width::UnicodeWidthStr::width(row.as_str());
            if last && used < width {
                self.ink.put(Label::Rule, &format!(" {}", "─".repeat(width - used)))?;
            }
            self.end_row()?;
        }
        Ok(())
    }

    /// Prose set in by three.
    fn indented(&mut self, label: Label, text: &str) -> io::Result<()> {
        for row in wrap(text, self.layout.width.min(96) - 3) {
            self.ink.blanks(3)?;
            self.ink.put(label, &row)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// Prose in the text's place, with a mark or a word in the margin.
    fn margined(&mut self, key: (Label, &str), label: Label, text: &str) -> io::Result<()> {
        let (margin, spilt) = self.layout.keyed(key.0, key.1);
        let said = spilt.map(|word| format!("{word}: {text}"));
        self.prose(&margin, label, said.as_deref().unwrap_or(text))
    }

    /// Prose in the text's place, with this margin in front of its first row.
    fn prose(&mut self, margin: &Row, label: Label, text: &str) -> io::Result<()> {
        for (i, row) in wrap(text, self.layout.prose()).iter().enumerate() {
            match i {
                0 => self.ink.runs(margin)?,
                _ => self.ink.blanks(self.layout.margin())?,
            }
            self.ink.put(label, row)?;
            self.end_row()?;
        }
        Ok(())
    }

    /// Remember who took a letter from whom.
    fn note_hop(&mut self, cast: &Cast, step: &crate::dissect::Step) {
        if let Some(call) = cast.call(step.conn).filter(|_| step.takes_letter() && self.road.len() < MAX_HOPS)
        {
            let hop = (call.client, call.port, call.server);
            if !self.road.contains(&hop) {
                self.road.push(hop);
            }
        }
    }

    /// The chapter that waits begins.
    fn chapter(&mut self) -> io::Result<()> {
        let Some(Page::Chapter { number, title, intro }) = self.waiting.take() else { return Ok(()) };
        self.current = None;
        self.asking = None;
        self.rule(&format!("{number} · {title}"))?;
        // In brief a stage that comes again is not introduced again.
        let new = self.said.known.insert(intro.clone()) || self.options.detail == Detail::Full;
        if self.options.detail != Detail::Wire && new && !intro.is_empty() {
            self.indented(Label::Intro, &intro)?;
        }
        if self.chapters.len() < MAX_CHAPTERS {
            self.chapters.push((number, title, self.last));
        }
        self.space()
    }

    /// `· · · 15 minutes pass`, where virtual time has jumped.
    fn pause(&mut self, now: Duration) -> io::Result<()> {
        let before = self.last.replace(now);
        let Some(by) = before.and_then(|b| now.checked_sub(b)).filter(|by| *by >= PAUSE) else {
            return Ok(());
        };
        self.space()?;
        self.margined((Label::Pause, "· · ·"), Label::Pause, &clock::passes(by))?;
        self.space()
    }
}

impl<W: Write> Renderer for Plain<W> {
    fn begin(&mut self, cast: &Cast) -> io::Result<()> {
        let mut said = vec![cast.title.clone()];
        said.extend(cast.seed.map(|seed| format!("seed {seed}")));
        said.push(clock::date(cast.start));
        let (title, rest) = (format!("postroad · {}", said[0]), said[1..].join(" · "));
        let line = format!("{title} · {rest}");
        for row in wrap(&line, self.layout.width) {
            self.ink.put(Label::Title, &row)?;
            self.end_row()?;
        }
        if self.options.detail != Detail::Wire {
            for legend in LEGEND {
                self.indented(Label::Dim, legend)?;
            }
        }
        self.space()
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        let at = match item {
            Item::Step(step, _) => Some(step.at),
            Item::Fact { at, .. } => Some(*at),
            Item::Outcome(outcome) => Some(outcome.at),
            Item::Chapter(_) | Item::Mark(_) => None,
        };
        if self.is_furniture(cast, item) {
            self.weigh(item);
            return Ok(());
        }
        if self.keep(cast, item)? {
            return Ok(());
        }
        self.tell_kept(cast)?;
        if let Some(at) = at {
            self.pause(at.since(cast.start))?;
        }
        let page = page::of(item, cast, self.choice());
        if matches!(page, Page::Chapter { .. }) {
            self.chapter()?;
            self.waiting = Some(page);
            return Ok(());
        }
        self.chapter()?;
        match page {
            Page::Chapter { .. } => Ok(()),
            Page::Step(step) => {
                let Item::Step(inner, _) = item else { return Ok(()) };
                self.note_hop(cast, inner);
                self.step(inner.conn, &step)
            }
            Page::Fact { label, mark, text } => {
                self.news((label, mark), at.map(|at| at.since(cast.start)), &text)
            }
            Page::Mark { kind, text } if kind == "chapter" => {
                self.current = None;
                self.rule(&format!("✎ {text}"))?;
                self.space()
            }
            Page::Mark { kind, text } => {
                self.space()?;
                self.margined((Label::Mark, &format!("✎ {kind}")), Label::Mark, &text)?;
                self.space()
            }
        }
    }

    fn settle(&mut self, cast: &Cast) -> io::Result<()> {
        self.tell_kept(cast)
    }

    fn end(&mut self, cast: &Cast, tally: &Tally, closing: &Closing<'_>) -> io::Result<()> {
        self.tell_kept(cast)?;
        self.chapter()?;
        self.closing(tally, closing, cast)?;
        self.ink.flush()
    }
}
