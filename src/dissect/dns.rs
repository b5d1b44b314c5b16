//! DNS as the strict observer reads it: one Step a message, in datagrams and over TCP (RFC 1035 §4.2).

use super::step::{Kind, Meaning, Piece, Protocol, Reader, Verdict};
use crate::base::{Finding, Part, Severity, Span, Word};
use crate::proto::dns::{self, Data, Message, Record};
use crate::trace::Direction;
use compact_str::format_compact;
use serde::Serialize;
use std::collections::VecDeque;

/// Questions that are remembered until their answer comes.
const OPEN_QUESTIONS: usize = 64;

/// What a DNS Step means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DnsMeaning {
    /// The number that ties an answer to its question.
    pub id: u16,
    /// The name asked for, without the dot at its end; the root is `.`.
    pub qname: String,
    /// The type asked for: `MX`.
    pub qtype: String,
    /// For an answer: `NOERROR`, `NXDOMAIN`, …; empty for a query.
    pub rcode: String,
    /// AA: the server is an authority for the name.
    pub authoritative: bool,
    /// TC: the message was cut to fit a datagram; ask again by TCP.
    pub truncated: bool,
    /// RD: the asker wants it resolved fully.
    pub recursion_desired: bool,
    /// RA: the server does that.
    pub recursion_available: bool,
    /// The answer section.
    pub answers: Vec<Row>,
    /// The authority section: in a negative answer, the SOA that says how long to believe it.
    pub authorities: Vec<Row>,
    /// The additional section without OPT.
    pub additionals: Vec<Row>,
}

/// One record, to be read by people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Its owner.
    pub name: String,
    /// Its type: `MX`.
    pub rtype: String,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says, as in a zone file: `10 mx1.example.net`.
    pub data: String,
}

/// Reads one conversation with a DNS server.
#[derive(Clone, Debug, Default)]
pub struct DnsReader {
    /// Whether messages have their two length octets (RFC 1035 §4.2.2).
    tcp: bool,
    /// Id, name and type of the questions that wait for an answer, oldest first.
    open: VecDeque<(u16, String, String)>,
    /// By side: octets of a message cut off at the end of what was recorded which had not come.
    torn: [Option<usize>; 2],
    /// By side: bytes are missing, and the next ones may be the rest of a message.
    behind_gap: [bool; 2],
    /// Questions may be in a gap.
    unseen: bool,
}

impl DnsReader {
    /// A reader of a TCP stream, or of datagrams.
    pub fn new(tcp: bool) -> Self {
        DnsReader { tcp, ..DnsReader::default() }
    }
}

impl Reader for DnsReader {
    fn clone_box(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }

    fn protocol(&self) -> Protocol {
        Protocol::Dns
    }

