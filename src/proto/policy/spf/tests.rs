//! RFC 7208's own examples, its limits, and what rules say.

use super::*;
use crate::proto::policy::{Answer, Check, Data, Rtype};

/// The zone of RFC 7208 appendix A, one record of SPF at `example.com` beside it, and more lines of one's own.
fn dns(spf: &str, more: &[(&str, Rtype, &str)], question: &Question) -> Answer {
    use Rtype::{A, Mx, Ptr};
    let zone = [
        ("example.com", Mx, "10 mail-a.example.com"),
        ("example.com", Mx, "20 mail-b.example.com"),
        ("example.com", A, "192.0.2.10"),
        ("example.com", A, "192.0.2.11"),
        ("amy.example.com", A, "192.0.2.65"),
        ("bob.example.com", A, "192.0.2.66"),
        ("mail-a.example.com", A, "192.0.2.129"),
        ("mail-b.example.com", A, "192.0.2.130"),
        ("www.example.com", A, "192.0.2.10"),
        ("example.org", Mx, "10 mail-c.example.org"),
        ("mail-c.example.org", A, "192.0.2.140"),
        ("10.2.0.192.in-addr.arpa", Ptr, "example.com"),
        ("65.2.0.192.in-addr.arpa", Ptr, "amy.example.com"),
        ("140.2.0.192.in-addr.arpa", Ptr, "mail-c.example.org"),
        ("11.2.0.10.in-addr.arpa", Ptr, "joel.example.com"),
        ("4.0.0.10.in-addr.arpa", Ptr, "bob.example.com"),
        ("example.com", Rtype::Txt, spf),
    ];
    let read = |(_, rtype, text): &(&str, Rtype, &str)| match rtype {
        Rtype::Txt => Data::Text(text.as_bytes().to_vec()),
        A | Rtype::Aaaa => Data::Address(text.parse().expect("an address")),
        Ptr => Data::Name((*text).to_owned()),
        Mx => {
            let (preference, host) = text.split_once(' ').expect("two words");
            Data::Mx(preference.parse().expect("a number"), host.to_owned())
        }
    };
    let here =
        |row: &&(&str, Rtype, &str)| row.0.eq_ignore_ascii_case(&question.name) && row.1 == question.rtype;
    let found: Vec<Data> = zone.iter().chain(more).filter(here).map(read).collect();
    if found.is_empty() { Answer::NxDomain } else { Answer::Records(found) }
}

fn verdict(spf: &str, ip: &str, more: &[(&str, Rtype, &str)]) -> Verdict {
    let request = Request {
        ip: ip.parse().expect("an address"),
        helo: "client.example.org".to_owned(),
        sender: "alice@example.com".to_owned(),
        receiver: "mx1.example.net".to_owned(),
        now: 0,
    };
    Check::new(request).run(|question| dns(spf, more, question))
}

fn result(spf: &str, ip: &str) -> SpfResult {
    verdict(spf, ip, &[]).result
}

#[test]
fn rfc_7208_appendix_a_1_simple_examples() {
    use SpfResult::{Fail, Neutral, Pass};
    for (spf, passes, fails) in [
        ("v=spf1 +all", vec!["192.0.2.1", "2001:db8::1"], vec![]),
        ("v=spf1 a -all", vec!["192.0.2.10", "192.0.2.11"], vec!["192.0.2.65"]),
        ("v=spf1 a:example.org -all", vec![], vec!["192.0.2.10", "192.0.2.140"]),
        ("v=spf1 mx -all", vec!["192.0.2.129", "192.0.2.130"], vec!["192.0.2.140"]),
        ("v=spf1 mx:example.org -all", vec!["192.0.2.140"], vec!["192.0.2.129"]),
        (
            "v=spf1 mx mx:example.org -all",
            vec!["192.0.2.129", "192.0.2.130", "192.0.2.140"],
            vec!["192.0.2.1"],
        ),
        (
            "v=spf1 mx/30 mx:example.org/30 -all",
            vec!["192.0.2.128", "192.0.2.131", "192.0.2.143"],
            vec!["192.0.2.132"],
        ),
        ("v=spf1 ptr -all", vec!["192.0.2.10", "192.0.2.65"], vec!["192.0.2.140", "10.0.0.4"]),
        ("v=spf1 ip4:192.0.2.128/28 -all", vec!["192.0.2.129", "192.0.2.140"], vec!["192.0.2.65"]),
    ] {
        for ip in passes {
            assert_eq!(result(spf, ip), Pass, "{spf} {ip}");
        }
        for ip in fails {
            assert_eq!(result(spf, ip), Fail, "{spf} {ip}");
        }
    }
    assert_eq!(result("v=spf1 a", "192.0.2.65"), Neutral);
    assert_eq!(result("v=spf1", "192.0.2.10"), Neutral);
}

