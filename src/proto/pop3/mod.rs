//! POP3 (RFC 1939): grammar with spans, phases, server and client machines.
//!
//! A maildrop is a numbered pile of messages: the client locks it, takes what it wants, marks what may go, and
//! only QUIT lets anything go. Capabilities and response codes are RFC 2449's and RFC 3206's, AUTH is RFC 5034's,
//! STLS is RFC 2595's.

pub mod client;
pub mod grammar;
pub mod phase;
pub mod server;

pub use grammar::{Command, Parsed, Verb};
pub use phase::Phase;
