//! Lines of a mail log, explained: which message, which hop, what the other side said and what its codes mean.

use super::super::args::Explain;
use super::super::{CommandError, explain, screen};
use super::leaf::{Leaf, short};
use super::width;
use crate::explain::Entry as Words;
use crate::explain::template::Vars;
use crate::import::logs::{Entry, Event, Log, Said};
use std::collections::BTreeMap;
use std::io::Write;

/// Tell a log.
pub fn tell(args: &Explain, log: &Log) -> Result<(), CommandError> {
    let mut out = screen::out();
    if args.json {
        for entry in &log.entries {
            let mut value = serde_json::to_value(entry).unwrap_or_default();
            value["type"] = "log-line".into();
            value["means"] = meaning(entry).into();
            let codes = entry.said.as_ref().map(codes).unwrap_or_default();
            value["codes"] = codes
                .iter()
                .map(|(code, e)| serde_json::json!({ "code": code, "summary": e.summary, "id": e.id }))
                .collect();
            writeln!(out, "{value}")?;
        }
        return Ok(out.flush()?);
    }
    let mut leaf = Leaf::new(out, width(args));
    let mut told: BTreeMap<String, ()> = BTreeMap::new();
    for entry in &log.entries {
        let id =
            if entry.queue_id.is_empty() { String::new() } else { format!(", message {}", entry.queue_id) };
        leaf.heading(&format!("line {}: {}{id}", entry.line, entry.program))?;
        leaf.row("", &short(&entry.text, 1000))?;
        leaf.row("means", &meaning(entry))?;
        if let Some(said) = &entry.said {
            words(&mut leaf, said, &vars(entry), &mut told)?;
        }
        if let Some(delay) = entry.fields.get("delays").and_then(|d| delays(d)) {
            leaf.row("delay", &delay)?;
        }
    }
    summary(&mut leaf, log)?;
    Ok(leaf.flush()?)
}

/// What one server said, and what its codes mean; each code's detail once.
fn words(
    leaf: &mut Leaf<impl Write>,
    said: &Said,
    vars: &Vars,
    told: &mut BTreeMap<String, ()>,
) -> std::io::Result<()> {
    let by = if said.by.is_empty() { String::new() } else { format!("{}: ", said.by) };
    let to = if said.to.is_empty() { String::new() } else { format!(" (in reply to {})", said.to) };
    leaf.row("said", &format!("{by}“{}”{to}", short(&said.text, 600)))?;
    for (code, entry) in codes(said) {
        leaf.row(&code, &vars.fill(&entry.summary))?;
        if told.insert(entry.id.clone(), ()).is_none() && !entry.detail.is_empty() {
            leaf.more(&vars.fill(&entry.detail))?;
        }
    }
    Ok(())
}

/// What the catalogue's texts may name here.
fn vars(entry: &Entry) -> Vars<'_> {
    let mut vars = Vars::default();
    for (field, name) in [("to", "recipient"), ("from", "sender")] {
        if let Some(value) = entry.fields.get(field) {
            vars.set(name, value.trim_matches(['<', '>']));
        }
    }
    vars
}

/// What the catalogue says about a reply's codes.
fn codes(said: &Said) -> Vec<(String, &'static Words)> {
    let verb = said.to.split(' ').next().unwrap_or_default();
    let verb = if said.to.starts_with("end of") { "message" } else { verb };
    let wanted = |query: String| explain::lookup(&query).ok().and_then(|found| found.into_iter().next());
    let code = wanted(format!("smtp {verb}.{}", said.code))
        .filter(|e| !verb.is_empty() && e.id.contains(&said.code))
        .or_else(|| wanted(format!("smtp {}", said.code)));
    let enhanced = Some(&said.enhanced).filter(|e| !e.is_empty()).and_then(|e| wanted(format!("smtp {e}")));
    let pairs = [(said.code.clone(), code), (said.enhanced.clone(), enhanced)];
    pairs.into_iter().filter_map(|(code, entry)| Some((code, entry?))).collect()
}

/// One sentence: what happened, to which message, on which hop.
fn meaning(entry: &Entry) -> String {
    let field = |name: &str| entry.fields.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let to = field("to").map(|to| format!(" for {to}")).unwrap_or_default();
    let relay = field("relay").unwrap_or("none");
    let hop = match relay {
        "none" => String::new(),
        "local" | "virtual" | "dovecot" => format!(", here ({relay})"),
        relay => format!(", on the hop to {relay}"),
    };
    let client = field("client").map(|c| format!(" from {c}")).unwrap_or_default();
    let answered = entry.said.is_some();
    match entry.event {
        Event::Connected => "a client has connected; nothing was said yet".to_owned(),
        Event::Disconnected => "the client is gone".to_owned(),
        Event::Received => match field("from") {
            Some(from) => format!("a message came in; its envelope's sender is {from}"),
            None => format!("a message comes in{client}; from now on its number is {}", entry.queue_id),
        },
        Event::Noted => "something about the message, for those who search for it later".to_owned(),
        Event::Queued => {
            let from = field("from").unwrap_or("nobody");
            let from = if from == "<>" {
                "nobody (a bounce or another notification)".to_owned()
            } else {
                from.to_owned()
            };
            format!("the message is in the queue, and delivery begins; its envelope's sender is {from}")
        }
        Event::Sent => format!("the message{to} was handed on{hop}: that server answers for it now"),
        Event::Deferred if answered => format!(
            "the message{to} stays in the queue{hop}: the other side said “not now”, and it will be tried again"
        ),
        Event::Deferred => format!(
            "the message{to} stays in the queue{hop}: nobody said no, for no answer came; it will be tried again"
        ),
        Event::Bounced => {
            format!("the message{to} will not be tried again{hop}: its sender gets it back with the reason")
        }
        Event::Rejected => format!(
            "this server itself said no{client}{to}: the message was not taken, and the other side keeps it"
        ),
        Event::Reported => "a notification about the message is on its way to its sender".to_owned(),
        Event::Removed => "the message is done with, and leaves the queue".to_owned(),
        Event::Other => "the server tells something else".to_owned(),
    }
}

/// Postfix: "delays=a/b/c/d": before the queue, in the queue, connecting, sending.
fn delays(value: &str) -> Option<String> {
    let mut times = value.split('/');
    let (before, queue, connect, send) = (times.next()?, times.next()?, times.next()?, times.next()?);
    Some(format!(
        "{before} s before it was in the queue, {queue} s in it, {connect} s to connect and greet, {send} s to hand it over"
    ))
}

/// What became of each message.
fn summary(leaf: &mut Leaf<impl Write>, log: &Log) -> std::io::Result<()> {
    let mut last: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in log.entries.iter().filter(|e| !e.queue_id.is_empty()) {
        let outcome = matches!(entry.event, Event::Sent | Event::Deferred | Event::Bounced);
        if outcome || !last.contains_key(entry.queue_id.as_str()) {
            last.insert(&entry.queue_id, entry);
        }
    }
    if last.len() > 1 || log.other > 0 {
        leaf.heading("in short")?;
    }
    for (id, entry) in last.iter().take(1000).filter(|_| last.len() > 1) {
        let state = match entry.event {
            Event::Sent => "handed on",
            Event::Deferred => "waits for another attempt",
            Event::Bounced => "goes back to its sender",
            _ => "nothing here says what became of it",
        };
        leaf.row(id, state)?;
    }
    if log.other > 0 {
        leaf.row("left out", &format!("{} lines that are of no mail server known here", log.other))?;
    }
    Ok(())
}
