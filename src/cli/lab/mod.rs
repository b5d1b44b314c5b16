//! `postroad lab`: the small internet on the real clock, open to real mail programs by ports of this machine.
//!
//! The world runs on a thread of its own. What happens in it comes here record by record, and is told in lines, or on the
//! full screen.

mod accounts;
mod board;
mod chaos;
mod doors;
mod settings;
mod stop;
pub(super) mod telling;
mod told;

use super::{CommandError, screen};
use crate::base::Secret;
use crate::world::ca::{CERTIFICATE_FILE, Ca};
use crate::world::chaos::orders;
use crate::world::hosts::Beyond;
use crate::world::live::{self, Lab};
use crate::world::scenario::Scenario;
use crate::world::secure::Realm;
use crate::world::store::{self, Data, Kind};
use board::Board;
use chaos::Desk;
use clap::{ArgAction, ValueHint};
use doors::Wishes;
use settings::Program;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use telling::Telling;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// The password of the mailboxes that catch mail for other domains.
const CATCH_ALL_PASSWORD: &str = "everything-else";

/// `postroad lab`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct LabArgs {
    /// Where the ports begin: those of example.com here, those of example.net 1000 further on. 0: any free ports.
    #[arg(long, value_name = "N", default_value_t = 2000, help_heading = "The doors")]
    pub port_base: u16,
    /// Single ports, as in submission=5870 or imap@example.net=1143; 0: any free port. The services: submission,
    /// second, relay, pop3, imap, dns.
    #[arg(long, value_name = "NAME=PORT", value_delimiter = ',', value_parser = doors::wish,
          action = ArgAction::Append, help_heading = "The doors")]
    pub ports: Vec<(String, Option<String>, u16)>,
    /// Listen on this address of the machine in place of 127.0.0.1 and ::1: others can reach the lab then.
    #[arg(long, value_name = "ADDRESS", help_heading = "The doors")]
    pub bind: Option<IpAddr>,
    /// Connections that one client address may have open at once.
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "The doors")]
    pub connections: usize,

    /// One more account, user@domain:password. May be given several times.
    #[arg(long, value_name = "ACCOUNT", action = ArgAction::Append, help_heading = "The mail")]
    pub account: Vec<String>,
    /// Take mail for all other domains too, from everybody, and keep it in a mailbox here.
    #[arg(long, help_heading = "The mail")]
    pub catch_all: bool,

    /// Keep mail and queues in this folder, over a stop: fsync before "250". Without it all is in memory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "The mail")]
    pub data: Option<PathBuf>,
    /// How mail lies in that folder.
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        default_value_t,
        requires = "data",
        help_heading = "The mail"
    )]
    pub store: Store,

    /// Print settings for a mail program, ready to paste, and open nothing. Without a name: for all that are known.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "all", value_enum,
          help_heading = "Programs")]
    pub print_config: Option<Program>,

    /// Let these faults hold: a file of [[fault]] tables, as in a scenario, that is read again whenever it changes.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What goes wrong")]
    pub chaos: Option<PathBuf>,

    /// How it is told.
    #[command(flatten)]
    pub telling: Telling,
}

/// How mail lies on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Store {
    /// One file for each message, as Dovecot and mutt read it.
    #[default]
    Maildir,
    /// One text file for each mailbox, to look into.
    Mbox,
}

const EXAMPLES: &str = "\
Examples:
  postroad lab
      then, in another terminal, the swaks and curl lines that it prints
  postroad lab --account erin@example.com:seven-lamps --catch-all
      for a program that sends mail to anybody: everything lands here
  postroad lab --port-base 12000
      where the usual ports are taken
  postroad lab --data ~/lab-mail
      everything is there again at the next start; mutt -f ~/lab-mail/mail/bob@example.net reads it
  postroad lab --print-config msmtp
      settings for a mail program, with the ports of the same options
  postroad lab --chaos faults.toml
      the faults of a file, from the next command on; an empty file ends them
  postroad lab --record session.jsonl
      and afterwards: postroad replay session.jsonl

No mail leaves this machine: what is for other domains is refused, or kept here with --catch-all.";

