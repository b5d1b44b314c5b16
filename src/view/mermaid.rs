//! The story as a Mermaid sequence diagram, for pages and notes that draw them.
//!
//! Where it stands on the road: a view, beside `plain`. A chapter is a shaded block, a host a participant, a Step
//! an arrow with its number and first line, a fact a note over its host. Mermaid's grammar
//! (`sequenceDiagram.jison`) ends a text at a line's end, at `;` and at `#`, and lets `#NN;` stand for a
//! character: everything that is not plainly harmless is written that way.

use super::headline::{self, Arrow, Headline};
use super::page::{self, Choice, Page, StepPage};
use super::wire::Amount;
use super::{Cast, Closing, Renderer, Tally, clock};
use crate::dissect::Step;
use crate::explain::Item;
use crate::trace::Direction;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// How it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether each Step's note is drawn beside it.
    pub detail: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// Mermaid draws no text longer than this unless its page allows it (`maxTextSize`).
pub const USUAL_LIMIT: usize = 50_000;
/// Characters of a line, of a note.
const LINE: usize = 64;
const NOTE: usize = 160;
/// Stands for all participants until they are known; no page holds a control character.
const ALL: &str = "\u{1}";
/// A jump of virtual time of at least this much is said.
const PAUSE: Duration = Duration::from_secs(1);

/// Renders a story as one diagram, written when the story ends: its participants come first.
pub struct Mermaid<W> {
    out: W,
    options: Options,
    /// Hosts in order of appearance.
    hosts: Vec<String>,
    known: BTreeMap<String, usize>,
    body: String,
    open: bool,
    /// A chapter that waits for its first item, so that a pause is said in front of it.
    waiting: Option<(usize, String)>,
    last: Option<Duration>,
}

