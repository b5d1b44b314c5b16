//! SMTP as the side that listens: RFC 5321 by section, and the extensions that EHLO offers.

use crate::talk::{ALICE, MAIL, MX1, SMTP, SUBMISSION, dialogue, in_scenario, in_world, scenario};
use std::time::Duration;

/// RFC 5321 §2.2.1 MUST: EHLO is supported, and HELO as a fallback.
/// RFC 5321 §2.2.2 MUST NOT: no keyword is offered that is not registered.
/// RFC 5321 §4.2.4 MUST NOT: nothing is listed that would get 502.
/// RFC 5321 §3.1: the greeting is 220 with the host's name.
/// RFC 5321 §3.2 MUST: HELO gets no EHLO-style reply.
/// RFC 5321 §F.3 MUST: HELO goes on being served.
/// RFC 5321 §4.1.1.1 MUST: HELO is supported and answered properly.
/// RFC 5321 §4.1.1.10 MUST: QUIT gets 221, then the channel is closed.
/// RFC 5321 §4.2.1 MUST: every line of a multi-line reply has the same code.
#[test]
fn hello_and_goodbye() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 mx1.example.net ESMTP…
        C: HELO client.example.org
        S: 250 mx1.example.net …
        C: EHLO client.example.org
        S: 250-mx1.example.net greets client.example.org
        S: 250-PIPELINING
        S: 250-SIZE 10485760
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-CHUNKING
        S: 250 HELP
        C: QUIT
        S: 221 2.0.0 mx1.example.net …
        S: (closed)
    ",
    );
}

/// RFC 5321 §2.4 MUST: verbs and keywords mean the same in any case.
/// RFC 5321 §4.1.1 SHOULD: white space before the line's end is tolerated.
/// RFC 5321 §4.1.1.4 MUST: a message that was processed gets a positive reply.
/// RFC 5321 §3.3: MAIL, RCPT and DATA are answered 250, 250 and 354.
#[test]
fn verbs_in_any_case() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: eHlO client.example.org
        S+: 250…
        C: mail from:<Alice@Example.COM> size=100
        S: 250 2.1.0 …
        C: Rcpt To:<BOB@example.NET>
        S: 250 2.1.5 …
        C: dAtA
        S: 354 …
        C: Subject: case
        C:
        C: text
        C: .
        S: 250 2.0.0 OK: queued as …
        C~ NOOP  \r\n
        S: 250 2.0.0 …
        C: quit
        S: 221 …
    ",
    );
}

/// RFC 5321 §3.3 MUST: RCPT without MAIL is 503.
/// RFC 5321 §4.1.1.1 MUST: no transaction without HELO or EHLO.
/// RFC 5321 §4.1.4 MUST: MAIL within a transaction is 503, and the state stays as it was.
/// RFC 5321 §3.3 MUST: transaction commands come in their order; DATA without a recipient is 503 or 554.
#[test]
fn out_of_order_is_refused_and_changes_nothing() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: MAIL FROM:<alice@example.com>
        S: 503 5.5.1 …EHLO…
        C: EHLO client.example.org
        S+: 250…
        C: RCPT TO:<bob@example.net>
        S: 503 5.5.1 …
        C: DATA
        S: 503 5.5.1 …
        C: MAIL FROM:<alice@example.com>
        S: 250 …
        C: DATA
        S: 554 5.5.1 No valid recipients
        C: MAIL FROM:<eve@example.com>
        S: 503 5.5.1 …
        C: RCPT TO:<bob@example.net>
        S: 250 …
        C: MAIL FROM:<eve@example.com>
        S: 503 5.5.1 …
        C: DATA
        S: 354 …
        C: Subject: still Alice's
        C:
        C: .
        S: 250 …
    ",
    );
}

