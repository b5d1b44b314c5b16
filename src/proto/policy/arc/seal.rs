//! Sealing: the three fields that a hop puts on top (RFC 8617 §5.1).

use super::{ArcResult, MOST_SETS, sealed_before, sets};
use crate::proto::policy::dkim::sign::{USUAL, folded};
use crate::proto::policy::dkim::verify::own_field;
use crate::proto::policy::dkim::{Canon, Signer};
use crate::proto::policy::letter::{Field, Letter, on_the_wire};
use crate::proto::policy::tags::Tags;
use base64::Engine as _;

/// What a hop says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// What it found, as `Authentication-Results` has it: server, results.
    pub results: String,
    /// What came of the chain that the message arrived with.
    pub chain: ArcResult,
    /// Seconds since 1970.
    pub now: i64,
}

/// The three fields for a message as it goes on from here, with CRLF at their ends, the seal first. `None` where the
/// message cannot be sealed: its chain is broken already, or too long.
pub fn seal(message: &[u8], signer: &Signer, sealing: &Sealing) -> Option<String> {
    let message = on_the_wire(message);
    let letter = Letter::read(&message);
    let before = sets(&letter).ok()?;
    let matches = match sealing.chain {
        ArcResult::None => before.is_empty(),
        ArcResult::Pass => !before.is_empty(),
        ArcResult::Fail => false,
    };
    if !matches || before.len() == MOST_SETS {
        return None;
    }
    let number = before.len() + 1;
    let algorithm = signer.key.algorithm().name();
    let results = format!("ARC-Authentication-Results: i={number}; {}\r\n", sealing.results);
    let body = signer.canon.1.body(letter.body);
    let start = format!("ARC-Message-Signature: i={number}; a={algorithm};");
    let mut names: Vec<String> = Vec::new();
    for name in USUAL.into_iter().chain(["DKIM-Signature"]) {
        names.extend(letter.all(name).map(|_| name.to_owned()));
    }
    let signed = signer.seal(&letter, &start, &names, Some(&body), &[format!("t={}", sealing.now)])?;
    let mut own = format!(
        "ARC-Seal: i={number}; a={algorithm}; t={}; cv={};\r\n\td={}; s={};\r\n\tb=",
        sealing.now,
        sealing.chain.name(),
        signer.domain,
        signer.selector
    );
    let mut covered = sealed_before(&before);
    covered.extend(Canon::Relaxed.field(&Field::new(results.as_bytes())?));
    covered.extend(Canon::Relaxed.field(&Field::new(signed.as_bytes())?));
    let line = format!("{own}\r\n");
    let field = Field::new(line.as_bytes())?;
    covered.extend(own_field(&field, &Tags::parse(field.value()).ok()?, Canon::Relaxed));
    let signature = base64::engine::general_purpose::STANDARD.encode(signer.key.sign(&covered)?);
    own.push_str(&folded(&signature));
    Some(format!("{own}\r\n{signed}{results}"))
}
