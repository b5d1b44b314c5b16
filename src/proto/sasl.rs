//! SASL mechanisms (RFC 4422) as the mail protocols carry them: PLAIN (RFC 4616) and LOGIN, in base64.
//!
//! Servers decode, clients encode, the observer asks for parts: base64 hides nothing, and a note shows why.

use crate::base::{Part, Secret, Span};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest field of a PLAIN message, octets; RFC 4616 §2: "MUST accept up to 255 octets".
const FIELD_LIMIT: usize = 1024;

/// LOGIN's first challenge, `Username:`, in base64. The mechanism has no RFC; servers all ask so.
pub const LOGIN_USERNAME: &str = "VXNlcm5hbWU6";

/// LOGIN's second challenge, `Password:`, in base64.
pub const LOGIN_PASSWORD: &str = "UGFzc3dvcmQ6";

/// What a PLAIN message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Whom to act as; empty: the same as `authcid`.
    pub authzid: String,
    /// Whose password it is.
    pub authcid: String,
    /// The password.
    pub password: Secret,
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd`. RFC 4616 §2. `None` where it is not that.
pub fn decode_plain(message: &[u8]) -> Option<Plain> {
    let fields = plain_fields(message)?;
    let [authzid, authcid, password] =
        fields.map(|span| std::str::from_utf8(span.of(message)).ok().map(str::to_owned));
    Some(Plain { authzid: authzid?, authcid: authcid?, password: Secret::new(password?) })
}

/// Where the three fields stand; exactly two NULs, name and password not empty.
fn plain_fields(message: &[u8]) -> Option<[Span; 3]> {
    let mut nuls = message.iter().enumerate().filter(|(_, b)| **b == 0).map(|(at, _)| at);
    let (first, second) = (nuls.next()?, nuls.next()?);
    let fields = [Span::new(0, first), Span::new(first + 1, second), Span::new(second + 1, message.len())];
    let bounded = fields.iter().all(|f| f.len() <= FIELD_LIMIT);
    let [_, authcid, password] = fields;
    (nuls.next().is_none() && bounded && !authcid.is_empty() && !password.is_empty()).then_some(fields)
}

/// A PLAIN message in base64, acting as oneself.
pub fn encode_plain(authcid: &str, password: &Secret) -> Secret {
    Secret::new(encode(format!("\0{authcid}\0{}", password.expose()).as_bytes()))
}

/// Base64 with padding, as SASL in mail uses it. RFC 4954 §4, RFC 4648 §4.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Strict base64: RFC 4954 §4 has the server refuse anything else with 501.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// What an observer makes of a response in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What it is made of: `sasl-plain` with `authzid`, `authcid` and `passwd`, or one part for all.
    pub part: Part,
    /// The spans that a view must not show.
    pub secrets: Vec<Span>,
    /// The user name in it, where it has one that can be read.
    pub user: Option<String>,
}

/// Observe PLAIN's message in base64 that stands at `at`. Where it cannot be read, all of it is kept secret.
///
/// A field's span covers every base64 character that holds a bit of it. The NULs between fields are wider than
/// a character, so the spans never overlap.
pub fn observe_plain(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64).unwrap_or_default();
    let Some(fields) = plain_fields(&message) else {
        return Observed { part: Part::leaf("sasl-plain", whole), secrets: vec![whole], user: None };
    };
    let characters = |f: Span| Span::new(at + f.start * 4 / 3, at + (f.end * 4).div_ceil(3));
    let [authzid, authcid, passwd] = fields;
    let mut parts = Vec::new();
    if !authzid.is_empty() {
        parts.push(Part::leaf("authzid", characters(authzid)));
    }
    parts.push(Part::leaf("authcid", characters(authcid)));
    // The padding goes with the password: its length would say something about it.
    let secret = Span::new(characters(passwd).start, whole.end);
    parts.push(Part::leaf("passwd", secret));
    Observed {
        part: Part::node("sasl-plain", whole, parts),
        secrets: vec![secret],
        user: Some(String::from_utf8_lossy(authcid.of(&message)).into_owned()),
    }
}

/// Observe LOGIN's user name in base64 that stands at `at`.
pub fn observe_login_user(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let user = decode(base64).map(|name| String::from_utf8_lossy(&name).into_owned());
    Observed { part: Part::leaf("authcid", whole), secrets: Vec::new(), user }
}

/// Observe a response that is secret as a whole: LOGIN's password, or an unknown mechanism's answer.
pub fn observe_secret(base64: &[u8], at: usize, name: &'static str) -> Observed {
    let whole = Span::new(at, at + base64.len());
    Observed { part: Part::leaf(name, whole), secrets: vec![whole], user: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 4954 §4.1's example: authzid `test`, authcid `test`, password `1234`.
    const EXAMPLE: &[u8] = b"dGVzdAB0ZXN0ADEyMzQ=";

    #[test]
    fn plain_holds_three_fields() {
        let plain = decode(EXAMPLE).and_then(|m| decode_plain(&m));
        let want = Plain { authzid: "test".into(), authcid: "test".into(), password: Secret::new("1234") };
        assert_eq!(plain, Some(want));
        assert_eq!(encode_plain("test", &Secret::new("1234")).expose(), "AHRlc3QAMTIzNA==");
    }

    #[test]
    fn plain_with_missing_fields_is_refused() {
        for message in [&b""[..], b"\0", b"\0\0", b"a\0b", b"a\0\0c", b"a\0b\0", b"a\0b\0c\0d", b"\0\xff\0c"]
        {
            assert_eq!(decode_plain(message), None, "{message:?}");
        }
    }

    #[test]
    fn the_observer_hides_the_password_and_shows_the_rest() {
        let seen = observe_plain(EXAMPLE, 0);
        let text =
            |name| seen.part.find(name).map(|p| String::from_utf8_lossy(p.span.of(EXAMPLE)).into_owned());
        assert_eq!(text("authcid").as_deref(), Some("B0ZXN0"));
        assert_eq!(text("passwd").as_deref(), Some("DEyMzQ="));
        assert_eq!(seen.secrets, [Span::new(13, 20)]);
        assert_eq!(seen.user.as_deref(), Some("test"));
        assert_eq!(observe_plain(b"%%%", 5).secrets, [Span::new(5, 8)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_is_encoded_is_decoded_and_no_spans_overlap(user in "[^\0]{1,20}", password in "[^\0]{1,20}") {
            let base64 = encode_plain(&user, &Secret::new(password.clone()));
            let message = decode(base64.expose().as_bytes()).unwrap_or_default();
            let plain = decode_plain(&message);
            let want = Plain { authzid: String::new(), authcid: user, password: Secret::new(password) };
            prop_assert_eq!(plain, Some(want));
            let seen = observe_plain(base64.expose().as_bytes(), 0);
            prop_assert!(seen.part.parts.windows(2).all(|w| w[0].span.end <= w[1].span.start));
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = (decode_plain(&bytes), observe_plain(&bytes, 3), observe_login_user(&bytes, 3));
        }
    }
}
