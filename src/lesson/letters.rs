//! [`Letters`]: which message is which, from hand to hand: by which sessions it came, and where it lies now.
//!
//! A State knows that a mailbox holds a message with a UID; a wire shows a text. What joins them is what the hosts state:
//! a text that was just handed to a host is what it then says it has queued, and what is queued under an id is what it
//! says it has delivered. A report that was written and kept on one host has a text from when somebody fetches it; where
//! nobody does, there is none.

use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::state::State;
use crate::trace::{Conn, Direction, Fact};
use std::collections::{BTreeMap, VecDeque};

/// Octets of a message that are kept for goals to search.
const MOST_TEXT: usize = 1 << 20;
/// Messages that are followed.
const MOST_LETTERS: usize = 1 << 14;
/// Messages of one connection that wait for their server's word.
const MOST_HANDED: usize = 64;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Its text as it was last seen, dots unstuffed; empty where it never was.
    pub text: Vec<u8>,
    /// The envelope's sender.
    pub sender: String,
    /// The SMTP sessions that carried it, in order.
    pub hops: Vec<Conn>,
}

impl Letter {
    /// A header field's body, unfolded; the first of that name. RFC 5322 §2.2.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut found: Option<String> = None;
        for line in String::from_utf8_lossy(&self.text).lines() {
            match (&mut found, line.split_once(':')) {
                _ if line.is_empty() => break,
                (Some(body), _) if line.starts_with([' ', '\t']) => {
                    body.push(' ');
                    body.push_str(line.trim());
                }
                (Some(_), _) => break,
                (None, Some((field, body))) if field.trim_end().eq_ignore_ascii_case(name) => {
                    found = Some(body.trim().to_owned());
                }
                _ => {}
            }
        }
        found
    }

    /// The Subject as people read it: encoded words decoded (RFC 2047).
    pub fn subject(&self) -> Option<String> {
        let raw = self.field("Subject")?;
        let parsed = mail_parser::MessageParser::default().parse_headers(self.text.as_slice());
        Some(parsed.and_then(|message| message.subject().map(str::to_owned)).unwrap_or(raw))
    }
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Letters {
    letters: Vec<Letter>,
    /// What was handed over on a connection and is not yet stated to be anything, in order: who pipelines may hand over
    /// the next letter before the first one is answered (RFC 2920 §3.1).
    handed: BTreeMap<Conn, VecDeque<Handed>>,
    /// The chunks of a message that has not had its last one (RFC 3030 §2).
    chunks: BTreeMap<Conn, Vec<u8>>,
    /// Senders of transactions whose text has not been seen.
    begun: BTreeMap<Conn, String>,
    /// Letters that were stated to be queued before their text could be seen: who reads along knows a text behind a DATA
    /// in a batch for one only when 354 has come.
    untold: BTreeMap<Conn, usize>,
    /// host and queue id → letter.
    queued: BTreeMap<(String, String), usize>,
    /// account, mailbox and UID → letter.
    kept: BTreeMap<(String, String, u32), usize>,
    /// account and mailbox → subjects of what lies there from the start, in order.
    before: BTreeMap<(String, String), VecDeque<Letter>>,
}

/// A text that was handed over.
#[derive(Clone, Debug, Default)]
struct Handed {
    text: Vec<u8>,
    /// Whether the server has taken it.
    taken: bool,
}

/// The ends of a connection, by the names of their hosts.
pub type Ends<'a> = &'a dyn Fn(Conn) -> (String, String);

impl Letters {
    /// Something lies in a mailbox before the story begins.
    pub fn lies(&mut self, account: &str, mailbox: &str, letter: Letter) {
        self.before.entry((account.to_owned(), mailbox.to_owned())).or_default().push_back(letter);
    }

