//! `postroad talk smtp|pop3|imap [HOST]`: type a protocol by hand at a server of the simulated internet.
//!
//! On the whole screen of a terminal, or line by line: what is typed is sent, and everything that comes of it is told. Lines that
//! begin with a colon are for the program. Each line runs the world again with everything typed so far, so `:undo` is
//! free, and nobody has to hurry.

use super::fullscreen::{self, Service};
use super::runner::Worlds;
use super::{CommandError, scenario, screen};
use crate::base::escape;
use crate::dissect::Protocol;
use crate::explain::{Item, catalogue};
use crate::trace::{Head, Opened, Record};
use crate::view::page::prose;
use crate::view::plain::{Options, Plain};
use crate::view::runner::{Order, Runner};
use crate::view::talk::{Desk, Login, Mode, Talk, Ways};
use crate::view::tui::Msg;
use crate::view::tui::talk::TalkPane;
use crate::view::{Renderer, plain};
use crate::world::scenario::{Act, Host, RoleKind, Scenario, What, terms};
use clap::builder::PossibleValuesParser;
use clap::{ArgAction, ValueEnum, ValueHint};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// `postroad talk`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TalkArgs {
    /// What you want to speak.
    #[arg(value_name = "PROTOCOL")]
    pub protocol: Speech,
    /// The host to call, as in mx1.example.net or mail.example.com:587. [default: where the letter goes]
    #[arg(value_name = "HOST[:PORT]")]
    pub host: Option<String>,
    /// The internet of this scenario (TOML) in place of Alice's and Bob's.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub scenario: Option<PathBuf>,
    /// Let something go wrong. May be given several times.
    #[arg(long = "break", value_name = "PRESET", value_parser = PossibleValuesParser::new(super::args::presets()),
          action = ArgAction::Append)]
    pub breaks: Vec<String>,
    /// Line by line, also on a terminal that could show a whole screen.
    #[arg(long)]
    pub plain: bool,
    /// How much is told about each line.
    #[arg(long, value_name = "HOW", default_value = "brief")]
    pub detail: super::args::Detail,
    /// Keep the session as a transcript: every byte, passwords too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// Show passwords in what is told. They are the scenario's own, and made up.
    #[arg(long)]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  postroad talk smtp
  postroad talk smtp mail.example.com:587
  postroad talk pop3
  printf 'EHLO me\\nQUIT\\n' | postroad talk smtp
  printf ':next\\n:next\\n:next\\n:next\\n:next\\n' | postroad talk smtp
      the lines that the program itself would type

What you type is sent as it stands, ended by CR LF. Lines that begin with a colon are for the program: `:help`.";

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Speech {
    /// Hand in mail.
    Smtp,
    /// Fetch mail from a maildrop.
    Pop3,
    /// Look into mailboxes.
    Imap,
}

impl Speech {
    fn protocol(self) -> Protocol {
        match self {
            Speech::Smtp => Protocol::Smtp,
            Speech::Pop3 => Protocol::Pop3,
            Speech::Imap => Protocol::Imap,
        }
    }

    /// The roles that speak it, the one that is called by default first.
    fn roles(self) -> &'static [(RoleKind, u16)] {
        match self {
            Speech::Smtp => &[(RoleKind::Mta, 25), (RoleKind::Submission, 587)],
            Speech::Pop3 => &[(RoleKind::Pop3, 110)],
            Speech::Imap => &[(RoleKind::Imap, 143)],
        }
    }
}

const HELP: &[(&str, &str)] = &[
    (":show", "the next sensible line, and why"),
    (":next", "type that line"),
    (":verbs", "what may be said now"),
    (":undo", "take the last line back"),
    (":again", "begin anew"),
    (":hang-up", "end the connection without a word"),
    (":quit", "leave"),
];

/// Where the student sits.
const DESK: &str = "student-laptop.example.org";
/// The student's own address.
const SENDER: &str = "student@example.org";

