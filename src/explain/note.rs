//! [`Note`]: the teaching text for one Step; [`Entry`]: one entry of the catalogue that notes are made from.

use crate::base::{Finding, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One entry of the catalogue, as it stands in a TOML file under `[[note]]`.
///
/// Ids are `protocol.VERB` for a command (`smtp.RCPT`, `imap.UID FETCH`), `protocol.VERB.CODE` for a reply
/// (`smtp.RCPT.550 5.1.1`, `pop3.PASS.-ERR`, `imap.SELECT.OK`), with ever less specific ones behind it:
/// `smtp.RCPT.550`, `smtp.550 5.1.1`, `smtp.550`. Further: `imap.untagged.EXISTS`, `dns.query.MX`,
/// `dns.answer.MX`, `dns.NXDOMAIN`, `tcp.open.25`, `tcp.close.refused`, `finding.bare-lf`, `fact.queued`; `topic.SPF` for words that
/// are no line of any protocol. A word in lower case at the end is for a certain moment: `dns.query.A.srv`,
/// `smtp.RCPT.503.mail-refused`, `tcp.close.fin.pop3`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// See above.
    pub id: String,
    /// A heading of a few words for the reference: `RCPT TO: name one recipient`.
    pub title: String,
    /// One line for a student, at most some 90 characters, lower case start, no full stop: what it means.
    pub summary: String,
    /// A sentence or three: why it is there, what it does to the state of things.
    #[serde(default)]
    pub detail: String,
    /// Why now: what came before that makes this the next line.
    #[serde(default)]
    pub why: String,
    /// What could come next.
    #[serde(default)]
    pub next: String,
    /// The counterpart in the post office.
    #[serde(default)]
    pub post_office: String,
    /// The common mistake, or what people wrongly believe here.
    #[serde(default)]
    pub mistake: String,
    /// Number of the misconception it puts right (`LEARNING`'s table, 1 to 32), where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misconception: Option<u8>,
    /// Who says so: `RFC 5321 §4.1.1.3`. At least one.
    pub source: Vec<String>,
    /// Other words that people look it up by: `greylisting`, `bounce`, `relay denied`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The grammar of a command, for `postroad explain`: `RCPT TO:<forward-path> [SP parameters] CRLF`.
    #[serde(default)]
    pub syntax: String,
    /// What a named part of this line means, where it says more than the general `part.*` entry.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
}

/// What one part of the line means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartNote {
    /// The part's name in the grammar.
    pub name: &'static str,
    /// Where it stands in the Step's bytes.
    pub span: Span,
    /// What it means.
    pub text: Cow<'static, str>,
}

/// The teaching text for one Step. What the catalogue says unchanged is not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Note {
    /// The id of the entry it was made from.
    pub id: Cow<'static, str>,
    /// One line: what it means here.
    pub summary: Cow<'static, str>,
    /// More of it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: Cow<'static, str>,
    /// Why now.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub why: Cow<'static, str>,
    /// What could come next.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub next: Cow<'static, str>,
    /// The counterpart in the post office.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub post_office: Cow<'static, str>,
    /// The common mistake.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub mistake: Cow<'static, str>,
    /// The misconception it puts right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misconception: Option<u8>,
    /// Who says so.
    pub source: Cow<'static, [String]>,
    /// What the parts mean, in the order they stand.
    pub parts: Vec<PartNote>,
    /// What is off, each with the catalogue's sentence about that finding (`finding.*`) in front of its detail.
    pub findings: Vec<(Finding, String)>,
}

impl Note {
    /// Whether no specific entry was found: a gap in the catalogue, and a failed test.
    pub fn is_generic(&self) -> bool {
        self.id.ends_with(".generic") || self.id == "generic"
    }
}
