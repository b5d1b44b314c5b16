//! The story as JSON Lines: one object a line, for other programs.
//!
//! Every object has a `type`; times are microseconds since the Unix epoch (`at`), spans count the bytes of the
//! Step as they crossed the wire. The output is the same for the same story, on every machine.
//!
//! | `type` | fields |
//! |---|---|
//! | `chapter` | `number`, `id`, `title`, `intro` |
//! | `step` | `number`, `conn`, `client`, `server` (hosts), `layer`, `from` (`c`, `s`), `range` (offsets in that side's stream), `at`, `record`, `protocol`, `kind`, `verb`, `code`, `verdict`, `text`, `base64`, `redacted`, `encrypted` (a watcher of the wire cannot read it), `parts`, `note` |
//! | `fact` | `at`, `host`, `text`, and the fact's own fields under `fact` |
//! | `mark` | `kind`, `text`, and its anchor: `conn`, `from`, `range`, `quote` |
//! | `summary` | the counts of `view::tally::Tally`, and `places` |
//!
//! A step's `text` is its bytes where they are UTF-8. Where they are not, it is escaped text, and `base64` holds
//! the bytes. Secrets stand as `••••••` in both, and `redacted` is true. Characters that steer a terminal or hide
//! text (C0, C1, bidi controls) are never written raw, only as JSON's `\u` escapes.

use super::tally::Place;
use super::wire::redacted;
use super::{Cast, Closing, Renderer, Tally};
use crate::base::{Instant, Part, escape};
use crate::dissect::{Kind, Protocol, Step, Verdict};
use crate::explain::{Item, Note, outcome};
use crate::trace::{Conn, Direction, Fact, Layer, Mark};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::io::{self, Write};

/// Renders a story as JSON Lines.
pub struct Json<W> {
    out: W,
    show_secrets: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Chapter {
        number: usize,
        id: &'a str,
        title: &'a str,
        intro: &'a str,
    },
    Step(Box<StepLine<'a>>),
    Fact {
        at: Instant,
        host: &'a str,
        text: &'a str,
        fact: &'a Fact,
    },
    Outcome {
        at: Instant,
        conn: Conn,
        result: outcome::Result,
        letters: u64,
        accepted: u64,
        refused: u64,
        text: &'a str,
    },
    Mark(&'a Mark),
    Summary {
        #[serde(flatten)]
        tally: &'a Tally,
        places: Vec<Place>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct StepLine<'a> {
    number: usize,
    conn: Conn,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    layer: Layer,
    from: Direction,
    range: (u64, u64),
    at: Instant,
    record: usize,
    protocol: Protocol,
    kind: Kind,
    #[serde(skip_serializing_if = "str::is_empty")]
    verb: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    redacted: bool,
    /// Nobody who only watches the wire can read it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    encrypted: bool,
    parts: &'a [Part],
    note: &'a Note,
}

impl<W: Write> Json<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W, show_secrets: bool) -> Self {
        Json { out, show_secrets }
    }

    /// The writer, when all is told.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, Tame);
        line.serialize(&mut serializer)?;
        self.out.write_all(b"\n")
    }

    fn step<'a>(&self, cast: &Cast, step: &'a Step, note: &'a Note) -> StepLine<'a> {
        let hide = !self.show_secrets && !step.secrets.is_empty();
        let bytes = redacted(&step.bytes, if hide { &step.secrets } else { &[] });
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => (escape::line(error.as_bytes()), Some(STANDARD.encode(error.as_bytes()))),
        };
        let call = cast.call(step.conn);
        StepLine {
            number: step.number,
            conn: step.conn,
            client: call.as_ref().map(|c| c.client.clone()),
            server: call.map(|c| c.server),
            layer: step.layer,
            from: step.from,
            range: (step.range.start, step.range.end),
            at: step.at,
            record: step.record,
            protocol: step.protocol,
            kind: step.kind,
            verb: &step.verb,
            code: &step.code,
            verdict: step.verdict,
            text,
            base64,
            redacted: hide,
            encrypted: !step.is_readable_on_the_wire(),
            parts: &step.parts,
            note,
        }
    }
}

impl<W: Write> Renderer for Json<W> {
    fn begin(&mut self, _cast: &Cast) -> io::Result<()> {
        Ok(())
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        let line = match item {
            Item::Chapter(c) => {
                Line::Chapter { number: c.number, id: &c.id, title: &c.title, intro: &c.intro }
            }
            Item::Step(step, note) => Line::Step(Box::new(self.step(cast, step, note))),
            Item::Fact { at, host, fact, text } => Line::Fact { at: *at, host, text, fact },
            Item::Outcome(outcome) => Line::Outcome {
                at: outcome.at,
                conn: outcome.conn,
                result: outcome.result,
                letters: outcome.letters,
                accepted: outcome.accepted,
                refused: outcome.refused,
                text: &outcome.text,
            },
            Item::Mark(mark) => Line::Mark(mark),
        };
        self.line(&line)
    }

    fn end(&mut self, _cast: &Cast, tally: &Tally, closing: &Closing<'_>) -> io::Result<()> {
        self.line(&Line::Summary { tally, places: tally.places(closing.state) })?;
        self.out.flush()
    }
}

/// Writes JSON in which no character that steers a terminal or hides text stands raw.
struct Tame;

impl serde_json::ser::Formatter for Tame {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| !c.is_ascii() || *c == '\x7f') {
            if escape::is_printable(c) {
                continue;
            }
            out.write_all(&fragment.as_bytes()[plain..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[plain..])
    }
}
