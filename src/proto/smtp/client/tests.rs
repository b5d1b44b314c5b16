//! Dialogues with the client: `S:` lines go in, `C:` lines must come out; and client and server face to face.

use super::*;
use crate::base::Secret;
use crate::proto::sasl::{Credentials, Mechanism};
use crate::proto::smtp::replies;
use crate::proto::smtp::server::{Server, ServerConfig, ServerEvent, ServerKind};
use proptest::prelude::*;

const NOW: Instant = Instant::from_secs(1_000_000);

fn client(config: ClientConfig, to: &[&str], message: &str) -> Client {
    let envelope = Envelope::simple("alice@example.com", to).expect("the test's addresses are addresses");
    Client::new(config, envelope, message.as_bytes().to_vec())
}

/// Drain a client: what it sends, and the outcome.
fn drain(client: &mut Client, now: Instant) -> (String, Option<Outcome>, bool) {
    let (mut sent, mut outcome, mut closed) = (Vec::new(), None, false);
    loop {
        match client.poll(now) {
            Output::Send(bytes) => sent.extend(bytes),
            Output::Event(ClientEvent::Finished(o)) => outcome = Some(o),
            Output::StartTls => {}
            Output::Close => closed = true,
            Output::Idle | Output::WakeAt(_) => {
                return (String::from_utf8_lossy(&sent).into_owned(), outcome, closed);
            }
        }
    }
}

/// Hold a dialogue; consecutive `S:` lines go in together. Gives the outcome.
fn dialogue(client: &mut Client, script: &str) -> Option<Outcome> {
    let (mut got, mut outcome, _) = drain(client, NOW);
    assert_eq!(got, "", "the server speaks first");
    let mut pending = String::new();
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if let Some(server) = line.strip_prefix("S:") {
            assert_eq!(got, "", "unexpected, before {line:?}");
            pending.push_str(&format!("{}\r\n", server.trim_start()));
        } else if let Some(want) = line.strip_prefix("C:") {
            if !pending.is_empty() {
                client.receive(std::mem::take(&mut pending).as_bytes(), NOW);
                let (sent, event, _) = drain(client, NOW);
                got = sent;
                outcome = outcome.or(event);
            }
            let want = format!("{}\r\n", want.strip_prefix(' ').unwrap_or(want));
            assert!(got.starts_with(&want), "expected {want:?}, the client said {got:?}");
            got.drain(..want.len());
        }
    }
    assert_eq!(got, "", "unexpected, at the end");
    client.receive(pending.as_bytes(), NOW);
    let (sent, event, _) = drain(client, NOW);
    assert_eq!(sent, "");
    outcome.or(event)
}

fn fates(outcome: Option<Outcome>) -> Vec<String> {
    let show = |fate: Fate| match fate {
        Fate::Accepted(reply) => format!("accepted {reply}"),
        Fate::Refused(reply) => format!("refused {reply}"),
        Fate::Failed(reason) => format!("failed {reason}"),
    };
    outcome.map_or(Vec::new(), |o| o.recipients.into_iter().map(|r| show(r.result)).collect())
}

fn plain_config() -> ClientConfig {
    ClientConfig::new("mail.example.com")
}

/// RFC 5321 appendix D.1, without pipelining.
#[test]
fn one_by_one() {
    let mut client =
        client(plain_config(), &["bob@example.net", "nobody@example.net"], "Subject: x\r\n\r\n.\r\n");
    let outcome = dialogue(
        &mut client,
        "S: 220 mx.example.net ready
        C: EHLO mail.example.com
        S: 250-mx.example.net greets mail.example.com
        S: 250-SIZE 1000
        S: 250 8BITMIME
        C: MAIL FROM:<alice@example.com> SIZE=17
        S: 250 2.1.0 ok
        C: RCPT TO:<bob@example.net>
        S: 250 2.1.5 ok
        C: RCPT TO:<nobody@example.net>
        S: 550-5.1.1 No such
        S: 550 5.1.1 user
        C: DATA
        S: 354 go on
        C: Subject: x
        C:
        C: ..
        C: .
        S: 250 2.0.0 queued
        C: QUIT
        S: 221 bye",
    );
    assert_eq!(outcome.as_ref().map(|o| o.stage), Some(Stage::Done));
    assert_eq!(fates(outcome), ["accepted 250 2.0.0 queued", "refused 550 5.1.1 No such user"]);
    assert_eq!(drain(&mut client, NOW), (String::new(), None, false), "it has closed before");
}

