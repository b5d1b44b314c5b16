//! A DNS message in words, for bytes that nobody can read: the question, or what the answer says.

use super::page::Label;
use super::wire::{self, WireLines};
use crate::dissect::dns::{DnsMeaning, Row};
use crate::dissect::{Kind, Meaning, Step};

/// As in `example.net MX?`, or one line a record: `example.net MX 10 mx1.example.net`. Names come off a wire and
/// are escaped on their way into the lines.
pub fn lines(step: &Step, label: Label) -> WireLines {
    match &step.meaning {
        Meaning::Dns(dns) if step.kind == Kind::Query => {
            wire::words(label, &[format!("{} {}?", dns.qname, dns.qtype)])
        }
        Meaning::Dns(dns) => wire::words(label, &answer(dns)),
        _ => wire::words(label, &[format!("{} bytes of DNS that cannot be read", step.bytes.len())]),
    }
}

/// The answer section; where it is empty, why.
fn answer(dns: &DnsMeaning) -> Vec<String> {
    let mut out: Vec<String> = dns.answers.iter().map(row).collect();
    if dns.rcode != "NOERROR" {
        out.insert(0, format!("{} {}: {}", dns.qname, dns.qtype, dns.rcode));
    } else if out.is_empty() {
        out.push(format!("{} {}: the name is there, without such a record", dns.qname, dns.qtype));
    }
    if dns.truncated {
        out.push("(cut to fit a datagram: ask again by TCP)".to_owned());
    }
    out.extend(dns.additionals.iter().map(|r| format!("+ {}", row(r))));
    out
}

fn row(row: &Row) -> String {
    format!("{} {} {}", row.name, row.rtype, row.data)
}
