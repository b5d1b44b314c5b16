//! Dialogues with the server, by RFC section: `C:` lines go in, `S:` lines must come out.

use super::*;
use crate::base::Secret;
use crate::proto::sasl::{Credentials, Keys, Nonces, client};
use crate::proto::smtp::Path;
use proptest::prelude::*;
use std::time::Duration;

/// A session with an owner who knows bob@example.net, has no room for full@example.net, and lets Alice in.
struct Talk {
    server: Server,
    now: Instant,
    sent: Vec<u8>,
    /// How many pieces were sent.
    pieces: usize,
    messages: Vec<Message>,
    told: Vec<ServerEvent>,
    closed: bool,
}

impl Talk {
    fn new(config: ServerConfig) -> Talk {
        let now = Instant::from_secs(1_000_000);
        let mut talk = Talk {
            server: Server::new(config),
            now,
            sent: Vec::new(),
            pieces: 0,
            messages: Vec::new(),
            told: Vec::new(),
            closed: false,
        };
        talk.drain();
        talk
    }

    fn relay() -> Talk {
        Talk::new(ServerConfig::new("mx.example.net", ServerKind::Relay))
    }

    fn submission() -> Talk {
        Talk::new(ServerConfig::new("mail.example.com", ServerKind::Submission))
    }

    fn drain(&mut self) {
        for _ in 0..100_000 {
            match self.server.poll(self.now) {
                Output::Send(bytes) => {
                    self.pieces += 1;
                    self.sent.extend(bytes);
                }
                Output::Event(event) => self.own(event),
                Output::StartTls => {}
                Output::Close => self.closed = true,
                Output::Idle | Output::WakeAt(_) => return,
            }
        }
        panic!("the server never comes to rest");
    }

    fn own(&mut self, event: ServerEvent) {
        let reply = match &event {
            ServerEvent::Mail { .. } => replies::mail_ok(),
            ServerEvent::Rcpt { recipient, .. } => match recipient.forward_path.address().as_str() {
                "full@example.net" => replies::mailbox_full(),
                address if address.ends_with("@example.net") || address == "Postmaster" => {
                    if address.starts_with("nobody") {
                        replies::no_such_user()
                    } else {
                        replies::recipient_ok()
                    }
                }
                _ => replies::relay_denied(),
            },
            ServerEvent::ScramKeys { .. } => {
                let keys = Keys::derive(&Secret::new("secret"), b"salt", 4096);
                return self.server.answer_keys(keys);
            }
            ServerEvent::Authenticate(login) => {
                let right = login.acts_as() == "alice" && login.proof.fits(&Secret::new("secret"));
                if right { replies::auth_ok() } else { replies::auth_failed() }
            }
            ServerEvent::Message(message) => {
                self.messages.push(message.as_ref().clone());
                replies::queued(&self.messages.len().to_string())
            }
            ServerEvent::Vrfy { .. } => replies::cannot_verify(),
            ServerEvent::Expn { .. } => replies::expn_refused(),
            ServerEvent::Consult { .. } => {
                self.told.push(event);
                return self.server.proceed();
            }
            ServerEvent::Hello { .. } | ServerEvent::Finished => return self.told.push(event),
        };
        self.server.answer(reply);
    }

    fn say(&mut self, bytes: &[u8]) -> String {
        self.server.receive(bytes, self.now);
        self.drain();
        String::from_utf8_lossy(&std::mem::take(&mut self.sent)).into_owned()
    }

    /// Hold a dialogue. Consecutive `C:` lines go in together; an `S:` line ending in `…` needs only to begin so.
    fn dialogue(&mut self, script: &str) {
        let mut pending = String::new();
        let mut got: std::vec::IntoIter<String> = Vec::new().into_iter();
        for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
            if let Some(client) = line.strip_prefix("C:") {
                assert_eq!(got.next(), None, "unexpected reply before {line:?}");
                pending.push_str(client.strip_prefix(' ').unwrap_or(client));
                pending.push_str("\r\n");
            } else if let Some(server) = line.strip_prefix("S:") {
                if got.len() == 0 {
                    let text = self.say(std::mem::take(&mut pending).as_bytes());
                    got = text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
                }
                let (want, real) = (server.trim(), got.next().unwrap_or_default());
                let same =
                    want.strip_suffix('…').map_or(real.trim_end() == want, |start| real.starts_with(start));
                assert!(same, "expected {want:?}, the server said {real:?}");
            }
        }
        assert_eq!(got.next(), None, "unexpected reply at the end");
        assert!(pending.is_empty(), "the script ends with the client");
    }
}

