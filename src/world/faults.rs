//! What goes wrong at one door: the faults for one service of one host, as its role asks for them.
//!
//! Down, DNS and account faults are applied where they bite (terrain, zones, accounts); what is left here answers a
//! verb in the server's place, lets it wait, counts messages, or drops the connection.

use super::clock::Clock;
use super::hosts::Changes;
use super::late::Late;
use super::scenario::{Fault, RoleKind, Scenario};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time over which messages are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// What happens to a command in place of what is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interference {
    /// This line is the answer.
    Reply(String),
    /// The connection is dropped.
    Drop,
}

/// What a rule does.
enum Effect {
    Instead(Interference),
    Wait(Duration),
    /// So many messages in a minute; the others get this reply. When the last ones came.
    Rate(usize, String, VecDeque<Duration>),
}

struct Rule {
    /// Empty: every one.
    verb: String,
    effect: Effect,
    /// How often it still bites; `None`: always.
    left: Option<u32>,
    /// How many records are written before it begins.
    after: u64,
    /// Which switched fault it comes from; `None`: it was there from the start.
    switched: Option<u64>,
}

/// What happens to a verb.
#[derive(Debug, Default, PartialEq, Eq)]
struct Bite {
    wait: Duration,
    then: Option<Interference>,
}

/// The faults of one service of one host. Shared by all its sessions, so that `times` counts over them.
pub struct Faults {
    rules: Mutex<Rules>,
    late: Late,
    host: String,
    service: RoleKind,
}

#[derive(Default)]
struct Rules {
    all: Vec<Rule>,
    /// The generation of switched faults that they are of.
    generation: u64,
}

impl Faults {
    /// Those of `scenario`, and those that begin later, that concern this service of this host. What came last is
    /// asked first: it is what a person has just changed.
    pub fn of(scenario: &Scenario, late: &Late, host: &str, service: RoleKind) -> Self {
        let later = late.all().iter().rev().map(|(after, fault)| (*after, fault));
        let all = later.chain(scenario.faults.iter().map(|fault| (0, fault)));
        let all = all.filter_map(|(after, fault)| Rule::of(fault, host, service, after)).collect();
        let rules = Mutex::new(Rules { all, generation: 0 });
        Faults { rules, late: late.clone(), host: host.to_owned(), service }
    }

    /// Whether the service must ask before every command.
    pub fn any(&self) -> bool {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        !rules.all.is_empty() || self.late.is_on_demand()
    }

    /// What happens to this verb now; counts it, and waits for as long as it is held up, or until the services end.
    pub async fn meet(&self, verb: &str, clock: Clock, closing: &Changes) -> Option<Interference> {
        let Bite { wait, then } = self.bite(verb, clock.elapsed());
        if !wait.is_zero() {
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                _ = closing.after(0) => {}
            }
        }
        then
    }

    fn bite(&self, verb: &str, now: Duration) -> Bite {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_up(&mut rules);
        let mut bite = Bite::default();
        for rule in &mut rules.all {
            let is_meant = rule.verb.is_empty() || rule.verb.eq_ignore_ascii_case(verb);
            if !is_meant || rule.left == Some(0) || !self.late.begins(rule.after) {
                continue;
            }
            match &mut rule.effect {
                Effect::Wait(time) => bite.wait = bite.wait.saturating_add(*time),
                _ if bite.then.is_some() => continue,
                Effect::Instead(what) => bite.then = Some(what.clone()),
                Effect::Rate(most, reply, taken) => {
                    bite.then = exceeds(*most, taken, now).then(|| Interference::Reply(reply.clone()));
                }
            }
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
        }
        bite
    }

    /// Where faults were switched since this was last asked: the rules of those that are on now, in front of all others.
    fn take_up(&self, rules: &mut Rules) {
        let Some(set) = self.late.switched().filter(|set| set.generation != rules.generation) else { return };
        rules.generation = set.generation;
        let mut before = std::mem::take(&mut rules.all);
        for live in &set.faults {
            let kept = before.iter().position(|rule| rule.switched == Some(live.id));
            let rule = match kept {
                Some(at) => Some(before.remove(at)),
                None => Rule::of(&live.fault, &self.host, self.service, 0),
            };
            rules.all.extend(rule.map(|rule| Rule { switched: Some(live.id), ..rule }));
        }
        rules.all.extend(before.into_iter().filter(|rule| rule.switched.is_none()));
    }
}

/// Whether one more message would be too many within a minute; counts it where not.
fn exceeds(most: usize, taken: &mut VecDeque<Duration>, now: Duration) -> bool {
    while taken.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
        taken.pop_front();
    }
    if taken.len() >= most {
        return true;
    }
    taken.push_back(now);
    false
}

