//! The transcript file: JSON Lines.
