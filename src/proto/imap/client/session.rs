//! An IMAP session as a machine that is told what to say: the pure half of a mail program that stays logged in.
//!
//! [`super::Client`] works through a script and leaves; this one waits for orders between commands. Orders given
//! together go out together: "The client MAY send another command without waiting for the completion result response of a
//! command, subject to ambiguity rules" (RFC 9051 §5.5); whoever gives them sees to it that those are kept.
//! What the server says unasked is told as it comes (RFC 9051 §5.2).

use crate::base::Instant;
use crate::proto::imap::framing::{ResponseFrame, ResponseFramer};
use crate::proto::imap::grammar::print::Literals;
use crate::proto::imap::grammar::{Dialect, parse_response, print_command};
use crate::proto::imap::response::{Code, Condition, Response, Status, Untagged};
use crate::proto::imap::types::{Command, CommandBody};
use crate::proto::sasl::{self, Credentials};
use crate::proto::{Machine, Output};
use std::collections::VecDeque;
use std::time::Duration;

/// Octets of a response line at most.
const LINE: usize = 1 << 20;

/// What the session tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The server's first response: OK, or PREAUTH.
    Greeted(Condition),
    /// Something the server told, asked or not.
    Told(Box<Untagged>),
    /// A command has ended.
    Done {
        /// Its name, as in `UID FETCH`.
        name: String,
        /// How.
        condition: Condition,
    },
    /// IDLE was granted: from here on news come by themselves (RFC 2177 §3).
    Idling,
    /// LOGOUT was answered (`None`), or the session broke off, and why.
    Ended(Option<String>),
}

/// A command that was said and is not yet done.
#[derive(Debug)]
struct Running {
    tag: String,
    name: String,
    idle: bool,
    /// What is still to be sent of it: a stretch for each `+`.
    stretches: VecDeque<Vec<u8>>,
    /// AUTHENTICATE: the exchange.
    exchange: Option<sasl::client::Exchange>,
}

/// The client's side of a session that is told what to say.
#[derive(Debug)]
pub struct Session {
    framer: ResponseFramer,
    patience: Duration,
    out: VecDeque<Output<SessionEvent>>,
    greeted: bool,
    capabilities: Vec<String>,
    queued: VecDeque<CommandBody>,
    /// For AUTHENTICATE.
    credentials: Option<Credentials>,
    running: VecDeque<Running>,
    next_tag: u32,
    idling: bool,
    bye: Option<String>,
    deadline: Option<Instant>,
    /// OK answered STARTTLS, and the handshake is not done.
    securing: bool,
    over: bool,
}

impl Session {
    /// A session that waits for the greeting, and so long for each answer; no message that it takes is larger.
    pub fn new(patience: Duration, largest_message: u64) -> Self {
        Session {
            framer: ResponseFramer::new(LINE, largest_message),
            patience,
            out: VecDeque::new(),
            greeted: false,
            capabilities: Vec::new(),
            queued: VecDeque::new(),
            credentials: None,
            running: VecDeque::new(),
            next_tag: 0,
            idling: false,
            bye: None,
            deadline: None,
            securing: false,
            over: false,
        }
    }

