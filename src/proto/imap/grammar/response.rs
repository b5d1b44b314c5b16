//! Responses: `response = *(continue-req / response-data) response-done` (RFC 9051 §7, §9), one at a time.

use super::cursor::{Cursor, Read, Stop, is_astring_char};
use super::items::{flag_list, id_params, mailbox, sequence_set, words_to_end};
use super::{Dialect, msg_att};
use crate::base::{Finding, Span};
use crate::proto::imap::response::{
    Code, Condition, ESearch, ListEntry, NamespaceEntry, Response, Status, Untagged,
};
use crate::proto::imap::types::Parsed;

/// Reads a whole framed response.
pub(super) fn response(bytes: &[u8], dialect: Dialect) -> Parsed<Response> {
    let mut c = Cursor::new(bytes, dialect);
    let value = match c.peek() {
        Some(b'+') => Ok(continue_req(&mut c)),
        Some(b'*') => untagged(&mut c),
        _ => tagged(&mut c),
    };
    let value = value.unwrap_or_else(|stop| {
        off(&mut c, stop);
        Response::Unknown
    });
    c.judge_line_end();
    let Cursor { parts, findings, secrets, .. } = c;
    Parsed { value, parts, findings, secrets }
}

fn off(c: &mut Cursor<'_>, stop: Stop) {
    if !c.cut {
        let end = c.bytes.len().max(stop.at);
        let detail = format!("expected {} at octet {}", stop.expected, stop.at);
        c.findings.push(Finding::error("bad-syntax", Span::new(stop.at, end), detail));
    }
}

/// "continue-req = "+" SP (resp-text / base64) CRLF"
fn continue_req(c: &mut Cursor<'_>) -> Response {
    c.at += 1;
    let plus = Span::new(0, 1);
    c.leaf("continuation", plus);
    if !c.eat(b' ') {
        let detail = "a space follows the plus sign";
        c.findings.push(Finding::warning("plus-without-space", plus, detail));
    }
    if c.peek() == Some(b'[') {
        let text = resp_text(c).1;
        end(c);
        return Response::Continue { text };
    }
    let text = free_text(c);
    end(c);
    Response::Continue { text }
}

fn end(c: &mut Cursor<'_>) {
    if let Err(stop) = c.crlf() {
        off(c, stop);
    }
}

/// "response-tagged = tag SP resp-cond-state CRLF"
fn tagged(c: &mut Cursor<'_>) -> Read<Response> {
    let span = c.word(|b| is_astring_char(b) && b != b'+', "a tag, \"*\" or \"+\"")?;
    c.leaf("tag", span);
    let tag = c.text_of(span);
    c.sp()?;
    let at = c.at;
    let word = c.atom("OK, NO or BAD")?;
    let Some(status) = status(&c.upper(word)).filter(|s| matches!(s, Status::Ok | Status::No | Status::Bad))
    else {
        return Err(Stop { at, expected: "OK, NO or BAD" });
    };
    c.leaf("status", word);
    let condition = condition(c, status);
    end(c);
    Ok(Response::Tagged { tag, condition })
}

fn status(word: &str) -> Option<Status> {
    [Status::Ok, Status::No, Status::Bad, Status::Bye, Status::PreAuth].into_iter().find(|s| s.name() == word)
}

/// Behind the status: `SP resp-text`. A missing text is let pass: many servers leave it out.
fn condition(c: &mut Cursor<'_>, status: Status) -> Condition {
    c.eat(b' ');
    let (code, text) = resp_text(c);
    Condition { status, code, text }
}

/// `resp-text = ["[" resp-text-code "]" SP] [text]`
fn resp_text(c: &mut Cursor<'_>) -> (Option<Code>, String) {
    let mut found = None;
    if c.peek() == Some(b'[') {
        let (mark, start) = (c.parts.len(), c.at);
        match c.node("resp-text-code", code) {
            Ok(code) => found = Some(code),
            Err(stop) => {
                // Codes of extensions may hold what this grammar does not know: then keep them as they are.
                c.parts.truncate(mark);
                c.at = start;
                found = raw_code(c);
                if found.is_none() {
                    off(c, stop);
                }
            }
        }
        c.eat(b' ');
    }
    (found, free_text(c))
}

/// "text": the rest of the line.
fn free_text(c: &mut Cursor<'_>) -> String {
    let start = c.at;
    while !c.at_end() {
        c.at += 1;
    }
    let span = c.since(start);
    if !span.is_empty() {
        c.leaf("text", span);
    }
    c.text_of(span)
}

fn raw_code(c: &mut Cursor<'_>) -> Option<Code> {
    let start = c.at;
    c.at += 1;
    let name = c.atom("").ok()?;
    c.eat(b' ');
    let text = c.run(|b| b != b']' && b != b'\r' && b != b'\n');
    c.eat(b']').then_some(())?;
    let span = c.since(start);
    c.leaf("resp-text-code", span);
    Some(Code::Other { name: c.upper(name), text: c.text_of(text) })
}

