//! Does a scenario make sense? Every name that it mentions is one of its own, every term can be read.
//!
//! A [`Complaint`] names its place by a path of keys; `load` finds the bytes of that place in the file. The checks
//! of people, acts and faults stand in `check/people.rs` and `check/faults.rs`.

mod clients;
mod faults;
mod people;
mod sender;

use super::load::choose;
use super::terms::{is_domain, parse_start};
use super::{Host, RoleKind, Scenario};
use crate::world::zones::record;
use hickory_resolver::proto::rr::Name;
use std::collections::BTreeSet;
use std::ops::Range;

/// One step of a path into a TOML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The value of this key.
    Name(&'static str),
    /// The element of this number, from 0.
    At(usize),
}

impl From<&'static str> for Key {
    fn from(name: &'static str) -> Self {
        Key::Name(name)
    }
}

impl From<usize> for Key {
    fn from(index: usize) -> Self {
        Key::At(index)
    }
}

/// Something that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where, by keys from the top of the file.
    pub path: Vec<Key>,
    /// Which bytes of the string there, where it is about some of them.
    pub within: Option<Range<usize>>,
    /// What, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Everything that makes no sense in a scenario, in the order of its parts.
pub fn check(scenario: &Scenario) -> Vec<Complaint> {
    let mut checker = Checker { scenario, complaints: Vec::new() };
    checker.head();
    checker.hosts();
    checker.links();
    checker.zones();
    checker.sender_policies();
    checker.accounts();
    checker.senders();
    checker.mailboxes();
    checker.messages();
    checker.people();
    checker.clients();
    checker.acts();
    checker.faults();
    checker.complaints
}

struct Checker<'a> {
    scenario: &'a Scenario,
    complaints: Vec<Complaint>,
}

/// A path from names and numbers.
macro_rules! place {
    ($($key:expr),+) => { vec![$(crate::world::scenario::check::Key::from($key)),+] };
}
use place;

impl<'a> Checker<'a> {
    fn complain(&mut self, path: Vec<Key>, message: impl Into<String>, help: Option<String>) {
        self.complaints.push(Complaint { path, within: None, message: message.into(), help });
    }

