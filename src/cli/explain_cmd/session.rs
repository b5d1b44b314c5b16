//! A session, pasted or recorded, told as every story is.

use super::super::args::Explain;
use super::super::{CommandError, screen};
use super::detail;
use crate::explain::Story;
use crate::import;
use crate::trace::Record;
use crate::view::json::Json;
use crate::view::page::prose;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Closing, Renderer, Tally};
use std::borrow::Cow;
use std::io::{Read, Write};

/// Tell a pasted session.
pub fn told(args: &Explain, records: &[Record]) -> Result<(), CommandError> {
    tell(args, records.iter().map(Cow::Borrowed)).map(drop)
}

/// Tell a recording, as it is read: a transcript or a capture. What was off in it is told at the end.
pub fn recording(args: &Explain, from: impl Read + Send + 'static, name: &str) -> Result<(), CommandError> {
    let failed = |error: import::Error| CommandError::failure(format!("{name}: {error}"), "");
    let mut records = import::open(from, name).map_err(failed)?;
    tell(args, records.by_ref().map(Cow::Owned))?;
    for trouble in records.troubles().iter().take(20) {
        let _ = writeln!(std::io::stderr(), "note: {name}: {}", prose(trouble));
    }
    Ok(())
}

fn tell<'r>(args: &Explain, records: impl Iterator<Item = Cow<'r, Record>>) -> Result<(), CommandError> {
    if args.json {
        return onto(&mut Json::new(screen::out(), args.show_secrets), records);
    }
    let options = Options {
        detail: detail(args),
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
    };
    onto(&mut Plain::new(screen::out(), options), records)
}

fn onto<'r>(
    view: &mut impl Renderer,
    records: impl Iterator<Item = Cow<'r, Record>>,
) -> Result<(), CommandError> {
    let (mut cast, mut tally) = (Cast::default(), Tally::default());
    let mut story: Option<Story> = None;
    for (index, record) in records.enumerate() {
        let record = &*record;
        cast.learn(record);
        if let (None, Record::Head(head)) = (&story, record) {
            story = Some(Story::new(head));
            view.begin(&cast)?;
        }
        let Some(story) = &mut story else {
            return Err(CommandError::failure("the recording has no head, so nobody knows who is who", ""));
        };
        for item in story.push(index, record) {
            tally.see(&item, cast.start);
            view.item(&cast, &item)?;
        }
    }
    let mut story = story.ok_or_else(|| CommandError::failure("nothing is recorded in it", ""))?;
    for item in story.finish() {
        tally.see(&item, cast.start);
        view.item(&cast, &item)?;
    }
    Ok(view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] })?)
}
