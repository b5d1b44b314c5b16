//! A person's mail client on one of their devices: finds its servers by DNS, sends, fetches.
//!
//! "Email clients find their servers by SRV records of the mail domain" (RFC 6186): the domain after the `@` of the
//! user's own address, not the recipient's.

pub mod answer;
pub mod by_imap;
pub mod by_pop3;
pub mod disk;
pub mod here;
pub mod imap;
pub mod line;
pub mod pop3;
pub mod program;
pub mod send;

use crate::base::Secret;
use crate::proto::Wish;
use crate::proto::sasl::Credentials;
use crate::world::hosts::{Host, World};
use crate::world::net::Connection;
use crate::world::net::tls::Wire;
use crate::world::resolver::{AddressLookup, SrvLookup};
use crate::world::scenario::{RoleKind, Tls};
use std::net::SocketAddr;
use std::sync::Arc;

/// A client: a person's account on a device.
#[derive(Clone)]
pub struct Client {
    /// The world it is in.
    pub world: Arc<World>,
    /// The machine it runs on.
    pub device: Arc<Host>,
    /// The person's account: address and login name.
    pub account: String,
    /// Its password.
    pub password: Secret,
}

impl Client {
    /// The domain of the person's own address.
    pub fn domain(&self) -> &str {
        self.account.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// How it logs in by SASL, where its scenario names a mechanism.
    pub fn credentials(&self) -> Option<Credentials> {
        self.world.credentials(&self.device, &self.account, &self.password)
    }

    /// Whether it logs in by APOP, where it uses POP3.
    pub fn wants_apop(&self) -> bool {
        self.world.wants_apop(&self.device, &self.account)
    }

    /// Find the server of a service of our own domain (`_submission._tcp`, `_imap._tcp`, `_pop3._tcp`), and call it.
    ///
    /// # Errors
    /// Why no server was reached, in words.
    pub async fn call(&self, service: &str) -> Result<(Connection, String), String> {
        let implicit = implicit_service(service).filter(|_| self.mode() == Tls::Implicit);
        let service = implicit.unwrap_or(service);
        let targets = self.find(service).await?;
        let mut reason = format!("{} names no server for {service}", self.domain());
        for (name, port) in targets {
            match self.call_host(&name, port).await {
                Ok(connection) => {
                    return Ok((Connection { implicit: implicit.is_some(), ..connection }, name));
                }
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    /// What our own server does with TLS: the person was told so when the account was set up.
    fn mode(&self) -> Tls {
        let accounts = &self.world.scenario.accounts;
        let account = accounts.iter().find(|known| known.address.eq_ignore_ascii_case(&self.account));
        account.map_or(self.world.scenario.tls, |account| self.world.tls_at(&account.host))
    }

    /// Whether the program goes on in clear where it is offered no TLS, and takes any certificate.
    fn takes_what_it_gets(&self) -> bool {
        let device = &self.device.spec.name;
        let set = self.world.scenario.clients.iter().find(|c| c.device.eq_ignore_ascii_case(device));
        set.is_some_and(|client| client.tls_if_available)
    }

    /// What the program thinks of STARTTLS on a connection to its own server.
    pub fn wish(&self) -> Wish {
        match self.mode() {
            Tls::Starttls if self.takes_what_it_gets() => Wish::Prefer,
            Tls::Starttls => Wish::Must,
            Tls::None | Tls::Implicit => Wish::Never,
        }
    }

    /// A connection to a service of our own server, with TLS at hand.
    pub fn wire(&self, role: RoleKind, server: &str, connection: Connection) -> Wire {
        self.world.calls(&self.device, server, role, !self.takes_what_it_gets(), connection)
    }

    /// The hosts and ports that the domain's SRV records name, best first (RFC 2782, RFC 6186 §3).
    async fn find(&self, service: &str) -> Result<Vec<(String, u16)>, String> {
        let resolver = self.world.resolver(&self.device).map_err(|e| e.to_string())?;
        let lookup = resolver.srv(service, self.domain()).await;
        self.world.resolved(&self.device);
        match lookup {
            SrvLookup::Records(servers) => Ok(servers.into_iter().map(|s| (s.target, s.port)).collect()),
            SrvLookup::NotOffered => Err(format!(
                "{} says that it does not offer {service}: its SRV record names no host",
                self.domain()
            )),
            SrvLookup::None => Err(format!("{} has no SRV record for {service}", self.domain())),
            SrvLookup::Failed(reason) => Err(reason),
        }
    }

    /// Find the addresses of a host, and call them in turn.
    pub(super) async fn call_host(&self, name: &str, port: u16) -> Result<Connection, String> {
        let resolver = self.world.resolver(&self.device).map_err(|e| e.to_string())?;
        let lookup = resolver.addresses(name).await;
        self.world.resolved(&self.device);
        let AddressLookup::Records(addresses) = lookup else {
            return Err(format!("{name} has no address"));
        };
        let mut reason = format!("{name} cannot be reached from here");
        for address in addresses {
            let Some(from) = self.device.address_towards(address) else { continue };
            match self.world.net.connect(from, SocketAddr::new(address, port)).await {
                Ok(connection) => return Ok(connection),
                Err(error) => reason = format!("{name} [{address}] port {port}: {error}"),
            }
        }
        Err(reason)
    }
}

/// The service's name where TLS begins with the first byte (RFC 6186 §3.2 to §3.3, RFC 8314 §5.1).
fn implicit_service(service: &str) -> Option<&'static str> {
    match service {
        "_submission._tcp" => Some("_submissions._tcp"),
        "_imap._tcp" => Some("_imaps._tcp"),
        "_pop3._tcp" => Some("_pop3s._tcp"),
        _ => None,
    }
}

/// How a connection ended that nobody had closed, in words.
fn how(driven: std::io::Result<()>) -> String {
    driven.err().map_or_else(|| "without a word".to_owned(), |error| error.to_string())
}

/// The Subject of a message and the address of its sender, for people; empty where it has none.
pub fn heading(message: &[u8]) -> (String, String) {
    let header = crate::world::dsn::header_of(message);
    let parsed = mail_parser::MessageParser::default().parse_headers(header);
    let Some(parsed) = parsed else { return Default::default() };
    let from = parsed.from().and_then(|f| f.first()).and_then(|a| a.address());
    (parsed.subject().unwrap_or_default().to_owned(), from.unwrap_or_default().to_owned())
}

/// The Subject of a message, for people; empty where it has none.
pub fn subject_of(message: &[u8]) -> String {
    heading(message).0
}
