//! [`Letters`]: which message is which, from hand to hand: by which sessions it came, and where it lies now.
//!
//! A State knows that a mailbox holds a message with a UID; a wire shows a text. What joins them is what the hosts state:
//! a text that was just handed to a host is what it then says it has queued, and what is queued under an id is what it
//! says it has delivered. Where no text was ever seen (a report that was written and kept on one host), there is none.

use crate::dissect::smtp::SmtpMeaning;
use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::state::State;
use crate::trace::{Conn, Direction, Fact};
use std::collections::BTreeMap;

/// Octets of a message that are kept for goals to search.
const MOST_TEXT: usize = 1 << 20;
/// Messages that are followed.
const MOST_LETTERS: usize = 1 << 14;

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
    /// What was handed over on a connection and is not yet stated to be anything.
    handed: BTreeMap<Conn, Vec<u8>>,
    /// host and queue id → letter.
    queued: BTreeMap<(String, String), usize>,
    /// account, mailbox and UID → letter.
    kept: BTreeMap<(String, String, u32), usize>,
    /// account and mailbox → subjects of what lies there from the start, in order.
    before: BTreeMap<(String, String), std::collections::VecDeque<Letter>>,
}

/// The ends of a connection, by the names of their hosts.
pub type Ends<'a> = &'a dyn Fn(Conn) -> (String, String);

impl Letters {
    /// Something lies in a mailbox before the story begins.
    pub fn lies(&mut self, account: &str, mailbox: &str, letter: Letter) {
        self.before.entry((account.to_owned(), mailbox.to_owned())).or_default().push_back(letter);
    }

    /// Take a Step.
    pub fn step(&mut self, step: &Step) {
        if step.from != Direction::Client {
            return;
        }
        match (&step.meaning, step.protocol) {
            (Meaning::Smtp(SmtpMeaning::Message(_)), _) => {
                self.handed.insert(step.conn, unstuffed(&step.bytes));
            }
            (Meaning::Smtp(SmtpMeaning::Chunk { .. }), _) => {
                let text = self.handed.entry(step.conn).or_default();
                let room = MOST_TEXT.saturating_sub(text.len());
                text.extend(step.bytes.iter().take(room));
            }
            (Meaning::Smtp(SmtpMeaning::Mail { .. } | SmtpMeaning::Reset), _) => {
                self.handed.remove(&step.conn);
            }
            (_, Protocol::Imap) if step.verb == "APPEND" => {
                let literals = step.parts.iter().filter_map(|part| part.find("literal")).last();
                let text = match (literals, step.kind) {
                    (Some(part), _) => part.span.of(&step.bytes),
                    (None, Kind::Data | Kind::Continuation) => &step.bytes,
                    _ => return,
                };
                self.handed.insert(step.conn, text.iter().take(MOST_TEXT).copied().collect());
            }
            _ => {}
        }
    }

    /// Take what a host states, with what holds then.
    pub fn fact(&mut self, host: &str, fact: &Fact, state: &State, ends: Ends<'_>) {
        match fact {
            Fact::Queued { id, sender, .. } => {
                let letter = self.arrived(host, sender, ends);
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
    fn arrived(&mut self, host: &str, sender: &str, ends: Ends<'_>) -> usize {
        let conn = self.handed.keys().copied().filter(|conn| ends(*conn).1 == host).last();
        let Some((conn, text)) = conn.and_then(|conn| Some((conn, self.handed.remove(&conn)?))) else {
            return self.keep(Letter { sender: sender.to_owned(), ..Letter::default() });
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
        if let Some(letter) = before.and_then(std::collections::VecDeque::pop_front) {
            return Some(self.keep(letter));
        }
        let appended =
            self.handed.iter().find(|(conn, text)| ends(**conn).1 == host && text.len() as u64 == size);
        if let Some(conn) = appended.map(|(conn, _)| *conn) {
            let text = self.handed.remove(&conn).unwrap_or_default();
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
    let text = bytes.strip_suffix(b".\r\n").unwrap_or(bytes);
    let mut out = Vec::with_capacity(text.len().min(MOST_TEXT));
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_prefix(b".").unwrap_or(line);
        let room = MOST_TEXT.saturating_sub(out.len());
        out.extend_from_slice(&line[..line.len().min(room)]);
    }
    out
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
    }
}
