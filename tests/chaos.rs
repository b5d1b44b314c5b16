//! Faults on demand, from outside: a lab is started, spoken to over real sockets, and made to fail and to work again.

#[path = "support/lab.rs"]
mod lab;

use lab::{Lab, Talk};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(100);

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("postroad-chaos-{}-{name}", std::process::id()))
}

/// Ask again until the answer begins so.
fn until(lab: &Lab, verb: &str, begins: &str) -> String {
    for _ in 0..200 {
        let mut talk = Talk::to(lab.port("relay", "example.net"));
        talk.reply();
        talk.smtp("EHLO test.example.org");
        let answer = talk.smtp(verb);
        if answer.starts_with(begins) {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{verb} is never answered with {begins}");
}

const MAIL: &str = "MAIL FROM:<someone@example.org>";

#[test]
fn a_file_of_faults_is_taken_up_when_it_changes_and_a_wrong_one_changes_nothing() {
    let path = file("faults.toml");
    let fault =
        "[[fault]]\nkind = \"reply\"\nhost = \"mx1.example.net\"\nservice = \"mta\"\nverb = \"MAIL\"\n";
    std::fs::write(&path, format!("{fault}reply = \"421 4.3.2 Not now\"\n")).expect("written");
    let lab = Lab::open(&["--chaos", path.to_str().expect("text")]);
    assert_eq!(until(&lab, MAIL, "421"), "421 4.3.2 Not now\r\n");
    // A session that is open when the fault goes hears of it at its next command.
    let mut talk = Talk::to(lab.port("relay", "example.net"));
    talk.reply();
    talk.smtp("EHLO test.example.org");
    std::fs::write(&path, "[[fault]]\nkind = \"reply\"\nhost = \"nowhere\"\n").expect("written");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(talk.smtp(MAIL).starts_with("421"), "what cannot be used changes nothing");
    std::fs::write(&path, "# nothing any more\n").expect("written");
    until(&lab, MAIL, "250");
    let (told, code) = lab.close();
    assert_eq!(code, Some(0));
    for words in [
        "a fault from here on: mta answers MAIL with “421 4.3.2 Not now”",
        "the faults stay as they are",
        "faults.toml:",
        "no longer: mta answers MAIL",
    ] {
        // Lines are folded at the width of the telling.
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{words}: {told}");
    }
    let _ = std::fs::remove_file(&path);
}

#[test]
fn a_line_that_is_typed_switches_a_ready_fault() {
    let mut lab = Lab::typed(&[]);
    let mut input = lab.input();
    until(&lab, MAIL, "250");
    writeln!(input, "fault 421").expect("it listens");
    until(&lab, MAIL, "421");
    writeln!(input, "clear").expect("it listens");
    until(&lab, MAIL, "250");
    drop(input);
    until(&lab, MAIL, "250");
}

#[test]
fn a_file_that_cannot_be_used_at_the_start_is_refused_with_its_place() {
    let path = file("wrong.toml");
    std::fs::write(&path, "[[fault]]\nkind = \"fire\"\n").expect("written");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_postroad"))
        .args(["lab", "--plain", "--port-base", "0", "--chaos"])
        .arg(&path)
        .env("XDG_DATA_HOME", file("home"))
        .output()
        .expect("it runs");
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("fire") && said.contains("wrong.toml:2"), "{said}");
    let _ = std::fs::remove_file(&path);
}

#[test]
fn each_message_is_a_trace_for_a_collector() {
    let path = file("traces.jsonl");
    let lab = Lab::open(&["--otlp", path.to_str().expect("text")]);
    let mut talk = Talk::to(lab.port("relay", "example.net"));
    talk.reply();
    talk.smtp("EHLO test.example.org");
    talk.smtp(MAIL);
    talk.smtp("RCPT TO:<bob@example.net>");
    talk.smtp("DATA");
    assert!(talk.smtp("Message-ID: <one@example.org>\r\nSubject: x\r\n\r\nHello\r\n.").starts_with("250"));
    let mut text = String::new();
    for _ in 0..200 {
        text = std::fs::read_to_string(&path).expect("it is there");
        if text.ends_with('\n') {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    let trace: serde_json::Value = serde_json::from_str(text.lines().next().expect("a trace")).expect("JSON");
    assert!(trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"].is_string());
    for words in ["<one@example.org>", "\"deliver\"", "\"queue\"", "\"SMTP relay\"", "bob@example.net"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let _ = std::fs::remove_file(&path);
}

/// RFC 5321 §4.5.4.1: what waits for one host must not hold up what goes elsewhere. And who is held up hears that the lab
/// closes.
#[test]
fn a_letter_that_is_held_up_does_not_hold_up_the_others_and_the_lab_closes_at_once() {
    let (faults, record) = (file("held.toml"), file("held.jsonl"));
    let fault = "[[fault]]\nkind = \"delay\"\nhost = \"mx1.example.net\"\nservice = \"mta\"\nverb = \"RCPT\"\nms = 600000\n";
    std::fs::write(&faults, fault).expect("written");
    let [at, to] = [&faults, &record].map(|path| path.to_str().expect("text"));
    let lab = Lab::open(&["--chaos", at, "--record", to]);
    // One session waits at the slow door itself; and mail.example.com carries a letter there, and keeps one.
    let mut talk = Talk::to(lab.port("relay", "example.net"));
    talk.reply();
    talk.smtp("EHLO test.example.org");
    talk.smtp(MAIL);
    talk.say("RCPT TO:<bob@example.net>");
    let mut talk = Talk::to(lab.port("submission", "example.com"));
    talk.reply();
    talk.smtp("EHLO test.example.org");
    // "\0alice@example.com\0tea-at-four"
    let login = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHRlYS1hdC1mb3Vy";
    assert!(talk.smtp(login).starts_with("235"));
    for recipient in ["bob@example.net", "carol@example.com"] {
        talk.smtp("MAIL FROM:<alice@example.com>");
        talk.smtp(&format!("RCPT TO:<{recipient}>"));
        talk.smtp("DATA");
        assert!(talk.smtp("Subject: x\r\n\r\nHello\r\n.").starts_with("250"));
    }
    let delivered = |whose: &str| {
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        text.lines().any(|line| line.contains("\"delivered\"") && line.contains(whose))
    };
    for _ in 0..300 {
        if delivered("carol@example.com") {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    assert!(delivered("carol@example.com") && !delivered("bob@example.net"));
    let (told, code) = lab.close();
    assert_eq!(code, Some(0));
    assert!(told.contains("421 4.3.2"), "the session that was held up is told: {told}");
    for path in [&faults, &record] {
        let _ = std::fs::remove_file(path);
    }
}
