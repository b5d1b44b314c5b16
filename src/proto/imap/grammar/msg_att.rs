//! What a FETCH response tells of a message: "msg-att", "envelope", "body" (RFC 9051 §7.5.2, §9), and the parts of a
//! message in a literal.

use super::cursor::{Cursor, Read, Stop, Text};
use super::items::{date_time, flag_list, section, section_part};
use super::response::skip_value;
use crate::base::{Part, Span};
use crate::proto::imap::response::{Address, BodyStructure, Envelope, FetchData, Params, SinglePart};
use crate::proto::imap::types::{Section, SectionText};
use std::sync::Arc;

/// `msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP …) ")"`
pub(super) fn msg_att(c: &mut Cursor<'_>) -> Read<Vec<FetchData>> {
    c.list(|c| c.node("msg-att", item))
}

fn item(c: &mut Cursor<'_>) -> Read<FetchData> {
    let span = c.word(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'), "a data item")?;
    c.leaf("msg-att-name", span);
    let name = c.upper(span);
    let item = match name.as_str() {
        "BODY" if c.peek() == Some(b'[') => body_section(c)?,
        "BINARY" | "BINARY.SIZE" if c.peek() == Some(b'[') => binary(c, &name)?,
        _ => {
            c.sp()?;
            value(c, name)?
        }
    };
    Ok(item)
}

fn value(c: &mut Cursor<'_>, name: String) -> Read<FetchData> {
    let start = c.at;
    let (item, part) = match name.as_str() {
        "UID" => (FetchData::Uid(c.nz_number()?), "uniqueid"),
        "FLAGS" => return flag_list(c).map(FetchData::Flags),
        "INTERNALDATE" => return date_time(c).map(FetchData::InternalDate),
        "RFC822.SIZE" => (FetchData::Size(c.number64()?), "number"),
        "MODSEQ" => {
            c.need(b'(', "\"(\"")?;
            let value = c.number64()?;
            c.need(b')', "\")\"")?;
            (FetchData::ModSeq(value), "mod-sequence-value")
        }
        "ENVELOPE" => return envelope(c).map(|e| FetchData::Envelope(Box::new(e))),
        "BODY" | "BODYSTRUCTURE" => {
            let extended = name == "BODYSTRUCTURE";
            return body(c).map(|b| FetchData::Structure { extended, body: Box::new(b) });
        }
        "RFC822" => return section_data(c, Section::default(), None),
        "RFC822.HEADER" => return section_data(c, text_section(SectionText::Header), None),
        "RFC822.TEXT" => return section_data(c, text_section(SectionText::Text), None),
        _ => {
            skip_value(c)?;
            let span = c.since(start);
            c.leaf("msg-att-value", span);
            return Ok(FetchData::Other { name, text: c.text_of(span) });
        }
    };
    let span = c.since(start);
    c.leaf(part, span);
    Ok(item)
}

fn text_section(text: SectionText) -> Section {
    Section { part: Vec::new(), text: Some(text) }
}

/// `"BODY" section ["<" number ">"] SP nstring`
fn body_section(c: &mut Cursor<'_>) -> Read<FetchData> {
    let section = section(c)?;
    let mut origin = None;
    let start = c.at;
    if c.eat(b'<') {
        origin = Some(c.number64()?);
        c.need(b'>', "\">\"")?;
        let span = c.since(start);
        c.leaf("origin", span);
    }
    c.sp()?;
    section_data(c, section, origin)
}

fn section_data(c: &mut Cursor<'_>, section: Section, origin: Option<u64>) -> Read<FetchData> {
    let start = c.at;
    let text = c.nstring()?;
    let data = match text {
        Some(text) => {
            let inside = match (&section.text, origin.unwrap_or(0)) {
                (None, 0) if section.part.is_empty() => message_parts(c.bytes, text.inner, true),
                (Some(SectionText::Text) | None, _) => Vec::new(),
                (Some(_), 0) => message_parts(c.bytes, text.inner, false),
                _ => Vec::new(),
            };
            let whole = if section == Section::default() { "message" } else { "section-data" };
            let mut parts = Vec::new();
            if text.inner.start > text.span.start + 1 {
                parts.push(Part::leaf("literal-size", Span::new(text.span.start, text.inner.start)));
            }
            parts.push(Part::node(whole, text.inner, inside));
            c.parts.push(Part::node("nstring", text.span, parts));
            Some(Arc::from(text.value))
        }
        None => {
            let span = c.since(start);
            c.leaf("nil", span);
            None
        }
    };
    Ok(FetchData::Section { section, origin, data })
}

/// `"BINARY" section-binary SP (nstring / literal8)`, `"BINARY.SIZE" section-binary SP number`
fn binary(c: &mut Cursor<'_>, name: &str) -> Read<FetchData> {
    let start = c.at;
    c.at += 1;
    let part = if c.peek() == Some(b']') { Vec::new() } else { section_part(c)? };
    c.need(b']', "\"]\"")?;
    if name == "BINARY" && c.eat_word("<") {
        c.number64()?;
        c.need(b'>', "\">\"")?;
    }
    c.sp()?;
    if name == "BINARY" {
        let text = c.nstring()?;
        if let Some(text) = &text {
            c.text_part("section-data", text);
        }
        return Ok(FetchData::Binary { part, data: text.map(|t| Arc::from(t.value)) });
    }
    skip_value(c)?;
    let span = c.since(start);
    Ok(FetchData::Other { name: name.to_owned(), text: c.text_of(span) })
}

/// Header fields, the line between, and the body of a message that stands at `span`: one look at each header octet,
/// none at the body.
pub(super) fn message_parts(bytes: &[u8], span: Span, with_body: bool) -> Vec<Part> {
    /// More fields than this are one part: a flood of them must not cost a tree.
    const MOST_FIELDS: usize = 1000;
    let text = span.of(bytes);
    let (mut parts, mut at, mut field_start) = (Vec::new(), 0, 0);
    let mut open = false;
    while at < text.len() && parts.len() < MOST_FIELDS {
        let rest = text.get(at..).unwrap_or_default();
        let line_end = rest.iter().position(|&b| b == b'\n').map_or(text.len(), |i| at + i + 1);
        let folded = matches!(rest.first(), Some(b' ' | b'\t'));
        if open && !folded {
            parts.push(field(text, field_start, at, span.start));
            open = false;
        }
        if matches!(rest, [b'\r', b'\n', ..] | [b'\n', ..]) {
            parts.push(Part::leaf("header-end", Span::new(at, line_end).shifted(span.start)));
            at = line_end;
            break;
        }
        if !open {
            field_start = at;
            open = true;
        }
        at = line_end;
    }
    if open {
        parts.push(field(text, field_start, at, span.start));
    }
    if with_body && at < text.len() {
        parts.push(Part::leaf("body", Span::new(at, text.len()).shifted(span.start)));
    }
    parts
}

fn field(text: &[u8], start: usize, end: usize, shift: usize) -> Part {
    let line = Span::new(start, end).of(text);
    let trimmed = line.strip_suffix(b"\n").unwrap_or(line);
    let trimmed = trimmed.strip_suffix(b"\r").unwrap_or(trimmed);
    let inside = match line.iter().position(|&b| b == b':') {
        Some(colon) => {
            let blanks = trimmed.iter().skip(colon + 1).take_while(|b| matches!(b, b' ' | b'\t')).count();
            vec![
                Part::leaf("field-name", Span::new(start, start + colon)),
                Part::leaf("field-body", Span::new(start + colon + 1 + blanks, start + trimmed.len())),
            ]
        }
        None => Vec::new(),
    };
    Part::node("header-field", Span::new(start, end), inside).shifted(shift)
}

/// `envelope = "(" env-date SP env-subject SP env-from SP … SP env-message-id ")"`
fn envelope(c: &mut Cursor<'_>) -> Read<Envelope> {
    c.node("envelope", |c| {
        c.need(b'(', "\"(\"")?;
        let mut e = Envelope { date: nstring_part(c, "env-date")?, ..Envelope::default() };
        c.sp()?;
        e.subject = nstring_part(c, "env-subject")?;
        e.from = addresses(c, "env-from")?;
        e.sender = addresses(c, "env-sender")?;
        e.reply_to = addresses(c, "env-reply-to")?;
        e.to = addresses(c, "env-to")?;
        e.cc = addresses(c, "env-cc")?;
        e.bcc = addresses(c, "env-bcc")?;
        c.sp()?;
        e.in_reply_to = nstring_part(c, "env-in-reply-to")?;
        c.sp()?;
        e.message_id = nstring_part(c, "env-message-id")?;
        c.need(b')', "\")\"")?;
        Ok(e)
    })
}

fn nstring_part(c: &mut Cursor<'_>, name: &'static str) -> Read<Option<String>> {
    let start = c.at;
    match c.nstring()? {
        Some(text) => {
            c.text_part(name, &text);
            Ok(Some(lossy(&text)))
        }
        None => {
            let span = c.since(start);
            c.leaf(name, span);
            Ok(None)
        }
    }
}

fn lossy(text: &Text) -> String {
    crate::base::escape::lossy(&text.value).into_owned()
}

/// `SP ("(" 1*address ")" / nil)`
fn addresses(c: &mut Cursor<'_>, name: &'static str) -> Read<Vec<Address>> {
    c.sp()?;
    c.node(name, |c| {
        let mut all = Vec::new();
        if c.eat_word("NIL") {
            return Ok(all);
        }
        c.need(b'(', "\"(\" or NIL")?;
        while !c.eat(b')') {
            c.eat(b' '); // some servers put a space between
            all.push(c.node("address", |c| {
                c.need(b'(', "\"(\"")?;
                let name = nstring_part(c, "addr-name")?;
                c.sp()?;
                let adl = nstring_part(c, "addr-adl")?;
                c.sp()?;
                let mailbox = nstring_part(c, "addr-mailbox")?;
                c.sp()?;
                let host = nstring_part(c, "addr-host")?;
                c.need(b')', "\")\"")?;
                Ok(Address { name, adl, mailbox, host })
            })?);
        }
        Ok(all)
    })
}

/// `body = "(" (body-type-1part / body-type-mpart) ")"`
fn body(c: &mut Cursor<'_>) -> Read<BodyStructure> {
    c.deeper(|c| {
        c.node("body", |c| {
            c.need(b'(', "\"(\"")?;
            let body = if c.peek() == Some(b'(') { multi(c)? } else { single(c)? };
            c.need(b')', "\")\"")?;
            Ok(body)
        })
    })
}

/// `body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]`
fn multi(c: &mut Cursor<'_>) -> Read<BodyStructure> {
    let mut parts = vec![body(c)?];
    while c.peek() != Some(b' ') || c.rest().starts_with(b" (") {
        c.eat(b' ');
        parts.push(body(c)?);
    }
    c.sp()?;
    let subtype = string_part(c, "media-subtype")?;
    let mut params = Vec::new();
    if c.eat(b' ') {
        params = body_params(c)?;
        extensions(c)?;
    }
    Ok(BodyStructure::Multi { parts, subtype, params })
}

/// `body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]`
fn single(c: &mut Cursor<'_>) -> Read<BodyStructure> {
    let mut part = SinglePart { media: string_part(c, "media-type")?, ..SinglePart::default() };
    c.sp()?;
    part.subtype = string_part(c, "media-subtype")?;
    c.sp()?;
    part.params = body_params(c)?;
    c.sp()?;
    part.id = nstring_part(c, "body-fld-id")?;
    c.sp()?;
    part.description = nstring_part(c, "body-fld-desc")?;
    c.sp()?;
    part.encoding = nstring_part(c, "body-fld-enc")?.unwrap_or_default();
    c.sp()?;
    part.octets = number_part(c, "body-fld-octets")?;
    let is = |what: &str, word: &str| what.eq_ignore_ascii_case(word);
    let embedded = is(&part.subtype, "RFC822") || is(&part.subtype, "GLOBAL");
    if is(&part.media, "MESSAGE") && embedded && c.rest().starts_with(b" (") {
        c.sp()?;
        let envelope = envelope(c)?;
        c.sp()?;
        part.message = Some((envelope, body(c)?));
    }
    if part.message.is_some() || is(&part.media, "TEXT") {
        c.sp()?;
        part.lines = Some(number_part(c, "body-fld-lines")?);
    }
    if c.eat(b' ') {
        nstring_part(c, "body-fld-md5")?;
        if c.eat(b' ') {
            part.disposition = disposition(c)?;
            extensions(c)?;
        }
    }
    Ok(BodyStructure::Single(Box::new(part)))
}

/// What may still come: language, location, extensions. Read, and not kept.
fn extensions(c: &mut Cursor<'_>) -> Read<()> {
    let start = c.at;
    while c.eat(b' ') {
        skip_value(c)?;
    }
    let span = c.since(start);
    if !span.is_empty() {
        c.leaf("body-extension", span);
    }
    Ok(())
}

fn number_part(c: &mut Cursor<'_>, name: &'static str) -> Read<u64> {
    let start = c.at;
    let number = c.number64()?;
    let span = c.since(start);
    c.leaf(name, span);
    Ok(number)
}

fn string_part(c: &mut Cursor<'_>, name: &'static str) -> Read<String> {
    let at = c.at;
    nstring_part(c, name)?.ok_or(Stop { at, expected: "a string" })
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`
fn body_params(c: &mut Cursor<'_>) -> Read<Params> {
    c.node("body-fld-param", params)
}

fn params(c: &mut Cursor<'_>) -> Read<Params> {
    if c.eat_word("NIL") {
        return Ok(Vec::new());
    }
    c.list(|c| {
        let name = string_part(c, "param-name")?;
        c.sp()?;
        Ok((name, nstring_part(c, "param-value")?.unwrap_or_default()))
    })
}

/// `body-fld-dsp = "(" string SP body-fld-param ")" / nil`
fn disposition(c: &mut Cursor<'_>) -> Read<Option<(String, Params)>> {
    c.node("body-fld-dsp", |c| {
        if c.eat_word("NIL") {
            return Ok(None);
        }
        c.need(b'(', "\"(\" or NIL")?;
        let kind = string_part(c, "disposition-type")?;
        c.sp()?;
        let params = params(c)?;
        c.need(b')', "\")\"")?;
        Ok(Some((kind, params)))
    })
}
