//! What SMTP's notes say only here: the envelope so far, which recipient a reply is about, each extension of the
//! answer to EHLO, the meaning of the enhanced code (RFC 5321 §3.3, §4.1.1.1; RFC 3463).

use super::catalogue::catalogue;
use super::context::Extra;
use super::template::Vars;
use crate::base::{Span, escape};
use crate::dissect::{Kind, Step, Verdict};
use std::collections::VecDeque;

/// How many pipelined recipients wait for their replies at most ("recipients buffer", RFC 5321 §4.5.3.1.8,
/// asks servers for at least 100).
const MAX_ASKED: usize = 1000;

/// Octets of an address that are kept ("The maximum total length of a reverse-path or forward-path is 256 octets",
/// RFC 5321 §4.5.3.1.3).
const MAX_PATH: usize = 256;

/// What is kept of one SMTP session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The reverse-path, without angle brackets; `None` outside a transaction.
    sender: Option<String>,
    /// Recipients that were named and not answered yet, with their numbers.
    asked: VecDeque<(u64, String)>,
    named: u64,
    accepted: u64,
    refused: u64,
    /// Commands that no reply has answered yet.
    unanswered: u64,
    greeted: bool,
    secured: bool,
}

impl Session {
    /// The envelope's sender, while a transaction is open.
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    fn clear(&mut self) {
        self.sender = None;
        self.asked.clear();
        (self.named, self.accepted, self.refused) = (0, 0, 0);
    }

    fn tell(&self, vars: &mut Vars) {
        if let Some(sender) = &self.sender {
            vars.set("sender", if sender.is_empty() { "<>" } else { sender });
        }
        if self.named > 0 {
            vars.count("count", self.named);
            vars.count("accepted", self.accepted).count("refused", self.refused);
        }
    }
}

/// Take the Step in, and say what it means in this session.
pub(super) fn context(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    match step.kind {
        Kind::Command => {
            if session.unanswered > 0 {
                vars.set("count", counted(session.unanswered, "earlier reply", "earlier replies"));
                extra.because("pipelined", vars);
            }
            session.unanswered += 1;
            command(session, step, vars, extra);
        }
        Kind::Data => {
            session.tell(vars);
            if step.verb != "BDAT" {
                // One reply for the letter, in however many Steps it comes.
                session.unanswered = session.unanswered.max(1);
            }
        }
        Kind::Continuation => session.unanswered += 1,
        Kind::Greeting => greeting(step, vars, extra),
        Kind::Reply => {
            session.unanswered = session.unanswered.saturating_sub(1);
            reply(session, step, vars, extra);
        }
        _ => {}
    }
}

fn command(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    match step.verb.as_str() {
        "EHLO" | "HELO" => {
            if let Some(name) = words(&step.bytes).nth(1) {
                vars.set("domain", escape::line(name));
            }
            if session.greeted && session.secured {
                extra.because("ehlo-after-starttls", vars);
            }
            session.greeted = true;
            session.clear();
        }
        "MAIL" => {
            session.clear();
            session.sender = path(&step.bytes);
            session.tell(vars);
            if session.sender.as_deref() == Some("") {
                extra.say("null-sender", vars);
            }
        }
        "RCPT" => {
            let recipient = path(&step.bytes).unwrap_or_default();
            session.named += 1;
            vars.set("recipient", &recipient).count("number", session.named);
            if session.named > 1 {
                extra.say("recipient-number", vars);
            }
            if session.asked.len() < MAX_ASKED {
                session.asked.push_back((session.named, recipient));
            }
            session.tell(vars);
        }
        "DATA" | "BDAT" => {
            session.tell(vars);
            if session.refused > 0 && session.accepted > 0 {
                extra.say("some-recipients-accepted", vars);
            }
        }
        "RSET" => session.clear(),
        _ => session.tell(vars),
    }
}

