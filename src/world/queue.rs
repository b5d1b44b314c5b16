//! The queue of an MTA: messages that this host has taken responsibility for, and has not passed on yet.
//!
//! "the sender MUST delay retrying a particular destination after one attempt has failed" and "Retries continue
//! until the message is transmitted or the sender gives up; the give-up time generally needs to be at least 4-5
//! days" (RFC 5321 §4.5.4.1). Every change states its fact.

use super::dsn::{Action, FailedRecipient, Told};
use super::wishes::Wishes;
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

/// After how long a sender is told that a message is late: four hours, as most hosts do; RFC 3461 §5.2.5 leaves it open.
pub const WARN_AFTER: Duration = Duration::from_secs(4 * 3600);

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id, as it stands in Received.
    pub id: String,
    /// The envelope's reverse-path; empty for `<>`.
    pub sender: String,
    /// The forward-paths that nobody else has taken yet.
    pub waiting: Vec<String>,
    /// What its sender asked to be told.
    pub wishes: Wishes,
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
    /// The next host took responsibility.
    Relayed {
        /// Its name.
        to: String,
        /// What it said.
        reply: String,
        /// Whether it offers DSN, and so reports the rest by itself.
        reports: bool,
    },
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
    manner: Manner,
    entries: BTreeMap<String, Entry>,
    /// The same entries by when they are due, so that a long queue costs no more per message than a short one.
    schedule: BTreeSet<(Instant, String)>,
    facts: Vec<Fact>,
}

impl Queue {
    /// An empty queue that works in this manner.
    pub fn new(manner: Manner) -> Self {
        Queue { manner, ..Queue::default() }
    }

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

