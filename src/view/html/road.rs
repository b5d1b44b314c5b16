//! [`Road`]: the hosts and what joins them, laid out from left to right as a letter travels.
//!
//! Places are counted in a grid first and in units of an SVG last: who hands mail on stands left of who takes it,
//! who reads stands right of the mailbox, and the DNS stands below.

use super::super::Cast;
use crate::trace::{Conn, Head, Record};
use serde::Serialize;
use std::collections::BTreeMap;

/// More hosts than this are not drawn; they are counted.
const MOST: usize = 14;
/// A stop's box, and the room between columns and rows.
const BOX: (i32, i32) = (196, 48);
const STEP: (i32, i32) = (330, 66);
/// Characters of a name that fit into a box.
const NAME: usize = 20;

/// The picture of the road.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Road {
    pub stops: Vec<Stop>,
    pub legs: Vec<Leg>,
    pub width: i32,
    pub height: i32,
    /// How many hosts are not drawn.
    pub more: usize,
    /// Connection → leg.
    #[serde(skip)]
    travelled: BTreeMap<Conn, usize>,
    /// A host's full name → how it is called.
    #[serde(skip)]
    names: BTreeMap<String, String>,
}

/// A host.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    /// How it is called.
    pub name: String,
    /// The same, cut to fit.
    pub short: String,
    /// What it is, in words.
    pub what: String,
    pub x: i32,
    pub y: i32,
    #[serde(skip)]
    is_dns: bool,
    #[serde(skip)]
    column: Option<i32>,
}

/// What joins two hosts.
#[derive(Clone, Debug, Serialize)]
pub struct Leg {
    /// The caller, and who is called: indices of stops.
    pub client: usize,
    pub server: usize,
    pub port: u16,
    /// In words.
    pub what: String,
    pub x1: i32,
    pub y1: i32,
    pub x2: i32,
    pub y2: i32,
    /// Where its label stands.
    pub lx: i32,
    pub ly: i32,
    pub is_dns: bool,
}

/// In which direction mail travels on a port, seen from the caller.
fn carries(port: u16) -> Option<bool> {
    match port {
        25 | 465 | 587 | 2525 => Some(true),
        110 | 143 | 993 | 995 => Some(false),
        _ => None,
    }
}

impl Road {
    /// The road of a transcript.
    pub fn of(records: &[Record], head: &Head, cast: &Cast) -> Self {
        let mut road = Road::default();
        for host in &head.hosts {
            let Some(address) = host.addresses.first() else { continue };
            road.names.insert(host.name.clone(), cast.host(*address));
        }
        let mut legs: BTreeMap<(usize, usize, u16), usize> = BTreeMap::new();
        for record in records {
            let Record::Open { open, .. } = record else { continue };
            let (client, server) = (cast.host(open.client.ip()), cast.host(open.server.ip()));
            let port = open.server.port();
            let (Some(client), Some(server)) = (road.take(&client, head), road.take(&server, head)) else {
                continue;
            };
            let next = road.legs.len();
            let leg = *legs.entry((client, server, port)).or_insert(next);
            if leg == next {
                road.legs.push(Leg::new(client, server, port, cast, open.conn));
                road.stops[server].is_dns |= port == 53;
            }
            road.travelled.insert(open.conn, leg);
        }
        let names: Vec<String> =
            head.hosts.iter().filter_map(|host| road.names.get(&host.name).cloned()).collect();
        for name in names {
            road.take(&name, head);
        }
        road.columns();
        road.place();
        road
    }

    /// Which leg a connection travels on.
    pub fn leg(&self, conn: Conn) -> Option<usize> {
        self.travelled.get(&conn).copied()
    }

    /// How a host is called, by its full name.
    pub fn name(&self, host: &str) -> String {
        self.names.get(host).cloned().unwrap_or_else(|| super::super::page::prose(host))
    }

    /// The stop of a host, by its full name.
    pub fn stop(&self, host: &str) -> Option<usize> {
        let name = self.name(host);
        self.stops.iter().position(|stop| stop.name == name)
    }

    /// The stop of that name, made where it is new and there is room.
    fn take(&mut self, name: &str, head: &Head) -> Option<usize> {
        if let Some(at) = self.stops.iter().position(|stop| stop.name == name) {
            return Some(at);
        }
        if self.stops.len() == MOST {
            self.more += 1;
            return None;
        }
        let known = head.hosts.iter().find(|host| self.names.get(&host.name).is_some_and(|n| n == name));
        let roles = known.map(|host| host.roles.as_slice()).unwrap_or_default();
        let mut short: String = name.chars().take(NAME).collect();
        if short.len() < name.len() {
            short.pop();
            short.push('…');
        }
        self.stops.push(Stop {
            name: name.to_owned(),
            short,
            what: words(roles),
            x: 0,
            y: 0,
            is_dns: roles.iter().any(|role| role == "dns") && roles.len() == 1,
            column: None,
        });
        Some(self.stops.len() - 1)
    }

