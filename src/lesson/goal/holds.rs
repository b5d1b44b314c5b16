//! Whether a [`Goal`] holds in an [`Outcome`], and what is missing where it does not.

use super::words;
use super::{Count, Goal, InMailbox, OnConnection, Session, What};
use crate::dissect::filter::Filter;
use crate::lesson::letters::Letter;
use crate::lesson::outcome::{Call, Outcome};
use crate::state::Message;
use crate::trace::{Conn, Fact};
use std::collections::{BTreeMap, BTreeSet};

impl Goal {
    /// Whether it holds.
    ///
    /// # Errors
    /// A sentence on what is still missing.
    pub fn holds(&self, outcome: &Outcome) -> Result<(), String> {
        let told = match &self.what {
            What::All(goals) => goals.iter().try_for_each(|goal| goal.holds(outcome)),
            What::Any(goals) => {
                let missing: Vec<String> = goals.iter().filter_map(|g| g.holds(outcome).err()).collect();
                if missing.len() < goals.len() {
                    Ok(())
                } else {
                    Err(format!("One of these is needed. {}", missing.join(" Or: ")))
                }
            }
            What::Not(goal) => match goal.holds(outcome) {
                Ok(()) => Err(format!("There should not be: {}.", words::of(goal))),
                Err(_) => Ok(()),
            },
            _ => self.counted(outcome),
        };
        told.map_err(|missing| self.say.clone().unwrap_or(missing))
    }

    fn counted(&self, outcome: &Outcome) -> Result<(), String> {
        let (found, nearest) = match &self.what {
            What::Mailbox(wanted) => in_mailbox(wanted, outcome),
            What::Steps(filter, typed) => (steps(filter, *typed, outcome), None),
            What::Order(filters, typed) => (in_order(filters, *typed, outcome), None),
            What::Connection(wanted) => (connections(wanted, outcome), None),
            What::Fact { kind, host, with } => (stated(kind, host.as_deref(), with, outcome), None),
            What::Queue { .. } => (self.waiting(outcome), None),
            What::Device { .. } => (self.copies(outcome), None),
            What::All(_) | What::Any(_) | What::Not(_) => (0, None),
        };
        if self.count.admits(found) { Ok(()) } else { Err(words::missing(self, found, nearest)) }
    }

    fn waiting(&self, outcome: &Outcome) -> usize {
        let What::Queue { host, recipient, sender, reason, retry } = &self.what else { return 0 };
        let Some(queue) = outcome.state.queues.get(host) else { return 0 };
        let is_it = |entry: &crate::state::QueueEntry| {
            entry.waiting.iter().any(|waiting| {
                says(recipient.as_deref(), &waiting.recipient)
                    && says(reason.as_deref(), &waiting.reason)
                    && retry.is_none_or(|retry| waiting.retry.is_some() == retry)
            }) && is_sender(sender.as_deref(), &entry.sender)
        };
        queue.values().filter(|entry| is_it(entry)).count()
    }

    fn copies(&self, outcome: &Outcome) -> usize {
        let What::Device { host, account, subject, folder, flags } = &self.what else { return 0 };
        let Some(accounts) = outcome.state.clients.get(host) else { return 0 };
        let of_account = accounts.iter().filter(|(name, _)| says(account.as_deref(), name));
        let copies = of_account.flat_map(|(_, copies)| copies.values());
        let is_it = |copy: &crate::state::Copy| {
            says(subject.as_deref(), &copy.subject)
                && folder.as_deref().is_none_or(|folder| folder.eq_ignore_ascii_case(&copy.folder))
                && has_flags(&copy.flags, flags)
        };
        copies.filter(|copy| is_it(copy)).count()
    }
}

impl Count {
    fn admits(self, found: usize) -> bool {
        found >= self.least && self.most.is_none_or(|most| found <= most)
    }
}

/// Whether a text has these words in it, in any case; nothing is asked of it where there are none.
fn says(wanted: Option<&str>, text: &str) -> bool {
    wanted.is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
}

/// Envelope senders are compared whole: the empty one is one of its own.
fn is_sender(wanted: Option<&str>, sender: &str) -> bool {
    wanted.is_none_or(|wanted| sender.eq_ignore_ascii_case(wanted.trim_matches(['<', '>'])))
}

