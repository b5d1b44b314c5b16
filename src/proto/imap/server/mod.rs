//! The IMAP server machine (RFC 9051, RFC 3501): bytes in, responses and requests to the mail store out.
//!
//! It holds one connection: framing, phase, the view of the selected mailbox. It holds no mail: what it needs it asks
//! ([`ServerEvent::Ask`]) and is told ([`Server::answer`]), one request at a time, so any store can stand behind it.
//! Commands are carried out one after the other, in the order they came (RFC 9051 §5.5).
//!
//! ```text
//! receive → framer → grammar → consult? → run ──ask──► owner
//!                                          ▲            │
//!                                          └──answer────┘ … news of the mailbox, then the tagged reply
//! ```

pub mod ask;
pub mod pattern;

mod auth;
mod fetch;
mod fetch_write;
mod folders;
mod list;
mod login;
mod news;
mod run;
mod search;
mod select;
mod store;
mod view;

pub use ask::{Answer, Ask};

use super::framing::{CommandFramer, Frame, Limits, Refusal};
use super::grammar::{self, Dialect};
use super::phase::Phase;
use super::types::{Command, CommandBody};
use crate::base::Instant;
use crate::proto::sasl::server::Exchange;
use crate::proto::sasl::{Mechanism, Nonces};
use crate::proto::{Machine, Output, Security};
use std::collections::VecDeque;
use std::time::Duration;

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, told in the greeting.
    pub hostname: String,
    /// Whether IMAP4rev2 is offered beside IMAP4rev1.
    pub rev2: bool,
    /// Capabilities to leave out, in upper case, as in `IDLE`: for worlds with an older server. They are not
    /// announced; the commands still work.
    pub without: Vec<String>,
    /// Where the connection stands with TLS when it begins (RFC 9051 §6.2.1, RFC 8314 §3.2).
    pub security: Security,
    /// Whether a password may come in clear. Where not, LOGINDISABLED is announced until TLS is there, and LOGIN and
    /// AUTHENTICATE are refused (RFC 9051 §6.2.3).
    pub plaintext_login: bool,
    /// The largest message APPEND takes, octets (RFC 7889).
    pub size_limit: u64,
    /// Limits before login: lines of 8 KiB, literals of 4 KiB.
    pub before_login: Limits,
    /// Limits after login: lines of 64 KiB, literals of `size_limit`.
    pub after_login: Limits,
    /// Without a command for so long, the server says BYE (RFC 9051 §5.4: at least 30 minutes).
    pub autologout: Duration,
    /// The same before login, where the standard asks for nothing.
    pub login_timeout: Duration,
    /// Commands answered BAD, and logins refused, before the server says BYE.
    pub hard_errors: u32,
    /// Messages read from the store at a time, for FETCH and SEARCH.
    pub batch_messages: usize,
    /// Octets read at a time (one message may be larger).
    pub batch_octets: u64,
    /// Which mechanisms AUTHENTICATE offers. Default: all.
    pub mechanisms: Vec<Mechanism>,
    /// Where challenges come from, drawn by the owner for this session alone. Without them CRAM-MD5 and SCRAM-SHA-256
    /// are not offered. Default: none.
    pub nonces: Option<Nonces>,
    /// Ask the owner before each command ([`ServerEvent::Consult`]).
    pub consult: bool,
}

impl ServerConfig {
    /// The usual server of that name.
    pub fn new(hostname: impl Into<String>) -> Self {
        let size_limit = 10 << 20;
        ServerConfig {
            hostname: hostname.into(),
            rev2: true,
            without: Vec::new(),
            security: Security::None,
            plaintext_login: true,
            size_limit,
            before_login: Limits { non_sync: u64::MAX, ..Limits::BEFORE_LOGIN },
            after_login: Limits::after_login(size_limit),
            autologout: Duration::from_secs(30 * 60),
            login_timeout: Duration::from_secs(5 * 60),
            hard_errors: 20,
            batch_messages: 16,
            batch_octets: 4 << 20,
            mechanisms: Mechanism::ALL.to_vec(),
            nonces: None,
            consult: false,
        }
    }

    /// With another limit for messages.
    pub fn with_size_limit(mut self, octets: u64) -> Self {
        self.size_limit = octets;
        self.after_login = Limits::after_login(octets);
        self
    }
}

