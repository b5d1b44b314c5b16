//! A lesson as a person sees it: prose and activities as rows of labelled text, the story beside it, and the dialogue in
//! plain sentences. The full screen (`tui::lesson`) draws the same rows.

pub mod asked;
pub mod beside;
pub mod class;
mod editing;
mod heard;
pub mod rows;

pub use asked::Asked;
pub use beside::Beside;
pub use class::Class;
pub use rows::{Look, Row};
