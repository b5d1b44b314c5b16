//! Canonicalization: what a signature sees of a header field and of the body (RFC 6376 §3.4).

use crate::proto::policy::letter::Field;

/// Which changes on the way a signature survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canon {
    /// None, but for empty lines at the end of the body.
    Simple,
    /// White space, folding, and the case of field names.
    Relaxed,
}

impl Canon {
    /// Its name in `c=`.
    pub fn name(self) -> &'static str {
        match self {
            Canon::Simple => "simple",
            Canon::Relaxed => "relaxed",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            name if name.eq_ignore_ascii_case("simple") => Some(Canon::Simple),
            name if name.eq_ignore_ascii_case("relaxed") => Some(Canon::Relaxed),
            _ => None,
        }
    }

    /// A header field as it is signed, its end of line included (RFC 6376 §3.4.1, §3.4.2).
    pub fn field(self, field: &Field<'_>) -> Vec<u8> {
        if self == Canon::Simple {
            return field.raw.to_vec();
        }
        let mut out: Vec<u8> = field.name().to_ascii_lowercase();
        out.push(b':');
        let unfolded: Vec<u8> =
            field.value().iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
        let mut words = unfolded.split(|b| is_blank(*b)).filter(|word| !word.is_empty());
        if let Some(first) = words.next() {
            out.extend_from_slice(first);
        }
        for word in words {
            out.push(b' ');
            out.extend_from_slice(word);
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The body as it is signed (RFC 6376 §3.4.3, §3.4.4).
    pub fn body(self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 2);
        // Empty lines wait until something follows them.
        let mut waiting = 0;
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
            let start = out.len();
            for _ in 0..waiting {
                out.extend_from_slice(b"\r\n");
            }
            let text = out.len();
            match self {
                Canon::Simple => out.extend_from_slice(line),
                Canon::Relaxed => relax(line, &mut out),
            }
            if out.len() == text {
                out.truncate(start);
                waiting += 1;
            } else {
                out.extend_from_slice(b"\r\n");
                waiting = 0;
            }
        }
        // "If there is no body … a CRLF is added" is simple's rule alone.
        if out.is_empty() && self == Canon::Simple {
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Runs of white space become one space; at the end of the line they go.
fn relax(line: &[u8], out: &mut Vec<u8>) {
    let end = line.len() - line.iter().rev().take_while(|b| is_blank(**b)).count();
    let mut in_run = false;
    for byte in &line[..end] {
        match (is_blank(*byte), in_run) {
            (true, true) => {}
            (true, false) => out.push(b' '),
            (false, _) => out.push(*byte),
        }
        in_run = is_blank(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::policy::letter::Letter;

    /// RFC 6376 §3.4.5.
    const EXAMPLE: &[u8] = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";

    fn header(canon: Canon) -> String {
        let fields = Letter::read(EXAMPLE).fields.iter().flat_map(|f| canon.field(f)).collect::<Vec<u8>>();
        String::from_utf8(fields).expect("is text")
    }

    #[test]
    fn examples_of_rfc_6376_section_3_4_5() {
        let body = Letter::read(EXAMPLE).body;
        assert_eq!(header(Canon::Relaxed), "a:X\r\nb:Y Z\r\n");
        assert_eq!(Canon::Relaxed.body(body), b" C\r\nD E\r\n");
        assert_eq!(header(Canon::Simple), "A: X\r\nB : Y\t\r\n\tZ  \r\n");
        assert_eq!(Canon::Simple.body(body), b" C \r\nD \t E\r\n");
    }

    #[test]
    fn an_empty_body() {
        for body in [b"".as_slice(), b"\r\n\r\n"] {
            assert_eq!(Canon::Simple.body(body), b"\r\n");
            assert_eq!(Canon::Relaxed.body(body), b"");
        }
        assert_eq!(Canon::Relaxed.body(b" \t\r\n\r\nx"), b"\r\n\r\nx\r\n");
    }
}
