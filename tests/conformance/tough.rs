//! What a stranger may try: memory stays bounded before a login, counted in octets and never by the clock; work stays in
//! proportion; nobody is dropped without a reply; one who does not read, or does not speak, holds up nobody else.

use crate::talk::{IMAP, MAIL, MX1, POP3, SMTP, SUBMISSION, in_world};
use postroad::base::Instant;
use postroad::proto::imap::server as imap;
use postroad::proto::pop3::server as pop3;
use postroad::proto::smtp::server as smtp;
use postroad::proto::smtp::server::{ServerConfig, ServerKind};
use postroad::proto::{Machine, Output};
use postroad::trace::{CloseHow, Direction, Record};
use std::time::Duration;

/// What a server may hold of a stranger's, octets.
const BEFORE_LOGIN: usize = 1 << 20;

/// One server with nobody behind it, and what it says.
struct Lone<M: Machine> {
    machine: M,
    held: fn(&M) -> usize,
    refuse: fn(&mut M, M::Event),
    said: String,
    closed: bool,
    /// The most that it held.
    most: usize,
}

impl<M: Machine> Lone<M> {
    fn new(machine: M, held: fn(&M) -> usize, refuse: fn(&mut M, M::Event)) -> Self {
        let mut lone = Lone { machine, held, refuse, said: String::new(), closed: false, most: 0 };
        lone.drain();
        lone
    }

    /// Hand over bytes as a stream gives them, and count after each piece.
    fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(16 * 1024) {
            if self.machine.wants_input() && !self.closed {
                self.machine.receive(piece, Instant::from_secs(1));
            }
            self.most = self.most.max((self.held)(&self.machine));
            self.drain();
        }
    }

    fn drain(&mut self) {
        loop {
            self.most = self.most.max((self.held)(&self.machine));
            match self.machine.poll(Instant::from_secs(1)) {
                Output::Send(bytes) => self.said += &String::from_utf8_lossy(&bytes),
                Output::Event(event) => (self.refuse)(&mut self.machine, event),
                Output::StartTls => {}
                Output::Close => self.closed = true,
                Output::Idle | Output::WakeAt(_) => return,
            }
        }
    }

    /// The last line that was said.
    fn last(&self) -> &str {
        self.said.trim_end().rsplit("\r\n").next().unwrap_or_default()
    }
}

fn smtp_server(kind: ServerKind) -> Lone<smtp::Server> {
    let refuse = |server: &mut smtp::Server, _| {
        server.answer(postroad::proto::smtp::replies::auth_failed());
    };
    let mut lone =
        Lone::new(smtp::Server::new(ServerConfig::new("mail.example.com", kind)), smtp::Server::held, refuse);
    lone.hear(b"EHLO client.example.org\r\n");
    lone
}

fn pop3_server() -> Lone<pop3::Server> {
    let refuse = |server: &mut pop3::Server, _| server.answer_login(Err(pop3::LoginRefusal::Credentials));
    Lone::new(pop3::Server::new(pop3::ServerConfig::default()), pop3::Server::held, refuse)
}

fn imap_server() -> Lone<imap::Server> {
    let refuse = |server: &mut imap::Server, _| {
        server.answer(imap::Answer::Refused(imap::ask::Refusal::Credentials));
    };
    Lone::new(imap::Server::new(imap::ServerConfig::new("imap.example.net")), imap::Server::held, refuse)
}

/// Sixteen mebibytes, then the line's end, then a command that must be answered as ever.
#[test]
fn a_line_without_end() {
    for junk in [b'x', 0, b'(', b'A', b'*'] {
        let junk = vec![junk; 16 << 20];
        let mut server = smtp_server(ServerKind::Relay);
        server.hear(&junk);
        server.hear(b"\r\nNOOP\r\n");
        assert!(
            server.last() == "250 2.0.0 OK" && server.said.contains("\r\n500 5.5.2 Line too long"),
            "{}",
            server.said
        );
        assert!(server.most < BEFORE_LOGIN, "SMTP held {}", server.most);
        let mut server = pop3_server();
        server.hear(&junk);
        server.hear(b"\r\nCAPA\r\n");
        assert!(server.last() == "." && server.said.contains("-ERR"), "{}", server.said);
        assert!(server.most < BEFORE_LOGIN, "POP3 held {}", server.most);
        let mut server = imap_server();
        server.hear(b"a ");
        server.hear(&junk);
        server.hear(b"\r\nb NOOP\r\n");
        assert!(
            server.last().starts_with("b OK") && server.said.contains("a BAD [LIMIT]"),
            "{}",
            server.said
        );
        assert!(server.most < BEFORE_LOGIN, "IMAP held {}", server.most);
    }
}

