//! The examples of RFC 6376 and RFC 8463, what a signature survives and what breaks it.

use super::keys::SigningKey;
use super::*;
use crate::proto::policy::letter::{Letter, on_the_wire};
use crate::proto::policy::{Answer, Check, Data, Question};

/// RFC 8463 appendix A.3: signed twice, by Ed25519 and by RSA.
const RFC_8463: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\nFrom: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

/// RFC 6376 appendix A.2, with its errata 3192 (one space behind "game.") and 4926 (how far the lines are indented, which
/// `simple` keeps).
const RFC_6376: &str = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
";

/// RFC 6376 appendix C: the key of `brisbane._domainkey.example.com`.
fn brisbane(question: &Question) -> Answer {
    if question.name != "brisbane._domainkey.example.com" {
        return Answer::NxDomain;
    }
    let text = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    Answer::Records(vec![Data::Text(text.as_bytes().to_vec())])
}

fn football(question: &Question) -> Answer {
    let text = match question.name.as_str() {
        "brisbane._domainkey.football.example.com" => {
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        }
        "test._domainkey.football.example.com" => {
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
        }
        _ => return Answer::NxDomain,
    };
    Answer::Records(vec![Data::Text(text.as_bytes().to_vec())])
}

fn verify(message: &str, dns: impl FnMut(&Question) -> Answer, now: i64) -> Verdict {
    let message = on_the_wire(message.as_bytes()).into_owned();
    let letter = Letter::read(&message);
    Check::new(Request { letter: &letter, now }).run(dns)
}

fn results(verdict: &Verdict) -> Vec<DkimResult> {
    verdict.signatures.iter().map(|s| s.result).collect()
}

#[test]
fn rfc_6376_appendix_a_verifies_and_no_white_space_may_change() {
    let verdict = verify(RFC_6376, brisbane, 0);
    assert_eq!(results(&verdict), [DkimResult::Pass], "{verdict:#?}");
    for (from, to) in
        [("game. Are", "game.  Are"), ("Subject: Is", "Subject:  Is"), ("Joe.\n", "Joe.\nMore.\n")]
    {
        let changed = RFC_6376.replacen(from, to, 1);
        assert_ne!(changed, RFC_6376);
        assert_eq!(results(&verify(&changed, brisbane, 0)), [DkimResult::Fail], "{to}");
    }
    // Empty lines at the end are left out in `simple` too (RFC 6376 §3.4.3).
    assert_eq!(results(&verify(&format!("{RFC_6376}\n\n"), brisbane, 0)), [DkimResult::Pass]);
}

#[test]
fn rfc_8463_appendix_a_verifies() {
    let verdict = verify(RFC_8463, football, 0);
    assert_eq!(results(&verdict), [DkimResult::Pass, DkimResult::Pass], "{verdict:#?}");
    assert_eq!(verdict.signatures[0].begins, "/gCrinpc");
    let ids: Vec<&str> = verdict.signatures[1].rules.iter().map(|r| r.id.as_ref()).collect();
    assert_eq!(ids, ["dkim-field", "dkim-key", "dkim-body-hash", "dkim-headers", "dkim-signature"]);
}

