//! [`Talk`]: what was typed, and what came of it.

use super::coach::Ways;
use crate::base::{Secret, escape};
use crate::dissect::pop3::{Phase as Pop3Phase, Pop3Meaning};
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::explain::{Item, Story, legal};
use crate::state::Connection;
use crate::trace::change::Typing;
use crate::trace::{Change, Conn, Direction, Head, Record};
use crate::view::Cast;
use crate::view::runner::Order;

/// Pieces that may be typed in one session.
const MOST_PIECES: usize = 1000;
/// Octets that may be typed in one piece.
const LARGEST_PIECE: usize = 1 << 20;

/// Whose mail is kept there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The address, which is also the login name.
    pub account: String,
    /// The password.
    pub password: Secret,
}

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// What is spoken.
    pub protocol: Protocol,
    /// The student's machine.
    pub from: String,
    /// The host that is called.
    pub to: String,
    /// The port.
    pub port: u16,
    /// So many records are written before the call.
    pub after: u64,
    /// An address of the student's.
    pub sender: String,
    /// Whose mail is kept there; the first is proposed.
    pub logins: Vec<Login>,
}

impl Desk {
    /// Whether anybody logs in there: between servers nobody does.
    pub fn asks_for_login(&self) -> bool {
        self.protocol != Protocol::Smtp || self.port != 25
    }
}

/// What the next line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A command.
    Command,
    /// A part of a message: everything up to a lone dot.
    Message,
    /// A response in a login, or the text of a literal: the server has said "go on".
    Response,
    /// Nothing: the connection is over, or was never made.
    Over,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Talk {
    head: Head,
    /// What is otherwise beside the typing.
    changes: Vec<Change>,
    desk: Desk,
    pieces: Vec<String>,
    /// Lines of a message that has not its dot yet.
    draft: Vec<String>,
    hung_up: bool,
    /// What was told in the last run.
    records: Vec<Record>,
    cast: Cast,
    /// The student's connection, once it is made.
    conn: Option<Conn>,
    /// What the last run tells from the call on.
    items: Vec<Item>,
    /// How many of them were there before that run.
    seen: usize,
    connection: Option<Connection>,
}

impl Talk {
    /// Nobody has called yet: run [`Talk::order`], and tell what came by [`Talk::told`].
    pub fn new(base: Order, desk: Desk) -> Self {
        Talk {
            head: base.head,
            changes: base.changes,
            desk,
            pieces: Vec::new(),
            draft: Vec::new(),
            hung_up: false,
            records: Vec::new(),
            cast: Cast::default(),
            conn: None,
            items: Vec::new(),
            seen: 0,
            connection: None,
        }
    }

    /// The story with everything that was typed.
    pub fn order(&self) -> Order {
        let Desk { from, to, port, after, .. } = self.desk.clone();
        let (pieces, hang_up) = (self.pieces.clone(), self.hung_up);
        let mut changes = self.changes.clone();
        changes.push(Change::Type(Typing { after, from, to, port, pieces, hang_up }));
        Order { head: self.head.clone(), changes }
    }

    /// The story was run with everything that was typed.
    pub fn told(&mut self, records: Vec<Record>) {
        let before = self.items.len();
        let Some(Record::Head(head)) = records.first() else { return };
        let mut story = Story::new(head);
        self.cast = Cast::of(&records);
        self.conn =
            records.iter().skip(usize::try_from(self.desk.after).unwrap_or(usize::MAX)).find_map(|record| {
                let Record::Open { open, .. } = record else { return None };
                self.is_ours(head, open).then_some(open.conn)
            });
        (self.items, self.connection) = (Vec::new(), None);
        for (index, record) in records.iter().enumerate() {
            let items = story.push(index, record);
            // What still waits at the end is let go there; what holds is asked before.
            if let Some(connection) = self.conn.and_then(|conn| story.state().connections.get(&conn)) {
                self.connection = Some(connection.clone());
            }
            if index as u64 >= self.desk.after {
                self.items.extend(items);
            }
        }
        self.records = records;
        self.seen = before.min(self.items.len());
    }

    fn is_ours(&self, head: &Head, open: &crate::trace::Opened) -> bool {
        let has =
            |name: &str, address| head.hosts.iter().any(|h| h.name == name && h.addresses.contains(&address));
        has(&self.desk.from, open.client.ip()) && open.server.port() == self.desk.port
    }

