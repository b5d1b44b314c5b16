//! [`Scene`]: what holds on the road at one row of the story: who speaks, who holds what, where the envelope is.
//!
//! Folded from nothing but the State after that row and the row itself, so any row can be drawn by itself.

use super::{Road, StationKind};
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::explain::Item;
use crate::state::{Connection, State};
use crate::trace::{CloseHow, Conn, Direction, Fact, Opened, Transport};
use crate::view::Cast;
use crate::view::page::prose;
use std::collections::{BTreeMap, BTreeSet};

/// What a moment looks like on a [`Road`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// For each station what it holds, in reading order.
    pub holds: Vec<Vec<Holding>>,
    /// The connection of this row.
    pub active: Option<Active>,
    /// Stations that this row is about.
    pub lit: BTreeSet<usize>,
    /// Stations of which a service does not answer.
    pub down: BTreeSet<usize>,
    /// Envelopes between two stations.
    pub flights: Vec<Flight>,
}

/// How much a text about a station matters, where there is not room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something does not answer.
    Bad,
    /// It is about this row.
    Now,
    /// Mail is here.
    Mail,
    /// Good to know.
    More,
    /// There is nothing here.
    Nothing,
}

/// One thing that a station holds, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// How much it matters.
    pub weight: Weight,
    /// As in `queue 1`.
    pub text: String,
}

/// The connection of this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// Who called: a station.
    pub client: usize,
    /// Who was called: a station.
    pub server: usize,
    /// On which port.
    pub port: u16,
    /// Who speaks.
    pub from: Direction,
    /// Whether it failed here: refused, broken off, or no answer.
    pub lost: bool,
}

/// An envelope on its way from one station to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// From where.
    pub from: usize,
    /// To where.
    pub to: usize,
    /// How far it has come, in thousandths of the way.
    pub along: u16,
}

/// The whole way.
const WHOLE: u16 = 1000;

impl Scene {
    /// What holds at `item`, where `state` is the State after it.
    pub fn of(road: &Road, cast: &Cast, state: &State, item: Option<&Item>) -> Self {
        let mut scene = Scene { holds: vec![Vec::new(); road.stations().len()], ..Scene::default() };
        match item {
            Some(Item::Step(step, _)) => scene.step(road, cast, step),
            Some(Item::Fact { host, .. }) => scene.lit.extend(road.station(host)),
            _ => {}
        }
        for host in state.down.keys() {
            scene.down.extend(road.station(host));
        }
        scene.fly(road, state, item);
        scene.services(road, state);
        scene.people(road, state, item);
        scene.queues(road, state);
        scene.mailboxes(road, state);
        scene.copies(road, state);
        scene.caches(road, state);
        scene.unjoined(road);
        scene
    }

    /// The scene on its way from `before` to this one: each envelope has come `part` percent of what it moves.
    #[must_use]
    pub fn moving(&self, before: &Scene, part: u8) -> Self {
        let mut now = self.clone();
        for flight in &mut now.flights {
            let same = |f: &&Flight| (f.from, f.to) == (flight.from, flight.to);
            let start = before.flights.iter().find(same).map_or(0, |f| f.along.min(flight.along));
            let way = u32::from(flight.along - start) * u32::from(part.min(100)) / 100;
            flight.along = start + u16::try_from(way).unwrap_or(0);
        }
        now
    }

    /// Whether an envelope moves from `before` to this scene: worth an animation.
    pub fn moves(&self, before: &Scene) -> bool {
        self.flights != before.flights && !self.flights.is_empty()
    }

    fn hold(&mut self, station: Option<usize>, weight: Weight, text: String) {
        if let Some(holds) = station.and_then(|at| self.holds.get_mut(at)) {
            holds.push(Holding { weight, text });
        }
    }

