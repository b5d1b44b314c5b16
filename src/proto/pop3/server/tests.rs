//! Dialogues with the server: what is sent, what comes back, what the owner is told.

use super::*;
use crate::base::Instant;
use crate::proto::pop3::grammar::block::octets_on_wire;
use crate::proto::sasl::{Credentials, Keys, client};
use crate::proto::{Machine, Output};
use proptest::prelude::*;
use std::sync::Arc;

/// An owner with one account, `mrose` with password `tanstaaf`.
struct Owner {
    server: Server,
    messages: Vec<&'static str>,
    login: Option<LoginRefusal>,
    update: Result<(), UpdateRefusal>,
    /// What was asked and told, in words.
    told: Vec<String>,
    consulted: fn(&'static str, &mut Server),
    closed: bool,
    now: Instant,
}

fn owner(config: ServerConfig) -> Owner {
    Owner {
        server: Server::new(config),
        messages: vec!["Subject: one\r\n\r\nfirst\r\n.dot\r\nlast\r\n", "Subject: two\r\n\r\nsecond\r\n"],
        login: None,
        update: Ok(()),
        told: Vec::new(),
        consulted: |_, server| server.proceed(),
        closed: false,
        now: Instant::from_secs(0),
    }
}

fn dewey() -> ServerConfig {
    ServerConfig { hostname: "dewey".to_owned(), ..ServerConfig::default() }
}

impl Owner {
    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Consult { verb } => (self.consulted)(verb, &mut self.server),
            ServerEvent::Login { user, password } => {
                self.told.push(format!("login {user}"));
                self.log_in(user == "mrose" && password.expose() == "tanstaaf");
            }
            ServerEvent::Apop { user, digest, timestamp } => {
                self.told.push(format!("apop {user} {timestamp}"));
                self.log_in(digest.expose() == "c4c9334bac560ecc979e58001b3e22fb");
            }
            ServerEvent::Sasl(login) => {
                self.told.push(format!("sasl {} {}", login.mechanism.name(), login.acts_as()));
                self.log_in(login.proof.fits(&Secret::new("tanstaaf")));
            }
            ServerEvent::ScramKeys { .. } => {
                self.server.answer_keys(Keys::derive(&Secret::new("tanstaaf"), b"salt", 4096));
            }
            ServerEvent::Body { index } => {
                let body = self.messages.get(index).map(|m| Arc::from(m.as_bytes()));
                self.server.answer_body(body);
            }
            ServerEvent::Update { delete } => {
                self.told.push(format!("update {delete:?}"));
                self.server.answer_update(self.update.clone());
            }
            ServerEvent::Released => self.told.push("released".to_owned()),
        }
    }

    fn log_in(&mut self, right: bool) {
        let entry = |(i, m): (usize, &&str)| Entry {
            uidl: format!("uid{}", i + 1),
            octets: octets_on_wire(m.as_bytes()),
        };
        let answer = match (self.login, right) {
            (Some(refusal), _) => Err(refusal),
            (None, false) => Err(LoginRefusal::Credentials),
            (None, true) => Ok(Maildrop { messages: self.messages.iter().enumerate().map(entry).collect() }),
        };
        self.server.answer_login(answer);
    }

    /// Drains the machine; gives what it sent.
    fn drain(&mut self) -> String {
        let mut sent = Vec::new();
        loop {
            match self.server.poll(self.now) {
                Output::Send(bytes) => {
                    assert!(bytes.len() <= self.server.config().limits.piece);
                    sent.extend(bytes);
                }
                Output::Event(event) => self.event(event),
                Output::StartTls => {}
                Output::Close => self.closed = true,
                Output::WakeAt(_) | Output::Idle => break,
            }
        }
        String::from_utf8(sent).unwrap()
    }

    fn say(&mut self, bytes: &[u8]) -> String {
        self.server.receive(bytes, self.now);
        self.drain()
    }

    /// Plays `C:` lines and holds the answers against the `S:` lines.
    fn play(&mut self, dialogue: &str) {
        let mut heard = self.drain();
        for line in dialogue.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
            if let Some(said) = line.strip_prefix("C: ") {
                assert_eq!(heard, "", "before {line}");
                heard = self.say(format!("{said}\r\n").as_bytes());
            } else {
                let expected = line.strip_prefix("S: ").unwrap_or_else(|| panic!("what is {line:?}?"));
                let (got, rest) = heard.split_once("\r\n").unwrap_or_else(|| panic!("{line}: no answer"));
                assert_eq!(got, expected);
                heard = rest.to_owned();
            }
        }
        assert_eq!(heard, "", "at the end");
    }

    fn logged_in(mut self) -> Self {
        self.drain();
        self.say(b"USER mrose\r\nPASS tanstaaf\r\n");
        assert_eq!(self.server.phase(), super::super::Phase::Transaction);
        self.told.clear();
        self
    }
}