impl Rule {
    /// The rule of a fault, if it concerns this service of this host.
    fn of(fault: &Fault, at: &str, role: RoleKind, after: u64) -> Option<Self> {
        let (to, of, verb, effect, times) = match fault {
            Fault::Reply { host, service, verb, reply, times } => {
                (host, service, verb.as_str(), Effect::Instead(Interference::Reply(reply.clone())), *times)
            }
            Fault::Drop { host, service, verb, times } => {
                (host, service, verb.as_str(), Effect::Instead(Interference::Drop), *times)
            }
            Fault::Delay { host, service, verb, ms, times } => {
                (host, service, verb.as_str(), Effect::Wait(Duration::from_millis(u64::from(*ms))), *times)
            }
            Fault::Rate { host, service, messages, reply } => {
                let most = usize::try_from(*messages).unwrap_or(usize::MAX);
                // A message begins with MAIL (RFC 5321 §3.3).
                (host, service, "MAIL", Effect::Rate(most, reply.clone(), VecDeque::new()), 0)
            }
            _ => return None,
        };
        let left = (times > 0).then_some(times);
        let rule = Rule { verb: verb.to_owned(), effect, left, after, switched: None };
        (to == at && of == role.name()).then_some(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chaos::Chaos;
    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn drop_at_rcpt(times: u32) -> Fault {
        Fault::Drop { host: text("mx"), service: text("mta"), verb: text("rcpt"), times }
    }

    fn on_demand() -> (Chaos, Faults) {
        let chaos = Chaos::default();
        let late = Late::on_demand(chaos.clone());
        let scenario = Scenario::builtin("journey").expect("loads");
        let faults = Faults::of(&scenario, &late, "mx", RoleKind::Mta);
        (chaos, faults)
    }

    /// Virtual time jumps to the end of the delay, unless something else comes first.
    #[tokio::test(start_paused = true)]
    async fn what_is_held_up_hears_that_the_services_end() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        let ms = 600_000;
        scenario.faults.push(Fault::Delay {
            host: text("mx"),
            service: text("mta"),
            verb: text("DATA"),
            ms,
            times: 0,
        });
        let faults = Faults::of(&scenario, &Late::none(), "mx", RoleKind::Mta);
        let (clock, closing) = (Clock::starting_at(crate::base::Instant::default()), Changes::default());
        let began = tokio::time::Instant::now();
        assert_eq!(faults.meet("DATA", clock, &closing).await, None);
        assert_eq!(began.elapsed(), Duration::from_millis(u64::from(ms)));
        let (met, ()) = tokio::join!(faults.meet("DATA", clock, &closing), async { closing.ring() });
        assert_eq!(met, None);
        assert_eq!(began.elapsed(), Duration::from_millis(u64::from(ms)), "at once");
    }

    #[test]
    fn a_fault_bites_as_often_as_it_says() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.faults.push(drop_at_rcpt(2));
        let faults = Faults::of(&scenario, &Late::none(), "mx", RoleKind::Mta);
        assert_eq!(faults.bite("MAIL", NOW), Bite::default());
        assert_eq!([(); 3].map(|()| faults.bite("RCPT", NOW).then.is_some()), [true, true, false]);
        assert!(!Faults::of(&scenario, &Late::none(), "mx", RoleKind::Pop3).any(), "another service");
    }

    #[test]
    fn what_is_switched_on_bites_at_once_and_keeps_its_count() {
        let (chaos, faults) = on_demand();
        assert!(faults.any(), "it may come at any time");
        assert_eq!(faults.bite("RCPT", NOW), Bite::default());
        chaos.replace(vec![drop_at_rcpt(2)]);
        assert!(faults.bite("RCPT", NOW).then.is_some());
        let delay =
            Fault::Delay { host: text("mx"), service: text("mta"), verb: text(""), ms: 300, times: 0 };
        chaos.replace(vec![delay.clone(), drop_at_rcpt(2)]);
        let (wait, then) = (Duration::from_millis(300), Some(Interference::Drop));
        assert_eq!(faults.bite("RCPT", NOW), Bite { wait, then }, "the second time");
        assert_eq!(faults.bite("RCPT", NOW), Bite { wait, then: None }, "it has bitten twice");
        chaos.replace(Vec::new());
        assert_eq!(faults.bite("RCPT", NOW), Bite::default());
        chaos.replace(vec![drop_at_rcpt(2)]);
        assert!(faults.bite("RCPT", NOW).then.is_some(), "switched on anew, it counts anew");
    }

    #[test]
    fn so_many_messages_a_minute_are_taken() {
        let (chaos, faults) = on_demand();
        let reply = text("450 4.7.1 Too many messages");
        let fault = Fault::Rate { host: text("mx"), service: text("mta"), messages: 2, reply: reply.clone() };
        chaos.replace(vec![fault]);
        let takes = |at: u64| faults.bite("MAIL", Duration::from_secs(at)).then.is_none();
        assert_eq!([0, 10, 20, 59, 60, 61, 70].map(takes), [true, true, false, false, true, false, true]);
        assert_eq!(faults.bite("RCPT", NOW), Bite::default(), "only MAIL begins a message");
        assert_eq!(faults.bite("MAIL", Duration::from_secs(71)).then, Some(Interference::Reply(reply)));
    }
}
