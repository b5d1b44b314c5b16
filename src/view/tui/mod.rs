//! The terminal view: a story on the whole screen, walked forward and back.
//!
//! Where it stands on the road: a view, beside `plain`. [`theme`] has the look of every label, [`road`] the hosts and
//! what joins them, [`state`] what holds after a row.

pub mod road;
pub mod state;
#[cfg(test)]
mod testing;
pub mod theme;
