//! `postroad export` from outside: what it writes, where, and what it says when it cannot.

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use std::path::{Path, PathBuf};

fn export(args: &[&str]) -> Assert {
    let mut command = Command::cargo_bin("postroad").expect("the binary is built");
    command.env("NO_COLOR", "1").arg("export").args(args).assert()
}

fn journey() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts/journey.jsonl");
    path.to_str().expect("a path of text").to_owned()
}

fn stdout(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// Each format begins in its own way, in a file as on the standard output, and is the same every time.
#[test]
fn every_format_is_written_to_a_file_and_to_the_standard_output() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("export").join("command");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (format, begins) in [
        ("pcapng", &b"\x0a\x0d\x0d\x0a"[..]),
        ("mermaid", b"sequenceDiagram\n"),
        ("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\""),
        ("markdown", b"# Alice writes to Bob\n"),
        ("text", "postroad · Alice writes to Bob".as_bytes()),
        ("asciicast", b"{\"version\":2,"),
        ("json", b"{\"type\":"),
        ("otlp", b"{\"resourceSpans\":[{"),
    ] {
        let file = folder.join(format);
        let path = file.to_str().expect("a path of text");
        let said = export(&[&journey(), "--format", format, "-o", path]).success();
        assert_eq!((stdout(&said), stderr(&said)), (String::new(), String::new()), "{format}");
        let written = std::fs::read(&file).expect("it was written");
        assert!(written.starts_with(begins), "{format}");
        let said = export(&[&journey(), "--format", format]).success();
        assert!(said.get_output().stdout == written, "{format}");
    }
}

#[test]
fn a_stretch_of_steps_has_its_chapter_and_nothing_else() {
    let told = stdout(&export(&[&journey(), "--format", "markdown", "--steps", "9..11"]).success());
    let steps: Vec<&str> = told.lines().filter(|l| l.starts_with("- **")).collect();
    assert_eq!(steps.len(), 3, "{told}");
    assert!(steps[0].starts_with("- **9**") && steps[2].starts_with("- **11**"));
    let headings: Vec<&str> = told.lines().filter(|l| l.starts_with("## ")).collect();
    assert_eq!(headings, ["## 2. Alice's client hands the letter in", "## Where is it now?"]);
    // The letter had not been taken by then.
    assert!(told.contains("nowhere"), "{told}");
    let all = stdout(&export(&[&journey(), "--format", "json"]).success());
    let open = stdout(&export(&[&journey(), "--format", "json", "--steps", ".."]).success());
    assert!(all == open, "every step is everything");
}

/// A filter, on a recording of the library by its name.
#[test]
fn a_filter_chooses_steps() {
    let told = stdout(&export(&["greylist", "--format", "json", "--filter", "smtp and code 4xx"]).success());
    let steps = told.lines().filter(|l| l.contains("\"type\":\"step\"")).collect::<Vec<_>>();
    assert!(!steps.is_empty() && steps.iter().all(|s| s.contains("\"code\":\"4")), "{told}");
    let said = export(&["greylist", "--format", "pcapng", "--filter", "pop3"]).success();
    let packets = super::capture::packets(&said.get_output().stdout);
    assert!(!packets.is_empty() && packets.iter().all(|p| p.from.port() == 110 || p.to.port() == 110));
}

#[test]
fn a_capture_of_some_steps_holds_their_connections_whole() {
    let file = |steps: &str| {
        let said = export(&[&journey(), "--format", "pcapng", "--steps", steps]).success();
        super::capture::packets(&said.get_output().stdout)
    };
    let some = file("9");
    assert!(some.iter().all(|p| p.from.port() == 587 || p.to.port() == 587) && some.len() > 15);
    assert!(super::capture::streams(&some).len() == 2);
    assert!(file("1..").len() > 90);
}

#[test]
fn what_is_wrong_is_said() {
    for (steps, says) in [("5..3", "ends before it begins"), ("a..b", "4..9")] {
        let said = export(&[&journey(), "--format", "svg", "--steps", steps]).code(2);
        assert!(stderr(&said).contains(says), "{}", stderr(&said));
    }
    let said = export(&[&journey(), "--format", "svg", "--filter", "smtp and"]).code(2);
    assert!(stderr(&said).contains("no filter"), "{}", stderr(&said));
    let said = export(&[&journey(), "--format", "html", "--steps", "1..2"]).code(2);
    assert!(stderr(&said).contains("whole story"), "{}", stderr(&said));
    let said = export(&[&journey(), "--format", "mermaid", "--filter", "host nowhere.example"]).success();
    assert!(stderr(&said).contains("nothing of"), "{}", stderr(&said));
    let said = export(&["no-such-file", "--format", "svg"]).code(1);
    assert!(stderr(&said).contains("no-such-file") && stdout(&said).is_empty());
    let said = export(&[&journey(), "--format", "gif"]).code(2);
    assert!(stderr(&said).contains("asciicast"), "the formats are named");
    let help = stdout(&export(&["--help"]).success());
    assert!(
        help.contains("Examples:") && help.contains("asterisks") && help.contains("--show-secrets"),
        "{help}"
    );
}

/// Passwords stay hidden in what is written, and show where that is asked for.
#[test]
fn secrets_are_hidden_unless_asked_for() {
    for format in ["pcapng", "mermaid", "svg", "markdown", "text", "asciicast", "json"] {
        let hidden = export(&[&journey(), "--format", format, "--detail"]).success();
        assert!(!shows(&hidden), "{format}");
        let shown = export(&[&journey(), "--format", format, "--show-secrets"]).success();
        assert!(shows(&shown), "{format}");
    }
}

/// Whether the password's part of Alice's AUTH PLAIN, or Bob's PASS, is there in any form.
fn shows(said: &Assert) -> bool {
    let transcript = std::fs::read_to_string(journey()).expect("the transcript is there");
    let secret = transcript
        .split("\"s\":\"AUTH PLAIN ")
        .nth(1)
        .and_then(|s| s.split("\\r").next())
        .expect("she logs in");
    let tail = &secret[secret.len() - 14..];
    let bytes = &said.get_output().stdout;
    bytes.windows(tail.len()).any(|w| w == tail.as_bytes())
}
