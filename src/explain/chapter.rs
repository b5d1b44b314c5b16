//! Which stage of the road a Step belongs to: the letter is handed in, a domain's mail servers are looked up, it
//! is carried, tried again, or comes back, and it is fetched.
//!
//! A stage is told by who opened a connection, to which port, and what waits in the opener's queue; where a host
//! needs no wire (an answer from its cache, a notice that goes to a mailbox next door), by what it states. A chapter
//! begins when the stage, its client or the domain looked up changes; what is still said on a connection of an
//! earlier chapter (a QUIT, a close) begins none.

use super::catalogue::catalogue;
use super::names;
use super::story::Chapter;
use super::template::Vars;
use crate::base::Shelf;
use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::state::State;
use crate::trace::{Conn, Fact, Head, HostInfo, Opened, Record, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How many open connections, people and mail hosts are remembered at once.
const MAX_OPEN: usize = 4096;

/// Gives chapters their beginnings.
#[derive(Clone, Debug, Default)]
pub struct Chapters {
    hosts: Arc<[HostInfo]>,
    open: Shelf<Conn, Opened>,
    /// Who was last seen to act on which host; hosts and people of one scenario, so a few.
    people: BTreeMap<String, String>,
    /// Domains, and the hosts that an MX answer named for them.
    exchanges: BTreeSet<(String, String)>,
    /// Whether it was told how a client finds its server: after that, the search belongs to what it is for.
    discovered: bool,
    /// The stage that each client is in. Several may be under way at once, and take turns on the page: a chapter
    /// begins only when a client enters a stage.
    now: BTreeMap<String, Stage>,
    /// Host and queue id of the notices that tell of no failure.
    words: BTreeSet<(String, String)>,
    number: usize,
}

/// What must change for a chapter to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    id: &'static str,
    client: String,
    /// The domain looked up or the host called, where a new one is a new stage.
    about: String,
}

impl Chapters {
    /// Chapters of a transcript with this head.
    pub fn new(head: &Head) -> Self {
        Chapters { hosts: head.hosts.clone().into(), ..Chapters::default() }
    }

    /// Learn from a record who talks to whom and who acts where; call it before the record's Steps are placed.
    pub fn observe(&mut self, record: &Record) {
        match record {
            Record::Open { open, .. } => {
                self.open.insert(open.conn, open.clone());
                if self.open.len() > MAX_OPEN {
                    self.open.pop_first();
                }
            }
            Record::Fact { host, fact: Fact::IntentBegins { who, .. }, .. }
                if self.people.len() < MAX_OPEN =>
            {
                self.people.insert(host.clone(), who.clone());
            }
            Record::Fact { host, fact: Fact::Bounced { notification, action, .. }, .. }
                if !action.is_empty() && self.words.len() < MAX_OPEN =>
            {
                self.words.insert((host.clone(), notification.clone()));
            }
            // Whoever is done begins anew next time.
            Record::Fact { host, fact: Fact::IntentEnds { .. } | Fact::Dequeued { .. }, .. } => {
                self.now.remove(host);
            }
            _ => {}
        }
    }

    /// The chapter that begins with this Step, given what held before it; `None` where it goes on.
    pub fn step(&mut self, step: &Step, state: &State) -> Option<Chapter> {
        self.learn(step);
        let begins = match step.kind {
            Kind::Open | Kind::Query => true,
            // An import may begin in mid-conversation, and a refused connection may show nothing but its end.
            _ => self.number == 0 && step.kind != Kind::Close,
        };
        if !begins {
            return None;
        }
        let open = self.open.get(&step.conn).cloned()?;
        let stage = self.stage(step, &open, state)?;
        self.begin(stage, Some(&open), state)
    }

    /// The chapter that begins with what a host states, given what held before it; `None` where it goes on.
    pub fn fact(&mut self, host: &str, fact: &Fact, state: &State) -> Option<Chapter> {
        let client = host.to_owned();
        let stage = match fact {
            // Where everything is remembered, no question and so no wire tells that a host sets out again.
            Fact::ResolverHit { .. } => match carrying(host, state) {
                "retry" => retry(client, state),
                _ => {
                    let intent = state.intents.iter().rev().find(|i| i.host == host)?;
                    Stage { id: for_intent(&intent.intent)?, client, about: String::new() }
                }
            },
            Fact::Failed { id, .. } => {
                state.queues.get(host)?.get(id).filter(|entry| !entry.sender.is_empty())?;
                Stage { id: "bounce", client, about: String::new() }
            }
            _ => return None,
        };
        // A client that still looks for its server has not begun to talk to it.
        let searching = self.now.get(host).is_some_and(|now| now.id == "discovery");
        if searching { None } else { self.begin(stage, None, state) }
    }

