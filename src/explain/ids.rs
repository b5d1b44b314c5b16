//! Which entries of the catalogue fit a Step, the most specific first.
//!
//! The order is the one that [`super::note::Entry`] documents: `smtp.RCPT.550 5.1.1`, `smtp.RCPT.550`,
//! `smtp.550 5.1.1`, `smtp.550`. The last resort, `smtp.generic`, is a gap in the catalogue and a failed test.

use crate::dissect::{Kind, Protocol, Step, Verdict};
use crate::trace::{CloseHow, Direction, Missing};

/// The finding that makes a letter one without an end.
pub(super) const CUT_SHORT: &str = "message-cut-short";

/// The ids to look for, in order. `port` is the server's, where it is known.
pub fn of(step: &Step, port: Option<u16>) -> Vec<String> {
    let protocol = step.protocol.name();
    let mut ids = match (step.kind, step.protocol) {
        (Kind::Open, _) => open(step.protocol, port),
        (Kind::Close, _) => close(step, port),
        (Kind::Query, _) => vec![format!("dns.query.{}", step.verb), "dns.query".to_owned()],
        (Kind::Answer, _) => answer(step),
        (Kind::Greeting, _) => reply(protocol, "CONNECT", &step.code),
        (Kind::Reply, Protocol::Imap) if is_go_ahead(step) => go_ahead(step),
        (Kind::Reply, _) => reply(protocol, verb_answered(step), &step.code),
        (Kind::Untagged, _) => untagged(step),
        (Kind::Data, _) => data(step),
        (Kind::Continuation, _) => continuation(step),
        (Kind::Command, _) => command(step),
        (Kind::Unparsed, _) => Vec::new(),
        (Kind::Gap, _) => gap(step),
    };
    if step.protocol == Protocol::Tls {
        ids.extend((!step.verb.is_empty()).then(|| format!("tls.{}", step.verb)));
        ids.push("tls.record".to_owned());
    }
    if step.kind == Kind::Unparsed {
        ids.extend([format!("{protocol}.unparsed"), "unparsed".to_owned()]);
    }
    ids.extend([format!("{protocol}.generic"), "generic".to_owned()]);
    ids
}

/// A letter, or a block of one; a letter whose end never came is another thing.
fn data(step: &Step) -> Vec<String> {
    let protocol = step.protocol.name();
    let cut_short = step.findings.iter().any(|f| f.id == CUT_SHORT);
    let mut ids = Vec::from_iter(cut_short.then(|| format!("{protocol}.message.cut-short")));
    ids.extend([format!("{protocol}.{}.data", step.verb), format!("{protocol}.message")]);
    ids
}

fn open(protocol: Protocol, port: Option<u16>) -> Vec<String> {
    let by_protocol = match protocol {
        Protocol::Dns => Some(53),
        _ => None,
    };
    let mut ids: Vec<_> = port.or(by_protocol).map(|p| format!("tcp.open.{p}")).into_iter().collect();
    ids.push("tcp.open".to_owned());
    ids
}

/// How it ended; a question in a datagram that got no answer is no broken connection.
fn close(step: &Step, port: Option<u16>) -> Vec<String> {
    let how = match &step.meaning {
        crate::dissect::Meaning::Close(CloseHow::Reset) => "reset",
        crate::dissect::Meaning::Close(CloseHow::Refused) => "refused",
        crate::dissect::Meaning::Close(CloseHow::Timeout) => "timeout",
        crate::dissect::Meaning::Close(CloseHow::LetGo) => "let-go",
        _ => "fin",
    };
    let ordinary = format!("tcp.close.{how}");
    if how == "timeout" && (step.protocol == Protocol::Dns || port == Some(53)) {
        return vec!["dns.timeout".to_owned(), ordinary];
    }
    let service = match how {
        "fin" => port.and_then(service),
        // Only between servers is there another MX, and a queue.
        _ => (port == Some(25)).then_some("smtp"),
    };
    let mut ids = Vec::from_iter(service.map(|service| format!("{ordinary}.{service}")));
    ids.push(ordinary);
    ids
}

/// What is spoken on a port.
fn service(port: u16) -> Option<&'static str> {
    match port {
        25 | 465 | 587 | 2525 => Some("smtp"),
        110 | 995 => Some("pop3"),
        143 | 993 => Some("imap"),
        _ => None,
    }
}

/// Missing bytes are explained by why they are missing, whatever is spoken.
fn gap(step: &Step) -> Vec<String> {
    let why = match &step.meaning {
        crate::dissect::Meaning::Gap(_, Missing::Before) => "before",
        crate::dissect::Meaning::Gap(_, Missing::Cut) => "cut",
        crate::dissect::Meaning::Gap(_, Missing::LetGo) => "let-go",
        _ => "lost",
    };
    vec![format!("gap.{why}")]
}

fn answer(step: &Step) -> Vec<String> {
    let mut ids = Vec::new();
    if !step.code.is_empty() {
        ids.push(format!("dns.{}.{}", step.code, step.verb));
        ids.push(format!("dns.{}", step.code));
    }
    if step.code.is_empty() || step.code == "NOERROR" {
        ids.push(format!("dns.answer.{}", step.verb));
        ids.push("dns.answer".to_owned());
    }
    ids
}

