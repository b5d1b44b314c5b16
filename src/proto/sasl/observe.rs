//! What an observer makes of an exchange: each message's decoded parts, with the base64 characters that hold them.
//!
//! A part's span covers every character that holds a bit of it. What divides two parts is at least an octet, which is
//! wider than a character, so spans never overlap. What is secret is named: passwords, and whatever somebody who
//! wants to find out the password could try guesses against (digests, proofs and signatures).

use super::{decode, plain};
use crate::base::{Part, Span};

/// What a message in base64 holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What it is made of: `sasl-plain` with `authzid`, `authcid` and `passwd`, or one part for all.
    pub part: Part,
    /// The spans that a view must not show.
    pub secrets: Vec<Span>,
    /// The user name in it, where it has one that can be read.
    pub user: Option<String>,
}

/// Reads along, from the command to the end of the exchange.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    mechanism: String,
    user: Option<String>,
    responses: u32,
}

impl Watch {
    /// An exchange by that mechanism begins.
    pub fn begin(mechanism: &str) -> Self {
        Watch { mechanism: mechanism.to_ascii_uppercase(), user: None, responses: 0 }
    }

    /// By which mechanism, in upper case.
    pub fn mechanism(&self) -> &str {
        &self.mechanism
    }

    /// Who logs in, as far as it was seen.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// How many responses of the client were seen, an initial one among them.
    pub fn responses(&self) -> u32 {
        self.responses
    }

    /// A response of the client, in base64, that stands at `at`. An initial response may be `=`. The lone `*` that gives
    /// up counts as well; `None` where there is nothing to look into.
    pub fn response(&mut self, base64: &[u8], at: usize) -> Option<Observed> {
        self.responses = self.responses.saturating_add(1);
        if matches!(base64, b"" | b"*" | b"=") {
            return None;
        }
        let seen = match (self.mechanism.as_str(), self.responses) {
            ("PLAIN", _) => observe_plain(base64, at),
            ("LOGIN", 1) => observe_login_user(base64, at),
            ("LOGIN", _) => observe_secret(base64, at, "passwd"),
            ("CRAM-MD5", _) => cram_response(base64, at),
            (name, 1) if is_scram(name) => scram_client_first(base64, at),
            (name, _) if is_scram(name) => scram_fields(base64, at, "scram-client-final"),
            _ => observe_secret(base64, at, "sasl-response"),
        };
        self.user = seen.user.clone().or(self.user.take());
        Some(seen)
    }

    /// A challenge of the server, in base64, that stands at `at`; `None` where it is empty, or tells nothing here. A
    /// server's signature is one whatever is known of the exchange: its beginning may not have been recorded.
    pub fn challenge(&self, base64: &[u8], at: usize) -> Option<Observed> {
        if base64.is_empty() {
            return None;
        }
        if decode(base64).is_some_and(|message| message.starts_with(b"v=")) {
            return Some(scram_fields(base64, at, "scram-server-final"));
        }
        match (self.mechanism.as_str(), self.responses) {
            ("CRAM-MD5", 0) => cram_challenge(base64, at),
            (name, 1) if is_scram(name) => Some(scram_fields(base64, at, "scram-server-first")),
            (name, 2..) if is_scram(name) => Some(scram_fields(base64, at, "scram-server-final")),
            _ => None,
        }
    }
}

/// What may be the end of a message in base64, at the end of a line whose beginning is missing: such a line has at most
/// one word before it, a status.
pub fn tail(text: &[u8]) -> Option<Span> {
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    let len = text.iter().rev().take_while(|b| is_base64(b)).count();
    let words = text.iter().filter(|b| **b == b' ').count();
    (len > 0 && words < 2).then(|| Span::new(text.len() - len, text.len()))
}

fn is_scram(mechanism: &str) -> bool {
    mechanism.starts_with("SCRAM-")
}

/// The characters of base64 at `at` that hold these decoded octets.
fn characters(octets: Span, at: usize) -> Span {
    Span::new(at + octets.start * 4 / 3, at + (octets.end * 4).div_ceil(3))
}

/// Observe PLAIN's message in base64 that stands at `at`. Where it cannot be read, all of it is kept secret.
pub fn observe_plain(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64).unwrap_or_default();
    let Some([authzid, authcid, passwd]) = plain::plain_fields(&message) else {
        return observe_secret(base64, at, "sasl-plain");
    };
    let mut parts = Vec::new();
    if !authzid.is_empty() {
        parts.push(Part::leaf("authzid", characters(authzid, at)));
    }
    parts.push(Part::leaf("authcid", characters(authcid, at)));
    // The padding goes with the password: its length would say something about it.
    let secret = Span::new(characters(passwd, at).start, whole.end);
    parts.push(Part::leaf("passwd", secret));
    Observed {
        part: Part::node("sasl-plain", whole, parts),
        secrets: vec![secret],
        user: Some(String::from_utf8_lossy(authcid.of(&message)).into_owned()),
    }
}

