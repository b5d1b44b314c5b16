//! IMAP (RFC 3501, RFC 9051): framing, grammar with spans, phases, server and client machines.
//!
//! Bytes → [`framing`] (lines joined by literals) → [`grammar`] → [`types`] (what a client asks) or [`response`]
//! (what a server says). [`phase`] says what is legal when. Servers and the dissector share these, not policy.

pub mod client;
pub mod framing;
pub mod grammar;
pub mod mime;
pub mod phase;
pub mod response;
pub mod server;
pub mod types;
pub mod utf7;
