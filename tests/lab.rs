//! `postroad lab` from outside: the program is started on free ports, and spoken to over real sockets.

#[path = "support/session.rs"]
mod session;

use postroad::explain::{Item, Story};
use postroad::trace::{Record, Transcript};
use session::Session;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one answer may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lab that runs; ended when the test is.
struct Lab {
    child: Child,
    out: BufReader<ChildStdout>,
    /// By the row's words and the column's domain; the DNS has no domain.
    ports: BTreeMap<(String, String), u16>,
    /// Where its authority is kept.
    home: PathBuf,
}

impl Lab {
    /// Start one, and read its board.
    fn open(args: &[&str]) -> Lab {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
        command.args(["lab", "--plain", "--port-base", "0"]).args(args);
        // The authority for TLS is made in a folder of its own; each test is a program of its own under nextest.
        static LABS: AtomicUsize = AtomicUsize::new(0);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let home = format!("postroad-lab-home-{}-{number}", std::process::id());
        let home = std::env::temp_dir().join(home);
        command.env("XDG_DATA_HOME", &home);
        command.env_remove("CLICOLOR_FORCE").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (mut ports, mut domains) = (BTreeMap::new(), Vec::new());
        loop {
            let mut line = String::new();
            out.read_line(&mut line).expect("it speaks");
            assert!(!line.is_empty(), "the board is not whole: {ports:?}");
            if line.contains("Ctrl-C closes the lab") {
                break;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if words == ["example.com", "example.net"] {
                domains = words.iter().map(|word| (*word).to_owned()).collect();
                continue;
            }
            let numbers: Vec<u16> = words.iter().rev().map_while(|word| word.parse().ok()).collect();
            let name = words[..words.len() - numbers.len()].join(" ");
            match numbers.as_slice() {
                [second, first] if !domains.is_empty() => {
                    ports.insert((name.clone(), domains[0].clone()), *first);
                    ports.insert((name, domains[1].clone()), *second);
                }
                [only] if name.starts_with("DNS") => {
                    ports.insert((name, String::new()), *only);
                }
                _ => {}
            }
        }
        Lab { child, out, ports, home }
    }

    fn port(&self, service: &str, domain: &str) -> u16 {
        let is = |key: &&(String, String)| {
            key.0.starts_with(service)
                && key.0.ends_with("in TLS") == service.ends_with("in TLS")
                && key.1 == domain
        };
        let key = self.ports.keys().find(is);
        *key.and_then(|key| self.ports.get(key)).unwrap_or_else(|| panic!("{service}: {:?}", self.ports))
    }

    fn call(&self, service: &str, domain: &str) -> Talk {
        Talk::to(self.port(service, domain))
    }

    /// Every door at which SMTP is spoken.
    fn smtp_doors(&self) -> Vec<(String, u16)> {
        let named = |key: &(String, String)| key.0.starts_with("submission") || key.0.starts_with("relay");
        let smtp = |key: &(String, String)| named(key) && !key.0.ends_with("in TLS");
        let doors = self.ports.iter().filter(|(key, _)| smtp(key));
        doors.map(|(key, port)| (format!("{} of {}", key.0, key.1), *port)).collect()
    }

    /// Send it a signal.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Close it as Ctrl-C does; gives what it told since the board, and its exit code.
    fn close(mut self) -> (String, Option<i32>) {
        self.signal("-INT");
        let mut told = String::new();
        self.out.read_to_string(&mut told).expect("it ends");
        (told, self.child.wait().expect("it ends").code())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A conversation over a real socket.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(port: u16) -> Talk {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        Talk(BufReader::new(stream))
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("it listens");
    }

    /// The next line; empty at the end of the stream.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("it answers");
        line
    }

    /// Say this, and hear the whole reply of an SMTP server: its last line.
    fn smtp(&mut self, line: &str) -> String {
        self.say(line);
        self.reply()
    }

    fn reply(&mut self) -> String {
        loop {
            let line = self.line();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Say this, and hear everything up to a line that begins so.
    fn until(&mut self, say: &str, begins: &str) -> String {
        self.say(say);
        let mut heard = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "{say}: the stream ended after {heard}");
            heard.push_str(&line);
            if line.starts_with(begins) {
                return heard;
            }
        }
    }

    /// What still comes until the server ends the stream.
    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("it ends in good order");
        rest
    }
}

/// Log in at a submission door, as Alice.
fn log_in(talk: &mut Talk) {
    assert!(talk.reply().starts_with("220"));
    assert!(talk.smtp("EHLO laptop.example.com").starts_with("250"));
    // NUL alice@example.com NUL tea-at-four (RFC 4616).
    let told = talk.smtp("AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHRlYS1hdC1mb3Vy");
    assert!(told.starts_with("235"), "{told}");
}

