//! Which command is legal when (RFC 9051 §3, §6): one table for servers and the dissector.
//!
//! "It is a protocol error for the client to attempt a command while the connection is in an inappropriate state"
//! (RFC 9051 §3); a server answers BAD or NO, a strict observer finds `command-out-of-phase`.

use serde::Serialize;

/// The states of a connection (RFC 9051 §3), and IDLE, which can be had in two of them (RFC 2177 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Credentials are wanted.
    NotAuthenticated,
    /// A mailbox must be selected before messages can be touched.
    Authenticated,
    /// A mailbox is open.
    Selected,
    /// In IDLE: only DONE may come; then the phase is what it was.
    Idle,
    /// The connection is being ended.
    Logout,
}

impl Phase {
    /// Its name as the RFC writes it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::NotAuthenticated => "not authenticated",
            Phase::Authenticated => "authenticated",
            Phase::Selected => "selected",
            Phase::Idle => "idle",
            Phase::Logout => "logout",
        }
    }
}

/// In which phases a group of commands may come.
const ANY: u8 = NOT_AUTHENTICATED | AUTHENTICATED | SELECTED;
const NOT_AUTHENTICATED: u8 = 1;
const AUTHENTICATED: u8 = 2;
const SELECTED: u8 = 4;
const IDLE: u8 = 8;

/// Every command, in the order of RFC 9051 §6, with those that RFC 3501 has besides.
const TABLE: &[(&str, u8)] = &[
    ("CAPABILITY", ANY),
    ("NOOP", ANY),
    ("LOGOUT", ANY),
    ("ID", ANY),
    ("STARTTLS", NOT_AUTHENTICATED),
    ("AUTHENTICATE", NOT_AUTHENTICATED),
    ("LOGIN", NOT_AUTHENTICATED),
    // "only valid in the authenticated state, before any mailbox is selected" (RFC 9051 §6.3.1).
    ("ENABLE", AUTHENTICATED),
    ("SELECT", AUTHENTICATED | SELECTED),
    ("EXAMINE", AUTHENTICATED | SELECTED),
    ("CREATE", AUTHENTICATED | SELECTED),
    ("DELETE", AUTHENTICATED | SELECTED),
    ("RENAME", AUTHENTICATED | SELECTED),
    ("SUBSCRIBE", AUTHENTICATED | SELECTED),
    ("UNSUBSCRIBE", AUTHENTICATED | SELECTED),
    ("LIST", AUTHENTICATED | SELECTED),
    ("LSUB", AUTHENTICATED | SELECTED),
    ("NAMESPACE", AUTHENTICATED | SELECTED),
    ("STATUS", AUTHENTICATED | SELECTED),
    ("APPEND", AUTHENTICATED | SELECTED),
    ("IDLE", AUTHENTICATED | SELECTED),
    ("CHECK", SELECTED),
    ("CLOSE", SELECTED),
    ("UNSELECT", SELECTED),
    ("EXPUNGE", SELECTED),
    ("UID EXPUNGE", SELECTED),
    ("SEARCH", SELECTED),
    ("UID SEARCH", SELECTED),
    ("FETCH", SELECTED),
    ("UID FETCH", SELECTED),
    ("STORE", SELECTED),
    ("UID STORE", SELECTED),
    ("COPY", SELECTED),
    ("UID COPY", SELECTED),
    ("MOVE", SELECTED),
    ("UID MOVE", SELECTED),
    ("DONE", IDLE),
];

fn bit(phase: Phase) -> u8 {
    match phase {
        Phase::NotAuthenticated => NOT_AUTHENTICATED,
        Phase::Authenticated => AUTHENTICATED,
        Phase::Selected => SELECTED,
        Phase::Idle => IDLE,
        Phase::Logout => 0,
    }
}

/// Whether the command of that name (`UID FETCH`, upper case) may come in that phase. A name that is not known is
/// legal everywhere: that it is unknown is what is wrong with it.
pub fn is_legal(phase: Phase, command: &str) -> bool {
    match TABLE.iter().find(|(name, _)| *name == command) {
        Some((_, phases)) => phases & bit(phase) != 0,
        None => !matches!(phase, Phase::Idle | Phase::Logout),
    }
}

/// The commands that are legal in that phase, in the RFC's order.
pub fn legal_now(phase: Phase) -> Vec<&'static str> {
    TABLE.iter().filter(|(_, phases)| phases & bit(phase) != 0).map(|(name, _)| *name).collect()
}

/// The phase after that command was answered OK in that phase.
pub fn next(phase: Phase, command: &str) -> Phase {
    match command {
        "LOGOUT" => Phase::Logout,
        "LOGIN" | "AUTHENTICATE" if phase == Phase::NotAuthenticated => Phase::Authenticated,
        "SELECT" | "EXAMINE" if phase != Phase::NotAuthenticated => Phase::Selected,
        "CLOSE" | "UNSELECT" if phase == Phase::Selected => Phase::Authenticated,
        _ => phase,
    }
}

/// The phase after that command was answered NO in that phase: "if a mailbox is selected and a SELECT command that
/// fails is attempted, no mailbox is selected" (RFC 9051 §6.3.2).
pub fn next_after_no(phase: Phase, command: &str) -> Phase {
    match command {
        "SELECT" | "EXAMINE" if phase == Phase::Selected => Phase::Authenticated,
        _ => phase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_walks_through_the_states() {
        let mut phase = Phase::NotAuthenticated;
        for (command, after) in [
            ("CAPABILITY", Phase::NotAuthenticated),
            ("LOGIN", Phase::Authenticated),
            ("LIST", Phase::Authenticated),
            ("SELECT", Phase::Selected),
            ("UID FETCH", Phase::Selected),
            ("CLOSE", Phase::Authenticated),
            ("LOGOUT", Phase::Logout),
        ] {
            assert!(is_legal(phase, command), "{command}");
            phase = next(phase, command);
            assert_eq!(phase, after, "{command}");
        }
        assert!(legal_now(phase).is_empty());
    }

    #[test]
    fn what_needs_a_mailbox_waits_for_one() {
        assert!(!is_legal(Phase::Authenticated, "FETCH"));
        assert!(!is_legal(Phase::NotAuthenticated, "SELECT"));
        assert!(!is_legal(Phase::Selected, "LOGIN"));
        assert_eq!(legal_now(Phase::Idle), ["DONE"]);
        assert_eq!(next_after_no(Phase::Selected, "SELECT"), Phase::Authenticated);
    }
}
