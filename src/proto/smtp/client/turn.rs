//! What the client says after each reply. RFC 5321 §3.1 to §3.3, §4.3.2; RFC 2920 §3.1; RFC 4954 §4.

use super::{Client, Ending, Expect, Fate, Stage, Tls};
use crate::proto::Wish;
use crate::proto::sasl;
use crate::proto::smtp::codes::{Class, Reply};
use crate::proto::smtp::data;
use crate::proto::smtp::envelope::{Body, Notify, Recipient, Ret};
use crate::proto::smtp::grammar::{Command, Parameter, parse_ehlo_line, to_xtext};

impl Client {
    /// A whole reply to what was said.
    pub(super) fn answered(&mut self, expected: Expect, reply: Reply) {
        let class = reply.class();
        let yes = class == Class::Completion;
        match expected {
            Expect::Greeting if yes => self.hello(),
            Expect::Ehlo if yes => {
                self.read_offers(&reply);
                self.secure_or_go_on();
            }
            // The server knows no EHLO: "the client SHOULD be able to fall back and send HELO". RFC 5321 §3.2.
            Expect::Ehlo if class == Class::Permanent => {
                let name = self.config.hello_name.clone();
                self.say(&Command::Helo { name }, Expect::Helo);
            }
            Expect::Helo if yes => self.secure_or_go_on(),
            Expect::StartTls if yes => {
                self.tls = Tls::Due;
                self.input.clear();
            }
            // 454: "TLS not available due to temporary reason". RFC 3207 §4.
            Expect::StartTls if self.config.tls == Wish::Prefer => {
                self.tls = Tls::Refused;
                self.after_hello();
            }
            Expect::Auth if yes => self.logged_in(),
            Expect::Auth if class == Class::Intermediate => self.challenged(&reply),
            Expect::Mail if yes => {
                self.mail_ok = true;
                self.next_recipient();
            }
            Expect::Rcpt(at) => self.recipient_answered(at, reply),
            Expect::Data => self.data_answered(reply),
            Expect::EndOfData => self.message_answered(reply),
            Expect::Quit => self.ending = Ending::Close,
            _ => self.refused(reply),
        }
    }

    /// Nothing can be sent in this session: everyone gets this reply.
    fn refused(&mut self, reply: Reply) {
        self.decide_rest(&Fate::Refused(reply));
        // A pipelined RCPT and DATA will be refused too; their replies are read, then QUIT.
        if self.expect.is_empty() {
            self.quit();
        }
    }

    fn say(&mut self, command: &Command, expect: Expect) {
        self.sending.extend_from_slice(&command.to_wire());
        self.expect.push_back(expect);
    }

    pub(super) fn hello(&mut self) {
        self.stage = Stage::Hello;
        let name = self.config.hello_name.clone();
        self.say(&Command::Ehlo { name }, Expect::Ehlo);
    }

    /// STARTTLS where it is wanted and offered.
    fn secure_or_go_on(&mut self) {
        let open = self.tls == Tls::Clear;
        match self.config.tls {
            Wish::Prefer | Wish::Must if open && self.offers("STARTTLS") => {
                self.stage = Stage::StartTls;
                self.say(&Command::StartTls, Expect::StartTls);
            }
            Wish::Must if self.tls != Tls::Done => {
                self.stage = Stage::StartTls;
                let why = "the server does not offer STARTTLS, and nothing is sent in clear";
                self.decide_rest(&Fate::Failed(why.to_owned()));
                self.quit();
            }
            _ => self.after_hello(),
        }
    }

    fn read_offers(&mut self, reply: &Reply) {
        for line in reply.lines.iter().skip(1) {
            let offer = parse_ehlo_line(line.as_bytes()).value;
            if !offer.keyword.is_empty() {
                self.offered.entry(offer.keyword).or_default().extend(offer.params);
            }
        }
    }

    fn offers(&self, keyword: &str) -> bool {
        self.offered.contains_key(keyword)
    }

    /// AUTH where configured, else straight to MAIL.
    fn after_hello(&mut self) {
        let Some(credentials) = &self.config.auth else { return self.mail() };
        self.stage = Stage::Auth;
        let mechanism = credentials.mechanism.name();
        let offered = self.offered.get("AUTH");
        if !offered.is_some_and(|m| m.iter().any(|m| m.eq_ignore_ascii_case(mechanism))) {
            self.decide_rest(&Fate::Failed(format!("the server does not offer AUTH {mechanism}")));
            return self.quit();
        }
        let (exchange, initial) = sasl::client::Exchange::begin(credentials);
        self.exchange = Some(exchange);
        self.say(&Command::Auth { mechanism: mechanism.to_owned(), initial }, Expect::Auth);
    }

    /// 334: the next answer of the exchange, or `*` where there is none. RFC 4954 §4.
    fn challenged(&mut self, reply: &Reply) {
        let Some(exchange) = &mut self.exchange else { return };
        let (answer, why) = exchange.line(reply.text().trim().as_bytes());
        if let Some(why) = why {
            self.decide_rest(&Fate::Failed(why));
        }
        self.sending.extend_from_slice(answer.expose().as_bytes());
        self.sending.extend_from_slice(b"\r\n");
        self.expect.push_back(Expect::Auth);
    }

    /// 235. Where the mechanism has the server prove itself too, it must have done so.
    fn logged_in(&mut self) {
        match self.exchange.take().map_or(Ok(()), |exchange| exchange.succeeded()) {
            Ok(()) => self.mail(),
            Err(why) => {
                self.decide_rest(&Fate::Failed(why));
                self.quit();
            }
        }
    }

