//! What the notes on the DNS say only here: which name was asked for, which MX is tried first, what a text record is
//! for (RFC 5321 §5.1, RFC 7208 §4.5, RFC 6376 §3.6.1, RFC 9989 §4.7).

use super::context::Extra;
use super::template::Vars;
use super::{dns_parts, facts};
use crate::dissect::dns::DnsMeaning;
use crate::dissect::{Kind, Meaning, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many names are remembered, with what named them.
const MAX_NAMED: usize = 4096;

/// Why somebody would look for a name's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// An MX record named the host.
    Mx,
    /// An SRV record named it, with this port.
    Srv(u16),
    /// The domain has no MX record: its own address counts (RFC 5321 §5.1).
    Itself,
}

/// What the DNS told whom: who asks, and a name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<(String, String), Named>);

impl Memory {
    fn keep(&mut self, client: &str, name: &str, named: Named) {
        if self.0.len() >= MAX_NAMED {
            self.0.pop_first();
        }
        self.0.insert((client.to_owned(), key(name)), named);
    }

    /// What an answer names.
    fn learn(&mut self, client: &str, step: &Step, dns: &DnsMeaning) {
        if dns.qtype == "MX" && step.code == "NODATA" {
            self.keep(client, &dns.qname, Named::Itself);
        }
        for (_, exchange) in of_type(dns, "MX").filter_map(|data| data.split_once(' ')) {
            self.keep(client, exchange, Named::Mx);
        }
        for (port, target) in of_type(dns, "SRV").filter_map(service) {
            self.keep(client, target, Named::Srv(port));
        }
    }
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Port and target of `priority weight port target` (RFC 2782).
fn service(data: &str) -> Option<(u16, &str)> {
    let mut words = data.split(' ').skip(2);
    Some((words.next()?.parse().ok()?, words.next()?))
}

/// How text records begin that matter to mail, and the sentence about each.
const TEXTS: [(&str, &str); 3] = [("v=spf1", "txt-spf"), ("v=DKIM1", "txt-dkim"), ("v=DMARC1", "txt-dmarc")];

/// The name that a message asks for, in lower case (RFC 1035 §4.1.2).
pub(super) fn question(step: &Step) -> Option<String> {
    match &step.meaning {
        Meaning::Dns(dns) if !dns.qname.is_empty() => Some(dns.qname.to_ascii_lowercase()),
        _ => None,
    }
}

/// Say what the message means here, to the host that asks.
pub(super) fn context(memory: &mut Memory, client: &str, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let Meaning::Dns(dns) = &step.meaning else { return };
    if !dns.qname.is_empty() {
        vars.set("domain", &dns.qname);
    }
    if !dns.qtype.is_empty() {
        vars.set("type", &dns.qtype);
    }
    dns_parts::compact(step, dns, extra);
    if step.kind == Kind::Query {
        why_address(memory.0.get(&(client.to_owned(), key(&dns.qname))), &dns.qtype, vars, extra);
    }
    if step.kind != Kind::Answer {
        return;
    }
    memory.learn(client, step, dns);
    if step.code != "NOERROR" {
        return;
    }
    if dns.qtype == "SRV" && of_type(dns, "SRV").all(|data| service(data).is_none_or(|(_, host)| host == "."))
    {
        extra.instead("dns.answer.SRV.none");
    }
    addresses(dns, vars, extra);
    preferences(dns, vars, extra);
    texts(dns, vars, extra);
    if let Some(row) = dns.answers.first() {
        vars.set("wait", facts::duration(Duration::from_secs(u64::from(row.ttl))));
        extra.say("ttl", vars);
    }
}

/// An address is looked up for a reason: what named the host says which.
fn why_address(named: Option<&Named>, qtype: &str, vars: &mut Vars, extra: &mut Extra) {
    let (Some(named), "A" | "AAAA") = (named, qtype) else { return };
    let reason = match named {
        Named::Mx => "mx",
        Named::Srv(port) => {
            vars.count("port", u64::from(*port));
            "srv"
        }
        Named::Itself => "implicit-mx",
    };
    extra.instead(format!("dns.query.{qtype}.{reason}"));
}

/// The addresses that were told, and the name behind which they stand.
fn addresses(dns: &DnsMeaning, vars: &mut Vars, extra: &mut Extra) {
    let told: Vec<&str> = of_type(dns, &dns.qtype).collect();
    if matches!(dns.qtype.as_str(), "A" | "AAAA" | "PTR" | "NS") && !told.is_empty() {
        vars.set("answer", told.join(", "));
        extra.say("told", vars);
    }
    let offered: Vec<String> = of_type(dns, "SRV")
        .filter_map(service)
        .filter(|(_, host)| *host != ".")
        .map(|(port, host)| format!("{host}, port {port}"))
        .collect();
    if dns.qtype == "SRV" && !offered.is_empty() {
        vars.set("answer", offered.join("; "));
        extra.say("told-srv", vars);
    }
    if dns.qtype != "CNAME"
        && let Some(alias) = of_type(dns, "CNAME").next()
    {
        vars.set("name", alias);
        extra.say("alias", vars);
    }
}

/// "MX records contain a preference indication that MUST be used in sorting … Lower numbers are more preferred than
/// higher ones" (RFC 5321 §5.1).
fn preferences(dns: &DnsMeaning, vars: &mut Vars, extra: &mut Extra) {
    let read = |data: &str| -> Option<(u64, String)> {
        let (preference, exchange) = data.split_once(' ')?;
        Some((preference.parse().ok()?, exchange.to_owned()))
    };
    let mut all: Vec<_> = of_type(dns, "MX").filter_map(read).collect();
    all.sort_by_key(|(preference, _)| *preference);
    let Some((lowest, exchange)) = all.first() else { return };
    vars.set("name", exchange).count("number", *lowest).count("count", all.len() as u64);
    let shared = all.iter().filter(|(preference, _)| preference == lowest).count();
    match (all.len(), shared) {
        (1, _) => extra.say("mx-only", vars),
        (_, 1) => extra.say("mx-winner", vars),
        _ => extra.say("mx-share", vars),
    }
}

fn texts(dns: &DnsMeaning, vars: &Vars, extra: &mut Extra) {
    for data in of_type(dns, "TXT").take(50) {
        let text = data.trim_start_matches('"');
        let known = TEXTS.iter().find(|(begins, _)| {
            text.get(..begins.len()).is_some_and(|start| start.eq_ignore_ascii_case(begins))
        });
        if let Some((_, key)) = known {
            extra.say(key, vars);
        }
    }
}

fn of_type<'a>(dns: &'a DnsMeaning, rtype: &'a str) -> impl Iterator<Item = &'a str> {
    dns.answers.iter().filter(move |row| row.rtype == rtype).map(|row| row.data.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::step;
    use super::super::{Explainer, Note};
    use super::*;
    use crate::dissect::Protocol;
    use crate::dissect::dns::Row;

    /// What is said about an answer to `example.net` of this type with these records.
    fn note(rtype: &str, code: &str, data: &[&str]) -> Note {
        Explainer::default().note(&message(Kind::Answer, "example.net", rtype, code, data))
    }

    fn message(kind: Kind, name: &str, rtype: &str, code: &str, data: &[&str]) -> Step {
        let mut step = step(Protocol::Dns, kind, rtype, code);
        let row = |data: &&str| Row {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            ttl: 3600,
            data: (*data).to_owned(),
        };
        step.meaning = Meaning::Dns(DnsMeaning {
            qname: name.to_owned(),
            qtype: rtype.to_owned(),
            answers: data.iter().map(row).collect(),
            ..DnsMeaning::default()
        });
        step
    }

    #[test]
    fn the_lowest_preference_is_named() {
        let note = note("MX", "NOERROR", &["20 mx2.example.net", "10 mx1.example.net"]);
        assert_eq!(note.id, "dns.answer.MX");
        assert!(note.summary.contains("example.net"), "{}", note.summary);
        assert!(note.detail.contains("mx1.example.net, with 10"), "{}", note.detail);
        assert!(note.detail.contains("60 minutes"), "{}", note.detail);
    }

    #[test]
    fn an_empty_answer_and_a_null_mx_are_told_apart() {
        assert_eq!(note("MX", "NODATA", &[]).id, "dns.NODATA.MX");
        assert_eq!(note("TXT", "NODATA", &[]).id, "dns.NODATA");
        assert_eq!(note("AAAA", "NODATA", &[]).id, "dns.NODATA.AAAA");
        assert_eq!(note("MX", "NULL-MX", &["0 ."]).id, "dns.NULL-MX");
    }

    /// What is said about a question for an address of this name, once an answer of this type has come.
    fn asked_after(rtype: &str, code: &str, data: &[&str], name: &str) -> Vec<Note> {
        let mut explainer = Explainer::default();
        explainer.observe(&super::super::testing::opened(53));
        explainer.note(&message(Kind::Answer, "example.net", rtype, code, data));
        let ask = |rtype| message(Kind::Query, name, rtype, "", &[]);
        vec![explainer.note(&ask("A")), explainer.note(&ask("AAAA"))]
    }

    #[test]
    fn an_address_is_looked_up_for_a_reason() {
        let ids = |notes: Vec<Note>| notes.into_iter().map(|n| n.id).collect::<Vec<_>>();
        let found = asked_after("MX", "NOERROR", &["10 mx1.example.net"], "mx1.example.net");
        assert_eq!(ids(found), ["dns.query.A.mx", "dns.query.AAAA.mx"]);
        let found = asked_after("MX", "NODATA", &[], "example.net");
        assert_eq!(ids(found), ["dns.query.A.implicit-mx", "dns.query.AAAA.implicit-mx"]);
        let found = asked_after("SRV", "NOERROR", &["0 1 587 mail.example.net"], "mail.example.net");
        assert!(found[0].next.contains("587") && !found[0].next.contains("25"), "{:?}", found[0]);
        assert_eq!(ids(found), ["dns.query.A.srv", "dns.query.AAAA.srv"]);
        let found = asked_after("MX", "NOERROR", &["10 mx1.example.net"], "www.example.net");
        assert!(!format!("{found:?}").contains("25"), "{found:?}");
        assert_eq!(ids(found), ["dns.query.A", "dns.query.AAAA"]);
    }

    #[test]
    fn a_service_may_be_refused() {
        assert_eq!(note("SRV", "NOERROR", &["0 0 0 ."]).id, "dns.answer.SRV.none");
        let note = note("SRV", "NOERROR", &["0 1 143 imap.example.net"]);
        assert!(note.detail.contains("imap.example.net, port 143"), "{}", note.detail);
    }

    #[test]
    fn the_use_of_a_text_is_told() {
        let note = note("TXT", "NOERROR", &["\"v=spf1 mx -all\"", "\"hello\""]);
        assert!(note.detail.contains("SPF"), "{}", note.detail);
    }
}
