//! `postroad compare`: the same wishes over POP3 and over IMAP, side by side; or any two recordings.

use super::open::{self, Source};
use super::{CommandError, screen};
use crate::compare::{Comparison, Pairing, Reading};
use crate::view::compare::{Options, Sheet, by_conversation, by_intent, html, json, plain};
use std::io::Write;

/// `postroad compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// Two recordings: files, or names of the library.
    #[arg(value_name = "FILE|NAME", num_args = 2, value_hint = clap::ValueHint::FilePath)]
    pub recordings: Vec<String>,
    /// How rows are aligned. [default: by intent where both recordings tell what people wanted]
    #[arg(long, value_name = "HOW", help_heading = "The rows")]
    pub by: Option<By>,
    /// Lines of a cell at most.
    #[arg(long, value_name = "N", default_value_t = 12, help_heading = "The rows")]
    pub lines: usize,

    /// Tell it as JSON, for other programs.
    #[arg(long, help_heading = "The telling", conflicts_with = "html")]
    pub json: bool,
    /// Tell it as one web page.
    #[arg(long, help_heading = "The telling")]
    pub html: bool,
    /// Show passwords.
    #[arg(long, help_heading = "The telling")]
    pub show_secrets: bool,
    /// Columns, 32 to 1000: two columns from 100 on. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000),
          help_heading = "The telling")]
    pub width: Option<u16>,
}

/// By what rows are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// By what people wanted.
    Intent,
    /// By conversation, order and kind.
    Conversation,
}

const EXAMPLES: &str = "\
Examples:
  postroad compare | less
      the same mail over POP3 and over IMAP
  postroad compare journey-pop3 journey-imap
      any two recordings, of the library or of your own";

/// Do what was asked.
pub fn run(args: &Compare) -> Result<(), CommandError> {
    let options = Options {
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
        most: args.lines.max(1),
    };
    let sheet = sheet(args, &options)?;
    let mut out = screen::out();
    match (args.json, args.html) {
        (true, _) => json::write(&sheet, &mut out)?,
        (_, true) => html::write(&sheet, &mut out)?,
        _ => plain::write(&sheet, &options, &mut out)?,
    }
    Ok(out.flush()?)
}

fn sheet(args: &Compare, options: &Options) -> Result<Sheet, CommandError> {
    let [left, right] = args.recordings.as_slice() else {
        return Err(CommandError::usage(
            "two recordings are compared",
            "postroad transcripts lists the library",
        ));
    };
    let [left, right] = [read(left)?, read(right)?];
    if args.by == Some(By::Conversation) {
        return Ok(by_conversation(&Pairing::of(left, right), options));
    }
    match Comparison::of(left, right) {
        Ok(comparison) => Ok(by_intent(&comparison, options)),
        Err(_) if args.by == Some(By::Intent) => Err(CommandError::failure(
            "the two recordings have no wish in common, so they cannot be aligned by what people wanted",
            "leave --by away: they are aligned by conversation then",
        )),
        Err(sides) => {
            let [left, right] = *sides;
            Ok(by_conversation(&Pairing::of(left, right), options))
        }
    }
}

fn read(what: &str) -> Result<Reading, CommandError> {
    let source = Source::find(what)?;
    let mut records = source.records()?;
    let reading = Reading::of(records.by_ref());
    open::tell_troubles(&source, &records.troubles());
    Ok(reading)
}
