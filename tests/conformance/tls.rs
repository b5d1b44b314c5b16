//! TLS: STARTTLS in SMTP, STLS in POP3, STARTTLS in IMAP, and the ports where TLS begins with the first byte; what is
//! offered before and after, what is forgotten, and that nothing said in clear is acted on inside.

use crate::talk::{ALICE, IMAP, MAIL, MX1, POP3, SMTP, SUBMISSION, Talk, facts, in_scenario, scenario};
use postroad::base::{Instant, Secret};
use postroad::dissect::{Dissector, Protocol, Step};
use postroad::proto::{Machine, Output, Wish, imap, pop3, smtp};
use postroad::trace::file::Transcript;
use postroad::trace::{CloseHow, Data, Direction, Fact, Layer, Record};
use postroad::world::run;
use postroad::world::scenario::{Fault, Flaw, MailClient, Scenario, Tls};

/// A dialogue on one fresh connection into the journey's world with TLS.
fn dialogue(tls: Tls, host: &str, port: u16, text: &str) -> Vec<Record> {
    in_scenario(&scenario(|s| s.tls = tls), async |talk| {
        talk.open("", host, port).await;
        talk.says(text).await;
    })
}

/// RFC 3207 §4 MUST: STARTTLS takes no parameter; one gets 501.
/// RFC 3207 §4: 220, then the handshake; MAIL before TLS is 530 where a server asks for it.
/// RFC 3207 §4.2 MUST: what was said before the handshake is forgotten, the EHLO too.
/// RFC 3207 §4.2 MUST NOT: STARTTLS is not offered inside TLS.
/// RFC 4954 §4: AUTH in clear is refused where it is not offered.
/// RFC 4954 §6: 538 5.7.11 says that the connection must be encrypted.
#[test]
fn submission_takes_no_password_and_no_mail_before_tls() {
    dialogue(
        Tls::Starttls,
        MAIL,
        SUBMISSION,
        &format!(
            r"
        S: 220 …
        C: STARTTLS
        S: 503 5.5.1 … EHLO first
        C: EHLO client.example.org
        S: 250-mail.example.com greets client.example.org
        S: 250-PIPELINING
        S: 250-SIZE 10485760
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-CHUNKING
        S: 250-STARTTLS
        S: 250 HELP
        C: AUTH PLAIN {ALICE}
        S: 538 5.7.11 Encryption required …
        C: MAIL FROM:<alice@example.com>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: STARTTLS now
        S: 501 5.5.4 …
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        C: (TLS)
        C: MAIL FROM:<alice@example.com>
        S: 503 5.5.1 … EHLO first
        C: EHLO client.example.org
        S: 250-mail.example.com greets client.example.org
        S: 250-PIPELINING
        S: 250-SIZE 10485760
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-CHUNKING
        S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
        S: 250 HELP
        C: STARTTLS
        S: 503 5.5.1 … TLS is active already
        C: MAIL FROM:<alice@example.com>
        S: 530 5.7.0 Authentication required
        C: AUTH PLAIN {ALICE}
        S: 235 2.7.0 …
        C: MAIL FROM:<alice@example.com>
        S: 250 2.1.0 …
        C: STARTTLS
        S: 503 5.5.1 …
        C: QUIT
        S: 221 2.0.0 …
        S: (closed)
    "
        ),
    );
}

/// RFC 3207 §4: a server on port 25 must not insist on TLS, so mail in clear is taken there.
/// RFC 3207 §4.2 MUST: a transaction that was open before TLS is gone after it.
#[test]
fn a_relay_offers_tls_and_does_not_insist() {
    dialogue(
        Tls::Implicit,
        MX1,
        SMTP,
        r"
        S: 220 …
        C: EHLO client.example.org
        S+: 250…
        C: MAIL FROM:<alice@example.com>
        S: 250 2.1.0 …
        C: RSET
        S: 250 …
        C: STARTTLS
        S: 220 2.0.0 …
        C: (TLS)
        C: RCPT TO:<bob@example.net>
        S: 503 5.5.1 …
        C: HELO client.example.org
        S: 250 …
        C: MAIL FROM:<alice@example.com>
        S: 250 2.1.0 …
        C: RCPT TO:<bob@example.net>
        S: 250 2.1.5 …
        C: QUIT
        S: 221 …
    ",
    );
}

