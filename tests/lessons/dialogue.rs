//! A whole lesson as a dialogue in plain sentences, and what is kept of it.

use super::{postroad, said};
use assert_cmd::Command;
use std::path::Path;

/// The dialogue with these lines typed.
fn dialogue(folder: &Path, lines: &str) -> String {
    dialogue_of(folder, "envelope-and-letter", lines)
}

/// The same in another lesson.
fn dialogue_of(folder: &Path, lesson: &str, lines: &str) -> String {
    let mut command = Command::cargo_bin("postroad").expect("the program is built");
    command.env("NO_COLOR", "1").env_remove("POSTROAD_LESSONS").env("XDG_DATA_HOME", folder);
    let args = ["lesson", "start", lesson, "--plain", "--interactive"];
    let output = command.args(args).write_stdin(lines).output().expect("runs");
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// The number by which a choice is shown.
fn number(told: &str, choice: &str) -> String {
    let number = told.lines().find_map(|line| {
        let (number, rest) = line.split_once(": ")?;
        (rest == choice).then(|| number.to_owned())
    });
    number.unwrap_or_else(|| panic!("“{choice}” is not offered in:\n{told}"))
}

/// Everything that is done in the lesson, in order.
fn whole(folder: &Path) -> String {
    let all = dialogue(folder, "next\nexercise 2\nexercise 3\nnext\nexercise 2\nnext\nnext\nnext\nnext\n");
    let n = |choice: &str| number(&all, choice);
    let order = [
        "EHLO alice-laptop.example.com",
        "MAIL FROM:<alice@example.com>",
        "RCPT TO:<bob@example.net>",
        "DATA",
    ];
    let order = order.map(n).join(" ");
    let rights = [
        "where a report goes if the letter cannot be delivered",
        "where the letter goes",
        "whom the letter says it is from",
        "what the letter is about",
    ];
    // The left ones are told in the order of the file.
    let rights = rights.map(n).join(" ");
    let several = [n("MAIL FROM:<alice@example.com>"), n("RCPT TO:<carol@example.com>")];
    let predicted = number(&all, "alice-laptop.example.com: RCPT TO:<bob@example.net>");
    let bob = n("Bob");
    let back = n("The envelope names a recipient who does not exist");
    // Of two choices that read alike on two pages the last exercise's is meant.
    let last = all.rsplit("Exercise 1 of 1, choose all").next().unwrap_or_default();
    let several = [number(last, "MAIL FROM:<alice@example.com>"), several[1].clone()].join(" ");
    format!(
        "next\nwatch\n{predicted}\n{order}\n\
         next\nstory smtp and text \"To: Bob\"\nSTEP\n{rights}\n\
         next\n{bob}\nstart\nEHLO student-laptop.example.org\nMAIL FROM:<student@example.org>\nRCPT TO:<bob@example.net>\n\
         DATA\nTo: dave@example.net\n\nWho reads this?\n.\n\
         next\nstart\nchange 2 bcc = [\"Carol <carol@example.com>\"]\nrun\nfive\n\
         next\n{back}\nIt is the way back for reports.\n\
         next\n{several}\nprogress\nquit\n"
    )
}

#[test]
fn a_whole_lesson_is_done_in_plain_sentences() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = whole(folder.path());
    // Which step carries the letter is looked up in the story.
    let story = dialogue(folder.path(), "go 3\nstory smtp and from client and text \"To: Bob\"\n");
    let mut lines = story.lines().skip_while(|line| !line.starts_with("Alice writes to Bob, "));
    let step = lines.nth(1).and_then(|line| line.split(':').next()?.parse::<u32>().ok());
    let step = step.unwrap_or_else(|| panic!("no step in:\n{story}"));
    let told = dialogue(folder.path(), &format!("go 1\n{}", script.replace("STEP", &step.to_string())));
    assert!(told.contains("Everything in this lesson is done."), "{told}");
    assert!(told.contains("12 of 12 exercises are done."), "{told}");
    assert!(!told.contains('\u{1b}'), "no cursor is moved");

    // It is kept, told, handed in and graded.
    let list = said(&postroad(folder.path(), &["lesson"]));
    assert!(list.contains("✓ envelope-and-letter"), "{list}");
    let report = said(&postroad(folder.path(), &["lesson", "--report"]));
    assert!(report.contains("envelope-and-letter: 12 of 12 done"), "{report}");
    let export = postroad(folder.path(), &["lesson", "--export", "ann.json", "--author", "Ann"]);
    assert!(export.status.success(), "{}", said(&export));
    let graded = said(&postroad(folder.path(), &["grade", "lessons", "ann.json"]));
    assert!(graded.contains("Ann (ann.json): 11 of 12 activities right"), "{graded}");
    assert!(graded.contains("? envelope-and-letter/in-own-words: It is the way back"), "{graded}");
    let csv = said(&postroad(folder.path(), &["grade", "envelope-and-letter", "ann.json", "--csv"]));
    assert_eq!(csv.lines().count(), 13, "{csv}");
    assert!(csv.contains("envelope-and-letter/surprise"), "{csv}");

    let reset = said(&postroad(folder.path(), &["lesson", "reset", "envelope-and-letter"]));
    assert!(reset.contains("forgotten"), "{reset}");
    assert!(said(&postroad(folder.path(), &["lesson"])).contains("○ envelope-and-letter"));
}