    /// MAIL; and where the server takes pipelining, all RCPT and DATA with it. RFC 2920 §3.1.
    fn mail(&mut self) {
        self.stage = Stage::Mail;
        if let Some(refusal) = self.cannot_carry() {
            self.decide_rest(&Fate::Refused(refusal));
            return self.quit();
        }
        let command =
            Command::Mail { reverse_path: self.envelope.reverse_path.clone(), params: self.mail_params() };
        self.say(&command, Expect::Mail);
        if self.pipelines() {
            for at in 0..self.envelope.recipients.len() {
                self.rcpt(at);
            }
            self.say(&Command::Data, Expect::Data);
        }
    }

    fn pipelines(&self) -> bool {
        self.config.pipelining && self.offers("PIPELINING")
    }

    /// What this message needs and the server does not offer: the client's own refusal. Text beyond ASCII without
    /// 8BITMIME is sent all the same, as most of today's hosts do; SMTPUTF8 (RFC 6531 §3.2) is not pretended.
    fn cannot_carry(&self) -> Option<Reply> {
        if self.envelope.smtputf8 && !self.offers("SMTPUTF8") {
            return Some(Reply::enhanced(550, (5, 6, 7), "The next server does not offer SMTPUTF8"));
        }
        // RFC 3030 §3: BINARYMIME needs BDAT, which this client does not speak.
        let binary = self.envelope.body == Body::Binary;
        binary.then(|| Reply::enhanced(554, (5, 6, 1), "Binary content cannot be sent by DATA"))
    }

    fn mail_params(&self) -> Vec<Parameter> {
        let envelope = &self.envelope;
        let mut params = Vec::new();
        let mut add = |keyword: &str, value: Option<String>| {
            params.push(Parameter { keyword: keyword.to_owned(), value });
        };
        if self.offers("SIZE") {
            add("SIZE", Some(self.message.len().to_string()));
        }
        if self.offers("8BITMIME") && (envelope.body == Body::EightBit || !self.message.is_ascii()) {
            add("BODY", Some("8BITMIME".to_owned()));
        }
        if envelope.smtputf8 {
            add("SMTPUTF8", None);
        }
        if self.offers("DSN") {
            if let Some(ret) = envelope.ret {
                add("RET", Some(if ret == Ret::Full { "FULL" } else { "HDRS" }.to_owned()));
            }
            if let Some(envid) = &envelope.envid {
                add("ENVID", Some(to_xtext(envid)));
            }
        }
        params
    }

    fn rcpt(&mut self, at: usize) {
        let Some(recipient) = self.envelope.recipients.get(at) else { return };
        let params = if self.offers("DSN") { rcpt_params(recipient) } else { Vec::new() };
        let command = Command::Rcpt { forward_path: recipient.forward_path.clone(), params };
        self.say(&command, Expect::Rcpt(at));
    }

    /// Without pipelining: the next RCPT, or DATA, or QUIT where nobody was accepted.
    fn next_recipient(&mut self) {
        self.stage = Stage::Rcpt;
        if self.pipelines() {
            return;
        }
        let next = (0..self.fates.len())
            .find(|at| self.fates.get(*at).is_some_and(Option::is_none) && !self.accepted.contains(at));
        match next {
            Some(at) => self.rcpt(at),
            None if self.accepted.is_empty() => self.quit(),
            None => {
                self.stage = Stage::Data;
                self.say(&Command::Data, Expect::Data);
            }
        }
    }

    fn recipient_answered(&mut self, at: usize, reply: Reply) {
        if reply.is_positive() && self.mail_ok {
            self.accepted.push(at);
        } else if let Some(slot) = self.fates.get_mut(at).filter(|slot| slot.is_none()) {
            *slot = Some((Fate::Refused(reply), Stage::Rcpt));
        }
        if self.mail_ok {
            self.next_recipient();
        } else if self.expect.is_empty() {
            self.quit();
        }
    }

    fn data_answered(&mut self, reply: Reply) {
        if reply.class() != Class::Intermediate {
            if !self.accepted.is_empty() {
                self.stage = Stage::Data;
            }
            return self.refused(reply);
        }
        // Nobody was accepted, and yet "the DATA command was accepted": then "the client SMTP should send a single
        // dot". RFC 2920 §3.1.
        if self.accepted.is_empty() {
            self.sending.extend_from_slice(b".\r\n");
        } else {
            self.stage = Stage::EndOfData;
            self.sending.extend_from_slice(&data::stuff(&self.message));
        }
        self.expect.push_back(Expect::EndOfData);
    }

    fn message_answered(&mut self, reply: Reply) {
        if self.accepted.is_empty() {
            return self.quit();
        }
        let fate = if reply.is_positive() {
            self.stage = Stage::Done;
            Fate::Accepted(reply)
        } else {
            Fate::Refused(reply)
        };
        self.decide_rest(&fate);
        self.quit();
    }

    /// Tell the outcome and say goodbye. RFC 5321 §4.1.1.10.
    fn quit(&mut self) {
        self.finish();
        self.say(&Command::Quit, Expect::Quit);
    }
}

/// NOTIFY and ORCPT. RFC 3461 §4.1, §4.2.
fn rcpt_params(recipient: &Recipient) -> Vec<Parameter> {
    let mut params = Vec::new();
    if let Some(Notify { success, failure, delay }) = recipient.notify {
        let words: Vec<&str> = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")]
            .into_iter()
            .filter_map(|(wanted, word)| wanted.then_some(word))
            .collect();
        let value = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
        params.push(Parameter { keyword: "NOTIFY".to_owned(), value: Some(value) });
    }
    if let Some((kind, address)) = recipient.orcpt.as_deref().and_then(|o| o.split_once(';')) {
        let value = format!("{kind};{}", to_xtext(address));
        params.push(Parameter { keyword: "ORCPT".to_owned(), value: Some(value) });
    }
    params
}
