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
//! Servers and the dissector share framing, grammar, codes and the phase tables; they do not share policy.

pub mod dns;
pub mod imap;
pub mod line;
pub mod policy;
pub mod pop3;
pub mod sasl;
pub mod smtp;

use crate::base::Instant;

/// What a machine wants done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Put these bytes on the wire, in one piece if possible.
    Send(Vec<u8>),
    /// Something happened that the owner should know of, or must answer.
    Event(E),
    /// Nothing to do until bytes arrive or this instant has come; then `poll` again.
    WakeAt(Instant),
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

    /// What to do next. Call until it gives `Idle` or `WakeAt`.
    fn poll(&mut self, now: Instant) -> Output<Self::Event>;
}