#[test]
fn the_example_session_of_rfc_1939_section_10() {
    let timestamp = "<1896.697170952@dbc.mtview.ca.us>".to_owned();
    let mut owner = owner(ServerConfig { apop_banner: Some(timestamp), ..dewey() });
    owner.messages = vec!["one\r\n", "two!\r\n"];
    owner.play(
        "S: +OK dewey POP3 server ready <1896.697170952@dbc.mtview.ca.us>
         C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
         S: +OK mrose's maildrop has 2 messages (11 octets)
         C: STAT
         S: +OK 2 11
         C: LIST
         S: +OK 2 messages (11 octets)
         S: 1 5
         S: 2 6
         S: .
         C: RETR 1
         S: +OK 5 octets
         S: one
         S: .
         C: DELE 1
         S: +OK message 1 deleted
         C: RETR 2
         S: +OK 6 octets
         S: two!
         S: .
         C: DELE 2
         S: +OK message 2 deleted
         C: QUIT
         S: +OK dewey POP3 server signing off (maildrop empty)",
    );
    assert!(owner.closed);
    assert_eq!(owner.told, ["apop mrose <1896.697170952@dbc.mtview.ca.us>", "update [0, 1]"]);
}

#[test]
fn a_name_and_a_password_open_the_maildrop() {
    let mut owner = owner(dewey());
    owner.play(
        "S: +OK dewey POP3 server ready
         C: CAPA
         S: +OK capability list follows
         S: TOP
         S: USER
         S: SASL PLAIN LOGIN
         S: RESP-CODES
         S: AUTH-RESP-CODE
         S: PIPELINING
         S: EXPIRE NEVER
         S: UIDL
         S: IMPLEMENTATION postroad
         S: .
         C: PASS tanstaaf
         S: -ERR PASS comes right after USER
         C: user mrose
         S: +OK mrose, now send PASS
         C: PASS wrong
         S: -ERR [AUTH] wrong name or password
         C: PASS tanstaaf
         S: -ERR PASS comes right after USER
         C: STAT
         S: -ERR STAT is not valid in the AUTHORIZATION state
         C: USER mrose
         S: +OK mrose, now send PASS
         C: PASS tanstaaf
         S: +OK mrose's maildrop has 2 messages (59 octets)
         C: USER mrose
         S: -ERR USER is not valid in the TRANSACTION state
         C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
         S: -ERR APOP is not valid in the TRANSACTION state
         C: NOOP
         S: +OK
         C: QUIT
         S: +OK dewey POP3 server signing off (2 messages left)",
    );
}

#[test]
fn a_maildrop_that_another_session_holds_stays_shut() {
    let mut owner = owner(dewey());
    owner.login = Some(LoginRefusal::InUse);
    owner.play(
        "S: +OK dewey POP3 server ready
         C: USER mrose
         S: +OK mrose, now send PASS
         C: PASS tanstaaf
         S: -ERR [IN-USE] another session has this maildrop open
         C: QUIT
         S: +OK dewey POP3 server signing off",
    );
    assert_eq!(owner.told, ["login mrose"], "no lock was granted, so none is released");
}

