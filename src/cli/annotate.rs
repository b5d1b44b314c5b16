//! `postroad annotate FILE`: add, list, change and remove what a person writes into a recording.
//!
//! Marks are records of their own, put next to what they are about. No byte of the recording is changed by them.

use super::open::{self, Source};
use super::{CommandError, fullscreen, notes, onto, screen};
use crate::base::escape;
use crate::dissect::{Dissector, Step};
use crate::explain::placing::is_about;
use crate::trace::answers::{Answers, choices};
use crate::trace::marks::{self, Place, Streams};
use crate::trace::{Mark, Record, Transcript};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Characters of a quote that a list shows.
const SHOWN: usize = 50;

/// `postroad annotate`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Annotate {
    /// The transcript: a file, or a recording of the library (then with -o).
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub what: String,
    /// Where the result goes. [default: FILE itself]
    #[arg(short, long, value_name = "OUT", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Who writes.
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,

    /// The step that it is about, by its number in `postroad replay`.
    #[arg(long, value_name = "STEP", value_parser = step_number, help_heading = "Adding")]
    pub at: Option<usize>,
    /// A chapter begins before this step.
    #[arg(long, value_name = "TEXT", help_heading = "Adding")]
    pub chapter: Option<String>,
    /// A comment on this step.
    #[arg(long, value_name = "TEXT", help_heading = "Adding")]
    pub comment: Option<String>,
    /// A stretch of the step: bytes A..B of it, or words that stand in it. With --comment, the comment is about it.
    #[arg(long, value_name = "A..B|WORDS", help_heading = "Adding")]
    pub highlight: Option<String>,
    /// A question.
    #[arg(long, value_name = "TEXT", requires = "answer", help_heading = "Adding")]
    pub question: Option<String>,
    /// The right answer to the question; or, with --reply-to, a student's answer.
    #[arg(long, value_name = "TEXT", help_heading = "Adding")]
    pub answer: Option<String>,
    /// A wrong answer that is offered beside the right one. May be given several times.
    #[arg(long, value_name = "TEXT", action = clap::ArgAction::Append, requires = "question", help_heading = "Adding")]
    pub wrong: Vec<String>,
    /// Stop here in front of a class, with this text.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "", help_heading = "Adding")]
    pub pause: Option<String>,
    /// Answer a question of the recording, by its id in --list (q1).
    #[arg(long, value_name = "ID", requires = "answer", conflicts_with_all = ["question", "at"],
          help_heading = "Adding")]
    pub reply_to: Option<String>,

    /// List all marks, with numbers and ids.
    #[arg(long, help_heading = "What is there")]
    pub list: bool,
    /// Put this text in place of mark N's.
    #[arg(long, value_names = ["N", "TEXT"], num_args = 2, help_heading = "What is there")]
    pub edit: Vec<String>,
    /// Remove mark N.
    #[arg(long, value_name = "N", help_heading = "What is there")]
    pub remove: Option<usize>,

    /// Carry all marks over to NEW, another recording of the same story.
    #[arg(long, value_name = "NEW", value_hint = clap::ValueHint::FilePath, help_heading = "Elsewhere",
          conflicts_with_all = ["at", "list", "edit", "remove", "reply_to", "extract"])]
    pub onto: Option<String>,
    /// Take comments and answers out into an answers file (to OUT, or to the standard output).
    #[arg(long, help_heading = "Elsewhere", conflicts_with_all = ["at", "list", "edit", "remove", "reply_to"])]
    pub extract: bool,
}

const EXAMPLES: &str = "\
Examples:
  postroad annotate class.jsonl
      before a terminal: the full screen, in which A writes at a step
  postroad annotate journey -o class.jsonl --at 14 --comment \"This decides where the letter goes\"
  postroad annotate class.jsonl --at 14 --highlight \"bob@example.net\"
  postroad annotate class.jsonl --at 14 --question \"Who reads this?\" --answer \"The next server\" \\
      --wrong \"Bob\" --wrong \"Nobody\"
  postroad annotate class.jsonl --at 20 --pause
  postroad annotate class.jsonl --list
  postroad annotate class.jsonl --remove 2
  postroad annotate old.jsonl --onto new.jsonl -o new-annotated.jsonl
  postroad annotate ann.jsonl --reply-to q1 --answer \"The next server\" --author Ann
  postroad annotate ann.jsonl --extract --author Ann -o ann.json
  postroad grade class.jsonl ann.json";

