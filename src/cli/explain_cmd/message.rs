//! A message, explained: who says what, its road, what was checked, what is in it, what it reports, what is odd.

use super::super::args::Explain;
use super::super::{CommandError, explain, screen};
use super::leaf::{Leaf, grouped, short, span};
use super::width;
use crate::explain::letter::{field_meaning, tag_meaning};
use crate::explain::template::Vars;
use crate::import::message::{AuthResult, Hop, MimePart, Reading, Recipient, Report, Trust};
use crate::proto::policy::tags::{Tag, Tags};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A hop that takes longer is worth a word: five minutes, the shortest wait of common retry schedules.
const SLOW: i64 = 300;

/// Tell a message.
pub fn tell(args: &Explain, reading: &Reading) -> Result<(), CommandError> {
    let mut out = screen::out();
    if args.json {
        let mut value = serde_json::to_value(reading).unwrap_or_default();
        value["type"] = "message".into();
        writeln!(out, "{value}")?;
        return Ok(out.flush()?);
    }
    let mut leaf = Leaf::new(out, width(args));
    leaf.heading(&format!("A message of {} octets", grouped(reading.octets)))?;
    if reading.mbox_line.is_some() {
        leaf.row("in front", "a line of a mailbox file (“From sender date”); it is no part of the message")?;
    }
    if let Some(report) = &reading.report {
        self::report(&mut leaf, report)?;
    } else if !reading.report_type.is_empty() {
        leaf.row("a report", &format!("of the sort {}", reading.report_type))?;
    }
    header(&mut leaf, reading)?;
    road(&mut leaf, &reading.hops)?;
    checks(&mut leaf, &reading.auth)?;
    structure(&mut leaf, &reading.parts)?;
    odd(&mut leaf, reading)?;
    Ok(leaf.flush()?)
}

/// The fields in their order, each with who says it and what it means; a name's meaning once.
fn header(leaf: &mut Leaf<impl Write>, reading: &Reading) -> io::Result<()> {
    leaf.heading("The header: who says what. SMTP looks at none of it but Received")?;
    let mut told = BTreeSet::new();
    for field in reading.fields.iter().take(200) {
        let name = field.name.to_ascii_lowercase();
        if name == "received" && !told.insert(name.clone()) {
            continue;
        }
        let body = field.decoded();
        let text = match name.as_str() {
            "received" => format!("{} of them: see the road below", reading.hops.len()),
            _ => short(&body, 300),
        };
        leaf.row(&short(&field.name, 60), &text)?;
        if told.insert(format!("meaning of {name}")) {
            leaf.more(&format!("· {}", field_meaning(&field.name, &short(&body, 100))))?;
            for row in tags(&field.name, &body) {
                leaf.more(&row)?;
            }
        }
    }
    let left = reading.field_count.saturating_sub(reading.fields.len().min(200));
    if left > 0 {
        leaf.row("…", &format!("{} fields more", grouped(left)))?;
    }
    Ok(())
}

/// The tags of a signature field, each with what it means.
fn tags(field: &str, body: &str) -> Vec<String> {
    let Ok(read) = Tags::parse(body.as_bytes()) else { return Vec::new() };
    let told = |tag: &Tag| {
        let meaning = tag_meaning(field, &tag.name)?;
        let value: String = tag.value.split_whitespace().collect();
        Some(format!("{} = {}: {meaning}", tag.name, short(&value, 40)))
    };
    read.tags.iter().filter_map(told).collect()
}

fn road(leaf: &mut Leaf<impl Write>, hops: &[Hop]) -> io::Result<()> {
    if hops.is_empty() {
        leaf.heading("The road: no Received line; it was never handed over by SMTP, or they were taken out")?;
        return Ok(());
    }
    leaf.heading("The road, the oldest hop first (each server puts its line on top: RFC 5321 §4.4)")?;
    let mut claimed = false;
    for (index, hop) in hops.iter().enumerate() {
        for remark in between(hop, index) {
            leaf.more(&remark)?;
        }
        if hop.trust == Trust::Claimed && !std::mem::replace(&mut claimed, true) {
            leaf.more("a claim, up to the next remark on trust: whoever sends a message can write such lines below their own")?;
        }
        leaf.row(&format!("{}.", index + 1), &place(hop))?;
        let when = if hop.written.is_empty() { "no time is told" } else { &hop.written };
        leaf.more(&short(when, 100))?;
        let how = how(hop);
        if !how.is_empty() {
            leaf.more(&how)?;
        }
        match hop.trust {
            Trust::Border => leaf.more("trust: the first server of the receiving side wrote this; the address it saw is true, the name it was told is a claim")?,
            Trust::Own if index + 1 == hops.len() => leaf.more("trust: the server that delivered wrote this")?,
            Trust::Own => leaf.more("trust: written inside the receiving side")?,
            Trust::Claimed => {}
        }
    }
    if let Some((first, last)) = hops.iter().find_map(|h| h.time).zip(hops.iter().rev().find_map(|h| h.time))
    {
        leaf.row(
            "in all",
            &format!("{} from the first line to the last", signed(last.saturating_sub(first))),
        )?;
    }
    Ok(())
}

