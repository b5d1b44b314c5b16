//! What is spoken: which lines only a server says, which only a client, by protocol. No state: see [`super::walk`].
//!
//! SMTP: "Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF" (RFC 5321 §4.2).
//! POP3: "+OK" and "-ERR" (RFC 1939 §3). IMAP: "* ", "+ ", and a tag with OK, NO or BAD (RFC 9051 §2.2.2, §7.1).

use super::bytes::{begins, word};
use crate::trace::Direction;

/// A protocol of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speech {
    /// Mail on its way.
    Smtp,
    /// A maildrop.
    Pop3,
    /// A message store.
    Imap,
}

const SMTP: [&str; 18] = [
    "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP",
    "AUTH", "STARTTLS", "ETRN", "TURN", "XCLIENT",
];
const POP3: [&str; 16] = [
    "USER", "PASS", "APOP", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "QUIT", "TOP", "UIDL", "CAPA",
    "STLS", "AUTH", "LAST",
];
const IMAP: [&str; 45] = [
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "ENABLE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "NAMESPACE",
    "STATUS",
    "APPEND",
    "IDLE",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
    "CHECK",
    "ID",
    "SORT",
    "THREAD",
    "GETACL",
    "SETACL",
    "DELETEACL",
    "MYRIGHTS",
    "LISTRIGHTS",
    "GETQUOTA",
    "GETQUOTAROOT",
    "SETQUOTA",
    "COMPRESS",
    "NOTIFY",
    "GETMETADATA",
    "SETMETADATA",
];

fn is_one_of(word: &[u8], verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| word.eq_ignore_ascii_case(verb.as_bytes()))
}

/// The reply code of an SMTP reply line, where it is one.
pub fn reply_code(line: &[u8]) -> Option<u16> {
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else { return None };
    let digit = |d: &u8| u16::from(d - b'0');
    matches!(rest.first(), None | Some(b' ' | b'-')).then(|| digit(a) * 100 + digit(b) * 10 + digit(c))
}

/// The tag and the status (`OK`, `NO`, `BAD`) of an IMAP tagged response, where it is one.
pub fn tagged(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, rest) = word(line);
    let (status, _) = word(rest);
    (is_tag(tag) && is_one_of(status, &["OK", "NO", "BAD"])).then_some((tag, status))
}

/// "tag = 1*<any ASTRING-CHAR except "+">" (RFC 9051 §9).
fn is_tag(word: &[u8]) -> bool {
    let fits =
        |b: &u8| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+');
    !word.is_empty() && word.len() <= 64 && word.iter().all(fits)
}

impl Speech {
    /// All of them.
    pub const ALL: [Speech; 3] = [Speech::Smtp, Speech::Pop3, Speech::Imap];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Speech::Smtp => "SMTP",
            Speech::Pop3 => "POP3",
            Speech::Imap => "IMAP",
        }
    }

    /// Its well-known port; the one of implicit TLS where `tls` (RFC 8314 §3).
    pub fn port(self, tls: bool) -> u16 {
        match (self, tls) {
            (Speech::Smtp, false) => 25,
            (Speech::Smtp, true) => 465,
            (Speech::Pop3, false) => 110,
            (Speech::Pop3, true) => 995,
            (Speech::Imap, false) => 143,
            (Speech::Imap, true) => 993,
        }
    }

    /// Who says a line of this form; `None` where both could, or none would.
    pub fn says(self, line: &[u8]) -> Option<Direction> {
        let server = match self {
            Speech::Smtp => reply_code(line).is_some(),
            Speech::Pop3 => {
                begins(line, b"+OK") || begins(line, b"-ERR") || line == b"+" || line.starts_with(b"+ ")
            }
            Speech::Imap => {
                line.starts_with(b"* ") || line == b"+" || line.starts_with(b"+ ") || tagged(line).is_some()
            }
        };
        if server {
            return Some(Direction::Server);
        }
        self.is_command(line).then_some(Direction::Client)
    }

    /// Whether a line begins with a known command.
    pub fn is_command(self, line: &[u8]) -> bool {
        let line = line.trim_ascii_end();
        let (first, rest) = word(line);
        match self {
            // MAIL and RCPT are words of prose too; their FROM and TO are not.
            Speech::Smtp if begins(line, b"MAIL") => begins(rest.trim_ascii_start(), b"FROM"),
            Speech::Smtp if begins(line, b"RCPT") => begins(rest.trim_ascii_start(), b"TO"),
            Speech::Smtp => is_one_of(first, &SMTP) && argument_fits(first, rest),
            Speech::Pop3 => is_one_of(first, &POP3) && rest.split(|&b| b == b' ').count() <= 3,
            Speech::Imap => is_tag(first) && is_one_of(word(rest).0, &IMAP),
        }
    }

    /// How much a line speaks for this protocol rather than another.
    fn weight(self, line: &[u8]) -> u32 {
        let strong = match self {
            Speech::Smtp => begins(line, b"EHLO ") || begins(line, b"MAIL FROM") || begins(line, b"RCPT TO"),
            Speech::Pop3 => begins(line, b"+OK") || begins(line, b"-ERR"),
            // "250 OK" could bear a tag; it rather is a reply of SMTP.
            Speech::Imap => line.starts_with(b"* ") || tagged(line).is_some() && reply_code(line).is_none(),
        };
        if strong { 3 } else { u32::from(self.says(line).is_some()) }
    }

    /// What these lines speak: the protocol that most of them speak for, where any does.
    pub fn of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Speech> {
        let mut weights = Self::ALL.map(|speech| (0_u32, speech));
        for line in lines.take(4000) {
            for (weight, speech) in &mut weights {
                *weight = weight.saturating_add(speech.weight(line.trim_ascii_start()));
            }
        }
        weights.into_iter().rev().max_by_key(|(weight, _)| *weight).filter(|(w, _)| *w > 0).map(|(_, s)| s)
    }
}

/// Whether a command that takes no argument has none: "help me" is no HELP of a session, "DATA" alone is.
fn argument_fits(verb: &[u8], rest: &[u8]) -> bool {
    !is_one_of(verb, &["DATA", "QUIT", "STARTTLS", "RSET"]) || rest.trim_ascii().is_empty()
}
