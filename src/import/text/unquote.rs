//! Text as a program's debug output quotes it: Python's `b'…\r\n'`, Ruby's `"…\r\n"`.

/// The bytes inside the quotes; `None` where it is not quoted.
pub fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"b").unwrap_or(text);
    let (&quote, rest) = text.split_first().filter(|(q, _)| matches!(q, b'\'' | b'"'))?;
    let mut out = Vec::with_capacity(rest.len());
    let mut at = 0;
    loop {
        let byte = *rest.get(at)?;
        at += 1;
        match byte {
            b'\\' => at += escaped(rest.get(at..)?, &mut out),
            byte if byte == quote => return Some(out),
            byte => out.push(byte),
        }
    }
}

/// Take what stands behind a backslash; gives its length.
fn escaped(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let hex = |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
    match rest {
        [b'n', ..] => out.push(b'\n'),
        [b'r', ..] => out.push(b'\r'),
        [b't', ..] => out.push(b'\t'),
        [b'0', ..] => out.push(0),
        [b'x', a, b, ..] => match hex(&[*a, *b]) {
            Some(byte) => {
                out.push(byte);
                return 3;
            }
            None => out.push(b'x'),
        },
        [other, ..] => out.push(*other),
        [] => return 0,
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_python_and_ruby() {
        assert_eq!(unquoted(br"b'250-a\r\n'").as_deref(), Some(&b"250-a\r\n"[..]));
        assert_eq!(unquoted(br#"'it\'s "so" \x00\\'"#).as_deref(), Some(&b"it's \"so\" \0\\"[..]));
        assert_eq!(unquoted(br#""EHLO a\n" "#).as_deref(), Some(&b"EHLO a\n"[..]));
        assert_eq!(unquoted(b"plain"), None);
        assert_eq!(unquoted(b"'open"), None);
        assert_eq!(unquoted(b"b'\\"), None);
    }
}
