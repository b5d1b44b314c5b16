//! One FETCH response: the items asked for, as IMAP writes them (RFC 9051 §7.5.2).

use super::ask::Meta;
use crate::proto::imap::mime::bodystructure::body_structure;
use crate::proto::imap::mime::decode::decode_transfer;
use crate::proto::imap::mime::envelope::envelope;
use crate::proto::imap::mime::section::{extract, find_part, partial};
use crate::proto::imap::mime::{self, Entity, Inner, write};
use crate::proto::imap::types::{DateTime, FetchItem, Partial, Section, SectionText};
use std::borrow::Cow;

/// A message and what is known of it.
pub(super) struct Item<'a> {
    pub number: usize,
    pub meta: &'a Meta,
    pub flags: String,
    pub bytes: &'a [u8],
    pub tell_flags: bool,
    pub tell_modseq: bool,
}

/// `* n FETCH (…)`; `None` where BINARY cannot undo a part's transfer encoding.
pub(super) fn fetch_response(message: &Item<'_>, items: &[FetchItem]) -> Option<Vec<u8>> {
    use FetchItem as F;
    let mut out = format!("* {} FETCH (", message.number).into_bytes();
    let bytes = message.bytes;
    let structure = std::cell::OnceCell::new();
    let structure = || structure.get_or_init(|| mime::parse(bytes));
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        let section = |text| Section { part: Vec::new(), text };
        match item {
            F::Flags => text(&mut out, format!("FLAGS ({})", message.flags)),
            F::Uid => text(&mut out, format!("UID {}", message.meta.uid)),
            F::ModSeq => text(&mut out, format!("MODSEQ ({})", message.meta.modseq)),
            F::Rfc822Size => text(&mut out, format!("RFC822.SIZE {}", message.meta.size)),
            F::InternalDate => {
                let date = DateTime::from_unix_seconds(message.meta.internal_date.as_secs(), 0);
                text(&mut out, format!("INTERNALDATE \"{date}\""));
            }
            F::Envelope => {
                out.extend_from_slice(b"ENVELOPE ");
                out.extend(envelope(bytes.get(structure().header.clone()).unwrap_or_default()));
            }
            F::Body | F::BodyStructure => {
                let extended = *item == F::BodyStructure;
                out.extend_from_slice(if extended { b"BODYSTRUCTURE " } else { b"BODY " });
                out.extend(body_structure(bytes, structure(), extended));
            }
            F::Rfc822 => octets(&mut out, "RFC822", Some(Cow::Borrowed(bytes)), None),
            F::Rfc822Header => {
                let header = extract(bytes, structure(), &section(Some(SectionText::Header)));
                octets(&mut out, "RFC822.HEADER", header, None);
            }
            F::Rfc822Text => {
                let body = extract(bytes, structure(), &section(Some(SectionText::Text)));
                octets(&mut out, "RFC822.TEXT", body, None);
            }
            F::Section { section, partial, .. } => {
                octets(&mut out, &section_name(section), extract(bytes, structure(), section), *partial);
            }
            F::Binary { part, partial: range, .. } => {
                let content = binary(bytes, structure(), part)?;
                text(&mut out, format!("BINARY[{}]{}", numbers(part), origin(*range)));
                out.push(b' ');
                binary_string(&mut out, content.as_deref().map(|c| partial(c, *range)));
            }
            F::BinarySize { part } => {
                let size = binary(bytes, structure(), part)?.map_or(0, |content| content.len());
                text(&mut out, format!("BINARY.SIZE[{}] {size}", numbers(part)));
            }
            F::EmailId | F::ThreadId | F::Preview { .. } => {}
        }
    }
    if message.tell_modseq && !items.contains(&F::ModSeq) {
        text(&mut out, format!(" MODSEQ ({})", message.meta.modseq));
    }
    if message.tell_flags && !items.contains(&F::Flags) {
        text(&mut out, format!(" FLAGS ({})", message.flags));
    }
    out.extend_from_slice(b")\r\n");
    Some(out)
}

fn text(out: &mut Vec<u8>, text: impl AsRef<str>) {
    out.extend_from_slice(text.as_ref().as_bytes());
}

fn octets(out: &mut Vec<u8>, name: &str, value: Option<Cow<'_, [u8]>>, range: Option<Partial>) {
    text(out, format!("{name}{} ", origin(range)));
    match value {
        Some(value) => write::literal(out, partial(&value, range)),
        None => text(out, "NIL"),
    }
}

/// `<n>`: where the octets begin. "the origin octet is … only in response to a partial fetch".
fn origin(range: Option<Partial>) -> String {
    range.map_or(String::new(), |r| format!("<{}>", r.offset))
}

fn numbers(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// `BODY[1.2.HEADER.FIELDS (DATE FROM)]`
fn section_name(section: &Section) -> String {
    let mut name = numbers(&section.part);
    if let Some(kind) = &section.text {
        if !name.is_empty() {
            name.push('.');
        }
        match kind {
            SectionText::Header => name.push_str("HEADER"),
            SectionText::Text => name.push_str("TEXT"),
            SectionText::Mime => name.push_str("MIME"),
            SectionText::HeaderFields { not, fields } => {
                name.push_str(if *not { "HEADER.FIELDS.NOT (" } else { "HEADER.FIELDS (" });
                let names: Vec<String> = fields.iter().map(|f| field_name(f)).collect();
                name.push_str(&names.join(" "));
                name.push(')');
            }
        }
    }
    format!("BODY[{name}]")
}

/// `header-fld-name = astring`: as it was asked for where that is an atom, else a string.
fn field_name(name: &str) -> String {
    let is_atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
    if !name.is_empty() && name.bytes().all(is_atom) {
        return name.to_owned();
    }
    let mut out = Vec::new();
    write::string(&mut out, name.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// A part with its transfer encoding undone (RFC 3516 §4.2): outer `None` where that is not possible, inner `None`
/// where there is no such part.
fn binary(bytes: &[u8], message: &Entity, part: &[u32]) -> Option<Option<Vec<u8>>> {
    if part.is_empty() {
        return Some(Some(bytes.to_vec()));
    }
    let Some((entity, _)) = find_part(message, part) else { return Some(None) };
    let body = bytes.get(entity.body.clone()).unwrap_or_default();
    let encoding = entity.content.encoding.as_deref();
    let known = encoding.is_none_or(|e| {
        let known: [&[u8]; 5] = [b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"];
        known.iter().any(|k| k.eq_ignore_ascii_case(e))
    });
    match (&entity.inner, known) {
        (Inner::Leaf, true) => Some(Some(decode_transfer(body, encoding))),
        (Inner::Leaf, false) => None,
        _ => Some(Some(body.to_vec())),
    }
}

/// `literal8 = "~{" number64 "}" CRLF *OCTET`, where a NUL is in it; else a literal.
fn binary_string(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) if value.contains(&0) => {
            text(out, format!("~{{{}}}\r\n", value.len()));
            out.extend_from_slice(value);
        }
        Some(value) => write::literal(out, value),
        None => text(out, "NIL"),
    }
}
