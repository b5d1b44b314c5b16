//! What the sender of a message asked to be told about it (RFC 3461 §4), and which reports that makes (§5.2).
//!
//! It travels with the message: the queue keeps it, and whoever relays passes it on where the next host offers DSN.

use super::dsn::Action;
use crate::proto::smtp::envelope::{Notify, Ret};
use crate::proto::smtp::{Envelope, Recipient};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What was asked for one message. The default is what holds where nothing was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Wishes {
    /// RET: how much of the message a report of failure returns. RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// ENVID: the sender's own mark, decoded. RFC 3461 §4.4.
    pub envid: Option<String>,
    /// By recipient, as the queue knows it; who is not in it was given no parameter.
    pub of: BTreeMap<String, Wish>,
    /// Recipients whose delay was reported already: once is enough.
    pub delay_told: BTreeSet<String>,
}

/// What was asked for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Wish {
    /// NOTIFY. RFC 3461 §4.1.
    pub notify: Option<Notify>,
    /// ORCPT: `type;address`, decoded. RFC 3461 §4.2.
    pub orcpt: Option<String>,
}

impl Wishes {
    /// What an envelope asks. `name` gives a recipient's name in the queue; `None`: it is not queued.
    pub fn of(envelope: &Envelope, name: impl Fn(&Recipient) -> Option<String>) -> Self {
        let mut of = BTreeMap::new();
        for recipient in &envelope.recipients {
            let Recipient { notify, orcpt, .. } = recipient.clone();
            if let (Some(name), true) = (name(recipient), notify.is_some() || orcpt.is_some()) {
                of.entry(name).or_insert(Wish { notify, orcpt });
            }
        }
        let (ret, envid) = (envelope.ret, envelope.envid.clone());
        Wishes { ret, envid, of, delay_told: BTreeSet::new() }
    }

    /// Put them into an envelope that goes to the next host; the client leaves them out where DSN is not offered there.
    /// RFC 3461 §5.2.1: what was given is passed on as it is, and what was not given is not made up.
    pub fn put_into(&self, envelope: &mut Envelope) {
        envelope.ret = self.ret;
        envelope.envid.clone_from(&self.envid);
        for recipient in &mut envelope.recipients {
            if let Some(wish) = self.of.get(&recipient.forward_path.address()) {
                recipient.notify = wish.notify;
                recipient.orcpt.clone_from(&wish.orcpt);
            }
        }
    }

    /// Whether a recipient's sender is to be told of this. RFC 3461 §4.1: "If the NOTIFY parameter is not supplied", of
    /// failure and, "at the MTA's discretion", of delay; never of success.
    pub fn wants(&self, recipient: &str, action: Action) -> bool {
        match (self.of.get(recipient).and_then(|wish| wish.notify), action) {
            (None, Action::Failed | Action::Delayed) => true,
            (None, Action::Relayed | Action::Delivered) => false,
            (Some(notify), Action::Failed) => notify.failure,
            (Some(notify), Action::Delayed) => notify.delay,
            (Some(notify), Action::Relayed | Action::Delivered) => notify.success,
        }
    }

    /// ORCPT of a recipient.
    pub fn original(&self, recipient: &str) -> Option<String> {
        self.of.get(recipient)?.orcpt.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_for_nothing_hears_of_trouble_only_and_who_asked_for_never_of_nothing() {
        const ALL: [Action; 4] = [Action::Failed, Action::Delayed, Action::Relayed, Action::Delivered];
        let mut envelope =
            Envelope::simple("a@example.com", &["never@example.net", "all@example.net"]).unwrap();
        envelope.recipients[0].notify = Some(Notify::default());
        envelope.recipients[1].notify = Some(Notify { success: true, failure: true, delay: false });
        envelope.envid = Some("QQ314159".to_owned());
        let wishes = Wishes::of(&envelope, |r| Some(r.forward_path.address()));
        let told = |to: &str| ALL.map(|action| wishes.wants(to, action));
        assert_eq!(told("other@example.net"), [true, true, false, false]);
        assert_eq!(told("never@example.net"), [false; 4]);
        assert_eq!(told("all@example.net"), [true, false, true, true]);

        let mut onward = Envelope::simple("a@example.com", &["all@example.net"]).unwrap();
        wishes.put_into(&mut onward);
        assert_eq!(onward.envid.as_deref(), Some("QQ314159"));
        assert_eq!(onward.recipients[0].notify, envelope.recipients[1].notify);
    }
}
