//! Something off in what was read: what was expected, what came, who misbehaved, and where.
//!
//! Grammars do not fail, they find. A finding's `id` keys its note in the catalogue.

use super::Span;
use serde::Serialize;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing, allowed by the standard.
    Hint,
    /// Against a SHOULD, or risky.
    Warning,
    /// Against a MUST: the peer may refuse or misread it.
    Error,
}

/// Something off in a Step, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable kebab-case id, as in `bare-lf` or `command-out-of-phase`; keys the catalogue.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The bytes it is about.
    pub span: Span,
    /// One sentence: what was expected, and what came instead.
    pub detail: String,
}

impl Finding {
    /// An error: against a MUST.
    pub fn error(id: &'static str, span: Span, detail: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Error, span, detail: detail.into() }
    }

    /// A warning: against a SHOULD, or risky.
    pub fn warning(id: &'static str, span: Span, detail: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Warning, span, detail: detail.into() }
    }

    /// A hint: allowed, worth knowing.
    pub fn hint(id: &'static str, span: Span, detail: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Hint, span, detail: detail.into() }
    }

    /// The same finding moved right by `by` bytes.
    pub fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.shifted(by);
        self
    }
}
