//! Who may send as whom, in whole worlds: what each check gives, what is done about it, and what the letter says then.

use postroad::trace::{Direction, Fact, Record};
use postroad::world::run;
use postroad::world::scenario::Scenario;

fn records(scenario: &Scenario) -> Vec<Record> {
    run(scenario, &[]).expect("the scenario runs")
}

fn story(name: &str) -> Scenario {
    Scenario::builtin(name).unwrap_or_else(|error| panic!("{error}"))
}

fn changed(name: &str, toml: &str) -> Scenario {
    let base = postroad::world::scenario::builtin(name).expect("is there");
    Scenario::from_toml(&format!("{base}\n{toml}"), "changed.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// What a host found and did, in order: `spf fail example.com`, `reject`.
fn told(records: &[Record], at: &str) -> Vec<String> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Fact { host, fact, .. } if host == at => match fact {
                Fact::SenderChecked { check, domain, result } => {
                    Some(format!("{check} {result} {domain}").trim_end().to_owned())
                }
                Fact::SenderJudged { decision, .. } => Some(decision.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn delivered(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Fact { fact: Fact::Delivered { account, mailbox, .. }, .. } => {
                Some(format!("{account} {mailbox}"))
            }
            _ => None,
        })
        .collect()
}

/// All that crossed the wires, as text.
fn wires(records: &[Record]) -> String {
    let bytes = records.iter().filter_map(|record| match record {
        Record::Data { data, .. } => Some(String::from_utf8_lossy(&data.bytes).into_owned()),
        _ => None,
    });
    bytes.collect()
}

#[test]
fn nothing_is_asked_where_nobody_checks() {
    let records = records(&story("spoofed-unprotected"));
    assert!(told(&records, "mx1.example.net").is_empty());
    assert_eq!(delivered(&records), ["bob@example.net INBOX"]);
    assert!(!wires(&records).contains("Authentication-Results"));
}

#[test]
fn a_spoofed_letter_is_refused_by_the_policy_of_its_domain() {
    let records = records(&story("spoofed-caught"));
    assert_eq!(
        told(&records, "mx1.example.net"),
        ["spf fail example.com", "dkim none", "dmarc fail example.com", "reject"]
    );
    assert!(delivered(&records).is_empty());
    assert!(wires(&records).contains("550 5.7.26 "));
    let rules =
        records.iter().filter(|r| matches!(r, Record::Fact { fact: Fact::RuleApplied { .. }, .. })).count();
    assert!(rules >= 8, "{rules} rules");
}

#[test]
fn the_owner_of_the_domain_chooses_what_is_done() {
    for (policy, decision, mailbox) in [
        ("v=DMARC1; p=quarantine", Some("junk"), Some("bob@example.net Junk")),
        ("v=DMARC1; p=reject; t=y", Some("junk"), Some("bob@example.net Junk")),
        ("v=DMARC1; p=none", Some("accept"), Some("bob@example.net INBOX")),
        ("v=DMARC1; p=reject", Some("reject"), None),
        ("", None, Some("bob@example.net INBOX")),
    ] {
        let mut scenario = story("spoofed-caught");
        scenario.sender_policies[0].dmarc = policy.to_owned();
        let records = records(&scenario);
        let last = told(&records, "mx1.example.net").last().cloned();
        let decided = last.filter(|word| !word.contains(' '));
        assert_eq!(decided.as_deref(), decision, "{policy}");
        assert_eq!(delivered(&records).first().map(String::as_str), mailbox, "{policy}");
    }
}

#[test]
fn a_signed_letter_passes_with_either_kind_of_key() {
    for algorithm in ["rsa-sha256", "ed25519-sha256"] {
        let policy = format!(
            "[[sender-policy]]\ndomain = \"mail.example.com\"\nspf = \"v=spf1 -all\"\n\
             dkim = {{ selector = \"x\", algorithm = \"{algorithm}\" }}"
        );
        let mut scenario = changed("signed", &policy);
        scenario.sender_policies[0].dkim = scenario.sender_policies[1].dkim.clone();
        let records = records(&scenario);
        assert_eq!(
            told(&records, "mx1.example.net"),
            ["spf pass example.com", "dkim pass example.com", "dmarc pass example.com"]
        );
        let wires = wires(&records);
        assert!(
            wires.contains("dmarc=pass (p=reject dis=none)") && wires.contains(&format!("a={algorithm}"))
        );
    }
}

#[test]
fn forwarding_breaks_spf_and_not_dkim() {
    let records = records(&story("forwarded"));
    assert_eq!(
        told(&records, "mx1.example.net"),
        ["spf fail example.com", "dkim pass example.com", "dmarc pass example.com"]
    );
    assert_eq!(delivered(&records), ["bob@example.net INBOX"]);
}

#[test]
fn a_forwarder_that_writes_its_own_sender_passes_spf_for_the_wrong_domain() {
    let mut scenario = story("forwarded");
    scenario.redirects[0].sender = "bounces@mail.example.org".to_owned();
    scenario.zones.iter_mut().filter(|zone| zone.origin == "example.org").for_each(|zone| {
        zone.records.push("mail TXT \"v=spf1 a -all\"".to_owned());
    });
    for host in scenario.hosts.iter_mut().filter(|host| host.name == "mail.example.com") {
        host.sign.clear();
    }
    let records = records(&scenario);
    assert_eq!(
        told(&records, "mx1.example.net"),
        ["spf pass mail.example.org", "dkim none", "dmarc fail example.com", "reject"]
    );
}

#[test]
fn a_list_breaks_the_signature_and_a_trusted_seal_mends_it() {
    let records = records(&story("mailing-list"));
    let checks =
        ["spf pass example.org", "dkim fail example.com", "arc pass example.org", "dmarc fail example.com"];
    assert_eq!(
        told(&records, "mail.example.org")[..3],
        ["spf pass example.com", "dkim pass example.com", "dmarc pass example.com"]
    );
    let (bob, erin) = (told(&records, "mx1.example.net"), told(&records, "mail.example.edu"));
    assert_eq!((&bob[..4], bob[4].as_str()), (&checks.map(str::to_owned)[..], "accept"));
    assert_eq!((&erin[..4], erin[4].as_str()), (&checks.map(str::to_owned)[..], "reject"));
    assert_eq!(delivered(&records), ["bob@example.net INBOX", "tea-owner@example.org INBOX"]);
    let wires = wires(&records);
    assert!(wires.contains("Subject: [tea] Which kettle?") && wires.contains("List-Id: <tea.example.org>"));
}

#[test]
fn nobody_else_can_say_what_this_host_found() {
    let mut scenario = story("spoofed-unprotected");
    scenario
        .hosts
        .iter_mut()
        .filter(|host| host.name == "mx1.example.net")
        .for_each(|host| host.verify = true);
    let before = records(&scenario);
    let conn = before
        .iter()
        .find_map(|record| match record {
            Record::Open { open, .. } if open.server.port() == 25 => Some(open.conn),
            _ => None,
        })
        .expect("somebody calls port 25");
    let stream: Vec<u8> = before
        .iter()
        .filter_map(|record| match record {
            Record::Data { data, .. } if data.conn == conn && data.from == Direction::Client => {
                Some(data.bytes.to_vec())
            }
            _ => None,
        })
        .flatten()
        .collect();
    let offset = String::from_utf8_lossy(&stream).find("Subject:").expect("a letter is sent");
    let forged = "Authentication-Results: mx1.example.net; dmarc=pass header.from=example.com\r\n";
    let change = serde_json::json!({
        "change": "replace", "conn": conn, "side": "c", "offset": offset, "length": 0, "text": forged,
    });
    let change = serde_json::from_value(change).expect("a change");
    let after = run(&scenario, &[change]).expect("the scenario runs");
    let wires = wires(&after);
    assert_eq!(wires.matches("dmarc=pass").count(), 1, "it was sent, and never told again");
    assert!(wires.contains("dmarc=none"), "Bob reads what his own server found");
}
