//! [`Stream`]: one TCP connection made again from what a transcript keeps of it: who opened it when, what each side
//! sent when, and how it ended.
//!
//! Where it stands on the road: inside the `pcapng` view. A transcript is written above TCP, so the handshake,
//! sequence numbers and acknowledgments are made up here, and always come out the same. RFC 9293 §3.5 (opening),
//! §3.6 (closing), §3.8 (acknowledging).

use super::frame::{Path, Segment, flag};
use super::survey::{Course, side};
use crate::base::Instant;
use crate::trace::{CloseHow, Direction};
use std::collections::VecDeque;
use std::time::Duration;

/// A receiver that has nothing to say acknowledges after so long; RFC 9293 §3.8.6.3 asks for less than half a
/// second.
const DELAYED_ACK: Duration = Duration::from_millis(40);
/// No more than this is taken for the way from one end to the other: who waits longer is thinking.
const LONGEST_WAY: Duration = Duration::from_millis(300);
/// RFC 6298 §2.1: the first retransmission after a second; each following wait is twice as long (§5.5).
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// So often a SYN is sent again at most, as Linux does it by default.
const RETRIES: u32 = 6;

/// A segment to be written: by whom, with which header, carrying which bytes of its side's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Who sends it.
    pub from: Direction,
    /// Its header.
    pub segment: Segment,
}

/// What a stream does by itself, when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// The server answers the SYN.
    Answer,
    /// The client acknowledges that.
    Establish,
    /// The client sends its SYN again.
    Again,
    /// A side acknowledges what has come.
    Acknowledge(Direction),
}

#[derive(Clone, Debug, Default)]
struct Side {
    /// The next sequence number.
    next: u32,
    /// Bytes sent.
    sent: u64,
    /// What it has acknowledged: the number in its last segment.
    acked: u32,
    /// What has come or is on its way: when it arrives, and the number after it.
    coming: VecDeque<(Instant, u32)>,
    /// Whether it waits to acknowledge.
    waits: bool,
    /// It said that it ends; the bytes it still sends come first.
    ends: Option<u8>,
}

/// One TCP connection.
#[derive(Clone, Debug)]
pub struct Stream {
    /// From the client to the server.
    pub path: Path,
    sides: [Side; 2],
    total: [u64; 2],
    way: Duration,
    /// How far the handshake is: its last two segments are sent once each.
    answered: bool,
    established: bool,
}

impl Stream {
    /// A connection that begins, with everything that it does by itself for that. `number` tells its sequence
    /// numbers from those of others.
    pub fn open(path: Path, at: Instant, course: &Course, number: usize) -> (Self, Vec<(Instant, Duty)>) {
        let initial = (number as u32).wrapping_mul(0x9E37_79B1);
        let (sides, way) = Default::default();
        let mut stream =
            Stream { path, sides, total: course.total, way, answered: false, established: false };
        stream.sides[0].next = initial;
        stream.sides[1].next = initial.rotate_left(16) ^ 0x5BD1_E995;
        let spoken = course.total != [0, 0] || course.fin;
        let mut duties = Vec::new();
        if course.late {
            (stream.answered, stream.established) = (true, true);
            let [client, server] = &mut stream.sides;
            (client.acked, server.acked) = (server.next, client.next);
        } else if spoken || matches!(course.ended, Some((_, CloseHow::Reset))) {
            // A client may speak after two ways, a server when the third brought it the ACK.
            let (first, from) = course.first.unwrap_or((at, Direction::Client));
            let ways = if from == Direction::Client { 2 } else { 3 };
            stream.way = (first.since(at) / ways).min(LONGEST_WAY);
            duties = vec![(at + stream.way, Duty::Answer), (at + stream.way * 2, Duty::Establish)];
        } else if let Some((until, CloseHow::Timeout)) = course.ended {
            let waits = (0..RETRIES).map(|n| FIRST_RETRY * (2_u32.pow(n + 1) - 1));
            duties.extend(waits.map(|w| (at + w, Duty::Again)).take_while(|(at, _)| *at < until));
        }
        (stream, duties)
    }

    /// The client's first segment.
    pub fn syn(&mut self) -> Sent {
        let seq = self.sides[0].next;
        self.sides[0].next = seq.wrapping_add(1);
        Sent { from: Direction::Client, segment: Segment { seq, ack: 0, flags: flag::SYN } }
    }

