//! The linear view, walked as a person walks it: commands in by a pipe, sentences out.

use assert_cmd::Command;

/// The dialogue of a command that reads these lines.
fn dialogue(words: &[&str], lines: &[&str]) -> String {
    let mut command = Command::cargo_bin("postroad").expect("the binary is built");
    command.env_remove("CLICOLOR_FORCE").args(words).args(["--plain", "--interactive"]);
    let output = command.write_stdin(lines.join("\n") + "\n").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

/// What was said to one of the lines that were typed: from its echo to the next prompt.
fn answer<'d>(dialogue: &'d str, typed: &str) -> Vec<&'d str> {
    let mut lines =
        dialogue.lines().skip_while(|line| line.trim_start_matches("answer") != format!("> {typed}"));
    assert!(lines.next().is_some(), "“{typed}” was not heard:\n{dialogue}");
    lines.take_while(|line| !line.starts_with("> ") && !line.starts_with("answer> ")).collect()
}

#[test]
fn a_story_is_walked_forward_and_back() {
    let said = dialogue(&["journey"], &["next", "go 13", "back", "chapter", "start", "end", "next", "quit"]);
    assert!(said.starts_with("Alice writes to Bob, 2026-01-05 09:00 UTC.\n108 steps."), "{said}");
    let first = answer(&said, "next");
    assert_eq!(first[0], "Chapter 1: Which server is Alice's own?");
    assert!(first.contains(&"Alice presses Send."));
    assert_eq!(first[first.len() - 2], "alice-laptop says: _submission._tcp.example.com SRV?");
    let far = answer(&said, "go 13");
    assert_eq!(far[0], "In chapter 2: Alice's client hands the letter in.");
    assert_eq!(far[1], "Step 13 of 108, at 280 ms.");
    assert_eq!(far[2], "Between alice-laptop and mail.example.com, submission, port 587.");
    assert_eq!(far[3], "alice-laptop says: MAIL FROM:<alice@example.com> SIZE=344");
    assert!(far[4].starts_with("That means: "), "{far:?}");
    assert_eq!(answer(&said, "back")[0], "Step 12 of 108, at 260 ms.");
    assert!(answer(&said, "chapter")[0].starts_with("Chapter 3: "));
    assert!(answer(&said, "start").contains(&"Step 1 of 108, at 0 ms."));
    assert!(answer(&said, "end").iter().any(|line| line.starts_with("Step 108 of 108")));
    let whole = said.lines().collect::<Vec<_>>();
    assert!(whole.contains(&"That is the end of the story. Say start to hear it again."));
}

#[test]
fn one_line_can_be_asked_about() {
    let typed = [
        "go 14",
        "note",
        "part",
        "part",
        "part back",
        "line",
        "hex",
        "post office",
        "reference",
        "state",
        "q",
    ];
    let said = dialogue(&["replay", "journey"], &typed);
    let note = answer(&said, "note");
    assert_eq!(note[0], "The envelope: this address decides where the letter goes.");
    assert!(note.iter().any(|line| line.starts_with("Common mistake: ")), "{note:?}");
    assert!(note.iter().any(|line| line.starts_with("Source: RFC 5321 §4.1.1.3")), "{note:?}");
    assert!(answer(&said, "part")[0].starts_with("Part 1 of "));
    assert!(answer(&said, "part back")[0].starts_with("Part 1 of "));
    assert_eq!(answer(&said, "line"), ["alice-laptop says: RCPT TO:<bob@example.net>"]);
    assert!(answer(&said, "hex")[0].ends_with("as text: RCPT TO:<bob@exa"));
    assert_eq!(answer(&said, "post office").len(), 1);
    assert!(answer(&said, "reference")[0].starts_with("Source: "));
    let state = answer(&said, "state");
    assert!(
        state[0]
            .starts_with("Between alice-laptop and mail.example.com, port 587: SMTP is greeted; TLS is off")
    );
}

#[test]
fn what_is_looked_for_is_found() {
    let typed = [
        "error",
        "find Greylisted",
        "again",
        "filter smtp and code 4xx",
        "start",
        "filter",
        "filter foo",
        "mark",
    ];
    let said = dialogue(&["replay", "greylist"], &typed);
    assert!(answer(&said, "error").iter().any(|line| line.contains("refuses: 450 4.7.1 Greylisted")));
    assert!(answer(&said, "find Greylisted").iter().any(|line| line.contains("Greylisted")));
    assert_eq!(answer(&said, "filter smtp and code 4xx")[0].split(':').next(), Some("1 row passes"));
    assert!(answer(&said, "start").iter().any(|line| line.contains("450")));
    assert_eq!(answer(&said, "filter"), ["Everything is told again."]);
    assert!(answer(&said, "filter foo")[0].starts_with("That is no filter."));
    assert!(answer(&said, "mark")[0].starts_with("A mark stands at step "));
}

