//! Captures that others made, against what is known of them: every stream's bytes, commands and replies.
//!
//! `POSTROAD_CORPUS` names the folder; `truth/pcap.jsonl` in it says, per capture and TCP stream, the length and
//! SHA-256 of each direction and what was counted on it. Where a truth is `reliable` and has no `gaps`, ours must be
//! the same. Without the folder the test is skipped, by name.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "shares and differences are printed as figures"
)]

use postroad::dissect::tls::TlsMeaning;
use postroad::dissect::{Dissector, Kind, Meaning, Protocol, Step, Verdict};
use postroad::import;
use postroad::trace::{Conn, Direction, Layer, Record, Transport};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The corpus, or nothing: then it says why on stderr. With `POSTROAD_REQUIRE_ALL=1` a skip is a failure.
fn corpus(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("POSTROAD_CORPUS").map(PathBuf::from);
    let found = folder.filter(|folder| folder.join("truth/pcap.jsonl").is_file());
    if found.is_none() {
        let required = std::env::var("POSTROAD_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "{test}: POSTROAD_CORPUS names no folder with truth/pcap.jsonl");
        eprintln!("{test}: skipped, for POSTROAD_CORPUS names no folder with truth/pcap.jsonl");
    }
    found
}

/// What an import says of one connection.
#[derive(Default)]
struct Stream {
    port: u16,
    tcp: bool,
    bytes: [Vec<u8>; 2],
    gaps: usize,
    steps: Vec<Step>,
}

impl Stream {
    fn count(&self, wanted: impl Fn(&Step) -> bool) -> u64 {
        self.steps.iter().filter(|step| wanted(step)).count() as u64
    }

    fn commands(&self) -> Vec<&Step> {
        self.steps.iter().filter(|s| s.kind == Kind::Command).collect()
    }

    fn codes(&self) -> Vec<String> {
        let replies = self.steps.iter().filter(|s| is_reply(s));
        replies.map(|s| s.code.split(' ').next().unwrap_or_default().to_owned()).collect()
    }
}

fn is_reply(step: &Step) -> bool {
    matches!(step.kind, Kind::Reply | Kind::Greeting)
}

fn is_go_ahead(step: &Step) -> bool {
    step.kind == Kind::Reply && step.verdict == Some(Verdict::Intermediate)
}

/// Import a capture, and dissect it.
fn read(path: &Path) -> Result<Vec<Stream>, import::Error> {
    let mut streams: BTreeMap<Conn, Stream> = BTreeMap::new();
    let mut dissector = Dissector::new();
    for (index, record) in import::open_path(path)?.enumerate() {
        match &record {
            Record::Open { open, .. } => {
                let stream = streams.entry(open.conn).or_default();
                stream.port = open.server.port();
                stream.tcp = open.transport == Transport::Tcp;
            }
            Record::Data { data, .. } => {
                let side = usize::from(data.from == Direction::Server);
                streams.entry(data.conn).or_default().bytes[side].extend_from_slice(&data.bytes);
            }
            Record::Gap { gap, .. } if gap.len.is_some() => {
                streams.entry(gap.conn).or_default().gaps += 1;
            }
            _ => {}
        }
        for step in dissector.push(index, &record) {
            streams.entry(step.conn).or_default().steps.push(step);
        }
    }
    Ok(streams.into_values().collect())
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(truth: &Value, name: &str) -> Option<u64> {
    truth.get(name).and_then(Value::as_u64)
}

/// By field: what the truth says, and what is right.
type Mended = &'static [(&'static str, &'static str, &'static str)];

