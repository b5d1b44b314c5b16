//! Lines of mail logs: what each tells.

use super::*;
use proptest::prelude::*;

fn one(line: &str) -> Entry {
    let log = read(line.as_bytes(), Limits::default());
    log.entries.into_iter().next().unwrap_or_else(|| panic!("not read: {line}"))
}

fn said(entry: &Entry) -> (&str, &str, &str, &str) {
    let said = entry.said.as_ref().unwrap_or_else(|| panic!("nothing said: {entry:?}"));
    (&said.by, &said.code, &said.enhanced, &said.to)
}

#[test]
fn postfix_defers_with_what_the_other_side_said() {
    let entry = one(
        "Jan  1 12:00:00 mail postfix/smtp[12]: 4XyZ1ab: to=<bob@example.net>, relay=mx1.example.net[198.51.100.25]:25, delay=3.1, \
         delays=0.1/0.01/1/2, dsn=4.2.0, status=deferred (host mx1.example.net[198.51.100.25] said: 450 4.2.0 <bob@example.net>: \
         Recipient address rejected: Greylisted (in reply to RCPT TO command))",
    );
    assert_eq!(
        (entry.event, entry.queue_id.as_str(), entry.program.as_str()),
        (Event::Deferred, "4XyZ1ab", "postfix/smtp")
    );
    assert_eq!(said(&entry), ("mx1.example.net[198.51.100.25]", "450", "4.2.0", "RCPT TO"));
    assert_eq!((entry.time.as_str(), entry.fields["dsn"].as_str()), ("Jan  1 12:00:00", "4.2.0"));
    let entry = one(
        "2024-01-01T12:00:00.1+00:00 mail postfix/smtp[1]: ABCDE1: to=<a@b.example>, relay=none, delay=30, status=deferred (connect to b.example[192.0.2.1]:25: Connection timed out)",
    );
    assert_eq!((entry.event, entry.said), (Event::Deferred, None));
}

#[test]
fn postfix_tells_the_life_of_a_message() {
    let line = |rest: &str| one(&format!("Jan  1 12:00:00 mail postfix/{rest}")).event;
    assert_eq!(line("smtpd[1]: connect from a[192.0.2.1]"), Event::Connected);
    assert_eq!(line("smtpd[1]: ABCDE1: client=a[192.0.2.1], sasl_username=alice"), Event::Received);
    assert_eq!(line("cleanup[1]: ABCDE1: message-id=<x@example.com>"), Event::Noted);
    assert_eq!(line("qmgr[1]: ABCDE1: from=<a@b.example>, size=1, nrcpt=1 (queue active)"), Event::Queued);
    assert_eq!(
        line(
            "smtp[1]: ABCDE1: to=<a@b.example>, relay=x[192.0.2.1]:25, dsn=2.0.0, status=sent (250 2.0.0 ok)"
        ),
        Event::Sent
    );
    assert_eq!(
        line(
            "smtp[1]: ABCDE1: to=<a@b.example>, relay=x[192.0.2.1]:25, dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no)"
        ),
        Event::Bounced
    );
    assert_eq!(line("bounce[1]: ABCDE1: sender non-delivery notification: ABCDE2"), Event::Reported);
    assert_eq!(line("qmgr[1]: ABCDE1: removed"), Event::Removed);
    assert_eq!(line("smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 quit=1 commands=2"), Event::Disconnected);
    let refused = one(
        "Jan  1 12:00:00 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 554 5.7.1 <b@c.example>: Relay access denied; from=<a@b.example> to=<b@c.example> proto=ESMTP helo=<a>",
    );
    assert_eq!((refused.event, refused.queue_id.as_str(), said(&refused).1), (Event::Rejected, "", "554"));
    assert_eq!(
        (refused.fields["client"].as_str(), refused.fields["to"].as_str()),
        ("a[192.0.2.1]", "<b@c.example>")
    );
}

