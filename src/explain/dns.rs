//! What the notes on the DNS say only here: which name was asked for, which MX is tried first, what a text record is
//! for (RFC 5321 §5.1, RFC 7208 §4.5, RFC 6376 §3.6.1, RFC 7489 §6.3).

use super::context::Extra;
use super::facts;
use super::template::Vars;
use crate::dissect::dns::DnsMeaning;
use crate::dissect::{Kind, Meaning, Step};
use std::time::Duration;

/// How text records begin that matter to mail, and the sentence about each.
const TEXTS: [(&str, &str); 3] = [("v=spf1", "txt-spf"), ("v=DKIM1", "txt-dkim"), ("v=DMARC1", "txt-dmarc")];

/// The name that a message asks for, in lower case (RFC 1035 §4.1.2).
pub(super) fn question(step: &Step) -> Option<String> {
    match &step.meaning {
        Meaning::Dns(dns) if !dns.qname.is_empty() => Some(dns.qname.to_ascii_lowercase()),
        _ => None,
    }
}

/// Say what the message means here.
pub(super) fn context(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let Meaning::Dns(dns) = &step.meaning else { return };
    if !dns.qname.is_empty() {
        vars.set("domain", &dns.qname);
    }
    if !dns.qtype.is_empty() {
        vars.set("type", &dns.qtype);
    }
    if step.kind != Kind::Answer || step.code != "NOERROR" {
        return;
    }
    addresses(dns, vars, extra);
    preferences(dns, vars, extra);
    texts(dns, vars, extra);
    if let Some(row) = dns.answers.first() {
        vars.set("wait", facts::duration(Duration::from_secs(u64::from(row.ttl))));
        extra.say("ttl", vars);
    }
}

/// The addresses that were told, and the name behind which they stand.
fn addresses(dns: &DnsMeaning, vars: &mut Vars, extra: &mut Extra) {
    let told: Vec<&str> = of_type(dns, &dns.qtype).collect();
    if matches!(dns.qtype.as_str(), "A" | "AAAA" | "PTR" | "SRV" | "NS") && !told.is_empty() {
        vars.set("answer", told.join(", "));
        extra.say("told", vars);
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
        let mut step = step(Protocol::Dns, Kind::Answer, rtype, code);
        let row = |data: &&str| Row {
            name: "example.net".to_owned(),
            rtype: rtype.to_owned(),
            ttl: 3600,
            data: (*data).to_owned(),
        };
        step.meaning = Meaning::Dns(DnsMeaning {
            qname: "example.net".to_owned(),
            qtype: rtype.to_owned(),
            answers: data.iter().map(row).collect(),
            ..DnsMeaning::default()
        });
        Explainer::default().note(&step)
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
        assert_eq!(note("MX", "NODATA", &[]).id, "dns.NODATA");
        assert_eq!(note("AAAA", "NODATA", &[]).id, "dns.NODATA.AAAA");
        assert_eq!(note("MX", "NULL-MX", &["0 ."]).id, "dns.NULL-MX");
    }

    #[test]
    fn the_use_of_a_text_is_told() {
        let note = note("TXT", "NOERROR", &["\"v=spf1 mx -all\"", "\"hello\""]);
        assert!(note.detail.contains("SPF"), "{}", note.detail);
    }
}
