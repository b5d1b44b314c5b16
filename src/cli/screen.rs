//! What the output goes to: how wide it is, whether it has colours.

use crate::view::plain::MIN_WIDTH;
use std::io::{self, BufWriter, IsTerminal, StdoutLock};

/// Columns where nothing tells.
const USUAL: usize = 80;
/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;

/// The standard output, gathered: what it is told reaches it in large pieces, and at the end.
pub fn out() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(BUFFER, io::stdout().lock())
}

/// Columns: as asked for, else the terminal's, else `COLUMNS`, else 80.
pub fn width(asked: Option<usize>) -> usize {
    let terminal = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    let columns = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    asked.or_else(terminal).or_else(columns).unwrap_or(USUAL).max(MIN_WIDTH)
}

/// Whether colours are wanted: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, a pipe, and `TERM=dumb` are heard.
pub fn colour() -> bool {
    let forced = std::env::var("CLICOLOR_FORCE").is_ok_and(|v| v != "0");
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    colored::control::SHOULD_COLORIZE.should_colorize() && (forced || !dumb)
}

/// Whether somebody looks at it, rather than a program or a file.
pub fn is_watched() -> bool {
    io::stdout().is_terminal()
}
