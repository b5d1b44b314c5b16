//! Chains that hold, and what breaks them.

use super::*;
use crate::proto::policy::dkim::Signer;
use crate::proto::policy::dkim::keys::SigningKey;
use crate::proto::policy::{Answer, Check, Data};

const LETTER: &str =
    "From: Alice <alice@example.com>\r\nTo: list@example.org\r\nSubject: Tea?\r\n\r\nAt four?\r\n";

fn signer(number: u8) -> Signer {
    Signer {
        domain: format!("hop{number}.example"),
        selector: "arc".to_owned(),
        key: SigningKey::ed25519(&[number; 32]).expect("is a key"),
        canon: (Canon::Relaxed, Canon::Relaxed),
    }
}

fn dns(question: &Question) -> Answer {
    let number = question.name.strip_prefix("arc._domainkey.hop").and_then(|rest| rest.chars().next());
    match number.and_then(|c| c.to_digit(10)).and_then(|n| u8::try_from(n).ok()) {
        Some(number) => Answer::Records(vec![Data::Text(signer(number).key.record().into_bytes())]),
        None => Answer::NxDomain,
    }
}

fn check(message: &str) -> Verdict {
    let letter = Letter::read(message.as_bytes());
    Check::new(Request { letter: &letter }).run(dns)
}

fn add(message: &str, number: u8, chain: ArcResult) -> String {
    let results = format!("mx.hop{number}.example; spf=pass\r\n\t smtp.mailfrom=example.com");
    let sealing = Sealing { results, chain, now: 1000 };
    let fields = seal(message.as_bytes(), &signer(number), &sealing).expect("seals");
    format!("{fields}{message}")
}

#[test]
fn a_chain_of_two_hops_holds_and_names_them() {
    assert_eq!(check(LETTER).result, ArcResult::None);
    let once = add(LETTER, 1, ArcResult::None);
    let verdict = check(&once);
    assert_eq!((verdict.result, verdict.sets), (ArcResult::Pass, 1), "{verdict:#?}");
    // The second hop changes the subject, and says so by sealing it as it goes on.
    let changed = once.replacen("Subject: Tea?", "Subject: [list] Tea?", 1);
    assert_eq!(check(&changed).result, ArcResult::Fail);
    let twice = add(&changed, 2, ArcResult::Pass);
    let verdict = check(&twice);
    assert_eq!((verdict.result, verdict.sets), (ArcResult::Pass, 2), "{verdict:#?}");
    assert_eq!(verdict.sealers, ["hop1.example", "hop2.example"]);
    assert_eq!(verdict.last_results, "mx.hop2.example; spf=pass\t smtp.mailfrom=example.com");
}

#[test]
fn what_breaks_a_chain() {
    let twice = add(&add(LETTER, 1, ArcResult::None), 2, ArcResult::Pass);
    for (from, to, id) in [
        ("four", "five", "dkim-body-hash"),
        ("mx.hop1.example; spf=pass", "mx.hop1.example; spf=fail", "arc-seal"),
        ("cv=pass", "cv=fail", "arc-status"),
        ("cv=none", "cv=pass", "arc-status"),
        ("ARC-Authentication-Results: i=1", "ARC-Authentication-Results: i=3", "arc-sets"),
        ("ARC-Authentication-Results: i=1", "X-Gone: i=1", "arc-sets"),
        ("d=hop2.example", "d=hopx.example", "dkim-key"),
        ("Subject: Tea?", "Subject: other\r\nSubject: Tea?", "arc-message-signature"),
    ] {
        let changed = twice.replacen(from, to, 1);
        assert_ne!(changed, twice, "{from}");
        let verdict = check(&changed);
        let last = verdict.rules.last().map(|r| r.id.to_string()).unwrap_or_default();
        // A second Subject is above the signed one, and so is not the one that was signed.
        let wanted = if id == "arc-message-signature" { ArcResult::Pass } else { ArcResult::Fail };
        assert_eq!(verdict.result, wanted, "{to}");
        assert_eq!(last, if wanted == ArcResult::Pass { "arc-seal" } else { id }, "{to}");
    }
}

#[test]
fn a_broken_chain_is_not_sealed_over() {
    let once = add(LETTER, 1, ArcResult::None);
    let sealing = |chain| Sealing { results: "a; none".to_owned(), chain, now: 0 };
    assert!(seal(once.as_bytes(), &signer(2), &sealing(ArcResult::Fail)).is_none());
    assert!(seal(once.as_bytes(), &signer(2), &sealing(ArcResult::None)).is_none());
    assert!(seal(LETTER.as_bytes(), &signer(2), &sealing(ArcResult::Pass)).is_none());
}

#[test]
fn fifty_sets_and_no_more_are_read() {
    let message = format!(
        "{}{LETTER}",
        "ARC-Seal: i=1\r\nARC-Message-Signature: i=1\r\nARC-Authentication-Results: i=1\r\n".repeat(51)
    );
    assert_eq!(check(&message).result, ArcResult::Fail);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..900, cut in 0_usize..30, put in "[ -~\r\n]{0,8}") {
        let mut text = add(LETTER, 1, ArcResult::None);
        let (start, end) = (at.min(text.len()), (at + cut).min(text.len()));
        text.replace_range(start..end, &put);
        check(&text);
    }
}
