//! The harness: raw connections into a running world, and dialogues to hold them against.
//!
//! A dialogue is read line by line. `C: text` sends a line with CR LF; lines of `C:` that follow one another leave in
//! one piece. `C~ text` sends bytes as they are, with the escapes `\r \n \0 \\ \xHH`, and no line end. `S: text` expects
//! the next line that the server says; `…` in it stands for anything. `S+: text` expects one or more such lines.
//! `C: (TLS)` does the TLS handshake, as a client that checks the certificate for the host's name. `S: (silence)` expects that nothing comes, `S: (closed)` that the server ends the connection. A name in front, as in
//! `phone C: …`, tells which connection; without one it is the connection that was named last. `#` begins a remark.

use postroad::trace::{Conn, Fact, Record};
use postroad::world::net::{ByteStream, Connection};
use postroad::world::scenario::{RoleKind, Scenario};
use postroad::world::{World, with_world};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a server may take to say something; virtual.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing must come to be silence; virtual.
const SILENCE: Duration = Duration::from_secs(3);

pub const SMTP: u16 = 25;
pub const SUBMISSION: u16 = 587;
pub const POP3: u16 = 110;
pub const IMAP: u16 = 143;

pub const MAIL: &str = "mail.example.com";
pub const MX1: &str = "mx1.example.net";
pub const MX2: &str = "mx2.example.net";

/// `\0alice@example.com\0tea-at-four`, for AUTH PLAIN.
pub const ALICE: &str = "AGFsaWNlQGV4YW1wbGUuY29tAHRlYS1hdC1mb3Vy";

/// The journey's world in which nobody acts but the test, changed by `change`.
pub fn scenario(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::builtin("journey").unwrap_or_else(|e| panic!("{}", e.render(false)));
    scenario.acts.clear();
    change(&mut scenario);
    scenario
}

/// Do something in the journey's world; gives the transcript.
pub fn in_world(act: impl AsyncFnOnce(&mut Talk)) -> Vec<Record> {
    in_scenario(&scenario(|_| {}), act)
}

/// The same in any world.
pub fn in_scenario(scenario: &Scenario, act: impl AsyncFnOnce(&mut Talk)) -> Vec<Record> {
    let ((), records) = with_world(scenario, async |world| {
        let mut talk = Talk::new(world);
        act(&mut talk).await;
    })
    .expect("the world runs");
    records
}

/// One dialogue on one fresh connection.
pub fn dialogue(host: &str, port: u16, text: &str) -> Vec<Record> {
    in_world(async |talk| {
        talk.open("", host, port).await;
        talk.says(text).await;
    })
}

/// All facts, in order.
pub fn facts(records: &[Record]) -> Vec<&Fact> {
    records.iter().filter_map(|r| if let Record::Fact { fact, .. } = r { Some(fact) } else { None }).collect()
}

/// A raw connection.
pub struct Wire {
    pub stream: Box<dyn ByteStream>,
    held: Vec<u8>,
    /// Which connection of the transcript, and to which host and port.
    line: Option<(Conn, String, SocketAddr)>,
}

impl Wire {
    pub fn new(stream: Box<dyn ByteStream>) -> Self {
        Wire { stream, held: Vec::new(), line: None }
    }

