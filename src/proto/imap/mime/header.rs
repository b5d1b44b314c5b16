//! Header fields and what MIME fields say (RFC 5322 §2.2, RFC 2045 §5, RFC 2183).

use std::ops::Range;

/// A header field, as ranges into the header it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, without spaces around it.
    pub name: Range<usize>,
    /// What follows the colon, folded lines and all, without the last line end.
    pub value: Range<usize>,
    /// The whole field with its line ends.
    pub whole: Range<usize>,
}

impl Field {
    /// Its name and its value without space around it, as bytes of `header`.
    pub fn trimmed<'a>(&self, header: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        (&header[self.name.clone()], header[self.value.clone()].trim_ascii())
    }
}

/// The fields of a header, in order. Lines without a colon belong to no field, and are passed over.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < header.len() {
            let start = at;
            at = line_end(header, at);
            while at < header.len() && matches!(header[at], b' ' | b'\t') {
                at = line_end(header, at);
            }
            let colon = header[start..at].iter().position(|b| *b == b':' || *b == b'\n');
            let Some(colon) = colon.map(|i| start + i).filter(|i| header[*i] == b':') else { continue };
            let name_end = start + header[start..colon].trim_ascii_end().len();
            let value_end = colon + 1 + strip_line_end(&header[colon + 1..at]).len();
            return Some(Field { name: start..name_end, value: colon + 1..value_end, whole: start..at });
        }
        None
    })
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| from + i + 1)
}

fn strip_line_end(bytes: &[u8]) -> &[u8] {
    match bytes {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    }
}

/// A value with its folding taken out (RFC 5322 §2.2.3): the line ends go, the white space stays.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect()
}

/// A name and its value.
pub type Parameter = (Vec<u8>, Vec<u8>);

/// What the header says of the body (RFC 2045, 1864, 2183, 3282, 2557).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Media type, as in `text`.
    pub media: Vec<u8>,
    /// Subtype, as in `plain`.
    pub subtype: Vec<u8>,
    /// Parameters of Content-Type.
    pub parameters: Vec<Parameter>,
    /// Content-ID.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding.
    pub encoding: Option<Vec<u8>>,
    /// Content-MD5.
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition, with its parameters.
    pub disposition: Option<(Vec<u8>, Vec<Parameter>)>,
    /// Content-Language: its tags.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Vec<u8>>,
}

impl Content {
    /// The default of RFC 2045 §5.2.
    pub fn plain_text() -> Self {
        Content { media: b"text".to_vec(), subtype: b"plain".to_vec(), ..Content::default() }
    }

    /// What is not taken apart.
    pub fn opaque() -> Self {
        Content { media: b"application".to_vec(), subtype: b"octet-stream".to_vec(), ..Content::default() }
    }

    /// Whether it is of this type (and subtype).
    pub fn is(&self, media: &str, subtype: Option<&str>) -> bool {
        self.media.eq_ignore_ascii_case(media.as_bytes())
            && subtype.is_none_or(|s| self.subtype.eq_ignore_ascii_case(s.as_bytes()))
    }

    /// A parameter of Content-Type.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        let named = |p: &&Parameter| p.0.eq_ignore_ascii_case(name.as_bytes());
        self.parameters.iter().find(named).map(|p| p.1.as_slice())
    }
}

/// How many parameters of one field, or language tags, are kept.
const MAX_PARAMETERS: usize = 100;

/// What these fields (name, value) say; the first of a name counts. Inside multipart/digest the default type is
/// message/rfc822 (RFC 2046 §5.1.5).
pub fn parse_content<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, in_digest: bool) -> Content {
    let mut content = Content::default();
    for (name, value) in fields {
        let Some(rest) = strip_prefix_ignore_case(name, b"content-") else { continue };
        let text = || Some(unfold(value));
        match rest.to_ascii_lowercase().as_slice() {
            b"type" if content.media.is_empty() => set_type(&mut content, value),
            b"id" if content.id.is_none() => content.id = text(),
            b"description" if content.description.is_none() => content.description = text(),
            b"transfer-encoding" if content.encoding.is_none() => {
                content.encoding = words(value, b"").next().filter(|w| !w.is_empty());
            }
            b"md5" if content.md5.is_none() => content.md5 = text(),
            b"disposition" if content.disposition.is_none() => {
                let (kind, parameters) = value_and_parameters(value);
                content.disposition = (!kind.is_empty()).then_some((kind, parameters));
            }
            b"language" if content.language.is_empty() => {
                content.language = words(value, b",").filter(|w| w != b",").take(MAX_PARAMETERS).collect();
            }
            b"location" if content.location.is_none() => content.location = text(),
            _ => {}
        }
    }
    if content.media.is_empty() {
        let default = if in_digest { ("message", "rfc822") } else { ("text", "plain") };
        content.media = default.0.into();
        content.subtype = default.1.into();
    }
    content
}