/// "resp-text-code", with its brackets.
fn code(c: &mut Cursor<'_>) -> Read<Code> {
    c.at += 1;
    let name = c.atom("the name of a response code")?;
    c.leaf("resp-text-code-name", name);
    let name = c.upper(name);
    let code = match name.as_str() {
        "CAPABILITY" => Code::Capability(words_to_end(c, "capability")?),
        "PERMANENTFLAGS" => {
            c.sp()?;
            Code::PermanentFlags(flag_list(c)?)
        }
        "UIDNEXT" => Code::UidNext(sp_number(c)?),
        "UIDVALIDITY" => Code::UidValidity(sp_number(c)?),
        "UNSEEN" => Code::Unseen(sp_number(c)?),
        "APPENDUID" => {
            let uidvalidity = sp_number(c)?;
            c.sp()?;
            Code::AppendUid { uidvalidity, uids: sequence_set(c)? }
        }
        "COPYUID" => {
            let uidvalidity = sp_number(c)?;
            c.sp()?;
            let from = sequence_set(c)?;
            c.sp()?;
            Code::CopyUid { uidvalidity, from, to: sequence_set(c)? }
        }
        "HIGHESTMODSEQ" => {
            c.sp()?;
            Code::HighestModSeq(super::fetch::mod_sequence(c)?)
        }
        "MODIFIED" => {
            c.sp()?;
            Code::Modified(sequence_set(c)?)
        }
        _ => {
            c.eat(b' ');
            let text = c.run(|b| b != b']' && b != b'\r' && b != b'\n');
            Code::Other { name, text: c.text_of(text) }
        }
    };
    c.need(b']', "\"]\"")?;
    Ok(code)
}

fn sp_number(c: &mut Cursor<'_>) -> Read<u32> {
    c.sp()?;
    let at = c.at;
    let number = c.number()?;
    let span = c.since(at);
    c.leaf("number", span);
    Ok(number)
}

/// "response-data = "*" SP (resp-cond-state / resp-cond-bye / mailbox-data / message-data / …) CRLF"
fn untagged(c: &mut Cursor<'_>) -> Read<Response> {
    c.at += 1;
    c.leaf("untagged", Span::new(0, 1));
    c.sp()?;
    let mut name = String::new();
    let data = match c.peek() {
        Some(b'0'..=b'9') => numbered(c, &mut name),
        _ => named(c, &mut name),
    };
    let data = match data {
        Ok(data) => {
            end(c);
            data
        }
        Err(stop) => {
            off(c, stop);
            Untagged::Unknown { name }
        }
    };
    Ok(Response::Untagged(data))
}

/// `nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att))`, `number SP "EXISTS"`, `number SP "RECENT"`.
fn numbered(c: &mut Cursor<'_>, name: &mut String) -> Read<Untagged> {
    let at = c.at;
    let number = c.number()?;
    let span = c.since(at);
    c.leaf("number", span);
    c.sp()?;
    let at = c.at;
    let word = c.atom("EXISTS, RECENT, EXPUNGE or FETCH")?;
    c.leaf("response-name", word);
    *name = c.upper(word);
    match name.as_str() {
        "EXISTS" => Ok(Untagged::Exists(number)),
        "RECENT" => Ok(Untagged::Recent(number)),
        "EXPUNGE" => Ok(Untagged::Expunge(number)),
        "FETCH" => {
            c.sp()?;
            Ok(Untagged::Fetch { seq: number, items: msg_att::msg_att(c)? })
        }
        _ => Err(Stop { at, expected: "EXISTS, RECENT, EXPUNGE or FETCH" }),
    }
}

fn named(c: &mut Cursor<'_>, name: &mut String) -> Read<Untagged> {
    let word = c.atom("the name of a response")?;
    *name = c.upper(word);
    if let Some(status) = status(name) {
        c.leaf("status", word);
        return Ok(Untagged::Condition(condition(c, status)));
    }
    c.leaf("response-name", word);
    Ok(match name.as_str() {
        "CAPABILITY" => Untagged::Capability(words_to_end(c, "capability")?),
        "ENABLED" => Untagged::Enabled(words_to_end(c, "capability")?),
        "LIST" => Untagged::List(list_entry(c)?),
        "LSUB" => Untagged::Lsub(list_entry(c)?),
        "NAMESPACE" => Untagged::Namespace([namespace(c)?, namespace(c)?, namespace(c)?]),
        "STATUS" => status_data(c)?,
        "SEARCH" => search_data(c)?,
        "ESEARCH" => Untagged::ESearch(esearch(c)?),
        "VANISHED" => {
            c.sp()?;
            let earlier = c.eat_word("(EARLIER) ");
            Untagged::Vanished { earlier, uids: sequence_set(c)? }
        }
        "FLAGS" => {
            c.sp()?;
            Untagged::Flags(flag_list(c)?)
        }
        "ID" => {
            c.sp()?;
            Untagged::Id(id_params(c)?)
        }
        _ => {
            let detail = "a response that this grammar does not know; a client passes over it";
            c.findings.push(Finding::hint("unknown-response", word, detail));
            free_text(c);
            Untagged::Unknown { name: name.clone() }
        }
    })
}

/// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]`
fn list_entry(c: &mut Cursor<'_>) -> Read<ListEntry> {
    c.sp()?;
    let attributes = c.node("mbx-list-flags", |c| {
        c.list(|c| {
            let at = c.at;
            c.eat(b'\\');
            c.atom("an attribute such as \\Noselect")?;
            let span = c.since(at);
            c.leaf("mbx-list-flag", span);
            Ok(c.text_of(span))
        })
    })?;
    c.sp()?;
    let delimiter = delimiter(c)?;
    c.sp()?;
    let mailbox = mailbox(c)?;
    if c.eat(b' ') {
        c.node("mbox-list-extended", skip_value)?;
    }
    Ok(ListEntry { attributes, delimiter, mailbox })
}

/// `DQUOTE QUOTED-CHAR DQUOTE / nil`
fn delimiter(c: &mut Cursor<'_>) -> Read<Option<char>> {
    let at = c.at;
    let text = c.nstring()?;
    let span = c.since(at);
    c.leaf("delimiter", span);
    Ok(text.and_then(|text| c.utf8(&text).chars().next()))
}

/// One of the three: `nil / "(" 1*namespace-descr ")"`
fn namespace(c: &mut Cursor<'_>) -> Read<Option<Vec<NamespaceEntry>>> {
    c.sp()?;
    if c.eat_word("NIL") {
        return Ok(None);
    }
    c.node("namespace", |c| {
        c.need(b'(', "\"(\"")?;
        let mut entries = Vec::new();
        while !c.eat(b')') {
            c.eat(b' ');
            c.need(b'(', "\"(\"")?;
            let text = c.string()?;
            c.text_part("namespace-prefix", &text);
            c.sp()?;
            let prefix = c.utf8(&text);
            entries.push(NamespaceEntry { prefix, delimiter: delimiter(c)? });
            while c.eat(b' ') {
                skip_value(c)?;
            }
            c.need(b')', "\")\"")?;
        }
        Ok(Some(entries))
    })
}

/// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`
fn status_data(c: &mut Cursor<'_>) -> Read<Untagged> {
    c.sp()?;
    let mailbox = mailbox(c)?;
    c.sp()?;
    let items = c.node("status-att-list", |c| {
        c.list(|c| {
            let name = c.atom("a status item")?;
            c.leaf("status-att", name);
            c.sp()?;
            let at = c.at;
            skip_value(c)?;
            let value = c.since(at);
            c.leaf("status-att-val", value);
            Ok((c.upper(name), c.text_of(value)))
        })
    })?;
    if c.peek() == Some(b' ') && c.rest().starts_with(b" \r\n") {
        c.at += 1; // a space before the line end: some servers write one
    }
    Ok(Untagged::Status { mailbox, items })
}

/// `"SEARCH" *(SP nz-number) [SP search-sort-mod-seq]`
fn search_data(c: &mut Cursor<'_>) -> Read<Untagged> {
    let (mut numbers, mut modseq) = (Vec::new(), None);
    let (start, mut end) = (c.at, c.at);
    while c.eat(b' ') {
        if c.at_end() {
            break;
        }
        if c.eat_word("(MODSEQ ") {
            modseq = Some(super::fetch::mod_sequence(c)?);
            c.need(b')', "\")\"")?;
        } else {
            if numbers.is_empty() {
                c.leaf("search-numbers", Span::default());
            }
            numbers.push(c.nz_number()?);
            end = c.at;
        }
    }
    if let Some(part) = c.parts.iter_mut().rev().find(|part| part.name == "search-numbers") {
        part.span = Span::new(start + 1, end);
    }
    Ok(Untagged::Search { numbers, modseq })
}

/// `"ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`
fn esearch(c: &mut Cursor<'_>) -> Read<ESearch> {
    let mut found = ESearch::default();
    if c.eat_word(" (TAG ") {
        found.tag = Some(c.astring_part("tag-string")?);
        c.need(b')', "\")\"")?;
    }
    while c.eat(b' ') {
        let name = c.atom("search return data")?;
        c.leaf("search-return-name", name);
        let name = c.upper(name);
        if name == "UID" {
            found.uid = true;
            continue;
        }
        c.sp()?;
        match name.as_str() {
            "MIN" => found.min = Some(c.number()?),
            "MAX" => found.max = Some(c.number()?),
            "COUNT" => found.count = Some(c.number()?),
            "ALL" => found.all = Some(sequence_set(c)?),
            "MODSEQ" => found.modseq = Some(super::fetch::mod_sequence(c)?),
            _ => skip_value(c)?,
        }
    }
    Ok(found)
}

/// Anything that an extension may put where a value stands: an atom, a string, or a list of such.
pub(super) fn skip_value(c: &mut Cursor<'_>) -> Read<()> {
    match c.peek() {
        Some(b'(') => c.deeper(|c| c.list(skip_value).map(drop)),
        Some(b'"' | b'{' | b'~') => c.string().map(drop),
        _ => c.word(|b| is_astring_char(b) || b == b'\\' || b == b'*', "a value").map(drop),
    }
}