    /// Take a Step, with what holds after it.
    pub fn step(&mut self, step: &Step, state: &State, ends: Ends<'_>) {
        if step.from != Direction::Client {
            self.answered(step);
            self.fetched(step, state, ends);
            return;
        }
        match (&step.meaning, step.protocol) {
            (Meaning::Smtp(SmtpMeaning::Message(_)), _) => self.message(step),
            (Meaning::Smtp(SmtpMeaning::Chunk { last, .. }), _) => {
                let text = self.chunks.entry(step.conn).or_default();
                let room = MOST_TEXT.saturating_sub(text.len());
                text.extend(step.bytes.iter().take(room));
                if *last && let Some(text) = self.chunks.remove(&step.conn) {
                    self.begun.remove(&step.conn);
                    self.hand(step.conn, text);
                }
            }
            (Meaning::Smtp(said @ (SmtpMeaning::Mail { .. } | SmtpMeaning::Reset)), _) => {
                match said {
                    SmtpMeaning::Mail { from, .. } => self.begun.insert(step.conn, from.clone()),
                    _ => self.begun.remove(&step.conn),
                };
                self.chunks.remove(&step.conn);
                // What was taken and never stated to be anything is not the next letter; what has no answer yet may be.
                if let Some(handed) = self.handed.get_mut(&step.conn) {
                    handed.retain(|handed| !handed.taken);
                }
            }
            (_, Protocol::Imap) if step.verb == "APPEND" => {
                let literals = step.parts.iter().filter_map(|part| part.find("literal")).next_back();
                let text = match (literals, step.kind) {
                    (Some(part), _) => part.span.of(&step.bytes),
                    (None, Kind::Data | Kind::Continuation) => &step.bytes,
                    _ => return,
                };
                // One command's literal, whole in the end: it takes the place of what was seen of it before.
                self.handed.remove(&step.conn);
                self.hand(step.conn, text.iter().take(MOST_TEXT).copied().collect());
            }
            _ => {}
        }
    }

    fn message(&mut self, step: &Step) {
        self.begun.remove(&step.conn);
        let text = unstuffed(&step.bytes);
        let untold = self.untold.remove(&step.conn);
        match untold.and_then(|number| self.letters.get_mut(number)) {
            Some(letter) => {
                letter.text = text;
                letter.hops.push(step.conn);
            }
            None => self.hand(step.conn, text),
        }
    }

    fn hand(&mut self, conn: Conn, text: Vec<u8>) {
        let handed = self.handed.entry(conn).or_default();
        if handed.len() == MOST_HANDED {
            handed.pop_front();
        }
        handed.push_back(Handed { text, taken: false });
    }

    /// What a server says to the end of a message: a refusal means that the oldest one without an answer is nobody's.
    fn answered(&mut self, step: &Step) {
        let Meaning::Smtp(SmtpMeaning::Reply(reply)) = &step.meaning else { return };
        if !matches!(reply.of.as_str(), "." | "BDAT") {
            return;
        }
        let Some(handed) = self.handed.get_mut(&step.conn) else { return };
        let oldest = handed.iter().position(|handed| !handed.taken);
        match (step.verdict, oldest) {
            (Some(Verdict::Positive), Some(oldest)) => {
                handed.iter_mut().skip(oldest).take(1).for_each(|handed| handed.taken = true);
            }
            (Some(Verdict::Negative | Verdict::Transient), Some(oldest)) => {
                handed.remove(oldest);
            }
            _ => {}
        }
    }

    /// A whole message that a server gives out: where the text of one of that size was not known, this is it.
    fn fetched(&mut self, step: &Step, state: &State, ends: Ends<'_>) {
        if !matches!(step.protocol, Protocol::Pop3 | Protocol::Imap) {
            return;
        }
        let texts: Vec<&[u8]> = step
            .parts
            .iter()
            .filter_map(|part| part.find("message"))
            .map(|p| p.span.of(&step.bytes))
            .collect();
        if texts.is_empty() {
            return;
        }
        let server = ends(step.conn).1;
        let user = state.connections.get(&step.conn).and_then(|connection| connection.user.clone());
        for text in texts {
            // POP3 doubles dots as SMTP does (RFC 1939 §3).
            let text = match step.protocol {
                Protocol::Pop3 => undoubled(text),
                _ => text.iter().take(MOST_TEXT).copied().collect(),
            };
            let at_home = |account: &str| {
                state.homes.get(account).is_none_or(|home| *home == server)
                    && user.as_deref().is_none_or(|user| is_user(user, account))
            };
            let accounts = state.mailboxes.iter().filter(|(account, _)| at_home(account));
            let unknown: Vec<(String, String, u32)> = accounts
                .flat_map(|(account, boxes)| {
                    boxes.iter().map(move |(name, mailbox)| (account, name, mailbox))
                })
                .flat_map(|(account, name, mailbox)| {
                    let sized = mailbox.messages.iter().filter(|(_, m)| m.size == text.len() as u64);
                    sized.map(move |(uid, _)| (account.clone(), name.clone(), *uid))
                })
                .filter(|(account, name, uid)| {
                    self.kept(account, name, *uid).is_none_or(|letter| letter.text.is_empty())
                })
                .collect();
            // Of two that nobody has read and that are as long as each other, which one it is cannot be known.
            if let [place] = unknown.as_slice() {
                self.read_again(place.clone(), text);
            }
        }
    }

