//! A lesson on the full screen, at 80 by 24 and wide.

use super::stage::session;
use postroad::view::tui::lesson::LessonView;
use postroad::view::tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Screens as text, for two sizes.
fn shown(view: &LessonView) -> String {
    let mut out = String::new();
    for (columns, rows) in [(80, 24), (140, 40)] {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        terminal.draw(|frame| view.draw(frame, frame.area(), &Theme::mono())).expect("draws");
        let buffer = terminal.backend().buffer();
        out += &format!("── {columns}x{rows}\n");
        for y in 0..rows {
            let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
            out += line.trim_end();
            out.push('\n');
        }
    }
    out
}

fn press(view: &mut LessonView, keys: &[KeyCode]) {
    for code in keys {
        assert!(!view.key(KeyEvent::new(*code, KeyModifiers::NONE)));
        while view.work() {}
    }
}

fn typed(view: &mut LessonView, text: &str) {
    let keys: Vec<KeyCode> = text.chars().map(KeyCode::Char).collect();
    press(view, &keys);
}

fn control(view: &mut LessonView, key: char) {
    view.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
    while view.work() {}
}

const NEXT: KeyCode = KeyCode::Right;
const ENTER: KeyCode = KeyCode::Enter;

fn begun() -> LessonView {
    let mut view = LessonView::new(session("envelope-and-letter"));
    while view.work() {}
    view
}

#[test]
fn prose_and_activities_stand_on_pages() {
    let mut view = begun();
    insta::assert_snapshot!("first", shown(&view));
    press(&mut view, &[NEXT]);
    insta::assert_snapshot!("with-activities", shown(&view));
    press(&mut view, &[KeyCode::Char('?')]);
    insta::assert_snapshot!("keys", shown(&view));
}

#[test]
fn a_wrong_answer_is_explained_and_a_right_one_too() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT]);
    let wrong = |view: &LessonView| shown(view).contains("Many people think");
    for digit in ['1', '2', '3', '4'] {
        press(&mut view, &[KeyCode::Char(digit)]);
        if wrong(&view) {
            break;
        }
    }
    insta::assert_snapshot!("wrong", shown(&view));
    press(&mut view, &[KeyCode::Char('h')]);
    assert!(shown(&view).contains("hint 1 of 1"));
    for digit in ['1', '2', '3', '4'] {
        press(&mut view, &[KeyCode::Char(digit)]);
        if shown(&view).contains("✓ Right.") {
            break;
        }
    }
    insta::assert_snapshot!("right", shown(&view));
    press(&mut view, &[KeyCode::Char('u')]);
    assert!(shown(&view).contains("taken back"), "{}", shown(&view));
}

#[test]
fn the_story_stands_beside_and_a_step_is_found_in_it() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, ENTER]);
    insta::assert_snapshot!("story", shown(&view));
    // A chapter is no line.
    press(&mut view, &[ENTER]);
    assert!(shown(&view).contains("a line is wanted"), "{}", shown(&view));
    for _ in 0..200 {
        press(&mut view, &[ENTER]);
        if shown(&view).contains("✓ Right.") {
            return;
        }
        press(&mut view, &[ENTER, KeyCode::Down]);
    }
    panic!("no step was right:\n{}", shown(&view));
}

#[test]
fn a_session_is_typed_until_the_goal_holds() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT, KeyCode::Tab, ENTER]);
    for line in [
        "EHLO student-laptop.example.org",
        "MAIL FROM:<student@example.org>",
        "RCPT TO:<bob@example.net>",
        "DATA",
    ] {
        typed(&mut view, line);
        press(&mut view, &[ENTER]);
    }
    view.paste("To: dave@example.net\n\nWho reads this?");
    control(&mut view, 's');
    let told = shown(&view);
    assert!(told.contains("the goal is reached"), "{told}");
    assert!(told.contains("You sit at your own machine") && told.contains("be judged"), "{told}");
    press(&mut view, &[KeyCode::Esc]);
    insta::assert_snapshot!("typed", shown(&view));
}

/// Go on until an exercise says this of itself.
fn until(view: &mut LessonView, says: &str) {
    for _ in 0..10 {
        for _ in 0..5 {
            if shown(view).contains(says) {
                return;
            }
            press(view, &[KeyCode::Tab]);
        }
        press(view, &[NEXT]);
    }
    panic!("no exercise says {says}:\n{}", shown(view));
}

#[test]
fn the_line_to_be_explained_is_on_the_page_and_what_is_written_is_kept() {
    let mut view = begun();
    until(&mut view, "enter: write");
    assert!(shown(&view).contains("│ Step "), "{}", shown(&view));
    press(&mut view, &[ENTER]);
    typed(&mut view, "So it is.");
    control(&mut view, 's');
    let told = shown(&view);
    assert!(told.contains("✓ Kept.") && !told.contains("✓ Right."), "{told}");
}

/// The place at which words stand, from 1; where all have one.
fn place_of(view: &LessonView, words: &str) -> usize {
    let screen = shown(view);
    let line = screen.lines().find(|line| line.contains("] ") && line.contains(words));
    let place = line.and_then(|line| line.split_once('[')?.1.split_once(']')?.0.trim().parse().ok());
    place.unwrap_or_else(|| panic!("{words} has no place:\n{screen}"))
}