/// Talk.
///
/// # Errors
/// Where the scenario, the host or the run is not as it should be.
pub fn run(args: &TalkArgs) -> Result<(), CommandError> {
    let mut scenario = scenario::read_with(args.scenario.as_deref(), "journey", &args.breaks)?;
    let desk = desk(args, &scenario)?;
    keep_quiet(&mut scenario, args.protocol);
    let base = scenario::carried(&scenario)?;
    let Some(Record::Head(head)) = base.first() else {
        return Err(CommandError::failure("the story before the call has no head", ""));
    };
    // The call is made when all the rest has happened; the end is written behind it.
    let after = base.len().saturating_sub(1) as u64;
    let order = Order { head: head.clone(), changes: Vec::new() };
    let talk = Talk::new(order, Desk { after, ..desk });
    if !args.plain && args.record.is_none() && args.width.is_none() && fullscreen::is_possible() {
        let pane = Box::new(TalkPane::new(talk, args.show_secrets));
        let service = Service { export: None, keeper: None, switch: None, show_secrets: args.show_secrets };
        return fullscreen::run("calling", Box::new(move |_| Msg::Talk(pane)), None, &service);
    }
    let mut teller = Teller::new(args, talk);
    teller.welcome()?;
    teller.again()?;
    let interactive = io::stdin().is_terminal();
    loop {
        teller.prompt(interactive)?;
        let Some(line) = line(&mut io::stdin().lock())? else { break };
        if !teller.hear(&line)? {
            break;
        }
    }
    teller.leave(args.record.as_deref())
}

