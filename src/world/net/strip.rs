//! Somebody on the way who takes the offer of TLS out of what is said in clear: the attack that opportunistic TLS is open to
//! (RFC 3207 §6, RFC 8314 §1).
//!
//! It works as the boxes did that were found doing it: each letter of the keyword becomes an X, so that no length
//! changes. A client that is told of no STARTTLS either goes on in clear, or goes away.

/// These bytes with the offers of TLS blotted out, and with the client's request for it: line by line, so that a message
/// that merely speaks of STARTTLS stays as it is.
pub fn strip(bytes: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let from = out.len();
        out.extend_from_slice(line);
        let Some(line) = out.get_mut(from..) else { continue };
        for word in words_of(line) {
            blot(line, word);
        }
    }
    out
}

/// The keywords to be blotted out of this line.
fn words_of(line: &[u8]) -> &'static [&'static [u8]] {
    let text = line.trim_ascii();
    let has = |word: &[u8]| text.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    let last = text.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match () {
        // What EHLO lists, and what CAPA lists.
        () if text.starts_with(b"250") || text.eq_ignore_ascii_case(b"STLS") => &[b"STARTTLS", b"STLS"],
        () if has(b"CAPABILITY ") => &[b"STARTTLS", b"LOGINDISABLED"],
        // The command itself, with or without a tag.
        () if last.eq_ignore_ascii_case(b"STARTTLS") && text.split(|b| *b == b' ').count() <= 2 => {
            &[b"STARTTLS"]
        }
        () => &[],
    }
}

fn blot(line: &mut [u8], word: &[u8]) {
    let places = line.windows(word.len()).enumerate();
    let at = places.filter(|(_, w)| w.eq_ignore_ascii_case(word)).map(|(at, _)| at).next();
    if let Some(found) = at.and_then(|at| line.get_mut(at..at + word.len())) {
        found.fill(b'X');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        String::from_utf8(strip(text.as_bytes().to_vec())).expect("text")
    }

    #[test]
    fn offers_and_requests_are_blotted_out_and_mail_is_left_alone() {
        assert_eq!(
            stripped("250-SIZE 9\r\n250-STARTTLS\r\n250 HELP\r\n"),
            "250-SIZE 9\r\n250-XXXXXXXX\r\n250 HELP\r\n"
        );
        assert_eq!(stripped("UIDL\r\nSTLS\r\n.\r\n"), "UIDL\r\nXXXX\r\n.\r\n");
        assert_eq!(
            stripped("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n"),
            "* OK [CAPABILITY IMAP4rev1 XXXXXXXX XXXXXXXXXXXXX] hi\r\n"
        );
        assert_eq!(stripped("a1 starttls\r\n"), "a1 XXXXXXXX\r\n");
        let letter = "Subject: about STARTTLS\r\n\r\nWhat is the point of STARTTLS?\r\n";
        assert_eq!(stripped(letter), letter);
    }
}