    fn step(&mut self, road: &Road, cast: &Cast, step: &Step) {
        let Some((client, server)) = opened(cast, step.conn).and_then(|open| road.ends(&open)) else {
            return;
        };
        let port = cast.call(step.conn).map_or(0, |call| call.port);
        let lost =
            matches!(step.meaning, Meaning::Close(CloseHow::Refused | CloseHow::Reset | CloseHow::Timeout));
        self.active = Some(Active { client, server, port, from: step.from, lost });
        self.lit.extend([client, server]);
    }

    fn fly(&mut self, road: &Road, state: &State, item: Option<&Item>) {
        let step = match item {
            Some(Item::Step(step, _)) => Some(&**step),
            _ => None,
        };
        for (conn, connection) in &state.connections {
            let Some((client, server)) = road.ends(&connection.open) else { continue };
            let here = step.filter(|step| step.conn == *conn);
            let taken = match item {
                Some(Item::Fact { fact: Fact::Queued { .. } | Fact::Delivered { .. }, host, .. }) => {
                    road.station(host) == Some(server)
                }
                _ => false,
            };
            if let Some(along) = sent(state, connection, here, taken) {
                self.flights.push(Flight { from: client, to: server, along });
            } else if here.is_some_and(fetches) {
                self.flights.push(Flight { from: server, to: client, along: WHOLE * 2 / 3 });
            }
        }
        self.flights.retain(|flight| flight.from != flight.to);
    }

    fn services(&mut self, road: &Road, state: &State) {
        for (host, services) in &state.down {
            let all: Vec<String> = services.iter().map(|s| prose(s)).collect();
            let text = if services.contains("all") { "down".to_owned() } else { all.join(", ") + " down" };
            self.hold(road.station(host), Weight::Bad, text);
        }
    }

    fn people(&mut self, road: &Road, state: &State, item: Option<&Item>) {
        for intent in &state.intents {
            let at = road.station(&intent.host);
            let begins = matches!(item, Some(Item::Fact { fact: Fact::IntentBegins { .. }, host, .. })
                if *host == intent.host);
            let letter = if begins && intent.intent == "send" { "✉ " } else { "" };
            self.hold(at, Weight::Now, format!("{letter}☞ {}", prose(&intent.who)));
        }
    }

    fn queues(&mut self, road: &Road, state: &State) {
        for (at, station) in road.stations().iter().enumerate() {
            let waits = |host: &&String| road.station(host) == Some(at);
            let count: usize = state.queues.keys().filter(waits).map(|host| state.queues[host].len()).sum();
            if count > 0 {
                self.hold(Some(at), Weight::Mail, format!("✉ queue {count}"));
            } else if station.kind == StationKind::Server {
                self.hold(Some(at), Weight::Nothing, "queue 0".to_owned());
            }
        }
    }

    fn mailboxes(&mut self, road: &Road, state: &State) {
        let mut called: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let accounts: Vec<(usize, &String, &str)> = state
            .mailboxes
            .keys()
            .filter_map(|account| {
                let at = road.station(state.homes.get(account)?)?;
                Some((at, account, account.split('@').next().unwrap_or(account)))
            })
            .collect();
        for (at, _, local) in &accounts {
            *called.entry((*at, local)).or_default() += 1;
        }
        for (at, account, local) in accounts {
            let mailboxes = state.mailboxes.get(account).into_iter().flatten();
            let count: usize = mailboxes.map(|(_, mailbox)| mailbox.messages.len()).sum();
            let name = prose(if called.get(&(at, local)) == Some(&1) { local } else { account });
            let lock = if state.locks.contains_key(account) { " locked" } else { "" };
            let (weight, letter) = match (count, lock) {
                (0, "") => (Weight::Nothing, ""),
                (0, _) => (Weight::More, ""),
                _ => (Weight::Mail, "✉ "),
            };
            self.hold(Some(at), weight, format!("{letter}{name} {count}{lock}"));
        }
    }

