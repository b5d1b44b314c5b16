//! The queue behind the submission server: retries, where a domain's mail goes, and what the sender is told. RFC 5321
//! §4.5.4, §5.1, §6.1; RFC 3464.

use crate::talk::{ALICE, MAIL, MX1, MX2, SMTP, SUBMISSION, Talk, facts, in_scenario, in_world, scenario};
use postroad::base::Instant;
use postroad::trace::{Fact, Record};
use postroad::world::scenario::{Act, Fault, Letter, What};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Hand a message in, as Alice's client would: from `sender` to these.
pub async fn submit(talk: &mut Talk, sender: &str, recipients: &[&str], text: &str) {
    talk.open("submit", MAIL, SUBMISSION).await;
    let rcpt: String = recipients.iter().map(|r| format!("C: RCPT TO:<{r}>\nS: 250 …\n")).collect();
    let text: String = text.lines().map(|line| format!("C: {line}\n")).collect();
    talk.says(&format!(
        "S: 220 …\nC: EHLO laptop.example.com\nS+: 250…\nC: AUTH PLAIN {ALICE}\nS: 235 …\nC: MAIL FROM:<{sender}>\nS: 250 …\n\
         {rcpt}C: DATA\nS: 354 …\n{text}C: .\nS: 250 …\nC: QUIT\nS: 221 …\nS: (closed)"
    ))
    .await;
}

/// A host's service that does not answer, for so long.
pub fn down(host: &str, how: &str, until_s: u64) -> Fault {
    Fault::Down { host: host.to_owned(), service: "mta".to_owned(), how: how.to_owned(), from_s: 0, until_s }
}

/// The domain's MX records are these instead.
pub fn mx_is(records: &[&str]) -> Vec<Fault> {
    let mut faults = vec![Fault::RemoveRecords { name: "example.net".to_owned(), rtype: "MX".to_owned() }];
    faults.extend(
        records.iter().map(|r| Fault::AddRecord { zone: "example.net".to_owned(), record: (*r).to_owned() }),
    );
    faults
}

/// When connections were opened to a port, from whom and to whom.
fn calls(records: &[Record], port: u16) -> Vec<(Instant, String, String)> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Open { at, open } if open.server.port() == port => {
                Some((*at, open.client.ip().to_string(), open.server.ip().to_string()))
            }
            _ => None,
        })
        .collect()
}

/// Whom the host relayed to, for whom.
fn relayed(records: &[Record]) -> Vec<(String, Vec<String>)> {
    let one = |fact: &&Fact| match fact {
        Fact::Relayed { to, recipients, .. } => Some((to.clone(), recipients.clone())),
        _ => None,
    };
    facts(records).iter().filter_map(one).collect()
}

fn failed(records: &[Record]) -> Vec<(String, Vec<String>)> {
    let one = |fact: &&Fact| match fact {
        Fact::Failed { status, recipients, .. } => Some((status.clone(), recipients.clone())),
        _ => None,
    };
    facts(records).iter().filter_map(one).collect()
}

/// RFC 5321 §4.5.4.1 MUST: what cannot be sent is queued and tried again, after a delay each time.
/// RFC 5321 §4.5.4.1 SHOULD: it is given up after four or five days, and the sender is told (§6.1 MUST).
/// RFC 5321 §6.1 MUST: the notification has a null reverse-path and goes to the envelope's sender.
/// RFC 5321 §4.4 MUST: the reverse-path is where failures are reported to.
#[test]
fn the_retry_schedule_and_its_end() {
    let both_down = scenario(|s| s.faults.extend([down(MX1, "refused", 0), down(MX2, "refused", 0)]));
    let records = in_scenario(&both_down, async |talk| {
        submit(talk, "alice@example.com", &["bob@example.net"], "Subject: patience\n\nwait").await;
        talk.wait(6 * DAY).await;
        let mut bounce = talk.inbox("alice@example.com");
        assert_eq!(bounce.len(), 2, "it is late, and then it is given up");
        let late = bounce.remove(0);
        assert!(late.contains("Action: delayed"), "{late}");
        for wanted in [
            "Return-Path: <>\r\n",
            "report-type=delivery-status",
            "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 4.4.7\r\n",
            "Subject: patience",
        ] {
            assert!(bounce[0].contains(wanted), "{wanted} in {}", bounce[0]);
        }
    });
    // mx1 has two addresses and mx2 one: three calls at each attempt.
    let at: Vec<Instant> = calls(&records, SMTP).iter().step_by(3).map(|(at, ..)| *at).collect();
    let minutes: Vec<u64> = at.windows(2).map(|w| w[1].since(w[0]).as_secs() / 60).collect();
    assert_eq!(minutes[..6], [15, 15, 30, 60, 120, 240]);
    assert!(minutes[6..].iter().all(|m| *m == 240), "{minutes:?}");
    let last = at.last().expect("it was tried").since(at[0]);
    assert!(last >= 5 * DAY && last < 5 * DAY + Duration::from_secs(5 * 3600), "{last:?}");
    assert_eq!(failed(&records), [("4.4.7".to_owned(), vec!["bob@example.net".to_owned()])]);
}

