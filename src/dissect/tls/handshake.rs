//! The messages of a handshake that anybody on the wire can read: RFC 8446 §4, RFC 5246 §7.4, and the extensions that
//! name the server (RFC 6066 §3), the version (RFC 8446 §4.2.1) and the protocol inside (RFC 7301 §3.1).

use super::super::step::Meaning;
use super::TlsMeaning;
use super::names;
use crate::base::{Finding, Part, Span};
use serde::Serialize;

/// Extensions that get parts, and names that are kept of any list.
const MOST: usize = 64;

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClientHello {
    /// Whom it calls: SNI.
    pub server_name: Option<String>,
    /// The versions that it offers, as in `TLS 1.3`.
    pub versions: Vec<String>,
    /// The protocols that it would speak inside: ALPN.
    pub protocols: Vec<String>,
    /// How many cipher suites it offers.
    pub suites: usize,
}

/// What a server chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServerHello {
    /// The version: `TLS 1.3`.
    pub version: String,
    /// The cipher suite: `TLS_AES_128_GCM_SHA256`.
    pub suite: String,
    /// The protocol inside, where ALPN shows it.
    pub protocol: Option<String>,
    /// It asks for another hello first: HelloRetryRequest.
    pub retry: bool,
}

/// Certificates in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// How many, the owner's first.
    pub count: usize,
    /// The host names that the first is for.
    pub names: Vec<String>,
}

/// What a message tells. Places count from its first octet.
pub(super) struct Told {
    pub name: &'static str,
    pub parts: Vec<Part>,
    pub meaning: Meaning,
    pub findings: Vec<Finding>,
    /// It chooses TLS 1.3.
    pub is_13: bool,
}

/// Read a whole message, its header of four octets included.
pub(super) fn read(message: &[u8]) -> Told {
    let kind = message.first().copied().unwrap_or_default();
    let mut told = Told {
        name: names::handshake(kind),
        parts: vec![
            Part::leaf("handshake-type", Span::new(0, 1)),
            Part::leaf("handshake-length", Span::new(1, 4)),
        ],
        meaning: Meaning::None,
        findings: Vec::new(),
        is_13: false,
    };
    let mut walk = Walk { bytes: message, at: 4, end: message.len(), parts: &mut told.parts };
    let read = match kind {
        1 => client_hello(&mut walk).map(TlsMeaning::ClientHello),
        2 => server_hello(&mut walk).map(TlsMeaning::ServerHello),
        11 => certificate(&mut walk).map(TlsMeaning::Certificate),
        _ => return told,
    };
    match read {
        Some(meaning) => {
            told.is_13 = matches!(&meaning, TlsMeaning::ServerHello(hello) if hello.version == "TLS 1.3");
            told.meaning = Meaning::Tls(meaning);
        }
        None => {
            let at = walk.at;
            let detail = "A length in this message does not fit what follows.";
            told.findings.push(Finding::error(
                "tls-length",
                Span::new(at.min(message.len()), message.len()),
                detail,
            ));
        }
    }
    told
}

/// A walk through octets; nothing is read beyond `end`.
struct Walk<'m, 'p> {
    bytes: &'m [u8],
    at: usize,
    end: usize,
    parts: &'p mut Vec<Part>,
}

