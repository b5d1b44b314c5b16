//! `postroad compare`: the same wishes over POP3 and over IMAP, side by side; or any two recordings.

use super::open::{self, Source};
use super::{CommandError, fullscreen, scenario, screen};
use crate::compare::{Comparison, Pairing, Reading};
use crate::view::compare::growth::{self, Size};
use crate::view::compare::{Options, Sheet, by_conversation, by_intent, html, json, plain};
use crate::view::tui::compare::CompareView;
use crate::world::scenario::{Access, LinkSpec, Scenario};
use std::io::Write;
use std::path::PathBuf;

/// `postroad compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// Any two recordings: files, or names of the library. Without them Bob's story is told, over POP3 and over IMAP.
    #[arg(value_name = "FILE|NAME", num_args = 2, value_hint = clap::ValueHint::FilePath,
          conflicts_with_all = ["scenario", "link", "messages", "size", "devices"])]
    pub recordings: Vec<String>,
    /// Run this scenario (TOML) in place of Bob's story, once over POP3 and once over IMAP.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "The story")]
    pub scenario: Option<PathBuf>,
    /// What kind of line people's devices have: broadband, 3g, satellite, or latency and bandwidth as in
    /// 80ms/2000kbit. [default: as the scenario says]
    #[arg(long, value_name = "LINK", help_heading = "The story")]
    pub link: Option<LinkSpec>,
    /// Messages in the inbox at the start.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "The story")]
    pub messages: Option<u32>,
    /// Octets of text in each of the messages that are alike.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(0..=10_000_000),
          help_heading = "The story")]
    pub size: Option<u64>,
    /// Devices of the person who has most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50), help_heading = "The story")]
    pub devices: Option<u8>,
    /// Tell only what it costs, at each of these numbers of messages, as in 10,100,1000.
    #[arg(long, value_name = "N,N…", value_delimiter = ',', conflicts_with_all = ["recordings", "messages", "html"],
          value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "The story")]
    pub growth: Vec<u32>,
    /// How rows are aligned. [default: by intent where both recordings tell what people wanted]
    #[arg(long, value_name = "HOW", help_heading = "The rows")]
    pub by: Option<By>,
    /// Lines of a cell at most.
    #[arg(long, value_name = "N", default_value_t = 12, help_heading = "The rows")]
    pub lines: usize,
    /// Print it, also where a full screen could be used.
    #[arg(long, help_heading = "The telling")]
    pub plain: bool,

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
  postroad compare
      the same mail, the same wishes, over POP3 and over IMAP
  postroad compare --link satellite --messages 200
      far away, with a full inbox
  postroad compare --growth 10,100,1000
      what it costs as the mailbox grows
  postroad compare --html > compare.html
      for a course page
  postroad compare journey-pop3 journey-imap
      any two recordings, of the library or of your own";

/// Do what was asked.
pub fn run(args: &Compare) -> Result<(), CommandError> {
    let asked = args.json || args.html || args.plain || args.width.is_some();
    let full = !asked && fullscreen::is_possible();
    let options = Options {
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
        // On a full screen what is long is scrolled.
        most: if full { usize::MAX } else { args.lines.max(1) },
    };
    if !args.growth.is_empty() {
        return tell_growth(args);
    }
    let sheet = sheet(args, &options)?;
    if full {
        return fullscreen::side_by_side(&mut CompareView::new(sheet));
    }
    let mut out = screen::out();
    match (args.json, args.html) {
        (true, _) => json::write(&sheet, &mut out)?,
        (_, true) => html::write(&sheet, &mut out)?,
        _ => plain::write(&sheet, &options, &mut out)?,
    }
    Ok(out.flush()?)
}

/// What the story costs at several sizes.
fn tell_growth(args: &Compare) -> Result<(), CommandError> {
    let mut sizes = Vec::new();
    for messages in &args.growth {
        let story = sized(args, Some(*messages))?;
        let sides = [told(&story, Access::Pop3)?, told(&story, Access::Imap)?];
        sizes.push(Size::of(*messages, &sides));
    }
    let (names, mut out) = (["POP3".to_owned(), "IMAP".to_owned()], screen::out());
    match args.json {
        true => growth::write_json(&names, &sizes, &mut out)?,
        false => growth::write(&names, &sizes, &mut out)?,
    }
    Ok(out.flush()?)
}

/// Both sides, aligned.
fn sheet(args: &Compare, options: &Options) -> Result<Sheet, CommandError> {
    let [left, right] = match args.recordings.as_slice() {
        [left, right] => [read(left)?, read(right)?],
        _ => {
            let story = sized(args, args.messages)?;
            [told(&story, Access::Pop3)?, told(&story, Access::Imap)?]
        }
    };
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

/// The story that is told twice, as it was asked for, with so many messages in the inbox.
fn sized(args: &Compare, messages: Option<u32>) -> Result<Scenario, CommandError> {
    let mut story = scenario::read(args.scenario.as_deref(), "compare")?;
    let people: Vec<String> = story.people.iter().map(|person| person.name.clone()).collect();
    for person in people {
        story = match args.link {
            Some(link) => story.with_link(&person, link),
            None => story,
        };
    }
    if messages.is_some() || args.size.is_some() || args.devices.is_some() {
        let many = story.messages.iter().filter(|m| m.count > 1).map(|m| m.octets).max();
        let messages = messages.unwrap_or_else(|| story.messages.iter().map(|m| m.count).sum());
        let size = args.size.or(many).unwrap_or_default();
        let devices = args.devices.map_or(0, usize::from);
        story = story.scaled(messages, size, devices);
    }
    Ok(story)
}

/// The story with every mail program on this protocol.
fn told(story: &Scenario, access: Access) -> Result<Reading, CommandError> {
    Ok(Reading::of(scenario::carried(&story.clone().with_access(access))?))
}

fn read(what: &str) -> Result<Reading, CommandError> {
    let source = Source::find(what)?;
    let mut records = source.records()?;
    let reading = Reading::of(records.by_ref());
    open::tell_troubles(&source, &records.troubles());
    Ok(reading)
}
