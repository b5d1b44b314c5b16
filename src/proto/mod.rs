//! Pure protocol: bytes in, bytes and events out. No tokio, no clock, no sockets, no randomness.
//!
//! # The contract of a machine
//! A [`Machine`] is one end of one conversation. Whoever drives it does, for ever:
//! 1. hand it what arrived: [`Machine::receive`], or [`Machine::closed`] when the peer has ended the stream;
//! 2. drain it: call [`Machine::poll`] until it says `Idle` or `WakeAt`, doing what each [`Output`] says; an
//!    `Event` that asks something is answered by the machine's own answer method, before the next `poll`
//!    or later (until then the machine keeps what arrives and says `Idle`);
//! 3. wait for bytes, for the peer's end, or for the instant of the last `WakeAt`, and go back to 1 or 2.
//!
//! # TLS begins in the middle
//! On [`Output::StartTls`] whoever drives it flushes what was sent, throws away every byte that it has read and not
//! handed over, does the handshake, and says [`Machine::secured`]. What still lies in the stream goes to the handshake,
//! which fails at the first byte that is no TLS; then the connection is over. The machine itself forgets, when it gives
//! `StartTls`, all input that waits. So nothing that was said in clear is acted on inside TLS (RFC 3207 §4.2, RFC 2595
//! §2.2, RFC 9051 §6.2.1).
//! Where TLS is there from the first byte on (implicit TLS, RFC 8314 §3), the machine is told by its configuration
//! ([`Security::Active`]), and the handshake is done before the first `poll`.
//!
//! Servers and the dissector share framing, grammar, codes and the phase tables; they do not share policy.

pub mod dns;
pub mod imap;
pub mod line;
pub mod policy;
pub mod pop3;
pub mod sasl;
pub mod smtp;

use crate::base::Instant;
use serde::Serialize;

/// Where a server's connection stands with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// In clear, and there is nothing else here.
    #[default]
    None,
    /// In clear, and the client may ask for TLS (STARTTLS, STLS).
    Offered,
    /// Inside TLS: from the first byte on, or since the client asked.
    Active,
}

/// What a client thinks of TLS on a connection that begins in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// It never asks for it.
    #[default]
    Never,
    /// It asks where it is offered, and goes on in clear where not: opportunistic (RFC 7435).
    Prefer,
    /// It asks where it is offered, and goes away where not: no password and no message in clear (RFC 8314 §5.2).
    Must,
}

/// What a machine wants done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Put these bytes on the wire, in one piece if possible.
    Send(Vec<u8>),
    /// Something happened that the owner should know of, or must answer.
    Event(E),
    /// Nothing to do until bytes arrive or this instant has come; then `poll` again.
    WakeAt(Instant),
    /// Flush what was sent, throw away what was read of the peer's, do the TLS handshake, then say
    /// [`Machine::secured`].
    StartTls,
    /// Flush what was sent, then end the stream; the machine is finished.
    Close,
    /// Nothing to do until bytes arrive or the owner answers.
    Idle,
}

/// One end of one conversation, without a socket, a clock or randomness.
pub trait Machine {
    /// What it tells or asks its owner.
    type Event;

    /// Take bytes that arrived at `now`. They are kept, bounded, until `poll` gets to them.
    fn receive(&mut self, bytes: &[u8], now: Instant);

    /// The peer has ended its side of the stream.
    fn closed(&mut self, now: Instant);

    /// Whether it can take more input now. While it says no, whoever drives it leaves the bytes in the stream, so that
    /// the peer is held back, and nothing grows. A machine that says no is waiting for its owner, or has a `poll` to do.
    fn wants_input(&self) -> bool {
        true
    }

    /// The handshake that [`Output::StartTls`] asked for is done: from here on every byte goes through TLS.
    fn secured(&mut self, now: Instant) {
        let _ = now;
    }

    /// What to do next. Call until it gives `Idle` or `WakeAt`.
    fn poll(&mut self, now: Instant) -> Output<Self::Event>;
}