fn strip_prefix_ignore_case<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = bytes.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn set_type(content: &mut Content, value: &[u8]) {
    // A slash ends a token of the type; in a parameter's value (`type=text/html`) it is kept by joining again.
    let mut words = words(value, b"/;");
    let (media, slash, subtype) = (words.next(), words.next(), words.next());
    if let (Some(media), Some(b"/"), Some(subtype)) = (media, slash.as_deref(), subtype)
        && !media.is_empty()
        && !matches!(subtype.as_slice(), b"" | b";" | b"/")
    {
        content.media = media;
        content.subtype = subtype;
        content.parameters = parameters(words);
    } else {
        (content.media, content.subtype) = (b"text".to_vec(), b"plain".to_vec());
    }
}

fn value_and_parameters(value: &[u8]) -> (Vec<u8>, Vec<Parameter>) {
    let mut words = words(value, b";").peekable();
    let kind = words.next_if(|w| w != b";").unwrap_or_default();
    (kind, parameters(words))
}

/// `*(";" attribute "=" value)`; what does not fit is passed over.
fn parameters(words: impl Iterator<Item = Vec<u8>>) -> Vec<Parameter> {
    let mut out = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        if word != b";" || out.len() >= MAX_PARAMETERS {
            continue;
        }
        let Some(name) = words.next_if(|w| w != b";" && w != b"=") else { continue };
        if words.next_if(|w| w == b"=").is_some() {
            // Unquoted `/` and `=` are against the grammar, and common: what belongs together is joined.
            let mut value = Vec::new();
            while let Some(word) = words.next_if(|w| w != b";") {
                value.extend(word);
            }
            out.push((name, value));
        }
    }
    out
}

/// The words of a structured field: tokens, quoted strings (unquoted), and each byte of `specials` and `=` as a word
/// of its own. Comments and white space go.
fn words<'a>(value: &'a [u8], specials: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let first = *value.get(at)?;
            match first {
                b if b.is_ascii_whitespace() => at += 1,
                b'(' => at = skip_comment(value, at),
                b'"' => {
                    let (text, end) = quoted(value, at);
                    at = end;
                    return Some(text);
                }
                b if specials.contains(&b) || b == b'=' => {
                    at += 1;
                    return Some(vec![b]);
                }
                _ => {
                    let ends =
                        |b: &u8| b.is_ascii_whitespace() || b"(\"=".contains(b) || specials.contains(b);
                    // At least one byte, whatever it is, so that reading always gets on.
                    let len = value[at..].iter().position(ends).unwrap_or(value.len() - at).max(1);
                    at += len;
                    return Some(value[at - len..at].to_vec());
                }
            }
        }
    })
}

/// The quoted string that begins at `at`: its content, and where it ends.
pub(super) fn quoted(value: &[u8], at: usize) -> (Vec<u8>, usize) {
    let mut text = Vec::new();
    let mut i = at + 1;
    while let Some(&b) = value.get(i) {
        i += 1;
        match b {
            b'"' => break,
            b'\\' => {
                text.extend(value.get(i));
                i += 1;
            }
            b'\r' | b'\n' => {}
            b => text.push(b),
        }
    }
    (text, i.min(value.len()))
}

/// Where the comment that begins at `at` ends; comments nest (RFC 5322 §3.2.2).
pub(super) fn skip_comment(value: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = at;
    while let Some(&b) = value.get(i) {
        i += 1;
        match b {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'\\' => i += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    i.min(value.len())
}
