//! Exchanges → the lines of a cell: who says what, long answers and repetitions told in brief.

use super::{CellLine, Options, octets};
use crate::base::{Span, escape};
use crate::compare::{Exchange, Line};
use crate::dissect::{Kind, Protocol, Verdict};
use crate::trace::Direction;
use crate::view::clock;
use crate::view::page::{Label, prose};
use crate::view::wire::HIDDEN;
use std::collections::BTreeSet;

/// So many exchanges of one verb in a row are told one by one; of more, the first and the last.
const ONE_BY_ONE: usize = 3;
/// Characters of a line.
const WIDEST: usize = 160;

/// The lines of a cell, being gathered.
pub struct Lines<'o> {
    options: &'o Options,
    out: Vec<CellLine>,
    /// Lines of the wire that are shown, and that are not.
    said: usize,
    left_out: usize,
}

impl<'o> Lines<'o> {
    /// None yet.
    pub fn new(options: &'o Options) -> Self {
        Lines { options, out: Vec::new(), said: 0, left_out: 0 }
    }

    /// Take these exchanges: a long run of one verb is told by its first, its number and its last.
    pub fn exchanges(&mut self, exchanges: &[Exchange]) {
        let alike = |a: &Exchange, b: &Exchange| {
            (is_lookup(a) && is_lookup(b)) || (a.verb == b.verb && !a.verb.is_empty())
        };
        for run in exchanges.chunk_by(alike) {
            match run {
                [first, ..] if is_lookup(first) => self.lookups(run),
                [first, between @ .., last] if run.len() > ONE_BY_ONE => {
                    self.exchange(first);
                    let (count, bytes) =
                        (between.len() as u64, between.iter().flat_map(|e| &e.lines).map(|l| l.len).sum());
                    let times = clock::count(count, "time");
                    self.say(format!("… {} {times} more, {}", prose(&first.verb), octets(bytes)));
                    self.exchange(last);
                }
                all => all.iter().for_each(|e| self.exchange(e)),
            }
        }
    }

    /// The lines of these exchanges alone.
    pub fn told(mut self, exchanges: &[Exchange]) -> Vec<CellLine> {
        self.exchanges(exchanges);
        self.done()
    }

    /// Words between the lines: what was left out before them is told first, and behind them as much is shown again.
    pub fn aside(&mut self, label: Label, mark: &'static str, text: String) {
        self.close();
        self.out.push(CellLine { label, mark, text, step: None });
    }

    /// All lines; at the end, how many were left out.
    pub fn done(mut self) -> Vec<CellLine> {
        self.close();
        self.out
    }

    fn close(&mut self) {
        if self.left_out > 0 {
            let text = format!("… {} more", clock::count(self.left_out as u64, "line"));
            self.out.push(CellLine { label: Label::Dim, mark: "", text, step: None });
        }
        (self.said, self.left_out) = (0, 0);
    }

    /// Questions to the DNS are not what is compared: they are told in one line.
    fn lookups(&mut self, run: &[Exchange]) {
        let types: BTreeSet<String> = run.iter().map(|e| prose(&e.verb)).collect();
        let types: Vec<String> = types.into_iter().collect();
        let count = clock::count(run.len() as u64, "question");
        self.push(CellLine {
            label: Label::Dim,
            mark: "",
            text: format!("asks the DNS: {count} ({})", types.join(", ")),
            step: run.iter().flat_map(|e| &e.lines).map(|l| l.step).next(),
        });
    }

    fn say(&mut self, text: String) {
        self.push(CellLine { label: Label::Dim, mark: "", text, step: None });
    }

    fn push(&mut self, line: CellLine) {
        if self.said < self.options.most {
            self.said += 1;
            self.out.push(line);
        } else {
            self.left_out += 1;
        }
    }

    fn exchange(&mut self, exchange: &Exchange) {
        // Of several lines of one kind that the server tells in passing, the first and the last.
        let alike =
            |a: &Line, b: &Line| a.kind == Kind::Untagged && b.kind == Kind::Untagged && a.verb == b.verb;
        for run in exchange.lines.chunk_by(alike) {
            match run {
                [first, between @ .., last] if run.len() > ONE_BY_ONE => {
                    self.line(first);
                    self.say(format!(
                        "… {} more, {}",
                        between.len(),
                        octets(between.iter().map(|l| l.len).sum())
                    ));
                    self.line(last);
                }
                all => all.iter().for_each(|l| self.line(l)),
            }
        }
    }

    fn line(&mut self, line: &Line) {
        let (label, mark) = match (line.from, line.verdict) {
            _ if matches!(line.kind, Kind::Open | Kind::Close) => (Label::Dim, ""),
            (_, Some(Verdict::Transient | Verdict::Negative)) => (Label::Refusal, "◀"),
            (Direction::Client, _) => (Label::ClientLine, "▶"),
            (Direction::Server, _) => (Label::ServerLine, "◀"),
        };
        let text = match line.kind {
            Kind::Open => "opens a connection".to_owned(),
            Kind::Close => "the connection ends".to_owned(),
            Kind::Data if line.from == Direction::Server => format!("({} of the message)", octets(line.len)),
            _ => self.words(line),
        };
        self.push(CellLine { label, mark, text, step: Some(line.step) });
    }

    /// The first line of what was said, and how much follows it.
    fn words(&self, line: &Line) -> String {
        let end = line.bytes.iter().position(|b| *b == b'\n').map_or(line.bytes.len(), |at| at + 1);
        let secrets = if self.options.show_secrets { &[][..] } else { &line.secrets };
        let first = hidden(line.bytes.get(..end).unwrap_or_default(), secrets);
        let first = first.trim_end_matches(['␍', '␊']);
        let shown: String = first.chars().take(WIDEST).collect();
        let cut = if shown.len() < first.len() { "…" } else { "" };
        let rest = line.len.saturating_sub(end as u64);
        if rest > 0 { format!("{shown}{cut} … {} more", octets(rest)) } else { format!("{shown}{cut}") }
    }
}

fn is_lookup(exchange: &Exchange) -> bool {
    exchange.lines.first().is_some_and(|line| line.protocol == Protocol::Dns)
}

/// Escaped, with secrets hidden.
fn hidden(bytes: &[u8], secrets: &[Span]) -> String {
    let mut spans: Vec<&Span> = secrets.iter().collect();
    spans.sort_by_key(|s| s.start);
    let (mut out, mut at) = (String::new(), 0);
    for span in spans {
        let (start, end) = (span.start.clamp(at, bytes.len()), span.end.clamp(at, bytes.len()));
        if start < end {
            out.push_str(&escape::line(bytes.get(at..start).unwrap_or_default()));
            out.push_str(HIDDEN);
            at = end;
        }
    }
    out + &escape::line(bytes.get(at..).unwrap_or_default())
}