/// RFC 3207 §4.2 MUST: commands that came in clear behind STARTTLS are not carried out inside TLS.
#[test]
fn nothing_that_came_in_clear_is_carried_out_inside_smtp() {
    dialogue(
        Tls::Starttls,
        MX1,
        SMTP,
        r"
        S: 220 …
        C: EHLO client.example.org
        S+: 250…
        C: STARTTLS
        C: EHLO attacker.example.org
        C: MAIL FROM:<attacker@example.org>
        C~ RCPT TO:<bo
        S: 220 2.0.0 …
        C: (TLS)
        S: (silence)
        C: RSET
        S: 250 …
        C: RCPT TO:<bob@example.net>
        S: 503 5.5.1 … EHLO first
    ",
    );
}

/// RFC 2595 §4: STLS in AUTHORIZATION only; +OK, then the handshake; the session stays in AUTHORIZATION.
/// RFC 2595 §4 MUST: STLS is listed where it is possible, and refused where TLS is active.
/// RFC 2595 §2.3: without TLS no password is taken, and none is offered.
#[test]
fn pop3_waits_for_stls() {
    dialogue(
        Tls::Starttls,
        MX1,
        POP3,
        r"
        S: +OK …
        C: CAPA
        S: +OK …
        S: TOP
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: EXPIRE NEVER
        S: UIDL
        S: STLS
        S: IMPLEMENTATION postroad
        S: .
        C: USER bob@example.net
        S: -ERR … STLS first
        C: PASS ship-in-a-bottle
        S: -ERR …
        C: STLS now
        S: -ERR …
        C: STLS
        S: +OK Begin TLS negotiation
        C: (TLS)
        C: CAPA
        S: +OK …
        S: TOP
        S: USER
        S: SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: EXPIRE NEVER
        S: UIDL
        S: IMPLEMENTATION postroad
        S: .
        C: STLS
        S: -ERR … TLS active
        C: USER bob@example.net
        S: +OK …
        C: PASS ship-in-a-bottle
        S: +OK …
        C: STLS
        S: -ERR …
        C: QUIT
        S: +OK …
        S: (closed)
    ",
    );
}

/// RFC 2595 §4 MUST: what came in clear behind STLS is thrown away.
#[test]
fn nothing_that_came_in_clear_is_carried_out_inside_pop3() {
    dialogue(
        Tls::Starttls,
        MX1,
        POP3,
        r"
        S: +OK …
        C: STLS
        C: USER bob@example.net
        C~ PASS ship-
        S: +OK …
        C: (TLS)
        S: (silence)
        C: PASS ship-in-a-bottle
        S: -ERR PASS comes right after USER
        C: USER bob@example.net
        S: +OK …
    ",
    );
}

/// RFC 9051 §6.1.1 MUST: capabilities tell STARTTLS and LOGINDISABLED in clear, and AUTH=PLAIN inside TLS.
/// RFC 9051 §6.2.1 MUST: STARTTLS with arguments, or inside TLS, is BAD; afterwards the state is the same.
/// RFC 9051 §6.2.2 MUST: no mechanism with a plaintext password is offered or taken without TLS.
/// RFC 9051 §6.2.3 MUST: LOGINDISABLED is announced, and LOGIN refused, where no password may come in clear.
/// RFC 9051 §7.2.2: the list changes when TLS begins, and is told when it is asked for.
/// RFC 9051 §11.3: LOGIN in clear gives the password away; it is not taken, with a literal neither.
/// RFC 9051 §7.1: PRIVACYREQUIRED says what is missing.
#[test]
fn imap_waits_for_starttls() {
    dialogue(
        Tls::Starttls,
        MX1,
        IMAP,
        r#"
        S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID IDLE STARTTLS LOGINDISABLED] …
        C: a1 LOGIN bob@example.net ship-in-a-bottle
        S: a1 NO [PRIVACYREQUIRED] …
        C: a2 AUTHENTICATE PLAIN
        S: a2 NO [PRIVACYREQUIRED] …
        C: a3 LOGIN {15}
        S: a3 NO [PRIVACYREQUIRED] …
        C: a4 STARTTLS now
        S: a4 BAD …
        C: a5 STARTTLS
        S: a5 OK Begin TLS negotiation now
        C: (TLS)
        C: a6 CAPABILITY
        S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID IDLE AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256
        S: a6 OK …
        C: a7 STARTTLS
        S: a7 BAD TLS is active already
        C: a8 LOGIN bob@example.net ship-in-a-bottle
        S: a8 OK …
        C: a9 STARTTLS
        S: a9 BAD …
        C: b1 LOGOUT
        S: * BYE …
        S: b1 OK …
        S: (closed)
    "#,
    );
}

