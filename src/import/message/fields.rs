//! The header: "fields = *(field-name ":" unstructured CRLF)", with folded lines (RFC 5322 §2.2), as it stands.

use super::Limits;
use mail_parser::parsers::MessageStream;
use serde::Serialize;

/// A header field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name, as it is written.
    pub name: String,
    /// Its body, unfolded (RFC 5322 §2.2.3), bytes that are not UTF-8 replaced; at most 64 KiB of it.
    pub body: String,
    /// The line of the message on which it begins, from 1.
    pub line: usize,
    /// Whether octets above 127 stand in it as they are.
    pub raw_8bit: bool,
}

impl Field {
    /// The body with its encoded words read: "=?charset?encoding?text?=" (RFC 2047 §2).
    pub fn decoded(&self) -> String {
        if !self.body.contains("=?") {
            return self.body.clone();
        }
        let text = format!("{}\n", self.body);
        let value = MessageStream::new(text.as_bytes()).parse_unstructured();
        value.as_text().map_or_else(|| self.body.clone(), str::to_owned)
    }
}

/// The header as it was read.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// The fields, up to the limit.
    pub fields: Vec<Field>,
    /// How many there are.
    pub count: usize,
    /// A line of a mailbox file in front: "From sender date".
    pub mbox_line: Option<String>,
    /// Where the message begins, behind that line.
    pub start: usize,
    /// Where the body begins.
    pub body: usize,
    /// Lines in the header that are no field.
    pub strange: usize,
    /// The header was cut by the limit.
    pub cut: bool,
}

/// Octets of one field that are kept.
const LONGEST: usize = 64 << 10;

impl Header {
    /// Read the header of a message.
    pub fn read(message: &[u8], limits: Limits) -> Header {
        let mut header = Header::default();
        let (mut at, mut line_number) = (0, 0);
        for line in message.split_inclusive(|&b| b == b'\n') {
            line_number += 1;
            let text = without_end(line);
            if line_number == 1 && text.starts_with(b"From ") {
                header.mbox_line =
                    Some(String::from_utf8_lossy(text.get(..200).unwrap_or(text)).into_owned());
                at += line.len();
                header.start = at;
                continue;
            }
            if text.is_empty() || at >= limits.header {
                header.cut = !text.is_empty();
                header.body = at + line.len();
                return header;
            }
            at += line.len();
            header.line(text, line_number, limits.fields);
        }
        header.body = message.len();
        header
    }

    fn line(&mut self, text: &[u8], number: usize, limit: usize) {
        if text.starts_with(b" ") || text.starts_with(b"\t") {
            match self.fields.last_mut().filter(|_| self.count <= limit) {
                Some(field) if field.body.len() < LONGEST => {
                    field.raw_8bit |= !text.is_ascii();
                    let text = text.get(..LONGEST).unwrap_or(text);
                    field.body.push(' ');
                    field.body.push_str(String::from_utf8_lossy(text).trim());
                }
                Some(_) => {}
                None => self.strange += usize::from(self.count == 0),
            }
            return;
        }
        let colon = text.iter().position(|&b| b == b':');
        let Some((name, body)) = colon.map(|at| text.split_at(at)).filter(|(name, _)| is_name(name)) else {
            self.strange += 1;
            return;
        };
        self.count += 1;
        if self.count > limit {
            return;
        }
        let body = body.get(1..).unwrap_or_default();
        let kept = body.get(..LONGEST).unwrap_or(body);
        self.fields.push(Field {
            name: String::from_utf8_lossy(name.trim_ascii()).into_owned(),
            body: String::from_utf8_lossy(kept).trim().to_owned(),
            line: number,
            raw_8bit: !text.is_ascii(),
        });
    }
}

/// "ftext = %d33-57 / %d59-126" (RFC 5322 §3.6.8), with the white space that the obsolete syntax allows behind it.
fn is_name(name: &[u8]) -> bool {
    let name = name.trim_ascii_end();
    !name.is_empty() && name.len() <= 200 && name.iter().all(u8::is_ascii_graphic)
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
