//! Faults on demand: the set of them that is switched on while a lab runs, and who switches it.
//!
//! Where it stands on the road: beside `late`, which has the faults that a change brings in the middle of a story. A journey
//! has no such set, so nothing in it depends on who sits before the screen. Wherever a fault bites (terrain, zones, doors,
//! accounts, certificates), the set is looked at anew each time.

use super::hosts::World;
use super::scenario::{Fault, RoleKind};
use super::zones::is_of_zones;
use crate::trace::Fact;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Orders that may wait.
const WAITING: usize = 16;

/// One fault that is switched on.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Its number: a fault that stays on while others are switched keeps it.
    pub id: u64,
    /// What goes wrong. It has no times of its own: while it is here, it holds.
    pub fault: Fault,
}

/// All that are on. Never changed: another one takes its place.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// Counts how often it was replaced.
    pub generation: u64,
    /// Those that are on, in the order of the file or of the keys.
    pub faults: Vec<Live>,
}

/// What is switched on at the moment. Clones are the same one.
#[derive(Clone, Default)]
pub struct Chaos(Arc<Mutex<Arc<Set>>>);

/// What changed when a set was replaced.
#[derive(Debug, Default, PartialEq)]
pub struct Switched {
    /// These hold from now on.
    pub begun: Vec<Fault>,
    /// These no longer hold.
    pub ended: Vec<Fault>,
}

impl Chaos {
    /// What is on now.
    pub fn now(&self) -> Arc<Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These hold from now on, and no others. What was on already goes on as it was, its counts too.
    pub fn replace(&self, faults: Vec<Fault>) -> Switched {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = held.faults.clone();
        let mut next = before.iter().map(|live| live.id).max().unwrap_or(0).max(held.generation << 32);
        let (mut now, mut begun) = (Vec::new(), Vec::new());
        for fault in faults {
            if let Some(at) = before.iter().position(|live| live.fault == fault) {
                now.push(before.remove(at));
            } else {
                next += 1;
                begun.push(fault.clone());
                now.push(Live { id: next, fault });
            }
        }
        let ended: Vec<Fault> = before.into_iter().map(|live| live.fault).collect();
        if !begun.is_empty() || !ended.is_empty() || now != held.faults {
            *held = Arc::new(Set { generation: held.generation + 1, faults: now });
        }
        Switched { begun, ended }
    }
}

