//! The server's side: whole replies, each matched with the command it answers. RFC 5321 §4.2.

use super::commands::after_gap;
use super::meaning::{ReplySeen, SmtpMeaning};
use super::{LIMIT, SmtpReader};
use crate::base::{Finding, Part, Span};
use crate::dissect::step::{Kind, Meaning, Piece, Verdict};
use crate::proto::smtp::codes::Class;
use crate::proto::smtp::grammar::{
    EhloLine, Parsed, ReplyLine, look_at_reply_line, parse_ehlo_line, parse_reply_line,
};
use compact_str::format_compact;

/// How far the reply at the front of the waiting bytes was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplyScan {
    /// Where the line begins that is not whole yet.
    line: usize,
    /// How far a line feed was looked for in vain.
    looked: usize,
    /// The code of its lines so far.
    code: Option<u16>,
}

/// What stands at the front of the server's waiting bytes.
enum Front {
    /// A reply of this many bytes.
    Reply(usize),
    /// Bytes that are no reply.
    Garbage(usize),
    /// Its last byte has not come.
    Unfinished,
}

impl ReplyScan {
    fn front(&mut self, waiting: &[u8], ended: bool) -> Front {
        loop {
            let most = waiting.len().min(LIMIT);
            let rest = waiting.get(self.looked..most).unwrap_or_default();
            let end = match memchr::memchr(b'\n', rest) {
                Some(feed) => self.looked + feed + 1,
                None if most == LIMIT || ended && most > self.line => most,
                // The stream ended between the lines of a reply.
                None if ended && most > 0 => return self.reply(most),
                None => {
                    self.looked = most;
                    return Front::Unfinished;
                }
            };
            let (code, more) = look_at_reply_line(text_of(Span::new(self.line, end).of(waiting)));
            // What is no line of this reply begins something new: garbage, or a reply with another code.
            if self.line > 0 && code != self.code {
                return self.reply(self.line);
            }
            if code.is_none() {
                *self = ReplyScan::default();
                return Front::Garbage(end);
            }
            if !more || end == LIMIT {
                return self.reply(end);
            }
            self.code = code;
            self.line = end;
            self.looked = end;
        }
    }

    fn reply(&mut self, len: usize) -> Front {
        *self = ReplyScan::default();
        Front::Reply(len)
    }
}

