//! `postroad explain` with texts: what is told, what is escaped, what goes wrong how.

use assert_cmd::Command;

/// What it prints for this input; it must succeed.
fn explained(args: &[&str], input: &[u8]) -> String {
    let mut command = Command::cargo_bin("postroad").expect("the program is built");
    let out = command
        .arg("explain")
        .args(args)
        .args(["--width", "100"])
        .write_stdin(input)
        .output()
        .expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

fn refused(args: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut command = Command::cargo_bin("postroad").expect("the program is built");
    let out = command.arg("explain").args(args).write_stdin(input).output().expect("it runs");
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// Nothing of a text may steer a terminal or hide from its reader.
fn assert_harmless(page: &str) {
    let bad = |c: &char| {
        c.is_control() && *c != '\n'
            || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}')
    };
    assert_eq!(page.chars().find(bad), None);
}

#[test]
fn a_pasted_session_is_told_with_notes() {
    let page = explained(
        &["-"],
        b"C: EHLO a.example\nS: 250 mail\nC: RCPT TO:<b@example.net>\nS: 550 5.1.1 no such user\n",
    );
    assert!(
        page.contains("RCPT TO:<b@example.net>")
            && page.contains("this address decides where the letter goes"),
        "{page}"
    );
    let json = explained(&["-", "--json"], b"C: NOOP\nS: 250 ok\n");
    assert!(json.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(json.contains("smtp.NOOP"));
}

#[test]
fn a_guess_is_called_a_guess() {
    let page = explained(&["-"], b"220 mail ESMTP\nHELO a\n250 mail\nQUIT\n221 bye\n");
    assert!(page.contains("guess") && page.contains("HELO a"), "{page}");
}

#[test]
fn passwords_are_hidden_unless_asked_for() {
    let text = b"S: * OK ready\nC: a LOGIN bob sesame\nS: a OK done\n";
    assert!(!explained(&["-"], text).contains("sesame"));
    assert!(explained(&["-", "--show-secrets"], text).contains("sesame"));
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let evil = "\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\u{200b}";
    let session = format!("S: 220 {evil}\nC: EHLO {evil}\n<aside {evil} x>\nS: 250 {evil}\n");
    let message = format!(
        "From: {evil} <a@example.com>\nSubject: {evil}\nReceived: from {evil} by {evil} with {evil}; {evil}\nX-{evil}: y\nContent-Type: text/plain; name=\"{evil}\"\n\n{evil}"
    );
    let log = format!(
        "Jan  1 12:00:00 mail postfix/smtp[1]: ABCDE1: to=<{evil}>, relay={evil}, status=deferred (host {evil} said: 450 {evil})\n"
    );
    for text in [session, message, log] {
        assert_harmless(&explained(&["-"], text.as_bytes()));
    }
}

#[test]
fn a_message_is_told_with_its_road_and_a_bounce_as_one() {
    let text = "Received: from a.example (a.example [192.0.2.1]) by mx.example.net with ESMTPS id 1; Mon, 1 Jan 2024 10:00:10 +0000\n\
                Received: from laptop by a.example with ESMTPSA id 2; Mon, 1 Jan 2024 10:00:40 +0000\n\
                From: Alice <alice@example.com>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: Hi\n\nx\n";
    let page = explained(&["-"], text.as_bytes());
    assert!(
        page.contains("clock skew") && page.contains("trust: the first server of the receiving side"),
        "{page}"
    );
    let laptop = page.find("laptop").expect("the first hop");
    assert!(laptop < page.find("→ mx.example.net").expect("the last hop"), "the oldest hop first");
    let json: serde_json::Value =
        serde_json::from_str(&explained(&["-", "--json"], text.as_bytes())).expect("JSON");
    assert_eq!((json["type"].as_str(), json["hops"][1]["delay"].as_i64()), (Some("message"), Some(-30)));

    let bounce = "From: x@example.com\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n\
                  --B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.com\n\nFinal-Recipient: rfc822; b@example.net\n\
                  Action: failed\nStatus: 5.1.1\n\n--B--\n";
    let page = explained(&["-"], bounce.as_bytes());
    assert!(page.contains("failed: it was not delivered") && page.contains("names no mailbox"), "{page}");
}

#[test]
fn log_lines_are_told_by_their_codes() {
    let line = b"Jan  1 12:00:00 mail postfix/smtp[1]: ABCDE1: to=<b@example.net>, relay=mx[192.0.2.1]:25, dsn=4.2.2, \
                 status=deferred (host mx[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command))\n";
    let page = explained(&["-"], line);
    for words in ["stays in the queue", "4.2.2", "in reply to RCPT TO"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains('{'), "no placeholder is left: {page}");
}

#[test]
fn words_of_the_catalogue_stay_what_they_were() {
    assert!(explained(&["550", "5.1.1"], b"").contains("smtp.RCPT.550 5.1.1"));
    assert!(explained(&["-"], b"451 4.7.1 Greylisted, please try again later\n").contains("smtp.451"));
    assert!(explained(&["RCPT", "--json"], b"").contains("\"id\":\"smtp.RCPT\""));
}

#[test]
fn what_cannot_be_explained_says_what_can() {
    let (code, words) = refused(&["-"], b"Dear Bob,\nthe weather is fine.\nAlice\n");
    assert_eq!(code, Some(1));
    assert!(
        words.contains("nothing in the standard input looks like mail") && words.contains("hint:"),
        "{words}"
    );
    assert!(refused(&["-"], b" \n").1.contains("is empty"));
    let (code, words) = refused(&["no/such/file.eml"], b"");
    assert!(code == Some(1) && words.contains("cannot read no/such/file.eml"), "{words}");
    assert_eq!(refused(&[], b"").0, Some(2));
}

#[test]
fn a_file_is_read_and_a_recording_told() {
    let dir = std::env::temp_dir().join(format!("postroad-explain-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let path = dir.join("session.txt");
    std::fs::write(&path, "> EHLO a\n< 250 mail\n").expect("a file");
    let name = path.to_str().expect("a name");
    assert!(explained(&[name], b"").contains("EHLO a"));
    let transcript = dir.join("t.jsonl");
    let mut journey = Command::cargo_bin("postroad").expect("the program is built");
    journey.args(["journey", "--record"]).arg(&transcript).assert().success();
    assert!(explained(&[transcript.to_str().expect("a name")], b"").contains("RCPT TO:"));
    // Half a capture's header: neither told nor a crash.
    std::fs::write(&path, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0]).expect("a file");
    let (code, words) = refused(&[name], b"");
    assert!(code == Some(1) && words.contains("capture"), "{words}");
    std::fs::remove_dir_all(&dir).expect("gone again");
}
