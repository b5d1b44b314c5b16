//! What a note says only here: names, numbers, what came before.
//!
//! The [`Explainer`] keeps a little of each connection (who talks, the envelope so far), finds the Step's entry
//! in the catalogue, fills its texts, and adds the sentences that this moment calls for.

use super::catalogue::catalogue;
use super::template::{Vars, may_have_any};
use super::{Entry, Note, PartNote, dns, imap, letter, memo, names, pop3, sasl, smtp, tls};
use crate::base::{Finding, Part, Shelf, Span, escape};
use crate::dissect::{Kind, Protocol, Step};
use crate::trace::{CloseHow, Conn, Direction, Head, Layer, Opened, Record};
use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

/// How many connections are remembered at once; with more, the oldest is forgotten and its notes speak of
/// "the client" and "the server".
const MAX_TALKS: usize = 4096;
/// How much of a verb stands in a sentence: an unknown one may be anything.
const MAX_NAME: usize = 24;
/// How many bytes of a part are looked at for its note: more than a sentence shows.
const MAX_VALUE: usize = 1024;
/// How many parts of one Step get a note.
const MAX_PARTS: usize = 256;

/// How many parts usually stand inside others.
const USUAL_DEPTH: usize = 12;

/// What is kept of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    ends: Ends,
    /// Which sides have ended.
    ended: [bool; 2],
    /// What was said inside TLS so far: nothing, or something.
    inside: bool,
    /// The SMTP session.
    pub(super) smtp: smtp::Session,
    /// The SASL exchange that is going on.
    pub(super) sasl: sasl::Exchange,
    /// The POP3 session.
    pub(super) pop3: pop3::Session,
    /// The IMAP session.
    pub(super) imap: imap::Session,
}

/// Who talks to whom, as sentences call them; empty where that is not known.
#[derive(Clone, Debug, Default)]
struct Ends {
    client: String,
    /// The client's first label; its address where it has no name.
    device: String,
    server: String,
    port: Option<u16>,
}

/// What the context adds to an entry.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// Ids of entries that fit this moment better than those that fit any line like this one.
    pub(super) instead: Vec<Cow<'static, str>>,
    /// Sentences behind the entry's detail.
    pub(super) detail: Vec<Cow<'static, str>>,
    /// Sentences behind the entry's "why now".
    pub(super) why: Vec<Cow<'static, str>>,
    /// Notes on parts that only this moment explains.
    pub(super) parts: Vec<PartNote>,
}

impl Extra {
    /// Add the catalogue's sentence of that key, filled, to the detail.
    pub(super) fn say(&mut self, key: &str, vars: &Vars) {
        self.detail.push(vars.fill_known(catalogue().sentence(key)));
    }

    /// The same, where the key is made of these pieces.
    pub(super) fn say_joined(&mut self, key: &[&str], vars: &Vars) {
        self.detail.push(vars.fill_known(catalogue().sentence_joined(key)));
    }

    /// Add it to the "why now".
    pub(super) fn because(&mut self, key: &str, vars: &Vars) {
        self.why.push(vars.fill_known(catalogue().sentence(key)));
    }

    /// Look for the entry of that id before the ordinary ones.
    pub(super) fn instead(&mut self, id: impl Into<Cow<'static, str>>) {
        self.instead.push(id.into());
    }

    /// Add a note on a part.
    pub(super) fn part(&mut self, name: &'static str, span: Span, text: impl Into<Cow<'static, str>>) {
        let text = text.into();
        if !text.is_empty() && self.parts.len() < MAX_PARTS {
            self.parts.push(PartNote { name, span, text });
        }
    }
}

/// Steps in, Notes out.
#[derive(Clone, Debug, Default)]
pub struct Explainer {
    hosts: Arc<BTreeMap<IpAddr, String>>,
    /// Behind a pointer each: a session that begins or ends moves its neighbours on the board.
    talks: Shelf<Conn, Arc<Talk>>,
    /// What the DNS told whom.
    dns: dns::Memory,
    /// The connection that the last record ended: forgotten when its Steps have been explained.
    over: Option<Conn>,
}

