//! DMARC: does what SPF and DKIM have shown belong to the domain that a reader sees in From:? (RFC 9989)
//!
//! `record.rs` reads a policy record, `walk.rs` finds the records that apply. Which domain is an organization's own is
//! found by the walk itself, up the tree of the DNS (RFC 9989 §4.10); no list of public suffixes is needed.

pub mod record;
mod walk;

use super::letter::Letter;
use super::{Inquiry, Known, Question, Rtype, name};
use crate::base::{Asked, Rule, Span, escape};
use record::{Alignment, Policy, Record};
use std::borrow::Cow;
use walk::{Found, Walk, Walked};

/// What comes of a check (RFC 9989 §5.3, RFC 8601 §2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DmarcResult {
    /// No policy applies, or From: does not name one domain.
    None,
    /// SPF or DKIM passed, for a domain that is aligned.
    Pass,
    /// Neither did.
    Fail,
    /// The DNS could not be asked now.
    TempError,
}

impl DmarcResult {
    /// Its name in header fields.
    pub fn name(self) -> &'static str {
        match self {
            DmarcResult::None => "none",
            DmarcResult::Pass => "pass",
            DmarcResult::Fail => "fail",
            DmarcResult::TempError => "temperror",
        }
    }
}

/// Something that was authenticated, or could not be now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// `spf` or `dkim`.
    pub method: &'static str,
    /// The domain that it stands for.
    pub domain: String,
    /// Whether it passed; otherwise it might have, had the DNS answered.
    pub passed: bool,
}

/// What a message claims, and what SPF and DKIM have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The domains in From:, see [`author_domains`].
    pub authors: Vec<String>,
    /// What passed, and what the DNS did not answer.
    pub identifiers: Vec<Identifier>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub result: DmarcResult,
    /// The domain in From:.
    pub domain: String,
    /// Where the record was found.
    pub found_at: String,
    /// What the domain's owner asks for a message that fails; `None` where no record applies.
    pub policy: Option<Policy>,
    /// Which tag of the record said so: `p`, `sp` or `np`.
    pub tag: &'static str,
    /// Which methods passed and are aligned: `spf`, `dkim`.
    pub aligned: Vec<&'static str>,
    /// Every rule that was applied, in order.
    pub rules: Vec<Rule>,
}

impl Verdict {
    /// What the owner of the domain asks to be done with this message.
    pub fn disposition(&self) -> Policy {
        match self.result {
            DmarcResult::Fail => self.policy.unwrap_or(Policy::None),
            _ => Policy::None,
        }
    }
}

/// The most From: fields and addresses that are looked at.
const MOST_AUTHORS: usize = 20;

/// The domains of the addresses in From: (RFC 9989 §4.10.1 asks for one).
pub fn author_domains(letter: &Letter<'_>) -> Vec<String> {
    let mut domains: Vec<String> = Vec::new();
    for field in letter.all("From").take(MOST_AUTHORS) {
        for address in addresses(&field.text()).into_iter().take(MOST_AUTHORS) {
            let domain = address.rsplit_once('@').map(|(_, domain)| domain.trim());
            if let Some(domain) = domain.filter(|d| !d.is_empty())
                && !domains.iter().any(|known| name::same(known, domain))
            {
                domains.push(name::bare(domain).to_owned());
            }
        }
    }
    domains
}

/// The addresses of a field: outside quotes and comments, in angle brackets where there are any (RFC 5322 §3.4).
fn addresses(text: &str) -> Vec<String> {
    let (mut found, mut current, mut angle) = (Vec::new(), String::new(), None::<String>);
    let (mut quoted, mut escaped, mut comment) = (false, false, 0_u32);
    for c in text.chars() {
        let literal = escaped || (quoted && c != '"' && c != '\\');
        if escaped {
            escaped = false;
        } else if c == '\\' && (quoted || comment > 0) {
            escaped = true;
            continue;
        }
        match c {
            '"' if !literal && comment == 0 => quoted = !quoted,
            '(' if !literal => comment += 1,
            ')' if !literal && comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            '<' if !literal => current.clear(),
            '>' if !literal => angle = Some(std::mem::take(&mut current)),
            ',' | ';' if !literal => {
                found.push(angle.take().unwrap_or_else(|| std::mem::take(&mut current)));
                current.clear();
            }
            // A group's name ends here.
            ':' if !literal => current.clear(),
            c => current.push(c),
        }
    }
    found.push(angle.unwrap_or(current));
    found.iter().map(|a| a.trim().to_owned()).filter(|a| a.contains('@')).collect()
}

impl Inquiry for Request {
    type Verdict = Verdict;

    fn evaluate(&self, known: &Known) -> Result<Verdict, Question> {
        let mut eval = Eval { known, rules: Vec::new() };
        let verdict = eval.check(self)?;
        Ok(Verdict { rules: eval.rules, ..verdict })
    }
}

