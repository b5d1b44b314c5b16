//! Keys to sign with. `ring` makes no RSA keys, so three stand here, in the open: they protect nothing but a made-up
//! internet. Ed25519 keys are made from a seed.

use super::{Algorithm, sha256};
use base64::Engine as _;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};

/// RSA keys of 2048 bits, PKCS #8 in PEM.
const RSA: [&str; 3] =
    [include_str!("keys/rsa-1.pem"), include_str!("keys/rsa-2.pem"), include_str!("keys/rsa-3.pem")];

/// A key that signs.
#[derive(Debug)]
pub enum SigningKey {
    /// RSA.
    Rsa(RsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// One of the RSA keys that stand here; there are three, and they come round.
    pub fn shipped_rsa(number: usize) -> Option<Self> {
        let lines = RSA[number % RSA.len()].lines().filter(|line| !line.starts_with("-----"));
        let text: String = lines.collect();
        Self::rsa(&base64::engine::general_purpose::STANDARD.decode(text).ok()?)
    }

    /// An RSA key of at least 2048 bits in PKCS #8.
    pub fn rsa(pkcs8: &[u8]) -> Option<Self> {
        RsaKeyPair::from_pkcs8(pkcs8).ok().map(SigningKey::Rsa)
    }

    /// The Ed25519 key of a seed.
    pub fn ed25519(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(SigningKey::Ed25519)
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            SigningKey::Rsa(_) => Algorithm::RsaSha256,
            SigningKey::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// Sign these bytes; the same bytes give the same signature each time, with either kind of key.
    pub fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            SigningKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // The randomness hides how long it takes; it does not show in the signature (RFC 8017 §8.2).
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).ok()?;
                Some(signature)
            }
            SigningKey::Ed25519(pair) => Some(pair.sign(&sha256(bytes)).as_ref().to_vec()),
        }
    }

    /// The record that publishes it: `v=DKIM1; k=rsa; p=…` (RFC 6376 §3.6.1).
    pub fn record(&self) -> String {
        let bytes = match self {
            SigningKey::Rsa(pair) => public_key_info(pair.public_key().as_ref()),
            SigningKey::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        };
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("v=DKIM1; k={}; p={text}", self.algorithm().key_type())
    }
}

/// A PKCS #1 key as SubjectPublicKeyInfo, which is how RSA keys are published (RFC 6376 §3.6.1).
fn public_key_info(key: &[u8]) -> Vec<u8> {
    /// rsaEncryption, without parameters.
    const ALGORITHM: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    let mut inner = ALGORITHM.to_vec();
    inner.extend(element(0x03, &bits));
    element(0x30, &inner)
}

/// A DER element.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let digits = contents.len().to_be_bytes();
    let mut out = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits = &digits[digits.iter().take_while(|d| **d == 0).count()..];
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(contents);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::policy::dkim::key::Key;

    #[test]
    fn every_key_verifies_what_it_signs_and_nothing_else() {
        let mut keys: Vec<SigningKey> = (0..3).filter_map(SigningKey::shipped_rsa).collect();
        keys.extend(SigningKey::ed25519(&[7; 32]));
        assert_eq!(keys.len(), 4);
        for key in keys {
            let record = key.record();
            let public = Key::read(record.as_bytes()).unwrap_or_else(|e| panic!("{record}: {e:?}"));
            let signature = key.sign(b"so it is").expect("signs");
            assert_eq!(key.sign(b"so it is"), Some(signature.clone()), "the same each time");
            assert!(public.verifies(b"so it is", &signature));
            assert!(!public.verifies(b"so it is not", &signature));
            assert_eq!(public.rsa_bits(), (key.algorithm() == Algorithm::RsaSha256).then_some(2048));
        }
    }
}
