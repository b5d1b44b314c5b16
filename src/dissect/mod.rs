//! Records → Steps: the strict observer. One file per protocol, one conversation per connection.
//!
//! It shares framing, grammar, codes and phase tables with the servers, never their policy. A [`Step`] appears
//! when its last byte does, so the order never changes afterwards, and Steps do not depend on how a stream was
//! split into records.

mod channel;
pub mod conversation;
pub mod dns;
pub mod filter;
pub mod imap;
pub mod pop3;
mod registry;
pub mod smtp;
pub mod step;
pub mod stream;
pub mod tls;
pub mod traffic;
pub mod unknown;

pub use conversation::{Dissector, Limits};
pub use step::{Kind, Meaning, Protocol, Reader, Step, Verdict};
pub use traffic::{Traffic, Turns};
