//! Every screen at three sizes as text, and its looks for a dark ground, a light one and without colours.

use crate::world::{View, looks};
use postroad::view::tui::Msg;
use postroad::view::tui::theme::Theme;
use std::time::Duration;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 60)];

/// The screen after these keys, at every size and in every look. The text is the same in every look: so it is shown once.
fn screens(name: &str, scenario: &str, keys: &str) {
    for size in SIZES {
        let mut shown = String::new();
        let mut last: Option<String> = None;
        for (look, theme) in [("dark", Theme::dark()), ("light", Theme::light()), ("mono", Theme::mono())] {
            let mut view = View::of(scenario, size, theme);
            view.keys(keys);
            // What moves has come to where it goes.
            view.tell(Msg::Tick(Duration::from_secs(1)));
            let text = view.text();
            assert_eq!(text.lines().count(), usize::from(size.1));
            match &last {
                None => shown.push_str(&text),
                Some(last) => assert_eq!(*last, text, "{name} says something else without colours"),
            }
            shown.push_str(&format!("── {look}\n{}", looks(&view.screen())));
            last = Some(text);
        }
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), shown);
    }
}

#[test]
fn the_first_screen() {
    screens("first", "journey", "");
}

#[test]
fn a_line_with_its_parts() {
    screens("line", "journey", "13⏎...");
}

#[test]
fn a_reply_of_many_lines() {
    screens("reply", "journey", "10⏎....");
}

#[test]
fn a_letter() {
    screens("letter", "journey", "19⏎");
}

#[test]
fn a_refusal() {
    screens("refusal", "unknown-user", "eo");
}

#[test]
fn bytes_in_hexadecimal() {
    screens("hex", "journey", "13⏎x..");
}

#[test]
fn what_holds() {
    screens("state", "journey", "20⏎⇥");
}

#[test]
fn all_keys() {
    screens("keys", "journey", "?find");
}

#[test]
fn a_filter() {
    screens("filter", "journey", "fsmtp and verb RCPT⏎");
}

#[test]
fn a_filter_that_is_none() {
    screens("filter-wrong", "journey", "fsmtp and wurst⏎");
}

#[test]
fn a_message_on_its_road() {
    screens("follow", "journey", "13⏎m");
}

#[test]
fn places_to_go_to() {
    screens("places", "journey", "13⏎b'");
}

#[test]
fn the_reference() {
    screens("reference", "journey", "13⏎r");
}

#[test]
fn two_places() {
    screens("twin", "journey", "13⏎v⏎→→→");
}

#[test]
fn what_comes_next() {
    screens("predict", "journey", "13⏎p");
    screens("predict-answered", "journey", "13⏎p12");
}

#[test]
fn nothing_yet_and_too_small() {
    let view = View::waiting((80, 24), Theme::mono());
    insta::assert_snapshot!("waiting", view.text());
    for size in [(43, 11), (20, 3), (1, 1)] {
        let view = View::of("journey", size, Theme::mono());
        assert_eq!(view.screen().area.width, size.0);
    }
    insta::assert_snapshot!("small", View::of("journey", (40, 8), Theme::mono()).text());
    insta::assert_snapshot!("narrow", View::of("journey", (50, 20), Theme::mono()).text());
}