    /// Remember the hosts that an MX answer names.
    fn learn(&mut self, step: &Step) {
        let Meaning::Dns(dns) = &step.meaning else { return };
        if step.kind != Kind::Answer || dns.qtype != "MX" {
            return;
        }
        for row in dns.answers.iter().filter(|row| row.rtype == "MX") {
            if self.exchanges.len() < MAX_OPEN
                && let Some(host) = row.data.rsplit(' ').next()
            {
                let named = host.trim_end_matches('.').to_ascii_lowercase();
                self.exchanges.insert((dns.qname.to_ascii_lowercase(), named));
            }
        }
    }

    fn begin(&mut self, stage: Stage, open: Option<&Opened>, state: &State) -> Option<Chapter> {
        if self.now.get(&stage.client) == Some(&stage) {
            return None;
        }
        self.number += 1;
        self.discovered |= stage.id == "discovery";
        let chapter = self.write(&stage, open, state);
        self.now.insert(stage.client.clone(), stage);
        if self.now.len() > MAX_OPEN {
            self.now.pop_first();
        }
        Some(chapter)
    }

    fn stage(&self, step: &Step, open: &Opened, state: &State) -> Option<Stage> {
        let client = self.name(open.client);
        let port = open.server.port();
        if step.protocol == Protocol::Dns || port == 53 {
            return self.lookup(step, open, client, state);
        }
        let id = match port {
            587 | 465 | 2525 => "submission",
            25 if self.is_client_only(open.client) => "submission",
            25 => return Some(self.hop(open, client, state)),
            110 | 995 => "fetch-pop3",
            143 | 993 => "fetch-imap",
            _ => match step.protocol {
                Protocol::Smtp if self.is_client_only(open.client) => "submission",
                Protocol::Smtp => return Some(Stage { about: self.name(open.server), id: "relay", client }),
                Protocol::Pop3 => "fetch-pop3",
                Protocol::Imap => "fetch-imap",
                _ => return None,
            },
        };
        Some(Stage { id, client, about: String::new() })
    }

    /// One mail server calls another: with a letter, again with a letter, for a better host, or with a notice.
    fn hop(&self, open: &Opened, client: String, state: &State) -> Stage {
        match carrying(&client, state) {
            "retry" => retry(client, state),
            "bounce" => self.notice(client, state),
            _ => match self.now.get(&client) {
                Some(now) if now.id == "backup" => now.clone(),
                _ => Stage { id: "relay", about: self.name(open.server), client },
            },
        }
    }

    /// A notice is on its way: that a letter failed, or other word of it.
    fn notice(&self, client: String, state: &State) -> Stage {
        let queue = state.queues.get(&client);
        let mut waiting =
            queue.into_iter().flat_map(Shelf::iter).filter(|(_, entry)| !entry.waiting.is_empty());
        let is_word = |id: &String| self.words.contains(&(client.clone(), id.clone()));
        let id = if waiting.all(|(id, _)| is_word(id)) { "word-back" } else { "bounce" };
        Stage { id, client, about: String::new() }
    }

    /// A question to the DNS: by a mail server, where a domain takes its mail; by a person's client, where its own
    /// server is.
    fn lookup(&self, step: &Step, open: &Opened, client: String, state: &State) -> Option<Stage> {
        if step.kind == Kind::Query && step.verb == "SRV" {
            let joined = self.discovered.then(|| for_service(step)).flatten();
            let searching = self.now.get(&client).filter(|now| now.id == "discovery");
            let id = if searching.is_some() { "discovery" } else { joined.unwrap_or("discovery") };
            return Some(Stage { id, client, about: String::new() });
        }
        if self.checks(step, &client, state) {
            return Some(Stage { id: "check", client, about: String::new() });
        }
        if self.is_client_only(open.client) {
            let same = self.now.get(&client);
            return same.cloned().or(Some(Stage { id: "discovery", client, about: String::new() }));
        }
        match carrying(&client, state) {
            "retry" => return Some(retry(client, state)),
            "bounce" => return Some(self.notice(client, state)),
            _ => {}
        }
        let asked =
            (step.kind == Kind::Query && step.verb == "MX").then(|| super::dns::question(step)).flatten();
        let waiting = domains_waiting(&client, state);
        let about = match (asked, waiting.len()) {
            (Some(name), _) => name,
            (None, 1) => waiting.into_iter().next().unwrap_or_default(),
            // Which of several domains it is about is known when the question is: until then nothing begins.
            _ if open.transport == Transport::Udp && step.kind == Kind::Open => return None,
            _ => String::new(),
        };
        // Looking up the address of the next MX belongs to the chapter that the same client is in.
        let going_on = self.now.get(&client);
        let same =
            |now: &&Stage| about.is_empty() || matches!(now.id, "routing" | "backup") && now.about == about;
        if let Some(now) = going_on.filter(same) {
            return Some(now.clone());
        }
        if step.kind == Kind::Query && step.verb != "MX" {
            return going_on.cloned();
        }
        let own = self.exchanges.contains(&(about.clone(), client.to_ascii_lowercase()));
        let id = if own { "backup" } else { "routing" };
        (!about.is_empty()).then_some(Stage { id, client, about })
    }

