//! Behind a gap: tags tell which reply belongs to which command, so that only what stood in the gap itself is lost; and
//! literals are counted, so that one with a gap in it ends where it would have ended.

use super::client::after_gap;
use super::{Expect, ImapReader};
use crate::base::{Severity, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece, Verdict};
use crate::proto::imap::framing::{self, Scan, Scanner, without_terminator};
use crate::proto::imap::grammar::{self, Dialect};
use crate::proto::imap::phase::{self, Phase};
use crate::proto::imap::response::Response;
use crate::proto::imap::types::CommandBody;
use crate::proto::sasl::{Watch, observe};
use crate::trace::Direction;

/// What gaps leave open.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Octets of a literal that had not come when the client's, or the server's, last piece was cut off.
    pub torn: [Option<usize>; 2],
    /// So many octets of a literal come, and then the rest of its line.
    literal: [Option<usize>; 2],
    /// The next line of that side may be the rest of one.
    rest: [bool; 2],
    /// It is not the first.
    told: [bool; 2],
    /// The rest of a client's line may hold a secret.
    secret: bool,
    /// Commands are missing: replies may come to tags that nobody saw, and phases change unseen.
    pub commands: bool,
    /// Replies are missing: commands, IDLE and literals may be over.
    pub replies: bool,
    /// The client's last command was cut off, perhaps inside its name.
    pub half_verb: bool,
    /// What the server's torn response was called.
    pub response: Word,
}

fn at(side: Direction) -> usize {
    usize::from(side == Direction::Server)
}

impl ImapReader {
    /// See [`crate::dissect::Reader::gap`].
    pub(super) fn skip(&mut self, from: Direction, missing: Option<u64>) {
        let side = at(from);
        let known = matches!(self.phase, Some(Phase::Authenticated | Phase::Selected));
        let torn = std::mem::take(&mut self.doubt.torn[side]).or(match (&self.expect, from) {
            (Expect::Literal(awaited), Direction::Client) => Some(awaited.size),
            _ => self.doubt.literal[side],
        });
        let missing = missing.and_then(|n| usize::try_from(n).ok());
        self.doubt.literal[side] = torn.zip(missing).and_then(|(left, missing)| left.checked_sub(missing));
        self.doubt.rest[side] = self.doubt.literal[side].is_none();
        self.doubt.told[side] = false;
        match from {
            Direction::Client => {
                self.client.reset();
                self.expect = Expect::Command;
                self.doubt.secret = !known;
                if std::mem::take(&mut self.doubt.half_verb)
                    && let Some(last) = self.pending.last_mut()
                {
                    last.verb.clear();
                }
            }
            Direction::Server => {
                self.server.reset();
                self.server_spoke = true;
                self.doubt.replies = true;
                // ENABLED may stand in what is missing: nobody is accused of what it allows.
                self.dialect = Dialect::Rev2;
                self.pending.iter_mut().for_each(|pending| pending.doubtful = true);
            }
        }
        if self.doubt.literal[side].is_some() {
            return;
        }
        self.doubt.commands |= from == Direction::Client;
        if from == Direction::Client || !self.pending.is_empty() {
            self.phase = None;
        }
        self.pending.iter_mut().for_each(|pending| pending.before_gap = true);
        if let Some(sasl) = &mut self.sasl {
            sasl.client_next = false;
            if from == Direction::Client {
                // How far the exchange is, or whether it is another one, is not known any more.
                sasl.watch = Watch::default();
            }
        }
    }

