//! A DNS message in one line of words: the question, or what the answer says.

use crate::dissect::{Kind, Step};

/// As in `MX example.net?`, or `NOERROR`.
pub fn line(step: &Step) -> String {
    match step.kind {
        Kind::Query => format!("{} ?", step.verb),
        _ => format!("{} {}", step.code, step.verb),
    }
}
