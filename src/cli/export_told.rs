//! The part of `postroad export` that tells a story: which of its items are meant, and each of the formats that take
//! them one by one.

use super::export::{Export, Format};
use super::select::Selection;
use crate::explain::{Item, Placing, Story};
use crate::trace::{Head, Record};
use crate::view::asciicast::{self, Asciicast};
use crate::view::json::Json;
use crate::view::markdown::{self, Markdown};
use crate::view::mermaid::{self, Mermaid};
use crate::view::otlp::Otlp;
use crate::view::plain::{Detail, Options, Plain};
use crate::view::svg::{self, Svg};
use crate::view::{Cast, Closing, Renderer, Tally, pcapng};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Columns of text that goes into a file.
const WIDTH: usize = 80;

/// Write what `selection` lets pass of the story of these records as packets; gives how many Steps that were.
///
/// # Errors
/// Where `out` fails.
pub fn packets(
    args: &Export,
    head: &Head,
    records: &[Record],
    selection: Selection,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let (show_secrets, detail) = (args.show_secrets, args.detail);
    let kept = Told { head, records: &mut records.iter().skip(1).cloned(), selection }.steps()?;
    let keep = |step: &crate::dissect::Step| kept.contains(&step.number);
    let options = pcapng::Options { show_secrets, detail, keep: &keep };
    pcapng::write(out, head, records, &options).map(|()| kept.len())
}

/// Write what `selection` lets pass of the story of the records behind this head; gives how many items that were.
///
/// # Errors
/// Where `out` fails.
pub fn write(
    args: &Export,
    format: Format,
    head: &Head,
    records: &mut dyn Iterator<Item = Record>,
    selection: Selection,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let (show_secrets, detail) = (args.show_secrets, args.detail);
    let full = if detail { Detail::Full } else { Detail::Brief };
    let plain = |colour| Options { detail: full, width: WIDTH, colour, show_secrets };
    let told = Told { head, records, selection };
    match format {
        // A page shows and hides by itself, and packets have a part of their own.
        Format::Html | Format::Pcapng => Ok(0),
        Format::Mermaid => told.to(&mut Mermaid::new(out, mermaid::Options { detail, show_secrets })),
        Format::Svg => told.to(&mut Svg::new(out, svg::Options { detail, show_secrets })),
        Format::Markdown => told.to(&mut Markdown::new(out, markdown::Options { detail, show_secrets })),
        Format::Text => told.to(&mut Plain::new(out, plain(false))),
        Format::Asciicast => {
            // The cast is for a terminal, wherever it is written to.
            let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            colored::control::set_override(colour);
            let options = asciicast::Options { plain: plain(colour), ..Default::default() };
            told.to(&mut Asciicast::new(out, options))
        }
        Format::Otlp => told.to(&mut Otlp::new(out)),
        Format::Json => told.to(&mut Json::new(out, show_secrets)),
    }
}

/// A story, or what is meant of it.
struct Told<'a> {
    head: &'a Head,
    /// What stands behind the head.
    records: &'a mut dyn Iterator<Item = Record>,
    selection: Selection,
}

impl Told<'_> {
    /// Tell it to a view. After the last Step that is asked for the state is the one that holds there.
    fn to(mut self, view: &mut impl Renderer) -> io::Result<usize> {
        let (mut tally, mut shown) = (Tally::default(), 0);
        let mut cast = Cast::default();
        cast.learn(&Record::Head(self.head.clone()));
        view.begin(&cast)?;
        let story = self.each(&mut cast, |cast, item| {
            shown += 1;
            tally.see(item, cast.start);
            view.item(cast, item)
        })?;
        view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] })?;
        Ok(shown)
    }

    /// The numbers of the Steps that are meant.
    fn steps(mut self) -> io::Result<BTreeSet<usize>> {
        let mut numbers = BTreeSet::new();
        self.each(&mut Cast::default(), |_, item| {
            numbers.extend(if let Item::Step(step, _) = item { Some(step.number) } else { None });
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Hand on each item that is meant; gives the story as it then stands.
    fn each(
        &mut self,
        cast: &mut Cast,
        mut to: impl FnMut(&Cast, &Item) -> io::Result<()>,
    ) -> io::Result<Story> {
        let (mut story, mut placing) = (Story::new(self.head), Placing::default());
        let head = std::iter::once(Record::Head(self.head.clone()));
        for (index, record) in head.chain(&mut self.records).enumerate() {
            for item in placing.before(&record) {
                self.selection.admit(&item).iter().try_for_each(|item| to(cast, item))?;
            }
            if self.selection.is_over() {
                return Ok(story);
            }
            cast.learn(&record);
            self.selection.learn(&record);
            placing.take(story.push(index, &record));
        }
        for item in placing.finish().into_iter().chain(story.finish()) {
            self.selection.admit(&item).iter().try_for_each(|item| to(cast, item))?;
        }
        Ok(story)
    }
}
