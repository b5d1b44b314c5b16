//! What the network asks of the scenario: how the link between two hosts behaves, and who is up.

use super::late::Late;
use super::net::memory::{Health, Terrain};
use super::net::pipe::LinkManner;
use super::scenario::{Fault, RoleKind, Scenario};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The port at which a role takes calls.
pub fn port(role: RoleKind) -> Option<u16> {
    match role {
        RoleKind::Mua => None,
        RoleKind::Submission => Some(587),
        RoleKind::Mta => Some(25),
        RoleKind::Dns => Some(53),
        RoleKind::Pop3 => Some(110),
        RoleKind::Imap => Some(143),
    }
}

/// The port at which a role takes calls inside TLS from the first byte on. RFC 8314 §3.
pub fn implicit_port(role: RoleKind) -> Option<u16> {
    match role {
        RoleKind::Submission => Some(465),
        RoleKind::Pop3 => Some(995),
        RoleKind::Imap => Some(993),
        RoleKind::Mua | RoleKind::Mta | RoleKind::Dns => None,
    }
}

/// The scenario's links and outages, by address.
pub struct ScenarioTerrain {
    names: BTreeMap<IpAddr, String>,
    default: LinkManner,
    /// By the two host names, in order.
    links: BTreeMap<(String, String), LinkManner>,
    outages: Vec<Outage>,
    late: Late,
}

struct Outage {
    /// How many records are written before it begins.
    after: u64,
    host: String,
    /// `None`: every service.
    service: Option<RoleKind>,
    health: Health,
    from: Duration,
    /// `None`: for ever.
    until: Option<Duration>,
}

impl ScenarioTerrain {
    /// The terrain that `scenario` describes, with what goes wrong later.
    pub fn of(scenario: &Scenario, late: &Late) -> Self {
        let faults = scenario.faults.iter().map(|fault| (0, fault));
        let faults = faults.chain(late.all().iter().map(|(after, fault)| (*after, fault)));
        let manner = |ms: u32, kbit| LinkManner { latency: Duration::from_millis(u64::from(ms)), kbit };
        let names = scenario.hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, h.name.clone())));
        let links = scenario
            .links
            .iter()
            .map(|l| (pair(&l.between[0], &l.between[1]), manner(l.latency_ms, l.bandwidth_kbit)));
        ScenarioTerrain {
            names: names.collect(),
            default: manner(scenario.network.latency_ms, scenario.network.bandwidth_kbit),
            links: links.collect(),
            outages: faults.filter_map(|(after, fault)| Outage::of(fault, after)).collect(),
            late: late.clone(),
        }
    }
}

impl Terrain for ScenarioTerrain {
    fn link(&self, from: IpAddr, to: IpAddr) -> LinkManner {
        match (self.names.get(&from), self.names.get(&to)) {
            // A host that talks to itself does so at once.
            (Some(a), Some(b)) if a == b => LinkManner { latency: Duration::ZERO, kbit: 0 },
            (Some(a), Some(b)) => self.links.get(&pair(a, b)).copied().unwrap_or(self.default),
            _ => self.default,
        }
    }

    fn health(&self, at: SocketAddr, elapsed: Duration) -> Health {
        let Some(name) = self.names.get(&at.ip()) else {
            return Health::Silent; // No such host: packets go nowhere.
        };
        let concerns = |o: &&Outage| {
            o.host == *name
                && o.service.is_none_or(|s| [port(s), implicit_port(s)].contains(&Some(at.port())))
                && o.from <= elapsed
                && o.until.is_none_or(|until| elapsed < until)
                && self.late.begins(o.after)
        };
        if let Some(outage) = self.outages.iter().find(concerns) {
            return outage.health;
        }
        let switched = self.late.switched().unwrap_or_default();
        let mut now = switched.faults.iter().filter_map(|live| Outage::of(&live.fault, 0));
        now.find(|outage| concerns(&outage)).map_or(Health::Up, |outage| outage.health)
    }
}

impl Outage {
    fn of(fault: &Fault, after: u64) -> Option<Self> {
        let Fault::Down { host, service, how, from_s, until_s } = fault else { return None };
        const SERVICES: [RoleKind; 5] =
            [RoleKind::Submission, RoleKind::Mta, RoleKind::Dns, RoleKind::Pop3, RoleKind::Imap];
        Some(Outage {
            after,
            host: host.clone(),
            service: SERVICES.into_iter().find(|r| r.name() == service),
            health: if how == "silent" { Health::Silent } else { Health::Refused },
            from: Duration::from_secs(*from_s),
            until: (*until_s > 0).then(|| Duration::from_secs(*until_s)),
        })
    }
}

fn pair(a: &str, b: &str) -> (String, String) {
    if a <= b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
}
