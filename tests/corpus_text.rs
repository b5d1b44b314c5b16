//! Pasted sessions, held against texts that others wrote: every line's direction, kind and note.
//!
//! The figures are printed (`cargo nextest run --no-capture corpus_text`), and must not fall.

#![allow(clippy::print_stderr, reason = "shares are printed as figures")]

use postroad::dissect::{Kind, Protocol, Step};
use postroad::explain::{Item, Note, Story};
use postroad::import::message::{self, MimePart};
use postroad::import::text::{self, Limits, Line, Pasted, Role, Speech};
use postroad::trace::{Direction, Record};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The corpus that others made, where it is; else the test of this name is skipped, unless nothing may be.
fn corpus(test: &str) -> Option<PathBuf> {
    let corpus = std::env::var_os("POSTROAD_CORPUS").map(PathBuf::from).filter(|p| p.is_dir());
    if corpus.is_none() {
        let required = std::env::var_os("POSTROAD_REQUIRE_ALL").is_some_and(|v| v == "1");
        assert!(!required, "{test}: POSTROAD_CORPUS names no folder");
        eprintln!("skipped: {test}: POSTROAD_CORPUS names no folder");
    }
    corpus
}

/// Steps and notes of a pasted text.
fn told(pasted: &Pasted) -> Vec<(Step, Note)> {
    let Some(Record::Head(head)) = pasted.records.first() else { panic!("no head") };
    let mut story = Story::new(head);
    let mut items: Vec<Item> =
        pasted.records.iter().enumerate().flat_map(|(index, record)| story.push(index, record)).collect();
    items.extend(story.finish());
    let steps = items.into_iter().filter_map(|item| match item {
        Item::Step(step, note) => Some((*step, *note)),
        _ => None,
    });
    steps.collect()
}

/// The Step that a line became part of.
fn step_of<'a>(told: &'a [(Step, Note)], line: &Line) -> Option<&'a (Step, Note)> {
    told.iter().find(|(step, _)| {
        let here = (Some(step.conn), Some(step.from), step.layer) == (line.conn, line.from, line.layer);
        here && step.range.start <= line.range.start
            && line.range.end <= step.range.end
            && !step.range.is_empty()
    })
}

/// Who speaks by the mark in the text, and what is said; `None` for what is unmarked.
fn marked(line: &str, sender: bool) -> Option<(Option<Direction>, &str)> {
    let client = |rest| Some((Some(Direction::Client), rest));
    let server = |rest| Some((Some(Direction::Server), rest));
    if line.starts_with("C & S:") {
        return Some((None, line));
    }
    let (mark, rest) = line.split_once([':', ' ']).unwrap_or((line, ""));
    let rest = rest.trim_start_matches(' ');
    match mark {
        "C" | ">>>" => client(rest),
        "S" if sender => client(rest),
        "S" | "R" | "<<<" => server(rest),
        _ => None,
    }
}

/// What kind of Step a line must be in, told by the text alone: which line begins a session, which is in a message,
/// which goes on with a login. Written without the importer and the readers.
#[derive(Default)]
struct Oracle {
    message: bool,
    list: bool,
    chunk: bool,
    multi: Vec<bool>,
    login: bool,
    answer: bool,
    literal: Option<Direction>,
    spoken: bool,
}

fn code(text: &str) -> Option<&str> {
    text.get(..3).filter(|c| c.bytes().all(|b| b.is_ascii_digit()))
}

