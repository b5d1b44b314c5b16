//! Mail programs and mailboxes as a scenario sets them: by which protocol, what is left on the server, what lies in the
//! mailbox from the start, what kind of line there is; and the same scenario at another size.

use super::terms::When;
use super::what::is_false;
use super::{Host, Letter, Link, RoleKind, Scenario, What, is_zero};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

/// By which protocol a mail client reaches its mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// POP3 (RFC 1939).
    Pop3,
    /// IMAP (RFC 9051).
    #[default]
    Imap,
}

/// By which mechanism a mail client logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogIn {
    /// SASL PLAIN (RFC 4616), also where POP3 and IMAP have commands of their own.
    Plain,
    /// SASL LOGIN.
    Login,
    /// SASL CRAM-MD5 (RFC 2195).
    CramMd5,
    /// SASL SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// POP3: APOP (RFC 1939 §7). Elsewhere as if nothing were said.
    Apop,
}

/// How long a POP3 client leaves messages on the server after it has fetched them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Not at all: they are removed in the session that fetches them.
    No,
    /// So many days.
    Days(u32),
    /// Until they are deleted on the device.
    Always,
}

impl Leave {
    /// From its text: `no`, `always`, or days as in `14d`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "no" => Some(Leave::No),
            "always" => Some(Leave::Always),
            days => days.strip_suffix('d')?.parse().ok().map(Leave::Days),
        }
    }
}

/// How the mail program on a device is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailClient {
    /// The device: a host with the role `mua`.
    pub device: String,
    /// By which protocol; where it says nothing, what its person says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// By which mechanism it logs in; where it says nothing, what its account says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<LogIn>,
    /// POP3: how long messages stay on the server after they were fetched: `no`, `always`, or days as in `14d`.
    #[serde(default = "fortnight")]
    pub leave: String,
    /// POP3: of messages larger than so many octets only the header is fetched at first; 0: all are fetched whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub whole_up_to: u64,
    /// It takes TLS where it is offered and goes on in clear where not, and takes any certificate: what programs once
    /// called “TLS, if available”. Otherwise it insists (RFC 8314 §5.2).
    #[serde(default, skip_serializing_if = "is_false")]
    pub tls_if_available: bool,
}

fn fortnight() -> String {
    "14d".to_owned()
}

/// A mailbox that an account has from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerMailbox {
    /// Whose.
    pub account: String,
    /// Its name: `Sent`, or `Family/2026`.
    pub name: String,
    /// What it is for, as in `\Sent` (RFC 6154); empty: nothing special.
    #[serde(rename = "use", default, skip_serializing_if = "String::is_empty")]
    pub special_use: String,
}

/// A message, or many alike, that lie in a mailbox from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preloaded {
    /// Whose mailbox.
    pub account: String,
    /// Which one.
    #[serde(default = "inbox", skip_serializing_if = "is_inbox")]
    pub mailbox: String,
    /// How long before the story's start it came: `90s`, `5m`, `3h`, `2d`.
    #[serde(default = "hour_ago")]
    pub age: String,
    /// Its flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// How many there are of it; each has its number in the subject where there are several.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub count: u32,
    /// So many octets of text in each body, beside what the letter says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub octets: u64,
    /// What it says.
    pub letter: Letter,
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn is_inbox(name: &String) -> bool {
    name == "INBOX"
}

fn hour_ago() -> String {
    "1h".to_owned()
}

fn once() -> u32 {
    1
}

fn is_once(count: &u32) -> bool {
    *count == 1
}

impl Preloaded {
    /// How long before the start it came.
    pub fn came_before(&self) -> Duration {
        parse_age(&self.age).unwrap_or_default()
    }
}

/// `90s`, `5m`, `3h`, `2d`.
pub(super) fn parse_age(text: &str) -> Option<Duration> {
    if let Some(days) = text.strip_suffix('d') {
        return Some(Duration::from_secs(days.parse::<u64>().ok()?.checked_mul(86_400)?));
    }
    match When::parse(&format!("+{text}")) {
        Some(When::After(time)) => Some(time),
        _ => None,
    }
}

/// How a mail program behaves, once everybody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// By which protocol.
    pub access: Access,
    /// POP3: how long messages stay on the server.
    pub leave: Leave,
    /// POP3: the largest message that is fetched whole at once; 0: any.
    pub whole_up_to: u64,
}

/// A kind of line between a device and its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// One way, milliseconds.
    pub latency_ms: u32,
    /// Kilobits a second, each way; 0 is unlimited.
    pub kbit: u32,
}

