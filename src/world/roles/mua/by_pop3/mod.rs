//! What is wanted of a mail program, done in POP3 (RFC 1939): one maildrop, fetched whole and kept on the device; what
//! POP3 does not know (flags, folders, searching, storing) the client does by itself, on its own disk.
//!
//! - The list of unique-ids (UIDL) tells what is new; it is written down message by message, as each copy is safe.
//! - A message is marked as deleted only when its copy is safe, and goes at QUIT: a connection that drops before leaves
//!   it on the server (RFC 1939 §6), and the list of unique-ids keeps it from being fetched twice.
//! - What the maildrop holds is fixed at login (RFC 1939 §4): to look again, the client logs out and in.
//! - Commands that need no answer of each other go out together where CAPA lists PIPELINING (RFC 2449 §6.6).

mod change;
mod read;

pub(super) use read::{keep_file, list_of};

use super::disk::{self, Disk};
use super::line::Line;
use super::program::{Open as OpenLine, Outcome, Program, Trouble, count, done, instead};
use crate::base::{Secret, escape};
use crate::proto::Wish;
use crate::proto::pop3::client::{Answer, Limits, Login, Reason, Session, SessionEvent};
use crate::proto::pop3::grammar::Command;
use crate::proto::pop3::grammar::listing::{parse_drop_listing, parse_scan_listing, parse_unique_id_listing};
use crate::world::scenario::{RoleKind, What};
use std::collections::{BTreeMap, BTreeSet};

/// A session that is open.
pub struct Open {
    pub(super) line: Line<Session>,
    /// What the maildrop held at login, once the client has looked.
    looked: Option<Drop>,
    /// Unique-ids that are marked as deleted: they go at QUIT.
    marked: BTreeSet<String>,
    /// Those of them that the person marked; the others go because they were fetched.
    by_hand: BTreeSet<String>,
}

/// A maildrop as one session sees it.
#[derive(Clone, Debug, Default)]
struct Drop {
    octets: u64,
    /// Unique-id → message-number in this session.
    numbers: BTreeMap<String, u32>,
    /// Message-number → octets, once LIST was asked.
    sizes: BTreeMap<u32, u64>,
    /// The server refused UIDL: nothing tells a message that was fetched from one that was not.
    without_ids: bool,
}

/// Do what is wanted.
pub async fn attempt(program: &mut Program, name: &str, what: &What) -> Result<Outcome, Trouble> {
    match what {
        What::LogIn => log_in(program).await,
        What::LogOut => log_out(program).await,
        What::Check => read::check(program).await,
        What::List => read::list(program).await,
        What::Read { which } => read::read(program, which).await,
        What::ReadTop { which, lines } => read::top(program, which, *lines).await,
        What::ListAttachments { which } => read::attachments(program, which).await,
        What::SaveAttachment { which, name } => read::save(program, which, name).await,
        What::Find { text } => read::search(program, text).await,
        What::Sync => read::sync(program).await,
        What::Download => read::download(program).await,
        What::AwaitMail { at_most_s, poll_s, .. } => read::await_mail(program, *at_most_s, *poll_s).await,
        What::MarkRead { which } => change::mark(program, which),
        What::Move { which, to } => change::file(program, which, to),
        What::Delete { which, for_good, drop } => change::delete(program, which, *for_good, *drop).await,
        What::Undelete => change::undelete(program).await,
        What::Draft(letter) => change::draft(program, name, letter),
        What::SendAndKeep(letter) => change::send_and_keep(program, name, letter).await,
        _ => Err(Trouble::Refused(format!("a POP3 client knows no {}", what.name()))),
    }
}

impl Open {
    /// Say these together, and give each answer to `on` as it comes. Answers that came before a break count.
    async fn ask(&mut self, commands: Vec<Command>, mut on: impl FnMut(Answer)) -> Result<(), Trouble> {
        let mut waiting = commands.len();
        self.line.order(commands);
        while waiting > 0 {
            match self.line.hear().await {
                Some(SessionEvent::Answered(answer)) => {
                    waiting -= 1;
                    on(*answer);
                }
                Some(SessionEvent::Greeted(_)) => {}
                Some(SessionEvent::Ended(why)) => return Err(self.lost(why)),
                None => return Err(self.lost(None)),
            }
        }
        Ok(())
    }

