//! The client's side: commands, the rest of commands behind a literal, SASL responses, DONE.

use super::meaning::{self, ImapMeaning};
use super::{Awaited, Expect, ImapReader, LARGEST, LONGEST_LINE, MOST_LITERALS, Sasl};
use crate::base::{Finding, Part, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece};
use crate::proto::imap::framing::{self, Announced, Scan, without_terminator};
use crate::proto::imap::grammar::{self, Dialect};
use crate::proto::imap::types::{Command, CommandBody, Parsed};
use crate::proto::sasl::Watch;

/// Where a stretch of the client's bytes ends, and why.
enum Stretch {
    /// A whole command, or the whole rest of one.
    Whole(usize),
    /// The announcement of a literal that waits for `+`.
    Announced(usize, u64),
    /// No end within the limits.
    TooLong(usize),
    /// The stream ended.
    Cut(usize),
}

impl Awaited {
    /// Takes a large literal that was read, and began at `at`, out of what is kept: `{0}` stands for it, and its size
    /// is noted. So a command of many messages is not read again with all of them.
    fn shorten(&mut self, at: usize) {
        const SMALL: usize = 4096;
        if self.size <= SMALL {
            return;
        }
        let line = without_terminator(self.before.get(..at).unwrap_or_default());
        let Some(announced) = framing::announced(line) else { return };
        let from = line.len() - announced.len + usize::from(announced.binary);
        let to = at.saturating_add(self.size).min(self.before.len());
        self.before.splice(from..to, *b"{0}\r\n");
        self.shortened.push(self.size as u64);
    }
}

impl ImapReader {
    pub(super) fn read_client(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        match self.client_rest(waiting, ended) {
            Err(()) => return None,
            Ok(Some(piece)) => {
                self.client_spoke = true;
                return Some(piece);
            }
            Ok(None) => {}
        }
        if let Some(piece) = self.line_between(waiting, ended) {
            self.client_spoke = true;
            return Some(piece);
        }
        let stretch = self.stretch(waiting, ended)?;
        self.doubt.torn[0] = match stretch {
            Stretch::Cut(len) => self.client.line_start().checked_sub(len).filter(|left| *left > 0),
            _ => None,
        };
        self.client.reset();
        self.client_spoke = true;
        // Behind a tag and a name stands a space, or the line's end.
        let words = waiting.split(|b| *b == b' ').count();
        self.doubt.half_verb =
            matches!(stretch, Stretch::Cut(_)) && matches!(self.expect, Expect::Command) && words < 4;
        let (len, literal) = match stretch {
            Stretch::Whole(len) | Stretch::Cut(len) => (len, None),
            Stretch::Announced(len, size) => (len, Some(size)),
            Stretch::TooLong(len) => {
                self.expect = Expect::Command;
                let mut piece = too_long(len);
                piece.secrets.extend(self.sasl.as_ref().map(|_| Span::new(0, len)));
                return Some(piece);
            }
        };
        let bytes = waiting.get(..len).unwrap_or_default();
        Some(match std::mem::replace(&mut self.expect, Expect::Command) {
            Expect::Command => self.command(bytes, literal),
            Expect::Literal(awaited) => self.rest(awaited, bytes, literal),
        })
    }

    /// The next stretch, once its last byte has come.
    fn stretch(&mut self, waiting: &[u8], ended: bool) -> Option<Stretch> {
        loop {
            match self.client.scan(waiting, LONGEST_LINE) {
                Scan::More => return ended.then_some(Stretch::Cut(waiting.len())),
                Scan::Whole { end } => return Some(Stretch::Whole(end)),
                Scan::TooLong => return Some(Stretch::TooLong(self.client.line_start() + LONGEST_LINE)),
                Scan::Literal { announced, end } if is_too_large(announced, end) => {
                    return Some(Stretch::Whole(end));
                }
                Scan::Literal { announced, end } if announced.sync => {
                    return Some(Stretch::Announced(end, announced.size));
                }
                Scan::Literal { announced, .. } => self.client.skip(announced.size),
            }
        }
    }

    /// A line that is no command: a SASL response, DONE, or an empty one. Only where no literal is awaited.
    fn line_between(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        if (self.sasl.is_none() && self.idle.is_none()) || !matches!(self.expect, Expect::Command) {
            return None;
        }
        let len = self.client.first_line(waiting).or(ended.then_some(waiting.len()))?;
        let line = waiting.get(..len).unwrap_or_default();
        let text = without_terminator(line);
        let mut piece = if self.idle.is_some() && text.eq_ignore_ascii_case(b"DONE") {
            self.idle = None;
            let mut piece = Piece::new(Kind::Continuation, len);
            piece.verb = "DONE".into();
            piece.parts = vec![Part::leaf("done", Span::new(0, text.len()))];
            piece.meaning = Meaning::Imap(ImapMeaning::Done);
            piece
        } else {
            // A command has a space behind its tag; base64 has none.
            let sasl = self.sasl.as_mut().filter(|sasl| sasl.client_next || !text.contains(&b' '))?;
            sasl.client_next = false;
            sasl_response(&mut sasl.watch, text, len)
        };
        piece.findings.extend(line_end(line));
        self.client.reset();
        Some(piece)
    }