impl Oracle {
    fn kinds(&mut self, speech: Speech, from: Direction, text: &str) -> &'static [Kind] {
        let first = !std::mem::replace(&mut self.spoken, true);
        match (speech, from) {
            (Speech::Smtp, Direction::Client) => self.smtp_client(text, first),
            (Speech::Smtp, Direction::Server) => {
                if text.get(3..4) != Some("-") {
                    self.message |= code(text) == Some("354");
                    self.answer |= code(text) == Some("334");
                }
                if first && matches!(code(text), Some("220" | "554")) {
                    &[Kind::Greeting]
                } else if code(text) == Some("220") {
                    &[Kind::Greeting, Kind::Reply]
                } else {
                    &[Kind::Reply]
                }
            }
            (Speech::Pop3, Direction::Client) => {
                if std::mem::take(&mut self.answer) {
                    return &[Kind::Continuation];
                }
                let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
                let several = matches!(verb, "RETR" | "TOP" | "CAPA")
                    || matches!(verb, "LIST" | "UIDL") && rest.is_empty();
                self.multi.push(several);
                &[Kind::Command]
            }
            (Speech::Pop3, Direction::Server) => {
                if self.list {
                    self.list = text != ".";
                    return &[Kind::Reply, Kind::Data];
                }
                if text.starts_with("+ ") || text == "+" {
                    self.answer = true;
                    return &[Kind::Reply, Kind::Continuation];
                }
                if first {
                    return &[Kind::Greeting];
                }
                let several = !self.multi.is_empty() && self.multi.remove(0);
                self.list = several && text.starts_with("+OK");
                &[Kind::Reply]
            }
            (Speech::Imap, from) => self.imap(from, text, first),
        }
    }

    fn smtp_client(&mut self, text: &str, first: bool) -> &'static [Kind] {
        if self.message {
            self.message = text != ".";
            return &[Kind::Data];
        }
        if std::mem::take(&mut self.answer) {
            return &[Kind::Continuation];
        }
        let verb = text.split(' ').next().unwrap_or_default();
        let known = [
            "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "VRFY", "EXPN", "STARTTLS",
            "AUTH",
        ];
        if self.chunk && !known.contains(&verb) || first && text == "." {
            return &[Kind::Data];
        }
        self.chunk = verb == "BDAT";
        &[Kind::Command]
    }

    fn imap(&mut self, from: Direction, text: &str, first: bool) -> &'static [Kind] {
        let announces = text.ends_with('}');
        if self.literal == Some(from) && (from == Direction::Client || !text.contains(" OK ")) {
            // The rest of the command or the response, with its literal.
            if from == Direction::Server && text.starts_with(')') {
                self.literal = None;
            }
            return if from == Direction::Client {
                &[Kind::Command, Kind::Continuation, Kind::Data]
            } else {
                &[Kind::Untagged]
            };
        }
        if from == Direction::Server {
            if text.starts_with('+') {
                self.answer = self.login;
                return &[Kind::Reply];
            }
            if announces {
                self.literal = Some(from);
            } else {
                self.literal = None;
            }
            if let Some(rest) = text.strip_prefix("* ") {
                let greets = ["OK", "PREAUTH", "BYE"].iter().any(|w| rest.starts_with(w));
                return if first && greets { &[Kind::Greeting] } else { &[Kind::Untagged] };
            }
            self.login = false;
            return &[Kind::Reply];
        }
        if std::mem::take(&mut self.answer) || text == "DONE" {
            return &[Kind::Continuation];
        }
        self.login = text.to_ascii_uppercase().contains(" AUTHENTICATE ");
        if announces {
            self.literal = Some(from);
        }
        &[Kind::Command]
    }
}

#[derive(Default)]
struct Share {
    lines: usize,
    direction: usize,
    kind: usize,
    note: usize,
    asides: usize,
    wrapped: usize,
}

/// The dialogues of the RFCs that speak SMTP, POP3 or IMAP: name, text, what they speak. The others (ACAP, SASL in
/// the abstract) are told by what a line of theirs looks like.
fn dialogues(corpus: &std::path::Path) -> Vec<(String, String, Speech)> {
    let truth = std::fs::read_to_string(corpus.join("truth/rfc_dialogs.json")).expect("the truth is there");
    let truth: Vec<serde_json::Value> = serde_json::from_str(&truth).expect("JSON");
    let mut out = Vec::new();
    for entry in truth {
        let name = entry["file"].as_str().expect("a name").to_owned();
        let text =
            std::fs::read_to_string(corpus.join("rfc/dialogs").join(&name)).expect("the dialogue is there");
        let speech = match (entry["proto"].as_str(), entry["rfc"].as_u64()) {
            // The truth calls CAPA's and AUTH's dialogues IMAP for their words; RFC 2449 and RFC 5034 are of POP3.
            (_, Some(2449 | 5034)) => Speech::Pop3,
            (Some("SMTP"), _) => Speech::Smtp,
            (Some("POP3"), _) => Speech::Pop3,
            (Some("IMAP"), _) => Speech::Imap,
            // Unnamed there: IMAP, but for ACAP and the outlines of RFC 4422.
            _ if text.contains("ACAP") || !text.contains(" OK") && !text.contains("VANISHED") => continue,
            _ => Speech::Imap,
        };
        out.push((name, text, speech));
    }
    out
}