fn signed(seconds: i64) -> String {
    if seconds < 0 { format!("minus {}", span(seconds)) } else { span(seconds) }
}

/// From whom to whom.
fn place(hop: &Hop) -> String {
    let from = if hop.from.is_empty() { "(nobody named)" } else { &hop.from };
    let seen = if hop.from_seen.is_empty() {
        String::new()
    } else {
        format!(", seen as {}", short(&hop.from_seen, 120))
    };
    let by = if hop.by.is_empty() { "(no server named)" } else { &hop.by };
    format!("{}{seen} → {}", short(from, 120), short(by, 120))
}

/// By which protocol, and what its name gives away (RFC 3848 §1: S for TLS, A for a login).
fn how(hop: &Hop) -> String {
    let with = hop.with.to_ascii_uppercase();
    let what = match with.as_str() {
        "" => String::new(),
        "SMTP" => "by SMTP: old style, no TLS".to_owned(),
        "ESMTP" => "by ESMTP: no TLS, no login".to_owned(),
        "ESMTPS" => "by ESMTPS: inside TLS".to_owned(),
        "ESMTPA" => "by ESMTPA: after a login, no TLS".to_owned(),
        "ESMTPSA" => "by ESMTPSA: inside TLS, after a login: handed in by a user".to_owned(),
        "LMTP" | "LMTPS" | "LMTPA" | "LMTPSA" => format!("by {with}: into the mailbox"),
        // Its name for SMTP is three words; whether TLS is used stands in a comment.
        "MICROSOFT" => "by Microsoft SMTP Server".to_owned(),
        "HTTP" | "HTTPS" => format!("by {with}: written in a browser"),
        _ => format!("by {}", short(&hop.with, 60)),
    };
    let more = [("number there", &hop.id), ("for", &hop.for_)];
    let more = more.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k} {}", short(v, 80)));
    std::iter::once(what).filter(|w| !w.is_empty()).chain(more).collect::<Vec<_>>().join("; ")
}

/// What lies between this hop and the one before.
fn between(hop: &Hop, index: usize) -> Vec<String> {
    let mut out = Vec::new();
    if index == 0 {
        return out;
    }
    match hop.delay {
        Some(delay) if delay < 0 => out.push(format!("clock skew: this line is {} earlier than the one before it: one of the two clocks is wrong, or a line is forged", span(delay))),
        Some(delay) if delay > SLOW => out.push(format!("a gap of {}: it waited in a queue: the next server was away, busy, or greylisted it", span(delay))),
        Some(delay) => out.push(format!("{} later", span(delay))),
        None => out.push("no time to compare with".to_owned()),
    }
    if !hop.joins {
        out.push("the chain does not join here by name: a machine has two names, a line is missing, or one is forged".to_owned());
    }
    out
}

fn checks(leaf: &mut Leaf<impl Write>, results: &[AuthResult]) -> io::Result<()> {
    if results.is_empty() {
        return Ok(());
    }
    leaf.heading("What servers say they checked")?;
    for result in results {
        let by = if result.by.is_empty() { "nobody named" } else { &result.by };
        for claim in &result.claims {
            let about = short(&claim.properties.join(" "), 160);
            let text = match (claim.method.as_str(), claim.result.as_str()) {
                ("dkim", "signature") => format!(
                    "a signature of {by} ({about}); whether it is right, only a server that checked it can say"
                ),
                (_, outcome) => format!("{outcome}, says {by} ({about}): {}", method(&claim.method)),
            };
            leaf.row(&claim.method, &text)?;
        }
        if !result.own && result.field.eq_ignore_ascii_case("Authentication-Results") {
            leaf.more("no server of the receiving side wrote this, as far as the road shows: do not rely on it (RFC 8601 §7.1)")?;
        }
    }
    Ok(())
}

fn method(method: &str) -> &'static str {
    match method {
        "spf" => "may this address send for the envelope's domain?",
        "dkim" => "is the text as the signing domain sent it?",
        "dmarc" => "does one of the two stand for the domain in From?",
        "arc" => "what did those before say, who passed it on?",
        "iprev" => "does the address's name lead back to the address?",
        "auth" => "had the sender logged in?",
        _ => "a check of another kind",
    }
}

