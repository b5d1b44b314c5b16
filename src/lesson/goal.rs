//! [`Goal`]: what is to hold when a story is over: conditions on mailboxes, Steps, connections and facts, joined by all,
//! any and not. Never on keystrokes. Where it does not hold, it says in a sentence what is still missing.
//!
//! [`Condition`] is how one stands in a file: every key that any of them has. [`Condition::read`] makes a Goal of it, or
//! complains with places.

mod holds;
mod words;

use super::entry::{At, Places};
use super::problem::{Problem, choose};
use crate::dissect::filter::Filter;
use serde::Deserialize;

/// How deep conditions may be nested.
const DEEPEST: usize = 16;

/// A condition as it stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    all: Option<Vec<Condition>>,
    any: Option<Vec<Condition>>,
    not: Option<Box<Condition>>,
    mailbox: Option<String>,
    steps: Option<String>,
    order: Option<Vec<String>>,
    connection: Option<String>,
    fact: Option<String>,
    queue: Option<String>,
    device: Option<String>,
    at_least: Option<usize>,
    at_most: Option<usize>,
    exactly: Option<usize>,
    say: Option<String>,
    folder: Option<String>,
    subject: Option<String>,
    from: Option<String>,
    to: Option<String>,
    text: Option<String>,
    no_text: Option<String>,
    sender: Option<String>,
    flags: Option<Vec<String>>,
    without_flags: Option<Vec<String>>,
    came: Option<Session>,
    typed: Option<bool>,
    port: Option<u16>,
    auth: Option<bool>,
    tls: Option<bool>,
    with: Option<toml::Value>,
    without: Option<String>,
    host: Option<String>,
    recipient: Option<String>,
    reason: Option<String>,
    retry: Option<bool>,
    account: Option<String>,
}

/// What a session is like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Session {
    /// Who called.
    pub from: Option<String>,
    /// Who was called.
    pub to: Option<String>,
    /// At which port.
    pub port: Option<u16>,
    /// Whether a login succeeded.
    pub auth: Option<bool>,
    /// Whether TLS protected it.
    pub tls: Option<bool>,
    /// Whether the student typed it.
    pub typed: Option<bool>,
}

/// See the head of this file.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is asked.
    pub what: What,
    /// How many there are to be.
    pub count: Count,
    /// What is said when it does not hold; without it, a sentence is made.
    pub say: Option<String>,
}

/// How many there are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub least: usize,
    /// At most so many.
    pub most: Option<usize>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// All of these hold.
    All(Vec<Goal>),
    /// One of these holds.
    Any(Vec<Goal>),
    /// This does not hold.
    Not(Box<Goal>),
    /// Messages in a mailbox.
    Mailbox(Box<InMailbox>),
    /// Steps that pass a filter, of everybody or of the student who types.
    Steps(Filter, bool),
    /// Connections on which Steps come in an order.
    Order(Vec<Filter>, bool),
    /// Connections.
    Connection(Box<OnConnection>),
    /// Facts.
    Fact {
        /// Its kind.
        kind: String,
        /// Who stated it.
        host: Option<String>,
        /// Its fields.
        with: Vec<(String, toml::Value)>,
    },
    /// Messages that wait in a queue.
    Queue {
        /// Whose.
        host: String,
        /// For whom.
        recipient: Option<String>,
        /// From whom.
        sender: Option<String>,
        /// Why the last attempt failed.
        reason: Option<String>,
        /// Whether a further one is planned.
        retry: Option<bool>,
    },
    /// Copies on a device.
    Device {
        /// Which.
        host: String,
        /// Whose mail.
        account: Option<String>,
        /// The Subject.
        subject: Option<String>,
        /// The folder it is shown in.
        folder: Option<String>,
        /// Flags that it has.
        flags: Vec<String>,
    },
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InMailbox {
    /// Whose.
    pub account: String,
    /// Which.
    pub folder: String,
    /// In the Subject.
    pub subject: Option<String>,
    /// In From:.
    pub from: Option<String>,
    /// In To:.
    pub to: Option<String>,
    /// Anywhere in it.
    pub text: Option<String>,
    /// Nowhere in it.
    pub no_text: Option<String>,
    /// The envelope's sender, whole.
    pub sender: Option<String>,
    /// It has these flags.
    pub flags: Vec<String>,
    /// It has none of these.
    pub without_flags: Vec<String>,
    /// A session that carried it is like this.
    pub came: Option<Session>,
}

