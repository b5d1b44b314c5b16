//! The nonterminals that several commands and responses share: sets, flags, mailboxes, dates (RFC 9051 §9).

use super::Dialect;
use super::cursor::{Cursor, Form, Read, Stop, Text, is_atom_char};
use crate::base::escape::lossy;
use crate::base::{Finding, Span};
use crate::proto::imap::types::{
    Date, DateTime, Flag, IdParams, MONTHS, Partial, Section, SectionText, SeqRange, SequenceSet, StatusItem,
};
use crate::proto::imap::utf7;

/// "mailbox = "INBOX" / astring": decoded; INBOX in any case is INBOX.
pub(super) fn mailbox(c: &mut Cursor<'_>) -> Read<String> {
    let text = c.astring()?;
    Ok(mailbox_name(c, "mailbox", &text))
}

/// Adds the part for a mailbox name (or pattern) and decodes it.
pub(super) fn mailbox_name(c: &mut Cursor<'_>, part: &'static str, text: &Text) -> String {
    c.text_part(part, text);
    if text.value.eq_ignore_ascii_case(b"INBOX") {
        return "INBOX".to_owned();
    }
    if c.dialect == Dialect::Rev2 {
        return c.utf8(text);
    }
    match utf7::decode(&text.value) {
        Ok(name) => name,
        Err(bad) => {
            let id = if text.value.is_ascii() { "bad-modified-utf7" } else { "8bit-mailbox-name" };
            c.findings.push(Finding::warning(id, text.span, format!("not modified UTF-7: {bad}")));
            lossy(&text.value).into_owned()
        }
    }
}

/// "sequence-set = (seq-number / seq-range) ["," sequence-set]", or `$` (RFC 5182).
pub(super) fn sequence_set(c: &mut Cursor<'_>) -> Read<SequenceSet> {
    c.node("sequence-set", |c| {
        if c.eat(b'$') {
            return Ok(SequenceSet { ranges: Vec::new(), saved: true });
        }
        let mut ranges = Vec::new();
        loop {
            let start = seq_number(c)?;
            let end = if c.eat(b':') { seq_number(c)? } else { start };
            ranges.push(SeqRange { start, end });
            if !c.eat(b',') {
                return Ok(SequenceSet { ranges, saved: false });
            }
        }
    })
}

/// `seq-number = nz-number / "*"`
fn seq_number(c: &mut Cursor<'_>) -> Read<Option<u32>> {
    if c.eat(b'*') {
        return Ok(None);
    }
    c.nz_number().map(Some).map_err(|stop| Stop { expected: "a message number, not 0, or \"*\"", ..stop })
}

/// `flag = "\Answered" / … / flag-keyword / flag-extension`, and `\*` where PERMANENTFLAGS may hold it.
pub(super) fn flag(c: &mut Cursor<'_>) -> Read<Flag> {
    let start = c.at;
    if c.eat(b'\\') && !c.eat(b'*') {
        c.atom("the name of a flag")?;
    } else if c.at == start {
        c.atom("a flag")?;
    }
    let span = c.since(start);
    c.leaf("flag", span);
    Ok(Flag::from_name(&c.text_of(span)))
}

/// "flag-list = "(" [flag *(SP flag)] ")""
pub(super) fn flag_list(c: &mut Cursor<'_>) -> Read<Vec<Flag>> {
    c.node("flag-list", |c| c.list(flag))
}

/// "status-att"
pub(super) fn status_item(c: &mut Cursor<'_>) -> Read<StatusItem> {
    let start = c.at;
    let span = c.atom("a status item")?;
    let name = c.upper(span);
    c.leaf("status-att", span);
    match StatusItem::ALL.into_iter().find(|item| item.name() == name) {
        Some(item) => Ok(item),
        None => Err(Stop { at: start, expected: "a status item such as MESSAGES" }),
    }
}

/// "date = date-text / DQUOTE date-text DQUOTE"
pub(super) fn date(c: &mut Cursor<'_>) -> Read<Date> {
    let start = c.at;
    let quoted = c.eat(b'"');
    let digits = c.run(|b| b.is_ascii_digit());
    let date = date_rest(c, digits).ok_or(Stop { at: start, expected: "a date such as 1-Feb-1994" })?;
    if quoted {
        c.need(b'"', "the closing quote")?;
    }
    let span = c.since(start);
    c.leaf("date", span);
    Ok(date)
}

/// `"-" date-month "-" date-year` behind a day.
fn date_rest(c: &mut Cursor<'_>, day: Span) -> Option<Date> {
    // "date-day = 1*2DIGIT"
    let short = day.len() <= 2;
    let day = c.text_of(day).parse::<u8>().ok().filter(|d| short && (1..=31).contains(d))?;
    c.eat(b'-').then_some(())?;
    let month = (1u8..).zip(MONTHS).find(|(_, name)| c.looking_at(name))?.0;
    c.at += 3;
    c.eat(b'-').then_some(())?;
    let year = c.run(|b| b.is_ascii_digit());
    let year = (year.len() == 4).then(|| c.text_of(year).parse().ok()).flatten()?;
    Some(Date { year, month, day })
}

/// "date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE"
pub(super) fn date_time(c: &mut Cursor<'_>) -> Read<DateTime> {
    let start = c.at;
    let value = date_time_inner(c)
        .ok_or(Stop { at: start, expected: "a date and time such as \"17-Jul-1996 02:44:25 -0700\"" })?;
    let span = c.since(start);
    c.leaf("date-time", span);
    Ok(value)
}

