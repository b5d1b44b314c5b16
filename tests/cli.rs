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
