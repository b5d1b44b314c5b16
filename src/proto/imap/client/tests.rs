//! Dialogues of the client with servers of every mood.

use super::*;
use crate::proto::imap::types::{AppendMessage, CommandBody};

const NOW: Instant = Instant::from_secs(1_000_000);

/// Plays a dialogue: `S:` lines are given to the client, `C:` lines must be what it says. Gives the events.
fn play(mut client: Client, dialogue: &str) -> (Client, Vec<ClientEvent>) {
    let (mut said, mut events) = (Vec::new(), Vec::new());
    let mut expected = Vec::new();
    for line in dialogue.lines() {
        if let Some(text) = line.trim_start().strip_prefix("S: ") {
            assert_eq!(String::from_utf8_lossy(&said), expected.concat(), "before {text}");
            for byte in format!("{text}\r\n").bytes() {
                client.receive(&[byte], NOW);
                drain(&mut client, &mut said, &mut events);
            }
        } else if let Some(text) = line.trim_start().strip_prefix("C: ") {
            expected.push(format!("{text}\r\n"));
        } else {
            panic!("neither C: nor S: in {line}");
        }
    }
    assert_eq!(String::from_utf8_lossy(&said), expected.concat());
    (client, events)
}

fn drain(client: &mut Client, said: &mut Vec<u8>, events: &mut Vec<ClientEvent>) {
    loop {
        match client.poll(NOW) {
            Output::Send(bytes) => said.extend(bytes),
            Output::Event(event) => events.push(event),
            Output::StartTls => {}
            Output::Close => {}
            Output::Idle | Output::WakeAt(_) => return,
        }
    }
}

fn config() -> ClientConfig {
    ClientConfig::new("bob", Secret::new("s3 cret"))
}

fn last(events: &[ClientEvent]) -> &Result<Summary, Failure> {
    match events.last() {
        Some(ClientEvent::Finished(result)) => result,
        other => panic!("not finished: {other:?}"),
    }
}

