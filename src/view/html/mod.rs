//! The story as one self-contained web page: a plain annotated document that a script makes steppable.
//!
//! Where it stands on the road: a view, beside `plain` and `json`. Everything is in the document itself: without
//! its script the page reads from top to bottom, and on paper every note is open. The script (`page.js`) holds
//! no data of its own; it only moves through the document. So nothing from a wire ever stands inside a script.
//!
//! Text comes escaped from [`super::page`], and is escaped for HTML once, by the templates. A content
//! security policy allows this one style sheet and this one script, by their hashes (CSP Level 3), and nothing
//! else: no network, no other script, no form.

mod after;
mod road;
mod sheet;

use super::page::{self, Choice, Page, prose};
use super::wire::Amount;
use super::{Cast, Tally, clock, headline};
use crate::base::Instant;
use crate::dissect::Step;
use crate::explain::placing::is_about;
use crate::explain::{Item, Note, Story};
use crate::state::State;
use crate::trace::marks::{Place, Streams};
use crate::trace::{Fact, Mark, Record};
use after::After;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use road::Road;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sheet::{Aside, CallHead, Sheet, Slip};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");
const PAGE: &str = include_str!("page.html");
const CHAPTER: &str = include_str!("chapter.html");
const STEP: &str = include_str!("step.html");

/// A Step of more bytes than this is shown in brief: its header, the beginning of its body, its end.
const WHOLE: usize = 16 << 10;
/// Time between two Steps from which on a pause is shown.
const PAUSE: Duration = Duration::from_secs(1);