fn step_number(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "a step is named by its number, as in 14; `postroad replay` shows numbers")
}

/// Do what was asked.
pub fn run(args: &Annotate) -> Result<(), CommandError> {
    let source = Source::find(&args.what)?;
    if asks_nothing(args) && source != Source::Stdin && fullscreen::is_possible() {
        return notes::run(source, args.author.as_deref());
    }
    let (mut transcript, issues) = source.load()?;
    open::tell_troubles(&source, &issues);
    if args.answer.is_some() && args.question.is_none() && args.reply_to.is_none() {
        let hint = "--question TEXT --answer TEXT asks something; --reply-to q1 --answer TEXT answers it";
        return Err(CommandError::usage("to which question is that the answer?", hint));
    }
    if args.extract {
        return extract(args, &transcript);
    }
    if let Some(new) = &args.onto {
        return carry(args, &transcript, &Source::find(new)?);
    }
    let asked = [args.at.is_some(), !args.edit.is_empty(), args.remove.is_some(), args.reply_to.is_some()];
    match asked.iter().filter(|asked| **asked).count() {
        0 if args.list => return list(&transcript.records),
        1 => {}
        0 if new_texts(args) => {
            return Err(CommandError::usage(
                "which step is it about?",
                "name it: --at 14; `postroad replay` shows numbers",
            ));
        }
        0 => {
            let hint = "--at STEP --comment TEXT adds a comment, --list shows what is there; see --help";
            return Err(CommandError::usage("nothing to do", hint));
        }
        _ => {
            let hint = "--at, --reply-to, --edit and --remove go one at a time";
            return Err(CommandError::usage("that is more than one thing at a time", hint));
        }
    }
    if let Some(number) = args.at {
        add(&mut transcript.records, number, args)?;
    } else if let Some(question) = &args.reply_to {
        reply(&mut transcript.records, question, args)?;
    } else if let Some(number) = args.remove {
        let index = numbered(&transcript.records, number)?;
        transcript.records.remove(index);
    } else {
        edit(&mut transcript.records, args)?;
    }
    save(args, &source, &transcript, issues.len())?;
    if args.list { list(&transcript.records) } else { Ok(()) }
}

/// Whether no more than a recording is named: then it is walked, and annotated on the way.
fn asks_nothing(args: &Annotate) -> bool {
    let one = [args.at.is_some(), args.remove.is_some(), args.list, args.extract, args.output.is_some()];
    let other = [&args.answer, &args.reply_to, &args.onto].iter().any(|text| text.is_some());
    !one.contains(&true) && !other && args.edit.is_empty() && args.wrong.is_empty() && !new_texts(args)
}

fn new_texts(args: &Annotate) -> bool {
    [&args.chapter, &args.comment, &args.highlight, &args.question, &args.pause]
        .iter()
        .any(|text| text.is_some())
}

/// All Steps of a recording.
pub(super) fn steps(records: &[Record]) -> Vec<Step> {
    let mut dissector = Dissector::new();
    let mut steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    steps.extend(dissector.finish());
    steps
}

/// Add marks at a Step.
pub(super) fn add(records: &mut Vec<Record>, number: usize, args: &Annotate) -> Result<(), CommandError> {
    let steps = steps(records);
    let Some(step) = number.checked_sub(1).and_then(|i| steps.get(i)) else {
        let message = format!("there is no step {number}: this recording has steps 1 to {}", steps.len());
        return Err(CommandError::usage(message, "`postroad replay` shows their numbers"));
    };
    not_empty(args)?;
    let stretch = args.highlight.as_deref().map(|words| stretch(step, words)).transpose()?;
    let mut added: Vec<Mark> = Vec::new();
    let mut mark = |kind: &str, text: &str, stretch: Option<(usize, usize)>| {
        let mark = anchored(step, stretch);
        added.push(Mark { kind: kind.to_owned(), text: text.trim().to_owned(), ..mark });
    };
    if let Some(text) = &args.chapter {
        mark("chapter", text, None);
    }
    match (&args.comment, stretch) {
        (Some(text), stretch) => mark("comment", text, stretch),
        (None, Some(stretch)) => mark("highlight", "", Some(stretch)),
        (None, None) => {}
    }
    if let Some(text) = &args.question {
        mark("question", text, None);
    }
    if let Some(text) = &args.pause {
        mark("pause", text, None);
    }
    if added.is_empty() {
        let hint =
            "--comment TEXT, --chapter TEXT, --highlight WORDS, --question TEXT --answer TEXT, or --pause";
        return Err(CommandError::usage(format!("what is to be added at step {number}?"), hint));
    }
    // A chapter goes in front of the step, and would move it: so it comes last.
    added.sort_by_key(|mark| mark.kind == "chapter");
    for mut mark in added {
        mark.author = args.author.clone().unwrap_or_default();
        if mark.kind == "question" {
            mark.answer = args.answer.as_deref().unwrap_or_default().trim().to_owned();
            mark.wrong = args.wrong.iter().map(|wrong| wrong.trim().to_owned()).collect();
        }
        mark.id = free_id(records, &mark.kind);
        insert(records, step.record, mark);
    }
    Ok(())
}

