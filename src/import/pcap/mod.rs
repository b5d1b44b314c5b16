//! [`Importer`]: a capture (pcap, pcapng) → Records, one at a time, in bounded memory.
//!
//! It stands left of `trace` on the road, where the world's taps stand too. On the way a byte passes `source` (the
//! file), `link` (the link layer), `packet` and `fragment` (IP, TCP and UDP headers), `table` (which connection) and
//! `stream` (reassembly, RFC 9293) under `tcp`.
//!
//! Every TCP connection becomes Records, whatever it speaks: what it is, the dissector tells by port and by first
//! words. Of datagrams only DNS is taken. Records stand in the order of the packets; bytes that had to wait for
//! missing ones bear the time at which these came. What was left out or went wrong is counted in [`Summary`], and
//! what concerns the whole file is told in a mark at the end, so that no loss is silent.

mod datagram;
mod fragment;
mod link;
mod packet;
mod source;
mod stream;
mod table;
mod tcp;

pub use packet::Ignored;
pub use source::Broken;

use super::Error;
use crate::base::Instant;
use crate::trace::{
    CloseHow, Conn, Data, Direction, Head, HostInfo, Layer, Mark, Opened, Record, Transport, file::VERSION,
};
use packet::{Decoder, Packet, Segment};
use source::{Frame, Source};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use table::{Key, Queue, Table};
use tcp::{Room, Sink, Tcp, UNDER_WAY};

/// Resets that wait to be told.
const MOST_RESETS: usize = 4096;

/// Bytes that tell a format.
pub(super) const SNIFFED: usize = 4;

/// What kind of capture a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The old format, of tcpdump.
    Pcap,
    /// The new one, of Wireshark.
    Pcapng,
}

/// The format of a file that begins like this, if it is a capture.
pub fn sniff(begins: &[u8]) -> Option<Format> {
    match *begins.first_chunk::<SNIFFED>()? {
        [0x0a, 0x0d, 0x0d, 0x0a] => Some(Format::Pcapng),
        // Microseconds, nanoseconds, Kuznetzov's; each in either byte order.
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xd4, 0xc3, 0xb2, 0xa1] => Some(Format::Pcap),
        [0xa1, 0xb2, 0x3c, 0x4d] | [0x4d, 0x3c, 0xb2, 0xa1] => Some(Format::Pcap),
        [0x34, 0xcd, 0xb2, 0xa1] => Some(Format::Pcap),
        _ => None,
    }
}

/// How much an import keeps at most, whatever the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections that are followed at once: 16 384. Beyond it the one that is silent longest is let go, with a
    /// Close Record that says so.
    pub connections: usize,
    /// Exchanges of datagrams that are followed at once: 4096. Beyond it the oldest is over.
    pub exchanges: usize,
    /// Bytes of one side that wait for missing ones: 4 MiB. Beyond it what is missing becomes a gap.
    pub waiting: usize,
    /// The same of all connections together: 64 MiB.
    pub waiting_in_all: usize,
    /// Bytes of IP fragments that wait for others: 4 MiB. Beyond it the oldest packet is given up.
    pub fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 16_384,
            exchanges: 4096,
            waiting: 4 << 20,
            waiting_in_all: 64 << 20,
            fragments: 4 << 20,
        }
    }
}

/// What an import met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets of the capture.
    pub packets: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Packets that were captured only in part.
    pub cut: u64,
    /// TCP connections.
    pub connections: u64,
    /// DNS messages in datagrams.
    pub datagrams: u64,
    /// Stretches that are missing from streams.
    pub gaps: u64,
    /// Connections that were let go because more were open than are followed.
    pub let_go: u64,
    /// Packets that carried nothing wanted.
    pub ignored: Ignored,
    /// Why the file gave no more, where that was not its end.
    pub broken: Option<Broken>,
}