fn date_time_inner(c: &mut Cursor<'_>) -> Option<DateTime> {
    c.eat(b'"').then_some(())?;
    c.eat(b' ');
    let day = c.run(|b| b.is_ascii_digit());
    let date = date_rest(c, day)?;
    c.eat(b' ').then_some(())?;
    let hour = two_digits(c, 23)?;
    c.eat(b':').then_some(())?;
    let minute = two_digits(c, 59)?;
    c.eat(b':').then_some(())?;
    let second = two_digits(c, 60)?;
    c.eat(b' ').then_some(())?;
    let sign = match c.peek()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    c.at += 1;
    let zone = i16::from(two_digits(c, 99)?) * 60 + i16::from(two_digits(c, 59)?);
    c.eat(b'"').then_some(())?;
    Some(DateTime { date, hour, minute, second, zone: sign * zone })
}

fn two_digits(c: &mut Cursor<'_>, most: u8) -> Option<u8> {
    let span = Span::new(c.at, c.at + 2);
    let digits = span.of(c.bytes);
    let good = digits.len() == 2 && digits.iter().all(u8::is_ascii_digit);
    let value = c.text_of(span).parse::<u8>().ok().filter(|&n| good && n <= most)?;
    c.at += 2;
    Some(value)
}

/// `section = "[" [section-spec] "]"`
pub(super) fn section(c: &mut Cursor<'_>) -> Read<Section> {
    c.node("section", |c| {
        c.need(b'[', "\"[\"")?;
        let mut part = Vec::new();
        if c.peek().is_some_and(|b| b.is_ascii_digit()) {
            part = section_part(c)?;
            if c.eat(b']') {
                return Ok(Section { part, text: None });
            }
            c.need(b'.', "\".\" or \"]\"")?;
        } else if c.eat(b']') {
            return Ok(Section::default());
        }
        let text = section_text(c, !part.is_empty())?;
        c.need(b']', "\"]\"")?;
        Ok(Section { part, text: Some(text) })
    })
}

/// "section-part = nz-number *("." nz-number)"; leaves a "." that a word follows.
pub(super) fn section_part(c: &mut Cursor<'_>) -> Read<Vec<u32>> {
    let start = c.at;
    let mut part = vec![c.nz_number()?];
    while let [b'.', b'0'..=b'9', ..] = c.rest() {
        if part.len() >= super::MAX_NESTING {
            return c.stop("fewer than 100 part numbers");
        }
        c.at += 1;
        part.push(c.nz_number()?);
    }
    let span = c.since(start);
    c.leaf("section-part", span);
    Ok(part)
}

/// "section-text = section-msgtext / "MIME""
fn section_text(c: &mut Cursor<'_>, in_part: bool) -> Read<SectionText> {
    c.node("section-text", |c| {
        let at = c.at;
        let word = c.atom("HEADER, HEADER.FIELDS, TEXT or MIME")?;
        match c.upper(word).as_str() {
            "HEADER" => Ok(SectionText::Header),
            "TEXT" => Ok(SectionText::Text),
            "MIME" if in_part => Ok(SectionText::Mime),
            name @ ("HEADER.FIELDS" | "HEADER.FIELDS.NOT") => {
                c.sp()?;
                let fields = c.node("header-list", |c| c.list1(|c| c.astring_part("header-fld-name")))?;
                Ok(SectionText::HeaderFields { not: name.ends_with("NOT"), fields })
            }
            _ => Err(Stop { at, expected: "HEADER, HEADER.FIELDS, TEXT, or MIME behind a part number" }),
        }
    })
}

/// "partial = "<" number64 "." nz-number64 ">"", where one stands.
pub(super) fn partial(c: &mut Cursor<'_>) -> Read<Option<Partial>> {
    if c.peek() != Some(b'<') {
        return Ok(None);
    }
    c.node("partial", |c| {
        c.at += 1;
        let offset = c.number64()?;
        c.need(b'.', "\".\"")?;
        if c.peek() == Some(b'0') {
            return c.stop("a length that is not 0");
        }
        let length = c.number64()?;
        c.need(b'>', "\">\"")?;
        Ok(Some(Partial { offset, length }))
    })
}

/// "id-params-list" of RFC 2971: NIL, or a list of pairs.
pub(super) fn id_params(c: &mut Cursor<'_>) -> Read<IdParams> {
    if c.eat_word("NIL") {
        return Ok(None);
    }
    c.node("id-params", |c| {
        c.list(|c| {
            let name = c.string()?;
            c.text_part("id-field", &name);
            c.sp()?;
            let at = c.at;
            let value = c.nstring()?;
            match &value {
                Some(text) => c.text_part("id-value", text),
                None => {
                    let span = c.since(at);
                    c.leaf("id-value", span);
                }
            }
            let value = value.map(|text| c.utf8(&text));
            Ok((c.utf8(&name), value))
        })
        .map(Some)
    })
}

/// A list of words such as capabilities, in upper case, until the line ends.
pub(super) fn words_to_end(c: &mut Cursor<'_>, part: &'static str) -> Read<Vec<String>> {
    let mut words = Vec::new();
    while c.eat(b' ') {
        if c.at_end() && !words.is_empty() {
            break; // a space before the line end: many servers write one
        }
        let span = c.word(|b| is_atom_char(b) && b != b']', "a name")?;
        c.leaf(part, span);
        words.push(c.upper(span));
    }
    Ok(words)
}

/// Whether the text was sent as a `~{n}` literal.
pub(super) fn is_binary(text: &Text) -> bool {
    text.form == Form::Literal { binary: true }
}
