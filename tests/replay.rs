//! `postroad replay` and `postroad transcripts` as people use them: whole command sessions.

#[path = "support/session.rs"]
mod session;

use session::Session;

#[test]
fn the_library_is_listed_and_each_recording_can_be_replayed_and_checked() {
    let session = Session::new("library");
    let listed = session.ok(&["transcripts", "--json"]);
    let names: Vec<String> = listed
        .lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(entry["about"].as_str().is_some_and(|about| about.len() > 80), "{line}");
            entry["name"].as_str().expect("a name").to_owned()
        })
        .collect();
    for wanted in [
        "journey-pop3",
        "journey-imap",
        "journey",
        "same-domain",
        "unknown-user",
        "greylist",
        "mx1-down",
        "null-mx",
        "relay-denied",
        "pipelining",
        "large-attachment",
        "auth-failure",
        "scram",
        "pop3-apop",
        "dsn-success",
        "delayed",
        "keep-a-copy",
        "maildrop-lock",
        "imap-idle",
        "dot-stuffing",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is missing");
    }
    for name in &names {
        let checked = session.ok(&["replay", name, "--check"]);
        // What real programs made cannot be made again, and it says so.
        let live = name.starts_with("real-");
        let wanted = if live { "recorded live" } else { "run again with seed 1, gives the same" };
        assert!(checked.contains(wanted) && !checked.contains('✗'), "{checked}");
    }
    let told = session.ok(&["transcripts", "--width", "60"]);
    assert!(
        told.lines().all(|line| line.chars().count() <= 60) && told.contains("maildrop-lock ·"),
        "{told}"
    );
}

/// What the issue of each story is, seen on its wires.
#[test]
fn each_story_shows_what_it_is_about() {
    let session = Session::new("stories");
    for (name, filter, count) in [
        (
            "scram",
            "code \"235 2.7.0\" or pop3 code +OK and verb AUTH or imap verb AUTHENTICATE and code OK",
            6,
        ),
        ("pop3-apop", "verb APOP and code +OK", 2),
        ("dsn-success", "text NOTIFY=SUCCESS,FAILURE", 3),
        ("delayed", "text \"Action: delayed\"", 1),
        ("relay-denied", "code \"550 5.7.1\"", 1),
        ("auth-failure", "code \"535 5.7.8\" or pop3 code -ERR or imap code NO", 3),
        ("maildrop-lock", "code IN-USE", 1),
        ("keep-a-copy", "pop3 verb RETR from client", 2),
        ("keep-a-copy", "pop3 verb DELE from client", 1),
        ("same-domain", "dns verb MX", 0),
        ("pipelining", "smtp verb RCPT code 5.1.1", 1),
        ("dot-stuffing", "smtp from client text \"\r\n..\r\n\"", 2),
        ("dot-stuffing", "pop3 from server text \"\r\n....or three\"", 1),
        ("imap-idle", "imap verb EXPUNGE host bob-phone", 1),
        ("large-attachment", "code 5.3.4", 1),
        ("greylist", "code 4xx", 1),
        ("null-mx", "smtp verb MAIL from client", 1),
        ("one-machine", "smtp or pop3 or imap or dns", 0),
        ("reply", "smtp from client text \"In-Reply-To: <\"", 2),
        ("reply", "imap verb \"UID STORE\" from client text Answered", 1),
        ("several-domains", "smtp verb MAIL from client", 3),
        ("several-domains", "smtp code 5.1.1 host mail.example.org", 1),
        ("several-domains", "smtp text \"Bcc:\"", 0),
        ("attachment", "imap text \"9000\" from server", 0),
        ("attachment", "imap verb \"UID FETCH\" from client text \"BODY.PEEK[2]\"", 1),
        ("in-step", "imap verb \"UID MOVE\" from client host bob-phone", 1),
        ("web-mail", "host bob-phone or host bob-laptop", 0),
        ("web-shop", "smtp from client text \"verify?token=\"", 3),
        ("spoofed-unprotected", "smtp from client text \"From: Alice\"", 1),
        ("spoofed-caught", "smtp code 5.7.26", 1),
        ("signed", "smtp text \"DKIM-Signature\" host mx1.example.net", 1),
        ("forwarded", "dns verb TXT text _domainkey", 2),
        ("mailing-list", "smtp text \"ARC-Seal\" from client", 2),
    ] {
        let steps = session.steps(&[name, "--filter", filter]);
        assert_eq!(steps.len(), count, "{name}: {filter}: {steps:#?}");
    }
}

