//! The SMTP server of a host: submission on 587, relay on 25. It decides who may send what to whom, and takes
//! responsibility for messages by putting them into the queue before it says 250 (RFC 5321 §4.2.5, §6.1).

use crate::proto::policy::spf;
use crate::proto::smtp::grammar::{Domain, Mailbox};
use crate::proto::smtp::server::{Message, Server, ServerConfig, ServerEvent, ServerKind};
use crate::proto::smtp::{Envelope, Path, Recipient, Reply, replies};
use crate::trace::Direction;
use crate::world::compose::rfc5322_date;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::faults::{Faults, Interference};
use crate::world::hosts::{Beyond, Host, LastWord, World};
use crate::world::net::Connection;
use crate::world::queue::Entry;
use crate::world::scenario::{Fault, RoleKind};
use crate::world::secure::Door;
use crate::world::sender;
use crate::world::wishes::Wishes;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// More Received fields than this are a loop (RFC 5321 §6.3 counts them; it wants at least 100 allowed, so that
/// mailing lists work; 50 hops are more than any scenario here has).
const MOST_HOPS: usize = 50;

/// Serve one connection.
pub async fn serve(
    world: Arc<World>,
    host: Arc<Host>,
    role: RoleKind,
    faults: Arc<Faults>,
    connection: Connection,
) {
    let kind = if role == RoleKind::Submission { ServerKind::Submission } else { ServerKind::Relay };
    let mut config = ServerConfig::new(&host.spec.name, kind);
    config.size_limit = host.spec.size_limit;
    config.consult = faults.any() || connection.crowded;
    leave_out(&mut config, &host.spec.smtp_without);
    config.nonces = Some(world.nonces(&host, role));
    let (peer, conn, crowded) = (connection.peer, connection.conn, connection.crowded);
    let Door { mut wire, security, plaintext_login } = world.door(&host, role, connection);
    (config.security, config.plaintext_login) = (security, plaintext_login);
    let mut machine = Server::new(config);
    let clock = world.clock;
    let mut edits = world.edits(conn, Direction::Server);
    let last_word = LastWord::of(&world);
    let (hello, spf) = (String::new(), None);
    let mut owner = SmtpOwner { world, host, role, faults, peer, hello, spf, crowded, last_word };
    // How a session ends is on the wire; nobody here needs telling.
    let _ = drive(&mut machine, &mut wire, clock, &mut owner, &mut edits).await;
}

/// What a scenario may have its SMTP servers not offer.
pub const MAY_LACK: [&str; 9] =
    ["DSN", "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"];

/// What an older server does not offer.
fn leave_out(config: &mut ServerConfig, keywords: &[String]) {
    let lacks = |keyword: &str| keywords.iter().any(|word| word.eq_ignore_ascii_case(keyword));
    config.dsn &= !lacks("DSN");
    config.pipelining &= !lacks("PIPELINING");
    config.eight_bit_mime &= !lacks("8BITMIME");
    config.smtputf8 &= !lacks("SMTPUTF8");
    config.chunking &= !lacks("CHUNKING");
    config.mechanisms.retain(|mechanism| !lacks(mechanism.name()));
}

struct SmtpOwner {
    world: Arc<World>,
    host: Arc<Host>,
    role: RoleKind,
    faults: Arc<Faults>,
    peer: SocketAddr,
    /// What the client calls itself.
    hello: String,
    /// What SPF says about this transaction, where it is asked.
    spf: Option<spf::Verdict>,
    /// It is turned away.
    crowded: bool,
    last_word: LastWord,
}

impl Owner<Server> for SmtpOwner {
    async fn on_event(&mut self, server: &mut Server, event: ServerEvent) -> Flow {
        match event {
            ServerEvent::Hello { name, .. } => self.hello = name,
            ServerEvent::Finished => {}
            ServerEvent::Consult { .. } if self.crowded => {
                server.answer(replies::too_many_connections(&self.host.spec.name));
            }
            ServerEvent::Consult { verb } => {
                match self.faults.meet(&verb, self.world.clock, &self.world.closing).await {
                    None => server.proceed(),
                    Some(Interference::Reply(line)) => server.answer(reply_from(&line)),
                    Some(Interference::Drop) => return Flow::Drop,
                }
            }
            ServerEvent::Authenticate(login) => {
                let known = self.world.prove(&self.host, &login.authcid, &login.proof).is_some();
                let yes = known && login.is_for_oneself();
                server.answer(if yes { replies::auth_ok() } else { replies::auth_failed() });
            }
            ServerEvent::ScramKeys { user } => server.answer_keys(self.world.scram_keys(&self.host, &user)),
            ServerEvent::Mail { envelope, authenticated } => {
                self.check_sender(&envelope, authenticated.is_some()).await;
                server.answer(replies::mail_ok());
            }
            ServerEvent::Rcpt { reverse_path, recipient, authenticated } => {
                server.answer(self.judge(&reverse_path, &recipient, authenticated.is_some()));
            }
            ServerEvent::Message(message) => {
                let reply = self.take(*message).await;
                server.answer(reply);
            }
            ServerEvent::Vrfy { .. } => server.answer(replies::cannot_verify()),
            ServerEvent::Expn { .. } => server.answer(replies::expn_refused()),
        }
        Flow::Continue
    }

