//! [`Channel`]: both sides of one layer of a connection, and the reader that makes pieces of them.
//!
//! Its one promise: the pieces and their order depend on the bytes and on whose turn it was, never on how the
//! bytes were split into records. Hence the order of offering: after each piece of the side that spoke, the other
//! side is offered dry before that side is offered again.

use super::registry;
use super::step::{Kind, Piece, Protocol, Reader, Verdict};
use super::stream::{Stamp, Stream, Taken};
use super::tls;
use super::unknown::{UnknownReader, unparsed};
use crate::base::aside::BLOCK;
use crate::base::{Aside, Finding, Span};
use crate::trace::{Direction, Transport};
use std::borrow::Cow;

/// A piece with its bytes and place: a Step but for its number and connection.
#[derive(Clone)]
pub(super) struct Drawn {
    pub from: Direction,
    pub taken: Taken,
    pub protocol: Protocol,
    pub piece: Piece,
}

/// Both sides of one layer.
#[derive(Clone)]
pub(super) struct Channel {
    /// `None` until what is spoken is known.
    reader: Option<Box<dyn Reader>>,
    streams: [Stream; 2],
    /// The server said yes to STARTTLS or STLS: what comes next may be TLS.
    tls_next: bool,
    /// The recording began after the connection did.
    met_late: bool,
    /// Of which sides bytes are missing.
    gaps: [bool; 2],
}

fn other(side: Direction) -> Direction {
    match side {
        Direction::Client => Direction::Server,
        Direction::Server => Direction::Client,
    }
}

impl Channel {
    /// A channel read by `reader`, or by whatever its first words call for.
    pub fn new(reader: Option<Box<dyn Reader>>) -> Self {
        Channel { reader, streams: Default::default(), tls_next: false, met_late: false, gaps: [false; 2] }
    }

    /// The same, where some sides have already ended.
    pub fn with_ended(reader: Option<Box<dyn Reader>>, ended: [bool; 2]) -> Self {
        let mut channel = Channel::new(reader);
        for (stream, ended) in channel.streams.iter_mut().zip(ended) {
            stream.ended = ended;
        }
        channel
    }

    /// Take a datagram: always one piece, whole.
    pub fn datagram(&mut self, from: Direction, bytes: Cow<'_, [u8]>, stamp: Stamp, out: &mut Vec<Drawn>) {
        let reader = self.reader.get_or_insert_with(|| {
            // A resolver may have a port of its own.
            registry::reader(registry::by_datagram(&bytes), Transport::Udp)
        });
        let mut piece = match reader.read(from, &bytes, true) {
            Some(piece) => piece,
            None => unparsed(bytes.len(), "cut-short", "This datagram holds no whole message."),
        };
        piece.len = bytes.len();
        let protocol = reader.protocol();
        self.stream_mut(from).push(bytes, stamp);
        self.take(from, protocol, piece, out);
    }

    /// Take bytes of one side; what becomes whole by them goes to `out`. At most `limit` bytes of a side wait.
    pub fn feed(
        &mut self,
        from: Direction,
        bytes: Cow<'_, [u8]>,
        stamp: Stamp,
        limit: usize,
        out: &mut Vec<Drawn>,
    ) {
        let room = |channel: &Channel| limit.saturating_sub(channel.stream(from).waits()).max(1);
        if bytes.len() <= room(self) {
            return self.take_in(from, bytes, stamp, limit, out);
        }
        let mut rest = &*bytes;
        while !rest.is_empty() {
            // Only as much as may wait: then it does not matter how large the record was.
            let (now, later) = rest.split_at(room(self).min(rest.len()));
            self.take_in(from, Cow::Borrowed(now), stamp, limit, out);
            rest = later;
        }
    }

    /// Take bytes for which there is room.
    fn take_in(
        &mut self,
        from: Direction,
        bytes: Cow<'_, [u8]>,
        stamp: Stamp,
        limit: usize,
        out: &mut Vec<Drawn>,
    ) {
        self.stream_mut(from).push(bytes, stamp);
        self.drain(from, out);
        if self.stream(from).waits() >= limit {
            self.give_up(from, out);
        }
    }

    /// One side sends no more: what waits of it becomes pieces.
    pub fn end(&mut self, from: Direction, out: &mut Vec<Drawn>) {
        self.stream_mut(from).ended = true;
        self.drain(from, out);
    }

    /// Bytes of one side are missing: what waits of it becomes pieces, and its reader finds its place again.
    /// How many is known, unless they were sent before the recording began. Places go on counting recorded bytes.
    pub fn gap(&mut self, from: Direction, missing: Option<u64>, out: &mut Vec<Drawn>) {
        let before = std::mem::replace(&mut self.stream_mut(from).ended, true);
        if self.stream(from).waits() > 0 {
            let first = out.len();
            self.drain(from, out);
            // It is cut off by whoever recorded, not by whoever sent it.
            for drawn in out.iter_mut().skip(first).filter(|drawn| drawn.from == from) {
                drawn.piece.findings.clear();
            }
        }
        self.stream_mut(from).ended = before;
        self.gaps[usize::from(from == Direction::Server)] = true;
        self.tls_next |= self.tls_may_begin();
        match &mut self.reader {
            Some(reader) => reader.gap(from, missing),
            None => self.met_late = true,
        }
    }

    /// The server's yes to STARTTLS may be in a gap.
    fn tls_may_begin(&self) -> bool {
        matches!(self.protocol(), Some(Protocol::Smtp | Protocol::Pop3 | Protocol::Imap))
    }

