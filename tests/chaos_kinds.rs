//! Every kind of fault once, switched on and off in a lab that runs inside the test, as a raw client sees it.

use postroad::trace::{Fact, Record};
use postroad::world::ca::Ca;
use postroad::world::chaos::{Commander, Order, kind, orders};
use postroad::world::hosts::Beyond;
use postroad::world::live::{self, Closer, Lab};
use postroad::world::net::loopback::{self, Door};
use postroad::world::scenario::{Fault, Scenario};
use postroad::world::secure::Realm;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    commander: Commander,
    facts: Receiver<Fact>,
    closer: Closer,
    world: Option<JoinHandle<()>>,
    scenario: Scenario,
    relay: u16,
    dns: u16,
    root: CertificateDer<'static>,
}

fn open() -> Running {
    let scenario = Scenario::builtin("lab").expect("loads");
    let here = [IpAddr::from([127, 0, 0, 1])];
    let bind = |to: &str, datagrams| {
        let door = Door { name: to.to_owned(), port: 0, to: to.parse().expect("an address"), datagrams };
        loopback::bind(door, &here).expect("a port")
    };
    let (relay, dns) = (bind("203.0.113.25:25", false), bind("192.0.2.53:53", true));
    let ports = (relay.port(), dns.port());
    let ca = Ca::fresh(live::now()).expect("an authority");
    let root = ca.certificate().clone();
    let (commander, heard) = orders();
    let (told, facts) = channel();
    let closer = Closer::default();
    let lab = Lab {
        scenario: scenario.clone(),
        doors: vec![relay, dns],
        connections: 50,
        beyond: Beyond::Refused,
        tls: Realm::under(ca, Vec::new()),
        data: None,
        orders: Some(heard),
    };
    let closing = closer.clone();
    let world = std::thread::spawn(move || {
        let observer = Box::new(move |record: &Record| {
            if let Record::Fact { fact, .. } = record {
                let _ = told.send(fact.clone());
            }
        });
        live::run(lab, Some(observer), &closing).expect("it runs");
    });
    let (relay, dns) = ports;
    Running { commander, facts, closer, world: Some(world), scenario, relay, dns, root }
}

impl Running {
    /// Let these faults hold; comes back when the lab has said so. Gives the kinds that begin, and those that end.
    fn order(&self, toml: &str, changes: usize) -> (BTreeSet<String>, BTreeSet<String>) {
        let faults = self.scenario.read_faults(toml, "test").expect("they fit");
        assert!(self.commander.give(Order::Faults(faults)));
        let (mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new());
        while begun.len() + ended.len() < changes {
            match self.facts.recv_timeout(PATIENCE).expect("it is told") {
                Fact::FaultBegins { fault, detail } => {
                    assert!(!detail.is_empty());
                    begun.insert(fault);
                }
                Fact::FaultEnds { fault, .. } => {
                    ended.insert(fault);
                }
                _ => {}
            }
        }
        (begun, ended)
    }

    /// Switch one fault on, look, switch it off, look again.
    fn once(&self, toml: &str, bites: impl Fn(&Running) -> bool) {
        let fault: Fault = self.scenario.read_faults(toml, "test").expect("it fits").remove(0);
        let name = kind(&fault).to_owned();
        assert!(!bites(self), "{name}: not yet");
        assert_eq!(self.order(toml, 1).0, BTreeSet::from([name.clone()]));
        assert!(bites(self), "{name}: it does what it says");
        assert_eq!(self.order("", 1).1, BTreeSet::from([name.clone()]));
        assert!(!bites(self), "{name}: no longer");
    }

    fn call(&self) -> Option<Talk> {
        let stream = TcpStream::connect(("127.0.0.1", self.relay)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut talk = Talk(BufReader::new(stream));
        talk.reply().starts_with("220").then_some(talk)
    }

    /// The last line of the answer to each of these.
    fn say(&self, lines: &[&str]) -> Vec<String> {
        let mut talk = self.call().expect("it answers");
        lines.iter().map(|line| talk.ask(line)).collect()
    }

    fn rcpt(&self) -> String {
        self.say(&["EHLO x", "MAIL FROM:<someone@example.org>", "RCPT TO:<bob@example.net>"]).remove(2)
    }

    /// RCODE, and the number of answers, to a question for the MX of example.net.
    fn mx(&self) -> (u8, u16) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        let question =
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03net\x00\x00\x0f\x00\x01";
        socket.send_to(question, ("127.0.0.1", self.dns)).expect("it is sent");
        let mut answer = [0; 512];
        let count = socket.recv(&mut answer).expect("it answers");
        assert!(count > 12);
        (answer[3] & 15, u16::from_be_bytes([answer[6], answer[7]]))
    }

