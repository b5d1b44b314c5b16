//! Dialogues with the client: what the server says, what the client answers, what its owner is told.

use super::*;
use crate::base::Instant;
use crate::proto::pop3::grammar::block::octets_on_wire;
use crate::proto::pop3::server::{Entry, Maildrop, Server, ServerConfig, ServerEvent};
use crate::proto::{Machine, Output};
use proptest::prelude::*;
use std::sync::Arc;

struct Heard {
    client: Client,
    events: Vec<ClientEvent>,
    closed: bool,
    now: Instant,
}

fn bob() -> ClientConfig {
    ClientConfig::new("bob", Secret::new("secret word"))
}

fn hear(config: ClientConfig) -> Heard {
    Heard { client: Client::new(config), events: Vec::new(), closed: false, now: Instant::from_secs(0) }
}

impl Heard {
    fn drain(&mut self) -> String {
        let mut sent = Vec::new();
        loop {
            match self.client.poll(self.now) {
                Output::Send(bytes) => sent.extend(bytes),
                Output::Event(event) => self.events.push(event),
                Output::StartTls => {}
                Output::Close => self.closed = true,
                Output::WakeAt(_) | Output::Idle => return String::from_utf8(sent).unwrap(),
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) -> String {
        self.client.receive(bytes, self.now);
        self.drain()
    }

    /// Plays `S:` lines and holds what the client says against the `C:` lines.
    fn play(&mut self, dialogue: &str) {
        let mut heard = self.drain();
        for line in dialogue.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
            if let Some(said) = line.strip_prefix("S: ") {
                assert_eq!(heard, "", "before {line}");
                heard = self.say(format!("{said}\r\n").as_bytes());
            } else {
                assert_eq!(format!("C: {heard}"), format!("{line}\r\n"));
                heard.clear();
            }
        }
        assert_eq!(heard, "", "at the end");
    }

    fn result(&self) -> &Result<Summary, Failure> {
        match self.events.last() {
            Some(ClientEvent::Finished(result)) => result,
            other => panic!("not finished: {other:?}"),
        }
    }
}

#[test]
fn it_fetches_what_is_new_and_lets_go_of_what_it_has() {
    let mut bob = hear(ClientConfig { capa: true, known: ["b".to_owned()].into(), ..bob() });
    bob.play(
        "S: +OK ready <1.2@example.net>
         C: CAPA
         S: +OK
         S: UIDL
         S: .
         C: USER bob
         S: +OK
         C: PASS secret word
         S: +OK
         C: STAT
         S: +OK 2 30
         C: UIDL
         S: +OK
         S: 1 a
         S: 2 b
         S: .
         C: LIST
         S: +OK
         S: 1 20
         S: 2 10
         S: .
         C: RETR 1
         S: +OK
         S: Subject: one
         S: \u{20}
         S: ..
         S: ..dots
         S: .
         C: DELE 1
         S: +OK
         C: DELE 2
         S: +OK
         C: QUIT
         S: +OK bye",
    );
    let a = Some("a".to_owned());
    let bytes = b"Subject: one\r\n \r\n.\r\n.dots\r\n".to_vec();
    assert_eq!(
        bob.events,
        [
            ClientEvent::Greeted {
                line: "+OK ready <1.2@example.net>".into(),
                timestamp: Some("<1.2@example.net>".into())
            },
            ClientEvent::Capabilities(vec!["UIDL".into()]),
            ClientEvent::Stat { count: 2, octets: 30 },
            ClientEvent::Retrieved { number: 1, uidl: a.clone(), bytes },
            ClientEvent::Deleted { number: 1, uidl: a },
            ClientEvent::Deleted { number: 2, uidl: Some("b".into()) },
            ClientEvent::Finished(Ok(Summary {
                count: 2,
                octets: 30,
                retrieved: 1,
                deleted: 2,
                refused: vec![]
            })),
        ]
    );
    assert!(bob.closed);
}

#[test]
fn a_client_that_keeps_deletes_nothing_and_does_without_uidl() {
    let mut bob = hear(ClientConfig { keep: true, list: false, ..bob() });
    bob.play(
        "S: +OK
         C: USER bob
         S: +OK
         C: PASS secret word
         S: +OK
         C: STAT
         S: +OK 2 4
         C: UIDL
         S: -ERR what is that?
         C: RETR 1
         S: -ERR busy
         C: RETR 2
         S: +OK
         S: x
         S: .
         C: QUIT
         S: +OK",
    );
    let summary = bob.result().as_ref().unwrap();
    assert_eq!((summary.retrieved, summary.deleted, summary.refused.as_slice()), (1, 0, [1].as_slice()));
}

#[test]
fn an_empty_maildrop_is_left_at_once() {
    let mut bob = hear(bob());
    bob.play(
        "S: +OK
         C: USER bob
         S: +OK
         C: PASS secret word
         S: +OK
         C: STAT
         S: +OK 0 0
         C: QUIT
         S: +OK",
    );
    assert!(bob.result().is_ok());
}

#[test]
fn a_refused_login_ends_politely() {
    let mut bob = hear(bob());
    bob.play(
        "S: +OK
         C: USER bob
         S: +OK
         C: PASS secret word
         S: -ERR [IN-USE] taken
         C: QUIT
         S: +OK",
    );
    let reason = Reason::Refused("-ERR [IN-USE] taken".to_owned());
    assert_eq!(bob.result(), &Err(Failure { stage: "PASS", reason }));
    assert!(bob.closed);
}

#[test]
fn a_server_that_is_gone_silent_or_strange_is_left() {
    let failed = |bob: &Heard| bob.result().clone().unwrap_err();
    let mut gone = hear(bob());
    gone.play("S: +OK\n C: USER bob");
    gone.say(b"+OK but this line is no");
    gone.client.closed(gone.now);
    assert_eq!(gone.drain(), "");
    assert_eq!(failed(&gone), Failure { stage: "USER", reason: Reason::Lost });

    let mut silent = hear(bob());
    assert_eq!(silent.client.poll(silent.now), Output::WakeAt(Instant::from_secs(300)));
    silent.now = Instant::from_secs(300);
    assert_eq!(silent.drain(), "");
    assert_eq!(failed(&silent), Failure { stage: "CONNECT", reason: Reason::TimedOut });

    let mut strange = hear(bob());
    strange.play("S: 220 mail.example.net ESMTP");
    assert!(matches!(failed(&strange).reason, Reason::Unclear(_)));

    let mut shut = hear(bob());
    shut.play("S: -ERR no more room");
    assert!(matches!(failed(&shut).reason, Reason::Refused(_)));

    let mut endless = hear(bob());
    endless.say(&[b'+'; 10_000]);
    assert_eq!(failed(&endless).reason, Reason::TooLarge);
}

#[test]
fn a_bare_lf_and_a_dot_inside_a_message_do_not_end_it() {
    let mut bob = hear(ClientConfig { keep: true, list: false, ..bob() });
    bob.say(b"+OK\r\n+OK\r\n+OK\r\n+OK 1 9\r\n-ERR\r\n+OK\r\na\n.\r\nb\r\n.\r\n");
    assert!(
        bob.events
            .iter()
            .any(|e| matches!(e, ClientEvent::Retrieved { bytes, .. } if bytes == b"a\n.\r\nb\r\n"))
    );
}

/// A client and a server in memory, joined by pieces of at most `piece` octets. Gives what was fetched and removed.
fn pair(messages: &[Vec<u8>], config: ClientConfig, piece: usize) -> (Vec<Vec<u8>>, Vec<usize>) {
    let now = Instant::from_secs(0);
    let mut bob = hear(config);
    let mut server = Server::new(ServerConfig::default());
    let mut removed = Vec::new();
    let mut to_client = Vec::new();
    while !bob.closed {
        match server.poll(now) {
            Output::Send(bytes) => to_client.extend(bytes),
            Output::Event(ServerEvent::Login { .. }) => {
                let entry =
                    |(i, m): (usize, &Vec<u8>)| Entry { uidl: format!("u{i}"), octets: octets_on_wire(m) };
                let messages = messages.iter().enumerate().map(entry).collect();
                server.answer_login(Ok(Maildrop { messages }));
            }
            Output::Event(ServerEvent::Body { index }) => {
                server.answer_body(messages.get(index).map(|m| Arc::from(m.as_slice())));
            }
            Output::Event(ServerEvent::Update { delete }) => {
                removed = delete;
                server.answer_update(Ok(()));
            }
            Output::Event(other) => panic!("{other:?}"),
            Output::StartTls => {}
            Output::Close => {}
            Output::WakeAt(_) | Output::Idle => {
                let mut said = Vec::new();
                for chunk in std::mem::take(&mut to_client).chunks(piece) {
                    said.extend(bob.say(chunk).into_bytes());
                }
                for chunk in said.chunks(piece) {
                    server.receive(chunk, now);
                }
            }
        }
    }
    assert!(bob.result().is_ok(), "{:?}", bob.result());
    let fetched = bob.events.into_iter().filter_map(|e| match e {
        ClientEvent::Retrieved { bytes, .. } => Some(bytes),
        _ => None,
    });
    (fetched.collect(), removed)
}

#[test]
fn client_and_server_understand_each_other() {
    let messages = vec![b"Subject: x\r\n\r\n.\r\n..\r\nbye\r\n".to_vec(), b".".repeat(200_000), Vec::new()];
    let (fetched, removed) = pair(&messages, bob(), 1460);
    assert_eq!(fetched[0], messages[0]);
    assert_eq!(fetched[1], [messages[1].as_slice(), b"\r\n"].concat());
    assert_eq!((fetched[2].len(), removed), (0, vec![0, 1, 2]));
    let (_, removed) = pair(&messages, ClientConfig { keep: true, ..bob() }, 7);
    assert!(removed.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_message_comes_over_as_it_was(
        message in proptest::collection::vec(proptest::sample::select(vec!["a", ".", "\r\n", "..", "\r\n."]), 0..40),
        piece in 1usize..20,
    ) {
        let message = message.concat().into_bytes();
        let (fetched, _) = pair(std::slice::from_ref(&message), bob(), piece);
        prop_assert_eq!(fetched[0].len() as u64, octets_on_wire(&message));
        prop_assert!(fetched[0].starts_with(&message));
    }

    #[test]
    fn no_bytes_make_it_panic(
        lines in proptest::collection::vec(prop_oneof![
            proptest::sample::select(vec!["+OK\r\n", "+OK 2 3\r\n", "-ERR\r\n", "1 a\r\n", ".\r\n", "+OK\n", "."])
                .prop_map(|l| l.as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..30),
        ], 0..40),
    ) {
        let mut bob = hear(bob());
        for line in lines {
            bob.say(&line);
        }
        bob.client.closed(bob.now);
        bob.drain();
        prop_assert!(bob.closed);
        let finished = bob.events.iter().filter(|e| matches!(e, ClientEvent::Finished(_))).count();
        prop_assert_eq!(finished, 1);
    }
}