/// A thousand commands that are none: each is answered until the server says that it is enough, and why.
#[test]
fn a_thousand_bad_commands() {
    for bad in ["XYZZY\r\n", "\0\0\0\r\n", "\r\n", "\u{fffd}\r\n"] {
        let flood = bad.repeat(1000);
        let mut server = smtp_server(ServerKind::Relay);
        server.hear(flood.as_bytes());
        assert!(server.closed && server.last().starts_with("421 4.7.0 "), "{}", server.said);
        assert!(server.most < BEFORE_LOGIN);
        let mut server = pop3_server();
        server.hear(flood.as_bytes());
        assert!(server.closed && server.last().ends_with("too many errors, goodbye"), "{}", server.said);
        assert!(server.most < BEFORE_LOGIN);
        let mut server = imap_server();
        server.hear(flood.as_bytes());
        assert!(server.closed && server.last().starts_with("* BYE Too many errors"), "{}", server.said);
        assert!(server.most < BEFORE_LOGIN);
    }
}

/// Passwords tried one after the other end the session too.
#[test]
fn a_thousand_wrong_passwords() {
    let mut server = smtp_server(ServerKind::Submission);
    server.hear("AUTH PLAIN AGJvYgB4\r\n".repeat(1000).as_bytes());
    assert!(server.closed && server.last().starts_with("421 4.7.0 "), "{}", server.said);
    let mut server = pop3_server();
    server.hear("USER bob\r\nPASS x\r\n".repeat(1000).as_bytes());
    assert!(server.closed && server.last().ends_with("too many errors, goodbye"), "{}", server.said);
    let mut server = imap_server();
    server.hear("a LOGIN bob x\r\n".repeat(1000).as_bytes());
    assert!(server.closed && server.last().starts_with("* BYE Too many errors"), "{}", server.said);
}

/// RFC 9051 §4.3: a literal of four gibibytes is announced before login: refused at once, nothing is kept.
#[test]
fn a_literal_of_four_gibibytes() {
    let mut server = imap_server();
    server.hear(b"a LOGIN {4294967296}\r\n");
    assert!(server.last().starts_with("a NO [TOOBIG]"), "{}", server.said);
    server.hear(b"b LOGIN {99999999999999999999999999}\r\n");
    assert!(server.last().starts_with("b NO [TOOBIG]"), "{}", server.said);
    server.hear(b"c LOGIN bob {8388608+}\r\n");
    assert!(
        server.last().starts_with("c NO [TOOBIG]") || server.last().starts_with("c BAD [TOOBIG]"),
        "{}",
        server.said
    );
    server.hear(&vec![b'x'; 8 << 20]);
    server.hear(b"\r\nd NOOP\r\n");
    assert!(server.last().starts_with("d OK"), "what came of it is not read as commands: {}", server.said);
    // Many small ones add up to a command that is too big.
    server.hear("e LOGIN ".as_bytes());
    for _ in 0..2000 {
        server.hear(format!("{{4000+}}\r\n{}", "y".repeat(4000)).as_bytes());
    }
    server.hear(b"\r\nf NOOP\r\n");
    assert!(server.last().starts_with("f OK"), "{}", server.said);
    assert!(server.most < BEFORE_LOGIN, "IMAP held {}", server.most);
}

/// A mebibyte of base64 where a password is due.
#[test]
fn a_mebibyte_of_base64() {
    let base64 = vec![b'A'; 1 << 20];
    let mut server = smtp_server(ServerKind::Submission);
    server.hear(b"AUTH PLAIN\r\n");
    server.hear(&base64);
    server.hear(b"\r\nNOOP\r\n");
    assert!(server.said.contains("500 5.5.6") && server.last() == "250 2.0.0 OK", "{}", server.said);
    assert!(server.most < BEFORE_LOGIN, "SMTP held {}", server.most);
    let mut server = imap_server();
    server.hear(b"a AUTHENTICATE PLAIN\r\n");
    server.hear(&base64);
    server.hear(b"\r\nb NOOP\r\n");
    assert!(server.said.contains("a BAD") && server.last().starts_with("b OK"), "{}", server.said);
    assert!(server.most < BEFORE_LOGIN, "IMAP held {}", server.most);
}