#[test]
fn steps_chapters_and_filters_choose_what_is_told() {
    let session = Session::new("choose");
    let numbers = |words: &[&str]| -> Vec<u64> {
        session.steps(words).iter().map(|step| step["number"].as_u64().expect("a number")).collect()
    };
    assert_eq!(numbers(&["journey", "--steps", "13..15"]), [13, 14, 15]);
    assert_eq!(numbers(&["journey", "--steps", "..2"]), [1, 2]);
    let all = numbers(&["journey"]);
    assert_eq!(numbers(&["journey", "--filter", "step 1.."]), all);
    let chapter = session.lines(&["journey", "--chapter", "next hop: mx1"]);
    assert_eq!(chapter[0]["type"], "chapter");
    assert!(chapter.len() > 10 && chapter.iter().filter(|line| line["type"] == "chapter").count() == 1);
    assert_eq!(session.lines(&["journey", "--chapter", "relay"]), chapter, "by its id too");
    let facts = session.lines(&["journey", "--filter", "fact and host mx1.example.net"]);
    assert!(facts.iter().all(|line| line["type"] != "step") && facts.len() > 2);
    let told = session.ok(&["replay", "journey", "--filter", "pop3", "--detail", "wire"]);
    assert!(
        told.contains("RETR 1") && told.contains("POP3, port 110") && !told.contains("MAIL FROM"),
        "{told}"
    );
    let said = session.run(&["replay", "journey", "--filter", "code 999"]);
    assert!(said.code == 0 && said.err.contains("nothing of journey is as asked for"), "{}", said.err);
}

#[test]
fn a_filter_that_cannot_be_read_is_pointed_at() {
    let session = Session::new("filter");
    let told = session.error(&["replay", "journey", "--filter", "smtp and (code 4xx"], 2);
    assert!(told.contains("smtp and (code 4xx") && told.contains("“)” for the “(” of column 10"), "{told}");
    let told = session.error(&["replay", "journey", "--filter", "smpt"], 2);
    assert!(told.contains("^^^^") && told.contains("did you mean “smtp”?"), "{told}");
    let told = session.error(&["replay", "journey", "--filter", "ab\u{1b}[31m\nc"], 2);
    assert!(!told.contains('\u{1b}') && told.contains('␛'), "{told}");
}

#[test]
fn secrets_are_hidden_unless_asked_for() {
    let session = Session::new("secrets");
    for mode in [&["--json"][..], &["--detail", "full"], &["--detail", "wire"]] {
        let told = session.ok(&[&["replay", "journey"], mode].concat());
        assert!(!told.contains("ship-in-a-bottle"), "{mode:?}");
        let told = session.ok(&[&["replay", "journey", "--show-secrets"], mode].concat());
        assert!(told.contains("ship-in-a-bottle"), "{mode:?}");
    }
}

#[test]
fn a_replay_is_the_journey_whatever_its_speed() {
    let session = Session::new("speed");
    let journey = session.ok(&["journey", "--record", "j.jsonl"]);
    let body = |told: &str| told.split("\n   next ").next().unwrap_or_default().to_owned();
    assert_eq!(body(&session.ok(&["replay", "j.jsonl"])), body(&journey));
    assert_eq!(body(&session.ok(&["replay", "j.jsonl", "--speed", "1000x"])), body(&journey));
    assert!(session.error(&["replay", "j.jsonl", "--speed", "fast"], 2).contains("4x"));
}

