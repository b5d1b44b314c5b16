//! How queues deal with what cannot be delivered yet, and what a letter asks to be told, as a scenario says it.

use super::clients::parse_age;
use crate::proto::smtp::envelope::Notify;
use crate::world::queue::Manner;
use serde::{Deserialize, Serialize};

/// The manner of every queue. RFC 5321 §4.5.4.1: "the parameters to the retry algorithm MUST be configurable". What is
/// left out is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct QueueSpec {
    /// When to try again after the first failed attempt, the second, …: `["15m", "1h"]`. The last one holds from then
    /// on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retry: Vec<String>,
    /// After how long a sender is told that a message is late: `4h`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub warn: String,
    /// How long a message may wait before it is given up: `5d`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub give_up: String,
}

impl QueueSpec {
    /// What cannot be read, with its key.
    pub fn unreadable(&self) -> Option<(&'static str, &str)> {
        let wrong = |text: &str| !text.is_empty() && parse_age(text).is_none_or(|time| time.is_zero());
        let retry = self.retry.iter().find(|text| text.is_empty() || wrong(text));
        let retry = retry.map(|text| ("retry", text.as_str()));
        let rest = [("warn", self.warn.as_str()), ("give-up", self.give_up.as_str())];
        retry.or_else(|| rest.into_iter().find(|(_, text)| wrong(text)))
    }

    /// As the queue wants it.
    pub fn manner(&self) -> Manner {
        let usual = Manner::default();
        let retry: Vec<_> = self.retry.iter().filter_map(|text| parse_age(text)).collect();
        Manner {
            retry: if retry.is_empty() { usual.retry } else { retry },
            warn: parse_age(&self.warn).unwrap_or(usual.warn),
            give_up: parse_age(&self.give_up).unwrap_or(usual.give_up),
        }
    }
}

/// When the writer of a letter wants to be told. RFC 3461 §4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyOn {
    /// When it was delivered.
    Success,
    /// When it could not be.
    Failure,
    /// When it is late.
    Delay,
    /// Not at all; it stands alone.
    Never,
}

/// NOTIFY as these say; `None` where nothing is asked.
pub fn notify(on: &[NotifyOn]) -> Option<Notify> {
    let wants = |what| on.contains(&what);
    let (success, failure, delay) =
        (wants(NotifyOn::Success), wants(NotifyOn::Failure), wants(NotifyOn::Delay));
    (!on.is_empty()).then_some(Notify { success, failure, delay })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_queue_is_as_usual_but_for_what_is_said() {
        assert_eq!(QueueSpec::default().manner(), Manner::default());
        let spec =
            QueueSpec { retry: vec!["5m".to_owned()], give_up: "1h".to_owned(), ..QueueSpec::default() };
        let manner = spec.manner();
        assert_eq!(
            (manner.retry, manner.give_up),
            (vec![Duration::from_secs(300)], Duration::from_secs(3600))
        );
        assert_eq!((spec.unreadable(), manner.warn), (None, Manner::default().warn));
        for wrong in ["soon", "0m", ""] {
            let spec = QueueSpec { retry: vec![wrong.to_owned()], ..QueueSpec::default() };
            assert_eq!(spec.unreadable(), Some(("retry", wrong)));
        }
        assert_eq!(notify(&[]), None);
        assert_eq!(notify(&[NotifyOn::Never]), Some(Notify::default()));
    }
}
