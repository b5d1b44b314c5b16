//! The command line: one file per command. The only place besides view/plain that prints.
//!
//! [`run`] parses, runs, and turns what went wrong into one sentence with a hint. Exit codes: 0 done, 1 failed,
//! 2 asked for in the wrong way. A reader that goes away (`| head`) is no failure.

mod annotate;
mod args;
mod check;
mod compare;
mod completions;
mod cookbook;
mod error;
mod explain_cmd;
mod export;
mod export_told;
pub mod fullscreen;
mod grade;
mod import;
mod journey;
mod lab;
mod lesson;
mod letter;
mod linear;
mod man;
mod notes;
mod onto;
mod open;
mod replay;
mod runner;
mod scenario;
mod screen;
mod select;
mod talk;
mod tap;
mod transcripts;
mod welcome;

pub use error::{CommandError, Kind};

use args::{Args, Command};
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::io::Write;
use std::process::ExitCode;

pub mod explain;

/// Parse, run, and give the exit code.
pub fn run() -> ExitCode {
    let result = match Args::try_parse_from(explain::shielded(std::env::args_os())) {
        Ok(args) => match args.command {
            None => welcome::print(),
            Some(Command::Journey(args)) => journey::run(&args),
            Some(Command::Lab(args)) => lab::run(&args),
            Some(Command::Tap(args)) => tap::run(&args),
            Some(Command::Replay(args)) => replay::run(&args),
            Some(Command::Talk(args)) => talk::run(&args),
            Some(Command::Transcripts(args)) => transcripts::run(&args),
            Some(Command::Annotate(args)) => annotate::run(&args),
            Some(Command::Grade(args)) => grade::run(&args),
            Some(Command::Explain(args)) => explain_cmd::run(&args),
            Some(Command::Import(args)) => import::run(&args),
            Some(Command::Export(args)) => export::run(&args),
            Some(Command::Compare(args)) => compare::run(&args),
            Some(Command::Lesson(args)) => lesson::run(&args),
            Some(Command::Completions(args)) => completions::run(&args),
            Some(Command::Man(args)) => man::run(&args),
        },
        // Help and version come this way too; clap knows where each belongs.
        Err(said) => {
            let _ = said.print();
            if let Some(hint) = meant_a_word(&said) {
                let _ = writeln!(std::io::stderr(), "{hint}");
            }
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            error.exit_code()
        }
    }
}

/// `postroad 550`: no command, and a word that the catalogue knows.
fn meant_a_word(said: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = said.get(ContextKind::InvalidSubcommand) else { return None };
    let known = said.kind() == ErrorKind::InvalidSubcommand && explain::lookup(word).is_ok();
    known.then(|| {
        format!("\n hint: postroad explain {} tells what that means", crate::base::escape::text(word))
    })
}
