//! [`World`]: the running internet: its hosts with their stores, its clock, its network, its directory of accounts.
//!
//! Roles get an `Arc` of it and of their host. Every lock is held for a moment only, never across an await, and
//! whatever changes a store has its facts recorded before anybody else can look.

use super::change::{Change, Edits};
use super::clock::Clock;
use super::late::Late;
use super::mailboxes::{AccountSetup, Mailboxes};
use super::net::{BoxFuture, Network};
use super::preload;
use super::queue::Queue;
use super::resolver::{Exchange, Resolver};
use super::roles::mua::disk::{Copy, Disk, KeptRow};
use super::scenario::{self, Fault, RoleKind, Scenario};
use super::secure::Realm;
use super::snapshot::MailboxRows;
use super::store::keep::Keeper;
use crate::base::random;
use crate::proto::sasl::Keys;
use crate::trace::tap::Tap;
use crate::trace::{Conn, Direction, Fact, Transport};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// See [`World::handling`].
const HANDLING: Duration = Duration::from_millis(250);

/// The running internet.
pub struct World {
    /// What it was built from.
    pub scenario: Scenario,
    /// The story's time.
    pub clock: Clock,
    /// Where everything is recorded.
    pub tap: Tap,
    /// What carries bytes.
    pub net: Arc<dyn Network>,
    /// The machines, by name.
    pub hosts: BTreeMap<String, Arc<Host>>,
    /// Deviations from the scenario.
    pub changes: Vec<Change>,
    /// Those of them that go wrong in the middle.
    pub late: Late,
    /// How long a host takes until it looks at what it has just queued. In a journey long enough that client and
    /// server have said goodbye: one conversation after the other is easier to follow.
    pub handling: Duration,
    /// Whose certificates there are.
    pub tls: Arc<Realm>,
    /// Who is busy: the story goes on while somebody is.
    pub activity: Arc<Activity>,
    /// Mail for domains that no host here takes.
    pub beyond: Beyond,
    /// Rings when the services are to end: every session is told.
    pub closing: Arc<Changes>,
    /// Whether servers that offer TLS take passwords without it too. RFC 8314 §3 is against it, and a journey keeps to that.
    pub takes_clear_passwords: bool,
}

/// What becomes of mail for domains that no host of the world takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beyond {
    /// It is taken from those who may send, and looked up in the DNS as any other.
    #[default]
    Routed,
    /// It is refused when its recipient is named.
    Refused,
    /// It is taken from everybody, and lands in the mailbox of [`CATCH_ALL`].
    Caught,
}

/// The account of a domain in which mail for all other domains lands, where it is caught.
pub const CATCH_ALL: &str = "catch-all";

/// A machine with what it stores.
pub struct Host {
    /// Its place in the scenario.
    pub spec: scenario::Host,
    /// Rings when something was queued.
    pub bell: Notify,
    /// Counts changes of any mailbox here.
    pub changed: Changes,
    mailboxes: Mutex<Mailboxes>,
    queue: Mutex<Queue>,
    ids: Mutex<Ids>,
    /// First attempts that were put off: (client, sender, recipient) and when. RFC 6647 §2.
    greylist: Mutex<BTreeMap<(IpAddr, String, String), Duration>>,
    /// What a client keeps on its own disk.
    disk: Mutex<Disk>,
    resolver: Option<Resolver<HostExchange>>,
    /// The scenario's seed, and what was begun to be drawn from it, by role and purpose.
    seed: u64,
    draws: Mutex<BTreeMap<String, fastrand::Rng>>,
    /// What is kept of passwords for SCRAM, by user.
    scram: Mutex<BTreeMap<String, Keys>>,
    /// What keeps its mail on a real disk, where something does.
    keeper: OnceLock<Keeper>,
}

/// Queue id → recipients that wait.
type Waiting = BTreeMap<String, Vec<String>>;

/// Account → key → what is kept.
type Kept = BTreeMap<String, BTreeMap<String, KeptRow>>;

