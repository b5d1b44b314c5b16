//! An IMAP client as a pure machine: a list of operations, carried out one command at a time.
//!
//! By default it does what a mail program does that keeps copies: CAPABILITY, LOGIN, LIST, SELECT, an overview of the
//! mailbox, then each message it does not know yet, fetched and marked `\Seen`, LOGOUT. "A client MUST be prepared to
//! accept any server response at all times" (RFC 9051 §2.2.2), so untagged data is taken whatever was asked.

mod op;
mod session;
#[cfg(test)]
mod tests;

pub use op::Op;
pub use session::{Session, SessionEvent};

use super::framing::{ResponseFrame, ResponseFramer, Scan, Scanner};
use super::grammar::print::Literals;
use super::grammar::{Dialect, parse_response, print_command};
use super::response::{Code, Condition, FetchData, ListEntry, Response, Status, Untagged};
use super::types::{Command, CommandBody, Flag};
use crate::base::{Instant, Secret};
use crate::proto::sasl::{self, Credentials};
use crate::proto::{Machine, Output, Wish};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What the client is to do, and for whom.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Userid for LOGIN.
    pub user: String,
    /// Password for LOGIN.
    pub password: Secret,
    /// By which credentials it logs in with AUTHENTICATE; `None`: with LOGIN.
    pub auth: Option<Credentials>,
    /// What it thinks of STARTTLS (RFC 9051 §6.2.1). Default: it never asks.
    pub tls: Wish,
    /// Which mailbox to open.
    pub mailbox: String,
    /// UIDs whose messages it has already: they are listed, and not fetched.
    pub known: BTreeSet<u32>,
    /// The UIDVALIDITY that `known` belongs to. Under another one the same UIDs may name other messages
    /// (RFC 9051 §2.3.1.1), so nothing is known then.
    pub known_uidvalidity: Option<u32>,
    /// Fetch with BODY.PEEK\[\], which leaves `\Seen` alone, rather than BODY\[\].
    pub peek: bool,
    /// Set `\Seen` by STORE behind each fetch.
    pub mark_seen: bool,
    /// How long it waits for the server. RFC 9051 §5.4 sets a time for servers alone.
    pub patience: Duration,
    /// Octets of the largest message it takes: 64 MiB.
    pub largest_message: u64,
    /// Messages of one mailbox that it will handle at most: 100 000.
    pub most_messages: usize,
    /// What to do, in order. LOGIN is left out where the server greets with PREAUTH.
    pub script: Vec<Op>,
}

impl ClientConfig {
    /// Fetches what is new in INBOX and marks it `\Seen`.
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        ClientConfig {
            user: user.into(),
            password,
            auth: None,
            tls: Wish::Never,
            mailbox: "INBOX".to_owned(),
            known: BTreeSet::new(),
            known_uidvalidity: None,
            peek: true,
            mark_seen: true,
            patience: Duration::from_secs(300),
            largest_message: 64 << 20,
            most_messages: 100_000,
            script: vec![Op::Capability, Op::Login, Op::List, Op::Select, Op::Overview, Op::Logout],
        }
    }
}

/// What the client tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// What the server can do.
    Capabilities(Vec<String>),
    /// LOGIN succeeded, or was not needed.
    LoggedIn,
    /// Which mailboxes there are.
    Mailboxes(Vec<ListEntry>),
    /// A mailbox is open.
    Selected(Selected),
    /// A message is there.
    Listed(Listed),
    /// A whole message.
    Fetched {
        /// Its UID.
        uid: u32,
        /// Its octets.
        bytes: std::sync::Arc<[u8]>,
    },
    /// A message has these flags now, because of our STORE or another session's.
    Stored {
        /// Its UID.
        uid: u32,
        /// All its flags.
        flags: Vec<Flag>,
    },
    /// The open mailbox has this many messages now.
    Exists(u32),
    /// The message with this sequence number is gone.
    Expunged(u32),
    /// What SEARCH found.
    Found(Vec<u32>),
    /// A command of the script ([`Op::Command`]) has ended.
    Done {
        /// Its name.
        command: String,
        /// Its reply.
        condition: Condition,
    },
    /// It is over.
    Finished(Result<Summary, Failure>),
}

/// What SELECT told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Which mailbox.
    pub mailbox: String,
    /// How many messages.
    pub exists: u32,
    /// UIDVALIDITY; 0 where none was told.
    pub uidvalidity: u32,
    /// UIDNEXT, where told.
    pub uidnext: Option<u32>,
    /// Sequence number of the first message without `\Seen`, where told.
    pub unseen: Option<u32>,
    /// No change is possible.
    pub read_only: bool,
}