/// Where the truth is not what the bytes say: per file, its stream, what it says, what is right, and why.
/// `tshark -q -z follow,tcp,ascii,STREAM` shows each of them.
const WRONG_TRUTHS: [(&str, u64, Mended); 5] = [
    // It took the lower port for the server's. The SYN is of port 3378 (frame 1), and asks 8240 to CONNECT it further.
    (
        "zeek+zeek/testing__btest__Traces__http__connect-with-smtp.pcap",
        0,
        &[
            ("server_port", "3378", "8240"),
            ("client_bytes", "223", "1685"),
            ("server_bytes", "1685", "223"),
            (
                "client_sha256",
                r#""a375eb7cf218946d05598ed18ba0220abc0453d2d2dee309532c9311163f1a06""#,
                r#""4ac5e820834d7b162a1cf7312f31867498e54ee284f56cc55a8d1cc703ccdcb7""#,
            ),
            (
                "server_sha256",
                r#""4ac5e820834d7b162a1cf7312f31867498e54ee284f56cc55a8d1cc703ccdcb7""#,
                r#""a375eb7cf218946d05598ed18ba0220abc0453d2d2dee309532c9311163f1a06""#,
            ),
        ],
    ),
    // It counted on each direction alone, and took QUIT for the octets of a chunk that the server had refused: "521 5.5.4
    // Syntax: BDAT count [LAST]" (frame 24).
    (
        "zeek+zeek/testing__btest__Traces__smtp__smtp-bdat-cmd-chunk-size-overflow.pcap",
        0,
        &[
            ("n_commands", "4", "5"),
            ("smtp_commands", r#"["EHLO","MAIL","RCPT","BDAT"]"#, r#"["EHLO","MAIL","RCPT","BDAT","QUIT"]"#),
        ],
    ),
    (
        "zeek+zeek/testing__btest__Traces__smtp__smtp-bdat-cmd-chunk-size-overflow2.pcap",
        0,
        &[
            ("n_commands", "4", "5"),
            ("smtp_commands", r#"["EHLO","MAIL","RCPT","BDAT"]"#, r#"["EHLO","MAIL","RCPT","BDAT","QUIT"]"#),
        ],
    ),
    // It took "+" and octets of no text for "+ " (RFC 5034 §4), and QUIT for the answer. tshark counts as here.
    (
        "zeek+zeek/testing__btest__Traces__pop3-unknown-commands.pcap",
        0,
        &[
            ("n_commands", "3", "4"),
            ("n_ok", "3", "5"),
            ("n_replies", "3", "5"),
            ("n_plus", "1", "0"),
            ("pop_commands", r#"["USER","PASS","STAT"]"#, r#"["USER","PASS","STAT","QUIT"]"#),
        ],
    ),
    // It took eight commands for the literal of "FPJK11 APPEND Nope {300}", which was refused: "FPJK11 NO [TRYCREATE]". The
    // next ones, from "FPJK12 SELECT INBOX", are answered each.
    (
        "own+loopback/imaplib-append-search-store-move.pcap",
        0,
        &[
            ("n_commands", "39", "47"),
            (
                "imap_commands",
                r#"["CAPABILITY", "LOGIN", "CAPABILITY", "NAMESPACE", "LIST", "CREATE", "CREATE", "SUBSCRIBE", "LSUB", "APPEND", "APPEND", "APPEND", "FETCH", "FETCH", "FETCH", "FETCH", "FETCH", "COPY", "UID COPY", "UID MOVE", "UID STORE", "STORE", "STORE", "UID EXPUNGE", "EXPUNGE", "STATUS", "NOOP", "CHECK", "FROBNICATE", "RENAME", "CLOSE", "EXAMINE", "FETCH", "STORE", "UNSELECT", "UNSUBSCRIBE", "DELETE", "DELETE", "LOGOUT"]"#,
                r#"["CAPABILITY", "LOGIN", "CAPABILITY", "NAMESPACE", "LIST", "CREATE", "CREATE", "SUBSCRIBE", "LSUB", "APPEND", "APPEND", "APPEND", "SELECT", "SEARCH", "SEARCH", "UID SEARCH", "SEARCH", "SORT", "THREAD", "FETCH", "FETCH", "FETCH", "FETCH", "FETCH", "FETCH", "COPY", "UID COPY", "UID MOVE", "UID STORE", "STORE", "STORE", "UID EXPUNGE", "EXPUNGE", "STATUS", "NOOP", "CHECK", "FROBNICATE", "RENAME", "CLOSE", "EXAMINE", "FETCH", "STORE", "UNSELECT", "UNSUBSCRIBE", "DELETE", "DELETE", "LOGOUT"]"#,
            ),
        ],
    ),
];

/// The truth of a stream, put right where it is wrong. It must still say what is known to be wrong.
fn put_right(file: &str, truth: &Value) -> Value {
    let mut truth = truth.clone();
    let known = WRONG_TRUTHS.iter().find(|(name, stream, _)| *name == file && truth["stream"] == *stream);
    for (field, said, right) in known.map_or(&[][..], |(.., fields)| fields) {
        let said: Value = serde_json::from_str(said).expect("what it says is JSON");
        assert_eq!(truth[field], said, "{file}: {field} is not wrong any more");
        truth[field] = serde_json::from_str(right).expect("what is right is JSON");
    }
    truth
}

/// Whether the bytes of both directions are those of the truth.
fn has_bytes_of(stream: &Stream, truth: &Value) -> bool {
    let side = |at: usize, name: &str| {
        stream.bytes.get(at).is_some_and(|bytes| {
            number(truth, &format!("{name}_bytes")) == Some(bytes.len() as u64)
                && truth.get(format!("{name}_sha256")).and_then(Value::as_str) == Some(&hash(bytes))
        })
    };
    number(truth, "server_port") == Some(u64::from(stream.port)) && side(0, "client") && side(1, "server")
}

/// The word that a command begins with: its verb, or whatever stands there instead.
fn word(step: &Step) -> String {
    if !step.verb.is_empty() {
        return step.verb.to_string();
    }
    // Octets of no text stand in the truth as Latin-1.
    let first = step.bytes.trim_ascii_end().split(|&b| b == b' ').next().unwrap_or_default();
    first.iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect()
}

/// What differs between the Steps of a stream and the counts of the truth.
fn differences(stream: &Stream, truth: &Value) -> Vec<String> {
    let commands = stream.commands();
    let reply = stream.count(is_reply);
    let mut pairs: Vec<(&str, u64)> = vec![("n_commands", commands.len() as u64)];
    let mut lists: Vec<(&str, Vec<String>)> = Vec::new();
    let words: Vec<String> = commands.iter().map(|step| word(step)).collect();
    match truth.get("proto").and_then(Value::as_str) {
        Some("smtp") => {
            pairs.push(("n_replies", reply));
            pairs.push(("n_auth_continuations", stream.count(|s| s.kind == Kind::Continuation)));
            lists.push(("smtp_commands", words));
            lists.push(("reply_codes", stream.codes()));
        }
        Some("pop") => {
            let ok = |word: &str| stream.count(|s| is_reply(s) && s.code.split(' ').next() == Some(word));
            pairs.push(("n_ok", ok("+OK")));
            pairs.push(("n_err", ok("-ERR")));
            pairs.push(("n_replies", stream.count(|s| is_reply(s) && !is_go_ahead(s))));
            pairs.push(("n_plus", stream.count(is_go_ahead)));
            lists.push(("pop_commands", words));
        }
        Some("imap") => {
            pairs.push(("n_untagged", stream.count(|s| matches!(s.kind, Kind::Untagged | Kind::Greeting))));
            pairs.push(("n_tagged", stream.count(|s| s.kind == Kind::Reply && !is_go_ahead(s))));
            pairs.push(("n_plus", stream.count(is_go_ahead)));
            lists.push(("imap_commands", words));
        }
        _ => return Vec::new(),
    }
    let counts = pairs.into_iter().filter(|(name, ours)| number(truth, name).is_some_and(|n| n != *ours));
    let counts = counts.map(|(name, ours)| format!("{name} {ours}, not {}", truth[name]));
    let same = |name: &str, ours: &[String]| {
        let theirs = truth.get(name).and_then(Value::as_array);
        theirs.is_none_or(|theirs| theirs.iter().map(|v| v.as_str().unwrap_or_default()).eq(ours.iter()))
    };
    let lists = lists.into_iter().filter(|(name, ours)| !same(name, ours));
    counts.chain(lists.map(|(name, ours)| format!("{name} {ours:?}, not {}", truth[name]))).collect()
}

/// How many of something were right.
#[derive(Default)]
struct Share {
    right: usize,
    all: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }

    fn told(&self, what: &str) -> String {
        let share = 100.0 * self.right as f64 / self.all.max(1) as f64;
        format!("{what}: {} of {} ({share:.1} %)", self.right, self.all)
    }
}

#[derive(Default)]
struct Shares {
    reliable_bytes: Share,
    reliable_counts: Share,
    other_bytes: Share,
    other_counts: Share,
    dns: Share,
}

/// One capture against its truth. What is wrong where it must be right.
fn compare(path: &Path, name: &str, truth: &Value, shares: &mut Shares) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut streams = match read(path) {
        Ok(streams) => streams,
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    if let (Some(queries), answers) =
        (number(&truth["tshark"], "dns_queries"), number(&truth["tshark"], "dns_responses"))
    {
        let count = |kind| {
            streams.iter().map(|s| s.count(|s| s.protocol == Protocol::Dns && s.kind == kind)).sum::<u64>()
        };
        let ours = (count(Kind::Query), count(Kind::Answer));
        let same = ours == (queries, answers.unwrap_or(0));
        shares.dns.add(same);
        // Frame 137 of this one is an error of ICMPv6 that quotes a DNS message: tshark counts the quotation.
        let quoted = name == "arkime+arkime/tests__pcap__v6.pcap" && ours == (18, 18);
        if !same && !quoted {
            wrong.push(format!("DNS {ours:?}, tshark counts {queries} and {answers:?}"));
        }
        if !same {
            eprintln!("{}: DNS {ours:?}, tshark counts {queries} and {answers:?}", path.display());
        }
    }
    for theirs in truth["streams"].as_array().into_iter().flatten() {
        let theirs = &put_right(name, theirs);
        let must = theirs["reliable"] == true && theirs["gaps"] == 0;
        let port = number(theirs, "server_port").unwrap_or(0);
        let found = streams.iter().position(|s| s.tcp && has_bytes_of(s, theirs));
        let found = found.map(|at| streams.swap_remove(at));
        let (bytes, counts) = match must {
            true => (&mut shares.reliable_bytes, &mut shares.reliable_counts),
            false => (&mut shares.other_bytes, &mut shares.other_counts),
        };
        bytes.add(found.is_some());
        let Some(stream) = found else {
            let near = streams.iter().filter(|s| s.tcp && u64::from(s.port) == port);
            let near: Vec<_> = near.map(|s| (s.bytes[0].len(), s.bytes[1].len(), s.gaps)).collect();
            let text = format!(
                "stream {} on port {port} has {} and {} bytes; here: {near:?}",
                theirs["stream"], theirs["client_bytes"], theirs["server_bytes"]
            );
            if must {
                wrong.push(text)
            } else {
                eprintln!("{}: {text} (not reliable)", path.display())
            }
            continue;
        };
        let differences = differences(&stream, theirs);
        counts.add(differences.is_empty());
        if must {
            wrong.extend(differences.into_iter().map(|text| format!("stream {}: {text}", theirs["stream"])));
        } else if !differences.is_empty() {
            eprintln!("{}: {} (not reliable)", path.display(), differences.join("; "));
        }
    }
    wrong
}

#[test]
fn every_capture_of_the_corpus_is_read_as_it_is_known_to_be() {
    let Some(corpus) = corpus("every_capture_of_the_corpus_is_read_as_it_is_known_to_be") else { return };
    let truths = std::fs::read_to_string(corpus.join("truth/pcap.jsonl")).expect("the truth can be read");
    let mut shares = Shares::default();
    let (mut wrong, mut captures) = (Vec::new(), 0);
    for line in truths.lines() {
        let truth: Value = serde_json::from_str(line).expect("a truth is JSON");
        let name = truth["file"].as_str().expect("a truth names its file");
        captures += 1;
        let found = compare(&corpus.join("pcap").join(name), name, &truth, &mut shares);
        wrong.extend(found.into_iter().map(|text| format!("{name}: {text}")));
    }
    println!("{captures} captures");
    println!("{}", shares.reliable_bytes.told("reliable streams whose bytes are the same"));
    println!("{}", shares.reliable_counts.told("reliable streams whose commands and replies are the same"));
    println!("{}", shares.other_bytes.told("other streams whose bytes are the same"));
    println!("{}", shares.other_counts.told("other streams whose commands and replies are the same"));
    println!("{}", shares.dns.told("captures whose DNS messages are as many as tshark counts"));
    assert!(captures > 100, "the corpus has more captures than {captures}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever a capture is, its Steps cover all of its bytes, each once, in order.
#[test]
fn no_byte_of_a_capture_is_without_a_step() {
    let Some(corpus) = corpus("no_byte_of_a_capture_is_without_a_step") else { return };
    let owners = std::fs::read_dir(corpus.join("pcap")).expect("the corpus has captures");
    let mut count = 0;
    for path in owners.flatten().flat_map(|owner| std::fs::read_dir(owner.path()).into_iter().flatten()) {
        let path = path.expect("a folder can be read").path();
        for stream in read(&path).unwrap_or_default() {
            count += 1;
            for from in [Direction::Client, Direction::Server] {
                let mut next = 0;
                for step in stream.steps.iter().filter(|s| s.from == from && s.layer == Layer::Wire) {
                    let place = format!("{}: {:?} {:?}", path.display(), step.kind, step.range);
                    let about_itself = matches!(step.kind, Kind::Open | Kind::Close);
                    assert!(about_itself || step.range.start == next, "{place} after {next}");
                    next = step.range.end.max(next);
                }
                let bytes = &stream.bytes[usize::from(from == Direction::Server)];
                assert_eq!(next, bytes.len() as u64, "{}", path.display());
            }
        }
    }
    assert!(count > 500, "the corpus has more streams than {count}");
}

/// What the wire shows of TLS: whom the client calls, what it offers, what the server chooses.
#[test]
fn handshakes_are_told_as_far_as_the_wire_shows_them() {
    let Some(corpus) = corpus("handshakes_are_told_as_far_as_the_wire_shows_them") else { return };
    let owners = std::fs::read_dir(corpus.join("pcap")).expect("the corpus has captures");
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut streams = 0;
    for path in owners.flatten().flat_map(|owner| std::fs::read_dir(owner.path()).into_iter().flatten()) {
        let path = path.expect("a folder can be read").path();
        for stream in read(&path).unwrap_or_default() {
            let tls: Vec<&Step> = stream.steps.iter().filter(|s| s.protocol == Protocol::Tls).collect();
            let shown = |step: &&&Step| matches!(step.meaning, Meaning::Tls(_));
            let has = |verb: &str| tls.iter().any(|s| s.verb == verb);
            if !has("CLIENT-HELLO") || !has("SERVER-HELLO") {
                continue;
            }
            streams += 1;
            for step in tls.iter().filter(shown) {
                let place = path.display();
                match &step.meaning {
                    Meaning::Tls(TlsMeaning::ClientHello(hello)) => {
                        assert!(!hello.versions.is_empty() && hello.suites > 0, "{place}: {hello:?}");
                        *told.entry(format!("SNI {}", hello.server_name.is_some())).or_default() += 1;
                    }
                    Meaning::Tls(TlsMeaning::ServerHello(hello)) => {
                        let named = hello.version.contains("TLS") && hello.suite.starts_with("TLS_");
                        assert!(named, "{place}: {hello:?}");
                        *told.entry(hello.version.clone()).or_default() += 1;
                    }
                    Meaning::Tls(TlsMeaning::Certificate(shown)) => {
                        // A client that has none shows none (RFC 5246 §7.4.6).
                        assert!(shown.count > 0 || step.from == Direction::Client, "{place}");
                        *told.entry("certificates in the clear".to_owned()).or_default() += 1;
                    }
                    _ => {}
                }
                assert!(step.findings.is_empty(), "{place}: {:?}", step.findings);
            }
        }
    }
    println!("{streams} streams with a handshake: {told:?}");
    assert!(streams >= 6, "the corpus has more handshakes than {streams}");
}
