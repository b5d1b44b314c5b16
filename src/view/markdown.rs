//! The story as a document in CommonMark, for a book or a course page: chapters as headings, Steps as a list.
//!
//! Where it stands on the road: a view, beside `plain`. What crossed a wire stands in code fences that are longer
//! than any run of back-quotes in them; what is said about it is escaped, so that no text becomes markup
//! (CommonMark 0.31 §2.4: any ASCII punctuation may be escaped by a backslash). No HTML is written at all.

use super::headline;
use super::page::{self, Choice, Page, StepPage, Voice};
use super::wire::Amount;
use super::{Cast, Closing, Renderer, Tally, clock};
use crate::base::Severity;
use crate::explain::Item;
use std::io::{self, Write};
use std::time::Duration;

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether whole notes are written, with what each part means, and every line of a long block.
    pub detail: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// A jump of virtual time of at least this much is said.
const PAUSE: Duration = Duration::from_secs(1);

/// Renders a story as CommonMark.
pub struct Markdown<W> {
    out: W,
    options: Options,
    last: Option<Duration>,
    /// A chapter's heading and intro that wait for its first item, so that a pause is said in front of them.
    waiting: Option<(String, String)>,
}

impl<W: Write> Markdown<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W, options: Options) -> Self {
        Markdown { out, options, last: None, waiting: None }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// A block, and the empty line behind it.
    fn block(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}\n")
    }

    /// A block that belongs to the list item above it.
    fn inside(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {text}\n")
    }

    fn pause(&mut self, at: Duration) -> io::Result<()> {
        let before = self.last.replace(at);
        match before.and_then(|b| at.checked_sub(b)).filter(|by| *by >= PAUSE) {
            Some(by) => self.block(&format!("*… {} …*", clock::passes(by))),
            None => Ok(()),
        }
    }

    /// The chapter that waits begins.
    fn chapter(&mut self) -> io::Result<()> {
        let Some((heading, intro)) = self.waiting.take() else { return Ok(()) };
        self.block(&heading)?;
        if intro.is_empty() { Ok(()) } else { self.block(&intro) }
    }

    fn step(&mut self, page: &StepPage) -> io::Result<()> {
        self.pause(page.elapsed)?;
        self.chapter()?;
        let number = format!("- **{}** · {}", page.number, clock::elapsed(page.elapsed));
        match (&page.call, page.voice) {
            (Some(call), Voice::Open) => {
                let (client, server) = (escaped(&call.client), escaped(&call.server));
                let to = escaped(&call.service_and_port());
                self.block(&format!("{number} · **{client}** calls **{server}** ({to})"))?;
            }
            (Some(call), Voice::Client) => {
                self.block(&format!("{number} · {} → {}", escaped(&call.client), escaped(&call.server)))?;
            }
            (Some(call), Voice::Server) => {
                self.block(&format!("{number} · {} → {}", escaped(&call.server), escaped(&call.client)))?;
            }
            _ => self.block(&number)?,
        }
        if page.voice == Voice::Close {
            let said: Vec<String> = page.wire.lines.iter().map(super::wire::WireLine::text).collect();
            self.inside(&escaped(&said.join(" ")))?;
        } else {
            self.fence(page)?;
        }
        self.note(page)
    }

    /// The lines of the wire, `C: ` or `S: ` in front of each.
    fn fence(&mut self, page: &StepPage) -> io::Result<()> {
        if page.wire.lines.is_empty() {
            return Ok(());
        }
        let speaker = if page.voice == Voice::Server { "S:" } else { "C:" };
        let mut lines = Vec::new();
        for (i, line) in page.wire.lines.iter().enumerate() {
            if page.wire.elided > 0 && i == page.wire.lines.len() - page.wire.tail {
                lines.push(format!("… {}", clock::count(page.wire.elided as u64, "more line")));
            }
            // mdBook would follow a `{{#include …}}`, even here.
            let text = line.text().replace("{{#", "{{\\x23");
            lines.push(format!("{speaker} {text}").trim_end().to_owned());
            let under = line.underline('^');
            if !under.is_empty() {
                lines.push(format!("{:1$} {under}", "", speaker.len()));
            }
        }
        let fence = "`".repeat(lines.iter().map(|l| longest_run(l)).max().unwrap_or(0).max(2) + 1);
        writeln!(self.out, "  {fence}text")?;
        for line in lines {
            writeln!(self.out, "  {line}")?;
        }
        writeln!(self.out, "  {fence}\n")
    }

    fn note(&mut self, page: &StepPage) -> io::Result<()> {
        let note = &page.note;
        let source = note.source.first().map_or(String::new(), |s| format!(" — {}", escaped(s)));
        if !note.summary.is_empty() {
            self.inside(&format!("{}{source}", escaped(&note.summary)))?;
        }
        if self.options.detail {
            for part in &page.parts {
                writeln!(self.out, "  - *{}*: {}", escaped(&part.name), escaped(&part.text))?;
            }
            if !page.parts.is_empty() {
                writeln!(self.out)?;
            }
            for (key, _, text) in &note.more {
                let key = if key.is_empty() { String::new() } else { format!("*{}*: ", capital(key)) };
                self.inside(&format!("{key}{}", escaped(text)))?;
            }
            if note.source.len() > 1 {
                let rest: Vec<String> = note.source.iter().map(|s| escaped(s)).collect();
                self.inside(&format!("*Sources*: {}", rest.join(", ")))?;
            }
        }
        for (severity, text) in &note.findings {
            let word = if *severity == Severity::Hint { "Worth knowing" } else { "Finding" };
            self.inside(&format!("**{word}**: {}", escaped(text)))?;
        }
        Ok(())
    }
}

