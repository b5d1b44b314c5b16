//! What the last lines lead one to expect of the next: a message, a literal, a SASL response, a list. The least
//! that is needed to tell who speaks and what is an aside; dissect reads the session properly afterwards.

use super::bytes::{begins, number, word};
use super::speech::{Speech, reply_code, tagged};
use crate::proto::imap::framing;
use crate::trace::Direction;
use std::collections::VecDeque;

/// Commands that wait for their replies; the oldest is forgotten first.
const PENDING: usize = 1000;

/// Follows one session line by line.
pub struct Tracker {
    speech: Speech,
    /// Lines up to a lone dot come from this side, and how many came.
    block: Option<(Direction, usize)>,
    /// So many octets come from this side.
    literal: Option<(Direction, u64)>,
    /// The client's next line is a SASL response.
    sasl: bool,
    /// An AUTHENTICATE is under way (IMAP).
    authenticating: bool,
    /// Commands without a reply: tag (IMAP) and verb, in upper case.
    pending: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// STARTTLS or STLS was accepted.
    pub tls: bool,
    /// QUIT or LOGOUT was answered.
    pub over: bool,
}

impl Tracker {
    /// At the beginning.
    pub fn new(speech: Speech) -> Self {
        Tracker {
            speech,
            block: None,
            literal: None,
            sasl: false,
            authenticating: false,
            pending: VecDeque::new(),
            tls: false,
            over: false,
        }
    }

    /// Who must say the next line, whatever it says.
    pub fn expects(&self) -> Option<Direction> {
        let bulk = self.bulk();
        bulk.or(self.sasl.then_some(Direction::Client))
    }

    /// Who sends a message, a list or a literal now.
    pub fn bulk(&self) -> Option<Direction> {
        self.block.map(|(side, _)| side).or(self.literal.map(|(side, _)| side))
    }

    /// Whether the lines are counted, not ended by a dot.
    pub fn is_counted(&self) -> bool {
        self.literal.is_some()
    }

    /// Whether every command has its reply.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether an IDLE waits for its DONE.
    pub fn is_idling(&self) -> bool {
        self.pending.iter().any(|(_, verb)| verb == b"IDLE")
    }

    /// Whether a tag stands for a command that waits.
    pub fn knows_tag(&self, tag: &[u8]) -> bool {
        self.pending.iter().any(|(known, _)| known == tag)
    }

    /// A list of the server's comes, whoever asked for it.
    pub fn begin_list(&mut self) {
        self.block = Some((Direction::Server, 0));
    }

    /// Whose message or list the text leaves out, or its end, if this is the next line: the other side has answered, or
    /// asked for something else. Programs seldom log a letter.
    pub fn leaves_out(&self, from: Direction, line: &[u8]) -> Option<Direction> {
        let (side, _) = self.block.filter(|(side, _)| *side != from)?;
        let over = match side {
            Direction::Client => reply_code(line).is_some_and(|code| code != 354),
            Direction::Server => self.speech.is_command(line),
        };
        over.then_some(side)
    }

    /// Take the next line.
    pub fn see(&mut self, from: Direction, line: &[u8]) {
        if self.in_bulk(from, line) {
            return;
        }
        if from == Direction::Client && std::mem::take(&mut self.sasl) {
            return;
        }
        let line = line.trim_ascii();
        match (self.speech, from) {
            (Speech::Imap, Direction::Client) => self.imap_client(line),
            (Speech::Imap, Direction::Server) => self.imap_server(line),
            (_, Direction::Client) => {
                let (verb, rest) = word(line);
                let verb = verb.to_ascii_uppercase();
                if self.speech == Speech::Smtp && verb == b"BDAT" {
                    self.count(from, number(word(rest).0).unwrap_or(0));
                }
                let several = self.speech == Speech::Pop3 && is_multi_line(&verb, rest);
                self.remember(if several { b"*".to_vec() } else { Vec::new() }, verb);
            }
            (Speech::Smtp, Direction::Server) => self.smtp_server(line),
            (Speech::Pop3, Direction::Server) => self.pop3_server(line),
        }
    }

