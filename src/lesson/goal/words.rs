//! A [`Goal`] in words: what is wanted, and what is missing.

use super::{Count, Goal, InMailbox, OnConnection, Session, What};
use crate::base::escape;

/// What is wanted, as it stands in a sentence: `a message in the INBOX of bob@example.net with the subject “Tea”`.
pub fn of(goal: &Goal) -> String {
    let joined = |goals: &[Goal], word: &str| goals.iter().map(of).collect::<Vec<_>>().join(word);
    match &goal.what {
        What::All(goals) => joined(goals, ", and "),
        What::Any(goals) => joined(goals, ", or "),
        What::Not(goal) => format!("not {}", of(goal)),
        What::Mailbox(wanted) => message(wanted),
        What::Steps(filter, typed) => format!("a step like `{filter}`{}", by_hand(*typed)),
        What::Order(filters, typed) => {
            let filters: Vec<String> = filters.iter().map(|filter| format!("`{filter}`")).collect();
            let on = format!("one connection with steps like {} in this order", filters.join(", then "));
            on + by_hand(*typed)
        }
        What::Connection(wanted) => connection(wanted),
        What::Fact { kind, host, with } => {
            let mut out = format!("the statement `{kind}`");
            if let Some(host) = host {
                out += &format!(" of {host}");
            }
            let fields: Vec<String> = with.iter().map(|(key, value)| format!("{key} {value}")).collect();
            if fields.is_empty() { out } else { format!("{out} with {}", fields.join(", ")) }
        }
        What::Queue { host, recipient, .. } => {
            let recipient = recipient.as_ref().map(|to| format!(" for {to}")).unwrap_or_default();
            format!("a message{recipient} that waits in the queue of {host}")
        }
        What::Device { host, subject, .. } => {
            format!("a copy of a message{} on {host}", quoted(" with the subject ", subject.as_deref()))
        }
    }
}

/// What is missing where so many were found; `lack` is what the nearest one lacks.
pub fn missing(goal: &Goal, found: usize, lack: Option<String>) -> String {
    let wanted = of(goal);
    let text = match goal.count {
        Count { most: Some(0), .. } => format!("There should be no such thing: {wanted}."),
        Count { least: 0, most: Some(most) } => {
            format!("There should be at most {most}, and there are {found}: {wanted}.")
        }
        Count { least, most: Some(most) } if most == least => {
            format!("There should be exactly {most}, and there are {found}: {wanted}.")
        }
        Count { least: 1, .. } => format!("Still missing: {wanted}."),
        Count { least, .. } => format!("There should be at least {least}, and there are {found}: {wanted}."),
    };
    let text = escape::text(&text);
    match lack.filter(|_| found < goal.count.least) {
        Some(lack) => format!("{text} A message lies there, but {lack}."),
        None => text,
    }
}

fn by_hand(typed: bool) -> &'static str {
    if typed { ", typed by you" } else { "" }
}

fn quoted(before: &str, text: Option<&str>) -> String {
    text.map(|text| format!("{before}“{text}”")).unwrap_or_default()
}

fn message(wanted: &InMailbox) -> String {
    let mut out = match wanted.folder.as_str() {
        "INBOX" => format!("a message in the INBOX of {}", wanted.account),
        folder => format!("a message in {folder} of {}", wanted.account),
    };
    let parts = [
        (" with the subject ", &wanted.subject),
        (" with From: ", &wanted.from),
        (" with To: ", &wanted.to),
        (" that says ", &wanted.text),
        (" that does not say ", &wanted.no_text),
    ];
    for (before, text) in parts {
        out += &quoted(before, text.as_deref());
    }
    match wanted.sender.as_deref() {
        Some("" | "<>") => out += " with the empty envelope sender <>",
        Some(sender) => out += &format!(" from the envelope sender {sender}"),
        None => {}
    }
    if !wanted.flags.is_empty() {
        out += &format!(" with {}", wanted.flags.join(" and "));
    }
    if !wanted.without_flags.is_empty() {
        out += &format!(" without {}", wanted.without_flags.join(" and "));
    }
    match &wanted.came {
        Some(came) => format!("{out} that came {}", session(came)),
        None => out,
    }
}

fn connection(wanted: &OnConnection) -> String {
    let protocol = wanted.protocol.to_uppercase();
    let mut out = format!("a connection of {protocol} {}", session(&wanted.session)).trim_end().to_owned();
    if let Some(filter) = &wanted.with {
        out += &format!(" with a step like `{filter}`");
    }
    if let Some(filter) = &wanted.without {
        out += &format!(" without a step like `{filter}`");
    }
    out
}

fn session(session: &Session) -> String {
    let mut parts = Vec::new();
    if let Some(from) = &session.from {
        parts.push(format!("from {from}"));
    }
    if let Some(to) = &session.to {
        parts.push(format!("to {to}"));
    }
    if let Some(port) = session.port {
        parts.push(format!("on port {port}"));
    }
    let yes_no = |is: bool, yes: &str, no: &str| if is { yes.to_owned() } else { no.to_owned() };
    parts.extend(session.auth.map(|auth| yes_no(auth, "after a login", "without a login")));
    parts.extend(session.tls.map(|tls| yes_no(tls, "inside TLS", "without TLS")));
    parts.extend(session.typed.map(|typed| yes_no(typed, "typed by you", "not typed by you")));
    parts.join(" ")
}
