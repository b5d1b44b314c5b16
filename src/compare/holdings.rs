//! [`Holdings`]: what server and devices hold at a moment, by account and by device: the State, laid out for a row.

use crate::state::State;
use serde::Serialize;
use std::collections::BTreeMap;

/// Who holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holdings {
    /// account → mailbox → what the server keeps.
    pub server: BTreeMap<String, BTreeMap<String, Stock>>,
    /// client host → account → what the device keeps.
    pub devices: BTreeMap<String, BTreeMap<String, Stock>>,
    /// Accounts whose maildrop is locked, and by which host.
    pub locks: BTreeMap<String, String>,
}

/// A number of messages, and how large they are together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stock {
    /// How many.
    pub messages: u64,
    /// Octets.
    pub octets: u64,
    /// How many of them carry each flag.
    pub flags: BTreeMap<String, u64>,
    /// Messages that are there twice or more, by what a person knows them by: counted beyond the first.
    pub doubles: u64,
}

impl Holdings {
    /// What everybody holds in this State. Empty mailboxes stay listed: a folder is something that is there.
    pub fn of(state: &State) -> Self {
        let mut out = Holdings { locks: state.locks.clone(), ..Holdings::default() };
        for (account, mailboxes) in &state.mailboxes {
            let stocks = mailboxes.iter().map(|(name, mailbox)| {
                let mut stock = Stock::default();
                for message in mailbox.messages.values() {
                    stock.add(message.size);
                    for flag in &message.flags {
                        *stock.flags.entry(flag.clone()).or_default() += 1;
                    }
                }
                (name.clone(), stock)
            });
            out.server.insert(account.clone(), stocks.collect());
        }
        for (host, accounts) in &state.clients {
            let stocks = accounts.iter().map(|(account, copies)| {
                let mut stock = Stock::default();
                let mut known = BTreeMap::<(&str, u64), u64>::new();
                for copy in copies.values() {
                    stock.add(copy.size);
                    *known.entry((&copy.subject, copy.size)).or_default() += 1;
                }
                stock.doubles = known.values().map(|count| count - 1).sum();
                (account.clone(), stock)
            });
            out.devices.insert(host.clone(), stocks.collect());
        }
        out
    }
}

impl Stock {
    fn add(&mut self, octets: u64) {
        self.messages += 1;
        self.octets = self.octets.saturating_add(octets);
    }
}
