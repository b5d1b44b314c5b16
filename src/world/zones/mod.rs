//! What the DNS hosts know: the scenario's zones, with its faults applied (RFC 1034 §3.6, §4.3).
//!
//! Names compare without regard to case and keep the case they were written with (RFC 1035 §2.3.3). Every zone is
//! served whole: there are no delegations, since the one server knows everything.

pub mod record;

use super::late::Late;
use super::scenario::{self, Fault, RoleKind, Scenario, Tls};
use hickory_resolver::proto::rr::rdata::{NS, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds that the made-up root lets a resolver believe that a name does not exist.
const ROOT_NEGATIVE_TTL: u32 = 900;

/// How the DNS fails for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It answers SERVFAIL.
    ServFail,
    /// It does not answer.
    Silent,
}

/// A fault that holds for a name and everything below it, for a time.
#[derive(Clone, Debug)]
struct Outage {
    name: Name,
    failure: Failure,
    from_s: u64,
    /// 0: never ends.
    until_s: u64,
}

/// One zone: its records by owner.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name.
    pub origin: Name,
    records: BTreeMap<Name, Vec<Record>>,
}

/// All zones, and how they fail.
#[derive(Clone, Debug)]
pub struct Zones {
    zones: BTreeMap<Name, Zone>,
    outages: Vec<Outage>,
    root_soa: Record,
}

impl From<&Scenario> for Zones {
    /// A scenario that loaded has only good records; what cannot be read would be left out.
    fn from(scenario: &Scenario) -> Self {
        let server = scenario.hosts.iter().find(|host| host.roles.contains(&RoleKind::Dns));
        let server = server.and_then(|host| absolute(&host.name)).unwrap_or_else(Name::root);
        let root_soa = Record::from_rdata(Name::root(), ROOT_NEGATIVE_TTL, soa(&server, &Name::root()));
        let mut zones = Zones { zones: BTreeMap::new(), outages: Vec::new(), root_soa };
        for written in &scenario.zones {
            let Some(origin) = absolute(&written.origin) else { continue };
            let mut zone = Zone { origin: origin.clone(), records: BTreeMap::new() };
            for record in
                written.records.iter().filter_map(|line| record::parse(line, &origin, written.ttl).ok())
            {
                zone.add(record);
            }
            for (line, ttl) in implicit_services(scenario, written) {
                record::parse(&line, &origin, ttl).into_iter().for_each(|record| zone.add(record));
            }
            zone.complete(&server, written.ttl);
            zones.zones.insert(origin, zone);
        }
        for record in crate::world::sender::records(scenario) {
            let origin = zones.zone_of(&record.name).map(|zone| zone.origin.clone());
            if let Some(zone) = origin.and_then(|origin| zones.zones.get_mut(&origin)) {
                zone.add(record);
            }
        }
        for fault in &scenario.faults {
            zones.break_by(fault, scenario);
        }
        zones
    }
}

/// Where servers take TLS from the first byte on, the DNS says so (RFC 6186 §3.2, RFC 8314 §5.1): beside each SRV record of a
/// service in clear one of the same service inside TLS, where the zone has none of its own.
fn implicit_services(scenario: &Scenario, zone: &scenario::Zone) -> Vec<(String, u32)> {
    const SERVICES: [(&str, &str, &str); 3] = [
        ("_submission._tcp", "587", "_submissions._tcp SRV 0 1 465"),
        ("_imap._tcp", "143", "_imaps._tcp SRV 0 1 993"),
        ("_pop3._tcp", "110", "_pop3s._tcp SRV 0 1 995"),
    ];
    let is_of = |line: &str, service: &str| line.split_whitespace().next() == Some(service);
    let has = |service: &str| zone.records.iter().any(|line| is_of(line, service));
    let secure = |target: &str| {
        let name = target.trim_end_matches('.');
        let host = scenario.hosts.iter().find(|host| host.name.eq_ignore_ascii_case(name));
        host.is_some_and(|host| host.tls.unwrap_or(scenario.tls) == Tls::Implicit)
    };
    let mut out = Vec::new();
    for (service, port, inside) in SERVICES {
        let own = inside.split(' ').next().unwrap_or_default();
        let lines = zone.records.iter().filter(|line| is_of(line, service) && !has(own));
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [.., at, target] = words.as_slice()
                && *at == port
                && secure(target)
            {
                out.push((format!("{inside} {target}"), zone.ttl));
            }
        }
    }
    out
}