/// RFC 9051 §6.2.1 MUST: what came in clear behind STARTTLS is thrown away.
/// RFC 9051 §11.2: so nobody in between can slip a command in.
#[test]
fn nothing_that_came_in_clear_is_carried_out_inside_imap() {
    dialogue(
        Tls::Starttls,
        MX1,
        IMAP,
        r"
        S: * OK …
        C: a1 STARTTLS
        C: a2 LOGIN mallory@example.net {7}
        C~ a3 NO
        S: a1 OK …
        C: (TLS)
        S: (silence)
        C: OP
        S: … BAD …
        C: a4 NOOP
        S: a4 OK …
    ",
    );
}

/// RFC 8314 §3.1, §3.2, §3.3: on 995, 993 and 465 TLS begins with the first byte, and the greeting comes inside it.
/// RFC 9051 §11.1 MUST: TLS from the first byte on is there on port 993.
#[test]
fn implicit_tls_greets_inside_and_offers_no_starttls() {
    dialogue(
        Tls::Implicit,
        MAIL,
        465,
        &format!(
            r"
        S: (silence)
        C: (TLS)
        S: 220 …
        C: EHLO client.example.org
        S: 250-mail.example.com greets client.example.org
        S: 250-PIPELINING
        S: 250-SIZE 10485760
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-CHUNKING
        S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
        S: 250 HELP
        C: STARTTLS
        S: 503 5.5.1 …
        C: AUTH PLAIN {ALICE}
        S: 235 2.7.0 …
    "
        ),
    );
    dialogue(Tls::Implicit, MX1, 995, "C: (TLS)\nS: +OK …\nC: STLS\nS: -ERR … TLS active\nC: QUIT\nS: +OK …");
    dialogue(Tls::Implicit, MX1, 993, "C: (TLS)\nS: * OK … AUTH=PLAIN …] …\nC: a STARTTLS\nS: a BAD …");
    // In the other modes nobody listens there.
    let records = in_scenario(&scenario(|s| s.tls = Tls::Starttls), async |talk: &mut Talk| {
        let at = std::net::SocketAddr::new(talk.address(MX1), 993);
        let refused = talk.world.net.connect(std::net::IpAddr::from([192, 0, 2, 99]), at).await.err();
        assert_eq!(refused.map(|e| e.kind()), Some(std::io::ErrorKind::ConnectionRefused));
    });
    assert!(records.len() > 1);
}

/// RFC 3207 §4: bytes that are no TLS end the connection.
#[test]
fn clear_text_in_place_of_the_handshake_ends_the_connection() {
    for (port, begin) in [
        (SMTP, "S: 220 …\nC: EHLO x\nS+: 250…\nC: STARTTLS\nS: 220 …\n"),
        (POP3, "S: +OK …\nC: STLS\nS: +OK …\n"),
        (IMAP, "S: * OK …\nC: a STARTTLS\nS: a OK …\n"),
    ] {
        let records = in_scenario(&scenario(|s| s.tls = Tls::Starttls), async |talk| {
            talk.open("", MX1, port).await;
            talk.says(&format!("{begin}C: NOOP, and I go on in clear")).await;
            let rest = talk.wire("").rest().await;
            assert!(!rest.contains("OK") && !rest.contains("250"), "{rest:?}");
        });
        let fins = records
            .iter()
            .filter(|r| matches!(r, Record::Close { from: Direction::Server, how: CloseHow::Fin, .. }));
        assert_eq!(fins.count(), 1, "port {port}: the server ends it in order");
    }
}

