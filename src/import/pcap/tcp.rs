//! [`Tcp`]: one TCP connection of a capture: its two sides, who called whom, how it ended.
//!
//! The fifth stop of an import: segments → Records. The Open Record is written with the first thing that is certain:
//! a SYN, or bytes. Who opened a connection whose SYN was not captured is told by ports and first words.

use super::packet::Segment;
use super::stream::{Event, Side};
use crate::base::Instant;
use crate::trace::{CloseHow, Conn, Data, Direction, Gap, Layer, Missing, Opened, Record, Transport};
use std::collections::VecDeque;
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
/// How long after a RST the other end's bytes may still come: they were under way, or it sends on until it hears of it.
/// A round trip, with RFC 6298 §2.4's second for the longest.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(1);

/// Where Records go, and what they need of the whole import.
pub(super) struct Sink<'i> {
    pub out: &'i mut VecDeque<Record>,
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

/// Bytes and events that are kept back at most, of one connection.
const MOST_KEPT: usize = 16 << 10;
const MOST_KEPT_EVENTS: usize = 64;

/// An event that owns its bytes.
#[derive(Debug)]
enum Kept {
    Data(Vec<u8>),
    Gap(u64, Missing),
    End,
}

impl From<Event<'_>> for Kept {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(bytes) => Kept::Data(bytes.to_vec()),
            Event::Gap(len, why) => Kept::Gap(len, why),
            Event::End => Kept::End,
        }
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
    /// What one side said while bytes of the other, which it has heard already, are still awaited: so that a reply does
    /// not stand before the command that it answers, or before the gap that holds it.
    kept: VecDeque<(Direction, Kept)>,
    /// Bytes in those.
    kept_bytes: usize,
    /// A RST came, of this end and then: what the other end had sent by then may still come.
    pub reset: Option<(Direction, Instant)>,
    /// Whether it is over, by FIN of both or by RST.
    pub over: bool,
    /// By RST.
    is_reset: bool,
}

impl Tcp {
    /// Its number; 0 where nothing of it was written yet.
    pub fn number(&self) -> Conn {
        self.ends.conn
    }

    /// The connection that this segment belongs to, seen for the first time. `None`: it tells too little.
    pub fn begin(segment: &Segment<'_>) -> Option<Self> {
        if !segment.syn && segment.bytes.is_empty() && segment.cut == 0 {
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
            kept: VecDeque::new(),
            kept_bytes: 0,
            reset: None,
            over: false,
            is_reset: false,
        })
    }

    /// Whether this segment begins another connection between the same ports.
    pub fn is_another(&self, segment: &Segment<'_>) -> bool {
        let over = self.over || self.reset.is_some();
        if !segment.syn {
            // Whoever goes on long after a RST was not reset by it. What is only sent again is not worth it.
            return self.over && self.is_reset && self.side(self.speaker(segment)).is_ahead(segment);
        }
        let first = segment.seq.wrapping_add(1);
        if segment.ack.is_some() {
            // The answer to a call that was not captured.
            return over && !self.side(self.speaker(segment)).can_begin_at(first);
        }
        let [client, server] = &self.sides;
        if segment.from == self.ends.client {
            return over || !client.can_begin_at(first);
        }
        // Both may call at once (RFC 9293 §3.5); or who called whom was guessed, and wrongly.
        over || self.ends.conn != Conn(0) && !server.can_begin_at(first)
    }

    fn speaker(&self, segment: &Segment<'_>) -> Direction {
        if segment.from == self.ends.client { Direction::Client } else { Direction::Server }
    }

    /// What both sides keep.
    pub fn cost(&self) -> usize {
        self.sides.iter().map(Side::cost).sum::<usize>() + self.kept_bytes
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
        let from = self.speaker(segment);
        let before = self.cost();
        if self.reset.is_some_and(|(by, _)| by == from) && !segment.rst && !segment.bytes.is_empty() {
            // Whoever sends on has not given up: that RST was somebody else's, or damage (RFC 5961 §3).
            self.reset = None;
        }
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
        if !self.sides.iter().any(Side::is_missed)
            || self.kept.len() > MOST_KEPT_EVENTS
            || self.kept_bytes > MOST_KEPT
        {
            self.give_kept(sink);
        }
        *sink.cost = (*sink.cost + self.cost()).saturating_sub(before);
        if self.sides.iter().all(|side| side.ended) {
            // A RST only answered what came too late.
            (self.over, self.reset) = (true, None);
        }
    }

    /// After a RST nothing more is waited for: it is told.
    pub fn settle(&mut self, sink: &mut Sink<'_>) {
        let Some((from, _)) = self.reset.take() else { return };
        let before = self.cost();
        for side in [Direction::Client, Direction::Server] {
            self.events(side, sink, Side::finish);
        }
        self.give_kept(sink);
        *sink.cost = (*sink.cost + self.cost()).saturating_sub(before);
        if self.ends.conn != Conn(0) {
            self.close(from, CloseHow::Reset, sink);
        }
        (self.over, self.is_reset) = (true, true);
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
        self.settle(sink);
        let before = self.cost();
        for from in [Direction::Client, Direction::Server] {
            self.events(from, sink, Side::finish);
        }
        self.give_kept(sink);
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
        if !refused {
            self.reset.get_or_insert((from, sink.at));
            return;
        }
        for from in [Direction::Client, Direction::Server] {
            self.events(from, sink, Side::finish);
        }
        self.give_kept(sink);
        if self.ends.conn != Conn(0) {
            self.close(from, CloseHow::Refused, sink);
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
        let keep = self.side(other(from)).is_missed() || self.kept.iter().any(|(side, _)| *side == from);
        let Tcp { ends, sides: [client, server], kept, kept_bytes, .. } = self;
        let side = if from == Direction::Client { client } else { server };
        act(side, &mut |event| {
            ends.opened(sink);
            let event = Kept::from(event);
            if keep {
                *kept_bytes += if let Kept::Data(bytes) = &event { bytes.len() } else { 0 };
                kept.push_back((from, event));
            } else {
                ends.give(from, event, sink);
            }
        });
    }

    /// Nothing is awaited any more: what was kept back follows. It bears the time of this packet, as all bytes that had
    /// to wait do.
    fn give_kept(&mut self, sink: &mut Sink<'_>) {
        self.kept_bytes = 0;
        for (from, event) in std::mem::take(&mut self.kept) {
            self.ends.give(from, event, sink);
        }
    }
}

