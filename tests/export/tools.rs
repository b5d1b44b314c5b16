//! What other programs make of it: tshark of the capture, Mermaid's parser of the diagram, asciinema of the recording.
//!
//! A program that is not there is skipped by name, unless `POSTROAD_REQUIRE_ALL=1`: then that is a failure.

use super::*;
use postroad::dissect::{Dissector, Kind, Protocol, Step};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Whether to go on without a program: says so, or fails where nothing may be skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn missing(test: &str, what: &str) {
    assert!(
        std::env::var_os("POSTROAD_REQUIRE_ALL").is_none_or(|v| v != "1"),
        "{test}: {what} is not there, and nothing may be skipped"
    );
    eprintln!("skipped {test}: {what} is not there");
}

/// Run a program; `None` where there is none of that name.
fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// A place for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export").join(test);
    std::fs::create_dir_all(&folder).expect("a folder for what is exported");
    folder
}

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const FIELDS: [&str; 9] = [
    "_ws.malformed",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "smtp.req.command",
    "pop.request.command",
    "imap.request.command",
    "dns.flags.response",
    "frame.comment",
];

/// One row a packet, one column for each of [`FIELDS`]; values are joined by a control character.
fn dissected(file: &Path) -> Option<Vec<Vec<String>>> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file).args(["-T", "fields", "-E", "aggregator=\u{1}", "-E", "separator=\u{2}"]);
    for protocol in ["ip", "tcp", "udp"] {
        tshark.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let said = succeeded(&run(&mut tshark)?);
    let rows = said.lines().map(|row| row.split('\u{2}').map(str::to_owned).collect::<Vec<_>>());
    // A comment may go over several lines; the first has all the other columns.
    Some(rows.filter(|row| row.len() == FIELDS.len()).collect())
}

fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect()
}

/// tshark finds nothing malformed, every checksum right, and counts the same requests as there are Steps.
#[test]
fn tshark_reads_what_we_read() {
    let folder = folder("tshark_reads");
    for (name, records) in shipped() {
        let file = folder.join(name.replace("jsonl", "pcapng"));
        std::fs::write(&file, to_pcapng(&records, false, true)).expect("it is written");
        let Some(rows) = dissected(&file) else { return missing("tshark_reads_what_we_read", "tshark") };
        assert_eq!(rows.len(), capture::packets(&std::fs::read(&file).expect("it is there")).len(), "{name}");
        let values = |column: usize| {
            rows.iter().flat_map(move |row| row[column].split('\u{1}')).filter(|value| !value.is_empty())
        };
        // tshark takes the answer to a TOP that was sent together with RETRs for the answer to a RETR, and misses its size.
        let mistaken = usize::from(name.starts_with("compare-pop3"));
        assert!(values(0).count() <= mistaken, "{name}: malformed");
        for (column, field) in FIELDS.iter().enumerate().skip(1).take(3) {
            // 1 is "good".
            assert!(values(column).all(|status| status == "1"), "{name}: {field}");
        }
        // What is said inside TLS tshark cannot read.
        let steps: Vec<Step> = steps(&records).into_iter().filter(|s| s.layer == Layer::Wire).collect();
        let count =
            |protocol, kind| steps.iter().filter(|s| (s.protocol, s.kind) == (protocol, kind)).count();
        assert_eq!(values(4).count(), smtp_commands(&steps), "{name}: SMTP");
        // Of POP3 commands that were sent together tshark reads the first one only.
        // What goes on with a login is a request too, for tshark, unless it is an empty line.
        let answers = |s: &&Step| s.protocol == Protocol::Pop3 && s.kind == Kind::Continuation;
        let answers = steps.iter().filter(answers).filter(|s| s.bytes != b"\r\n").count();
        let pop3 = (values(5).count(), count(Protocol::Pop3, Kind::Command) + answers);
        let together = name.starts_with("compare-pop3");
        assert!(if together { pop3.0 <= pop3.1 } else { pop3.0 == pop3.1 }, "{name}: POP3 {pop3:?}");
        let imap = (values(6).count(), count(Protocol::Imap, Kind::Command));
        // What APPEND carries is no request; tshark takes each line of it for one.
        let appends = steps.iter().any(|s| s.protocol == Protocol::Imap && s.verb == "APPEND");
        assert!(if appends { imap.0 >= imap.1 } else { imap.0 == imap.1 }, "{name}: IMAP {imap:?}");
        let queries = values(7).filter(|v| matches!(*v, "0" | "False")).count();
        assert_eq!(queries, count(Protocol::Dns, Kind::Query), "{name}: DNS");
        let told = values(8).any(|comment| comment.contains("step 1: "));
        assert_eq!(told, !steps.is_empty(), "{name}: comments");
    }
}

