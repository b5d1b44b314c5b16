//! The DNS server: a query's bytes in, an answer's bytes out (RFC 1035 §4, RFC 2308, RFC 6891).
//!
//! It stands in for the whole DNS. For the scenario's zones it is the authority (AA is set); for its clients it is
//! the resolver that they ask (RA is set). A name in no zone does not exist anywhere in this small internet, so the
//! answer is NXDOMAIN in the name of the root, without AA, where a server that is only an authority would say
//! REFUSED. Messages are hickory's; what is said, and how it fails, is ours.

use crate::trace::Transport;
use crate::world::zones::{Failure, Zone, Zones};
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// "Messages carried by UDP are restricted to 512 bytes" (RFC 1035 §4.2.1), unless the query says more by EDNS.
const UDP_LIMIT: usize = 512;
/// What the server says that it takes by UDP.
const OWN_PAYLOAD: u16 = 1232;
/// CNAMEs that are followed before the chain is held to be a loop.
const CHAIN_LIMIT: usize = 8;
/// The header, without which there is nobody to answer.
const HEADER: usize = 12;

/// The answer to one query message, `at_s` seconds after the story's start; `None` is silence.
///
/// Neither side has the two length octets that go before a message in TCP (RFC 1035 §4.2.2).
pub fn answer(zones: &Zones, query: &[u8], transport: Transport, at_s: u64) -> Option<Vec<u8>> {
    let header = query.get(..HEADER)?;
    let is_response = header[2] & 0x80 != 0;
    if is_response {
        return None;
    }
    let Ok(request) = Message::from_vec(query) else {
        return bare(header, ResponseCode::FormErr).to_vec().ok();
    };
    let mut reply = Message::response(request.metadata.id, request.metadata.op_code);
    reply.metadata.recursion_desired = request.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.add_queries(request.queries.iter().cloned());
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(OWN_PAYLOAD);
        reply.set_edns(edns);
    }
    match refusal(&request) {
        Some(code) => {
            reply.metadata.response_code = code;
        }
        None => {
            let question = request.queries.first()?;
            match zones.failure(question.name(), at_s) {
                Some(Failure::Silent) => return None,
                Some(Failure::ServFail) => reply.metadata.response_code = ResponseCode::ServFail,
                None => fill(zones, question, &mut reply),
            }
        }
    }
    let limit = match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => request.edns.as_ref().map_or(0, |e| usize::from(e.max_payload())).max(UDP_LIMIT),
    };
    fitted(reply, limit)
}

/// The header of a reply to something that cannot be read.
fn bare(header: &[u8], code: ResponseCode) -> Message {
    let id = u16::from_be_bytes([header[0], header[1]]);
    let mut reply = Message::error_msg(id, OpCode::from_u8((header[2] >> 3) & 0x0f), code);
    reply.metadata.recursion_desired = header[2] & 1 != 0;
    reply.metadata.recursion_available = true;
    reply
}

/// Why a message that can be read is not answered from the zones.
fn refusal(request: &Message) -> Option<ResponseCode> {
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Some(ResponseCode::BADVERS);
    }
    if request.metadata.op_code != OpCode::Query || request.metadata.message_type != MessageType::Query {
        return Some(ResponseCode::NotImp);
    }
    let [question] = request.queries.as_slice() else { return Some(ResponseCode::FormErr) };
    let transfers = [RecordType::AXFR, RecordType::IXFR];
    let refused = question.query_class() != DNSClass::IN || transfers.contains(&question.query_type());
    refused.then_some(ResponseCode::Refused)
}

/// Look a question up, following CNAMEs from zone to zone (RFC 1034 §4.3.2).
fn fill(zones: &Zones, question: &Query, reply: &mut Message) {
    let mut name = question.name().clone();
    for hop in 0..=CHAIN_LIMIT {
        let Some(zone) = zones.zone_of(&name) else {
            reply.metadata.response_code = ResponseCode::NXDomain;
            reply.add_authority(zones.root_soa().clone());
            return;
        };
        if hop == 0 {
            reply.metadata.authoritative = true;
        }
        // A wildcard's records answer under the name that was asked for.
        let source = if zone.exists(&name) { Some(name.clone()) } else { zone.wildcard(&name) };
        let Some(source) = source else { return deny(zone, ResponseCode::NXDomain, reply) };
        let found = records(zone, &source, question.query_type(), &name);
        if !found.is_empty() {
            add_additional(zones, &found, reply);
            reply.add_answers(found);
            return;
        }
        let alias = records(zone, &source, RecordType::CNAME, &name);
        let Some(RData::CNAME(target)) = alias.first().map(|record| record.data.clone()) else {
            return deny(zone, ResponseCode::NoError, reply);
        };
        reply.add_answers(alias);
        name = target.0;
    }
    reply.answers.clear();
    reply.metadata.response_code = ResponseCode::ServFail;
}