/// RFC 5321 §4.2.4: an unknown verb is 500, a known one that is not implemented 502.
/// RFC 5321 §4.1.1.4: parameters where none are allowed are 501.
/// RFC 5321 §4.1.1 SHOULD: a parameter that was not offered is refused (555).
/// RFC 5321 §4.1.2 MUST: invalid character codes in a command are refused with 501.
/// RFC 5321 §4.1.4 MUST: an argument that is not acceptable gets 501, and the state stays.
/// RFC 5321 §4.2 MUST: every command gets exactly one reply.
#[test]
fn bad_syntax_has_its_codes() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: EHLO client.example.org
        S+: 250…
        C: XYZZY
        S: 500 5.5.2 …
        C:
        S: 500 5.5.2 …
        C: STARTTLS
        S: 502 5.5.1 …
        C: EXPN staff
        S: 502 5.5.1 …
        C: MAIL TO:<alice@example.com>
        S: 501 5.5.4 …
        C: MAIL FROM:alice@example.com
        S: 501 5.1.7 …
        C: MAIL FROM:<alice@>
        S: 501 5.1.7 …
        C: MAIL FROM:<alice@example.com> FOO=BAR
        S: 555 5.5.4 …
        C: MAIL FROM:<alice@example.com> SIZE=many
        S: 501 5.5.4 …
        C: MAIL FROM:<alice@example.com>
        S: 250 …
        C: RCPT TO:<bob@example..net>
        S: 501 5.1.3 …
        C: RCPT TO:<>
        S: 501 5.1.3 …
        C: RCPT TO:<bob@example.net> FOO
        S: 555 5.5.4 …
        C~ RCPT TO:<bo\0b@example.net>\r\n
        S: 501 …
        C~ RCPT TO:<bo\xe9b@example.net>\r\n
        S: 5…
        C: DATA now
        S: 501 5.5.4 …
        C: RCPT TO:<bob@example.net>
        S: 250 …
    ",
    );
}

/// RFC 5321 §4.1.4 MUST: an EHLO that is not acceptable is refused, and the state stays.
/// RFC 5321 §4.1.4 MUST: a later EHLO resets as RSET does.
/// RFC 5321 §3.8 MUST NOT: the server does not close on its own account.
/// RFC 5321 §4.1.1.5 MUST: RSET gets 250, discards the transaction, and closes nothing.
#[test]
fn ehlo_and_rset_discard_the_transaction() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: RSET
        S: 250 …
        C: EHLO client.example.org
        S+: 250…
        C: MAIL FROM:<alice@example.com>
        C: RCPT TO:<bob@example.net>
        S: 250 …
        S: 250 …
        C: EHLO
        S: 501 …
        C: RCPT TO:<dave@example.net>
        S: 250 …
        C: RSET
        S: 250 …
        C: DATA
        S: 503 …
        C: MAIL FROM:<alice@example.com>
        C: RCPT TO:<bob@example.net>
        C: EHLO client.example.org
        S: 250 2.1.0 …
        S: 250 2.1.5 …
        S+: 250…
        C: DATA
        S: 503 …
    ",
    );
}

/// RFC 5321 §4.5.1 MUST: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT and VRFY are there.
/// RFC 5321 §7.3 MUST: VRFY that is disabled gets 252.
/// RFC 5321 §3.5.3 MUST: no 250 to VRFY for what was not verified.
/// RFC 5321 §4.1.1.8 SHOULD: HELP is there, and legal at any time.
#[test]
fn what_is_legal_at_any_time() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: NOOP
        S: 250 2.0.0 …
        C: NOOP with words
        S: 250 2.0.0 …
        C: HELP
        S: 214-…
        S: 214-…
        S: 214 …
        C: VRFY bob
        S: 252 …
        C: VRFY
        S: 501 …
        C: HELP MAIL
        S+: 214…
        C: QUIT now
        S: 501 …
        C: QUIT
        S: 221 …
        S: (closed)
    ",
    );
}

/// RFC 5321 §4.5.2 MUST: dots at line starts survive, whatever is in the message.
/// RFC 5321 §4.1.1.4 MUST NOT: no empty line is added before the end of data.
#[test]
fn dots_are_unstuffed() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 250 …
            S: 250 …
            S: 354 …
            C: Subject: dots
            C:
            C: ..
            C: ...two
            C: in . the middle.
            C: ..
            C: .
            S: 250 …
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        let inbox = talk.inbox("bob@example.net");
        assert!(
            inbox[0].ends_with("Subject: dots\r\n\r\n.\r\n..two\r\nin . the middle.\r\n.\r\n"),
            "{}",
            inbox[0]
        );
    });
}

