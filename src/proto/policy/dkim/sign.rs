//! Signing a message: the field that goes on top of it (RFC 6376 §5).

use super::keys::SigningKey;
use super::verify::{own_field, signed_fields};
use super::{Canon, sha256};
use crate::proto::policy::letter::{Field, Letter, on_the_wire};
use crate::proto::policy::tags::Tags;
use base64::Engine as _;

/// The fields that are signed where they are there: those that a reader sees or a reply uses (RFC 6376 §5.4.1).
pub const USUAL: [&str; 12] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Who signs, and how.
#[derive(Debug)]
pub struct Signer {
    /// The domain (`d`).
    pub domain: String,
    /// The name of its key (`s`).
    pub selector: String,
    /// The key.
    pub key: SigningKey,
    /// Header and body canonicalization.
    pub canon: (Canon, Canon),
}

/// What may differ from message to message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// Seconds since 1970 (`t`).
    pub now: Option<i64>,
    /// When it ends (`x`).
    pub until: Option<i64>,
    /// Which fields; empty: [`USUAL`], as far as they are there.
    pub headers: Vec<String>,
    /// Sign so many octets of the body only (`l`).
    pub length: Option<u64>,
}

impl Signer {
    /// The field `DKIM-Signature` for a message, folded, with CRLF at its end; `None` where the key does not sign.
    pub fn sign(&self, message: &[u8], how: &Signing) -> Option<String> {
        let message = on_the_wire(message);
        let letter = Letter::read(&message);
        let mut extra = Vec::new();
        extra.extend(how.now.map(|now| format!("t={now}")));
        extra.extend(how.until.map(|until| format!("x={until}")));
        let mut body = self.canon.1.body(letter.body);
        if let Some(length) = how.length {
            body.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            extra.push(format!("l={}", body.len()));
        }
        let headers = if how.headers.is_empty() { present(&letter) } else { how.headers.clone() };
        let start = format!("DKIM-Signature: v=1; a={};", self.key.algorithm().name());
        self.seal(&letter, &start, &headers, Some(&body), &extra)
    }

    /// The field that begins with `start`, over these fields and this body.
    pub(crate) fn seal(
        &self,
        letter: &Letter<'_>,
        start: &str,
        headers: &[String],
        body: Option<&[u8]>,
        extra: &[String],
    ) -> Option<String> {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let (header, of_body) = (self.canon.0.name(), self.canon.1.name());
        let mut tags = vec![
            format!("c={header}/{of_body}"),
            format!("d={}", self.domain),
            format!("s={}", self.selector),
        ];
        tags.extend_from_slice(extra);
        let mut field = format!("{start} {};\r\n", tags.join("; "));
        field.push_str(&folded_list("h=", headers));
        field.push_str(&format!(";\r\n\tbh={};\r\n\tb=", encode(&sha256(body.unwrap_or_default()))));
        let (mut signed, _) = signed_fields(letter, headers, self.canon.0);
        let own = format!("{field}\r\n");
        let own = Field::new(own.as_bytes())?;
        let tags = Tags::parse(own.value()).ok()?;
        signed.extend(own_field(&own, &tags, self.canon.0));
        let signature = encode(&self.key.sign(&signed)?);
        Some(format!("{field}{}\r\n", folded(&signature)))
    }
}

/// The usual fields that a message has; `From` once more than it stands there, so that no second one can be added
/// (RFC 6376 §8.15).
fn present(letter: &Letter<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for name in USUAL {
        names.extend(letter.all(name).map(|_| name.to_owned()));
    }
    names.push("From".to_owned());
    names
}

/// Names between colons, in lines of at most 78.
fn folded_list(start: &str, names: &[String]) -> String {
    let mut out = format!("\t{start}");
    let mut width = out.len();
    for (at, name) in names.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        if width + colon.len() + name.len() > 76 {
            out.push_str(&format!("{colon}\r\n\t {name}"));
            width = 2 + name.len();
        } else {
            out.push_str(&format!("{colon}{name}"));
            width += colon.len() + name.len();
        }
    }
    out
}

/// Base64 in lines.
pub(crate) fn folded(text: &str) -> String {
    let lines: Vec<String> =
        text.as_bytes().chunks(72).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join("\r\n\t ")
}
