//! Policies found, domains aligned, and what comes of it.

use super::*;
use crate::proto::policy::{Answer, Check, Data};

fn dns<'a>(records: &'a [(&'a str, &'a str)]) -> impl Fn(&Question) -> Answer + 'a {
    |question| {
        let found: Vec<Data> = records
            .iter()
            .filter(|(name, _)| {
                question.rtype == Rtype::Txt && question.name.eq_ignore_ascii_case(&format!("_dmarc.{name}"))
            })
            .map(|(_, text)| Data::Text(text.as_bytes().to_vec()))
            .collect();
        if found.is_empty() { Answer::NxDomain } else { Answer::Records(found) }
    }
}

fn check(author: &str, identifiers: &[(&'static str, &str)], records: &[(&str, &str)]) -> Verdict {
    let identifiers = identifiers
        .iter()
        .map(|(method, domain)| Identifier { method, domain: (*domain).to_owned(), passed: true })
        .collect();
    Check::new(Request { authors: vec![author.to_owned()], identifiers }).run(dns(records))
}

fn told(verdict: &Verdict) -> (DmarcResult, Policy, &str) {
    (verdict.result, verdict.disposition(), verdict.tag)
}

#[test]
fn policies_come_from_the_nearest_record_that_applies() {
    let reject = [("example.com", "v=DMARC1; p=reject; sp=quarantine")];
    assert_eq!(told(&check("example.com", &[], &reject)), (DmarcResult::Fail, Policy::Reject, "p"));
    assert_eq!(told(&check("news.example.com", &[], &reject)), (DmarcResult::Fail, Policy::Quarantine, "sp"));
    let np = [("example.com", "v=DMARC1; p=none; np=reject")];
    assert_eq!(told(&check("nobody.example.com", &[], &np)), (DmarcResult::Fail, Policy::Reject, "np"));
    let own = [("example.com", "v=DMARC1; p=reject"), ("news.example.com", "v=DMARC1; p=none")];
    assert_eq!(told(&check("news.example.com", &[], &own)), (DmarcResult::Fail, Policy::None, "p"));
    assert_eq!(told(&check("example.org", &[], &reject)), (DmarcResult::None, Policy::None, ""));
    let testing = [("example.com", "v=DMARC1; p=reject; t=y")];
    assert_eq!(told(&check("example.com", &[], &testing)), (DmarcResult::Fail, Policy::Quarantine, "p"));
    let two = [("example.com", "v=DMARC1; p=reject"), ("example.com", "v=DMARC1; p=none")];
    assert_eq!(told(&check("example.com", &[], &two)).0, DmarcResult::None, "two are none");
    let silent = [("example.com", "v=DMARC1")];
    assert_eq!(told(&check("example.com", &[], &silent)).0, DmarcResult::None);
}

#[test]
fn only_what_belongs_to_the_author_counts() {
    let relaxed = [("example.com", "v=DMARC1; p=reject")];
    for (method, domain, result) in [
        ("spf", "example.com", DmarcResult::Pass),
        ("spf", "bounces.example.com", DmarcResult::Pass),
        ("dkim", "EXAMPLE.com", DmarcResult::Pass),
        ("dkim", "example.org", DmarcResult::Fail),
        ("spf", "badexample.com", DmarcResult::Fail),
        ("spf", "com", DmarcResult::Fail),
    ] {
        assert_eq!(check("example.com", &[(method, domain)], &relaxed).result, result, "{method} {domain}");
    }
    let strict = [("example.com", "v=DMARC1; p=reject; aspf=s; adkim=s")];
    assert_eq!(check("example.com", &[("spf", "mail.example.com")], &strict).result, DmarcResult::Fail);
    assert_eq!(check("example.com", &[("dkim", "example.com")], &strict).aligned, ["dkim"]);
}

#[test]
fn a_public_suffix_is_nobodys_organization() {
    let records = [("co.example", "v=DMARC1; p=reject; psd=y"), ("a.co.example", "v=DMARC1; p=none")];
    let verdict = check("mail.a.co.example", &[("spf", "b.co.example")], &records);
    assert_eq!((verdict.result, verdict.found_at.as_str()), (DmarcResult::Fail, "a.co.example"));
    let verdict = check("mail.a.co.example", &[("spf", "x.a.co.example")], &records);
    assert_eq!(verdict.result, DmarcResult::Pass);
    // Nobody but the suffix has a record: it applies.
    assert_eq!(told(&check("b.co.example", &[], &records)), (DmarcResult::Fail, Policy::Reject, "p"));
}

#[test]
fn the_walk_asks_eight_times_at_most() {
    let long = "a.b.c.d.e.f.g.h.i.j.k.example.com";
    let verdict = check(long, &[], &[("example.com", "v=DMARC1; p=reject")]);
    let asked: Vec<&str> = verdict.rules[1].asked.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(asked.len(), 8);
    assert_eq!(asked[..2], [format!("_dmarc.{long}"), "_dmarc.g.h.i.j.k.example.com".to_owned()]);
    assert_eq!(verdict.disposition(), Policy::Reject);
}

#[test]
fn no_answer_is_for_later() {
    let request = Request { authors: vec!["example.com".to_owned()], identifiers: Vec::new() };
    let verdict = Check::new(request).run(|_| Answer::Failed("time-out".to_owned()));
    assert_eq!(verdict.result, DmarcResult::TempError);
    let maybe = Identifier { method: "dkim", domain: "example.com".to_owned(), passed: false };
    let request = Request { authors: vec!["example.com".to_owned()], identifiers: vec![maybe] };
    let verdict = Check::new(request).run(dns(&[("example.com", "v=DMARC1; p=reject")]));
    assert_eq!((verdict.result, verdict.disposition()), (DmarcResult::TempError, Policy::None));
}

#[test]
fn authors_are_found_in_whatever_from_holds() {
    for (from, domains) in [
        ("Alice <alice@example.com>", vec!["example.com"]),
        ("alice@example.com", vec!["example.com"]),
        ("\"a@b.c, <x@y.z>\" <alice@example.com>", vec!["example.com"]),
        ("alice@example.com (at home, <x@y.z>)", vec!["example.com"]),
        ("a@example.com, b@example.org", vec!["example.com", "example.org"]),
        ("Group: a@example.com, b@Example.com;", vec!["example.com"]),
        ("\"quoted\\\"\" <a@example.com>", vec!["example.com"]),
        ("nobody", vec![]),
    ] {
        let message = format!("From: {from}\r\n\r\n");
        assert_eq!(author_domains(&Letter::read(message.as_bytes())), domains, "{from}");
    }
    let two = check_authors(&["a.example", "b.example"]);
    assert_eq!(two, DmarcResult::None);
}

fn check_authors(authors: &[&str]) -> DmarcResult {
    let authors = authors.iter().map(|a| (*a).to_owned()).collect();
    Check::new(Request { authors, identifiers: Vec::new() }).run(dns(&[])).result
}

#[test]
fn rules_tell_the_story_in_order() {
    let verdict =
        check("example.com", &[("spf", "mallory.example")], &[("example.com", "v=DMARC1; p=reject")]);
    let ids: Vec<(&str, &str)> = verdict.rules.iter().map(|r| (r.id.as_ref(), r.outcome.as_ref())).collect();
    assert_eq!(
        ids,
        [
            ("dmarc-author", "checked"),
            ("dmarc-record", "found"),
            ("dmarc-organization", "found"),
            ("dmarc-policy", "reject"),
            ("dmarc-align-spf", "not aligned"),
            ("dmarc-result", "fail"),
        ]
    );
    assert_eq!(verdict.rules[3].at, Some(Span::new(10, 18)));
}

proptest::proptest! {
    #[test]
    fn no_from_makes_it_panic(from in "[a-z@<>\",;:()\\\\ .]{0,40}") {
        let message = format!("From: {from}\r\n\r\n");
        let _ = author_domains(&Letter::read(message.as_bytes()));
    }
}
