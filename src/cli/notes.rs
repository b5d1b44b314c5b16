//! `postroad annotate FILE` before a terminal: the full screen, in which a key writes into the recording.
//!
//! The view asks; what is kept is made by `annotate`, as it is for the command's own options, and the file is written
//! whole and put in the place of the old one.

use super::CommandError;
use super::annotate::{self, Annotate};
use super::fullscreen::{self, Service};
use super::open::Source;
use crate::base::escape;
use crate::trace::{Mark, Record, Transcript};
use crate::view::tui::annotate::{Draft, Kind};
use crate::view::tui::{Effect, Msg};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Changes the file as the view asks; gives what the view is told.
pub type Keeper = Arc<dyn Fn(&Effect) -> Msg + Send + Sync>;

/// Open a recording on the full screen, to be annotated.
///
/// # Errors
/// Where it is no file that can be written, or the terminal refuses.
pub fn run(source: Source, author: Option<&str>) -> Result<(), CommandError> {
    writable(&source)?;
    let name = source.name();
    let opened = fullscreen::opener(source.clone(), false);
    let opener: fullscreen::Opener = Box::new(move |tell| match opened(tell) {
        Msg::Opened(mut book) => {
            book.takes_notes = true;
            Msg::Opened(book)
        }
        other => other,
    });
    let service = Service {
        export: Some(fullscreen::export_of(source.clone(), false)),
        keeper: Some(keeper(source, author.map(str::to_owned))),
        switch: None,
        show_secrets: false,
    };
    fullscreen::run(&format!("reading {name}"), opener, None, &service)
}

/// The file that marks are kept in.
fn writable(source: &Source) -> Result<PathBuf, CommandError> {
    let name = source.name();
    let Source::File(path) = source else {
        let message = format!("{name} is no file of yours: marks have no place to be kept in");
        let hint = format!(
            "copy it with a first mark: `postroad annotate {name} -o mine.jsonl --at 1 --comment TEXT`; \
             then `postroad annotate mine.jsonl`"
        );
        return Err(CommandError::usage(message, hint));
    };
    if !source.is_plain_transcript() {
        let message = format!("{name} is a capture, or compressed: marks have no place in it");
        let hint = format!("make a transcript of it first: `postroad import {name} -o mine.jsonl`");
        return Err(CommandError::usage(message, hint));
    }
    if path.metadata().is_ok_and(|about| about.permissions().readonly()) {
        return Err(CommandError::failure(
            format!("{name} may not be written"),
            "copy it, and annotate the copy",
        ));
    }
    let (_, troubles) = source.load()?;
    annotate::target(None, source, troubles.len())
}

/// One change at a time: each reads the file as it stands, and writes it whole.
fn keeper(source: Source, author: Option<String>) -> Keeper {
    let turn = Mutex::new(());
    Arc::new(move |effect| {
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        change(&source, author.as_deref(), effect).unwrap_or_else(|error| {
            Msg::Told(error.to_string().lines().next().unwrap_or_default().to_owned())
        })
    })
}

fn change(source: &Source, author: Option<&str>, effect: &Effect) -> Result<Msg, CommandError> {
    let (mut transcript, troubles) = source.load()?;
    let said = match effect {
        Effect::Annotate(draft) => {
            let asked = asked(draft, author, &transcript);
            annotate::add(&mut transcript.records, draft.step, &asked)?;
            format!("{} at step {} kept in {}", draft.kind.name(), draft.step, source.name())
        }
        Effect::Unmark(mark) => {
            take_away(&mut transcript.records, mark)?;
            format!("{} taken out of {}", escape::text(&mark.kind), source.name())
        }
        _ => return Ok(Msg::Told(String::new())),
    };
    annotate::write(&annotate::target(None, source, troubles.len())?, &transcript.to_bytes())?;
    let records: Arc<[Record]> = transcript.records.into();
    Ok(match fullscreen::book(&source.name(), &records, false) {
        Msg::Opened(mut book) => {
            book.takes_notes = true;
            book.wait();
            Msg::Written(book, records, said)
        }
        other => other,
    })
}

/// The same as the command's options would say it.
fn asked(draft: &Draft, author: Option<&str>, transcript: &Transcript) -> Annotate {
    let stretch = draft.stretch.clone().or_else(|| {
        // All of the line, where no part of it was chosen.
        let steps = (draft.kind == Kind::Highlight).then(|| annotate::steps(&transcript.records))?;
        Some(0..steps.get(draft.step.checked_sub(1)?)?.bytes.len())
    });
    let is = |kind: Kind| (draft.kind == kind).then(|| draft.text.clone());
    let stretched = matches!(draft.kind, Kind::Highlight | Kind::Comment);
    Annotate {
        at: Some(draft.step),
        author: author.map(str::to_owned),
        comment: is(Kind::Comment),
        chapter: is(Kind::Chapter),
        question: is(Kind::Question),
        answer: is(Kind::Question).map(|_| draft.answer.clone()),
        pause: is(Kind::Pause),
        highlight: stretch.filter(|_| stretched).map(|stretch| format!("{}..{}", stretch.start, stretch.end)),
        ..Annotate::default()
    }
}

fn take_away(records: &mut Vec<Record>, mark: &Mark) -> Result<(), CommandError> {
    let found = annotate::marks_of(records).find(|(_, known)| *known == mark).map(|(index, _)| index);
    let index = found.ok_or_else(|| CommandError::failure("this mark is no longer in the file", ""))?;
    records.remove(index);
    Ok(())
}
