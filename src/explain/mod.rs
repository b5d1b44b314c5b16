//! Steps → Notes: what a line means, why it stands here, what may come next, and who says so.
//!
//! The facts are data (`catalogue/*.toml`, keyed by verb, code, part and finding); only what needs context is Rust.

pub mod abreast;
pub mod catalogue;
pub mod chapter;
pub mod context;
pub mod cookbook;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod coverage_access;
pub mod dns;
mod dns_parts;
pub mod facts;
pub mod ids;
mod imap;
pub mod index;
pub mod legal;
pub mod letter;
mod memo;
pub mod misconceptions;
pub mod names;
pub mod note;
pub mod outcome;
pub mod placing;
mod pop3;
pub mod predict;
pub mod reference;
pub mod sasl;
pub mod smtp;
pub mod story;
pub mod surroundings;
pub mod template;
#[cfg(test)]
mod testing;
mod tls;

pub use catalogue::{Catalogue, catalogue};
pub use context::Explainer;
pub use index::StoryIndex;
pub use misconceptions::{Misconception, misconception, misconceptions};
pub use note::{Entry, Note, PartNote};
pub use outcome::Outcome;
pub use placing::Placing;
pub use story::{Chapter, Item, Story};
pub use surroundings::Surroundings;
