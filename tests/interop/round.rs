//! One round: a lab with its mail on a disk and its recording, a program that visits it, and what must hold afterwards.

use crate::lab::{Lab, records, unexplained};
use crate::rows::{Row, row};
use postroad::base::escape;
use postroad::dissect::{Dissector, Kind, Protocol, Step, Verdict};
use postroad::trace::{Fact, Layer, Record};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Seconds after which a program is no longer waited for.
const PATIENCE: &str = "120";

/// Doors as variables: the word of the board's row, and the variable's name.
const DOORS: [(&str, &str); 8] = [
    ("submission", "SUBMISSION"),
    ("submission in TLS", "SUBMISSIONS"),
    ("submission, the second", "SECOND"),
    ("relay", "RELAY"),
    ("POP3", "POP3"),
    ("POP3 in TLS", "POP3S"),
    ("IMAP", "IMAP"),
    ("IMAP in TLS", "IMAPS"),
];

/// A lab, and a folder to work in.
pub struct Round {
    pub lab: Lab,
    pub folder: tempfile::TempDir,
}

/// Where the packages of Node.js are, which `.ci/run` installs.
fn node_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/interop/node/node_modules")
}

/// Whether something that a row needs is installed.
fn is_there(need: &str) -> bool {
    if let Some(module) = need.strip_prefix("py:") {
        let tried = Command::new("python3").args(["-c", &format!("import {module}")]).output();
        return tried.is_ok_and(|tried| tried.status.success());
    }
    if let Some(package) = need.strip_prefix("npm:") {
        return node_modules().join(package).is_dir();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(need).is_file())
}

/// Whether all of it is there. Says what is not, and fails where nothing may be skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn are_there(test: &str, needs: &[&str]) -> bool {
    let basics = ["sh", "timeout", "grep"];
    let Some(missing) = basics.iter().chain(needs).find(|need| !is_there(need)) else { return true };
    let required = std::env::var_os("POSTROAD_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "{test}: {missing} is not there, and nothing may be skipped");
    eprintln!("skipped {test}: {missing} is not there");
    false
}

/// The program that plays a script, and the script's file; named without what stands behind the dot.
pub fn script(name: &Path) -> (&'static str, String) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let of = |end: &str| Some(scripts.join(name).with_extension(end)).filter(|path| path.is_file());
    let [shell, python, node] = ["sh", "py", "mjs"].map(of);
    let found = shell.map(|f| ("sh", f)).or(python.map(|f| ("python3", f))).or(node.map(|f| ("node", f)));
    let (program, file) = found.unwrap_or_else(|| panic!("{} is no script", name.display()));
    (program, file.to_string_lossy().into_owned())
}

/// Play a row's script, and look at what came of it.
pub fn played(name: &str) {
    let row = row(name);
    if !are_there(name, row.needs) {
        return;
    }
    let round = Round::begin();
    let (program, file) = script(Path::new(name));
    round.run(program, &[&file]);
    round.end(row);
}

impl Round {
    /// Open a lab with everything that the scripts count on.
    pub fn begin() -> Round {
        Round::begin_with(&["--account", "jörg@example.net:umlaut"])
    }

    pub fn begin_with(more: &[&str]) -> Round {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (data, record) = (path("data"), path("record.jsonl"));
        let usual = ["--quiet", "--data", &data, "--record", &record];
        let lab = Lab::open(&[&usual[..], more].concat());
        Round { lab, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The doors and accounts as variables, as the scripts know them.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (service, name) in DOORS {
            all.push((name.to_owned(), self.lab.port(service, "example.com").to_string()));
            all.push((format!("TO_{name}"), self.lab.port(service, "example.net").to_string()));
        }
        all.push(("DNS".to_owned(), self.lab.port("DNS", "").to_string()));
        let place = |name: &str| self.path(name).to_string_lossy().into_owned();
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
        for (name, value) in [
            ("HOST", "127.0.0.1".to_owned()),
            ("FROM", "alice@example.com".to_owned()),
            ("FROM_PASSWORD", "tea-at-four".to_owned()),
            ("TO", "bob@example.net".to_owned()),
            ("TO_PASSWORD", "ship-in-a-bottle".to_owned()),
            ("CA", place("data/ca.pem")),
            ("MAIL", place("data/mail")),
            ("HOME", place("")),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("SCRIPTS", scripts.to_owned()),
            ("NODE_MODULES", node_modules().to_string_lossy().into_owned()),
        ] {
            all.push((name.to_owned(), value));
        }
        all
    }

    /// Run a program in the round's folder; it must succeed. What it said.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let output: Output = Command::new("timeout")
            .args([PATIENCE, program])
            .args(args)
            .envs(self.variables())
            .current_dir(self.folder.path())
            .output()
            .expect("timeout is there");
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{program} {args:?}: {}\n{said}", output.status);
        said
    }