impl Ends {
    fn give(&self, from: Direction, event: Kept, sink: &mut Sink<'_>) {
        let (at, conn) = (sink.at, self.conn);
        sink.out.push_back(match event {
            Kept::Data(bytes) => Record::Data { at, data: Data { conn, from, layer: Layer::Wire, bytes } },
            Kept::Gap(len, why) => {
                *sink.gaps += 1;
                Record::Gap { at, gap: Gap { conn, from, layer: Layer::Wire, len: Some(len), why } }
            }
            Kept::End => Record::Close { at, conn, from, how: CloseHow::Fin },
        });
    }

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
                let gap = Gap { conn, from, layer: Layer::Wire, len: None, why: Missing::Before };
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { side: 1000, all: 2000 };

    /// A connection as an importer follows it, and what it has written down.
    #[derive(Default)]
    struct Watched {
        tcp: Option<Tcp>,
        out: VecDeque<Record>,
        conns: u32,
        cost: usize,
        gaps: u64,
    }

    fn ends(from: Direction) -> (SocketAddr, SocketAddr) {
        let client = SocketAddr::from(([192, 0, 2, 1], 40_000));
        let server = SocketAddr::from(([192, 0, 2, 2], 25));
        if from == Direction::Client { (client, server) } else { (server, client) }
    }