    /// What the client sent behind a gap that is no whole command. `Err` while that cannot be told yet.
    pub(super) fn client_rest(&mut self, waiting: &[u8], ended: bool) -> Result<Option<Piece>, ()> {
        if let Some(left) = self.doubt.literal[0] {
            let len = rest_of_literal(&mut self.client, left, waiting, ended).ok_or(())?;
            self.doubt.literal[0] = None;
            self.client.reset();
            let mut piece = Piece::new(Kind::Continuation, len);
            piece.findings.push(after_gap(len));
            if let Some(last) = self.pending.last() {
                piece.verb.clone_from(&last.verb);
                let tag = last.tag.clone();
                piece.meaning = Meaning::Imap(super::ImapMeaning::Rest { tag, of: None });
            }
            piece.secrets.extend((piece.verb == "LOGIN").then_some(Span::new(0, len)));
            return Ok(Some(piece));
        }
        if !self.doubt.rest[0] && !self.literal_may_be_refused() {
            return Ok(None);
        }
        let Some(len) = self.client.first_line(waiting).or(ended.then_some(waiting.len())) else {
            return Err(());
        };
        self.client.reset();
        let line = waiting.get(..len).unwrap_or_default();
        let text = without_terminator(line);
        if is_sound_command(line) {
            if self.literal_may_be_refused() {
                self.expect = Expect::Command;
            }
            self.doubt.rest[0] = false;
            if std::mem::take(&mut self.doubt.replies) {
                self.idle = None;
            }
            return Ok(None);
        }
        if !self.doubt.rest[0] {
            // The literal comes after all.
            self.doubt.replies = false;
            if let Expect::Literal(awaited) = &self.expect {
                self.client.skip(awaited.size as u64);
            }
            return Ok(None);
        }
        if text.eq_ignore_ascii_case(b"DONE") {
            self.doubt.rest[0] = false;
            self.idle.get_or_insert_default();
            return Ok(None);
        }
        let mut piece = Piece::new(Kind::Unparsed, len);
        if self.doubt.secret && !text.is_empty() {
            piece.secrets.push(Span::new(0, text.len()));
        }
        if !std::mem::replace(&mut self.doubt.told[0], true) {
            piece.findings.push(after_gap(len));
        }
        if let Some(announced) = framing::announced(text) {
            self.doubt.literal[0] = usize::try_from(announced.size).ok();
        }
        Ok(Some(piece))
    }

    /// Whether the first `len` octets of what waits end inside a literal, so that nothing in them can be an end.
    pub(super) fn is_in_literal(&self, from: Direction, len: usize) -> bool {
        if let Some(left) = self.doubt.literal[at(from)] {
            return len <= left;
        }
        if self.doubt.rest[at(from)] {
            return false;
        }
        match from {
            Direction::Server => self.server.skips_beyond(len),
            Direction::Client => {
                let lines = self.sasl.is_some() || self.idle.is_some();
                let line_next = lines && matches!(self.expect, Expect::Command);
                self.client.skips_beyond(len) && !line_next && !self.literal_may_be_refused()
            }
        }
    }

    /// A literal was announced, and whether the server said `+` or no is in the gap.
    fn literal_may_be_refused(&self) -> bool {
        self.doubt.replies && matches!(&self.expect, Expect::Literal(awaited) if !awaited.accepted)
    }

    /// What the server sent behind a gap that is no whole response. `Err` while that cannot be told yet.
    pub(super) fn server_rest(&mut self, waiting: &[u8], ended: bool) -> Result<Option<Piece>, ()> {
        if let Some(left) = self.doubt.literal[1] {
            let len = rest_of_literal(&mut self.server, left, waiting, ended).ok_or(())?;
            self.doubt.literal[1] = None;
            self.server.reset();
            let mut piece = Piece::new(Kind::Untagged, len);
            piece.verb = std::mem::take(&mut self.doubt.response);
            piece.verdict = Some(Verdict::Neutral);
            piece.findings.push(after_gap(len));
            return Ok(Some(piece));
        }
        if !self.doubt.rest[1] {
            return Ok(None);
        }
        let Some(len) = self.server.first_line(waiting).or(ended.then_some(waiting.len())) else {
            return Err(());
        };
        self.server.reset();
        let line = waiting.get(..len).unwrap_or_default();
        if self.is_sound_response(line) {
            self.doubt.rest[1] = false;
            return Ok(None);
        }
        let mut piece = Piece::new(Kind::Unparsed, len);
        if !std::mem::replace(&mut self.doubt.told[1], true) {
            piece.findings.push(after_gap(len));
            let may_be_challenge = self.sasl.is_some() || self.doubt.commands && self.phase.is_none();
            piece.secrets.extend(observe::tail(without_terminator(line)).filter(|_| may_be_challenge));
        }
        if let Some(announced) = framing::announced(without_terminator(line)) {
            self.doubt.literal[1] = usize::try_from(announced.size).ok();
        }
        Ok(Some(piece))
    }

