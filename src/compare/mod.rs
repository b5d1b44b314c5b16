//! Two transcripts → rows: what people wanted, and what it took, side by side.
//!
//! Where it stands on the road: beside `explain`, behind `dissect` and `state`. It reads Records as every other reader
//! does, and adds nothing of its own: every line of a row is a Step, every figure a count of Steps, every holding the
//! State at that moment.
//!
//! - [`reading`] divides one transcript: by what people set out to do, and by conversation.
//! - [`by_intent`] aligns two of them by the same wish of the same person on the same device.
//! - [`by_conversation`] aligns any two by conversation, order and kind.
//! - [`holdings`] says what server and devices hold.

pub mod align;
pub mod by_conversation;
pub mod by_intent;
pub mod holdings;
pub mod reading;

pub use by_conversation::{Paired, Pairing};
pub use by_intent::{Comparison, Row};
pub use holdings::Holdings;
pub use reading::{Exchange, Intention, Line, Reading};