    async fn news(&mut self) {
        self.last_word.comes().await;
    }

    fn tell(&mut self, server: &mut Server) {
        server.stop();
    }
}

impl SmtpOwner {
    /// May this recipient join? Our own domains: if the mailbox exists and has room. Others: if the sender is one
    /// of ours, who has logged in. Everything else would make us an open relay (RFC 5321 §7.9).
    fn judge(&self, sender: &Path, recipient: &Recipient, authenticated: bool) -> Reply {
        let Some((address, domain)) = self.resolve_path(&recipient.forward_path) else {
            return replies::no_such_user();
        };
        if !self.host.takes(&domain) && !self.world.catches(&domain) {
            return match authenticated {
                true if self.world.beyond == Beyond::Refused && self.world.is_beyond(&domain) => {
                    replies::out_of_reach(&domain)
                }
                true => replies::recipient_ok(),
                false => replies::relay_denied(),
            };
        }
        if let Some(delay) = self.greylisting().filter(|_| !authenticated) {
            let triplet = (self.peer.ip(), sender.to_string(), address.clone());
            if !self.host.greylist_passes(triplet, self.world.clock.elapsed(), delay) {
                return replies::greylisted();
            }
        }
        if !self.keeps_mailboxes_of(&domain) {
            return replies::recipient_ok(); // A backup MX: it only stores and forwards.
        }
        if self.world.redirect(&self.host, &address).is_some() {
            return replies::recipient_ok();
        }
        match self.world.account(&self.host, &address) {
            None => replies::no_such_user(),
            Some(account) if self.world.is_full(&self.host, &account) => replies::mailbox_full_for_good(),
            Some(_) => replies::recipient_ok(),
        }
    }

    /// Address and domain of a forward-path; `<Postmaster>` is the first domain's.
    fn resolve_path(&self, path: &Path) -> Option<(String, String)> {
        let address = match path {
            Path::Null => return None,
            Path::Postmaster => format!("postmaster@{}", self.host.spec.domains.first()?),
            Path::Mailbox(mailbox) if self.is_us(&mailbox.domain) => {
                let domain = self.host.spec.domains.first()?;
                Mailbox { domain: Domain::Name(domain.clone()), ..mailbox.clone() }.to_string()
            }
            Path::Mailbox(mailbox) => mailbox.to_string(),
        };
        let domain = address.rsplit_once('@')?.1.to_owned();
        Some((address, domain))
    }

    /// Whether a domain is one of our own addresses, as in `bob@[203.0.113.25]` (RFC 5321 §4.1.3).
    fn is_us(&self, domain: &Domain) -> bool {
        match domain {
            Domain::Literal(literal) => {
                address_of_literal(literal).is_some_and(|address| self.host.spec.addresses.contains(&address))
            }
            Domain::Name(_) => false,
        }
    }

    fn keeps_mailboxes_of(&self, domain: &str) -> bool {
        keeps_mailboxes_of(&self.world, &self.host, domain)
    }