    /// Whether this line begins a response: its first line is enough to tell.
    fn is_sound_response(&self, line: &[u8]) -> bool {
        let parsed = grammar::parse_response_in(line, self.dialect);
        let whole = framing::announced(without_terminator(line)).is_none();
        let sound = !whole || parsed.findings.iter().all(|finding| finding.severity == Severity::Hint);
        match parsed.value {
            Response::Untagged(_) => sound && line.starts_with(b"* "),
            Response::Tagged { tag, .. } => {
                sound && (self.doubt.commands || self.pending.iter().any(|pending| pending.tag == tag))
            }
            Response::Continue { .. } => {
                sound && self.may_be_asked_on() && (line.starts_with(b"+ ") || line == b"+\r\n")
            }
            Response::Unknown => false,
        }
    }

    /// Whether there may be something that a server can ask to be gone on with.
    fn may_be_asked_on(&self) -> bool {
        let literal = matches!(self.expect, Expect::Literal(_));
        literal || self.doubt.commands || self.sasl.is_some() || !self.pending.is_empty()
    }

    /// A tagged reply to a command that nobody saw: whatever it was, it may have changed the phase.
    pub(super) fn answered_unseen(&mut self) {
        self.phase = None;
        self.pending.iter_mut().for_each(|pending| pending.before_gap = true);
    }
}

/// The phase that a command's success shows to have held, where that is not known otherwise.
pub(super) fn held_for(verb: &str) -> Option<Phase> {
    Some(match verb {
        "LOGIN" | "AUTHENTICATE" | "STARTTLS" | "LOGOUT" => Phase::NotAuthenticated,
        "SELECT" | "EXAMINE" | "ENABLE" => Phase::Authenticated,
        _ if phase::is_legal(Phase::Selected, verb)
            && !phase::is_legal(Phase::Authenticated, verb)
            && !phase::is_legal(Phase::NotAuthenticated, verb) =>
        {
            Phase::Selected
        }
        _ => return None,
    })
}

/// Octets of the rest of a literal with the rest of its line, and further literals that it announces.
fn rest_of_literal(scanner: &mut Scanner, left: usize, waiting: &[u8], ended: bool) -> Option<usize> {
    scanner.reset();
    scanner.skip(left as u64);
    loop {
        match scanner.scan(waiting, super::LONGEST_LINE) {
            Scan::More => return ended.then_some(waiting.len()),
            Scan::Whole { end } => return Some(end),
            Scan::TooLong => return Some((scanner.line_start() + super::LONGEST_LINE).min(waiting.len())),
            Scan::Literal { announced, end } if super::client::is_too_large(announced, end) => {
                return Some(end);
            }
            Scan::Literal { announced, .. } => scanner.skip(announced.size),
        }
    }
}

/// Whether a line begins a command beyond doubt: a tag, and a name that is known.
fn is_sound_command(line: &[u8]) -> bool {
    let parsed = grammar::parse_command_in(line, Dialect::Rev2);
    let name = parsed.value.body.name();
    let literal = framing::announced(without_terminator(line)).is_some();
    let malformed = matches!(parsed.value.body, CommandBody::Malformed { .. });
    let errors = parsed.findings.iter().any(|finding| finding.severity == Severity::Error);
    let known = [Phase::NotAuthenticated, Phase::Authenticated, Phase::Selected]
        .into_iter()
        .any(|phase| phase::legal_now(phase).contains(&name));
    known && (literal || !malformed && !errors) && line.ends_with(b"\n")
}
