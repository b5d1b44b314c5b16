//! What keys, clicks and sizes do, without a terminal.

use crate::world::{View, book, records};
use postroad::view::tui::theme::Theme;
use postroad::view::tui::{Effect, Msg};
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::time::Duration;

fn view() -> View {
    View::of("journey", (100, 30), Theme::mono())
}

/// Where this text begins on the screen.
fn find(view: &View, text: &str) -> (u16, u16) {
    for (y, line) in view.text().lines().enumerate() {
        if let Some(at) = line.find(text) {
            let x = line[..at].chars().count();
            return (u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
        }
    }
    panic!("{text} is not on the screen:\n{}", view.text());
}

fn mouse(view: &mut View, kind: MouseEventKind, (column, row): (u16, u16)) {
    view.tell(Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

fn click(view: &mut View, at: (u16, u16)) {
    mouse(view, MouseEventKind::Down(MouseButton::Left), at);
}

#[test]
fn steps_go_on_and_back() {
    let mut view = view();
    assert_eq!(view.step(), 1);
    assert_eq!(view.keys("→→→").step(), 4);
    assert_eq!(view.keys("←").step(), 3);
    assert_eq!(view.keys("←←←←").step(), 1);
    assert!(view.text().contains("this is the first step"));
}

#[test]
fn the_end_and_the_start_are_one_key_away() {
    let mut view = view();
    view.keys("G");
    let last = view.step();
    assert!(view.text().contains(&format!("step {last} of {last}")), "{}", view.text());
    view.keys("→");
    assert!(view.text().contains("this is the last step"));
    assert_eq!(view.keys("g").step(), 1);
}

#[test]
fn a_step_is_gone_to_by_its_number() {
    let mut view = view();
    assert_eq!(view.keys("42⏎").step(), 42);
    assert_eq!(view.keys(":7⏎").step(), 7);
    view.keys(":9999⏎");
    assert!(view.text().contains("the steps go from 1 to"), "{}", view.text());
    assert_eq!(view.keys("⎋").step(), 7);
}

#[test]
fn jumps_go_to_what_they_name() {
    let mut view = View::of("unknown-user", (100, 30), Theme::mono());
    view.keys("e");
    assert!(view.text().contains("550 5.1.1"), "{}", view.text());
    let refused = view.step();
    view.keys("C");
    assert!(view.step() < refused);
    view.keys("]");
    let line = view.text();
    let pointed = line.lines().find(|line| line.starts_with("│▸")).unwrap_or_default();
    assert!(pointed.contains(" · "), "a chapter: {pointed}");
}

#[test]
fn a_word_is_found_and_found_again() {
    let mut view = view();
    view.keys("/rcpt to⏎");
    let first = view.step();
    let second = view.keys("n").step();
    assert!(second > first);
    assert_eq!(view.keys("N").step(), first);
    view.keys("/no such word anywhere⏎");
    assert!(view.text().contains("stands nowhere") && view.step() == first);
    // A password is hidden: no search tells it.
    view.keys("gg/sesame⏎");
    assert!(view.text().contains("stands nowhere"), "{}", view.text());
}

#[test]
fn a_filter_hides_and_esc_shows_all_again() {
    let mut view = view();
    view.keys("fpop3 verb PASS⏎");
    let text = view.text();
    assert!(text.contains("only pop3 and verb PASS · 2 rows"), "{text}");
    let first = view.step();
    assert!(view.keys("→").step() > first && view.keys("←").step() == first);
    view.keys("⎋");
    assert!(view.text().contains("─ conversation ─") && view.keys("→").step() == first + 1);
    view.keys("fcode 999⏎");
    assert!(view.text().contains("no row is like that"), "{}", view.text());
}

#[test]
fn a_message_is_followed_over_every_hop() {
    let mut view = View::of("journey", (120, 60), Theme::mono());
    view.keys("13⏎m");
    let text = view.text();
    for hop in ["587", "mx1.example.net", "queued at", "delivered", "RETR"] {
        assert!(text.contains(hop), "{hop} is not on the road:\n{text}");
    }
    assert!(!text.contains("MX?"), "a question about names is no part of the message");
    view.keys("m");
    assert!(view.text().contains("─ conversation ─"));
}

#[test]
fn marks_are_listed_and_gone_to() {
    let mut view = view();
    view.keys("20⏎b30⏎'");
    let text = view.text();
    assert!(text.contains("◆ 20") && text.contains("chapters and marks"), "{text}");
    while !view.text().lines().any(|line| line.contains("▸ ◆ 20")) {
        view.press(KeyCode::Up);
    }
    assert_eq!(view.keys("⏎").step(), 20);
    view.keys("b'");
    assert!(!view.text().contains("◆ 20"));
}

#[test]
fn parts_have_a_cursor_that_goes_round() {
    let mut view = view();
    view.keys("14⏎.");
    assert!(view.text().contains("● verb"), "{}", view.text());
    view.keys(",");
    assert!(!view.text().contains("● verb"), "the whole line again");
    let whole = view.text();
    view.keys(",");
    assert_ne!(view.text(), whole, "the last part");
    assert_eq!(view.keys(".").text(), whole);
}

#[test]
fn a_story_plays_and_holds() {
    let mut view = view();
    view.keys(" ");
    view.tell(Msg::Tick(Duration::from_millis(600)));
    assert_eq!(view.step(), 1);
    view.tell(Msg::Tick(Duration::from_millis(600)));
    assert_eq!(view.step(), 2);
    view.keys("++");
    view.tell(Msg::Tick(Duration::from_millis(100)));
    assert_eq!(view.step(), 3);
    view.keys(" ");
    view.tell(Msg::Tick(Duration::from_secs(10)));
    assert_eq!(view.step(), 3);
    assert_eq!(view.model.pace(), None, "nothing moves");
}

#[test]
fn two_places_say_what_differs() {
    let mut view = view();
    view.keys("13⏎v⏎→");
    let text = view.text();
    assert!(
        text.contains("what differs") && text.contains("‹ MAIL FROM") && text.contains("› RCPT TO"),
        "{text}"
    );
    assert_eq!(view.step(), 14);
    assert_eq!(view.keys("z").step(), 13);
    view.keys("v");
    assert!(!view.text().contains("what differs") && view.step() == 13);
}

#[test]
fn two_stories_stand_side_by_side() {
    let mut view = view();
    view.keys("vgreylist⏎");
    assert_eq!(view.effects, [Effect::Open("greylist".to_owned())]);
    view.tell(Msg::Opened(Box::new(book("greylist", &records("greylist")))));
    let text = view.text();
    assert!(text.contains("greylist · conversation") && text.contains("Alice writes to Bob"), "{text}");
    // What stays is the pane with the keys.
    view.keys("e");
    let here = view.step();
    view.keys("v");
    assert_eq!(view.step(), here);
    assert_eq!(view.model.books.len(), 1);
}

#[test]
fn what_is_copied_is_what_is_shown() {
    let mut view = view();
    view.keys("14⏎y");
    assert_eq!(view.effects, [Effect::Copy("RCPT TO:<bob@example.net>".to_owned())]);
    view.keys("Y");
    let Some(Effect::Copy(note)) = view.effects.last() else { panic!("{:?}", view.effects) };
    assert!(note.contains("envelope") && note.contains("RFC 5321"), "{note}");
    // A secret is not copied.
    view.keys("11⏎y");
    assert!(matches!(view.effects.last(), Some(Effect::Copy(line)) if line.contains("••••••")));
    view.keys("Xout.html⏎");
    assert_eq!(
        view.effects.last(),
        Some(&Effect::Export { path: "out.html".into(), from: 11, records: None })
    );
}

#[test]
fn the_mouse_works_where_a_person_would_try_it() {
    let mut view = view();
    let at = find(&view, "mail.example.com A?");
    click(&mut view, at);
    assert_eq!(view.step(), 5);
    let at = find(&view, "? keys");
    click(&mut view, at);
    assert!(view.text().contains("type to search"));
    click(&mut view, (0, 0));
    assert!(!view.text().contains("type to search"));
    mouse(&mut view, MouseEventKind::ScrollDown, (5, 12));
    let text = view.text();
    let pointed = text.lines().find(|line| line.starts_with("│▸")).unwrap_or_default();
    assert!(pointed.contains("remembers"), "three rows on: {text}");
    let at = find(&view, "mx1.example.net");
    click(&mut view, at);
    assert!(view.text().contains("mx1"), "{}", view.text());
    assert!(view.step() > 20, "what the station does next");
}

#[test]
fn the_next_line_is_said_before_it_is_shown() {
    let mut view = view();
    view.keys("13⏎p");
    let text = view.text();
    assert!(text.contains("Predict: step 14"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("│   14")), "the ladder does not tell it: {text}");
    view.keys(" ");
    assert!(view.step() == 14 && view.text().contains("Predict: step 15"), "{}", view.text());
    view.keys("⎋");
    assert!(view.text().lines().any(|line| line.starts_with("│   15")), "{}", view.text());
}

#[test]
fn keys_are_found_by_what_they_do() {
    let mut view = view();
    view.keys("?refusal⏎");
    // Enter does it: there is none on a journey that goes well.
    assert!(view.text().contains("no refusal comes after this"), "{}", view.text());
    view.keys("?zzzz");
    assert!(view.text().contains("no key is about that"));
    view.keys("⎋⎋");
    assert!(!view.text().contains("no key is about that"));
}

#[test]
fn a_line_is_typed_with_a_cursor() {
    let mut view = view();
    view.keys("/RPT");
    view.press(KeyCode::Left).press(KeyCode::Left);
    view.keys("C");
    assert!(view.text().contains("find RCPT"), "{}", view.text());
    view.press(KeyCode::Home).press(KeyCode::Delete);
    view.press(KeyCode::End).press(KeyCode::Backspace);
    assert!(view.text().contains("find CP"));
    view.tell(Msg::Paste("\u{1b}[31mX\n".to_owned()));
    assert!(view.text().contains("find CP[31mX"), "no control character is pasted");
    view.keys("⎋");
    assert!(!view.text().contains("find CP"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is pressed, at whatever size: nothing panics, and what is drawn fits.
    #[test]
    fn nothing_breaks_it(
        moves in prop::collection::vec((0usize..40, 1u16..210, 1u16..70), 1..40),
    ) {
        const KEYS: &str = "→←jk[]cCeEdDgG nNb'm.,JKxors⇥yYTv⎋⏎?f/:1z+-";
        let mut view = View::of("unknown-user", (80, 24), Theme::dark());
        let keys: Vec<char> = KEYS.chars().collect();
        for (key, wide, high) in moves {
            view.keys(&keys[key % keys.len()].to_string());
            if key % 5 == 0 {
                view.tell(Msg::Resize(wide, high));
            }
            click(&mut view, (wide, high));
            view.tell(Msg::Tick(Duration::from_millis(300)));
            prop_assert_eq!(view.screen().area.width, view.model.size.0);
        }
    }
}
