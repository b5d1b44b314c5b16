//! Known answers: what ENVELOPE, BODYSTRUCTURE and BODY[section] are for messages we can read here.

use super::bodystructure::body_structure;
use super::envelope::envelope;
use super::section::{extract, partial};
use super::*;
use crate::proto::imap::types::{Partial, Section, SectionText};
use proptest::prelude::*;

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn structure(message: &[u8], extended: bool) -> String {
    text(&body_structure(message, &parse(message), extended))
}

fn body(message: &[u8], part: &[u32], kind: Option<SectionText>) -> Option<String> {
    let section = Section { part: part.to_vec(), text: kind };
    extract(message, &parse(message), &section).map(|bytes| text(&bytes))
}

/// The part numbers of RFC 9051 §6.4.5: mixed of text, octets, a message (mixed of text, octets), and a multipart.
fn rfc_example() -> Vec<u8> {
    crlf(
        "Subject: outer\nContent-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n\none\n--a\n\
Content-Type: application/octet-stream\n\ntwo\n--a\nContent-Type: message/rfc822\n\n\
Subject: inner\nContent-Type: multipart/mixed; boundary=\"b b\"\n\n--b b\nContent-Type: text/plain\n\n3.1\n--b b\n\
Content-Type: application/octet-stream\n\n3.2\n--b b--\nepilogue\n--a\n\
Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: image/gif\n\n4.1\n--c\n\
Content-Type: message/rfc822\n\nSubject: deep\n\nhello\nworld\n--c--\n--a--\n",
    )
}

#[test]
fn parts_are_numbered_as_the_rfc_numbers_them() {
    let message = rfc_example();
    let part = |numbers: &[u32]| body(&message, numbers, None);
    assert_eq!(part(&[1]).as_deref(), Some("one"));
    assert_eq!(part(&[2]).as_deref(), Some("two"));
    assert_eq!(part(&[3, 1]).as_deref(), Some("3.1"));
    assert_eq!(part(&[3, 2]).as_deref(), Some("3.2"));
    assert_eq!(part(&[4, 1]).as_deref(), Some("4.1"));
    assert_eq!(part(&[4, 2]).as_deref(), Some("Subject: deep\r\n\r\nhello\r\nworld"));
    assert_eq!(part(&[4, 2, 1]).as_deref(), Some("hello\r\nworld"));
    for missing in [&[5][..], &[0], &[1, 1], &[3, 3], &[4, 2, 2], &[4, 2, 1, 1], &[1, 1, 1]] {
        assert_eq!(part(missing), None, "{missing:?}");
    }
    let mime = body(&message, &[4, 2], Some(SectionText::Mime));
    assert_eq!(mime.as_deref(), Some("Content-Type: message/rfc822\r\n\r\n"));
    assert_eq!(body(&message, &[4, 2], Some(SectionText::Header)).as_deref(), Some("Subject: deep\r\n\r\n"));
    assert_eq!(body(&message, &[4, 2], Some(SectionText::Text)).as_deref(), Some("hello\r\nworld"));
    assert_eq!(body(&message, &[2], Some(SectionText::Header)), None);
}

#[test]
fn a_message_without_parts_has_part_one() {
    let message = crlf("Subject: x\nTo: a@b\nX: 1\n folded\n\nhello\n");
    assert_eq!(body(&message, &[1], None).as_deref(), Some("hello\r\n"));
    assert_eq!(body(&message, &[1], Some(SectionText::Mime)), body(&message, &[], Some(SectionText::Header)));
    assert_eq!(body(&message, &[2], None), None);
    let only = |not| SectionText::HeaderFields { not, fields: vec!["x".into(), "TO".into()] };
    assert_eq!(body(&message, &[], Some(only(false))).as_deref(), Some("To: a@b\r\nX: 1\r\n folded\r\n\r\n"));
    assert_eq!(body(&message, &[], Some(only(true))).as_deref(), Some("Subject: x\r\n\r\n"));
    assert_eq!(partial(b"hello", Some(Partial { offset: 3, length: 10 })), b"lo");
    assert_eq!(partial(b"hello", Some(Partial { offset: 9, length: u64::MAX })), b"");
}

#[test]
fn structure_of_one_text_part() {
    let message = crlf("Subject: x\n\nhello\nworld\n");
    let want = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 14 2)"#;
    assert_eq!(structure(&message, false), want);
    assert_eq!(structure(&message, true), want.replace(" 2)", " 2 NIL NIL NIL NIL)"));
    assert_eq!(structure(b"", false), r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)"#);
}