/// Observe LOGIN's user name in base64 that stands at `at`.
pub fn observe_login_user(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let user = decode(base64).map(|name| String::from_utf8_lossy(&name).into_owned());
    Observed { part: Part::leaf("authcid", whole), secrets: Vec::new(), user }
}

/// Observe a response that is secret as a whole: LOGIN's password, or an unknown mechanism's answer.
pub fn observe_secret(base64: &[u8], at: usize, name: &'static str) -> Observed {
    let whole = Span::new(at, at + base64.len());
    Observed { part: Part::leaf(name, whole), secrets: vec![whole], user: None }
}

/// `<digits.timestamp@host>`. RFC 2195 §2.
fn cram_challenge(base64: &[u8], at: usize) -> Option<Observed> {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64)?;
    let find = |byte: u8| message.iter().position(|b| *b == byte);
    let mut parts = Vec::new();
    if let (Some(0), Some(dot), Some(sign), true) =
        (find(b'<'), find(b'.'), find(b'@'), message.ends_with(b">"))
        && dot < sign
    {
        let fields = [
            ("cram-random", Span::new(1, dot)),
            ("cram-timestamp", Span::new(dot + 1, sign)),
            ("cram-host", Span::new(sign + 1, message.len() - 1)),
        ];
        let filled = fields.into_iter().filter(|(_, span)| !span.is_empty());
        parts.extend(filled.map(|(name, span)| Part::leaf(name, characters(span, at))));
    }
    Some(Observed { part: Part::node("cram-challenge", whole, parts), secrets: Vec::new(), user: None })
}

/// `user SP digest`. RFC 2195 §2. Where it cannot be read, all of it is kept secret.
fn cram_response(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64).unwrap_or_default();
    let Some(space) = message.iter().rposition(|b| *b == b' ').filter(|at| *at > 0) else {
        return observe_secret(base64, at, "cram-response");
    };
    let digest = Span::new(characters(Span::new(space + 1, message.len()), at).start, whole.end);
    let parts =
        vec![Part::leaf("authcid", characters(Span::new(0, space), at)), Part::leaf("cram-digest", digest)];
    Observed {
        part: Part::node("cram-response", whole, parts),
        secrets: vec![digest],
        user: Some(String::from_utf8_lossy(&message[..space]).into_owned()),
    }
}

/// `gs2-header n=user,r=nonce`. RFC 5802 §7. Nothing in it is secret, but what cannot be read is kept so.
fn scram_client_first(base64: &[u8], at: usize) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64).unwrap_or_default();
    let fields = fields(&message);
    let (Some(flag), Some(authzid), true) = (fields.first(), fields.get(1), fields.len() >= 4) else {
        return observe_secret(base64, at, "scram-client-first");
    };
    let mut parts = vec![Part::leaf("gs2-cbind-flag", characters(*flag, at))];
    if !authzid.is_empty() {
        parts.push(Part::leaf("authzid", characters(*authzid, at)));
    }
    let mut user = None;
    for field in fields.iter().skip(2).filter(|f| !f.is_empty()) {
        if let Some(name) = field.of(&message).strip_prefix(b"n=") {
            let name = String::from_utf8_lossy(name).replace("=2C", ",").replace("=3D", "=");
            user.get_or_insert(name);
        }
        parts.push(Part::leaf(attribute(field.of(&message)), characters(*field, at)));
    }
    Observed { part: Part::node("scram-client-first", whole, parts), secrets: Vec::new(), user }
}

/// A message of attributes alone: the server's two, and the client's second. RFC 5802 §7.
fn scram_fields(base64: &[u8], at: usize, name: &'static str) -> Observed {
    let whole = Span::new(at, at + base64.len());
    let message = decode(base64).unwrap_or_default();
    let known = |field: &Span| attribute(field.of(&message)) != "scram-extension";
    let fields = fields(&message);
    if !fields.first().is_some_and(known) {
        return observe_secret(base64, at, name);
    }
    let (mut parts, mut secrets) = (Vec::new(), Vec::new());
    for field in fields.iter().filter(|f| !f.is_empty()) {
        let name = attribute(field.of(&message));
        let mut span = characters(*field, at);
        if field.end == message.len() {
            span = Span::new(span.start, whole.end);
        }
        if matches!(name, "scram-proof" | "scram-signature") {
            secrets.push(span);
        }
        parts.push(Part::leaf(name, span));
    }
    Observed { part: Part::node(name, whole, parts), secrets, user: None }
}

/// Where the fields between commas stand.
fn fields(message: &[u8]) -> Vec<Span> {
    let mut start = 0;
    let mut fields = Vec::new();
    for field in message.split(|b| *b == b',') {
        fields.push(Span::new(start, start + field.len()));
        start += field.len() + 1;
    }
    fields
}

