//! Replies that somebody's prose quotes: "Remote server returned '550 5.1.1 …'", "host mx said: 550 …".
//!
//! Stands beside the sessions: a bounce, or a letter to a help desk, is no session, and what is asked about it is that line.

use super::bytes::lines;
use super::speech::reply_code;

/// Replies that are taken from one text.
const MOST: usize = 3;
/// Octets of a reply that are kept.
const LONGEST: usize = 500;

/// Replies of an SMTP server that stand in prose, each once, in their order: those that say no.
pub fn quoted_replies(text: &[u8]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in lines(text.get(..1 << 20).unwrap_or(text)) {
        let Some(reply) = in_line(line) else { continue };
        let reply = String::from_utf8_lossy(reply.get(..LONGEST).unwrap_or(reply)).into_owned();
        if !out.contains(&reply) {
            out.push(reply);
        }
        if out.len() == MOST {
            break;
        }
    }
    out
}

/// The reply in a line: its code where no word goes on, with an enhanced code of the same class behind it (RFC 2034 §4),
/// or where the words before announce it.
fn in_line(line: &[u8]) -> Option<&[u8]> {
    let line = line.get(..4096).unwrap_or(line);
    (0..line.len()).find_map(|at| {
        let (before, reply) = line.split_at_checked(at)?;
        let first = *reply.first().filter(|class| matches!(class, b'4' | b'5'))?;
        let starts = before
            .last()
            .is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'-' | b'@' | b'/'));
        let code = reply.get(..3).filter(|code| starts && reply_code(code).is_some())?;
        let behind = reply.get(code.len()..)?.trim_ascii_start();
        let parted = matches!(reply.get(3), Some(b' ' | b'-'));
        if !parted || !has_status(behind, first) && !announces(before) {
            return None;
        }
        let closing = match before.last() {
            Some(b'(') => b')',
            Some(quote @ (b'\'' | b'"')) => *quote,
            _ => return Some(reply.trim_ascii_end()),
        };
        let end = reply.iter().rposition(|&b| b == closing).unwrap_or(reply.len());
        Some(reply.get(..end).unwrap_or(reply).trim_ascii_end())
    })
}

/// "status-code = class "." subject "." detail" (RFC 3463 §2), of this class.
fn has_status(text: &[u8], class: u8) -> bool {
    let mut numbers =
        text.split(|b| !b.is_ascii_digit() && *b != b'.').next().unwrap_or_default().split(|&b| b == b'.');
    let first = numbers.next() == Some(&[class]);
    first && numbers.clone().count() >= 2 && numbers.take(2).all(|part| (1..=3).contains(&part.len()))
}

fn announces(before: &[u8]) -> bool {
    let words = before.trim_ascii_end().to_ascii_lowercase();
    [
        &b"said:"[..],
        b"returned",
        b"returned:",
        b"returned '",
        b"returned \"",
        b"response was:",
        b"response:",
        b"was '",
        b"was \"",
        b"smtp;",
    ]
    .iter()
    .any(|end| words.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounce_in_prose_quotes_a_reply() {
        let replies = |text: &str| quoted_replies(text.as_bytes());
        let exchange = "Generating server: MBX1.contoso.example\n\ncarol@adatum.example\nmx.adatum.example\n\
                        Remote server returned '550 5.1.1 <carol@adatum.example>: User unknown'\n\nOriginal message headers:\n";
        assert_eq!(replies(exchange), ["550 5.1.1 <carol@adatum.example>: User unknown"]);
        let postfix =
            "<bob@example.net>: host mx1.example.net[192.0.2.2] said: 554 no (in reply to RCPT TO command)\n";
        assert_eq!(replies(postfix), ["554 no (in reply to RCPT TO command)"]);
        let gmail =
            "The response from the remote server was:\n550 5.7.26 Unauthenticated email is not accepted\n";
        assert_eq!(replies(gmail), ["550 5.7.26 Unauthenticated email is not accepted"]);
        assert_eq!(replies("Diagnostic-Code: smtp;452 4.2.2 full\n452 4.2.2 full\n"), ["452 4.2.2 full"]);
    }

    #[test]
    fn numbers_of_prose_are_no_reply() {
        for text in ["We are 550 people.", "Room 5.1.1 and 550 chairs", "call 555-1234", "10.450 4.2.1", ""] {
            assert_eq!(quoted_replies(text.as_bytes()), Vec::<String>::new(), "{text}");
        }
    }
}
