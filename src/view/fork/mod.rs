//! What if: a story is forked at one of its Steps, and goes its own way from there.
//!
//! Where it stands on the road: beside the screens, which show it, and behind nothing: [`moment`] knows a Step's place,
//! [`choices`] offers what could be otherwise there, [`weave`] turns an edit into changes, [`parting`] tells where two
//! stories part and what came of it, [`tree`] keeps the branches. Running is the [`super::runner`]'s.

pub mod choices;
pub mod moment;
pub mod parting;
pub mod tree;
pub mod weave;

pub use choices::{Choice, Kind};
pub use moment::Moment;
pub use parting::{Difference, Parting};
pub use tree::{Branch, Fate, Tree};
