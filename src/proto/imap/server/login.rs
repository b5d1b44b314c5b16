//! Capabilities and LOGIN (RFC 9051 §6.1.1, §6.2.3), and what every login leads to.

use super::ask::{Answer, Ask};
use super::run::Then;
use super::{Reply, Server};
use crate::base::Secret;
use crate::proto::imap::phase::Phase;

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
            all.extend(mechanisms.iter().map(String::as_str));
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

    pub(super) fn login(&mut self, user: String, password: Secret) {
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
