//! From records to Steps and through the file and back: what holds for every transcript.

mod support;

use postroad::base::Instant;
use postroad::dissect::{Kind, Limits, Meaning, Protocol, Step};
use postroad::state::State;
use postroad::trace::{CloseHow, Conn, Data, Direction, Head, Layer, Opened, Record, Transcript, Transport};
use proptest::prelude::*;
use support::{resplit, steps, unplaced};

/// A transcript by hand: each entry takes a millisecond.
#[derive(Default)]
struct Story {
    records: Vec<Record>,
    millis: i64,
}

impl Story {
    fn new() -> Self {
        let mut story = Story::default();
        story.records.push(Record::Head(Head {
            version: 1,
            generator: "test".to_owned(),
            title: String::new(),
            start: Instant::from_micros(0),
            hosts: Vec::new(),
            scenario: String::new(),
            seed: 0,
            changes: Vec::new(),
        }));
        story
    }

    fn now(&mut self) -> Instant {
        self.millis += 1;
        Instant::from_micros(self.millis * 1000)
    }

    fn open(mut self, conn: u32, transport: Transport, port: u16) -> Self {
        let (client, server) = (([192, 0, 2, 10], 40_000).into(), ([192, 0, 2, 25], port).into());
        let at = self.now();
        self.records.push(Record::Open { at, open: Opened { conn: Conn(conn), transport, client, server } });
        self
    }

    fn tcp(self, port: u16) -> Self {
        self.open(1, Transport::Tcp, port)
    }

    fn says(mut self, conn: u32, from: Direction, layer: Layer, bytes: &[u8]) -> Self {
        let at = self.now();
        let data = Data { conn: Conn(conn), from, layer, bytes: bytes.to_vec() };
        self.records.push(Record::Data { at, data });
        self
    }

    fn client(self, text: &str) -> Self {
        self.says(1, Direction::Client, Layer::Wire, text.as_bytes())
    }

    fn server(self, text: &str) -> Self {
        self.says(1, Direction::Server, Layer::Wire, text.as_bytes())
    }

    fn close(mut self, from: Direction, how: CloseHow) -> Self {
        let at = self.now();
        self.records.push(Record::Close { at, conn: Conn(1), from, how });
        self
    }

    fn steps(&self) -> Vec<Step> {
        steps(&self.records)
    }

    /// Each Step in a word, with its bytes.
    fn told(&self) -> Vec<String> {
        let word = |step: &Step| match step.kind {
            Kind::Open => format!("open {}", step.verb),
            Kind::Close => format!("close {}", step.code),
            _ => format!("{} {:?}", step.protocol.name(), String::from_utf8_lossy(&step.bytes)),
        };
        self.steps().iter().map(word).collect()
    }
}

#[test]
fn a_connection_opens_speaks_and_closes_once() {
    let story = Story::new()
        .tcp(7)
        .client("hello\r\nwor")
        .client("ld\r\n")
        .server("HTTP/1.1 200\r\nrest")
        .close(Direction::Server, CloseHow::Fin)
        .close(Direction::Client, CloseHow::Fin);
    let want = [
        "open 7",
        "unknown \"hello\\r\\n\"",
        "unknown \"world\\r\\n\"",
        "unknown \"HTTP/1.1 200\\r\\n\"",
        "unknown \"rest\"",
        "close fin",
    ];
    assert_eq!(story.told(), want);
    let steps = story.steps();
    assert!(steps.iter().map(|step| step.number).eq(1..=6));
    assert_eq!(
        (steps[2].range.clone(), steps[2].record, steps[2].at),
        (7..14, 3, Instant::from_micros(3000))
    );
    assert!(matches!(&steps[0].meaning, Meaning::Open(open) if open.server.port() == 7));
    assert!(matches!(steps[5].meaning, Meaning::Close(CloseHow::Fin)));
}

#[test]
fn a_refused_connection_and_one_nobody_answers_are_told() {
    for (how, word) in [(CloseHow::Refused, "close refused"), (CloseHow::Timeout, "close timeout")] {
        let story = Story::new().tcp(25).close(Direction::Server, how).close(Direction::Server, how);
        assert_eq!(story.told(), ["open 25", word]);
    }
}

#[test]
fn a_reset_ends_both_sides_with_what_waits() {
    let story = Story::new().tcp(25).client("DATA").close(Direction::Server, CloseHow::Reset);
    let steps = story.steps();
    assert_eq!(steps.len(), 3, "{steps:#?}");
    assert_eq!((steps[1].bytes.as_slice(), steps[2].kind), (&b"DATA"[..], Kind::Close));
}

#[test]
fn data_without_an_open_says_so() {
    let steps = Story::new().server("hello there\r\n").steps();
    assert_eq!((steps[0].kind, steps[0].findings[0].id), (Kind::Open, "open-not-seen"));
    assert_eq!(steps[1].bytes, b"hello there\r\n");
}

