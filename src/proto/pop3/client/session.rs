//! A POP3 session as a machine that is told what to say: the pure half of a mail program that stays logged in.
//!
//! [`super::Client`] fetches and leaves; this one waits for orders between commands. Orders given together go out
//! together where the server takes that: "The PIPELINING capability indicates the server is capable of accepting multiple
//! commands at a time" (RFC 2449 §6.6). Answers come in the order of the commands, so each is matched with its own.

use super::machine::{Block, LINE_PIECE};
use super::{Limits, Login, Reason};
use crate::base::{Instant, Secret};
use crate::proto::line::{Line, LineBuffer, Terminator};
use crate::proto::pop3::grammar::reply::parse_greeting;
use crate::proto::pop3::grammar::{Command, Status};
use crate::proto::sasl;
use crate::proto::{Machine, Output};
use std::collections::VecDeque;

/// What was said to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command.
    pub command: Command,
    /// `+OK`, or `-ERR`.
    pub ok: bool,
    /// The status line without its line end.
    pub line: String,
    /// The multi-line part, byte-stuffing undone; empty where there is none.
    pub block: Vec<u8>,
}

/// What the session tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The server's first line, `+OK`.
    Greeted(String),
    /// A command was answered.
    Answered(Box<Answer>),
    /// QUIT was answered (`None`), or the session broke off.
    Ended(Option<Reason>),
}

/// The client's side of a session that is told what to say.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    input: LineBuffer,
    out: VecDeque<Output<SessionEvent>>,
    greeted: bool,
    /// Whether commands may go out before earlier ones are answered.
    pipelining: bool,
    /// To be said.
    queued: VecDeque<Command>,
    /// How it logs in when AUTH or APOP is asked for.
    login: Login,
    password: Secret,
    /// The greeting's timestamp, for APOP.
    timestamp: Option<String>,
    /// The SASL exchange under way.
    exchange: Option<sasl::client::Exchange>,
    /// Said, and not yet answered.
    said: VecDeque<Command>,
    /// The status line whose multi-line part is coming.
    line: String,
    block: Option<Block>,
    /// `+OK` answered STLS, and the handshake is not done.
    securing: bool,
    server_ended: bool,
    /// Until when an answer is waited for; `None` while nothing was asked.
    deadline: Option<Instant>,
    over: bool,
}

impl Session {
    /// A session that waits for the greeting.
    pub fn new(limits: Limits) -> Self {
        Session {
            limits,
            input: LineBuffer::default(),
            out: VecDeque::new(),
            greeted: false,
            pipelining: false,
            queued: VecDeque::new(),
            login: Login::User,
            password: Secret::default(),
            timestamp: None,
            exchange: None,
            said: VecDeque::new(),
            line: String::new(),
            block: None,
            securing: false,
            server_ended: false,
            deadline: None,
            over: false,
        }
    }

    /// How it logs in when AUTH or APOP is asked for: what stands behind the mechanism or the name is filled in.
    pub fn with_login(mut self, login: Login, password: Secret) -> Self {
        (self.login, self.password) = (login, password);
        self
    }

    /// AUTH and APOP with what can be known only now.
    fn filled_in(&mut self, command: Command) -> Command {
        match (command, &self.login) {
            (Command::Auth { .. }, Login::Sasl(credentials)) => {
                let (exchange, initial) = sasl::client::Exchange::begin(credentials);
                self.exchange = Some(exchange);
                Command::Auth { mechanism: Some(credentials.mechanism.name().to_owned()), initial }
            }
            (Command::Apop { name, .. }, _) => {
                let timestamp = self.timestamp.as_deref().unwrap_or_default();
                let digest = Secret::new(sasl::apop_digest(timestamp, &self.password));
                Command::Apop { name, digest }
            }
            (command, _) => command,
        }
    }

    /// Say these, in order; in one piece where CAPA's answer has listed PIPELINING.
    pub fn ask(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.queued.extend(commands);
    }