impl Summary {
    /// What is worth telling whoever reads the transcript, a sentence each: what is broken, cut or unknown.
    pub fn troubles(&self) -> Vec<String> {
        let mut out: Vec<String> = self.broken.iter().map(Broken::to_string).collect();
        let mut tell = |count: u64, one: &str, many: &str| match count {
            0 => {}
            1 => out.push(format!("1 {one}.")),
            count => out.push(format!("{count} {many}.")),
        };
        let ignored = &self.ignored;
        let link = ignored.link.unwrap_or(0);
        let unknown = format!("of link type {link}, which is not known here: left out");
        tell(ignored.unknown_link, &format!("packet is {unknown}"), &format!("packets are {unknown}"));
        let cut = "captured only in part (a snapshot length of 0 captures all: tcpdump -s 0)";
        tell(self.cut, &format!("packet was {cut}"), &format!("packets were {cut}"));
        let headers = "headers that are broken or cut short, and left out";
        tell(ignored.broken, &format!("packet has {headers}"), &format!("packets have {headers}"));
        let fragments = "from which fragments are missing: left out";
        tell(ignored.fragments, &format!("packet {fragments}"), &format!("packets {fragments}"));
        let many = "open at once than are followed: connections that were silent longest were let go";
        tell(self.let_go, &format!("connection more was {many}"), &format!("connections more were {many}"));
        out
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Truncated { at } => write!(
                f,
                "The capture ends inside a packet (which begins at byte {at}): all packets before it were read."
            ),
            Broken::Damaged { at } => write!(
                f,
                "The capture is damaged at byte {at}: no packet can be read there. All packets before it were read."
            ),
            Broken::Unreadable { at, why } => {
                let why = crate::base::escape::text(why);
                write!(
                    f,
                    "The capture could not be read beyond byte {at}: {why}. All packets before it were read."
                )
            }
        }
    }
}

/// A connection or an exchange that is followed.
#[derive(Debug)]
enum Flow {
    Tcp(Box<Tcp>),
    Udp { conn: Conn, client: SocketAddr },
}

/// Records of a capture, in order; the head first, an `End` last.
pub struct Importer {
    source: Source,
    decoder: Decoder,
    follower: Follower,
    title: String,
    state: State,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the head.
    Begin,
    /// Among the packets.
    Packets,
    /// Behind the End.
    Done,
}

impl Importer {
    /// An importer at the beginning of a capture.
    ///
    /// # Errors
    /// Where it is no capture, or its header is broken.
    pub fn new(read: impl Read + Send + 'static) -> Result<Self, Error> {
        Self::with_limits(read, Limits::default())
    }

    /// One that keeps at most so much.
    ///
    /// # Errors
    /// Where it is no capture, or its header is broken.
    pub fn with_limits(mut read: impl Read + Send + 'static, limits: Limits) -> Result<Self, Error> {
        let begins = super::first_bytes(&mut read, super::LOOK)?;
        let source = Source::new(&begins, std::io::Cursor::new(begins.clone()).chain(read))?;
        let follower = Follower::new(limits);
        let decoder = Decoder::new(limits.fragments);
        Ok(Importer { source, decoder, follower, title: "a capture".to_owned(), state: State::Begin })
    }

    /// The same, with a title for the head: `capture.pcap`.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Self {
        crate::base::escape::text(title).clone_into(&mut self.title);
        self
    }

    /// What was met so far; after the last Record, all of it.
    pub fn summary(&self) -> Summary {
        let mut summary = self.follower.summary.clone();
        summary.ignored = Ignored {
            datagrams: summary.ignored.datagrams,
            fragments: self.decoder.unfinished(),
            ..self.decoder.ignored.clone()
        };
        summary
    }

    /// Read a frame. Whether there was one.
    fn read(&mut self) -> bool {
        let Importer { source, decoder, follower, .. } = self;
        let read = source.read(|frame| {
            follower.frame(&frame);
            decoder.frame(frame, &mut |packet| follower.packet(packet));
        });
        match read {
            Ok(more) => more,
            Err(broken) => {
                follower.summary.broken = Some(broken);
                false
            }
        }
    }

    fn end(&mut self) {
        self.follower.finish();
        let at = self.follower.at;
        for text in self.summary().troubles() {
            let mark = Mark { kind: "comment".to_owned(), text, ..Mark::default() };
            self.follower.out.push_back(Record::Mark(mark));
        }
        self.follower.out.push_back(Record::End { at });
        self.state = State::Done;
    }

    fn head(&self) -> Record {
        Record::Head(Head {
            version: VERSION,
            generator: concat!("postroad ", env!("CARGO_PKG_VERSION")).to_owned(),
            title: self.title.clone(),
            start: self.follower.start.unwrap_or_default(),
            hosts: hosts(&self.source.names),
            scenario: String::new(),
            seed: 0,
            changes: Vec::new(),
        })
    }
}

