//! Checking signatures: is the field usable, is there a key, is the body the one that was signed, are the header
//! fields? (RFC 6376 §6.1)

use super::key::Key;
use super::signature::{Reader, Unusable, without_b};
use super::{Canon, Signature, sha256};
use crate::base::{Asked, Rule, Span, escape};
use crate::proto::policy::letter::{Field, Letter};
use crate::proto::policy::tags::Tags;
use crate::proto::policy::{Answer, Inquiry, Known, Question, Rtype, asked};
use std::borrow::Cow;

/// The most signatures of a message that are checked: "A Verifier MAY limit the number" (RFC 6376 §6.1).
pub const MOST_SIGNATURES: usize = 10;
/// RSA keys of fewer bits verify nothing (RFC 8301 §3.2).
const FEWEST_BITS: usize = 1024;

/// What comes of a signature, or of a message (RFC 8601 §2.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DkimResult {
    /// The message is not signed.
    None,
    /// The signature holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It is not worth relying on.
    Policy,
    /// It cannot be understood.
    Neutral,
    /// The key could not be had now.
    TempError,
    /// It cannot ever be verified: no key, or something needed is missing.
    PermError,
}

impl DkimResult {
    /// Its name in header fields.
    pub fn name(self) -> &'static str {
        match self {
            DkimResult::None => "none",
            DkimResult::Pass => "pass",
            DkimResult::Fail => "fail",
            DkimResult::Policy => "policy",
            DkimResult::Neutral => "neutral",
            DkimResult::TempError => "temperror",
            DkimResult::PermError => "permerror",
        }
    }
}

/// A message whose signatures are to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The message.
    pub letter: &'a Letter<'a>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What came of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub result: DkimResult,
    /// The domain that signs (`d`); empty where it could not be read.
    pub domain: String,
    /// The selector (`s`).
    pub selector: String,
    /// On whose behalf (`i`).
    pub identity: String,
    /// The first octets of the signature, by which header fields name it (RFC 6008).
    pub begins: String,
    /// `y` among the key's flags: the domain is trying it out.
    pub testing: bool,
    /// How many octets of the body are not covered (`l`).
    pub uncovered: usize,
    /// Why it is so, in a few words.
    pub reason: String,
    /// Every rule that was applied, in order.
    pub rules: Vec<Rule>,
}

/// What came of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// In the order of the fields, from the top. Empty: the message is not signed.
    pub signatures: Vec<Outcome>,
}

impl Verdict {
    /// The best of them: one that holds is enough (RFC 6376 §6.1).
    pub fn result(&self) -> DkimResult {
        let order = [
            DkimResult::Pass,
            DkimResult::TempError,
            DkimResult::Fail,
            DkimResult::Policy,
            DkimResult::PermError,
            DkimResult::Neutral,
        ];
        let has = |wanted: &&DkimResult| self.signatures.iter().any(|s| s.result == **wanted);
        order.iter().find(has).copied().unwrap_or(DkimResult::None)
    }
}

impl Inquiry for Request<'_> {
    type Verdict = Verdict;

    fn evaluate(&self, known: &Known) -> Result<Verdict, Question> {
        let fields = || self.letter.all("DKIM-Signature").take(MOST_SIGNATURES);
        // All keys first, so that nothing is hashed twice.
        for field in fields() {
            if let Ok(signature) = Signature::tags(field).and_then(|tags| Signature::read(&tags)) {
                known.get(&signature.key_name(), Rtype::Txt)?;
            }
        }
        let mut signatures = Vec::new();
        for field in fields() {
            let mut trail = Trail::default();
            let (result, reason) = match one(self, field, known, &mut trail)? {
                Ok(()) => (DkimResult::Pass, String::new()),
                Err((result, reason)) => (result, reason),
            };
            let mut outcome = trail.outcome;
            outcome.result = result;
            outcome.reason = reason;
            outcome.rules = trail.rules;
            signatures.push(outcome);
        }
        Ok(Verdict { signatures })
    }
}

