//! The walk up the tree of the DNS: `_dmarc.a.b.example.com`, `_dmarc.b.example.com`, … to the top (RFC 9989 §4.10).

use super::record::{Record, Suffix};
use crate::base::Asked;
use crate::proto::policy::{Answer, Known, Question, Rtype, asked, name};

/// From longer names than this the walk jumps to this many labels: eight questions at most (RFC 9989 §4.10).
const LABELS: usize = 7;

/// A record on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The domain it is of.
    pub domain: String,
    /// As it stands.
    pub text: String,
    /// What it says.
    pub record: Record,
}

/// What was found on the way up, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Records.
    pub found: Vec<Found>,
    /// What was asked.
    pub asked: Vec<Asked>,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    /// At the top, or at a record that says that it is the last.
    Done(Walk),
    /// Where the DNS gave no answer: what was asked, and why there was none.
    NoAnswer(Vec<Asked>, String),
}

/// Walk up from a domain.
pub fn up(domain: &str, known: &Known) -> Result<Walked, Question> {
    let mut walk = Walk::default();
    let labels: Vec<&str> = name::bare(domain).split('.').collect();
    // A name of one label is nobody's own.
    let mut count = if labels.len() < 2 { 0 } else { labels.len() };
    while count > 0 {
        let here = labels[labels.len() - count..].join(".");
        let place = format!("_dmarc.{here}");
        let answer = known.get(&place, Rtype::Txt)?;
        walk.asked.push(asked(&place, Rtype::Txt, answer));
        if let Answer::Failed(why) = answer {
            return Ok(Walked::NoAnswer(walk.asked, why.clone()));
        }
        let mut records = answer.texts().filter_map(|text| Record::read(text).map(|record| (text, record)));
        // "If … multiple DMARC Policy Records are returned, they are all discarded."
        if let (Some((text, record)), None) = (records.next(), records.next()) {
            let last = record.suffix != Suffix::Unsaid;
            walk.found.push(Found { domain: here, text: String::from_utf8_lossy(text).into_owned(), record });
            if last {
                break;
            }
        }
        count = if count > LABELS { LABELS } else { count - 1 };
    }
    Ok(Walked::Done(walk))
}

impl Walk {
    /// The organization's own domain (RFC 9989 §4.10.2): of a record with `psd=n`; one label below one with `psd=y`;
    /// else of the record with the fewest labels; without any record the domain itself.
    pub fn organization(&self, start: &str) -> String {
        for found in &self.found {
            match found.record.suffix {
                Suffix::No => return found.domain.clone(),
                Suffix::Yes if !name::same(&found.domain, start) => return one_below(&found.domain, start),
                _ => {}
            }
        }
        self.found.last().map_or_else(|| name::bare(start).to_owned(), |found| found.domain.clone())
    }
}

/// The domain one label below `parent`, on the way down to `start`.
fn one_below(parent: &str, start: &str) -> String {
    let labels: Vec<&str> = name::bare(start).split('.').collect();
    let keep = (parent.split('.').count() + 1).min(labels.len());
    labels[labels.len() - keep..].join(".")
}