/// What the server tells or asks its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A request to the store; give [`Server::answer`].
    Ask(Ask),
    /// A command has come and is about to be carried out (`CONNECT`: the greeting is about to be sent). Say
    /// [`Server::proceed`], [`Server::answer_line`] or [`Server::abort`]. Only where the configuration asks for it.
    Consult {
        /// Its name in upper case, as in `UID FETCH`.
        verb: String,
    },
}

/// OK, NO, BAD (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    No,
    Bad,
}

/// A tagged reply: its condition, and the text with its response code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reply {
    status: Status,
    text: String,
}

impl Reply {
    fn ok(text: impl Into<String>) -> Self {
        Reply { status: Status::Ok, text: text.into() }
    }
    fn no(text: impl Into<String>) -> Self {
        Reply { status: Status::No, text: text.into() }
    }
    fn bad(text: impl Into<String>) -> Self {
        Reply { status: Status::Bad, text: text.into() }
    }
}

/// What the lines that come are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    /// A SASL response.
    Auth,
    /// `DONE`.
    Idle,
}

/// What the machine waits for its owner to say.
#[derive(Debug)]
enum Wait {
    Nothing,
    /// May it greet?
    Greeting,
    /// May this command be carried out?
    Verdict(Box<CommandBody>),
    /// The store's answer; then go on there.
    Store(Box<run::Then>),
}

/// What the client switched on (RFC 5161).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Enabled {
    rev2: bool,
    condstore: bool,
    qresync: bool,
}

/// One connection's server.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    framer: CommandFramer,
    phase: Phase,
    security: Security,
    /// OK answered STARTTLS, and the handshake is not done.
    securing: bool,
    mode: Mode,
    /// The SASL exchange whose next response is awaited.
    exchange: Option<Exchange>,
    enabled: Enabled,
    out: VecDeque<Output<ServerEvent>>,
    wait: Wait,
    /// Tag and name of the command that is being carried out.
    tag: String,
    verb: String,
    view: Option<view::View>,
    /// Work that goes on piece by piece.
    job: Option<run::Job>,
    errors: u32,
    last_activity: Option<Instant>,
    /// The time that was last given.
    now: Instant,
    /// The UIDs that a FETCH with VANISHED asks about.
    vanished_set: Option<super::types::SequenceSet>,
    started: bool,
    /// The peer sends no more.
    ended: bool,
    /// Close was said, or will be.
    closing: bool,
    /// The owner said that the mailbox may have changed.
    news: bool,
    /// The service ends: the client is told as soon as nothing is asked.
    stopping: bool,
}

impl Server {
    /// A server that has yet to greet.
    pub fn new(config: ServerConfig) -> Self {
        Server {
            framer: CommandFramer::new(config.before_login),
            security: config.security,
            securing: false,
            config,
            phase: Phase::NotAuthenticated,
            mode: Mode::Commands,
            exchange: None,
            enabled: Enabled::default(),
            out: VecDeque::new(),
            wait: Wait::Nothing,
            tag: String::new(),
            verb: String::new(),
            view: None,
            job: None,
            errors: 0,
            last_activity: None,
            now: Instant::default(),
            vanished_set: None,
            started: false,
            ended: false,
            closing: false,
            news: false,
            stopping: false,
        }
    }

    /// How many octets of memory are taken by what the client sent, and by what it has not been told yet.
    pub fn held(&self) -> usize {
        let sends = self.out.iter().map(|o| if let Output::Send(bytes) = o { bytes.capacity() } else { 0 });
        self.framer.held() + sends.sum::<usize>()
    }

    /// Where the connection stands with TLS.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Whether a password may be sent now.
    fn login_allowed(&self) -> bool {
        self.config.plaintext_login || self.security == Security::Active
    }

    /// The phase the connection is in.
    pub fn phase(&self) -> Phase {
        if self.mode == Mode::Idle { Phase::Idle } else { self.phase }
    }

    /// The selected mailbox's name.
    pub fn selected(&self) -> Option<&str> {
        self.view.as_ref().map(|v| v.name.as_str())
    }

    /// The store may have changed: a session in IDLE asks what is new. Harmless at any time.
    pub fn notify(&mut self) {
        self.news = self.mode == Mode::Idle;
    }

