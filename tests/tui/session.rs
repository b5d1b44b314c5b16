//! Whole sessions in a real terminal: walk, look, leave; and whatever happens, the terminal is left as it was found.

use crate::terminal::{Terminal, binary};
use postroad::cli::fullscreen::{self, Service};
use postroad::view::tui::Msg;
use std::process::Command;

#[test]
fn a_walk_from_start_to_end() {
    let mut terminal = Terminal::postroad("walk", (100, 30), &["journey"]);
    terminal.until("step 1 of");
    assert!(terminal.screen.screen().alternate_screen());
    terminal.press("\x1b[C\x1b[C\x1b[C");
    terminal.until("step 4 of");
    terminal.press("\x1b[D");
    terminal.until("step 3 of");
    terminal.press("14\r");
    terminal.until("step 14 of");
    terminal.until("RCPT TO:<bob@example.net>");
    terminal.press("/MX?\r");
    terminal.until("step 24 of");
    terminal.resize((80, 24));
    terminal.until("tab: state");
    terminal.resize((30, 5));
    terminal.until("needs");
    terminal.resize((200, 60));
    terminal.until("after this step");
    terminal.until("step 24 of");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
}

#[test]
fn a_story_is_told_again_otherwise() {
    let mut terminal = Terminal::postroad("fork", (100, 30), &["journey"]);
    terminal.until("step 1 of 108");
    terminal.press("17\r");
    terminal.until("step 17 of");
    // All records are there a moment after the last step is.
    let said = |terminal: &Terminal| {
        let text = terminal.text();
        text.contains("What if") || text.contains("not at its end yet")
    };
    terminal.press("w");
    terminal.wait("an answer", said);
    while !terminal.text().contains("What if") {
        terminal.press("w");
        terminal.wait("an answer", said);
    }
    terminal.press("2");
    terminal.until("W lists branches");
    terminal.until("· what if: ");
    terminal.press("W");
    terminal.until("Branches: 2");
    terminal.press("d");
    terminal.until("what differs");
    terminal.press("v");
    terminal.until("this line");
    terminal.press("W");
    terminal.until("Branches: 2");
    terminal.press("s");
    terminal.until("save the branch as");
    terminal.press("\r");
    terminal.until("is written to branch.jsonl");
    assert!(terminal.folder.join("branch.jsonl").exists());
    terminal.press("W");
    terminal.until("Branches: 2");
    terminal.press("xx");
    terminal.until("Branches: 1");
    terminal.press("\x1b");
    terminal.until("this line");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn somebody_types_at_a_server() {
    let mut terminal = Terminal::postroad("talk", (100, 30), &["talk", "smtp"]);
    terminal.until("220 mx1.example.net");
    terminal.press("EHLO me.example.org\r");
    terminal.until("250 HELP");
    terminal.press("\x1b");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();

    let mut terminal = Terminal::postroad("talk-within", (100, 30), &["replay", "journey"]);
    terminal.until("step 1 of");
    terminal.press("32\r");
    terminal.until("step 32 of");
    terminal.press("t");
    terminal.until("Talk: SMTP to mx1.example.net, port 25");
    // While the world runs, keys are not taken.
    terminal.until("more steps between");
    terminal.press("\x0f");
    terminal.until("save the session as");
    terminal.press("\x1b");
    terminal.until("Talk: SMTP");
    terminal.press("\x1b");
    terminal.until("this line");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_next_line_is_said_first() {
    let mut terminal = Terminal::postroad("predict", (100, 30), &["journey"]);
    terminal.until("step 1 of");
    terminal.press("p");
    terminal.until("Predict: step 2");
    terminal.press(" ");
    terminal.until("Predict: step 3");
    terminal.press("t");
    terminal.until("The line, its verb");
    terminal.press("\x1b");
    // The line of keys says “t types it” all the while; the pane says this only where one chooses.
    terminal.until("choose  t type it");
    terminal.press("\x1b");
    terminal.until("this line");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_class_is_prepared_on_the_full_screen() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts/journey.jsonl");
    let before = std::fs::read_to_string(shipped).expect("it is shipped");
    let mut terminal =
        Terminal::shell("annotate", &format!("cp {shipped} class.jsonl; {} annotate class.jsonl", binary()));
    let read = |terminal: &Terminal| {
        std::fs::read_to_string(terminal.folder.join("class.jsonl")).expect("it is there")
    };
    terminal.until("A writes at a step");
    terminal.press("3\r");
    terminal.until("step 3 of");
    terminal.press("A");
    terminal.until("Annotate: step 3");
    terminal.press("1");
    terminal.until("nothing typed keeps nothing");
    terminal.press("Where is the submission server?\r");
    terminal.until("comment at step 3 kept in");
    terminal.until("step 3 of 108");
    terminal.press("A3");
    terminal.until("its answer comes after it");
    terminal.press("Which record is asked for?\r");
    terminal.until("the right answer");
    terminal.press("AAAA\r");
    terminal.until("question at step 3 kept in");

    // No record of the recording is another; what is new are two marks behind step 3, one behind the other.
    let after = read(&terminal);
    let old: Vec<&str> = before.lines().collect();
    let marks: Vec<(usize, &str)> =
        after.lines().enumerate().filter(|(at, line)| old.get(*at) != Some(line)).take(2).collect();
    assert_eq!(marks[1].0, marks[0].0 + 1);
    let rest: Vec<&str> =
        after.lines().enumerate().filter(|(at, _)| marks.iter().all(|m| m.0 != *at)).map(|l| l.1).collect();
    assert_eq!(rest, old);
    assert!(
        marks[0].1.contains("Where is the submission server?") && marks[0].1.contains("\"quote\""),
        "{marks:?}"
    );
    assert!(marks[1].1.contains("\"answer\":\"AAAA\""), "{marks:?}");

    // The mark under the reader goes again.
    terminal.press("j");
    terminal.until(" of 108 steps");
    terminal.press("A");
    terminal.until("take away");
    terminal.press("6");
    terminal.until("comment taken out of");
    assert!(!read(&terminal).contains("submission server?") && read(&terminal).contains("AAAA\""));
    let listed = |option: &str| {
        let told = Command::new(binary())
            .args(["replay", "class.jsonl", option])
            .current_dir(&terminal.folder)
            .output();
        String::from_utf8(told.expect("it runs").stdout).expect("it is text")
    };
    assert!(listed("--plain").contains("Which record is asked for?"));
    terminal.press("q");
    terminal.until("that is all");
    terminal.assert_given_back();
}

#[test]
fn what_cannot_be_written_is_not_annotated() {
    let mut terminal = Terminal::postroad("annotate-library", (100, 30), &["annotate", "greylist"]);
    assert_eq!(terminal.end(), 2);
    assert!(terminal.text().contains("copy it with a first mark"), "{}", terminal.text());
    let mut terminal = Terminal::postroad("annotate-not", (100, 30), &["replay", "greylist"]);
    terminal.until("step 1 of");
    terminal.press("A");
    terminal.until("postroad annotate FILE");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_recording_opens_with_its_filter() {
    let words = ["replay", "pipelining", "--filter", "code 5xx"];
    let mut terminal = Terminal::postroad("replay", (100, 30), &words);
    terminal.until("only code 5xx");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn what_asks_for_text_gets_text() {
    for words in [&["journey", "--plain"][..], &["journey", "--detail", "wire"], &["journey", "--json"]] {
        let mut terminal = Terminal::postroad("plain", (80, 24), words);
        assert_eq!(terminal.end(), 0);
        let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
        assert!(raw.contains("RCPT TO") && !raw.contains("\x1b[?1049h"), "{words:?}");
    }
    let mut terminal = Terminal::of("dumb", (80, 24), &binary(), &["journey"], &[("TERM", "dumb")]);
    assert_eq!(terminal.end(), 0);
    assert!(!String::from_utf8_lossy(&terminal.raw).contains('\x1b'));
}

#[test]
fn without_colours_there_are_none() {
    let mut terminal = Terminal::of("mono", (80, 24), &binary(), &["journey"], &[("NO_COLOR", "1")]);
    terminal.until("step 1 of");
    terminal.press("T");
    terminal.until("asks for no colours");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    assert!(!raw.contains("38;5;") && !raw.contains("48;5;"), "a colour was set");
}

#[test]
fn a_line_is_copied_by_the_terminal() {
    let mut terminal = Terminal::postroad("copy", (80, 24), &["journey"]);
    terminal.until("step 1 of");
    terminal.press("14\ry");
    terminal.until("the line is copied");
    // RCPT TO:<bob@example.net> in base64.
    let want = b"\x1b]52;c;UkNQVCBUTzo8Ym9iQGV4YW1wbGUubmV0Pg==\x07";
    terminal.wait("the copy", |terminal| terminal.raw.windows(want.len()).any(|window| window == want));
    terminal.press("Xfrom-here.md\r");
    terminal.until("is written to from-here.md");
    let written = std::fs::read_to_string(terminal.folder.join("from-here.md")).expect("it is written");
    assert!(written.contains("RCPT TO") && !written.contains("SIZE=344"), "from step 14 on");
    terminal.press("Xfrom-here.wav\r");
    terminal.until("no format has that ending");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_terminal_is_left_as_it_was_found() {
    let mut terminal = Terminal::shell("left", &format!("{} journey", binary()));
    terminal.until("step 1 of");
    terminal.press("\x03");
    terminal.until("that is all");
    terminal.until("code=0");
    terminal.assert_given_back();
    terminal.assert_settings_kept();
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was_found() {
    for (signal, code) in [("TERM", "code=143"), ("HUP", "code=129")] {
        let line = format!("sh -c 'echo $$ >pid; exec {} journey'", binary());
        let mut terminal = Terminal::shell(&format!("signal-{signal}"), &line);
        terminal.until("step 1 of");
        let pid = std::fs::read_to_string(terminal.folder.join("pid")).expect("the shell wrote it");
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        terminal.until("that is all");
        terminal.until(code);
        terminal.assert_given_back();
        terminal.assert_settings_kept();
    }
}

#[test]
fn it_is_put_away_and_taken_up_again() {
    let words = ["--norc", "--noprofile", "-i"];
    let mut terminal = Terminal::of("suspend", (80, 24), "bash", &words, &[]);
    terminal.until("$ ");
    terminal.press(&format!("{} journey\r", binary()));
    terminal.until("step 1 of");
    terminal.press("\x1b[C");
    terminal.until("step 2 of");
    terminal.press("\x1a");
    terminal.until("Stopped");
    // The shell's own line editing asks for pastes in brackets, so that is not looked at.
    assert!(!terminal.screen.screen().alternate_screen() && !terminal.screen.screen().hide_cursor());
    terminal.press("fg\r");
    terminal.until("step 2 of");
    assert!(terminal.screen.screen().alternate_screen());
    terminal.press("\x1b[C");
    terminal.until("step 3 of");
    terminal.press("q");
    terminal.wait("the shell", |terminal| {
        !terminal.screen.screen().alternate_screen() && terminal.text().trim_end().ends_with('$')
    });
    terminal.press("exit\r");
    terminal.end();
}

/// This test program itself, in a terminal, with a test that is only run so.
fn inside(name: &str) -> Terminal {
    let this = std::env::current_exe().expect("this program has a path");
    let line = format!("{} --ignored --exact session::{name} --nocapture", this.display());
    Terminal::shell(name, &line)
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was_found() {
    let mut terminal = inside("panics_on_a_thread");
    terminal.until("that is all");
    terminal.assert_given_back();
    terminal.assert_settings_kept();
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    assert!(raw.contains("\x1b[?1049h") && raw.contains("the thread breaks"), "{raw}");

    let mut terminal = inside("panics_at_a_key");
    terminal.until("nobody is here");
    terminal.press("v\r");
    terminal.press("Xa.html\r");
    terminal.until("that is all");
    terminal.assert_given_back();
    terminal.assert_settings_kept();
    assert!(String::from_utf8_lossy(&terminal.raw).contains("the key breaks"));
}

#[test]
#[ignore = "run by another test, in a terminal"]
fn panics_on_a_thread() {
    let service = Service { export: None, keeper: None, switch: None, show_secrets: false };
    let opener = Box::new(|_: fullscreen::Tell| -> Msg { panic!("the thread breaks") });
    let told = fullscreen::run("waiting", opener, None, &service);
    assert!(told.is_err());
}

#[test]
#[ignore = "run by another test, in a terminal"]
fn panics_at_a_key() {
    let breaks = |_: &std::path::Path, _: usize| -> String { panic!("the key breaks") };
    let service = Service {
        export: Some(std::sync::Arc::new(breaks)),
        keeper: None,
        switch: None,
        show_secrets: false,
    };
    let records = crate::world::records("journey");
    let opener = Box::new(move |_: fullscreen::Tell| {
        let mut book = crate::world::book("nobody is here", &records);
        book.cast.title = "nobody is here".to_owned();
        Msg::Opened(Box::new(book))
    });
    let _ = fullscreen::run("waiting", opener, None, &service);
}
