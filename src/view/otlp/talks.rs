//! Conversations as spans: SMTP transactions, look-ups in the DNS, calls that nobody took.

use super::super::Cast;
use super::span::{Attribute, Span, SpanKind};
use crate::base::Instant;
use crate::dissect::smtp::{ReplySeen, SmtpMeaning};
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::trace::{CloseHow, Conn};
use std::collections::{BTreeMap, VecDeque};

/// Conversations that are followed at once.
const MOST_TALKS: usize = 4096;
/// Recipients of one transaction.
const MOST_RECIPIENTS: usize = 100;
/// Letters of one connection that wait for their answers (RFC 2920 §3.1).
const MOST_SENT: usize = 100;
/// Octets of a chunk in which the letter's own name is looked for.
const MOST_HEADER: usize = 16 << 10;
/// Refusals of one transaction.
const MOST_REFUSALS: usize = 50;

/// Something that is over.
pub enum Done {
    /// An SMTP transaction: from MAIL to the answer to its letter, or to where it was given up.
    Transaction(Box<Transaction>),
    /// A question to the DNS with its answer: the name, and the names that the answer leads to.
    LookUp {
        /// As the client has it.
        span: Box<Span>,
        /// The name that was asked for.
        name: String,
        /// Hosts that the answer names, in lower case.
        found: Vec<String>,
    },
    /// A mail server that could not be reached.
    Unreached {
        /// As the client has it.
        span: Box<Span>,
        /// Which one.
        server: String,
    },
}

/// An SMTP transaction.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// The host that calls.
    pub client: String,
    /// The host that is called.
    pub server: String,
    server_address: String,
    port: u16,
    client_address: String,
    /// When the connection was opened, where it is the first on it; else when MAIL was said.
    pub start: Instant,
    said: Instant,
    end: Instant,
    /// The reverse-path, without angle brackets.
    pub sender: String,
    /// The forward-paths.
    pub recipients: Vec<String>,
    /// The letter's own, where it came that far; else empty.
    pub message_id: String,
    octets: u64,
    /// The queue id that the server gave it.
    pub queued: Option<String>,
    refusals: Vec<(Instant, String, String, String)>,
    /// Code and text of the last answer.
    answer: String,
    code: u64,
    /// Whether the sender wants to be told of its arrival (NOTIFY=SUCCESS, RFC 3461 §4.1).
    pub reports: bool,
    /// Why nothing came of it; empty: something did.
    pub failure: String,
    tls: (String, String, String),
}

impl Transaction {
    /// As the client has it, and as the server has it.
    pub fn spans(&self) -> (Span, Span) {
        let service = if matches!(self.port, 25) { "relay" } else { "submit" };
        let mut client = Span::new(&self.client, &format!("SMTP {service}"), SpanKind::Client, self.start);
        client.end = self.end.max(self.start);
        client.text("network.protocol.name", "smtp");
        client.text("network.transport", "tcp");
        client.text("server.address", &self.server);
        client.number("server.port", u64::from(self.port));
        client.text("network.peer.address", &self.server_address);
        client.text("tls.protocol.version", self.tls.0.trim_start_matches("TLS "));
        client.text("tls.cipher", &self.tls.1);
        client.text("email.certificate.problem", &self.tls.2);
        client.text("email.message_id", &self.message_id);
        self.envelope(&mut client);
        if self.octets > 0 {
            client.number("messaging.message.body.size", self.octets);
        }
        if self.code > 0 {
            client.number("smtp.response.code", self.code);
        }
        client.text("smtp.response.text", &self.answer);
        for (at, verb, code, text) in &self.refusals {
            let attributes = vec![
                ("smtp.command", Attribute::Text(verb.clone())),
                ("smtp.response.code", Attribute::Text(code.clone())),
                ("smtp.response.text", Attribute::Text(text.clone())),
            ];
            client.happened(*at, "smtp.refused", attributes);
        }
        client.failure.clone_from(&self.failure);
        if !self.failure.is_empty() {
            let code = self.failure.get(..3).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
            client.text("error.type", code.unwrap_or("connection"));
        }
        let mut server = Span { host: self.server.clone(), kind: SpanKind::Server, ..client.clone() };
        server.start = self.said.max(client.start).min(client.end);
        server.set("network.peer.address", Attribute::Text(self.client_address.clone()));
        server.text("client.address", &self.client);
        // What it thinks of the certificate is the client's alone.
        server.attributes.retain(|(key, _)| *key != "email.certificate.problem");
        (client, server)
    }