/// A line without its CR LF or LF.
pub(super) fn text_of(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

impl SmtpReader {
    pub(super) fn read_server(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        if self.tls {
            return (ended && !waiting.is_empty()).then(|| Piece::new(Kind::Unparsed, waiting.len()));
        }
        match self.scan.front(waiting, ended) {
            Front::Unfinished => None,
            Front::Garbage(len) => {
                let mut piece = Piece::new(Kind::Unparsed, len);
                let bytes = waiting.get(..len).unwrap_or_default();
                let read = parse_reply_line(text_of(bytes));
                piece.parts = read.parts;
                piece.findings = read.findings;
                if self.rest_of_reply {
                    self.rest_of_reply = false;
                    piece.parts.clear();
                    piece.findings = vec![after_gap(len)];
                    piece.secrets.extend(self.rest_of_challenge(bytes));
                    return Some(piece);
                }
                if !bytes.ends_with(b"\n") {
                    piece.findings.push(cut_short(len));
                }
                Some(piece)
            }
            Front::Reply(len) if self.rest_of_reply && !is_sound(waiting.get(..len).unwrap_or_default()) => {
                self.rest_of_reply = false;
                let mut piece = Piece::new(Kind::Unparsed, len);
                piece.findings.push(after_gap(len));
                piece.secrets.extend(self.rest_of_challenge(waiting.get(..len).unwrap_or_default()));
                Some(piece)
            }
            Front::Reply(len) => Some(self.reply_piece(waiting.get(..len).unwrap_or_default())),
        }
    }

    fn reply_piece(&mut self, bytes: &[u8]) -> Piece {
        let mut piece = Piece::new(Kind::Reply, bytes.len());
        let lines = read_lines(bytes, &mut piece.findings);
        let first = lines.first().map(|(_, line)| &line.value);
        let code = first.and_then(|line| line.code).unwrap_or(0);
        let enhanced = first.and_then(|line| line.enhanced);
        self.rest_of_reply = false;
        let answered = self.expected_by(code, &mut piece);
        let of = answered.name.clone();
        self.answered_ehlo = of == "EHLO";
        let mut extensions = Vec::new();
        let mut text = Vec::with_capacity(lines.len());
        piece.parts.reserve_exact(lines.len());
        for (at, (start, line)) in lines.into_iter().enumerate() {
            let offer = of == "EHLO" && Class::of(code) == Class::Completion && at > 0;
            let (part, said) = line_part(bytes, start, line, offer, &of, at, &mut extensions);
            piece.parts.push(part);
            text.push(said);
        }
        if of == "AUTH" && code == 334 {
            self.observe_challenge(bytes, &mut piece);
        }
        piece.kind = if of == "CONNECT" { Kind::Greeting } else { Kind::Reply };
        piece.code =
            enhanced.map_or_else(|| format_compact!("{code:03}"), |e| format_compact!("{code:03} {e}"));
        piece.verdict = Some(verdict(code));
        match (of.as_str(), Class::of(code)) {
            ("EHLO", Class::Completion) => {
                self.pipelining = Some(extensions.iter().any(|offer| offer.keyword == "PIPELINING"));
            }
            ("HELO", Class::Completion) => self.pipelining = Some(false),
            _ => {}
        }
        self.follow_reply(&answered, code);
        let phase = self.knows_its_place().then_some(self.phase);
        piece.verb.clone_from(&of);
        let seen = ReplySeen { code, enhanced, of, text, extensions, phase };
        piece.meaning = Meaning::Smtp(SmtpMeaning::Reply(seen));
        piece
    }
}

impl SmtpReader {
    /// What a 334 asks, decoded.
    fn observe_challenge(&self, bytes: &[u8], piece: &mut Piece) {
        // One whose beginning is missing is looked at all the same: it may hold what must not be shown.
        let auth = self.auth.clone().unwrap_or_default();
        let lines = piece.parts.iter_mut().flat_map(|line| line.parts.iter_mut());
        for challenge in lines.filter(|part| part.name == "challenge") {
            if let Some(seen) = auth.challenge(challenge.span.of(bytes), challenge.span.start) {
                challenge.parts.push(seen.part);
                piece.secrets.extend(seen.secrets);
            }
        }
    }
}

/// Whether what reads as a reply is one beyond doubt, and not three digits at the end of another.
fn is_sound(bytes: &[u8]) -> bool {
    let mut findings = Vec::new();
    read_lines(bytes, &mut findings);
    findings.is_empty()
}

fn verdict(code: u16) -> Verdict {
    match Class::of(code) {
        Class::Completion => Verdict::Positive,
        Class::Intermediate => Verdict::Intermediate,
        Class::Transient => Verdict::Transient,
        Class::Permanent => Verdict::Negative,
        Class::Undefined => Verdict::Neutral,
    }
}

fn cut_short(at: usize) -> Finding {
    Finding::error("cut-short", Span::new(at, at), "the stream ended before the line's CR LF")
}

/// The lines of a reply, each with where it begins; what is off goes to `findings`.
fn read_lines(bytes: &[u8], findings: &mut Vec<Finding>) -> Vec<(usize, Parsed<ReplyLine>)> {
    let mut lines: Vec<(usize, Parsed<ReplyLine>)> = Vec::new();
    let mut start = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let mut read = parse_reply_line(text_of(line));
        findings.extend(read.findings.drain(..).map(|f| f.shifted(start)));
        let end = start + line.len();
        if !line.ends_with(b"\n") {
            findings.push(cut_short(end));
        } else if !line.ends_with(b"\r\n") {
            let detail = "CR LF was expected, a bare LF came (RFC 5321 §2.3.8)";
            findings.push(Finding::error("bare-lf", Span::new(end - 1, end), detail));
        }
        lines.push((start, read));
        start = end;
    }
    if lines.last().is_some_and(|(_, last)| last.value.more) {
        let detail = "a further line of this reply was expected after `-` (RFC 5321 §4.2.1), and never came";
        findings.push(Finding::error("reply-cut-short", Span::new(start, start), detail));
    }
    lines
}

/// One line's part and text: `reply-line` with what it is made of; EHLO's offers, hosts and challenges told apart.
fn line_part(
    bytes: &[u8],
    start: usize,
    line: Parsed<ReplyLine>,
    offer: bool,
    of: &str,
    at: usize,
    extensions: &mut Vec<EhloLine>,
) -> (Part, String) {
    let code = line.value.code;
    let mut inner = Vec::with_capacity(line.parts.len() + 1);
    for part in line.parts {
        let part = part.shifted(start);
        if part.name != "textstring" {
            inner.push(part);
            continue;
        }
        let text = part.span.of(bytes);
        if offer {
            let read = parse_ehlo_line(text);
            inner.extend(read.parts.into_iter().map(|p| p.shifted(part.span.start)));
            extensions.push(read.value);
        } else if at == 0 && matches!(of, "EHLO" | "HELO" | "CONNECT") && code.is_some_and(|c| c < 300) {
            let domain = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
            let rest = Span::new(part.span.start + domain, part.span.end);
            inner.push(Part::leaf("domain", Span::new(part.span.start, rest.start)));
            if rest.len() > 1 {
                let name = if of == "CONNECT" { "textstring" } else { "ehlo-greet" };
                inner.push(Part::leaf(name, Span::new(rest.start + 1, rest.end)));
            }
        } else if of == "AUTH" && code == Some(334) {
            inner.push(Part::leaf("challenge", part.span));
        } else {
            inner.push(part);
        }
    }
    let end = bytes.get(start..).and_then(|b| memchr::memchr(b'\n', b)).map_or(bytes.len(), |i| start + i);
    let end = if end > start && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end };
    (Part::node("reply-line", Span::new(start, end), inner), line.value.text)
}
