//! Records → Steps: keeps each connection's conversation and its reader.

/// Records in, Steps out.
#[derive(Default)]
pub struct Dissector {}