/// A connection.
#[derive(Clone, Debug, PartialEq)]
pub struct OnConnection {
    /// What is spoken on it: a protocol's name; `tls` where TLS protects it.
    pub protocol: String,
    /// What it is like.
    pub session: Session,
    /// A Step on it.
    pub with: Option<Filter>,
    /// No Step on it.
    pub without: Option<Filter>,
}

/// Kinds of facts, as they stand in a transcript: whoever refuses one that there is not lists those that there are.
fn fact_kinds() -> Vec<String> {
    let refusal = serde_json::from_value::<crate::trace::Fact>(serde_json::json!({ "fact": "" }));
    let listed = refusal.err().map(|error| error.to_string()).unwrap_or_default();
    let (_, kinds) = listed.split_once("expected").unwrap_or_default();
    kinds.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys that say what a condition is about.
const HEADS: [&str; 10] =
    ["all", "any", "not", "mailbox", "steps", "order", "connection", "fact", "queue", "device"];

/// What is told while a condition is read.
pub(super) struct Complaints<'p, 't> {
    /// Where keys stand.
    pub places: &'p Places<'t>,
    /// What is wrong.
    pub problems: &'p mut Vec<Problem>,
}

impl Complaints<'_, '_> {
    fn tell(&mut self, path: &[At<'_>], message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(self.places.problem(path, message).help(help));
    }

    /// Read a filter.
    pub fn filter(&mut self, path: &[At<'_>], text: &str) -> Option<Filter> {
        match Filter::parse(text) {
            Ok(filter) => Some(filter),
            Err(error) => {
                let part = error.at..error.at + error.len;
                let problem = self.places.within(path, part, format!("this is no filter: {error}"));
                let meant = error.meant.map(|word| format!("did you mean `{word}`?")).unwrap_or_default();
                self.problems.push(problem.help(meant));
                None
            }
        }
    }
}

impl Condition {
    /// The Goal that it says; what is wrong with it is told, with its place under `path`.
    pub(super) fn read(&self, path: &[At<'_>], complaints: &mut Complaints<'_, '_>) -> Option<Goal> {
        let keys = self.keys();
        let heads: Vec<&str> = HEADS.into_iter().filter(|head| keys.contains(head)).collect();
        let [head] = heads.as_slice() else {
            let message = match heads.len() {
                0 => "this condition does not say what it is about",
                _ => "a condition is about one thing",
            };
            complaints.tell(path, message, format!("one of the keys `{}`", HEADS.join("`, `")));
            return None;
        };
        if path.len() > 2 * DEEPEST {
            complaints.tell(path, "conditions are nested too deep here", "");
            return None;
        }
        let allowed = allowed(head);
        for key in keys.iter().filter(|key| *key != head && !allowed.contains(key)) {
            let place: Vec<At<'_>> = path.iter().copied().chain([At::Key(key)]).collect();
            let known = format!("beside it could stand `{}`", allowed.join("`, `"));
            complaints.tell(&place, format!("`{key}` does not belong to `{head}`"), known);
        }
        let place: Vec<At<'_>> = path.iter().copied().chain([At::Key(head)]).collect();
        let what = self.what(head, path, &place, complaints)?;
        Some(Goal { what, count: self.count(), say: self.say.clone() })
    }

    fn count(&self) -> Count {
        match (self.exactly, self.at_least, self.at_most) {
            (Some(exactly), _, _) => Count { least: exactly, most: Some(exactly) },
            (None, None, Some(most)) => Count { least: 0, most: Some(most) },
            (None, least, most) => Count { least: least.unwrap_or(1), most },
        }
    }

    fn what(
        &self,
        head: &str,
        path: &[At<'_>],
        place: &[At<'_>],
        complaints: &mut Complaints<'_, '_>,
    ) -> Option<What> {
        let typed = self.typed.unwrap_or(false);
        match head {
            "all" => Some(What::All(several(self.all.as_deref()?, place, complaints)?)),
            "any" => Some(What::Any(several(self.any.as_deref()?, place, complaints)?)),
            "not" => Some(What::Not(Box::new(self.not.as_deref()?.read(place, complaints)?))),
            "steps" => Some(What::Steps(complaints.filter(place, self.steps.as_deref()?)?, typed)),
            "order" => {
                let texts = self.order.as_deref()?.iter().enumerate();
                let filters: Vec<Option<Filter>> = texts
                    .map(|(nth, text)| {
                        let place: Vec<At<'_>> = place.iter().copied().chain([At::Nth(nth)]).collect();
                        complaints.filter(&place, text)
                    })
                    .collect();
                Some(What::Order(filters.into_iter().collect::<Option<_>>()?, typed))
            }
            "mailbox" => Some(What::Mailbox(Box::new(self.in_mailbox()?))),
            "connection" => self.on_connection(path, place, complaints),
            "fact" => self.stated(path, place, complaints),
            "queue" => Some(What::Queue {
                host: self.queue.clone()?,
                recipient: self.recipient.clone(),
                sender: self.sender.clone(),
                reason: self.reason.clone(),
                retry: self.retry,
            }),
            _ => Some(What::Device {
                host: self.device.clone()?,
                account: self.account.clone(),
                subject: self.subject.clone(),
                folder: self.folder.clone(),
                flags: self.flags.clone().unwrap_or_default(),
            }),
        }
    }

    fn in_mailbox(&self) -> Option<InMailbox> {
        Some(InMailbox {
            account: self.mailbox.clone()?,
            folder: self.folder.clone().unwrap_or_else(|| "INBOX".to_owned()),
            subject: self.subject.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            text: self.text.clone(),
            no_text: self.no_text.clone(),
            sender: self.sender.clone(),
            flags: self.flags.clone().unwrap_or_default(),
            without_flags: self.without_flags.clone().unwrap_or_default(),
            came: self.came.clone(),
        })
    }

    fn on_connection(
        &self,
        path: &[At<'_>],
        place: &[At<'_>],
        complaints: &mut Complaints<'_, '_>,
    ) -> Option<What> {
        let protocol = self.connection.clone()?;
        let known = ["smtp", "pop3", "imap", "dns", "tls"];
        if !known.contains(&protocol.as_str()) {
            let message = format!("`{}` is no protocol", protocol.escape_debug());
            complaints.tell(place, message, choose(&protocol, known));
            return None;
        }
        let session = Session {
            from: self.from.clone(),
            to: self.to.clone(),
            port: self.port,
            auth: self.auth,
            tls: self.tls,
            typed: self.typed,
        };
        let at = |key| -> Vec<At<'_>> { path.iter().copied().chain([At::Key(key)]).collect() };
        let with = match &self.with {
            None => None,
            Some(toml::Value::String(text)) => Some(complaints.filter(&at("with"), text)?),
            Some(_) => {
                complaints.tell(&at("with"), "`with` of a connection is a filter, in quotes", "");
                return None;
            }
        };
        let without = match &self.without {
            None => None,
            Some(text) => Some(complaints.filter(&at("without"), text)?),
        };
        Some(What::Connection(Box::new(OnConnection { protocol, session, with, without })))
    }

    fn stated(&self, path: &[At<'_>], place: &[At<'_>], complaints: &mut Complaints<'_, '_>) -> Option<What> {
        let kind = self.fact.clone()?;
        let kinds = fact_kinds();
        if !kinds.contains(&kind) {
            let message = format!("no host states `{}`", kind.escape_debug());
            complaints.tell(place, message, choose(&kind, kinds.iter().map(String::as_str)));
            return None;
        }
        let with = match &self.with {
            None => Vec::new(),
            Some(toml::Value::Table(table)) => table.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            Some(_) => {
                let place: Vec<At<'_>> = path.iter().copied().chain([At::Key("with")]).collect();
                complaints.tell(
                    &place,
                    "`with` of a fact is a table of its fields",
                    "as in { to = \"alice@example.com\" }",
                );
                return None;
            }
        };
        Some(What::Fact { kind, host: self.host.clone(), with })
    }

    /// The keys that it has.
    fn keys(&self) -> Vec<&'static str> {
        let has = [
            ("all", self.all.is_some()),
            ("any", self.any.is_some()),
            ("not", self.not.is_some()),
            ("mailbox", self.mailbox.is_some()),
            ("steps", self.steps.is_some()),
            ("order", self.order.is_some()),
            ("connection", self.connection.is_some()),
            ("fact", self.fact.is_some()),
            ("queue", self.queue.is_some()),
            ("device", self.device.is_some()),
            ("at-least", self.at_least.is_some()),
            ("at-most", self.at_most.is_some()),
            ("exactly", self.exactly.is_some()),
            ("say", self.say.is_some()),
            ("folder", self.folder.is_some()),
            ("subject", self.subject.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("text", self.text.is_some()),
            ("no-text", self.no_text.is_some()),
            ("sender", self.sender.is_some()),
            ("flags", self.flags.is_some()),
            ("without-flags", self.without_flags.is_some()),
            ("came", self.came.is_some()),
            ("typed", self.typed.is_some()),
            ("port", self.port.is_some()),
            ("auth", self.auth.is_some()),
            ("tls", self.tls.is_some()),
            ("with", self.with.is_some()),
            ("without", self.without.is_some()),
            ("host", self.host.is_some()),
            ("recipient", self.recipient.is_some()),
            ("reason", self.reason.is_some()),
            ("retry", self.retry.is_some()),
            ("account", self.account.is_some()),
        ];
        has.into_iter().filter(|(_, has)| *has).map(|(key, _)| key).collect()
    }
}

/// The keys that may stand beside one.
fn allowed(head: &str) -> Vec<&'static str> {
    let own: &[&str] = match head {
        "all" | "any" | "not" => return vec!["say"],
        "mailbox" => &[
            "folder",
            "subject",
            "from",
            "to",
            "text",
            "no-text",
            "sender",
            "flags",
            "without-flags",
            "came",
        ],
        "steps" | "order" => &["typed"],
        "connection" => &["from", "to", "port", "auth", "tls", "with", "without", "typed"],
        "fact" => &["host", "with"],
        "queue" => &["recipient", "sender", "reason", "retry"],
        _ => &["account", "subject", "folder", "flags"],
    };
    ["say", "at-least", "at-most", "exactly"].into_iter().chain(own.iter().copied()).collect()
}

fn several(
    conditions: &[Condition],
    place: &[At<'_>],
    complaints: &mut Complaints<'_, '_>,
) -> Option<Vec<Goal>> {
    if conditions.is_empty() {
        complaints.tell(place, "there is no condition in this list", "");
        return None;
    }
    let read: Vec<Option<Goal>> = conditions
        .iter()
        .enumerate()
        .map(|(nth, condition)| {
            let place: Vec<At<'_>> = place.iter().copied().chain([At::Nth(nth)]).collect();
            condition.read(&place, complaints)
        })
        .collect();
    read.into_iter().collect()
}

#[cfg(test)]
mod tests;