/// What the overview tells of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its octets.
    pub size: u64,
    /// Its subject, as written.
    pub subject: String,
    /// Whose it is: `local@domain` of the first From address.
    pub from: String,
    /// Whether it is already known.
    pub known: bool,
}

/// What was achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What SELECT told last.
    pub selected: Selected,
    /// How many messages the overview listed.
    pub listed: usize,
    /// UIDs fetched.
    pub fetched: Vec<u32>,
    /// UIDs whose flags were stored.
    pub stored: Vec<u32>,
}

/// Why it was given up, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The command under way, or `greeting`.
    pub stage: String,
    /// In words; the server's own text where it said one.
    pub reason: String,
}

/// The command under way.
#[derive(Clone, Debug)]
struct Running {
    tag: String,
    op: Op,
    name: String,
    /// What is still to be sent of it: a stretch for each `+`.
    stretches: VecDeque<Vec<u8>>,
    /// IDLE: when it is to be ended.
    until: Option<Instant>,
    /// AUTHENTICATE: the exchange.
    exchange: Option<sasl::client::Exchange>,
}

/// The client. Drive it as [`Machine`] says; it speaks after the server's greeting.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    framer: ResponseFramer,
    script: VecDeque<Op>,
    running: Option<Running>,
    outputs: VecDeque<Output<ClientEvent>>,
    greeted: bool,
    finished: bool,
    failure: Option<Failure>,
    next_tag: u32,
    heard: Option<Instant>,
    capabilities: Vec<String>,
    mailboxes: Vec<ListEntry>,
    selected: Selected,
    wanted: BTreeSet<u32>,
    summary: Summary,
    bye: bool,
    /// What it still wishes: nothing more, once it asked.
    wish: Wish,
    /// OK answered STARTTLS, and the handshake is not done.
    securing: bool,
}

impl Client {
    /// A client that will do what `config` says.
    pub fn new(config: ClientConfig) -> Self {
        Client {
            framer: ResponseFramer::new(1 << 20, config.largest_message),
            script: config.script.iter().cloned().collect(),
            wish: config.tls,
            securing: false,
            config,
            running: None,
            outputs: VecDeque::new(),
            greeted: false,
            finished: false,
            failure: None,
            next_tag: 0,
            heard: None,
            capabilities: Vec::new(),
            mailboxes: Vec::new(),
            selected: Selected::default(),
            wanted: BTreeSet::new(),
            summary: Summary::default(),
            bye: false,
        }
    }

    fn event(&mut self, event: ClientEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn stage(&self) -> String {
        match &self.running {
            Some(running) => running.name.clone(),
            None => if self.greeted { "between commands" } else { "greeting" }.to_owned(),
        }
    }

    /// The end, at once.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.running = None;
        self.script.clear();
        let summary = std::mem::take(&mut self.summary);
        let result = self.failure.take().map_or(Ok(summary), Err);
        self.event(ClientEvent::Finished(result));
        self.outputs.push_back(Output::Close);
    }

    fn fail_at_once(&mut self, reason: impl Into<String>) {
        let stage = self.stage();
        self.failure.get_or_insert(Failure { stage, reason: reason.into() });
        self.finish();
    }

    /// Gives up, but says good-bye.
    fn fail_politely(&mut self, reason: String) {
        let stage = self.stage();
        self.failure.get_or_insert(Failure { stage, reason });
        self.script = VecDeque::from([Op::Logout]);
    }

    /// One response from the server.
    fn respond(&mut self, bytes: &[u8], now: Instant) {
        match parse_response(bytes).value {
            Response::Untagged(data) => self.untagged(data),
            Response::Tagged { tag, condition } => self.tagged(&tag, condition),
            Response::Continue { text } => self.go_on(&text, now),
            // Not understood: nothing that we asked for. If it was the greeting, this is no IMAP server.
            Response::Unknown if !self.greeted => self.fail_at_once("the server does not greet as IMAP does"),
            Response::Unknown => {}
        }
    }

    fn untagged(&mut self, data: Untagged) {
        match data {
            Untagged::Condition(condition) => self.condition(condition),
            Untagged::Capability(list) => self.capabilities = list,
            Untagged::List(entry) if self.mailboxes.len() < self.config.most_messages => {
                self.mailboxes.push(entry);
            }
            Untagged::Exists(count) => {
                self.selected.exists = count;
                if !self.is_selecting() {
                    self.event(ClientEvent::Exists(count));
                    self.end_idle();
                }
            }
            Untagged::Expunge(seq) => {
                self.selected.exists = self.selected.exists.saturating_sub(1);
                self.event(ClientEvent::Expunged(seq));
            }
            Untagged::Search { numbers, .. } => self.event(ClientEvent::Found(numbers)),
            Untagged::Fetch { items, .. } => self.fetched(items),
            _ => {}
        }
    }

