//! POP3 as the strict observer reads it (RFC 1939).
//!
//! Greeting, commands, replies. A multi-line reply is one piece, from its status line to the lone dot. Replies
//! know the commands they answer, since both come in turn: commands stand in a queue until they are answered, so
//! a pipelining client is read as well (RFC 2449 §6.6).

mod command;
mod gap;
mod lines;
mod meaning;
mod message;
mod reply;
#[cfg(test)]
mod tests;

pub use meaning::{Asked, Pop3Meaning, Told};

pub use crate::proto::pop3::grammar::{Capability, DropListing, ScanListing, UniqueIdListing};
pub use crate::proto::pop3::phase::Phase;

use super::step::{Kind, Piece, Protocol, Reader};
use crate::base::{Finding, Span, Word};
use crate::proto::line::Terminator;
use crate::proto::pop3::phase;
use crate::proto::sasl::Watch;
use crate::trace::Direction;
use lines::LineScan;
use std::collections::VecDeque;

/// Commands that may wait for their answers; beyond it, replies are no longer matched to commands.
const OUTSTANDING: usize = 65_536;
/// How many commands the hoped-for phase is worked out over after a refusal.
const REPLAYED: usize = 256;
/// Every phase: what may hold where it would be too much work to find out.
const ALL_PHASES: [Phase; 5] =
    [Phase::Authorization, Phase::NameGiven, Phase::Transaction, Phase::Update, Phase::Ended];
/// Opaque bytes in one piece, once TLS has begun.
const OPAQUE: usize = 16 * 1024;

/// Reads one POP3 conversation.
#[derive(Clone, Debug)]
pub struct Pop3Reader {
    client: LineScan,
    server: LineScan,
    /// A multi-line reply that is coming.
    block: Option<reply::OpenBlock>,
    /// Commands without an answer, oldest first.
    outstanding: VecDeque<Outstanding>,
    /// Where the session stands by the replies; `None` where the observer came late.
    phase: Option<Phase>,
    /// Where it will stand if all outstanding commands succeed.
    hoped: Option<Phase>,
    /// Where it may stand, however they are answered.
    possible: Vec<Phase>,
    greeted: bool,
    /// The server waits for a SASL response.
    sasl: bool,
    /// The SASL exchange, as far as it was seen.
    watch: Watch,
    /// STLS waits for its answer.
    stls: bool,
    tls: bool,
    /// What gaps leave open.
    doubt: gap::Doubt,
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
struct Outstanding {
    asked: Asked,
    verb: Word,
    /// No command, but the response of a SASL exchange that the server has not asked for yet. If it never does, it
    /// takes this line for a command.
    early_response: bool,
    /// Not one command but any number of them, which were not recorded.
    hole: bool,
}

impl Outstanding {
    /// The phase behind it, if it succeeds.
    fn hope(&self, phase: Option<Phase>) -> Option<Phase> {
        if self.hole { None } else { after(phase, &self.asked, true) }
    }
}

impl Default for Pop3Reader {
    fn default() -> Self {
        Pop3Reader {
            client: LineScan::default(),
            server: LineScan::default(),
            block: None,
            outstanding: VecDeque::new(),
            phase: Some(Phase::Authorization),
            hoped: Some(Phase::Authorization),
            possible: vec![Phase::Authorization],
            greeted: false,
            sasl: false,
            watch: Watch::default(),
            stls: false,
            tls: false,
            doubt: gap::Doubt::default(),
        }
    }
}

impl Pop3Reader {
    /// Reads a conversation whose beginning was not seen: no greeting is awaited, and the phase is not known until
    /// a login is seen.
    pub fn mid_session() -> Self {
        let possible = Vec::new();
        Pop3Reader { phase: None, hoped: None, possible, greeted: true, ..Pop3Reader::default() }
    }

    /// Whether STLS was accepted: what follows on both sides is TLS (RFC 2595 §4).
    pub fn tls_begins(&self) -> bool {
        self.tls
    }

