//! A session, pasted or recorded, told as every story is.

use super::super::args::Explain;
use super::super::{CommandError, screen};
use super::detail;
use crate::explain::Story;
use crate::trace::Record;
use crate::trace::file::Reader;
use crate::view::json::Json;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Closing, Renderer, Tally};

/// Tell these records.
pub fn told(args: &Explain, records: &[Record]) -> Result<(), CommandError> {
    if args.json {
        return tell(&mut Json::new(screen::out(), args.show_secrets), records);
    }
    let options = Options {
        detail: detail(args),
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
    };
    tell(&mut Plain::new(screen::out(), options), records)
}

/// Tell a recording.
pub fn recording(args: &Explain, bytes: &[u8], name: &str) -> Result<(), CommandError> {
    let records: Result<Vec<Record>, _> = Reader::new(bytes).collect();
    let records = records.map_err(|error| CommandError::failure(format!("{name}: {error}"), ""))?;
    told(args, &records)
}

fn tell(view: &mut impl Renderer, records: &[Record]) -> Result<(), CommandError> {
    let Some(Record::Head(head)) = records.first() else {
        return Err(CommandError::failure("the recording has no head, so nobody knows who is who", ""));
    };
    let (mut cast, mut tally, mut story) = (Cast::default(), Tally::default(), Story::new(head));
    for (index, record) in records.iter().enumerate() {
        cast.learn(record);
        if index == 0 {
            view.begin(&cast)?;
        }
        for item in story.push(index, record) {
            tally.see(&item, cast.start);
            view.item(&cast, &item)?;
        }
    }
    for item in story.finish() {
        tally.see(&item, cast.start);
        view.item(&cast, &item)?;
    }
    Ok(view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] })?)
}
