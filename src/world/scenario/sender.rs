//! What a scenario says about who may send as whom: what domains publish, who signs and checks, who sends on.

use serde::{Deserialize, Serialize};

/// What a domain publishes in the DNS, so that others can tell whether mail is from it: TXT records of its zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SenderPolicy {
    /// The domain; a zone must have it.
    pub domain: String,
    /// Its SPF record, at the domain itself; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub spf: String,
    /// Its DMARC record, at `_dmarc` below it; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dmarc: String,
    /// Its DKIM key, at `SELECTOR._domainkey` below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dkim: Option<DkimKey>,
}

/// A key that a domain signs with. The public half is published; the program has the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DkimKey {
    /// Its name: `2026a`.
    pub selector: String,
    /// How it signs.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// What every receiver knows.
    #[default]
    RsaSha256,
    /// Short keys and signatures (RFC 8463).
    Ed25519Sha256,
}

/// An address whose mail goes on to others: a forwarding address, or a mailing list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Redirect {
    /// The address.
    pub address: String,
    /// The host that sends on; it takes mail for the address's domain.
    pub host: String,
    /// To whom.
    pub to: Vec<String>,
    /// The envelope sender of what goes on; empty: the one that it came with, as forwarding does (RFC 5321 §3.9.1).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// Words in front of the subject, as lists add them; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Lines below the text, as lists add them; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub footer: String,
    /// The domain in whose name it is sealed by ARC, with the domain's DKIM key; empty: it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seal: String,
}
