//! [`Dissector`]: Records → Steps: keeps each connection's conversation, and frees it at its end.
//!
//! A conversation has two layers, each with both sides: the `wire`, and `plain` where TLS hides it. Where there
//! is a plain layer the wire gives TLS Steps only. After STARTTLS the plain layer has a reader of its own.

use super::channel::{Channel, Drawn};
use super::registry;
use super::step::{Kind, Meaning, Piece, Protocol, Step};
use super::stream::{Stamp, Taken};
use super::tls::TlsMeaning;
use crate::base::{Aside, Finding, Shelf, Span};
use crate::trace::{CloseHow, Conn, Data, Direction, Gap, Layer, Missing, Opened, Record, Transport};
use compact_str::ToCompactString as _;
use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// How much a dissector keeps at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one side that wait to become a Step: 64 MiB, above any message that a server here would take.
    /// What passes it becomes one Step with the finding `too-large`, and the rest of that connection is unread.
    pub waiting: usize,
    /// Bytes that wait in memory, of all sides together: 32 MiB. Beyond it, whoever is in the middle of a letter has what
    /// waits of it laid aside in a temporary file.
    pub memory: usize,
    /// The same, whatever happens: 160 MiB. Beyond it, a side that cannot be laid aside is told as if it had passed
    /// `waiting`.
    pub most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { waiting: 64 << 20, memory: 32 << 20, most: 160 << 20 }
    }
}

/// Records in, Steps out, in an order that never changes afterwards.
///
/// Time is linear in the bytes; memory holds only what is not in a Step yet, and what each open connection's
/// reader remembers.
#[derive(Clone, Default)]
pub struct Dissector {
    limits: Limits,
    /// Copies of a dissector share those that neither goes on with.
    conversations: Shelf<Conn, Arc<Conversation>>,
    steps: usize,
    /// How many of the conversations are of datagrams, which have no end.
    datagrams: usize,
    /// What the last record gave, empty between two: its memory is used again.
    drawn: Vec<Drawn>,
    /// Bytes that wait in memory, of all conversations.
    held: usize,
    /// Where bytes lie that are too much for memory.
    aside: Aside,
}

/// Bytes of a side that are no use to let go where memory is full: even with as many connections as an importer follows
/// they are little.
const LITTLE: usize = 4 << 10;

/// Conversations of datagrams that are remembered. Nothing tells that one is over; with more, the one with the lowest
/// number is forgotten, and what came later on it would be read as a connection that nobody saw opened.
const MOST_DATAGRAMS: usize = 4096;

/// How much memory for one record's Steps is kept for the next one.
const KEPT: usize = 1024;

impl Dissector {
    /// A dissector at the beginning of a transcript.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that keeps at most so much.
    pub fn with_limits(limits: Limits) -> Self {
        Dissector { limits, ..Self::default() }
    }

    /// Take the record at `index` of the transcript; gives the Steps whose last byte it brought.
    pub fn push(&mut self, index: usize, record: &Record) -> Vec<Step> {
        let mut out = Vec::new();
        self.push_to(index, record, &mut out);
        out
    }

    /// The same, behind what `out` holds: whoever reads millions of records need not ask for memory at each.
    pub fn push_to(&mut self, index: usize, record: &Record, out: &mut Vec<Step>) {
        self.take_to(index, Cow::Borrowed(record), out);
    }

