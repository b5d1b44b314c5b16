//! What stands between the marked lines: the rest of a line that was too long for the paper, and asides.

use super::bytes::{indent, is_base64};

/// Whether a line outside a message is somebody's words about the session, not a part of it.
pub fn is_aside(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    match text {
        [b'<', next, ..] => next.is_ascii_lowercase() && text.contains(&b' ') && !text.contains(&b'@'),
        [b'(', next, ..] => next.is_ascii_alphabetic(),
        _ => is_elision(text),
    }
}

/// `...`, `. . .`, `[...]`, `...time passes...`.
pub fn is_elision(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    [&b"..."[..], b". . .", b"[...", "…".as_bytes()].iter().any(|dots| text.starts_with(dots))
}

/// Whether an unmarked line is an aside where the ends' lines are marked.
pub fn is_unmarked_aside(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    // "Example 12" as a centred caption; the foot and head of a page.
    let caption = indent(line) >= 16 && text.starts_with(b"Example");
    let page = text.ends_with(b"]") && text.windows(6).any(|w| w == b"[Page ");
    text.first() == Some(&b'<') && text.last() == Some(&b'>') && text.contains(&b' ')
        || is_aside(text)
        || text.starts_with(b"(note ")
        || caption
        || page
}

/// Whether an aside goes on in the next line: it opened something, and has not closed it.
pub fn is_open(aside: &[u8]) -> bool {
    let text = aside.trim_ascii();
    match text.first() {
        Some(b'(') => !text.ends_with(b")"),
        Some(b'<') => !text.ends_with(b">"),
        Some(b'.') => {
            text.len() > 3
                && !text.ends_with(b"...")
                && text.get(3) == Some(&b' ')
                && !text.ends_with(b". . .")
        }
        _ => false,
    }
}

/// Put what the paper parted together again.
pub fn join(line: &mut Vec<u8>, rest: &[u8]) {
    let rest = rest.trim_ascii();
    let kept = line.trim_ascii_end().len();
    line.truncate(kept);
    if line.last() == Some(&b'\\') {
        line.pop();
        let kept = line.trim_ascii_end().len();
        line.truncate(kept);
        line.push(b' ');
    } else if !joins_tight(line, rest) {
        line.push(b' ');
    }
    line.extend_from_slice(rest);
}

/// Whether no space stood where the line was parted: inside base64, sets of numbers, lists and hyphenated words.
fn joins_tight(line: &[u8], rest: &[u8]) -> bool {
    let last_word = line.rsplit(|&b| b == b' ').next().unwrap_or_default();
    // Paper lines are some 50 to 70 columns: a shorter word ended by itself.
    if is_base64(last_word, 40) && is_base64(rest, 1) {
        return true;
    }
    let ends = |c: u8| line.last() == Some(&c);
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    ends(b'(')
        || rest.starts_with(b")")
        || ends(b',') && digit(rest.first())
        || ends(b'-') && rest.first().is_some_and(u8::is_ascii_lowercase)
        // "env-to = "(" 1*address ")"": addresses of one list stand close together (RFC 9051 §9).
        || ends(b')') && rest.starts_with(b"(\"") && is_inside_addresses(line)
}

/// Whether an address list that began with `((` is still open.
fn is_inside_addresses(line: &[u8]) -> bool {
    let Some(start) = line.windows(2).rposition(|w| w == b"((") else { return false };
    let (mut depth, mut quoted) = (0_i32, false);
    for &byte in line.get(start..).unwrap_or_default() {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(line: &str, rest: &str) -> String {
        let mut line = line.as_bytes().to_vec();
        join(&mut line, rest.as_bytes());
        String::from_utf8(line).expect("text")
    }

    #[test]
    fn lines_are_put_together_as_they_were() {
        assert_eq!(
            joined(r"RCPT TO:<a@b.example> NOTIFY=NEVER \", "    ORCPT=rfc822;a@b.example"),
            "RCPT TO:<a@b.example> NOTIFY=NEVER ORCPT=rfc822;a@b.example"
        );
        assert_eq!(joined("* VANISHED 1:2,4:5,", "   7,9"), "* VANISHED 1:2,4:5,7,9");
        let long = "QUJD".repeat(14);
        assert_eq!(joined(&format!("+ {long}"), "  QUI="), format!("+ {long}QUI="));
        assert_eq!(joined("a AUTHENTICATE SCRAM-SHA-256", "  QUI="), "a AUTHENTICATE SCRAM-SHA-256 QUI=");
        assert_eq!(joined("* 1 FETCH (FLAGS (\\Seen)", "  UID 4)"), "* 1 FETCH (FLAGS (\\Seen) UID 4)");
        assert_eq!(
            joined(r#"((NIL NIL "a" "b.example")"#, r#" ("C" NIL "c" "d.example"))"#),
            r#"((NIL NIL "a" "b.example")("C" NIL "c" "d.example"))"#
        );
    }

    #[test]
    fn asides_and_their_ends() {
        for aside in ["<wait for connection>", "...time passes...", "(more expunges)", "[...]", ". . ."] {
            assert!(is_aside(aside.as_bytes()), "{aside}");
        }
        for line in ["<a@b.example>... Sender ok", "* 2 FETCH ....", "250 ok", "."] {
            assert!(!is_aside(line.as_bytes()), "{line}");
        }
        assert!(is_open(b"(TLS negotiation, further commands") && !is_open(b"(done)") && !is_open(b"..."));
        assert!(is_open(b"... TLS negotiation proceeds, further commands") && !is_open(b"...time passes..."));
    }
}
