//! The client machine: RFC 5321 as the side that calls; it carries one message and goes.
//!
//! Greeting, EHLO (HELO where the server knows no EHLO), AUTH where configured, MAIL, RCPT…, DATA, the message,
//! QUIT. What is still to be answered stands in a queue, so that pipelining (RFC 2920) is only a matter of how
//! much is said before waiting.

mod config;
#[cfg(test)]
mod tests;
mod turn;

pub use config::{ClientConfig, ClientEvent, Fate, Outcome, RecipientOutcome, Stage, Timeouts};

use super::codes::Reply;
use super::envelope::Envelope;
use super::grammar::parse_reply_line;
use crate::base::{Instant, escape};
use crate::proto::line::{LineBuffer, Terminator};
use crate::proto::{Machine, Output};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a reply that is still to come will answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Mail,
    /// The recipient of this number.
    Rcpt(usize),
    Data,
    EndOfData,
    Quit,
}

/// How far the client is with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    /// It has not asked.
    Clear,
    /// It asked and was refused, and goes on in clear.
    Refused,
    /// The server is ready: the handshake is due.
    Due,
    /// The handshake is under way.
    Shaking,
    /// It is done.
    Done,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Not,
    Close,
    Done,
}

/// One client session. Drive it as [`crate::proto`] says.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    envelope: Envelope,
    message: Vec<u8>,
    input: LineBuffer,
    sending: Vec<u8>,
    expect: VecDeque<Expect>,
    /// Lines of the reply that is coming.
    partial: Option<Reply>,
    /// What EHLO offered: keywords in upper case, with their parameters.
    offered: BTreeMap<String, Vec<String>>,
    /// The SASL exchange under way.
    exchange: Option<crate::proto::sasl::client::Exchange>,
    /// Whether MAIL was accepted.
    mail_ok: bool,
    /// Each recipient: what RCPT got (`None`: not asked yet), or the fate.
    fates: Vec<Option<(Fate, Stage)>>,
    /// Recipients whose RCPT was accepted.
    accepted: Vec<usize>,
    stage: Stage,
    told: bool,
    outcome: Option<Outcome>,
    /// When the client began to wait for the next reply.
    since: Instant,
    started: bool,
    tls: Tls,
    peer_ended: bool,
    ending: Ending,
}

impl Client {
    /// A session that will carry this message: header, empty line, body; lines end in CR LF.
    pub fn new(config: ClientConfig, envelope: Envelope, message: Vec<u8>) -> Self {
        let fates = vec![None; envelope.recipients.len()];
        Client {
            config,
            envelope,
            message,
            input: LineBuffer::default(),
            sending: Vec::new(),
            expect: VecDeque::from([Expect::Greeting]),
            partial: None,
            offered: BTreeMap::new(),
            exchange: None,
            mail_ok: false,
            fates,
            accepted: Vec::new(),
            stage: Stage::Greeting,
            told: false,
            outcome: None,
            since: Instant::default(),
            started: false,
            tls: Tls::Clear,
            peer_ended: false,
            ending: Ending::Not,
        }
    }

    /// What the server offered after EHLO: keywords in upper case, with their parameters.
    pub fn offered(&self) -> &BTreeMap<String, Vec<String>> {
        &self.offered
    }

    /// How far the session has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Read one line of a reply; says whether there was one.
    fn step(&mut self) -> bool {
        let (most_lines, limit) = self.config.reply_limits;
        let Some(line) = self.input.next_line(limit.saturating_sub(2)) else { return false };
        if line.terminator == Terminator::TooLong {
            self.fail("a reply line is too long");
            return true;
        }
        // A line that the stream broke off is no reply.
        if line.terminator == Terminator::End {
            return true;
        }
        let read = parse_reply_line(&line.text).value;
        let Some(code) = read.code.filter(|code| (200..600).contains(code)) else {
            let shown: String = escape::line(&line.text).chars().take(80).collect();
            self.fail(&format!("expected a reply, got `{shown}`"));
            return true;
        };
        let mut reply =
            self.partial.take().unwrap_or(Reply { code, enhanced: read.enhanced, lines: Vec::new() });
        if reply.code != code {
            self.fail(&format!("the code changed within one reply, from {} to {code}", reply.code));
            return true;
        }
        reply.lines.push(read.text);
        if reply.lines.len() > most_lines {
            self.fail("a reply has too many lines");
        } else if read.more {
            self.partial = Some(reply);
        } else {
            self.take_reply(reply);
        }
        true
    }

