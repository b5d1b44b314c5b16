//! The server's side: the greeting, untagged data, `+`, and tagged replies, each with the command it belongs to.

use super::client::{is_too_large, too_long};
use super::meaning::{self, ImapCode, ImapMeaning};
use super::{Expect, ImapReader, LONGEST_LINE};
use crate::base::{Finding, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece, Verdict};
use crate::proto::imap::framing::Scan;
use crate::proto::imap::grammar;
use crate::proto::imap::phase::{self, Phase};
use crate::proto::imap::response::{Code, Condition, Response, Status, Untagged};
use crate::proto::sasl::Watch;
use compact_str::format_compact;

impl ImapReader {
    pub(super) fn read_server(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        match self.server_rest(waiting, ended) {
            Err(()) => return None,
            Ok(Some(piece)) => return Some(piece),
            Ok(None) => {}
        }
        let len = loop {
            match self.server.scan(waiting, LONGEST_LINE) {
                Scan::More if ended => {
                    let left = self.server.line_start().checked_sub(waiting.len());
                    self.doubt.torn[1] = left.filter(|left| *left > 0);
                    break waiting.len();
                }
                Scan::More => return None,
                Scan::Whole { end } => break end,
                Scan::TooLong => {
                    let len = self.server.line_start() + LONGEST_LINE;
                    self.server.reset();
                    return Some(too_long(len));
                }
                Scan::Literal { announced, end } if is_too_large(announced, end) => break end,
                Scan::Literal { announced, .. } => self.server.skip(announced.size),
            }
        };
        self.server.reset();
        let parsed = grammar::parse_response_in(waiting.get(..len).unwrap_or_default(), self.dialect);
        let mut piece = Piece::new(Kind::Untagged, len);
        piece.parts = parsed.parts;
        piece.findings = parsed.findings;
        piece.verdict = Some(Verdict::Neutral);
        match parsed.value {
            Response::Untagged(Untagged::Condition(condition)) if self.is_greeting(&condition) => {
                self.greeting(&condition, &mut piece);
            }
            Response::Untagged(data) => self.untagged(data, &mut piece),
            Response::Tagged { tag, condition } => self.tagged(tag, condition, &mut piece),
            Response::Continue { text } => {
                self.go_on(text, waiting.get(..len).unwrap_or_default(), &mut piece)
            }
            Response::Unknown => {
                piece.kind = Kind::Unparsed;
                piece.verdict = None;
            }
        }
        self.server_spoke = true;
        if self.doubt.torn[1].is_some() {
            self.doubt.response.clone_from(&piece.verb);
        }
        Some(piece)
    }

    /// The first words of a server are its greeting, unless the conversation was met in its middle.
    fn is_greeting(&self, condition: &Condition) -> bool {
        let can_be = matches!(condition.status, Status::Ok | Status::PreAuth | Status::Bye);
        let plain = matches!(condition.code, None | Some(Code::Capability(_)));
        !self.server_spoke && can_be && (!self.client_spoke || plain)
    }

    fn greeting(&mut self, condition: &Condition, piece: &mut Piece) {
        self.phase = Some(match condition.status {
            Status::PreAuth => Phase::Authenticated,
            Status::Bye => Phase::Logout,
            _ => Phase::NotAuthenticated,
        });
        piece.kind = Kind::Greeting;
        piece.verb = "CONNECT".into();
        piece.code = code_text(condition);
        piece.verdict =
            Some(if condition.status == Status::Bye { Verdict::Negative } else { Verdict::Positive });
        let capabilities = match &condition.code {
            Some(Code::Capability(list)) => list.clone(),
            _ => Vec::new(),
        };
        piece.meaning = Meaning::Imap(ImapMeaning::Greeting { status: condition.status, capabilities });
    }

    fn untagged(&mut self, data: Untagged, piece: &mut Piece) {
        piece.verb = data.name().into();
        match &data {
            Untagged::Condition(condition) => {
                piece.code = code_text(condition);
                if condition.status == Status::Bye {
                    self.phase = Some(Phase::Logout);
                }
            }
            Untagged::Enabled(list) => self.enabled(list),
            _ => {}
        }
        piece.meaning = Meaning::Imap(meaning::of_untagged(data));
    }

