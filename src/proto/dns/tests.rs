//! The span walker, held against hickory and against bytes that nobody should send (RFC 1035 §4).

use super::*;
use crate::base::Span;
use hickory_resolver::proto::op;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{self, RData, RecordType};
use proptest::prelude::*;

/// A message by hand: `ID 0x1234, QR RD RA`, example.net MX, with the exchange compressed.
const ANSWER: &[u8] = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\
    \x07example\x03net\x00\x00\x0f\x00\x01\
    \xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x08\x00\x0a\x03mx1\xc0\x0c";

fn texts<'a>(parts: &[Part], bytes: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for part in parts {
        if part.name == name {
            found.push(part.span.of(bytes));
        }
        found.extend(texts(&part.parts, bytes, name));
    }
    found
}

#[test]
fn every_field_has_its_name_and_place() {
    let walk = walk(ANSWER);
    assert_eq!(walk.findings, []);
    let message = walk.message.expect("a message");
    assert_eq!(message.header.id, 0x1234);
    assert_eq!(message.questions, [Question { name: "example.net".to_owned(), qtype: 15, qclass: 1 }]);
    let data = Data::Mx { preference: 10, exchange: "mx1.example.net".to_owned() };
    assert_eq!(
        message.answers,
        [Record { name: "example.net".to_owned(), rtype: 15, class: 1, ttl: 3600, data }]
    );
    let place = |name: &str| texts(&walk.parts, ANSWER, name);
    assert_eq!(place("qname"), [b"\x07example\x03net\x00"]);
    assert_eq!(place("preference"), [b"\x00\x0a"]);
    assert_eq!(place("exchange"), [b"\x03mx1\xc0\x0c"]);
    assert_eq!(place("pointer"), [b"\xc0\x0c", b"\xc0\x0c"]);
    assert_eq!(place("ttl"), [[0, 0, 14, 16]]);
    assert_eq!(place("qr").len() + place("rd").len() + place("ra").len(), 3);
    assert_eq!(place("aa").len() + place("tc").len(), 0);
}

#[test]
fn damage_is_found_where_it_is() {
    let with = |at: usize, byte: u8| {
        let mut bytes = ANSWER.to_vec();
        bytes[at] = byte;
        let walk = walk(&bytes);
        let finding = walk.findings.first().expect("something is off");
        (finding.id, (finding.span.start, finding.span.end))
    };
    let last = ANSWER.len() - 1;
    assert_eq!(with(last, last as u8 - 1), ("dns-pointer", (last - 1, last + 1)), "a pointer to itself");
    assert_eq!(with(last, 0xff), ("dns-pointer", (last - 1, last + 1)), "a pointer beyond the end");
    assert_eq!(with(12, 0x47), ("dns-label-type", (12, 13)));
    assert_eq!(with(12, 0x3f), ("dns-short", (12, ANSWER.len())));
    assert_eq!(with(3, 0xc0), ("dns-reserved-bit", (3, 4)));
    assert_eq!(with(40, 0x09).0, "dns-short");
    assert_eq!(with(40, 0x06).0, "dns-short", "the exchange's label passes RDLENGTH");
    assert_eq!(with(32, 0x01).0, "dns-rdlength", "an A of eight octets");
    let cut = walk(&ANSWER[..20]);
    assert_eq!(cut.findings[0].id, "dns-short");
    assert!(cut.message.is_some_and(|message| message.questions.is_empty()));
    let mut long = ANSWER.to_vec();
    long.extend(b"zzz");
    let walk = walk(&long);
    assert_eq!(
        (walk.findings[0].id, walk.findings[0].span),
        ("dns-trailing-bytes", Span::new(last + 1, last + 4))
    );
}

#[test]
fn names_are_bounded() {
    // Sixteen labels of 15 octets are 256 and a root: too long; two pointers may not loop.
    let mut bytes = b"\0\0\0\0\0\x01\0\0\0\0\0\0".to_vec();
    for _ in 0..16 {
        bytes.extend(b"\x0faaaaaaaaaaaaaaa");
    }
    bytes.extend(b"\0\0\x01\0\x01");
    assert_eq!(walk(&bytes).findings[0].id, "dns-name-too-long");
    let mut bytes = b"\0\0\0\0\0\x01\0\0\0\0\0\0".to_vec();
    bytes.extend(b"\x01a\xc0\x0c\0\x01\0\x01");
    assert_eq!(walk(&bytes).findings[0].id, "dns-pointer", "a name that contains itself");
}

