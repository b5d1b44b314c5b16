//! The story as OpenTelemetry traces: one trace for each message, across its hops, in the JSON form of OTLP that a collector
//! reads from a file (one `ExportTraceServiceRequest` a line).
//!
//! Where it stands on the road: a view, beside `json`. It is a fold over Items. What one host does is a span of that host:
//! the message itself from the first word about it to the last; its stay in each queue; each SMTP transaction as the
//! client has it, and inside it as the server has it; each look-up in the DNS; each wait for the next attempt; delivery. A
//! trace is written when no queue has the message any more.
//!
//! A transaction belongs to the entry of its client's queue with the same sender, a recipient in common, and, where the
//! message was sent, the same Message-ID.

mod span;
mod talks;

pub use span::{Attribute, Event, Span, SpanKind};

use super::{Cast, Closing, Renderer, Tally};
use crate::base::Instant;
use crate::explain::Item;
use crate::trace::Fact;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;
use talks::{Done, Talks, Transaction};

/// Messages on their way at once; beyond that the oldest one is written as it is.
const MOST_MESSAGES: usize = 1024;
/// Spans of one message.
const MOST_SPANS: usize = 500;
/// How long a report about a message may take to be written.
const REPORT: Duration = Duration::from_secs(10);
/// Names that the delivery of one message looks up.
const MOST_NAMES: usize = 100;

/// Writes each message's trace as soon as it is done.
pub struct Otlp<W> {
    out: W,
    talks: Talks,
    /// By the number of the trace.
    messages: BTreeMap<u64, Message>,
    /// Which trace an entry of a queue belongs to: host and queue id.
    entries: BTreeMap<(String, String), u64>,
    /// Entries of queues that are announced and not there yet: what was written about a message.
    awaited: BTreeMap<(String, String), u64>,
    /// Messages that no queue has any more, and about which a report is to be written; since when.
    reported: BTreeMap<u64, Instant>,
    begun: u64,
    now: Instant,
}

/// A message on its way.
struct Message {
    id: String,
    /// The first is the message itself.
    spans: Vec<Span>,
    open: Vec<Entry>,
    /// Entries of queues that it has been, so that they are forgotten with it.
    known: Vec<(String, String)>,
}

/// A message in one host's queue.
struct Entry {
    host: String,
    id: String,
    /// The number of its span.
    span: usize,
    sender: String,
    recipients: Vec<String>,
    message_id: String,
    /// What has to be looked up to deliver it: its recipients' domains, and the hosts that take mail for them.
    names: BTreeSet<String>,
    /// When something was last done about it.
    touched: Instant,
    /// The number of the span of the wait that it is in.
    waits: Option<usize>,
    /// Whether its sender is told what became of it.
    reports: bool,
}

impl Message {
    fn push(&mut self, span: Span) -> usize {
        if let Some(whole) = self.spans.first_mut() {
            whole.start = whole.start.min(span.start);
            whole.end = whole.end.max(span.end);
        }
        // The last ones of a message that is tried for days are not told.
        if self.spans.len() < MOST_SPANS {
            self.spans.push(span);
        }
        self.spans.len() - 1
    }

    fn entry(&self, host: &str, id: &str) -> Option<usize> {
        self.open.iter().position(|entry| entry.host == host && entry.id == id)
    }

    /// Something is done about an entry: a wait is over.
    fn touch(&mut self, number: usize, at: Instant) {
        let Some(entry) = self.open.get_mut(number) else { return };
        entry.touched = at;
        let wait = entry.waits.take().and_then(|wait| self.spans.get_mut(wait));
        if let Some(wait) = wait {
            wait.end = at.max(wait.start);
        }
    }

    /// The entry's span, to note something there.
    fn span_of(&mut self, number: usize) -> Option<&mut Span> {
        let span = self.open.get(number)?.span;
        self.spans.get_mut(span)
    }

    fn fail(&mut self, number: usize, why: &str) {
        if let Some(span) = self.span_of(number) {
            span.failure = why.to_owned();
        }
        if let Some(whole) = self.spans.first_mut() {
            whole.failure = why.to_owned();
        }
    }
}

