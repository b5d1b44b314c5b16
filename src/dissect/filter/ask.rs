//! What a filter is asked about: a Step, a fact or a mark, with what only its surroundings know.

use super::Term;
use crate::base::Span;
use crate::dissect::step::{Meaning, Protocol, Step};
use crate::trace::{Conn, Layer, Mark};

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A Step.
    Step(&'a Step),
    /// What a host stated.
    Fact {
        /// Which host.
        host: &'a str,
        /// In words.
        text: &'a str,
        /// Whether it says that a delivery failed, for now or for good.
        undelivered: bool,
    },
    /// What came of an SMTP connection.
    Outcome {
        /// Which connection.
        conn: Conn,
        /// In words.
        text: &'a str,
        /// Whether something was refused, put off, or not answered.
        undelivered: bool,
    },
    /// What a person added.
    Mark(&'a Mark),
}

/// A Step, a fact or a mark with its surroundings. Whoever tells the story fills it in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is asked about.
    pub subject: Subject<'a>,
    /// Every name and address of its connection's two ends; for a fact nothing is needed.
    pub hosts: &'a [&'a str],
    /// The port called, 0 where it is not known: by it the opening of a connection counts to its protocol.
    pub port: u16,
    /// The number of the Step, or of the last one before it.
    pub step: usize,
    /// Everything that the chapter it stands in is known by: id, title, number, an instructor's title.
    pub chapter: &'a [&'a str],
}

impl<'a> Context<'a> {
    /// A Context of `subject` alone.
    pub fn of(subject: Subject<'a>) -> Self {
        let step = match subject {
            Subject::Step(step) => step.number,
            _ => 0,
        };
        Context { subject, hosts: &[], port: 0, step, chapter: &[] }
    }

    pub(super) fn answers(&self, term: &Term) -> bool {
        match (term, self.subject) {
            (Term::Fact, subject) => matches!(subject, Subject::Fact { .. }),
            (Term::Mark, subject) => matches!(subject, Subject::Mark(_)),
            (Term::Step(range), _) => range.contains(self.step),
            (Term::Chapter(words), _) => self.chapter.iter().any(|known| is_chapter(known, words)),
            (Term::Host(name), Subject::Fact { host, .. }) => is_host(host, name),
            (Term::Host(name), _) => self.hosts.iter().any(|host| is_host(host, name)),
            (Term::Undelivered, Subject::Fact { undelivered, .. } | Subject::Outcome { undelivered, .. }) => {
                undelivered
            }
            (Term::Conn(conn), Subject::Outcome { conn: here, .. }) => *conn == here,
            (Term::Protocol(protocol), Subject::Outcome { .. }) => *protocol == Protocol::Smtp,
            (Term::Text(words), Subject::Fact { text, .. } | Subject::Outcome { text, .. }) => {
                contains(text.as_bytes(), words)
            }
            (Term::Text(words), Subject::Mark(mark)) => {
                contains(mark.text.as_bytes(), words)
                    || mark.quote.as_ref().is_some_and(|quote| contains(quote.as_bytes(), words))
            }
            (Term::Conn(conn), Subject::Mark(mark)) => mark.conn == Some(*conn),
            (Term::From(from), Subject::Mark(mark)) => mark.from == Some(*from),
            (term, Subject::Step(step)) => self.step_answers(term, step),
            _ => false,
        }
    }

    fn step_answers(&self, term: &Term, step: &Step) -> bool {
        match term {
            Term::Protocol(Protocol::Tls) => step.protocol == Protocol::Tls || step.layer == Layer::Plain,
            Term::Protocol(protocol) => {
                step.protocol == *protocol
                    || step.protocol == Protocol::Tcp && spoken_at(self.port) == Some(*protocol)
            }
            Term::Finding => !step.findings.is_empty(),
            Term::Conn(conn) => step.conn == *conn,
            Term::From(from) => step.from == *from,
            Term::Verb(verb) => {
                step.verb.eq_ignore_ascii_case(verb)
                    || step.verb.split(' ').any(|word| word.eq_ignore_ascii_case(verb))
            }
            Term::Code(code) => is_code(&step.code, code),
            Term::Text(words) if is_in_records(&step.meaning, words) => true,
            Term::Text(words) if step.secrets.is_empty() => contains(&step.bytes, words),
            Term::Text(words) => contains(&blanked(&step.bytes, &step.secrets), words),
            // Answered for every subject already.
            Term::Fact
            | Term::Mark
            | Term::Undelivered
            | Term::Step(_)
            | Term::Chapter(_)
            | Term::Host(_) => false,
        }
    }
}