    /// The message without fields in which somebody else claims that this host has checked it (RFC 8601 §5).
    fn without_our_name<'m>(&self, message: &'m [u8]) -> Cow<'m, [u8]> {
        match self.host.spec.verify {
            true => sender::without_claims(&self.host, message),
            false => Cow::Borrowed(message),
        }
    }

    fn greylisting(&self) -> Option<Duration> {
        self.world.find_fault(|fault| match fault {
            Fault::Greylist { host, delay_s }
                if *host == self.host.spec.name && self.role == RoleKind::Mta =>
            {
                Some(Duration::from_secs(*delay_s))
            }
            _ => None,
        })
    }

    /// SPF, where this host checks strangers: "during the processing of the SMTP transaction" (RFC 7208 §2.5).
    async fn check_sender(&mut self, envelope: &Envelope, authenticated: bool) {
        self.spf = None;
        if self.host.spec.verify && self.role == RoleKind::Mta && !authenticated {
            let sender = envelope.reverse_path.address();
            let verdict =
                sender::at_mail(&self.world, &self.host, self.peer.ip(), &self.hello, &sender).await;
            self.spf = Some(verdict);
        }
    }

    /// Take responsibility: trace lines on top, into the queue, and only then 250.
    async fn take(&mut self, message: Message) -> Reply {
        let hops = received_fields(&message.data);
        if hops > MOST_HOPS {
            return replies::mail_loop();
        }
        let mut found = String::new();
        if let Some(spf) = self.spf.take() {
            let judged = sender::at_data(&self.world, &self.host, &spf, &message.data).await;
            if let sender::Decision::Reject(why) = judged.decision {
                return replies::unauthenticated(&why);
            }
            found = judged.results.field();
        }
        let id = self.host.next_queue_id();
        let now = self.world.clock.now();
        // What was found stands above our Received line: it was found here, and by nobody before (RFC 8601 §4).
        let mut bytes = found.into_bytes();
        bytes.extend(self.received(&message, &id).into_bytes());
        bytes.extend(sender::signature(&self.world, &self.host, &message).unwrap_or_default().into_bytes());
        bytes.extend(self.without_our_name(&message.data).iter());
        let entry = Entry {
            id: id.clone(),
            sender: message.envelope.reverse_path.address(),
            waiting: self.addresses(&message.envelope),
            wishes: self.wishes(&message.envelope),
            message: bytes.into(),
            smtputf8: message.envelope.smtputf8,
            arrived: now,
            attempts: 0,
            next: now + self.world.handling,
        };
        if let Err(unkept) = self.world.spool(&self.host, &entry).await {
            return if unkept.full {
                replies::no_storage()
            } else {
                replies::local_error(&unkept.to_string())
            };
        }
        self.world.with_queue(&self.host, |queue| queue.accept(entry));
        self.host.bell.notify_one();
        replies::queued(&id)
    }

    /// What its sender asked to be told.
    fn wishes(&self, envelope: &Envelope) -> Wishes {
        Wishes::of(envelope, |r| self.resolve_path(&r.forward_path).map(|(address, _)| address))
    }

    /// Whom it goes to, each once: the same mailbox may stand in the envelope twice, under other names too.
    fn addresses(&self, envelope: &Envelope) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let resolve = |r: &Recipient| {
            let (address, domain) = self.resolve_path(&r.forward_path)?;
            // What is caught comes to one mailbox by many names: there it shows each of them.
            let own = self.keeps_mailboxes_of(&domain) && !self.world.catches(&domain);
            let account = self.world.account(&self.host, &address).filter(|_| own);
            // Only the host of the domain may say that two local parts are one (RFC 5321 §2.3.11, §2.4).
            let local = &address[..address.len() - domain.len()];
            let same = account.unwrap_or_else(|| format!("{local}{}", domain.to_ascii_lowercase()));
            seen.insert(same).then_some(address)
        };
        envelope.recipients.iter().filter_map(resolve).collect()
    }

    /// The trace line (RFC 5321 §4.4): `Received: from HELO ([address]) by us with PROTOCOL id ID for <one>; date`.
    /// The name in front is what the client says; the address in brackets is what we saw, and no name stands beside
    /// it, because we looked none up. A single recipient only is named: "for" must not give others away (§7.6).
    fn received(&self, message: &Message, id: &str) -> String {
        let literal = address_literal(self.peer.ip());
        let for_one = match message.envelope.recipients.as_slice() {
            [only] => format!("\r\n\tfor <{}>", only.forward_path),
            _ => String::new(),
        };
        format!(
            "Received: from {} ({literal})\r\n\tby {} with {} id {id}{for_one};\r\n\t{}\r\n",
            message.hello,
            self.host.spec.name,
            message.protocol,
            rfc5322_date(self.world.clock.now()),
        )
    }
}

/// Whether this host delivers for the domain itself, rather than standing in for another MX.
pub fn keeps_mailboxes_of(world: &World, host: &Host, domain: &str) -> bool {
    let here = |a: &crate::world::scenario::Account| {
        a.host == host.spec.name
            && a.address.rsplit_once('@').is_some_and(|(_, d)| d.eq_ignore_ascii_case(domain))
    };
    let sends_on = |r: &crate::world::scenario::Redirect| {
        r.host == host.spec.name
            && r.address.rsplit_once('@').is_some_and(|(_, d)| d.eq_ignore_ascii_case(domain))
    };
    let scenario = &world.scenario;
    let ours = scenario.accounts.iter().any(here) || scenario.redirects.iter().any(sends_on);
    host.takes(domain) && ours || world.catches(domain)
}

/// The address in a literal, without its square brackets: `192.0.2.10`, `IPv6:2001:db8::1`.
pub fn address_of_literal(literal: &str) -> Option<IpAddr> {
    let v6 =
        literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).map(|tag| &literal[tag.len()..]);
    match v6 {
        Some(address) => address.parse().ok().map(IpAddr::V6),
        None => literal.parse().ok().map(IpAddr::V4),
    }
}

/// `[192.0.2.10]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
fn address_literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}

fn received_fields(message: &[u8]) -> usize {
    let header = crate::world::dsn::header_of(message);
    header
        .split(|b| *b == b'\n')
        .filter(|l| l.len() >= 9 && l[..9].eq_ignore_ascii_case(b"received:"))
        .count()
}

/// A scenario's reply line, as in `451 4.3.0 Try again later`, as a reply.
fn reply_from(line: &str) -> Reply {
    let (code, text) = line.split_once(' ').unwrap_or((line, ""));
    Reply::new(code.parse().unwrap_or(451), text)
}