    fn tell(&mut self, event: SessionEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Put on the wire what may go out now.
    fn speak(&mut self, now: Instant) {
        if !self.greeted || self.over || self.securing || self.queued.is_empty() {
            return;
        }
        let mut wire = Vec::new();
        // Behind STLS nothing may be said until the handshake is done (RFC 2595 §4).
        while (self.pipelining || self.said.is_empty()) && !matches!(self.said.back(), Some(Command::Stls)) {
            let Some(command) = self.queued.pop_front() else { break };
            let command = self.filled_in(command);
            wire.extend(command.to_wire());
            self.said.push_back(command);
        }
        if !wire.is_empty() {
            self.deadline = Some(now + self.limits.reply);
            self.out.push_back(Output::Send(wire));
        }
    }

    fn take_line(&mut self) -> bool {
        let limit = if self.block.is_some() { LINE_PIECE } else { self.limits.status_line };
        let Some(line) = self.input.next_line(limit) else { return false };
        match (&mut self.block, line.terminator) {
            // Half a line tells nothing; that the stream is lost follows.
            (_, Terminator::End) => {}
            (Some(block), _) => {
                let ended = block.take(&line);
                let limit = match self.said.front() {
                    Some(Command::Retr { .. } | Command::Top { .. }) => self.limits.message,
                    _ => self.limits.listing,
                };
                if ended {
                    let bytes = self.block.take().map(Block::into_bytes).unwrap_or_default();
                    self.answered(true, bytes);
                } else if block.len() > limit {
                    self.end(Some(Reason::TooLarge));
                }
            }
            (None, Terminator::TooLong) => self.end(Some(Reason::TooLarge)),
            (None, _) => self.status_line(&line),
        }
        true
    }

    fn status_line(&mut self, line: &Line) {
        let greeting = parse_greeting(&line.text).value;
        let status = greeting.line.status;
        let text = String::from_utf8_lossy(&line.text).into_owned();
        match status {
            Status::Ok if !self.greeted => {
                self.greeted = true;
                self.timestamp = greeting.timestamp;
                self.tell(SessionEvent::Greeted(text));
            }
            Status::Ok if self.said.front().is_some_and(Command::is_multi_line) => {
                self.line = text;
                self.block = Some(Block::after(line.terminator));
            }
            Status::Ok | Status::Err if self.greeted && !self.said.is_empty() => {
                self.line = text;
                self.answered(status == Status::Ok, Vec::new());
            }
            Status::Continue if self.exchange.is_some() => self.challenged(&greeting.line.text),
            Status::Err => self.end(Some(Reason::Refused(text))),
            _ => self.end(Some(Reason::Unclear(text))),
        }
    }

    /// `+ challenge`: the next answer of the exchange, or `*` where there is none. RFC 5034 §4.
    fn challenged(&mut self, challenge: &str) {
        let Some(exchange) = &mut self.exchange else { return };
        // Why it is not answered is told by the server's reply to the lone star.
        let (answer, _why) = exchange.line(challenge.trim().as_bytes());
        let mut line = answer.expose().as_bytes().to_vec();
        line.extend_from_slice(b"\r\n");
        self.out.push_back(Output::Send(line));
    }

    fn answered(&mut self, ok: bool, block: Vec<u8>) {
        let Some(command) = self.said.pop_front() else { return };
        if matches!(command, Command::Auth { .. })
            && let Some(exchange) = self.exchange.take()
            && let (true, Err(why)) = (ok, exchange.succeeded())
        {
            return self.end(Some(Reason::NoLogin(why)));
        }
        if matches!(command, Command::Capa) && ok {
            let lines = String::from_utf8_lossy(&block).to_ascii_uppercase();
            self.pipelining = lines.lines().any(|line| line.trim() == "PIPELINING");
        }
        let (quit, stls) = (matches!(command, Command::Quit), matches!(command, Command::Stls) && ok);
        let line = std::mem::take(&mut self.line);
        self.tell(SessionEvent::Answered(Box::new(Answer { command, ok, line, block })));
        if self.said.is_empty() {
            self.deadline = None;
        }
        if quit {
            self.end(None);
        }
        if stls {
            self.securing = true;
            self.input.clear();
            self.out.push_back(Output::StartTls);
        }
    }

    fn end(&mut self, why: Option<Reason>) {
        if !std::mem::replace(&mut self.over, true) {
            self.block = None;
            self.input.clear();
            self.queued.clear();
            self.tell(SessionEvent::Ended(why));
            self.out.push_back(Output::Close);
        }
    }
}

impl Machine for Session {
    type Event = SessionEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        if !self.over && !self.securing {
            if self.deadline.is_some() {
                self.deadline = Some(now + self.limits.reply);
            }
            self.input.push(bytes);
        }
    }

    fn wants_input(&self) -> bool {
        !self.securing
    }

