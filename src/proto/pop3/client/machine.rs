//! The client's loop: wait for an answer, tell the owner, send the next command.

use super::{ClientConfig, ClientEvent, Failure, Login, Reason, Summary};
use crate::base::{Instant, Secret};
use crate::proto::line::{Line, LineBuffer, Terminator};
use crate::proto::pop3::grammar::listing::{parse_drop_listing, parse_unique_id_listing};
use crate::proto::pop3::grammar::reply::parse_greeting;
use crate::proto::pop3::grammar::{Command, Greeting, Status, StatusLine};
use crate::proto::sasl::{self, apop_digest};
use crate::proto::{Machine, Output, Wish};
use std::collections::VecDeque;

/// The client's side of one session.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    input: LineBuffer,
    out: VecDeque<Output<ClientEvent>>,
    /// What was said last, and waits for its answer.
    stage: Stage,
    /// The greeting's timestamp, for APOP.
    timestamp: Option<String>,
    /// The SASL exchange under way.
    exchange: Option<sasl::client::Exchange>,
    /// The multi-line response that is coming.
    block: Option<Block>,
    /// What is to be done for the messages, in order.
    work: Work,
    summary: Summary,
    /// Why the session fails, once that is known and QUIT was said.
    failure: Option<Failure>,
    /// What it still wishes: nothing more, once it asked.
    wish: Wish,
    /// `+OK` answered STLS, and the handshake is not done.
    securing: bool,
    server_ended: bool,
    deadline: Option<Instant>,
    over: bool,
}

/// A message to be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    number: u32,
    uidl: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Capa,
    Stls,
    User,
    Pass,
    Apop,
    Auth,
    Stat,
    Uidl,
    List,
    Retr(Item),
    Dele(Item),
    Quit,
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Stage::Greeting => "CONNECT",
            Stage::Capa => "CAPA",
            Stage::Stls => "STLS",
            Stage::User => "USER",
            Stage::Pass => "PASS",
            Stage::Apop => "APOP",
            Stage::Auth => "AUTH",
            Stage::Stat => "STAT",
            Stage::Uidl => "UIDL",
            Stage::List => "LIST",
            Stage::Retr(_) => "RETR",
            Stage::Dele(_) => "DELE",
            Stage::Quit => "QUIT",
        }
    }
}

/// The messages that are still to be handled.
#[derive(Debug)]
enum Work {
    /// As UIDL listed them.
    Listed(VecDeque<Item>),
    /// Without UIDL: from this message-number to STAT's count.
    Counted(u32),
}

/// A multi-line response that is coming: byte-stuffing undone.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Whether the next octet begins a line.
    line_start: bool,
    /// The status line ended with a bare LF: then all lines may.
    bare_lf: bool,
}

impl Block {
    /// What follows a status line that ended so.
    pub(super) fn after(terminator: Terminator) -> Self {
        Block { bytes: Vec::new(), line_start: true, bare_lf: terminator == Terminator::Lf }
    }

    /// How many octets it holds so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What came, byte-stuffing undone.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes a line, or a piece of one; gives whether it was the lone dot.
    pub(super) fn take(&mut self, line: &Line) -> bool {
        let ends = match line.terminator {
            Terminator::CrLf => true,
            Terminator::Lf => self.bare_lf,
            Terminator::TooLong | Terminator::End => false,
        };
        let mut wire = line.to_wire();
        if std::mem::replace(&mut self.line_start, ends) && wire.first() == Some(&b'.') {
            if ends && line.text == b"." {
                return true;
            }
            wire.remove(0);
        }
        self.bytes.extend(wire);
        false
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.bytes.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
        lines.filter(|l| !l.is_empty())
    }
}

/// Octets of a message taken at a time where a line is very long.
pub(super) const LINE_PIECE: usize = 64 * 1024;

