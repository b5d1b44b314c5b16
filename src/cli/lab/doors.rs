//! Which port leads to which service of which host: planned from the command line, then bound.

use crate::cli::CommandError;
use crate::world::net::loopback::{self, Bound, Door};
use crate::world::scenario::{Host, RoleKind, Scenario};
use crate::world::terrain::{implicit_port, port};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How far the doors of one domain are from those of the next.
const APART: u16 = 1000;

/// Something that a host does at a door.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// How far its port is from the first one of its domain.
    offset: u16,
    /// Who does it.
    role: RoleKind,
    /// Whether TLS begins with the first byte (RFC 8314 §3).
    implicit: bool,
}

const fn service(name: &'static str, title: &'static str, offset: u16, role: RoleKind) -> Service {
    Service { name, title, offset, role, implicit: false }
}

const fn in_tls(name: &'static str, title: &'static str, offset: u16, role: RoleKind) -> Service {
    Service { name, title, offset, role, implicit: true }
}

/// All of them, in the order in which a letter meets them.
pub const SERVICES: [Service; 9] = [
    service("submission", "submission", 587, RoleKind::Submission),
    in_tls("submissions", "submission in TLS", 465, RoleKind::Submission),
    // Where an internet provider blocks the right one, programs are set to this port. It was never assigned to it.
    service("second", "submission, the second door", 525, RoleKind::Submission),
    service("relay", "relay, for other servers", 25, RoleKind::Mta),
    service("pop3", "POP3", 110, RoleKind::Pop3),
    in_tls("pop3s", "POP3 in TLS", 995, RoleKind::Pop3),
    service("imap", "IMAP", 143, RoleKind::Imap),
    in_tls("imaps", "IMAP in TLS", 993, RoleKind::Imap),
    service("dns", "DNS, UDP and TCP", 53, RoleKind::Dns),
];

/// A door that is to be opened.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What for.
    pub service: &'static Service,
    /// The domain whose it is; empty for the DNS.
    pub domain: String,
    /// Its port, and where it leads.
    pub door: Door,
}

/// What the command line says about ports.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Where the ports of the first domain begin; 0: any that are free.
    pub base: u16,
    /// Single ports: service, domain (none: the first), port.
    pub single: Vec<(String, Option<String>, u16)>,
}

/// A wish for one port: `submission=5870`, `imap@example.net=1143`.
///
/// # Errors
/// In words, where it is none.
pub fn wish(text: &str) -> Result<(String, Option<String>, u16), String> {
    let form = "write SERVICE=PORT or SERVICE@DOMAIN=PORT, as in submission=5870 or imap@example.net=1143";
    let (what, number) = text.split_once('=').ok_or(form)?;
    let (service, domain) = match what.split_once('@') {
        Some((service, domain)) => (service, Some(domain.to_ascii_lowercase())),
        None => (what, None),
    };
    if !SERVICES.iter().any(|known| known.name == service) {
        let known: Vec<&str> = SERVICES.iter().map(|known| known.name).collect();
        return Err(format!("there is no service of that name; there are {}", known.join(", ")));
    }
    let number = number.parse().map_err(|_| "a port is a number from 1 to 65535, or 0 for any free one")?;
    Ok((service.to_owned(), domain, number))
}

/// The domain that people know a host by.
pub fn domain_of(host: &Host) -> &str {
    host.domains.first().map_or(host.name.as_str(), String::as_str)
}

/// The doors of a scenario.
///
/// # Errors
/// Where a wish names a domain that is not there, or a port is beyond the last one.
pub fn plan(scenario: &Scenario, wishes: &Wishes) -> Result<Vec<Planned>, CommandError> {
    let serves = |host: &&Host| host.roles.iter().any(|r| !matches!(r, RoleKind::Mua | RoleKind::Dns));
    let servers: Vec<&Host> = scenario.hosts.iter().filter(serves).collect();
    for (service, domain, _) in &wishes.single {
        let known = domain.as_ref().is_none_or(|d| servers.iter().any(|h| domain_of(h) == d));
        if !known {
            let domains: Vec<&str> = servers.iter().map(|host| domain_of(host)).collect();
            let message = format!(
                "the lab has no domain {} for {service}",
                crate::base::escape::text(domain.as_deref().unwrap_or_default())
            );
            return Err(CommandError::usage(message, format!("it has {}", domains.join(", "))));
        }
    }
    let mut planned = Vec::new();
    for (i, host) in servers.iter().enumerate() {
        for service in SERVICES.iter().filter(|s| s.role != RoleKind::Dns && host.roles.contains(&s.role)) {
            planned.extend(door(service, host, i, wishes)?);
        }
    }
    let dns = scenario.hosts.iter().find(|host| host.roles.contains(&RoleKind::Dns));
    for service in SERVICES.iter().filter(|service| service.role == RoleKind::Dns) {
        if let Some(host) = dns {
            planned.extend(door(service, host, 0, wishes)?);
        }
    }
    Ok(planned)
}