    fn segment(from: Direction, seq: u32, ack: Option<u32>, bytes: &[u8]) -> Segment<'_> {
        let (from, to) = ends(from);
        Segment { from, to, seq, ack, syn: false, fin: false, rst: false, bytes, cut: 0 }
    }

    impl Watched {
        fn take(&mut self, millis: i64, segment: &Segment<'_>) -> &mut Self {
            let Watched { tcp, out, conns, cost, gaps } = self;
            let at = Instant::from_micros(millis * 1000);
            let mut sink = Sink { out, conns, at, cost, gaps };
            if tcp.is_none() {
                *tcp = Tcp::begin(segment);
            }
            if let Some(tcp) = tcp {
                tcp.segment(segment, ROOM, &mut sink);
            }
            self
        }

        /// A handshake, and a greeting of four bytes: the client is at 1, the server at 5.
        fn greeted() -> Self {
            let mut watched = Watched::default();
            let syn = |from, ack| Segment { syn: true, ..segment(from, 0, ack, b"") };
            watched.take(0, &syn(Direction::Client, None)).take(1, &syn(Direction::Server, Some(1)));
            watched.take(2, &segment(Direction::Server, 1, Some(1), b"220\n"));
            watched
        }

        fn told(&mut self) -> Vec<String> {
            let Watched { tcp, out, conns, cost, gaps } = self;
            let mut sink = Sink { out, conns, at: Instant::from_secs(60), cost, gaps };
            if let Some(tcp) = tcp {
                tcp.finish(&mut sink);
            }
            assert_eq!(self.cost, 0, "nothing is kept");
            self.out.iter().map(told).collect()
        }
    }

    fn told(record: &Record) -> String {
        let who = |from: Direction| if from == Direction::Client { 'C' } else { 'S' };
        match record {
            Record::Open { open, .. } => format!("open {}", open.server.port()),
            Record::Data { data, .. } => {
                format!("{} {}", who(data.from), String::from_utf8_lossy(&data.bytes).trim_end())
            }
            Record::Gap { gap, .. } => format!("{} gap {:?} {:?}", who(gap.from), gap.len, gap.why),
            Record::Close { from, how, .. } => format!("{} {how:?}", who(*from)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_gap_stands_before_the_reply_to_what_is_in_it() {
        let mut tcp = Watched::greeted();
        tcp.take(10, &segment(Direction::Server, 5, Some(7), b"250 a\n"));
        tcp.take(20, &segment(Direction::Client, 7, Some(11), b"QUIT\n"));
        tcp.take(30, &segment(Direction::Server, 11, Some(12), b"221 b\n"));
        tcp.take(80, &segment(Direction::Client, 12, Some(17), b""));
        let want = ["open 25", "S 220", "C gap Some(6) Lost", "C QUIT", "S 250 a", "S 221 b"];
        assert_eq!(tcp.told()[..3], want[..3]);
        let told = tcp.told();
        let place = |what: &str| told.iter().position(|line| line == what);
        assert!(
            place("C gap Some(6) Lost") < place("S 250 a") && place("S 250 a") < place("S 221 b"),
            "{told:?}"
        );
    }

    #[test]
    fn a_command_that_was_captured_behind_its_reply_stands_before_it() {
        let mut tcp = Watched::greeted();
        tcp.take(10, &segment(Direction::Server, 5, Some(6), b"250 a\n"));
        tcp.take(11, &segment(Direction::Client, 1, Some(5), b"NOOP\n"));
        assert_eq!(tcp.told(), ["open 25", "S 220", "C NOOP", "S 250 a"]);
        assert_eq!(tcp.gaps, 0);
    }

    #[test]
    fn one_side_alone_is_told_without_waiting_for_the_other() {
        let mut tcp = Watched::default();
        let mut seq = 100;
        for (at, line) in ["220 a\n", "250 b\n", "250 c\n", "221 d\n"].into_iter().enumerate() {
            let ack = 500 + 10 * u32::try_from(at).unwrap();
            tcp.take(
                10 * i64::try_from(at).unwrap(),
                &segment(Direction::Server, seq, Some(ack), line.as_bytes()),
            );
            seq += 6;
        }
        let told = tcp.told();
        let lines: Vec<_> = told.iter().filter(|line| line.starts_with("S 2")).collect();
        assert_eq!(lines, ["S 220 a", "S 250 b", "S 250 c", "S 221 d"], "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("C gap Some")), "{told:?}");
    }

    #[test]
    fn a_syn_that_comes_late_begins_nothing_anew() {
        let mut tcp = Watched::default();
        tcp.take(0, &segment(Direction::Client, 1, Some(1), b"EHLO a\n"));
        let syn = Segment { syn: true, ..segment(Direction::Client, 0, None, b"") };
        assert!(!tcp.tcp.as_ref().unwrap().is_another(&syn));
        tcp.take(1, &syn).take(2, &segment(Direction::Server, 1, Some(8), b"250 a\n"));
        let told = tcp.told();
        assert_eq!(told.iter().filter(|line| line.starts_with("open")).count(), 1);
        assert!(told.contains(&"C EHLO a".to_owned()) && told.contains(&"S 250 a".to_owned()), "{told:?}");
    }

    #[test]
    fn ports_that_are_used_again_are_another_connection() {
        let mut tcp = Watched::greeted();
        let again = Segment { syn: true, ..segment(Direction::Client, 77_000_000, None, b"") };
        assert!(tcp.tcp.as_ref().unwrap().is_another(&again));
        let repeated = Segment { syn: true, ..segment(Direction::Client, 0, None, b"") };
        assert!(!tcp.tcp.as_ref().unwrap().is_another(&repeated));
        tcp.take(3, &Segment { rst: true, ..segment(Direction::Server, 5, Some(1), b"") });
        assert!(tcp.tcp.as_ref().unwrap().is_another(&repeated), "it is over");
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded() {
        let mut tcp = Watched::greeted();
        for at in 0..50 {
            tcp.take(3, &segment(Direction::Client, 101 + at * 50, Some(5), &[b'x'; 50]));
            assert!(tcp.cost <= ROOM.side + 50 + 100, "{}", tcp.cost);
        }
        assert!(tcp.told().contains(&"C gap Some(100) LetGo".to_owned()));
    }

    #[test]
    fn what_one_side_says_is_not_kept_back_without_bound() {
        let mut tcp = Watched::greeted();
        // The client's bytes are acknowledged and never come; time stands still.
        for at in 0..100 {
            let seq = 5 + at * 1000;
            tcp.take(3, &segment(Direction::Server, seq, Some(10), &[b'y'; 1000]));
            assert!(tcp.cost <= MOST_KEPT + 2000, "{}", tcp.cost);
        }
        let told = tcp.told();
        assert_eq!(told.iter().filter(|line| line.starts_with("S y")).count(), 100);
    }

    #[test]
    fn what_was_under_way_when_a_reset_came_is_told() {
        let mut tcp = Watched::greeted();
        tcp.take(3, &Segment { rst: true, ..segment(Direction::Client, 1, Some(5), b"") });
        tcp.take(4, &segment(Direction::Server, 5, Some(1), b"421 a\n"));
        assert_eq!(tcp.told(), ["open 25", "S 220", "S 421 a", "C Reset"]);
        // Both said that they have no more to send: a RST that answers a late packet adds nothing.
        let mut tcp = Watched::greeted();
        tcp.take(3, &Segment { fin: true, ..segment(Direction::Client, 1, Some(5), b"") });
        tcp.take(4, &Segment { rst: true, ..segment(Direction::Client, 2, Some(5), b"") });
        tcp.take(5, &Segment { fin: true, ..segment(Direction::Server, 5, Some(2), b"221\n") });
        assert_eq!(tcp.told(), ["open 25", "S 220", "C Fin", "S 221", "S Fin"]);
    }

    #[test]
    fn whoever_goes_on_was_not_reset() {
        let mut tcp = Watched::greeted();
        tcp.take(3, &Segment { rst: true, ..segment(Direction::Client, 77, Some(5), b"") });
        tcp.take(4, &segment(Direction::Client, 1, Some(5), b"NOOP\n"));
        tcp.take(5, &segment(Direction::Server, 5, Some(6), b"250 a\n"));
        assert_eq!(tcp.told(), ["open 25", "S 220", "C NOOP", "S 250 a"]);
        // Long after it was told, only what is new begins another record of it.
        let mut tcp = Watched::greeted();
        tcp.take(3, &Segment { rst: true, ..segment(Direction::Client, 1, Some(5), b"") }).told();
        let tcp = tcp.tcp.unwrap();
        assert!(!tcp.is_another(&segment(Direction::Server, 1, Some(1), b"220\n")));
        assert!(tcp.is_another(&segment(Direction::Server, 5, Some(1), b"421 a\n")));
    }

    #[test]
    fn an_answer_to_a_call_that_was_not_captured_is_another_connection() {
        let mut tcp = Watched::greeted();
        let answer = Segment { syn: true, ..segment(Direction::Server, 9_000_000, Some(7), b"") };
        assert!(!tcp.tcp.as_ref().unwrap().is_another(&answer), "it goes on");
        tcp.take(3, &Segment { rst: true, ..segment(Direction::Server, 5, Some(1), b"") });
        assert!(tcp.tcp.as_ref().unwrap().is_another(&answer));
    }

    #[test]
    fn how_it_ended_is_told_apart() {
        let syn = Segment { syn: true, ..segment(Direction::Client, 0, None, b"") };
        let rst = Segment { rst: true, ..segment(Direction::Server, 0, Some(1), b"") };
        let mut refused = Watched::default();
        assert_eq!(refused.take(0, &syn).take(1, &rst).told(), ["open 25", "S Refused"]);
        let mut silent = Watched::default();
        assert_eq!(silent.take(0, &syn).take(1000, &syn).told(), ["open 25", "C Timeout"]);
        let mut reset = Watched::greeted();
        reset.take(3, &Segment { rst: true, ..segment(Direction::Client, 1, Some(5), b"") });
        assert_eq!(reset.told(), ["open 25", "S 220", "C Reset"]);
    }
}
