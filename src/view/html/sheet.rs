//! [`Sheet`]: a Step as its template takes it: lines cut into marked stretches, parts with letters, texts.
//!
//! Everything in it is escaped against terminals and hidden characters already (see [`page`](super::super::page));
//! the template escapes it for HTML.

use super::super::cast::Call;
use super::super::clock;
use super::super::page::{self, Label, StepPage, Voice, prose};
use super::super::wire::{Chunk, WireLine};
use super::after::Change;
use crate::base::Severity;
use crate::dissect::{Kind, Protocol, Step, Verdict};
use crate::explain::Note;
use crate::trace::Mark;
use crate::trace::answers::choices;
use serde::Serialize;

/// How many characters of one Step are shown; what is more is counted.
const MOST: usize = 40_000;
/// How many characters of its first line stand in the ladder.
const LABEL: usize = 160;
/// How many looks of highlights the style sheet has.
const LOOKS: usize = 6;

/// A Step, ready for its template.
#[derive(Clone, Debug, Serialize)]
pub struct Sheet {
    /// Its number.
    pub n: usize,
    pub conn: u32,
    pub time: String,
    /// `c`, `s`, `open`, `close`.
    pub voice: &'static str,
    pub protocol: &'static str,
    pub port: String,
    /// Which leg of the road it travels on.
    pub leg: Option<usize>,
    pub speaker: String,
    /// `yes`, `go on`, `not now`, `no`; empty for what is no reply.
    pub verdict: &'static str,
    /// What stands in front of that word: an IMAP tag.
    pub tag: String,
    /// The word the ladder sets in bold.
    pub word: String,
    /// The rest of the first line.
    pub label: String,
    /// Lines behind the first.
    pub lines: usize,
    pub encrypted: bool,
    /// Who talks with whom, where that is another pair than before.
    pub call: Option<CallHead>,
    pub ends: Option<CallHead>,
    pub pause: Option<String>,
    pub summary: String,
    pub wire: Vec<Line>,
    pub elided: String,
    pub parts: Vec<PartRow>,
    /// Whether any part can be pointed at in the lines shown.
    pub pointed: bool,
    pub findings: Vec<(&'static str, String)>,
    pub detail: String,
    /// Heading, class, text.
    pub more: Vec<(String, &'static str, String)>,
    pub source: Vec<String>,
    /// The Step at which the same longer text stands already.
    pub again: Option<usize>,
    pub before: Vec<Aside>,
    pub facts: Vec<Aside>,
    pub marks: Vec<Slip>,
    pub after: Vec<Change>,
}

/// One line as it crossed the wire.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub runs: Vec<Run>,
    /// How many lines are left out in front of it.
    pub gap: String,
}

/// A stretch of a line.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub text: String,
    /// Which look; 0 for none.
    pub look: usize,
    /// Letters of the parts that begin here.
    pub begins: String,
    /// Letters of all parts that it belongs to.
    pub of: String,
    pub secret: bool,
    /// Whether a person's highlight begins here, and whether it ends here.
    pub opens: bool,
    pub ends: bool,
}

/// What a part means.
#[derive(Clone, Debug, Serialize)]
pub struct PartRow {
    pub letter: String,
    pub look: usize,
    pub name: String,
    pub text: String,
    /// Whether it can be pointed at in the lines shown.
    pub shown: bool,
}

/// Who calls whom, over a stretch of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallHead {
    pub client: String,
    pub server: String,
    pub port: String,
}

impl CallHead {
    pub fn of(call: &Call) -> Self {
        CallHead { client: call.client.clone(), server: call.server.clone(), port: call.service_and_port() }
    }
}

/// Something between Steps: a fact, an intention, a person's mark.
#[derive(Clone, Debug, Serialize)]
pub struct Aside {
    /// `fact`, `intent`, `mark`.
    pub class: &'static str,
    /// The sign in the margin.
    pub sign: &'static str,
    /// What it is, for those who do not see the sign.
    pub what: String,
    pub time: String,
    pub text: String,
}

impl Aside {
    /// What a host stated.
    pub fn fact((label, sign): (Label, &'static str), text: String, time: Option<String>) -> Self {
        let (class, what) = match label {
            Label::Intent => ("intent", "a person"),
            Label::Refusal => ("fact refused", "outcome"),
            _ if sign == page::ACCEPTED => ("fact", "outcome"),
            _ => ("fact", "fact"),
        };
        Aside { class, sign, what: what.to_owned(), time: time.unwrap_or_default(), text }
    }

    /// What a person added, where it stands at no Step.
    pub fn mark(kind: &str, text: String) -> Self {
        Aside { class: "mark", sign: sign(kind), what: kind.to_owned(), time: String::new(), text }
    }
}

/// The sign of a person's mark.
fn sign(kind: &str) -> &'static str {
    match kind {
        "question" => "?",
        "pause" => "❚❚",
        _ => "✎",
    }
}

