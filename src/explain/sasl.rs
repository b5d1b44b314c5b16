//! What a SASL exchange says, without its secrets: PLAIN (RFC 4616 §2), LOGIN, CRAM-MD5 (RFC 2195 §2), SCRAM
//! (RFC 5802 §5); the same in SMTP's and POP3's AUTH and in IMAP's AUTHENTICATE.
//!
//! A student learns here that base64 hides nothing: who logs in is shown, the password never is.

use super::context::Extra;
use super::smtp::words;
use super::template::Vars;
use crate::base::escape;
use crate::dissect::{Kind, Protocol, Step};
use crate::trace::{Direction, Layer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What is kept of one exchange.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    mechanism: String,
    answers: u32,
}

impl Exchange {
    /// Whether the Step shows a password to everybody on the way: one that a reader of the wire needs no key for.
    pub(super) fn gives_away_password(&self, step: &Step) -> bool {
        let shown = match step.verb.as_str() {
            "PASS" | "LOGIN" => true,
            "AUTH" | "AUTHENTICATE" => matches!(self.mechanism.as_str(), "PLAIN" | "LOGIN"),
            _ => false,
        };
        shown && step.layer == Layer::Wire && step.from == Direction::Client && !step.secrets.is_empty()
    }
}

/// Take the Step in, and say what it means.
pub(super) fn context(exchange: &mut Exchange, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    if !matches!(step.verb.as_str(), "AUTH" | "AUTHENTICATE") {
        return;
    }
    match step.kind {
        Kind::Command => {
            let at = if step.protocol == Protocol::Imap { 2 } else { 1 };
            let mut rest = words(&step.bytes).skip(at);
            exchange.mechanism = escape::line(rest.next().unwrap_or_default()).to_ascii_uppercase();
            exchange.answers = 0;
            vars.set("mechanism", &exchange.mechanism);
            extra.say_joined(&["sasl-", &exchange.mechanism], vars);
            if let Some(initial) = rest.next() {
                answer(exchange, initial, vars, extra);
            }
        }
        Kind::Continuation => {
            vars.set("mechanism", &exchange.mechanism);
            answer(exchange, step.bytes.trim_ascii(), vars, extra);
        }
        Kind::Reply => {
            vars.set("mechanism", &exchange.mechanism);
            challenge(exchange, step, vars, extra);
        }
        _ => {}
    }
}

fn answer(exchange: &mut Exchange, base64: &[u8], vars: &mut Vars, extra: &mut Extra) {
    exchange.answers = exchange.answers.saturating_add(1);
    if base64 == b"*" {
        return extra.say("sasl-cancel", vars);
    }
    let Ok(bytes) = BASE64.decode(base64) else {
        if base64 != b"=" {
            extra.say("sasl-not-base64", vars);
        }
        return;
    };
    match (exchange.mechanism.as_str(), exchange.answers) {
        ("PLAIN", _) => plain(&bytes, vars, extra),
        ("LOGIN", 1) => {
            vars.set("account", escape::line(&bytes));
            extra.say("sasl-login-name", vars);
        }
        ("LOGIN", _) => extra.say("sasl-login-password", vars),
        ("CRAM-MD5", _) => {
            let name = bytes.iter().rposition(|&b| b == b' ').and_then(|at| bytes.get(..at));
            vars.set("account", escape::line(name.unwrap_or_default()));
            extra.say("sasl-cram-answer", vars);
        }
        (name, answers) if name.starts_with("SCRAM-") => scram_answer(answers, &bytes, vars, extra),
        _ => {}
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2).
fn plain(bytes: &[u8], vars: &mut Vars, extra: &mut Extra) {
    let fields: Vec<&[u8]> = bytes.split(|&b| b == 0).collect();
    let [authzid, authcid, _password] = fields[..] else { return extra.say("sasl-plain-broken", vars) };
    vars.set("account", escape::line(authcid)).set("name", escape::line(authzid));
    extra.say(if authzid.is_empty() { "sasl-plain" } else { "sasl-plain-as" }, vars);
}

/// The client's messages, in turn. RFC 5802 §5, §7.
fn scram_answer(answers: u32, bytes: &[u8], vars: &mut Vars, extra: &mut Extra) {
    match answers {
        1 => {
            let name = attribute(bytes, b"n=").unwrap_or_default();
            let name = String::from_utf8_lossy(name).replace("=2C", ",").replace("=3D", "=");
            vars.set("account", escape::line(name.as_bytes()));
            extra.say("sasl-scram-first", vars);
        }
        2 => extra.say("sasl-scram-proof", vars),
        _ => extra.say("sasl-scram-checked", vars),
    }
}

/// The server's messages. RFC 5802 §5, §7.
fn scram_challenge(answers: u32, bytes: &[u8], vars: &mut Vars, extra: &mut Extra) {
    if answers <= 1 {
        let rounds = attribute(bytes, b"i=").unwrap_or_default();
        vars.set("count", escape::line(rounds));
        return extra.say("sasl-scram-salt", vars);
    }
    let failed = attribute(bytes, b"e=");
    vars.set("reason", escape::line(failed.unwrap_or_default()));
    extra.say(if failed.is_some() { "sasl-scram-error" } else { "sasl-scram-signature" }, vars);
}

/// What stands behind the first attribute of this letter.
fn attribute<'b>(bytes: &'b [u8], letter: &[u8]) -> Option<&'b [u8]> {
    bytes.split(|&b| b == b',').find_map(|field| field.strip_prefix(letter))
}

fn challenge(exchange: &Exchange, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let Some(text) = words(&step.bytes).nth(1) else { return };
    if !(step.code.starts_with("334") || step.code.starts_with('+') && step.code.len() == 1) {
        return;
    }
    let Ok(bytes) = BASE64.decode(text) else { return };
    match exchange.mechanism.as_str() {
        // These challenges hold no secret.
        "LOGIN" => {
            vars.set("this", escape::line(&bytes));
            extra.say("sasl-challenge", vars);
        }
        "CRAM-MD5" => {
            vars.set("this", escape::line(&bytes));
            extra.say("sasl-cram-challenge", vars);
        }
        name if name.starts_with("SCRAM-") && !bytes.is_empty() => {
            scram_challenge(exchange.answers, &bytes, vars, extra);
        }
        _ => {}
    }
}