impl Explainer {
    /// An explainer that calls hosts by the head's names, and people's devices by their first label.
    pub fn new(head: &Head) -> Self {
        let called = |host| names::known_as(host, &head.hosts).to_owned();
        let names = head.hosts.iter().flat_map(|h| h.addresses.iter().map(move |a| (*a, called(h))));
        Explainer { hosts: Arc::new(names.collect()), ..Explainer::default() }
    }

    /// A record comes: what the one before it ended is forgotten.
    pub(super) fn pass(&mut self) {
        if let Some(over) = self.over.take() {
            self.talks.remove(&over);
        }
    }

    /// Learn from a record who talks to whom; call it before the record's Steps are explained.
    pub fn observe(&mut self, record: &Record) {
        self.pass();
        match record {
            Record::Open { open, .. } => self.opened(open),
            Record::Close { conn, from, how, .. } => {
                let Some(talk) = self.talks.get_mut(conn).map(Arc::make_mut) else { return };
                talk.ended[usize::from(*from == Direction::Server)] = true;
                if *how != CloseHow::Fin || talk.ended == [true, true] {
                    self.over = Some(*conn);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, open: &Opened) {
        let client = self.name(open.client);
        let label = client.split('.').next().unwrap_or_default();
        let ends = Ends {
            device: if client.parse::<IpAddr>().is_ok() { client.clone() } else { label.to_owned() },
            client,
            server: self.name(open.server),
            port: Some(open.server.port()),
        };
        let talk = Talk { ends, ..Talk::default() };
        self.talks.insert(open.conn, Arc::new(talk));
        if self.talks.len() > MAX_TALKS {
            self.talks.pop_first();
        }
    }

    fn name(&self, address: SocketAddr) -> String {
        self.hosts.get(&address.ip()).cloned().unwrap_or_else(|| address.ip().to_string())
    }

    /// The note for a Step. Steps must come in order: later notes build on earlier Steps.
    pub fn note(&mut self, step: &Step) -> Note {
        let mut unknown = None;
        let talk = self.talks.get_mut(&step.conn).map(Arc::make_mut);
        let talk = talk.unwrap_or_else(|| unknown.get_or_insert_with(Talk::default));
        let Talk { ends, inside, smtp, sasl, pop3, imap, .. } = talk;
        let mut vars = base_vars(ends, step);
        let mut extra = Extra::default();
        sasl::context(sasl, step, &mut vars, &mut extra);
        if step.layer == Layer::Plain && !std::mem::replace(inside, true) {
            extra.say("inside-tls", &vars);
        }
        if sasl.gives_away_password(step) {
            extra.say("password-in-clear", &vars);
        }
        match step.protocol {
            Protocol::Smtp => smtp::context(smtp, step, &mut vars, &mut extra),
            Protocol::Pop3 => pop3::context(pop3, step, &mut extra),
            Protocol::Imap => imap::context(imap, step, &mut vars, &mut extra),
            Protocol::Dns => dns::context(&mut self.dns, &ends.client, step, &mut vars, &mut extra),
            Protocol::Tls => tls::context(step, &mut vars, &mut extra),
            _ => {}
        }
        if step.kind == Kind::Command && step.bytes.trim_ascii().is_empty() {
            extra.instead(format!("{}.empty-line", step.protocol.name()));
        }
        if letter::is_in(step) {
            letter::context(step, smtp.sender(), &mut vars, &mut extra);
        }
        if step.kind == Kind::Reply && !step.verb.is_empty() {
            extra.because(if step.verb == "." { "answers-letter" } else { "answers" }, &vars);
        }
        let fitting = || catalogue().first(&extra.instead);
        let found = fitting().or_else(|| memo::entry(step, ends.port)).unwrap_or(&GENERIC);
        write(found, step, &vars, extra)
    }
}

/// Where no entry fits: a gap in the catalogue.
static GENERIC: LazyLock<Entry> = LazyLock::new(|| Entry {
    id: "generic".to_owned(),
    summary: "no note has been written for this".to_owned(),
    ..Entry::default()
});

fn base_vars<'s>(ends: &'s Ends, step: &'s Step) -> Vars<'s> {
    let mut vars = Vars::default();
    let side = if step.from == Direction::Client { &ends.client } else { &ends.server };
    let said = [("client", &ends.client), ("server", &ends.server), ("device", &ends.device), ("side", side)];
    for (name, value) in said {
        if !value.is_empty() {
            vars.lend(name, value);
        }
    }
    if let Some(port) = ends.port {
        vars.count("port", u64::from(port));
    }
    let mut code = step.code.splitn(2, ' ');
    if let Some(code) = code.next().filter(|c| !c.is_empty()) {
        vars.lend("code", code);
    }
    if let Some(enhanced) = code.next() {
        vars.lend("enhanced", enhanced);
    }
    if !step.verb.is_empty() {
        let end = step.verb.char_indices().nth(MAX_NAME).map_or(step.verb.len(), |(at, _)| at);
        vars.lend("name", &step.verb[..end]);
    } else if let Some(word) = smtp::words(&step.bytes).next().filter(|_| step.kind == Kind::Command) {
        vars.set("name", escape::shown(&word[..word.len().min(MAX_NAME)]));
    }
    vars
}

fn write(entry: &'static Entry, step: &Step, vars: &Vars, extra: Extra) -> Note {
    Note {
        id: Cow::Borrowed(&entry.id),
        summary: vars.fill_known(&entry.summary),
        detail: join(vars.fill_known(&entry.detail), extra.detail),
        why: join(vars.fill_known(&entry.why), extra.why),
        next: vars.fill_known(&entry.next),
        post_office: vars.fill_known(&entry.post_office),
        mistake: vars.fill_known(&entry.mistake),
        misconception: entry.misconception,
        source: Cow::Borrowed(&entry.source),
        parts: parts(entry, step, vars, extra.parts),
        findings: step.findings.iter().map(|f| (f.clone(), finding(f, vars))).collect(),
    }
}

/// Sentences one after the other, each but the empty ones.
fn join(first: Cow<'static, str>, more: Vec<Cow<'static, str>>) -> Cow<'static, str> {
    let len = first.len() + more.iter().map(|sentence| sentence.len() + 1).sum::<usize>();
    let mut all = first;
    for sentence in more.into_iter().filter(|sentence| !sentence.is_empty()) {
        if all.is_empty() {
            all = sentence;
            continue;
        }
        if let Cow::Borrowed(text) = all {
            let mut owned = String::with_capacity(len);
            owned.push_str(text);
            all = Cow::Owned(owned);
        }
        let joined = all.to_mut();
        joined.push(' ');
        joined.push_str(&sentence);
    }
    all
}

/// The catalogue's words about a finding, in front of the finding's own detail.
fn finding(finding: &Finding, vars: &Vars) -> String {
    let Some(entry) = catalogue().joined(&["finding.", finding.id]) else {
        return finding.detail.clone();
    };
    let detail = escape::shown(finding.detail.as_bytes());
    let mut out = String::new();
    for words in [&vars.fill(&entry.summary), &detail, &vars.fill(&entry.detail)] {
        if !words.is_empty() {
            out.push_str(if out.is_empty() { "" } else { " " });
            sentence(&mut out, words);
        }
    }
    out
}

/// With a capital first letter and a full stop.
fn sentence(out: &mut String, text: &str) {
    let mut chars = text.chars();
    out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
    out.push_str(chars.as_str());
    if !text.ends_with(['.', '?', ':']) {
        out.push('.');
    }
}

/// Notes on parts: those of this moment, then the entry's own, then the general ones.
fn parts(entry: &'static Entry, step: &Step, vars: &Vars, special: Vec<PartNote>) -> Vec<PartNote> {
    let mut notes = special;
    let taken: Vec<Span> = notes.iter().map(|n| n.span).collect();
    let mut waiting: Vec<&Part> = Vec::with_capacity(step.parts.len() + USUAL_DEPTH);
    waiting.extend(step.parts.iter().rev());
    notes.reserve(waiting.len().min(MAX_PARTS));
    while let Some(part) = waiting.pop() {
        waiting.extend(part.parts.iter().rev());
        let told = taken.iter().any(|t| t.start <= part.span.start && part.span.end <= t.end);
        if told || notes.len() >= MAX_PARTS || is_told_inside(part, entry, step) {
            continue;
        }
        let value = LazyCell::new(|| value(part, step));
        let told = memo::part(entry, step.protocol, part.name);
        let general = || told.general.text(if told.general.asks_for_value() { &value } else { "" });
        if let Some(text) = told.own.or_else(general) {
            let text = match may_have_any(text) {
                true => vars.fill_with(text, &[("this", &value)]),
                false => Cow::Borrowed(text),
            };
            notes.push(PartNote { name: part.name, span: part.span, text });
        }
    }
    notes.sort_by_key(|n| (n.span.start, std::cmp::Reverse(n.span.end)));
    notes
}

/// What a part holds, as far as a sentence shows it; never a secret.
fn value<'s>(part: &Part, step: &'s Step) -> Cow<'s, str> {
    if step.secrets.iter().any(|s| s.start < part.span.end && part.span.start < s.end) {
        return Cow::Borrowed("…");
    }
    let bytes = part.span.of(&step.bytes);
    escape::shown(&bytes[..bytes.len().min(MAX_VALUE)])
}