#[test]
fn wrong_ways_are_named_hints_are_given_and_what_was_done_is_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = dialogue(folder.path(), "go 4\n");
    let dave = number(&asked, "Dave");
    let told = dialogue(
        folder.path(),
        &format!(
            "go 4\n{dave}\nhint\n9\nwhat\nundo\nexercise 2\nstart\nEHLO x.example\n:undo\n:show\nEHLO x.example\n\
             MAIL FROM:<student@example.org>\nRCPT TO:<dave@example.net>\nDATA\nTo: dave@example.net\n\nHello\n.\n:check\n:hint\n:stop\nquit\n"
        ),
    );
    for part in [
        "Not yet.",
        "Many people think: The To:, Cc: and Bcc: lines decide who gets the letter.",
        "Hint 1 of 1: Who reads the envelope",
        "There is no such choice.",
        "Answer with a number. Say help for everything else.",
        "The last change is taken back.",
        "Still missing: a message in the INBOX of bob@example.net",
        "RCPT TO named Dave, so Dave has it.",
        "Hint 1 of 3: Begin with EHLO",
        "The session is left",
        "0 of 12 exercises are done, and kept.",
    ] {
        assert!(told.contains(part), "“{part}” is not said in:\n{told}");
    }
    let report = said(&postroad(folder.path(), &["lesson", "--report"]));
    assert!(report.contains("✗ wrong-envelope: 1 try, 1 hint"), "{report}");
}

#[test]
fn a_goodbye_behind_the_goal_does_not_leave_the_lesson_and_half_a_letter_is_hung_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = "MAIL FROM:<me@example.org>\nRCPT TO:<bob@example.net>\nDATA\nSubject: ";
    let told = dialogue_of(
        folder.path(),
        "smtp-by-hand",
        &format!(
            "go 11\nstart\nHELO x\nNOOP\n{letter}One\n\nall\n.\n{letter}Two\n\nhalf\n:check\n:hang-up\nQUIT\nprogress\nquit\n"
        ),
    );
    for part in [
        "Right.",
        "not a word of “Two”",
        "The goal was reached, and with that the session was over",
        "1 of 18 exercises are done, and kept.",
    ] {
        assert!(told.contains(part), "“{part}” is not said in:\n{told}");
    }
}

#[test]
fn what_came_of_a_change_is_told_and_the_story_before_it_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let script =
        "go 5\noutcome\nstart\nchange 2 bcc = [\"Carol <carol@example.com>\"]\nrun\noutcome verb RCPT\n";
    let told = dialogue(folder.path(), script);
    assert!(told.contains("Nothing was changed in a story yet"), "{told}");
    assert!(told.contains("Say outcome to hear what came of it."), "{told}");
    let (_, after) = told.split_once("What came of it: ").unwrap_or_else(|| panic!("nothing came:\n{told}"));
    assert!(after.contains("It goes another way from step "), "{told}");
    assert!(after.contains("RCPT TO:<carol@example.com>"), "{told}");
    let before = dialogue(folder.path(), "go 5\nexercise 1\nstory verb RCPT\noutcome verb RCPT\n");
    let (before, again) =
        before.split_once("What came of it: ").expect("the answer that was kept is run again");
    assert!(before.contains("RCPT TO:<bob@example.net>"), "{before}");
    // Carol is named on both envelopes, by Cc: in the one and by Bcc: in the other.
    assert!(!before.contains("It goes another way from step "), "{before}");
    assert!(again.contains("It goes another way from step "), "{again}");
    assert!(again.contains("RCPT TO:<carol@example.com>"), "{again}");
}

#[test]
fn a_heading_that_asks_is_told_as_it_asks_and_the_line_that_is_asked_for_is_not_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = dialogue_of(folder.path(), "press-send", "go 4\ngo 3\nstory smtp\nlook 4\n");
    assert!(told.contains("Which post office is Bob's?\n") && !told.contains("?."), "{told}");
    let (_, story) = told.split_once("Alice writes to Bob, ").expect("the story is told");
    assert!(
        !story.contains("220 mail.example.com") && story.contains("when you have said what comes next"),
        "{story}"
    );
}

#[test]
fn empty_lines_of_a_letter_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = dialogue_of(folder.path(), "pop3-by-hand", "go 12\n");
    assert!(told.contains("Hello Bob,\n\n    From dave@example.net"), "{told}");
}

#[test]
fn a_torn_progress_file_is_named_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postroad/progress.toml");
    dialogue(folder.path(), "next\nwatch\n");
    let text = std::fs::read_to_string(&path).expect("it is kept");
    assert!(text.contains("see-the-envelope"), "{text}");
    let torn = &text[..text.len() - 7];
    std::fs::write(&path, format!("{torn}[[[")).expect("writes");
    let told = said(&postroad(folder.path(), &["lesson"]));
    assert!(told.contains("progress.toml.kept-1"), "{told}");
    let kept =
        std::fs::read_to_string(folder.path().join("postroad/progress.toml.kept-1")).expect("it is kept");
    assert!(kept.contains("see-the-envelope"));
}
