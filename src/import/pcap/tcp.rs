//! [`Tcp`]: one TCP connection of a capture: its two sides, who called whom, how it ended.
//!
//! The fifth stop of an import: segments → Records. The Open Record is written with the first thing that is certain:
//! a SYN, or bytes. Who opened a connection whose SYN was not captured is told by ports and first words.

use super::packet::Segment;
use super::stream::{Event, Side};
use crate::base::Instant;
use crate::trace::{CloseHow, Conn, Data, Direction, Gap, Layer, Missing, Opened, Record, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that wait for missing ones: of one side, and of all together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub side: usize,
    pub all: usize,
}

/// A SYN that was sent again and not answered for so long was given up.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// Where Records go, and what they need of the whole import.
pub(super) struct Sink<'i> {
    pub out: &'i mut std::collections::VecDeque<Record>,
    /// The number that the last connection got.
    pub conns: &'i mut u32,
    /// The time of the packet.
    pub at: Instant,
    /// What all sides of all connections keep.
    pub cost: &'i mut usize,
    /// Gaps that were told.
    pub gaps: &'i mut u64,
}

impl Sink<'_> {
    /// The next connection's number.
    pub fn number(&mut self) -> Conn {
        *self.conns = self.conns.saturating_add(1);
        Conn(*self.conns)
    }
}

/// Who talks to whom.
#[derive(Debug)]
struct Ends {
    /// 0 until the Open Record is written.
    conn: Conn,
    client: SocketAddr,
    server: SocketAddr,
    /// Whether any SYN was seen.
    syn: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Tcp {
    ends: Ends,
    /// The client's and the server's side.
    sides: [Side; 2],
    /// SYNs of the client that came again, and when the last one came.
    calls: u16,
    called: Instant,
    /// How many packets each side sent.
    packets: [u32; 2],
    /// Whether it is over, by FIN of both or by RST.
    pub over: bool,
}

impl Tcp {
    /// Its number; 0 where nothing of it was written yet.
    pub fn number(&self) -> Conn {
        self.ends.conn
    }

    /// The connection that this segment belongs to, seen for the first time. `None`: it tells too little.
    pub fn begin(segment: &Segment<'_>) -> Option<Self> {
        if !segment.syn && (segment.rst || segment.bytes.is_empty() && segment.cut == 0) {
            return None;
        }
        let from_client = match (segment.syn, segment.ack) {
            (true, ack) => ack.is_none(),
            (false, _) => speaks_as_client(segment.from.port(), segment.to.port(), segment.bytes),
        };
        let (client, server) =
            if from_client { (segment.from, segment.to) } else { (segment.to, segment.from) };
        Some(Tcp {
            ends: Ends { conn: Conn(0), client, server, syn: segment.syn },
            sides: Default::default(),
            calls: 0,
            called: Instant::default(),
            packets: [0; 2],
            over: false,
        })
    }

    /// Whether this segment begins another connection between the same ports.
    pub fn is_another(&self, segment: &Segment<'_>) -> bool {
        if !segment.syn || segment.ack.is_some() {
            return false;
        }
        let first = segment.seq.wrapping_add(1);
        let [client, server] = &self.sides;
        if segment.from == self.ends.client {
            return self.over || !client.can_begin_at(first);
        }
        // Both may call at once (RFC 9293 §3.5); or who called whom was guessed, and wrongly.
        self.over || self.ends.conn != Conn(0) && !server.can_begin_at(first)
    }

    /// What both sides keep.
    pub fn cost(&self) -> usize {
        self.sides.iter().map(Side::cost).sum()
    }

    /// Take a segment.
    pub fn segment(&mut self, segment: &Segment<'_>, room: Room, sink: &mut Sink<'_>) {
        if self.over {
            return;
        }
        if segment.syn
            && self.ends.conn == Conn(0)
            && (segment.from == self.ends.client) == segment.ack.is_some()
        {
            let Ends { client, server, .. } = &mut self.ends;
            std::mem::swap(client, server);
            self.sides.swap(0, 1);
        }
        let from = if segment.from == self.ends.client { Direction::Client } else { Direction::Server };
        let before = self.cost();
        self.packets[usize::from(from == Direction::Server)] += 1;
        if segment.syn {
            self.call(from, segment, sink);
        }
        if let Some(ack) = segment.ack {
            self.heard(from, ack, sink);
        }
        self.events(from, sink, |side, emit| side.segment(segment, emit));
        let at = sink.at;
        self.events(from, sink, |side, emit| side.judge(at, false, emit));
        while self.side(from).cost() > room.side
            || self.side(from).cost() > 0 && *sink.cost + self.cost() > before + room.all
        {
            self.events(from, sink, |side, emit| side.give_up_hole(emit));
        }
        if segment.rst {
            self.reset(from, sink);
        }
        *sink.cost = (*sink.cost + self.cost()).saturating_sub(before);
        self.over |= self.sides.iter().all(|side| side.ended);
    }

    /// The importer follows it no more.
    pub fn let_go(&mut self, sink: &mut Sink<'_>) {
        let unanswered = self.finish(sink);
        if !self.over && !unanswered && self.ends.conn != Conn(0) {
            self.close(Direction::Client, CloseHow::LetGo, sink);
        }
        self.over = true;
    }

