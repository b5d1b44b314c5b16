//! The lab under load: messages a second with tracing off, recorded, and told in lines, in one run; what a thousand idle
//! connections take; and messages a second beside other servers.
//!
//! `cargo bench --bench lab`. The lab is the program itself, started on free ports; letters of 4 KB come from 20 sessions at
//! once over loopback sockets, for an account of the same domain (no relay). It needs some 2 100 open files
//! (`ulimit -n 4096`), and reads memory from /proc.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "lab/beside.rs"]
mod beside;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sessions at once, letters in each, octets of a letter.
const LOAD: (usize, usize, usize) = (20, 250, 4096);
/// Rounds of each manner; they take turns, so that what else the machine does falls on all of them.
const ROUNDS: usize = 5;

fn main() {
    // Under `cargo test` a bench is only built and started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let record = std::env::temp_dir().join(format!("postroad-bench-{}.jsonl", std::process::id()));
    let file = record.to_string_lossy().into_owned();
    let manners: [(&str, Vec<&str>); 3] = [
        ("tracing off", vec!["--quiet"]),
        ("recorded", vec!["--quiet", "--record", &file]),
        ("told in lines", vec!["--plain"]),
    ];
    let mut figures: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (manner, rates) in manners.iter().zip(&mut figures) {
            rates.push(rate(&manner.1));
        }
    }
    let _ = std::fs::remove_file(&record);
    let medians = figures.each_ref().map(|rates| median(rates));
    println!("{:<16} {:>12} {:>8}", "tracing", "messages/s", "ratio");
    for ((name, _), median) in manners.iter().zip(medians) {
        println!("{name:<16} {median:>12.0} {:>8.2}", median / medians[0]);
    }
    idle();
    beside::run();
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A lab, ended when this is dropped.
struct Lab {
    child: Child,
    submission: u16,
    imap: u16,
}

impl Lab {
    fn open(args: &[&str]) -> Lab {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
        command.args(["lab", "--port-base", "0", "--connections", "5000"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (mut submission, mut imap) = (0, 0);
        loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).expect("it speaks") > 0, "the board is not whole");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["submission", first, _] => submission = first.parse().expect("a port"),
                ["IMAP", first, _] => imap = first.parse().expect("a port"),
                ["Ctrl-C", ..] => break,
                _ => {}
            }
        }
        // Somebody reads what is told, and forgets it.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Lab { child, submission, imap }
    }

    /// Memory in use, MiB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rate(args: &[&str]) -> f64 {
    let lab = Lab::open(args);
    let (sessions, letters, octets) = LOAD;
    let text = ("x".repeat(62) + "\r\n").repeat(octets / 64);
    let letter = format!("From: alice@example.com\r\nSubject: load\r\n\r\n{text}.\r\n");
    let begun = Instant::now();
    let senders: Vec<_> = (0..sessions)
        .map(|_| {
            let (port, letter) = (lab.submission, letter.clone());
            std::thread::spawn(move || send(port, letters, &letter))
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().expect("every letter is taken"));
    (sessions * letters) as f64 / begun.elapsed().as_secs_f64()
}

fn send(port: u16, letters: usize, letter: &str) {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the door is open");
    stream.set_nodelay(true).expect("it can be set");
    let mut stream = BufReader::new(stream);
    reply(&mut stream, "220");
    say(&mut stream, "EHLO bench.example.com\r\n", "250");
    say(&mut stream, "AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHRlYS1hdC1mb3Vy\r\n", "235");
    for _ in 0..letters {
        say(&mut stream, "MAIL FROM:<alice@example.com>\r\n", "250");
        say(&mut stream, "RCPT TO:<carol@example.com>\r\n", "250");
        say(&mut stream, "DATA\r\n", "354");
        say(&mut stream, letter, "250");
    }
    say(&mut stream, "QUIT\r\n", "221");
}

fn say(stream: &mut BufReader<TcpStream>, text: &str, code: &str) {
    stream.get_mut().write_all(text.as_bytes()).expect("it listens");
    reply(stream, code);
}

fn reply(stream: &mut BufReader<TcpStream>, code: &str) {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).expect("it answers");
        assert!(line.starts_with(code), "{line}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return;
        }
    }
}

/// What connections take that do nothing.
fn idle() {
    let lab = Lab::open(&["--plain"]);
    println!("\n{:>12} {:>12}", "idle", "memory MiB");
    println!("{:>12} {:>12.1}", 0, lab.memory());
    let mut held = Vec::new();
    for count in [1000, 2000] {
        while held.len() < count {
            let port = if held.len() % 2 == 0 { lab.imap } else { lab.submission };
            let mut stream =
                BufReader::new(TcpStream::connect(("127.0.0.1", port)).expect("the door is open"));
            stream.read_line(&mut String::new()).expect("it greets");
            held.push(stream);
        }
        std::thread::sleep(Duration::from_millis(500));
        println!("{count:>12} {:>12.1}", lab.memory());
    }
}
