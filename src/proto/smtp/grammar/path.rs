//! Paths: `<local-part@domain>`, `<>`, `<Postmaster>`. RFC 5321 §4.1.2, RFC 6531 §3.3.

use super::{Problem, Reading};
use crate::base::{Finding, Part, Span};
use serde::Serialize;
use std::fmt;

/// A reverse-path or forward-path, without its source route (RFC 5321 appendix C: parsed and ignored).
///
/// It is shown as an address without brackets; the null reverse-path is the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Path {
    /// `<>`: the null reverse-path, of notifications.
    #[default]
    Null,
    /// `<Postmaster>` without a domain. RFC 5321 §4.1.1.3.
    Postmaster,
    /// `<local-part@domain>`.
    Mailbox(Mailbox),
}

/// `local-part@domain`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    /// Before the `@`; without quotes and backslashes where it was a quoted string. Its case is the owner's
    /// affair: "The local-part of a mailbox MUST BE treated as case sensitive" by others. RFC 5321 §2.4.
    pub local_part: String,
    /// After the `@`.
    pub domain: Domain,
}

/// What stands after the `@`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// A domain name, as it was written.
    Name(String),
    /// An address literal, without its square brackets: `192.0.2.1`, `IPv6:2001:db8::1`. RFC 5321 §4.1.3.
    Literal(String),
}

impl Path {
    /// The path of an address written without brackets; the empty string is the null path. `None` where it is
    /// not an address.
    pub fn from_address(address: &str) -> Option<Path> {
        let line = format!("<{address}>");
        let mut reading = Reading::new(line.as_bytes());
        let path = read_path(&mut reading, "path").ok()?;
        (reading.at == line.len()).then_some(path)
    }

    /// The address without brackets; empty for the null path.
    pub fn address(&self) -> String {
        self.to_string()
    }

    /// The domain's name, where it has one.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Path::Mailbox(Mailbox { domain: Domain::Name(name), .. }) => Some(name),
            _ => None,
        }
    }

    /// Whether it holds anything beyond ASCII, and so needs SMTPUTF8.
    pub fn needs_utf8(&self) -> bool {
        match self {
            Path::Mailbox(m) => !m.local_part.is_ascii() || !m.domain.to_string().is_ascii(),
            _ => false,
        }
    }
}

