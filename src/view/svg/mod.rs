//! The story as a ladder diagram: one SVG file that needs no tool, no font and no network.
//!
//! Where it stands on the road: a view, beside `plain`. Each chapter is a panel with the hosts that speak in it,
//! time runs down, a Step is an arrow with its first line, a fact a label on its host's line. Light and dark come
//! by a media query; a title and a description say in words what is drawn. [`panel`] lays out and draws.

mod panel;

use super::headline::{self, Arrow};
use super::page::{self, Choice, Page, StepPage};
use super::wire::Amount;
use super::{Cast, Closing, Renderer, Tally, clock};
use crate::dissect::{Kind, Step};
use crate::explain::Item;
use crate::trace::Direction;
use panel::{Panel, Row, Rung, escaped};
use std::io::{self, Write};
use std::time::Duration;

/// How it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether each Step's note stands under its arrow.
    pub detail: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// A jump of virtual time of at least this much is said.
const PAUSE: Duration = Duration::from_secs(1);

/// Renders a story as one picture, written when the story ends: only then its height is known.
pub struct Svg<W> {
    out: W,
    options: Options,
    panels: Vec<Panel>,
    last: Option<Duration>,
    told: bool,
    /// A chapter that waits for its first item, so that a pause is said in front of it.
    waiting: Option<Panel>,
}

impl<W: Write> Svg<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W, options: Options) -> Self {
        Svg { out, options, panels: Vec::new(), last: None, told: false, waiting: None }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The panel that is being filled; what comes before any chapter has one without a title.
    fn panel(&mut self) -> &mut Panel {
        if self.panels.is_empty() {
            self.panels.push(Panel::default());
        }
        let last = self.panels.len() - 1;
        &mut self.panels[last]
    }

    /// The chapter that waits begins. What was said before the first one (a person sets out) belongs to it.
    fn chapter(&mut self) {
        let Some(mut panel) = self.waiting.take() else { return };
        if let [first] = &self.panels[..]
            && first.title.is_empty()
            && !self.told
        {
            let first = self.panels.remove(0);
            (panel.hosts, panel.rows) = (first.hosts, first.rows);
        }
        self.panels.push(panel);
    }

    fn pause(&mut self, at: Duration) {
        let before = self.last.replace(at);
        if let Some(by) = before.and_then(|b| at.checked_sub(b)).filter(|by| *by >= PAUSE) {
            self.panel().rows.push(Row::Said(clock::passes(by)));
        }
    }

    fn step(&mut self, cast: &Cast, step: &Step, page: &StepPage) {
        self.pause(page.elapsed);
        self.chapter();
        self.told = true;
        let headline = headline::of(step, page);
        let style = match headline.arrow {
            _ if step.kind == Kind::Open => "call",
            Arrow::Ask => "ask",
            Arrow::Answer => "answer",
            Arrow::Refusal => "refusal",
            Arrow::Close => "close",
            Arrow::Lost => "lost",
        };
        let note = if self.options.detail { page.note.summary.clone() } else { String::new() };
        let off = page.note.findings.iter().map(|(_, text)| text.clone()).collect();
        let mut whole = headline.whole;
        if !page.note.summary.is_empty() {
            whole += &format!("\n{}", page.note.summary);
        }
        let panel = self.panel();
        let client = panel.host(&cast.speaker(step.conn, Direction::Client));
        let server = panel.host(&cast.speaker(step.conn, Direction::Server));
        let (from, to) = if step.from == Direction::Client { (client, server) } else { (server, client) };
        panel.rows.push(Row::Rung(Rung {
            number: page.number,
            time: clock::elapsed(page.elapsed),
            from,
            to,
            style,
            text: headline.text,
            is_wire: headline.is_wire,
            marked: headline.marked,
            whole,
            note,
            off,
        }));
    }

    /// In words what the picture shows, for those who cannot see it.
    fn description(&self, tally: &Tally) -> String {
        let mut out = format!("A ladder diagram of {}.", clock::count(tally.traffic.steps, "step"));
        for panel in self.panels.iter().filter(|p| !p.hosts.is_empty()) {
            let title = if panel.title.is_empty() { "Between" } else { &panel.title };
            out += &format!(" {title}: {}.", panel.hosts.join(", "));
        }
        out
    }
}

impl<W: Write> Renderer for Svg<W> {
    fn begin(&mut self, _cast: &Cast) -> io::Result<()> {
        Ok(())
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        let choice = Choice { amount: Amount::Brief, show_secrets: self.options.show_secrets };
        match (page::of(item, cast, choice), item) {
            (Page::Chapter { number, title, intro }, _) => {
                let intro = if self.options.detail { intro } else { String::new() };
                let panel = Panel { title: format!("{number} · {title}"), intro, ..Panel::default() };
                self.chapter();
                self.waiting = Some(panel);
            }
            // The plain words are in the diagram.
            (Page::Step(_), Item::Step(step, _)) if headline::is_carrier(step) => {}
            (Page::Step(page), Item::Step(step, _)) => self.step(cast, step, &page),
            (Page::Fact { text, .. }, Item::Fact { at, host, .. }) => {
                if headline::is_furniture(cast, item) {
                    return Ok(());
                }
                self.pause(at.since(cast.start));
                self.chapter();
                let panel = self.panel();
                let host = panel.host(&cast.known(host));
                panel.rows.push(Row::Fact { host, text });
            }
            (Page::Mark { kind, text }, _) if kind == "chapter" => {
                self.chapter();
                self.waiting = Some(Panel { title: format!("✎ {text}"), ..Panel::default() });
            }
            (Page::Fact { mark, text, .. }, Item::Outcome(outcome)) => {
                let Some(call) = cast.call(outcome.conn) else { return Ok(()) };
                self.pause(outcome.at.since(cast.start));
                self.chapter();
                let panel = self.panel();
                let host = panel.host(&call.client);
                panel.rows.push(Row::Fact { host, text: format!("{mark} {text}") });
            }
            (Page::Mark { kind, text }, _) => {
                self.chapter();
                self.panel().rows.push(Row::Mark(format!("✎ {kind}: {text}")));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, cast: &Cast, tally: &Tally, _closing: &Closing<'_>) -> io::Result<()> {
        self.chapter();
        let width = self.panels.iter().map(Panel::width).max().unwrap_or(0).max(panel::WIDTH);
        let mut body = String::new();
        let mut y = 84;
        for panel in self.panels.iter().filter(|p| !p.rows.is_empty() || !p.title.is_empty()) {
            y = panel.draw(&mut body, width, y);
        }
        let title = if cast.title.is_empty() { "A story of mail" } else { &cast.title };
        let seed = cast.seed.map_or(String::new(), |seed| format!(" · seed {seed}"));
        let about = format!("{}{seed}", clock::date(cast.start));
        let (title, height) = (escaped(title), y + 8);
        writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"postroad-ladder\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"postroad-title postroad-about\">"
        )?;
        writeln!(self.out, "<title id=\"postroad-title\">{title}</title>")?;
        writeln!(self.out, "<desc id=\"postroad-about\">{}</desc>", escaped(&self.description(tally)))?;
        writeln!(self.out, "<style>\n{}</style>", include_str!("ladder.css"))?;
        writeln!(self.out, "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>")?;
        writeln!(self.out, "<text class=\"title\" x=\"24\" y=\"40\">{title}</text>")?;
        writeln!(self.out, "<text class=\"about\" x=\"24\" y=\"62\">{}</text>", escaped(&about))?;
        self.out.write_all(body.as_bytes())?;
        writeln!(self.out, "</svg>")?;
        self.out.flush()
    }
}
