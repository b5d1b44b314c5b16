//! The catalogue of notes: TOML data, embedded.
