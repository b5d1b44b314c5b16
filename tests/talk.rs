//! Talking by hand: what is typed at a server of the simulated internet is answered, explained and coached; lines can be
//! taken back; and the command does the same, line by line.

#[path = "support/session.rs"]
mod session;
mod support;

use assert_cmd::Command;
use postroad::base::Secret;
use postroad::dissect::Protocol;
use postroad::trace::{Head, Record};
use postroad::view::runner::Order;
use postroad::view::talk::{Desk, Login, Mode, Talk, Ways};
use postroad::world::{self, scenario::Scenario};
use session::Session;

/// A talk with a server of the journey's world, in which one letter was sent.
struct Sitting {
    talk: Talk,
    scenario: Scenario,
}

impl Sitting {
    fn at(protocol: Protocol, port: u16) -> Self {
        Sitting::after(1, protocol, port)
    }

    /// The same where nobody has sent anything.
    fn quiet(protocol: Protocol, port: u16) -> Self {
        Sitting::after(0, protocol, port)
    }

    fn after(acts: usize, protocol: Protocol, port: u16) -> Self {
        Sitting::in_story("journey", acts, protocol, port)
    }

    fn in_story(name: &str, acts: usize, protocol: Protocol, port: u16) -> Self {
        let mut scenario = Scenario::builtin(name).expect("loads");
        scenario.acts.truncate(acts);
        let base = world::run(&scenario, &[]).expect("a runtime");
        let Some(Record::Head(head)) = base.first() else { panic!("no head") };
        let login =
            Login { account: "bob@example.net".to_owned(), password: Secret::new("ship-in-a-bottle") };
        let desk = Desk {
            protocol,
            from: "student-laptop.example.org".to_owned(),
            to: "mx1.example.net".to_owned(),
            port,
            after: base.len() as u64 - 1,
            sender: "student@example.org".to_owned(),
            logins: vec![login],
        };
        let order = Order { head: Head::clone(head), changes: Vec::new() };
        let mut sitting = Sitting { talk: Talk::new(order, desk), scenario };
        sitting.run();
        sitting
    }

    fn run(&mut self) {
        let changes = self.talk.order().changes;
        let read = |change: &postroad::trace::Change| {
            serde_json::from_value(change.to_value()).expect("the world reads it")
        };
        let changes: Vec<world::Change> = changes.iter().map(read).collect();
        self.talk.told(world::run(&self.scenario, &changes).expect("a runtime"));
    }

    /// Type a line; gives the server's answer code.
    fn say(&mut self, line: &str) -> String {
        if self.talk.enter(line).expect("it is taken") {
            self.run();
        }
        self.talk.last_answer().map(|step| step.code.to_string()).unwrap_or_default()
    }

    /// Type what the program proposes, until there is nothing more; gives the first words of what was typed.
    fn follow(&mut self) -> Vec<String> {
        let mut typed = Vec::new();
        while let Some(shown) = self.talk.show() {
            assert!(typed.len() < 30, "{typed:?}");
            typed.push(shown.lines[0].clone());
            for line in &shown.lines {
                self.say(line);
            }
            let answer = self.talk.last_answer().expect("every line is answered");
            let yes = !matches!(answer.verdict, Some(postroad::dissect::Verdict::Negative));
            assert!(yes, "{typed:?}: {}", String::from_utf8_lossy(&answer.bytes));
        }
        typed
    }
}

#[test]
fn the_proposed_lines_make_a_whole_session_in_each_protocol() {
    let typed = Sitting::at(Protocol::Smtp, 25).follow();
    assert_eq!(typed.len(), 6, "{typed:?}");
    assert!(typed[0].starts_with("EHLO") && typed[5] == "QUIT", "{typed:?}");
    let typed = Sitting::at(Protocol::Pop3, 110).follow();
    assert_eq!(typed[..3], ["USER bob@example.net", "PASS ship-in-a-bottle", "STAT"]);
    assert_eq!(typed.last().map(String::as_str), Some("QUIT"));
    let typed = Sitting::at(Protocol::Imap, 143).follow();
    assert_eq!(typed[..2], ["a1 CAPABILITY", "a2 LOGIN bob@example.net ship-in-a-bottle"]);
    assert!(typed.last().is_some_and(|line| line.ends_with("LOGOUT")), "{typed:?}");
}