impl<W: Write> Otlp<W> {
    /// Onto `out`.
    pub fn new(out: W) -> Self {
        Otlp {
            out,
            talks: Talks::default(),
            messages: BTreeMap::new(),
            entries: BTreeMap::new(),
            awaited: BTreeMap::new(),
            reported: BTreeMap::new(),
            begun: 0,
            now: Instant::default(),
        }
    }

    /// Everything that is still on its way is written as it stands.
    ///
    /// # Errors
    /// Where `out` fails.
    pub fn finish(&mut self) -> io::Result<()> {
        let left: Vec<u64> = self.messages.keys().copied().collect();
        left.into_iter().try_for_each(|number| self.write(number))?;
        self.out.flush()
    }

    /// What was written goes out.
    ///
    /// # Errors
    /// Where `out` fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self, number: u64) -> io::Result<()> {
        let Some(mut message) = self.messages.remove(&number) else { return Ok(()) };
        message.known.iter().for_each(|key| {
            self.entries.remove(key);
        });
        self.awaited.retain(|_, of| *of != number);
        self.reported.remove(&number);
        // What is still open ends here, as far as anybody knows; and nothing outlasts what it is part of.
        let open: Vec<usize> = message.open.iter().flat_map(|e| [Some(e.span), e.waits]).flatten().collect();
        for at in open {
            if let Some(span) = message.spans.get_mut(at) {
                span.end = span.end.max(self.now);
            }
        }
        for number in (1..message.spans.len()).rev() {
            let Some(span) = message.spans.get(number) else { continue };
            // One whose parent was one too many is a part of the whole.
            let parent = span.parent.filter(|parent| *parent < number).unwrap_or_default();
            let (start, end) = (span.start, span.end);
            if let Some(span) = message.spans.get_mut(number) {
                span.parent = Some(parent);
            }
            if let Some(parent) = message.spans.get_mut(parent) {
                (parent.start, parent.end) = (parent.start.min(start), parent.end.max(end));
            }
        }
        let request = span::request(&message.id, &message.spans);
        serde_json::to_writer(&mut self.out, &request).map_err(io::Error::other)?;
        self.out.write_all(b"\n")
    }

    /// Messages about which nobody has written anything after all.
    fn give_up_waiting(&mut self) -> io::Result<()> {
        let now = self.now;
        let over = |(number, since): (&u64, &Instant)| (now.since(*since) >= REPORT).then_some(*number);
        let over: Vec<u64> = self.reported.iter().filter_map(over).collect();
        for number in over {
            self.reported.remove(&number);
            self.settle(number)?;
        }
        Ok(())
    }

    /// A message begins with this transaction, or in this host's own queue.
    fn begin(&mut self, host: &str, at: Instant, seeds: &[&str]) -> io::Result<u64> {
        if self.messages.len() >= MOST_MESSAGES
            && let Some(oldest) = self.messages.keys().next().copied()
        {
            self.write(oldest)?;
        }
        self.begun += 1;
        let mut all = vec![self.begun.to_string(), at.as_micros().to_string()];
        all.extend(seeds.iter().map(|seed| (*seed).to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut whole = Span::new(host, "message", SpanKind::Producer, at);
        whole.text("messaging.system", "smtp");
        let message =
            Message { id: span::trace_id(&all), spans: vec![whole], open: Vec::new(), known: Vec::new() };
        self.messages.insert(self.begun, message);
        Ok(self.begun)
    }

    /// The entry that a transaction of this client serves.
    fn served(&self, done: &Transaction) -> Option<(u64, usize)> {
        let serves = |entry: &Entry| {
            let same = |a: &String| done.recipients.iter().any(|b| a.eq_ignore_ascii_case(b));
            entry.host == done.client
                && entry.sender.eq_ignore_ascii_case(&done.sender)
                && (done.recipients.is_empty() || entry.recipients.iter().any(same))
                && (done.message_id.is_empty()
                    || entry.message_id.is_empty()
                    || done.message_id == entry.message_id)
        };
        self.find(serves)
    }

    fn find(&self, is: impl Fn(&Entry) -> bool) -> Option<(u64, usize)> {
        let found = |(number, message): (&u64, &Message)| Some((*number, message.open.iter().position(&is)?));
        self.messages.iter().find_map(found)
    }

    /// A transaction is over: it becomes two spans of the message that it was about.
    fn transacted(&mut self, mut done: Transaction) -> io::Result<()> {
        let queued = done.queued.take().and_then(|id| self.entries.get(&(done.server.clone(), id)).copied());
        let served = self.served(&done);
        let number = match (served, queued) {
            (Some((number, _)), _) | (None, Some(number)) => number,
            // Nobody took it, and it is in no queue: the message is what was tried here.
            (None, None) => self.begin(&done.client, done.start, &[&done.sender, &done.message_id])?,
        };
        let is_whole = served.is_none() && queued.is_none();
        let Some(message) = self.messages.get_mut(&number) else { return Ok(()) };
        let parent = match served {
            Some((_, entry)) => {
                message.touch(entry, done.start);
                message.open.get(entry).map(|entry| entry.span)
            }
            None => Some(0),
        };
        let (mut client, mut server) = done.spans();
        client.parent = parent;
        let at = message.push(client);
        server.parent = Some(at);
        message.push(server);
        if let Some(whole) = message.spans.first_mut() {
            whole.text("email.message_id", &done.message_id);
            if is_whole {
                done.envelope(whole);
                whole.failure = done.failure.clone();
            }
        }
        if is_whole { self.write(number) } else { self.settle(number) }
    }

    /// Write the message, if no queue has it any more and nobody speaks of it.
    fn settle(&mut self, number: u64) -> io::Result<()> {
        let Some(message) = self.messages.get(&number) else { return Ok(()) };
        let spoken_of = message.known.iter().any(|(host, id)| self.talks.speaks_of(host, id));
        let awaited = self.awaited.values().any(|of| *of == number);
        let awaited = awaited || self.reported.contains_key(&number);
        if message.open.is_empty() && !spoken_of && !awaited { self.write(number) } else { Ok(()) }
    }

    fn looked_up(&mut self, mut span: Span, name: &str, found: &[String]) {
        let name = name.to_ascii_lowercase();
        let Some((number, entry)) = self.find(|e| e.host == span.host && e.names.contains(&name)) else {
            return;
        };
        let Some(message) = self.messages.get_mut(&number) else { return };
        message.touch(entry, span.start);
        if let Some(entry) = message.open.get_mut(entry) {
            span.parent = Some(entry.span);
            let room = MOST_NAMES.saturating_sub(entry.names.len());
            entry.names.extend(found.iter().take(room).cloned());
        }
        message.push(span);
    }

    fn unreached(&mut self, mut span: Span, server: &str) {
        let Some((number, entry)) = self.find(|e| e.host == span.host && e.names.contains(server)) else {
            return;
        };
        let Some(message) = self.messages.get_mut(&number) else { return };
        message.touch(entry, span.start);
        span.parent = message.open.get(entry).map(|entry| entry.span);
        message.push(span);
    }

    fn fact(&mut self, at: Instant, host: &str, fact: &Fact) -> io::Result<()> {
        match fact {
            Fact::Queued { id, sender, recipients, size } => {
                return self.queued(at, host, (id, sender, recipients), *size);
            }
            // What is written about a message belongs to it.
            Fact::Bounced { id, notification, .. } => return self.adopt(host, id, notification),
            Fact::Forwarded { id, onward, .. } => return self.adopt(host, id, onward),
            Fact::Tls { conn, version, cipher, wrong, .. } => {
                self.talks.secured(*conn, version, cipher, wrong);
                return Ok(());
            }
            _ => {}
        }
        let id = match fact {
            Fact::RetryAt { id, .. }
            | Fact::Relayed { id, .. }
            | Fact::Failed { id, .. }
            | Fact::Dequeued { id }
            | Fact::Delivered { id: Some(id), .. } => id,
            _ => return Ok(()),
        };
        let Some(number) = self.entries.get(&(host.to_owned(), id.clone())).copied() else { return Ok(()) };
        let Some(message) = self.messages.get_mut(&number) else { return Ok(()) };
        let Some(entry) = message.entry(host, id) else { return Ok(()) };
        message.learn(entry, at, fact);
        if matches!(fact, Fact::Dequeued { .. }) {
            let entry = message.open.remove(entry);
            // A host lets go of a message first, and then writes about it.
            if entry.reports && !entry.sender.is_empty() {
                self.reported.insert(number, at);
            }
            return self.settle(number);
        }
        Ok(())
    }

    /// A host has a message in its queue: one that it was just given, or one that it wrote itself.
    fn queued(
        &mut self,
        at: Instant,
        host: &str,
        (id, sender, recipients): (&String, &String, &[String]),
        size: u64,
    ) -> io::Result<()> {
        let given = self.talks.gave(host, sender, id).cloned();
        let key = (host.to_owned(), id.clone());
        let served = given.as_ref().and_then(|given| self.served(given));
        let awaited = self.awaited.remove(&key).filter(|number| self.messages.contains_key(number));
        let number = match (awaited.or(served.map(|(number, _)| number)), &given) {
            (Some(number), _) => number,
            (None, Some(given)) => self.begin(&given.client, given.start, &[&given.message_id, host, id])?,
            (None, None) => self.begin(host, at, &[host, id])?,
        };
        let Some(message) = self.messages.get_mut(&number) else { return Ok(()) };
        let mut span = Span::new(host, "queue", SpanKind::Internal, at);
        span.parent = Some(0);
        span.text("email.queue_id", id);
        span.number("messaging.message.envelope.size", size);
        envelope(&mut span, sender, recipients);
        if let Some(whole) = message.spans.first_mut()
            && message.known.is_empty()
        {
            envelope(whole, sender, recipients);
        }
        let (message_id, reports) = given.map(|given| (given.message_id, given.reports)).unwrap_or_default();
        let domain = |recipient: &String| recipient.rsplit_once('@').map(|(_, d)| d.to_ascii_lowercase());
        let names = recipients.iter().filter_map(domain).take(MOST_NAMES).collect();
        let span = message.push(span);
        message.known.push(key.clone());
        let entry = Entry {
            host: host.to_owned(),
            id: id.clone(),
            span,
            sender: sender.clone(),
            recipients: recipients.to_vec(),
            message_id,
            names,
            touched: at,
            waits: None,
            reports,
        };
        message.open.push(entry);
        self.entries.insert(key, number);
        Ok(())
    }

    /// What was queued as `onward` came of the entry `id`: one trace tells both.
    fn adopt(&mut self, host: &str, id: &str, onward: &str) -> io::Result<()> {
        let of = |id: &str| self.entries.get(&(host.to_owned(), id.to_owned())).copied();
        let Some(parent) = of(id) else { return Ok(()) };
        self.reported.remove(&parent);
        let Some(child) = of(onward) else {
            if self.awaited.len() < MOST_MESSAGES {
                self.awaited.insert((host.to_owned(), onward.to_owned()), parent);
            }
            return Ok(());
        };
        if parent == child {
            return Ok(());
        }
        let Some(child) = self.messages.remove(&child) else { return Ok(()) };
        let Some(message) = self.messages.get_mut(&parent) else { return Ok(()) };
        let by = message.spans.len();
        // Its own whole becomes part of this one: its spans stand behind, and its parts are parts of this whole.
        let renumbered = |number: usize| if number == 0 { 0 } else { number - 1 + by };
        for mut span in child.spans.into_iter().skip(1) {
            span.parent = span.parent.map(renumbered);
            message.push(span);
        }
        for mut entry in child.open {
            entry.span = renumbered(entry.span);
            entry.waits = entry.waits.map(renumbered);
            message.open.push(entry);
        }
        for key in child.known {
            self.entries.insert(key.clone(), parent);
            message.known.push(key);
        }
        Ok(())
    }
}

impl Message {
    /// What a host states about an entry of its queue.
    fn learn(&mut self, number: usize, at: Instant, fact: &Fact) {
        let text = |text: &str| Attribute::Text(text.to_owned());
        match fact {
            Fact::RetryAt { at: again, attempt, reason, recipients, .. } => {
                self.touch(number, at);
                let attributes = vec![
                    ("email.attempt", Attribute::Number(u64::from(*attempt))),
                    ("email.reason", text(reason)),
                    ("email.to", Attribute::List(recipients.clone())),
                ];
                let Some(entry) = self.open.get(number) else { return };
                let (host, parent) = (entry.host.clone(), entry.span);
                let mut wait = Span::new(&host, "wait for the next attempt", SpanKind::Internal, at);
                wait.parent = Some(parent);
                wait.text("email.reason", reason);
                wait.number("email.planned_wait_s", Instant::from_micros(*again).since(at).as_secs());
                let wait = self.push(wait);
                if let Some(entry) = self.open.get_mut(number) {
                    entry.waits = Some(wait);
                }
                if let Some(span) = self.span_of(number) {
                    span.happened(at, "email.put_off", attributes);
                }
            }
            Fact::Relayed { to, reply, .. } => {
                self.touch(number, at);
                let attributes = vec![("server.address", text(to)), ("email.reply", text(reply))];
                if let Some(span) = self.span_of(number) {
                    span.happened(at, "email.relayed", attributes);
                }
            }
            Fact::Failed { status, reason, recipients, .. } => {
                self.touch(number, at);
                let attributes = vec![
                    ("email.status", text(status)),
                    ("email.reason", text(reason)),
                    ("email.to", Attribute::List(recipients.clone())),
                ];
                if let Some(span) = self.span_of(number) {
                    span.happened(at, "email.failed", attributes);
                }
                self.fail(number, &format!("{status} {reason}"));
                if let Some(entry) = self.open.get_mut(number) {
                    entry.reports = true;
                }
            }
            Fact::Delivered { account, mailbox, uid, size, .. } => {
                let Some(entry) = self.open.get(number) else { return };
                let (host, from, parent) = (entry.host.clone(), entry.touched, entry.span);
                self.touch(number, at);
                let mut span = Span::new(&host, "deliver", SpanKind::Internal, from);
                (span.end, span.parent) = (at, Some(parent));
                span.text("email.account", account);
                span.text("email.mailbox", mailbox);
                span.number("email.uid", u64::from(*uid));
                span.number("messaging.message.body.size", *size);
                self.push(span);
            }
            Fact::Dequeued { .. } => {
                self.touch(number, at);
                if let Some(span) = self.span_of(number) {
                    span.end = span.end.max(at);
                }
                if let Some(whole) = self.spans.first_mut() {
                    whole.end = whole.end.max(at);
                }
            }
            _ => {}
        }
    }
}

/// From whom to whom.
fn envelope(span: &mut Span, sender: &str, recipients: &[String]) {
    span.set("email.from", Attribute::Text(format!("<{sender}>")));
    span.set("email.to", Attribute::List(recipients.to_vec()));
}

impl<W: Write> Renderer for Otlp<W> {
    fn begin(&mut self, _: &Cast) -> io::Result<()> {
        Ok(())
    }

    fn item(&mut self, cast: &Cast, item: &Item) -> io::Result<()> {
        self.give_up_waiting()?;
        match item {
            Item::Step(step, _) => {
                self.now = self.now.max(step.at);
                for done in self.talks.step(cast, step) {
                    match done {
                        Done::Transaction(done) => self.transacted(*done)?,
                        Done::LookUp { span, name, found } => self.looked_up(*span, &name, &found),
                        Done::Unreached { span, server } => self.unreached(*span, &server),
                    }
                }
                Ok(())
            }
            Item::Fact { at, host, fact, .. } => {
                self.now = self.now.max(*at);
                self.fact(*at, &cast.known(host), fact)
            }
            Item::Chapter(_) | Item::Outcome(_) | Item::Mark(_) => Ok(()),
        }
    }

    fn settle(&mut self, _: &Cast) -> io::Result<()> {
        self.flush()
    }

    fn end(&mut self, _: &Cast, _: &Tally, _: &Closing<'_>) -> io::Result<()> {
        self.finish()
    }
}

#[cfg(test)]
mod tests;
