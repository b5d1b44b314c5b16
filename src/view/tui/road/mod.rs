//! [`Road`]: the hosts as stations in the order that a letter passes them, and the links that join them.
//!
//! Where it stands on the road: it *is* the road, drawn above everything else. It knows who is there and who calls whom,
//! from a transcript's head and its opens: no place on a screen, no time. [`Scene`] adds what holds at a moment (who
//! holds what, who speaks, where the envelope is), [`Layout`] finds a place for each on so many cells, and draws.
//!
//! # Columns
//! Who hands mail on stands left of who takes it; who reads stands right of the mailbox. The first connection between
//! two hosts decides, so the road keeps its shape when mail comes back. Name servers stand in no column: they hang
//! below who asked them first.

mod draw;
mod layout;
mod lines;
mod places;
mod scene;

pub use layout::Layout;
pub use scene::{Flight, Holding, Scene, Weight};

use crate::explain::names;
use crate::trace::{Head, HostInfo, Opened};
use crate::view::page::prose;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Stations at most: what an import knows may be a city. What comes later is counted.
const MOST: usize = 64;
/// Ports of a link that are remembered.
const MOST_DOORS: usize = 8;

/// Who is there, and who calls whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Road {
    stations: Vec<Station>,
    links: Vec<Link>,
    /// Columns from left to right, each from top to bottom: indices of stations.
    columns: Vec<Vec<usize>>,
    /// Name servers: which, and below whom each hangs.
    hanging: Vec<(usize, usize)>,
    /// Pairs of stations that nobody joined yet, and that belong together by their names.
    expected: Vec<(usize, usize)>,
    addresses: BTreeMap<IpAddr, usize>,
    /// By the name in the head, as it stands there.
    by_name: BTreeMap<String, usize>,
    /// Stations' indices by pair, lower first → link.
    pairs: BTreeMap<(usize, usize), usize>,
    seen: BTreeSet<(usize, usize, u16)>,
    /// Addresses for which there was no room.
    left_out: BTreeSet<IpAddr>,
}

/// A host on the road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// What it is called, escaped.
    pub name: String,
    /// What it is.
    pub kind: StationKind,
    /// The domain it is in, escaped: its name without the first label; empty where there is none.
    pub domain: String,
}

/// What a host is, as far as the road minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationKind {
    /// A person's phone or laptop.
    Device,
    /// Takes, keeps or carries mail.
    Server,
    /// Answers questions about names, and nothing else.
    Dns,
    /// Nobody said.
    Unknown,
}

/// What joins two stations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The station that called first, and the one that was called.
    pub ends: (usize, usize),
    /// Who listens, and on which port: in the order they were first called. Empty: nobody called yet.
    pub doors: Vec<(usize, u16)>,
}

impl Link {
    /// The other end.
    pub fn other(&self, station: usize) -> usize {
        if self.ends.0 == station { self.ends.1 } else { self.ends.0 }
    }
}

impl Road {
    /// The road of a transcript with this head, before anybody called.
    pub fn new(head: &Head) -> Self {
        let mut road = Road::default();
        for host in &head.hosts {
            let Some(at) = road.station_for(host, &head.hosts) else { continue };
            road.by_name.insert(host.name.clone(), at);
            for address in &host.addresses {
                road.addresses.insert(*address, at);
            }
        }
        road.arrange();
        road
    }

    /// The same with everybody who calls whom in it.
    pub fn of<'o>(head: &Head, opens: impl IntoIterator<Item = &'o Opened>) -> Self {
        let mut road = Road::new(head);
        let mut news = false;
        for open in opens {
            news |= road.note(open);
        }
        if news {
            road.arrange();
        }
        road
    }

    /// Take one more connection. Whether the road has changed, so that a layout is to be made anew.
    pub fn learn(&mut self, open: &Opened) -> bool {
        let news = self.note(open);
        if news {
            self.arrange();
        }
        news
    }

    fn note(&mut self, open: &Opened) -> bool {
        let (Some(client), Some(server)) = (self.at(open.client.ip()), self.at(open.server.ip())) else {
            return false;
        };
        let port = open.server.port();
        if !self.seen.insert((client, server, port)) {
            return false;
        }
        let pair = (client.min(server), client.max(server));
        let next = self.links.len();
        let link = *self.pairs.entry(pair).or_insert(next);
        if link == next {
            self.links.push(Link { ends: (client, server), doors: Vec::new() });
        }
        if self.stations[server].kind == StationKind::Unknown {
            self.stations[server].kind = if port == 53 { StationKind::Dns } else { StationKind::Server };
        }
        let doors = &mut self.links[link].doors;
        if doors.len() < MOST_DOORS && !doors.contains(&(server, port)) {
            doors.push((server, port));
        }
        true
    }

    /// The station that has this address, made where it is new and there is room.
    fn at(&mut self, address: IpAddr) -> Option<usize> {
        if let Some(at) = self.addresses.get(&address) {
            return Some(*at);
        }
        if self.stations.len() >= MOST {
            if self.left_out.len() < MOST * MOST {
                self.left_out.insert(address);
            }
            return None;
        }
        let at = self.stations.len();
        let name = address.to_string();
        self.stations.push(Station { name, kind: StationKind::Unknown, domain: String::new() });
        self.addresses.insert(address, at);
        Some(at)
    }

    fn station_for(&mut self, host: &HostInfo, hosts: &[HostInfo]) -> Option<usize> {
        if self.stations.len() >= MOST {
            self.left_out.extend(&host.addresses);
            return None;
        }
        let is = |role: &str| host.roles.iter().any(|r| r == role);
        let all = |role: &str| !host.roles.is_empty() && host.roles.iter().all(|r| r == role);
        let kind = match () {
            () if all("mua") => StationKind::Device,
            () if all("dns") => StationKind::Dns,
            () if ["submission", "mta", "pop3", "imap", "dns"].into_iter().any(is) => StationKind::Server,
            () => StationKind::Unknown,
        };
        let is_address = host.name.parse::<IpAddr>().is_ok();
        let domain = host.name.split_once('.').filter(|_| !is_address).map_or("", |(_, domain)| domain);
        let name = prose(names::known_as(host, hosts));
        self.stations.push(Station { name, kind, domain: prose(domain) });
        Some(self.stations.len() - 1)
    }

    /// Columns and what hangs, from who calls whom.
    fn arrange(&mut self) {
        (self.columns, self.hanging) = places::arrange(&self.stations, &self.links);
        self.expected = places::expected(&self.stations, &self.links);
    }

    /// The stations.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// What joins them.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// How many hosts are known and not on the road.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// The station of this name, as it stands in the head and in facts.
    pub fn station(&self, host: &str) -> Option<usize> {
        self.by_name.get(host).copied()
    }

    /// The two stations of a connection, client first, where both are on the road.
    pub fn ends(&self, open: &Opened) -> Option<(usize, usize)> {
        Some((*self.addresses.get(&open.client.ip())?, *self.addresses.get(&open.server.ip())?))
    }

    /// The link between two stations.
    pub fn link(&self, a: usize, b: usize) -> Option<usize> {
        self.pairs.get(&(a.min(b), a.max(b))).copied()
    }
}

#[cfg(test)]
mod tests;
