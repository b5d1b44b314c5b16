//! What `postroad lab --print-config` prints works as it stands: pasted, written to the files that it names, and run.

use crate::round::{Round, are_there};
use std::process::Command;

/// One text that was printed: the line above it, and what is to be pasted.
struct Text {
    title: String,
    body: String,
}

impl Text {
    /// The file that it is written to, and the command behind "then:".
    fn file_and_command(&self) -> (String, String) {
        let (file, command) = self.title.split_once("; then: ").expect("the title says what to do then");
        let word = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let file =
            file.split_whitespace().map(word).find(|word| word.starts_with("lab") && word.contains('.'));
        (file.expect("the title names the file"), command.to_owned())
    }
}

/// What is printed for a program, for the doors of this lab.
fn printed(round: &Round, program: &str) -> Vec<Text> {
    let mut ports: Vec<String> = Vec::new();
    for service in ["submission", "submissions", "second", "relay", "pop3", "pop3s", "imap", "imaps"] {
        for domain in ["example.com", "example.net"] {
            let row = match service {
                "submissions" => "submission in TLS",
                "second" => "submission, the second",
                "pop3" => "POP3",
                "pop3s" => "POP3 in TLS",
                "imap" => "IMAP",
                "imaps" => "IMAP in TLS",
                other => other,
            };
            ports.push(format!("{service}@{domain}={}", round.lab.port(row, domain)));
        }
    }
    ports.push(format!("dns={}", round.lab.port("DNS", "")));
    let output = Command::new(env!("CARGO_BIN_EXE_postroad"))
        .args(["lab", "--print-config", program, "--ports", &ports.join(","), "--data"])
        .arg(round.path("data"))
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("it is UTF-8");
    let start = format!("# {program}");
    let mut texts: Vec<Text> = Vec::new();
    for line in printed.lines() {
        if line.to_lowercase().starts_with(&start) {
            texts.push(Text { title: line.to_owned(), body: String::new() });
        } else if let Some(text) = texts.last_mut() {
            text.body.push_str(line);
            text.body.push('\n');
        }
    }
    assert!(!texts.is_empty(), "{printed}");
    texts
}

/// A round in which a letter lies in each of the two inboxes.
fn round(test: &str, needs: &[&str]) -> Option<Round> {
    are_there(test, needs).then(|| {
        let round = Round::begin();
        let script = ". \"$SCRIPTS/lib.sh\"; bring 'Welcome'; TO=$FROM TO_RELAY=$RELAY; bring 'Welcome too'";
        round.run("sh", &["-c", script]);
        round
    })
}

/// Write a text to its file, and run its command, or another one made of it.
fn follow(round: &Round, text: &Text, command: impl Fn(&str) -> String) -> String {
    let (file, then) = text.file_and_command();
    std::fs::write(round.path(&file), &text.body).expect("a file can be written");
    round.run("sh", &["-euc", &format!("chmod 600 {file}; {}", command(&then))])
}

#[test]
fn the_lines_for_swaks_hand_letters_in() {
    let Some(round) = round("the_lines_for_swaks_hand_letters_in", &["swaks", "curl"]) else { return };
    for text in printed(&round, "swaks") {
        round.run("sh", &["-euc", &text.body]);
    }
    round.arrived("bob@example.net", "Subject: Tea on Sunday?");
    round.told();
}

#[test]
fn the_lines_for_curl_hand_in_and_read() {
    let Some(round) = round("the_lines_for_curl_hand_in_and_read", &["curl"]) else { return };
    for text in printed(&round, "curl") {
        let said = round.run("sh", &["-euc", &text.body]);
        assert!(said.contains("Subject: Welcome"), "{said}");
    }
    round.arrived("bob@example.net", "Subject: Tea on Sunday?");
    round.told();
}

#[test]
fn the_settings_for_msmtp_hand_letters_in() {
    let Some(round) = round("the_settings_for_msmtp_hand_letters_in", &["msmtp", "curl"]) else { return };
    for text in printed(&round, "msmtp") {
        for account in ["lab", "lab-tls"] {
            let marked = format!("Subject: by {account}");
            follow(&round, &text, |then| {
                then.replace("-a lab", &format!("-a {account}")).replace("Subject: Tea", &marked)
            });
            round.arrived("bob@example.net", &marked);
        }
    }
    round.told();
}

#[test]
fn the_settings_for_mutt_read_and_hand_in() {
    let Some(round) = round("the_settings_for_mutt_read_and_hand_in", &["mutt", "python3", "curl"]) else {
        return;
    };
    let texts = printed(&round, "mutt");
    assert_eq!(texts.len(), 2, "in clear, and in TLS");
    for (number, text) in texts.iter().enumerate() {
        let screen = follow(&round, text, |then| {
            let keys = "push '<first-entry><display-message><exit><quit>'";
            format!(
                "python3 \"$SCRIPTS/terminal.py\" {then} -e \"set wait_key=no sleep_time=0; {keys}\" </dev/null"
            )
        });
        assert!(screen.contains("Welcome too"), "{screen}");
        follow(&round, text, |then| {
            format!("echo 'At five?' | {then} -s 'by mutt {number}' bob@example.net")
        });
        round.arrived("bob@example.net", &format!("Subject: by mutt {number}"));
    }
    // It looked at the letter once; the second time it is read from the server again, as mutt keeps nothing.
    let steps = round.told();
    let read = |step: &&postroad::dissect::Step| {
        step.verb == "UID FETCH" && step.bytes.windows(6).any(|w| w == b"PEEK[]")
    };
    assert_eq!(steps.iter().filter(read).count(), 2);
}

#[test]
fn the_settings_for_mbsync_fetch_everything() {
    let Some(round) = round("the_settings_for_mbsync_fetch_everything", &["mbsync", "curl"]) else { return };
    let texts = printed(&round, "mbsync");
    assert_eq!(texts.len(), 2, "in clear, and in TLS");
    for text in &texts {
        follow(&round, text, str::to_owned);
        round.run("sh", &["-euc", "grep -rq 'Subject: Welcome' lab-mail*/INBOX && rm -r lab-mail*"]);
    }
    round.told();
}

#[test]
fn the_settings_for_fetchmail_fetch_everything() {
    let Some(round) = round("the_settings_for_fetchmail_fetch_everything", &["fetchmail", "curl"]) else {
        return;
    };
    let texts = printed(&round, "fetchmail");
    assert_eq!(texts.len(), 2, "in clear, and in TLS");
    for text in &texts {
        let said = follow(&round, text, |then| format!("{then} --fetchall --pidfile fetchmail.pid"));
        assert!(said.contains("Subject: Welcome"), "{said}");
    }
    round.told();
}

#[test]
fn the_program_for_python_hands_in_and_reads() {
    let Some(round) = round("the_program_for_python_hands_in_and_reads", &["python3", "curl"]) else {
        return;
    };
    let texts = printed(&round, "python");
    assert_eq!(texts.len(), 2, "in clear, and in TLS");
    for text in &texts {
        let said = follow(&round, text, str::to_owned);
        assert!(said.contains("Subject: Tea on Sunday?"), "{said}");
    }
    round.told();
}