    /// Whether a mail server asks who sent what it is just being handed: it begins with a text record, which nobody asks for
    /// who carries mail, and goes on as long as somebody is on the line and it is no domain of its own queue's.
    fn checks(&self, step: &Step, client: &str, state: &State) -> bool {
        let begins = step.kind == Kind::Query && step.verb == "TXT";
        let goes_on = self.now.get(client).is_some_and(|now| now.id == "check");
        // Last of all who is on the line: there may be thousands.
        let serves = |(conn, _): (&Conn, _)| {
            self.open
                .get(conn)
                .is_some_and(|open| open.server.port() == 25 && self.name(open.server) == client)
        };
        if !(begins || goes_on) || !state.connections.iter().any(serves) {
            return false;
        }
        let asked = (step.kind == Kind::Query).then(|| super::dns::question(step)).flatten();
        let of_queue = || asked.is_some_and(|name| domains_waiting(client, state).contains(&name));
        begins || !of_queue()
    }

    fn write(&self, stage: &Stage, open: Option<&Opened>, state: &State) -> Chapter {
        let mut vars = Vars::default();
        vars.set("client", names::short(&self.hosts, &stage.client));
        vars.set("device", device(&stage.client));
        if let Some(open) = open {
            vars.set("server", self.name(open.server)).count("port", u64::from(open.server.port()));
        }
        if stage.id == "retry" {
            vars.set("number", &stage.about);
        } else if !stage.about.is_empty() {
            vars.set("domain", &stage.about);
        }
        let intent = state.intents.iter().rev().find(|i| i.host == stage.client).map(|i| &i.who);
        let person = intent.or_else(|| self.people.get(&stage.client));
        if let Some(person) = person {
            vars.set("person", person);
        }
        let entry = catalogue().chapter(stage.id).cloned().unwrap_or_default();
        let title = match person {
            None if !entry.title_without_person.is_empty() => &entry.title_without_person,
            _ => &entry.title,
        };
        let intro = [&entry.intro, &entry.post_office].map(|text| vars.fill(text));
        let intro: Vec<_> = intro.into_iter().filter(|text| !text.is_empty()).collect();
        Chapter {
            number: self.number,
            id: stage.id.to_owned(),
            title: vars.fill(title).into_owned(),
            intro: intro.join(" "),
        }
    }

    fn host(&self, address: SocketAddr) -> Option<&HostInfo> {
        self.hosts.iter().find(|h| h.addresses.contains(&address.ip()))
    }

    fn name(&self, address: SocketAddr) -> String {
        self.host(address).map_or_else(|| address.ip().to_string(), |h| h.name.clone())
    }

    /// Whether it is a person's mail client and nothing else; a host that nobody named is no client.
    fn is_client_only(&self, address: SocketAddr) -> bool {
        let roles = self.host(address).map(|h| h.roles.as_slice()).unwrap_or_default();
        !roles.is_empty() && roles.iter().all(|r| r == "mua")
    }
}

/// The next attempt of what waits in a host's queue.
fn retry(client: String, state: &State) -> Stage {
    let entries = state.queues.get(&client).into_iter().flat_map(Shelf::values);
    let made = entries.flat_map(|e| e.waiting.iter().map(|w| w.attempts)).max().unwrap_or_default();
    Stage { id: "retry", client, about: made.saturating_add(1).to_string() }
}

/// The stage that a person's intention leads to.
fn for_intent(intent: &str) -> Option<&'static str> {
    match intent {
        "send" => Some("submission"),
        "fetch-pop3" => Some("fetch-pop3"),
        "fetch-imap" => Some("fetch-imap"),
        _ => None,
    }
}

/// The stage for which a client looks for a server: the first label of an SRV name is the service (RFC 2782), and
/// RFC 6186 §3 names those of mail.
fn for_service(step: &Step) -> Option<&'static str> {
    let name = super::dns::question(step)?;
    match name.split('.').next()? {
        "_submission" | "_submissions" => Some("submission"),
        "_pop3" | "_pop3s" => Some("fetch-pop3"),
        "_imap" | "_imaps" => Some("fetch-imap"),
        _ => None,
    }
}

