//! `postroad lesson check`: is a lesson sound, and what of the course is taught where?

use super::super::args::Args;
use super::super::{CommandError, explain, screen};
use super::LessonArgs;
use crate::lesson::library::folders_of;
use crate::lesson::{Lesson, Library, Problem, check, coverage, problem};
use clap::Parser;
use std::io::Write;
use std::path::Path;

/// `postroad lesson check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Folders of lessons, or names of lessons. [default: all]
    #[arg(value_name = "DIR|NAME")]
    pub what: Vec<String>,
    /// Say what of the course is taught where, and what is not.
    #[arg(long)]
    pub coverage: bool,
}

/// Check.
pub fn run(args: &LessonArgs, check: &Check) -> Result<(), CommandError> {
    let mut library = super::library(args.lessons.as_deref())?;
    let names = named(&mut library, &check.what)?;
    if check.coverage {
        return covered(&library);
    }
    let stories = super::stories(&library);
    let unread = library.problems.iter().filter(|(name, _)| names.contains(name));
    let mut problems: Vec<Problem> = unread.flat_map(|(_, problems)| problems.clone()).collect();
    let mut out = screen::out();
    for lesson in library.lessons().iter().filter(|lesson| names.contains(&lesson.name)) {
        let found = check::check(lesson, &library, &stories, &takes);
        if found.iter().all(|problem| problem.warning) {
            writeln!(out, "{}: {}", lesson.name, summary(lesson))?;
        }
        problems.extend(found);
    }
    out.flush()?;
    let report = problem::render(&problems, screen::colour());
    match problems.iter().filter(|problem| !problem.warning).count() {
        0 if problems.is_empty() => Ok(()),
        0 => Ok(writeln!(std::io::stderr(), "{report}")?),
        count => {
            let things = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
            Err(CommandError::failure(format!("{things}\n\n{report}"), ""))
        }
    }
}

/// What a lesson that is sound has in it.
fn summary(lesson: &Lesson) -> String {
    let count = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let steps = count(lesson.pages.len(), "step", "steps");
    format!("sound, {steps}, {}", count(lesson.activities.len(), "activity", "activities"))
}

/// The names of the lessons that are meant; those of folders are added to the library.
fn named(library: &mut Library, what: &[String]) -> Result<Vec<String>, CommandError> {
    if what.is_empty() {
        return Ok(library.names().map(str::to_owned).collect());
    }
    let mut names = Vec::new();
    for what in what {
        let path = Path::new(what);
        // The lesson's own file stands for its folder.
        let path = match path.parent().filter(|_| path.file_name().is_some_and(|name| name == "lesson.md")) {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => path,
        };
        if path.is_dir() {
            let folders = folders_of(path).map_err(|error| CommandError::file("read", path, &error))?;
            if folders.is_empty() {
                let message = format!("there is no lesson.md in {}, and none in its folders", path.display());
                return Err(CommandError::failure(message, "`postroad lesson new NAME` makes a lesson"));
            }
            for folder in folders {
                names.push(folder.name.clone());
                library.add(folder);
            }
        } else if library.names().any(|name| name == what) {
            names.push(what.clone());
        } else {
            let message = format!("there is no folder and no lesson “{}”", crate::base::escape::text(what));
            return Err(CommandError::failure(message, problem::choose(what, library.names())));
        }
    }
    Ok(names)
}

/// Whether the program takes what stands behind `postroad` on a line.
fn takes(words: &str) -> Result<(), String> {
    let args = std::iter::once("postroad".to_owned()).chain(arguments(words)).map(std::ffi::OsString::from);
    match Args::try_parse_from(explain::shielded(args)) {
        Ok(_) => Ok(()),
        Err(error) if error.exit_code() == 0 => Ok(()),
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// The words of a command line as a shell makes them: quotes are undone; a pipe, a redirection or a comment ends it.
fn arguments(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), c) if mark == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '<' | ';' | '&') => break,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What of the course is taught where.
fn covered(library: &Library) -> Result<(), CommandError> {
    let places = coverage::coverage(library.lessons());
    let mut out = screen::out();
    let mut group = "";
    let mut missing = 0;
    for item in coverage::items() {
        if item.group != group {
            group = &item.group;
            writeln!(out, "{group}")?;
        }
        let taught = places.get(item.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        missing += usize::from(taught.is_empty());
        let mark = if taught.is_empty() { "✗" } else { "✓" };
        writeln!(out, "  {mark} {}: {}", item.id, item.text)?;
        if !taught.is_empty() {
            writeln!(out, "      {}", taught.join(", "))?;
        }
    }
    let all = coverage::items().len();
    writeln!(out, "\n{} of {all} are taught; {missing} are not.", all - missing)?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_read_as_a_shell_does() {
        assert_eq!(arguments(" talk smtp \"a b\" 'c' | less"), ["talk", "smtp", "a b", "c"]);
        assert_eq!(arguments(" x # why"), ["x"]);
        assert!(takes(" journey --break greylist").is_ok());
        assert!(takes("").is_ok());
        assert!(takes(" journay").is_err_and(|why| why.contains("journay")));
    }
}
