//! What the DNS hosts know: the scenario's zones, with its faults applied (RFC 1034 §3.6, §4.3).

pub mod record;
