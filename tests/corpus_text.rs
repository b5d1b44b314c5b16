//! Pasted sessions, held against texts that others wrote: every line's direction, kind and note.
//!
//! The figures are printed (`cargo nextest run --no-capture corpus_text`), and must not fall.

use postroad::dissect::{Kind, Protocol, Step};
use postroad::explain::{Item, Note, Story};
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