#[test]
fn a_submission_server_wants_a_login_first() {
    let typed = Sitting::at(Protocol::Smtp, 587).follow();
    assert!(typed[1].starts_with("AUTH PLAIN "), "{typed:?}");
}

#[test]
fn a_message_is_one_piece_up_to_its_dot_and_lines_of_it_can_be_taken_back() {
    let mut sitting = Sitting::at(Protocol::Smtp, 25);
    for line in ["EHLO me.example.org", "MAIL FROM:<me@example.org>", "RCPT TO:<bob@example.net>", "DATA"] {
        sitting.say(line);
    }
    assert_eq!(sitting.talk.mode(), Mode::Message);
    for line in ["Subject: x", "", "helo", "..dot"] {
        assert_eq!(sitting.talk.enter(line), Ok(false), "nothing is sent before the dot");
    }
    assert_eq!(sitting.talk.undo(), Some(("..dot".to_owned(), false)));
    assert!(sitting.say(".").starts_with("250"));
    assert_eq!(sitting.talk.mode(), Mode::Command);
    assert_eq!(sitting.talk.pieces().last().map(String::as_str), Some("Subject: x\r\n\r\nhelo\r\n.\r\n"));
}

#[test]
fn who_begins_tls_is_told_that_it_cannot_be_typed() {
    let mut sitting = Sitting::in_story("journey-starttls", 0, Protocol::Smtp, 25);
    sitting.say("EHLO me.example.org");
    assert_eq!(sitting.say("STARTTLS"), "220 2.0.0");
    let told = |sitting: &Sitting| {
        assert!(sitting.talk.verbs().is_empty() && sitting.talk.show().is_none());
        let hint = sitting.talk.hint(Ways::KEYS).expect("a hint");
        assert!(hint.contains("no hand can type") && hint.contains("`ctrl-b` takes STARTTLS"), "{hint}");
    };
    told(&sitting);
    sitting.say("EHLO me.example.org");
    told(&sitting);
    assert_eq!(sitting.talk.mode(), Mode::Over, "a line in clear is no handshake");
    let refused = sitting.talk.enter("QUIT").expect_err("nobody listens");
    assert!(refused.contains("`:undo` takes STARTTLS"), "{refused}");
    while sitting.talk.pieces().len() > 1 {
        sitting.talk.undo();
    }
    sitting.run();
    assert!(sitting.talk.verbs().contains(&"STARTTLS") && sitting.talk.hint(Ways::KEYS).is_none());
}

#[test]
fn a_line_that_is_taken_back_was_never_said() {
    let mut sitting = Sitting::at(Protocol::Pop3, 110);
    sitting.say("USER bob@example.net");
    let before = sitting.talk.records().to_vec();
    assert_eq!(sitting.talk.verbs(), ["PASS", "CAPA", "QUIT"]);
    sitting.say("QUIT");
    assert_eq!(sitting.talk.mode(), Mode::Over);
    assert!(sitting.talk.enter("STAT").is_err());
    assert_eq!(sitting.talk.undo(), Some(("QUIT".to_owned(), true)));
    sitting.run();
    assert_eq!(sitting.talk.records(), before);
    assert_eq!(sitting.talk.mode(), Mode::Command);
}

