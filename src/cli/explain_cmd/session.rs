//! A session, pasted or recorded, told as every story is.

use super::super::args::Explain;
use super::super::{CommandError, screen};
use super::detail;
use crate::explain::abreast::{self, Told};
use crate::import;
use crate::trace::Record;
use crate::view::json::Json;
use crate::view::page::prose;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Closing, Renderer, Tally};
use std::borrow::Cow;
use std::io::{Read, Write};

/// How a recording comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of it is there.
    AtOnce,
    /// Somebody may still be writing it: each line is told when it comes.
    Live,
}

/// Tell a pasted session.
pub fn told(args: &Explain, records: &[Record]) -> Result<(), CommandError> {
    tell(args, records.iter().map(Cow::Borrowed), Pace::Live)
}

/// Tell a recording, as it is read: a transcript or a capture. What was off in it is told at the end.
pub fn recording(
    args: &Explain,
    from: impl Read + Send + 'static,
    name: &str,
    pace: Pace,
) -> Result<(), CommandError> {
    let failed = |error: import::Error| CommandError::failure(format!("{name}: {error}"), "");
    let mut records = import::open(from, name).map_err(failed)?;
    tell(args, records.by_ref().map(Cow::Owned), pace)?;
    for trouble in records.troubles().iter().take(20) {
        let _ = writeln!(std::io::stderr(), "note: {name}: {}", prose(trouble));
    }
    Ok(())
}

fn tell<'r>(
    args: &Explain,
    records: impl Iterator<Item = Cow<'r, Record>> + Send,
    pace: Pace,
) -> Result<(), CommandError> {
    if args.json {
        return onto(&mut Json::new(screen::out(), args.show_secrets), records, pace);
    }
    let options = Options {
        detail: detail(args),
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
    };
    onto(&mut Plain::new(screen::out(), options), records, pace)
}

fn onto<'r>(
    view: &mut impl Renderer,
    records: impl Iterator<Item = Cow<'r, Record>> + Send,
    pace: Pace,
) -> Result<(), CommandError> {
    let (mut cast, mut tally) = (Cast::default(), Tally::default());
    let mut see = |told: Told<'_>| -> Result<(), CommandError> {
        match told {
            Told::Record(record) => {
                cast.learn(record);
                if matches!(record, Record::Head(_)) {
                    view.begin(&cast)?;
                }
            }
            Told::Item(item, _) => {
                tally.see(&item, cast.start);
                view.item(&cast, &item)?;
            }
        }
        Ok(())
    };
    let story = match pace {
        Pace::AtOnce => abreast::tell(records, &mut see)?,
        Pace::Live => abreast::tell_alone(records, &mut see)?,
    };
    let no_head = "the recording has no head, so nobody knows who is who";
    let story = story.ok_or_else(|| CommandError::failure(no_head, ""))?;
    Ok(view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] })?)
}
