//! ARC: a forwarder writes down what it found before it changed the message, and seals that (RFC 8617).
//!
//! Each hop that takes part adds a set of three fields with the same number `i`: `ARC-Authentication-Results` (what it
//! found), `ARC-Message-Signature` (the message as it goes on from here), `ARC-Seal` (over all sets so far). A chain
//! that holds proves who wrote what, and no more: whom to believe is the receiver's own choice (RFC 8617 §7.2).

mod seal;

pub use seal::{Sealing, seal};

use super::dkim::key::Key;
use super::dkim::signature::{Reader, Unusable};
use super::dkim::verify::{Ends, Trail, about, check_body, find_key, own_field, signed_fields};
use super::dkim::{Canon, DkimResult, Signature};
use super::letter::{Field, Letter};
use super::tags::Tags;
use super::{Inquiry, Known, Question, Rtype};
use crate::base::{Rule, escape};

/// The most sets of a chain (RFC 8617 §4.2.1).
pub const MOST_SETS: usize = 50;

/// What comes of a chain (RFC 8617 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArcResult {
    /// There is none.
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
}

impl ArcResult {
    /// Its name in header fields and in `cv=`.
    pub fn name(self) -> &'static str {
        match self {
            ArcResult::None => "none",
            ArcResult::Pass => "pass",
            ArcResult::Fail => "fail",
        }
    }
}

/// One hop's three fields.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// `ARC-Authentication-Results`.
    pub results: Field<'a>,
    /// `ARC-Message-Signature`.
    pub message: Field<'a>,
    /// `ARC-Seal`.
    pub seal: Field<'a>,
}

/// The names of a set's fields.
const NAMES: [&str; 3] = ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"];

/// The sets of a message, the oldest first; or why they are no chain (RFC 8617 §5.2, step 3).
pub fn sets<'a>(letter: &Letter<'a>) -> Result<Vec<Set<'a>>, String> {
    let mut by_kind: [Vec<(usize, Field<'a>)>; 3] = Default::default();
    for (kind, name) in NAMES.iter().enumerate() {
        for field in letter.all(name).take(MOST_SETS + 1) {
            let number = instance(field).ok_or_else(|| format!("a field `{name}` has no number `i`"))?;
            by_kind[kind].push((number, *field));
        }
        by_kind[kind].sort_by_key(|(number, _)| *number);
    }
    let count = by_kind[2].len();
    if count > MOST_SETS {
        return Err(format!("there are more than {MOST_SETS} sets"));
    }
    for (kind, name) in NAMES.iter().enumerate() {
        let numbers = by_kind[kind].iter().map(|(number, _)| *number);
        if !numbers.eq(1..=count) {
            return Err(format!("the numbers of `{name}` are not 1 to {count}, each once"));
        }
    }
    let field = |kind: usize, at: usize| by_kind[kind][at].1;
    Ok((0..count)
        .map(|at| Set { results: field(0, at), message: field(1, at), seal: field(2, at) })
        .collect())
}

/// The number `i` of a field.
fn instance(field: &Field<'_>) -> Option<usize> {
    // Behind it stands what is no tag list, in ARC-Authentication-Results.
    let first = field.value().split(|byte| *byte == b';').next()?;
    let tags = Tags::parse(first).ok()?;
    tags.compact("i")?.parse().ok().filter(|number| *number >= 1)
}

/// A message whose chain is to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The message.
    pub letter: &'a Letter<'a>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub result: ArcResult,
    /// How many sets there are.
    pub sets: usize,
    /// Who sealed, the oldest first.
    pub sealers: Vec<String>,
    /// What the last sealer found (its `ARC-Authentication-Results` without `i`).
    pub last_results: String,
    /// Every rule that was applied, in order.
    pub rules: Vec<Rule>,
}

impl Inquiry for Request<'_> {
    type Verdict = Verdict;

    fn evaluate(&self, known: &Known) -> Result<Verdict, Question> {
        let mut trail = Trail::default();
        let mut verdict = Verdict {
            result: ArcResult::None,
            sets: 0,
            sealers: Vec::new(),
            last_results: String::new(),
            rules: Vec::new(),
        };
        let nothing = || (String::new(), None);
        match sets(self.letter) {
            Err(why) => {
                trail.rule("arc-sets", nothing(), "fail", why);
                verdict.result = ArcResult::Fail;
            }
            Ok(sets) if sets.is_empty() => {
                trail.rule("arc-sets", nothing(), "none", "no hop has sealed this message".to_owned());
            }
            Ok(sets) => {
                verdict.sets = sets.len();
                verdict.sealers = sets.iter().map(|set| domain_of(&set.seal)).collect();
                verdict.last_results = sets.last().map(|set| payload(&set.results)).unwrap_or_default();
                let by = escape::text(&verdict.sealers.join(", "));
                let why = match sets.len() {
                    1 => format!("one set of fields, by {by}"),
                    several => format!("{several} sets of fields, by {by}"),
                };
                trail.rule("arc-sets", nothing(), "found", why);
                verdict.result = match chain(self.letter, &sets, known, &mut trail)? {
                    Ok(()) => ArcResult::Pass,
                    Err(_) => ArcResult::Fail,
                };
            }
        }
        verdict.rules = trail.rules;
        Ok(verdict)
    }
}

fn domain_of(seal: &Field<'_>) -> String {
    Tags::parse(seal.value()).ok().and_then(|tags| tags.compact("d")).unwrap_or_default()
}

/// What stands behind `i=1;`.
fn payload(results: &Field<'_>) -> String {
    let text = results.text();
    text.split_once(';').map(|(_, rest)| rest.trim().to_owned()).unwrap_or_default()
}