#[test]
fn odd_octets_in_names_are_escaped() {
    let mut bytes = b"\0\0\0\0\0\x01\0\0\0\0\0\0".to_vec();
    bytes.extend(b"\x05a.\x1b\\\xff\0\0\x01\0\x01");
    let message = walk(&bytes).message.expect("a message");
    assert_eq!(message.questions[0].name, "a\\.\\027\\\\\\255");
}

/// hickory's name in our form.
fn ours(name: &rr::Name) -> String {
    let text = name.to_ascii();
    if text == "." { text } else { text.trim_end_matches('.').to_owned() }
}

fn our_data(data: &RData) -> Data {
    match data {
        RData::A(a) => Data::A(a.0),
        RData::AAAA(a) => Data::Aaaa(a.0),
        RData::NS(n) => Data::Name(ours(&n.0)),
        RData::CNAME(n) => Data::Name(ours(&n.0)),
        RData::PTR(n) => Data::Name(ours(&n.0)),
        RData::MX(mx) => Data::Mx { preference: mx.preference, exchange: ours(&mx.exchange) },
        RData::TXT(txt) => Data::Txt(txt.txt_data.iter().map(|t| t.to_vec()).collect()),
        RData::SRV(s) => {
            Data::Srv { priority: s.priority, weight: s.weight, port: s.port, target: ours(&s.target) }
        }
        RData::SOA(soa) => Data::Soa {
            mname: ours(&soa.mname),
            rname: ours(&soa.rname),
            numbers: [soa.serial, soa.refresh as u32, soa.retry as u32, soa.expire as u32, soa.minimum],
        },
        other => panic!("not generated: {other}"),
    }
}

fn our_record(record: &rr::Record) -> Record {
    Record {
        name: ours(&record.name),
        rtype: u16::from(record.record_type()),
        class: u16::from(record.dns_class),
        ttl: record.ttl,
        data: our_data(&record.data),
    }
}

fn name() -> impl Strategy<Value = rr::Name> {
    prop::collection::vec("_?[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", 0..5)
        .prop_map(|labels| rr::Name::from_ascii(labels.join(".") + ".").expect("a name"))
}

fn data() -> impl Strategy<Value = RData> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|a| RData::A(A(a.into()))),
        any::<[u8; 16]>().prop_map(|a| RData::AAAA(AAAA(a.into()))),
        name().prop_map(|n| RData::NS(NS(n))),
        name().prop_map(|n| RData::CNAME(CNAME(n))),
        name().prop_map(|n| RData::PTR(PTR(n))),
        (any::<u16>(), name()).prop_map(|(p, n)| RData::MX(MX::new(p, n))),
        prop::collection::vec("[ -~]{0,40}", 1..4).prop_map(|t| RData::TXT(TXT::new(t))),
        (any::<u16>(), any::<u16>(), any::<u16>(), name())
            .prop_map(|(a, b, c, n)| RData::SRV(SRV::new(a, b, c, n))),
        (name(), name(), any::<[u16; 5]>()).prop_map(|(m, r, n)| {
            RData::SOA(SOA::new(m, r, n[0].into(), n[1].into(), n[2].into(), n[3].into(), n[4].into()))
        }),
    ]
}

