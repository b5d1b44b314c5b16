//! CRAM-MD5 (RFC 2195): a challenge, and the same challenge keyed with the password; and APOP's digest, its forerunner.
//!
//! Whoever hears both lines does not learn the password, but can try passwords against them at home, as fast as they
//! can compute MD5. And the server must keep each password as it is.

use crate::base::{Instant, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use std::fmt::Write as _;

/// Longest user name, octets.
const NAME_LIMIT: usize = 1024;

/// What the client answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub user: String,
    /// 32 hexadecimal digits, in lower case.
    pub digest: Secret,
}

/// The challenge: "an arbitrary string of random digits, a timestamp, and the fully-qualified primary host name of the
/// server", in the form of a Message-ID. RFC 2195 §2.
pub fn challenge(digits: &str, now: Instant, hostname: &str) -> String {
    format!("<{digits}.{}@{hostname}>", now.as_secs())
}

/// HMAC-MD5 of the challenge under the password, as 32 hexadecimal digits in lower case. RFC 2195 §2, RFC 2104.
/// `None` never happens: HMAC takes a key of any length.
pub fn digest(password: &Secret, challenge: &str) -> Option<String> {
    let mut mac = Hmac::<Md5>::new_from_slice(password.expose().as_bytes()).ok()?;
    mac.update(challenge.as_bytes());
    Some(hex(&mac.finalize().into_bytes()))
}

/// What the client says: name, space, digest. The name may hold spaces, so the last one divides. RFC 2195 §2.
pub fn answer(user: &str, password: &Secret, challenge: &str) -> Option<String> {
    Some(format!("{user} {}", digest(password, challenge)?))
}

/// Read an answer. `None` where it is not a name, a space and a digest.
pub fn decode_answer(message: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(message).ok()?;
    let (user, digest) = text.rsplit_once(' ')?;
    let sound = !user.is_empty() && user.len() <= NAME_LIMIT;
    // "in hexadecimal notation with lower-case characters"; RFC 2195 §2. Upper case is let pass.
    let is_digest = digest.len() == 32 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    (sound && is_digest)
        .then(|| Answer { user: user.to_owned(), digest: Secret::new(digest.to_ascii_lowercase()) })
}

/// APOP's digest: MD5 of the greeting's timestamp, angle brackets included, with the password behind it, as 32
/// hexadecimal digits in lower case. RFC 1939 §7.
pub fn apop_digest(timestamp: &str, password: &Secret) -> String {
    let mut hash = Md5::new();
    hash.update(timestamp.as_bytes());
    hash.update(password.expose().as_bytes());
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sasl::{Proof, encode};

    /// RFC 2195 §2.
    const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";

    #[test]
    fn the_rfcs_example_comes_out() {
        let password = Secret::new("tanstaaftanstaaf");
        let said = answer("tim", &password, CHALLENGE).expect("HMAC takes any key");
        assert_eq!(said, "tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(encode(said.as_bytes()), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
        let read = decode_answer(said.as_bytes()).expect("an answer");
        let proof = Proof::CramMd5 { challenge: CHALLENGE.to_owned(), digest: read.digest };
        assert!(proof.fits(&password) && !proof.fits(&Secret::new("tanstaaf")));
        let made = challenge("1896", Instant::from_secs(697_170_952), "postoffice.reston.mci.net");
        assert_eq!(made, CHALLENGE);
    }

    #[test]
    fn names_may_hold_spaces_and_what_is_no_digest_is_refused() {
        let digest = "b913a602c7eda7a495b4e6e7334d3890";
        let read = |text: String| decode_answer(text.as_bytes()).map(|a| a.user);
        assert_eq!(read(format!("tim the mouse {digest}")).as_deref(), Some("tim the mouse"));
        for wrong in [String::new(), digest.to_owned(), format!(" {digest}"), "tim b913".to_owned()] {
            assert_eq!(read(wrong.clone()), None, "{wrong:?}");
        }
    }
}