/// What is added says something, and a question has one right answer.
fn not_empty(args: &Annotate) -> Result<(), CommandError> {
    let given = [
        ("--chapter", &args.chapter),
        ("--comment", &args.comment),
        ("--highlight", &args.highlight),
        ("--question", &args.question),
        ("--answer", &args.answer),
    ];
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    if let Some((option, _)) = given.iter().find(|(_, text)| is_empty(text)) {
        let hint = format!("say what is meant: {option} \"…\"");
        return Err(CommandError::usage(format!("{option} was given no words"), hint));
    }
    let right = args.answer.as_deref().unwrap_or_default().trim();
    if args.wrong.iter().any(|wrong| wrong.trim() == right) {
        let message = format!("“{}” is given as the right answer and as a wrong one", escape::text(right));
        return Err(CommandError::usage(message, "give another text to --answer, or to --wrong"));
    }
    Ok(())
}

/// A mark about a Step, or about a stretch of it.
fn anchored(step: &Step, stretch: Option<(usize, usize)>) -> Mark {
    let (from, to) = stretch.unwrap_or((0, step.bytes.len()));
    let secrets: Vec<_> = step
        .secrets
        .iter()
        .filter(|secret| secret.end > from && secret.start < to)
        .map(|secret| {
            crate::base::Span::new(secret.start.saturating_sub(from), secret.end.saturating_sub(from))
        })
        .collect();
    let quoted = step.bytes.get(from..to).unwrap_or_default();
    Mark {
        conn: Some(step.conn),
        from: Some(step.from),
        layer: step.layer,
        range: Some((step.range.start + from as u64, step.range.start + to as u64)),
        quote: (!quoted.is_empty()).then(|| marks::quote(quoted, &secrets)),
        ..Mark::default()
    }
}

/// The bytes of a Step that are meant: `A..B`, or words that stand in it.
fn stretch(step: &Step, words: &str) -> Result<(usize, usize), CommandError> {
    let number = |text: &str| text.parse::<usize>().ok();
    if let Some((Some(from), Some(to))) = words.split_once("..").map(|(a, b)| (number(a), number(b))) {
        if from < to && to <= step.bytes.len() {
            return Ok((from, to));
        }
        if step.bytes.is_empty() {
            let message = format!("step {} has no bytes to highlight", step.number);
            return Err(CommandError::usage(
                message,
                "a connection opens or ends there: --comment TEXT says something about it",
            ));
        }
        let message = format!(
            "step {} has bytes 0..{}, so {from}..{to} is no stretch of it",
            step.number,
            step.bytes.len()
        );
        return Err(CommandError::usage(message, "count from 0; the end is not included"));
    }
    let wanted = words.as_bytes();
    let found = step.bytes.windows(wanted.len().max(1)).position(|window| window == wanted);
    found.map(|at| (at, at + wanted.len())).ok_or_else(|| {
        let message = format!("“{}” does not stand in step {}", escape::text(words), step.number);
        let secrets = if step.secrets.is_empty() { step.bytes.as_slice() } else { &[] };
        let hint = if secrets.is_empty() {
            String::new()
        } else {
            format!("it reads {}", short(&escape::line(secrets)))
        };
        CommandError::usage(message, hint)
    })
}

