//! What SMTP's notes say only here: the envelope so far, which recipient a reply is about, each extension of the
//! answer to EHLO, the meaning of the enhanced code (RFC 5321 §3.3, §4.1.1.1; RFC 3463).

use super::catalogue::catalogue;
use super::context::Extra;
use super::template::Vars;
use crate::base::{Span, Word, escape};
use crate::dissect::{Kind, Step, Verdict};
use std::collections::VecDeque;

/// How many pipelined recipients wait for their replies at most ("recipients buffer", RFC 5321 §4.5.3.1.8,
/// asks servers for at least 100).
const MAX_ASKED: usize = 1000;

/// Octets of an address that are kept ("The maximum total length of a reverse-path or forward-path is 256 octets",
/// RFC 5321 §4.5.3.1.3).
const MAX_PATH: usize = 256;

/// An envelope: what a client asked for, or what a server has agreed to.
#[derive(Clone, Debug, Default)]
struct Envelope {
    /// The reverse-path, without angle brackets; `None` outside a transaction.
    sender: Option<String>,
    named: u64,
    accepted: u64,
    refused: u64,
}

/// A command that waits for its reply.
#[derive(Clone, Debug, Default)]
struct Asked {
    verb: Word,
    /// The address of MAIL or RCPT, where it has one.
    path: Option<String>,
    /// Which recipient of its envelope it is.
    number: u64,
}

/// What is kept of one SMTP session. Commands may come before the replies to earlier ones (RFC 2920 §3.1), so that
/// what the client has said and what the server has agreed to are two things.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The envelope by the commands so far.
    said: Envelope,
    /// The envelope by the replies so far.
    agreed: Envelope,
    /// The last MAIL that was answered was refused.
    mail_refused: bool,
    /// Commands that no reply has answered yet.
    asked: VecDeque<Asked>,
    greeted: bool,
    secured: bool,
}

impl Session {
    /// The envelope's sender, while a transaction is open.
    pub fn sender(&self) -> Option<&str> {
        self.agreed.sender.as_deref().or(self.said.sender.as_deref())
    }