    fn condition(&mut self, condition: Condition) {
        let greeting = !self.greeted;
        match condition.status {
            Status::Bye => {
                self.bye = true;
                let asked = self.running.as_ref().is_some_and(|running| matches!(running.op, Op::Logout));
                if !asked {
                    self.fail_at_once(format!("the server said BYE: {}", condition.text));
                }
            }
            Status::PreAuth if greeting => self.script.retain(|op| !matches!(op, Op::Login)),
            _ => {}
        }
        self.greeted = true;
        match condition.code {
            Some(Code::UidValidity(n)) => self.selected.uidvalidity = n,
            Some(Code::UidNext(n)) => self.selected.uidnext = Some(n),
            Some(Code::Unseen(n)) => self.selected.unseen = Some(n),
            Some(Code::Capability(list)) => self.capabilities = list,
            _ => {}
        }
    }

    fn is_selecting(&self) -> bool {
        self.running.as_ref().is_some_and(|running| matches!(running.op, Op::Select))
    }

    /// Data of a message, asked for or not. Without a UID it is news about a message that is not told apart here.
    fn fetched(&mut self, items: Vec<FetchData>) {
        let Some(uid) = items.iter().find_map(|item| match item {
            FetchData::Uid(uid) => Some(*uid),
            _ => None,
        }) else {
            return;
        };
        let op = self.running.as_ref().map(|running| running.op.clone());
        let mut flags_seen = None;
        let mut listed = Listed { uid, known: self.config.known.contains(&uid), ..Listed::default() };
        for item in items {
            match item {
                FetchData::Flags(flags) => flags_seen = Some(flags),
                FetchData::Size(size) => listed.size = size,
                FetchData::Envelope(envelope) => {
                    listed.subject = envelope.subject.clone().unwrap_or_default();
                    listed.from = envelope.from.first().map(op::address).unwrap_or_default();
                }
                FetchData::Section { section, origin: None, data: Some(bytes) }
                    if section == super::types::Section::default() =>
                {
                    self.summary.fetched.push(uid);
                    // A later overview of the same session lists it, and does not ask for it again.
                    self.config.known.insert(uid);
                    self.event(ClientEvent::Fetched { uid, bytes });
                }
                _ => {}
            }
        }
        if matches!(op, Some(Op::Overview)) {
            listed.flags = flags_seen.unwrap_or_default();
            self.summary.listed += 1;
            if !listed.known && self.wanted.len() < self.config.most_messages {
                self.wanted.insert(uid);
            }
            self.event(ClientEvent::Listed(listed));
        } else if let Some(flags) = flags_seen {
            if matches!(op, Some(Op::MarkSeen(_))) {
                self.summary.stored.push(uid);
            }
            self.event(ClientEvent::Stored { uid, flags });
        }
    }

    /// `+`: send the next stretch of the command, or wait in IDLE.
    fn go_on(&mut self, text: &str, now: Instant) {
        let Some(running) = &mut self.running else { return };
        if let Some(exchange) = &mut running.exchange {
            self.outputs.push_back(Output::Send(sasl_line(exchange, text)));
            return;
        }
        if let Some(stretch) = running.stretches.pop_front() {
            self.outputs.push_back(Output::Send(stretch));
        } else if let Op::Idle { most } = running.op {
            running.until = Some(now + most);
        }
    }

    fn end_idle(&mut self) {
        if self.running.as_mut().is_some_and(|running| running.until.take().is_some()) {
            self.outputs.push_back(Output::Send(b"DONE\r\n".to_vec()));
        }
    }

    fn tagged(&mut self, tag: &str, condition: Condition) {
        if self.running.as_ref().is_none_or(|running| running.tag != tag) {
            return; // a tag that we did not use: nothing can be made of it
        }
        let ok = condition.status == Status::Ok;
        if let Some(Code::Capability(list)) = &condition.code {
            self.capabilities.clone_from(list);
        }
        let op = self.running.as_ref().map(|running| running.op.clone());
        match op {
            Some(Op::Command(_)) => {
                let command = self.stage();
                self.event(ClientEvent::Done { command, condition });
            }
            Some(Op::Logout) => return self.finish(),
            Some(op) if ok => self.succeeded(&op, &condition),
            // NO or BAD to STARTTLS: who only prefers TLS goes on in clear.
            Some(Op::StartTls) if self.config.tls == Wish::Prefer => {}
            // What one message refuses does not keep the others from being fetched.
            Some(Op::MarkSeen(_) | Op::Idle { .. } | Op::List) => {}
            _ => {
                let said = crate::base::escape::text(&condition.text);
                self.fail_politely(format!("{}: {said}", condition.status.name()));
            }
        }
        self.running = None;
    }