    /// `+`: the server waits for the client to go on with the command under way.
    fn go_on(&mut self, text: String, bytes: &[u8], piece: &mut Piece) {
        piece.kind = Kind::Reply;
        piece.code = "+".into();
        piece.verdict = Some(Verdict::Intermediate);
        if let Expect::Literal(awaited) = &mut self.expect {
            awaited.accepted = true;
            piece.verb.clone_from(&awaited.verb);
        } else if let Some(sasl) = &mut self.sasl {
            sasl.client_next = true;
            piece.verb = "AUTHENTICATE".into();
            challenge(&sasl.watch, bytes, piece);
        } else if let Some(last) = self.pending.last() {
            piece.verb.clone_from(&last.verb);
            hide_challenge(bytes, piece);
        } else if self.doubt.commands {
            hide_challenge(bytes, piece);
        } else if self.phase.is_some() {
            let detail = "no command waits for the server to say that it may go on";
            piece.findings.push(Finding::warning("unasked-continuation", Span::new(0, 1), detail));
        }
        piece.meaning = Meaning::Imap(ImapMeaning::Continue { text });
    }

    fn tagged(&mut self, tag: String, condition: Condition, piece: &mut Piece) {
        piece.kind = Kind::Reply;
        piece.code = code_text(&condition);
        piece.verdict =
            Some(if condition.status == Status::Ok { Verdict::Positive } else { Verdict::Negative });
        let mut settles = true;
        match self.pending.iter().position(|pending| pending.tag == tag) {
            Some(at) => {
                let pending = self.pending.remove(at);
                settles = !pending.before_gap;
                piece.verb = pending.verb;
            }
            None if self.doubt.commands => self.answered_unseen(),
            None if self.phase.is_some() => {
                let detail = format!("no command with the tag {} waits for a reply", shown(&tag));
                piece.findings.push(Finding::error("unknown-tag", Span::new(0, tag.len()), detail));
            }
            None => {}
        }
        self.ends(&tag, &piece.verb, condition.status, settles);
        piece.meaning = Meaning::Imap(ImapMeaning::Tagged {
            tag,
            status: condition.status,
            verb: piece.verb.clone(),
            code: condition.code.as_ref().map(ImapCode::from),
            text: condition.text,
        });
    }

    /// What the end of a command changes.
    fn ends(&mut self, tag: &str, verb: &str, status: Status, settles: bool) {
        if self.sasl.as_ref().is_some_and(|sasl| sasl.tag == tag) {
            self.sasl = None;
        }
        if self.idle.as_deref() == Some(tag) {
            self.idle = None;
        }
        // A reply instead of "+": the literal will not be sent.
        if matches!(&self.expect, Expect::Literal(awaited) if awaited.tag == tag && !awaited.accepted) {
            self.expect = Expect::Command;
            self.client.reset();
        }
        // Where the beginning was not seen, a success tells what the phase must have been.
        let refused = matches!(verb, "LOGIN" | "AUTHENTICATE" | "SELECT" | "EXAMINE");
        let told = settles && (status == Status::Ok || status == Status::No && refused);
        let before = self.phase.or_else(|| super::gap::held_for(verb).filter(|_| told));
        match (status, before) {
            (Status::Ok, Some(before)) => self.phase = Some(phase::next(before, verb)),
            (Status::No, Some(before)) => self.phase = Some(phase::next_after_no(before, verb)),
            _ => {}
        }
        if status == Status::Ok && verb == "STARTTLS" {
            self.tls = true;
        }
    }
}

/// "continue-req = "+" SP (resp-text / base64) CRLF" (RFC 9051 §9): in a SASL exchange it is base64.
fn challenge(watch: &Watch, bytes: &[u8], piece: &mut Piece) {
    for part in piece.parts.iter_mut().filter(|part| part.name == "text") {
        part.name = "base64";
        if let Some(seen) = watch.challenge(part.span.of(bytes), part.span.start) {
            part.parts.push(seen.part);
            piece.secrets.extend(seen.secrets);
        }
    }
}

/// The exchange that this belongs to may have begun in a gap: what is secret in it is secret all the same.
fn hide_challenge(bytes: &[u8], piece: &mut Piece) {
    for part in piece.parts.iter().filter(|part| part.name == "text") {
        let seen = Watch::default().challenge(part.span.of(bytes), part.span.start);
        piece.secrets.extend(seen.into_iter().flat_map(|seen| seen.secrets));
    }
}

fn shown(tag: &str) -> String {
    crate::base::escape::text(tag)
}

/// `OK`, or `NO TRYCREATE` where a code stands in brackets.
fn code_text(condition: &Condition) -> Word {
    match &condition.code {
        Some(code) => format_compact!("{} {}", condition.status.name(), code.name()),
        None => condition.status.name().into(),
    }
}
