//! `postroad man`: the manual's pages, one for each command, made from the command line's own description.

use super::args::Args;
use super::{CommandError, screen};
use clap::builder::Resettable;
use clap::{CommandFactory, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `postroad man`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// The command whose page is wanted. [default: the page of postroad itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write all pages into this folder, one file each; it is made where there is none.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  postroad man journey | man -l -
      read a page
  postroad man --out ~/.local/share/man/man1
      install them all: man postroad, man postroad-journey";

/// A page of the manual.
struct Page {
    /// `postroad-journey.1`.
    file: String,
    /// roff.
    text: Vec<u8>,
}

/// Write one page to the standard output, or all of them into a folder.
///
/// # Errors
/// Where there is no such command, or the output fails.
pub fn run(args: &ManArgs) -> Result<(), CommandError> {
    let mut out = screen::out();
    let Some(folder) = &args.out else {
        let wanted = ["postroad".to_owned()].iter().chain(&args.command).cloned().collect::<Vec<_>>();
        let file = format!("{}.1", wanted.join("-"));
        let page = pages()?.into_iter().find(|page| page.file == file);
        let page = page.ok_or_else(|| unknown(&args.command.join(" ")))?;
        out.write_all(&page.text)?;
        return Ok(out.flush()?);
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| CommandError::file("write", &path, &error)
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let pages = pages()?;
    for page in &pages {
        let path = folder.join(&page.file);
        std::fs::write(&path, &page.text).map_err(failed(&path))?;
    }
    let shown = crate::base::escape::text(&folder.display().to_string());
    writeln!(out, "{} pages are in {shown}; the first is postroad.1.", pages.len())?;
    Ok(out.flush()?)
}

fn unknown(name: &str) -> CommandError {
    let names: Vec<String> = Args::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect();
    let name = crate::base::escape::text(name);
    CommandError::usage(
        format!("there is no command {name:?}"),
        format!("the commands: {}", names.join(", ")),
    )
}

/// Every page, the program's own first.
fn pages() -> io::Result<Vec<Page>> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    Ok(pages)
}

/// The page of a command, and those of the commands below it.
fn add(command: &clap::Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    pages.push(Page { file: format!("{name}.1"), text: page(command)? });
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|below| add(below, pages))
}

fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    // What stands below a command's help is examples; the generator would call them EXTRA, and fill their lines.
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let bare = command.clone().after_help(Resettable::Reset);
    let mut text = Vec::new();
    Man::new(bare)
        .source(concat!("postroad ", env!("CARGO_PKG_VERSION")))
        .manual("How mail travels")
        .render(&mut text)?;
    if !examples.is_empty() {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        let body = examples.strip_prefix("Examples:\n").unwrap_or(&examples);
        for line in body.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        text.extend(roff.to_roff().into_bytes());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_name_and_its_examples() {
        let pages = pages().expect("memory takes everything");
        let commands = Args::command().get_subcommands().filter(|c| !c.is_hide_set()).count();
        assert!(pages.len() > commands, "one a command, and the program's own");
        for page in &pages {
            let text = String::from_utf8(page.text.clone()).expect("text");
            assert!(text.contains(".TH ") && text.contains(".SH NAME"), "{}", page.file);
            assert!(!text.contains(".SH EXTRA"), "{}", page.file);
        }
        let journey = pages.iter().find(|page| page.file == "postroad-journey.1").expect("a page");
        let text = String::from_utf8_lossy(&journey.text);
        assert!(text.contains(".SH EXAMPLES") && text.contains("mx1\\-down"), "{text}");
        assert!(!text.contains("Examples:"), "{text}");
    }
}