impl Client {
    /// A session that begins: it waits for the greeting.
    pub fn new(config: ClientConfig) -> Self {
        Client {
            wish: config.tls,
            securing: false,
            config,
            input: LineBuffer::default(),
            out: VecDeque::new(),
            stage: Stage::Greeting,
            timestamp: None,
            exchange: None,
            block: None,
            work: Work::Counted(1),
            summary: Summary::default(),
            failure: None,
            server_ended: false,
            deadline: None,
            over: false,
        }
    }

    /// What the client wants.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    fn say(&mut self, stage: Stage, command: &Command) {
        self.stage = stage;
        self.out.push_back(Output::Send(command.to_wire()));
    }

    fn tell(&mut self, event: ClientEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Takes the next line that came; `false` where there is none.
    fn take_line(&mut self) -> bool {
        let limit = if self.block.is_some() { LINE_PIECE } else { self.config.limits.status_line };
        let Some(line) = self.input.next_line(limit) else { return false };
        match (&mut self.block, line.terminator) {
            // Half a line tells nothing; that the stream is lost follows.
            (_, Terminator::End) => {}
            (Some(block), _) => {
                if block.take(&line) {
                    self.block_ended();
                } else {
                    self.judge_size();
                }
            }
            (None, Terminator::TooLong) => self.break_off(Reason::TooLarge),
            (None, _) => self.status_line(&line),
        }
        true
    }

    fn judge_size(&mut self) {
        let limit = match self.stage {
            Stage::Retr(_) => self.config.limits.message,
            _ => self.config.limits.listing,
        };
        if self.block.as_ref().is_some_and(|b| b.len() > limit) {
            self.break_off(Reason::TooLarge);
        }
    }

    fn status_line(&mut self, line: &Line) {
        let Greeting { line: said, timestamp } = parse_greeting(&line.text).value;
        let text = String::from_utf8_lossy(&line.text).into_owned();
        match (said.status, &self.stage) {
            (Status::Ok, Stage::Capa | Stage::Uidl | Stage::List | Stage::Retr(_)) => {
                self.block = Some(Block::after(line.terminator));
            }
            (Status::Ok, Stage::Greeting) => {
                self.timestamp.clone_from(&timestamp);
                self.tell(ClientEvent::Greeted { line: text, timestamp });
                if self.config.capa || self.wish != Wish::Never {
                    self.say(Stage::Capa, &Command::Capa);
                } else {
                    self.log_in();
                }
            }
            (Status::Ok, _) => self.accepted(&said, text),
            (Status::Err, _) => self.refused(text),
            (Status::Continue, Stage::Auth) => self.challenged(&said),
            (Status::Continue | Status::Unclear, _) => self.break_off(Reason::Unclear(text)),
        }
    }

    /// What CAPA lists is known: STLS where it is wanted and offered, else the login.
    fn secure_or_log_in(&mut self, offered: bool) {
        match std::mem::take(&mut self.wish) {
            Wish::Prefer | Wish::Must if offered => self.say(Stage::Stls, &Command::Stls),
            Wish::Must => self.give_up(Reason::NoTls),
            Wish::Never | Wish::Prefer => self.log_in(),
        }
    }

    fn log_in(&mut self) {
        match self.config.login.clone() {
            Login::User => self.say(Stage::User, &Command::User { name: self.config.user.clone() }),
            Login::Apop => match &self.timestamp {
                Some(timestamp) => {
                    let digest = Secret::new(apop_digest(timestamp, &self.config.password));
                    self.say(Stage::Apop, &Command::Apop { name: self.config.user.clone(), digest });
                }
                None => {
                    let why = "the greeting has no timestamp, so the server offers no APOP";
                    self.give_up(Reason::NoLogin(why.to_owned()));
                }
            },
            Login::Sasl(credentials) => {
                let (exchange, initial) = sasl::client::Exchange::begin(&credentials);
                self.exchange = Some(exchange);
                let mechanism = Some(credentials.mechanism.name().to_owned());
                self.say(Stage::Auth, &Command::Auth { mechanism, initial });
            }
        }
    }

    /// `+ challenge`: the next answer of the exchange, or `*` where there is none. RFC 5034 §4.
    fn challenged(&mut self, said: &StatusLine) {
        let Some(exchange) = &mut self.exchange else { return };
        let (answer, why) = exchange.line(said.text.trim().as_bytes());
        if let Some(why) = why {
            self.failure.get_or_insert(Failure { stage: "AUTH", reason: Reason::NoLogin(why) });
        }
        let mut line = answer.expose().as_bytes().to_vec();
        line.extend_from_slice(b"\r\n");
        self.out.push_back(Output::Send(line));
    }

    /// `+OK` to AUTH. Where the mechanism has the server prove itself too, it must have done so.
    fn authenticated(&mut self) {
        match self.exchange.take().map_or(Ok(()), |exchange| exchange.succeeded()) {
            Ok(()) => self.say(Stage::Stat, &Command::Stat),
            Err(why) => self.give_up(Reason::NoLogin(why)),
        }
    }

    /// `+OK` to a command whose answer is one line.
    fn accepted(&mut self, said: &StatusLine, text: String) {
        match self.stage.clone() {
            Stage::Stls => {
                self.securing = true;
                // What came in clear behind the +OK is nobody's answer (RFC 2595 §4).
                self.input.clear();
                self.out.push_back(Output::StartTls);
            }
            Stage::User => self.say(Stage::Pass, &Command::Pass { password: self.config.password.clone() }),
            Stage::Pass | Stage::Apop => self.say(Stage::Stat, &Command::Stat),
            Stage::Auth => self.authenticated(),
            Stage::Stat => match parse_drop_listing(said.text.as_bytes()).value {
                Some(listing) => {
                    self.summary.count = listing.count;
                    self.summary.octets = listing.octets;
                    self.tell(ClientEvent::Stat { count: listing.count, octets: listing.octets });
                    match listing.count {
                        0 => self.say(Stage::Quit, &Command::Quit),
                        _ => self.say(Stage::Uidl, &Command::Uidl { number: None }),
                    }
                }
                None => self.give_up(Reason::Unclear(text)),
            },
            Stage::Dele(item) => {
                self.summary.deleted += 1;
                self.tell(ClientEvent::Deleted { number: item.number, uidl: item.uidl });
                self.go_on();
            }
            Stage::Quit => self.finish(),
            Stage::Greeting | Stage::Capa | Stage::Uidl | Stage::List | Stage::Retr(_) => {}
        }
    }

    /// The lone dot came.
    fn block_ended(&mut self) {
        let Some(block) = self.block.take() else { return };
        match self.stage.clone() {
            Stage::Capa => {
                let lines: Vec<String> =
                    block.lines().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
                let stls = lines.iter().any(|line| line.trim().eq_ignore_ascii_case("STLS"));
                self.tell(ClientEvent::Capabilities(lines));
                self.secure_or_log_in(stls);
            }
            Stage::Uidl => {
                let listed = block.lines().filter_map(|line| parse_unique_id_listing(line).value);
                let items = listed.map(|l| Item { number: l.number, uidl: Some(l.unique_id) });
                self.work = Work::Listed(items.collect());
                self.unique_ids_known();
            }
            Stage::List => self.go_on(),
            Stage::Retr(item) => {
                self.summary.retrieved += 1;
                let Item { number, uidl } = item.clone();
                self.tell(ClientEvent::Retrieved { number, uidl, bytes: block.bytes });
                match self.config.keep {
                    true => self.go_on(),
                    false => self.say(Stage::Dele(item), &Command::Dele { number }),
                }
            }
            _ => {}
        }
    }

    fn unique_ids_known(&mut self) {
        match self.config.list {
            true => self.say(Stage::List, &Command::List { number: None }),
            false => self.go_on(),
        }
    }

    /// `-ERR`.
    fn refused(&mut self, line: String) {
        match &self.stage {
            // CAPA, UIDL and LIST may be missing or fail: it goes without them.
            Stage::Capa => self.secure_or_log_in(false),
            // "-ERR" to STLS: who must have TLS goes.
            Stage::Stls if self.config.tls == Wish::Must => self.give_up(Reason::Refused(line)),
            Stage::Stls => self.log_in(),
            Stage::Uidl => self.unique_ids_known(),
            Stage::List => self.go_on(),
            Stage::Retr(item) | Stage::Dele(item) => {
                self.summary.refused.push(item.number);
                match self.summary.refused.len() >= self.config.limits.refusals {
                    true => self.give_up(Reason::Refused(line)),
                    false => self.go_on(),
                }
            }
            Stage::User | Stage::Pass | Stage::Apop | Stage::Auth | Stage::Stat => {
                self.give_up(Reason::Refused(line))
            }
            Stage::Greeting | Stage::Quit => self.break_off(Reason::Refused(line)),
        }
    }

    /// The next message, or QUIT.
    fn go_on(&mut self) {
        while let Some(item) = self.next_item() {
            let number = item.number;
            let known = item.uidl.as_ref().is_some_and(|uidl| self.config.known.contains(uidl));
            match (known, self.config.keep) {
                (true, true) => {}
                (true, false) => return self.say(Stage::Dele(item), &Command::Dele { number }),
                (false, _) => return self.say(Stage::Retr(item), &Command::Retr { number }),
            }
        }
        self.say(Stage::Quit, &Command::Quit);
    }

    fn next_item(&mut self) -> Option<Item> {
        match &mut self.work {
            Work::Listed(items) => items.pop_front(),
            Work::Counted(next) if *next <= self.summary.count => {
                let number = *next;
                // Past the last message-number there is none.
                self.work = match number.checked_add(1) {
                    Some(next) => Work::Counted(next),
                    None => Work::Listed(VecDeque::new()),
                };
                Some(Item { number, uidl: None })
            }
            Work::Counted(_) => None,
        }
    }

    /// It cannot go on, but the server is there: QUIT, politely.
    fn give_up(&mut self, reason: Reason) {
        let failure = Failure { stage: self.stage.name(), reason };
        self.failure.get_or_insert(failure);
        self.say(Stage::Quit, &Command::Quit);
    }

    /// It cannot go on at all.
    fn break_off(&mut self, reason: Reason) {
        let failure = Failure { stage: self.stage.name(), reason };
        self.failure.get_or_insert(failure);
        self.finish();
    }

    fn finish(&mut self) {
        self.over = true;
        self.block = None;
        self.input.clear();
        let result = match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(std::mem::take(&mut self.summary)),
        };
        self.tell(ClientEvent::Finished(result));
        self.out.push_back(Output::Close);
    }
}

