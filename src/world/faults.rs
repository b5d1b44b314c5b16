//! What goes wrong at one door: the scenario's faults for one service of one host, as its role asks for them.
//!
//! Down, DNS and account faults are applied where they bite (terrain, zones, accounts); what is left here answers a
//! verb in the server's place, or drops the connection.

use super::late::Late;
use super::scenario::{Fault, RoleKind, Scenario};
use std::sync::{Mutex, PoisonError};

/// What happens to a command in place of what is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interference {
    /// This line is the answer.
    Reply(String),
    /// The connection is dropped.
    Drop,
}

struct Rule {
    verb: String,
    what: Interference,
    /// How often it still bites; `None`: always.
    left: Option<u32>,
    /// How many records are written before it begins.
    after: u64,
}

/// The faults of one service of one host. Shared by all its sessions, so that `times` counts over them.
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    late: Late,
}

impl Faults {
    /// Those of `scenario`, and those that begin later, that concern this service of this host. What came last is
    /// asked first: it is what a person has just changed.
    pub fn of(scenario: &Scenario, late: &Late, host: &str, service: RoleKind) -> Self {
        let concerns = |h: &str, s: &str| h == host && s == service.name();
        let rule = |(after, fault): (u64, &Fault)| match fault {
            Fault::Reply { host, service, verb, reply, times } if concerns(host, service) => {
                Some(Rule::new(verb, Interference::Reply(reply.clone()), *times, after))
            }
            Fault::Drop { host, service, verb, times } if concerns(host, service) => {
                Some(Rule::new(verb, Interference::Drop, *times, after))
            }
            _ => None,
        };
        let later = late.all().iter().rev().map(|(after, fault)| (*after, fault));
        let rules = later.chain(scenario.faults.iter().map(|fault| (0, fault))).filter_map(rule);
        Faults { rules: Mutex::new(rules.collect()), late: late.clone() }
    }

    /// Whether the service must ask before every command.
    pub fn any(&self) -> bool {
        !self.rules.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What happens to this verb now; counts it.
    pub fn bite(&self, verb: &str) -> Option<Interference> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let bites = |r: &&mut Rule| {
            r.verb.eq_ignore_ascii_case(verb) && r.left != Some(0) && self.late.begins(r.after)
        };
        let rule = rules.iter_mut().find(bites)?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.what.clone())
    }
}

impl Rule {
    fn new(verb: &str, what: Interference, times: u32, after: u64) -> Self {
        Rule { verb: verb.to_owned(), what, left: (times > 0).then_some(times), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_bites_as_often_as_it_says() {
        let rule = Rule::new("rcpt", Interference::Drop, 2, 0);
        let faults = Faults { rules: Mutex::new(vec![rule]), late: Late::none() };
        assert_eq!(faults.bite("MAIL"), None);
        assert_eq!([(); 3].map(|()| faults.bite("RCPT").is_some()), [true, true, false]);
    }
}
