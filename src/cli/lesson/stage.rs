//! [`Worlds`] for lessons: runs stories, and has what else a lesson asks for: recordings, files, and changes by name.

use super::super::open::Source;
use super::super::{runner, transcripts};
use crate::lesson::{Library, Stage};
use crate::trace::runner::Runner;
use crate::trace::{Change, Record, Transcript};
use crate::view::fork;
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the head of this file.
#[derive(Debug)]
pub struct Worlds {
    runner: runner::Worlds,
    /// Lesson and file → bytes: the transcripts that lie beside lessons.
    files: BTreeMap<(String, String), Vec<u8>>,
}

impl Worlds {
    /// With the transcripts that lie beside these lessons.
    pub fn of(library: &Library) -> Self {
        let mut files = BTreeMap::new();
        for lesson in library.lessons() {
            for name in lesson.files.keys().filter(|name| name.ends_with(".jsonl")) {
                if let Some(bytes) = library.file(&lesson.name, name) {
                    files.insert((lesson.name.clone(), name.clone()), bytes.to_vec());
                }
            }
        }
        Worlds { runner: runner::Worlds, files }
    }
}

impl Stage for Worlds {
    fn runner(&self) -> &dyn Runner {
        &self.runner
    }

    fn recording(&self, name: &str) -> Option<Arc<[Record]>> {
        let (name, _) = transcripts::LIBRARY.iter().find(|(known, _)| *known == name)?;
        let (transcript, _) = Source::Library(name).load().ok()?;
        Some(transcript.records.into())
    }

    fn transcript(&self, bytes: &[u8]) -> Result<Arc<[Record]>, String> {
        let (transcript, issues) = Transcript::read(bytes).map_err(|error| error.to_string())?;
        match issues.first() {
            Some(issue) => Err(issue.to_string()),
            None => Ok(transcript.records.into()),
        }
    }

    fn edit(&self, records: &[Record], steps: &[usize], id: &str) -> Result<Vec<Change>, String> {
        if !fork::choices::is_known(id) {
            return Err(format!("lessons/whatif.toml has no choice `{}`", id.escape_debug()));
        }
        let chosen = steps.iter().find_map(|number| {
            let moment = fork::Moment::at(records, *number).ok()?;
            fork::choices::of(&moment).into_iter().find(|choice| choice.id == id)
        });
        chosen.map(|choice| choice.changes).ok_or_else(|| format!("`{id}` fits none of these steps"))
    }

    fn file(&self, lesson: &str, name: &str) -> Option<Vec<u8>> {
        self.files.get(&(lesson.to_owned(), name.to_owned())).cloned()
    }
}
