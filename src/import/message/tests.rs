//! Messages: ordinary, forged, hostile, and reports.

use super::*;
use proptest::prelude::*;

fn message(text: &str) -> Reading {
    read(text.replace('\n', "\r\n").as_bytes(), Limits::default())
}

fn odd(text: &str) -> Vec<&'static str> {
    message(text).oddities.iter().map(|o| o.id).collect()
}

const ROAD: &str = "\
Return-Path: <alice@example.com>
Received: from mx1.example.net (mx1.example.net [198.51.100.25])
 by store.example.net with LMTP id C3; Mon, 1 Jan 2024 10:30:00 +0000
Received: from mail.example.com (mail.example.com [192.0.2.25]) by mx1.example.net
 (Postfix) with ESMTPS id B2 for <bob@example.net>; Mon, 1 Jan 2024 10:29:58 +0000 (UTC)
Received: from laptop (dsl.example.org [203.0.113.9]) by mail.example.com with ESMTPSA id A1;
 Mon, 1 Jan 2024 11:00:00 +0100
From: Alice <alice@example.com>
Date: Mon, 1 Jan 2024 10:59:59 +0100
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=

Hello
";

#[test]
fn the_road_is_told_from_its_beginning_with_its_gaps() {
    let read = message(ROAD);
    let hops: Vec<_> =
        read.hops.iter().map(|h| (h.from.as_str(), h.by.as_str(), h.with.as_str(), h.delay)).collect();
    let want = [
        ("laptop", "mail.example.com", "ESMTPSA", None),
        ("mail.example.com", "mx1.example.net", "ESMTPS", Some(1798)),
        ("mx1.example.net", "store.example.net", "LMTP", Some(2)),
    ];
    assert_eq!(hops, want);
    let trust: Vec<_> = read.hops.iter().map(|h| h.trust).collect();
    assert_eq!(trust, [Trust::Claimed, Trust::Border, Trust::Own]);
    assert_eq!(read.hops[1].from_seen, "mail.example.com [192.0.2.25]");
    assert_eq!((read.hops[1].for_.as_str(), read.hops[1].id.as_str()), ("<bob@example.net>", "B2"));
    assert!(read.hops[1].joins && read.oddities.is_empty(), "{:?}", read.oddities);
    assert_eq!(read.field("subject").map(Field::decoded).as_deref(), Some("Grüße"));
}

#[test]
fn a_clock_that_is_wrong_and_a_chain_that_does_not_join_are_seen() {
    let read = message(
        &ROAD
            .replace("10:29:58", "09:29:58")
            .replace("from mail.example.com (mail.example.com", "from other.example.com (x"),
    );
    assert_eq!(read.hops[1].delay, Some(-1802));
    assert!(!read.hops[1].joins);
}

#[test]
fn a_line_below_the_border_is_a_claim_even_if_it_names_home() {
    let forged = ROAD.replace("by mail.example.com with", "by mx9.example.net with");
    assert_eq!(message(&forged).hops[0].trust, Trust::Claimed);
}

#[test]
fn results_count_where_our_own_server_says_them() {
    let results = "Authentication-Results: mx1.example.net; spf=pass smtp.mailfrom=example.com; dkim=fail (bad; really) header.d=example.com\nAuthentication-Results: evil.example.org; dmarc=pass\n";
    let read = message(&format!("{results}{ROAD}"));
    let claims: Vec<_> = read
        .auth
        .iter()
        .flat_map(|a| a.claims.iter().map(|c| (a.own, c.method.as_str(), c.result.as_str())))
        .collect();
    assert_eq!(claims, [(true, "spf", "pass"), (true, "dkim", "fail"), (false, "dmarc", "pass")]);
}

#[test]
fn what_misleads_is_odd() {
    let base = "Date: Mon, 1 Jan 2024 10:00:00 +0000\n";
    assert_eq!(
        odd(&format!("{base}From: \"boss@example.com\" <a@example.org>\nReturn-Path: <b@example.biz>\n\nx")),
        ["name-is-an-address", "return-path-differs"]
    );
    assert_eq!(
        odd(&format!("{base}From: a@example.com\nSubject: \u{202e}cod\n\nx")),
        ["hidden-characters", "raw-8bit-header"]
    );
    assert_eq!(odd(&format!("{base}From: a@example.com\nFrom: b@example.com\n\nx")), ["field-twice"]);
    assert_eq!(odd("Subject: x\n\nx"), ["field-missing", "field-missing"]);
    let file = "From: a@example.com\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=\"bill.pdf.exe\"\nContent-Disposition: attachment; filename=\"bill.pdf.exe\"\n\nx";
    assert_eq!(odd(&format!("{base}{file}")), ["file-is-a-program"]);
    assert_eq!(odd(&format!("{base}From: a@example.com\n\n{}\0", "x".repeat(999))), ["long-line", "nul"]);
    let ids: Vec<_> =
        read(b"From: a@b.example\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nx", Limits::default())
            .oddities
            .iter()
            .map(|o| o.id)
            .collect();
    assert_eq!(ids, ["mixed-line-ends"]);
}

