//! `postroad` alone: a friendly start. What this is, and three things to type first, by who somebody is.

use super::args::Args;
use super::{CommandError, screen};
use clap::CommandFactory;
use std::io::{self, Write};

/// What somebody may type, without the program's name, and what comes of it.
type Try = (&'static str, &'static str);

/// Who somebody is, and what they may type first. The first three that this program has are shown.
const PEOPLE: [(&str, &[Try]); 3] = [
    (
        "You want to know how mail works",
        &[
            ("lesson", "a course, from pressing Send on"),
            ("journey", "walk along with Alice's letter"),
            ("talk smtp", "be the client, and type"),
            ("compare", "POP3 and IMAP, side by side"),
        ],
    ),
    (
        "You teach it",
        &[
            ("replay maildrop-lock", "a recording to show and discuss"),
            ("annotate --help", "write questions into a recording"),
            ("export journey --format html -o journey.html", "a page for the course"),
        ],
    ),
    (
        "You have a mail that does not arrive, or write software that sends it",
        &[
            ("explain \"550 5.7.1 relay denied\"", "what a refusal means, what to do"),
            ("journey --break greylist", "see a server put a letter off"),
            ("lab", "the servers on real ports"),
            ("explain -", "paste a session, bounce or log"),
        ],
    ),
];

/// Columns for a command; a longer one has its explanation on the next line.
const COLUMN: usize = 34;

/// Say what there is to do.
///
/// # Errors
/// Where the output fails.
pub fn print() -> Result<(), CommandError> {
    let known = known();
    let mut out = screen::out();
    write(&mut out, |name| known.iter().any(|k| k == name))?;
    Ok(out.flush()?)
}

/// The commands that this program has.
fn known() -> Vec<String> {
    Args::command().get_subcommands().map(|c| c.get_name().to_owned()).collect()
}

fn write(out: &mut impl Write, has: impl Fn(&str) -> bool) -> io::Result<()> {
    writeln!(out, "postroad builds a small internet inside one program, lets a letter travel from")?;
    writeln!(out, "Alice to Bob, and shows every byte on every wire with what it means.")?;
    for (who, tries) in PEOPLE {
        writeln!(out, "\n{who}:")?;
        let there = |(command, _): &&Try| command.split(' ').next().is_some_and(&has);
        for (command, what) in tries.iter().filter(there).take(3) {
            if command.len() < COLUMN {
                writeln!(out, "  postroad {command:COLUMN$}{what}")?;
            } else {
                writeln!(out, "  postroad {command}\n           {:COLUMN$}{what}", "")?;
            }
        }
    }
    writeln!(out, "\nNo mail leaves this machine.{}", if has("lab") { "" } else { " No port is opened." })?;
    writeln!(out, "All commands: postroad --help. One of them: postroad journey --help.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(has: impl Fn(&str) -> bool) -> String {
        let mut out = Vec::new();
        write(&mut out, has).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn three_things_for_each_and_only_what_there_is() {
        let known = known();
        for text in [told(|name| known.iter().any(|k| k == name)), told(|name| name != "lesson")] {
            assert_eq!(text.matches("  postroad ").count(), 9, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
        assert!(told(|_| true).contains("postroad lesson"));
        assert!(!told(|name| name != "lab").contains("postroad lab"));
    }

    #[test]
    fn what_is_shown_can_be_typed() {
        for (command, _) in PEOPLE.iter().flat_map(|(_, tries)| *tries) {
            let mut words: Vec<String> = vec!["postroad".to_owned()];
            let mut rest = *command;
            if let Some((before, quoted)) = command.split_once('"') {
                words.extend(before.split_whitespace().map(str::to_owned));
                words.push(quoted.trim_end_matches('"').to_owned());
                rest = "";
            }
            words.extend(rest.split_whitespace().map(str::to_owned));
            if known().contains(&words[1]) {
                let read = Args::command().try_get_matches_from(&words);
                let help = read.as_ref().err().map(clap::Error::kind);
                assert!(
                    read.is_ok() || help == Some(clap::error::ErrorKind::DisplayHelp),
                    "{command}: {read:?}"
                );
            }
        }
    }
}
