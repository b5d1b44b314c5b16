//! `postroad lab`: the small internet on the real clock, open to real mail programs by ports of this machine.
//!
//! The world runs on a thread of its own. What happens in it comes here record by record, and is told in lines, or on the
//! full screen.

mod accounts;
mod board;
mod doors;
mod settings;
mod stop;
mod told;

use super::args::Detail;
use super::fullscreen::{self, Service};
use super::{CommandError, screen};
use crate::base::Secret;
use crate::explain::StoryIndex;
use crate::trace::Record;
use crate::trace::tap::Observer;
use crate::view::plain::Options;
use crate::world::RunError;
use crate::world::ca::{CERTIFICATE_FILE, Ca};
use crate::world::hosts::Beyond;
use crate::world::live::{self, Closer, Lab};
use crate::world::scenario::Scenario;
use crate::world::secure::Realm;
use crate::world::store::{self, Data, Kind};
use board::Board;
use clap::{ArgAction, ValueHint};
use doors::Wishes;
use settings::Program;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use told::{Feed, Lines, Listener, Out, Packets, Recorder};

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
    /// Write a capture as it grows, for Wireshark: what crosses the sockets and what goes from host to host.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub pcapng: Option<PathBuf>,
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
    let writers = writers(args)?;
    let (tls, authority) = authority(args)?;
    let notes = missing.map(str::to_owned).into_iter().chain(args.bind.and_then(warning)).chain(unread);
    let notes = notes.collect();
    let board =
        Board { scenario: &scenario, doors: &planned, on: &on, beyond, authority: &authority, notes }.text();
    if is_walked(args) {
        scenario.title = board::title(&planned, &on);
        let lab = Lab { scenario, doors: bound, connections: args.connections, beyond, data, tls };
        return walk(args, lab, writers, &board);
    }
    let closer = Closer::default();
    stop::on_signals(closer.clone())?;
    let mut out = Out::standard();
    out.write_all(board.as_bytes())?;
    out.flush()?;
    let mut listeners = boxed(writers);
    if !args.quiet {
        let options = Options {
            detail: args.detail.unwrap_or_default().into(),
            width: screen::width(args.width.map(usize::from)),
            colour: screen::colour(),
            show_secrets: args.show_secrets,
        };
        listeners.push(Box::new(Lines::new(out.clone(), options)));
    }
    let lab = Lab { scenario, doors: bound, connections: args.connections, beyond, data, tls };
    operate(lab, listeners, &closer)?;
    writeln!(out, "\nThe lab is closed.")?;
    Ok(out.flush()?)
}

/// What is written to files.
type Writers = (Option<Recorder>, Option<Packets>);

fn writers(args: &LabArgs) -> Result<Writers, CommandError> {
    let recorder = args.record.as_deref().map(Recorder::new).transpose()?;
    let packets = args.pcapng.as_deref().map(|path| Packets::new(path, args.show_secrets)).transpose()?;
    Ok((recorder, packets))
}

fn boxed((recorder, packets): Writers) -> Vec<Box<dyn Listener>> {
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    listeners.extend(recorder.map(|recorder| Box::new(recorder) as Box<dyn Listener>));
    listeners.extend(packets.map(|packets| Box::new(packets) as Box<dyn Listener>));
    listeners
}

/// Whether it is watched on the full screen: somebody sits before a terminal, and asked for nothing that only text has.
fn is_walked(args: &LabArgs) -> bool {
    let told = args.plain || args.quiet || args.detail.is_some() || args.width.is_some();
    !told && fullscreen::is_possible()
}

/// Run the lab while it is watched on the full screen; who leaves closes it.
fn walk(args: &LabArgs, lab: Lab, writers: Writers, board: &str) -> Result<(), CommandError> {
    let closer = Closer::default();
    let (observer, records) = told::channel();
    let (index, feeder) = StoryIndex::growing_in(fullscreen::nameless()?);
    let tell = move || {
        let mut listeners = boxed(writers);
        listeners.push(Box::new(Feed(feeder)));
        told::tell(&records, &mut listeners)
    };
    let told = std::thread::Builder::new().name("told".to_owned()).spawn(tell)?;
    let world = begin(lab, Some(observer), &closer)?;
    let secrets = args.show_secrets;
    let opener: fullscreen::Opener = Box::new(move |_| fullscreen::ready("", index, secrets));
    let service = Service { export: None, keeper: None, show_secrets: secrets };
    let watched = fullscreen::run_until(board, opener, None, &service);
    closer.close();
    end(world)?;
    // A record that could not be written is told when the screen is gone.
    told.join().map_err(|_| broken())??;
    watched.map(|_| ())
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

/// Where the lab's own certification authority is kept: with the mail, or where this person's programs keep their data.
fn authority_folder(args: &LabArgs) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || Some(set("HOME")?.join(".local").join("share"));
    let base = || set("XDG_DATA_HOME").or_else(|| set("LOCALAPPDATA")).or_else(home);
    let own = || base().unwrap_or_else(std::env::temp_dir).join("postroad").join("lab");
    args.data.clone().unwrap_or_else(own)
}

/// The certificates of its servers, under an authority that is made at the first start; and the file that programs are
/// told to trust.
fn authority(args: &LabArgs) -> Result<(Realm, PathBuf), CommandError> {
    let folder = authority_folder(args);
    let hint = "name a folder that you may write to with --data, or by the variable XDG_DATA_HOME";
    let no = |why: String| CommandError::failure(format!("the lab has no certificates for TLS: {why}"), hint);
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("make", &folder, &error))?;
    let (ca, _) = Ca::open_or_make(&folder, live::now()).map_err(|error| no(error.to_string()))?;
    let mut also: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    also.extend(args.bind.map(|address| address.to_string()));
    also.dedup();
    Ok((Realm::under(ca, also), folder.join(CERTIFICATE_FILE)))
}

/// Run the lab and tell what happens, until it is closed.
fn operate(lab: Lab, mut listeners: Vec<Box<dyn Listener>>, closer: &Closer) -> Result<(), CommandError> {
    let (observer, records) = told::channel();
    // Where nobody listens, nothing is recorded: that is fastest.
    let observer = (!listeners.is_empty()).then_some(observer);
    let world = begin(lab, observer, closer)?;
    let told = told::tell(&records, &mut listeners);
    if told.is_err() {
        closer.close();
    }
    drop::<Receiver<Record>>(records);
    end(world)?;
    told
}

/// A world that runs on a thread of its own.
type Running = JoinHandle<Result<(), RunError>>;

fn begin(lab: Lab, observer: Option<Observer>, closer: &Closer) -> Result<Running, CommandError> {
    let closing = closer.clone();
    let world = std::thread::Builder::new().name("world".to_owned());
    Ok(world.spawn(move || live::run(lab, observer, &closing))?)
}

/// Wait until it has ended.
fn end(world: Running) -> Result<(), CommandError> {
    let ran = world.join().map_err(|_| broken())?;
    ran.map_err(|error| CommandError::failure(format!("the lab cannot run: {error}"), ""))
}

fn broken() -> CommandError {
    let what = "the lab broke down: what is written above says where";
    CommandError::failure(what, "that is a mistake in postroad itself")
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
