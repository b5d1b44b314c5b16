//! The server machine: RFC 5321 as the side that listens (and RFC 6409, where it takes submissions).
//!
//! One unit of input (a command line, a SASL response, a stretch of message) is handled at a time; while an ask
//! is open nothing is. Replies to commands that came together leave together (RFC 2920 §3.2).

mod auth;
mod commands;
mod config;
mod content;
mod event;
#[cfg(test)]
mod tests;

pub use crate::proto::sasl::Mechanism;
pub use config::{BareNewlines, ServerConfig, ServerKind};
pub use event::{Message, ServerEvent};

use super::codes::{Enhanced, Reply};
use super::data::{DataReader, LineEnds};
use super::envelope::{Envelope, Recipient};
use super::grammar::{Command, Parsed};
use super::phase::{Phase, Verb};
use super::replies;
use crate::base::Instant;
use crate::proto::line::{LineBuffer, Terminator};
use crate::proto::sasl::server::Exchange;
use crate::proto::{Machine, Output, Security};
use std::collections::VecDeque;

/// What the next bytes are.
#[derive(Debug)]
enum Mode {
    /// Nothing was said yet.
    Start,
    /// A command line.
    Command,
    /// The rest of a command line that was too long.
    Skip,
    /// A SASL response.
    Auth(Exchange),
    /// The rest of a SASL response that was too long.
    SkipAuth,
    /// The message, up to the lone dot.
    Data(Box<DataReader>),
    /// A BDAT chunk.
    Chunk(content::Chunk),
    /// Nothing: 220 answered STARTTLS, and the handshake is not done.
    Securing,
}

/// What the owner was asked.
#[derive(Debug)]
enum Ask {
    Consult(Held),
    Authenticate {
        user: String,
    },
    /// The SCRAM keys of a user, for the exchange that waits.
    Keys(Exchange),
    Mail(Envelope),
    Rcpt(Recipient),
    Message,
    /// VRFY, EXPN: whatever the answer is, nothing changes.
    Question,
}

/// What waits for `proceed`.
#[derive(Debug)]
enum Held {
    Connect,
    Line(Box<Parsed<Command>>),
    EndOfData(Vec<u8>),
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Not,
    Finished,
    Close,
    Done,
}

/// One server session. Drive it as [`crate::proto`] says.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    input: LineBuffer,
    sending: Vec<u8>,
    events: VecDeque<ServerEvent>,
    mode: Mode,
    phase: Phase,
    /// The name after EHLO or HELO.
    hello: String,
    /// Whether it was EHLO.
    extended: bool,
    authenticated: Option<String>,
    security: Security,
    /// `StartTls` was given, and the handshake is under way.
    shaking: bool,
    envelope: Envelope,
    /// Content of the BDAT chunks so far.
    chunks: Vec<u8>,
    open: Option<Ask>,
    errors: u32,
    /// The greeting refused service: only QUIT is left. RFC 5321 §3.1.
    turned_away: bool,
    /// The last line ended in a bare LF: up to the next CR LF all is part of it.
    after_bare_lf: bool,
    /// More came while the owner thought than is kept.
    overflow: bool,
    /// The service ends: the client is told as soon as nothing is asked.
    stopping: bool,
    /// When the session last moved.
    moved: Instant,
    peer_ended: bool,
    ending: Ending,
}

impl Server {
    /// A session that has not greeted yet.
    pub fn new(config: ServerConfig) -> Self {
        Server {
            security: config.security,
            shaking: false,
            config,
            input: LineBuffer::default(),
            sending: Vec::new(),
            events: VecDeque::new(),
            mode: Mode::Start,
            phase: Phase::Connected,
            hello: String::new(),
            extended: false,
            authenticated: None,
            envelope: Envelope::default(),
            chunks: Vec::new(),
            open: None,
            errors: 0,
            turned_away: false,
            after_bare_lf: false,
            overflow: false,
            stopping: false,
            moved: Instant::default(),
            peer_ended: false,
            ending: Ending::Not,
        }
    }

    /// Answer the open ask with this reply. A 421 also ends the session. Without an open ask it does nothing.
    pub fn answer(&mut self, reply: Reply) {
        let yes = reply.is_positive();
        match self.open.take() {
            None => return,
            Some(Ask::Consult(held)) => return self.answer_instead(held, reply),
            Some(Ask::Authenticate { user }) => {
                if yes {
                    self.authenticated = Some(user);
                    self.phase = Phase::Greeted;
                } else if reply.is_permanent() {
                    return self.fault(reply);
                }
            }
            Some(Ask::Mail(envelope)) if yes => {
                self.envelope = envelope;
                self.phase = Phase::Envelope;
            }
            Some(Ask::Rcpt(recipient)) if yes => {
                self.envelope.recipients.push(recipient);
                self.phase = Phase::Recipients;
            }
            Some(Ask::Message) => self.reset(),
            Some(Ask::Keys(_)) if !yes => return self.fault(reply),
            Some(Ask::Keys(_) | Ask::Mail(_) | Ask::Rcpt(_) | Ask::Question) => {}
        }
        self.reply(reply);
    }

