//! The command line from outside: what it says, where it says it, and how it ends.

use assert_cmd::Command;
use assert_cmd::assert::Assert;

fn postroad(args: &[&str]) -> Assert {
    let mut command = Command::cargo_bin("postroad").expect("the binary is built");
    for name in ["CLICOLOR_FORCE", "NO_COLOR", "CLICOLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command.args(args).assert()
}

fn stdout(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// The error of a command that was asked for in the wrong way (2), or that failed (1).
fn error(args: &[&str], code: i32) -> String {
    let assert = postroad(args).code(code);
    assert_eq!(stdout(&assert), "", "an error says nothing on the standard output");
    stderr(&assert)
}

#[test]
fn alone_it_is_a_friendly_start() {
    let assert = postroad(&[]).success();
    let told = stdout(&assert);
    assert!(told.contains("postroad journey") && told.contains("postroad explain"), "{told}");
    assert!(told.lines().all(|l| l.chars().count() <= 80) && stderr(&assert).is_empty());
}

#[test]
fn help_has_examples_and_names_every_preset() {
    assert!(stdout(&postroad(&["--help"]).success()).contains("Examples:"));
    let told = stdout(&postroad(&["journey", "--help"]).success());
    for word in ["Examples:", "mx1-down", "greylist", "dns-timeout", "--show-secrets", "pop3", "full"] {
        assert!(told.contains(word), "{word} is missing in: {told}");
    }
    assert!(stdout(&postroad(&["explain", "--help"]).success()).contains("550 5.1.1"));
}

#[test]
fn a_wrong_address_is_a_matter_of_usage() {
    assert_eq!(
        error(&["journey", "--to", "bob"], 2),
        "error: --to “bob” is not an e-mail address\n hint: write it as bob@example.net, or as 'Bob <bob@example.net>'\n"
    );
    let told = error(&["journey", "--cc", "a@b\u{1b}[31m"], 2);
    assert!(told.contains('␛') && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn an_unknown_domain_names_the_known_ones() {
    let told = error(&["journey", "--to", "bob@example.invalid"], 2);
    assert!(
        told.contains("example.com, example.net, example.org") && told.contains("--break nxdomain"),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for option in ["--scenario", "--body-file", "--attach"] {
        let told = error(&["journey", option, "no/such/file"], 1);
        assert!(told.starts_with("error: cannot read no/such/file: no such file"), "{told}");
        assert!(told.contains("hint:"), "{told}");
    }
}

#[test]
fn a_scenario_with_a_mistake_points_into_the_file() {
    let file = std::env::temp_dir().join(format!("postroad-cli-{}.toml", std::process::id()));
    std::fs::write(&file, "title = \"x\"\nstart = \"never\"\n").expect("a temporary file");
    let told = error(&["journey", "--scenario", &file.to_string_lossy()], 1);
    std::fs::remove_file(&file).expect("it was there");
    assert!(told.contains("start = \"never\"") && told.contains("2 |"), "{told}");
}

#[test]
fn what_clap_refuses_is_usage_too() {
    assert!(error(&["journey", "--break", "mx1down"], 2).contains("mx1-down"));
    assert!(error(&["journey", "--width", "7"], 2).contains("32..=1000"));
    assert!(error(&["explain"], 2).contains("QUERY"));
    assert!(error(&["journey", "--body", "a", "--body-file", "b"], 2).contains("cannot be used with"));
    error(&["jorney"], 2);
}

#[test]
fn the_catalogue_answers() {
    for query in [&["RCPT"][..], &["550", "5.1.1"], &["550 5.1.1 No such user"]] {
        let told = stdout(&postroad(&[&["explain"], query].concat()).success());
        assert!(told.contains("RFC "), "{query:?}: {told}");
    }
    let told = error(&["explain", "RCTP"], 1);
    assert!(told.contains("RCPT") && told.contains("hint:"), "{told}");
}

#[test]
fn a_journey_is_told_the_same_each_time_in_80_columns_without_colour() {
    let told = stdout(&postroad(&["journey"]).success());
    assert!(told.starts_with("postroad · Alice writes to Bob · seed 1 · 2026-01-05 09:00 UTC\n"), "{told}");
    assert!(told.contains("── Where is it now? ──") && told.contains("RCPT TO:<bob@example.net>"), "{told}");
    for row in told.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(row) <= 80 && !row.contains('\u{1b}'), "{row}");
    }
    assert_eq!(told, stdout(&postroad(&["journey"]).success()));
    assert!(!told.contains("of yours"), "how long it took is told only to whoever watches");
}

/// What stands behind the last rule.
fn ending(args: &[&str]) -> String {
    let told = stdout(&postroad(args).success());
    told.split("── Where is it now? ").nth(1).unwrap_or_default().to_owned()
}

/// The titles of the chapters, without their numbers.
fn chapters(args: &[&str]) -> Vec<String> {
    let told = stdout(&postroad(args).success());
    let titles = told.lines().filter_map(|l| l.strip_prefix("── ")?.split_once(" · "));
    titles.map(|(_, title)| title.trim_end_matches(['─', ' ']).to_owned()).collect()
}

#[test]
fn the_brief_telling_is_brief() {
    let rows = |args: &[&str]| stdout(&postroad(args).success()).lines().count();
    let (brief, full) = (rows(&["journey"]), rows(&["journey", "--detail", "full"]));
    assert!((350..=500).contains(&brief) && full > 3 * brief, "{brief} and {full} rows");
    let told = stdout(&postroad(&["journey"]).success());
    // The letter is told once in full, and then by what each hop has added to it.
    assert_eq!(told.matches("the kettle is new").count(), 1);
    assert_eq!(told.matches(" header fields and the text, as in step ").count(), 3, "{told}");
    assert_eq!(told.matches("queued as").count(), 2, "{told}");
}

#[test]
fn each_ending_says_where_the_letter_is() {
    let both = ending(&["journey"]);
    assert!(both.contains("copies on bob-laptop and bob-phone. Nothing is"), "{both}");
    assert!(both.contains("bob-phone does not know that yet"), "{both}");
    let imap = ending(&["journey", "--fetch", "imap"]);
    assert!(
        imap.contains("in the INBOX on mx1.example.net (UID 1, \\Seen)")
            && imap.contains("a copy on bob-phone")
    );
    let pop3 = ending(&["journey", "--fetch", "pop3"]);
    assert!(pop3.contains("a copy on bob-laptop. Nothing is") && !pop3.contains("bob-phone"), "{pop3}");
    for preset in ["null-mx", "nxdomain", "unknown-user", "mailbox-full"] {
        let told = ending(&["journey", "--break", preset]);
        assert!(told.contains("✗ not delivered to bob@example.net"), "{preset}: {told}");
        assert!(told.contains("✉ Alice has “Undelivered mail"), "{preset}: {told}");
    }
    let backup = ending(&["journey", "--break", "mx1-down"]);
    assert!(backup.contains("mail.example.com ──25──▶ mx2.example.net"), "{backup}");
}

#[test]
fn chapters_are_the_stages_of_the_road() {
    let home = chapters(&["journey", "--to", "carol@example.com"]);
    let fetched = ["Carol reads the mail by IMAP", "Carol fetches the mail by POP3"];
    assert_eq!(home[1..], [&["Alice's client hands the letter in"][..], &fetched].concat());
    let backup = chapters(&["journey", "--break", "mx1-down"]);
    let turns = [
        "Where does example.net take its mail?",
        "The next hop: mx1.example.net",
        "The next hop: mx2.example.net",
        "mx2.example.net hands the letter on",
        "mx2.example.net tries again: attempt 2",
        "mx2.example.net tries again: attempt 3",
        "Bob reads the mail by IMAP",
        "Bob fetches the mail by POP3",
    ];
    assert_eq!(backup[2..], turns);
    let back = chapters(&["journey", "--break", "unknown-user"]);
    let turns = ["The letter could not be delivered: a notice goes back", "Alice reads the mail by IMAP"];
    assert_eq!(back[4..], turns);
    let late = chapters(&["journey", "--break", "dns-timeout"]);
    assert_eq!(
        late[3..5],
        ["mail.example.com tries again: attempt 2", "mail.example.com tries again: attempt 3"]
    );
}

#[test]
fn colour_is_there_when_asked_for() {
    let told = |name: &str, value: &str| {
        let mut command = Command::cargo_bin("postroad").expect("the binary is built");
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env(name, value);
        stdout(&command.args(["journey", "--detail", "wire"]).assert().success())
    };
    assert!(told("CLICOLOR_FORCE", "1").contains('\u{1b}'));
    assert!(!told("NO_COLOR", "1").contains('\u{1b}'));
    assert!(!told("TERM", "dumb").contains('\u{1b}'));
}

#[test]
fn no_colour_wins_and_an_empty_one_says_nothing() {
    let told = |settings: &[(&str, &str)]| {
        let mut command = Command::cargo_bin("postroad").expect("the binary is built");
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(name);
        }
        command.envs(settings.iter().copied());
        stdout(&command.args(["journey", "--detail", "wire"]).assert().success()).contains('\u{1b}')
    };
    assert!(!told(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    assert!(told(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]));
    assert!(told(&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]));
    assert!(!told(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")]));
    assert!(!told(&[("NO_COLOR", "")]), "a pipe has no colours");
}

#[test]
fn json_and_the_recording_can_be_read_back() {
    let file = std::env::temp_dir().join(format!("postroad-cli-{}.jsonl", std::process::id()));
    let told = stdout(&postroad(&["journey", "--json", "--record", &file.to_string_lossy()]).success());
    for line in told.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(value["type"].is_string(), "{line}");
    }
    let text = std::fs::read(&file).expect("the recording is there");
    std::fs::remove_file(&file).expect("it was there");
    let (transcript, issues) = postroad::trace::file::Transcript::read(&text[..]).expect("it can be read");
    assert!(issues.is_empty() && transcript.head().is_some_and(|head| head.title == "Alice writes to Bob"));
}

#[test]
fn a_letter_of_ones_own_travels() {
    let args = [
        "journey",
        "--detail",
        "wire",
        "--to",
        "carol@example.com",
        "--subject",
        "Lunch",
        "--body",
        "At one?",
    ];
    let told = stdout(&postroad(&args).success());
    assert!(told.starts_with("postroad · Alice writes to Carol · "), "{told}");
    assert!(
        told.contains("Subject: Lunch") && told.contains("At one?") && !told.contains("bob@example.net"),
        "{told}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let program = assert_cmd::cargo::cargo_bin("postroad");
    let mut child = std::process::Command::new(program)
        .args(["journey", "--detail", "full", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn a_slip_in_a_command_is_met_with_the_right_one() {
    let told = error(&["jurney"], 2);
    assert!(told.contains("a similar subcommand exists: 'journey'"), "{told}");
    // Not a command at all, but a word that the catalogue knows.
    assert!(error(&["550"], 2).contains("postroad explain 550"), "550 is a code");
    assert!(!error(&["wibble"], 2).contains("explain"), "nothing is known about wibble");
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, word) in [
        ("bash", "complete -F _postroad"),
        ("zsh", "#compdef postroad"),
        ("fish", "complete -c postroad"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let told = stdout(&postroad(&["completions", shell]).success());
        // Three of them complete values too, and two only commands and options.
        let value = if matches!(shell, "bash" | "zsh" | "fish") { "mx1-down" } else { "journey" };
        assert!(told.contains(word) && told.contains(value), "{shell}: {told}");
    }
    assert!(error(&["completions", "cmd"], 2).contains("[possible values: bash"));
}

#[test]
fn the_manual_is_one_page_or_a_folder_of_them() {
    let page = stdout(&postroad(&["man"]).success());
    assert!(page.contains(".TH postroad 1") && page.contains("postroad\\-journey(1)"), "{page}");
    assert!(stdout(&postroad(&["man", "journey"]).success()).contains(".TH postroad-journey 1"));
    assert!(error(&["man", "jurney"], 2).contains("there is no command \"jurney\""));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("man1");
    let told = stdout(&postroad(&["man", "--out", &out.to_string_lossy()]).success());
    assert!(told.contains("pages are in"), "{told}");
    for name in ["postroad.1", "postroad-journey.1", "postroad-explain.1"] {
        let text = std::fs::read_to_string(out.join(name)).expect(name);
        assert!(text.starts_with(".ie") && text.contains(".SH SYNOPSIS"), "{name}: {text}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    assert!(error(&["man", "--out", &file.to_string_lossy()], 1).contains("cannot write"));
}

#[test]
fn a_pasted_refusal_is_told_with_what_to_do() {
    let told = stdout(&postroad(&["explain", "554 5.7.1 <bob@example.edu>: Relay access denied"]).success());
    let at = |words: &str| told.find(words).unwrap_or_else(|| panic!("{words} is missing in: {told}"));
    assert!(at("550 or 554 5.7.1: relaying denied") < at("X.7.1: not authorised"), "what to do comes first");
    assert!(told.contains("what to do 1. ") && told.contains("postroad replay relay-denied"), "{told}");
    // A complaint that is no line of any protocol.
    let told = stdout(&postroad(&["explain", "my mail lands in spam"]).success());
    assert!(told.contains("Authentication-Results"), "{told}");
    let json = stdout(&postroad(&["explain", "550 5.7.1 relay denied", "--json"]).success());
    let cases = json.lines().filter(|line| line.contains("\"type\":\"case\"")).count();
    assert_eq!(cases, 1, "{json}");
}