    /// Nothing more comes: what waits is given. Whether nobody ever answered; then that is told too.
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> bool {
        let before = self.cost();
        for from in [Direction::Client, Direction::Server] {
            self.events(from, sink, Side::finish);
        }
        *sink.cost = (*sink.cost + self.cost()).saturating_sub(before);
        let [_, answers] = self.packets;
        let unanswered = self.ends.syn && answers == 0 && !self.over && self.calls > 1;
        if unanswered && sink.at.since(self.called) >= GIVEN_UP {
            self.close(Direction::Client, CloseHow::Timeout, sink);
            self.over = true;
        }
        unanswered && self.over
    }

    /// A SYN: where the side begins.
    fn call(&mut self, from: Direction, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        self.ends.syn = true;
        if from == Direction::Client {
            self.calls = self.calls.saturating_add(1);
            self.called = sink.at;
        }
        self.ends.opened(sink);
        let first = segment.seq.wrapping_add(1);
        self.events(from, sink, |side, emit| side.begins_at(first, emit));
        if let Some(ack) = segment.ack {
            self.events(other(from), sink, |side, emit| side.begins_at(ack, emit));
        }
    }

    /// One end acknowledges what the other sent.
    fn heard(&mut self, from: Direction, ack: u32, sink: &mut Sink<'_>) {
        let at = sink.at;
        let heard = usize::from(from == Direction::Server);
        // Nothing of a side that its other end hears is ever captured: there is no use in waiting.
        let deaf = self.packets[1 - heard] == 0 && self.packets[heard] > 2;
        self.events(other(from), sink, |side, emit| {
            side.acknowledged(ack, emit);
            side.judge(at, deaf, emit);
        });
    }

    fn reset(&mut self, from: Direction, sink: &mut Sink<'_>) {
        let [calls, answers] = self.packets;
        let refused =
            from == Direction::Server && self.ends.syn && answers == 1 && u32::from(self.calls) == calls;
        for from in [Direction::Client, Direction::Server] {
            self.events(from, sink, Side::finish);
        }
        if self.ends.conn != Conn(0) {
            self.close(from, if refused { CloseHow::Refused } else { CloseHow::Reset }, sink);
        }
        self.over = true;
    }

    fn close(&self, from: Direction, how: CloseHow, sink: &mut Sink<'_>) {
        sink.out.push_back(Record::Close { at: sink.at, conn: self.ends.conn, from, how });
    }

    fn side(&self, from: Direction) -> &Side {
        let [client, server] = &self.sides;
        if from == Direction::Client { client } else { server }
    }

    /// Let a side act, and write down what it gives.
    fn events(
        &mut self,
        from: Direction,
        sink: &mut Sink<'_>,
        act: impl FnOnce(&mut Side, &mut dyn FnMut(Event<'_>)),
    ) {
        let Tcp { ends, sides: [client, server], .. } = self;
        let side = if from == Direction::Client { client } else { server };
        act(side, &mut |event| {
            ends.opened(sink);
            let (at, conn) = (sink.at, ends.conn);
            sink.out.push_back(match event {
                Event::Data(bytes) => {
                    let data = Data { conn, from, layer: Layer::Wire, bytes: bytes.to_vec() };
                    Record::Data { at, data }
                }
                Event::Gap(len, why) => {
                    *sink.gaps += 1;
                    Record::Gap { at, gap: Gap { conn, from, len: Some(len), why } }
                }
                Event::End => Record::Close { at, conn, from, how: CloseHow::Fin },
            });
        });
    }
}

impl Ends {
    /// Write the Open Record, if that was not done. Where no SYN was seen, both sides began before.
    fn opened(&mut self, sink: &mut Sink<'_>) {
        if self.conn != Conn(0) {
            return;
        }
        self.conn = sink.number();
        let (conn, at) = (self.conn, sink.at);
        let open = Opened { conn, transport: Transport::Tcp, client: self.client, server: self.server };
        sink.out.push_back(Record::Open { at, open });
        if !self.syn {
            for from in [Direction::Client, Direction::Server] {
                let gap = Gap { conn, from, len: None, why: Missing::Before };
                sink.out.push_back(Record::Gap { at, gap });
            }
        }
    }
}

fn other(side: Direction) -> Direction {
    match side {
        Direction::Client => Direction::Server,
        Direction::Server => Direction::Client,
    }
}

/// Ports that servers of mail and names listen on.
fn is_known(port: u16) -> bool {
    matches!(port, 25 | 53 | 110 | 143 | 465 | 587 | 993 | 995 | 2525)
}

/// Whether the sender of this segment is the client, where no SYN tells it.
fn speaks_as_client(from: u16, to: u16, bytes: &[u8]) -> bool {
    if is_known(from) != is_known(to) {
        return is_known(to);
    }
    let is_greeting = ["220 ", "220-", "+OK", "* OK"].iter().any(|words| bytes.starts_with(words.as_bytes()));
    !is_greeting && to <= from
}