    /// Go on after `Consult`: handle the command as if nobody had asked.
    pub fn proceed(&mut self) {
        match self.open.take() {
            Some(Ask::Consult(Held::Connect)) => self.greet(replies::greeting(&self.config.hostname)),
            Some(Ask::Consult(Held::Line(line))) => self.execute(*line),
            Some(Ask::Consult(Held::EndOfData(data))) => self.ask_message(data),
            other => self.open = other,
        }
    }

    /// Drop the connection: nothing more is sent.
    pub fn abort(&mut self) {
        self.sending.clear();
        self.events.clear();
        self.end();
    }

    /// The service ends: say 421 and close, when the open ask is answered. It "can be issued after the server receives any
    /// command or, if necessary, asynchronously from command receipt" (RFC 5321 §3.8); what was not acknowledged is the
    /// client's to send again.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// How many octets of memory are taken by what the client sent, and by what it has not been told yet.
    pub fn held(&self) -> usize {
        let content = if let Mode::Data(reader) = &self.mode { reader.content().len() } else { 0 };
        self.input.held() + self.sending.capacity() + self.chunks.capacity() + content
    }

    /// Where the connection stands with TLS.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Whether a password may be sent now.
    fn login_allowed(&self) -> bool {
        self.config.plaintext_login || self.security == Security::Active
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The owner's own reply in place of what the held command would have got.
    fn answer_instead(&mut self, held: Held, reply: Reply) {
        match held {
            Held::Connect => self.greet(reply),
            Held::EndOfData(_) => {
                self.reset();
                self.reply(reply);
            }
            // The octets of a chunk come whatever was answered. RFC 3030 §2.
            Held::Line(line) => match line.value {
                Command::Bdat { size, .. } => self.discard_chunk(size, reply),
                _ => self.reply(reply),
            },
        }
    }

    /// A server that greets with 554 "MUST still wait for the client to send a QUIT". RFC 5321 §3.1.
    fn greet(&mut self, reply: Reply) {
        self.turned_away = !reply.is_positive();
        self.mode = Mode::Command;
        self.reply(reply);
    }

    fn reply(&mut self, reply: Reply) {
        self.sending.extend_from_slice(&reply.to_wire());
        if reply.code == 421 {
            self.end();
        }
    }

    /// Reply with codes and one line.
    fn say(&mut self, code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) {
        self.reply(Reply::enhanced(code, enhanced, text));
    }

    /// A reply that counts as the client's error; too many end the session.
    fn fault(&mut self, reply: Reply) {
        self.errors += 1;
        if self.errors < self.config.hard_errors {
            return self.reply(reply);
        }
        let text = format!("{} Too many errors, closing connection", self.config.hostname);
        self.reply(Reply { code: 421, enhanced: Some(Enhanced(4, 7, 0)), lines: vec![reply.text(), text] });
    }

    fn refuse(&mut self, code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) {
        self.fault(Reply::enhanced(code, enhanced, text));
    }

    /// Forget the transaction, as RSET does.
    fn reset(&mut self) {
        self.envelope = Envelope::default();
        self.chunks = Vec::new();
        self.phase = super::phase::next(self.phase, Verb::Rset).unwrap_or(Phase::Greeted);
    }

    fn end(&mut self) {
        self.open = None;
        self.phase = Phase::Closed;
        self.input.clear();
        self.ending = Ending::Finished;
    }

    fn ask(&mut self, ask: Ask, event: ServerEvent) {
        self.open = Some(ask);
        self.events.push_back(event);
    }

    /// Whether the owner wants to be consulted; then what is held waits.
    fn consult(&mut self, verb: &str, held: Held) {
        let event = ServerEvent::Consult { verb: verb.to_owned() };
        self.ask(Ask::Consult(held), event);
    }

    /// Handle one unit of input; says whether there was one.
    fn step(&mut self) -> bool {
        match &mut self.mode {
            Mode::Start if self.config.consult => {
                self.mode = Mode::Command;
                self.consult("CONNECT", Held::Connect);
                true
            }
            Mode::Start => {
                self.greet(replies::greeting(&self.config.hostname));
                true
            }
            Mode::Command | Mode::Auth(_) => self.step_line(),
            Mode::Skip | Mode::SkipAuth => self.step_skip(),
            Mode::Data(_) => self.step_data(),
            Mode::Chunk(_) => self.step_chunk(),
            Mode::Securing => false,
        }
    }

    fn step_line(&mut self) -> bool {
        let auth = matches!(self.mode, Mode::Auth(_));
        let limit = if auth { self.config.auth_line_limit } else { self.config.command_limit };
        let Some(line) = self.input.next_line(limit.saturating_sub(2)) else { return false };
        match line.terminator {
            Terminator::TooLong => self.mode = if auth { Mode::SkipAuth } else { Mode::Skip },
            // A line that the stream broke off is no command.
            Terminator::End => {}
            Terminator::Lf if self.line_ends() == LineEnds::Strict => self.bare_line_feed(),
            Terminator::CrLf if std::mem::take(&mut self.after_bare_lf) => self.bare_line_feed_tail(),
            Terminator::CrLf | Terminator::Lf if auth => self.response(&line.text),
            Terminator::CrLf | Terminator::Lf => self.command(&line.text),
        }
        true
    }

    /// "Conforming implementations MUST NOT recognize or generate any other character or character sequence as a line
    /// terminator." RFC 5321 §2.3.8. So nothing up to the next CR LF is carried out; but whoever sends it is told.
    fn bare_line_feed(&mut self) {
        self.after_bare_lf = true;
        self.mode = Mode::Command;
        self.refuse(500, (5, 5, 2), "A command line must end in CR LF; a bare LF came (RFC 5321 2.3.8)");
    }

    fn bare_line_feed_tail(&mut self) {
        self.mode = Mode::Command;
        self.refuse(
            500,
            (5, 5, 2),
            "This is the rest of a line with a bare LF in it, and is not carried out",
        );
    }

    /// Throw away the rest of a line that was too long, then say so. RFC 5321 §4.5.3.1.10, RFC 4954 §4.
    fn step_skip(&mut self) -> bool {
        let Some(line) = self.input.next_line(self.config.command_limit) else { return false };
        if matches!(line.terminator, Terminator::CrLf | Terminator::Lf) {
            let auth = matches!(self.mode, Mode::SkipAuth);
            self.mode = Mode::Command;
            self.after_bare_lf = line.terminator == Terminator::Lf && self.line_ends() == LineEnds::Strict;
            if auth {
                self.refuse(500, (5, 5, 6), "Authentication exchange line is too long");
            } else {
                let limit = self.config.command_limit;
                self.refuse(500, (5, 5, 2), format!("Line too long: at most {limit} octets"));
            }
        }
        true
    }

    /// What is due when there is no more input to handle.
    fn rest(&mut self, now: Instant) -> Output<ServerEvent> {
        if !self.sending.is_empty() {
            self.moved = now;
            return Output::Send(std::mem::take(&mut self.sending));
        }
        if matches!(self.mode, Mode::Securing) && self.ending == Ending::Not {
            self.input.clear();
            return if std::mem::replace(&mut self.shaking, true) { Output::Idle } else { Output::StartTls };
        }
        if self.open.is_some() {
            return Output::Idle;
        }
        match self.ending {
            Ending::Not => Output::WakeAt(self.moved + self.config.idle_timeout),
            Ending::Finished => {
                self.ending = Ending::Close;
                Output::Event(ServerEvent::Finished)
            }
            Ending::Close => {
                self.ending = Ending::Done;
                Output::Close
            }
            Ending::Done => Output::Idle,
        }
    }
}

impl Machine for Server {
    type Event = ServerEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        // What comes in clear behind STARTTLS is nobody's command. RFC 3207 §4.2.
        if self.ending != Ending::Not || matches!(self.mode, Mode::Securing) {
            return;
        }
        self.moved = now;
        if self.open.is_some() && self.input.len() + bytes.len() > self.config.input_limit {
            self.overflow = true;
            return;
        }
        self.input.push(bytes);
    }

