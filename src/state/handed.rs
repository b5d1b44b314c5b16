//! [`Handed`]: what came of the letters that a client handed in on one SMTP connection: what was taken, what was refused
//! with which words, and what was never answered.
//!
//! Folded from Steps alone, with the connection's envelope beside them. The telling of it is `explain/outcome.rs`.

use super::Envelope;
use crate::base::Instant;
use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Step, Verdict};

/// Refusals whose words are kept; the others are counted.
const MOST: usize = 4;
/// Characters of a reply and octets of an address that are kept: more than a sentence has room for.
const LONGEST: usize = 128;
/// Recipients of a letter that are kept.
const MOST_RECIPIENTS: usize = 4;

/// What a refusal was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The session itself: the greeting was a no.
    Session,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    Tls,
    /// AUTH.
    Login,
    /// MAIL: the sender.
    Sender,
    /// RCPT: one recipient.
    Recipient,
    /// The letter itself, at DATA, BDAT or its end.
    Letter,
}

/// One thing that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What.
    pub what: Refused,
    /// Whom it concerns: the sender, the recipient, or those of the letter; as they stood on the wire.
    pub whom: Vec<String>,
    /// How many more the letter was for.
    pub others: usize,
    /// The first line of the reply, as in `550 5.1.1 no such user`.
    pub reply: String,
    /// Whether the same may succeed later (4yz, RFC 5321 §4.2.1).
    pub for_now: bool,
}

/// How far a letter has come on its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pending {
    /// None is under way.
    #[default]
    No,
    /// The server waits for it, or for the rest of it.
    Begun,
    /// All of it was sent, and its reply has not come: nobody knows who answers for it (RFC 5321 §4.5.3.2.6).
    Whole,
}

/// What came of what was handed in on a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handed {
    /// Letters for which the server took responsibility.
    pub letters: u64,
    /// Recipients of those.
    pub recipients: u64,
    /// Those of the last of them: the first few.
    pub whom: Vec<String>,
    /// The reply to the last of them, its first line.
    pub taken: String,
    /// What was refused, in order: the first few.
    pub refusals: Vec<Refusal>,
    /// How many more were refused.
    pub more: u64,
    /// How far the letter has come that the server has not answered.
    pub letter: Pending,
    /// When the server last answered.
    pub at: Instant,
}

impl Handed {
    /// The client sent a letter, or a part of it.
    pub(super) fn said(&mut self, step: &Step) {
        let whole = match &step.meaning {
            Meaning::Smtp(SmtpMeaning::Message(seen)) => seen.complete,
            Meaning::Smtp(SmtpMeaning::Chunk { last, .. }) => {
                *last && !step.findings.iter().any(|finding| finding.id == "chunk-cut-short")
            }
            Meaning::Smtp(SmtpMeaning::Bdat { size, last }) => *last && *size == 0,
            _ => return,
        };
        self.letter = if whole { Pending::Whole } else { Pending::Begun };
    }

    /// The server has said 354.
    pub(super) fn begins(&mut self) {
        if self.letter == Pending::No {
            self.letter = Pending::Begun;
        }
    }

    /// The server answered. `asked` is the address that the command named, or `last` for the last chunk of a letter;
    /// `envelope` is what the server had agreed to before.
    pub(super) fn answered(&mut self, step: &Step, asked: &str, envelope: Option<&Envelope>) {
        self.at = step.at;
        let verb = step.verb.as_str();
        let ends_letter = verb == "." || verb == "BDAT" && asked == "last";
        let goes_on = verb == "BDAT" && step.verdict == Some(Verdict::Positive);
        if ends_letter || matches!(verb, "DATA" | "BDAT" | "RSET" | "EHLO" | "HELO") && !goes_on {
            self.letter = Pending::No;
        }
        match step.verdict {
            Some(Verdict::Positive) => match verb {
                // What was tried in vain before has been made good.
                "EHLO" | "HELO" => self.forget(Refused::Hello),
                "AUTH" => self.forget(Refused::Login),
                "STARTTLS" => self.forget(Refused::Tls),
                _ if ends_letter => {
                    self.letters += 1;
                    let recipients = envelope.map_or(&[][..], |envelope| &envelope.recipients);
                    self.recipients += recipients.len() as u64;
                    self.whom = few(recipients);
                    self.taken = first_line(&step.bytes);
                }
                _ => {}
            },
            Some(verdict @ (Verdict::Transient | Verdict::Negative)) => {
                self.refused(step, asked, envelope, verdict == Verdict::Transient);
            }
            _ => {}
        }
    }

    fn refused(&mut self, step: &Step, asked: &str, envelope: Option<&Envelope>, for_now: bool) {
        let what = match step.verb.as_str() {
            "CONNECT" => Refused::Session,
            "EHLO" | "HELO" => Refused::Hello,
            "STARTTLS" => Refused::Tls,
            "AUTH" => Refused::Login,
            "MAIL" => Refused::Sender,
            "RCPT" => Refused::Recipient,
            "DATA" | "BDAT" | "." => Refused::Letter,
            _ => return,
        };
        let recipients = envelope.map_or(&[][..], |envelope| &envelope.recipients);
        // "no valid recipients", "need MAIL": commands that were sent ahead fall with the one before them (RFC 2920 §3.1).
        let follows = match what {
            Refused::Recipient => envelope.is_none(),
            Refused::Letter => recipients.is_empty(),
            _ => false,
        };
        // A chunk behind one that was refused finds no transaction.
        let sinks = step.verb == "BDAT" && step.code.starts_with("503");
        if (follows || sinks) && !self.refusals.is_empty() {
            return;
        }
        let whom = match what {
            Refused::Sender | Refused::Recipient => vec![bounded(asked)],
            Refused::Letter => few(recipients),
            _ => Vec::new(),
        };
        // Several logins that fail are one.
        if matches!(what, Refused::Session | Refused::Hello | Refused::Tls | Refused::Login) {
            self.forget(what);
        }
        if self.refusals.len() >= MOST {
            self.more += 1;
            return;
        }
        let others = recipients.len().saturating_sub(MOST_RECIPIENTS) * usize::from(what == Refused::Letter);
        self.refusals.push(Refusal { what, whom, others, reply: first_line(&step.bytes), for_now });
    }

    fn forget(&mut self, what: Refused) {
        self.refusals.retain(|refusal| refusal.what != what);
    }

    /// How many things were refused.
    pub fn refused_in_all(&self) -> u64 {
        self.refusals.len() as u64 + self.more
    }
}

/// The first line of a reply, with a space behind its code where more lines follow.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(line.get(..line.len().min(4 * LONGEST)).unwrap_or_default());
    let code = text.get(..3).unwrap_or_default();
    let said = text.get(4..).unwrap_or_default().trim_end();
    let whole = if said.is_empty() { code.to_owned() } else { format!("{code} {said}") };
    bounded(&whole)
}

fn few(recipients: &[String]) -> Vec<String> {
    recipients.iter().take(MOST_RECIPIENTS).map(|whom| bounded(whom)).collect()
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether this Step is the client's and may be part of a letter.
pub(super) fn is_letter(step: &Step) -> bool {
    step.kind == Kind::Data || step.verb == "BDAT" && step.kind == Kind::Command
}
