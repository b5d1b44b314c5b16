//! The `DKIM-Signature` field: its tags, read and judged one by one (RFC 6376 §3.5, §6.1.1).

use super::{Algorithm, Canon};
use crate::base::Span;
use crate::proto::policy::letter::Field;
use crate::proto::policy::name;
use crate::proto::policy::tags::Tags;
use base64::Engine as _;

/// The most octets of a signature that are decoded: more than RSA with 8192 bits gives.
const LONGEST: usize = 4096;

/// A signature as it stands in a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `a`: how it was made.
    pub algorithm: Algorithm,
    /// `b`: the signature itself.
    pub b: Vec<u8>,
    /// `bh`: the hash of the body.
    pub bh: Vec<u8>,
    /// `c`: canonicalization of header and body.
    pub canon: (Canon, Canon),
    /// `d`: the domain that signs.
    pub domain: String,
    /// `s`: which of its keys.
    pub selector: String,
    /// `h`: the fields that are signed, in order.
    pub headers: Vec<String>,
    /// `i`: on whose behalf; `@` and the domain where it is absent.
    pub identity: String,
    /// `l`: how many octets of the body are signed.
    pub length: Option<u64>,
    /// `t`: when it was made, seconds since 1970.
    pub signed_at: Option<u64>,
    /// `x`: when it ends.
    pub expires_at: Option<u64>,
}

/// Why a field is no usable signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Which tag, as it stands; empty where it is missing.
    pub tag: String,
    /// Its place in the field's value.
    pub at: Option<Span>,
    /// In a sentence without a full stop.
    pub why: String,
    /// Where that is written.
    pub source: &'static str,
}

/// Reads tags, and complains by tag.
pub(crate) struct Reader<'a> {
    pub tags: &'a Tags,
}

