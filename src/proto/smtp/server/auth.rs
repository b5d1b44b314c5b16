//! AUTH: the SASL exchange inside SMTP. RFC 4954 §4. The mechanisms are `proto::sasl`'s.

use super::{Ask, Mode, Server, ServerEvent};
use crate::base::Secret;
use crate::proto::sasl::server::{Exchange, Turn};
use crate::proto::sasl::{Keys, Mechanism};
use crate::proto::smtp::codes::Reply;
use crate::proto::smtp::replies;

impl Server {
    /// The mechanisms that can be offered now, in the order in which EHLO lists them.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        let has_nonces = self.config.nonces.is_some();
        self.config.mechanisms.iter().copied().filter(|m| has_nonces || !m.needs_nonces()).collect()
    }

    /// `AUTH mechanism [initial-response]`.
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<Secret>) {
        let offered = self.mechanisms();
        if offered.is_empty() {
            return self.refuse(502, (5, 5, 1), "AUTH is not offered here");
        }
        if !self.login_allowed() {
            return self.fault(replies::encryption_needed());
        }
        if !self.extended {
            return self.refuse(503, (5, 5, 1), "Bad sequence: AUTH needs EHLO");
        }
        if self.authenticated.is_some() {
            return self.refuse(503, (5, 5, 1), "Bad sequence: already authenticated");
        }
        let Some(mechanism) = Mechanism::among(&offered, mechanism) else {
            return self.refuse(504, (5, 5, 4), "That mechanism is not offered; EHLO lists those that are");
        };
        let nonces = self.config.nonces.as_mut();
        let mut exchange = Exchange::begin(mechanism, &self.config.hostname, nonces, self.moved);
        let turn = match initial {
            None => exchange.ask(),
            Some(initial) => exchange.initial(initial.expose().as_bytes()),
        };
        self.take_turn(exchange, turn);
    }

    /// A response line came.
    pub(super) fn response(&mut self, line: &[u8]) {
        let Mode::Auth(mut exchange) = std::mem::replace(&mut self.mode, Mode::Command) else { return };
        // "If the client wishes to cancel the authentication exchange, it issues a line with a single "*"."
        if line == b"*" {
            return self.refuse(501, (5, 7, 0), "Authentication cancelled");
        }
        let turn = exchange.respond(line);
        self.take_turn(exchange, turn);
    }

    /// The owner's answer to [`ServerEvent::ScramKeys`]. Without that question open it does nothing.
    pub fn answer_keys(&mut self, keys: Keys) {
        match self.open.take() {
            Some(Ask::Keys(mut exchange)) => {
                let turn = exchange.keys(keys);
                self.take_turn(exchange, turn);
            }
            other => self.open = other,
        }
    }

    fn take_turn(&mut self, exchange: Exchange, turn: Turn) {
        match turn {
            Turn::Challenge(base64) => {
                self.mode = Mode::Auth(exchange);
                self.reply(Reply::new(334, base64));
            }
            Turn::Keys { user } => self.ask(Ask::Keys(exchange), ServerEvent::ScramKeys { user }),
            Turn::Judge(login) => {
                let user = login.acts_as().to_owned();
                self.ask(Ask::Authenticate { user }, ServerEvent::Authenticate(login));
            }
            Turn::Failed => self.fault(replies::auth_failed()),
            Turn::Wrong(why) => self.refuse(501, (5, 5, 2), why),
        }
    }
}
