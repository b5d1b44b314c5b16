//! The message itself: DATA up to the lone dot, or BDAT in chunks, then the judgement. RFC 5321 §4.1.1.4, RFC 3030.

use super::{Ask, BareNewlines, Held, Message, Mode, Server, ServerEvent};
use crate::proto::smtp::codes::Reply;
use crate::proto::smtp::data::{DataReader, LineEnds, Odd};
use crate::proto::smtp::phase::Phase;
use crate::proto::smtp::replies;

/// A BDAT chunk on its way.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Octets still to come.
    left: u64,
    /// Octets in all.
    size: u64,
    /// Whether it is the last.
    last: bool,
    /// Set where its octets are only to be thrown away: what to say then.
    refusal: Option<Reply>,
}

impl Server {
    pub(super) fn line_ends(&self) -> LineEnds {
        match self.config.bare_newlines {
            BareNewlines::TakeForLineEnds => LineEnds::AnyLf,
            BareNewlines::Refuse | BareNewlines::Keep => LineEnds::Strict,
        }
    }

    pub(super) fn step_data(&mut self) -> bool {
        let Mode::Data(reader) = &mut self.mode else { return false };
        if self.input.is_empty() {
            return false;
        }
        let fed = reader.feed(self.input.waiting());
        self.input.take(fed.used);
        if fed.ended
            && let Mode::Data(reader) = std::mem::replace(&mut self.mode, Mode::Command)
        {
            self.end_of_data(*reader);
        }
        true
    }

    /// The lone dot has come: judge what was read.
    fn end_of_data(&mut self, reader: DataReader) {
        let too_big = reader.size() > self.config.size_limit;
        let long = self.config.refuse_long_lines && reader.count(Odd::LineTooLong) > 0;
        let bare = (reader.count(Odd::BareLf), reader.count(Odd::BareCr));
        let refusal = self.refusal(too_big, bare, long);
        let data = reader.into_content();
        self.judge(refusal, data);
    }

    fn refusal(&self, too_big: bool, (lf, cr): (u64, u64), long: bool) -> Option<Reply> {
        if too_big {
            let limit = self.config.size_limit;
            return Some(Reply::enhanced(552, (5, 3, 4), format!("Message too big: at most {limit} octets")));
        }
        if self.config.bare_newlines == BareNewlines::Refuse && lf + cr > 0 {
            let text =
                format!("Lines must end in CR LF: {lf} bare LF and {cr} bare CR found (RFC 5321 2.3.8)");
            return Some(Reply::enhanced(550, (5, 6, 0), text));
        }
        let limit = self.config.text_line_limit;
        long.then(|| Reply::enhanced(500, (5, 6, 0), format!("Text line too long: at most {limit} octets")))
    }

    /// Refuse the message, or hand it to the owner.
    fn judge(&mut self, refusal: Option<Reply>, data: Vec<u8>) {
        let hops = received_fields(&data);
        let refusal = refusal.or_else(|| (hops > self.config.max_hops).then(replies::mail_loop));
        match refusal {
            Some(reply) => {
                self.reset();
                self.reply(reply);
            }
            None if self.config.consult => self.consult(".", Held::EndOfData(data)),
            None => self.ask_message(data),
        }
    }

    pub(super) fn ask_message(&mut self, data: Vec<u8>) {
        let envelope = std::mem::take(&mut self.envelope);
        let protocol = match (envelope.smtputf8, self.extended, self.authenticated.is_some()) {
            (true, _, true) => "UTF8SMTPA",
            (true, _, false) => "UTF8SMTP",
            (_, true, true) => "ESMTPA",
            (_, true, false) => "ESMTP",
            (_, false, _) => "SMTP",
        };
        let (hello, authenticated) = (self.hello.clone(), self.authenticated.clone());
        let message = Message { envelope, data, hello, authenticated, protocol };
        self.ask(Ask::Message, ServerEvent::Message(Box::new(message)));
    }

    /// `BDAT size [LAST]` in its place: read the chunk, or throw it away where the whole grew too big.
    pub(super) fn bdat(&mut self, size: u64, last: bool) {
        if !self.config.chunking || !self.extended {
            return self.discard_chunk(size, Reply::enhanced(502, (5, 5, 1), "CHUNKING is not offered here"));
        }
        self.phase = Phase::Chunks;
        let total = (self.chunks.len() as u64).saturating_add(size);
        if total > self.config.size_limit {
            let limit = self.config.size_limit;
            self.reset();
            let reply = Reply::enhanced(552, (5, 3, 4), format!("Message too big: at most {limit} octets"));
            return self.discard_chunk(size, reply);
        }
        self.mode = Mode::Chunk(Chunk { left: size, size, last, refusal: None });
    }

    /// "the receiver-SMTP MUST accept and discard the associated message data" of a chunk that it refuses, and
    /// replies after it. RFC 3030 §2.
    pub(super) fn discard_chunk(&mut self, size: u64, refusal: Reply) {
        self.mode = Mode::Chunk(Chunk { left: size, size, last: false, refusal: Some(refusal) });
    }

    pub(super) fn step_chunk(&mut self) -> bool {
        let Mode::Chunk(chunk) = &mut self.mode else { return false };
        if chunk.left > 0 {
            if self.input.is_empty() {
                return false;
            }
            let want = usize::try_from(chunk.left).unwrap_or(usize::MAX);
            let bytes = self.input.take(want);
            chunk.left = chunk.left.saturating_sub(bytes.len() as u64);
            if chunk.refusal.is_none() {
                self.chunks.extend_from_slice(&bytes);
            }
        }
        if chunk.left == 0
            && let Mode::Chunk(chunk) = std::mem::replace(&mut self.mode, Mode::Command)
        {
            self.chunk_ended(chunk);
        }
        true
    }

    fn chunk_ended(&mut self, chunk: Chunk) {
        match chunk {
            Chunk { refusal: Some(reply), .. } => self.fault(reply),
            Chunk { last: false, size, .. } => self.say(250, (2, 0, 0), format!("{size} octets received")),
            Chunk { last: true, .. } => {
                let data = std::mem::take(&mut self.chunks);
                let refusal = self.refusal(false, bare_newlines(&data), false);
                self.judge(refusal, data);
            }
        }
    }
}

/// How many bare LF and bare CR stand in content that no dot delimits.
fn bare_newlines(data: &[u8]) -> (u64, u64) {
    let mut counts = (0, 0);
    let mut before = 0;
    for &byte in data {
        counts.0 += u64::from(byte == b'\n' && before != b'\r');
        counts.1 += u64::from(byte != b'\n' && before == b'\r');
        before = byte;
    }
    counts.1 += u64::from(before == b'\r');
    counts
}

/// How many Received fields the header has. RFC 5321 §6.3: counting them finds loops.
fn received_fields(data: &[u8]) -> usize {
    data.split(|b| *b == b'\n')
        .take_while(|line| !matches!(line, [] | [b'\r']))
        .filter(|line| line.get(..9).is_some_and(|name| name.eq_ignore_ascii_case(b"Received:")))
        .count()
}
