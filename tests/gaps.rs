//! Recordings with holes: whatever is cut out of a recording, nobody is accused of what stood there, and what stands
//! away from the hole is read as it was.

#![allow(clippy::print_stderr, reason = "shares are printed as figures")]

mod support;

use postroad::dissect::{Kind, Step};
use postroad::import;
use postroad::trace::{Conn, Data, Direction, Gap, Layer, Missing, Record, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The recordings that come with the program, by name.
fn shipped() -> Vec<(String, Vec<Record>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the library is there")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .map(|path| {
            let records = import::open_path(&path).expect("a recording").collect();
            (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), records)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The records of each TCP connection alone.
fn conversations(records: &[Record]) -> BTreeMap<Conn, Vec<Record>> {
    let mut found: BTreeMap<Conn, Vec<Record>> = BTreeMap::new();
    for record in records {
        let conn = match record {
            Record::Open { open, .. } if open.transport == Transport::Tcp => {
                found.insert(open.conn, Vec::new());
                open.conn
            }
            Record::Data { data, .. } => data.conn,
            Record::Close { conn, .. } => *conn,
            _ => continue,
        };
        if let Some(own) = found.get_mut(&conn) {
            own.push(record.clone());
        }
    }
    found
}

/// Octets that are cut out of one side.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: Direction,
    layer: Layer,
    start: u64,
    len: u64,
}

/// The records with one of them replaced by a gap of its size.
fn without(records: &[Record], at: usize, known: bool) -> Option<(Vec<Record>, Cut)> {
    let Record::Data { at: time, data } = records.get(at)? else { return None };
    let layer = data.layer;
    let before = records[..at].iter().filter_map(|record| match record {
        Record::Data { data: other, .. } if (other.from, other.layer) == (data.from, layer) => {
            Some(other.bytes.len() as u64)
        }
        _ => None,
    });
    let len = data.bytes.len() as u64;
    let cut = Cut { from: data.from, layer, start: before.sum(), len };
    let gap = Gap { conn: data.conn, from: data.from, layer, len: known.then_some(len), why: Missing::Lost };
    let mut out = records.to_vec();
    out[at] = Record::Gap { at: *time, gap };
    Some((out, cut))
}

/// Whose stream, of which layer.
type Side = (Direction, Layer);

/// Whether bytes were cut out of the stream that this Step stands in: what is said inside TLS has places of its own.
fn is_cut(step: &Step, cut: Cut) -> bool {
    (step.from, step.layer) == (cut.from, cut.layer)
}

/// A Step's place in the whole stream, though bytes were cut out before it.
fn place(step: &Step, cut: Cut) -> (Side, u64, u64) {
    let moved = |at: u64, from: u64| if is_cut(step, cut) && at >= from { at + cut.len } else { at };
    ((step.from, step.layer), moved(step.range.start, cut.start), moved(step.range.end, cut.start + 1))
}

/// What a hole changes: findings that are new, and Steps that are not as they were, apart from those that it touches.
fn compare(whole: &[Step], holed: &[Step], cut: Cut) -> (Vec<String>, usize, usize) {
    let known: BTreeSet<_> = whole
        .iter()
        .flat_map(|step| step.findings.iter().map(|f| ((step.from, step.layer), step.range.end, f.id)))
        .collect();
    let of_the_gap = ["gap", "after-gap"];
    let mut wrong = Vec::new();
    for step in holed {
        let (side, _, end) = place(step, cut);
        for finding in &step.findings {
            if !of_the_gap.contains(&finding.id) && !known.contains(&(side, end, finding.id)) {
                wrong.push(format!("{} in {:?}", finding.id, String::from_utf8_lossy(&step.bytes)));
            }
        }
    }
    let touched = |step: &&Step| {
        let end = cut.start + cut.len;
        is_cut(step, cut) && step.range.start < end && cut.start < step.range.end
    };
    let hidden = |steps: &[Step], cut: Cut| -> BTreeSet<(Side, u64)> {
        let of = |step: &Step| {
            let (side, start, _) = place(step, cut);
            let spans = step.secrets.clone().into_iter();
            spans
                .flat_map(move |s| (s.start..s.end).map(move |at| (side, start + at as u64)))
                .collect::<Vec<_>>()
        };
        steps.iter().flat_map(of).collect()
    };
    let none = Cut { len: 0, ..cut };
    let shown: Vec<_> = hidden(whole, none)
        .difference(&hidden(holed, cut))
        .filter(|(side, at)| *side != (cut.from, cut.layer) || *at < cut.start || *at >= cut.start + cut.len)
        .copied()
        .collect();
    if let Some(((from, _), at)) = shown.first() {
        wrong.push(format!("{} octets of a secret are shown, from {from:?} {at}", shown.len()));
    }
    let holed: BTreeMap<_, _> =
        holed.iter().filter(|s| !s.range.is_empty()).map(|step| (place(step, cut), step)).collect();
    let (mut same, mut all) = (0, 0);
    for step in whole.iter().filter(|s| !s.range.is_empty()).filter(|s| !touched(s)) {
        all += 1;
        let now = holed.get(&((step.from, step.layer), step.range.start, step.range.end));
        if let Some(now) =
            now.filter(|now| now.kind == step.kind && !now.verb.is_empty() && now.verb != step.verb)
        {
            wrong.push(format!("{} {} is now {}", step.verb, step.code, now.verb));
        }
        same += usize::from(now.is_some_and(|now| {
            (now.kind, &now.verb, &now.code, &now.bytes) == (step.kind, &step.verb, &step.code, &step.bytes)
        }));
    }
    (wrong, same, all)
}

