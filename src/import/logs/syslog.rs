//! Postfix and sendmail: lines of syslog, `Jan  1 12:00:00 mail postfix/smtp[123]: 4XyZ: to=<…>, relay=…, status=…`.

use super::reply::{self, Said};
use super::{Entry, Event, Family};
use std::collections::BTreeMap;

/// A line of Postfix or sendmail.
pub fn entry(line: usize, text: &str) -> Option<Entry> {
    let (time, program, message) = parts(text)?;
    let family = match program {
        p if p.starts_with("postfix") => Family::Postfix,
        "sendmail" | "sm-mta" | "sm-msp-queue" => Family::Sendmail,
        _ => return None,
    };
    let (queue_id, rest) = queue_id(message);
    let mut entry = Entry {
        line,
        text: text.to_owned(),
        family,
        program: program.to_owned(),
        time: time.to_owned(),
        queue_id: queue_id.to_owned(),
        event: Event::Other,
        fields: BTreeMap::new(),
        said: None,
    };
    if let Some(refused) = rest.strip_prefix("reject: ").or_else(|| rest.strip_prefix("milter-reject: ")) {
        rejected(&mut entry, refused);
    } else {
        entry.fields = fields(rest);
        entry.event = event(family, program, rest, &entry.fields);
        entry.said = said(&mut entry.fields);
    }
    Some(entry)
}

/// Time, program and message. The program is the word that ends in `[number]:` or, in its place, in `:`.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    // Within the first words: time (one or three), host, program.
    for word in text.split_inclusive(' ').take(9) {
        let (start, end) = (from, from + word.len());
        from = end;
        let Some(name) = word.trim_end().strip_suffix(':') else { continue };
        let name = name.split('[').next().unwrap_or_default();
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let before = text.get(..start)?.trim_end();
        let time = before.rsplit_once(' ').map_or(before, |(time, _)| time);
        return Some((time, name, text.get(end..)?.trim_start()));
    }
    None
}

/// The queue id in front: letters and digits, at least five, then a colon. NOQUEUE stands for none.
fn queue_id(message: &str) -> (&str, &str) {
    match message.split_once(": ") {
        Some(("NOQUEUE", rest)) => ("", rest),
        Some((id, rest))
            if id.len() >= 5 && id.len() <= 30 && id.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            let a_word = id.bytes().all(|b| b.is_ascii_lowercase());
            if a_word { ("", message) } else { (id, rest) }
        }
        _ => ("", message),
    }
}

/// `name=value, name=value`; a value in parentheses behind `status=` or `stat=` stays whole.
fn fields(rest: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut rest = rest;
    while out.len() < 50 {
        let Some((name, after)) = rest.split_once('=') else { break };
        let name = name.trim_start_matches([',', ' ']).trim();
        if name.is_empty() || name.len() > 30 || name.contains(' ') {
            break;
        }
        let last = matches!(name, "status" | "stat");
        let end = if last { None } else { after.find(", ") };
        let (value, next) = end.map_or((after, ""), |end| (&after[..end], &after[end..]));
        out.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        rest = next;
    }
    out
}

fn event(family: Family, program: &str, rest: &str, fields: &BTreeMap<String, String>) -> Event {
    let state = fields.get("status").or_else(|| fields.get("stat")).map(String::as_str).unwrap_or_default();
    let begins = |words: &[&str]| words.iter().any(|w| rest.starts_with(w));
    match state.split([' ', ':', '(']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "sent" | "delivered" => return Event::Sent,
        "deferred" | "queued" | "deferred," => return Event::Deferred,
        "bounced" | "expired" | "undeliverable" | "user" | "service" | "host" | "data" => {
            return Event::Bounced;
        }
        "" => {}
        _ if family == Family::Sendmail => return Event::Bounced,
        _ => {}
    }
    if begins(&["connect from"]) {
        Event::Connected
    } else if begins(&["disconnect from", "lost connection", "timeout after"]) {
        Event::Disconnected
    } else if begins(&["client="]) {
        Event::Received
    } else if begins(&["from="]) {
        if program.ends_with("pickup") || family == Family::Sendmail {
            Event::Received
        } else {
            Event::Queued
        }
    } else if begins(&["removed"]) {
        Event::Removed
    } else if rest.contains("non-delivery notification") || rest.contains("delivery status notification") {
        Event::Reported
    } else if begins(&["message-id=", "uid="]) {
        Event::Noted
    } else {
        Event::Other
    }
}

/// The words in parentheses behind the status.
fn said(fields: &mut BTreeMap<String, String>) -> Option<Said> {
    let state = fields.get("status").or_else(|| fields.get("stat"))?;
    let words = match state.split_once('(') {
        Some((_, words)) => words.strip_suffix(')').unwrap_or(words),
        None => state.split_once(": ").map_or(state.as_str(), |(_, words)| words),
    };
    let found = reply::find(words);
    let why = words.to_owned();
    fields.insert("why".to_owned(), why);
    found
}

/// `RCPT from client[192.0.2.1]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<…> to=<…> proto=ESMTP helo=<…>`.
fn rejected(entry: &mut Entry, text: &str) {
    entry.event = Event::Rejected;
    let (head, rest) = text.split_once(": ").unwrap_or((text, ""));
    let (command, client) = head.split_once(" from ").unwrap_or((head, ""));
    let (words, pairs) =
        rest.rsplit_once("; from=").map_or((rest, String::new()), |(w, p)| (w, format!("from={p}")));
    for pair in pairs.split(' ') {
        if let Some((name, value)) = pair.split_once('=') {
            entry.fields.insert(name.to_owned(), value.to_owned());
        }
    }
    entry.fields.insert("client".to_owned(), client.to_owned());
    let to = match command {
        "RCPT" => "RCPT TO",
        "MAIL" => "MAIL FROM",
        other => other,
    };
    entry.said = reply::find(words).map(|said| Said { to: to.to_owned(), ..said });
}
