//! DKIM: who vouches for this content? A domain signs header fields and body, and anybody can check it with the key
//! that the domain publishes (RFC 6376; algorithms RFC 8301 and RFC 8463).
//!
//! `signature.rs` reads the field, `key.rs` the DNS record, `canon.rs` prepares what is hashed, `verify.rs` checks,
//! `sign.rs` signs, `keys.rs` has keys to sign with.

pub mod canon;
pub mod key;
pub mod keys;
pub mod sign;
pub mod signature;
pub mod verify;

pub use canon::Canon;
pub use sign::{Signer, Signing};
pub use signature::Signature;
pub use verify::{DkimResult, Outcome, Request, Verdict};

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256: what every verifier knows.
    RsaSha256,
    /// Ed25519 over a SHA-256 hash (RFC 8463).
    Ed25519Sha256,
}

impl Algorithm {
    /// Its name in `a=`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    /// Its name in a key record's `k=`.
    pub fn key_type(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "rsa",
            Algorithm::Ed25519Sha256 => "ed25519",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        [Algorithm::RsaSha256, Algorithm::Ed25519Sha256]
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }
}

/// The SHA-256 hash.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[cfg(test)]
mod tests;