#[test]
fn tls_is_records_on_the_wire_and_words_inside() {
    let story = Story::new()
        .tcp(993)
        .says(1, Direction::Client, Layer::Wire, &[0x16, 3, 1, 0, 2, 1, 1])
        .says(1, Direction::Server, Layer::Plain, b"* OK ready\r\n")
        .says(1, Direction::Server, Layer::Wire, &[0x17, 3, 3, 0, 1, 7, 0x17, 3]);
    let steps = story.steps();
    let got: Vec<_> = steps.iter().map(|step| (step.protocol, step.layer, step.range.clone())).collect();
    let inside = steps[2].protocol;
    assert!(inside != Protocol::Tls);
    let want = [
        (Protocol::Tcp, Layer::Wire, 0..0),
        (Protocol::Tls, Layer::Wire, 0..7),
        (inside, Layer::Plain, 0..12),
        (Protocol::Tls, Layer::Wire, 0..6),
        (Protocol::Tls, Layer::Wire, 6..8),
    ];
    assert_eq!(got, want);
}

#[test]
fn after_stls_the_conversation_goes_on_inside_tls() {
    let story = Story::new()
        .tcp(110)
        .server("+OK ready\r\n")
        .client("STLS\r\n")
        .server("+OK begin\r\n")
        .says(1, Direction::Client, Layer::Wire, &[0x16, 3, 1, 0, 2, 1, 1])
        .says(1, Direction::Server, Layer::Wire, &[0x16, 3, 3, 0, 1, 2])
        .says(1, Direction::Client, Layer::Plain, b"USER bob\r\n")
        .says(1, Direction::Client, Layer::Wire, &[0x17, 3, 3, 0, 1, 7])
        .says(1, Direction::Server, Layer::Plain, b"+OK go on\r\n");
    let mut state = State::default();
    let mut got = Vec::new();
    for step in story.steps().iter().skip(1) {
        state.apply_step(step);
        got.push((step.protocol, step.layer, step.kind, step.verb.clone()));
    }
    let (wire, plain) = (Layer::Wire, Layer::Plain);
    let want = [
        (Protocol::Pop3, wire, Kind::Greeting, "CONNECT"),
        (Protocol::Pop3, wire, Kind::Command, "STLS"),
        (Protocol::Pop3, wire, Kind::Reply, "STLS"),
        (Protocol::Tls, wire, Kind::Unparsed, "HANDSHAKE"),
        (Protocol::Tls, wire, Kind::Unparsed, "HANDSHAKE"),
        (Protocol::Pop3, plain, Kind::Command, "USER"),
        (Protocol::Tls, wire, Kind::Unparsed, "APPLICATION-DATA"),
        (Protocol::Pop3, plain, Kind::Reply, "USER"),
    ];
    assert_eq!(got, want.map(|(protocol, layer, kind, verb)| (protocol, layer, kind, verb.into())));
}

#[test]
fn what_a_watcher_knows_of_a_pop3_session() {
    let story = Story::new()
        .tcp(110)
        .server("+OK ready\r\n")
        .client("USER bob\r\n")
        .server("+OK\r\n")
        .client("PASS secret\r\n")
        .server("+OK 2 messages\r\n")
        .client("STAT\r\n")
        .server("+OK 2 320\r\n")
        .client("DELE 1\r\n")
        .server("+OK\r\n");
    let mut state = State::default();
    story.steps().iter().for_each(|step| state.apply_step(step));
    let bob = state.connections.get(&Conn(1)).expect("it is open");
    assert_eq!((bob.phase, bob.user.as_deref()), ("transaction", Some("bob")));
    let maildrop = bob.maildrop.as_ref().expect("it is locked");
    assert_eq!((maildrop.messages, maildrop.deleted.as_slice()), (Some(2), &[1][..]));
}

#[test]
fn a_datagram_is_one_step() {
    let story = Story::new()
        .open(1, Transport::Udp, 9)
        .says(1, Direction::Client, Layer::Wire, b"a\nb\nc")
        .says(1, Direction::Server, Layer::Wire, b"d\n")
        .close(Direction::Client, CloseHow::Timeout);
    assert_eq!(story.told(), ["unknown \"a\\nb\\nc\"", "unknown \"d\\n\"", "close timeout"]);
}

#[test]
fn what_never_becomes_whole_is_bounded_and_told() {
    let tls = [0x17, 3, 3, 0x40, 0];
    let story = Story::new().tcp(993).says(1, Direction::Client, Layer::Wire, &tls).client(&"x".repeat(100));
    let mut dissector =
        postroad::dissect::Dissector::with_limits(Limits { waiting: 64, ..Limits::default() });
    let mut got: Vec<Step> =
        story.records.iter().enumerate().flat_map(|(index, record)| dissector.push(index, record)).collect();
    got.extend(dissector.finish());
    assert_eq!((got[1].bytes.len(), got[1].findings[0].id), (64, "too-large"));
    assert_eq!((got[2].bytes.len(), got[2].protocol), (41, Protocol::Unknown));
}

