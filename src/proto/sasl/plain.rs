//! PLAIN (RFC 4616): whom to act as, name and password in one message.

use super::encode;
use crate::base::{Secret, Span};

/// Longest field of a message, octets; RFC 4616 §2: "MUST accept up to 255 octets".
const FIELD_LIMIT: usize = 1024;

/// What a message holds.
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
pub(super) fn plain_fields(message: &[u8]) -> Option<[Span; 3]> {
    let mut nuls = message.iter().enumerate().filter(|(_, b)| **b == 0).map(|(at, _)| at);
    let (first, second) = (nuls.next()?, nuls.next()?);
    let fields = [Span::new(0, first), Span::new(first + 1, second), Span::new(second + 1, message.len())];
    let bounded = fields.iter().all(|f| f.len() <= FIELD_LIMIT);
    let [_, authcid, password] = fields;
    (nuls.next().is_none() && bounded && !authcid.is_empty() && !password.is_empty()).then_some(fields)
}

/// A message in base64, acting as oneself.
pub fn encode_plain(authcid: &str, password: &Secret) -> Secret {
    Secret::new(encode(format!("\0{authcid}\0{}", password.expose()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sasl::decode;
    use proptest::prelude::*;

    #[test]
    fn plain_holds_three_fields() {
        // RFC 4954 §4.1's example: authzid `test`, authcid `test`, password `1234`.
        let plain = decode(b"dGVzdAB0ZXN0ADEyMzQ=").and_then(|m| decode_plain(&m));
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_is_encoded_is_decoded(user in "[^\0]{1,20}", password in "[^\0]{1,20}") {
            let base64 = encode_plain(&user, &Secret::new(password.clone()));
            let plain = decode(base64.expose().as_bytes()).and_then(|m| decode_plain(&m));
            let want = Plain { authzid: String::new(), authcid: user, password: Secret::new(password) };
            prop_assert_eq!(plain, Some(want));
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = decode_plain(&bytes);
        }
    }
}