    /// From whom to whom.
    pub fn envelope(&self, span: &mut Span) {
        super::envelope(span, &self.sender, &self.recipients);
    }
}

struct Talk {
    base: Transaction,
    opened: Option<Instant>,
    /// The one whose letter has not been sent yet.
    current: Option<Box<Transaction>>,
    /// Those whose letters were sent and not answered, the oldest first: a client need not wait before it says QUIT.
    sent: VecDeque<Box<Transaction>>,
    question: Option<(Instant, String, String)>,
    answered: bool,
}

/// The conversations that go on.
#[derive(Default)]
pub struct Talks(BTreeMap<Conn, Talk>);

impl Talks {
    /// How a handshake came out.
    pub fn secured(&mut self, conn: Conn, version: &str, cipher: &str, wrong: &str) {
        if let Some(talk) = self.0.get_mut(&conn) {
            talk.base.tls = (version.to_owned(), cipher.to_owned(), wrong.to_owned());
        }
    }

    /// The transaction by which a host was just given a message from this sender; it is now in its queue as `id`.
    pub fn gave(&mut self, host: &str, sender: &str, id: &str) -> Option<&Transaction> {
        let mut sent = self.0.values_mut().flat_map(|talk| talk.sent.iter_mut());
        let found = sent.find(|given| {
            given.queued.is_none() && given.server == host && given.sender.eq_ignore_ascii_case(sender)
        })?;
        found.queued = Some(id.to_owned());
        Some(found)
    }

    /// Whether the answer to a message that is queued under this id is still to come.
    pub fn speaks_of(&self, host: &str, id: &str) -> bool {
        let mut sent = self.0.values().flat_map(|talk| &talk.sent);
        sent.any(|given| given.server == host && given.queued.as_deref() == Some(id))
    }