    /// Take a line as it was typed, without its end. Says whether the story is to be run again now; a part of a message
    /// waits for the lone dot.
    ///
    /// # Errors
    /// Why it was not taken, in words.
    pub fn enter(&mut self, line: &str) -> Result<bool, String> {
        match self.mode() {
            Mode::Over => Err(self.over(Ways::WORDS)),
            Mode::Message if line != "." => {
                if self.draft.iter().map(String::len).sum::<usize>() + line.len() > LARGEST_PIECE {
                    return Err(format!("a message here has at most {LARGEST_PIECE} octets"));
                }
                self.draft.push(line.to_owned());
                Ok(false)
            }
            Mode::Message => {
                let mut text: String = self.draft.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
                text.push_str(".\r\n");
                self.send(text)?;
                self.draft.clear();
                Ok(true)
            }
            Mode::Command | Mode::Response => self.send(format!("{line}\r\n")).map(|()| true),
        }
    }

    /// Send a piece with exactly these characters.
    ///
    /// # Errors
    /// Why it was not taken, in words.
    pub fn send(&mut self, piece: String) -> Result<(), String> {
        if self.pieces.len() >= MOST_PIECES || piece.len() > LARGEST_PIECE {
            return Err(format!("a session here has at most {MOST_PIECES} lines of {LARGEST_PIECE} octets"));
        }
        self.pieces.push(piece);
        Ok(())
    }

    /// Take the last line back: of an unfinished message first. Gives it; the story is to be run again where it was
    /// sent already (the second value).
    pub fn undo(&mut self) -> Option<(String, bool)> {
        if let Some(line) = self.draft.pop() {
            return Some((line, false));
        }
        if std::mem::take(&mut self.hung_up) {
            return Some(("(hung up)".to_owned(), true));
        }
        Some((self.pieces.pop()?.trim_end_matches(['\r', '\n']).to_owned(), true))
    }

    /// Take everything back.
    pub fn again(&mut self) {
        self.pieces.clear();
        self.draft.clear();
        self.hung_up = false;
        (self.items, self.seen) = (Vec::new(), 0);
    }

    /// Hang up after what was typed. Lines of a message that has no dot yet are sent before.
    ///
    /// # Errors
    /// They could not be sent; in words.
    pub fn hang_up(&mut self) -> Result<(), String> {
        let fragment: String = self.draft.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
        if !fragment.is_empty() {
            self.send(fragment)?;
            self.draft.clear();
        }
        self.hung_up = true;
        Ok(())
    }

    /// Whether the student has hung up.
    pub fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// What the next line is.
    pub fn mode(&self) -> Mode {
        let closed = self.own_steps().any(|step| step.kind == Kind::Close);
        let Some(connection) = self.connection.as_ref().filter(|_| !closed && !self.hung_up) else {
            return Mode::Over;
        };
        let waits = self.last_answer().is_some_and(|step| step.verdict == Some(Verdict::Intermediate));
        match connection.phase {
            "data" => Mode::Message,
            "closed" | "logout" | "ended" | "update" => Mode::Over,
            _ if waits && self.last_answer().is_some_and(|step| step.verb != "IDLE") => Mode::Response,
            _ => Mode::Command,
        }
    }