/// How the page is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// Write the page of these records.
///
/// # Errors
/// Where `out` fails, or the records have no head.
pub fn write(records: &[Record], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let head = records.iter().find_map(|record| match record {
        Record::Head(head) => Some(head),
        _ => None,
    });
    let head = head.ok_or_else(|| {
        let why = "the transcript has no head, so nobody knows who is who";
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    let cast = Cast::of(records);
    let road = Road::of(records, head, &cast);
    let mut telling = Telling::new(records, &cast, &road, *options)?;
    let mut story = Story::new(head);
    for (index, record) in records.iter().enumerate() {
        for item in story.push(index, record) {
            telling.item(&item)?;
        }
    }
    for item in story.finish() {
        telling.item(&item)?;
    }
    telling.end(out)
}

/// A page that is being told.
struct Telling<'a> {
    env: Environment<'static>,
    cast: &'a Cast,
    road: &'a Road,
    choice: bool,
    /// What people added to bytes that are there.
    marks: Vec<&'a Mark>,
    /// Which of them have found their Step.
    placed: Vec<bool>,
    /// What they added to bytes that are not, or no longer.
    lost: Vec<&'a Mark>,
    tally: Tally,
    state: State,
    after: After,
    /// The Step that was told last: what follows it may still be said.
    open: Option<Sheet>,
    /// What was stated and belongs in front of the next Step: what people set out to do.
    before: Vec<Aside>,
    chapters: Vec<Section>,
    protocols: BTreeMap<&'static str, usize>,
    /// The longer texts that stand in the page already, and the Step that they stand at.
    told: BTreeMap<String, usize>,
    between: Option<CallHead>,
    /// Whether the chapter that began last has no Step yet.
    begins: bool,
    last: Option<Instant>,
    html: String,
}

/// A chapter: the story's own, or a person's.
#[derive(Clone, Debug, Serialize)]
struct Section {
    /// The end of the element's id.
    id: String,
    /// Its number, or the sign of a person's.
    sign: String,
    title: String,
}

/// A template that does not render is a mistake in the program; it is told as a failure to write.
pub(in crate::view) fn broken(error: minijinja::Error) -> io::Error {
    io::Error::other(format!("the page's template: {error:#}"))
}

/// The source of a hash in a content security policy.
pub(in crate::view) fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// An embedded file with the line ends that a browser sees, whatever the checkout made of them.
pub(in crate::view) fn embedded(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The templates' surroundings: a name that is missing is an error, and a file's end decides what is escaped.
pub(in crate::view) fn environment<'t>() -> io::Result<Environment<'t>> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    env.set_syntax(syntax.map_err(broken)?);
    Ok(env)
}

impl<'a> Telling<'a> {
    fn new(records: &'a [Record], cast: &'a Cast, road: &'a Road, options: Options) -> io::Result<Self> {
        let mut env = environment()?;
        env.add_template("page.html", PAGE).map_err(broken)?;
        env.add_template("chapter.html", CHAPTER).map_err(broken)?;
        env.add_template("step.html", STEP).map_err(broken)?;
        let marks: Vec<&Mark> = records
            .iter()
            .filter_map(|record| match record {
                Record::Mark(mark) if mark.conn.is_some() && mark.range.is_some() => Some(mark),
                _ => None,
            })
            .collect();
        let streams = if marks.is_empty() { Streams::default() } else { Streams::of(records) };
        let (marks, lost): (Vec<&Mark>, Vec<&Mark>) = marks
            .into_iter()
            .partition(|mark| mark.from.is_none() || streams.place(mark) != Place::Elsewhere);
        Ok(Telling {
            env,
            cast,
            road,
            choice: options.show_secrets,
            placed: vec![false; marks.len()],
            marks,
            lost,
            tally: Tally::default(),
            state: State::default(),
            after: After::default(),
            open: None,
            before: Vec::new(),
            chapters: Vec::new(),
            protocols: BTreeMap::new(),
            told: BTreeMap::new(),
            between: None,
            begins: false,
            last: None,
            html: String::new(),
        })
    }

    fn item(&mut self, item: &Item) -> io::Result<()> {
        self.tally.see(item, self.cast.start);
        match item {
            // The plain words stand on the page; the record that carries them says nothing else.
            Item::Step(step, _) if headline::is_carrier(step) => {
                self.state.apply_step(step);
                Ok(())
            }
            Item::Step(step, note) => self.step(item, step, note),
            Item::Chapter(_) => self.chapter(item),
            Item::Fact { at, host, fact, .. } => {
                self.state.apply_fact(*at, host, fact);
                self.after.fact(&self.state, host, fact);
                // That a mailbox stood there before the story began is told by the state.
                if !headline::is_furniture(self.cast, item) {
                    self.aside(item, Some(*at), matches!(fact, Fact::IntentBegins { .. }));
                }
                Ok(())
            }
            Item::Outcome(outcome) => {
                self.aside(item, Some(outcome.at), false);
                Ok(())
            }
            // A mark that says where it belongs is shown there; `end` tells of those whose place was not found.
            Item::Mark(mark) if self.marks.contains(&mark) || self.lost.contains(&mark) => Ok(()),
            Item::Mark(_) => {
                self.aside(item, None, false);
                Ok(())
            }
        }
    }

    /// Something that stands between Steps.
    fn aside(&mut self, item: &Item, at: Option<Instant>, opens: bool) {
        let aside = match page::of(item, self.cast, self.amount(0)) {
            Page::Fact { label, mark, text } => {
                Aside::fact((label, mark), text, at.map(|at| self.elapsed(at)))
            }
            Page::Mark { kind, text } => Aside::mark(&kind, text),
            Page::Step(_) | Page::Chapter { .. } => return,
        };
        match &mut self.open {
            Some(open) if !opens => open.facts.push(aside),
            _ => self.before.push(aside),
        }
    }

    fn elapsed(&self, at: Instant) -> String {
        clock::elapsed(at.since(self.cast.start))
    }

    fn amount(&self, bytes: usize) -> Choice {
        let amount = if bytes <= WHOLE { Amount::All } else { Amount::Brief };
        Choice { amount, show_secrets: self.choice }
    }

    fn chapter(&mut self, item: &Item) -> io::Result<()> {
        self.flush()?;
        let Page::Chapter { number, title, intro } = page::of(item, self.cast, self.amount(0)) else {
            return Ok(());
        };
        let id = number.to_string();
        self.begins = true;
        self.section(Section { sign: id.clone(), id, title }, &intro)
    }

    fn section(&mut self, section: Section, intro: &str) -> io::Result<()> {
        let end = if self.chapters.is_empty() { "" } else { "</ol></section>" };
        let template = self.env.get_template("chapter.html").map_err(broken)?;
        let html = template.render(context! { section => Serde(&section), intro }).map_err(broken)?;
        self.html.push_str(end);
        self.html.push_str(&html);
        self.chapters.push(section);
        self.between = None;
        Ok(())
    }

    /// Chapters that a person lets begin at this Step.
    fn own_chapters(&mut self, step: &Step) -> io::Result<()> {
        for mark in self.marks_at(step, true) {
            if self.begins {
                // The story's own chapter begins here too, and an empty one would lead nowhere.
                self.before.push(Aside::mark(&prose(&mark.kind), prose(&mark.text)));
                continue;
            }
            let id = format!("own-{}", self.chapters.len() + 1);
            let by =
                if mark.author.is_empty() { String::new() } else { format!("— {}", prose(&mark.author)) };
            self.section(Section { id, sign: "✎".to_owned(), title: prose(&mark.text) }, &by)?;
        }
        Ok(())
    }

    fn step(&mut self, item: &Item, step: &Step, note: &Note) -> io::Result<()> {
        self.flush()?;
        self.own_chapters(step)?;
        self.begins = false;
        if self.chapters.is_empty() {
            self.html.push_str("<section class=\"chapter\"><ol class=\"steps\">");
            self.chapters.push(Section { id: String::new(), sign: String::new(), title: String::new() });
        }
        let Page::Step(page) = page::of(item, self.cast, self.amount(step.bytes.len())) else {
            return Ok(());
        };
        let mut sheet = Sheet::of(step, note, &page);
        sheet.before = std::mem::take(&mut self.before);
        sheet.marks = self.marks_at(step, false).into_iter().map(|mark| Slip::of(mark, step)).collect();
        sheet.leg = self.road.leg(step.conn);
        sheet.speaker = prose(&self.cast.speaker(step.conn, step.from));
        let passed = self.last.map_or(Duration::ZERO, |last| step.at.since(last));
        sheet.pause = (passed >= PAUSE).then(|| clock::passes(passed));
        self.last = Some(step.at);
        let between = page.call.as_ref().map(CallHead::of);
        if between.is_some() && between != self.between {
            sheet.call.clone_from(&between);
        }
        self.between = between;
        *self.protocols.entry(sheet.protocol).or_default() += 1;
        self.state.apply_step(step);
        self.after.step(&self.state, step.conn);
        self.open = Some(sheet);
        Ok(())
    }

    /// What people added to these bytes: a mark stands at the first Step that holds its first byte.
    fn marks_at(&mut self, step: &Step, chapters: bool) -> Vec<&'a Mark> {
        let here = |mark: &Mark| match mark.from {
            Some(_) => is_about(mark, step),
            // Whoever wrote it did not say whose bytes are meant.
            None => is_about(&Mark { from: Some(step.from), ..mark.clone() }, step),
        };
        let mut found = Vec::new();
        for (mark, placed) in self.marks.iter().zip(&mut self.placed) {
            if !*placed && (mark.kind == "chapter") == chapters && here(mark) {
                *placed = true;
                found.push(*mark);
            }
        }
        found
    }

    /// The Step that was told last is complete: nothing more belongs to it.
    fn flush(&mut self) -> io::Result<()> {
        let Some(mut sheet) = self.open.take() else { return Ok(()) };
        sheet.after = self.after.changes(self.cast, self.road, &self.state);
        if let Some(key) = sheet.more_key() {
            match self.told.get(&key) {
                Some(at) => sheet.again = Some(*at),
                None => {
                    self.told.insert(key, sheet.n);
                }
            }
        }
        let template = self.env.get_template("step.html").map_err(broken)?;
        self.html.push_str(&template.render(Serde(&sheet)).map_err(broken)?);
        Ok(())
    }

    fn end(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush()?;
        if !self.chapters.is_empty() {
            self.html.push_str("</ol></section>");
        }
        let astray =
            self.marks.iter().zip(&self.placed).filter(|(_, placed)| !**placed).map(|(mark, _)| mark);
        for mark in astray.chain(&self.lost) {
            if let Page::Mark { kind, text } = page::of(
                &Item::Mark((*mark).clone()),
                self.cast,
                Choice { amount: Amount::Brief, show_secrets: false },
            ) {
                self.before.push(Aside::mark(&kind, format!("{text} (its place is not in this recording)")));
            }
        }
        let (css, js) = (embedded(CSS), embedded(JS));
        let places: Vec<String> =
            self.tally.places(&self.state).iter().map(|place| place.words(self.cast.start)).collect();
        let protocols: Vec<_> =
            self.protocols.iter().map(|(name, n)| (sheet::title(name), name, n)).collect();
        let chapters: Vec<_> = self.chapters.iter().filter(|section| !section.id.is_empty()).collect();
        let template = self.env.get_template("page.html").map_err(broken)?;
        let html = template.render(context! {
            title => self.cast.title.as_str(),
            seed => self.cast.seed,
            start => clock::date(self.cast.start),
            steps => self.tally.traffic.steps,
            counts => counts(&self.tally),
            csp_css => hash(&css),
            csp_js => hash(&js),
            css, js, places,
            protocols => Serde(protocols),
            chapters => Serde(chapters),
            road => Serde(self.road),
            before => Serde(&self.before),
            story => self.html,
        });
        out.write_all(html.map_err(broken)?.as_bytes())
    }
}

/// What the story took, in words.
fn counts(tally: &Tally) -> Vec<String> {
    let counted = [
        (tally.traffic.steps, "step"),
        (tally.hops, "hop"),
        (tally.traffic.connections, "connection"),
        (tally.traffic.queries, "DNS question"),
        (tally.traffic.commands, "command"),
        (tally.traffic.round_trips, "round trip"),
        (tally.traffic.bytes, "byte"),
    ];
    let mut out: Vec<String> =
        counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| clock::count(n, noun)).collect();
    out.push(format!("{} of virtual time", clock::short(Duration::from_micros(tally.virtual_micros))));
    out
}

#[cfg(test)]
mod tests;