/// What the opener of a connection to port 25 is about: its queue tells.
fn carrying(client: &str, state: &State) -> &'static str {
    let Some(queue) = state.queues.get(client) else { return "relay" };
    let waiting = || queue.values().filter(|e| !e.waiting.is_empty());
    if waiting().count() > 0 && waiting().all(|e| e.sender.is_empty()) {
        return "bounce";
    }
    let again = waiting().filter(|e| !e.sender.is_empty()).all(|e| e.waiting.iter().all(|w| w.attempts > 0));
    if waiting().count() > 0 && again { "retry" } else { "relay" }
}

/// The domains of the recipients in a host's queue.
fn domains_waiting(client: &str, state: &State) -> BTreeSet<String> {
    let entries = state.queues.get(client).into_iter().flat_map(Shelf::values);
    let recipients = entries.flat_map(|e| e.waiting.iter().map(|w| &w.recipient));
    recipients.filter_map(|r| r.rsplit_once('@')).map(|(_, domain)| domain.to_ascii_lowercase()).collect()
}

/// The first label of a host's name, unless it is an address.
fn device(name: &str) -> &str {
    if name.parse::<IpAddr>().is_ok() { name } else { name.split('.').next().unwrap_or(name) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{head, step};
    use super::*;
    use crate::base::Instant;
    use crate::state::{QueueEntry, Waiting};

    struct Reader {
        chapters: Chapters,
        state: State,
        conns: u32,
        titles: Vec<String>,
    }

    impl Reader {
        fn new() -> Self {
            Reader { chapters: Chapters::new(&head()), state: State::default(), conns: 0, titles: Vec::new() }
        }

        fn open(&mut self, client: &str, server: &str, transport: Transport) -> Conn {
            self.conns += 1;
            let conn = Conn(self.conns);
            let open =
                Opened { conn, transport, client: client.parse().unwrap(), server: server.parse().unwrap() };
            self.chapters.observe(&Record::Open { at: Instant::default(), open });
            self.say(conn, Protocol::Tcp, Kind::Open, "");
            conn
        }

        fn say(&mut self, conn: Conn, protocol: Protocol, kind: Kind, verb: &str) {
            let mut step = step(protocol, kind, verb, "");
            step.conn = conn;
            step.bytes = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x07example\x03net\0".to_vec();
            let chapter = self.chapters.step(&step, &self.state);
            self.titles.extend(chapter.map(|c| format!("{} {}", c.number, c.id)));
        }

        fn queue(&mut self, sender: &str, attempts: u32) {
            let waiting = Waiting { recipient: "bob@example.net".to_owned(), attempts, ..Waiting::default() };
            let entry =
                QueueEntry { sender: sender.to_owned(), waiting: vec![waiting], ..QueueEntry::default() };
            let queue = self.state.queues.entry("mail.example.com".to_owned()).or_default();
            queue.insert("1A".to_owned(), Arc::new(entry));
        }
    }

    const LAPTOP: &str = "192.0.2.10:40000";
    const MAIL: &str = "192.0.2.25:40000";

    #[test]
    fn the_road_from_alice_to_bob_has_its_stages() {
        let mut r = Reader::new();
        let hand_in = r.open(LAPTOP, "192.0.2.25:587", Transport::Tcp);
        r.say(hand_in, Protocol::Smtp, Kind::Greeting, "CONNECT");
        r.queue("alice@example.com", 0);
        let dns = r.open(MAIL, "192.0.2.53:53", Transport::Udp);
        r.say(dns, Protocol::Dns, Kind::Query, "MX");
        r.say(hand_in, Protocol::Smtp, Kind::Reply, "QUIT");
        r.say(dns, Protocol::Dns, Kind::Query, "A");
        r.open(MAIL, "198.51.100.25:25", Transport::Tcp);
        r.open("198.51.100.10:40000", "198.51.100.25:143", Transport::Tcp);
        assert_eq!(r.titles, ["1 submission", "2 routing", "3 relay", "4 fetch-imap"]);
    }

    #[test]
    fn a_second_attempt_and_a_bounce_are_stages_of_their_own() {
        let mut r = Reader::new();
        r.queue("alice@example.com", 1);
        r.open(MAIL, "198.51.100.25:25", Transport::Tcp);
        r.queue("", 0);
        r.open(MAIL, "198.51.100.25:25", Transport::Tcp);
        assert_eq!(r.titles, ["1 retry", "2 bounce"]);
        // A notice that tells of no failure is no bounce.
        let fact = Fact::Bounced {
            id: "19".to_owned(),
            notification: "1A".to_owned(),
            to: "alice@example.com".to_owned(),
            action: "delivered".to_owned(),
        };
        let host = "mail.example.com".to_owned();
        r.chapters.observe(&Record::Fact { at: Instant::default(), host, fact });
        r.open(MAIL, "198.51.100.25:25", Transport::Tcp);
        assert_eq!(r.titles.last().map(String::as_str), Some("3 word-back"));
    }

    #[test]
    fn a_client_that_looks_for_its_server_again_is_in_the_chapter_of_what_it_looks_for() {
        let mut r = Reader::new();
        let ask = |r: &mut Reader, name: &[u8]| {
            let conn = r.open(LAPTOP, "192.0.2.53:53", Transport::Udp);
            let mut step = step(Protocol::Dns, Kind::Query, "SRV", "");
            step.conn = conn;
            let qname = String::from_utf8_lossy(name).into_owned();
            step.meaning = Meaning::Dns(crate::dissect::dns::DnsMeaning { qname, ..Default::default() });
            let chapter = r.chapters.step(&step, &r.state);
            r.titles.extend(chapter.map(|c| format!("{} {}", c.number, c.id)));
        };
        ask(&mut r, b"_submission._tcp.example.com");
        r.open(LAPTOP, "192.0.2.25:587", Transport::Tcp);
        ask(&mut r, b"_imap._tcp.example.com");
        r.open(LAPTOP, "192.0.2.25:143", Transport::Tcp);
        assert_eq!(r.titles, ["1 discovery", "2 submission", "3 fetch-imap"]);
    }

    #[test]
    fn two_who_take_turns_begin_one_chapter_each() {
        let mut r = Reader::new();
        for _ in 0..3 {
            r.open(LAPTOP, "192.0.2.25:143", Transport::Tcp);
            r.open("198.51.100.10:40000", "198.51.100.25:143", Transport::Tcp);
        }
        assert_eq!(r.titles, ["1 fetch-imap", "2 fetch-imap"]);
        // Who has done what they came for, and comes back, begins again.
        let done = Fact::IntentEnds {
            who: "Alice".to_owned(),
            intent: "fetch-imap".to_owned(),
            ok: true,
            detail: String::new(),
            instead: String::new(),
        };
        let host = "alice-laptop.example.com".to_owned();
        r.chapters.observe(&Record::Fact { at: Instant::default(), host, fact: done });
        r.open(LAPTOP, "192.0.2.25:143", Transport::Tcp);
        assert_eq!(r.titles.len(), 3);
    }

    #[test]
    fn what_no_wire_shows_begins_a_chapter_too() {
        let mut r = Reader::new();
        r.queue("alice@example.com", 1);
        let hit = Fact::ResolverHit { name: "example.net".to_owned(), rtype: "MX".to_owned() };
        let retry = r.chapters.fact("mail.example.com", &hit, &r.state).expect("a second attempt");
        assert_eq!(
            (retry.id.as_str(), retry.title.as_str()),
            ("retry", "mail.example.com tries again: attempt 2")
        );
        assert!(r.chapters.fact("mail.example.com", &hit, &r.state).is_none(), "it goes on");
        let failed = Fact::Failed {
            id: "1A".to_owned(),
            recipients: Vec::new(),
            status: "5.1.1".to_owned(),
            reason: String::new(),
        };
        let bounce = r.chapters.fact("mail.example.com", &failed, &r.state);
        assert_eq!(bounce.map(|c| c.id).as_deref(), Some("bounce"));
    }

    #[test]
    fn the_person_who_acts_is_named() {
        let mut chapters = Chapters::new(&head());
        let fact =
            Fact::IntentBegins { who: "Alice".to_owned(), intent: "send".to_owned(), detail: String::new() };
        let host = "alice-laptop.example.com".to_owned();
        chapters.observe(&Record::Fact { at: Instant::default(), host, fact });
        let open = Opened {
            conn: Conn(1),
            transport: Transport::Tcp,
            client: LAPTOP.parse().unwrap(),
            server: "192.0.2.25:587".parse().unwrap(),
        };
        chapters.observe(&Record::Open { at: Instant::default(), open });
        let chapter = chapters.step(&step(Protocol::Tcp, Kind::Open, "", ""), &State::default()).unwrap();
        assert_eq!(chapter.title, "Alice's client hands the letter in");
        assert!(!chapter.intro.contains('{') && chapter.intro.len() > 20, "{}", chapter.intro);
    }
}