impl LinkSpec {
    /// Names of the presets, with what they stand for: a home line, a mobile network of the third generation, and a
    /// geostationary satellite, some 36 000 km up: a quarter of a second for up and down again.
    pub const PRESETS: [(&'static str, LinkSpec); 3] = [
        ("broadband", LinkSpec { latency_ms: 15, kbit: 50_000 }),
        ("3g", LinkSpec { latency_ms: 150, kbit: 1_600 }),
        ("satellite", LinkSpec { latency_ms: 300, kbit: 5_000 }),
    ];
}

impl fmt::Display for LinkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match LinkSpec::PRESETS.iter().find(|(_, spec)| spec == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}ms/{}kbit", self.latency_ms, self.kbit),
        }
    }
}

/// A link that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no kind of link: write broadband, 3g, satellite, or latency and bandwidth as in 80ms/2000kbit", .0.escape_debug())]
pub struct BadLink(String);

impl FromStr for LinkSpec {
    type Err = BadLink;

    /// A preset's name, or `80ms/2000kbit`: one-way latency, and kilobits a second (`80ms` alone: unlimited).
    fn from_str(text: &str) -> Result<Self, BadLink> {
        if let Some((_, spec)) = LinkSpec::PRESETS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(*spec);
        }
        let bad = || BadLink(text.to_owned());
        let (latency, kbit) = text.split_once('/').unwrap_or((text, "0kbit"));
        let latency_ms = latency.strip_suffix("ms").and_then(|n| n.parse().ok()).ok_or_else(bad)?;
        let kbit = kbit.strip_suffix("kbit").and_then(|n| n.parse().ok()).ok_or_else(bad)?;
        Ok(LinkSpec { latency_ms, kbit })
    }
}

impl Scenario {
    /// The same story with every mail client on this protocol.
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// The same story with this kind of line between each device of `person` and every server.
    pub fn with_link(mut self, person: &str, link: LinkSpec) -> Self {
        let devices: Vec<String> = self
            .people
            .iter()
            .filter(|p| p.name.eq_ignore_ascii_case(person))
            .flat_map(|p| p.devices.clone())
            .collect();
        let servers = self.hosts.iter().filter(|h| !h.roles.contains(&RoleKind::Mua));
        let servers: Vec<String> = servers.map(|h| h.name.clone()).collect();
        self.links.retain(|l| !l.between.iter().any(|end| devices.contains(end)));
        for device in &devices {
            for server in &servers {
                self.links.push(Link {
                    between: [device.clone(), server.clone()],
                    latency_ms: link.latency_ms,
                    bandwidth_kbit: link.kbit,
                });
            }
        }
        self
    }

    /// The same story at another size: `messages` in the inbox at the start, of which the many that are alike have
    /// `octets` of text each, and `devices` of the person who has most. Each device beyond those of the story brings
    /// itself up to date where the last of those first does ([`What::Sync`]). What the story names is never left out.
    pub fn scaled(mut self, messages: u32, octets: u64, devices: usize) -> Self {
        let named: u32 = self.messages.iter().filter(|m| m.count == 1).map(|m| m.count).sum();
        let mut left = messages.saturating_sub(named);
        for many in self.messages.iter_mut().filter(|m| m.count > 1) {
            many.count = std::mem::take(&mut left);
            many.octets = octets;
        }
        self.messages.retain(|m| m.count > 0);
        self.add_devices(devices);
        self
    }

    fn add_devices(&mut self, devices: usize) {
        let most = self.people.iter().enumerate().max_by_key(|(at, p)| (p.devices.len(), usize::MAX - at));
        let Some((person, model)) = most.and_then(|(at, p)| Some((at, p.devices.last()?.clone()))) else {
            return;
        };
        let last_sync = |act: &super::Act| matches!(act.what, What::Sync) && act.device == model;
        for number in self.people.get(person).map_or(0, |p| p.devices.len()) + 1..=devices {
            let Some(host) = self.hosts.iter().find(|h| h.name == model).cloned() else { return };
            let domain = model.split_once('.').map_or("", |(_, domain)| domain);
            let name = format!("device-{number}.{domain}");
            let Some(address) = self.free_address(&host) else { return };
            let links: Vec<Link> =
                self.links.iter().filter(|l| l.between.contains(&model)).cloned().collect();
            for mut link in links {
                link.between.iter_mut().filter(|end| **end == model).for_each(|end| *end = name.clone());
                self.links.push(link);
            }
            let like = self.clients.iter().find(|c| c.device == model).cloned();
            self.clients.extend(like.map(|client| MailClient { device: name.clone(), ..client }));
            self.hosts.push(Host { name: name.clone(), addresses: vec![address], ..host });
            if let Some(owner) = self.people.get_mut(person) {
                owner.devices.push(name.clone());
            }
            if let Some(at) = self.acts.iter().position(last_sync) {
                let act = self.acts.get(at).cloned();
                let out = act.clone().map(|act| super::Act { what: What::LogOut, ..act });
                let both = [act, out].into_iter().flatten();
                let acts = both.map(|act| super::Act { device: name.clone(), detail: String::new(), ..act });
                self.acts.splice(at + 1..at + 1, acts);
            }
        }
    }