const HELLO: &str = "S: 220 mx.example.net ESMTP…
    C: EHLO mail.example.com
    S: 250-mx.example.net greets mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10485760
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250-DSN
    S: 250-CHUNKING
    S: 250 HELP
";

fn greeted() -> Talk {
    let mut talk = Talk::relay();
    talk.dialogue(HELLO);
    talk
}

/// RFC 5321 §3.3: the three steps of a mail transaction.
#[test]
fn a_message_is_taken() {
    let mut talk = greeted();
    talk.dialogue(
        "C: MAIL FROM:<alice@example.com> SIZE=100 BODY=8BITMIME
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<bob@example.net>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<nobody@example.net>
        S: 550 5.1.1 No such user here
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: Subject: hello
        C:
        C: ..
        C: .
        S: 250 2.0.0 OK: queued as 1
        C: quit
        S: 221 2.0.0 mx.example.net Service closing transmission channel",
    );
    assert_eq!(talk.messages.len(), 1);
    let message = &talk.messages[0];
    assert_eq!(message.data, b"Subject: hello\r\n\r\n.\r\n");
    assert_eq!((message.hello.as_str(), message.protocol), ("mail.example.com", "ESMTP"));
    assert_eq!(message.envelope.reverse_path.address(), "alice@example.com");
    let to: Vec<String> = message.envelope.recipients.iter().map(|r| r.forward_path.address()).collect();
    assert_eq!(to, ["bob@example.net", "Postmaster"]);
    assert!(talk.closed && talk.told.last() == Some(&ServerEvent::Finished));
}

/// RFC 5321 §4.1.4: order of commands.
#[test]
fn commands_out_of_order_get_503() {
    let mut talk = Talk::relay();
    talk.dialogue(
        "S: 220…
        C: MAIL FROM:<a@example.com>
        S: 503 5.5.1 Bad sequence: send EHLO first
        C: NOOP
        S: 250 2.0.0 OK
        C: RSET
        S: 250 2.0.0…
        C: VRFY bob
        S: 252 2.1.5…
        C: HELO mail.example.com
        S: 250 mx.example.net greets mail.example.com
        C: RCPT TO:<bob@example.net>
        S: 503 5.5.1 Bad sequence: MAIL first
        C: DATA
        S: 503 5.5.1…
        C: MAIL FROM:<>
        S: 250 2.1.0…
        C: MAIL FROM:<b@example.com>
        S: 503 5.5.1…
        C: DATA
        S: 554 5.5.1 No valid recipients
        C: RCPT TO:<bob@example.net>
        S: 250 2.1.5…
        C: EHLO again.example.com
        S: 250-mx…
        S: 250-…
        S: 250-…
        S: 250-…
        S: 250-…
        S: 250-…
        S: 250-…
        S: 250-…
        S: 250 HELP
        C: DATA
        S: 503 5.5.1 Bad sequence: MAIL first",
    );
}

/// RFC 5321 §4.2.4, §4.1.1: syntax.
#[test]
fn wrong_syntax_is_told_apart() {
    let mut talk = greeted();
    talk.dialogue(
        "C: BANANA
        S: 500 5.5.2 Command not recognised; try HELP
        C: EHLO
        S: 501 5.5.4 Syntax: say who you are, as in EHLO client.example.com
        C: MAIL alice@example.com
        S: 501 5.5.4 Syntax: MAIL FROM:<address>
        C: MAIL FROM:alice@example.com
        S: 501 5.1.7 Syntax: MAIL FROM:<address>
        C: MAIL FROM:<alice@-example.com>
        S: 501 5.1.7…
        C: MAIL FROM:<alice@example.com> BANANA=1
        S: 555 5.5.4 Parameter BANANA is not recognised or not offered
        C: MAIL FROM:<alice@example.com> BODY=BINARYMIME
        S: 555 5.5.4…
        C: MAIL FROM:<alice@example.com> SIZE=x
        S: 501 5.5.4…
        C: MAIL FROM:<alice@example.com> SIZE=99999999999
        S: 552 5.3.4…
        C: MAIL FROM: <alice@example.com>
        S: 250 2.1.0…
        C: RCPT TO:<bob>
        S: 501 5.1.3 Syntax: the address needs '@' and a domain
        C: RCPT TO:<>
        S: 501 5.1.3…
        C: RCPT TO:<@relay.example.org:bob@example.net> NOTIFY=NEVER
        S: 250 2.1.5…
        C: RCPT TO:<bob@example.org>
        S: 550 5.7.1…
        C: DATA now
        S: 501 5.5.4…
        C: STARTTLS
        S: 503…",
    );
}

