//! Ready-made replies, so that every server of the world says the same thing for the same reason.
//!
//! Codes: RFC 5321 §4.2.2 and §4.2.3; enhanced codes: RFC 3463 §3, RFC 4954 §6.

use super::codes::Reply;

/// 220: the greeting. RFC 5321 §4.3.1.
pub fn greeting(hostname: &str) -> Reply {
    Reply::new(220, format!("{hostname} ESMTP postroad"))
}

/// 250 2.1.0: the sender is taken. RFC 3463 §3.2 (X.1.0, other address status).
pub fn mail_ok() -> Reply {
    Reply::enhanced(250, (2, 1, 0), "Sender OK")
}

/// 250 2.1.5: this recipient is taken. RFC 3463 §3.2: "Destination address valid".
pub fn recipient_ok() -> Reply {
    Reply::enhanced(250, (2, 1, 5), "Recipient OK")
}

/// 550 5.7.1: this host does not carry mail there for you. RFC 5321 §7.9 and §3.6.2.
pub fn relay_denied() -> Reply {
    Reply::enhanced(550, (5, 7, 1), "Relaying denied: this host takes no mail for that domain from you")
}

/// 550 5.1.1: nobody of that name lives here. RFC 3463 §3.2: "Bad destination mailbox address".
pub fn no_such_user() -> Reply {
    Reply::enhanced(550, (5, 1, 1), "No such user here")
}

/// 452 4.2.2: no room now; there may be later. RFC 3463 §3.3: "Mailbox full".
pub fn mailbox_full() -> Reply {
    Reply::enhanced(452, (4, 2, 2), "Mailbox full, try again later")
}

/// 552 5.2.2: no room, and waiting will not help. RFC 3463 §3.3: "Mailbox full".
pub fn mailbox_full_for_good() -> Reply {
    Reply::enhanced(552, (5, 2, 2), "Mailbox full")
}

/// 450 4.7.1: come back later (greylisting). RFC 6647 §5.
pub fn greylisted() -> Reply {
    Reply::enhanced(450, (4, 7, 1), "Greylisted, please try again later")
}

/// 550 5.7.26: neither SPF nor DKIM shows that it is from whom it says (RFC 7372 §3.4).
pub fn unauthenticated(why: &str) -> Reply {
    Reply::enhanced(550, (5, 7, 26), why)
}

/// 250 2.0.0: the message is in the queue, and this host answers for it from now on. RFC 5321 §4.2.5.
pub fn queued(id: &str) -> Reply {
    Reply::enhanced(250, (2, 0, 0), format!("OK: queued as {id}"))
}

/// 235 2.7.0. RFC 4954 §6.
pub fn auth_ok() -> Reply {
    Reply::enhanced(235, (2, 7, 0), "Authentication successful")
}

/// 535 5.7.8: which of name and password was wrong is not said. RFC 4954 §6.
pub fn auth_failed() -> Reply {
    Reply::enhanced(535, (5, 7, 8), "Authentication credentials invalid")
}

/// 530 5.7.0: AUTH first. RFC 4954 §6.
pub fn auth_required() -> Reply {
    Reply::enhanced(530, (5, 7, 0), "Authentication required")
}

/// 538 5.7.11: no password in clear. RFC 4954 §6.
pub fn encryption_needed() -> Reply {
    Reply::enhanced(538, (5, 7, 11), "Encryption required for requested authentication mechanism")
}

/// 530 5.7.0: TLS first. RFC 3207 §4.
pub fn starttls_first() -> Reply {
    Reply::enhanced(530, (5, 7, 0), "Must issue a STARTTLS command first")
}

/// 220 2.0.0: the next bytes are the TLS handshake. RFC 3207 §4.
pub fn ready_to_start_tls() -> Reply {
    Reply::enhanced(220, (2, 0, 0), "Ready to start TLS")
}

/// 252 2.1.5: neither yes nor no; try to send. RFC 5321 §7.3.
pub fn cannot_verify() -> Reply {
    Reply::enhanced(252, (2, 1, 5), "Cannot VRFY user, but will take a message and try to deliver it")
}

/// 502 5.5.1: there are no lists here, and EHLO offers no EXPN (RFC 5321 §3.5.2, §4.2.4). Not 550, "a code that could
/// be confused with successful or unsuccessful verification" (§7.3).
pub fn expn_refused() -> Reply {
    Reply::enhanced(502, (5, 5, 1), "EXPN is not implemented: mailing lists are not expanded here")
}

/// 451 4.3.0: something broke here; nothing was kept. RFC 5321 §4.2.3.
pub fn local_error(why: &str) -> Reply {
    Reply::enhanced(451, (4, 3, 0), format!("Local error: {why}"))
}

/// 452 4.3.1: the disk is full; nothing was kept. RFC 5321 §4.2.3; RFC 3463 §3.4: "Mail system full".
pub fn no_storage() -> Reply {
    Reply::enhanced(452, (4, 3, 1), "Insufficient system storage, try again later")
}

/// 421 4.3.2: the service is going away. RFC 5321 §3.8; RFC 3463 §3.4: "System not accepting network messages".
pub fn shutting_down(hostname: &str) -> Reply {
    Reply::enhanced(421, (4, 3, 2), format!("{hostname} Service not available, closing transmission channel"))
}

/// 421 4.7.0: this address has enough connections open. RFC 5321 §4.2.2 has 421 for every reply where the channel must be
/// closed; RFC 3463 §3.8: "Other or undefined security status".
pub fn too_many_connections(hostname: &str) -> Reply {
    Reply::enhanced(
        421,
        (4, 7, 0),
        format!("{hostname} Too many connections from your address, try again later"),
    )
}

/// 550 5.1.2: that domain cannot be reached from here, now or later. RFC 3463 §3.2: "Bad destination system address".
pub fn out_of_reach(domain: &str) -> Reply {
    Reply::enhanced(
        550,
        (5, 1, 2),
        format!("{domain} is not part of this small internet, and no mail leaves it"),
    )
}

/// 421 4.4.2: nothing was heard for too long. RFC 5321 §4.5.3.2.7; RFC 3463 §3.5: "Bad connection".
pub fn idle_timeout(hostname: &str) -> Reply {
    Reply::enhanced(421, (4, 4, 2), format!("{hostname} Nothing heard for too long, closing connection"))
}

/// 554 5.4.6: too many Received fields. RFC 5321 §6.3; RFC 3463 §3.5: "Routing loop detected".
pub fn mail_loop() -> Reply {
    Reply::enhanced(554, (5, 4, 6), "Too many hops: this message goes round in circles")
}

/// 221 2.0.0. RFC 5321 §4.1.1.10.
pub fn bye(hostname: &str) -> Reply {
    Reply::enhanced(221, (2, 0, 0), format!("{hostname} Service closing transmission channel"))
}
