//! SEARCH: its return options, charset and tree of keys (RFC 9051 §6.4.4, RFC 4731, RFC 5182).

use super::cursor::{Cursor, Read, Stop};
use super::items::{date, sequence_set};
use crate::proto::imap::types::{CommandBody, Flag, SearchKey, SearchReturn};

/// Behind `SEARCH`: `[SP "RETURN" SP "(" … ")"] [SP "CHARSET" SP charset] 1*(SP search-key)`.
pub(super) fn search(c: &mut Cursor<'_>, uid: bool) -> Read<CommandBody> {
    c.sp()?;
    let mut returns = None;
    if c.looking_at("RETURN ") {
        c.at += "RETURN ".len();
        returns = Some(c.node("search-return-opts", |c| c.list(search_return))?);
        c.sp()?;
    }
    let mut charset = None;
    if c.looking_at("CHARSET ") {
        c.at += "CHARSET ".len();
        charset = Some(c.astring_part("charset")?.to_ascii_uppercase());
        c.sp()?;
    }
    let mut keys = vec![search_key(c)?];
    while c.eat(b' ') {
        keys.push(search_key(c)?);
    }
    Ok(CommandBody::Search { uid, returns, charset, key: all_of(keys) })
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.pop() {
        Some(only) if keys.is_empty() => only,
        Some(last) => {
            keys.push(last);
            SearchKey::And(keys)
        }
        None => SearchKey::All,
    }
}

fn search_return(c: &mut Cursor<'_>) -> Read<SearchReturn> {
    use SearchReturn::{All, Count, Max, Min, Save};
    let at = c.at;
    let span = c.atom("MIN, MAX, ALL, COUNT or SAVE")?;
    c.leaf("search-return-opt", span);
    let name = c.upper(span);
    let known = [Min, Max, All, Count, Save].into_iter().find(|r| r.name() == name);
    known.ok_or(Stop { at, expected: "MIN, MAX, ALL, COUNT or SAVE" })
}

/// "search-key"
fn search_key(c: &mut Cursor<'_>) -> Read<SearchKey> {
    c.deeper(|c| {
        c.node("search-key", |c| match c.peek() {
            Some(b'(') => Ok(all_of(c.list1(search_key)?)),
            Some(b'0'..=b'9' | b'*' | b'$') => sequence_set(c).map(SearchKey::Sequence),
            _ => named_key(c),
        })
    })
}

fn named_key(c: &mut Cursor<'_>) -> Read<SearchKey> {
    let at = c.at;
    let word = c.atom("a search key")?;
    let name = c.upper(word);
    c.leaf("search-key-name", word);
    let key = match name.as_str() {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Flag(Flag::Answered),
        "DELETED" => SearchKey::Flag(Flag::Deleted),
        "DRAFT" => SearchKey::Flag(Flag::Draft),
        "FLAGGED" => SearchKey::Flag(Flag::Flagged),
        "SEEN" => SearchKey::Flag(Flag::Seen),
        "RECENT" => SearchKey::Flag(Flag::Recent),
        "UNANSWERED" => SearchKey::NotFlag(Flag::Answered),
        "UNDELETED" => SearchKey::NotFlag(Flag::Deleted),
        "UNDRAFT" => SearchKey::NotFlag(Flag::Draft),
        "UNFLAGGED" => SearchKey::NotFlag(Flag::Flagged),
        "UNSEEN" => SearchKey::NotFlag(Flag::Seen),
        "OLD" => SearchKey::NotFlag(Flag::Recent),
        "NEW" => SearchKey::New,
        _ => {
            c.sp().map_err(|stop| Stop {
                expected: "a search key that this grammar knows",
                at: at.min(stop.at),
            })?;
            return key_with_argument(c, &name, at);
        }
    };
    Ok(key)
}

fn key_with_argument(c: &mut Cursor<'_>, name: &str, at: usize) -> Read<SearchKey> {
    let key = match name {
        "KEYWORD" => SearchKey::Flag(keyword(c)?),
        "UNKEYWORD" => SearchKey::NotFlag(keyword(c)?),
        "BCC" => SearchKey::Bcc(text(c)?),
        "CC" => SearchKey::Cc(text(c)?),
        "FROM" => SearchKey::From(text(c)?),
        "TO" => SearchKey::To(text(c)?),
        "SUBJECT" => SearchKey::Subject(text(c)?),
        "BODY" => SearchKey::Body(text(c)?),
        "TEXT" => SearchKey::Text(text(c)?),
        "HEADER" => {
            let field = c.astring_part("header-fld-name")?;
            c.sp()?;
            SearchKey::Header(field, text(c)?)
        }
        "BEFORE" => SearchKey::Before(date(c)?),
        "ON" => SearchKey::On(date(c)?),
        "SINCE" => SearchKey::Since(date(c)?),
        "SENTBEFORE" => SearchKey::SentBefore(date(c)?),
        "SENTON" => SearchKey::SentOn(date(c)?),
        "SENTSINCE" => SearchKey::SentSince(date(c)?),
        "LARGER" => SearchKey::Larger(c.number64()?),
        "SMALLER" => SearchKey::Smaller(c.number64()?),
        "OLDER" => SearchKey::Older(c.nz_number()?),
        "YOUNGER" => SearchKey::Younger(c.nz_number()?),
        "UID" => SearchKey::Uid(sequence_set(c)?),
        "NOT" => SearchKey::Not(Box::new(search_key(c)?)),
        "OR" => {
            let one = search_key(c)?;
            c.sp()?;
            SearchKey::Or(Box::new(one), Box::new(search_key(c)?))
        }
        "MODSEQ" => mod_seq(c)?,
        "EMAILID" => SearchKey::EmailId(c.astring_part("objectid")?),
        "THREADID" => SearchKey::ThreadId(c.astring_part("objectid")?),
        _ => return Err(Stop { at, expected: "a search key that this grammar knows" }),
    };
    Ok(key)
}

fn text(c: &mut Cursor<'_>) -> Read<String> {
    c.astring_part("search-text")
}

/// "flag-keyword": an atom.
fn keyword(c: &mut Cursor<'_>) -> Read<Flag> {
    let span = c.atom("a keyword")?;
    c.leaf("flag-keyword", span);
    Ok(Flag::Keyword(c.text_of(span)))
}

/// `"MODSEQ" [search-modseq-ext] SP mod-sequence-valzer` (RFC 7162 §7); the metadata item is read and not kept.
fn mod_seq(c: &mut Cursor<'_>) -> Read<SearchKey> {
    if c.peek() == Some(b'"') {
        let entry = c.string()?;
        c.text_part("entry-name", &entry);
        c.sp()?;
        let span = c.atom("priv, shared or all")?;
        c.leaf("entry-type-req", span);
        c.sp()?;
    }
    let at = c.at;
    let value = c.number64()?;
    let span = c.since(at);
    c.leaf("mod-sequence-value", span);
    Ok(SearchKey::ModSeq(value))
}