/// RFC 5321 §5.1 MUST: hosts are tried by preference, and each host's addresses in turn, until one takes it.
/// RFC 5321 §5.1 MUST: a backup drops itself and what is no better from the list.
/// RFC 5321 §4.5.4.1 MUST: it goes on when the host is back.
#[test]
fn the_next_mx_takes_it_when_the_first_is_down() {
    for how in ["refused", "silent"] {
        let mx1_down = scenario(|s| s.faults.push(down(MX1, how, 1200)));
        let records = in_scenario(&mx1_down, async |talk| {
            submit(talk, "alice@example.com", &["bob@example.net"], "Subject: way round\n\nx").await;
            talk.wait(DAY).await;
            let inbox = talk.inbox("bob@example.net");
            assert_eq!(inbox.len(), 1, "{how}");
            assert_eq!(inbox[0].matches("Received: ").count(), 3, "by submission, backup and mx1");
        });
        let calls = calls(&records, SMTP);
        let to: Vec<&str> = calls.iter().map(|(_, _, to)| to.as_str()).collect();
        assert_eq!(to[..3], ["2001:db8:2::25", "203.0.113.25", "203.0.113.26"], "{how}");
        let to_itself = calls.iter().any(|(_, from, to)| from == "203.0.113.26" && to == "203.0.113.26");
        assert!(!to_itself, "the backup calls mx1 only: {calls:?}");
        let hops: Vec<String> = relayed(&records).into_iter().map(|(to, _)| to).collect();
        assert_eq!(hops, [MX2, MX1], "{how}");
    }
}

/// RFC 5321 §5.1 MUST: where the best MX of a domain is the host itself and it keeps no mailboxes, it is an error.
#[test]
fn a_backup_that_is_alone_returns_the_mail() {
    let alone = scenario(|s| s.faults.extend(mx_is(&["@ MX 20 mx2.example.net."])));
    let records = in_scenario(&alone, async |talk| {
        submit(talk, "alice@example.com", &["bob@example.net"], "Subject: alone\n\nx").await;
        talk.wait(DAY).await;
        assert_eq!(talk.inbox("alice@example.com").len(), 1, "the backup's notification");
    });
    assert_eq!(failed(&records)[0].0, "5.4.6");
}

/// RFC 5321 §5.1: without MX the domain's own addresses are used ("implicit MX").
/// RFC 7505 §3 MUST: a null MX fails at once. RFC 5321 §5.1 MUST: so does a domain that does not exist.
/// RFC 5321 §5.1 MUST: a failure of the DNS itself is temporary.
#[test]
fn what_the_dns_says_of_a_domain() {
    let addresses = ["@ A 203.0.113.25"];
    let nxdomain = Fault::RemoveRecords { name: "example.net".to_owned(), rtype: String::new() };
    let servfail =
        Fault::Dns { name: "example.net".to_owned(), how: "servfail".to_owned(), from_s: 0, until_s: 600 };
    for (faults, status) in [
        (mx_is(&addresses), None),
        (mx_is(&["@ MX 0 ."]), Some("5.1.10")),
        (vec![nxdomain], Some("5.1.2")),
        (vec![servfail], None),
    ] {
        let records = in_scenario(&scenario(|s| s.faults.extend(faults)), async |talk| {
            submit(talk, "alice@example.com", &["bob@example.net"], "Subject: dns\n\nx").await;
            talk.wait(Duration::from_secs(3600)).await;
            let arrived = (talk.inbox("bob@example.net").len(), talk.inbox("alice@example.com").len());
            assert_eq!(arrived, if status.is_some() { (0, 1) } else { (1, 0) });
        });
        assert_eq!(failed(&records).first().map(|(status, _)| status.as_str()), status);
    }
}

/// RFC 5321 §5.1 MUST NOT: a domain's addresses are used where it has MX records, even if those are of no use.
#[test]
fn addresses_are_not_used_beside_mx() {
    let faults = mx_is(&["@ MX 10 gone.example.net.", "@ A 203.0.113.25"]);
    let records = in_scenario(&scenario(|s| s.faults.extend(faults)), async |talk| {
        submit(talk, "alice@example.com", &["bob@example.net"], "Subject: no way\n\nx").await;
        talk.wait(6 * DAY).await;
        assert_eq!((talk.inbox("bob@example.net").len(), talk.inbox("alice@example.com").len()), (0, 1));
    });
    assert!(calls(&records, SMTP).is_empty());
}

