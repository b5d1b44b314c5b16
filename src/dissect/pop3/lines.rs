//! Finds the next line of one side's stream, never looking twice at a byte.

use crate::proto::line::Terminator;

/// Octets after which a line is cut, whatever it is.
pub(super) const LINE: usize = 64 * 1024;

/// How far one side's waiting bytes were looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct LineScan {
    looked: usize,
    /// The rest of a line that was cut is still coming.
    pub in_long_line: bool,
    /// That line holds a secret.
    pub secret: bool,
}

/// A line that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Octets of its text.
    pub text: usize,
    /// Octets with its terminator.
    pub len: usize,
    /// How it ended.
    pub terminator: Terminator,
}

impl LineScan {
    /// The next line, once it is whole, too long, or the last one.
    pub fn next(&mut self, waiting: &[u8], ended: bool) -> Option<Found> {
        let window = waiting.get(..LINE).unwrap_or(waiting);
        let rest = window.get(self.looked..).unwrap_or_default();
        let found = if let Some(lf) = memchr::memchr(b'\n', rest) {
            let lf = self.looked + lf;
            match window.get(..lf).and_then(<[u8]>::split_last) {
                Some((b'\r', text)) => Found { text: text.len(), len: lf + 1, terminator: Terminator::CrLf },
                _ => Found { text: lf, len: lf + 1, terminator: Terminator::Lf },
            }
        } else if window.len() == LINE {
            Found { text: LINE, len: LINE, terminator: Terminator::TooLong }
        } else if ended && !window.is_empty() {
            Found { text: window.len(), len: window.len(), terminator: Terminator::End }
        } else {
            self.looked = window.len();
            return None;
        };
        self.looked = 0;
        Some(found)
    }
}
