//! Where a student's progress lies on this machine, and what an instructor is told of it: `--report`, `--export`.

use super::super::{CommandError, screen};
use crate::base::escape;
use crate::lesson::progress::OfLesson;
use crate::lesson::session::{Keep, score};
use crate::lesson::{Library, Progress};
use crate::trace::answers::{Answer, Answers, FORMAT, VERSION};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The progress file: in the user's data folder (XDG Base Directory Specification).
///
/// # Errors
/// There is no home.
pub fn path() -> Result<PathBuf, CommandError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let data = set("XDG_DATA_HOME").filter(absolute);
    let data = data.or_else(|| if cfg!(windows) { set("APPDATA") } else { None });
    let data = data.or_else(|| set("HOME").map(|home| home.join(".local").join("share")));
    match data {
        Some(data) => Ok(data.join("postroad").join("progress.toml")),
        None => Err(CommandError::failure(
            "there is no folder to keep progress in",
            "set HOME, or XDG_DATA_HOME to a folder",
        )),
    }
}

/// What was done so far; what is wrong with the file is said on the standard error.
///
/// # Errors
/// It cannot be read.
pub fn load() -> Result<(PathBuf, Progress), CommandError> {
    let path = path()?;
    let (progress, trouble) =
        Progress::load(&path).map_err(|error| CommandError::file("read", &path, &error))?;
    if let Some(trouble) = trouble {
        let _ = writeln!(std::io::stderr(), "note: {}", escape::text(&trouble));
    }
    Ok((path, progress))
}

/// Writes down what is done in a lesson.
pub fn keeper(path: PathBuf, lesson: &str) -> Keep {
    let lesson = lesson.to_owned();
    Box::new(move |done: &OfLesson| {
        Progress::keep(&path, &lesson, done).map_err(|error| format!("{}: {error}", path.display()))
    })
}

/// What was done, for an instructor.
pub fn report(library: &Library, progress: &Progress) -> Result<(), CommandError> {
    let mut out = screen::out();
    let begun: Vec<_> = library
        .lessons()
        .iter()
        .filter_map(|lesson| Some((lesson, progress.lessons.get(&lesson.name)?)))
        .collect();
    if begun.is_empty() {
        writeln!(out, "No lesson was begun yet. `postroad lesson` lists them.")?;
    }
    for (lesson, done) in begun {
        let (right, of) = score(lesson, done);
        writeln!(out, "{}: {right} of {of} done", lesson.name)?;
        for activity in &lesson.activities {
            let Some(entry) = done.activities.get(&activity.id) else { continue };
            let mark = if entry.done { "✓" } else { "✗" };
            let times = |count: usize, one: &str| match count {
                1 => format!("1 {one}"),
                count => format!("{count} {one}s"),
            };
            let tries = match entry.tries {
                1 => "1 try".to_owned(),
                tries => format!("{tries} tries"),
            };
            let mut said = format!("  {mark} {}: {tries}", activity.id);
            if entry.hints > 0 {
                said += &format!(", {}", times(entry.hints, "hint"));
            }
            for row in entry.misconceptions.iter().filter_map(|n| crate::explain::misconception(*n)) {
                said += &format!(", thought: {}", row.people_say);
            }
            writeln!(out, "{}", escape::text(&said))?;
        }
    }
    Ok(out.flush()?)
}

/// What was answered, as an answers file.
pub fn export(library: &Library, progress: &Progress, file: &Path, author: &str) -> Result<(), CommandError> {
    let mut answers = Vec::new();
    for lesson in library.lessons() {
        let Some(done) = progress.lessons.get(&lesson.name) else { continue };
        for activity in &lesson.activities {
            let answer = done.activities.get(&activity.id).filter(|entry| entry.tries > 0);
            answers.extend(answer.map(|entry| Answer {
                question: format!("{}/{}", lesson.name, activity.id),
                text: entry.answer.clone(),
            }));
        }
    }
    let count = answers.len();
    let file_of = Answers {
        format: FORMAT.to_owned(),
        version: VERSION,
        author: author.to_owned(),
        title: "lessons".to_owned(),
        marks: Vec::new(),
        answers,
    };
    std::fs::write(file, file_of.to_json()).map_err(|error| CommandError::file("write", file, &error))?;
    let mut out = screen::out();
    let answers = if count == 1 { "1 answer".to_owned() } else { format!("{count} answers") };
    writeln!(
        out,
        "{answers} in {}. An instructor compares them: postroad grade lessons {}",
        file.display(),
        file.display()
    )?;
    Ok(out.flush()?)
}
