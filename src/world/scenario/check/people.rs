//! Do accounts, people and acts make sense?

use super::super::load::choose;
use super::super::terms::{self, When};
use super::super::{Account, Act, Letter, NotifyOn, RoleKind, What};
use super::{Checker, place, same};
use base64::Engine;
use std::collections::BTreeSet;

impl Checker<'_> {
    pub(super) fn accounts(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (i, account) in scenario.accounts.iter().enumerate() {
            self.account_address(i, account);
            if account.password.expose().is_empty() || account.password.expose().chars().any(char::is_control)
            {
                self.complain(
                    place!["account", i, "password"],
                    "a password is one line, and not empty",
                    None,
                );
            }
            let aliases = account.aliases.iter().enumerate();
            for (j, alias) in aliases.clone() {
                if terms::address(alias).is_none() {
                    let message = format!("`{}` is no address", alias.escape_debug());
                    self.complain(place!["account", i, "aliases", j], message, None);
                }
            }
            let places = aliases.map(|(j, alias)| (place!["account", i, "aliases", j], alias));
            for (place, address) in
                std::iter::once((place!["account", i, "address"], &account.address)).chain(places)
            {
                if !seen.insert(address.to_ascii_lowercase()) {
                    self.complain(place, format!("`{address}` belongs to an account already"), None);
                }
            }
        }
    }

    /// An account's address is local to the host that keeps it.
    fn account_address(&mut self, i: usize, account: &Account) {
        let place = place!["account", i, "address"];
        let domain = match terms::address(&account.address) {
            Some((_, domain)) if !account.address.contains('<') => domain,
            _ => {
                let message = format!("`{}` is no address", account.address.escape_debug());
                let help = Some("write it as local-part@domain: bob@example.net".to_owned());
                return self.complain(place, message, help);
            }
        };
        let Some(host) = self.host(place!["account", i, "host"], &account.host) else { return };
        if host.domains.iter().any(|own| same(own, domain)) {
            return;
        }
        let scenario = self.scenario;
        let takers = scenario.hosts.iter().filter(|host| host.domains.iter().any(|own| same(own, domain)));
        let takers: Vec<&str> = takers.map(|host| host.name.as_str()).collect();
        if takers.is_empty() {
            let all = scenario.hosts.iter().flat_map(|host| host.domains.iter().map(String::as_str));
            let help = Some(choose(domain, all.collect::<BTreeSet<_>>()));
            return self.complain(place, format!("no host takes mail for `{domain}`"), help);
        }
        let help = Some(format!("keep it on `{}`, or add the domain to that host", takers.join("` or `")));
        let message = format!("`{}` does not take mail for `{domain}`", account.host);
        self.complain(place!["account", i, "host"], message, help);
    }

    /// Whether an account has this address; a complaint with a hint where not.
    pub(super) fn account(&mut self, place: Vec<super::Key>, address: &str) {
        let accounts = &self.scenario.accounts;
        if !accounts.iter().any(|account| same(&account.address, address)) {
            let help = choose(address, accounts.iter().map(|account| account.address.as_str()));
            let message = format!("this scenario has no account `{}`", address.escape_debug());
            self.complain(place, message, Some(help));
        }
    }

    pub(super) fn people(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (i, person) in scenario.people.iter().enumerate() {
            self.one_line(place!["person", i, "name"], &person.name);
            if person.name.trim().is_empty() {
                self.complain(place!["person", i, "name"], "a person needs a name", None);
            }
            if !seen.insert(person.name.as_str()) {
                self.complain(
                    place!["person", i, "name"],
                    format!("there are two people `{}`", person.name),
                    None,
                );
            }
            self.account(place!["person", i, "account"], &person.account);
            if person.devices.is_empty() {
                let help = Some("name a host with the role `mua`".to_owned());
                self.complain(
                    place!["person", i, "devices"],
                    format!("`{}` has no device", person.name),
                    help,
                );
            }
            for (j, device) in person.devices.iter().enumerate() {
                let place = place!["person", i, "devices", j];
                let Some(host) = self.host(place.clone(), device) else { continue };
                if !host.roles.contains(&RoleKind::Mua) {
                    let help = Some("a device is a host with the role `mua`".to_owned());
                    self.complain(place, format!("`{device}` has no mail client"), help);
                }
            }
        }
    }

    pub(super) fn acts(&mut self) {
        let scenario = self.scenario;
        for (i, act) in scenario.acts.iter().enumerate() {
            self.act(i, act);
            let name = act.what.name();
            match &act.what {
                What::Send(letter) | What::Draft(letter) | What::SendAndKeep(letter) => {
                    self.letter(place!["act", i, "do", name], letter);
                }
                What::LeaveHere(letter) => {
                    self.letter(place!["act", i, "do", name], letter);
                    self.all_here(i, act, letter);
                }
                What::ReadHere => self.kept_here(i, act),
                What::SendDirect { server, letter } => {
                    self.takes_mail(place!["act", i, "do", "send-direct", "server"], server);
                    self.letter(place!["act", i, "do", "send-direct", "letter"], letter);
                }
                What::FetchImap { flag, .. } => self.flag(place!["act", i, "do", "fetch-imap", "flag"], flag),
                other => self.wanted(i, other),
            }
        }
    }

    fn act(&mut self, i: usize, act: &Act) {
        let people = &self.scenario.people;
        self.one_line(place!["act", i, "password"], act.password.expose());
        self.one_line(place!["act", i, "intent"], &act.intent);
        self.one_line(place!["act", i, "detail"], &act.detail);
        if When::parse(&act.when).is_none() {
            let message = format!("`{}` is no moment of a story", act.when.escape_debug());
            let help = "write `+5s` (also ms, m, h), `mail`, or leave it out".to_owned();
            self.complain(place!["act", i, "when"], message, Some(help));
        }
        let Some(person) = people.iter().find(|person| person.name == act.who) else {
            let help = choose(&act.who, people.iter().map(|person| person.name.as_str()));
            let message = format!("this scenario has no person `{}`", act.who.escape_debug());
            return self.complain(place!["act", i, "who"], message, Some(help));
        };
        if !act.device.is_empty() && !person.devices.iter().any(|device| same(device, &act.device)) {
            let help = choose(&act.device, person.devices.iter().map(String::as_str));
            let message = format!("`{}` is no device of {}", act.device.escape_debug(), person.name);
            self.complain(place!["act", i, "device"], message, Some(help));
        }
    }

    /// Everybody whom the letter is for has a mailbox on the machine that it is written on.
    fn all_here(&mut self, i: usize, act: &Act, letter: &Letter) {
        let Some(device) = self.device_of(act) else { return };
        for (j, to) in letter.to.iter().enumerate() {
            let Some((local, domain)) = terms::address(to) else { continue };
            let address = format!("{local}@{domain}");
            let here = |a: &&Account| same(&a.address, &address) && same(&a.host, &device);
            if !self.scenario.accounts.iter().any(|a| here(&a)) {
                let help = Some("use `send` for a letter that has to travel".to_owned());
                let message = format!("`{address}` has no mailbox on `{device}`");
                self.complain(place!["act", i, "do", "leave-here", "to", j], message, help);
            }
        }
    }

    /// The mailbox of the one who reads lies on the machine.
    fn kept_here(&mut self, i: usize, act: &Act) {
        let Some(device) = self.device_of(act) else { return };
        let people = &self.scenario.people;
        let Some(person) = people.iter().find(|person| person.name == act.who) else { return };
        let accounts = &self.scenario.accounts;
        if !accounts.iter().any(|a| same(&a.address, &person.account) && same(&a.host, &device)) {
            let help = Some("use `fetch-imap` or `fetch-pop3` for a mailbox that lies elsewhere".to_owned());
            let message = format!("the mailbox of {} does not lie on `{device}`", person.name);
            self.complain(place!["act", i, "who"], message, help);
        }
    }

    /// The device that an act is done on: the one that it names, or its person's first.
    fn device_of(&self, act: &Act) -> Option<String> {
        let person = self.scenario.people.iter().find(|person| person.name == act.who)?;
        if act.device.is_empty() { person.devices.first().cloned() } else { Some(act.device.clone()) }
    }

    /// The host exists, and listens on port 25.
    fn takes_mail(&mut self, place: Vec<super::Key>, server: &str) {
        if let Some(host) = self.host(place.clone(), server)
            && !host.roles.contains(&RoleKind::Mta)
        {
            let help = Some("name a host with the role `mta`".to_owned());
            self.complain(place, format!("`{server}` does not listen on port 25"), help);
        }
    }

    /// RFC 9051 §9: `flag = "\Answered" / … / flag-keyword / flag-extension`, made of atoms.
    pub(super) fn flag(&mut self, place: Vec<super::Key>, flag: &str) {
        let atom = flag.strip_prefix('\\').unwrap_or(flag);
        let is_atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
        if !flag.is_empty() && (atom.is_empty() || !atom.chars().all(is_atom)) {
            let help = Some("write a flag as `\\Flagged`, or a keyword as `$Forwarded`".to_owned());
            self.complain(place, format!("`{}` is no flag", flag.escape_debug()), help);
        }
    }

    /// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]` (RFC 5322 §3.6.4); empty is none.
    fn message_id(&mut self, place: Vec<super::Key>, id: &str) {
        let inner = id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let is_id = |text: &str| {
            text.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
                && text.chars().all(|c| c.is_ascii_graphic() && !"<>".contains(c))
        };
        if !id.is_empty() && !inner.is_some_and(is_id) {
            let help = Some("write it as `<20260105.1@example.com>`".to_owned());
            self.complain(place, format!("`{}` is no Message-ID", id.escape_debug()), help);
        }
    }

    pub(super) fn letter(&mut self, base: Vec<super::Key>, letter: &Letter) {
        let base = base.as_slice();
        let send = |key: &'static str| [base, &[super::Key::Name(key)]].concat();
        if letter.to.is_empty() && letter.cc.is_empty() && letter.bcc.is_empty() {
            self.complain(send("to"), "a letter needs somebody to go to", None);
        }
        self.one_line(send("subject"), &letter.subject);
        self.one_line(send("envid"), &letter.envid);
        if !letter.envid.is_ascii() || crate::proto::smtp::grammar::to_xtext(&letter.envid).len() > 100 {
            let text = "an ENVID has 100 characters of ASCII at most (RFC 3461 §4.4)";
            self.complain(send("envid"), text, None);
        }
        if letter.notify.contains(&NotifyOn::Never) && letter.notify.len() > 1 {
            self.complain(send("notify"), "`never` stands alone (RFC 3461 §4.1)", None);
        }
        self.message_id(send("in-reply-to"), &letter.in_reply_to);
        for (j, id) in letter.references.iter().enumerate() {
            self.message_id([base, &[super::Key::Name("references"), super::Key::At(j)]].concat(), id);
        }
        let from = (!letter.from.is_empty()).then(|| (send("from"), &letter.from));
        let lists = [("to", &letter.to), ("cc", &letter.cc), ("bcc", &letter.bcc)];
        let named = lists.into_iter().flat_map(|(key, list)| {
            let place = move |j: usize| [base, &[super::Key::Name(key), super::Key::At(j)]].concat();
            list.iter().enumerate().map(move |(j, text)| (place(j), text))
        });
        for (place, text) in from.into_iter().chain(named) {
            if terms::address(text).is_none() {
                let message = format!("`{}` is no address", text.escape_debug());
                let help = Some("write `bob@example.net` or `Bob <bob@example.net>`".to_owned());
                self.complain(place, message, help);
            }
        }
        for (j, attachment) in letter.attachments.iter().enumerate() {
            let place = |key: &'static str| {
                [base, &[super::Key::Name("attachment"), super::Key::At(j), super::Key::Name(key)]].concat()
            };
            self.one_line(place("name"), &attachment.name);
            self.one_line(place("type"), &attachment.media_type);
            if attachment.octets > 0 && !attachment.base64.is_empty() {
                self.complain(place("octets"), "an attachment has `base64` or `octets`, not both", None);
            }
            if base64::engine::general_purpose::STANDARD.decode(&attachment.base64).is_err() {
                self.complain(place("base64"), "this is not base64", None);
            }
        }
    }
}
