//! The server's loop: lines in, one command at a time, what the owner is asked, what goes out, when it ends.

use super::{LoginRefusal, Maildrop, ServerConfig, ServerEvent, UpdateRefusal};
use crate::base::Instant;
use crate::proto::line::{LineBuffer, Terminator};
use crate::proto::pop3::grammar::block::MessageStream;
use crate::proto::pop3::grammar::{Command, Status, StatusLine, parse_command};
use crate::proto::pop3::phase::Phase;
use crate::proto::sasl::server::Exchange;
use crate::proto::{Machine, Output, Security};
use std::collections::VecDeque;
use std::sync::Arc;

/// The server's side of one session.
#[derive(Debug)]
pub struct Server {
    pub(super) config: ServerConfig,
    pub(super) phase: Phase,
    pub(super) security: Security,
    /// `+OK` answered STLS, and the handshake is not done.
    pub(super) securing: bool,
    /// The name from USER, until PASS.
    pub(super) user: Option<String>,
    /// The maildrop, while it is locked for this session.
    pub(super) open: Option<OpenMaildrop>,
    pub(super) asked: Asked,
    /// The SASL exchange whose next response is awaited.
    pub(super) exchange: Option<Exchange>,
    input: LineBuffer,
    /// The rest of a line that was too long is still coming.
    discarding: bool,
    /// More arrived than may wait: what is kept is carried out, then the session ends.
    overflow: bool,
    /// The client has ended its side.
    client_ended: bool,
    greeted: bool,
    out: VecDeque<Output<ServerEvent>>,
    /// A multi-line response on its way out.
    block: Option<Block>,
    /// The service ends, and with it the session, as soon as nothing is asked.
    stopping: bool,
    errors: u32,
    /// When the last command came or the last octet went.
    pub(super) last_active: Option<Instant>,
    over: bool,
}

/// The maildrop as it was locked, and what this session has marked.
#[derive(Debug)]
pub(super) struct OpenMaildrop {
    pub maildrop: Maildrop,
    /// By index: marked as deleted.
    pub deleted: Vec<bool>,
}

/// What the owner has been asked and has not answered.
#[derive(Debug, Default)]
pub(super) enum Asked {
    #[default]
    Nothing,
    /// Whether to carry this out; `None` is the greeting.
    Consult(Option<Command>),
    /// The SCRAM keys of a user, for the exchange that waits.
    Keys(Exchange),
    /// Whether this user may log in.
    Login { user: String },
    /// A message's bytes: all (RETR) or so many lines of the body (TOP).
    Body { index: usize, lines: Option<u32> },
    /// To remove what is marked.
    Update,
}

/// A multi-line response on its way out.
#[derive(Debug)]
pub(super) enum Block {
    /// A message.
    Message(MessageStream),
    /// Lines that are ready.
    Lines(VecDeque<String>),
    /// A line for each message from this index on: its unique-id, or its size.
    Listing { next: usize, unique_ids: bool },
}

impl Server {
    /// A session that begins; the first [`Machine::poll`] greets.
    pub fn new(config: ServerConfig) -> Self {
        Server {
            security: config.security,
            securing: false,
            config,
            phase: Phase::Authorization,
            user: None,
            open: None,
            asked: Asked::Nothing,
            exchange: None,
            input: LineBuffer::default(),
            discarding: false,
            overflow: false,
            client_ended: false,
            greeted: false,
            out: VecDeque::new(),
            block: None,
            stopping: false,
            errors: 0,
            last_active: None,
            over: false,
        }
    }

    /// How the server behaves.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// How many octets of memory are taken by what the client sent, and by what it has not been told yet.
    pub fn held(&self) -> usize {
        let sends = self.out.iter().map(|o| if let Output::Send(bytes) = o { bytes.capacity() } else { 0 });
        self.input.held() + sends.sum::<usize>()
    }

    /// Where the connection stands with TLS.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Whether a password may be sent now.
    pub(super) fn login_allowed(&self) -> bool {
        self.config.plaintext_login || self.security == Security::Active
    }

    /// What waits in clear behind STLS is thrown away (RFC 2595 §4); then the handshake.
    pub(super) fn begin_tls(&mut self) {
        self.securing = true;
        self.forget_input();
        self.out.push_back(Output::StartTls);
    }

