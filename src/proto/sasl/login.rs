//! LOGIN: two questions and two answers. No RFC defines it; draft-murchison-sasl-login wrote down what everybody did.

use crate::base::Secret;

/// The first challenge, `Username:`, in base64. Servers all ask so.
pub const LOGIN_USERNAME: &str = "VXNlcm5hbWU6";

/// The second challenge, `Password:`, in base64.
pub const LOGIN_PASSWORD: &str = "UGFzc3dvcmQ6";

/// Longest name or password, octets.
const FIELD_LIMIT: usize = 1024;

/// The first answer: a name, not empty, in UTF-8.
pub fn decode_name(answer: Vec<u8>) -> Option<String> {
    String::from_utf8(answer).ok().filter(|name| !name.is_empty() && name.len() <= FIELD_LIMIT)
}

/// The second answer: a password in UTF-8.
pub fn decode_password(answer: Vec<u8>) -> Option<Secret> {
    String::from_utf8(answer).ok().filter(|word| word.len() <= FIELD_LIMIT).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sasl::encode;

    #[test]
    fn the_questions_are_what_everybody_asks_and_empty_names_are_refused() {
        assert_eq!([encode(b"Username:"), encode(b"Password:")], [LOGIN_USERNAME, LOGIN_PASSWORD]);
        assert_eq!(decode_name(b"bob".to_vec()).as_deref(), Some("bob"));
        assert_eq!((decode_name(Vec::new()), decode_name(vec![0xff])), (None, None));
        assert_eq!(decode_password(vec![b'x'; 2000]), None);
    }
}