/// Copies of the records of `source`, under the name as it was asked for: its case comes back (RFC 4343 §4.1).
fn records(zone: &Zone, source: &Name, rtype: RecordType, asked: &Name) -> Vec<Record> {
    let copy = |record: &Record| {
        let mut record = record.clone();
        record.name = asked.clone();
        record
    };
    zone.get(source, rtype).map(copy).collect()
}

/// "No such name", or "no such type of data here": both with the zone's SOA (RFC 2308 §2).
fn deny(zone: &Zone, code: ResponseCode, reply: &mut Message) {
    reply.metadata.response_code = code;
    reply.add_authorities(zone.negative_soa());
}

/// The addresses of the hosts that MX, SRV and NS records name: the asker will want them next (RFC 1035 §3.3.9).
fn add_additional(zones: &Zones, answers: &[Record], reply: &mut Message) {
    for record in answers {
        let host = match &record.data {
            RData::MX(mx) => &mx.exchange,
            RData::SRV(srv) => &srv.target,
            RData::NS(ns) => &ns.0,
            _ => continue,
        };
        let Some(zone) = zones.zone_of(host) else { continue };
        for rtype in [RecordType::A, RecordType::AAAA] {
            for address in zone.get(host, rtype) {
                if !reply.additionals.contains(address) {
                    reply.add_additional(address.clone());
                }
            }
        }
    }
}