/// Where a host draws its queue ids, Message-IDs and boundaries.
struct Ids {
    next_queue_id: u32,
    unique: fastrand::Rng,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Build the hosts of `scenario`. Call inside the runtime that will run it.
    pub fn build(
        scenario: Scenario,
        changes: Vec<Change>,
        clock: Clock,
        tap: Tap,
        net: Arc<dyn Network>,
    ) -> Self {
        let hosts = scenario
            .hosts
            .iter()
            .map(|spec| (spec.name.clone(), Arc::new(Host::build(spec, &scenario, clock, net.clone()))));
        let hosts = hosts.collect();
        let (handling, activity, late) = (HANDLING, Arc::default(), Late::of(&changes, &tap));
        let tls = Arc::new(Realm::seeded(scenario.seed));
        let (beyond, closing) = (Beyond::default(), Arc::default());
        World {
            hosts,
            scenario,
            clock,
            tap,
            net,
            changes,
            late,
            handling,
            tls,
            activity,
            beyond,
            closing,
            takes_clear_passwords: false,
        }
    }

    /// Whether no host of this world takes mail for a domain, or has it as its address (`[192.0.2.25]`).
    pub fn is_beyond(&self, domain: &str) -> bool {
        let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match literal.and_then(super::roles::smtp::address_of_literal) {
            Some(address) => !self.hosts.values().any(|host| host.spec.addresses.contains(&address)),
            None => !self.hosts.values().any(|host| host.takes(domain)),
        }
    }

    /// Whether mail for a domain is caught, because no host of this world takes it.
    pub fn catches(&self, domain: &str) -> bool {
        self.beyond == Beyond::Caught && self.is_beyond(domain)
    }

    /// Look for something among what goes wrong now: the scenario's faults, those that a change has brought by now, and
    /// those that are switched on. Faults that have times of their own are among them at any time.
    pub fn find_fault<T>(&self, mut find: impl FnMut(&Fault) -> Option<T>) -> Option<T> {
        self.scenario.faults.iter().find_map(&mut find).or_else(|| self.late.find(find))
    }

    /// Whether something of this kind goes wrong now.
    pub fn suffers(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.find_fault(|fault| is(fault).then_some(())).is_some()
    }

    /// Whether a fault has taken the account away since the story began.
    pub(super) fn is_gone(&self, account: &str) -> bool {
        let gone =
            |f: &Fault| matches!(f, Fault::NoAccount { account: a } if a.eq_ignore_ascii_case(account));
        self.late.find(|fault| gone(fault).then_some(())).is_some()
    }

    /// The account kept at `host` that takes mail for an address (aliases followed; case does not matter here, as it
    /// does not at any host that people know: RFC 5321 §2.4 leaves it to the receiving host).
    ///
    /// Where nobody has the alias, postmaster's mail goes to the domain's first account: "Any system that includes an
    /// SMTP server supporting mail relaying or delivery MUST support the reserved mailbox "postmaster" as a
    /// case-insensitive local name" (RFC 5321 §4.5.1).
    pub fn account(&self, host: &Host, address: &str) -> Option<String> {
        let caught = address.rsplit_once('@').is_some_and(|(_, domain)| self.catches(domain));
        let catch_all = host.spec.domains.first().filter(|_| caught).map(|own| format!("{CATCH_ALL}@{own}"));
        let address = catch_all.as_deref().unwrap_or(address);
        let mailboxes = lock(&host.mailboxes);
        let postmaster = || {
            let (local, domain) = address.rsplit_once('@')?;
            let of_domain =
                |a: &String| a.rsplit_once('@').is_some_and(|(_, d)| d.eq_ignore_ascii_case(domain));
            let accounts = mailboxes.accounts().into_iter();
            local.eq_ignore_ascii_case("postmaster").then_some(accounts)?.find(of_domain)
        };
        mailboxes.resolve(address).or_else(postmaster).filter(|account| !self.is_gone(account))
    }

    /// Where mail for an address goes on to, where `host` sends it on.
    pub fn redirect(&self, host: &Host, address: &str) -> Option<&scenario::Redirect> {
        let here = |r: &&scenario::Redirect| {
            r.address.eq_ignore_ascii_case(address) && r.host.eq_ignore_ascii_case(&host.spec.name)
        };
        self.scenario.redirects.iter().find(here)
    }