    fn command(&mut self, bytes: &[u8], literal: Option<u64>) -> Piece {
        let mut parsed = grammar::parse_command_in(bytes, self.dialect);
        if self.doubt.replies {
            // A command stands here, so the exchange before it is over: its end was missed.
            self.sasl = None;
        }
        let Command { tag, body } = &parsed.value;
        let (tag, verb) = (tag.clone(), verb(body));
        self.notice_repeated_tag(&tag, &mut parsed);
        if !self.is_legal(&verb) {
            let name = self.idle.as_ref().map_or_else(|| self.phase.map_or("", |p| p.name()), |_| "idle");
            let span = find(&parsed.parts, "command-name").unwrap_or(Span::new(0, bytes.len()));
            let detail = format!("{verb} is not a command of the {name} state");
            parsed.findings.push(Finding::error("command-out-of-phase", span, detail));
        }
        let mut piece = Piece::new(Kind::Command, bytes.len());
        piece.verb.clone_from(&verb);
        piece.meaning = Meaning::Imap(meaning::of_command(&parsed.value));
        self.remember(tag.clone(), verb.clone());
        match literal {
            Some(size) => {
                parsed.findings.retain(|finding| finding.id != "literal-awaited");
                if matches!(parsed.value.body, CommandBody::Malformed { .. }) {
                    // Not wrong, only not all of it: the meaning comes with the rest.
                    piece.meaning = Meaning::Imap(ImapMeaning::Command { tag: tag.clone() });
                }
                let before = bytes.to_vec();
                self.awaits(Awaited { tag, verb, before, ..Awaited::default() }, size);
            }
            None => self.begins(&parsed.value),
        }
        piece.parts = parsed.parts;
        piece.findings = parsed.findings;
        piece.secrets = parsed.secrets;
        if let CommandBody::Authenticate { mechanism, initial: Some(_) } = &parsed.value.body {
            observe_initial(mechanism, bytes, &mut piece);
        }
        piece
    }

    /// What follows a literal's announcement: its octets, and the rest of the command.
    fn rest(&mut self, mut awaited: Awaited, bytes: &[u8], literal: Option<u64>) -> Piece {
        let mut piece = Piece::new(Kind::Continuation, bytes.len());
        piece.verb.clone_from(&awaited.verb);
        if awaited.literals > MOST_LITERALS || awaited.before.len() > LONGEST_LINE {
            // Not worth reading again and again: it stays what it is. Who knows what a LOGIN like this holds.
            piece.secrets.extend((awaited.verb == "LOGIN").then_some(Span::new(0, bytes.len())));
            piece.meaning = Meaning::Imap(ImapMeaning::Rest { tag: awaited.tag.clone(), of: None });
            if let Some(size) = literal {
                self.awaits(awaited, size);
            }
            return piece;
        }
        let shift = awaited.before.len();
        awaited.before.extend_from_slice(bytes);
        let parsed = grammar::parse_command_in(&awaited.before, self.dialect);
        piece.parts = behind(&parsed.parts, shift);
        let here = parsed.secrets.iter().filter(|span| span.start >= shift);
        piece.secrets = here.map(|span| Span::new(span.start - shift, span.end - shift)).collect();
        for mut finding in parsed.findings {
            if finding.span.end > shift && !(literal.is_some() && finding.id == "literal-awaited") {
                let start = finding.span.start.saturating_sub(shift);
                finding.span = Span::new(start, finding.span.end - shift);
                piece.findings.push(finding);
            }
        }
        let tag = awaited.tag.clone();
        let of = match literal {
            Some(size) => {
                awaited.shorten(shift);
                self.awaits(awaited, size);
                None
            }
            None => {
                self.begins(&parsed.value);
                Some(Box::new(meaning::of_whole(&parsed.value, &awaited.shortened)))
            }
        };
        piece.meaning = Meaning::Imap(ImapMeaning::Rest { tag, of });
        piece
    }

    /// The next `size` octets of the client are a literal.
    fn awaits(&mut self, mut awaited: Awaited, size: u64) {
        awaited.size = usize::try_from(size).unwrap_or(usize::MAX);
        awaited.literals += 1;
        awaited.accepted = false;
        self.expect = Expect::Literal(awaited);
        self.client.skip(size);
    }

    /// What a whole command begins: an exchange of SASL lines, or IDLE.
    fn begins(&mut self, command: &Command) {
        match &command.body {
            CommandBody::Authenticate { mechanism, initial } => {
                let mut watch = Watch::begin(mechanism);
                if let Some(initial) = initial {
                    let _ = watch.response(initial.expose().as_bytes(), 0);
                }
                let (tag, client_next) = (command.tag.clone(), initial.is_none());
                self.sasl = Some(Sasl { tag, watch, client_next });
            }
            CommandBody::Idle => self.idle = Some(command.tag.clone()),
            _ => {}
        }
    }

