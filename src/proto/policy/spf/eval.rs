//! `check_host`: terms from left to right until one matches (RFC 7208 §4).

use super::lookup::in_network;
use super::record::{self, DomainSpec, Kind, Mechanism, Qualifier, Term};
use super::{Request, SpfResult, Verdict};
use crate::base::{Asked, Rule, Span, escape};
use crate::proto::policy::{Answer, Known, Question, Rtype, name};
use std::borrow::Cow;
use std::net::IpAddr;

/// Why an evaluation goes no further.
pub enum Stop {
    /// It must know this first.
    Ask(Question),
    /// The whole check ends with this.
    End(SpfResult, &'static str, String, &'static str),
}

impl Stop {
    /// The check ends: result, rule, why, source.
    pub fn error(result: SpfResult, rule: &'static str, why: String, source: &'static str) -> Self {
        Stop::End(result, rule, why, source)
    }
}

/// One check on its way.
pub struct Eval<'a> {
    pub request: &'a Request,
    pub known: &'a Known,
    pub ip: IpAddr,
    pub local: String,
    pub sender_domain: String,
    pub terms: u32,
    pub voids: u32,
    pub asked: Vec<Asked>,
    rules: Vec<Rule>,
    depth: u8,
    /// The term that is being applied: its text and place.
    term: (String, Option<Span>),
    matched: String,
    /// The `exp=` of the record that decided, its domain, text and place.
    exp: Option<(DomainSpec, String, String, Span)>,
}

/// Evaluate a request.
pub fn check(request: &Request, known: &Known) -> Result<Verdict, Question> {
    let (identity, local, domain) = request.identity();
    let ip = match request.ip {
        // "the IPv4-mapped address … is to be treated as IPv4" (RFC 7208 §5).
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
        four => four,
    };
    let mut eval = Eval {
        request,
        known,
        ip,
        local,
        sender_domain: domain.clone(),
        terms: 0,
        voids: 0,
        asked: Vec::new(),
        rules: Vec::new(),
        depth: 0,
        term: (String::new(), None),
        matched: String::new(),
        exp: None,
    };
    let result = match eval.start(identity, &domain) {
        Ok(result) => result,
        Err(Stop::Ask(question)) => return Err(question),
        Err(Stop::End(result, id, why, source)) => {
            eval.matched.clear();
            eval.rule(id, result.name(), why, source);
            result
        }
    };
    let explanation = match (result, eval.exp.take()) {
        (SpfResult::Fail, Some((spec, domain, text, span))) => {
            eval.term = (text, Some(span));
            match eval.explain(&spec, &domain) {
                Err(Stop::Ask(question)) => return Err(question),
                Ok(explanation) => explanation,
                Err(Stop::End(..)) => None,
            }
        }
        _ => None,
    };
    eval.term = (String::new(), None);
    let whose = format!("{} for {identity} `{}`", eval.ip, escape::text(&domain));
    eval.rule("spf-result", result.name(), format!("{whose}: {}", meaning(result)), "RFC 7208 §2.6");
    let (mechanism, rules) = (eval.matched, eval.rules);
    Ok(Verdict { result, domain, identity, mechanism, explanation, rules })
}

/// What a result says, in words.
fn meaning(result: SpfResult) -> &'static str {
    match result {
        SpfResult::None => "there is nothing to judge by",
        SpfResult::Neutral => "the domain says neither yes nor no",
        SpfResult::Pass => "the domain lets this address send for it",
        SpfResult::Fail => "the domain does not let this address send for it",
        SpfResult::SoftFail => {
            "the domain does not expect mail from this address, and does not yet forbid it"
        }
        SpfResult::TempError => "the DNS could not be asked now; a later attempt may tell",
        SpfResult::PermError => "what the domain publishes cannot be followed",
    }
}

