//! Records and handshakes as the observer reads them.

use super::*;
use proptest::prelude::*;

fn vector(octets: usize, inside: &[u8]) -> Vec<u8> {
    let len = inside.len().to_be_bytes();
    [&len[len.len() - octets..], inside].concat()
}

fn extension(kind: u8, inside: &[u8]) -> Vec<u8> {
    [&[0, kind][..], &vector(2, inside)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(3, body)].concat()
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &vector(2, fragment)].concat()
}

fn client_hello() -> Vec<u8> {
    let name = [&[0][..], &vector(2, b"mail.example.com")].concat();
    let extensions = [
        extension(0, &vector(2, &name)),
        extension(16, &vector(2, &[vector(1, b"imap"), vector(1, b"h2")].concat())),
        extension(43, &vector(1, &[0x2a, 0x2a, 3, 4, 3, 3])),
        extension(99, b"?"),
    ];
    let mut body = [&[3, 3][..], &[7; 32], &vector(1, &[9; 8]), &vector(2, &[0x13, 1, 0xc0, 0x2f])].concat();
    body.extend([vector(1, &[0]), vector(2, &extensions.concat())].concat());
    message(1, &body)
}

fn server_hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = [&[3, 3][..], &[7; 32], &vector(1, &[]), &[0x13, 1, 0]].concat();
    body.extend(vector(2, &extension(43, &version)));
    message(2, &body)
}

fn read(reader: &mut TlsReader, from: Direction, wire: &[u8]) -> Vec<Piece> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(piece) = reader.read(from, &wire[at..], true) {
        assert!(piece.len > 0 && at + piece.len <= wire.len());
        at += piece.len;
        out.push(piece);
    }
    assert_eq!(at, wire.len());
    out
}

fn hello(piece: &Piece) -> &ClientHello {
    match &piece.meaning {
        Meaning::Tls(TlsMeaning::ClientHello(hello)) => hello,
        other => panic!("no ClientHello: {other:?}"),
    }
}

#[test]
fn records_are_walked_and_what_is_none_is_told() {
    let mut reader = TlsReader::default();
    let wire = [0x16, 3, 1, 0, 2, 9, 9, 0x17, 3, 3, 0, 9];
    let first = reader.read(Direction::Client, &wire, false).expect("a whole record");
    assert_eq!((first.len, first.verb.as_str()), (7, "HANDSHAKE"));
    assert_eq!(reader.read(Direction::Client, &wire[7..], false), None);
    let cut = reader.read(Direction::Client, &wire[7..], true).expect("what is left");
    assert_eq!((cut.len, cut.findings[0].id), (5, "tls-cut-short"));
    let odd = reader.read(Direction::Server, b"220 mail.example.com", false).expect("no TLS");
    assert_eq!((odd.len, odd.findings[0].id), (5, "not-tls"));
    assert_eq!(reader.read(Direction::Server, b"ail.example.com", false), None);
}

#[test]
fn a_client_hello_tells_whom_it_calls_and_what_it_offers() {
    let wire = record(22, &client_hello());
    let pieces = read(&mut TlsReader::default(), Direction::Client, &wire);
    assert_eq!(pieces[0].verb, "CLIENT-HELLO");
    let hello = hello(&pieces[0]);
    assert_eq!(hello.server_name.as_deref(), Some("mail.example.com"));
    assert_eq!(
        (&hello.versions[..], &hello.protocols[..], hello.suites),
        (&["TLS 1.3".to_owned(), "TLS 1.2".to_owned()][..], &["imap".to_owned(), "h2".to_owned()][..], 2)
    );
    let part = pieces[0].parts.iter().find_map(|part| part.find("server-name")).expect("a part");
    assert!(part.span.of(&wire).ends_with(b"mail.example.com"));
    assert!(pieces[0].findings.is_empty());
}

#[test]
fn a_message_may_be_split_over_records_and_records_may_hold_several() {
    let hello_bytes = client_hello();
    let (a, b) = hello_bytes.split_at(20);
    let pieces = read(&mut TlsReader::default(), Direction::Client, &[record(22, a), record(22, b)].concat());
    assert_eq!(pieces[0].verb, "HANDSHAKE");
    assert_eq!(hello(&pieces[1]).server_name.as_deref(), Some("mail.example.com"));
    let both = [server_hello([3, 3]), message(14, b"")].concat();
    let pieces = read(&mut TlsReader::default(), Direction::Server, &record(22, &both));
    assert_eq!(pieces[0].verb, "SERVER-HELLO");
}