/// Which set of faults zones were made under, and the zones.
type Made = (u64, Arc<Zones>);

/// The zones as they are at first, and as they are after each fault that begins later.
pub struct Eras {
    /// By how many records are written before each begins; the first begins at once.
    eras: Vec<(u64, Arc<Zones>)>,
    late: Late,
    /// Where faults can be switched: what they are applied to, and the zones as the last ones made them.
    switched: Option<(Scenario, Mutex<Made>)>,
}

impl Eras {
    /// The zones of `scenario`, as `late` changes them.
    pub fn of(scenario: &Scenario, late: &Late) -> Self {
        let mut zones = Zones::from(scenario);
        let first = Arc::new(zones.clone());
        let mut eras = vec![(0, first.clone())];
        let mut faults: Vec<&(u64, Fault)> =
            late.all().iter().filter(|(_, fault)| is_of_zones(fault)).collect();
        faults.sort_by_key(|(after, _)| *after);
        for (after, fault) in faults {
            zones.break_by(fault, scenario);
            eras.push((*after, Arc::new(zones.clone())));
        }
        let switched = late.is_on_demand().then(|| (scenario.clone(), Mutex::new((0, first))));
        Eras { eras, late: late.clone(), switched }
    }

    /// As they are now.
    pub fn now(&self) -> Option<Arc<Zones>> {
        let (_, zones) = self.eras.iter().rev().find(|(after, _)| self.late.begins(*after))?;
        let (Some((scenario, made)), Some(set)) = (&self.switched, self.late.switched()) else {
            return Some(zones.clone());
        };
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != set.generation {
            let mut broken = Zones::clone(zones);
            set.faults.iter().for_each(|live| broken.break_by(&live.fault, scenario));
            *made = (set.generation, Arc::new(broken));
        }
        Some(made.1.clone())
    }
}

/// Whether a fault changes what the DNS says.
pub fn is_of_zones(fault: &Fault) -> bool {
    matches!(fault, Fault::RemoveRecords { .. } | Fault::AddRecord { .. } | Fault::Dns { .. })
}

impl Zones {
    fn break_by(&mut self, fault: &Fault, scenario: &Scenario) {
        match fault {
            Fault::RemoveRecords { name, rtype } => {
                let Some(name) = absolute(name) else { return };
                if rtype.is_empty() {
                    self.zones.retain(|origin, _| !name.zone_of(origin));
                }
                for zone in self.zones.values_mut() {
                    zone.remove(&name, rtype);
                }
            }
            Fault::AddRecord { zone, record: line } => {
                let Some(origin) = absolute(zone) else { return };
                let written = scenario.zones.iter().find(|z| absolute(&z.origin).as_ref() == Some(&origin));
                let ttl = written.map_or(3600, |zone| zone.ttl);
                if let (Some(zone), Ok(record)) =
                    (self.zones.get_mut(&origin), record::parse(line, &origin, ttl))
                {
                    zone.add(record);
                }
            }
            Fault::Dns { name, how, from_s, until_s } => {
                let Some(name) = absolute(name) else { return };
                let failure = if how == "silent" { Failure::Silent } else { Failure::ServFail };
                self.outages.push(Outage { name, failure, from_s: *from_s, until_s: *until_s });
            }
            _ => {}
        }
    }

    /// The zone that a name is in: the longest one.
    pub fn zone_of(&self, name: &Name) -> Option<&Zone> {
        self.zones
            .values()
            .filter(|zone| zone.origin.zone_of(name))
            .max_by_key(|zone| zone.origin.num_labels())
    }

