//! What hosts state and people do, between the lines of the wire: `● queued at mail.example.com as 1A`.

use super::{Detail, Plain};
use crate::base::Instant;
use crate::explain::surroundings::MOST_CONNS;
use crate::explain::{Item, facts};
use crate::trace::Fact;
use crate::view::Cast;
use crate::view::clock;
use crate::view::headline;
use crate::view::page::{Label, prose};
use std::io::{self, Write};
use std::time::Duration;

/// So many statements are told as one.
const MAX_KEPT: usize = 16;

/// A statement that waits for others like it: when, which host, what, and in words.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    at: Instant,
    host: String,
    fact: Fact,
    text: String,
}

impl<W: Write> Plain<W> {
    /// A fact or an act in its row.
    pub(super) fn news(
        &mut self,
        (label, mark): (Label, &str),
        elapsed: Option<Duration>,
        text: &str,
    ) -> io::Result<()> {
        let time = elapsed.map_or(String::new(), clock::elapsed);
        let margin = self.layout.timed("", &time, (label, mark));
        // A person's act is a line of the story; a host's statement is read in passing, unless it says no.
        let look = match label {
            Label::Intent => Label::Pause,
            Label::Refusal => Label::Refusal,
            _ => Label::Note,
        };
        self.prose(&margin, look, text)
    }

    /// What stood there before the story began, and in brief what another line has told: left out.
    pub(super) fn is_furniture(&self, cast: &Cast, item: &Item) -> bool {
        if let Item::Step(step, _) = item {
            // The plain words stand above; how much crossed the wire is told when the connection ends.
            return self.options.detail == Detail::Brief && headline::is_carrier(step);
        }
        let Item::Fact { at, fact, .. } = item else { return false };
        match fact {
            // In a lab the clock runs on while mailboxes are made, and nothing was told before.
            Fact::MailboxCreated { .. } => {
                self.options.detail != Detail::Full && (*at == cast.start || self.last.is_none())
            }
            // The letter was handed on, delivered or given up in the line before.
            Fact::Dequeued { .. } => self.options.detail == Detail::Brief,
            _ => false,
        }
    }

    /// A record is not shown: how much it carried is remembered.
    pub(super) fn weigh(&mut self, item: &Item) {
        if let Item::Step(step, _) = item {
            let (records, bytes) = self.carried.entry(step.conn).or_default();
            *records += 1;
            *bytes += step.bytes.len() as u64;
            if self.carried.len() > MOST_CONNS {
                self.carried.pop_first();
            }
        }
    }

    /// In brief, what a resolver remembers is told in one line for several answers: keep it until all are there.
    pub(super) fn keep(&mut self, cast: &Cast, item: &Item) -> io::Result<bool> {
        let Item::Fact { at, host, fact, text } = item else { return Ok(false) };
        let resolver = matches!(fact, Fact::ResolverCached { .. } | Fact::ResolverHit { .. });
        if self.options.detail != Detail::Brief || !resolver {
            return Ok(false);
        }
        let host = cast.called(&prose(host)).to_owned();
        let like = |first: &Kept| {
            first.host == host && std::mem::discriminant(&first.fact) == std::mem::discriminant(fact)
        };
        if !self.kept.first().is_none_or(like) || self.kept.len() >= MAX_KEPT {
            self.tell_kept(cast)?;
        }
        self.kept.push(Kept { at: *at, host, fact: fact.clone(), text: text.clone() });
        Ok(true)
    }

    /// Tell what was kept.
    pub(super) fn tell_kept(&mut self, cast: &Cast) -> io::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let Some(first) = kept.first() else { return Ok(()) };
        self.pause(first.at.since(cast.start))?;
        self.chapter()?;
        let facts: Vec<(Instant, &Fact)> = kept.iter().map(|k| (k.at, &k.fact)).collect();
        if let Some(text) = facts::together(&first.host, &facts) {
            return self.news((Label::Fact, "●"), Some(first.at.since(cast.start)), &prose(&text));
        }
        kept.iter().try_for_each(|one| {
            self.news((Label::Fact, "●"), Some(one.at.since(cast.start)), &prose(&one.text))
        })
    }
}