#[test]
fn after_a_mistake_the_coach_says_what_was_expected() {
    let mut smtp = Sitting::at(Protocol::Smtp, 25);
    assert_eq!(smtp.talk.hint(Ways::WORDS), None);
    for (line, word) in [
        ("RCTP TO:<x@example.net>", "did you mean RCPT"),
        ("DATA", "DATA has its place elsewhere"),
        ("FROB", "Now the server expects one of: EHLO, HELO"),
    ] {
        smtp.say(line);
        let hint = smtp.talk.hint(Ways::WORDS).unwrap_or_default();
        assert!(hint.contains(word), "{line}: {hint}");
    }
    smtp.say("EHLO me.example.org");
    assert_eq!(smtp.talk.hint(Ways::WORDS), None, "a yes needs no hint");
    let mut imap = Sitting::at(Protocol::Imap, 143);
    imap.say("CAPABILITY");
    assert!(
        imap.talk.hint(Ways::WORDS).is_some_and(|hint| hint.contains("tag")),
        "{:?}",
        imap.talk.hint(Ways::WORDS)
    );
    imap.say("a2 SELECT INBOX");
    assert!(
        imap.talk.hint(Ways::WORDS).is_some_and(|hint| hint.contains("LOGIN")),
        "{:?}",
        imap.talk.hint(Ways::WORDS)
    );
}

#[test]
fn only_what_is_legal_now_is_completed() {
    let mut smtp = Sitting::at(Protocol::Smtp, 25);
    assert_eq!(smtp.talk.completions("e"), ["EHLO", "EXPN"]);
    assert!(smtp.talk.completions("MA").is_empty(), "MAIL comes after EHLO");
    smtp.say("EHLO me.example.org");
    assert_eq!(smtp.talk.completions("ma"), ["MAIL FROM:<"]);
    let mut imap = Sitting::at(Protocol::Imap, 143);
    assert_eq!(imap.talk.completions(""), ["a1 "]);
    assert_eq!(imap.talk.completions("x LOGI"), ["x LOGIN"]);
    imap.say("x LOGIN bob@example.net ship-in-a-bottle");
    assert!(imap.talk.completions("y LOGI").is_empty());
    assert_eq!(imap.talk.completions("y sel"), ["y SELECT"]);
}

#[test]
fn idle_waits_for_done_only() {
    let mut imap = Sitting::at(Protocol::Imap, 143);
    imap.say("a LOGIN bob@example.net ship-in-a-bottle");
    imap.say("b SELECT INBOX");
    imap.say("c IDLE");
    assert_eq!((imap.talk.verbs(), imap.talk.mode()), (vec!["DONE"], Mode::Command));
    assert_eq!(imap.talk.show().map(|shown| shown.lines), Some(vec!["DONE".to_owned()]));
    imap.say("DONE");
    assert!(imap.talk.verbs().contains(&"FETCH"));
}

#[test]
fn passwords_are_typed_and_not_shown() {
    let mut pop3 = Sitting::at(Protocol::Pop3, 110);
    pop3.say("USER bob@example.net");
    pop3.say("PASS ship-in-a-bottle");
    let typed = pop3.talk.last_said().map(|step| pop3.talk.typed(step)).unwrap_or_default();
    assert!(typed.starts_with("PASS ") && !typed.contains("bottle"), "{typed}");
}

#[test]
fn nothing_that_is_typed_breaks_it() {
    let mut random = fastrand::Rng::with_seed(7);
    for (protocol, port) in [(Protocol::Smtp, 25), (Protocol::Pop3, 110), (Protocol::Imap, 143)] {
        let mut sitting = Sitting::at(protocol, port);
        for _ in 0..25 {
            let line: String = match random.u8(0..4) {
                0 => (0..random.usize(0..30)).map(|_| random.char(..)).filter(|c| *c != '\n').collect(),
                1 => format!(
                    "a{} {}",
                    random.u8(..),
                    random.choice(["FETCH {9}", "IDLE", "LOGIN", "APPEND INBOX {3}"]).unwrap_or("")
                ),
                2 => random
                    .choice(["DATA", ".", "..", "AUTH LOGIN", "BDAT 9", "*", "USER x", "PASS"])
                    .unwrap_or("")
                    .to_string(),
                _ => sitting.talk.show().map_or(String::new(), |shown| shown.lines[0].clone()),
            };
            if sitting.talk.enter(&line).unwrap_or(false) {
                sitting.run();
            }
            let _ = (sitting.talk.hint(Ways::WORDS), sitting.talk.completions(&line), sitting.talk.mode());
            if random.u8(..) < 40 && sitting.talk.undo().is_some_and(|(_, sent)| sent) {
                sitting.run();
            }
        }
    }
}