/// RFC 1870 §6.1: a size declared too big is refused at MAIL with 552.
/// RFC 1870 §6.3: a message that is too big is refused at its end with 552.
/// RFC 5321 §4.5.3.1.7 MUST: at least 64 KiB of content are taken.
#[test]
fn size_is_held_at_mail_and_on_the_data() {
    let small = scenario(|s| s.hosts.iter_mut().for_each(|h| h.size_limit = 100_000));
    in_scenario(&small, async |talk| {
        talk.open("", MX1, SMTP).await;
        let line = "x".repeat(998);
        let content = |lines: usize| vec![format!("C: {line}"); lines].join("\n");
        let envelope = "C: MAIL FROM:<alice@example.com>\nC: RCPT TO:<bob@example.net>\nC: DATA\nS: 250 …\nS: 250 …\nS: 354 …";
        talk.says(&format!(
            "S: 220 …\nC: EHLO client.example.org\nS+: 250…\nC: MAIL FROM:<alice@example.com> SIZE=100001\nS: 552 5.3.4 …\n\
             {envelope}\n{}\nC: .\nS: 552 5.3.4 …\n{envelope}\n{}\nC: .\nS: 250 …",
            content(101),
            content(70),
        ))
        .await;
        talk.wait(Duration::from_secs(2)).await;
        assert_eq!(talk.inbox("bob@example.net").len(), 1);
    });
}

/// RFC 6152 §2 MUST: BODY=8BITMIME is taken, and every octet kept.
/// RFC 5321 §2.4 MUST: the case of a local part is preserved.
#[test]
fn eight_bits_arrive_as_they_were_sent() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<AliCe@example.com> BODY=8BITMIME
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 250 …
            S: 250 …
            S: 354 …
            C: Subject: eight bits
            C:
            C~ caf\xc3\xa9\r\n
            C: .
            S: 250 …
            C: MAIL FROM:<alice@example.com> BODY=9BIT
            S: 501 …
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        let inbox = talk.inbox("bob@example.net");
        assert!(
            inbox[0].ends_with("café\r\n") && inbox[0].starts_with("Return-Path: <AliCe@example.com>\r\n"),
            "{}",
            inbox[0]
        );
    });
}

/// RFC 2920 §3.2 MUST: pipelined commands are carried out in order, and each gets its reply.
/// RFC 5321 §3.3 MUST: a recipient that is not acceptable is refused as permanent or temporary, alone.
#[test]
fn one_of_several_recipients_is_refused() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            C: RCPT TO:<nobody@example.net>
            C: RCPT TO:<dave@example.net>
            C: DATA
            S: 250 2.1.0 …
            S: 250 2.1.5 …
            S: 550 5.1.1 …
            S: 250 2.1.5 …
            S: 354 …
            C: Subject: to two of three
            C:
            C: .
            C: NOOP
            C: QUIT
            S: 250 2.0.0 …
            S: 250 2.0.0 OK
            S: 221 …
            S: (closed)
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        assert_eq!((talk.inbox("bob@example.net").len(), talk.inbox("dave@example.net").len()), (1, 1));
    });
}

/// RFC 5321 §3.6.2 MAY: relaying is refused with 550 to those who may not use it.
/// RFC 6409 §4.3 MUST: submission asks for authentication (530).
/// RFC 4954 §4 MUST: AUTH right is 235, wrong 535, cancelled 501, unknown mechanism 504, a second time 503.
#[test]
fn relaying_needs_a_login() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C: EHLO client.example.org
        S+: 250…
        C: MAIL FROM:<bob@example.net>
        C: RCPT TO:<alice@example.com>
        S: 250 …
        S: 550 5.7.1 …
        C: RSET
        S: 250 …
        C: AUTH PLAIN
        S: 502 5.5.1 …
    ",
    );
    dialogue(
        MAIL,
        SUBMISSION,
        &r"
        S: 220 mail.example.com …
        C: AUTH PLAIN
        S: 503 5.5.1 …
        C: EHLO client.example.org
        S+: 250…
        C: MAIL FROM:<alice@example.com>
        S: 530 5.7.0 …
        C: AUTH GSSAPI
        S: 504 5.5.4 …
        C: AUTH PLAIN
        S: 334 
        C: *
        S: 501 5.7.0 …
        C: AUTH PLAIN
        S: 334 
        C: not base64!
        S: 501 5.5.2 …
        C: AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHdyb25n
        S: 535 5.7.8 …
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: YWxpY2VAZXhhbXBsZS5jb20=
        S: 334 UGFzc3dvcmQ6
        C: d3Jvbmc=
        S: 535 5.7.8 …
        C: AUTH LOGIN YWxpY2VAZXhhbXBsZS5jb20=
        S: 334 UGFzc3dvcmQ6
        C: dGVhLWF0LWZvdXI=
        S: 235 2.7.0 …
        C: AUTH PLAIN ALICE
        S: 503 5.5.1 …
        C: MAIL FROM:<alice@example.com>
        C: AUTH PLAIN
        C: RCPT TO:<bob@example.net>
        S: 250 …
        S: 503 5.5.1 …
        S: 250 2.1.5 …
    "
        .replace("ALICE", ALICE),
    );
    dialogue(
        MAIL,
        SUBMISSION,
        &format!(
            "S: 220 …\nC: EHLO client.example.org\nS+: 250…\nC: AUTH plain {ALICE}\nS: 235 2.7.0 …\nC: MAIL FROM:<alice@example.com>\nS: 250 …"
        ),
    );
}

