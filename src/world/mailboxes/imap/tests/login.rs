//! Getting in, and out: greeting, LOGIN, AUTHENTICATE, LOGOUT (RFC 9051 §6.1, §6.2).

use super::*;

#[test]
fn greeting_login_logout() {
    let mut lab = Lab::new();
    lab.dialogue(
        "C: a CAPABILITY
         S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID IDLE AUTH=PLAIN AUTH=LOGIN
         S: a OK CAPABILITY completed
         C: b SELECT INBOX
         S: b BAD SELECT needs a login first
         C: c LOGIN bob@example.net wrong
         S: c NO [AUTHENTICATIONFAILED] …
         C: d LOGIN {15}
         S: + Ready for 15 octets
         C: bob@example.net {6+}
         C: secret
         S: d OK [CAPABILITY IMAP4rev1 …
         C: e LOGIN a b
         S: e BAD LOGIN …
         C: f FETCH 1 FLAGS
         S: f BAD FETCH needs a selected mailbox
         C: g NONSENSE
         S: g BAD Unknown command NONSENSE
         C: h ID NIL
         S: * ID (\"name\" \"postroad\")
         S: h OK ID completed
         C: i NAMESPACE
         S: * NAMESPACE ((\"\" \"/\")) NIL NIL
         S: i OK NAMESPACE completed
         C: j LOGOUT
         S: * BYE Logging out
         S: j OK LOGOUT completed",
    );
    assert!(lab.sessions[0].3, "the connection is closed");
}

/// RFC 9051 §6.2.2 with CRAM-MD5, and with a user that is not the one who proves.
#[test]
fn authenticate_cram_md5() {
    use crate::proto::sasl::{Nonces, cram_md5, decode, encode};
    let mut lab = Lab::new();
    lab.config.nonces = Some(Nonces::new([1; 32]));
    lab.open(1);
    let said = lab.exchange(1, b"a CAPABILITY\r\n");
    assert!(said.contains("AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256"), "{said}");
    for (password, want) in [("wrong", "b NO [AUTHENTICATIONFAILED]"), ("secret", "b OK [CAPABILITY")] {
        let said = lab.exchange(1, b"b AUTHENTICATE CRAM-MD5\r\n");
        let challenge =
            said.strip_prefix("+ ").and_then(|c| decode(c.trim().as_bytes())).expect("a challenge");
        let challenge = String::from_utf8(challenge).expect("text");
        assert!(challenge.ends_with(".1700000000@imap.example.net>"), "{challenge}");
        let answer = cram_md5::answer(BOB, &Secret::new(password), &challenge).expect("an answer");
        let said = lab.exchange(1, format!("{}\r\n", encode(answer.as_bytes())).as_bytes());
        assert!(said.starts_with(want), "{password}: {said}");
    }
}

#[test]
fn authenticate_plain() {
    let mut lab = Lab::new();
    lab.dialogue(
        "C: a AUTHENTICATE PLAIN
         S: + …
         C: *
         S: a BAD AUTHENTICATE cancelled
         C: b AUTHENTICATE PLAIN !!!
         S: b BAD …
         C: c AUTHENTICATE CRAM-MD5
         S: c NO …
         C: d AUTHENTICATE PLAIN AGJvYgA=
         S: d BAD PLAIN is …
         C: e AUTHENTICATE PLAIN
         S: + …
         C: AGJvYkBleGFtcGxlLm5ldABzZWNyZXQ=
         S: e OK [CAPABILITY …",
    );
}
