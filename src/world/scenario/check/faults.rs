//! Do faults fit the scenario that they are put onto?

use super::super::load::choose;
use super::super::{Fault, RoleKind, Tls};
use super::{Checker, place, same};
use crate::world::zones::record;
use hickory_resolver::proto::rr::Name;

const ROLES: [RoleKind; 6] =
    [RoleKind::Mua, RoleKind::Submission, RoleKind::Mta, RoleKind::Dns, RoleKind::Pop3, RoleKind::Imap];

/// Milliseconds: the longest that RFC 5321 §4.5.3.2 asks a client to wait for an answer, ten minutes.
const LONGEST_DELAY: u32 = 600_000;

impl Checker<'_> {
    pub(super) fn faults(&mut self) {
        let scenario = self.scenario;
        for (i, fault) in scenario.faults.iter().enumerate() {
            match fault {
                Fault::Down { host, service, how, from_s, until_s } => {
                    self.service(i, host, service);
                    self.one_of(i, how, &["refused", "silent"]);
                    self.interval(i, *from_s, *until_s);
                }
                Fault::Dns { name, how, from_s, until_s } => {
                    if !name.is_empty() && Name::from_ascii(name).is_err() {
                        self.complain(
                            place!["fault", i, "name"],
                            format!("`{}` is no domain name", name.escape_debug()),
                            None,
                        );
                    }
                    self.one_of(i, how, &["servfail", "silent"]);
                    self.interval(i, *from_s, *until_s);
                }
                Fault::RemoveRecords { name, rtype } => self.removal(i, name, rtype),
                Fault::AddRecord { zone, record } => self.addition(i, zone, record),
                Fault::NoAccount { account } | Fault::MailboxFull { account } => {
                    self.account(place!["fault", i, "account"], account);
                }
                Fault::Greylist { host, .. } => self.service(i, host, RoleKind::Mta.name()),
                Fault::Reply { host, service, verb, reply, .. } => {
                    self.service(i, host, service);
                    self.word(i, verb);
                    self.reply(i, reply);
                }
                Fault::StarttlsStripped { host, service } => {
                    self.service(i, host, service);
                    self.has_tls(i, host);
                }
                Fault::Certificate { host, .. } => {
                    self.host(place!["fault", i, "host"], host);
                    self.has_tls(i, host);
                }
                Fault::Drop { host, service, verb, .. } => {
                    self.service(i, host, service);
                    self.word(i, verb);
                }
                Fault::Delay { host, service, verb, ms, .. } => {
                    self.service(i, host, service);
                    if !verb.is_empty() {
                        self.word(i, verb);
                    }
                    if *ms > LONGEST_DELAY {
                        let help = format!("{LONGEST_DELAY} ms at most: no client waits longer than that");
                        self.complain(place!["fault", i, "ms"], "this is too long", Some(help));
                    }
                }
                Fault::Rate { host, service, reply, .. } => {
                    self.service(i, host, service);
                    if ![RoleKind::Submission.name(), RoleKind::Mta.name()].contains(&service.as_str()) {
                        let help = Some("`submission` and `mta` do".to_owned());
                        let message = format!("`{}` takes no messages", service.escape_debug());
                        self.complain(place!["fault", i, "service"], message, help);
                    }
                    self.reply(i, reply);
                }
            }
        }
    }

    fn reply(&mut self, i: usize, reply: &str) {
        self.one_line(place!["fault", i, "reply"], reply);
        if reply.trim().is_empty() {
            self.complain(place!["fault", i, "reply"], "a reply needs a text", None);
        }
    }

    /// What goes wrong with TLS goes wrong where there is TLS.
    fn has_tls(&mut self, i: usize, host: &str) {
        let scenario = self.scenario;
        let mode = scenario.hosts.iter().find(|known| same(&known.name, host));
        if mode.is_some_and(|host| host.tls.unwrap_or(scenario.tls) == Tls::None) {
            let help = "say `tls = \"starttls\"` or `tls = \"implicit\"` at the top of the scenario, or at this host";
            let message = format!("`{host}` does nothing with TLS, so nothing can go wrong with it");
            self.complain(place!["fault", i, "host"], message, Some(help.to_owned()));
        }
    }

    /// The host exists, and has that role where one is named.
    fn service(&mut self, i: usize, host: &str, service: &str) {
        let Some(found) = self.host(place!["fault", i, "host"], host) else { return };
        if service.is_empty() || found.roles.iter().any(|role| role.name() == service) {
            return;
        }
        let message = match ROLES.iter().any(|role| role.name() == service) {
            true => format!("`{host}` does not have the role `{service}`"),
            false => format!("`{}` is no role", service.escape_debug()),
        };
        let help = choose(service, found.roles.iter().map(|role| role.name()));
        // A greylist has no key `service`; its place is then the fault itself.
        self.complain(place!["fault", i, "service"], message, Some(help));
    }

    fn one_of(&mut self, i: usize, how: &str, choice: &[&str]) {
        if !choice.contains(&how) {
            let message = format!("`{}` is no way to fail", how.escape_debug());
            self.complain(place!["fault", i, "how"], message, Some(choose(how, choice.iter().copied())));
        }
    }

    fn interval(&mut self, i: usize, from_s: u64, until_s: u64) {
        if until_s != 0 && until_s <= from_s {
            let help = Some("leave until-s out where it never ends".to_owned());
            self.complain(place!["fault", i, "until-s"], "this fault ends before it begins", help);
        }
    }

    fn word(&mut self, i: usize, verb: &str) {
        if verb.is_empty() || verb.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let help = Some(
                "a verb is one word: `RCPT`, `CONNECT` for the greeting, `.` for the end of DATA".to_owned(),
            );
            self.complain(place!["fault", i, "verb"], "this is no verb", help);
        }
    }

    fn removal(&mut self, i: usize, name: &str, rtype: &str) {
        let place = place!["fault", i, "name"];
        let Ok(gone) = Name::parse(name, Some(&Name::root())) else {
            return self.complain(place, format!("`{}` is no domain name", name.escape_debug()), None);
        };
        if !rtype.is_empty() && !record::TYPES.iter().any(|known| same(known, rtype)) {
            let help = Some(choose(rtype, record::TYPES));
            let message = format!("`{}` is no type known here", rtype.escape_debug());
            return self.complain(place!["fault", i, "rtype"], message, help);
        }
        let mut owners = Vec::new();
        for zone in &self.scenario.zones {
            let Ok(origin) = Name::parse(&zone.origin, Some(&Name::root())) else { continue };
            if rtype.is_empty() && gone.zone_of(&origin) {
                return;
            }
            let records = zone.records.iter().filter_map(|line| record::parse(line, &origin, zone.ttl).ok());
            for found in records.filter(|r| rtype.is_empty() || same(&r.record_type().to_string(), rtype)) {
                if found.name == gone || (rtype.is_empty() && gone.zone_of(&found.name)) {
                    return;
                }
                let owner = found.name.to_ascii();
                owners.push(owner.trim_end_matches('.').to_owned());
            }
        }
        owners.sort();
        owners.dedup();
        let what = if rtype.is_empty() { "records".to_owned() } else { format!("{rtype} records") };
        let help = Some(choose(name, owners.iter().map(String::as_str)));
        self.complain(place, format!("no zone has {what} of `{}`", name.escape_debug()), help);
    }

    fn addition(&mut self, i: usize, zone: &str, line: &str) {
        let zones = &self.scenario.zones;
        let bare = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
        let Some(found) = zones.iter().find(|known| bare(&known.origin) == bare(zone)) else {
            let help = choose(zone, zones.iter().map(|known| known.origin.as_str()));
            let message = format!("this scenario has no zone `{}`", zone.escape_debug());
            return self.complain(place!["fault", i, "zone"], message, Some(help));
        };
        let Ok(origin) = Name::parse(&found.origin, Some(&Name::root())) else { return };
        if let Err(error) = record::parse(line, &origin, found.ttl) {
            self.record_error(place!["fault", i, "record"], error);
        }
    }
}