/// What a machine says and does when this is put in, up to where it waits; a handshake is done at once.
fn put<M: Machine>(machine: &mut M, bytes: &str) -> String {
    let now = Instant::from_secs(1_000_000);
    machine.receive(bytes.as_bytes(), now);
    let mut said = String::new();
    loop {
        match machine.poll(now) {
            Output::Send(bytes) => said += &String::from_utf8_lossy(&bytes),
            Output::StartTls => {
                said += "(TLS)";
                // The attacker has more to say while the handshake is under way.
                machine.receive(b"250 late\r\n+OK late\r\n* BYE late\r\n", now);
                assert!(matches!(machine.poll(now), Output::Idle), "it waits for the handshake");
                machine.secured(now);
            }
            Output::Event(_) => {}
            Output::Close => said += "(closed)",
            Output::WakeAt(_) | Output::Idle => return said,
        }
    }
}

/// RFC 3207 §6: a reply that came in clear behind the 220 to STARTTLS is nobody's reply.
/// RFC 3207 §4.2 MUST: the client forgets what the server offered in clear, and says EHLO again.
#[test]
fn clients_ignore_what_came_before_the_handshake() {
    let mut config = smtp::client::ClientConfig::new("client.example.org");
    config.tls = Wish::Must;
    config.auth = Some(postroad::proto::sasl::Credentials::plain("alice@example.com", Secret::new("tea")));
    let envelope = smtp::Envelope::simple("alice@example.com", &["bob@example.net"]).expect("an envelope");
    let mut client = smtp::client::Client::new(config, envelope, b"Subject: x\r\n\r\n".to_vec());
    assert_eq!(put(&mut client, "220 hi\r\n"), "EHLO client.example.org\r\n");
    assert_eq!(put(&mut client, "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"), "STARTTLS\r\n");
    let injected = "220 go\r\n250-x\r\n250 AUTH PLAIN\r\n";
    assert_eq!(put(&mut client, injected), "(TLS)EHLO client.example.org\r\n");
    // AUTH was offered in clear; inside it is not, so it is not used.
    assert_eq!(put(&mut client, "250-x\r\n250 STARTTLS\r\n"), "QUIT\r\n");

    let mut config = pop3::client::ClientConfig::new("bob", Secret::new("s"));
    config.tls = Wish::Must;
    let mut client = pop3::client::Client::new(config);
    assert_eq!(put(&mut client, "+OK hi\r\n"), "CAPA\r\n");
    assert_eq!(put(&mut client, "+OK\r\nSTLS\r\n.\r\n"), "STLS\r\n");
    assert_eq!(put(&mut client, "+OK go\r\n+OK\r\nUSER\r\n.\r\n+OK\r\n"), "(TLS)CAPA\r\n");
    assert_eq!(put(&mut client, "+OK\r\nUSER\r\n.\r\n"), "USER bob\r\n");

    let mut config = imap::client::ClientConfig::new("bob", Secret::new("s"));
    config.tls = Wish::Must;
    let mut client = imap::client::Client::new(config);
    assert_eq!(put(&mut client, "* OK hi\r\n"), "a1 CAPABILITY\r\n");
    let told = "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n";
    assert_eq!(put(&mut client, told), "a2 STARTTLS\r\n");
    let injected = "a2 OK go\r\n* CAPABILITY IMAP4rev1 LITERAL+\r\na3 OK done\r\n";
    assert_eq!(put(&mut client, injected), "(TLS)a3 CAPABILITY\r\n");
    assert_eq!(put(&mut client, "* CAPABILITY IMAP4rev1\r\na3 OK done\r\n"), "a4 LOGIN bob \"s\"\r\n");
}