#[test]
fn structure_with_everything() {
    let message = crlf(
        "Content-Type: multipart/mixed; (note) foo=\"b\\\"ar\"; boundary=x; q=a/b=c\n\
Content-Language: fi, se\nContent-Location: http://localhost\nContent-Disposition: inline; n=1\n\n\
--x  \nContent-Type: TEXT/X-own; charset=utf-8\nContent-ID: <1@b>\nContent-Description: de\n scription\n\
Content-Transfer-Encoding: Base64\nContent-MD5: abc=\nContent-Disposition: attachment; filename=\"a b\"\n\
Content-Language: en\n\naGk=\n\n--x\nContent-Type: message/rfc822\n\nFrom: a@b\n\nyo\n--x--\n",
    );
    let part = r#"("TEXT" "X-own" ("charset" "utf-8") "<1@b>" "de scription" "Base64" 6 1"#;
    let own = r#" "abc=" ("attachment" ("filename" "a b")) "en" NIL)"#;
    let who = r#"((NIL NIL "a" "b"))"#;
    let inside = format!(
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL NIL {who} {who} {who} NIL NIL NIL NIL NIL) \
(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
    );
    let end = r#" "mixed" ("foo" "b\"ar" "boundary" "x" "q" "a/b=c") ("inline" ("n" "1")) ("fi" "se") "http://localhost")"#;
    assert_eq!(structure(&message, true), format!("({part}{own}{inside}{end}"));
}

#[test]
fn what_cannot_be_taken_apart_is_still_a_structure() {
    let empty = crlf("Content-Type: multipart/mixed; boundary=x\n\nnothing\n");
    assert!(structure(&empty, false).ends_with("0 0) \"mixed\")"));
    let no_boundary = crlf("Content-Type: multipart/mixed\n\nnothing\n");
    assert!(structure(&no_boundary, false).starts_with("(\"text\" \"plain\""));
    let digest = crlf("Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: in\n\nhi\n--x--\n");
    assert!(structure(&digest, false).contains("\"message\" \"rfc822\""));
    // A part that ends within its header, and an outer boundary that ends an inner multipart early.
    let torn = crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\nA: b\n--x\n\nlast\n--x--\n",
    );
    assert_eq!(body(&torn, &[2], None).as_deref(), Some("last"));
    assert_eq!(body(&torn, &[1, 1], None).as_deref(), Some(""));
}

#[test]
fn a_form_feed_is_white_space_too() {
    let message =
        b"Content-Type: \x0ctext/\x0cx-own;\x0ca=\x0cb\r\nContent-Language: \x0c\r\nTo: \x0ca@\x0cb\r\n\r\n";
    assert!(structure(message, true).starts_with("(\"text\" \"x-own\" (\"a\" \"b\" "));
}

#[test]
fn nesting_and_numbers_are_bounded() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(5_000);
    let deep = parse(nested.as_bytes());
    let mut depth = 0;
    let mut at = &deep;
    while let Inner::Message(inner) = &at.inner {
        depth += 1;
        at = inner;
    }
    assert!((2..=MAX_DEPTH).contains(&depth), "{depth}");
    let many = format!("Content-Type: multipart/mixed; boundary=x\r\n\r\n{}", "--x\r\n\r\n".repeat(5_000));
    let Inner::Multipart(parts) = parse(many.as_bytes()).inner else { panic!("not multipart") };
    assert!(parts.len() <= MAX_PARTS);
}

