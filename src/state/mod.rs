//! [`State`]: what holds after a Step: a fold over Steps and Facts, nothing else.
//!
//! A test holds it against the world's real stores after every record of every shipped scenario.
