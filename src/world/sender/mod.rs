//! Who may send as whom, in this world: what domains publish, who signs, who checks, who sends on.
//!
//! The rules themselves are `proto/policy`'s; here they meet the hosts, the DNS on the wire, and the transcript.

mod redirect;
mod sign;
mod verify;

pub use redirect::onward;
pub use sign::signature;
pub use verify::{Decision, Judged, at_data, at_mail, is_junk, without_claims};

use crate::base::Rule;
use crate::proto::policy::dkim::keys::SigningKey;
use crate::proto::policy::dkim::{Canon, Signer};
use crate::proto::policy::name;
use crate::trace::Fact;
use crate::world::hosts::{Host, World};
use crate::world::scenario::{KeyAlgorithm, Scenario};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{Name, RData, Record};

/// The records that the domains' policies are published by.
pub fn records(scenario: &Scenario) -> Vec<Record> {
    let mut records = Vec::new();
    for policy in &scenario.sender_policies {
        let within = |origin: &str| name::is_within(&policy.domain, origin);
        let ttl = scenario.zones.iter().find(|zone| within(&zone.origin)).map_or(3600, |zone| zone.ttl);
        let mut texts = vec![(policy.domain.clone(), policy.spf.clone())];
        if let (Some(key), Some(signer)) = (&policy.dkim, signer(scenario, &policy.domain)) {
            texts.push((format!("{}._domainkey.{}", key.selector, policy.domain), signer.key.record()));
        }
        texts.push((format!("_dmarc.{}", policy.domain), policy.dmarc.clone()));
        for (owner, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            let Ok(mut owner) = Name::from_ascii(&owner) else { continue };
            owner.set_fqdn(true);
            records.push(Record::from_rdata(owner, ttl, RData::TXT(TXT::new(strings(&text)))));
        }
    }
    records
}

/// A text as character strings of at most 255 octets (RFC 1035 §3.3); who reads puts them together again.
fn strings(text: &str) -> Vec<String> {
    text.as_bytes().chunks(255).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

/// Who signs for a domain.
pub fn signer(scenario: &Scenario, domain: &str) -> Option<Signer> {
    let number = scenario.sender_policies.iter().position(|policy| name::same(&policy.domain, domain))?;
    let policy = scenario.sender_policies.get(number)?;
    let wanted = policy.dkim.as_ref()?;
    let key = match wanted.algorithm {
        KeyAlgorithm::RsaSha256 => SigningKey::shipped_rsa(number),
        KeyAlgorithm::Ed25519Sha256 => {
            let mut random =
                crate::base::random::stream(scenario.seed, &policy.domain, "dkim", &wanted.selector);
            let mut seed = [0; 32];
            random.fill(&mut seed);
            SigningKey::ed25519(&seed)
        }
    }?;
    let canon = (Canon::Relaxed, Canon::Relaxed);
    Some(Signer { domain: policy.domain.clone(), selector: wanted.selector.clone(), key, canon })
}

/// State every rule of a check, and then what came of it.
fn state(world: &World, host: &Host, check: &str, rules: Vec<Rule>, result: Fact) {
    // The result is stated by itself.
    for rule in rules.into_iter().filter(|rule| !rule.id.ends_with("-result")) {
        world.fact(host, Fact::RuleApplied { check: check.to_owned(), rule });
    }
    world.fact(host, result);
}
