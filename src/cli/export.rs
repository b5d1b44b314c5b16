//! `postroad export FILE --format …`: a transcript as a file that others can use.
//!
//! Each format is a view: records in, bytes out. A new one is a line in [`Format`] and an arm in [`render`].

use super::{CommandError, screen};
use crate::base::escape;
use crate::trace::Record;
use crate::trace::file::Transcript;
use crate::view::html;
use clap::{ValueEnum, ValueHint};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// `postroad export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// The transcript: a file that `postroad journey --record` wrote.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// What to make of it.
    #[arg(long, value_name = "FORMAT")]
    pub format: Format,
    /// Where to write it. [default: the standard output]
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Show passwords. They stand in the transcript, whoever's they are.
    #[arg(long)]
    pub show_secrets: bool,
}

const EXAMPLES: &str = "\
Examples:
  postroad journey --record journey.jsonl
  postroad export journey.jsonl --format html -o journey.html
      one page for a course: it needs no network, and works without JavaScript";

/// What a transcript can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One self-contained web page.
    Html,
}

/// Do what was asked.
pub fn run(args: &Export) -> Result<(), CommandError> {
    let records = read(&args.file)?;
    let Some(path) = &args.output else {
        let mut out = screen::out();
        render(args, &records, &mut out)?;
        return Ok(out.flush()?);
    };
    let failed = |error: std::io::Error| CommandError::file("write", path, &error);
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    render(args, &records, &mut out).and_then(|()| out.flush()).map_err(failed)
}

/// Write `records` in the format that was asked for.
fn render(args: &Export, records: &[Record], out: &mut dyn Write) -> std::io::Result<()> {
    match args.format {
        Format::Html => html::write(records, &html::Options { show_secrets: args.show_secrets }, out),
    }
}

/// The records of a transcript file; what was off in it is told on the standard error.
fn read(path: &Path) -> Result<Vec<Record>, CommandError> {
    let file = File::open(path).map_err(|error| CommandError::file("read", path, &error))?;
    let (transcript, issues) = Transcript::read(BufReader::new(file)).map_err(|error| {
        let name = escape::text(&path.display().to_string());
        let hint = "a transcript is what `postroad journey --record FILE` writes";
        CommandError::failure(format!("cannot read {name}: {}", escape::text(&error.to_string())), hint)
    })?;
    let mut said = std::io::stderr();
    for issue in &issues {
        // Who cannot be told is not helped by a failure.
        let _ = writeln!(said, "note: {}", escape::text(&issue.to_string()));
    }
    Ok(transcript.records)
}