impl<W: Write> Mermaid<W> {
    /// Onto `out`.
    pub fn new(out: W, options: Options) -> Self {
        Mermaid {
            out,
            options,
            hosts: Vec::new(),
            known: BTreeMap::new(),
            body: String::new(),
            open: false,
            waiting: None,
            last: None,
        }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn host(&mut self, name: &str) -> String {
        let next = self.hosts.len() + 1;
        let number = *self.known.entry(name.to_owned()).or_insert(next);
        if number == next {
            self.hosts.push(name.to_owned());
        }
        format!("h{number}")
    }

    fn line(&mut self, text: &str) {
        let indent = if self.open { "        " } else { "    " };
        let _ = writeln!(self.body, "{indent}{text}");
    }

    /// Over everybody, from the first to the last.
    fn over_all(&mut self, text: &str) {
        self.line(&format!("Note over {ALL}: {}", label(text, NOTE)));
    }

    fn pause(&mut self, at: Duration) {
        let before = self.last.replace(at);
        if let Some(by) = before.and_then(|b| at.checked_sub(b)).filter(|by| *by >= PAUSE) {
            self.over_all(&format!("· · · {}", clock::passes(by)));
        }
    }

    /// The chapter that waits begins.
    fn begin_chapter(&mut self) {
        let Some((number, title)) = self.waiting.take() else { return };
        self.end_chapter();
        // A shade that can be seen on a light and on a dark ground.
        self.line("rect rgba(128, 128, 128, 0.12)");
        self.open = true;
        self.line(&format!("%% chapter {number}"));
        self.over_all(&format!("{number} · {title}"));
    }

    fn end_chapter(&mut self) {
        if std::mem::take(&mut self.open) {
            self.line("end");
        }
    }

    fn step(&mut self, cast: &Cast, step: &Step, page: &StepPage) {
        let client = self.host(&cast.speaker(step.conn, Direction::Client));
        let server = self.host(&cast.speaker(step.conn, Direction::Server));
        self.pause(page.elapsed);
        self.begin_chapter();
        let Headline { arrow, text, .. } = headline::of(step, page);
        let (from, to) = match step.from {
            Direction::Client => (&client, &server),
            Direction::Server => (&server, &client),
        };
        let arrow = match arrow {
            Arrow::Ask => "->>",
            Arrow::Answer | Arrow::Refusal => "-->>",
            Arrow::Close => "--)",
            Arrow::Lost => "--x",
        };
        self.line(&format!("{from}{arrow}{to}: {} · {}", page.number, label(&text, LINE)));
        if self.options.detail && !page.note.summary.is_empty() {
            let place = if from == to { format!("over {from}") } else { format!("over {client},{server}") };
            self.line(&format!("Note {place}: {}", label(&page.note.summary, NOTE)));
        }
        for (_, finding) in &page.note.findings {
            self.line(&format!("Note over {from}: ⚠ {}", label(finding, NOTE)));
        }
    }
}

impl<W: Write> Renderer for Mermaid<W> {
    fn begin(&mut self, _cast: &Cast) -> io::Result<()> {
        Ok(())
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        let choice = Choice { amount: Amount::Brief, show_secrets: self.options.show_secrets };
        match (page::of(item, cast, choice), item) {
            (Page::Chapter { number, title, .. }, _) => {
                self.begin_chapter();
                self.waiting = Some((number, title));
            }
            // The plain words are in the diagram.
            (Page::Step(_), Item::Step(step, _)) if headline::is_carrier(step) => {}
            (Page::Step(page), Item::Step(step, _)) => self.step(cast, step, &page),
            (Page::Fact { text, .. }, Item::Fact { at, host, .. }) => {
                if headline::is_furniture(cast, item) {
                    return Ok(());
                }
                self.pause(at.since(cast.start));
                self.begin_chapter();
                let host = self.host(&cast.known(host));
                self.line(&format!("Note over {host}: {}", label(&text, NOTE)));
            }
            (Page::Mark { kind, text }, _) if kind == "chapter" => {
                self.begin_chapter();
                self.over_all(&format!("✎ {text}"));
            }
            (Page::Fact { mark, text, .. }, Item::Outcome(outcome)) => {
                let Some(call) = cast.call(outcome.conn) else { return Ok(()) };
                self.pause(outcome.at.since(cast.start));
                self.begin_chapter();
                let host = self.host(&call.client);
                self.line(&format!("Note over {host}: {}", label(&format!("{mark} {text}"), NOTE)));
            }
            (Page::Mark { kind, text }, _) => {
                self.begin_chapter();
                self.over_all(&format!("✎ {kind}: {text}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, cast: &Cast, _tally: &Tally, _closing: &Closing<'_>) -> io::Result<()> {
        self.begin_chapter();
        self.end_chapter();
        if self.hosts.is_empty() && self.body.contains(ALL) {
            self.host("the road");
        }
        let all = if self.hosts.len() > 1 { format!("h1,h{}", self.hosts.len()) } else { "h1".to_owned() };
        let body = self.body.replace(ALL, &all);
        let mut head = "sequenceDiagram\n".to_owned();
        if !cast.title.is_empty() {
            let title = label(&cast.title, NOTE);
            let _ = writeln!(head, "    accTitle: {title}\n    title {title}");
        }
        for (i, host) in self.hosts.iter().enumerate() {
            let _ = writeln!(head, "    participant h{} as {}", i + 1, label(host, LINE));
        }
        if head.len() + body.len() > USUAL_LIMIT {
            let said = format!("longer than the {} characters", clock::grouped(USUAL_LIMIT as u64));
            writeln!(self.out, "%% {said} that Mermaid draws unless maxTextSize allows more")?;
        }
        self.out.write_all(head.as_bytes())?;
        self.out.write_all(body.as_bytes())?;
        self.out.flush()
    }
}

/// A text of at most so many characters that Mermaid takes as a text and as nothing else. Never empty.
fn label(text: &str, most: usize) -> String {
    let text = headline::cut(text, most);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let harmless = c.is_ascii_alphanumeric() || " .,:-_/@=+*!?()[]'".contains(c);
        // Beyond ASCII only punctuation that ends a line could matter, and the page has escaped that.
        if harmless || !c.is_ascii() {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    if out.trim().is_empty() { "#32;".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn what_could_end_a_text_or_begin_markup_is_a_number() {
        assert_eq!(label("a;b#c\"d<br/>%%{x}", 99), "a#59;b#35;c#34;d#60;br/#62;#37;#37;#123;x#125;");
        assert_eq!(label("  ", 9), "#32;");
        assert_eq!(label("abcdef", 4), "abc…");
    }
}