    fn take_reply(&mut self, reply: Reply) {
        let Some(expected) = self.expect.pop_front() else {
            // A server may say 421 unasked; nothing else. RFC 5321 §3.8.
            return self.fail(&format!("a reply that answers nothing came: {reply}"));
        };
        if reply.code == 421 && expected != Expect::Quit {
            return self.give_up(reply);
        }
        self.answered(expected, reply);
    }

    /// The server closes the session: what is undecided is refused, for now.
    fn give_up(&mut self, reply: Reply) {
        self.decide_rest(&Fate::Refused(reply));
        self.finish();
        self.ending = Ending::Close;
    }

    /// The session broke.
    fn fail(&mut self, reason: &str) {
        self.input.clear();
        self.decide_rest(&Fate::Failed(reason.to_owned()));
        self.finish();
        self.ending = Ending::Close;
    }

    /// Give everyone whose fate is open this one.
    fn decide_rest(&mut self, fate: &Fate) {
        for slot in self.fates.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some((fate.clone(), self.stage));
        }
    }

    /// Tell the outcome, once.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let recipients =
            self.envelope.recipients.iter().zip(self.fates.iter().cloned()).map(|(recipient, fate)| {
                let unknown = || (Fate::Failed("the session ended early".to_owned()), self.stage);
                let (result, stage) = fate.unwrap_or_else(unknown);
                RecipientOutcome { forward_path: recipient.forward_path.clone(), result, stage }
            });
        self.outcome = Some(Outcome {
            stage: self.stage,
            dsn: self.offered.contains_key("DSN"),
            recipients: recipients.collect(),
        });
    }

    /// How long the next reply may take. RFC 5321 §4.5.3.2.
    fn patience(&self) -> Duration {
        let timeouts = &self.config.timeouts;
        match self.expect.front() {
            Some(Expect::Mail) => timeouts.mail,
            Some(Expect::Rcpt(_)) => timeouts.rcpt,
            Some(Expect::Data) => timeouts.data,
            Some(Expect::EndOfData) => timeouts.end_of_data,
            _ => timeouts.initial,
        }
    }
}

impl Machine for Client {
    type Event = ClientEvent;

    fn receive(&mut self, bytes: &[u8], _now: Instant) {
        // What comes in clear behind the 220 to STARTTLS is nobody's reply. RFC 3207 §6.
        if self.ending == Ending::Not && !matches!(self.tls, Tls::Due | Tls::Shaking) {
            self.input.push(bytes);
        }
    }

    fn closed(&mut self, _now: Instant) {
        self.input.end();
        self.peer_ended = true;
    }

    fn wants_input(&self) -> bool {
        !matches!(self.tls, Tls::Due | Tls::Shaking)
    }

    /// "the client MUST discard any knowledge obtained from the server, such as the list of SMTP service extensions,
    /// which was not obtained from the TLS negotiation itself." RFC 3207 §4.2.
    fn secured(&mut self, now: Instant) {
        if self.tls == Tls::Shaking {
            self.tls = Tls::Done;
            self.since = now;
            self.input.clear();
            self.partial = None;
            self.offered.clear();
            self.hello();
        }
    }

    fn poll(&mut self, now: Instant) -> Output<ClientEvent> {
        if !std::mem::replace(&mut self.started, true) {
            self.since = now;
        }
        loop {
            if let Some(outcome) = self.outcome.take() {
                return Output::Event(ClientEvent::Finished(outcome));
            }
            if !self.sending.is_empty() {
                self.since = now;
                return Output::Send(std::mem::take(&mut self.sending));
            }
            match self.ending {
                Ending::Close => {
                    self.ending = Ending::Done;
                    return Output::Close;
                }
                Ending::Done => return Output::Idle,
                Ending::Not => {}
            }
            match self.tls {
                Tls::Due => {
                    self.tls = Tls::Shaking;
                    self.input.clear();
                    return Output::StartTls;
                }
                Tls::Shaking => return Output::Idle,
                Tls::Clear | Tls::Refused | Tls::Done => {}
            }
            if self.step() {
                self.since = now;
                continue;
            }
            if self.peer_ended {
                self.fail("the server closed the connection");
            } else if now.since(self.since) >= self.patience() {
                let seconds = self.patience().as_secs();
                self.fail(&format!("no reply within {seconds} seconds"));
            } else {
                return Output::WakeAt(self.since + self.patience());
            }
        }
    }
}
