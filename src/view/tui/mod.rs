//! The terminal view: a story on the whole screen, walked forward and back.
//!
//! Where it stands on the road: a view, beside `plain`. [`theme`] has the look of every label.

pub mod theme;