    /// Take a Step; gives what is over with it.
    pub fn step(&mut self, cast: &Cast, step: &Step) -> Vec<Done> {
        match (&step.meaning, step.kind) {
            (Meaning::Open(_), _) => {
                self.open(cast, step);
                Vec::new()
            }
            (Meaning::Close(how), _) => self.close(step, *how),
            (Meaning::Dns(meaning), _) => {
                // Datagrams come without a connection that is opened.
                if !self.0.contains_key(&step.conn) {
                    self.open(cast, step);
                }
                let Some(talk) = self.0.get_mut(&step.conn) else { return Vec::new() };
                let found = |row: &crate::dissect::dns::Row| {
                    let name = row.data.split_whitespace().last()?;
                    matches!(row.rtype.as_str(), "MX" | "CNAME")
                        .then(|| name.trim_end_matches('.').to_ascii_lowercase())
                };
                if step.kind == Kind::Query {
                    talk.answered = false;
                    talk.question = Some((step.at, meaning.qname.clone(), meaning.qtype.clone()));
                    return Vec::new();
                }
                let found = meaning.answers.iter().filter_map(found).collect();
                talk.answered = true;
                talk.looked_up(step.at, &meaning.rcode, found).into_iter().collect()
            }
            (Meaning::Smtp(meaning), _) if step.protocol == Protocol::Smtp => {
                let Some(talk) = self.0.get_mut(&step.conn) else { return Vec::new() };
                talk.smtp(step, meaning).map(Done::Transaction).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn open(&mut self, cast: &Cast, step: &Step) {
        let Some(call) = cast.call(step.conn) else { return };
        let Some(open) = cast.opened(step.conn) else { return };
        let base = Transaction {
            client: call.client,
            server: call.server,
            server_address: open.server.ip().to_string(),
            client_address: open.client.ip().to_string(),
            port: call.port,
            ..Transaction::default()
        };
        let talk = Talk {
            base,
            opened: Some(step.at),
            current: None,
            sent: VecDeque::new(),
            question: None,
            answered: false,
        };
        self.0.insert(step.conn, talk);
        if self.0.len() > MOST_TALKS {
            self.0.pop_first();
        }
    }

    fn close(&mut self, step: &Step, how: CloseHow) -> Vec<Done> {
        let is_over = how != CloseHow::Fin;
        let Some(talk) = self.0.get_mut(&step.conn) else { return Vec::new() };
        let mut done = Vec::new();
        for mut open in std::mem::take(&mut talk.sent).into_iter().chain(talk.current.take()) {
            open.end = step.at;
            if open.failure.is_empty() {
                open.failure = "the connection ended before the answer".to_owned();
            }
            done.push(Done::Transaction(open));
        }
        if matches!(how, CloseHow::Timeout | CloseHow::Refused) {
            if talk.base.port == 53 {
                done.extend(talk.looked_up(step.at, "", Vec::new()));
            } else if let Some(opened) = talk.opened {
                done.push(talk.unreached(opened, step.at, how));
            }
        }
        if is_over {
            self.0.remove(&step.conn);
        }
        done
    }
}

impl Talk {
    fn looked_up(&mut self, at: Instant, rcode: &str, found: Vec<String>) -> Option<Done> {
        let (asked, name, rtype) = self.question.take()?;
        let mut span = Span::new(&self.base.client, &format!("DNS {rtype}"), SpanKind::Client, asked);
        span.end = at;
        span.text("network.protocol.name", "dns");
        span.text("server.address", &self.base.server);
        span.number("server.port", u64::from(self.base.port));
        span.text("dns.question.name", &name);
        span.text("dns.question.type", &rtype);
        span.text("dns.response.code", rcode);
        let is_answer = matches!(rcode, "NOERROR" | "NXDOMAIN");
        if !is_answer {
            span.failure = if rcode.is_empty() { "no answer".to_owned() } else { rcode.to_owned() };
            span.text("error.type", if rcode.is_empty() { "timeout" } else { rcode });
        }
        Some(Done::LookUp { span: Box::new(span), name, found })
    }

    fn unreached(&self, opened: Instant, at: Instant, how: CloseHow) -> Done {
        let mut span = Span::new(&self.base.client, "SMTP connect", SpanKind::Client, opened);
        span.end = at.max(opened);
        span.text("network.protocol.name", "smtp");
        span.text("server.address", &self.base.server);
        span.number("server.port", u64::from(self.base.port));
        span.text("network.peer.address", &self.base.server_address);
        let (kind, why) = match how {
            CloseHow::Timeout => ("timeout", "nobody answers"),
            _ => ("refused", "the connection is refused"),
        };
        span.text("error.type", kind);
        why.clone_into(&mut span.failure);
        Done::Unreached { span: Box::new(span), server: self.base.server.to_ascii_lowercase() }
    }

    fn smtp(&mut self, step: &Step, meaning: &SmtpMeaning) -> Option<Box<Transaction>> {
        match meaning {
            SmtpMeaning::Mail { from, .. } => {
                let before = self.current.take();
                let start = self.opened.take().unwrap_or(step.at);
                let begun = Transaction {
                    start,
                    said: step.at,
                    end: step.at,
                    sender: bare(from),
                    ..self.base.clone()
                };
                self.current = Some(Box::new(begun));
                before
            }
            SmtpMeaning::Rcpt { to, params } => {
                let current = self.current.as_mut()?;
                let success = |value: &str| value.split(',').any(|word| word.eq_ignore_ascii_case("SUCCESS"));
                current.reports |=
                    params.iter().any(|p| p.keyword == "NOTIFY" && p.value.as_deref().is_some_and(success));
                current.end = step.at;
                if current.recipients.len() < MOST_RECIPIENTS {
                    current.recipients.push(bare(to));
                }
                None
            }
            SmtpMeaning::Message(message) => {
                let current = self.current.as_mut()?;
                current.octets = message.octets;
                current.message_id = message.field("Message-ID").unwrap_or_default().to_owned();
                current.end = step.at;
                self.is_sent()
            }
            SmtpMeaning::Bdat { size: 0, last: true } => self.is_sent(),
            SmtpMeaning::Chunk { size, last } => {
                let current = self.current.as_mut()?;
                if current.octets == 0 {
                    current.message_id = message_id(&step.bytes);
                }
                current.octets = current.octets.saturating_add(*size);
                current.end = step.at;
                if *last { self.is_sent() } else { None }
            }
            // What was begun is given up.
            SmtpMeaning::Reset | SmtpMeaning::Quit => self.current.take(),
            SmtpMeaning::Reply(reply) => self.answered(step, reply),
            _ => None,
        }
    }

    /// Replies come in the order of the commands: the oldest transaction is answered first.
    fn answered(&mut self, step: &Step, reply: &ReplySeen) -> Option<Box<Transaction>> {
        let is_sent = !self.sent.is_empty();
        let current = self.sent.front_mut().or(self.current.as_mut())?;
        let text = reply.text.first().cloned().unwrap_or_default();
        (current.end, current.code) = (step.at, u64::from(reply.code));
        current.answer = format!("{} {text}", step.code);
        if matches!(step.verdict, Some(Verdict::Transient | Verdict::Negative)) {
            if current.refusals.len() < MOST_REFUSALS {
                let verb = reply.of.as_str().to_owned();
                current.refusals.push((step.at, verb, step.code.as_str().to_owned(), text));
            }
            // The first says why; what follows it is only a consequence.
            if current.failure.is_empty() {
                current.failure.clone_from(&current.answer);
            }
        } else if step.takes_letter() {
            current.failure.clear();
        }
        let refused = reply.code >= 400;
        let is_last = match reply.of.as_str() {
            "." => is_sent,
            "BDAT" => is_sent && (refused || step.takes_letter()),
            "MAIL" => refused,
            _ => false,
        };
        match (is_last, is_sent) {
            (false, _) => None,
            (true, true) => self.sent.pop_front(),
            (true, false) => self.current.take(),
        }
    }

    /// The letter is sent, and waits for its answer. Gives one that has waited too long.
    fn is_sent(&mut self) -> Option<Box<Transaction>> {
        self.sent.extend(self.current.take());
        if self.sent.len() > MOST_SENT { self.sent.pop_front() } else { None }
    }
}

/// The Message-ID in the first chunk of a letter (RFC 3030 §2); empty where it has none.
pub fn message_id(chunk: &[u8]) -> String {
    const NAME: &[u8] = b"message-id:";
    let header = chunk.get(..chunk.len().min(MOST_HEADER)).unwrap_or_default();
    let mut lines =
        header.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    let of_line = |line: &[u8]| {
        let name = line.get(..NAME.len())?;
        name.eq_ignore_ascii_case(NAME)
            .then(|| line.get(NAME.len()..).unwrap_or_default().trim_ascii().to_vec())
    };
    let found = lines.find_map(of_line);
    // What does not fit behind the name stands in the next line (RFC 5322 §2.2.3).
    let folded =
        found.map(|value| if value.is_empty() { lines.next().map(<[u8]>::to_vec) } else { Some(value) });
    String::from_utf8_lossy(&folded.flatten().unwrap_or_default()).into_owned()
}

/// A path without its angle brackets.
fn bare(path: &str) -> String {
    path.trim_start_matches('<').trim_end_matches('>').to_owned()
}