fn door(
    service: &'static Service,
    host: &Host,
    number: usize,
    wishes: &Wishes,
) -> Result<Option<Planned>, CommandError> {
    let port = if service.implicit { implicit_port(service.role) } else { port(service.role) };
    let (Some(address), Some(port)) = (host.addresses.first(), port) else { return Ok(None) };
    let is_dns = service.role == RoleKind::Dns;
    let domain = if is_dns { String::new() } else { domain_of(host).to_owned() };
    let mine = |(name, of, _): &&(String, Option<String>, u16)| {
        let here = of.as_ref().map_or(number == 0, |of| *of == domain);
        name == service.name && here
    };
    let wanted = match wishes.single.iter().rev().find(mine) {
        Some((.., wanted)) => *wanted,
        None if wishes.base == 0 => 0,
        None => {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let first = number.checked_mul(APART).and_then(|far| wishes.base.checked_add(far));
            first.and_then(|first| first.checked_add(service.offset)).ok_or_else(|| {
                let message = format!("with --port-base {} some ports would be beyond 65535", wishes.base);
                CommandError::usage(message, "choose a smaller one, as in --port-base 12000")
            })?
        }
    };
    let name = if is_dns { "the DNS".to_owned() } else { format!("{} of {domain}", service.title) };
    let door = Door { name, port: wanted, to: SocketAddr::new(*address, port), datagrams: is_dns };
    Ok(Some(Planned { service, domain, door }))
}

/// Where doors are opened, and a word on what is not there.
///
/// # Errors
/// Where the machine does not have the address that was asked for.
pub fn addresses(asked: Option<IpAddr>) -> (Vec<IpAddr>, Option<&'static str>) {
    if let Some(address) = asked {
        return (vec![address], None);
    }
    let (four, six) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    if loopback::has(six) {
        (vec![four, six], None)
    } else {
        (vec![four], Some("this machine has no ::1 (IPv6): the doors are on 127.0.0.1 only"))
    }
}

/// Take the ports.
///
/// # Errors
/// In one sentence, with what to do, where one cannot be had.
pub fn bind(planned: Vec<Planned>, on: &[IpAddr]) -> Result<Vec<(Planned, Bound)>, CommandError> {
    let mut bound = Vec::new();
    for plan in planned {
        let taken = loopback::bind(plan.door.clone(), on).map_err(|error| refused(&plan, &error))?;
        let plan = Planned { door: taken.door.clone(), ..plan };
        bound.push((plan, taken));
    }
    Ok(bound)
}

fn refused(plan: &Planned, refused: &loopback::BindError) -> CommandError {
    let (port, address) = (refused.at.port(), refused.at.ip());
    let at = if plan.domain.is_empty() { String::new() } else { format!("@{}", plan.domain) };
    let other = format!(
        "--ports {}{at}=PORT for this one, --port-base 12000 for all, 0 for any free ones",
        plan.service.name
    );
    match refused.error.kind() {
        io::ErrorKind::AddrInUse => CommandError::failure(
            format!("port {port} on {address}, meant for {}, is in use by another program", plan.door.name),
            format!("end that program (is a second lab running?), or choose other ports: {other}"),
        ),
        io::ErrorKind::PermissionDenied => CommandError::failure(
            format!("this user may not open port {port} on {address} for {}", plan.door.name),
            format!("ports below 1024 are often for administrators only; choose others: {other}"),
        ),
        io::ErrorKind::AddrNotAvailable => CommandError::failure(
            format!("this machine does not have the address {address}"),
            "name one of its own with --bind, or leave it out: then the doors are on 127.0.0.1 and ::1",
        ),
        _ => CommandError::failure(
            format!("port {port} on {address} cannot be opened for {}: {}", plan.door.name, refused.error),
            format!("choose other ports: {other}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(wishes: &Wishes) -> Vec<(String, u16)> {
        let scenario = Scenario::builtin("lab").expect("loads");
        let planned = plan(&scenario, wishes).expect("makes sense");
        planned.iter().map(|p| (format!("{}@{}", p.service.name, p.domain), p.door.port)).collect()
    }

    #[test]
    fn each_domain_has_its_thousand() {
        let ports = ports(&Wishes { base: 2000, ..Wishes::default() });
        for (name, port) in [
            ("submission@example.com", 2587),
            ("second@example.com", 2525),
            ("relay@example.com", 2025),
            ("submissions@example.com", 2465),
            ("pop3@example.com", 2110),
            ("imaps@example.net", 3993),
            ("imap@example.com", 2143),
            ("submission@example.net", 3587),
            ("imap@example.net", 3143),
            ("dns@", 2053),
        ] {
            assert!(ports.contains(&(name.to_owned(), port)), "{name}: {ports:?}");
        }
    }

    #[test]
    fn single_ports_are_set_by_name() {
        let single = ["submission=5870", "imap@example.net=1143", "dns=0"].map(|w| wish(w).expect("a wish"));
        let ports = ports(&Wishes { base: 2000, single: single.to_vec() });
        for (name, port) in [
            ("submission@example.com", 5870),
            ("submission@example.net", 3587),
            ("imap@example.net", 1143),
            ("dns@", 0),
        ] {
            assert!(ports.contains(&(name.to_owned(), port)), "{name}: {ports:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (text, word) in [
            ("imap", "SERVICE=PORT"),
            ("http=80", "no service"),
            ("imap=70000", "65535"),
            ("imap=x", "number"),
        ] {
            assert!(wish(text).is_err_and(|why| why.contains(word)), "{text}");
        }
        let scenario = Scenario::builtin("lab").expect("loads");
        let elsewhere = Wishes { base: 2000, single: vec![wish("imap@example.edu=1").expect("a wish")] };
        assert!(plan(&scenario, &elsewhere).is_err_and(|e| e.hint.contains("example.net")));
        let high = Wishes { base: 64_600, ..Wishes::default() };
        assert!(plan(&scenario, &high).is_err_and(|e| e.message.contains("64600")));
    }
}