    /// The next message. For datagrams `waiting` is exactly one of them.
    fn read(&mut self, from: Direction, waiting: &[u8], ended: bool) -> Option<Piece> {
        if waiting.is_empty() {
            return None;
        }
        if !self.tcp {
            return Some(self.message(from, waiting));
        }
        let side = usize::from(from == Direction::Server);
        if let Some(left) = self.torn[side].filter(|_| self.behind_gap[side]) {
            if left > 0 && left > waiting.len() && !ended {
                return None;
            }
            self.torn[side] = None;
            self.behind_gap[side] = false;
            if left > 0 {
                return Some(after_gap(left.min(waiting.len())));
            }
        }
        let length = match *waiting {
            [high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
            _ if ended => return Some(cut(waiting.len(), 2)),
            _ => return None,
        };
        match waiting.get(2..2 + length) {
            Some(message) if self.behind_gap[side] && !is_sound(message) => {
                Some(after_gap(2 + message.len()))
            }
            Some(message) => {
                self.behind_gap[side] = false;
                Some(framed(self.message(from, message)))
            }
            None if ended => {
                self.torn[side] = Some(2 + length - waiting.len());
                Some(cut(waiting.len(), 2 + length))
            }
            None => None,
        }
    }

    fn gap(&mut self, from: Direction, missing: Option<u64>) {
        if !self.tcp {
            return;
        }
        let side = usize::from(from == Direction::Server);
        let missing = missing.and_then(|n| usize::try_from(n).ok());
        // "preceded by a two byte length field" (RFC 1035 §4.2.2): a message with a gap in it ends where it says.
        self.torn[side] = self.torn[side].zip(missing).and_then(|(left, missing)| left.checked_sub(missing));
        self.behind_gap[side] = true;
        self.unseen |= from == Direction::Client;
    }
}

/// The rest of a message of which bytes are missing.
fn after_gap(len: usize) -> Piece {
    let mut piece = Piece::new(Kind::Unparsed, len);
    let detail = "Bytes are missing before this: it is the rest of what stood there.";
    piece.findings.push(Finding::hint("after-gap", Span::new(0, len), detail));
    piece
}

/// Whether these octets are a message, and not the middle of one.
fn is_sound(message: &[u8]) -> bool {
    let walk = dns::walk(message);
    walk.message.is_some() && walk.findings.iter().all(|finding| finding.severity != Severity::Error)
}

/// A message with its two length octets in front.
fn framed(mut piece: Piece) -> Piece {
    piece.len += 2;
    piece.findings = piece.findings.into_iter().map(|finding| finding.shifted(2)).collect();
    let inner = std::mem::take(&mut piece.parts).into_iter().map(|part| part.shifted(2));
    piece.parts = std::iter::once(Part::leaf("length", Span::new(0, 2))).chain(inner).collect();
    piece
}

/// The stream ended inside a message.
fn cut(have: usize, want: usize) -> Piece {
    let mut piece = Piece::new(Kind::Unparsed, have);
    let detail = format!("the stream ends here, and the message has {} more octets", want - have);
    piece.findings.push(Finding::error("dns-short", Span::new(0, have), detail));
    piece
}

impl DnsReader {
    fn message(&mut self, from: Direction, bytes: &[u8]) -> Piece {
        let walk = dns::walk(bytes);
        let Some(message) = walk.message else {
            let mut piece = Piece::new(Kind::Unparsed, bytes.len());
            piece.findings = walk.findings;
            return piece;
        };
        let kind = if message.header.response { Kind::Answer } else { Kind::Query };
        let mut piece = Piece { parts: walk.parts, findings: walk.findings, ..Piece::new(kind, bytes.len()) };
        let mut meaning = meaning(&message);
        if message.header.response {
            self.tie(&mut meaning, from, &mut piece.findings);
            piece.code = code(&message, &meaning).into();
            piece.verdict = Some(verdict(&piece.code));
        } else {
            self.remember(&meaning);
        }
        piece.verb = match message.header.opcode {
            0 => Word::new(&meaning.qtype),
            other => dns::opcode_name(other).map_or_else(|| format_compact!("OPCODE{other}"), Word::from),
        };
        piece.meaning = Meaning::Dns(meaning);
        piece
    }

    fn remember(&mut self, meaning: &DnsMeaning) {
        if self.open.len() >= OPEN_QUESTIONS {
            self.open.pop_front();
        }
        self.open.push_back((meaning.id, meaning.qname.clone(), meaning.qtype.clone()));
    }

