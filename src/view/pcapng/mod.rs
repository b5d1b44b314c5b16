//! The story as a capture: a pcapng file that tshark and Wireshark open, with what each line means as comments.
//!
//! Where it stands on the road: last, beside the other views; but it shows the bytes themselves, so it takes
//! records and not items. A transcript is written above TCP and UDP: [`frame`] makes up the headers, [`tcp`] the
//! handshakes, numbers and acknowledgments, [`survey`] learns beforehand what is secret and what is to be said,
//! [`block`] writes the file.
//!
//! Passwords are overwritten with asterisks, byte for byte, unless they are asked for: lengths, numbers and
//! checksums are right either way. [`Live`] writes while the story still goes on.

mod block;
mod frame;
mod live;
mod survey;
mod tcp;

use super::Cast;
use crate::base::{Instant, escape};
use crate::dissect::Step;
use crate::trace::{CloseHow, Conn, Data, Direction, Gap, Head, Layer, Opened, Record, Transport};
use block::Blocks;
use frame::{LARGEST_DATAGRAM, Path};
pub use live::Live;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use survey::{Id, Survey, side};
use tcp::{Duty, Sent, Stream};

/// How it is written.
#[derive(Clone, Copy)]
pub struct Options<'s> {
    /// Whether passwords stay as they are.
    pub show_secrets: bool,
    /// Whether comments hold more than a summary.
    pub detail: bool,
    /// Which Steps are meant: the connections that hold one of them are written, whole.
    pub keep: &'s dyn Fn(&Step) -> bool,
}

/// Write the records of a transcript as a capture.
///
/// # Errors
/// Where `out` fails.
pub fn write<W: Write>(out: W, head: &Head, records: &[Record], options: &Options<'_>) -> io::Result<()> {
    let mut capture = Capture::begin(out, head, Survey::of(head, records, options), options)?;
    for (index, record) in records.iter().enumerate() {
        capture.record(index, record)?;
    }
    capture.until(None)?;
    capture.blocks.flush()
}

fn about(title: &str, options: &Options<'_>) -> String {
    let secrets = if options.show_secrets { "shown" } else { "overwritten with asterisks" };
    format!(
        "{title}\nMade from a transcript, which holds what programs said to each other: Ethernet, IP, TCP and UDP \
         headers, handshakes and acknowledgments are made up around it. Passwords are {secrets}."
    )
}

/// A connection whose packets are being written.
struct Line {
    id: Id,
    kind: Carried,
    /// Bytes that each side has sent, by which secrets and comments are found.
    sent: [u64; 2],
}

enum Carried {
    Tcp(Box<Stream>),
    Udp(Path),
}

/// The second pass: a record in, packets out, in the order of time.
struct Capture<W> {
    blocks: Blocks<W>,
    survey: Survey,
    now: BTreeMap<Conn, Line>,
    /// What streams do by themselves, the earliest first.
    due: BinaryHeap<Reverse<(Instant, Duty, Conn, Id)>>,
    /// The number of the next packet of IPv4.
    id: u16,
}

