//! POP3 as the strict observer reads it (RFC 1939).
//!
//! Greeting, commands, replies. A multi-line reply is one piece, from its status line to the lone dot. Replies
//! know the commands they answer, since both come in turn: commands stand in a queue until they are answered, so
//! a pipelining client is read as well (RFC 2449 §6.6).

mod meaning;

pub use meaning::{Asked, Pop3Meaning, Told};

pub use crate::proto::pop3::grammar::{Capability, DropListing, ScanListing, UniqueIdListing};
pub use crate::proto::pop3::phase::Phase;

use super::step::{Piece, Protocol, Reader};
use crate::trace::Direction;

/// Reads one POP3 conversation.
#[derive(Debug, Default)]
pub struct Pop3Reader {
    tls: bool,
}

impl Pop3Reader {
    /// Whether STLS was accepted: what follows on both sides is TLS.
    pub fn tls_begins(&self) -> bool {
        self.tls
    }
}

impl Reader for Pop3Reader {
    fn protocol(&self) -> Protocol {
        Protocol::Pop3
    }

    fn read(&mut self, _from: Direction, _waiting: &[u8], _ended: bool) -> Option<Piece> {
        None
    }
}