    fn forget_input(&mut self) {
        self.input.clear();
        (self.discarding, self.overflow) = (false, false);
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Answers [`ServerEvent::Consult`]: go on as usual.
    pub fn proceed(&mut self) {
        match std::mem::take(&mut self.asked) {
            Asked::Consult(Some(command)) => self.carry_out(command),
            Asked::Consult(None) => self.greet(),
            other => self.asked = other,
        }
    }

    /// Answers [`ServerEvent::Consult`]: say this one line instead, and do nothing else for this command. After
    /// QUIT, and after a greeting that is not `+OK`, the session ends (without UPDATE).
    pub fn answer_line(&mut self, line: String) {
        let ends = match std::mem::take(&mut self.asked) {
            Asked::Consult(Some(command)) => command == Command::Quit,
            Asked::Consult(None) => !line.starts_with("+OK"),
            other => {
                self.asked = other;
                return;
            }
        };
        let mut wire: Vec<u8> = line.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
        wire.extend_from_slice(b"\r\n");
        self.send(wire);
        if ends {
            self.end();
        }
    }

    /// Answers [`ServerEvent::Consult`], and may come at any time: end the session at once and without a word, as
    /// a server does that breaks down. Nothing is removed.
    pub fn abort(&mut self) {
        self.out.clear();
        self.block = None;
        self.asked = Asked::Nothing;
        self.end();
    }

    /// The service ends: close the connection without a word, when nothing is asked any more. A POP3 server speaks only
    /// when it is spoken to (RFC 1939 §3); a session that ends without QUIT "does NOT enter the UPDATE state", and
    /// nothing is removed (§6).
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Answers [`ServerEvent::Login`], [`ServerEvent::Apop`] and [`ServerEvent::Sasl`]. A lock that is granted after the session's end is
    /// given back with [`ServerEvent::Released`].
    pub fn answer_login(&mut self, answer: Result<Maildrop, LoginRefusal>) {
        match std::mem::take(&mut self.asked) {
            Asked::Login { user } => self.logged_in(&user, answer),
            _ if self.over && answer.is_ok() => self.out.push_front(Output::Event(ServerEvent::Released)),
            other => self.asked = other,
        }
    }

    /// Answers [`ServerEvent::Body`]; `None`: it cannot be read now.
    pub fn answer_body(&mut self, body: Option<Arc<[u8]>>) {
        match std::mem::take(&mut self.asked) {
            Asked::Body { index, lines } => self.body_came(index, lines, body),
            other => self.asked = other,
        }
    }

    /// Answers [`ServerEvent::Update`].
    pub fn answer_update(&mut self, answer: Result<(), UpdateRefusal>) {
        match std::mem::take(&mut self.asked) {
            Asked::Update => self.updated(answer),
            other => self.asked = other,
        }
    }

    pub(super) fn send(&mut self, wire: Vec<u8>) {
        self.out.push_back(Output::Send(wire));
    }

    pub(super) fn ask(&mut self, asked: Asked, event: ServerEvent) {
        self.asked = asked;
        self.out.push_back(Output::Event(event));
    }

    /// Sends `+OK text`.
    pub(super) fn ok(&mut self, text: impl Into<String>) {
        self.send(StatusLine::new(Status::Ok, text).to_wire());
    }

    /// Sends `-ERR text`.
    pub(super) fn err(&mut self, text: impl Into<String>) {
        self.send(StatusLine::new(Status::Err, text).to_wire());
    }

    /// Sends `+OK text`, and after it the block; the first piece goes out together with the status line.
    pub(super) fn ok_block(&mut self, text: impl Into<String>, mut block: Block) {
        let mut wire = StatusLine::new(Status::Ok, text).to_wire();
        let room = self.config.limits.piece.saturating_sub(wire.len());
        match self.block_piece(&mut block, room) {
            Some(piece) => {
                wire.extend(piece);
                self.block = Some(block);
            }
            None => self.block = None,
        }
        self.send(wire);
    }

    /// Refuses, and counts it: too many of these end the session.
    pub(super) fn hard_error(&mut self, mut line: StatusLine) {
        self.errors += 1;
        let enough = self.errors >= self.config.limits.hard_errors;
        if enough {
            line.text.push_str("; too many errors, goodbye");
        }
        self.send(line.to_wire());
        if enough {
            self.end();
        }
    }

    /// Ends the session. Where a maildrop is still locked, its lock is given back, and nothing is removed.
    pub(super) fn end(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        self.input.clear();
        if self.open.take().is_some() {
            self.out.push_back(Output::Event(ServerEvent::Released));
        }
        self.out.push_back(Output::Close);
    }

    /// The next lines of a block, `limit` octets at most (but one line at least); `None` after the lone dot.
    fn block_piece(&self, block: &mut Block, limit: usize) -> Option<Vec<u8>> {
        let (next, unique_ids) = match block {
            Block::Message(stream) => return stream.next_piece(limit),
            Block::Lines(lines) => {
                let lines = std::mem::take(lines);
                *block = Block::Listing { next: usize::MAX, unique_ids: false };
                let mut piece = lines.into_iter().fold(String::new(), |piece, line| piece + &line + "\r\n");
                piece.push_str(".\r\n");
                return Some(piece.into_bytes());
            }
            Block::Listing { next: usize::MAX, .. } => return None,
            Block::Listing { next, unique_ids } => (next, *unique_ids),
        };
        let mut piece = Vec::new();
        let count = self.open.as_ref().map_or(0, |open| open.deleted.len());
        while *next < count {
            if let Some(line) = self.listing_line(*next, unique_ids) {
                if !piece.is_empty() && piece.len() + line.len() + 5 > limit {
                    return Some(piece);
                }
                piece.extend_from_slice(line.as_bytes());
                piece.extend_from_slice(b"\r\n");
            }
            *next += 1;
        }
        *next = usize::MAX;
        piece.extend_from_slice(b".\r\n");
        Some(piece)
    }

    /// Takes the next line that came; `false` where there is none.
    fn take_line(&mut self, now: Instant) -> bool {
        let limits = &self.config.limits;
        let octets = if self.exchange.is_some() { limits.auth_line } else { limits.command_line };
        let limit = octets.saturating_sub(2);
        let Some(line) = self.input.next_line(limit) else { return false };
        let first = !std::mem::replace(&mut self.discarding, line.terminator == Terminator::TooLong);
        if !first {
            return true;
        }
        match line.terminator {
            // Half a line is no command: "DELE 1" may have been "DELE 12".
            Terminator::End => return true,
            Terminator::TooLong => {
                self.last_active = Some(now);
                self.exchange = None;
                let text = format!("a command line has {octets} octets at most");
                self.hard_error(StatusLine::new(Status::Err, text));
                return true;
            }
            Terminator::CrLf | Terminator::Lf => {}
        }
        self.last_active = Some(now);
        if let Some(exchange) = self.exchange.take() {
            self.response(exchange, &line.text);
            return true;
        }
        let command = parse_command(&line.text).value;
        if self.config.consult {
            let verb = command.verb().name();
            self.ask(Asked::Consult(Some(command)), ServerEvent::Consult { verb });
        } else {
            self.carry_out(command);
        }
        true
    }

    fn begin(&mut self) {
        self.greeted = true;
        if self.config.consult {
            self.ask(Asked::Consult(None), ServerEvent::Consult { verb: "CONNECT" });
        } else {
            self.greet();
        }
    }

    /// Nothing is left to do with what came: end, or wait.
    fn rest(&mut self, now: Instant) -> Option<Output<ServerEvent>> {
        if self.overflow {
            self.err("too many commands are waiting; goodbye");
            self.end();
            return None;
        }
        if self.client_ended {
            self.end();
            return None;
        }
        let deadline = *self.last_active.get_or_insert(now) + self.config.limits.idle;
        if now < deadline {
            return Some(Output::WakeAt(deadline));
        }
        // "the server should close the TCP connection without removing any messages or sending any response"
        // (RFC 1939 §3).
        self.end();
        None
    }
}

impl Machine for Server {
    type Event = ServerEvent;