    fn ask(&mut self, asked: Asked) {
        if self.asked.len() >= MAX_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    /// The command that a reply to this verb answers; those before it will get none any more.
    fn answered(&mut self, verb: &str) -> Asked {
        let at = self.asked.iter().position(|asked| asked.verb == verb);
        at.and_then(|at| self.asked.drain(..=at).next_back()).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.said = Envelope::default();
        self.agreed = Envelope::default();
        self.mail_refused = false;
    }
}

impl Envelope {
    fn tell(&self, vars: &mut Vars) {
        if let Some(sender) = &self.sender {
            tell_sender(sender, vars);
        }
        if self.named > 0 {
            vars.count("count", self.named);
            vars.count("accepted", self.accepted).count("refused", self.refused);
        }
    }
}

fn tell_sender(sender: &str, vars: &mut Vars) {
    vars.set("sender", if sender.is_empty() { "<>" } else { sender });
}

/// Take the Step in, and say what it means in this session.
pub(super) fn context(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    match step.kind {
        Kind::Command => {
            let unanswered = session.asked.len() as u64;
            if unanswered > 0 {
                vars.set("count", counted(unanswered, "earlier reply", "earlier replies"));
                extra.because("pipelined", vars);
            }
            command(session, step, vars, extra);
        }
        Kind::Data => {
            session.agreed.tell(vars);
            if let Some(sender) = session.sender() {
                tell_sender(sender, vars);
            }
            // One reply for the letter, in however many Steps it comes.
            if step.verb != "BDAT" && session.asked.back().is_none_or(|asked| asked.verb != ".") {
                session.ask(Asked { verb: ".".into(), ..Asked::default() });
            }
        }
        Kind::Continuation => session.ask(Asked { verb: step.verb.clone(), ..Asked::default() }),
        Kind::Greeting => greeting(step, vars, extra),
        Kind::Reply => reply(session, step, vars, extra),
        _ => {}
    }
}

fn command(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let mut asked = Asked { verb: step.verb.clone(), ..Asked::default() };
    match step.verb.as_str() {
        "EHLO" | "HELO" => {
            if let Some(name) = words(&step.bytes).nth(1) {
                vars.set("domain", escape::shown(name));
            }
            if session.greeted && session.secured {
                extra.because("ehlo-after-starttls", vars);
            }
            session.greeted = true;
            session.said = Envelope::default();
        }
        "MAIL" => {
            asked.path = path(&step.bytes);
            session.said = Envelope { sender: asked.path.clone(), ..Envelope::default() };
            session.said.tell(vars);
            if asked.path.as_deref() == Some("") {
                extra.say("null-sender", vars);
            }
        }
        "RCPT" => {
            session.said.named += 1;
            asked.number = session.said.named;
            asked.path = path(&step.bytes);
            session.said.tell(vars);
            vars.count("number", asked.number);
            if let Some(recipient) = &asked.path {
                vars.set("recipient", recipient);
            }
            if asked.number > 1 {
                extra.say("recipient-number", vars);
            }
        }
        "DATA" | "BDAT" => {
            session.agreed.tell(vars);
            let all_answered = session.agreed.named == session.said.named;
            if all_answered && session.agreed.refused > 0 && session.agreed.accepted > 0 {
                extra.say("some-recipients-accepted", vars);
            }
        }
        "RSET" => session.said = Envelope::default(),
        _ => session.said.tell(vars),
    }
    session.ask(asked);
}

fn greeting(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    if let Some(name) = words(step.bytes.get(4..).unwrap_or_default()).next() {
        vars.set("domain", escape::shown(name));
    }
    enhanced(step, vars, extra);
}

fn reply(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let positive = step.verdict == Some(Verdict::Positive);
    let asked = session.answered(&step.verb);
    match step.verb.as_str() {
        "EHLO" if positive => {
            session.agreed = Envelope::default();
            extensions(&step.bytes, vars, extra);
        }
        "HELO" | "RSET" if positive => session.agreed = Envelope::default(),
        "MAIL" => mail_answered(session, &asked, positive, vars),
        "RCPT" => rcpt_answered(session, step, &asked, positive, vars, extra),
        "STARTTLS" if positive => {
            session.secured = true;
            session.asked.clear();
            session.clear();
        }
        "DATA" => {
            session.agreed.tell(vars);
            let refused = step.verdict == Some(Verdict::Negative);
            // 554 says so itself.
            if refused && session.nobody_was_accepted() && !step.code.starts_with("554") {
                extra.say("nobody-accepted", vars);
            }
        }
        "." => {
            session.agreed.tell(vars);
            if positive && session.agreed.accepted > 1 {
                extra.say("one-copy-many-recipients", vars);
            }
            session.clear();
        }
        "BDAT" if step.takes_letter() => {
            extra.instead("smtp.BDAT.250.last");
            session.agreed.tell(vars);
            session.clear();
        }
        _ => session.agreed.tell(vars),
    }
    if unknown_code(step) {
        let first = step.code.get(..1).unwrap_or_default();
        extra.say_joined(&["first-digit-", first], vars);
    }
    enhanced(step, vars, extra);
}

impl Session {
    fn nobody_was_accepted(&self) -> bool {
        self.agreed.named > 0 && self.agreed.accepted == 0
    }
}

/// A refused MAIL leaves things as they were: no transaction, or the one that was open before.
fn mail_answered(session: &mut Session, asked: &Asked, positive: bool, vars: &mut Vars) {
    if let Some(sender) = &asked.path {
        tell_sender(sender, vars);
    }
    session.mail_refused = !positive;
    if positive {
        session.agreed = Envelope { sender: asked.path.clone(), ..Envelope::default() };
    } else if !session.asked.iter().any(|later| later.verb == "MAIL") {
        session.said = Envelope { named: session.said.named, ..session.agreed.clone() };
    }
}

fn rcpt_answered(
    session: &mut Session,
    step: &Step,
    asked: &Asked,
    positive: bool,
    vars: &mut Vars,
    extra: &mut Extra,
) {
    if session.mail_refused && step.code.starts_with("503") {
        extra.instead("smtp.RCPT.503.mail-refused");
    }
    let agreed = &mut session.agreed;
    agreed.named += 1;
    *if positive { &mut agreed.accepted } else { &mut agreed.refused } += 1;
    agreed.tell(vars);
    vars.count("number", asked.number.max(1));
    if let Some(recipient) = &asked.path {
        vars.set("recipient", recipient);
    }
    if !positive && agreed.accepted > 0 {
        extra.say("refused-but-others", vars);
    }
}

/// "SMTP clients SHOULD, when possible, interpret only the first digit of the reply" (RFC 5321 §4.3.2).
fn unknown_code(step: &Step) -> bool {
    let code = step.code.split(' ').next().unwrap_or_default();
    catalogue().joined(&["smtp.", code]).is_none()
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
        let known = catalogue().joined(&["smtp.ehlo.", &keyword]).map(|e| e.summary.as_str());
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
    let class = catalogue().sentence_joined(&["class-", code.get(..1).unwrap_or_default()]);
    let at = short.len() + 1;
    if step.bytes.get(at..at + code.len()) == Some(code.as_bytes()) {
        let text = format!("{code}: {class}: {}", vars.fill(meaning));
        extra.part("status-code", Span::new(at, at + code.len()), text);
    }
}

/// What the catalogue says about `5.1.1`: the whole code first, then its subject and detail (`X.1.1`).
fn enhanced_meaning(code: &str) -> Option<&'static str> {
    let (_, rest) = code.split_once('.')?;
    let whole = catalogue().joined(&["smtp.enhanced.", code]);
    whole.or_else(|| catalogue().joined(&["smtp.enhanced.X.", rest])).map(|e| e.summary.as_str())
}

/// The words of a line.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