fn records() -> impl Strategy<Value = Vec<rr::Record>> {
    let record =
        (name(), 0..0x7fff_ffff_u32, data()).prop_map(|(n, ttl, d)| rr::Record::from_rdata(n, ttl, d));
    prop::collection::vec(record, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_hickory_writes_is_read_without_findings(
        (id, flags, asked) in (any::<u16>(), any::<[bool; 4]>(), name()),
        (answers, authorities, additionals) in (records(), records(), records()),
        edns in any::<bool>(),
    ) {
        let mut message = op::Message::response(id, op::OpCode::Query);
        message.metadata.authoritative = flags[0];
        message.metadata.recursion_desired = flags[1];
        message.metadata.recursion_available = flags[2];
        message.metadata.response_code = op::ResponseCode::NXDomain;
        message.add_query(op::Query::query(asked.clone(), RecordType::MX));
        message.add_answers(answers.clone());
        message.add_authorities(authorities.clone());
        message.add_additionals(additionals.clone());
        if edns {
            message.set_edns(op::Edns::new().set_max_payload(1232).clone());
        }
        let bytes = message.to_vec().expect("hickory writes it");
        let walked = walk(&bytes);
        prop_assert_eq!(&walked.findings, &vec![]);
        let got = walked.message.expect("a message");
        prop_assert_eq!(got.header.id, id);
        prop_assert_eq!((got.header.authoritative, got.header.recursion_desired), (flags[0], flags[1]));
        prop_assert_eq!(got.header.rcode, 3);
        prop_assert_eq!(&got.questions[0].name, &ours(&asked));
        prop_assert_eq!(&got.answers, &answers.iter().map(our_record).collect::<Vec<_>>());
        prop_assert_eq!(&got.authorities, &authorities.iter().map(our_record).collect::<Vec<_>>());
        prop_assert_eq!(&got.additionals[..additionals.len()], &additionals.iter().map(our_record).collect::<Vec<_>>()[..]);
        prop_assert_eq!(got.additionals.len(), additionals.len() + usize::from(edns));
        // Every byte belongs to a part: the top ones stand end to end.
        let mut at = 0;
        for part in &walked.parts {
            prop_assert_eq!(part.span.start, at);
            at = part.span.end;
        }
        prop_assert_eq!(at, bytes.len());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_spans(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(damage in prop::collection::vec((0..ANSWER.len(), any::<u8>()), 0..4), cut in 0..=ANSWER.len()) {
        let mut bytes = ANSWER.to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        bytes.truncate(cut);
        check_spans(&bytes);
    }
}

/// Whatever the bytes, every part and finding lies inside them, and parts inside their parent, in order.
fn check_spans(bytes: &[u8]) {
    fn check(parts: &[Part], within: Span) {
        let mut start = within.start;
        for part in parts {
            assert!(part.span.start >= start && part.span.end <= within.end, "{part:?} in {within:?}");
            start = part.span.start;
            check(&part.parts, part.span);
        }
    }
    let walked = walk(bytes);
    check(&walked.parts, Span::new(0, bytes.len()));
    for finding in &walked.findings {
        assert!(finding.span.end <= bytes.len(), "{finding:?}");
    }
    if op::Message::from_vec(bytes).is_ok() {
        assert!(
            !walked.findings.iter().any(|f| f.id == "dns-pointer"),
            "hickory reads it: {:?}",
            walked.findings
        );
    }
}

/// UDP payloads to or from port 53 in a classic capture of Ethernet frames with IPv4; nothing of other captures.
fn datagrams(pcap: &[u8]) -> Vec<&[u8]> {
    let little = pcap.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]);
    let u32_at = |at: usize| {
        let bytes: [u8; 4] = pcap.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }).ok()
    };
    let is_classic = little || pcap.starts_with(&[0xa1, 0xb2, 0xc3, 0xd4]);
    let (mut found, mut at) = (Vec::new(), 24);
    if !is_classic || u32_at(20) != Some(1) {
        return found;
    }
    while let Some(length) = u32_at(at + 8) {
        let Some(frame) = pcap.get(at + 16..at + 16 + length) else { break };
        at += 16 + length;
        found.extend(payload(frame));
    }
    found
}

fn payload(frame: &[u8]) -> Option<&[u8]> {
    let ip = frame.get(14..).filter(|_| frame[12..14] == [8, 0] && frame[23] == 17)?;
    let udp = ip.get(usize::from(ip[0] & 15) * 4..usize::from(u16::from_be_bytes([ip[2], ip[3]])))?;
    let port = |at: usize| udp.get(at..at + 2) == Some(&[0, 53]);
    udp.get(8..).filter(|_| port(0) || port(2))
}

/// Captures that others made: what hickory reads, the walker reads without an error, with as many records.
#[test]
fn real_datagrams_are_read_as_hickory_reads_them() {
    let name = "real_datagrams_are_read_as_hickory_reads_them";
    let folder =
        std::env::var_os("POSTROAD_CORPUS").map(|corpus| std::path::PathBuf::from(corpus).join("pcap"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        assert!(
            std::env::var_os("POSTROAD_REQUIRE_ALL").is_none(),
            "{name}: POSTROAD_CORPUS names no corpus"
        );
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped {name}: POSTROAD_CORPUS names no corpus");
        return;
    };
    let mut read = 0;
    let collections = std::fs::read_dir(folder).expect("a folder").flatten();
    for file in collections.flat_map(|c| std::fs::read_dir(c.path()).into_iter().flatten().flatten()) {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        for datagram in datagrams(&bytes) {
            check_spans(datagram);
            let Ok(hickory) = op::Message::from_vec(datagram) else { continue };
            let walked = walk(datagram);
            let errors = walked.findings.iter().filter(|f| f.severity == crate::base::Severity::Error);
            assert_eq!(errors.count(), 0, "{:?}: {:?}", file.path(), walked.findings);
            let message = walked.message.expect("hickory reads it");
            let ours = [message.questions.len(), message.answers.len(), message.authorities.len()];
            let theirs = [hickory.queries.len(), hickory.answers.len(), hickory.authorities.len()];
            assert_eq!(ours, theirs, "{:?}", file.path());
            read += 1;
        }
    }
    assert!(read > 20, "only {read} datagrams were read");
}
