//! `BODY[section]` (RFC 9051 §6.4.5): which octets of a message a section names.

use super::header::fields;
use super::{Entity, Inner};
use crate::proto::imap::types::{Partial, Section, SectionText};
use std::borrow::Cow;

/// The part of that number. "Every message has at least one part number": part 1 of what is not multipart is its
/// own body. Gives the entity, and whether it stands for the body of a message that has no parts.
pub fn find_part<'a>(message: &'a Entity, part: &[u32]) -> Option<(&'a Entity, bool)> {
    let mut at = message;
    // Whether `at` is a message, whose parts are those of its body (the outermost, or one inside message/rfc822).
    let mut own_body = false;
    for (depth, number) in part.iter().enumerate() {
        let message = match &at.inner {
            _ if own_body => return None,
            Inner::Message(inner) if depth > 0 => inner.as_ref(),
            _ => at,
        };
        let is_message = depth == 0 || matches!(at.inner, Inner::Message(_));
        match &message.inner {
            Inner::Multipart(parts) => at = parts.get(usize::try_from(*number).ok()?.checked_sub(1)?)?,
            _ if is_message && *number == 1 => {
                at = message;
                // A message whose body is a message: its part 1 has parts of its own.
                own_body = !matches!(message.inner, Inner::Message(_));
            }
            _ => return None,
        }
    }
    Some((at, own_body))
}

/// The octets that a section names; `None` where the message has no such part.
pub fn extract<'a>(bytes: &'a [u8], message: &Entity, section: &Section) -> Option<Cow<'a, [u8]>> {
    let range = |r: &std::ops::Range<usize>| Some(Cow::Borrowed(bytes.get(r.clone())?));
    if section.part.is_empty() {
        return match &section.text {
            None => Some(Cow::Borrowed(bytes)),
            Some(text) => part_text(bytes, message, text),
        };
    }
    let (entity, _) = find_part(message, &section.part)?;
    match &section.text {
        None => range(&entity.body),
        Some(SectionText::Mime) => range(&entity.header),
        Some(text) => match &entity.inner {
            // "The HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, and TEXT part specifiers can be … prefixed by one or
            // more numeric part specifiers, provided that the numeric part specifiers refer to a part of type
            // MESSAGE/RFC822".
            Inner::Message(inner) => part_text(bytes, inner, text),
            _ => None,
        },
    }
}

fn part_text<'a>(bytes: &'a [u8], message: &Entity, text: &SectionText) -> Option<Cow<'a, [u8]>> {
    let header = bytes.get(message.header.clone())?;
    match text {
        SectionText::Header | SectionText::Mime => Some(Cow::Borrowed(header)),
        SectionText::Text => Some(Cow::Borrowed(bytes.get(message.body.clone())?)),
        SectionText::HeaderFields { not, fields } => Some(Cow::Owned(subset(header, fields, *not))),
    }
}

/// The fields of these names (or all others), in the header's order, and the blank line that ends it.
fn subset(header: &[u8], names: &[String], not: bool) -> Vec<u8> {
    let mut names: Vec<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
    names.sort();
    let mut out = Vec::new();
    for field in fields(header) {
        let name = header[field.name.clone()].to_ascii_lowercase();
        let named = names.binary_search_by(|n| n.as_bytes().cmp(&name)).is_ok();
        if named != not {
            out.extend_from_slice(&header[field.whole.clone()]);
        }
    }
    if header.ends_with(b"\r\n\r\n") || header == b"\r\n" {
        out.extend_from_slice(b"\r\n");
    } else if header.ends_with(b"\n\n") || header == b"\n" {
        out.extend_from_slice(b"\n");
    }
    out
}

/// `<offset.length>` of octets: "beyond the end of the text, an empty string".
pub fn partial(octets: &[u8], partial: Option<Partial>) -> &[u8] {
    let Some(Partial { offset, length }) = partial else { return octets };
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(octets.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(octets.len() - start);
    &octets[start..start + length]
}