    fn receive(&mut self, bytes: &[u8], _now: Instant) {
        if self.over || self.overflow || self.securing {
            return;
        }
        let room = self.config.limits.waiting.saturating_sub(self.input.len());
        self.overflow = bytes.len() > room;
        self.input.push(bytes.get(..room).unwrap_or(bytes));
    }

    fn closed(&mut self, _now: Instant) {
        self.client_ended = true;
        self.input.end();
    }

    /// "the server remains in AUTHORIZATION state" (RFC 2595 §4); a name that USER gave in clear is forgotten.
    fn secured(&mut self, now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.forget_input();
            self.user = None;
            (self.phase, self.security) = (Phase::Authorization, Security::Active);
            self.last_active = Some(now);
        }
    }

    fn wants_input(&self) -> bool {
        !self.securing
            && (matches!(self.asked, Asked::Nothing) || self.input.len() < self.config.limits.waiting / 2)
    }

    fn poll(&mut self, now: Instant) -> Output<ServerEvent> {
        loop {
            if let Some(output) = self.out.pop_front() {
                if matches!(output, Output::Send(_)) {
                    self.last_active = Some(now);
                }
                return output;
            }
            if let Some(mut block) = self.block.take() {
                if let Some(piece) = self.block_piece(&mut block, self.config.limits.piece) {
                    self.block = Some(block);
                    self.send(piece);
                }
                continue;
            }
            if self.over || self.securing || !matches!(self.asked, Asked::Nothing) {
                return Output::Idle;
            }
            if self.stopping {
                self.end();
            } else if !self.greeted {
                self.begin();
            } else if !self.take_line(now)
                && let Some(output) = self.rest(now)
            {
                return output;
            }
        }
    }
}