    /// The service ends: say BYE and close, when nothing is asked any more. "The server is ... about to close this
    /// connection", at any time and in any state (RFC 9051 §7.1.5).
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// The answer to the last [`ServerEvent::Ask`]. Without one outstanding it does nothing.
    pub fn answer(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.wait, Wait::Nothing) {
            Wait::Store(then) => self.resume(*then, answer),
            other => self.wait = other,
        }
    }

    /// [`ServerEvent::Consult`]: carry it out.
    pub fn proceed(&mut self) {
        match std::mem::replace(&mut self.wait, Wait::Nothing) {
            Wait::Verdict(body) => self.run(*body),
            Wait::Greeting => self.greet(),
            other => self.wait = other,
        }
    }

    /// [`ServerEvent::Consult`]: do not carry it out, say this instead: `NO [UNAVAILABLE] later`, which gets the
    /// command's tag (the greeting: `* `). A line that begins with `BYE` is untagged and ends the connection.
    pub fn answer_line(&mut self, line: String) {
        let greeting = match std::mem::replace(&mut self.wait, Wait::Nothing) {
            Wait::Verdict(_) => false,
            Wait::Greeting => true,
            other => return self.wait = other,
        };
        let line: String = line.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        let bye = line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("BYE"));
        if greeting || bye {
            self.untagged(&line);
        } else {
            self.send(format!("{} {line}\r\n", self.tag).into_bytes());
        }
        if bye {
            self.close();
        }
    }

    /// [`ServerEvent::Consult`]: drop the connection, saying nothing.
    pub fn abort(&mut self) {
        self.wait = Wait::Nothing;
        self.out.clear();
        self.close();
    }

    fn send(&mut self, bytes: Vec<u8>) {
        // One piece per turn, so that what belongs together travels together; but not without bound.
        if let Some(Output::Send(last)) = self.out.back_mut()
            && last.len() < 1 << 16
        {
            last.extend_from_slice(&bytes);
        } else {
            self.out.push_back(Output::Send(bytes));
        }
    }

    fn untagged(&mut self, text: &str) {
        self.send(format!("* {text}\r\n").into_bytes());
    }

    /// The tagged reply, which ends the command.
    fn tagged(&mut self, reply: Reply) {
        let word = match reply.status {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
        };
        // "A tag that cannot be read": the reply goes untagged (RFC 9051 §7.1.3).
        let tag = if self.tag.is_empty() { "*" } else { self.tag.as_str() };
        self.send(format!("{tag} {word} {}\r\n", reply.text).into_bytes());
        if reply.status == Status::Bad {
            self.hard_error();
        }
    }

    fn hard_error(&mut self) {
        self.errors += 1;
        if self.errors >= self.config.hard_errors && !self.closing {
            self.bye(&format!("Too many errors ({}), closing", self.errors));
        }
    }

    fn bye(&mut self, text: &str) {
        self.untagged(&format!("BYE {text}"));
        self.close();
    }

    fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.phase = Phase::Logout;
            self.view = None;
            self.job = None;
            self.mode = Mode::Commands;
            self.out.push_back(Output::Close);
        }
    }

    fn ask(&mut self, ask: Ask, then: run::Then) {
        self.out.push_back(Output::Event(ServerEvent::Ask(ask)));
        self.wait = Wait::Store(Box::new(then));
    }

    fn dialect(&self) -> Dialect {
        if self.enabled.rev2 { Dialect::Rev2 } else { Dialect::Rev1 }
    }

    /// Take one step; whether there was one to take.
    fn step(&mut self) -> bool {
        if !self.started {
            self.started = true;
            if self.config.consult {
                self.wait = Wait::Greeting;
                self.out.push_back(Output::Event(ServerEvent::Consult { verb: "CONNECT".to_owned() }));
            } else {
                self.greet();
            }
            return true;
        }
        if let Some(job) = self.job.take() {
            self.go_on(job);
            return true;
        }
        if self.mode == Mode::Idle && std::mem::take(&mut self.news) {
            self.ask_news(run::Then::IdleNews);
            return true;
        }
        let frame = match self.mode {
            Mode::Commands => self.framer.next_command(),
            Mode::Auth | Mode::Idle => self.framer.next_line(),
        };
        let Some(frame) = frame else { return false };
        match frame {
            Frame::Command(bytes) => {
                let Command { tag, body } = grammar::parse_command_in(&bytes, self.dialect()).value;
                self.begin(tag, body);
            }
            Frame::Line(line) if self.mode == Mode::Idle => self.idle_line(&line),
            Frame::Line(line) => self.sasl_response(&line),
            Frame::Wants { size, so_far } => self.literal_wanted(size, &so_far),
            Frame::Refused { tag, why, .. } => self.too_much(tag, why),
        }
        true
    }

    /// A client waits for leave to send a literal. What cannot be right anyway is refused before it is sent.
    fn literal_wanted(&mut self, size: u64, so_far: &[u8]) {
        let Command { tag, body } = grammar::parse_command_in(so_far, self.dialect()).value;
        let name = body.name().to_owned();
        let refusal = match body {
            CommandBody::Unknown { .. } => Some(Reply::bad(format!("Unknown command {name}"))),
            _ if self.refuses_password(&name) => Some(login::privacy_required()),
            _ => self.out_of_phase(&name),
        };
        match refusal {
            Some(reply) => {
                self.framer.refuse();
                self.tag = tag;
                self.tagged(reply);
            }
            None => self.send(format!("+ Ready for {size} octets\r\n").into_bytes()),
        }
    }

    fn too_much(&mut self, tag: Option<String>, why: Refusal) {
        if self.mode != Mode::Commands {
            // In IDLE or a SASL exchange the tag is the one that began it.
            self.mode = Mode::Commands;
            self.exchange = None;
        } else {
            self.tag = tag.unwrap_or_default();
        }
        let limits = if self.phase == Phase::NotAuthenticated {
            self.config.before_login
        } else {
            self.config.after_login
        };
        self.tagged(match why {
            Refusal::LineTooLong => {
                Reply::bad(format!("[LIMIT] A command line may have {} octets here", limits.line))
            }
            Refusal::LiteralTooBig => {
                Reply::no(format!("[TOOBIG] A literal may have {} octets here", limits.literal))
            }
            Refusal::NonSyncTooBig => Reply::bad(format!(
                "[TOOBIG] A literal sent without waiting may have {} octets",
                limits.non_sync
            )),
            Refusal::CommandTooBig => {
                Reply::no(format!("[TOOBIG] A command may have {} octets in all", limits.command))
            }
        });
        if why == Refusal::LiteralTooBig || why == Refusal::CommandTooBig {
            self.hard_error();
        }
    }

    fn deadline(&self, now: Instant) -> Instant {
        let wait = if self.phase == Phase::NotAuthenticated {
            self.config.login_timeout
        } else {
            self.config.autologout
        };
        self.last_activity.unwrap_or(now) + wait
    }
}