impl From<Path> for String {
    fn from(path: Path) -> String {
        path.to_string()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Null => Ok(()),
            Path::Postmaster => f.write_str("Postmaster"),
            Path::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(self.local_part.as_bytes()) {
            f.write_str(&self.local_part)?;
        } else {
            f.write_str("\"")?;
            for c in self.local_part.chars() {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        write!(f, "@{}", self.domain)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Name(name) => f.write_str(name),
            Domain::Literal(literal) => write!(f, "[{literal}]"),
        }
    }
}

/// `Path = "<" [ A-d-l ":" ] Mailbox ">"`, with `<>` and `<Postmaster>`. RFC 5321 §4.1.2.
pub(super) fn read_path(r: &mut Reading, name: &'static str) -> Result<Path, Problem> {
    let start = r.at;
    if !r.take(b'<') {
        return Err(Problem::NoBrackets);
    }
    let mut inner = Vec::new();
    let path = read_inside(r, &mut inner);
    let closed = path.is_ok() && r.take(b'>');
    r.parts.push(Part::node(name, Span::new(start, r.at), inner));
    match path {
        Ok(_) if !closed => Err(Problem::Unclosed),
        path => path,
    }
}

fn read_inside(r: &mut Reading, inner: &mut Vec<Part>) -> Result<Path, Problem> {
    if r.peek() == Some(b'>') {
        return Ok(Path::Null);
    }
    if r.peek() == Some(b'@') {
        read_source_route(r, inner)?;
    }
    let start = r.at;
    let mut parts = Vec::new();
    let mailbox = read_mailbox(r, &mut parts);
    if mailbox == Ok(None) {
        inner.append(&mut parts);
        return Ok(Path::Postmaster);
    }
    inner.push(Part::node("mailbox", Span::new(start, r.at), parts));
    Ok(mailbox?.map_or(Path::Postmaster, Path::Mailbox))
}

/// `A-d-l = At-domain *( "," At-domain )`: "SHOULD be ignored".
fn read_source_route(r: &mut Reading, inner: &mut Vec<Part>) -> Result<(), Problem> {
    let start = r.at;
    while r.peek().is_some_and(|b| b != b':' && b != b'>') {
        r.at += 1;
    }
    let span = Span::new(start, r.at);
    inner.push(Part::leaf("source-route", span));
    if !r.take(b':') {
        return Err(Problem::BadLocalPart);
    }
    r.findings.push(Finding::warning(
        "source-route",
        span,
        "a source route stands before the mailbox; it is obsolete and ignored (RFC 5321 appendix C)",
    ));
    Ok(())
}

/// `Mailbox = Local-part "@" ( Domain / address-literal )`; `None` is `Postmaster` alone.
fn read_mailbox(r: &mut Reading, parts: &mut Vec<Part>) -> Result<Option<Mailbox>, Problem> {
    let start = r.at;
    let local_part = if r.peek() == Some(b'"') { read_quoted(r)? } else { read_dot_string(r)? };
    let span = Span::new(start, r.at);
    parts.push(Part::leaf("local-part", span));
    if span.len() > 64 {
        r.findings.push(Finding::warning(
            "local-part-too-long",
            span,
            format!("the local part has {} octets; RFC 5321 §4.5.3.1.1 allows 64", span.len()),
        ));
    }
    if !r.take(b'@') {
        let alone = r.peek() == Some(b'>') && local_part.eq_ignore_ascii_case("postmaster");
        return if alone { Ok(None) } else { Err(Problem::NoDomain) };
    }
    let domain = read_domain(r, parts)?;
    Ok(Some(Mailbox { local_part, domain }))
}

/// `Dot-string = Atom *("." Atom)`, with UTF-8 as RFC 6531 §3.3 allows.
fn read_dot_string(r: &mut Reading) -> Result<String, Problem> {
    let start = r.at;
    while r.peek().is_some_and(|b| is_atext(b) || b == b'.') {
        r.at += 1;
    }
    let bytes = Span::new(start, r.at).of(r.line);
    if !is_dot_string(bytes) {
        return Err(Problem::BadLocalPart);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Problem::BadLocalPart)
}

/// `Quoted-string = DQUOTE *QcontentSMTP DQUOTE`; gives what the quotes and backslashes stand for.
fn read_quoted(r: &mut Reading) -> Result<String, Problem> {
    r.at += 1;
    let mut content = Vec::new();
    loop {
        match r.next() {
            Some(b'"') => break,
            Some(b'\\') => match r.next() {
                Some(b @ 32..=126) => content.push(b),
                _ => return Err(Problem::BadLocalPart),
            },
            Some(b) if b >= 32 && b != 127 => content.push(b),
            _ => return Err(Problem::BadLocalPart),
        }
    }
    String::from_utf8(content).map_err(|_| Problem::BadLocalPart)
}

/// `Domain / address-literal`, up to whatever cannot belong to it.
fn read_domain(r: &mut Reading, parts: &mut Vec<Part>) -> Result<Domain, Problem> {
    let start = r.at;
    if r.take(b'[') {
        while r.peek().is_some_and(|b| !matches!(b, b']' | b'>' | b' ')) {
            r.at += 1;
        }
        let inside = Span::new(start + 1, r.at);
        let closed = r.take(b']');
        parts.push(Part::leaf("address-literal", Span::new(start, r.at)));
        let literal = String::from_utf8(inside.of(r.line).to_vec()).map_err(|_| Problem::BadDomain)?;
        return if closed && is_literal(&literal) {
            Ok(Domain::Literal(literal))
        } else {
            Err(Problem::BadDomain)
        };
    }
    while r.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_') || b >= 128) {
        r.at += 1;
    }
    let span = Span::new(start, r.at);
    parts.push(Part::leaf("domain", span));
    check_domain(r, span)?;
    String::from_utf8(span.of(r.line).to_vec()).map(Domain::Name).map_err(|_| Problem::BadDomain)
}

/// `Domain = sub-domain *("." sub-domain)`; an underscore is against it, but does no harm.
fn check_domain(r: &mut Reading, span: Span) -> Result<(), Problem> {
    let bytes = span.of(r.line);
    if !is_domain(bytes) {
        return Err(Problem::BadDomain);
    }
    if bytes.contains(&b'_') {
        r.findings.push(Finding::warning(
            "domain-syntax",
            span,
            "a domain is made of letters, digits, hyphens and dots; an underscore came (RFC 5321 §4.1.2)",
        ));
    }
    Ok(())
}

/// Whether the labels are non-empty, no longer than 63 octets, without hyphens at their ends, 255 in all.
pub(super) fn is_domain(bytes: &[u8]) -> bool {
    let label = |l: &[u8]| {
        !l.is_empty()
            && l.len() <= 63
            && l.first() != Some(&b'-')
            && l.last() != Some(&b'-')
            && l.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || *b >= 128)
    };
    bytes.len() <= 255 && bytes.split(|b| *b == b'.').all(label)
}

/// `IPv4-address-literal / IPv6-address-literal / General-address-literal`. RFC 5321 §4.1.3.
pub(super) fn is_literal(inside: &str) -> bool {
    if inside.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    match inside.split_once(':') {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPv6") => rest.parse::<std::net::Ipv6Addr>().is_ok(),
        Some((tag, rest)) => {
            is_domain(tag.as_bytes()) && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic())
        }
        None => false,
    }
}

fn is_dot_string(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b'.').all(|atom| !atom.is_empty() && atom.iter().all(|b| is_atext(*b)))
}

/// `atext` of RFC 5322 §3.2.3, and every byte of UTF-8 beyond ASCII.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 128 || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}