fn hand_in(talk: &mut Talk, from: &str, to: &str, subject: &str) -> String {
    assert!(talk.smtp(&format!("MAIL FROM:<{from}>")).starts_with("250"));
    assert!(talk.smtp(&format!("RCPT TO:<{to}>")).starts_with("250"), "{to}");
    assert!(talk.smtp("DATA").starts_with("354"));
    talk.say(&format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nAt four?\r\n."));
    talk.reply()
}

/// Log in by POP3, again and again until a message has come; gives the first one.
fn fetch(lab: &Lab, domain: &str, user: &str, password: &str) -> String {
    for _ in 0..600 {
        let mut talk = lab.call("POP3", domain);
        assert!(talk.line().starts_with("+OK"));
        talk.until(&format!("USER {user}"), "+OK");
        talk.until(&format!("PASS {password}"), "+OK");
        let count = talk.until("STAT", "+OK");
        if !count.starts_with("+OK 0") {
            let message = talk.until("RETR 1", ".\r\n");
            talk.until("QUIT", "+OK");
            return message;
        }
        talk.until("QUIT", "+OK");
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nothing came for {user}");
}

fn records(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).expect("it was recorded");
    Transcript::read(bytes.as_slice()).expect("it is a transcript").0.records
}

/// Lines of a recording for which nobody has written a note.
fn unexplained(records: &[Record]) -> Vec<String> {
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let mut story = Story::new(head);
    let items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
    let generic = items.iter().filter_map(|item| match item {
        Item::Step(step, note) if note.is_generic() => {
            Some(format!("{:?} {} {}", step.kind, step.verb, step.code))
        }
        _ => None,
    });
    generic.collect()
}

#[test]
fn a_letter_travels_from_door_to_door_and_all_of_it_is_told() {
    let session = Session::new("lab-letter");
    let file = session.path("lab.jsonl");
    let lab = Lab::open(&["--record", &file.to_string_lossy()]);
    let mut talk = lab.call("submission", "example.com");
    log_in(&mut talk);
    assert!(hand_in(&mut talk, "alice@example.com", "bob@example.net", "Tea").starts_with("250"));
    assert!(talk.smtp("QUIT").starts_with("221"));
    let letter = fetch(&lab, "example.net", "bob@example.net", "ship-in-a-bottle");
    for part in ["Return-Path: <alice@example.com>", "by mail.example.com", "by mx1.example.net", "At four?"]
    {
        assert!(letter.contains(part), "{part} is missing in {letter}");
    }
    let mut imap = lab.call("IMAP", "example.net");
    assert!(imap.line().starts_with("* OK"));
    imap.until("a LOGIN bob@example.net ship-in-a-bottle", "a OK");
    assert!(imap.until("b SELECT INBOX", "b OK").contains("* 1 EXISTS"));
    assert!(imap.until("c FETCH 1 BODY[TEXT]", "c OK").contains("At four?"));
    imap.until("d LOGOUT", "d OK");
    let (told, code) = lab.close();
    assert_eq!(code, Some(0));
    for part in ["C  RCPT TO:<bob@example.net>", "example.net MX?", "handed", "delivered to bob@example.net"]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert!(!told.contains("tea-at-four") && !told.contains("ship-in-a-bottle"), "passwords are not told");
    let records = records(&file);
    assert!(matches!(records.last(), Some(Record::End { .. })));
    assert!(unexplained(&records).is_empty(), "{:?}", unexplained(&records));
    assert!(session.ok(&["replay", "lab.jsonl", "--plain"]).contains("At four?"));
    let check = session.ok(&["replay", "lab.jsonl", "--check"]);
    assert!(check.contains("recorded live"), "{check}");
}

#[test]
fn the_second_door_keeps_the_rules_of_the_first_one_and_ipv6_has_doors_too() {
    let lab = Lab::open(&[]);
    let mut talk = lab.call("submission, the second", "example.com");
    assert!(talk.reply().starts_with("220"));
    assert!(talk.smtp("EHLO laptop.example.com").starts_with("250"));
    assert!(talk.smtp("MAIL FROM:<alice@example.com>").starts_with("530"), "nobody has logged in");
    if UdpSocket::bind("[::1]:0").is_ok() {
        let port = lab.port("relay", "example.net");
        let stream = TcpStream::connect(("::1", port)).expect("the door is open");
        assert!(Talk(BufReader::new(stream)).reply().starts_with("220 mx1.example.net"));
    }
}

#[test]
fn the_dns_answers_by_udp_and_by_tcp() {
    let lab = Lab::open(&[]);
    let port = lab.port("DNS", "");
    // RFC 1035 §4.1: id 7, a standard query with one question: example.net MX IN.
    let query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03net\x00\x00\x0f\x00\x01";
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("it can be set");
    socket.send_to(query, ("127.0.0.1", port)).expect("it is sent");
    let mut answer = [0; 512];
    let (count, _) = socket.recv_from(&mut answer).expect("it answers");
    assert_eq!(&answer[..2], b"\x00\x07");
    assert!(answer[..count].windows(3).any(|w| w == b"mx1"));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the door is open");
    let length = u16::try_from(query.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length[..], query].concat()).expect("it listens");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("it answers");
    assert_eq!(usize::from(u16::from_be_bytes(length)), count, "the same answer by TCP");
}