    /// How the DNS fails for this name, `at_s` seconds after the story's start.
    pub fn failure(&self, name: &Name, at_s: u64) -> Option<Failure> {
        let holds = |outage: &&Outage| {
            outage.name.zone_of(name)
                && at_s >= outage.from_s
                && (outage.until_s == 0 || at_s < outage.until_s)
        };
        self.outages.iter().find(holds).map(|outage| outage.failure)
    }

    /// The SOA of the made-up root zone, which denies every name that no zone has.
    pub fn root_soa(&self) -> &Record {
        &self.root_soa
    }
}

impl Zone {
    fn add(&mut self, record: Record) {
        let at_name = self.records.entry(record.name.clone()).or_default();
        if !at_name.contains(&record) {
            at_name.push(record);
        }
    }

    fn remove(&mut self, name: &Name, rtype: &str) {
        if rtype.is_empty() {
            self.records.retain(|owner, _| !name.zone_of(owner));
        } else if let Some(at_name) = self.records.get_mut(name) {
            at_name.retain(|record| !record.record_type().to_string().eq_ignore_ascii_case(rtype));
            // A name without records is no name (unless others are below it).
            if at_name.is_empty() {
                self.records.remove(name);
            }
        }
    }

    /// A zone has an SOA and an NS (RFC 1034 §4.2.1): where the scenario has none, they are made up.
    fn complete(&mut self, server: &Name, ttl: u32) {
        if self.soa().is_none() {
            self.add(Record::from_rdata(self.origin.clone(), ttl, soa(server, &self.origin)));
        }
        if self.get(&self.origin, RecordType::NS).next().is_none() {
            self.add(Record::from_rdata(self.origin.clone(), ttl, RData::NS(NS(server.clone()))));
        }
    }

    /// The records of a name and type; of every type for `ANY`.
    pub fn get(&self, name: &Name, rtype: RecordType) -> impl Iterator<Item = &Record> {
        let at_name = self.records.get(name).into_iter().flatten();
        at_name.filter(move |record| rtype == RecordType::ANY || record.record_type() == rtype)
    }

    /// Whether a name exists: it has records, or one below it has ("empty non-terminal", RFC 4592 §2.2.2).
    pub fn exists(&self, name: &Name) -> bool {
        self.records.contains_key(name) || self.records.keys().any(|owner| name.zone_of(owner))
    }

    /// The wildcard that answers for a name which does not exist: `*` below its closest existing ancestor
    /// (RFC 4592 §3.3.1).
    pub fn wildcard(&self, name: &Name) -> Option<Name> {
        let mut encloser = name.base_name();
        while self.origin.zone_of(&encloser) {
            if self.exists(&encloser) {
                let wildcard = encloser.prepend_label("*").ok()?;
                return self.records.contains_key(&wildcard).then_some(wildcard);
            }
            encloser = encloser.base_name();
        }
        None
    }

    /// The SOA that goes with a negative answer: its TTL says how long to believe it, "the minimum of the MINIMUM
    /// field of the SOA record and the TTL of the SOA itself" (RFC 2308 §3).
    pub fn negative_soa(&self) -> Option<Record> {
        let mut record = self.soa()?.clone();
        if let RData::SOA(soa) = &record.data {
            record.ttl = record.ttl.min(soa.minimum);
        }
        Some(record)
    }

    fn soa(&self) -> Option<&Record> {
        self.get(&self.origin, RecordType::SOA).next()
    }
}

/// A name as an absolute one, its case kept; the empty one is the root.
fn absolute(name: &str) -> Option<Name> {
    let mut name = if name.is_empty() { Name::root() } else { Name::from_ascii(name).ok()? };
    name.set_fqdn(true);
    Some(name)
}

fn soa(server: &Name, origin: &Name) -> RData {
    let responsible = origin.prepend_label("hostmaster").unwrap_or_else(|_| origin.clone());
    RData::SOA(SOA::new(server.clone(), responsible, 1, 7200, 3600, 1_209_600, ROOT_NEGATIVE_TTL))
}