    /// The same of a record that may be given away: then its bytes are not copied. Gives back one that bears none.
    pub fn take_to<'r>(
        &mut self,
        index: usize,
        record: Cow<'r, Record>,
        out: &mut Vec<Step>,
    ) -> Option<Cow<'r, Record>> {
        let first = out.len();
        let rest = self.record(index, record, out);
        for step in out.iter_mut().skip(first) {
            self.steps += 1;
            step.number = self.steps;
        }
        self.drawn.shrink_to(KEPT);
        rest
    }

    fn record<'r>(
        &mut self,
        index: usize,
        record: Cow<'r, Record>,
        out: &mut Vec<Step>,
    ) -> Option<Cow<'r, Record>> {
        match record {
            Cow::Owned(Record::Data { at, mut data }) => {
                let bytes = Cow::Owned(std::mem::take(&mut data.bytes));
                self.data(&data, bytes, Stamp { at, record: index }, out);
                return None;
            }
            Cow::Borrowed(Record::Data { at, data }) => {
                self.data(data, Cow::Borrowed(&data.bytes), Stamp { at: *at, record: index }, out);
                return None;
            }
            _ => {}
        }
        match &*record {
            Record::Open { at, open } => self.open(open, Stamp { at: *at, record: index }, out),
            Record::Gap { at, gap } => self.gap(gap, Stamp { at: *at, record: index }, out),
            Record::Close { at, conn, from, how } => {
                self.close(*conn, *from, *how, Stamp { at: *at, record: index }, out);
            }
            Record::End { .. } => while self.end_one(out) {},
            _ => {}
        }
        Some(record)
    }

    /// Nothing more comes: what still waits becomes Steps. An `End` record does the same, and whoever has called
    /// [`Dissector::finish_one`] before finds nothing left.
    pub fn finish(&mut self) -> Vec<Step> {
        let mut out = Vec::new();
        while self.finish_one(&mut out) {}
        out
    }

    /// The same of one conversation alone: all together may hold more than fits in memory. Whether there was one.
    pub fn finish_one(&mut self, out: &mut Vec<Step>) -> bool {
        let first = out.len();
        let was_one = self.end_one(out);
        for step in out.iter_mut().skip(first) {
            self.steps += 1;
            step.number = self.steps;
        }
        was_one
    }

    fn end_one(&mut self, out: &mut Vec<Step>) -> bool {
        let Some((_, mut conversation)) = self.conversations.pop_first() else { return false };
        self.held -= conversation.held();
        self.datagrams -= usize::from(conversation.open.transport == Transport::Udp);
        Arc::make_mut(&mut conversation).end_all(out);
        true
    }

    /// Whether what comes on this connection is a stream, so that it may come in any pieces.
    pub fn is_stream(&self, conn: Conn) -> bool {
        self.conversations.get(&conn).is_none_or(|known| known.open.transport == Transport::Tcp)
    }

    /// Bytes in memory that are not in a Step yet: what a copy has to take along.
    pub fn waiting(&self) -> usize {
        self.held
    }

    fn open(&mut self, open: &Opened, stamp: Stamp, out: &mut Vec<Step>) {
        let first = out.len();
        let conversation = Conversation::new(open.clone());
        if open.transport == Transport::Tcp {
            let mut step = conversation.opened(stamp);
            if begins_late(open) {
                let detail = "The record begins in the middle of this session; its beginning is not known.";
                step.findings.push(Finding::hint("open-not-seen", Span::default(), detail));
            }
            out.push(step);
        }
        if let Some(mut before) = self.conversations.insert(open.conn, Arc::new(conversation)) {
            // The same number again: two transcripts in one, or a mistake. The first one ends here.
            let mut steps = Vec::new();
            self.held -= before.held();
            Arc::make_mut(&mut before).end_all(&mut steps);
            out.splice(first..first, steps);
            self.datagrams -= usize::from(before.open.transport == Transport::Udp);
        }
        if open.transport == Transport::Udp {
            self.datagrams += 1;
            self.forget_datagrams(out);
        }
    }

    /// Keep the number of conversations that have no end bounded.
    fn forget_datagrams(&mut self, out: &mut Vec<Step>) {
        if self.datagrams <= MOST_DATAGRAMS {
            return;
        }
        let is_of_datagrams = |known: &(&Conn, &Arc<Conversation>)| known.1.open.transport == Transport::Udp;
        let oldest = self.conversations.iter().find(is_of_datagrams).map(|(conn, _)| *conn);
        if let Some(mut known) = oldest.and_then(|conn| self.conversations.remove(&conn)) {
            self.held -= known.held();
            Arc::make_mut(&mut known).end_all(out);
            self.datagrams -= 1;
        }
    }

    /// Bytes came, where and of whom `data` tells.
    fn data(&mut self, data: &Data, bytes: Cow<'_, [u8]>, stamp: Stamp, out: &mut Vec<Step>) {
        let (limits, before) = (self.limits, self.held);
        let mut drawn = std::mem::take(&mut self.drawn);
        let conversation = self.conversation(data.conn, stamp, out);
        let others = before - conversation.held();
        conversation.data(data, bytes, stamp, limits, &mut drawn, out);
        self.held = others + conversation.held();
        if self.held > limits.memory {
            let aside = self.aside.clone();
            let conversation = self.conversation(data.conn, stamp, out);
            conversation.spare(data, &aside);
            if others + conversation.held() > limits.most {
                conversation.let_go(data, &mut drawn, out);
            }
            self.held = others + conversation.held();
        }
        self.drawn = drawn;
    }

    fn gap(&mut self, gap: &Gap, stamp: Stamp, out: &mut Vec<Step>) {
        let before = self.held;
        let conversation = self.conversation(gap.conn, stamp, out);
        let others = before - conversation.held();
        conversation.gap(gap, stamp, out);
        self.held = others + conversation.held();
    }

    /// The conversation of that number; a new one where no record says that it was opened.
    fn conversation(&mut self, conn: Conn, stamp: Stamp, out: &mut Vec<Step>) -> &mut Conversation {
        let conversation = self.conversations.get_or_insert_with(conn, || {
            let conversation = Conversation::new(unseen(conn));
            let mut step = conversation.opened(stamp);
            step.verb.clear();
            let detail = "No record says that this connection was opened; it is read from here on.";
            step.findings.push(Finding::hint("open-not-seen", Span::default(), detail));
            out.push(step);
            Arc::new(conversation)
        });
        Arc::make_mut(conversation)
    }

    fn close(&mut self, conn: Conn, from: Direction, how: CloseHow, stamp: Stamp, out: &mut Vec<Step>) {
        let Some(conversation) = self.conversations.get_mut(&conn) else { return };
        let conversation = Arc::make_mut(conversation);
        let others = self.held - conversation.held();
        conversation.close(from, how, stamp, out);
        self.held = others + conversation.held();
        if conversation.ended == [true, true] {
            self.datagrams -= usize::from(conversation.open.transport == Transport::Udp);
            self.conversations.remove(&conn);
        }
    }
}

