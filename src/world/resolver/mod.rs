//! Name resolution for hosts of the world: hickory-resolver over our own network, with a cache in virtual time.
//!
//! A mail server asks three things: where mail for a domain goes ([`Resolver::mx`]), which addresses a host has
//! ([`Resolver::addresses`]), and where a domain's services are ([`Resolver::srv`]). Answers that lead to different
//! deeds are kept apart: no such name, no such data, "we take no mail", and no answer at all.

mod cache;
mod transport;

pub use transport::{Exchange, TIMEOUT, TRIES};

use crate::base::{Instant, random};
use crate::trace::Fact;
use cache::Cache;
use hickory_resolver::config::{
    NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::{DnsError, NetError, runtime::TokioRuntimeProvider};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use transport::Provider;

/// Tells the time: the world's clock.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Records of the type, at least one; aliases are followed already.
    Records(Vec<Record>),
    /// The name exists, and has none of this type (NODATA, RFC 2308 §2.2).
    NoData,
    /// The name does not exist (NXDOMAIN).
    NxDomain,
    /// No usable answer, and why: try again later.
    Failed(String),
}

/// Where mail for a domain goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxLookup {
    /// Preference and host, in the order to try them: the lowest preference first, equals in a drawn order
    /// (RFC 5321 §5.1).
    Records(Vec<(u16, String)>),
    /// The domain takes no mail: a null MX (RFC 7505).
    Null,
    /// The domain exists without MX: try its own addresses ("implicit MX", RFC 5321 §5.1).
    NoMx,
    /// The domain does not exist.
    NxDomain,
    /// Not known now, and why: keep the mail and ask later.
    Failed(String),
}

/// Which addresses a host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressLookup {
    /// In the order to try them: IPv6, then IPv4 (the default policy of RFC 6724 §2.1); each as answered.
    Records(Vec<IpAddr>),
    /// The host exists without addresses.
    None,
    /// The host does not exist.
    NxDomain,
    /// Not known now, and why.
    Failed(String),
}

/// One server of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones are tried first.
    pub priority: u16,
    /// A heavier one is chosen more often among equals.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host.
    pub target: String,
}

/// Where a domain's service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SrvLookup {
    /// In the order to try them.
    Records(Vec<Srv>),
    /// The domain says that it does not offer this: the target is `.` (RFC 2782).
    NotOffered,
    /// The DNS does not say.
    None,
    /// Not known now, and why.
    Failed(String),
}

/// One host's resolver. Clones share the cache.
#[derive(Clone)]
pub struct Resolver<E: Exchange + Unpin> {
    shared: Arc<Shared<E>>,
}

struct Shared<E: Exchange + Unpin> {
    /// `None` where hickory refused to be built, which it does only for settings that we do not use.
    hickory: Option<hickory_resolver::Resolver<Provider<E>>>,
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    cache: Cache,
    /// Decides between equals.
    ties: fastrand::Rng,
    facts: Vec<Fact>,
}

impl<E: Exchange + Unpin> Resolver<E> {
    /// A resolver for `host` that asks `server`; `seed` is the scenario's.
    pub fn new(exchange: E, server: SocketAddr, clock: Clock, seed: u64, host: &str) -> Self {
        let ids = Arc::new(Mutex::new(random::stream(seed, host, "resolver", "query id")));
        let ties = random::stream(seed, host, "resolver", "order of equals");
        let provider = Provider { exchange, server, ids, runtime: TokioRuntimeProvider::default() };
        // One server, one connection: see `transport`.
        let config = ResolverConfig::from_name_servers(vec![NameServerConfig::udp(server.ip())]);
        let mut builder = hickory_resolver::Resolver::builder_with_config(config, provider);
        set_options(builder.options_mut());
        let inner = Mutex::new(Inner { cache: Cache::default(), ties, facts: Vec::new() });
        Resolver { shared: Arc::new(Shared { hickory: builder.build().ok(), clock, inner }) }
    }

    /// What the resolver did that no wire shows, since this was last asked.
    pub fn take_facts(&self) -> Vec<Fact> {
        std::mem::take(&mut self.inner().facts)
    }

    /// Forget everything that was told.
    pub fn forget(&self) {
        self.inner().cache = Cache::default();
    }

    /// Where mail for a domain goes.
    pub async fn mx(&self, domain: &str) -> MxLookup {
        let records = match self.ask(domain, RecordType::MX).await {
            Outcome::Records(records) => records,
            Outcome::NoData => return MxLookup::NoMx,
            Outcome::NxDomain => return MxLookup::NxDomain,
            Outcome::Failed(reason) => return MxLookup::Failed(reason),
        };
        let mut hosts = Vec::new();
        for record in &records {
            // The root is no host: alone it is a null MX, beside others it is against RFC 7505 §3 and left out.
            if let RData::MX(mx) = &record.data
                && !mx.exchange.is_root()
            {
                hosts.push((mx.preference, bare(&mx.exchange)));
            }
        }
        if hosts.is_empty() {
            return MxLookup::Null;
        }
        // Where several have the same preference, "the sender-SMTP MUST randomize them" (RFC 5321 §5.1). Sorted by name first, so that the draw does not hang on the server's order.
        hosts.sort();
        self.inner().ties.shuffle(&mut hosts);
        hosts.sort_by_key(|(preference, _)| *preference);
        MxLookup::Records(hosts)
    }

