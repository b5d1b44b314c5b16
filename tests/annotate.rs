//! `postroad annotate` and `postroad grade` as an instructor and a student use them: whole command sessions.

#[path = "support/session.rs"]
mod session;

use session::Session;

/// Everything in a file that is no mark, line by line.
fn recorded(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("{\"k\":\"mark\"")).collect()
}

/// An annotated recording: RCPT is step 14, the reply to the letter step 20.
fn class(name: &str) -> Session {
    let session = Session::new(name);
    let add = |words: &[&str]| session.ok(&[&["annotate", "class.jsonl"], words].concat());
    session.ok(&["annotate", "journey", "-o", "class.jsonl", "--at", "14", "--comment", "The envelope"]);
    add(&["--at", "14", "--highlight", "bob@example.net"]);
    add(&["--at", "14", "--question", "Who reads this?", "--answer", "The next server", "--wrong", "Bob"]);
    add(&[
        "--at",
        "20",
        "--chapter",
        "Responsibility",
        "--pause",
        "--comment",
        "From here on",
        "--author",
        "Ms Hill",
    ]);
    session
}

#[test]
fn marks_are_added_listed_edited_and_removed_and_no_byte_changes() {
    let session = class("marks");
    let library = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts/journey.jsonl"));
    let library = library.expect("the library is there");
    assert_eq!(recorded(&session.read("class.jsonl")), recorded(&library));

    let listed = session.ok(&["annotate", "class.jsonl", "--list"]);
    let expected = "  \
  1  m1   comment    step 14  RCPT TO:<bob@example.net>
          The envelope
  2  m2   highlight  step 14  bob@example.net
  3  q1   question   step 14  RCPT TO:<bob@example.net>
          Who reads this?
          ✗ Bob
          ✓ The next server
  4  m5   chapter    step 20  250 2.0.0 OK: queued as 2E · Ms Hill
          Responsibility
  5  m3   comment    step 20  250 2.0.0 OK: queued as 2E · Ms Hill
          From here on
  6  m4   pause      step 20  250 2.0.0 OK: queued as 2E · Ms Hill
";
    assert_eq!(listed.trim_start(), expected.trim_start(), "{listed}");

    session.ok(&["annotate", "class.jsonl", "--edit", "1", "The envelope decides"]);
    session.ok(&["annotate", "class.jsonl", "--remove", "2"]);
    let listed = session.ok(&["annotate", "class.jsonl", "--list"]);
    assert!(listed.contains("The envelope decides") && !listed.contains("highlight"), "{listed}");
    assert_eq!(recorded(&session.read("class.jsonl")), recorded(&library));
    let checked = session.ok(&["replay", "class.jsonl", "--check"]);
    assert!(checked.contains("each of the 5 marks finds its place"), "{checked}");
}

#[test]
fn marks_are_shown_where_they_belong() {
    let session = class("shown");
    let lines = session.lines(&["class.jsonl", "--steps", "20..20"]);
    let kind = |line: &serde_json::Value| {
        let key = if line["type"] == "mark" { "kind" } else { "type" };
        line[key].as_str().expect("a type").to_owned()
    };
    let kinds: Vec<String> = lines.iter().map(kind).collect();
    // The instructor's chapter stands before the step, so that step 19 is the last one before it.
    assert_eq!(kinds, ["chapter", "step", "comment", "pause", "summary"]);
    let lines = session.lines(&["class.jsonl", "--steps", "19..20"]);
    assert!(
        lines.iter().any(|line| kind(line) == "chapter" && line["text"] == "Responsibility"),
        "{lines:?}"
    );
    let marks = session.lines(&["class.jsonl", "--filter", "mark and text envelope"]);
    assert_eq!((marks[1]["text"].as_str(), marks.len()), (Some("The envelope"), 3), "{marks:?}");
    let told = session.ok(&["replay", "class.jsonl", "--filter", "mark"]);
    for row in
        ["✎ comment  “RCPT TO:<bob@example.net>” The envelope", "(a) Bob (b) The next server", "stop here"]
    {
        assert!(told.contains(row), "{row}: {told}");
    }
    let told = session.ok(&["replay", "class.jsonl", "--chapter", "Responsibility", "--detail", "wire"]);
    assert!(told.contains("250 2.0.0 OK: queued as 2E") && !told.contains("RCPT TO"), "{told}");
}

