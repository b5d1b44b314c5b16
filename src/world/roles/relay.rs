//! The sending side of an MTA: where a domain takes its mail, and the SMTP session that brings it there.
//!
//! "the SMTP client ... looks up MX records; if there are none, the address records of the domain are treated as
//! an implicit MX" (RFC 5321 §5.1). Hosts are tried in order of preference, each host's addresses in turn. A host
//! that does not answer, or says 4yz before the transaction, passes the turn to the next; what a working host says
//! about sender, recipient or message is its word, and is not asked for again elsewhere.

use super::carry::carry;
use super::deliver::failed;
use super::smtp::address_of_literal;
use crate::proto::smtp::client::{ClientConfig, Fate, Outcome, Stage};
use crate::proto::smtp::{Envelope, Path, Reply};
use crate::world::dsn::FailedRecipient;
use crate::world::hosts::{Host, World};
use crate::world::queue::{Entry, Verdict};
use crate::world::resolver::{AddressLookup, MxLookup};
use crate::world::scenario::RoleKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A message on its way to one domain.
pub struct Route<'a> {
    /// The world it travels.
    pub world: &'a Arc<World>,
    /// The host that sends.
    pub host: &'a Arc<Host>,
    /// The message.
    pub entry: &'a Entry,
    /// Where its recipients are.
    pub domain: &'a str,
}

/// What one host made of the attempt.
enum Turn {
    /// It decided about each recipient.
    Decided(Vec<(String, Verdict)>),
    /// It could not be used now: the next host's turn. Why.
    Next(String),
    /// It can never be used, because the DNS names it wrongly: the next host's turn. Why.
    Unusable(String),
}

/// Try to bring the message to the recipients of one domain.
pub async fn attempt(route: &Route<'_>, recipients: Vec<String>) -> Vec<(String, Verdict)> {
    let hosts = match mail_exchangers(route).await {
        Ok(hosts) => hosts,
        Err(verdict) => return all(&recipients, |recipient| verdict.for_recipient(recipient)),
    };
    let mut later = None;
    let mut never = "the domain names no host".to_owned();
    for name in hosts {
        match try_host(route, &name, &recipients).await {
            Turn::Decided(verdicts) => return verdicts,
            Turn::Next(why) => later = Some(why),
            Turn::Unusable(why) => never = why,
        }
    }
    match later {
        Some(reason) => all(&recipients, |_| Verdict::Transient(reason.clone())),
        // "If MX records are present, but none of them are usable, ... this situation MUST be reported as an error"
        // (RFC 5321 §5.1).
        None => all(&recipients, |recipient| failed(recipient, "5.4.4", &never)),
    }
}

fn all(recipients: &[String], verdict: impl Fn(&str) -> Verdict) -> Vec<(String, Verdict)> {
    recipients.iter().map(|r| (r.clone(), verdict(r))).collect()
}