fn structure(leaf: &mut Leaf<impl Write>, parts: &[MimePart]) -> io::Result<()> {
    leaf.heading("What is in it (MIME, RFC 2045)")?;
    for part in parts {
        let indent = "· ".repeat(part.depth.min(12));
        let mut about = vec![format!("{} octets", grouped(part.octets))];
        if part.decoded != part.octets && !part.holds_parts && !part.encoding.is_empty() {
            about.push(format!("{} as {}", grouped(part.decoded), part.encoding));
        }
        let more = [("charset ", &part.charset), ("", &part.disposition), ("file ", &part.file_name)];
        about
            .extend(more.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k}{}", short(v, 120))));
        if !part.declared {
            about.push("nothing says its type: this is what is assumed".to_owned());
        }
        leaf.row("", &format!("{indent}{}  {}", short(&part.media_type, 80), about.join(", ")))?;
    }
    Ok(())
}

fn odd(leaf: &mut Leaf<impl Write>, reading: &Reading) -> io::Result<()> {
    if reading.oddities.is_empty() {
        return Ok(());
    }
    leaf.heading("Odd")?;
    for oddity in &reading.oddities {
        let source = if oddity.source.is_empty() { String::new() } else { format!(" ({})", oddity.source) };
        leaf.row("!", &format!("{}{source}", short(&oddity.detail, 400)))?;
    }
    Ok(())
}

/// A delivery status notification: what became of a message, for each recipient.
fn report(leaf: &mut Leaf<impl Write>, report: &Report) -> io::Result<()> {
    leaf.row(
        "a report",
        "a server's note on what became of another message (a delivery status notification, RFC 3464)",
    )?;
    let rows = [
        ("reported by", &report.reporting_mta),
        ("it came there", &report.arrival),
        ("its sender's number", &report.envelope_id),
    ];
    for (key, value) in rows.iter().filter(|(_, v)| !v.is_empty()) {
        leaf.row(key, &short(value, 200))?;
    }
    if let Some(subject) = &report.returned_subject {
        leaf.row("about", &format!("“{}”", short(subject, 200)))?;
    }
    for one in &report.recipients {
        leaf.space()?;
        recipient(leaf, one)?;
    }
    Ok(())
}

fn recipient(leaf: &mut Leaf<impl Write>, one: &Recipient) -> io::Result<()> {
    leaf.row("recipient", if one.final_.is_empty() { "(not named)" } else { &one.final_ })?;
    if !one.original.is_empty() && one.original != one.final_ {
        leaf.row("written to", &one.original)?;
    }
    let action = match one.action.as_str() {
        "failed" => "failed: it was not delivered, and will not be tried again",
        "delayed" => "delayed: it was not delivered yet, and will be tried again; nothing to do",
        "delivered" => "delivered: it lies in the mailbox",
        "relayed" => "relayed: it was handed to a server that does not report",
        "expanded" => "expanded: it was delivered to a list, and went on from there",
        "" => "no action is told",
        other => other,
    };
    leaf.row("action", &format!("{action} (RFC 3464 §2.3.3)"))?;
    if !one.status.is_empty() {
        leaf.row("status", &one.status)?;
        for line in status(&one.status) {
            leaf.more(&line)?;
        }
    }
    if !one.diagnostic.is_empty() {
        let by = if one.remote_mta.is_empty() { String::new() } else { format!("{} said: ", one.remote_mta) };
        leaf.row("words", &format!("{by}“{}”", short(&one.diagnostic, 600)))?;
    }
    for (key, value) in [("last tried", &one.last_attempt), ("tried until", &one.retry_until)] {
        if !value.is_empty() {
            leaf.row(key, value)?;
        }
    }
    Ok(())
}

/// What an enhanced status code means, by the catalogue.
fn status(code: &str) -> Vec<String> {
    let Some(entry) =
        explain::lookup(&format!("smtp {code}")).ok().and_then(|found| found.into_iter().next())
    else {
        let class = match code.split('.').next() {
            Some("2") => "it succeeded",
            Some("4") => "it may succeed later",
            Some("5") => "it will not succeed",
            _ => return Vec::new(),
        };
        return vec![format!("· {class}; nothing more is known about this code")];
    };
    [&entry.summary, &entry.detail]
        .iter()
        .filter(|t| !t.is_empty())
        .map(|t| format!("· {}", Vars::default().fill(t)))
        .collect()
}