/// The next line of the input, without its end; what is no UTF-8 is replaced. At most a message's worth is read.
fn line(input: &mut impl BufRead) -> Result<Option<String>, CommandError> {
    let mut bytes = Vec::new();
    let count = io::Read::take(&mut *input, 1 << 20).read_until(b'\n', &mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok((count > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Nobody else acts in a world in which somebody types; but the letters that POP3 and IMAP would find are sent.
fn keep_quiet(scenario: &mut Scenario, protocol: Speech) {
    let sends = |act: &Act| matches!(act.what, What::Send(_) | What::SendDirect { .. });
    scenario.acts.retain(|act| protocol != Speech::Smtp && sends(act));
}

/// Whom the student calls, and whose mail is kept there.
fn desk(args: &TalkArgs, scenario: &Scenario) -> Result<Desk, CommandError> {
    let roles = args.protocol.roles();
    let speaks = |host: &&Host| roles.iter().any(|(role, _)| host.roles.contains(role));
    let (name, port) = match args.host.as_deref() {
        Some(text) => match text.rsplit_once(':') {
            Some((name, port)) => {
                let port = port.parse::<u16>().map_err(|_| {
                    let shown = escape::text(port);
                    CommandError::usage(format!("“{shown}” is no port"), "a port is a number from 1 to 65535")
                })?;
                (Some(name), Some(port))
            }
            None => (Some(text), None),
        },
        None => (None, None),
    };
    let host = match name {
        Some(name) => scenario.hosts.iter().find(|host| host.name.eq_ignore_ascii_case(name)),
        None => destination(scenario).filter(speaks).or_else(|| scenario.hosts.iter().find(speaks)),
    };
    let Some(host) = host.filter(|host| port.is_some() || speaks(host)) else {
        let known: Vec<&str> = scenario.hosts.iter().filter(speaks).map(|host| host.name.as_str()).collect();
        let message = match name {
            Some(name) => format!("{} is no host here that speaks that", escape::text(name)),
            None => "no host of this scenario speaks that".to_owned(),
        };
        return Err(CommandError::failure(message, format!("hosts that do: {}", known.join(", "))));
    };
    let usual = roles.iter().find(|(role, _)| host.roles.contains(role)).map_or(25, |(_, port)| *port);
    Ok(seated(scenario, args.protocol.protocol(), &host.name, port.unwrap_or(usual)))
}

/// A desk from which to call the server of this connection, in the story of this head, when so many records are written.
///
/// # Errors
/// In words: the story's scenario cannot be read, or does not know the server.
pub(super) fn desk_at(head: &Head, protocol: Protocol, open: &Opened, after: u64) -> Result<Desk, String> {
    let scenario = Scenario::from_toml(&head.scenario, "the recording's scenario");
    let scenario = scenario.map_err(|error| error.to_string())?;
    let host = scenario.hosts.iter().find(|host| host.addresses.contains(&open.server.ip()));
    let host = host.ok_or("that server is no host of the story")?;
    Ok(Desk { after, ..seated(&scenario, protocol, &host.name, open.server.port()) })
}

/// The student's desk, with the line to this host open.
fn seated(scenario: &Scenario, protocol: Protocol, host: &str, port: u16) -> Desk {
    let kept = scenario.accounts.iter().filter(|account| account.host == host);
    let mut logins: Vec<Login> =
        kept.map(|a| Login { account: a.address.clone(), password: a.password.clone() }).collect();
    let receives = recipient(scenario);
    logins.sort_by_key(|login| receives.as_deref() != Some(&login.account));
    let own = logins.first().filter(|_| port == 587).map(|login| login.account.clone());
    Desk {
        protocol,
        from: DESK.to_owned(),
        to: host.to_owned(),
        port,
        after: 0,
        sender: own.unwrap_or_else(|| SENDER.to_owned()),
        logins,
    }
}

/// To whom the scenario's first letter goes.
fn recipient(scenario: &Scenario) -> Option<String> {
    let letter = scenario.acts.iter().find_map(|act| match &act.what {
        What::Send(letter) | What::SendDirect { letter, .. } => Some(letter),
        _ => None,
    })?;
    let (local, domain) = terms::address(letter.to.first()?)?;
    Some(format!("{local}@{domain}"))
}

/// The host that keeps that person's mail.
fn destination(scenario: &Scenario) -> Option<&Host> {
    let recipient = recipient(scenario)?;
    let account = scenario.accounts.iter().find(|a| a.address.eq_ignore_ascii_case(&recipient))?;
    scenario.hosts.iter().find(|host| host.name == account.host)
}

/// Tells a talk on the standard output.
struct Teller {
    talk: Talk,
    plain: Plain<io::Stdout>,
    out: io::Stdout,
    width: usize,
}

impl Teller {
    fn new(args: &TalkArgs, talk: Talk) -> Self {
        let width = screen::width(args.width.map(usize::from));
        let options = Options {
            detail: plain::Detail::from(args.detail),
            width,
            colour: screen::colour(),
            show_secrets: args.show_secrets,
        };
        Teller { talk, plain: Plain::new(io::stdout(), options), out: io::stdout(), width }
    }

    fn say(&mut self, text: &str) -> Result<(), CommandError> {
        let wrapped =
            textwrap::Options::new(self.width.min(96)).initial_indent("   ").subsequent_indent("   ");
        for line in textwrap::wrap(&prose(text), wrapped) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn welcome(&mut self) -> Result<(), CommandError> {
        let desk = self.talk.desk().clone();
        writeln!(self.out, "You sit at {DESK} and call {}, port {}.", desk.to, desk.port)?;
        self.say("What you type is sent as a line. `:show` tells a line that fits now, `:next` types it, `:undo` takes the last one back, `:help` tells the rest.")?;
        for login in &desk.logins {
            self.say(&format!(
                "Mail is kept there for {}, password {}.",
                login.account,
                login.password.expose()
            ))?;
        }
        Ok(self.out.flush()?)
    }

    fn prompt(&mut self, interactive: bool) -> Result<(), CommandError> {
        if interactive {
            let prompt = match self.talk.mode() {
                Mode::Command => format!("{}> ", self.talk.phase()),
                Mode::Message => "message> ".to_owned(),
                Mode::Response => "response> ".to_owned(),
                Mode::Over => "(over)> ".to_owned(),
            };
            write!(self.out, "{prompt}")?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Do what a line says; whether there may be more.
    fn hear(&mut self, line: &str) -> Result<bool, CommandError> {
        // Within a message everything is text, up to the dot.
        match line.trim_end() {
            ":quit" => return Ok(false),
            command if command.starts_with(':') && self.talk.mode() != Mode::Message => {
                self.command(command)?
            }
            ":undo" => self.undo()?,
            ":next" => self.next()?,
            _ => self.enter(line)?,
        }
        self.out.flush()?;
        Ok(true)
    }

    fn command(&mut self, command: &str) -> Result<(), CommandError> {
        match command {
            ":show" => match self.talk.show() {
                Some(shown) => {
                    for line in &shown.lines {
                        writeln!(self.out, "   ▸ {}", escape::text(line))?;
                    }
                    self.say(&shown.why)
                }
                None => self.say(&self.talk.over(Ways::WORDS)),
            },
            ":next" => self.next(),
            ":verbs" => self.verbs(),
            ":undo" => self.undo(),
            ":again" => {
                self.talk.again();
                self.again()
            }
            ":hang-up" => {
                if let Err(why) = self.talk.hang_up() {
                    self.say(&why)?;
                }
                self.again()
            }
            _ => {
                if command != ":help" {
                    self.say(&format!("{command} is nothing that this program knows."))?;
                }
                for (word, what) in HELP {
                    writeln!(self.out, "   {word:<9} {what}")?;
                }
                Ok(())
            }
        }
    }

    fn next(&mut self) -> Result<(), CommandError> {
        let Some(shown) = self.talk.show() else {
            return self.say(&self.talk.over(Ways::WORDS));
        };
        shown.lines.iter().try_for_each(|line| self.enter(line))
    }

    fn verbs(&mut self) -> Result<(), CommandError> {
        let protocol = self.talk.desk().protocol.name();
        for verb in self.talk.verbs() {
            let entry = catalogue().get(&format!("{protocol}.{verb}"));
            let meaning = entry.map_or("", |entry| entry.title.as_str());
            let meaning = meaning.split_once(": ").map_or(meaning, |(_, rest)| rest);
            writeln!(self.out, "   {verb:<11} {meaning}")?;
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), CommandError> {
        match self.talk.undo() {
            Some((_, sent)) => {
                self.say(if sent {
                    "The last line is taken back."
                } else {
                    "The last line of the text is taken back."
                })?;
                if sent { self.again() } else { Ok(()) }
            }
            None => self.say("Nothing was typed yet."),
        }
    }

    fn enter(&mut self, line: &str) -> Result<(), CommandError> {
        match self.talk.enter(line) {
            Ok(true) => self.again(),
            Ok(false) => Ok(()),
            Err(why) => self.say(&why),
        }
    }

    /// Run the world with everything that was typed, and tell what is new.
    fn again(&mut self) -> Result<(), CommandError> {
        let records = Worlds.start(self.talk.order()).wait();
        self.talk.told(records.map_err(|why| CommandError::failure(why, ""))?);
        let mut elsewhere = 0;
        for item in self.talk.news() {
            match item {
                Item::Step(..) if !self.talk.is_own(item) => elsewhere += 1,
                Item::Step(..) | Item::Fact { .. } => self.plain.item(self.talk.cast(), item)?,
                // The student is still on the line.
                Item::Outcome(_) | Item::Chapter(_) | Item::Mark(_) => {}
            }
        }
        if elsewhere > 0 {
            self.say(&format!("(and {elsewhere} more steps between other hosts; --record keeps them)"))?;
        }
        let answered = self.talk.news().iter().any(|item| self.talk.is_own(item));
        if let Some(hint) = self.talk.hint(Ways::WORDS).filter(|_| answered) {
            self.say(&format!("hint: {hint}"))?;
        }
        Ok(self.out.flush()?)
    }

    fn leave(&mut self, record: Option<&Path>) -> Result<(), CommandError> {
        if let Some(path) = record {
            fullscreen::keep(self.talk.records(), path)?;
        }
        Ok(self.out.flush()?)
    }
}