#[test]
#[expect(clippy::too_many_lines, reason = "one loop over all dialogues, told in order")]
fn every_line_of_the_rfcs_dialogues_has_its_side_its_kind_and_its_note() {
    let name = "every_line_of_the_rfcs_dialogues_has_its_side_its_kind_and_its_note";
    let Some(corpus) = corpus(name) else { return };
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, dialogue, speech) in dialogues(&corpus) {
        let Some(pasted) = text::read(dialogue.as_bytes(), Limits::default()) else {
            wrong.push(format!("{name}: not read"));
            continue;
        };
        if pasted.speech != speech {
            wrong.push(format!("{name}: taken for {:?}", pasted.speech));
        }
        let told = told(&pasted);
        let sender = dialogue.lines().any(|l| l.starts_with("R:"));
        let share = shares.entry(speech.name()).or_default();
        let mut oracle = Oracle::default();
        for (number, line) in dialogue.lines().enumerate().map(|(i, l)| (i + 1, l)) {
            if line.trim().is_empty() {
                continue;
            }
            let Some(read) = pasted.lines.iter().find(|l| l.number == number) else {
                wrong.push(format!("{name}:{number}: lost: {line}"));
                continue;
            };
            let Some((side, text)) = marked(line, sender) else {
                // Unmarked lines: the rest of a long one, or an aside; never lost.
                share.wrapped += usize::from(read.role == Role::Wrapped);
                share.asides += usize::from(read.role == Role::Aside);
                if read.role == Role::Noise {
                    wrong.push(format!("{name}:{number}: dropped: {line}"));
                }
                continue;
            };
            share.lines += 1;
            let direction = read.from == side && !read.guessed;
            share.direction += usize::from(direction);
            if !direction {
                wrong.push(format!("{name}:{number}: {:?}: {line}", read.from));
            }
            let stage_direction = (text.starts_with(['<', '(']) || text.starts_with("...") || side.is_none())
                && !oracle.message
                && !oracle.list
                && !oracle.chunk;
            if stage_direction {
                share.asides += 1;
                let aside = read.role == Role::Aside;
                share.kind += usize::from(aside);
                share.note += usize::from(aside);
                if !aside {
                    wrong.push(format!("{name}:{number}: {:?}, no aside: {line}", read.role));
                }
                continue;
            }
            let Some(side) = side else { continue };
            let kinds = oracle.kinds(speech, side, text);
            let Some((step, note)) = step_of(&told, read) else {
                wrong.push(format!("{name}:{number}: in no step: {line}"));
                continue;
            };
            let right = kinds.contains(&step.kind) && step.protocol != Protocol::Unknown;
            share.kind += usize::from(right);
            if !right {
                wrong.push(format!("{name}:{number}: {:?} not {kinds:?}: {line}", step.kind));
            }
            share.note += usize::from(!note.is_generic());
            if note.is_generic() {
                wrong.push(format!("{name}:{number}: no note ({} {}): {line}", step.verb, step.code));
            }
        }
    }
    eprintln!("{}", wrong.join("\n"));
    for (protocol, share) in &shares {
        let percent = |n: usize| 100.0 * n as f64 / share.lines as f64;
        eprintln!(
            "corpus_text: {protocol}: {} lines: direction {:.2} %, kind {:.2} %, specific note {:.2} % ({} asides, {} wrapped lines besides)",
            share.lines,
            percent(share.direction),
            percent(share.kind),
            percent(share.note),
            share.asides,
            share.wrapped
        );
    }
    let all = |share: &Share| [share.direction, share.kind, share.note] == [share.lines; 3];
    assert!(shares.len() == 3 && shares.values().all(all), "{} wrong", wrong.len());
    assert!(wrong.is_empty());
}

