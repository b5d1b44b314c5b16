//! What TLS's notes say only here: the name that is called, the versions, the choice (RFC 8446 §4.1, RFC 6066 §3).

use super::context::Extra;
use super::template::Vars;
use crate::dissect::tls::{Certificate, ClientHello, ServerHello, TlsMeaning};
use crate::dissect::{Meaning, Step};

/// How many names of a list stand in a sentence.
const MOST: usize = 6;

pub(super) fn context(step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let Meaning::Tls(meaning) = &step.meaning else { return };
    match meaning {
        TlsMeaning::ClientHello(hello) => client_hello(hello, vars, extra),
        TlsMeaning::ServerHello(ServerHello { version, suite, protocol, retry }) => {
            vars.set("detail", version).set("mechanism", suite);
            if *retry {
                extra.instead("tls.SERVER-HELLO.retry");
            }
            if let Some(protocol) = protocol {
                vars.set("service", protocol);
                extra.say("tls-alpn", vars);
            }
        }
        TlsMeaning::Certificate(Certificate { count, names }) => {
            if !names.is_empty() {
                vars.set("answer", list(names)).count("count", *count as u64);
                extra.say("tls-certificate", vars);
            }
        }
        TlsMeaning::Alert { fatal, what } => {
            vars.set("reason", if *fatal { format!("{what}, fatal") } else { what.clone() });
        }
        TlsMeaning::Carrier => extra.instead("tls.APPLICATION-DATA.carrier"),
        TlsMeaning::Encrypted => extra.instead(format!("tls.{}.encrypted", step.verb)),
    }
}

fn client_hello(hello: &ClientHello, vars: &mut Vars, extra: &mut Extra) {
    match &hello.server_name {
        Some(name) => {
            vars.set("domain", name);
            extra.say("tls-sni", vars);
        }
        None => extra.say("tls-no-sni", vars),
    }
    vars.set("detail", list(&hello.versions)).count("count", hello.suites as u64);
    extra.say("tls-offers", vars);
    if !hello.protocols.is_empty() {
        vars.set("service", list(&hello.protocols));
        extra.say("tls-alpn", vars);
    }
}

fn list(names: &[String]) -> String {
    let mut shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        shown += ", …";
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::Explainer;
    use super::super::testing::step;
    use super::*;
    use crate::dissect::{Kind, Protocol};

    fn note(verb: &str, meaning: TlsMeaning) -> super::super::Note {
        let mut told = step(Protocol::Tls, Kind::Unparsed, verb, "");
        told.meaning = Meaning::Tls(meaning);
        Explainer::default().note(&told)
    }

    #[test]
    fn names_and_versions_are_told_and_what_a_name_holds_does_nothing() {
        let hello = ClientHello {
            server_name: Some("mail.example.com\u{1b}[2J\u{202e}".to_owned()),
            versions: vec!["TLS 1.3".to_owned(), "TLS 1.2".to_owned()],
            protocols: vec!["imap".to_owned()],
            suites: 3,
        };
        let told = note("CLIENT-HELLO", TlsMeaning::ClientHello(hello));
        assert_eq!(told.id, "tls.CLIENT-HELLO");
        for words in ["mail.example.com", "TLS 1.3, TLS 1.2", "3 cipher suites", "imap"] {
            assert!(told.detail.contains(words), "{}", told.detail);
        }
        assert!(!told.detail.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn what_is_encrypted_is_not_taken_for_what_it_calls_itself() {
        assert_eq!(note("HANDSHAKE", TlsMeaning::Encrypted).id, "tls.HANDSHAKE.encrypted");
        assert_eq!(note("ALERT", TlsMeaning::Encrypted).id, "tls.ALERT.encrypted");
        let alert = TlsMeaning::Alert { fatal: true, what: "handshake_failure".to_owned() };
        assert_eq!(note("ALERT", alert).summary, "an alert in the clear: handshake_failure, fatal");
    }
}