    /// The wire goes over to TLS: its mail protocol goes on in the plain layer, if that was seen.
    pub fn become_tls(&mut self) {
        if self.protocol() == Some(Protocol::Tls) {
            return;
        }
        // What waits behind a gap may be the rest of a line, or of a record.
        self.reader = Some(Box::new(tls::TlsReader::behind_gaps(self.gaps)));
    }

    /// What is spoken, where that is known.
    pub fn protocol(&self) -> Option<Protocol> {
        self.reader.as_ref().map(|reader| reader.protocol())
    }

    /// Offset of the end of what one side has sent.
    pub fn sent(&self, side: Direction) -> u64 {
        let stream = self.stream(side);
        stream.offset() + stream.waits() as u64
    }

    /// Bytes of both sides that are not in a piece yet, and are in memory.
    pub fn held(&self) -> usize {
        self.streams.iter().map(Stream::held).sum()
    }

    /// There is too much in memory: lay aside what waits of a side in the middle of something large.
    pub fn spare(&mut self, from: Direction, aside: &Aside) {
        if self.stream(from).held() > BLOCK && !self.may_be_whole(from) {
            self.stream_mut(from).lay_aside(aside);
        }
    }

    /// Nothing more can be laid aside, and memory is full: a side with more than `most` bytes in it is understood no more.
    pub fn let_go(&mut self, from: Direction, most: usize, out: &mut Vec<Drawn>) {
        if self.stream(from).held() > most {
            self.give_up(from, out);
        }
    }

    /// Whether a side has to be offered to its reader, as far as the end of what waits can tell.
    fn may_be_whole(&self, from: Direction) -> bool {
        let stream = self.stream(from);
        let Some(reader) = self.reader.as_ref().filter(|_| !stream.ended && !self.tls_next) else {
            return true;
        };
        reader.may_be_whole(from, stream.waits(), stream.waiting())
    }

    fn stream(&self, side: Direction) -> &Stream {
        let [client, server] = &self.streams;
        if side == Direction::Client { client } else { server }
    }

    fn stream_mut(&mut self, side: Direction) -> &mut Stream {
        let [client, server] = &mut self.streams;
        if side == Direction::Client { client } else { server }
    }

    /// Take all whole pieces, of the side that just spoke and of the other, which may have waited for them.
    fn drain(&mut self, from: Direction, out: &mut Vec<Drawn>) {
        if self.reader.is_none() {
            let [client, server] = &self.streams;
            let ended = client.ended || server.ended;
            let Some(protocol) = registry::by_content(client.waiting(), server.waiting(), ended) else {
                return;
            };
            let mut reader = registry::reader(protocol, Transport::Tcp);
            if self.met_late {
                reader.gap(Direction::Client, None);
                reader.gap(Direction::Server, None);
            }
            self.reader = Some(reader);
            // What the other side said while nobody knew the language came first.
            while self.draw(other(from), out) {}
        }
        while self.draw(from, out) {
            while self.draw(other(from), out) {}
        }
    }

    /// Take the next piece of one side, if it is whole.
    fn draw(&mut self, from: Direction, out: &mut Vec<Drawn>) -> bool {
        let ended = self.stream(from).ended;
        if !self.stream(from).is_at_hand() {
            if !self.may_be_whole(from) {
                return false;
            }
            self.stream_mut(from).fetch();
        }
        if self.tls_next && self.protocol() != Some(Protocol::Tls) {
            match tls::begins(self.stream(from).waiting()) {
                None if !ended => return false,
                Some(true) => self.become_tls(),
                _ => {}
            }
        }
        let [client, server] = &self.streams;
        let waiting = if from == Direction::Client { client } else { server }.waiting();
        let Some(reader) = self.reader.as_mut().filter(|_| !waiting.is_empty()) else { return false };
        let piece = match reader.read(from, waiting, ended) {
            Some(piece) if piece.len > 0 => piece,
            _ if ended => unparsed(waiting.len(), "cut-short", "The stream ended in the middle of this."),
            _ => return false,
        };
        let protocol = reader.protocol();
        self.take(from, protocol, piece, out)
    }

    fn take(&mut self, from: Direction, protocol: Protocol, mut piece: Piece, out: &mut Vec<Drawn>) -> bool {
        let Some(taken) = self.stream_mut(from).take(piece.len) else { return false };
        let lost = self.stream_mut(from).lost();
        if lost > 0 {
            let detail = format!(
                "{lost} of these bytes were laid aside in a temporary file, which could not be read again; zeros stand \
                 in their place."
            );
            piece.findings.push(Finding::error("too-large", Span::new(0, piece.len), detail));
        }
        if piece.kind == Kind::Reply && piece.verdict == Some(Verdict::Positive) {
            self.tls_next |= matches!(piece.verb.as_str(), "STARTTLS" | "STLS");
        }
        out.push(Drawn { from, taken, protocol, piece });
        true
    }

    /// A side sent more than may wait without making anything whole: it is shown as it is, and nothing that
    /// follows on this connection is understood any more.
    fn give_up(&mut self, from: Direction, out: &mut Vec<Drawn>) {
        let len = self.stream(from).waits();
        let mut piece = Piece::new(Kind::Unparsed, len);
        let detail = format!("{len} bytes came and made nothing whole; what follows is shown unread.");
        piece.findings.push(Finding::error("too-large", Span::new(0, len), detail));
        let protocol = self.protocol().unwrap_or(Protocol::Unknown);
        self.reader = Some(Box::new(UnknownReader::default()));
        self.tls_next = false;
        self.take(from, protocol, piece, out);
        while self.draw(other(from), out) {}
    }
}
