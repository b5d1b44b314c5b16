//! The plain view and the JSON view of a small story made by hand.

mod telling;

use postroad::view::json::Json;
use postroad::view::plain::{Detail, Options, Plain};
use telling::{Telling, session, tell};
use unicode_width::UnicodeWidthStr;

fn plain(items: &[postroad::explain::Item], options: Options) -> String {
    let mut view = Plain::new(Vec::new(), options);
    tell(&mut view, items);
    String::from_utf8(view.into_inner()).expect("plain text is UTF-8")
}

fn json(items: &[postroad::explain::Item], show_secrets: bool) -> String {
    let mut view = Json::new(Vec::new(), show_secrets);
    tell(&mut view, items);
    String::from_utf8(view.into_inner()).expect("JSON is UTF-8")
}

#[test]
fn the_brief_view_at_80_columns() {
    insta::assert_snapshot!(plain(&session(), Options::default()));
}

#[test]
fn the_full_view_at_80_columns() {
    insta::assert_snapshot!(plain(&session(), Options { detail: Detail::Full, ..Options::default() }));
}

#[test]
fn the_wire_view_at_60_columns() {
    insta::assert_snapshot!(plain(
        &session(),
        Options { detail: Detail::Wire, width: 60, ..Options::default() }
    ));
}

#[test]
fn no_row_is_wider_than_the_terminal() {
    for detail in [Detail::Wire, Detail::Brief, Detail::Full] {
        for width in [32, 40, 60, 80, 120] {
            let told = plain(&session(), Options { detail, width, ..Options::default() });
            for row in told.lines() {
                assert!(row.width() <= width, "{detail:?}, {width}: {} columns: {row}", row.width());
                // A wire line that is broken at a blank keeps that blank.
                let clean = width < 80 || row.trim_end() == row;
                assert!(clean, "{detail:?}, {width}: blanks at the end of {row:?}");
            }
        }
    }
}

#[test]
fn every_byte_of_the_wire_is_shown_at_any_width() {
    let mut t = Telling::new();
    let long = format!("X-Long: {} end\r\n", "0123456789 ".repeat(40));
    t.client(&long, ("smtp.x", "a long line"));
    for width in [32, 60, 80] {
        let told = plain(&t.items, Options { detail: Detail::Wire, width, ..Options::default() });
        let letters = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let wire = letters(&long);
        assert!(letters(&told.replace('↳', "")).contains(&wire), "{width}: {told}");
    }
}

#[test]
fn what_steers_a_terminal_stays_on_the_wire() {
    let mut t = Telling::new();
    let bad = "NOOP \u{1b}]0;owned\u{7}\u{9b}31m \u{202e}txt.exe \u{e0041}\u{feff}\r\n";
    t.client(bad, ("smtp.NOOP", "a note that quotes \u{1b}[2J and\n\u{202e}breaks"));
    t.part("string", bad.trim_end(), "the part \u{9b}31m");
    t.step(
        postroad::trace::Direction::Client,
        postroad::dissect::Kind::Command,
        b"NOOP \xff\xfe\x1b\r\n",
        ("n", "n"),
    );
    t.fact("h\u{1b}", postroad::trace::Fact::Dequeued { id: "\u{1b}".into() }, "a fact \u{1b}[31m\u{85}");
    t.chapter(1, "A title \u{1b}c", "An intro \u{200b}");
    for detail in [Detail::Wire, Detail::Brief, Detail::Full] {
        let told = plain(&t.items, Options { detail, ..Options::default() });
        assert!(told.chars().all(|c| c == '\n' || postroad::base::escape::is_printable(c)), "{told:?}");
        assert!(told.contains("\\u{202E}") && told.contains("\\xFF\\xFE␛"), "{told}");
    }
    let told = json(&t.items, false);
    assert!(told.chars().all(|c| c == '\n' || postroad::base::escape::is_printable(c)), "{told:?}");
    let first: serde_json::Value =
        serde_json::from_str(told.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(first["text"], bad, "JSON gives back exactly what crossed the wire");
    let second: serde_json::Value =
        serde_json::from_str(told.lines().nth(1).unwrap_or_default()).expect("JSON");
    assert_eq!(
        (&second["text"], &second["base64"]),
        (&"NOOP \\xFF\\xFE␛␍␊".into(), &"Tk9PUCD//hsNCg==".into())
    );
}

#[test]
fn a_secret_is_shown_only_when_asked_for() {
    let secret = "AGFsaWNlAGh1bnRlcjI=";
    for detail in [Detail::Wire, Detail::Brief, Detail::Full] {
        let hidden = plain(&session(), Options { detail, ..Options::default() });
        assert!(!hidden.contains(secret) && hidden.contains("AUTH PLAIN ••••••"));
        assert!(
            plain(&session(), Options { detail, show_secrets: true, ..Options::default() }).contains(secret)
        );
    }
    assert!(!json(&session(), false).contains(secret) && json(&session(), true).contains(secret));
}

#[test]
fn json_is_one_documented_object_a_line() {
    let told = json(&session(), false);
    let lines: Vec<serde_json::Value> =
        told.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let types: Vec<&str> = lines.iter().filter_map(|l| l["type"].as_str()).collect();
    assert_eq!(types.len(), lines.len());
    assert_eq!(
        (types.first(), types.get(1), types.last()),
        (Some(&"fact"), Some(&"chapter"), Some(&"summary"))
    );
    let rcpt = lines.iter().find(|l| l["note"]["id"] == "smtp.RCPT").expect("a RCPT step");
    assert_eq!((&rcpt["client"], &rcpt["server"]), (&"alice-laptop".into(), &"mail.example.com".into()));
    assert_eq!(rcpt["text"], "RCPT TO:<bob@example.net>\r\n");
    assert_eq!(rcpt["note"]["parts"][1]["text"], "the forward-path");
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["hops"], &summary["places"][0]["where"]), (&1.into(), &"mailbox".into()));
}
