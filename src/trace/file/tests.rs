//! The file's grammar, line by line, and everything that can be off in a file.

use super::*;
use crate::base::Instant;
use crate::trace::{
    CloseHow, Conn, Data, Direction, Fact, Gap, Head, HostInfo, Layer, Mark, Missing, Opened, Transport,
};
use proptest::prelude::*;
use serde_json::json;

const START: i64 = 1_767_603_600_000_000;

fn head() -> Record {
    Record::Head(Head {
        version: 1,
        generator: "postroad 0.1.0".to_owned(),
        title: "Alice writes to Bob".to_owned(),
        start: Instant::from_micros(START),
        hosts: vec![HostInfo {
            name: "mx1.example.net".to_owned(),
            addresses: vec!["192.0.2.25".parse().expect("an address")],
            roles: vec!["mta".to_owned()],
        }],
        scenario: String::new(),
        seed: 1,
        changes: Vec::new(),
    })
}

fn at(micros: i64) -> Instant {
    Instant::from_micros(START + micros)
}

fn data(bytes: &[u8]) -> Record {
    let data = Data { conn: Conn(1), from: Direction::Client, layer: Layer::Wire, bytes: bytes.to_vec() };
    Record::Data { at: at(20_000), data }
}

fn text(records: Vec<Record>) -> String {
    String::from_utf8(Transcript { records }.to_bytes()).expect("JSON is UTF-8")
}

fn read(bytes: &[u8]) -> (Vec<Record>, Vec<Issue>) {
    let (transcript, issues) = Transcript::read(bytes).expect("a transcript");
    (transcript.records, issues)
}

