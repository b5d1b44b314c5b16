//! POP3's states, as one table: which command is legal where, and where its answer leads (RFC 1939 §3 to §6).
//!
//! The server enforces it, the dissector finds against it, the notes read what could come next from it.

use super::grammar::Verb;
use serde::Serialize;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// AUTHORIZATION: the client has not said who it is (RFC 1939 §4).
    Authorization,
    /// AUTHORIZATION still, after a successful USER: PASS is awaited (RFC 1939 §7, USER and PASS).
    NameGiven,
    /// TRANSACTION: the maildrop is open and locked (RFC 1939 §5).
    Transaction,
    /// UPDATE: QUIT was given in TRANSACTION; marked messages are being removed (RFC 1939 §6).
    Update,
    /// Over without UPDATE: QUIT was given in AUTHORIZATION.
    Ended,
}

impl Phase {
    /// The RFC's name for the state.
    pub fn name(self) -> &'static str {
        match self {
            Authorization | NameGiven => "AUTHORIZATION",
            Transaction => "TRANSACTION",
            Update => "UPDATE",
            Ended => "ENDED",
        }
    }
}

/// One line of the table: in this phase this command is legal, and leads there on `+OK` and there on `-ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The phase it is about.
    pub phase: Phase,
    /// The command.
    pub verb: Verb,
    /// The phase after `+OK`.
    pub ok: Phase,
    /// The phase after `-ERR`.
    pub err: Phase,
}

const fn rule(phase: Phase, verb: Verb, ok: Phase, err: Phase) -> Rule {
    Rule { phase, verb, ok, err }
}

const fn stay(phase: Phase, verb: Verb) -> Rule {
    rule(phase, verb, phase, phase)
}

use Phase::{Authorization, Ended, NameGiven, Transaction, Update};

/// The table. What is not in it is out of phase.
pub const TABLE: &[Rule] = &[
    // §7: USER and APOP "may only be given in the AUTHORIZATION state after the POP3 greeting or after an
    // unsuccessful USER or PASS command".
    rule(Authorization, Verb::User, NameGiven, Authorization),
    rule(Authorization, Verb::Apop, Transaction, Authorization),
    rule(Authorization, Verb::Auth, Transaction, Authorization),
    // RFC 2595 §4: "the server remains in AUTHORIZATION state".
    stay(Authorization, Verb::Stls),
    // RFC 2449 §5: "available in both the AUTHORIZATION and TRANSACTION states".
    stay(Authorization, Verb::Capa),
    rule(Authorization, Verb::Quit, Ended, Ended),
    // §7: after a successful USER "the client may issue either the PASS command to complete the authentication,
    // or the QUIT command". CAPA has no restrictions, so it does not take the name back.
    rule(NameGiven, Verb::Pass, Transaction, Authorization),
    stay(NameGiven, Verb::Capa),
    rule(NameGiven, Verb::Quit, Ended, Ended),
    stay(Transaction, Verb::Stat),
    stay(Transaction, Verb::List),
    stay(Transaction, Verb::Retr),
    stay(Transaction, Verb::Dele),
    stay(Transaction, Verb::Noop),
    stay(Transaction, Verb::Rset),
    stay(Transaction, Verb::Top),
    stay(Transaction, Verb::Uidl),
    stay(Transaction, Verb::Capa),
    // §6: "Whether the removal was successful or not, the server then releases any exclusive-access lock".
    rule(Transaction, Verb::Quit, Update, Update),
];

/// The table's line for this command in this phase; `None` where it is out of phase.
pub fn lookup(phase: Phase, verb: Verb) -> Option<&'static Rule> {
    TABLE.iter().find(|r| r.phase == phase && r.verb == verb)
}

/// Whether the command is legal in this phase.
pub fn is_legal(phase: Phase, verb: Verb) -> bool {
    lookup(phase, verb).is_some()
}

/// The phase after the answer to a command; a command out of phase changes nothing.
pub fn next(phase: Phase, verb: Verb, ok: bool) -> Phase {
    lookup(phase, verb).map_or(phase, |r| if ok { r.ok } else { r.err })
}

/// What a client may say now, in the table's order.
pub fn legal_now(phase: Phase) -> impl Iterator<Item = Verb> {
    TABLE.iter().filter(move |r| r.phase == phase).map(|r| r.verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_the_maildrop_and_quit_to_update() {
        let mut phase = Authorization;
        for (verb, then) in [
            (Verb::Capa, Authorization),
            (Verb::User, NameGiven),
            (Verb::Pass, Transaction),
            (Verb::Dele, Transaction),
            (Verb::Quit, Update),
        ] {
            assert!(is_legal(phase, verb), "{verb:?} in {phase:?}");
            phase = next(phase, verb, true);
            assert_eq!(phase, then, "after {verb:?}");
        }
    }

    #[test]
    fn what_the_rfc_forbids_is_out_of_phase() {
        assert!(!is_legal(Authorization, Verb::Pass), "PASS only right after a successful USER");
        assert!(!is_legal(Authorization, Verb::Noop), "NOOP only in TRANSACTION");
        assert!(!is_legal(Transaction, Verb::User));
        assert!(!is_legal(Update, Verb::Quit));
        assert_eq!(next(NameGiven, Verb::Pass, false), Authorization);
        assert_eq!(legal_now(NameGiven).collect::<Vec<_>>(), [Verb::Pass, Verb::Capa, Verb::Quit]);
    }
}