    /// What a client that wants TLS thinks of the certificate; empty: nothing is wrong.
    fn certificate(&self) -> String {
        let mut talk = self.call().expect("it answers");
        talk.ask("EHLO x");
        assert!(talk.ask("STARTTLS").starts_with("220"));
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a certificate");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("mx1.example.net").expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("it can begin");
        let shaken = client.complete_io(talk.0.get_mut());
        shaken.err().map(|error| error.to_string()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.closer.close();
        if let Some(world) = self.world.take() {
            let _ = world.join();
        }
    }
}

struct Talk(BufReader<TcpStream>);

impl Talk {
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            if read.is_err() || line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    fn ask(&mut self, line: &str) -> String {
        let _ = self.0.get_mut().write_all(format!("{line}\r\n").as_bytes());
        self.reply()
    }
}

fn on_relay(kind: &str, more: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nhost = \"mx1.example.net\"\n{more}\n")
}

#[test]
fn every_kind_bites_while_it_is_on() {
    let lab = open();
    lab.once(
        &on_relay("reply", "service = \"mta\"\nverb = \"MAIL\"\nreply = \"421 4.3.2 Not now\""),
        |lab| lab.say(&["EHLO x", "MAIL FROM:<>"])[1].starts_with("421 4.3.2"),
    );
    lab.once(&on_relay("drop", "service = \"mta\"\nverb = \"MAIL\""), |lab| {
        lab.say(&["EHLO x", "MAIL FROM:<>"])[1].is_empty()
    });
    lab.once(&on_relay("delay", "service = \"mta\"\nverb = \"NOOP\"\nms = 700"), |lab| {
        let mut talk = lab.call().expect("it answers");
        #[allow(clippy::disallowed_methods, reason = "a delay on the real clock is measured by it")]
        let before = Instant::now();
        assert!(talk.ask("NOOP").starts_with("250"));
        before.elapsed() >= Duration::from_millis(700)
    });
    lab.once(&on_relay("rate", "service = \"mta\"\nmessages = 1"), |lab| {
        let said = lab.say(&["EHLO x", "MAIL FROM:<>", "RSET", "MAIL FROM:<>"]);
        assert!(said[1].starts_with("250"));
        said[3].starts_with("450 4.7.1")
    });
    lab.once(&on_relay("down", "service = \"mta\""), |lab| lab.call().is_none());
    lab.once(&on_relay("greylist", "delay-s = 600"), |lab| lab.rcpt().starts_with("450 4.7.1"));
    lab.once("[[fault]]\nkind = \"mailbox-full\"\naccount = \"bob@example.net\"\n", |lab| {
        lab.rcpt().starts_with("552")
    });
    lab.once("[[fault]]\nkind = \"no-account\"\naccount = \"bob@example.net\"\n", |lab| {
        lab.rcpt().starts_with("550")
    });
    lab.once("[[fault]]\nkind = \"dns\"\nname = \"example.net\"\nhow = \"servfail\"\n", |lab| {
        lab.mx().0 == 2
    });
    lab.once("[[fault]]\nkind = \"remove-records\"\nname = \"example.net\"\nrtype = \"MX\"\n", |lab| {
        lab.mx().1 == 0
    });
    let line = "zone = \"example.net\"\nrecord = \"@ MX 30 mx3.example.net.\"\n";
    let before = lab.mx().1;
    lab.once(&format!("[[fault]]\nkind = \"add-record\"\n{line}"), |lab| lab.mx().1 == before + 1);
}

#[test]
fn what_goes_wrong_with_tls_goes_wrong_at_the_next_connection() {
    let lab = open();
    for (how, word) in
        [("expired", "xpired"), ("wrong-name", "not valid for name"), ("unknown-issuer", "UnknownIssuer")]
    {
        lab.once(&on_relay("certificate", &format!("how = \"{how}\"")), |lab| {
            let wrong = lab.certificate();
            assert!(wrong.is_empty() || wrong.contains(word), "{how}: {wrong}");
            !wrong.is_empty()
        });
    }
    lab.once(&on_relay("starttls-stripped", ""), |lab| {
        let mut talk = lab.call().expect("it answers");
        let _ = talk.0.get_mut().write_all(b"EHLO x\r\n");
        let mut offered = false;
        loop {
            let mut line = String::new();
            talk.0.read_line(&mut line).expect("it answers");
            offered |= line.contains("STARTTLS");
            if line.starts_with("250 ") {
                return !offered;
            }
        }
    });
}

#[test]
fn a_fault_is_over_when_its_time_is() {
    let lab = open();
    let toml = on_relay("down", "service = \"mta\"\nuntil-s = 1");
    let faults = lab.scenario.read_faults(&toml, "test").expect("it fits");
    assert!(lab.commander.give(Order::Faults(faults)));
    let mut told = Vec::new();
    while told.len() < 2 {
        match lab.facts.recv_timeout(PATIENCE).expect("it is told") {
            Fact::FaultBegins { .. } => told.push("begins"),
            Fact::FaultEnds { .. } => told.push("ends"),
            _ => {}
        }
    }
    assert_eq!(told, ["begins", "ends"]);
    assert!(lab.call().is_some());
}