    fn succeeded(&mut self, op: &Op, condition: &Condition) {
        match op {
            Op::Capability => {
                let list = self.capabilities.clone();
                let wants_login = self.script.iter().any(|op| matches!(op, Op::Login));
                let by_command = self.config.auth.is_none();
                let secures = self.wish != Wish::Never && list.iter().any(|name| name == "STARTTLS");
                let disabled = list.iter().any(|name| name == "LOGINDISABLED");
                if wants_login && by_command && !secures && disabled {
                    self.fail_politely("the server takes no LOGIN here (LOGINDISABLED)".to_owned());
                }
                self.event(ClientEvent::Capabilities(list));
            }
            Op::Login => {
                let exchange = self.running.as_ref().and_then(|running| running.exchange.as_ref());
                match exchange.map_or(Ok(()), sasl::client::Exchange::succeeded) {
                    Ok(()) => self.event(ClientEvent::LoggedIn),
                    Err(why) => self.fail_politely(why),
                }
            }
            Op::StartTls => {
                self.securing = true;
                // What came in clear behind the OK is nobody's response (RFC 9051 §6.2.1).
                self.framer.clear();
                self.outputs.push_back(Output::StartTls);
            }
            Op::List => {
                let list = std::mem::take(&mut self.mailboxes);
                self.event(ClientEvent::Mailboxes(list));
            }
            Op::Select => {
                self.selected.mailbox.clone_from(&self.config.mailbox);
                let code = condition.code.as_ref().map(Code::name);
                self.selected.read_only = code == Some("READ-ONLY");
                let known = self.config.known_uidvalidity;
                if known.is_some_and(|known| known != self.selected.uidvalidity) {
                    self.config.known.clear();
                }
                self.summary.selected = self.selected.clone();
                self.event(ClientEvent::Selected(self.selected.clone()));
            }
            Op::Overview => {
                for uid in std::mem::take(&mut self.wanted).into_iter().rev() {
                    if self.config.mark_seen && !self.selected.read_only {
                        self.script.push_front(Op::MarkSeen(uid));
                    }
                    self.script.push_front(Op::Fetch(uid));
                }
            }
            Op::Fetch(uid) if self.summary.fetched.last() != Some(uid) => {
                // OK without data: another session has removed it meanwhile. Then there is nothing to mark.
                let gone = *uid;
                self.script.retain(|op| !matches!(op, Op::MarkSeen(uid) if *uid == gone));
            }
            _ => {}
        }
    }

    /// Before anything but CAPABILITY: STARTTLS where it is wanted and offered.
    fn secure_before_login(&mut self) {
        if self.wish == Wish::Never || matches!(self.script.front(), Some(Op::Capability | Op::Logout) | None)
        {
            return;
        }
        if self.capabilities.is_empty() {
            return self.script.push_front(Op::Capability);
        }
        let offered = self.capabilities.iter().any(|name| name == "STARTTLS");
        match std::mem::take(&mut self.wish) {
            Wish::Prefer | Wish::Must if offered => self.script.push_front(Op::StartTls),
            Wish::Must => {
                let reason = "the server does not offer it, and nothing is sent in clear".to_owned();
                self.failure.get_or_insert(Failure { stage: "STARTTLS".to_owned(), reason });
                self.script = VecDeque::from([Op::Logout]);
            }
            Wish::Never | Wish::Prefer => {}
        }
    }

    /// Sends the next command of the script.
    fn next_op(&mut self) {
        self.secure_before_login();
        while let Some(op) = self.script.pop_front() {
            if matches!(op, Op::Overview) && self.selected.exists == 0 {
                continue; // "1:*" of nothing
            }
            if matches!(op, Op::Select) {
                self.selected = Selected::default();
            }
            self.next_tag += 1;
            let tag = format!("a{}", self.next_tag);
            let (body, exchange) = match (&op, &self.config.auth) {
                (Op::Login, Some(credentials)) => authenticate(credentials, &self.capabilities),
                _ => (op.command(&self.config), None),
            };
            let name = body.name().to_owned();
            let wire = print_command(&Command { tag: tag.clone(), body }, Dialect::Rev1, self.literals());
            let mut stretches = stretches(&wire);
            if let Some(first) = stretches.pop_front() {
                self.outputs.push_back(Output::Send(first));
            }
            self.running = Some(Running { tag, op, name, stretches, until: None, exchange });
            return;
        }
        self.finish();
    }