    /// "The client SHOULD generate a unique tag for every command" (RFC 9051 §2.2.1): while one is pending, the same tag
    /// makes the replies ambiguous.
    fn notice_repeated_tag(&self, tag: &str, parsed: &mut Parsed<Command>) {
        if !tag.is_empty() && self.pending.iter().any(|pending| pending.tag == tag && !pending.doubtful) {
            let span = Span::new(0, tag.len());
            let detail = format!("the command before with the tag {tag} has not been answered yet");
            parsed.findings.push(Finding::warning("tag-in-use", span, detail));
        }
    }

    /// The rev2 dialect begins with ENABLED.
    pub(super) fn enabled(&mut self, capabilities: &[String]) {
        if capabilities.iter().any(|name| name == "IMAP4REV2" || name == "UTF8=ACCEPT") {
            self.dialect = Dialect::Rev2;
        }
    }
}

/// The verb of a command; of one that cannot be read, what stands there, if it can be a name.
fn verb(body: &CommandBody) -> Word {
    let name = body.name();
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b" -._".contains(&b));
    if plain { Word::new(name) } else { Word::default() }
}

/// What the initial response of AUTHENTICATE holds.
fn observe_initial(mechanism: &str, bytes: &[u8], piece: &mut Piece) {
    let Some(part) = find_mut(&mut piece.parts, "initial-resp") else { return };
    piece.secrets.clear();
    if let Some(seen) = Watch::begin(mechanism).response(part.span.of(bytes), part.span.start) {
        part.parts.push(seen.part);
        piece.secrets = seen.secrets;
    }
}

fn find_mut<'a>(parts: &'a mut [Part], name: &str) -> Option<&'a mut Part> {
    for part in parts {
        if part.name == name {
            return Some(part);
        }
        if let Some(found) = find_mut(&mut part.parts, name) {
            return Some(found);
        }
    }
    None
}

fn sasl_response(watch: &mut Watch, text: &[u8], len: usize) -> Piece {
    let cancelled = text == b"*";
    let span = Span::new(0, text.len());
    let mut piece = Piece::new(Kind::Continuation, len);
    piece.verb = "AUTHENTICATE".into();
    let seen = watch.response(text, 0);
    let mut part = Part::leaf(if cancelled { "cancel" } else { "base64" }, span);
    let mut user = None;
    if let Some(seen) = seen {
        part.parts.push(seen.part);
        piece.secrets = seen.secrets;
        user = seen.user;
    }
    piece.parts = vec![part];
    let mechanism = watch.mechanism().to_owned();
    piece.meaning = Meaning::Imap(ImapMeaning::SaslResponse { mechanism, user, cancelled });
    piece
}

/// What a piece bears that may be the rest of something.
pub(super) fn after_gap(len: usize) -> Finding {
    let detail = "Bytes are missing before this: it is the rest of what stood there.";
    Finding::hint("after-gap", Span::new(0, len), detail)
}

/// Whether a command or response with this literal is larger than what is waited for.
pub(super) fn is_too_large(announced: Announced, end: usize) -> bool {
    announced.size.saturating_add(end as u64) > LARGEST
}

pub(super) fn too_long(len: usize) -> Piece {
    let mut piece = Piece::new(Kind::Unparsed, len);
    let detail = format!("no line end within {LONGEST_LINE} octets");
    piece.findings = vec![Finding::error("line-too-long", Span::new(0, len), detail)];
    piece
}

/// What is off in how a line ends.
fn line_end(line: &[u8]) -> Option<Finding> {
    let len = line.len();
    if line.ends_with(b"\r\n") {
        None
    } else if line.ends_with(b"\n") {
        let detail = "a line ends in CR LF; this one ended in LF alone";
        Some(Finding::error("bare-lf", Span::new(len - 1, len), detail))
    } else {
        Some(Finding::error("cut-short", Span::new(len, len), "the line end is missing"))
    }
}

fn find(parts: &[Part], name: &str) -> Option<Span> {
    parts.iter().find_map(|part| part.find(name)).map(|part| part.span)
}

/// The parts behind `shift`, moved left by it. Of a part that begins before it, what is inside behind it.
fn behind(parts: &[Part], shift: usize) -> Vec<Part> {
    let mut out = Vec::new();
    for part in parts {
        if part.span.start >= shift {
            out.push(moved_left(part, shift));
        } else if part.span.end > shift {
            out.extend(behind(&part.parts, shift));
        }
    }
    out
}

fn moved_left(part: &Part, by: usize) -> Part {
    let span = Span::new(part.span.start - by, part.span.end - by);
    Part { name: part.name, span, parts: part.parts.iter().map(|p| moved_left(p, by)).collect() }
}
