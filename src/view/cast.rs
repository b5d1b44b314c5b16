//! [`Cast`]: who is who: hosts by address, connections by number, from a transcript's head and opens; and which bytes
//! people pointed at, from its marks.

use crate::base::{Instant, Span, escape};
use crate::dissect::Step;
use crate::explain::{names, surroundings::MOST_CONNS};
use crate::trace::marks::Pointed;
use crate::trace::{Conn, Direction, Head, Mark, Opened, Record, Transport};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who is who in a story; grows as its records are told.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// The story's title.
    pub title: String,
    /// When it begins.
    pub start: Instant,
    /// The seed it ran with, where it ran a scenario.
    pub seed: Option<u64>,
    hosts: BTreeMap<IpAddr, String>,
    /// By the (escaped) name of the head: what a host is called.
    called: BTreeMap<String, String>,
    /// What a host is called where there is little room.
    short: BTreeMap<IpAddr, String>,
    conns: BTreeMap<Conn, Opened>,
    /// What people pointed at in the lines.
    pointed: Pointed,
}

/// One connection as people speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who calls: a host's name, else an address.
    pub client: String,
    /// From where, as in `192.0.2.10:49152`.
    pub client_address: String,
    /// Who is called.
    pub server: String,
    /// Where, as in `192.0.2.25:587`.
    pub server_address: String,
    /// Both names for where there is little room, client and server: the first label where no other host has it too.
    pub short: [String; 2],
    /// The port called.
    pub port: u16,
    /// What that port is for, as in `submission`; empty where it has no mail meaning.
    pub service: &'static str,
    /// `TCP` or `UDP`.
    pub transport: &'static str,
}

impl Cast {
    /// Everything that these records say about who is who.
    pub fn of(records: &[Record]) -> Self {
        let mut cast = Cast::default();
        for record in records {
            cast.learn(record);
        }
        cast
    }

    /// Take what one record says about who is who.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Head(head) => self.learn_head(head),
            Record::Open { open, .. } => self.learn_open(open),
            Record::Mark(mark) => {
                self.learn_mark(mark);
            }
            _ => {}
        }
    }

    /// Take what a mark points at, so that a Step which is shown later shows it; whether that is anything new.
    pub fn learn_mark(&mut self, mark: &Mark) -> bool {
        self.pointed.learn(mark)
    }

    /// Which of a Step's bytes people pointed at.
    pub fn pointed(&self, step: &Step) -> Vec<Span> {
        self.pointed.within((step.conn, step.from, step.layer), step.range.start, &step.bytes)
    }

    /// Take what the head says: the title, the start, the hosts.
    pub fn learn_head(&mut self, head: &Head) {
        self.title = escape::text(&head.title);
        self.start = head.start;
        self.seed = (!head.scenario.is_empty()).then_some(head.seed);
        for host in &head.hosts {
            let name = escape::text(names::known_as(host, &head.hosts));
            let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
            let same = head.hosts.iter().filter(|other| label(&other.name) == label(&host.name));
            let short = if same.count() == 1 { name.split('.').next().unwrap_or(&name) } else { &name };
            self.short.extend(host.addresses.iter().map(|a| (*a, short.to_owned())));
            self.hosts.extend(host.addresses.iter().map(|a| (*a, name.clone())));
            self.called.insert(escape::text(&host.name), name);
        }
    }

    /// Take between whom a connection is.
    pub fn learn_open(&mut self, open: &Opened) {
        self.conns.insert(open.conn, open.clone());
        if self.conns.len() > MOST_CONNS {
            self.conns.pop_first();
        }
    }

    /// Between whom a connection is, where it is known.
    pub fn opened(&self, conn: Conn) -> Option<&Opened> {
        self.conns.get(&conn)
    }

    /// The host that has this address, or the address itself.
    pub fn host(&self, address: IpAddr) -> String {
        self.hosts.get(&address).cloned().unwrap_or_else(|| address.to_string())
    }

    /// What the host of this (escaped) name is called; the name itself where nobody has it.
    pub fn called<'c>(&'c self, name: &'c str) -> &'c str {
        self.called.get(name).map_or(name, String::as_str)
    }

    /// What the host of this name is called, for a name as it stands in a record.
    pub fn known(&self, host: &str) -> String {
        let name = escape::text(host);
        self.called(&name).to_owned()
    }

    /// A connection, where it is known.
    pub fn call(&self, conn: Conn) -> Option<Call> {
        let open = self.conns.get(&conn)?;
        Some(Call {
            client: self.host(open.client.ip()),
            client_address: open.client.to_string(),
            server: self.host(open.server.ip()),
            server_address: open.server.to_string(),
            short: [open.client, open.server]
                .map(|end| self.short.get(&end.ip()).cloned().unwrap_or_else(|| self.host(end.ip()))),
            port: open.server.port(),
            service: service(open.server.port()),
            transport: match open.transport {
                Transport::Tcp => "TCP",
                Transport::Udp => "UDP",
            },
        })
    }

    /// The host that speaks on this side of a connection; `the client` or `the server` where it is not known.
    pub fn speaker(&self, conn: Conn, from: Direction) -> String {
        match (self.call(conn), from) {
            (Some(call), Direction::Client) => call.client,
            (Some(call), Direction::Server) => call.server,
            (None, Direction::Client) => "the client".to_owned(),
            (None, Direction::Server) => "the server".to_owned(),
        }
    }
}

impl Call {
    /// `submission, port 587`, or `port 4000`.
    pub fn service_and_port(&self) -> String {
        match self.service {
            "" => format!("port {}", self.port),
            service => format!("{service}, port {}", self.port),
        }
    }
}

/// What a port is for, by the registry of service names and ports; 2525 is custom, not registered for mail.
fn service(port: u16) -> &'static str {
    match port {
        25 | 2525 => "SMTP",
        53 => "DNS",
        110 => "POP3",
        143 => "IMAP",
        465 => "submission in TLS",
        587 => "submission",
        993 => "IMAP in TLS",
        995 => "POP3 in TLS",
        _ => "",
    }
}