fn has_flags(flags: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|wanted| flags.iter().any(|flag| flag.eq_ignore_ascii_case(wanted)))
}

/// How many messages are like this; and of the one that comes nearest, what it lacks.
fn in_mailbox(wanted: &InMailbox, outcome: &Outcome) -> (usize, Option<String>) {
    let boxes = outcome.state.mailboxes.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted.account));
    let Some((account, boxes)) = boxes else { return (0, None) };
    let of_name = |name: &&String| match wanted.folder.as_str() {
        "INBOX" => name.eq_ignore_ascii_case("INBOX"),
        folder => name.as_str() == folder,
    };
    let Some((name, mailbox)) = boxes.iter().find(|(name, _)| of_name(name)) else { return (0, None) };
    let mut found = 0;
    let mut nearest: Option<(usize, String)> = None;
    for (uid, message) in mailbox.messages.iter() {
        let letter = outcome.letter(account, name, *uid);
        match lacks(wanted, message, letter, outcome) {
            None => found += 1,
            Some((fits, lack)) if nearest.as_ref().is_none_or(|(best, _)| fits > *best) => {
                nearest = Some((fits, lack));
            }
            Some(_) => {}
        }
    }
    (found, nearest.map(|(_, lack)| lack))
}

/// The first thing that a message lacks, and how many it has; `None` where it lacks nothing.
fn lacks(
    wanted: &InMailbox,
    message: &Message,
    letter: Option<&Letter>,
    outcome: &Outcome,
) -> Option<(usize, String)> {
    let field = |name: &str| letter.and_then(|letter| letter.field(name)).unwrap_or_default();
    let subject = letter.and_then(Letter::subject).unwrap_or_default();
    let text = text_of(letter);
    let not = |words: &Option<String>| words.as_deref().is_some_and(|words| says(Some(words), &text));
    let asks_text = wanted.subject.is_some()
        || wanted.from.is_some()
        || wanted.to.is_some()
        || wanted.text.is_some()
        || wanted.no_text.is_some();
    let known = letter.is_some_and(|letter| !letter.text.is_empty());
    let checks = [
        // What a server writes and keeps crosses no wire until somebody fetches it.
        (known || !asks_text, "what is in it is not known, for nobody has handed it over or fetched it"),
        (says(wanted.subject.as_deref(), &subject), "its subject is another one"),
        (says(wanted.from.as_deref(), &field("From")), "its From: line is another one"),
        (says(wanted.to.as_deref(), &field("To")), "its To: line is another one"),
        (says(wanted.text.as_deref(), &text), "its text does not have the words"),
        (!not(&wanted.no_text), "its text has words that should not be there"),
        (
            wanted.sender.is_none()
                || letter.is_some_and(|letter| is_sender(wanted.sender.as_deref(), &letter.sender)),
            "its envelope has another sender",
        ),
        (has_flags(&message.flags, &wanted.flags), "it does not have the flags"),
        (
            wanted.without_flags.iter().all(|flag| !has_flags(&message.flags, std::slice::from_ref(flag))),
            "it has a flag that it should not have",
        ),
        (
            wanted.came.as_ref().is_none_or(|session| {
                let hops = letter.map(|letter| letter.hops.as_slice()).unwrap_or_default();
                hops.iter().any(|conn| is_like(session, *conn, outcome))
            }),
            "it came another way",
        ),
    ];
    let lack = checks.iter().find(|(fits, _)| !fits)?.1.to_owned();
    Some((checks.iter().filter(|(fits, _)| *fits).count(), lack))
}

/// A letter as it is searched. A line end stands before it too, so that its first line is found as a line.
fn text_of(letter: Option<&Letter>) -> String {
    letter.map(|letter| format!("\r\n{}", String::from_utf8_lossy(&letter.text))).unwrap_or_default()
}

/// Whether a host is meant: by its whole name, or its first labels.
fn is_host(wanted: &str, host: &str) -> bool {
    let head = host.get(..wanted.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(wanted))
        && matches!(host.as_bytes().get(wanted.len()), None | Some(b'.'))
}

