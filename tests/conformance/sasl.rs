//! Logging in by SASL and by APOP, on every server that offers it, as a client does and as a liar does. RFC 4954, RFC 5034,
//! RFC 9051 §6.2.2, RFC 1939 §7, RFC 2195, RFC 5802.

use crate::talk::{IMAP, MAIL, MX1, POP3, SUBMISSION, Talk, dialogue, in_world};
use postroad::base::Secret;
use postroad::proto::sasl::{Credentials, Mechanism, apop_digest, client, decode, encode};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What each protocol says around an exchange.
struct Around {
    host: &'static str,
    port: u16,
    user: &'static str,
    password: &'static str,
    command: &'static str,
    challenge: &'static str,
    yes: &'static str,
    no: &'static str,
}

const SMTP_IS: Around = Around {
    host: MAIL,
    port: SUBMISSION,
    user: "alice@example.com",
    password: "tea-at-four",
    command: "AUTH",
    challenge: "334 ",
    yes: "235 2.7.0 ",
    no: "535 5.7.8 ",
};

const POP3_IS: Around = Around {
    host: MX1,
    port: POP3,
    user: "bob@example.net",
    password: "ship-in-a-bottle",
    command: "AUTH",
    challenge: "+ ",
    yes: "+OK ",
    no: "-ERR [AUTH] ",
};

const IMAP_IS: Around = Around {
    port: IMAP,
    command: "a AUTHENTICATE",
    yes: "a OK ",
    no: "a NO [AUTHENTICATIONFAILED] ",
    ..POP3_IS
};

async fn open(talk: &mut Talk, around: &Around) {
    talk.open("sasl", around.host, around.port).await;
    if around.port == SUBMISSION {
        talk.says("S: 220 …\nC: EHLO client.example.org\nS+: 250…").await;
    } else {
        assert!(line(talk).await.contains("OK"));
    }
}

async fn line(talk: &mut Talk) -> String {
    talk.wire("sasl").line(PATIENCE).await.expect("a line")
}

async fn say(talk: &mut Talk, text: &str) -> String {
    talk.wire("sasl").send(format!("{text}\r\n").as_bytes()).await;
    line(talk).await
}

/// Log in; gives the server's last line and all its challenges.
async fn log_in(talk: &mut Talk, around: &Around, credentials: &Credentials) -> (String, Vec<String>) {
    let (mut exchange, initial) = client::Exchange::begin(credentials);
    let initial = initial.map(|i| format!(" {}", i.expose())).unwrap_or_default();
    let command = format!("{} {}{initial}", around.command, credentials.mechanism.name());
    let (mut said, mut challenges) = (say(talk, &command).await, Vec::new());
    while let Some(challenge) = said.strip_prefix(around.challenge) {
        challenges.push(challenge.to_owned());
        let answer = exchange.answer(challenge.as_bytes()).expect("an answer");
        said = say(talk, answer.expose()).await;
    }
    if said.starts_with(around.yes) {
        exchange.succeeded().expect("the server has proved itself");
    }
    (said, challenges)
}

fn credentials(mechanism: Mechanism, user: &str, password: &str) -> Credentials {
    let nonce = "fyko+d2lbbFgONRv9qkxdawL".to_owned();
    Credentials { mechanism, nonce, ..Credentials::plain(user, Secret::new(password)) }
}

/// RFC 4954 §4 MUST: AUTH by each mechanism that EHLO lists. RFC 5034 §4 MUST: the same in POP3; RFC 9051 §6.2.2 in IMAP.
/// RFC 5802 §5 MUST: the server's signature is right, or the client gives up.
/// RFC 2195 §2 MUST: the challenge is another one each time.
#[test]
fn every_server_speaks_every_mechanism() {
    in_world(async |talk| {
        for around in [&SMTP_IS, &POP3_IS, &IMAP_IS] {
            for mechanism in Mechanism::ALL {
                let mut seen = Vec::new();
                for (user, password, want) in [
                    (around.user, "wrong", around.no),
                    ("nobody@example.net", around.password, around.no),
                    (around.user, around.password, around.yes),
                ] {
                    open(talk, around).await;
                    let who = credentials(mechanism, user, password);
                    let (said, challenges) = log_in(talk, around, &who).await;
                    assert!(
                        said.starts_with(want),
                        "{} {mechanism:?} {user} {password}: {said}",
                        around.port
                    );
                    seen.push(challenges.first().cloned().unwrap_or_default());
                    // POP3's maildrop is locked until its session has ended.
                    talk.drop_connection("sasl");
                    talk.wait(Duration::from_secs(1)).await;
                }
                if mechanism.needs_nonces() {
                    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2], "{seen:?}");
                }
            }
        }
    });
}

