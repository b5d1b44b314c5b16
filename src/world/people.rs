//! The people and their script: each does their acts in order, on their devices, when the time has come.
//!
//! # What an act states
//! Two facts, at the device that the act is done on; the Steps and facts of that device between them serve it.
//!
//! - `IntentBegins { who, intent, detail }`: `intent` is the act's name as it stands in the scenario (`log-in`, `check`,
//!   `list`, `read`, `read-top`, `list-attachments`, `save-attachment`, `mark-read`, `move`, `delete`, `undelete`, `find`,
//!   `draft`, `send-and-keep`, `reply`, `sync`, `download`, `read-offline`, `await-mail`, `lose-disk`, `lose-notes`, `settings`,
//!   `log-out`; `send`, `send-direct`, `fetch-pop3`, `fetch-imap`, `leave-here`, `read-here`, `elsewhere`), or the act's own `intent` where it has one; several
//!   acts in a row may share one. It does not depend on the protocol, so two runs of one scenario with another `access`
//!   state the same intents, of the same people, on the same devices, in the same order (each person's own order: people
//!   act side by side). `detail` says in words what is wanted, without naming a protocol.
//! - `IntentEnds { who, intent, ok, detail, instead }`: `ok` and an empty `instead`: done, `detail` says how. Not `ok` and
//!   an empty `instead`: given up, `detail` says why. Not `ok` with an `instead`: the protocol cannot do it, `detail` says
//!   why, `instead` says what the client did in its place.
//!
//! A session may span several acts (`log-in` … `log-out`): a connection that was opened by one act carries the bytes of
//! later ones. An act that needs a session opens one where none is open, and leaves it open.

use super::hosts::{Host, World};
use super::mailboxes::INBOX;
use super::roles::mua::program::{Outcome, Program};
use super::roles::mua::{self, Client};
use super::scenario::terms::When;
use super::scenario::{Act, Person, What};
use crate::trace::Fact;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long after a message has come its reader looks. Long enough that the hosts have said goodbye to each other.
const NOTICING: Duration = Duration::from_secs(2);

/// Live through a person's acts.
pub async fn live(world: Arc<World>, person: Person) {
    let acts: Vec<Act> =
        world.scenario.acts.iter().filter(|a| a.who.eq_ignore_ascii_case(&person.name)).cloned().collect();
    let mut programs: BTreeMap<String, Program> = BTreeMap::new();
    for act in acts {
        wait(&world, &person, act.begins()).await;
        let _busy = world.activity.begin();
        let device = if act.device.is_empty() { person.devices.first() } else { Some(&act.device) };
        let Some(mut mua) = device.and_then(|name| client(&world, &person, name)) else { continue };
        if !act.password.expose().is_empty() {
            mua.password = act.password.clone();
        }
        let name = mua.device.spec.name.clone();
        let program = programs.entry(name.clone()).or_insert_with(|| {
            let manner = world.scenario.manner(&person.name, &name);
            Program::new(mua.clone(), manner)
        });
        program.mua = mua;
        perform(program, &person, &act).await;
    }
}

async fn wait(world: &World, person: &Person, when: When) {
    match when {
        When::AtOnce => {}
        When::Mail => wait_for_mail(world, person).await,
        When::After(time) => {
            let _busy = world.activity.begin();
            world.clock.sleep_until(world.clock.start() + time).await;
        }
    }
}

/// Until a message has come for the person. Nobody is busy meanwhile: mail that never comes does not hold the story.
async fn wait_for_mail(world: &World, person: &Person) {
    let Some(host) = host_of(world, &person.account) else { return std::future::pending().await };
    let has_mail = || {
        let status = world.with_mailboxes(host, |mailboxes| mailboxes.status(&person.account, INBOX));
        status.is_ok_and(|s| s.uidnext > 1)
    };
    let mut seen = host.changed.count();
    while !has_mail() {
        seen = host.changed.after(seen).await;
    }
    let _busy = world.activity.begin();
    tokio::time::sleep(NOTICING).await;
}

fn host_of<'a>(world: &'a World, address: &str) -> Option<&'a Arc<Host>> {
    let account = world.scenario.accounts.iter().find(|a| a.address.eq_ignore_ascii_case(address))?;
    world.hosts.get(&account.host)
}

fn client(world: &Arc<World>, person: &Person, device: &str) -> Option<Client> {
    let account = world.scenario.accounts.iter().find(|a| a.address.eq_ignore_ascii_case(&person.account))?;
    Some(Client {
        world: world.clone(),
        device: world.hosts.get(device)?.clone(),
        account: account.address.clone(),
        password: account.password.clone(),
    })
}

