//! What a [`Connection`] has come to: its phase, TLS, who logged in, the envelope so far, the mailbox selected.
//!
//! Folded from Steps alone: this is what somebody who only watches the wire knows.

use super::handed::{Handed, Pending, is_letter};
use crate::base::Word;
use crate::dissect::pop3::{Asked, Phase, Pop3Meaning, Told};
use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::trace::{Layer, Opened};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

/// Commands whose arguments are remembered until they are answered: more than any client should have in flight.
const MOST_ASKED: usize = 4096;

/// A connection between its Open and its Close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Between whom.
    pub open: Opened,
    /// What is spoken on it; `Unknown` until something was said.
    pub protocol: Protocol,
    /// The protocol's phase, in the words of its RFC and lower case; see [`super`].
    pub phase: &'static str,
    /// Whether TLS protects what is said now.
    pub tls: bool,
    /// Who logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// SMTP: the transaction so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// IMAP: the mailbox selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<String>,
    /// IMAP: whether it was opened by EXAMINE, or the server said READ-ONLY.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// POP3: the maildrop as this session sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maildrop: Option<Maildrop>,
    /// SMTP: what came of the letters that were handed in on it.
    #[serde(skip)]
    pub handed: Handed,
    /// Commands that are not answered yet, by verb, with the argument that their success would make true.
    #[serde(skip)]
    asked: Vec<(Word, String)>,
}

/// An SMTP transaction, from MAIL to the end of its data (RFC 5321 §3.3): what the server accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// The reverse-path; empty for `<>`.
    pub sender: String,
    /// The forward-paths that were accepted, in order.
    pub recipients: Vec<String>,
    /// The forward-paths that were refused, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

/// A POP3 maildrop as a session in TRANSACTION sees it (RFC 1939 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maildrop {
    /// How many messages STAT told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Numbers of the messages marked as deleted, sorted.
    pub deleted: Vec<u32>,
}

impl Connection {
    /// A connection that has just been opened.
    pub fn new(open: Opened) -> Self {
        Connection {
            open,
            protocol: Protocol::Unknown,
            phase: "connected",
            tls: false,
            user: None,
            envelope: None,
            selected: None,
            read_only: false,
            maildrop: None,
            handed: Handed::default(),
            asked: Vec::new(),
        }
    }

    /// What holds on it after `step`.
    pub fn apply(&mut self, step: &Step) {
        self.tls |= step.layer == Layer::Plain || step.protocol == Protocol::Tls;
        match step.protocol {
            // Inside TLS the mail protocol goes on; the wire's records say nothing about it.
            Protocol::Tls | Protocol::Tcp => return,
            protocol => self.protocol = protocol,
        }
        if step.kind == Kind::Gap {
            // What is missing may have changed it; a line that settles it comes sooner or later.
            self.phase = "unknown";
            return;
        }
        match step.protocol {
            Protocol::Smtp => self.smtp(step),
            Protocol::Pop3 => self.pop3(step),
            Protocol::Imap => self.imap(step),
            _ => self.phase = "open",
        }
    }

    /// SMTP: whether something that the client asked for is still to be answered.
    pub fn is_waiting(&self) -> bool {
        self.protocol == Protocol::Smtp && (!self.asked.is_empty() || self.handed.letter != Pending::No)
    }