/// Put a mark where it belongs: a chapter before the record that its Step ends in, everything else behind it and behind
/// the marks that are there.
pub(super) fn insert(records: &mut Vec<Record>, at: usize, mark: Mark) {
    let is_mark = |record: Option<&Record>| matches!(record, Some(Record::Mark(_)));
    let mut index = if mark.kind == "chapter" { at } else { at + 1 };
    while mark.kind != "chapter" && is_mark(records.get(index)) {
        index += 1;
    }
    records.insert(index.min(records.len()), Record::Mark(mark));
}

/// An id that nothing has yet: `q1` for questions, `m1` for everything else.
fn free_id(records: &[Record], kind: &str) -> String {
    let letter = if kind == "question" { 'q' } else { 'm' };
    let taken = |id: &str| marks_of(records).any(|(_, mark)| mark.id == id);
    (1..).map(|n| format!("{letter}{n}")).find(|id| !taken(id)).unwrap_or_default()
}

/// All marks, with the index of their records.
pub(super) fn marks_of(records: &[Record]) -> impl Iterator<Item = (usize, &Mark)> {
    records.iter().enumerate().filter_map(|(index, record)| match record {
        Record::Mark(mark) => Some((index, mark)),
        _ => None,
    })
}

/// The record of mark number N of the list.
fn numbered(records: &[Record], number: usize) -> Result<usize, CommandError> {
    let found = number.checked_sub(1).and_then(|n| marks_of(records).nth(n));
    found.map(|(index, _)| index).ok_or_else(|| {
        let message = match marks_of(records).count() {
            0 => "this recording has no marks".to_owned(),
            n => format!("there is no mark {number}: they are numbered 1 to {n}"),
        };
        CommandError::usage(message, "--list shows them")
    })
}

fn edit(records: &mut [Record], args: &Annotate) -> Result<(), CommandError> {
    let [number, text] = args.edit.as_slice() else { return Ok(()) };
    let number = number.parse().map_err(|_| {
        CommandError::usage(
            format!("“{}” is no number of a mark", escape::text(number)),
            "--edit 2 \"the new text\"",
        )
    })?;
    let index = numbered(records, number)?;
    if let Some(Record::Mark(mark)) = records.get_mut(index) {
        mark.text = text.trim().to_owned();
    }
    Ok(())
}

/// A student's answer stands behind its question.
fn reply(records: &mut Vec<Record>, question: &str, args: &Annotate) -> Result<(), CommandError> {
    let asked = marks_of(records).find(|(_, mark)| mark.kind == "question" && mark.id == question);
    let Some((index, _)) = asked else {
        let ids: Vec<&str> =
            marks_of(records).filter(|(_, m)| m.kind == "question").map(|(_, m)| m.id.as_str()).collect();
        let message = format!("this recording has no question “{}”", escape::text(question));
        let hint = if ids.is_empty() {
            "it asks nothing".to_owned()
        } else {
            format!("there is {}", escape::text(&ids.join(", ")))
        };
        return Err(CommandError::usage(message, hint));
    };
    let mark = Mark {
        kind: "answer".to_owned(),
        text: args.answer.as_deref().unwrap_or_default().trim().to_owned(),
        id: free_id(records, "answer"),
        author: args.author.clone().unwrap_or_default(),
        to: question.to_owned(),
        ..Mark::default()
    };
    insert(records, index, mark);
    Ok(())
}

/// List the marks.
fn list(records: &[Record]) -> Result<(), CommandError> {
    let mut out = screen::out();
    let (streams, steps) = (Streams::of(records), steps(records));
    for (number, (_, mark)) in marks_of(records).enumerate() {
        let place = match streams.place(mark) {
            Place::Whole if mark.kind == "answer" => format!("to {}", escape::text(&mark.to)),
            Place::Whole => "the whole recording".to_owned(),
            Place::Elsewhere => "lost: what it is about is not in this recording".to_owned(),
            Place::Here => about(mark, &steps),
        };
        let kind = escape::text(&mark.kind);
        let author = if mark.author.is_empty() {
            String::new()
        } else {
            format!(" · {}", escape::text(&mark.author))
        };
        writeln!(out, "{:>3}  {:<4} {kind:<10} {place}{author}", number + 1, escape::text(&mark.id))?;
        if !mark.text.is_empty() {
            writeln!(out, "          {}", escape::text(&mark.text))?;
        }
        for choice in choices(mark).into_iter().filter(|choice| *choice != mark.answer) {
            writeln!(out, "          ✗ {}", escape::text(choice))?;
        }
        if !mark.answer.is_empty() {
            writeln!(out, "          ✓ {}", escape::text(&mark.answer))?;
        }
    }
    if marks_of(records).next().is_none() {
        writeln!(out, "nobody has added marks")?;
    }
    Ok(out.flush()?)
}