    /// Say one thing, and give the answer to it.
    async fn one(&mut self, command: Command) -> Result<Answer, Trouble> {
        let mut told = None;
        self.ask(vec![command], |answer| told = Some(answer)).await?;
        told.ok_or_else(|| self.lost(None))
    }

    fn lost(&self, why: Option<Reason>) -> Trouble {
        let why = match why {
            Some(Reason::Refused(line) | Reason::Unclear(line)) => {
                return Trouble::Refused(format!("{} says {}", self.line.server, escape::text(&line)));
            }
            Some(Reason::NoLogin(why)) => return Trouble::Refused(format!("{}: {why}", self.line.server)),
            Some(Reason::TimedOut) => "did not answer in time",
            Some(Reason::NoTls) => "offers no STLS",
            Some(Reason::TooLarge) => "answered more than this client takes",
            Some(Reason::Lost) | None => "ended the connection",
        };
        Trouble::Lost(format!("{} {why}", self.line.server))
    }
}

/// The session, opened and logged in where it is not.
async fn session(program: &mut Program) -> Result<&mut Open, Trouble> {
    let gone = match &program.open {
        OpenLine::Pop3(open) => open.line.is_gone(),
        _ => true,
    };
    if gone {
        program.open = OpenLine::Pop3(Box::new(connect(program).await?));
    }
    session_of(&mut program.open)
}

fn session_of(open: &mut OpenLine) -> Result<&mut Open, Trouble> {
    match open {
        OpenLine::Pop3(open) => Ok(open),
        _ => Err(Trouble::Lost("there is no connection".to_owned())),
    }
}

/// Call the server, ask what it can do, log in.
async fn connect(program: &Program) -> Result<Open, Trouble> {
    let mua = &program.mua;
    let (connection, server) = mua.call("_pop3._tcp").await.map_err(Trouble::Lost)?;
    let login = match mua.credentials() {
        Some(credentials) => Login::Sasl(credentials),
        None if mua.wants_apop() => Login::Apop,
        None => Login::User,
    };
    let session = Session::new(Limits::default()).with_login(login.clone(), mua.password.clone());
    let line = Line::open(mua, RoleKind::Pop3, session, connection, server);
    let mut open = Open { line, looked: None, marked: BTreeSet::new(), by_hand: BTreeSet::new() };
    let offers = open.one(Command::Capa).await?;
    secure(&mut open, mua.wish(), &offers).await?;
    let name = mua.account.clone();
    // What stands behind AUTH's mechanism and APOP's name the session fills in.
    let commands = match login {
        Login::User => vec![Command::User { name }, Command::Pass { password: mua.password.clone() }],
        Login::Apop => vec![Command::Apop { name, digest: Secret::default() }],
        Login::Sasl(own) => {
            vec![Command::Auth { mechanism: Some(own.mechanism.name().to_owned()), initial: None }]
        }
    };
    let mut refusal = None;
    open.ask(commands, |answer| {
        if !answer.ok {
            refusal = Some(answer.line);
        }
    })
    .await?;
    // In a new session nothing is marked, whatever an earlier one marked and did not live to carry out.
    change::unmark_copies(program);
    match refusal {
        None => Ok(open),
        Some(line) => {
            // It was heard; whether QUIT is answered makes no difference.
            let _ = open.one(Command::Quit).await;
            Err(Trouble::Refused(format!("{} says {}", open.line.server, escape::text(&line))))
        }
    }
}

/// STLS where it is wanted and offered; afterwards what the server can do is asked anew (RFC 2595 §4).
async fn secure(open: &mut Open, wish: Wish, offers: &Answer) -> Result<(), Trouble> {
    if wish == Wish::Never {
        return Ok(());
    }
    let lines = String::from_utf8_lossy(&offers.block);
    let offered = lines.lines().any(|line| line.trim().eq_ignore_ascii_case("STLS"));
    if offered && open.one(Command::Stls).await?.ok {
        open.one(Command::Capa).await?;
        return Ok(());
    }
    if wish == Wish::Prefer {
        return Ok(());
    }
    // Whether QUIT is answered makes no difference.
    let _ = open.one(Command::Quit).await;
    let server = &open.line.server;
    Err(Trouble::Refused(format!("{server} offers no STLS, and nothing is sent in clear")))
}

