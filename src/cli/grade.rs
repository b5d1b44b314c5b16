//! `postroad grade MODEL ANSWERS…`: which lines were explained, which were not, which questions were right.

use super::annotate::{marks_of, short};
use super::lesson::grade as lesson;
use super::open::Source;
use super::{CommandError, screen};
use crate::base::escape;
use crate::trace::Mark;
use crate::trace::answers::{Answers, Grade as Compared, Verdict};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Octets of the largest answers file that is read.
const LARGEST: u64 = 16 << 20;

/// `postroad grade`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Grade {
    /// The instructor's annotated recording, or an answers file taken out of it; or a lesson's name or folder, or `lessons`
    /// for all of them.
    #[arg(value_name = "MODEL", value_hint = clap::ValueHint::FilePath)]
    pub model: String,
    /// The students' answers files (`postroad annotate --extract`, `postroad lesson --export`).
    #[arg(required = true, value_name = "ANSWERS", value_hint = clap::ValueHint::FilePath)]
    pub answers: Vec<PathBuf>,
    /// As CSV (RFC 4180): a row for each student and each line or question.
    #[arg(long)]
    pub csv: bool,
}

const EXAMPLES: &str = "\
Examples:
  postroad grade class.jsonl ann.json ben.json
  postroad grade class.jsonl answers/*.json --csv > class.csv
  postroad grade lessons answers/*.json --csv > course.csv

What was explained is compared by place, not by wording: a line counts as explained where a
comment stands on it. Free answers in other words than the model's are left for you to read.";

/// Compare.
pub fn run(args: &Grade) -> Result<(), CommandError> {
    if let Some(course) = lesson::find(&args.model)? {
        return lessons(args, &course);
    }
    let model = model(&args.model)?;
    if !model.iter().any(|mark| matches!(mark.kind.as_str(), "comment" | "question")) {
        let message =
            format!("{} has no comments and no questions to compare with", escape::text(&args.model));
        return Err(CommandError::failure(message, "add some: postroad annotate --help"));
    }
    let mut out = screen::out();
    if args.csv {
        row(&mut out, ["student", "file", "kind", "id", "line", "expected", "given", "result"])?;
    }
    for path in &args.answers {
        let answers = answers(path)?;
        let file = escape::text(&path.display().to_string());
        let grade = Compared::of(&model, &answers);
        if args.csv {
            csv(&mut out, &answers.author, &file, &grade)?;
        } else {
            tell(&mut out, &answers.author, &file, &grade)?;
        }
    }
    Ok(out.flush()?)
}

/// Compare answers with lessons.
fn lessons(args: &Grade, course: &lesson::Course) -> Result<(), CommandError> {
    if course.is_empty() {
        let message = format!("there is no lesson in {} that can be read", escape::text(&args.model));
        return Err(CommandError::failure(message, "postroad lesson check says what is wrong"));
    }
    let mut out = screen::out();
    if args.csv {
        row(&mut out, ["student", "file", "kind", "id", "line", "expected", "given", "result"])?;
    }
    for path in &args.answers {
        let answers = answers(path)?;
        let file = escape::text(&path.display().to_string());
        let graded = course.graded(&answers);
        if args.csv {
            for one in &graded {
                let (id, asked, expected) = (one.id.as_str(), one.asked.as_str(), one.expected.as_str());
                let result = result(one.verdict);
                row(&mut out, [&answers.author, &file, "activity", id, asked, expected, &one.given, result])?;
            }
            continue;
        }
        let who = match answers.author.as_str() {
            "" => file,
            author => format!("{} ({file})", escape::text(author)),
        };
        let right = graded.iter().filter(|one| one.verdict == Verdict::Right).count();
        writeln!(out, "{who}: {right} of {} activities right", graded.len())?;
        for one in &graded {
            let given = short(&one.given);
            match one.verdict {
                Verdict::Right => writeln!(out, "  ✓ {}", one.id)?,
                Verdict::Wrong => writeln!(out, "  ✗ {}: {given}", one.id)?,
                Verdict::Unanswered => writeln!(out, "  ✗ {}: not answered", one.id)?,
                Verdict::Unread => {
                    writeln!(out, "  ? {}: {} (to be read)", one.id, escape::text(&one.given))?
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Right => "right",
        Verdict::Wrong => "wrong",
        Verdict::Unanswered => "not answered",
        Verdict::Unread => "to be read",
    }
}

/// The instructor's marks: of an annotated recording, or of an answers file.
fn model(what: &str) -> Result<Vec<Mark>, CommandError> {
    if let Ok(bytes) = bytes(Path::new(what))
        && let Ok(answers) = Answers::read(&bytes)
    {
        return Ok(answers.marks);
    }
    let (transcript, _) = Source::find(what)?.load()?;
    Ok(marks_of(&transcript.records).map(|(_, mark)| mark.clone()).collect())
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn answers(path: &Path) -> Result<Answers, CommandError> {
    let bytes = bytes(path).map_err(|error| CommandError::file("read", path, &error))?;
    if bytes.starts_with(b"{\"k\":\"head\"") {
        let path = escape::text(&path.display().to_string());
        let message = format!("{path} is a whole recording, and no answers file");
        let hint =
            format!("take the answers out of it first: `postroad annotate {path} --extract -o answers.json`");
        return Err(CommandError::failure(message, hint));
    }
    Answers::read(&bytes).map_err(|error| {
        let message =
            format!("{}: {}", escape::text(&path.display().to_string()), escape::text(&error.to_string()));
        CommandError::failure(message, "answers files are made by `postroad annotate FILE --extract -o OUT`")
    })
}

fn quote(mark: &Mark) -> String {
    match (&mark.quote, mark.conn) {
        (Some(quote), _) => short(quote),
        (None, Some(conn)) => format!("connection {conn}"),
        (None, None) => String::new(),
    }
}

fn tell(out: &mut impl Write, author: &str, file: &str, grade: &Compared<'_>) -> std::io::Result<()> {
    let who = if author.is_empty() { file.to_owned() } else { format!("{} ({file})", escape::text(author)) };
    write!(out, "{who}: {} of {} lines explained", grade.explained(), grade.lines.len())?;
    if !grade.questions.is_empty() {
        write!(out, ", {} of {} questions right", grade.with(Verdict::Right), grade.questions.len())?;
    }
    writeln!(out)?;
    for line in &grade.lines {
        match line.given {
            Some(given) => writeln!(out, "  ✓ {}: {}", quote(line.model), escape::text(given))?,
            None => writeln!(out, "  ✗ {}: not explained", quote(line.model))?,
        }
    }
    for question in &grade.questions {
        let given = escape::text(question.given.unwrap_or_default());
        let asked = escape::text(&question.model.text);
        match question.verdict {
            Verdict::Right => writeln!(out, "  ✓ {asked} {given}")?,
            Verdict::Wrong => {
                writeln!(out, "  ✗ {asked} {given}, and not {}", escape::text(&question.model.answer))?;
            }
            Verdict::Unanswered => writeln!(out, "  ✗ {asked} not answered")?,
            Verdict::Unread => writeln!(out, "  ? {asked} {given} (to be read)")?,
        }
    }
    for mark in &grade.further {
        writeln!(out, "  + {}: {}", quote(mark), escape::text(&mark.text))?;
    }
    Ok(())
}

fn csv(out: &mut impl Write, author: &str, file: &str, grade: &Compared<'_>) -> std::io::Result<()> {
    for line in &grade.lines {
        let result = if line.given.is_some() { "explained" } else { "not explained" };
        let (id, at) = (line.model.id.as_str(), quote(line.model));
        let given = line.given.unwrap_or_default();
        row(out, [author, file, "line", id, at.as_str(), line.model.text.as_str(), given, result])?;
    }
    for question in &grade.questions {
        let result = result(question.verdict);
        let model = question.model;
        let given = question.given.unwrap_or_default();
        row(out, [author, file, "question", &model.id, &model.text, &model.answer, given, result])?;
    }
    for mark in &grade.further {
        row(out, [author, file, "line", mark.id.as_str(), &quote(mark), "", mark.text.as_str(), "further"])?;
    }
    Ok(())
}

/// One row. RFC 4180 §2: fields in quotes, quotes doubled, CRLF at the end.
fn row(out: &mut impl Write, fields: [&str; 8]) -> std::io::Result<()> {
    for (i, field) in fields.iter().enumerate() {
        let mut text = escape::text(field);
        // A spreadsheet takes these beginnings for a formula, and students write these fields.
        if text.starts_with(['=', '+', '-', '@']) {
            text.insert(0, '\'');
        }
        let plain = !text.contains([',', '"', ' ']);
        let text = if plain { text } else { format!("\"{}\"", text.replace('"', "\"\"")) };
        write!(out, "{}{text}", if i > 0 { "," } else { "" })?;
    }
    write!(out, "\r\n")
}
