//! What can be asked for on the command line.

use crate::view::plain;
use crate::world::scenario;
use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// A small internet that carries e-mail, and shows every byte on every wire with what it means.
#[derive(Debug, Parser)]
#[command(name = "postroad", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// What to do; without it, a friendly start.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  postroad journey                      Alice's letter to Bob, step by step
  postroad journey --break greylist     the same, with something going wrong
  postroad replay imap-idle             a recording from the library
  postroad lab                          its servers on ports of this machine, for swaks, curl, mutt
  postroad explain \"imap UID FETCH\"     what a word of a protocol means

No mail leaves this program. Only `postroad lab` and `postroad tap` open ports, and only to this machine unless told
otherwise; only `tap` calls a server, the one that you name.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry a letter along the whole road, and tell what happens on every wire.
    Journey(Box<Journey>),
    /// Open the small internet to real mail programs, on ports of this machine, and tell what they say.
    Lab(Box<super::lab::LabArgs>),
    /// Stand between a real mail program and a real server, pass on what they say, and tell it.
    Tap(Box<super::tap::TapArgs>),
    /// Play a recording: a transcript's file, or one of the built-in library.
    Replay(Box<super::replay::Replay>),
    /// Type SMTP, POP3 or IMAP by hand at a server of the simulated internet.
    Talk(Box<super::talk::TalkArgs>),
    /// List the built-in library of recordings.
    Transcripts(super::transcripts::Transcripts),
    /// Write into a recording: chapters, comments, highlights, questions, pauses. Its bytes stay as they are.
    Annotate(Box<super::annotate::Annotate>),
    /// Compare students' answers with an annotated recording.
    Grade(super::grade::Grade),
    /// Look a verb, a reply code or another word up in the catalogue.
    Explain(Explain),
    /// Read a capture (pcap, pcapng) and write it as a transcript.
    Import(Import),
    /// Turn a transcript into a web page, or into another file that others can use.
    Export(super::export::Export),
    /// Lay two stories side by side: the same mail over POP3 and over IMAP, or any two recordings.
    Compare(super::compare::Compare),
    /// Learn: the course, lesson by lesson, with things to predict, find, type and repair.
    Lesson(super::lesson::LessonArgs),
    /// Write what a shell needs to complete this program's command line.
    Completions(super::completions::Completions),
    /// Write the manual's pages.
    Man(super::man::ManArgs),
}

/// `postroad journey`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = JOURNEY_EXAMPLES)]
pub struct Journey {
    /// Run this scenario (TOML) in place of Alice's letter to Bob.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The world")]
    pub scenario: Option<PathBuf>,
    /// Let something go wrong. May be given several times.
    #[arg(long = "break", value_name = "PRESET", value_parser = PossibleValuesParser::new(presets()),
          action = ArgAction::Append, help_heading = "The world")]
    pub breaks: Vec<String>,
    /// Seed of all randomness: the same seed gives the same bytes.
    #[arg(long, value_name = "N", help_heading = "The world")]
    pub seed: Option<u64>,
    /// What servers and clients do with TLS. [default: as the scenario says; Alice's letter to Bob: none]
    #[arg(long, value_name = "HOW", help_heading = "The world")]
    pub tls: Option<TlsMode>,
    /// How the letter is fetched. [default: as the scenario says; Alice's letter to Bob: both]
    #[arg(long, value_name = "HOW", help_heading = "The world")]
    pub fetch: Option<Fetch>,

    /// Who writes: one of the scenario's accounts.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress, help_heading = "The letter")]
    pub from: Option<String>,
    /// To whom. May be given several times.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress, action = ArgAction::Append,
          help_heading = "The letter")]
    pub to: Vec<String>,
    /// Who gets a copy that everybody sees.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress, action = ArgAction::Append,
          help_heading = "The letter")]
    pub cc: Vec<String>,
    /// Who gets a copy that nobody else sees.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress, action = ArgAction::Append,
          help_heading = "The letter")]
    pub bcc: Vec<String>,
    /// The subject.
    #[arg(long, value_name = "TEXT", help_heading = "The letter")]
    pub subject: Option<String>,
    /// The text.
    #[arg(long, value_name = "TEXT", help_heading = "The letter")]
    pub body: Option<String>,
    /// The text, from a file; `-` is the standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "body",
          help_heading = "The letter")]
    pub body_file: Option<PathBuf>,
    /// Files that go with it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, num_args = 1.., action = ArgAction::Append,
          help_heading = "The letter")]
    pub attach: Vec<PathBuf>,

    /// Tell it as text from beginning to end, where a terminal would be given the full screen.
    #[arg(long, help_heading = "The telling")]
    pub plain: bool,
    /// Walk it by typed commands, told in plain sentences: for screen readers, simple terminals and pipes.
    #[arg(long, help_heading = "The telling", conflicts_with_all = ["json", "detail", "width"])]
    pub interactive: bool,
    /// How much is told, as text. [default: brief]
    #[arg(long, value_name = "HOW", help_heading = "The telling")]
    pub detail: Option<Detail>,
    /// Tell it as JSON, one object a line, for other programs.
    #[arg(long, help_heading = "The telling")]
    pub json: bool,
    /// Keep the transcript: every byte, passwords too, ready to be replayed.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub record: Option<PathBuf>,
    /// Show passwords. They are the scenario's own, and made up.
    #[arg(long, help_heading = "The telling")]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000),
          help_heading = "The telling")]
    pub width: Option<u16>,
}