impl<W: Write> Capture<W> {
    fn begin(out: W, head: &Head, survey: Survey, options: &Options<'_>) -> io::Result<Self> {
        let mut blocks = Blocks::new(out);
        blocks.begin(&about(&Cast::of(&[Record::Head(head.clone())]).title, options))?;
        let named: Vec<(IpAddr, String)> =
            head.hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, escape::text(&h.name)))).collect();
        blocks.names(named.iter().map(|(address, name)| (*address, name.as_str())))?;
        Ok(Capture { blocks, survey, now: BTreeMap::new(), due: BinaryHeap::new(), id: 0 })
    }

    fn record(&mut self, index: usize, record: &Record) -> io::Result<()> {
        let Some(at) = record.at() else { return Ok(()) };
        self.until(Some(at))?;
        if let Some(id) = self.survey.begins(index) {
            self.open(id, at, record)?;
            self.until(Some(at))?;
        }
        match record {
            Record::Data { at, data } if data.layer == Layer::Wire => self.data(*at, data),
            Record::Gap { at, gap } if gap.layer == Layer::Wire => self.gap(*at, gap),
            Record::Close { at, conn, from, how } => self.close(*at, *conn, *from, *how),
            _ => Ok(()),
        }
    }

    /// Do what streams do by themselves before this moment: handshakes at it too, acknowledgments not yet, since
    /// what is recorded there carries them. Without a moment: everything that is left.
    fn until(&mut self, moment: Option<Instant>) -> io::Result<()> {
        while let Some(Reverse((at, duty, ..))) = self.due.peek() {
            let by = matches!(duty, Duty::Acknowledge(_));
            if moment.is_some_and(|m| *at > m || (*at == m && by)) {
                break;
            }
            let Some(Reverse((at, duty, conn, id))) = self.due.pop() else { break };
            let Some(line) = self.now.get_mut(&conn).filter(|line| line.id == id) else { continue };
            let Carried::Tcp(stream) = &mut line.kind else { continue };
            let ((sent, next), path) = (stream.due(duty, at), stream.path);
            self.due.extend(next.map(|(at, duty)| Reverse((at, duty, conn, id))));
            if let Some(sent) = sent {
                self.segment(at, path, &sent, &[], &[])?;
            }
        }
        Ok(())
    }

    fn open(&mut self, id: Id, at: Instant, record: &Record) -> io::Result<()> {
        let (conn, opened) = match record {
            Record::Open { open, .. } => (open.conn, Some(open)),
            Record::Data { data, .. } => (data.conn, None),
            Record::Gap { gap, .. } => (gap.conn, None),
            _ => return Ok(()),
        };
        self.now.remove(&conn);
        let Some(course) = self.survey.courses.get(&id).filter(|c| c.kept) else { return Ok(()) };
        let path = path(conn, opened);
        let sent = [0, 0];
        if is_udp(opened) {
            self.now.insert(conn, Line { id, kind: Carried::Udp(path), sent });
            return Ok(());
        }
        let (mut stream, duties) = Stream::open(path, at, course, id);
        self.due.extend(duties.into_iter().map(|(at, duty)| Reverse((at, duty, conn, id))));
        let syn = (!course.late).then(|| stream.syn());
        self.now.insert(conn, Line { id, kind: Carried::Tcp(Box::new(stream)), sent });
        match syn {
            Some(syn) => {
                let said = self.survey.on_open(id).to_vec();
                self.segment(at, path, &syn, &[], &said)
            }
            None => Ok(()),
        }
    }

    fn data(&mut self, at: Instant, data: &Data) -> io::Result<()> {
        let Some(mut line) = self.now.remove(&data.conn) else { return Ok(()) };
        self.established(at, &mut line)?;
        let mut bytes = data.bytes.clone();
        let mut offset = line.sent[side(data.from)];
        self.survey.mask(line.id, data.from, offset, &mut bytes);
        line.sent[side(data.from)] = offset.saturating_add(bytes.len() as u64);
        let most = match &line.kind {
            Carried::Tcp(stream) => stream.path.mss(),
            Carried::Udp(_) => LARGEST_DATAGRAM,
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(most.min(rest.len()));
            let end = offset.saturating_add(now.len() as u64);
            let comments = self.survey.on_bytes(line.id, data.from, offset..end);
            match &mut line.kind {
                Carried::Tcp(stream) => {
                    let sent = stream.data(data.from, at, now.len(), later.is_empty());
                    self.segment(at, stream.path, &sent, now, &comments)?;
                }
                Carried::Udp(path) => {
                    let path = if data.from == Direction::Client { *path } else { path.back() };
                    self.id = self.id.wrapping_add(1);
                    self.blocks.packet(at, &path.udp(self.id, now), &few(&comments))?;
                }
            }
            (offset, rest) = (end, later);
        }
        self.ended(at, data.conn, data.from, &mut line)?;
        self.now.insert(data.conn, line);
        Ok(())
    }

    /// Bytes that nobody recorded: tshark says of the next segment that the one before it was not captured.
    fn gap(&mut self, at: Instant, gap: &Gap) -> io::Result<()> {
        let Some(mut line) = self.now.remove(&gap.conn) else { return Ok(()) };
        // Places in a stream count what was recorded: only the sequence numbers go on behind the gap.
        let len = gap.len.unwrap_or(0);
        self.established(at, &mut line)?;
        if let Carried::Tcp(stream) = &mut line.kind {
            stream.skip(gap.from, len);
        }
        self.ended(at, gap.conn, gap.from, &mut line)?;
        self.now.insert(gap.conn, line);
        Ok(())
    }

    fn close(&mut self, at: Instant, conn: Conn, from: Direction, how: CloseHow) -> io::Result<()> {
        let Some(mut line) = self.now.remove(&conn) else { return Ok(()) };
        if let Carried::Tcp(stream) = &mut line.kind {
            stream.close(from, how);
        }
        self.ended(at, conn, from, &mut line)?;
        self.now.insert(conn, line);
        Ok(())
    }

    /// Where a clock went backwards, a side speaks before the handshake's time: then it is done now.
    fn established(&mut self, at: Instant, line: &mut Line) -> io::Result<()> {
        let Carried::Tcp(stream) = &mut line.kind else { return Ok(()) };
        for duty in [Duty::Answer, Duty::Establish] {
            if let (Some(sent), _) = stream.due(duty, at) {
                self.segment(at, stream.path, &sent, &[], &[])?;
            }
        }
        Ok(())
    }

    /// After something was sent: a side that is done says so, and the other side will acknowledge.
    fn ended(&mut self, at: Instant, conn: Conn, from: Direction, line: &mut Line) -> io::Result<()> {
        let Carried::Tcp(stream) = &mut line.kind else { return Ok(()) };
        if let Some(sent) = stream.ended(from, at) {
            let said = self.survey.on_end(line.id, from).to_vec();
            self.segment(at, stream.path, &sent, &[], &said)?;
        }
        let next = stream.answer_to(from);
        self.due.extend(next.map(|(at, duty)| Reverse((at, duty, conn, line.id))));
        Ok(())
    }

    fn segment(
        &mut self,
        at: Instant,
        path: Path,
        sent: &Sent,
        bytes: &[u8],
        comments: &[String],
    ) -> io::Result<()> {
        let path = if sent.from == Direction::Client { path } else { path.back() };
        self.id = self.id.wrapping_add(1);
        self.blocks.packet(at, &path.tcp(self.id, sent.segment, bytes), &few(comments))
    }
}

/// Comments of one packet: where a segment ends many Steps, the first of them and how many more there are.
fn few(comments: &[String]) -> Vec<String> {
    const MOST: usize = 40;
    let mut out: Vec<String> = comments.iter().take(MOST).cloned().collect();
    if comments.len() > MOST {
        out.push(format!("and {} more steps", comments.len() - MOST));
    }
    out
}

fn is_udp(opened: Option<&Opened>) -> bool {
    opened.is_some_and(|open| open.transport == Transport::Udp)
}

/// From the client to the server. Where no record says who they are, they get addresses of this host, and the
/// connection's number as port.
fn path(conn: Conn, opened: Option<&Opened>) -> Path {
    match opened {
        Some(open) => Path::new(open.client, open.server),
        None => {
            let host = |last: u8| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
            let port = 1024 + (conn.0 % 60_000) as u16;
            Path::new(SocketAddr::new(host(1), port), SocketAddr::new(host(2), 0))
        }
    }
}