#[test]
fn messages_are_sent_byte_stuffed_and_top_sends_their_beginning() {
    let mut owner = owner(dewey()).logged_in();
    owner.play(
        "C: RETR 1
         S: +OK 35 octets
         S: Subject: one
         S:\u{20}
         S: first
         S: ..dot
         S: last
         S: .
         C: TOP 1 0
         S: +OK top of message follows
         S: Subject: one
         S:\u{20}
         S: .
         C: TOP 1 1
         S: +OK top of message follows
         S: Subject: one
         S:\u{20}
         S: first
         S: .
         C: TOP 1
         S: -ERR a message-number and a number of lines are expected
         C: RETR 3
         S: -ERR no such message, only 2 messages in maildrop
         C: RETR 0
         S: -ERR no such message, only 2 messages in maildrop",
    );
}

#[test]
fn a_marked_message_is_gone_until_rset() {
    let mut owner = owner(dewey()).logged_in();
    owner.play(
        "C: UIDL
         S: +OK unique-id listing follows
         S: 1 uid1
         S: 2 uid2
         S: .
         C: DELE 1
         S: +OK message 1 deleted
         C: DELE 1
         S: -ERR message 1 already deleted
         C: RETR 1
         S: -ERR message 1 already deleted
         C: LIST 1
         S: -ERR message 1 already deleted
         C: TOP 1 0
         S: -ERR message 1 already deleted
         C: UIDL 1
         S: -ERR message 1 already deleted
         C: STAT
         S: +OK 1 24
         C: LIST
         S: +OK 1 message (24 octets)
         S: 2 24
         S: .
         C: UIDL 2
         S: +OK 2 uid2
         C: RSET
         S: +OK maildrop has 2 messages (59 octets)
         C: LIST 1
         S: +OK 1 35
         C: DELE 2
         S: +OK message 2 deleted
         C: QUIT
         S: +OK dewey POP3 server signing off (1 message left)",
    );
    assert_eq!(owner.told, ["update [1]"]);
}

#[test]
fn a_dropped_connection_deletes_nothing() {
    let mut owner = owner(dewey()).logged_in();
    owner.play("C: DELE 1\n S: +OK message 1 deleted");
    owner.say(b"QUIT");
    owner.server.closed(owner.now);
    assert_eq!(owner.drain(), "", "half a line is no command");
    assert_eq!((owner.told, owner.closed), (vec!["released".to_owned()], true));
}

#[test]
fn ten_quiet_minutes_end_the_session_without_update_and_without_a_word() {
    let mut owner = owner(dewey()).logged_in();
    owner.play("C: DELE 1\n S: +OK message 1 deleted");
    let wake = Instant::from_secs(600);
    assert_eq!(owner.server.poll(owner.now), Output::WakeAt(wake));
    owner.now = wake;
    assert_eq!(owner.drain(), "");
    assert_eq!((owner.told, owner.closed), (vec!["released".to_owned()], true));
}

#[test]
fn an_update_that_fails_is_told() {
    let mut owner = owner(dewey()).logged_in();
    owner.update = Err(UpdateRefusal { reason: "disk full".to_owned() });
    owner.play("C: DELE 1\n S: +OK message 1 deleted\n C: QUIT\n S: -ERR [SYS/TEMP] some deleted messages not removed");
    assert_eq!(owner.told, ["update [0]"]);
    assert!(owner.closed);
}

#[test]
fn commands_sent_together_are_answered_in_turn() {
    let mut owner = owner(dewey());
    let heard = owner.say(b"USER mrose\r\nPASS tanstaaf\r\nSTAT\r\nDELE 2\r\nSTAT\r\nQUIT\r\nSTAT\r\n");
    let statuses: Vec<_> = heard.lines().map(|l| l.split(' ').next().unwrap()).collect();
    assert_eq!(statuses, ["+OK"; 7]);
    assert_eq!(owner.told, ["login mrose", "update [1]"]);
}