impl Machine for Client {
    type Event = ClientEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        if !self.over && !self.securing {
            self.deadline = Some(now + self.config.limits.reply);
            self.input.push(bytes);
        }
    }

    fn wants_input(&self) -> bool {
        !self.securing
    }

    /// "the client MUST discard cached information about server capabilities" (RFC 2595 §4): it asks again.
    fn secured(&mut self, now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.deadline = Some(now + self.config.limits.reply);
            self.input.clear();
            self.say(Stage::Capa, &Command::Capa);
        }
    }

    fn closed(&mut self, _now: Instant) {
        self.server_ended = true;
        self.input.end();
    }

    fn poll(&mut self, now: Instant) -> Output<ClientEvent> {
        loop {
            if let Some(output) = self.out.pop_front() {
                if matches!(output, Output::Send(_)) {
                    self.deadline = Some(now + self.config.limits.reply);
                }
                return output;
            }
            if self.over || self.securing {
                return Output::Idle;
            }
            if self.take_line() {
                continue;
            }
            let deadline = *self.deadline.get_or_insert(now + self.config.limits.reply);
            if self.server_ended {
                self.break_off(Reason::Lost);
            } else if now >= deadline {
                self.break_off(Reason::TimedOut);
            } else {
                return Output::WakeAt(deadline);
            }
        }
    }
}
