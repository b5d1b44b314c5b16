//! Run a scenario to its end in virtual time, and give its transcript.
//!
//! A current-thread runtime with paused time: a fifteen-minute wait takes no time, and the same scenario, seed and
//! changes give the same transcript, byte for byte.

use super::change::{Change, Typing};
use super::clock::Clock;
use super::faults::Faults;
use super::hosts::{Host, World};
use super::late::Late;
use super::net::memory::MemoryNet;
use super::net::{Connection, Network, Responder};
use super::people;
use super::roles::{dns, dns_tcp, imap, pop3, queue_runner, smtp, typist};
use super::scenario::{Fault, RoleKind, Scenario, Tls};
use super::terrain::{ScenarioTerrain, implicit_port, port};
use super::zones::Eras;
use crate::base::Instant;
use crate::trace::tap::{Observer, Tap};
use crate::trace::{Fact, Head, HostInfo, Record, Transport};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long nothing may happen until the story is over.
const QUIET: Duration = Duration::from_secs(10);

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The runtime could not be made.
    #[error("no runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// The folder in which a lab keeps its mail cannot be read.
    #[error("{0}")]
    Store(#[from] super::store::OpenError),
}

/// Run `scenario` with `changes` to its end. An `observer` is told of every record as it is written, and may look at
/// the world's stores.
///
/// # Errors
/// Where the operating system gives no runtime.
pub fn run(scenario: &Scenario, changes: &[Change]) -> Result<Vec<Record>, RunError> {
    run_observed(scenario, changes, None, |_| {})
}

/// The same, with somebody watching: `observer` is told of every record as it is written, `ready` is handed the world
/// before the story begins.
///
/// # Errors
/// As [`run`].
pub fn run_observed(
    scenario: &Scenario,
    changes: &[Change],
    observer: Option<Observer>,
    ready: impl FnOnce(&Arc<World>),
) -> Result<Vec<Record>, RunError> {
    let quiet = async |world: Arc<World>| until_quiet(&world).await;
    staged(scenario, changes, observer, ready, quiet).map(|((), records)| records)
}

/// The same, telling each record as it is written, for as long as `tell` says that it wants more: where it does not,
/// the world ends at once.
///
/// # Errors
/// As [`run`].
pub fn run_telling(
    scenario: &Scenario,
    changes: &[Change],
    mut tell: impl FnMut(&Record) -> bool + Send + 'static,
) -> Result<(), RunError> {
    let enough = Arc::new(Notify::new());
    let heard = enough.clone();
    let observer: Observer = Box::new(move |record| {
        if !tell(record) {
            heard.notify_one();
        }
    });
    let story = async |world: Arc<World>| {
        tokio::select! {
            biased;
            () = enough.notified() => {}
            () = until_quiet(&world) => {}
        }
    };
    staged(scenario, changes, Some(observer), |_| {}, story).map(|_| ())
}

/// Build the world of `scenario`, and let `act` do in it what it likes, in virtual time: open raw connections by
/// `world.net`, wait, look at stores. The people of the scenario live in it meanwhile. The world ends when `act` does;
/// gives what `act` gave, and the transcript.
///
/// # Errors
/// As [`run`].
pub fn with_world<T>(
    scenario: &Scenario,
    act: impl AsyncFnOnce(Arc<World>) -> T,
) -> Result<(T, Vec<Record>), RunError> {
    staged(scenario, &[], None, |_| {}, act)
}

