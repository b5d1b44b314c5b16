//! A DMARC policy record: `v=DMARC1; p=reject; adkim=s` (RFC 9989 §4.7).

use crate::proto::policy::tags::Tags;

/// What a domain's owner asks to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Nothing in particular.
    None,
    /// To take it with suspicion: into a junk folder.
    Quarantine,
    /// To refuse it.
    Reject,
}

impl Policy {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Policy::None, Policy::Quarantine, Policy::Reject]
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(name))
    }

    /// One step less, as `t=y` asks (RFC 9989 §4.7).
    pub fn milder(self) -> Self {
        match self {
            Policy::Reject => Policy::Quarantine,
            _ => Policy::None,
        }
    }
}

/// How near a domain must be to the author's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Of the same organization.
    Relaxed,
    /// The very same.
    Strict,
}

/// Whether a name is one below which others register theirs (`psd`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// `y`: it is.
    Yes,
    /// `n`: it is not, and is the organization's own domain.
    No,
    /// `u`, or absent: the walk tells.
    Unsaid,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `p`, where it is there and known.
    pub policy: Option<Policy>,
    /// `sp`: for domains below.
    pub sub_policy: Option<Policy>,
    /// `np`: for domains below that do not exist.
    pub missing_policy: Option<Policy>,
    /// `adkim`.
    pub dkim: Alignment,
    /// `aspf`.
    pub spf: Alignment,
    /// `psd`.
    pub suffix: Suffix,
    /// `t=y`.
    pub testing: bool,
    /// Whether anybody is named to report to (`rua`).
    pub reports: bool,
}

impl Record {
    /// Read a text; `None` where it is no record of this version: "v" must stand first and be `DMARC1`, to the letter
    /// (RFC 9989 §4.7). Values that are not known count as absent, as do the tags of the first version that are gone
    /// (`pct`, `rf`, `ri`).
    pub fn read(text: &[u8]) -> Option<Self> {
        let tags = Tags::parse(text).ok()?;
        let first = tags.tags.first()?;
        if first.name != "v" || first.value != "DMARC1" {
            return None;
        }
        let policy = |name: &str| tags.compact(name).and_then(|value| Policy::named(&value));
        let is = |name: &str, value: &str| tags.compact(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        let alignment = |name: &str| if is(name, "s") { Alignment::Strict } else { Alignment::Relaxed };
        let suffix = match (is("psd", "y"), is("psd", "n")) {
            (true, _) => Suffix::Yes,
            (_, true) => Suffix::No,
            _ => Suffix::Unsaid,
        };
        Some(Record {
            policy: policy("p"),
            sub_policy: policy("sp"),
            missing_policy: policy("np"),
            dkim: alignment("adkim"),
            spf: alignment("aspf"),
            suffix,
            testing: is("t", "y"),
            reports: tags.compact("rua").is_some_and(|value| !value.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_is_none() {
        let record = Record::read(b"v=DMARC1; p=reject; sp=quarantine; adkim=s; pct=50; rua=mailto:a@b")
            .expect("reads");
        assert_eq!((record.policy, record.sub_policy), (Some(Policy::Reject), Some(Policy::Quarantine)));
        assert_eq!((record.dkim, record.spf), (Alignment::Strict, Alignment::Relaxed));
        assert!(record.reports && !record.testing);
        for text in ["v=DMARC2; p=reject", "p=reject; v=DMARC1", "v=spf1 -all", "v=dmarc1; p=none", ""] {
            assert_eq!(Record::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Record::read(b"v=DMARC1; p=kill").and_then(|r| r.policy), None);
    }
}
