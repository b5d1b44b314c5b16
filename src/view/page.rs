//! [`Page`]: an item as labelled text: the labels carry meaning, the renderer picks place and colour.
//!
//! Pages are made here and nowhere else, and here is where untrusted text is escaped and secrets are hidden:
//! once, so that no renderer has to think of it. A page's text holds no control character and no line break.

use super::cast::{Call, Cast};
use super::wire::{self, Amount, WireLines};
use crate::base::{Severity, Span, escape};
use crate::dissect::tls::TlsMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::explain::{Chapter, Item, Note, outcome};
use crate::trace::answers::choices;
use crate::trace::{CloseHow, Direction, Fact, Layer, Mark};
use std::time::Duration;

/// What a stretch of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// The story's title.
    Title,
    /// A stage of the road.
    Chapter,
    /// What sets its scene.
    Intro,
    /// A machine.
    Host,
    /// A service and its port.
    Port,
    /// Lines, arrows and rules: what joins and parts.
    Rule,
    /// A Step's number and its time.
    Time,
    /// The client's words on the wire.
    ClientLine,
    /// The server's words on the wire.
    ServerLine,
    /// The server says no, for now or for good.
    Refusal,
    /// Where a secret stood.
    Secret,
    /// The marks under or beside a line that tie a part to its note.
    Pointer,
    /// What a line means.
    Note,
    /// What a part of it means.
    PartNote,
    /// More about it.
    Detail,
    /// The word in the margin that says what a paragraph is.
    Key,
    /// Who says so.
    Source,
    /// The state of the world has changed.
    Fact,
    /// A person sets out, or is done.
    Intent,
    /// Something is off.
    Finding,
    /// The common mistake.
    Mistake,
    /// Time passes.
    Pause,
    /// A person's mark on the recording.
    Mark,
    /// Bytes that a person pointed at.
    Marked,
    /// A command to try next.
    Command,
    /// Of less weight.
    Dim,
}

/// One item, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// A stage of the road begins.
    Chapter {
        /// From 1.
        number: usize,
        /// Its title.
        title: String,
        /// What sets its scene.
        intro: String,
    },
    /// A Step.
    Step(Box<StepPage>),
    /// A host stated something, or this came of a connection.
    Fact {
        /// Whether a person's intention is meant ([`Label::Intent`]), the world's state ([`Label::Fact`]), or that
        /// something was not delivered ([`Label::Refusal`]).
        label: Label,
        /// The sign in front of it, which says the same without colour.
        mark: &'static str,
        /// In words.
        text: String,
    },
    /// A person's mark.
    Mark {
        /// `comment`, `question`, …
        kind: String,
        /// Its text.
        text: String,
    },
}

/// What sort of line a Step is, for its place and its direction mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The client speaks.
    Client,
    /// The server speaks.
    Server,
    /// A connection begins.
    Open,
    /// A connection ends.
    Close,
}

/// A Step, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPage {
    /// Its number.
    pub number: usize,
    /// Virtual time since the story's start.
    pub elapsed: Duration,
    /// Who speaks.
    pub voice: Voice,
    /// In which protocol.
    pub protocol: Protocol,
    /// Whether the server says no, for now or for good.
    pub refused: bool,
    /// Between whom, where that is known.
    pub call: Option<Call>,
    /// It was said inside TLS: whoever watched the wire saw records of encrypted bytes in its place.
    pub inside: bool,
    /// What is shown of its bytes (for what has none to read: words instead).
    pub wire: WireLines,
    /// What the parts mean: indices in [`wire::WireLine::parts`] lead here.
    pub parts: Vec<PartPage>,
    /// What is said about it.
    pub note: NotePage,
}

/// What one part means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartPage {
    /// Where it stands in the Step's bytes.
    pub span: Span,
    /// The grammar's name for it.
    pub name: String,
    /// How it begins, as it is shown; empty where it holds a secret.
    pub quote: String,
    /// What it means.
    pub text: String,
}

/// A Note, ready to be shown. Empty texts are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotePage {
    /// The id of its entry: what appears a second time is told more briefly.
    pub id: String,
    /// One line: what it means here.
    pub summary: String,
    /// The paragraphs behind it, in reading order: the word in the margin, what it is, the text.
    pub more: Vec<(&'static str, Label, String)>,
    /// Who says so, the most important first.
    pub source: Vec<String>,
    /// What is off, with how much it matters.
    pub findings: Vec<(Severity, String)>,
}

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How much of long blocks.
    pub amount: Amount,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// The sign of a letter that was taken.
