//! The part of `postroad export` that tells a story: which Steps are meant, and each of the formats that take
//! items one by one.

use super::export::{Export, Format};
use crate::dissect::Step;
use crate::explain::{Item, Story};
use crate::trace::{Head, Record};
use crate::view::asciicast::{self, Asciicast};
use crate::view::json::Json;
use crate::view::markdown::{self, Markdown};
use crate::view::mermaid::{self, Mermaid};
use crate::view::plain::{Detail, Options, Plain};
use crate::view::svg::{self, Svg};
use crate::view::{Cast, Closing, Renderer, Tally, pcapng};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Columns of text that goes into a file.
const WIDTH: usize = 80;

/// A range of Steps as it is written on the command line: `14..38`, `14..`, `..38`, `14`; both ends are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps(RangeInclusive<usize>);

impl Steps {
    /// Whether the Step of this number is meant.
    pub fn contains(&self, number: usize) -> bool {
        self.0.contains(&number)
    }
}

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, missing: usize| match text.trim() {
            "" => Ok(missing),
            digits => digits.parse().map_err(|_| "write it as 14..38, 14.., ..38 or 14".to_owned()),
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => {
                (number(first, 1)?, number(last.strip_prefix('=').unwrap_or(last), usize::MAX)?)
            }
            None => (number(text, 0)?, number(text, 0)?),
        };
        match (first, last) {
            (0, _) | (_, 0) => Err("steps are numbered from 1: write 14..38, 14.., ..38 or 14".to_owned()),
            (first, last) if first > last => {
                Err(format!("{first} comes after {last}: write {last}..{first}"))
            }
            (first, last) => Ok(Steps(first..=last)),
        }
    }
}

/// Write the story of these records in one of the told formats.
pub fn write(args: &Export, head: &Head, records: &[Record], out: &mut dyn Write) -> io::Result<()> {
    let keep = |step: &Step| args.steps.as_ref().is_none_or(|steps| steps.contains(step.number));
    let last = args.steps.as_ref().map_or(usize::MAX, |steps| *steps.0.end());
    let (show_secrets, detail) = (args.show_secrets, args.detail);
    let full = if detail { Detail::Full } else { Detail::Brief };
    let plain = |colour| Options { detail: full, width: WIDTH, colour, show_secrets };
    let told =
        Told { head, records, keep: &keep, first: args.steps.as_ref().is_none_or(|s| s.contains(1)), last };
    match args.format {
        // A page shows and hides by itself.
        Format::Html => Ok(()),
        Format::Pcapng => {
            pcapng::write(out, head, records, &pcapng::Options { show_secrets, detail, keep: &keep })
        }
        Format::Mermaid => told.to(&mut Mermaid::new(out, mermaid::Options { detail, show_secrets })),
        Format::Svg => told.to(&mut Svg::new(out, svg::Options { detail, show_secrets })),
        Format::Markdown => told.to(&mut Markdown::new(out, markdown::Options { detail, show_secrets })),
        Format::Text => told.to(&mut Plain::new(out, plain(false))),
        Format::Asciicast => {
            // The cast is for a terminal, wherever it is written to.
            let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            colored::control::set_override(colour);
            told.to(&mut Asciicast::new(
                out,
                asciicast::Options { plain: plain(colour), ..Default::default() },
            ))
        }
        Format::Json => told.to(&mut Json::new(out, show_secrets)),
    }
}

/// A story, or a stretch of it.
struct Told<'a> {
    head: &'a Head,
    records: &'a [Record],
    keep: &'a dyn Fn(&Step) -> bool,
    /// Whether what comes before the first Step is told.
    first: bool,
    /// After this Step nothing is told, and the state is the one that holds there.
    last: usize,
}

impl Told<'_> {
    fn to(&self, view: &mut impl Renderer) -> io::Result<()> {
        let (mut cast, mut tally, mut story) = (Cast::default(), Tally::default(), Story::new(self.head));
        let mut choice = Choice { keep: self.keep, chapter: None, shown: self.first };
        cast.learn(&Record::Head(self.head.clone()));
        view.begin(&cast)?;
        let mut told = 0;
        for (index, record) in self.records.iter().enumerate() {
            cast.learn(record);
            let items = story.push(index, record);
            for item in items {
                told = if let Item::Step(step, _) = &item { step.number } else { told };
                choice.take(item, |item| {
                    tally.see(item, cast.start);
                    view.item(&cast, item)
                })?;
            }
            if told > self.last {
                break;
            }
        }
        if told <= self.last {
            for item in story.finish() {
                choice.take(item, |item| {
                    tally.see(item, cast.start);
                    view.item(&cast, item)
                })?;
            }
        }
        view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] })
    }
}

/// Lets the Steps through that are meant, each with its chapter before it and its facts and marks behind it.
struct Choice<'a> {
    keep: &'a dyn Fn(&Step) -> bool,
    /// A chapter that waits for its first Step.
    chapter: Option<Item>,
    /// Whether the last Step was let through.
    shown: bool,
}

impl Choice<'_> {
    fn take(&mut self, item: Item, mut to: impl FnMut(&Item) -> io::Result<()>) -> io::Result<()> {
        match &item {
            Item::Chapter(_) => self.chapter = Some(item),
            Item::Step(step, _) => {
                self.shown = (self.keep)(step);
                if self.shown {
                    if let Some(chapter) = self.chapter.take() {
                        to(&chapter)?;
                    }
                    to(&item)?;
                }
            }
            Item::Fact { .. } | Item::Mark(_) if self.shown => {
                if let Some(chapter) = self.chapter.take() {
                    to(&chapter)?;
                }
                to(&item)?;
            }
            Item::Fact { .. } | Item::Mark(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Steps;

    #[test]
    fn a_range_of_steps_is_written_in_four_ways() {
        let range = |text: &str| text.parse::<Steps>().map(|s| (*s.0.start(), *s.0.end()));
        assert_eq!(range("14..38"), Ok((14, 38)));
        assert_eq!(range("14..=38"), Ok((14, 38)));
        assert_eq!(range("14.."), Ok((14, usize::MAX)));
        assert_eq!(range("..38"), Ok((1, 38)));
        assert_eq!(range("7"), Ok((7, 7)));
        for wrong in ["", "0..3", "3..2", "a", "1..2..3", "-1"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
