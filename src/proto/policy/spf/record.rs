//! An SPF record as terms with their places: `v=spf1 ip4:192.0.2.0/24 include:example.org -all` (RFC 7208 §4.6, §12).

use super::macros::MacroString;
use crate::base::Span;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, and where nothing stands.
    Pass,
    /// `-`.
    Fail,
    /// `~`.
    SoftFail,
    /// `?`.
    Neutral,
}

/// A domain in a term: a macro string that ends as a domain does.
pub type DomainSpec = MacroString;

/// What a directive looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Everything.
    All,
    /// Whether another domain's record passes.
    Include(DomainSpec),
    /// The addresses of a name, with the lengths of the networks around them.
    A(Option<DomainSpec>, u8, u8),
    /// The addresses of a domain's mail exchangers.
    Mx(Option<DomainSpec>, u8, u8),
    /// The name of the address.
    Ptr(Option<DomainSpec>),
    /// An IPv4 network.
    Ip4(Ipv4Addr, u8),
    /// An IPv6 network.
    Ip6(Ipv6Addr, u8),
    /// Whether a name has an address.
    Exists(DomainSpec),
}

impl Mechanism {
    /// The rule's id.
    pub fn id(&self) -> &'static str {
        match self {
            Mechanism::All => "spf-all",
            Mechanism::Include(_) => "spf-include",
            Mechanism::A(..) => "spf-a",
            Mechanism::Mx(..) => "spf-mx",
            Mechanism::Ptr(_) => "spf-ptr",
            Mechanism::Ip4(..) => "spf-ip4",
            Mechanism::Ip6(..) => "spf-ip6",
            Mechanism::Exists(_) => "spf-exists",
        }
    }

    /// Where it is written.
    pub fn source(&self) -> &'static str {
        match self {
            Mechanism::All => "RFC 7208 §5.1",
            Mechanism::Include(_) => "RFC 7208 §5.2",
            Mechanism::A(..) => "RFC 7208 §5.3",
            Mechanism::Mx(..) => "RFC 7208 §5.4",
            Mechanism::Ptr(_) => "RFC 7208 §5.5",
            Mechanism::Ip4(..) | Mechanism::Ip6(..) => "RFC 7208 §5.6",
            Mechanism::Exists(_) => "RFC 7208 §5.7",
        }
    }
}

/// What a term is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mechanism and what its match means.
    Directive(Qualifier, Mechanism),
    /// `redirect=`.
    Redirect(DomainSpec),
    /// `exp=`.
    Exp(DomainSpec),
    /// A modifier that nobody knows: "MUST be ignored" (RFC 7208 §6).
    Unknown,
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What it is.
    pub kind: Kind,
    /// Where it stands in the record.
    pub span: Span,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In a sentence without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// The most terms that are read.
pub const MOST_TERMS: usize = 500;

/// Whether a text is an SPF record: "v=spf1" and then a space or the end (RFC 7208 §4.5).
pub fn is_spf(text: &[u8]) -> bool {
    let version = text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"v=spf1"));
    version && text.get(6).is_none_or(|next| *next == b' ')
}

/// Read a record. A syntax error anywhere is an error of the whole record (RFC 7208 §4.6).
pub fn parse(record: &[u8]) -> Result<Vec<Term>, Wrong> {
    if let Some(at) = record.iter().position(|byte| !(b' '..=b'~').contains(byte)) {
        let message = format!("the octet 0x{:02x} may not stand in a record", record[at]);
        return Err(Wrong { message, span: Span::new(at, at + 1) });
    }
    let text = std::str::from_utf8(record).unwrap_or_default();
    let mut terms = Vec::new();
    let mut at = 6.min(text.len());
    for word in text[at..].split(' ') {
        let span = Span::new(at, at + word.len());
        at += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        if terms.len() == MOST_TERMS {
            return Err(Wrong { message: format!("more than {MOST_TERMS} terms"), span });
        }
        let kind = term(word).map_err(|message| Wrong { message, span })?;
        let twice = |t: &Term| match kind {
            Kind::Redirect(_) => matches!(t.kind, Kind::Redirect(_)),
            Kind::Exp(_) => matches!(t.kind, Kind::Exp(_)),
            _ => false,
        };
        if terms.iter().any(twice) {
            return Err(Wrong { message: "this modifier may stand only once".to_owned(), span });
        }
        terms.push(Term { kind, span });
    }
    Ok(terms)
}

