//! The story as an asciicast, version 2: the plain view, typed into a terminal as time goes by.
//!
//! Where it stands on the road: a view around `plain`. The format (asciinema's "asciicast v2") is JSON Lines: a
//! head, then one event a line, `[seconds, "o", text]`. Time is the story's own, but a recording is watched by
//! people: a long wait is cut short, and a Step stays long enough to be seen.

use super::plain::{Options as PlainOptions, Plain};
use super::{Cast, Closing, Renderer, Tally};
use crate::base::Instant;
use crate::explain::Item;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

/// How it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is on the screen.
    pub plain: PlainOptions,
    /// Rows of the terminal.
    pub rows: usize,
    /// A wait is cut to this: 2 s.
    pub longest_wait: Duration,
    /// Before a Step passes at least so much: 400 ms. Most of them are some milliseconds apart, and nobody reads
    /// as fast as that.
    pub shortest_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            plain: PlainOptions::default(),
            rows: 32,
            longest_wait: Duration::from_secs(2),
            shortest_wait: Duration::from_millis(400),
        }
    }
}

/// Renders a story as an asciicast.
pub struct Asciicast<W> {
    out: W,
    options: Options,
    plain: Plain<Screen>,
    screen: Screen,
    /// Time in the recording.
    now: Duration,
    /// When the last item was, in the story.
    last: Option<Instant>,
}

/// What the plain view writes on, and what is taken from it after each item.
#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Asciicast<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W, options: Options) -> Self {
        let screen = Screen::default();
        let plain = Plain::new(screen.clone(), options.plain);
        Asciicast { out, options, plain, screen, now: Duration::ZERO, last: None }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// What was written since the last time becomes an event, `wait` after the one before it.
    fn event(&mut self, wait: Duration) -> io::Result<()> {
        let bytes = std::mem::take(&mut *self.screen.0.borrow_mut());
        if bytes.is_empty() {
            return Ok(());
        }
        self.now += wait;
        // A terminal goes to the beginning of a row by CR, and to the next row by LF.
        let text = String::from_utf8_lossy(&bytes).replace('\n', "\r\n");
        let text = serde_json::to_string(&text)?;
        writeln!(self.out, "[{}.{:06}, \"o\", {text}]", self.now.as_secs(), self.now.subsec_micros())
    }
}

impl<W: Write> Renderer for Asciicast<W> {
    fn begin(&mut self, cast: &Cast) -> io::Result<()> {
        let head = serde_json::json!({
            "version": 2,
            "width": self.options.plain.width,
            "height": self.options.rows,
            "timestamp": cast.start.as_secs().max(0),
            "title": cast.title,
            "env": { "TERM": "xterm-256color" },
        });
        writeln!(self.out, "{head}")?;
        self.plain.begin(cast)?;
        self.event(Duration::ZERO)
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        self.plain.item(cast, item)?;
        let at = match item {
            Item::Step(step, _) => step.at,
            Item::Fact { at, .. } => *at,
            Item::Outcome(outcome) => outcome.at,
            Item::Chapter(_) | Item::Mark(_) => return self.event(self.options.shortest_wait),
        };
        let before = self.last.replace(at).unwrap_or(cast.start);
        let shortest = match item {
            Item::Step(..) => self.options.shortest_wait,
            _ => Duration::ZERO,
        };
        self.event(at.since(before).min(self.options.longest_wait).max(shortest))
    }

    fn end(&mut self, cast: &Cast, tally: &Tally, closing: &Closing<'_>) -> io::Result<()> {
        self.plain.end(cast, tally, closing)?;
        self.event(self.options.longest_wait)?;
        self.out.flush()
    }
}
