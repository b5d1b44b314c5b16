//! What holds for every page, without a browser; `tests/html.rs` opens it in one.
