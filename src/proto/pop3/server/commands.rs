//! What each command does (RFC 1939 §4 to §7, RFC 2449 §5), and what the owner's answers lead to.

use super::machine::{Asked, Block, OpenMaildrop, Server};
use super::{LoginRefusal, Maildrop, ServerEvent, UpdateRefusal};
use crate::proto::Security;
use crate::proto::pop3::grammar::block::MessageStream;
use crate::proto::pop3::grammar::{
    Capability, Command, DropListing, ScanListing, Status, StatusLine, UniqueIdListing, Verb,
};
use crate::proto::pop3::phase::{self, Phase};
use std::sync::Arc;

impl Server {
    pub(super) fn greet(&mut self) {
        let mut text = format!("{} POP3 server ready", self.config.hostname);
        if let Some(timestamp) = &self.config.apop_banner {
            text = format!("{text} {timestamp}");
        }
        self.ok(text);
    }

    /// Carries out one command, or refuses it.
    pub(super) fn carry_out(&mut self, command: Command) {
        let verb = command.verb();
        match command {
            Command::Unknown { .. } => return self.refuse("command not recognized"),
            Command::Invalid { reason, .. } => return self.refuse(reason),
            Command::Stls if self.security == Security::None => {
                return self.refuse("STLS is not offered here");
            }
            // RFC 2595 §4: "a -ERR response is returned" where TLS is there already.
            Command::Stls if self.security == Security::Active => {
                return self.refuse("Command not permitted when TLS active");
            }
            // "USER ... -ERR" before TLS (RFC 2595 §2.3): the name is refused before the password could follow it.
            Command::User { .. } | Command::Pass { .. } | Command::Apop { .. } | Command::Auth { .. }
                if !self.login_allowed() =>
            {
                return self.refuse("no password in clear here: STLS first");
            }
            _ if !self.is_accepted(verb) => {
                let state = self.phase.name();
                return self.refuse(&match (verb, self.phase) {
                    (Verb::Pass, Phase::Authorization) => "PASS comes right after USER".to_owned(),
                    _ => format!("{} is not valid in the {state} state", verb.name()),
                });
            }
            _ => {}
        }
        match command {
            Command::User { name } => self.user_named(name),
            Command::Pass { password } => {
                let user = self.user.take().unwrap_or_default();
                self.ask(Asked::Login { user: user.clone() }, ServerEvent::Login { user, password });
            }
            Command::Apop { name, digest } => match self.config.apop_banner.clone() {
                Some(timestamp) => {
                    let event = ServerEvent::Apop { user: name.clone(), digest, timestamp };
                    self.ask(Asked::Login { user: name }, event);
                }
                None => self.refuse("APOP is not offered here"),
            },
            Command::Auth { mechanism, initial } => self.auth(mechanism.as_deref(), initial.as_ref()),
            Command::Capa => self.capa(),
            Command::Stls => {
                self.ok("Begin TLS negotiation");
                self.begin_tls();
            }
            Command::Quit => self.quit(),
            Command::Noop => self.ok(""),
            Command::Stat => self.ok(self.drop_listing().to_text()),
            Command::Rset => self.rset(),
            Command::List { number } => self.list(number, false),
            Command::Uidl { number } => self.list(number, true),
            Command::Retr { number } => self.fetch(number, None),
            Command::Top { number, lines } => self.fetch(number, Some(lines)),
            Command::Dele { number } => self.dele(number),
            Command::Invalid { .. } | Command::Unknown { .. } => {}
        }
    }

    /// The table, and one tolerance: after USER, one may begin anew, as many clients do.
    fn is_accepted(&self, verb: Verb) -> bool {
        phase::is_legal(self.phase, verb)
            || self.phase == Phase::NameGiven && matches!(verb, Verb::User | Verb::Apop | Verb::Auth)
    }

    pub(super) fn refuse(&mut self, text: &str) {
        self.hard_error(StatusLine::new(Status::Err, text));
    }

    fn user_named(&mut self, name: String) {
        // "The server may return a positive response even though no such mailbox exists": it tells a stranger
        // nothing about which names are valid (RFC 1939 §7, §13).
        self.ok(format!("{name}, now send PASS"));
        self.user = Some(name);
        self.phase = Phase::NameGiven;
    }

    pub(super) fn logged_in(&mut self, user: &str, answer: Result<Maildrop, LoginRefusal>) {
        let (code, text) = match answer {
            Ok(maildrop) => {
                let deleted = vec![false; maildrop.messages.len()];
                self.open = Some(OpenMaildrop { maildrop, deleted });
                self.phase = Phase::Transaction;
                let holds = self.holds();
                return self.ok(format!("{user}'s maildrop has {holds}"));
            }
            Err(LoginRefusal::Credentials) => ("AUTH", "wrong name or password"),
            Err(LoginRefusal::InUse) => ("IN-USE", "another session has this maildrop open"),
            Err(LoginRefusal::Unavailable) => ("SYS/TEMP", "the maildrop cannot be opened now, try later"),
            Err(LoginRefusal::Broken) => ("SYS/PERM", "the maildrop cannot be opened, ask the postmaster"),
        };
        self.phase = Phase::Authorization;
        self.user = None;
        self.hard_error(StatusLine::refusal(code, text));
    }