#[derive(Default)]
struct Sum {
    holes: usize,
    same: usize,
    all: usize,
    wrong: BTreeSet<String>,
}

/// Cut each record of each connection out, one at a time.
fn cut_all(records: &[Record], name: &str, sums: &mut BTreeMap<&'static str, Sum>) {
    for own in conversations(records).values() {
        let whole = support::steps(own);
        for at in 0..own.len() {
            for known in [true, false] {
                let Some((holed, cut)) = without(own, at, known) else { continue };
                let steps = support::steps(&holed);
                let protocol =
                    whole.iter().find(|s| !s.range.is_empty()).map_or("none", |s| s.protocol.name());
                assert_eq!(steps.iter().filter(|s| s.kind == Kind::Gap).count(), 1);
                let (wrong, same, all) = compare(&whole, &steps, cut);
                let sum = sums.entry(protocol).or_default();
                sum.holes += 1;
                sum.same += same;
                sum.all += all;
                sum.wrong.extend(wrong.into_iter().map(|text| format!("{name}: {cut:?}: {text}")));
            }
        }
    }
}

fn tell(sums: &BTreeMap<&'static str, Sum>, what: &str) {
    for (protocol, sum) in sums {
        let share = 100.0 * sum.same as f64 / sum.all.max(1) as f64;
        eprintln!(
            "gaps: {protocol}: {} {what}: {share:.2} % of {} Steps beside them read as before, {} findings too many",
            sum.holes,
            sum.all,
            sum.wrong.len()
        );
    }
}

/// Nobody is accused of what may stand in a hole: that is what must hold. How much is read as before is told, and held
/// loosely: the more a session is pipelined, the more answers behind a hole could be to several commands.
fn hold(sums: &BTreeMap<&'static str, Sum>, least: f64) {
    let accused = |(protocol, sum): (&&str, &Sum)| {
        let wrong: Vec<&str> = sum.wrong.iter().take(40).map(String::as_str).collect();
        (!wrong.is_empty()).then(|| format!("{protocol}: {} accused:\n{}", sum.wrong.len(), wrong.join("\n")))
    };
    let accused: Vec<String> = sums.iter().filter_map(accused).collect();
    assert!(accused.is_empty(), "{}", accused.join("\n"));
    for (protocol, sum) in sums {
        let share = 100.0 * sum.same as f64 / sum.all.max(1) as f64;
        assert!(share >= least, "{protocol}: {share} % of the Steps beside a hole are read as before");
    }
    assert!(["smtp", "pop3", "imap"].iter().all(|protocol| sums.contains_key(protocol)));
}

#[test]
fn a_record_cut_out_accuses_nobody() {
    let mut sums = BTreeMap::new();
    for (name, records) in shipped() {
        cut_all(&records, &name, &mut sums);
    }
    tell(&sums, "records cut out");
    hold(&sums, 85.0);
}

