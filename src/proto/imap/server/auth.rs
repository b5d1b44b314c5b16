//! AUTHENTICATE: the SASL exchange inside IMAP. RFC 9051 §6.2.2; SASL-IR RFC 4959. The mechanisms are `proto::sasl`'s.

use super::ask::{Answer, Ask};
use super::run::Then;
use super::{Mode, Reply, Server};
use crate::base::Secret;
use crate::proto::sasl::Mechanism;
use crate::proto::sasl::server::{Exchange, Turn};

impl Server {
    /// The mechanisms that can be offered now, in the order in which CAPABILITY lists them.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        let has_nonces = self.config.nonces.is_some();
        self.config.mechanisms.iter().copied().filter(|m| has_nonces || !m.needs_nonces()).collect()
    }

    pub(super) fn authenticate(&mut self, mechanism: &str, initial: Option<Secret>) {
        if !self.login_allowed() {
            return self.tagged(super::login::privacy_required());
        }
        let Some(mechanism) = Mechanism::among(&self.mechanisms(), mechanism) else {
            let text = "[CANNOT] That mechanism is not offered; CAPABILITY lists those that are";
            return self.tagged(Reply::no(text));
        };
        let nonces = self.config.nonces.as_mut();
        let mut exchange = Exchange::begin(mechanism, &self.config.hostname, nonces, self.now);
        let turn = match initial {
            Some(response) => exchange.initial(response.expose().as_bytes()),
            None => exchange.ask(),
        };
        self.take_turn(exchange, turn);
    }

    /// The client's answer to a challenge.
    pub(super) fn sasl_response(&mut self, line: &[u8]) {
        self.mode = Mode::Commands;
        let Some(mut exchange) = self.exchange.take() else { return };
        match line.trim_ascii() {
            // "If the client wishes to cancel an authentication exchange, it issues a line consisting of a single
            // "*"." (RFC 9051 §6.2.2)
            b"*" => self.tagged(Reply::bad("AUTHENTICATE cancelled")),
            response => {
                let turn = exchange.respond(response);
                self.take_turn(exchange, turn);
            }
        }
    }

    /// The owner's answer to [`Ask::ScramKeys`].
    pub(super) fn keys_came(&mut self, mut exchange: Exchange, answer: Answer) {
        match answer {
            Answer::ScramKeys(keys) => {
                let turn = exchange.keys(keys);
                self.take_turn(exchange, turn);
            }
            refused => self.logged_in(refused),
        }
    }

    fn take_turn(&mut self, exchange: Exchange, turn: Turn) {
        match turn {
            Turn::Challenge(base64) => {
                self.mode = Mode::Auth;
                self.exchange = Some(exchange);
                self.send(format!("+ {base64}\r\n").into_bytes());
            }
            Turn::Keys { user } => self.ask(Ask::ScramKeys { user }, Then::Keys(Box::new(exchange))),
            Turn::Judge(login) if !login.is_for_oneself() => {
                self.tagged(Reply::no("[AUTHORIZATIONFAILED] You may act for yourself only"));
                self.hard_error();
            }
            Turn::Judge(login) => self.ask(Ask::Authenticate(login), Then::LoggedIn),
            Turn::Failed => self.logged_in(Answer::Refused(super::ask::Refusal::Credentials)),
            Turn::Wrong(why) => self.tagged(Reply::bad(why)),
        }
    }
}