    /// The entry that is due at `now` and was due first. It is in hand from here on, and due again when it was
    /// [settled](Self::settle).
    pub fn take_due(&mut self, now: Instant) -> Option<Entry> {
        let (_, id) = self.schedule.first().filter(|(next, _)| *next <= now)?;
        let entry = self.entries.get(id).cloned();
        self.schedule.pop_first();
        entry
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

    /// Write down what an attempt brought. Gives the entry with what its sender is to be told, if anything: "a
    /// notification MUST NOT be sent" about a message with a null reverse-path (RFC 5321 §4.5.5, §6.1). A message that
    /// nobody waits for any more leaves the queue.
    pub fn settle(
        &mut self,
        id: &str,
        verdicts: Vec<(String, Verdict)>,
        now: Instant,
    ) -> Option<(Entry, Vec<Told>)> {
        let entry = self.entries.get_mut(id)?;
        self.schedule.remove(&(entry.next, id.to_owned()));
        entry.attempts += 1;
        let mut told = Vec::new();
        let mut again: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (recipient, verdict) in verdicts {
            match verdict {
                Verdict::Delivered => {
                    entry.waiting.retain(|r| *r != recipient);
                    entry.tell(&mut told, Action::Delivered, success(recipient, "", ""));
                }
                Verdict::Relayed { to, reply, reports } => {
                    entry.waiting.retain(|r| *r != recipient);
                    if !reports {
                        entry.tell(&mut told, Action::Relayed, success(recipient.clone(), &to, &reply));
                    }
                    relayed(&mut self.facts, id, recipient, to, reply);
                }
                Verdict::Permanent(failed) => {
                    fail(&mut self.facts, entry, recipient, &failed);
                    entry.tell(&mut told, Action::Failed, failed);
                }
                Verdict::Transient(reason) if entry.arrived + self.manner.give_up <= now => {
                    let failed = FailedRecipient {
                        address: recipient.clone(),
                        status: "4.4.7".to_owned(),
                        diagnostic: format!("given up after {}: {reason}", in_words(self.manner.give_up)),
                        remote: String::new(),
                    };
                    fail(&mut self.facts, entry, recipient, &failed);
                    entry.tell(&mut told, Action::Failed, failed);
                }
                Verdict::Transient(reason) => {
                    if entry.arrived + self.manner.warn <= now {
                        entry.tell_of_delay(&mut told, &recipient, &reason, self.manner.give_up);
                    }
                    again.entry(reason).or_default().push(recipient);
                }
            }
        }
        entry.next = now + self.manner.retry_after(entry.attempts);
        for (reason, recipients) in again {
            let (at, attempt) = (entry.next.as_micros(), entry.attempts);
            self.facts.push(Fact::RetryAt { id: id.to_owned(), recipients, at, attempt, reason });
        }
        let report = (!told.is_empty() && !entry.sender.is_empty()).then(|| (entry.clone(), told));
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
    pub fn reported(&mut self, id: &str, notification: &str, to: &str, worst: Action) {
        let (id, notification, to) = (id.to_owned(), notification.to_owned(), to.to_owned());
        let action = if worst == Action::Failed { String::new() } else { worst.name().to_owned() };
        self.facts.push(Fact::Bounced { id, notification, to, action });
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

fn fail(facts: &mut Vec<Fact>, entry: &mut Entry, recipient: String, failed: &FailedRecipient) {
    entry.waiting.retain(|r| *r != recipient);
    facts.push(Fact::Failed {
        id: entry.id.clone(),
        recipients: vec![recipient],
        status: failed.status.clone(),
        reason: failed.diagnostic.clone(),
    });
}

/// Good news of a recipient. RFC 3463 §3.1: 2.0.0, "Other undefined status", of success.
fn success(address: String, remote: &str, diagnostic: &str) -> FailedRecipient {
    let (remote, diagnostic) = (remote.to_owned(), diagnostic.to_owned());
    FailedRecipient { address, status: "2.0.0".to_owned(), diagnostic, remote }
}

impl Entry {
    /// Note down what the sender is to be told, if it wants to be.
    fn tell(&self, told: &mut Vec<Told>, action: Action, recipient: FailedRecipient) {
        if self.wishes.wants(&recipient.address, action) {
            let original = self.wishes.original(&recipient.address);
            told.push(Told { action, recipient, original, retry_until: None });
        }
    }

    /// The same of a delay: once for each recipient. RFC 3461 §5.2.5.
    fn tell_of_delay(&mut self, told: &mut Vec<Told>, recipient: &str, reason: &str, give_up: Duration) {
        if !self.wishes.wants(recipient, Action::Delayed)
            || !self.wishes.delay_told.insert(recipient.to_owned())
        {
            return;
        }
        let failed = FailedRecipient {
            address: recipient.to_owned(),
            status: status_in(reason),
            diagnostic: reason.to_owned(),
            remote: String::new(),
        };
        let original = self.wishes.original(recipient);
        let retry_until = Some(self.arrived + give_up);
        told.push(Told { action: Action::Delayed, recipient: failed, original, retry_until });
    }
}

/// The enhanced status code in a reason, as in `4.4.1`; without one, 4.0.0 (RFC 3463 §3.1).
fn status_in(reason: &str) -> String {
    let is_status = |word: &&str| {
        let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        word.split('.').count() == 3 && word.starts_with('4') && word.split('.').all(digits)
    };
    reason.split_ascii_whitespace().find(is_status).unwrap_or("4.0.0").to_owned()
}

/// How a queue deals with what cannot be delivered yet. RFC 5321 §4.5.4.1: "the parameters to the retry algorithm MUST be
/// configurable".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// When to try again after the n-th failed attempt; the last one holds from then on. Not empty.
    pub retry: Vec<Duration>,
    /// After how long a sender is told that a message is late.
    pub warn: Duration,
    /// How long a message may wait before it is given up.
    pub give_up: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        let minutes = |n: &u64| Duration::from_secs(60 * n);
        Manner {
            retry: RETRY_AFTER_MINUTES.iter().map(minutes).collect(),
            warn: WARN_AFTER,
            give_up: GIVE_UP_AFTER,
        }
    }
}

impl Manner {
    fn retry_after(&self, attempts: u32) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = self.retry.get(index).or(self.retry.last()).copied().unwrap_or(GIVE_UP_AFTER);
        wait.max(Duration::from_secs(1))
    }
}

/// `five days`, `36 hours`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        432_000 => return "five days".to_owned(),
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3600 && s % 3600 == 0 => (s / 3600, "hour"),
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(recipients: &[&str]) -> Entry {
        Entry {
            id: "1A".to_owned(),
            sender: "alice@example.com".to_owned(),
            waiting: recipients.iter().map(|r| (*r).to_owned()).collect(),
            wishes: Wishes::default(),
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
        let relayed = Verdict::Relayed { to: "mx1".to_owned(), reply: "250 Ok".to_owned(), reports: true };
        let later = || Verdict::Transient("451 later".to_owned());
        let verdicts = vec![("a@example.net".to_owned(), relayed), ("b@example.net".to_owned(), later())];
        assert!(queue.settle("1A", verdicts, Instant::from_secs(1)).is_none());
        assert_eq!(queue.next_due(), Some(Instant::from_secs(1 + 15 * 60)));
        assert!(queue.take_due(Instant::from_secs(2)).is_none());
        let in_hand = queue.take_due(Instant::from_secs(901)).map(|entry| entry.id);
        assert_eq!((in_hand.as_deref(), queue.next_due()), (Some("1A"), None), "nobody else takes it up");
        let again = queue.settle("1A", vec![("b@example.net".to_owned(), later())], Instant::from_secs(901));
        assert!(again.is_none() && queue.next_due().is_some());
        let mut now = queue.next_due().unwrap_or_default();
        let (mut tries, mut reports) = (1, Vec::new());
        while queue.next_due().is_some() {
            let report = queue.settle("1A", vec![("b@example.net".to_owned(), later())], now);
            reports.extend(report.into_iter().flat_map(|(_, told)| told).map(|told| (told.action, now)));
            now = queue.next_due().unwrap_or(now);
            tries += 1;
        }
        let after = |time: Duration| Instant::from_secs(0) + time;
        let [(Action::Delayed, warned), (Action::Failed, given_up)] = reports[..] else {
            panic!("{reports:?}")
        };
        assert!(warned >= after(WARN_AFTER) && warned < after(2 * WARN_AFTER));
        assert!(given_up >= after(GIVE_UP_AFTER) && tries < 50, "{tries}");
        assert!(matches!(queue.take_facts().last(), Some(Fact::Dequeued { .. })));
    }
    #[test]
    fn success_is_told_to_who_asked_and_not_where_the_next_host_reports() {
        let told = |sender: &str, verdict: &Verdict| {
            let mut queue = Queue::default();
            let mut entry = entry(&["a@example.net"]);
            sender.clone_into(&mut entry.sender);
            let notify =
                Some(crate::proto::smtp::envelope::Notify { success: true, failure: false, delay: false });
            let wish = super::super::wishes::Wish { notify, orcpt: Some("rfc822;A@example.net".to_owned()) };
            entry.wishes.of.insert("a@example.net".to_owned(), wish);
            queue.accept(entry);
            let verdicts = vec![("a@example.net".to_owned(), verdict.clone())];
            let report = queue.settle("1A", verdicts, Instant::from_secs(1));
            report.map(|(_, told)| told.into_iter().map(|t| (t.action, t.original)).collect::<Vec<_>>())
        };
        let relayed =
            |reports| Verdict::Relayed { to: "mx1".to_owned(), reply: "250 Ok".to_owned(), reports };
        let original = Some("rfc822;A@example.net".to_owned());
        let alice = "alice@example.com";
        assert_eq!(told(alice, &Verdict::Delivered), Some(vec![(Action::Delivered, original.clone())]));
        assert_eq!(told(alice, &relayed(false)), Some(vec![(Action::Relayed, original)]));
        assert_eq!(told(alice, &relayed(true)), None, "mx1 reports by itself");
        assert_eq!(told("", &Verdict::Delivered), None, "nobody is told of a report");
        let failed = Verdict::Permanent(success("a@example.net".to_owned(), "mx1", "550 no"));
        assert_eq!(told(alice, &failed), None, "NOTIFY without FAILURE");
    }

    #[test]
    fn figures_are_said_in_words() {
        let words = [432_000, 86_400, 7200, 90, 60].map(|s| in_words(Duration::from_secs(s)));
        assert_eq!(words, ["five days", "1 day", "2 hours", "90 seconds", "1 minute"]);
        assert_eq!(
            (status_in("mx1: 451 4.3.0 later").as_str(), status_in("at 4.2").as_str()),
            ("4.3.0", "4.0.0")
        );
    }
}
