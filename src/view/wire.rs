//! Bytes of a Step → [`WireLine`]s: escaped, with secrets hidden, each stretch still knowing which bytes it shows.
//!
//! This is where the choke point of `base::escape` stands for everything that crossed a wire: once, here.

use super::page::Label;
pub use crate::base::secret::HIDDEN;
use crate::base::{Span, escape};
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// A stretch of one wire line, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A line of the client or the server, or [`Label::Secret`].
    pub label: Label,
    /// Printable, without line breaks.
    pub text: String,
    /// The bytes that it shows, in the Step's bytes.
    pub span: Span,
    /// Whether somebody pointed at it.
    pub marked: bool,
}

/// One line as it crossed the wire, its line end left out where it is CR LF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireLine {
    /// Its stretches, in order.
    pub chunks: Vec<Chunk>,
    /// Which explained parts begin in it: indices into the page's parts.
    pub parts: Vec<usize>,
}

impl WireLine {
    /// All of it as one text.
    pub fn text(&self) -> String {
        self.chunks.iter().map(|chunk| chunk.text.as_str()).collect()
    }

    /// A row of `stroke` under what somebody pointed at; empty where nobody did.
    pub fn underline(&self, stroke: char) -> String {
        let (mut out, mut column) = (String::new(), 0);
        for chunk in &self.chunks {
            let width = chunk.text.width();
            if chunk.marked {
                out.extend(std::iter::repeat_n(' ', column - out.chars().count()));
                out.extend(std::iter::repeat_n(stroke, width));
            }
            column += width;
        }
        out
    }
}

/// The lines to show, and how many were left out in front of the last `tail` ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireLines {
    /// Those shown.
    pub lines: Vec<WireLine>,
    /// How many of the lines stand behind the gap.
    pub tail: usize,
    /// How many lines are missing there.
    pub elided: usize,
}

/// How much of a long block is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Every line.
    All,
    /// Of a long block, the headers, the first lines of the body and the last line.
    Brief,
}

/// What [`lines`] needs to know of a Step.
pub struct Source<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whose words they are.
    pub label: Label,
    /// What must not be shown, in any order.
    pub secrets: &'a [Span],
    /// The explained parts.
    pub parts: &'a [Span],
    /// What somebody pointed at, in order and without overlaps.
    pub marked: &'a [Span],
}

/// A block of at most this many lines is shown whole, even in brief.
const WHOLE: usize = 30;
/// Of a longer one: how many header lines are looked through for the empty line that ends them.
const HEADERS: usize = 60;
/// How many lines of the body are shown behind them.
const BODY: usize = 6;
/// How many where the body is a report on a delivery (RFC 3464), which is there to be read.
const REPORT: usize = 30;

/// The lines of a Step's bytes.
pub fn lines(source: &Source<'_>, amount: Amount) -> WireLines {
    let ranges = ranges(source.bytes);
    let (head, tail) = match amount {
        Amount::All => (ranges.len(), 0),
        Amount::Brief => plan(source.bytes, &ranges),
    };
    let hidden = merged(source.secrets);
    let shown = ranges.iter().take(head).chain(ranges.iter().skip(ranges.len() - tail));
    WireLines {
        lines: shown.map(|range| line(source, &hidden, range)).collect(),
        tail,
        elided: ranges.len() - head - tail,
    }
}

/// Lines of our own in place of bytes that nobody can read; they may quote what came off a wire.
pub fn words<S: AsRef<str>>(label: Label, texts: &[S]) -> WireLines {
    let chunk =
        |text: &S| Chunk { label, text: escape::text(text.as_ref()), span: Span::default(), marked: false };
    let lines = texts.iter().map(|text| WireLine { chunks: vec![chunk(text)], parts: Vec::new() });
    WireLines { lines: lines.collect(), tail: 0, elided: 0 }
}

/// Where each line stands, its line feed included.
fn ranges(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut out = Vec::new();
    for piece in bytes.split_inclusive(|b| *b == b'\n') {
        out.push(start..start + piece.len());
        start += piece.len();
    }
    out
}

/// How many lines to show in front of the gap, and behind it.
fn plan(bytes: &[u8], ranges: &[Range<usize>]) -> (usize, usize) {
    if ranges.len() <= WHOLE {
        return (ranges.len(), 0);
    }
    let is_empty = |range: &Range<usize>| matches!(bytes.get(range.clone()), Some(b"\r\n" | b"\n"));
    let blank = ranges.iter().take(HEADERS).position(is_empty);
    let header = blank.and_then(|blank| ranges.get(blank)).and_then(|end| bytes.get(..end.start));
    let is_report =
        header.is_some_and(|h| h.to_ascii_lowercase().windows(15).any(|w| w == b"delivery-status"));
    let body = if is_report { REPORT } else { BODY };
    let head = blank.map_or(2 * BODY, |blank| blank + 1 + body);
    if ranges.len() < head + 5 { (ranges.len(), 0) } else { (head, 1) }
}