/// What a running lab is told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// From now on these faults hold, and no others of those that can be switched.
    Faults(Vec<Fault>),
    /// A file of faults cannot be used; what holds goes on.
    Refused {
        /// Which file, and the line, as in `faults.toml:7`.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Gives orders to a running lab, from whatever thread. Clones reach the same lab.
#[derive(Clone)]
pub struct Commander(mpsc::Sender<Order>);

/// Where a lab hears them.
pub struct Orders(mpsc::Receiver<Order>);

/// Somebody who gives orders, and where they are heard.
pub fn orders() -> (Commander, Orders) {
    let (to, from) = mpsc::channel(WAITING);
    (Commander(to), Orders(from))
}

impl Commander {
    /// Give an order; waits where the lab is behind. Says whether the lab is still there. Not for use inside a runtime.
    pub fn give(&self, order: Order) -> bool {
        self.0.blocking_send(order).is_ok()
    }
}

/// A fault that is wanted, and since when.
struct Wanted {
    fault: Fault,
    since: Duration,
}

/// Carry out orders until nobody can give any more.
pub(super) async fn obey(world: Arc<World>, chaos: Chaos, orders: Orders) {
    let Orders(mut orders) = orders;
    let mut wanted: Vec<Wanted> = Vec::new();
    loop {
        let next = wanted.iter().filter_map(|one| one.edge(world.clock.elapsed())).min();
        let edge = async {
            match next {
                Some(at) => tokio::time::sleep(at.saturating_sub(world.clock.elapsed())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                None => return,
                Some(Order::Refused { place, why }) => {
                    let host = world.scenario.hosts.first().map(|host| host.name.clone()).unwrap_or_default();
                    world.tap.fact(world.clock.now(), &host, Fact::FaultsRefused { place, why });
                }
                Some(Order::Faults(faults)) => {
                    let now = world.clock.elapsed();
                    let mut before = std::mem::take(&mut wanted);
                    for fault in faults {
                        let known = before.iter().position(|one| one.fault == fault);
                        let one = known.map(|at| before.remove(at));
                        wanted.push(one.unwrap_or(Wanted { fault, since: now }));
                    }
                }
            },
            () = edge => {}
        }
        let now = world.clock.elapsed();
        world.switch(
            &chaos,
            wanted.iter().filter(|one| one.holds(now)).map(|one| timeless(&one.fault)).collect(),
        );
    }
}

impl Wanted {
    /// From when until when it holds, in the lab's time.
    fn interval(&self) -> (Duration, Option<Duration>) {
        let (Fault::Down { from_s, until_s, .. } | Fault::Dns { from_s, until_s, .. }) = &self.fault else {
            return (self.since, None);
        };
        let after = |seconds: u64| self.since.saturating_add(Duration::from_secs(seconds));
        (after(*from_s), (*until_s > 0).then(|| after(*until_s)))
    }

    fn holds(&self, now: Duration) -> bool {
        let (from, until) = self.interval();
        from <= now && until.is_none_or(|until| now < until)
    }

    /// When it begins or ends next.
    fn edge(&self, now: Duration) -> Option<Duration> {
        let (from, until) = self.interval();
        [Some(from), until].into_iter().flatten().find(|edge| *edge > now)
    }
}

/// The same fault, for as long as it is on.
fn timeless(fault: &Fault) -> Fault {
    let mut fault = fault.clone();
    if let Fault::Down { from_s, until_s, .. } | Fault::Dns { from_s, until_s, .. } = &mut fault {
        (*from_s, *until_s) = (0, 0);
    }
    fault
}

impl World {
    /// These faults hold from now on. What begins and ends is stated. Where the DNS changes, resolvers forget what they
    /// know: else a fault would be seen only when the last answer has run out, an hour later.
    fn switch(&self, chaos: &Chaos, faults: Vec<Fault>) {
        let Switched { begun, ended } = chaos.replace(faults);
        if begun.iter().chain(&ended).any(is_of_zones) {
            self.hosts.values().for_each(|host| host.forget_answers());
        }
        let now = self.clock.now();
        for fault in ended {
            let fact = Fact::FaultEnds { fault: kind(&fault).to_owned(), detail: words(&fault) };
            self.tap.fact(now, &self.place_of(&fault), fact);
        }
        for fault in begun {
            let fact = Fact::FaultBegins { fault: kind(&fault).to_owned(), detail: words(&fault) };
            self.tap.fact(now, &self.place_of(&fault), fact);
        }
    }

    /// The host at which a fault is felt.
    fn place_of(&self, fault: &Fault) -> String {
        let dns = || self.scenario.hosts.iter().find(|host| host.roles.contains(&RoleKind::Dns));
        match fault {
            Fault::Down { host, .. }
            | Fault::Greylist { host, .. }
            | Fault::Reply { host, .. }
            | Fault::Drop { host, .. }
            | Fault::Delay { host, .. }
            | Fault::Rate { host, .. }
            | Fault::StarttlsStripped { host, .. }
            | Fault::Certificate { host, .. } => host.clone(),
            Fault::NoAccount { account } | Fault::MailboxFull { account } => {
                let mine = self.scenario.accounts.iter().find(|a| a.address.eq_ignore_ascii_case(account));
                mine.map(|account| account.host.clone()).unwrap_or_default()
            }
            Fault::RemoveRecords { .. } | Fault::AddRecord { .. } | Fault::Dns { .. } => {
                dns().map(|host| host.name.clone()).unwrap_or_default()
            }
        }
    }
}

/// The name of a fault's kind, as in a scenario.
pub fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Down { .. } => "down",
        Fault::RemoveRecords { .. } => "remove-records",
        Fault::AddRecord { .. } => "add-record",
        Fault::Dns { .. } => "dns",
        Fault::NoAccount { .. } => "no-account",
        Fault::MailboxFull { .. } => "mailbox-full",
        Fault::Greylist { .. } => "greylist",
        Fault::Reply { .. } => "reply",
        Fault::StarttlsStripped { .. } => "starttls-stripped",
        Fault::Certificate { .. } => "certificate",
        Fault::Drop { .. } => "drop",
        Fault::Delay { .. } => "delay",
        Fault::Rate { .. } => "rate",
    }
}

