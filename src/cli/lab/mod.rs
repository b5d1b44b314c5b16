//! `postroad lab`: the small internet on the real clock, open to real mail programs by ports of this machine.
//!
//! The world runs on a thread of its own. What happens in it comes here record by record, and is told in lines.

mod accounts;
mod board;
mod doors;
mod settings;
mod stop;
mod told;

use super::args::Detail;
use super::{CommandError, screen};
use crate::base::Secret;
use crate::trace::Record;
use crate::view::plain::Options;
use crate::world::hosts::Beyond;
use crate::world::live::{self, Closer, Lab};
use crate::world::scenario::Scenario;
use crate::world::store::{self, Data, Kind};
use board::Board;
use clap::{ArgAction, ValueHint};
use doors::Wishes;
use settings::Program;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use told::{Lines, Listener, Out, Recorder};

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

    /// Tell what happens as lines.
    #[arg(long, help_heading = "The telling")]
    pub plain: bool,
    /// Tell nothing of what happens; together with --record it is only written down.
    #[arg(long, help_heading = "The telling", conflicts_with_all = ["plain", "detail", "width"])]
    pub quiet: bool,
    /// How much is told. [default: brief]
    #[arg(long, value_name = "HOW", help_heading = "The telling")]
    pub detail: Option<Detail>,
    /// Keep a transcript as it grows: every byte, passwords too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub record: Option<PathBuf>,
    /// Show passwords in what is told.
    #[arg(long, help_heading = "The telling")]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000),
          help_heading = "The telling")]
    pub width: Option<u16>,
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
  postroad lab --record session.jsonl
      and afterwards: postroad replay session.jsonl

No mail leaves this machine: what is for other domains is refused, or kept here with --catch-all.";

/// Do what was asked.
pub fn run(args: &LabArgs) -> Result<(), CommandError> {
    let scenario = scenario(args)?;
    let wishes = Wishes { base: args.port_base, single: args.ports.clone() };
    let planned = doors::plan(&scenario, &wishes)?;
    let (on, missing) = doors::addresses(args.bind);
    if let (Some(program), Some(host)) = (args.print_config, on.first()) {
        let mut out = screen::out();
        out.write_all(settings::text(program, &scenario, &planned, *host)?.as_bytes())?;
        return Ok(out.flush()?);
    }
    let (planned, bound): (Vec<_>, Vec<_>) = doors::bind(planned, &on)?.into_iter().unzip();
    let (data, unread) = data(args)?;
    let beyond = if args.catch_all { Beyond::Caught } else { Beyond::Refused };
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if let Some(path) = &args.record {
        listeners.push(Box::new(Recorder::new(path)?));
    }
    let closer = Closer::default();
    stop::on_signals(closer.clone())?;
    let mut out = Out::standard();
    let notes =
        missing.map(str::to_owned).into_iter().chain(args.bind.and_then(warning)).chain(unread).collect();
    let board = Board { scenario: &scenario, doors: &planned, on: &on, beyond, notes };
    out.write_all(board.text().as_bytes())?;
    out.flush()?;
    if !args.quiet {
        let options = Options {
            detail: args.detail.unwrap_or_default().into(),
            width: screen::width(args.width.map(usize::from)),
            colour: screen::colour(),
            show_secrets: args.show_secrets,
        };
        listeners.push(Box::new(Lines::new(out.clone(), options)));
    }
    let lab = Lab { scenario, doors: bound, connections: args.connections, beyond, data };
    operate(lab, listeners, &closer)?;
    writeln!(out, "\nThe lab is closed.")?;
    Ok(out.flush()?)
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

/// Run the lab and tell what happens, until it is closed.
fn operate(lab: Lab, mut listeners: Vec<Box<dyn Listener>>, closer: &Closer) -> Result<(), CommandError> {
    let (observer, records) = told::channel();
    // Where nobody listens, nothing is recorded: that is fastest.
    let observer = (!listeners.is_empty()).then_some(observer);
    let closing = closer.clone();
    let world = std::thread::Builder::new().name("world".to_owned());
    let world = world.spawn(move || live::run(lab, observer, &closing))?;
    let told = told::tell(&records, &mut listeners);
    if told.is_err() {
        closer.close();
    }
    drop::<std::sync::mpsc::Receiver<Record>>(records);
    let ran = world.join().map_err(|_| {
        CommandError::failure(
            "the lab broke down: what is written above says where",
            "that is a mistake in postroad itself",
        )
    })?;
    ran.map_err(|error| CommandError::failure(format!("the lab cannot run: {error}"), ""))?;
    told
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
