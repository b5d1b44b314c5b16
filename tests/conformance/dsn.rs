//! Reports on request: what is asked by MAIL and RCPT, who passes it on, who reports, and what the report says. RFC 3461,
//! RFC 3464.

use crate::queue::down;
use crate::talk::{
    ALICE, MAIL, MX1, MX2, SMTP, SUBMISSION, Talk, dialogue, facts, in_scenario, in_world, scenario,
};
use postroad::trace::{Fact, Record};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Hand a message in as Alice, with these parameters of MAIL, to these recipients with theirs.
async fn submit(talk: &mut Talk, mail: &str, recipients: &[(&str, &str)]) {
    talk.open("submit", MAIL, SUBMISSION).await;
    let rcpt: String =
        recipients.iter().map(|(to, params)| format!("C: RCPT TO:<{to}>{params}\nS: 250 …\n")).collect();
    talk.says(&format!(
        "S: 220 …\nC: EHLO laptop.example.com\nS+: 250…\nC: AUTH PLAIN {ALICE}\nS: 235 …\n\
         C: MAIL FROM:<alice@example.com>{mail}\nS: 250 …\n{rcpt}C: DATA\nS: 354 …\nC: Subject: tell me\nC:\n\
         C: the body\nC: .\nS: 250 …\nC: QUIT\nS: 221 …\nS: (closed)"
    ))
    .await;
}

/// What was reported: the action, and the host that wrote it.
fn reports(records: &[Record]) -> Vec<String> {
    let one = |fact: &&Fact| match fact {
        Fact::Bounced { action, .. } if action.is_empty() => Some("failed".to_owned()),
        Fact::Bounced { action, .. } => Some(action.clone()),
        _ => None,
    };
    facts(records).iter().filter_map(one).collect()
}

/// The lines that clients said to port 25.
fn said(records: &[Record], word: &str) -> Vec<String> {
    let data = records.iter().filter_map(|record| match record {
        Record::Data { data, .. } => Some(String::from_utf8_lossy(&data.bytes).into_owned()),
        _ => None,
    });
    data.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with(word))
        .collect()
}

/// RFC 3461 §3 MUST: EHLO offers DSN, and RCPT and MAIL take its parameters.
/// RFC 3461 §5.1 MUST: a parameter with an invalid value, or twice, gets 501; without EHLO it is not known (555).
/// RFC 3461 §4.1 MUST: NEVER stands alone.
/// RFC 3461 §4.5 MUST NOT: no parameter comes twice in one command.
#[test]
fn parameters_and_their_errors() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: HELO client.example.org
        S: 250 …
        C: MAIL FROM:<a@example.org> RET=FULL
        S: 555 5.5.4 …
        C: EHLO client.example.org
        S+: 250…
        C: MAIL FROM:<a@example.org> RET=HALF
        S: 501 5.5.4 …RET…
        C: MAIL FROM:<a@example.org> RET=FULL RET=HDRS
        S: 501 5.5.4 …
        C: MAIL FROM:<a@example.org> ENVID=a+4
        S: 501 5.5.4 …ENVID…
        C: MAIL FROM:<a@example.org> NOTIFY=NEVER
        S: 555 5.5.4 …
        C: MAIL FROM:<a@example.org> ret=hdrs envid=QQ314159+2Bx
        S: 250 …
        C: RCPT TO:<bob@example.net> NOTIFY=NEVER,SUCCESS
        S: 501 5.5.4 …NOTIFY…
        C: RCPT TO:<bob@example.net> NOTIFY=
        S: 501 5.5.4 …
        C: RCPT TO:<bob@example.net> NOTIFY=SOMETIMES
        S: 501 5.5.4 …
        C: RCPT TO:<bob@example.net> ORCPT=bob@example.net
        S: 501 5.5.4 …ORCPT…
        C: RCPT TO:<bob@example.net> ORCPT=rfc822;a ORCPT=rfc822;b
        S: 501 5.5.4 …
        C: RCPT TO:<bob@example.net> RET=FULL
        S: 555 5.5.4 …
        C: RCPT TO:<bob@example.net> notify=success,Delay ORCPT=rfc822;Bob+2Bx@example.net
        S: 250 …
    ",
    );
}

/// RFC 3461 §5.2.1 MUST: ENVID, RET, NOTIFY and ORCPT are passed on as they came, where the next host offers DSN.
/// RFC 3461 §5.2.3 MUST: the host that puts it into the mailbox reports "delivered", where SUCCESS was asked for.
/// RFC 3461 §6.3 MUST: Original-Envelope-ID and Original-Recipient repeat what was given, decoded.
/// RFC 3461 §6.2 SHOULD: a report of success returns the header only, RET=FULL or not.
/// RFC 3461 §6.1 MUST: the report has the null reverse-path; RFC 3461 §5.2.3 MUST NOT: nobody else is told.
#[test]
fn delivered_by_the_last_host() {
    let records = in_world(async |talk| {
        let bob = (" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2B@example.net", "bob@example.net");
        let silent = [("dave@example.net", ""), ("carol@example.com", " NOTIFY=FAILURE")];
        submit(talk, " RET=FULL ENVID=QQ+2B1", &[(bob.1, bob.0), silent[0], silent[1]]).await;
        talk.wait(HOUR).await;
        let inbox = talk.inbox("alice@example.com");
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        for wanted in [
            "Return-Path: <>\r\n",
            "Original-Envelope-Id: QQ+1\r\nReporting-MTA: dns; mx1.example.net\r\n",
            "Original-Recipient: rfc822; Bob+@example.net\r\nFinal-Recipient: rfc822; bob@example.net\r\n\
             Action: delivered\r\nStatus: 2.0.0\r\n",
            "Content-Type: text/rfc822-headers",
        ] {
            assert!(inbox[0].contains(wanted), "{wanted} in {}", inbox[0]);
        }
        assert!(!inbox[0].contains("the body") && !inbox[0].contains("dave"), "{}", inbox[0]);
    });
    assert_eq!(reports(&records), ["delivered"]);
    let mail = said(&records, "MAIL FROM:<alice@example.com>");
    assert!(mail[1].ends_with(" RET=FULL ENVID=QQ+2B1"), "{mail:?}");
    let rcpt = said(&records, "RCPT TO:<bob@example.net>");
    assert_eq!(rcpt[1], "RCPT TO:<bob@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2B@example.net");
    assert_eq!(said(&records, "RCPT TO:<dave@example.net>")[1], "RCPT TO:<dave@example.net>");
}