#[test]
fn what_is_put_in_order_keeps_its_places_and_one_can_be_moved() {
    let mut view = begun();
    until(&mut view, "this one comes next");
    press(&mut view, &[ENTER; 4]);
    insta::assert_snapshot!("placed", shown(&view));
    press(&mut view, &[ENTER]);
    let told = shown(&view);
    assert!(told.contains("✗ Not yet.") && told.contains("✗ [") && told.contains("[4]"), "{told}");
    insta::assert_snapshot!("placed-wrong", shown(&view));
    for (place, words) in ["EHLO alice", "MAIL FROM:<alice", "RCPT TO:<bob", "DATA"].into_iter().enumerate() {
        let from = place_of(&view, words) - 1;
        press(&mut view, &[KeyCode::Up; 4]);
        press(&mut view, &vec![KeyCode::Down; from]);
        press(&mut view, &vec![KeyCode::Char('<'); from - place]);
        assert_eq!(place_of(&view, words), place + 1);
    }
    press(&mut view, &[ENTER]);
    assert!(shown(&view).contains("✓ Right."), "{}", shown(&view));
}

#[test]
fn a_note_that_is_cut_says_so_and_is_shown_whole() {
    let mut view = LessonView::new(session("press-send"));
    while view.work() {}
    press(&mut view, &[NEXT, NEXT, ENTER]);
    assert!(shown(&view).contains("(space: all of it)"), "{}", shown(&view));
    press(&mut view, &[KeyCode::Char(' ')]);
    insta::assert_snapshot!("whole-note", shown(&view));
}

#[test]
fn a_text_that_is_left_is_gone_on_with_and_a_hint_is_said_under_it() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT, NEXT, ENTER]);
    assert!(shown(&view).contains("Change it, so that Carol has a copy"), "the task stands above");
    typed(&mut view, "# mine ");
    control(&mut view, 't');
    assert!(shown(&view).contains("hint 1 of 2: There is a third kind"), "{}", shown(&view));
    press(&mut view, &[KeyCode::Esc, ENTER]);
    assert!(shown(&view).contains("# mine "), "{}", shown(&view));
    press(&mut view, &[KeyCode::Down, KeyCode::Home]);
    typed(&mut view, "= ");
    control(&mut view, 's');
    assert!(shown(&view).contains("In the part that you see it is line 2."), "{}", shown(&view));
}

#[test]
fn a_call_is_hung_up_in_the_middle_of_a_letter() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT, KeyCode::Tab, ENTER]);
    for line in ["HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<bob@example.net>", "DATA"] {
        typed(&mut view, line);
        press(&mut view, &[ENTER]);
    }
    typed(&mut view, "To: dave@example.net");
    assert!(shown(&view).contains("ctrl-d hang up"), "{}", shown(&view));
    control(&mut view, 'd');
    let told = shown(&view);
    assert!(told.contains("the connection is over") && told.contains("To: dave@example.net"), "{told}");
    assert!(!told.contains("the goal is reached"), "half a letter is none: {told}");
}

#[test]
fn a_pair_that_is_right_stays() {
    let mut view = begun();
    until(&mut view, "belongs to the line at");
    // The same one for all of them: right for one.
    typed(&mut view, "1111111");
    press(&mut view, &[ENTER]);
    let told = shown(&view);
    assert!(told.contains("✗ Not yet.") && told.contains("→ 1 ") && told.contains("→ … "), "{told}");
}

#[test]
fn a_scenario_is_mended() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT, NEXT, ENTER]);
    insta::assert_snapshot!("mending", shown(&view));
    // As it is, it does not do.
    control(&mut view, 's');
    assert!(!shown(&view).contains("✓ Right."));
    insta::assert_snapshot!("not-mended", shown(&view));
    press(&mut view, &[KeyCode::Down, KeyCode::Home]);
    typed(&mut view, "b");
    control(&mut view, 's');
    assert!(shown(&view).contains("✓ Right."), "{}", shown(&view));
}

#[test]
fn what_came_of_a_change_stands_beside_the_page() {
    let mut view = begun();
    press(&mut view, &[NEXT, NEXT, NEXT, NEXT, ENTER, KeyCode::Down, KeyCode::Home]);
    typed(&mut view, "b");
    control(&mut view, 's');
    let told = shown(&view);
    assert!(told.contains("what came of it: "), "{told}");
    press(&mut view, &[KeyCode::Char('s'), KeyCode::Char('n')]);
    assert!(shown(&view).contains("as it was"), "{}", shown(&view));
    press(&mut view, &[KeyCode::Char('o')]);
    let told = shown(&view);
    assert!(told.contains(" as it was: ") && !told.contains("what came of it: "), "{told}");
}

#[test]
fn the_line_that_a_page_asks_for_is_not_shown_beside_it() {
    let mut view = LessonView::new(session("press-send"));
    while view.work() {}
    // The exercise behind the one that asks is about the whole story.
    press(&mut view, &[NEXT, NEXT, KeyCode::BackTab]);
    let told = shown(&view);
    let (_, wide) = told.split_once("140x40").expect("both sizes");
    assert!(wide.contains("when you have said what comes next") && !wide.contains("mail: 220"), "{wide}");
}

#[test]
fn nothing_panics_on_a_small_screen_or_any_key() {
    let mut view = begun();
    let mut random = fastrand::Rng::with_seed(7);
    let keys = [
        NEXT,
        ENTER,
        KeyCode::Tab,
        KeyCode::Esc,
        KeyCode::Down,
        KeyCode::Up,
        KeyCode::PageDown,
        KeyCode::Left,
    ];
    for round in 0..300 {
        let code = if random.bool() {
            keys[random.usize(0..keys.len())]
        } else {
            KeyCode::Char(random.char('a'..='z'))
        };
        view.key(KeyEvent::new(code, KeyModifiers::NONE));
        if code == KeyCode::Char('q') {
            view = begun();
        }
        view.work();
        let size = (random.u16(1..60), random.u16(1..20));
        if round % 5 == 0 {
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a terminal");
            terminal.draw(|frame| view.draw(frame, frame.area(), &Theme::dark())).expect("draws");
        }
    }
}