impl<'m> Walk<'m, '_> {
    fn take(&mut self, len: usize) -> Option<(&'m [u8], Span)> {
        let until = self.at.checked_add(len).filter(|until| *until <= self.end)?;
        let span = Span::new(self.at, until);
        let bytes = self.bytes.get(self.at..until)?;
        self.at = until;
        Some((bytes, span))
    }

    fn number(&mut self, octets: usize) -> Option<usize> {
        let (bytes, _) = self.take(octets)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    /// A field of so many octets, as a part.
    fn field(&mut self, name: &'static str, len: usize) -> Option<&'m [u8]> {
        let (bytes, span) = self.take(len)?;
        self.parts.push(Part::leaf(name, span));
        Some(bytes)
    }

    /// A field behind its length in so many octets, as a part with its length.
    fn vector(&mut self, name: &'static str, octets: usize) -> Option<&'m [u8]> {
        let start = self.at;
        let len = self.number(octets)?;
        let (bytes, span) = self.take(len)?;
        self.parts.push(Part::leaf(name, Span::new(start, span.end)));
        Some(bytes)
    }

    /// Each extension: its number and octets. RFC 8446 §4.2.
    fn extensions(&mut self) -> Option<Vec<(usize, &'m [u8])>> {
        if self.at == self.end {
            return Some(Vec::new());
        }
        let len = self.number(2)?;
        let until = self.at.checked_add(len).filter(|until| *until <= self.end)?;
        let mut found = Vec::new();
        while self.at < until {
            let start = self.at;
            let kind = self.number(2)?;
            let len = self.number(2)?;
            let (bytes, span) = self.take(len).filter(|(_, span)| span.end <= until)?;
            if found.len() < MOST {
                self.parts.push(Part::leaf(names::extension(kind), Span::new(start, span.end)));
                found.push((kind, bytes));
            }
        }
        Some(found)
    }
}

fn client_hello(walk: &mut Walk<'_, '_>) -> Option<ClientHello> {
    let version = names::version(walk.field("client-version", 2)?);
    walk.field("random", 32)?;
    walk.vector("session-id", 1)?;
    let suites = walk.vector("cipher-suites", 2)?.len() / 2;
    walk.vector("compression-methods", 1)?;
    let mut hello = ClientHello { suites, ..ClientHello::default() };
    for (kind, bytes) in walk.extensions()? {
        match kind {
            0 => hello.server_name = server_name(bytes),
            16 => hello.protocols = protocols(bytes),
            43 => hello.versions = versions(bytes),
            _ => {}
        }
    }
    if hello.versions.is_empty() {
        // Before supported_versions this was the highest that it speaks (RFC 5246 §7.4.1.2).
        hello.versions.push(version);
    }
    Some(hello)
}

/// "the special value of the SHA-256 of HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

fn server_hello(walk: &mut Walk<'_, '_>) -> Option<ServerHello> {
    let mut version = names::version(walk.field("server-version", 2)?);
    let retry = walk.field("random", 32)? == RETRY;
    walk.vector("session-id", 1)?;
    let suite = names::suite(walk.field("cipher-suite", 2)?);
    walk.field("compression-method", 1)?;
    let mut protocol = None;
    for (kind, bytes) in walk.extensions()? {
        match kind {
            16 => protocol = protocols(bytes).into_iter().next(),
            43 if bytes.len() == 2 => version = names::version(bytes),
            _ => {}
        }
    }
    Some(ServerHello { version, suite, protocol, retry })
}

/// `ServerNameList`: type 0 is a host name (RFC 6066 §3).
fn server_name(bytes: &[u8]) -> Option<String> {
    let &[_, _, 0, high, low, ref rest @ ..] = bytes else { return None };
    let name = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
    Some(text(name))
}

/// `ProtocolNameList` (RFC 7301 §3.1).
fn protocols(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut out = Vec::new();
    while let Some((&len, after)) = rest.split_first() {
        let Some((name, after)) = after.split_at_checked(usize::from(len)) else { break };
        if out.len() < MOST {
            out.push(text(name));
        }
        rest = after;
    }
    out
}

/// `supported_versions` of a client (RFC 8446 §4.2.1), without the reserved values that only grease (RFC 8701 §2).
fn versions(bytes: &[u8]) -> Vec<String> {
    let list = bytes.get(1..).unwrap_or_default();
    let real = list.chunks_exact(2).filter(|v| v[0] & 0x0f != 0x0a || v[0] != v[1]);
    real.take(MOST).map(names::version).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..255).unwrap_or(bytes)).into_owned()
}

/// `certificate_list` (RFC 5246 §7.4.2).
fn certificate(walk: &mut Walk<'_, '_>) -> Option<Certificate> {
    let len = walk.number(3)?;
    let until = walk.at.checked_add(len).filter(|until| *until <= walk.end)?;
    let mut found = Certificate::default();
    while walk.at < until {
        let der = walk.vector("certificate", 3)?;
        if found.count == 0 {
            found.names = host_names(der);
        }
        found.count += 1;
    }
    Some(found)
}

/// The host names of a certificate's subjectAltName (RFC 5280 §4.2.1.6): `06 03 55 1D 11`, perhaps `01 01 FF`, then an
/// OCTET STRING with a SEQUENCE of names, in which `82` is a host name.
fn host_names(der: &[u8]) -> Vec<String> {
    const OID: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x11];
    let Some(at) = der.windows(OID.len()).position(|window| window == OID) else { return Vec::new() };
    let mut rest = der.get(at + OID.len()..).unwrap_or_default();
    rest = rest.strip_prefix(&[0x01, 0x01, 0xff]).unwrap_or(rest);
    let inner = element(rest).filter(|(tag, ..)| *tag == 0x04).and_then(|(_, octets, _)| element(octets));
    let Some((0x30, mut names, _)) = inner else { return Vec::new() };
    let mut out = Vec::new();
    while let Some((tag, name, after)) = element(names) {
        if tag == 0x82 && out.len() < MOST {
            out.push(text(name));
        }
        names = after;
    }
    out
}

/// The first element of DER: its tag, its octets, and what follows (ITU-T X.690 §8.1).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let &[tag, first, ref rest @ ..] = bytes else { return None };
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(len)?;
    Some((tag, inside, after))
}
