//! Where it ends: limits, silence, a bounded piece at a time, an owner who is asked (RFC 9051 §5.4, §7.1).

use super::*;

#[test]
fn limits_are_answered_and_errors_counted() {
    let mut lab = Lab::new();
    lab.open(1);
    let got = lab.exchange(1, &[b"a ".as_slice(), &vec![b'x'; 100_000], b"\r\n"].concat());
    assert!(got.starts_with("a BAD [LIMIT]"), "{got}");
    let got = lab.exchange(1, b"b LOGIN {4294967295+}\r\n");
    assert!(got.starts_with("b NO [TOOBIG]"), "{got}");
    let mut lab = Lab::new();
    lab.open(1);
    let got = lab.exchange(1, &b"a\r\n".repeat(50));
    assert_eq!(got.matches("BAD").count(), 20);
    assert!(got.ends_with("* BYE Too many errors (20), closing\r\n"), "{got}");
}

#[test]
fn silence_ends_the_connection() {
    let mut lab = Lab::selected();
    lab.now = lab.now + Duration::from_secs(29 * 60);
    lab.drain(1);
    assert_eq!(lab.said(1), "");
    lab.now = lab.now + Duration::from_secs(60);
    lab.drain(1);
    assert!(lab.said(1).starts_with("* BYE"));
    assert!(lab.sessions[0].3);
}

#[test]
fn the_owner_is_consulted() {
    let mut server = Server::new(ServerConfig { consult: true, ..ServerConfig::new("h") });
    let now = Instant::default();
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "CONNECT".into() }));
    assert_eq!(server.poll(now), Output::Idle);
    server.proceed();
    assert!(matches!(server.poll(now), Output::Send(_)));
    server.receive(b"a NOOP\r\nb UID FETCH 1 FLAGS\r\n", now);
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "NOOP".into() }));
    server.answer_line("NO [UNAVAILABLE] later".into());
    assert_eq!(server.poll(now), Output::Send(b"a NO [UNAVAILABLE] later\r\n".to_vec()));
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "UID FETCH".into() }));
    server.answer_line("BYE gone".into());
    assert_eq!(server.poll(now), Output::Send(b"* BYE gone\r\n".to_vec()));
    assert_eq!(server.poll(now), Output::Close);
}

#[test]
fn a_big_fetch_comes_in_bounded_pieces() {
    let mut lab = Lab::new();
    for _ in 0..100 {
        lab.put(&format!("Subject: x\n\n{}", "y".repeat(1 << 16)));
    }
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
    lab.sessions[0].0.receive(b"f FETCH 1:* BODY.PEEK[]\r\n", lab.now);
    let (mut pieces, mut asked) = (0, 0);
    loop {
        let (server, session, ..) = &mut lab.sessions[0];
        match server.poll(lab.now) {
            Output::Send(bytes) => {
                assert!(bytes.len() < 1 << 18);
                pieces += 1;
            }
            Output::Event(ServerEvent::Ask(ask)) => {
                if let Ask::Bodies { uids, .. } = &ask {
                    assert!(uids.len() <= 16);
                    asked += 1;
                }
                let answer = answer_ask(&mut lab.store, session, ask, lab.now);
                server.answer(answer);
            }
            _ => break,
        }
    }
    assert_eq!(asked, 7);
    assert!(pieces > 50);
}
