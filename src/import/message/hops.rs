//! The Received chain: "time-stamp-line = "Received:" FWS Stamp" (RFC 5321 §4.4), the oldest hop first.
//!
//! Each server puts its line on top; so the last line is the oldest, and only the lines of servers that one trusts
//! are more than a claim: whoever sends a message can write as many below as they like.

use super::Field;
use mail_parser::DateTime;
use serde::Serialize;

/// How far a line can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Written by the server that delivered, or by one of the same domain that handed it there.
    Own,
    /// As `Own`, and it took the message from outside: what it says of the other end's address is what it saw.
    Border,
    /// Below the border: written by others, perhaps by the sender.
    Claimed,
}

/// One hop, as its server tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The line's number in the message.
    pub line: usize,
    /// The name that the other end gave.
    pub from: String,
    /// What the server found out about it: "TCP-info = address-literal / ( Domain FWS address-literal )".
    pub from_seen: String,
    /// The server that wrote the line.
    pub by: String,
    /// By which protocol: `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA`, `LMTP`, …
    pub with: String,
    /// The server's own number for the message.
    pub id: String,
    /// For whom, where one recipient was named.
    #[serde(rename = "for")]
    pub for_: String,
    /// When, in seconds since 1970 UTC.
    pub time: Option<i64>,
    /// When, as it is written.
    pub written: String,
    /// Seconds since the hop before; less than zero where a clock is wrong.
    pub delay: Option<i64>,
    /// The `from` of this line names the server that wrote the line before.
    pub joins: bool,
    /// How far it can be believed.
    pub trust: Trust,
}

/// The hops that these fields tell of, the oldest first.
pub fn read(fields: &[Field], limit: usize) -> Vec<Hop> {
    let received = fields.iter().filter(|f| f.name.eq_ignore_ascii_case("Received")).take(limit);
    let mut hops: Vec<Hop> = received.map(hop).collect();
    hops.reverse();
    trust(&mut hops);
    let mut before: Option<(Option<i64>, String)> = None;
    for hop in &mut hops {
        if let Some((time, by)) = &before {
            hop.delay = hop.time.zip(*time).map(|(now, then)| now.saturating_sub(then));
            let seen = || hop.from_seen.split_ascii_whitespace().any(|word| names_one(word, by));
            // Inside one machine or one private network names say nothing.
            let inside = is_local(&hop.from) || is_local(by) || is_inner(hop);
            hop.joins = names_one(&hop.from, by) || inside || seen();
        }
        // A line without a time does not hide the delay around it.
        let time = hop.time.or(before.and_then(|(time, _)| time));
        before = Some((time, hop.by.clone()));
    }
    hops
}

/// The domain of the server that delivered: of the newest line that names more than a private address.
pub fn home(hops: &[Hop]) -> String {
    let named = hops.iter().rev().map(|hop| hop.by.as_str()).find(|by| !by.is_empty() && !is_local(by));
    named.map(domain).unwrap_or_default()
}

/// From the newest: own lines, up to the one that took the message from outside. `hops` are oldest first.
fn trust(hops: &mut [Hop]) {
    let home = home(hops);
    for hop in hops.iter_mut().rev() {
        if domain(&hop.by) != home && !hop.by.is_empty() && !is_local(&hop.by) {
            return;
        }
        let inner = domain(&hop.from) == home || is_local(&hop.from) || is_inner(hop);
        hop.trust = if inner { Trust::Own } else { Trust::Border };
        if !inner {
            return;
        }
    }
}

/// A hop within one machine or one house: no client is named, or a socket, or LMTP (RFC 2033 §4.1: not across a
/// wide area network).
fn is_inner(hop: &Hop) -> bool {
    hop.from.is_empty()
        || hop.from_seen.contains("unix socket")
        || hop.with.to_ascii_uppercase().starts_with("LMTP")
}

/// The last two labels of a name: near enough to whose it is for a first look.
pub fn domain(name: &str) -> String {
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    let mut labels: Vec<&str> = name.rsplit('.').take(2).collect();
    labels.reverse();
    labels.join(".")
}

fn is_local(name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    let address = name.parse::<std::net::IpAddr>();
    let private = |ip| match ip {
        std::net::IpAddr::V4(ip) => ip.is_private() || ip.is_loopback(),
        std::net::IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    };
    name.eq_ignore_ascii_case("localhost") || name.starts_with("localhost.") || address.is_ok_and(private)
}

fn names_one(from: &str, by: &str) -> bool {
    let bare = |name: &str| name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    !by.is_empty() && bare(from) == bare(by)
}

fn hop(field: &Field) -> Hop {
    let (stamp, date) = field.body.rsplit_once(';').unwrap_or((&field.body, ""));
    let clauses = clauses(stamp);
    let clause = |name: &str| clauses.iter().find(|c| c.0 == name).map(|c| c.1.clone()).unwrap_or_default();
    let seen = clauses.iter().find(|c| c.0 == "from").map(|c| c.2.clone()).unwrap_or_default();
    let time = DateTime::parse_rfc822(date.trim()).filter(DateTime::is_valid).map(|d| d.to_timestamp());
    Hop {
        line: field.line,
        from: clause("from"),
        from_seen: seen,
        by: clause("by"),
        with: clause("with"),
        id: clause("id"),
        for_: clause("for"),
        time,
        written: date.trim().chars().take(100).collect(),
        delay: None,
        joins: false,
        trust: Trust::Claimed,
    }
}

/// The clauses outside comments: name, first word behind it, and what stands in comments behind it.
fn clauses(stamp: &str) -> Vec<(&'static str, String, String)> {
    const NAMES: [&str; 6] = ["from", "by", "via", "with", "id", "for"];
    let mut out: Vec<(&'static str, String, String)> = Vec::new();
    for (word, comment) in words(stamp).into_iter().take(200) {
        let name = NAMES.iter().find(|name| word.eq_ignore_ascii_case(name) && !comment);
        let known = name.is_some_and(|name| out.iter().any(|c| c.0 == *name));
        // A host may be called "by"; a second "from" is no clause.
        let waits = out.last().is_some_and(|c| c.1.is_empty());
        match (name, out.last_mut()) {
            (Some(name), _) if !known && !waits => out.push((name, String::new(), String::new())),
            (_, Some(last)) if comment => {
                if !last.2.is_empty() {
                    last.2.push(' ');
                }
                last.2.push_str(&word);
            }
            (_, Some(last)) if last.1.is_empty() => last.1 = word,
            _ => {}
        }
    }
    out
}

/// Words, and comments as one word each.
fn words(text: &str) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    let (mut word, mut depth) = (String::new(), 0_usize);
    for c in text.chars().take(8192) {
        match c {
            '(' => {
                if depth == 0 && !word.is_empty() {
                    out.push((std::mem::take(&mut word), false));
                } else if depth > 0 {
                    word.push(c);
                }
                depth += 1;
            }
            ')' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    out.push((std::mem::take(&mut word), true));
                } else {
                    word.push(c);
                }
            }
            c if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    out.push((std::mem::take(&mut word), false));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        out.push((word, depth > 0));
    }
    out
}