#[test]
fn each_form_shows_what_was_highlighted() {
    let session = class("forms");
    session.ok(&["annotate", "class.jsonl", "--at", "14", "--chapter", "The envelope, alone"]);
    // MAIL, RCPT and DATA came in one go: the chapter begins before RCPT all the same, and its marks stand before DATA.
    let told = session.ok(&["replay", "class.jsonl", "--detail", "wire"]);
    let at = |text: &str| told.find(text).unwrap_or_else(|| panic!("{text}: {told}"));
    let order =
        ["MAIL FROM", "── ✎ The envelope, alone ─", "RCPT TO", "▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔", "✎ question", "▶ C  DATA"];
    assert!(order.map(at).is_sorted(), "{told}");
    let rows: Vec<&str> = told.lines().collect();
    let row = rows.iter().position(|row| row.contains("RCPT TO")).expect("the line is told");
    let column = |row: &str, text: &str| row.find(text).map(|at| row[..at].chars().count());
    assert_eq!(column(rows[row], "bob@"), column(rows[row + 1], "▔"), "{told}");

    let export = |format: &str| session.ok(&["export", "class.jsonl", "--format", format]);
    let document = export("markdown");
    assert!(
        document.contains("  C: RCPT TO:<bob@example.net>\n              ^^^^^^^^^^^^^^^\n"),
        "{document}"
    );
    assert!(document.contains("### The envelope, alone"), "{document}");
    assert!(export("svg").contains("&lt;<tspan class=\"marked\">bob@example.net</tspan>&gt;"));
    assert!(export("html").contains("<mark>"));
    assert!(export("asciicast").contains("▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔"));
    assert!(export("mermaid").contains("highlight: “bob@example.net”"));
    session.ok(&["export", "class.jsonl", "-o", "class.pcapng"]);
    let capture = std::fs::read(session.path("class.pcapng")).expect("a capture");
    let holds = |text: &str| capture.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(
        holds("✎ comment: “RCPT TO:<bob@example.net>” The envelope") && holds("✎ question: Who reads this?")
    );
    let told = session.error(&["export", "class.jsonl", "-o", "class.doc"], 2);
    assert!(
        told.contains("the ending of class.doc names no format") && told.contains("html, pcapng"),
        "{told}"
    );
}

#[test]
fn a_mark_quotes_no_password() {
    let session = Session::new("password");
    let log_in =
        &session.steps(&["journey", "--filter", "pop3 verb PASS from client"])[0]["number"].to_string();
    session.ok(&["annotate", "journey", "-o", "a.jsonl", "--at", log_in, "--comment", "Logs in"]);
    session.ok(&["annotate", "a.jsonl", "--at", log_in, "--highlight", "5..9"]);
    let text = session.read("a.jsonl");
    let marks: Vec<&str> = text.lines().filter(|line| line.contains("\"mark\"")).collect();
    assert!(marks.len() == 2 && marks[0].contains("PASS …"), "{marks:?}");
    for said in
        [marks.concat(), session.ok(&["annotate", "a.jsonl", "--list"]), session.ok(&["replay", "a.jsonl"])]
    {
        assert!(!said.contains("ship-in-a-bottle") && !said.contains("\"ship"), "{said}");
    }
    assert!(session.ok(&["replay", "a.jsonl", "--check"]).contains("each of the 2 marks finds its place"));
}