#[test]
fn a_report_tells_what_became_of_each_recipient() {
    let read = message(
        "From: MAILER-DAEMON@example.com\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n\
         --B\n\nSorry.\n--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.com\nArrival-Date: Mon, 1 Jan 2024 10:00:00 +0000\n\n\
         Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1 (no such)\nRemote-MTA: dns; mx1.example.net\nDiagnostic-Code: smtp; 550 5.1.1\n no such user\n\n\
         Final-Recipient: rfc822; carol@example.net\nAction: delayed\nStatus: 4.2.2\nWill-Retry-Until: Fri, 5 Jan 2024 10:00:00 +0000\n\n\
         --B\nContent-Type: message/rfc822\n\nSubject: Lunch\nMessage-ID: <x@example.com>\n\nAt one?\n--B--\n",
    );
    let report = read.report.expect("it is a report");
    assert_eq!(
        (report.reporting_mta.as_str(), report.returned_subject.as_deref()),
        ("mail.example.com", Some("Lunch"))
    );
    let all: Vec<_> =
        report.recipients.iter().map(|r| (r.final_.as_str(), r.action.as_str(), r.status.as_str())).collect();
    assert_eq!(all, [("bob@example.net", "failed", "5.1.1"), ("carol@example.net", "delayed", "4.2.2")]);
    assert_eq!(report.recipients[0].diagnostic, "550 5.1.1 no such user");
    assert_eq!(read.report_type, "delivery-status");
    let types: Vec<_> = read.parts.iter().map(|p| (p.depth, p.media_type.as_str())).collect();
    let want = [
        (0, "multipart/report"),
        (1, "text/plain"),
        (1, "message/delivery-status"),
        (1, "message/rfc822"),
        (2, "text/plain"),
    ];
    assert_eq!(types, want);
}

#[test]
fn a_message_is_told_from_other_texts() {
    assert!(looks_like_one(ROAD.as_bytes()));
    assert!(looks_like_one(b"From a@b.example Mon Jan  1 10:00:00 2024\nSubject: x\n\n"));
    assert!(!looks_like_one(b"C: EHLO a\nS: 250 ok\n"));
    assert!(!looks_like_one(b"220 a\nDATA\n354 go\nFrom: a\nTo: b\nDate: c\nSubject: d\n\n.\n"));
    assert!(!looks_like_one(b"") && !looks_like_one(b"Note: this\nis: prose\n"));
}

#[test]
fn what_is_huge_is_counted_and_not_kept() {
    let many = "X-A: b\n".repeat(100_000);
    let read = message(&format!(
        "From: a@example.com\n{many}Received: by x; Mon, 1 Jan 2024 10:00:00 +0000\n\nbody"
    ));
    assert_eq!((read.fields.len(), read.field_count), (1000, 100_002));
    assert!(read.oddities.iter().any(|o| o.id == "huge-header"));
    let long = message(&format!("Subject: {}\n\nbody", "x".repeat(10 << 20)));
    assert!(long.fields.iter().all(|f| f.body.len() <= 64 << 10));
    let deep: String =
        (0..2000).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n")).collect();
    assert!(message(&deep).parts.len() <= Limits::default().items);
    let nested = "Content-Type: message/rfc822\n\n".repeat(2000);
    assert!(message(&nested).parts.len() <= Limits::default().items);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_panics(
        lines in prop::collection::vec(prop::sample::select(vec![
            "From: a@b.example", "From:", "Received: from by with id for ; ", "Received: (((((", "Received: by x; Mon, 99 Foo 99999 99:99:99 +9999",
            "Authentication-Results: ;;;=", "Received-SPF:", "DKIM-Signature: d=;d=", "Content-Type: multipart/report; boundary=B", "", "--B", "--B--",
            "Content-Type: message/delivery-status", "Status: 5", "Final-Recipient:", "Content-Transfer-Encoding: base64", "=?utf-8?B?////?=",
            "\u{1b}[31m\u{202e}", "\0", " folded", "Subject: =?utf-8?Q?=E2=80=AE?=", "From a b", "Date: Mon, 1 Jan 0000 00:00:00 -9999",
        ]), 0..40),
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut text = lines.join("\r\n").into_bytes();
        text.extend(noise);
        let read = read(&text, Limits::default());
        prop_assert_eq!(read.octets, text.len());
        let _ = looks_like_one(&text);
    }
}