impl Reader<'_> {
    pub fn unusable(&self, name: &str, why: impl Into<String>, source: &'static str) -> Unusable {
        let tag = self.tags.tag(name);
        let text = tag.map(|tag| format!("{}={}", tag.name, tag.value)).unwrap_or_default();
        Unusable {
            tag: crate::base::escape::text(&text),
            at: tag.map(|tag| tag.span),
            why: why.into(),
            source,
        }
    }

    pub fn needed(&self, name: &str) -> Result<String, Unusable> {
        let missing =
            || self.unusable(name, format!("the tag `{name}` is missing or empty"), "RFC 6376 §6.1.1");
        self.tags.compact(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    pub fn base64(&self, name: &str) -> Result<Vec<u8>, Unusable> {
        let text = self.needed(name)?;
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(&text).ok().filter(|b| b.len() <= LONGEST);
        bytes.ok_or_else(|| self.unusable(name, format!("`{name}` is not base64"), "RFC 6376 §3.5"))
    }

    pub fn number(&self, name: &str) -> Result<Option<u64>, Unusable> {
        let Some(text) = self.tags.compact(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        number
            .map(Some)
            .ok_or_else(|| self.unusable(name, format!("`{name}` is not a number"), "RFC 6376 §3.5"))
    }

    pub fn algorithm(&self) -> Result<Algorithm, Unusable> {
        let text = self.needed("a")?;
        if text.eq_ignore_ascii_case("rsa-sha1") {
            let why = "rsa-sha1 must not be relied on any more";
            return Err(self.unusable("a", why, "RFC 8301 §3.1"));
        }
        Algorithm::named(&text).ok_or_else(|| {
            self.unusable("a", "only rsa-sha256 and ed25519-sha256 are known", "RFC 6376 §3.3")
        })
    }

    pub fn canon(&self) -> Result<(Canon, Canon), Unusable> {
        let text = self.tags.compact("c").unwrap_or_else(|| "simple/simple".to_owned());
        let (header, body) = text.split_once('/').unwrap_or((text.as_str(), "simple"));
        Canon::named(header)
            .zip(Canon::named(body))
            .ok_or_else(|| self.unusable("c", "only `simple` and `relaxed` are known", "RFC 6376 §3.5"))
    }

    pub fn domain(&self, name: &str) -> Result<String, Unusable> {
        let text = self.needed(name)?;
        let fits = name::is_askable(&text) && !text.ends_with('.');
        if !fits {
            return Err(self.unusable(name, format!("`{name}` is no domain name"), "RFC 6376 §3.5"));
        }
        Ok(text)
    }
}

impl Signature {
    /// The tags of a field.
    pub fn tags(field: &Field<'_>) -> Result<Tags, Unusable> {
        Tags::parse(field.value()).map_err(|wrong| Unusable {
            tag: crate::base::escape::line(wrong.span.of(field.value())),
            at: Some(wrong.span),
            why: wrong.message,
            source: "RFC 6376 §3.2",
        })
    }

    /// Read and judge them.
    pub fn read(tags: &Tags) -> Result<Self, Unusable> {
        let reader = Reader { tags };
        if reader.needed("v")? != "1" {
            return Err(reader.unusable("v", "the only version is 1", "RFC 6376 §3.5"));
        }
        let identity = tags.compact("i");
        Self::judge(&reader, identity)
    }

    /// The same of an `ARC-Message-Signature`, which has no `v`, and whose `i` is a number (RFC 8617 §4.1.2).
    pub fn read_arc(tags: &Tags) -> Result<Self, Unusable> {
        Self::judge(&Reader { tags }, None)
    }

    fn judge(reader: &Reader<'_>, identity: Option<String>) -> Result<Self, Unusable> {
        let tags = reader.tags;
        let algorithm = reader.algorithm()?;
        let (b, bh) = (reader.base64("b")?, reader.base64("bh")?);
        let canon = reader.canon()?;
        let (domain, selector) = (reader.domain("d")?, reader.domain("s")?);
        let headers: Vec<String> = reader.needed("h")?.split(':').map(str::to_owned).collect();
        if !headers.iter().any(|header| header.eq_ignore_ascii_case("from")) {
            return Err(reader.unusable("h", "the From field must be signed", "RFC 6376 §5.4"));
        }
        let identity = identity.unwrap_or_else(|| format!("@{domain}"));
        let of = identity.rsplit_once('@').map(|(_, of)| of);
        if !of.is_some_and(|of| name::is_within(of, &domain)) {
            return Err(reader.unusable(
                "i",
                format!("`i` must be in `{domain}`, the domain in `d`"),
                "RFC 6376 §3.5",
            ));
        }
        if let Some(methods) = tags.list("q")
            && !methods.iter().any(|method| method.eq_ignore_ascii_case("dns/txt"))
        {
            return Err(reader.unusable("q", "keys can be found by dns/txt only", "RFC 6376 §3.5"));
        }
        let (length, signed_at, expires_at) = (reader.number("l")?, reader.number("t")?, reader.number("x")?);
        if let (Some(from), Some(until)) = (signed_at, expires_at)
            && until <= from
        {
            return Err(reader.unusable("x", "`x` must be later than `t`", "RFC 6376 §3.5"));
        }
        Ok(Signature {
            algorithm,
            b,
            bh,
            canon,
            domain,
            selector,
            headers,
            identity,
            length,
            signed_at,
            expires_at,
        })
    }

    /// Where its key is published (RFC 6376 §3.6.2.1).
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

/// The field with the value of its `b` tag taken out, as it was when it was signed (RFC 6376 §3.7).
pub fn without_b(field: &Field<'_>, tags: &Tags) -> Vec<u8> {
    let before = field.raw.len() - field.value().len();
    let Some(b) = tags.tag("b") else { return field.raw.to_vec() };
    let mut out = field.raw[..before + b.raw_value.start].to_vec();
    out.extend_from_slice(&field.value()[b.raw_value.end.min(field.value().len())..]);
    out
}