#[test]
fn envelope_of_rfc_3501_section_8() {
    let header = crlf(
        "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry Gray <gray@cac.washington.edu>\n\
Subject: IMAP4rev1 WG mtg summary and minutes\nTo: imap@cac.washington.edu\n\
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n\
Message-Id: <B27397-0100000@cac.washington.edu>\nMIME-Version: 1.0\n\n",
    );
    let gray = r#"(("Terry Gray" NIL "gray" "cac.washington.edu"))"#;
    let want = format!(
        "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" {gray} {gray} {gray} \
((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \
\"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\")"
    );
    assert_eq!(text(&envelope(&header)), want);
}

#[test]
fn addresses_in_every_shape() {
    let shown = |value: &str| {
        let answer = envelope(format!("To: {value}\r\n").as_bytes());
        let answer = text(&answer);
        let inner = answer.strip_prefix("(NIL NIL NIL NIL NIL ").expect("five NILs first");
        inner.strip_suffix(" NIL NIL NIL NIL)").expect("four NILs last").to_owned()
    };
    for (value, want) in [
        ("", "NIL"),
        ("a@b (Real Name)", r#"(("Real Name" NIL "a" "b"))"#),
        ("\"x, y\" <\"a b\"@[1.2.3.4]>", r#"(("x, y" NIL "a b" "[1.2.3.4]"))"#),
        ("<@r1,@r2:a@b>", r#"((NIL "@r1,@r2" "a" "b"))"#),
        (
            "Friends: a@b, C <c@d>;",
            r#"((NIL NIL "Friends" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL))"#,
        ),
        ("undisclosed-recipients:;", r#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#),
        ("open: a@b", r#"((NIL NIL "open" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))"#),
        ("alone", r#"((NIL NIL "alone" ""))"#),
        ("first . last @ b . c, ,", r#"((NIL NIL "first.last" "b.c"))"#),
        ("J. =?utf-8?q?=C3=A9?= <j@x>", r#"(("J. =?utf-8?q?=C3=A9?=" NIL "j" "x"))"#),
        ("<>", r#"((NIL NIL "" ""))"#),
        ("x <a@b", r#"(("x" NIL "a" "b"))"#),
    ] {
        assert_eq!(shown(value), want, "{value}");
    }
}

#[test]
fn strings_that_cannot_be_quoted_are_literals() {
    let shown = |header: &[u8]| envelope(header);
    assert!(shown(b"Subject: caf\xe9\r\n").starts_with(b"(NIL {4}\r\ncaf\xe9 NIL"));
    assert!(shown(b"Subject: a\\\"b\r\n").starts_with(b"(NIL \"a\\\\\\\"b\" NIL"));
    assert!(shown(b"Subject: a\r\n b\r\n").starts_with(b"(NIL \"a b\" NIL"));
    assert!(shown(b"Subject:\r\n").starts_with(b"(NIL \"\" NIL"));
    assert!(shown(b"Subject: a\0\r\n").starts_with(b"(NIL {2}\r\na\x80 NIL"));
}

#[test]
fn search_sees_decoded_text() {
    use super::decode::*;
    assert_eq!(header_text(b"=?utf-8?Q?caf=C3=A9?=\r\n =?ISO-8859-1?q?_cr=E8me?= (x)"), "café crème (x)");
    assert_eq!(header_text(b"=?utf-8?B?w6k=?= =?x =? ="), "é =?x =? =");
    let message = crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: quoted-printable\n\
Content-Type: text/plain; charset=iso-8859-1\n\nGr=FC=DFe a=\n us\n--x\nContent-Transfer-Encoding: base64\n\n\
aGVsbG8g\nd29ybGQ=\n--x\nContent-Type: image/gif\n\nnot text\n--x--\n",
    );
    assert_eq!(whole_body(&message, &parse(&message)), "Grüße a us\nhello world\n");
    let date = sent_date(b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n").map(|d| d.to_string());
    assert_eq!(date.as_deref(), Some("7-Feb-1994"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_character_set_takes_any_bytes(
        charset in prop::sample::select(vec![
            "utf-7", "utf-16", "utf-16le", "utf-16be", "iso-2022-jp", "shift_jis", "euc-jp", "euc-kr", "gb18030",
            "gbk", "big5", "koi8-r", "iso-8859-15", "windows-1252", "tis-620", "macintosh", "ibm850", "", "x",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        date in "[0-9A-Za-z:+, -]{0,40}",
    ) {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let _ = decode::header_text(format!("=?{charset}?B?{text}?=").as_bytes());
        let _ = decode::sent_date(format!("Date: {date}\r\n").as_bytes());
        let message = format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}");
        let _ = decode::whole_body(message.as_bytes(), &parse(message.as_bytes()));
    }

    #[test]
    fn nothing_panics_and_ranges_hold(pieces in prop::collection::vec(prop::sample::select(vec![
        "\r\n", "\n", "--x", "--x--", "--y", "Content-Type: multipart/mixed; boundary=x\r\n", "\0", "é", " ", ";", "=",
        "Content-Type: multipart/digest; boundary=\"y\"\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n", "\"", "(",
        "To: <@a:b", "From: x: ", ",", "=?utf-8?q?", "?=", "Content-Type: text/", "Date: 1 Jan", "\\",
    ]), 0..60), noise in prop::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
        let mut bytes = pieces.concat().into_bytes();
        let at = at.index(bytes.len() + 1);
        bytes.splice(at..at, noise);
        let entity = parse(&bytes);
        let _ = (body_structure(&bytes, &entity, true), envelope(&bytes), decode::whole_body(&bytes, &entity));
        let _ = (decode::whole_header(&bytes), decode::sent_date(&bytes));
        prop_assert!(entity.header.end <= entity.body.start && entity.body.end <= bytes.len());
        for part in [&[1][..], &[2, 1], &[1, 1, 1]] {
            let _ = extract(&bytes, &entity, &Section { part: part.to_vec(), text: Some(SectionText::Text) });
        }
    }
}