/// Whether these words stand in a message of the DNS as people read it: numbers and names are not written out on the wire.
fn is_in_records(meaning: &Meaning, words: &str) -> bool {
    let Meaning::Dns(dns) = meaning else { return false };
    let mut rows = dns.answers.iter().chain(&dns.authorities).chain(&dns.additionals);
    contains(dns.qname.as_bytes(), words)
        || rows.any(|row| contains(row.data.as_bytes(), words) || contains(row.name.as_bytes(), words))
}

/// What is spoken at a well-known port.
pub fn spoken_at(port: u16) -> Option<Protocol> {
    match port {
        25 | 465 | 587 | 2525 => Some(Protocol::Smtp),
        110 | 995 => Some(Protocol::Pop3),
        143 | 993 => Some(Protocol::Imap),
        53 => Some(Protocol::Dns),
        _ => None,
    }
}

/// A host by its whole name, its first labels (`mx1` of `mx1.example.net`), or its address.
fn is_host(host: &str, name: &str) -> bool {
    let host = host.trim_end_matches('.');
    let name = name.trim_end_matches('.');
    let labels = || host.get(..name.len()).is_some_and(|first| first.eq_ignore_ascii_case(name));
    let is_name = || host.parse::<std::net::IpAddr>().is_err();
    host.eq_ignore_ascii_case(name)
        || !name.is_empty()
            && labels()
            && is_name()
            && host.get(name.len()..).is_some_and(|r| r.starts_with('.'))
}

/// A chapter by its id or number, or by words of its title.
fn is_chapter(known: &str, words: &str) -> bool {
    let is_number = words.bytes().all(|b| b.is_ascii_digit());
    known.eq_ignore_ascii_case(words) || !is_number && contains(known.as_bytes(), words)
}

/// Whether a code is meant: all of it, or one of its two halves; `x` stands for any digit, in an enhanced code for
/// any number.
fn is_code(code: &str, pattern: &str) -> bool {
    !code.is_empty()
        && (code.eq_ignore_ascii_case(pattern) || code.split(' ').any(|half| is_half(half, pattern)))
}

fn is_half(half: &str, pattern: &str) -> bool {
    if half.eq_ignore_ascii_case(pattern) {
        return true;
    }
    let is_digit = |c: u8| c.is_ascii_digit();
    if half.contains('.') {
        let fits = |(part, wanted): (&str, &str)| {
            part == wanted || wanted.eq_ignore_ascii_case("x") && part.bytes().all(is_digit)
        };
        return half.split('.').count() == pattern.split('.').count()
            && half.split('.').zip(pattern.split('.')).all(fits);
    }
    half.len() == pattern.len()
        && half.bytes().all(is_digit)
        && half.bytes().zip(pattern.bytes()).all(|(d, p)| d == p || p.eq_ignore_ascii_case(&b'x'))
}

/// Whether the words stand in the bytes, in any case of ASCII letters.
fn contains(bytes: &[u8], words: &str) -> bool {
    let words = words.as_bytes();
    let Some((first, rest)) = words.split_first() else { return true };
    let starts = bytes.iter().enumerate().filter(|(_, b)| b.eq_ignore_ascii_case(first));
    starts
        .filter_map(|(at, _)| bytes.get(at + 1..at + 1 + rest.len()))
        .any(|found| found.eq_ignore_ascii_case(rest))
}

/// The bytes with every secret made NUL, which no filter can ask for without seeing it.
fn blanked(bytes: &[u8], secrets: &[Span]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for secret in secrets {
        let end = secret.end.min(out.len());
        if let Some(hidden) = out.get_mut(secret.start.min(end)..end) {
            hidden.fill(0);
        }
    }
    out
}
