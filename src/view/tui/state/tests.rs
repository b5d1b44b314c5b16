//! What holds after rows of shipped transcripts, in small panes and in wide ones.

use super::*;
use crate::trace::Fact;
use crate::view::tui::testing::{Told, all, styles, text, told};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use std::fmt::Write as _;

fn sheet(told: &Told, row: usize) -> Sheet {
    let (item, after) = &told.rows[row];
    let nothing = State::default();
    let before = row.checked_sub(1).map_or(&nothing, |row| &told.rows[row].1);
    let at = match item {
        Item::Step(step, _) => step.at,
        Item::Fact { at, .. } => *at,
        _ => told.cast.start,
    };
    Sheet::of(&told.cast, before, after, Some(item), at)
}

fn drawn(sheet: &Sheet, theme: &Theme, (width, height): (u16, u16), scroll: usize) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            sheet.draw(frame, frame.area(), theme, scroll);
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

fn pictures(name: &str, rows: &[usize], sizes: &[(u16, u16)]) -> String {
    let told = told(name);
    let mut out = format!("## {name}\n");
    for row in rows {
        for size in sizes {
            let _ = writeln!(out, "── {} ({}×{})", told.about(*row), size.0, size.1);
            out += text(&drawn(&sheet(&told, *row), &Theme::mono(), *size, 0)).trim_end();
            out += "\n";
        }
    }
    out
}

const SMALL: (u16, u16) = (38, 12);
const WIDE: (u16, u16) = (80, 40);

fn step(told: &Told, kind: Kind, verb: &str, code: &str) -> usize {
    told.row_where(|item| {
        matches!(item, Item::Step(s, _) if s.kind == kind && s.verb == verb && s.code.starts_with(code))
    })
}

fn fact(told: &Told, holds: fn(&Fact) -> bool) -> usize {
    told.row_where(|item| matches!(item, Item::Fact { fact, .. } if holds(fact)))
}

#[test]
fn a_transaction_grows_and_the_letter_changes_hands() {
    let told = told("journey");
    let rows = [
        step(&told, Kind::Command, "EHLO", ""),
        step(&told, Kind::Command, "MAIL", ""),
        step(&told, Kind::Reply, "RCPT", "250"),
        step(&told, Kind::Data, "message", ""),
        fact(&told, |fact| matches!(fact, Fact::Queued { .. })),
        fact(&told, |fact| matches!(fact, Fact::ResolverCached { .. })),
        fact(&told, |fact| matches!(fact, Fact::Delivered { .. })),
        step(&told, Kind::Reply, "SELECT", "OK"),
        fact(&told, |fact| matches!(fact, Fact::FlagsSet { .. })),
        step(&told, Kind::Reply, "DELE", "+OK"),
        fact(&told, |fact| matches!(fact, Fact::Removed { .. })),
    ];
    insta::assert_snapshot!("journey", pictures("journey", &rows, &[SMALL]));
    insta::assert_snapshot!("journey_wide", pictures("journey", &[rows[3], rows[8], rows[9]], &[WIDE]));
}

#[test]
fn what_went_wrong_is_seen() {
    let mut out = String::new();
    type Is = fn(&Fact) -> bool;
    let cases: [(&str, Is); 5] = [
        ("greylist", |fact| matches!(fact, Fact::RetryAt { .. })),
        ("mx1-down", |fact| matches!(fact, Fact::ServiceDown { .. })),
        ("unknown-user", |fact| matches!(fact, Fact::Bounced { .. })),
        ("maildrop-lock", |fact| matches!(fact, Fact::MaildropLocked { .. })),
        ("imap-idle", |fact| matches!(fact, Fact::Delivered { .. })),
    ];
    for (name, holds) in cases {
        let row = fact(&told(name), holds);
        out += &pictures(name, &[row], &[SMALL, WIDE]);
    }
    let told = told("unknown-user");
    let refused = told.row_where(
        |item| matches!(item, Item::Step(s, _) if s.verb == "RCPT" && s.verdict == Some(Verdict::Negative)),
    );
    out += &pictures("unknown-user", &[refused], &[SMALL]);
    insta::assert_snapshot!("troubles", out);
}

#[test]
fn its_colours_say_what_changed() {
    let told = told("journey");
    let sheet = sheet(&told, step(&told, Kind::Reply, "RCPT", "250"));
    let mut out = String::new();
    for (name, theme) in [("dark", Theme::dark()), ("light", Theme::light()), ("mono", Theme::mono())] {
        let _ = writeln!(out, "{name}\n{}", styles(&drawn(&sheet, &theme, SMALL, 0)));
    }
    insta::assert_snapshot!("colours", out);
}

