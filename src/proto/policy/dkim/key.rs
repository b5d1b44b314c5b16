//! The key that a domain publishes: `v=DKIM1; k=rsa; p=MIIB…` (RFC 6376 §3.6.1), and checking a signature with it.

use super::{Algorithm, sha256};
use crate::proto::policy::tags::Tags;
use base64::Engine as _;
use ring::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

/// A key record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `k`.
    pub algorithm: Algorithm,
    /// `p`: the key itself; of RSA as PKCS #1 has it, of Ed25519 its 32 octets.
    pub bytes: Vec<u8>,
    /// `t=y`: the domain is only trying it out.
    pub testing: bool,
    /// `t=s`: `i` must be of the very domain in `d`.
    pub strict: bool,
}

/// Why a record is no usable key: the tag, and in a sentence without a full stop.
pub type Unusable = (&'static str, String);

impl Key {
    /// Read a record (RFC 6376 §6.1.2).
    pub fn read(record: &[u8]) -> Result<Self, Unusable> {
        let tags = Tags::parse(record).map_err(|wrong| ("", wrong.message))?;
        if let Some(at) = tags.tags.iter().position(|tag| tag.name == "v")
            && (at != 0 || tags.value("v") != Some("DKIM1"))
        {
            return Err(("v", "`v=DKIM1` must stand first".to_owned()));
        }
        if let Some(hashes) = tags.list("h")
            && !hashes.iter().any(|hash| hash.eq_ignore_ascii_case("sha256"))
        {
            return Err(("h", "the key is not for sha256".to_owned()));
        }
        if let Some(services) = tags.list("s")
            && !services.iter().any(|s| s == "*" || s.eq_ignore_ascii_case("email"))
        {
            return Err(("s", "the key is not for mail".to_owned()));
        }
        let algorithm =
            match tags.compact("k").unwrap_or_else(|| "rsa".to_owned()).to_ascii_lowercase().as_str() {
                "rsa" => Algorithm::RsaSha256,
                "ed25519" => Algorithm::Ed25519Sha256,
                other => return Err(("k", format!("there is no key type {other:?}"))),
            };
        let text = tags.compact("p").ok_or_else(|| ("p", "the key itself is missing".to_owned()))?;
        if text.is_empty() {
            return Err(("p", "an empty key is one that was revoked".to_owned()));
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(&text);
        let bytes = bytes.map_err(|_| ("p", "the key is not base64".to_owned()))?;
        let bytes = match algorithm {
            Algorithm::RsaSha256 => {
                rsa_public(&bytes).ok_or_else(|| ("p", "this is no RSA public key".to_owned()))?.to_vec()
            }
            Algorithm::Ed25519Sha256 if bytes.len() == 32 => bytes,
            Algorithm::Ed25519Sha256 => return Err(("p", "an Ed25519 key has 32 octets".to_owned())),
        };
        let flags = tags.list("t").unwrap_or_default();
        let has = |flag: &str| flags.iter().any(|f| f == flag);
        Ok(Key { algorithm, bytes, testing: has("y"), strict: has("s") })
    }

    /// How many bits an RSA key has.
    pub fn rsa_bits(&self) -> Option<usize> {
        if self.algorithm != Algorithm::RsaSha256 {
            return None;
        }
        let (modulus, _) = der(der(&self.bytes, 0x30)?.0, 0x02)?;
        let start = modulus.iter().position(|byte| *byte != 0)?;
        let first = usize::try_from(modulus[start].leading_zeros()).ok()?;
        Some((modulus.len() - start) * 8 - first)
    }

    /// Whether `signature` is this key's over these bytes.
    pub fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::RsaSha256 => {
                let key =
                    UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.bytes);
                key.verify(signed, signature).is_ok()
            }
            // "the Ed25519 signature is over the SHA-256 hash" (RFC 8463 §3).
            Algorithm::Ed25519Sha256 => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(&sha256(signed), signature).is_ok()
            }
        }
    }
}

/// The PKCS #1 key inside a SubjectPublicKeyInfo, or by itself: both are published.
fn rsa_public(bytes: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der(bytes, 0x30)?;
    // An INTEGER first: the modulus of a bare RSAPublicKey.
    if outer.first() == Some(&0x02) {
        return Some(bytes);
    }
    let (_, rest) = der(outer, 0x30)?;
    let (bits, _) = der(rest, 0x03)?;
    let key = bits.strip_prefix(&[0])?;
    der(key, 0x30).map(|_| key)
}

/// One DER element of a tag at the beginning of `bytes`: its contents, and what follows it.
fn der(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            let digits = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
            (digits.iter().fold(0, |sum, d| sum << 8 | usize::from(*d)), &rest[count..])
        }
    };
    (*found == tag && length <= rest.len()).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_are_no_keys_say_why() {
        for (record, tag, why) in [
            ("v=DKIM1; p=", "p", "revoked"),
            ("v=DKIM1; k=rsa", "p", "missing"),
            ("p=abc; v=DKIM1", "v", "first"),
            ("v=DKIM1; h=sha1; p=YQ==", "h", "not for sha256"),
            ("v=DKIM1; s=tlsrpt; p=YQ==", "s", "not for mail"),
            ("v=DKIM1; k=dsa; p=YQ==", "k", "no key type"),
            ("v=DKIM1; p=!", "p", "not base64"),
            ("v=DKIM1; p=YQ==", "p", "no RSA public key"),
            ("v=DKIM1; k=ed25519; p=YQ==", "p", "32 octets"),
            ("nonsense", "", "a tag is"),
        ] {
            let (found, message) = Key::read(record.as_bytes()).expect_err(record);
            assert!(found == tag && message.contains(why), "{record}: {found} {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_der_makes_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..40)) {
            let _ = rsa_public(&bytes);
            let key = Key { algorithm: Algorithm::RsaSha256, bytes, testing: false, strict: false };
            let _ = key.rsa_bits();
            let _ = key.verifies(b"x", b"y");
        }
    }
}