    /// Where the session stands, for the phase table.
    pub fn place(&self) -> legal::Place<'_> {
        let phase = self.connection.as_ref().map_or("connected", |connection| connection.phase);
        let last = self.last_answer();
        let name_given = last.is_some_and(|step| match &step.meaning {
            Meaning::Pop3(Pop3Meaning::Reply { phase, .. }) => *phase == Some(Pop3Phase::NameGiven),
            _ => false,
        });
        let idle = last.is_some_and(|s| s.verb == "IDLE" && s.verdict == Some(Verdict::Intermediate));
        legal::Place { protocol: self.desk.protocol, phase, name_given, idle }
    }

    /// Whether the server has agreed to TLS (RFC 3207 §4, RFC 2595 §4, RFC 9051 §6.2.1). What it waits for then, a
    /// handshake, cannot be typed.
    pub fn waits_for_tls(&self) -> bool {
        self.own_steps().any(|step| {
            step.kind == Kind::Reply
                && matches!(step.verb.as_str(), "STARTTLS" | "STLS")
                && step.verdict == Some(Verdict::Positive)
        })
    }

    /// What may be said now: legal in this phase, and, where it is an extension, offered by the server.
    pub fn verbs(&self) -> Vec<&'static str> {
        if self.waits_for_tls() {
            return Vec::new();
        }
        let mut verbs = legal::verbs(self.place());
        verbs.retain(|verb| self.is_offered(verb));
        verbs
    }

    /// Whether the last EHLO was answered with the keyword of the verb's extension (RFC 5321 §4.1.1.1). Whatever is no
    /// extension of SMTP is there always.
    fn is_offered(&self, verb: &str) -> bool {
        let keyword = match verb {
            _ if self.desk.protocol != Protocol::Smtp => return true,
            "AUTH" | "STARTTLS" => verb,
            "BDAT" => "CHUNKING",
            _ => return true,
        };
        let hello = self.own_steps().rev().find(|step| step.kind == Kind::Reply && step.verb == "EHLO");
        hello.is_some_and(|step| {
            let text = String::from_utf8_lossy(&step.bytes).to_ascii_uppercase();
            text.lines().any(|line| line.get(4..).is_some_and(|word| word.split(' ').next() == Some(keyword)))
        })
    }

    /// What the typed beginning of a line could become: verbs that are legal now. In IMAP the tag is kept.
    pub fn completions(&self, typed: &str) -> Vec<String> {
        if self.mode() != Mode::Command {
            return Vec::new();
        }
        let (tag, word) = match (self.desk.protocol, typed.split_once(' ')) {
            (Protocol::Imap, Some((tag, rest))) => (format!("{tag} "), rest),
            (Protocol::Imap, None) if !self.place().idle => return vec![format!("{} ", self.next_tag())],
            _ => (String::new(), typed),
        };
        let begins = |verb: &&str| {
            verb.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                && verb.len() > word.len()
        };
        let full = |verb: &str| match (self.desk.protocol, verb) {
            (Protocol::Smtp, "MAIL") => "MAIL FROM:<".to_owned(),
            (Protocol::Smtp, "RCPT") => "RCPT TO:<".to_owned(),
            (_, verb) => verb.to_owned(),
        };
        self.verbs().into_iter().filter(begins).map(|verb| format!("{tag}{}", full(verb))).collect()
    }

    /// A tag that was not used: `a1`, `a2`, …
    pub fn next_tag(&self) -> String {
        format!("a{}", self.pieces.len() + 1)
    }

    /// The Steps of the student's connection.
    pub fn own_steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.items.iter().filter_map(move |item| match item {
            Item::Step(step, _) if Some(step.conn) == self.conn => Some(&**step),
            _ => None,
        })
    }

    /// The server's last words that answer something.
    pub fn last_answer(&self) -> Option<&Step> {
        let answers = |step: &&Step| {
            step.from == Direction::Server && matches!(step.kind, Kind::Reply | Kind::Greeting)
        };
        self.own_steps().rev().find(answers)
    }

    /// The student's last line.
    pub fn last_said(&self) -> Option<&Step> {
        let says = |step: &&Step| {
            step.from == Direction::Client && step.kind != Kind::Open && step.kind != Kind::Close
        };
        self.own_steps().rev().find(says)
    }

    /// Whether the Step belongs to the student's connection.
    pub fn is_own(&self, item: &Item) -> bool {
        matches!(item, Item::Step(step, _) if Some(step.conn) == self.conn)
    }

    /// Everything from the call on.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What the last run brought that was not there before it.
    pub fn news(&self) -> &[Item] {
        self.items.get(self.seen..).unwrap_or_default()
    }

    /// Who is who in the last run.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The last run, to be kept.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What was typed and sent, a piece each.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// The lines of a message that has not its dot yet.
    pub fn draft(&self) -> &[String] {
        &self.draft
    }

    /// Who calls whom.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The phase, in words: `greeted`.
    pub fn phase(&self) -> &str {
        self.place().phase
    }

    /// What was typed, for people: one line, without a password's letters.
    pub fn typed(&self, step: &Step) -> String {
        let mut shown = step.bytes.clone();
        for secret in step.secrets.iter().rev() {
            let end = secret.end.min(shown.len());
            shown.splice(secret.start.min(end)..end, "••••".bytes());
        }
        escape::line(shown.strip_suffix(b"\r\n").unwrap_or(&shown))
    }
}
