//! `postroad explain QUERY…`: the catalogue as a reference.

use super::args::Explain;
use super::{CommandError, explain, screen};
use std::io::Write;

/// Prose is not set wider than this.
const MEASURE: usize = 96;

/// Look the query up and print what is known.
pub fn run(args: &Explain) -> Result<(), CommandError> {
    let query = args.query.join(" ");
    let width = screen::width(args.width.map(usize::from)).min(MEASURE);
    let page = explain::page(&query, width).map_err(|not_found| {
        let hint = "try a verb (RCPT), a code (550 5.1.1), an extension (SIZE), or a pasted line";
        CommandError::failure(not_found.to_string(), hint)
    })?;
    let mut out = screen::out();
    for line in page {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