/// The rules so far, and what is known of the signature.
pub(crate) struct Trail {
    pub rules: Vec<Rule>,
    pub outcome: Outcome,
}

impl Default for Trail {
    fn default() -> Self {
        let outcome = Outcome {
            result: DkimResult::None,
            domain: String::new(),
            selector: String::new(),
            identity: String::new(),
            begins: String::new(),
            testing: false,
            uncovered: 0,
            reason: String::new(),
            rules: Vec::new(),
        };
        Trail { rules: Vec::new(), outcome }
    }
}

/// How a check ends that does not pass.
pub(crate) type Ends = (DkimResult, String);

impl Trail {
    pub fn rule(
        &mut self,
        id: &'static str,
        about: (String, Option<Span>),
        outcome: &'static str,
        why: String,
    ) -> usize {
        let (id, outcome, source) = (Cow::from(id), Cow::from(outcome), Cow::from(source_of(id)));
        let (text, at) = about;
        self.rules.push(Rule { id, depth: 0, text, at, asked: Vec::new(), outcome, why, source });
        self.rules.len() - 1
    }

    /// A rule that ends the check.
    pub fn end(
        &mut self,
        id: &'static str,
        about: (String, Option<Span>),
        result: DkimResult,
        why: impl Into<String>,
    ) -> Ends {
        let why = why.into();
        self.rule(id, about, result.name(), why.clone());
        (result, why)
    }

    pub fn asked(&mut self, rule: usize, asked: Asked) {
        if let Some(rule) = self.rules.get_mut(rule) {
            rule.asked.push(asked);
        }
    }
}