    fn closed(&mut self, _now: Instant) {
        self.input.end();
        self.peer_ended = true;
    }

    /// "the server MUST discard any knowledge obtained from the client, such as the argument to the EHLO command, which
    /// was not obtained from the TLS negotiation itself." RFC 3207 §4.2.
    fn secured(&mut self, now: Instant) {
        if !matches!(self.mode, Mode::Securing) {
            return;
        }
        self.reset();
        self.input.clear();
        self.hello.clear();
        self.authenticated = None;
        (self.extended, self.after_bare_lf, self.overflow, self.shaking) = (false, false, false, false);
        (self.security, self.phase, self.mode) = (Security::Active, Phase::Connected, Mode::Command);
        self.moved = now;
    }

    fn wants_input(&self) -> bool {
        !matches!(self.mode, Mode::Securing)
            && (self.open.is_none() || self.input.len() < self.config.input_limit / 2)
    }

    fn poll(&mut self, now: Instant) -> Output<ServerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            if self.open.is_some() || self.ending != Ending::Not || matches!(self.mode, Mode::Securing) {
                return self.rest(now);
            }
            if matches!(self.mode, Mode::Start) {
                self.moved = now;
            }
            if self.stopping {
                self.reply(replies::shutting_down(&self.config.hostname));
            } else if self.overflow {
                self.say(421, (4, 3, 2), "Too much input at once, closing connection");
            } else if self.step() {
                self.moved = now;
            } else if self.peer_ended {
                self.end();
            } else if now.since(self.moved) >= self.config.idle_timeout {
                self.reply(replies::idle_timeout(&self.config.hostname));
            } else {
                return self.rest(now);
            }
        }
    }
}
