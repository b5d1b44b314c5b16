//! `postroad transcripts`: the library of recordings that comes with the program.
//!
//! Most are what a scenario of `lessons/scenarios/` gives, recorded in `transcripts/`. What is said about one comes
//! from itself: its title, its steps and chapters, and what its scenario says it shows. Some were made by real programs in
//! a lab: no scenario gives them, and `lessons/recordings.toml` says what they show.

use super::open::Source;
use super::{CommandError, screen};
use crate::base::escape;
use crate::explain::{Item, Story};
use crate::trace::{Head, Record};
use crate::world::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::io::Write;

macro_rules! library {
    ($($name:literal),+ $(,)?) => {
        /// Name and bytes of every recording, in the order in which they are best met.
        pub const LIBRARY: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../transcripts/", $name, ".jsonl")))),+];
    };
}

library!(
    "journey",
    "journey-pop3",
    "journey-imap",
    "journey-starttls",
    "journey-implicit",
    "same-domain",
    "one-machine",
    "reply",
    "several-domains",
    "attachment",
    "in-step",
    "web-mail",
    "web-shop",
    "spoofed-unprotected",
    "spoofed-caught",
    "signed",
    "forwarded",
    "mailing-list",
    "pipelining",
    "dot-stuffing",
    "large-attachment",
    "mx1-down",
    "no-mx",
    "null-mx",
    "nxdomain",
    "dns-timeout",
    "greylist",
    "unknown-user",
    "mailbox-full",
    "dsn-success",
    "delayed",
    "relay-denied",
    "auth-failure",
    "scram",
    "keep-a-copy",
    "pop3-apop",
    "maildrop-lock",
    "imap-idle",
    "compare-pop3",
    "compare-imap",
    "real-swaks",
    "real-fetchmail",
    "real-mutt",
    "real-imapflow",
);

/// Prose is not set wider than this.
const MEASURE: usize = 96;

/// `postroad transcripts`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Transcripts {
    /// As JSON, one object a line, for other programs.
    #[arg(long)]
    pub json: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  postroad transcripts
  postroad replay maildrop-lock
  postroad annotate journey --at 14 --comment \"The envelope\" -o mine.jsonl";

/// What is said about a recording.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry {
    name: &'static str,
    title: String,
    steps: usize,
    chapters: usize,
    about: String,
}

/// List the library.
pub fn run(args: &Transcripts) -> Result<(), CommandError> {
    let mut out = screen::out();
    let width = screen::width(args.width.map(usize::from)).min(MEASURE);
    for (name, _) in LIBRARY {
        let entry = entry(name)?;
        if args.json {
            serde_json::to_writer(&mut out, &entry).map_err(std::io::Error::from)?;
            writeln!(out)?;
            continue;
        }
        let size = format!("{} steps in {} chapters", entry.steps, entry.chapters);
        for line in textwrap::wrap(&format!("{name} · {} · {size}", entry.title), width) {
            writeln!(out, "{line}")?;
        }
        for line in textwrap::wrap(
            &entry.about,
            textwrap::Options::new(width).initial_indent("    ").subsequent_indent("    "),
        ) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    if !args.json {
        writeln!(out, "postroad replay NAME plays one.")?;
    }
    Ok(out.flush()?)
}

fn entry(name: &'static str) -> Result<Entry, CommandError> {
    let source = Source::Library(name);
    let (transcript, _) = source.load()?;
    let empty = Head {
        version: 1,
        generator: String::new(),
        title: String::new(),
        start: Default::default(),
        hosts: Vec::new(),
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    };
    let head = transcript.head().unwrap_or(&empty);
    let mut entry =
        Entry { name, title: escape::text(&head.title), steps: 0, chapters: 0, about: about(name, head) };
    let mut story = Story::new(head);
    let mut count = |items: Vec<Item>| {
        for item in items {
            match item {
                Item::Step(..) => entry.steps += 1,
                Item::Chapter(_) => entry.chapters += 1,
                _ => {}
            }
        }
    };
    for (index, record) in transcript.records.iter().enumerate() {
        count(story.push(index, record));
    }
    count(story.finish());
    Ok(entry)
}

/// What is said about those that came from no scenario.
const LIVE: &str = include_str!("../../lessons/recordings.toml");

#[derive(Deserialize)]
struct LiveOnes {
    recording: Vec<LiveOne>,
}

#[derive(Deserialize)]
struct LiveOne {
    name: String,
    about: String,
}

/// What a recording shows, on one line: its scenario says it, or, where real programs made it, our own list.
fn about(name: &str, head: &Head) -> String {
    let about = if head.is_live() {
        let live: Result<LiveOnes, _> = toml::from_str(LIVE);
        let of = |live: LiveOnes| live.recording.into_iter().find(|one| one.name == name);
        live.ok().and_then(of).map(|one| one.about)
    } else {
        Scenario::from_toml(&head.scenario, "the recording's scenario").ok().map(|scenario| scenario.about)
    };
    escape::text(&about.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether a record is a person's, and no part of what happened.
pub(super) fn is_mark(record: &Record) -> bool {
    matches!(record, Record::Mark(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_what_lies_in_transcripts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| {
                entry.ok()?.file_name().into_string().ok()?.strip_suffix(".jsonl").map(str::to_owned)
            })
            .collect();
        let mut names: Vec<String> = LIBRARY.iter().map(|(name, _)| (*name).to_owned()).collect();
        files.sort();
        names.sort();
        assert_eq!(names, files);
    }

    #[test]
    fn every_recording_says_what_it_shows() {
        for (name, _) in LIBRARY {
            let entry = entry(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            // On one machine nothing crosses a wire.
            let told = entry.steps > 20 && entry.chapters > 2;
            assert!(told || (*name == "one-machine" && entry.steps == 0), "{entry:?}");
            assert!(entry.about.len() > 80 && entry.title.len() > 10, "{entry:?}");
        }
    }
}
