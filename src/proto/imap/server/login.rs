//! Capabilities and LOGIN (RFC 9051 §6.1.1, §6.2.3), and what every login leads to.

use super::ask::{Answer, Ask};
use super::run::Then;
use super::{Reply, Server};
use crate::base::Secret;
use crate::proto::imap::phase::Phase;
use crate::proto::{Output, Security};

impl Server {
    /// What this server offers now, as CAPABILITY lists it.
    pub(super) fn capabilities(&self) -> String {
        let mut all = vec!["IMAP4rev1"];
        if self.config.rev2 {
            all.push("IMAP4rev2");
        }
        all.extend(["LITERAL+", "SASL-IR", "ENABLE", "ID", "IDLE"]);
        let limit = format!("APPENDLIMIT={}", self.config.size_limit);
        let mechanisms: Vec<String> =
            self.mechanisms().iter().map(|m| format!("AUTH={}", m.name())).collect();
        if self.phase == Phase::NotAuthenticated {
            if self.security == Security::Offered {
                all.push("STARTTLS");
            }
            match self.login_allowed() {
                true => all.extend(mechanisms.iter().map(String::as_str)),
                false => all.push("LOGINDISABLED"),
            }
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
}

/// "The operation is not permitted due to a lack of data confidentiality" (RFC 9051 §7.1, RFC 5530 §3).
pub(super) fn privacy_required() -> Reply {
    Reply::no("[PRIVACYREQUIRED] No password in clear here: STARTTLS first")
}
