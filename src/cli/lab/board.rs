//! The board at the lab's entrance: which doors there are, who has which password, what to try first.

use super::doors::Planned;
use super::settings::quoted;
use crate::base::escape;
use crate::world::hosts::Beyond;
use crate::world::scenario::Scenario;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use unicode_width::UnicodeWidthStr;

/// What stands on it.
pub struct Board<'a> {
    /// The hosts and accounts.
    pub scenario: &'a Scenario,
    /// The doors, with the ports that they have.
    pub doors: &'a [Planned],
    /// The addresses that they are on.
    pub on: &'a [IpAddr],
    /// Mail for other domains.
    pub beyond: Beyond,
    /// The certificate that programs must trust, for TLS.
    pub authority: &'a Path,
    /// Words on what is not as usual.
    pub notes: Vec<String>,
}

/// What a lab is called above a story: where its doors are.
pub fn title(doors: &[Planned], on: &[IpAddr]) -> String {
    let mut said: Vec<String> = Vec::new();
    for planned in doors.iter().filter(|planned| planned.service.name == "submission") {
        let imap = doors.iter().find(|d| d.service.name == "imap" && d.domain == planned.domain);
        let imap = imap.map(|door| format!(", IMAP {}", door.door.port)).unwrap_or_default();
        said.push(format!("{}: submission {}{imap}", planned.domain, planned.door.port));
    }
    let at = on.first().map(ToString::to_string).unwrap_or_default();
    format!("Lab on {at} · {}", said.join(" · "))
}

impl Board<'_> {
    /// The board as text.
    pub fn text(&self) -> String {
        let mut out = String::from("postroad lab\n\n");
        let on: Vec<String> = self.on.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "   doors on {}", on.join(" and "));
        self.doors(&mut out);
        let _ = writeln!(out, "\n   mailboxes");
        let widest = self.scenario.accounts.iter().map(|a| a.address.width()).max().unwrap_or_default();
        for account in &self.scenario.accounts {
            let address = escape::text(&account.address);
            let pad = " ".repeat(widest.saturating_sub(address.width()));
            let _ = writeln!(out, "     {address}{pad}   {}", escape::text(account.password.expose()));
        }
        let authority = escape::text(&self.authority.display().to_string());
        let _ = writeln!(out, "\n   for TLS, trust this authority: {authority}");
        self.tries(&mut out);
        let other = match self.beyond {
            Beyond::Caught => {
                "Mail for other domains lands in the catch-all mailboxes; nothing leaves this machine."
            }
            _ => "Mail for other domains is refused (--catch-all takes it); nothing leaves this machine.",
        };
        let _ = writeln!(out, "\n   {other}\n   Ctrl-C closes the lab.");
        for note in &self.notes {
            let _ = writeln!(out, "   note: {note}");
        }
        out.push('\n');
        out
    }

    fn doors(&self, out: &mut String) {
        let mut domains: Vec<&str> = Vec::new();
        for door in self.doors.iter().filter(|door| !door.domain.is_empty()) {
            if !domains.contains(&door.domain.as_str()) {
                domains.push(&door.domain);
            }
        }
        let mut titles: Vec<&str> = Vec::new();
        for door in self.doors {
            if !titles.contains(&door.service.title) {
                titles.push(door.service.title);
            }
        }
        let widest = titles.iter().map(|title| title.width()).max().unwrap_or_default();
        let _ = write!(out, "     {}", " ".repeat(widest));
        domains.iter().for_each(|domain| {
            let _ = write!(out, "  {domain:>12}");
        });
        out.push('\n');
        for title in titles {
            let _ = write!(out, "     {title}{}", " ".repeat(widest - title.width()));
            for domain in &domains {
                let of = |door: &&Planned| door.service.title == title && door.domain == *domain;
                let port = self.doors.iter().find(of).map(|door| door.door.port.to_string());
                let _ = write!(out, "  {:>1$}", port.unwrap_or_default(), domain.width().max(12));
            }
            // What is of no domain stands in the first column.
            if let Some(door) = self.doors.iter().find(|d| d.service.title == title && d.domain.is_empty()) {
                let end = out.trim_end().len();
                out.truncate(end);
                let first = domains.first().map_or(12, |domain| domain.width().max(12));
                let _ = write!(out, "{}  {:>first$}", " ".repeat(widest - title.width()), door.door.port);
            }
            let end = out.trim_end().len();
            out.truncate(end);
            out.push('\n');
        }
    }

    /// The first two things to try: hand a letter in, and read it at the other end.
    fn tries(&self, out: &mut String) {
        let port = |service: &str, domain: &str| {
            self.doors.iter().find(|d| d.service.name == service && d.domain == domain).map(|d| d.door.port)
        };
        let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let accounts = &self.scenario.accounts;
        let Some((from, first)) = accounts.first().and_then(|a| Some((a, domain(&a.address)?))) else {
            return;
        };
        let other = accounts.iter().find(|a| domain(&a.address).is_some_and(|d| d != first));
        let Some((to, second)) = other.and_then(|a| Some((a, domain(&a.address)?))) else { return };
        let (Some(submission), Some(imap)) = (port("submission", &first), port("imap", &second)) else {
            return;
        };
        let at = self.on.first().map_or_else(String::new, |address| match address {
            IpAddr::V6(six) => format!("[{six}]"),
            four => four.to_string(),
        });
        let _ = writeln!(
            out,
            "\n   try, in another terminal\n     swaks --server {at}:{submission} --auth-user {} --auth-password {} \\\n       \
             --from {} --to {}\n     curl 'imap://{at}:{imap}/INBOX;MAILINDEX=1' --user {}:{}\n   \
             and --print-config for more programs",
            from.address,
            quoted(from.password.expose()),
            from.address,
            to.address,
            to.address,
            quoted(to.password.expose()),
        );
    }
}
