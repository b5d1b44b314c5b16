//! The capture read back by a small reader of its own: frames, checksums, streams, comments.

use super::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// One packet as a reader sees it.
pub struct Packet {
    pub micros: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// Sequence and acknowledgment number and flags; none for UDP.
    pub tcp: Option<(u32, u32, u8)>,
    pub payload: Vec<u8>,
    pub comments: Vec<String>,
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Everything in a capture; panics where it is no pcapng or a checksum is wrong.
pub fn packets(mut file: &[u8]) -> Vec<Packet> {
    let mut out = Vec::new();
    assert_eq!(le32(file, 0), 0x0A0D_0D0A);
    while !file.is_empty() {
        let len = le32(file, 4) as usize;
        assert!(len.is_multiple_of(4) && le32(file, len - 4) as usize == len);
        if le32(file, 0) == 6 {
            out.push(packet(&file[8..len - 4]));
        }
        file = &file[len..];
    }
    out
}

fn packet(block: &[u8]) -> Packet {
    let len = le32(block, 12) as usize;
    let frame = &block[20..20 + len];
    let mut options = &block[20 + len.next_multiple_of(4)..];
    let mut comments = Vec::new();
    while options.len() >= 4 {
        let code = u16::from_le_bytes([options[0], options[1]]);
        let len = usize::from(u16::from_le_bytes([options[2], options[3]]));
        if code == 1 {
            comments.push(string(options[4..4 + len].to_vec()));
        }
        options = &options[4 + len.next_multiple_of(4)..];
    }
    let (from, to, protocol, inner) = match be16(frame, 12) {
        0x0800 => {
            assert_eq!(sum(&frame[14..34]), 0xFFFF, "the IPv4 header's checksum");
            assert_eq!(usize::from(be16(frame, 16)), frame.len() - 14);
            let ip = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).expect("an address"));
            (ip(26), ip(30), frame[23], &frame[34..])
        }
        0x86DD => {
            assert_eq!(usize::from(be16(frame, 18)), frame.len() - 54);
            let ip = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).expect("an address"));
            (ip(22), ip(38), frame[20], &frame[54..])
        }
        other => panic!("EtherType {other:04x}"),
    };
    let mut pseudo = match (from, to) {
        (IpAddr::V4(a), IpAddr::V4(b)) => [a.octets(), b.octets()].concat(),
        (IpAddr::V6(a), IpAddr::V6(b)) => [a.octets(), b.octets()].concat(),
        _ => unreachable!("one packet has one family"),
    };
    pseudo.extend_from_slice(&(inner.len() as u32).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, protocol]);
    pseudo.extend_from_slice(inner);
    assert_eq!(sum(&pseudo), 0xFFFF, "the checksum over the pseudo-header");
    let (from, to) = (SocketAddr::new(from, be16(inner, 0)), SocketAddr::new(to, be16(inner, 2)));
    let micros = (u64::from(le32(block, 4)) << 32) | u64::from(le32(block, 8));
    let (tcp, payload) = if protocol == 6 {
        let start = usize::from(inner[12] >> 4) * 4;
        (Some((be32(inner, 4), be32(inner, 8), inner[13])), inner[start..].to_vec())
    } else {
        assert_eq!(usize::from(be16(inner, 4)), inner.len());
        (None, inner[8..].to_vec())
    };
    Packet { micros, from, to, tcp, payload, comments }
}

/// RFC 1071's sum, written another way than in the program.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (added, carry) = sum.overflowing_add(word);
        sum = added + u16::from(carry);
    }
    sum
}

/// Who spoke to whom, from which SYN on.
type Flow = (SocketAddr, SocketAddr, usize);