    /// Whether the account has no room left.
    pub fn is_full(&self, host: &Host, account: &str) -> bool {
        let by_fault =
            |f: &Fault| matches!(f, Fault::MailboxFull { account: a } if a.eq_ignore_ascii_case(account));
        let (used, quota) = lock(&host.mailboxes).quota(account).unwrap_or_default();
        self.suffers(by_fault) || (quota > 0 && used >= quota)
    }

    /// State a fact.
    pub fn fact(&self, host: &Host, fact: Fact) {
        self.tap.fact(self.clock.now(), &host.spec.name, fact);
    }

    /// Look at a host's mailboxes and state nothing: what they did while they were built waits.
    pub fn look_at_mailboxes<T>(&self, host: &Host, look: impl FnOnce(&Mailboxes) -> T) -> T {
        look(&lock(&host.mailboxes))
    }

    /// Look at, or change, a host's mailboxes; what changed is recorded as facts and rung about. Where they may lie on
    /// a disk, changes go by [`World::change_mailboxes`] instead.
    pub fn with_mailboxes<T>(&self, host: &Host, act: impl FnOnce(&mut Mailboxes) -> T) -> T {
        let mut mailboxes = lock(&host.mailboxes);
        let result = act(&mut mailboxes);
        let facts = mailboxes.take_facts();
        if !facts.is_empty() {
            facts.into_iter().for_each(|fact| self.fact(host, fact));
            host.changed.ring();
        }
        result
    }

    /// Look at, or change, a host's queue; what changed is recorded as facts.
    pub fn with_queue<T>(&self, host: &Host, act: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = lock(&host.queue);
        let result = act(&mut queue);
        queue.take_facts().into_iter().for_each(|fact| self.fact(host, fact));
        result
    }

    /// Keep a copy of a message on a client's own disk.
    pub fn keep_copy(&self, device: &Host, account: &str, key: String, size: u64, subject: String) {
        let copy = Copy { size, whole: size, subject, ..Copy::default() };
        self.with_disk(device, |disk| disk.keep(account, &key, copy));
    }

    /// Look at, or change, what a client keeps on its own disk; what changed is recorded as facts.
    pub fn with_disk<T>(&self, device: &Host, act: impl FnOnce(&mut Disk) -> T) -> T {
        let mut disk = lock(&device.disk);
        let result = act(&mut disk);
        let facts = disk.take_facts();
        // Several facts are one change: nobody looks at the disk between them.
        let whole = (facts.len() > 1).then_some(disk);
        facts.into_iter().for_each(|fact| self.fact(device, fact));
        drop(whole);
        result
    }

    /// The host's resolver. What it learnt is recorded after the look-up by [`World::resolved`].
    pub fn resolver<'a>(&self, host: &'a Host) -> io::Result<&'a Resolver<HostExchange>> {
        host.resolver.as_ref().ok_or_else(|| io::Error::other("this world has no DNS server"))
    }

    /// Record what the host's resolver learnt or knew already.
    pub fn resolved(&self, host: &Host) {
        let facts = host.resolver.as_ref().map(Resolver::take_facts).unwrap_or_default();
        facts.into_iter().for_each(|fact| self.fact(host, fact));
    }

    /// The edits of the scenario's changes to one side's stream.
    pub fn edits(&self, conn: Conn, side: Direction) -> Edits {
        Edits::of(conn, side, &self.changes)
    }
}

impl Host {
    fn build(spec: &scenario::Host, scenario: &Scenario, clock: Clock, net: Arc<dyn Network>) -> Self {
        let mailboxes = mailboxes(spec, scenario, clock);
        let mut unique = random::stream(scenario.seed, &spec.name, "host", "unique");
        Host {
            bell: Notify::new(),
            changed: Changes::default(),
            mailboxes: Mutex::new(mailboxes),
            queue: Mutex::new(Queue::new(
                scenario.queue.as_ref().map(scenario::QueueSpec::manner).unwrap_or_default(),
            )),
            ids: Mutex::new(Ids { next_queue_id: unique.u32(0x10..0x100), unique }),
            greylist: Mutex::default(),
            disk: Mutex::default(),
            resolver: resolver(spec, scenario, clock, net),
            seed: scenario.seed,
            draws: Mutex::default(),
            scram: Mutex::default(),
            spec: spec.clone(),
            keeper: OnceLock::new(),
        }
    }

