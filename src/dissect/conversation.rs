//! [`Dissector`]: Records → Steps: keeps each connection's conversation and its reader.

use super::Step;
use crate::trace::Record;

/// Records in, Steps out, in an order that never changes afterwards.
#[derive(Default)]
pub struct Dissector {}

impl Dissector {
    /// A dissector at the beginning of a transcript.
    pub fn new() -> Self {
        Self::default()
    }

    /// Take the record at `index` of the transcript; gives the Steps whose last byte it brought.
    pub fn push(&mut self, _index: usize, _record: &Record) -> Vec<Step> {
        Vec::new()
    }

    /// Nothing more comes: what still waits becomes Steps. An `End` record does the same.
    pub fn finish(&mut self) -> Vec<Step> {
        Vec::new()
    }
}