fn greeting(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    if let Some(name) = words(step.bytes.get(4..).unwrap_or_default()).next() {
        vars.set("domain", escape::line(name));
    }
    enhanced(step, vars, extra);
}

fn reply(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let positive = step.verdict == Some(Verdict::Positive);
    match step.verb.as_str() {
        "EHLO" if positive => extensions(&step.bytes, vars, extra),
        "RCPT" => {
            if let Some((number, recipient)) = session.asked.pop_front() {
                vars.set("recipient", recipient).count("number", number);
            }
            *if positive { &mut session.accepted } else { &mut session.refused } += 1;
            session.tell(vars);
            if !positive && session.accepted > 0 {
                extra.say("refused-but-others", vars);
            }
        }
        "STARTTLS" if positive => {
            session.secured = true;
            session.unanswered = 0;
            session.clear();
        }
        "." => {
            session.tell(vars);
            if positive && session.accepted > 1 {
                extra.say("one-copy-many-recipients", vars);
            }
            session.clear();
        }
        _ => session.tell(vars),
    }
    if unknown_code(step) {
        let first = step.code.get(..1).unwrap_or_default();
        extra.say(&format!("first-digit-{first}"), vars);
    }
    enhanced(step, vars, extra);
}

/// "SMTP clients SHOULD, when possible, interpret only the first digit of the reply" (RFC 5321 §4.3.2).
fn unknown_code(step: &Step) -> bool {
    let code = step.code.split(' ').next().unwrap_or_default();
    catalogue().get(&format!("smtp.{code}")).is_none()
}

/// Each `ehlo-line` of the answer: a keyword with its parameters, and what it offers.
fn extensions(bytes: &[u8], vars: &Vars, extra: &mut Extra) {
    let mut at = 0;
    for (number, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        let start = at + 4.min(line.len());
        at += line.len();
        let text = line.get(4..).unwrap_or_default().trim_ascii_end();
        if number == 0 || text.is_empty() {
            continue;
        }
        let keyword = text.split(|&b| b == b' ' || b == b'=').next().unwrap_or_default();
        let keyword = escape::line(keyword).to_ascii_uppercase();
        let known = catalogue().get(&format!("smtp.ehlo.{keyword}")).map(|e| e.summary.as_str());
        let meaning = vars.fill(known.unwrap_or_else(|| catalogue().sentence("unknown-extension")));
        extra.part(
            "ehlo-line",
            Span::new(start, start + text.len()),
            format!("{}: {meaning}", escape::line(text)),
        );
    }
}

/// The enhanced code's own meaning: class, then subject and detail (RFC 3463 §2).
fn enhanced(step: &Step, vars: &Vars, extra: &mut Extra) {
    let Some((short, code)) = step.code.split_once(' ') else { return };
    let Some(meaning) = enhanced_meaning(code) else { return };
    let class = catalogue().sentence(&format!("class-{}", code.get(..1).unwrap_or_default()));
    let at = short.len() + 1;
    if step.bytes.get(at..at + code.len()) == Some(code.as_bytes()) {
        let text = format!("{code}: {class}: {}", vars.fill(meaning));
        extra.part("status-code", Span::new(at, at + code.len()), text);
    }
}

/// What the catalogue says about `5.1.1`: the whole code first, then its subject and detail (`X.1.1`).
fn enhanced_meaning(code: &str) -> Option<&'static str> {
    let (_, rest) = code.split_once('.')?;
    let ids = [format!("smtp.enhanced.{code}"), format!("smtp.enhanced.X.{rest}")];
    catalogue().first(&ids).map(|e| e.summary.as_str())
}

/// The words of a line.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

/// The address between the first pair of angle brackets.
fn path(bytes: &[u8]) -> Option<String> {
    let open = bytes.iter().position(|&b| b == b'<')? + 1;
    let len = bytes.get(open..)?.iter().position(|&b| b == b'>')?;
    Some(escape::line(&bytes[open..open + len.min(MAX_PATH)]))
}

/// `1 earlier reply`, `3 earlier replies`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