/// RFC 2920 §5: nobody is accepted, and DATA is answered by 354 all the same.
#[test]
fn pipelined_with_all_recipients_refused() {
    let outcome = dialogue(
        &mut client(plain_config(), &["a@example.net", "b@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 250-mx
        S: 250 PIPELINING
        C: MAIL FROM:<alice@example.com>
        C: RCPT TO:<a@example.net>
        C: RCPT TO:<b@example.net>
        C: DATA
        S: 250 ok
        S: 450 4.7.1 later
        S: 550 5.1.1 no
        S: 354 go on
        C: .
        S: 554 no valid recipients
        C: QUIT
        S: 221 bye",
    );
    assert_eq!(outcome.as_ref().map(|o| o.stage), Some(Stage::Rcpt));
    assert_eq!(fates(outcome), ["refused 450 4.7.1 later", "refused 550 5.1.1 no"]);
}

#[test]
fn pipelined_with_the_sender_refused() {
    let outcome = dialogue(
        &mut client(plain_config(), &["a@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 250-mx
        S: 250 PIPELINING
        C: MAIL FROM:<alice@example.com>
        C: RCPT TO:<a@example.net>
        C: DATA
        S: 550 5.7.1 not from you
        S: 503 5.5.1 MAIL first
        S: 503 5.5.1 MAIL first
        C: QUIT",
    );
    assert_eq!(outcome.as_ref().map(|o| o.stage), Some(Stage::Mail));
    assert_eq!(fates(outcome), ["refused 550 5.7.1 not from you"]);
}

/// RFC 5321 §3.2; RFC 4954 §4.
#[test]
fn helo_when_ehlo_is_unknown_and_auth_where_offered() {
    let outcome = dialogue(
        &mut client(plain_config(), &["a@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 502 what
        C: HELO mail.example.com
        S: 250 hello
        C: MAIL FROM:<alice@example.com>
        S: 452 4.3.1 no room
        C: QUIT",
    );
    assert_eq!(fates(outcome), ["refused 452 4.3.1 no room"]);
    let mut config = plain_config();
    config.auth = Some(Credentials::plain("test", Secret::new("1234")));
    let outcome = dialogue(
        &mut client(config, &["a@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 250-mx
        S: 250 AUTH LOGIN PLAIN
        C: AUTH PLAIN AHRlc3QAMTIzNA==
        S: 535 5.7.8 no
        C: QUIT",
    );
    assert_eq!(outcome.as_ref().map(|o| o.stage), Some(Stage::Auth));
    assert_eq!(fates(outcome), ["refused 535 5.7.8 no"]);
}

/// RFC 5802 §5: a server that has not shown that it knows the password is not believed, and gets no message.
#[test]
fn a_server_that_says_yes_without_proof_gets_nothing() {
    let mut config = plain_config();
    let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
    let mechanism = Mechanism::ScramSha256;
    config.auth = Some(Credentials { mechanism, nonce, ..Credentials::plain("user", Secret::new("pencil")) });
    let outcome = dialogue(
        &mut client(config.clone(), &["a@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 250-mx
        S: 250 AUTH SCRAM-SHA-256
        C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
        S: 235 2.7.0 of course
        C: QUIT",
    );
    assert!(fates(outcome)[0].starts_with("failed the server says yes without"));
    // RFC 7677 §3's first message, then a signature that is not its own.
    let outcome = dialogue(
        &mut client(config, &["a@example.net"], "x"),
        "S: 220 ready
        C: EHLO mail.example.com
        S: 250-mx
        S: 250 AUTH SCRAM-SHA-256
        C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
        S: 334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=
        C: Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==
        S: 334 dj1BQUFB
        C: *
        S: 501 5.7.0 cancelled
        C: QUIT",
    );
    assert!(fates(outcome)[0].starts_with("failed the server's signature is wrong"));
}

#[test]
fn a_session_that_breaks_fails_with_its_reason() {
    let cases: [(&str, &str); 5] = [
        ("hello\r\n", "failed expected a reply, got `hello`"),
        ("220-a\r\n250 b\r\n", "failed the code changed within one reply, from 220 to 250"),
        ("421 4.3.2 going down\r\n", "refused 421 4.3.2 going down"),
        ("220 a\r\n250 b\r\n250 ok\r\n250 ok\r\n354 go\r\n250 x\r\n999 x\r\n", "accepted 250 x"),
        ("220 a\r\n250", "failed the server closed the connection"),
    ];
    for (wire, want) in cases {
        let mut client = client(plain_config(), &["a@example.net"], "x");
        client.receive(wire.as_bytes(), NOW);
        client.closed(NOW);
        let (_, outcome, closed) = drain(&mut client, NOW);
        assert_eq!(fates(outcome), [want], "{wire:?}");
        assert!(closed);
    }
}

/// RFC 5321 §4.5.3.2.1.
#[test]
fn a_silent_server_is_given_up() {
    let mut client = client(plain_config(), &["a@example.net"], "x");
    assert_eq!(client.poll(NOW), Output::WakeAt(NOW + Duration::from_secs(300)));
    let (_, outcome, closed) = drain(&mut client, NOW + Duration::from_secs(300));
    assert_eq!(fates(outcome), ["failed no reply within 300 seconds"]);
    assert!(closed);
}

/// Client and server in one room: every byte the one sends, the other gets.
fn pair(config: ClientConfig, kind: ServerKind, message: &[u8]) -> (Vec<u8>, Vec<String>) {
    let envelope = Envelope::simple("alice@example.com", &["bob@example.net", "\"b c\"@[192.0.2.1]"]);
    let mut client = Client::new(config, envelope.unwrap_or_default(), message.to_vec());
    let mut server = Server::new(ServerConfig::new("mx.example.net", kind));
    let (mut got, mut outcome) = (Vec::new(), None);
    let mut quiet = 0;
    while quiet < 3 {
        quiet += 1;
        while let Some(bytes) = match server.poll(NOW) {
            Output::Send(bytes) => Some(bytes),
            Output::Event(event) => {
                match event {
                    ServerEvent::Message(message) => {
                        got = message.data;
                        server.answer(replies::queued("1"));
                    }
                    ServerEvent::Mail { .. } => server.answer(replies::mail_ok()),
                    ServerEvent::Rcpt { .. } => server.answer(replies::recipient_ok()),
                    ServerEvent::Authenticate(_) => server.answer(replies::auth_ok()),
                    _ => {}
                }
                Some(Vec::new())
            }
            _ => None,
        } {
            client.receive(&bytes, NOW);
            quiet = 0;
        }
        let (sent, event, _) = drain(&mut client, NOW);
        outcome = outcome.or(event);
        server.receive(sent.as_bytes(), NOW);
    }
    (got, fates(outcome))
}

#[test]
fn a_message_moves_from_client_to_server() {
    let message = b"From: a\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n";
    for pipelining in [true, false] {
        let mut config = plain_config();
        config.pipelining = pipelining;
        config.auth = Some(Credentials::plain("alice", Secret::new("secret")));
        let (got, fates) = pair(config, ServerKind::Submission, message);
        assert_eq!(got, message);
        assert_eq!(fates, ["accepted 250 2.0.0 OK: queued as 1", "accepted 250 2.0.0 OK: queued as 1"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_the_client_sends_never_breaks_the_dialogue(message in "[a.\r\n]{0,40}") {
        let (_, fates) = pair(plain_config(), ServerKind::Relay, message.as_bytes());
        prop_assert_eq!(fates.len(), 2);
        prop_assert!(fates.iter().all(|f| f.starts_with("accepted")), "{:?}", fates);
    }

    #[test]
    fn any_bytes_in_any_split_end_the_same(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            "220 a\r\n", "250 a\r\n", "250-a\r\n", "250 PIPELINING\r\n", "354 a\r\n", "421 a\r\n", "550 a\r\n",
            "334 a\r\n", "x\r\n", "\n", "\0", "221 a\r\n",
        ]), 0..12),
        step in 1_usize..20,
    ) {
        let wire = lines.concat();
        let run = |step: usize| {
            let mut client = client(plain_config(), &["a@example.net"], "x");
            let (mut sent, mut outcome, _) = drain(&mut client, NOW);
            for piece in wire.as_bytes().chunks(step) {
                client.receive(piece, NOW);
                let (more, event, _) = drain(&mut client, NOW);
                sent.push_str(&more);
                outcome = outcome.or(event);
            }
            client.closed(NOW);
            let (more, event, _) = drain(&mut client, NOW);
            (sent + &more, outcome.or(event))
        };
        prop_assert_eq!(run(step), run(1000));
    }
}
