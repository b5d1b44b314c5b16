//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2): the tree of parts, in parentheses.

use super::envelope::envelope;
use super::header::{Content, Parameter};
use super::write::{nstring, string};
use super::{Entity, Inner};

/// The structure of a message; with `extended`, BODYSTRUCTURE, else BODY.
pub fn body_structure(message: &[u8], entity: &Entity, extended: bool) -> Vec<u8> {
    let mut out = Vec::new();
    write_body(&mut out, message, entity, extended);
    out
}

fn write_body(out: &mut Vec<u8>, message: &[u8], entity: &Entity, extended: bool) {
    let content = &entity.content;
    out.push(b'(');
    match &entity.inner {
        Inner::Multipart(parts) => {
            // body-type-mpart = 1*body SP media-subtype: where no part was found, an empty one stands in.
            if parts.is_empty() {
                out.extend_from_slice(
                    b"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)",
                );
            }
            for part in parts {
                write_body(out, message, part, extended);
            }
            out.push(b' ');
            string(out, &content.subtype);
            if extended {
                out.push(b' ');
                parameters(out, &content.parameters, false);
                disposition_to_location(out, content);
            }
        }
        Inner::Message(inner) => {
            basic(out, entity);
            out.push(b' ');
            let header = message.get(inner.header.clone()).unwrap_or_default();
            out.extend_from_slice(&envelope(header));
            out.push(b' ');
            write_body(out, message, inner, extended);
            out.extend_from_slice(format!(" {}", entity.lines).as_bytes());
            single_extension(out, content, extended);
        }
        Inner::Leaf => {
            basic(out, entity);
            if content.is("text", None) {
                out.extend_from_slice(format!(" {}", entity.lines).as_bytes());
            }
            single_extension(out, content, extended);
        }
    }
    out.push(b')');
}

/// Type, subtype, `body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets`.
fn basic(out: &mut Vec<u8>, entity: &Entity) {
    let content = &entity.content;
    string(out, &content.media);
    out.push(b' ');
    string(out, &content.subtype);
    out.push(b' ');
    parameters(out, &content.parameters, content.is("text", None));
    out.push(b' ');
    nstring(out, content.id.as_deref());
    out.push(b' ');
    nstring(out, content.description.as_deref());
    out.push(b' ');
    string(out, content.encoding.as_deref().unwrap_or(b"7bit"));
    out.extend_from_slice(format!(" {}", entity.body.len()).as_bytes());
}

/// `"(" string SP string *(SP string SP string) ")" / nil`. Text without a charset is US-ASCII (RFC 2045 §5.2).
fn parameters(out: &mut Vec<u8>, list: &[Parameter], text: bool) {
    let default = text && !list.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    let charset = default.then(|| (b"charset".to_vec(), b"us-ascii".to_vec()));
    let mut before = b'(';
    for (name, value) in list.iter().chain(&charset) {
        out.push(before);
        string(out, name);
        out.push(b' ');
        string(out, value);
        before = b' ';
    }
    out.extend_from_slice(if before == b'(' { b"NIL" } else { b")" });
}

/// `body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc …]]]`
fn single_extension(out: &mut Vec<u8>, content: &Content, extended: bool) {
    if extended {
        out.push(b' ');
        nstring(out, content.md5.as_deref());
        disposition_to_location(out, content);
    }
}

fn disposition_to_location(out: &mut Vec<u8>, content: &Content) {
    match &content.disposition {
        None => out.extend_from_slice(b" NIL"),
        Some((kind, list)) => {
            out.extend_from_slice(b" (");
            string(out, kind);
            out.push(b' ');
            parameters(out, list, false);
            out.push(b')');
        }
    }
    match content.language.as_slice() {
        [] => out.extend_from_slice(b" NIL"),
        [one] => {
            out.push(b' ');
            string(out, one);
        }
        tags => {
            let mut before: &[u8] = b" (";
            for tag in tags {
                out.extend_from_slice(before);
                string(out, tag);
                before = b" ";
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, content.location.as_deref());
}