#[test]
fn every_rule_says_where_why_and_by_what() {
    let verdict = verdict("v=spf1 ip4:198.51.100.0/24 mx -all", "203.0.113.66", &[]);
    let told: Vec<(&str, &str, &str)> =
        verdict.rules.iter().map(|r| (r.id.as_ref(), r.text.as_str(), r.outcome.as_ref())).collect();
    assert_eq!(
        told,
        [
            ("spf-mailfrom", "example.com", "checked"),
            ("spf-record", "v=spf1 ip4:198.51.100.0/24 mx -all", "found"),
            ("spf-ip4", "ip4:198.51.100.0/24", "no match"),
            ("spf-mx", "mx", "no match"),
            ("spf-all", "-all", "match"),
            ("spf-result", "", "fail"),
        ]
    );
    assert_eq!((verdict.result, verdict.mechanism.as_str()), (SpfResult::Fail, "-all"));
    let mx = &verdict.rules[3];
    assert_eq!(mx.at, Some(crate::base::Span::new(27, 29)));
    let asked: Vec<(&str, &str)> = mx.asked.iter().map(|a| (a.name.as_str(), a.rtype.as_str())).collect();
    assert_eq!(asked, [("example.com", "MX"), ("mail-a.example.com", "A"), ("mail-b.example.com", "A")]);
    assert_eq!(mx.why, "203.0.113.66 is of none of the 2 mail exchangers of `example.com`");
    assert!(verdict.rules.iter().all(|r| r.source.starts_with("RFC 7208 §") && !r.why.is_empty()));
}

#[test]
fn an_included_fail_is_no_match_and_stands_one_deeper() {
    let more = [("other.example", Rtype::Txt, "v=spf1 -all")];
    let verdict = verdict("v=spf1 include:other.example ?all", "192.0.2.1", &more);
    assert_eq!((verdict.result, verdict.mechanism.as_str()), (SpfResult::Neutral, "?all"));
    let inner: Vec<&str> = verdict.rules.iter().filter(|r| r.depth == 1).map(|r| r.id.as_ref()).collect();
    assert_eq!(inner, ["spf-record", "spf-all"]);
}

#[test]
fn limits_end_the_whole_check() {
    let ten = (0..10).map(|n| format!("a:h{n}.example.com")).collect::<Vec<_>>();
    let names: Vec<(String, Rtype, &str)> =
        (0..11).map(|n| (format!("h{n}.example.com"), Rtype::A, "198.51.100.1")).collect();
    let more: Vec<(&str, Rtype, &str)> = names.iter().map(|(n, t, d)| (n.as_str(), *t, *d)).collect();
    let spf = format!("v=spf1 {} -all", ten.join(" "));
    assert_eq!(verdict(&spf, "192.0.2.1", &more).result, SpfResult::Fail);
    let spf = format!("v=spf1 {} a:h10.example.com -all", ten.join(" "));
    let over = verdict(&spf, "192.0.2.1", &more);
    assert_eq!(over.result, SpfResult::PermError);
    assert!(over.rules.iter().any(|r| r.id == "spf-too-many-lookups" && r.text == "a:h10.example.com"));
    assert_eq!(result("v=spf1 a:x.example.com a:y.example.com -all", "192.0.2.1"), SpfResult::Fail);
    assert_eq!(
        result("v=spf1 a:x.example.com a:y.example.com a:z.example.com -all", "192.0.2.1"),
        SpfResult::PermError
    );
    assert_eq!(result("v=spf1 include:example.com -all", "192.0.2.1"), SpfResult::PermError, "a circle ends");
}

#[test]
fn an_explanation_is_the_domains_own_words() {
    let more = [("why.example.com", Rtype::Txt, "%{i} is not one of %{d}'s designated mail servers.")];
    let verdict = verdict("v=spf1 -all exp=why.example.com", "192.0.2.1", &more);
    assert_eq!(
        verdict.explanation.as_deref(),
        Some("192.0.2.1 is not one of example.com's designated mail servers.")
    );
}

#[test]
fn an_empty_reverse_path_is_judged_by_the_helo_name() {
    let request = Request {
        ip: "192.0.2.10".parse().expect("an address"),
        helo: "example.com".to_owned(),
        sender: String::new(),
        receiver: String::new(),
        now: 0,
    };
    let verdict = Check::new(request).run(|question| dns("v=spf1 a -all", &[], question));
    assert_eq!((verdict.result, verdict.identity), (SpfResult::Pass, "helo"));
}

proptest::proptest! {
    #[test]
    fn no_record_and_no_sender_makes_it_panic_or_run_on(
        spf in "(v=spf1 )?([-~?]?(a|mx|ptr|all|include:example.com|exists:%\\{[a-z][0-9]?r?\\}.example.com|redirect=example.com|ip6:::1)(/[0-9]{1,2})? ){0,8}",
        sender in "[a-z@.%]{0,12}",
        four in 0_u32..,
    ) {
        let request = Request {
            ip: IpAddr::V4(four.into()),
            helo: "h.example".to_owned(),
            sender,
            receiver: String::new(),
            now: 0,
        };
        let mut questions = 0;
        Check::new(request).run(|question| { questions += 1; dns(&spf, &[], question) });
        proptest::prop_assert!(questions <= crate::proto::policy::MOST_QUESTIONS);
    }
}