/// A connection whose beginning was not recorded.
fn unseen(conn: Conn) -> Opened {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    Opened { conn, transport: Transport::Tcp, client: nowhere, server: nowhere }
}

/// Whether it was opened before its record begins: nobody knows from where, and yet which service was called.
fn begins_late(open: &Opened) -> bool {
    open.client.ip().is_unspecified() && open.server.port() != 0 && open.transport == Transport::Tcp
}

/// What a gap is told as.
fn missing(gap: &Gap) -> Finding {
    let speaker = if gap.from == Direction::Client { "client" } else { "server" };
    let bytes = match gap.len {
        Some(1) => "1 byte".to_owned(),
        Some(len) => format!("{len} bytes"),
        None => "bytes".to_owned(),
    };
    let (id, detail) = match gap.why {
        Missing::Before => {
            ("began-before", format!("What the {speaker} sent before the recording began is not here."))
        }
        Missing::Lost => (
            "gap",
            format!("The recording missed {bytes} of the {speaker} here, though the other end had them."),
        ),
        Missing::Cut => (
            "gap-cut",
            format!(
                "{bytes} of the {speaker} are missing here: only the beginning of a packet was recorded."
            ),
        ),
        Missing::LetGo => (
            "gap-let-go",
            format!("{bytes} of the {speaker} are missing here: too much waited for them to come."),
        ),
    };
    if gap.why == Missing::Before {
        return Finding::hint(id, Span::default(), detail);
    }
    Finding::warning(id, Span::default(), detail)
}

/// One connection from its Open to its end.
#[derive(Clone)]
struct Conversation {
    open: Opened,
    wire: Channel,
    plain: Option<Channel>,
    /// Which sides have ended.
    ended: [bool; 2],
    /// The mail protocol that the wire spoke before it became TLS.
    before_tls: Option<Protocol>,
    /// Whether its Close Step was given.
    closed: bool,
}

impl Conversation {
    fn new(open: Opened) -> Self {
        let port = open.server.port();
        let protocol = match registry::by_port(port) {
            Some(_) if registry::implicit_tls(port) => Some(Protocol::Tls),
            known => known,
        };
        let reader = if begins_late(&open) { registry::reader_mid_session } else { registry::reader };
        let wire = Channel::new(protocol.map(|protocol| reader(protocol, open.transport)));
        let (ended, before_tls) = ([false; 2], None);
        Conversation { open, wire, plain: None, ended, before_tls, closed: false }
    }