    /// Wait until a letter with these words lies in an account's inbox.
    pub fn arrived(&self, account: &str, words: &str) {
        for _ in 0..1200 {
            let folders = ["new", "cur"].map(|place| self.path("data/mail").join(account).join(place));
            let files =
                folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
            let mut texts = files.filter_map(|file| std::fs::read(file.path()).ok());
            if texts.any(|text| String::from_utf8_lossy(&text).contains(words)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("“{words}” did not come for {account}");
    }

    /// Close the lab, and look at the whole recording: every line is explained, nothing was refused that the row does not
    /// name, and everything that the row claims was said.
    pub fn end(self, row: &Row) {
        let steps = self.told();
        let refused: BTreeSet<String> = steps
            .iter()
            .filter(|step| matches!(step.verdict, Some(Verdict::Negative | Verdict::Transient)))
            .map(|step| format!("{} {} {}", step.protocol.name(), step.verb, step.code))
            .collect();
        let expected: BTreeSet<String> = row.refused.iter().map(|&refused| refused.to_owned()).collect();
        assert_eq!(refused, expected, "{}: what servers refused", row.script);
        for claim in row.speaks {
            assert!(is_said(claim, &steps), "{}: nobody said {claim}", row.script);
        }
    }

    /// Close the lab; its folder, which is gone when that is dropped.
    pub fn close(self) -> tempfile::TempDir {
        let (_, code) = self.lab.close();
        assert_eq!(code, Some(0), "the lab ends well");
        self.folder
    }

    /// Close the lab; the Steps of the recording, all of which must have a note of their own.
    pub fn told(self) -> Vec<Step> {
        let file = self.path("record.jsonl");
        let _folder = self.close();
        let records = records(&file);
        assert!(matches!(records.last(), Some(Record::End { .. })), "{:?}", records.last());
        // Each mailbox is there from the start, and that is said once.
        let created = records.iter().filter_map(|record| match record {
            Record::Fact { fact: Fact::MailboxCreated { account, mailbox, .. }, .. } => {
                Some((account, mailbox))
            }
            _ => None,
        });
        let created: Vec<(&String, &String)> = created.collect();
        assert_eq!(created.iter().collect::<BTreeSet<_>>().len(), created.len(), "{created:?}");
        let unexplained = unexplained(&records);
        assert!(unexplained.is_empty(), "nobody has written a note for {unexplained:#?}");
        let mut dissector = Dissector::new();
        let mut steps: Vec<Step> =
            records.iter().enumerate().flat_map(|(index, record)| dissector.push(index, record)).collect();
        steps.extend(dissector.finish());
        steps
    }
}

/// Whether a client said this, in whatever case; or did it, for what is done and not said.
fn is_said(claim: &str, steps: &[Step]) -> bool {
    let said = |step: &Step| matches!(step.kind, Kind::Command | Kind::Continuation | Kind::Query);
    let upper = |step: &Step| escape::text(&String::from_utf8_lossy(&step.bytes)).to_uppercase();
    let inside = |step: &&Step| step.layer == Layer::Plain && step.protocol != Protocol::Tls;
    match claim {
        "TLS" => steps.iter().filter(inside).any(|plain| {
            let upgraded =
                |step: &Step| step.conn == plain.conn && matches!(&*step.verb, "STARTTLS" | "STLS");
            !steps.iter().any(upgraded)
        }),
        // Two commands of one connection with no reply between them.
        "PIPELINING" => {
            let pair = |pair: &[Step]| {
                said(&pair[0])
                    && said(&pair[1])
                    && pair[0].conn == pair[1].conn
                    && pair[0].kind == pair[1].kind
            };
            steps.windows(2).any(pair)
        }
        "LITERAL+" => steps.iter().any(|step| said(step) && upper(step).contains("+}")),
        "MULTIAPPEND" => {
            steps.iter().any(|step| step.verb == "APPEND" && upper(step).matches("+}").count() > 1)
        }
        "LIST-STATUS" => {
            steps.iter().any(|step| said(step) && upper(step).contains("RETURN (") && step.verb == "LIST")
        }
        claim => steps.iter().any(|step| said(step) && upper(step).contains(claim)),
    }
}
