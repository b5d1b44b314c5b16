//! What others recorded or wrote down → Records and readings: pasted sessions, mail logs, messages.
//!
//! It stands at the head of the road, beside `world`: what it gives is told by the same dissect, explain and view.

pub mod logs;
pub mod message;
pub mod text;
