//! AUTH: the SASL exchange inside POP3. RFC 5034 §4. The mechanisms are `proto::sasl`'s.

use super::ServerEvent;
use super::machine::{Asked, Server};
use crate::base::Secret;
use crate::proto::pop3::grammar::{Status, StatusLine};
use crate::proto::sasl::server::{Exchange, Turn};
use crate::proto::sasl::{Keys, Mechanism};

impl Server {
    /// The mechanisms that can be offered now, in the order in which CAPA lists them.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        let has_nonces = self.config.nonces.is_some();
        self.config.mechanisms.iter().copied().filter(|m| has_nonces || !m.needs_nonces()).collect()
    }

    /// `AUTH mechanism [initial-response]`.
    pub(super) fn auth(&mut self, mechanism: Option<&str>, initial: Option<&Secret>) {
        let offered = self.mechanisms();
        if offered.is_empty() {
            return self.refuse("AUTH is not offered here");
        }
        let Some(mechanism) = mechanism.and_then(|name| Mechanism::among(&offered, name)) else {
            return self.refuse("that mechanism is not offered; CAPA lists those that are");
        };
        let now = self.last_active.unwrap_or_default();
        let nonces = self.config.nonces.as_mut();
        let mut exchange = Exchange::begin(mechanism, &self.config.hostname, nonces, now);
        let turn = match initial {
            None => exchange.ask(),
            Some(initial) => exchange.initial(initial.expose().as_bytes()),
        };
        self.take_turn(exchange, turn);
    }

    /// A line came while the exchange waited for one.
    pub(super) fn response(&mut self, mut exchange: Exchange, line: &[u8]) {
        // "If the client wishes to cancel the authentication exchange, it issues a line with a single "*"."
        if line == b"*" {
            return self.refuse("authentication cancelled");
        }
        let turn = exchange.respond(line);
        self.take_turn(exchange, turn);
    }

    /// Answers [`ServerEvent::ScramKeys`]. Without that question open it does nothing.
    pub fn answer_keys(&mut self, keys: Keys) {
        match std::mem::take(&mut self.asked) {
            Asked::Keys(mut exchange) => {
                let turn = exchange.keys(keys);
                self.take_turn(exchange, turn);
            }
            other => self.asked = other,
        }
    }

    fn take_turn(&mut self, exchange: Exchange, turn: Turn) {
        match turn {
            Turn::Challenge(base64) => {
                self.exchange = Some(exchange);
                self.send(format!("+ {base64}\r\n").into_bytes());
            }
            Turn::Keys { user } => self.ask(Asked::Keys(exchange), ServerEvent::ScramKeys { user }),
            Turn::Judge(login) => {
                let user = login.acts_as().to_owned();
                self.ask(Asked::Login { user }, ServerEvent::Sasl(login));
            }
            Turn::Failed => self.hard_error(StatusLine::refusal("AUTH", "wrong name or password")),
            Turn::Wrong(why) => self.hard_error(StatusLine::new(Status::Err, why)),
        }
    }
}
