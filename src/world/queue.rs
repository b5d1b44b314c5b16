//! The queue of an MTA: messages that this host has taken responsibility for, and has not passed on yet.
//!
//! "the sender MUST delay retrying a particular destination after one attempt has failed" and "Retries continue
//! until the message is transmitted or the sender gives up; the give-up time generally needs to be at least 4-5
//! days" (RFC 5321 §4.5.4.1). Every change states its fact.

use super::dsn::FailedRecipient;
use crate::base::Instant;
use crate::trace::Fact;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// When to try again after the n-th failed attempt. RFC 5321 §4.5.4.1: "the retry interval SHOULD be at least 30
/// minutes; however, more sophisticated and variable strategies will be beneficial": two early tries suit
/// greylisting, then the interval grows.
const RETRY_AFTER_MINUTES: [u64; 6] = [15, 15, 30, 60, 120, 240];

/// How long a message may wait before it is given up: five days.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id, as it stands in Received.
    pub id: String,
    /// The envelope's reverse-path; empty for `<>`.
    pub sender: String,
    /// The forward-paths that nobody else has taken yet.
    pub waiting: Vec<String>,
    /// What could not be delivered, and was not reported yet.
    pub failed: Vec<FailedRecipient>,
    /// The message, with our Received line.
    pub message: Arc<[u8]>,
    /// Whether it asks for SMTPUTF8 (RFC 6531 §3.4) because an address needs it.
    pub smtputf8: bool,
    /// When it arrived here.
    pub arrived: Instant,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next: Instant,
}

/// What became of one recipient in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next host took responsibility: its name and reply.
    Relayed(String, String),
    /// It was put into a mailbox here.
    Delivered,
    /// Not now: why.
    Transient(String),
    /// Never.
    Permanent(FailedRecipient),
}

/// The queue of one host.
#[derive(Default)]
pub struct Queue {
    entries: BTreeMap<String, Entry>,
    /// The same entries by when they are due, so that a long queue costs no more per message than a short one.
    schedule: BTreeSet<(Instant, String)>,
    facts: Vec<Fact>,
}

impl Queue {
    /// Take responsibility for a message.
    pub fn accept(&mut self, entry: Entry) {
        self.facts.push(Fact::Queued {
            id: entry.id.clone(),
            sender: entry.sender.clone(),
            recipients: entry.waiting.clone(),
            size: entry.message.len() as u64,
        });
        self.schedule.insert((entry.next, entry.id.clone()));
        self.entries.insert(entry.id.clone(), entry);
    }

    /// The entry that is due at `now` and was due first.
    pub fn due(&self, now: Instant) -> Option<Entry> {
        let (next, id) = self.schedule.first()?;
        self.entries.get(id).filter(|_| *next <= now).cloned()
    }