/// The address between the first pair of angle brackets; or what stands behind the colon, where a client forgot them.
fn path(bytes: &[u8]) -> Option<String> {
    let bracketed = bytes.iter().position(|&b| b == b'<').and_then(|open| {
        let rest = bytes.get(open + 1..)?;
        rest.get(..rest.iter().position(|&b| b == b'>')?)
    });
    let bare = || {
        let colon = bytes.iter().position(|&b| b == b':')? + 1;
        words(bytes.get(colon..)?).next()
    };
    let address = bracketed.or_else(bare)?;
    Some(escape::line(&address[..address.len().min(MAX_PATH)]))
}

/// `1 earlier reply`, `3 earlier replies`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dialogue, opened};
    use super::super::{Explainer, Note};
    use crate::dissect::smtp::SmtpReader;

    fn notes(lines: &[&str]) -> Vec<Note> {
        let mut explainer = Explainer::default();
        explainer.observe(&opened(25));
        dialogue(&mut SmtpReader::default(), lines).iter().map(|step| explainer.note(step)).collect()
    }

    const HELLO: [&str; 3] = ["S: 220 mx ready", "C: EHLO a", "S: 250 mx"];

    #[test]
    fn a_reply_is_about_the_command_that_it_answers() {
        let lines = [
            "C: MAIL FROM:<cafe@example.com>",
            "C: MAIL FROM:<bar@example.com>",
            "S: 550 5.7.1 not you",
            "S: 250 2.1.0 ok",
        ];
        let found = notes(&[&HELLO[..], &lines].concat());
        assert!(format!("{:?}", found[5]).contains("cafe@example.com"), "{:?}", found[5]);
        assert!(!format!("{:?}", found[5]).contains("bar@example.com"), "{:?}", found[5]);
        assert!(found[6].summary.contains("bar@example.com"), "{}", found[6].summary);
    }

    #[test]
    fn a_pipelined_rcpt_falls_with_its_mail() {
        let lines = [
            "C: MAIL FROM:<alice@example.com>",
            "C: RCPT TO:<bob@example.net>",
            "S: 550 5.7.1 not you",
            "S: 503 5.5.1 no envelope",
        ];
        let found = notes(&[&HELLO[..], &lines].concat());
        assert_eq!(found[6].id, "smtp.RCPT.503.mail-refused");
        assert!(found[6].summary.contains("refused") && !found[6].summary.contains("before MAIL"));
        let alone = notes(&[&HELLO[..], &["C: RCPT TO:<bob@example.net>", "S: 503 5.5.1 no"]].concat());
        assert_eq!(alone[4].id, "smtp.RCPT.503");
    }

    #[test]
    fn after_a_refused_mail_the_next_one_is_named() {
        let lines = [
            "C: MAIL FROM:alice@example.com>",
            "S: 501 5.5.4 brackets",
            "C: MAIL FROM:<alice@example.com>",
            "S: 250 2.1.0 ok",
            "C: RCPT TO:<bob@example.net>",
            "S: 250 2.1.5 ok",
        ];
        let found = notes(&[&HELLO[..], &lines].concat());
        assert!(found[6].summary.contains("alice@example.com"), "{}", found[6].summary);
        assert!(found[8].summary.contains("bob@example.net"), "{}", found[8].summary);
        assert!(!format!("{:?}", found[7].detail).contains("recipient 2"), "{:?}", found[7]);
    }

    #[test]
    fn where_nobody_was_accepted_the_refusal_of_data_says_so() {
        let lines = [
            "C: MAIL FROM:<alice@example.com>",
            "S: 250 2.1.0 ok",
            "C: RCPT TO:<nobody@example.net>",
            "C: DATA",
            "S: 550 5.1.1 no such user",
            "S: 503 5.5.1 No valid recipients",
        ];
        let found = notes(&[&HELLO[..], &lines].concat());
        let text = format!("{:?}", found[8]);
        assert!(text.contains("none of the recipients") && !text.contains("unknown"), "{text}");
    }

    /// RFC 3030 §2: "the server takes responsibility" with the reply to the chunk that is marked LAST.
    #[test]
    fn of_the_answers_to_chunks_the_last_one_counts() {
        let lines = [
            "C: MAIL FROM:<alice@example.com>",
            "S: 250 2.1.0 ok",
            "C: RCPT TO:<bob@example.net>",
            "S: 250 2.1.5 ok",
            "C: BDAT 3",
            "C: x",
            "S: 250 2.0.0 3 octets received",
            "C: BDAT 4 LAST",
            "C: yz",
            "S: 250 2.0.0 queued as 1A",
        ];
        let found = notes(&[&HELLO[..], &lines].concat());
        let ids: Vec<&str> = found.iter().skip(7).map(|note| &*note.id).collect();
        let (piece, whole) = ("smtp.BDAT.250", "smtp.BDAT.250.last");
        assert_eq!(ids, ["smtp.BDAT", "smtp.BDAT.data", piece, "smtp.BDAT", "smtp.BDAT.data", whole]);
        assert!(found[11].summary.contains("4 octets"), "{}", found[11].summary);
    }

    #[test]
    fn an_empty_line_is_no_unknown_command() {
        assert_eq!(notes(&[&HELLO[..], &["C: ", "S: 500 5.5.2 what"]].concat())[3].id, "smtp.empty-line");
    }
}
