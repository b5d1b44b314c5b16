//! Bytes → whole commands and responses: lines joined by literals (RFC 9051 §4.3, RFC 7888).
//!
//! "In the case of literals transmitted from client to server, the client MUST wait to receive a command
//! continuation request … before sending the octet data" (RFC 9051 §4.3), unless the literal is non-synchronising.

/// How long things may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one line of a command. Before login 8 KiB, after it 64 KiB.
    pub line: usize,
    /// Octets of one literal. Before login 4 KiB, after it the size limit of messages.
    pub literal: u64,
    /// Octets of a whole command with all its literals.
    pub command: u64,
    /// LITERAL- (RFC 7888 §5): non-synchronising literals of at most 4096 octets. `u64::MAX` for LITERAL+.
    pub non_sync: u64,
}

/// What the framer has for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole command, literals and final line end included: for `grammar::parse_command`.
    Command(Vec<u8>),
    /// A line taken by [`CommandFramer::next_line`], with its line end.
    Line(Vec<u8>),
    /// The client waits for `+` before it sends these octets. Either send it, or refuse with a tagged reply and
    /// call [`CommandFramer::refuse`].
    Wants {
        /// Octets announced.
        size: u64,
        /// The command so far, up to and including the announcement: `parse_command` reads what is there.
        so_far: Vec<u8>,
    },
    /// Too big. Answer at once, tagged BAD (or NO with TOOBIG); what still comes of it is thrown away unread.
    Refused {
        /// Its tag, where one could be read.
        tag: Option<String>,
        /// Why.
        why: Refusal,
        /// The first octets of it, at most 256, so that it can be named.
        start: Vec<u8>,
    },
}

/// Why a command is refused before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line without end, or too long a one.
    LineTooLong,
    /// A literal larger than the limit.
    LiteralTooBig,
    /// A non-synchronising literal larger than LITERAL- allows.
    NonSyncTooBig,
    /// All of it together.
    CommandTooBig,
}

/// The server's end: what clients send, whole command by whole command.
#[derive(Clone, Debug)]
pub struct CommandFramer {
    limits: Limits,
}

impl CommandFramer {
    /// A framer with these limits.
    pub fn new(limits: Limits) -> Self {
        CommandFramer { limits }
    }
    /// Other limits from now on (after login).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
    /// Take bytes that arrived.
    pub fn push(&mut self, _bytes: &[u8]) {}
    /// The stream has ended.
    pub fn end(&mut self) {}
    /// Forget everything that waits (after STARTTLS).
    pub fn clear(&mut self) {}
    /// The literal that [`Frame::Wants`] told of was refused by a tagged reply: the command is over.
    pub fn refuse(&mut self) {}
    /// The next whole command, or what must be answered before it can be whole.
    pub fn next_command(&mut self) -> Option<Frame> {
        None
    }
    /// The next line as it is, without literals: a SASL response, `DONE`. [`Frame::Line`] or [`Frame::Refused`].
    pub fn next_line(&mut self) -> Option<Frame> {
        None
    }
}