/// Hosts as the capture's own name resolution calls them.
fn hosts(names: &BTreeMap<IpAddr, String>) -> Vec<HostInfo> {
    let mut hosts: Vec<HostInfo> = Vec::new();
    for (address, name) in names {
        match hosts.iter_mut().find(|host| host.name == *name) {
            Some(host) => host.addresses.push(*address),
            None => hosts.push(HostInfo { name: name.clone(), addresses: vec![*address], roles: Vec::new() }),
        }
    }
    hosts
}

impl Iterator for Importer {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if self.state != State::Begin
                && let Some(record) = self.follower.out.pop_front()
            {
                return Some(record);
            }
            match self.state {
                State::Done => return None,
                // The head tells when it starts: with the first packet.
                State::Begin => {
                    let more = self.read();
                    let head = self.head();
                    self.state = State::Packets;
                    if !more {
                        self.end();
                    }
                    return Some(head);
                }
                State::Packets => {
                    if !self.read() {
                        self.end();
                    }
                }
            }
        }
    }
}

/// Packets in, Records out: who talks to whom.
struct Follower {
    limits: Limits,
    table: Table<Flow>,
    out: VecDeque<Record>,
    conns: u32,
    /// Connections that a RST ended, and when: it is told once nothing can be under way any more.
    resets: VecDeque<(Instant, Key)>,
    /// What all sides keep.
    cost: usize,
    start: Option<Instant>,
    at: Instant,
    summary: Summary,
}