/// SMTP commands as tshark counts them: for it, what follows DATA is the message even where DATA was refused.
fn smtp_commands(steps: &[Step]) -> usize {
    let mut lost = Vec::new();
    let mut count = 0;
    for step in steps.iter().filter(|s| s.protocol == Protocol::Smtp) {
        match step.kind {
            Kind::Command if !lost.contains(&step.conn) => count += 1,
            Kind::Reply if step.verb == "DATA" && !step.code.starts_with("354") => lost.push(step.conn),
            _ => {}
        }
    }
    count
}

/// `follow,tcp` gives the bytes that were recorded.
#[test]
fn tshark_follows_the_streams_to_our_bytes() {
    let folder = folder("tshark_follows");
    for (name, records) in
        shipped().into_iter().filter(|(n, _)| n == "journey.jsonl" || n == "mx1-down.jsonl")
    {
        let mut conns = Vec::new();
        for record in &records {
            if let Record::Open { open, .. } = record
                && open.transport == Transport::Tcp
            {
                conns.push(open.conn);
            }
        }
        assert!(conns.len() >= 4);
        let file = folder.join(name.replace("jsonl", "pcapng"));
        std::fs::write(&file, to_pcapng(&records, true, false)).expect("it is written");
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(&file).arg("-q");
        for stream in 0..conns.len() {
            tshark.args(["-z", &format!("follow,tcp,raw,{stream}")]);
        }
        let Some(output) = run(&mut tshark) else {
            return missing("tshark_follows_the_streams_to_our_bytes", "tshark");
        };
        let mut followed: Vec<[Vec<u8>; 2]> = Vec::new();
        for line in succeeded(&output).lines() {
            if line.starts_with("Follow:") {
                followed.push(Default::default());
            }
            // The second node's bytes are set in by a tab.
            let (side, digits) = line.strip_prefix('\t').map_or((0, line), |digits| (1, digits));
            let Some(sides) = followed.last_mut() else { continue };
            if !digits.is_empty()
                && digits.len().is_multiple_of(2)
                && digits.bytes().all(|b| b.is_ascii_hexdigit())
            {
                let byte = |i: usize| u8::from_str_radix(&digits[i..i + 2], 16).expect("hex");
                sides[side].extend((0..digits.len()).step_by(2).map(byte));
            }
        }
        assert_eq!(followed.len(), conns.len(), "{name}");
        // tshark tells of streams in its own order.
        let mut ours: Vec<[Vec<u8>; 2]> = conns.iter().map(|conn| sides(&records, *conn)).collect();
        // In raw form the side that speaks first is the first node.
        for pair in ours.iter_mut().chain(&mut followed) {
            pair.sort();
        }
        ours.sort();
        followed.sort();
        assert_eq!(followed, ours, "{name}");
    }
}

fn sides(records: &[Record], conn: Conn) -> [Vec<u8>; 2] {
    let mut out = [Vec::new(), Vec::new()];
    for record in records {
        if let Record::Data { data, .. } = record
            && data.conn == conn
        {
            out[usize::from(data.from == Direction::Server)].extend(&data.bytes);
        }
    }
    out
}

/// Where Mermaid and jsdom are installed: `POSTROAD_NODE_MODULES`, else `target/mermaid/node_modules`, put
/// there by `npm ci` from `tests/export/mermaid/package-lock.json`.
fn node_modules() -> PathBuf {
    std::env::var_os("POSTROAD_NODE_MODULES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mermaid/node_modules"),
        PathBuf::from,
    )
}

/// Mermaid's own parser takes every diagram, and reads as many messages and notes as were meant.
#[test]
fn mermaid_takes_every_diagram() {
    let modules = node_modules();
    if !modules.join("mermaid").is_dir() || run(Command::new("node").arg("--version")).is_none() {
        return missing("mermaid_takes_every_diagram", "node, or mermaid and jsdom in target/mermaid");
    }
    let folder = folder("mermaid");
    let mut stories = shipped();
    stories.push(("session".to_owned(), session()));
    stories.extend((0..8).map(|seed| (format!("hostile-{seed}"), hostile::story(seed))));
    let mut files = Vec::new();
    for (name, records) in &stories {
        let file = folder.join(format!("{name}.mmd"));
        std::fs::write(&file, to_mermaid(records, true)).expect("it is written");
        files.push(file);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/mermaid/check.mjs");
    let output = run(Command::new("node").arg(script).arg(&modules).args(&files)).expect("node is there");
    let said = succeeded(&output);
    assert_eq!(said.lines().count(), files.len(), "{said}");
}

/// `asciinema cat` prints what the plain view prints.
#[test]
fn asciinema_plays_the_recording() {
    let folder = folder("asciinema");
    for (name, records) in
        shipped().into_iter().filter(|(n, _)| n == "journey.jsonl" || n == "greylist.jsonl")
    {
        let file = folder.join(name.replace("jsonl", "cast"));
        std::fs::write(&file, to_cast(&records)).expect("it is written");
        let Some(output) = run(Command::new("asciinema").arg("cat").arg(&file)) else {
            return missing("asciinema_plays_the_recording", "asciinema");
        };
        assert_eq!(succeeded(&output).replace("\r\n", "\n"), to_text(&records), "{name}");
    }
}
