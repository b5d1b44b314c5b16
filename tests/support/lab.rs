//! A lab that runs for a test: the program is started on free ports, and spoken to over real sockets.
#![allow(dead_code, reason = "each test file uses its own part of it")]

#[path = "drained.rs"]
pub mod drained;

use drained::Drained;
use postroad::explain::{Item, Story};
use postroad::trace::{Record, Transcript};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one answer may take, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A lab that runs; ended when the test is.
pub struct Lab {
    pub child: Child,
    pub out: BufReader<Drained>,
    /// By the row's words and the column's domain; the DNS has no domain.
    pub ports: BTreeMap<(String, String), u16>,
    /// Where its authority is kept.
    pub home: PathBuf,
}

impl Lab {
    /// Start one, and read its board.
    pub fn open(args: &[&str]) -> Lab {
        Lab::start(args, Stdio::null())
    }

    /// The same, to which something can be typed.
    pub fn typed(args: &[&str]) -> Lab {
        Lab::start(args, Stdio::piped())
    }

    /// Where it is typed.
    pub fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("it is piped")
    }

    fn start(args: &[&str], input: Stdio) -> Lab {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
        command.args(["lab", "--port-base", "0"]).args(args);
        if !args.contains(&"--quiet") {
            command.arg("--plain");
        }
        // The authority for TLS is made in a folder of its own; each test is a program of its own under nextest.
        static LABS: AtomicUsize = AtomicUsize::new(0);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let home = format!("postroad-lab-home-{}-{number}", std::process::id());
        let home = std::env::temp_dir().join(home);
        command.env("XDG_DATA_HOME", &home);
        command.env_remove("CLICOLOR_FORCE").stdin(input).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut out = BufReader::new(Drained::from(child.stdout.take().expect("it is piped")));
        let (mut ports, mut domains) = (BTreeMap::new(), Vec::new());
        loop {
            let mut line = String::new();
            out.read_line(&mut line).expect("it speaks");
            assert!(!line.is_empty(), "the board is not whole: {ports:?}");
            if line.contains("Ctrl-C closes the lab") {
                break;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if words == ["example.com", "example.net"] {
                domains = words.iter().map(|word| (*word).to_owned()).collect();
                continue;
            }
            let numbers: Vec<u16> = words.iter().rev().map_while(|word| word.parse().ok()).collect();
            let name = words[..words.len() - numbers.len()].join(" ");
            match numbers.as_slice() {
                [second, first] if !domains.is_empty() => {
                    ports.insert((name.clone(), domains[0].clone()), *first);
                    ports.insert((name, domains[1].clone()), *second);
                }
                [only] if name.starts_with("DNS") => {
                    ports.insert((name, String::new()), *only);
                }
                _ => {}
            }
        }
        Lab { child, out, ports, home }
    }

    pub fn port(&self, service: &str, domain: &str) -> u16 {
        let is = |key: &&(String, String)| {
            key.0.starts_with(service)
                && key.0.ends_with("in TLS") == service.ends_with("in TLS")
                && key.1 == domain
        };
        let key = self.ports.keys().find(is);
        *key.and_then(|key| self.ports.get(key)).unwrap_or_else(|| panic!("{service}: {:?}", self.ports))
    }

    pub fn call(&self, service: &str, domain: &str) -> Talk {
        Talk::to(self.port(service, domain))
    }

    /// Every door at which SMTP is spoken.
    pub fn smtp_doors(&self) -> Vec<(String, u16)> {
        let named = |key: &(String, String)| key.0.starts_with("submission") || key.0.starts_with("relay");
        let smtp = |key: &(String, String)| named(key) && !key.0.ends_with("in TLS");
        let doors = self.ports.iter().filter(|(key, _)| smtp(key));
        doors.map(|(key, port)| (format!("{} of {}", key.0, key.1), *port)).collect()
    }

    /// Send it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Close it as Ctrl-C does; gives what it told since the board, and its exit code.
    pub fn close(mut self) -> (String, Option<i32>) {
        self.signal("-INT");
        let mut told = String::new();
        self.out.read_to_string(&mut told).expect("it ends");
        (told, self.child.wait().expect("it ends").code())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A conversation over a real socket.
pub struct Talk(pub BufReader<TcpStream>);

impl Talk {
    pub fn to(port: u16) -> Talk {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        Talk(BufReader::new(stream))
    }

    pub fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("it listens");
    }

    /// The next line; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("it answers");
        line
    }

    /// Say this, and hear the whole reply of an SMTP server: its last line.
    pub fn smtp(&mut self, line: &str) -> String {
        self.say(line);
        self.reply()
    }

    pub fn reply(&mut self) -> String {
        loop {
            let line = self.line();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Say this, and hear everything up to a line that begins so.
    pub fn until(&mut self, say: &str, begins: &str) -> String {
        self.say(say);
        let mut heard = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "{say}: the stream ended after {heard}");
            heard.push_str(&line);
            if line.starts_with(begins) {
                return heard;
            }
        }
    }

    /// What still comes until the server ends the stream.
    pub fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("it ends in good order");
        rest
    }
}

/// What was recorded.
pub fn records(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).expect("it was recorded");
    Transcript::read(bytes.as_slice()).expect("it is a transcript").0.records
}

/// Lines of a recording for which nobody has written a note.
pub fn unexplained(records: &[Record]) -> Vec<String> {
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let mut story = Story::new(head);
    let items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
    let generic = items.iter().filter_map(|item| match item {
        Item::Step(step, note) if note.is_generic() => {
            Some(format!("{:?} {} {}", step.kind, step.verb, step.code))
        }
        _ => None,
    });
    generic.collect()
}