#[test]
fn what_comes_behind_change_cipher_spec_is_encrypted_except_in_tls_13() {
    let wire = [record(20, &[1]), record(22, &[9; 40]), record(21, &[9; 26])].concat();
    let mut reader = TlsReader::default();
    read(&mut reader, Direction::Server, &record(22, &server_hello([3, 3])));
    let pieces = read(&mut reader, Direction::Client, &wire);
    assert!(pieces[1..].iter().all(|piece| piece.meaning == Meaning::Tls(TlsMeaning::Encrypted)));
    let mut reader = TlsReader::default();
    read(&mut reader, Direction::Server, &record(22, &server_hello([3, 4])));
    let second = [record(20, &[1]), record(22, &client_hello())].concat();
    assert_eq!(read(&mut reader, Direction::Client, &second)[1].verb, "CLIENT-HELLO");
}

#[test]
fn an_alert_in_the_clear_says_what_is_wrong() {
    let pieces = read(&mut TlsReader::default(), Direction::Server, &record(21, &[2, 40]));
    let want = TlsMeaning::Alert { fatal: true, what: "handshake_failure".to_owned() };
    assert_eq!(pieces[0].meaning, Meaning::Tls(want));
}

#[test]
fn a_certificate_tells_its_host_names() {
    let names = [&[0x82, 16][..], b"mail.example.com", &[0x82, 11], b"example.com"].concat();
    let names = [&[0x30, u8::try_from(names.len()).unwrap()][..], &names].concat();
    let der = [&[0x06, 3, 0x55, 0x1d, 0x11, 0x04, u8::try_from(names.len()).unwrap()][..], &names].concat();
    let wire = record(22, &message(11, &vector(3, &vector(3, &der))));
    let pieces = read(&mut TlsReader::default(), Direction::Server, &wire);
    let Meaning::Tls(TlsMeaning::Certificate(shown)) = &pieces[0].meaning else { panic!("a certificate") };
    assert_eq!((shown.count, shown.names.join(" ").as_str()), (1, "mail.example.com example.com"));
}

#[test]
fn a_length_that_lies_is_found_and_followed_nowhere() {
    let mut hello = client_hello();
    // The session id says that it has 255 octets more than the message.
    hello[38] = 255;
    let pieces = read(&mut TlsReader::default(), Direction::Client, &record(22, &hello));
    assert_eq!(pieces[0].findings[0].id, "tls-length");
    // A message of 16 megabytes is not waited for.
    let mut reader = TlsReader::default();
    read(&mut reader, Direction::Client, &record(22, &[1, 0xff, 0xff, 0xff, 0]));
    assert!(reader.sides[0].message.is_empty());
}

#[test]
fn behind_a_gap_the_next_record_is_found() {
    let records = [record(23, &[1; 50]), record(23, &[2; 60]), record(23, &[3; 70])].concat();
    for (start, end) in [(10, 30), (10, 55), (10, 80), (55, 60), (0, 20)] {
        for known in [true, false] {
            let mut reader = TlsReader::default();
            read(&mut reader, Direction::Client, &records[..start]);
            reader.gap(Direction::Client, known.then_some((end - start) as u64));
            let pieces = read(&mut reader, Direction::Client, &records[end..]);
            assert!(pieces.iter().flat_map(|p| &p.findings).all(|f| f.id == "after-gap"), "{start} {end}");
            assert_eq!(pieces.last().map(|p| p.len), Some(75), "{start} {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_panics_whatever_is_changed(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        server in any::<bool>(),
    ) {
        let certificate = message(11, &vector(3, &vector(3, &[0x06, 3, 0x55, 0x1d, 0x11, 4, 4, 0x30, 2, 0x82, 0])));
        let mut wire = [
            record(22, &client_hello()),
            record(22, &server_hello([3, 3])),
            record(22, &certificate),
            record(21, &[1, 0]),
        ].concat();
        for (at, value) in flips {
            let len = wire.len();
            wire[at.index(len)] = value;
        }
        let from = if server { Direction::Server } else { Direction::Client };
        let mut reader = TlsReader::default();
        let cut = cut.index(wire.len());
        read(&mut reader, from, &wire[..cut]);
        reader.gap(from, Some(3));
        let pieces = read(&mut reader, from, &wire[cut..]);
        for piece in pieces {
            prop_assert!(piece.parts.iter().all(|part| part.span.end <= piece.len));
            prop_assert!(piece.findings.iter().all(|finding| finding.span.end <= piece.len));
        }
    }
}