/// Build a world, open its doors, let its people live; it ends when `story` does.
fn staged<T>(
    scenario: &Scenario,
    changes: &[Change],
    observer: Option<Observer>,
    ready: impl FnOnce(&Arc<World>),
    story: impl AsyncFnOnce(Arc<World>) -> T,
) -> Result<(T, Vec<Record>), RunError> {
    let start = scenario.start_instant();
    let faults = changes.iter().filter_map(|change| match change {
        Change::Fault { fault, after: 0 } => Some(fault.clone()),
        _ => None,
    });
    let text = scenario.to_toml();
    let mut scenario = scenario.clone();
    scenario.faults.extend(faults);
    scenario.hosts.extend(typist::desks(&scenario, changes));
    let head = Head { scenario: text, ..head(&scenario, changes, start) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let tap = Tap::new(head, observer);
    let told = runtime.block_on(async {
        let clock = Clock::starting_at(start);
        let late = Late::of(changes, &tap);
        let terrain = Arc::new(ScenarioTerrain::of(&scenario, &late));
        let zones = Arc::new(Eras::of(&scenario, &late));
        let net: Arc<dyn Network> = Arc::new(MemoryNet::new(tap.clone(), clock, terrain));
        let world = Arc::new(World::build(scenario, changes.to_vec(), clock, tap.clone(), net));
        ready(&world);
        begin(&world, &zones);
        announce_typists(&world);
        let told = story(world).await;
        tap.end(tap.last_at());
        told
    });
    drop(runtime); // Tasks end here; what their streams do in dying comes after the end record.
    Ok((told, tap.take()))
}

/// The hosts take up their roles, and people begin to live.
pub(super) fn begin(world: &Arc<World>, zones: &Arc<Eras>) {
    // The mailboxes that exist from the start are facts too, so that State begins where the stores begin.
    world.hosts.values().for_each(|host| world.with_mailboxes(host, |_| ()));
    open_doors(world, zones);
    announce_outages(world);
    for person in world.scenario.people.clone() {
        tokio::spawn(people::live(world.clone(), person));
    }
}

/// The head of a transcript of this scenario, but for the scenario's text.
pub(super) fn head(scenario: &Scenario, changes: &[Change], start: Instant) -> Head {
    let host = |h: &super::scenario::Host| HostInfo {
        name: h.name.clone(),
        addresses: h.addresses.clone(),
        roles: h.roles.iter().map(|r| r.name().to_owned()).collect(),
    };
    Head {
        version: 1,
        generator: concat!("postroad ", env!("CARGO_PKG_VERSION")).to_owned(),
        title: scenario.title.clone(),
        start,
        hosts: scenario.hosts.iter().map(host).collect(),
        scenario: String::new(),
        seed: scenario.seed,
        changes: changes.iter().filter_map(|c| serde_json::to_value(c).ok()).collect(),
    }
}

/// The story is over when nobody is busy, and nothing happens for a while.
async fn until_quiet(world: &World) {
    loop {
        let before = world.tap.len();
        tokio::time::sleep(QUIET).await;
        world.activity.idle().await;
        if world.tap.len() == before && world.activity.is_idle() {
            return;
        }
    }
}

/// State when services of the scenario go down and come back.
fn announce_outages(world: &Arc<World>) {
    for fault in &world.scenario.faults {
        tokio::spawn(outage(world.clone(), fault.clone(), false));
    }
    for (after, fault) in world.late.all() {
        let (world, fault) = (world.clone(), fault.clone());
        let tap = world.tap.clone();
        tap.after(usize::try_from(*after).unwrap_or(usize::MAX), move |at| {
            let Fault::Down { host, service, from_s, .. } = &fault else { return };
            // It is said at once, in front of whatever comes next: no timer of its own may come between.
            let begins = at.since(world.clock.start()) >= Duration::from_secs(*from_s);
            if begins && world.hosts.contains_key(host) {
                tap_down(&world, host, service, at);
            }
            tokio::spawn(outage(world, fault, begins));
        });
    }
}

fn tap_down(world: &World, host: &str, service: &str, at: Instant) {
    world.tap.fact(at, host, Fact::ServiceDown { service: named(service) });
}

fn named(service: &str) -> String {
    if service.is_empty() { "all".to_owned() } else { service.to_owned() }
}

/// The life of one outage; its beginning may be stated already.
async fn outage(world: Arc<World>, fault: Fault, stated: bool) {
    let Fault::Down { host, service, from_s, until_s, .. } = fault else { return };
    let Some(host) = world.hosts.get(&host).cloned() else { return };
    let (from, until) = (Duration::from_secs(from_s), Duration::from_secs(until_s));
    if !stated {
        world.clock.sleep_until(world.clock.start() + from).await;
        world.fact(&host, Fact::ServiceDown { service: named(&service) });
    }
    if !until.is_zero() {
        world.clock.sleep_until(world.clock.start() + until).await;
        world.fact(&host, Fact::ServiceUp { service: named(&service) });
    }
}

/// Those who type at a server begin when so much has happened as their change says.
fn announce_typists(world: &Arc<World>) {
    for change in &world.changes {
        let Change::Type(typing) = change else { continue };
        let (typing, tap): (Typing, _) = (typing.clone(), world.tap.clone());
        let world = world.clone();
        tap.after(usize::try_from(typing.after).unwrap_or(usize::MAX), move |_| {
            let busy = world.activity.begin();
            tokio::spawn(typist::sit_down(world, typing, busy));
        });
    }
}

/// Every role of every host begins to listen.
fn open_doors(world: &Arc<World>, zones: &Arc<Eras>) {
    for host in world.hosts.values() {
        for role in &host.spec.roles {
            match role {
                RoleKind::Mua => {}
                RoleKind::Dns => open_dns(world, host, zones),
                RoleKind::Submission | RoleKind::Mta | RoleKind::Pop3 | RoleKind::Imap => {
                    open_door(world, host, *role);
                }
            }
        }
        if host.has(RoleKind::Submission) || host.has(RoleKind::Mta) {
            tokio::spawn(queue_runner::run(world.clone(), host.clone()));
        }
    }
}

fn open_dns(world: &Arc<World>, host: &Arc<Host>, zones: &Arc<Eras>) {
    for address in &host.spec.addresses {
        let at = SocketAddr::new(*address, 53);
        let responder = |transport| -> Responder {
            let (zones, clock) = (zones.clone(), world.clock);
            Arc::new(move |query: &[u8]| {
                dns::answer(&*zones.now()?, query, transport, clock.elapsed().as_secs())
            })
        };
        world.net.respond(at, responder(Transport::Udp));
        tokio::spawn(dns_tcp::serve(world.net.listen(at), responder(Transport::Tcp)));
    }
}

fn open_door(world: &Arc<World>, host: &Arc<Host>, role: RoleKind) {
    let faults = Arc::new(Faults::of(&world.scenario, &world.late, &host.spec.name, role));
    let implicit = implicit_port(role).filter(|_| world.tls_of(host) == Tls::Implicit);
    let ports = port(role).map(|port| (port, false)).into_iter().chain(implicit.map(|port| (port, true)));
    for (port, implicit) in ports {
        for address in &host.spec.addresses {
            let at = SocketAddr::new(*address, port);
            take_calls(world, host, role, &faults, at, implicit);
        }
    }
}

fn take_calls(
    world: &Arc<World>,
    host: &Arc<Host>,
    role: RoleKind,
    faults: &Arc<Faults>,
    at: SocketAddr,
    implicit: bool,
) {
    let mut listener = world.net.listen(at);
    let (world, host, faults) = (world.clone(), host.clone(), faults.clone());
    tokio::spawn(async move {
        while let Some(connection) = listener.recv().await {
            let connection = Connection { implicit, ..connection };
            tokio::spawn(serve(world.clone(), host.clone(), role, faults.clone(), connection));
        }
    });
}

async fn serve(
    world: Arc<World>,
    host: Arc<Host>,
    role: RoleKind,
    faults: Arc<Faults>,
    connection: Connection,
) {
    match role {
        RoleKind::Pop3 => pop3::serve(world, host, faults, connection).await,
        RoleKind::Imap => imap::serve(world, host, faults, connection).await,
        _ => smtp::serve(world, host, role, faults, connection).await,
    }
}