/// RFC 5321 §4.5.4 MUST NOT: no error message is sent about an error message.
/// RFC 5321 §3.6.3 MUST NOT: no notification about a notification. RFC 5321 §6.1 MUST NOT: none for a null sender.
#[test]
fn no_bounce_of_a_bounce() {
    let records = in_world(async |talk| {
        submit(talk, "nobody@example.com", &["ghost@example.net"], "Subject: twice lost\n\nx").await;
        talk.wait(6 * DAY).await;
        for account in ["alice@example.com", "carol@example.com", "bob@example.net", "dave@example.net"] {
            assert!(talk.inbox(account).is_empty(), "{account}");
        }
        for host in talk.world.hosts.values() {
            assert!(talk.world.with_queue(host, |queue| queue.is_empty()));
        }
    });
    let bounces = facts(&records).iter().filter(|f| matches!(f, Fact::Bounced { .. })).count();
    assert_eq!(bounces, 1, "about the message; none about the notification");
    let lost: Vec<Vec<String>> = failed(&records).into_iter().map(|(_, who)| who).collect();
    assert_eq!(lost, [["ghost@example.net"], ["nobody@example.com"]]);
}

/// RFC 5321 §4.4 MUST: the notification lists the recipients that failed; RFC 3464 §2.3: those only.
/// RFC 5321 §4.1.1.4 MUST: what fails after the 250 is reported in a mail message.
#[test]
fn only_the_failed_recipient_is_named() {
    let records = in_world(async |talk| {
        let to = ["carol@example.com", "ghost@example.net", "bob@example.net"];
        submit(talk, "alice@example.com", &to, "Subject: three\n\nx").await;
        talk.wait(DAY).await;
        let bounce = &talk.inbox("alice@example.com")[0];
        assert!(
            bounce.contains(
                "Final-Recipient: rfc822; ghost@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            ),
            "{bounce}"
        );
        assert!(
            bounce.contains("Remote-MTA: dns; mx1.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 "),
            "{bounce}"
        );
        assert!(!bounce.contains("carol") && !bounce.contains("bob"), "{bounce}");
        assert_eq!((talk.inbox("carol@example.com").len(), talk.inbox("bob@example.net").len()), (1, 1));
    });
    assert_eq!(failed(&records).len(), 1);
    let carol_by_wire = relayed(&records).iter().any(|(_, to)| to.iter().any(|a| a.starts_with("carol")));
    assert!(!carol_by_wire, "mail within the domain never leaves the host");
}

/// RFC 5322 §3.6.3: Bcc recipients get the mail, and nobody sees who they are.
#[test]
fn blind_copies_stay_blind() {
    let letter = Letter {
        to: vec!["Bob <bob@example.net>".to_owned()],
        cc: vec!["carol@example.com".to_owned()],
        bcc: vec!["dave@example.net".to_owned(), "bob@example.net".to_owned()],
        subject: "quietly".to_owned(),
        body: "x\n".to_owned(),
        ..Letter::default()
    };
    let act = Act {
        who: "Alice".to_owned(),
        device: String::new(),
        when: String::new(),
        password: Default::default(),
        intent: String::new(),
        detail: String::new(),
        what: What::Send(letter),
    };
    in_scenario(&scenario(|s| s.acts.push(act)), async |talk| {
        talk.wait(Duration::from_secs(60)).await;
        for account in ["bob@example.net", "carol@example.com", "dave@example.net"] {
            let inbox = talk.inbox(account);
            assert_eq!(inbox.len(), 1, "{account} has one copy");
            let seen = inbox[0].to_lowercase();
            assert!(!seen.contains("bcc") && !seen.contains("dave"), "{account} sees {seen}");
        }
    });
}

/// RFC 6647 §2: a sender that is put off comes back, and is let in then.
#[test]
fn greylisted_mail_comes_again() {
    let grey = |host: &str| Fault::Greylist { host: host.to_owned(), delay_s: 300 };
    let greylisted = scenario(|s| s.faults.extend([grey(MX1), grey(MX2)]));
    in_scenario(&greylisted, async |talk| {
        submit(talk, "alice@example.com", &["bob@example.net", "dave@example.net"], "Subject: grey\n\nx")
            .await;
        talk.wait(Duration::from_secs(600)).await;
        assert_eq!(talk.inbox("bob@example.net").len(), 0);
        talk.wait(Duration::from_secs(600)).await;
        assert_eq!((talk.inbox("bob@example.net").len(), talk.inbox("dave@example.net").len()), (1, 1));
    });
}
