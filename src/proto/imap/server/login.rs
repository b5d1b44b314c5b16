//! Capabilities, LOGIN, AUTHENTICATE PLAIN (RFC 9051 §6.1.1, §6.2; RFC 4616; RFC 4959).

use super::ask::{Answer, Ask};
use super::run::Then;
use super::{Mode, Reply, Server};
use crate::base::Secret;
use crate::proto::imap::phase::Phase;
use crate::proto::{Output, Security};
use base64::Engine as _;

impl Server {
    /// What this server offers now, as CAPABILITY lists it.
    pub(super) fn capabilities(&self) -> String {
        let mut all = vec!["IMAP4rev1"];
        if self.config.rev2 {
            all.push("IMAP4rev2");
        }
        all.extend(["LITERAL+", "SASL-IR", "ENABLE", "ID", "IDLE"]);
        let limit = format!("APPENDLIMIT={}", self.config.size_limit);
        if self.phase == Phase::NotAuthenticated {
            if self.security == Security::Offered {
                all.push("STARTTLS");
            }
            all.push(if self.login_allowed() { "AUTH=PLAIN" } else { "LOGINDISABLED" });
        } else {
            all.extend([
                "UIDPLUS",
                "MOVE",
                "UNSELECT",
                "NAMESPACE",
                "CHILDREN",
                "SPECIAL-USE",
                "CREATE-SPECIAL-USE",
                "LIST-EXTENDED",
                "LIST-STATUS",
                "STATUS=SIZE",
                "MULTIAPPEND",
                "ESEARCH",
                "SEARCHRES",
                "WITHIN",
                "CONDSTORE",
                "QRESYNC",
                "BINARY",
            ]);
            all.push(&limit);
        }
        all.retain(|name| !self.config.without.iter().any(|w| w.eq_ignore_ascii_case(name)));
        all.join(" ")
    }

    /// OK, and then nothing until the handshake is done (RFC 9051 §6.2.1).
    pub(super) fn start_tls(&mut self) {
        match self.security {
            Security::None => self.tagged(Reply::bad("STARTTLS is not offered")),
            Security::Active => self.tagged(Reply::bad("TLS is active already")),
            Security::Offered => {
                self.tagged(Reply::ok("Begin TLS negotiation now"));
                self.securing = true;
                self.framer.clear();
                self.out.push_back(Output::StartTls);
            }
        }
    }

    /// Whether this command would bring a password that must not come in clear.
    pub(super) fn refuses_password(&self, name: &str) -> bool {
        matches!(name, "LOGIN" | "AUTHENTICATE") && !self.login_allowed()
    }

    pub(super) fn login(&mut self, user: String, password: Secret) {
        if !self.login_allowed() {
            return self.tagged(privacy_required());
        }
        self.ask(Ask::Login { user, password }, Then::LoggedIn);
    }

    pub(super) fn logged_in(&mut self, answer: Answer) {
        match answer {
            Answer::LoggedIn(_) => {
                self.phase = Phase::Authenticated;
                self.framer.set_limits(self.config.after_login);
                let text = format!("[CAPABILITY {}] Logged in", self.capabilities());
                self.tagged(Reply::ok(text));
            }
            Answer::Refused(refusal) => {
                self.tagged(super::run::refused(refusal, "LOGIN"));
                self.hard_error();
            }
            _ => self.tagged(Reply::no("[SERVERBUG] The store gave an answer to another question")),
        }
    }

    pub(super) fn authenticate(&mut self, mechanism: &str, initial: Option<Secret>) {
        if !self.login_allowed() {
            return self.tagged(privacy_required());
        }
        if mechanism != "PLAIN" {
            return self.tagged(Reply::no("[CANNOT] PLAIN is the mechanism offered"));
        }
        match initial {
            Some(response) => self.plain(response.expose().as_bytes()),
            None => {
                self.mode = Mode::Auth;
                self.send(b"+ \r\n".to_vec());
            }
        }
    }

    /// The client's answer to the empty challenge.
    pub(super) fn sasl_response(&mut self, line: &[u8]) {
        self.mode = Mode::Commands;
        match line.trim_ascii() {
            // "If the client wishes to cancel an authentication exchange, it issues a line consisting of a single
            // "*"." (RFC 9051 §6.2.2)
            b"*" => self.tagged(Reply::bad("AUTHENTICATE cancelled")),
            response => self.plain(response),
        }
    }

    /// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2), in base64.
    fn plain(&mut self, response: &[u8]) {
        let Ok(decoded) = base64::engine::general_purpose::STANDARD.decode(response) else {
            return self.tagged(Reply::bad("The response is not base64"));
        };
        let text = String::from_utf8(decoded).unwrap_or_default();
        let fields: Vec<&str> = text.split('\0').collect();
        match fields.as_slice() {
            [authzid, authcid, password] if !authcid.is_empty() && !password.is_empty() => {
                if !authzid.is_empty() && !authzid.eq_ignore_ascii_case(authcid) {
                    return self.tagged(Reply::no("[AUTHORIZATIONFAILED] You may act for yourself only"));
                }
                self.login((*authcid).to_owned(), Secret::new(*password));
            }
            _ => self.tagged(Reply::bad("PLAIN is: identity NUL user NUL password, in UTF-8")),
        }
    }
}

/// "The operation is not permitted due to a lack of data confidentiality" (RFC 9051 §7.1, RFC 5530 §3).
pub(super) fn privacy_required() -> Reply {
    Reply::no("[PRIVACYREQUIRED] No password in clear here: STARTTLS first")
}
