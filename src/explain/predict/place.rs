//! [`Place`]: the moment before a line comes: who talks, what was said last, which values a wrong answer may use.

use super::rules::{Key, Wrong, begins_with, fits};
use super::said;
use crate::base::Instant;
use crate::dissect::dns::DnsMeaning;
use crate::dissect::imap::ImapMeaning;
use crate::dissect::pop3::{Asked, Pop3Meaning, Told};
use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::explain::Item;
use crate::explain::index::Opens;
use crate::explain::template::{Vars, placeholders};
use crate::state::{Connection, State};
use crate::trace::{CloseHow, Fact, Opened};
use std::net::IpAddr;

/// Every placeholder that a wrong answer may use: a test holds the catalogue to it.
#[cfg(test)]
pub(super) const PLACEHOLDERS: [&str; 19] = [
    "account",
    "address",
    "client",
    "domain",
    "exchange",
    "hello",
    "mailbox",
    "name",
    "number",
    "other",
    "own",
    "port",
    "recipient",
    "sender",
    "server",
    "tag",
    "to",
    "uid",
    "verb",
];

/// Every condition that a wrong answer may ask for: a test holds the catalogue to it.
#[cfg(test)]
pub(super) const CONDITIONS: [&str; 15] = [
    "attachment",
    "deleted",
    "kept",
    "letter",
    "logged-in",
    "no-starttls",
    "peek",
    "pipelined",
    "refused-before",
    "some-accepted",
    "some-refused",
    "stuffed",
    "taken",
    "tls",
    "unasked",
];

/// What is shown so far, and what comes.
pub struct Moment<'a> {
    /// The last rows that were shown, the newest last; what stands between the last Step and the next one too.
    pub before: &'a [Item],
    /// The id of the chapter that the next Step stands in; empty where it is not known.
    pub chapter: &'a str,
    /// What holds before it.
    pub state: &'a State,
    /// The Step that comes.
    pub step: &'a Step,
    /// Connections, and between whom they are.
    pub opens: &'a Opens,
    /// What the host of an address is called.
    pub host: &'a dyn Fn(IpAddr) -> String,
}

/// See the head of this file.
pub(super) struct Place<'a> {
    step: &'a Step,
    /// Steps of the same connection, the newest first.
    steps: Vec<&'a Step>,
    /// The last Step of all.
    last: Option<&'a Step>,
    /// Facts since then.
    since: Vec<&'a Fact>,
    chapter: &'a str,
    connection: Option<&'a Connection>,
    open: Option<&'a Opened>,
    vars: Vars<'a>,
    /// A device of this connection's client keeps copies.
    kept: bool,
}

impl<'a> Place<'a> {
    pub(super) fn of(moment: &Moment<'a>) -> Self {
        let step = moment.step;
        let steps = || moment.before.iter().rev().filter_map(as_step);
        let since = moment.before.iter().rev().take_while(|item| as_step(item).is_none());
        let connection = moment.state.connections.get(&step.conn);
        let mut place = Place {
            step,
            steps: steps().filter(|before| before.conn == step.conn).collect(),
            last: steps().next(),
            since: since.filter_map(as_fact).collect(),
            chapter: moment.chapter,
            connection,
            open: match &step.meaning {
                Meaning::Open(open) => Some(open),
                _ => moment.opens.get(&step.conn),
            },
            vars: Vars::default(),
            kept: false,
        };
        place.name_ends(moment);
        place.name_letter(moment.state);
        place.name_lookup(moment);
        match step.protocol {
            Protocol::Smtp => place.name_smtp(),
            Protocol::Pop3 => place.name_pop3(),
            Protocol::Imap => place.name_imap(),
            _ => {}
        }
        place
    }

    /// When the last Step was.
    pub(super) fn last_at(&self) -> Option<Instant> {
        self.last.map(|step| step.at)
    }

