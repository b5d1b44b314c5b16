//! Behind a gap: commands and replies are missing, perhaps the lone dot of a listing too.
//!
//! Commands that were not recorded stand in the queue as a *hole*: any number of them. A client of POP3 waits for each
//! answer unless it pipelines (RFC 2449 §6.6); so where this one was never seen to, its next command makes the queue
//! certain again. Whether a reply has several lines is told by what follows it.

use super::reply::OpenBlock;
use super::{Asked, Outstanding, Pop3Reader};
use crate::base::{Finding, Severity, Span, Word};
use crate::dissect::step::{Kind, Piece};
use crate::proto::pop3::grammar::block::BlockScanner;
use crate::proto::pop3::grammar::{Command, Parsed, Status, reply::parse_status_line};
use crate::proto::pop3::phase::Phase;
use crate::proto::sasl::{Watch, observe};
use crate::trace::Direction;

/// What gaps leave open.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Replies are missing: some of the commands that wait have been answered.
    lost: bool,
    /// The client's next line may be the rest of one, and may hold a secret.
    client: Option<Rest>,
    /// The server's next line may be the rest of a reply or of a listing.
    server: bool,
    /// A listing or a message was cut off, or a reply that may have one.
    pub block: bool,
    /// The lines that come belong to a listing or a message, of which nobody knows whether it goes on.
    inside: bool,
    /// Some command was sent before the answer to the one before.
    pub pipelines: bool,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    secret: bool,
    /// It is the first line behind the gap.
    first: bool,
}

impl Pop3Reader {
    /// See [`crate::dissect::Reader::gap`].
    pub(super) fn skip(&mut self, from: Direction) {
        let logged_in = matches!(self.phase, Some(Phase::Transaction | Phase::Update));
        (self.phase, self.hoped, self.stls) = (None, None, false);
        self.possible.clear();
        match from {
            Direction::Client => {
                self.client = super::lines::LineScan::default();
                self.sasl = false;
                // How far a login is, or by which mechanism, is not known any more.
                self.watch = Watch::default();
                self.doubt.client = Some(Rest { secret: !logged_in, first: true });
                if !self.outstanding.back().is_some_and(|o| o.hole) {
                    let (asked, verb) = (Asked::Unknown, Word::default());
                    self.outstanding.push_back(Outstanding {
                        asked,
                        verb,
                        early_response: false,
                        hole: true,
                    });
                }
            }
            Direction::Server => {
                self.server = super::lines::LineScan::default();
                self.greeted = true;
                self.doubt.lost = true;
                self.doubt.server = true;
                self.doubt.block |= self.outstanding.iter().any(|o| o.hole || o.asked.is_multi_line());
                self.block = None;
            }
        }
    }

    /// Whether it is not certain which command the next reply answers.
    pub(super) fn is_unsure(&self) -> bool {
        self.doubt.lost || self.outstanding.front().is_some_and(|o| o.hole)
    }

    /// The client says something more: one that waits for answers has had them all.
    pub(super) fn settle(&mut self) {
        let open = self.doubt.lost || self.outstanding.iter().any(|o| o.hole);
        if !open || self.doubt.pipelines {
            return;
        }
        if !self.outstanding.is_empty() {
            (self.phase, self.hoped) = (None, None);
            self.possible.clear();
        }
        self.outstanding.clear();
        self.doubt.lost = false;
        if std::mem::take(&mut self.doubt.inside) {
            // What waits of it is no status line, and nobody is to blame.
            self.block = None;
            self.doubt.server = true;
        }
        self.doubt.block = false;
    }

    /// The client's line behind a gap, where it is no command beyond doubt.
    pub(super) fn client_rest(&mut self, text: &[u8], len: usize, parsed: &Parsed<Command>) -> Option<Piece> {
        let rest = self.doubt.client?;
        let known = !matches!(parsed.value, Command::Unknown { .. } | Command::Invalid { .. });
        if known && parsed.findings.iter().all(|finding| finding.severity == Severity::Hint) {
            self.doubt.client = None;
            return None;
        }
        let mut piece = Piece::new(Kind::Unparsed, len);
        if rest.secret && !text.is_empty() {
            piece.secrets.push(Span::new(0, text.len()));
        }
        if rest.first {
            piece.findings.push(after_gap(len));
        }
        self.doubt.client = Some(Rest { first: false, ..rest });
        Some(piece)
    }

    /// Which command a status line answers where a gap leaves that open; `Some(None)`: nobody can tell.
    pub(super) fn answered_behind_gap(&mut self, status: Status) -> Option<Option<Outstanding>> {
        if !self.is_unsure() {
            return None;
        }
        if status == Status::Continue {
            // Only AUTH is answered like this.
            let at = self.outstanding.iter().position(|o| matches!(o.asked, Asked::Auth { .. }));
            self.sasl = true;
            if let Some(at) = at {
                self.outstanding.drain(..at);
                self.doubt.lost = false;
            }
            return Some(at.and_then(|_| self.outstanding.front().cloned()));
        }
        // A positive answer to who knows what may have more lines.
        self.doubt.block = status == Status::Ok;
        self.doubt.server |= self.doubt.block;
        Some(None)
    }

    /// The client goes on with a login, and the `+` that asked it to is in a gap: all before it has been answered.
    pub(super) fn asked_in_gap(&mut self) -> bool {
        if !self.is_unsure() {
            return false;
        }
        let at = self.outstanding.iter().rposition(|o| matches!(o.asked, Asked::Auth { .. }));
        self.outstanding.drain(..at.unwrap_or(self.outstanding.len()));
        self.doubt.lost = false;
        true
    }

    /// Whether the server's next line may be the rest of one.
    pub(super) fn is_behind_gap(&self) -> bool {
        self.doubt.server
    }

    /// What the server's next bytes are behind a gap: `Err` while that cannot be told, `Ok(None)` for a status line.
    pub(super) fn server_rest(&mut self, waiting: &[u8], ended: bool) -> Result<Option<Piece>, ()> {
        if !self.doubt.server {
            return Ok(None);
        }
        // The status line's own words must be there.
        let word = waiting.get(..4).unwrap_or(waiting);
        if word.len() < 4 && !ended && !word.contains(&b'\n') {
            return Err(());
        }
        let text = waiting.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default();
        if parse_status_line(text).value.status != Status::Unclear {
            self.doubt.server = false;
            self.doubt.block = false;
            return Ok(None);
        }
        if std::mem::take(&mut self.doubt.block) {
            self.doubt.server = false;
            self.doubt.inside = true;
            self.block = Some(OpenBlock::rest(BlockScanner::new(false)));
            return Ok(None);
        }
        // Until a status line comes.
        let Some(found) = self.server.next(waiting, ended) else { return Err(()) };
        let mut piece = Piece::new(Kind::Unparsed, found.len);
        piece.findings.push(after_gap(found.len));
        let may_be_challenge =
            self.outstanding.iter().any(|o| o.hole || matches!(o.asked, Asked::Auth { .. }));
        piece.secrets.extend(observe::tail(text).filter(|_| may_be_challenge && self.phase.is_none()));
        Ok(Some(piece))
    }

    /// A block that began in a gap, or before one, has come to its end.
    pub(super) fn block_ended(&mut self) {
        self.doubt.inside = false;
    }
}

fn after_gap(len: usize) -> Finding {
    let detail = "Bytes are missing before this: it may be the rest of what stood there.";
    Finding::hint("after-gap", Span::new(0, len), detail)
}
