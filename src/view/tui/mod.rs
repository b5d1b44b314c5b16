//! The terminal view: a story on the whole screen, walked forward and back.
//!
//! Where it stands on the road: a view, beside `plain`. A [`Model`] holds all that is shown, a [`Msg`] is everything
//! that can happen, [`update`] is the only place where one changes the other, and [`draw`] reads. [`keys`] is the one
//! table of keys; [`layout`] says where things stand, for drawing and for the mouse alike. [`book`] opens a story at
//! any place, [`reading`] is where a person is in it; [`ladder`], [`line`] and [`hex`] show it, [`seek`] and [`follow`]
//! look through it, [`overlay`] lies over it. [`road`] has the hosts and what joins them, [`state`] what holds after a
//! row, [`annotate`] asks what a person writes at a step, [`theme`] the look of every label. No file here touches a terminal:
//! whoever runs the view does (`cli/fullscreen.rs`).

pub mod annotate;
pub mod book;
pub mod branches;
pub mod compare;
mod draw;
pub mod faults;
pub mod follow;
mod forks;
mod frame;
mod hex;
pub mod keys;
mod ladder;
pub mod layout;
pub mod lesson;
mod line;
mod model;
mod msg;
mod overlay;
pub mod predict;
mod reading;
pub mod road;
pub mod seek;
pub mod state;
pub mod talk;
#[cfg(test)]
mod testing;
pub mod theme;
mod twin;
mod update;
mod walk;
pub mod whatif;

pub use book::Book;
pub use draw::draw;
pub use model::{Model, Options};
pub use msg::{Action, Effect, Msg};
pub use update::update;