async fn log_in(program: &mut Program) -> Result<Outcome, Trouble> {
    let open = session(program).await?;
    done(format!("logged in at {}; the maildrop is locked for this session", open.line.server))
}

/// QUIT: what is marked is removed now, and only now (RFC 1939 §6).
async fn log_out(program: &mut Program) -> Result<Outcome, Trouble> {
    let OpenLine::Pop3(mut open) = std::mem::take(&mut program.open) else {
        return done("no connection was open");
    };
    if open.line.is_gone() {
        return done("the server had ended the session already; nothing that was marked was removed");
    }
    let answer = open.one(Command::Quit).await?;
    let (marked, by_hand) = (std::mem::take(&mut open.marked), std::mem::take(&mut open.by_hand));
    if !answer.ok {
        return Err(Trouble::Refused(format!("{} says {}", open.line.server, escape::text(&answer.line))));
    }
    program.disk(|disk, account| {
        disk.ids(account, |ids| ids.retain(|id, _| !marked.contains(id)));
        for key in keys_of(disk, account, &by_hand) {
            disk.remove(account, &key);
        }
    });
    match marked.len() {
        0 => done("logged out; nothing was to be removed"),
        n => done(format!("logged out; the server removed {} at QUIT", count(n, "message"))),
    }
}

/// The keys of the copies that have these unique-ids.
fn keys_of(disk: &Disk, account: &str, ids: &BTreeSet<String>) -> Vec<String> {
    disk.with_shelf(account, |shelf| {
        let of_these = shelf.copies.iter().filter(|(_, copy)| ids.contains(&copy.uidl));
        of_these.map(|(key, _)| key.clone()).collect()
    })
}

/// What the maildrop holds: asked once a session, since it does not change (RFC 1939 §4).
async fn look(program: &mut Program, sizes: bool) -> Result<Drop, Trouble> {
    let open = session(program).await?;
    let drop = open.looked.clone();
    let mut commands = Vec::new();
    if drop.is_none() {
        commands.extend([Command::Stat, Command::Uidl { number: None }]);
    }
    if sizes && drop.as_ref().is_none_or(|d| d.sizes.is_empty() && !d.numbers.is_empty()) {
        commands.push(Command::List { number: None });
    }
    if commands.is_empty() {
        return Ok(drop.unwrap_or_default());
    }
    let mut drop = drop.unwrap_or_default();
    open.ask(commands, |answer| take_listing(&mut drop, &answer)).await?;
    if drop.without_ids && drop.numbers.is_empty() {
        // Numbers hold for this session only: tomorrow 1 is another message, or the same one (RFC 1939 §5).
        open.ask(vec![Command::List { number: None }], |answer| take_listing(&mut drop, &answer)).await?;
        let session = program.mua.world.clock.now().as_micros();
        drop.numbers = drop.sizes.keys().map(|n| (format!("no-id {session}.{n}"), *n)).collect();
    }
    session_of(&mut program.open)?.looked = Some(drop.clone());
    Ok(drop)
}

fn take_listing(drop: &mut Drop, answer: &Answer) {
    let lines = || answer.block.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    match answer.command {
        Command::Stat if answer.ok => {
            let text = answer.line.split_once(' ').map_or("", |(_, text)| text);
            drop.octets = parse_drop_listing(text.as_bytes()).value.map_or(0, |d| d.octets);
        }
        Command::Uidl { .. } if answer.ok => {
            let listed = lines().filter_map(|line| parse_unique_id_listing(line).value);
            drop.numbers = listed.map(|l| (l.unique_id, l.number)).collect();
        }
        Command::Uidl { .. } => drop.without_ids = true,
        Command::List { .. } => {
            let listed = lines().filter_map(|line| parse_scan_listing(line).value);
            drop.sizes = listed.map(|l| (l.number, l.octets)).collect();
        }
        _ => {}
    }
}

/// Ends the session, so that the next one sees what came since, and what was marked goes.
async fn start_afresh(program: &mut Program) -> Result<(), Trouble> {
    if let OpenLine::Pop3(open) = &program.open
        && open.looked.is_some()
    {
        log_out(program).await?;
    }
    Ok(())
}