/// RFC 3461 §5.2.2 MUST NOT: no parameter goes to a host that does not offer DSN.
/// RFC 3461 §5.2.2 MUST: "relayed" is reported then, where SUCCESS was asked for, and to nobody else.
#[test]
fn relayed_to_a_host_that_reports_nothing() {
    let old = scenario(|s| {
        s.hosts.iter_mut().filter(|h| h.name == MX1).for_each(|h| h.smtp_without = vec!["DSN".to_owned()]);
    });
    let records = in_scenario(&old, async |talk| {
        let to = [("bob@example.net", " NOTIFY=SUCCESS"), ("dave@example.net", "")];
        submit(talk, " ENVID=x", &to).await;
        talk.wait(HOUR).await;
        let inbox = talk.inbox("alice@example.com");
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        let report = "Final-Recipient: rfc822; bob@example.net\r\nAction: relayed\r\n";
        assert!(inbox[0].contains(report) && !inbox[0].contains("dave"), "{}", inbox[0]);
        assert!(inbox[0].contains("Reporting-MTA: dns; mail.example.com\r\n"), "{}", inbox[0]);
    });
    assert_eq!(reports(&records), ["relayed"]);
    assert_eq!(said(&records, "RCPT TO:<bob@example.net>")[1], "RCPT TO:<bob@example.net>");
}

/// RFC 3461 §5.2.6 MUST: of failure it is reported where FAILURE was asked for or nothing was, and MUST NOT else.
/// RFC 3461 §4.3 MUST: RET=FULL returns the whole message with a report of failure.
#[test]
fn failed_by_what_was_asked() {
    for (params, whole, reported) in [
        ("", true, true),
        (" NOTIFY=FAILURE", true, true),
        (" NOTIFY=FAILURE", false, true),
        (" NOTIFY=SUCCESS", true, false),
        (" NOTIFY=NEVER", true, false),
    ] {
        let records = in_world(async |talk| {
            let mail = if whole { " RET=FULL" } else { " RET=HDRS" };
            submit(talk, mail, &[("ghost@example.net", params)]).await;
            talk.wait(HOUR).await;
            let inbox = talk.inbox("alice@example.com");
            assert_eq!(inbox.len(), usize::from(reported), "{params}");
            let returned = inbox.first().is_some_and(|report| report.contains("the body"));
            assert_eq!(returned, whole && reported, "{params} {mail}");
        });
        assert_eq!(reports(&records).len(), usize::from(reported), "{params}");
    }
}

/// RFC 3461 §5.2.5: of delay it is told once, after four hours, where DELAY was asked for or nothing was; MUST NOT else.
#[test]
fn delayed_by_what_was_asked() {
    for (params, told) in
        [("", true), (" NOTIFY=DELAY", true), (" NOTIFY=FAILURE", false), (" NOTIFY=NEVER", false)]
    {
        let both_down = scenario(|s| s.faults.extend([down(MX1, "refused", 0), down(MX2, "refused", 0)]));
        let records = in_scenario(&both_down, async |talk| {
            submit(talk, "", &[("bob@example.net", params)]).await;
            talk.wait(3 * HOUR).await;
            assert!(talk.inbox("alice@example.com").is_empty(), "{params}: too early");
            talk.wait(30 * HOUR).await;
            let inbox = talk.inbox("alice@example.com");
            assert_eq!(inbox.len(), usize::from(told), "{params}");
            let is_delay = |report: &String| {
                report.contains("Action: delayed\r\nStatus: 4.4.1\r\n")
                    && report.contains("Will-Retry-Until: ")
            };
            assert!(inbox.iter().all(is_delay), "{inbox:?}");
        });
        assert_eq!(reports(&records), if told { vec!["delayed"] } else { vec![] }, "{params}");
    }
}

/// RFC 5321 §4.5.4.1 MUST: the parameters of the retry algorithm are configurable.
#[test]
fn the_schedule_is_the_scenarios() {
    let quick = scenario(|s| {
        s.queue = Some(postroad::world::scenario::QueueSpec {
            retry: vec!["1m".to_owned(), "5m".to_owned()],
            warn: "6m".to_owned(),
            give_up: "20m".to_owned(),
        });
        s.faults.extend([down(MX1, "refused", 0), down(MX2, "refused", 0)]);
    });
    let records = in_scenario(&quick, async |talk| {
        submit(talk, "", &[("bob@example.net", "")]).await;
        talk.wait(HOUR).await;
        let inbox = talk.inbox("alice@example.com");
        assert_eq!(inbox.len(), 2, "{inbox:?}");
        assert!(inbox[1].contains("given up after 20 minutes"), "{}", inbox[1]);
    });
    assert_eq!(reports(&records), ["delayed", "failed"]);
    let tries = facts(&records).iter().filter(|f| matches!(f, Fact::RetryAt { .. })).count();
    assert_eq!(tries, 5, "at 0, 1, 6, 11 and 16 minutes it is put off, at 21 it is over");
}