impl Eval<'_> {
    /// Note a rule down, with what was asked for it.
    fn rule(&mut self, id: &'static str, outcome: &'static str, why: String, source: &'static str) {
        let (text, at) = self.term.clone();
        let asked = std::mem::take(&mut self.asked);
        let (id, outcome, source) = (Cow::from(id), Cow::from(outcome), Cow::from(source));
        self.rules.push(Rule { id, depth: self.depth, text, at, asked, outcome, why, source });
    }

    /// The initial processing (RFC 7208 §4.3).
    fn start(&mut self, identity: &'static str, domain: &str) -> Result<SpfResult, Stop> {
        self.term = (escape::text(domain), None);
        if !name::is_qualified(domain) {
            let why = "only a domain of several labels, none empty and none longer than 63, can be looked up";
            self.rule("spf-domain", "none", why.to_owned(), "RFC 7208 §4.3");
            return Ok(SpfResult::None);
        }
        let (id, why) = match identity {
            "helo" => ("spf-helo", "the reverse-path is empty, so the name in HELO is checked"),
            _ => (
                "spf-mailfrom",
                "the domain of the reverse-path (MAIL FROM) is checked, not the From: field's",
            ),
        };
        self.rule(id, "checked", why.to_owned(), "RFC 7208 §2.4");
        self.check_host(domain)
    }

    /// RFC 7208 §4: the record of a domain, applied.
    fn check_host(&mut self, domain: &str) -> Result<SpfResult, Stop> {
        if !name::is_qualified(domain) {
            return Ok(SpfResult::None);
        }
        let Some(record) = self.record(domain)? else { return Ok(SpfResult::None) };
        let text = |span: Span| String::from_utf8_lossy(span.of(&record)).into_owned();
        let terms = match record::parse(&record) {
            Ok(terms) => terms,
            Err(wrong) => {
                self.term = (escape::text(&text(wrong.span)), Some(wrong.span));
                return Err(Stop::error(SpfResult::PermError, "spf-syntax", wrong.message, "RFC 7208 §4.6"));
            }
        };
        for term in &terms {
            let Kind::Directive(qualifier, mechanism) = &term.kind else { continue };
            self.term = (text(term.span), Some(term.span));
            if self.matches(mechanism, domain)? {
                if self.depth == 0 {
                    self.matched = text(term.span);
                    let exp = terms.iter().find_map(|t| match &t.kind {
                        Kind::Exp(spec) => Some((spec.clone(), domain.to_owned(), text(t.span), t.span)),
                        _ => None,
                    });
                    self.exp = exp;
                }
                return Ok(result_of(*qualifier));
            }
        }
        let redirect = |t: &Term| match &t.kind {
            Kind::Redirect(spec) => Some((spec.clone(), t.span)),
            _ => None,
        };
        if let Some((spec, span)) = terms.iter().find_map(redirect) {
            self.term = (text(span), Some(span));
            return self.redirect(&spec, domain);
        }
        self.term = (String::new(), None);
        let why = "no mechanism matched, and there is no `redirect`: as if the record ended in `?all`";
        self.rule("spf-default", "neutral", why.to_owned(), "RFC 7208 §4.7");
        Ok(SpfResult::Neutral)
    }

    /// The one SPF record of a domain (RFC 7208 §4.4, §4.5).
    fn record(&mut self, domain: &str) -> Result<Option<Vec<u8>>, Stop> {
        self.term = (String::new(), None);
        let answer = self.ask(domain, Rtype::Txt)?;
        let why = |what: &str| format!("{what} at `{}`", escape::text(domain));
        if let Answer::Failed(reason) = &answer {
            let why = why(&format!("the DNS gave no answer ({reason})"));
            return Err(Stop::error(SpfResult::TempError, "spf-record", why, "RFC 7208 §4.4"));
        }
        let mut found = answer.texts().filter(|text| record::is_spf(text)).map(<[u8]>::to_vec);
        match (found.next(), found.next()) {
            (None, _) => {
                let why = why("no TXT record that begins with `v=spf1`");
                self.rule("spf-record", "none", why, "RFC 7208 §4.5");
                Ok(None)
            }
            (Some(record), None) => {
                self.term = (escape::text(&String::from_utf8_lossy(&record)), None);
                let why = why("one TXT record that begins with `v=spf1`");
                self.rule("spf-record", "found", why, "RFC 7208 §4.5");
                Ok(Some(record))
            }
            (Some(_), Some(_)) => {
                let why = why("more than one TXT record that begins with `v=spf1`");
                Err(Stop::error(SpfResult::PermError, "spf-record", why, "RFC 7208 §4.5"))
            }
        }
    }

    fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, Stop> {
        let (hit, why) = match mechanism {
            Mechanism::All => (true, "`all` matches whatever comes to it".to_owned()),
            Mechanism::Ip4(network, length) => self.network(IpAddr::V4(*network), *length),
            Mechanism::Ip6(network, length) => self.network(IpAddr::V6(*network), *length),
            Mechanism::Include(spec) => return self.include(spec, domain),
            Mechanism::A(spec, four, six) => {
                self.count_term()?;
                let target = self.target(spec.as_ref(), domain)?;
                let found = self.has_address(&target, *four, *six)?;
                (found.is_some(), self.of_address(found, &target, (*four, *six)))
            }
            Mechanism::Mx(spec, four, six) => self.exchanger(spec.as_ref(), domain, (*four, *six))?,
            Mechanism::Ptr(spec) => {
                self.count_term()?;
                let target = self.target(spec.as_ref(), domain)?;
                let names = self.validated_names()?;
                match names.iter().find(|name| name::is_within(name, &target)) {
                    Some(name) => (true, format!("{} is called `{name}`, which leads back to it", self.ip)),
                    None => (false, format!("no name of {} that leads back to it is in `{target}`", self.ip)),
                }
            }
            Mechanism::Exists(spec) => {
                self.count_term()?;
                let target = self.target(Some(spec), domain)?;
                // "even when the connection type is IPv6" (RFC 7208 §5.7).
                let answer = self.ask_counted(&target, Rtype::A)?;
                let hit = !answer.is_void();
                (
                    hit,
                    format!(
                        "`{}` {} an address",
                        escape::text(&target),
                        if hit { "has" } else { "does not have" }
                    ),
                )
            }
        };
        self.rule(mechanism.id(), if hit { "match" } else { "no match" }, why, mechanism.source());
        Ok(hit)
    }

    fn network(&self, network: IpAddr, length: u8) -> (bool, String) {
        let hit = in_network(self.ip, network, length);
        (hit, format!("{} is {}in {network}/{length}", self.ip, if hit { "" } else { "not " }))
    }

    fn of_address(&self, found: Option<IpAddr>, host: &str, (four, six): (u8, u8)) -> String {
        let (length, whole) = if self.ip.is_ipv4() { (four, 32) } else { (six, 128) };
        let host = escape::text(host);
        match found {
            Some(address) if length == whole => format!("{address} is an address of `{host}`"),
            Some(address) => format!("{} is in {address}/{length}, and {address} is of `{host}`", self.ip),
            None if length == whole => format!("{} is no address of `{host}`", self.ip),
            None => format!("{} is in no network /{length} of an address of `{host}`", self.ip),
        }
    }

    fn exchanger(
        &mut self,
        spec: Option<&DomainSpec>,
        domain: &str,
        (four, six): (u8, u8),
    ) -> Result<(bool, String), Stop> {
        self.count_term()?;
        let target = self.target(spec, domain)?;
        let hosts = self.exchangers(&target)?;
        for host in &hosts {
            let found = self.has_address(host, four, six)?;
            if found.is_some() {
                return Ok((true, self.of_address(found, host, (four, six))));
            }
        }
        let why = match hosts.as_slice() {
            [] => format!("`{}` has no mail exchanger", escape::text(&target)),
            [only] => {
                format!("{} is not of `{}`, the mail exchanger of `{target}`", self.ip, escape::text(only))
            }
            all => format!("{} is of none of the {} mail exchangers of `{target}`", self.ip, all.len()),
        };
        Ok((false, why))
    }

    /// RFC 7208 §5.2: "a `fail` of the included record is no match": it is asked a question, and its answer is not ours.
    fn include(&mut self, spec: &DomainSpec, domain: &str) -> Result<bool, Stop> {
        self.count_term()?;
        let target = self.target(Some(spec), domain)?;
        let why =
            format!("the record of `{}` is asked; only its `pass` counts as a match", escape::text(&target));
        self.rule("spf-include", "ask", why, "RFC 7208 §5.2");
        let term = self.term.clone();
        self.depth += 1;
        let result = self.check_host(&target)?;
        self.depth -= 1;
        self.term = term;
        if result == SpfResult::None {
            let why = format!("`{}` publishes no record to include", escape::text(&target));
            return Err(Stop::error(SpfResult::PermError, "spf-include", why, "RFC 7208 §5.2"));
        }
        let hit = result == SpfResult::Pass;
        let why = format!("the record of `{}` gives `{}`", escape::text(&target), result.name());
        self.rule("spf-include", if hit { "match" } else { "no match" }, why, "RFC 7208 §5.2");
        Ok(hit)
    }

    /// RFC 7208 §6.1: another domain's record in place of this one.
    fn redirect(&mut self, spec: &DomainSpec, domain: &str) -> Result<SpfResult, Stop> {
        self.count_term()?;
        let target = self.target(Some(spec), domain)?;
        let term = self.term.clone();
        let why = format!("no mechanism matched: the record of `{}` decides", escape::text(&target));
        self.rule("spf-redirect", "follow", why, "RFC 7208 §6.1");
        let result = self.check_host(&target)?;
        if result == SpfResult::None {
            self.term = term;
            let why = format!("`{}` publishes no record to follow", escape::text(&target));
            return Err(Stop::error(SpfResult::PermError, "spf-redirect", why, "RFC 7208 §6.1"));
        }
        Ok(result)
    }

    /// RFC 7208 §6.2: the text behind `exp=`; whatever goes wrong with it changes nothing.
    fn explain(&mut self, spec: &DomainSpec, domain: &str) -> Result<Option<String>, Stop> {
        let target = self.target(Some(spec), domain)?;
        let answer = self.ask(&target, Rtype::Txt)?;
        let mut texts = answer.texts();
        let text = match (texts.next(), texts.next()) {
            (Some(text), None) => std::str::from_utf8(text).ok().filter(|text| text.is_ascii()),
            _ => None,
        };
        let parsed = text.and_then(|text| super::macros::MacroString::parse(text, true).ok());
        let explanation = match parsed {
            Some(parsed) => Some(self.expand(&parsed, domain)?),
            None => None,
        };
        let (outcome, why) = match &explanation {
            Some(text) => ("read", escape::text(text)),
            None => ("left out", format!("`{}` has not one text that can be read", escape::text(&target))),
        };
        self.rule("spf-exp", outcome, why, "RFC 7208 §6.2");
        Ok(explanation)
    }
}

fn result_of(qualifier: Qualifier) -> SpfResult {
    match qualifier {
        Qualifier::Pass => SpfResult::Pass,
        Qualifier::Fail => SpfResult::Fail,
        Qualifier::SoftFail => SpfResult::SoftFail,
        Qualifier::Neutral => SpfResult::Neutral,
    }
}