    /// An address beside a host's own that nobody has: of the same /24.
    fn free_address(&self, host: &Host) -> Option<IpAddr> {
        let taken = |ip: IpAddr| self.hosts.iter().any(|h| h.addresses.contains(&ip));
        let IpAddr::V4(first) = *host.addresses.iter().find(|a| a.is_ipv4())? else { return None };
        let [a, b, c, _] = first.octets();
        (1..255).map(|d| IpAddr::V4(Ipv4Addr::new(a, b, c, d))).find(|ip| !taken(*ip))
    }

    /// By which mechanism the mail program on a device logs in to an account, where that is said.
    pub fn log_in(&self, account: &str, device: &str) -> Option<LogIn> {
        let client = self.clients.iter().find(|c| c.device.eq_ignore_ascii_case(device));
        let account = self.accounts.iter().find(|a| a.address.eq_ignore_ascii_case(account));
        client.and_then(|c| c.auth).or(account.and_then(|a| a.auth))
    }

    /// How the mail program of a person on a device behaves.
    pub fn manner(&self, person: &str, device: &str) -> Manner {
        let client = self.clients.iter().find(|c| c.device.eq_ignore_ascii_case(device));
        let person = self.people.iter().find(|p| p.name == person);
        let own = client.and_then(|c| c.access).or(person.and_then(|p| p.access));
        Manner {
            access: self.access.or(own).unwrap_or_default(),
            leave: client.and_then(|c| Leave::parse(&c.leave)).unwrap_or(Leave::Days(14)),
            whole_up_to: client.map_or(0, |c| c.whole_up_to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_said_back() {
        for text in ["broadband", "3g", "satellite", "80ms/2000kbit", "5ms/0kbit"] {
            let spec: LinkSpec = text.parse().expect("a link");
            assert_eq!(spec.to_string(), text);
        }
        assert_eq!("80ms".parse(), Ok(LinkSpec { latency_ms: 80, kbit: 0 }));
        for bad in ["", "slow", "80", "80ms/fast", "ms/kbit", "-1ms"] {
            let error = bad.parse::<LinkSpec>().expect_err("no link").to_string();
            assert!(error.contains("80ms/2000kbit"), "{error}");
        }
    }

    #[test]
    fn leaving_and_ages_are_read() {
        let read = ["no", "always", "14d", "d", "14", "-1d", ""].map(Leave::parse);
        let want = [Some(Leave::No), Some(Leave::Always), Some(Leave::Days(14)), None, None, None, None];
        assert_eq!(read, want);
        assert_eq!(parse_age("2d"), Some(Duration::from_secs(172_800)));
        assert_eq!(parse_age("5m"), Some(Duration::from_secs(300)));
        assert_eq!((parse_age("99999999999999999999d"), parse_age("soon")), (None, None));
    }

    #[test]
    fn a_run_overrides_a_client_and_a_client_its_person() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        let device = "bob-laptop.example.net";
        assert_eq!(scenario.manner("Bob", device).access, Access::Imap);
        scenario.people.iter_mut().for_each(|p| p.access = Some(Access::Pop3));
        assert_eq!(scenario.manner("Bob", device).access, Access::Pop3);
        let client = MailClient {
            device: device.to_owned(),
            access: Some(Access::Imap),
            auth: None,
            leave: "no".to_owned(),
            whole_up_to: 0,
            tls_if_available: false,
        };
        scenario.clients.push(client);
        assert_eq!(scenario.manner("Bob", device).access, Access::Imap);
        let manner = scenario.with_access(Access::Pop3).manner("Bob", device);
        assert_eq!(manner, Manner { access: Access::Pop3, leave: Leave::No, whole_up_to: 0 });
    }
}