#[test]
fn it_fetches_what_is_new_and_marks_it_seen() {
    let config = ClientConfig { known: BTreeSet::from([4]), known_uidvalidity: Some(7), ..config() };
    let (_, events) = play(
        Client::new(config),
        "S: * OK imap.example.net ready
         C: a1 CAPABILITY
         S: * CAPABILITY IMAP4rev1
         S: a1 OK done
         C: a2 LOGIN bob \"s3 cret\"
         S: a2 OK in
         C: a3 LIST \"\" \"*\"
         S: * LIST (\\HasNoChildren) \"/\" INBOX
         S: a3 OK done
         C: a4 SELECT INBOX
         S: * 2 EXISTS
         S: * OK [UIDVALIDITY 7] valid
         S: * OK [UIDNEXT 10] next
         S: a4 OK [READ-WRITE] selected
         C: a5 UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)
         S: * 1 FETCH (UID 4 FLAGS (\\Seen) RFC822.SIZE 100)
         S: * 2 FETCH (UID 9 FLAGS () RFC822.SIZE 6 ENVELOPE (NIL \"Hi\" ((NIL NIL \"alice\" \"example.com\")) NIL NIL NIL NIL NIL NIL NIL))
         S: a5 OK done
         C: a6 UID FETCH 9 BODY.PEEK[]
         S: * 3 EXISTS
         S: * 2 FETCH (UID 9 BODY[] {4}
         S: abcd)
         S: a6 OK done
         C: a7 UID STORE 9 +FLAGS (\\Seen)
         S: * 2 FETCH (FLAGS (\\Seen) UID 9)
         S: a7 OK done
         C: a8 LOGOUT
         S: * BYE bye
         S: a8 OK done",
    );
    let listed: Vec<(u32, bool, &str, &str)> = events
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Listed(m) => Some((m.uid, m.known, m.subject.as_str(), m.from.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(listed, [(4, true, "", ""), (9, false, "Hi", "alice@example.com")]);
    assert!(events.contains(&ClientEvent::Fetched { uid: 9, bytes: std::sync::Arc::from(&b"abcd"[..]) }));
    assert!(events.contains(&ClientEvent::Exists(3)));
    assert!(events.contains(&ClientEvent::Stored { uid: 9, flags: vec![Flag::Seen] }));
    let summary = last(&events).as_ref().unwrap();
    assert_eq!((summary.listed, &summary.fetched, &summary.stored), (2, &vec![9], &vec![9]));
    assert_eq!((summary.selected.uidvalidity, summary.selected.uidnext), (7, Some(10)));
}

#[test]
fn a_refused_login_ends_politely_and_says_why() {
    let (_, events) = play(
        Client::new(config()),
        "S: * OK hi
         C: a1 CAPABILITY
         S: a1 OK done
         C: a2 LOGIN bob \"s3 cret\"
         S: a2 NO [AUTHENTICATIONFAILED] wrong
         C: a3 LOGOUT
         S: * BYE bye
         S: a3 OK done",
    );
    let failure = Failure { stage: "LOGIN".to_owned(), reason: "NO: wrong".to_owned() };
    assert_eq!(last(&events), &Err(failure));
}

#[test]
fn what_ends_it_early_is_told() {
    let (_, events) = play(Client::new(config()), "S: * BYE too many connections");
    let failure = Failure {
        stage: "greeting".to_owned(),
        reason: "the server said BYE: too many connections".to_owned(),
    };
    assert_eq!(last(&events), &Err(failure));

    let (_, events) = play(Client::new(config()), "S: 220 mx1.example.net ESMTP");
    assert_eq!(last(&events).as_ref().unwrap_err().stage, "greeting");

    let (mut client, mut events) = play(Client::new(config()), "S: * OK hi\nC: a1 CAPABILITY");
    client.closed(NOW);
    drain(&mut client, &mut Vec::new(), &mut events);
    assert_eq!(last(&events).as_ref().unwrap_err().reason, "the server closed the connection");

    let (mut client, _) = play(Client::new(config()), "S: * OK hi\nC: a1 CAPABILITY");
    let later = NOW + Duration::from_secs(300);
    assert_eq!(client.poll(NOW), Output::WakeAt(later));
    let Output::Event(ClientEvent::Finished(Err(failure))) = client.poll(later) else { panic!() };
    assert_eq!(failure.stage, "CAPABILITY");
    assert_eq!(client.poll(later), Output::Close);
}

#[test]
fn another_uidvalidity_makes_everything_unknown() {
    let config = ClientConfig { known: BTreeSet::from([4]), known_uidvalidity: Some(6), ..config() };
    let (_, events) = play(
        Client::new(config),
        "S: * PREAUTH hi
         C: a1 CAPABILITY
         S: a1 OK
         C: a2 LIST \"\" \"*\"
         S: a2 OK
         C: a3 SELECT INBOX
         S: * 1 EXISTS
         S: * OK [UIDVALIDITY 7] valid
         S: a3 OK [READ-ONLY] selected
         C: a4 UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)
         S: * 1 FETCH (UID 4 FLAGS ())
         S: a4 OK
         C: a5 UID FETCH 4 BODY.PEEK[]
         S: a5 OK it is gone
         C: a6 LOGOUT
         S: a6 OK",
    );
    assert!(last(&events).is_ok());
}

#[test]
fn a_literal_waits_for_its_plus_and_idle_for_news() {
    let append = CommandBody::Append {
        mailbox: "Sent".to_owned(),
        messages: vec![AppendMessage {
            flags: vec![Flag::Seen],
            date: None,
            message: std::sync::Arc::from(&b"hello"[..]),
            binary: false,
        }],
    };
    let script = vec![Op::Command(Box::new(append)), Op::Idle { most: Duration::from_secs(60) }, Op::Logout];
    let (_, events) = play(
        Client::new(ClientConfig { script, ..config() }),
        "S: * PREAUTH hi
         C: a1 APPEND Sent (\\Seen) {5}
         S: + go
         C: hello
         S: a1 OK [APPENDUID 7 1] done
         C: a2 IDLE
         S: + idling
         S: * 4 EXISTS
         C: DONE
         S: a2 OK
         C: a3 LOGOUT
         S: a3 OK",
    );
    assert!(matches!(&events[0], ClientEvent::Done { command, .. } if command == "APPEND"));
    assert_eq!(events[1], ClientEvent::Exists(4));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_server_makes_it_panic(lines in proptest::collection::vec(
        "a[1-9] (OK|NO|BAD) x|\\* (OK|BYE|PREAUTH|[0-9] EXISTS|[0-9] EXPUNGE|1 FETCH \\(UID [1-9] FLAGS \\(\\)\\))|\\+ |[ -~]{0,20}", 0..20)
    ) {
        let mut client = Client::new(config());
        let (mut said, mut events) = (Vec::new(), Vec::new());
        for line in lines {
            client.receive(format!("{line}\r\n").as_bytes(), NOW);
            drain(&mut client, &mut said, &mut events);
        }
        client.closed(NOW);
        drain(&mut client, &mut said, &mut events);
        let finished = events.iter().filter(|event| matches!(event, ClientEvent::Finished(_))).count();
        proptest::prop_assert_eq!(finished, 1);
    }
}
