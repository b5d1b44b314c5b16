//! Do policies of senders make sense: is there a zone for the records, a key to sign with, somebody to send on to?

use super::{Checker, Key, place, same};
use crate::proto::policy::dmarc::record::Record as Dmarc;
use crate::proto::policy::spf::record as spf;
use crate::world::scenario::terms::{self, is_domain};
use crate::world::scenario::{Redirect, RoleKind, SenderPolicy};

impl Checker<'_> {
    pub(super) fn sender_policies(&mut self) {
        let scenario = self.scenario;
        for (i, policy) in scenario.sender_policies.iter().enumerate() {
            let path = place!["sender-policy", i, "domain"];
            if !is_domain(&policy.domain) {
                let message = format!("`{}` is no domain name", policy.domain.escape_debug());
                self.complain(path, message, None);
                continue;
            }
            let within = |origin: &str| crate::proto::policy::name::is_within(&policy.domain, origin);
            if !scenario.zones.iter().any(|zone| within(&zone.origin)) {
                let message = format!("no zone has `{}`, so nothing can be published for it", policy.domain);
                self.complain(path.clone(), message, Some("add a [[zone]]".to_owned()));
            }
            if scenario.sender_policies[..i].iter().any(|other| same(&other.domain, &policy.domain)) {
                self.complain(path, format!("there are two policies of `{}`", policy.domain), None);
            }
            self.records(i, policy);
        }
    }

    fn records(&mut self, i: usize, policy: &SenderPolicy) {
        self.one_line(place!["sender-policy", i, "spf"], &policy.spf);
        self.one_line(place!["sender-policy", i, "dmarc"], &policy.dmarc);
        // What an SPF record says may well be wrong, and a lesson about it; but it must be one.
        if !policy.spf.is_empty() && !spf::is_spf(policy.spf.as_bytes()) {
            let help = Some("write it as `v=spf1 mx -all`".to_owned());
            self.complain(place!["sender-policy", i, "spf"], "an SPF record begins with `v=spf1`", help);
        }
        if !policy.dmarc.is_empty() && Dmarc::read(policy.dmarc.as_bytes()).is_none() {
            let help = Some("write it as `v=DMARC1; p=reject`".to_owned());
            self.complain(place!["sender-policy", i, "dmarc"], "a DMARC record begins with `v=DMARC1`", help);
        }
        if let Some(key) = &policy.dkim
            && !is_domain(&key.selector)
        {
            let message = format!("`{}` is no selector", key.selector.escape_debug());
            let help = Some("a selector is one or more labels of a domain name: 2026a".to_owned());
            self.complain(place!["sender-policy", i, "dkim", "selector"], message, help);
        }
    }

    /// The domain's key, or a complaint.
    fn has_key(&mut self, path: Vec<Key>, domain: &str) {
        let policies = &self.scenario.sender_policies;
        if !policies.iter().any(|policy| same(&policy.domain, domain) && policy.dkim.is_some()) {
            let message = format!("`{}` has no key to sign with", domain.escape_debug());
            self.complain(path, message, Some("give it a [[sender-policy]] with `dkim`".to_owned()));
        }
    }

    pub(super) fn senders(&mut self) {
        let scenario = self.scenario;
        for (i, host) in scenario.hosts.iter().enumerate() {
            for (j, domain) in host.sign.iter().enumerate() {
                self.has_key(place!["host", i, "sign", j], domain);
            }
            let takes_mail = host.roles.iter().any(|r| matches!(r, RoleKind::Mta | RoleKind::Submission));
            let asked = [("verify", host.verify), ("sign", !host.sign.is_empty())];
            for (key, _) in asked.into_iter().filter(|(_, set)| *set && !takes_mail) {
                let message =
                    "only a host with the role `mta` or `submission` takes mail to sign or to check";
                self.complain(place!["host", i, key], message, None);
            }
            if !host.trust_arc.is_empty() && !host.verify {
                let message = "a host that does not check mail has no use for seals";
                self.complain(place!["host", i, "trust-arc"], message, Some("add verify = true".to_owned()));
            }
        }
        for (i, redirect) in scenario.redirects.iter().enumerate() {
            self.redirect(i, redirect);
        }
    }

    fn redirect(&mut self, i: usize, redirect: &Redirect) {
        let host = self.host(place!["redirect", i, "host"], &redirect.host);
        match terms::address(&redirect.address) {
            Some((_, domain)) => {
                let takes =
                    |host: &&crate::world::scenario::Host| host.domains.iter().any(|d| same(d, domain));
                if host.is_some() && host.filter(takes).is_none() {
                    let message = format!("`{}` does not take mail for `{domain}`", redirect.host);
                    self.complain(place!["redirect", i, "address"], message, None);
                }
            }
            None => {
                let message = format!("`{}` is no address", redirect.address.escape_debug());
                self.complain(place!["redirect", i, "address"], message, None);
            }
        }
        let taken = |address: &str| same(address, &redirect.address);
        let accounts = &self.scenario.accounts;
        if accounts.iter().any(|a| taken(&a.address) || a.aliases.iter().any(|alias| taken(alias))) {
            let message = format!("`{}` belongs to an account already", redirect.address);
            self.complain(place!["redirect", i, "address"], message, None);
        }
        if redirect.to.is_empty() {
            self.complain(place!["redirect", i, "to"], "there is nobody to send on to", None);
        }
        for (j, to) in redirect.to.iter().enumerate() {
            if terms::address(to).is_none() || to.contains('<') {
                let message = format!("`{}` is no address", to.escape_debug());
                self.complain(place!["redirect", i, "to", j], message, None);
            }
        }
        if !redirect.sender.is_empty() && terms::address(&redirect.sender).is_none() {
            let message = format!("`{}` is no address", redirect.sender.escape_debug());
            self.complain(place!["redirect", i, "sender"], message, None);
        }
        self.one_line(place!["redirect", i, "tag"], &redirect.tag);
        if !redirect.seal.is_empty() {
            self.has_key(place!["redirect", i, "seal"], &redirect.seal);
        }
    }
}