    /// Which addresses a host has; an address in text is its own answer.
    pub async fn addresses(&self, host: &str) -> AddressLookup {
        if let Ok(address) = host.parse() {
            return AddressLookup::Records(vec![address]);
        }
        let mut found = Vec::new();
        let mut failed = None;
        for rtype in [RecordType::AAAA, RecordType::A] {
            match self.ask(host, rtype).await {
                Outcome::Records(records) => {
                    found.extend(records.iter().filter_map(|record| record.data.ip_addr()))
                }
                Outcome::NoData => {}
                Outcome::NxDomain => return AddressLookup::NxDomain,
                Outcome::Failed(reason) => failed = Some(reason),
            }
        }
        match (found.is_empty(), failed) {
            (false, _) => AddressLookup::Records(found),
            (true, Some(reason)) => AddressLookup::Failed(reason),
            (true, None) => AddressLookup::None,
        }
    }

    /// Where a domain offers a service, as in `srv("_submission._tcp", "example.com")` (RFC 6186).
    pub async fn srv(&self, service: &str, domain: &str) -> SrvLookup {
        let records = match self.ask(&format!("{service}.{domain}"), RecordType::SRV).await {
            Outcome::Records(records) => records,
            Outcome::NoData | Outcome::NxDomain => return SrvLookup::None,
            Outcome::Failed(reason) => return SrvLookup::Failed(reason),
        };
        let mut servers = Vec::new();
        for record in &records {
            if let RData::SRV(srv) = &record.data
                && !srv.target.is_root()
            {
                let (priority, weight, port) = (srv.priority, srv.weight, srv.port);
                servers.push(Srv { priority, weight, port, target: bare(&srv.target) });
            }
        }
        if servers.is_empty() {
            return SrvLookup::NotOffered;
        }
        SrvLookup::Records(in_order(servers, &mut self.inner().ties))
    }

    /// The records of a name and type: from the cache, or over the network.
    pub async fn ask(&self, name: &str, rtype: RecordType) -> Outcome {
        let Some(absolute) = absolute(name) else {
            return Outcome::Failed(format!("{} is no domain name", crate::base::escape::text(name)));
        };
        let (name, kind) = (bare(&absolute), rtype.to_string());
        let known = self.inner().cache.get(&name, &kind, (self.shared.clock)());
        if let Some(outcome) = known {
            self.inner().facts.push(Fact::ResolverHit { name, rtype: kind });
            return outcome;
        }
        let Some(hickory) = &self.shared.hickory else { return Outcome::Failed("no resolver".to_owned()) };
        let (outcome, ttl) = match hickory.lookup(absolute, rtype).await {
            Ok(lookup) => {
                let ttl = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
                let matching = lookup.answers().iter().filter(|record| record.record_type() == rtype);
                match matching.cloned().collect::<Vec<_>>() {
                    records if records.is_empty() => (Outcome::NoData, 0),
                    records => (Outcome::Records(records), ttl),
                }
            }
            Err(error) => read_error(&error),
        };
        let mut inner = self.inner();
        if let Some(until) = inner.cache.put(&name, &kind, &outcome, ttl, (self.shared.clock)()) {
            let (answer, until) = (in_words(&outcome), until.as_micros());
            inner.facts.push(Fact::ResolverCached { name, rtype: kind, answer, until });
        }
        outcome
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// hickory without whatever looks at the real clock, the real machine, or a second server.
fn set_options(options: &mut ResolverOpts) {
    options.attempts = 0;
    options.cache_size = 0;
    options.num_concurrent_reqs = 1;
    options.use_hosts_file = ResolveHosts::Never;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.preserve_intermediates = true;
    options.edns0 = true;
    // By the real clock, which hardly moves while a story runs.
    options.timeout = Duration::from_secs(3600);
}

/// hickory's error as an outcome, and how many seconds it may be believed.
fn read_error(error: &NetError) -> (Outcome, u32) {
    let reason = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let ttl = none.negative_ttl.unwrap_or(0);
            return match none.response_code {
                ResponseCode::NXDomain => (Outcome::NxDomain, ttl),
                ResponseCode::NoError => (Outcome::NoData, ttl),
                code => (Outcome::Failed(format!("the DNS server said {}", code_name(code))), 0),
            };
        }
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the DNS server said {}", code_name(*code)),
        NetError::Timeout => "the DNS server did not answer".to_owned(),
        other => format!("the DNS could not be asked: {other}"),
    };
    (Outcome::Failed(reason), 0)
}

fn code_name(code: ResponseCode) -> String {
    crate::proto::dns::rcode_name(u16::from(code)).map_or_else(|| u16::from(code).to_string(), str::to_owned)
}

/// "In words", for the fact that it was kept.
fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Records(records) => {
            let data: Vec<String> = records.iter().map(|record| record.data.to_string()).collect();
            crate::base::escape::text(&data.join(", "))
        }
        Outcome::NoData => "no data".to_owned(),
        Outcome::NxDomain => "NXDOMAIN".to_owned(),
        Outcome::Failed(reason) => reason.clone(),
    }
}

/// By priority; among equals a drawn one first, heavier ones more often (RFC 2782, "Weight").
fn in_order(mut servers: Vec<Srv>, ties: &mut fastrand::Rng) -> Vec<Srv> {
    servers.sort_by(|a, b| {
        (a.priority, a.weight, &a.target, a.port).cmp(&(b.priority, b.weight, &b.target, b.port))
    });
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let equals = servers.iter().take_while(|server| server.priority == priority);
        let total: u32 = equals.map(|server| u32::from(server.weight)).sum();
        let drawn = ties.u32(0..=total);
        let mut sum = 0;
        let chosen = servers.iter().position(|server| {
            sum += u32::from(server.weight);
            sum >= drawn
        });
        ordered.push(servers.remove(chosen.unwrap_or(0)));
    }
    ordered
}

/// A name as the DNS has it, absolute; `None` where it is none.
fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// A name as people write it: without the dot at its end.
fn bare(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