/// What a person added to a Step.
#[derive(Clone, Debug, Serialize)]
pub struct Slip {
    /// The sign in the margin, and the same in a word.
    pub sign: &'static str,
    pub what: String,
    /// The words that it is about; empty where it is about the whole Step.
    pub quote: String,
    pub text: String,
    /// What a question offers, the right answer among them.
    pub choices: Vec<String>,
    pub answer: String,
    pub author: String,
}

impl Slip {
    /// A mark at a Step; all of it came from a file, and is escaped here.
    pub fn of(mark: &Mark, step: &Step) -> Self {
        let whole = mark.range == Some((step.range.start, step.range.end));
        let quote = mark.quote.as_deref().filter(|_| !whole).unwrap_or_default();
        let text = if mark.kind == "pause" && mark.text.is_empty() { "Stop here." } else { &mark.text };
        Slip {
            sign: sign(&mark.kind),
            what: sentence(&prose(&mark.kind)),
            quote: prose(quote.trim_end_matches("␍␊")),
            text: prose(text),
            choices: choices(mark).into_iter().map(prose).collect(),
            answer: prose(&mark.answer),
            author: prose(&mark.author),
        }
    }
}

impl Sheet {
    /// The sheet of a Step; what stands around it is filled in later.
    pub fn of(step: &Step, note: &Note, page: &StepPage) -> Self {
        let letters = Letters::of(page);
        let (wire, elided) = letters.lines(page);
        let (tag, word, label) = label(step, page);
        let more = page.note.more.iter().filter(|(key, _, _)| !key.is_empty());
        let detail = page.note.more.iter().find(|(key, _, _)| key.is_empty());
        let class = |label: Label| if label == Label::Mistake { "mistake" } else { "" };
        Sheet {
            n: step.number,
            conn: step.conn.0,
            time: clock::elapsed(page.elapsed),
            voice: voice(page.voice),
            protocol: step.protocol.name(),
            port: page.call.as_ref().map(Call::service_and_port).unwrap_or_default(),
            leg: None,
            speaker: String::new(),
            verdict: verdict(step),
            tag,
            word,
            label,
            lines: (page.wire.lines.len() + page.wire.elided).saturating_sub(1),
            encrypted: step.protocol == Protocol::Tls || step.layer == crate::trace::Layer::Plain,
            call: None,
            ends: page.call.as_ref().map(CallHead::of),
            pause: None,
            summary: sentence(&page.note.summary),
            pointed: wire.iter().flat_map(|line| &line.runs).any(|run| run.look > 0),
            parts: letters.rows(page, &wire),
            wire,
            elided,
            findings: note
                .findings
                .iter()
                .zip(&page.note.findings)
                .map(|(_, (severity, text))| (severity_word(*severity), text.clone()))
                .collect(),
            detail: detail.map(|(_, _, text)| text.clone()).unwrap_or_default(),
            more: more.map(|(key, label, text)| (sentence(key), class(*label), text.clone())).collect(),
            source: page.note.source.clone(),
            again: None,
            before: Vec::new(),
            facts: Vec::new(),
            marks: Vec::new(),
            after: Vec::new(),
        }
    }

    /// The longer text as one string, by which it is known again; nothing where there is none worth it.
    pub fn more_key(&self) -> Option<String> {
        let unseen = if self.pointed { &[][..] } else { &self.parts };
        if self.detail.is_empty() && self.more.is_empty() && unseen.is_empty() {
            return None;
        }
        let mut key = self.detail.clone();
        for text in self
            .more
            .iter()
            .map(|(_, _, text)| text)
            .chain(&self.source)
            .chain(unseen.iter().map(|p| &p.text))
        {
            key.push('\n');
            key.push_str(text);
        }
        Some(key)
    }
}

/// The name of a protocol as people write it.
pub fn title(protocol: &str) -> &str {
    match protocol {
        "tcp" => "TCP",
        "dns" => "DNS",
        "smtp" => "SMTP",
        "pop3" => "POP3",
        "imap" => "IMAP",
        "tls" => "TLS",
        _ => "other",
    }
}

/// A text with a capital in front, unless its first word is no plain word.
fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let plain = !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || ",;:'".contains(c));
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if plain => c.to_ascii_uppercase().to_string() + chars.as_str(),
        _ => text.to_owned(),
    }
}

fn voice(voice: Voice) -> &'static str {
    match voice {
        Voice::Client => "c",
        Voice::Server => "s",
        Voice::Open => "open",
        Voice::Close => "close",
    }
}