/// RFC 5321 §4.5.5: the null reverse-path is taken.
/// RFC 5321 §4.1.2 MUST: quoted local parts are taken, and mean the same as unquoted ones.
/// RFC 5321 §4.5.1 MUST: postmaster is taken in any case, with and without a domain.
/// RFC 5321 §2.3.5 MUST: `<Postmaster>` without a domain is accepted.
/// RFC 5321 §4.1.1.3 MUST: a source route is recognised (SHOULD: and ignored).
/// RFC 5321 §F.2 MUST: the syntax of source routes goes on being taken.
/// RFC 5321 §3.3 MUST: servers are prepared for source routes.
/// RFC 5321 §4.1.2 MUST: a source route is accepted.
#[test]
fn addresses_of_every_kind() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r#"
            S: 220 …
            C: EHLO [192.0.2.99]
            S+: 250…
            C: MAIL FROM:<>
            S: 250 …
            C: RCPT TO:<"bob"@example.net>
            S: 250 …
            C: RCPT TO:<"b\ob"@example.net>
            S: 250 …
            C: RCPT TO:<"no such\"one"@example.net>
            S: 550 5.1.1 …
            C: RCPT TO:<Postmaster>
            S: 250 …
            C: RCPT TO:<pOSTmASTER@EXAMPLE.net>
            S: 250 …
            C: RCPT TO:<@relay.example.org,@other.example.org:bob@example.net>
            S: 250 …
            C: RCPT TO:<@mx1.example.net:alice@example.com>
            S: 550 5.7.1 …
            C: DATA
            S: 354 …
            C: Subject: many names, one Bob
            C:
            C: .
            S: 250 …
        "#,
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        assert_eq!(talk.inbox("bob@example.net").len(), 1, "one message to one mailbox, by whatever names");
        assert!(talk.inbox("bob@example.net")[0].starts_with("Return-Path: <>\r\n"));
        assert_eq!(talk.inbox("dave@example.net").len(), 1, "the postmaster");
    });
}

/// RFC 5321 §4.5.1 MUST: postmaster is there even where no account has that alias.
#[test]
fn postmaster_is_there_without_being_set_up() {
    let none = scenario(|s| s.accounts.iter_mut().for_each(|a| a.aliases.clear()));
    in_scenario(&none, async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<>
            C: RCPT TO:<postmaster>
            C: RCPT TO:<Postmaster@example.net>
            C: DATA
            S: 250 …
            S: 250 …
            S: 250 …
            S: 354 …
            C: Subject: help
            C:
            C: .
            S: 250 …
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        assert_eq!(talk.inbox("bob@example.net").len() + talk.inbox("dave@example.net").len(), 1);
    });
}

