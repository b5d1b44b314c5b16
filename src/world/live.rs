//! The world on the real clock: the lab. Host to host it is in memory, as in a journey; by its doors real programs come in.
//!
//! Where it stands on the road: beside [`super::run()`], which runs a story in virtual time to its end. This one has no end
//! of its own: it goes on until it is told to close, and then every session is told.

use super::World;
use super::chaos::{self, Chaos, Orders};
use super::clock::Clock;
use super::hosts::{Beyond, CATCH_ALL, Changes};
use super::late::Late;
use super::net::Network;
use super::net::loopback::{Bound, Doors, Visitors};
use super::net::memory::MemoryNet;
use super::run::{self, RunError};
use super::scenario::{Account, Scenario};
use super::secure::Realm;
use super::store::Data;
use super::terrain::ScenarioTerrain;
use super::zones::Eras;
use crate::base::{Instant, Secret};
use crate::trace::Head;
use crate::trace::record::LIVE;
use crate::trace::tap::{Observer, Tap};
use std::sync::Arc;
use std::time::Duration;

/// How long sessions have to hear that the lab closes.
const GRACE: Duration = Duration::from_secs(3);

/// A lab that is to be opened.
pub struct Lab {
    /// Its hosts, zones and accounts.
    pub scenario: Scenario,
    /// Its doors, whose ports are taken already.
    pub doors: Vec<Bound>,
    /// Connections that one address may have.
    pub connections: usize,
    /// Mail for domains that no host of it takes.
    pub beyond: Beyond,
    /// The certificates of its servers.
    pub tls: Realm,
    /// Where its mail is kept over a stop; `None`: in memory.
    pub data: Option<Data>,
    /// Who switches faults on and off; `None`: nobody.
    pub orders: Option<Orders>,
}

/// Closes a running lab, from whatever thread. Clones close the same one.
#[derive(Clone, Default)]
pub struct Closer(Arc<Changes>);

impl Closer {
    /// Wait until it is closed; at once where it is.
    pub(super) async fn closed(&self) {
        self.0.after(0).await;
    }

    /// Tell every session, and end.
    pub fn close(&self) {
        self.0.ring();
    }
}

/// The time of this machine's clock.
pub fn now() -> Instant {
    super::clock::real_now()
}

/// The world of a lab whose mail for other domains is caught: each domain gets an account for it.
pub fn with_catch_all(mut scenario: Scenario, password: &Secret) -> Scenario {
    let keepers = scenario.hosts.iter().filter(|h| scenario.accounts.iter().any(|a| a.host == h.name));
    let caught = keepers.filter_map(|host| {
        let address = format!("{CATCH_ALL}@{}", host.domains.first()?);
        let (password, host) = (password.clone(), host.name.clone());
        Some(Account { address, password, host, auth: None, quota: 0, aliases: Vec::new() })
    });
    let caught: Vec<Account> = caught.collect();
    scenario.accounts.extend(caught);
    scenario
}

/// A number of the operating system's randomness.
fn unforeseen() -> Option<u64> {
    let random = ring::rand::SystemRandom::new();
    ring::rand::generate::<[u8; 8]>(&random).ok().map(|drawn| u64::from_le_bytes(drawn.expose()))
}

/// Run a lab until `closer` closes it. The `observer` is told of every record as it is written; without one nothing is
/// recorded. It is told on the thread that everything runs on: whoever takes long there holds the lab up.
///
/// # Errors
/// Where the operating system gives no runtime, or does not take a socket.
pub fn run(lab: Lab, observer: Option<Observer>, closer: &Closer) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let data = runtime.block_on(async {
        let clock = Clock::live();
        let Lab { mut scenario, doors, connections, beyond, data, tls, orders } = lab;
        // Identifiers must differ from those of the last time: mail programs remember them. And nobody is to foretell
        // the challenges of a login.
        scenario.seed = unforeseen().unwrap_or_else(|| clock.start().as_micros().unsigned_abs());
        let head = Head {
            generator: concat!("postroad ", env!("CARGO_PKG_VERSION"), " ").to_owned() + LIVE,
            seed: 0,
            ..run::head(&scenario, &[], clock.start())
        };
        let tap = Tap::passing(head, observer);
        let chaos = Chaos::default();
        let late = Late::on_demand(chaos.clone());
        let terrain = Arc::new(ScenarioTerrain::of(&scenario, &late));
        let zones = Arc::new(Eras::of(&scenario, &late));
        let net = MemoryNet::new(tap.clone(), clock, terrain).prompt();
        let network: Arc<dyn Network> = Arc::new(net.clone());
        let mut world = World::build(scenario, Vec::new(), clock, tap.clone(), network);
        world.handling = Duration::ZERO;
        world.beyond = beyond;
        world.tls = Arc::new(tls);
        // People type at these doors, and look on: what a password looks like in clear is one of the lessons.
        world.takes_clear_passwords = true;
        world.closing = closer.0.clone();
        world.late = late;
        data.as_ref().map_or(Ok(()), |data| data.attach(&world))?;
        let world = Arc::new(world);
        run::begin(&world, &zones);
        if let Some(orders) = orders {
            tokio::spawn(chaos::obey(world.clone(), chaos, orders));
        }
        let visitors = Arc::new(Visitors::new(connections));
        let open = Doors { net, tap: tap.clone(), clock, visitors: visitors.clone() };
        doors.into_iter().try_for_each(|bound| open.open(bound))?;
        closer.closed().await;
        let _ = tokio::time::timeout(GRACE, visitors.all_gone()).await;
        tap.end(clock.now());
        Ok::<Option<Data>, RunError>(data)
    });
    // Sessions that did not end in time are dropped here; what their streams do in dying comes after the end record.
    // What is being written is written to its end, and only then may another lab have the folder.
    drop(runtime);
    drop(data?);
    Ok(())
}
