//! Exim's main log: `2024-01-01 12:00:00 1rKAbc-000123-XY => bob@example.net R=dnslookup T=remote_smtp H=mx [ip] C="…"`.
//!
//! The flags are in Exim's specification: `<=` arrival, `=>` delivery, `->` another address in the same delivery,
//! `**` failed, `==` deferred, `*>` held back.

use super::reply;
use super::{Entry, Event, Family};
use std::collections::BTreeMap;

/// A line of Exim.
pub fn entry(line: usize, text: &str) -> Option<Entry> {
    let date = text.get(..19)?;
    let digits = |range: std::ops::Range<usize>| {
        date.get(range).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()))
    };
    let is_time = digits(0..4) && digits(5..7) && digits(11..13) && date.get(10..11) == Some(" ");
    if !is_time || date.get(4..5) != Some("-") {
        return None;
    }
    // Behind the time may stand a zone and a process: "+0100 [1234] ".
    let mut rest = text
        .get(19..)?
        .trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        .trim_start();
    while rest.starts_with(['+', '[']) {
        rest = rest.split_once(' ')?.1;
    }
    let (id, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let (queue_id, rest) = if is_id(id) { (id, after) } else { ("", rest) };
    let (flag, address) = rest.split_once(' ').unwrap_or((rest, ""));
    let event = match flag {
        "<=" => Event::Received,
        "=>" | "->" | ">>" => Event::Sent,
        "**" => Event::Bounced,
        "==" | "*>" => Event::Deferred,
        "Completed" => Event::Removed,
        _ if rest.contains("rejected ") || rest.contains("temporarily rejected") => Event::Rejected,
        _ if rest.starts_with("SMTP connection from") => Event::Connected,
        _ if queue_id.is_empty() && !rest.starts_with("H=") => return None,
        _ => Event::Other,
    };
    let mut fields = pairs(rest);
    if matches!(flag, "<=" | "=>" | "->" | "**" | "==") {
        let name = if flag == "<=" { "from" } else { "to" };
        let address = address.split(' ').next().unwrap_or_default().trim_end_matches(':');
        fields.insert(name.to_owned(), address.to_owned());
    }
    let said = quoted(rest);
    Some(Entry {
        line,
        text: text.to_owned(),
        family: Family::Exim,
        program: "exim".to_owned(),
        time: date.to_owned(),
        queue_id: queue_id.to_owned(),
        event,
        fields,
        said,
    })
}

/// "1rKAbc-000123-XY", and since Exim 4.97 "1rKAbc-00000000123-XYZA".
fn is_id(word: &str) -> bool {
    let mut pieces = word.split('-');
    let fits = |piece: Option<&str>, lengths: [usize; 2]| {
        piece.is_some_and(|p| lengths.contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    fits(pieces.next(), [6, 6])
        && fits(pieces.next(), [6, 11])
        && fits(pieces.next(), [2, 4])
        && pieces.next().is_none()
}

/// `H=`, `P=`, `R=`, `T=`, `S=`, `X=` and their kind; H has an address behind it.
fn pairs(rest: &str) -> BTreeMap<String, String> {
    const NAMES: [(&str, &str); 9] = [
        ("H=", "relay"),
        ("P=", "protocol"),
        ("R=", "router"),
        ("T=", "transport"),
        ("S=", "size"),
        ("X=", "tls"),
        ("A=", "auth"),
        ("id=", "message-id"),
        ("F=", "from"),
    ];
    let mut out = BTreeMap::new();
    let mut words = rest.split(' ').take(200).peekable();
    while let Some(word) = words.next() {
        let Some((prefix, name)) = NAMES.iter().find(|(prefix, _)| word.starts_with(prefix)) else {
            continue;
        };
        let mut value = word.get(prefix.len()..).unwrap_or_default().to_owned();
        if *name == "relay" {
            while let Some(next) = words.next_if(|w| w.starts_with(['[', '('])) {
                value.push(' ');
                value.push_str(next.trim_end_matches(':'));
            }
        }
        out.insert((*name).to_owned(), value);
    }
    out
}

/// The other side's words: `C="250 OK"`, or behind "SMTP error from remote mail server after RCPT TO:<…>: host …: ".
fn quoted(rest: &str) -> Option<super::Said> {
    if let Some((_, words)) = rest.split_once("C=\"") {
        return reply::find(words.split('"').next().unwrap_or_default());
    }
    let after = [
        "SMTP error from remote mail server after ",
        "SMTP error from remote server for ",
        "error from remote mail server after ",
    ];
    if let Some((_, words)) = after.iter().find_map(|a| rest.split_once(a)) {
        let to = words.split([':', ' ']).next().unwrap_or_default().to_owned();
        let to = if to == "RCPT" || to == "MAIL" {
            words.split(':').next().unwrap_or_default().to_owned()
        } else {
            to
        };
        // The reply stands behind one of the next colons.
        let found = words.match_indices(": ").take(8).find_map(|(at, _)| reply::find(words.get(at + 2..)?));
        let by = words.split_once("host ").map(|(_, h)| h.split(':').next().unwrap_or_default().to_owned());
        return found.map(|said| super::Said { by: by.unwrap_or_default(), to, ..said });
    }
    let (_, words) = rest.split_once("rejected ")?;
    let to = words.split([' ', ':', '<']).next().unwrap_or_default().to_owned();
    words
        .match_indices(": ")
        .take(8)
        .find_map(|(at, _)| reply::find(words.get(at + 2..)?))
        .map(|said| super::Said { to, ..said })
}
