//! Steps → Notes: what a line means, why it stands here, what may come next, and who says so.
//!
//! The facts are data (`catalogue/*.toml`, keyed by verb, code, part and finding); only what needs context is Rust.

pub mod catalogue;
pub mod chapter;
pub mod context;
pub mod note;
pub mod story;

pub use note::{Entry, Note, PartNote};
pub use story::{Chapter, Item};
