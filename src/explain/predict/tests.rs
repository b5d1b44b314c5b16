//! Questions before every Step of every recording that is shipped.

use super::super::testing;
use super::*;
use crate::dissect::Protocol;
use crate::trace::Transcript;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Misconceptions that no shipped recording can show yet: port 465 and STARTTLS need TLS, SPF needs a forwarder.
const OUT_OF_REACH: [u8; 3] = [8, 13, 27];

type Recording = (String, StoryIndex, BTreeMap<IpAddr, String>);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// One recording that is shipped, with what its hosts are called.
fn recording(name: &str) -> Recording {
    let bytes = std::fs::read(folder().join(format!("{name}.jsonl"))).unwrap();
    let (transcript, _) = Transcript::read(bytes.as_slice()).unwrap();
    let hosts = transcript.head().unwrap().hosts.clone();
    let names = hosts.iter().flat_map(|h| {
        let name = super::super::names::known_as(h, &hosts).to_owned();
        h.addresses.iter().map(move |a| (*a, name.clone()))
    });
    let names = names.collect();
    (name.to_owned(), StoryIndex::of_records(Arc::from(transcript.records)), names)
}

/// Every recording that is shipped.
fn shipped() -> impl Iterator<Item = Recording> {
    let paths = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let names = paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
    let mut names: Vec<String> =
        names.map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names.into_iter().map(|name| recording(&name))
}

/// Every question of a recording, with the Step that it is about.
fn questions(
    index: &mut StoryIndex,
    names: &BTreeMap<IpAddr, String>,
    seed: u64,
) -> Vec<(Step, Option<Question>)> {
    let host = |ip: IpAddr| names.get(&ip).cloned().unwrap_or_else(|| ip.to_string());
    // One telling, with the state as it goes: the index may enter anywhere, at a price.
    let rows = index.rows(0..index.len());
    let (mut state, mut chapter) = (State::default(), String::new());
    let mut out = Vec::new();
    for (row, item) in rows.iter().enumerate() {
        match item {
            Item::Chapter(begun) => chapter = begun.id.clone(),
            Item::Fact { at, host, fact, .. } => state.apply_fact(*at, host, fact),
            Item::Step(step, note) => {
                let before = &rows[row.saturating_sub(BEHIND)..row];
                let opens = index.opens();
                let moment = Moment { before, chapter: &chapter, state: &state, step, opens, host: &host };
                out.push(((**step).clone(), ask(&moment, note, seed)));
                state.apply_step(step);
            }
            Item::Outcome(_) | Item::Mark(_) => {}
        }
    }
    out
}

fn printable(text: &str) -> bool {
    escape::text(text) == text && !text.contains('\n')
}

#[test]
fn every_step_of_every_recording_can_be_asked_about() {
    let mut poor: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = 0;
    for (name, mut index, names) in shipped() {
        for (step, question) in questions(&mut index, &names, 1) {
            let at = format!("{name} {}: {:?} {} {}", step.number, step.kind, step.verb, step.code);
            // What goes over the wire inside TLS looks like chance, and its records follow from what is said inside.
            let Some(question) = question else {
                assert_eq!(step.protocol, Protocol::Tls, "{at}: no question");
                continue;
            };
            count += 1;
            let said: Vec<String> = question.choices.iter().map(Choice::sentence).collect();
            if question.choices.len() < 3 {
                *poor.entry(format!("{:?} {} {} {said:?}", step.kind, step.verb, step.code)).or_default() +=
                    1;
            }
            assert!(question.choices.len() <= 4, "{at}: {said:?}");
            assert!(question.choose(question.right).unwrap().verdict == Verdict::Right, "{at}");
            let right = question.answer();
            for (i, choice) in question.choices.iter().enumerate().filter(|(i, _)| *i != question.right) {
                assert_eq!(question.choose(i).map(|a| a.verdict), Some(Verdict::Wrong), "{at}");
                assert!(!choice.because.is_empty() && !choice.source.is_empty(), "{at}: {}", choice.text);
                assert!(choice.who != right.who || !alike(&choice.text, &right.text), "{at}: {said:?}");
            }
            let distinct: BTreeSet<String> = said.iter().map(|text| said::plainly(text)).collect();
            assert_eq!(distinct.len(), said.len(), "{at}: {said:?}");
            for text in question.choices.iter().flat_map(|c| [&c.who, &c.text, &c.because]) {
                assert!(printable(text), "{at}: {text:?}");
                assert!(super::super::template::placeholders(text).is_empty(), "{at}: {text}");
            }
            assert!(printable(&question.asks) && printable(&question.setting), "{at}");
            for secret in step.secrets.iter().map(|s| s.of(&step.bytes)).filter(|s| s.len() > 3) {
                let secret = String::from_utf8_lossy(secret);
                assert!(!said.iter().any(|text| text.contains(&*secret)), "{at}: {said:?}");
                assert!(!question.truth.line.contains(&*secret), "{at}");
            }
        }
    }
    assert!(count > 1900, "{count}");
    assert!(poor.is_empty(), "fewer than two wrong answers: {poor:#?}");
}