/// The bytes of each direction of each connection, put together by sequence numbers; a SYN with a new number begins
/// another connection of the same ports. Panics on a gap, an overlap, or an acknowledgment of what was never sent.
pub fn streams(packets: &[Packet]) -> BTreeMap<Flow, Vec<u8>> {
    let mut out: BTreeMap<Flow, Vec<u8>> = BTreeMap::new();
    let mut next: BTreeMap<(SocketAddr, SocketAddr), u32> = BTreeMap::new();
    let mut count: BTreeMap<(SocketAddr, SocketAddr), usize> = BTreeMap::new();
    for packet in packets {
        let (way, back) = ((packet.from, packet.to), (packet.to, packet.from));
        let Some((seq, ack, flags)) = packet.tcp else {
            out.entry((packet.from, packet.to, 0)).or_default().extend(&packet.payload);
            continue;
        };
        let (fin, syn, rst) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        if syn {
            if next.get(&way) != Some(&seq.wrapping_add(1)) {
                *count.entry(way).or_default() += 1;
            }
            next.insert(way, seq.wrapping_add(1));
            continue;
        }
        if flags & 0x10 != 0 {
            let sent = next.get(&back).copied().expect("only what was sent is acknowledged");
            assert!((sent.wrapping_sub(ack) as i32) >= 0, "acknowledged before it was sent");
        }
        let Some(expected) = next.get_mut(&way) else {
            assert!(rst && packet.payload.is_empty(), "only a refusal comes without a SYN");
            continue;
        };
        assert_eq!(seq, *expected, "no gap, no overlap");
        *expected = expected.wrapping_add(packet.payload.len() as u32 + u32::from(fin));
        let flow = (packet.from, packet.to, count.get(&way).copied().unwrap_or(0));
        out.entry(flow).or_default().extend(&packet.payload);
    }
    out.retain(|_, bytes| !bytes.is_empty());
    out
}

/// A line a packet, for people.
pub fn listing(file: &[u8]) -> String {
    let mut out = String::new();
    let all = packets(file);
    let mut first: BTreeMap<(SocketAddr, SocketAddr), u32> = BTreeMap::new();
    for packet in &all {
        let since = packet.micros - all[0].micros;
        let _ = write!(out, "{:>13.6} {} > {}", since as f64 / 1e6, packet.from, packet.to);
        if let Some((seq, ack, flags)) = packet.tcp {
            let named = [(2, "SYN"), (16, "ACK"), (8, "PSH"), (1, "FIN"), (4, "RST")];
            let said: Vec<&str> = named.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, n)| *n).collect();
            let seq = seq.wrapping_sub(*first.entry((packet.from, packet.to)).or_insert(seq));
            let base = first.get(&(packet.to, packet.from)).copied().unwrap_or(ack);
            let _ = write!(out, " {} seq {seq} ack {}", said.join(" "), ack.wrapping_sub(base));
        }
        let _ = writeln!(out, " len {}", packet.payload.len());
        if !packet.payload.is_empty() {
            let _ = writeln!(out, "              {}", postroad::base::escape::line(&packet.payload));
        }
        for comment in &packet.comments {
            let about = comment.split(": ").next().unwrap_or_default();
            let _ = writeln!(out, "              # {about}");
        }
    }
    out
}

/// What the records say of each direction's bytes, in the same shape: bytes only, sorted.
fn recorded(records: &[Record]) -> Vec<Vec<u8>> {
    let mut out: BTreeMap<(Conn, Direction), Vec<u8>> = BTreeMap::new();
    for record in records {
        if let Record::Data { data, .. } = record
            && data.layer == Layer::Wire
        {
            out.entry((data.conn, data.from)).or_default().extend(&data.bytes);
        }
    }
    let mut bytes: Vec<Vec<u8>> = out.into_values().filter(|b| !b.is_empty()).collect();
    bytes.sort();
    bytes
}

fn captured(file: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes: Vec<Vec<u8>> = streams(&packets(file)).into_values().collect();
    bytes.sort();
    bytes
}

#[test]
fn the_streams_are_the_recorded_ones() {
    for (name, records) in shipped() {
        assert_eq!(captured(&to_pcapng(&records, true, false)), recorded(&records), "{name}");
        let hidden = captured(&to_pcapng(&records, false, false));
        let lengths = |all: &[Vec<u8>]| all.iter().map(Vec::len).sum::<usize>();
        assert_eq!(lengths(&hidden), lengths(&recorded(&records)), "{name}: as long as what they hide");
    }
}