/// Where a rule of DKIM or ARC is written.
fn source_of(id: &'static str) -> &'static str {
    match id {
        "dkim-field" => "RFC 6376 §6.1.1",
        "dkim-expired" => "RFC 6376 §3.5",
        "dkim-key" => "RFC 6376 §6.1.2",
        "dkim-key-size" => "RFC 8301 §3.2",
        "dkim-key-strict" | "dkim-key-testing" => "RFC 6376 §3.6.1",
        "dkim-length" => "RFC 6376 §8.2",
        "dkim-headers" => "RFC 6376 §5.4.2",
        "dkim-body-hash" | "dkim-signature" => "RFC 6376 §6.1.3",
        id if id.starts_with("arc-") => "RFC 8617 §5.2",
        _ => "RFC 6376 §6.1",
    }
}

/// A tag as it stands, for a rule.
pub(crate) fn about(tags: &Tags, name: &str) -> (String, Option<Span>) {
    match tags.tag(name) {
        Some(tag) => (escape::text(&format!("{name}={}", tag.value)), Some(tag.span)),
        None => (String::new(), None),
    }
}

fn one(
    request: &Request<'_>,
    field: &Field<'_>,
    known: &Known,
    trail: &mut Trail,
) -> Result<Result<(), Ends>, Question> {
    let read = Signature::tags(field).and_then(|tags| {
        let reader = Reader { tags: &tags };
        trail.outcome.domain = reader.needed("d").unwrap_or_default();
        trail.outcome.selector = reader.needed("s").unwrap_or_default();
        Signature::read(&tags).map(|signature| (tags, signature))
    });
    let (tags, signature) = match read {
        Ok(read) => read,
        Err(Unusable { tag, at, why, source }) => {
            let result = if source == "RFC 6376 §3.2" { DkimResult::Neutral } else { DkimResult::PermError };
            let ends = trail.end("dkim-field", (tag, at), result, why);
            if let Some(rule) = trail.rules.last_mut() {
                rule.source = Cow::from(source);
            }
            return Ok(Err(ends));
        }
    };
    trail.outcome.identity = signature.identity.clone();
    trail.outcome.begins = tags.compact("b").unwrap_or_default().chars().take(8).collect();
    let why = format!(
        "every tag that is needed is there; `{}` signs with {}",
        signature.domain,
        signature.algorithm.name()
    );
    trail.rule("dkim-field", (escape::text(&field.text()), None), "read", why);
    if let Some(until) = signature.expires_at
        && i64::try_from(until).is_ok_and(|until| until < request.now)
    {
        let why = format!("the signature ended {} seconds ago", request.now.saturating_sub_unsigned(until));
        return Ok(Err(trail.end("dkim-expired", about(&tags, "x"), DkimResult::Fail, why)));
    }
    let key = match find_key(&signature, &tags, known, trail)? {
        Ok(key) => key,
        Err(ends) => return Ok(Err(ends)),
    };
    trail.outcome.testing = key.testing;
    Ok(check_body(request.letter, &signature, &tags, trail)
        .and_then(|()| check_header(request.letter, field, &signature, &tags, &key, trail)))
}

/// The key in the DNS, and whether it may be used (RFC 6376 §6.1.2).
pub(crate) fn find_key(
    signature: &Signature,
    tags: &Tags,
    known: &Known,
    trail: &mut Trail,
) -> Result<Result<Key, Ends>, Question> {
    let place = signature.key_name();
    let answer = known.get(&place, Rtype::Txt)?;
    let question = asked(&place, Rtype::Txt, answer);
    let selector = about(tags, "s");
    let found = match answer {
        Answer::Failed(why) => Err((DkimResult::TempError, format!("the DNS gave no answer: {why}"))),
        answer => {
            // More than one record is "undefined" (RFC 6376 §3.6.2.2): the first that is a key is taken.
            let mut keys = answer.texts().map(Key::read).collect::<Vec<_>>();
            keys.sort_by_key(Result::is_err);
            match keys.into_iter().next() {
                None => {
                    Err((DkimResult::PermError, format!("no key is published at `{}`", escape::text(&place))))
                }
                Some(Err((_, why))) => Err((DkimResult::PermError, format!("no usable key: {why}"))),
                Some(Ok(key)) if key.algorithm != signature.algorithm => {
                    let why = format!(
                        "the key is for {}, and `a` says {}",
                        key.algorithm.key_type(),
                        signature.algorithm.name()
                    );
                    Err((DkimResult::PermError, why))
                }
                Some(Ok(key)) => Ok(key),
            }
        }
    };
    let key = match found {
        Ok(key) => key,
        Err((result, why)) => {
            let ends = trail.end("dkim-key", selector, result, why);
            let last = trail.rules.len() - 1;
            trail.asked(last, question);
            return Ok(Err(ends));
        }
    };
    let bits = key.rsa_bits().map(|bits| format!(" of {bits} bits")).unwrap_or_default();
    let why =
        format!("a key for {}{bits} is published at `{}`", key.algorithm.key_type(), escape::text(&place));
    let rule = trail.rule("dkim-key", selector, "found", why);
    trail.asked(rule, question);
    if key.rsa_bits().is_some_and(|bits| bits < FEWEST_BITS) {
        let why = format!("an RSA key must have at least {FEWEST_BITS} bits");
        return Ok(Err(trail.end("dkim-key-size", (String::new(), None), DkimResult::Policy, why)));
    }
    let of = signature.identity.rsplit_once('@').map_or("", |(_, of)| of);
    if key.strict && !of.eq_ignore_ascii_case(&signature.domain) {
        let why = "the key's flag `s` wants the domain of `i` to be the one in `d`";
        return Ok(Err(trail.end("dkim-key-strict", about(tags, "i"), DkimResult::PermError, why)));
    }
    if key.testing {
        let why = "the key's flag `y`: the domain is only trying DKIM out";
        trail.rule("dkim-key-testing", (String::new(), None), "noted", why.to_owned());
    }
    Ok(Ok(key))
}

/// Is the body the one that was signed? (RFC 6376 §3.7, §6.1.3)
pub(crate) fn check_body(
    letter: &Letter<'_>,
    signature: &Signature,
    tags: &Tags,
    trail: &mut Trail,
) -> Result<(), Ends> {
    let body = signature.canon.1.body(letter.body);
    let covered = match signature.length {
        None => body.len(),
        Some(length) => match usize::try_from(length).ok().filter(|length| *length <= body.len()) {
            Some(length) => length,
            None => {
                let why = format!("`l` covers {length} octets, and the body has {}", body.len());
                return Err(trail.end("dkim-length", about(tags, "l"), DkimResult::Fail, why));
            }
        },
    };
    trail.outcome.uncovered = body.len() - covered;
    if trail.outcome.uncovered > 0 {
        let why = format!(
            "the last {} octets of the body are not signed: anybody may have added them",
            body.len() - covered
        );
        trail.rule("dkim-length", about(tags, "l"), "noted", why);
    }
    let canon = signature.canon.1.name();
    if sha256(&body[..covered]) != signature.bh {
        let why =
            format!("the body, taken as `{canon}`, has another hash than `bh`: it was changed on the way");
        return Err(trail.end("dkim-body-hash", about(tags, "bh"), DkimResult::Fail, why));
    }
    let why = format!("the body, taken as `{canon}`, has the hash that `bh` says");
    trail.rule("dkim-body-hash", about(tags, "bh"), "same", why);
    Ok(())
}

/// Are the header fields the ones that were signed? (RFC 6376 §5.4.2, §6.1.3)
fn check_header(
    letter: &Letter<'_>,
    field: &Field<'_>,
    signature: &Signature,
    tags: &Tags,
    key: &Key,
    trail: &mut Trail,
) -> Result<(), Ends> {
    if letter.too_many {
        let why = "the message has more header fields than are read";
        return Err(trail.end("dkim-headers", about(tags, "h"), DkimResult::Policy, why));
    }
    let (mut signed, missing) = signed_fields(letter, &signature.headers, signature.canon.0);
    let why = match missing.as_slice() {
        [] => format!("{} fields are signed, each is there", signature.headers.len()),
        missing => format!(
            "the signed fields are taken; of {} one more is named than there is, so that none can be added",
            escape::text(&missing.join(", "))
        ),
    };
    trail.rule("dkim-headers", about(tags, "h"), "taken", why);
    signed.extend(own_field(field, tags, signature.canon.0));
    let canon = signature.canon.0.name();
    if !key.verifies(&signed, &signature.b) {
        let why = format!(
            "the signed header fields, taken as `{canon}`, do not fit the signature: one was changed, or another key signed"
        );
        return Err(trail.end("dkim-signature", about(tags, "b"), DkimResult::Fail, why));
    }
    let why = format!(
        "the signed header fields, taken as `{canon}`, fit the signature: `{}` vouches for them",
        signature.domain
    );
    trail.rule("dkim-signature", about(tags, "b"), "pass", why);
    Ok(())
}

/// The fields that `h` names, prepared and in its order: of several with a name the lowest first, each once; and the
/// names for which there was none (RFC 6376 §5.4.2).
pub(crate) fn signed_fields(letter: &Letter<'_>, names: &[String], canon: Canon) -> (Vec<u8>, Vec<String>) {
    let mut by_name: std::collections::BTreeMap<Vec<u8>, Vec<&Field<'_>>> = std::collections::BTreeMap::new();
    for field in &letter.fields {
        by_name.entry(field.name().to_ascii_lowercase()).or_default().push(field);
    }
    let (mut out, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match by_name.get_mut(name.to_ascii_lowercase().as_bytes()).and_then(Vec::pop) {
            Some(field) => out.extend(canon.field(field)),
            None => missing.push(name.clone()),
        }
    }
    (out, missing)
}

/// The signature's own field, without its `b` and without the end of its line (RFC 6376 §3.7).
pub(crate) fn own_field(field: &Field<'_>, tags: &Tags, canon: Canon) -> Vec<u8> {
    let bytes = without_b(field, tags);
    let mut out = Field::new(&bytes).map(|field| canon.field(&field)).unwrap_or_default();
    let end = out.len() - out.iter().rev().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    out.truncate(end);
    out
}