    fn copies(&mut self, road: &Road, state: &State) {
        for (at, station) in road.stations().iter().enumerate() {
            let here = state.clients.iter().filter(|(host, _)| road.station(host) == Some(at));
            let count: usize =
                here.flat_map(|(_, accounts)| accounts.values()).map(|copies| copies.len()).sum();
            match (count, station.kind) {
                (0, StationKind::Device) => self.hold(Some(at), Weight::Nothing, "no mail".to_owned()),
                (0, _) => {}
                (1, _) => self.hold(Some(at), Weight::Mail, "✉ 1 copy".to_owned()),
                (n, _) => self.hold(Some(at), Weight::Mail, format!("✉ {n} copies")),
            }
        }
    }

    fn caches(&mut self, road: &Road, state: &State) {
        for (host, cache) in state.caches.iter().filter(|(_, cache)| !cache.is_empty()) {
            self.hold(road.station(host), Weight::More, format!("cache {}", cache.len()));
        }
    }

    /// Who speaks where the road has no line for it says so in words.
    fn unjoined(&mut self, road: &Road) {
        let Some(Active { client, server, port, .. }) = self.active else { return };
        let hangs = road.hanging.iter().any(|(dns, above)| *dns == server && *above == client);
        let Some(name) = road.stations().get(server).map(|s| s.name.clone()) else { return };
        if client == server {
            self.hold(Some(client), Weight::Now, format!("talks to itself: {port}"));
        } else if port == 53 && !hangs {
            self.hold(Some(client), Weight::Now, format!("asks {name}"));
        }
    }
}

/// How far the envelope of an SMTP transaction has come; none where there is none under way.
fn sent(state: &State, connection: &Connection, here: Option<&Step>, taken: bool) -> Option<u16> {
    let step = |kind: Kind| here.is_some_and(|step| step.kind == kind);
    if taken || here.is_some_and(Step::takes_letter) {
        return Some(WHOLE);
    }
    if here.is_some_and(|step| step.verb == "QUIT") {
        return None;
    }
    let part = match (&connection.envelope, connection.phase) {
        (Some(_), _) if step(Kind::Data) => 850,
        (Some(_), "data" | "chunks") => 650,
        (Some(_), "recipients") => 500,
        (Some(_), _) => 350,
        // Nothing is said of it yet, and the envelope waits where the line begins.
        (None, _) if waits(state, connection) && here.is_some_and(is_before_mail) => 0,
        (None, _) => return None,
    };
    Some(part)
}

/// Whether this is a Step before the first MAIL of a session.
fn is_before_mail(step: &Step) -> bool {
    matches!(step.kind, Kind::Open | Kind::Greeting)
        || matches!(step.verb.as_str(), "EHLO" | "HELO" | "STARTTLS" | "AUTH" | "CONNECT")
        // Before the first answer (RFC 2920: several commands may be sent at once) nothing is begun yet.
        || (step.kind == Kind::Command && matches!(step.verb.as_str(), "MAIL" | "RCPT" | "DATA"))
}

/// Whether a caller on this connection has come to hand mail on.
fn waits(state: &State, connection: &Connection) -> bool {
    let port = connection.open.server.port();
    let is_mail = connection.open.transport == Transport::Tcp && matches!(port, 25 | 465 | 587 | 2525);
    is_mail || (connection.protocol == Protocol::Smtp && !state.queues.is_empty())
}

/// Whether a message travels to a client in this Step.
fn fetches(step: &Step) -> bool {
    // The name of what is sent stands in front of it.
    let start = &step.bytes[..step.bytes.len().min(400)];
    let has = |name: &str| start.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    match step.protocol {
        Protocol::Pop3 => {
            step.kind == Kind::Reply && step.verb == "RETR" && step.verdict == Some(Verdict::Positive)
        }
        Protocol::Imap => {
            step.kind == Kind::Untagged && step.verb.contains("FETCH") && (has("BODY[]") || has("BODY[1]"))
        }
        _ => false,
    }
}

/// The two ends of a connection, from what the cast says.
fn opened(cast: &Cast, conn: Conn) -> Option<Opened> {
    let call = cast.call(conn)?;
    Some(Opened {
        conn,
        transport: Transport::Tcp,
        client: call.client_address.parse().ok()?,
        server: call.server_address.parse().ok()?,
    })
}
