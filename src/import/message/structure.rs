//! The MIME tree (RFC 2045, RFC 2046), from mail-parser: what is in what, how it is encoded, how large it is.

use mail_parser::{Encoding, Message, MessagePart, MimeHeaders, PartType};
use serde::Serialize;

/// How deep messages within messages are followed.
const DEPTH: usize = 50;

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MimePart {
    /// How deep it lies: 0 for the message itself.
    pub depth: usize,
    /// `text/plain`, in lower case; what RFC 2045 §5.2 assumes where nothing is said.
    pub media_type: String,
    /// Whether the part says so itself.
    pub declared: bool,
    /// The character set, where one is named.
    pub charset: String,
    /// `quoted-printable`, `base64`, else empty.
    pub encoding: &'static str,
    /// `attachment`, `inline`, else empty.
    pub disposition: String,
    /// The name under which it would be kept.
    pub file_name: String,
    /// Octets as they stand, without the part's own header.
    pub octets: usize,
    /// Octets once decoded; for what holds other parts: as they stand.
    pub decoded: usize,
    /// It holds other parts.
    pub holds_parts: bool,
    /// It could not be decoded as it says, or its end is missing.
    pub broken: bool,
}

/// The parts of a message, each after the one that it is in.
pub fn read(message: &Message<'_>, limit: usize) -> Vec<MimePart> {
    let mut out = Vec::new();
    add(message, 0, 0, limit, &mut out);
    out
}

fn add(message: &Message<'_>, id: usize, depth: usize, limit: usize, out: &mut Vec<MimePart>) {
    let Some(part) = message.parts.get(id).filter(|_| out.len() < limit && depth < DEPTH) else { return };
    out.push(one(part, depth));
    match &part.body {
        PartType::Multipart(children) => {
            // A part's number is always higher than that of the part it is in: no circle.
            for child in children.iter().filter(|child| **child as usize > id) {
                add(message, *child as usize, depth + 1, limit, out);
            }
        }
        PartType::Message(inner) => add(inner, 0, depth + 1, limit, out),
        _ => {}
    }
}

fn one(part: &MessagePart<'_>, depth: usize) -> MimePart {
    let octets = part.offset_end.saturating_sub(part.offset_body) as usize;
    let (assumed, decoded) = match &part.body {
        PartType::Text(text) => ("text/plain", text.len()),
        PartType::Html(text) => ("text/html", text.len()),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => ("text/plain", bytes.len()),
        PartType::Message(_) => ("message/rfc822", octets),
        PartType::Multipart(_) => ("multipart/mixed", octets),
    };
    let declared = part.content_type();
    let media_type = declared.map(|t| match t.subtype() {
        Some(sub) => format!("{}/{sub}", t.ctype()),
        None => t.ctype().to_owned(),
    });
    MimePart {
        depth,
        declared: media_type.is_some(),
        media_type: media_type.unwrap_or_else(|| assumed.to_owned()).to_ascii_lowercase(),
        charset: declared.and_then(|t| t.attribute("charset")).unwrap_or_default().to_owned(),
        encoding: match part.encoding {
            Encoding::None => "",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
        },
        disposition: part.content_disposition().map(|d| d.ctype().to_ascii_lowercase()).unwrap_or_default(),
        file_name: part.attachment_name().unwrap_or_default().to_owned(),
        octets,
        decoded,
        holds_parts: matches!(part.body, PartType::Multipart(_) | PartType::Message(_)),
        broken: part.is_encoding_problem,
    }
}