    /// Take bytes, of whom `data` tells; `drawn` is a place for what they make whole, empty before and after.
    fn data(
        &mut self,
        data: &Data,
        bytes: Cow<'_, [u8]>,
        stamp: Stamp,
        limits: Limits,
        drawn: &mut Vec<Drawn>,
        out: &mut Vec<Step>,
    ) {
        let (channel, layer) = match (self.open.transport, data.layer) {
            (Transport::Udp, _) => {
                self.wire.datagram(data.from, bytes, stamp, drawn);
                return out.extend(drawn.drain(..).map(|drawn| self.step(Layer::Wire, drawn)));
            }
            (Transport::Tcp, Layer::Wire) => (&mut self.wire, Layer::Wire),
            (Transport::Tcp, Layer::Plain) => (self.inside(), Layer::Plain),
        };
        channel.feed(data.from, bytes, stamp, limits.waiting, drawn);
        self.tell(layer, drawn, out);
    }

    /// There is too much in memory: lay aside what waits of this side, if that is possible.
    fn spare(&mut self, data: &Data, aside: &Aside) {
        self.channel(data.layer).spare(data.from, aside);
    }

    /// The same where memory is full, and that was not possible.
    fn let_go(&mut self, data: &Data, drawn: &mut Vec<Drawn>, out: &mut Vec<Step>) {
        self.channel(data.layer).let_go(data.from, LITTLE, drawn);
        self.tell(data.layer, drawn, out);
    }

    fn channel(&mut self, layer: Layer) -> &mut Channel {
        match (layer, &mut self.plain) {
            (Layer::Plain, Some(plain)) => plain,
            _ => &mut self.wire,
        }
    }

    /// What a layer has made whole → Steps; leaves `drawn` empty.
    fn tell(&mut self, layer: Layer, drawn: &mut Vec<Drawn>, out: &mut Vec<Step>) {
        let mail = |drawn: &Drawn| !matches!(drawn.protocol, Protocol::Tls | Protocol::Unknown);
        if let Some(last) = drawn.iter().rfind(|drawn| mail(drawn)).filter(|_| layer == Layer::Wire) {
            self.before_tls = Some(last.protocol);
        }
        let inside = self.plain.is_some() && layer == Layer::Wire;
        for mut drawn in drawn.drain(..) {
            if inside && drawn.protocol == Protocol::Tls && drawn.piece.verb == "APPLICATION-DATA" {
                drawn.piece.meaning = Meaning::Tls(TlsMeaning::Carrier);
            }
            out.push(self.step(layer, drawn));
        }
    }

    /// Bytes are missing: a Step in their place says so.
    fn gap(&mut self, gap: &Gap, stamp: Stamp, out: &mut Vec<Step>) {
        let (channel, layer) = match (self.open.transport, gap.layer) {
            (Transport::Udp, _) | (Transport::Tcp, Layer::Wire) => (&mut self.wire, Layer::Wire),
            (Transport::Tcp, Layer::Plain) => (self.inside(), Layer::Plain),
        };
        let mut drawn = Vec::new();
        channel.gap(gap.from, gap.len, &mut drawn);
        let (place, protocol) = (channel.sent(gap.from), channel.protocol().unwrap_or(Protocol::Tcp));
        out.extend(drawn.into_iter().map(|drawn| self.step(layer, drawn)));
        let mut piece = Piece::new(Kind::Gap, 0);
        piece.meaning = Meaning::Gap(gap.len, gap.why);
        piece.findings.push(missing(gap));
        let taken = Taken { bytes: Vec::new(), range: place..place, stamp };
        out.push(self.step(layer, Drawn { from: gap.from, taken, protocol, piece }));
    }

    /// What is said inside TLS. From its first byte on, the wire is TLS.
    fn inside(&mut self) -> &mut Channel {
        let Conversation { open, wire, plain, ended, before_tls, .. } = self;
        plain.get_or_insert_with(|| {
            wire.become_tls();
            let reader = match *before_tls {
                Some(protocol) => Some(registry::reader_after_starttls(protocol)),
                None => {
                    let late = begins_late(open);
                    let reader = if late { registry::reader_mid_session } else { registry::reader };
                    registry::by_port(open.server.port()).map(|protocol| reader(protocol, open.transport))
                }
            };
            Channel::with_ended(reader, *ended)
        })
    }

    fn close(&mut self, from: Direction, how: CloseHow, stamp: Stamp, out: &mut Vec<Step>) {
        if how == CloseHow::Fin {
            self.end(from, out);
        } else {
            self.end_all(out);
        }
        // Datagrams have no end; that nobody answered is worth a Step.
        let tells = self.open.transport == Transport::Tcp || how != CloseHow::Fin;
        if tells && !self.closed {
            self.closed = true;
            out.push(self.closing(from, how, stamp));
        }
    }

