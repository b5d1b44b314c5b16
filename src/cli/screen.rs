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

/// Whether colours are wanted. `NO_COLOR` with anything in it says no, whatever else is set ("when present and not an
/// empty string", no-color.org); `CLICOLOR_FORCE` says yes to a pipe and a dumb terminal too; `CLICOLOR=0` and
/// `TERM=dumb` say no; else a terminal has colours, and a pipe has none.
pub fn colour() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let colour = match (set("NO_COLOR"), set("CLICOLOR_FORCE")) {
        (Some(_), _) => false,
        (None, Some(force)) if force != "0" => true,
        _ if set("TERM").is_some_and(|term| term == "dumb") => false,
        _ if set("CLICOLOR").is_some_and(|clicolor| clicolor == "0") => false,
        _ => io::stdout().is_terminal(),
    };
    // The crate that paints has rules of its own.
    colored::control::set_override(colour);
    colour
}

/// Whether somebody looks at it, rather than a program or a file.
pub fn is_watched() -> bool {
    io::stdout().is_terminal()
}