/// The recordings that the pane's own tests show, made as they say. `POSTROAD_BLESS=1` writes them.
#[test]
fn the_recordings_of_the_pane_are_what_a_world_gives() {
    let sessions: [(&str, &[&str]); 3] = [
        ("greeting", &[]),
        ("mistake", &["EHLO me.example.org", "RCTP TO:<bob@example.net>"]),
        (
            "message",
            &["EHLO me.example.org", "MAIL FROM:<student@example.org>", "RCPT TO:<bob@example.net>", "DATA"],
        ),
    ];
    for (name, lines) in sessions {
        let mut sitting = Sitting::quiet(Protocol::Smtp, 25);
        lines.iter().for_each(|line| drop(sitting.say(line)));
        let mut writer = postroad::trace::file::Writer::new(Vec::new());
        sitting.talk.records().iter().for_each(|record| writer.write(record).expect("it is written"));
        let bytes = writer.finish().expect("it is written");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/talk/{name}.jsonl"));
        if std::env::var_os("POSTROAD_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            std::fs::write(&path, &bytes).expect("it can be written");
        }
        assert!(
            std::fs::read(&path).expect("it is there") == bytes,
            "{name}: POSTROAD_BLESS=1 writes it anew"
        );
    }
}

// ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────

fn piped(words: &[&str], input: &str) -> (String, String, bool) {
    let mut command = Command::cargo_bin("postroad").expect("the binary is built");
    command.env_remove("COLUMNS").env_remove("CLICOLOR_FORCE");
    let output = command.arg("talk").args(words).write_stdin(input).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[test]
fn a_piped_session_is_told_line_by_line() {
    let (out, err, ok) = piped(&["smtp"], "EHLO me.example.org\nRCPT TO:<bob@example.net>\nQUIT\n");
    assert!(ok && err.is_empty(), "{err}");
    for word in [
        "call mx1.example.net, port 25",
        "220 mx1.example.net",
        "503 5.5.1",
        "hint: RCPT has its place elsewhere",
        "221 2.0.0",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn the_command_proposes_takes_back_and_keeps() {
    let session = Session::new("talk");
    let path = session.path("session.jsonl");
    let path = path.to_str().expect("a plain path");
    let input = ":show\n:next\n:next\nSTAT\n:undo\n:verbs\n:nonsense\n:quit\nnever\n";
    let (out, err, ok) = piped(&["pop3", "--record", path], input);
    assert!(ok && err.is_empty(), "{err}");
    for word in ["▸ USER bob@example.net", "+OK", "The last line is taken back.", "RETR", ":hang-up"] {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert!(!out.contains("never"));
    assert!(!out.contains("PASS ship-in-a-bottle"), "what is told hides passwords");
    let steps = session.steps(&["session.jsonl"]);
    assert!(
        steps.iter().any(|step| step["verb"] == "PASS") && steps.iter().all(|step| step["verb"] != "STAT")
    );
    session.ok(&["replay", "--check", "session.jsonl"]);
}

#[test]
fn hosts_and_ports_are_found_or_told() {
    let (out, _, ok) = piped(&["smtp", "mail.example.com:587"], ":next\n:next\n:next\n");
    assert!(ok && out.contains("235 2.7.0") && out.contains("MAIL FROM:<alice@example.com>"), "{out}");
    let (_, err, ok) = piped(&["pop3", "mx2.example.net"], "");
    assert!(!ok && err.contains("hosts that do: mail.example.com, mx1.example.net"), "{err}");
    let (_, err, ok) = piped(&["smtp", "mx1.example.net:x"], "");
    assert!(!ok && err.contains("is no port"), "{err}");
    let (out, _, ok) = piped(&["smtp", "--break", "mx1-down"], "HELO me\n");
    assert!(ok && out.contains("refused"), "{out}");
}
