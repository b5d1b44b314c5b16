//! IMAP as the strict observer reads it: bytes of both sides → pieces (RFC 3501, RFC 9051).
//!
//! A command is one piece with its literals, unless a literal was waited for: then the piece ends at the announcement,
//! and what follows the server's `+` is a continuation. Each untagged response is a piece; a tagged one bears the verb
//! of the command it ends. Tags, phases and the SASL exchange are kept here, so that each reply knows its question.

mod client;
mod gap;
mod meaning;
mod server;
#[cfg(test)]
mod tests;

pub use meaning::{FetchMeaning, ImapCode, ImapMeaning};

use super::step::{Piece, Protocol, Reader};
use crate::base::Word;
use crate::proto::imap::framing::Scanner;
use crate::proto::imap::grammar::Dialect;
use crate::proto::imap::phase::{self, Phase};
use crate::proto::sasl::Watch;
use crate::trace::Direction;

/// Octets of the longest line that is read as one; beyond it, pieces are cut and bear a finding.
pub const LONGEST_LINE: usize = 1 << 20;

/// Octets of the largest command or response that is waited for; the announcement of a literal beyond it is not
/// believed.
pub const LARGEST: u64 = 64 << 20;

/// Commands without a reply that are remembered; more are forgotten from the oldest.
pub const MOST_PENDING: usize = 1000;

/// Literals of one command, each waited for, that are read into it; what follows more of them has no parts.
pub const MOST_LITERALS: usize = 100;

/// A command whose tagged reply has not come.
#[derive(Clone, Debug)]
struct Pending {
    tag: String,
    verb: Word,
    /// Its reply may be in a gap.
    doubtful: bool,
    /// It was sent before a gap in which the phase may have changed.
    before_gap: bool,
}

/// What the client's next bytes are.
#[derive(Clone, Debug)]
enum Expect {
    /// A command.
    Command,
    /// The literal that a command announced, and the rest of that command.
    Literal(Awaited),
}

/// A command that stopped at the announcement of a literal.
#[derive(Clone, Debug, Default)]
struct Awaited {
    tag: String,
    verb: Word,
    /// All of the command so far, large literals left out.
    before: Vec<u8>,
    /// Sizes of the literals left out, in order.
    shortened: Vec<u64>,
    /// Octets of the literal that is awaited.
    size: usize,
    /// How many literals there were, this one included.
    literals: usize,
    /// The server said `+`.
    accepted: bool,
}

/// A SASL exchange under way.
#[derive(Clone, Debug)]
struct Sasl {
    tag: String,
    watch: Watch,
    /// The client's next line belongs to it.
    client_next: bool,
}

/// Reads one IMAP conversation. See [`Reader`].
#[derive(Clone, Debug)]
pub struct ImapReader {
    client: Scanner,
    server: Scanner,
    expect: Expect,
    sasl: Option<Sasl>,
    /// The tag of an IDLE that has not been ended by DONE.
    idle: Option<String>,
    pending: Vec<Pending>,
    /// Not known where the beginning of the conversation was not seen.
    phase: Option<Phase>,
    dialect: Dialect,
    client_spoke: bool,
    server_spoke: bool,
    tls: bool,
    /// What gaps leave open.
    doubt: gap::Doubt,
}

impl Default for ImapReader {
    fn default() -> Self {
        ImapReader {
            client: Scanner::commands(),
            server: Scanner::responses(),
            expect: Expect::Command,
            sasl: None,
            idle: None,
            pending: Vec::new(),
            phase: None,
            dialect: Dialect::Rev1,
            client_spoke: false,
            server_spoke: false,
            tls: false,
            doubt: gap::Doubt::default(),
        }
    }
}

impl ImapReader {
    /// A reader of a conversation inside TLS that was begun by STARTTLS: no greeting comes, and the phase is known.
    pub fn after_starttls() -> Self {
        let phase = Some(Phase::NotAuthenticated);
        ImapReader { phase, server_spoke: true, ..ImapReader::default() }
    }

    /// A reader of a conversation whose beginning was not seen: no greeting comes, and the phase is not known.
    pub fn mid_session() -> Self {
        ImapReader { server_spoke: true, ..ImapReader::default() }
    }

    /// Whether STARTTLS was answered OK: all further bytes are TLS, and no piece is given any more.
    pub fn is_opaque(&self) -> bool {
        self.tls
    }

    /// The phase, where it is known.
    pub fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// Whether a command is legal now, or may be once what is pending has succeeded or failed (commands may be sent
    /// before the replies to earlier ones have come, RFC 9051 §5.5).
    fn is_legal(&self, verb: &str) -> bool {
        let Some(phase) = self.phase else {
            return true;
        };
        if self.idle.is_some() {
            return phase::is_legal(Phase::Idle, verb);
        }
        let mut possible = vec![phase];
        for earlier in &self.pending {
            for at in 0..possible.len() {
                let before = possible.get(at).copied().unwrap_or(phase);
                let after = [phase::next(before, &earlier.verb), phase::next_after_no(before, &earlier.verb)];
                for phase in after {
                    if !possible.contains(&phase) {
                        possible.push(phase);
                    }
                }
            }
        }
        possible.into_iter().any(|phase| phase::is_legal(phase, verb))
    }

    fn remember(&mut self, tag: String, verb: Word) {
        if self.pending.len() >= MOST_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(Pending { tag, verb, doubtful: false, before_gap: false });
    }
}

impl Reader for ImapReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Imap
    }

    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        if waiting.is_empty() {
            return None;
        }
        if self.tls {
            return ended.then(|| Piece::new(super::step::Kind::Unparsed, waiting.len()));
        }
        match from {
            Direction::Client => self.read_client(waiting, ended),
            Direction::Server => self.read_server(waiting, ended),
        }
    }

    fn gap(&mut self, from: Direction, missing: Option<u64>) {
        self.skip(from, missing);
    }

    fn may_be_whole(&self, from: Direction, len: usize, _tail: &[u8]) -> bool {
        // Only in a literal nobody has to look: its octets are counted.
        self.tls || !self.is_in_literal(from, len)
    }
}