impl Follower {
    fn new(limits: Limits) -> Self {
        Follower {
            limits,
            table: Table::default(),
            out: VecDeque::new(),
            conns: 0,
            resets: VecDeque::new(),
            cost: 0,
            start: None,
            at: Instant::default(),
            summary: Summary::default(),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.start.get_or_insert(frame.at);
        self.tell_resets(frame.at);
        self.at = frame.at;
        self.summary.packets += 1;
        self.summary.bytes += frame.data.len() as u64;
        self.summary.cut += u64::from(frame.cut);
    }

    /// Tell the resets that were waited with for long enough by now, or that are too many. They bear the time of the
    /// frame before, so that Records stay in order.
    fn tell_resets(&mut self, now: Instant) {
        while let Some(&(since, key)) = self.resets.front() {
            if now.since(since) < UNDER_WAY && self.resets.len() <= MOST_RESETS {
                return;
            }
            self.resets.pop_front();
            let Follower { table, out, conns, cost, at, summary, .. } = self;
            let mut sink = Sink { out, conns, at: *at, cost, gaps: &mut summary.gaps };
            // It may have gone on since, or be another connection.
            if let Some(Flow::Tcp(tcp)) = table.get(&key)
                && tcp.reset.is_some_and(|(_, reset)| reset == since)
            {
                tcp.settle(&mut sink);
                table.turn_over(&key, Queue::Over);
            }
        }
    }

    fn packet(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Tcp(segment) => self.segment(&segment),
            Packet::Udp { from, to, bytes, .. } => self.datagram(from, to, bytes),
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let key = Key::new(segment.from, segment.to, false);
        let room = Room { side: self.limits.waiting, all: self.limits.waiting_in_all };
        let Follower { table, out, conns, cost, at, summary, .. } = self;
        let mut sink = Sink { out, conns, at: *at, cost, gaps: &mut summary.gaps };
        let known = match table.get(&key) {
            Some(Flow::Tcp(tcp)) if tcp.is_another(segment) => {
                tcp.let_go(&mut sink);
                false
            }
            Some(Flow::Tcp(tcp)) => {
                let reset = tcp.reset;
                tcp.segment(segment, room, &mut sink);
                let over = tcp.over;
                if let Some((_, since)) = tcp.reset.filter(|now| reset != Some(*now)) {
                    self.resets.push_back((since, key));
                }
                if over {
                    table.turn_over(&key, Queue::Over);
                }
                true
            }
            _ => false,
        };
        if !known && let Some(mut tcp) = Tcp::begin(segment) {
            tcp.segment(segment, room, &mut sink);
            if let Some((_, since)) = tcp.reset {
                self.resets.push_back((since, key));
            }
            summary.connections += 1;
            table.insert(key, Flow::Tcp(Box::new(tcp)), Queue::Open);
            self.make_room();
        }
    }

    /// Let the longest silent connections go, where there are too many.
    fn make_room(&mut self) {
        let Limits { connections, exchanges, .. } = self.limits;
        let Follower { table, out, conns, cost, at, summary, .. } = self;
        let mut sink = Sink { out, conns, at: *at, cost, gaps: &mut summary.gaps };
        while let Some(flow) = table.let_go(Queue::Open, connections) {
            if let Flow::Tcp(mut tcp) = flow {
                tcp.let_go(&mut sink);
                summary.let_go += 1;
            }
        }
        while table.let_go(Queue::Over, connections).is_some() {}
        while let Some(flow) = table.let_go(Queue::Datagrams, exchanges) {
            forget_exchange(&flow, &mut sink);
        }
    }

    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let key = Key::new(from, to, true);
        let at = self.at;
        let known = match self.table.get(&key) {
            Some(Flow::Udp { conn, client }) => Some((*conn, *client)),
            _ => None,
        };
        if known.is_none() && !datagram::is_dns(from.port(), to.port(), bytes) {
            self.summary.ignored.datagrams += 1;
            return;
        }
        self.summary.datagrams += 1;
        let (conn, client) = known.unwrap_or_else(|| {
            let (client, server) = if datagram::is_answer(bytes) { (to, from) } else { (from, to) };
            self.conns = self.conns.saturating_add(1);
            let conn = Conn(self.conns);
            let open = Opened { conn, transport: Transport::Udp, client, server };
            self.out.push_back(Record::Open { at, open });
            self.table.insert(key, Flow::Udp { conn, client }, Queue::Datagrams);
            (conn, client)
        });
        let from = if from == client { Direction::Client } else { Direction::Server };
        let data = Data { conn, from, layer: Layer::Wire, bytes: bytes.to_vec() };
        self.out.push_back(Record::Data { at, data });
        if known.is_none() {
            self.make_room();
        }
    }

    /// The capture is at its end: what waits is given, connection by connection.
    fn finish(&mut self) {
        let mut flows = self.table.drain();
        flows.sort_by_key(|flow| match flow {
            Flow::Tcp(tcp) => tcp.number(),
            Flow::Udp { conn, .. } => *conn,
        });
        let Follower { out, conns, cost, at, summary, .. } = self;
        let mut sink = Sink { out, conns, at: *at, cost, gaps: &mut summary.gaps };
        for flow in flows {
            if let Flow::Tcp(mut tcp) = flow {
                tcp.finish(&mut sink);
            }
        }
    }
}

