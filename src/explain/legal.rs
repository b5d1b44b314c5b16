//! What a client may say now: the phase tables of the protocols, in the words of [`State`](crate::state)'s phases.
//!
//! Views know no protocol machine; whoever offers the next verbs, or tells what a server expected, asks here.

use crate::dissect::Protocol;
use crate::proto::imap::phase as imap;
use crate::proto::pop3::phase as pop3;
use crate::proto::smtp::phase as smtp;

/// Where a session stands: what a watcher of the wire knows (`state::Connection`), and what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// What is spoken.
    pub protocol: Protocol,
    /// The phase, as the state names it.
    pub phase: &'p str,
    /// POP3: USER was accepted, and PASS is awaited.
    pub name_given: bool,
    /// IMAP: in IDLE.
    pub idle: bool,
}

/// The verbs that are legal at this place, in the order of the protocol's table: the way forward first.
pub fn verbs(place: Place<'_>) -> Vec<&'static str> {
    match place.protocol {
        Protocol::Smtp => smtp_phase(place.phase)
            .map(|phase| smtp::legal_now(phase).into_iter().map(smtp::Verb::name).collect())
            .unwrap_or_default(),
        Protocol::Pop3 => pop3_phase(place)
            .map(|phase| pop3::legal_now(phase).map(|verb| verb.name()).collect())
            .unwrap_or_default(),
        Protocol::Imap => imap_phase(place).map(imap::legal_now).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Every verb that the protocol has, in any phase.
pub fn all(protocol: Protocol) -> Vec<&'static str> {
    let mut verbs: Vec<&'static str> = match protocol {
        Protocol::Smtp => {
            smtp::Verb::ALL.into_iter().map(smtp::Verb::name).filter(|verb| *verb != ".").collect()
        }
        Protocol::Pop3 => pop3::TABLE.iter().map(|rule| rule.verb.name()).collect(),
        Protocol::Imap => IMAP.into_iter().flat_map(imap::legal_now).collect(),
        _ => Vec::new(),
    };
    verbs.sort_unstable();
    verbs.dedup();
    verbs
}

/// Whether the protocol has such a verb, in any case and phase.
pub fn is_verb(protocol: Protocol, verb: &str) -> bool {
    all(protocol).iter().any(|known| known.eq_ignore_ascii_case(verb))
}

const IMAP: [imap::Phase; 4] =
    [imap::Phase::NotAuthenticated, imap::Phase::Authenticated, imap::Phase::Selected, imap::Phase::Idle];

fn smtp_phase(name: &str) -> Option<smtp::Phase> {
    Some(match name {
        "connected" => smtp::Phase::Connected,
        "greeted" => smtp::Phase::Greeted,
        "envelope" => smtp::Phase::Envelope,
        "recipients" => smtp::Phase::Recipients,
        "data" => smtp::Phase::Data,
        "chunks" => smtp::Phase::Chunks,
        "closed" => smtp::Phase::Closed,
        _ => return None,
    })
}

fn pop3_phase(place: Place<'_>) -> Option<pop3::Phase> {
    Some(match place.phase {
        "connected" | "authorization" if place.name_given => pop3::Phase::NameGiven,
        "connected" | "authorization" => pop3::Phase::Authorization,
        "transaction" => pop3::Phase::Transaction,
        "update" => pop3::Phase::Update,
        "ended" => pop3::Phase::Ended,
        _ => return None,
    })
}

fn imap_phase(place: Place<'_>) -> Option<imap::Phase> {
    let phases = IMAP.into_iter().chain([imap::Phase::Logout]);
    match place.phase {
        _ if place.idle => Some(imap::Phase::Idle),
        "connected" => Some(imap::Phase::NotAuthenticated),
        name => phases.into_iter().find(|phase| phase.name() == name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(protocol: Protocol, phase: &str) -> Place<'_> {
        Place { protocol, phase, name_given: false, idle: false }
    }

    #[test]
    fn each_phase_of_the_state_has_its_row() {
        for (protocol, phase, first) in [
            (Protocol::Smtp, "connected", Some("EHLO")),
            (Protocol::Smtp, "greeted", Some("MAIL")),
            (Protocol::Smtp, "envelope", Some("RCPT")),
            (Protocol::Smtp, "recipients", Some("RCPT")),
            (Protocol::Smtp, "data", Some(".")),
            (Protocol::Smtp, "chunks", Some("BDAT")),
            (Protocol::Smtp, "closed", None),
            (Protocol::Pop3, "connected", Some("USER")),
            (Protocol::Pop3, "authorization", Some("USER")),
            (Protocol::Pop3, "transaction", Some("STAT")),
            (Protocol::Pop3, "update", None),
            (Protocol::Imap, "connected", Some("CAPABILITY")),
            (Protocol::Imap, "not authenticated", Some("CAPABILITY")),
            (Protocol::Imap, "selected", Some("CAPABILITY")),
            (Protocol::Imap, "logout", None),
            (Protocol::Dns, "open", None),
        ] {
            assert_eq!(verbs(at(protocol, phase)).first().copied(), first, "{protocol:?} {phase}");
        }
        let given = Place { name_given: true, ..at(Protocol::Pop3, "authorization") };
        assert_eq!(verbs(given), ["PASS", "CAPA", "QUIT"]);
        assert_eq!(verbs(Place { idle: true, ..at(Protocol::Imap, "selected") }), ["DONE"]);
    }

    #[test]
    fn a_verb_is_known_in_any_case_and_phase() {
        assert!(is_verb(Protocol::Smtp, "rcpt") && !is_verb(Protocol::Smtp, "RCTP"));
        assert!(is_verb(Protocol::Pop3, "Dele") && !is_verb(Protocol::Pop3, "EHLO"));
        assert!(is_verb(Protocol::Imap, "uid fetch") && !is_verb(Protocol::Imap, "RETR"));
    }
}
