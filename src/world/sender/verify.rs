//! Checking who sent what: SPF once MAIL is there, DKIM, ARC and DMARC once the message is, with questions to the DNS
//! over the wire; and what this host does about it.

use super::state;
use crate::proto::policy::arc::{self, ArcResult};
use crate::proto::policy::authres::{MethodResult, Results};
use crate::proto::policy::dkim::{self, DkimResult};
use crate::proto::policy::dmarc::record::Policy;
use crate::proto::policy::dmarc::{self, DmarcResult, Identifier};
use crate::proto::policy::letter::{Field, Letter};
use crate::proto::policy::spf::{self, SpfResult};
use crate::proto::policy::{Answer, Check, Data, Inquiry, Next, Question, Rtype, name};
use crate::trace::Fact;
use crate::world::hosts::{Host, World};
use crate::world::resolver::Outcome;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::borrow::Cow;
use std::net::IpAddr;

/// What this host does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It takes it.
    Accept,
    /// It takes it, and puts it into the folder for junk.
    Junk,
    /// It refuses it, and says this.
    Reject(String),
}

/// What came of all checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// For the header.
    pub results: Results,
    /// What is done.
    pub decision: Decision,
}

/// SPF: may this client send for the domain in MAIL, or in HELO where that is empty?
pub async fn at_mail(world: &World, host: &Host, client: IpAddr, helo: &str, sender: &str) -> spf::Verdict {
    let request = spf::Request {
        ip: client,
        helo: helo.to_owned(),
        sender: sender.to_owned(),
        receiver: host.spec.name.clone(),
        now: world.clock.now().as_secs(),
    };
    let verdict = ask(world, host, request).await;
    let result = Fact::SenderChecked {
        check: "spf".to_owned(),
        domain: verdict.domain.clone(),
        result: verdict.result.name().to_owned(),
    };
    state(world, host, "spf", verdict.rules.clone(), result);
    verdict
}

/// DKIM, ARC and DMARC of a whole message, and what is done.
pub async fn at_data(world: &World, host: &Host, spf: &spf::Verdict, message: &[u8]) -> Judged {
    let letter = Letter::read(message);
    let now = world.clock.now().as_secs();
    let mut results = Results { server: host.spec.name.clone(), results: vec![of_spf(spf)] };
    let by_dkim = ask(world, host, dkim::Request { letter: &letter, now }).await;
    check_dkim(world, host, &by_dkim, &mut results);
    let by_arc = ask(world, host, arc::Request { letter: &letter }).await;
    if by_arc.result != ArcResult::None {
        let sealer = by_arc.sealers.last().cloned().unwrap_or_default();
        results.results.push(MethodResult::new(
            "arc",
            by_arc.result.name(),
            &[("arc.chain", &by_arc.sealers.join(":"))],
        ));
        let result = checked("arc", &sealer, by_arc.result.name());
        state(world, host, "arc", by_arc.rules.clone(), result);
    }
    let request =
        dmarc::Request { authors: dmarc::author_domains(&letter), identifiers: shown(spf, &by_dkim) };
    let by_dmarc = ask(world, host, request).await;
    let result = checked("dmarc", &by_dmarc.domain, by_dmarc.result.name());
    state(world, host, "dmarc", by_dmarc.rules.clone(), result);
    let decision = decide(world, host, &by_dmarc, &by_arc);
    results.results.push(of_dmarc(&by_dmarc, &decision));
    Judged { results, decision }
}

fn checked(check: &str, domain: &str, result: &str) -> Fact {
    Fact::SenderChecked { check: check.to_owned(), domain: domain.to_owned(), result: result.to_owned() }
}

fn check_dkim(world: &World, host: &Host, verdict: &dkim::Verdict, results: &mut Results) {
    if verdict.signatures.is_empty() {
        results.results.push(MethodResult::new("dkim", "none", &[]));
        world.fact(host, checked("dkim", "", "none"));
    }
    for signature in &verdict.signatures {
        let properties = [
            ("header.d", signature.domain.as_str()),
            ("header.s", &signature.selector),
            ("header.b", &signature.begins),
        ];
        let result = MethodResult::new("dkim", signature.result.name(), &properties);
        results.results.push(result.because(&signature.reason));
        let result = checked("dkim", &signature.domain, signature.result.name());
        state(world, host, "dkim", signature.rules.clone(), result);
    }
}

/// What SPF and DKIM have shown, for DMARC.
fn shown(spf: &spf::Verdict, dkim: &dkim::Verdict) -> Vec<Identifier> {
    let mut shown = Vec::new();
    if matches!(spf.result, SpfResult::Pass | SpfResult::TempError) {
        let passed = spf.result == SpfResult::Pass;
        shown.push(Identifier { method: "spf", domain: spf.domain.clone(), passed });
    }
    for signature in &dkim.signatures {
        if matches!(signature.result, DkimResult::Pass | DkimResult::TempError) {
            let passed = signature.result == DkimResult::Pass;
            shown.push(Identifier { method: "dkim", domain: signature.domain.clone(), passed });
        }
    }
    shown
}

fn of_spf(spf: &spf::Verdict) -> MethodResult {
    let property = if spf.identity == "helo" { "smtp.helo" } else { "smtp.mailfrom" };
    MethodResult::new("spf", spf.result.name(), &[(property, &spf.domain)]).remarked(&spf.mechanism)
}