#[test]
fn marks_survive_a_new_recording_where_the_step_is_still_there() {
    let session = class("onto");
    // Another seed: another queue id in the reply to the letter. The rest is the same.
    session.ok(&["journey", "--seed", "9", "--record", "new.jsonl"]);
    let report = session.ok(&["annotate", "class.jsonl", "--onto", "new.jsonl"]);
    assert!(
        report.starts_with("6 marks: 3 where they were, 3 on a line that reads otherwise now, 0 lost"),
        "{report}"
    );
    let listed = session.ok(&["annotate", "new.jsonl", "--list"]);
    assert_eq!(listed.matches("step 20").count(), 3, "{listed}");
    assert!(session.ok(&["replay", "new.jsonl", "--check"]).contains("each of the 6 marks finds its place"));

    // The same letter on its way through the backup server: what was marked happened before.
    session.ok(&["journey", "--break", "mx1-down", "--record", "down.jsonl"]);
    let report = session.ok(&["annotate", "class.jsonl", "--onto", "down.jsonl", "-o", "down2.jsonl"]);
    assert!(report.contains("6 where they were"), "{report}");
    assert!(!session.read("down.jsonl").contains("\"k\":\"mark\""), "NEW itself stays as it was");

    // A story without that step: it is said, and nothing is thrown away.
    session.ok(&["journey", "--to", "carol@example.com", "--record", "carol.jsonl"]);
    let report = session.ok(&["annotate", "class.jsonl", "--onto", "carol.jsonl", "-o", "c.jsonl"]);
    assert!(report.contains("1 lost") && report.contains("✗ highlight on bob@example.net"), "{report}");
    let listed = session.ok(&["annotate", "c.jsonl", "--list"]);
    assert!(listed.contains("lost: what it is about is not in this recording"), "{listed}");
    let checked = session.run(&["replay", "c.jsonl", "--check"]);
    assert!(checked.code == 1 && checked.out.contains("✗ the place of the highlight"), "{}", checked.out);
}

#[test]
fn a_students_answers_are_taken_out_and_graded() {
    let session = class("grade");
    session.ok(&[
        "annotate",
        "class.jsonl",
        "-o",
        "ann.jsonl",
        "--at",
        "14",
        "--comment",
        "where it goes",
        "--author",
        "Ann",
    ]);
    session.ok(&["annotate", "ann.jsonl", "--at", "13", "--comment", "=HYPERLINK(\"x\")", "--author", "Ann"]);
    session.ok(&["annotate", "ann.jsonl", "--reply-to", "q1", "--answer", "a", "--author", "Ann"]);
    session.ok(&["annotate", "ann.jsonl", "--extract", "--author", "Ann", "-o", "ann.json"]);
    session.ok(&[
        "annotate",
        "class.jsonl",
        "-o",
        "ben.jsonl",
        "--reply-to",
        "q1",
        "--answer",
        "the next server.",
    ]);
    session.ok(&["annotate", "ben.jsonl", "--extract", "-o", "ben.json"]);

    let told = session.ok(&["grade", "class.jsonl", "ann.json", "ben.json"]);
    for row in [
        "Ann (ann.json): 1 of 2 lines explained, 0 of 1 questions right",
        "  ✓ RCPT TO:<bob@example.net>: where it goes",
        "  ✗ 250 2.0.0 OK: queued as 2E: not explained",
        "  ✗ Who reads this? a, and not The next server",
        // Ben sent back what was handed out, and answered.
        "ben.json: 0 of 2 lines explained, 1 of 1 questions right",
    ] {
        assert!(told.contains(row), "{row}: {told}");
    }

    let csv = session.ok(&["grade", "class.jsonl", "ann.json", "--csv"]);
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(rows[0], "student,file,kind,id,line,expected,given,result");
    assert_eq!(
        rows[1],
        "Ann,ann.json,line,m1,\"RCPT TO:<bob@example.net>\",\"The envelope\",\"where it goes\",explained"
    );
    assert_eq!(rows[3], "Ann,ann.json,question,q1,\"Who reads this?\",\"The next server\",a,wrong");
    assert!(rows[4].contains("\"'=HYPERLINK(\"\"x\"\")\"") && rows[4].ends_with("further"), "{}", rows[4]);

    session.write("other.json", "{\"format\":\"x\"}");
    assert!(session.error(&["grade", "class.jsonl", "other.json"], 1).contains("no answers file"));
    let whole = session.error(&["grade", "class.jsonl", "class.jsonl"], 1);
    assert!(whole.contains("is a whole recording") && whole.contains("--extract"), "{whole}");
    assert!(session.error(&["grade", "journey", "ann.json"], 1).contains("no comments and no questions"));
}

