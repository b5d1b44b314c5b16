//! What is told or shown beside the story itself, in a real terminal: pauses in front of a class, and two stories at once.

use crate::terminal::{Terminal, binary};
use std::path::Path;
use std::process::Command;

#[test]
fn a_class_is_waited_for_and_then_given_the_answer() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pauses");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("class.jsonl").display().to_string();
    let annotate = |words: &[&str]| {
        let done = Command::new(binary()).arg("annotate").args(words).status().expect("it runs");
        assert!(done.success(), "{words:?}");
    };
    annotate(&["journey", "-o", &file, "--at", "14", "--question", "What comes next?", "--answer", "DATA"]);
    annotate(&[&file, "--at", "15", "--pause", "look at it"]);
    let words = ["replay", &file, "--pause-at-notes", "--speed", "max", "--steps", "13..16"];
    let mut terminal = Terminal::postroad("pauses", (80, 40), &words);
    terminal.until("What comes next?");
    terminal.until("⏎");
    assert!(!terminal.text().contains("The answer"), "the class has not thought yet");
    terminal.press("\r");
    terminal.until("The answer: DATA");
    terminal.until("look at it");
    terminal.press("\r");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn two_stories_are_walked_together() {
    let mut terminal = Terminal::postroad("compare", (100, 30), &["compare"]);
    terminal.until("1 · Log in");
    terminal.press("\x1b[C");
    terminal.until("2 · Is there anything new?");
    terminal.until("UIDL");
    terminal.press("p");
    terminal.until("Which side needs fewer round trips?");
    terminal.press("=");
    terminal.until("1 of 1 guessed");
    terminal.resize((60, 16));
    terminal.until("row 2 of");
    terminal.resize((150, 40));
    terminal.until("wishes");
    terminal.press("c");
    terminal.until("which one to choose");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
}