/// The reply after the message's last dot answers no verb; its entries are keyed by `message`.
fn verb_answered(step: &Step) -> &str {
    match (step.protocol, step.verb.as_str()) {
        (Protocol::Smtp, ".") => "message",
        (_, verb) => verb,
    }
}

fn reply(protocol: &str, verb: &str, code: &str) -> Vec<String> {
    let short = code.split(' ').next().unwrap_or_default();
    let mut ids = Vec::new();
    let verbs = [verb, verb.strip_prefix("UID ").unwrap_or(verb)];
    let verbs = verbs.iter().take(if verbs[0] == verbs[1] { 1 } else { 2 });
    let by_verb =
        |code: &str| verbs.clone().map(|verb| format!("{protocol}.{verb}.{code}")).collect::<Vec<_>>();
    ids.extend(by_verb(code));
    if protocol == "smtp" || verb == "CONNECT" {
        ids.extend(by_verb(short));
        ids.push(format!("{protocol}.{code}"));
    } else {
        // A response code says more than the verb that it came to: IN-USE, TRYCREATE, OVERQUOTA.
        ids.extend((code != short).then(|| format!("{protocol}.{code}")));
        ids.extend(by_verb(short));
    }
    ids.push(format!("{protocol}.{short}"));
    ids
}

fn is_go_ahead(step: &Step) -> bool {
    step.verdict == Some(Verdict::Intermediate) || step.code == "+"
}

fn go_ahead(step: &Step) -> Vec<String> {
    vec![format!("imap.{}.continuation", step.verb), "imap.continuation".to_owned()]
}

/// IMAP's untagged data are keyed by their own name; a status response by it and its response code.
fn untagged(step: &Step) -> Vec<String> {
    let protocol = step.protocol.name();
    let mut ids = Vec::new();
    for name in [step.code.as_str(), step.verb.as_str()] {
        if !name.is_empty() {
            ids.push(format!("{protocol}.untagged.{name}"));
            ids.extend(name.split_once(' ').map(|(first, _)| format!("{protocol}.untagged.{first}")));
        }
    }
    ids.push(format!("{protocol}.untagged"));
    ids
}

fn continuation(step: &Step) -> Vec<String> {
    let protocol = step.protocol.name();
    let side = if step.from == Direction::Client { "response" } else { "continuation" };
    vec![
        format!("{protocol}.{}.{side}", step.verb),
        format!("{protocol}.{side}"),
        format!("{protocol}.{}", step.verb),
    ]
}

fn command(step: &Step) -> Vec<String> {
    let protocol = step.protocol.name();
    let mut ids = vec![format!("{protocol}.{}", step.verb)];
    ids.extend(step.verb.strip_prefix("UID ").map(|verb| format!("{protocol}.{verb}")));
    ids.push(format!("{protocol}.unknown-command"));
    ids
}

#[cfg(test)]
mod tests {
    use super::super::testing::step;
    use super::*;

    #[test]
    fn the_specific_comes_before_the_general() {
        let ids = of(&step(Protocol::Smtp, Kind::Reply, "RCPT", "550 5.1.1"), None);
        let want =
            ["smtp.RCPT.550 5.1.1", "smtp.RCPT.550", "smtp.550 5.1.1", "smtp.550", "smtp.generic", "generic"];
        assert_eq!(ids, want);
    }

    #[test]
    fn every_kind_has_its_own_ids() {
        let first = |p, k, v: &str, c: &str| of(&step(p, k, v, c), Some(587)).swap_remove(0);
        assert_eq!(first(Protocol::Tcp, Kind::Open, "", ""), "tcp.open.587");
        assert_eq!(first(Protocol::Smtp, Kind::Greeting, "", "220"), "smtp.CONNECT.220");
        assert_eq!(first(Protocol::Pop3, Kind::Greeting, "", "+OK"), "pop3.CONNECT.+OK");
        assert_eq!(first(Protocol::Smtp, Kind::Data, "DATA", ""), "smtp.DATA.data");
        assert_eq!(first(Protocol::Smtp, Kind::Reply, ".", "250 2.0.0"), "smtp.message.250 2.0.0");
        assert_eq!(first(Protocol::Smtp, Kind::Continuation, "AUTH", ""), "smtp.AUTH.response");
        assert_eq!(first(Protocol::Imap, Kind::Untagged, "EXISTS", ""), "imap.untagged.EXISTS");
        assert_eq!(
            first(Protocol::Imap, Kind::Untagged, "", "OK UIDVALIDITY"),
            "imap.untagged.OK UIDVALIDITY"
        );
        assert_eq!(first(Protocol::Imap, Kind::Command, "UID FETCH", ""), "imap.UID FETCH");
        assert_eq!(first(Protocol::Dns, Kind::Query, "MX", ""), "dns.query.MX");
        assert_eq!(first(Protocol::Tcp, Kind::Close, "", ""), "tcp.close.fin.smtp");
        let mut close = step(Protocol::Dns, Kind::Close, "", "");
        close.meaning = crate::dissect::Meaning::Close(CloseHow::Timeout);
        assert_eq!(of(&close, Some(53))[0], "dns.timeout");
        assert!(
            of(&step(Protocol::Dns, Kind::Answer, "MX", "NOERROR"), None)
                .contains(&"dns.answer.MX".to_owned())
        );
        assert!(
            of(&step(Protocol::Dns, Kind::Answer, "MX", "NXDOMAIN"), None)
                .contains(&"dns.NXDOMAIN".to_owned())
        );
    }
}
