//! FETCH and STORE: data items, macros, modifiers (RFC 9051 §6.4.5, §6.4.6, RFC 7162 §7).

use super::cursor::{Cursor, Read, Stop};
use super::items::{flag, flag_list, partial, section, section_part, sequence_set};
use crate::proto::imap::types::{CommandBody, FetchItem, StoreOp};

/// Behind `FETCH`: `SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" … ")") [fetch-modifiers]`.
pub(super) fn fetch(c: &mut Cursor<'_>, uid: bool) -> Read<CommandBody> {
    c.sp()?;
    let set = sequence_set(c)?;
    c.sp()?;
    let items = match fetch_macro(c) {
        Some(items) => items,
        None if c.peek() == Some(b'(') => c.node("fetch-atts", |c| c.list1(fetch_att))?,
        None => vec![fetch_att(c)?],
    };
    let (mut changed_since, mut vanished) = (None, false);
    if c.eat(b' ') {
        c.node("fetch-modifiers", |c| {
            c.list1(|c| {
                if c.eat_word("CHANGEDSINCE ") {
                    changed_since = Some(mod_sequence(c)?);
                } else if c.eat_word("VANISHED") {
                    vanished = true;
                } else {
                    return c.stop("CHANGEDSINCE or VANISHED");
                }
                Ok(())
            })
        })?;
    }
    Ok(CommandBody::Fetch { uid, set, items, changed_since, vanished })
}

/// "mod-sequence-value"
pub(super) fn mod_sequence(c: &mut Cursor<'_>) -> Read<u64> {
    let at = c.at;
    let value = c.number64()?;
    let span = c.since(at);
    c.leaf("mod-sequence-value", span);
    Ok(value)
}

/// A macro, which stands alone: ALL, FAST or FULL (RFC 9051 §6.4.5).
fn fetch_macro(c: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    let at = c.at;
    let span = c.atom("").ok()?;
    let items = match c.upper(span).as_str() {
        "FAST" => vec![Flags, InternalDate, Rfc822Size],
        "ALL" => vec![Flags, InternalDate, Rfc822Size, Envelope],
        "FULL" => vec![Flags, InternalDate, Rfc822Size, Envelope, Body],
        _ => {
            c.at = at;
            return None;
        }
    };
    c.leaf("fetch-macro", span);
    Some(items)
}

/// "fetch-att"
fn fetch_att(c: &mut Cursor<'_>) -> Read<FetchItem> {
    c.node("fetch-att", |c| {
        let at = c.at;
        let name = c.word(|b| b.is_ascii_alphanumeric() || b == b'.', "a data item")?;
        let item = match c.upper(name).as_str() {
            "ENVELOPE" => FetchItem::Envelope,
            "FLAGS" => FetchItem::Flags,
            "INTERNALDATE" => FetchItem::InternalDate,
            "RFC822" => FetchItem::Rfc822,
            "RFC822.HEADER" => FetchItem::Rfc822Header,
            "RFC822.SIZE" => FetchItem::Rfc822Size,
            "RFC822.TEXT" => FetchItem::Rfc822Text,
            "BODYSTRUCTURE" => FetchItem::BodyStructure,
            "UID" => FetchItem::Uid,
            "MODSEQ" => FetchItem::ModSeq,
            "EMAILID" => FetchItem::EmailId,
            "THREADID" => FetchItem::ThreadId,
            "PREVIEW" => FetchItem::Preview { lazy: c.eat_word(" (LAZY)") },
            "BODY" if c.peek() != Some(b'[') => FetchItem::Body,
            body @ ("BODY" | "BODY.PEEK") => {
                let section = section(c)?;
                FetchItem::Section { peek: body == "BODY.PEEK", section, partial: partial(c)? }
            }
            binary @ ("BINARY" | "BINARY.PEEK") => {
                let part = section_binary(c)?;
                FetchItem::Binary { peek: binary == "BINARY.PEEK", part, partial: partial(c)? }
            }
            "BINARY.SIZE" => FetchItem::BinarySize { part: section_binary(c)? },
            _ => return Err(Stop { at, expected: "a data item such as FLAGS or BODY[]" }),
        };
        Ok(item)
    })
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(c: &mut Cursor<'_>) -> Read<Vec<u32>> {
    c.node("section-binary", |c| {
        c.need(b'[', "\"[\"")?;
        let part = if c.peek() == Some(b']') { Vec::new() } else { section_part(c)? };
        c.need(b']', "\"]\"")?;
        Ok(part)
    })
}

/// Behind `STORE`: `SP sequence-set [store-modifiers] SP store-att-flags`.
pub(super) fn store(c: &mut Cursor<'_>, uid: bool) -> Read<CommandBody> {
    c.sp()?;
    let set = sequence_set(c)?;
    c.sp()?;
    let mut unchanged_since = None;
    if c.peek() == Some(b'(') {
        c.node("store-modifiers", |c| {
            c.list1(|c| {
                if !c.eat_word("UNCHANGEDSINCE ") {
                    return c.stop("UNCHANGEDSINCE");
                }
                unchanged_since = Some(mod_sequence(c)?);
                Ok(())
            })
        })?;
        c.sp()?;
    }
    let start = c.at;
    let op = match c.peek() {
        Some(b'+') => StoreOp::Add,
        Some(b'-') => StoreOp::Remove,
        _ => StoreOp::Set,
    };
    c.at += usize::from(op != StoreOp::Set);
    if !c.eat_word("FLAGS") {
        return c.stop("FLAGS, +FLAGS or -FLAGS");
    }
    let silent = c.eat_word(".SILENT");
    let span = c.since(start);
    c.leaf("store-op", span);
    c.sp()?;
    // "store-att-flags = … (flag-list / (flag *(SP flag)))"
    let flags = if c.peek() == Some(b'(') { flag_list(c)? } else { bare_flags(c)? };
    Ok(CommandBody::Store { uid, set, op, silent, flags, unchanged_since })
}

fn bare_flags(c: &mut Cursor<'_>) -> Read<Vec<crate::proto::imap::types::Flag>> {
    let mut flags = vec![flag(c)?];
    while c.eat(b' ') {
        flags.push(flag(c)?);
    }
    Ok(flags)
}
