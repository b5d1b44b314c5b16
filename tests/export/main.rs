//! A story in every format that it can be exported to: what it looks like, what other programs make of it, and
//! what hostile bytes do to it (nothing).

mod capture;
mod command;
mod formats;
mod hostile;
mod round;
mod tools;

#[path = "../cli_view/telling.rs"]
#[allow(dead_code, reason = "the plain view's tests use the rest of it")]
mod telling;

use postroad::explain::Story;
use postroad::trace::file::Transcript;
use postroad::trace::{CloseHow, Conn, Data, Direction, Head, HostInfo, Layer, Opened, Record, Transport};
use postroad::view::asciicast::{self, Asciicast};
use postroad::view::markdown::{self, Markdown};
use postroad::view::mermaid::{self, Mermaid};
use postroad::view::plain::{Options, Plain};
use postroad::view::svg::{self, Svg};
use postroad::view::{Cast, Closing, Renderer, Tally, json, pcapng};
use std::path::Path;
use std::time::Duration;

/// The records that come with the program: name and content.
fn shipped() -> Vec<(String, Vec<Record>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("transcripts are there").flatten() {
        let bytes = std::fs::read(entry.path()).expect("a transcript can be read");
        let (transcript, issues) = Transcript::read(&bytes[..]).expect("it is a transcript");
        assert!(issues.is_empty(), "{issues:?}");
        out.push((entry.file_name().to_string_lossy().into_owned(), transcript.records));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(out.len() >= 9);
    out
}

fn head(records: &[Record]) -> &Head {
    match &records[0] {
        Record::Head(head) => head,
        other => panic!("no head but {other:?}"),
    }
}

/// Tell the story of these records.
fn tell(view: &mut impl Renderer, records: &[Record]) {
    let (mut cast, mut tally, mut story) = (Cast::default(), Tally::default(), Story::new(head(records)));
    let mut items = Vec::new();
    for (index, record) in records.iter().enumerate() {
        cast.learn(record);
        if index == 0 {
            view.begin(&cast).expect("memory");
        }
        items.extend(story.push(index, record));
        for item in items.drain(..) {
            tally.see(&item, cast.start);
            view.item(&cast, &item).expect("memory");
        }
    }
    for item in story.finish() {
        view.item(&cast, &item).expect("memory");
    }
    view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] }).expect("memory");
}

fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is UTF-8")
}

fn to_mermaid(records: &[Record], detail: bool) -> String {
    let mut view = Mermaid::new(Vec::new(), mermaid::Options { detail, show_secrets: false });
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_svg(records: &[Record], detail: bool) -> String {
    let mut view = Svg::new(Vec::new(), svg::Options { detail, show_secrets: false });
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_markdown(records: &[Record], detail: bool) -> String {
    let mut view = Markdown::new(Vec::new(), markdown::Options { detail, show_secrets: false });
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_cast(records: &[Record]) -> String {
    let mut view = Asciicast::new(Vec::new(), asciicast::Options::default());
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_text(records: &[Record]) -> String {
    let mut view = Plain::new(Vec::new(), Options::default());
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_json(records: &[Record]) -> String {
    let mut view = json::Json::new(Vec::new(), false);
    tell(&mut view, records);
    string(view.into_inner())
}

fn to_pcapng(records: &[Record], show_secrets: bool, detail: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let options = pcapng::Options { show_secrets, detail, keep: &|_| true };
    pcapng::write(&mut out, head(records), records, &options).expect("memory");
    out
}

/// Builds the records of a small story.
struct Tape {
    records: Vec<Record>,
    at: postroad::base::Instant,
}

impl Tape {
    fn new(title: &str) -> Self {
        let host = |name: &str, address: &str| HostInfo {
            name: name.to_owned(),
            addresses: vec![address.parse().expect("an address")],
            roles: Vec::new(),
        };
        let head = Head {
            version: 1,
            generator: "by hand".to_owned(),
            title: title.to_owned(),
            start: telling::START,
            hosts: vec![host("laptop.example.com", "192.0.2.10"), host("mail.example.com", "192.0.2.25")],
            scenario: String::new(),
            seed: 0,
            changes: Vec::new(),
        };
        Tape { records: vec![Record::Head(head)], at: telling::START }
    }

    fn wait(&mut self, millis: u64) -> &mut Self {
        self.at = self.at + Duration::from_millis(millis);
        self
    }

    fn open(&mut self, conn: u32, port: u16) -> &mut Self {
        self.opened(conn, Transport::Tcp, "192.0.2.10:49152", &format!("192.0.2.25:{port}"))
    }

    fn opened(&mut self, conn: u32, transport: Transport, client: &str, server: &str) -> &mut Self {
        let (client, server) = (client.parse().expect("an address"), server.parse().expect("an address"));
        let open = Opened { conn: Conn(conn), transport, client, server };
        self.records.push(Record::Open { at: self.at, open });
        self
    }

    fn says(&mut self, conn: u32, from: Direction, bytes: &[u8]) -> &mut Self {
        self.layer(conn, from, Layer::Wire, bytes)
    }

    fn layer(&mut self, conn: u32, from: Direction, layer: Layer, bytes: &[u8]) -> &mut Self {
        let data = Data { conn: Conn(conn), from, layer, bytes: bytes.to_vec() };
        self.records.push(Record::Data { at: self.at, data });
        self.wait(20)
    }

    fn close(&mut self, conn: u32, from: Direction, how: CloseHow) -> &mut Self {
        self.records.push(Record::Close { at: self.at, conn: Conn(conn), from, how });
        self.wait(20)
    }

    /// Lines of `C: ` and `S: `, each with its CR LF.
    fn dialogue(&mut self, conn: u32, lines: &str) -> &mut Self {
        for line in lines.lines().map(str::trim_start) {
            let (from, text) = line.split_at(3);
            let from = if from == "C: " { Direction::Client } else { Direction::Server };
            self.says(conn, from, format!("{text}\r\n").as_bytes());
        }
        self
    }

    fn end(&mut self) -> Vec<Record> {
        self.records.push(Record::End { at: self.at });
        std::mem::take(&mut self.records)
    }
}

/// A short session with a password, a refusal, a caller who is refused and one whom nobody answers.
fn session() -> Vec<Record> {
    let (client, server) = (Direction::Client, Direction::Server);
    let mut tape = Tape::new("A letter; handed in");
    tape.open(1, 587).wait(60).dialogue(
        1,
        "S: 220 mail.example.com ESMTP <ready>
         C: EHLO laptop.example.com
         S: 250-mail.example.com
         S: 250 AUTH PLAIN
         C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==
         S: 235 2.7.0 welcome
         C: MAIL FROM:<alice@example.com>
         S: 250 2.1.0 ok
         C: RCPT TO:<nobody@example.net>
         S: 550 5.1.1 no such user; sorry #1",
    );
    tape.says(1, client, b"QUIT\r\n").says(1, server, b"221 2.0.0 bye\r\n");
    tape.close(1, server, CloseHow::Fin).close(1, client, CloseHow::Fin);
    tape.wait(900_000).opened(2, Transport::Tcp, "192.0.2.25:49153", "203.0.113.25:25");
    tape.wait(20).close(2, server, CloseHow::Refused);
    tape.opened(3, Transport::Tcp, "[2001:db8::25]:49154", "[2001:db8::99]:25");
    tape.wait(10_000).close(3, client, CloseHow::Timeout);
    tape.end()
}