    /// Find an answer's question. An answer that repeats no question (as FORMERR may) borrows it.
    fn tie(&mut self, meaning: &mut DnsMeaning, from: Direction, findings: &mut Vec<Finding>) {
        let asked = self.open.iter().position(|(id, ..)| *id == meaning.id);
        let Some((_, qname, qtype)) = asked.and_then(|i| self.open.remove(i)) else {
            if self.unseen {
                return;
            }
            let detail = format!("no question with the id {} waits for an answer here", meaning.id);
            findings.push(Finding::hint("dns-unasked", Span::new(0, 2), detail));
            return;
        };
        if meaning.qtype.is_empty() {
            (meaning.qname, meaning.qtype) = (qname, qtype);
        } else if !meaning.qname.eq_ignore_ascii_case(&qname) || meaning.qtype != qtype {
            let detail = format!(
                "the question with this id was {qtype} {qname}, and {} {} is answered",
                meaning.qtype, meaning.qname
            );
            findings.push(Finding::error("dns-other-question", Span::new(0, 2), detail));
        }
        if from == Direction::Client {
            let detail = "the end that opened the conversation answers, instead of asking";
            findings.push(Finding::warning("dns-answer-from-client", Span::new(2, 3), detail));
        }
    }
}

fn meaning(message: &Message) -> DnsMeaning {
    let header = &message.header;
    let question = message.questions.first();
    let rows = |records: &[Record]| -> Vec<Row> {
        let real = records.iter().filter(|record| !matches!(record.data, Data::Opt(_)));
        real.map(row).collect()
    };
    DnsMeaning {
        id: header.id,
        qname: question.map(|q| q.name.clone()).unwrap_or_default(),
        qtype: question.map(|q| dns::type_name(q.qtype)).unwrap_or_default(),
        rcode: if header.response { rcode(header.rcode) } else { String::new() },
        authoritative: header.authoritative,
        truncated: header.truncated,
        recursion_desired: header.recursion_desired,
        recursion_available: header.recursion_available,
        answers: rows(&message.answers),
        authorities: rows(&message.authorities),
        additionals: rows(&message.additionals),
    }
}

fn row(record: &Record) -> Row {
    Row {
        name: record.name.clone(),
        rtype: dns::type_name(record.rtype),
        ttl: record.ttl,
        data: record.data.to_string(),
    }
}

fn rcode(rcode: u16) -> String {
    dns::rcode_name(rcode).map_or_else(|| format!("RCODE{rcode}"), str::to_owned)
}

/// The RCODE, or what NOERROR means here: `NODATA` (the name exists, the type does not), `NULL-MX` (the domain takes
/// no mail), `TRUNCATED` (ask again by TCP), `REFERRAL` (ask those servers).
fn code(message: &Message, meaning: &DnsMeaning) -> String {
    let asks_for = |rtype: &str| rtype == meaning.qtype || meaning.qtype == "ANY";
    let matching: Vec<&Record> =
        message.answers.iter().filter(|record| asks_for(&dns::type_name(record.rtype))).collect();
    let is_null_mx = |record: &&Record| matches!(&record.data, Data::Mx { exchange, .. } if exchange == ".");
    let authority = |rtype: &str| meaning.authorities.iter().any(|row| row.rtype == rtype);
    if meaning.rcode != "NOERROR" || message.header.opcode != 0 {
        return meaning.rcode.clone();
    }
    let special = match matching.as_slice() {
        [one] if meaning.qtype == "MX" && is_null_mx(one) => "NULL-MX",
        [_, ..] => "NOERROR",
        [] if meaning.truncated => "TRUNCATED",
        [] if authority("NS") && !authority("SOA") && !meaning.authoritative => "REFERRAL",
        [] => "NODATA",
    };
    special.to_owned()
}

fn verdict(code: &str) -> Verdict {
    match code {
        "NOERROR" => Verdict::Positive,
        "TRUNCATED" | "REFERRAL" => Verdict::Intermediate,
        "NODATA" => Verdict::Neutral,
        "SERVFAIL" => Verdict::Transient,
        _ => Verdict::Negative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::{self, OpCode, Query};
    use hickory_resolver::proto::rr::rdata::{A, MX};
    use hickory_resolver::proto::rr::{Name, RData, RecordType};
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn query(id: u16, rtype: RecordType) -> Vec<u8> {
        let mut message = op::Message::new(id, op::MessageType::Query, OpCode::Query);
        message.add_query(Query::query(name("example.net."), rtype));
        message.to_vec().expect("a query")
    }

    fn answer(id: u16, rtype: RecordType, code: op::ResponseCode, data: &[RData]) -> Vec<u8> {
        let mut message = op::Message::response(id, OpCode::Query);
        message.metadata.response_code = code;
        message.add_query(Query::query(name("example.net."), rtype));
        for data in data {
            message.add_answer(hickory_resolver::proto::rr::Record::from_rdata(
                name("example.net."),
                60,
                data.clone(),
            ));
        }
        message.to_vec().expect("an answer")
    }

    /// What the reader makes of an answer to a question: verb, code, verdict and rows.
    fn read(
        rtype: RecordType,
        code: op::ResponseCode,
        data: &[RData],
    ) -> (String, String, Verdict, Vec<String>) {
        let mut reader = DnsReader::default();
        let asked = reader.read(Direction::Client, &query(9, rtype), false).expect("a query");
        assert_eq!(
            (asked.kind, asked.verb.as_str(), asked.findings.len()),
            (Kind::Query, rtype.to_string().as_str(), 0)
        );
        let piece = reader.read(Direction::Server, &answer(9, rtype, code, data), false).expect("an answer");
        assert_eq!((piece.kind, piece.findings.len()), (Kind::Answer, 0));
        let Meaning::Dns(meaning) = piece.meaning else { panic!("a DNS step") };
        let rows = meaning.answers.into_iter().map(|row| format!("{} {}", row.rtype, row.data)).collect();
        (piece.verb.to_string(), piece.code.to_string(), piece.verdict.expect("an answer has one"), rows)
    }

    #[test]
    fn outcomes_are_kept_apart() {
        use op::ResponseCode::{NXDomain, NoError, ServFail};
        let mx = |preference, host: &str| RData::MX(MX::new(preference, name(host)));
        let a = RData::A(A::new(192, 0, 2, 1));
        let words = |code, data: &[RData]| {
            let (verb, code, verdict, rows) = read(RecordType::MX, code, data);
            assert_eq!(verb, "MX");
            (code, verdict, rows)
        };
        let rows = |rows: &[&str]| rows.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>();
        let got = words(NoError, &[mx(10, "mx1.example.net."), mx(20, "mx2.example.net.")]);
        let want = rows(&["MX 10 mx1.example.net", "MX 20 mx2.example.net"]);
        assert_eq!(got, ("NOERROR".to_owned(), Verdict::Positive, want));
        let got = words(NoError, &[mx(0, ".")]);
        assert_eq!(got, ("NULL-MX".to_owned(), Verdict::Negative, rows(&["MX 0 ."])));
        assert_eq!(words(NoError, &[]), ("NODATA".to_owned(), Verdict::Neutral, rows(&[])));
        assert_eq!(words(NoError, &[a]).0, "NODATA");
        assert_eq!(words(NXDomain, &[]), ("NXDOMAIN".to_owned(), Verdict::Negative, rows(&[])));
        assert_eq!(words(ServFail, &[]), ("SERVFAIL".to_owned(), Verdict::Transient, rows(&[])));
    }

    #[test]
    fn a_cut_answer_says_so() {
        let mut reader = DnsReader::default();
        reader.read(Direction::Client, &query(9, RecordType::MX), false);
        let mut bytes = answer(9, RecordType::MX, op::ResponseCode::NoError, &[]);
        bytes[2] |= 0x02;
        let piece = reader.read(Direction::Server, &bytes, false).expect("an answer");
        assert_eq!((piece.code.as_str(), piece.verdict), ("TRUNCATED", Some(Verdict::Intermediate)));
    }

    #[test]
    fn answers_belong_to_their_questions() {
        let mut reader = DnsReader::default();
        let late = answer(8, RecordType::MX, op::ResponseCode::NoError, &[]);
        let piece = reader.read(Direction::Server, &late, false).expect("an answer");
        assert_eq!(piece.findings[0].id, "dns-unasked");
        reader.read(Direction::Client, &query(8, RecordType::A), false);
        let piece = reader.read(Direction::Server, &late, false).expect("an answer");
        assert_eq!(piece.findings[0].id, "dns-other-question");
        // FORMERR may come without the question: it is the one with that id.
        reader.read(Direction::Client, &query(8, RecordType::A), false);
        let formerr = b"\0\x08\x80\x01\0\0\0\0\0\0\0\0";
        let piece = reader.read(Direction::Server, formerr, false).expect("an answer");
        assert_eq!((piece.verb.as_str(), piece.code.as_str()), ("A", "FORMERR"));
    }

    #[test]
    fn over_tcp_a_message_is_whole_when_its_last_octet_is_there() {
        let message = query(5, RecordType::MX);
        let mut stream = (message.len() as u16).to_be_bytes().to_vec();
        stream.extend(&message);
        for cut_at in 0..stream.len() {
            assert!(DnsReader::new(true).read(Direction::Client, &stream[..cut_at], false).is_none());
        }
        let len = stream.len();
        stream.extend(b"\0");
        let piece = DnsReader::new(true).read(Direction::Client, &stream, false).expect("a query");
        assert_eq!((piece.len, piece.kind), (len, Kind::Query));
        assert_eq!(piece.parts[0].name, "length");
        let qname = piece.parts.iter().find_map(|part| part.find("qname")).expect("a name");
        assert_eq!(qname.span.of(&stream), b"\x07example\x03net\0");
        let piece = DnsReader::new(true).read(Direction::Client, &stream[..len - 1], true).expect("the rest");
        assert_eq!((piece.kind, piece.len, piece.findings[0].id), (Kind::Unparsed, len - 1, "dns-short"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_become_pieces_to_the_last(bytes in prop::collection::vec(any::<u8>(), 1..200), tcp in any::<bool>()) {
            let mut reader = DnsReader::new(tcp);
            let mut at = 0;
            while at < bytes.len() {
                let piece = reader.read(Direction::Server, &bytes[at..], true).expect("ended: everything becomes pieces");
                prop_assert!(piece.len > 0 && at + piece.len <= bytes.len());
                at += piece.len;
            }
        }
    }
}
