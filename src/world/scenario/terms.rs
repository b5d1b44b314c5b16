//! The small terms inside a scenario's strings: moments (`+5s`, `mail`), addresses, names, the start.
//!
//! A scenario that loaded has only good ones, so the accessors here do not fail on it.

use super::{Act, Scenario};
use crate::base::Instant;
use std::time::Duration;

/// When an act begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once after the person's last act; for their first one, when the story starts.
    AtOnce,
    /// This long after the story's start, and not before their last act is done.
    After(Duration),
    /// As soon as a message lies in their INBOX; at once if one does already.
    Mail,
}

impl When {
    /// From its text: empty, `mail`, or `+` with a whole number and `ms`, `s`, `m` or `h`.
    pub fn parse(text: &str) -> Option<When> {
        match text {
            "" => return Some(When::AtOnce),
            "mail" => return Some(When::Mail),
            _ => {}
        }
        let rest = text.strip_prefix('+')?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        Some(When::After(Duration::from_millis(number.checked_mul(millis)?)))
    }
}

impl Act {
    /// When it begins.
    pub fn begins(&self) -> When {
        When::parse(&self.when).unwrap_or(When::AtOnce)
    }
}

impl Scenario {
    /// When the story begins.
    pub fn start_instant(&self) -> Instant {
        parse_start(&self.start).unwrap_or_default()
    }
}

/// RFC 3339 in UTC (`Z` or `+00:00`) as an instant.
pub(super) fn parse_start(text: &str) -> Option<Instant> {
    if !(text.ends_with('Z') || text.ends_with('z') || text.ends_with("+00:00")) {
        return None;
    }
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    Some(Instant::from_micros(timestamp.as_microsecond()))
}

/// The address in `Alice <alice@example.com>` or `alice@example.com`: its local part and its domain.
///
/// The domain may be an address literal in brackets. What could break out of a header or a command line (control
/// characters, spaces outside quotes, angle brackets) is no address.
pub fn address(text: &str) -> Option<(&str, &str)> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let bare = match text.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => text,
    };
    let (local, domain) = bare.rsplit_once('@')?;
    let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')).is_some_and(is_literal);
    (is_local_part(local) && (literal || is_domain(domain))).then_some((local, domain))
}

fn is_literal(inside: &str) -> bool {
    match inside.strip_prefix("IPv6:") {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => inside.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// RFC 5321 §4.1.2 `Local-part = Dot-string / Quoted-string`, at most 64 octets (§4.5.3.1.1); letters beyond ASCII
/// as RFC 6531 allows.
fn is_local_part(local: &str) -> bool {
    if local.is_empty() || local.len() > 64 {
        return false;
    }
    if let Some(inside) = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')) {
        let mut chars = inside.chars();
        while let Some(c) = chars.next() {
            if c == '"' || (c == '\\' && chars.next().is_none()) {
                return false;
            }
        }
        return true;
    }
    let is_atext = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Whether this is a host's or domain's name: labels of letters, digits and hyphens, 63 octets each, 253 in all
/// (RFC 1035 §2.3.1 and §2.3.4, RFC 1123 §2.1).
pub fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// The candidate that `word` was probably meant to be: few letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| distance(&word.to_lowercase(), &candidate.to_lowercase());
    let best = candidates.into_iter().min_by_key(near)?;
    let allowed = match word.chars().count().max(best.chars().count()) {
        0..=3 => 1,
        length => (length / 3).max(2),
    };
    (near(&best) <= allowed).then_some(best)
}

/// How many letters to insert, delete or replace (Levenshtein); long words count as far apart.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().max(b.len()) > 300 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(When::parse(""), Some(When::AtOnce));
        assert_eq!(When::parse("mail"), Some(When::Mail));
        assert_eq!(When::parse("+90s"), Some(When::After(Duration::from_secs(90))));
        assert_eq!(When::parse("+2h"), Some(When::After(Duration::from_secs(7200))));
        for bad in ["5s", "+s", "+5", "+5 s", "soon", "+99999999999999999999s", "+9999999999999999999h"] {
            assert_eq!(When::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(address("Bob <bob@example.net>"), Some(("bob", "example.net")));
        assert_eq!(address("\"a b\"@example.net"), Some(("\"a b\"", "example.net")));
        assert_eq!(address("x@[192.0.2.1]"), Some(("x", "[192.0.2.1]")));
        for bad in [
            "bob",
            "@example.net",
            "bob@",
            "b ob@example.net",
            "a@b\r\nRSET",
            "<a@b",
            "a..b@c",
            "a@-b",
            "a@b_c",
        ] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        assert_eq!(
            nearest("mx1.exmaple.net", ["mx2.example.com", "mx1.example.net"]),
            Some("mx1.example.net")
        );
        assert_eq!(nearest("latency", ["title", "about"]), None);
    }
}
