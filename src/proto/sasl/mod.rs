//! SASL mechanisms (RFC 4422) as the mail protocols carry them, in base64: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256.
//!
//! Pure: nothing is drawn here. Whoever owns a server gives it [`Nonces`], and whoever owns a client gives a nonce.
//! [`server::Exchange`] and [`client::Exchange`] are the two ends, for SMTP's and POP3's AUTH and IMAP's AUTHENTICATE
//! alike; [`observe::Watch`] reads along. Base64 hides nothing, and a note shows why.

pub mod client;
pub mod cram_md5;
pub mod login;
pub mod observe;
pub mod plain;
pub mod scram;
pub mod server;

pub use client::Credentials;
pub use cram_md5::apop_digest;
pub use observe::{Observed, Watch};
pub use scram::Keys;

use crate::base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Serialize;
use std::fmt;

/// A mechanism that servers here can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Mechanism {
    /// RFC 4616.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Two questions, never standardised, spoken by everybody.
    #[serde(rename = "LOGIN")]
    Login,
    /// RFC 2195.
    #[serde(rename = "CRAM-MD5")]
    CramMd5,
    /// RFC 7677 over RFC 5802.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
}

impl Mechanism {
    /// All of them, in the order in which a server lists them.
    pub const ALL: [Mechanism; 4] =
        [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5, Mechanism::ScramSha256];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::CramMd5 => "CRAM-MD5",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
        }
    }

    /// Whether a server needs [`Nonces`] to speak it.
    pub fn needs_nonces(self) -> bool {
        matches!(self, Mechanism::CramMd5 | Mechanism::ScramSha256)
    }

    /// The mechanism of that name, in any case, if it is among `offered`.
    pub fn among(offered: &[Mechanism], name: &str) -> Option<Mechanism> {
        offered.iter().copied().find(|m| m.name().eq_ignore_ascii_case(name))
    }
}

/// What somebody who logs in offers as a proof that they are who they say. The owner of a server judges it:
/// [`Proof::fits`] compares it with the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The password itself: PLAIN, LOGIN.
    Password(Secret),
    /// CRAM-MD5: the challenge keyed with the password. RFC 2195 §2.
    CramMd5 {
        /// What the server asked.
        challenge: String,
        /// 32 hexadecimal digits.
        digest: Secret,
    },
    /// APOP, which is POP3's own: MD5 of the timestamp with the password behind it. RFC 1939 §7.
    Apop {
        /// What the greeting carried.
        timestamp: String,
        /// 32 hexadecimal digits.
        digest: Secret,
    },
    /// SCRAM: the machine has compared it with the keys that the owner gave for this user. RFC 5802 §3.
    Verified,
}

impl Proof {
    /// Whether it proves that whoever sent it knows this password. The time taken does not tell where they differ.
    pub fn fits(&self, password: &Secret) -> bool {
        match self {
            _ if password.expose().is_empty() => false,
            Proof::Password(given) => equal(given.expose().as_bytes(), password.expose().as_bytes()),
            Proof::CramMd5 { challenge, digest } => cram_md5::digest(password, challenge)
                .is_some_and(|want| equal(want.as_bytes(), digest.expose().to_ascii_lowercase().as_bytes())),
            Proof::Apop { timestamp, digest } => {
                let want = apop_digest(timestamp, password);
                equal(want.as_bytes(), digest.expose().to_ascii_lowercase().as_bytes())
            }
            Proof::Verified => true,
        }
    }
}

/// Whether two strings are the same; every octet is looked at, so that the time taken tells nothing of where they
/// differ.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).fold(a.len() ^ b.len(), |differing, (x, y)| differing | usize::from(x ^ y)) == 0
}

/// Where a server's challenges and nonces come from: a key that its owner has drawn for this session, from which
/// each is made by HMAC-SHA-256, so that none comes twice and none can be foretold without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonces {
    key: [u8; 32],
    taken: u64,
}

impl Nonces {
    /// From a key that nobody else has: of a seed in a journey, of the system's randomness on real sockets.
    pub fn new(key: [u8; 32]) -> Self {
        Nonces { key, taken: 0 }
    }

    fn draw(&mut self) -> [u8; 32] {
        self.taken += 1;
        hmac_sha256(&self.key, &[&self.taken.to_be_bytes()])
    }

    /// The next nonce: 24 printable characters, none of them a comma. RFC 5802 §5.1.
    pub fn nonce(&mut self) -> String {
        encode(&self.draw()[..18])
    }

    /// The next random number as decimal digits. RFC 2195 §2: "arbitrary string of random digits".
    pub fn digits(&mut self) -> String {
        let drawn = self.draw();
        drawn[..8].iter().fold(0_u64, |n, b| n << 8 | u64::from(*b)).to_string()
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({} taken)", self.taken)
    }
}

/// HMAC-SHA-256 of the parts, one behind the other. RFC 2104.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Base64 with padding, as SASL in mail uses it. RFC 4954 §4, RFC 4648 §4.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Strict base64: RFC 4954 §4 has the server refuse anything else with 501.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_fit_the_password_that_they_were_made_with_and_no_other() {
        let password = Secret::new("tanstaaf");
        let apop = Proof::Apop {
            timestamp: "<1896.697170952@dbc.mtview.ca.us>".to_owned(),
            // RFC 1939 §7.
            digest: Secret::new("c4c9334bac560ecc979e58001b3e22fb"),
        };
        for proof in [Proof::Password(password.clone()), apop] {
            assert!(proof.fits(&password), "{proof:?}");
            assert!(!proof.fits(&Secret::new("tanstaag")) && !proof.fits(&Secret::new("")), "{proof:?}");
        }
        assert!(!Proof::Password(Secret::new("")).fits(&Secret::new("")), "no password is no login");
    }

    #[test]
    fn a_key_gives_each_nonce_once_and_the_same_ones_every_time() {
        let (mut a, mut b) = (Nonces::new([7; 32]), Nonces::new([7; 32]));
        let drawn: Vec<String> = (0..50).map(|_| a.nonce()).collect();
        assert_eq!(drawn, (0..50).map(|_| b.nonce()).collect::<Vec<_>>());
        let distinct: std::collections::BTreeSet<&String> = drawn.iter().collect();
        assert_eq!(distinct.len(), 50);
        assert!(drawn.iter().all(|n| n.len() == 24 && !n.contains(',')), "{drawn:?}");
        assert_ne!(Nonces::new([8; 32]).nonce(), drawn[0]);
        assert!(a.digits().bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(format!("{a:?}"), "Nonces(51 taken)", "the key is never shown");
    }
}