    /// What was said last on this connection.
    pub(super) fn last_here(&self) -> Option<&'a Step> {
        self.steps.first().copied()
    }

    pub(super) fn var(&self, name: &str) -> &str {
        self.vars.get(name).unwrap_or_default()
    }

    pub(super) fn vars(&self) -> &Vars<'a> {
        &self.vars
    }

    /// What the Step is to the rules.
    pub(super) fn key(&self) -> Key<'a> {
        key(self.step)
    }

    /// Whether a wrong answer may be offered here.
    pub(super) fn admits(&self, wrong: &Wrong) -> bool {
        let last = match self.step.kind {
            Kind::Open | Kind::Query => self.last,
            _ => self.last_here(),
        };
        let last = last.map(told).unwrap_or_default();
        let port = self.open.map(|o| o.server.port());
        fits(&wrong.at, self.key())
            && (wrong.after.is_empty() || wrong.after.iter().any(|after| begins_with(&last, after)))
            && (wrong.port.is_empty() || port.is_some_and(|port| wrong.port.contains(&port)))
            && (wrong.chapter.is_empty() || wrong.chapter.iter().any(|id| id == self.chapter))
            && (wrong.since.is_empty()
                || self.since.iter().any(|fact| wrong.since.iter().any(|k| *k == kind(fact))))
            && wrong.with.iter().all(|name| match name.strip_prefix("not-") {
                Some(name) => !self.holds(name),
                None => self.holds(name),
            })
    }

    /// The text with its placeholders filled; `None` where one is not known.
    pub(super) fn fill(&self, text: &str) -> Option<String> {
        let known = placeholders(text).into_iter().all(|name| self.vars.get(name).is_some());
        known.then(|| self.vars.fill(text).into_owned())
    }

    /// Whether a condition of [`CONDITIONS`] holds.
    fn holds(&self, name: &str) -> bool {
        let envelope = self.connection.and_then(|c| c.envelope.as_ref());
        let whole = |step: &Step| match &step.meaning {
            Meaning::Imap(ImapMeaning::Fetch(fetch)) => fetch.whole,
            Meaning::Pop3(Pop3Meaning::Reply { told: Told::Message { .. }, .. }) => true,
            _ => step.kind == Kind::Data,
        };
        match name {
            "attachment" => {
                let text = self.step.bytes.to_ascii_lowercase();
                text.windows(15).any(|w| w == b"multipart/mixed")
            }
            "deleted" => self.last_command().is_some_and(|c| holds_word(c, b"\\Deleted")),
            "kept" => self.kept,
            "letter" => whole(self.step) || self.last_here().is_some_and(whole),
            "logged-in" => self.connection.is_some_and(|c| c.user.is_some()),
            "no-starttls" => !self.steps.iter().any(|s| s.verb == "EHLO" && holds_word(s, b"STARTTLS")),
            "peek" => self.last_fetch().is_some_and(|c| holds_word(c, b".PEEK")),
            "pipelined" => self.last_here().is_some_and(|s| s.kind == Kind::Command),
            "refused-before" => self.last_here().is_some_and(said_no),
            "some-accepted" => envelope.is_some_and(|e| !e.recipients.is_empty()),
            "some-refused" => envelope.is_some_and(|e| !e.refused.is_empty()),
            "taken" => self.steps.iter().any(|s| s.verb == "." && s.code.starts_with('2')),
            "stuffed" => [Some(self.step), self.last_here()].into_iter().flatten().any(stuffed),
            "tls" => self.connection.is_some_and(|c| c.tls),
            "unasked" => self.is_unasked(),
            _ => false,
        }
    }

    /// Whether the server speaks though nothing was asked: no command waits for its answer, or only IDLE does.
    fn is_unasked(&self) -> bool {
        let asked = self.steps.iter().find(|s| s.kind == Kind::Command);
        let answered = self.steps.iter().find(|s| s.kind == Kind::Reply && s.code != "+");
        match (asked, answered) {
            (Some(asked), Some(answered)) => asked.verb == "IDLE" || answered.number > asked.number,
            (asked, _) => asked.is_none_or(|asked| asked.verb == "IDLE"),
        }
    }

    fn last_command(&self) -> Option<&'a Step> {
        [self.step].into_iter().chain(self.steps.iter().copied()).find(|s| s.kind == Kind::Command)
    }

    fn last_fetch(&self) -> Option<&'a Step> {
        self.steps.iter().copied().find(|s| s.kind == Kind::Command && s.verb.ends_with("FETCH"))
    }

    fn set(&mut self, name: &'static str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.vars.set(name, value);
        }
    }

    fn name_ends(&mut self, moment: &Moment<'_>) {
        let Some(open) = self.open else { return };
        let client = (moment.host)(open.client.ip());
        self.kept = moment
            .state
            .clients
            .keys()
            .any(|host| *host == client || host.starts_with(&format!("{client}.")));
        self.set("client", client);
        self.set("server", (moment.host)(open.server.ip()));
        self.vars.count("port", u64::from(open.server.port()));
        self.set("verb", if self.step.verb == "." { "the letter" } else { &self.step.verb });
        if let Some(connection) = self.connection {
            self.set("account", connection.user.as_deref().unwrap_or_default());
            self.set("mailbox", connection.selected.as_deref().unwrap_or_default());
        }
    }

    /// Who writes to whom, as far as the client of this connection is known to carry a letter.
    fn name_letter(&mut self, state: &State) {
        let client = self.var("client").to_owned();
        let waiting = state
            .queues
            .get(&client)
            .and_then(|queue| queue.values().find(|entry| !entry.waiting.is_empty()));
        if let Some(entry) = waiting {
            self.set("sender", &entry.sender);
            let to = entry.waiting.first().map(|w| w.recipient.clone()).unwrap_or_default();
            self.set("recipient", to);
        }
        if let Some(envelope) = self.connection.and_then(|c| c.envelope.as_ref()) {
            self.set("sender", &envelope.sender);
            self.set("recipient", envelope.recipients.first().map_or("", String::as_str));
        }
        self.name_domains();
    }

    fn name_domains(&mut self) {
        let domain = |address: &str| address.rsplit_once('@').map(|(_, d)| d.to_owned()).unwrap_or_default();
        let (own, to) = (domain(self.var("sender")), domain(self.var("recipient")));
        self.set("own", own);
        self.set("domain", to);
    }

    /// What the DNS has told: names asked for, mail exchangers, an address.
    fn name_lookup(&mut self, moment: &Moment<'_>) {
        let here = [self.step].into_iter().chain(moment.before.iter().rev().filter_map(as_step));
        let answers = here.filter_map(|step| match &step.meaning {
            Meaning::Dns(dns) if step.kind == Kind::Answer => Some(dns),
            _ => None,
        });
        let Some(mx) = answers.clone().find(|dns| dns.qtype == "MX" && !dns.answers.is_empty()) else {
            return self.name_question();
        };
        let mut exchanges: Vec<(u16, &str)> = mx
            .answers
            .iter()
            .filter_map(|row| row.data.split_once(' '))
            .filter_map(|(n, host)| Some((n.parse().ok()?, host)))
            .collect();
        exchanges.sort_unstable();
        let best = exchanges.first().map_or("", |(_, host)| host);
        self.set("exchange", best);
        let called = self.var("server").to_owned();
        let other = exchanges.iter().rev().find(|(_, host)| *host != called);
        self.set("other", other.map_or("", |(_, host)| host));
        let address = mx.additionals.iter().find(|row| row.name == best && row.rtype == "A");
        self.set("address", address.map_or("", |row| row.data.as_str()));
        self.name_question();
    }

    fn name_question(&mut self) {
        let Meaning::Dns(DnsMeaning { qname, .. }) = &self.step.meaning else { return };
        self.set("name", qname);
        // `_imap._tcp.example.net` is about example.net.
        let bare: Vec<&str> = qname.split('.').skip_while(|label| label.starts_with('_')).collect();
        self.set("to", bare.join("."));
        if self.step.verb == "MX" || bare.len() + 2 == qname.split('.').count() {
            self.set("domain", bare.join("."));
        }
    }

    fn name_smtp(&mut self) {
        let meaning = |step: &'a Step| match &step.meaning {
            Meaning::Smtp(smtp) => Some(smtp),
            _ => None,
        };
        let here = [self.step].into_iter().chain(self.steps.iter().copied());
        let hello = here.clone().filter_map(meaning).find_map(|smtp| match smtp {
            SmtpMeaning::Hello { name, .. } => Some(name.clone()),
            _ => None,
        });
        let own = match meaning(self.step) {
            Some(SmtpMeaning::Auth { user: Some(user), .. }) => user.clone(),
            _ => String::new(),
        };
        // Since the last MAIL, that one included.
        let mut recipients = Vec::new();
        let mut sender = "";
        for smtp in here.filter_map(meaning) {
            match smtp {
                SmtpMeaning::Rcpt { to, .. } => recipients.push(to.as_str()),
                SmtpMeaning::Mail { from, .. } => {
                    sender = from;
                    break;
                }
                _ => {}
            }
        }
        recipients.reverse();
        let envelope = self.connection.and_then(|c| c.envelope.as_ref());
        let answered = envelope.map_or(0, |e| e.recipients.len() + e.refused.len());
        let asked = match (self.step.kind, self.step.verb.as_str()) {
            (Kind::Command, "RCPT") => recipients.last(),
            (Kind::Reply, "RCPT") => recipients.get(answered).or(recipients.last()),
            _ => recipients.first(),
        };
        let to = asked.copied().unwrap_or_default();
        self.set("hello", hello.unwrap_or_default());
        self.set("account", own);
        self.set("sender", sender);
        self.set("recipient", to);
        self.name_domains();
    }

    fn name_pop3(&mut self) {
        let here = [self.step].into_iter().chain(self.steps.iter().copied());
        let asked = |step: &Step| match &step.meaning {
            Meaning::Pop3(Pop3Meaning::Command { asked, .. }) => Some(asked.clone()),
            _ => None,
        };
        let (mut number, mut user) = (None, None);
        for asked in here.filter_map(asked) {
            match asked {
                Asked::Retr { number: n } | Asked::Dele { number: n } => number = number.or(Some(n)),
                Asked::User { name } => user = user.or(Some(name)),
                _ => {}
            }
        }
        self.vars.count("number", u64::from(number.unwrap_or(1)));
        self.set("account", user.unwrap_or_default());
    }

    fn name_imap(&mut self) {
        let here = || [self.step].into_iter().chain(self.steps.iter().copied());
        let tag = here().find(|s| s.kind == Kind::Command).map(|s| {
            let line = said::first_line(s);
            line.split_whitespace().next().unwrap_or_default().to_owned()
        });
        let tag = tag.filter(|tag| said::is_tag(tag)).unwrap_or_else(|| "a1".to_owned());
        // A command that nobody has sent yet has the tag behind the last one's.
        let tag = if self.step.kind == Kind::Command { tag } else { self.tag_now(&tag) };
        let uid = here().find_map(|s| match &s.meaning {
            Meaning::Imap(ImapMeaning::Fetch(fetch)) => fetch.uid,
            _ => None,
        });
        let user = here().find_map(|s| match &s.meaning {
            Meaning::Imap(ImapMeaning::Login { user, .. }) => Some(user.clone()),
            _ => None,
        });
        self.set("tag", tag);
        self.vars.count("uid", u64::from(uid.unwrap_or(1)));
        self.vars.count("number", 1);
        self.set("account", user.unwrap_or_default());
    }

    /// The tag of the command that waits for its answer; of the next one where none waits.
    fn tag_now(&self, last: &str) -> String {
        if !self.is_unasked() || self.step.kind == Kind::Reply {
            return last.to_owned();
        }
        let at = last.find(|c: char| c.is_ascii_digit()).unwrap_or(last.len());
        let (letters, digits) = last.split_at(at);
        format!("{letters}{}", digits.parse::<u32>().unwrap_or_default().saturating_add(1))
    }
}