#[test]
fn exim() {
    let line = |rest: &str| one(&format!("2024-01-01 12:00:00 {rest}"));
    let entry =
        line("1rKAbc-000123-XY <= a@b.example H=host.example [192.0.2.1] P=esmtps S=1234 id=x@b.example");
    assert_eq!(
        (entry.event, entry.fields["from"].as_str(), entry.fields["relay"].as_str()),
        (Event::Received, "a@b.example", "host.example [192.0.2.1]")
    );
    let entry = line(
        "1rKAbc-000123-XY => b@c.example R=dnslookup T=remote_smtp H=mx.c.example [192.0.2.2] C=\"250 2.0.0 queued\"",
    );
    assert_eq!((entry.event, said(&entry).1), (Event::Sent, "250"));
    let entry = line(
        "1rKAbc-00000000123-XYZA ** b@c.example R=dnslookup T=remote_smtp H=mx.c.example [192.0.2.2]: SMTP error from remote mail server after RCPT TO:<b@c.example>: host mx.c.example [192.0.2.2]: 550 5.1.1 no such user",
    );
    assert_eq!(
        (entry.event, said(&entry)),
        (Event::Bounced, ("mx.c.example [192.0.2.2]", "550", "5.1.1", "RCPT TO"))
    );
    assert_eq!(
        line("1rKAbc-000123-XY == b@c.example R=x T=remote_smtp defer (-53): retry time not reached").event,
        Event::Deferred
    );
    assert_eq!(line("1rKAbc-000123-XY Completed").event, Event::Removed);
    assert_eq!(
        line("H=(x) [192.0.2.3] F=<a@b.example> rejected RCPT <b@c.example>: relay not permitted").event,
        Event::Rejected
    );
}

#[test]
fn sendmail() {
    let entry = one(
        "Jan  1 12:00:00 mail sendmail[12]: 401C0abc012345: to=<b@c.example>, delay=00:00:01, mailer=esmtp, relay=mx.c.example. [192.0.2.2], dsn=2.0.0, stat=Sent (ok)",
    );
    assert_eq!(
        (entry.family, entry.event, entry.queue_id.as_str()),
        (Family::Sendmail, Event::Sent, "401C0abc012345")
    );
    let entry = one(
        "Jan  1 12:00:00 mail sm-mta[12]: 401C0abc012345: to=<b@c.example>, relay=mx.c.example., dsn=4.0.0, stat=Deferred: Connection refused by mx.c.example.",
    );
    assert_eq!(entry.event, Event::Deferred);
    let entry = one(
        "Jan  1 12:00:00 mail sm-mta[12]: 401C0abc012345: to=<b@c.example>, dsn=5.1.1, stat=User unknown",
    );
    assert_eq!(entry.event, Event::Bounced);
}

#[test]
fn other_lines_are_counted_and_a_session_is_no_log() {
    let log = read(
        b"Jan  1 12:00:00 mail sshd[1]: hello\nJan  1 12:00:00 mail postfix/qmgr[1]: ABCDE1: removed\n",
        Limits::default(),
    );
    assert_eq!((log.entries.len(), log.other), (1, 1));
    assert!(!looks_like_one(b"C: EHLO a\nS: 250 b\n") && !looks_like_one(b""));
    assert!(!looks_like_one(b"Jan  1 10:00:00 mx postfix/smtpd[7]: > a[192.0.2.1]: 220 mx\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "Jan  1 12:00:00 mail postfix/smtp[1]: ", "2024-01-01 12:00:00 ", "ABCDE1: ", "1rKAbc-000123-XY ", "=> ", "** ", "status=deferred (",
            "host ", "said: ", "450 ", "4.2.0 ", "(in reply to ", ")", "to=<", ", ", "C=\"", "rejected ", ": ", "[", "+", "é", "\u{1b}[2J", "\0", "reject: ",
        ]), 0..20),
        noise in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let mut line = pieces.concat().into_bytes();
        line.extend(noise);
        let _ = (read(&line, Limits::default()), looks_like_one(&line));
    }
}