    /// Bytes in memory that are not in a Step yet.
    fn held(&self) -> usize {
        self.wire.held() + self.plain.as_ref().map_or(0, Channel::held)
    }

    fn end_all(&mut self, out: &mut Vec<Step>) {
        self.end(Direction::Client, out);
        self.end(Direction::Server, out);
    }

    fn end(&mut self, from: Direction, out: &mut Vec<Step>) {
        let [client, server] = &mut self.ended;
        let ended = if from == Direction::Client { client } else { server };
        if std::mem::replace(ended, true) {
            return;
        }
        let mut drawn = Vec::new();
        if let Some(plain) = &mut self.plain {
            plain.end(from, &mut drawn);
        }
        out.extend(drawn.drain(..).map(|drawn| self.step(Layer::Plain, drawn)));
        self.wire.end(from, &mut drawn);
        out.extend(drawn.into_iter().map(|drawn| self.step(Layer::Wire, drawn)));
    }

    fn opened(&self, stamp: Stamp) -> Step {
        let mut piece = Piece::new(Kind::Open, 0);
        piece.verb = self.open.server.port().to_compact_string();
        piece.meaning = Meaning::Open(self.open.clone());
        self.bare(Direction::Client, piece, stamp)
    }

    fn closing(&self, from: Direction, how: CloseHow, stamp: Stamp) -> Step {
        let mut piece = Piece::new(Kind::Close, 0);
        piece.verb = self.open.server.port().to_compact_string();
        piece.code = match how {
            CloseHow::Fin => "fin",
            CloseHow::Reset => "reset",
            CloseHow::Refused => "refused",
            CloseHow::Timeout => "timeout",
            CloseHow::LetGo => "let-go",
        }
        .into();
        piece.meaning = Meaning::Close(how);
        if how == CloseHow::LetGo {
            let detail = "The connection may have gone on: it was silent longest when more were open than are \
                          followed at once, or its ports were used anew.";
            piece.findings.push(Finding::warning("let-go", Span::default(), detail));
        }
        self.bare(from, piece, stamp)
    }

    /// A Step without bytes: about the connection itself.
    fn bare(&self, from: Direction, piece: Piece, stamp: Stamp) -> Step {
        let place = self.wire.sent(from);
        let taken = Taken { bytes: Vec::new(), range: place..place, stamp };
        self.step(Layer::Wire, Drawn { from, taken, protocol: Protocol::Tcp, piece })
    }

