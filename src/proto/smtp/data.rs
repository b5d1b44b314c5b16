//! Dot-stuffing. Placeholder.