    /// Send bytes. Whether the peer has gone already shows when one listens.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next line without its CR LF; `None` where the stream has ended, or nothing comes for `patience`.
    pub async fn line(&mut self, patience: Duration) -> Option<String> {
        loop {
            if let Some(at) = self.held.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.held.drain(..at + 2).take(at).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            let mut piece = [0; 4096];
            match tokio::time::timeout(patience, self.stream.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => self.held.extend_from_slice(&piece[..count]),
                _ => return None,
            }
        }
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> String {
        let mut piece = [0; 4096];
        while let Ok(Ok(count @ 1..)) = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await {
            self.held.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }

    fn put_back(&mut self, line: &str) {
        self.held.splice(0..0, [line.as_bytes(), b"\r\n"].concat());
    }

    /// Whether the peer ends the stream, with nothing more said.
    async fn closes(&mut self) -> bool {
        let mut one = [0];
        self.held.is_empty()
            && matches!(tokio::time::timeout(PATIENCE, self.stream.read(&mut one)).await, Ok(Ok(0) | Err(_)))
    }
}

/// Connections into one world, by name.
pub struct Talk {
    pub world: Arc<World>,
    wires: BTreeMap<String, Wire>,
    current: String,
    /// What was said so far, for a failure's message.
    said: Vec<String>,
}

impl Talk {
    fn new(world: Arc<World>) -> Self {
        Talk { world, wires: BTreeMap::new(), current: String::new(), said: Vec::new() }
    }

    /// The first IPv4 address of a host.
    pub fn address(&self, host: &str) -> IpAddr {
        let addresses = &self.world.hosts[host].spec.addresses;
        *addresses.iter().find(|a| a.is_ipv4()).expect("it has one")
    }

    /// Connect, from an address that belongs to nobody, under this name.
    pub async fn open(&mut self, name: &str, host: &str, port: u16) {
        let at = SocketAddr::new(self.address(host), port);
        let from = IpAddr::from([192, 0, 2, 99]);
        let connection = self.world.net.connect(from, at).await.expect("it listens");
        let line = Some((connection.conn, host.to_owned(), at));
        let wire = Wire { line, ..Wire::new(connection.stream) };
        self.wires.insert(name.to_owned(), wire);
        name.clone_into(&mut self.current);
    }

    /// The TLS handshake, as a client that checks the certificate.
    ///
    /// # Errors
    /// Why there is no TLS now.
    pub async fn secure(&mut self, name: &str) -> std::io::Result<()> {
        let caller = self.world.hosts["alice-laptop.example.com"].clone();
        let world = self.world.clone();
        let wire = self.wire(name);
        assert_eq!(String::from_utf8_lossy(&wire.held), "", "nothing was said that nobody heard");
        let (conn, host, at) = wire.line.clone().expect("a connection into the world");
        let stream = std::mem::replace(&mut wire.stream, Box::new(tokio::io::empty()));
        let connection = Connection::new(stream, conn, at, at);
        let mut secured = world.calls(&caller, &host, RoleKind::Mta, true, connection);
        let outcome = secured.secure().await;
        wire.stream = Box::new(secured);
        outcome
    }

    /// Tear a connection down at once.
    pub fn drop_connection(&mut self, name: &str) {
        self.wires.remove(name);
    }

    pub fn wire(&mut self, name: &str) -> &mut Wire {
        self.wires.get_mut(name).expect("an open connection")
    }

    /// Let virtual time pass.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Put a message (lines ending in LF) into an account's INBOX, as delivery does.
    pub fn put(&self, account: &str, message: &str) -> u32 {
        let bytes = message.replace('\n', "\r\n").into_bytes();
        let host = &self.world.hosts[if account.ends_with("example.net") { MX1 } else { MAIL }];
        let now = self.world.clock.now();
        self.world
            .with_mailboxes(host, |m| m.deliver(account, "INBOX", bytes.into(), &[], now, None))
            .expect("it is taken")
    }

    /// The messages in an account's INBOX, as text.
    pub fn inbox(&self, account: &str) -> Vec<String> {
        let host = &self.world.hosts[if account.ends_with("example.net") { MX1 } else { MAIL }];
        self.world.with_mailboxes(host, |m| {
            let metas = m.messages(account, "INBOX").unwrap_or_default();
            let text = |uid| m.body(account, "INBOX", uid).map(|b| String::from_utf8_lossy(&b).into_owned());
            metas.iter().filter_map(|meta| text(meta.uid)).collect()
        })
    }

    /// Hold a dialogue.
    pub async fn says(&mut self, text: &str) {
        let lines: Vec<&str> =
            text.lines().map(str::trim_start).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let (name, mark, rest) = parts(line);
            if let Some(name) = name {
                name.clone_into(&mut self.current);
            }
            self.said.push((*line).to_owned());
            at += 1;
            match mark {
                'c' if rest == "(TLS)" => {
                    let current = self.current.clone();
                    self.secure(&current).await.expect("the handshake is done");
                }
                'c' | '~' => {
                    let mut bytes =
                        if mark == 'c' { [rest.as_bytes(), b"\r\n"].concat() } else { unescape(rest) };
                    while let Some((None, more @ ('c' | '~'), rest)) =
                        lines.get(at).filter(|l| !l.ends_with("(TLS)")).map(|l| parts(l))
                    {
                        self.said.push(lines[at].to_owned());
                        bytes.extend(if more == 'c' {
                            [rest.as_bytes(), b"\r\n"].concat()
                        } else {
                            unescape(rest)
                        });
                        at += 1;
                    }
                    let current = self.current.clone();
                    self.wire(&current).send(&bytes).await;
                }
                _ => self.expect(mark == '+', rest).await,
            }
        }
    }

    async fn expect(&mut self, many: bool, pattern: &str) {
        let said = self.said.join("\n  ");
        let current = self.current.clone();
        let wire = self.wire(&current);
        match pattern {
            "(closed)" => assert!(wire.closes().await, "the connection is still open after\n  {said}"),
            "(silence)" => {
                let heard = wire.line(SILENCE).await;
                assert!(heard.is_none(), "nothing should be said, but it says {heard:?} after\n  {said}");
            }
            _ => {
                let heard = wire.line(PATIENCE).await;
                let right = heard.as_ref().is_some_and(|line| like(pattern, line));
                let more = if right { String::new() } else { wire.rest().await };
                assert!(right, "{heard:?} came instead of the last line, then {more:?}:\n  {said}");
                while let Some(line) = if many { wire.line(SILENCE).await } else { None } {
                    if !like(pattern, &line) {
                        wire.put_back(&line);
                        break;
                    }
                }
            }
        }
    }
}

/// A dialogue's line: the connection's name, what it is (`c`, `~`, `s`, `+`), and its text.
fn parts(line: &str) -> (Option<&str>, char, &str) {
    for (sign, mark) in [("C: ", 'c'), ("C~ ", '~'), ("S: ", 's'), ("S+: ", '+')] {
        if let Some(rest) = line.strip_prefix(sign) {
            return (None, mark, rest);
        }
        if let Some((name, rest)) = line.split_once(' ')
            && let Some(rest) = rest.strip_prefix(sign)
        {
            return (Some(name), mark, rest);
        }
    }
    match line {
        "C:" => (None, 'c', ""),
        "S:" => (None, 's', ""),
        _ => panic!("no line of a dialogue: {line}"),
    }
}

/// Whether a line is as the pattern has it; `…` stands for anything.
fn like(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// `\r \n \0 \\ \xHH` as bytes.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (b'\\', Some(b'r')) => out.push(b'\r'),
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'0')) => out.push(0),
            (b'\\', Some(b'x')) => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits"));
            }
            (b'\\', other) => out.extend(other),
            (byte, _) => out.push(byte),
        }
    }
    out
}

#[test]
fn patterns_and_escapes() {
    assert!(like("250 2.1.0 …", "250 2.1.0 Sender OK") && like("a…c…e", "abcde") && like("…", ""));
    assert!(!like("250 …", "251 x") && !like("a…c", "ab") && !like("a", "ab"));
    assert_eq!(unescape(r"a\r\n\x2e\\"), b"a\r\n.\\");
}