/// The share of lines whose side is guessed right once the marks are taken away: the text is what remains.
#[test]
fn sides_are_guessed_where_the_marks_are_taken_away() {
    let Some(corpus) = corpus("sides_are_guessed_where_the_marks_are_taken_away") else { return };
    let mut shares: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, dialogue, speech) in dialogues(&corpus) {
        let sender = dialogue.lines().any(|l| l.starts_with("R:"));
        let mut bare = String::new();
        let mut truth = Vec::new();
        for line in dialogue.lines() {
            match marked(line, sender) {
                Some((Some(side), text)) => {
                    let aside = text.starts_with(['<', '(']) || text.starts_with("...") || text.is_empty();
                    truth.push((!aside).then_some(side));
                    bare += text;
                }
                _ => {
                    truth.push(None);
                    bare += line;
                }
            }
            bare.push('\n');
        }
        let (right, all) = shares.entry(speech.name()).or_default();
        let read = text::read(bare.as_bytes(), Limits::default());
        for (index, side) in truth.iter().enumerate() {
            let Some(side) = side else { continue };
            *all += 1;
            let line = read.as_ref().and_then(|r| r.lines.iter().find(|l| l.number == index + 1));
            let fits = line.is_some_and(|l| l.guessed && l.from == Some(*side));
            *right += usize::from(fits);
            if !fits {
                wrong.push(format!("{name}:{}: {line:?}: {:?}", index + 1, bare.lines().nth(index)));
            }
        }
    }
    eprintln!("{}", wrong.join("\n"));
    for (protocol, (right, all)) in &shares {
        let share = 100.0 * *right as f64 / *all as f64;
        eprintln!("corpus_text: {protocol}: {share:.2} % of {all} directions guessed right without any mark");
        assert!(share >= 97.0, "{protocol}");
    }
    assert_eq!(shares.len(), 3);
}

/// Lines of one side alone, as others wrote them into tests and tables: who says them is known from where they stand.
fn one_sided(corpus: &std::path::Path) -> Vec<(&'static str, String, String, Direction)> {
    let folder = corpus.join("transcripts");
    let mut out = Vec::new();
    let mut waiting = vec![folder];
    let mut paths = Vec::new();
    while let Some(path) = waiting.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => waiting.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => paths.push(path),
        }
    }
    paths.sort();
    for path in paths {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let from = path.display().to_string();
        if name.ends_with(".xml") {
            // What curl's tests expect a client to send; what stands in percent signs is filled in there.
            let block = text.split_once("<protocol").and_then(|(_, rest)| rest.split_once('>'));
            let block = block.and_then(|(_, rest)| rest.split_once("</protocol>")).map(|(block, _)| block);
            let block = block.unwrap_or_default().replace("\r", "");
            if !block.contains('%') && !block.trim().is_empty() {
                out.push(("curl", name, block, Direction::Client));
            }
        } else if from.contains("mailkit") && name.ends_with(".txt") {
            // MailKit's tests put the tag of the moment where eight of these stand.
            out.push(("mailkit", name, text.replace("A########", "A00000001"), Direction::Server));
        } else if name == "smtp_banners.tsv" {
            let banners =
                text.lines().filter_map(|line| line.split('\t').nth(1)).filter(|b| !b.trim().is_empty());
            for banner in banners {
                out.push(("recog", name.clone(), format!("220 {banner}\n"), Direction::Server));
            }
        }
    }
    out
}

/// Transcripts without a truth file: how many lines get their side and a note of their own.
#[test]
fn one_side_of_a_session_is_told_too() {
    let Some(corpus) = corpus("one_side_of_a_session_is_told_too") else { return };
    let mut shares: BTreeMap<&str, (Share, Vec<String>)> = BTreeMap::new();
    for (source, name, block, side) in one_sided(&corpus) {
        let (share, wrong) = shares.entry(source).or_default();
        let lines: Vec<(usize, &str)> =
            block.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
        share.lines += lines.len();
        let Some(pasted) = text::read(block.as_bytes(), Limits::default()) else {
            wrong.push(format!("{name}: not read: {}", lines.first().map_or("", |(_, line)| line)));
            continue;
        };
        let told = told(&pasted);
        for (index, line) in lines {
            let read = pasted.lines.iter().find(|l| l.number == index + 1);
            let fits = read.is_some_and(|l| l.from == Some(side));
            share.direction += usize::from(fits);
            let noted = read.and_then(|l| step_of(&told, l)).is_some_and(|(_, note)| !note.is_generic());
            share.note += usize::from(noted);
            if !fits || !noted {
                let role = read.map(|l| (l.role, l.from));
                wrong.push(format!("{name}:{}: {role:?}, note {noted}: {line}", index + 1));
            }
        }
    }
    let held: BTreeMap<&str, [f64; 2]> =
        [("curl", [97.0, 97.0]), ("mailkit", [100.0, 100.0]), ("recog", [100.0, 100.0])].into();
    for (source, (share, wrong)) in &shares {
        let percent = |n: usize| 100.0 * n as f64 / share.lines as f64;
        // A few of each file: one that is misread is misread in all its lines.
        let mut last = ("", 0);
        for line in wrong {
            let file = line.split(':').next().unwrap_or_default();
            last = if last.0 == file { (file, last.1 + 1) } else { (file, 0) };
            if last.1 < 3 {
                eprintln!("{}", line.chars().take(200).collect::<String>());
            }
        }
        let (direction, note) = (percent(share.direction), percent(share.note));
        eprintln!(
            "corpus_text: {source}: {} lines of one side: direction {direction:.2} %, specific note {note:.2} %",
            share.lines
        );
        assert!(direction >= held[source][0] && note >= held[source][1], "{source}");
    }
    assert_eq!(shares.len(), held.len());
}