#[test]
fn any_octets_cut_out_accuse_nobody() {
    let mut sums = BTreeMap::new();
    for seed in [7, 8] {
        eprintln!("gaps: seed {seed}");
        for (name, records) in shipped() {
            // A large letter is cut into many records: some of these recordings are enough.
            if records.iter().map(size).sum::<usize>() < 40_000 {
                cut_all(&support::resplit(&records, seed), &name, &mut sums);
            }
        }
    }
    tell(&sums, "stretches of octets cut out");
    hold(&sums, 90.0);
}

fn size(record: &Record) -> usize {
    if let Record::Data { data, .. } = record { data.bytes.len() } else { 0 }
}

/// A dialogue with gaps: `C`, `S`, and `c`, `s` for so many octets of that side that are missing. What each Step is,
/// without the opening.
fn dialogue(port: u16, said: &[(char, &str)]) -> Vec<String> {
    let at = postroad::base::Instant::from_secs(1);
    let open = postroad::trace::Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.1:40000".parse().expect("an address"),
        server: format!("192.0.2.2:{port}").parse().expect("an address"),
    };
    let mut records = vec![Record::Open { at, open }];
    for (side, text) in said {
        let from = if matches!(side, 'C' | 'c') { Direction::Client } else { Direction::Server };
        records.push(if side.is_lowercase() {
            let (layer, len) = (Layer::Wire, text.parse().ok());
            let gap = Gap { conn: Conn(1), from, layer, len, why: Missing::Lost };
            Record::Gap { at, gap }
        } else {
            let data = Data { conn: Conn(1), from, layer: Layer::Wire, bytes: text.as_bytes().to_vec() };
            Record::Data { at, data }
        });
    }
    let told = support::steps(&records);
    let show = |step: &Step| {
        let findings: Vec<&str> = step.findings.iter().map(|f| f.id).filter(|id| *id != "gap").collect();
        let text = format!("{:?} {} {} {}", step.kind, step.verb, step.code, findings.join(" "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    told.iter().skip(1).map(show).collect()
}

const ENVELOPE: [(char, &str); 7] = [
    ('S', "220 mx\r\n"),
    ('C', "EHLO a\r\n"),
    ('S', "250-mx\r\n250 CHUNKING\r\n"),
    ('C', "MAIL FROM:<a@example.com>\r\n"),
    ('S', "250 ok\r\n"),
    ('C', "RCPT TO:<b@example.net>\r\n"),
    ('S', "250 ok\r\n"),
];

fn behind_envelope(said: &[(char, &str)]) -> Vec<String> {
    dialogue(25, &[&ENVELOPE[..], said].concat()).split_off(ENVELOPE.len())
}

#[test]
fn a_chunk_with_a_gap_in_it_ends_where_it_would_have_ended() {
    let said =
        [('C', "BDAT 10 LAST\r\nabc"), ('c', "4"), ('C', "hijQUIT\r\n"), ('S', "250 queued\r\n221 bye\r\n")];
    let want =
        ["Command BDAT", "Data BDAT", "Gap", "Data BDAT", "Command QUIT", "Reply BDAT 250", "Reply QUIT 221"];
    assert_eq!(behind_envelope(&said), want);
}

#[test]
fn a_letter_with_a_gap_in_it_goes_on_to_its_dot_or_ended_in_the_gap() {
    let data = [('C', "DATA\r\n"), ('S', "354 go\r\n"), ('C', "Subject: x\r\n\r\nplu"), ('c', "9")];
    let goes_on =
        [&data[..], &[('C', "ripe.\r\n.\r\n"), ('S', "250 queued\r\n"), ('C', "QUIT\r\n")]].concat();
    let want = ["Data message", "Gap", "Data message after-gap", "Reply . 250", "Command QUIT"];
    assert_eq!(behind_envelope(&goes_on)[2..], want);
    let ended = [&data[..], &[('S', "250 queued\r\n"), ('C', "QUIT\r\n"), ('S', "221 bye\r\n")]].concat();
    let want = ["Data message", "Gap", "Reply . 250", "Command QUIT", "Reply QUIT 221"];
    assert_eq!(behind_envelope(&ended)[2..], want);
}

#[test]
fn a_reply_has_its_verb_only_where_that_is_certain() {
    let offers = [('S', "220 mx\r\n"), ('C', "EHLO a\r\n"), ('S', "250-mx\r\n250 PIPELINING\r\n")];
    let said = [
        ('C', "MAIL FROM:<a@example.com>\r\n"),
        ('c', "50"),
        ('C', "DATA\r\n"),
        ('S', "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"),
        ('C', "x: y\r\n\r\n.\r\n"),
        ('S', "250 queued\r\n"),
    ];
    let want = [
        "Command MAIL",
        "Gap",
        "Command DATA",
        "Reply MAIL 250",
        "Reply 250",
        "Reply 550",
        "Reply DATA 354",
        "Data message",
        "Reply . 250",
    ];
    assert_eq!(dialogue(25, &[&offers[..], &said].concat())[3..], want);
    // A client that does not pipeline has had all replies when it speaks again.
    let said = [('c', "26"), ('S', "250 ok\r\n"), ('C', "NOOP\r\n"), ('S', "250 ok\r\n")];
    assert_eq!(behind_envelope(&said), ["Gap", "Reply 250", "Command NOOP", "Reply NOOP 250"]);
}

/// Programs seldom log the letter: what stands behind it in a pasted log is told as what it is, in clear and inside TLS.
#[test]
fn what_a_pasted_text_leaves_out_swallows_nothing() {
    let session = "S: 220 a\nC: DATA\nS: 354 End with <CR><LF>.<CR><LF>\nS: 250 ok\nC: QUIT\nS: 221 bye\n";
    for text in [session.to_owned(), format!("Connected to smtps://mx.example.net:465/\n{session}")] {
        let read = import::text::read(text.as_bytes(), import::text::Limits::default());
        let steps = support::steps(&read.expect("a session").records);
        let positive = steps.iter().filter(|step| step.code.starts_with('2'));
        let verbs: Vec<_> = positive.map(|step| step.verb.as_str()).collect();
        assert_eq!(verbs, ["CONNECT", ".", "QUIT"], "{text}");
        assert!(steps.iter().any(|step| step.kind == Kind::Command && step.verb == "QUIT"), "{text}");
    }
}

#[test]
fn a_literal_with_a_gap_in_it_ends_where_it_would_have_ended() {
    let said = [
        ('S', "* OK ready\r\n"),
        ('C', "a LOGIN b c\r\n"),
        ('S', "a OK done\r\n"),
        ('C', "b SELECT INBOX\r\n"),
        ('S', "b OK done\r\n"),
        ('C', "c FETCH 1 BODY[]\r\n"),
        ('S', "* 1 FETCH (BODY[] {20}\r\nabc"),
        ('s', "10"),
        ('S', "* 2 BYE)\r\nc OK done\r\n"),
        ('C', "d APPEND INBOX {8+}\r\nab"),
        ('c', "3"),
        ('C', "e!\n\r\ne NOOP\r\n"),
        ('S', "d OK done\r\ne OK done\r\n"),
    ];
    let told = dialogue(143, &said);
    let want = [
        "Untagged FETCH",
        "Gap",
        "Untagged FETCH after-gap",
        "Reply FETCH OK",
        "Command APPEND",
        "Gap",
        "Continuation APPEND after-gap",
        "Command NOOP",
        "Reply APPEND OK",
        "Reply NOOP OK",
    ];
    assert_eq!(told[6..], want);
}

#[test]
fn a_maildrop_letter_with_a_gap_in_it_goes_on_to_its_dot() {
    let login = [
        ('S', "+OK ready\r\n"),
        ('C', "USER b\r\n"),
        ('S', "+OK\r\n"),
        ('C', "PASS x\r\n"),
        ('S', "+OK\r\n"),
    ];
    let torn = [
        ('C', "RETR 1\r\n"),
        ('S', "+OK\r\nSubject: x\r\n\r\nplu"),
        ('s', "7"),
        ('S', "ripe\r\n.\r\n"),
        ('C', "STAT\r\n"),
        ('S', "+OK 1 20\r\n"),
    ];
    let want = ["Command RETR", "Reply RETR +OK", "Gap", "Data", "Command STAT", "Reply STAT +OK"];
    assert_eq!(dialogue(110, &[&login[..], &torn].concat())[5..], want);
    // The command itself is missing: what follows +OK tells that it was a letter.
    let unseen = [
        ('c', "8"),
        ('S', "+OK\r\nSubject: x\r\n\r\nplums\r\n.\r\n"),
        ('C', "QUIT\r\n"),
        ('S', "+OK bye\r\n"),
    ];
    let want = ["Gap", "Reply +OK", "Data", "Command QUIT", "Reply QUIT +OK"];
    assert_eq!(dialogue(110, &[&login[..], &unseen].concat())[5..], want);
}