/// RFC 8314 §5.2 MUST: who insists on TLS sends no password without it; who takes what it gets goes on.
/// RFC 3207 §4: 454 is an answer after which a client decides.
#[test]
fn without_an_offer_the_strict_go_and_the_others_stay() {
    let smtp_with = |wish| {
        let mut config = smtp::client::ClientConfig::new("x");
        config.tls = wish;
        let envelope = smtp::Envelope::simple("a@example.com", &["b@example.net"]).expect("an envelope");
        let mut client = smtp::client::Client::new(config, envelope, Vec::new());
        put(&mut client, "220 hi\r\n");
        client
    };
    assert_eq!(put(&mut smtp_with(Wish::Must), "250 x\r\n"), "QUIT\r\n");
    assert!(put(&mut smtp_with(Wish::Prefer), "250 x\r\n").starts_with("MAIL"));
    for (wish, then) in [(Wish::Must, "QUIT"), (Wish::Prefer, "MAIL")] {
        let mut client = smtp_with(wish);
        assert_eq!(put(&mut client, "250-x\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
        assert!(put(&mut client, "454 4.7.0 not now\r\n").starts_with(then), "{wish:?}");
    }
    for (wish, then) in [(Wish::Must, "QUIT\r\n"), (Wish::Prefer, "USER bob\r\n")] {
        let mut config = pop3::client::ClientConfig::new("bob", Secret::new("s"));
        config.tls = wish;
        let mut client = pop3::client::Client::new(config);
        put(&mut client, "+OK hi\r\n");
        assert_eq!(put(&mut client, "-ERR what\r\n"), then, "{wish:?}");
    }
    for (wish, then) in [(Wish::Must, "a2 LOGOUT\r\n"), (Wish::Prefer, "a2 LOGIN bob \"s\"\r\n")] {
        let mut config = imap::client::ClientConfig::new("bob", Secret::new("s"));
        config.tls = wish;
        let mut client = imap::client::Client::new(config);
        put(&mut client, "* OK hi\r\n");
        assert_eq!(put(&mut client, "* CAPABILITY IMAP4rev1\r\na1 OK\r\n"), then, "{wish:?}");
    }
}

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    steps.extend(dissector.finish());
    steps
}

fn ran(change: impl FnOnce(&mut Scenario)) -> Vec<Record> {
    let mut scenario = Scenario::builtin("journey").unwrap_or_else(|e| panic!("{e}"));
    change(&mut scenario);
    // As a file it is the same: the checks are passed, and the head's text gives this scenario.
    let again = Scenario::from_toml(&scenario.to_toml(), "it").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again, scenario);
    run(&scenario, &[]).expect("it runs")
}

fn wire_text(records: &[Record]) -> String {
    let wire = records.iter().filter_map(|record| match record {
        Record::Data { data: Data { layer: Layer::Wire, bytes, .. }, .. } => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    });
    wire.collect()
}

fn handshakes(records: &[Record]) -> Vec<(String, bool)> {
    let told = facts(records).into_iter().filter_map(|fact| match fact {
        Fact::Tls { wrong, goes_on, .. } => Some((wrong.clone(), *goes_on)),
        _ => None,
    });
    told.collect()
}

fn delivered(records: &[Record]) -> usize {
    facts(records).iter().filter(|fact| matches!(fact, Fact::Delivered { id: Some(_), .. })).count()
}

