//! Tag lists: `v=1; a=rsa-sha256; d=example.com` (RFC 6376 §3.2), the syntax of DKIM, DMARC and ARC, with places.

use crate::base::Span;

/// The most tags that are read.
pub const MOST_TAGS: usize = 100;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name, as written.
    pub name: String,
    /// Its value, without white space around it.
    pub value: String,
    /// The whole of it, without white space around it.
    pub span: Span,
    /// Everything between `=` and `;`.
    pub raw_value: Span,
}

/// A tag list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// In order.
    pub tags: Vec<Tag>,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In a sentence without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl Tags {
    /// Read a list. Names must differ: "Tags with duplicate names MUST NOT occur" (RFC 6376 §3.2).
    pub fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        let mut tags: Vec<Tag> = Vec::new();
        let mut at = 0;
        for piece in bytes.split(|byte| *byte == b';') {
            let (start, end) = (at, at + piece.len());
            at = end + 1;
            let (from, to) = (start + blank(piece.iter()), end - blank(piece.iter().rev()).min(piece.len()));
            // After the last semicolon, or between two: nothing.
            if from >= to {
                continue;
            }
            let span = Span::new(from, to);
            let wrong = |message: String| Wrong { message, span };
            let equals = piece.iter().position(|byte| *byte == b'=');
            let equals = equals.ok_or_else(|| wrong("a tag is a name, `=` and a value".to_owned()))? + start;
            let name = String::from_utf8_lossy(Span::new(from, equals).of(bytes)).trim().to_owned();
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
            if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(wrong("a tag's name is a letter, then letters, digits and `_`".to_owned()));
            }
            if tags.iter().any(|tag| tag.name == name) {
                return Err(wrong(format!("the tag `{name}` stands twice")));
            }
            if tags.len() == MOST_TAGS {
                return Err(wrong(format!("more than {MOST_TAGS} tags")));
            }
            let raw_value = Span::new(equals + 1, end);
            let value = String::from_utf8_lossy(raw_value.of(bytes)).trim().to_owned();
            tags.push(Tag { name, value, span, raw_value });
        }
        Ok(Tags { tags })
    }

    /// The tag of that name.
    pub fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// Its value as written.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.tag(name).map(|tag| tag.value.as_str())
    }

    /// Its value without any white space: for base64 and lists, where it "MUST be ignored" (RFC 6376 §3.2).
    pub fn compact(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.split_ascii_whitespace().collect())
    }

    /// The items of a list between colons.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        self.compact(name).map(|value| value.split(':').map(str::to_owned).collect())
    }
}

fn blank<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_know_their_places() {
        let text = b" v=1; a = rsa-sha256 ;\r\n\tb=ab\r\n cd; ";
        let tags = Tags::parse(text).expect("reads");
        let spans: Vec<&[u8]> = tags.tags.iter().map(|t| t.span.of(text)).collect();
        assert_eq!(spans, [b"v=1".as_slice(), b"a = rsa-sha256", b"b=ab\r\n cd"]);
        assert_eq!((tags.value("a"), tags.compact("b").as_deref()), (Some("rsa-sha256"), Some("abcd")));
    }

    #[test]
    fn what_is_no_list_says_why() {
        for (text, why) in
            [("v=1; x", "a tag is"), ("v=1; v=2", "twice"), ("1=2", "name is a letter"), ("=x", "name")]
        {
            assert!(Tags::parse(text.as_bytes()).expect_err(text).message.contains(why), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..60)) {
            if let Ok(tags) = Tags::parse(&bytes) {
                assert!(tags.tags.iter().all(|t| t.span.end <= bytes.len()));
            }
        }
    }
}