pub const ACCEPTED: &str = "✓";
/// The sign of a letter that was not delivered.
pub const UNDELIVERED: &str = "✗";
/// The sign of a letter that was put off.
pub const PUT_OFF: &str = "↻";

/// Characters of what a mark quotes that are shown.
const QUOTED: usize = 48;

/// The page of an item.
pub fn of(item: &Item, cast: &Cast, choice: Choice) -> Page {
    match item {
        Item::Chapter(Chapter { number, title, intro, .. }) => {
            Page::Chapter { number: *number, title: prose(title), intro: prose(intro) }
        }
        Item::Step(step, note) => Page::Step(Box::new(self::step(step, note, cast, choice))),
        Item::Fact { fact, text, .. } => {
            let (label, mark) = match fact {
                Fact::IntentBegins { .. } | Fact::IntentEnds { .. } => (Label::Intent, "☞"),
                Fact::Failed { .. } => (Label::Refusal, UNDELIVERED),
                Fact::RetryAt { .. } => (Label::Refusal, PUT_OFF),
                _ => (Label::Fact, "●"),
            };
            Page::Fact { label, mark, text: prose(text) }
        }
        Item::Outcome(outcome) => {
            let (label, mark) = match outcome.result {
                outcome::Result::Accepted => (Label::Fact, ACCEPTED),
                outcome::Result::PutOff => (Label::Refusal, PUT_OFF),
                _ => (Label::Refusal, UNDELIVERED),
            };
            Page::Fact { label, mark, text: prose(&outcome.text) }
        }
        Item::Mark(mark) => Page::Mark { kind: prose(&mark.kind), text: prose(&said(mark)) },
    }
}

/// What a mark says: what it is about, its text, who wrote it, and the choices of a question. The right answer is not
/// told: whoever shows the mark to a class has it (`Mark::answer`).
fn said(mark: &Mark) -> String {
    let mut said = String::new();
    if let Some(quote) =
        mark.quote.as_deref().filter(|_| matches!(mark.kind.as_str(), "comment" | "highlight"))
    {
        let short: String = quote.trim_end_matches("␍␊").chars().take(QUOTED).collect();
        let more = if short.len() < quote.trim_end_matches("␍␊").len() { "…" } else { "" };
        said = format!("“{short}{more}” ");
    }
    said.push_str(if mark.kind == "pause" && mark.text.is_empty() { "stop here" } else { &mark.text });
    for (letter, choice) in ('a'..='z').zip(choices(mark)) {
        said.push_str(&format!(" ({letter}) {choice}"));
    }
    if !mark.author.is_empty() {
        said.push_str(&format!(" — {}", mark.author));
    }
    said
}

fn step(step: &Step, note: &Note, cast: &Cast, choice: Choice) -> StepPage {
    let voice = match (step.kind, step.from) {
        (Kind::Open, _) => Voice::Open,
        (Kind::Close, _) => Voice::Close,
        (_, Direction::Client) => Voice::Client,
        (_, Direction::Server) => Voice::Server,
    };
    let parts: Vec<PartPage> =
        note.parts.iter().filter(|p| !p.text.is_empty()).map(|p| part(p, step)).collect();
    StepPage {
        number: step.number,
        elapsed: step.at.since(cast.start),
        voice,
        protocol: step.protocol,
        refused: matches!(step.verdict, Some(Verdict::Transient | Verdict::Negative)),
        call: cast.call(step.conn),
        inside: step.layer == Layer::Plain,
        wire: wire_of(step, voice, cast, &parts, choice),
        parts,
        note: note_of(note),
    }
}

/// Octets of a part that are quoted.
const QUOTE: usize = 40;

fn part(part: &crate::explain::PartNote, step: &Step) -> PartPage {
    let secret = step.secrets.iter().any(|s| s.start < part.span.end && part.span.start < s.end);
    let bytes = part.span.of(&step.bytes);
    let line = bytes.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
    let quote = if secret { String::new() } else { escape::line(&line[..line.len().min(QUOTE)]) };
    PartPage { span: part.span, name: part.name.to_owned(), quote, text: prose(&part.text) }
}