    /// Do what was to be done by itself at this time; gives the next such thing where there is one.
    pub fn due(&mut self, duty: Duty, now: Instant) -> (Option<Sent>, Option<(Instant, Duty)>) {
        match duty {
            Duty::Answer if std::mem::replace(&mut self.answered, true) => (None, None),
            Duty::Establish if std::mem::replace(&mut self.established, true) => (None, None),
            Duty::Answer => {
                self.sides[1].acked = self.sides[0].next;
                let (seq, ack) = (self.sides[1].next, self.sides[0].next);
                self.sides[1].next = seq.wrapping_add(1);
                let segment = Segment { seq, ack, flags: flag::SYN | flag::ACK };
                (Some(Sent { from: Direction::Server, segment }), None)
            }
            Duty::Establish => {
                self.sides[0].acked = self.sides[1].next;
                (Some(self.segment(Direction::Client, flag::ACK, 0)), None)
            }
            Duty::Again => {
                let seq = self.sides[0].next.wrapping_sub(1);
                let segment = Segment { seq, ack: 0, flags: flag::SYN };
                (Some(Sent { from: Direction::Client, segment }), None)
            }
            Duty::Acknowledge(from) => {
                let me = &mut self.sides[side(from)];
                me.waits = false;
                let before = me.acked;
                me.hear(now);
                let sent = (me.acked != before).then(|| self.segment(from, flag::ACK, 0));
                (sent, self.later(from))
            }
        }
    }

    /// The next bytes of one side, at most a full segment of them; `last` where nothing of that record follows.
    pub fn data(&mut self, from: Direction, now: Instant, len: usize, last: bool) -> Sent {
        self.sides[side(from)].hear(now);
        let flags = if last { flag::ACK | flag::PSH } else { flag::ACK };
        let sent = self.segment(from, flags, len as u32);
        let sent_before = &mut self.sides[side(from)].sent;
        *sent_before = sent_before.saturating_add(len as u64);
        self.arrives(from, now);
        sent
    }

    /// Bytes of one side that nobody recorded: their numbers are left out.
    pub fn skip(&mut self, from: Direction, len: u64) {
        let me = &mut self.sides[side(from)];
        me.next = me.next.wrapping_add(len as u32);
    }

    /// One side ends, in this way. Where bytes of it are still to come, it ends behind them: see [`Stream::ended`].
    pub fn close(&mut self, from: Direction, how: CloseHow) {
        self.sides[side(from)].ends = match how {
            CloseHow::Fin => Some(flag::FIN | flag::ACK),
            CloseHow::Reset | CloseHow::Refused => Some(flag::RST | flag::ACK),
            CloseHow::Timeout | CloseHow::LetGo => None,
        };
    }

    /// The segment that ends a side, where it is its time.
    pub fn ended(&mut self, from: Direction, now: Instant) -> Option<Sent> {
        let (me, total) = (&mut self.sides[side(from)], self.total[side(from)]);
        let flags = me.ends.filter(|_| me.sent >= total)?;
        me.ends = None;
        me.hear(now);
        if !self.answered && from == Direction::Server {
            // It was never answered: a refusal has no number of its own, and acknowledges the SYN (RFC 9293
            // §3.10.7.1).
            let segment = Segment { seq: 0, ack: self.sides[0].next, flags };
            return Some(Sent { from, segment });
        }
        let sent = self.segment(from, flags, u32::from(flags & flag::FIN != 0));
        self.arrives(from, now);
        Some(sent)
    }

    /// When the other side must have acknowledged what this one sent, where nothing is planned yet.
    pub fn answer_to(&mut self, from: Direction) -> Option<(Instant, Duty)> {
        self.later(other(from))
    }

    fn later(&mut self, from: Direction) -> Option<(Instant, Duty)> {
        let me = &mut self.sides[side(from)];
        let (arrival, _) = me.coming.back().filter(|_| !me.waits)?;
        me.waits = true;
        Some((*arrival + DELAYED_ACK, Duty::Acknowledge(from)))
    }

    /// A segment of one side that takes `len` sequence numbers.
    fn segment(&mut self, from: Direction, flags: u8, len: u32) -> Sent {
        let me = &mut self.sides[side(from)];
        let segment = Segment { seq: me.next, ack: me.acked, flags };
        me.next = me.next.wrapping_add(len);
        Sent { from, segment }
    }

    fn arrives(&mut self, from: Direction, now: Instant) {
        let (until, arrival) = (self.sides[side(from)].next, now + self.way);
        self.sides[side(other(from))].coming.push_back((arrival, until));
    }
}

impl Side {
    /// What has come by now is acknowledged by the next segment.
    fn hear(&mut self, now: Instant) {
        while let Some((arrival, until)) = self.coming.front().copied()
            && arrival <= now
        {
            self.acked = until;
            self.coming.pop_front();
        }
    }
}

fn other(from: Direction) -> Direction {
    match from {
        Direction::Client => Direction::Server,
        Direction::Server => Direction::Client,
    }
}
