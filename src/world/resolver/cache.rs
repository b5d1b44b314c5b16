//! What a resolver remembers, in virtual time (RFC 1035 §7.4, RFC 2308 §5).

use super::Outcome;
use crate::base::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Answers are kept for a week at most, whatever their TTL says (RFC 8767 suggests this cap).
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// That something does not exist is believed for three hours at most (RFC 2308 §5).
const LONGEST_NEGATIVE: Duration = Duration::from_secs(3 * 3600);

/// Answers by name (lower case) and type; NXDOMAIN is kept by name alone, since it holds for every type.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    entries: BTreeMap<(String, String), Entry>,
    /// How many entries it holds at most.
    pub(super) capacity: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    outcome: Outcome,
    until: Instant,
}

impl Default for Cache {
    fn default() -> Self {
        Cache { entries: BTreeMap::new(), capacity: 4096 }
    }
}

impl Cache {
    /// What is known of a name and type at this moment.
    pub(super) fn get(&self, name: &str, rtype: &str, now: Instant) -> Option<Outcome> {
        let name = name.to_ascii_lowercase();
        let keys = [(name.clone(), rtype.to_owned()), (name, String::new())];
        let entry = keys.iter().find_map(|key| self.entries.get(key).filter(|entry| now < entry.until))?;
        Some(entry.outcome.clone())
    }

    /// Keep an outcome for `ttl` seconds; gives the moment until which it is kept, or `None` where it is not.
    pub(super) fn put(
        &mut self,
        name: &str,
        rtype: &str,
        outcome: &Outcome,
        ttl: u32,
        now: Instant,
    ) -> Option<Instant> {
        let (rtype, longest) = match outcome {
            Outcome::Records(_) => (rtype, LONGEST),
            Outcome::NoData => (rtype, LONGEST_NEGATIVE),
            Outcome::NxDomain => ("", LONGEST_NEGATIVE),
            // A failure says nothing about the name, and is not kept. (RFC 9520 asks resolvers to keep it for a
            // little while; whoever asks here waits longer than that before asking again.)
            Outcome::Failed(_) => return None,
        };
        if ttl == 0 {
            return None;
        }
        let until = now + Duration::from_secs(u64::from(ttl)).min(longest);
        if self.entries.len() >= self.capacity {
            self.make_room(now);
        }
        let key = (name.to_ascii_lowercase(), rtype.to_owned());
        self.entries.insert(key, Entry { outcome: outcome.clone(), until });
        Some(until)
    }

    /// Let go what has expired; where nothing has, what expires first.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now < entry.until);
        while self.entries.len() >= self.capacity.max(1) {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
            let Some(first) = first else { return };
            self.entries.remove(&first);
        }
    }
}
