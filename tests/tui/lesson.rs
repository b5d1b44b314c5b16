//! A lesson in a real terminal: opened, walked, answered, left, and gone on with.

use crate::terminal::{Terminal, binary};

fn begun(name: &str, size: (u16, u16), data: &str) -> Terminal {
    let words = ["lesson", "start", "press-send"];
    Terminal::of(name, size, &binary(), &words, &[("XDG_DATA_HOME", data)])
}

#[test]
fn a_lesson_is_opened_answered_left_and_resumed() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().to_string_lossy().into_owned();
    let mut terminal = begun("lesson", (80, 24), &data);
    terminal.until("step 1 of");
    assert!(terminal.screen.screen().alternate_screen());
    terminal.press("?");
    terminal.until("leave; what was done is kept");
    // Keys that come while a world runs wait for it.
    terminal.press("?\x1b[C\x1b[C");
    terminal.until("step 3 of");
    // From what is only looked at to what is answered.
    terminal.press("\t");
    terminal.until("enter answer");
    terminal.press("h");
    terminal.until("hint 1 of 1");
    for answer in ["1", "2", "3", "4"] {
        terminal.press(answer);
        terminal.wait("a verdict", |terminal| {
            let text = terminal.text();
            !text.contains("the world runs") && (text.contains("Not yet.") || text.contains("Right."))
        });
        if terminal.text().contains("✓ Right.") {
            break;
        }
        terminal.press("h");
        terminal.until("hint 1 of 1");
    }
    terminal.until("✓ Right.");
    terminal.until("· 1/");
    terminal.press("\t");
    terminal.resize((140, 45));
    terminal.until("Alice writes to Bob");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();

    let mut terminal = begun("lesson-again", (140, 45), &data);
    terminal.until("step 3 of");
    terminal.until("· 1/");
    terminal.press("u");
    terminal.until("nothing was done yet");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
}
