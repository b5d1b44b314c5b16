//! `postroad export FILE --format …`: a transcript as a file that others can use.
//!
//! Each format is a view: records in, bytes out. A new one is a line in [`Format`] and an arm in [`render`].

use super::open::{self, Source};
use super::select::{self, Selection};
use super::{CommandError, export_told, screen};
use crate::base::escape;
use crate::dissect::filter::StepRange;
use crate::trace::{Head, Record};
use crate::view::html;
use clap::{ValueEnum, ValueHint};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// `postroad export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// A transcript: a file, the name of a recording of the library (`postroad transcripts`), or `-`.
    #[arg(value_name = "FILE|NAME", value_hint = ValueHint::FilePath)]
    pub what: String,
    /// What to make of it. [default: what the ending of OUT says]
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
    pub format: Option<Format>,
    /// Where to write it. [default: the standard output]
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Only these steps, as in 14..38, 14.. or 14. A capture holds the whole connections that they belong to.
    #[arg(long, value_name = "A..B")]
    pub steps: Option<StepRange>,
    /// Only what this filter lets pass, as in `smtp and code 4xx`; `postroad replay --help` names its terms.
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,
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
  postroad export journey.jsonl -o journey.html
      one page for a course: it needs no network, and works without JavaScript
  postroad export journey.jsonl --format pcapng -o journey.pcapng
      for tshark and Wireshark, with what each line means as packet comments
  postroad export journey.jsonl --format mermaid --steps 1..24
      a sequence diagram for a page that draws Mermaid
  postroad export greylist --format svg --filter 'smtp and not verb QUIT' -o greylist.svg
      a ladder diagram of a recording of the library
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
    /// OpenTelemetry traces, one of each message, one JSON object a line, for a collector.
    Otlp,
}

impl Format {
    /// The format that files with this ending have, and what such a file is in words.
    fn of_ending(path: &Path) -> Option<(Self, &'static str)> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        Some(match ending.as_str() {
            "html" | "htm" => (Format::Html, "the whole story, as a page,"),
            "pcapng" => (Format::Pcapng, "a capture"),
            "mmd" | "mermaid" => (Format::Mermaid, "a diagram"),
            "svg" => (Format::Svg, "a picture"),
            "md" | "markdown" => (Format::Markdown, "a document"),
            "txt" => (Format::Text, "the text"),
            "cast" => (Format::Asciicast, "a recording"),
            "otlp" => (Format::Otlp, "each message's trace"),
            "json" | "jsonl" => (Format::Json, "the story, as JSON,"),
            _ => return None,
        })
    }

    /// Whether it is written as the story goes on, so that a recording of any size can be told.
    fn streams(self) -> bool {
        matches!(self, Format::Markdown | Format::Text | Format::Asciicast | Format::Json | Format::Otlp)
    }
}

/// Octets of data, and records, of what becomes one page or one picture: it holds each line many times over.
const PAGE: (usize, usize) = (16 << 20, 20_000);

/// Do what was asked.
pub fn run(args: &Export) -> Result<(), CommandError> {
    let filter = args.filter.as_deref().map(|text| select::filter(text, screen::colour())).transpose()?;
    let format = format(args)?;
    if format == Format::Html && (filter.is_some() || args.steps.is_some()) {
        let hint = "leave --steps and --filter out: the reader of the page filters, and links to a step";
        return Err(CommandError::usage("a page holds the whole story", hint));
    }
    let source = Source::find(&args.what)?;
    if let (Source::File(from), Some(to)) = (&source, &args.output) {
        open::not_itself(from, to)?;
    }
    let selection = Selection::new(filter, args.steps, None);
    if format.streams() {
        let mut records = source.records()?;
        written(args, |out| render(args, format, &mut records, selection, out))?;
        open::tell_troubles(&source, &records.troubles());
        return Ok(());
    }
    let (transcript, issues) = match format {
        Format::Pcapng => source.load()?,
        _ => source.load_within(PAGE.0, PAGE.1)?,
    };
    open::tell_troubles(&source, &issues);
    written(args, |out| whole(args, format, &transcript.records, selection, out))
}

/// The format that was asked for; else the one of the ending of what is written.
fn format(args: &Export) -> Result<Format, CommandError> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let names: Vec<String> = Format::value_variants()
        .iter()
        .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
        .collect();
    let all = format!("--format takes {}", names.join(", "));
    let Some(path) = &args.output else {
        return Err(CommandError::usage("what is to be made of it?", all));
    };
    Format::of_ending(path).map(|(format, _)| format).ok_or_else(|| {
        let path = escape::text(&path.display().to_string());
        CommandError::usage(format!("the ending of {path} names no format"), all)
    })
}

/// Write records that are all in memory, in the format that was asked for.
fn whole(
    args: &Export,
    format: Format,
    records: &[Record],
    selection: Selection,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match format {
        Format::Html => html::write(records, &html::Options { show_secrets: args.show_secrets }, out),
        Format::Pcapng => {
            told(args, export_told::packets(args, head_of(records.first())?, records, selection, out)?);
            Ok(())
        }
        _ => render(args, format, &mut records.iter().cloned(), selection, out),
    }
}

/// Let `write` write to where the output goes.
fn written(
    args: &Export,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    let Some(path) = &args.output else {
        let mut out = screen::out();
        write(&mut out)?;
        return Ok(out.flush()?);
    };
    let failed = |error: std::io::Error| CommandError::file("write", path, &error);
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)
}

/// Write the story from this Step on to a file, in the format of its ending; gives what it is.
///
/// # Errors
/// Where no format has that ending, or the file cannot be written.
pub fn write(
    records: &[Record],
    path: &Path,
    from: usize,
    show_secrets: bool,
) -> Result<String, CommandError> {
    let Some((format, what)) = Format::of_ending(path) else {
        let hint = ".html .md .txt .svg .mmd .cast .json .pcapng";
        return Err(CommandError::usage(format!("no format has that ending; there are {hint}"), ""));
    };
    let steps = (format != Format::Html).then_some(StepRange { first: from, last: usize::MAX });
    let args = Export {
        what: String::new(),
        format: Some(format),
        output: None,
        steps,
        filter: None,
        detail: false,
        show_secrets,
    };
    let failed = |error: std::io::Error| CommandError::file("write", path, &error);
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    let selection = Selection::new(None, steps, None);
    whole(&args, format, records, selection, &mut out).and_then(|()| out.flush()).map_err(failed)?;
    Ok(what.to_owned())
}

/// Tell the story of `records` in the format that was asked for.
fn render(
    args: &Export,
    format: Format,
    records: &mut dyn Iterator<Item = Record>,
    selection: Selection,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let first = records.next();
    let head = head_of(first.as_ref())?;
    told(args, export_told::write(args, format, head, records, selection, out)?);
    Ok(())
}

fn head_of(first: Option<&Record>) -> std::io::Result<&Head> {
    match first {
        Some(Record::Head(head)) => Ok(head),
        _ => Err(std::io::Error::other("the transcript has no head, so nobody knows who is who")),
    }
}

/// Where nothing was as asked for, say so.
fn told(args: &Export, items: usize) {
    if items == 0 {
        // Who cannot be told is not helped by a failure.
        let _ = writeln!(std::io::stderr(), "note: nothing of {} is as asked for", escape::text(&args.what));
    }
}
