//! AUTH: the SASL exchange inside SMTP. RFC 4954 §4; PLAIN RFC 4616.

use super::{Ask, Mechanism, Mode, Server, ServerEvent};
use crate::base::Secret;
use crate::proto::sasl;
use crate::proto::smtp::codes::Reply;
use crate::proto::smtp::replies;

/// How far an exchange is.
#[derive(Debug)]
pub(super) enum Exchange {
    /// PLAIN's only message is awaited.
    Plain,
    /// LOGIN's user name is awaited.
    LoginUser,
    /// LOGIN's password is awaited.
    LoginPassword {
        /// Whose.
        user: String,
    },
}

impl Server {
    /// `AUTH mechanism [initial-response]`.
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<Secret>) {
        if self.config.mechanisms.is_empty() {
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
        let known = self.config.mechanisms.iter().find(|m| m.name() == mechanism).copied();
        let Some(known) = known else {
            return self.refuse(504, (5, 5, 4), "That mechanism is not offered; EHLO lists those that are");
        };
        let exchange = match known {
            Mechanism::Plain => Exchange::Plain,
            Mechanism::Login => Exchange::LoginUser,
        };
        match initial {
            None => self.challenge(exchange),
            Some(initial) => {
                // "=" stands for an empty initial response. RFC 4954 §4.
                let base64 = if initial.expose() == "=" { "" } else { initial.expose() };
                self.mode = Mode::Auth(exchange);
                self.decode_response(base64.as_bytes());
            }
        }
    }

    fn challenge(&mut self, exchange: Exchange) {
        let challenge = match exchange {
            Exchange::Plain => "",
            Exchange::LoginUser => sasl::LOGIN_USERNAME,
            Exchange::LoginPassword { .. } => sasl::LOGIN_PASSWORD,
        };
        self.mode = Mode::Auth(exchange);
        self.reply(Reply::new(334, challenge));
    }

    /// A response line came.
    pub(super) fn response(&mut self, line: &[u8]) {
        // "If the client wishes to cancel the authentication exchange, it issues a line with a single "*"."
        if line == b"*" {
            self.mode = Mode::Command;
            return self.refuse(501, (5, 7, 0), "Authentication cancelled");
        }
        self.decode_response(line);
    }

    fn decode_response(&mut self, base64: &[u8]) {
        let Mode::Auth(exchange) = std::mem::replace(&mut self.mode, Mode::Command) else { return };
        let Some(response) = sasl::decode(base64) else {
            return self.refuse(501, (5, 5, 2), "The response is not base64");
        };
        match exchange {
            Exchange::Plain => match sasl::decode_plain(&response) {
                None => self.refuse(501, (5, 5, 2), "PLAIN is authzid NUL authcid NUL password, in base64"),
                Some(plain) => {
                    self.authenticate(Mechanism::Plain, plain.authzid, plain.authcid, plain.password)
                }
            },
            Exchange::LoginUser => match String::from_utf8(response) {
                Ok(user) if !user.is_empty() && user.len() <= 1024 => {
                    self.challenge(Exchange::LoginPassword { user });
                }
                _ => self.refuse(501, (5, 5, 2), "The user name is empty, too long or not UTF-8"),
            },
            Exchange::LoginPassword { user } => match String::from_utf8(response) {
                Ok(password) => {
                    self.authenticate(Mechanism::Login, String::new(), user, Secret::new(password))
                }
                Err(_) => self.refuse(501, (5, 5, 2), "The password is not UTF-8"),
            },
        }
    }

    fn authenticate(&mut self, mechanism: Mechanism, authzid: String, authcid: String, password: Secret) {
        let user = if authzid.is_empty() { authcid.clone() } else { authzid.clone() };
        let mechanism = mechanism.name().to_owned();
        self.ask(
            Ask::Authenticate { user },
            ServerEvent::Authenticate { mechanism, authzid, authcid, password },
        );
    }
}
