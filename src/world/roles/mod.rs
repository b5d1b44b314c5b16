//! One file per role: a proto machine wired to a stream.

pub mod dns;
