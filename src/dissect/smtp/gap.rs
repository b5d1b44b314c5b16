//! Behind a gap: what is missing may have held commands, replies, the end of a message. The reader finds its place again
//! by what is certain, and accuses nobody of what may stand in the gap.
//!
//! Commands that were not recorded stand in the queue as a *hole*: any number of them. A reply gets its verb back where
//! its code fits one command only, where the queue is certain again, or where the client must have waited: "EHLO, DATA,
//! VRFY, EXPN, TURN, QUIT, and NOOP can only appear as the last command in a group" (RFC 2920 §3.1), so that whatever is
//! said behind one of these, all before it has been answered.

use super::commands::after_gap;
use super::replies::text_of;
use super::{Client, Pending, SmtpReader};
use crate::base::{Severity, Span};
use crate::dissect::step::{Kind, Piece};
use crate::proto::sasl::observe;
use crate::proto::smtp::data::{DataReader, LineEnds};
use crate::proto::smtp::grammar::{Command, parse_command};
use crate::proto::smtp::phase::{Phase, Verb};
use crate::trace::Direction;

/// What the client's next bytes may be the rest of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestOf {
    /// A command line, or anything.
    Line,
    /// Not the first line behind the gap.
    Lines,
    /// A message: begun before the gap, or all of it still to come.
    Message { begun: bool },
    /// A message whose lone dot stands right behind the gap, and may be the end of a line instead.
    Dot,
    /// A SASL exchange whose challenge is missing.
    Login,
}

/// What was cut off at the end of what was recorded before the gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Torn {
    /// Nothing.
    #[default]
    Nothing,
    /// A command line.
    Line,
    /// A message.
    Message,
    /// A chunk, with so many octets to come.
    Chunk { left: u64, last: bool },
}

impl SmtpReader {
    /// See [`crate::dissect::Reader::gap`].
    pub(super) fn skip(&mut self, from: Direction, missing: Option<u64>) {
        match from {
            Direction::Client => self.skip_client(missing),
            Direction::Server => self.skip_server(),
        }
        self.looked = 0;
        self.scan = super::replies::ReplyScan::default();
    }

    fn skip_client(&mut self, missing: Option<u64>) {
        let torn = std::mem::take(&mut self.torn);
        let chunk = match (&self.client, torn) {
            (Client::Chunk { size, last }, _) => Some((*size, *last)),
            (_, Torn::Chunk { left, last }) => Some((left, last)),
            _ => None,
        };
        if let (Some((left, last)), Some(missing)) = (chunk, missing)
            && missing <= left
        {
            // Octets are counted: the chunk ends where it would have ended.
            let size = left - missing;
            self.client = if size == 0 { Client::Command } else { Client::Chunk { size, last } };
            return;
        }
        self.late = true;
        // Which exchange goes on, and how far it is, is not known any more.
        self.auth = None;
        if torn == Torn::Message || self.is_in_message() {
            let begun = torn == Torn::Message
                || !matches!(self.client, Client::Rest(RestOf::Message { begun: false }));
            self.client = Client::Rest(RestOf::Message { begun });
            return;
        }
        if matches!(self.client, Client::Response) {
            // A response is what must come next.
            self.expect("AUTH", Some(Verb::Auth));
        } else if torn == Torn::Line && self.pending.back().is_some_and(|p| !p.hole && p.name != "AUTH") {
            // Half a line: whether it was this command is not certain, and the hole counts it.
            self.pending.pop_back();
        }
        self.client = Client::Rest(RestOf::Line);
        self.add_hole();
    }

    fn skip_server(&mut self) {
        if self.answered_ehlo {
            // Its offers may be in the gap.
            self.pipelining = None;
        }
        self.lost = true;
        self.rest_of_reply = true;
        self.late |= !self.pending.is_empty();
        self.decide_without_reply();
    }

    /// Where the client's next bytes are told by a reply that may be missing, they must tell it themselves.
    pub(super) fn decide_without_reply(&mut self) {
        if !self.is_waiting_for_reply() {
            return;
        }
        let Some(pending) = self.pending.back_mut() else { return };
        pending.assumed = true;
        self.client = Client::Rest(match pending.verb {
            Some(Verb::Data) => RestOf::Message { begun: false },
            Some(Verb::Auth) => RestOf::Login,
            _ => RestOf::Line,
        });
    }