    fn read_again(&mut self, place: (String, String, u32), text: Vec<u8>) {
        if let Some(letter) = self.kept.get(&place).and_then(|number| self.letters.get_mut(*number)) {
            letter.text = text;
            return;
        }
        let letter = self.keep(Letter { text, ..Letter::default() });
        self.kept.insert(place, letter);
    }

    /// Take what a host states, with what holds then.
    pub fn fact(&mut self, host: &str, fact: &Fact, state: &State, ends: Ends<'_>) {
        match fact {
            Fact::Queued { id, sender, size, .. } => {
                let letter = self.arrived(host, sender, *size, ends);
                self.queued.insert((host.to_owned(), id.clone()), letter);
            }
            Fact::Delivered { account, mailbox, uid, size, id, .. } => {
                let of_queue = |id: &String| self.queued.get(&(host.to_owned(), id.clone())).copied();
                let place = (account.clone(), mailbox.clone(), *uid);
                let letter = match id {
                    Some(id) => of_queue(id),
                    None => self.put(host, account, mailbox, *size, state, ends),
                };
                self.kept.extend(letter.map(|letter| (place, letter)));
            }
            Fact::MailboxRenamed { account, from, to } => {
                let moved: Vec<_> =
                    self.kept.keys().filter(|(a, m, _)| a == account && m == from).cloned().collect();
                for key in moved {
                    if let Some(letter) = self.kept.remove(&key) {
                        self.kept.insert((key.0, to.clone(), key.2), letter);
                    }
                }
            }
            _ => {}
        }
    }

    /// The message of this UID, where it is known.
    pub fn kept(&self, account: &str, mailbox: &str, uid: u32) -> Option<&Letter> {
        self.letters.get(*self.kept.get(&(account.to_owned(), mailbox.to_owned(), uid))?)
    }

    /// The message of this queue id, where it is known.
    pub fn queued(&self, host: &str, id: &str) -> Option<&Letter> {
        self.letters.get(*self.queued.get(&(host.to_owned(), id.to_owned()))?)
    }

    /// What a host has just queued: what was last handed to it, or something that it wrote itself.
    fn arrived(&mut self, host: &str, sender: &str, size: u64, ends: Ends<'_>) -> usize {
        let calls = self.handed.iter().filter(|(_, handed)| !handed.is_empty()).map(|(conn, _)| *conn);
        let conn = calls.filter(|conn| ends(*conn).1 == host).last();
        let Some((conn, text)) = conn.and_then(|conn| Some((conn, self.take(conn, size)?))) else {
            let letter = self.keep(Letter { sender: sender.to_owned(), ..Letter::default() });
            let is_it = |(conn, from): &(&Conn, &String)| ends(**conn).1 == host && *from == sender;
            if let Some(conn) = self.begun.iter().find(is_it).map(|(conn, _)| *conn) {
                self.begun.remove(&conn);
                self.untold.insert(conn, letter);
            }
            return letter;
        };
        // A relay puts lines on top and changes nothing below (RFC 5321 §4.4), so the text that it was given is the end
        // of the one that it hands on.
        let from = ends(conn).0;
        let of_client = self.queued.iter().filter(|((host, _), _)| *host == from).map(|(_, letter)| *letter);
        let parent = of_client.filter_map(|letter| self.letters.get(letter)).rfind(|letter| {
            match letter.text.is_empty() {
                true => letter.sender == sender,
                false => text.ends_with(&letter.text),
            }
        });
        let mut hops = parent.map(|letter| letter.hops.clone()).unwrap_or_default();
        hops.push(conn);
        self.keep(Letter { text, sender: sender.to_owned(), hops })
    }

    /// The oldest text that was handed over on a connection. A host puts lines on top and takes none away, so where it
    /// queued less than it was given, it took something within for the end, and commands and a further letter for what
    /// came behind it.
    fn take(&mut self, conn: Conn, size: u64) -> Option<Vec<u8>> {
        let handed = self.handed.get_mut(&conn)?;
        let first = handed.pop_front()?;
        if let Some((text, rest)) =
            Some(&first).filter(|f| f.text.len() as u64 > size).and_then(|f| smuggled(&f.text))
        {
            handed.push_front(Handed { text: rest.to_vec(), taken: false });
            return Some(text.to_vec());
        }
        Some(first.text)
    }