/// Whether what the part holds says more closely what it is: another one in the very same place, or a letter's fields.
fn is_told_inside(part: &Part, entry: &'static Entry, step: &Step) -> bool {
    // A letter's fields are told one by one.
    if part.name == "message" && part.find("header-field").is_some() {
        return true;
    }
    part.parts.first().is_some_and(|inner| {
        inner.span == part.span && {
            let told = memo::part(entry, step.protocol, inner.name);
            told.own.is_some() || told.general.text("").is_some()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{head, smtp, step, with_part};
    use super::*;
    use crate::trace::Transport;

    fn open(port: u16) -> Record {
        let open = Opened {
            conn: Conn(1),
            transport: Transport::Tcp,
            client: "192.0.2.10:40000".parse().unwrap(),
            server: format!("192.0.2.25:{port}").parse().unwrap(),
        };
        Record::Open { at: crate::base::Instant::from_secs(0), open }
    }

    fn read(lines: &[(&str, &str)]) -> Vec<Note> {
        let mut explainer = Explainer::new(&head());
        explainer.observe(&open(587));
        lines.iter().map(|(line, verb)| explainer.note(&smtp(line, verb))).collect()
    }

    #[test]
    fn hosts_are_called_by_their_names() {
        let mut explainer = Explainer::new(&head());
        explainer.observe(&open(587));
        let note = explainer.note(&step(Protocol::Tcp, Kind::Open, "", ""));
        assert_eq!(note.id, "tcp.open.587");
        assert!(format!("{note:?}").contains("mail.example.com"), "{note:?}");
    }

    #[test]
    fn recipients_are_counted_and_one_refusal_does_not_stop_the_letter() {
        let notes = read(&[
            ("C: MAIL FROM:<alice@example.com>", "MAIL"),
            ("S: 250 2.1.0 ok", "MAIL"),
            ("C: RCPT TO:<bob@example.net>", "RCPT"),
            ("S: 250 2.1.5 ok", "RCPT"),
            ("C: RCPT TO:<nobody@example.net>", "RCPT"),
            ("S: 550 5.1.1 no such user", "RCPT"),
            ("C: DATA", "DATA"),
        ]);
        assert!(notes[4].detail.contains("recipient 2"), "{}", notes[4].detail);
        assert_eq!(notes[5].id, "smtp.RCPT.550 5.1.1");
        assert!(format!("{:?}", notes[5]).contains("nobody@example.net"), "{:?}", notes[5]);
        assert!(notes[6].detail.contains("1 of 2"), "{}", notes[6].detail);
    }

    #[test]
    fn each_extension_in_the_answer_to_ehlo_is_explained() {
        let notes = read(&[("S: 250-mail.example.com|250-PIPELINING|250-X-ODD|250 SIZE 1000", "EHLO")]);
        let texts: Vec<_> = notes[0].parts.iter().map(|p| &*p.text).collect();
        assert!(texts.len() >= 3, "{texts:?}");
        let step = smtp("S: 250-mail.example.com|250-PIPELINING|250-X-ODD|250 SIZE 1000", "EHLO");
        let spans: Vec<_> =
            notes[0].parts.iter().map(|p| String::from_utf8_lossy(p.span.of(&step.bytes))).collect();
        assert!(
            spans.iter().any(|s| s == "PIPELINING") && spans.iter().any(|s| s == "SIZE 1000"),
            "{spans:?}"
        );
    }

    #[test]
    fn a_password_never_reaches_a_note() {
        // "\0alice\0sesame"
        let notes = read(&[
            ("C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==", "AUTH"),
            ("C: AUTH LOGIN", "AUTH"),
            ("S: 334 VXNlcm5hbWU6", "AUTH"),
            ("C: YWxpY2U=", "AUTH"),
            ("S: 334 UGFzc3dvcmQ6", "AUTH"),
            ("C: c2VzYW1l", "AUTH"),
        ]);
        let all = format!("{notes:?}");
        assert!(!all.contains("sesame") && !all.contains("c2VzYW1l") && !all.contains("AHNlc2FtZQ"), "{all}");
        assert!(notes[0].detail.contains("alice"), "{}", notes[0].detail);
        assert!(notes[2].detail.contains("Username:"), "{}", notes[2].detail);
        assert!(notes[3].detail.contains("alice"), "{}", notes[3].detail);
    }

    #[test]
    fn the_header_of_the_letter_is_explained_and_compared_with_the_envelope() {
        let notes = read(&[
            ("C: MAIL FROM:<bounces@shop.example>", "MAIL"),
            (
                "C: Received: from a by b; today|From: Shop <hello@shop.example>|Subject: Hi|X-Odd: 1||text|..dot|.",
                ".",
            ),
        ]);
        let note = &notes[1];
        let all: Vec<_> = note.parts.iter().map(|p| &*p.text).collect();
        assert!(all.len() >= 4, "{all:?}");
        assert!(note.detail.contains("bounces@shop.example"), "{}", note.detail);
        assert!(note.detail.contains("1 line"), "{}", note.detail);
    }

    #[test]
    fn parts_are_explained_in_general() {
        let mut explainer = Explainer::new(&head());
        let step =
            with_part(smtp("C: RCPT TO:<bob@example.net>", "RCPT"), "forward-path", "<bob@example.net>");
        let note = explainer.note(&step);
        assert_eq!(note.parts.len(), 1, "{:?}", note.parts);
    }

    #[test]
    fn a_finding_is_put_into_words() {
        let mut step = smtp("C: DATA", "DATA");
        step.findings.push(Finding::error("bare-lf", Span::new(0, 1), "a LF without CR at byte 4"));
        let note = Explainer::default().note(&step);
        assert!(note.findings[0].1.contains("A LF without CR at byte 4."), "{:?}", note.findings);
        assert!(note.findings[0].1.len() > 40);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut explainer = Explainer::default();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let kinds =
                [Kind::Command, Kind::Reply, Kind::Data, Kind::Continuation, Kind::Greeting, Kind::Unparsed];
            let verbs = ["EHLO", "MAIL", "RCPT", "DATA", "AUTH", ".", "", "STARTTLS", "BDAT", "é"];
            let codes = ["", "250", "334", "550 5.1.1", "é", "250 é"];
            let kind = kinds[random.usize(..kinds.len())];
            let mut step = step(
                Protocol::Smtp,
                kind,
                verbs[random.usize(..verbs.len())],
                codes[random.usize(..codes.len())],
            );
            step.bytes =
                (0..random.usize(..60)).map(|_| b"\r\n.:<> -=aA\xc3\x009"[random.usize(..13)]).collect();
            let note = explainer.note(&step);
            assert!(note.parts.iter().all(|p| p.span.end <= step.bytes.len()));
        }
    }
}