/// Why a domain has no host to try.
enum NoHost {
    Never { status: &'static str, reason: String },
    NotNow(String),
}

impl NoHost {
    fn for_recipient(&self, recipient: &str) -> Verdict {
        match self {
            NoHost::Never { status, reason } => failed(recipient, status, reason),
            NoHost::NotNow(reason) => Verdict::Transient(reason.clone()),
        }
    }
}

/// The hosts that take the domain's mail, best first.
async fn mail_exchangers(route: &Route<'_>) -> Result<Vec<String>, NoHost> {
    let (domain, us) = (route.domain, &route.host.spec.name);
    if domain.starts_with('[') {
        return Ok(vec![domain.to_owned()]); // An address literal names the host itself (RFC 5321 §5.1).
    }
    let not_now = |reason: String| NoHost::NotNow(format!("4.4.3 {reason}"));
    let resolver = route.world.resolver(route.host).map_err(|e| not_now(e.to_string()))?;
    let lookup = resolver.mx(domain).await;
    route.world.resolved(route.host);
    match lookup {
        MxLookup::Records(records) => {
            // RFC 5321 §5.1: a host that finds itself in the list drops itself and every host of no better
            // preference, so that two backups do not hand a message to and fro.
            let ours =
                records.iter().find(|(_, name)| same_name(name, us)).map(|(preference, _)| *preference);
            let better =
                records.into_iter().filter(|(preference, _)| ours.is_none_or(|own| *preference < own));
            let hosts: Vec<String> = better.map(|(_, name)| name).collect();
            if hosts.is_empty() {
                let reason = format!("the best MX of {domain} is this host, which keeps no mailboxes of it");
                return Err(NoHost::Never { status: "5.4.6", reason });
            }
            Ok(hosts)
        }
        MxLookup::NoMx => Ok(vec![domain.to_owned()]),
        MxLookup::Null => Err(NoHost::Never {
            status: "5.1.10",
            reason: format!("{domain} takes no mail at all: it publishes a null MX (RFC 7505)"),
        }),
        MxLookup::NxDomain => {
            Err(NoHost::Never { status: "5.1.2", reason: format!("the domain {domain} does not exist") })
        }
        MxLookup::Failed(reason) => Err(not_now(reason)),
    }
}

fn same_name(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

async fn try_host(route: &Route<'_>, name: &str, recipients: &[String]) -> Turn {
    let addresses = match addresses(route, name).await {
        Ok(addresses) => addresses,
        Err(turn) => return turn,
    };
    let mut reason = format!("4.4.4 {name} has no address");
    for address in addresses {
        match try_address(route, name, address, recipients).await {
            Turn::Decided(verdicts) => return Turn::Decided(verdicts),
            Turn::Next(why) | Turn::Unusable(why) => reason = why,
        }
    }
    Turn::Next(reason)
}

async fn addresses(route: &Route<'_>, name: &str) -> Result<Vec<IpAddr>, Turn> {
    if let Some(literal) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let unreadable = || Turn::Unusable(format!("{name} is no address"));
        return address_of_literal(literal).map(|address| vec![address]).ok_or_else(unreadable);
    }
    if name.trim_end_matches('.').parse::<IpAddr>().is_ok() {
        // RFC 5321 §5.1: the data of an MX is a domain name that has an address, never an address.
        return Err(Turn::Unusable(format!(
            "an MX names the address {name}, where a host's name must stand"
        )));
    }
    let resolver = route.world.resolver(route.host).map_err(|e| Turn::Next(format!("4.4.3 {e}")))?;
    let lookup = resolver.addresses(name).await;
    route.world.resolved(route.host);
    match lookup {
        AddressLookup::Records(addresses) => Ok(addresses),
        AddressLookup::None => Err(Turn::Unusable(format!("the host {name} has no address"))),
        AddressLookup::NxDomain => Err(Turn::Unusable(format!("the host {name} does not exist"))),
        AddressLookup::Failed(reason) => Err(Turn::Next(format!("4.4.3 {reason}"))),
    }
}

async fn try_address(route: &Route<'_>, name: &str, address: IpAddr, recipients: &[String]) -> Turn {
    let Some(from) = route.host.address_towards(address) else {
        return Turn::Next(format!("4.4.1 no way to {address} from here"));
    };
    let connection = match route.world.net.connect(from, SocketAddr::new(address, 25)).await {
        Ok(connection) => connection,
        Err(error) => return Turn::Next(format!("4.4.1 {name} [{address}] did not answer: {error}")),
    };
    let Some(envelope) = envelope(route.entry, recipients) else {
        return Turn::Decided(all(recipients, |r| failed(r, "5.1.3", "an address cannot be written down")));
    };
    let mut config = ClientConfig::new(&route.host.spec.name);
    config.tls = route.world.relay_wish(route.host);
    let conn = connection.conn;
    let wire = route.world.calls(route.host, name, RoleKind::Mta, false, connection);
    let message = route.entry.message.to_vec();
    match carry(route.world, conn, wire, config, envelope, message).await {
        Ok(outcome) => judge(name, outcome),
        Err(end) => Turn::Next(format!("4.4.2 {name} broke the connection off: {end}")),
    }
}

fn envelope(entry: &Entry, recipients: &[String]) -> Option<Envelope> {
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let mut envelope = Envelope::simple(&entry.sender, &recipients)?;
    envelope.smtputf8 = entry.smtputf8;
    entry.wishes.put_into(&mut envelope);
    Some(envelope)
}

/// What the session's outcome means for each recipient, or for the host.
fn judge(name: &str, outcome: Outcome) -> Turn {
    if outcome.stage < Stage::Mail {
        // Nothing was said about this message yet: another host may do better.
        let said = outcome.recipients.first().map(|r| match &r.result {
            Fate::Refused(reply) | Fate::Accepted(reply) => one_line(reply),
            Fate::Failed(reason) => reason.clone(),
        });
        return Turn::Next(format!("{name}: {}", said.unwrap_or_default()));
    }
    let verdicts = outcome.recipients.into_iter().map(|recipient| {
        let address = recipient.forward_path.address();
        let verdict = match recipient.result {
            Fate::Accepted(reply) => {
                Verdict::Relayed { to: name.to_owned(), reply: one_line(&reply), reports: outcome.dsn }
            }
            Fate::Refused(reply) if reply.is_permanent() => permanent(name, &recipient.forward_path, &reply),
            Fate::Refused(reply) => Verdict::Transient(format!("{name}: {}", one_line(&reply))),
            Fate::Failed(reason) => Verdict::Transient(format!("{name}: {reason}")),
        };
        (address, verdict)
    });
    Turn::Decided(verdicts.collect())
}

fn permanent(name: &str, path: &Path, reply: &Reply) -> Verdict {
    Verdict::Permanent(FailedRecipient {
        address: path.address(),
        status: reply.enhanced.map_or_else(|| "5.0.0".to_owned(), |e| e.to_string()),
        diagnostic: one_line(reply),
        remote: name.to_owned(),
    })
}

/// A reply as one line: `550 5.1.1 No such user here`.
fn one_line(reply: &Reply) -> String {
    let enhanced = reply.enhanced.map(|e| format!("{e} ")).unwrap_or_default();
    format!("{} {enhanced}{}", reply.code, reply.lines.join(" "))
}
