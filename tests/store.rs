//! `postroad lab --data`: mail that outlives a stop, and a kill at any moment; read by other programs too.
#![allow(clippy::print_stderr, reason = "figures of a run, and what was skipped, by name")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long one answer may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

const ALICE: (&str, &str) = ("alice@example.com", "tea-at-four");
const BOB: (&str, &str) = ("bob@example.net", "ship-in-a-bottle");

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_postroad"))
}

/// A lab on free ports.
struct Lab {
    child: Child,
    /// The row's words → its ports, example.com's first.
    ports: BTreeMap<String, Vec<u16>>,
}

impl Lab {
    fn open(data: &Path, args: &[&str]) -> Lab {
        let mut command = program();
        command.args(["lab", "--quiet", "--port-base", "0", "--data"]).arg(data).args(args);
        Lab::started(command)
    }

    fn started(mut command: Command) -> Lab {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut ports = BTreeMap::new();
        loop {
            let mut line = String::new();
            out.read_line(&mut line).expect("it speaks");
            assert!(!line.is_empty(), "the board is not whole: {ports:?}");
            if line.contains("Ctrl-C closes the lab") {
                break;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut numbers: Vec<u16> = words.iter().rev().map_while(|word| word.parse().ok()).collect();
            numbers.reverse();
            ports.entry(words[..words.len() - numbers.len()].join(" ")).or_insert(numbers);
        }
        // What it says from here on is not read, and must not hold it up.
        thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Lab { child, ports }
    }

    fn port(&self, service: &str, domain: usize) -> u16 {
        let row = self.ports.iter().find(|(name, ports)| name.starts_with(service) && ports.len() == 2);
        row.unwrap_or_else(|| panic!("{service}: {:?}", self.ports)).1[domain]
    }

    fn kill(mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("it ends");
    }

    fn close(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A conversation that may break off at any moment: `None` then.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(port: u16) -> Option<Talk> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Talk(BufReader::new(stream)))
    }

    fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.0.get_mut().write_all(bytes).ok()
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).ok()?;
        line.ends_with(b"\n").then_some(line)
    }

    /// Say this, and hear everything up to the line that begins so.
    fn until(&mut self, say: &str, begins: &[&str]) -> Option<Vec<u8>> {
        if !say.is_empty() {
            self.send(format!("{say}\r\n").as_bytes())?;
        }
        let mut heard = Vec::new();
        loop {
            let line = self.line()?;
            heard.extend_from_slice(&line);
            if begins.iter().any(|b| line.starts_with(b.as_bytes())) {
                return Some(heard);
            }
        }
    }

    fn smtp(&mut self, say: &str) -> Option<String> {
        let done: Vec<String> = (2..=5).flat_map(|x| (0..60).map(move |y| format!("{x}{y:02} "))).collect();
        let done: Vec<&str> = done.iter().map(String::as_str).collect();
        String::from_utf8(self.until(say, &done)?).ok()
    }

    fn hand_in(&mut self, to: &str, message: &str) -> Option<String> {
        self.smtp("MAIL FROM:<sender@example.org>")?;
        self.smtp(&format!("RCPT TO:<{to}>"))?;
        self.smtp("DATA")?;
        self.smtp(&format!("{message}."))
    }

    fn imap(&mut self, say: &str) -> Option<String> {
        let heard = self.until(&format!("t {say}"), &["t "])?;
        Some(String::from_utf8_lossy(&heard).into_owned())
    }

    fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> Option<String> {
        self.send(format!("t APPEND {mailbox} {flags}{{{}}}\r\n", message.len()).as_bytes())?;
        let told = self.until("", &["+ ", "t "])?;
        if told.starts_with(b"t ") {
            return String::from_utf8(told).ok();
        }
        self.send(message)?;
        self.send(b"\r\n")?;
        let done = self.until("", &["t "])?;
        String::from_utf8(done).ok()
    }
}

fn imap(lab: &Lab, domain: usize, who: (&str, &str)) -> Option<Talk> {
    let mut talk = Talk::to(lab.port("IMAP", domain))?;
    talk.line()?;
    let told = talk.imap(&format!("LOGIN {} {}", who.0, who.1))?;
    told.contains("t OK").then_some(talk)
}