/// The message in at most `limit` bytes. What is only helpful goes first, without a word (RFC 2181 §9); where the
/// answer itself does not fit, TC asks for TCP.
fn fitted(mut reply: Message, limit: usize) -> Option<Vec<u8>> {
    let whole = reply.to_vec().ok()?;
    if whole.len() <= limit {
        return Some(whole);
    }
    reply.additionals.clear();
    let bytes = reply.to_vec().ok()?;
    if bytes.len() <= limit {
        return Some(bytes);
    }
    reply.answers.clear();
    reply.authorities.clear();
    reply.metadata.truncation = true;
    reply.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::scenario::Scenario;

    /// Ask the server of a built-in scenario; the answer in words.
    fn ask(scenario: &str, name: &str, rtype: RecordType) -> String {
        let zones = Zones::from(&Scenario::builtin(scenario).expect("loads"));
        match answer(&zones, &query(name, rtype), Transport::Udp, 0) {
            Some(bytes) => words(&Message::from_vec(&bytes).expect("hickory reads its own")),
            None => "silence".to_owned(),
        }
    }

    fn query(name: &str, rtype: RecordType) -> Vec<u8> {
        let mut message = Message::query();
        message.metadata.id = 7;
        message.add_query(Query::query(Name::from_ascii(name).expect("a name"), rtype));
        message.to_vec().expect("a query")
    }

    fn words(message: &Message) -> String {
        let mut lines = vec![format!(
            "{:?}{}{}",
            message.metadata.response_code,
            if message.metadata.authoritative { " aa" } else { "" },
            if message.metadata.truncation { " tc" } else { "" },
        )];
        lines.extend(message.answers.iter().map(|r| format!("{} {} {}", r.name, r.record_type(), r.data)));
        lines.extend(
            message.authorities.iter().map(|r| format!("authority {} {} {}", r.ttl, r.name, r.record_type())),
        );
        lines.extend(message.additionals.iter().map(|r| format!("additional {} {}", r.name, r.data)));
        lines.join("\n")
    }

    #[test]
    fn mx_comes_with_the_addresses_of_its_hosts() {
        let want = "\
NoError aa
Example.NET. MX 10 mx1.example.net.
Example.NET. MX 20 mx2.example.net.
additional mx1.example.net. 203.0.113.25
additional mx1.example.net. 2001:db8:2::25
additional mx2.example.net. 203.0.113.26";
        assert_eq!(ask("journey", "Example.NET.", RecordType::MX), want);
    }

    #[test]
    fn no_such_name_and_no_such_data_are_told_apart() {
        let ask = |name: &str, rtype| ask("journey", name, rtype);
        assert_eq!(ask("mx9.example.net.", RecordType::A), "NXDomain aa\nauthority 300 example.net. SOA");
        assert_eq!(ask("mx2.example.net.", RecordType::AAAA), "NoError aa\nauthority 300 example.net. SOA");
        assert_eq!(ask("_tcp.example.net.", RecordType::A), "NoError aa\nauthority 300 example.net. SOA");
        assert_eq!(ask("example.edu.", RecordType::MX), "NXDomain\nauthority 900 . SOA");
    }

    #[test]
    fn each_preset_breaks_its_part() {
        let mx = |scenario: &str| ask(scenario, "example.net.", RecordType::MX);
        assert_eq!(mx("no-mx"), "NoError aa\nauthority 300 example.net. SOA");
        assert!(ask("no-mx", "example.net.", RecordType::A).contains("A 203.0.113.25"));
        assert_eq!(mx("null-mx"), "NoError aa\nexample.net. MX 0 .");
        assert_eq!(mx("nxdomain"), "NXDomain\nauthority 900 . SOA");
        assert_eq!(mx("dns-timeout"), "silence");
        assert!(ask("dns-timeout", "example.com.", RecordType::MX).starts_with("NoError"));
        let zones = Zones::from(&Scenario::builtin("dns-timeout").expect("loads"));
        let query = query("example.net.", RecordType::MX);
        assert!(answer(&zones, &query, Transport::Udp, 1799).is_none());
        assert!(answer(&zones, &query, Transport::Udp, 1800).is_some());
    }

    fn with_records(records: &[&str]) -> Zones {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.zones[1].records.extend(records.iter().map(|r| (*r).to_owned()));
        Zones::from(&Scenario::from_toml(&scenario.to_toml(), "test").unwrap_or_else(|e| panic!("{e}")))
    }

    fn read(zones: &Zones, query: &[u8], transport: Transport) -> Message {
        Message::from_vec(&answer(zones, query, transport, 0).expect("no silence")).expect("readable")
    }

    #[test]
    fn aliases_are_followed_and_loops_are_left() {
        let zones = with_records(&[
            "pop CNAME mx2",
            "a CNAME b",
            "b CNAME a",
            "*.any A 192.0.2.99",
            "gone CNAME x.invalid.",
        ]);
        let ask = |name: &str| words(&read(&zones, &query(name, RecordType::A), Transport::Udp));
        assert_eq!(
            ask("pop.example.net."),
            "NoError aa\npop.example.net. CNAME mx2.example.net.\nmx2.example.net. A 203.0.113.26"
        );
        assert_eq!(ask("a.example.net."), "ServFail aa");
        assert_eq!(ask("x.any.example.net."), "NoError aa\nx.any.example.net. A 192.0.2.99");
        assert_eq!(
            ask("gone.example.net."),
            "NXDomain aa\ngone.example.net. CNAME x.invalid.\nauthority 900 . SOA"
        );
    }

    #[test]
    fn what_does_not_fit_a_datagram_is_asked_for_again_by_tcp() {
        let long = format!("@ TXT \"{}\" \"{}\" \"{}\"", "a".repeat(250), "b".repeat(250), "c".repeat(250));
        let zones = with_records(&[&long]);
        let ask = query("example.net.", RecordType::TXT);
        let cut = read(&zones, &ask, Transport::Udp);
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        assert_eq!(read(&zones, &ask, Transport::Tcp).answers.len(), 1);
        let mut wide = Message::from_vec(&ask).expect("readable");
        wide.set_edns(Edns::new().set_max_payload(1232).clone());
        let whole = read(&zones, &wide.to_vec().expect("a query"), Transport::Udp);
        assert!(!whole.metadata.truncation && whole.edns.is_some());
    }

    #[test]
    fn odd_messages_get_the_code_that_says_so() {
        let zones = with_records(&[]);
        let good = query("example.net.", RecordType::MX);
        let code = |bytes: &[u8]| answer(&zones, bytes, Transport::Udp, 0).map(|reply| reply[3] & 0x0f);
        assert_eq!(code(&good), Some(0));
        assert_eq!(code(&good[..11]), None, "no header");
        assert_eq!(code(&good[..20]), Some(1), "FORMERR: cut short");
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(code(&with(2, 0x81)), None, "a response is not answered");
        assert_eq!(code(&with(2, 0x21)), Some(4), "NOTIMP: another opcode");
        assert_eq!(code(&with(good.len() - 1, 3)), Some(5), "REFUSED: class CHAOS");
        assert_eq!(code(&with(good.len() - 3, 252)), Some(5), "REFUSED: a zone transfer");
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_message_makes_it_panic(damage in proptest::collection::vec((0_usize..60, 0_u8..), 0..6), cut in 0_usize..80) {
            let zones = with_records(&[]);
            let mut bytes = query("mx1.example.net.", RecordType::MX);
            for (at, byte) in damage {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
            }
            bytes.truncate(cut);
            let _ = answer(&zones, &bytes, Transport::Udp, 0);
        }
    }
}
