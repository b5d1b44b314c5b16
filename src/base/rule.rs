//! One rule of a policy as it was applied: what stood there, what was asked, what came of it, and where it is written.
//!
//! Evaluators (`proto/policy`) list these in order, transcripts keep them in facts, and lessons walk through them.

use super::Span;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A question to the DNS that a rule asked, and what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The name.
    pub name: String,
    /// The type: `TXT`, `MX`, …
    pub rtype: String,
    /// The answer in words: the data, `no data`, `NXDOMAIN`, or why there was none.
    pub answer: String,
}

/// One rule, applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which rule, as in `spf-ip4` or `dkim-body-hash`; keys its note in the catalogue.
    pub id: Cow<'static, str>,
    /// 0 for the record or signature itself; one more inside each included record.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
    /// The term, tag or field that it is about, as it stands there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Its place in the record (of the nearest rule before it at this depth whose `text` is a whole record) or field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Span>,
    /// What the DNS was asked for it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// What came of it, in a word or two: `match`, `no match`, `pass`, `differs`.
    pub outcome: Cow<'static, str>,
    /// Why, with the values that were compared: one sentence without a full stop.
    pub why: String,
    /// Where the rule is written, as in `RFC 7208 §5.6`.
    pub source: Cow<'static, str>,
}

fn is_zero(depth: &u8) -> bool {
    *depth == 0
}