#[test]
fn time_never_goes_back_and_every_step_is_told() {
    for (name, records) in shipped() {
        let all = packets(&to_pcapng(&records, false, false));
        assert!(all.windows(2).all(|w| w[0].micros <= w[1].micros), "{name}");
        let mut dissector = postroad::dissect::Dissector::new();
        let steps: Vec<_> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
        let said: Vec<&String> = all.iter().flat_map(|p| &p.comments).collect();
        for step in &steps {
            let begins = format!("step {}: ", step.number);
            assert_eq!(said.iter().filter(|s| s.starts_with(&begins)).count(), 1, "{name}: {begins}");
        }
    }
}

#[test]
fn a_long_letter_is_cut_into_segments() {
    let mut letter = b"Subject: long\r\n\r\n".to_vec();
    letter.extend((0..200_000).map(|i| b"abcdefgh\r\n"[i % 10]));
    letter.extend_from_slice(b"\r\n.\r\n");
    let mut tape = Tape::new("long");
    tape.open(1, 25).wait(60).dialogue(
        1,
        "S: 220 mail.example.com ESMTP
         C: EHLO a
         S: 250 mail.example.com
         C: MAIL FROM:<a@example.com>
         S: 250 ok
         C: RCPT TO:<b@example.com>
         S: 250 ok
         C: DATA
         S: 354 go on",
    );
    let records = tape.says(1, Direction::Client, &letter).dialogue(1, "S: 250 ok").end();
    let file = to_pcapng(&records, false, false);
    let all = packets(&file);
    assert_eq!(all.iter().map(|p| p.payload.len()).max(), Some(1460));
    assert_eq!(captured(&file), recorded(&records));
}

#[test]
fn what_was_inside_tls_is_quoted_beside_the_records_that_hid_it() {
    let mut tape = Tape::new("tls");
    let record = |len: usize| [&[23, 3, 3, 0, len as u8][..], &vec![0xA5; len]].concat();
    tape.open(1, 465).wait(60);
    for (from, line) in [
        (Direction::Server, &b"220 mail.example.com ESMTP\r\n"[..]),
        (Direction::Client, b"EHLO a\r\n"),
        (Direction::Server, b"250 AUTH PLAIN\r\n"),
        (Direction::Client, b"AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n"),
    ] {
        tape.says(1, from, &record(line.len() + 17)).layer(1, from, Layer::Plain, line);
    }
    let records = tape.end();
    let file = to_pcapng(&records, false, false);
    assert_eq!(captured(&file), recorded(&records), "the wire holds TLS, and only that");
    let all = packets(&file);
    let said: Vec<&str> = all.iter().flat_map(|p| &p.comments).map(String::as_str).collect();
    assert!(said.iter().any(|s| s.contains("inside TLS, C: EHLO a")), "{said:#?}");
    assert!(said.iter().any(|s| s.contains("AUTH PLAIN") && !s.contains("HNlc2FtZQ")), "{said:#?}");
}

#[test]
fn a_number_that_is_used_again_is_another_connection() {
    let dialogue = "S: 220 mail.example.com ESMTP
         C: EHLO a
         S: 250 AUTH PLAIN
         C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==
         S: 235 ok";
    let mut tape = Tape::new("again");
    tape.open(1, 25).wait(60).dialogue(1, dialogue);
    tape.close(1, Direction::Client, CloseHow::Fin).close(1, Direction::Server, CloseHow::Fin);
    tape.wait(100).open(1, 25).wait(60).dialogue(1, dialogue);
    // And one that goes on after it was closed, with no word of its beginning.
    tape.close(1, Direction::Client, CloseHow::Fin).close(1, Direction::Server, CloseHow::Fin);
    tape.dialogue(1, dialogue);
    let file = to_pcapng(&tape.end(), false, false);
    let all = captured(&file);
    assert_eq!(all.len(), 6);
    for bytes in all {
        let text = string(bytes);
        assert!(!text.contains("Nlc2FtZQ"), "{text}");
    }
}
