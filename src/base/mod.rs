//! What every stage of the road may use: places in bytes, moments in time, findings, secrets, escaping, shared maps, bytes
//! laid aside.
//!
//! Nothing here knows a protocol. Everything in the crate may import `base`; `base` imports nothing.

pub mod aside;
pub mod escape;
pub mod finding;
pub mod hash;
pub mod random;
pub mod rule;
pub mod secret;
pub mod shelf;
pub mod span;
pub mod time;

pub use aside::Aside;
pub use finding::{Finding, Severity};
pub use rule::{Asked, Rule};
pub use secret::Secret;
pub use shelf::Shelf;
pub use span::{Part, Span};
pub use time::Instant;

/// A short text, such as a verb or a code: up to 24 octets need no memory of their own.
pub type Word = compact_str::CompactString;