/// What is asked through the index, entered at any row, is what is asked in one telling.
#[test]
fn the_index_asks_the_same() {
    let (_, mut index, names) = recording("journey");
    let told = questions(&mut index, &names, 7);
    let host = |ip: IpAddr| names.get(&ip).cloned().unwrap_or_else(|| ip.to_string());
    for number in [1, 17, 25, 30, 40, 64, 75, 104] {
        let row = index.row_of_step(number).unwrap();
        assert_eq!(at(&mut index, row, &host, 7), told[number - 1].1, "step {number}");
    }
}

#[test]
fn the_order_hangs_on_the_seed_and_on_nothing_else() {
    let (_, mut index, names) = recording("journey");
    let of = |index: &mut StoryIndex, seed| {
        let all = questions(index, &names, seed);
        all.into_iter().map(|(_, q)| q.map(|q| (q.right, q.choices))).collect::<Vec<_>>()
    };
    assert_eq!(of(&mut index, 1), of(&mut index, 1));
    assert_ne!(of(&mut index, 1), of(&mut index, 2));
    let places: BTreeSet<usize> = of(&mut index, 1).into_iter().flatten().map(|(right, _)| right).collect();
    assert_eq!(places.len(), 4, "the right answer stands in every place");
}

#[test]
fn every_misconception_within_reach_is_behind_a_wrong_answer() {
    let mut met: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for (name, mut index, names) in shipped() {
        for (_, question) in questions(&mut index, &names, 1) {
            let choices = question.into_iter().flat_map(|q| q.choices);
            for row in choices.filter_map(|choice| choice.misconception) {
                met.entry(row.number).or_default().insert(name.clone());
            }
        }
    }
    let missing: Vec<u8> = (1..=32).filter(|n| !met.contains_key(n) && !OUT_OF_REACH.contains(n)).collect();
    assert!(missing.is_empty(), "no shipped recording asks about {missing:?}");
    let found: Vec<u8> = OUT_OF_REACH.into_iter().filter(|n| met.contains_key(n) && *n != 13).collect();
    assert!(found.is_empty(), "within reach after all: {found:?}");
    // The places that a class is taken to.
    for (number, recording) in [
        (6, "mx1-down"),
        (7, "relay-denied"),
        (9, "unknown-user"),
        (10, "greylist"),
        (14, "dot-stuffing"),
        (17, "imap-idle"),
        (21, "imap-idle"),
        (24, "pipelining"),
        (25, "null-mx"),
        (26, "maildrop-lock"),
        (32, "large-attachment"),
    ] {
        let met = met.get(&number).is_some_and(|names| names.contains(recording));
        assert!(met, "{number} is not met in {recording}");
    }
}

