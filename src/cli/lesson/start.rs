//! `postroad lesson start NAME`: a lesson on the full screen, or as a dialogue in plain sentences.

use super::super::{CommandError, fullscreen, linear};
use super::{LessonArgs, kept};
use crate::base::escape;
use crate::lesson::{Session, problem};
use crate::view::lesson::Class;
use std::sync::Arc;

/// `postroad lesson start`.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// Which one: `postroad lesson` lists them.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As a dialogue in plain sentences, on any terminal or pipe.
    #[arg(long)]
    pub plain: bool,
    /// The same: each line is answered as it comes.
    #[arg(long)]
    pub interactive: bool,
}

/// Start it.
pub fn run(args: &LessonArgs, start: &Start) -> Result<(), CommandError> {
    let library = super::library(args.lessons.as_deref())?;
    let Some(lesson) = library.get(&start.name) else {
        if let Some(problems) = library.problems.get(&start.name) {
            return Err(super::broken(problems));
        }
        let message = format!("there is no lesson “{}”", escape::text(&start.name));
        return Err(CommandError::failure(message, problem::choose(&start.name, library.names())));
    };
    let stories = Arc::new(super::stories(&library));
    let (path, progress) = kept::load()?;
    let done = progress.lessons.get(&lesson.name).cloned().unwrap_or_default();
    let keep = kept::keeper(path, &lesson.name);
    let session = Session::new(Arc::new(lesson.clone()), stories, done, Some(keep));
    if !start.plain && !start.interactive && fullscreen::is_possible() {
        return fullscreen::lesson(session);
    }
    linear::class(Class::new(session))
}