fn term(word: &str) -> Result<Kind, String> {
    if let Some((name, value)) = modifier(word) {
        return if name.eq_ignore_ascii_case("redirect") {
            domain_spec(value).map(Kind::Redirect)
        } else if name.eq_ignore_ascii_case("exp") {
            domain_spec(value).map(Kind::Exp)
        } else {
            MacroString::parse(value, false).map(|_| Kind::Unknown)
        };
    }
    let (qualifier, rest) = match word.as_bytes().first() {
        Some(b'+') => (Qualifier::Pass, &word[1..]),
        Some(b'-') => (Qualifier::Fail, &word[1..]),
        Some(b'~') => (Qualifier::SoftFail, &word[1..]),
        Some(b'?') => (Qualifier::Neutral, &word[1..]),
        _ => (Qualifier::Pass, word),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    mechanism(&name.to_ascii_lowercase(), rest).map(|mechanism| Kind::Directive(qualifier, mechanism))
}

/// `name=value`, where the name is one (RFC 7208 §12).
fn modifier(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (starts && goes_on).then_some((name, value))
}

fn mechanism(name: &str, rest: &str) -> Result<Mechanism, String> {
    let needed = || rest.strip_prefix(':').filter(|value| !value.is_empty());
    let missing = || format!("`{name}` needs a value after a colon");
    match name {
        "all" if rest.is_empty() => Ok(Mechanism::All),
        "all" => Err("`all` takes no value".to_owned()),
        "include" => domain_spec(needed().ok_or_else(missing)?).map(Mechanism::Include),
        "exists" => domain_spec(needed().ok_or_else(missing)?).map(Mechanism::Exists),
        "ptr" if rest.is_empty() => Ok(Mechanism::Ptr(None)),
        "ptr" => domain_spec(needed().ok_or_else(missing)?).map(|spec| Mechanism::Ptr(Some(spec))),
        "a" | "mx" => {
            let (domain, four, six) = dual_cidr(rest)?;
            let domain = match domain {
                "" => None,
                value => Some(domain_spec(value.strip_prefix(':').ok_or_else(missing)?)?),
            };
            Ok(if name == "a" { Mechanism::A(domain, four, six) } else { Mechanism::Mx(domain, four, six) })
        }
        "ip4" => {
            let (address, length) = network(needed().ok_or_else(missing)?, 32)?;
            let address = address.parse().map_err(|_| format!("`{address}` is no IPv4 address"))?;
            Ok(Mechanism::Ip4(address, length))
        }
        "ip6" => {
            let (address, length) = network(needed().ok_or_else(missing)?, 128)?;
            let address = address.parse().map_err(|_| format!("`{address}` is no IPv6 address"))?;
            Ok(Mechanism::Ip6(address, length))
        }
        other => Err(format!("there is no mechanism {other:?}")),
    }
}

/// `192.0.2.0/24` as the address's text and the length.
fn network(text: &str, most: u8) -> Result<(&str, u8), String> {
    match text.split_once('/') {
        None => Ok((text, most)),
        Some((address, length)) => Ok((address, cidr(length, most)?)),
    }
}

/// `:example.com/24//64` without its lengths, and these.
fn dual_cidr(rest: &str) -> Result<(&str, u8, u8), String> {
    let ends_in = |text: &str, mark: &str| {
        let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (head, tail) = text.split_at(text.len() - digits);
        (digits > 0 && head.ends_with(mark)).then(|| (head.len() - mark.len(), tail.to_owned()))
    };
    let (mut left, mut four, mut six) = (rest, 32, 128);
    if let Some((at, length)) = ends_in(left, "//") {
        (left, six) = (&left[..at], cidr(&length, 128)?);
    }
    if let Some((at, length)) = ends_in(left, "/") {
        (left, four) = (&left[..at], cidr(&length, 32)?);
    }
    Ok((left, four, six))
}

/// A prefix length: no leading zero, not more than there are bits (RFC 7208 §12).
fn cidr(digits: &str, most: u8) -> Result<u8, String> {
    let wrong = || format!("`/{digits}` is no length from 0 to {most}");
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if !plain {
        return Err(wrong());
    }
    digits.parse().ok().filter(|length| *length <= most).ok_or_else(wrong)
}

/// `domain-spec = macro-string domain-end` (RFC 7208 §7.1): it ends in a dot and a top label, or in a macro.
fn domain_spec(text: &str) -> Result<DomainSpec, String> {
    let parsed = MacroString::parse(text, false)?;
    let ends_in_macro =
        text.ends_with('}') && text.rfind("%{").is_some_and(|at| !text[at..text.len() - 1].contains('}'));
    if ends_in_macro && matches!(parsed.pieces.last(), Some(super::macros::Piece::Expand(_))) {
        return Ok(parsed);
    }
    let whole = text.strip_suffix('.').unwrap_or(text);
    let top = whole.rsplit_once('.').map(|(_, top)| top);
    match top {
        Some(top) if is_top_label(top) => Ok(parsed),
        _ => Err(format!("`{text}` does not end as a domain does")),
    }
}

/// Letters, digits and hyphens, not digits alone, no hyphen at either end.
fn is_top_label(label: &str) -> bool {
    let fine = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let bounded = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    fine && bounded && !label.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_know_their_places() {
        let record = b"v=spf1  a:mail.example.com/24//64 -all";
        let terms = parse(record).expect("reads");
        let text: Vec<&[u8]> = terms.iter().map(|t| t.span.of(record)).collect();
        assert_eq!(text, [b"a:mail.example.com/24//64".as_slice(), b"-all"]);
        assert!(matches!(&terms[0].kind, Kind::Directive(Qualifier::Pass, Mechanism::A(Some(_), 24, 64))));
        assert!(matches!(terms[1].kind, Kind::Directive(Qualifier::Fail, Mechanism::All)));
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        for (record, at, message) in [
            ("v=spf1 ip4:1.2.3 -all", "ip4:1.2.3", "no IPv4 address"),
            ("v=spf1 ip4:1.2.3.4/33", "ip4:1.2.3.4/33", "no length from 0 to 32"),
            ("v=spf1 ip4:1.2.3.4/08", "ip4:1.2.3.4/08", "no length from 0 to 32"),
            ("v=spf1 a:museum", "a:museum", "does not end as a domain does"),
            ("v=spf1 a:111.222.33.44", "a:111.222.33.44", "does not end as a domain does"),
            ("v=spf1 all.", "all.", "there is no mechanism \"all.\""),
            ("v=spf1 include", "include", "needs a value"),
            ("v=spf1 exp=a.b exp=c.d", "exp=c.d", "only once"),
            ("v=spf1 exists:%{x}", "exists:%{x}", "no macro"),
            ("v=spf1\tmx", "\t", "0x09"),
        ] {
            let wrong = parse(record.as_bytes()).expect_err(record);
            let pointed = String::from_utf8_lossy(wrong.span.of(record.as_bytes()));
            assert_eq!(pointed, at);
            assert!(wrong.message.contains(message), "{record}: {}", wrong.message);
        }
    }

    #[test]
    fn only_a_whole_version_is_spf() {
        for (text, is) in [
            ("v=spf1", true),
            ("V=SPF1 -all", true),
            ("v=spf10", false),
            ("v=spf1\t-all", false),
            ("spf", false),
        ] {
            assert_eq!(is_spf(text.as_bytes()), is, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_record_makes_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..80)) {
            let mut record = b"v=spf1 ".to_vec();
            record.extend(&bytes);
            if let Err(wrong) = parse(&record) {
                assert!(wrong.span.end <= record.len());
            }
        }

        #[test]
        fn no_printable_record_makes_it_panic(text in "[-+~? aimxptr:/%{}.0-9=]{0,60}") {
            let _ = parse(format!("v=spf1 {text}").as_bytes());
        }
    }
}