/// A wrong answer with the verb or the code of the right one is allowed where its rule says that it differs otherwise,
/// and then it does.
#[test]
fn no_wrong_answer_is_right_by_accident() {
    let mut declared = 0;
    for (name, mut index, names) in shipped() {
        for (step, question) in questions(&mut index, &names, 3) {
            let Some(question) = question else { continue };
            let right = question.answer();
            let wrong = question.choices.iter().enumerate().filter(|(i, _)| *i != question.right);
            for (_, choice) in wrong {
                let same = choice.signature == right.signature && choice.who == right.who;
                let at = format!("{name} {}: {} and {}", step.number, choice.text, right.text);
                assert!(!same || choice.differs, "{at}");
                // Typed as it stands it is not taken for the line that comes.
                let whole = question.typed(&choice.text).map(|answer| answer.verdict);
                // A verb without its tag is enough when it is typed.
                let verb = choice.differs && choice.text == step.verb;
                assert!(verb || whole != Some(Verdict::Right), "{at}: {whole:?}");
                declared += usize::from(same);
            }
        }
    }
    assert!(declared > 100, "{declared}");
}

fn question(name: &str, number: usize) -> Question {
    let (_, mut index, names) = recording(name);
    questions(&mut index, &names, 1)
        .into_iter()
        .find(|(s, _)| s.number == number)
        .and_then(|(_, q)| q)
        .unwrap()
}

/// What is typed, how it is judged, and what is said first.
fn hear(question: &Question, typed: &str) -> (Verdict, String) {
    let answer = question.typed(typed).unwrap();
    (answer.verdict, answer.heading)
}

#[test]
fn a_typed_command_needs_its_verb_and_little_else() {
    let rcpt = question("journey", 14);
    for typed in
        ["RCPT", "rcpt to", "RCPT TO:<bob@example.net>", "rcpt  to: bob@example.net", "rc", "Rcpt To:"]
    {
        assert_eq!(hear(&rcpt, typed).0, Verdict::Right, "{typed}");
    }
    assert_eq!(hear(&rcpt, "RCPT TO:<bob@example.net>").1, "Right.");
    let other = hear(&rcpt, "RCPT TO:<carol@example.com>");
    assert_eq!(other.0, Verdict::Right);
    assert!(other.1.contains("another thing"), "{}", other.1);
    let wrong = rcpt.typed("DATA").unwrap();
    assert_eq!(wrong.verdict, Verdict::Wrong);
    assert_eq!(hear(&rcpt, "send it to bob@example.net").0, Verdict::Partly);
    assert!(rcpt.typed("   ").is_none());
    let fetch = question("journey", 74);
    for typed in ["UID FETCH", "uid fetch 1 body.peek[]", "a6 UID FETCH 1 BODY.PEEK[]", "b99 uid fetch"] {
        assert_eq!(hear(&fetch, typed).0, Verdict::Right, "{typed}");
    }
    let letter = question("journey", 19);
    assert_eq!(hear(&letter, "the message").0, Verdict::Right);
    assert_eq!(hear(&letter, "QUIT").0, Verdict::Wrong);
}

#[test]
fn a_typed_code_alone_is_right_on_the_code() {
    let reply = question("unknown-user", 38);
    assert_eq!(reply.truth.code, "550 5.1.1");
    assert_eq!(hear(&reply, "550"), (Verdict::Right, "Right: 550.".to_owned()));
    assert_eq!(hear(&reply, "550 5.1.1 whatever it says").0, Verdict::Right);
    let other = hear(&reply, "550 5.7.1");
    assert_eq!(other, (Verdict::Partly, "Partly: 550 is right, but not with 5.7.1 behind it.".to_owned()));
    assert_eq!(hear(&reply, "5xx").0, Verdict::Partly);
    assert_eq!(hear(&reply, "554").0, Verdict::Partly);
    assert_eq!(hear(&reply, "250").0, Verdict::Wrong);
    let misled = reply.typed("450").unwrap();
    assert_eq!((misled.verdict, misled.misconception.map(|row| row.number)), (Verdict::Wrong, Some(9)));
    assert!(misled.because.contains("try again later"), "{}", misled.because);
    let pop3 = question("maildrop-lock", 76);
    for typed in ["-ERR", "err", "-err [in-use]"] {
        assert_eq!(hear(&pop3, typed).0, Verdict::Right, "{typed}");
    }
    assert_eq!(hear(&pop3, "+OK").0, Verdict::Wrong);
    assert_eq!(hear(&pop3, "-ERR [AUTH]").0, Verdict::Partly);
    let exists = question("journey", 64);
    assert_eq!(hear(&exists, "* 1 EXISTS").0, Verdict::Right);
    assert_eq!(hear(&exists, "exists").0, Verdict::Right);
    assert!(hear(&exists, "* 3 exists").1.contains("the number is 1, not 3"));
    let tagged = question("journey", 55);
    assert_eq!(hear(&tagged, "OK").0, Verdict::Right);
    assert_eq!(hear(&tagged, "a1 NO").0, Verdict::Wrong);
}