    fn step(&self, layer: Layer, drawn: Drawn) -> Step {
        let Drawn { from, taken, protocol, piece } = drawn;
        Step {
            number: 0,
            conn: self.open.conn,
            layer,
            from,
            range: taken.range,
            at: taken.stamp.at,
            record: taken.stamp.record,
            protocol,
            kind: piece.kind,
            verb: piece.verb,
            code: piece.code,
            verdict: piece.verdict,
            bytes: taken.bytes,
            parts: piece.parts,
            secrets: piece.secrets,
            findings: piece.findings,
            meaning: piece.meaning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;

    /// A port, and what each side says there in turn.
    type Session = (u16, Vec<(Direction, Vec<u8>)>);

    /// Sessions with large bodies, as both sides say them: by port, in order.
    fn large() -> Vec<Session> {
        use Direction::{Client, Server};
        let mut body = b"Subject: large\r\n\r\n".to_vec();
        for line in 0..4000 {
            body.extend(format!("{line}\r\n..\r\n.. \n.\n and a line of some octets\r\n").into_bytes());
        }
        let size = body.len();
        let dotted = [&body[..], b".\r\n"].concat();
        let said = |from, text: &str| (from, text.as_bytes().to_vec());
        let with = |before: &str, after: &str| [before.as_bytes(), &body, after.as_bytes()].concat();
        let smtp = vec![
            said(Server, "220 mx\r\n"),
            said(Client, "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"),
            said(Server, "250 ok\r\n250 ok\r\n354 go on\r\n"),
            (Client, [&dotted[..], b"MAIL FROM:<>\r\n"].concat()),
            said(Server, "250 ok\r\n250 ok\r\n"),
            (Client, with(&format!("BDAT {size} LAST\r\n"), "QUIT\r\n")),
            said(Server, "250 ok\r\n221 bye\r\n"),
        ];
        let pop3 = vec![
            said(Server, "+OK ready\r\n"),
            said(Client, "RETR 1\r\n"),
            (Server, [&b"+OK\r\n"[..], &dotted].concat()),
            said(Client, "RETR 2\r\n"),
            (Server, [&b"+OK\n"[..], b"a line\n".repeat(20_000).as_slice(), b".\n"].concat()),
            said(Server, "+OK bye\r\n"),
        ];
        let imap = vec![
            said(Server, "* PREAUTH ready\r\n"),
            said(Client, &format!("a APPEND x {{{size}}}\r\n")),
            said(Server, "+ go on\r\n"),
            (Client, with("", "\r\n")),
            (Client, with(&format!("b APPEND x {{{size}+}}\r\n"), "\r\nc FETCH 1 BODY[]\r\n")),
            said(Server, "a OK done\r\nb OK done\r\n"),
            (Server, with(&format!("* 1 FETCH (BODY[] {{{size}}}\r\n"), ")\r\nc OK done\r\n")),
        ];
        vec![(25, smtp), (110, pop3), (143, imap)]
    }

    /// Tell these sessions, in chunks that the seed gives; the Steps, and how many bytes were in memory after each chunk.
    fn told(sessions: &[Session], limits: Limits, seed: u64) -> (Vec<Step>, Vec<usize>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut dissector, mut steps, mut in_memory) =
            (Dissector::with_limits(limits), Vec::new(), Vec::new());
        let at = Instant::default();
        let client = "192.0.2.10:40000".parse().unwrap();
        for (number, (port, turns)) in (1..).zip(sessions) {
            let server = format!("192.0.2.25:{port}").parse().unwrap();
            let open = Opened { conn: Conn(number), transport: Transport::Tcp, client, server };
            steps.extend(dissector.push(0, &Record::Open { at, open }));
            for (from, mut rest) in turns.iter().map(|(from, bytes)| (*from, &bytes[..])) {
                while !rest.is_empty() {
                    let len = random.usize(1..3000).min(rest.len());
                    let data =
                        Data { conn: Conn(number), from, layer: Layer::Wire, bytes: rest[..len].to_vec() };
                    steps.extend(dissector.push(0, &Record::Data { at, data }));
                    rest = &rest[len..];
                    let held: usize = dissector.conversations.values().map(|known| known.held()).sum();
                    assert_eq!(dissector.held, held);
                    in_memory.push(held);
                }
            }
        }
        steps.extend(dissector.finish());
        (steps, in_memory)
    }

    #[test]
    fn what_is_too_much_for_memory_is_told_as_if_it_had_stayed_there() {
        let sessions = large();
        let (want, held) = told(&sessions, Limits::default(), 1);
        let much = |held: &[usize]| held.iter().filter(|held| **held > 40_000).count();
        assert!(much(&held) > held.len() / 2);
        assert_eq!(want.iter().filter(|step| step.bytes.len() > 100_000).count(), 7);
        for seed in 1..8 {
            let (steps, held) = told(&sessions, Limits { memory: 0, ..Limits::default() }, seed);
            assert!(steps == want, "{seed}");
            // Only while the end of a line is awaited that follows a literal.
            assert!(much(&held) < held.len() / 20);
        }
    }

    #[test]
    fn where_nothing_can_be_laid_aside_a_side_is_let_go() {
        let line = [&b"NOOP "[..], &[b'x'; 60_000]].concat();
        let sessions = vec![(25, vec![(Direction::Client, line)])];
        let (steps, held) = told(&sessions, Limits { memory: 0, most: 20_000, ..Limits::default() }, 1);
        assert!(held.iter().all(|held| *held <= 20_000), "{held:?}");
        assert!(steps.iter().any(|step| step.findings.iter().any(|finding| finding.id == "too-large")));
    }

    #[test]
    fn datagrams_without_end_are_forgotten_in_the_end() {
        let mut dissector = Dissector::new();
        let many = u32::try_from(MOST_DATAGRAMS + 1000).unwrap();
        for number in 1..=many {
            let at = Instant::from_secs(i64::from(number));
            let (client, server) = ("192.0.2.10:40000".parse().unwrap(), "192.0.2.53:53".parse().unwrap());
            let open = Opened { conn: Conn(number), transport: Transport::Udp, client, server };
            dissector.push(number as usize, &Record::Open { at, open });
        }
        assert_eq!(dissector.conversations.len(), MOST_DATAGRAMS);
        assert_eq!(dissector.datagrams, MOST_DATAGRAMS);
        dissector.finish();
        assert_eq!((dissector.conversations.len(), dissector.datagrams), (0, 0));
    }
}
