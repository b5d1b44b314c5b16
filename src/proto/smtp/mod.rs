//! SMTP (RFC 5321): grammar with spans, codes, phases, server and client machines.
//!
//! The dissector shares [`grammar`], [`codes`], [`phase`] and [`data`] with the machines; [`server`] and
//! [`client`] hold the policy, which it does not share.

pub mod client;
pub mod codes;
pub mod data;
pub mod envelope;
pub mod grammar;
pub mod phase;
pub mod replies;
pub mod server;

pub use codes::{Class, Enhanced, Reply};
pub use envelope::{Body, Envelope, Recipient};
pub use grammar::Path;
pub use phase::{Phase, Verb};