/// A story in which everything happens: mail, strangers, TLS, datagrams, cut ends.
fn all_sorts() -> Vec<Record> {
    let story = Story::new()
        .tcp(25)
        .server("220 mx1.example.net ESMTP\r\n")
        .client("EHLO mail.example.com\r\n")
        .server("250-mx1.example.net\r\n250 PIPELINING\r\n")
        .client("MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
        .server("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go on\r\n")
        .client("Subject: Hi\r\n\r\n..dots\r\n.\r\nQUIT\r\n")
        .open(2, Transport::Tcp, 110)
        .says(2, Direction::Server, Layer::Wire, b"+OK POP3\r\n")
        .says(2, Direction::Client, Layer::Wire, b"USER bob\r\nPASS x\r\nRETR 1\r\n")
        .server("250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n")
        .says(2, Direction::Server, Layer::Wire, b"+OK\r\n+OK\r\n+OK\r\na\r\n..b\r\n.\r\n")
        .close(Direction::Server, CloseHow::Fin)
        .open(3, Transport::Tcp, 143)
        .says(3, Direction::Server, Layer::Wire, b"* OK IMAP4rev1\r\n")
        .says(3, Direction::Client, Layer::Wire, b"a LOGIN {3}\r\n")
        .says(3, Direction::Server, Layer::Wire, b"+ go on\r\n")
        .says(3, Direction::Client, Layer::Wire, b"bob pw\r\nb SELECT INBOX\r\n")
        .says(
            3,
            Direction::Server,
            Layer::Wire,
            b"a OK done\r\n* 2 EXISTS\r\n* 1 FETCH (BODY[] {4}\r\nab\r\n)\r\nb OK\r\n",
        )
        .open(4, Transport::Udp, 53)
        .says(4, Direction::Client, Layer::Wire, b"no dns\n at all")
        .open(5, Transport::Tcp, 1143)
        .says(5, Direction::Client, Layer::Wire, b"x NOOP\r\n")
        .says(5, Direction::Server, Layer::Wire, b"* OK hello\r\nx OK\r\ncut sho")
        .open(6, Transport::Tcp, 587)
        .says(6, Direction::Server, Layer::Wire, b"220 hi\r\n")
        .says(6, Direction::Client, Layer::Wire, b"STARTTLS\r\n")
        .says(6, Direction::Server, Layer::Wire, b"220 2.0.0 go\r\n")
        .says(6, Direction::Client, Layer::Wire, &[0x16, 3, 1, 0, 3, 1, 2, 3])
        .says(6, Direction::Server, Layer::Wire, &[0x16, 3, 3, 0, 1, 9, 0x17, 3, 3, 0, 1, 1])
        .says(6, Direction::Client, Layer::Plain, b"EHLO again\r\nQUIT\r\n")
        .says(6, Direction::Server, Layer::Plain, b"250 again\r\n221 bye\r\n");
    story.records
}

#[test]
fn through_the_file_and_back_the_steps_are_the_same() {
    let records = all_sorts();
    let bytes = Transcript { records: records.clone() }.to_bytes();
    let (read, issues) = Transcript::read(bytes.as_slice()).expect("a transcript");
    assert_eq!((&read.records, issues.len()), (&records, 0));
    assert_eq!(steps(&read.records), steps(&records));
}

#[test]
fn every_byte_is_in_one_step() {
    let records = all_sorts();
    let mut expected = 0;
    for record in &records {
        if let Record::Data { data, .. } = record {
            expected += data.bytes.len();
        }
    }
    let all = steps(&records);
    assert_eq!(all.iter().map(|step| step.bytes.len()).sum::<usize>(), expected);
    for step in &all {
        assert_eq!(step.range.end - step.range.start, step.bytes.len() as u64, "{step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_streams_are_split_changes_no_step(seed in any::<u64>()) {
        let records = all_sorts();
        prop_assert_eq!(unplaced(steps(&resplit(&records, seed))), unplaced(steps(&records)));
    }

    #[test]
    fn no_bytes_on_any_port_panic_get_lost_or_depend_on_their_split(
        port in prop_oneof![Just(25_u16), Just(53), Just(110), Just(143), Just(993), Just(4242)],
        turns in proptest::collection::vec(
            (any::<bool>(), any::<bool>(), prop_oneof![any::<Vec<u8>>(), "[ -~\r\n]{0,60}".prop_map(String::into_bytes)]),
            0..12,
        ),
        seed in any::<u64>(),
    ) {
        let mut story = Story::new().tcp(port);
        for (server, plain, bytes) in turns {
            let from = if server { Direction::Server } else { Direction::Client };
            let layer = if plain && port == 993 { Layer::Plain } else { Layer::Wire };
            story = story.says(1, from, layer, &bytes);
        }
        let whole = story.steps();
        prop_assert_eq!(unplaced(steps(&resplit(&story.records, seed))), unplaced(whole.clone()));
        let sent: usize = story.records.iter().map(|record| match record {
            Record::Data { data, .. } => data.bytes.len(),
            _ => 0,
        }).sum();
        prop_assert_eq!(whole.iter().map(|step| step.bytes.len()).sum::<usize>(), sent);
    }
}