#[test]
fn what_comes_before_the_owner_answers_is_kept() {
    let mut server = Server::new(dewey());
    let now = Instant::from_secs(0);
    server.receive(b"USER mrose\r\nPASS x\r\nSTAT\r\n", now);
    while !matches!(server.poll(now), Output::Event(ServerEvent::Login { .. })) {}
    assert_eq!(server.poll(now), Output::Idle);
    // The client goes away; the lock that is granted afterwards is given back.
    server.closed(now);
    server.answer_login(Ok(Maildrop::default()));
    let rest: Vec<_> = (0..4).map(|_| server.poll(now)).collect();
    assert!(matches!(rest[0], Output::Send(_)), "the login's answer");
    assert!(matches!(rest[1], Output::Send(_)), "STAT's answer");
    assert_eq!(rest[2..], [Output::Event(ServerEvent::Released), Output::Close]);
}

#[test]
fn the_owner_may_answer_in_the_server_s_place() {
    let mut owner = owner(ServerConfig { consult: true, ..dewey() });
    owner.consulted = |verb, server| match verb {
        "RETR" => server.answer_line("-ERR [SYS/TEMP] disk\r\n is busy".to_owned()),
        "DELE" => server.abort(),
        _ => server.proceed(),
    };
    owner.play(
        "S: +OK dewey POP3 server ready
         C: USER mrose
         S: +OK mrose, now send PASS
         C: PASS tanstaaf
         S: +OK mrose's maildrop has 2 messages (59 octets)
         C: RETR 1
         S: -ERR [SYS/TEMP] disk is busy
         C: DELE 1",
    );
    assert_eq!((owner.told, owner.closed), (vec!["login mrose".to_owned(), "released".to_owned()], true));
}

#[test]
fn a_greeting_that_refuses_ends_the_session() {
    let mut owner = owner(ServerConfig { consult: true, ..dewey() });
    owner.consulted = |_, server| server.answer_line("-ERR come back later".to_owned());
    owner.play("S: -ERR come back later");
    assert!(owner.closed);
}

#[test]
fn twenty_errors_are_enough() {
    let mut owner = owner(dewey());
    owner.drain();
    for _ in 0..19 {
        assert_eq!(owner.say(b"XYZZY\r\n"), "-ERR command not recognized\r\n");
    }
    assert_eq!(owner.say(b"XYZZY\r\n"), "-ERR command not recognized; too many errors, goodbye\r\n");
    assert!(owner.closed);
}

#[test]
fn lines_without_end_and_floods_are_bounded_and_answered() {
    let mut owner1 = owner(dewey());
    owner1.drain();
    let mut heard = String::new();
    for _ in 0..100 {
        heard += &owner1.say(&[b'x'; 1000]);
    }
    heard += &owner1.say(b"\r\nQUIT\r\n");
    assert_eq!(heard.lines().count(), 2, "{heard}");
    assert!(heard.starts_with("-ERR a command line has 512 octets at most\r\n+OK"));

    let mut owner2 = owner(dewey());
    owner2.drain();
    let heard = owner2.say(&vec![b'x'; 16 << 20]);
    assert!(heard.ends_with("-ERR too many commands are waiting; goodbye\r\n"), "{heard}");
    assert!(owner2.closed);
    assert!(
        owner(dewey()).logged_in().say(&[b"NOOP ".as_slice(), &[b' '; 500], b"\r\n"].concat()).contains("OK")
    );
}