/// RFC 5321 §4.4 MUST: Received is put on top, with FROM clause, address and date; those below stay as they are.
/// RFC 5321 §4.4 MUST: Return-Path is put on top at final delivery.
/// RFC 5321 §4.4 MUST: FOR names one recipient at most.
/// RFC 5321 §6.4 MUST NOT: a relay repairs nothing in a message.
/// RFC 5321 §3.6.3 MUST NOT: nothing else of header or body is touched.
/// RFC 5321 §3.7.2 MUST NOT: mail is refused for odd trace fields.
/// RFC 5321 §F.5 MUST: dates in trace fields have four-digit years.
#[test]
fn trace_fields_go_on_top() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            C: RCPT TO:<dave@example.net>
            C: DATA
            S+: 250 …
            S: 354 …
            C: Received: whatever this is
            C: return-path: <old@example.org>
            C: no field at all
            C:
            C: text
            C: .
            S: 250 …
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        let inbox = talk.inbox("bob@example.net");
        let lines: Vec<&str> = inbox[0].split("\r\n").collect();
        assert_eq!(lines[0], "Return-Path: <alice@example.com>");
        assert!(
            lines[1].starts_with("Received: from client.example.org (") && lines[1].contains("[192.0.2.99]"),
            "{lines:?}"
        );
        assert!(!inbox[0].contains("\r\n\tfor "), "two recipients: neither is told of the other");
        assert!(
            lines[3].starts_with("\tMon, 5 Jan 2026 09:00:0") && lines[3].ends_with(" +0000"),
            "{lines:?}"
        );
        assert_eq!(
            lines[4..9],
            ["Received: whatever this is", "return-path: <old@example.org>", "no field at all", "", "text"]
        );
    });
}

/// RFC 5321 §6.3 MUST: loops are found by counting Received fields, and stopped.
#[test]
fn fifty_hops_are_enough() {
    let hops = |count: usize| "C: Received: from a by b; Mon, 5 Jan 2026 09:00:00 +0000\n".repeat(count);
    let envelope = "C: MAIL FROM:<alice@example.com>\nC: RCPT TO:<bob@example.net>\nC: DATA\nS: 250 …\nS: 250 …\nS: 354 …\n";
    dialogue(
        MX1,
        SMTP,
        &format!(
            "S: 220 …\nC: EHLO client.example.org\nS+: 250…\n{envelope}{}C:\nC: .\nS: 554 5.4.6 …\n{envelope}{}C:\nC: .\nS: 250 …",
            hops(51),
            hops(50),
        ),
    );
}

/// RFC 5321 §4.1.1.4 MUST NOT: nothing but CR LF dot CR LF ends the message.
/// RFC 5321 §2.3.8 MUST NOT: no other sequence is taken for a line's end.
#[test]
fn no_variant_of_the_end_smuggles_a_second_message() {
    // The seven inbound variants: what stands around the dot in place of CR LF.
    for (before, after) in [
        (r"\n", r"\n"),
        (r"\n", r"\r\n"),
        (r"\r", r"\r\n"),
        (r"\r", r"\r"),
        (r"\r\n", r"\n"),
        (r"\r\n", r"\r"),
        (r"\r\n\0", r"\r\n"),
    ] {
        in_world(async |talk| {
            talk.open("", MX1, SMTP).await;
            talk.says("S: 220 …\nC: EHLO client.example.org\nS+: 250…\nC: MAIL FROM:<a@example.com>\nC: RCPT TO:<bob@example.net>\nC: DATA\nS: 250 …\nS: 250 …\nS: 354 …").await;
            let text = format!(
                r"C~ Subject: outer\r\n\r\none{before}.{after}MAIL FROM:<admin@example.net>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\ntwo\r\n.\r\n"
            );
            // One message, one reply: refused, or (with the NUL, which is no line's end) taken as one.
            let verdict = if before.contains('0') { "S: …50 …" } else { "S: 550 5.6.0 …" };
            talk.says(&format!("{text}\n{verdict}\nS: (silence)\nC: NOOP\nS: 250 2.0.0 OK")).await;
            talk.wait(Duration::from_secs(2)).await;
            let inbox = talk.inbox("bob@example.net");
            assert!(
                inbox.len() <= 1 && inbox.iter().all(|m| m.contains("Subject: outer")),
                "{before}.{after}: {inbox:?}"
            );
        });
    }
}

/// RFC 5321 §2.3.8 MUST NOT: a bare LF ends no command line: what follows it is not carried out.
/// RFC 5321 §4.1.1.4 MUST NOT: lines that end in LF only are not accepted.
#[test]
fn a_bare_line_feed_ends_no_command() {
    dialogue(
        MX1,
        SMTP,
        r"
        S: 220 …
        C~ EHLO client.example.org\n
        S: 500 5.5.2 …CR LF…
        C~ HELO a\nEHLO client.example.org\r\n
        S: 500 …
        S: 500 …
        C: MAIL FROM:<alice@example.com>
        S: 503 …
        C~ EHLO client\rexample.org\r\n
        S: 501 …
    ",
    );
}