/// RFC 8617 §5.2: the newest message signature, then every seal from the newest to the oldest.
fn chain(
    letter: &Letter<'_>,
    sets: &[Set<'_>],
    known: &Known,
    trail: &mut Trail,
) -> Result<Result<(), Ends>, Question> {
    for (at, set) in sets.iter().enumerate().rev() {
        let wanted = if at == 0 { "none" } else { "pass" };
        let tags = Tags::parse(set.seal.value()).unwrap_or_default();
        let said = tags.compact("cv").unwrap_or_default();
        if !said.eq_ignore_ascii_case(wanted) {
            let why = format!(
                "the seal {} says that the chain before it was `{}`; it must say `{wanted}`",
                at + 1,
                escape::text(&said)
            );
            return Ok(Err(trail.end("arc-status", about(&tags, "cv"), DkimResult::Fail, why)));
        }
    }
    // All keys first, so that nothing is hashed twice.
    for (field, seal) in
        sets.iter().map(|set| (&set.seal, true)).chain(sets.last().map(|set| (&set.message, false)))
    {
        if let Ok((_, signature)) = read(field, seal) {
            known.get(&signature.key_name(), Rtype::Txt)?;
        }
    }
    if let Some(newest) = sets.last()
        && let Err(ends) = message_signature(letter, &newest.message, known, trail)?
    {
        return Ok(Err(ends));
    }
    for at in (0..sets.len()).rev() {
        if let Err(ends) = check_seal(&sets[..=at], known, trail)? {
            return Ok(Err(ends));
        }
    }
    Ok(Ok(()))
}

fn message_signature(
    letter: &Letter<'_>,
    field: &Field<'_>,
    known: &Known,
    trail: &mut Trail,
) -> Result<Result<(), Ends>, Question> {
    let (tags, signature) = match read(field, false) {
        Ok(read) => read,
        Err(unusable) => return Ok(Err(refuse(trail, "arc-message-signature", unusable))),
    };
    let key = match find_key(&signature, &tags, known, trail)? {
        Ok(key) => key,
        Err(ends) => return Ok(Err(ends)),
    };
    if let Err(ends) = check_body(letter, &signature, &tags, trail) {
        return Ok(Err(ends));
    }
    let (mut signed, _) = signed_fields(letter, &signature.headers, signature.canon.0);
    signed.extend(own_field(field, &tags, signature.canon.0));
    Ok(conclude(trail, "arc-message-signature", &key, &signature, &tags, &signed))
}

/// The newest seal of these sets: over all of them, itself without its `b` (RFC 8617 §5.1.1).
fn check_seal(sets: &[Set<'_>], known: &Known, trail: &mut Trail) -> Result<Result<(), Ends>, Question> {
    let Some((newest, older)) = sets.split_last() else { return Ok(Ok(())) };
    let (tags, signature) = match read(&newest.seal, true) {
        Ok(read) => read,
        Err(unusable) => return Ok(Err(refuse(trail, "arc-seal", unusable))),
    };
    if tags.tag("h").is_some() {
        let why = "a seal covers the ARC fields and nothing else: `h` must not stand in it";
        return Ok(Err(trail.end("arc-seal", about(&tags, "h"), DkimResult::Fail, why)));
    }
    let key = match find_key(&signature, &tags, known, trail)? {
        Ok(key) => key,
        Err(ends) => return Ok(Err(ends)),
    };
    let mut signed = sealed_before(older);
    signed.extend(Canon::Relaxed.field(&newest.results));
    signed.extend(Canon::Relaxed.field(&newest.message));
    signed.extend(own_field(&newest.seal, &tags, Canon::Relaxed));
    Ok(conclude(trail, "arc-seal", &key, &signature, &tags, &signed))
}

/// The sets before a seal, as it covers them.
fn sealed_before(sets: &[Set<'_>]) -> Vec<u8> {
    let fields = sets.iter().flat_map(|set| [set.results, set.message, set.seal]);
    fields.flat_map(|field| Canon::Relaxed.field(&field)).collect()
}

fn conclude(
    trail: &mut Trail,
    id: &'static str,
    key: &Key,
    signature: &Signature,
    tags: &Tags,
    signed: &[u8],
) -> Result<(), Ends> {
    let number = tags.compact("i").unwrap_or_default();
    if key.verifies(signed, &signature.b) {
        let why = format!("number {number}, by `{}`, fits", signature.domain);
        trail.rule(id, about(tags, "b"), "pass", why);
        return Ok(());
    }
    let why = format!(
        "number {number}, by `{}`, does not fit: something that it covers was changed",
        signature.domain
    );
    Err(trail.end(id, about(tags, "b"), DkimResult::Fail, why))
}

fn refuse(trail: &mut Trail, id: &'static str, unusable: Unusable) -> Ends {
    trail.end(id, (unusable.tag, unusable.at), DkimResult::Fail, unusable.why)
}

/// The tags of a signature; of a seal those that it has (RFC 8617 §4.1.3).
fn read(field: &Field<'_>, seal: bool) -> Result<(Tags, Signature), Unusable> {
    let tags = Signature::tags(field)?;
    if !seal {
        let signature = Signature::read_arc(&tags)?;
        return Ok((tags, signature));
    }
    let reader = Reader { tags: &tags };
    let domain = reader.domain("d")?;
    let signature = Signature {
        algorithm: reader.algorithm()?,
        b: reader.base64("b")?,
        bh: Vec::new(),
        canon: (Canon::Relaxed, Canon::Relaxed),
        selector: reader.domain("s")?,
        headers: Vec::new(),
        identity: format!("@{domain}"),
        length: None,
        signed_at: reader.number("t")?,
        expires_at: None,
        domain,
    };
    Ok((tags, signature))
}

#[cfg(test)]
mod tests;