#[test]
fn a_busy_port_is_one_clear_sentence() {
    let session = Session::new("lab-busy");
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = busy.local_addr().expect("it has one").port();
    let told = session.error(&["lab", "--plain", "--port-base", "0", "--ports", &format!("imap={port}")], 1);
    for part in [format!("port {port} on 127.0.0.1"), "IMAP of example.com".into(), "--ports imap@".into()] {
        assert!(told.contains(&part), "{part} is missing in {told}");
    }
    assert_eq!(told.trim_end().lines().count(), 2, "a sentence and a hint: {told}");
}

#[test]
fn what_is_asked_for_wrongly_is_refused_in_words() {
    let session = Session::new("lab-wrong");
    for (args, word) in [
        (&["--account", "erin"][..], "user@domain:password"),
        (&["--account", "erin@example.edu:not-told"], "example.com and example.net"),
        (&["--ports", "http=80"], "no service"),
        (&["--ports", "imap@example.edu=1"], "no domain example.edu"),
        (&["--bind", "nowhere"], "invalid IP address"),
    ] {
        let told = session.error(&[&["lab", "--plain"][..], args].concat(), 2);
        assert!(told.contains(word), "{args:?}: {told}");
        assert!(!told.contains("not-told"), "{told}");
    }
}

/// RFC 5321 §7.9, and the ways by which open relays were found: no door carries mail elsewhere for somebody who is not known.
#[test]
fn no_door_is_an_open_relay() {
    let lab = Lab::open(&[]);
    let doors = lab.smtp_doors();
    assert_eq!(doors.len(), 6, "{doors:?}");
    for (door, port) in doors {
        let other = if door.ends_with("example.com") { "example.net" } else { "example.com" };
        let own = if other == "example.com" { "example.net" } else { "example.com" };
        for (from, to) in [
            ("spam@example.edu".to_owned(), "<victim@example.org>".to_owned()),
            (format!("bob@{own}"), "<victim@example.org>".to_owned()),
            (String::new(), "<victim@example.org>".to_owned()),
            (format!("spam@{other}"), format!("<postmaster@{other}>")),
            ("spam@example.edu".to_owned(), format!("<victim%example.org@{own}>")),
            ("spam@example.edu".to_owned(), format!("<\"victim@example.org\"@{own}>")),
            ("spam@example.edu".to_owned(), format!("<@{own}:victim@example.org>")),
            ("spam@example.edu".to_owned(), format!("<victim@example.org@{own}>")),
            ("spam@example.edu".to_owned(), format!("<example.org!victim@{own}>")),
            ("spam@example.edu".to_owned(), "<victim@[198.51.100.9]>".to_owned()),
            ("spam@example.edu".to_owned(), "<victim@[127.0.0.1]>".to_owned()),
        ] {
            let mut talk = Talk::to(port);
            assert!(talk.reply().starts_with("220"), "{door}");
            assert!(talk.smtp("EHLO elsewhere.example.org").starts_with("250"), "{door}");
            let mail = talk.smtp(&format!("MAIL FROM:<{from}>"));
            let told = if mail.starts_with("250") { talk.smtp(&format!("RCPT TO:{to}")) } else { mail };
            assert!(told.starts_with('5'), "{door}: {from} to {to}: {told}");
        }
    }
    // Who has logged in may write to both domains, and nowhere else.
    let mut talk = lab.call("submission", "example.com");
    log_in(&mut talk);
    assert!(talk.smtp("MAIL FROM:<alice@example.com>").starts_with("250"));
    let told = talk.smtp("RCPT TO:<victim@example.org>");
    assert!(told.starts_with("550 5.1.2 example.org"), "{told}");
    assert!(talk.smtp("RCPT TO:<victim@[198.51.100.9]>").starts_with("550"));
    assert!(talk.smtp("RCPT TO:<bob@example.net>").starts_with("250"));
    drop(talk);
    let (told, _) = lab.close();
    assert!(told.contains("550 5.1.2 example.org"), "why it was refused is told at once");
}

