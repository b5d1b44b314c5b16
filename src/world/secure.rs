//! TLS in this world: whose certificates there are, what a door offers, what a caller insists on.
//!
//! A [`Realm`] is the one authority that everybody trusts, with the certificates that it gave out. What a host does with
//! TLS is the scenario's ([`Tls`]): nothing, STARTTLS, or TLS from the first byte on. Between mail servers there is
//! STARTTLS on port 25 where both have it, with whatever certificate (RFC 3207, RFC 7435); people's mail programs insist
//! on TLS and on a certificate that is right (RFC 8314 §5.2), unless the scenario's `[[client]]` says otherwise.

use super::ca::{Ca, Order};
use super::clock::Clock;
use super::hosts::{Host, World};
use super::net::Connection;
use super::net::tls::{
    Caller, Certificate, Handshake, Lot, Part, Party, Report, Scribe, Wire, seeded, server_config,
};
use super::scenario::{Fault, Flaw, RoleKind, Tls};
use crate::base::Instant;
use crate::proto::{Security, Wish};
use crate::trace::{Conn, Direction, Fact};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// What a host serves with, by its name and the flaw of its certificate.
type Served = BTreeMap<(String, Option<Flaw>), Arc<ServerConfig>>;

/// The authority that everybody in a world trusts, and the certificates that it gave out.
pub struct Realm {
    /// `None`: the operating system's randomness.
    seed: Option<u64>,
    provider: Arc<CryptoProvider>,
    ca: OnceLock<Arc<Ca>>,
    /// Names and addresses that stand in every certificate beside the host's own.
    also: Vec<String>,
    servers: Mutex<Served>,
}

impl Realm {
    /// The realm of a simulated internet: all of it follows from the seed. Nothing is made before it is needed.
    pub fn seeded(seed: u64) -> Self {
        Realm::new(Some(seed), seeded::provider(), Vec::new())
    }

    /// A realm on real sockets, under this authority. `also` stands in every certificate beside the host's own name, as
    /// in `localhost` and `127.0.0.1`.
    pub fn under(ca: Ca, also: Vec<String>) -> Self {
        let realm = Realm::new(None, ring::default_provider(), also);
        // It is new, so nobody has set one.
        let _ = realm.ca.set(Arc::new(ca));
        realm
    }

    fn new(seed: Option<u64>, provider: CryptoProvider, also: Vec<String>) -> Self {
        let (provider, ca, servers) = (Arc::new(provider), OnceLock::new(), Mutex::default());
        Realm { seed, provider, ca, also, servers }
    }

    /// The authority.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn authority(&self, now: Instant) -> io::Result<Arc<Ca>> {
        if let Some(ca) = self.ca.get() {
            return Ok(ca.clone());
        }
        let made = match self.seed {
            Some(seed) => Ca::seeded(seed, now),
            None => Ca::fresh(now),
        };
        let made = Arc::new(made.map_err(io::Error::other)?);
        Ok(self.ca.get_or_init(|| made).clone())
    }

    /// What a host's servers need, with a certificate that has this flaw. Made once, when the story's time is `start`.
    ///
    /// # Errors
    /// Where a certificate cannot be made.
    pub fn server(&self, clock: Clock, host: &str, flaw: Option<Flaw>) -> io::Result<Arc<ServerConfig>> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.to_owned(), flaw);
        if let Some(config) = servers.get(&key) {
            return Ok(config.clone());
        }
        let start = clock.start();
        let mut names = vec![host.to_owned()];
        names.extend(self.also.iter().cloned());
        let authority = self.authority(start)?;
        let identity = match flaw {
            None => authority.issue(&Order::current(names, start)),
            Some(Flaw::Expired) => authority.issue(&Order::expired(names, start)),
            Some(Flaw::WrongName) => authority.issue(&Order::current(vec![format!("old.{host}")], start)),
            Some(Flaw::UnknownIssuer) => {
                let other = match self.seed {
                    Some(seed) => Ca::seeded(seed ^ u64::MAX, start),
                    None => Ca::fresh(start),
                };
                other.and_then(|other| other.issue(&Order::current(names, start)))
            }
        };
        let identity = identity.map_err(io::Error::other)?;
        let config = server_config(self.provider.clone(), clock, identity.chain, identity.key);
        let config = config.map_err(io::Error::other)?;
        servers.insert(key, config.clone());
        Ok(config)
    }

    /// A client's part: it calls `name`.
    ///
    /// # Errors
    /// Where `name` is neither a name nor an address.
    pub fn caller(&self, clock: Clock, name: &str, strict: bool, report: Report) -> io::Result<Caller> {
        let root = self.authority(clock.start())?.certificate().clone();
        self.caller_trusting(clock, name, &[root], strict, report)
    }

    /// The same, where others vouch for whoever is called.
    ///
    /// # Errors
    /// As [`Realm::caller`], and where none of `roots` can be read.
    pub fn caller_trusting(
        &self,
        clock: Clock,
        name: &str,
        roots: &[CertificateDer<'static>],
        strict: bool,
        report: Report,
    ) -> io::Result<Caller> {
        Caller::new(self.provider.clone(), clock, roots, name, strict, report)
    }

    fn lot(&self, host: &str, conn: Conn, side: Direction) -> Lot {
        match self.seed {
            Some(seed) => Lot::seeded(seed, host, "tls", &format!("{conn} {side:?}")),
            None => Lot::of_the_system(),
        }
    }
}