/// RFC 6531 §3.5.
#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    let mut talk = greeted();
    talk.dialogue(
        "C: MAIL FROM:<élise@example.com>
        S: 550 5.6.7…
        C: MAIL FROM:<alice@example.com>
        S: 250…
        C: RCPT TO:<jürgen@example.net>
        S: 553 5.6.7…
        C: RSET
        S: 250…
        C: MAIL FROM:<élise@example.com> SMTPUTF8
        S: 250…
        C: RCPT TO:<jürgen@example.net>
        S: 250…
        C: DATA
        S: 354…
        C: .
        S: 250…",
    );
    assert_eq!(talk.messages[0].protocol, "UTF8SMTP");
}

/// RFC 2920 §3.2: commands that come together are answered together and in order.
#[test]
fn pipelined_commands_are_answered_in_one_piece() {
    let mut talk = greeted();
    let before = talk.pieces;
    talk.dialogue(
        "C: MAIL FROM:<a@example.com>
        C: RCPT TO:<bob@example.net>
        C: RCPT TO:<full@example.net>
        C: DATA
        S: 250 2.1.0…
        S: 250 2.1.5…
        S: 452 4.2.2…
        S: 354…
        C: x
        C: .
        C: QUIT
        S: 250 2.0.0…
        S: 221 2.0.0…",
    );
    assert_eq!(talk.pieces - before, 2);
}

/// RFC 4954 §4; RFC 6409 §4.3.
#[test]
fn submission_wants_auth_first() {
    let mut talk = Talk::submission();
    assert!(talk.say(b"EHLO laptop.example.com\r\n").contains("250-AUTH PLAIN LOGIN\r\n"));
    talk.dialogue(
        "C: MAIL FROM:<alice@example.com>
        S: 530 5.7.0 Authentication required
        C: AUTH CRAM-MD5
        S: 504 5.5.4…
        C: AUTH PLAIN
        S: 334
        C: *
        S: 501 5.7.0 Authentication cancelled
        C: AUTH PLAIN !!!
        S: 501 5.5.2 The response is not base64
        C: AUTH PLAIN =
        S: 501 5.5.2…
        C: AUTH PLAIN AGFsaWNlAHdyb25n
        S: 535 5.7.8 Authentication credentials invalid
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: YWxpY2U=
        S: 334 UGFzc3dvcmQ6
        C: c2VjcmV0
        S: 235 2.7.0 Authentication successful
        C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
        S: 503 5.5.1 Bad sequence: already authenticated
        C: MAIL FROM:<alice@example.com> AUTH=<>
        S: 250…
        C: RCPT TO:<bob@example.net>
        S: 250…
        C: DATA
        S: 354…
        C: .
        S: 250…",
    );
    assert_eq!(talk.messages[0].authenticated.as_deref(), Some("alice"));
    assert_eq!(talk.messages[0].protocol, "ESMTPA");
}

/// RFC 3030 §2 and §4.1.
#[test]
fn bdat_takes_chunks() {
    let mut talk = greeted();
    talk.dialogue(
        "C: BDAT 2 LAST
        C: 
        S: 503 5.5.1…
        C: MAIL FROM:<a@example.com>
        S: 250…
        C: RCPT TO:<bob@example.net>
        S: 250…
        C: BDAT 5
        C: abc
        S: 250 2.0.0 5 octets received
        C: DATA
        S: 503 5.5.1…
        C: BDAT 3 LAST
        C: .
        S: 250 2.0.0 OK: queued as 1",
    );
    assert_eq!(talk.messages[0].data, b"abc\r\n.\r\n");
}

/// RFC 1870 §6: too big at MAIL, and too big while it comes.
#[test]
fn too_big_is_refused_after_the_end() {
    let mut config = ServerConfig::new("mx.example.net", ServerKind::Relay);
    config.size_limit = 20;
    let mut talk = Talk::new(config);
    talk.say(b"EHLO a.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n");
    assert_eq!(talk.say(&[b'x'; 500]), "");
    assert_eq!(talk.say(b"\r\n.\r\n"), "552 5.3.4 Message too big: at most 20 octets\r\n");
    assert!(talk.say(b"MAIL FROM:<a@example.com>\r\n").starts_with("250"));
    assert!(talk.messages.is_empty());
}

