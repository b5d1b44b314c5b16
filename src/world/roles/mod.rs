//! One file per role: a proto machine wired to a stream, with the policy of its host.
//!
//! The machines live in `proto`; what they ask is answered here, from the host's stores and the scenario.

pub mod carry;
pub mod deliver;
pub mod dns;
pub mod dns_tcp;
pub mod imap;
pub mod mua;
pub mod pop3;
pub mod queue_runner;
pub mod relay;
pub mod smtp;
pub mod typist;
