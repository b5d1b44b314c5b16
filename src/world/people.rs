//! The people and their script: each does their acts in order, on their devices, when the time has come.
//!
//! Every act states when it begins and how it ended (intents), so that Steps can be told apart by what they serve.

use super::hosts::{Host, World};
use super::mailboxes::INBOX;
use super::roles::mua::{self, Client};
use super::scenario::terms::When;
use super::scenario::{Act, Person, What};
use crate::trace::Fact;
use std::sync::Arc;
use std::time::Duration;

/// How long after a message has come its reader looks. Long enough that the hosts have said goodbye to each other.
const NOTICING: Duration = Duration::from_secs(2);

/// Live through a person's acts.
pub async fn live(world: Arc<World>, person: Person) {
    let acts: Vec<Act> =
        world.scenario.acts.iter().filter(|a| a.who.eq_ignore_ascii_case(&person.name)).cloned().collect();
    for act in acts {
        wait(&world, &person, act.begins()).await;
        let _busy = world.activity.begin();
        let device = if act.device.is_empty() { person.devices.first() } else { Some(&act.device) };
        if let Some(mut mua) = device.and_then(|name| client(&world, &person, name)) {
            if !act.password.expose().is_empty() {
                mua.password = act.password.clone();
            }
            perform(&mua, &person, &act).await;
        }
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

async fn perform(mua: &Client, person: &Person, act: &Act) {
    let (who, device) = (person.name.clone(), short_name(&mua.device.spec.name));
    let what = &act.what;
    let (intent, detail) = match what {
        What::Send(_) => ("send", format!("{who} presses Send")),
        What::FetchPop3 { .. } => ("fetch-pop3", format!("{device} looks for new mail by POP3")),
        What::SendDirect { server, .. } => (
            "send-direct",
            format!("{who} calls {server} on port 25, and hands it a letter without logging in"),
        ),
        What::FetchImap { idle_s: 0, .. } => ("fetch-imap", format!("{device} looks for new mail by IMAP")),
        What::FetchImap { .. } => ("fetch-imap", format!("{device} opens the mailbox by IMAP, and stays")),
    };
    let intent = intent.to_owned();
    mua.world.fact(&mua.device, Fact::IntentBegins { who: who.clone(), intent: intent.clone(), detail });
    let outcome = match what {
        What::Send(letter) => mua::send::send(mua, &person.name, letter).await,
        What::FetchPop3 { keep } => mua::pop3::fetch(mua, *keep).await,
        What::SendDirect { server, letter } => {
            mua::send::send_direct(mua, &person.name, server, letter).await
        }
        What::FetchImap { idle_s, flag, delete } => {
            let visit = mua::imap::Visit { idle: Duration::from_secs(*idle_s), flag, delete: *delete };
            mua::imap::fetch(mua, &visit).await
        }
    };
    // The end of the connection is still under way; a person does the next thing after it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ok = outcome.is_ok();
    let detail = outcome.unwrap_or_else(|why| why);
    mua.world.fact(&mua.device, Fact::IntentEnds { who, intent, ok, detail });
}

/// `bob-phone` of `bob-phone.example.net`.
fn short_name(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}