/// Do what was asked.
pub fn run(args: &LabArgs) -> Result<(), CommandError> {
    let mut scenario = scenario(args)?;
    let wishes = Wishes { base: args.port_base, single: args.ports.clone() };
    let planned = doors::plan(&scenario, &wishes)?;
    let (on, missing) = doors::addresses(args.bind);
    if let (Some(program), Some(host)) = (args.print_config, on.first()) {
        let mut out = screen::out();
        let authority = authority_folder(args).join(CERTIFICATE_FILE);
        out.write_all(settings::text(program, &scenario, &planned, *host, &authority)?.as_bytes())?;
        return Ok(out.flush()?);
    }
    let (planned, bound): (Vec<_>, Vec<_>) = doors::bind(planned, &on)?.into_iter().unzip();
    let (data, unread) = data(args)?;
    let beyond = if args.catch_all { Beyond::Caught } else { Beyond::Refused };
    let writers = args.telling.writers()?;
    let also: Vec<String> = args.bind.iter().map(ToString::to_string).collect();
    let (tls, _, authority) = authority_in(&authority_folder(args), &also)?;
    let notes = missing.map(str::to_owned).into_iter().chain(args.bind.and_then(warning)).chain(unread);
    let notes = notes.collect();
    let board =
        Board { scenario: &scenario, doors: &planned, on: &on, beyond, authority: &authority, notes }.text();
    let (commander, orders) = orders();
    let desk = Desk::new(commander)?;
    if let Some(path) = &args.chaos {
        desk.watch(path, &scenario)?;
    }
    if args.telling.is_walked() {
        scenario.title = board::title(&planned, &on);
    }
    let (connections, orders) = (args.connections, Some(orders));
    let lab = Lab { scenario, doors: bound, connections, beyond, data, tls, orders };
    args.telling.play((&board, "The lab is closed."), writers, Some(desk), |observer, closer| {
        let closing = closer.clone();
        telling::on_a_thread(move || live::run(lab, observer, &closing))
    })
}

/// The folder for the mail, if one was named, and what a person should know of it.
fn data(args: &LabArgs) -> Result<(Option<Data>, Vec<String>), CommandError> {
    let Some(dir) = &args.data else { return Ok((None, Vec::new())) };
    let kind = match args.store {
        Store::Maildir => Kind::Maildir,
        Store::Mbox => Kind::Mbox,
    };
    let data = store::open(dir, kind).map_err(|error| CommandError::failure(error.to_string(), ""))?;
    let unread = data.unread().map_err(|error| CommandError::file("read", dir, &error))?;
    let told =
        unread.iter().map(|u| format!("{} is not in the queue: {}", u.path.display(), u.why)).collect();
    Ok((Some(data), told))
}

/// Where this person's programs keep their data.
pub(super) fn own_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || Some(set("HOME")?.join(".local").join("share"));
    let base = set("XDG_DATA_HOME").or_else(|| set("LOCALAPPDATA")).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("postroad").join("lab")
}

/// Where the lab's own certification authority is kept: with the mail, or where this person's programs keep their data.
fn authority_folder(args: &LabArgs) -> PathBuf {
    args.data.clone().unwrap_or_else(own_folder)
}

/// The certificates of servers on this machine, under an authority that is made at the first start; its own certificate, and
/// the file that programs are told to trust. `also` stands in each certificate too.
///
/// # Errors
/// Where the folder cannot be used.
pub(super) fn authority_in(
    folder: &Path,
    also: &[String],
) -> Result<(Realm, CertificateDer<'static>, PathBuf), CommandError> {
    let hint = "name a folder that you may write to by the variable XDG_DATA_HOME (the lab has --data, too)";
    let no = |why: String| CommandError::failure(format!("there are no certificates for TLS: {why}"), hint);
    std::fs::create_dir_all(folder).map_err(|error| CommandError::file("make", folder, &error))?;
    let (ca, _) = Ca::open_or_make(folder, live::now()).map_err(|error| no(error.to_string()))?;
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    names.extend(also.iter().cloned());
    names.dedup();
    let own = ca.certificate().clone();
    Ok((Realm::under(ca, names), own, folder.join(CERTIFICATE_FILE)))
}

/// The loopback addresses that this machine has.
pub(super) fn loopback_addresses() -> Vec<IpAddr> {
    doors::addresses(None).0
}

/// The lab's world, with the accounts that were asked for.
fn scenario(args: &LabArgs) -> Result<Scenario, CommandError> {
    let mut scenario = super::scenario::read(None, "lab")?;
    args.account.iter().try_for_each(|account| accounts::add(&mut scenario, account))?;
    if args.catch_all {
        scenario = live::with_catch_all(scenario, &Secret::new(CATCH_ALL_PASSWORD));
    }
    Ok(scenario)
}

/// What it means to listen there.
fn warning(address: IpAddr) -> Option<String> {
    (!address.is_loopback()).then(|| {
        format!(
            "the doors are on {address}: whoever reaches this machine there can log in with the passwords above, \
             which are well known, and read and write every mailbox. Use it in a network that you trust. \
             Mail still does not leave the lab"
        )
    })
}