    fn ask(&mut self, step: &Step, argument: String) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push((step.verb.clone(), argument));
        }
    }

    /// What the first unanswered command of that verb asked for.
    fn answered(&mut self, verb: &str) -> Option<String> {
        let at = self.asked.iter().position(|(asked, _)| asked == verb)?;
        Some(self.asked.remove(at).1)
    }

    /// RFC 5321 §4.1.4 says what each reply makes of the session.
    fn smtp(&mut self, step: &Step) {
        if is_letter(step) {
            self.handed.said(step);
        }
        match (step.kind, step.verb.as_str()) {
            (Kind::Greeting, _) => self.handed.answered(step, "", None),
            (Kind::Command, "BDAT") => {
                let last = matches!(step.meaning, Meaning::Smtp(SmtpMeaning::Bdat { last: true, .. }));
                self.ask(step, if last { "last".to_owned() } else { String::new() });
            }
            (Kind::Command, "MAIL") => self.ask(step, path(step, "reverse-path")),
            (Kind::Command, "RCPT") => self.ask(step, path(step, "forward-path")),
            (Kind::Command, "AUTH") => self.ask(step, plain_user(text(step, "initial-response"))),
            (Kind::Continuation, "AUTH") => self.smtp_response(step),
            (Kind::Reply, verb) => self.smtp_reply(step, verb),
            _ => {}
        }
    }

    /// A line of a SASL exchange: the first that names a user counts (RFC 4616 §2: PLAIN's second field).
    fn smtp_response(&mut self, step: &Step) {
        let user = plain_user(String::from_utf8_lossy(&step.bytes).trim_end());
        if let Some((_, known)) = self.asked.iter_mut().rev().find(|(verb, _)| verb == "AUTH")
            && known.is_empty()
        {
            *known = user;
        }
    }

    fn smtp_reply(&mut self, step: &Step, verb: &str) {
        let yes = step.verdict == Some(Verdict::Positive);
        if step.verdict == Some(Verdict::Intermediate) {
            if verb == "DATA" {
                self.phase = "data";
                self.handed.begins();
            }
            return;
        }
        let asked = self.answered(verb);
        self.handed.answered(step, asked.as_deref().unwrap_or_default(), self.envelope.as_ref());
        if step.code.starts_with("421") || (verb == "QUIT" && yes) {
            self.phase = "closed";
            return;
        }
        match verb {
            "EHLO" | "HELO" | "RSET" if yes => self.no_transaction(),
            "MAIL" if yes => {
                self.phase = "envelope";
                self.envelope = Some(Envelope { sender: asked.unwrap_or_default(), ..Envelope::default() });
            }
            "RCPT" => {
                if let (Some(envelope), Some(recipient)) = (&mut self.envelope, asked) {
                    if yes {
                        self.phase = "recipients";
                        envelope.recipients.push(recipient);
                    } else {
                        envelope.refused.push(recipient);
                    }
                }
            }
            "AUTH" if yes => self.user = asked.filter(|user| !user.is_empty()),
            "STARTTLS" if yes => {
                // "The server MUST discard any knowledge obtained from the client" RFC 3207 §4.2.
                self.no_transaction();
                (self.phase, self.tls, self.user) = ("connected", true, None);
            }
            "." => self.no_transaction(),
            // The last chunk ends the letter, and with it the transaction (RFC 3030 §2).
            "BDAT" if yes && asked.as_deref() == Some("last") => self.no_transaction(),
            "BDAT" if yes => self.phase = "chunks",
            _ => {}
        }
    }

    fn no_transaction(&mut self) {
        self.phase = "greeted";
        self.envelope = None;
    }

    fn pop3(&mut self, step: &Step) {
        match &step.meaning {
            Meaning::Pop3(Pop3Meaning::Greeting { ok: true, .. }) => self.phase = "authorization",
            Meaning::Pop3(Pop3Meaning::Command {
                asked: Asked::User { name } | Asked::Apop { name },
                ..
            }) => {
                // The name counts once PASS (or APOP itself) is answered with +OK.
                self.asked.clear();
                self.ask(step, name.clone());
            }
            Meaning::Pop3(Pop3Meaning::Reply { ok, answers, told, phase }) => {
                if *ok == Some(true) {
                    self.pop3_done(answers.as_ref(), told);
                }
                if let Some(phase) = phase {
                    self.pop3_phase(*phase);
                }
            }
            _ => {}
        }
    }

    fn pop3_phase(&mut self, phase: Phase) {
        self.phase = match phase {
            Phase::Authorization | Phase::NameGiven => "authorization",
            Phase::Transaction => "transaction",
            Phase::Update => "update",
            Phase::Ended => "ended",
        };
        if phase == Phase::Transaction {
            self.maildrop.get_or_insert_default();
        } else {
            self.maildrop = None;
        }
    }

    fn pop3_done(&mut self, answers: Option<&Asked>, told: &Told) {
        let name = |asked: &[(Word, String)]| asked.last().map(|(_, name)| name.clone());
        match answers {
            Some(Asked::Pass | Asked::Apop { .. }) => self.user = name(&self.asked),
            Some(Asked::Stls) => self.tls = true,
            Some(Asked::Stat) => {
                if let (Some(maildrop), Told::DropListing(listing)) = (&mut self.maildrop, told) {
                    maildrop.messages = Some(listing.count);
                }
            }
            Some(Asked::Dele { number }) => {
                let deleted = &mut self.maildrop.get_or_insert_default().deleted;
                if let Err(at) = deleted.binary_search(number) {
                    deleted.insert(at, *number);
                }
            }
            Some(Asked::Rset) => self.maildrop.get_or_insert_default().deleted.clear(),
            _ => {}
        }
    }

    /// RFC 9051 §3 says what each tagged response makes of the session.
    fn imap(&mut self, step: &Step) {
        match (step.kind, step.verb.as_str()) {
            (Kind::Greeting, _) if step.code.starts_with("PREAUTH") => self.phase = "authenticated",
            (Kind::Greeting, _) => self.phase = "not authenticated",
            (Kind::Command, "SELECT" | "EXAMINE") => self.ask(step, unquoted(text(step, "mailbox"))),
            (Kind::Command, "LOGIN") => self.ask(step, unquoted(text(step, "userid"))),
            (Kind::Command, "AUTHENTICATE") => self.ask(step, plain_user(text(step, "initial-response"))),
            (Kind::Reply, verb) if step.verdict != Some(Verdict::Intermediate) => self.imap_reply(step, verb),
            _ => {}
        }
    }

    fn imap_reply(&mut self, step: &Step, verb: &str) {
        let yes = step.verdict == Some(Verdict::Positive);
        let asked = self.answered(verb);
        match verb {
            "LOGIN" | "AUTHENTICATE" if yes => {
                self.phase = "authenticated";
                self.user = asked.filter(|user| !user.is_empty());
            }
            "SELECT" | "EXAMINE" if yes => {
                self.phase = "selected";
                self.selected = asked;
                self.read_only = verb == "EXAMINE" || step.code.contains("READ-ONLY");
            }
            // A SELECT that fails leaves no mailbox selected (RFC 9051 §6.3.2); BAD was not carried out.
            "SELECT" | "EXAMINE" if step.code.starts_with("NO") && self.selected.is_some() => {
                self.unselected()
            }
            "CLOSE" | "UNSELECT" if yes => self.unselected(),
            "STARTTLS" if yes => self.tls = true,
            "LOGOUT" if yes => {
                self.unselected();
                self.phase = "logout";
            }
            _ => {}
        }
    }

    fn unselected(&mut self) {
        (self.phase, self.selected, self.read_only) = ("authenticated", None, false);
    }
}