/// The octets of a message, by IMAP.
fn body(talk: &mut Talk, uid: u32) -> Vec<u8> {
    let heard = talk.until(&format!("t UID FETCH {uid} (FLAGS BODY.PEEK[])"), &["t "]).expect("it answers");
    let at = heard.windows(3).position(|w| w == b"}\r\n").expect("a literal");
    let from = heard[..at].iter().rposition(|b| *b == b'{').expect("its length");
    let len: usize = std::str::from_utf8(&heard[from + 1..at]).expect("digits").parse().expect("a number");
    heard[at + 3..at + 3 + len].to_vec()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// All files below a folder.
fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Wait until the queues have delivered everything.
fn settled(data: &Path) {
    for _ in 0..1_200 {
        if files(&data.join("queue")).is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the queues do not become empty: {:?}", files(&data.join("queue")));
}

#[test]
fn everything_is_there_again_octet_for_octet() {
    let strange: &[u8] =
        b"Subject: strange\r\nX: \xff\x01\r\n\r\nbare\nlf, bare\rcr\r\nFrom the line\r\n>From\r\nno end";
    for kind in ["maildir", "mbox"] {
        let data = folder();
        let lab = Lab::open(data.path(), &["--store", kind]);
        let mut talk = imap(&lab, 0, ALICE).expect("it answers");
        let long = "x".repeat(300);
        for name in ["Lists/v1.2", "\"a b\"", "&ZeVnLIqe-", "sENT", long.as_str()] {
            assert!(talk.imap(&format!("CREATE {name}")).expect("it answers").contains("t OK"), "{name}");
        }
        for name in ["../x", "a/../../x", "\"..\""] {
            assert!(talk.imap(&format!("CREATE {name}")).expect("it answers").contains("t NO"), "{name}");
        }
        let told = talk.append("Lists/v1.2", "(\\Flagged Later) \"01-Feb-2020 10:00:00 +0000\" ", strange);
        assert!(told.expect("it answers").contains("APPENDUID"));
        talk.append("Lists/v1.2", "", b"Subject: second\r\n\r\n").expect("it answers");
        assert!(talk.append(&long, "", b"Subject: deep\r\n\r\n").expect("it answers").contains("t OK"));
        let before =
            talk.imap("STATUS Lists/v1.2 (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)").expect("yes");
        let names = talk.imap("LIST \"\" *").expect("it answers");
        lab.kill();
        let lab = Lab::open(data.path(), &["--store", kind]);
        let mut talk = imap(&lab, 0, ALICE).expect("it answers");
        assert_eq!(
            talk.imap("STATUS Lists/v1.2 (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)").as_ref(),
            Some(&before)
        );
        assert_eq!(talk.imap("LIST \"\" *").as_ref(), Some(&names));
        talk.imap("SELECT Lists/v1.2").expect("it answers");
        assert_eq!(body(&mut talk, 1), strange, "{kind}");
        let told = talk.imap("UID FETCH 1 (FLAGS INTERNALDATE)").expect("it answers");
        assert!(
            told.contains("\\Flagged") && told.contains("Later") && told.contains("1-Feb-2020 10:00:00"),
            "{told}"
        );
        // Removed by POP3 is removed for good, and its UID does not return.
        talk.imap("UID STORE 2 +FLAGS (\\Deleted)").expect("it answers");
        assert!(talk.imap("EXPUNGE").expect("it answers").contains("t OK"));
        lab.kill();
        let lab = Lab::open(data.path(), &["--store", kind]);
        let mut talk = imap(&lab, 0, ALICE).expect("it answers");
        let told = talk.append("Lists/v1.2", "", b"Subject: third\r\n\r\n").expect("it answers");
        assert!(told.contains(" 3]"), "{told}");
        drop(talk);
        lab.close();
        assert!(files(data.path()).iter().all(|f| !f.to_string_lossy().contains("..")));
    }
}

/// The stamp of a message: which round, sender, number.
fn stamped(stamp: &str, lines: usize) -> String {
    let line = format!("{stamp} all of this line belongs to one message\r\n");
    format!("Subject: {stamp}\r\n\r\n{}END {stamp}\r\n", line.repeat(lines))
}

/// The stamp of a message that is whole; else what is torn.
fn whole(text: &str) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    let stamp = text.split_once("Subject: ").and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
    let body = text.split_once("\n\n").map_or("", |(_, body)| body);
    let fine = !stamp.is_empty()
        && body.trim_end().lines().all(|line| line.starts_with(stamp) || line == format!("END {stamp}"))
        && body.trim_end().ends_with(&format!("END {stamp}"));
    if fine { Ok(stamp.to_owned()) } else { Err(text) }
}

/// One sender: hands in messages until the lab is gone, and notes which were acknowledged.
fn send(
    lab: (u16, u16),
    round: usize,
    sender: usize,
    acked: &Mutex<Vec<String>>,
    sent: &AtomicUsize,
) -> Option<()> {
    let stamp = |number: usize| format!("r{round}s{sender}n{number}");
    let lines = 1 + sender * 40;
    if sender < 8 {
        let mut talk = Talk::to(lab.0)?;
        talk.smtp("")?;
        talk.smtp("EHLO sender.example.org")?;
        for number in 0.. {
            sent.fetch_add(1, Ordering::SeqCst);
            let told = talk.hand_in(BOB.0, &stamped(&stamp(number), lines))?;
            if told.starts_with("250") {
                acked.lock().expect("nobody panics").push(stamp(number));
            }
        }
    }
    let mut talk = Talk::to(lab.1)?;
    talk.line()?;
    talk.imap(&format!("LOGIN {} {}", BOB.0, BOB.1))?;
    for number in 0.. {
        sent.fetch_add(1, Ordering::SeqCst);
        let told = talk.append("Archive", "(\\Seen) ", stamped(&stamp(number), lines).as_bytes())?;
        if told.contains("t OK") {
            acked.lock().expect("nobody panics").push(stamp(number));
        }
    }
    Some(())
}

fn kills(kind: &str, rounds: usize) {
    let data = folder();
    let acked = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::new(AtomicUsize::new(0));
    let mut dice = fastrand::Rng::with_seed(7);
    {
        let lab = Lab::open(data.path(), &["--store", kind]);
        let mut talk = imap(&lab, 1, BOB).expect("it answers");
        talk.imap("CREATE Archive").expect("it answers");
    }
    for round in 0..rounds {
        let lab = Lab::open(data.path(), &["--store", kind]);
        let ports = (lab.port("relay", 1), lab.port("IMAP", 1));
        let senders: Vec<_> = (0..10)
            .map(|sender| {
                let (acked, sent) = (acked.clone(), sent.clone());
                thread::spawn(move || {
                    let _ = send(ports, round, sender, &acked, &sent);
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(dice.u64(30..1_200)));
        lab.kill();
        senders.into_iter().for_each(|sender| sender.join().expect("no sender panics"));
    }
    let lab = Lab::open(data.path(), &["--store", kind]);
    settled(data.path());
    lab.close();
    let acked = acked.lock().expect("nobody panics").clone();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts(data.path(), kind) {
        let stamp = whole(&text).unwrap_or_else(|text| panic!("torn: {text}"));
        *found.entry(stamp).or_default() += 1;
    }
    let lost: BTreeSet<&String> = acked.iter().filter(|stamp| !found.contains_key(*stamp)).collect();
    let twice: usize = found.values().map(|n| n - 1).sum();
    let untold = found.keys().filter(|stamp| !acked.contains(stamp)).count();
    eprintln!(
        "{kind}: {rounds} kills; {} begun, {} acknowledged, {} found, {untold} of them never acknowledged, {twice} twice",
        sent.load(Ordering::SeqCst),
        acked.len(),
        found.len(),
    );
    assert!(acked.len() > rounds, "the senders got somewhere: {}", acked.len());
    assert_eq!(lost, BTreeSet::new(), "acknowledged and lost");
    assert!(twice <= rounds * 2, "a kill delivers again what was being delivered, not more: {twice}");
}

/// Every message on the disk, as a text.
fn texts(data: &Path, kind: &str) -> Vec<String> {
    let mail = files(&data.join("mail"));
    let read =
        |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).expect("it is there")).into_owned();
    if kind == "maildir" {
        let message =
            |path: &&PathBuf| path.parent().is_some_and(|p| p.ends_with("new") || p.ends_with("cur"));
        return mail.iter().filter(message).map(read).collect();
    }
    let boxes = mail.iter().filter(|path| path.extension().is_some_and(|e| e == "mbox"));
    let split = |path: &PathBuf| {
        let text = format!("\n\n{}", read(path));
        let messages: Vec<String> = text.split("\n\nFrom ").skip(1).map(|m| m.to_owned() + "\n").collect();
        messages
    };
    boxes.flat_map(split).collect()
}

#[test]
fn twenty_kills_lose_nothing_and_tear_nothing() {
    kills("maildir", 20);
}

#[test]
fn kills_lose_nothing_in_mbox_either() {
    kills("mbox", 6);
}

#[test]
fn a_folder_is_one_labs_and_of_one_kind() {
    let refused = |args: &[&str], data: &Path| {
        let mut command = program();
        command.args(["lab", "--quiet", "--port-base", "0"]).args(args).arg("--data").arg(data);
        let out = command.output().expect("it starts");
        assert_eq!(out.status.code(), Some(1));
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let data = folder();
    let lab = Lab::open(data.path(), &[]);
    assert!(refused(&[], data.path()).contains("another lab uses this folder"));
    lab.kill();
    assert!(refused(&["--store", "mbox"], data.path()).contains("it holds maildir, and mbox was asked for"));
    std::fs::write(data.path().join("postroad-data"), "postroad-data 9 maildir\n").expect("written");
    assert!(refused(&[], data.path()).contains("\"postroad-data 9 maildir\""));
    let other = folder();
    std::fs::write(other.path().join("novel.txt"), "once").expect("written");
    assert!(refused(&[], other.path()).contains("no lab made it"));
}

#[test]
#[cfg(unix)]
fn a_disk_that_takes_no_more_is_said_so_and_nothing_else_is_lost() {
    let data = folder();
    // Files may have 64 KiB here: what is longer fails as on a full disk, in the middle of writing.
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"")
        .arg(env!("CARGO_BIN_EXE_postroad"));
    command.args(["lab", "--quiet", "--port-base", "0", "--data"]).arg(data.path());
    let lab = Lab::started(command);
    let long = stamped("long", 4_000);
    let mut smtp = Talk::to(lab.port("relay", 1)).expect("it answers");
    smtp.smtp("").expect("it greets");
    smtp.smtp("EHLO sender.example.org").expect("it answers");
    let told = smtp.hand_in(BOB.0, &long).expect("it answers");
    assert!(told.starts_with("45"), "{told}");
    let told = smtp.hand_in(BOB.0, &stamped("short", 1)).expect("it answers");
    assert!(told.starts_with("250"), "{told}");
    // What waits together is kept together or not at all: the letter is in its mailbox first.
    settled(data.path());
    let mut talk = imap(&lab, 1, BOB).expect("it answers");
    let told = talk.append("INBOX", "", long.as_bytes()).expect("it answers");
    assert!(told.contains("t NO [UNAVAILABLE]"), "{told}");
    assert!(talk.append("INBOX", "", stamped("kept", 1).as_bytes()).expect("it answers").contains("t OK"));
    lab.close();
    let mut found: Vec<String> =
        texts(data.path(), "maildir").iter().map(|text| whole(text).expect("it is whole")).collect();
    found.sort();
    assert_eq!(found, ["kept", "short"]);
}

#[test]
fn other_programs_read_it() {
    if Command::new("python3").arg("-c").arg("import mailbox").status().is_ok_and(|s| s.success()) {
        for kind in ["maildir", "mbox"] {
            python_reads(kind);
        }
    } else {
        eprintln!("skipped: python3 is not installed");
    }
}

fn python_reads(kind: &str) {
    let data = folder();
    let lab = Lab::open(data.path(), &["--store", kind]);
    let mut talk = imap(&lab, 0, ALICE).expect("it answers");
    for name in ["Lists/v1", "Entw&APw-rfe"] {
        talk.imap(&format!("CREATE {name}")).expect("it answers");
    }
    let first = b"Subject: first\r\nFrom: a@example.com\r\n\r\nFrom here on\r\n";
    talk.append("INBOX", "(\\Seen \\Flagged) ", first).expect("it answers");
    talk.append("INBOX", "", b"Subject: second\r\n\r\n.\r\n").expect("it answers");
    talk.append("Lists/v1", "(\\Answered) ", b"Subject: third\r\n\r\n").expect("it answers");
    lab.close();
    let script = "
import mailbox, sys, os
kind, root = sys.argv[1:]
here = os.path.join(root, 'mail', 'alice@example.com')
if kind == 'maildir':
    box = mailbox.Maildir(here, create=False)
    print(sorted(box.list_folders()))
    lists = box.get_folder('Lists.v1')
else:
    box = mailbox.mbox(here + '.mbox', create=False)
    print(sorted(f[:-5] for f in os.listdir(here) if f.endswith('.mbox')))
    lists = mailbox.mbox(os.path.join(here, 'Lists.v1.mbox'), create=False)
print([(m['subject'], ''.join(sorted(m.get_flags()))) for m in box if True])
print([(m['subject'], ''.join(sorted(m.get_flags()))) for m in lists])
print(repr(sorted(m.get_payload().replace('\\r', '') for m in box)))
";
    let mut command = Command::new("python3");
    let out = command.arg("-c").arg(script).arg(kind).arg(data.path()).output().expect("it runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("'Entw&APw-rfe'") && text.contains("'Lists.v1'"), "{text}");
    let flags = if kind == "maildir" { "FS" } else { "FOR" };
    assert!(text.contains(&format!("('first', '{flags}')")) && text.contains("'second'"), "{text}");
    assert!(text.contains("('third', '"), "{text}");
    let quoted = if kind == "maildir" { "'From here on\\n'" } else { "From here on\\n" };
    assert!(text.contains(quoted), "{text}");
}