#[test]
fn mistakes_are_said_clearly() {
    let session = class("mistakes");
    let before = session.read("class.jsonl");
    for (words, code, said) in [
        (&["class.jsonl"][..], 2, "nothing to do"),
        (&["class.jsonl", "--comment", "x"], 2, "which step"),
        (&["class.jsonl", "--at", "9999", "--comment", "x"], 2, "steps 1 to 108"),
        (&["class.jsonl", "--at", "14"], 2, "what is to be added"),
        (&["class.jsonl", "--at", "14", "--highlight", "nobody@"], 2, "does not stand in step 14"),
        (&["class.jsonl", "--at", "14", "--highlight", "5..900"], 2, "bytes 0..27"),
        (&["class.jsonl", "--at", "14", "--comment", "x", "--remove", "1"], 2, "more than one thing"),
        (&["class.jsonl", "--at", "14", "--question", "x"], 2, "--answer"),
        (&["class.jsonl", "--at", "14", "--comment", "x", "--answer", "y"], 2, "to which question"),
        (&["class.jsonl", "--at", "x", "--comment", "y"], 2, "a step is named by its number"),
        (&["class.jsonl", "--at", "14", "--comment", " "], 2, "--comment was given no words"),
        (&["class.jsonl", "--at", "7", "--highlight", "0..1"], 2, "no bytes to highlight"),
        (
            &["class.jsonl", "--at", "14", "--question", "x", "--answer", "y", "--wrong", "y"],
            2,
            "and as a wrong one",
        ),
        (&["class.jsonl", "--remove", "77"], 2, "numbered 1 to 6"),
        (&["class.jsonl", "--edit", "x", "y"], 2, "no number"),
        (&["class.jsonl", "--reply-to", "q7", "--answer", "y"], 2, "there is q1"),
        (&["journey", "--at", "1", "--comment", "x"], 2, "-o mine.jsonl"),
        (&["no/such.jsonl", "--list"], 1, "no file"),
    ] {
        let told = session.error(&[&["annotate"], words].concat(), code);
        assert!(told.contains(said), "{words:?}: {told}");
    }
    assert_eq!(session.read("class.jsonl"), before);
    // A file with a broken line is not written over: the line would be lost.
    session.write("torn.jsonl", before.clone() + "{\"k\":\"da");
    let told = session.error(&["annotate", "torn.jsonl", "--remove", "1"], 1);
    assert!(told.contains("would be lost") && told.contains("-o OUT"), "{told}");
    session.ok(&["annotate", "torn.jsonl", "--remove", "1", "-o", "mended.jsonl"]);
    assert!(!session.read("mended.jsonl").contains("\"m1\""));
}

#[test]
fn hostile_marks_steer_no_terminal() {
    let session = class("hostile");
    let evil = "\u{1b}[2J\u{202e}evil\u{7}";
    session.ok(&["annotate", "class.jsonl", "--at", "1", "--comment", evil, "--author", evil]);
    session.ok(&["annotate", "class.jsonl", "--extract", "-o", "a.json"]);
    for words in [
        &["annotate", "class.jsonl", "--list"][..],
        &["replay", "class.jsonl"],
        &["replay", "class.jsonl", "--json"],
        &["grade", "class.jsonl", "a.json"],
        &["grade", "class.jsonl", "a.json", "--csv"],
    ] {
        let told = session.ok(words);
        assert!(
            !told.contains('\u{1b}') && !told.contains('\u{202e}') && !told.contains('\u{7}'),
            "{words:?}"
        );
    }
}
