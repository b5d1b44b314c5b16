//! The story as one self-contained web page: a plain annotated document that a script makes steppable.
//!
//! Where it stands on the road: a view, beside `plain` and `json`.

use crate::trace::Record;
use std::io::{self, Write};

/// How the page is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// Write the page of these records.
///
/// # Errors
/// Where `out` fails, or the records have no head.
pub fn write(records: &[Record], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let _ = (records, options);
    out.write_all(b"")
}