/// Facts change what is listed, and an unchanged State changes nothing, whatever the clock says.
#[test]
fn news_is_what_changed_and_nothing_else() {
    for (name, told) in all() {
        for (row, (item, after)) in told.rows.iter().enumerate() {
            let later = told.cast.start.as_secs() + 4000;
            let same = Sheet::of(&told.cast, after, after, Some(item), Instant::from_secs(later));
            assert!(
                !same.has_news() || matches!(item, Item::Step(s, _) if s.kind == Kind::Data),
                "{name} {row}"
            );
            let changes = matches!(item, Item::Fact { fact, .. }
                if matches!(fact, Fact::Queued { .. } | Fact::RetryAt { .. } | Fact::Dequeued { .. }
                    | Fact::Delivered { .. } | Fact::FlagsSet { .. } | Fact::Removed { .. }
                    | Fact::MaildropLocked { .. } | Fact::ClientCopyKept { .. } | Fact::ServiceDown { .. }));
            if changes && row > 0 && told.rows[row - 1].1 != *after {
                assert!(sheet(told, row).has_news(), "{name} {row}: {}", told.about(row));
            }
        }
    }
}

#[test]
fn nothing_from_a_wire_steers_the_terminal() {
    let told = told("journey");
    let mut state = told.rows[told.rows.len() - 1].1.clone();
    let evil = "\x1b]0;pwned\x07\u{202E}".to_owned();
    let mailbox = state.mailboxes.entry(evil.clone()).or_default();
    let mut held = crate::state::Mailbox::default();
    held.messages.insert(1, crate::state::Message { flags: vec![evil.clone()], size: 1 });
    mailbox.insert(evil.clone(), std::sync::Arc::new(held));
    state.down.entry(evil.clone()).or_default().insert(evil.clone());
    state.locks.insert(evil.clone(), evil.clone());
    let sheet = Sheet::of(&told.cast, &State::default(), &state, None, told.cast.start);
    let all: String = sheet.lines(60, &Theme::dark()).iter().map(|line| line.to_string() + "\n").collect();
    assert!(all.contains("␛]0;pwned"), "{all}");
    assert!(all.chars().all(|c| c == '\n' || crate::base::escape::is_printable(c)), "{all:?}");
}

#[test]
fn of_many_messages_the_last_are_listed_and_those_that_changed() {
    let told = told("journey");
    let full = |flags: &str| {
        let mut mailbox = crate::state::Mailbox::default();
        for uid in 1..=1000 {
            let flags = if uid == 7 { vec![flags.to_owned()] } else { Vec::new() };
            mailbox.messages.insert(uid, crate::state::Message { flags, size: 1 });
        }
        let mut state = State::default();
        let all = state.mailboxes.entry("bob@example.net".to_owned()).or_default();
        all.insert("INBOX".to_owned(), std::sync::Arc::new(mailbox));
        state
    };
    let sheet = Sheet::of(&told.cast, &full("new"), &full(r"\Seen"), None, told.cast.start);
    let lines: Vec<String> = sheet.lines(38, &Theme::mono()).iter().map(ToString::to_string).collect();
    assert!(lines.len() < 32, "{lines:#?}");
    assert!(lines.iter().any(|line| line == r"~   ╰ UID 7  \Seen  1 octet"), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "    …  (975 more)"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("UID 1000")), "{lines:#?}");
}

#[test]
fn it_scrolls_to_its_last_line_and_no_further() {
    let told = told("journey");
    let sheet = sheet(&told, told.rows.len() - 1);
    let all = sheet.lines(38, &Theme::mono()).len();
    let last = text(&drawn(&sheet, &Theme::mono(), SMALL, all - 12));
    assert_eq!(text(&drawn(&sheet, &Theme::mono(), SMALL, usize::MAX)), last);
    assert!(!last.contains("more below"), "{last}");
    assert!(text(&drawn(&sheet, &Theme::mono(), SMALL, 0)).contains("more below"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_is_drawn(pick in 0_usize..100, row in 0_usize..10_000, width in 1_u16..300, height in 1_u16..60) {
        let (_, told) = &all()[pick % all().len()];
        let sheet = sheet(told, row % told.rows.len());
        drawn(&sheet, &Theme::dark(), (width, height), row % 97);
        for line in sheet.lines(width, &Theme::dark()) {
            // The margin and a word that is longer than its line may stand out.
            prop_assert!(line.width() <= usize::from(width).max(24), "{width}: {line}");
        }
    }
}
