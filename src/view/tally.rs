//! [`Tally`]: what is counted while a story is told, and where each message lies at its end.
//!
//! Where messages lie is the State's knowledge; the tally only adds what a State does not keep: who holds which
//! account, and what failed for good.

use super::page::prose;
use crate::base::Instant;
use crate::dissect::{Step, Traffic, Turns};
use crate::explain::Item;
use crate::state::State;
use crate::trace::Fact;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a story ended, for the closing block.
#[derive(Clone, Copy, Debug)]
pub struct Closing<'a> {
    /// What holds at the end.
    pub state: &'a State,
    /// How long the program itself took, where that is to be said.
    pub real: Option<Duration>,
    /// Commands to try next.
    pub next: &'a [String],
}

/// What is counted. Counts are of what crossed the wires, not of what hosts say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// What crossed the wires.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// SMTP conversations in which a server took responsibility for a message.
    pub hops: u64,
    /// Virtual time from the story's start to its last item, in microseconds.
    pub virtual_micros: u64,
    #[serde(skip)]
    turns: Turns,
    #[serde(skip)]
    homes: BTreeMap<String, String>,
    /// Who was last seen to act on which host, and what for.
    #[serde(skip)]
    acts: BTreeMap<String, (String, String)>,
    /// Whose maildrop was emptied by POP3.
    #[serde(skip)]
    emptied: BTreeSet<String>,
    #[serde(skip)]
    failed: Vec<Place>,
}

/// Where a message, or a copy of one, lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "where", rename_all = "kebab-case")]
pub enum Place {
    /// In a mailbox on a server.
    Mailbox {
        /// Whose.
        account: String,
        /// Which.
        mailbox: String,
        /// The server, where it is known.
        host: String,
        /// UID there.
        uid: u32,
        /// Its flags.
        flags: Vec<String>,
    },
    /// On a client's own disk.
    Client {
        /// Which client.
        host: String,
        /// Whose mail.
        account: String,
        /// The Subject.
        subject: String,
    },
    /// In a queue, waiting for its next attempt.
    Queue {
        /// Whose queue.
        host: String,
        /// Its id there.
        id: String,
        /// For whom.
        recipients: Vec<String>,
        /// Why the last attempt failed.
        reason: String,
        /// When it is tried again, microseconds since the Unix epoch.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry: Option<Instant>,
    },
    /// Nowhere: delivery failed for good.
    Failed {
        /// Who gave up.
        host: String,
        /// For whom.
        recipients: Vec<String>,
        /// Enhanced status code.
        status: String,
    },
}

impl Tally {
    /// Count one item of a story that began at `start`.
    pub fn see(&mut self, item: &Item, start: Instant) {
        match item {
            Item::Step(step, _) => {
                self.reach(step.at, start);
                self.step(step);
            }
            Item::Fact { at, host, fact, .. } => {
                self.reach(*at, start);
                self.fact(host, fact);
            }
            Item::Outcome(outcome) => self.reach(outcome.at, start),
            Item::Chapter(_) | Item::Mark(_) => {}
        }
    }

    fn reach(&mut self, at: Instant, start: Instant) {
        let micros = u64::try_from(at.since(start).as_micros()).unwrap_or(u64::MAX);
        self.virtual_micros = self.virtual_micros.max(micros);
    }

    fn step(&mut self, step: &Step) {
        self.traffic.count(step, &mut self.turns);
        self.hops += u64::from(step.takes_letter());
    }

    fn fact(&mut self, host: &str, fact: &Fact) {
        match fact {
            Fact::Delivered { account, .. } => {
                self.homes.insert(prose(account), prose(host));
                self.emptied.remove(&prose(account));
            }
            Fact::IntentBegins { who, intent, .. } => {
                self.acts.insert(prose(host), (prose(who), intent.clone()));
            }
            Fact::MaildropUnlocked { account, updated: true } => {
                self.emptied.insert(prose(account));
            }
            Fact::Failed { recipients, status, .. } => self.failed.push(Place::Failed {
                host: prose(host),
                recipients: recipients.iter().map(|r| prose(r)).collect(),
                status: prose(status),
            }),
            _ => {}
        }
    }

    /// The person who was last seen to act on a host.
    pub fn person(&self, host: &str) -> Option<&str> {
        self.acts.get(host).map(|(who, _)| who.as_str())
    }

    /// Whether a host last went for mail by IMAP: what it keeps are copies that follow the server.
    pub fn follows(&self, host: &str) -> bool {
        self.acts.get(host).is_some_and(|(_, intent)| intent == "fetch-imap")
    }

    /// The server where an account's mail was delivered, and whether POP3 has removed mail there since.
    pub fn home(&self, account: &str) -> Option<(&str, bool)> {
        self.homes.get(account).map(|host| (host.as_str(), self.emptied.contains(account)))
    }

    /// Where every message and copy lies, queues first, then mailboxes, clients, and what failed. Text in it is
    /// escaped.
    pub fn places(&self, state: &State) -> Vec<Place> {
        let mut out = Vec::new();
        for (host, entries) in &state.queues {
            for (id, entry) in entries.iter().filter(|(_, e)| !e.waiting.is_empty()) {
                out.push(Place::Queue {
                    host: prose(host),
                    id: prose(id),
                    recipients: entry.waiting.iter().map(|w| prose(&w.recipient)).collect(),
                    reason: entry
                        .waiting
                        .iter()
                        .map(|w| prose(&w.reason))
                        .find(|r| !r.is_empty())
                        .unwrap_or_default(),
                    retry: entry.waiting.iter().filter_map(|w| w.retry).min(),
                });
            }
        }
        for (account, mailboxes) in &state.mailboxes {
            for (mailbox, content) in mailboxes {
                out.extend(content.messages.iter().map(|(uid, message)| Place::Mailbox {
                    account: prose(account),
                    mailbox: prose(mailbox),
                    host: self.homes.get(&prose(account)).cloned().unwrap_or_default(),
                    uid: *uid,
                    flags: message.flags.iter().map(|f| prose(f)).collect(),
                }));
            }
        }
        for (host, accounts) in &state.clients {
            for (account, copies) in accounts {
                out.extend(copies.values().map(|copy| Place::Client {
                    host: prose(host),
                    account: prose(account),
                    subject: prose(&copy.subject),
                }));
            }
        }
        out.extend(self.failed.iter().cloned());
        out
    }
}

impl Place {
    /// As in `in bob@example.net's INBOX on mx1.example.net (UID 1, \Seen)`.
    pub fn words(&self, start: Instant) -> String {
        match self {
            Place::Mailbox { account, mailbox, host, uid, flags } => {
                let on = if host.is_empty() { String::new() } else { format!(" on {host}") };
                let flags: String = flags.iter().map(|f| format!(", {f}")).collect();
                format!("in the {mailbox} of {account}{on} (UID {uid}{flags})")
            }
            Place::Client { host, account, subject } => {
                let subject = if subject.is_empty() { String::new() } else { format!(": “{subject}”") };
                format!("a copy on {host}, for {account}{subject}")
            }
            Place::Queue { host, id, recipients, reason, retry } => {
                let again = retry.map_or(String::new(), |at| {
                    format!("; tried again at {}", super::clock::elapsed(at.since(start)))
                });
                let reason =
                    if reason.is_empty() { String::new() } else { format!(", since {host} heard: {reason}") };
                format!(
                    "waiting in the queue of {host} as {id}, for {}{reason}{again}",
                    recipients.join(", ")
                )
            }
            Place::Failed { host, recipients, status } => {
                format!("not delivered to {}: {host} gave up with {status}", recipients.join(", "))
            }
        }
    }
}