    /// What the server said of itself in clear is forgotten (RFC 2595 §4).
    fn secured(&mut self, _now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.input.clear();
            self.pipelining = false;
        }
    }

    fn closed(&mut self, _now: Instant) {
        self.server_ended = true;
        self.input.end();
    }

    fn poll(&mut self, now: Instant) -> Output<SessionEvent> {
        loop {
            if let Some(output) = self.out.pop_front() {
                return output;
            }
            if self.over || self.securing {
                return Output::Idle;
            }
            if self.take_line() {
                continue;
            }
            if self.server_ended {
                self.end(Some(Reason::Lost));
                continue;
            }
            self.speak(now);
            if !self.out.is_empty() {
                continue;
            }
            if !self.greeted {
                self.deadline.get_or_insert(now + self.limits.reply);
            }
            match self.deadline {
                Some(deadline) if now >= deadline => self.end(Some(Reason::TimedOut)),
                Some(deadline) => return Output::WakeAt(deadline),
                None => return Output::Idle,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_secs(1_000_000);

    fn drain(session: &mut Session) -> (String, Vec<SessionEvent>) {
        let (mut said, mut events) = (Vec::new(), Vec::new());
        loop {
            match session.poll(NOW) {
                Output::Send(bytes) => said.extend(bytes),
                Output::Event(event) => events.push(event),
                Output::StartTls => {}
                Output::Close => {}
                Output::Idle | Output::WakeAt(_) => {
                    return (String::from_utf8_lossy(&said).into_owned(), events);
                }
            }
        }
    }

    fn user() -> [Command; 2] {
        [Command::User { name: "bob".to_owned() }, Command::Pass { password: Secret::new("s") }]
    }

    #[test]
    fn without_pipelining_it_says_one_thing_at_a_time_and_with_it_all_at_once() {
        let mut session = Session::new(Limits::default());
        session.ask(user());
        assert_eq!(drain(&mut session).0, "", "the server speaks first");
        session.receive(b"+OK hi\r\n", NOW);
        assert_eq!(drain(&mut session).0, "USER bob\r\n");
        session.receive(b"+OK\r\n", NOW);
        assert_eq!(drain(&mut session).0, "PASS s\r\n");
        session.receive(b"+OK\r\n", NOW);
        session.ask([Command::Capa]);
        assert_eq!(drain(&mut session).0, "CAPA\r\n");
        session.receive(b"+OK\r\nPIPELINING\r\n.\r\n", NOW);
        session.ask([Command::Retr { number: 1 }, Command::Dele { number: 1 }, Command::Quit]);
        assert_eq!(drain(&mut session).0, "RETR 1\r\nDELE 1\r\nQUIT\r\n");
        session.receive(b"+OK\r\n..dot\r\nend\r\n.\r\n-ERR no\r\n+OK bye\r\n", NOW);
        let (_, events) = drain(&mut session);
        let told: Vec<(bool, &[u8])> = events
            .iter()
            .filter_map(|event| match event {
                SessionEvent::Answered(answer) => Some((answer.ok, answer.block.as_slice())),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(true, &b".dot\r\nend\r\n"[..]), (false, b""), (true, b"")]);
        assert_eq!(events.last(), Some(&SessionEvent::Ended(None)));
    }

    #[test]
    fn what_ends_it_early_is_told_once() {
        let mut session = Session::new(Limits::default());
        session.receive(b"+OK hi\r\n", NOW);
        session.ask([Command::Stat]);
        drain(&mut session);
        session.closed(NOW);
        session.closed(NOW);
        assert_eq!(drain(&mut session).1, [SessionEvent::Ended(Some(Reason::Lost))]);

        let mut session = Session::new(Limits::default());
        session.receive(b"-ERR [SYS/TEMP] later\r\n", NOW);
        let refused = Reason::Refused("-ERR [SYS/TEMP] later".to_owned());
        assert_eq!(drain(&mut session).1, [SessionEvent::Ended(Some(refused))]);

        let mut session = Session::new(Limits::default());
        session.receive(b"+OK hi\r\n", NOW);
        drain(&mut session);
        assert_eq!(session.poll(NOW), Output::Idle, "between orders it waits as long as its owner likes");
        session.ask([Command::Noop]);
        drain(&mut session);
        let late = NOW + Limits::default().reply;
        assert_eq!(session.poll(late), Output::Event(SessionEvent::Ended(Some(Reason::TimedOut))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_server_makes_it_panic_and_it_ends_once(lines in proptest::collection::vec(
            "\\+OK( [ -~]{0,9})?|-ERR x|\\.|[ -~]{0,20}", 0..20)
        ) {
            let mut session = Session::new(Limits::default());
            session.ask([Command::Capa, Command::Uidl { number: None }, Command::Retr { number: 1 }, Command::Quit]);
            let mut ends = 0;
            for line in lines {
                session.receive(format!("{line}\r\n").as_bytes(), NOW);
                ends += drain(&mut session).1.iter().filter(|e| matches!(e, SessionEvent::Ended(_))).count();
            }
            session.closed(NOW);
            ends += drain(&mut session).1.iter().filter(|e| matches!(e, SessionEvent::Ended(_))).count();
            proptest::prop_assert_eq!(ends, 1);
        }
    }
}