/// RFC 5802 §5.1: a name that nobody has gets salt and count like any other, the same each time.
#[test]
fn names_cannot_be_found_out_by_scram() {
    in_world(async |talk| {
        let mut salts = Vec::new();
        for user in ["nobody@example.net", "nobody@example.net", "bob@example.net"] {
            open(talk, &IMAP_IS).await;
            let first = encode(format!("n,,n={user},r=abc").as_bytes());
            let said = say(talk, &format!("a AUTHENTICATE SCRAM-SHA-256 {first}")).await;
            let text = said.strip_prefix("+ ").and_then(|c| decode(c.as_bytes())).expect("a challenge");
            let text = String::from_utf8(text).expect("text");
            let fields: Vec<&str> = text.split(',').collect();
            assert!(fields[0].starts_with("r=abc") && fields[2] == "i=4096", "{text}");
            salts.push(fields[1].to_owned());
        }
        assert!(salts[0] == salts[1] && salts[1] != salts[2], "{salts:?}");
        assert_eq!(salts[0].len(), salts[2].len());
    });
}

/// RFC 4954 §4 MUST: `*` cancels with 501; RFC 5034 §4 MUST: with -ERR; RFC 9051 §6.2.2 MUST: with BAD; in the middle too.
/// RFC 4954 §4 MUST: an initial response where the server speaks first is refused with 501.
#[test]
fn exchanges_that_go_wrong() {
    in_world(async |talk| {
        let never = encode(b"n,,n=bob@example.net,r=abc");
        for (around, no) in [(&SMTP_IS, "501 "), (&POP3_IS, "-ERR "), (&IMAP_IS, "a BAD ")] {
            open(talk, around).await;
            let begin = format!("{} SCRAM-SHA-256 {never}", around.command);
            for answer in ["*", "%%%", "", "Yz1iaXdz", "Yz1iaXdzLHI9YWJjLHA9QUFBQQ=="] {
                assert!(say(talk, &begin).await.starts_with(around.challenge));
                let said = say(talk, answer).await;
                assert!(said.starts_with(no), "{} {answer:?}: {said}", around.port);
            }
            let said = say(talk, &format!("{} CRAM-MD5 AAAA", around.command)).await;
            assert!(said.starts_with(no), "{said}");
            let binding = encode(b"p=tls-unique,,n=bob@example.net,r=abc");
            let said = say(talk, &format!("{} SCRAM-SHA-256 {binding}", around.command)).await;
            assert!(said.starts_with(no) && said.contains("channel binding"), "{said}");
        }
    });
}

/// RFC 1939 §7 MUST: the timestamp in the greeting is another each time, and the digest is of it and the shared secret.
#[test]
fn apop_with_another_timestamp_each_time() {
    in_world(async |talk| {
        let mut timestamps = Vec::new();
        let mut digest = String::new();
        // The last one is what was overheard in the session before it.
        for (password, want) in
            [("wrong", "-ERR [AUTH] "), ("ship-in-a-bottle", "+OK "), ("", "-ERR [AUTH] ")]
        {
            talk.open("sasl", MX1, POP3).await;
            let greeting = line(talk).await;
            let timestamp = greeting.find('<').map(|at| greeting[at..].to_owned()).expect("a timestamp");
            assert!(timestamp.ends_with("@mx1.example.net>"), "{timestamp}");
            if !password.is_empty() {
                digest = apop_digest(&timestamp, &Secret::new(password));
            }
            let said = say(talk, &format!("APOP bob@example.net {digest}")).await;
            assert!(said.starts_with(want), "{password:?}: {said}");
            timestamps.push(timestamp);
        }
        assert!(timestamps[0] != timestamps[1] && timestamps[1] != timestamps[2], "{timestamps:?}");
    });
}

/// RFC 2449 §6.3: CAPA lists SASL with the mechanisms; RFC 2449 §6.1 and the following: TOP, USER, RESP-CODES, PIPELINING,
/// EXPIRE, UIDL, IMPLEMENTATION. RFC 3206 §6: AUTH-RESP-CODE.
#[test]
fn capa_lists_what_there_is() {
    dialogue(
        MX1,
        POP3,
        r"
        S: +OK mx1.example.net …
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
    ",
    );
}