    /// Log in by these when AUTHENTICATE is asked for: the mechanism and the initial response are filled in.
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }

    /// Say these, in order and in one piece as far as literals allow. IDLE comes alone, and lasts until
    /// [`Session::done`].
    pub fn ask(&mut self, commands: impl IntoIterator<Item = CommandBody>) {
        self.queued.extend(commands);
    }

    /// End IDLE.
    pub fn done(&mut self) {
        if std::mem::take(&mut self.idling) {
            self.out.push_back(Output::Send(b"DONE\r\n".to_vec()));
        }
    }

    fn tell(&mut self, event: SessionEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Put on the wire what may go out now.
    fn speak(&mut self, now: Instant) {
        let mut wire = Vec::new();
        // Behind a literal that the server must ask for, and behind IDLE and STARTTLS, nothing may be said (RFC 9051
        // §4.3, §6.2.1).
        while self.greeted
            && !self.over
            && !self.securing
            && self.running.back().is_none_or(|last| {
                last.stretches.is_empty() && !last.idle && last.exchange.is_none() && last.name != "STARTTLS"
            })
        {
            let Some(body) = self.queued.pop_front() else { break };
            let (body, exchange) = match (&body, &self.credentials) {
                (CommandBody::Authenticate { .. }, Some(own)) => super::authenticate(own, &self.capabilities),
                _ => (body, None),
            };
            self.next_tag += 1;
            let (tag, name) = (format!("a{}", self.next_tag), body.name().to_owned());
            let idle = matches!(body, CommandBody::Idle);
            let printed = print_command(&Command { tag: tag.clone(), body }, Dialect::Rev1, self.literals());
            let mut stretches = super::stretches(&printed);
            wire.extend(stretches.pop_front().unwrap_or_default());
            self.running.push_back(Running { tag, name, idle, stretches, exchange });
        }
        if !wire.is_empty() {
            self.deadline = Some(now + self.patience);
            self.out.push_back(Output::Send(wire));
        }
    }

    fn literals(&self) -> Literals {
        super::literals(&self.capabilities)
    }

    fn respond(&mut self, bytes: &[u8]) {
        match parse_response(bytes).value {
            Response::Untagged(Untagged::Condition(condition)) if !self.greeted => self.greeting(condition),
            Response::Untagged(data) => {
                match &data {
                    Untagged::Condition(c) if c.status == Status::Bye => self.bye = Some(c.text.clone()),
                    Untagged::Condition(c) => self.learn(c.code.as_ref()),
                    Untagged::Capability(list) => self.capabilities.clone_from(list),
                    _ => {}
                }
                self.tell(SessionEvent::Told(Box::new(data)));
            }
            Response::Tagged { tag, condition } => self.tagged(&tag, condition),
            Response::Continue { text } => self.go_on(&text),
            Response::Unknown if !self.greeted => self.end(Some("the server does not greet as IMAP does")),
            Response::Unknown => {}
        }
    }

    fn greeting(&mut self, condition: Condition) {
        if condition.status == Status::Bye {
            return self.end(Some(&format!("the server said BYE: {}", condition.text)));
        }
        self.greeted = true;
        self.learn(condition.code.as_ref());
        self.deadline = None;
        self.tell(SessionEvent::Greeted(condition));
    }

    fn learn(&mut self, code: Option<&Code>) {
        if let Some(Code::Capability(list)) = code {
            self.capabilities.clone_from(list);
        }
    }

    fn tagged(&mut self, tag: &str, condition: Condition) {
        // Commands that do not depend on each other may end in any order (RFC 9051 §5.5).
        let Some(at) = self.running.iter().position(|running| running.tag == tag) else { return };
        let Some(ended) = self.running.remove(at) else { return };
        self.learn(condition.code.as_ref());
        let proof = ended.exchange.as_ref().map_or(Ok(()), sasl::client::Exchange::succeeded);
        if let (Status::Ok, Err(why)) = (condition.status, proof) {
            return self.end(Some(&why));
        }
        self.idling &= !ended.idle;
        if self.running.is_empty() {
            self.deadline = None;
        }
        let logout = ended.name == "LOGOUT";
        self.securing = ended.name == "STARTTLS" && condition.status == Status::Ok;
        self.tell(SessionEvent::Done { name: ended.name, condition });
        if logout {
            self.end(None);
        }
        if self.securing {
            // What came in clear behind the OK is nobody's response (RFC 9051 §6.2.1).
            self.framer.clear();
            self.out.push_back(Output::StartTls);
        }
    }

    /// `+`: send the next stretch of the command, or wait in IDLE.
    fn go_on(&mut self, text: &str) {
        if let Some(exchange) = self.running.iter_mut().find_map(|running| running.exchange.as_mut()) {
            let line = super::sasl_line(exchange, text);
            return self.out.push_back(Output::Send(line));
        }
        let Some(running) = self.running.iter_mut().find(|r| r.idle || !r.stretches.is_empty()) else {
            return;
        };
        if let Some(stretch) = running.stretches.pop_front() {
            self.out.push_back(Output::Send(stretch));
        } else if running.idle {
            self.idling = true;
            self.deadline = None;
            self.tell(SessionEvent::Idling);
        }
    }

    fn end(&mut self, why: Option<&str>) {
        if !std::mem::replace(&mut self.over, true) {
            self.queued.clear();
            self.framer.clear();
            self.tell(SessionEvent::Ended(why.map(str::to_owned)));
            self.out.push_back(Output::Close);
        }
    }
}