    /// What was put into a mailbox otherwise than by delivery: from the start, by APPEND, or from another mailbox.
    fn put(
        &mut self,
        host: &str,
        account: &str,
        mailbox: &str,
        size: u64,
        state: &State,
        ends: Ends<'_>,
    ) -> Option<usize> {
        let before = self.before.get_mut(&(account.to_owned(), mailbox.to_owned()));
        if let Some(letter) = before.and_then(VecDeque::pop_front) {
            return Some(self.keep(letter));
        }
        let is_it = |handed: &Handed| handed.text.len() as u64 == size;
        let appended =
            self.handed.iter().find(|(conn, handed)| ends(**conn).1 == host && handed.iter().any(is_it));
        if let Some(conn) = appended.map(|(conn, _)| *conn) {
            let handed = self.handed.remove(&conn).unwrap_or_default();
            let text = handed.into_iter().find(is_it).unwrap_or_default().text;
            return Some(self.keep(Letter { text, ..Letter::default() }));
        }
        // COPY and MOVE: a message of the same account and size.
        let boxes = state.mailboxes.get(account)?;
        boxes.iter().find_map(|(name, mailbox)| {
            let same = mailbox.messages.iter().find(|(uid, message)| {
                message.size == size && self.kept.contains_key(&(account.to_owned(), name.clone(), **uid))
            });
            let (uid, _) = same?;
            self.kept.get(&(account.to_owned(), name.clone(), *uid)).copied()
        })
    }

    fn keep(&mut self, letter: Letter) -> usize {
        if self.letters.len() < MOST_LETTERS {
            self.letters.push(letter);
        }
        self.letters.len() - 1
    }
}

/// A message as it was written: without the lone dot, and with the dots that were doubled once (RFC 5321 §4.5.2).
fn unstuffed(bytes: &[u8]) -> Vec<u8> {
    undoubled(bytes.strip_suffix(b".\r\n").unwrap_or(bytes))
}

/// Without one of the dots that begin a line. A line begins behind CR LF, and nowhere else (RFC 5321 §2.3.8).
fn undoubled(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().min(MOST_TEXT));
    let mut begins = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let said = line.strip_prefix(b".").filter(|_| begins).unwrap_or(line);
        begins = line.ends_with(b"\r\n");
        let room = MOST_TEXT.saturating_sub(out.len());
        out.extend_from_slice(said.get(..said.len().min(room)).unwrap_or_default());
    }
    out
}

/// A text with a lone dot in it whose line ends are not both CR LF, and the next letter behind it: what a lenient server
/// makes two of.
fn smuggled(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut at = 0;
    let (mut first, mut behind) = (None, false);
    for line in lines {
        let bare = line.trim_ascii_end();
        match first {
            None if bare == b"." => first = Some(at),
            Some(_) if bare.eq_ignore_ascii_case(b"DATA") => behind = true,
            _ => {}
        }
        at += line.len();
        if behind {
            return Some((text.get(..first?)?, text.get(at..)?));
        }
    }
    None
}

/// Whether a session's user is this account: by the whole address, or by what stands before the @.
fn is_user(user: &str, account: &str) -> bool {
    user.eq_ignore_ascii_case(account)
        || account.split_once('@').is_some_and(|(local, _)| user.eq_ignore_ascii_case(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_decoded() {
        let text = b"Received: x\r\nSubject: =?utf-8?q?Caf=C3=A9?= and\r\n tea\r\nTo: Bob\r\n\r\nTo: no\r\n"
            .to_vec();
        let letter = Letter { text, ..Letter::default() };
        assert_eq!(letter.field("to").as_deref(), Some("Bob"));
        assert_eq!(letter.subject().as_deref(), Some("Café and tea"));
        assert_eq!(letter.field("Cc"), None);
    }

    #[test]
    fn dots_are_undone_once() {
        assert_eq!(unstuffed(b"a\r\n..b\r\n...\r\n.\r\n"), b"a\r\n.b\r\n..\r\n");
        assert_eq!(unstuffed(b".\r\n"), b"");
        assert_eq!(unstuffed(b"a\n.b\r\n.\r\n"), b"a\n.b\r\n");
    }

    #[test]
    fn what_a_lenient_server_takes_for_two_letters_is_found() {
        let text =
            b"Subject: one\n\nx\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: two\r\n\r\ny\r\n";
        let (first, second) = smuggled(text).unwrap();
        assert_eq!(first, b"Subject: one\n\nx\n");
        assert_eq!(second, b"Subject: two\r\n\r\ny\r\n");
        assert_eq!(smuggled(b"a\n.\r\nDAT\r\n"), None);
    }
}