    /// Whether it has a role.
    pub fn has(&self, role: RoleKind) -> bool {
        self.spec.roles.contains(&role)
    }

    /// Whether it takes mail for a domain.
    pub fn takes(&self, domain: &str) -> bool {
        self.spec.domains.iter().any(|d| d.eq_ignore_ascii_case(domain))
    }

    /// Its resolver forgets all that it was told.
    pub(super) fn forget_answers(&self) {
        if let Some(resolver) = &self.resolver {
            resolver.forget();
        }
    }

    /// A new queue id: short, because people read it aloud.
    pub fn next_queue_id(&self) -> String {
        let mut ids = lock(&self.ids);
        ids.next_queue_id += 1;
        format!("{:X}", ids.next_queue_id)
    }

    /// Count queue ids on from the highest of these.
    pub(super) fn ids_from<'a>(&self, used: impl Iterator<Item = &'a str>) {
        let highest = used.filter_map(|id| u32::from_str_radix(id, 16).ok()).max().unwrap_or(0);
        let mut ids = lock(&self.ids);
        ids.next_queue_id = ids.next_queue_id.max(highest);
    }

    /// What keeps its mail on a disk.
    pub(super) fn keeper(&self) -> Option<&Keeper> {
        self.keeper.get()
    }

    /// Keep its mail on a disk from now on. Only the first call counts.
    pub(super) fn keep_with(&self, keeper: Keeper) {
        let _ = self.keeper.set(keeper);
    }

    /// A string that no other call gives: for Message-IDs and boundaries.
    pub fn unique(&self) -> String {
        format!("{:016x}", lock(&self.ids).unique.u64(..))
    }

    /// The next 32 octets for one purpose of one role here.
    pub fn draw(&self, role: &str, purpose: &str) -> [u8; 32] {
        let mut draws = lock(&self.draws);
        let begin = || random::stream(self.seed, &self.spec.name, role, purpose);
        let rng = draws.entry(format!("{role}, {purpose}")).or_insert_with(begin);
        let mut out = [0; 32];
        rng.fill(&mut out);
        out
    }

    /// 32 octets that are the same each time for one purpose of one role here.
    pub fn secret(&self, role: &str, purpose: &str) -> [u8; 32] {
        let mut out = [0; 32];
        random::stream(self.seed, &self.spec.name, role, purpose).fill(&mut out);
        out
    }

    /// What is kept of a user's password for SCRAM; derived once, because that is slow on purpose.
    pub fn scram_keys(&self, user: &str, derive: impl FnOnce() -> Keys) -> Keys {
        lock(&self.scram).entry(user.to_owned()).or_insert_with(derive).clone()
    }

    /// What this client keeps of an account's mail, by the keys that it knows it by.
    pub fn kept(&self, account: &str) -> BTreeMap<String, u64> {
        let size = |(key, copy): (&String, &Copy)| (key.clone(), copy.size);
        lock(&self.disk).with_shelf(account, |shelf| shelf.copies.iter().map(size).collect())
    }

    /// What its stores hold: mailboxes, queue, kept copies; `None` while one of them is being changed.
    pub(super) fn try_snapshot(&self) -> Option<(MailboxRows, Waiting, Kept)> {
        let mailboxes = self.mailboxes.try_lock().ok()?.snapshot();
        let queue = self.queue.try_lock().ok()?.snapshot();
        let kept = self.disk.try_lock().ok()?.snapshot();
        Some((mailboxes, queue, kept))
    }

    /// The address to call from, to reach `to`: the first of its family.
    pub fn address_towards(&self, to: IpAddr) -> Option<IpAddr> {
        self.spec.addresses.iter().copied().find(|a| a.is_ipv4() == to.is_ipv4())
    }

    /// Whether a triplet was first seen at least `delay` ago; notes it down.
    pub fn greylist_passes(&self, triplet: (IpAddr, String, String), now: Duration, delay: Duration) -> bool {
        let first = *lock(&self.greylist).entry(triplet).or_insert(now);
        now.saturating_sub(first) >= delay
    }
}