impl Machine for Session {
    type Event = SessionEvent;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        if self.over || self.securing {
            return;
        }
        if self.deadline.is_some() {
            self.deadline = Some(now + self.patience);
        }
        self.framer.push(bytes);
        while !self.over && !self.securing {
            match self.framer.next_response() {
                Some(ResponseFrame::Response(response)) => self.respond(&response),
                Some(ResponseFrame::TooBig) => self.end(Some("the server sent more than this client takes")),
                None => break,
            }
        }
    }

    fn wants_input(&self) -> bool {
        !self.securing
    }

    fn secured(&mut self, _now: Instant) {
        if std::mem::take(&mut self.securing) {
            self.framer.clear();
            self.capabilities.clear();
        }
    }

    fn closed(&mut self, _now: Instant) {
        match self.bye.take() {
            Some(text) => self.end(Some(&format!("the server said BYE: {text}"))),
            None => self.end(Some("the server closed the connection")),
        }
    }

    fn poll(&mut self, now: Instant) -> Output<SessionEvent> {
        if self.out.is_empty() {
            self.speak(now);
        }
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        if self.over || self.securing {
            return Output::Idle;
        }
        if !self.greeted {
            self.deadline.get_or_insert(now + self.patience);
        }
        match self.deadline {
            Some(deadline) if now >= deadline => {
                self.end(Some("the server did not answer in time"));
                self.out.pop_front().unwrap_or(Output::Idle)
            }
            Some(deadline) => Output::WakeAt(deadline),
            None => Output::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::imap::types::{AppendMessage, SequenceSet};

    const NOW: Instant = Instant::from_secs(1_000_000);

    fn session() -> Session {
        Session::new(Duration::from_secs(300), 1 << 20)
    }

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

    fn expunge() -> CommandBody {
        CommandBody::Expunge { uids: Some(SequenceSet::one(4)) }
    }

    fn append() -> CommandBody {
        let message = AppendMessage {
            flags: Vec::new(),
            date: None,
            message: b"hello".as_slice().into(),
            binary: false,
        };
        CommandBody::Append { mailbox: "Sent".to_owned(), messages: vec![message] }
    }

    #[test]
    fn orders_given_together_go_out_together_and_each_ends_by_its_tag() {
        let mut session = session();
        session.ask([CommandBody::Noop, expunge()]);
        assert_eq!(drain(&mut session).0, "", "the server speaks first");
        session.receive(b"* OK hi\r\n", NOW);
        assert_eq!(drain(&mut session).0, "a1 NOOP\r\na2 UID EXPUNGE 4\r\n");
        session.receive(b"* 3 EXISTS\r\na2 OK gone\r\na1 OK\r\n", NOW);
        let (_, events) = drain(&mut session);
        assert_eq!(events[0], SessionEvent::Told(Box::new(Untagged::Exists(3))));
        let names: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                SessionEvent::Done { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["UID EXPUNGE", "NOOP"]);
    }

    #[test]
    fn a_literal_waits_unless_the_server_said_it_need_not() {
        let mut waiting = session();
        waiting.receive(b"* OK hi\r\n", NOW);
        waiting.ask([append(), CommandBody::Noop]);
        assert_eq!(drain(&mut waiting).0, "a1 APPEND Sent {5}\r\n");
        waiting.receive(b"+ go\r\n", NOW);
        assert_eq!(drain(&mut waiting).0, "hello\r\na2 NOOP\r\n");

        let mut ready = session();
        ready.receive(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n", NOW);
        ready.ask([append(), CommandBody::Noop]);
        assert_eq!(drain(&mut ready).0, "a1 APPEND Sent {5+}\r\nhello\r\na2 NOOP\r\n");
    }

    #[test]
    fn idle_lasts_until_done_and_nothing_is_said_meanwhile() {
        let mut session = session();
        session.receive(b"* OK hi\r\n", NOW);
        session.ask([CommandBody::Idle, CommandBody::Noop]);
        assert_eq!(drain(&mut session).0, "a1 IDLE\r\n");
        session.receive(b"+ idling\r\n* 4 EXISTS\r\n", NOW);
        let (said, events) = drain(&mut session);
        assert_eq!((said.as_str(), events.len()), ("", 2));
        assert_eq!(session.poll(NOW), Output::Idle, "IDLE has no deadline here: its owner renews it");
        session.done();
        session.done();
        assert_eq!(drain(&mut session).0, "DONE\r\n");
        session.receive(b"a1 OK\r\n", NOW);
        assert_eq!(drain(&mut session).0, "a2 NOOP\r\n");
    }

    #[test]
    fn what_ends_it_early_is_told_once() {
        let mut one = session();
        one.receive(b"* BYE too many\r\n", NOW);
        one.closed(NOW);
        let bye = SessionEvent::Ended(Some("the server said BYE: too many".to_owned()));
        assert_eq!(drain(&mut one).1, [bye]);

        let mut one = session();
        one.receive(b"* OK hi\r\n", NOW);
        one.ask([CommandBody::Logout]);
        drain(&mut one);
        one.receive(b"* BYE bye\r\na1 OK\r\n", NOW);
        one.closed(NOW);
        assert_eq!(drain(&mut one).1.last(), Some(&SessionEvent::Ended(None)));

        let mut one = session();
        one.receive(b"* OK hi\r\n", NOW);
        one.ask([CommandBody::Noop]);
        drain(&mut one);
        let late = NOW + Duration::from_secs(300);
        assert!(matches!(one.poll(late), Output::Event(SessionEvent::Ended(Some(_)))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_server_makes_it_panic_and_it_ends_once(lines in proptest::collection::vec(
            "a[1-4] (OK|NO|BAD) x|\\* (OK|BYE|PREAUTH|[0-9] EXISTS|[0-9] EXPUNGE)|\\+ |[ -~]{0,20}", 0..20)
        ) {
            let mut session = session();
            session.ask([CommandBody::Noop, append(), CommandBody::Idle, CommandBody::Logout]);
            let mut ends = 0;
            for line in lines {
                session.receive(format!("{line}\r\n").as_bytes(), NOW);
                session.done();
                ends += drain(&mut session).1.iter().filter(|e| matches!(e, SessionEvent::Ended(_))).count();
            }
            session.closed(NOW);
            ends += drain(&mut session).1.iter().filter(|e| matches!(e, SessionEvent::Ended(_))).count();
            proptest::prop_assert_eq!(ends, 1);
        }
    }
}