    /// Takes the answer to the oldest command into account.
    fn answered(&mut self, asked: &Asked, ok: bool) {
        let verb = asked.verb();
        if matches!(asked, Asked::Auth { .. }) {
            self.sasl = false;
        }
        if matches!(asked, Asked::Stls) {
            self.stls = false;
            self.tls = ok;
        }
        let before = self.phase;
        self.phase = after(before, asked, ok);
        // Only a refused login makes hopes wrong; then they are worked out anew.
        let hoped = before.map(|p| phase::next(p, verb, true) == phase::next(p, verb, false));
        if !ok && hoped != Some(true) || self.outstanding.is_empty() {
            let waiting = self.outstanding.iter().take(REPLAYED);
            self.hoped = waiting.fold(self.phase, |phase, command| command.hope(phase));
        }
        self.possible = self.phase.into_iter().collect();
        if self.outstanding.len() > REPLAYED {
            self.possible = ALL_PHASES.to_vec();
        }
        let waiting: Vec<Asked> = self.outstanding.iter().take(REPLAYED).map(|o| o.asked.clone()).collect();
        waiting.iter().for_each(|asked| self.may_lead_on(asked));
    }

    /// Takes into account that a command may succeed or fail.
    fn may_lead_on(&mut self, asked: &Asked) {
        let outcomes: Vec<Phase> = self
            .possible
            .iter()
            .flat_map(|phase| [after(Some(*phase), asked, true), after(Some(*phase), asked, false)])
            .flatten()
            .collect();
        self.possible.clear();
        for phase in outcomes {
            if !self.possible.contains(&phase) {
                self.possible.push(phase);
            }
        }
    }

    fn opaque(&self, waiting: &[u8], ended: bool) -> Option<Piece> {
        match waiting.len() {
            len if len >= OPAQUE => Some(Piece::new(Kind::Unparsed, OPAQUE)),
            0 => None,
            len => ended.then(|| Piece::new(Kind::Unparsed, len)),
        }
    }
}

/// The phase after an answer; a login tells it even to an observer who came late.
fn after(phase: Option<Phase>, asked: &Asked, ok: bool) -> Option<Phase> {
    match (phase, asked) {
        (_, Asked::Invalid { .. } | Asked::Unknown) => phase,
        (Some(phase), _) => Some(phase::next(phase, asked.verb(), ok)),
        (None, Asked::Pass | Asked::Apop { .. } | Asked::Auth { .. }) if ok => Some(Phase::Transaction),
        (None, Asked::User { .. }) if ok => Some(Phase::NameGiven),
        // These succeed in one state only.
        (
            None,
            Asked::Stat
            | Asked::List { .. }
            | Asked::Retr { .. }
            | Asked::Dele { .. }
            | Asked::Noop
            | Asked::Rset
            | Asked::Top { .. }
            | Asked::Uidl { .. },
        ) if ok => Some(Phase::Transaction),
        (None, _) => None,
    }
}

/// Findings on how a line ended. `text` is where its terminator begins, `len` the line with it.
fn judge_terminator(terminator: Terminator, text: usize, len: usize, findings: &mut Vec<Finding>) {
    match terminator {
        Terminator::CrLf => {}
        Terminator::Lf => findings.push(Finding::error(
            "bare-lf",
            Span::new(text, len),
            "a line ends with CR LF; here stands LF alone",
        )),
        Terminator::TooLong => findings.push(Finding::error(
            "line-too-long",
            Span::new(0, len),
            format!("no line end within {len} octets; the longest line of POP3 has 512"),
        )),
        Terminator::End => findings.push(cut_short(len)),
    }
}

fn cut_short(len: usize) -> Finding {
    Finding::error("cut-short", Span::new(len, len), "the stream ended here, before the end was sent")
}

impl Reader for Pop3Reader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Pop3
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        if self.tls {
            return self.opaque(waiting, ended);
        }
        match from {
            Direction::Client => self.read_client(waiting, ended),
            Direction::Server => self.read_server(waiting, ended),
        }
    }

    fn gap(&mut self, from: Direction, _missing: Option<u64>) {
        self.skip(from);
    }

    fn may_be_whole(&self, from: Direction, len: usize, tail: &[u8]) -> bool {
        let known = self.tls || from == Direction::Client || self.is_behind_gap();
        self.block.as_ref().filter(|_| !known).is_none_or(|block| block.may_end(len, tail))
    }
}
