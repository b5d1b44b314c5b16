//! Stories for the view: read on a thread of their own, shown as soon as their first step is known; and written to files.

use crate::base::{aside, escape};
use crate::cli::notes::Keeper;
use crate::cli::open::Source;
use crate::cli::{CommandError, export as formats};
use crate::explain::StoryIndex;
use crate::explain::index::RowKinds;
use crate::trace::Record;
use crate::trace::file::Writer;
use crate::view::tui::faults::Switch;
use crate::view::tui::{Book, Msg};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Octets of a recording that is read whole, so that it can be run again.
const SMALL: u64 = 32 << 20;
/// Between two looks at whether a story can be shown.
const LOOKS: Duration = Duration::from_millis(1);

/// Tells the view something, from whatever thread.
pub type Tell = Box<dyn Fn(Msg) + Send>;

/// What a second thread does: make a story to read, or say why there is none.
pub type Opener = Box<dyn FnOnce(Tell) -> Msg + Send>;

/// Writes the story from a Step on to a file; gives the sentence that the reader is told.
pub type Export = Arc<dyn Fn(&Path, usize) -> String + Send + Sync>;

/// What the view can ask of the command that opened it.
pub struct Service {
    /// How the story is written to a file, where it can be.
    pub export: Option<Export>,
    /// How what a person writes at a step is kept, where it can be.
    pub keeper: Option<Keeper>,
    /// How faults are switched on and off, where they can be.
    pub switch: Option<Switch>,
    /// Whether passwords are shown.
    pub show_secrets: bool,
}

/// The records of a story, once they are all there.
pub type Kept = Arc<OnceLock<Arc<[Record]>>>;

/// The story of these records, ready to be read; `name` is what people call it.
pub fn book(name: &str, records: &Arc<[Record]>, show_secrets: bool) -> Msg {
    let Some(Record::Head(head)) = records.first() else { return headless() };
    let index = StoryIndex::of_records(Arc::clone(records));
    Msg::Opened(Box::new(Book::new(name, head, index, show_secrets)))
}

fn headless() -> Msg {
    Msg::Failed("there is no head in it, so nobody knows who is who".to_owned())
}

/// The story of an index, as soon as its first step is known: the rest is read on behind.
pub(in crate::cli) fn ready(name: &str, mut index: StoryIndex, show_secrets: bool) -> Msg {
    loop {
        index.poll();
        let (first, done) = (RowKinds::STEP, index.progress().done);
        let begun = index.kinds(0).any(first) || index.next(0, first, false).is_some();
        if begun || done {
            let Some(head) = index.head().cloned() else { return headless() };
            return Msg::Opened(Box::new(Book::new(name, &head, index, show_secrets)));
        }
        std::thread::sleep(LOOKS);
    }
}

/// Reads a recording: a transcript's file as it is, a capture by way of a spool file, what is in the program at once.
pub(in crate::cli) fn opener(source: Source, show_secrets: bool) -> Opener {
    Box::new(move |tell| {
        let told = |error: CommandError| Msg::Failed(error.to_string());
        let index = match &source {
            Source::File(path) if source.is_plain_transcript() => {
                let index = File::open(path).and_then(StoryIndex::of_file);
                index.map_err(|error| CommandError::file("read", path, &error))
            }
            Source::File(_) => spooled(&source),
            Source::Library(_) | Source::Stdin => source.load().map(|(transcript, _)| {
                let records: Arc<[Record]> = transcript.records.into();
                tell(Msg::Whole(Arc::clone(&records)));
                StoryIndex::of_records(records)
            }),
        };
        if let Source::File(path) = &source
            && path.metadata().is_ok_and(|about| about.len() <= SMALL)
        {
            // What can be run again is small: it is read once more, whole.
            let source = source.clone();
            let whole = move || {
                if let Ok((transcript, _)) = source.load() {
                    tell(Msg::Whole(transcript.records.into()));
                }
            };
            let _ = std::thread::Builder::new().name("whole".to_owned()).spawn(whole);
        }
        index.map_or_else(told, |index| ready(&source.name(), index, show_secrets))
    })
}

/// What can be read only once is laid down in a file that has no name.
fn spooled(source: &Source) -> Result<StoryIndex, CommandError> {
    Ok(StoryIndex::spooled(source.records()?, nameless()?))
}

/// An empty file for what is too much for memory.
///
/// # Errors
/// Where it cannot be made.
pub(in crate::cli) fn nameless() -> Result<File, CommandError> {
    aside::nameless().map_err(|error| CommandError::file("write", &std::env::temp_dir(), &error))
}

/// How a recording is written to another file: it is read again, whole.
pub(in crate::cli) fn export_of(source: Source, show_secrets: bool) -> Export {
    Arc::new(move |path, from| match source.load() {
        Ok((transcript, _)) => export(Some(&transcript.records), path, from, show_secrets),
        Err(error) => first_line(&error),
    })
}

/// Write the story from this Step on to a file, in the format of its ending; gives the sentence that the reader is told.
pub fn export(records: Option<&[Record]>, path: &Path, from: usize, show_secrets: bool) -> String {
    let Some(records) = records else { return "the story is not at its end yet".to_owned() };
    match formats::write(records, path, from, show_secrets) {
        Ok(what) => format!("{what} is written to {}", escape::text(&path.display().to_string())),
        Err(error) => first_line(&error),
    }
}

/// Write a branch as a transcript; gives the sentence that the reader is told.
pub(super) fn save(records: &[Record], path: &Path) -> String {
    match keep(records, path) {
        Ok(()) => format!("the branch is written to {}", escape::text(&path.display().to_string())),
        Err(error) => first_line(&error),
    }
}

/// Write a transcript.
///
/// # Errors
/// Where the file cannot be written.
pub(in crate::cli) fn keep(records: &[Record], path: &Path) -> Result<(), CommandError> {
    let write = || -> io::Result<()> {
        let mut writer = Writer::new(BufWriter::new(File::create(path)?)).flush_each(false);
        records.iter().try_for_each(|record| writer.write(record))?;
        writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    };
    write().map_err(|error| CommandError::file("write", path, &error))
}

fn first_line(error: &CommandError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// A story that is still going on: its records are told to the view as they are written. `run` is handed what takes
/// them, and gives all of them, or why it could not go on.
pub(in crate::cli) fn growing(
    kept: Kept,
    show_secrets: bool,
    run: impl FnOnce(Box<dyn FnMut(&Record) + Send>) -> Result<Vec<Record>, CommandError> + Send + 'static,
) -> Opener {
    Box::new(move |tell| {
        let (index, feeder) = StoryIndex::growing();
        let feed = Box::new(move |record: &Record| {
            feeder.push(record.clone());
        });
        let work = move || match run(feed) {
            Ok(records) => {
                let records: Arc<[Record]> = records.into();
                let _ = kept.set(Arc::clone(&records));
                tell(Msg::Whole(records));
            }
            Err(error) => tell(Msg::Failed(first_line(&error))),
        };
        match std::thread::Builder::new().name("world".to_owned()).spawn(work) {
            Ok(_) => ready("", index, show_secrets),
            Err(error) => Msg::Failed(io::Error::to_string(&error)),
        }
    })
}