/// Secrets in order, those that touch made one.
fn merged(secrets: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = secrets.iter().copied().filter(|s| !s.is_empty()).collect();
    sorted.sort();
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

/// One line, cut where secrets and explained parts begin and end.
fn line(source: &Source<'_>, hidden: &[Span], range: &Range<usize>) -> WireLine {
    let whole = Span::new(range.start, range.end);
    let text = whole.of(source.bytes);
    // Where the line end is all there is, it is shown.
    let alone = text.len() == source.bytes.len() && text.len() <= 2;
    let text = text.strip_suffix(b"\r\n").filter(|_| !alone).unwrap_or(text);
    let end = range.start + text.len();
    let inside = |at: &usize| *at > range.start && *at < end;
    let spans = hidden.iter().chain(source.parts).chain(source.marked);
    let mut cuts: Vec<usize> = spans.flat_map(|s| [s.start, s.end]).filter(inside).collect();
    cuts.extend([range.start, end]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut chunks: Vec<Chunk> = Vec::with_capacity(cuts.len());
    for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
        let span = Span::new(*start, *end);
        let meets = |s: &Span| s.start < span.end && span.start < s.end;
        let (secret, marked) = (hidden.iter().any(meets), source.marked.iter().any(meets));
        match chunks.last_mut() {
            Some(last) if secret && last.label == Label::Secret => {
                // Of a secret nobody learns where in it somebody pointed.
                (last.span.end, last.marked) = (span.end, last.marked || marked);
            }
            _ if secret => chunks.push(Chunk { label: Label::Secret, text: HIDDEN.to_owned(), span, marked }),
            _ => {
                let text = escape::line(span.of(source.bytes));
                chunks.push(Chunk { label: source.label, text, span, marked });
            }
        }
    }
    let begins = |span: &Span| span.start >= range.start && span.start < range.end && !span.is_empty();
    let parts = source.parts.iter().enumerate().filter(|(_, s)| begins(s)).map(|(i, _)| i).collect();
    WireLine { chunks, parts }
}

/// Bytes with every secret replaced by [`HIDDEN`]: for outputs that give bytes rather than lines.
pub fn redacted(bytes: &[u8], secrets: &[Span]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for secret in merged(secrets) {
        out.extend_from_slice(Span::new(at, secret.start).of(bytes));
        out.extend_from_slice(HIDDEN.as_bytes());
        at = secret.end;
    }
    out.extend_from_slice(Span::new(at, bytes.len()).of(bytes));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], secrets: &[Span], amount: Amount) -> WireLines {
        lines(&Source { bytes, label: Label::ClientLine, secrets, parts: &[], marked: &[] }, amount)
    }

    #[test]
    fn a_line_end_is_silent_only_where_it_is_right() {
        let got = of(b"a\r\nb\nc\rd\r\n\r\ne", &[], Amount::All);
        assert_eq!(got.lines.iter().map(WireLine::text).collect::<Vec<_>>(), ["a", "b␊", "c␍d", "", "e"]);
    }

    #[test]
    fn a_secret_shows_neither_its_bytes_nor_its_length() {
        let got = of(b"PASS hunter2\r\n", &[Span::new(5, 9), Span::new(8, 12)], Amount::All);
        assert_eq!(got.lines.iter().map(WireLine::text).collect::<Vec<_>>(), ["PASS ••••••"]);
        assert_eq!(redacted(b"PASS x\r\n", &[Span::new(5, 6)]), "PASS ••••••\r\n".as_bytes());
        assert_eq!(redacted(b"abc", &[Span::new(2, 99)]), "ab••••••".as_bytes());
    }

    #[test]
    fn what_was_pointed_at_is_underlined_where_it_stands() {
        let bytes = "PASS 漢字 hunter2 x\r\n".as_bytes();
        let marked = [Span::new(5, 8), Span::new(14, 16)];
        let source = Source {
            bytes,
            label: Label::ClientLine,
            secrets: &[Span::new(12, 19)],
            parts: &[Span::new(0, 11)],
            marked: &marked,
        };
        let line = lines(&source, Amount::All).lines.swap_remove(0);
        assert_eq!(line.text(), "PASS 漢字 •••••• x");
        assert_eq!(line.underline('^'), "     ^^   ^^^^^^");
        assert_eq!(of(b"a\r\n", &[], Amount::All).lines[0].underline('^'), "");
    }

    #[test]
    fn a_long_message_keeps_its_headers_and_its_end() {
        let mut message = b"Subject: long\r\n\r\n".to_vec();
        for i in 0..100 {
            message.extend_from_slice(format!("line {i}\r\n").as_bytes());
        }
        message.extend_from_slice(b".\r\n");
        let got = of(&message, &[], Amount::Brief);
        assert_eq!((got.lines.len(), got.tail, got.elided), (9, 1, 94));
        assert_eq!(got.lines.last().map(WireLine::text).as_deref(), Some("."));
        assert_eq!(of(&message, &[], Amount::All).lines.len(), 103);
    }
}