/// A chunk that may not come is read to its end, and not kept (RFC 3030 §2).
#[test]
fn a_chunk_nobody_asked_for() {
    let mut server = smtp_server(ServerKind::Submission);
    server.hear(b"BDAT 8388608 LAST\r\n");
    server.hear(&vec![b'x'; 8 << 20]);
    assert!(server.last().starts_with("503 5.5.1"), "{}", server.said);
    server.hear(b"BDAT 18446744073709551615\r\nNOOP\r\n");
    assert!(server.most < BEFORE_LOGIN, "SMTP held {}", server.most);
}

/// A hundred thousand open parentheses, before login and after it, and lists in lists.
#[test]
fn parentheses_without_end() {
    in_world(async |talk| {
        talk.put("bob@example.net", "Subject: x\n\n");
        talk.open("a", MX1, IMAP).await;
        let (many, some, deep) =
            ("(".repeat(100_000), "(".repeat(60_000), format!("{}ALL{}", "(".repeat(90), ")".repeat(90)));
        talk.says(&format!(
            "S: * OK …\nC: a SEARCH {many}\nS: a BAD [LIMIT] …\nC: l LOGIN bob@example.net ship-in-a-bottle\nS: l OK …\n\
             C: s SELECT INBOX\nS+: * …\nS: s OK …\nC: b SEARCH {some}\nS: b BAD …\nC: c ID {some}\nS: c BAD …\n\
             C: d FETCH 1 {some}\nS: d BAD …\nC: e SEARCH {deep}\nS: * SEARCH 1\nS: e OK …\n\
             C: f SEARCH {}ALL\nS: f …\nC: g NOOP\nS: g OK …",
            "NOT ".repeat(15_000)
        ))
        .await;
    });
}

/// Ranges up to the last number that there is cost what the mailbox holds, not what the numbers say.
#[test]
fn the_largest_ranges() {
    let records = in_world(async |talk| {
        talk.put("bob@example.net", "Subject: x\n\n");
        talk.put("bob@example.net", "Subject: y\n\n");
        talk.open("a", MX1, IMAP).await;
        let many: Vec<String> = (0..5000).map(|n| format!("{}:{}", n + 1, u32::MAX - n)).collect();
        let many = many.join(",");
        talk.says(&format!(
            r"
            S: * OK …
            C: l LOGIN bob@example.net ship-in-a-bottle
            S: l OK …
            C: e ENABLE QRESYNC
            S+: * …
            S: e OK …
            C: s SELECT INBOX
            S+: * …
            S: s OK …
            C: a FETCH 1:4294967295 FLAGS
            S: a BAD …
            C: b UID FETCH 1:4294967295 UID
            S: * 1 FETCH (UID 1)
            S: * 2 FETCH (UID 2)
            S: b OK …
            C: c UID FETCH {} UID
            S: c BAD …
            C: d UID FETCH {} UID
            S: * 1 FETCH (UID 1)
            S: * 2 FETCH (UID 2)
            S: d OK …
            C: f UID SEARCH UID 1:4294967295
            S: * SEARCH 1 2
            S: f OK …
            C: g UID STORE 1:4294967295 +FLAGS.SILENT (\Deleted)
            S+: * …
            S: g OK …
            C: h UID EXPUNGE 1:4294967295
            S: * VANISHED 1:2
            S: h OK …
            C: i UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 1 VANISHED)
            S: * VANISHED (EARLIER) 1:2
            S: i OK …
            C: j SEARCH 4294967296
            S: j BAD …
            ",
            "1,".repeat(40_000),
            &many[..60_000].rsplit_once(',').expect("commas").0
        ))
        .await;
    });
    let bytes: usize =
        records.iter().map(|r| if let Record::Data { data, .. } = r { data.bytes.len() } else { 0 }).sum();
    assert!(bytes < 300_000, "{bytes} octets crossed the wire");
}

