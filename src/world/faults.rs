//! What goes wrong at one door: the scenario's faults for one service of one host, as its role asks for them.
//!
//! Down, DNS and account faults are applied where they bite (terrain, zones, accounts); what is left here answers a
//! verb in the server's place, or drops the connection.

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
}

/// The faults of one service of one host. Shared by all its sessions, so that `times` counts over them.
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
}

impl Faults {
    /// Those of `scenario` that concern this service of this host.
    pub fn of(scenario: &Scenario, host: &str, service: RoleKind) -> Self {
        let concerns = |h: &str, s: &str| h == host && s == service.name();
        let rules = scenario.faults.iter().filter_map(|fault| match fault {
            Fault::Reply { host, service, verb, reply, times } if concerns(host, service) => {
                Some(Rule::new(verb, Interference::Reply(reply.clone()), *times))
            }
            Fault::Drop { host, service, verb, times } if concerns(host, service) => {
                Some(Rule::new(verb, Interference::Drop, *times))
            }
            _ => None,
        });
        Faults { rules: Mutex::new(rules.collect()) }
    }

    /// Whether the service must ask before every command.
    pub fn any(&self) -> bool {
        !self.rules.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What happens to this verb now; counts it.
    pub fn bite(&self, verb: &str) -> Option<Interference> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|r| r.verb.eq_ignore_ascii_case(verb) && r.left != Some(0))?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.what.clone())
    }
}

impl Rule {
    fn new(verb: &str, what: Interference, times: u32) -> Self {
        Rule { verb: verb.to_owned(), what, left: (times > 0).then_some(times) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_bites_as_often_as_it_says() {
        let rule = Rule::new("rcpt", Interference::Drop, 2);
        let faults = Faults { rules: Mutex::new(vec![rule]) };
        assert_eq!(faults.bite("MAIL"), None);
        assert_eq!([(); 3].map(|()| faults.bite("RCPT").is_some()), [true, true, false]);
    }
}
