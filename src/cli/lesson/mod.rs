//! `postroad lesson`: the course. Lists it with progress, starts a lesson, checks an author's, makes a new one.

mod check;
pub(super) mod grade;
mod kept;
mod stage;
mod start;

use super::{CommandError, screen};
use crate::lesson::session::score;
use crate::lesson::{Library, Stories, problem, template};
use clap::{Subcommand, ValueHint};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `postroad lesson`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct LessonArgs {
    /// Add the lessons of this folder to those that come with the program. Also: the variable POSTROAD_LESSONS.
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub lessons: Option<PathBuf>,
    /// Say what was done in each lesson, for an instructor.
    #[arg(long)]
    pub report: bool,
    /// Write the answers to a file, for an instructor to grade.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "report")]
    pub export: Option<PathBuf>,
    /// Whose answers they are.
    #[arg(long, value_name = "NAME", requires = "export", default_value = "")]
    pub author: String,
    /// What to do; without it, the lessons are listed.
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What is done with lessons.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Start a lesson, or go on with it.
    Start(start::Start),
    /// Forget what was done in a lesson, or in all.
    Reset {
        /// Which one; without it, all of them.
        name: Option<String>,
    },
    /// Check lessons: each activity is tried with the solution that it carries, and with the wrong one.
    Check(check::Check),
    /// Make a folder with a lesson that works, to be changed into your own.
    New {
        /// The lesson's name: small letters, digits, hyphens. Its folder is made in the present one, or in --lessons.
        name: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  postroad lesson
  postroad lesson start envelope-and-letter
  postroad lesson start envelope-and-letter --plain
  postroad lesson --export answers.json --author Ann
  postroad lesson new tea-party
  postroad lesson check tea-party
  postroad lesson check --coverage";

/// The variable that names a folder of lessons.
const VARIABLE: &str = "POSTROAD_LESSONS";

/// Do what was asked.
pub fn run(args: &LessonArgs) -> Result<(), CommandError> {
    match &args.what {
        None if args.report => kept::report(&library(args.lessons.as_deref())?, &kept::load()?.1),
        None => match &args.export {
            Some(file) => {
                let library = library(args.lessons.as_deref())?;
                kept::export(&library, &kept::load()?.1, file, &args.author)
            }
            None => list(args),
        },
        Some(What::Start(start)) => start::run(args, start),
        Some(What::Reset { name }) => reset(name.as_deref()),
        Some(What::Check(check)) => check::run(args, check),
        Some(What::New { name }) => new(args, name),
    }
}

/// The lessons that there are.
pub(super) fn library(dir: Option<&Path>) -> Result<Library, CommandError> {
    let mut library = Library::shipped();
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    for path in named.as_deref().into_iter().chain(dir) {
        let count = library.add_folder(path).map_err(|error| CommandError::file("read", path, &error))?;
        if count == 0 {
            let message = format!("there is no lesson in {}", path.display());
            let hint = "a folder of lessons has folders in it, each with a lesson.md";
            return Err(CommandError::failure(message, hint));
        }
    }
    Ok(library)
}

/// Who runs stories for lessons.
pub(super) fn stories(library: &Library) -> Stories {
    Stories::new(Arc::new(stage::Worlds::of(library)))
}

fn list(args: &LessonArgs) -> Result<(), CommandError> {
    let library = library(args.lessons.as_deref())?;
    let (_, progress) = kept::load()?;
    let mut out = screen::out();
    let width = screen::width(None).min(96);
    let mut open = None;
    for lesson in library.lessons() {
        let done = progress.lessons.get(&lesson.name).cloned().unwrap_or_default();
        let (right, of) = score(lesson, &done);
        let mark = match right {
            0 if done.activities.is_empty() => "○",
            right if right == of => "✓",
            _ => "◐",
        };
        if right < of && open.is_none() {
            open = Some((lesson.name.as_str(), done.activities.is_empty()));
        }
        writeln!(out, "{mark} {} · {}", lesson.name, crate::base::escape::text(&lesson.front.title))?;
        let mut about = crate::base::escape::text(lesson.front.about.trim());
        about += &format!(" {} minutes, {right} of {of} done.", lesson.front.minutes);
        if !lesson.front.needs.is_empty() {
            about += &format!(" After: {}.", lesson.front.needs.join(", "));
        }
        let wrapped = textwrap::Options::new(width).initial_indent("    ").subsequent_indent("    ");
        for line in textwrap::wrap(&about, wrapped) {
            writeln!(out, "{line}")?;
        }
    }
    for name in library.problems.keys() {
        writeln!(out, "✗ {name} cannot be read: postroad lesson check {name}")?;
    }
    writeln!(out, "\npostroad lesson start NAME begins one, or goes on with it.")?;
    // The list is longer than a screen: who has it before them does not see where it begins.
    if let Some((name, is_new)) = open {
        let begin = if is_new { "Begin with" } else { "Go on with" };
        let dir =
            args.lessons.as_ref().map(|dir| format!("--lessons {} ", dir.display())).unwrap_or_default();
        writeln!(out, "{begin}: postroad lesson {dir}start {name}")?;
    }
    Ok(out.flush()?)
}

/// Forget what was done.
fn reset(name: Option<&str>) -> Result<(), CommandError> {
    let (path, mut progress) = kept::load()?;
    let forgotten = match name {
        Some(name) => usize::from(progress.lessons.remove(name).is_some()),
        None => std::mem::take(&mut progress.lessons).len(),
    };
    if forgotten > 0 {
        progress.save(&path).map_err(|error| CommandError::file("write", &path, &error))?;
    }
    let mut out = screen::out();
    match (forgotten, name) {
        (0, Some(name)) => writeln!(out, "Nothing was done in {} yet.", crate::base::escape::text(name))?,
        (0, None) => writeln!(out, "Nothing was done yet.")?,
        (_, Some(name)) => writeln!(out, "What was done in {name} is forgotten.")?,
        (_, None) => writeln!(out, "What was done in all lessons is forgotten.")?,
    }
    Ok(out.flush()?)
}

/// Problems as an error.
pub(super) fn broken(problems: &[problem::Problem]) -> CommandError {
    CommandError::failure(problem::render(problems, screen::colour()), "")
}

fn new(args: &LessonArgs, name: &str) -> Result<(), CommandError> {
    if !crate::lesson::format::is_name(name) {
        let message = "a lesson's name has small letters, digits and hyphens";
        return Err(CommandError::usage(message, "as in tea-party"));
    }
    let folder = args.lessons.as_deref().map_or_else(|| PathBuf::from(name), |dir| dir.join(name));
    if folder.exists() {
        let message = format!("{} is there already", folder.display());
        return Err(CommandError::failure(message, "choose another name"));
    }
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("make", &folder, &error))?;
    for (file, text) in template::files(name) {
        let path = folder.join(file);
        std::fs::write(&path, text).map_err(|error| CommandError::file("write", &path, &error))?;
    }
    let mut out = screen::out();
    let shown = folder.display();
    writeln!(out, "{shown} is a lesson that works. Change it, and then:")?;
    writeln!(out, "  postroad lesson check {shown}")?;
    writeln!(out, "  postroad lesson --lessons {shown} start {name}")?;
    Ok(out.flush()?)
}
