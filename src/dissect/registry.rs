//! Which reader reads a connection: by the server's port, and by the first words where the port says nothing.

use super::dns::DnsReader;
use super::imap::ImapReader;
use super::pop3::Pop3Reader;
use super::smtp::SmtpReader;
use super::step::{Protocol, Reader};
use super::tls::{self, TlsReader};
use super::unknown::UnknownReader;
use crate::base::Severity;
use crate::proto::dns;
use crate::trace::Transport;

/// Undecided bytes of one side above which nothing is waited for any more.
const PATIENCE: usize = 4096;

/// What is spoken on a well-known port, inside TLS where the port is one of implicit TLS (RFC 8314 §3).
/// 2525 is no registered port, but a common second door for submission.
pub(super) fn by_port(port: u16) -> Option<Protocol> {
    match port {
        25 | 465 | 587 | 2525 => Some(Protocol::Smtp),
        110 | 995 => Some(Protocol::Pop3),
        143 | 993 => Some(Protocol::Imap),
        53 => Some(Protocol::Dns),
        // FTP (RFC 959): its server greets as one of SMTP does.
        21 => Some(Protocol::Unknown),
        _ => None,
    }
}

/// Whether TLS begins with the first byte on this port (RFC 8314 §3).
pub(super) fn implicit_tls(port: u16) -> bool {
    matches!(port, 465 | 993 | 995)
}

/// What is spoken, by the first bytes of both sides. `None` while they cannot tell and more may come.
///
/// The server of every mail protocol speaks first: "220 ", "+OK", "* OK". Where the client did, and the port is
/// a stranger, its first word is a hint.
pub(super) fn by_content(client: &[u8], server: &[u8], ended: bool) -> Option<Protocol> {
    if let Some(protocol) = greeting(server) {
        return Some(protocol);
    }
    if tls::begins(client) == Some(true) {
        return Some(Protocol::Tls);
    }
    let told = server.len() >= LONGEST_GREETING || client.len() >= PATIENCE;
    let verb = client.get(..5).map(<[u8]>::to_ascii_uppercase);
    match verb.as_deref() {
        Some(b"EHLO " | b"HELO ") if ended || told => Some(Protocol::Smtp),
        _ => (ended || told).then_some(Protocol::Unknown),
    }
}

/// What a datagram to a port that says nothing holds: a DNS message where it reads as one.
pub(super) fn by_datagram(bytes: &[u8]) -> Protocol {
    let findings = dns::walk(bytes).findings;
    let sound = bytes.len() > 12 && findings.iter().all(|finding| finding.severity != Severity::Error);
    if sound { Protocol::Dns } else { Protocol::Unknown }
}

/// As many bytes as tell whether a server's first words are a greeting.
const LONGEST_GREETING: usize = "* PREAUTH ".len();

fn greeting(server: &[u8]) -> Option<Protocol> {
    const GREETINGS: [(&[u8], Protocol); 8] = [
        (b"220 ", Protocol::Smtp),
        (b"220-", Protocol::Smtp),
        (b"554 ", Protocol::Smtp),
        (b"+OK", Protocol::Pop3),
        (b"-ERR", Protocol::Pop3),
        (b"* OK", Protocol::Imap),
        (b"* PREAUTH", Protocol::Imap),
        (b"* BYE", Protocol::Imap),
    ];
    GREETINGS.iter().find(|(words, _)| server.starts_with(words)).map(|(_, protocol)| *protocol)
}

/// A new reader of that protocol.
pub(super) fn reader(protocol: Protocol, transport: Transport) -> Box<dyn Reader> {
    match protocol {
        Protocol::Dns => Box::new(DnsReader::new(transport == Transport::Tcp)),
        Protocol::Pop3 => Box::new(Pop3Reader::default()),
        Protocol::Tls => Box::new(TlsReader::default()),
        Protocol::Smtp => Box::new(SmtpReader::default()),
        Protocol::Imap => Box::new(ImapReader::default()),
        Protocol::Tcp | Protocol::Unknown => Box::new(UnknownReader::default()),
    }
}

/// A new reader for what follows STARTTLS or STLS, inside TLS: no greeting comes there.
pub(super) fn reader_after_starttls(protocol: Protocol) -> Box<dyn Reader> {
    match protocol {
        Protocol::Pop3 => Box::new(Pop3Reader::mid_session()),
        Protocol::Smtp => Box::new(SmtpReader::after_starttls()),
        Protocol::Imap => Box::new(ImapReader::after_starttls()),
        other => reader(other, Transport::Tcp),
    }
}

/// A new reader of a conversation whose beginning was not recorded: no greeting comes.
pub(super) fn reader_mid_session(protocol: Protocol, transport: Transport) -> Box<dyn Reader> {
    match protocol {
        Protocol::Pop3 => Box::new(Pop3Reader::mid_session()),
        Protocol::Smtp => Box::new(SmtpReader::mid_session()),
        Protocol::Imap => Box::new(ImapReader::mid_session()),
        other => reader(other, transport),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_port_is_told_by_its_first_words() {
        assert_eq!(by_content(b"", b"220 mail", false), Some(Protocol::Smtp));
        assert_eq!(by_content(b"", b"+OK ready", false), Some(Protocol::Pop3));
        assert_eq!(by_content(b"", b"* OK IMAP4rev1", false), Some(Protocol::Imap));
        assert_eq!(by_content(&[0x16, 3, 1], b"", false), Some(Protocol::Tls));
        assert_eq!(
            by_content(b"GET / HTTP/1.1\r\n", b"", false),
            None,
            "the server may still say what it is"
        );
        assert_eq!(by_content(b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200", false), Some(Protocol::Unknown));
        assert_eq!(by_port(21), Some(Protocol::Unknown), "FTP greets with 220 too");
        assert_eq!(by_content(b"EHLO a\r\n", b"", true), Some(Protocol::Smtp));
        assert_eq!(by_content(b"", b"22", false), None);
    }
}
