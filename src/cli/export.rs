//! `postroad export FILE --format …`: a transcript as a file that others can use.
//!
//! Each format is a view: records in, bytes out. A new one is a line in [`Format`] and an arm in [`render`].

use super::export_told::Steps;
use super::{CommandError, export_told, screen};
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
    /// Only these steps, as in 14..38, 14.. or 14. A capture holds the whole connections that they belong to.
    #[arg(long, value_name = "A..B")]
    pub steps: Option<Steps>,
    /// More about each step: whole notes in place of summaries.
    #[arg(long)]
    pub detail: bool,
    /// Show passwords. They stand in the transcript, whoever's they are.
    #[arg(long)]
    pub show_secrets: bool,
}

const EXAMPLES: &str = "\
Examples:
  postroad journey --record journey.jsonl
  postroad export journey.jsonl --format html -o journey.html
      one page for a course: it needs no network, and works without JavaScript
  postroad export journey.jsonl --format pcapng -o journey.pcapng
      for tshark and Wireshark, with what each line means as packet comments
  postroad export journey.jsonl --format mermaid --steps 1..24
      a sequence diagram for a page that draws Mermaid
  postroad export journey.jsonl --format asciicast -o journey.cast
      for asciinema play

A capture (pcapng) holds the bytes of the wires themselves. In it, as everywhere, passwords are hidden:
overwritten with asterisks of the same length, unless --show-secrets leaves them as they are.";

/// What a transcript can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One self-contained web page.
    Html,
    /// A capture for tshark and Wireshark: the bytes of the wires, in packets made up around them.
    Pcapng,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// A ladder diagram as a picture that needs no tool.
    Svg,
    /// A document in CommonMark.
    Markdown,
    /// What `journey` prints, 80 columns wide.
    Text,
    /// A recording of a terminal for asciinema, version 2.
    Asciicast,
    /// One JSON object a line, for other programs.
    Json,
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
        _ => {
            let Some(Record::Head(head)) = records.first() else {
                return Err(std::io::Error::other("the transcript has no head, so nobody knows who is who"));
            };
            export_told::write(args, head, records, out)
        }
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