/// The bytes as lines; where there is nothing to read in them, words.
fn wire_of(step: &Step, voice: Voice, cast: &Cast, parts: &[PartPage], choice: Choice) -> WireLines {
    let label = match (voice, step.verdict) {
        (Voice::Open | Voice::Close, _) => Label::Dim,
        (_, Some(Verdict::Transient | Verdict::Negative)) => Label::Refusal,
        (Voice::Client, _) => Label::ClientLine,
        (Voice::Server, _) => Label::ServerLine,
    };
    if let Meaning::Gap(len, _) = step.meaning {
        return wire::words(Label::Dim, &[gap(step, len)]);
    }
    match (voice, step.protocol) {
        (Voice::Open, _) => WireLines::default(),
        (Voice::Close, _) => wire::words(label, &[ending(step, cast)]),
        (_, Protocol::Tls) => wire::words(label, &[tls(step)]),
        (_, Protocol::Dns) => super::dns::lines(step, label),
        _ => {
            let spans: Vec<Span> = parts.iter().map(|p| p.span).collect();
            let secrets = if choice.show_secrets { &[][..] } else { &step.secrets };
            let (bytes, marked) = (&step.bytes, cast.pointed(step));
            wire::lines(
                &wire::Source { bytes, label, secrets, parts: &spans, marked: &marked },
                choice.amount,
            )
        }
    }
}

/// A TLS record in words: whose message it is where that can be read, else how long it is.
fn tls(step: &Step) -> String {
    let count = super::clock::count(step.bytes.len() as u64, "byte");
    match &step.meaning {
        Meaning::Tls(TlsMeaning::ClientHello(hello)) => match &hello.server_name {
            Some(name) => format!("TLS ClientHello for {}, {count}", escape::text(name)),
            None => format!("TLS ClientHello, {count}"),
        },
        Meaning::Tls(TlsMeaning::ServerHello(hello)) => {
            let chosen = format!("{}, {}", hello.version, hello.suite);
            format!("TLS ServerHello: {}, {count}", escape::text(&chosen))
        }
        Meaning::Tls(TlsMeaning::Alert { what, .. }) => format!("TLS alert: {}", escape::text(what)),
        _ if step.verb == "CHANGE-CIPHER-SPEC" => format!("TLS ChangeCipherSpec, {count}"),
        _ => format!("TLS: {count} that only the two ends can read"),
    }
}

/// What stands in the place of bytes that are not there.
fn gap(step: &Step, len: Option<u64>) -> String {
    let of = match (step.layer, step.protocol) {
        (Layer::Plain, _) => " of what was said inside TLS",
        (Layer::Wire, Protocol::Tls) => " of TLS records",
        (Layer::Wire, _) => "",
    };
    match len {
        Some(1) => format!("(1 byte{of} is missing here)"),
        Some(len) => format!("({} bytes{of} are missing here)", super::clock::grouped(len)),
        None if step.layer == Layer::Plain => "(what was said inside TLS before is missing)".to_owned(),
        None => "(what was sent before is missing)".to_owned(),
    }
}

/// How a connection ended, and by whom.
fn ending(step: &Step, cast: &Cast) -> String {
    let speaker = cast.speaker(step.conn, step.from);
    match step.meaning {
        Meaning::Close(CloseHow::Reset) => format!("{speaker} breaks the connection off (RST)"),
        Meaning::Close(CloseHow::Refused) => {
            let at = cast.call(step.conn).map_or(speaker, |call| call.server_address);
            format!("refused: nobody listens at {at}")
        }
        Meaning::Close(CloseHow::LetGo) => "the recording follows this connection no further".to_owned(),
        Meaning::Close(CloseHow::Timeout) => "no answer comes; the caller gives up".to_owned(),
        _ => format!("{speaker} closes the connection"),
    }
}

fn note_of(note: &Note) -> NotePage {
    let more = [
        ("", Label::Detail, &note.detail),
        ("why now", Label::Detail, &note.why),
        ("next", Label::Detail, &note.next),
        ("post office", Label::Detail, &note.post_office),
        ("common mistake", Label::Mistake, &note.mistake),
    ];
    NotePage {
        id: note.id.to_string(),
        summary: prose(&note.summary),
        more: more.into_iter().map(|(k, l, t)| (k, l, prose(t))).filter(|(_, _, t)| !t.is_empty()).collect(),
        source: note.source.iter().map(|s| prose(s)).collect(),
        findings: note.findings.iter().map(|(f, text)| (f.severity, prose(text))).collect(),
    }
}

/// Text for people on one line: white space made single spaces, everything else escaped. Escaping twice changes
/// nothing, so that a text which quotes what was escaped already stays as it is.
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_ascii_whitespace()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&escape::text(word));
    }
    out
}
