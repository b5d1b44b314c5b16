//! SMTP as the strict observer reads it: both sides of one conversation → pieces. RFC 5321 and extensions.
//!
//! Each command line, each whole reply, each message is one piece. Replies are matched with commands by counting
//! (RFC 2920 §3.1), so that a reply knows what it answers. After DATA, AUTH and STARTTLS the client's bytes wait
//! for the reply, which says what they are; so both sides must be offered again after every piece.

mod commands;
mod gap;
mod meaning;
mod message;
mod replies;
#[cfg(test)]
mod tests;

pub use meaning::{Field, MessageSeen, ReplySeen, SmtpMeaning};

use super::step::{Piece, Protocol, Reader};
use crate::base::{Finding, Span, Word};
use crate::proto::sasl::Watch;
use crate::proto::smtp::codes::Class;
use crate::proto::smtp::data::DataReader;
use crate::proto::smtp::phase::{self, Phase, Verb};
use crate::trace::Direction;
use gap::{RestOf, Torn};
use replies::ReplyScan;
use std::collections::VecDeque;

/// Longest line or reply that is read as one piece, octets.
const LIMIT: usize = 64 * 1024;
/// Most commands that wait for their replies; the oldest is forgotten first.
const PENDING: usize = 4096;

/// What the client's next bytes are.
#[derive(Clone, Debug, Default)]
enum Client {
    /// A command line.
    #[default]
    Command,
    /// A SASL response.
    Response,
    /// A message.
    Message(Box<DataReader>),
    /// A BDAT chunk.
    Chunk { size: u64, last: bool },
    /// Not known: bytes before them are missing.
    Rest(RestOf),
}

/// A command that waits for its reply.
#[derive(Clone, Debug)]
struct Pending {
    /// Its name in note ids.
    name: Word,
    /// Its verb, where it is one of the table.
    verb: Option<Verb>,
    /// The last BDAT chunk: the message ends with it.
    last: bool,
    /// The client's stream ended before the reply, which was taken for a yes.
    assumed: bool,
    /// Not one command but any number of them, which were not recorded.
    hole: bool,
}

impl Pending {
    fn new(name: &str, verb: Option<Verb>) -> Self {
        Pending { name: Word::new(name), verb, last: false, assumed: false, hole: false }
    }

    /// The phase after a positive reply in `phase`.
    fn after(&self, phase: Phase) -> Phase {
        let next = self.verb.and_then(|verb| phase::next(phase, verb)).unwrap_or(phase);
        if self.last { phase::next(next, Verb::EndOfData).unwrap_or(next) } else { next }
    }
}

/// Reads one SMTP conversation.
#[derive(Clone, Debug)]
pub struct SmtpReader {
    client: Client,
    /// How far the client's waiting bytes were searched for a line feed.
    looked: usize,
    scan: ReplyScan,
    pending: VecDeque<Pending>,
    /// Where the session stands by the replies seen.
    phase: Phase,
    auth: Option<Watch>,
    authenticated: bool,
    /// AUTH was refused at once: a response that the client sent all the same looks like an unknown command.
    stray_response: bool,
    /// STARTTLS was accepted.
    tls: bool,
    /// How many of the client's waiting bytes came before the reply that decides what they are.
    held: usize,
    /// Clear text came where TLS was to begin; the next command says so.
    in_clear: bool,
    /// The beginning was not seen, and nothing has told since where the session stands.
    late: bool,
    /// Replies are missing: some of the commands that wait have been answered.
    lost: bool,
    /// The server's next bytes may be the rest of a reply.
    rest_of_reply: bool,
    /// The message that is coming began before a gap, or in it.
    behind_gap: bool,
    /// What the client's last piece lacks, where the stream broke off in it.
    torn: Torn,
    /// Whether the server offers PIPELINING, where its offers were seen.
    pipelining: Option<bool>,
    /// The last reply was EHLO's.
    answered_ehlo: bool,
}

impl Default for SmtpReader {
    fn default() -> Self {
        let greeting = Pending::new("CONNECT", None);
        SmtpReader {
            client: Client::Command,
            looked: 0,
            scan: ReplyScan::default(),
            pending: VecDeque::from([greeting]),
            phase: Phase::Connected,
            auth: None,
            authenticated: false,
            stray_response: false,
            tls: false,
            held: 0,
            in_clear: false,
            late: false,
            lost: false,
            rest_of_reply: false,
            behind_gap: false,
            torn: Torn::Nothing,
            pipelining: None,
            answered_ehlo: false,
        }
    }
}

impl SmtpReader {
    /// A reader of a session that begins inside TLS after STARTTLS: no greeting comes. RFC 3207 §4.2.
    pub fn after_starttls() -> Self {
        SmtpReader { pending: VecDeque::new(), ..SmtpReader::default() }
    }

    /// A reader of a session whose beginning was not seen: no greeting is awaited, and no order is judged until
    /// an EHLO succeeds. A lone dot as the client's first line is the end of a message.
    pub fn mid_session() -> Self {
        SmtpReader { pending: VecDeque::new(), late: true, ..SmtpReader::default() }
    }

    /// Whether STARTTLS was accepted and the streams are TLS from here on. Bytes that came in the clear behind
    /// STARTTLS are still given as pieces: switch to a TLS reader where the next byte of a side is 22. Clear text
    /// after the 220 makes this say no again (a recording that was decrypted).
    pub fn tls_started(&self) -> bool {
        self.tls
    }