const JOURNEY_EXAMPLES: &str = "\
Examples:
  postroad journey
      the whole road, each new thing explained where it first appears
  postroad journey --detail wire | less
      only what crosses the wires
  postroad journey --to carol@example.com --subject Lunch --body \"At one?\"
      a letter within one domain: it never leaves the server
  postroad journey --tls starttls
      the same road, with TLS on every hop that has it
  postroad journey --break mx1-down
      the first server for example.net is away
  postroad journey --to nobody@example.net
      a letter that comes back
  postroad journey --json | jq -r 'select(.type == \"step\") | .note.summary'
      for other programs";

/// What servers and clients do with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// Nothing: whoever watches a wire reads all, passwords too.
    None,
    /// Each connection begins in clear, and is turned into TLS by STARTTLS or STLS.
    Starttls,
    /// Mail programs talk TLS from the first byte on (ports 465, 993, 995); servers use STARTTLS on port 25.
    Implicit,
}

impl From<TlsMode> for scenario::Tls {
    fn from(mode: TlsMode) -> Self {
        match mode {
            TlsMode::None => scenario::Tls::None,
            TlsMode::Starttls => scenario::Tls::Starttls,
            TlsMode::Implicit => scenario::Tls::Implicit,
        }
    }
}

/// `postroad explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct Explain {
    /// A verb, a reply code, an extension, a header field, a whole line of a conversation; or a file (a pasted
    /// session, a message, a mail log, a recording); `-` is the standard input.
    #[arg(required = true, value_name = "QUERY", value_hint = ValueHint::AnyPath)]
    pub query: Vec<String>,
    /// How much is told about each line of a session. [default: brief]
    #[arg(long, value_name = "HOW")]
    pub detail: Option<Detail>,
    /// Tell it as JSON, one object a line, for other programs.
    #[arg(long)]
    pub json: bool,
    /// Show passwords that stand in the text.
    #[arg(long)]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000))]
    pub width: Option<u16>,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  postroad explain RCPT
  postroad explain 550 5.1.1
  postroad explain \"imap UID FETCH\"
  postroad explain \"451 4.7.1 Greylisted, please try again later\"
  swaks --to bob@example.net 2>&1 | postroad explain -
      a session in whatever shape: C: and S:, swaks, curl -v, telnet, openssl, a program's debug log
  postroad explain message.eml
      a message: its header, its road, what was checked, what is in it; a bounce is told as one
  grep 4XyZ1 /var/log/mail.log | postroad explain -
      lines of Postfix, Exim or sendmail";

/// `postroad import`.
#[derive(Debug, clap::Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct Import {
    /// The capture: pcap or pcapng, as it is or in gzip; `-` is the standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where the transcript goes. [default: the standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Leave out connections that are neither mail nor DNS. Reads the capture twice.
    #[arg(long)]
    pub mail: bool,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  postroad import capture.pcap -o session.jsonl
  postroad import --mail capture.pcapng -o session.jsonl
      without the rest of what was on the wire
  tcpdump -i any -s 0 -w - 'port 25 or port 53' | postroad import - -o session.jsonl

A transcript holds every byte, passwords too.";

/// How the letter is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fetch {
    /// By POP3.
    Pop3,
    /// By IMAP.
    Imap,
    /// By both.
    Both,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// What crosses the wires, and what changes in the world.
    Wire,
    /// With what each line means; more where something is new.
    #[default]
    Brief,
    /// Everything that is known about each line.
    Full,
}

impl From<Detail> for plain::Detail {
    fn from(detail: Detail) -> Self {
        match detail {
            Detail::Wire => plain::Detail::Wire,
            Detail::Brief => plain::Detail::Brief,
            Detail::Full => plain::Detail::Full,
        }
    }
}

/// The built-in scenarios in which something goes wrong.
pub fn presets() -> Vec<&'static str> {
    scenario::builtin_names().filter(|name| *name != "journey").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_makes_sense_to_clap() {
        Args::command().debug_assert();
    }
}