    /// What may be secret in the server's next line, which may be the rest of a reply: the end of a challenge.
    pub(super) fn rest_of_challenge(&self, line: &[u8]) -> Option<Span> {
        let may_be = !self.authenticated && (self.auth.is_some() || self.late);
        observe::tail(text_of(line)).filter(|_| may_be)
    }

    fn is_in_message(&self) -> bool {
        matches!(self.client, Client::Message(_) | Client::Rest(RestOf::Message { .. }))
    }

    /// Any number of commands stand here.
    fn add_hole(&mut self) {
        if self.pending.back().is_some_and(|p| p.hole) {
            return;
        }
        self.expect("", None);
        if let Some(hole) = self.pending.back_mut() {
            hole.hole = true;
        }
    }

    /// Whether it is not certain which command the next reply answers.
    pub(super) fn is_unsure(&self) -> bool {
        self.lost || self.pending.front().is_some_and(|p| p.hole)
    }

    /// Whether the order of commands can be judged.
    pub(super) fn knows_its_place(&self) -> bool {
        !self.late && !self.lost && !self.pending.iter().any(|p| p.hole)
    }

    /// The client says something more: where it must have waited for all replies, the queue is certain again.
    pub(super) fn settle(&mut self) {
        let waited = match self.pending.back() {
            None => true,
            Some(last) => self.pipelining == Some(false) || last.verb.is_some_and(ends_a_group),
        };
        if waited && (self.lost || self.pending.iter().any(|p| p.hole)) {
            self.late |= !self.pending.is_empty();
            self.pending.clear();
            self.lost = false;
        }
    }

    /// Which command a reply answers, where a gap leaves that open. `None`: nothing is open.
    pub(super) fn answered_behind_gap(&mut self, code: u16) -> Option<Pending> {
        if self.pending.is_empty() && self.message_torn() {
            // What ended in the gap first is the message; commands may have followed it there.
            self.client = Client::Rest(RestOf::Line);
            self.add_hole();
            return Some(Pending::new(".", Some(Verb::EndOfData)));
        }
        if !self.is_unsure() {
            return None;
        }
        let names = told_by(code);
        if let Some(at) = self.pending.iter().position(|p| names.contains(&p.name.as_str())) {
            self.lost = false;
            let mut answered = self.pending.drain(..=at).next_back()?;
            // The gap stands before the message, or in it.
            answered.assumed |= matches!(self.client, Client::Rest(_)) && answered.verb == Some(Verb::Data);
            return Some(answered);
        }
        if !self.pending.iter().any(|p| p.hole) {
            return Some(Pending::new("", None));
        }
        // Among the codes that fit one command only, these tell what was asked in the hole.
        let verb = match code {
            354 => Some(Verb::Data),
            334 | 235 => Some(Verb::Auth),
            221 => Some(Verb::Quit),
            _ => None,
        };
        Some(Pending::new(verb.map_or("", Verb::name), verb))
    }

    /// A message was being sent when the gap came, and nobody knows whether it has ended.
    fn message_torn(&self) -> bool {
        match &self.client {
            Client::Rest(RestOf::Message { .. }) => true,
            Client::Message(_) => self.behind_gap,
            _ => false,
        }
    }

