//! SPF: may a host at this address send mail for this domain? (RFC 7208)
//!
//! `check_host` is [`Request`] evaluated against the DNS: it gives a [`Verdict`] with every rule it applied, in order.
//! `record.rs` reads records, `macros.rs` their macros, `eval.rs` and `lookup.rs` apply them.

mod eval;
mod lookup;
pub mod macros;
pub mod record;

use super::{Inquiry, Known, Question};
use crate::base::Rule;
use std::net::IpAddr;

/// What comes of a check (RFC 7208 §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpfResult {
    /// No domain that could be checked, or it publishes no record.
    None,
    /// The domain says nothing about this address.
    Neutral,
    /// The address may send for the domain.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The DNS did not answer now.
    TempError,
    /// The domain's records cannot be understood.
    PermError,
}

impl SpfResult {
    /// Its name in header fields (RFC 8601 §2.7.2).
    pub fn name(self) -> &'static str {
        match self {
            SpfResult::None => "none",
            SpfResult::Neutral => "neutral",
            SpfResult::Pass => "pass",
            SpfResult::Fail => "fail",
            SpfResult::SoftFail => "softfail",
            SpfResult::TempError => "temperror",
            SpfResult::PermError => "permerror",
        }
    }
}

/// Who asks to send what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's address.
    pub ip: IpAddr,
    /// The name that it says in HELO or EHLO.
    pub helo: String,
    /// The reverse-path's address; empty for `<>`, and then the HELO name is checked (RFC 7208 §2.4).
    pub sender: String,
    /// Our own name, for explanations.
    pub receiver: String,
    /// Seconds since 1970, for explanations.
    pub now: i64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub result: SpfResult,
    /// The domain that was checked.
    pub domain: String,
    /// Which identity that was: `mailfrom` or `helo`.
    pub identity: &'static str,
    /// The mechanism that matched, as it stands in its record; empty: none did.
    pub mechanism: String,
    /// What the domain says about a failure (`exp=`).
    pub explanation: Option<String>,
    /// Every rule that was applied, in order.
    pub rules: Vec<Rule>,
}

impl Request {
    /// Local part and domain that are checked: the sender's, or `postmaster` at the HELO name (RFC 7208 §2.4, §4.3).
    fn identity(&self) -> (&'static str, String, String) {
        let (kind, address) = match self.sender.is_empty() {
            true => ("helo", format!("postmaster@{}", self.helo)),
            false => ("mailfrom", self.sender.clone()),
        };
        let (local, domain) = address.rsplit_once('@').unwrap_or(("", address.as_str()));
        let local = if local.is_empty() { "postmaster" } else { local };
        (kind, local.to_owned(), super::name::bare(domain).to_owned())
    }
}

impl Inquiry for Request {
    type Verdict = Verdict;

    fn evaluate(&self, known: &Known) -> Result<Verdict, Question> {
        eval::check(self, known)
    }
}

#[cfg(test)]
mod tests;