/// RFC 5321 §2.3.8, §4.1.1.4: no variant of a bare line end splits a message.
#[test]
fn smuggling_is_refused_in_one_piece() {
    for end in ["\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\r\n\0.\r\n"] {
        let mut talk = greeted();
        talk.say(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n");
        let inner = "MAIL FROM:<eve@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nsmuggled";
        let got = talk.say(format!("one{end}{inner}\r\n.\r\n").as_bytes());
        assert_eq!(got.lines().count(), 1, "{end:?} got {got:?}");
        if end.contains('\0') {
            assert_eq!(talk.messages.len(), 1);
        } else {
            assert!(got.starts_with("550 5.6.0") && talk.messages.is_empty(), "{end:?} got {got:?}");
        }
    }
}

#[test]
fn loops_are_cut() {
    let mut talk = greeted();
    talk.say(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n");
    let header = "Received: from a by b\r\n".repeat(51);
    assert!(talk.say(format!("{header}\r\n.\r\n").as_bytes()).starts_with("554 5.4.6"));
}

/// RFC 5321 §4.5.3.2.7 and §3.8.
#[test]
fn silence_ends_in_421() {
    let mut talk = greeted();
    talk.now = talk.now + Duration::from_secs(299);
    assert_eq!(talk.say(b""), "");
    talk.now = talk.now + Duration::from_secs(301);
    talk.drain();
    assert!(String::from_utf8_lossy(&talk.sent).starts_with("421 4.4.2"));
    assert!(talk.closed);
}

#[test]
fn too_many_errors_end_in_421() {
    let mut talk = greeted();
    let got = talk.say("BANANA\r\n".repeat(100).as_bytes());
    assert_eq!(got.matches("500 5.5.2").count(), 19);
    assert!(got.contains("\r\n421 4.7.0 ") || got.contains("\r\n421-4.7.0 "));
    assert!(talk.closed);
}

#[test]
fn a_line_without_end_is_refused_and_not_kept() {
    let mut talk = greeted();
    for _ in 0..1000 {
        assert_eq!(talk.say(&[b'x'; 16_384]), "");
        assert!(talk.server.input.len() <= 16_384);
    }
    assert!(talk.say(b"\r\n").starts_with("500 5.5.2 Line too long"));
    assert!(talk.say(b"NOOP\r\n").starts_with("250"));
}

/// Whatever is sent before login, what is kept stays under 1 MiB, and the last word is a reply.
#[test]
fn growth_before_login_is_bounded() {
    let floods: [&[u8]; 7] = [
        &[b'x'; 65_536],
        &[0; 65_536],
        b"BDAT 4294967296\r\n",
        &[b'('; 65_536],
        b"AUTH PLAIN\r\n",
        &[b'A'; 65_536],
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.net>\r\n",
    ];
    for flood in floods {
        let mut talk = Talk::submission();
        talk.say(b"EHLO a.example\r\n");
        for _ in 0..64 {
            talk.say(flood);
            let kept = talk.server.input.len() + talk.server.chunks.len() + talk.server.sending.len();
            assert!(kept < 1 << 20, "{kept} octets kept");
        }
        let last = talk.say(b"\r\nNOOP\r\n");
        let swallowing = flood.starts_with(b"BDAT");
        assert!(talk.closed || swallowing || last.contains("\r\n"), "{last:?}");
    }
}

#[test]
fn nothing_is_handled_while_the_owner_thinks_and_the_wait_is_bounded() {
    let mut server = Server::new(ServerConfig::new("mx.example.net", ServerKind::Relay));
    let now = Instant::from_secs(0);
    let drain = |server: &mut Server| {
        let mut sent = Vec::new();
        loop {
            match server.poll(now) {
                Output::Send(bytes) => sent.extend(bytes),
                Output::Event(_) => {}
                _ => return String::from_utf8_lossy(&sent).into_owned(),
            }
        }
    };
    server.receive(b"EHLO a.example\r\nMAIL FROM:<a@example.com>\r\n", now);
    drain(&mut server);
    for _ in 0..1000 {
        server.receive(&b"NOOP\r\n".repeat(1000), now);
        assert_eq!(drain(&mut server), "");
    }
    assert!(server.input.len() <= 512 * 1024 && !server.wants_input());
    server.answer(replies::mail_ok());
    let got = drain(&mut server);
    assert!(got.starts_with("250 2.1.0") && got.contains("421 4.3.2"), "{got}");
}

#[test]
fn a_consulting_owner_sees_each_verb_and_can_answer_instead() {
    let mut config = ServerConfig::new("mx.example.net", ServerKind::Relay);
    config.consult = true;
    let mut talk = Talk::new(config.clone());
    talk.say(b"EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n.\r\nQUIT\r\n");
    let verbs: Vec<&str> = talk
        .told
        .iter()
        .filter_map(|e| if let ServerEvent::Consult { verb } = e { Some(verb.as_str()) } else { None })
        .collect();
    assert_eq!(verbs, ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"]);

    let mut server = Server::new(config);
    let now = Instant::default();
    assert!(matches!(server.poll(now), Output::Event(ServerEvent::Consult { .. })));
    server.answer(Reply::new(554, "No SMTP service here"));
    server.receive(b"NOOP\r\n", now);
    assert!(matches!(server.poll(now), Output::Event(ServerEvent::Consult { .. })));
    server.proceed();
    let sent = b"554 No SMTP service here\r\n503 5.5.1 Bad sequence: no service here, only QUIT is left\r\n";
    assert_eq!(server.poll(now), Output::Send(sent.to_vec()));
}

#[test]
fn a_broken_off_command_is_not_handled() {
    let mut talk = greeted();
    talk.server.receive(b"NOOP\r\nMAIL FROM:<a@example.com>", talk.now);
    talk.server.closed(talk.now);
    talk.drain();
    assert_eq!(String::from_utf8_lossy(&talk.sent), "250 2.0.0 OK\r\n");
    assert!(talk.closed);
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "EHLO a.example\r\n",
        "HELO a\r\n",
        "MAIL FROM:<a@example.com>\r\n",
        "MAIL FROM:<> SIZE=3 RET=HDRS\r\n",
        "RCPT TO:<bob@example.net>\r\n",
        "RCPT TO:<nobody@example.net>\n",
        "DATA\r\n",
        "text\r\n..\r\n",
        ".\r\n",
        "BDAT 4\r\n",
        "BDAT 3 LAST\r\nabc",
        "RSET\r\n",
        "AUTH PLAIN\r\n",
        "AUTH LOGIN YWxpY2U=\r\n",
        "c2VjcmV0\r\n",
        "*\r\n",
        "\r",
        "\n",
        "\0\u{e9}",
        "QUIT\r\n",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(|w| w.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_split_gets_the_same_replies(wire in soup(), submission in any::<bool>(), step in 1_usize..40) {
        let start = || {
            let mut talk = if submission { Talk::submission() } else { Talk::relay() };
            talk.sent.clear();
            talk
        };
        let mut whole = start();
        let replies = whole.say(&wire);
        let mut split = start();
        let got: String = wire.chunks(step).map(|piece| split.say(piece)).collect();
        prop_assert_eq!(got, replies);
        prop_assert_eq!(split.messages, whole.messages);
    }
}

#[test]
fn a_path_given_to_the_owner_is_what_was_written() {
    assert_eq!(
        Path::from_address("\"a b\"@example.com").map(|p| p.address()).as_deref(),
        Some("\"a b\"@example.com")
    );
}

/// RFC 4954 §4: by every mechanism, with the right password and with a wrong one.
#[test]
fn auth_by_every_mechanism() {
    for mechanism in Mechanism::ALL {
        for (password, want) in [("secret", "235 2.7.0"), ("Secret", "535 5.7.8")] {
            let mut config = ServerConfig::new("mail.example.com", ServerKind::Submission);
            config.nonces = Some(Nonces::new([1; 32]));
            let mut talk = Talk::new(config);
            let offer = talk.say(b"EHLO laptop.example.com\r\n");
            assert!(offer.contains("250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\r\n"), "{offer}");
            let nonce = "fyko+d2lbbFgONRv9qkxdawL".to_owned();
            let credentials =
                Credentials { mechanism, nonce, ..Credentials::plain("alice", Secret::new(password)) };
            let (mut exchange, initial) = client::Exchange::begin(&credentials);
            let initial = initial.map(|i| format!(" {}", i.expose())).unwrap_or_default();
            let mut said = talk.say(format!("AUTH {}{initial}\r\n", mechanism.name()).as_bytes());
            while let Some(challenge) = said.strip_prefix("334 ") {
                let answer = exchange.answer(challenge.trim().as_bytes()).expect("an answer");
                said = talk.say(format!("{}\r\n", answer.expose()).as_bytes());
            }
            assert!(said.starts_with(want), "{mechanism:?} {password}: {said}");
        }
    }
}
