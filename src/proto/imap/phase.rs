//! Which command is legal when (RFC 9051 §3, §6): one table for servers and the dissector.

use serde::Serialize;

/// The states of a connection (RFC 9051 §3), and IDLE within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Credentials are wanted.
    NotAuthenticated,
    /// A mailbox must be selected before messages can be touched.
    Authenticated,
    /// A mailbox is open.
    Selected,
    /// In IDLE: only DONE may come.
    Idle,
    /// The connection is being ended.
    Logout,
}

/// Whether the command of that name (`UID FETCH`, upper case) may come in that phase.
pub fn is_legal(_phase: Phase, _command: &str) -> bool {
    true
}

/// The commands that are legal in that phase, in the RFC's order.
pub fn legal_now(_phase: Phase) -> Vec<&'static str> {
    Vec::new()
}

/// The phase after that command was answered OK in that phase.
pub fn next(phase: Phase, _command: &str) -> Phase {
    phase
}
