//! `postroad lesson`: the course. Lists it with progress, starts a lesson, checks an author's, makes a new one.

mod check;
mod stage;

use super::{CommandError, screen};
use crate::lesson::{Library, Stories, template};
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
    /// What to do; without it, the lessons are listed.
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What is done with lessons.
#[derive(Debug, Subcommand)]
pub enum What {
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
  postroad lesson new tea-party
  postroad lesson check tea-party
  postroad lesson check --coverage";

/// The variable that names a folder of lessons.
const VARIABLE: &str = "POSTROAD_LESSONS";

/// Do what was asked.
pub fn run(args: &LessonArgs) -> Result<(), CommandError> {
    match &args.what {
        None => list(args),
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
    let mut out = screen::out();
    for lesson in library.lessons() {
        writeln!(out, "{}  {} · {} minutes", lesson.name, lesson.front.title, lesson.front.minutes)?;
    }
    Ok(out.flush()?)
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