struct Eval<'a> {
    known: &'a Known,
    rules: Vec<Rule>,
}

impl Eval<'_> {
    fn rule(&mut self, id: &'static str, text: String, outcome: &'static str, why: String) -> &mut Rule {
        let source = match id {
            "dmarc-author" | "dmarc-policy" => "RFC 9989 §4.10.1",
            "dmarc-record" => "RFC 9989 §4.10",
            "dmarc-organization" => "RFC 9989 §4.10.2",
            "dmarc-align-spf" | "dmarc-align-dkim" => "RFC 9989 §4.4",
            "dmarc-testing" => "RFC 9989 §4.7",
            _ => "RFC 9989 §5.3",
        };
        self.rules.push(Rule {
            id: Cow::from(id),
            depth: 0,
            text: escape::text(&text),
            at: None,
            asked: Vec::new(),
            outcome: Cow::from(outcome),
            why,
            source: Cow::from(source),
        });
        let last = self.rules.len() - 1;
        &mut self.rules[last]
    }

    fn check(&mut self, request: &Request) -> Result<Verdict, Question> {
        let mut verdict = Verdict {
            result: DmarcResult::None,
            domain: request.authors.first().cloned().unwrap_or_default(),
            found_at: String::new(),
            policy: None,
            tag: "",
            aligned: Vec::new(),
            rules: Vec::new(),
        };
        let [author] = request.authors.as_slice() else {
            let why =
                format!("From: names {} domains, and DMARC is about exactly one", request.authors.len());
            self.rule("dmarc-author", request.authors.join(", "), "none", why);
            return Ok(verdict);
        };
        if !name::is_askable(author) {
            self.rule(
                "dmarc-author",
                author.clone(),
                "none",
                "From: has no domain that can be looked up".to_owned(),
            );
            return Ok(verdict);
        }
        let why = "the domain in From:, which is what a reader sees".to_owned();
        self.rule("dmarc-author", author.clone(), "checked", why);
        let walk = match walk::up(author, self.known)? {
            Walked::NoAnswer(asked, why) => {
                self.found(None, asked, &format!("the DNS gave no answer: {why}"), "temperror");
                verdict.result = DmarcResult::TempError;
                return Ok(verdict);
            }
            Walked::Done(walk) => walk,
        };
        let Some(found) = walk.chosen(author) else {
            self.found(None, walk.asked, "no policy record, neither here nor above", "none");
            return Ok(verdict);
        };
        let organization = walk.organization(author);
        let (found, own) = (found.clone(), name::same(&found.domain, author));
        let why = match own {
            true => format!("the domain has a record of its own at `_dmarc.{}`", found.domain),
            false => format!("the domain has none; `_dmarc.{}` above it has", found.domain),
        };
        self.found(Some(&found), walk.asked, &why, "found");
        self.rule(
            "dmarc-organization",
            organization.clone(),
            "found",
            organization_why(&organization, author),
        );
        verdict.found_at.clone_from(&found.domain);
        let Some((tag, policy)) = self.policy(&found, own, author)? else { return Ok(verdict) };
        (verdict.tag, verdict.policy) = (tag, Some(policy));
        let mut unsure = false;
        for identifier in &request.identifiers {
            let aligned = self.aligned(identifier, author, &organization, &found.record)?;
            match aligned {
                Some(true) if identifier.passed => {
                    if !verdict.aligned.contains(&identifier.method) {
                        verdict.aligned.push(identifier.method);
                    }
                }
                Some(true) | None => unsure = true,
                Some(false) => {}
            }
        }
        self.conclude(&mut verdict, unsure);
        Ok(verdict)
    }

    fn found(&mut self, found: Option<&Found>, asked: Vec<Asked>, why: &str, outcome: &'static str) {
        let text = found.map(|found| found.text.clone()).unwrap_or_default();
        self.rule("dmarc-record", text, outcome, escape::text(why)).asked = asked;
    }

    /// Which policy holds for a domain (RFC 9989 §4.10.1): its own record's `p`; of one above it `sp`, or `np` where
    /// the domain does not exist.
    fn policy(
        &mut self,
        found: &Found,
        own: bool,
        author: &str,
    ) -> Result<Option<(&'static str, Policy)>, Question> {
        let record = &found.record;
        let Some(p) = record.policy.or(record.reports.then_some(Policy::None)) else {
            let why = "the record has neither a policy that is known nor anybody to report to".to_owned();
            self.rule("dmarc-policy", String::new(), "none", why);
            return Ok(None);
        };
        let sub = record.sub_policy.unwrap_or(p);
        let missing = record.missing_policy.unwrap_or(sub);
        let mut asked = None;
        let (tag, mut policy) = if own {
            ("p", p)
        } else if missing == sub {
            (if record.sub_policy.is_some() { "sp" } else { "p" }, sub)
        } else {
            let answer = self.known.get(author, Rtype::A)?;
            asked = Some(super::asked(author, Rtype::A, answer));
            match answer {
                super::Answer::NxDomain => ("np", missing),
                _ => (if record.sub_policy.is_some() { "sp" } else { "p" }, sub),
            }
        };
        let (text, at) = found.tag(tag);
        let why = match tag {
            "np" => "the domain does not exist, and for those the record asks",
            "sp" => "the domain is below the one with the record, and for those it asks",
            _ => "for a message that fails, the domain's owner asks",
        };
        let why = format!("{why}: {}", policy.name());
        let rule = self.rule("dmarc-policy", text, policy.name(), why);
        rule.at = at;
        rule.asked.extend(asked);
        if record.testing {
            let milder = policy.milder();
            let why =
                format!("`t=y`: the owner is trying out; `{}` counts as `{}`", policy.name(), milder.name());
            let (text, at) = found.tag("t");
            self.rule("dmarc-testing", text, milder.name(), why).at = at;
            policy = milder;
        }
        Ok(Some((tag, policy)))
    }

    /// Whether a domain that was authenticated is the author's, or of the same organization; `None` where the DNS did
    /// not say (RFC 9989 §4.4).
    fn aligned(
        &mut self,
        identifier: &Identifier,
        author: &str,
        organization: &str,
        record: &Record,
    ) -> Result<Option<bool>, Question> {
        let (id, mode, tag) = match identifier.method {
            "spf" => ("dmarc-align-spf", record.spf, "aspf"),
            _ => ("dmarc-align-dkim", record.dkim, "adkim"),
        };
        let domain = &identifier.domain;
        let mut asked = Vec::new();
        let (aligned, why) = if name::same(domain, author) {
            (Some(true), format!("`{domain}` is the domain in From:"))
        } else if mode == Alignment::Strict {
            (Some(false), format!("`{domain}` is not `{author}`, and `{tag}=s` wants the very same"))
        } else if !name::is_within(domain, organization) || !name::is_askable(domain) {
            (Some(false), format!("`{domain}` is not of the organization `{organization}`"))
        } else {
            match walk::up(domain, self.known)? {
                Walked::NoAnswer(questions, why) => {
                    asked = questions;
                    (None, format!("whose `{domain}` is cannot be told: {why}"))
                }
                Walked::Done(walk) => {
                    let its = walk.organization(domain);
                    asked = walk.asked;
                    let same = name::same(&its, organization);
                    (
                        Some(same),
                        format!(
                            "the organization of `{domain}` is `{its}`, the author's is `{organization}`"
                        ),
                    )
                }
            }
        };
        let outcome = match (aligned, identifier.passed) {
            (Some(true), true) => "aligned",
            (Some(false), _) => "not aligned",
            _ => "not known",
        };
        let passed = if identifier.passed { "passed" } else { "could not be told now" };
        let text = format!("{} {passed} for {domain}", identifier.method);
        self.rule(id, text, outcome, escape::text(&why)).asked = asked;
        Ok(aligned)
    }

    fn conclude(&mut self, verdict: &mut Verdict, unsure: bool) {
        let policy = verdict.policy.unwrap_or(Policy::None).name();
        let (result, why) = if !verdict.aligned.is_empty() {
            (
                DmarcResult::Pass,
                format!("{} passed for a domain that belongs to the author's", verdict.aligned.join(" and ")),
            )
        } else if unsure {
            (
                DmarcResult::TempError,
                "nothing that belongs to the author's domain passed, and not all could be told".to_owned(),
            )
        } else {
            let why = format!("nothing that passed belongs to the domain in From:; its owner asks: {policy}");
            (DmarcResult::Fail, why)
        };
        verdict.result = result;
        self.rule("dmarc-result", verdict.domain.clone(), result.name(), why);
    }
}

fn organization_why(organization: &str, author: &str) -> String {
    match name::same(organization, author) {
        true => "the domain is its own organization".to_owned(),
        false => format!("`{author}` belongs to the organization `{organization}`"),
    }
}

/// A tag of a record with its place.
type TagAt = (String, Option<Span>);

impl Found {
    fn tag(&self, name: &str) -> TagAt {
        let tags = super::tags::Tags::parse(self.text.as_bytes()).unwrap_or_default();
        tags.tag(name).map(|tag| (format!("{name}={}", tag.value), Some(tag.span))).unwrap_or_default()
    }
}

impl Walk {
    /// The record that applies: the author's own, else the organization's, else the one of the suffix above
    /// (RFC 9989 §4.10.1).
    fn chosen(&self, author: &str) -> Option<&Found> {
        let at = |domain: &str| self.found.iter().find(|found| name::same(&found.domain, domain));
        at(author).or_else(|| at(&self.organization(author))).or(self.found.last())
    }
}

#[cfg(test)]
mod tests;