/// A file: the head's line, then these.
fn file(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Transcript { records: vec![head()] }.to_bytes();
    for line in lines {
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[test]
fn each_record_has_its_line() {
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:40001".parse().expect("an address"),
        server: "[2001:db8::25]:587".parse().expect("an address"),
    };
    let plain = Data { conn: Conn(1), from: Direction::Server, layer: Layer::Plain, bytes: vec![0xff, 0] };
    let fact = Fact::Dequeued { id: "1A".to_owned() };
    let mark = Mark {
        kind: "pause".to_owned(),
        text: "What comes next?".to_owned(),
        conn: Some(Conn(1)),
        range: Some((0, 6)),
        ..Mark::default()
    };
    let records = vec![
        head(),
        Record::Open { at: at(0), open },
        data(b"EHLO alice\r\n"),
        Record::Data { at: at(20_001), data: plain },
        Record::Fact { at: at(30_000), host: "mail.example.com".to_owned(), fact },
        Record::Mark(mark),
        Record::Close { at: at(40_000), conn: Conn(1), from: Direction::Client, how: CloseHow::Fin },
        Record::End { at: at(50_000) },
    ];
    let lines = text(records.clone());
    let want = r#"{"k":"head","format":"postroad","version":1,"generator":"postroad 0.1.0","title":"Alice writes to Bob","start":"2026-01-05T09:00:00Z","hosts":[{"name":"mx1.example.net","addresses":["192.0.2.25"],"roles":["mta"]}],"seed":1}
{"k":"open","t":0,"c":1,"transport":"tcp","client":"192.0.2.10:40001","server":"[2001:db8::25]:587"}
{"k":"data","t":20000,"c":1,"d":"c","s":"EHLO alice\r\n"}
{"k":"data","t":20001,"c":1,"d":"s","l":"plain","b":"/wA="}
{"k":"fact","t":30000,"host":"mail.example.com","fact":"dequeued","id":"1A"}
{"k":"mark","kind":"pause","text":"What comes next?","conn":1,"range":[0,6]}
{"k":"close","t":40000,"c":1,"d":"c","how":"fin"}
{"k":"end","t":50000}
"#;
    assert_eq!(lines, want);
    assert_eq!(read(lines.as_bytes()), (records, vec![]));
}

#[test]
fn nothing_hides_in_a_file() {
    let hidden = "\u{202E}\u{9b}31m\u{7f}\u{E0041}\x1b é";
    let lines = text(vec![head(), data(hidden.as_bytes())]);
    assert!(lines.ends_with("\"s\":\"\\u202e\\u009b31m\\u007f\\udb40\\udc41\\u001b é\"}\n"), "{lines}");
    assert_eq!(read(lines.as_bytes()).0, vec![head(), data(hidden.as_bytes())]);
}

#[test]
fn members_may_stand_in_any_order_and_lines_may_end_as_on_windows() {
    let line = " {\"s\":\"QUIT\\r\\n\", \"d\":\"c\",\"c\":1,\"t\":20000,\"k\":\"data\"}\r\n\r";
    assert_eq!(read(&file(&[line])), (vec![head(), data(b"QUIT\r\n")], vec![]));
}

#[test]
fn what_is_not_understood_is_kept_and_written_back() {
    let lines = [
        r#"{"k":"weather","t":5,"sky":["blue",1.5,null]}"#,
        r#"{"k":"fact","t":5,"host":"a","fact":"teleported","to":"b"}"#,
        r#"{"k":"fact","t":5,"host":"a","fact":"dequeued","id":"1A","by":"hand"}"#,
        r#"{"k":"data","t":5,"c":1,"d":"c","s":"x","lost":true}"#,
        r#"{"k":"mark","kind":"comment","text":"x","colour":"red"}"#,
    ];
    let bytes = file(&lines);
    let (records, issues) = read(&bytes);
    assert!(records.iter().skip(1).all(|record| matches!(record, Record::Unknown(_))), "{records:?}");
    assert_eq!(Transcript { records }.to_bytes(), bytes);
    let at: Vec<u64> = issues
        .iter()
        .map(|issue| match issue {
            Issue::NotUnderstood { line, .. } => *line,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(at, [3, 4, 5, 6], "an unknown kind is nothing to tell of; an unknown member is");
}

#[test]
fn a_broken_line_is_told_with_its_place_and_the_rest_is_read() {
    let lines = [
        r#"{"k":"data","t":5,"c":1,"d":"x","s":"a"}"#,
        r#"{"k":"data","t":20000,"c":1,"d":"c","s":"b"}"#,
        r#"{"k":"data","t":5,"c":1,"d":"c"}"#,
        r#"{"k":"data","t":5,"c":1,"d":"c","b":"?"}"#,
        r#"{"k":"end","#,
        r#"["k"]"#,
        r#"{"t":1}"#,
        r#"{"k":"head","version":1,"start":"2026-01-05T09:00:00Z"}"#,
        "{\"k\":\"close\",\"t\":1,\"c\":1,\"d\":\"c\",\"how\":\"\\u001b[31m\"}",
    ];
    let (records, issues) = read(&file(&lines));
    assert_eq!(records, [head(), data(b"b")]);
    let told: Vec<String> = issues.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 8, "{told:#?}");
    assert_eq!(
        told.first().map(String::as_str),
        Some("line 2 is broken at column 31 and was left out: unknown variant `x`, expected `c` or `s`")
    );
    assert!(told.iter().all(|line| !line.contains(char::is_control)), "{told:#?}");
}

#[test]
fn a_torn_last_line_is_told_and_the_rest_is_read() {
    let whole = Transcript { records: vec![head(), data(b"a"), data(b"b")] }.to_bytes();
    let before = Transcript { records: vec![head(), data(b"a")] }.to_bytes().len();
    for cut in before + 1..whole.len() - 1 {
        let (records, issues) = read(&whole[..cut]);
        assert_eq!(records, [head(), data(b"a")]);
        assert_eq!(issues, [Issue::TornLine { line: 3, offset: before as u64 }]);
    }
    let (records, issues) = read(&whole[..whole.len() - 1]);
    assert_eq!((records.len(), issues.len()), (3, 0), "only the line feed is missing");
}

#[test]
fn lines_are_bounded() {
    let long = format!(r#"{{"k":"data","t":20000,"c":1,"d":"c","s":"{}"}}"#, "x".repeat(300));
    let bytes = file(&[&long, r#"{"k":"data","t":20000,"c":1,"d":"c","s":"b"}"#]);
    let mut reader = Reader::new(bytes.as_slice()).longest_line(250);
    let records: Vec<Record> = reader.by_ref().map(|record| record.expect("a record")).collect();
    assert_eq!(records, [head(), data(b"b")]);
    assert_eq!(reader.issues(), [Issue::TooLong { line: 2, limit: 250 }]);

    let torn = file(&[&long]);
    let mut reader = Reader::new(&torn[..torn.len() - 10]).longest_line(250);
    assert_eq!(reader.by_ref().count(), 1);
    let offset = file(&[]).len() as u64;
    assert_eq!(reader.issues(), [Issue::TornLine { line: 2, offset }]);
}

#[test]
fn what_is_no_transcript_is_told_with_a_hint() {
    let error = |bytes: &[u8]| Transcript::read(bytes).expect_err("no transcript").to_string();
    assert!(error(b"").starts_with("the file is empty"));
    assert!(error(b"\xd4\xc3\xb2\xa1\x02\0").contains("packet capture"));
    assert!(error(b"\n\r\r\n\0").contains("pcapng"));
    assert!(error(b"From alice@example.com Mon\n").contains("mbox"));
    assert!(error(b"\x1b[31mhello\nthere").ends_with("it begins with “␛[31mhello”"));
    assert!(error(b"{\"k\":\"end\",\"t\":1}\n").contains("not the head"));
    assert!(error(b"{}\n").contains("not a transcript"));
    let torn = "the transcript's head (line 1) is broken at column 27: EOF while parsing a string";
    assert_eq!(error(b"{\"k\":\"head\",\"version\":1,\"ti"), torn);
    let start = error(br#"{"k":"head","version":1,"start":"yesterday"}"#);
    assert!(start.contains("2026-01-05T09:00:00Z"), "{start}");
}

#[test]
fn a_newer_version_is_told_and_read_as_far_as_it_is_understood() {
    let lines = "{\"k\":\"head\",\"version\":2,\"start\":\"2026-01-05T09:00:00Z\",\"mood\":1}\n\
                 {\"k\":\"end\",\"t\":7}\n{\"k\":\"song\"}\n";
    let (records, issues) = read(lines.as_bytes());
    assert_eq!(records[1..], [Record::End { at: at(7) }, Record::Unknown(json!({"k": "song"}))]);
    assert!(issues.contains(&Issue::NewerVersion { found: 2, known: 1 }), "{issues:?}");
    assert!(
        Transcript { records }
            .to_bytes()
            .starts_with(b"{\"k\":\"head\",\"format\":\"postroad\",\"version\":2,")
    );
}

#[test]
fn an_older_version_is_brought_up_to_date_line_by_line() {
    const UPGRADES: &[Upgrade] = &[|mut line| {
        if let Some(t) = line["t"].as_i64() {
            line["t"] = json!(t * 1000);
        }
        line
    }];
    let old = file(&[r#"{"k":"end","t":7}"#]);
    let records: Vec<Record> =
        Reader::new(old.as_slice()).upgrades(UPGRADES).map(|record| record.expect("a record")).collect();
    assert_eq!(records[1], Record::End { at: at(7_000) });
    assert!(matches!(&records[0], Record::Head(head) if head.version == 2));
    let none = br#"{"k":"head","version":0,"start":"2026-01-05T09:00:00Z"}"#;
    assert!(matches!(Transcript::read(none.as_slice()), Err(Error::Version { found: 0 })));
}

#[test]
fn a_file_can_be_gone_on_with() {
    let mut bytes = Transcript { records: vec![head()] }.to_bytes();
    let Record::Head(first) = head() else { return };
    let mut writer = Writer::resume(&mut bytes, &first).flush_each(true);
    writer.write(&data(b"a")).expect("memory does not fail");
    writer.finish().expect("memory does not fail");
    assert_eq!(read(&bytes), (vec![head(), data(b"a")], vec![]));
}

fn record() -> impl Strategy<Value = Record> {
    let when = (-1_000_000_000_i64..1_000_000_000).prop_map(at);
    let from = prop_oneof![Just(Direction::Client), Just(Direction::Server)];
    let layer = prop_oneof![Just(Layer::Wire), Just(Layer::Plain)];
    let how = prop_oneof![
        Just(CloseHow::Fin),
        Just(CloseHow::Reset),
        Just(CloseHow::Refused),
        Just(CloseHow::Timeout),
        Just(CloseHow::LetGo)
    ];
    let why =
        prop_oneof![Just(Missing::Before), Just(Missing::Lost), Just(Missing::Cut), Just(Missing::LetGo)];
    let bytes = prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)];
    let unknown = any::<(String, i64, Option<bool>)>()
        .prop_map(|(text, number, maybe)| json!({"k": format!("x{text}"), "n": number, "m": maybe}));
    prop_oneof![
        (when.clone(), any::<u32>(), from.clone(), layer.clone(), bytes).prop_map(
            |(at, conn, from, layer, bytes)| {
                Record::Data { at, data: Data { conn: Conn(conn), from, layer, bytes } }
            }
        ),
        (when.clone(), any::<u32>(), from.clone(), layer.clone(), any::<Option<u64>>(), why).prop_map(
            |(at, conn, from, layer, len, why)| {
                Record::Gap { at, gap: Gap { conn: Conn(conn), from, layer, len, why } }
            }
        ),
        (when.clone(), any::<u32>(), from, how).prop_map(|(at, conn, from, how)| Record::Close {
            at,
            conn: Conn(conn),
            from,
            how
        }),
        (when.clone(), any::<String>(), any::<Vec<String>>(), any::<u32>()).prop_map(
            |(at, id, flags, uid)| {
                let fact = Fact::FlagsSet { account: id.clone(), mailbox: "INBOX".to_owned(), uid, flags };
                Record::Fact { at, host: id, fact }
            }
        ),
        (any::<String>(), any::<Option<(u64, u64)>>(), any::<Option<String>>()).prop_map(
            |(text, range, quote)| {
                Record::Mark(Mark { kind: "comment".to_owned(), text, range, quote, ..Mark::default() })
            }
        ),
        when.prop_map(|at| Record::End { at }),
        unknown.prop_map(Record::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(records in proptest::collection::vec(record(), 0..20)) {
        let records: Vec<Record> = std::iter::once(head()).chain(records).collect();
        let bytes = Transcript { records: records.clone() }.to_bytes();
        prop_assert_eq!(read(&bytes), (records, vec![]));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(noise in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
        let _ = Transcript::read(noise.as_slice());
        let mut bytes = file(&[r#"{"k":"fact","t":5,"host":"a","fact":"dequeued","id":"1A"}"#]);
        let cut = cut.index(bytes.len());
        bytes.splice(cut..cut, noise);
        let _ = Transcript::read(bytes.as_slice());
    }
}