fn is_like(session: &Session, conn: Conn, outcome: &Outcome) -> bool {
    outcome.calls.get(&conn).is_some_and(|call| fits(session, call, outcome.is_typed(conn)))
}

fn fits(session: &Session, call: &Call, typed: bool) -> bool {
    session.from.as_deref().is_none_or(|host| is_host(host, &call.from))
        && session.to.as_deref().is_none_or(|host| is_host(host, &call.to))
        && session.port.is_none_or(|port| port == call.port)
        && session.auth.is_none_or(|auth| auth == call.auth)
        && session.tls.is_none_or(|tls| tls == call.tls)
        && session.typed.is_none_or(|wanted| wanted == typed)
}

fn steps(filter: &Filter, typed: bool, outcome: &Outcome) -> usize {
    if !typed {
        return outcome.matching(filter).len();
    }
    outcome.steps(filter).iter().filter(|step| outcome.is_typed(step.conn)).count()
}

/// On how many connections Steps like these come in this order.
fn in_order(filters: &[Filter], typed: bool, outcome: &Outcome) -> usize {
    let found: Vec<Vec<usize>> = filters.iter().map(|filter| outcome.matching(filter)).collect();
    // How far each connection has come, and at which item.
    let mut come: BTreeMap<Conn, (usize, usize)> = BTreeMap::new();
    for (nth, places) in found.iter().enumerate() {
        for place in places {
            let Some(step) = outcome.step_at(*place) else { continue };
            let (have, last) = come.get(&step.conn).copied().unwrap_or_default();
            if have == nth && (nth == 0 || *place > last) {
                come.insert(step.conn, (nth + 1, *place));
            }
        }
    }
    let whole = |(conn, (have, _)): &(&Conn, &(usize, usize))| {
        *have == filters.len() && (!typed || outcome.is_typed(**conn))
    };
    come.iter().filter(whole).count()
}

fn connections(wanted: &OnConnection, outcome: &Outcome) -> usize {
    let on = |filter: &Option<Filter>| {
        let conns = |filter: &Filter| -> BTreeSet<Conn> {
            outcome.steps(filter).iter().map(|step| step.conn).collect()
        };
        filter.as_ref().map(conns)
    };
    let (with, without) = (on(&wanted.with), on(&wanted.without));
    let is_it = |(conn, call): &(&Conn, &Call)| {
        let spoken = match wanted.protocol.as_str() {
            "tls" => call.tls,
            protocol => call.protocol.name() == protocol,
        };
        spoken
            && fits(&wanted.session, call, outcome.is_typed(**conn))
            && with.as_ref().is_none_or(|conns| conns.contains(conn))
            && without.as_ref().is_none_or(|conns| !conns.contains(conn))
    };
    outcome.calls.iter().filter(is_it).count()
}

fn stated(kind: &str, host: Option<&str>, with: &[(String, toml::Value)], outcome: &Outcome) -> usize {
    let is_it = |by: &str, fact: &Fact| {
        if !host.is_none_or(|host| is_host(host, by)) {
            return false;
        }
        // As it stands in a transcript: so a goal names fields as the format does.
        let Ok(value) = serde_json::to_value(fact) else { return false };
        value.get("fact").and_then(|kind| kind.as_str()) == Some(kind)
            && with.iter().all(|(key, wanted)| value.get(key).is_some_and(|has| is_value(wanted, has)))
    };
    outcome.facts().filter(|(by, fact)| is_it(by, fact)).count()
}

/// A text is searched, also in the entries of a list; anything else is the same.
fn is_value(wanted: &toml::Value, has: &serde_json::Value) -> bool {
    match (wanted, has) {
        (_, serde_json::Value::Array(list)) => list.iter().any(|entry| is_value(wanted, entry)),
        (toml::Value::String(words), serde_json::Value::String(text)) if words.is_empty() => text.is_empty(),
        (toml::Value::String(words), serde_json::Value::String(text)) => says(Some(words), text),
        (toml::Value::Integer(number), serde_json::Value::Number(has)) => has.as_i64() == Some(*number),
        (toml::Value::Boolean(wanted), serde_json::Value::Bool(has)) => wanted == has,
        _ => false,
    }
}
