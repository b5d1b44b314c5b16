//! `postroad completions SHELL`: what the shell needs to complete this program's command line.

use super::args::Args;
use super::{CommandError, screen};
use clap::CommandFactory;
use clap_complete::aot::{Shell, generate};
use std::io::Write;

/// `postroad completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell that is to complete.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(postroad completions bash)
      for this shell only
  postroad completions bash > ~/.local/share/bash-completion/completions/postroad
  postroad completions zsh > ~/.zfunc/_postroad
      where ~/.zfunc is in fpath, before compinit
  postroad completions fish > ~/.config/fish/completions/postroad.fish";

/// Write the completions to the standard output.
///
/// # Errors
/// Where the output fails.
pub fn run(args: &Completions) -> Result<(), CommandError> {
    // The generator takes a failing writer for a mistake of the program: it is given memory, and the pipe comes after.
    let mut script = Vec::new();
    generate(args.shell, &mut Args::command(), "postroad", &mut script);
    let mut out = screen::out();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