#[test]
fn with_catch_all_mail_for_other_domains_lands_here() {
    let lab = Lab::open(&["--catch-all"]);
    let mut talk = lab.call("relay", "example.com");
    assert!(talk.reply().starts_with("220"));
    assert!(talk.smtp("EHLO program.example.edu").starts_with("250"));
    assert!(talk.smtp("MAIL FROM:<shop@example.edu>").starts_with("250"));
    assert!(talk.smtp("RCPT TO:<bob@example.net>").starts_with("550"), "that domain is another host's");
    assert!(hand_in_after_rset(&mut talk).starts_with("250"));
    let letter = fetch(&lab, "example.com", "catch-all@example.com", "everything-else");
    assert!(letter.contains("Delivered-To: somebody@example.org"), "{letter}");
}

fn hand_in_after_rset(talk: &mut Talk) -> String {
    assert!(talk.smtp("RSET").starts_with("250"));
    hand_in(talk, "shop@example.edu", "somebody@example.org", "Your order")
}

#[test]
fn accounts_can_be_added() {
    let lab = Lab::open(&["--account", "erin@example.net:seven-lamps"]);
    let mut talk = lab.call("submission", "example.com");
    log_in(&mut talk);
    assert!(hand_in(&mut talk, "alice@example.com", "erin@example.net", "Welcome").starts_with("250"));
    assert!(fetch(&lab, "example.net", "erin@example.net", "seven-lamps").contains("Welcome"));
}

#[test]
fn too_many_connections_are_turned_away_in_words() {
    let lab = Lab::open(&["--connections", "1"]);
    let mut first = lab.call("relay", "example.com");
    assert!(first.reply().starts_with("220"));
    let told = lab.call("relay", "example.com").rest();
    assert!(told.starts_with("421 4.7.0"), "{told}");
    let told = lab.call("IMAP", "example.com").rest();
    assert!(told.starts_with("* BYE"), "{told}");
    let told = lab.call("POP3", "example.com").rest();
    assert!(told.starts_with("-ERR [SYS/TEMP]"), "{told}");
    assert!(first.smtp("NOOP").starts_with("250"), "who was there first stays");
}

#[cfg(unix)]
#[test]
fn on_sigterm_every_session_is_told() {
    let session = Session::new("lab-term");
    let file = session.path("lab.jsonl");
    let mut lab = Lab::open(&["--record", &file.to_string_lossy()]);
    let (mut smtp, mut pop3) = (lab.call("submission", "example.com"), lab.call("POP3", "example.com"));
    let (mut imap, mut idle) = (lab.call("IMAP", "example.com"), lab.call("IMAP", "example.com"));
    assert!(smtp.reply().starts_with("220"));
    assert!(pop3.line().starts_with("+OK"));
    assert!(imap.line().starts_with("* OK") && idle.line().starts_with("* OK"));
    idle.until("a LOGIN carol@example.com green-bicycle", "a OK");
    idle.until("b SELECT INBOX", "b OK");
    idle.until("c IDLE", "+");
    lab.signal("-TERM");
    let told = smtp.rest();
    assert!(told.starts_with("421 4.3.2"), "{told}");
    assert!(imap.rest().starts_with("* BYE") && idle.rest().starts_with("* BYE"));
    assert_eq!(pop3.rest(), "", "a POP3 server speaks only when it is spoken to");
    assert_eq!(lab.child.wait().expect("it ends").code(), Some(0));
    let records = records(&file);
    assert!(matches!(records.last(), Some(Record::End { .. })), "{:?}", records.last());
    assert!(unexplained(&records).is_empty(), "{:?}", unexplained(&records));
}

#[cfg(unix)]
#[test]
fn a_lab_that_is_killed_leaves_a_recording_that_can_be_read() {
    let session = Session::new("lab-kill");
    let file = session.path("lab.jsonl");
    let mut lab = Lab::open(&["--record", &file.to_string_lossy()]);
    let mut talk = lab.call("submission", "example.com");
    log_in(&mut talk);
    // What was told is flushed when nothing more comes: wait until the line is in the file.
    let written = || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("235 2.7.0"));
    for _ in 0..600 {
        if written() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.signal("-KILL");
    lab.child.wait().expect("it ends");
    assert!(session.ok(&["replay", "lab.jsonl", "--plain"]).contains("235 2.7.0"));
}