    /// Each stop's column, from the legs in the order they were first travelled.
    fn columns(&mut self) {
        for leg in &self.legs {
            let Some(carries) = carries(leg.port) else { continue };
            let (left, right) = if carries { (leg.client, leg.server) } else { (leg.server, leg.client) };
            match (self.stops[left].column, self.stops[right].column) {
                (None, None) => (self.stops[left].column, self.stops[right].column) = (Some(0), Some(1)),
                (Some(at), None) => self.stops[right].column = Some(at + 1),
                (None, Some(at)) => self.stops[left].column = Some(at - 1),
                (Some(_), Some(_)) => {}
            }
        }
        let used = || self.stops.iter().filter_map(|stop| stop.column);
        let (first, last) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
        // Who was never called stands where others of its kind do.
        let like = |what: &str| self.stops.iter().rev().find(|s| s.what == what).and_then(|s| s.column);
        let servers =
            self.stops.iter().filter(|s| s.what.contains("mail server")).filter_map(|s| s.column).max();
        let guessed: Vec<i32> = self
            .stops
            .iter()
            .map(|stop| match stop.column {
                Some(column) => column,
                None if stop.what == "mail client" => last.max(servers.unwrap_or(first) + 1),
                None => like(&stop.what).or(servers).unwrap_or(first),
            })
            .collect();
        let first = guessed.iter().min().copied().unwrap_or(0);
        for (stop, column) in self.stops.iter_mut().zip(guessed) {
            stop.column = Some(column - first);
        }
    }

    /// From columns to units.
    fn place(&mut self) {
        let columns = self.stops.iter().filter(|s| !s.is_dns).filter_map(|s| s.column).max().unwrap_or(0) + 1;
        let in_column = |at: i32| self.stops.iter().filter(|s| !s.is_dns && s.column == Some(at)).count();
        let tallest = i32::try_from((0..columns).map(in_column).max().unwrap_or(1).max(1)).unwrap_or(1);
        let counts: Vec<i32> = (0..columns).map(|at| i32::try_from(in_column(at)).unwrap_or(1)).collect();
        let dns = i32::try_from(self.stops.iter().filter(|s| s.is_dns).count()).unwrap_or(0);
        let wide = columns.max(dns);
        self.width = (wide - 1) * STEP.0 + BOX.0 + 4;
        let rows = tallest + i32::from(dns > 0);
        self.height = (rows - 1) * STEP.1 + BOX.1 + 4;
        let mut filled = vec![0; counts.len()];
        let mut named = 0;
        for stop in &mut self.stops {
            if stop.is_dns {
                stop.x = 2 + ((2 * named + 1) * (self.width - 4)) / (2 * dns) - BOX.0 / 2;
                stop.y = 2 + tallest * STEP.1;
                named += 1;
                continue;
            }
            let column = stop.column.unwrap_or(0);
            let at = usize::try_from(column).unwrap_or(0).min(counts.len() - 1);
            stop.x = 2 + column * STEP.0;
            stop.y = 2 + (tallest - counts[at]) * STEP.1 / 2 + filled[at] * STEP.1;
            filled[at] += 1;
        }
        let mut pairs: BTreeMap<(usize, usize), i32> = BTreeMap::new();
        for leg in &mut self.legs {
            let nth = pairs.entry((leg.client.min(leg.server), leg.client.max(leg.server))).or_default();
            leg.place(&self.stops[leg.client], &self.stops[leg.server], *nth);
            *nth += 1;
        }
    }
}

impl Leg {
    fn new(client: usize, server: usize, port: u16, cast: &Cast, conn: Conn) -> Self {
        let what =
            cast.call(conn).map(|c| format!("{} calls {}: {}", c.client, c.server, c.service_and_port()));
        Leg {
            client,
            server,
            port,
            what: what.unwrap_or_default(),
            x1: 0,
            y1: 0,
            x2: 0,
            y2: 0,
            lx: 0,
            ly: 0,
            is_dns: port == 53,
        }
    }

    /// From the edge of one box to the edge of the other; the `nth` leg between the same two stands lower.
    fn place(&mut self, client: &Stop, server: &Stop, nth: i32) {
        let (w, h) = BOX;
        let shift = (nth % 3) * 15 - if nth > 0 { 0 } else { 7 * i32::from(nth == 0) };
        let (x1, x2) = match client.x.cmp(&server.x) {
            _ if self.is_dns => (client.x + w / 2, server.x + w / 2),
            std::cmp::Ordering::Less => (client.x + w, server.x),
            std::cmp::Ordering::Greater => (client.x, server.x + w),
            std::cmp::Ordering::Equal => (client.x + w / 2, server.x + w / 2),
        };
        let vertical = self.is_dns || client.x == server.x;
        let (y1, y2) = match (vertical, client.y <= server.y) {
            (true, true) => (client.y + h, server.y),
            (true, false) => (client.y, server.y + h),
            (false, _) => (client.y + h / 2 + shift, server.y + h / 2 + shift),
        };
        (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2);
        (self.lx, self.ly) = ((x1 + x2) / 2, (y1 + y2) / 2);
    }
}

/// What a host is, in words.
fn words(roles: &[String]) -> String {
    let has = |role: &str| roles.iter().any(|r| r == role);
    let mut out = Vec::new();
    if has("mua") {
        out.push("mail client");
    }
    if has("submission") || has("mta") {
        out.push("mail server");
    }
    if has("pop3") || has("imap") {
        out.push("mailboxes");
    }
    if has("dns") {
        out.push("DNS");
    }
    out.join(", ")
}