    /// When the next entry is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.schedule.first().map(|(next, _)| *next)
    }

    /// What came for a recipient goes on to others, as a new entry: nobody waits for it here any more.
    pub fn forwarded(&mut self, id: &str, recipient: &str, onward: Entry) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.waiting.retain(|waiting| waiting != recipient);
        }
        self.facts.push(Fact::Forwarded {
            id: id.to_owned(),
            recipient: recipient.to_owned(),
            onward: onward.id.clone(),
            to: onward.waiting.clone(),
            sender: onward.sender.clone(),
        });
        self.accept(onward);
    }

    /// Write down what an attempt brought. Where recipients failed for good, gives the entry with them, to be
    /// reported to its sender; a message that nobody waits for any more leaves the queue.
    pub fn settle(&mut self, id: &str, verdicts: Vec<(String, Verdict)>, now: Instant) -> Option<Entry> {
        let entry = self.entries.get_mut(id)?;
        self.schedule.remove(&(entry.next, id.to_owned()));
        entry.attempts += 1;
        let mut again: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (recipient, verdict) in verdicts {
            match verdict {
                Verdict::Delivered => entry.waiting.retain(|r| *r != recipient),
                Verdict::Relayed(to, reply) => {
                    entry.waiting.retain(|r| *r != recipient);
                    relayed(&mut self.facts, id, recipient, to, reply);
                }
                Verdict::Permanent(failed) => fail(&mut self.facts, entry, recipient, failed),
                Verdict::Transient(reason) if entry.arrived + GIVE_UP_AFTER <= now => {
                    let failed = FailedRecipient {
                        address: recipient.clone(),
                        status: "4.4.7".to_owned(),
                        diagnostic: format!("given up after five days: {reason}"),
                        remote: String::new(),
                    };
                    fail(&mut self.facts, entry, recipient, failed);
                }
                Verdict::Transient(reason) => again.entry(reason).or_default().push(recipient),
            }
        }
        entry.next = now + retry_after(entry.attempts);
        for (reason, recipients) in again {
            let (at, attempt) = (entry.next.as_micros(), entry.attempts);
            self.facts.push(Fact::RetryAt { id: id.to_owned(), recipients, at, attempt, reason });
        }
        let report = (!entry.failed.is_empty()).then(|| entry.clone());
        entry.failed.clear();
        if entry.waiting.is_empty() {
            self.facts.push(Fact::Dequeued { id: id.to_owned() });
            self.entries.remove(id);
        } else {
            self.schedule.insert((entry.next, id.to_owned()));
        }
        report
    }

    /// The entry of this id, if it waits.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// State that a notification about `id` was queued.
    pub fn bounced(&mut self, id: &str, notification: &str, to: &str) {
        let (id, notification, to) = (id.to_owned(), notification.to_owned(), to.to_owned());
        self.facts.push(Fact::Bounced { id, notification, to });
    }

    /// What happened since the last call.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every message that waits: its id, and the recipients that it waits for.
    pub fn snapshot(&self) -> BTreeMap<String, Vec<String>> {
        self.entries.iter().map(|(id, e)| (id.clone(), e.waiting.clone())).collect()
    }
}

/// One fact for all recipients that the same host took with the same reply.
fn relayed(facts: &mut Vec<Fact>, id: &str, recipient: String, to: String, reply: String) {
    match facts.last_mut() {
        Some(Fact::Relayed { id: i, recipients, to: t, reply: r }) if i == id && *t == to && *r == reply => {
            recipients.push(recipient);
        }
        _ => facts.push(Fact::Relayed { id: id.to_owned(), recipients: vec![recipient], to, reply }),
    }
}

fn fail(facts: &mut Vec<Fact>, entry: &mut Entry, recipient: String, failed: FailedRecipient) {
    entry.waiting.retain(|r| *r != recipient);
    facts.push(Fact::Failed {
        id: entry.id.clone(),
        recipients: vec![recipient],
        status: failed.status.clone(),
        reason: failed.diagnostic.clone(),
    });
    entry.failed.push(failed);
}

fn retry_after(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = RETRY_AFTER_MINUTES.len() - 1;
    Duration::from_secs(60 * RETRY_AFTER_MINUTES[index.min(last)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(recipients: &[&str]) -> Entry {
        Entry {
            id: "1A".to_owned(),
            sender: "alice@example.com".to_owned(),
            waiting: recipients.iter().map(|r| (*r).to_owned()).collect(),
            failed: Vec::new(),
            message: Arc::from(b"Subject: x\r\n\r\n".as_slice()),
            smtputf8: false,
            arrived: Instant::from_secs(0),
            attempts: 0,
            next: Instant::from_secs(0),
        }
    }

    #[test]
    fn recipients_go_their_own_ways_and_the_rest_waits_longer_each_time() {
        let mut queue = Queue::default();
        queue.accept(entry(&["a@example.net", "b@example.net"]));
        let relayed = Verdict::Relayed("mx1".to_owned(), "250 Ok".to_owned());
        let later = || Verdict::Transient("451 later".to_owned());
        let verdicts = vec![("a@example.net".to_owned(), relayed), ("b@example.net".to_owned(), later())];
        assert!(queue.settle("1A", verdicts, Instant::from_secs(1)).is_none());
        assert_eq!(queue.next_due(), Some(Instant::from_secs(1 + 15 * 60)));
        assert!(queue.due(Instant::from_secs(2)).is_none());
        let mut now = Instant::from_secs(901);
        let mut tries = 1;
        while queue.settle("1A", vec![("b@example.net".to_owned(), later())], now).is_none() {
            now = queue.next_due().expect("still waiting");
            tries += 1;
        }
        assert!(now.since(Instant::from_secs(0)) >= GIVE_UP_AFTER && tries < 50, "{tries}");
        assert!(matches!(queue.take_facts().last(), Some(Fact::Dequeued { .. })));
    }
}