#[test]
fn calls_and_lookups_can_be_typed_too() {
    let call = question("journey", 30);
    assert_eq!(hear(&call, "mx1.example.net port 25").0, Verdict::Right);
    let mx = question("journey", 24);
    for typed in ["MX", "example.net MX", "mx example.net?"] {
        assert_eq!(hear(&mx, typed).0, Verdict::Right, "{typed}");
    }
    assert_eq!(hear(&mx, "A").0, Verdict::Wrong);
    let none = question("nxdomain", 25);
    assert_eq!(hear(&none, "nxdomain").0, Verdict::Right);
    let refused = question("mx1-down", 31);
    assert_eq!(hear(&refused, "refused").0, Verdict::Right);
}

#[test]
fn the_score_counts_first_answers_and_names_what_misled() {
    let mut score = Score::default();
    assert_eq!(score.sentences(), ["No question was answered yet."]);
    let (mx, rcpt) = (question("journey", 24), question("unknown-user", 38));
    score.take(&mx, &mx.typed("A").unwrap());
    score.take(&mx, &mx.typed("MX").unwrap());
    score.take(&rcpt, &rcpt.typed("450").unwrap());
    score.take(&question("journey", 14), &question("journey", 14).typed("RCPT").unwrap());
    let said = score.sentences();
    assert_eq!(said[..3], ["1 of 3 right at the first try.", "DNS: 0 of 1.", "SMTP: 1 of 2."]);
    assert!(said.iter().any(|s| s.starts_with("Met: “450 means that there is no such user”.")), "{said:?}");
}

/// A session with STARTTLS: the hello is said again, and the rule for it is offered.
#[test]
fn after_starttls_the_hello_is_asked_about() {
    use crate::trace::{Conn, Data, Layer, Opened, Record, Transport};
    let head = testing::head();
    let at = crate::base::Instant::from_secs(1);
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:40000".parse().unwrap(),
        server: "192.0.2.25:587".parse().unwrap(),
    };
    let mut records = vec![Record::Head(head), Record::Open { at, open }];
    let lines = [
        (Direction::Server, Layer::Wire, "220 mail.example.com ESMTP"),
        (Direction::Client, Layer::Wire, "EHLO alice-laptop.example.com"),
        (Direction::Server, Layer::Wire, "250-mail.example.com\r\n250 STARTTLS"),
        (Direction::Client, Layer::Wire, "STARTTLS"),
        (Direction::Server, Layer::Wire, "220 2.0.0 go ahead"),
        (Direction::Client, Layer::Plain, "EHLO alice-laptop.example.com"),
    ];
    for (from, layer, line) in lines {
        let bytes = format!("{line}\r\n").into_bytes();
        records.push(Record::Data { at, data: Data { conn: Conn(1), from, layer, bytes } });
    }
    records.push(Record::End { at });
    let mut index = StoryIndex::of_records(Arc::from(records));
    let all = questions(&mut index, &BTreeMap::new(), 1);
    let (step, question) = all.last().unwrap();
    assert_eq!((step.verb.as_str(), step.layer), ("EHLO", Layer::Plain));
    let choices = question.clone().unwrap().choices;
    let numbers: Vec<u8> = choices.iter().filter_map(|c| c.misconception).map(|row| row.number).collect();
    assert!(numbers.contains(&13), "{choices:?}");
}