fn of_dmarc(verdict: &dmarc::Verdict, decision: &Decision) -> MethodResult {
    let result = MethodResult::new("dmarc", verdict.result.name(), &[("header.from", &verdict.domain)]);
    match verdict.policy {
        Some(policy) => result.remarked(&format!("p={} dis={}", policy.name(), disposition(decision))),
        None => result,
    }
}

fn disposition(decision: &Decision) -> &'static str {
    match decision {
        Decision::Accept => "none",
        Decision::Junk => "quarantine",
        Decision::Reject(_) => "reject",
    }
}

/// What is done: as the domain's owner asks, unless a sealer that this host trusts found that it was right when it
/// came there (RFC 9989 §5.4 and RFC 8617 §7.2 leave it to the receiver).
fn decide(world: &World, host: &Host, dmarc: &dmarc::Verdict, arc: &arc::Verdict) -> Decision {
    let asked = dmarc.disposition();
    let newest = arc.sealers.last().map_or("", String::as_str);
    let trusted = arc.result == ArcResult::Pass && host.spec.trust_arc.iter().any(|d| name::same(d, newest));
    let vouched = trusted && Results::parse(arc.last_results.as_bytes()).0.has("dmarc", "pass");
    let domain = &dmarc.domain;
    let (decision, why) = match asked {
        Policy::None if dmarc.result == DmarcResult::Fail => {
            (Decision::Accept, format!("`{domain}` asks for nothing to be done"))
        }
        Policy::None => return Decision::Accept,
        _ if vouched => {
            let why = format!(
                "`{newest}`, which this host trusts, has sealed that DMARC passed when the message came there"
            );
            (Decision::Accept, why)
        }
        Policy::Quarantine => (Decision::Junk, format!("`{domain}` asks for quarantine")),
        Policy::Reject => {
            let text = format!(
                "DMARC: nothing shows that this mail is from {domain}, which asks to reject such mail"
            );
            (Decision::Reject(text), format!("`{domain}` asks to reject"))
        }
    };
    let decided = match decision {
        Decision::Accept => "accept",
        Decision::Junk => "junk",
        Decision::Reject(_) => "reject",
    };
    world.fact(host, Fact::SenderJudged { decision: decided.to_owned(), why });
    decision
}

/// Whether this host itself found that a message belongs into the folder for junk: by its own field on top.
pub fn is_junk(host: &Host, message: &[u8]) -> bool {
    let letter = Letter::read(message);
    let own = letter.fields.first().filter(|field| field.is("Authentication-Results"));
    own.is_some_and(|field| {
        let (results, _) = Results::parse(field.value());
        let says = |r: &MethodResult| r.method == "dmarc" && r.comment.contains("dis=quarantine");
        name::same(&results.server, &host.spec.name) && results.results.iter().any(says)
    })
}

/// The message without fields that say, in this host's name, what was found: it has found nothing yet, and whoever
/// reads them would believe them (RFC 8601 §5).
pub fn without_claims<'m>(host: &Host, message: &'m [u8]) -> Cow<'m, [u8]> {
    let letter = Letter::read(message);
    let claims = |field: &&Field<'_>| {
        field.is("Authentication-Results")
            && name::same(&Results::parse(field.value()).0.server, &host.spec.name)
    };
    let mut kept = Vec::new();
    let mut at = 0;
    for field in letter.fields.iter().filter(claims) {
        kept.extend_from_slice(&message[at..field.at]);
        at = field.at + field.raw.len();
    }
    if at == 0 {
        return Cow::Borrowed(message);
    }
    kept.extend_from_slice(&message[at..]);
    Cow::Owned(kept)
}

/// Evaluate, with this host's resolver.
async fn ask<I: Inquiry>(world: &World, host: &Host, inquiry: I) -> I::Verdict {
    let mut check = Check::new(inquiry);
    loop {
        match check.poll() {
            Next::Done(verdict) => return verdict,
            Next::Ask(question) => {
                let answer = resolve(world, host, &question).await;
                check.answer(answer);
            }
        }
    }
}

async fn resolve(world: &World, host: &Host, question: &Question) -> Answer {
    let rtype = match question.rtype {
        Rtype::Txt => RecordType::TXT,
        Rtype::A => RecordType::A,
        Rtype::Aaaa => RecordType::AAAA,
        Rtype::Mx => RecordType::MX,
        Rtype::Ptr => RecordType::PTR,
    };
    let outcome = match world.resolver(host) {
        Ok(resolver) => resolver.ask(&question.name, rtype).await,
        Err(error) => return Answer::Failed(error.to_string()),
    };
    world.resolved(host);
    match outcome {
        Outcome::Records(records) => Answer::Records(records.iter().filter_map(|r| data(&r.data)).collect()),
        Outcome::NoData => Answer::NoData,
        Outcome::NxDomain => Answer::NxDomain,
        Outcome::Failed(why) => Answer::Failed(why),
    }
}

fn data(data: &RData) -> Option<Data> {
    let bare = |name: &hickory_resolver::proto::rr::Name| name::bare(&name.to_ascii()).to_owned();
    Some(match data {
        RData::TXT(txt) => Data::Text(txt.txt_data.iter().flat_map(|piece| piece.iter().copied()).collect()),
        RData::A(a) => Data::Address(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Data::Address(IpAddr::V6(aaaa.0)),
        RData::MX(mx) => Data::Mx(mx.preference, bare(&mx.exchange)),
        RData::PTR(ptr) => Data::Name(bare(&ptr.0)),
        _ => return None,
    })
}
