//! A message as signatures see it: its header fields in order, byte for byte, and its body (RFC 5322 §2.1).

use std::borrow::Cow;

/// The most header fields of a message that is checked.
pub const MOST_FIELDS: usize = 1_000;

/// One header field with its folds, and the end of its last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// All of it.
    pub raw: &'a [u8],
    /// Where it begins in its message; 0 where it stands by itself.
    pub at: usize,
    /// Where the colon stands in it.
    colon: usize,
}

impl<'a> Field<'a> {
    /// A field that stands by itself; `None` where it has no colon.
    pub fn new(raw: &'a [u8]) -> Option<Self> {
        let colon = raw.iter().position(|byte| *byte == b':')?;
        Some(Field { raw, at: 0, colon })
    }

    /// Its name, without white space before the colon.
    pub fn name(&self) -> &'a [u8] {
        self.raw[..self.colon].trim_ascii_end()
    }

    /// Everything after the colon, the end of the line included.
    pub fn value(&self) -> &'a [u8] {
        &self.raw[self.colon + 1..]
    }

    /// Whether it has this name; case does not matter (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its value on one line, without white space at its ends.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(self.value());
        let unfolded: String = text.chars().filter(|c| *c != '\r' && *c != '\n').collect();
        unfolded.trim().to_owned()
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter<'a> {
    /// Its header fields from the top. Lines that are none are left out.
    pub fields: Vec<Field<'a>>,
    /// Whether there were more fields than are read.
    pub too_many: bool,
    /// What follows the empty line.
    pub body: &'a [u8],
}

/// The message with CRLF at the end of every line, as it is on the wire; signatures are made over that
/// (RFC 6376 §5.3).
pub fn on_the_wire(message: &[u8]) -> Cow<'_, [u8]> {
    let bare = |(at, byte): (usize, &u8)| *byte == b'\n' && (at == 0 || message[at - 1] != b'\r');
    if !message.iter().enumerate().any(bare) {
        return Cow::Borrowed(message);
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 16);
    for (at, byte) in message.iter().enumerate() {
        if bare((at, byte)) {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    Cow::Owned(out)
}

impl<'a> Letter<'a> {
    /// Take a message apart.
    pub fn read(message: &'a [u8]) -> Self {
        let mut letter = Letter { fields: Vec::new(), too_many: false, body: &[] };
        let mut rest = message;
        loop {
            let line = line_length(rest);
            if line == 0 {
                return letter;
            }
            if matches!(&rest[..line], b"\r\n" | b"\n") {
                letter.body = &rest[line..];
                return letter;
            }
            let mut end = line;
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += line_length(&rest[end..]);
            }
            match Field::new(&rest[..end]) {
                Some(_) if letter.fields.len() == MOST_FIELDS => letter.too_many = true,
                field => {
                    letter.fields.extend(field.map(|field| Field { at: message.len() - rest.len(), ..field }))
                }
            }
            rest = &rest[end..];
        }
    }

    /// The fields of a name, from the top.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b Field<'a>> {
        self.fields.iter().filter(move |field| field.is(name))
    }
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_bytes() {
        let message = b"From: a\r\nSubject : b\r\n\tc\r\nnonsense\r\n\r\nBody\r\n";
        let letter = Letter::read(message);
        let raw: Vec<&[u8]> = letter.fields.iter().map(|f| f.raw).collect();
        assert_eq!(raw, [b"From: a\r\n".as_slice(), b"Subject : b\r\n\tc\r\n"]);
        assert_eq!(
            (letter.fields[1].name(), letter.fields[1].text().as_str()),
            (b"Subject".as_slice(), "b\tc")
        );
        assert_eq!(letter.body, b"Body\r\n");
        assert_eq!(on_the_wire(b"a\nb\r\n").as_ref(), b"a\r\nb\r\n");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[a:\r\n \t]{0,60}") {
            let letter = Letter::read(bytes.as_bytes());
            proptest::prop_assert!(letter.fields.iter().map(|f| f.raw.len()).sum::<usize>() <= bytes.len());
        }
    }
}
