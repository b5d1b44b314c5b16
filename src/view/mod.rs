//! Items → what a person sees. Labels carry meaning; each renderer picks its own look.
//!
//! Where it stands on the road: last. [`cast`] knows who is who, [`page`] turns an [`Item`] into labelled text
//! (and is the one place where untrusted bytes are escaped and secrets hidden), [`tally`] counts and keeps where
//! each message lies; [`plain`], [`json`],
//! [`html`], [`otlp`], [`markdown`], [`mermaid`], [`svg`] and [`asciicast`] render, an item in, text out; [`pcapng`] takes
//! the records themselves. [`linear`] answers typed commands in plain sentences.

pub mod asciicast;
pub mod cast;
pub mod clock;
pub mod compare;
mod dns;
pub mod fork;
mod headline;
pub mod html;
pub mod json;
pub mod lesson;
pub mod linear;
pub mod markdown;
pub mod mermaid;
pub mod otlp;
pub mod page;
pub mod pcapng;
pub mod plain;
pub use crate::trace::runner;
pub mod svg;
pub mod talk;
pub mod tally;
pub mod tui;
pub mod wire;

pub use cast::Cast;
pub use tally::{Closing, Tally};

use crate::explain::Item;
use std::io;

/// A way of showing a story: told who is who, then every item in order, then how it ended.
pub trait Renderer {
    /// Before the first item.
    fn begin(&mut self, cast: &Cast) -> io::Result<()>;

    /// The next item.
    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()>;

    /// Nothing comes for the moment: what was kept back, so that several items could be told together, is told.
    fn settle(&mut self, _cast: &Cast) -> io::Result<()> {
        Ok(())
    }

    /// After the last item.
    fn end(&mut self, cast: &Cast, tally: &Tally, closing: &Closing<'_>) -> io::Result<()>;
}