/// RFC 5321 §4.5.3.1.8 MUST: at least 100 recipients are taken.
/// RFC 5321 §4.5.3.1.10 MUST: recipients over the limit get 452, and those before stay.
/// RFC 5321 §4.5.3.1 MUST: lines of 512 octets, and addresses of 256, are taken; longer lines get 500.
#[test]
fn limits_are_told_by_their_codes() {
    let recipients = "C: RCPT TO:<bob@example.net>\n".repeat(1000);
    let replies = "S: 250 2.1.5 …\n".repeat(1000);
    let long = "x".repeat(3000);
    let full = "x".repeat(505);
    dialogue(
        MX1,
        SMTP,
        &format!(
            "S: 220 …\nC: EHLO client.example.org\nS+: 250…\nC: NOOP {full}\nS: 250 …\nC: NOOP {long}\nS: 500 5.5.2 …\nC: NOOP\nS: 250 …\n\
         C: MAIL FROM:<alice@example.com>\nS: 250 …\n{recipients}{replies}C: RCPT TO:<dave@example.net>\nS: 452 4.5.3 …\n\
         C: DATA\nS: 354 …\nC:\nC: .\nS: 250 …"
        ),
    );
}

/// RFC 5321 §4.1.1.10 MUST: a connection that breaks off cancels the transaction, and undoes no earlier one.
/// RFC 5321 §2.1 MUST: what was answered 250 is delivered.
#[test]
fn half_a_message_is_none() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 250 …
            S: 250 …
            S: 354 …
            C: Subject: first
            C:
            C: .
            S: 250 …
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 250 …
            S: 250 …
            S: 354 …
            C: Subject: second
            C:
            C: half
        ",
        )
        .await;
        talk.drop_connection("");
        talk.wait(Duration::from_secs(2)).await;
        let inbox = talk.inbox("bob@example.net");
        assert!(inbox.len() == 1 && inbox[0].contains("Subject: first"), "{inbox:?}");
    });
}

/// RFC 5321 §3.1 MUST: a server that greets with 554 waits for QUIT (SHOULD: answers all else with 503).
#[test]
fn a_server_out_of_service_waits_for_quit() {
    let closed = scenario(|s| {
        s.faults.push(postroad::world::scenario::Fault::Reply {
            host: MX1.to_owned(),
            service: "mta".to_owned(),
            verb: "CONNECT".to_owned(),
            reply: "554 5.3.2 No service here today".to_owned(),
            times: 0,
        });
    });
    in_scenario(&closed, async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says("S: 554 5.3.2 …\nC: EHLO client.example.org\nS: 503 …\nC: MAIL FROM:<a@example.com>\nS: 503 …\nC: QUIT\nS: 221 …\nS: (closed)").await;
    });
}

/// RFC 5321 §4.5.3.2.7 SHOULD: a server waits five minutes at least; then it says 421 and closes (§3.8).
#[test]
fn silence_is_ended_with_421() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says("S: 220 …\nC: EHLO client.example.org\nS+: 250…").await;
        talk.wait(Duration::from_secs(280)).await;
        talk.says("C: NOOP\nS: 250 …").await;
        talk.wait(Duration::from_secs(310)).await;
        talk.says("S: 421 4.4.2 …\nS: (closed)").await;
    });
}

/// RFC 3030 §2 MUST: BDAT chunks make one message; RSET discards them; a chunk out of order is read and refused.
#[test]
fn chunks_make_a_message() {
    in_world(async |talk| {
        talk.open("", MX1, SMTP).await;
        talk.says(
            r"
            S: 220 …
            C: EHLO client.example.org
            S+: 250…
            C~ BDAT 6\r\nNOOP\r\n
            S: 503 …
            C: MAIL FROM:<alice@example.com>
            C: RCPT TO:<bob@example.net>
            S: 250 …
            S: 250 …
            C~ BDAT 20\r\nSubject: chunks\r\n\r\n.
            S: 250 …
            C~ BDAT 5 LAST\r\n\r\nx\r\n
            S: 250 2.0.0 OK: queued…
        ",
        )
        .await;
        talk.wait(Duration::from_secs(2)).await;
        let inbox = talk.inbox("bob@example.net");
        assert!(inbox[0].ends_with("Subject: chunks\r\n\r\n.\r\nx\r\n"), "{}", inbox[0]);
    });
}