    fn capa(&mut self) {
        let mut capabilities =
            ["TOP", "USER", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UIDL"]
                .map(str::to_owned)
                .to_vec();
        let mechanisms = self.mechanisms();
        if !mechanisms.is_empty() && self.login_allowed() {
            let params = mechanisms.iter().map(|m| m.name().to_owned()).collect();
            // RFC 5034 §3: "SASL", and behind it the mechanisms.
            capabilities.insert(2, Capability { tag: "SASL".to_owned(), params }.to_text());
        }
        // What would be refused is not offered (RFC 2595 §2.3), nor what is done already (§4).
        capabilities.retain(|tag| tag != "USER" || self.login_allowed());
        if self.security == Security::Offered && self.phase != Phase::Transaction {
            capabilities.push("STLS".to_owned());
        }
        if !self.config.implementation.is_empty() {
            let params = vec![self.config.implementation.replace(char::is_control, " ")];
            capabilities.push(Capability { tag: "IMPLEMENTATION".to_owned(), params }.to_text());
        }
        self.ok_block("capability list follows", Block::Lines(capabilities.into()));
    }

    fn quit(&mut self) {
        if self.phase != Phase::Transaction {
            self.phase = Phase::Ended;
            self.ok(format!("{} POP3 server signing off", self.config.hostname));
            return self.end();
        }
        self.phase = Phase::Update;
        let marked = self.open.iter().flat_map(|open| open.deleted.iter().enumerate());
        let delete = marked.filter(|(_, deleted)| **deleted).map(|(index, _)| index).collect();
        self.ask(Asked::Update, ServerEvent::Update { delete });
    }

    pub(super) fn updated(&mut self, answer: Result<(), UpdateRefusal>) {
        let left = self.drop_listing().count;
        // The owner gave the lock back with the update: nothing is left to release.
        self.open = None;
        match answer {
            Ok(()) => {
                let left = match left {
                    0 => "maildrop empty".to_owned(),
                    n => format!("{} left", messages(n)),
                };
                self.ok(format!("{} POP3 server signing off ({left})", self.config.hostname));
            }
            Err(_) => self.err("[SYS/TEMP] some deleted messages not removed"),
        }
        self.end();
    }

    fn rset(&mut self) {
        if let Some(open) = &mut self.open {
            open.deleted.fill(false);
        }
        self.ok(format!("maildrop has {}", self.holds()));
    }

    /// LIST, or UIDL.
    fn list(&mut self, number: Option<u32>, unique_ids: bool) {
        let Some(number) = number else {
            let text = if unique_ids { "unique-id listing follows".to_owned() } else { self.holds() };
            return self.ok_block(text, Block::Listing { next: 0, unique_ids });
        };
        if let Some(line) = self.find(number).and_then(|index| self.listing_line(index, unique_ids)) {
            self.ok(line);
        }
    }

    /// The scan or unique-id listing of one message; `None` where it is marked as deleted.
    pub(super) fn listing_line(&self, index: usize, unique_ids: bool) -> Option<String> {
        let open = self.open.as_ref()?;
        if *open.deleted.get(index)? {
            return None;
        }
        let entry = open.maildrop.messages.get(index)?;
        let number = u32::try_from(index + 1).ok()?;
        Some(match unique_ids {
            true => UniqueIdListing { number, unique_id: entry.uidl.clone() }.to_text(),
            false => ScanListing { number, octets: entry.octets }.to_text(),
        })
    }

    /// RETR, or TOP with so many lines.
    fn fetch(&mut self, number: u32, lines: Option<u32>) {
        if let Some(index) = self.find(number) {
            self.ask(Asked::Body { index, lines }, ServerEvent::Body { index });
        }
    }

    pub(super) fn body_came(&mut self, index: usize, lines: Option<u32>, body: Option<Arc<[u8]>>) {
        let Some(body) = body else { return self.err("the message cannot be read now") };
        let entry = self.open.as_ref().and_then(|open| open.maildrop.messages.get(index));
        let text = match lines {
            None => format!("{} octets", entry.map_or(0, |e| e.octets)),
            Some(_) => "top of message follows".to_owned(),
        };
        self.ok_block(text, Block::Message(MessageStream::new(body, lines)));
    }

    fn dele(&mut self, number: u32) {
        let Some(index) = self.find(number) else { return };
        if let Some(deleted) = self.open.as_mut().and_then(|open| open.deleted.get_mut(index)) {
            *deleted = true;
        }
        self.ok(format!("message {number} deleted"));
    }

    /// The index of a message that is there and not marked; otherwise it answers `-ERR`.
    fn find(&mut self, number: u32) -> Option<usize> {
        let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        let marked = index.and_then(|i| self.open.as_ref()?.deleted.get(i).copied());
        match marked {
            Some(false) => return index,
            Some(true) => self.err(format!("message {number} already deleted")),
            None => {
                let count = self.open.as_ref().map_or(0, |open| open.deleted.len());
                self.err(format!("no such message, only {} in maildrop", messages(count)));
            }
        }
        None
    }

    /// Count and octets of what is not marked as deleted.
    fn drop_listing(&self) -> DropListing {
        let mut total = DropListing { count: 0, octets: 0 };
        let Some(open) = &self.open else { return total };
        let unmarked = open.maildrop.messages.iter().zip(&open.deleted).filter(|(_, deleted)| !**deleted);
        for (entry, _) in unmarked {
            total.count = total.count.saturating_add(1);
            total.octets = total.octets.saturating_add(entry.octets);
        }
        total
    }

    /// The same in words: `2 messages (320 octets)`.
    fn holds(&self) -> String {
        let DropListing { count, octets } = self.drop_listing();
        format!("{} ({octets} octets)", messages(count))
    }
}

/// `1 message`, `2 messages`.
fn messages(count: impl std::fmt::Display) -> String {
    let count = count.to_string();
    if count == "1" { "1 message".to_owned() } else { format!("{count} messages") }
}