/// What a Step is to the rules: `tcp open`, `smtp reply RCPT`.
pub(super) fn key(step: &Step) -> Key<'_> {
    let kind = match step.kind {
        Kind::Open => "open",
        Kind::Close => "close",
        Kind::Greeting => "greeting",
        Kind::Command => "command",
        Kind::Continuation => "continuation",
        Kind::Data => "data",
        Kind::Reply => "reply",
        Kind::Untagged => "untagged",
        Kind::Query => "query",
        Kind::Answer => "answer",
        Kind::Unparsed | Kind::Gap => "other",
    };
    let protocol = if matches!(step.kind, Kind::Open | Kind::Close) { "tcp" } else { step.protocol.name() };
    let code = match &step.meaning {
        Meaning::Close(how) => ended(*how),
        _ => &step.code,
    };
    Key { protocol, kind, verb: &step.verb, code }
}

fn ended(how: CloseHow) -> &'static str {
    match how {
        CloseHow::Fin => "fin",
        CloseHow::Reset => "reset",
        CloseHow::Refused => "refused",
        CloseHow::Timeout => "timeout",
        CloseHow::LetGo => "let-go",
    }
}

/// A Step as `after` knows it: `RCPT`, `RCPT 250 2.1.5`, `open`, `close refused`.
fn told(step: &Step) -> String {
    match &step.meaning {
        Meaning::Open(_) => "open".to_owned(),
        Meaning::Close(how) => format!("close {}", ended(*how)),
        _ => format!("{} {}", step.verb, step.code).trim().to_owned(),
    }
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::RetryAt { .. } => "retry-at",
        Fact::Relayed { .. } => "relayed",
        Fact::Failed { .. } => "failed",
        Fact::Bounced { action, .. } if action.is_empty() => "bounced",
        Fact::Bounced { .. } => "reported",
        Fact::Delivered { .. } => "delivered",
        Fact::ClientCopyKept { .. } => "client-copy-kept",
        Fact::IntentBegins { .. } => "intent-begins",
        _ => "",
    }
}

fn as_step(item: &Item) -> Option<&Step> {
    match item {
        Item::Step(step, _) => Some(step),
        _ => None,
    }
}

fn as_fact(item: &Item) -> Option<&Fact> {
    match item {
        Item::Fact { fact, .. } => Some(fact),
        _ => None,
    }
}

fn said_no(step: &Step) -> bool {
    use crate::dissect::Verdict;
    matches!(step.verdict, Some(Verdict::Transient | Verdict::Negative))
}

fn stuffed(step: &Step) -> bool {
    matches!(&step.meaning, Meaning::Smtp(SmtpMeaning::Message(seen)) if seen.stuffed_dots > 0)
}

fn holds_word(step: &Step, word: &[u8]) -> bool {
    step.bytes.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}