/// A connection that came in at a door, and what its server is to offer.
pub struct Door {
    /// The connection.
    pub wire: Wire,
    /// Where it stands with TLS.
    pub security: Security,
    /// Whether passwords are taken in clear.
    pub plaintext_login: bool,
}

impl World {
    /// What a host does with TLS.
    pub fn tls_of(&self, host: &Host) -> Tls {
        host.spec.tls.unwrap_or(self.scenario.tls)
    }

    /// What a host of that name does with TLS; nothing where there is none of that name.
    pub fn tls_at(&self, host: &str) -> Tls {
        self.hosts.get(host).map_or(self.scenario.tls, |host| self.tls_of(host))
    }

    /// A connection has come in at a door of `host`.
    pub fn door(&self, host: &Host, role: RoleKind, connection: Connection) -> Door {
        let mode = self.tls_of(host);
        if mode == Tls::None && !connection.implicit {
            let wire = Wire::clear(connection.stream);
            return Door { wire, security: Security::None, plaintext_login: true };
        }
        let name = &host.spec.name;
        let party = self.party(Part::Server(self.certificate(name)), name, &connection, Direction::Server);
        let security = if connection.implicit { Security::Active } else { Security::Offered };
        let wire = Wire::with_tls(connection.stream, party, connection.implicit);
        Door {
            wire: wire.stripped(self.is_stripped(name, role)),
            security,
            plaintext_login: self.takes_clear_passwords,
        }
    }

    /// A connection that a client on `caller` has opened to `server`: TLS is there for whoever asks. A strict client
    /// goes away where the certificate is not right. How the handshake came out is stated as a fact.
    pub fn calls(&self, caller: &Host, server: &str, role: RoleKind, strict: bool, line: Connection) -> Wire {
        let (tap, clock, host, conn) = (self.tap.clone(), self.clock, caller.spec.name.clone(), line.conn);
        let called = server.trim_end_matches('.').to_owned();
        let report: Report = Box::new(move |handshake: &Handshake| {
            let Handshake { version, cipher, wrong, goes_on } = handshake.clone();
            let fact = Fact::Tls { conn, server: called, version, cipher, wrong, goes_on };
            tap.fact(clock.now(), &host, fact);
        });
        match self.tls.caller(self.clock, server, strict, report) {
            Ok(part) => {
                let part = Part::Client(Box::new(part));
                let party = self.party(part, &caller.spec.name, &line, Direction::Client);
                let stripped = self.is_stripped(server.trim_end_matches('.'), role);
                Wire::with_tls(line.stream, party, line.implicit).stripped(stripped)
            }
            // A name for which there can be no certificate.
            Err(_) => Wire::clear(line.stream),
        }
    }

    fn party(&self, part: Part, host: &str, connection: &Connection, side: Direction) -> Party {
        let Connection { conn, hears, .. } = *connection;
        let scribe = Scribe { tap: self.tap.clone(), clock: self.clock, conn, side, hears };
        Party { part, scribe, lot: self.tls.lot(host, conn, side) }
    }

    /// The certificate that a host shows: whichever is there when the handshake begins, so that what goes wrong in the
    /// middle of a story goes wrong there.
    fn certificate(&self, host: &str) -> Certificate {
        let (realm, clock, late, host) = (self.tls.clone(), self.clock, self.late.clone(), host.to_owned());
        let of = |fault: &Fault, host: &str| match fault {
            Fault::Certificate { host: of, how } if of.eq_ignore_ascii_case(host) => Some(*how),
            _ => None,
        };
        let from_the_start = self.scenario.faults.iter().find_map(|fault| of(fault, &host));
        Box::new(move || {
            let flaw = from_the_start.or_else(|| late.find(|fault| of(fault, &host)));
            realm.server(clock, &host, flaw)
        })
    }

    /// Whether somebody takes the offer of TLS away on the way to this service.
    fn is_stripped(&self, host: &str, role: RoleKind) -> bool {
        self.suffers(|fault| match fault {
            Fault::StarttlsStripped { host: of, service } => {
                of.eq_ignore_ascii_case(host) && (service.is_empty() || service == role.name())
            }
            _ => false,
        })
    }

    /// What a mail server that relays thinks of TLS: it takes what it gets (RFC 7435).
    pub fn relay_wish(&self, host: &Host) -> Wish {
        if self.tls_of(host) == Tls::None { Wish::Never } else { Wish::Prefer }
    }
}