/// The text of the first part of that name; empty where there is none.
fn text<'a>(step: &'a Step, name: &str) -> &'a str {
    let part = step.parts.iter().find_map(|part| part.find(name));
    part.and_then(|part| std::str::from_utf8(part.span.of(&step.bytes)).ok()).unwrap_or_default()
}

/// An SMTP path without its angle brackets and source route.
fn path(step: &Step, name: &str) -> String {
    let whole = text(step, name);
    let inner = whole.strip_prefix('<').and_then(|path| path.strip_suffix('>')).unwrap_or(whole);
    match inner.strip_prefix('@').and_then(|_| inner.split_once(':')) {
        Some((_, mailbox)) => mailbox.to_owned(),
        None => inner.to_owned(),
    }
}

/// An IMAP astring as its value: quotes and their escapes undone.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut escaped = false;
    let mut value = inner.to_owned();
    value.retain(|c| {
        escaped = c == '\\' && !escaped;
        !escaped
    });
    value
}

/// Who a SASL PLAIN response names (RFC 4616 §2: `[authzid] NUL authcid NUL passwd`); empty for anything else.
fn plain_user(response: &str) -> String {
    let message = BASE64.decode(response).unwrap_or_default();
    let mut fields = message.split(|&byte| byte == 0);
    match (fields.next(), fields.next(), fields.next()) {
        (Some(_), Some(user), Some(_)) => String::from_utf8_lossy(user).into_owned(),
        _ => String::new(),
    }
}