#[test]
fn a_large_message_and_a_long_listing_go_out_in_pieces() {
    let mut owner = owner(dewey());
    owner.messages = vec!["12345678\r\n"; 20_000];
    owner = owner.logged_in();
    let listing = owner.say(b"UIDL\r\n");
    assert_eq!(listing.lines().count(), 20_002);
    let body: Arc<[u8]> = vec![b'.'; 1 << 20].into();
    owner.server.receive(b"RETR 1\r\n", owner.now);
    assert!(matches!(owner.server.poll(owner.now), Output::Event(ServerEvent::Body { index: 0 })));
    owner.server.answer_body(Some(body));
    let sent = owner.drain();
    assert_eq!(sent.len(), "+OK 10 octets\r\n".len() + 1 + (1 << 20) + "\r\n.\r\n".len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_session_gives_the_same_answers(cuts in proptest::collection::vec(0usize..150, 0..8)) {
        let script = b"user mrose\r\nPASS tanstaaf\r\nUIDL\r\nLIST\r\nTOP 2 0\nRETR 1\r\nDELE 1\r\nBOGUS\r\n\r\nRSET\r\nQUIT\r\n";
        let mut whole = owner(dewey());
        let expected = whole.say(script);
        let mut split = owner(dewey());
        let mut heard = String::new();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(script.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for to in cuts.into_iter().chain([script.len()]) {
            heard += &split.say(&script[from..to]);
            from = to;
        }
        prop_assert_eq!(heard, expected);
        prop_assert_eq!(split.told, whole.told);
    }

    #[test]
    fn no_bytes_make_it_panic_and_a_granted_lock_is_always_given_back(
        lines in proptest::collection::vec(prop_oneof![
            proptest::sample::select(vec!["USER mrose\r\n", "PASS tanstaaf\r\n", "DELE 1\r\n", "TOP 1 1\r\n", "QUIT\r\n", "RETR 2\n", "LIST", "\r\n"])
                .prop_map(|l| l.as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..30),
        ], 0..30),
    ) {
        let mut owner = owner(dewey());
        for line in lines {
            owner.say(&line);
        }
        owner.server.closed(owner.now);
        owner.drain();
        prop_assert!(owner.closed);
        let ends = owner.told.iter().filter(|t| *t == "released" || t.starts_with("update")).count();
        prop_assert!(ends <= 1);
    }
}

/// RFC 5034 §4: by every mechanism, with the right password and with a wrong one.
#[test]
fn auth_opens_the_maildrop_by_every_mechanism() {
    for mechanism in Mechanism::ALL {
        for (password, right) in [("tanstaaf", true), ("tanstaag", false)] {
            let mut owner = owner(ServerConfig { nonces: Some(Nonces::new([1; 32])), ..dewey() });
            let nonce = "fyko+d2lbbFgONRv9qkxdawL".to_owned();
            let credentials =
                Credentials { mechanism, nonce, ..Credentials::plain("mrose", Secret::new(password)) };
            let (mut exchange, initial) = client::Exchange::begin(&credentials);
            let initial = initial.map(|i| format!(" {}", i.expose())).unwrap_or_default();
            owner.drain();
            let mut said = owner.say(format!("AUTH {}{initial}\r\n", mechanism.name()).as_bytes());
            while let Some(challenge) = said.strip_prefix("+ ") {
                let answer = exchange.answer(challenge.trim().as_bytes()).expect("an answer");
                said = owner.say(format!("{}\r\n", answer.expose()).as_bytes());
            }
            let want = if right { "+OK mrose's maildrop has 2 messages" } else { "-ERR [AUTH] wrong" };
            assert!(said.starts_with(want), "{mechanism:?} {password}: {said}");
            assert_eq!(owner.say(b"STAT\r\n").starts_with("+OK 2"), right, "{mechanism:?}");
        }
    }
}

/// RFC 5034 §4: `*` gives up with -ERR, and what is no base64 is -ERR; both leave the session where it was.
#[test]
fn an_exchange_that_is_given_up_leaves_no_trace() {
    let mut owner = owner(ServerConfig { nonces: Some(Nonces::new([1; 32])), ..dewey() });
    owner.play(
        "S: +OK dewey POP3 server ready
         C: AUTH
         S: -ERR that mechanism is not offered; CAPA lists those that are
         C: AUTH GSSAPI
         S: -ERR that mechanism is not offered; CAPA lists those that are
         C: AUTH PLAIN
         S: + 
         C: *
         S: -ERR authentication cancelled
         C: AUTH CRAM-MD5 AAAA
         S: -ERR In CRAM-MD5 the server speaks first: no initial response
         C: AUTH LOGIN
         S: + VXNlcm5hbWU6
         C: USER mrose
         S: -ERR The response is not base64
         C: USER mrose
         S: +OK mrose, now send PASS
         C: AUTH plain AG1yb3NlAHRhbnN0YWFm
         S: +OK mrose's maildrop has 2 messages (59 octets)
         C: AUTH PLAIN
         S: -ERR AUTH is not valid in the TRANSACTION state",
    );
}