/// Datagrams have no end; this one lets those who read Records forget the exchange.
fn forget_exchange(flow: &Flow, sink: &mut Sink<'_>) {
    if let Flow::Udp { conn, .. } = flow {
        for from in [Direction::Client, Direction::Server] {
            sink.out.push_back(Record::Close { at: sink.at, conn: *conn, from, how: CloseHow::Fin });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;

    /// A segment in IPv4, as link type 101 has it: from the client's port or to it.
    fn packet(port: u16, from_client: bool, flags: u8, seq: u32, ack: u32, text: &[u8]) -> Vec<u8> {
        let len = u16::try_from(40 + text.len()).unwrap_or(u16::MAX).to_be_bytes();
        let (client, server) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let (from, to) = if from_client { (client, server) } else { (server, client) };
        let (source, target) = if from_client { (port, 25) } else { (25, port) };
        let ip = [&[0x45, 0][..], &len, &[0, 0, 0, 0, 64, 6, 0, 0], &from, &to].concat();
        let tcp = [&source.to_be_bytes()[..], &target.to_be_bytes(), &seq.to_be_bytes(), &ack.to_be_bytes()];
        [&ip[..], &tcp.concat(), &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0], text].concat()
    }

    /// What an import tells of packets, each at its millisecond: when, and what.
    fn told(packets: &[(i64, Vec<u8>)]) -> Vec<(i64, String)> {
        let mut capture = [0xa1b2_c3d4_u32.to_be_bytes(), [0, 2, 0, 4], [0; 4], [0; 4]].concat();
        capture.extend([0xffff_u32.to_be_bytes(), 101_u32.to_be_bytes()].concat());
        for (millis, packet) in packets {
            let len = u32::try_from(packet.len()).unwrap_or(0).to_be_bytes();
            let seconds = u32::try_from(millis / 1000).unwrap_or(0).to_be_bytes();
            let micros = u32::try_from(millis % 1000 * 1000).unwrap_or(0).to_be_bytes();
            capture.extend([seconds, micros, len, len].concat());
            capture.extend(packet);
        }
        let importer = Importer::new(std::io::Cursor::new(capture)).expect("a capture");
        let told = importer.filter_map(|record| match record {
            Record::Open { at, open } => Some((at, format!("open {}", open.client.port()))),
            Record::Data { at, data } => {
                Some((at, format!("{:?} {}", data.from, String::from_utf8_lossy(&data.bytes).trim_end())))
            }
            Record::Close { at, from, how, .. } => Some((at, format!("{from:?} {how:?}"))),
            _ => None,
        });
        told.map(|(at, text)| (at.as_micros() / 1000, text)).collect()
    }

    fn greeted(at: i64, port: u16) -> [(i64, Vec<u8>); 3] {
        [
            (at, packet(port, true, SYN, 0, 0, b"")),
            (at + 1, packet(port, false, SYN | ACK, 0, 1, b"")),
            (at + 2, packet(port, false, ACK, 1, 1, b"220 mx\n")),
        ]
    }

    #[test]
    fn a_reset_waits_for_what_is_under_way_and_no_longer() {
        let mut packets = greeted(0, 4000).to_vec();
        packets.push((10, packet(4000, true, RST, 1, 8, b"")));
        packets.push((20, packet(4000, false, ACK, 8, 1, b"421 bye\n")));
        packets.extend(greeted(900, 4001));
        packets.push((3000, packet(4001, true, ACK, 1, 8, b"QUIT\n")));
        let want = [
            (0, "open 4000"),
            (2, "Server 220 mx"),
            (20, "Server 421 bye"),
            (900, "open 4001"),
            (902, "Server 220 mx"),
            (902, "Client Reset"),
            (3000, "Client QUIT"),
        ];
        let told = told(&packets);
        assert_eq!(told.iter().map(|(at, text)| (*at, text.as_str())).collect::<Vec<_>>(), want);
    }

    #[test]
    fn ports_used_anew_right_behind_a_reset_are_another_connection() {
        let mut packets = greeted(0, 4000).to_vec();
        packets.push((10, packet(4000, true, RST, 1, 8, b"")));
        packets.push((20, packet(4000, true, SYN, 5000, 0, b"")));
        packets.push((21, packet(4000, false, SYN | ACK, 7000, 5001, b"")));
        packets.push((22, packet(4000, false, ACK | FIN, 7001, 5001, b"554 no\n")));
        let texts: Vec<_> = told(&packets).into_iter().map(|(_, text)| text).collect();
        let want = ["open 4000", "Server 220 mx", "Client Reset", "open 4000", "Server 554 no", "Server Fin"];
        assert_eq!(texts, want);
    }
}
