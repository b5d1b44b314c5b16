//! Captures for the bench: traffic of mail, made up packet by packet, the same bytes each time.
//!
//! It stands where tcpdump would stand: what it writes is a pcap file with Ethernet, IPv4, TCP and UDP headers. IP's
//! checksums are right; those of TCP and UDP are 0, which neither program looks at unless it is asked to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Sessions that are under way at once, so that packets of different ones alternate.
const AT_ONCE: usize = 48;
/// Octets of a segment on an Ethernet with time stamps.
const SEGMENT: usize = 1448;

/// What a capture is full of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Letters of a few lines: SMTP, with a look at the DNS before it; POP3; IMAP.
    Small,
    /// Letters with attachments of megabytes: SMTP, and IMAP's FETCH.
    Large,
    /// Connections that are opened, greeted, and left open.
    Open,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    /// Octets of the file.
    pub bytes: u64,
    /// Packets in it.
    pub packets: u64,
    /// Connections and exchanges.
    pub sessions: u64,
}

/// Write a capture of `size` octets (a session more at most), or of `size` connections where it is of
/// [`Traffic::Open`].
pub fn write(path: &Path, traffic: Traffic, size: u64) -> io::Result<Made> {
    let mut out = Pcap::new(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    let mut live: Vec<Session> = Vec::new();
    let mut random = fastrand::Rng::with_seed(0x706f7374);
    let mut number = 0;
    let mut turn = 0;
    loop {
        let done = if traffic == Traffic::Open { number >= size } else { out.made.bytes >= size };
        if !done && live.len() < AT_ONCE {
            live.push(Session::new(traffic, number, &mut random));
            number += 1;
            continue;
        }
        if live.is_empty() {
            break;
        }
        turn = (turn + 1) % live.len();
        if !live[turn].step(&mut out)? {
            live.swap_remove(turn);
        }
    }
    out.made.sessions = number;
    out.out.flush()?;
    Ok(out.made)
}

/// Writes packets.
struct Pcap<W> {
    out: W,
    made: Made,
    micros: u64,
    packet: Vec<u8>,
}

/// One end of a packet.
#[derive(Clone, Copy)]
struct End {
    address: [u8; 4],
    port: u16,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

impl<W: Write> Pcap<W> {
    fn new(mut out: W) -> io::Result<Self> {
        let mut head = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            head.extend(word.to_le_bytes());
        }
        out.write_all(&head)?;
        let made = Made { bytes: head.len() as u64, ..Made::default() };
        Ok(Pcap { out, made, micros: 1_760_000_000_000_000, packet: Vec::new() })
    }

    fn tcp(&mut self, from: End, to: End, (seq, ack): (u32, u32), flags: u8, bytes: &[u8]) -> io::Result<()> {
        let mut header = [0; 20];
        header[..2].copy_from_slice(&from.port.to_be_bytes());
        header[2..4].copy_from_slice(&to.port.to_be_bytes());
        header[4..8].copy_from_slice(&seq.to_be_bytes());
        header[8..12].copy_from_slice(&ack.to_be_bytes());
        (header[12], header[13]) = (5 << 4, flags);
        header[14..16].copy_from_slice(&64_240_u16.to_be_bytes());
        self.ip(from, to, 6, &header, bytes)
    }

    fn udp(&mut self, from: End, to: End, bytes: &[u8]) -> io::Result<()> {
        let mut header = [0; 8];
        header[..2].copy_from_slice(&from.port.to_be_bytes());
        header[2..4].copy_from_slice(&to.port.to_be_bytes());
        header[4..6].copy_from_slice(&((8 + bytes.len()) as u16).to_be_bytes());
        self.ip(from, to, 17, &header, bytes)
    }

    fn ip(&mut self, from: End, to: End, protocol: u8, header: &[u8], bytes: &[u8]) -> io::Result<()> {
        let len = 20 + header.len() + bytes.len();
        let mut ip = [0; 20];
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        ip[4..6].copy_from_slice(&(self.made.packets as u16).to_be_bytes());
        (ip[6], ip[8], ip[9]) = (0x40, 64, protocol);
        ip[12..16].copy_from_slice(&from.address);
        ip[16..20].copy_from_slice(&to.address);
        let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        ip[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        self.micros += 20;
        let (seconds, micros) = ((self.micros / 1_000_000) as u32, (self.micros % 1_000_000) as u32);
        let frame = (14 + len) as u32;
        self.packet.clear();
        for word in [seconds, micros, frame, frame] {
            self.packet.extend(word.to_le_bytes());
        }
        self.packet.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        self.packet.extend(ip);
        self.packet.extend(header);
        self.packet.extend(bytes);
        self.made.packets += 1;
        self.made.bytes += self.packet.len() as u64;
        self.out.write_all(&self.packet)
    }
}

/// One conversation, written packet by packet.
struct Session {
    /// The client, then the server.
    ends: [End; 2],
    /// The next sequence number of each.
    next: [u32; 2],
    /// What is said, by which end; the first is said first.
    turns: Vec<(usize, Vec<u8>)>,
    /// The turn that is next, and how much of it has been said.
    at: (usize, usize),
    phase: Phase,
    /// Segments that the other end has not acknowledged.
    unheard: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Datagrams,
    Call,
    Answer,
    Begin,
    Talk,
    /// The connection stays as it is.
    Stay,
    Goodbye(u8),
}

impl Session {
    fn new(traffic: Traffic, number: u64, random: &mut fastrand::Rng) -> Self {
        let kind = match (traffic, number % 8) {
            (Traffic::Open, _) => 9,
            (Traffic::Small, kind) => kind,
            (Traffic::Large, kind) => {
                if kind % 2 == 0 {
                    1
                } else {
                    7
                }
            }
        };
        let letter = letter(number, if traffic == Traffic::Large { 2 << 20 } else { 600 }, random);
        let (port, turns) = match kind {
            0 | 2 => (53, look_up(number)),
            1 | 3 | 5 => (25, smtp(number, &letter)),
            4 | 6 => (110, pop3(number, &letter)),
            7 => (143, imap(number, &letter)),
            _ => (25, vec![(1, b"220 mx1.example.net ESMTP ready\r\n".to_vec())]),
        };
        let [_, high, middle, low] = ((number / 50_000) as u32).to_be_bytes();
        let client = End { address: [10, high, middle, low], port: 10_000 + (number % 50_000) as u16 };
        let server = End { address: [192, 0, 2, 25], port };
        let phase = if port == 53 { Phase::Datagrams } else { Phase::Call };
        let next = [random.u32(..), random.u32(..)];
        let mut session = Session { ends: [client, server], next, turns, at: (0, 0), phase, unheard: 0 };
        if kind == 9 {
            session.turns.push((0, Vec::new()));
        }
        session
    }

    /// Write the next packet. Whether there was one.
    fn step(&mut self, out: &mut Pcap<impl Write>) -> io::Result<bool> {
        match self.phase {
            Phase::Datagrams => {
                let Some((from, bytes)) = self.turns.get(self.at.0) else { return Ok(false) };
                self.at.0 += 1;
                out.udp(self.ends[*from], self.ends[1 - *from], bytes)?;
            }
            Phase::Call => {
                self.tcp(out, 0, SYN, &[])?;
                self.phase = Phase::Answer;
            }
            Phase::Answer => {
                self.tcp(out, 1, SYN | ACK, &[])?;
                self.phase = Phase::Begin;
            }
            Phase::Begin => {
                self.tcp(out, 0, ACK, &[])?;
                self.phase = Phase::Talk;
            }
            Phase::Talk => self.talk(out)?,
            Phase::Stay => return Ok(false),
            Phase::Goodbye(0) => {
                self.tcp(out, 0, FIN | ACK, &[])?;
                self.phase = Phase::Goodbye(1);
            }
            Phase::Goodbye(1) => {
                self.tcp(out, 1, FIN | ACK, &[])?;
                self.phase = Phase::Goodbye(2);
            }
            Phase::Goodbye(2) => {
                self.tcp(out, 0, ACK, &[])?;
                self.phase = Phase::Goodbye(3);
            }
            Phase::Goodbye(_) => return Ok(false),
        }
        Ok(true)
    }

    /// A segment; or an acknowledgment, when two have gone without.
    fn talk(&mut self, out: &mut Pcap<impl Write>) -> io::Result<()> {
        let Some((from, bytes)) = self.turns.get_mut(self.at.0) else {
            self.phase = Phase::Goodbye(0);
            return self.step(out).map(drop);
        };
        let from = *from;
        if bytes.is_empty() {
            self.phase = Phase::Stay;
            return Ok(());
        }
        if self.unheard == 2 {
            self.unheard = 0;
            return self.tcp(out, 1 - from, ACK, &[]);
        }
        let end = bytes.len().min(self.at.1 + SEGMENT);
        let whole = end == bytes.len();
        let segment = bytes[self.at.1..end].to_vec();
        if whole {
            (self.at, self.unheard) = ((self.at.0 + 1, 0), 0);
        } else {
            (self.at.1, self.unheard) = (end, self.unheard + 1);
        }
        self.tcp(out, from, if whole { PUSH | ACK } else { ACK }, &segment)
    }

    fn tcp(&mut self, out: &mut Pcap<impl Write>, from: usize, flags: u8, bytes: &[u8]) -> io::Result<()> {
        let ack = if flags & ACK == 0 { 0 } else { self.next[1 - from] };
        out.tcp(self.ends[from], self.ends[1 - from], (self.next[from], ack), flags, bytes)?;
        let counted = bytes.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(counted);
        Ok(())
    }
}

/// A dialogue of lines: `C …` and `S …`, each said at once.
fn lines(dialogue: &str) -> Vec<(usize, Vec<u8>)> {
    let mut turns: Vec<(usize, Vec<u8>)> = Vec::new();
    for line in dialogue.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let (who, text) = line.split_at(2);
        let from = usize::from(who == "S ");
        match turns.last_mut() {
            Some((last, bytes)) if *last == from => bytes.extend(text.bytes().chain(*b"\r\n")),
            _ => turns.push((from, text.bytes().chain(*b"\r\n").collect())),
        }
    }
    turns
}

/// A letter with some `octets` of body.
fn letter(number: u64, octets: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut letter = format!(
        "Received: from client{number}.example.com ([192.0.2.7])\r\n\tby mail.example.com with ESMTPS id {number:x}; \
         Thu, 09 Oct 2025 10:00:00 +0000\r\nDate: Thu, 09 Oct 2025 10:00:00 +0000\r\nFrom: Alice Example \
         <alice{number}@example.com>\r\nTo: Bob Example <bob{number}@example.net>\r\nSubject: Letter number \
         {number}\r\nMessage-ID: <{number}.1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; \
         charset=utf-8\r\n\r\n"
    )
    .into_bytes();
    let end = letter.len() + octets;
    while letter.len() < end {
        let words = (0..19).map(|_| char::from(b'a' + random.u8(..26)));
        letter.extend(words.flat_map(|c| [c as u8, c as u8 ^ 3, b'e', b' ']).take(74));
        letter.extend(b"\r\n");
    }
    letter
}

fn smtp(number: u64, letter: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut turns = lines(&format!(
        "S 220 mx1.example.net ESMTP ready
         C EHLO client{number}.example.com
         S 250-mx1.example.net greets client{number}.example.com
         S 250-PIPELINING
         S 250-SIZE 52428800
         S 250-8BITMIME
         S 250 ENHANCEDSTATUSCODES
         C MAIL FROM:<alice{number}@example.com> SIZE={}
         S 250 2.1.0 Sender ok
         C RCPT TO:<bob{number}@example.net>
         S 250 2.1.5 Recipient ok
         C RCPT TO:<nobody{number}@example.net>
         S 550 5.1.1 No such user here
         C DATA
         S 354 End data with <CR><LF>.<CR><LF>",
        letter.len()
    ));
    turns.push((0, [letter, b".\r\n"].concat()));
    turns.extend(lines(&format!(
        "S 250 2.0.0 Queued as {number:X}
         C QUIT
         S 221 2.0.0 Bye"
    )));
    turns
}

fn pop3(number: u64, letter: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let size = letter.len();
    let mut turns = lines(&format!(
        "S +OK POP3 server ready <{number}.1@pop.example.net>
         C USER bob{number}
         S +OK send your password
         C PASS sesame{number}
         S +OK maildrop locked and ready
         C STAT
         S +OK 1 {size}
         C UIDL
         S +OK
         S 1 whqtswO00WBw418f9t5J{number}
         S .
         C LIST
         S +OK 1 messages ({size} octets)
         S 1 {size}
         S .
         C RETR 1"
    ));
    turns.push((1, [format!("+OK {size} octets\r\n").as_bytes(), letter, b".\r\n"].concat()));
    turns.extend(lines(
        "C DELE 1
         S +OK message 1 deleted
         C QUIT
         S +OK goodbye",
    ));
    turns
}

fn imap(number: u64, letter: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut turns = lines(&format!(
        "S * OK [CAPABILITY IMAP4rev2 IMAP4rev1 IDLE UIDPLUS] imap.example.net ready
         C a1 LOGIN bob{number} sesame{number}
         S a1 OK [CAPABILITY IMAP4rev2 IMAP4rev1 IDLE UIDPLUS MOVE] Logged in
         C a2 SELECT INBOX
         S * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags permitted
         S * 1 EXISTS
         S * OK [UIDVALIDITY 1760000000] UIDs valid
         S * OK [UIDNEXT 4393] Predicted next UID
         S a2 OK [READ-WRITE] SELECT completed
         C a3 UID FETCH 1:* (UID FLAGS RFC822.SIZE)
         S * 1 FETCH (UID 4392 FLAGS () RFC822.SIZE {})
         S a3 OK FETCH completed
         C a4 UID FETCH 4392 (BODY.PEEK[])",
        letter.len()
    ));
    let literal = format!("* 1 FETCH (UID 4392 BODY[] {{{}}}\r\n", letter.len());
    turns.push((1, [literal.as_bytes(), letter, b")\r\na4 OK FETCH completed\r\n"].concat()));
    turns.extend(lines(
        "C a5 UID STORE 4392 +FLAGS (\\Seen)
         S * 1 FETCH (UID 4392 FLAGS (\\Seen))
         S a5 OK STORE completed
         C a6 LOGOUT
         S * BYE logging out
         S a6 OK LOGOUT completed",
    ));
    turns
}

/// `example.net MX`, asked and answered, with the addresses of the hosts it names.
fn look_up(number: u64) -> Vec<(usize, Vec<u8>)> {
    let id = (number as u16).to_be_bytes();
    let question = b"\x07example\x03net\x00\x00\x0f\x00\x01";
    let query = [&id[..], b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", question].concat();
    let mut answer = [&id[..], b"\x81\x80\x00\x01\x00\x02\x00\x00\x00\x01", question].concat();
    answer.extend(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x08\x00\x0a\x03mx1\xc0\x0c");
    answer.extend(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x08\x00\x14\x03mx2\xc0\x0c");
    answer.extend(b"\xc0\x2b\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x19");
    vec![(0, query), (1, answer)]
}