/// The accounts that the scenario keeps at this host, but for those that a fault takes away.
fn mailboxes(spec: &scenario::Host, scenario: &Scenario, clock: Clock) -> Mailboxes {
    let gone = |address: &str| {
        let is =
            |f: &Fault| matches!(f, Fault::NoAccount { account } if account.eq_ignore_ascii_case(address));
        scenario.faults.iter().any(is)
    };
    let mut mailboxes = Mailboxes::new();
    // RFC 9051 §2.3.1.1: "A good UIDVALIDITY value to use is a 32-bit representation of the current date/time".
    let uidvalidity = u32::try_from(clock.start().as_secs()).unwrap_or(1);
    for account in scenario.accounts.iter().filter(|a| a.host == spec.name && !gone(&a.address)) {
        let mut setup = AccountSetup::new(&account.address, uidvalidity);
        setup.password = account.password.clone();
        setup.quota = account.quota;
        setup.aliases = account.aliases.clone();
        preload::folders(&mut setup, scenario);
        mailboxes.add_account(setup);
    }
    preload::messages(&mut mailboxes, &spec.name, scenario, clock.start());
    mailboxes
}

fn resolver(
    spec: &scenario::Host,
    scenario: &Scenario,
    clock: Clock,
    net: Arc<dyn Network>,
) -> Option<Resolver<HostExchange>> {
    let wanted = |h: &&scenario::Host| match spec.resolver.as_str() {
        "" => h.roles.contains(&RoleKind::Dns),
        name => h.name == name,
    };
    let server = *scenario.hosts.iter().find(wanted)?.addresses.first()?;
    let from = *spec.addresses.iter().find(|a| a.is_ipv4() == server.is_ipv4())?;
    let (at, now) = (SocketAddr::new(server, 53), Arc::new(move || clock.now()));
    Some(Resolver::new(HostExchange { net, from }, at, now, scenario.seed, &spec.name))
}

/// How a host's resolver reaches its server: over the network, from the host's own address.
#[derive(Clone)]
pub struct HostExchange {
    net: Arc<dyn Network>,
    from: IpAddr,
}

impl Exchange for HostExchange {
    fn exchange(
        &self,
        server: SocketAddr,
        transport: Transport,
        query: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<io::Result<Vec<u8>>> {
        match transport {
            Transport::Udp => self.net.exchange(self.from, server, query, timeout),
            Transport::Tcp => {
                let connecting = self.net.connect(self.from, server);
                Box::pin(async move {
                    tokio::time::timeout(timeout, super::roles::dns_tcp::ask(connecting, query))
                        .await
                        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                })
            }
        }
    }
}

/// Counts changes, and rings about each. Whoever waits is woken in the order in which they began to wait, so that two
/// who wait for the same thing go on in the same order every time (tokio's `watch` draws lots).
#[derive(Default)]
pub struct Changes {
    count: AtomicU64,
    bell: Notify,
}

impl Changes {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// There is one more.
    pub fn ring(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.bell.notify_waiters();
    }

    /// Wait until there are more than `seen`; gives how many there are.
    pub async fn after(&self, seen: u64) -> u64 {
        loop {
            // It hears what rings from here on, even before it is polled.
            let rings = self.bell.notified();
            match self.count() {
                count if count != seen => return count,
                _ => rings.await,
            }
        }
    }
}

/// A session's ear for the end of the services. It hears it once.
pub struct LastWord {
    closing: Arc<Changes>,
    heard: bool,
}

impl LastWord {
    /// One that has heard nothing yet.
    pub fn of(world: &World) -> Self {
        LastWord { closing: world.closing.clone(), heard: false }
    }

    /// Completes when the services are to end; never a second time.
    pub async fn comes(&mut self) {
        if self.heard {
            std::future::pending::<()>().await;
        }
        self.closing.after(0).await;
        self.heard = true;
    }

    /// Whether it was heard.
    pub fn was_heard(&self) -> bool {
        self.heard
    }
}

/// Who is busy. The story ends when nobody has been for a while.
#[derive(Default)]
pub struct Activity {
    busy: AtomicUsize,
    idle: Notify,
}

/// While it lives, somebody is busy.
pub struct Busy(Arc<Activity>);

impl Activity {
    /// Somebody begins something.
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    /// Whether nobody is busy.
    pub fn is_idle(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
    }

    /// Wait until nobody is busy.
    pub async fn idle(&self) {
        while !self.is_idle() {
            self.idle.notified().await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_one();
        }
    }
}