    /// The next line behind a gap: a command, if it is a sound one. `None`: go on as the state says now.
    pub(super) fn read_rest(&mut self, of: RestOf, line: &[u8]) -> Option<Piece> {
        if is_sound(line, matches!(of, RestOf::Message { .. } | RestOf::Dot)) {
            if let RestOf::Message { .. } = of {
                // It has ended in the gap; or it never began, if DATA was refused there.
                if of == (RestOf::Message { begun: true }) {
                    self.expect(".", Some(Verb::EndOfData));
                }
                self.add_hole();
            }
            self.client = Client::Command;
            return None;
        }
        match of {
            RestOf::Message { begun: true } if line == b".\r\n" => {
                let piece = self.lone_dot(line);
                self.client = Client::Rest(RestOf::Dot);
                Some(piece)
            }
            RestOf::Dot => {
                // It goes on: that dot was none.
                if self.pending.back().is_some_and(|p| p.name == ".") {
                    self.pending.pop_back();
                }
                self.begin_message();
                self.behind_gap = true;
                None
            }
            RestOf::Message { begun } => {
                self.begin_message();
                self.behind_gap = begun;
                None
            }
            RestOf::Login => {
                self.client = Client::Response;
                None
            }
            RestOf::Line | RestOf::Lines if line == b".\r\n" => {
                let piece = self.lone_dot(line);
                self.client = Client::Rest(RestOf::Line);
                Some(piece)
            }
            RestOf::Line | RestOf::Lines => {
                let mut piece = Piece::new(Kind::Unparsed, line.len());
                if !self.authenticated {
                    piece.secrets.extend(credentials(text_of(line)));
                }
                if of == RestOf::Line {
                    piece.findings.push(after_gap(line.len()));
                }
                self.client = Client::Rest(RestOf::Lines);
                Some(piece)
            }
        }
    }

    fn lone_dot(&mut self, line: &[u8]) -> Piece {
        let mut reader = DataReader::new(LineEnds::Strict, 0, 1000);
        reader.feed(line);
        self.client = Client::Message(Box::new(reader));
        self.behind_gap = true;
        self.message_piece(line, true)
    }

    /// Where the session stands after a positive reply to this command, whatever was before.
    pub(super) fn settled_by(answered: &Pending) -> Option<Phase> {
        Some(match answered.verb? {
            Verb::Ehlo | Verb::Helo | Verb::Rset | Verb::Auth | Verb::EndOfData => Phase::Greeted,
            Verb::Bdat if answered.last => Phase::Greeted,
            Verb::Bdat => Phase::Chunks,
            Verb::Mail => Phase::Envelope,
            Verb::Rcpt => Phase::Recipients,
            Verb::Data => Phase::Data,
            Verb::StartTls => Phase::Connected,
            Verb::Quit => Phase::Closed,
            Verb::Vrfy | Verb::Expn | Verb::Help | Verb::Noop => return None,
        })
    }
}

/// The commands behind which a client waits. RFC 2920 §3.1; AUTH: RFC 4954 §4; STARTTLS: RFC 3207 §4.
fn ends_a_group(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Ehlo
            | Verb::Helo
            | Verb::Data
            | Verb::Vrfy
            | Verb::Expn
            | Verb::Quit
            | Verb::Noop
            | Verb::Auth
            | Verb::StartTls
    )
}

/// The names of commands that alone are answered with this code (RFC 5321 §4.3.2, RFC 4954 §4 and §6).
fn told_by(code: u16) -> &'static [&'static str] {
    match code {
        354 => &["DATA"],
        334 | 235 => &["AUTH"],
        221 => &["QUIT"],
        220 => &["CONNECT", "STARTTLS"],
        252 => &["VRFY", "EXPN"],
        211 | 214 => &["HELP"],
        _ => &[],
    }
}

/// What may be base64 of a login, at the end of a line that begins in a gap, which has no more words than `AUTH PLAIN …`.
fn credentials(text: &[u8]) -> Option<Span> {
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    let len = text.iter().rev().take_while(|b| is_base64(b)).count();
    let words = text.iter().filter(|b| **b == b' ').count();
    (len > 0 && words < 3).then(|| Span::new(text.len() - len, text.len()))
}

/// Whether a line is a command beyond doubt. Where it may as well be a line of a letter, words that need no argument
/// and words that people use do not count.
fn is_sound(line: &[u8], in_letter: bool) -> bool {
    let Some(text) = line.strip_suffix(b"\r\n") else { return false };
    let parsed = parse_command(text);
    let known = match parsed.value {
        Command::Unknown { .. } | Command::Malformed { .. } => false,
        Command::Noop { .. } | Command::Help { .. } | Command::Vrfy { .. } | Command::Expn { .. } => {
            !in_letter
        }
        _ => true,
    };
    known && parsed.findings.iter().all(|finding| finding.severity == Severity::Hint)
}