/// The Step that a mark is about, with what it quotes.
fn about(mark: &Mark, steps: &[Step]) -> String {
    let quote = mark.quote.as_deref().map(short).unwrap_or_default();
    match step_of(mark, steps) {
        Some(step) => format!("step {}  {quote}", step.number).trim_end().to_owned(),
        None => quote,
    }
}

/// The Step that a mark begins in.
pub(super) fn step_of<'s>(mark: &Mark, steps: &'s [Step]) -> Option<&'s Step> {
    steps.iter().find(|step| is_about(mark, step))
}

/// A quote for a list: escaped again, for it came from a file.
pub(super) fn short(quote: &str) -> String {
    let text = escape::text(quote);
    let cut: String = text.trim_end_matches("␍␊").chars().take(SHOWN).collect();
    if cut.len() < text.trim_end_matches("␍␊").len() { format!("{cut}…") } else { cut }
}

/// Take comments and answers out.
fn extract(args: &Annotate, transcript: &Transcript) -> Result<(), CommandError> {
    let author = args.author.clone().unwrap_or_default();
    let own = |mark: &&Mark| author.is_empty() || mark.author == author;
    let taken: Vec<&Mark> = marks_of(&transcript.records).map(|(_, mark)| mark).filter(own).collect();
    let title = transcript.head().map(|head| head.title.clone()).unwrap_or_default();
    let answers = Answers::of(&title, &author, taken);
    if answers.marks.is_empty() && answers.answers.is_empty() {
        let by = if author.is_empty() { String::new() } else { format!(" by {}", escape::text(&author)) };
        let _ = writeln!(std::io::stderr(), "note: there are no comments and no answers{by} in it");
    }
    match &args.output {
        Some(path) => write(path, answers.to_json().as_bytes()),
        None => {
            let mut out = screen::out();
            out.write_all(answers.to_json().as_bytes())?;
            Ok(out.flush()?)
        }
    }
}

/// Carry all marks over to another recording.
fn carry(args: &Annotate, old: &Transcript, new: &Source) -> Result<(), CommandError> {
    let (mut transcript, issues) = new.load()?;
    open::tell_troubles(new, &issues);
    let report = onto::carry(&old.records, &mut transcript.records);
    let out = Annotate { output: args.output.clone(), ..Annotate::default() };
    save(&out, new, &transcript, issues.len())?;
    let mut out = screen::out();
    writeln!(out, "{report}")?;
    Ok(out.flush()?)
}

/// Write the recording, to where it is to go.
fn save(
    args: &Annotate,
    source: &Source,
    transcript: &Transcript,
    issues: usize,
) -> Result<(), CommandError> {
    write(&target(args.output.as_deref(), source, issues)?, &transcript.to_bytes())
}

/// Where the recording goes: to `output`, or to where it came from if nothing is lost by that.
pub(super) fn target(output: Option<&Path>, source: &Source, issues: usize) -> Result<PathBuf, CommandError> {
    match (output, source) {
        (Some(path), _) => Ok(path.to_owned()),
        (None, Source::File(_)) if !source.is_plain_transcript() => {
            let message = format!("{} is a capture, or compressed: marks have no place in it", source.name());
            Err(CommandError::usage(message, "say where the annotated transcript goes: -o mine.jsonl"))
        }
        (None, Source::File(path)) if issues == 0 => Ok(path.clone()),
        (None, Source::File(_)) => {
            let message = format!("{} has lines that were left out, and they would be lost", source.name());
            Err(CommandError::failure(message, "write the result to another file: -o OUT"))
        }
        (None, _) => {
            let message = format!("{} is not a file that can be written to", source.name());
            Err(CommandError::usage(message, "say where the result goes: -o mine.jsonl"))
        }
    }
}

/// Write a whole file, or leave the old one: a half-written recording would be a lost one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    // A link stays one: the file that it stands for is written.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, bytes).and_then(|()| {
        // Who may read the old file may read the new one, and nobody else.
        if let Ok(about) = fs::metadata(path) {
            fs::set_permissions(&beside, about.permissions())?;
        }
        fs::rename(&beside, path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        CommandError::file("write", path, &error)
    })
}