/// Messages against Python's email package: fields, Received lines, types of the leaves, reports.
#[test]
fn messages_are_read_as_python_reads_them() {
    let Some(corpus) = corpus("messages_are_read_as_python_reads_them") else { return };
    let truth = std::fs::read_to_string(corpus.join("truth/messages.json")).expect("the truth is there");
    let truth: BTreeMap<String, serde_json::Value> = serde_json::from_str(&truth).expect("JSON");
    let mut shares: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, want) in &truth {
        let Ok(bytes) = std::fs::read(corpus.join("messages").join(name)) else {
            wrong.push(format!("{name}: not there"));
            continue;
        };
        let read = message::read(&bytes, message::Limits::default());
        let mut hold = |what: &'static str, got: String, want: String| {
            let (right, all) = shares.entry(what).or_default();
            *all += 1;
            *right += usize::from(got == want);
            if got != want {
                wrong.push(format!("{name}: {what}: {got}, and Python has {want}"));
            }
        };
        assert_eq!(read.octets as u64, want["bytes"].as_u64().expect("a size"), "{name}");
        hold("fields", read.field_count.to_string(), want["headers"].to_string());
        hold("received", read.hops.len().to_string(), want["received"].to_string());
        let top = read.parts.first().map(|p| p.media_type.clone()).unwrap_or_default();
        hold("type", top, want["content_type"].as_str().unwrap_or_default().to_owned());
        // Python's truth counts every multipart/report, and every message/delivery-status.
        let report = !read.report_type.is_empty() || read.report.is_some();
        hold("report", report.to_string(), want["is_dsn"].to_string());
        // Python takes every other message/* apart too: each group of fields of a delivery-status is a part to it.
        let as_python = |p: &MimePart| match p.media_type.as_str() {
            "message/delivery-status" => {
                let groups = read.report.as_ref().map_or(1, |r| r.groups);
                vec!["text/plain".to_owned(); groups]
            }
            other if other.starts_with("message/") => vec!["text/plain".to_owned()],
            other => vec![other.to_owned()],
        };
        let leaves: Vec<String> = read.parts.iter().filter(|p| !p.holds_parts).flat_map(as_python).collect();
        let wanted: Vec<_> =
            want["leaf_types"].as_array().into_iter().flatten().filter_map(|t| t.as_str()).collect();
        hold("leaves", leaves.join(" "), wanted.join(" "));
    }
    eprintln!("{}", wrong.join("\n"));
    // Held at what is reached. Differences: Python stops at the first line that is no field (two files), and takes
    // the first of two Content-Type fields; RFC 2046 knows neither case. Python counts as a report what has both
    // parts inside, we what says so in its type. It makes a part of each empty group in a delivery status.
    let held: BTreeMap<&str, usize> =
        [("fields", 629), ("received", 630), ("type", 630), ("report", 621), ("leaves", 581)].into();
    for (what, (right, all)) in &shares {
        eprintln!("corpus_text: messages: {what}: {right} of {all} as Python's email package");
        assert!(right >= &held[what], "{what}: {right} of {all}");
    }
    assert_eq!(shares.len(), held.len());
}