    fn literals(&self) -> Literals {
        literals(&self.capabilities)
    }
}

/// AUTHENTICATE; with the initial response where the server has said that it takes one (SASL-IR, RFC 4959 §3).
fn authenticate(
    credentials: &Credentials,
    capabilities: &[String],
) -> (CommandBody, Option<sasl::client::Exchange>) {
    let (mut exchange, initial) = sasl::client::Exchange::begin(credentials);
    let mechanism = credentials.mechanism.name().to_owned();
    if capabilities.iter().any(|name| name == "SASL-IR") {
        return (CommandBody::Authenticate { mechanism, initial }, Some(exchange));
    }
    exchange.hold(initial);
    (CommandBody::Authenticate { mechanism, initial: None }, Some(exchange))
}

/// The answer to a challenge, as a line.
fn sasl_line(exchange: &mut sasl::client::Exchange, challenge: &str) -> Vec<u8> {
    // Why it is not answered is told by the server's reply to the lone star that goes out then.
    let (answer, _why) = exchange.line(challenge.trim().as_bytes());
    let mut line = answer.expose().as_bytes().to_vec();
    line.extend_from_slice(b"\r\n");
    line
}

/// Which literals a server takes that has said that it can do these.
fn literals(capabilities: &[String]) -> Literals {
    let can = |name: &str| capabilities.iter().any(|c| c == name);
    if can("LITERAL+") {
        Literals::NonSync
    } else if can("LITERAL-") || can("IMAP4REV2") {
        Literals::NonSyncSmall
    } else {
        Literals::Sync
    }
}

/// A command cut behind each announcement of a literal that must be waited for.
fn stretches(wire: &[u8]) -> VecDeque<Vec<u8>> {
    let (mut scanner, mut start, mut out) = (Scanner::commands(), 0, VecDeque::new());
    while let Scan::Literal { announced, end } = scanner.scan(wire, usize::MAX - 1) {
        scanner.skip(announced.size);
        if announced.sync {
            out.push_back(wire.get(start..end).unwrap_or_default().to_vec());
            start = end;
        }
    }
    out.push_back(wire.get(start..).unwrap_or_default().to_vec());
    out
}

impl Machine for Client {
    type Event = ClientEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.heard = Some(now);
        if self.finished || self.securing {
            return;
        }
        self.framer.push(bytes);
        while !self.finished && !self.securing {
            match self.framer.next_response() {
                Some(ResponseFrame::Response(response)) => self.respond(&response, now),
                Some(ResponseFrame::TooBig) => {
                    self.fail_at_once("the server sent more than this client takes")
                }
                None => break,
            }
            // Between two responses the next command may go out: the replies are then told apart by their tags.
            if self.greeted && self.running.is_none() && !self.finished && !self.securing {
                self.next_op();
            }
        }
    }

    fn wants_input(&self) -> bool {
        !self.securing
    }

    /// "Once TLS has been started, the client MUST discard cached information about server capabilities and SHOULD reissue
    /// the CAPABILITY command" (RFC 9051 §6.2.1).
    fn secured(&mut self, now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.heard = Some(now);
            self.framer.clear();
            self.capabilities.clear();
            self.script.push_front(Op::Capability);
            self.next_op();
        }
    }

    fn closed(&mut self, _now: Instant) {
        if self.bye && self.failure.is_none() && self.script.is_empty() {
            return self.finish(); // said good-bye, and went without the tagged OK
        }
        if !self.finished {
            self.fail_at_once("the server closed the connection");
        }
    }

    fn poll(&mut self, now: Instant) -> Output<ClientEvent> {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if self.finished || self.securing {
            return Output::Idle;
        }
        let until = self.running.as_ref().and_then(|running| running.until);
        if let Some(until) = until {
            if now < until {
                return Output::WakeAt(until);
            }
            self.end_idle();
            self.heard = Some(now);
            return self.outputs.pop_front().unwrap_or(Output::Idle);
        }
        let limit = *self.heard.get_or_insert(now) + self.config.patience;
        if now < limit {
            return Output::WakeAt(limit);
        }
        self.fail_at_once("the server did not answer in time");
        self.outputs.pop_front().unwrap_or(Output::Idle)
    }
}