fn verdict(step: &Step) -> &'static str {
    match step.verdict {
        Some(Verdict::Positive) => "yes",
        Some(Verdict::Intermediate) => "go on",
        Some(Verdict::Transient) => "not now",
        Some(Verdict::Negative) => "no",
        Some(Verdict::Neutral) | None => "",
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Hint => "hint",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// What the ladder says of a Step: of its first line what stands before the word that matters, that word, the rest.
fn label(step: &Step, page: &StepPage) -> (String, String, String) {
    if page.voice == Voice::Open {
        let port =
            page.call.as_ref().map_or_else(String::new, |call| format!(": {}", call.service_and_port()));
        return (String::new(), "opens".to_owned(), format!(" a connection{port}"));
    }
    let line = page.wire.lines.first().map(WireLine::text).unwrap_or_default();
    let mut cut: String = line.chars().take(LABEL).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    if page.voice == Voice::Close || step.kind == Kind::Data {
        return (cut, String::new(), String::new());
    }
    // An IMAP tag is not the word that matters.
    let tag = if step.protocol == Protocol::Imap { cut.find(' ').map_or(0, |at| at + 1) } else { 0 };
    let (tag, rest) = cut.split_at(tag);
    let end = rest.find([' ', '-', ':']).unwrap_or(rest.len());
    let (word, rest) = rest.split_at(end);
    (tag.to_owned(), word.to_owned(), rest.to_owned())
}

/// The parts of a page with their letters.
struct Letters {
    letters: Vec<String>,
}

impl Letters {
    fn of(page: &StepPage) -> Self {
        Letters { letters: (0..page.parts.len()).map(letter).collect() }
    }

    /// The lines to show, and what is said of what is left out.
    fn lines(&self, page: &StepPage) -> (Vec<Line>, String) {
        let (mut room, mut lines) = (MOST, Vec::new());
        let wire = &page.wire;
        for (i, line) in wire.lines.iter().enumerate() {
            let gap = wire.elided > 0 && i + wire.tail == wire.lines.len();
            let gap = if gap { left_out(wire.elided, "line") } else { String::new() };
            let mut runs: Vec<Run> =
                line.chunks.iter().map_while(|chunk| self.run(page, chunk, &mut room)).collect();
            point(&mut runs, &line.chunks);
            let short = runs.len() < line.chunks.len();
            lines.push(Line { runs, gap });
            if room == 0 || short {
                let rest = wire.lines.len() - i;
                return (lines, format!("{} from here on", left_out(rest, "line")));
            }
        }
        (lines, String::new())
    }

    fn run(&self, page: &StepPage, chunk: &Chunk, room: &mut usize) -> Option<Run> {
        if *room == 0 {
            return None;
        }
        let text: String = chunk.text.chars().take(*room).collect();
        *room -= text.chars().count();
        let span = chunk.span;
        let mut run = Run {
            text,
            look: 0,
            begins: String::new(),
            of: String::new(),
            secret: chunk.label == Label::Secret,
            opens: false,
            ends: false,
        };
        if span.is_empty() {
            return Some(run);
        }
        let mut inner = usize::MAX;
        for (i, (part, letter)) in page.parts.iter().zip(&self.letters).enumerate() {
            if part.span.start >= span.end || span.start >= part.span.end {
                continue;
            }
            if !run.of.is_empty() {
                run.of.push(' ');
            }
            run.of.push_str(letter);
            if part.span.start >= span.start {
                run.begins.push_str(letter);
            }
            if part.span.len() <= inner {
                (inner, run.look) = (part.span.len(), look(i));
            }
        }
        Some(run)
    }

    fn rows(&self, page: &StepPage, lines: &[Line]) -> Vec<PartRow> {
        let shown = |letter: &str| {
            lines.iter().flat_map(|line| &line.runs).any(|run| run.of.split(' ').any(|of| of == letter))
        };
        let rows = page.parts.iter().zip(&self.letters).enumerate().map(|(i, (part, letter))| PartRow {
            letter: letter.clone(),
            look: look(i),
            name: part.name.clone(),
            text: sentence(&part.text),
            shown: shown(letter),
        });
        rows.collect()
    }
}

/// Where a highlight begins and ends in a line: runs side by side that are pointed at are one.
fn point(runs: &mut [Run], chunks: &[Chunk]) {
    let marked: Vec<bool> = chunks.iter().take(runs.len()).map(|chunk| chunk.marked).collect();
    for (i, run) in runs.iter_mut().enumerate() {
        let is = |at: Option<usize>| at.and_then(|at| marked.get(at)).is_some_and(|is| *is);
        run.opens = is(Some(i)) && !is(i.checked_sub(1));
        run.ends = is(Some(i)) && !is(Some(i + 1));
    }
}

fn left_out(n: usize, noun: &str) -> String {
    format!("{} left out of this page", clock::count(n as u64, noun))
}

/// Looks are 1 to [`LOOKS`].
fn look(i: usize) -> usize {
    i % LOOKS + 1
}

/// `a` to `z`, then `aa`, `ab`, …
fn letter(mut i: usize) -> String {
    let mut out = Vec::new();
    loop {
        out.push(b'a' + u8::try_from(i % 26).unwrap_or(0));
        match (i / 26).checked_sub(1) {
            Some(rest) => i = rest,
            None => break,
        }
    }
    out.iter().rev().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_behind_z() {
        assert_eq!([0, 25, 26, 27, 702].map(letter), ["a", "z", "aa", "ab", "aaa"]);
    }

    #[test]
    fn only_plain_words_get_a_capital() {
        assert_eq!(sentence("the client logs in"), "The client logs in");
        assert_eq!(sentence("mail.example.com is ready"), "mail.example.com is ready");
        assert_eq!(sentence("2.1.5: done"), "2.1.5: done");
        assert_eq!(sentence(""), "");
    }
}