    /// Where the session stands by the replies seen.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    fn expect(&mut self, name: &str, verb: Option<Verb>) {
        if self.pending.len() >= PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending::new(name, verb));
    }

    /// Whether the last command's reply decides what the client's next bytes are.
    fn is_waiting_for_reply(&self) -> bool {
        let decides =
            |p: &Pending| !p.assumed && matches!(p.verb, Some(Verb::Data | Verb::Auth | Verb::StartTls));
        matches!(self.client, Client::Command) && self.pending.back().is_some_and(decides)
    }

    /// The reply will not decide it any more: take it for a yes.
    fn assume_yes(&mut self) {
        let Some(pending) = self.pending.back_mut() else { return };
        pending.assumed = true;
        match pending.verb {
            Some(Verb::Data) => self.begin_message(),
            Some(Verb::Auth) if self.auth.as_ref().is_some_and(|a| a.responses() == 0) => {
                self.client = Client::Response;
            }
            _ => {}
        }
    }

    /// The phase that holds if every command still unanswered is accepted.
    fn hoped(&self) -> Phase {
        self.pending.iter().fold(self.phase, |phase, pending| pending.after(phase))
    }

    /// Whether a command is in order in some phase that may hold, however the unanswered commands are answered: only
    /// a refusal can be expected of one that is not.
    fn may_be_in_order(&self, verb: Verb) -> bool {
        let mut possible = vec![self.phase];
        for pending in &self.pending {
            for at in 0..possible.len() {
                let next = possible.get(at).map_or(self.phase, |phase| pending.after(*phase));
                if !possible.contains(&next) {
                    possible.push(next);
                }
            }
        }
        possible.into_iter().any(|phase| phase::next(phase, verb).is_some())
    }

    /// Which command a reply answers; one without a name for none, with a finding.
    fn expected_by(&mut self, code: u16, piece: &mut Piece) -> Pending {
        let connect = self.pending.front().is_some_and(|p| p.name == "CONNECT");
        // A recording that begins after the greeting: the client spoke, and no greeting ever had this code.
        if connect && self.pending.len() > 1 && !matches!(code, 220 | 421 | 554) {
            self.pending.pop_front();
        }
        if let Some(answered) = self.answered_behind_gap(code) {
            return answered;
        }
        if let Some(expected) = self.pending.pop_front() {
            return expected;
        }
        if self.late {
            // What it answers was said before the recording began; 334 can only go on with a login.
            let auth = code == 334;
            return Pending::new(if auth { "AUTH" } else { "" }, auth.then_some(Verb::Auth));
        }
        let place = Span::new(0, 3.min(piece.len));
        if matches!(self.client, Client::Message(_)) {
            let detail = "the server answers as if the message had ended, and CR LF . CR LF has not come: it took \
                          something else for the end, or lost patience (RFC 5321 §4.1.1.4)";
            piece.findings.push(Finding::error("reply-before-end-of-data", place, detail));
            return Pending::new(".", None);
        }
        if code == 421 {
            let detail = "the server ends the session unasked (RFC 5321 §3.8)";
            piece.findings.push(Finding::hint("unasked-421", place, detail));
        } else {
            let detail = "this reply answers no command: every command before it has had its reply";
            piece.findings.push(Finding::error("reply-to-nothing", place, detail));
        }
        Pending::new("", None)
    }

    /// Move the session by a reply.
    fn follow_reply(&mut self, answered: &Pending, code: u16) {
        let class = Class::of(code);
        match (answered.name.as_str(), class) {
            (_, _) if code == 421 => self.phase = Phase::Closed,
            ("DATA", Class::Intermediate) => {
                self.phase = Phase::Data;
                self.late = false;
                if self.pending.iter().any(|p| p.hole) {
                    // It may have begun in the gap.
                    self.client = Client::Rest(RestOf::Message { begun: true });
                } else if !answered.assumed {
                    self.begin_message();
                }
            }
            // An answer before the end of data changes nothing for a strict reader.
            (".", _) if answered.verb.is_none() => {}
            (".", _) => {
                if matches!(self.client, Client::Rest(RestOf::Dot)) {
                    self.client = Client::Command;
                }
                self.phase = Phase::Greeted;
                self.late = false;
            }
            ("AUTH", Class::Intermediate) if !answered.assumed => self.client = Client::Response,
            ("AUTH", Class::Completion) => self.authenticated = true,
            ("AUTH", Class::Transient | Class::Permanent) => self.stray_response = true,
            ("STARTTLS", Class::Completion) if !answered.assumed => {
                self.tls = true;
                self.phase = Phase::Connected;
            }
            ("QUIT", _) => self.phase = Phase::Closed,
            (name, Class::Completion) => {
                self.late &= name != "LHLO";
                self.phase = answered.after(self.phase);
                if let Some(phase) = Self::settled_by(answered).filter(|_| self.late) {
                    self.phase = phase;
                    self.late = false;
                }
            }
            _ => {}
        }
    }
}

impl Reader for SmtpReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Smtp
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        match from {
            Direction::Client => self.read_client(waiting, ended),
            Direction::Server => self.read_server(waiting, ended),
        }
    }

    fn gap(&mut self, from: Direction, missing: Option<u64>) {
        self.skip(from, missing);
    }

    fn may_be_whole(&self, from: Direction, len: usize, tail: &[u8]) -> bool {
        match &self.client {
            _ if from == Direction::Server || self.tls => true,
            Client::Message(_) => memchr::memmem::find(tail, b"\r\n.\r\n").is_some(),
            Client::Chunk { size, .. } => len as u64 >= *size,
            Client::Command | Client::Response | Client::Rest(_) => true,
        }
    }
}