    /// Whether the line belonged to a message, a list or a literal.
    fn in_bulk(&mut self, from: Direction, line: &[u8]) -> bool {
        let left_out = self.leaves_out(from, line);
        if let Some((side, count)) = &mut self.block {
            if *side == from {
                *count += 1;
                if line == b"." {
                    self.block = None;
                }
                return true;
            }
            // The end of the message was left out of the text, or all of it.
            if *count > 0 && self.speech.says(line) == Some(from) || left_out.is_some() {
                self.block = None;
            }
        }
        let Some((side, left)) = &mut self.literal else { return false };
        let ends = self.speech == Speech::Smtp && from == Direction::Client && self.speech.is_command(line)
            || tagged(line).is_some_and(|(tag, _)| {
                from == Direction::Server && self.pending.iter().any(|(t, _)| t == tag)
            });
        if ends {
            self.literal = None;
            return false;
        }
        if *side != from {
            return false;
        }
        *left = left.saturating_sub(line.len() as u64 + 2);
        if *left == 0 {
            self.literal = None;
            // What stands behind it may announce the next.
            if self.speech == Speech::Imap {
                self.announced(from, line);
            }
        }
        true
    }

    fn count(&mut self, from: Direction, octets: u64) {
        if octets > 0 {
            self.literal = Some((from, octets));
        }
    }

    fn announced(&mut self, from: Direction, line: &[u8]) {
        if let Some(announced) = framing::announced(line) {
            self.count(from, announced.size);
        }
    }

    fn remember(&mut self, tag: Vec<u8>, verb: Vec<u8>) {
        if self.pending.len() >= PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((tag, verb));
    }

    fn imap_client(&mut self, line: &[u8]) {
        if line.eq_ignore_ascii_case(b"DONE") {
            return;
        }
        let (tag, rest) = word(line);
        let (verb, _) = word(rest);
        let verb = verb.to_ascii_uppercase();
        self.authenticating |= verb == b"AUTHENTICATE";
        self.announced(Direction::Client, line);
        if !tag.is_empty() {
            self.remember(tag.to_vec(), verb);
        }
    }

    fn imap_server(&mut self, line: &[u8]) {
        if line == b"+" || line.starts_with(b"+ ") {
            self.sasl = self.authenticating;
            return;
        }
        self.announced(Direction::Server, line);
        let Some((tag, status)) = tagged(line) else { return };
        let Some(at) = self.pending.iter().position(|(known, _)| known == tag) else { return };
        // A literal that was announced and then refused never comes.
        if matches!(self.literal, Some((Direction::Client, _))) {
            self.literal = None;
        }
        let verb = self.pending.remove(at).map(|(_, verb)| verb).unwrap_or_default();
        self.authenticating &= verb != b"AUTHENTICATE";
        self.tls |= verb == b"STARTTLS" && status.eq_ignore_ascii_case(b"OK");
        self.over |= verb == b"LOGOUT";
    }

    fn smtp_server(&mut self, line: &[u8]) {
        let Some(code) = reply_code(line) else { return };
        if line.get(3) == Some(&b'-') {
            return;
        }
        let verb = self.pending.pop_front().map(|(_, verb)| verb).unwrap_or_default();
        match code {
            354 => self.block = Some((Direction::Client, 0)),
            334 => self.sasl = true,
            220 if verb == b"STARTTLS" => self.tls = true,
            _ => {}
        }
        self.over |= verb == b"QUIT" || code == 221;
    }

    fn pop3_server(&mut self, line: &[u8]) {
        if line == b"+" || line.starts_with(b"+ ") {
            self.sasl = true;
            return;
        }
        let ok = begins(line, b"+OK");
        if !ok && !begins(line, b"-ERR") {
            return;
        }
        let Some((several, verb)) = self.pending.pop_front() else { return };
        if ok && !several.is_empty() {
            self.block = Some((Direction::Server, 0));
        }
        self.tls |= ok && verb == b"STLS";
        self.over |= verb == b"QUIT";
    }
}

/// Whether a positive answer goes on to a lone dot (RFC 1939 §3; CAPA: RFC 2449 §5).
fn is_multi_line(verb: &[u8], argument: &[u8]) -> bool {
    match verb {
        b"RETR" | b"TOP" | b"CAPA" => true,
        b"LIST" | b"UIDL" | b"AUTH" => argument.trim_ascii().is_empty(),
        _ => false,
    }
}