/// What a fault does, in a few words: `submission answers MAIL with “421 4.3.2 Closing”`.
pub fn words(fault: &Fault) -> String {
    let all =
        |service: &str| if service.is_empty() { "every service".to_owned() } else { service.to_owned() };
    let often = |times: u32| match times {
        0 => String::new(),
        1 => ", once".to_owned(),
        many => format!(", {many} times"),
    };
    match fault {
        Fault::Down { service, how, .. } if how == "silent" => format!("{} does not answer", all(service)),
        Fault::Down { service, .. } => format!("{} refuses connections", all(service)),
        Fault::RemoveRecords { name, rtype } if rtype.is_empty() => format!("the name {name} does not exist"),
        Fault::RemoveRecords { name, rtype } => format!("{name} has no {rtype} record"),
        Fault::AddRecord { zone, record } => format!("the zone {zone} has one record more: {record}"),
        Fault::Dns { name, how, .. } => {
            let what = if how == "silent" { "no answer" } else { "SERVFAIL" };
            let name = if name.is_empty() { "every name" } else { name };
            format!("{what} for {name}")
        }
        Fault::NoAccount { account } => format!("{account} does not exist"),
        Fault::MailboxFull { account } => format!("{account} has no room"),
        Fault::Greylist { delay_s, .. } => format!("strangers are put off for {delay_s} s"),
        Fault::Reply { service, verb, reply, times, .. } => {
            format!("{service} answers {verb} with “{reply}”{}", often(*times))
        }
        Fault::Drop { service, verb, times, .. } => {
            format!("{service} hangs up when it hears {verb}{}", often(*times))
        }
        Fault::Delay { service, verb, ms, times, .. } => {
            let verb = if verb.is_empty() { "every command" } else { verb };
            format!("{service} answers {verb} {ms} ms late{}", often(*times))
        }
        Fault::Rate { service, messages, .. } => format!("{service} takes {messages} messages a minute"),
        Fault::StarttlsStripped { service, .. } => {
            format!("somebody on the way takes away the offer of TLS ({})", all(service))
        }
        Fault::Certificate { how, .. } => match how {
            super::scenario::Flaw::Expired => "its certificate has expired".to_owned(),
            super::scenario::Flaw::WrongName => "its certificate is for another name".to_owned(),
            super::scenario::Flaw::UnknownIssuer => "nobody knows who issued its certificate".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(account: &str) -> Fault {
        Fault::MailboxFull { account: account.to_owned() }
    }

    #[test]
    fn what_stays_on_keeps_its_number_and_what_changes_is_told() {
        let chaos = Chaos::default();
        assert_eq!(chaos.now().generation, 0);
        let first = chaos.replace(vec![full("a@x"), full("b@x")]);
        assert_eq!((first.begun.len(), first.ended.len()), (2, 0));
        let before = chaos.now();
        let second = chaos.replace(vec![full("b@x"), full("c@x")]);
        assert_eq!((second.begun, second.ended), (vec![full("c@x")], vec![full("a@x")]));
        let after = chaos.now();
        assert_eq!(before.faults[1], after.faults[0]);
        assert!(before.faults.iter().all(|live| live.id != after.faults[1].id));
        assert_eq!(chaos.replace(vec![full("b@x"), full("c@x")]), Switched::default());
        assert_eq!(chaos.now().generation, after.generation, "nothing changed");
        assert_eq!(chaos.replace(Vec::new()).ended.len(), 2);
    }

    #[test]
    fn times_count_from_when_a_fault_is_switched_on() {
        let fault = Fault::Dns { name: String::new(), how: "silent".to_owned(), from_s: 10, until_s: 30 };
        let one = Wanted { fault, since: Duration::from_secs(100) };
        let at = Duration::from_secs;
        assert_eq!([100, 110, 129, 130].map(|s| one.holds(at(s))), [false, true, true, false]);
        assert_eq!([100, 110, 130].map(|s| one.edge(at(s))), [Some(at(110)), Some(at(130)), None]);
    }
}
