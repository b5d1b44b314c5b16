//! Lessons: folders of prose, activities and scenarios, read, checked, worked through and graded.
//!
//! Where it stands on the road: beside the view. A lesson is text that people write; what it asks is decided by what a
//! story's Steps, facts and State say ([`goal`]), so that every right way counts. Worlds run only through the
//! [`Stage`] that the command line hands in.
//!
//! ```text
//! folder ──► source ──► format ──► Lesson ──► story ──► judge ──► progress
//! lesson.md  prose,     activities             runs      right?    kept
//! *.toml     blocks     with places            and goals  why?      answers
//! ```

pub mod activity;
pub mod check;
pub mod coverage;
pub mod desk;
mod entry;
pub mod format;
pub mod goal;
pub mod judge;
pub mod letters;
pub mod library;
pub mod outcome;
pub mod problem;
pub mod progress;
pub mod prose;
pub mod session;
pub mod story;
pub mod template;
pub mod words;

pub use activity::{Activity, Task};
pub use format::{Front, Lesson, Page};
pub use library::Library;
pub use problem::{Problem, Source};
pub use progress::Progress;
pub use session::Session;
pub use story::{Stage, Stories};