/// The name of an attribute by its letter. RFC 5802 §5.1.
fn attribute(field: &[u8]) -> &'static str {
    match field {
        [b'n', b'=', ..] => "authcid",
        [b'r', b'=', ..] => "scram-nonce",
        [b's', b'=', ..] => "scram-salt",
        [b'i', b'=', ..] => "scram-iterations",
        [b'c', b'=', ..] => "scram-channel",
        [b'p', b'=', ..] => "scram-proof",
        [b'v', b'=', ..] => "scram-signature",
        [b'e', b'=', ..] => "scram-error",
        _ => "scram-extension",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sasl::encode;
    use proptest::prelude::*;

    /// RFC 4954 §4.1's example: authzid `test`, authcid `test`, password `1234`.
    const EXAMPLE: &[u8] = b"dGVzdAB0ZXN0ADEyMzQ=";

    fn shown(seen: &Observed, base64: &str) -> Vec<(&'static str, String)> {
        let parts =
            if seen.part.parts.is_empty() { vec![seen.part.clone()] } else { seen.part.parts.clone() };
        parts.iter().map(|p| (p.name, base64[p.span.start..p.span.end].to_owned())).collect()
    }

    #[test]
    fn the_observer_hides_the_password_and_shows_the_rest() {
        let seen = observe_plain(EXAMPLE, 0);
        let text =
            |name| seen.part.find(name).map(|p| String::from_utf8_lossy(p.span.of(EXAMPLE)).into_owned());
        assert_eq!(text("authcid").as_deref(), Some("B0ZXN0"));
        assert_eq!(text("passwd").as_deref(), Some("DEyMzQ="));
        assert_eq!(seen.secrets, [Span::new(13, 20)]);
        assert_eq!(seen.user.as_deref(), Some("test"));
        assert_eq!(observe_plain(b"%%%", 5).secrets, [Span::new(5, 8)]);
    }

    #[test]
    fn cram_md5_shows_the_challenge_and_who_answers_and_hides_the_digest() {
        // RFC 2195 §2.
        let mut watch = Watch::begin("cram-md5");
        let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        let seen = watch.challenge(challenge.as_bytes(), 0).expect("a challenge");
        let names: Vec<_> = seen.part.parts.iter().map(|p| p.name).collect();
        assert_eq!((names, seen.secrets.len()), (vec!["cram-random", "cram-timestamp", "cram-host"], 0));
        let answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";
        let seen = watch.response(answer.as_bytes(), 0).expect("a response");
        assert_eq!(seen.user.as_deref(), Some("tim"));
        assert_eq!(
            shown(&seen, answer),
            [("authcid", "dGlt".to_owned()), ("cram-digest", answer[5..].to_owned())]
        );
        assert_eq!(seen.secrets, [Span::new(5, answer.len())]);
    }

    #[test]
    fn scram_shows_nonces_salt_and_count_and_hides_proof_and_signature() {
        // RFC 7677 §3.
        let mut watch = Watch::begin("SCRAM-SHA-256");
        let first = encode(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let seen = watch.response(first.as_bytes(), 0).expect("a response");
        assert_eq!((seen.user.as_deref(), seen.secrets.len()), (Some("user"), 0));
        let seen = watch
            .challenge(encode(b"r=rOprNGfwEbeRWgbNEkqO%hv,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").as_bytes(), 4)
            .expect("a challenge");
        let names: Vec<_> = seen.part.parts.iter().map(|p| p.name).collect();
        assert_eq!(
            (seen.part.name, names),
            ("scram-server-first", vec!["scram-nonce", "scram-salt", "scram-iterations"])
        );
        assert!(seen.secrets.is_empty() && seen.part.span.start == 4);
        let last = encode(b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hv,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let seen = watch.response(last.as_bytes(), 0).expect("a response");
        assert_eq!(seen.secrets.len(), 1);
        assert_eq!(seen.secrets[0].end, last.len());
        let seen = watch.challenge(encode(b"v=6rri").as_bytes(), 0).expect("a challenge");
        assert_eq!((seen.part.name, seen.secrets.len()), ("scram-server-final", 1));
        assert_eq!((watch.response(b"", 0), watch.user()), (None, Some("user")));
    }

    #[test]
    fn what_cannot_be_read_is_kept_secret() {
        for mechanism in ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2"] {
            let seen = Watch::begin(mechanism).response(b"c2VjcmV0", 3).expect("a response");
            assert_eq!(seen.secrets, [Span::new(3, 11)], "{mechanism}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn spans_never_overlap_and_nothing_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            text in "[nrscpv,=a-f \0.@<>]{0,40}",
            name in "PLAIN|LOGIN|CRAM-MD5|SCRAM-SHA-256|X",
        ) {
            for message in [encode(&bytes).into_bytes(), encode(text.as_bytes()).into_bytes(), bytes] {
                let mut watch = Watch::begin(&name);
                for _ in 0..3 {
                    let seen = [watch.challenge(&message, 3), watch.response(&message, 3)];
                    for seen in seen.into_iter().flatten() {
                        let whole = seen.part.span;
                        prop_assert!(seen.part.parts.windows(2).all(|w| w[0].span.end <= w[1].span.start));
                        prop_assert!(seen.part.parts.iter().all(|p| p.span.start >= whole.start && p.span.end <= whole.end));
                    }
                }
            }
        }
    }
}