#[test]
fn a_check_names_the_first_record_that_differs() {
    let session = Session::new("check");
    session.ok(&["journey", "--record", "j.jsonl"]);
    let changed = session.read("j.jsonl").replacen("250 2.1.5 Recipient OK", "250 2.1.5 Recipient ok", 1);
    let number = changed.lines().position(|line| line.contains("Recipient ok")).expect("it was there") + 1;
    session.write("changed.jsonl", &changed);
    let said = session.run(&["replay", "changed.jsonl", "--check"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains(&format!("something else at record {number}:")), "{}", said.out);
    let lines: Vec<&str> = said.out.lines().skip_while(|line| !line.contains("expected:")).collect();
    assert!(lines[0].contains("Recipient ok") && lines[1].contains("Recipient OK"), "{}", said.out);

    let short: String = changed.lines().take(20).map(|line| format!("{line}\n")).collect();
    session.write("short.jsonl", short + "{\"k\":\"data\",\"t\"");
    let said = session.run(&["replay", "short.jsonl", "--check"]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("✗ line 21 was cut off") && said.out.contains("expected: nothing: it ends here"),
        "{}",
        said.out
    );
    assert!(said.err.contains("in 2 ways"), "{}", said.err);

    let other = session.read("j.jsonl").replacen("\"seed\":1,", "\"seed\":2,", 1);
    session.write("seed.jsonl", other);
    assert_eq!(session.run(&["replay", "seed.jsonl", "--check"]).code, 1);
}

#[test]
fn what_cannot_be_replayed_is_said_clearly() {
    let session = Session::new("errors");
    let told = session.error(&["replay", "jour"], 1);
    assert!(told.contains("did you mean journey?"), "{told}");
    session.write("empty", "");
    assert!(session.error(&["replay", "empty"], 1).contains("empty: it is empty"));
    session.write("text", "hello\u{1b}[31m\n");
    let told = session.error(&["replay", "text"], 1);
    assert!(told.contains("neither a capture") && !told.contains('\u{1b}'), "{told}");
    let told = session.error(&["replay", "."], 1);
    assert!(told.contains("directory"), "{told}");
    assert!(session.error(&["replay", "journey", "--check", "--json"], 2).contains("cannot be used with"));
    let said = session.run(&["replay", "journey", "--pause-at-notes", "--steps", "1"]);
    assert!(said.code == 0 && said.err.contains("no terminal"), "{}", said.err);
}

/// Where the captures that others made are there: one is replayed, and annotated into a transcript of its own.
#[test]
fn a_capture_is_replayed_and_annotated_and_stays_as_it_is() {
    let name = "a_capture_is_replayed_and_annotated_and_stays_as_it_is";
    let corpus = std::env::var_os("POSTROAD_CORPUS").map(std::path::PathBuf::from);
    let capture = corpus.map(|corpus| corpus.join("pcap/own+loopback/msmtp-submission.pcap"));
    let Some(capture) = capture.filter(|path| path.exists()) else {
        assert!(std::env::var_os("POSTROAD_REQUIRE_ALL").is_none(), "{name} may not be skipped");
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("{name}: skipped, no captures\n").as_bytes(),
        )
        .ok();
        return;
    };
    let session = Session::new("capture");
    let bytes = std::fs::read(&capture).expect("it can be read");
    session.write("c.pcap", &bytes);
    assert!(session.steps(&["c.pcap"]).len() > 5, "{}", capture.display());
    let told = session.error(&["annotate", "c.pcap", "--at", "2", "--comment", "x"], 2);
    assert!(told.contains("-o mine.jsonl"), "{told}");
    session.ok(&["annotate", "c.pcap", "--at", "2", "--comment", "Look", "-o", "c.jsonl"]);
    assert!(std::fs::read(session.path("c.pcap")).expect("still there") == bytes);
    let checked = session.ok(&["replay", "c.jsonl", "--check"]);
    assert!(checked.contains("came from no scenario") && checked.contains("1 marks finds"), "{checked}");
}

#[test]
fn what_is_off_in_a_file_is_told_and_the_rest_is_shown() {
    let session = Session::new("torn");
    session.ok(&["journey", "--record", "j.jsonl"]);
    let mut torn = session.read("j.jsonl");
    torn.truncate(torn.len() / 2);
    session.write("torn.jsonl", &torn);
    let said = session.run(&["replay", "torn.jsonl", "--detail", "wire"]);
    assert_eq!(said.code, 0);
    assert!(
        said.err.contains("was cut off") && said.out.contains("RCPT TO:<bob@example.net>"),
        "{}",
        said.err
    );
}

#[test]
fn help_has_examples() {
    let session = Session::new("help");
    for command in ["replay", "transcripts", "annotate", "grade"] {
        let told = session.ok(&[command, "--help"]);
        assert!(told.contains("Examples:") && told.contains(&format!("postroad {command}")), "{told}");
    }
}
