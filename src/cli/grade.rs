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

/// What answers are compared with.
enum Model {
    /// The instructor's marks on a recording.
    Marks(Vec<Mark>),
    /// The activities of lessons.
    Course(lesson::Course),
}

/// Compare.
pub fn run(args: &Grade) -> Result<(), CommandError> {
    let model = Model::find(&args.model)?;
    let mut out = screen::out();
    if args.csv {
        row(&mut out, ["student", "file", "kind", "id", "line", "expected", "given", "result"])?;
    }
    for path in &args.answers {
        let answers = answers(path)?;
        let file = escape::text(&path.display().to_string());
        match (&model, args.csv) {
            (Model::Marks(model), true) => {
                csv(&mut out, &answers.author, &file, &Compared::of(model, &answers))?;
            }
            (Model::Marks(model), false) => {
                tell(&mut out, &who(&answers.author, file), &Compared::of(model, &answers))?;
            }
            (Model::Course(course), true) => {
                csv_of_lessons(&mut out, &answers.author, &file, &course.graded(&answers))?;
            }
            (Model::Course(course), false) => {
                tell_of_lessons(&mut out, &who(&answers.author, file), &course.graded(&answers))?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Whose answers they are.
fn who(author: &str, file: String) -> String {
    if author.is_empty() { file } else { format!("{} ({file})", escape::text(author)) }
}

fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Right => "right",
        Verdict::Wrong => "wrong",
        Verdict::Unanswered => "not answered",
        Verdict::Unread => "to be read",
    }
}

impl Model {
    /// Lessons, the marks of an annotated recording, or those of an answers file.
    fn find(what: &str) -> Result<Self, CommandError> {
        if let Some(course) = lesson::find(what)? {
            if course.is_empty() {
                let message = format!("there is no lesson in {} that can be read", escape::text(what));
                return Err(CommandError::failure(message, "postroad lesson check says what is wrong"));
            }
            return Ok(Model::Course(course));
        }
        let marks = marks(what)?;
        if !marks.iter().any(|mark| matches!(mark.kind.as_str(), "comment" | "question")) {
            let message = format!("{} has no comments and no questions to compare with", escape::text(what));
            return Err(CommandError::failure(message, "add some: postroad annotate --help"));
        }
        Ok(Model::Marks(marks))
    }
}

fn marks(what: &str) -> Result<Vec<Mark>, CommandError> {
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

fn tell_of_lessons(out: &mut impl Write, who: &str, graded: &[lesson::Graded]) -> std::io::Result<()> {
    let right = graded.iter().filter(|one| one.verdict == Verdict::Right).count();
    writeln!(out, "{who}: {right} of {} activities right", graded.len())?;
    for one in graded {
        match one.verdict {
            Verdict::Right => writeln!(out, "  ✓ {}", one.id)?,
            Verdict::Wrong => writeln!(out, "  ✗ {}: {}", one.id, short(&one.given))?,
            Verdict::Unanswered => writeln!(out, "  ✗ {}: not answered", one.id)?,
            Verdict::Unread => writeln!(out, "  ? {}: {} (to be read)", one.id, escape::text(&one.given))?,
        }
    }
    Ok(())
}

fn csv_of_lessons(
    out: &mut impl Write,
    author: &str,
    file: &str,
    graded: &[lesson::Graded],
) -> std::io::Result<()> {
    for one in graded {
        let result = result(one.verdict);
        row(out, [author, file, "activity", &one.id, &one.asked, &one.expected, &one.given, result])?;
    }
    Ok(())
}

fn tell(out: &mut impl Write, who: &str, grade: &Compared<'_>) -> std::io::Result<()> {
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
