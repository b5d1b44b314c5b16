//! What holds after a row, in plain sentences: connections, queues, mailboxes, copies, what does not answer.

use crate::state::{Connection, QueueEntry, State};
use crate::view::page::prose;
use crate::view::{Cast, clock};

/// Things of one kind that are named one by one.
const MOST: usize = 12;

/// All of it; one sentence for each thing.
pub fn sentences(state: &State, cast: &Cast) -> Vec<String> {
    let mut out = Vec::new();
    few(
        &mut out,
        "connections",
        state.connections.len(),
        state.connections.values().map(|c| connection(c, cast)),
    );
    for (host, queue) in &state.queues {
        let host = cast.known(host);
        few(
            &mut out,
            "messages in queues",
            queue.len(),
            queue.iter().map(|(id, entry)| queued(&host, id, entry, cast)),
        );
    }
    for (account, mailboxes) in &state.mailboxes {
        for (name, mailbox) in mailboxes {
            let of = |(uid, message): (&u32, &crate::state::Message)| {
                let flags =
                    if message.flags.is_empty() { "no flags".to_owned() } else { message.flags.join(" ") };
                format!("UID {uid} with {flags}, {}", clock::count(message.size, "octet"))
            };
            let count = clock::count(mailbox.messages.len() as u64, "message");
            let first: Vec<String> = mailbox.messages.iter().take(MOST).map(of).collect();
            let more = mailbox.messages.len().saturating_sub(MOST);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            let list = if first.is_empty() { String::new() } else { format!(": {}", first.join("; ")) };
            out.push(prose(&format!("{name} of {account} holds {count}{list}{more}.")));
        }
    }
    for (account, host) in &state.locks {
        out.push(prose(&format!(
            "The maildrop of {account} is locked by the POP3 session at {}.",
            cast.known(host)
        )));
    }
    copies(&mut out, cast, state);
    for (host, names) in &state.caches {
        let count = clock::count(names.len() as u64, "answer");
        out.push(prose(&format!("{} remembers {count} of the DNS.", cast.known(host))));
    }
    senders(&mut out, cast, state);
    for (host, services) in &state.down {
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        out.push(prose(&format!("{} does not answer: {}.", cast.known(host), services.join(", "))));
    }
    if out.is_empty() {
        out.push("Nothing is open, and nothing is kept anywhere.".to_owned());
    }
    out
}

/// What mail programs keep on their own disks.
fn copies(out: &mut Vec<String>, cast: &Cast, state: &State) {
    for (host, accounts) in &state.clients {
        for (account, copies) in accounts {
            let named: Vec<String> = copies
                .values()
                .take(MOST)
                .map(|copy| {
                    if copy.subject.is_empty() {
                        "one without a subject".into()
                    } else {
                        format!("“{}”", copy.subject)
                    }
                })
                .collect();
            let count = clock::count(copies.len() as u64, "message");
            let host = cast.known(host);
            out.push(prose(&format!(
                "{host} keeps {count} of {account} on its own disk: {}.",
                named.join(", ")
            )));
        }
    }
}

/// What each host found about the last message that it checked.
fn senders(out: &mut Vec<String>, cast: &Cast, state: &State) {
    for (host, verdicts) in &state.verdicts {
        let found: Vec<String> = verdicts.iter().map(crate::state::Verdict::in_words).collect();
        out.push(prose(&format!("{} found of the last sender: {}.", cast.known(host), found.join(", "))));
    }
}

/// At most so many of a kind, and how many more there are.
fn few(out: &mut Vec<String>, what: &str, count: usize, all: impl Iterator<Item = String>) {
    let more = count.saturating_sub(MOST);
    out.extend(all.take(MOST));
    if more > 0 {
        out.push(format!("And {more} more {what}."));
    }
}

fn connection(connection: &Connection, cast: &Cast) -> String {
    let open = &connection.open;
    let (client, server) = (cast.host(open.client.ip()), cast.host(open.server.ip()));
    let mut said = vec![format!("{} is {}", connection.protocol.name().to_uppercase(), connection.phase)];
    said.push(if connection.tls { "TLS is on" } else { "TLS is off" }.to_owned());
    if let Some(user) = &connection.user {
        said.push(format!("logged in as {user}"));
    }
    if let Some(envelope) = &connection.envelope {
        let to = match envelope.recipients.is_empty() {
            true => "no recipient yet".to_owned(),
            false => format!("for {}", envelope.recipients.join(", ")),
        };
        let sender = if envelope.sender.is_empty() { "nobody" } else { &envelope.sender };
        said.push(format!("the envelope is from {sender}, {to}"));
        if !envelope.refused.is_empty() {
            said.push(format!("refused: {}", envelope.refused.join(", ")));
        }
    }
    if let Some(mailbox) = &connection.selected {
        let how = if connection.read_only { "for reading only" } else { "for reading and writing" };
        said.push(format!("{mailbox} is open {how}"));
    }
    if let Some(maildrop) = &connection.maildrop {
        let marked: Vec<String> = maildrop.deleted.iter().take(MOST).map(u32::to_string).collect();
        if !marked.is_empty() {
            said.push(format!("marked as deleted: {}", marked.join(", ")));
        }
    }
    prose(&format!("Between {client} and {server}, port {}: {}.", open.server.port(), said.join("; ")))
}

fn queued(host: &str, id: &str, entry: &QueueEntry, cast: &Cast) -> String {
    let waiting: Vec<String> = entry
        .waiting
        .iter()
        .take(MOST)
        .map(|waiting| {
            let retry = waiting.retry.map_or_else(String::new, |at| {
                format!(", next attempt at {}", clock::short(at.since(cast.start)))
            });
            let tried = match waiting.attempts {
                0 => String::new(),
                n => format!(" after {}", clock::count(u64::from(n), "attempt")),
            };
            format!("{}{tried}{retry}", waiting.recipient)
        })
        .collect();
    let to = if waiting.is_empty() { "nobody any more".to_owned() } else { waiting.join("; ") };
    let sender = if entry.sender.is_empty() { "<>, the empty sender" } else { &entry.sender };
    prose(&format!("In the queue of {host}: {id}, from {sender}, waiting for {to}."))
}
