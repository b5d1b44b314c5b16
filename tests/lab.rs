//! `postroad lab` from outside: the program is started on free ports, and spoken to over real sockets.

#[path = "support/lab.rs"]
mod lab;
#[path = "support/session.rs"]
mod session;

use lab::{Lab, PATIENCE, Talk, records, unexplained};
use postroad::trace::Record;
use session::Session;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

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
