//! `postroad` alone: a friendly start.

use super::{CommandError, screen};
use std::io::Write;

const WELCOME: &str = "\
postroad carries a letter from Alice to Bob across a small internet of its own,
and shows every byte on every wire with what it means.

  postroad journey                     the whole road, step by step, explained
  postroad journey --detail wire       only what crosses the wires
  postroad journey --detail full       everything that is known about each line
  postroad journey --break mx1-down    what happens when a server is away
  postroad journey --to carol@example.com --subject Hello
                                       a letter of your own
  postroad explain RCPT                what a verb, a code or a word means
  postroad explain 550 5.1.1
  postroad lab                         its servers on ports of this machine, for
                                       real mail programs

No mail leaves this program. Only `postroad lab` opens ports, and only to this
machine unless told otherwise.
More: postroad --help, postroad journey --help
";

/// Say what there is to do.
pub fn print() -> Result<(), CommandError> {
    let mut out = screen::out();
    out.write_all(WELCOME.as_bytes())?;
    Ok(out.flush()?)
}