impl Machine for Server {
    type Event = ServerEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        // What comes in clear behind STARTTLS is nobody's command (RFC 9051 §6.2.1).
        if !self.closing && !self.securing {
            self.last_activity = Some(now);
            self.framer.push(bytes);
        }
    }

    fn closed(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn secured(&mut self, now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.framer.clear();
            self.security = Security::Active;
            self.last_activity = Some(now);
        }
    }

    fn wants_input(&self) -> bool {
        let limits = if self.phase == Phase::NotAuthenticated {
            self.config.before_login
        } else {
            self.config.after_login
        };
        !self.securing && (matches!(self.wait, Wait::Nothing) || self.framer.len() < limits.line)
    }

    fn poll(&mut self, now: Instant) -> Output<ServerEvent> {
        self.last_activity.get_or_insert(now);
        self.now = now;
        loop {
            if let Some(output) = self.out.pop_front() {
                return output;
            }
            if self.closing || self.securing || !matches!(self.wait, Wait::Nothing) {
                return Output::Idle;
            }
            if self.stopping {
                self.bye("The server is shutting down");
                continue;
            }
            if self.step() {
                continue;
            }
            if self.ended {
                self.close();
            } else if now >= self.deadline(now) {
                self.bye("Nothing was said for too long, closing");
            } else {
                return Output::WakeAt(self.deadline(now));
            }
        }
    }
}
