//! Every lesson that comes with the program is sound: each activity's model solution does, and its wrong ones do not.
//! And a lesson that is not sound is told so, with the place.

#[path = "lessons/dialogue.rs"]
mod dialogue;
#[path = "lessons/screen.rs"]
mod screen;
#[path = "lessons/stage.rs"]
mod stage;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn postroad(folder: &Path, args: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("postroad").expect("the program is built");
    for name in ["POSTROAD_LESSONS", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").env("XDG_DATA_HOME", folder).current_dir(folder);
    command.args(args).output().expect("the program runs")
}

fn said(output: &std::process::Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// The names of the folders under `lessons/` that are lessons.
fn shipped() -> Vec<String> {
    let lessons = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let folders =
        std::fs::read_dir(lessons).expect("the folder is there").map(|entry| entry.expect("reads").path());
    let mut names: Vec<String> = folders
        .filter(|path| path.join("lesson.md").is_file())
        .map(|path| path.file_name().expect("has a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_shipped_lesson_is_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = postroad(folder.path(), &["lesson", "check"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = said(&output);
    let names = shipped();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        assert!(told.contains(&format!("{name}: sound")), "{name} is not in the program: {told}");
    }
}

#[test]
fn a_new_lesson_is_sound_and_one_of_that_name_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(postroad(folder.path(), &["lesson", "new", "tea-party"]).status.success());
    let output = postroad(folder.path(), &["lesson", "check", "tea-party"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("tea-party: sound"), "{}", said(&output));
    let by_file = said(&postroad(folder.path(), &["lesson", "check", "tea-party/lesson.md"]));
    assert!(by_file.contains("tea-party: sound"), "{by_file}");
    assert!(said(&postroad(folder.path(), &["lesson", "new", "tea-party"])).contains("is there already"));
    assert!(said(&postroad(folder.path(), &["lesson", "new", "Tea Party"])).contains("small letters"));
    let list = said(&postroad(folder.path(), &["lesson", "--lessons", "."]));
    assert!(list.contains("tea-party") && list.contains("envelope-and-letter"), "{list}");
}

/// What is said about the template with one thing changed in one of its files.
fn broken(from: &str, to: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(postroad(folder.path(), &["lesson", "new", "mine"]).status.success());
    for file in ["mine/lesson.md", "mine/lost.toml"] {
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).expect("reads");
        std::fs::write(&path, text.replacen(from, to, 1)).expect("writes");
    }
    let output = postroad(folder.path(), &["lesson", "check", "mine"]);
    assert!(!output.status.success(), "{to} is taken: {}", said(&output));
    said(&output)
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_advice() {
    for (from, to, parts) in [
        ("do = \"watch\"", "do = \"wacth\"", &["mine/lesson.md:20:6", "did you mean `watch`?"][..]),
        ("filter = \"smtp and verb RCPT\"", "filter = \"smtp and verb APPEND\"", &["no step of the story"]),
        ("filter = \"smtp and verb RCPT\"", "filter = \"smtp and vreb RCPT\"", &["no filter", ":21:"]),
        (
            "teaches = [\"smtp-rcpt\"]",
            "teaches = [\"smtp-rctp\"]",
            &["did you mean `smtp-rcpt`?", "lesson.md:7:"],
        ),
        (
            "scenario = \"journey\"",
            "scenario = \"jurney\"",
            &["no scenario `jurney`", "lesson.md:6:", "did you mean `journey`?", "error: 1 problem\n"],
        ),
        ("order = 1000", "order = \"1000\"", &["a whole number", "lesson.md:5:"]),
        (
            "filter = \"smtp and verb RCPT\"",
            "steps = \"700..800\"",
            &["no step of the story", "lesson.md:21:"],
        ),
        ("## Type", "# Type", &["begins no step: write ## for a step", "lesson.md:"]),
        ("(RFC 5321 §3.3).\"\n```\n", "(RFC 5321 §3.3).\"\n", &["is the block above closed"]),
        ("order = 1000", "order = 1000\nneeds = [\"nothing-yet\"]", &["there is no lesson `nothing-yet`"]),
        (
            "mailbox = \"bob@example.net\"",
            "mailbox = \"dave@example.net\"",
            &["the goal does not hold after the model", "Still missing"],
        ),
        ("mailbox = \"bob@example.net\"", "steps = \"smtp\"", &["holds after this wrong solution"]),
        (
            "when = { steps = \"smtp and code 503\" }",
            "when = { steps = \"smtp and code 554\" }",
            &["does not hold after the wrong solution", "`smtp and code 554`"],
        ),
        (
            "with = \"bob@example.net\" }",
            "with = \"bub@example.net\" }",
            &["the goal does not hold after the model"],
        ),
        (
            "with = \"bop@example.com\"",
            "with = \"bob@example.net\"",
            &["the goal holds after this wrong solution"],
        ),
        ("host = \"mx1.example.net\"", "host = \"mx9.example.net\"", &["nobody can be called there"]),
        ("This is the first page.", "[This](nowhere.md)", &["this link leads nowhere", "no file nowhere.md"]),
        ("This is the first page.", "[This](#nowhere)", &["no heading #nowhere"]),
        ("This is the first page.", "```console\npostroad jurney\n```\n", &["takes no such command line"]),
        ("extends = \"journey\"", "extends = \"jurney\"", &["did you mean `journey`?"]),
    ] {
        let told = broken(from, to);
        for part in parts {
            assert!(told.contains(part), "{to}: “{part}” is not said in:\n{told}");
        }
    }
}

#[test]
fn an_activity_that_says_nothing_when_it_is_done_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(postroad(folder.path(), &["lesson", "new", "mine"]).status.success());
    let path = folder.path().join("mine/lesson.md");
    let text = std::fs::read_to_string(&path).expect("reads");
    std::fs::write(&path, text.replacen("why = \"The letter lies in Bob's INBOX.\"\n", "", 1))
        .expect("writes");
    let output = postroad(folder.path(), &["lesson", "check", "mine"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("warning: nothing is said when this is done"), "{}", said(&output));
}

#[test]
fn answers_to_a_lesson_that_is_not_here_are_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let answers = r#"{"format":"postroad-answers","version":1,"author":"Ann","title":"lessons","marks":[],
        "answers":[{"question":"not-here/x","text":"1"},{"question":"press-send/x","text":"1"}]}"#;
    std::fs::write(folder.path().join("ann.json"), answers).expect("writes");
    std::fs::write(folder.path().join("torn.json"), "{").expect("writes");
    let output = postroad(folder.path(), &["grade", "lessons", "torn.json", "ann.json"]);
    let told = said(&output);
    assert!(
        told.contains("ann.json answers the lesson `not-here`") && !told.contains("`press-send`"),
        "{told}"
    );
    // One torn file keeps nobody else's answers from being graded.
    assert!(
        told.contains("Ann (ann.json): 0 of ") && told.contains("torn.json: this is no answers file"),
        "{told}"
    );
    assert!(!output.status.success());
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = said(&postroad(folder.path(), &["lesson", "check", "envelop-and-letter"]));
    assert!(told.contains("did you mean `envelope-and-letter`?"), "{told}");
    let told = said(&postroad(folder.path(), &["lesson", "check", "."]));
    assert!(told.contains("there is no lesson.md"), "{told}");
    let told = said(&postroad(folder.path(), &["lesson", "--lessons", "nowhere"]));
    assert!(told.contains("nowhere"), "{told}");
}

/// Items of the course that no lesson teaches yet.
const OPEN: &str = include_str!("lessons/open.txt");

#[test]
fn what_the_course_covers_is_taught() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = said(&postroad(folder.path(), &["lesson", "check", "--coverage"]));
    let missing: Vec<&str> =
        told.lines().filter_map(|line| line.trim().strip_prefix("✗ ")?.split(": ").next()).collect();
    let open: Vec<&str> = OPEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    for id in &missing {
        assert!(open.contains(id), "no lesson teaches {id} any more");
    }
    if std::env::var_os("POSTROAD_BLESS").is_some() {
        let left: Vec<&str> =
            OPEN.lines().filter(|line| line.starts_with('#') || missing.contains(line)).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lessons/open.txt");
        std::fs::write(path, left.join("\n") + "\n").expect("the list can be written");
        return;
    }
    for id in open {
        let advice = "`POSTROAD_BLESS=1 cargo test --test lessons` takes it out of tests/lessons/open.txt";
        assert!(missing.contains(&id), "{id} is taught now: {advice}");
    }
}