#[test]
fn rfc_8463_appendix_a_is_what_we_sign() {
    // A.1: the secret key, base64.
    use base64::Engine as _;
    let seed =
        base64::engine::general_purpose::STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    let seed: [u8; 32] = seed.expect("is base64").try_into().expect("has 32 octets");
    let key = SigningKey::ed25519(&seed).expect("is a key");
    assert_eq!(key.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}

#[test]
fn what_is_changed_on_the_way_breaks_it_and_white_space_does_not() {
    for (from, to, first) in [
        ("hungry", "thirsty", DkimResult::Fail),
        ("Joe SixPack", "Eve", DkimResult::Fail),
        ("Subject: Is dinner", "Subject: [list] Is dinner", DkimResult::Fail),
        ("Subject: Is dinner ready?", "SUBJECT:  Is dinner\r\n\tready? ", DkimResult::Pass),
        ("game.  Are", "game. Are", DkimResult::Pass),
        ("Joe.\r\n", "Joe.\r\n\r\n\r\n", DkimResult::Pass),
        ("Joe.\r\n", "Joe.\r\n-- \r\nfooter\r\n", DkimResult::Fail),
        ("To: Suzie", "X-New: yes\r\nTo: Suzie", DkimResult::Pass),
        // `from` stands twice in `h`: a second one breaks the signature.
        ("To: Suzie", "From: eve@example.org\r\nTo: Suzie", DkimResult::Fail),
    ] {
        let changed = RFC_8463.replacen(from, to, 1);
        assert_ne!(changed, RFC_8463);
        assert_eq!(results(&verify(&changed, football, 0)), [first, first], "{to}");
    }
}

/// A message, the key's record that its signer publishes, and its signer.
const LETTER: &str =
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: Tea?\r\n\r\nAt four?\r\n";

fn signer(key: SigningKey, canon: (Canon, Canon)) -> Signer {
    Signer { domain: "example.com".to_owned(), selector: "s1".to_owned(), key, canon }
}

fn sign_and_verify(
    signer: &Signer,
    how: &Signing,
    record: &str,
    change: impl Fn(String) -> String,
    now: i64,
) -> Outcome {
    let field = signer.sign(LETTER.as_bytes(), how).expect("signs");
    let message = change(format!("{field}{LETTER}"));
    let answer = |question: &Question| {
        assert_eq!(question.name, "s1._domainkey.example.com");
        Answer::Records(vec![Data::Text(record.as_bytes().to_vec())])
    };
    let mut verdict = verify(&message, answer, now);
    assert_eq!(verdict.signatures.len(), 1);
    verdict.signatures.remove(0)
}

fn ed25519() -> SigningKey {
    SigningKey::ed25519(&[1; 32]).expect("is a key")
}

#[test]
fn what_we_sign_verifies_with_every_canonicalization_and_key() {
    for key in [|| SigningKey::shipped_rsa(0).expect("is there"), ed25519] {
        for canon in [Canon::Simple, Canon::Relaxed] {
            for body in [Canon::Simple, Canon::Relaxed] {
                let signer = signer(key(), (canon, body));
                let how = Signing { now: Some(1000), ..Signing::default() };
                let outcome = sign_and_verify(&signer, &how, &signer.key.record(), |m| m, 2000);
                assert_eq!(outcome.result, DkimResult::Pass, "{outcome:#?}");
                assert_eq!(
                    (outcome.domain.as_str(), outcome.identity.as_str()),
                    ("example.com", "@example.com")
                );
            }
        }
    }
}

#[test]
fn each_reason_has_its_result_and_rule() {
    let signer = signer(ed25519(), (Canon::Relaxed, Canon::Relaxed));
    let record = signer.key.record();
    let plain = Signing { now: Some(1000), until: Some(3000), ..Signing::default() };
    let other = SigningKey::ed25519(&[2; 32]).expect("is a key").record();
    let case = |how: &Signing, record: &str, from: &str, to: &str, now| {
        let outcome = sign_and_verify(&signer, how, record, |m| m.replacen(from, to, 1), now);
        (outcome.result, outcome.rules.last().map(|r| r.id.to_string()).unwrap_or_default())
    };
    let is = |result: DkimResult, id: &str| (result, id.to_owned());
    assert_eq!(case(&plain, &record, "", "", 4000), is(DkimResult::Fail, "dkim-expired"));
    assert_eq!(case(&plain, &other, "", "", 2000), is(DkimResult::Fail, "dkim-signature"));
    assert_eq!(case(&plain, "v=DKIM1; k=ed25519; p=", "", "", 2000), is(DkimResult::PermError, "dkim-key"));
    assert_eq!(case(&plain, &record, "v=1;", "v=2;", 2000), is(DkimResult::PermError, "dkim-field"));
    assert_eq!(
        case(&plain, &record, "a=ed25519-sha256", "a=rsa-sha1", 2000),
        is(DkimResult::PermError, "dkim-field")
    );
    assert_eq!(case(&plain, &record, "h=From:", "h=Fro:", 2000).0, DkimResult::Fail);
    assert_eq!(case(&plain, &record, "bh=", "d=x; bh=", 2000), is(DkimResult::Neutral, "dkim-field"));
    assert_eq!(case(&plain, &record, "four", "five", 2000), is(DkimResult::Fail, "dkim-body-hash"));
    assert_eq!(case(&plain, &record, "Tea", "Pie", 2000), is(DkimResult::Fail, "dkim-signature"));
    let testing = record.replacen("v=DKIM1;", "v=DKIM1; t=y;", 1);
    assert_eq!(case(&plain, &testing, "", "", 2000), is(DkimResult::Pass, "dkim-signature"));
    let strict = record.replacen("v=DKIM1;", "v=DKIM1; t=s;", 1);
    let sub = case(&plain, &strict, "d=example.com;", "d=example.com; i=@x.example.com;", 2000);
    assert_eq!(sub, is(DkimResult::PermError, "dkim-key-strict"));
}

#[test]
fn a_length_lets_anybody_add_and_says_so() {
    let signer = signer(ed25519(), (Canon::Relaxed, Canon::Simple));
    let how = Signing { length: Some(10), ..Signing::default() };
    let outcome = sign_and_verify(&signer, &how, &signer.key.record(), |m| format!("{m}Buy now\r\n"), 0);
    assert_eq!((outcome.result, outcome.uncovered), (DkimResult::Pass, 9));
    let how = Signing { length: Some(10), ..Signing::default() };
    let shorter = |m: String| m.replacen("At four?\r\n", "At\r\n", 1);
    let outcome = sign_and_verify(&signer, &how, &signer.key.record(), shorter, 0);
    assert_eq!(outcome.rules.last().map(|r| r.id.as_ref()), Some("dkim-length"));
}

#[test]
fn no_answer_is_for_later() {
    let verdict = verify(RFC_8463, |_| Answer::Failed("time-out".to_owned()), 0);
    assert_eq!(verdict.result(), DkimResult::TempError);
    assert_eq!(verify(LETTER, football, 0).result(), DkimResult::None);
}

#[test]
fn many_signatures_are_not_all_checked() {
    let message = format!("{}{LETTER}", "DKIM-Signature: x\r\n".repeat(100));
    let verdict = verify(&message, football, 0);
    assert_eq!(verdict.signatures.len(), verify::MOST_SIGNATURES);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..1200, cut in 0_usize..30, put in "[ -~\r\n]{0,8}") {
        let mut text = RFC_8463.to_owned();
        let (start, end) = (at.min(text.len()), (at + cut).min(text.len()));
        text.replace_range(start..end, &put);
        verify(&text, football, 0);
    }
}