/// RFC 8446 §5.2: after the handshake a watcher of the wire sees records; both layers are in the transcript, and the same
/// in every run.
#[test]
fn both_layers_are_there_and_every_run_is_the_same() {
    for tls in [Tls::Starttls, Tls::Implicit] {
        let records = ran(|s| s.tls = tls);
        let bytes = Transcript { records: records.clone() }.to_bytes();
        for _ in 0..4 {
            assert!(Transcript { records: ran(|s| s.tls = tls) }.to_bytes() == bytes, "{tls:?} differs");
        }
        assert_eq!(delivered(&records), 1);
        let wire = wire_text(&records);
        for secret in ["tea-at-four", ALICE, "ship-in-a-bottle", "Tea on Sunday", "MAIL FROM"] {
            assert!(!wire.contains(secret), "{tls:?}: {secret} crosses a wire in clear");
        }
        let handshakes = handshakes(&records);
        assert!(handshakes.len() >= 4, "{handshakes:?}");
        assert!(handshakes.iter().all(|(wrong, goes_on)| wrong.is_empty() && *goes_on), "{handshakes:?}");
        let steps = steps(&records);
        assert!(steps.iter().all(|step| step.findings.is_empty()), "nothing is odd about it");
        // On the wire there is TLS only, once it has begun.
        let mut begun = std::collections::BTreeSet::new();
        for step in steps.iter().filter(|step| step.layer == Layer::Wire) {
            if step.protocol == Protocol::Tls {
                begun.insert(step.conn);
            } else if !matches!(step.protocol, Protocol::Tcp) {
                assert!(!begun.contains(&step.conn), "step {} is in clear", step.number);
            }
        }
        assert!(
            steps.iter().any(|s| s.layer == Layer::Plain && s.verb == "RCPT" && s.code.starts_with("250"))
        );
    }
}

/// RFC 7435 §3: who sends mail on to whoever it is goes on with any certificate, since the alternative is no encryption.
/// RFC 8314 §4.1 MUST: a mail program does not go on with a certificate that is not right.
#[test]
fn a_wrong_certificate_stops_people_and_not_servers() {
    for (flaw, words) in [
        (Flaw::Expired, "has expired"),
        (Flaw::WrongName, "is for old.mx1.example.net, not for mx1.example.net"),
        (Flaw::UnknownIssuer, "nobody whom this client trusts"),
    ] {
        for tls in [Tls::Starttls, Tls::Implicit] {
            let records = ran(|s| {
                s.tls = tls;
                s.faults.push(Fault::Certificate { host: MX1.to_owned(), how: flaw });
            });
            assert_eq!(delivered(&records), 1, "the letter is carried: {flaw:?}");
            let told = handshakes(&records);
            let wrong: Vec<_> = told.iter().filter(|(wrong, _)| wrong.contains(words)).collect();
            assert!(wrong.iter().any(|(_, goes_on)| *goes_on), "the relay goes on: {told:?}");
            assert!(wrong.iter().any(|(_, goes_on)| !*goes_on), "Bob's programs do not: {told:?}");
            let failed = facts(&records).into_iter().any(|fact| {
                matches!(fact, Fact::IntentEnds { who, ok: false, detail, .. } if who == "Bob" && detail.contains("trust"))
            });
            assert!(failed, "{:?}", facts(&records));
            assert!(!wire_text(&records).contains("ship-in-a-bottle"));
        }
    }
}

/// RFC 3207 §6: who strips the offer makes an opportunistic client go on in clear.
/// RFC 8314 §5.2 MUST: a mail program that insists on TLS sends nothing then.
#[test]
fn a_stripped_offer_stops_people_and_not_servers() {
    let records = ran(|s| {
        s.tls = Tls::Starttls;
        s.faults.push(Fault::StarttlsStripped { host: MX1.to_owned(), service: String::new() });
    });
    let wire = wire_text(&records);
    assert!(wire.contains("250-XXXXXXXX\r\n") && wire.contains("Tea on Sunday?"), "{wire}");
    assert_eq!(delivered(&records), 1, "it arrived, in clear on that hop");
    assert!(!wire.contains("ship-in-a-bottle"), "Bob's programs send no password");

    let records = ran(|s| {
        s.tls = Tls::Starttls;
        s.faults.push(Fault::StarttlsStripped { host: MX1.to_owned(), service: "imap".to_owned() });
        s.clients.push(MailClient {
            device: "bob-phone.example.net".to_owned(),
            access: None,
            leave: "14d".to_owned(),
            whole_up_to: 0,
            tls_if_available: true,
            auth: None,
        });
    });
    let wire = wire_text(&records);
    assert!(wire.contains("LOGIN bob@example.net"), "“TLS, if available” gives the password away: {wire}");
    assert!(wire.contains("[PRIVACYREQUIRED]"), "though the server would not have it");
}