/// Patterns full of wildcards, and names that climb.
#[test]
fn hostile_names_and_patterns() {
    in_world(async |talk| {
        talk.open("a", MX1, IMAP).await;
        let name = "a".repeat(900);
        let pattern = "*a%".repeat(20_000);
        talk.says(&format!(
            r#"
            S: * OK …
            C: l LOGIN bob@example.net ship-in-a-bottle
            S: l OK …
            C: a CREATE {name}
            S: a OK …
            C: b LIST "" {pattern}
            S: b OK …
            C: c LIST "" {}b
            S: c OK …
            C: d CREATE {}
            S: d NO …
            C: e CREATE ../../../etc/passwd
            S: e NO …
            C~ f CREATE "a\0b"\r\n
            S: f BAD …
            C~ g CREATE {{3+}}\r\n\xff\xfe\xfd\r\n
            S: g …
            C: h CREATE {}
            S: h NO …
            C: i CREATE "&AGEAYg-"
            S: i …
            "#,
            "%a".repeat(400),
            "b".repeat(1001),
            "c/".repeat(500)
        ))
        .await;
    });
}

/// Two thousand connections that say nothing: the next client is served as ever, and in the end each is told why it is
/// closed, where the protocol has words for it (POP3 has none: RFC 1939 §3).
#[test]
fn two_thousand_idle_connections() {
    let records = in_world(async |talk| {
        for n in 0..500 {
            for (what, host, port) in [
                ("smtp", MX1, SMTP),
                ("submission", MAIL, SUBMISSION),
                ("pop3", MX1, POP3),
                ("imap", MX1, IMAP),
            ] {
                talk.open(&format!("{what}{n}"), host, port).await;
            }
        }
        talk.open("late", MX1, SMTP).await;
        talk.says("S: 220 …\nC: EHLO client.example.org\nS+: 250…\nC: QUIT\nS: 221 …\nS: (closed)").await;
        talk.wait(Duration::from_secs(1200)).await;
        for n in 0..500 {
            talk.says(&format!(
                "smtp{n} S: 220 …\nS: 421 4.4.2 …\nS: (closed)\nsubmission{n} S: 220 …\nS: 421 4.4.2 …\nS: (closed)\n\
                 pop3{n} S: +OK …\nS: (closed)\nimap{n} S: * OK …\nS: * BYE …\nS: (closed)"
            ))
            .await;
        }
    });
    let resets = records.iter().filter(|r| matches!(r, Record::Close { how: CloseHow::Reset, .. })).count();
    assert_eq!(resets, 0, "every connection was closed in an orderly way");
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        eprintln!("two thousand idle connections, with their transcript: {peak}");
    }
}

/// RFC 9051 §5.3 MUST: flow control is heeded: a server writes no more than the stream takes.
/// A client that asks for much and reads nothing is held back by the stream, and in the end left; others are served.
#[test]
fn one_who_does_not_read_is_left() {
    let records = in_world(async |talk| {
        talk.put("bob@example.net", &format!("Subject: big\n\n{}", "0123456789abcdef\n".repeat(20_000)));
        talk.open("a", MX1, IMAP).await;
        talk.says("S: * OK …\nC: l LOGIN bob@example.net ship-in-a-bottle\nS: l OK …\nC: s SELECT INBOX\nS+: * …\nS: s OK …").await;
        let many: String = (0..200).map(|n| format!("f{n} FETCH 1 BODY.PEEK[]\r\n")).collect();
        talk.wire("a").send(many.as_bytes()).await;
        talk.open("b", MX1, IMAP).await;
        talk.says("S: * OK …\nC: l LOGIN bob@example.net ship-in-a-bottle\nS: l OK …").await;
        talk.wait(Duration::from_secs(900)).await;
        let rest = talk.wire("a").rest().await;
        assert!(rest.len() < 600_000, "{} octets waited for one who did not read", rest.len());
        talk.says("b C: n NOOP\nS: n OK …").await;
    });
    let left = |r: &&Record| matches!(r, Record::Close { how: CloseHow::Reset, from: Direction::Server, .. });
    assert_eq!(records.iter().filter(left).count(), 1);
}

/// One message, one octet at a time, is the same message; others are served meanwhile.
#[test]
fn a_slow_sender() {
    in_world(async |talk| {
        talk.open("slow", MX1, SMTP).await;
        talk.says("S: 220 …").await;
        let said = b"EHLO client.example.org\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nSubject: slow\r\n\r\n..\r\n.\r\nQUIT\r\n";
        for octet in said {
            talk.wire("slow").send(&[*octet]).await;
            talk.wait(Duration::from_millis(500)).await;
        }
        talk.says("S+: 250…\nS: 354 …\nS: 250 2.0.0 OK: queued…\nS: 221 …\nS: (closed)").await;
        talk.wait(Duration::from_secs(2)).await;
        assert!(talk.inbox("bob@example.net")[0].ends_with("Subject: slow\r\n\r\n.\r\n"));
    });
}