async fn perform(program: &mut Program, person: &Person, act: &Act) {
    let (who, what) = (person.name.clone(), &act.what);
    let intent = if act.intent.is_empty() { what.name().to_owned() } else { act.intent.clone() };
    let device = short_name(&program.mua.device.spec.name);
    let detail = if act.detail.is_empty() { wanted(&who, device, what) } else { act.detail.clone() };
    let begins = Fact::IntentBegins { who: who.clone(), intent: intent.clone(), detail };
    program.mua.world.fact(&program.mua.device, begins);
    let outcome = match what {
        What::Send(letter) => whole(mua::send::send(&program.mua, &who, letter).await),
        What::FetchPop3 { keep } => whole(mua::pop3::fetch(&program.mua, *keep).await),
        What::SendDirect { server, letter } => {
            whole(mua::send::send_direct(&program.mua, &who, server, letter).await)
        }
        What::FetchImap { idle_s, flag, delete } => {
            let visit = mua::imap::Visit { idle: Duration::from_secs(*idle_s), flag, delete: *delete };
            whole(mua::imap::fetch(&program.mua, &visit).await)
        }
        What::LeaveHere(letter) => whole(mua::here::leave(&program.mua, &who, letter)),
        What::ReadHere => whole(mua::here::read(&program.mua)),
        What::Elsewhere { .. } => whole(Ok("none of this is mail".to_owned())),
        wanted => program.carry_out(&who, wanted).await,
    };
    // The end of the connection is still under way; a person does the next thing after it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (ok, detail, instead) = match outcome {
        Ok(Outcome::Done(words)) => (true, words, String::new()),
        Ok(Outcome::Instead { cannot, instead }) => (false, cannot, instead),
        Err(why) => (false, why, String::new()),
    };
    let Client { world, device, .. } = &program.mua;
    world.fact(device, Fact::IntentEnds { who, intent, ok, detail, instead });
}

fn whole(outcome: Result<String, String>) -> Result<Outcome, String> {
    outcome.map(Outcome::Done)
}

/// What is wanted, in words; those of the acts that name their protocol name it.
fn wanted(who: &str, device: &str, what: &What) -> String {
    match what {
        What::Send(_) => format!("{who} presses Send"),
        What::FetchPop3 { .. } => format!("{device} looks for new mail by POP3"),
        What::SendDirect { server, .. } => {
            format!("{who} calls {server} on port 25, and hands it a letter without logging in")
        }
        What::FetchImap { idle_s: 0, .. } => format!("{device} looks for new mail by IMAP"),
        What::FetchImap { .. } => format!("{device} opens the mailbox by IMAP, and stays"),
        What::LogIn => format!("{who} opens the mail program on {device}"),
        What::LogOut => format!("{who} closes the mail program on {device}"),
        What::Check => format!("{who} asks on {device}: is there anything new?"),
        What::List => format!("{who} looks at the list on {device}: who wrote, and about what?"),
        What::Read { which } => format!("{who} reads {} on {device}", message(which)),
        What::ReadTop { which, .. } => {
            format!("{who} reads only the beginning of {} on {device}", message(which))
        }
        What::ListAttachments { which } => {
            format!("{who} asks on {device} what is attached to {}, without fetching it", message(which))
        }
        What::SaveAttachment { which, .. } => {
            format!("{who} saves what is attached to {} on {device}", message(which))
        }
        What::MarkRead { which } => format!("{who} marks {} as read on {device}", message(which)),
        What::Move { which, to } => format!("{who} puts {} into {to} on {device}", message(which)),
        What::Delete { which, .. } => format!("{who} deletes {} on {device}", message(which)),
        What::Undelete => format!("{who} thinks again on {device}: it is not to be deleted"),
        What::Find { text } => format!("{who} looks on {device} for “{text}”"),
        What::Draft(_) => format!("{who} begins a letter on {device}, and leaves it unfinished"),
        What::SendAndKeep(_) => format!("{who} sends a letter from {device}, and keeps a copy"),
        What::Reply { which, all: false, .. } => format!("{who} answers {} on {device}", message(which)),
        What::Reply { which, .. } => {
            format!("{who} answers {} on {device}, to everybody who was written to", message(which))
        }
        What::LeaveHere(_) => format!("{who} leaves a letter for somebody who uses the same machine"),
        What::ReadHere => format!("{who} sits down at {device}, and reads the mailbox that lies on it"),
        What::Elsewhere { text } => text.clone(),
        What::Sync => format!("{who} takes up {device}: does it show the same?"),
        What::Download => format!("{who} packs {device} for a journey: everything is to be on it"),
        What::ReadOffline { which } => {
            format!("{who} reads {} on {device}, without a connection", message(which))
        }
        What::AwaitMail { .. } => format!("{who} waits on {device} to be told that mail has come"),
        What::LoseDisk => format!("the disk of {device} dies"),
        What::LoseNotes => format!("{device} loses its notes of what it knows"),
        What::Settings { .. } => format!("{who} changes how long fetched mail stays on the server"),
    }
}

/// `the newest message`, or `“Invoice 7”`.
fn message(which: &str) -> String {
    match which {
        "newest" | "oldest" | "largest" => format!("the {which} message"),
        words => format!("“{words}”"),
    }
}

/// `bob-phone` of `bob-phone.example.net`.
fn short_name(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}
