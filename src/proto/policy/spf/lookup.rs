//! What SPF's mechanisms ask the DNS, and the limits on it (RFC 7208 §4.6.4).

use super::SpfResult;
use super::eval::{Eval, Stop};
use super::macros::MacroString;
use crate::proto::policy::{Answer, Data, Rtype, asked, name};
use std::net::IpAddr;

/// The most terms that ask the DNS (RFC 7208 §4.6.4).
const MOST_TERMS: u32 = 10;
/// The most questions that come back with nothing (RFC 7208 §4.6.4).
const MOST_VOID: u32 = 2;
/// The most names of an `mx` or `ptr` (RFC 7208 §4.6.4).
const MOST_NAMES: usize = 10;

/// Whether an address is in a network.
pub fn in_network(address: IpAddr, network: IpAddr, length: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            u32::from(a) & mask == u32::from(n) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            u128::from(a) & mask == u128::from(n) & mask
        }
        _ => false,
    }
}

impl Eval<'_> {
    /// One more term that asks the DNS; too many are an error.
    pub fn count_term(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        if self.terms > MOST_TERMS {
            let why =
                format!("this is term number {} that asks the DNS; {MOST_TERMS} are allowed", self.terms);
            return Err(Stop::error(SpfResult::PermError, "spf-too-many-lookups", why, "RFC 7208 §4.6.4"));
        }
        Ok(())
    }

    /// Ask, and note it for the rule that is being applied. A name that cannot be asked for does not exist
    /// (RFC 7208 §4.8 has terms with such names not match).
    pub fn ask(&mut self, name: &str, rtype: Rtype) -> Result<Answer, Stop> {
        let name = name::bare(name);
        if !name::is_askable(name) {
            return Ok(Answer::NxDomain);
        }
        let answer = self.known.get(name, rtype).map_err(Stop::Ask)?.clone();
        self.asked.push(asked(name, rtype, &answer));
        Ok(answer)
    }

    /// The same for a mechanism: no answer is a `temperror`, and answers without anything are counted.
    pub fn ask_counted(&mut self, name: &str, rtype: Rtype) -> Result<Answer, Stop> {
        let answer = self.ask(name, rtype)?;
        if let Answer::Failed(why) = &answer {
            let why = format!("the DNS gave no answer: {why}");
            return Err(Stop::error(SpfResult::TempError, "spf-no-answer", why, "RFC 7208 §2.6.6"));
        }
        if answer.is_void() {
            self.voids += 1;
            if self.voids > MOST_VOID {
                let why = format!("{} questions came back with nothing; {MOST_VOID} are allowed", self.voids);
                return Err(Stop::error(SpfResult::PermError, "spf-too-many-voids", why, "RFC 7208 §4.6.4"));
            }
        }
        Ok(answer)
    }

    /// The type of the client's own family.
    pub fn address_type(&self) -> Rtype {
        if self.ip.is_ipv4() { Rtype::A } else { Rtype::Aaaa }
    }

    /// Whether one of the addresses of `host` is the client's, or in one network with it.
    pub fn has_address(&mut self, host: &str, four: u8, six: u8) -> Result<Option<IpAddr>, Stop> {
        let answer = self.ask_counted(host, self.address_type())?;
        let length = if self.ip.is_ipv4() { four } else { six };
        let found = answer.records().iter().find_map(|data| match data {
            Data::Address(address) if in_network(self.ip, *address, length) => Some(*address),
            _ => None,
        });
        Ok(found)
    }

    /// The mail exchangers of a domain; too many are an error.
    pub fn exchangers(&mut self, domain: &str) -> Result<Vec<String>, Stop> {
        let answer = self.ask_counted(domain, Rtype::Mx)?;
        let mut hosts: Vec<(u16, String)> = answer
            .records()
            .iter()
            .filter_map(|data| match data {
                Data::Mx(preference, host) => Some((*preference, host.clone())),
                _ => None,
            })
            .collect();
        if hosts.len() > MOST_NAMES {
            let why = format!("`{domain}` has {} mail exchangers; {MOST_NAMES} are allowed", hosts.len());
            return Err(Stop::error(SpfResult::PermError, "spf-too-many-mx", why, "RFC 7208 §4.6.4"));
        }
        hosts.sort();
        Ok(hosts.into_iter().map(|(_, host)| host).collect())
    }

    /// The names of the client's address that lead back to it (RFC 7208 §5.5); only the first ten are looked at, and
    /// one that gives no answer is passed over.
    pub fn validated_names(&mut self) -> Result<Vec<String>, Stop> {
        let answer = self.ask(&reverse_name(self.ip), Rtype::Ptr)?;
        let names: Vec<String> = answer
            .records()
            .iter()
            .filter_map(|data| match data {
                Data::Name(name) => Some(name::bare(name).to_owned()),
                _ => None,
            })
            .take(MOST_NAMES)
            .collect();
        let mut validated = Vec::new();
        for name in names {
            let answer = self.ask(&name, self.address_type())?;
            if answer.records().contains(&Data::Address(self.ip)) {
                validated.push(name);
            }
        }
        Ok(validated)
    }

    /// A domain with its macros in place. Longer than a name may be, it loses labels from the left (RFC 7208 §7.3).
    pub fn target(&mut self, spec: Option<&MacroString>, domain: &str) -> Result<String, Stop> {
        let Some(spec) = spec else { return Ok(domain.to_owned()) };
        let expanded = self.expand(spec, domain)?;
        let mut name = name::bare(&expanded);
        while name.len() > name::LONGEST_NAME {
            match name.split_once('.') {
                Some((_, rest)) => name = rest,
                None => break,
            }
        }
        Ok(name.to_owned())
    }

    /// A macro string with its values.
    pub fn expand(&mut self, text: &MacroString, domain: &str) -> Result<String, Stop> {
        text.expand(|letter| self.value(letter, domain))
    }

    /// A macro's value (RFC 7208 §7.2, §7.3).
    fn value(&mut self, letter: char, domain: &str) -> Result<String, Stop> {
        Ok(match letter {
            's' => format!("{}@{}", self.local, self.sender_domain),
            'l' => self.local.clone(),
            'o' => self.sender_domain.clone(),
            'd' => domain.to_owned(),
            'i' => dotted(self.ip),
            'p' => {
                let names = self.validated_names()?;
                let itself = names.iter().find(|name| name::same(name, domain));
                let below = names.iter().find(|name| name::is_within(name, domain));
                itself.or(below).or(names.first()).cloned().unwrap_or_else(|| "unknown".to_owned())
            }
            'v' => if self.ip.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
            'h' => self.request.helo.clone(),
            'c' => self.ip.to_string(),
            'r' if self.request.receiver.is_empty() => "unknown".to_owned(),
            'r' => self.request.receiver.clone(),
            't' => self.request.now.to_string(),
            _ => String::new(),
        })
    }
}

/// An address with its parts between dots: of IPv6 its 32 digits, in upper case as in the example of RFC 7208 §7.4.
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => {
            let digits: Vec<String> = format!("{:032X}", u128::from(six)).chars().map(String::from).collect();
            digits.join(".")
        }
    }
}

/// The name under which an address's own name is found (RFC 1035 §3.5, RFC 3596 §2.5).
fn reverse_name(ip: IpAddr) -> String {
    let dotted = dotted(ip);
    let mut parts: Vec<&str> = dotted.split('.').collect();
    parts.reverse();
    format!("{}.{}.arpa", parts.join("."), if ip.is_ipv4() { "in-addr" } else { "ip6" })
}
