//! `--print-config`: settings for mail programs, ready to paste. The texts are data (`lessons/lab-settings.toml`).

use super::doors::Planned;
use crate::cli::CommandError;
use crate::world::scenario::{Account, Scenario};
use clap::ValueEnum;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

const TEXT: &str = include_str!("../../../lessons/lab-settings.toml");

/// A program that settings can be printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// A tool that hands letters in and shows both sides.
    Swaks,
    /// Hands in and fetches.
    Curl,
    /// Hands in what other programs write.
    Msmtp,
    /// A mail client in the terminal.
    Mutt,
    /// Keeps a Maildir and a server the same.
    Mbsync,
    /// Fetches mail.
    Fetchmail,
    /// A mail client with windows.
    Thunderbird,
    /// Its standard library.
    Python,
    /// All of them.
    All,
}

#[derive(Deserialize)]
struct File {
    program: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    name: String,
    title: String,
    text: String,
}

/// Settings for this program, for these doors.
///
/// # Errors
/// Where a port is not known beforehand, or the lab has no two domains with accounts.
pub fn text(
    program: Program,
    scenario: &Scenario,
    doors: &[Planned],
    host: IpAddr,
    authority: &Path,
) -> Result<String, CommandError> {
    if doors.iter().any(|planned| planned.door.port == 0) {
        let message = "which ports are free is known only when the lab is open, and it says so then";
        return Err(CommandError::usage(message, "give --port-base a number, as in --port-base 12000"));
    }
    let broken = |why: String| CommandError::failure(format!("the settings cannot be printed: {why}"), "");
    let mut values = values(scenario, doors, host)
        .ok_or_else(|| broken("there are no two domains with accounts".to_owned()))?;
    values.insert("ca".to_owned(), quoted(&authority.display().to_string()));
    values.insert("ca:file".to_owned(), authority.display().to_string());
    let file: File = toml::from_str(TEXT).map_err(|error| broken(error.to_string()))?;
    let wanted = program.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut out = String::new();
    for text in file.program.iter().filter(|text| program == Program::All || text.name == wanted) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("# ");
        out.push_str(&filled(&text.title, &values));
        out.push('\n');
        out.push_str(&filled(text.text.trim_start_matches('\n'), &values));
    }
    Ok(out)
}

/// What stands in the braces.
fn values(scenario: &Scenario, doors: &[Planned], host: IpAddr) -> Option<BTreeMap<String, String>> {
    let domain = |account: &Account| account.address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let from = scenario.accounts.first()?;
    let first = domain(from)?;
    let to = scenario.accounts.iter().find(|account| domain(account).is_some_and(|d| d != first))?;
    let second = domain(to)?;
    let mut values = BTreeMap::new();
    // Some programs check a certificate for a name only, and not for an address.
    let named = if host.is_loopback() { "localhost".to_owned() } else { host.to_string() };
    values.insert("host:name".to_owned(), named);
    let host = if host.is_ipv6() { format!("[{host}]") } else { host.to_string() };
    values.insert("host".to_owned(), host);
    for (name, account) in [("from", from), ("to", to)] {
        values.insert(name.to_owned(), account.address.clone());
        values.insert(format!("{name}:url"), account.address.replace('@', "%40"));
        values.insert(format!("{name}-password"), account.password.expose().to_owned());
        values.insert(format!("{name}-password:shell"), quoted(account.password.expose()));
    }
    for planned in doors {
        let port = planned.door.port.to_string();
        if planned.domain == first || planned.domain.is_empty() {
            values.insert(planned.service.name.to_owned(), port.clone());
        }
        if planned.domain == second {
            values.insert(format!("to-{}", planned.service.name), port);
        }
    }
    Some(values)
}

/// Any text as one word of a shell's line (POSIX.1-2017, Shell Command Language, 2.2.2).
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Every `{name}` that is known, filled in; other braces stay.
fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, tail)| Some((values.get(name)?, tail))) {
            Some((value, tail)) => {
                out.push_str(value);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::super::doors::{Wishes, plan};
    use super::*;

    fn printed(program: Program, base: u16) -> Result<String, CommandError> {
        let scenario = Scenario::builtin("lab").expect("loads");
        let doors = plan(&scenario, &Wishes { base, ..Wishes::default() }).expect("makes sense");
        let host = "127.0.0.1".parse().expect("an address");
        text(program, &scenario, &doors, host, Path::new("/somewhere/ca.pem"))
    }

    #[test]
    fn every_program_has_its_text_and_every_brace_is_filled() {
        for program in Program::value_variants() {
            let text = printed(*program, 12_000).expect("it is printed");
            assert!(
                text.contains("127.0.0.1") && text.contains("alice@example.com") | text.contains("bob@"),
                "{text}"
            );
            assert!(!text.contains('{') && !text.contains('}'), "{program:?}: {text}");
            assert!(text.contains("12587") || text.contains("13143") || text.contains("13110"), "{text}");
        }
    }

    #[test]
    fn ports_that_nobody_knows_are_not_printed() {
        assert!(printed(Program::All, 0).is_err_and(|error| error.hint.contains("--port-base")));
    }

    #[test]
    fn a_password_is_one_word_for_the_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