    /// The host of that name, or a complaint with a hint.
    fn host(&mut self, path: Vec<Key>, name: &str) -> Option<&'a Host> {
        let scenario = self.scenario;
        let found = scenario.hosts.iter().find(|host| same(&host.name, name));
        if found.is_none() {
            let help = choose(name, scenario.hosts.iter().map(|host| host.name.as_str()));
            self.complain(path, format!("this scenario has no host `{}`", name.escape_debug()), Some(help));
        }
        found
    }

    /// A complaint where text that people read, or that enters a header, holds a control character.
    fn one_line(&mut self, path: Vec<Key>, text: &str) {
        if text.chars().any(char::is_control) {
            self.complain(path, "this must be one line without control characters", None);
        }
    }

    fn head(&mut self) {
        let scenario = self.scenario;
        self.one_line(place!["title"], &scenario.title);
        if parse_start(&scenario.start).is_none() {
            let message = format!("`{}` is not a moment in UTC", scenario.start.escape_debug());
            let help = "write it as RFC 3339 does: 2026-01-05T09:00:00Z".to_owned();
            self.complain(place!["start"], message, Some(help));
        }
        if let Some((key, text)) = scenario.queue.as_ref().and_then(|queue| queue.unreadable()) {
            let message = format!("`{}` is no time to wait", text.escape_debug());
            let help = "write `15m` (also s, h, d)".to_owned();
            self.complain(place!["queue", key], message, Some(help));
        }
    }

    /// Whether a host has to find other hosts: a relay does, and a mail client but for people who need no network.
    fn calls_others(&self, host: &Host) -> bool {
        let first_device = |who: &str| {
            let person = self.scenario.people.iter().find(|person| person.name == who);
            person.and_then(|person| person.devices.first()).cloned().unwrap_or_default()
        };
        let is_here = |act: &&super::Act| {
            let device = if act.device.is_empty() { first_device(&act.who) } else { act.device.clone() };
            same(&device, &host.name)
        };
        let mut acted = self.scenario.acts.iter().filter(is_here).peekable();
        let at_home = acted.peek().is_some() && acted.all(|act| !act.what.needs_a_network());
        host.roles.contains(&RoleKind::Mta) || (host.roles.contains(&RoleKind::Mua) && !at_home)
    }

    fn hosts(&mut self) {
        let scenario = self.scenario;
        if scenario.hosts.is_empty() {
            self.complain(place!["host"], "a scenario needs at least one [[host]]", None);
        }
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (i, host) in scenario.hosts.iter().enumerate() {
            if !is_domain(&host.name) {
                let message = format!("`{}` is no host name", host.name.escape_debug());
                self.complain(place!["host", i, "name"], message, None);
            }
            if !names.insert(host.name.to_ascii_lowercase()) {
                self.complain(
                    place!["host", i, "name"],
                    format!("there are two hosts `{}`", host.name),
                    None,
                );
            }
            if host.addresses.is_empty() {
                self.complain(place!["host", i, "addresses"], "a host needs an address", None);
            }
            for (j, address) in host.addresses.iter().enumerate() {
                if address.is_unspecified() || address.is_multicast() {
                    let message = format!("`{address}` is no address of one host");
                    self.complain(place!["host", i, "addresses", j], message, None);
                }
                if !addresses.insert(*address) {
                    let message = format!("another host has the address {address} already");
                    self.complain(place!["host", i, "addresses", j], message, None);
                }
            }
            self.host_roles(i, host);
        }
    }

    fn host_roles(&mut self, i: usize, host: &Host) {
        if host.roles.is_empty() {
            let help = "roles are: mua, submission, mta, dns, pop3, imap".to_owned();
            self.complain(place!["host", i, "roles"], "a host without a role does nothing", Some(help));
        }
        for (j, domain) in host.domains.iter().enumerate() {
            if !is_domain(domain) {
                let message = format!("`{}` is no domain name", domain.escape_debug());
                self.complain(place!["host", i, "domains", j], message, None);
            }
        }
        // A machine from before the network takes mail for its own users, without an MTA.
        let keeps = self.scenario.accounts.iter().any(|account| same(&account.host, &host.name));
        let takes = host.roles.contains(&RoleKind::Mta) || (keeps && !self.calls_others(host));
        if !host.domains.is_empty() && !takes {
            let help = Some("give it the role `mta`, or leave `domains` out".to_owned());
            self.complain(
                place!["host", i, "domains"],
                "only a host with the role `mta` takes mail for domains",
                help,
            );
        }
        for (j, name) in host.smtp_without.iter().enumerate() {
            let known = crate::world::roles::smtp::MAY_LACK;
            if !known.iter().any(|word| word.eq_ignore_ascii_case(name)) {
                let help = choose(name, known.iter().copied());
                let message = format!("no server here can lack `{}`", name.escape_debug());
                self.complain(place!["host", i, "smtp-without", j], message, Some(help));
            }
        }
        for (j, name) in host.imap_without.iter().enumerate() {
            self.one_line(place!["host", i, "imap-without", j], name);
        }
        let resolver_path = place!["host", i, "resolver"];
        if host.resolver.is_empty() {
            if self.calls_others(host)
                && !self.scenario.hosts.iter().any(|host| host.roles.contains(&RoleKind::Dns))
            {
                let message = format!("`{}` needs the DNS, and no host has the role `dns`", host.name);
                self.complain(place!["host", i], message, None);
            }
        } else if let Some(resolver) = self.host(resolver_path.clone(), &host.resolver)
            && !resolver.roles.contains(&RoleKind::Dns)
        {
            let message = format!("`{}` does not have the role `dns`", host.resolver);
            self.complain(resolver_path, message, None);
        }
    }

    fn links(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (i, link) in scenario.links.iter().enumerate() {
            let [a, b] = &link.between;
            let mut known = true;
            for (j, end) in link.between.iter().enumerate() {
                known &= self.host(place!["link", i, "between", j], end).is_some();
            }
            if !known {
                continue;
            }
            let mut ends = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
            ends.sort();
            if ends[0] == ends[1] {
                self.complain(place!["link", i, "between"], "a link has two different ends", None);
            }
            if !seen.insert(ends) {
                self.complain(
                    place!["link", i, "between"],
                    format!("there are two links between {a} and {b}"),
                    None,
                );
            }
        }
    }

    fn zones(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (i, zone) in scenario.zones.iter().enumerate() {
            let origin = match Name::parse(&zone.origin, Some(&Name::root())) {
                Ok(origin) if !zone.origin.is_empty() => origin,
                _ => {
                    let message = format!("`{}` is no domain name", zone.origin.escape_debug());
                    self.complain(place!["zone", i, "origin"], message, None);
                    continue;
                }
            };
            if !seen.insert(origin.to_lowercase()) {
                self.complain(
                    place!["zone", i, "origin"],
                    format!("there are two zones `{}`", zone.origin),
                    None,
                );
            }
            for (j, line) in zone.records.iter().enumerate() {
                if let Err(error) = record::parse(line, &origin, zone.ttl) {
                    self.record_error(place!["zone", i, "records", j], error);
                }
            }
        }
    }

    fn record_error(&mut self, path: Vec<Key>, error: record::RecordError) {
        let help = match error.message.ends_with("is no type known here") {
            true => format!("types are: {}", record::TYPES.join(", ")),
            false => "a record is: owner, type, data, as in `@ MX 10 mx1.example.net.`".to_owned(),
        };
        let complaint =
            Complaint { path, within: Some(error.span), message: error.message, help: Some(help) };
        self.complaints.push(complaint);
    }
}

/// Names of the DNS and of mail domains are the same whatever their case (RFC 1035 §2.3.3).
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