impl<W: Write> Renderer for Markdown<W> {
    fn begin(&mut self, cast: &Cast) -> io::Result<()> {
        let title =
            if cast.title.is_empty() { "A story without a title".to_owned() } else { escaped(&cast.title) };
        self.block(&format!("# {title}"))?;
        let seed = cast.seed.map_or(String::new(), |seed| format!(" · seed {seed}"));
        self.block(&format!("*{}{seed}*", clock::date(cast.start)))
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        let amount = if self.options.detail { Amount::All } else { Amount::Brief };
        match page::of(item, cast, Choice { amount, show_secrets: self.options.show_secrets }) {
            Page::Chapter { number, title, intro } => {
                self.chapter()?;
                self.waiting = Some((format!("## {number}. {}", escaped(&title)), escaped(&intro)));
                Ok(())
            }
            Page::Step(_) if !self.options.detail && headline::is_furniture(cast, item) => Ok(()),
            Page::Step(page) => self.step(&page),
            Page::Fact { mark, text, .. } => {
                let at = match item {
                    Item::Fact { at, .. } => at,
                    Item::Outcome(outcome) => &outcome.at,
                    _ => return Ok(()),
                };
                if !self.options.detail && headline::is_furniture(cast, item) {
                    return Ok(());
                }
                self.pause(at.since(cast.start))?;
                self.chapter()?;
                let mark = if matches!(item, Item::Outcome(_)) { format!("{mark} ") } else { String::new() };
                self.block(&format!("> {mark}{}", escaped(&text)))
            }
            Page::Mark { kind, text } if kind == "chapter" => {
                self.chapter()?;
                self.block(&format!("### {}", escaped(&text)))
            }
            Page::Mark { kind, text } => {
                self.chapter()?;
                self.block(&format!("> **{}**: {}", escaped(&kind), escaped(&text)))
            }
        }
    }

    fn end(&mut self, cast: &Cast, tally: &Tally, closing: &Closing<'_>) -> io::Result<()> {
        self.chapter()?;
        self.block("## Where is it now?")?;
        let places = tally.places(closing.state);
        for place in &places {
            writeln!(self.out, "- {}", escaped(&place.words(cast.start)))?;
        }
        if places.is_empty() {
            writeln!(self.out, "- nowhere: no host keeps a message")?;
        }
        self.out.flush()
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// Text on one line that is text and nothing else in CommonMark, in GitHub's dialect, and in mdBook.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    let mut begins = true;
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let markup = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '{' | '$' => true,
            // Headings, list marks, rules, tables' rules.
            '#' | '+' | '-' | '=' | '!' => begins || (c == '!' && next == Some('[')),
            // `14.` or `14)` would begin a list.
            '.' | ')' => begins,
            // A dialect may make a link of these.
            ':' => next == Some('/'),
            '@' => true,
            _ => false,
        };
        let www = c == '.' && out.to_ascii_lowercase().ends_with("www");
        if markup || www {
            out.push('\\');
        }
        out.push(c);
        // Digits at the beginning may still be a list's number.
        begins = begins && (c.is_ascii_digit() || c == ' ');
        before = c;
    }
    if before == ' ' { out.trim_end().to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<b>*x*</b> [a](b) 1. a"), "\\<b\\>\\*x\\*\\</b\\> \\[a\\](b) 1. a");
        assert_eq!(escaped("1. a"), "1\\. a");
        assert_eq!(escaped("- a - b"), "\\- a - b");
        assert_eq!(
            escaped("http://www.example.com {{#include x}}"),
            "http\\://www\\.example.com \\{\\{#include x}}"
        );
    }
}