#[test]
fn the_next_line_is_predicted() {
    let typed = ["go 37", "predict", "250", "450", "550", "skip", "stop", "score", "quit"];
    let said = dialogue(&["replay", "unknown-user"], &typed);
    let asked = answer(&said, "predict");
    assert_eq!(asked[0], "What will step 38 be?");
    assert!(asked.contains(&"mx1.example.net answers RCPT. What does it say?"), "{asked:?}");
    let misled = answer(&said, "450");
    assert_eq!(misled[0], "No, that is not what comes.");
    assert_eq!(misled[1], "A common belief: 450 means that there is no such user.");
    assert!(misled[2].contains("RFC 5321 §4.2.1") && misled[3].starts_with("Try again"), "{misled:?}");
    let right = answer(&said, "550");
    assert_eq!(right[0], "Right: 550.");
    assert!(right.contains(&"mx1.example.net refuses: 550 5.1.1 No such user here"), "{right:?}");
    assert!(right.iter().any(|line| line.starts_with("What will step 39 be?")), "{right:?}");
    assert!(answer(&said, "stop").contains(&"0 of 1 right at the first try."));
    assert_eq!(answer(&said, "score")[0], "0 of 1 right at the first try.");
}

/// Nothing is drawn, no cursor is moved, no secret is said, and each line is one that can be read out.
#[test]
fn what_is_said_can_be_read_out() {
    let mut typed = vec!["play"; 12];
    typed.extend(["state", "help", "marks"]);
    let said = dialogue(&["journey"], &typed);
    assert!(said.lines().count() > 300, "{}", said.lines().count());
    for line in said.lines() {
        let drawn =
            |c: char| matches!(c, '\u{2500}'..='\u{25FF}' | '\u{2190}'..='\u{21FF}' | '•' | '☞' | '✉');
        assert!(!line.contains(drawn) && !line.contains('\u{1b}'), "{line}");
    }
    assert!(!said.contains("sesame") && said.contains("PASS (hidden)"));
    // Everything of the story is said: each step by its number.
    for number in 1..=108 {
        assert!(said.contains(&format!("\nStep {number} of 108,")), "step {number}");
    }
}

#[test]
fn a_filter_on_the_command_line_and_the_end_of_a_pipe_are_heard() {
    let said = dialogue(&["replay", "journey", "--filter", "verb DELE"], &["next"]);
    assert!(said.contains("2 rows pass: verb DELE."), "{said}");
    assert!(answer(&said, "next").contains(&"bob-laptop says: DELE 1"), "{said}");
    let mut command = Command::cargo_bin("postroad").expect("the binary is built");
    let output = command.args(["replay", "-", "--interactive"]).write_stdin("").output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_story_is_forked_heard_and_given_up() {
    let typed = [
        "go 35",
        "what if",
        "what if 99",
        "what if 1",
        "next",
        "branches",
        "branch 0",
        "give up 1",
        "give up 0",
    ];
    let said = dialogue(&["replay", "journey"], &typed);
    let offered = answer(&said, "what if");
    assert_eq!(offered[0], "What could be otherwise at step 35? Say what if and a number.");
    assert_eq!(offered[1], "1: The envelope names a recipient who does not exist.");
    assert!(answer(&said, "what if 99")[0].starts_with("There is no number 99"));
    let forked = answer(&said, "what if 1");
    assert!(forked.contains(&"The story goes its own way from step 35. In the end:"), "{forked:?}");
    assert!(forked.iter().any(|line| line.contains("before it was: ")), "{forked:?}");
    let next = answer(&said, "next");
    assert!(next.contains(&"mail.example.com says: RCPT TO:<nobody@example.net>"), "{next:?}");
    let branches = answer(&said, "branches");
    assert_eq!(branches[0], "Branch 0: the story as it was.");
    assert!(branches[1].ends_with("from branch 0, its own from step 35. You are here."), "{branches:?}");
    assert_eq!(answer(&said, "branch 0"), ["This is the story as it was."]);
    assert_eq!(answer(&said, "give up 1").len(), 1);
    assert_eq!(answer(&said, "give up 0"), ["The story as it was stays."]);
}
